/* The rows of a spec as one SELECT. */
#include "engine/duckdb_expr.h"
#include "engine/duckdb_merge.h"
#include "engine/duckdb_query.h"
#include "engine/duckdb_table.h"

#include <assert.h>

/* ---- scans ----------------------------------------------------------------------------------- */

size_t silt_duck_result_count(const silt_scan_spec *spec)
{
    return spec->result_count ? spec->result_count : spec->column_count;
}

static silt_status table_init(silt_duck_rows *rows, const silt_scan_spec *spec, silt_error *err)
{
    if (spec->column_count == 0) return silt_fail(err, SILT_INVALID, "scan: no columns");
    silt_duck_table *table = &rows->tables[rows->table_count++];
    if (spec->source_count) return silt_duck_texts_init(table, rows->db, spec, rows->arena, err);
    return silt_duck_table_init(table, rows->db, spec->files, spec->file_count, spec->columns,
                                spec->column_count, spec->by_id, rows->arena, err);
}

/* The columns of the result, with room for one more. */
static silt_column *result_columns(silt_duck_rows *rows, const silt_scan_spec *spec)
{
    size_t count = silt_duck_result_count(spec);
    silt_column *columns = silt_arena_calloc(rows->arena, count + 1, sizeof *columns);
    for (size_t c = 0; columns && c < count; c++)
        columns[c] = (silt_column){spec->columns[c].name, spec->columns[c].type};
    rows->columns = columns;
    rows->column_count = count;
    return columns;
}

/* A column of a filter: one of the scan's, which is c0, c1, … in it. */
static silt_status filter_column(void *ctx, const silt_expr *column, silt_buf *sql, silt_error *err)
{
    const silt_scan_spec *spec = ctx;
    size_t c = 0;
    while (c < spec->column_count && strcmp(spec->columns[c].name, column->path[0]) != 0)
        c++;
    if (c == spec->column_count)
        return silt_fail(err, SILT_INVALID, "scan: the filter's column %s is none of its columns",
                         column->path[0]);
    SILT_CLEAN(silt_buf) name = {0};
    for (size_t i = 1; i < column->path_count; i++)
        silt_buf_putc(&name, '(');
    silt_buf_printf(&name, "s.c%zu", c);
    for (size_t i = 1; i < column->path_count; i++) {
        silt_buf_puts(&name, ").");
        silt_sql_name(&name, column->path[i]);
    }
    if (name.failed) return silt_fail_nomem(err);
    if (column->type->kind == SILT_TYPE_FLOAT || column->type->kind == SILT_TYPE_DOUBLE)
        silt_duck_guard_float(sql, column->type, name.data);
    else
        silt_buf_puts(sql, name.data);
    return SILT_OK;
}

