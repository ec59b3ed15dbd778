/* Txn: one commit, tried until it stands or can't.
 *
 * Invariants
 *  (1) At most one version of the table ever holds this txn: a body is put for version N+1 only
 * after every body put before is known never to become its version (silt_log_put_commit said
 * CONFLICT). (2) What is put for version N+1 was checked against every commit after `base` up to N.
 *  (3) An app txn is written only where no commit up to N has its app id at this version or a
 * higher one, and none after `base` has its app id at all. (4) SILT_OK with COMMITTED: the version
 * holds exactly our actions. SILT_OK with another outcome, and every failure but UNSURE: no version
 * holds them, nor will. (5) The id is the same in every body, so that whoever reads the log can
 * tell that it is this txn. (6) A base that may be older than the log's cleanup is looked at anew
 * before the first put: a name that is free because its commit was cleaned up must not be taken. */
#include "table/txn.h"

#include <stdio.h>

#include "base/json.h"
#include "table/commit_info.h"
#include "table/conflict.h"
#include "table/data.h"
#include "table/files.h"

#define BACKOFF_MS_MAX INT64_C(1000)
#define STALE_US       (INT64_C(600) * 1000 * 1000) /* far below any retention of logs */

struct silt_txn {
    silt_arena *arena;
    silt_snapshot *base; /* borrowed; our own `nothing` for a new table */
    silt_snapshot *nothing;
    silt_snapshot *head; /* ours: what we were rebased onto; NULL: the base */
    silt_txn_options opts;
    SILT_VEC(silt_action) files; /* removes and adds */
    silt_action *actions;        /* of the commit, commitInfo first; once prepared */
    size_t action_count;
    silt_buf lines;                /* of the actions behind commitInfo */
    const silt_protocol *protocol; /* NULL: not set */
    const silt_metadata *metadata;
    SILT_VEC(silt_domain) domains;
    silt_map64 *removed; /* identities of removed files */
    silt_commit_totals totals;
    const char *metrics;
    bool rows_removed, committed;
    char id[SILT_UUID_SIZE];
};

/* The tries of one silt_txn_commit(). */
typedef struct trial {
    silt_txn *txn;
    silt_verdict verdict;
    silt_txn_result result;
    int64_t deadline_us, backoff_ms;
    char last_winner[192];
    silt_buf body;
} trial;

static void trial_release(trial *t)
{
    silt_buf_release(&t->body);
}

/* ---- making */

static silt_status txn_new(silt_snapshot *base, silt_snapshot *nothing,
                           const silt_txn_options *opts, silt_txn **out, silt_error *err)
{
    silt_txn *txn = calloc(1, sizeof(*txn));
    if (!txn) {
        silt_snapshot_free(nothing);
        return silt_fail_nomem(err);
    }
    txn->base = base;
    txn->nothing = nothing;
    txn->opts = *opts;
    if (!txn->opts.clock) txn->opts.clock = &silt_clock_system;
    if (!txn->opts.random) txn->opts.random = &silt_random_system;
    silt_uuid(txn->opts.random, txn->id);
    txn->arena = silt_arena_new();
    txn->removed = silt_map64_new();
    if (!txn->arena || !txn->removed) {
        silt_txn_free(txn);
        return silt_fail_nomem(err);
    }
    *out = txn;
    return SILT_OK;
}

static silt_status check_options(const silt_txn_options *opts, silt_error *err)
{
    SILT_TRY(silt_commit_options_check(opts, err));
    if (opts->app_id && (!*opts->app_id || opts->app_version < 0))
        return silt_fail(err, SILT_INVALID, "app txn (\"%s\", %" PRId64 ")", opts->app_id,
                         opts->app_version);
    if (opts->retry.max_attempts < 0 || opts->retry.backoff_ms < 0 || opts->retry.deadline_ms < 0)
        return silt_fail(err, SILT_INVALID, "commit retry: a number below 0");
    return SILT_OK;
}

