/* The files of a table at one version, carried from one snapshot to the next without copying.
 *
 * A set is a list as of some version and the changes since, which are applied when somebody asks.
 * Snapshots of one lineage share lists and strings; both are counted, so that they may be given
 * back in any order and thread. A set is a cache: one that isn't known is read from the log when it
 * is needed. */
#ifndef SILT_TABLE_FILES_H
#define SILT_TABLE_FILES_H

#include "log/action.h"

/* An arena with a count of its users, and the older ones that it leans on. */
typedef struct silt_shared silt_shared;

typedef struct silt_file_list silt_file_list;   /* counted, immutable */
typedef struct silt_file_delta silt_file_delta; /* what one commit changed, in a shared arena */

/* {0}: not known. */
typedef struct silt_file_set {
    silt_shared *memory;           /* of all strings and of the deltas */
    silt_file_list *list;          /* NULL: not known */
    const silt_file_delta *deltas; /* newest first; to be applied to `list` */
    size_t delta_count;
} silt_file_set;

void silt_file_set_release(silt_file_set *set);

/* A known set of the files `items`, which are in `arena` with all they point to. It takes the
 * arena, on failure too. */
silt_status silt_file_set_init(silt_file_set *set, silt_arena *arena, const silt_add *items,
                               size_t count, silt_error *err);

/* The same set, for another snapshot; both are to be released. */
silt_file_set silt_file_set_share(const silt_file_set *set);

/* Note what a commit changed (its adds and removes, copied). Nothing to do for a set that isn't
 * known; after very many changes that nobody asked for, it becomes one. */
silt_status silt_file_set_change(silt_file_set *set, const silt_action *actions, size_t count,
                                 silt_error *err);

/* Apply the changes, so that silt_file_set_items() is up to date. `set` is known. */
silt_status silt_file_set_settle(silt_file_set *set, silt_error *err);

/* Newest commit first. `set` is known and settled. */
const silt_add *silt_file_set_items(const silt_file_set *set, size_t *count, int64_t *size_bytes);

/* What tells a file apart: its path as silt_path_canonical() gives it (it may be `path` itself),
 * and its deletion vector's id if `with_dv`. NULL: out of memory. */
const char *silt_file_identity(const char *path, const silt_dv *dv, bool with_dv,
                               silt_arena *arena);

#endif
