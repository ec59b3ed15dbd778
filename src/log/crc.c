/* Version checksum files: the state of a table in one small object, written beside each commit.
 *
 * Invariants
 *  (1) What is taken from a .crc is what the commit of its version says: it names that commit's
 * txnId, and the same in-commit timestamp. (2) A .crc is a hint: whatever a crash leaves of it is
 * either whole or not trusted. (3) It is small, or not worth it: some writers put all files in. */
#include "log/state.h"

#include "base/json.h"

#define BYTES_MAX ((int64_t)16 * 1024 * 1024)

static bool is_count(const silt_json *json, const char *key, int64_t *out)
{
    *out = silt_json_int(silt_json_get(json, key), -1);
    return *out >= 0;
}

/* Lists that state_load relies on: app txns always, domains where the table can have some. */
static bool has_lists(const silt_json *json, const silt_protocol *protocol)
{
    if (silt_json_kind_of(silt_json_get(json, "setTransactions")) != SILT_JSON_ARRAY) return false;
    if (silt_json_kind_of(silt_json_get(json, "domainMetadata")) == SILT_JSON_ARRAY) return true;
    return !silt_names_have(protocol->writer_features, "domainMetadata");
}

static silt_status parse_lists(const silt_json *json, silt_arena *arena, silt_log_state *out,
                               silt_error *err)
{
    const silt_json *list = silt_json_get(json, "setTransactions");
    silt_app_txn *txns = silt_arena_calloc(arena, silt_json_count(list), sizeof(*txns));
    if (!txns) return silt_fail_nomem(err);
    for (silt_json_iter it = silt_json_iter_of(list); silt_json_next(&it); out->app_txn_count++)
        SILT_TRY(silt_app_txn_parse(it.value, arena, &txns[out->app_txn_count], err));
    out->app_txns = txns;

    list = silt_json_get(json, "domainMetadata");
    silt_domain *domains = silt_arena_calloc(arena, silt_json_count(list), sizeof(*domains));
    if (!domains) return silt_fail_nomem(err);
    for (silt_json_iter it = silt_json_iter_of(list); silt_json_next(&it);) {
        SILT_TRY(silt_domain_parse(it.value, arena, &domains[out->domain_count], err));
        if (!domains[out->domain_count].removed) out->domain_count++;
    }
    out->domains = domains;
    return SILT_OK;
}

/* CORRUPT: it isn't whole. */
static silt_status parse_crc(const silt_json *json, silt_arena *arena, silt_log_state *out,
                             silt_error *err)
{
    int64_t protocols, metadata;
    if (!is_count(json, "numFiles", &out->file_count) ||
        !is_count(json, "tableSizeBytes", &out->size_bytes) ||
        !is_count(json, "numProtocol", &protocols) || protocols != 1 ||
        !is_count(json, "numMetadata", &metadata) || metadata != 1)
        return silt_fail(err, SILT_CORRUPT, "counts are missing");
    SILT_TRY(silt_protocol_parse(silt_json_get(json, "protocol"), arena, &out->protocol, err));
    SILT_TRY(silt_metadata_parse(silt_json_get(json, "metadata"), arena, &out->metadata, err));
    if (!has_lists(json, &out->protocol)) return silt_fail(err, SILT_CORRUPT, "lists are missing");
    out->timestamp_ms = -1;
    if (silt_log_in_commit_timestamps(out))
        out->timestamp_ms = silt_json_int(silt_json_get(json, "inCommitTimestampOpt"), -1);
    return parse_lists(json, arena, out, err);
}

/* Statuses that say "not this .crc", rather than "something is wrong with the store". */
static bool is_no_answer(silt_status st)
{
    return st == SILT_NOT_FOUND || st == SILT_CORRUPT || st == SILT_UNSUPPORTED;
}

silt_status silt_log_crc_load(silt_store *store, int64_t version, silt_arena *arena, bool *trusted,
                              silt_log_state *out, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const char *key = scratch ? silt_log_crc_key(scratch, version) : NULL;
    silt_log_state state = {.version = version};
    silt_commit_info info;
    silt_bytes text;
    const silt_json *json;
    if (!key) return silt_fail_nomem(err);

    *trusted = false;
    silt_status st = store->ops->get(store, key, 0, BYTES_MAX + 1, scratch, &text, err);
    if (st == SILT_OK && text.size > BYTES_MAX) return SILT_OK;
    if (st == SILT_OK) st = silt_json_parse(text, arena, &json, err);
    if (st != SILT_OK) return is_no_answer(st) ? SILT_OK : st;
    const char *txn_id = silt_json_string(silt_json_get(json, "txnId"));
    if (!txn_id || !*txn_id) return SILT_OK; /* nobody can say which commit it belongs to */

    st = parse_crc(json, arena, &state, err);
    if (st == SILT_OK) st = silt_log_commit_info(store, version, scratch, &info, err);
    if (st != SILT_OK) return is_no_answer(st) ? SILT_OK : st;
    if (!silt_streq(info.txn_id, txn_id)) return SILT_OK;
    if (silt_log_in_commit_timestamps(&state) && state.timestamp_ms != info.in_commit_timestamp_ms)
        return SILT_OK;
    *out = state;
    *trusted = true;
    return SILT_OK;
}

/* ---- writing */

static void write_lists(const silt_log_state *state, silt_json_writer *w)
{
    silt_json_key(w, "setTransactions");
    silt_json_begin_array(w);
    for (size_t i = 0; i < state->app_txn_count; i++)
        silt_app_txn_write(&state->app_txns[i], w);
    silt_json_end_array(w);
    silt_json_key(w, "domainMetadata");
    silt_json_begin_array(w);
    for (size_t i = 0; i < state->domain_count; i++)
        silt_domain_write(&state->domains[i], w);
    silt_json_end_array(w);
}

static void write_crc(const silt_log_state *state, const char *txn_id, silt_buf *buf)
{
    silt_json_writer w = silt_json_writer_of(buf);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "txnId", txn_id);
    silt_json_member_int(&w, "tableSizeBytes", state->size_bytes);
    silt_json_member_int(&w, "numFiles", state->file_count);
    silt_json_member_int(&w, "numMetadata", 1);
    silt_json_member_int(&w, "numProtocol", 1);
    if (silt_log_in_commit_timestamps(state))
        silt_json_member_int(&w, "inCommitTimestampOpt", state->timestamp_ms);
    write_lists(state, &w);
    silt_json_key(&w, "metadata");
    silt_metadata_write(&state->metadata, &w);
    silt_json_key(&w, "protocol");
    silt_protocol_write(&state->protocol, &w);
    silt_json_end_object(&w);
    silt_buf_putc(buf, '\n');
}

silt_status silt_log_crc_write(silt_store *store, const silt_log_state *state, const char *txn_id,
                               silt_error *err)
{
    if (state->file_count < 0 || state->size_bytes < 0 || !txn_id || !*txn_id)
        return silt_fail(err, SILT_INVALID,
                         "version %" PRId64 ": a .crc needs a txnId and counts of files",
                         state->version);
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_CLEAN(silt_buf) buf = {0};
    const char *key = scratch ? silt_log_crc_key(scratch, state->version) : NULL;
    if (!key) return silt_fail_nomem(err);
    write_crc(state, txn_id, &buf);
    if (buf.failed) return silt_fail_nomem(err);
    silt_status st = store->ops->put_hint(store, key, silt_buf_bytes(&buf), err);
    return st == SILT_OK ? st : silt_wrap(err, st, "%s", key);
}
