/* Runners in this process. */
#include "load/runner_own.h"

#include "load/feed.h"

silt_runner *silt_own_runner_new(const silt_runner_ops *ops, silt_engine *engine)
{
    silt_own_runner *r = calloc(1, sizeof(*r));
    if (!r) return NULL;
    *r = (silt_own_runner){.base = {ops}, .engine = engine, .arena = silt_arena_new()};
    if (r->arena) return &r->base;
    free(r);
    return NULL;
}

void silt_own_runner_begin(silt_own_runner *r, const silt_job *job)
{
    const silt_config_table *table = job->table;
    silt_arena_reset(r->arena);
    r->plan = (silt_source_plan){0};
    r->sources = (silt_sources){
        .format = table->source_format,
        .options = table->source_options,
        .files = job->files,
        .file_count = job->file_count,
        .audit_columns = table->audit_columns,
        .on_new_column = table->on_new_column,
        .rescues = table->on_new_column == SILT_NEW_COLUMN_RESCUE ||
                   table->bad_rows.on == SILT_BAD_ROW_RESCUE,
        .any_case = table->any_case,
        .declared_schema = table->schema,
        .deletes = silt_feed_deletes(table) ? SILT_FEED_DELETES : NULL,
        .scd2 = table->scd2,
        .partition_by = table->partition_by,
        .partition_count = table->partition_count,
    };
}

silt_status silt_own_runner_apply(silt_runner *runner, const silt_job *job, silt_try_fn *try,
                                  silt_arena *arena, silt_change_result *out, silt_bad_sources *bad,
                                  silt_error *err)
{
    silt_own_runner *r = (silt_own_runner *)runner;
    return silt_apply_sieved(runner, job, r->engine, &r->sources, &r->plan, try, arena, out, bad,
                             err);
}

void silt_own_runner_free(silt_runner *runner)
{
    silt_own_runner *r = (silt_own_runner *)runner;
    silt_arena_free(r->arena);
    free(r);
}

const silt_type *silt_own_runner_schema(silt_runner *runner)
{
    return ((silt_own_runner *)runner)->plan.schema;
}
