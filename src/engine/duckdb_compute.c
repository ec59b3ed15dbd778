/* Columns that the rows don't have: expressions, defaults and identities.
 *
 * Defaults and identities look at what the rows have; expressions at those too, and never at one
 * another, so two SELECTs around the rows are enough. */
#include "engine/duckdb_expr.h"
#include "engine/duckdb_ops.h"

#include <stdio.h>

/* ---- identities ------------------------------------------------------------------------------ */

static const char numbers_kind[] = "silt_number";

/* A stretch of numbers for each chunk: threads never wait for one another. */
static void give_numbers(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    idx_t rows = silt_duck.data_chunk_get_size(input);
    if (rows == 0) return;
    const int64_t *ids = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 0));
    silt_duck_numbers *numbers =
        silt_duck_scan_data(silt_duck_function_engine(info), ids[0], numbers_kind);
    int64_t *out = silt_duck.vector_get_data(output), last = 0;
    if (!numbers) {
        silt_duck.scalar_function_set_error(info, "silt_number is for the engine's own use");
        return;
    }
    int64_t from = atomic_fetch_add(&numbers->given, (int64_t)rows);
    if (__builtin_mul_overflow(from + (int64_t)rows - 1, numbers->step, &last) ||
        __builtin_add_overflow(numbers->first, last, &last)) {
        silt_duck.scalar_function_set_error(info, "the identity column has no more numbers");
        return;
    }
    for (idx_t i = 0; i < rows; i++)
        out[i] = numbers->first + (from + (int64_t)i) * numbers->step;
}

silt_status silt_duck_numbers_init(silt_duck_numbers *numbers, silt_duck_engine *db,
                                   const silt_output_column *columns, size_t column_count,
                                   silt_error *err)
{
    const silt_output_column *found = NULL;
    *numbers = (silt_duck_numbers){.db = db};
    for (size_t c = 0; c < column_count; c++) {
        if (columns[c].kind != SILT_OUTPUT_IDENTITY) continue;
        if (found)
            return silt_fail(err, SILT_INVALID, "columns %s and %s are both identities",
                             silt_output_label(found), silt_output_label(&columns[c]));
        found = &columns[c];
        if (found->step == 0 || found->type->kind != SILT_TYPE_LONG)
            return silt_fail(err, SILT_INVALID,
                             "identity column %s: a step other than 0 and type long are needed",
                             silt_output_label(found));
    }
    if (!found) return SILT_OK;
    numbers->first = found->value;
    numbers->step = found->step;
    numbers->scan = (silt_duck_scan){.kind = numbers_kind, .data = numbers};
    silt_duck_scan_add(db, &numbers->scan);
    return SILT_OK;
}

void silt_duck_numbers_release(silt_duck_numbers *numbers)
{
    if (numbers->scan.data) silt_duck_scan_remove(numbers->db, &numbers->scan);
    numbers->scan.data = NULL;
}

void silt_duck_numbers_take(const silt_duck_numbers *numbers, silt_stage_result *out)
{
    out->identity_count = atomic_load(&numbers->given);
    if (out->identity_count > 0)
        out->identity_last = numbers->first + (out->identity_count - 1) * numbers->step;
}

silt_status silt_duck_output_register(silt_duck_engine *db, silt_error *err)
{
    const duckdb_type args[] = {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_INVALID};
    return silt_duck_add_function(db, "silt_number", args, DUCKDB_TYPE_BIGINT, true, give_numbers,
                                  err);
}

/* ---- columns of expressions ------------------------------------------------------------------ */

static bool is_given(const silt_duck_compute *compute, size_t column)
{
    return !compute->given || compute->given[column];
}

/* In which SELECT around the rows a column is made: 0 is the rows themselves. */
static int level_of(const silt_duck_compute *compute, size_t column)
{
    if (is_given(compute, column)) return 0;
    return compute->columns[column].kind == SILT_OUTPUT_EXPR ? 2 : 1;
}

static void put_path(silt_buf *sql, const silt_expr *column, const char *name)
{
    for (size_t i = 1; i < column->path_count; i++)
        silt_buf_putc(sql, '(');
    silt_buf_puts(sql, "t.");
    silt_sql_name(sql, name);
    for (size_t i = 1; i < column->path_count; i++) {
        silt_buf_puts(sql, ").");
        silt_sql_name(sql, column->path[i]);
    }
}

static ptrdiff_t find_label(const silt_duck_compute *compute, const char *label)
{
    for (size_t c = 0; c < compute->column_count; c++)
        if (silt_streq(silt_output_label(&compute->columns[c]), label)) return (ptrdiff_t)c;
    return -1;
}

