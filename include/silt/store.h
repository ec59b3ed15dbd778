/* Store: named objects in a place (a folder, a bucket, memory). Knows nothing of tables.
 *
 * Keys are relative paths with '/', no leading or trailing '/', no empty, "." or ".." part and no
 * part that starts with ".silt-tmp-" (kept for the stores themselves); any other byte but NUL is
 * allowed and nothing is ever escaped here. Threads: every operation may be called from any thread,
 * with an arena and an error of its own. */
#ifndef SILT_STORE_H
#define SILT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "silt/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct silt_store silt_store;

typedef struct silt_object {
    const char *key;
    int64_t size_bytes;
    int64_t mtime_ns; /* since 1970 UTC; ms precision on object stores */
    const char *etag; /* NULL where the store has none */
} silt_object;

/* Called for each object of a listing in order; return false to end the listing. The object is
 * borrowed for the call. It may call the store again. */
typedef bool silt_list_fn(void *ctx, const silt_object *object);

/* What a kind of store implements. Every operation is required unless it says optional.
 * Statuses common to all: INVALID (a malformed key, nothing was done), DENIED, IO, NOSPACE,
 * TIMEOUT, NOMEM. A failed call leaves `out` as it was. Only puts may answer UNSURE: the object may
 * or may not stand there; any other failure of a put says that nothing was changed and nothing will
 * be. */
typedef struct silt_store_ops {
    const char *kind; /* "file", "memory", "s3", …; a wrapper has that of the store below it */

    /* Read `length` bytes (-1: to the end) from `offset`; fewer when the object ends before, none
     * when it starts behind the end. The bytes live in `arena` and are followed by a NUL that isn't
     * counted. NOT_FOUND. */
    silt_status (*get)(silt_store *, const char *key, int64_t offset, int64_t length,
                       silt_arena *arena, silt_bytes *out, silt_error *);

    /* All objects whose key starts with the folder `prefix` ("" or ending in '/') and is greater
     * than `start_after` (any text; NULL: all), in byte order of their keys. `recursive` false:
     * objects directly in the folder only. A missing folder is empty, not an error. Temporary files
     * of the store don't appear. Objects put or removed while the listing runs may or may not
     * appear. */
    silt_status (*list)(silt_store *, const char *prefix, const char *start_after, bool recursive,
                        silt_list_fn *fn, void *ctx, silt_error *);

    /* Size and time of one object, `out->key` = key, in the arena. NOT_FOUND. */
    silt_status (*head)(silt_store *, const char *key, silt_arena *arena, silt_object *out,
                        silt_error *);

    /* Write, replacing what is there; readers see the old or the new object, whole. Durable on
     * return unless the store was opened with no_durability. UNSURE: no answer. */
    silt_status (*put)(silt_store *, const char *key, silt_bytes body, silt_error *);

    /* As put, but a power loss may take it back, or leave anything in its place: for what nothing
     * depends on, and readers check. */
    silt_status (*put_hint)(silt_store *, const char *key, silt_bytes body, silt_error *);

    /* Write if the name is free, atomically and durably. EXISTS: taken, nothing changed. UNSURE: no
     * answer; read back, don't put again. UNSUPPORTED: the place has no such operation. */
    silt_status (*put_new)(silt_store *, const char *key, silt_bytes body, silt_error *);

    /* Move a local file into the store, as put: on success the source is gone, on any failure but
     * UNSURE it is still there. NOT_FOUND: it isn't there. INVALID: it isn't a regular file. */
    silt_status (*put_file)(silt_store *, const char *key, const char *local_path, silt_error *);

    /* Make an object readable as a local file at `local_path`, replacing what is there. Only for
     * reading: a store with local paths links. Not durable. NOT_FOUND: no such object. */
    silt_status (*get_file)(silt_store *, const char *key, const char *local_path, silt_error *);

    /* Delete; a missing object is fine. After a power loss the object may stand there again. */
    silt_status (*remove)(silt_store *, const char *key, silt_error *);

    /* Optional. The path of an object in the local file system ("" = the root), whether it exists
     * or not; NULL when out of memory or the key is malformed, or where this object is only to be
     * had by get_file. NULL member: the store has none. */
    const char *(*local_path)(silt_store *, const char *key, silt_arena *arena);

    void (*free)(silt_store *);
} silt_store_ops;

/* A store's first member. `uri` is what it was opened by, for messages; never a secret. */
struct silt_store {
    const silt_store_ops *ops;
    const char *uri;
};

typedef struct silt_store_options {
    size_t struct_size;
    const char *const *pairs; /* "key=value" of storage_options, NULL-terminated; may be NULL */
    bool no_durability;       /* skip every fsync: for scratch */
} silt_store_options;
#define SILT_STORE_OPTIONS_INIT                 \
    {                                           \
        sizeof(silt_store_options), NULL, false \
    }

/**
 * Open the store at a path or URI: a plain path (a relative one against the present working folder)
 * or "file:///path", percent-encoded. Nothing is created and no I/O is done: a missing folder shows
 * itself as an empty one, and puts make the folders they need.
 *
 * @param opts NULL for SILT_STORE_OPTIONS_INIT
 * @param out  set on success only; give back with silt_store_free()
 * @return SILT_INVALID a malformed URI or an unknown option; SILT_UNSUPPORTED an unknown scheme
 */
SILT_API SILT_CHECKED silt_status silt_store_open(const char *uri, const silt_store_options *opts,
                                                  silt_store **out, silt_error *err);

/** Give back a store; NULL is fine. A wrapper frees itself, not the store below it. */
SILT_API void silt_store_free(silt_store *store);

/** A new empty in-memory store, for tests and scratch; NULL when out of memory. */
SILT_API silt_store *silt_store_mem_new(void);

#ifdef __cplusplus
}
#endif
#endif
