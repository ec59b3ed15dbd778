/* What the table is like after a write: as it was, grown, or another. */
#include "engine/arrow.h"
#include "ops/shape_commit.h"
#include "ops/write.h"

static silt_status take(silt_writing *wr, silt_shape *shape)
{
    wr->w.shape = shape;
    wr->w.metadata = &shape->metadata;
    wr->w.schema = shape->schema;
    return SILT_OK;
}

/* ---- a table to be made */

/* The policy, and what else is said of files. */
static silt_policy policy_of(const silt_writing *wr)
{
    const silt_write_options *o = &wr->opts;
    silt_policy p = SILT_POLICY_INIT;
    if (o->policy) p = *o->policy;
    if (o->target_file_bytes) p.target_file_bytes = o->target_file_bytes;
    if (o->compression) p.compression = o->compression;
    if (o->ordering_keys) p.ordering_keys = o->ordering_keys;
    return p;
}

static silt_status apply_policy(silt_writing *wr, silt_shape *shape)
{
    const silt_policy p = policy_of(wr);
    const silt_table_step *steps;
    size_t count;
    SILT_TRY(silt_policy_steps(&p, wr->arena, &steps, &count, wr->err));
    for (size_t i = 0; i < count; i++)
        SILT_TRY(silt_table_step_apply(shape, &steps[i], wr->err));
    return SILT_OK;
}

static silt_status make(silt_writing *wr, silt_shape *shape)
{
    const silt_type *schema;
    silt_pairs properties;
    SILT_TRY(silt_write_source_schema(wr, &schema));
    SILT_TRY(silt_commit_pairs("property", wr->opts.properties, wr->arena, &properties, wr->err));
    SILT_TRY(silt_shape_new(schema, silt_write_names(wr->opts.partition_by), silt_now_ms(NULL),
                            NULL, wr->arena, shape, wr->err));
    for (size_t i = 0; i < properties.count; i++)
        SILT_TRY(silt_shape_set_property(shape, properties.items[i].key, properties.items[i].value,
                                         wr->err));
    SILT_TRY(apply_policy(wr, shape));
    SILT_TRY(silt_write_match(wr, shape->schema));
    return take(wr, shape);
}

/* ---- wider types */

static silt_status widen_column(silt_writing *wr, silt_shape *shape, const silt_column *c)
{
    int at = silt_type_find(shape->schema, c->name);
    if (at < 0) return SILT_OK;
    const silt_type *type = shape->schema->fields[at].type;
    if (silt_arrow_fits(c->type, type) || !silt_arrow_fits(type, c->type)) return SILT_OK;
    const char *path = silt_arena_printf(wr->arena, "`%s`", c->name);
    if (!path) return silt_fail_nomem(wr->err);
    return silt_shape_change_type(shape, path, c->type, wr->err);
}

/* Columns of Parquet files have types of their own; text takes the table's. */
static silt_status widen(silt_writing *wr, silt_shape *shape)
{
    const silt_column *columns = wr->columns;
    size_t count = wr->column_count;
    if (wr->sources.file_count && wr->sources.format != SILT_FORMAT_PARQUET) return SILT_OK;
    if (wr->sources.file_count) {
        silt_source_options options;
        SILT_TRY(wr->engine->ops->sniff(wr->engine, wr->sources.format, &wr->sources.options,
                                        wr->sources.files, wr->sources.file_count, -1, wr->arena,
                                        &options, &columns, &count, wr->err));
    }
    for (size_t i = 0; i < count; i++)
        SILT_TRY(widen_column(wr, shape, &columns[i]));
    return SILT_OK;
}

/* ---- merge */

static silt_status merge(silt_writing *wr, silt_shape *shape)
{
    const silt_type *found;
    SILT_TRY(silt_shape_of(wr->base, wr->arena, shape, wr->err));
    SILT_TRY(widen(wr, shape));
    if (wr->sources.file_count) {
        SILT_TRY(silt_write_match(wr, shape->schema)); /* plans them with what is new */
        found = wr->plan.schema;
    } else {
        SILT_TRY(silt_write_source_schema(wr, &found));
    }
    SILT_TRY(silt_work_grow(shape, found, wr->err));
    if (!wr->sources.file_count) SILT_TRY(silt_write_match(wr, shape->schema));
    return take(wr, shape);
}

