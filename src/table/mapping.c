/* Column mapping: physical names and ids out of the schema's field metadata. */
#include "table/mapping.h"

#include <strings.h>

#include "base/hash.h"
#include "base/json.h"

#define ID_KEY   "delta.columnMapping.id"
#define NAME_KEY "delta.columnMapping.physicalName"

typedef struct mapper {
    silt_mapping_mode mode;
    silt_arena *arena, *scratch; /* `scratch` is for one field's metadata */
    silt_map64 *ids;             /* id → the field's name; NULL without mapping */
    silt_error *err;
} mapper;

static silt_status mode_of(const silt_metadata *metadata, silt_mapping_mode *out, silt_error *err)
{
    static const char *const names[] = {"none", "id", "name"};
    const char *value = silt_pairs_get(metadata->configuration, "delta.columnMapping.mode");
    *out = SILT_MAPPING_NONE;
    if (!value) return SILT_OK;
    for (size_t i = 0; i < SILT_COUNT(names); i++) {
        *out = (silt_mapping_mode)i;
        if (strcasecmp(value, names[i]) == 0) return SILT_OK;
    }
    return silt_fail(err, SILT_CORRUPT,
                     "metaData: delta.columnMapping.mode is \"%s\"; none, id or name is possible",
                     value);
}

/* An id belongs to one field of the whole schema. */
static silt_status take_id(const mapper *m, const char *name, int64_t id, int32_t *out)
{
    bool found;
    *out = (int32_t)id;
    int32_t *key = silt_arena_alloc(m->arena, sizeof(*key));
    if (!key) return silt_fail_nomem(m->err);
    *key = *out;
    void **slot = silt_map64_slot(m->ids, key, sizeof(*key), &found);
    if (!slot) return silt_fail_nomem(m->err);
    if (found)
        return silt_fail(m->err, SILT_CORRUPT,
                         "schema: the columns %s and %s have the same " ID_KEY ", %" PRId64,
                         (const char *)*slot, name, id);
    *slot = (void *)name;
    return SILT_OK;
}

static silt_status map_field(const mapper *m, const silt_field *field, silt_physical *out)
{
    const silt_json *metadata;
    *out = (silt_physical){.name = field->name, .id = -1};
    if (m->mode == SILT_MAPPING_NONE) return SILT_OK;
    silt_arena_reset(m->scratch);
    silt_status st = silt_json_parse(silt_bytes_of(field->metadata), m->scratch, &metadata, m->err);
    if (st != SILT_OK) return silt_wrap(m->err, st, "schema: metadata of column %s", field->name);
    const silt_json *id = silt_json_get(metadata, ID_KEY);
    int64_t number = silt_json_int(id, -1);
    if (!silt_json_is_int(id) || number < 0 || number > INT32_MAX)
        return silt_fail(m->err, SILT_CORRUPT,
                         "schema: column %s has no " ID_KEY " of 32 bits, which column mapping "
                         "asks for",
                         field->name);
    const char *name = silt_json_string(silt_json_get(metadata, NAME_KEY));
    if (!name || !*name)
        return silt_fail(m->err, SILT_CORRUPT,
                         "schema: column %s has no " NAME_KEY ", which column mapping asks for",
                         field->name);
    out->name = silt_arena_strdup(m->arena, name);
    if (!out->name) return silt_fail_nomem(m->err);
    return take_id(m, field->name, number, &out->id);
}

static silt_status map_type(const mapper *m, const silt_type *type, silt_physical *out);

static silt_status map_struct(const mapper *m, const silt_type *type, silt_physical *out)
{
    SILT_AUTO(silt_map64) names = silt_map64_new();
    silt_physical *children = silt_arena_calloc(m->arena, type->field_count, sizeof(*children));
    if (!names || !children) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < type->field_count; i++) {
        bool found;
        SILT_TRY(map_field(m, &type->fields[i], &children[i]));
        const char *name = children[i].name;
        void **slot = silt_map64_slot(names, name, strlen(name), &found);
        if (!slot) return silt_fail_nomem(m->err);
        if (found)
            return silt_fail(m->err, SILT_CORRUPT,
                             "schema: the columns %s and %s have the same %s, %s",
                             (const char *)*slot, type->fields[i].name,
                             m->mode == SILT_MAPPING_NONE ? "name" : NAME_KEY, name);
        *slot = (void *)type->fields[i].name;
        SILT_TRY(map_type(m, type->fields[i].type, &children[i]));
    }
    out->children = children;
    out->child_count = type->field_count;
    return SILT_OK;
}

/* Elements, keys and values of maps have neither physical names nor ids that have to be there. */
static silt_status map_type(const mapper *m, const silt_type *type, silt_physical *out)
{
    if (type->kind == SILT_TYPE_STRUCT) return map_struct(m, type, out);
    if (type->kind != SILT_TYPE_ARRAY && type->kind != SILT_TYPE_MAP) return SILT_OK;
    bool is_map = type->kind == SILT_TYPE_MAP;
    silt_physical *children = silt_arena_calloc(m->arena, is_map ? 2 : 1, sizeof(*children));
    if (!children) return silt_fail_nomem(m->err);
    children[0] = (silt_physical){.name = is_map ? "value" : "element", .id = -1};
    SILT_TRY(map_type(m, type->element, &children[0]));
    if (is_map) {
        children[1] = (silt_physical){.name = "key", .id = -1};
        SILT_TRY(map_type(m, type->key, &children[1]));
    }
    out->children = children;
    out->child_count = is_map ? 2 : 1;
    return SILT_OK;
}

static silt_status map_partitions(const silt_metadata *metadata, const silt_type *schema,
                                  silt_mapping *mapping, silt_arena *arena, silt_error *err)
{
    silt_names logical = metadata->partition_columns;
    const char **names = silt_arena_calloc(arena, logical.count, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    for (size_t i = 0; i < logical.count; i++) {
        int at = silt_type_find(schema, logical.items[i]);
        if (at < 0)
            return silt_fail(err, SILT_CORRUPT, "metaData: partition column %s isn't in the schema",
                             logical.items[i]);
        names[i] = mapping->fields[at].name;
    }
    mapping->partition_columns = (silt_names){names, logical.count};
    return SILT_OK;
}

silt_status silt_mapping_of(const silt_metadata *metadata, const silt_type *schema,
                            silt_arena *arena, silt_mapping *out, silt_error *err)
{
    silt_physical root = {0};
    mapper m = {.arena = arena, .err = err};
    SILT_TRY(mode_of(metadata, &m.mode, err));
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_AUTO(silt_map64) ids = silt_map64_new();
    if (!scratch || !ids) return silt_fail_nomem(err);
    m.scratch = scratch;
    m.ids = ids;
    SILT_TRY(map_struct(&m, schema, &root));
    silt_mapping mapping = {
        .mode = m.mode, .fields = root.children, .field_count = root.child_count};
    SILT_TRY(map_partitions(metadata, schema, &mapping, arena, err));
    *out = mapping;
    return SILT_OK;
}
