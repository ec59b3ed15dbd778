/* Types between DuckDB and Silt. */
#include "engine/duckdb_ops.h"

static silt_type *new_type(silt_arena *arena, silt_type_kind kind)
{
    silt_type *type = silt_arena_calloc(arena, 1, sizeof *type);
    if (type) type->kind = kind;
    return type;
}

static silt_type *new_decimal(silt_arena *arena, int precision, int scale)
{
    silt_type *type = new_type(arena, SILT_TYPE_DECIMAL);
    if (!type) return NULL;
    type->precision = (uint8_t)precision;
    type->scale = (uint8_t)scale;
    return type;
}

static const silt_type *from_struct(duckdb_logical_type type, silt_arena *arena)
{
    size_t count = silt_duck.struct_type_child_count(type);
    silt_field *fields = silt_arena_calloc(arena, count ? count : 1, sizeof *fields);
    silt_type *out = new_type(arena, SILT_TYPE_STRUCT);
    if (!fields || !out) return NULL;
    for (size_t i = 0; i < count; i++) {
        char *name = silt_duck.struct_type_child_name(type, i);
        SILT_CLEAN(silt_duck_type) child = silt_duck.struct_type_child_type(type, i);
        fields[i] = (silt_field){.name = silt_arena_strdup(arena, name),
                                 .type = silt_duck_type_from(child, arena),
                                 .nullable = true,
                                 .metadata = "{}"};
        silt_duck.free(name);
        if (!fields[i].name || !fields[i].type) return NULL;
    }
    out->fields = fields;
    out->field_count = count;
    return out;
}

static const silt_type *from_container(duckdb_logical_type type, bool is_map, silt_arena *arena)
{
    silt_type *out = new_type(arena, is_map ? SILT_TYPE_MAP : SILT_TYPE_ARRAY);
    if (!out) return NULL;
    out->contains_null = true;
    SILT_CLEAN(silt_duck_type)
    element = is_map ? silt_duck.map_type_value_type(type) : silt_duck.list_type_child_type(type);
    out->element = silt_duck_type_from(element, arena);
    if (is_map) {
        SILT_CLEAN(silt_duck_type) key = silt_duck.map_type_key_type(type);
        out->key = silt_duck_type_from(key, arena);
    }
    return out->element && (out->key || !is_map) ? out : NULL;
}

const silt_type *silt_duck_type_from(duckdb_logical_type type, silt_arena *arena)
{
    switch (silt_duck.get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN:
        return new_type(arena, SILT_TYPE_BOOLEAN);
    case DUCKDB_TYPE_TINYINT:
        return new_type(arena, SILT_TYPE_BYTE);
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_UTINYINT:
        return new_type(arena, SILT_TYPE_SHORT);
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_USMALLINT:
        return new_type(arena, SILT_TYPE_INTEGER);
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UINTEGER:
        return new_type(arena, SILT_TYPE_LONG);
    case DUCKDB_TYPE_UBIGINT:
        return new_decimal(arena, 20, 0);
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
        return new_decimal(arena, 38, 0);
    case DUCKDB_TYPE_FLOAT:
        return new_type(arena, SILT_TYPE_FLOAT);
    case DUCKDB_TYPE_DOUBLE:
        return new_type(arena, SILT_TYPE_DOUBLE);
    case DUCKDB_TYPE_DECIMAL:
        return new_decimal(arena, silt_duck.decimal_width(type), silt_duck.decimal_scale(type));
    case DUCKDB_TYPE_BLOB:
        return new_type(arena, SILT_TYPE_BINARY);
    case DUCKDB_TYPE_DATE:
        return new_type(arena, SILT_TYPE_DATE);
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return new_type(arena, SILT_TYPE_TIMESTAMP);
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
        return new_type(arena, SILT_TYPE_TIMESTAMP_NTZ);
    case DUCKDB_TYPE_STRUCT:
        return from_struct(type, arena);
    case DUCKDB_TYPE_LIST:
        return from_container(type, false, arena);
    case DUCKDB_TYPE_MAP:
        return from_container(type, true, arena);
    default:
        return new_type(arena, SILT_TYPE_STRING);
    }
}

/* ---- unions ---------------------------------------------------------------------------------- */

/* How many digits an integer type may need; 0: not one. */
static int digits_of(const silt_type *type)
{
    switch (type->kind) {
    case SILT_TYPE_BYTE:
        return 3;
    case SILT_TYPE_SHORT:
        return 5;
    case SILT_TYPE_INTEGER:
        return 10;
    case SILT_TYPE_LONG:
        return 19;
    case SILT_TYPE_DECIMAL:
        return type->precision - type->scale;
    default:
        return 0;
    }
}

static bool is_exact(const silt_type *type)
{
    return digits_of(type) > 0 || type->kind == SILT_TYPE_DECIMAL;
}

