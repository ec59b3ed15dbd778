/* The log's cleanup: what has expired in _delta_log is deleted.
 *
 * Invariants
 *  (1) What is deleted is from before a whole checkpoint that was opened and read: all versions
 * from it on stay readable, and its own commit stays, which says when it was made. (2) Deletes go
 * from the oldest version up: what is left, whenever it ends, is the log from some version on,
 * without a gap. (3) Sidecars go only once every checkpoint that is left was asked for its own, and
 * when they are so old that no checkpoint in the making can want them.
 * @see PROTOCOL.md, "Metadata Cleanup" */
#include "base/hash.h"
#include "base/seam.h"
#include "log/checkpoint_open.h"
#include "log/name.h"
#include "log/property.h"
#include "log/state.h"
#include "table/data.h"

#define DAY_MS       (INT64_C(24) * 60 * 60 * 1000)
#define RETENTION_MS (30 * DAY_MS)
#define PROTECTION   "delta.requireCheckpointProtectionBeforeVersion"
#define SIDECAR_DIR  SILT_LOG_DIR "_sidecars/"

typedef struct expired {
    const char *key;
    int64_t size_bytes;
} expired;

typedef struct cleanup {
    silt_store *store;
    silt_engine *engine;
    const silt_cleanup_log_options *opts;
    silt_arena *arena;
    int64_t now_ms;
    int64_t first;               /* the version of the checkpoint that stays */
    SILT_VEC(expired) expired;   /* in the order in which they go */
    SILT_VEC(silt_names) remain; /* keys of whole checkpoints that stay, or of parts of one */
    silt_map64 *sidecars;        /* keys that are in use */
    bool failed;                 /* out of memory, in a callback */
    silt_cleanup_log_result result;
    silt_error *err;
} cleanup;

static void cleanup_release(cleanup *c)
{
    silt_arena_free(c->arena);
    silt_vec_free(&c->expired);
    silt_vec_free(&c->remain);
    silt_map64_free(c->sidecars);
}

static int64_t midnight(int64_t ms)
{
    return ms - ms % DAY_MS;
}

/* ---- how far it goes */

/* A table that dropped a feature keeps what a client that doesn't know its history needs. */
static bool is_protected(const silt_log_state *state, int64_t first)
{
    int64_t before;
    const char *text = silt_pairs_get(state->metadata.configuration, PROTECTION);
    if (!text || !silt_feature_supported(&state->protocol, "checkpointProtection")) return false;
    return !silt_parse_int64(text, &before) || first < before;
}

/* The checkpoint has to be one that can be read: all before it goes. */
static silt_status check_checkpoint(cleanup *c, const silt_log_segment *segment)
{
    silt_log_state state;
    SILT_CLEAN(silt_log_checkpoint) opened = {0};
    SILT_TRY(silt_log_checkpoint_open(c->store, c->engine, segment, true, &opened, c->err));
    SILT_TRY(silt_log_checkpoint_state(c->store, c->engine, segment, c->arena, &state, c->err));
    if (state.protocol.min_reader && state.metadata.id) return SILT_OK;
    return silt_fail(c->err, SILT_CORRUPT, "checkpoint %" PRId64 " has no protocol or no metaData",
                     segment->checkpoint_version);
}

/* c->first: the version from which on all stays; 0 or less: nothing goes. */
static silt_status find_first(cleanup *c, const silt_log_state *state)
{
    silt_log_segment segment;
    int64_t retention = c->opts->retention_ms, version, ms;
    c->first = -1;
    if (retention < 0)
        retention =
            silt_property_interval_ms(&state->metadata, "delta.logRetentionDuration", RETENTION_MS);
    if (retention >= c->now_ms) return SILT_OK;
    silt_status st = silt_table_version_at(c->store, c->engine, midnight(c->now_ms - retention),
                                           false, &version, &ms, c->err);
    if (st == SILT_NOT_FOUND) return SILT_OK; /* no commit is that old */
    if (st == SILT_OK) st = silt_log_segment_load(c->store, version, c->arena, &segment, c->err);
    if (st != SILT_OK) return st;
    if (segment.checkpoint_version <= 0) return SILT_OK;
    if (is_protected(state, segment.checkpoint_version)) {
        c->result.is_protected = true;
        return SILT_OK;
    }
    SILT_TRY(check_checkpoint(c, &segment));
    c->first = segment.checkpoint_version;
    return SILT_OK;
}

/* ---- what goes */

static bool expire(cleanup *c, const silt_object *object)
{
    const expired one = {silt_arena_strdup(c->arena, object->key), object->size_bytes};
    c->failed = !one.key || !silt_vec_push(&c->expired, one);
    return !c->failed;
}

static bool remain(cleanup *c, const char *key)
{
    const char **keys = silt_arena_calloc(c->arena, 1, sizeof(*keys));
    if (keys) keys[0] = silt_arena_strdup(c->arena, key);
    c->failed = !keys || !keys[0] || !silt_vec_push(&c->remain, (silt_names){keys, 1});
    return !c->failed;
}

