/* Inside runs: the record as a Delta table, a row a run.
 *
 * Layout: a run that is at work has a data file of its own, so that each attempt replaces one small
 * file; files of runs that have ended are put together when there are many. */
#ifndef SILT_LOAD_RUN_LOG_H
#define SILT_LOAD_RUN_LOG_H

#include "base/seam.h"
#include "load/process.h"
#include "silt/run.h"
#include "table/txn.h"

/* An attempt, and who made it. */
typedef struct silt_run_try {
    silt_run_attempt told;
    silt_process writer;
    const char *session; /* of the log that it was begun with */
} silt_run_try;

/* A row. Texts live in the arena that it was read into, or are borrowed. */
typedef struct silt_run_row {
    const char *id, *label;
    silt_pairs metadata;
    int64_t started_us;
    SILT_VEC(silt_run_try) tries;
} silt_run_row;

static inline void silt_run_row_release(silt_run_row *row)
{
    silt_vec_free(&row->tries);
}

struct silt_run_log {
    silt_store *store;
    silt_engine *engine;
    silt_arena *arena;
    const char *const *storage_options;
    silt_snapshot *snapshot; /* the newest that was seen; NULL: none yet */
    char session[SILT_UUID_SIZE];
    silt_run_step *steps; /* that were begun, and haven't ended */
};

/* ---- values (run.c) */

/* The same run's id, label and so on, from a row. */
silt_status silt_run_of_row(const silt_run_row *row, int64_t sequence,
                            const silt_diagnostics *diagnostics, silt_run **out, silt_error *err);
/* INVALID: it can't be a run's id. */
silt_status silt_run_id_check(const char *id, silt_error *err);
silt_pairs silt_run_metadata(const silt_run *run);
const silt_diagnostics *silt_run_diagnostics(const silt_run *run);

/* ---- rows (run_row.c) */

/* The table's columns. NULL: out of memory. */
const silt_type *silt_run_schema(silt_arena *arena);
/* A row as a line of JSON, with its end. */
void silt_run_row_write(const silt_run_row *row, silt_buf *out);
/* Back. CORRUPT. */
silt_status silt_run_row_read(silt_bytes line, silt_arena *arena, silt_run_row *out,
                              silt_error *err);
/* What is told of it. NOMEM. */
silt_status silt_run_row_tell(const silt_run_row *row, silt_arena *arena, silt_run_record *out,
                              silt_error *err);
/* The highest number that was tried; -1: none. */
int64_t silt_run_row_highest(const silt_run_row *row);
/* The last try of a number; NULL: it wasn't tried. */
silt_run_try *silt_run_row_last(const silt_run_row *row, int64_t sequence);
/* Whether a number needs no more tries. */
bool silt_run_outcome_is_done(silt_run_outcome outcome);

/* ---- the table (run_log.c) */

/* Look at the table anew; log->snapshot stays NULL where there is none. */
silt_status silt_run_log_refresh(silt_run_log *log, silt_error *err);
/* The row of a run in the snapshot; `*found` false: there is none. To be released by the caller. */
silt_status silt_run_log_find(silt_run_log *log, const char *id, silt_arena *arena,
                              silt_run_row *out, bool *found, silt_error *err);
/* Put a row in the place of the run's, as it was in the snapshot; CONFLICT: the table has changed
 * since. The table is made where there is none. */
silt_status silt_run_log_put(silt_run_log *log, const silt_run_row *row, silt_error *err);

/* ---- attempts that didn't end (run_step.c) */

/* Ask their tables. `table` (may be NULL) is one that is open. `*busy`: one that may still be at
 * work, and was left alone; NULL: none is. `take_over`: those of other hosts don't count. */
silt_status silt_run_settle(silt_run_log *log, silt_run_row *row, silt_store *table, bool take_over,
                            silt_arena *arena, const silt_run_try **busy, silt_error *err);
/* What a table is called in the record: its full path, or its URL. NULL: out of memory. */
const char *silt_run_table_name(silt_store *table, silt_arena *arena);

#endif
