/* Runner: who does a job. "Apply this batch of source files to this target by this strategy, under
 * (appId, N), and tell me what was committed." The seam to another engine than the one in this
 * process.
 *
 * A runner knows nothing of tracker and recovery, and never decides whether a batch happened. */
#ifndef SILT_LOAD_RUNNER_H
#define SILT_LOAD_RUNNER_H

#include "load/target.h"
#include "ops/change.h"

typedef struct silt_job {
    const silt_config_table *table;
    silt_target *target; /* as of now; apply brings it to where its commit leaves it */
    const silt_source_file *files;
    size_t file_count;
    const char *app_id;
    int64_t number; /* N */
    const char *attempt;
    int64_t load_time_us;
    const silt_evidence *replaced; /* append: rows that go in the same commit, and are there */
    size_t replaced_count;
    /* As silt_change_spec's. */
    silt_status (*before_commit)(void *ctx, const silt_change_facts *facts, const char *txn_id,
                                 silt_error *err);
    const char *(*silt_info)(void *ctx, const silt_change_facts *facts, silt_arena *arena);
    void (*event)(void *ctx, const char *kind, const char *json);
    void *ctx;
    const silt_clock *clock;
    const silt_random *random;
} silt_job;

typedef struct silt_runner_ops {
    /* Look at the files before they are promised to a batch: BAD_DATA with `bad` (and the like)
     * tells which can't be in it. Otherwise the job may be applied by the same runner. Kept until
     * the next prepare. */
    silt_status (*prepare)(silt_runner *, const silt_job *, silt_bad_sources *bad, silt_arena *,
                           silt_error *);
    /* Make the target of a prepared job, without rows. Somebody else having made it is as good.
     * INVALID: the place holds other things. */
    silt_status (*create)(silt_runner *, const silt_job *, silt_error *);
    /* Apply a prepared job whose target exists. As silt_append(): OK with an outcome, or BAD_DATA
     * with `bad`. */
    silt_status (*apply)(silt_runner *, const silt_job *, silt_arena *, silt_change_result *out,
                         silt_bad_sources *bad, silt_error *);
    /* What apply committed still stands there: INCONSISTENT where another writer replaced it. */
    silt_status (*verify)(silt_runner *, const silt_job *, const silt_txn_result *, silt_arena *,
                          silt_error *);
    void (*free)(silt_runner *);
    /* The columns that the target of a prepared job will have, audit columns included; they live
     * until the next prepare. */
    const silt_type *(*schema)(silt_runner *);
} silt_runner_ops;

struct silt_runner {
    const silt_runner_ops *ops;
};

/* In this process. `engine` is borrowed. NULL when out of memory. */
silt_runner *silt_runner_local_new(silt_engine *engine);

#endif
