/* The commit of a write: once for each number of an app, and again after others'. */
#include "base/json.h"
#include "ops/write.h"

/* ---- app txns */

silt_status silt_write_look_again(silt_writing *wr)
{
    silt_snapshot *next = NULL;
    SILT_TRY(silt_snapshot_refresh(silt_write_current(wr), &next, wr->err));
    silt_snapshot_free(wr->newer);
    wr->newer = next;
    return SILT_OK;
}

silt_status silt_write_done(silt_writing *wr, bool *done)
{
    silt_snapshot *now = silt_write_current(wr);
    silt_write_result result = {0};
    silt_once once = SILT_ONCE_OPEN;
    if (now)
        SILT_TRY(silt_commit_once(&wr->commit, now, &once, &result.committed_version, wr->err));
    *done = once != SILT_ONCE_OPEN;
    if (!*done) return SILT_OK;
    result.outcome = once == SILT_ONCE_DONE ? SILT_WRITE_ALREADY_DONE : SILT_WRITE_OVERTAKEN;
    result.table_version = silt_snapshot_version(now);
    result.attempts = wr->result.attempts;
    wr->result = result;
    return SILT_OK;
}

/* ---- what a commit says of itself */

static const char *mode_name(const silt_writing *wr)
{
    switch (wr->opts.mode) {
    case SILT_WRITE_OVERWRITE:
        return "Overwrite";
    case SILT_WRITE_IGNORE:
        return "Ignore";
    case SILT_WRITE_ERROR:
        return "ErrorIfExists";
    default:
        return "Append";
    }
}

/* partitionBy is a JSON array within a string, as Spark has it. */
static const char *parameters(const silt_writing *wr)
{
    SILT_CLEAN(silt_buf) by = {0}, buf = {0};
    silt_json_writer list = silt_json_writer_of(&by), json = silt_json_writer_of(&buf);
    silt_names columns = wr->w.metadata->partition_columns;
    silt_json_begin_array(&list);
    for (size_t i = 0; i < columns.count; i++)
        silt_json_put_string(&list, columns.items[i]);
    silt_json_end_array(&list);
    if (by.failed) return NULL;
    silt_json_begin_object(&json);
    silt_json_member_string(&json, "mode", mode_name(wr));
    silt_json_member_string(&json, "partitionBy", by.data);
    if (wr->opts.where) silt_json_member_string(&json, "predicate", wr->opts.where);
    if (wr->opts.dynamic_partitions)
        silt_json_member_string(&json, "isDynamicPartitionOverwrite", "true");
    silt_json_end_object(&json);
    return silt_buf_copy(&buf, wr->arena);
}

static silt_status txn_options(silt_writing *wr, silt_txn_options *out)
{
    SILT_TRY(silt_write_txn_options(wr, out));
    out->operation = "WRITE";
    out->operation_parameters = parameters(wr);
    if (!out->operation_parameters) return silt_fail_nomem(wr->err);
    if (!silt_write_replaces(wr)) return SILT_OK;
    bool rewritten = wr->w.edit && wr->replacing.rewritten;
    out->read = wr->replaced ? SILT_READ_WHERE : SILT_READ_TABLE;
    out->where = wr->replaced;
    out->replaces_rows = !rewritten;
    out->keeps_row_ids = rewritten;
    return silt_write_replace_metrics(wr, &out->operation_metrics);
}

/* ---- tries */

static silt_status conflict(const silt_writing *wr, const char *what)
{
    (void)silt_fail(wr->err, SILT_CONFLICT, "%s: %s", wr->store->uri, what);
    return silt_hint(wr->err, SILT_CONFLICT, "nothing was written; try again");
}

/* Properties that say nothing of what rows may be, nor of how they have to be told. */
static bool is_harmless(const char *key)
{
    static const char *const harmless[] = {"silt.",
                                           "delta.targetFileSize",
                                           "delta.dataSkipping",
                                           "delta.parquet.compression.codec",
                                           "delta.checkpointInterval",
                                           "delta.checkpointRetentionDuration",
                                           "delta.logRetentionDuration",
                                           "delta.deletedFileRetentionDuration",
                                           "delta.enableExpiredLogCleanup",
                                           "delta.autoOptimize",
                                           "delta.tuneFileSizesForRewrites"};
    for (size_t i = 0; i < SILT_COUNT(harmless); i++)
        if (silt_starts_with(key, harmless[i])) return true;
    return false;
}

