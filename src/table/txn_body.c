/* What a txn's commit says: its actions, and those parts of them that only the version decides.
 *
 * Invariants
 *  (1) Row ids are taken above the highest of the version that the try builds on, and
 * defaultRowCommitVersion is the version of the try. (2) inCommitTimestamp is later than that of
 * the version before; where in-commit timestamps are turned on, later than its file. (3) The
 * actions and the body say the same, so that the snapshot made of the actions is what readers get.
 * @see PROTOCOL.md, "Row Tracking", "In-Commit Timestamps" */
#include "table/txn_body.h"

#include "table/data.h"
#include "table/files.h"
#include "table/range.h"
#include "table/row_ids.h"

#define TIMESTAMPS_VERSION "delta.inCommitTimestampEnablementVersion"
#define TIMESTAMPS_MS      "delta.inCommitTimestampEnablementTimestamp"

static bool row_ids_on(const silt_txn *txn)
{
    return silt_feature_row_ids(silt_txn_protocol(txn), silt_txn_metadata(txn));
}

static bool timestamps_on(const silt_txn *txn)
{
    return silt_feature_in_commit_timestamps(silt_txn_protocol(txn), silt_txn_metadata(txn));
}

static bool were_timestamps_on(const silt_txn *txn)
{
    const silt_log_state *state = silt_snapshot_state(txn->base);
    return state->version >= 0 &&
           silt_feature_in_commit_timestamps(&state->protocol, &state->metadata);
}

/* The table has commits from before its commits are dated. */
static bool turns_timestamps_on(const silt_txn *txn)
{
    return txn->metadata && timestamps_on(txn) && !were_timestamps_on(txn) &&
           silt_snapshot_version(txn->base) >= 0;
}

static bool turns_row_tracking_on(const silt_txn *txn)
{
    const silt_log_state *state = silt_snapshot_state(txn->base);
    return txn->metadata && state->version >= 0 &&
           silt_feature_row_tracking(silt_txn_protocol(txn), txn->metadata) &&
           !silt_feature_row_tracking(&state->protocol, &state->metadata);
}

/* ---- prepare */

static silt_status fail_ids(const silt_add *add, const char *what, silt_error *err)
{
    return silt_fail(err, SILT_INVALID, "file %s: %s", add->path, what);
}

/* The ids of an add: given, those of the file that it replaces, or to be taken at each try. */
static silt_status note_ids(silt_txn *txn, size_t at, int64_t high, silt_arena *scratch,
                            silt_error *err)
{
    silt_add *add = &txn->actions[at].add;
    const char *id = silt_file_identity(add->path, NULL, false, scratch);
    if (!id) return silt_fail_nomem(err);
    const silt_touch *touch = silt_map64_get(txn->touched, id, strlen(id));
    if (add->base_row_id < 0 && touch && touch->removed && touch->removed->base_row_id >= 0) {
        add->base_row_id = touch->removed->base_row_id;
        add->default_row_commit_version = touch->removed->default_row_commit_version;
    }
    int64_t rows = silt_stats_row_count(add->stats, scratch);
    if (add->base_row_id < 0) {
        if (rows < 0)
            return fail_ids(add,
                            "its rows can't get row ids, for its statistics don't say how "
                            "many there are (numRecords)",
                            err);
        txn->fresh[txn->fresh_count] = at;
        txn->fresh_rows[txn->fresh_count++] = rows;
        return SILT_OK;
    }
    if (add->default_row_commit_version < 0)
        return fail_ids(add, "baseRowId without defaultRowCommitVersion", err);
    if (silt_snapshot_version(txn->base) >= 0 && !txn->opts.brings_row_ids)
        return add->base_row_id <= high
                   ? SILT_OK
                   : fail_ids(add, "its baseRowId was never given by this table", err);
    if (rows < 0) return fail_ids(add, "baseRowId, but no numRecords", err);
    int64_t last = add->base_row_id, base;
    SILT_TRY(silt_row_ids_take(&last, rows, &base, err));
    if (last - 1 > txn->given_high) txn->given_high = last - 1;
    return SILT_OK;
}

