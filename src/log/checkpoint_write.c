/* Writing a checkpoint: the table's state and files in one Parquet file, in parts, or as a V2
 * checkpoint with sidecars, which spares readers the commits before.
 *
 * Invariants
 *  (1) A checkpoint adds up to its version; it is read back and counted before anybody may see it
 *      (of parts, each one is). Sidecars are there before anything names them.
 *  (2) _last_checkpoint names a checkpoint that is there, and never an older one than it named.
 *      (Two writers at once may break the second half; readers find the newer one by listing.)
 *  (3) Nothing in here changes what the table holds. */
#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "base/seam.h"
#include "log/checkpoint_rows.h"
#include "log/name.h"
#include "log/property.h"
#include "log/state.h"

#define DAY_MS       (INT64_C(24) * 60 * 60 * 1000)
#define SIDECAR_ROWS ((size_t)100000)
#define PARTS_MAX    10000

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

/* ---- files */

/* One checkpoint in the making. */
typedef struct writer {
    silt_store *store;
    silt_engine *engine;
    const silt_log_checkpoint_content *content;
    const silt_log_checkpoint_spec *spec;
    silt_arena *arena;
    silt_log_checkpoint_written *out;
    silt_object top; /* V2: the file that names the sidecars */
} writer;

/* Read back what was written. */
static silt_status verify(const writer *w, const silt_log_slice *slice, const char *local_path,
                          silt_error *err)
{
    silt_log_checkpoint_counts counts, wanted = silt_log_rows_tally(w->content, slice);
    SILT_TRY(silt_log_checkpoint_count(w->engine, local_path, &counts, err));
    if (memcmp(&counts, &wanted, sizeof(counts)) == 0) return SILT_OK;
    return silt_fail(err, SILT_FAILED,
                     "%" PRId64 " adds and %" PRId64 " removes were read back, %" PRId64
                     " and %" PRId64 " written",
                     counts.adds, counts.removes, wanted.adds, wanted.removes);
}

static silt_status write_local(writer *w, const silt_log_slice *slice, const char *local_path,
                               int64_t *size_bytes, silt_error *err)
{
    const silt_flat_kind *kinds;
    const silt_node *nodes;
    size_t kind_count, node_count;
    silt_staged_file staged;
    SILT_AUTO(silt_log_rows) rows = silt_log_rows_new(w->content, slice);
    if (!rows) return silt_fail_nomem(err);
    silt_log_rows_schema(rows, &kinds, &kind_count, &nodes, &node_count);
    SILT_TRY(w->engine->ops->write_flat(w->engine, kinds, kind_count, nodes, node_count,
                                        silt_log_rows_next, rows, local_path, w->arena, &staged,
                                        err));
    *size_bytes = staged.size_bytes;
    return verify(w, slice, local_path, err);
}

static silt_status write_file(writer *w, const silt_log_slice *slice, const char *key,
                              int64_t *size_bytes, silt_error *err)
{
    char uuid[SILT_UUID_SIZE];
    silt_uuid(NULL, uuid);
    const char *path =
        silt_arena_printf(w->arena, "%s/checkpoint-%s.parquet", w->spec->scratch, uuid);
    if (!key || !path) return silt_fail_nomem(err);
    silt_status st = write_local(w, slice, path, size_bytes, err);
    if (st == SILT_OK) st = w->store->ops->put_file(w->store, key, path, err);
    if (st != SILT_OK) (void)unlink(path);
    if (st != SILT_OK) return st;
    w->out->objects++;
    w->out->size_bytes += *size_bytes;
    return SILT_OK;
}

/* ---- the three forms */

static silt_status write_single(writer *w, silt_error *err)
{
    int64_t size_bytes;
    const silt_log_slice all = {.to = silt_log_rows_count(w->content)};
    const char *key = silt_log_checkpoint_key(w->arena, w->content->state->version);
    return write_file(w, &all, key, &size_bytes, err);
}

static silt_status write_parts(writer *w, silt_error *err)
{
    size_t parts = (size_t)w->spec->parts, *starts;
    const size_t *order;
    SILT_TRY(silt_log_parts_order(w->content, parts, w->arena, &order, &starts, err));
    for (size_t i = 0; i < parts; i++) {
        int64_t size_bytes;
        const silt_log_slice part = {.order = order, .from = starts[i], .to = starts[i + 1]};
        const char *key = silt_arena_printf(
            w->arena, SILT_LOG_DIR "%020" PRId64 ".checkpoint.%010zu.%010zu.parquet",
            w->content->state->version, i + 1, parts);
        SILT_TRY(write_file(w, &part, key, &size_bytes, err));
    }
    return SILT_OK;
}

