/* Inside runs: the record as a Delta table, a row a run.
 *
 * Layout: a run that is at work has a data file of its own, so that each attempt replaces one small
 * file; files of runs that have ended are put together when there are many. */
#ifndef SILT_LOAD_RUN_LOG_H
#define SILT_LOAD_RUN_LOG_H

#include "base/json.h"
#include "base/seam.h"
#include "load/lock.h"
#include "load/process.h"
#include "silt/run.h"
#include "silt/scan.h"
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
    const char *pipeline;  /* whose run it is; NULL: a run of changes */
    const silt_json *json; /* as it was read; NULL: it wasn't */
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
    const silt_clock *clock; /* NULL: the system's */
    silt_store *state;       /* whose lock tells of a run that didn't end; NULL: none does */
    const char *pipeline;    /* of that lock */
    int64_t keep_from_us;    /* runs of pipelines that began before may be forgotten */
    bool compacted;          /* files were put together, so that others are of no use any more */
    char session[SILT_UUID_SIZE];
    silt_run_step *steps; /* that were begun, and haven't ended */
};

SILT_DEFINE_AUTO(silt_run_log, silt_run_log_free)

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
/* By its name; what isn't known is unsure. */
silt_run_outcome silt_run_outcome_of(const char *name);
/* Members: a time in µs or null (-1), a version or null; and a time back. */
void silt_run_put_time(silt_json_writer *w, const char *key, int64_t us);
void silt_run_put_version(silt_json_writer *w, const char *key, int64_t version);
int64_t silt_run_time_of(const silt_json *object, const char *key);

/* ---- runs of pipelines (history_row.c) */

/* Its members but for batches, and parts of them; -1 is written as null. */
void silt_run_history_put_members(silt_json_writer *w, const silt_run_record *record);
/* As a line of JSON, with its end. */
void silt_run_history_row_write(const silt_run_record *record, silt_buf *out);
/* What a row of a pipeline says: all that `json` has. */
silt_status silt_run_history_row_tell(const silt_json *json, silt_arena *arena,
                                      silt_run_record *out, silt_error *err);
/* Write a run of a pipeline down. `is_new`: there surely was no row of it when the log was last
 * refreshed; `keep`: a row that is there already stays as it is. */
silt_status silt_run_history_put(silt_run_log *log, const silt_run_record *record, bool is_new,
                                 bool keep, silt_error *err);
/* What a lock says of the run it is held for: running, crashed, or (its owner can't be seen)
 * unsure. Texts live in the arena. NOMEM. */
silt_status silt_run_history_of_lock(const silt_lock_info *lock, const char *pipeline,
                                     silt_arena *arena, silt_run_record *out, silt_error *err);
/* The run that the pipeline's lock is held for; `*found` false: it isn't, or not for one. */
silt_status silt_run_history_look(silt_run_log *log, silt_arena *arena, silt_run_record *out,
                                  bool *found, silt_error *err);

/* ---- the table (run_log.c) */

/* Look at the table anew; log->snapshot stays NULL where there is none. */
silt_status silt_run_log_refresh(silt_run_log *log, silt_error *err);
/* Rows of the snapshot, each as a line of JSON. */
typedef silt_status silt_run_line_fn(void *ctx, silt_bytes line, silt_error *err);
silt_status silt_run_log_lines(const silt_run_log *log, const silt_scan_options *opts,
                               silt_run_line_fn *fn, void *ctx, silt_error *err);
/* The row of a run in the snapshot; `*found` false: there is none. To be released by the caller. */
silt_status silt_run_log_find(silt_run_log *log, const char *id, silt_arena *arena,
                              silt_run_row *out, bool *found, silt_error *err);
/* Put a row (as a line) in the place of the run's, as it was in the snapshot; CONFLICT: the table
 * has changed since. The table is made where there is none. `is_new`: there surely is no row of the
 * run, so that none is looked for. */
silt_status silt_run_log_put(silt_run_log *log, const char *id, const silt_buf *line, bool is_new,
                             silt_error *err);
/* So that those who met once don't meet again. */
void silt_run_log_wait(const silt_run_log *log, int tries);
#define SILT_RUN_TRIES 50 /* of a change of the table, which others change too */

/* ---- attempts that didn't end (run_step.c) */

/* Ask their tables. `table` (may be NULL) is one that is open. `*busy`: one that may still be at
 * work, and was left alone; NULL: none is. `take_over`: those of other hosts don't count. */
silt_status silt_run_settle(silt_run_log *log, silt_run_row *row, silt_store *table, bool take_over,
                            silt_arena *arena, const silt_run_try **busy, silt_error *err);
/* What a table is called in the record: its full path, or its URL. NULL: out of memory. */
const char *silt_run_table_name(silt_store *table, silt_arena *arena);

#endif