silt_status silt_txn_new(silt_snapshot *base, const silt_txn_options *opts, silt_txn **out,
                         silt_error *err)
{
    SILT_TRY(check_options(opts, err));
    return txn_new(base, NULL, opts, out, err);
}

silt_status silt_txn_new_table(silt_store *store, silt_engine *engine, const silt_txn_options *opts,
                               silt_txn **out, silt_error *err)
{
    SILT_TRY(check_options(opts, err));
    silt_snapshot *nothing = NULL;
    SILT_TRY(silt_snapshot_nothing(store, engine, &nothing, err));
    return txn_new(nothing, nothing, opts, out, err);
}

void silt_txn_free(silt_txn *txn)
{
    if (!txn) return;
    silt_snapshot_free(txn->head);
    silt_snapshot_free(txn->nothing);
    silt_vec_free(&txn->files);
    silt_vec_free(&txn->domains);
    silt_map64_free(txn->removed);
    silt_buf_release(&txn->lines);
    silt_arena_free(txn->arena);
    free(txn);
}

const char *silt_txn_id(const silt_txn *txn)
{
    return txn->id;
}

/* ---- changes */

silt_status silt_txn_add(silt_txn *txn, const silt_add *add, silt_error *err)
{
    silt_action action = {.kind = SILT_ACTION_ADD};
    if (!silt_add_copy(add, txn->arena, &action.add)) return silt_fail_nomem(err);
    if (txn->opts.rearranges) action.add.data_change = false;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch || !silt_vec_push(&txn->files, action)) return silt_fail_nomem(err);
    silt_commit_totals *totals = &txn->totals;
    int64_t rows = silt_add_row_count(add, scratch);
    totals->files_added++;
    totals->bytes_added += add->size_bytes;
    totals->rows_added = rows < 0 || totals->rows_added < 0 ? -1 : totals->rows_added + rows;
    return SILT_OK;
}

/* The tombstone of a file. */
static silt_remove remove_of(const silt_add *add, bool data_change, int64_t now_ms)
{
    return (silt_remove){.path = add->path,
                         .deletion_time_ms = now_ms,
                         .data_change = data_change,
                         .extended_metadata = true,
                         .partition_values = add->partition_values,
                         .size_bytes = add->size_bytes,
                         .tags = add->tags,
                         .dv = add->dv,
                         .base_row_id = add->base_row_id,
                         .default_row_commit_version = add->default_row_commit_version};
}

silt_status silt_txn_remove(silt_txn *txn, const silt_add *file, bool data_change, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(txn->base);
    data_change = data_change && !txn->opts.rearranges;
    if (data_change && silt_feature_append_only(&state->protocol, &state->metadata)) {
        silt_fail(err, SILT_INVALID, "%s: the table is append-only (delta.appendOnly)",
                  silt_snapshot_store(txn->base)->uri);
        return silt_hint(err, SILT_INVALID,
                         "rows can be added only; set delta.appendOnly to false to change rows");
    }
    silt_add copy;
    if (!silt_add_copy(file, txn->arena, &copy)) return silt_fail_nomem(err);
    silt_action action = {.kind = SILT_ACTION_REMOVE,
                          .remove = remove_of(&copy, data_change, silt_now_ms(txn->opts.clock))};
    const char *id = silt_file_identity(copy.path, NULL, false, txn->arena);
    bool found = false;
    void **slot = id ? silt_map64_slot(txn->removed, id, strlen(id), &found) : NULL;
    if (found) return silt_fail(err, SILT_INVALID, "file %s is removed twice", copy.path);
    if (!slot || !silt_vec_push(&txn->files, action)) return silt_fail_nomem(err);
    *slot = txn; /* anything but NULL */
    txn->rows_removed |= data_change;
    txn->totals.files_removed++;
    txn->totals.bytes_removed += file->size_bytes;
    return SILT_OK;
}

