/* Writing a checkpoint: the table's state and files in one Parquet file, which spares readers the
 * commits before.
 *
 * Invariants
 *  (1) A checkpoint adds up to its version; it is read back and counted before anybody may see it.
 *  (2) _last_checkpoint names a checkpoint that is there, and never an older one than it named.
 *      (Two writers at once may break the second half; readers find the newer one by listing.)
 *  (3) Nothing in here changes what the table holds. */
#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "base/seam.h"
#include "log/checkpoint_rows.h"
#include "log/property.h"
#include "log/state.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

/* Before which time something of that retention has expired; INT64_MIN: never. */
static int64_t expiry_ms(const silt_metadata *metadata, const char *property, int64_t fallback_ms,
                         int64_t now_ms)
{
    int64_t retention = silt_property_interval_ms(metadata, property, fallback_ms);
    return retention == INT64_MAX ? INT64_MIN : now_ms - retention;
}

/* One without a date stays: to forget an app txn would load its batch again. */
static bool is_live(const silt_app_txn *txn, int64_t expired_ms)
{
    return txn->last_updated_ms < 0 || txn->last_updated_ms > expired_ms;
}

static silt_status live_txns(const silt_log_state *state, int64_t now_ms, silt_arena *arena,
                             silt_log_checkpoint_content *out, silt_error *err)
{
    int64_t expired_ms =
        expiry_ms(&state->metadata, "delta.setTransactionRetentionDuration", INT64_MAX, now_ms);
    silt_app_txn *txns = silt_arena_calloc(arena, state->app_txn_count, sizeof(*txns));
    if (!txns) return silt_fail_nomem(err);
    out->app_txns = txns;
    for (size_t i = 0; i < state->app_txn_count; i++)
        if (is_live(&state->app_txns[i], expired_ms))
            txns[out->app_txn_count++] = state->app_txns[i];
    return SILT_OK;
}

/* stats as JSON is the default; a table may say no. */
static bool wants_stats(const silt_metadata *metadata)
{
    return !silt_pairs_get(metadata->configuration, "delta.checkpoint.writeStatsAsJson") ||
           silt_property_true(metadata, "delta.checkpoint.writeStatsAsJson");
}

static int64_t count_rows(const silt_log_checkpoint_content *c)
{
    return (int64_t)(2 + c->app_txn_count + c->state->domain_count + c->files->files.count +
                     c->files->tombstone_count);
}

/* Read back what was written. */
static silt_status verify(silt_engine *engine, const silt_log_checkpoint_content *c,
                          const char *local_path, silt_error *err)
{
    silt_log_checkpoint_counts counts;
    SILT_TRY(silt_log_checkpoint_count(engine, local_path, &counts, err));
    if (counts.adds == (int64_t)c->files->files.count &&
        counts.removes == (int64_t)c->files->tombstone_count &&
        counts.app_txns == (int64_t)c->app_txn_count &&
        counts.domains == (int64_t)c->state->domain_count && counts.metadata == 1 &&
        counts.protocols == 1)
        return SILT_OK;
    return silt_fail(err, SILT_FAILED,
                     "%" PRId64 " adds and %" PRId64 " removes were read back, %zu and %zu written",
                     counts.adds, counts.removes, c->files->files.count, c->files->tombstone_count);
}

static silt_status write_local(silt_engine *engine, const silt_log_checkpoint_content *c,
                               const char *local_path, silt_arena *arena, int64_t *size_bytes,
                               silt_error *err)
{
    const silt_flat_kind *kinds;
    const silt_node *nodes;
    size_t kind_count, node_count;
    silt_staged_file staged;
    SILT_AUTO(silt_log_rows) rows = silt_log_rows_new(c);
    if (!rows) return silt_fail_nomem(err);
    silt_log_rows_schema(c, &kinds, &kind_count, &nodes, &node_count);
    SILT_TRY(engine->ops->write_flat(engine, kinds, kind_count, nodes, node_count,
                                     silt_log_rows_next, rows, local_path, arena, &staged, err));
    *size_bytes = staged.size_bytes;
    return verify(engine, c, local_path, err);
}

static silt_status write_hint(silt_store *store, const silt_log_checkpoint_content *c,
                              int64_t size_bytes, silt_error *err)
{
    int64_t version = c->state->version;
    if (silt_log_hint_version(store) > version) return SILT_OK;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    silt_json_member_int(&w, "version", version);
    silt_json_member_int(&w, "size", count_rows(c));
    silt_json_member_int(&w, "sizeInBytes", size_bytes);
    silt_json_member_int(&w, "numOfAddFiles", (int64_t)c->files->files.count);
    silt_json_end_object(&w);
    if (buf.failed) return silt_fail_nomem(err);
    return store->ops->put_hint(store, SILT_LOG_HINT_KEY, silt_buf_bytes(&buf), err);
}

static silt_status write_all(silt_store *store, silt_engine *engine,
                             const silt_log_checkpoint_content *c, const char *scratch,
                             silt_arena *arena, silt_error *err)
{
    char uuid[SILT_UUID_SIZE];
    int64_t size_bytes = 0;
    silt_uuid(NULL, uuid);
    const char *key = silt_log_checkpoint_key(arena, c->state->version);
    const char *path = silt_arena_printf(arena, "%s/checkpoint-%s.parquet", scratch, uuid);
    if (!key || !path) return silt_fail_nomem(err);
    silt_status st = write_local(engine, c, path, arena, &size_bytes, err);
    if (st == SILT_OK) st = store->ops->put_file(store, key, path, err);
    if (st != SILT_OK) {
        (void)unlink(path);
        return st;
    }
    return write_hint(store, c, size_bytes, err);
}

silt_status silt_log_checkpoint_write(silt_store *store, silt_engine *engine,
                                      const silt_log_segment *segment, int64_t now_ms,
                                      const char *scratch, silt_arena *arena, silt_error *err)
{
    silt_log_state state;
    silt_log_segment from = *segment;
    SILT_TRY(silt_log_state_load(store, engine, &from, arena, &state, err));
    SILT_TRY(silt_feature_check_write(&state.protocol, &state.metadata, err));
    silt_log_replay files = {
        .want_files = true,
        .want_tombstones = true,
        .want_details = true,
        .older_than_ms =
            expiry_ms(&state.metadata, "delta.deletedFileRetentionDuration", 7 * DAY_MS, now_ms),
    };
    SILT_TRY(silt_log_replay_load(store, engine, &from, arena, &files, err));
    silt_log_checkpoint_content content = {
        .state = &state, .files = &files, .with_stats = wants_stats(&state.metadata)};
    SILT_TRY(live_txns(&state, now_ms, arena, &content, err));
    silt_status st = write_all(store, engine, &content, scratch, arena, err);
    if (st == SILT_OK) return SILT_OK;
    return silt_wrap(err, st, "%s: checkpoint %" PRId64, store->uri, state.version);
}