static bool sort_out(void *ctx, const silt_object *object)
{
    cleanup *c = ctx;
    silt_log_name name;
    silt_log_name_parse(object->key + strlen(SILT_LOG_DIR), &name);
    switch (name.kind) {
    case SILT_NAME_FOREIGN:
        return true;
    case SILT_NAME_COMPACTED: /* one from the checkpoint's version on would cover what goes */
        return c->first <= 0 || name.version > c->first || expire(c, object);
    case SILT_NAME_CHECKPOINT:
    case SILT_NAME_CHECKPOINT_V2:
        if (name.version >= c->first) return remain(c, object->key);
        break;
    default:
        break;
    }
    return name.version >= c->first || expire(c, object);
}

static bool sort_sidecar(void *ctx, const silt_object *object)
{
    cleanup *c = ctx;
    if (object->mtime_ns / 1000000 >= midnight(c->now_ms) - DAY_MS) return true;
    return silt_map64_get(c->sidecars, object->key, strlen(object->key)) || expire(c, object);
}

static bool stop_at_once(void *ctx, const silt_object *object)
{
    (void)object;
    *(bool *)ctx = true;
    return false;
}

static silt_status find_sidecars(cleanup *c)
{
    bool any = false;
    const silt_store_ops *ops = c->store->ops;
    SILT_TRY(ops->list(c->store, SIDECAR_DIR, NULL, false, stop_at_once, &any, c->err));
    if (!any) return SILT_OK;
    c->sidecars = silt_map64_new();
    if (!c->sidecars) return silt_fail_nomem(c->err);
    for (size_t i = 0; i < c->remain.count; i++) {
        silt_names keys;
        SILT_TRY(silt_log_checkpoint_sidecars(c->store, c->engine, c->remain.items[i], c->arena,
                                              &keys, c->err));
        for (size_t k = 0; k < keys.count; k++) {
            bool found;
            void **slot =
                silt_map64_slot(c->sidecars, keys.items[k], strlen(keys.items[k]), &found);
            if (!slot) return silt_fail_nomem(c->err);
            *slot = c; /* anything but NULL */
        }
    }
    SILT_TRY(ops->list(c->store, SIDECAR_DIR, NULL, false, sort_sidecar, c, c->err));
    return c->failed ? silt_fail_nomem(c->err) : SILT_OK;
}

static silt_status delete_all(cleanup *c)
{
    for (size_t i = 0; i < c->expired.count; i++) {
        const expired *e = &c->expired.items[i];
        if (!c->opts->dry_run) SILT_TRY(c->store->ops->remove(c->store, e->key, c->err));
        c->result.deleted++;
        c->result.size_bytes += e->size_bytes;
        if (c->opts->deleted) (void)c->opts->deleted(c->opts->ctx, e->key, e->size_bytes);
    }
    return SILT_OK;
}

/* ---- the calls */

static silt_status run(cleanup *c, const silt_log_state *state)
{
    SILT_TRY(silt_feature_check_alter(&state->protocol, &state->metadata, c->err));
    SILT_TRY(find_first(c, state));
    SILT_TRY(c->store->ops->list(c->store, SILT_LOG_DIR, NULL, false, sort_out, c, c->err));
    if (c->failed) return silt_fail_nomem(c->err);
    SILT_TRY(find_sidecars(c));
    c->result.first_version = c->expired.count && c->first > 0 ? c->first : -1;
    return delete_all(c);
}

silt_status silt_table_cleanup_log(silt_snapshot *snapshot, const silt_cleanup_log_options *opts,
                                   silt_cleanup_log_result *out, silt_error *err)
{
    const silt_cleanup_log_options fallback = SILT_CLEANUP_LOG_OPTIONS_INIT;
    if (opts && opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_cleanup_log_options: struct_size is not set");
    silt_store *store = silt_snapshot_store(snapshot);
    __attribute__((cleanup(cleanup_release)))
    cleanup c = {.store = store,
                 .engine = silt_snapshot_engine(snapshot),
                 .opts = opts ? opts : &fallback,
                 .arena = silt_arena_new(),
                 .now_ms = silt_now_ms(&silt_clock_system),
                 .err = err};
    if (!c.arena) return silt_fail_nomem(err);
    silt_status st = run(&c, silt_snapshot_state(snapshot));
    if (st != SILT_OK) return silt_wrap(err, st, "%s: cleanup of the log", store->uri);
    *out = c.result;
    if (err) *err = (silt_error){0};
    return SILT_OK;
}

silt_status silt_cleanup_log(silt_store *store, silt_engine *engine,
                             const silt_cleanup_log_options *opts, silt_cleanup_log_result *out,
                             silt_error *err)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    SILT_TRY(silt_snapshot_open(store, engine, NULL, &snapshot, err));
    return silt_table_cleanup_log(snapshot, opts, out, err);
}
