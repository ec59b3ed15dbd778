/* A table's data files as one SELECT. */
#include "engine/duckdb_table.h"

silt_status silt_duck_table_init(silt_duck_table *table, silt_duck_engine *db,
                                 const silt_scan_file *files, size_t file_count,
                                 const silt_scan_column *columns, size_t column_count,
                                 silt_arena *arena, silt_error *err)
{
    *table = (silt_duck_table){.db = db,
                               .files = files,
                               .file_count = file_count,
                               .columns = columns,
                               .column_count = column_count};
    table->paths = silt_arena_calloc(arena, file_count, sizeof *table->paths);
    table->partitions = silt_arena_calloc(arena, column_count, sizeof *table->partitions);
    if (!table->paths || !table->partitions) {
        table->column_count = 0;
        return silt_fail_nomem(err);
    }
    for (size_t i = 0; i < file_count; i++)
        table->paths[i] = files[i].local_path;
    for (size_t c = 0; c < column_count; c++)
        if (columns[c].kind == SILT_SCAN_CONSTANT)
            SILT_TRY(silt_duck_partition_init(&table->partitions[c], table, c, arena, err));
    return SILT_OK;
}

void silt_duck_table_release(silt_duck_table *table)
{
    for (size_t c = 0; table->db && c < table->column_count; c++)
        if (table->partitions[c].scan.id)
            silt_duck_scan_remove(table->db, &table->partitions[c].scan);
    table->column_count = 0;
}

static bool is_wanted(const bool *wanted, size_t column)
{
    return !wanted || wanted[column];
}

/* The rows of no file: the columns alone. */
static silt_status empty_sql(const silt_duck_table *table, const bool *wanted, bool positions,
                             silt_buf *sql, silt_error *err)
{
    const char *comma = "SELECT ";
    for (size_t c = 0; c < table->column_count; c++) {
        if (!is_wanted(wanted, c)) continue;
        silt_buf_printf(sql, "%sCAST(NULL AS ", comma);
        SILT_TRY(silt_sql_type(sql, table->columns[c].type, err));
        silt_buf_printf(sql, ") AS c%zu", c);
        comma = ", ";
    }
    if (positions)
        silt_buf_printf(sql, "%s0::BIGINT AS %s, 0::BIGINT AS %s", comma, SILT_DUCK_TABLE_FILE,
                        SILT_DUCK_TABLE_ROW);
    silt_buf_puts(sql, " WHERE false");
    return SILT_OK;
}

/* A key that a file doesn't have gives nulls, which is what a column has in files older than it. So
 * keys are the physical names and nothing else; the columns come out under names of our own, which
 * no virtual column and no column of a file can hide. */
static silt_status schema_sql(const silt_duck_table *table, const bool *wanted, silt_buf *sql,
                              silt_error *err)
{
    const char *before = ", schema = MAP {";
    for (size_t c = 0; c < table->column_count; c++) {
        const silt_scan_column *column = &table->columns[c];
        if (!is_wanted(wanted, c) || column->kind == SILT_SCAN_CONSTANT) continue;
        SILT_CLEAN(silt_buf) type = {0};
        SILT_TRY(silt_sql_type(&type, column->type, err));
        if (type.failed) return silt_fail_nomem(err);
        silt_buf_puts(sql, before);
        silt_sql_text(sql, column->physical.name);
        silt_buf_printf(sql, ": {name: 'c%zu', type: ", c);
        silt_sql_text(sql, type.data);
        silt_buf_puts(sql, ", default_value: NULL}");
        before = ", ";
    }
    /* Without any, the columns of the first file would be in sight. */
    if (before[2] != '\0')
        silt_buf_printf(sql, "%s'': {name: 'none', type: 'INTEGER', default_value: NULL}", before);
    silt_buf_putc(sql, '}');
    return SILT_OK;
}

silt_status silt_duck_table_sql(const silt_duck_table *table, const bool *wanted, bool positions,
                                silt_buf *sql, silt_error *err)
{
    if (table->file_count == 0) return empty_sql(table, wanted, positions, sql, err);
    const char *comma = "SELECT ";
    for (size_t c = 0; c < table->column_count; c++) {
        if (!is_wanted(wanted, c)) continue;
        silt_buf_puts(sql, comma);
        if (table->columns[c].kind == SILT_SCAN_CONSTANT)
            SILT_TRY(
                silt_duck_partition_sql(&table->partitions[c], table->columns[c].type, sql, err));
        else
            silt_buf_printf(sql, "c%zu", c);
        silt_buf_printf(sql, " AS c%zu", c);
        comma = ", ";
    }
    if (positions)
        silt_buf_printf(sql, "%sfile_index::BIGINT AS %s, file_row_number AS %s", comma,
                        SILT_DUCK_TABLE_FILE, SILT_DUCK_TABLE_ROW);
    silt_buf_puts(sql, " FROM read_parquet([");
    for (size_t i = 0; i < table->file_count; i++) {
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_path(sql, table->files[i].local_path);
    }
    /* Folders named a=b must not become columns. */
    silt_buf_puts(sql, "], hive_partitioning = false");
    SILT_TRY(schema_sql(table, wanted, sql, err));
    /* Deletion vectors will stand here: WHERE silt_live(<scan>, file_index, file_row_number), over
     * a bitset by file, and only where a file has one. */
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

silt_status silt_duck_table_blame(const silt_duck_table *table, silt_status st, silt_error *err)
{
    return silt_duck_blame_files(table->db, table->paths, table->file_count, st, err);
}