static void put_sidecar(silt_buf *buf, const char *name, int64_t size_bytes, int64_t now_ms)
{
    silt_json_writer w = silt_json_writer_of(buf);
    silt_json_begin_object(&w);
    silt_json_key(&w, "sidecar");
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "path", name);
    silt_json_member_int(&w, "sizeInBytes", size_bytes);
    silt_json_member_int(&w, "modificationTime", now_ms);
    silt_json_end_object(&w);
    silt_json_end_object(&w);
    silt_buf_putc(buf, '\n');
}

/* Files and tombstones; what names them, into `lines`. */
static silt_status write_sidecars(writer *w, silt_buf *lines, silt_error *err)
{
    const size_t end = silt_log_rows_count(w->content);
    for (size_t at = silt_log_rows_first_file(w->content); at < end; at += SIDECAR_ROWS) {
        char uuid[SILT_UUID_SIZE];
        int64_t size_bytes;
        silt_log_slice slice = {.from = at, .to = end, .files_only = true};
        if (end - at > SIDECAR_ROWS) slice.to = at + SIDECAR_ROWS;
        silt_uuid(NULL, uuid);
        const char *name = silt_arena_printf(w->arena, "%s.parquet", uuid);
        if (!name) return silt_fail_nomem(err);
        const char *key = silt_arena_printf(w->arena, SILT_LOG_DIR "_sidecars/%s", name);
        SILT_TRY(write_file(w, &slice, key, &size_bytes, err));
        put_sidecar(lines, name, size_bytes, w->spec->now_ms);
    }
    return SILT_OK;
}

/* All but files: lines of JSON, for they are few, and short. */
static void put_state(const writer *w, silt_buf *buf)
{
    const silt_log_checkpoint_content *c = w->content;
    silt_buf_printf(buf, "{\"checkpointMetadata\":{\"version\":%" PRId64 "}}\n", c->state->version);
    silt_action_write(&(silt_action){SILT_ACTION_PROTOCOL, {.protocol = c->state->protocol}}, buf);
    silt_action_write(&(silt_action){SILT_ACTION_METADATA, {.metadata = c->state->metadata}}, buf);
    for (size_t i = 0; i < c->app_txn_count; i++)
        silt_action_write(&(silt_action){SILT_ACTION_APP_TXN, {.app_txn = c->app_txns[i]}}, buf);
    for (size_t i = 0; i < c->state->domain_count; i++)
        silt_action_write(&(silt_action){SILT_ACTION_DOMAIN, {.domain = c->state->domains[i]}},
                          buf);
}

static silt_status write_v2(writer *w, silt_error *err)
{
    SILT_CLEAN(silt_buf) lines = {0};
    char uuid[SILT_UUID_SIZE];
    silt_uuid(NULL, uuid);
    const char *key = silt_arena_printf(w->arena, SILT_LOG_DIR "%020" PRId64 ".checkpoint.%s.json",
                                        w->content->state->version, uuid);
    if (!key) return silt_fail_nomem(err);
    put_state(w, &lines);
    SILT_TRY(write_sidecars(w, &lines, err));
    if (lines.failed) return silt_fail_nomem(err);
    SILT_TRY(w->store->ops->put(w->store, key, silt_buf_bytes(&lines), err));
    w->out->objects++;
    w->out->size_bytes += (int64_t)lines.size;
    return w->store->ops->head(w->store, key, w->arena, &w->top, err);
}

/* ---- _last_checkpoint */

static silt_status write_hint(const writer *made, silt_error *err)
{
    silt_store *store = made->store;
    const silt_log_checkpoint_content *c = made->content;
    int64_t version = c->state->version;
    if (silt_log_hint_version(store) > version) return SILT_OK;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    silt_json_member_int(&w, "version", version);
    /* Of V2 also what speaks of the checkpoint and, for each sidecar, of it. */
    int64_t more = made->out->v2 ? made->out->objects : 0;
    silt_json_member_int(&w, "size", (int64_t)silt_log_rows_count(c) + more);
    if (made->spec->parts > 1) silt_json_member_int(&w, "parts", made->spec->parts);
    silt_json_member_int(&w, "sizeInBytes", made->out->size_bytes);
    silt_json_member_int(&w, "numOfAddFiles", (int64_t)c->files->files.count);
    if (made->out->v2) {
        silt_json_key(&w, "v2Checkpoint");
        silt_json_begin_object(&w);
        silt_json_member_string(&w, "path", made->top.key + strlen(SILT_LOG_DIR));
        silt_json_member_int(&w, "sizeInBytes", made->top.size_bytes);
        silt_json_member_int(&w, "modificationTime", made->top.mtime_ns / 1000000);
        silt_json_end_object(&w);
    }
    silt_json_end_object(&w);
    if (buf.failed) return silt_fail_nomem(err);
    return store->ops->put_hint(store, SILT_LOG_HINT_KEY, silt_buf_bytes(&buf), err);
}

