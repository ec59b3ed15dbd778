/* Replay: rejected rows once more, as they are now taken or as somebody has mended them, in batches
 * of their own with their own numbers and ledgers.
 *
 * Invariants
 *  (1) Rows come as rows of the file that they were rejected from.
 *  (2) Which rejects a batch brings is staged, and its ledger names it, before the commit is tried.
 *  (3) They are marked in the table of rejects before the tracker knows of the batch (rejects.c,
 *      recover.c), and a replay settles first: so none is brought twice. */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "load/batch.h"
#include "load/feed.h"
#include "load/recover.h"
#include "load/rejects.h"
#include "load/session.h"
#include "silt/upkeep.h"

#define BATCH_ROWS  10000              /* of a replay's batch */
#define FIXED_BYTES (64 * 1024 * 1024) /* of a file of mended rows */

typedef struct replaying {
    silt_load *load;
    const silt_replay_options *opts;
    silt_target target;
    silt_arena *arena;           /* of the call */
    silt_map64 *mended;          /* reject id → its row; NULL: as they are */
    const silt_reject_row *last; /* of the batch before; NULL: there was none */
    silt_replay_report *out;
    silt_error *err;
} replaying;

/* One batch. */
typedef struct one_batch {
    replaying *r;
    silt_arena *arena;
    const char *folder;
    silt_rejects rejects;    /* in order: by source file */
    silt_source_file *files; /* one for each of these */
    size_t *first;           /* by file: its first reject; one more at the end */
    size_t file_count;
    bool *bad; /* by reject: it is bad still */
    silt_config_table table;
    silt_config_feed feed; /* the table's, where rows of it may delete */
    silt_job job;
    char attempt[SILT_UUID_SIZE];
    int64_t replayed, still_bad;
    bool none;
} one_batch;

/* ---- mended rows */

static silt_status take_mended(replaying *r, silt_bytes line, int64_t number)
{
    const silt_json *object;
    silt_error why = {0};
    bool found;
    if (silt_json_parse(line, r->arena, &object, &why) != SILT_OK)
        return silt_fail(r->err, SILT_INVALID, "%s, line %" PRId64 ": %s", r->opts->file, number,
                         why.message);
    const char *id = silt_json_string(silt_json_get(object, "reject_id"));
    const silt_json *row = silt_json_get(object, "row_json");
    const char *text = silt_json_string(row);
    if (!text && silt_json_kind_of(row) == SILT_JSON_OBJECT) text = silt_json_text(row, r->arena);
    if (!id || !text) {
        silt_fail(r->err, SILT_INVALID, "%s, line %" PRId64 ": reject_id or row_json is missing",
                  r->opts->file, number);
        return silt_hint(r->err, SILT_INVALID,
                         "a line is {\"reject_id\": \"…\", \"row_json\": {\"column\": value, …}}");
    }
    void **slot = silt_map64_slot(r->mended, id, strlen(id), &found);
    if (!slot) return silt_fail_nomem(r->err);
    if (found)
        return silt_fail(r->err, SILT_INVALID, "%s, line %" PRId64 ": reject %s is there twice",
                         r->opts->file, number, id);
    *slot = (void *)(uintptr_t)text;
    return SILT_OK;
}

static silt_status read_mended(replaying *r)
{
    SILT_CLEAN(silt_buf) text = {0};
    char chunk[65536];
    if (!r->opts->file) return SILT_OK;
    r->mended = silt_map64_new();
    FILE *file = fopen(r->opts->file, "re");
    if (!file) return silt_fail_errno(r->err, errno, "%s", r->opts->file);
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0 && text.size <= FIXED_BYTES;)
        silt_buf_append(&text, chunk, n);
    fclose(file);
    if (!r->mended || text.failed) return silt_fail_nomem(r->err);
    if (text.size > FIXED_BYTES)
        return silt_fail(r->err, SILT_INVALID, "%s has more than %d MB; divide it", r->opts->file,
                         FIXED_BYTES >> 20);
    int64_t number = 1;
    for (size_t at = 0; at < text.size; number++) {
        size_t end = at;
        while (end < text.size && text.data[end] != '\n')
            end++;
        size_t blank = strspn(text.data + at, " \t\r\n");
        if (at + blank < end)
            SILT_TRY(take_mended(r, (silt_bytes){text.data + at, end - at}, number));
        at = end + 1;
    }
    return SILT_OK;
}

/* ---- the rows of a batch */

static silt_status write_file(one_batch *b, size_t from, size_t to, const char **path)
{
    *path = silt_arena_printf(b->arena, "%s/%zu.ndjson", b->folder, from);
    FILE *file = *path ? fopen(*path, "we") : NULL;
    if (!file) return silt_fail_errno(b->r->err, errno, "a file for rows to replay");
    bool ok = true;
    for (size_t i = from; i < to; i++)
        ok = ok && fputs(b->rejects.items[i].row_json, file) >= 0 && putc('\n', file) != EOF;
    ok = fclose(file) == 0 && ok;
    return ok ? SILT_OK : silt_fail_errno(b->r->err, errno, "%s", *path);
}

