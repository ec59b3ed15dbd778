/* One batch, from its intent to its record.
 *
 * Invariants (docs/exactly-once.md, "A batch")
 *  (1) Files are promised to batch N by a tracker commit before anything of it is written.
 *  (2) Ledger N stands before the commit of batch N is tried; both bear the same attempt.
 *  (3) A batch that is given up is fenced before its files wait again.
 *  (4) The tracker says "completed" only after the target's log does. */
#include "load/batch.h"

#include <stdio.h>

#include "base/json.h"
#include "load/feed.h"
#include "load/history.h"
#include "load/lanes.h"
#include "load/recover.h"
#include "load/rejects.h"

typedef struct batch {
    silt_load *load;
    silt_target *target;
    silt_candidates *candidates;
    silt_table_run *run;
    silt_arena *arena; /* of the batch */
    silt_source_file *files;
    const char **hashes; /* of versions of a table, by file; NULL: the files' are computed */
    const char *made;    /* folder of what was made of these; NULL: none */
    silt_ledger_file *ledger_files; /* once staged */
    silt_job job;
    char attempt[SILT_UUID_SIZE];
    char manifest[SILT_HASH_SIZE];
    const char *state_id; /* the tracker's */
    int64_t started_us;
    silt_ledger ledger;          /* once written; its texts are in the arena */
    bool ledger_taken;           /* by another attempt: N is spent */
    silt_run_history_batch told; /* for the run history */
    silt_bad_source late;        /* a file that changed after it was discovered; why NULL: none */
} batch;

/* ---- files that fail */

static silt_status note_failure(batch *b, const char *path, const char *why, int64_t retry_count,
                                silt_error *err)
{
    const silt_run_failure failure = {
        .table_name = b->target->table->name,
        .file_path = silt_arena_strdup(b->run->arena, path),
        .message = silt_arena_strdup(b->run->arena, why),
        .retry_count = retry_count,
    };
    if (!failure.file_path || !failure.message || !silt_vec_push(&b->run->failures, failure))
        return silt_fail_nomem(err);
    b->run->sum.files_failed++;
    return SILT_OK;
}

/* A row for the tracker of a file as it is now. */
static silt_tracked tracked(const batch *b, const silt_found_file *file, silt_file_status status)
{
    const silt_tracked *old =
        silt_tracker_find(b->load->tracker, b->target->table->name, file->path);
    const int64_t now = silt_now_us(b->load->clock);
    silt_tracked row = old ? *old : (silt_tracked){.created_us = now, .start_us = -1};
    row.file_path = file->path;
    row.table_name = b->target->table->name;
    row.file_size = file->size_bytes;
    row.file_modified_us = file->mtime_ns / 1000;
    row.status = status;
    row.updated_us = now;
    row.end_us = -1;
    row.row_count = row.rejected_count = -1;
    if (!old) row.batch_id = -1;
    return row;
}

/* Files found unfit before they were promised to a batch. CONFLICT is fine: they are looked at
 * again. */
static silt_status record_unfit(batch *b, const silt_bad_sources *bad, silt_error *err)
{
    SILT_VEC(silt_tracked) rows = {0};
    silt_status st = SILT_OK;
    for (size_t i = 0; st == SILT_OK && i < bad->count; i++) {
        const silt_found_file *file = b->candidates->files[bad->items[i].index];
        silt_tracked row = tracked(b, file, SILT_FILE_FAILED);
        row.start_us = b->started_us;
        row.end_us = row.updated_us;
        row.retry_count++;
        row.error_message = bad->items[i].why;
        if (!silt_vec_push(&rows, row)) st = silt_fail_nomem(err);
    }
    const silt_tracker_change change = {
        .rows = rows.items, .row_count = rows.count, .operation = "FAIL"};
    if (st == SILT_OK) st = silt_load_track(b->load, &change, err);
    for (size_t i = 0; st == SILT_OK && i < rows.count; i++)
        st = note_failure(b, rows.items[i].file_path, rows.items[i].error_message,
                          rows.items[i].retry_count, err);
    silt_vec_free(&rows);
    return st == SILT_CONFLICT ? SILT_OK : st;
}

