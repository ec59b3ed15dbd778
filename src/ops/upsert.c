/* Upsert: rows of the source replace those of the same keys, the others are added. Copy-on-write:
 * files with replaced rows are written anew. Merge-on-read takes the place of rewrite() once
 * deletion vectors are there. */
#include <stdio.h>

#include "base/json.h"
#include "ops/work.h"

typedef struct upsert {
    silt_work w;
    silt_join *merge;
    silt_join_source source;
    silt_join_match match;
    silt_key_range *ranges;
    silt_scan_plan scan;      /* of the files that may hold the source's keys */
    const size_t *candidates; /* indexes into the snapshot's adds, as scan.files */
    bool *rewrite;            /* by candidate */
    const silt_add **removes;
    size_t remove_count;
    silt_stage_result staged;
    int64_t removed_rows; /* -1: not known of all */
} upsert;

static size_t source_files(const silt_work *w)
{
    size_t count = 0;
    for (size_t g = 0; g < w->group_count; g++)
        count += w->groups[g].file_count;
    return count;
}

/* ---- the order of files decides which row is the last one of a key */

/* Groups as runs of neighbours, so that files come in the order they were given in. */
static silt_status keep_order(silt_work *w)
{
    size_t total = source_files(w), count = w->spec->sources->file_count;
    if (w->group_count < 2) return SILT_OK;
    size_t *group_by_file = silt_arena_calloc(w->arena, count, sizeof(*group_by_file));
    silt_source_group *groups = silt_arena_calloc(w->arena, total, sizeof(*groups));
    silt_source_file *files = silt_arena_calloc(w->arena, total, sizeof(*files));
    size_t *index = silt_arena_calloc(w->arena, total, sizeof(*index));
    if (!group_by_file || !groups || !files || !index) return silt_fail_nomem(w->err);
    for (size_t g = 0, at = 0; g < w->group_count; g++)
        for (size_t i = 0; i < w->groups[g].file_count; i++, at++)
            group_by_file[w->file_index[at]] = g + 1; /* 0: in none, it is empty */
    size_t at = 0, runs = 0, last = 0;
    for (size_t i = 0; i < count; i++) {
        if (!group_by_file[i]) continue;
        if (group_by_file[i] != last) {
            last = group_by_file[i];
            groups[runs] = w->groups[last - 1];
            groups[runs].files = files + at;
            groups[runs++].file_count = 0;
        }
        groups[runs - 1].file_count++;
        index[at] = i;
        files[at++] = w->spec->sources->files[i];
    }
    w->groups = groups;
    w->group_count = runs;
    w->file_index = index;
    return SILT_OK;
}

/* ---- what the target looks like */

/* Columns that are computed, numbered, checked or called otherwise in files. */
static silt_status check_plain(const upsert *u)
{
    const silt_write_columns *c = &u->w.columns;
    const char *what = c->check_count ? c->checks[0].name : NULL;
    for (size_t i = 0; i < c->column_count && !what; i++)
        if (c->columns[i].physical.name) what = "column mapping";
    for (size_t i = 0; i < c->column_count && !what; i++)
        if (c->columns[i].expr || c->columns[i].kind == SILT_OUTPUT_IDENTITY)
            what = c->columns[i].label;
    if (!what) return SILT_OK;
    return silt_fail(u->w.err, SILT_UNSUPPORTED, "%s: upsert can't write a table with %s yet",
                     u->w.store->uri, what);
}

static silt_status check_columns(const upsert *u)
{
    const silt_change_spec *spec = u->w.spec;
    const silt_type *schema = spec->plan->schema;
    if (!spec->key_count) return silt_fail(u->w.err, SILT_INVALID, "upsert needs keys");
    for (size_t i = 0; i <= spec->key_count; i++) {
        const char *name = i < spec->key_count ? spec->keys[i] : spec->newest_by;
        if (!name || silt_type_find(schema, name) >= 0) continue;
        silt_status st = silt_fail(u->w.err, SILT_INVALID, "%s: there is no column %s",
                                   i < spec->key_count ? "keys" : "timestamp_col", name);
        return silt_hint(u->w.err, st, "column names are matched exactly");
    }
    SILT_TRY(check_plain(u));
    const silt_log_state *state = silt_snapshot_state(u->w.snapshot);
    if (silt_feature_append_only(&state->protocol, &state->metadata))
        return silt_fail(u->w.err, SILT_UNSUPPORTED,
                         "%s: the table is append-only (delta.appendOnly), upsert isn't allowed",
                         u->w.store->uri);
    if (silt_feature_change_data(&state->protocol, &state->metadata))
        return silt_fail(u->w.err, SILT_UNSUPPORTED,
                         "%s: the table has a change data feed, which upsert can't write yet",
                         u->w.store->uri);
    if (silt_feature_row_tracking(&state->protocol, &state->metadata))
        return silt_fail(u->w.err, SILT_UNSUPPORTED,
                         "%s: the table tracks its rows (delta.enableRowTracking), whose ids "
                         "upsert can't keep yet",
                         u->w.store->uri);
    return SILT_OK;
}

