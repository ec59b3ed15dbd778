/* A table's data files as one SELECT. */
#include "engine/duckdb_table.h"

/* ---- init ------------------------------------------------------------------------------------ */

static silt_status row_ids_init(silt_duck_table *table, size_t column, silt_arena *arena,
                                silt_error *err)
{
    int64_t *ids = silt_arena_calloc(arena, table->file_count, sizeof *ids);
    if (!ids) return silt_fail_nomem(err);
    for (size_t i = 0; i < table->file_count; i++)
        ids[i] = table->slots[i].base_row_id;
    return silt_duck_partition_numbers(&table->partitions[column], table, ids, arena, err);
}

static silt_status columns_init(silt_duck_table *table, const silt_scan_column *columns,
                                size_t count, silt_arena *arena, silt_error *err)
{
    silt_scan_column *copy = silt_arena_calloc(arena, count, sizeof *copy);
    table->partitions = silt_arena_calloc(arena, count, sizeof *table->partitions);
    if (!copy || !table->partitions) return silt_fail_nomem(err);
    for (size_t c = 0; c < count; c++) {
        copy[c] = columns[c];
        SILT_TRY(silt_duck_physical_complete(&columns[c].physical, columns[c].type, arena,
                                             &copy[c].physical, err));
    }
    table->columns = copy;
    table->column_count = count;
    return SILT_OK;
}

silt_status silt_duck_table_init(silt_duck_table *table, silt_duck_engine *db,
                                 const silt_scan_file *files, size_t file_count,
                                 const silt_scan_column *columns, size_t column_count, bool by_id,
                                 silt_arena *arena, silt_error *err)
{
    *table = (silt_duck_table){.db = db, .files = files, .file_count = file_count};
    table->paths = silt_arena_calloc(arena, file_count, sizeof *table->paths);
    if (!table->paths) return silt_fail_nomem(err);
    for (size_t i = 0; i < file_count; i++)
        table->paths[i] = files[i].local_path;
    SILT_TRY(columns_init(table, columns, column_count, arena, err));
    SILT_TRY(silt_duck_layout(table, by_id, arena, err));
    silt_duck_live_init(table);
    for (size_t c = 0; c < column_count; c++) {
        silt_scan_kind kind = columns[c].kind;
        if (kind != SILT_SCAN_DATA && kind != SILT_SCAN_ROW_ID)
            SILT_TRY(silt_duck_partition_init(&table->partitions[c], table, c, arena, err));
        else if (kind == SILT_SCAN_ROW_ID)
            SILT_TRY(row_ids_init(table, c, arena, err));
    }
    return SILT_OK;
}

void silt_duck_table_release(silt_duck_table *table)
{
    for (size_t c = 0; table->db && c < table->column_count; c++)
        if (table->partitions[c].scan.id)
            silt_duck_scan_remove(table->db, &table->partitions[c].scan);
    if (table->places.scan.id) silt_duck_scan_remove(table->db, &table->places.scan);
    if (table->texts) silt_duck_texts_release(table->texts);
    if (table->live.id) silt_duck_scan_remove(table->db, &table->live);
    *table = (silt_duck_table){0};
}

silt_status silt_duck_scan_register(silt_duck_engine *db, silt_error *err)
{
    SILT_TRY(silt_duck_partition_register(db, err));
    return silt_duck_live_register(db, err);
}

/* ---- SQL ------------------------------------------------------------------------------------- */

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

/* What the files hold of a column, as its type. */
static silt_status data_sql(const silt_duck_table *table, const silt_duck_group *group, size_t c,
                            silt_buf *sql, silt_error *err)
{
    const silt_type *type = table->columns[c].type;
    const silt_duck_place *place = &group->places[c];
    SILT_CLEAN(silt_buf) source = {0};
    silt_duck_route none = {.step = SILT_STEP_NULL};
    silt_buf_printf(&source, group->own ? "a%zu" : "c%zu", group->own ? place->index : c);
    if (source.failed) return silt_fail_nomem(err);
    return silt_duck_route_sql(place->route ? place->route : &none, type, source.data, sql, err);
}

