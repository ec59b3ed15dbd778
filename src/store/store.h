/* What all kinds of store share: cleanup, keys, and shorthands over the vtable. */
#ifndef SILT_STORE_STORE_H
#define SILT_STORE_STORE_H

#include "base/base.h"
#include "silt/store.h"

SILT_DEFINE_AUTO(silt_store, silt_store_free)

/* Names that no key has: what a store writes before it is whole. Never listed. */
#define SILT_STORE_TEMP_PREFIX ".silt-tmp-"

/* INVALID unless `key` is one as silt/store.h says. Every backend asks first of all. */
silt_status silt_store_check_key(const char *key, silt_error *err);
/* The same for a listing's folder: "" or a key and '/'. */
silt_status silt_store_check_prefix(const char *prefix, silt_error *err);
/* The same for the range of a get. */
silt_status silt_store_check_range(const char *key, int64_t offset, int64_t length,
                                   silt_error *err);

/* "name" or "name=value" pairs are refused, but for those in `known` (NULL-terminated). INVALID;
 * the message has the name only, a value may be a secret. */
silt_status silt_store_check_options(const silt_store_options *opts, const char *const *known,
                                     silt_error *err);

/* The path a file URI means, percent-decoded; a plain path as it is. INVALID, UNSUPPORTED. */
silt_status silt_store_uri_path(const char *uri, silt_arena *arena, const char **out,
                                silt_error *err);

/* ---- shorthands */
static inline silt_status silt_store_get_all(silt_store *store, const char *key, silt_arena *arena,
                                             silt_bytes *out, silt_error *err)
{
    return store->ops->get(store, key, 0, -1, arena, out, err);
}

/* NULL: the store has no local paths (or memory is out). */
static inline const char *silt_store_local_path(silt_store *store, const char *key,
                                                silt_arena *arena)
{
    return store->ops->local_path ? store->ops->local_path(store, key, arena) : NULL;
}

/* One head. */
silt_status silt_store_exists(silt_store *store, const char *key, bool *out, silt_error *err);

#endif
