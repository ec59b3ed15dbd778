/* Structs, arrays and maps of NDJSON: read with texts where DuckDB's reader would round a number,
 * cut a time off a date or take a timestamp without zone for UTC, and cast above it, as whole
 * columns are. */
#include "engine/duckdb_ops.h"

#include <stdio.h>

bool silt_duck_nested_is_text(const silt_type *type)
{
    return (type->kind >= SILT_TYPE_BYTE && type->kind <= SILT_TYPE_LONG) ||
           type->kind == SILT_TYPE_DECIMAL || type->kind == SILT_TYPE_DATE ||
           type->kind == SILT_TYPE_TIMESTAMP || type->kind == SILT_TYPE_TIMESTAMP_NTZ ||
           type->kind == SILT_TYPE_BINARY;
}

/* Whether any part is read as a text and isn't one. */
static bool has_text(const silt_type *type)
{
    bool any = silt_duck_nested_is_text(type);
    if (type->key) any |= has_text(type->key);
    if (type->element) any |= has_text(type->element);
    for (size_t i = 0; i < type->field_count && !any; i++)
        any = has_text(type->fields[i].type);
    return any;
}

typedef struct casting {
    const silt_source_options *options;
    bool try_cast;
    silt_error *err;
} casting;

static silt_status put_value(const casting *c, const silt_type *type, const char *value, int depth,
                             silt_buf *sql);

/* "CASE WHEN <value> IS NOT NULL THEN struct_pack("a" := …) END" */
static silt_status put_struct(const casting *c, const silt_type *type, const char *value, int depth,
                              silt_buf *sql)
{
    silt_buf_printf(sql, "CASE WHEN %s IS NOT NULL THEN struct_pack(", value);
    for (size_t i = 0; i < type->field_count; i++) {
        SILT_CLEAN(silt_buf) field = {0};
        silt_buf_printf(&field, "(%s).", value);
        silt_sql_name(&field, type->fields[i].name);
        if (field.failed) return silt_fail_nomem(c->err);
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_name(sql, type->fields[i].name);
        silt_buf_puts(sql, " := ");
        SILT_TRY(put_value(c, type->fields[i].type, field.data, depth, sql));
    }
    silt_buf_puts(sql, ") END");
    return SILT_OK;
}

static silt_status put_elements(const casting *c, const silt_type *element, const char *values,
                                int depth, silt_buf *sql)
{
    char value[16];
    if (!has_text(element)) {
        silt_buf_puts(sql, values);
        return SILT_OK;
    }
    (void)snprintf(value, sizeof value, "v%d", depth);
    silt_buf_printf(sql, "list_transform(%s, lambda %s: ", values, value);
    SILT_TRY(put_value(c, element, value, depth + 1, sql));
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

/* A key that can't be cast makes a null of the whole map, since none can be null. */
static silt_status put_map(const casting *c, const silt_type *type, const char *value, int depth,
                           silt_buf *sql)
{
    SILT_CLEAN(silt_buf) names = {0};
    SILT_CLEAN(silt_buf) keys = {0};
    SILT_CLEAN(silt_buf) values = {0};
    silt_buf_printf(&names, "map_keys(%s)", value);
    silt_buf_printf(&values, "map_values(%s)", value);
    if (names.failed || values.failed) return silt_fail_nomem(c->err);
    SILT_TRY(put_elements(c, type->key, names.data, depth, &keys));
    if (keys.failed) return silt_fail_nomem(c->err);
    silt_buf_printf(sql, "CASE WHEN %s IS NOT NULL", value);
    if (c->try_cast)
        silt_buf_printf(sql, " AND list_count(%s) = cardinality(%s)", keys.data, value);
    silt_buf_printf(sql, " THEN map(%s, ", keys.data);
    SILT_TRY(put_elements(c, type->element, values.data, depth, sql));
    silt_buf_puts(sql, ") END");
    return SILT_OK;
}

static silt_status put_value(const casting *c, const silt_type *type, const char *value, int depth,
                             silt_buf *sql)
{
    if (silt_duck_nested_is_text(type))
        return silt_duck_text_cast(sql, value, c->options, type, c->try_cast, c->err);
    if (type->kind == SILT_TYPE_STRUCT && has_text(type))
        return put_struct(c, type, value, depth, sql);
    if (type->kind == SILT_TYPE_MAP && has_text(type)) return put_map(c, type, value, depth, sql);
    if (type->kind == SILT_TYPE_ARRAY) return put_elements(c, type->element, value, depth, sql);
    silt_buf_puts(sql, value);
    return SILT_OK;
}

silt_status silt_duck_nested_value(silt_buf *sql, const char *value, const silt_source_options *o,
                                   const silt_type *type, bool try_cast, silt_error *err)
{
    const casting c = {o, try_cast, err};
    silt_buf_puts(sql, try_cast ? "TRY_CAST(" : "CAST(");
    SILT_TRY(put_value(&c, type, value, 0, sql));
    silt_buf_puts(sql, " AS ");
    SILT_TRY(silt_sql_type(sql, type, err));
    silt_buf_putc(sql, ')');
    return sql->failed ? silt_fail_nomem(err) : SILT_OK;
}