static bool is_float(const silt_type *type)
{
    return type->kind == SILT_TYPE_FLOAT || type->kind == SILT_TYPE_DOUBLE;
}

static const silt_type *union_of_numbers(const silt_type *a, const silt_type *b, silt_arena *arena)
{
    if (is_float(a) || is_float(b)) return new_type(arena, SILT_TYPE_DOUBLE);
    if (a->kind != SILT_TYPE_DECIMAL && b->kind != SILT_TYPE_DECIMAL)
        return a->kind > b->kind ? a : b;
    int scale_a = a->kind == SILT_TYPE_DECIMAL ? a->scale : 0;
    int scale_b = b->kind == SILT_TYPE_DECIMAL ? b->scale : 0;
    int scale = scale_a > scale_b ? scale_a : scale_b;
    int digits = digits_of(a) > digits_of(b) ? digits_of(a) : digits_of(b);
    if (digits + scale > 38) return new_type(arena, SILT_TYPE_DOUBLE);
    return new_decimal(arena, digits + scale, scale);
}

/* Fields of both: a's in their order, then b's others. */
static const silt_type *union_of_structs(const silt_type *a, const silt_type *b, silt_arena *arena)
{
    silt_field *fields =
        silt_arena_calloc(arena, a->field_count + b->field_count + 1, sizeof *fields);
    silt_type *out = new_type(arena, SILT_TYPE_STRUCT);
    if (!fields || !out) return NULL;
    out->fields = fields;
    for (size_t i = 0; i < a->field_count; i++) {
        int j = silt_type_find(b, a->fields[i].name);
        fields[i] = a->fields[i];
        if (j >= 0)
            fields[i].type = silt_duck_type_union(a->fields[i].type, b->fields[j].type, arena);
        if (!fields[i].type) return NULL;
    }
    out->field_count = a->field_count;
    for (size_t j = 0; j < b->field_count; j++)
        if (silt_type_find(a, b->fields[j].name) < 0) fields[out->field_count++] = b->fields[j];
    return out;
}

const silt_type *silt_duck_type_union(const silt_type *a, const silt_type *b, silt_arena *arena)
{
    if (silt_type_equal(a, b)) return a;
    if ((is_exact(a) || is_float(a)) && (is_exact(b) || is_float(b)))
        return union_of_numbers(a, b, arena);
    bool time_a = a->kind >= SILT_TYPE_DATE && a->kind <= SILT_TYPE_TIMESTAMP_NTZ;
    bool time_b = b->kind >= SILT_TYPE_DATE && b->kind <= SILT_TYPE_TIMESTAMP_NTZ;
    if (time_a && time_b)
        return new_type(arena, a->kind == SILT_TYPE_TIMESTAMP || b->kind == SILT_TYPE_TIMESTAMP
                                   ? SILT_TYPE_TIMESTAMP
                                   : SILT_TYPE_TIMESTAMP_NTZ);
    if (a->kind != b->kind) return new_type(arena, SILT_TYPE_STRING);
    if (a->kind == SILT_TYPE_STRUCT) return union_of_structs(a, b, arena);
    if (a->kind != SILT_TYPE_ARRAY && a->kind != SILT_TYPE_MAP)
        return new_type(arena, SILT_TYPE_STRING);
    silt_type *out = new_type(arena, a->kind);
    if (!out) return NULL;
    out->contains_null = true;
    out->element = silt_duck_type_union(a->element, b->element, arena);
    if (a->key) out->key = silt_duck_type_union(a->key, b->key, arena);
    return out->element && (out->key || !a->key) ? out : NULL;
}

const silt_type *silt_duck_type_of_column(duckdb_logical_type type, silt_arena *arena)
{
    bool variant = silt_duck.get_type_id(type) == DUCKDB_TYPE_VARIANT;
    return variant ? new_type(arena, SILT_TYPE_VARIANT) : silt_duck_type_from(type, arena);
}

/* ---- columns of a query ---------------------------------------------------------------------- */

silt_status silt_duck_describe(silt_duck_engine *db, const silt_buf *select, silt_arena *arena,
                               const silt_column **columns, size_t *count, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    if (select->failed) return silt_fail_nomem(err);
    silt_buf_printf(&sql, "SELECT * FROM (%s) LIMIT 0", select->data);
    SILT_TRY(silt_duck_query(db, &sql, &result, err));
    size_t n = silt_duck.column_count(&result);
    silt_column *found = silt_arena_calloc(arena, n ? n : 1, sizeof *found);
    if (!found) return silt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        SILT_CLEAN(silt_duck_type) type = silt_duck.column_logical_type(&result, i);
        found[i].name = silt_arena_strdup(arena, silt_duck.column_name(&result, i));
        found[i].type = silt_duck_type_of_column(type, arena);
        if (!found[i].name || !found[i].type) return silt_fail_nomem(err);
    }
    *columns = found;
    *count = n;
    return SILT_OK;
}