/* A file for each source file; a row a line. */
static silt_status write_files(one_batch *b)
{
    silt_rejects *all = &b->rejects;
    b->files = silt_arena_calloc(b->arena, all->count + 1, sizeof(*b->files));
    b->first = silt_arena_calloc(b->arena, all->count + 1, sizeof(*b->first));
    b->bad = silt_arena_calloc(b->arena, all->count + 1, sizeof(*b->bad));
    if (!b->files || !b->first || !b->bad) return silt_fail_nomem(b->r->err);
    for (size_t i = 0, to; i < all->count; i = to) {
        for (to = i + 1;
             to < all->count && silt_streq(all->items[to].source_file, all->items[i].source_file);)
            to++;
        const char *path;
        SILT_TRY(write_file(b, i, to, &path));
        b->first[b->file_count] = i;
        b->files[b->file_count++] = (silt_source_file){path, all->items[i].source_file};
    }
    b->first[b->file_count] = all->count;
    return SILT_OK;
}

/* ---- before the commit */

static silt_status mark_bad(one_batch *b, silt_bytes line)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_json *object;
    if (!scratch) return silt_fail_nomem(b->r->err);
    SILT_TRY(silt_json_parse(line, scratch, &object, b->r->err));
    const char *source = silt_json_string(silt_json_get(object, "source_file"));
    int64_t row = silt_json_int(silt_json_get(object, "row_number"), 0);
    for (size_t f = 0; f < b->file_count; f++) {
        if (!silt_streq(b->files[f].name, source) || row < 1) continue;
        size_t at = b->first[f] + (size_t)row - 1;
        if (at < b->first[f + 1]) b->bad[at] = true;
    }
    return SILT_OK;
}

static silt_status find_bad(one_batch *b, const char *path)
{
    SILT_FREE char *line = NULL;
    size_t room = 0;
    ssize_t size;
    silt_status st = SILT_OK;
    FILE *file = path ? fopen(path, "re") : NULL;
    if (path && !file) return silt_fail_errno(b->r->err, errno, "%s", path);
    while (file && st == SILT_OK && (size = getline(&line, &room, file)) > 0)
        st = mark_bad(b, (silt_bytes){line, (size_t)size});
    if (file) fclose(file);
    b->replayed = b->still_bad = 0;
    for (size_t i = 0; i < b->rejects.count; i++)
        b->bad[i] ? b->still_bad++ : b->replayed++;
    return st;
}

/* The ids of those that go in. */
static silt_status stage_ids(one_batch *b, const char **key)
{
    const char *path = silt_arena_printf(b->arena, "%s/ids.ndjson", b->folder);
    FILE *file = path ? fopen(path, "we") : NULL;
    bool ok = file != NULL;
    for (size_t i = 0; ok && i < b->rejects.count; i++)
        if (!b->bad[i]) ok = fprintf(file, "{\"reject_id\":\"%s\"}\n", b->rejects.items[i].id) > 0;
    if (file && fclose(file) != 0) ok = false;
    if (!ok) return silt_fail_errno(b->r->err, errno, "the list of replayed rows");
    return silt_rejects_stage(b->r->load, &b->r->target, b->job.number, b->attempt, path, b->arena,
                              key, b->r->err);
}

static silt_status write_ledger(one_batch *b, const silt_change_facts *facts, const char *ids)
{
    const silt_target *t = &b->r->target;
    silt_load *load = b->r->load;
    char manifest[SILT_HASH_SIZE];
    silt_ledger taken;
    silt_ledger_file *files = silt_arena_calloc(b->arena, b->file_count + 1, sizeof(*files));
    if (!files) return silt_fail_nomem(b->r->err);
    for (size_t f = 0; f < b->file_count; f++) {
        files[f] = (silt_ledger_file){.path = b->files[f].name, .rows = facts->sources[f]};
        files[f].rows.read -= files[f].rows.rejected;
        files[f].rows.rejected = 0;
    }
    SILT_TRY(silt_ledger_manifest(files, b->file_count, manifest, b->r->err));
    const silt_ledger ledger = {
        .kind = SILT_LEDGER_REPLAY,
        .app_id = t->app_id,
        .number = b->job.number,
        .previous = t->app_version,
        .attempt = b->attempt,
        .run_id = load->run_id,
        .state_id = silt_tracker_state_id(load->tracker),
        .table_id = t->id,
        .manifest = manifest,
        .created_us = silt_now_us(load->clock),
        .files = files,
        .file_count = b->file_count,
        .rejects = ids,
        .reject_rows = b->replayed,
    };
    return silt_ledger_write(t->store, &ledger, b->arena, &taken, b->r->err);
}

