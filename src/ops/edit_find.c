/* Which files a condition touches, and which rows of them.
 *
 * Partition values and statistics rule files out, and others in: where no row can fail the
 * condition, all are hit without a look. The engine looks into what is left. */
#include "ops/edit.h"
#include "table/expr_tree.h"

typedef struct finding {
    silt_edit *e;
    const silt_skip *may, *all; /* rows that the condition takes; rows that it doesn't */
    size_t *unread;             /* indexes into e->files, by file of the scan */
    size_t unread_count;
} finding;

silt_status silt_edit_at_once(silt_edit *e, const silt_expr *expr, const silt_expr **out)
{
    char text[SILT_TIME_SIZE];
    *out = expr;
    if (expr->kind != SILT_EXPR_CALL) return SILT_OK;
    if (expr->op == SILT_OP_CURRENT_DATE || expr->op == SILT_OP_CURRENT_TIMESTAMP) {
        silt_time_format_us(e->started_us, text);
        if (expr->op == SILT_OP_CURRENT_DATE) text[strlen("2024-01-15")] = '\0';
        const char *copy = silt_arena_strdup(e->arena, text);
        *out = copy ? silt_expr_literal(e->arena, expr->type, copy) : NULL;
        return *out ? SILT_OK : silt_fail_nomem(e->err);
    }
    const silt_expr **args = silt_arena_calloc(e->arena, expr->arg_count + 1, sizeof(*args));
    if (!args) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < expr->arg_count; i++)
        SILT_TRY(silt_edit_at_once(e, expr->args[i], &args[i]));
    *out = silt_expr_call(e->arena, expr->op, expr->type, args, expr->arg_count);
    return *out ? SILT_OK : silt_fail_nomem(e->err);
}

silt_status silt_edit_condition(silt_edit *e, const char *where)
{
    e->where = NULL;
    e->where_text = NULL;
    if (!where) return SILT_OK;
    silt_status st = silt_expr_condition(where, e->schema, e->arena, &e->where, e->err);
    if (st == SILT_OK) st = silt_edit_at_once(e, e->where, &e->where);
    if (st != SILT_OK) return silt_wrap(e->err, st, "condition");
    SILT_CLEAN(silt_buf) text = {0};
    silt_expr_print(e->where, &text);
    e->where_text = silt_buf_copy(&text, e->arena);
    return e->where_text ? SILT_OK : silt_fail_nomem(e->err);
}

silt_status silt_edit_check_may(silt_edit *e)
{
    if (!silt_feature_append_only(&e->state->protocol, &e->state->metadata)) return SILT_OK;
    silt_fail(e->err, SILT_INVALID, "%s: the table is append-only (delta.appendOnly)",
              e->store->uri);
    return silt_hint(e->err, SILT_INVALID,
                     "rows can be added only; set delta.appendOnly to false to change some");
}

/* ---- by partition values and statistics */

/* NOT where OR where IS NULL: what rules a file out for this says that all of its rows are hit. */
static const silt_expr *complement(const silt_edit *e)
{
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN);
    const silt_expr *sides[] = {silt_expr_call(e->arena, SILT_OP_NOT, boolean, &e->where, 1),
                                silt_expr_call(e->arena, SILT_OP_IS_NULL, boolean, &e->where, 1)};
    if (!sides[0] || !sides[1]) return NULL;
    return silt_expr_call(e->arena, SILT_OP_OR, boolean, sides, 2);
}

static silt_status make_skips(finding *f)
{
    silt_edit *e = f->e;
    silt_mapping mapping;
    silt_skip *may, *all;
    if (!e->where) return SILT_OK;
    const silt_expr *others = complement(e);
    if (!others) return silt_fail_nomem(e->err);
    SILT_TRY(silt_mapping_of(&e->state->metadata, e->schema, e->arena, &mapping, e->err));
    SILT_TRY(silt_skip_new(e->where, e->schema, &mapping, e->arena, &may, e->err));
    SILT_TRY(silt_skip_new(others, e->schema, &mapping, e->arena, &all, e->err));
    f->may = may;
    f->all = all;
    return SILT_OK;
}

