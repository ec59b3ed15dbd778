/* Rejects: the rows that no table took, as a Delta table under the checkpoint path, and exactly as
 * often as their batches happened.
 *
 * Invariants
 *  (1) Rows that a batch rejects are staged as an object of the attempt before its ledger is
 *      written, which names it. Nobody sees them yet.
 *  (2) They are put into the table once the target's log says that the batch happened, by a commit
 *      with `txn <appId>` = N, in order of N; so once, whoever does it and however often.
 *  (3) The tracker knows of a batch only when its rejects stand in the table. Staged objects of
 *      committed batches stay: the table can be made anew from them.
 *  (4) At the same place rejects that are open still are marked: replayed by a batch, or superseded
 *      by one with which the rows of their file's batch have gone. */
#ifndef SILT_LOAD_REJECTS_H
#define SILT_LOAD_REJECTS_H

#include "load/compare.h"

#define SILT_REJECTS_DIR "rejects"

/* Before the ledger: the rows in a local file of NDJSON, which goes. `key`: where they are then. */
silt_status silt_rejects_stage(silt_load *load, const silt_target *target, int64_t number,
                               const char *attempt, const char *local_path, silt_arena *arena,
                               const char **key, silt_error *err);
/* An attempt that can't be committed any more has left some. */
void silt_rejects_clean(silt_load *load, const silt_target *target, int64_t number,
                        const char *attempt);

/* After the commit: put the rejects of ledgers, newest first, into the table, unless they are
 * there. */
silt_status silt_rejects_publish(silt_load *load, const silt_target *target,
                                 const silt_ledger *chain, size_t count, silt_error *err);

/* A reject that is open. */
typedef struct silt_reject_row {
    const char *id, *source_file;
    const char *row_json; /* a line */
} silt_reject_row;
typedef struct silt_rejects {
    silt_reject_row *items; /* in the arena */
    size_t count;
    size_t mended;      /* open ones that were mended, whether they are among the items or not */
    int64_t unreadable; /* open ones without row_json, which are none of the items */
} silt_rejects;

/* Open rejects of a table: of a batch (-1: all), of a source file (NULL: all), or those that
 * `mended` (reject id → row; may be NULL) has a row for. Of these the first `limit` behind `after`
 * (NULL: from the start), in an order of their own: by source file, versions of a table as they
 * follow each other, so that the last one of a key counts. Memory: twice `limit`. */
silt_status silt_rejects_read(silt_load *load, const silt_target *target, int64_t batch_id,
                              const char *source_file, silt_map64 *mended,
                              const silt_reject_row *after, size_t limit, silt_arena *arena,
                              silt_rejects *out, silt_error *err);

/* Each staged object of the target's that no batch which has happened names, and nobody can be
 * about to commit by its age; with `remove` it goes. Where a ledger is missing, what it may have
 * named stays. `comparison` has the chain; NULL: that is read if there is such an object at all. */
silt_status silt_rejects_orphans(silt_load *load, const silt_target *target,
                                 const silt_comparison *comparison, bool remove, silt_orphan_fn *fn,
                                 void *ctx, silt_error *err);

/* Whether the table has the rejects that the chain of ledgers says; what differs is told. */
silt_status silt_rejects_compare(silt_load *load, const silt_target *target,
                                 const silt_comparison *comparison, silt_lines *lines,
                                 silt_error *err);

#endif
