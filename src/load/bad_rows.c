/* Tries of a job, each with fewer bad rows. */
#include "load/bad_rows.h"

typedef struct applying {
    const silt_job *job;
    silt_sieving sieving;
} applying;

/* ---- the job's hooks: they see rejected rows, too */

static silt_status before_commit(void *ctx, const silt_change_facts *facts, const char *txn_id,
                                 silt_error *err)
{
    applying *a = ctx;
    silt_change_facts all = *facts;
    SILT_TRY(silt_sieving_count(&a->sieving, a->job->file_count, &all, err));
    return a->job->before_commit ? a->job->before_commit(a->job->ctx, &all, txn_id, err) : SILT_OK;
}

static const char *silt_info(void *ctx, const silt_change_facts *facts, silt_arena *arena)
{
    applying *a = ctx;
    silt_error harmless = {0}; /* what is wrong shows itself before the commit */
    silt_change_facts all = *facts;
    (void)silt_sieving_count(&a->sieving, a->job->file_count, &all, &harmless);
    return a->job->silt_info(a->job->ctx, &all, arena);
}

static void event(void *ctx, const char *kind, const char *json)
{
    const applying *a = ctx;
    if (a->job->event) a->job->event(a->job->ctx, kind, json);
}

/* ---- tries */

static silt_status more(applying *a, const silt_sources *sources, silt_source_plan *plan,
                        silt_bad_sources *bad, silt_error *err)
{
    const silt_config_table *table = a->job->table;
    const silt_change_spec spec = {
        .sources = sources,
        .plan = plan,
        .load_time_us = a->job->load_time_us,
        .batch_id = a->job->number,
        .attempt = a->job->attempt,
        .constraints = table->policy.constraints,
        .constraint_count = table->policy.constraint_count,
    };
    return silt_sieving_more(&a->sieving, a->job->target->snapshot, &spec, plan, bad, err);
}

static silt_status tries(applying *a, silt_runner *runner, const silt_sources *sources,
                         silt_source_plan *plan, silt_try_fn *try, silt_arena *arena,
                         silt_change_result *out, silt_bad_sources *bad, silt_error *err)
{
    silt_job job = *a->job;
    job.before_commit = before_commit;
    job.silt_info = job.silt_info ? silt_info : NULL;
    job.event = event;
    job.ctx = a;
    for (;;) {
        silt_bad_sources guilty = {0};
        silt_status st = try(runner, &job, arena, out, &guilty, err);
        if (st == SILT_OK)
            return silt_sieving_count(&a->sieving, a->job->file_count, &out->facts, err);
        if (st == SILT_BAD_DATA) st = more(a, sources, plan, &guilty, err);
        if (st == SILT_OK) continue;
        if (guilty.count) *bad = guilty;
        return st;
    }
}

silt_status silt_apply_sieved(silt_runner *runner, const silt_job *job, silt_engine *engine,
                              const silt_sources *sources, silt_source_plan *plan, silt_try_fn *try,
                              silt_arena *arena, silt_change_result *out, silt_bad_sources *bad,
                              silt_error *err)
{
    silt_error local = {0};
    applying a = {.job = job,
                  .sieving = {.policy = job->table->bad_rows,
                              .engine = engine,
                              .store = job->target->store,
                              .table_name = job->table->name,
                              .attempt = job->attempt,
                              .number = job->number,
                              .time_us = job->load_time_us,
                              .keys = job->table->keys,
                              .key_count = job->table->key_count,
                              .arena = arena}};
    silt_status st = tries(&a, runner, sources, plan, try, arena, out, bad, err ? err : &local);
    silt_sieving_release(&a.sieving);
    return st;
}
