/* Which source files there are: globs over local folders, in a fixed order. */
#ifndef SILT_STORE_DISCOVER_H
#define SILT_STORE_DISCOVER_H

#include "base/base.h"

typedef enum silt_file_order {
    SILT_ORDER_NAME, /* byte order of the paths */
    SILT_ORDER_MTIME /* oldest first; equal times by path */
} silt_file_order;

/* One source file. The path is the identity of a file in tracker, ledger and `_source_file`. */
typedef struct silt_found_file {
    const char *path; /* as matched: absolute or not as the pattern is, "." and "//" removed, links
                         not resolved */
    int64_t size_bytes;
    int64_t mtime_ns;       /* since 1970 UTC */
    const char *hash;       /* XXH3-128 that a manifest says it has; NULL: none */
    const char *local_path; /* where its content is; NULL: at its path */
    bool made;              /* a version of a table, whose content is made when it is needed */
} silt_found_file;

static inline const char *silt_found_local(const silt_found_file *file)
{
    return file->local_path ? file->local_path : file->path;
}

typedef struct silt_found {
    const silt_found_file *files; /* each path once, in the order asked for */
    size_t count;
    size_t unsettled; /* files that match but are younger than settle_ms, or whose marker isn't
                         there */
} silt_found;

typedef struct silt_discover_spec {
    const char *const *patterns; /* see store/glob.h, "**" any folders; a pattern without wildcards
                                    names a file, or a folder whose files are all meant */
    size_t pattern_count;
    const char *manifest; /* a list of files instead, see store/manifest.h; NULL: none */
    bool recursive;       /* the last part of each pattern matches in every folder below, too */
    silt_file_order order;
    int64_t settle_ms;  /* only files that were last changed this long before now_ns */
    int64_t max_age_ms; /* files that were last changed before that aren't looked at; 0: all are */
    const char *marker; /* name of a file that stands in a folder once its files are whole, e.g.
                           "_SUCCESS"; NULL: none is asked for */
    int64_t now_ns;     /* since 1970 UTC */
} silt_discover_spec;

/**
 * List regular files (or links to some) that match. No part below the fixed beginning of a pattern
 * may start with '.' or '_' or end in ".tmp": such files and folders are never looked at. Links to
 * folders are followed but not by "**" and `recursive`, so that there are no circles.
 *
 * A pattern that matches nothing is fine. Cost: one listing of each folder that can hold matches,
 * one stat a match.
 *
 * @return NOT_FOUND the fixed folder of a pattern doesn't exist: err names the pattern and it
 *         DENIED    a folder can't be listed, err names it
 *         INVALID   a pattern is malformed ('[' or '{' without its end, too many braces)
 * Of a manifest: NOT_FOUND also: files that it lists aren't there; CHANGED: they are of another
 * size than it says; INVALID: it can't be understood.
 */
silt_status silt_discover(const silt_discover_spec *spec, silt_arena *arena, silt_found *out,
                          silt_error *err);

/* Size and time of one file now. CHANGED: it is gone or no regular file any more; DENIED, IO. */
silt_status silt_discover_stat(const char *path, silt_found_file *out, silt_error *err);

/* `path` against `base` (absolute folder; NULL: leave it relative), with "." and "//" removed. ".."
 * stays where it is, since a link may stand before it. NULL when out of memory. */
char *silt_path_normalise(const char *base, const char *path, silt_arena *arena);

#endif
