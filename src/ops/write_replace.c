/* What an overwrite replaces: all files, those of some partitions, or those with rows that a
 * condition takes. */
#include "base/hash.h"
#include "ops/write.h"
#include "table/expr_tree.h"

#define PARTITIONS_MAX 1000 /* of a read set; with more all of the table is */

bool silt_write_replaces(const silt_writing *wr)
{
    return wr->base && wr->opts.mode == SILT_WRITE_OVERWRITE;
}

static void remove_file(silt_writing *wr, const silt_add *add)
{
    wr->removes[wr->remove_count++] = add;
}

/* ---- dynamic partitions */

/* "The row is of this partition", over the table's columns. */
static const silt_expr *is_partition(const silt_writing *wr, silt_pairs values)
{
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN);
    const silt_type *schema = silt_snapshot_schema(wr->base);
    silt_names by = silt_snapshot_state(wr->base)->metadata.partition_columns;
    silt_arena *arena = wr->arena;
    const silt_expr *all = NULL;
    for (size_t i = 0; i < by.count; i++) {
        const silt_type *type = schema->fields[silt_type_find(schema, by.items[i])].type;
        silt_expr *column = silt_arena_calloc(arena, 1, sizeof(*column));
        const char **path = silt_arena_calloc(arena, 1, sizeof(*path));
        if (!column || !path) return NULL;
        path[0] = by.items[i];
        *column =
            (silt_expr){.kind = SILT_EXPR_COLUMN, .type = type, .path = path, .path_count = 1};
        const silt_expr *sides[] = {column, silt_expr_literal(arena, type, values.items[i].value)};
        const silt_expr *same =
            values.items[i].value
                ? sides[1] ? silt_expr_call(arena, SILT_OP_EQ, boolean, sides, 2) : NULL
                : silt_expr_call(arena, SILT_OP_IS_NULL, boolean, sides, 1);
        const silt_expr *both[] = {all, same};
        if (!same) return NULL;
        all = all ? silt_expr_call(arena, SILT_OP_AND, boolean, both, 2) : same;
        if (!all) return NULL;
    }
    return all;
}

/* Note a partition that new rows are in. */
static silt_status take_partition(silt_writing *wr, silt_map64 *taken, const silt_add *add,
                                  silt_names by, silt_buf *key)
{
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN);
    bool found;
    if (!silt_work_partition_key(key, add->partition_values, by)) return silt_fail_nomem(wr->err);
    const char *copy = silt_arena_strndup(wr->arena, key->data, key->size);
    void **slot = copy ? silt_map64_slot(taken, copy, key->size, &found) : NULL;
    if (!slot) return silt_fail_nomem(wr->err);
    *slot = wr;
    if (found || silt_map64_count(taken) > PARTITIONS_MAX) return SILT_OK;
    const silt_expr *is = is_partition(wr, add->partition_values);
    const silt_expr *both[] = {wr->replaced, is};
    wr->replaced =
        is && wr->replaced ? silt_expr_call(wr->arena, SILT_OP_OR, boolean, both, 2) : is;
    return wr->replaced ? SILT_OK : silt_fail_nomem(wr->err);
}

static silt_status by_partitions(silt_writing *wr, const silt_add *adds, size_t count)
{
    SILT_AUTO(silt_map64) taken = silt_map64_new();
    SILT_CLEAN(silt_buf) key = {0};
    silt_mapping mapping;
    if (!taken) return silt_fail_nomem(wr->err);
    SILT_TRY(silt_mapping_of(wr->w.metadata, wr->w.schema, wr->arena, &mapping, wr->err));
    silt_names by = mapping.partition_columns;
    for (size_t i = 0; i < wr->w.add_count; i++)
        SILT_TRY(take_partition(wr, taken, &wr->w.adds[i], by, &key));
    if (silt_map64_count(taken) > PARTITIONS_MAX) wr->replaced = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!silt_work_partition_key(&key, adds[i].partition_values, by))
            return silt_fail_nomem(wr->err);
        if (silt_map64_get(taken, key.data, key.size)) remove_file(wr, &adds[i]);
    }
    return SILT_OK;
}

