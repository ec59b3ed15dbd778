/* The types of add.stats_parsed and add.partitionValues_parsed in a checkpoint.
 *
 * They may hold less than the statistics do, never more: of decimals that a double can't carry (the
 * way that JSON's numbers take) there are no bounds.
 * @see PROTOCOL.md, "Checkpoints", "Per-file Statistics" */
#include "base/json.h"
#include "base/type.h"
#include "log/checkpoint_rows.h"
#include "log/property.h"

#define NAME_KEY     "delta.columnMapping.physicalName"
#define LEAVES       32   /* as many as have statistics unless the table says otherwise */
#define LEAVES_MAX   3000 /* readers' limit, ours too */
#define EXACT_DIGITS 15   /* of a double */

typedef struct shape {
    silt_arena *arena;
    const silt_metadata *metadata;
    bool mapped; /* columns have physical names */
    int64_t leaves;
    silt_error *err;
} shape;

static silt_status physical_name(const shape *s, const silt_field *field, const char **out)
{
    const silt_json *json;
    *out = field->name;
    if (!s->mapped) return SILT_OK;
    SILT_TRY(silt_json_parse(silt_bytes_of(field->metadata), s->arena, &json, s->err));
    const char *name = silt_json_string(silt_json_get(json, NAME_KEY));
    if (name) *out = name;
    return SILT_OK;
}

static bool has_bounds(const silt_type *type)
{
    switch (type->kind) {
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
    case SILT_TYPE_STRING:
    case SILT_TYPE_DATE:
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        return true;
    case SILT_TYPE_DECIMAL:
        return type->precision <= EXACT_DIGITS;
    default:
        return false;
    }
}

static const silt_type *struct_of(const shape *s, const silt_field *fields, size_t count)
{
    silt_type *type = silt_arena_calloc(s->arena, 1, sizeof(*type));
    if (type) *type = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = count};
    return type;
}

/* The columns of a struct: `*bounds` of minValues and maxValues, `*nulls` of nullCount; NULL where
 * there would be none. `top`: partition columns are left out. */
static silt_status walk(shape *s, const silt_type *type, bool top, const silt_type **bounds,
                        const silt_type **nulls)
{
    silt_field *b = silt_arena_calloc(s->arena, type->field_count, sizeof(*b));
    silt_field *n = silt_arena_calloc(s->arena, type->field_count, sizeof(*n));
    size_t b_count = 0, n_count = 0;
    if (!b || !n) return silt_fail_nomem(s->err);
    for (size_t i = 0; i < type->field_count && s->leaves > 0; i++) {
        const silt_field *field = &type->fields[i];
        silt_field out = {.nullable = true, .metadata = "{}"};
        const silt_type *inner_bounds = field->type;
        const silt_type *inner_nulls = silt_type_primitive(SILT_TYPE_LONG);
        if (top && silt_names_have(s->metadata->partition_columns, field->name)) continue;
        if (field->type->kind == SILT_TYPE_VOID) continue;
        SILT_TRY(physical_name(s, field, &out.name));
        if (field->type->kind == SILT_TYPE_STRUCT) {
            SILT_TRY(walk(s, field->type, false, &inner_bounds, &inner_nulls));
        } else {
            s->leaves--;
            if (!has_bounds(field->type)) inner_bounds = NULL;
        }
        out.type = inner_bounds;
        if (out.type) b[b_count++] = out;
        out.type = inner_nulls;
        if (out.type) n[n_count++] = out;
    }
    *bounds = b_count ? struct_of(s, b, b_count) : NULL;
    *nulls = n_count ? struct_of(s, n, n_count) : NULL;
    if ((b_count && !*bounds) || (n_count && !*nulls)) return silt_fail_nomem(s->err);
    return SILT_OK;
}

static int64_t leaf_limit(const silt_metadata *metadata)
{
    int64_t count;
    const char *text = silt_pairs_get(metadata->configuration, "delta.dataSkippingNumIndexedCols");
    if (silt_pairs_get(metadata->configuration, "delta.dataSkippingStatsColumns"))
        return LEAVES_MAX;
    if (!text || !silt_parse_int64(text, &count)) return LEAVES;
    return count < 0 || count > LEAVES_MAX ? LEAVES_MAX : count;
}

static silt_status stats_type(shape *s, const silt_type *schema, bool has_dvs,
                              const silt_type **out)
{
    const silt_type *bounds, *nulls;
    size_t count = 0;
    silt_field *fields = silt_arena_calloc(s->arena, 5, sizeof(*fields));
    if (!fields) return silt_fail_nomem(s->err);
    SILT_TRY(walk(s, schema, true, &bounds, &nulls));
    const struct {
        const char *name;
        const silt_type *type;
    } members[] = {
        {"numRecords", silt_type_primitive(SILT_TYPE_LONG)},
        {"minValues", bounds},
        {"maxValues", bounds},
        {"nullCount", nulls},
        {"tightBounds", has_dvs ? silt_type_primitive(SILT_TYPE_BOOLEAN) : NULL},
    };
    for (size_t i = 0; i < SILT_COUNT(members); i++)
        if (members[i].type)
            fields[count++] = (silt_field){members[i].name, members[i].type, true, "{}"};
    *out = struct_of(s, fields, count);
    return *out ? SILT_OK : silt_fail_nomem(s->err);
}

static silt_status partitions_type(const shape *s, const silt_type *schema, const silt_type **out)
{
    silt_names by = s->metadata->partition_columns;
    silt_field *fields = silt_arena_calloc(s->arena, by.count, sizeof(*fields));
    if (!fields) return silt_fail_nomem(s->err);
    for (size_t i = 0; i < by.count; i++) {
        int at = silt_type_find(schema, by.items[i]);
        if (at < 0)
            return silt_fail(s->err, SILT_CORRUPT, "partition column %s isn't in the schema",
                             by.items[i]);
        fields[i] =
            (silt_field){.type = schema->fields[at].type, .nullable = true, .metadata = "{}"};
        SILT_TRY(physical_name(s, &schema->fields[at], &fields[i].name));
    }
    *out = by.count ? struct_of(s, fields, by.count) : NULL;
    return by.count && !*out ? silt_fail_nomem(s->err) : SILT_OK;
}

silt_status silt_log_parsed_types(const silt_log_state *state, silt_arena *arena,
                                  const silt_type **stats, const silt_type **partitions,
                                  silt_error *err)
{
    const silt_type *schema;
    const silt_metadata *metadata = &state->metadata;
    *stats = *partitions = NULL;
    if (!silt_property_true(metadata, "delta.checkpoint.writeStatsAsStruct")) return SILT_OK;
    const char *mode = silt_pairs_get(metadata->configuration, "delta.columnMapping.mode");
    shape s = {.arena = arena,
               .metadata = metadata,
               .mapped = mode && strcmp(mode, "none") != 0,
               .leaves = leaf_limit(metadata),
               .err = err};
    SILT_TRY(silt_schema_parse(metadata->schema_json, strlen(metadata->schema_json), arena, &schema,
                               err));
    bool has_dvs = silt_feature_supported(&state->protocol, "deletionVectors");
    SILT_TRY(stats_type(&s, schema, has_dvs, stats));
    return partitions_type(&s, schema, partitions);
}
