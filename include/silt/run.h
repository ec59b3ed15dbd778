/* Runs: changes of several tables under one name, numbered one after another, each of them once.
 *
 *   silt_run_new → silt_run_begin → the operation, with the step's options → silt_run_end → …
 *
 * A run is a value: an id, a label, metadata, and the number of its next change. The number is
 * committed to the table together with the change (app_id is the run's id), so the tables say what
 * happened. The table `runs` keeps what was tried beside that: an attempt is in it before it
 * changes anything, and after. Whatever is killed in between, the run goes on by its id: what the
 * record doesn't know the tables are asked. */
#ifndef SILT_RUN_H
#define SILT_RUN_H

#include "silt/commit.h"
#include "silt/pipeline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the value */

typedef struct silt_run silt_run; /* opaque, never changes; any thread may read it */

typedef struct silt_run_identity {
    size_t struct_size;
    const char *id;                      /* 1 to 200 of [A-Za-z0-9._:-]; NULL: a UUID */
    const char *label;                   /* what people call it; NULL: none */
    const char *const *metadata;         /* "NAME=VALUE", NULL-terminated; NULL: none */
    const silt_diagnostics *diagnostics; /* told of its changes; has to live as long as the run */
} silt_run_identity;
#define SILT_RUN_IDENTITY_INIT                   \
    {                                            \
        .struct_size = sizeof(silt_run_identity) \
    }

/**
 * A run whose next number is 0. All texts are copied.
 *
 * @param opts NULL for SILT_RUN_IDENTITY_INIT
 * @param out  set on success only; give back with silt_run_free()
 * @return SILT_INVALID an id or metadata that isn't as it should be
 */
SILT_API SILT_CHECKED silt_status silt_run_new(const silt_run_identity *opts, silt_run **out,
                                               silt_error *err);
/** Give back a run; NULL is fine. */
SILT_API void silt_run_free(silt_run *run);

/** Its id; lives with the run, as all texts of it do. */
SILT_API const char *silt_run_id(const silt_run *run);
/** Its label, or NULL. */
SILT_API const char *silt_run_label(const silt_run *run);
/** The number of its next change (commit_sequence). */
SILT_API int64_t silt_run_sequence(const silt_run *run);
/** {"id", "label", "sequence", "metadata"}: what commitInfo.silt.run and events say. */
SILT_API const char *silt_run_payload(const silt_run *run);

/** The same run with another next number: to go on where that is known. INVALID: below 0. */
SILT_API SILT_CHECKED silt_status silt_run_with_sequence(const silt_run *run, int64_t sequence,
                                                         silt_run **out, silt_error *err);

/**
 * Options for the next change, and the run after it. Nothing is written or recorded, so a caller
 * who wants a change to happen has to try it with these options until that is known.
 *
 * @param commit app_id, app_version, run_payload and diagnostics are set, the rest stays; they live
 *               as long as `run`
 * @param after  set on success only; give back with silt_run_free()
 */
SILT_API SILT_CHECKED silt_status silt_run_next(const silt_run *run, silt_commit_options *commit,
                                                silt_run **after, silt_error *err);

/* ---- the record */

typedef enum silt_run_outcome {
    SILT_RUN_RUNNING, /* begun, not ended: at work, or it has crashed */
    SILT_RUN_COMMITTED,
    SILT_RUN_ALREADY_DONE, /* an earlier attempt had committed it */
    SILT_RUN_SKIPPED,      /* there was nothing to do; the number isn't in the table */
    SILT_RUN_OVERTAKEN,    /* a higher number is in the table, so this one never will be */
    SILT_RUN_CONFLICT,     /* these are not committed: others were first, */
    SILT_RUN_FAILED,       /* or it has failed (or crashed: found out later) */
    SILT_RUN_UNSURE        /* the table couldn't be asked so far */
} silt_run_outcome;

/** "running", "committed", "already_done", … */
SILT_API const char *silt_run_outcome_name(silt_run_outcome outcome);

