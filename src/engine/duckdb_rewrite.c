/* Rows that are had already into files. */
#include "engine/duckdb_merge.h"
#include "engine/duckdb_ops.h"
#include "engine/duckdb_output.h"
#include "engine/duckdb_table.h"

/* One call. */
typedef struct rewrite {
    silt_duck_engine *db;      /* the session, where there is one */
    silt_duck_engine *session; /* of a statement; else NULL */
    const silt_rewrite_spec *spec;
    silt_duck_rows rows;
    silt_duck_numbers numbers;
    const silt_join *join; /* whose rows these are; NULL: of none */
    bool by_file;          /* rows have their source's file, which checks ask for */
    bool *given;           /* by output column */
} rewrite;

static void rewrite_release(rewrite *r)
{
    (void)silt_duck_keep_order(r->db, false, NULL);
    if (r->join)
        silt_join_session_end(r->db);
    else
        silt_duck_utc_end(r->db);
    silt_duck_numbers_release(&r->numbers);
    silt_duck_rows_release(&r->rows);
    silt_duck_session_close(r->session);
}

static silt_status rewrite_begin(rewrite *r, silt_error *err)
{
    const silt_rewrite_spec *spec = r->spec;
    SILT_TRY(silt_duck_start(r->db, err));
    if (spec->rows->kind == SILT_ROWS_QUERY) {
        SILT_TRY(silt_duck_session_open(r->db, &r->session, err));
        r->db = r->session;
    }
    SILT_TRY(silt_duck_rows_init(&r->rows, r->db, spec->rows, err));
    SILT_TRY(silt_duck_numbers_init(&r->numbers, r->db, spec->columns, spec->column_count, err));
    if (r->join) return silt_join_session_begin(r->db, err);
    SILT_TRY(silt_duck_utc_begin(r->db, err));
    /* The rows of a limit are the first ones. */
    bool limited = spec->rows->kind == SILT_ROWS_SCAN && spec->rows->scan.limit >= 0;
    return limited ? silt_duck_keep_order(r->db, true, err) : SILT_OK;
}

/* ---- SQL ------------------------------------------------------------------------------------- */

static ptrdiff_t find_row_column(const rewrite *r, const char *name)
{
    for (size_t i = 0; name && i < r->rows.column_count; i++)
        if (strcmp(r->rows.columns[i].name, name) == 0) return (ptrdiff_t)i;
    return -1;
}

/* A column that isn't computed, of a row `r`. */
static silt_status put_column(const rewrite *r, const silt_output_column *column, silt_buf *sql,
                              silt_error *err)
{
    ptrdiff_t i = find_row_column(r, column->source);
    if (column->kind == SILT_OUTPUT_VALUE) return silt_duck_value_sql(column, sql, err);
    if (column->kind == SILT_OUTPUT_SOURCE_FILE)
        return silt_fail(err, SILT_INVALID, "column %s: rows that are had have no source file",
                         silt_output_label(column));
    if (i < 0) {
        silt_buf_puts(sql, "CAST(NULL AS ");
        SILT_TRY(silt_sql_type(sql, column->type, err));
        silt_buf_putc(sql, ')');
        return SILT_OK;
    }
    SILT_CLEAN(silt_buf) value = {0};
    silt_buf_puts(&value, "r.");
    silt_sql_name(&value, column->source);
    if (value.failed) return silt_fail_nomem(err);
    return silt_sql_cast(sql, value.data, r->rows.columns[i].type, column->type, false, err);
}