static silt_status column_sql(const silt_duck_table *table, const silt_duck_group *group, size_t c,
                              silt_buf *sql, silt_error *err)
{
    const silt_scan_column *column = &table->columns[c];
    const silt_duck_partition *partition = &table->partitions[c];
    if (column->kind == SILT_SCAN_DATA) return data_sql(table, group, c, sql, err);
    bool both = column->physical.name && column->kind != SILT_SCAN_CONSTANT;
    bool data_last = column->kind == SILT_SCAN_CONSTANT_OR_DATA;
    if (both) silt_buf_puts(sql, "coalesce(");
    if (both && !data_last) {
        SILT_TRY(data_sql(table, group, c, sql, err));
        silt_buf_puts(sql, ", ");
    }
    SILT_TRY(silt_duck_partition_sql(partition, group->first, column->type, sql, err));
    if (column->kind == SILT_SCAN_ROW_ID) silt_buf_puts(sql, " + file_row_number");
    if (both && data_last) {
        silt_buf_puts(sql, ", ");
        SILT_TRY(data_sql(table, group, c, sql, err));
    }
    if (both) silt_buf_putc(sql, ')');
    return SILT_OK;
}

static silt_status select_sql(const silt_duck_table *table, const silt_duck_group *group,
                              const bool *wanted, bool positions, silt_buf *sql, silt_error *err)
{
    const char *comma = "SELECT ";
    for (size_t c = 0; c < table->column_count; c++) {
        if (!is_wanted(wanted, c)) continue;
        silt_buf_puts(sql, comma);
        silt_status st = column_sql(table, group, c, sql, err);
        if (st != SILT_OK) return silt_wrap(err, st, "column %s", table->columns[c].name);
        silt_buf_printf(sql, " AS c%zu", c);
        comma = ", ";
    }
    if (!positions) return SILT_OK;
    static const silt_type place = {.kind = SILT_TYPE_LONG};
    silt_buf_puts(sql, comma);
    if (table->group_count > 1)
        SILT_TRY(silt_duck_partition_sql(&table->places, group->first, &place, sql, err));
    else
        silt_buf_puts(sql, "file_index::BIGINT");
    silt_buf_printf(sql, " AS %s, file_row_number AS %s", SILT_DUCK_TABLE_FILE,
                    SILT_DUCK_TABLE_ROW);
    return SILT_OK;
}

/* A key that a file doesn't have gives nulls, which is what a column has in files older than it. So
 * keys are the physical names and nothing else; the columns come out under names of our own, which
 * no virtual column and no column of a file can hide. */