/* Give the batch up: fence it, record the guilty files, let the others wait again. */
static silt_status give_up(batch *b, const silt_bad_sources *bad, silt_error *err)
{
    silt_guilty *guilty = silt_arena_calloc(b->arena, bad->count + 1, sizeof(*guilty));
    if (!guilty) return silt_fail_nomem(err);
    for (size_t i = 0; i < bad->count; i++)
        guilty[i] = (silt_guilty){b->files[bad->items[i].index].name, bad->items[i].why};
    silt_status st =
        silt_give_up(b->load, b->target, b->job.number, b->attempt, guilty, bad->count, err);
    if (st == SILT_CONFLICT) return SILT_OK; /* decided by somebody else: settle and look again */
    for (size_t i = 0; st == SILT_OK && i < bad->count; i++) {
        const silt_tracked *row =
            silt_tracker_find(b->load->tracker, b->target->table->name, guilty[i].path);
        st = note_failure(b, guilty[i].path, guilty[i].why, row ? row->retry_count : 1, err);
    }
    return st;
}

/* After a failure which isn't the files' fault: leave nothing open, if that is still possible. */
static silt_status abandon(batch *b, silt_status why, silt_error *err)
{
    atomic_store(&b->load->deadline_us, 0); /* what is to be done yet has all the time it needs */
    b->run->out_of_time = why == SILT_TIMEOUT;
    if (why == SILT_INTERRUPTED && atomic_exchange(&b->load->timed_out, false)) {
        b->run->out_of_time = true;
        why = silt_fail(err, SILT_TIMEOUT,
                        "batch %" PRId64 " took longer than timeout_minutes (%" PRId64 " min)",
                        b->job.number, b->load->config->timeout_ms / 60000);
        silt_hint(err, why,
                  "raise timeout_minutes, or limit batches by batch.max_files or batch.max_bytes");
    }
    silt_error second = {0}; /* the first failure is the one to tell */
    const silt_bad_sources none = {0};
    silt_load_resume(b->load);
    (void)give_up(b, &none, &second);
    return why;
}

/* ---- intent */

static silt_status promise(batch *b, silt_error *err)
{
    SILT_VEC(silt_tracked) rows = {0};
    for (size_t i = 0; i < b->candidates->count; i++) {
        silt_tracked row = tracked(b, b->candidates->files[i], SILT_FILE_PROCESSING);
        int64_t crashes, files;
        silt_crashes_of(&row, &crashes, &files);
        if (!crashes) row.error_message = NULL;
        row.start_us = row.updated_us;
        row.batch_id = b->job.number;
        row.attempt_id = b->attempt;
        row.content_hash = NULL;
        if (!silt_vec_push(&rows, row)) {
            silt_vec_free(&rows);
            return silt_fail_nomem(err);
        }
    }
    const silt_tracker_change change = {
        .rows = rows.items,
        .row_count = rows.count,
        .app_id = b->target->app_id,
        .app_version = b->job.number,
        .operation = "INTENT",
    };
    silt_status st = silt_load_track(b->load, &change, err);
    silt_vec_free(&rows);
    return st;
}

/* ---- stage, ledger, commit */

