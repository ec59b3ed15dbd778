/* Recovery: one rule for crashes, zombies, and a tracker that is lost, rolled back or elsewhere.
 *
 * Invariants (docs/exactly-once.md, "Recovery")
 *  (1) The target's log decides whether batch N happened; the ledgers say of which files it was;
 * the tracker only follows. (2) The tracker is read before the target, so that what is decided was
 * true of the tracker. (3) A batch that is open and hasn't happened is fenced before its files are
 * given to another: after the fence's commit it can never happen. (4) What can't be decided is
 * INCONSISTENT, never a load. */
#ifndef SILT_LOAD_RECOVER_H
#define SILT_LOAD_RECOVER_H

#include "load/load.h"

/* What settling did, for messages and reports. */
typedef struct silt_settled {
    int64_t completed; /* files found to be loaded */
    int64_t pending;   /* files of fenced batches that wait again */
    int64_t fenced;    /* batches */
} silt_settled;

/* Files that a fenced batch gives back as failed. */
typedef struct silt_guilty {
    const char *path;
    const char *why;
} silt_guilty;

/* Until nothing is open and the tracker's last number is the target's. Afterwards the target
 * is as of now. INCONSISTENT: undecidable, or the target went back. `report` is
 * added to. */
silt_status silt_settle(silt_load *load, silt_target *target, silt_settled *report,
                        silt_error *err);

/* Spend a number after `number` (`*spent`) so that no attempt up to it can commit any more, and
 * clean the files of `attempt` (NULL: none) away. CONFLICT: somebody was faster; settle again. */
silt_status silt_fence(silt_load *load, silt_target *target, int64_t number, const char *attempt,
                       silt_ledger_kind kind, int64_t *spent, silt_error *err);

/* V + 1, or behind a number that the tracker has promised before: a target that was deleted or
 * brought back knows nothing of it, and the tracker takes no intent twice. */
int64_t silt_next_number(const silt_load *load, const silt_target *target);

/* Write a ledger of that kind, of `files` (may be none), under the next number that no batch has
 * planned, and not below `*number`. It counts once a commit of the number stands, and that has to
 * be made upon the target as it was last refreshed. */
silt_status silt_take_number(silt_load *load, const silt_target *target, silt_ledger_kind kind,
                             const silt_ledger_file *files, size_t count, int64_t *number,
                             silt_error *err);

/* The highest number that is known to anyone: of the batch after V, which somebody may have planned
 * without our knowing, or one that the tracker knows and a target brought back doesn't. */
int64_t silt_highest_number(const silt_load *load, const silt_target *target);

/* A ledger as above and its commit, in which the rows of `items` go: just so many as these say, or
 * INCONSISTENT and nothing is done. CONFLICT: somebody was faster; look again. */
silt_status silt_take_rows(silt_load *load, silt_target *target, silt_ledger_kind kind,
                           const silt_ledger_file *files, size_t file_count,
                           const silt_evidence *items, size_t item_count, int64_t *number,
                           silt_error *err);

/* Rows of the table's open batch: its number and attempt; false when nothing is open. */
bool silt_open_batch(const silt_load *load, const silt_target *target, int64_t *number,
                     const char **attempt);

/* Give up the own open batch: fence it, then its files wait again, but for the guilty ones, which
 * failed. */
silt_status silt_give_up(silt_load *load, silt_target *target, int64_t number, const char *attempt,
                         const silt_guilty *guilty, size_t guilty_count, silt_error *err);

#define SILT_CRASHES_FAIL \
    10 /* crashes, the last over it alone, from which on it is the file's fault */

/* Crashes of a file since it was last judged, and how many files the last of these batches had; 0
 * without any. They stand in error_message of a row that waits or is tried again. */
void silt_crashes_of(const silt_tracked *row, int64_t *crashes, int64_t *files);

/* Whether the rows of what was loaded still stand: INCONSISTENT when the target was replaced,
 * restored, or somebody deleted rows since our last commit. Cost: the commits since then, and one
 * ledger. */
silt_status silt_check_vouched(silt_load *load, silt_target *target, silt_error *err);

#endif
