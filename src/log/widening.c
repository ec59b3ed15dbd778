/* Type changes that a table's columns went through, and whether each is one of the protocol's:
 * files written before a change are read as the type after it.
 * @see PROTOCOL.md, "Type Widening", "Reader Requirements for Type Widening" */
#include "base/json.h"
#include "log/log.h"

/* Digits before the point of a whole number's type; 0: not one. */
static int whole_digits(silt_type_kind kind)
{
    switch (kind) {
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
        return 10;
    case SILT_TYPE_LONG:
        return 20;
    default:
        return 0;
    }
}

bool silt_type_widens(const silt_type *from, const silt_type *to)
{
    int digits = whole_digits(from->kind);
    switch (to->kind) {
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        return digits && from->kind < to->kind;
    case SILT_TYPE_DOUBLE:
        return from->kind == SILT_TYPE_FLOAT || digits == 10;
    case SILT_TYPE_TIMESTAMP_NTZ:
        return from->kind == SILT_TYPE_DATE;
    case SILT_TYPE_DECIMAL:
        if (from->kind == SILT_TYPE_DECIMAL)
            return to->scale >= from->scale &&
                   to->precision - to->scale >= from->precision - from->scale;
        return digits && to->precision - to->scale >= digits;
    default:
        return false;
    }
}

/* A type of delta.typeChanges; NULL: none that Silt has. */
static const silt_type *type_of(const silt_json *json, silt_arena *arena)
{
    const silt_type *type = NULL;
    const char *text = silt_json_text(json, arena);
    if (!text || silt_schema_parse(text, strlen(text), arena, &type, NULL) != SILT_OK) return NULL;
    return type;
}

static silt_status check_change(const char *column, const silt_json *change, silt_arena *arena,
                                silt_error *err)
{
    const silt_json *from_json = silt_json_get(change, "fromType");
    const silt_json *to_json = silt_json_get(change, "toType");
    const silt_type *from = type_of(from_json, arena), *to = type_of(to_json, arena);
    if (from && to && (silt_type_widens(from, to) || silt_type_equal(from, to))) return SILT_OK;
    const char *from_text = from_json ? silt_json_text(from_json, arena) : "nothing";
    const char *to_text = to_json ? silt_json_text(to_json, arena) : "nothing";
    if (!from_text || !to_text) return silt_fail_nomem(err);
    silt_fail(err, SILT_UNSUPPORTED,
              "can't read: table feature typeWidening: column %s was changed from %s to %s", column,
              from_text, to_text);
    return silt_hint(err, SILT_UNSUPPORTED,
                     "that isn't a change which the Delta protocol knows; a newer Silt may");
}

static silt_status check_column(const silt_field *field, silt_error *err)
{
    if (!strstr(field->metadata, "delta.typeChanges") && !strchr(field->metadata, '\\'))
        return SILT_OK;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_json *metadata;
    if (!scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_json_parse(silt_bytes_of(field->metadata), scratch, &metadata, err));
    const silt_json *changes = silt_json_get_some(metadata, "delta.typeChanges");
    if (changes && silt_json_kind_of(changes) != SILT_JSON_ARRAY)
        return silt_fail(err, SILT_CORRUPT, "column %s: delta.typeChanges isn't a list",
                         field->name);
    for (silt_json_iter it = silt_json_iter_of(changes); silt_json_next(&it);)
        SILT_TRY(check_change(field->name, it.value, scratch, err));
    return SILT_OK;
}

/* Types are nested as deep as silt_schema_parse() lets them. */
static silt_status check_type(const silt_type *type, silt_error *err)
{
    for (size_t i = 0; i < type->field_count; i++) {
        SILT_TRY(check_column(&type->fields[i], err));
        SILT_TRY(check_type(type->fields[i].type, err));
    }
    if (type->key) SILT_TRY(check_type(type->key, err));
    return type->element ? check_type(type->element, err) : SILT_OK;
}

silt_status silt_widening_check(const silt_protocol *p, const silt_type *schema, silt_error *err)
{
    if (!silt_names_have(p->reader_features, "typeWidening") &&
        !silt_names_have(p->reader_features, "typeWidening-preview"))
        return SILT_OK;
    return check_type(schema, err);
}