static silt_status take_file(finding *f, const silt_add *add, silt_arena *scratch)
{
    silt_edit *e = f->e;
    bool all = true;
    silt_arena_reset(scratch);
    if (f->may && silt_skip_file(f->may, add->partition_values, add->stats, scratch)) {
        e->result.files_skipped++;
        return SILT_OK;
    }
    if (f->all) all = silt_skip_file(f->all, add->partition_values, add->stats, scratch);
    silt_edit_file file = {.add = add,
                           .fate = all ? SILT_EDIT_GOES : SILT_EDIT_REWRITTEN,
                           .row_count = silt_stats_row_count(add->stats, scratch),
                           .hits = all ? silt_add_row_count(add, scratch) : 0};
    if (!silt_vec_push(&e->files, file)) return silt_fail_nomem(e->err);
    if (!all) f->unread[f->unread_count++] = e->files.count - 1;
    return SILT_OK;
}

static silt_status take_files(finding *f)
{
    silt_edit *e = f->e;
    const silt_add *adds;
    size_t count;
    SILT_TRY(silt_snapshot_adds(e->snapshot, &adds, &count, e->err));
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    f->unread = silt_arena_calloc(e->arena, count, sizeof(*f->unread));
    if (!scratch || !f->unread) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < count; i++)
        SILT_TRY(take_file(f, &adds[i], scratch));
    return SILT_OK;
}

/* ---- by their rows */

static silt_status on_rows(void *ctx, size_t file, const uint64_t *rows, size_t count,
                           silt_error *err)
{
    finding *f = ctx;
    silt_edit_file *hit = &f->e->files.items[f->unread[file]];
    if (!hit->hit) hit->hit = silt_bitmap_new();
    if (!hit->hit || !silt_bitmap_add(hit->hit, rows, count)) return silt_fail_nomem(err);
    return SILT_OK;
}

static void first_column(void *ctx, const silt_expr *column)
{
    const char **name = ctx;
    if (!*name) *name = column->path[0];
}

static silt_status look_into(finding *f)
{
    silt_edit *e = f->e;
    const char *column = NULL;
    if (!f->unread_count) return SILT_OK;
    silt_expr_columns(e->where, first_column, &column);
    if (!column) column = e->schema->fields[0].name; /* a condition of none */
    const silt_scan_want want = {
        .columns = &column, .column_count = 1, .filter = e->where, .limit = -1};
    SILT_TRY(silt_scan_plan_init(&e->scan, e->store, e->state->version, &e->state->metadata,
                                 e->schema, &want, e->scratch, e->arena, e->err));
    for (size_t i = 0; i < f->unread_count; i++) {
        const silt_edit_file *file = &e->files.items[f->unread[i]];
        const silt_scan_item item = {.path = file->add->path,
                                     .partition_values = file->add->partition_values,
                                     .row_count = file->row_count,
                                     .base_row_id = file->add->base_row_id,
                                     .default_row_commit_version =
                                         file->add->default_row_commit_version,
                                     .dv = file->add->dv};
        SILT_TRY(silt_scan_plan_add(&e->scan, &item, e->err));
    }
    silt_status st = e->engine->ops->positions(e->engine, &e->scan.spec, on_rows, f, e->err);
    return st == SILT_OK ? st : silt_scan_missing(&e->scan, st, e->err);
}

/* ---- what becomes of them */

static silt_status too_many(const silt_edit *e, const silt_edit_file *file)
{
    silt_fail(e->err, SILT_CORRUPT,
              "%s: data file %s has rows beyond the %" PRId64 " that its statistics tell of",
              e->store->uri, file->add->path, file->row_count);
    return silt_hint(e->err, SILT_CORRUPT,
                     "the statistics (numRecords) lie: write the file anew, by optimizing it");
}

