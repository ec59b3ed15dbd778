/* Types as Delta writes them in metaData.schemaString, read and written.
 * @see PROTOCOL.md, "Schema Serialization Format" */
#include "silt/schema.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/type.h"

/* ---- reading */

/* Where in the schema we are, from the inside out, for messages. */
typedef struct place {
    const struct place *outer;
    const char *name; /* of a column, or "element", "key", "value" */
} place;

typedef struct reader {
    silt_arena *arena;
    silt_error *err;
} reader;

static silt_status read_type(reader *r, const silt_json *json, const place *at, int depth,
                             const silt_type **out);

static void put_place(silt_buf *buf, const place *at)
{
    if (at->outer) {
        put_place(buf, at->outer);
        silt_buf_putc(buf, '.');
    }
    silt_buf_puts(buf, at->name);
}

static silt_status fail_at(reader *r, silt_status status, const place *at, const char *what)
{
    if (!at) return silt_fail(r->err, status, "schema: %s", what);
    SILT_CLEAN(silt_buf) path = {0};
    put_place(&path, at);
    return silt_fail(r->err, status, "schema: column '%s': %s", path.failed ? "?" : path.data,
                     what);
}

static silt_status fail_unknown(reader *r, const place *at, const char *name)
{
    SILT_CLEAN(silt_buf) what = {0};
    silt_buf_printf(&what, "Silt doesn't have the type '%s'", name);
    return fail_at(r, SILT_UNSUPPORTED, at, what.failed ? "an unknown type" : what.data);
}

static silt_status read_named(reader *r, const silt_json *json, const place *at,
                              const silt_type **out)
{
    silt_bytes name = {silt_json_string(json), silt_json_string_size(json)};
    const silt_type *type = silt_type_by_name(name);
    if (!type && silt_starts_with(name.data, "decimal")) {
        int precision = 10, scale = 0; /* of a bare "decimal" */
        const size_t skip = sizeof("decimal") - 1;
        silt_bytes rest = {name.data + skip, name.size - skip};
        size_t used = 0;
        if (rest.size &&
            (!silt_decimal_parse(rest.data, false, &precision, &scale, &used) || used != rest.size))
            return fail_at(r, SILT_CORRUPT, at,
                           "a decimal needs a precision of 1 to 38 and a scale "
                           "of 0 to the precision");
        type = silt_type_decimal(precision, scale, r->arena);
        if (!type) return silt_fail_nomem(r->err);
    }
    if (!type) return fail_unknown(r, at, name.data);
    *out = type;
    return SILT_OK;
}

/* A member that has to be true or false. */
static silt_status read_bool(reader *r, const silt_json *json, const char *key, const place *at,
                             bool *out)
{
    const silt_json *value = silt_json_get(json, key);
    if (silt_json_kind_of(value) != SILT_JSON_BOOL) {
        char what[64];
        snprintf(what, sizeof(what), "\"%s\" is not true or false", key);
        return fail_at(r, SILT_CORRUPT, at, what);
    }
    *out = silt_json_bool(value, false);
    return SILT_OK;
}

static silt_status read_metadata(reader *r, const silt_json *json, const place *at,
                                 const char **out)
{
    *out = "{}";
    if (!json || (silt_json_kind_of(json) == SILT_JSON_OBJECT && silt_json_count(json) == 0))
        return SILT_OK;
    if (silt_json_kind_of(json) != SILT_JSON_OBJECT)
        return fail_at(r, SILT_CORRUPT, at, "\"metadata\" is not an object");
    *out = silt_json_text(json, r->arena);
    return *out ? SILT_OK : silt_fail_nomem(r->err);
}

static silt_status read_field(reader *r, const silt_json *json, const place *outer, int depth,
                              silt_field *out)
{
    const silt_json *name = silt_json_get(json, "name");
    const char *text = silt_json_string(name);
    if (!text) return fail_at(r, SILT_CORRUPT, outer, "a field without a name");
    if (strlen(text) != silt_json_string_size(name))
        return fail_at(r, SILT_CORRUPT, outer, "a name with a NUL in it");

    const place at = {outer, text};
    out->name = silt_arena_strdup(r->arena, text);
    if (!out->name) return silt_fail_nomem(r->err);
    SILT_TRY(read_bool(r, json, "nullable", &at, &out->nullable));
    SILT_TRY(read_metadata(r, silt_json_get_some(json, "metadata"), &at, &out->metadata));
    return read_type(r, silt_json_get(json, "type"), &at, depth, &out->type);
}

/* Names are unique regardless of case, but what differs in case alone can be told apart, and some
 * writers write it. */
static silt_status check_unique(reader *r, const silt_type *type, const place *at)
{
    if (type->field_count < 2) return SILT_OK;
    SILT_AUTO(silt_map64) names = silt_map64_new();
    if (!names) return silt_fail_nomem(r->err);
    for (size_t i = 0; i < type->field_count; i++) {
        const char *name = type->fields[i].name;
        bool found = false;
        if (!silt_map64_slot(names, name, strlen(name), &found)) return silt_fail_nomem(r->err);
        const place field = {at, name};
        if (found) return fail_at(r, SILT_CORRUPT, &field, "there twice");
    }
    return SILT_OK;
}

static silt_status read_struct(reader *r, const silt_json *json, const place *at, int depth,
                               silt_type *type)
{
    const silt_json *list = silt_json_get(json, "fields");
    if (silt_json_kind_of(list) != SILT_JSON_ARRAY)
        return fail_at(r, SILT_CORRUPT, at, "a struct without \"fields\"");
    silt_field *fields = silt_arena_calloc(r->arena, silt_json_count(list), sizeof(*fields));
    if (!fields) return silt_fail_nomem(r->err);
    type->fields = fields;
    for (silt_json_iter it = silt_json_iter_of(list); silt_json_next(&it);)
        SILT_TRY(read_field(r, it.value, at, depth, &fields[type->field_count++]));
    return check_unique(r, type, at);
}

