/* An edit's tries: snapshot → rows found → files written → one commit; again on another snapshot
 * where others were in the way.
 *
 * Invariants
 *  (1) With an app txn, of its number one commit at most ever stands.
 *  (2) What a try has put is taken away again unless a commit names it or may (UNSURE). */
#include "ops/edit.h"

#include <stdio.h>

#include "log/dv.h"
#include "ops/change.h"
#include "ops/work.h"

/* ---- one try */

void silt_edit_end(silt_edit *e)
{
    silt_scan_plan_release(&e->scan);
    for (size_t i = 0; i < e->files.count; i++) {
        silt_bitmap_free(e->files.items[i].hit);
        silt_bitmap_free(e->files.items[i].gone);
        silt_bitmap_free(e->files.items[i].updated);
    }
    silt_vec_free(&e->files);
    silt_vec_free(&e->adds);
    silt_vec_free(&e->changes);
    silt_vec_free(&e->keys);
    silt_scratch_remove(e->scratch);
    silt_arena_free(e->arena);
}

/* Invariant (2). */
void silt_edit_take_back(silt_edit *e)
{
    for (size_t i = 0; i < e->keys.count; i++)
        (void)e->store->ops->remove(e->store, e->keys.items[i], NULL);
    if (e->half) (void)silt_attempt_clean(e->store, e->id, NULL);
}

silt_status silt_edit_begin(silt_edit *e)
{
    const silt_log_state *state = silt_snapshot_state(e->snapshot);
    e->store = silt_snapshot_store(e->snapshot);
    e->engine = silt_snapshot_engine(e->snapshot);
    e->state = state;
    e->schema = silt_snapshot_schema(e->snapshot);
    e->new_metadata = &state->metadata;
    e->new_schema = e->schema;
    e->arena = silt_arena_new();
    if (!e->arena) return silt_fail_nomem(e->err);
    if (!e->engine)
        return silt_fail(e->err, SILT_INVALID, "the snapshot was opened without an engine");
    SILT_TRY(silt_feature_check_write(&state->protocol, &state->metadata, e->err));
    e->feed = silt_feature_change_data(&state->protocol, &state->metadata);
    e->row_ids = silt_feature_row_tracking(&state->protocol, &state->metadata);
    e->vectors = silt_feature_deletion_vectors(&state->protocol, &state->metadata);
    e->materializes = silt_feature_supported(&state->protocol, "materializePartitionColumns");
    e->started_us = silt_now_us(NULL);
    if (e->id) return SILT_OK; /* lent, and the scratch folder with it */
    if (e->host) {
        e->id = e->host->attempt;
        return silt_work_scratch(e->store, e->id, e->arena, &e->scratch, e->err);
    }
    silt_uuid(&silt_random_system, e->own_id);
    e->id = e->own_id;
    if (e->opts->dry_run) return silt_scratch_temporary(e->id, e->arena, &e->scratch, e->err);
    return silt_scratch_make(e->store, e->id, e->arena, &e->scratch, e->err);
}

/* ---- the commit */

static const char *object(const silt_edit *e, void (*put)(const silt_edit *, silt_json_writer *))
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    put(e, &w);
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, e->arena);
}

static silt_status txn_options(const silt_edit *e, int64_t left_ms, silt_txn_options *out)
{
    *out = (silt_txn_options)SILT_TXN_OPTIONS_INIT;
    out->operation = e->op->name;
    out->operation_parameters = object(e, e->op->put_parameters);
    out->operation_metrics = object(e, e->op->put_metrics);
    if (!out->operation_parameters || !out->operation_metrics) return silt_fail_nomem(e->err);
    if (e->host)
        SILT_TRY(e->host->tell(e->host->ctx, e, out));
    else
        SILT_TRY(silt_commit_tell(e->commit, e->arena, out, e->err));
    out->ordering_keys = e->sorted_by;
    out->rearranges = e->op->rearranges;
    out->keeps_row_ids = true;
    out->read = e->where ? SILT_READ_WHERE : SILT_READ_TABLE;
    out->where = e->where;
    if (e->op->rearranges) out->read = SILT_READ_NOTHING;
    if (e->op->alone) out->read = SILT_READ_LOG;
    if (e->op->put_read) e->op->put_read(e, out);
    if (e->host) return SILT_OK;
    out->retry.deadline_ms = left_ms;
    if (out->retry.max_attempts) out->retry.max_attempts -= e->attempts_before;
    return SILT_OK;
}