/* What the rows have of the output; behind it all of theirs, where expressions look at them. */
static silt_status base_sql(rewrite *r, bool with_rows, silt_buf *sql, silt_error *err)
{
    const silt_rewrite_spec *spec = r->spec;
    const char *comma = "SELECT ";
    for (size_t c = 0; c < spec->column_count; c++) {
        if (!r->given[c]) continue;
        silt_buf_puts(sql, comma);
        comma = ", ";
        SILT_TRY(put_column(r, &spec->columns[c], sql, err));
        silt_buf_puts(sql, " AS ");
        silt_sql_name(sql, spec->columns[c].name);
    }
    for (size_t i = 0; with_rows && i < r->rows.column_count; i++) {
        silt_buf_printf(sql, "%sr.", comma);
        comma = ", ";
        silt_sql_name(sql, r->rows.columns[i].name);
        silt_buf_printf(sql, " AS " SILT_DUCK_ROW_COLUMN, i);
    }
    if (r->by_file) silt_buf_puts(sql, ", r." SILT_DUCK_FILE_COLUMN);
    silt_buf_puts(sql, " FROM (");
    SILT_TRY(silt_duck_rows_sql(&r->rows, SILT_DUCK_PLAIN, sql, err));
    silt_buf_puts(sql, ") r");
    return sql->failed ? silt_fail_nomem(err) : SILT_OK;
}

static silt_status select_sql(rewrite *r, silt_buf *sql, silt_error *err)
{
    const silt_rewrite_spec *spec = r->spec;
    bool computed = false;
    r->given = silt_arena_calloc(r->rows.arena, spec->column_count, sizeof *r->given);
    if (!r->given) return silt_fail_nomem(err);
    for (size_t c = 0; c < spec->column_count; c++) {
        const silt_output_column *column = &spec->columns[c];
        r->given[c] = !silt_output_is_computed(column) || find_row_column(r, column->source) >= 0;
        computed |= !r->given[c];
    }
    SILT_CLEAN(silt_buf) base = {0};
    SILT_TRY(base_sql(r, computed, &base, err));
    const silt_duck_compute compute = {.columns = spec->columns,
                                       .column_count = spec->column_count,
                                       .given = r->given,
                                       .rows = r->rows.columns,
                                       .row_count = computed ? r->rows.column_count : 0,
                                       .numbers = &r->numbers,
                                       .file_column = r->by_file};
    return silt_duck_compute_sql(&compute, &base, sql, err);
}

/* ---- the call -------------------------------------------------------------------------------- */

silt_status silt_duck_rewrite(silt_engine *engine, const silt_rewrite_spec *spec, silt_arena *arena,
                              silt_stage_result *out, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    SILT_CLEAN(rewrite) r = {.db = db, .spec = spec};
    if (spec->rows->kind == SILT_ROWS_JOIN) r.join = spec->rows->join.join;
    SILT_CLEAN(silt_buf) select = {0};
    silt_stage_result result = {0};
    if (spec->column_count == 0) return silt_fail(err, SILT_INVALID, "rewrite: no columns");
    SILT_TRY(rewrite_begin(&r, err));
    for (size_t i = 0; i < r.rows.table_count; i++)
        SILT_TRY(silt_duck_table_check_variants(&r.rows.tables[i], err));
    bool *guarded = silt_arena_alloc(r.rows.arena, spec->column_count);
    if (!guarded) return silt_fail_nomem(err);
    memset(guarded, true, spec->column_count);
    SILT_CLEAN(silt_duck_checks) checks = {0};
    SILT_TRY(silt_duck_checks_init(&checks, r.db, spec->columns, spec->column_count, guarded,
                                   &spec->write, arena, err));
    if (r.join)
        SILT_TRY(silt_duck_checks_by_file(&checks, r.join->file_names, r.join->source_count, err));
    r.by_file = checks.file_count > 0;
    SILT_TRY(select_sql(&r, &select, err));
    bool once = r.numbers.scan.data != NULL; /* a sample must not use up numbers */
    silt_status st =
        silt_duck_copy_checked(&checks, &select, once, &spec->write, arena, &result, err);
    if (result.violation_count > 0) *out = result;
    if (r.by_file && st == SILT_BAD_DATA && result.violation_count > 0)
        silt_duck_checks_blame(&checks, &r.join->spec.stage);
    if (st == SILT_BAD_DATA) return st;
    SILT_TRY(silt_duck_rows_blame(&r.rows, st, err));
    silt_duck_numbers_take(&r.numbers, &result);
    *out = result;
    return SILT_OK;
}