static silt_status before_commit(void *ctx, const silt_change_facts *facts, const char *txn_id,
                                 silt_error *err)
{
    one_batch *b = ctx;
    const char *ids;
    (void)txn_id;
    SILT_TRY(silt_load_check(b->r->load, err));
    SILT_TRY(find_bad(b, facts->rejects_path));
    b->none = b->replayed == 0;
    if (b->none || b->r->opts->dry_run) return silt_fail(err, SILT_FAILED, "nothing is committed");
    SILT_TRY(stage_ids(b, &ids));
    return write_ledger(b, facts, ids);
}

/* ---- a batch */

static void event(void *ctx, const char *kind, const char *json)
{
    silt_load_event(((one_batch *)ctx)->r->load, kind, "%s", json);
}

/* V + 1, or behind a ledger that something which was killed has left. */
static silt_status free_number(one_batch *b, int64_t *number)
{
    const silt_target *t = &b->r->target;
    silt_ledger ledger;
    silt_error why = {0};
    *number = silt_next_number(b->r->load, t);
    for (;; ++*number) {
        silt_status st = silt_ledger_read(t->store, t->app_id, *number, b->arena, &ledger, &why);
        if (st == SILT_NOT_FOUND) return SILT_OK;
        if (st != SILT_OK && st != SILT_CORRUPT) return silt_fail(b->r->err, st, "%s", why.message);
    }
}

/* The table's configuration, for rows as JSON whose fate is one's own. */
static silt_status make_job(one_batch *b)
{
    silt_target *t = &b->r->target;
    const silt_source_options given = t->table->source_options;
    b->table = *t->table;
    b->table.source_format = SILT_FORMAT_NDJSON;
    b->table.source_options = (silt_source_options){.date_format = given.date_format,
                                                    .timestamp_format = given.timestamp_format,
                                                    .decimal_separator = given.decimal_separator};
    if (b->table.strategy == SILT_STRATEGY_OVERWRITE) b->table.strategy = SILT_STRATEGY_APPEND;
    if (b->table.feed && silt_feed_can_delete(&b->table)) { /* rows may say whether they delete */
        b->feed = *b->table.feed;
        b->feed.on_change = SILT_SOURCE_CHANGE_APPLY;
        b->table.feed = &b->feed;
    }
    b->table.any_case = false;
    b->table.bad_rows.max = BATCH_ROWS;
    b->table.bad_rows.share = 1;
    if (b->table.bad_rows.on != SILT_BAD_ROW_RESCUE) b->table.bad_rows.on = SILT_BAD_ROW_QUARANTINE;
    b->job = (silt_job){.table = &b->table,
                        .target = t,
                        .files = b->files,
                        .file_count = b->file_count,
                        .app_id = t->app_id,
                        .attempt = b->attempt,
                        .load_time_us = silt_now_us(b->r->load->clock),
                        .before_commit = before_commit,
                        .event = event,
                        .ctx = b,
                        .clock = b->r->load->clock,
                        .random = b->r->load->random};
    return free_number(b, &b->job.number);
}

/* Where the commit may still happen, or others were first, its number is spent before anything of
 * it goes. */
static void discard(one_batch *b, silt_status st, const silt_change_result *result)
{
    silt_target *t = &b->r->target;
    silt_error harmless = {0};
    int64_t spent;
    if (st == SILT_UNSURE || (st == SILT_OK && result->txn.outcome == SILT_TXN_CONFLICT))
        (void)silt_fence(b->r->load, t, b->job.number, b->attempt, SILT_LEDGER_FENCE, &spent,
                         &harmless);
    else if (st != SILT_OK)
        t->ops->clean(b->r->load, t, b->attempt);
}

static silt_status apply(one_batch *b, silt_change_result *result)
{
    silt_target *t = &b->r->target;
    silt_runner *runner = t->runner;
    silt_bad_sources bad = {0};
    silt_error *err = b->r->err;
    silt_status st = runner->ops->prepare(runner, &b->job, &bad, b->arena, err);
    if (st == SILT_OK) st = runner->ops->apply(runner, &b->job, b->arena, result, &bad, err);
    discard(b, st, result);
    if (st == SILT_FAILED && (b->none || b->r->opts->dry_run)) return SILT_OK;
    if (st != SILT_OK && bad.count)
        return silt_wrap(err, st, "table %s: rejects of %s: %s", t->table->name,
                         b->files[bad.items[0].index].name, bad.items[0].why);
    if (st != SILT_OK) return silt_wrap(err, st, "table %s", t->table->name);
    if (result->txn.outcome == SILT_TXN_COMMITTED) return SILT_OK;
    return silt_fail(err, SILT_CONFLICT, "table %s: another process was faster; try again",
                     t->table->name);
}