static silt_status hash_files(batch *b, const silt_change_facts *facts, silt_error *err)
{
    size_t count = b->candidates->count;
    b->ledger_files = silt_arena_calloc(b->arena, count, sizeof(*b->ledger_files));
    if (!b->ledger_files) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const silt_found_file *file = b->candidates->files[i];
        char hash[SILT_HASH_SIZE];
        SILT_TRY(silt_load_check(b->load, err)); /* they may be large */
        silt_found_file now = *file;
        const char *local = silt_found_local(file);
        silt_status st = SILT_OK;
        if (file->made)
            memcpy(hash, b->hashes[i], sizeof(hash));
        else
            st = silt_content_hash(local, hash, err);
        if (st == SILT_OK && !file->made) st = silt_discover_stat(local, &now, err);
        if (st == SILT_OK && (now.size_bytes != file->size_bytes || now.mtime_ns != file->mtime_ns))
            st = silt_fail(err, SILT_CHANGED, "source file %s changed while it was loaded",
                           file->path);
        if (st == SILT_OK && file->hash && strcmp(file->hash, hash) != 0)
            st = silt_fail(err, SILT_CHANGED, "its hash is %s, and %s by the manifest", hash,
                           file->hash);
        if (st != SILT_OK)
            b->late = (silt_bad_source){i, st, silt_arena_strdup(b->arena, err->message)};
        if (st != SILT_OK) return st;
        b->ledger_files[i] = (silt_ledger_file){
            .path = file->path,
            .size_bytes = file->size_bytes,
            .mtime_ns = file->mtime_ns,
            .content_hash = silt_arena_strdup(b->arena, hash),
            .rows = facts->sources[i],
            .replaces = -1,
        };
        const silt_evidence *old = silt_candidates_replaced(b->candidates, file->path);
        if (old) b->ledger_files[i].replaces = old->batch_id;
        if (!b->ledger_files[i].content_hash) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

/* The last word before the commit: the lock is ours, and the ledger says of what the batch is. The
 * runner calls it, when the lane has left. */
static silt_status before_commit(void *ctx, const silt_change_facts *facts, const char *txn_id,
                                 silt_error *err)
{
    batch *b = ctx;
    (void)txn_id;
    SILT_TRY(silt_load_check(b->load, err));
    if (silt_now_us(b->load->clock) > atomic_load(&b->load->deadline_us)) {
        atomic_store(&b->load->timed_out, true); /* queries that were short each */
        return silt_fail(err, SILT_INTERRUPTED, "the batch took too long");
    }
    SILT_TRY(hash_files(b, facts, err));
    const char *rejects = NULL;
    if (facts->rejects_path)
        SILT_TRY(silt_rejects_stage(b->load, b->target, b->job.number, b->attempt,
                                    facts->rejects_path, b->arena, &rejects, err));
    const char *table_id = NULL; /* the target's own goes with the snapshot of before the commit */
    if (b->target->id && !(table_id = silt_arena_strdup(b->arena, b->target->id)))
        return silt_fail_nomem(err);
    b->ledger = (silt_ledger){
        .kind = b->candidates->replaced_count ? SILT_LEDGER_RELOAD : SILT_LEDGER_DATA,
        .app_id = b->target->app_id,
        .number = b->job.number,
        .previous = b->target->app_version,
        .attempt = b->attempt,
        .run_id = b->load->run_id,
        .state_id = b->state_id,
        .table_id = table_id,
        .manifest = b->manifest,
        .created_us = silt_now_us(b->load->clock),
        .rows_more = facts->rows_more,
        .files = b->ledger_files,
        .file_count = b->candidates->count,
        .rejects = rejects,
        .reject_rows = facts->rejects_rows,
    };
    silt_ledger taken;
    silt_status st = silt_ledger_write(b->target->store, &b->ledger, b->arena, &taken, err);
    b->ledger_taken = st == SILT_EXISTS;
    return st;
}

/* A summary for people who look at the table's history; the ledger has the rest. */
static const char *silt_info(void *ctx, const silt_change_facts *facts, silt_arena *arena)
{
    const batch *b = ctx;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "stateId", b->state_id);
    silt_json_member_string(&w, "runId", b->load->run_id);
    silt_json_member_int(&w, "batchId", b->job.number);
    silt_json_member_string(&w, "attemptId", b->attempt);
    silt_json_member_string(&w, "manifest", b->manifest);
    silt_json_member_int(&w, "sourceFiles", (int64_t)b->candidates->count);
    silt_json_member_int(&w, "rowsRead", facts->total.read);
    silt_json_member_int(&w, "rowsInserted", facts->total.inserted);
    silt_json_member_int(&w, "rowsUpdated", facts->total.updated);
    if (facts->total.deleted) silt_json_member_int(&w, "rowsDeleted", facts->total.deleted);
    if (facts->total.rejected) silt_json_member_int(&w, "rowsRejected", facts->total.rejected);
    silt_json_member_string(&w, "ledger", silt_ledger_key(b->target->app_id, b->job.number, arena));
    silt_json_end_object(&w);
    return buf.failed ? NULL : silt_buf_copy(&buf, arena);
}