silt_status silt_txn_set_metadata(silt_txn *txn, const silt_metadata *metadata, silt_error *err)
{
    silt_metadata *copy = silt_arena_calloc(txn->arena, 1, sizeof(*copy));
    if (!copy || !silt_metadata_copy(metadata, txn->arena, copy)) return silt_fail_nomem(err);
    txn->metadata = copy;
    return SILT_OK;
}

silt_status silt_txn_set_protocol(silt_txn *txn, const silt_protocol *protocol, silt_error *err)
{
    silt_protocol *copy = silt_arena_calloc(txn->arena, 1, sizeof(*copy));
    if (!copy || !silt_protocol_copy(protocol, txn->arena, copy)) return silt_fail_nomem(err);
    txn->protocol = copy;
    return SILT_OK;
}

silt_status silt_txn_set_domain(silt_txn *txn, const silt_domain *domain, silt_error *err)
{
    silt_domain copy;
    if (!silt_domain_copy(domain, txn->arena, &copy)) return silt_fail_nomem(err);
    for (size_t i = 0; i < txn->domains.count; i++) {
        if (strcmp(txn->domains.items[i].domain, copy.domain) != 0) continue;
        txn->domains.items[i] = copy;
        return SILT_OK;
    }
    return silt_vec_push(&txn->domains, copy) ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_txn_describe(silt_txn *txn, const char *silt_info, const char *operation_metrics,
                              silt_error *err)
{
    silt_txn_options opts = txn->opts;
    opts.silt_info = silt_info;
    opts.operation_metrics = operation_metrics;
    SILT_TRY(silt_commit_options_check(&opts, err));
    txn->opts = opts;
    return SILT_OK;
}

/* ---- before the first try */

/* Whether we may write such a table, as it is and as we make it. */
static silt_status check_features(const silt_txn *txn, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(txn->base);
    const char *uri = silt_snapshot_store(txn->base)->uri;
    bool exists = state->version >= 0;
    if (!exists && (!txn->protocol || !txn->metadata))
        return silt_fail(err, SILT_INVALID, "%s: a new table needs protocol and metadata", uri);
    silt_status st = SILT_OK;
    if (exists) st = silt_feature_check_write(&state->protocol, &state->metadata, err);
    if (st == SILT_OK && (txn->protocol || txn->metadata))
        st = silt_feature_check_write(txn->protocol ? txn->protocol : &state->protocol,
                                      txn->metadata ? txn->metadata : &state->metadata, err);
    /* Rows that are only added or only gone need no cdc files: readers of the feed see that by
     * themselves. */
    if (st == SILT_OK && exists && txn->rows_removed && txn->totals.files_added &&
        silt_feature_change_data(&state->protocol, &state->metadata))
        st = silt_fail(err, SILT_UNSUPPORTED,
                       "rows can't be rewritten while delta.enableChangeDataFeed is on");
    return st == SILT_OK ? st : silt_wrap(err, st, "%s", uri);
}

/* All actions in the order of the commit, and all lines but the first. */
static silt_status prepare(silt_txn *txn, silt_error *err)
{
    size_t count = 0;
    size_t most = txn->files.count + txn->domains.count + 4;
    silt_action *all = silt_arena_calloc(txn->arena, most, sizeof(*all));
    txn->metrics = silt_commit_metrics(txn->opts.operation, &txn->totals, txn->arena);
    if (!all || !txn->metrics) return silt_fail_nomem(err);
    all[count++] = (silt_action){.kind = SILT_ACTION_COMMIT_INFO,
                                 .commit_info = {.in_commit_timestamp_ms = -1}};
    if (txn->protocol)
        all[count++] = (silt_action){.kind = SILT_ACTION_PROTOCOL, .protocol = *txn->protocol};
    if (txn->metadata)
        all[count++] = (silt_action){.kind = SILT_ACTION_METADATA, .metadata = *txn->metadata};
    for (size_t i = 0; i < txn->domains.count; i++)
        all[count++] = (silt_action){.kind = SILT_ACTION_DOMAIN, .domain = txn->domains.items[i]};
    if (txn->opts.app_id)
        all[count++] = (silt_action){.kind = SILT_ACTION_APP_TXN,
                                     .app_txn = {txn->opts.app_id, txn->opts.app_version,
                                                 silt_now_ms(txn->opts.clock), NULL}};
    static const silt_action_kind order[] = {SILT_ACTION_REMOVE, SILT_ACTION_ADD};
    for (size_t o = 0; o < SILT_COUNT(order); o++)
        for (size_t i = 0; i < txn->files.count; i++)
            if (txn->files.items[i].kind == order[o]) all[count++] = txn->files.items[i];
    for (size_t i = 1; i < count; i++)
        silt_action_write(&all[i], &txn->lines);
    if (txn->lines.failed) return silt_fail_nomem(err);
    txn->actions = all;
    txn->action_count = count;
    return SILT_OK;
}

static silt_snapshot *newest(const silt_txn *txn)
{
    return txn->head ? txn->head : txn->base;
}

/* ---- others' commits */

static silt_status on_commit(void *ctx, int64_t version, const silt_action *actions, size_t count,
                             silt_error *err)
{
    trial *t = ctx;
    const silt_txn *txn = t->txn;
    const silt_log_state *base = silt_snapshot_state(txn->base);
    bool blind = txn->opts.rearranges && txn->opts.read != SILT_READ_LOG;
    silt_read_kind read = blind ? SILT_READ_NOTHING : txn->opts.read;
    silt_claim claim = {.txn_id = txn->id,
                        .app_id = txn->opts.app_id,
                        .read = read,
                        .key_ranges = txn->opts.key_ranges,
                        .key_range_count = txn->opts.key_range_count,
                        .removed = txn->removed,
                        .partition_columns = base->metadata.partition_columns};
    silt_commit_describe(version, actions, count, t->last_winner, sizeof(t->last_winner));
    SILT_TRY(silt_claim_check(&claim, version, actions, count, &t->verdict, &t->result, err));
    /* What it comes to is in the verdict; the status only ends the advance. */
    return t->verdict == SILT_VERDICT_FREE ? SILT_OK : SILT_CONFLICT;
}

static void gone(trial *t, int64_t version)
{
    t->verdict = SILT_VERDICT_CONFLICT;
    t->result.outcome = SILT_TXN_CONFLICT;
    t->result.version = version;
    snprintf(t->result.conflict, sizeof(t->result.conflict),
             "version %" PRId64 " came since and can't be read any more", version);
}

/* Move on over the commits of others, checking each. */
static silt_status rebase(trial *t, silt_error *err)
{
    silt_txn *txn = t->txn;
    silt_snapshot *next = NULL;
    int64_t before = silt_snapshot_version(newest(txn));
    if (before < 0) { /* a table that somebody else made */
        gone(t, 0);
        snprintf(t->result.conflict, sizeof(t->result.conflict),
                 "the table was created by another writer meanwhile");
        return SILT_OK;
    }
    silt_status st = silt_snapshot_advance(newest(txn), on_commit, t, &next, err);
    if (t->verdict != SILT_VERDICT_FREE) return SILT_OK;
    if (st != SILT_OK) return st;
    silt_snapshot_free(txn->head);
    txn->head = next;
    return SILT_OK;
}

/* Invariant (6): one listing, where the base is old. */
static silt_status freshen(trial *t, silt_error *err)
{
    silt_txn *txn = t->txn;
    silt_log_segment segment;
    int64_t version = silt_snapshot_version(txn->base);
    int64_t age_us = silt_now_us(txn->opts.clock) - silt_snapshot_checked_us(txn->base);
    if (version < 0 || (age_us >= -STALE_US && age_us < STALE_US)) return SILT_OK;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    silt_store *store = silt_snapshot_store(txn->base);
    SILT_TRY(silt_log_segment_load(store, SILT_LATEST, scratch, &segment, err));
    if (segment.version <= version) return SILT_OK;
    SILT_TRY(rebase(t, err));
    if (t->verdict == SILT_VERDICT_FREE && silt_snapshot_version(newest(txn)) < segment.version)
        gone(t, silt_snapshot_version(newest(txn)) + 1);
    return SILT_OK;
}

/* ---- tries */

static void event(const trial *t, int64_t version, const char *outcome)
{
    const silt_txn_options *opts = &t->txn->opts;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    if (!opts->event) return;
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "txn_id", t->txn->id);
    silt_json_member_int(&w, "version", version);
    silt_json_member_int(&w, "attempt", t->result.attempts);
    silt_json_member_string(&w, "outcome", outcome);
    silt_json_end_object(&w);
    if (!buf.failed) opts->event(opts->event_ctx, "commit_attempt", buf.data);
}

