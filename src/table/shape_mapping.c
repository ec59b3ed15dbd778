/* Column mapping turned on: ids and physical names for the columns.
 * @see PROTOCOL.md, "Column Mapping", "Writer Requirements for Column Mapping" */
#include <stdio.h>
#include <strings.h>

#include "table/shape_tree.h"

#define MODE_KEY "delta.columnMapping.mode"
#define MAX_KEY  "delta.columnMapping.maxColumnId"
#define ID_KEY   "delta.columnMapping.id"
#define NAME_KEY "delta.columnMapping.physicalName"

static const char *const modes[] = {"none", "id", "name"};

static int mode_of(const char *name)
{
    for (size_t i = 0; name && i < SILT_COUNT(modes); i++)
        if (strcasecmp(modes[i], name) == 0) return (int)i;
    return -1;
}

silt_mapping_mode silt_shape_mapping(const silt_shape *shape)
{
    int mode = mode_of(silt_pairs_get(shape->metadata.configuration, MODE_KEY));
    if (!silt_feature_supported(&shape->protocol, "columnMapping")) return SILT_MAPPING_NONE;
    return mode < 0 ? SILT_MAPPING_NONE : (silt_mapping_mode)mode;
}

/* ---- ids */

typedef struct highest {
    silt_arena *arena;
    int64_t id;
} highest;

static silt_status look(void *ctx, silt_names path, const silt_field *field, silt_error *err)
{
    (void)path;
    highest *h = ctx;
    const silt_json *json;
    SILT_TRY(silt_shape_meta(h->arena, field->metadata, ID_KEY, &json, err));
    int64_t id = silt_json_int(json, 0);
    if (id > h->id) h->id = id;
    return SILT_OK;
}

typedef struct mapper {
    silt_shape *shape;
    int64_t last_id;
    bool same;
} mapper;

static silt_status map_field(mapper *m, silt_field *field, silt_error *err)
{
    silt_arena *arena = m->shape->arena;
    const silt_json *there;
    SILT_TRY(silt_shape_meta(arena, field->metadata, ID_KEY, &there, err));
    if (there) return SILT_OK;
    char id[24], uuid[SILT_UUID_SIZE], name[SILT_UUID_SIZE + 4];
    silt_uuid(m->shape->random ? m->shape->random : &silt_random_system, uuid);
    snprintf(id, sizeof(id), "%" PRId64, ++m->last_id);
    snprintf(name, sizeof(name), "col-%s", uuid);
    const char *metadata = silt_shape_meta_set(arena, field->metadata, ID_KEY, id);
    if (metadata)
        metadata = silt_shape_meta_text(arena, metadata, NAME_KEY, m->same ? field->name : name);
    if (!metadata) return silt_fail_nomem(err);
    field->metadata = metadata;
    return SILT_OK;
}

static silt_status map_type(mapper *m, const silt_type *type, const silt_type **out,
                            silt_error *err)
{
    *out = type;
    if (type->kind < SILT_TYPE_STRUCT || type->kind == SILT_TYPE_VOID) return SILT_OK;
    silt_arena *arena = m->shape->arena;
    silt_type *copy = silt_arena_alloc(arena, sizeof(*copy));
    silt_field *fields = silt_arena_calloc(arena, type->field_count, sizeof(*fields));
    if (!copy || !fields) return silt_fail_nomem(err);
    *copy = *type;
    for (size_t i = 0; i < type->field_count; i++) {
        fields[i] = type->fields[i];
        SILT_TRY(map_field(m, &fields[i], err));
        SILT_TRY(map_type(m, fields[i].type, &fields[i].type, err));
    }
    copy->fields = fields;
    if (type->key) SILT_TRY(map_type(m, type->key, &copy->key, err));
    if (type->element) SILT_TRY(map_type(m, type->element, &copy->element, err));
    *out = copy;
    return SILT_OK;
}

silt_status silt_shape_map_fields(silt_shape *shape, bool same, silt_error *err)
{
    highest h = {.arena = shape->arena};
    const char *max = silt_pairs_get(shape->metadata.configuration, MAX_KEY);
    if (max) (void)silt_parse_int64(max, &h.id);
    SILT_TRY(silt_shape_each(shape, look, &h, err));
    mapper m = {shape, h.id, same};
    SILT_TRY(map_type(&m, shape->schema, &shape->schema, err));
    if (m.last_id > INT32_MAX) return silt_fail(err, SILT_INVALID, "there are no column ids left");
    const char *value = silt_arena_printf(shape->arena, "%" PRId64, m.last_id);
    if (!value) return silt_fail_nomem(err);
    return silt_shape_put_property(shape, MAX_KEY, value, err);
}

/* ---- modes */

silt_status silt_shape_set_mapping(silt_shape *shape, const char *mode, silt_error *err)
{
    silt_mapping_mode now = silt_shape_mapping(shape);
    int next = mode_of(mode);
    if (next < 0)
        return silt_fail(err, SILT_INVALID, MODE_KEY " is none, name or id, not \"%s\"", mode);
    if (next != (int)now) {
        if (now == SILT_MAPPING_NONE && next == SILT_MAPPING_ID && shape->before) {
            silt_fail(err, SILT_UNSUPPORTED,
                      MODE_KEY " can't become id: the files that stand have no column ids");
            return silt_hint(
                err, SILT_UNSUPPORTED,
                "name does the same for a table that has files: columns can be renamed "
                "and dropped");
        }
        if (now != SILT_MAPPING_NONE)
            return silt_fail(err, SILT_UNSUPPORTED,
                             MODE_KEY " can't be changed from %s to %s: it stays as it was turned "
                                      "on",
                             modes[now], modes[next]);
    }
    silt_names clustered;
    SILT_TRY(silt_shape_clustering(shape, &clustered, err));
    if (next != SILT_MAPPING_NONE) {
        SILT_TRY(silt_shape_require(shape, "columnMapping", err));
        SILT_TRY(silt_shape_map_fields(shape, shape->before != NULL, err));
    }
    SILT_TRY(silt_shape_put_property(shape, MODE_KEY, modes[next], err));
    if (next == (int)now || !clustered.count) return SILT_OK;
    return silt_shape_cluster_by(shape, clustered, err); /* by the new physical names */
}

silt_status silt_shape_physical(const silt_shape *shape, silt_names path, silt_names *out,
                                silt_error *err)
{
    const char **names = silt_arena_calloc(shape->arena, path.count, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    const silt_type *type = shape->schema;
    for (size_t i = 0; i < path.count; i++) {
        int at = silt_shape_field_at(type, path.items[i]);
        const silt_field *field = &type->fields[at];
        const silt_json *json;
        SILT_TRY(silt_shape_meta(shape->arena, field->metadata, NAME_KEY, &json, err));
        const char *name = silt_json_string(json);
        names[i] = name && silt_shape_mapping(shape) ? name : field->name;
        type = field->type;
    }
    *out = (silt_names){names, path.count};
    return SILT_OK;
}