static void job_event(void *ctx, const char *kind, const char *json)
{
    const batch *b = ctx;
    silt_load_event(b->load, kind, "%s", json);
}

/* ---- record */

static silt_status record(batch *b, const silt_change_result *result, silt_error *err)
{
    SILT_VEC(silt_tracked) rows = {0};
    for (size_t i = 0; i < b->candidates->count; i++) {
        silt_tracked row = tracked(b, b->candidates->files[i], SILT_FILE_COMPLETED);
        row.end_us = row.updated_us;
        row.error_message = NULL;
        row.row_count = result->facts.sources[i].read;
        row.rejected_count = result->facts.sources[i].rejected;
        row.content_hash = b->ledger_files[i].content_hash;
        if (!silt_vec_push(&rows, row)) {
            silt_vec_free(&rows);
            return silt_fail_nomem(err);
        }
    }
    SILT_CLEAN(silt_buf) last = {0};
    silt_tracker_put_last(b->load->tracker, &last, b->target->app_id);
    const silt_tracker_change change = {
        .rows = rows.items,
        .row_count = rows.count,
        .app_id = last.data,
        .app_version = b->job.number,
        .operation = "COMPLETE",
    };
    silt_status st = last.failed ? silt_fail_nomem(err) : silt_load_track(b->load, &change, err);
    silt_vec_free(&rows);
    return st == SILT_CONFLICT ? SILT_OK : st; /* then it is reconciled */
}

static void add_up(batch *b, const silt_change_result *result)
{
    silt_run_table *sum = &b->run->sum;
    sum->files_processed += (int64_t)b->candidates->count;
    sum->rows += result->facts.total.read;
    sum->rows_inserted += result->facts.total.inserted;
    sum->rows_updated += result->facts.total.updated;
    sum->rows_deleted += result->facts.total.deleted;
    sum->rows_unchanged += result->facts.total.unchanged;
    sum->rows_deduplicated += result->facts.total.deduplicated;
    sum->rows_rejected += result->facts.total.rejected;
    sum->batches++;
    sum->version = result->txn.version;
}

/* ---- the story */