static silt_status filter_sql(const silt_scan_spec *spec, silt_buf *sql, silt_error *err)
{
    if (!spec->filter) return SILT_OK;
    silt_buf_puts(sql, spec->no_pushdown ? " WHERE " SILT_DUCK_KEEP "(" : " WHERE (");
    SILT_TRY(silt_duck_expr_sql(spec->filter, filter_column, (void *)spec, sql, err));
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

silt_status silt_duck_scan_sql(const silt_duck_table *table, const silt_scan_spec *spec, bool named,
                               silt_buf *sql, silt_error *err)
{
    for (size_t c = 0; c < silt_duck_result_count(spec); c++) {
        silt_buf_printf(sql, c ? ", s.c%zu AS " : "SELECT s.c%zu AS ", c);
        if (named)
            silt_sql_name(sql, spec->columns[c].name);
        else
            silt_buf_printf(sql, "c%zu", c);
    }
    silt_buf_puts(sql, " FROM (");
    SILT_TRY(silt_duck_table_sql(table, NULL, false, sql, err));
    silt_buf_puts(sql, ") s");
    SILT_TRY(filter_sql(spec, sql, err));
    if (spec->limit >= 0) silt_buf_printf(sql, " LIMIT %" PRId64, spec->limit);
    return SILT_OK;
}

silt_status silt_duck_positions_sql(const silt_duck_table *table, const silt_scan_spec *spec,
                                    silt_buf *sql, silt_error *err)
{
    silt_buf_puts(sql, "SELECT s." SILT_DUCK_TABLE_FILE ", s." SILT_DUCK_TABLE_ROW " FROM (");
    SILT_TRY(silt_duck_table_sql(table, NULL, true, sql, err));
    silt_buf_puts(sql, ") s");
    SILT_TRY(filter_sql(spec, sql, err));
    if (spec->limit >= 0) silt_buf_printf(sql, " LIMIT %" PRId64, spec->limit);
    return SILT_OK;
}

/* ---- any ------------------------------------------------------------------------------------- */

static silt_status diff_init(silt_duck_rows *rows, const silt_diff_spec *spec, silt_error *err)
{
    static const silt_type text = {.kind = SILT_TYPE_STRING};
    size_t count = silt_duck_result_count(spec->before);
    if (silt_duck_result_count(spec->after) != count)
        return silt_fail(err, SILT_INVALID, "difference: not the same columns on both sides");
    silt_column *columns = result_columns(rows, spec->before);
    if (!columns) return silt_fail_nomem(err);
    for (size_t c = 0; c < count; c++)
        if (!silt_streq(columns[c].name, spec->after->columns[c].name) ||
            !silt_type_equal(columns[c].type, spec->after->columns[c].type))
            return silt_fail(err, SILT_INVALID,
                             "difference: column %s isn't the same on both sides", columns[c].name);
    columns[rows->column_count++] = (silt_column){spec->change_column, &text};
    SILT_TRY(table_init(rows, spec->before, err));
    return table_init(rows, spec->after, err);
}

static silt_status join_init(silt_duck_rows *rows, const silt_join_rows *spec, silt_error *err)
{
    silt_column *columns = silt_arena_calloc(rows->arena, spec->column_count, sizeof *columns);
    if (!columns) return silt_fail_nomem(err);
    for (size_t c = 0; c < spec->column_count; c++)
        columns[c] = (silt_column){spec->columns[c].name, spec->columns[c].type};
    rows->columns = columns;
    rows->column_count = spec->column_count;
    return SILT_OK;
}

silt_status silt_duck_rows_init(silt_duck_rows *rows, silt_duck_engine *db,
                                const silt_rows_spec *spec, silt_error *err)
{
    *rows = (silt_duck_rows){.db = db, .spec = spec, .arena = silt_arena_new()};
    if (!rows->arena) return silt_fail_nomem(err);
    if (spec->kind == SILT_ROWS_DIFF) return diff_init(rows, &spec->diff, err);
    if (spec->kind == SILT_ROWS_JOIN) return join_init(rows, &spec->join, err);
    if (spec->kind == SILT_ROWS_QUERY)
        return silt_duck_query_open(db, &spec->query, rows->arena, &rows->query, &rows->columns,
                                    &rows->column_count, err);
    if (!result_columns(rows, &spec->scan)) return silt_fail_nomem(err);
    return table_init(rows, &spec->scan, err);
}

void silt_duck_rows_release(silt_duck_rows *rows)
{
    for (size_t i = 0; i < rows->table_count; i++)
        silt_duck_table_release(&rows->tables[i]);
    rows->table_count = 0;
    silt_duck_query_close(rows->query);
    rows->query = NULL;
    silt_arena_free(rows->arena);
    rows->arena = NULL;
}

static silt_status plain_sql(const silt_duck_rows *rows, silt_buf *sql, silt_error *err)
{
    if (rows->spec->kind == SILT_ROWS_DIFF) return silt_duck_diff_sql(rows, sql, err);
    if (rows->spec->kind == SILT_ROWS_JOIN) return silt_duck_join_sql(&rows->spec->join, sql, err);
    if (rows->spec->kind == SILT_ROWS_QUERY) return silt_duck_query_sql(rows->query, sql, err);
    return silt_duck_scan_sql(&rows->tables[0], &rows->spec->scan, true, sql, err);
}

silt_status silt_duck_rows_sql(const silt_duck_rows *rows, silt_duck_form form, silt_buf *sql,
                               silt_error *err)
{
    if (form == SILT_DUCK_PLAIN) return plain_sql(rows, sql, err);
    SILT_CLEAN(silt_buf) select = {0};
    SILT_TRY(plain_sql(rows, &select, err));
    return silt_duck_form_sql(rows->columns, rows->column_count, form, &select, sql, err);
}

silt_status silt_duck_rows_blame(const silt_duck_rows *rows, silt_status st, silt_error *err)
{
    if (rows->query) return silt_duck_query_blame(rows->query, st, err);
    for (size_t i = 0; st != SILT_OK && st != SILT_CORRUPT && i < rows->table_count; i++)
        st = silt_duck_table_blame(&rows->tables[i], st, err);
    return st;
}
