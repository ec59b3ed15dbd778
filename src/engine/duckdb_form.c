/* Values in the forms that they go out in.
 *
 * As text an instant is ISO-8601 in UTC, binary is base64, and structs, lists and maps are JSON.
 *
 * A variant is its two parts, as files have them, so that what is written anew stays as it is byte
 * by byte: DuckDB's own type knows no variant that is null, writes members of objects in the order
 * in which they came, and shreds what it writes to Parquet files, which only tables of a feature of
 * its own may hold. It becomes that type where people look at it; whole columns of Parquet files
 * for them too, since within others DuckDB can't write it. In all forms a variant's own null is
 * null to them.
 * @see PROTOCOL.md, "Variant data in Parquet" */
#include "engine/duckdb_table.h"

#include <stdio.h>

#define ISO_FORMAT "%Y-%m-%dT%H:%M:%S.%f" /* strftime's */

bool silt_duck_has_variant(const silt_type *type)
{
    bool found = type->kind == SILT_TYPE_VARIANT;
    for (size_t i = 0; !found && i < type->field_count; i++)
        found = silt_duck_has_variant(type->fields[i].type);
    if (!found && type->key) found = silt_duck_has_variant(type->key);
    if (!found && type->element) found = silt_duck_has_variant(type->element);
    return found;
}

/* Whether a value in a form isn't just the value. Text is JSON with another outside. */
static bool is_special(silt_duck_form form, const silt_type *type)
{
    if (type->kind == SILT_TYPE_VARIANT)
        return form != SILT_DUCK_PLAIN && form != SILT_DUCK_PARQUET && form != SILT_DUCK_ARROW;
    switch (type->kind) {
    case SILT_TYPE_FLOAT: /* NaN and Infinity are no JSON */
    case SILT_TYPE_DOUBLE:
        if (form == SILT_DUCK_GUARDED) return true;
        __attribute__((fallthrough));
    case SILT_TYPE_BINARY:
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        return form == SILT_DUCK_TEXT || form == SILT_DUCK_JSON;
    case SILT_TYPE_STRUCT:
        for (size_t i = 0; i < type->field_count; i++)
            if (is_special(form, type->fields[i].type)) return true;
        return false;
    case SILT_TYPE_ARRAY: /* what is in lists has no bounds in files */
        return (form != SILT_DUCK_GUARDED || silt_duck_has_variant(type)) &&
               is_special(form, type->element);
    case SILT_TYPE_MAP:
        return (form != SILT_DUCK_GUARDED || silt_duck_has_variant(type)) &&
               (is_special(form, type->key) || is_special(form, type->element));
    default:
        return false;
    }
}

static void value_expr(silt_buf *sql, silt_duck_form form, const silt_type *type, const char *expr,
                       int depth);

static void put_struct(silt_buf *sql, silt_duck_form form, const silt_type *type, const char *expr,
                       int depth)
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
            value_expr(sql, form, type->fields[i].type, field.data, depth);
    }
    silt_buf_puts(sql, ") END");
}

/* Append list_transform(list, lambda x<depth>: …). */
static void put_list(silt_buf *sql, silt_duck_form form, const silt_type *element, const char *list,
                     int depth)
{
    char variable[16];
    (void)snprintf(variable, sizeof variable, "x%d", depth);
    silt_buf_printf(sql, "list_transform(%s, lambda %s: ", list, variable);
    value_expr(sql, form, element, variable, depth + 1);
    silt_buf_putc(sql, ')');
}

static void put_map(silt_buf *sql, silt_duck_form form, const silt_type *type, const char *expr,
                    int depth)
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
    put_list(sql, form, type->key, keys.data, depth);
    silt_buf_puts(sql, ", ");
    put_list(sql, form, type->element, values.data, depth);
    silt_buf_puts(sql, ") END");
}

/* DuckDB knows no variant that is null itself: its parts stay what they are. */
static void put_normal_variant(silt_buf *sql, const char *parts, const char *variant)
{
    silt_buf_printf(sql, "CASE WHEN %s IS NULL THEN %s ELSE ", variant, parts);
    silt_duck_variant_parts(variant, sql);
    silt_buf_puts(sql, " END");
}

static void put_variant(silt_buf *sql, silt_duck_form form, const char *expr)
{
    SILT_CLEAN(silt_buf) variant = {0};
    silt_buf_printf(&variant, "variant_bytes_to_variant((%s).metadata || (%s).\"value\")", expr,
                    expr);
    if (variant.failed)
        sql->failed = true;
    else if (form == SILT_DUCK_NORMAL)
        put_normal_variant(sql, expr, variant.data);
    else if (form == SILT_DUCK_GUARDED || form == SILT_DUCK_PARQUET)
        silt_buf_puts(sql, variant.data);
    else
        silt_buf_printf(sql,
                        "CAST(nullif(silt_variant_json((%s).metadata, (%s).\"value\"), 'null') AS "
                        "JSON)",
                        expr, expr);
}

void silt_duck_guard_float(silt_buf *sql, const silt_type *type, const char *expr)
{
    silt_buf_printf(sql, "(%s * %s)", expr,
                    type->kind == SILT_TYPE_FLOAT ? "1::FLOAT" : "1::DOUBLE");
}

/* Append `expr` of `type` in a form; for text that whose JSON is the one we want. */
static void value_expr(silt_buf *sql, silt_duck_form form, const silt_type *type, const char *expr,
                       int depth)
{
    if (!is_special(form, type)) {
        silt_buf_puts(sql, expr);
        return;
    }
    switch (type->kind) {
    case SILT_TYPE_VARIANT:
        put_variant(sql, form, expr);
        break;
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
        put_struct(sql, form, type, expr, depth);
        break;
    case SILT_TYPE_ARRAY:
        put_list(sql, form, type->element, expr, depth);
        break;
    case SILT_TYPE_MAP:
        put_map(sql, form, type, expr, depth);
        break;
    default: /* FLOAT, DOUBLE: as Spark writes them */
        if (form == SILT_DUCK_GUARDED)
            silt_duck_guard_float(sql, type, expr);
        else
            silt_buf_printf(
                sql,
                "CASE WHEN %s IS NULL OR isfinite(%s) THEN to_json(%s) WHEN isnan(%s) THEN "
                "to_json('NaN') WHEN %s > 0 THEN to_json('Infinity') ELSE "
                "to_json('-Infinity') END",
                expr, expr, expr, expr, expr);
        break;
    }
}

void silt_duck_form_value(silt_duck_form form, const silt_type *type, const char *expr,
                          silt_buf *sql)
{
    value_expr(sql, form, type, expr, 0);
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
        value_expr(sql, SILT_DUCK_TEXT, type, expr, 0);
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
        bool whole = form == SILT_DUCK_PARQUET && columns[c].type->kind == SILT_TYPE_VARIANT;
        if (whole)
            put_variant(sql, form, name.data);
        else if (form == SILT_DUCK_TEXT)
            text_expr(sql, columns[c].type, name.data);
        else
            value_expr(sql, form, columns[c].type, name.data, 0);
        silt_buf_puts(sql, " AS ");
        silt_sql_name(sql, columns[c].name);
    }
    silt_buf_printf(sql, " FROM (%s) t", select->data);
    return SILT_OK;
}