silt_status silt_edit_decide(silt_edit *e, silt_edit_file *file, const silt_bitmap *deleted)
{
    int64_t before = deleted ? (int64_t)silt_bitmap_count(deleted) : 0;
    file->hits = (int64_t)silt_bitmap_count(file->hit);
    if (file->row_count >= 0 && (int64_t)silt_bitmap_max(file->hit) >= file->row_count)
        return too_many(e, file);
    if (file->row_count >= 0 && before + file->hits == file->row_count) {
        file->fate = SILT_EDIT_GOES;
        return SILT_OK;
    }
    silt_bitmap *gone =
        deleted ? silt_bitmap_or(deleted, file->hit) : silt_bitmap_minus(file->hit, NULL);
    if (!gone) return silt_fail_nomem(e->err);
    file->gone = gone;
    /* A vector needs the number of rows in the statistics; more gone rows than the share is a
     * waste of every later read. */
    bool mostly =
        (double)(before + file->hits) * 100 > (double)file->row_count * e->opts->rewrite_percent;
    file->fate =
        e->vectors && file->row_count >= 0 && !mostly ? SILT_EDIT_MARKED : SILT_EDIT_REWRITTEN;
    return SILT_OK;
}

/* Files of which no row was hit are forgotten. */
static silt_status decide_all(finding *f)
{
    silt_edit *e = f->e;
    for (size_t i = 0; i < f->unread_count; i++) {
        silt_edit_file *file = &e->files.items[f->unread[i]];
        if (file->hit) SILT_TRY(silt_edit_decide(e, file, e->scan.spec.files[i].rows));
    }
    size_t kept = 0;
    for (size_t i = 0; i < e->files.count; i++) {
        silt_edit_file *file = &e->files.items[i];
        if (file->hit || file->fate == SILT_EDIT_GOES) e->files.items[kept++] = *file;
    }
    e->files.count = kept;
    return SILT_OK;
}

silt_status silt_edit_find(silt_edit *e)
{
    finding f = {.e = e};
    SILT_TRY(make_skips(&f));
    SILT_TRY(take_files(&f));
    SILT_TRY(look_into(&f));
    return decide_all(&f);
}

int64_t silt_edit_hits(const silt_edit *e)
{
    int64_t sum = 0;
    for (size_t i = 0; i < e->files.count; i++) {
        if (e->files.items[i].hits < 0) return -1;
        sum += e->files.items[i].hits;
    }
    return sum;
}

/* ---- a second look */

typedef struct first_hit {
    size_t file;
    int64_t row; /* -1: none yet */
} first_hit;

static silt_status on_first(void *ctx, size_t file, const uint64_t *rows, size_t count,
                            silt_error *err)
{
    (void)err;
    first_hit *first = ctx;
    if (!count || first->row >= 0) return SILT_OK;
    *first = (first_hit){file, (int64_t)rows[0]};
    return SILT_OK;
}

static silt_status look_again(silt_edit *e, const silt_expr *condition, silt_scan_plan *plan,
                              first_hit *first)
{
    const char *column = e->schema->fields[0].name;
    const silt_scan_want want = {
        .columns = &column, .column_count = 1, .filter = condition, .limit = -1};
    SILT_TRY(silt_scan_plan_init(plan, e->store, e->state->version, &e->state->metadata, e->schema,
                                 &want, e->scratch, e->arena, e->err));
    for (size_t i = 0; i < e->files.count; i++) {
        const silt_edit_file *file = &e->files.items[i];
        const silt_scan_item item = {.path = file->add->path,
                                     .partition_values = file->add->partition_values,
                                     .row_count = file->row_count,
                                     .base_row_id = -1,
                                     .default_row_commit_version = -1,
                                     .dv = file->hit ? NULL : file->add->dv,
                                     .rows = file->hit,
                                     .rows_only = file->hit != NULL};
        SILT_TRY(silt_scan_plan_add(plan, &item, e->err));
    }
    silt_status st = e->engine->ops->positions(e->engine, &plan->spec, on_first, first, e->err);
    return st == SILT_OK ? st : silt_scan_missing(plan, st, e->err);
}

silt_status silt_edit_first_hit(silt_edit *e, const silt_expr *condition, const silt_add **add,
                                int64_t *row)
{
    silt_scan_plan plan = {0};
    first_hit first = {0, -1};
    silt_status st = look_again(e, condition, &plan, &first);
    silt_scan_plan_release(&plan);
    SILT_TRY(st);
    *add = first.row < 0 ? NULL : e->files.items[first.file].add;
    *row = first.row;
    return SILT_OK;
}