static const char *isolation(const silt_txn *txn)
{
    if (txn->opts.rearranges) return "SnapshotIsolation";
    const char *level = silt_snapshot_property(newest(txn), "delta.isolationLevel");
    return level && silt_streq(level, "Serializable") ? "Serializable" : "WriteSerializable";
}

static silt_status write_body(trial *t, silt_error *err)
{
    silt_txn *txn = t->txn;
    silt_commit_facts facts = {.timestamp_ms = silt_now_ms(txn->opts.clock),
                               .read_version = silt_snapshot_version(newest(txn)),
                               .attempts = t->result.attempts,
                               .isolation = isolation(txn),
                               .blind_append = txn->opts.read == SILT_READ_NOTHING &&
                                               !txn->opts.rearranges &&
                                               txn->totals.files_removed == 0,
                               .txn_id = txn->id};
    silt_buf_clear(&t->body);
    silt_commit_info_write(&txn->opts, txn->metrics, &facts, &t->body);
    silt_buf_append(&t->body, txn->lines.data, txn->lines.size);
    txn->actions[0].commit_info.timestamp_ms = facts.timestamp_ms;
    return t->body.failed ? silt_fail_nomem(err) : SILT_OK;
}

/* A random time, so that those who lost together don't come back together. False: no time is left.
 */
