/* Pipeline: loads source files into tables exactly once, by a pipeline file. */
#ifndef SILT_PIPELINE_H
#define SILT_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "silt/engine.h"
#include "silt/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct silt_pipeline silt_pipeline; /* opaque; one thread, but silt_pipeline_interrupt() */

typedef struct silt_pipeline_options {
    size_t struct_size;
    silt_progress_fn *progress; /* of the batches at work; may be NULL */
    void *progress_ctx;
    /* Sink of events, one at a time: kind and one JSON object. From the calling thread, but where
     * tables are loaded at a time, also from those they are loaded in. Kind "message" is for
     * people:
     * {"level": "info" | "warning", "text": …}. May be NULL. */
    void (*event)(void *ctx, const char *kind, const char *json);
    void *event_ctx;
    /* How places are opened; NULL: silt_store_open(). The pipeline frees what it gets.
     * Where tables are loaded at a time, any of their threads calls this, several at once. */
    silt_status (*open_store)(void *ctx, const char *uri, silt_store **out, silt_error *err);
    void *open_store_ctx;
} silt_pipeline_options;
#define SILT_PIPELINE_OPTIONS_INIT                                        \
    {                                                                     \
        sizeof(silt_pipeline_options), NULL, NULL, NULL, NULL, NULL, NULL \
    }

/* A mistake in a pipeline file, as one line for a person: "silt.yaml:7:3: key: found; allowed". */
typedef struct silt_config_mistakes {
    const char *const *lines;
    size_t count;
} silt_config_mistakes;

/**
 * Read and check a pipeline file (YAML, or JSON by its name). Touches nothing else.
 *
 * @param opts     NULL for SILT_PIPELINE_OPTIONS_INIT; copied
 * @param arena    for `mistakes`
 * @param mistakes may be NULL; set with SILT_INVALID: all of them
 * @param out      set on success only; give back with silt_pipeline_free()
 * @return SILT_INVALID mistakes in the file; SILT_NOT_FOUND, SILT_DENIED the file
 */
SILT_API SILT_CHECKED silt_status silt_pipeline_open(const char *config_path,
                                                     const silt_pipeline_options *opts,
                                                     silt_arena *arena,
                                                     silt_config_mistakes *mistakes,
                                                     silt_pipeline **out, silt_error *err);

/** Give back a pipeline; NULL is fine. Releases the lock if it is held. */
SILT_API void silt_pipeline_free(silt_pipeline *pipeline);

/** Ask the running call to stop cleanly: it returns SILT_INTERRUPTED, nothing half-done, the lock
 * released. Any thread, not a signal handler. */
SILT_API void silt_pipeline_interrupt(silt_pipeline *pipeline);

/** The pipeline's name; lives with it. */
SILT_API const char *silt_pipeline_name(const silt_pipeline *pipeline);
/** Where its state is kept; lives with it. */
SILT_API const char *silt_pipeline_checkpoint_path(const silt_pipeline *pipeline);
/** Number of its tables. */
SILT_API size_t silt_pipeline_table_count(const silt_pipeline *pipeline);
/** Name of table `i`; lives with it. */
SILT_API const char *silt_pipeline_table_name(const silt_pipeline *pipeline, size_t i);
/** Loading strategy of table `i` as the pipeline file names it, e.g. "append"; static storage. */
SILT_API const char *silt_pipeline_table_strategy(const silt_pipeline *pipeline, size_t i);
/** A JSON Schema of the pipeline file, for editors; in `arena`, NULL when out of memory. */
SILT_API char *silt_pipeline_json_schema(silt_arena *arena);

/* ---- run ----------------------------------------------------------------------------------------
 */

typedef struct silt_run_options {
    size_t struct_size;
    const char *table;       /* only this one; NULL: all */
    int64_t max_batches;     /* of each table; 0: no limit */
    int64_t wait_lock_s;     /* 0: don't wait for the lock */
    bool force_unlock;       /* take the lock from whoever holds it */
    bool retry_failed;       /* also files whose tries are used up */
    int64_t parallel_tables; /* loaded at a time, each in a thread, at most; they share memory_limit
                                and threads. 0: as the pipeline file says, 1: one after another */
} silt_run_options;
#define SILT_RUN_OPTIONS_INIT                                 \
    {                                                         \
        sizeof(silt_run_options), NULL, 0, 0, false, false, 0 \
    }