/* The same file, of which more rows are gone. */
static silt_status add_marked(silt_edit *e, silt_txn *txn, const silt_edit_file *file,
                              const silt_dv *dv)
{
    silt_add add = *file->add;
    add.dv = dv;
    add.data_change = true;
    add.stats = silt_stats_loosen(add.stats, e->arena);
    if (!add.stats) return silt_fail_nomem(e->err);
    return silt_txn_add(txn, &add, e->err);
}

silt_status silt_edit_fill(silt_edit *e, silt_txn *txn)
{
    for (size_t i = 0; i < e->files.count; i++) {
        const silt_edit_file *file = &e->files.items[i];
        SILT_TRY(silt_txn_remove(txn, file->add, true, e->err));
        if (file->fate == SILT_EDIT_MARKED) SILT_TRY(add_marked(e, txn, file, &e->dvs[i]));
    }
    for (size_t i = 0; i < e->adds.count; i++)
        SILT_TRY(silt_txn_add(txn, &e->adds.items[i], e->err));
    for (size_t i = 0; i < e->changes.count; i++)
        SILT_TRY(silt_txn_cdc(txn, &e->changes.items[i], e->err));
    return e->more ? e->op->fill(e, txn) : SILT_OK;
}

static silt_status commit(silt_edit *e, int64_t left_ms, silt_txn_result *out,
                          silt_snapshot **after)
{
    silt_txn_options opts;
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(txn_options(e, left_ms, &opts));
    SILT_TRY(silt_txn_new(e->snapshot, &opts, &txn, e->err));
    SILT_TRY(silt_edit_fill(e, txn));
    if (e->host && e->host->before_commit)
        SILT_TRY(e->host->before_commit(e->host->ctx, e, silt_txn_id(txn)));
    return silt_txn_commit(txn, out, after, e->err);
}

/* What becomes of files and vectors, once it is known which are touched. */
void silt_edit_count(silt_edit *e)
{
    silt_edit_result *r = &e->result;
    for (size_t i = 0; i < e->files.count; i++) {
        const silt_edit_file *file = &e->files.items[i];
        bool marked = file->fate == SILT_EDIT_MARKED;
        r->vectors_removed += file->add->dv != NULL;
        r->vectors_added += marked;
        if (marked) continue;
        r->files_removed++;
        r->bytes_removed += file->add->size_bytes;
    }
}

/* Before the commit. An app txn is committed though there is nothing to change: it is done then. */
static silt_status prepare(silt_edit *e, bool *stop)
{
    SILT_TRY(silt_edit_begin(e));
    SILT_TRY(e->op->find(e));
    e->found_us = silt_now_us(NULL);
    silt_edit_count(e);
    *stop = true;
    e->result.outcome = e->opts->dry_run ? SILT_EDIT_DRY_RUN : SILT_EDIT_NOTHING;
    e->result.table_version = e->state->version;
    bool some = e->files.count || e->adds_rows;
    bool app_txn = e->host || e->commit->app_id;
    if (e->opts->dry_run || (!some && !e->more && !app_txn)) return SILT_OK;
    *stop = false;
    return some ? e->op->write(e) : SILT_OK;
}

/* ---- tries */

typedef struct tries {
    const silt_edit_op *op;
    const void *ctx;
    silt_edit_options opts;
    silt_commit_options commit;
    silt_snapshot *base;  /* borrowed */
    silt_snapshot *newer; /* ours; NULL: none */
    silt_snapshot *after;
    int64_t deadline_us;
    int attempts;
    silt_edit_result result;
    silt_error *err;
} tries;

static silt_snapshot *current(const tries *t)
{
    return t->newer ? t->newer : t->base;
}

static silt_status look_again(tries *t)
{
    silt_snapshot *next = NULL;
    SILT_TRY(silt_snapshot_refresh(current(t), &next, t->err));
    silt_snapshot_free(t->newer);
    t->newer = next;
    return SILT_OK;
}