/* One try of one change. Times in µs since 1970 UTC, -1: none. */
typedef struct silt_run_attempt {
    int64_t sequence;
    const char *operation, *table; /* "WRITE"; its full path or URL */
    silt_run_outcome outcome;
    int64_t committed_version, table_version; /* -1: none, or not known */
    const char *error;                        /* NULL: none */
    int64_t started_us, ended_us;
    const char *attempt_id;
    const char *host; /* whose process `pid` made it */
    int64_t pid;
} silt_run_attempt;

/* What a run of a pipeline adds up to. */
typedef struct silt_run_metrics {
    int64_t files_discovered, files_processed, files_skipped, files_failed, rows, rows_rejected,
        batches;
    int64_t recoveries;           /* times that something unfinished was found and put right */
    int64_t lock_failures;        /* the lock wasn't to be had, or was taken away */
    int64_t inconsistencies;      /* tables whose state can't be decided */
    int64_t consecutive_failures; /* runs up to this one that weren't completed, one after another;
                                     runs that weren't given the lock aren't counted */
    double run_seconds;
} silt_run_metrics;

typedef struct silt_run_record {
    const char *id, *label; /* label NULL: none */
    /* Of a run of changes: "running": an attempt is; "completed": each number was done, the last
     * time that it was tried; "partial": one was not. Of a pipeline's: "running", "completed",
     * "partial" (some files or tables failed), "failed", "interrupted", "locked" (another run was
     * at work), "crashed" (it didn't end), "unsure" (it didn't end so far, and whether its process
     * lives can't be told). */
    const char *status;
    int64_t commit_sequence;
    int64_t started_us, ended_us;     /* ended -1: it hasn't */
    const char *const *metadata;      /* NAME, VALUE, NAME, VALUE, …; NULL ends it */
    const silt_run_attempt *attempts; /* in the order of time; NULL in lists. Of a pipeline's: its
                                         batches, SILT_RUN_BATCHES_MAX at most */
    size_t attempt_count;
    const char *pipeline;  /* NULL: a run of changes, which has nothing of what follows */
    const char *operation; /* "RUN", "MAINTAIN" */
    const char *error;     /* why it failed as a whole; NULL: it didn't */
    const char *host;      /* whose process `pid` it was */
    int64_t pid;
    silt_run_metrics metrics;
    const silt_run_table *tables; /* NULL in lists */
    size_t table_count;
    const silt_run_failure *failures; /* SILT_RUN_FAILURES_MAX at most; NULL in lists */
    size_t failure_count;
} silt_run_record;
#define SILT_RUN_BATCHES_MAX  1000
#define SILT_RUN_FAILURES_MAX 100

typedef struct silt_run_log silt_run_log; /* opaque; one thread */

/**
 * The table of runs in a store of its own: the folder `runs` below a pipeline's checkpoint path, or
 * any other place. Other programs read it as a Delta table. It is made by the first attempt.
 *
 * @param store,engine borrowed, must outlive it
 * @param storage_options of the tables that runs change, where these have to be asked: "key=value",
 *                        NULL-terminated, copied; NULL: none
 * @param out  set on success only; give back with silt_run_log_free()
 */
SILT_API SILT_CHECKED silt_status silt_run_log_new(silt_store *store, silt_engine *engine,
                                                   const char *const *storage_options,
                                                   silt_run_log **out, silt_error *err);
/** Give it back; NULL is fine. */
SILT_API void silt_run_log_free(silt_run_log *log);

/* Called with each run; what it is given is good for the call. Return false to hear of no more. */
typedef bool silt_run_fn(void *ctx, const silt_run_record *record);

/**
 * The log of a pipeline: `runs` under its checkpoint path. It also tells of the run that is at work
 * now, or has died and wasn't found dead so far. The pipeline has to live as long.
 *
 * @param out set on success only; give back with silt_run_log_free()
 */
SILT_API SILT_CHECKED silt_status silt_pipeline_run_log(silt_pipeline *pipeline, silt_run_log **out,
                                                        silt_error *err);

/** All runs, without their attempts, the latest first. A table that isn't there has none. */
SILT_API SILT_CHECKED silt_status silt_run_log_list(silt_run_log *log, silt_run_fn *fn, void *ctx,
                                                    silt_error *err);

