/* Shapes: where they come from, what they differ by, and where they go. */
#include "table/shape.h"

#include <strings.h>

#include "table/shape_tree.h"

/* ---- of a table */

silt_status silt_shape_of(const silt_snapshot *snapshot, silt_arena *arena, silt_shape *out,
                          silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(snapshot);
    SILT_TRY(silt_feature_check_alter(&state->protocol, &state->metadata, err));
    *out = (silt_shape){.arena = arena,
                        .protocol = state->protocol,
                        .metadata = state->metadata,
                        .schema = silt_snapshot_schema(snapshot),
                        .domains = state->domains,
                        .domain_count = state->domain_count,
                        .before = state,
                        .schema_before = silt_snapshot_schema(snapshot)};
    return SILT_OK;
}

/* ---- of a table to be made */

/* Names of columns that differ by case only are one name to most readers. */
static silt_status check_names(const silt_type *type, silt_error *err)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const char *name = type->fields[i].name;
        if (!name[0]) return silt_fail(err, SILT_INVALID, "column %zu has no name", i + 1);
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(type->fields[k].name, name) == 0)
                return silt_fail(err, SILT_INVALID,
                                 "the columns %s and %s are one (case of letters left aside)",
                                 type->fields[k].name, name);
        SILT_TRY(check_names(type->fields[i].type, err));
    }
    if (type->key) SILT_TRY(check_names(type->key, err));
    return type->element ? check_names(type->element, err) : SILT_OK;
}

static silt_status check_partitions(const silt_type *schema, silt_names by, silt_error *err)
{
    for (size_t i = 0; i < by.count; i++) {
        int at = silt_type_find(schema, by.items[i]);
        if (at < 0)
            return silt_fail(err, SILT_INVALID, "partition_by: there is no column %s", by.items[i]);
        silt_type_kind kind = schema->fields[at].type->kind;
        if (kind == SILT_TYPE_BINARY || kind >= SILT_TYPE_VARIANT)
            return silt_fail(err, SILT_INVALID,
                             "partition_by: the values of %s can't be told as text", by.items[i]);
        for (size_t k = 0; k < i; k++)
            if (silt_streq(by.items[i], by.items[k]))
                return silt_fail(err, SILT_INVALID, "partition_by: %s is there twice", by.items[i]);
    }
    if (by.count >= schema->field_count)
        return silt_fail(err, SILT_INVALID,
                         "partition_by: at least one column has to be left over");
    return SILT_OK;
}

/* What only the table says that the schema was taken from. */
static silt_status clean(silt_arena *arena, const silt_type *type, const silt_type **out,
                         silt_error *err)
{
    static const char *const keys[] = {"delta.columnMapping.id", "delta.columnMapping.physicalName",
                                       "delta.columnMapping.nested.ids", "delta.typeChanges",
                                       "delta.identity.highWaterMark"};
    silt_type *copy = silt_arena_alloc(arena, sizeof(*copy));
    silt_field *fields = silt_arena_calloc(arena, type->field_count, sizeof(*fields));
    if (!copy || !fields) return silt_fail_nomem(err);
    *copy = *type;
    for (size_t i = 0; i < type->field_count; i++) {
        fields[i] = type->fields[i];
        for (size_t k = 0; k < SILT_COUNT(keys) && strstr(fields[i].metadata, "delta."); k++) {
            fields[i].metadata = silt_shape_meta_set(arena, fields[i].metadata, keys[k], NULL);
            if (!fields[i].metadata) return silt_fail_nomem(err);
        }
        SILT_TRY(clean(arena, fields[i].type, &fields[i].type, err));
    }
    copy->fields = fields;
    if (type->key) SILT_TRY(clean(arena, type->key, &copy->key, err));
    if (type->element) SILT_TRY(clean(arena, type->element, &copy->element, err));
    *out = copy;
    return SILT_OK;
}

silt_status silt_shape_check_members(const char *column, const silt_type *type, bool within,
                                     silt_error *err)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const silt_field *f = &type->fields[i];
        const char *name = column ? column : f->name;
        if (within && !f->nullable) {
            silt_fail(err, SILT_UNSUPPORTED,
                      "column %s: its member %s is NOT NULL within an array or a map", name,
                      f->name);
            return silt_hint(err, SILT_UNSUPPORTED,
                             "Delta Lake has that for columns and members of structs only");
        }
        SILT_TRY(silt_shape_check_members(name, f->type, within, err));
    }
    if (type->key) SILT_TRY(silt_shape_check_members(column, type->key, true, err));
    return type->element ? silt_shape_check_members(column, type->element, true, err) : SILT_OK;
}

