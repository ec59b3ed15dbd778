/* The local file system as a store; shared by file*.c and what opens or breaks one. */
#ifndef SILT_STORE_FILE_H
#define SILT_STORE_FILE_H

#include <limits.h>

#include "store/store.h"

typedef struct silt_store_file {
    silt_store base;
    char *uri;
    char *root;   /* absolute, no '/' at its end ("" is the root of the file system) */
    bool durable; /* fsync, or leave it to the kernel */
} silt_store_file;

/* A store under the folder `root` (absolute or relative; needn't exist). */
silt_status silt_store_file_new(const char *root, const char *uri, bool durable, silt_store **out,
                                silt_error *err);

/* For fault.c: what a process that is killed in the middle of a put leaves. UNSUPPORTED: not a file
 * store. */
silt_status silt_store_file_leave_half(silt_store *store, const char *key, silt_bytes body,
                                       silt_error *err);

/* ---- between file*.c */

/* The path of an object, the key checked. */
silt_status silt_store_file_path(const silt_store_file *store, const char *key, char out[PATH_MAX],
                                 silt_error *err);

/* An errno of reading at `path`: NOT_FOUND where nothing can be there, but IO where that's because
 * the store's own root isn't a folder. */
silt_status silt_store_file_fail_read(const silt_store_file *store, int errnum, const char *what,
                                      const char *path, silt_error *err);

silt_status silt_store_file_list(silt_store *store, const char *prefix, const char *start_after,
                                 bool recursive, silt_list_fn *fn, void *ctx, silt_error *err);
silt_status silt_store_file_put(silt_store *store, const char *key, silt_bytes body,
                                silt_error *err);
silt_status silt_store_file_put_hint(silt_store *store, const char *key, silt_bytes body,
                                     silt_error *err);
silt_status silt_store_file_put_new(silt_store *store, const char *key, silt_bytes body,
                                    silt_error *err);
silt_status silt_store_file_put_file(silt_store *store, const char *key, const char *local_path,
                                     silt_error *err);

#endif
