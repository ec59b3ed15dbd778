/* Rows into new files, and places of deleted rows into deletion vectors.
 *
 * Invariants
 *  (1) Whatever is put is noted in e->keys, or e->half says that some of it isn't: a try that isn't
 *      committed leaves nothing.
 *  (2) What is written holds as many rows as was found, or nothing is committed. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "log/dv.h"
#include "log/property.h"
#include "ops/edit.h"
#include "ops/work.h"
#include "table/expr_tree.h"

#define CHANGE_TYPE "_change_type"
#define ROW_ID      "delta.rowTracking.materializedRowIdColumnName"
#define ROW_COMMIT  "delta.rowTracking.materializedRowCommitVersionColumnName"

/* ---- columns */

silt_status silt_edit_copied(silt_edit *e, silt_write_columns *out)
{
    return silt_write_columns_copied(e->new_metadata, e->new_schema, e->arena, out, e->err);
}

static silt_status tracked_name(const silt_edit *e, const char *property, const char **out)
{
    *out = silt_pairs_get(e->state->metadata.configuration, property);
    if (*out) return SILT_OK;
    return silt_fail(e->err, SILT_CORRUPT, "%s: row tracking is on, but the table has no %s",
                     e->store->uri, property);
}

silt_status silt_edit_row_id_column(const silt_edit *e, const char **out)
{
    return tracked_name(e, ROW_ID, out);
}

/* The columns that files of one partition have. */
static size_t without_partition(const silt_write_columns *all, silt_output_column *columns)
{
    size_t count = 0;
    for (size_t i = 0; i < all->column_count; i++) {
        bool is_partition = false;
        for (size_t p = 0; p < all->partition_count; p++)
            is_partition |= all->partition_by[p] == i;
        if (!is_partition) columns[count++] = all->columns[i];
    }
    return count;
}

/* Those of the table, and behind them what kind of change it is, or the rows' ids. */
static silt_status output_columns(silt_edit *e, const silt_edit_rows *rows, silt_scan_want *want,
                                  silt_rewrite_spec *spec)
{
    const silt_type *text = silt_type_primitive(SILT_TYPE_STRING);
    const silt_type *number = silt_type_primitive(SILT_TYPE_LONG);
    size_t count = rows->columns->column_count;
    silt_output_column *columns = silt_arena_calloc(e->arena, count + 2, sizeof(*columns));
    if (!columns) return silt_fail_nomem(e->err);
    memcpy(columns, rows->columns->columns, count * sizeof(*columns));
    if (rows->partition && !e->materializes) count = without_partition(rows->columns, columns);
    if (rows->change_type) {
        const silt_expr *value = silt_expr_literal(e->arena, text, rows->change_type);
        if (!value) return silt_fail_nomem(e->err);
        columns[count++] = (silt_output_column){
            .name = CHANGE_TYPE, .type = text, .kind = SILT_OUTPUT_EXPR, .expr = value};
    } else if (e->row_ids && rows->ids != SILT_EDIT_IDS_NONE) {
        SILT_TRY(tracked_name(e, ROW_ID, &want->row_id_column));
        columns[count++] = (silt_output_column){.name = want->row_id_column,
                                                .type = number,
                                                .kind = SILT_OUTPUT_SOURCE,
                                                .source = want->row_id_column};
        if (rows->ids == SILT_EDIT_IDS_KEPT) {
            SILT_TRY(tracked_name(e, ROW_COMMIT, &want->row_commit_version_column));
            columns[count++] = (silt_output_column){.name = want->row_commit_version_column,
                                                    .type = number,
                                                    .kind = SILT_OUTPUT_SOURCE,
                                                    .source = want->row_commit_version_column};
        }
    }
    spec->columns = columns;
    spec->column_count = count;
    return SILT_OK;
}

/* ---- rows to be read */

static silt_status plan_rows(silt_edit *e, const silt_edit_rows *rows, const silt_scan_want *want,
                             silt_scan_plan *plan)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(e->err);
    SILT_TRY(silt_scan_plan_init(plan, e->store, e->state->version, &e->state->metadata, e->schema,
                                 want, e->scratch, e->arena, e->err));
    for (size_t i = 0; i < rows->part_count; i++) {
        const silt_edit_part *part = &rows->parts[i];
        const silt_add *add = part->add;
        silt_arena_reset(scratch);
        const silt_scan_item item = {.path = add->path,
                                     .partition_values = add->partition_values,
                                     .row_count = silt_stats_row_count(add->stats, scratch),
                                     .base_row_id = add->base_row_id,
                                     .default_row_commit_version = add->default_row_commit_version,
                                     .dv = part->rows ? NULL : add->dv,
                                     .rows = part->rows,
                                     .rows_only = part->rows_only};
        SILT_TRY(silt_scan_plan_add(plan, &item, e->err));
    }
    return SILT_OK;
}

