/* What an overwrite replaces: all files, those of some partitions, or those with rows that a
 * condition takes. */
#include "base/hash.h"
#include "ops/write.h"
#include "table/expr_tree.h"

bool silt_write_replaces(const silt_writing *wr)
{
    return wr->base && wr->opts.mode == SILT_WRITE_OVERWRITE;
}

static silt_status remove_file(silt_writing *wr, const silt_add *add)
{
    wr->removes[wr->remove_count++] = add;
    return SILT_OK;
}

/* ---- dynamic partitions */

/* Partition values as a key, in the columns' order. */
static bool put_values(silt_buf *key, silt_pairs values, silt_names by)
{
    silt_buf_clear(key);
    for (size_t i = 0; i < by.count; i++) {
        const char *value = silt_pairs_get(values, by.items[i]);
        silt_buf_printf(key, "%s%zu:%s", value ? "v" : "n", value ? strlen(value) : 0,
                        value ? value : "");
    }
    return !key->failed;
}

static silt_status by_partitions(silt_writing *wr, const silt_add *adds, size_t count)
{
    SILT_AUTO(silt_map64) taken = silt_map64_new();
    SILT_CLEAN(silt_buf) key = {0};
    silt_mapping mapping;
    bool found;
    if (!taken) return silt_fail_nomem(wr->err);
    SILT_TRY(silt_mapping_of(wr->w.metadata, wr->w.schema, wr->arena, &mapping, wr->err));
    for (size_t i = 0; i < wr->w.add_count; i++) {
        if (!put_values(&key, wr->w.adds[i].partition_values, mapping.partition_columns))
            return silt_fail_nomem(wr->err);
        const char *copy = silt_arena_strndup(wr->arena, key.data, key.size);
        void **slot = copy ? silt_map64_slot(taken, copy, key.size, &found) : NULL;
        if (!slot) return silt_fail_nomem(wr->err);
        *slot = wr;
    }
    for (size_t i = 0; i < count; i++) {
        if (!put_values(&key, adds[i].partition_values, mapping.partition_columns))
            return silt_fail_nomem(wr->err);
        if (silt_map64_get(taken, key.data, key.size)) SILT_TRY(remove_file(wr, &adds[i]));
    }
    return SILT_OK;
}

/* ---- a condition */

/* What is true exactly where the condition isn't. */
static const silt_expr *unless(const silt_expr *condition, silt_arena *arena)
{
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN);
    const silt_expr *sides[] = {silt_expr_call(arena, SILT_OP_NOT, boolean, &condition, 1),
                                silt_expr_call(arena, SILT_OP_IS_NULL, boolean, &condition, 1)};
    if (!sides[0] || !sides[1]) return NULL;
    return silt_expr_call(arena, SILT_OP_OR, boolean, sides, 2);
}

/* Rows that stay go into files of their own; a table that tells its rows' changes would be owed
 * more. */
static silt_status check_partial(const silt_writing *wr)
{
    const silt_log_state *state = silt_snapshot_state(wr->base);
    if (!silt_feature_change_data(&state->protocol, &state->metadata)) return SILT_OK;
    silt_fail(wr->err, SILT_UNSUPPORTED,
              "%s: the table has a change data feed, and the condition takes only some rows of a "
              "file",
              wr->store->uri);
    return silt_hint(wr->err, SILT_UNSUPPORTED,
                     "use a condition over partition columns, or delete these rows and append");
}

/* The columns of a file that is written anew: the table's own, and where rows have ids, these. */
static silt_status kept_columns(silt_writing *wr, silt_write_columns *out, silt_scan_want *want)
{
    static const silt_type id_type = {.kind = SILT_TYPE_LONG};
    const silt_log_state *state = silt_snapshot_state(wr->base);
    const silt_metadata *metadata = &state->metadata;
    SILT_TRY(silt_write_columns_of(metadata, silt_snapshot_schema(wr->base), NULL, NULL, wr->arena,
                                   out, wr->err));
    if (!silt_feature_row_tracking(&state->protocol, metadata)) return SILT_OK;
    const char *id =
        silt_pairs_get(metadata->configuration, "delta.rowTracking.materializedRowIdColumnName");
    const char *version = silt_pairs_get(
        metadata->configuration, "delta.rowTracking.materializedRowCommitVersionColumnName");
    if (!id || !version)
        return silt_fail(wr->err, SILT_CORRUPT,
                         "%s: row tracking is on, but the names of its columns aren't given",
                         wr->store->uri);
    silt_output_column *columns =
        silt_arena_calloc(wr->arena, out->column_count + 2, sizeof(*columns));
    if (!columns) return silt_fail_nomem(wr->err);
    memcpy(columns, out->columns, out->column_count * sizeof(*columns));
    const char *const names[] = {id, version};
    for (size_t i = 0; i < 2; i++)
        columns[out->column_count++] =
            (silt_output_column){.name = names[i], .type = &id_type, .source = names[i]};
    out->columns = columns;
    want->row_id_column = id;
    want->row_commit_version_column = version;
    return SILT_OK;
}