#define SILT_PARALLEL_TABLES_MAX 64

typedef struct silt_run_table {
    const char *table_name;
    const char *path;   /* of the target */
    const char *status; /* "completed", "failed"; "skipped": one that it depends on failed */
    int64_t files_discovered, files_processed, files_skipped, files_failed;
    bool source_empty; /* no file matches it, loaded ones included */
    /* read; what became of each: deleted: it took a row away, as a source table did */
    int64_t rows, rows_inserted, rows_updated, rows_deleted, rows_unchanged, rows_deduplicated,
        rows_rejected;
    int64_t batches;
    int64_t recoveries;     /* times that something unfinished was found and put right */
    int64_t commit_retries; /* tries of commits beyond the first of each batch */
    int64_t violations;     /* rows that violated a constraint; -1: the table has none */
    int64_t duration_ms;
    int64_t version;     /* of the target afterwards; -1: there is none */
    silt_status problem; /* why it failed as a whole; SILT_OK: it didn't (single files may have) */
    const char *message; /* of that; NULL */
    const char *hint;    /* of that; NULL */
} silt_run_table;

typedef struct silt_run_failure {
    const char *table_name, *file_path, *message;
    int64_t retry_count;
    int64_t next_retry_us; /* silt_pipeline_status(): the first run from then on tries it again, µs
                              since 1970 UTC; -1: none does by itself. Else 0 */
} silt_run_failure;

typedef struct silt_run_result {
    const char *run_id, *pipeline;
    int64_t total_files_discovered; /* all that match, loaded ones included */
    int64_t total_files_processed, total_files_skipped, total_files_failed;
    int64_t rows;
    int64_t duration_ms;
    const silt_run_table *tables;
    size_t table_count;
    const silt_run_failure *failures; /* files that failed in this run */
    size_t failure_count;
} silt_run_result;

/**
 * Load what is new. Every row of every source file that isn't failed stands in its target once,
 * whatever happened before; a failing file or table doesn't stop the others. The result names the
 * tables in the same order whether they are loaded at a time or not.
 *
 * @param opts  NULL for SILT_RUN_OPTIONS_INIT
 * @param arena the result lives in it
 * @param out   set with SILT_OK, also when files or tables failed: see problem, total_files_failed
 * @return SILT_LOCKED, SILT_INVALID (nothing was touched), SILT_INTERRUPTED, SILT_INCONSISTENT (the
 * state can't be decided), or any status of the checkpoint path's store
 * @see docs/exactly-once.md
 */
SILT_API SILT_CHECKED silt_status silt_pipeline_run(silt_pipeline *pipeline,
                                                    const silt_run_options *opts, silt_arena *arena,
                                                    silt_run_result *out, silt_error *err);

/* ---- status */

typedef struct silt_status_lock {
    bool held;     /* there is a lock file */
    bool readable; /* and it can be read */
    bool alive;    /* and its owner lives */
    bool assumed;  /* for it is on another host: `alive` goes by timeout_us alone */
    int64_t pid;
    const char *hostname;
    int64_t acquired_us, timeout_us; /* µs since 1970 UTC */
} silt_status_lock;

typedef struct silt_status_table {
    const char *table_name, *path;
    const char *status; /* pending, processing, completed, failed */
    int64_t files_discovered, files_pending, files_processing, files_completed, files_failed;
    int64_t files_changed;   /* completed ones that have changed since */
    int64_t files_retried;   /* failed ones that a run tries again */
    int64_t next_retry_us;   /* from when on the first of these; -1: there are none */
    int64_t rows_rejected;   /* of completed files: left out as bad, however often since replayed */
    const char *last_run_id; /* NULL: none */
    int64_t last_batch_id;   /* -1: none */
    int64_t updated_us;      /* -1: never */
    int64_t version;         /* of the target; -1: there is none */
    int64_t inconsistencies; /* what doesn't fit together, as far as it is seen at once */
    const silt_run_failure *failures;
    size_t failure_count;
    const char *problem; /* what keeps it from being looked at; NULL */
    int64_t seen_us;     /* when this was so */
} silt_status_table;