/**
 * One run, by its id or a beginning of it that no other id has. Of attempts that didn't end, or
 * ended unsure, the tables are asked; the answer is told here, and written down by the next
 * silt_run_begin().
 *
 * @param arena owns what `out` points to
 * @return SILT_NOT_FOUND no such run; SILT_INVALID several begin so
 */
SILT_API SILT_CHECKED silt_status silt_run_log_read(silt_run_log *log, const char *id,
                                                    silt_arena *arena, silt_run_record *out,
                                                    silt_error *err);

/**
 * A run to go on with, by its id: its next number is the one after the highest that was tried.
 *
 * @param diagnostics as in silt_run_identity
 * @return SILT_NOT_FOUND no such run
 */
SILT_API SILT_CHECKED silt_status silt_run_resume(silt_run_log *log, const char *id,
                                                  const silt_diagnostics *diagnostics,
                                                  silt_run **out, silt_error *err);

/* ---- changes that are recorded */

typedef struct silt_run_step silt_run_step; /* opaque: one attempt under way */

typedef struct silt_run_change {
    size_t struct_size;
    const char *operation; /* "WRITE", "MERGE", …: the same for the same number, always */
    silt_store *table;     /* that is changed; borrowed */
    bool choose; /* not the run's own next number: the last one that was tried, where it isn't done
                    and was this operation upon this table; else the one after it */
    bool take_over; /* attempts of other hosts that didn't end count as dead */
} silt_run_change;
#define SILT_RUN_CHANGE_INIT                   \
    {                                          \
        .struct_size = sizeof(silt_run_change) \
    }

/**
 * Write down that a change is about to happen. Before that, attempts of the run that didn't end are
 * looked after: of a process that is alive the run is held, else their tables say what became of
 * them.
 *
 * @param run  borrowed, until the step ends
 * @param out  set on success only; give it to silt_run_end()
 * @return SILT_LOCKED   the run is at work elsewhere: where, since when; or may be, on another host
 *         SILT_INVALID  the number leaves a gap behind the highest that was tried, or it was
 *                       another operation's or another table's, or the run has
 *                       SILT_RUN_ATTEMPTS_MAX attempts
 *         SILT_CONFLICT others changed the record again and again
 *         or any status of the store: nothing has happened
 */
SILT_API SILT_CHECKED silt_status silt_run_begin(silt_run_log *log, const silt_run *run,
                                                 const silt_run_change *change, silt_run_step **out,
                                                 silt_error *err);
#define SILT_RUN_ATTEMPTS_MAX 10000

/** The number it has. */
SILT_API int64_t silt_run_step_sequence(const silt_run_step *step);
/** app_id, app_version, run_payload and diagnostics as silt_run_next() sets them; they live with
 * the step. */
SILT_API void silt_run_step_options(const silt_run_step *step, silt_commit_options *commit);

/* What became of it. */
typedef struct silt_run_ending {
    size_t struct_size;
    silt_status status;       /* of the operation: SILT_CONFLICT, SILT_UNSURE, … */
    silt_run_outcome outcome; /* where that is OK */
    int64_t committed_version, table_version; /* as in its result */
    const char *error;                        /* where it isn't: the message; may be NULL */
} silt_run_ending;
#define SILT_RUN_ENDING_INIT                                                                 \
    {                                                                                        \
        .struct_size = sizeof(silt_run_ending), .committed_version = -1, .table_version = -1 \
    }

/**
 * Write down what became of it, and give the step back, in any case. A failure here undoes nothing:
 * the next silt_run_begin() of the run finds it out from the table.
 *
 * @param after may be NULL; else the run with the number after this one: set on success only, give
 *              back with silt_run_free()
 * @return SILT_FENCED  somebody else has gone on with the run meanwhile (it was recorded all the
 *                      same); or any status of the store
 */
SILT_API SILT_CHECKED silt_status silt_run_end(silt_run_step *step, const silt_run_ending *result,
                                               silt_run **after, silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