/* ---- files */

int64_t silt_edit_file_bytes(const silt_edit *e, int64_t otherwise)
{
    if (e->opts->target_file_bytes) return e->opts->target_file_bytes;
    int64_t bytes = silt_table_file_bytes(&e->state->metadata);
    return bytes ? bytes : otherwise;
}

/* Rows that are told, not kept, needn't be in an order. */
static silt_status write_spec(silt_edit *e, const silt_edit_rows *rows,
                              const silt_output_column *columns, size_t column_count,
                              silt_write_spec *out)
{
    char *folder = silt_arena_printf(e->arena, "%s/%d", e->scratch, e->writes);
    const char *prefix = silt_arena_printf(e->arena, "part-%s-%d-", e->id, e->writes++);
    if (!folder || !prefix) return silt_fail_nomem(e->err);
    if (mkdir(folder, 0700) != 0) return silt_fail_errno(e->err, errno, "make folder %s", folder);
    *out = (silt_write_spec){
        .directory = folder,
        .file_prefix = prefix,
        .partition_by = rows->columns->partition_by,
        .partition_count = rows->partition ? 0 : rows->columns->partition_count,
        .target_file_bytes = rows->file_bytes ? rows->file_bytes : silt_edit_file_bytes(e, 0),
        .compression = e->compression,
        .checks = rows->columns->checks,
        .check_count = rows->columns->check_count};
    if (rows->order) out->order = *rows->order;
    return silt_layout_fill(&e->state->protocol, &e->state->metadata, columns,
                            rows->change_type ? 0 : column_count, e->arena, out, e->err);
}

static silt_status note_key(silt_edit *e, const char *path)
{
    const char *key;
    SILT_TRY(silt_path_decode(path, e->arena, &key, e->err));
    return silt_vec_push(&e->keys, key) ? SILT_OK : silt_fail_nomem(e->err);
}

/* The values of a partition whose columns weren't written, for each file. */
static silt_status put_partition(silt_edit *e, const silt_add *like, silt_stage_result *staged)
{
    silt_names by = e->state->metadata.partition_columns;
    silt_staged_file *files = silt_arena_calloc(e->arena, staged->file_count, sizeof(*files));
    const char **values = silt_arena_calloc(e->arena, by.count, sizeof(*values));
    silt_mapping mapping;
    if (!files || !values) return silt_fail_nomem(e->err);
    SILT_TRY(silt_mapping_of(&e->state->metadata, e->schema, e->arena, &mapping, e->err));
    for (size_t i = 0; i < by.count; i++)
        values[i] = silt_pairs_get(like->partition_values, mapping.partition_columns.items[i]);
    for (size_t i = 0; i < staged->file_count; i++) {
        files[i] = staged->files[i];
        files[i].partition_values = values;
    }
    staged->files = files;
    return SILT_OK;
}

/* The values of a partition by the names that its columns are to have in the log. */
static silt_status name_partition(silt_edit *e, const silt_add *like, silt_pairs *out)
{
    silt_mapping mapping;
    *out = like->partition_values;
    if (e->new_metadata == &e->state->metadata) return SILT_OK;
    SILT_TRY(silt_mapping_of(&e->state->metadata, e->schema, e->arena, &mapping, e->err));
    silt_names from = mapping.partition_columns;
    SILT_TRY(silt_mapping_of(e->new_metadata, e->new_schema, e->arena, &mapping, e->err));
    silt_pair *pairs = silt_arena_calloc(e->arena, from.count, sizeof(*pairs));
    if (!pairs) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < from.count; i++)
        pairs[i] = (silt_pair){mapping.partition_columns.items[i],
                               silt_pairs_get(like->partition_values, from.items[i])};
    *out = (silt_pairs){pairs, from.count};
    return SILT_OK;
}

/* What was put is there, byte for byte as many. */
static silt_status check_put(silt_edit *e, const char *path, int64_t size_bytes)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(e->err);
    return silt_conserve_object(e->store, path, size_bytes, scratch, e->err);
}