/* A scan of all columns, without files. */
static silt_status plan_scan(upsert *u)
{
    const silt_log_state *state = silt_snapshot_state(u->w.snapshot);
    const silt_scan_want all = {.limit = -1};
    silt_scan_plan_release(&u->scan);
    return silt_scan_plan_init(&u->scan, u->w.store, state->version, &state->metadata,
                               silt_snapshot_schema(u->w.snapshot), &all, u->w.in_dir, u->w.arena,
                               u->w.err);
}

/* How files of the table show the output columns; those that are new are in none of them. */
static silt_status target_columns(upsert *u, const silt_scan_column **out)
{
    const silt_source_plan *plan = u->w.spec->plan;
    SILT_TRY(plan_scan(u));
    const silt_scan_spec *scan = &u->scan.spec;
    silt_scan_column *columns = silt_arena_calloc(u->w.arena, plan->column_count, sizeof(*columns));
    if (!columns) return silt_fail_nomem(u->w.err);
    for (size_t i = 0; i < plan->column_count; i++) {
        const silt_output_column *c = &plan->columns[i];
        columns[i] = (silt_scan_column){
            .name = c->name, .type = c->type, .physical = {.name = c->name, .id = -1}};
        for (size_t k = 0; k < scan->column_count; k++)
            if (silt_streq(scan->columns[k].name, c->name)) columns[i] = scan->columns[k];
    }
    *out = columns;
    return SILT_OK;
}

/* ---- read, match */

static silt_status read_sources(upsert *u)
{
    const silt_change_spec *spec = u->w.spec;
    silt_join_spec merge = {.stage = silt_work_stage_spec(&u->w),
                            .keys = spec->keys,
                            .key_count = spec->key_count,
                            .newest_by = spec->newest_by,
                            .insert_only = spec->insert_only};
    SILT_TRY(target_columns(u, &merge.target));
    silt_engine *engine = u->w.engine;
    silt_status st =
        engine->ops->join_begin(engine, &merge, u->w.arena, &u->merge, &u->source, u->w.err);
    SILT_TRY(silt_work_after_read(&u->w, st));
    size_t count = source_files(&u->w);
    for (size_t i = 0; i < count; i++) {
        silt_source_counts *n = &u->w.counts[u->w.file_index[i]];
        n->read = u->source.read[i];
        n->deduplicated = u->source.deduplicated[i];
    }
    return SILT_OK;
}

static silt_status find_ranges(upsert *u)
{
    const silt_change_spec *spec = u->w.spec;
    const silt_type *schema = spec->plan->schema;
    u->ranges = silt_arena_calloc(u->w.arena, spec->key_count, sizeof(*u->ranges));
    if (!u->ranges) return silt_fail_nomem(u->w.err);
    for (size_t i = 0; i < spec->key_count; i++)
        u->ranges[i] =
            (silt_key_range){.column = spec->keys[i],
                             .type = schema->fields[silt_type_find(schema, spec->keys[i])].type,
                             .min = u->source.key_min[i],
                             .max = u->source.key_max[i],
                             .has_null = u->source.key_has_null[i]};
    return SILT_OK;
}

static silt_status match_target(upsert *u)
{
    silt_work *w = &u->w;
    size_t count = 0;
    silt_work_sum(w);
    if (w->facts.total.read)
        SILT_TRY(silt_snapshot_prune(w->snapshot, u->ranges, w->spec->key_count, w->arena,
                                     &u->candidates, &count, w->err));
    const size_t none = 0;
    SILT_TRY(plan_scan(u));
    SILT_TRY(
        silt_scan_plan_adds(&u->scan, w->snapshot, count ? u->candidates : &none, count, w->err));
    silt_status st = w->engine->ops->join_match(u->merge, u->scan.spec.files, count, w->arena,
                                                &u->match, w->err);
    if (st != SILT_OK) return silt_scan_missing(&u->scan, st, w->err);
    size_t sources = source_files(w);
    for (size_t i = 0; i < sources; i++) {
        silt_source_counts *n = &w->counts[w->file_index[i]];
        n->inserted = u->match.inserted[i];
        n->updated = u->match.updated[i];
        n->unchanged = u->match.unchanged[i];
    }
    silt_work_sum(w);
    return SILT_OK;
}

