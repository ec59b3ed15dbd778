/* Run history: what each run of a pipeline came to, as a row of the table `runs` (run_log.h) and,
 * where there is something to tell, as a bundle of files (bundle.c).
 *
 * A courtesy: nothing is decided by it, and a failure to write it is a warning.
 *
 * Invariants
 *  (1) A run has one row at most. The one that it writes itself, at its end, is the last word; one
 *      that says "crashed" or "unsure" gives way to it.
 *  (2) The id of a run under way stands in the pipeline's lock. Whoever finds that lock without its
 *      owner writes the row of a run that didn't end.
 *  (3) What is written holds no secret of the pipeline file (secrets.h). */
#ifndef SILT_LOAD_HISTORY_H
#define SILT_LOAD_HISTORY_H

#include "load/load.h"
#include "silt/run.h"
#include "silt/upkeep.h"

#define SILT_RUNS_DIR    "runs"
#define SILT_BUNDLES_DIR "runs-bundles"

typedef struct silt_run_history silt_run_history; /* of the run at work */

/* A batch that was tried. Texts are copied. */
typedef struct silt_run_history_batch {
    const silt_config_table *table;
    int64_t number; /* N */
    const char *attempt;
    silt_run_outcome outcome;
    int64_t files, rows;
    int64_t version;   /* it was committed as; -1: it wasn't */
    int64_t tries;     /* of its commit */
    const char *error; /* why it wasn't; NULL */
    int64_t started_us, ended_us;
} silt_run_history_batch;

/* The history of a run that begins now; load->history is NULL where memory ran out. */
void silt_run_history_begin(silt_load *load, const char *operation);

/* All of these do nothing where no history is kept. */
void silt_run_history_event(silt_load *load, const char *kind, const char *json);
void silt_run_history_add_batch(silt_load *load, const silt_run_history_batch *batch);
/* A table is done with; `target` may be NULL, or not opened. */
void silt_run_history_add_table(silt_load *load, const silt_target *target, silt_run_table *sum);
/* The lock of a run that didn't end was found: it is written down at once, run or not. */
void silt_run_history_add_lost(silt_load *load, const silt_lock_info *lock);

/* Write the run down, as long as its lock is held, and give the history back. `st` and `why` are of
 * the run as a whole. */
void silt_run_history_end(silt_load *load, silt_status st, const silt_error *why,
                          const silt_run_result *result);
/* The same for maintenance. */
void silt_run_history_end_maintain(silt_load *load, silt_status st, const silt_error *why,
                                   const silt_maintain_report *report);

/* Open the pipeline's table of runs; give back with silt_run_log_free(). */
silt_status silt_run_history_open(silt_load *load, silt_run_log **out, silt_error *err);

/* ---- for the bundle (bundle.c) */

typedef SILT_VEC(silt_run_history_batch) silt_run_history_batches;

struct silt_run_history {
    silt_load *load;
    silt_arena *arena;
    const char *operation;
    silt_buf events; /* NDJSON */
    int64_t event_count, events_dropped;
    int64_t flushed_us;               /* when events were last put; 0: never */
    silt_run_history_batches batches; /* SILT_RUN_BATCHES_MAX at most */
    int64_t batch_count;              /* all */
    int64_t takeovers;
    bool told;                       /* something happened that is worth a bundle */
    SILT_VEC(const char *) datasets; /* JSON */
};

/* Put the events so far where they survive the process. */
void silt_bundle_flush(silt_run_history *history);
/* Write the bundle of a run that has ended, and delete the oldest bundles. */
silt_status silt_bundle_write(silt_run_history *history, const silt_run_record *record,
                              const silt_maintain_report *maintained, silt_error *err);
/* Of a run that didn't end, if it left events: they get their manifest. */
silt_status silt_bundle_close_lost(silt_load *load, const silt_run_record *record, silt_error *err);

#endif