silt_status silt_duck_output_column(void *ctx, const silt_expr *column, silt_buf *sql,
                                    silt_error *err)
{
    const silt_duck_compute *compute = ctx;
    ptrdiff_t c = find_label(compute, column->path[0]);
    if (c < 0)
        return silt_fail(err, SILT_INVALID, "an expression looks at column %s, which isn't there",
                         column->path[0]);
    put_path(sql, column, compute->columns[c].name);
    return SILT_OK;
}

/* One expression's view: columns that are made before it. */
typedef struct view {
    const silt_duck_compute *compute;
    int level;
} view;

static silt_status view_column(void *ctx, const silt_expr *column, silt_buf *sql, silt_error *err)
{
    const view *v = ctx;
    for (size_t i = 0; i < v->compute->row_count; i++) {
        if (!silt_streq(v->compute->rows[i].name, column->path[0])) continue;
        char name[64];
        (void)snprintf(name, sizeof name, SILT_DUCK_ROW_COLUMN, i);
        put_path(sql, column, name);
        return SILT_OK;
    }
    ptrdiff_t c = find_label(v->compute, column->path[0]);
    if (c >= 0 && level_of(v->compute, (size_t)c) >= v->level)
        return silt_fail(err, SILT_INVALID, "its expression looks at column %s, which is computed",
                         column->path[0]);
    return silt_duck_output_column((void *)v->compute, column, sql, err);
}

static silt_status put_value(const silt_duck_compute *compute, size_t c, silt_buf *sql,
                             silt_error *err)
{
    const silt_output_column *column = &compute->columns[c];
    if (column->kind == SILT_OUTPUT_IDENTITY) {
        silt_buf_printf(sql, "silt_number(%" PRId64 ")", compute->numbers->scan.id);
        return SILT_OK;
    }
    view v = {compute, level_of(compute, c)};
    SILT_CLEAN(silt_buf) value = {0};
    if (!column->expr)
        return silt_fail(err, SILT_INVALID, "column %s has no expression",
                         silt_output_label(column));
    silt_status st = silt_duck_expr_sql(column->expr, view_column, &v, &value, err);
    if (st == SILT_OK)
        st = silt_sql_cast(sql, value.data, column->expr->type, column->type, false, err);
    return st == SILT_OK ? st : silt_wrap(err, st, "column %s", silt_output_label(column));
}

/* ---- SELECT ---------------------------------------------------------------------------------- */

/* The columns of one level, behind all that is below. */
static silt_status wrap_level(const silt_duck_compute *compute, int level, silt_buf *rows,
                              silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    bool any = false;
    silt_buf_puts(&sql, "SELECT t.*");
    for (size_t c = 0; c < compute->column_count; c++) {
        if (level_of(compute, c) != level) continue;
        any = true;
        silt_buf_puts(&sql, ", ");
        SILT_TRY(put_value(compute, c, &sql, err));
        silt_buf_puts(&sql, " AS ");
        silt_sql_name(&sql, compute->columns[c].name);
    }
    if (!any) return SILT_OK;
    silt_buf_printf(&sql, " FROM (%s) t", rows->data);
    if (sql.failed) return silt_fail_nomem(err);
    silt_buf old = *rows;
    *rows = sql;
    sql = old;
    return SILT_OK;
}

silt_status silt_duck_compute_sql(const silt_duck_compute *compute, const silt_buf *rows,
                                  silt_buf *sql, silt_error *err)
{
    bool any = compute->row_count > 0;
    for (size_t c = 0; c < compute->column_count; c++)
        any |= !is_given(compute, c);
    if (!any) {
        silt_buf_append(sql, rows->data, rows->size);
        return SILT_OK;
    }
    SILT_CLEAN(silt_buf) inner = {0};
    silt_buf_append(&inner, rows->data, rows->size);
    for (int level = 1; level <= 2; level++) {
        if (inner.failed) return silt_fail_nomem(err);
        SILT_TRY(wrap_level(compute, level, &inner, err));
    }
    silt_buf_puts(sql, "SELECT ");
    for (size_t c = 0; c < compute->column_count; c++) {
        if (c) silt_buf_puts(sql, ", ");
        silt_sql_name(sql, compute->columns[c].name);
    }
    if (compute->file_column) silt_buf_puts(sql, ", " SILT_DUCK_FILE_COLUMN);
    silt_buf_printf(sql, " FROM (%s)", inner.data);
    return SILT_OK;
}
