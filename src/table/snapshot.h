/* What the layers above see of a snapshot beyond include/silt/snapshot.h. */
#ifndef SILT_TABLE_SNAPSHOT_H
#define SILT_TABLE_SNAPSHOT_H

#include "log/log.h"
#include "silt/snapshot.h"

SILT_DEFINE_AUTO(silt_snapshot, silt_snapshot_free)

/* Lives with the snapshot. file_count and size_bytes are -1 where only the files would tell. */
const silt_log_state *silt_snapshot_state(const silt_snapshot *snapshot);
silt_store *silt_snapshot_store(const silt_snapshot *snapshot);
silt_engine *silt_snapshot_engine(const silt_snapshot *snapshot);

/* The files as adds, newest commit first; read from the log on first use. They live with the
 * snapshot. */
silt_status silt_snapshot_adds(silt_snapshot *snapshot, const silt_add **out, size_t *count,
                               silt_error *err);

/* The same files, whose stats and tags may be NULL: half the memory and time, as long as nobody
 * asks for the whole. They are others than silt_snapshot_adds(), in the same order. */
silt_status silt_snapshot_adds_lean(silt_snapshot *snapshot, const silt_add **out, size_t *count,
                                    silt_error *err);

/* As silt_snapshot_adds_lean(), once `fn` has been shown each with its stats: what is to be known
 * of the stats of very many files, without holding them all. The first file (index 0) may be shown
 * again, and all after it, where a checkpoint couldn't be read to its end. `fn` must use neither
 * engine nor snapshot. */
silt_status silt_snapshot_adds_shown(silt_snapshot *snapshot, silt_log_file_fn *fn, void *ctx,
                                     const silt_add **out, size_t *count, silt_error *err);

/* The files that may hold rows within all of `ranges` (partition values and stats; files whose
 * stats don't say are kept), as indexes into silt_snapshot_adds(). */
struct silt_key_range;
silt_status silt_snapshot_prune(silt_snapshot *snapshot, const struct silt_key_range *ranges,
                                size_t range_count, silt_arena *arena, const size_t **out,
                                size_t *count, silt_error *err);

/* ---- when commits were made (commit_time.c)
 *
 * A commit's time is its in-commit timestamp from the version on where the table has these enabled;
 * else the time of its file, moved to a millisecond after the commit before it where it isn't
 * later: times grow with versions.
 * @see PROTOCOL.md, "In-Commit Timestamps", "Recommendations for Readers" */

/* The last commit at or before `timestamp_ms`; with `round_up` the first one at or after it. Only
 * commits whose JSON still stands have a time. Cost: one listing and the state of the latest
 * version; with in-commit timestamps the heads of as many commits as a binary search asks for.
 * NOT_FOUND: there is none (the message says which is the first, or with `round_up` the last one,
 * and when it was made), or no table. */
silt_status silt_table_version_at(silt_store *store, silt_engine *engine, int64_t timestamp_ms,
                                  bool round_up, int64_t *version, int64_t *version_timestamp_ms,
                                  silt_error *err);

/* The times of the commits `from` to `to` (both included), by version - from, in the arena. Cost:
 * as above, but the head of each commit of the range with an in-commit timestamp. NOT_FOUND: a
 * commit of the range isn't there (any more). */
silt_status silt_table_commit_times(silt_store *store, silt_engine *engine, int64_t from,
                                    int64_t to, silt_arena *arena, const int64_t **ms,
                                    silt_error *err);

/* ---- between the files of table/ */

/* Called with each commit of others, oldest first, before it is applied; anything but SILT_OK ends
 * the advance with it. Actions live for the call. */
typedef silt_status silt_commit_fn(void *ctx, int64_t version, const silt_action *actions,
                                   size_t count, silt_error *err);

/* The newest snapshot that can be had by reading one commit after another until there is none: one
 * get a commit and one more. `fn` may be NULL. The snapshot's time is that of the last commitInfo.
 */
silt_status silt_snapshot_advance(silt_snapshot *from, silt_commit_fn *fn, void *ctx,
                                  silt_snapshot **out, silt_error *err);

/* A table before its first commit: version -1, no files. */
silt_status silt_snapshot_nothing(silt_store *store, silt_engine *engine, silt_snapshot **out,
                                  silt_error *err);

/* The snapshot as it is after the next commit, which is ours: nothing is read. `size_bytes` of its
 * file. */
silt_status silt_snapshot_committed(silt_snapshot *from, const silt_action *actions, size_t count,
                                    int64_t size_bytes, int64_t now_us, silt_snapshot **out,
                                    silt_error *err);

/* When the snapshot was last known to be the newest, µs since 1970; 0: never. */
int64_t silt_snapshot_checked_us(const silt_snapshot *snapshot);

/* Whether the whole log is few and small commits, so that counting files costs next to nothing. */
bool silt_snapshot_is_small(const silt_snapshot *snapshot);

/* What stands in the log since the newest checkpoint, and when to look at that again. */
typedef struct silt_log_tail {
    int64_t checkpoint_version; /* -1: none */
    int64_t checkpoint_bytes;   /* -1: not known yet */
    int64_t commit_bytes;       /* of the commits behind it, about */
    int64_t look_again;         /* before this version there is nothing to do */
} silt_log_tail;
silt_log_tail silt_snapshot_tail(silt_snapshot *snapshot);
void silt_snapshot_set_tail(silt_snapshot *snapshot, silt_log_tail tail);

#endif
