/* Fields as files have them: names and field ids at depth. */
#include "engine/duckdb_output.h"

#include "engine/duckdb_table.h"

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_nested(const silt_type *type)
{
    return type->kind == SILT_TYPE_STRUCT || type->kind == SILT_TYPE_ARRAY ||
           type->kind == SILT_TYPE_MAP;
}

static const silt_type *child_type(const silt_type *type, size_t index)
{
    if (type->kind == SILT_TYPE_STRUCT) return type->fields[index].type;
    return index == 0 ? type->element : type->key;
}

/* Whether fields at depth keep their names. */
static bool keeps_names(const silt_type *type, const silt_physical *physical)
{
    for (size_t i = 0; i < physical->child_count; i++) {
        const silt_physical *child = &physical->children[i];
        if (type->kind == SILT_TYPE_STRUCT && strcmp(child->name, type->fields[i].name) != 0)
            return false;
        if (!keeps_names(child_type(type, i), child)) return false;
    }
    return true;
}

bool silt_duck_physical_is_same(const silt_output_column *column)
{
    return keeps_names(column->type, &column->physical);
}

/* The type with the files' names. NULL: out of memory. */
static const silt_type *renamed(const silt_type *type, const silt_physical *physical,
                                silt_arena *arena)
{
    if (!is_nested(type) || physical->child_count == 0) return type;
    silt_type *out = silt_arena_calloc(arena, 1, sizeof *out);
    if (!out) return NULL;
    *out = *type;
    if (type->kind != SILT_TYPE_STRUCT) {
        out->element = renamed(type->element, &physical->children[0], arena);
        if (type->kind == SILT_TYPE_MAP)
            out->key = renamed(type->key, &physical->children[1], arena);
        return out->element && (type->kind == SILT_TYPE_ARRAY || out->key) ? out : NULL;
    }
    silt_field *fields = silt_arena_calloc(arena, type->field_count, sizeof *fields);
    if (!fields) return NULL;
    for (size_t i = 0; i < type->field_count; i++) {
        fields[i] = type->fields[i];
        fields[i].name = physical->children[i].name;
        fields[i].type = renamed(type->fields[i].type, &physical->children[i], arena);
        if (!fields[i].type) return NULL;
    }
    out->fields = fields;
    return out;
}

silt_status silt_duck_physical_sql(const silt_output_column *column, const char *value,
                                   silt_arena *arena, silt_buf *sql, silt_error *err)
{
    if (silt_duck_physical_is_same(column)) {
        silt_buf_puts(sql, value);
        return SILT_OK;
    }
    /* A route leads from files to tables; here the table's names are where values are from. */
    static const silt_physical none = {.id = -1};
    silt_physical from;
    SILT_TRY(silt_duck_physical_complete(&none, column->type, arena, &from, err));
    const silt_type *to = renamed(column->type, &column->physical, arena);
    const silt_duck_route *route = to ? silt_duck_route_plain(to, &from, arena) : NULL;
    if (!route) return silt_fail_nomem(err);
    return silt_duck_route_sql(route, to, value, sql, err);
}

/* ---- ids ------------------------------------------------------------------------------------- */

static bool has_ids(const silt_physical *physical)
{
    bool found = physical->id >= 0;
    for (size_t i = 0; !found && i < physical->child_count; i++)
        found = has_ids(&physical->children[i]);
    return found;
}

/* Append `name: id`, or with what is below it `name: {__duckdb_field_id: id, …}`. */
static void put_ids(silt_buf *sql, const char *name, const silt_type *type,
                    const silt_physical *physical)
{
    bool nested = false;
    for (size_t i = 0; i < physical->child_count; i++)
        nested |= has_ids(&physical->children[i]);
    silt_sql_name(sql, name);
    if (!nested) {
        silt_buf_printf(sql, ": %d", (int)physical->id);
        return;
    }
    const char *comma = "";
    silt_buf_puts(sql, ": {");
    if (physical->id >= 0) {
        silt_buf_printf(sql, "__duckdb_field_id: %d", (int)physical->id);
        comma = ", ";
    }
    for (size_t i = 0; i < physical->child_count; i++) {
        const silt_physical *child = &physical->children[i];
        if (!has_ids(child)) continue;
        silt_buf_puts(sql, comma);
        comma = ", ";
        put_ids(sql,
                type->kind == SILT_TYPE_STRUCT  ? child->name
                : type->kind == SILT_TYPE_ARRAY ? "element"
                : i == 0                        ? "value"
                                                : "key",
                child_type(type, i), child);
    }
    silt_buf_putc(sql, '}');
}

void silt_duck_field_ids_sql(const silt_output_column *columns, size_t column_count,
                             const silt_write_spec *write, silt_buf *sql)
{
    const char *before = ", FIELD_IDS {";
    for (size_t c = 0; c < column_count; c++) {
        const silt_physical *physical = &columns[c].physical;
        bool left_out = !physical->name || !has_ids(physical);
        for (size_t p = 0; p < write->partition_count && !write->partitions_in_files; p++)
            left_out |= write->partition_by[p] == c;
        if (left_out) continue;
        silt_buf_puts(sql, before);
        before = ", ";
        put_ids(sql, columns[c].name, columns[c].type, physical);
    }
    if (before[2] == '\0') silt_buf_putc(sql, '}');
}