/* The rows that the batch replaces: those of its files, of the batches that loaded them. */
static silt_status say_replaced(batch *b, silt_error *err)
{
    const silt_candidates *files = b->candidates;
    if (!files->replaced_count) return SILT_OK;
    silt_evidence *items = silt_arena_calloc(b->arena, files->count, sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    for (size_t i = 0; i < files->count; i++)
        items[i] = *silt_candidates_replaced(files, files->files[i]->path);
    b->job.replaced = items;
    b->job.replaced_count = files->count;
    return SILT_OK;
}

/* What a version that can't be had says of those before it: nothing. */
static bool may_go_without(silt_status st)
{
    return st == SILT_BAD_DATA || st == SILT_NOT_FOUND || st == SILT_UNSUPPORTED ||
           st == SILT_CORRUPT || st == SILT_INVALID;
}

static silt_status make_version(batch *b, silt_feed_reader *reader, size_t i, silt_error *err)
{
    const silt_found_file *file = b->candidates->files[i];
    char *hash = silt_arena_alloc(b->arena, SILT_HASH_SIZE);
    char *path = silt_arena_printf(b->arena, "%s/%zu.parquet", b->made, i);
    if (!hash || !path) return silt_fail_nomem(err);
    b->files[i].local_path = path;
    b->hashes[i] = hash;
    SILT_TRY(silt_load_check(b->load, err));
    silt_lane_leave(b->load);
    silt_status st =
        silt_feed_make(reader, file->path, file->mtime_ns / 1000000, false, path, hash, err);
    silt_lane_enter(b->load);
    return st;
}

static silt_status make_folder(batch *b, silt_error *err)
{
    const char *name = b->made ? "" : silt_arena_printf(b->arena, "batch-%s", b->attempt);
    if (b->made) return SILT_OK;
    if (!name) return silt_fail_nomem(err);
    return silt_scratch_make(b->load->state, name, b->arena, &b->made, err);
}

/* The items of a JSON array, one a line. One that isn't whole is left to who looks at its head. */
static silt_status take_apart(batch *b, size_t i, silt_error *err)
{
    const silt_config_table *table = b->target->table;
    silt_error why = {0};
    if (table->source_format != SILT_FORMAT_NDJSON ||
        !silt_json_array_is(&table->source_options, b->files[i].local_path))
        return SILT_OK;
    SILT_TRY(make_folder(b, err));
    char *path = silt_arena_printf(b->arena, "%s/%zu.ndjson", b->made, i);
    if (!path) return silt_fail_nomem(err);
    SILT_TRY(silt_load_check(b->load, err));
    silt_lane_leave(b->load);
    silt_status st = silt_json_array_split(&table->source_options, &b->files[i], path, &why);
    silt_lane_enter(b->load);
    if (st == SILT_OK || st == SILT_BAD_DATA || st == SILT_NOT_FOUND || st == SILT_CHANGED)
        return SILT_OK;
    return silt_fail(err, st, "%s", why.message);
}

/* Where the files' content is. The first version that can't be made ends the batch. */
static silt_status find_contents(batch *b, silt_error *err)
{
    size_t count = b->candidates->count;
    SILT_CLEAN(silt_feed_reader) reader = {.load = b->load, .table = b->target->table};
    b->files = silt_arena_calloc(b->arena, count, sizeof(*b->files));
    b->hashes = silt_arena_calloc(b->arena, count, sizeof(*b->hashes));
    if (!b->files || !b->hashes) return silt_fail_nomem(err);
    if (b->candidates->files[0]->made) SILT_TRY(make_folder(b, err));
    for (size_t i = 0; i < count; i++) {
        const silt_found_file *file = b->candidates->files[i];
        b->files[i] = (silt_source_file){silt_found_local(file), file->path};
        silt_status st = file->made ? make_version(b, &reader, i, err) : take_apart(b, i, err);
        if (st == SILT_OK) continue;
        if (!i || !file->made || !may_go_without(st))
            return silt_wrap(err, st, "table %s", b->target->table->name);
        *err = (silt_error){0};
        b->candidates->count = i;
        break;
    }
    return SILT_OK;
}

static silt_status batch_init(batch *b, silt_error *err)
{
    b->started_us = silt_now_us(b->load->clock);
    silt_uuid(b->load->random, b->attempt);
    SILT_TRY(find_contents(b, err));
    size_t count = b->candidates->count;
    memcpy(b->target->own_attempt, b->attempt, sizeof(b->attempt));
    b->state_id = silt_arena_strdup(b->arena, silt_tracker_state_id(b->load->tracker));
    silt_ledger_file *identities = silt_arena_calloc(b->arena, count, sizeof(*identities));
    if (!b->state_id || !identities) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const silt_found_file *file = b->candidates->files[i];
        identities[i] = (silt_ledger_file){
            .path = file->path, .size_bytes = file->size_bytes, .mtime_ns = file->mtime_ns};
    }
    b->job = (silt_job){
        .table = b->target->table,
        .target = b->target,
        .files = b->files,
        .file_count = count,
        .app_id = b->target->app_id,
        .number = silt_next_number(b->load, b->target),
        .attempt = b->attempt,
        .load_time_us = b->started_us,
        .before_commit = before_commit,
        .silt_info = silt_info,
        .event = job_event,
        .ctx = b,
        .clock = b->load->clock,
        .random = b->load->random,
    };
    SILT_TRY(say_replaced(b, err));
    return silt_ledger_manifest(identities, count, b->manifest, err);
}