static silt_status publish_data(silt_edit *e, const silt_edit_rows *rows, silt_stage_result *staged)
{
    silt_add *adds = NULL;
    silt_pairs values = {0};
    if (rows->partition) SILT_TRY(name_partition(e, rows->partition, &values));
    if (rows->partition) SILT_TRY(put_partition(e, rows->partition, staged));
    SILT_TRY(silt_staged_publish(e->store, staged->files, staged->file_count, e->new_metadata,
                                 e->new_schema, silt_now_ms(NULL), e->arena, &adds, e->err));
    for (size_t i = 0; i < staged->file_count; i++) {
        SILT_TRY(note_key(e, adds[i].path));
        SILT_TRY(check_put(e, adds[i].path, adds[i].size_bytes));
        if (rows->partition) adds[i].partition_values = values;
        if (!silt_vec_push(&e->adds, adds[i])) return silt_fail_nomem(e->err);
        e->result.files_added++;
        e->result.bytes_added += adds[i].size_bytes;
    }
    return SILT_OK;
}

static silt_status publish_changes(silt_edit *e, const silt_stage_result *staged)
{
    silt_cdc *changes = NULL;
    SILT_TRY(silt_staged_publish_changes(e->store, staged->files, staged->file_count,
                                         &e->state->metadata, e->schema, e->arena, &changes,
                                         e->err));
    for (size_t i = 0; i < staged->file_count; i++) {
        SILT_TRY(note_key(e, changes[i].path));
        SILT_TRY(check_put(e, changes[i].path, changes[i].size_bytes));
        if (!silt_vec_push(&e->changes, changes[i])) return silt_fail_nomem(e->err);
        e->result.change_files++;
        e->result.change_bytes += changes[i].size_bytes;
    }
    return SILT_OK;
}

/* Invariant (2). */
static silt_status check_rows(silt_edit *e, const silt_edit_rows *rows,
                              const silt_stage_result *staged)
{
    silt_conserved c = {.staged = staged,
                        .removed_rows = -1,
                        .carried_rows = rows->expected < 0 ? staged->row_count : rows->expected};
    return silt_conserve(&c, e->err);
}

static silt_status write_rows(silt_edit *e, const silt_edit_rows *rows, silt_scan_plan *plan,
                              silt_stage_result *staged)
{
    silt_scan_want want = {.limit = -1};
    silt_rewrite_spec spec = {0};
    SILT_TRY(output_columns(e, rows, &want, &spec));
    if (!rows->rows) SILT_TRY(plan_rows(e, rows, &want, plan));
    SILT_TRY(write_spec(e, rows, spec.columns, spec.column_count, &spec.write));
    if (!rows->change_type)
        SILT_TRY(silt_layout_sorted_by(&spec.write.order, spec.columns, e->arena, &e->sorted_by,
                                       e->err));
    const silt_rows_spec scan = {.kind = SILT_ROWS_SCAN, .scan = plan->spec};
    spec.rows = rows->rows ? rows->rows : &scan;
    silt_status st = e->engine->ops->rewrite(e->engine, &spec, e->arena, staged, e->err);
    const silt_diagnostics *to = e->commit ? e->commit->diagnostics : NULL;
    if (!to && e->host && e->host->diagnostics.event) to = &e->host->diagnostics;
    if (st == SILT_OK || st == SILT_BAD_DATA)
        st = silt_write_violations(staged, st, e->store->uri, to, e->err);
    bool told = st == SILT_OK || st == SILT_BAD_DATA || rows->rows;
    return told ? st : silt_scan_missing(plan, st, e->err);
}

/* Numbers that were given stay given, whatever is written after. */
static silt_status take_numbers(silt_edit *e, const silt_write_columns *columns,
                                const silt_stage_result *staged)
{
    if (columns->identity == SIZE_MAX || !staged->identity_count) return SILT_OK;
    e->more = true;
    return silt_write_columns_numbered(columns, staged->identity_last, e->arena, &e->numbered,
                                       &e->numbered_schema, e->err);
}

silt_status silt_edit_write(silt_edit *e, const silt_edit_rows *rows)
{
    silt_scan_plan plan = {0};
    silt_stage_result staged = {0};
    if (!rows->part_count && !rows->rows) return SILT_OK;
    silt_status st = write_rows(e, rows, &plan, &staged);
    silt_scan_plan_release(&plan);
    SILT_TRY(st);
    SILT_TRY(check_rows(e, rows, &staged));
    SILT_TRY(take_numbers(e, rows->columns, &staged));
    e->half = true;
    SILT_TRY(rows->change_type ? publish_changes(e, &staged) : publish_data(e, rows, &staged));
    e->half = false;
    return SILT_OK;
}