/* All that one has of these the other has, too. */
static bool has_all(silt_pairs of, silt_pairs in, bool strict)
{
    for (size_t i = 0; i < of.count; i++) {
        const char *key = of.items[i].key;
        if (!strict && is_harmless(key)) continue;
        if (!silt_streq(silt_pairs_get(in, key), of.items[i].value)) return false;
    }
    return true;
}

/* Whether what was staged for the base can go into the newer snapshot. */
static bool same_shape(const silt_writing *wr)
{
    const silt_metadata *a = &silt_snapshot_state(wr->base)->metadata;
    const silt_metadata *b = &silt_snapshot_state(wr->newer)->metadata;
    bool strict = wr->w.shape || wr->w.metadata_changes; /* or ours would undo theirs */
    if (!silt_streq(a->id, b->id) || !silt_streq(a->schema_json, b->schema_json)) return false;
    if (a->partition_columns.count != b->partition_columns.count) return false;
    for (size_t i = 0; i < a->partition_columns.count; i++)
        if (!silt_streq(a->partition_columns.items[i], b->partition_columns.items[i])) return false;
    return has_all(a->configuration, b->configuration, strict) &&
           has_all(b->configuration, a->configuration, strict);
}

/* After a try that didn't stand: what is to be replaced is looked for again. */
static silt_status try_again(silt_writing *wr, const silt_txn_result *r, bool *done)
{
    *done = false;
    silt_write_replace_end(wr, false);
    if (!wr->base) return conflict(wr, "another writer made the table first");
    SILT_TRY(silt_write_look_again(wr));
    SILT_TRY(silt_write_done(wr, done));
    if (*done) return SILT_OK;
    if (!same_shape(wr)) return conflict(wr, r->conflict);
    wr->w.snapshot = wr->newer;
    return silt_write_replaces(wr) ? silt_write_replace(wr) : SILT_OK;
}

static silt_status no_more(const silt_writing *wr, const silt_txn_result *r)
{
    silt_fail(wr->err, SILT_CONFLICT, "%s: others were first in each of %d tries: %s",
              wr->store->uri, wr->result.attempts, r->conflict);
    return silt_hint(wr->err, SILT_CONFLICT, "nothing was written; try again, or allow more tries");
}

static silt_status one_try(silt_writing *wr, silt_txn_result *r, silt_commit_retry *retry)
{
    silt_txn_options txn;
    SILT_TRY(txn_options(wr, &txn));
    *retry = txn.retry;
    if (txn.retry.max_attempts) txn.retry.max_attempts -= wr->result.attempts;
    SILT_TRY(silt_work_commit(&wr->w, &txn, wr->removes, wr->remove_count, r, &wr->after));
    wr->result.attempts += r->attempts;
    return SILT_OK;
}

static silt_status until_it_stands(silt_writing *wr, bool *done)
{
    int64_t started_ms = silt_now_ms(NULL);
    for (;;) {
        silt_commit_retry retry;
        silt_txn_result r;
        SILT_TRY(one_try(wr, &r, &retry));
        if (r.outcome == SILT_TXN_COMMITTED) {
            wr->result.committed_version = wr->result.table_version = r.version;
            return SILT_OK;
        }
        bool late = silt_now_ms(NULL) - started_ms >= retry.deadline_ms;
        bool often = retry.max_attempts && wr->result.attempts >= retry.max_attempts;
        if (late || often) return no_more(wr, &r);
        SILT_TRY(try_again(wr, &r, done));
        if (*done) return SILT_OK;
    }
}

silt_status silt_write_commit(silt_writing *wr)
{
    bool done = false;
    silt_status st = until_it_stands(wr, &done);
    bool stands = st == SILT_OK && !done;
    /* UNSURE: only the log knows whether the files count. */
    if (!stands && st != SILT_UNSURE) silt_work_unpublish(&wr->w);
    if (stands) silt_write_give_replaced(wr);
    silt_write_replace_end(wr, stands || st == SILT_UNSURE);
    return st;
}
