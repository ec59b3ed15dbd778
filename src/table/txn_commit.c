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
#include <stdio.h>

#include "base/json.h"
#include "table/txn_body.h"

#define BACKOFF_MS_MAX INT64_C(1000)
#define STALE_US       (INT64_C(600) * 1000 * 1000) /* far below any retention of logs */

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

/* ---- others' commits */

static silt_status on_commit(void *ctx, int64_t version, const silt_action *actions, size_t count,
                             silt_error *err)
{
    trial *t = ctx;
    const silt_txn *txn = t->txn;
    silt_claim claim = {.txn_id = txn->id,
                        .app_id = txn->opts.app_id,
                        .read = txn->opts.read,
                        .isolation = silt_txn_isolation(txn),
                        .rearranges = txn->opts.rearranges,
                        .sets_metadata = txn->metadata != NULL,
                        .key_ranges = txn->key_ranges,
                        .key_range_count = txn->opts.key_range_count,
                        .where = txn->where,
                        .touched = txn->touched,
                        .domains = txn->domains.items,
                        .domain_count = txn->domains.count,
                        .partition_columns = txn->partition_columns,
                        .base = txn->base,
                        .moved = txn->moved};
    silt_commit_describe(version, actions, count, t->last_winner, sizeof(t->last_winner));
    SILT_TRY(silt_claim_check(&claim, version, actions, count, &t->verdict, &t->result, err));
    if (t->verdict == SILT_VERDICT_FREE && txn->moved)
        SILT_TRY(silt_claim_follow(txn->moved, actions, count, txn->arena, err));
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
    int64_t before = silt_snapshot_version(silt_txn_newest(txn));
    if (before < 0) { /* a table that somebody else made */
        gone(t, 0);
        snprintf(t->result.conflict, sizeof(t->result.conflict),
                 "the table was created by another writer meanwhile");
        return SILT_OK;
    }
    silt_status st = silt_snapshot_advance(silt_txn_newest(txn), on_commit, t, &next, err);
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
    if (t->verdict == SILT_VERDICT_FREE &&
        silt_snapshot_version(silt_txn_newest(txn)) < segment.version)
        gone(t, silt_snapshot_version(silt_txn_newest(txn)) + 1);
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
    int64_t version = silt_snapshot_version(silt_txn_newest(t->txn)) + 1;
    t->result.attempts++;
    SILT_TRY(silt_txn_write_body(t->txn, t->result.attempts, &t->body, err));
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
        bool last = retry->max_attempts && t->result.attempts >= retry->max_attempts;
        last = last || !wait_a_little(t);
        SILT_TRY(rebase(t, err)); /* the last time too: it says whether it can ever stand */
        if (last && t->verdict == SILT_VERDICT_FREE) return give_up(t, err);
    }
    return SILT_OK;
}

/* ---- the end */

/* The table as of our commit, and its .crc where the counts are known or cheap to know. Nothing
 * here can undo the commit, so nothing here fails it. */
static silt_snapshot *after(trial *t)
{
    silt_txn *txn = t->txn;
    silt_snapshot *from = silt_txn_newest(txn), *next = NULL;
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
    SILT_TRY(silt_txn_check(txn, err));
    SILT_TRY(silt_txn_prepare(txn, err));
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
    t.result.table_version = silt_snapshot_version(silt_txn_newest(txn));
    if (t.result.table_version < t.result.version) t.result.table_version = t.result.version;
    *out = t.result;
    if (err) *err = (silt_error){0}; /* of tries that others won */
    return SILT_OK;
}
