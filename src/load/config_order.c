/* In which order tables are loaded: each behind those that it depends on, else as written. */
#include "load/config_tree.h"

typedef enum mark { NEW, OPEN, DONE } mark;

typedef struct ordering {
    silt_config_reader *r;
    const silt_config_node *node; /* tables */
    const silt_config *config;
    mark *marks;   /* by table */
    size_t *order; /* of those that are done */
    size_t count;
} ordering;

static size_t find(const silt_config *config, const char *name)
{
    size_t i = 0;
    while (i < config->table_count && !silt_streq(config->tables[i].name, name))
        i++;
    return i;
}

/* At the n-th name in depends_on. */
static void mistake(const ordering *o, size_t table, size_t n, const char *what)
{
    const silt_config_node *at = silt_config_at(o->node->items[table].value, "depends_on");
    if (at->kind == SILT_CONFIG_LIST) at = at->items[n].value;
    const char *path = silt_config_join(o->r, "tables", NULL, table);
    silt_config_mistake(o->r, at->line, at->column, silt_config_join(o->r, path, "depends_on", 0),
                        what, o->config->tables[table].depends_on.items[n]);
}

/* Depth first, no deeper than there are tables. */
static void visit(ordering *o, size_t table)
{
    const silt_names names = o->config->tables[table].depends_on;
    o->marks[table] = OPEN;
    for (size_t n = 0; n < names.count; n++) {
        size_t other = find(o->config, names.items[n]);
        if (other == o->config->table_count)
            mistake(o, table, n, "there is no table %.100s");
        else if (other == table)
            mistake(o, table, n, "%.100s is the table itself");
        else if (o->marks[other] == OPEN)
            mistake(o, table, n, "%.100s depends on this table itself, by way of others or not");
        else if (o->marks[other] == NEW)
            visit(o, other);
    }
    o->marks[table] = DONE;
    o->order[o->count++] = table;
}

void silt_config_order(silt_config_reader *r, const silt_config_node *node, silt_config *config)
{
    ordering o = {.r = r, .node = node, .config = config};
    o.marks = silt_arena_calloc(r->arena, config->table_count, sizeof(*o.marks));
    o.order = silt_arena_calloc(r->arena, config->table_count, sizeof(*o.order));
    if (!o.marks || !o.order) {
        r->no_memory = true;
        return;
    }
    for (size_t i = 0; i < config->table_count; i++)
        if (o.marks[i] == NEW) visit(&o, i);
    config->order = o.order;
}
