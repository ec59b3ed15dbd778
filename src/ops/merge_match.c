/* Which rows of a table a merge's source meets, and what becomes of the files they are in. */
#include "ops/scd2.h"
#include "table/expr_tree.h"

typedef struct matching {
    silt_edit *e;
    silt_merge_try *t;
    const size_t *candidates; /* indexes into the snapshot's adds, as e->scan's files */
    size_t count;
    silt_edit_file *files; /* by candidate */
    silt_bitmap **deleted; /* by candidate: rows that are deleted, the others are updated */
    bool deletes;          /* which of them is being told */
    bool *wanted;          /* by field of the table: some expression looks at it */
    bool *kept;            /* by the same: some value does */
    silt_join_scd2 scd2;   /* m->scd2 is set */
} matching;

/* ---- columns of the table */

typedef struct noting {
    const silt_type *schema;
    bool *wanted;
} noting;

static void note_column(void *ctx, const silt_expr *column)
{
    noting *n = ctx;
    if (!silt_streq(column->path[0], SILT_JOIN_TARGET)) return;
    int at = silt_type_find(n->schema, column->path[1]);
    if (at >= 0) n->wanted[at] = true;
}

static void note(const silt_type *schema, const silt_expr *expr, bool *wanted)
{
    noting n = {schema, wanted};
    if (expr) silt_expr_columns(expr, note_column, &n);
}

static silt_status note_all(matching *x)
{
    const silt_merge_try *t = x->t;
    const silt_type *schema = x->e->schema;
    x->wanted = silt_arena_calloc(x->e->arena, schema->field_count + 1, sizeof(*x->wanted));
    x->kept = silt_arena_calloc(x->e->arena, schema->field_count + 1, sizeof(*x->kept));
    if (!x->wanted || !x->kept) return silt_fail_nomem(x->e->err);
    for (size_t i = 0; i < t->equal_count; i++)
        note(schema, t->equals[i].target, x->wanted);
    note(schema, t->rest, x->wanted);
    for (size_t c = 0; c < t->m->clause_count; c++) {
        note(schema, t->clauses[c].condition, x->wanted);
        for (size_t i = 0; t->values[c] && i < t->schema->field_count; i++)
            note(schema, t->values[c][i], x->kept);
        note(schema, t->misfits[c], x->kept);
    }
    if (t->m->scd2) {
        note(schema, x->scd2.start, x->wanted);
        note(schema, x->scd2.end, x->wanted);
    }
    for (size_t i = 0; i < schema->field_count; i++)
        x->wanted[i] |= x->kept[i];
    return SILT_OK;
}

static bool updates(const silt_merge_try *t)
{
    for (size_t c = 0; c < t->m->clause_count; c++)
        if (t->clauses[c].when != SILT_JOIN_NOT_MATCHED && !t->clauses[c].deletes) return true;
    return false;
}

static silt_status plan_scan(matching *x)
{
    silt_edit *e = x->e;
    silt_merge_try *t = x->t;
    const char **names = silt_arena_calloc(e->arena, e->schema->field_count + 1, sizeof(*names));
    if (!names) return silt_fail_nomem(e->err);
    silt_scan_want want = {.columns = names, .limit = -1};
    for (size_t i = 0; i < e->schema->field_count; i++)
        if (x->wanted[i]) names[want.column_count++] = e->schema->fields[i].name;
    if (!want.column_count) names[want.column_count++] = e->schema->fields[0].name;
    if (e->row_ids && updates(t)) {
        SILT_TRY(silt_edit_row_id_column(e, &t->row_id));
        want.row_id_column = t->row_id;
    }
    SILT_TRY(silt_scan_plan_init(&e->scan, e->store, e->state->version, &e->state->metadata,
                                 e->schema, &want, e->scratch, e->arena, e->err));
    size_t columns = e->scan.spec.column_count;
    t->kept = silt_arena_calloc(e->arena, columns + 1, sizeof(*t->kept));
    if (!t->kept) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < columns; i++) {
        int at = silt_type_find(e->schema, e->scan.spec.columns[i].name);
        t->kept[i] = at >= 0 ? x->kept[at] : true;
    }
    const size_t none = 0;
    return silt_scan_plan_adds(&e->scan, e->snapshot, x->count ? x->candidates : &none, x->count,
                               e->err);
}

/* ---- files that may match */

/* Of columns that are compared with something of the source: between which values that lies. */
static silt_status find_ranges(matching *x)
{
    silt_edit *e = x->e;
    silt_merge_try *t = x->t;
    const silt_expr **values = silt_arena_calloc(e->arena, t->equal_count + 1, sizeof(*values));
    silt_join_range *ranges = silt_arena_calloc(e->arena, t->equal_count + 1, sizeof(*ranges));
    t->ranges = silt_arena_calloc(e->arena, t->equal_count + 1, sizeof(*t->ranges));
    if (!values || !ranges || !t->ranges) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < t->equal_count; i++)
        values[i] = t->equals[i].source;
    SILT_TRY(
        e->engine->ops->join_ranges(t->m->join, values, t->equal_count, e->arena, ranges, e->err));
    for (size_t i = 0; i < t->equal_count; i++) {
        silt_join_equal *equal = &t->equals[i];
        const silt_expr *column = equal->target;
        equal->nulls_too = equal->nulls_too && ranges[i].has_null;
        if (column->kind != SILT_EXPR_COLUMN || column->path_count != 2) continue;
        t->ranges[t->range_count++] = (silt_key_range){.column = column->path[1],
                                                       .type = column->type,
                                                       .min = ranges[i].min,
                                                       .max = ranges[i].max,
                                                       .has_null = equal->nulls_too};
    }
    return SILT_OK;
}