static bool wait_a_little(trial *t)
{
    const silt_txn_options *opts = &t->txn->opts;
    uint64_t bits;
    silt_random_fill(opts->random, &bits, sizeof(bits));
    int64_t left_ms = (t->deadline_us - silt_now_us(opts->clock)) / 1000;
    if (left_ms <= 0) return false;
    int64_t wait_ms = (int64_t)(bits % (uint64_t)(t->backoff_ms + 1));
    silt_sleep_ms(opts->clock, wait_ms < left_ms ? wait_ms : left_ms);
    t->backoff_ms = t->backoff_ms * 2 < BACKOFF_MS_MAX ? t->backoff_ms * 2 : BACKOFF_MS_MAX;
    return true;
}

/* One body, put until it is known whether it stands: OK, or CONFLICT (it never will), or a failure.
 */
static silt_status put(trial *t, silt_error *err)
{
    silt_store *store = silt_snapshot_store(t->txn->base);
    int64_t version = silt_snapshot_version(newest(t->txn)) + 1;
    t->result.attempts++;
    SILT_TRY(write_body(t, err));
    silt_status st;
    bool unsure = false; /* once it may be there, only OK and CONFLICT say what became of it */
    do {
        st = silt_log_put_commit(store, version, silt_buf_bytes(&t->body), err);
        unsure |= st == SILT_UNSURE;
        if (unsure && st != SILT_OK && st != SILT_CONFLICT) st = SILT_UNSURE;
    } while (st == SILT_UNSURE && wait_a_little(t));
    event(t, version, st == SILT_OK ? "committed" : silt_status_name(st));
    if (st == SILT_OK) t->result.version = version;
    return st == SILT_OK || st == SILT_CONFLICT ? st : silt_wrap(err, st, "%s", store->uri);
}

