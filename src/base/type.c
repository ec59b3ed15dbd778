/* Types: the primitives, and what can be asked of any tree. */
#include "base/type.h"

static const char *const kind_names[] = {
    [SILT_TYPE_BOOLEAN] = "boolean",
    [SILT_TYPE_BYTE] = "byte",
    [SILT_TYPE_SHORT] = "short",
    [SILT_TYPE_INTEGER] = "integer",
    [SILT_TYPE_LONG] = "long",
    [SILT_TYPE_FLOAT] = "float",
    [SILT_TYPE_DOUBLE] = "double",
    [SILT_TYPE_DECIMAL] = "decimal",
    [SILT_TYPE_STRING] = "string",
    [SILT_TYPE_BINARY] = "binary",
    [SILT_TYPE_DATE] = "date",
    [SILT_TYPE_TIMESTAMP] = "timestamp",
    [SILT_TYPE_TIMESTAMP_NTZ] = "timestamp_ntz",
    [SILT_TYPE_VARIANT] = "variant",
    [SILT_TYPE_STRUCT] = "struct",
    [SILT_TYPE_ARRAY] = "array",
    [SILT_TYPE_MAP] = "map",
    [SILT_TYPE_VOID] = "void",
};

static const silt_type primitives[] = {
    [SILT_TYPE_BOOLEAN] = {.kind = SILT_TYPE_BOOLEAN},
    [SILT_TYPE_BYTE] = {.kind = SILT_TYPE_BYTE},
    [SILT_TYPE_SHORT] = {.kind = SILT_TYPE_SHORT},
    [SILT_TYPE_INTEGER] = {.kind = SILT_TYPE_INTEGER},
    [SILT_TYPE_LONG] = {.kind = SILT_TYPE_LONG},
    [SILT_TYPE_FLOAT] = {.kind = SILT_TYPE_FLOAT},
    [SILT_TYPE_DOUBLE] = {.kind = SILT_TYPE_DOUBLE},
    [SILT_TYPE_STRING] = {.kind = SILT_TYPE_STRING},
    [SILT_TYPE_BINARY] = {.kind = SILT_TYPE_BINARY},
    [SILT_TYPE_DATE] = {.kind = SILT_TYPE_DATE},
    [SILT_TYPE_TIMESTAMP] = {.kind = SILT_TYPE_TIMESTAMP},
    [SILT_TYPE_TIMESTAMP_NTZ] = {.kind = SILT_TYPE_TIMESTAMP_NTZ},
    [SILT_TYPE_VARIANT] = {.kind = SILT_TYPE_VARIANT},
    [SILT_TYPE_VOID] = {.kind = SILT_TYPE_VOID},
};

const silt_type *silt_type_primitive(silt_type_kind kind)
{
    switch (kind) {
    case SILT_TYPE_DECIMAL:
    case SILT_TYPE_STRUCT:
    case SILT_TYPE_ARRAY:
    case SILT_TYPE_MAP:
        return NULL;
    default:
        return &primitives[kind];
    }
}

const char *silt_type_kind_name(silt_type_kind kind)
{
    return kind_names[kind];
}

const silt_type *silt_type_by_name(silt_bytes name)
{
    for (size_t i = 0; i < SILT_COUNT(kind_names); i++)
        if (silt_bytes_equal(name, silt_bytes_of(kind_names[i])))
            return silt_type_primitive((silt_type_kind)i);
    return silt_bytes_equal(name, SILT_STR("null")) ? &primitives[SILT_TYPE_VOID] : NULL;
}

const silt_type *silt_type_decimal(int precision, int scale, silt_arena *arena)
{
    silt_type *type = silt_arena_calloc(arena, 1, sizeof(*type));
    if (!type) return NULL;
    type->kind = SILT_TYPE_DECIMAL;
    type->precision = (uint8_t)precision;
    type->scale = (uint8_t)scale;
    return type;
}

int silt_type_find(const silt_type *type, const char *name)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (strcmp(type->fields[i].name, name) == 0) return (int)i;
    return -1;
}

bool silt_type_equal(const silt_type *a, const silt_type *b)
{
    if (a == b) return true;
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case SILT_TYPE_DECIMAL:
        return a->precision == b->precision && a->scale == b->scale;
    case SILT_TYPE_ARRAY:
        return silt_type_equal(a->element, b->element);
    case SILT_TYPE_MAP:
        return silt_type_equal(a->key, b->key) && silt_type_equal(a->element, b->element);
    case SILT_TYPE_STRUCT:
        if (a->field_count != b->field_count) return false;
        for (size_t i = 0; i < a->field_count; i++) {
            if (strcmp(a->fields[i].name, b->fields[i].name) != 0) return false;
            if (!silt_type_equal(a->fields[i].type, b->fields[i].type)) return false;
        }
        return true;
    default:
        return true;
    }
}

/* ---- the parameters of a decimal */

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* Digits with blanks around them, at most 3. */
static bool take_small(const char **p, int *out)
{
    const char *start = skip_blanks(*p), *at = start;
    *out = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (at - start == 3) return false;
        *out = *out * 10 + (*at - '0');
    }
    *p = skip_blanks(at);
    return at > start;
}

bool silt_decimal_parse(const char *text, bool scale_optional, int *precision, int *scale,
                        size_t *used)
{
    if (*text != '(') return false;
    const char *at = text + 1;
    int p, s = 0;
    if (!take_small(&at, &p)) return false;
    bool with_scale = *at == ',';
    if (!with_scale && !scale_optional) return false;
    if (with_scale && (at++, !take_small(&at, &s))) return false;
    if (*at != ')') return false;
    if (p < 1 || p > SILT_DECIMAL_PRECISION_MAX || s > p) return false;
    *precision = p;
    *scale = s;
    *used = (size_t)(at - text) + 1;
    return true;
}

static const silt_field *copy_fields(const silt_type *type, silt_arena *arena)
{
    silt_field *fields = silt_arena_calloc(arena, type->field_count, sizeof *fields);
    for (size_t i = 0; fields && i < type->field_count; i++) {
        const silt_field *from = &type->fields[i];
        fields[i] = (silt_field){.name = silt_arena_strdup(arena, from->name),
                                 .type = silt_type_copy(from->type, arena),
                                 .nullable = from->nullable,
                                 .metadata = silt_arena_strdup(arena, from->metadata)};
        if (!fields[i].name || !fields[i].type || !fields[i].metadata) return NULL;
    }
    return fields;
}

const silt_type *silt_type_copy(const silt_type *type, silt_arena *arena)
{
    silt_type *copy = silt_arena_calloc(arena, 1, sizeof *copy);
    if (!copy) return NULL;
    *copy = *type;
    if (type->key) copy->key = silt_type_copy(type->key, arena);
    if (type->element) copy->element = silt_type_copy(type->element, arena);
    if (type->fields) copy->fields = copy_fields(type, arena);
    bool all = !type->key == !copy->key && !type->element == !copy->element &&
               !type->fields == !copy->fields;
    return all ? copy : NULL;
}
