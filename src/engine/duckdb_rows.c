/* The rows of a spec as one SELECT, and values as JSON and text.
 *
 * As text an instant is ISO-8601 in UTC, binary is base64, and structs, lists and maps are JSON. */
#include "engine/duckdb_table.h"

#include <stdio.h>

/* ---- values as JSON and text ----------------------------------------------------------------- */

#define ISO_FORMAT "%Y-%m-%dT%H:%M:%S.%f" /* strftime's */

/* Whether DuckDB's own JSON of a type isn't what ours is. */
static bool is_special(const silt_type *type)
{
    switch (type->kind) {
    case SILT_TYPE_FLOAT: /* NaN and Infinity are no JSON */
    case SILT_TYPE_DOUBLE:
    case SILT_TYPE_BINARY:
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        return true;
    case SILT_TYPE_STRUCT:
        for (size_t i = 0; i < type->field_count; i++)
            if (is_special(type->fields[i].type)) return true;
        return false;
    case SILT_TYPE_ARRAY:
        return is_special(type->element);
    case SILT_TYPE_MAP:
        return is_special(type->key) || is_special(type->element);
    default:
        return false;
    }
}

static void json_expr(silt_buf *sql, const silt_type *type, const char *expr, int depth);

static void json_struct(silt_buf *sql, const silt_type *type, const char *expr, int depth)
{
    silt_buf_printf(sql, "CASE WHEN %s IS NOT NULL THEN struct_pack(", expr);
    for (size_t i = 0; i < type->field_count; i++) {
        SILT_CLEAN(silt_buf) field = {0};
        silt_buf_printf(&field, "(%s).", expr);
        silt_sql_name(&field, type->fields[i].name);
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_name(sql, type->fields[i].name);
        silt_buf_puts(sql, " := ");
        if (field.failed)
            sql->failed = true;
        else
            json_expr(sql, type->fields[i].type, field.data, depth);
    }
    silt_buf_puts(sql, ") END");
}

/* Append list_transform(list, lambda x<depth>: …). */
static void json_list(silt_buf *sql, const silt_type *element, const char *list, int depth)
{
    char variable[16];
    (void)snprintf(variable, sizeof variable, "x%d", depth);
    silt_buf_printf(sql, "list_transform(%s, lambda %s: ", list, variable);
    json_expr(sql, element, variable, depth + 1);
    silt_buf_putc(sql, ')');
}

static void json_map(silt_buf *sql, const silt_type *type, const char *expr, int depth)
{
    SILT_CLEAN(silt_buf) keys = {0};
    SILT_CLEAN(silt_buf) values = {0};
    silt_buf_printf(&keys, "map_keys(%s)", expr);
    silt_buf_printf(&values, "map_values(%s)", expr);
    if (keys.failed || values.failed) {
        sql->failed = true;
        return;
    }
    silt_buf_printf(sql, "CASE WHEN %s IS NOT NULL THEN map(", expr);
    json_list(sql, type->key, keys.data, depth);
    silt_buf_puts(sql, ", ");
    json_list(sql, type->element, values.data, depth);
    silt_buf_puts(sql, ") END");
}

/* Append `expr` of `type` in a form whose JSON is the one we want. */
static void json_expr(silt_buf *sql, const silt_type *type, const char *expr, int depth)
{
    if (!is_special(type)) {
        silt_buf_puts(sql, expr);
        return;
    }
    switch (type->kind) {
    case SILT_TYPE_TIMESTAMP:
        silt_buf_printf(sql, "strftime(%s, '%sZ')", expr, ISO_FORMAT);
        break;
    case SILT_TYPE_TIMESTAMP_NTZ:
        silt_buf_printf(sql, "strftime(%s, '%s')", expr, ISO_FORMAT);
        break;
    case SILT_TYPE_BINARY:
        silt_buf_printf(sql, "base64(%s)", expr);
        break;
    case SILT_TYPE_STRUCT:
        json_struct(sql, type, expr, depth);
        break;
    case SILT_TYPE_ARRAY:
        json_list(sql, type->element, expr, depth);
        break;
    case SILT_TYPE_MAP:
        json_map(sql, type, expr, depth);
        break;
    default: /* FLOAT, DOUBLE: as Spark writes them */
        silt_buf_printf(sql,
                        "CASE WHEN %s IS NULL OR isfinite(%s) THEN to_json(%s) WHEN isnan(%s) THEN "
                        "to_json('NaN') WHEN %s > 0 THEN to_json('Infinity') ELSE "
                        "to_json('-Infinity') END",
                        expr, expr, expr, expr, expr);
        break;
    }
}

