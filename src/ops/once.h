/* What all changing operations make of their silt_commit_options.
 * @see docs/exactly-once.md, "The rules of the commit" */
#ifndef SILT_OPS_ONCE_H
#define SILT_OPS_ONCE_H

#include "silt/commit.h"
#include "table/txn.h"

/* Options as given (NULL: none), checked by themselves. INVALID. */
silt_status silt_commit_take(const silt_commit_options *given, silt_commit_options *out,
                             silt_error *err);
/* App txn, metadata, properties, run and retry policy of a txn; what else it has stays. INVALID: a
 * property that isn't NAME=VALUE. */
silt_status silt_commit_tell(const silt_commit_options *from, silt_arena *arena,
                             silt_txn_options *out, silt_error *err);

/* "NAME=VALUE" texts (NULL-terminated, may be NULL) as pairs; `what` they are. INVALID. */
silt_status silt_commit_pairs(const char *what, const char *const *texts, silt_arena *arena,
                              silt_pairs *out, silt_error *err);

typedef enum silt_once {
    SILT_ONCE_OPEN, /* it has not happened as of the snapshot */
    SILT_ONCE_DONE,
    SILT_ONCE_OVERTAKEN /* a higher number was committed, and no commit with this one is known */
} silt_once;

/* Whether the number was committed, and by which commit: `*version`, -1: not known. FENCED where it
 * was overtaken and that is to be an error. */
silt_status silt_commit_once(const silt_commit_options *commit, const silt_snapshot *snapshot,
                             silt_once *out, int64_t *version, silt_error *err);
/* The first question of these only: what the snapshot knows. */
bool silt_commit_is_past(const silt_commit_options *commit, const silt_snapshot *snapshot);

#endif
