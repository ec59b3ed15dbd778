/* Which files of a table one scan can read: schemas looked at, columns found in them. */
#include "engine/duckdb_table.h"

#include "base/hash.h"

/* A schema that files have, byte by byte. */
typedef struct shape {
    struct shape *next;
    silt_bytes bytes;
    size_t first; /* file that has it */
    bool plain;   /* the map of physical names reads it */
    size_t width;
    silt_duck_place *places;
    size_t group;
} shape;

typedef struct layout {
    silt_duck_table *table;
    silt_arena *arena;
    bool by_id;
    shape *shapes, **last;
    shape **shape_of; /* by file */
} layout;

/* Whether a column is looked for in files. */
static bool is_data(const silt_scan_column *column)
{
    return column->kind != SILT_SCAN_CONSTANT && column->physical.name &&
           column->type->kind != SILT_TYPE_VOID;
}

/* ---- one schema ------------------------------------------------------------------------------ */

static bool has_ids(const silt_parquet_node *node)
{
    bool found = node->id >= 0;
    for (size_t i = 0; !found && i < node->child_count; i++)
        found = has_ids(&node->children[i]);
    return found;
}

static silt_status find_column(layout *l, shape *s, const silt_parquet_node *root, size_t c,
                               silt_error *err)
{
    const silt_scan_column *column = &l->table->columns[c];
    const silt_parquet_node *node = silt_duck_find_field(root, &column->physical, l->by_id);
    s->plain = s->plain && silt_duck_is_found(root, &column->physical, node);
    if (!node) return SILT_OK;
    silt_duck_route *route = silt_arena_calloc(l->arena, 1, sizeof *route);
    if (!route) return silt_fail_nomem(err);
    s->places[c].route = route;
    s->places[c].index = (size_t)(node - root->children);
    SILT_TRY(silt_duck_route_file(node, column->type, &column->physical, l->by_id, l->arena, route,
                                  &s->plain, err));
    /* A join's filter on a column whose type DuckDB 1.5 makes another one while it reads fails the
     * query: "Can't convert TableFilterType (BLOOM_FILTER)". */
    s->plain = s->plain && (route->step != SILT_STEP_CAST || node->kind == SILT_PARQUET_TIMESTAMP);
    return SILT_OK;
}

