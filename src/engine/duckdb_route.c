/* Values of data files as values of a table's columns. */
#include "engine/duckdb_route.h"

#include <stdio.h>
#include <strings.h>

/* ---- names ----------------------------------------------------------------------------------- */

const silt_parquet_node *silt_duck_find_field(const silt_parquet_node *node,
                                              const silt_physical *physical, bool by_id)
{
    const silt_parquet_node *found = NULL;
    bool ids = by_id && physical->id >= 0;
    for (size_t i = 0; i < node->child_count; i++) {
        const silt_parquet_node *field = &node->children[i];
        if (ids && field->id == physical->id) return field;
        if (ids || !physical->name) continue;
        if (strcmp(field->name, physical->name) == 0) return field;
        if (!found && strcasecmp(field->name, physical->name) == 0) found = field;
    }
    return found;
}

bool silt_duck_is_found(const silt_parquet_node *node, const silt_physical *physical,
                        const silt_parquet_node *field)
{
    const silt_parquet_node *found = NULL;
    for (size_t i = 0; physical->name && i < node->child_count; i++) {
        if (strcasecmp(node->children[i].name, physical->name) != 0) continue;
        if (found) return false;
        found = &node->children[i];
    }
    return found == field;
}

static size_t child_count(const silt_type *type)
{
    if (type->kind == SILT_TYPE_STRUCT) return type->field_count;
    return type->kind == SILT_TYPE_MAP ? 2 : type->kind == SILT_TYPE_ARRAY ? 1 : 0;
}

static const silt_type *child_type(const silt_type *type, size_t index)
{
    if (type->kind == SILT_TYPE_STRUCT) return type->fields[index].type;
    return index == 0 ? type->element : type->key;
}

silt_status silt_duck_physical_complete(const silt_physical *physical, const silt_type *type,
                                        silt_arena *arena, silt_physical *out, silt_error *err)
{
    size_t count = child_count(type);
    *out = *physical;
    if (count == 0) return SILT_OK;
    silt_physical *children = silt_arena_calloc(arena, count, sizeof *children);
    if (!children) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const char *name = type->kind == SILT_TYPE_STRUCT ? type->fields[i].name : NULL;
        silt_physical made = {.name = name, .id = -1};
        const silt_physical *given = physical->child_count ? &physical->children[i] : &made;
        SILT_TRY(silt_duck_physical_complete(given, child_type(type, i), arena, &children[i], err));
    }
    out->children = children;
    out->child_count = count;
    return SILT_OK;
}

/* ---- plain ----------------------------------------------------------------------------------- */

static bool fill_plain(const silt_type *type, const silt_physical *physical, silt_arena *arena,
                       silt_duck_route *out)
{
    size_t count = child_count(type);
    *out = (silt_duck_route){.name = physical->name};
    if (count == 0) return true;
    silt_duck_route *children = silt_arena_calloc(arena, count, sizeof *children);
    if (!children) return false;
    bool is_struct = type->kind == SILT_TYPE_STRUCT;
    bool same = true;
    for (size_t i = 0; i < count; i++) {
        if (!fill_plain(child_type(type, i), &physical->children[i], arena, &children[i]))
            return false;
        same &= children[i].step == SILT_STEP_SAME;
        same &= !is_struct || strcmp(physical->children[i].name, type->fields[i].name) == 0;
    }
    if (same) return true;
    out->step = is_struct                       ? SILT_STEP_STRUCT
                : type->kind == SILT_TYPE_ARRAY ? SILT_STEP_LIST
                                                : SILT_STEP_MAP;
    out->children = children;
    out->child_count = count;
    return true;
}

const silt_duck_route *silt_duck_route_plain(const silt_type *type, const silt_physical *physical,
                                             silt_arena *arena)
{
    silt_duck_route *route = silt_arena_calloc(arena, 1, sizeof *route);
    return route && fill_plain(type, physical, arena, route) ? route : NULL;
}