/* ---- rows of the files that are touched */

static int64_t plus(int64_t sum, int64_t more)
{
    return sum < 0 || more < 0 ? -1 : sum + more;
}

silt_status silt_edit_write_hits(silt_edit *e, const silt_write_columns *columns,
                                 const char *change_type, silt_edit_ids ids)
{
    silt_edit_part *parts = silt_arena_calloc(e->arena, e->files.count, sizeof(*parts));
    silt_edit_rows rows = {
        .parts = parts, .columns = columns, .change_type = change_type, .ids = ids};
    if (!parts) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < e->files.count; i++) {
        const silt_edit_file *file = &e->files.items[i];
        parts[rows.part_count++] = (silt_edit_part){file->add, file->hit, file->hit != NULL};
        rows.expected = plus(rows.expected, file->hits);
    }
    return silt_edit_write(e, &rows);
}

silt_status silt_edit_write_after(silt_edit *e, const silt_write_columns *copied,
                                  const char *change_type, size_t first_add, int64_t expected)
{
    size_t count = e->adds.count - first_add;
    silt_edit_part *parts = silt_arena_calloc(e->arena, count + 1, sizeof(*parts));
    if (!parts) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < count; i++)
        parts[i].add = &e->adds.items[first_add + i];
    const silt_edit_rows rows = {.parts = parts,
                                 .part_count = count,
                                 .columns = copied,
                                 .change_type = change_type,
                                 .expected = expected};
    return silt_edit_write(e, &rows);
}

silt_status silt_edit_write_rest(silt_edit *e)
{
    silt_write_columns columns;
    silt_edit_part *parts = silt_arena_calloc(e->arena, e->files.count, sizeof(*parts));
    silt_edit_rows rows = {.parts = parts, .columns = &columns, .ids = SILT_EDIT_IDS_KEPT};
    if (!parts) return silt_fail_nomem(e->err);
    SILT_TRY(silt_edit_copied(e, &columns));
    for (size_t i = 0; i < e->files.count; i++) {
        const silt_edit_file *file = &e->files.items[i];
        if (file->fate != SILT_EDIT_REWRITTEN) continue;
        parts[rows.part_count++] = (silt_edit_part){file->add, file->gone, false};
        int64_t rest =
            file->row_count < 0 ? -1 : file->row_count - (int64_t)silt_bitmap_count(file->gone);
        rows.expected = plus(rows.expected, rest);
    }
    size_t before = e->adds.count;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(e->err);
    SILT_TRY(silt_edit_write(e, &rows));
    for (size_t i = before; i < e->adds.count; i++)
        e->result.rows_copied += silt_add_row_count(&e->adds.items[i], scratch);
    return SILT_OK;
}

/* ---- deletion vectors */

silt_status silt_edit_write_vectors(silt_edit *e)
{
    silt_names keys = {0};
    size_t count = 0;
    const silt_bitmap **rows = silt_arena_calloc(e->arena, e->files.count, sizeof(*rows));
    silt_dv *dvs = silt_arena_calloc(e->arena, e->files.count, sizeof(*dvs));
    e->dvs = silt_arena_calloc(e->arena, e->files.count, sizeof(*e->dvs));
    if (!rows || !dvs || !e->dvs) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < e->files.count; i++) {
        silt_edit_file *file = &e->files.items[i];
        if (file->fate != SILT_EDIT_MARKED) continue;
        silt_bitmap_shrink(file->gone);
        rows[count++] = file->gone;
    }
    if (!count) return SILT_OK;
    silt_dv_names names = {e->id, e->vector_names};
    const silt_random random = silt_dv_names_random(&names);
    silt_status st =
        silt_dvs_write(e->store, rows, count, silt_property_prefix_size(&e->state->metadata),
                       &random, e->arena, dvs, &keys, e->err);
    e->vector_names = names.asked;
    for (size_t i = 0; i < keys.count; i++)
        if (!silt_vec_push(&e->keys, keys.items[i])) return silt_fail_nomem(e->err);
    for (size_t i = 0, at = 0; i < e->files.count; i++)
        if (e->files.items[i].fate == SILT_EDIT_MARKED) e->dvs[i] = dvs[at++];
    return st;
}