static silt_status give_up(const trial *t, silt_error *err)
{
    silt_fail(err, SILT_TIMEOUT,
              "%s: no commit after %d tries: others were first each time, last %s",
              silt_snapshot_store(t->txn->base)->uri, t->result.attempts, t->last_winner);
    return silt_hint(err, SILT_TIMEOUT, "nothing was changed; try again when fewer write at once");
}

/* Until the verdict isn't FREE, or the commit stands. */
static silt_status try_until(trial *t, silt_error *err)
{
    const silt_commit_retry *retry = &t->txn->opts.retry;
    while (t->verdict == SILT_VERDICT_FREE) {
        silt_status st = put(t, err);
        if (st == SILT_OK) {
            t->verdict = SILT_VERDICT_OURS;
            t->result.outcome = SILT_TXN_COMMITTED;
            return SILT_OK;
        }
        if (st != SILT_CONFLICT) return st;
        if (retry->max_attempts && t->result.attempts >= retry->max_attempts)
            return give_up(t, err);
        if (!wait_a_little(t)) return give_up(t, err);
        SILT_TRY(rebase(t, err));
    }
    return SILT_OK;
}

/* ---- the end */

/* The table as of our commit, and its .crc where the counts are known or cheap to know. Nothing
 * here can undo the commit, so nothing here fails it. */
static silt_snapshot *after(trial *t)
{
    silt_txn *txn = t->txn;
    silt_snapshot *from = newest(txn), *next = NULL;
    int64_t files, bytes;
    if (silt_snapshot_version(from) + 1 != t->result.version) return NULL;
    if (silt_snapshot_state(from)->file_count < 0 && silt_snapshot_is_small(from))
        (void)!silt_snapshot_size(from, &files, &bytes, NULL);
    if (silt_snapshot_committed(from, txn->actions, txn->action_count, (int64_t)t->body.size,
                                silt_now_us(txn->opts.clock), &next, NULL) != SILT_OK)
        return NULL;
    const silt_log_state *state = silt_snapshot_state(next);
    if (state->file_count >= 0 && state->size_bytes >= 0)
        (void)silt_log_crc_write(silt_snapshot_store(next), state, txn->id, NULL);
    return next;
}

silt_status silt_txn_commit(silt_txn *txn, silt_txn_result *out, silt_snapshot **snapshot,
                            silt_error *err)
{
    const silt_txn_options *opts = &txn->opts;
    SILT_CLEAN(trial)
    t = {.txn = txn,
         .deadline_us = silt_now_us(opts->clock) + opts->retry.deadline_ms * 1000,
         .backoff_ms = opts->retry.backoff_ms};
    if (txn->committed) return silt_fail(err, SILT_INVALID, "a txn is committed once");
    SILT_TRY(check_features(txn, err));
    SILT_TRY(prepare(txn, err));
    txn->committed = true;
    memcpy(t.result.txn_id, txn->id, sizeof(txn->id));

    int64_t seen = opts->app_id ? silt_snapshot_app_version(txn->base, opts->app_id) : -1;
    if (opts->app_id && seen >= opts->app_version) {
        t.verdict = SILT_VERDICT_APP_MOVED;
        t.result.outcome = SILT_TXN_APP_MOVED;
        t.result.version = silt_snapshot_version(txn->base);
        t.result.app_version_seen = seen;
        snprintf(t.result.conflict, sizeof(t.result.conflict),
                 "the table has app txn (%.200s, %" PRId64 ") already", opts->app_id, seen);
    }
    if (t.verdict == SILT_VERDICT_FREE) SILT_TRY(freshen(&t, err));
    SILT_TRY(try_until(&t, err));
    silt_snapshot *next = t.result.outcome == SILT_TXN_COMMITTED ? after(&t) : NULL;
    if (snapshot)
        *snapshot = next;
    else
        silt_snapshot_free(next);
    *out = t.result;
    if (err) *err = (silt_error){0}; /* of tries that others won */
    return SILT_OK;
}