/* ---- overwrite */

/* Fields of the table that the source has as they are: they keep what the table says of them. */
static silt_status keep_fields(silt_writing *wr, silt_shape *shape, const silt_type *source)
{
    silt_type *kept = silt_arena_calloc(wr->arena, 1, sizeof(*kept));
    silt_field *fields = silt_arena_calloc(wr->arena, source->field_count, sizeof(*fields));
    if (!kept || !fields) return silt_fail_nomem(wr->err);
    *kept = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields};
    for (size_t i = 0; i < source->field_count; i++) {
        int at = silt_type_find(shape->schema, source->fields[i].name);
        if (at < 0) continue;
        const silt_field *is = &shape->schema->fields[at];
        if (silt_type_equal(is->type, source->fields[i].type)) fields[kept->field_count++] = *is;
    }
    shape->schema = kept;
    return SILT_OK;
}

/* In the source's order. */
static silt_status order_fields(silt_writing *wr, silt_shape *shape, const silt_type *source)
{
    silt_type *ordered = silt_arena_calloc(wr->arena, 1, sizeof(*ordered));
    silt_field *fields = silt_arena_calloc(wr->arena, source->field_count, sizeof(*fields));
    if (!ordered || !fields) return silt_fail_nomem(wr->err);
    for (size_t i = 0; i < source->field_count; i++)
        fields[i] = shape->schema->fields[silt_type_find(shape->schema, source->fields[i].name)];
    *ordered =
        (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = source->field_count};
    shape->schema = ordered;
    return SILT_OK;
}

static silt_status overwrite(silt_writing *wr, silt_shape *shape)
{
    const silt_type *source;
    SILT_TRY(silt_write_source_schema(wr, &source));
    SILT_TRY(silt_shape_of(wr->base, wr->arena, shape, wr->err));
    if (wr->opts.partition_by)
        shape->metadata.partition_columns = silt_write_names(wr->opts.partition_by);
    silt_names by = shape->metadata.partition_columns;
    for (size_t i = 0; i < by.count; i++)
        if (silt_type_find(source, by.items[i]) < 0)
            return silt_fail(wr->err, SILT_INVALID,
                             "the table is partitioned by %s, which the source doesn't have",
                             by.items[i]);
    SILT_TRY(keep_fields(wr, shape, source));
    SILT_TRY(silt_work_grow(shape, source, wr->err));
    SILT_TRY(order_fields(wr, shape, source));
    SILT_TRY(silt_write_match(wr, shape->schema));
    return take(wr, shape);
}

/* ---- as it is */

/* Options for a table that is made have to be those of the one that is there. */
static silt_status check_partitions(const silt_writing *wr)
{
    silt_names want = silt_write_names(wr->opts.partition_by);
    silt_names is = silt_snapshot_state(wr->base)->metadata.partition_columns;
    bool same = want.count == is.count;
    for (size_t i = 0; i < want.count && same; i++)
        same = silt_streq(want.items[i], is.items[i]);
    if (same || !wr->opts.partition_by) return SILT_OK;
    silt_fail(wr->err, SILT_INVALID, "the table isn't partitioned by these columns, but by %s",
              is.count ? "others" : "none");
    return silt_hint(wr->err, SILT_INVALID,
                     "an overwrite with schema mode overwrite changes what a table is partitioned "
                     "by");
}

silt_status silt_write_shape(silt_writing *wr)
{
    silt_shape *shape = silt_arena_calloc(wr->arena, 1, sizeof(*shape));
    if (!shape) return silt_fail_nomem(wr->err);
    if (!wr->base) return make(wr, shape);
    if (wr->opts.schema_mode == SILT_SCHEMA_OVERWRITE) return overwrite(wr, shape);
    SILT_TRY(check_partitions(wr));
    if (wr->opts.schema_mode == SILT_SCHEMA_MERGE) return merge(wr, shape);
    wr->w.metadata = &silt_snapshot_state(wr->base)->metadata;
    wr->w.schema = silt_snapshot_schema(wr->base);
    return silt_write_match(wr, wr->w.schema);
}
