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
    if (!put_values(key, add->partition_values, by)) return silt_fail_nomem(wr->err);
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
        if (!put_values(&key, adds[i].partition_values, by)) return silt_fail_nomem(wr->err);
        if (silt_map64_get(taken, key.data, key.size)) remove_file(wr, &adds[i]);
    }
    return SILT_OK;
}

/* ---- a condition */

/* Files that go and vectors that grow tell the feed by themselves what happened, as new files do.
 * Rows that move to another file don't, and where one has to be told all have. */
static bool owes_changes(const silt_writing *wr)
{
    return wr->edit.feed && wr->rewritten;
}

/* New rows are told as such. The table may have new columns by now. */
static silt_status write_inserts(silt_writing *wr)
{
    silt_edit *e = &wr->edit;
    const silt_log_state *state = e->state;
    const silt_type *schema = e->schema;
    silt_log_state with = *state;
    e->new_metadata = wr->w.metadata;
    e->new_schema = wr->w.schema;
    silt_write_columns columns;
    silt_edit_part *parts = silt_arena_calloc(e->arena, wr->w.add_count, sizeof(*parts));
    if (!parts) return silt_fail_nomem(wr->err);
    for (size_t i = 0; i < wr->w.add_count; i++)
        parts[i] = (silt_edit_part){.add = &wr->w.adds[i]};
    const silt_edit_rows rows = {.parts = parts,
                                 .part_count = wr->w.add_count,
                                 .columns = &columns,
                                 .change_type = "insert",
                                 .expected = wr->staged.row_count};
    with.metadata = *wr->w.metadata;
    e->state = &with;
    e->schema = wr->w.schema;
    silt_status st = silt_edit_copied(e, &columns);
    if (st == SILT_OK) st = silt_edit_write(e, &rows);
    e->state = state;
    e->schema = e->new_schema = schema;
    e->new_metadata = &state->metadata;
    return st;
}

static silt_status write_changes(silt_writing *wr)
{
    silt_write_columns columns;
    SILT_TRY(silt_edit_copied(&wr->edit, &columns));
    SILT_TRY(silt_edit_write_hits(&wr->edit, &columns, "delete", SILT_EDIT_IDS_NONE));
    return write_inserts(wr);
}

static silt_status edit_rows(silt_writing *wr)
{
    silt_edit *e = &wr->edit;
    SILT_TRY(silt_edit_begin(e));
    SILT_TRY(silt_edit_condition(e, wr->opts.where));
    SILT_TRY(silt_edit_find(e));
    e->found_us = silt_now_us(NULL);
    for (size_t i = 0; i < e->files.count; i++)
        wr->rewritten |= e->files.items[i].fate == SILT_EDIT_REWRITTEN;
    silt_edit_count(e);
    wr->replaced = e->where;
    wr->result.rows_deleted = silt_edit_hits(e);
    SILT_TRY(silt_edit_write_rest(e));
    if (owes_changes(wr)) SILT_TRY(write_changes(wr));
    SILT_TRY(silt_edit_write_vectors(e));
    wr->result.rows_copied = e->result.rows_copied;
    return SILT_OK;
}

static silt_status by_condition(silt_writing *wr)
{
    wr->edit_opts = (silt_edit_options)SILT_EDIT_OPTIONS_INIT;
    wr->edit_opts.target_file_bytes = wr->opts.target_file_bytes;
    wr->edit = (silt_edit){.opts = &wr->edit_opts,
                           .snapshot = silt_write_current(wr),
                           .err = wr->err,
                           .result = {.committed_version = -1}};
    wr->rewritten = false;
    wr->w.edit = &wr->edit;
    silt_status st = edit_rows(wr);
    if (st != SILT_OK) silt_write_replace_end(wr, false);
    return st == SILT_UNSURE ? SILT_IO : st; /* a file is unsure, but no commit was tried */
}

void silt_write_replace_end(silt_writing *wr, bool commits)
{
    if (!wr->w.edit) return;
    if (!commits) silt_edit_take_back(&wr->edit);
    silt_edit_end(&wr->edit);
    wr->w.edit = NULL;
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
    r->files_removed += wr->edit.result.files_removed;
    r->bytes_removed += wr->edit.result.bytes_removed;
    r->files_added += wr->edit.result.files_added;
    r->bytes_added += wr->edit.result.bytes_added;
}

silt_status silt_write_replace_metrics(silt_writing *wr, const char **out)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    *out = NULL;
    if (!wr->w.edit) return SILT_OK;
    const silt_change_facts *f = &wr->w.facts;
    silt_json_begin_object(&w);
    silt_edit_metric(&w, "numFiles", f->files_added + wr->edit.result.files_added);
    silt_edit_metric(&w, "numOutputBytes", f->bytes_added + wr->edit.result.bytes_added);
    silt_edit_metric(&w, "numOutputRows", wr->staged.row_count);
    silt_edit_metric(&w, "numDeletedRows", wr->result.rows_deleted);
    silt_edit_put_shared(&wr->edit, &w);
    silt_json_end_object(&w);
    *out = silt_buf_copy(&buf, wr->edit.arena);
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
