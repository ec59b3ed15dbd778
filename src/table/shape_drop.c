/* Features taken out of a table: out of its metadata and domains, and out of its protocol. What
 * they left in files, checkpoints and history is the operation's (ops/drop_feature.c).
 * @see PROTOCOL.md, "Table Features", "Column Mapping", "Type Widening", "Row Tracking" */
#include "table/shape_tree.h"

#define ROW_IDS "delta.rowTracking"

/* What of the metadata goes with a feature. */
typedef struct droppable {
    const char *name;
    silt_feature_traces traces;
    const char *properties[4];
    const char *column_keys[3];
} droppable;

/* Those that Delta lets go. */
static const droppable droppables[] = {
    {"checkConstraints", SILT_TRACES_NONE, {NULL}, {NULL}},
    {"checkpointProtection",
     SILT_TRACES_HISTORY,
     {"delta.requireCheckpointProtectionBeforeVersion"},
     {NULL}},
    {"columnMapping",
     SILT_TRACES_HISTORY,
     {"delta.columnMapping.mode", "delta.columnMapping.maxColumnId"},
     {"delta.columnMapping.id", "delta.columnMapping.physicalName",
      "delta.columnMapping.nested.ids"}},
    {"deletionVectors", SILT_TRACES_HISTORY, {"delta.enableDeletionVectors"}, {NULL}},
    {"domainMetadata", SILT_TRACES_NONE, {NULL}, {NULL}},
    {"inCommitTimestamp",
     SILT_TRACES_NONE,
     {"delta.enableInCommitTimestamps", "delta.inCommitTimestampEnablementTimestamp",
      "delta.inCommitTimestampEnablementVersion"},
     {NULL}},
    {"materializePartitionColumns",
     SILT_TRACES_NONE,
     {"delta.enableMaterializePartitionColumnsFeature"},
     {NULL}},
    {"rowTracking",
     SILT_TRACES_FILES,
     {"delta.enableRowTracking", "delta.rowTrackingSuspended",
      "delta.rowTracking.materializedRowIdColumnName",
      "delta.rowTracking.materializedRowCommitVersionColumnName"},
     {NULL}},
    {"typeWidening", SILT_TRACES_HISTORY, {"delta.enableTypeWidening"}, {"delta.typeChanges"}},
    {"v2Checkpoint", SILT_TRACES_HISTORY, {"delta.checkpointPolicy"}, {NULL}},
    {"vacuumProtocolCheck", SILT_TRACES_NONE, {NULL}, {NULL}},
};

static const droppable *find(const char *name)
{
    silt_feature_traits t; /* a feature may be there by the name it had before */
    if (!silt_feature_describe(name, &t)) return NULL;
    for (size_t i = 0; i < SILT_COUNT(droppables); i++)
        if (strcmp(droppables[i].name, t.name) == 0) return &droppables[i];
    return NULL;
}

silt_feature_traces silt_shape_feature_traces(const char *name)
{
    const droppable *d = find(name);
    return d ? d->traces : SILT_TRACES_NONE;
}

bool silt_shape_feature_shows(const char *name, const silt_metadata *metadata)
{
    const droppable *d = find(name);
    bool shows = false;
    for (size_t i = 0; d && i < SILT_COUNT(d->properties) && d->properties[i]; i++)
        shows |= silt_pairs_get(metadata->configuration, d->properties[i]) != NULL;
    for (size_t i = 0; d && i < SILT_COUNT(d->column_keys) && d->column_keys[i]; i++)
        shows |= strstr(metadata->schema_json, d->column_keys[i]) != NULL;
    return shows;
}

/* ---- out of the columns */

static silt_status strip(const silt_type *type, const char *const *keys, size_t count,
                         silt_arena *arena, const silt_type **out, silt_error *err)
{
    *out = type;
    if (!type || (!type->field_count && !type->element && !type->key)) return SILT_OK;
    silt_type *copy = silt_arena_alloc(arena, sizeof(*copy));
    silt_field *fields = silt_arena_calloc(arena, type->field_count, sizeof(*fields));
    if (!copy || !fields) return silt_fail_nomem(err);
    *copy = *type;
    for (size_t i = 0; i < type->field_count; i++) {
        fields[i] = type->fields[i];
        for (size_t k = 0; k < count && keys[k]; k++) {
            const silt_json *value;
            SILT_TRY(silt_shape_meta(arena, fields[i].metadata, keys[k], &value, err));
            if (value)
                fields[i].metadata = silt_shape_meta_set(arena, fields[i].metadata, keys[k], NULL);
            if (!fields[i].metadata) return silt_fail_nomem(err);
        }
        SILT_TRY(strip(fields[i].type, keys, count, arena, &fields[i].type, err));
    }
    copy->fields = fields;
    SILT_TRY(strip(type->key, keys, count, arena, &copy->key, err));
    SILT_TRY(strip(type->element, keys, count, arena, &copy->element, err));
    *out = copy;
    return SILT_OK;
}

/* Without column mapping a column is called in files as it is in the schema, and not every name
 * can be. */