/* Nothing is written: say what stands instead. */
static silt_status answer_done(tries *t)
{
    silt_once once;
    silt_edit_result result = {.attempts = t->attempts};
    SILT_TRY(silt_commit_once(&t->commit, current(t), &once, &result.committed_version, t->err));
    result.outcome = once == SILT_ONCE_DONE ? SILT_EDIT_ALREADY_DONE : SILT_EDIT_OVERTAKEN;
    result.table_version = silt_snapshot_version(current(t));
    t->result = result;
    t->after = SILT_TAKE(t->newer);
    return SILT_OK;
}

static silt_status conflict(const tries *t, const silt_txn_result *result)
{
    silt_fail(t->err, SILT_CONFLICT, "%s: %s", silt_snapshot_store(t->base)->uri, result->conflict);
    return silt_hint(t->err, SILT_CONFLICT,
                     "nothing was changed, though it was tried %d times; try again when fewer "
                     "write at once",
                     t->attempts);
}

/* What a commit that wasn't made comes to: `*again` where it is to be decided anew. */
static silt_status not_committed(tries *t, const silt_txn_result *result, bool *again)
{
    bool time_left = silt_now_us(NULL) < t->deadline_us;
    bool tries_left = !t->commit.max_attempts || t->attempts < t->commit.max_attempts;
    SILT_TRY(look_again(t));
    if (silt_commit_is_past(&t->commit, current(t))) return answer_done(t);
    if (!time_left || !tries_left) return conflict(t, result);
    *again = true;
    return SILT_OK;
}

static silt_status one_try(silt_edit *e, int64_t deadline_us, silt_txn_result *txn, bool *stop,
                           silt_snapshot **after)
{
    silt_status st = prepare(e, stop);
    int64_t left_ms = (deadline_us - silt_now_us(NULL)) / 1000;
    if (st == SILT_OK && *stop) return SILT_OK;
    /* A file is unsure, but the commit surely wasn't tried. */
    if (st == SILT_UNSURE) st = SILT_IO;
    if (st == SILT_OK) st = commit(e, left_ms > 1 ? left_ms : 1, txn, after);
    bool stands = st == SILT_OK && txn->outcome == SILT_TXN_COMMITTED;
    if (!stands && st != SILT_UNSURE) silt_edit_take_back(e);
    return st;
}

static silt_status try_once(tries *t, bool *again)
{
    silt_edit e = {.op = t->op,
                   .ctx = t->ctx,
                   .opts = &t->opts,
                   .commit = &t->commit,
                   .attempts_before = t->attempts,
                   .snapshot = current(t),
                   .err = t->err,
                   .result = {.committed_version = -1}};
    silt_txn_result txn = {0};
    bool stop = false;
    *again = false;
    silt_status st = one_try(&e, t->deadline_us, &txn, &stop, &t->after);
    t->attempts += stop ? 0 : txn.attempts ? txn.attempts : 1;
    e.result.attempts = t->attempts;
    silt_edit_end(&e);
    if (st != SILT_OK) return st;
    t->result = e.result;
    if (stop) {
        t->after = SILT_TAKE(t->newer);
        return SILT_OK;
    }
    if (txn.outcome != SILT_TXN_COMMITTED) return not_committed(t, &txn, again);
    t->result.outcome = SILT_EDIT_COMMITTED;
    t->result.committed_version = t->result.table_version = txn.version;
    return SILT_OK;
}

static silt_status try_until(tries *t)
{
    bool again = true;
    if (silt_commit_is_past(&t->commit, current(t))) {
        SILT_TRY(look_again(t));
        return answer_done(t);
    }
    while (again)
        SILT_TRY(try_once(t, &again));
    if (t->result.outcome == SILT_EDIT_COMMITTED && t->after)
        (void)silt_table_maintain(t->after, NULL);
    return SILT_OK;
}

static silt_status take_options(const silt_edit_options *given, silt_edit_options *out,
                                silt_error *err)
{
    *out = (silt_edit_options)SILT_EDIT_OPTIONS_INIT;
    if (!given) return SILT_OK;
    if (given->struct_size < sizeof(*out))
        return silt_fail(err, SILT_INVALID, "silt_edit_options: struct_size is not set");
    *out = *given;
    if (out->rewrite_percent < 0 || out->rewrite_percent > 100)
        return silt_fail(err, SILT_INVALID, "rewrite_percent is %d: 0 to 100 is wanted",
                         out->rewrite_percent);
    if (out->target_file_bytes < 0)
        return silt_fail(err, SILT_INVALID, "target_file_bytes is below 0");
    return SILT_OK;
}

