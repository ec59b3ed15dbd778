/* Declared columns: {name: type} or [{name, type, nullable}] → a STRUCT. */
#include "load/config_tree.h"

#include <strings.h>

static const silt_type *type_of(silt_config_reader *r, const silt_config_node *node,
                                const char *path)
{
    if (node->broken) return NULL;
    if (node->kind != SILT_CONFIG_TEXT) {
        silt_config_mistake(r, node->line, node->column, path,
                            "found %s; a type is allowed, as long, string, decimal(10,2)",
                            silt_config_found(r, node));
        return NULL;
    }
    const silt_type *type = NULL;
    silt_error err = {0};
    silt_status st = silt_type_parse(node->text, r->arena, &type, &err);
    if (st == SILT_NOMEM) r->no_memory = true;
    if (st != SILT_OK)
        silt_config_mistake(r, node->line, node->column, path,
                            "found \"%.100s\": %s; a type is allowed, as boolean, integer, long, "
                            "double, decimal(10,2), string, date, timestamp",
                            node->text, err.message);
    return type;
}

/* One {name, type, nullable} of a list. */
static bool column_of(silt_config_reader *r, const silt_config_node *node, const char *path,
                      silt_field *out)
{
    static const silt_config_key keys[] = {
        {.name = "name",
         .kind = SILT_KEY_TEXT,
         .offset = offsetof(silt_field, name),
         .required = true,
         .about = "The column's name."},
        {.name = "nullable", .kind = SILT_KEY_BOOL, .offset = offsetof(silt_field, nullable)},
        {.name = "type", .kind = SILT_KEY_OBJECT, .required = true, .about = "The column's type."},
        {.name = NULL}};
    silt_config_walk(r, keys, node, path, out); /* `type` is no leaf of its kinds: it's read here */
    const silt_config_node *type = silt_config_at(node, "type");
    if (type) out->type = type_of(r, type, silt_config_join(r, path, "type", 0));
    return out->name && out->type;
}

static bool is_twice(const silt_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(fields[i].name, name) == 0) return true;
    return false;
}

const silt_type *silt_config_columns(silt_config_reader *r, const silt_config_node *node,
                                     const char *path)
{
    if ((node->kind != SILT_CONFIG_MAP && node->kind != SILT_CONFIG_LIST) || node->count == 0) {
        silt_config_mistake(r, node->line, node->column, path,
                            "found %s; a map of names and types, or a list of {name, type, "
                            "nullable}, is allowed",
                            node->count || node->kind < SILT_CONFIG_LIST
                                ? silt_config_found(r, node)
                                : "no column");
        return NULL;
    }
    silt_field *fields = silt_arena_calloc(r->arena, node->count, sizeof(*fields));
    silt_type *type = silt_arena_calloc(r->arena, 1, sizeof(*type));
    if (!fields || !type) {
        r->no_memory = true;
        return NULL;
    }
    size_t count = 0;
    for (size_t i = 0; i < node->count; i++) {
        const silt_config_entry *e = &node->items[i];
        const char *at = silt_config_join(r, path, e->key, i);
        silt_field field = {e->key, NULL, true, "{}"};
        bool good = e->key ? (field.type = type_of(r, e->value, at)) != NULL
                           : column_of(r, e->value, at, &field);
        if (!good) continue;
        if (is_twice(fields, count, field.name))
            silt_config_mistake(r, e->line, e->column, at,
                                "the column %.100s stands here twice (case left aside)",
                                field.name);
        else
            fields[count++] = field;
    }
    *type = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = count};
    return type;
}