static silt_status fail_crasher(batch *b, bool *done, silt_error *err)
{
    int64_t crashes = 0, files = 0;
    const silt_tracked *row =
        silt_tracker_find(b->load->tracker, b->target->table->name, b->candidates->files[0]->path);
    if (row) silt_crashes_of(row, &crashes, &files);
    /* Other batches are halved until they are of one file. */
    size_t count = b->candidates->count;
    bool whole = count == 1 || b->target->table->strategy == SILT_STRATEGY_OVERWRITE;
    *done = whole && files == (int64_t)count && crashes >= SILT_CRASHES_FAIL;
    if (!*done) return SILT_OK;
    silt_bad_source *bad = silt_arena_calloc(b->arena, count, sizeof(*bad));
    if (!bad) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        bad[i] =
            (silt_bad_source){i, SILT_BAD_DATA,
                              count == 1 ? "the loader crashed each time it loaded this file"
                                         : "the loader crashed each time it loaded these files"};
    return record_unfit(b, &(silt_bad_sources){bad, count}, err);
}

static bool is_files_fault(silt_status st, const silt_bad_sources *bad)
{
    return bad->count &&
           (st == SILT_BAD_DATA || st == SILT_CHANGED || st == SILT_NOT_FOUND || st == SILT_DENIED);
}

static silt_status follow(batch *b, const silt_txn_result *txn, silt_error *err)
{
    if (!b->target->ops->follow) return SILT_OK;
    if (b->target->version < txn->version) /* the commit's own answer didn't say what came of it */
        SILT_TRY(silt_target_refresh(b->load, b->target, err));
    return silt_target_follow(b->load, b->target, err);
}

static silt_status verify(batch *b, const silt_txn_result *txn, silt_error *err)
{
    silt_runner *runner = b->target->runner;
    silt_lane_leave(b->load);
    silt_status st = runner->ops->verify(runner, &b->job, txn, b->arena, err);
    silt_lane_enter(b->load);
    return st;
}

/* After the commit a request to stop waits until the tracker knows of it. */
static silt_status finish(batch *b, const silt_change_result *result, silt_error *err)
{
    silt_status st;
    do {
        silt_load_resume(b->load);
        st = verify(b, &result->txn, err);
        if (st == SILT_OK) st = follow(b, &result->txn, err);
        if (st == SILT_OK) st = silt_rejects_publish(b->load, b->target, &b->ledger, 1, err);
        if (st == SILT_OK) st = record(b, result, err);
    } while (st == SILT_INTERRUPTED);
    return st;
}

/* What is about to be loaded, for whoever shows progress. */
static void tell_start(const batch *b)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < b->candidates->count; i++)
        bytes += b->candidates->files[i]->size_bytes;
    char beside[96] = ""; /* what else is being loaded */
    silt_lane_batch(b->load, bytes);
    if (b->load->whole) {
        int64_t count, all;
        silt_lane_batches(b->load, &count, &all);
        snprintf(beside, sizeof(beside), ",\"beside\":%" PRId64 ",\"bytes_beside\":%" PRId64,
                 count ? count - 1 : 0, all - bytes);
    }
    silt_load_event(b->load, "batch_start",
                    "{\"table_name\":\"%s\",\"batch_id\":%" PRId64
                    ",\"files\":%zu,\"bytes\":%" PRId64 "%s}",
                    b->target->table->name, b->job.number, b->candidates->count, bytes, beside);
}

/* What the run history says of the batch, as long as it isn't known to be committed. */
static void note_tries(batch *b, silt_status st, const silt_change_result *result,
                       const silt_error *err)
{
    b->told = (silt_run_history_batch){.table = b->target->table,
                                       .number = b->job.number,
                                       .attempt = b->attempt,
                                       .outcome = SILT_RUN_FAILED,
                                       .files = (int64_t)b->candidates->count,
                                       .rows = -1,
                                       .version = -1,
                                       .tries = st == SILT_OK ? result->txn.attempts : -1,
                                       .started_us = b->started_us};
    if (st != SILT_OK)
        b->told.error = silt_arena_strdup(b->arena, err->message);
    else if (result->txn.outcome != SILT_TXN_COMMITTED)
        b->told.outcome =
            result->txn.outcome == SILT_TXN_CONFLICT ? SILT_RUN_CONFLICT : SILT_RUN_OVERTAKEN;
    if (st == SILT_OK && result->txn.outcome == SILT_TXN_CONFLICT)
        b->told.error = silt_arena_strdup(b->arena, result->txn.conflict);
    if (st == SILT_UNSURE) b->told.outcome = SILT_RUN_UNSURE;
}