static silt_status schema_sql(const silt_duck_table *table, const silt_duck_group *group,
                              const bool *wanted, silt_buf *sql, silt_error *err)
{
    const char *before = ", schema = MAP {";
    for (size_t c = 0; c < table->column_count; c++) {
        const silt_scan_column *column = &table->columns[c];
        if (!is_wanted(wanted, c) || !group->places[c].route) continue;
        SILT_CLEAN(silt_buf) type = {0};
        silt_status st = silt_duck_physical_type(column->type, &column->physical, &type, err);
        if (st != SILT_OK) return silt_wrap(err, st, "column %s", column->name);
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

/* Names by place, so that nothing in a file can hide a virtual column. */
static void aliases_sql(const silt_duck_group *group, silt_buf *sql)
{
    for (size_t i = 0; i < group->width; i++)
        silt_buf_printf(sql, i ? ", a%zu" : " t(a%zu", i);
    if (group->width) silt_buf_putc(sql, ')');
}

static silt_status group_sql(const silt_duck_table *table, const silt_duck_group *group,
                             const bool *wanted, bool positions, silt_buf *sql, silt_error *err)
{
    SILT_TRY(select_sql(table, group, wanted, positions, sql, err));
    silt_buf_puts(sql, " FROM read_parquet([");
    for (size_t i = 0; i < group->count; i++) {
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_path(sql, table->slots[group->first + i].local_path);
    }
    /* Folders named a=b must not become columns. */
    silt_buf_puts(sql, "], hive_partitioning = false");
    if (!group->own) SILT_TRY(schema_sql(table, group, wanted, sql, err));
    silt_buf_putc(sql, ')');
    if (group->own) aliases_sql(group, sql);
    if (group->has_rows) {
        silt_buf_puts(sql, " WHERE ");
        silt_duck_live_sql(table, group, sql);
    }
    return SILT_OK;
}

silt_status silt_duck_table_sql(const silt_duck_table *table, const bool *wanted, bool positions,
                                silt_buf *sql, silt_error *err)
{
    if (table->file_count == 0) return empty_sql(table, wanted, positions, sql, err);
    if (table->texts) return silt_duck_texts_sql(table, wanted, sql, err);
    for (size_t g = 0; g < table->group_count; g++) {
        if (g) silt_buf_puts(sql, " UNION ALL ");
        SILT_TRY(group_sql(table, &table->groups[g], wanted, positions, sql, err));
    }
    return SILT_OK;
}

/* ---- variants -------------------------------------------------------------------------------- */

static bool is_annotated(const silt_duck_route *route)
{
    bool found = route->step == SILT_STEP_VARIANT;
    for (size_t i = 0; !found && i < route->child_count; i++)
        found = is_annotated(&route->children[i]);
    return found;
}

silt_status silt_duck_table_check_variants(const silt_duck_table *table, silt_error *err)
{
    for (size_t g = 0; g < table->group_count; g++) {
        const silt_duck_group *group = &table->groups[g];
        for (size_t c = 0; group->count && c < table->column_count; c++) {
            if (!group->places[c].route || !is_annotated(group->places[c].route)) continue;
            silt_fail(err, SILT_UNSUPPORTED,
                      "%s: column %s: its variants are annotated as such, and wouldn't stay as "
                      "they are when their rows are written anew",
                      table->slots[group->first].local_path, table->columns[c].name);
            return silt_hint(err, SILT_UNSUPPORTED,
                             "rows can be added and, with deletion vectors, deleted; let the "
                             "engine that wrote the file do the rest");
        }
    }
    return SILT_OK;
}

/* ---- blame ----------------------------------------------------------------------------------- */

/* Read one file alone, all its rows. */
static silt_status probe(const silt_duck_table *table, const silt_duck_group *group, size_t slot,
                         silt_error *err)
{
    silt_duck_group one = *group;
    one.first = slot;
    one.count = 1;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_CLEAN(silt_buf) rows = {0};
    SILT_CLEAN(silt_buf) sql = {0};
    silt_column *columns =
        scratch ? silt_arena_calloc(scratch, table->column_count, sizeof *columns) : NULL;
    if (!columns) return silt_fail_nomem(err);
    for (size_t c = 0; c < table->column_count; c++) {
        columns[c] = (silt_column){silt_arena_printf(scratch, "c%zu", c), table->columns[c].type};
        if (!columns[c].name) return silt_fail_nomem(err);
    }
    SILT_TRY(silt_duck_start(table->db, err));
    SILT_TRY(group_sql(table, &one, NULL, false, &rows, err));
    silt_buf_puts(&sql, "SELECT bit_xor(hash(COLUMNS(*))) FROM (");
    SILT_TRY(silt_duck_form_sql(columns, table->column_count, SILT_DUCK_GUARDED, &rows, &sql, err));
    silt_buf_putc(&sql, ')');
    return silt_duck_query(table->db, &sql, NULL, err);
}

silt_status silt_duck_table_blame(const silt_duck_table *table, silt_status st, silt_error *err)
{
    if (table->texts) return silt_duck_texts_blame(table->texts, st, err);
    st = silt_duck_blame_files(table->db, table->paths, table->file_count, st, err);
    if (st != SILT_FAILED && st != SILT_IO) return st;
    /* Where conversions are ours, DuckDB doesn't say in which file one failed, nor where it trips
     * over the content of a page. */
    for (size_t g = 0; g < table->group_count; g++) {
        const silt_duck_group *group = &table->groups[g];
        for (size_t slot = group->first; slot < group->first + group->count; slot++) {
            silt_error why = {0};
            silt_status found = probe(table, group, slot, &why);
            if (found == SILT_INTERRUPTED) return silt_fail(err, found, "interrupted");
            if (found == SILT_FAILED || found == SILT_IO)
                return silt_fail(err, SILT_CORRUPT, "%s: %.900s", table->slots[slot].local_path,
                                 why.message);
        }
    }
    return st;
}