/* Nothing is left out in silence. */
static silt_status check_mended(const replaying *r, const silt_rejects *found)
{
    size_t count = r->mended ? silt_map64_count(r->mended) : 0;
    if (!r->mended || found->mended == count) return SILT_OK;
    silt_fail(r->err, SILT_INVALID,
              "%s: of its %zu rows %zu are of rejects of table %s that are open", r->opts->file,
              count, found->mended, r->target.table->name);
    return silt_hint(r->err, SILT_INVALID,
                     "see them by: silt read %s --where \"status = 'open'\" --format json",
                     r->load->rejects_store->uri);
}

/* The next batch goes on behind it. */
static silt_status keep_last(replaying *r, const silt_reject_row *row)
{
    silt_reject_row *last = silt_arena_calloc(r->arena, 1, sizeof(*last));
    if (!last) return silt_fail_nomem(r->err);
    last->id = silt_arena_strdup(r->arena, row->id);
    last->source_file = silt_arena_strdup(r->arena, row->source_file);
    r->last = last;
    return last->id && last->source_file ? SILT_OK : silt_fail_nomem(r->err);
}

static silt_status carry_out(one_batch *b, bool *more)
{
    replaying *r = b->r;
    silt_change_result result = {0};
    silt_settled settled = {0};
    silt_uuid(r->load->random, b->attempt);
    SILT_TRY(silt_rejects_read(r->load, &r->target, r->opts->batch_id, r->opts->source, r->mended,
                               r->last, BATCH_ROWS, b->arena, &b->rejects, r->err));
    if (!r->last) {
        r->out->rows_unreadable = b->rejects.unreadable;
        SILT_TRY(check_mended(r, &b->rejects));
    }
    *more = b->rejects.count == BATCH_ROWS;
    if (!b->rejects.count) return SILT_OK;
    if (*more) SILT_TRY(keep_last(r, &b->rejects.items[BATCH_ROWS - 1]));
    SILT_TRY(silt_scratch_make(r->load->rejects_store, b->attempt, b->arena, &b->folder, r->err));
    SILT_TRY(write_files(b));
    SILT_TRY(make_job(b));
    SILT_TRY(apply(b, &result));
    r->out->rows_replayed += b->replayed;
    r->out->rows_still_bad += b->still_bad;
    if (b->none || r->opts->dry_run) return SILT_OK;
    r->out->batches++;
    r->out->batch_id = b->job.number;
    SILT_TRY(silt_settle(r->load, &r->target, &settled, r->err));
    r->out->version = r->target.version;
    return SILT_OK;
}

static silt_status one(replaying *r, bool *more)
{
    one_batch b = {.r = r, .arena = silt_arena_new()};
    if (!b.arena) return silt_fail_nomem(r->err);
    silt_status st = carry_out(&b, more);
    silt_scratch_remove(b.folder);
    silt_arena_free(b.arena);
    return st;
}

static silt_status replay(replaying *r, const silt_config_table *table)
{
    silt_settled settled = {0};
    SILT_TRY(read_mended(r));
    SILT_TRY(silt_target_open(r->load, table, &r->target, r->err));
    SILT_TRY(silt_settle(r->load, &r->target, &settled, r->err));
    if (!r->target.there)
        return silt_fail(r->err, SILT_NOT_FOUND, "table %s isn't there", table->name);
    r->out->version = r->target.version;
    for (bool more = true; more;)
        SILT_TRY(one(r, &more));
    return SILT_OK;
}

silt_status silt_pipeline_replay(silt_pipeline *pipeline, const silt_replay_options *opts,
                                 silt_arena *arena, silt_replay_report *out, silt_error *err)
{
    silt_load *load = silt_pipeline_load(pipeline);
    silt_replay_report report = {.batch_id = -1, .version = -1};
    replaying r = {.load = load, .opts = opts, .arena = arena, .out = &report, .err = err};
    silt_error local = {0};
    if (!err) r.err = err = &local;
    const silt_config_table *table = NULL;
    for (size_t i = 0; opts && opts->table && i < load->config->table_count; i++)
        if (silt_streq(load->config->tables[i].name, opts->table)) table = &load->config->tables[i];
    if (!table) return silt_fail(err, SILT_INVALID, "which table's rejects are to be replayed?");
    report.table_name = table->name;
    SILT_TRY(silt_session_begin(load, 0, false, err));
    silt_status st = replay(&r, table);
    if (r.target.table) silt_target_release(&r.target);
    if (r.mended) silt_map64_free(r.mended);
    silt_session_end(load);
    if (st == SILT_OK) *out = report;
    return st;
}
