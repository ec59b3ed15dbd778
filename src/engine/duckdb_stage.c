/* Staging: read all sources once, write Parquet, count. */
#include "engine/duckdb_ops.h"

/* Rows by source file, out of the query that wrote them, and their sum, which must be what the
 * footers say: the one place where a row that was lost or doubled between reading and writing would
 * show. */
static silt_status take_counts(const silt_duck_sources *sources, silt_arena *arena,
                               silt_stage_result *out, silt_error *err)
{
    int64_t *rows = silt_arena_calloc(arena, sources->file_count + 1, sizeof *rows);
    if (!rows) return silt_fail_nomem(err);
    int64_t sum = 0;
    for (size_t i = 0; i < sources->file_count; i++)
        sum += rows[i] = atomic_load(&sources->rows[i]);
    if (sum != out->row_count)
        return silt_fail(err, SILT_FAILED,
                         "internal error: %" PRId64 " rows were read and %" PRId64 " written", sum,
                         out->row_count);
    out->source_rows = rows;
    return SILT_OK;
}

static silt_status stage(silt_duck_sources *sources, const silt_duck_checks *checks,
                         silt_arena *arena, silt_stage_result *out, silt_error *err)
{
    const silt_stage_spec *spec = sources->spec;
    SILT_CLEAN(silt_buf) select = {0};
    SILT_TRY(
        silt_duck_source_sql(sources, 0, sources->file_count, checks->count > 0, &select, err));
    silt_status st = silt_duck_copy_checked(checks, &select, true, &spec->write, arena, out, err);
    if (st != SILT_OK && out->violation_count > 0) {
        silt_duck_checks_blame(checks, spec);
        return st;
    }
    if (st != SILT_OK) return silt_duck_blame(sources, st, err);
    st = silt_duck_sources_verify(sources, err);
    if (st == SILT_OK) st = take_counts(sources, arena, out, err);
    if (st == SILT_OK) silt_duck_numbers_take(&sources->numbers, out);
    if (st != SILT_OK) silt_duck_remove_written(spec->write.directory, spec->write.file_prefix);
    return st;
}

silt_status silt_duck_stage(silt_engine *engine, const silt_stage_spec *spec, silt_arena *arena,
                            silt_stage_result *out, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    SILT_CLEAN(silt_duck_sources) sources = {0};
    SILT_CLEAN(silt_duck_checks) checks = {0};
    silt_stage_result result = {0};
    SILT_TRY(silt_duck_sources_init(&sources, db, spec, arena, err));
    bool *guarded = silt_arena_calloc(arena, spec->column_count + 1, sizeof *guarded);
    if (!guarded) return silt_fail_nomem(err);
    const char **names = silt_arena_calloc(arena, sources.file_count + 1, sizeof *names);
    if (!names) return silt_fail_nomem(err);
    for (size_t i = 0; i < sources.file_count; i++)
        names[i] = sources.files[i]->name;
    for (size_t c = 0; c < spec->column_count; c++)
        guarded[c] = silt_output_is_computed(&spec->columns[c]);
    SILT_TRY(silt_duck_checks_init(&checks, db, spec->columns, spec->column_count, guarded,
                                   &spec->write, arena, err));
    SILT_TRY(silt_duck_checks_by_file(&checks, names, sources.file_count, err));
    silt_status st = stage(&sources, &checks, arena, &result, err);
    if (st == SILT_OK || result.violation_count > 0) *out = result;
    return st;
}