static silt_status find_columns(layout *l, shape *s, silt_error *err)
{
    const silt_duck_table *table = l->table;
    const char *path = table->files[s->first].local_path;
    const silt_parquet_node *root = NULL;
    silt_status st = silt_parquet_schema_parse(s->bytes, l->arena, &root, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s", path);
    s->plain = true;
    s->width = root->child_count;
    s->places = silt_arena_calloc(l->arena, table->column_count, sizeof *s->places);
    if (!s->places) return silt_fail_nomem(err);
    bool wants_ids = false;
    for (size_t c = 0; c < table->column_count; c++) {
        if (!is_data(&table->columns[c])) continue;
        wants_ids |= l->by_id && table->columns[c].physical.id >= 0;
        st = find_column(l, s, root, c, err);
        if (st != SILT_OK) return silt_wrap(err, st, "%s: column %s", path, table->columns[c].name);
    }
    /* Nulls in place of all that it holds would be a quiet loss. */
    if (wants_ids && !has_ids(root))
        return silt_fail(err, SILT_CORRUPT,
                         "%s: its columns have no field ids, but the table's columns are found by "
                         "them",
                         path);
    return SILT_OK;
}

/* ---- all files ------------------------------------------------------------------------------- */

static silt_status new_shape(layout *l, size_t file, silt_bytes bytes, shape **out, silt_error *err)
{
    shape *s = silt_arena_calloc(l->arena, 1, sizeof *s);
    if (!s) return silt_fail_nomem(err);
    *s = (shape){.bytes = bytes, .first = file};
    SILT_TRY(find_columns(l, s, err));
    *l->last = s;
    l->last = &s->next;
    *out = s;
    return SILT_OK;
}

static silt_status find_shapes(layout *l, silt_error *err)
{
    SILT_AUTO(silt_map64) known = silt_map64_new();
    SILT_CLEAN(silt_buf) schema = {0};
    if (!known) return silt_fail_nomem(err);
    for (size_t i = 0; i < l->table->file_count; i++) {
        if (i % 256 == 0) SILT_TRY(silt_duck_check(l->table->db, err));
        silt_buf_clear(&schema);
        SILT_TRY(silt_parquet_schema_read(l->table->files[i].local_path, &schema, err));
        l->shape_of[i] = silt_map64_get(known, schema.data, schema.size);
        if (l->shape_of[i]) continue;
        silt_bytes bytes = {silt_buf_copy(&schema, l->arena), schema.size};
        if (!bytes.data) return silt_fail_nomem(err);
        SILT_TRY(new_shape(l, i, bytes, &l->shape_of[i], err));
        void **slot = silt_map64_slot(known, bytes.data, bytes.size, &(bool){false});
        if (!slot) return silt_fail_nomem(err);
        *slot = l->shape_of[i];
    }
    return SILT_OK;
}

/* One group for all plain shapes, one for each other. */
static void number_groups(layout *l)
{
    size_t count = 0, plain = SIZE_MAX;
    for (shape *s = l->shapes; s; s = s->next) {
        if (s->plain && plain != SIZE_MAX) {
            s->group = plain;
            continue;
        }
        if (s->plain) plain = count;
        s->group = count++;
    }
    l->table->group_count = count;
}

static silt_status plain_places(const layout *l, const silt_duck_place **out, silt_error *err)
{
    const silt_duck_table *table = l->table;
    silt_duck_place *places = silt_arena_calloc(l->arena, table->column_count, sizeof *places);
    if (!places) return silt_fail_nomem(err);
    for (size_t c = 0; c < table->column_count; c++) {
        const silt_scan_column *column = &table->columns[c];
        if (!is_data(column)) continue;
        places[c].route = silt_duck_route_plain(column->type, &column->physical, l->arena);
        if (!places[c].route) return silt_fail_nomem(err);
    }
    *out = places;
    return SILT_OK;
}

static silt_status fill_groups(layout *l, silt_error *err)
{
    silt_duck_table *table = l->table;
    silt_duck_group *groups = silt_arena_calloc(l->arena, table->group_count, sizeof *groups);
    table->groups = groups;
    table->slots = silt_arena_calloc(l->arena, table->file_count, sizeof *table->slots);
    int64_t *places = silt_arena_calloc(l->arena, table->file_count, sizeof *places);
    if (!groups || !table->slots || !places) return silt_fail_nomem(err);
    for (const shape *s = l->shapes; s; s = s->next) {
        silt_duck_group *group = &groups[s->group];
        group->own = !s->plain;
        group->width = s->width;
        group->places = s->places;
        if (s->plain) SILT_TRY(plain_places(l, &group->places, err));
    }
    for (size_t i = 0; i < table->file_count; i++)
        groups[l->shape_of[i]->group].count++;
    for (size_t g = 1; g < table->group_count; g++)
        groups[g].first = groups[g - 1].first + groups[g - 1].count;
    for (size_t g = 0; g < table->group_count; g++)
        groups[g].count = 0;
    for (size_t i = 0; i < table->file_count; i++) {
        silt_duck_group *group = &groups[l->shape_of[i]->group];
        size_t slot = group->first + group->count++;
        table->slots[slot] = table->files[i];
        places[slot] = (int64_t)i;
        group->has_rows |= table->files[i].rows != NULL;
    }
    if (table->group_count < 2) return SILT_OK;
    return silt_duck_partition_numbers(&table->places, table, places, l->arena, err);
}

silt_status silt_duck_layout(silt_duck_table *table, bool by_id, silt_arena *arena, silt_error *err)
{
    layout l = {.table = table, .arena = arena, .by_id = by_id};
    l.last = &l.shapes;
    l.shape_of = silt_arena_calloc(arena, table->file_count, sizeof *l.shape_of);
    if (!l.shape_of) return silt_fail_nomem(err);
    SILT_TRY(find_shapes(&l, err));
    number_groups(&l);
    return fill_groups(&l, err);
}
