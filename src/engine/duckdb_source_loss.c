/* What is lost of a nested value of NDJSON: null where a member doesn't fit. A reader that is
 * lenient makes such nulls itself, which only shows beside the JSON that was read; the casts above
 * it where they may fail. */
#include "engine/duckdb_ops.h"

#include <stdio.h>

typedef struct losses {
    const silt_source_options *options;
    silt_error *err;
} losses;

static bool is_nested(const silt_type *type)
{
    return type->kind == SILT_TYPE_STRUCT || type->kind == SILT_TYPE_ARRAY ||
           type->kind == SILT_TYPE_MAP;
}

/* `json` NULL: nothing is lost in reading. */
static silt_status put_loss(const losses *l, const silt_type *type, const char *value,
                            const char *json, int depth, silt_buf *sql);

/* Another kind of JSON value than the type is made of. */
static void put_kind(silt_buf *sql, const char *json, const char *kind)
{
    if (json)
        silt_buf_printf(sql, "coalesce(json_type(%s) NOT IN ('NULL', '%s'), false)", json, kind);
    else
        silt_buf_puts(sql, "false");
}

static silt_status put_leaf(const losses *l, const silt_type *type, const char *value,
                            const char *json, silt_buf *sql)
{
    bool text = silt_duck_nested_is_text(type);
    if (!text && !json) {
        silt_buf_puts(sql, "false");
        return SILT_OK;
    }
    silt_buf_putc(sql, '(');
    if (text)
        SILT_TRY(silt_duck_text_cast(sql, value, l->options, type, true, l->err));
    else
        silt_buf_puts(sql, value);
    if (json)
        silt_buf_printf(sql, ") IS NULL AND coalesce(json_type(%s) <> 'NULL', false)", json);
    else
        silt_buf_printf(sql, ") IS NULL AND (%s) IS NOT NULL", value);
    return SILT_OK;
}

static silt_status put_fields(const losses *l, const silt_type *type, const char *value,
                              const char *json, int depth, silt_buf *sql)
{
    for (size_t i = 0; i < type->field_count; i++) {
        SILT_CLEAN(silt_buf) field = {0};
        SILT_CLEAN(silt_buf) member = {0};
        SILT_CLEAN(silt_buf) pointer = {0};
        silt_buf_printf(&field, "(%s).", value);
        silt_sql_name(&field, type->fields[i].name);
        silt_duck_json_pointer(type->fields[i].name, &pointer);
        if (json) {
            silt_buf_printf(&member, "json_extract(%s, ", json);
            silt_sql_text(&member, pointer.data);
            silt_buf_putc(&member, ')');
        }
        if (field.failed || member.failed || pointer.failed) return silt_fail_nomem(l->err);
        silt_buf_puts(sql, " OR ");
        SILT_TRY(
            put_loss(l, type->fields[i].type, field.data, json ? member.data : NULL, depth, sql));
    }
    return SILT_OK;
}

/* Elements, and their JSON side by side; both lists are in order. */
static silt_status put_elements(const losses *l, const silt_type *element, const char *values,
                                const char *jsons, int depth, silt_buf *sql)
{
    char value[16], json[16];
    (void)snprintf(value, sizeof value, jsons ? "z%d[1]" : "z%d", depth);
    (void)snprintf(json, sizeof json, "z%d[2]", depth);
    silt_buf_puts(sql, " OR coalesce(list_bool_or(list_transform(");
    if (jsons)
        silt_buf_printf(sql, "list_zip(%s, %s)", values, jsons);
    else
        silt_buf_puts(sql, values);
    silt_buf_printf(sql, ", lambda z%d: ", depth);
    SILT_TRY(put_loss(l, element, value, jsons ? json : NULL, depth + 1, sql));
    silt_buf_puts(sql, ")), false)");
    return SILT_OK;
}

static silt_status put_map(const losses *l, const silt_type *type, const char *value,
                           const char *json, int depth, silt_buf *sql)
{
    SILT_CLEAN(silt_buf) keys = {0};
    SILT_CLEAN(silt_buf) values = {0};
    SILT_CLEAN(silt_buf) jsons = {0};
    put_kind(sql, json, "OBJECT");
    silt_buf_printf(&keys, "map_keys(%s)", value);
    silt_buf_printf(&values, "map_values(%s)", value);
    if (json) silt_buf_printf(&jsons, "json_extract(%s, '$.*')", json);
    if (keys.failed || values.failed || jsons.failed) return silt_fail_nomem(l->err);
    SILT_TRY(put_elements(l, type->key, keys.data, NULL, depth, sql));
    return put_elements(l, type->element, values.data, json ? jsons.data : NULL, depth, sql);
}

static silt_status put_loss(const losses *l, const silt_type *type, const char *value,
                            const char *json, int depth, silt_buf *sql)
{
    SILT_CLEAN(silt_buf) jsons = {0};
    silt_buf_putc(sql, '(');
    if (!is_nested(type)) {
        SILT_TRY(put_leaf(l, type, value, json, sql));
    } else if (type->kind == SILT_TYPE_STRUCT) {
        put_kind(sql, json, "OBJECT");
        SILT_TRY(put_fields(l, type, value, json, depth, sql));
    } else if (type->kind == SILT_TYPE_ARRAY) {
        put_kind(sql, json, "ARRAY");
        if (json) silt_buf_printf(&jsons, "json_extract(%s, '$[*]')", json);
        if (jsons.failed) return silt_fail_nomem(l->err);
        SILT_TRY(put_elements(l, type->element, value, json ? jsons.data : NULL, depth, sql));
    } else {
        SILT_TRY(put_map(l, type, value, json, depth, sql));
    }
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

void silt_duck_json_pointer(const char *name, silt_buf *out)
{
    silt_buf_putc(out, '/');
    for (const char *c = name; *c; c++)
        silt_buf_printf(out, *c == '~' ? "~0" : *c == '/' ? "~1" : "%c", *c);
}

silt_status silt_duck_source_loss(const silt_type *type, const char *value, const char *json,
                                  const silt_source_options *options, silt_buf *sql,
                                  silt_error *err)
{
    const losses l = {options, err};
    return is_nested(type) ? put_loss(&l, type, value, json, 0, sql) : SILT_OK;
}