/* ---- a condition */

static silt_status by_condition(silt_writing *wr)
{
    silt_status st = silt_replace_where(&wr->replacing, &wr->w, silt_write_current(wr),
                                        wr->opts.where, wr->staged.row_count);
    if (st != SILT_OK) return st;
    wr->replaced = wr->replacing.edit.where;
    wr->result.rows_deleted = wr->replacing.rows;
    wr->result.rows_copied = wr->replacing.edit.result.rows_copied;
    return SILT_OK;
}

void silt_write_replace_end(silt_writing *wr, bool commits)
{
    silt_replace_end(&wr->w, commits);
}

void silt_write_give_replaced(silt_writing *wr)
{
    silt_write_result *r = &wr->result;
    r->files_removed = (int64_t)wr->remove_count;
    r->files_added = wr->w.facts.files_added;
    r->bytes_added = wr->w.facts.bytes_added;
    r->bytes_removed = 0;
    for (size_t i = 0; i < wr->remove_count; i++)
        r->bytes_removed += wr->removes[i]->size_bytes;
    if (!wr->w.edit) return;
    r->files_removed += wr->replacing.edit.result.files_removed;
    r->bytes_removed += wr->replacing.edit.result.bytes_removed;
    r->files_added += wr->replacing.edit.result.files_added;
    r->bytes_added += wr->replacing.edit.result.bytes_added;
}

silt_status silt_write_replace_metrics(silt_writing *wr, const char **out)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    *out = NULL;
    if (!wr->w.edit) return SILT_OK;
    const silt_change_facts *f = &wr->w.facts;
    silt_json_begin_object(&w);
    silt_edit_metric(&w, "numFiles", f->files_added + wr->replacing.edit.result.files_added);
    silt_edit_metric(&w, "numOutputBytes", f->bytes_added + wr->replacing.edit.result.bytes_added);
    silt_edit_metric(&w, "numOutputRows", wr->staged.row_count);
    silt_edit_metric(&w, "numDeletedRows", wr->result.rows_deleted);
    const silt_edit_result *edit = &wr->replacing.edit.result;
    silt_edit_metric(&w, "numRemovedFiles", edit->files_removed);
    silt_edit_metric(&w, "numRemovedBytes", edit->bytes_removed);
    silt_edit_metric(&w, "numCopiedRows", edit->rows_copied);
    silt_edit_metric(&w, "numAddedChangeFiles", edit->change_files);
    silt_json_end_object(&w);
    *out = silt_buf_copy(&buf, wr->replacing.edit.arena);
    return *out ? SILT_OK : silt_fail_nomem(wr->err);
}

/* ---- all */

/* Rows of the files that go; -1: the log doesn't say of all. */
static silt_status count_rows(silt_writing *wr)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(wr->err);
    wr->result.rows_deleted = 0;
    for (size_t i = 0; i < wr->remove_count && wr->result.rows_deleted >= 0; i++) {
        silt_arena_reset(scratch);
        int64_t rows = silt_add_row_count(wr->removes[i], scratch);
        wr->result.rows_deleted = rows < 0 ? -1 : wr->result.rows_deleted + rows;
    }
    return SILT_OK;
}

silt_status silt_write_replace(silt_writing *wr)
{
    const silt_add *adds;
    size_t count;
    wr->remove_count = 0;
    wr->replaced = NULL;
    if (wr->opts.where) return by_condition(wr);
    SILT_TRY(silt_snapshot_adds(silt_write_current(wr), &adds, &count, wr->err));
    wr->removes = silt_arena_calloc(wr->arena, count + 1, sizeof(*wr->removes));
    if (!wr->removes) return silt_fail_nomem(wr->err);
    if (wr->opts.dynamic_partitions) {
        SILT_TRY(by_partitions(wr, adds, count));
    } else {
        for (size_t i = 0; i < count; i++)
            remove_file(wr, &adds[i]);
    }
    return count_rows(wr);
}