silt_status silt_duck_physical_type(const silt_type *type, const silt_physical *physical,
                                    silt_buf *sql, silt_error *err)
{
    const silt_physical *children = physical->children;
    switch (type->kind) {
    case SILT_TYPE_STRUCT:
        silt_buf_puts(sql, "STRUCT(");
        for (size_t i = 0; i < type->field_count; i++) {
            if (i) silt_buf_puts(sql, ", ");
            silt_sql_name(sql, children[i].name);
            silt_buf_putc(sql, ' ');
            SILT_TRY(silt_duck_physical_type(type->fields[i].type, &children[i], sql, err));
        }
        silt_buf_putc(sql, ')');
        return SILT_OK;
    case SILT_TYPE_ARRAY:
        SILT_TRY(silt_duck_physical_type(type->element, &children[0], sql, err));
        silt_buf_puts(sql, "[]");
        return SILT_OK;
    case SILT_TYPE_MAP:
        silt_buf_puts(sql, "MAP(");
        SILT_TRY(silt_duck_physical_type(type->key, &children[1], sql, err));
        silt_buf_puts(sql, ", ");
        SILT_TRY(silt_duck_physical_type(type->element, &children[0], sql, err));
        silt_buf_putc(sql, ')');
        return SILT_OK;
    default:
        return silt_sql_type(sql, type, err);
    }
}

/* ---- leaves ---------------------------------------------------------------------------------- */

static int type_bits(const silt_type *type)
{
    switch (type->kind) {
    case SILT_TYPE_BYTE:
        return 8;
    case SILT_TYPE_SHORT:
        return 16;
    case SILT_TYPE_INTEGER:
        return 32;
    case SILT_TYPE_LONG:
        return 64;
    default:
        return 0;
    }
}

/* Integers that are too large fail the cast, so a width is no loss by itself; every other type they
 * can become has to hold all of the file's. */
static bool integer_step(const silt_parquet_node *node, const silt_type *type, silt_duck_step *step)
{
    int bits = type_bits(type);
    *step = bits == node->bits && !node->is_unsigned ? SILT_STEP_SAME : SILT_STEP_CAST;
    if (bits) return true;
    return type->kind == SILT_TYPE_DECIMAL ||
           (type->kind == SILT_TYPE_DOUBLE && node->bits <= 32) ||
           (type->kind == SILT_TYPE_FLOAT && node->bits <= 16);
}

/* False: not without loss. */
static bool leaf_step(const silt_parquet_node *node, const silt_type *type, silt_duck_step *step)
{
    silt_type_kind to = type->kind;
    *step = SILT_STEP_SAME;
    switch (node->kind) {
    case SILT_PARQUET_BOOLEAN:
        return to == SILT_TYPE_BOOLEAN;
    case SILT_PARQUET_INTEGER:
        return integer_step(node, type, step);
    case SILT_PARQUET_FLOAT:
        if (to == SILT_TYPE_DOUBLE) *step = SILT_STEP_CAST;
        return to == SILT_TYPE_FLOAT || to == SILT_TYPE_DOUBLE;
    case SILT_PARQUET_DOUBLE:
        return to == SILT_TYPE_DOUBLE;
    case SILT_PARQUET_DECIMAL: /* DuckDB reads those of more digits as doubles */
        if (node->precision != type->precision || node->scale != type->scale)
            *step = SILT_STEP_CAST;
        return to == SILT_TYPE_DECIMAL && node->precision <= 38 && node->scale <= type->scale;
    case SILT_PARQUET_STRING:
        if (to == SILT_TYPE_BINARY) *step = SILT_STEP_ENCODE;
        return to == SILT_TYPE_STRING || to == SILT_TYPE_BINARY;
    case SILT_PARQUET_BINARY:
        if (to == SILT_TYPE_STRING) *step = SILT_STEP_DECODE;
        return to == SILT_TYPE_STRING || to == SILT_TYPE_BINARY;
    case SILT_PARQUET_DATE:
        if (to == SILT_TYPE_TIMESTAMP_NTZ) *step = SILT_STEP_CAST;
        return to == SILT_TYPE_DATE || to == SILT_TYPE_TIMESTAMP_NTZ;
    case SILT_PARQUET_TIMESTAMP: /* the session is in UTC */
        *step = SILT_STEP_CAST;
        return to == SILT_TYPE_TIMESTAMP || to == SILT_TYPE_TIMESTAMP_NTZ;
    default:
        return false;
    }
}