static silt_status add_staged(silt_writing *wr, const silt_stage_result *more)
{
    silt_stage_result *all = &wr->staged;
    size_t count = all->file_count + more->file_count;
    silt_staged_file *files = silt_arena_calloc(wr->arena, count + 1, sizeof(*files));
    if (!files) return silt_fail_nomem(wr->err);
    if (all->file_count) memcpy(files, all->files, all->file_count * sizeof(*files));
    if (more->file_count)
        memcpy(files + all->file_count, more->files, more->file_count * sizeof(*files));
    all->files = files;
    all->file_count = count;
    all->row_count += more->row_count;
    return SILT_OK;
}

static silt_status rewrite(silt_writing *wr, silt_scan_plan *plan, const size_t *files,
                           size_t count, const silt_write_columns *columns)
{
    silt_stage_result kept = {0};
    SILT_TRY(silt_scan_plan_adds(plan, wr->base, files, count, wr->err));
    silt_rows_spec rows = {.kind = SILT_ROWS_SCAN, .scan = plan->spec};
    silt_rewrite_spec spec = {.rows = &rows,
                              .columns = columns->columns,
                              .column_count = columns->column_count,
                              .write = silt_work_stage_spec(&wr->w).write};
    spec.write.file_prefix = silt_arena_printf(wr->arena, "part-%s-k", wr->id);
    spec.write.checks = NULL;
    spec.write.check_count = 0;
    if (!spec.write.file_prefix) return silt_fail_nomem(wr->err);
    silt_status st = wr->engine->ops->rewrite(wr->engine, &spec, wr->arena, &kept, wr->err);
    if (st != SILT_OK) return silt_scan_missing(plan, st, wr->err);
    wr->result.rows_copied = kept.row_count;
    return add_staged(wr, &kept);
}

static silt_status rewrite_rest(silt_writing *wr, const silt_expr *rest, const size_t *files,
                                size_t count)
{
    const silt_log_state *state = silt_snapshot_state(wr->base);
    silt_scan_want want = {.filter = rest, .limit = -1};
    silt_write_columns columns;
    silt_scan_plan plan = {0};
    SILT_TRY(check_partial(wr));
    SILT_TRY(kept_columns(wr, &columns, &want));
    wr->rewritten = true;
    silt_status st = silt_scan_plan_init(&plan, wr->store, state->version, &state->metadata,
                                         silt_snapshot_schema(wr->base), &want, wr->w.in_dir,
                                         wr->arena, wr->err);
    if (st == SILT_OK) st = rewrite(wr, &plan, files, count, &columns);
    silt_scan_plan_release(&plan);
    return st;
}

static silt_status by_condition(silt_writing *wr, const silt_add *adds, size_t count)
{
    silt_snapshot *now = silt_write_current(wr);
    const silt_log_state *state = silt_snapshot_state(now);
    const silt_type *schema = silt_snapshot_schema(now);
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_expr *rest = unless(wr->where, wr->arena);
    size_t *partly = silt_arena_calloc(wr->arena, count + 1, sizeof(*partly)), partly_count = 0;
    silt_mapping mapping;
    silt_skip *some, *others;
    if (!scratch || !rest || !partly) return silt_fail_nomem(wr->err);
    SILT_TRY(silt_mapping_of(&state->metadata, schema, wr->arena, &mapping, wr->err));
    SILT_TRY(silt_skip_new(wr->where, schema, &mapping, wr->arena, &some, wr->err));
    SILT_TRY(silt_skip_new(rest, schema, &mapping, wr->arena, &others, wr->err));
    for (size_t i = 0; i < count; i++) {
        silt_pairs values = adds[i].partition_values;
        silt_arena_reset(scratch);
        if (silt_skip_file(some, values, adds[i].stats, scratch) != SILT_SKIP_KEEP) continue;
        SILT_TRY(remove_file(wr, &adds[i]));
        if (silt_skip_file(others, values, adds[i].stats, scratch) == SILT_SKIP_KEEP)
            partly[partly_count++] = i;
    }
    if (!partly_count) return SILT_OK;
    if (wr->newer) /* what was staged is for the files of before */
        return silt_fail(wr->err, SILT_CONFLICT,
                         "%s: others changed files that hold rows which are replaced",
                         wr->store->uri);
    return rewrite_rest(wr, rest, partly, partly_count);
}

silt_status silt_write_replace(silt_writing *wr)
{
    const silt_add *adds;
    size_t count;
    wr->remove_count = 0;
    SILT_TRY(silt_snapshot_adds(silt_write_current(wr), &adds, &count, wr->err));
    wr->removes = silt_arena_calloc(wr->arena, count + 1, sizeof(*wr->removes));
    if (!wr->removes) return silt_fail_nomem(wr->err);
    if (wr->where) return by_condition(wr, adds, count);
    if (wr->opts.dynamic_partitions) return by_partitions(wr, adds, count);
    for (size_t i = 0; i < count; i++)
        SILT_TRY(remove_file(wr, &adds[i]));
    return SILT_OK;
}
