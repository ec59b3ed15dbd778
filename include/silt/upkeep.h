/* Looking after a pipeline: showing that its work was done, and its tables' maintenance. */
#ifndef SILT_UPKEEP_H
#define SILT_UPKEEP_H

#include "silt/pipeline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- proof */

typedef struct silt_prove_options {
    size_t struct_size;
    const char *table; /* only this one; NULL: all */
    bool sources;      /* read the source files that are still there, and compare their content */
} silt_prove_options;
#define SILT_PROVE_OPTIONS_INIT                 \
    {                                           \
        sizeof(silt_prove_options), NULL, false \
    }

/* Counts are of the newest batch of each file, as its ledger has them. */
typedef struct silt_proof_table {
    const char *table_name, *path, *strategy;
    /* "recount": the target's rows were counted by file and batch; "ledgers": the chain of ledgers
     * is whole and each accounts for its rows, nobody took rows away since the last batch;
     * "nothing": nothing was loaded */
    const char *method;
    bool proven;
    int64_t files, batches;
    int64_t rows_read, rows_inserted, rows_updated, rows_deleted, rows_unchanged, rows_deduplicated,
        rows_rejected;
    int64_t rows_expected;            /* that have to be there at least */
    int64_t rows_in_target;           /* all, others' too; -1: not known */
    int64_t files_hashed, files_gone; /* with `sources`: compared; not there to be compared */
    int64_t version, last_batch_id;   /* of the target; -1: none */
    const char *const *problems;      /* one line each */
    size_t problem_count;
} silt_proof_table;

typedef struct silt_proof_report {
    bool proven;
    const silt_proof_table *tables;
    size_t table_count;
} silt_proof_report;

/** Show that what was loaded is there, once, by targets and ledgers alone: neither tracker nor
 * status is believed. Reads only, needs no lock. The report lives in `arena`.
 * @see docs/exactly-once.md, "Proof" */
SILT_API SILT_CHECKED silt_status silt_pipeline_prove(silt_pipeline *pipeline,
                                                      const silt_prove_options *opts,
                                                      silt_arena *arena, silt_proof_report *out,
                                                      silt_error *err);

/* ---- maintenance */

typedef struct silt_maintain_options {
    size_t struct_size;
    const char *table; /* only this one; NULL: all, and the pipeline's own */
    bool dry_run;
} silt_maintain_options;
#define SILT_MAINTAIN_OPTIONS_INIT                 \
    {                                              \
        sizeof(silt_maintain_options), NULL, false \
    }

typedef struct silt_maintain_step {
    const char *name; /* "optimize", "checkpoint", "cleanup_log", "vacuum"; "open": nothing began */
    int64_t files_removed, files_added, bytes_removed, bytes_added;
    silt_status problem; /* SILT_OK: done, or nothing to do */
    const char *message, *hint;
} silt_maintain_step;

typedef struct silt_maintain_table {
    const char *table_name, *path;
    bool failed;
    const silt_maintain_step *steps;
    size_t step_count;
} silt_maintain_table;

typedef struct silt_maintain_report {
    bool failed; /* a step did; the others were done */
    const silt_maintain_table *tables;
    size_t table_count;
} silt_maintain_report;

/** Do for each table what its `maintenance` in the pipeline file says, and vacuum tracker and table
 * status. Needs no lock; beside a run the pipeline's own tables are left alone. The report lives in
 * `arena`. */
SILT_API SILT_CHECKED silt_status silt_pipeline_maintain(silt_pipeline *pipeline,
                                                         const silt_maintain_options *opts,
                                                         silt_arena *arena,
                                                         silt_maintain_report *out,
                                                         silt_error *err);

/* ---- unloading */

typedef struct silt_unload_options {
    size_t struct_size;
    const char *file;  /* as it was found, or relative to the present working folder */
    const char *table; /* only out of this one; NULL: out of all that have it */
    bool again;        /* the file waits to be loaded again; else it is left alone from now on */
    bool dry_run;
} silt_unload_options;
#define SILT_UNLOAD_OPTIONS_INIT                              \
    {                                                         \
        sizeof(silt_unload_options), NULL, NULL, false, false \
    }

typedef struct silt_unload_table {
    const char *table_name, *path;
    int64_t rows;
    int64_t loaded_by; /* the batch that had loaded them */
    int64_t batch_id;  /* of the unloading; -1 with dry_run */
    int64_t version;   /* of the target; -1 with dry_run */
} silt_unload_table;

typedef struct silt_unload_report {
    const char *file_path;
    const silt_unload_table *tables;
    size_t table_count;
} silt_unload_report;

/** Delete exactly the rows that a file brought into append tables, each table in one commit with a
 * batch number and ledger of its own; takes the lock. The report lives in `arena`.
 * @return SILT_NOT_FOUND no batch has loaded it; SILT_INVALID a table whose rows don't say where
 *         they are from; SILT_INCONSISTENT the rows aren't those that were loaded; as
 *         silt_pipeline_run(), silt_delete()
 * @see docs/exactly-once.md, "Unloading" */
SILT_API SILT_CHECKED silt_status silt_pipeline_unload(silt_pipeline *pipeline,
                                                       const silt_unload_options *opts,
                                                       silt_arena *arena, silt_unload_report *out,
                                                       silt_error *err);

/* ---- replaying */

typedef struct silt_replay_options {
    size_t struct_size;
    const char *table;  /* whose rejects */
    const char *file;   /* NDJSON of mended rows, {"reject_id", "row_json"}; NULL: as they are */
    const char *source; /* only rejects of this source file; NULL: of all */
    int64_t batch_id;   /* only of this batch; -1: of all */
    bool dry_run;
} silt_replay_options;
#define SILT_REPLAY_OPTIONS_INIT                                 \
    {                                                            \
        sizeof(silt_replay_options), NULL, NULL, NULL, -1, false \
    }

typedef struct silt_replay_report {
    const char *table_name;
    int64_t rows_replayed;
    int64_t rows_still_bad;  /* of the last batch: they stay as they are */
    int64_t rows_unreadable; /* can't be told apart into columns: they have to be mended */
    int64_t batches;
    int64_t batch_id; /* of the last; -1: there was none */
    int64_t version;  /* of the target; -1: it has none */
} silt_replay_report;

/** Load rejected rows once more, as rows of the files they are from, and mark those that were
 * taken: none is loaded twice. Takes the lock. Texts of the report are the pipeline's.
 * @return SILT_INVALID no such table, or a file of mended rows that isn't one or speaks of rejects
 *         that aren't open; SILT_NOT_FOUND the target isn't there; as silt_pipeline_run()
 * @see docs/guide/bad-rows.md */
SILT_API SILT_CHECKED silt_status silt_pipeline_replay(silt_pipeline *pipeline,
                                                       const silt_replay_options *opts,
                                                       silt_arena *arena, silt_replay_report *out,
                                                       silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