static silt_status check_name(void *ctx, silt_names path, const silt_field *field, silt_error *err)
{
    const silt_shape *shape = ctx;
    if (!strpbrk(field->name, " ,;{}()\n\t=")) return SILT_OK;
    const char *text = silt_shape_path_text(path, shape->arena);
    if (!text) return silt_fail_nomem(err);
    silt_fail(err, SILT_INVALID, "column %s can't be called so without column mapping", text);
    return silt_hint(err, SILT_INVALID,
                     "rename it first: none of \" ,;{}()=\", tab or newline can be in its name");
}

/* ---- out of the metadata */

static silt_status clear(silt_shape *shape, const droppable *d, silt_error *err)
{
    bool mapping = strcmp(d->name, "columnMapping") == 0;
    silt_names clustered;
    SILT_TRY(silt_shape_clustering(shape, &clustered, err));
    for (size_t i = 0; i < SILT_COUNT(d->properties) && d->properties[i]; i++)
        if (silt_pairs_get(shape->metadata.configuration, d->properties[i]))
            SILT_TRY(silt_shape_put_property(shape, d->properties[i], NULL, err));
    if (d->column_keys[0])
        SILT_TRY(strip(shape->schema, d->column_keys, SILT_COUNT(d->column_keys), shape->arena,
                       &shape->schema, err));
    if (strcmp(d->name, "rowTracking") == 0 && silt_shape_domain(shape, ROW_IDS))
        SILT_TRY(silt_shape_put_domain(shape, ROW_IDS, NULL, err));
    if (!mapping) return SILT_OK;
    SILT_TRY(silt_shape_each(shape, check_name, shape, err));
    return clustered.count ? silt_shape_cluster_by(shape, clustered, err) : SILT_OK;
}

/* What other than the feature itself uses it; NULL: nothing. */
static const char *used_by(const silt_shape *shape, const char *name)
{
    const silt_metadata *m = &shape->metadata;
    if (strcmp(name, "checkConstraints") == 0)
        for (size_t i = 0; i < m->configuration.count; i++)
            if (silt_starts_with(m->configuration.items[i].key, "delta.constraints."))
                return m->configuration.items[i].key;
    for (size_t i = 0; strcmp(name, "domainMetadata") == 0 && i < shape->domain_count; i++)
        if (!shape->domains[i].removed && strcmp(shape->domains[i].domain, ROW_IDS) != 0)
            return shape->domains[i].domain;
    return silt_shape_needed_by(shape, name);
}

/* `*out`: of what is to be dropped. */
static silt_status check(const silt_shape *shape, const char *name, const droppable **out,
                         silt_error *err)
{
    silt_feature_traits t;
    SILT_TRY(silt_shape_known_feature(name, &t, err));
    if (!silt_feature_supported(&shape->protocol, t.name))
        return silt_fail(err, SILT_NOT_FOUND, "the table doesn't have the feature %s", t.name);
    const droppable *d = find(name);
    if (!d) {
        silt_fail(err, SILT_UNSUPPORTED, "feature %s can't be dropped", t.name);
        return silt_hint(err, SILT_UNSUPPORTED,
                         "Delta has no way back from it; a table without it is made by writing the "
                         "rows into a new one");
    }
    const char *user = used_by(shape, d->name);
    if (user)
        return silt_fail(err, SILT_INVALID, "feature %s can't be dropped: %s needs it", d->name,
                         user);
    *out = d;
    return SILT_OK;
}

silt_status silt_shape_clear_feature(silt_shape *shape, const char *name, silt_error *err)
{
    const droppable *d;
    SILT_TRY(check(shape, name, &d, err));
    silt_shape next = *shape;
    SILT_TRY(clear(&next, d, err));
    *shape = next;
    return SILT_OK;
}

/* ---- out of the protocol */

silt_status silt_shape_drop_feature(silt_shape *shape, const char *name, silt_error *err)
{
    const droppable *d;
    silt_names names;
    SILT_TRY(check(shape, name, &d, err));
    silt_shape next = *shape;
    SILT_TRY(clear(&next, d, err));
    SILT_TRY(silt_shape_features(shape, &names, err));
    const char **left = silt_arena_calloc(shape->arena, names.count, sizeof(*left));
    if (!left) return silt_fail_nomem(err);
    size_t count = 0;
    for (size_t i = 0; i < names.count; i++)
        if (find(names.items[i]) != d) left[count++] = names.items[i];
    SILT_TRY(silt_shape_set_features(&next, (silt_names){left, count}, true, err));
    *shape = next;
    return SILT_OK;
}

silt_status silt_shape_protect_history(silt_shape *shape, int64_t before, silt_error *err)
{
    silt_shape next = *shape;
    const char *version = silt_arena_printf(shape->arena, "%" PRId64, before);
    if (!version) return silt_fail_nomem(err);
    SILT_TRY(silt_shape_require(&next, "checkpointProtection", err));
    SILT_TRY(silt_shape_put_property(&next, "delta.requireCheckpointProtectionBeforeVersion",
                                     version, err));
    *shape = next;
    return SILT_OK;
}