/* Leave those out that what is asked of the table's columns alone rules out. */
static silt_status skip_files(matching *x, const silt_add *adds)
{
    silt_edit *e = x->e;
    silt_mapping mapping;
    silt_skip *skip;
    size_t kept = 0;
    if (!x->t->target_only) return SILT_OK;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    size_t *left = silt_arena_calloc(e->arena, x->count + 1, sizeof(*left));
    if (!scratch || !left) return silt_fail_nomem(e->err);
    SILT_TRY(silt_mapping_of(&e->state->metadata, e->schema, e->arena, &mapping, e->err));
    SILT_TRY(silt_skip_new(x->t->target_only, e->schema, &mapping, e->arena, &skip, e->err));
    for (size_t i = 0; i < x->count; i++) {
        const silt_add *add = &adds[x->candidates[i]];
        silt_arena_reset(scratch);
        if (!silt_skip_file(skip, add->partition_values, add->stats, scratch))
            left[kept++] = x->candidates[i];
    }
    x->candidates = left;
    x->count = kept;
    return SILT_OK;
}

static silt_status find_candidates(matching *x)
{
    silt_edit *e = x->e;
    const silt_add *adds;
    size_t total;
    SILT_TRY(silt_snapshot_adds(e->snapshot, &adds, &total, e->err));
    bool all = x->t->by_source, none = !x->t->m->w.facts.total.read && !all;
    if (none) return SILT_OK;
    if (!all && x->t->range_count) {
        SILT_TRY(silt_snapshot_prune(e->snapshot, x->t->ranges, x->t->range_count, e->arena,
                                     &x->candidates, &x->count, e->err));
    } else {
        size_t *each = silt_arena_calloc(e->arena, total + 1, sizeof(*each));
        if (!each) return silt_fail_nomem(e->err);
        for (size_t i = 0; i < total; i++)
            each[i] = i;
        x->candidates = each;
        x->count = total;
    }
    if (!all || x->t->m->scd2) SILT_TRY(skip_files(x, adds));
    e->result.files_skipped = (int64_t)(total - x->count);
    return SILT_OK;
}

/* ---- rows that are hit */

static silt_status on_rows(void *ctx, size_t file, const uint64_t *rows, size_t count,
                           silt_error *err)
{
    matching *x = ctx;
    silt_bitmap **to = x->deletes ? &x->deleted[file] : &x->files[file].hit;
    if (!*to) *to = silt_bitmap_new();
    return *to && silt_bitmap_add(*to, rows, count) ? SILT_OK : silt_fail_nomem(err);
}

/* Updates are in `hit` by now: the deleted join them. */
static silt_status join_hits(matching *x, size_t i)
{
    silt_edit_file *file = &x->files[i];
    if (!x->deleted[i]) {
        file->updated_all = true;
        return SILT_OK;
    }
    file->updated = SILT_TAKE(file->hit);
    file->hit = file->updated ? silt_bitmap_or(file->updated, x->deleted[i])
                              : silt_bitmap_minus(x->deleted[i], NULL);
    return file->hit ? SILT_OK : silt_fail_nomem(x->e->err);
}

static silt_status take_file(matching *x, const silt_add *adds, size_t i, silt_arena *scratch)
{
    silt_edit *e = x->e;
    silt_edit_file *file = &x->files[i];
    if (!file->hit && !x->deleted[i]) return SILT_OK;
    silt_arena_reset(scratch);
    file->add = &adds[x->candidates[i]];
    file->row_count = silt_stats_row_count(file->add->stats, scratch);
    SILT_TRY(join_hits(x, i));
    SILT_TRY(silt_edit_decide(e, file, e->scan.spec.files[i].rows));
    if (!silt_vec_push(&e->files, *file)) return silt_fail_nomem(e->err);
    *file = (silt_edit_file){0}; /* the edit's now */
    return SILT_OK;
}

static silt_status take_hits(matching *x)
{
    silt_edit *e = x->e;
    const silt_add *adds;
    size_t total;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(e->err);
    SILT_TRY(silt_snapshot_adds(e->snapshot, &adds, &total, e->err));
    for (int deletes = 0; deletes < 2; deletes++) {
        x->deletes = deletes;
        SILT_TRY(e->engine->ops->join_places(x->t->m->join, x->deletes, on_rows, x, e->err));
    }
    for (size_t i = 0; i < x->count; i++)
        SILT_TRY(take_file(x, adds, i, scratch));
    return SILT_OK;
}

/* ---- counts */