static const char *kind_name(silt_parquet_kind kind)
{
    static const char *const names[] = {
        [SILT_PARQUET_BOOLEAN] = "booleans",
        [SILT_PARQUET_INTEGER] = "integers",
        [SILT_PARQUET_FLOAT] = "floats",
        [SILT_PARQUET_DOUBLE] = "doubles",
        [SILT_PARQUET_DECIMAL] = "decimals",
        [SILT_PARQUET_STRING] = "text",
        [SILT_PARQUET_BINARY] = "binary",
        [SILT_PARQUET_DATE] = "dates",
        [SILT_PARQUET_NOTHING] = "nulls",
        [SILT_PARQUET_TIMESTAMP] = "timestamps",
        [SILT_PARQUET_VARIANT] = "variants",
        [SILT_PARQUET_STRUCT] = "structs",
        [SILT_PARQUET_LIST] = "lists",
        [SILT_PARQUET_MAP] = "maps",
        [SILT_PARQUET_OTHER] = "values of a type that no table has",
    };
    return names[kind];
}

static silt_status misfit(const silt_parquet_node *node, const silt_type *type, silt_arena *arena,
                          silt_error *err)
{
    const char *name = silt_type_name(type, arena);
    if (!name) return silt_fail_nomem(err);
    if (node->kind == SILT_PARQUET_DECIMAL)
        return silt_fail(err, SILT_CORRUPT,
                         "%s holds decimal(%d,%d), which can't become %s without loss", node->name,
                         (int)node->precision, (int)node->scale, name);
    if (node->kind == SILT_PARQUET_INTEGER)
        return silt_fail(err, SILT_CORRUPT,
                         "%s holds integers of %d bits, which can't become %s without loss",
                         node->name, node->bits, name);
    return silt_fail(err, SILT_CORRUPT, "%s holds %s, which can't become %s without loss",
                     node->name, kind_name(node->kind), name);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The two parts of a variant that isn't annotated as one. */
static bool is_variant_pair(const silt_parquet_node *node)
{
    static const silt_physical metadata = {.name = "metadata", .id = -1};
    static const silt_physical value = {.name = "value", .id = -1};
    const silt_parquet_node *m = silt_duck_find_field(node, &metadata, false);
    const silt_parquet_node *v = silt_duck_find_field(node, &value, false);
    return node->kind == SILT_PARQUET_STRUCT && node->child_count == 2 && m && v &&
           m->kind == SILT_PARQUET_BINARY && v->kind == SILT_PARQUET_BINARY;
}

static silt_status struct_route(const silt_parquet_node *node, const silt_type *type,
                                const silt_physical *physical, bool by_id, silt_arena *arena,
                                silt_duck_route *out, bool *plain, silt_error *err)
{
    size_t count = type->field_count, found = 0;
    silt_duck_route *children = silt_arena_calloc(arena, count, sizeof *children);
    if (!children) return silt_fail_nomem(err);
    *out = (silt_duck_route){.step = SILT_STEP_STRUCT,
                             .is_lifted = node->is_lifted,
                             .is_whole = !node->is_lifted && node->child_count == count,
                             .children = children,
                             .child_count = count};
    for (size_t i = 0; i < count; i++) {
        const silt_physical *p = &physical->children[i];
        const silt_parquet_node *field = silt_duck_find_field(node, p, by_id);
        *plain = *plain && silt_duck_is_found(node, p, field);
        children[i].step = SILT_STEP_NULL;
        if (field)
            SILT_TRY(silt_duck_route_file(field, type->fields[i].type, p, by_id, arena,
                                          &children[i], plain, err));
        found += field != NULL;
        out->is_whole = out->is_whole && field == &node->children[i] &&
                        strcmp(field->name, type->fields[i].name) == 0;
    }
    /* DuckDB's cast of structs wants one field in common. */
    if (node->is_lifted || found == 0) *plain = false;
    return SILT_OK;
}

static silt_status items_route(const silt_parquet_node *node, const silt_type *type,
                               const silt_physical *physical, bool by_id, silt_arena *arena,
                               silt_duck_route *out, bool *plain, silt_error *err)
{
    bool is_map = type->kind == SILT_TYPE_MAP;
    size_t count = is_map ? 2 : 1;
    silt_duck_route *children = silt_arena_calloc(arena, count, sizeof *children);
    if (!children) return silt_fail_nomem(err);
    *out = (silt_duck_route){.step = is_map ? SILT_STEP_MAP : SILT_STEP_LIST,
                             .children = children,
                             .child_count = count};
    for (size_t i = 0; i < count; i++)
        SILT_TRY(silt_duck_route_file(&node->children[i], i == 0 ? type->element : type->key,
                                      &physical->children[i], by_id, arena, &children[i], plain,
                                      err));
    return SILT_OK;
}

silt_status silt_duck_route_file(const silt_parquet_node *node, const silt_type *type,
                                 const silt_physical *physical, bool by_id, silt_arena *arena,
                                 silt_duck_route *out, bool *plain, silt_error *err)
{
    silt_status st = SILT_OK;
    if (node->kind == SILT_PARQUET_NOTHING || type->kind == SILT_TYPE_VOID) {
        *out = (silt_duck_route){.step = SILT_STEP_NULL};
        *plain = false;
    } else if (type->kind == SILT_TYPE_VARIANT) {
        bool parts = is_variant_pair(node);
        if (!parts && node->kind != SILT_PARQUET_VARIANT) return misfit(node, type, arena, err);
        *out = (silt_duck_route){.step = parts ? SILT_STEP_PARTS : SILT_STEP_VARIANT};
        *plain = false;
    } else if (type->kind == SILT_TYPE_STRUCT && node->kind == SILT_PARQUET_STRUCT) {
        st = struct_route(node, type, physical, by_id, arena, out, plain, err);
    } else if ((type->kind == SILT_TYPE_ARRAY && node->kind == SILT_PARQUET_LIST) ||
               (type->kind == SILT_TYPE_MAP && node->kind == SILT_PARQUET_MAP)) {
        st = items_route(node, type, physical, by_id, arena, out, plain, err);
    } else {
        silt_duck_step step;
        if (!leaf_step(node, type, &step)) return misfit(node, type, arena, err);
        if (step == SILT_STEP_ENCODE || step == SILT_STEP_DECODE) *plain = false;
        *out = (silt_duck_route){.step = step};
    }
    out->name = node->name;
    return st;
}

/* ---- SQL ------------------------------------------------------------------------------------- */

void silt_duck_variant_parts(const char *expr, silt_buf *sql)
{
    silt_buf_printf(sql,
                    "CASE WHEN %s IS NOT NULL THEN CAST(variant_to_parquet_variant("
                    "variant_normalize(%s)) AS STRUCT(metadata BLOB, \"value\" BLOB)) END",
                    expr, expr);
}

static silt_status emit(const silt_duck_route *route, const silt_type *type, const char *source,
                        int depth, silt_buf *sql, silt_error *err);

static bool is_same(const silt_duck_route *route)
{
    bool same = route->step == SILT_STEP_SAME || route->step >= SILT_STEP_STRUCT;
    if (route->step == SILT_STEP_STRUCT) same = route->is_whole;
    for (size_t i = 0; same && i < route->child_count; i++)
        same = is_same(&route->children[i]);
    return same;
}

static silt_status emit_struct(const silt_duck_route *route, const silt_type *type,
                               const char *source, int depth, silt_buf *sql, silt_error *err)
{
    if (!route->is_lifted) silt_buf_printf(sql, "CASE WHEN %s IS NOT NULL THEN ", source);
    silt_buf_puts(sql, "struct_pack(");
    for (size_t i = 0; i < route->child_count; i++) {
        SILT_CLEAN(silt_buf) field = {0};
        silt_buf_printf(&field, route->is_lifted ? "%s" : "(%s).", source);
        if (!route->is_lifted && route->children[i].name)
            silt_sql_name(&field, route->children[i].name);
        if (field.failed) return silt_fail_nomem(err);
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_name(sql, type->fields[i].name);
        silt_buf_puts(sql, " := ");
        SILT_TRY(emit(&route->children[i], type->fields[i].type, field.data, depth, sql, err));
    }
    silt_buf_puts(sql, route->is_lifted ? ")" : ") END");
    return SILT_OK;
}

/* Append list_transform(<items>, lambda y<depth>: …), or the items. */
static silt_status emit_items(const silt_duck_route *route, const silt_type *type,
                              const char *items, int depth, silt_buf *sql, silt_error *err)
{
    if (is_same(route)) {
        silt_buf_puts(sql, items);
        return SILT_OK;
    }
    char variable[16];
    (void)snprintf(variable, sizeof variable, "y%d", depth);
    silt_buf_printf(sql, "list_transform(%s, lambda %s: ", items, variable);
    SILT_TRY(emit(route, type, variable, depth + 1, sql, err));
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

static silt_status emit_map(const silt_duck_route *route, const silt_type *type, const char *source,
                            int depth, silt_buf *sql, silt_error *err)
{
    SILT_CLEAN(silt_buf) keys = {0};
    SILT_CLEAN(silt_buf) values = {0};
    silt_buf_printf(&keys, "map_keys(%s)", source);
    silt_buf_printf(&values, "map_values(%s)", source);
    if (keys.failed || values.failed) return silt_fail_nomem(err);
    silt_buf_printf(sql, "CASE WHEN %s IS NOT NULL THEN map(", source);
    SILT_TRY(emit_items(&route->children[1], type->key, keys.data, depth, sql, err));
    silt_buf_puts(sql, ", ");
    SILT_TRY(emit_items(&route->children[0], type->element, values.data, depth, sql, err));
    silt_buf_puts(sql, ") END");
    return SILT_OK;
}

static silt_status emit_cast(const char *source, const silt_type *type, silt_buf *sql,
                             silt_error *err)
{
    silt_buf_printf(sql, "CAST(%s AS ", source);
    SILT_TRY(silt_sql_type(sql, type, err));
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

static silt_status emit(const silt_duck_route *route, const silt_type *type, const char *source,
                        int depth, silt_buf *sql, silt_error *err)
{
    if (is_same(route)) {
        silt_buf_puts(sql, source);
        return SILT_OK;
    }
    switch (route->step) {
    case SILT_STEP_NULL:
        return emit_cast("NULL", type, sql, err);
    case SILT_STEP_CAST:
        return emit_cast(source, type, sql, err);
    case SILT_STEP_DECODE:
        silt_buf_printf(sql, "decode(%s)", source);
        return SILT_OK;
    case SILT_STEP_ENCODE:
        silt_buf_printf(sql, "encode(%s)", source);
        return SILT_OK;
    case SILT_STEP_PARTS:
        silt_buf_printf(sql,
                        "CASE WHEN %s IS NOT NULL THEN struct_pack(metadata := (%s).metadata, "
                        "\"value\" := (%s).\"value\") END",
                        source, source, source);
        return SILT_OK;
    case SILT_STEP_VARIANT:
        silt_duck_variant_parts(source, sql);
        return SILT_OK;
    case SILT_STEP_STRUCT:
        return emit_struct(route, type, source, depth, sql, err);
    case SILT_STEP_MAP:
        return emit_map(route, type, source, depth, sql, err);
    default:
        return emit_items(&route->children[0], type->element, source, depth, sql, err);
    }
}

silt_status silt_duck_route_sql(const silt_duck_route *route, const silt_type *type,
                                const char *source, silt_buf *sql, silt_error *err)
{
    return emit(route, type, source, 0, sql, err);
}