/* Append `expr` of `type` as text. */
static void text_expr(silt_buf *sql, const silt_type *type, const char *expr)
{
    bool nested = type->kind == SILT_TYPE_STRUCT || type->kind == SILT_TYPE_ARRAY ||
                  type->kind == SILT_TYPE_MAP;
    bool number = type->kind == SILT_TYPE_FLOAT || type->kind == SILT_TYPE_DOUBLE;
    silt_buf_puts(sql, nested ? "CAST(to_json(" : "CAST(");
    if (number)
        silt_buf_puts(sql, expr);
    else
        json_expr(sql, type, expr, 0);
    silt_buf_puts(sql, nested ? ") AS VARCHAR)" : " AS VARCHAR)");
}

silt_status silt_duck_form_sql(const silt_column *columns, size_t count, silt_duck_form form,
                               const silt_buf *select, silt_buf *sql, silt_error *err)
{
    if (select->failed) return silt_fail_nomem(err);
    silt_buf_puts(sql, "SELECT ");
    for (size_t c = 0; c < count; c++) {
        SILT_CLEAN(silt_buf) name = {0};
        silt_buf_puts(&name, "t.");
        silt_sql_name(&name, columns[c].name);
        if (name.failed) return silt_fail_nomem(err);
        if (c) silt_buf_puts(sql, ", ");
        if (form == SILT_DUCK_PLAIN)
            silt_buf_puts(sql, name.data);
        else if (form == SILT_DUCK_TEXT)
            text_expr(sql, columns[c].type, name.data);
        else
            json_expr(sql, columns[c].type, name.data, 0);
        silt_buf_puts(sql, " AS ");
        silt_sql_name(sql, columns[c].name);
    }
    silt_buf_printf(sql, " FROM (%s) t", select->data);
    return SILT_OK;
}

/* ---- scans ----------------------------------------------------------------------------------- */

static silt_status scan_init(silt_duck_rows *rows, const silt_scan_spec *spec, silt_error *err)
{
    if (spec->column_count == 0) return silt_fail(err, SILT_INVALID, "scan: no columns");
    size_t count = spec->result_count ? spec->result_count : spec->column_count;
    silt_column *columns = silt_arena_calloc(rows->arena, count, sizeof *columns);
    if (!columns) return silt_fail_nomem(err);
    for (size_t c = 0; c < count; c++)
        columns[c] = (silt_column){spec->columns[c].name, spec->columns[c].type};
    rows->columns = columns;
    rows->column_count = count;
    rows->table_count = 1;
    return silt_duck_table_init(&rows->tables[0], rows->db, spec->files, spec->file_count,
                                spec->columns, spec->column_count, spec->by_id, rows->arena, err);
}

static silt_status scan_sql(const silt_duck_rows *rows, const silt_duck_table *table,
                            const silt_scan_spec *spec, silt_buf *sql, silt_error *err)
{
    for (size_t c = 0; c < rows->column_count; c++) {
        silt_buf_printf(sql, c ? ", c%zu AS " : "SELECT c%zu AS ", c);
        silt_sql_name(sql, rows->columns[c].name);
    }
    silt_buf_puts(sql, " FROM (");
    SILT_TRY(silt_duck_table_sql(table, NULL, false, sql, err));
    silt_buf_puts(sql, ") s");
    if (spec->limit >= 0) silt_buf_printf(sql, " LIMIT %" PRId64, spec->limit);
    return SILT_OK;
}

/* ---- any ------------------------------------------------------------------------------------- */

silt_status silt_duck_rows_init(silt_duck_rows *rows, silt_duck_engine *db,
                                const silt_rows_spec *spec, silt_error *err)
{
    *rows = (silt_duck_rows){.db = db, .spec = spec, .arena = silt_arena_new()};
    if (!rows->arena) return silt_fail_nomem(err);
    if (spec->kind == SILT_ROWS_SCAN) return scan_init(rows, &spec->scan, err);
    return silt_fail(err, SILT_UNSUPPORTED, "differences of scans");
}

void silt_duck_rows_release(silt_duck_rows *rows)
{
    for (size_t i = 0; i < rows->table_count; i++)
        silt_duck_table_release(&rows->tables[i]);
    rows->table_count = 0;
    silt_arena_free(rows->arena);
    rows->arena = NULL;
}

silt_status silt_duck_rows_sql(const silt_duck_rows *rows, silt_duck_form form, silt_buf *sql,
                               silt_error *err)
{
    if (form == SILT_DUCK_PLAIN)
        return scan_sql(rows, &rows->tables[0], &rows->spec->scan, sql, err);
    SILT_CLEAN(silt_buf) select = {0};
    SILT_TRY(scan_sql(rows, &rows->tables[0], &rows->spec->scan, &select, err));
    return silt_duck_form_sql(rows->columns, rows->column_count, form, &select, sql, err);
}

silt_status silt_duck_rows_blame(const silt_duck_rows *rows, silt_status st, silt_error *err)
{
    for (size_t i = 0; st != SILT_OK && i < rows->table_count; i++)
        st = silt_duck_table_blame(&rows->tables[i], st, err);
    return st;
}