silt_status silt_edit_run(silt_snapshot *snapshot, const silt_edit_op *op, const void *ctx,
                          const silt_edit_options *opts, silt_edit_result *out,
                          silt_snapshot **after, silt_error *err)
{
    tries t = {.op = op, .ctx = ctx, .base = snapshot, .err = err};
    SILT_TRY(take_options(opts, &t.opts, err));
    SILT_TRY(silt_commit_take(t.opts.commit, &t.commit, err));
    t.deadline_us = silt_now_us(NULL) + t.commit.deadline_ms * 1000;
    silt_status st = try_until(&t);
    silt_snapshot_free(t.newer);
    if (st == SILT_OK) {
        *out = t.result;
        if (after) *after = SILT_TAKE(t.after);
        if (err) *err = (silt_error){0};
    }
    silt_snapshot_free(t.after);
    return st;
}

silt_status silt_edit_once(silt_snapshot *snapshot, const silt_edit_op *op, const void *ctx,
                           const silt_edit_host *host, silt_edit_result *out, silt_txn_result *txn,
                           silt_snapshot **after, silt_error *err)
{
    const silt_edit_options opts = SILT_EDIT_OPTIONS_INIT;
    silt_edit e = {.op = op,
                   .ctx = ctx,
                   .opts = &opts,
                   .host = host,
                   .snapshot = snapshot,
                   .err = err,
                   .result = {.committed_version = -1}};
    silt_txn_result result = {0};
    silt_snapshot *next = NULL;
    bool stop = false;
    silt_status st = one_try(&e, INT64_MAX, &result, &stop, &next);
    if (st == SILT_OK) {
        *out = e.result;
        *txn = result;
        if (after) *after = SILT_TAKE(next);
    }
    silt_snapshot_free(next);
    silt_edit_end(&e);
    return st;
}

/* ---- what operations say of themselves */

void silt_edit_metric(silt_json_writer *w, const char *name, int64_t value)
{
    char text[24];
    if (value < 0) return; /* not known */
    snprintf(text, sizeof(text), "%" PRId64, value);
    silt_json_member_string(w, name, text);
}

void silt_edit_put_predicate(const silt_edit *e, silt_json_writer *w)
{
    SILT_CLEAN(silt_buf) list = {0};
    silt_json_writer items = silt_json_writer_of(&list);
    silt_json_begin_array(&items);
    if (e->where_text) silt_json_put_string(&items, e->where_text);
    silt_json_end_array(&items);
    if (list.failed)
        w->buf->failed = true;
    else
        silt_json_member_string(w, "predicate", list.data);
}

void silt_edit_put_times(const silt_edit *e, silt_json_writer *w)
{
    int64_t now_us = silt_now_us(NULL);
    silt_edit_metric(w, "scanTimeMs", (e->found_us - e->started_us) / 1000);
    silt_edit_metric(w, "rewriteTimeMs", (now_us - e->found_us) / 1000);
    silt_edit_metric(w, "executionTimeMs", (now_us - e->started_us) / 1000);
}

void silt_edit_put_shared(const silt_edit *e, silt_json_writer *w)
{
    const silt_edit_result *r = &e->result;
    silt_edit_metric(w, "numRemovedFiles", r->files_removed);
    silt_edit_metric(w, "numRemovedBytes", r->bytes_removed);
    silt_edit_metric(w, "numAddedFiles", r->files_added);
    silt_edit_metric(w, "numAddedBytes", r->bytes_added);
    silt_edit_metric(w, "numCopiedRows", r->rows_copied);
    silt_edit_metric(w, "numAddedChangeFiles", r->change_files);
    silt_edit_metric(w, "numDeletionVectorsAdded", r->vectors_added);
    silt_edit_metric(w, "numDeletionVectorsRemoved", r->vectors_removed);
    silt_edit_metric(w, "numDeletionVectorsUpdated", 0);
    silt_edit_put_times(e, w);
}