static silt_status note_all_ids(silt_txn *txn, silt_error *err)
{
    int64_t high;
    txn->given_high = -1;
    if (!row_ids_on(txn)) return SILT_OK;
    size_t adds = (size_t)txn->totals.files_added;
    txn->fresh = silt_arena_calloc(txn->arena, adds, sizeof(*txn->fresh));
    txn->fresh_rows = silt_arena_calloc(txn->arena, adds, sizeof(*txn->fresh_rows));
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!txn->fresh || !txn->fresh_rows || !scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_row_ids_high(silt_snapshot_state(txn->base), &high, err));
    for (size_t i = 0; i < txn->action_count; i++) {
        if (txn->actions[i].kind != SILT_ACTION_ADD) continue;
        silt_arena_reset(scratch);
        SILT_TRY(note_ids(txn, i, high, scratch, err));
    }
    if (!txn->fresh_count && txn->given_high < 0) return SILT_OK;
    txn->row_ids_at = txn->action_count;
    txn->actions[txn->action_count++] =
        (silt_action){.kind = SILT_ACTION_DOMAIN, .domain = {.domain = SILT_ROW_IDS_DOMAIN}};
    return SILT_OK;
}

static void put_files(silt_txn *txn, silt_action_kind kind)
{
    for (size_t i = 0; i < txn->files.count; i++)
        if (txn->files.items[i].kind == kind)
            txn->actions[txn->action_count++] = txn->files.items[i];
}

static void put_actions(silt_txn *txn)
{
    silt_action *all = txn->actions;
    size_t count = 0;
    all[count++] = (silt_action){.kind = SILT_ACTION_COMMIT_INFO,
                                 .commit_info = {.in_commit_timestamp_ms = -1}};
    if (txn->protocol)
        all[count++] = (silt_action){.kind = SILT_ACTION_PROTOCOL, .protocol = *txn->protocol};
    if (txn->metadata) {
        txn->metadata_at = count;
        all[count++] = (silt_action){.kind = SILT_ACTION_METADATA, .metadata = *txn->metadata};
    }
    for (size_t i = 0; i < txn->domains.count; i++)
        all[count++] = (silt_action){.kind = SILT_ACTION_DOMAIN, .domain = txn->domains.items[i]};
    if (txn->opts.app_id)
        all[count++] = (silt_action){.kind = SILT_ACTION_APP_TXN,
                                     .app_txn = {txn->opts.app_id, txn->opts.app_version,
                                                 silt_now_ms(txn->opts.clock), NULL}};
    if (txn->other_app)
        all[count++] = (silt_action){
            .kind = SILT_ACTION_APP_TXN,
            .app_txn = {txn->other_app, txn->other_version, silt_now_ms(txn->opts.clock), NULL}};
    txn->action_count = count;
    put_files(txn, SILT_ACTION_REMOVE);
    put_files(txn, SILT_ACTION_ADD);
    put_files(txn, SILT_ACTION_CDC);
}