static silt_status read_array(reader *r, const silt_json *json, const place *at, int depth,
                              silt_type *type)
{
    const place element = {at, "element"};
    SILT_TRY(read_bool(r, json, "containsNull", at, &type->contains_null));
    return read_type(r, silt_json_get(json, "elementType"), &element, depth, &type->element);
}

static silt_status read_map(reader *r, const silt_json *json, const place *at, int depth,
                            silt_type *type)
{
    const place key = {at, "key"}, value = {at, "value"};
    SILT_TRY(read_bool(r, json, "valueContainsNull", at, &type->contains_null));
    SILT_TRY(read_type(r, silt_json_get(json, "keyType"), &key, depth, &type->key));
    return read_type(r, silt_json_get(json, "valueType"), &value, depth, &type->element);
}

static silt_status read_nested(reader *r, const silt_json *json, const place *at, int depth,
                               const silt_type **out)
{
    const char *name = silt_json_string(silt_json_get(json, "type"));
    if (!name) return fail_at(r, SILT_CORRUPT, at, "a type without a \"type\"");
    if (depth == SILT_TYPE_DEPTH_MAX) {
        char what[64];
        snprintf(what, sizeof(what), "types nested deeper than %d", SILT_TYPE_DEPTH_MAX);
        return fail_at(r, SILT_UNSUPPORTED, at, what);
    }
    silt_type *type = silt_arena_calloc(r->arena, 1, sizeof(*type));
    if (!type) return silt_fail_nomem(r->err);
    *out = type;
    if (silt_streq(name, "struct")) {
        type->kind = SILT_TYPE_STRUCT;
        return read_struct(r, json, at, depth + 1, type);
    }
    if (silt_streq(name, "array")) {
        type->kind = SILT_TYPE_ARRAY;
        return read_array(r, json, at, depth + 1, type);
    }
    if (silt_streq(name, "map")) {
        type->kind = SILT_TYPE_MAP;
        return read_map(r, json, at, depth + 1, type);
    }
    return fail_unknown(r, at, name);
}

static silt_status read_type(reader *r, const silt_json *json, const place *at, int depth,
                             const silt_type **out)
{
    switch (silt_json_kind_of(json)) {
    case SILT_JSON_STRING:
        return read_named(r, json, at, out);
    case SILT_JSON_OBJECT:
        return read_nested(r, json, at, depth, out);
    default:
        return fail_at(r, SILT_CORRUPT, at, "neither the name of a type nor an object");
    }
}

silt_status silt_schema_parse(const char *json, size_t size, silt_arena *arena,
                              const silt_type **out, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    const silt_json *root;
    silt_status st = silt_json_parse((silt_bytes){json, size}, scratch, &root, err);
    if (st != SILT_OK) return silt_wrap(err, st, "schema");
    reader r = {arena, err};
    const silt_type *type;
    SILT_TRY(read_type(&r, root, NULL, 0, &type));
    *out = type;
    return SILT_OK;
}

/* ---- writing */

/* `bare`: columns without their metadata. */
static void put_type(silt_json_writer *w, const silt_type *type, bool bare);

static void put_struct(silt_json_writer *w, const silt_type *type, bool bare)
{
    silt_json_key(w, "fields");
    silt_json_begin_array(w);
    for (size_t i = 0; i < type->field_count; i++) {
        const silt_field *field = &type->fields[i];
        silt_json_begin_object(w);
        silt_json_member_string(w, "name", field->name);
        silt_json_key(w, "type");
        put_type(w, field->type, bare);
        silt_json_member_bool(w, "nullable", field->nullable);
        silt_json_member_raw(w, "metadata", bare ? "{}" : field->metadata);
        silt_json_end_object(w);
    }
    silt_json_end_array(w);
}

static void put_type(silt_json_writer *w, const silt_type *type, bool bare)
{
    char decimal[32];
    if (type->kind == SILT_TYPE_DECIMAL) {
        snprintf(decimal, sizeof(decimal), "decimal(%u,%u)", type->precision, type->scale);
        silt_json_put_string(w, decimal);
        return;
    }
    if (silt_type_primitive(type->kind)) {
        silt_json_put_string(w, silt_type_kind_name(type->kind));
        return;
    }
    silt_json_begin_object(w);
    silt_json_member_string(w, "type", silt_type_kind_name(type->kind));
    if (type->kind == SILT_TYPE_STRUCT) {
        put_struct(w, type, bare);
    } else if (type->kind == SILT_TYPE_ARRAY) {
        silt_json_key(w, "elementType");
        put_type(w, type->element, bare);
        silt_json_member_bool(w, "containsNull", type->contains_null);
    } else {
        silt_json_key(w, "keyType");
        put_type(w, type->key, bare);
        silt_json_key(w, "valueType");
        put_type(w, type->element, bare);
        silt_json_member_bool(w, "valueContainsNull", type->contains_null);
    }
    silt_json_end_object(w);
}

char *silt_schema_json(const silt_type *type, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    put_type(&w, type, false);
    return silt_buf_copy(&buf, arena);
}

bool silt_schema_fingerprint(const silt_type *type, char out[SILT_SHA256_SIZE])
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    put_type(&w, type, true);
    if (buf.failed) return false;
    silt_sha256_hex(silt_buf_bytes(&buf), out);
    return true;
}