silt_status silt_shape_new(const silt_type *schema, silt_names partition_by, int64_t now_ms,
                           const silt_random *random, silt_arena *arena, silt_shape *out,
                           silt_error *err)
{
    if (schema->kind != SILT_TYPE_STRUCT || !schema->field_count)
        return silt_fail(err, SILT_INVALID, "a table needs at least one column");
    SILT_TRY(check_names(schema, err));
    SILT_TRY(check_partitions(schema, partition_by, err));
    SILT_TRY(silt_shape_check_members(NULL, schema, false, err));
    char id[SILT_UUID_SIZE];
    silt_uuid(random ? random : &silt_random_system, id);
    silt_shape shape = {.arena = arena,
                        .random = random,
                        .protocol = {.min_reader = 1, .min_writer = 2},
                        .metadata = {.id = silt_arena_strdup(arena, id),
                                     .format_provider = "parquet",
                                     .partition_columns = partition_by,
                                     .created_time_ms = now_ms}};
    if (!shape.metadata.id) return silt_fail_nomem(err);
    SILT_TRY(clean(arena, schema, &shape.schema, err));
    SILT_TRY(silt_shape_require_type(&shape, shape.schema, err));
    SILT_TRY(silt_shape_check_columns(&shape, err));
    *out = shape;
    return SILT_OK;
}

void silt_shape_set_name(silt_shape *shape, const char *name)
{
    shape->metadata.name = name;
}

void silt_shape_set_description(silt_shape *shape, const char *description)
{
    shape->metadata.description = description;
}

/* ---- what differs */

static bool names_equal(silt_names a, silt_names b)
{
    if (a.count != b.count) return false;
    for (size_t i = 0; i < a.count; i++)
        if (!silt_streq(a.items[i], b.items[i])) return false;
    return true;
}

static bool protocol_changed(const silt_shape *shape)
{
    const silt_protocol *a = &shape->protocol, *b = &shape->before->protocol;
    return a->min_reader != b->min_reader || a->min_writer != b->min_writer ||
           !names_equal(a->reader_features, b->reader_features) ||
           !names_equal(a->writer_features, b->writer_features);
}

static bool schema_equal(const silt_type *a, const silt_type *b)
{
    if (a == b) return true;
    if (a->kind != b->kind || a->precision != b->precision || a->scale != b->scale ||
        a->contains_null != b->contains_null || a->field_count != b->field_count)
        return false;
    for (size_t i = 0; i < a->field_count; i++) {
        const silt_field *f = &a->fields[i], *g = &b->fields[i];
        if (strcmp(f->name, g->name) != 0 || f->nullable != g->nullable ||
            strcmp(f->metadata, g->metadata) != 0 || !schema_equal(f->type, g->type))
            return false;
    }
    return (!a->key || schema_equal(a->key, b->key)) &&
           (!a->element || schema_equal(a->element, b->element));
}

static bool metadata_changed(const silt_shape *shape)
{
    const silt_metadata *a = &shape->metadata, *b = &shape->before->metadata;
    return !silt_streq(a->name, b->name) || !silt_streq(a->description, b->description) ||
           !names_equal(a->partition_columns, b->partition_columns) ||
           !silt_pairs_equal(a->configuration, b->configuration) ||
           !schema_equal(shape->schema, shape->schema_before);
}

/* The domain as it was; NULL: there was none. */
static const silt_domain *domain_before(const silt_shape *shape, const char *name)
{
    for (size_t i = 0; shape->before && i < shape->before->domain_count; i++)
        if (strcmp(shape->before->domains[i].domain, name) == 0) return &shape->before->domains[i];
    return NULL;
}

static bool domain_changed(const silt_shape *shape, const silt_domain *domain)
{
    const silt_domain *was = domain_before(shape, domain->domain);
    if (!was) return !domain->removed;
    return was->removed != domain->removed ||
           !silt_streq(was->configuration, domain->configuration);
}

bool silt_shape_changed(const silt_shape *shape)
{
    if (!shape->before || protocol_changed(shape) || metadata_changed(shape)) return true;
    for (size_t i = 0; i < shape->domain_count; i++)
        if (domain_changed(shape, &shape->domains[i])) return true;
    return false;
}

/* ---- into a txn */

silt_status silt_shape_apply(silt_shape *shape, silt_txn *txn, silt_error *err)
{
    if (!shape->before || protocol_changed(shape))
        SILT_TRY(silt_txn_set_protocol(txn, &shape->protocol, err));
    for (size_t i = 0; i < shape->domain_count; i++)
        if (domain_changed(shape, &shape->domains[i]))
            SILT_TRY(silt_txn_set_domain(txn, &shape->domains[i], err));
    if (shape->before && !metadata_changed(shape)) return SILT_OK;
    if (!shape->before || !schema_equal(shape->schema, shape->schema_before)) {
        shape->metadata.schema_json = silt_schema_json(shape->schema, shape->arena);
        if (!shape->metadata.schema_json) return silt_fail_nomem(err);
    }
    return silt_txn_set_metadata(txn, &shape->metadata, err);
}