static silt_status fingerprint(silt_txn *txn, silt_error *err)
{
    const silt_type *schema = NULL;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    if (txn->metadata) {
        const char *json = txn->metadata->schema_json;
        SILT_TRY(silt_schema_parse(json, strlen(json), scratch, &schema, err));
    } else {
        schema = silt_snapshot_schema(txn->base);
    }
    return silt_schema_fingerprint(schema, txn->fingerprint) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status prepare_read_set(silt_txn *txn, silt_error *err)
{
    silt_mapping mapping;
    if (txn->opts.read == SILT_READ_KEYS)
        return silt_key_ranges_map(txn->base, txn->opts.key_ranges, txn->opts.key_range_count,
                                   txn->arena, &txn->key_ranges, &txn->partition_columns, err);
    if (txn->opts.read != SILT_READ_WHERE) return SILT_OK;
    const silt_type *schema = silt_snapshot_schema(txn->base);
    const silt_metadata *metadata = &silt_snapshot_state(txn->base)->metadata;
    SILT_TRY(silt_mapping_of(metadata, schema, txn->arena, &mapping, err));
    txn->moved = silt_map64_new();
    if (!txn->moved) return silt_fail_nomem(err);
    return silt_skip_new(txn->opts.where, schema, &mapping, txn->arena, &txn->where, err);
}

static silt_status write_lines(silt_txn *txn, silt_error *err)
{
    silt_buf_clear(&txn->lines);
    for (size_t i = 1; i < txn->action_count; i++)
        silt_action_write(&txn->actions[i], &txn->lines);
    return txn->lines.failed ? silt_fail_nomem(err) : SILT_OK;
}

silt_status silt_txn_prepare(silt_txn *txn, silt_error *err)
{
    size_t most = txn->files.count + txn->domains.count + 6;
    txn->actions = silt_arena_calloc(txn->arena, most, sizeof(*txn->actions));
    txn->metrics = silt_commit_metrics(txn->opts.operation, &txn->totals, txn->arena);
    if (!txn->actions || !txn->metrics) return silt_fail_nomem(err);
    silt_engine *engine = silt_snapshot_engine(txn->base);
    if (!txn->opts.runtime.name && engine && engine->ops->profile)
        (void)engine->ops->profile(engine, &txn->opts.runtime);
    SILT_TRY(fingerprint(txn, err));
    SILT_TRY(prepare_read_set(txn, err));
    put_actions(txn);
    SILT_TRY(note_all_ids(txn, err));
    txn->stamped = txn->row_ids_at || turns_timestamps_on(txn) || turns_row_tracking_on(txn);
    return txn->stamped ? SILT_OK : write_lines(txn, err);
}

/* ---- each try */

/* When the commit before was made, as far as ours has to be later. */
static silt_status time_before(const silt_txn *txn, int64_t *out, silt_error *err)
{
    silt_snapshot *newest = silt_txn_newest(txn);
    const silt_log_state *state = silt_snapshot_state(newest);
    *out = state->timestamp_ms;
    if (were_timestamps_on(txn)) return SILT_OK;
    silt_object object;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const char *key = scratch ? silt_log_commit_key(scratch, state->version) : NULL;
    if (!key) return silt_fail_nomem(err);
    silt_store *store = silt_snapshot_store(newest);
    silt_status st = store->ops->head(store, key, scratch, &object, err);
    if (st == SILT_OK) *out = object.mtime_ns / 1000000;
    return st == SILT_NOT_FOUND ? SILT_OK : st; /* cleaned up: the time of its checkpoint */
}

static silt_status commit_time(const silt_txn *txn, int64_t now_ms, int64_t *out, silt_error *err)
{
    int64_t before;
    *out = -1;
    if (!timestamps_on(txn)) return SILT_OK;
    *out = now_ms;
    if (silt_snapshot_version(silt_txn_newest(txn)) < 0) return SILT_OK;
    SILT_TRY(time_before(txn, &before, err));
    if (before >= now_ms) *out = before + 1;
    return SILT_OK;
}

static silt_status stamp_row_ids(silt_txn *txn, int64_t version, silt_error *err)
{
    int64_t high;
    SILT_TRY(silt_row_ids_high(silt_snapshot_state(silt_txn_newest(txn)), &high, err));
    if (txn->given_high > high) high = txn->given_high;
    for (size_t i = 0; i < txn->fresh_count; i++) {
        silt_add *add = &txn->actions[txn->fresh[i]].add;
        SILT_TRY(silt_row_ids_take(&high, txn->fresh_rows[i], &add->base_row_id, err));
        add->default_row_commit_version = version;
    }
    silt_domain *domain = &txn->actions[txn->row_ids_at].domain;
    domain->configuration = silt_row_ids_configuration(high, txn->arena);
    return domain->configuration ? SILT_OK : silt_fail_nomem(err);
}

/* The properties that say since when commits are dated. */
static silt_status stamp_metadata(silt_txn *txn, int64_t version, int64_t ms, silt_error *err)
{
    silt_pairs from = txn->metadata->configuration;
    silt_pair *pairs = silt_arena_calloc(txn->arena, from.count + 2, sizeof(*pairs));
    const char *version_text = silt_arena_printf(txn->arena, "%" PRId64, version);
    const char *ms_text = silt_arena_printf(txn->arena, "%" PRId64, ms);
    size_t count = 0;
    if (!pairs || !version_text || !ms_text) return silt_fail_nomem(err);
    for (size_t i = 0; i < from.count; i++)
        if (!silt_streq(from.items[i].key, TIMESTAMPS_VERSION) &&
            !silt_streq(from.items[i].key, TIMESTAMPS_MS))
            pairs[count++] = from.items[i];
    pairs[count++] = (silt_pair){TIMESTAMPS_VERSION, version_text};
    pairs[count++] = (silt_pair){TIMESTAMPS_MS, ms_text};
    txn->actions[txn->metadata_at].metadata.configuration = (silt_pairs){pairs, count};
    return SILT_OK;
}

/* Files that we remove, or tell anew: these have their ids from us. */
static bool answers_for(void *ctx, const silt_add *add, bool *failed)
{
    const silt_txn *txn = ctx;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const char *id = scratch ? silt_file_identity(add->path, NULL, false, scratch) : NULL;
    *failed = !id;
    return id && silt_map64_get(txn->touched, id, strlen(id));
}

static silt_status stamp(silt_txn *txn, int64_t now_ms, silt_error *err)
{
    silt_commit_info *info = &txn->actions[0].commit_info;
    int64_t version = silt_snapshot_version(silt_txn_newest(txn)) + 1;
    info->timestamp_ms = now_ms;
    SILT_TRY(commit_time(txn, now_ms, &info->in_commit_timestamp_ms, err));
    if (!txn->stamped) return SILT_OK;
    if (txn->row_ids_at) SILT_TRY(stamp_row_ids(txn, version, err));
    if (turns_timestamps_on(txn))
        SILT_TRY(stamp_metadata(txn, version, info->in_commit_timestamp_ms, err));
    if (turns_row_tracking_on(txn))
        SILT_TRY(silt_row_ids_check(silt_txn_newest(txn), answers_for, txn, err));
    return write_lines(txn, err);
}

static const char *isolation_name(const silt_txn *txn)
{
    silt_isolation isolation = silt_txn_isolation(txn);
    if (isolation == SILT_SNAPSHOT_ISOLATION) return "SnapshotIsolation";
    return isolation == SILT_SERIALIZABLE ? "Serializable" : "WriteSerializable";
}

silt_status silt_txn_write_body(silt_txn *txn, int attempts, silt_buf *body, silt_error *err)
{
    SILT_TRY(stamp(txn, silt_now_ms(txn->opts.clock), err));
    const silt_commit_info *info = &txn->actions[0].commit_info;
    bool tracked = silt_feature_row_tracking(silt_txn_protocol(txn), silt_txn_metadata(txn));
    bool blind = txn->opts.read == SILT_READ_NOTHING && !txn->opts.rearranges &&
                 txn->totals.files_removed == 0;
    silt_commit_facts facts = {.timestamp_ms = info->timestamp_ms,
                               .in_commit_timestamp_ms = info->in_commit_timestamp_ms,
                               .read_version = silt_snapshot_version(silt_txn_newest(txn)),
                               .attempts = attempts,
                               .isolation = isolation_name(txn),
                               .blind_append = blind,
                               .row_tracking = tracked,
                               .row_ids_kept = !silt_txn_rewrites(txn) || txn->opts.keeps_row_ids,
                               .schema_fingerprint = txn->fingerprint,
                               .txn_id = txn->id};
    silt_buf_clear(body);
    silt_commit_info_write(&txn->opts, txn->metrics, &facts, body);
    silt_buf_append(body, txn->lines.data, txn->lines.size);
    return body->failed ? silt_fail_nomem(err) : SILT_OK;
}
