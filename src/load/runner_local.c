/* Jobs done in this process: configuration → ops. */
#include "load/runner.h"

typedef struct local_runner {
    silt_runner base;
    silt_engine *engine;
    silt_arena *arena; /* of what was prepared */
    silt_sources sources;
    silt_source_plan plan;
} local_runner;

static silt_status prepare(silt_runner *runner, const silt_job *job, silt_bad_sources *bad,
                           silt_arena *arena, silt_error *err)
{
    local_runner *r = (local_runner *)runner;
    const silt_config_table *table = job->table;
    silt_arena_reset(r->arena);
    r->sources = (silt_sources){
        .format = table->source_format,
        .options = table->source_options,
        .files = job->files,
        .file_count = job->file_count,
        .audit_columns = table->audit_columns,
        .on_new_column = table->on_new_column,
        .declared_schema = table->schema,
        .partition_by = table->partition_by,
        .partition_count = table->partition_count,
    };
    (void)arena;
    const silt_type *schema = job->snapshot ? silt_snapshot_schema(job->snapshot) : NULL;
    return silt_sources_plan(r->engine, &r->sources, schema, r->arena, &r->plan, bad, err);
}

static silt_status create(silt_runner *runner, const silt_job *job, silt_error *err)
{
    local_runner *r = (local_runner *)runner;
    silt_txn_options txn = SILT_TXN_OPTIONS_INIT;
    txn.retry = job->table->commit_retry;
    txn.clock = job->clock;
    txn.random = job->random;
    txn.event = job->event;
    txn.event_ctx = job->ctx;
    silt_txn_result result; /* CONFLICT: somebody else made it */
    return silt_create_table(job->store, r->engine, r->plan.schema, job->table->partition_by,
                             job->table->partition_count, (silt_pairs){0}, &txn, &result, err);
}

static silt_status apply(silt_runner *runner, const silt_job *job, silt_arena *arena,
                         silt_change_result *out, silt_snapshot **after, silt_bad_sources *bad,
                         silt_error *err)
{
    local_runner *r = (local_runner *)runner;
    const silt_config_table *table = job->table;
    silt_change_spec spec = {
        .sources = &r->sources,
        .plan = &r->plan,
        .load_time_us = job->load_time_us,
        .batch_id = job->number,
        .attempt = job->attempt,
        .keys = table->keys,
        .key_count = table->key_count,
        .newest_by = table->newest_by,
        .target_file_bytes = table->target_file_bytes,
        .compression = table->compression,
        .txn = SILT_TXN_OPTIONS_INIT,
        .before_commit = job->before_commit,
        .silt_info = job->silt_info,
        .ctx = job->ctx,
    };
    spec.txn.app_id = job->app_id;
    spec.txn.app_version = job->number;
    spec.txn.retry = table->commit_retry;
    spec.txn.clock = job->clock;
    spec.txn.random = job->random;
    spec.txn.event = job->event;
    spec.txn.event_ctx = job->ctx;
    switch (table->strategy) {
    case SILT_STRATEGY_APPEND:
        return silt_append(job->snapshot, &spec, arena, out, after, bad, err);
    case SILT_STRATEGY_UPSERT:
    case SILT_STRATEGY_APPEND_ONCE:
        spec.insert_only = table->strategy == SILT_STRATEGY_APPEND_ONCE;
        return silt_upsert(job->snapshot, &spec, arena, out, after, bad, err);
    case SILT_STRATEGY_OVERWRITE:
        return silt_overwrite(job->snapshot, &spec, arena, out, after, bad, err);
    }
    return silt_fail(err, SILT_UNSUPPORTED, "table %s: an unknown loading strategy", table->name);
}

static void runner_free(silt_runner *runner)
{
    local_runner *r = (local_runner *)runner;
    silt_arena_free(r->arena);
    free(r);
}

static const silt_runner_ops local_ops = {prepare, create, apply, runner_free};

silt_runner *silt_runner_local_new(silt_engine *engine)
{
    local_runner *r = calloc(1, sizeof(*r));
    if (!r) return NULL;
    *r = (local_runner){.base = {&local_ops}, .engine = engine, .arena = silt_arena_new()};
    if (r->arena) return &r->base;
    free(r);
    return NULL;
}