static silt_status apply(batch *b, silt_change_result *result, silt_bad_sources *bad,
                         silt_error *err)
{
    silt_runner *runner = b->target->runner;
    silt_lane_leave(b->load);
    silt_status st = runner->ops->apply(runner, &b->job, b->arena, result, bad, err);
    silt_lane_enter(b->load);
    silt_lane_batch(b->load, 0);
    return st;
}

static void maintain(batch *b)
{
    silt_lane_leave(b->load);
    b->target->ops->maintain(b->load, b->target);
    silt_lane_enter(b->load);
}

/* From the promise to the record. */
static silt_status carry_out(batch *b, bool *committed, silt_error *err)
{
    silt_bad_sources bad = {0};
    silt_change_result result;
    silt_status st = promise(b, err);
    if (st != SILT_OK) return st == SILT_CONFLICT ? SILT_OK : st;
    tell_start(b);

    st = apply(b, &result, &bad, err);
    if (st != SILT_OK && b->late.why) bad = (silt_bad_sources){&b->late, 1};
    note_tries(b, st, &result, err);
    if (is_files_fault(st, &bad) || b->ledger_taken) return give_up(b, &bad, err);
    if (st != SILT_OK) return abandon(b, st, err);
    if (result.txn.outcome == SILT_TXN_APP_MOVED) return SILT_OK; /* decided: settle */
    if (result.txn.outcome == SILT_TXN_CONFLICT) {
        silt_load_message(b->load, "info", "table %s: %s; planning anew", b->target->table->name,
                          result.txn.conflict);
        return give_up(b, &bad, err);
    }
    *committed = true;
    b->told.outcome = SILT_RUN_COMMITTED;
    b->told.rows = result.facts.total.read;
    b->told.version = result.txn.version;
    add_up(b, &result);
    SILT_TRY(finish(b, &result, err));
    maintain(b);
    return SILT_OK;
}

/* Look at the files; make the target where there is none (`*made`). */
static silt_status prepare(batch *b, silt_bad_sources *bad, bool *made, silt_error *err)
{
    silt_runner *runner = b->target->runner;
    *made = false;
    silt_lane_leave(b->load);
    silt_status st = runner->ops->prepare(runner, &b->job, bad, b->arena, err);
    if (st == SILT_OK && !b->target->there) {
        *made = true;
        st = runner->ops->create(runner, &b->job, err);
    }
    silt_lane_enter(b->load);
    return st;
}

static silt_status run_batch(batch *b, bool *committed, silt_error *err)
{
    silt_load *load = b->load;
    bool crasher;
    SILT_TRY(fail_crasher(b, &crasher, err));
    if (crasher) return SILT_OK;
    SILT_TRY(silt_lane_take_share(load, err));
    SILT_TRY(batch_init(b, err));

    silt_bad_sources bad = {0};
    bool made;
    silt_status st = prepare(b, &bad, &made, err);
    if (!made && is_files_fault(st, &bad)) return record_unfit(b, &bad, err);
    if (st != SILT_OK || made) return st; /* settle sees it then, and the batch is planned on it */

    atomic_store(&load->deadline_us, b->started_us + load->config->timeout_ms * 1000);
    st = carry_out(b, committed, err);
    atomic_store(&load->deadline_us, 0);
    b->told.ended_us = silt_now_us(load->clock);
    if (b->told.attempt) silt_run_history_add_batch(load, &b->told);
    return st;
}

silt_status silt_batch_run(silt_load *load, silt_target *target, silt_candidates *candidates,
                           silt_table_run *run, bool *committed, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    batch b = {.load = load,
               .target = target,
               .candidates = candidates,
               .run = run,
               .arena = arena,
               .started_us = silt_now_us(load->clock)};
    *committed = false;
    silt_status st = run_batch(&b, committed, err);
    if (b.made) silt_scratch_remove(b.made);
    return st;
}