/* The run history at a glance (silt/run.h has all of it). -1, NULL: not known, or no run so far. */
typedef struct silt_status_metrics {
    int64_t runs; /* that the following is of: the newest, SILT_STATUS_RUNS_MAX at most */
    double files_per_run, rows_per_run, run_seconds; /* means of those that ended */
    int64_t lock_failures, recoveries;
    int64_t validation_inconsistencies; /* that these runs met and couldn't settle */
    int64_t inconsistencies_now;        /* as far as it is seen at once */
    int64_t consecutive_failures;       /* runs up to the last that weren't completed */
    const char *last_run_id, *last_run_status;
    int64_t last_run_started_us, last_run_ended_us;
} silt_status_metrics;
#define SILT_STATUS_RUNS_MAX 100

typedef struct silt_status_report {
    const char *pipeline, *checkpoint_path;
    silt_status_lock lock;
    silt_status_metrics metrics;
    const silt_status_table *tables;
    size_t table_count;
} silt_status_report;

/** How the pipeline stands: reads only, needs no lock. The report lives in `arena`. */
SILT_API SILT_CHECKED silt_status silt_pipeline_status(silt_pipeline *pipeline, silt_arena *arena,
                                                       silt_status_report *out, silt_error *err);

/* ---- consistency */

typedef struct silt_check_table {
    const char *table_name;
    bool consistent;
    const char *const *problems; /* one line each */
    size_t problem_count;
} silt_check_table;

typedef struct silt_check_report {
    bool consistent;
    bool tracker_consistent;
    int64_t files_checked;
    const char *const *problems; /* of lock and tracker, one line each */
    size_t problem_count;
    const silt_check_table *tables;
    size_t table_count;
} silt_check_report;

/** Compare tracker, ledgers, table status, lock and targets. Reads only. The report lives in
 * `arena`. */
SILT_API SILT_CHECKED silt_status silt_pipeline_validate(silt_pipeline *pipeline, silt_arena *arena,
                                                         silt_check_report *out, silt_error *err);

typedef struct silt_fix_report {
    int64_t applied, failed;
    const char *const *actions; /* one line each */
    size_t action_count;
} silt_fix_report;

/** Repair what silt_pipeline_validate() finds, as far as it can be decided; takes the lock. The
 * report lives in `arena`. With `dry_run` nothing is changed and the actions say what would be
 * done. */
SILT_API SILT_CHECKED silt_status silt_pipeline_fix(silt_pipeline *pipeline, bool dry_run,
                                                    silt_arena *arena, silt_fix_report *out,
                                                    silt_error *err);

/** Release the lock, whoever holds it. `*was_held` (may be NULL) says whether there was one. */
SILT_API SILT_CHECKED silt_status silt_pipeline_force_unlock(silt_pipeline *pipeline,
                                                             bool *was_held, silt_error *err);

typedef struct silt_reset_options {
    size_t struct_size;
    const char *table; /* only this one's; NULL: all state, the lock included */
    bool forget;       /* start a new epoch: files load again */
    bool delete_rows; /* with `forget`: the rows that the pipeline loaded go with its commit; append
                         with audit columns only, INVALID else, nothing done then */
} silt_reset_options;
#define SILT_RESET_OPTIONS_INIT                        \
    {                                                  \
        sizeof(silt_reset_options), NULL, false, false \
    }

/** Fence open batches, drop tracker and table status. What the ledgers say is loaded stays loaded,
 * unless `forget`. */
SILT_API SILT_CHECKED silt_status silt_pipeline_reset(silt_pipeline *pipeline,
                                                      const silt_reset_options *opts,
                                                      silt_arena *arena, silt_fix_report *out,
                                                      silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
