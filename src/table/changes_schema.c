/* Which changes of a schema the feed can follow: as Spark, only what comes to it. */
#include <strings.h>

#include "log/log.h"
#include "table/changes.h"

silt_status silt_changes_shape_of(const silt_metadata *metadata, silt_arena *arena,
                                  silt_changes_shape *out, silt_error *err)
{
    silt_metadata *copy = silt_arena_alloc(arena, sizeof(*copy));
    if (!copy || !silt_metadata_copy(metadata, arena, copy)) return silt_fail_nomem(err);
    silt_changes_shape shape = {.metadata = copy};
    const char *json = copy->schema_json;
    SILT_TRY(silt_schema_parse(json, strlen(json), arena, &shape.schema, err));
    SILT_TRY(silt_mapping_of(metadata, shape.schema, arena, &shape.mapping, err));
    *out = shape;
    return SILT_OK;
}

/* A comparison; `path` is that of the column in hand. */
typedef struct comparison {
    bool net, mapped;
    silt_arena *arena;
    const char *why;
    bool failed; /* out of memory */
} comparison;

/* Says why and gives false. */
static bool no(comparison *c, const char *path, const char *what, const char *detail)
{
    c->why = silt_arena_printf(c->arena, "column %s %s%s", path, what, detail);
    c->failed = !c->why;
    return false;
}

static const char *type_name(comparison *c, const silt_type *type)
{
    const char *name = silt_type_name(type, c->arena);
    return name ? name : "?";
}

static const char *below(comparison *c, const char *path, const char *name)
{
    const char *joined = *path ? silt_arena_printf(c->arena, "%s.%s", path, name) : name;
    return joined ? joined : name;
}

static int find_field(const comparison *c, const silt_type *type, const silt_physical *physical,
                      const silt_field *field, const char *physical_name)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (c->mapped ? strcmp(physical->children[i].name, physical_name) == 0
                      : strcasecmp(type->fields[i].name, field->name) == 0)
            return (int)i;
    return -1;
}

/* What could be null when it was written, and now never is. */
static bool tightens(const comparison *c, bool was_nullable, bool is_nullable)
{
    return !c->net && was_nullable && !is_nullable;
}

static bool fits(comparison *c, const char *path, const silt_type *old, const silt_physical *was,
                 const silt_type *now, const silt_physical *is);

static bool field_fits(comparison *c, const char *path, const silt_field *old,
                       const silt_physical *was, const silt_type *now, const silt_physical *is)
{
    int at = find_field(c, now, is, old, was->name);
    if (at < 0) return c->net || no(c, path, "isn't there any more", "");
    const silt_field *field = &now->fields[at];
    if (strcmp(field->name, old->name) != 0 && !(c->net && c->mapped))
        return no(c, path, "was renamed to ", field->name);
    if (tightens(c, old->nullable, field->nullable)) return no(c, path, "became NOT NULL", "");
    return fits(c, path, old->type, was, field->type, &is->children[at]);
}

static bool type_changed(comparison *c, const char *path, const silt_type *old,
                         const silt_type *now)
{
    const char *detail =
        silt_arena_printf(c->arena, "%s to %s", type_name(c, old), type_name(c, now));
    return no(c, path, "changed its type from ", detail ? detail : "?");
}

/* The physical trees have a node a field, and for an array and a map those of mapping.h. */
static bool fits(comparison *c, const char *path, const silt_type *old, const silt_physical *was,
                 const silt_type *now, const silt_physical *is)
{
    if (old->kind == SILT_TYPE_VOID) return true;
    if (old->kind != now->kind || old->kind < SILT_TYPE_STRUCT)
        return silt_type_equal(old, now) || (c->net && silt_type_widens(old, now)) ||
               type_changed(c, path, old, now);
    for (size_t i = 0; i < old->field_count; i++)
        if (!field_fits(c, below(c, path, old->fields[i].name), &old->fields[i], &was->children[i],
                        now, is))
            return false;
    if (!old->element) return true;
    if (tightens(c, old->contains_null, now->contains_null))
        return no(c, path, "may hold no nulls any more", "");
    if (old->key &&
        !fits(c, below(c, path, "key"), old->key, &was->children[1], now->key, &is->children[1]))
        return false;
    const char *element = below(c, path, old->key ? "value" : "element");
    return fits(c, element, old->element, &was->children[0], now->element, &is->children[0]);
}

/* What isn't about one column. */
static const char *tables_differ(const silt_changes_shape *old, const silt_changes_shape *now,
                                 bool net)
{
    silt_mapping_mode was = old->mapping.mode, is = now->mapping.mode;
    if (was != SILT_MAPPING_NONE && is == SILT_MAPPING_NONE) return "column mapping was removed";
    if (was != SILT_MAPPING_NONE && was != is) return "the mode of column mapping changed";
    if (!net &&
        !silt_names_equal(old->metadata->partition_columns, now->metadata->partition_columns))
        return "the partition columns changed";
    return NULL;
}

silt_status silt_changes_compare(const silt_changes_shape *old, const silt_changes_shape *now,
                                 bool net, silt_arena *arena, const char **why, silt_error *err)
{
    const silt_physical was = {.children = old->mapping.fields,
                               .child_count = old->mapping.field_count};
    const silt_physical is = {.children = now->mapping.fields,
                              .child_count = now->mapping.field_count};
    comparison c = {.net = net, .mapped = now->mapping.mode != SILT_MAPPING_NONE, .arena = arena};
    c.why = tables_differ(old, now, net);
    if (!c.why) (void)fits(&c, "", old->schema, &was, now->schema, &is);
    if (c.failed) return silt_fail_nomem(err);
    *why = c.why;
    return SILT_OK;
}
