/* What a merge writes: changed and new rows, what stays of files, what the feed is owed. */
#include "ops/merge.h"

/* ---- rows */

static silt_status values_of(const silt_merge_try *t, size_t field, silt_arena *arena,
                             const silt_expr *const **out, silt_error *err)
{
    const silt_expr **values = silt_arena_calloc(arena, t->m->clause_count, sizeof(*values));
    if (!values) return silt_fail_nomem(err);
    for (size_t c = 0; c < t->m->clause_count; c++)
        if (t->values[c]) values[c] = t->values[c][field];
    *out = values;
    return SILT_OK;
}

/* An updated row keeps its id; an inserted one is given one by its file. */
static silt_status row_ids(const silt_merge_try *t, silt_arena *arena, silt_join_value *out,
                           silt_error *err)
{
    const silt_type *number = silt_type_primitive(SILT_TYPE_LONG);
    const silt_expr **values = silt_arena_calloc(arena, t->m->clause_count, sizeof(*values));
    const silt_expr *kept = silt_merge_column(arena, SILT_JOIN_TARGET, t->row_id, number);
    const silt_expr *none = silt_expr_null(arena, number);
    if (!values || !kept || !none) return silt_fail_nomem(err);
    for (size_t c = 0; c < t->m->clause_count; c++)
        values[c] = t->clauses[c].when == SILT_JOIN_NOT_MATCHED ? none : kept;
    *out = (silt_join_value){t->row_id, number, values};
    return SILT_OK;
}

/* The rows of a merge, as `written` wants them. */
static silt_status changed_rows(const silt_merge_try *t, const silt_write_columns *written,
                                bool updated, bool inserted, bool ids, silt_arena *arena,
                                silt_rows_spec *out, silt_error *err)
{
    const silt_type *schema = t->schema;
    silt_join_value *columns = silt_arena_calloc(arena, schema->field_count + 1, sizeof(*columns));
    size_t count = 0;
    if (!columns) return silt_fail_nomem(err);
    for (size_t i = 0; i < schema->field_count; i++) {
        const silt_field *field = &schema->fields[i];
        size_t at = silt_write_columns_find(written, field->name);
        /* Without a column: it is numbered. */
        if (at == SIZE_MAX || written->columns[at].kind == SILT_OUTPUT_IDENTITY) continue;
        columns[count] = (silt_join_value){.name = field->name, .type = field->type};
        SILT_TRY(values_of(t, i, arena, &columns[count++].values, err));
    }
    if (ids) SILT_TRY(row_ids(t, arena, &columns[count++], err));
    *out = (silt_rows_spec){.kind = SILT_ROWS_JOIN,
                            .join = {.join = t->m->join,
                                     .updated = updated,
                                     .inserted = inserted,
                                     .columns = columns,
                                     .column_count = count}};
    return SILT_OK;
}

/* A value that is beyond its column's type would become null, or another number. */
static silt_status check_misfits(silt_edit *e)
{
    const silt_merge_try *t = e->data;
    for (size_t c = 0; c < t->m->clause_count; c++) {
        int64_t rows = 0;
        if (!t->misfits[c]) continue;
        SILT_TRY(e->engine->ops->join_count(t->m->join, c, t->misfits[c], &rows, e->err));
        if (!rows) continue;
        silt_fail(e->err, SILT_BAD_DATA,
                  "%s: in %" PRId64 " row%s of clause %zu a new value is out of range for its "
                  "column",
                  e->store->uri, rows, rows == 1 ? "" : "s", c + 1);
        return silt_hint(e->err, SILT_BAD_DATA,
                         "nothing was changed; leave such rows out by a condition, or widen the "
                         "column");
    }
    return SILT_OK;
}

