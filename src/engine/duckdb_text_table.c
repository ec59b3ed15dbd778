/* A table whose files are sources: CSV or NDJSON, read as staging reads them, and beside their
 * columns the constants of each file. */
#include "engine/duckdb_ops.h"
#include "engine/duckdb_table.h"

struct silt_duck_texts {
    silt_duck_sources sources;
    silt_stage_spec stage; /* its columns: those of kind DATA, under our names */
};

static silt_status data_columns(silt_duck_table *table, silt_arena *arena, silt_error *err)
{
    static const silt_type number = {.kind = SILT_TYPE_LONG};
    silt_stage_spec *stage = &table->texts->stage;
    silt_output_column *columns =
        silt_arena_calloc(arena, table->column_count + 1, sizeof *columns);
    if (!columns) return silt_fail_nomem(err);
    for (size_t c = 0; c < table->column_count; c++) {
        const silt_scan_column *column = &table->columns[c];
        if (column->kind != SILT_SCAN_DATA) continue;
        const char *name = silt_arena_printf(arena, "c%zu", c);
        if (!name) return silt_fail_nomem(err);
        columns[stage->column_count++] = (silt_output_column){.name = name,
                                                              .type = column->type,
                                                              .kind = SILT_OUTPUT_SOURCE,
                                                              .source = column->physical.name};
    }
    /* A SELECT needs a column. */
    if (!stage->column_count)
        columns[stage->column_count++] =
            (silt_output_column){.name = "none", .type = &number, .kind = SILT_OUTPUT_VALUE};
    stage->columns = columns;
    return SILT_OK;
}

silt_status silt_duck_texts_init(silt_duck_table *table, silt_duck_engine *db,
                                 const silt_scan_spec *spec, silt_arena *arena, silt_error *err)
{
    *table = (silt_duck_table){.db = db,
                               .files = spec->files,
                               .file_count = spec->file_count,
                               .columns = spec->columns,
                               .column_count = spec->column_count};
    table->slots = silt_arena_calloc(arena, spec->file_count, sizeof *table->slots);
    table->partitions = silt_arena_calloc(arena, spec->column_count, sizeof *table->partitions);
    table->texts = silt_arena_calloc(arena, 1, sizeof *table->texts);
    if (!table->slots || !table->partitions || !table->texts) return silt_fail_nomem(err);
    if (spec->file_count)
        memcpy(table->slots, spec->files, spec->file_count * sizeof *table->slots);
    for (size_t c = 0; c < spec->column_count; c++)
        if (spec->columns[c].kind == SILT_SCAN_CONSTANT)
            SILT_TRY(silt_duck_partition_init(&table->partitions[c], table, c, arena, err));
    table->texts->stage =
        (silt_stage_spec){.groups = spec->sources, .group_count = spec->source_count};
    SILT_TRY(data_columns(table, arena, err));
    SILT_TRY(silt_duck_sources_init(&table->texts->sources, db, &table->texts->stage, arena, err));
    table->texts->sources.read_whole = true;
    return SILT_OK;
}

void silt_duck_texts_release(silt_duck_texts *texts)
{
    silt_duck_sources_release(&texts->sources);
}

silt_status silt_duck_texts_sql(const silt_duck_table *table, const bool *wanted, silt_buf *sql,
                                silt_error *err)
{
    const char *comma = "SELECT ";
    for (size_t c = 0; c < table->column_count; c++) {
        if (wanted && !wanted[c]) continue;
        silt_buf_puts(sql, comma);
        if (table->columns[c].kind == SILT_SCAN_CONSTANT)
            SILT_TRY(silt_duck_partition_sql(&table->partitions[c], 0, table->columns[c].type, sql,
                                             err));
        else
            silt_buf_printf(sql, "c%zu", c);
        silt_buf_printf(sql, " AS c%zu", c);
        comma = ", ";
    }
    silt_buf_puts(sql, " FROM (SELECT *, " SILT_DUCK_FILE_COLUMN "::UBIGINT AS file_index FROM (");
    SILT_TRY(silt_duck_source_sql(&table->texts->sources, 0, table->file_count, true, sql, err));
    silt_buf_puts(sql, "))");
    return SILT_OK;
}

silt_status silt_duck_texts_blame(silt_duck_texts *texts, silt_status st, silt_error *err)
{
    return silt_duck_blame(&texts->sources, st, err);
}