/* ---- the call */

static silt_status check_spec(const writer *w, silt_error *err)
{
    const silt_protocol *protocol = &w->content->state->protocol;
    if (w->spec->parts > 1 && silt_feature_supported(protocol, "v2Checkpoint")) {
        silt_fail(err, SILT_INVALID,
                  "a table with the feature v2Checkpoint may have no multi-part checkpoints");
        return silt_hint(err, SILT_INVALID,
                         "with delta.checkpointPolicy = v2 large checkpoints come in sidecars");
    }
    if (w->spec->parts < 0 || w->spec->parts > PARTS_MAX)
        return silt_fail(err, SILT_INVALID, "%" PRId64 " parts: 1 to %d can be", w->spec->parts,
                         PARTS_MAX);
    return SILT_OK;
}

static bool wants_v2(const silt_log_state *state)
{
    const char *policy = silt_pairs_get(state->metadata.configuration, "delta.checkpointPolicy");
    return silt_streq(policy, "v2") && silt_feature_supported(&state->protocol, "v2Checkpoint");
}

static bool is_of_our_form(const writer *w, const char *key)
{
    silt_log_name name;
    silt_log_name_parse(key + strlen(SILT_LOG_DIR), &name);
    if (name.kind == SILT_NAME_CHECKPOINT_PART) return name.parts == w->spec->parts;
    return name.kind != SILT_NAME_CHECKPOINT || w->spec->parts <= 1;
}

/* One version has one checkpoint of a file or of parts: readers that find two go by either, and
 * some refuse the table where it isn't the one that _last_checkpoint speaks of. What can't be
 * removed stays: it says the same. */
static void remove_other_form(const writer *w, const silt_log_segment *before)
{
    if (w->out->v2 || before->checkpoint_version != w->content->state->version) return;
    for (size_t i = 0; i < before->checkpoint_keys.count; i++)
        if (!is_of_our_form(w, before->checkpoint_keys.items[i]))
            (void)w->store->ops->remove(w->store, before->checkpoint_keys.items[i], NULL);
}

static silt_status write_all(writer *w, silt_error *err)
{
    SILT_TRY(check_spec(w, err));
    w->out->files = (int64_t)w->content->files->files.count;
    w->out->tombstones = (int64_t)w->content->files->tombstone_count;
    w->out->v2 = wants_v2(w->content->state);
    if (w->out->v2)
        SILT_TRY(write_v2(w, err));
    else
        SILT_TRY(w->spec->parts > 1 ? write_parts(w, err) : write_single(w, err));
    return write_hint(w, err);
}

silt_status silt_log_checkpoint_write(silt_store *store, silt_engine *engine,
                                      const silt_log_segment *segment,
                                      const silt_log_checkpoint_spec *spec, silt_arena *arena,
                                      silt_log_checkpoint_written *out, silt_error *err)
{
    silt_log_state state;
    silt_log_segment from = *segment;
    silt_log_checkpoint_written written = {0};
    SILT_TRY(silt_log_state_load(store, engine, &from, arena, &state, err));
    SILT_TRY(silt_feature_check_alter(&state.protocol, &state.metadata, err));
    silt_log_replay files = {
        .want_files = true,
        .want_tombstones = true,
        .want_details = true,
        .older_than_ms = expiry_ms(&state.metadata, "delta.deletedFileRetentionDuration",
                                   7 * DAY_MS, spec->now_ms),
    };
    SILT_TRY(silt_log_replay_around(store, engine, &from, arena, &files, err));
    silt_log_checkpoint_content content = {
        .state = &state, .files = &files, .with_stats = wants_stats(&state.metadata)};
    SILT_TRY(live_txns(&state, spec->now_ms, arena, &content, err));
    SILT_TRY(
        silt_log_parsed_types(&state, arena, &content.stats_type, &content.partitions_type, err));
    silt_log_rows_survey(&content);
    writer w = {.store = store,
                .engine = engine,
                .content = &content,
                .spec = spec,
                .arena = arena,
                .out = &written};
    silt_status st = write_all(&w, err);
    if (st != SILT_OK)
        return silt_wrap(err, st, "%s: checkpoint %" PRId64, store->uri, state.version);
    remove_other_form(&w, segment);
    if (out) *out = written;
    return SILT_OK;
}