/* Updated rows, inserted rows, or both. */
static silt_status write_rows(silt_edit *e, bool updated, bool inserted)
{
    silt_merge_try *t = e->data;
    silt_rows_spec source;
    updated = updated && t->updated;
    inserted = inserted && t->inserted;
    if (!updated && !inserted) return SILT_OK;
    bool ids = updated && t->row_id;
    const silt_write_columns *columns = updated || !t->numbers ? &t->columns : &t->numbered;
    SILT_TRY(changed_rows(t, columns, updated, inserted, ids, e->arena, &source, e->err));
    const silt_edit_rows rows = {.rows = &source,
                                 .columns = columns,
                                 .ids = ids ? SILT_EDIT_IDS_NEW : SILT_EDIT_IDS_NONE,
                                 .file_bytes = t->m->target_file_bytes,
                                 .expected =
                                     (updated ? t->updated : 0) + (inserted ? t->inserted : 0)};
    return silt_edit_write(e, &rows);
}

/* ---- the feed */

/* Rows that are only added, or that only go with their files or by vectors, are told by these;
 * where one row has to be told otherwise all have. */
static bool owes_changes(const silt_edit *e)
{
    const silt_merge_try *t = e->data;
    bool owes = t->updated || (t->deleted && t->inserted);
    for (size_t i = 0; i < e->files.count; i++)
        owes |= e->files.items[i].fate == SILT_EDIT_REWRITTEN;
    return e->feed && owes;
}

/* Rows of the table as they were: those that are updated, or those that are deleted. */
static silt_status write_before(silt_edit *e, const silt_write_columns *copied, bool deleted)
{
    const silt_merge_try *t = e->data;
    silt_edit_part *parts = silt_arena_calloc(e->arena, e->files.count, sizeof(*parts));
    silt_bitmap **gone = silt_arena_calloc(e->arena, e->files.count, sizeof(*gone));
    if (!parts || !gone) return silt_fail_nomem(e->err);
    silt_edit_rows rows = {.parts = parts,
                           .columns = copied,
                           .change_type = deleted ? "delete" : "update_preimage",
                           .expected = deleted ? t->deleted : t->updated};
    silt_status st = SILT_OK;
    for (size_t i = 0; i < e->files.count && st == SILT_OK; i++) {
        const silt_edit_file *file = &e->files.items[i];
        const silt_bitmap *hit = file->updated_all ? file->hit : file->updated;
        if (deleted) {
            if (file->updated_all) continue;
            gone[i] = silt_bitmap_minus(file->hit, file->updated);
            if (!gone[i]) st = silt_fail_nomem(e->err);
            hit = gone[i];
        }
        if (hit) parts[rows.part_count++] = (silt_edit_part){file->add, hit, true};
    }
    if (st == SILT_OK) st = silt_edit_write(e, &rows);
    for (size_t i = 0; i < e->files.count; i++)
        silt_bitmap_free(gone[i]);
    return st;
}

/* Files of rows apart: which of them are new, the feed has to tell. */
static silt_status write_told(silt_edit *e)
{
    silt_merge_try *t = e->data;
    silt_write_columns before, after;
    size_t first = e->adds.count;
    SILT_TRY(silt_edit_copied(e, &before));
    after = t->columns;
    after.check_count = 0;
    after.columns = silt_arena_calloc(e->arena, after.column_count, sizeof(*after.columns));
    if (!after.columns) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < after.column_count; i++) {
        after.columns[i] = t->columns.columns[i];
        after.columns[i].not_null = false;
        after.columns[i].expr = NULL;
    }
    SILT_TRY(write_rows(e, true, false));
    SILT_TRY(write_before(e, &before, false));
    SILT_TRY(silt_edit_write_after(e, &after, "update_postimage", first, t->updated));
    first = e->adds.count;
    SILT_TRY(write_rows(e, false, true));
    SILT_TRY(silt_edit_write_after(e, &after, "insert", first, t->inserted));
    return t->deleted ? write_before(e, &before, true) : SILT_OK;
}

silt_status silt_merge_write(silt_edit *e)
{
    const silt_merge_try *t = e->data;
    SILT_TRY(check_misfits(e));
    SILT_TRY(silt_edit_write_rest(e));
    if (owes_changes(e)) {
        SILT_TRY(write_told(e));
    } else if (t->numbers) { /* numbers are for inserted rows alone */
        SILT_TRY(write_rows(e, true, false));
        SILT_TRY(write_rows(e, false, true));
    } else {
        SILT_TRY(write_rows(e, true, true));
    }
    return silt_edit_write_vectors(e);
}

