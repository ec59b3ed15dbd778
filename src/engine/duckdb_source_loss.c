/* What a lenient reader of JSON loses of a nested value: it gives null where a member doesn't fit,
 * which only shows beside the JSON that was read. */
#include "engine/duckdb_ops.h"

#include <stdio.h>

static bool is_nested(const silt_type *type)
{
    return type->kind == SILT_TYPE_STRUCT || type->kind == SILT_TYPE_ARRAY ||
           type->kind == SILT_TYPE_MAP;
}

static void put_loss(silt_buf *sql, const silt_type *type, const char *value, const char *json,
                     int depth);

/* Another kind of JSON value than the type is made of. */
static void put_kind(silt_buf *sql, const char *json, const char *kind)
{
    silt_buf_printf(sql, "coalesce(json_type(%s) NOT IN ('NULL', '%s'), false)", json, kind);
}

static void put_fields(silt_buf *sql, const silt_type *type, const char *value, const char *json,
                       int depth)
{
    for (size_t i = 0; i < type->field_count; i++) {
        SILT_CLEAN(silt_buf) field = {0};
        SILT_CLEAN(silt_buf) member = {0};
        SILT_CLEAN(silt_buf) pointer = {0};
        silt_buf_printf(&field, "(%s).", value);
        silt_sql_name(&field, type->fields[i].name);
        silt_duck_json_pointer(type->fields[i].name, &pointer);
        silt_buf_printf(&member, "json_extract(%s, ", json);
        silt_sql_text(&member, pointer.data);
        silt_buf_putc(&member, ')');
        sql->failed |= field.failed || member.failed || pointer.failed;
        if (sql->failed) return;
        silt_buf_puts(sql, " OR ");
        put_loss(sql, type->fields[i].type, field.data, member.data, depth);
    }
}

/* Elements side by side; both lists are in order. */
static void put_elements(silt_buf *sql, const silt_type *element, const char *values,
                         const char *jsons, int depth)
{
    char value[16], json[16];
    (void)snprintf(value, sizeof value, "z%d[1]", depth);
    (void)snprintf(json, sizeof json, "z%d[2]", depth);
    silt_buf_printf(sql, " OR coalesce(list_bool_or(list_transform(list_zip(%s, %s), lambda z%d: ",
                    values, jsons, depth);
    put_loss(sql, element, value, json, depth + 1);
    silt_buf_puts(sql, ")), false)");
}

static void put_loss(silt_buf *sql, const silt_type *type, const char *value, const char *json,
                     int depth)
{
    SILT_CLEAN(silt_buf) values = {0};
    SILT_CLEAN(silt_buf) jsons = {0};
    silt_buf_putc(sql, '(');
    if (!is_nested(type)) {
        silt_buf_printf(sql, "(%s) IS NULL AND coalesce(json_type(%s) <> 'NULL', false)", value,
                        json);
    } else if (type->kind == SILT_TYPE_STRUCT) {
        put_kind(sql, json, "OBJECT");
        put_fields(sql, type, value, json, depth);
    } else if (type->kind == SILT_TYPE_ARRAY) {
        put_kind(sql, json, "ARRAY");
        silt_buf_printf(&jsons, "json_extract(%s, '$[*]')", json);
        put_elements(sql, type->element, value, jsons.data ? jsons.data : "", depth);
    } else {
        put_kind(sql, json, "OBJECT");
        silt_buf_printf(&values, "map_values(%s)", value);
        silt_buf_printf(&jsons, "json_extract(%s, '$.*')", json);
        put_elements(sql, type->element, values.data ? values.data : "",
                     jsons.data ? jsons.data : "", depth);
    }
    silt_buf_putc(sql, ')');
    sql->failed |= values.failed || jsons.failed;
}

void silt_duck_json_pointer(const char *name, silt_buf *out)
{
    silt_buf_putc(out, '/');
    for (const char *c = name; *c; c++)
        silt_buf_printf(out, *c == '~' ? "~0" : *c == '/' ? "~1" : "%c", *c);
}

void silt_duck_source_loss(const silt_type *type, const char *value, const char *json,
                           silt_buf *sql)
{
    if (is_nested(type)) put_loss(sql, type, value, json, 0);
}