/* ---- write */

/* Which files are to be written anew, and how many rows these hold. */
static silt_status choose_files(upsert *u, int64_t *replaced)
{
    silt_work *w = &u->w;
    size_t count = u->scan.spec.file_count, add_count;
    const silt_add *adds;
    *replaced = 0;
    SILT_TRY(silt_snapshot_adds(w->snapshot, &adds, &add_count, w->err));
    u->rewrite = silt_arena_calloc(w->arena, count + 1, sizeof(*u->rewrite));
    u->removes = silt_arena_calloc(w->arena, count + 1, sizeof(*u->removes));
    if (!u->rewrite || !u->removes) return silt_fail_nomem(w->err);
    for (size_t i = 0; i < count; i++) {
        if (u->match.file_updates[i] <= 0) continue;
        const silt_bitmap *deleted = u->scan.spec.files[i].rows;
        int64_t rows = u->scan.spec.files[i].row_count;
        if (rows >= 0 && deleted) rows -= (int64_t)silt_bitmap_count(deleted);
        u->rewrite[i] = true;
        u->removes[u->remove_count++] = &adds[u->candidates[i]];
        *replaced += u->match.file_updates[i];
        u->removed_rows = rows < 0 || u->removed_rows < 0 ? -1 : u->removed_rows + rows;
    }
    w->facts.files_removed = (int64_t)u->remove_count;
    return SILT_OK;
}

static silt_status rewrite(upsert *u)
{
    silt_work *w = &u->w;
    int64_t replaced;
    SILT_TRY(choose_files(u, &replaced));
    silt_status st = w->engine->ops->join_write(u->merge, u->rewrite, w->arena, &u->staged, w->err);
    if (st != SILT_OK) return silt_scan_missing(&u->scan, st, w->err);
    const silt_source_counts *t = &w->facts.total;
    w->facts.rows_carried = u->removed_rows >= 0 ? u->removed_rows - replaced
                                                 : u->staged.row_count - t->inserted - t->updated;
    silt_conserved c = {.sources = w->counts,
                        .source_count = w->spec->sources->file_count,
                        .staged = &u->staged,
                        .removed_rows = u->removed_rows,
                        .replaced_rows = replaced,
                        .carried_rows = w->facts.rows_carried};
    SILT_TRY(silt_conserve(&c, w->err));
    return silt_work_publish(w, &u->staged);
}

/* ---- commit */

static void metric(silt_json_writer *w, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    silt_json_member_string(w, name, text);
}

static const char *metrics(const upsert *u)
{
    const silt_change_facts *f = &u->w.facts;
    int64_t bytes_removed = 0;
    for (size_t i = 0; i < u->remove_count; i++)
        bytes_removed += u->removes[i]->size_bytes;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    metric(&w, "numSourceRows", f->total.read);
    metric(&w, "numTargetRowsInserted", f->total.inserted);
    metric(&w, "numTargetRowsUpdated", f->total.updated);
    metric(&w, "numTargetRowsDeleted", 0);
    metric(&w, "numTargetRowsCopied", f->rows_carried);
    metric(&w, "numOutputRows", f->total.inserted + f->total.updated + f->rows_carried);
    metric(&w, "numTargetFilesAdded", f->files_added);
    metric(&w, "numTargetFilesRemoved", f->files_removed);
    metric(&w, "numTargetBytesAdded", f->bytes_added);
    metric(&w, "numTargetBytesRemoved", bytes_removed);
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, u->w.arena);
}

