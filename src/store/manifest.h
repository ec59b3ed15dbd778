/* Manifests: lists of source files. */
#ifndef SILT_STORE_MANIFEST_H
#define SILT_STORE_MANIFEST_H

#include "base/base.h"

typedef struct silt_manifest_file {
    const char *path;   /* absolute, or as the manifest's own path is; normalised */
    int64_t size_bytes; /* -1: it doesn't say */
    const char *hash;   /* XXH3-128, 32 hexadecimal digits in lower case; NULL: it doesn't say */
} silt_manifest_file;

typedef struct silt_manifest {
    const silt_manifest_file *files; /* each path once, by path */
    size_t count;
} silt_manifest;

#define SILT_MANIFEST_BYTES_MAX (INT64_C(256) << 20)

/* Read a list of files: by its name JSON (an array of paths or of objects with path, size, hash),
 * CSV (a header with path, maybe size and hash), else a path a line. Relative paths are against the
 * manifest's folder. NOT_FOUND: there is no manifest; INVALID: which line or item, and why. */
silt_status silt_manifest_read(const char *path, silt_arena *arena, silt_manifest *out,
                               silt_error *err);

#endif