static silt_status take_counts(matching *x)
{
    silt_merge_try *t = x->t;
    silt_merging *m = t->m;
    silt_work *w = &m->w;
    silt_merge_result *r = &m->result;
    *r = (silt_merge_result){0};
    t->inserted = t->updated = t->deleted = 0;
    for (size_t c = 0; c < m->clause_count; c++) {
        bool lone = t->clauses[c].when == SILT_JOIN_NOT_MATCHED_BY_SOURCE;
        int64_t rows = t->match.rows[c];
        if (t->clauses[c].when == SILT_JOIN_NOT_MATCHED)
            t->inserted += rows;
        else if (t->clauses[c].deletes)
            *(lone ? &r->rows_deleted_by_source : &r->rows_deleted_matched) += rows;
        else
            *(lone ? &r->rows_updated_by_source : &r->rows_updated_matched) += rows;
    }
    t->updated = r->rows_updated_matched + r->rows_updated_by_source;
    t->deleted = r->rows_deleted_matched + r->rows_deleted_by_source;
    for (size_t g = 0, i = 0; g < w->group_count; g++)
        for (size_t f = 0; f < w->groups[g].file_count; f++, i++) {
            silt_source_counts *n = &w->counts[w->file_index[i]];
            n->inserted = t->match.inserted[i];
            n->deleted = t->match.deleting[i];
            n->updated = t->match.acting[i] - n->deleted;
            n->unchanged = t->match.idle[i];
        }
    silt_work_sum(w);
    r->rows_read = w->facts.total.read;
    r->rows_deduplicated = w->facts.total.deduplicated;
    r->rows_inserted = t->inserted;
    x->e->result.rows_updated = t->updated;
    x->e->result.rows_deleted = t->deleted;
    x->e->adds_rows = t->inserted > 0;
    return m->scd2 ? silt_scd2_conserve(m, &t->match) : SILT_OK;
}

/* What rows were found to change stands in the files' bitmaps too. */
static silt_status check_hits(const matching *x)
{
    int64_t hits = silt_edit_hits(x->e), rows = x->t->updated + x->t->deleted;
    if (hits == rows) return SILT_OK;
    return silt_fail(x->e->err, SILT_FAILED,
                     "conservation: %" PRId64 " rows of the table's files are hit, but %" PRId64
                     " updated + %" PRId64 " deleted",
                     hits, x->t->updated, x->t->deleted);
}

/* ---- the match */

/* No two source rows agree on what is compared, since those that did are gone or were refused. */
static bool is_unique(const silt_merging *m)
{
    return m->twice != SILT_TWICE_FINE;
}

static silt_status match(matching *x)
{
    silt_edit *e = x->e;
    silt_merge_try *t = x->t;
    if (t->m->scd2) SILT_TRY(silt_scd2_match(e, t, &x->scd2));
    SILT_TRY(note_all(x));
    SILT_TRY(find_ranges(x));
    SILT_TRY(find_candidates(x));
    SILT_TRY(plan_scan(x));
    x->files = silt_arena_calloc(e->arena, x->count + 1, sizeof(*x->files));
    x->deleted = silt_arena_calloc(e->arena, x->count + 1, sizeof(*x->deleted));
    if (!x->files || !x->deleted) return silt_fail_nomem(e->err);
    const silt_join_match_spec spec = {.target = &e->scan.spec,
                                       .kept = t->kept,
                                       .equals = t->equals,
                                       .equal_count = t->equal_count,
                                       .rest = t->rest,
                                       .clauses = t->clauses,
                                       .clause_count = t->m->clause_count,
                                       .unique = is_unique(t->m),
                                       .scd2 = t->m->scd2 ? &x->scd2 : NULL};
    silt_status st = e->engine->ops->join_match(t->m->join, &spec, e->arena, &t->match, e->err);
    if (st == SILT_BAD_DATA) return st;
    if (st != SILT_OK) return silt_scan_missing(&e->scan, st, e->err);
    SILT_TRY(take_hits(x));
    SILT_TRY(take_counts(x));
    return check_hits(x);
}

silt_status silt_merge_match(silt_edit *e, silt_merge_try *t)
{
    matching x = {.e = e, .t = t};
    silt_status st = match(&x);
    for (size_t i = 0; i < x.count && x.files && x.deleted; i++) {
        silt_bitmap_free(x.files[i].hit);
        silt_bitmap_free(x.files[i].updated);
        silt_bitmap_free(x.files[i].gone);
        silt_bitmap_free(x.deleted[i]);
    }
    return st;
}

void silt_merge_put_read(const silt_edit *e, silt_txn_options *out)
{
    const silt_merge_try *t = e->data;
    out->read = SILT_READ_TABLE;
    if (t->by_source) return;
    if (!t->m->w.facts.total.read) { /* no row, nothing that it could meet */
        out->read = SILT_READ_NOTHING;
    } else if (t->range_count) {
        out->read = SILT_READ_KEYS;
        out->key_ranges = t->ranges;
        out->key_range_count = t->range_count;
    } else if (t->target_only) {
        out->read = SILT_READ_WHERE;
        out->where = t->target_only;
    }
}