/* ---- what it says of itself */

void silt_merge_put_metrics(const silt_edit *e, silt_json_writer *w)
{
    const silt_merge_try *t = e->data;
    const silt_merge_result *m = &t->m->result;
    const silt_edit_result *r = &e->result;
    silt_edit_metric(w, "numSourceRows", m->rows_read);
    silt_edit_metric(w, "numTargetRowsInserted", t->inserted);
    silt_edit_metric(w, "numTargetRowsUpdated", t->updated);
    silt_edit_metric(w, "numTargetRowsMatchedUpdated", m->rows_updated_matched);
    silt_edit_metric(w, "numTargetRowsNotMatchedBySourceUpdated", m->rows_updated_by_source);
    silt_edit_metric(w, "numTargetRowsDeleted", t->deleted);
    silt_edit_metric(w, "numTargetRowsMatchedDeleted", m->rows_deleted_matched);
    silt_edit_metric(w, "numTargetRowsNotMatchedBySourceDeleted", m->rows_deleted_by_source);
    silt_edit_metric(w, "numTargetRowsCopied", r->rows_copied);
    silt_edit_metric(w, "numOutputRows", t->inserted + t->updated + r->rows_copied);
    silt_edit_metric(w, "numTargetFilesAdded", r->files_added);
    silt_edit_metric(w, "numTargetFilesRemoved", r->files_removed);
    silt_edit_metric(w, "numTargetBytesAdded", r->bytes_added);
    silt_edit_metric(w, "numTargetBytesRemoved", r->bytes_removed);
    silt_edit_metric(w, "numTargetChangeFilesAdded", r->change_files);
    silt_edit_metric(w, "numTargetDeletionVectorsAdded", r->vectors_added);
    silt_edit_metric(w, "numTargetDeletionVectorsRemoved", r->vectors_removed);
    silt_edit_metric(w, "numTargetDeletionVectorsUpdated", 0);
    silt_edit_metric(w, "materializeSourceTimeMs", t->m->read_us / 1000);
    silt_edit_put_times(e, w);
}

/* Clauses of a kind, as a list within a string. */
static void put_clauses(const silt_merge_try *t, silt_merge_when when, const char *name,
                        silt_json_writer *w)
{
    static const char *const actions[] = {"update", "delete", "insert"};
    SILT_CLEAN(silt_buf) list = {0};
    silt_json_writer items = silt_json_writer_of(&list);
    silt_json_begin_array(&items);
    for (size_t c = 0; c < t->m->clause_count; c++) {
        const silt_merge_clause *clause = &t->m->clauses[c];
        if (clause->when != when) continue;
        silt_json_begin_object(&items);
        if (t->condition_texts[c])
            silt_json_member_string(&items, "predicate", t->condition_texts[c]);
        silt_json_member_string(&items, "actionType", actions[clause->action]);
        silt_json_end_object(&items);
    }
    silt_json_end_array(&items);
    if (list.failed)
        w->buf->failed = true;
    else
        silt_json_member_string(w, name, list.data);
}

void silt_merge_put_parameters(const silt_edit *e, silt_json_writer *w)
{
    const silt_merge_try *t = e->data;
    SILT_CLEAN(silt_buf) list = {0};
    silt_json_writer items = silt_json_writer_of(&list);
    silt_json_begin_array(&items);
    silt_json_put_string(&items, t->on_text);
    silt_json_end_array(&items);
    if (list.failed)
        w->buf->failed = true;
    else
        silt_json_member_string(w, "predicate", list.data);
    put_clauses(t, SILT_MERGE_MATCHED, "matchedPredicates", w);
    put_clauses(t, SILT_MERGE_NOT_MATCHED, "notMatchedPredicates", w);
    put_clauses(t, SILT_MERGE_NOT_MATCHED_BY_SOURCE, "notMatchedBySourcePredicates", w);
}