/* The predicates as Spark prints them for a MERGE of this kind. */
static const char *parameters(const upsert *u)
{
    SILT_CLEAN(silt_buf) on = {0}, buf = {0};
    for (size_t i = 0; i < u->w.spec->key_count; i++)
        silt_buf_printf(&on, "%s(target.`%s` <=> source.`%s`)", i ? " AND " : "",
                        u->w.spec->keys[i], u->w.spec->keys[i]);
    if (on.failed) return NULL;
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "predicate", on.data);
    silt_json_member_string(&w, "matchedPredicates", "[{\"actionType\":\"update\"}]");
    silt_json_member_string(&w, "notMatchedPredicates", "[{\"actionType\":\"insert\"}]");
    silt_json_member_string(&w, "notMatchedBySourcePredicates", "[]");
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, u->w.arena);
}

static silt_status commit(upsert *u, silt_txn_result *out, silt_snapshot **after)
{
    silt_txn_options txn = u->w.spec->txn;
    txn.operation = "MERGE";
    txn.operation_parameters = parameters(u);
    txn.operation_metrics = metrics(u);
    txn.read = SILT_READ_KEYS;
    txn.key_ranges = u->ranges;
    txn.key_range_count = u->w.spec->key_count;
    if (!u->w.facts.total.read) txn.read = SILT_READ_NOTHING; /* no row, no key */
    if (!txn.operation_parameters || !txn.operation_metrics) {
        silt_work_unpublish(&u->w);
        return silt_fail_nomem(u->w.err);
    }
    return silt_work_commit(&u->w, &txn, u->removes, u->remove_count, out, after);
}

static silt_status one_try(upsert *u, silt_change_result *out, silt_snapshot **after)
{
    SILT_TRY(silt_work_init(&u->w));
    SILT_TRY(check_columns(u));
    SILT_TRY(keep_order(&u->w));
    SILT_TRY(read_sources(u));
    SILT_TRY(find_ranges(u));
    SILT_TRY(match_target(u));
    SILT_TRY(rewrite(u));
    SILT_TRY(commit(u, &out->txn, after));
    out->facts = u->w.facts;
    return SILT_OK;
}

/* ---- tries */

/* Whether a conflict is ours to plan anew: nobody hooked in between, and the plan still fits the
 * table. */
static silt_status try_again(const silt_change_spec *spec, const silt_snapshot *planned_on,
                             silt_snapshot *last, int tries, int64_t started_ms,
                             silt_snapshot **fresh, bool *again, silt_error *err)
{
    const silt_commit_retry *retry = &spec->txn.retry;
    *again = false;
    if (spec->before_commit) return SILT_OK;
    if (retry->max_attempts && tries >= retry->max_attempts) return SILT_OK;
    if (retry->deadline_ms && silt_now_ms(spec->txn.clock) - started_ms >= retry->deadline_ms)
        return SILT_OK;
    SILT_AUTO(silt_snapshot) next = NULL;
    SILT_TRY(silt_snapshot_refresh(last, &next, err));
    const silt_metadata *was = &silt_snapshot_state(planned_on)->metadata;
    const silt_metadata *is = &silt_snapshot_state(next)->metadata;
    if (!silt_streq(was->schema_json, is->schema_json) || !silt_streq(was->id, is->id))
        return SILT_OK;
    *again = true;
    *fresh = SILT_TAKE(next);
    return SILT_OK;
}

silt_status silt_upsert(silt_snapshot *snapshot, const silt_change_spec *spec, silt_arena *arena,
                        silt_change_result *out, silt_snapshot **after, silt_bad_sources *bad,
                        silt_error *err)
{
    int64_t started_ms = silt_now_ms(spec->txn.clock);
    SILT_AUTO(silt_snapshot) fresh = NULL;
    for (int round = 0;; round++) {
        silt_snapshot *base = fresh ? fresh : snapshot;
        upsert u = {
            .w = {.snapshot = base, .spec = spec, .arena = arena, .err = err, .round = round}};
        silt_change_result result = {0};
        bool again = false;
        silt_snapshot *next = NULL;
        silt_status st = one_try(&u, &result, after);
        if (st == SILT_OK && result.txn.outcome == SILT_TXN_CONFLICT)
            st = try_again(spec, snapshot, base, round + 1, started_ms, &next, &again, err);
        if (st != SILT_OK) st = silt_work_give_bad(&u.w, st, bad);
        if (again) silt_work_unpublish(&u.w); /* a conflict: this can never be committed */
        if (u.merge) u.w.engine->ops->join_free(u.merge);
        silt_scan_plan_release(&u.scan);
        silt_work_release(&u.w);
        if (again) {
            silt_snapshot_free(fresh);
            fresh = next;
            continue;
        }
        if (st == SILT_OK) *out = result;
        return st;
    }
}
