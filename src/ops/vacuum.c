/* Vacuum: files of the table's folder that no version within the retention needs are deleted.
 *
 * Invariants
 *  (1) A file in use stays: one of the newest version, one removed within the retention, and any
 *      that is younger than the retention, whoever is about to commit it. What can't be told counts
 *      as in use.
 *  (2) Files of a commit that comes while we look are in use, too: the log is looked at once more
 *      before the first file goes.
 *  (3) Nothing under a hidden name is touched (_delta_log, _silt, …), but what the protocol or Silt
 *      itself puts there for a while: _change_data, _silt/scratch, .silt-tmp-….
 *  (4) Each delete stands for itself: an interrupted vacuum has done a part of its work. */
#include "base/hash.h"
#include "base/json.h"
#include "base/seam.h"
#include "log/dv.h"
#include "log/property.h"
#include "log/replay.h"
#include "ops/carry.h"
#include "ops/orphans.h"
#include "ops/used.h"
#include "ops/vacuum_work.h"
#include "silt/maintain.h"
#include "table/commit_info.h"
#include "table/data.h"
#include "table/txn.h"

#define CHANGE_DATA "_change_data/"
#define HOUR_MS     (INT64_C(60) * 60 * 1000)

typedef struct doomed {
    const char *key;
    int64_t size_bytes;
} doomed;

typedef struct vacuum {
    silt_store *store;
    const silt_vacuum_options *opts;
    silt_snapshot *snapshot;
    silt_arena *arena, *scratch; /* `scratch` is for one file */
    silt_used used;
    silt_map64 *met; /* but in a listing: keys that were looked at */
    int64_t retention_ms, table_retention_ms;
    int64_t cutoff_ms; /* what is as old as that, or older, has expired */
    SILT_VEC(doomed) doomed;
    silt_vacuum_result result;
    silt_status st; /* of a callback */
    silt_error *err;
} vacuum;

static void vacuum_release(vacuum *v)
{
    silt_snapshot_free(v->snapshot);
    silt_arena_free(v->arena);
    silt_arena_free(v->scratch);
    silt_used_release(&v->used);
    silt_map64_free(v->met);
    silt_vec_free(&v->doomed);
}

/* ---- files in use */

static silt_status use_file(vacuum *v, const char *path, const silt_dv *dv)
{
    return silt_used_add(&v->used, path, dv, v->err);
}

static silt_status use_adds(vacuum *v, silt_snapshot *snapshot)
{
    const silt_add *adds;
    size_t count;
    SILT_TRY(silt_snapshot_adds_lean(snapshot, &adds, &count, v->err));
    for (size_t i = 0; i < count; i++)
        SILT_TRY(use_file(v, adds[i].path, adds[i].dv));
    return SILT_OK;
}

/* Called with each commit from before what the checkpoint and its tail say, newest first. */
typedef silt_status commit_fn(vacuum *v, const silt_action *actions, size_t count,
                              int64_t mtime_ms);

/* The commits whose JSON still stands, from version `from` down to the last one that is younger
 * than `oldest_ms`. */
static silt_status each_commit(vacuum *v, int64_t from, int64_t oldest_ms, commit_fn *fn)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(v->err);
    for (int64_t version = from; version >= 0; version--) {
        silt_object object;
        const silt_action *actions;
        size_t count;
        silt_arena_reset(arena);
        const char *key = silt_log_commit_key(arena, version);
        if (!key) return silt_fail_nomem(v->err);
        silt_status st = v->store->ops->head(v->store, key, arena, &object, v->err);
        if (st == SILT_OK && object.mtime_ns / 1000000 < oldest_ms) return SILT_OK;
        if (st == SILT_OK)
            st = silt_log_commit_read(v->store, version, arena, &actions, &count, v->err);
        if (st == SILT_NOT_FOUND) return SILT_OK; /* cleaned up, and all before it */
        if (st != SILT_OK) return st;
        SILT_TRY(fn(v, actions, count, object.mtime_ns / 1000000));
    }
    return SILT_OK;
}

static silt_status use_removed(vacuum *v, const silt_action *actions, size_t count,
                               int64_t mtime_ms)
{
    (void)mtime_ms;
    for (size_t i = 0; i < count; i++)
        if (actions[i].kind == SILT_ACTION_REMOVE)
            SILT_TRY(use_file(v, actions[i].remove.path, actions[i].remove.dv));
    return SILT_OK;
}

/* Tombstones within the retention. Checkpoints keep them as long as the table's retention says;
 * those that are wanted beyond it stand in the commits only. */
static silt_status use_tombstones(vacuum *v)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(v->err);
    silt_log_segment segment;
    const silt_remove *removes;
    size_t count;
    SILT_TRY(silt_log_segment_load(v->store, silt_snapshot_version(v->snapshot), arena, &segment,
                                   v->err));
    SILT_TRY(silt_log_tombstones_load(v->store, silt_snapshot_engine(v->snapshot), &segment,
                                      v->cutoff_ms, arena, &removes, &count, v->err));
    for (size_t i = 0; i < count; i++)
        SILT_TRY(use_file(v, removes[i].path, removes[i].dv));
    if (v->retention_ms <= v->table_retention_ms || segment.checkpoint_version < 0) return SILT_OK;
    return each_commit(v, segment.checkpoint_version, v->cutoff_ms, use_removed);
}

/* ---- files that may go */

static bool is_hidden(const vacuum *v, const char *key)
{
    const silt_names *by = &silt_snapshot_state(v->snapshot)->metadata.partition_columns;
    return silt_carry_is_hidden(
        silt_starts_with(key, CHANGE_DATA) ? key + strlen(CHANGE_DATA) : key, by);
}

static silt_status doom(vacuum *v, const char *key, int64_t size_bytes, int64_t mtime_ms)
{
    silt_arena_reset(v->scratch);
    if (mtime_ms > v->cutoff_ms || is_hidden(v, key)) return SILT_OK;
    if (silt_used_has(&v->used, key) || silt_carry_is_linked(v->store, key, v->scratch))
        return SILT_OK;
    const doomed one = {silt_arena_strdup(v->arena, key), size_bytes};
    return one.key && silt_vec_push(&v->doomed, one) ? SILT_OK : silt_fail_nomem(v->err);
}

static bool doom_listed(void *ctx, const silt_object *object)
{
    vacuum *v = ctx;
    v->st = silt_used_see(&v->used, object->key, v->err);
    if (v->st == SILT_OK)
        v->st = doom(v, object->key, object->size_bytes, object->mtime_ns / 1000000);
    return v->st == SILT_OK;
}

static silt_status find_by_listing(vacuum *v)
{
    v->st = SILT_OK;
    SILT_TRY(v->store->ops->list(v->store, "", NULL, true, doom_listed, v, v->err));
    return v->st;
}

static silt_status meet(vacuum *v, const char *key, bool *found)
{
    *found = silt_map64_get(v->met, key, strlen(key)) != NULL;
    if (*found) return SILT_OK;
    const char *kept = silt_arena_strdup(v->arena, key);
    void **slot = kept ? silt_map64_slot(v->met, kept, strlen(kept), found) : NULL;
    if (!slot) return silt_fail_nomem(v->err);
    *slot = v; /* anything but NULL */
    *found = false;
    return SILT_OK;
}

/* What has turned out to be in use, or another table's, goes off the list. */
static void spare(vacuum *v)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->doomed.count; i++) {
        const char *key = v->doomed.items[i].key;
        if (!silt_used_has(&v->used, key) && !silt_used_is_others(&v->used, key))
            v->doomed.items[kept++] = v->doomed.items[i];
    }
    v->doomed.count = kept;
}

/* A file that the log or an inventory names, if it is still there. */
static silt_status doom_named(vacuum *v, const silt_place *place)
{
    bool found;
    silt_object object;
    if (!place->key) return SILT_OK;
    SILT_TRY(meet(v, place->key, &found));
    if (found) return SILT_OK;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(v->err);
    silt_status st = v->store->ops->head(v->store, place->key, arena, &object, v->err);
    if (st == SILT_NOT_FOUND) return SILT_OK;
    if (st != SILT_OK) return st;
    return doom(v, object.key, object.size_bytes, object.mtime_ns / 1000000);
}

/* A file of the inventory that may go by what that says; whether it may is asked of the file. */
static silt_status doom_inventoried(void *ctx, const char *key, int64_t size_bytes,
                                    int64_t mtime_ms)
{
    vacuum *v = ctx;
    (void)size_bytes;
    SILT_TRY(silt_used_see(&v->used, key, v->err));
    if (mtime_ms > v->cutoff_ms || is_hidden(v, key)) return SILT_OK;
    if (silt_used_has(&v->used, key)) return SILT_OK;
    return doom_named(v, &(silt_place){.key = key});
}

static silt_status find_by_inventory(vacuum *v)
{
    v->met = silt_map64_new();
    if (!v->met) return silt_fail_nomem(v->err);
    return silt_inventory_read(v->opts->inventory, v->store, silt_snapshot_engine(v->snapshot),
                               doom_inventoried, v, v->err);
}

static silt_status doom_path(vacuum *v, const char *path, const silt_dv *dv)
{
    silt_place place = {0};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(v->err);
    silt_status st = silt_path_place(v->store, path, arena, &place, v->err);
    if (st != SILT_OK && st != SILT_UNSUPPORTED) return st;
    SILT_TRY(doom_named(v, &place));
    if (!dv) return SILT_OK;
    place = (silt_place){0};
    st = silt_dv_place(v->store, dv, arena, &place, v->err);
    if (st != SILT_OK && st != SILT_UNSUPPORTED) return st;
    return doom_named(v, &place);
}

static silt_status doom_commit(vacuum *v, const silt_action *actions, size_t count,
                               int64_t mtime_ms)
{
    for (size_t i = 0; i < count; i++) {
        const silt_action *a = &actions[i];
        if (a->kind == SILT_ACTION_CDC && mtime_ms <= v->cutoff_ms)
            SILT_TRY(doom_path(v, a->cdc.path, NULL));
        if (a->kind == SILT_ACTION_REMOVE && a->remove.deletion_time_ms <= v->cutoff_ms)
            SILT_TRY(doom_path(v, a->remove.path, a->remove.dv));
    }
    return SILT_OK;
}

/* What the checkpoint still tells, and the commits that still stand. */
static silt_status find_by_log(vacuum *v)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    v->met = silt_map64_new();
    if (!arena || !v->met) return silt_fail_nomem(v->err);
    silt_log_segment segment;
    const silt_remove *removes;
    size_t count;
    int64_t version = silt_snapshot_version(v->snapshot);
    SILT_TRY(silt_log_segment_load(v->store, version, arena, &segment, v->err));
    SILT_TRY(silt_log_tombstones_load(v->store, silt_snapshot_engine(v->snapshot), &segment,
                                      INT64_MIN, arena, &removes, &count, v->err));
    for (size_t i = 0; i < count; i++)
        if (removes[i].deletion_time_ms <= v->cutoff_ms)
            SILT_TRY(doom_path(v, removes[i].path, removes[i].dv));
    return each_commit(v, version, INT64_MIN, doom_commit);
}

/* ---- the table's history tells of it */

static silt_status commit(vacuum *v, const char *operation, const silt_buf *parameters,
                          const silt_buf *metrics)
{
    if (parameters->failed || metrics->failed) return silt_fail_nomem(v->err);
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_AUTO(silt_snapshot) after = NULL;
    silt_txn_result result;
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = operation;
    opts.operation_parameters = parameters->data;
    opts.operation_metrics = metrics->data;
    opts.isolation = SILT_SNAPSHOT_ISOLATION;
    SILT_TRY(silt_txn_new(v->snapshot, &opts, &txn, v->err));
    SILT_TRY(silt_txn_commit(txn, &result, &after, v->err));
    if (result.outcome != SILT_TXN_COMMITTED)
        return silt_fail(v->err, SILT_CONFLICT, "%s", result.conflict);
    v->result.table_version = result.version;
    return SILT_OK;
}

static silt_status commit_start(vacuum *v)
{
    SILT_CLEAN(silt_buf) parameters = {0};
    SILT_CLEAN(silt_buf) metrics = {0};
    silt_json_writer w = silt_json_writer_of(&parameters);
    int64_t bytes = 0;
    for (size_t i = 0; i < v->doomed.count; i++)
        bytes += v->doomed.items[i].size_bytes;
    silt_json_begin_object(&w);
    silt_json_member_bool(&w, "retentionCheckEnabled", !v->opts->allow_short);
    if (v->opts->retention_ms >= 0)
        silt_json_member_int(&w, "specifiedRetentionMillis", v->retention_ms);
    silt_json_member_int(&w, "defaultRetentionMillis", v->table_retention_ms);
    silt_json_end_object(&w);
    w = silt_json_writer_of(&metrics);
    silt_json_begin_object(&w);
    silt_commit_metric(&w, "numFilesToDelete", (int64_t)v->doomed.count);
    silt_commit_metric(&w, "sizeOfDataToDelete", bytes);
    silt_json_end_object(&w);
    return commit(v, "VACUUM START", &parameters, &metrics);
}

static silt_status commit_end(vacuum *v, bool complete)
{
    SILT_CLEAN(silt_buf) parameters = {0};
    SILT_CLEAN(silt_buf) metrics = {0};
    silt_json_writer w = silt_json_writer_of(&parameters);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "status", complete ? "COMPLETED" : "FAILED");
    silt_json_end_object(&w);
    w = silt_json_writer_of(&metrics);
    silt_json_begin_object(&w);
    silt_commit_metric(&w, "numDeletedFiles", v->result.deleted);
    silt_commit_metric(&w, "numVacuumedDirectories",
                       0); /* folders stay: a writer may be about to use one */
    silt_json_end_object(&w);
    return commit(v, "VACUUM END", &parameters, &metrics);
}

/* ---- deleting */

/* The table as it is now; what has come into use is taken off the list. */
static silt_status look_again(vacuum *v)
{
    silt_snapshot *now = NULL;
    SILT_TRY(silt_snapshot_refresh(v->snapshot, &now, v->err));
    silt_snapshot_free(v->snapshot);
    v->snapshot = now;
    const silt_log_state *state = silt_snapshot_state(now);
    SILT_TRY(silt_feature_check_alter(&state->protocol, &state->metadata, v->err));
    SILT_TRY(use_adds(v, now));
    spare(v);
    return SILT_OK;
}

static void tell(vacuum *v, const char *path, int64_t size_bytes)
{
    v->result.deleted++;
    v->result.size_bytes += size_bytes;
    if (v->opts->deleted) (void)v->opts->deleted(v->opts->ctx, path, size_bytes);
}

static void tell_leftover(void *ctx, const char *path, int64_t size_bytes)
{
    tell(ctx, path, size_bytes);
}

static silt_status delete_all(vacuum *v)
{
    for (size_t i = 0; i < v->doomed.count; i++) {
        const doomed *d = &v->doomed.items[i];
        if (!v->opts->dry_run) SILT_TRY(v->store->ops->remove(v->store, d->key, v->err));
        tell(v, d->key, d->size_bytes);
    }
    return SILT_OK;
}

static silt_status carry_out(vacuum *v)
{
    bool told = v->doomed.count > 0 && !v->opts->dry_run;
    if (told) {
        SILT_TRY(look_again(v));
        SILT_TRY(commit_start(v));
        SILT_TRY(look_again(v));
    }
    silt_status st = delete_all(v);
    if (!v->opts->lite && !v->opts->inventory)
        silt_scratch_sweep(v->store, v->cutoff_ms, v->opts->dry_run, tell_leftover, v);
    if (!told) return st;
    if (st == SILT_OK) return commit_end(v, true);
    silt_error *err = v->err;
    v->err = NULL; /* the first failure is the one to be told */
    (void)commit_end(v, false);
    v->err = err;
    return st;
}

/* ---- the call */

static silt_status check_retention(vacuum *v)
{
    v->table_retention_ms = silt_orphans_retention_ms(v->snapshot);
    v->retention_ms = v->opts->retention_ms < 0 ? v->table_retention_ms : v->opts->retention_ms;
    int64_t now = silt_now_ms(&silt_clock_system);
    v->cutoff_ms = v->retention_ms > now ? INT64_MIN : now - v->retention_ms;
    if (v->retention_ms >= v->table_retention_ms || v->opts->allow_short) return SILT_OK;
    silt_fail(v->err, SILT_INVALID,
              "a retention of %" PRId64 " hours is shorter than the table's, which is %s",
              v->retention_ms / HOUR_MS,
              silt_snapshot_property(v->snapshot, SILT_ORPHANS_RETENTION)
                  ? silt_snapshot_property(v->snapshot, SILT_ORPHANS_RETENTION)
                  : "7 days (168 hours)");
    return silt_hint(
        v->err, SILT_INVALID,
        "readers of older versions, and writers whose files aren't committed yet, "
        "would lose files: say so (--yes) if there are none, or set " SILT_ORPHANS_RETENTION);
}

static silt_status run(vacuum *v)
{
    const silt_log_state *state = silt_snapshot_state(v->snapshot);
    SILT_TRY(silt_feature_check_alter(&state->protocol, &state->metadata, v->err));
    SILT_TRY(check_retention(v));
    v->result.table_version = state->version;
    if (v->cutoff_ms == INT64_MIN) return SILT_OK;
    SILT_TRY(use_adds(v, v->snapshot));
    SILT_TRY(use_tombstones(v));
    if (v->opts->inventory)
        SILT_TRY(find_by_inventory(v));
    else
        SILT_TRY(v->opts->lite ? find_by_log(v) : find_by_listing(v));
    spare(v);
    return carry_out(v);
}

silt_status silt_vacuum(silt_store *store, silt_engine *engine, const silt_vacuum_options *opts,
                        silt_vacuum_result *out, silt_error *err)
{
    const silt_vacuum_options fallback = SILT_VACUUM_OPTIONS_INIT;
    if (opts && opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_vacuum_options: struct_size is not set");
    if (opts && opts->lite && opts->inventory)
        return silt_fail(err, SILT_INVALID,
                         "vacuum by an inventory and by the log (lite): one of the two");
    __attribute__((cleanup(vacuum_release))) vacuum v = {.store = store,
                                                         .opts = opts ? opts : &fallback,
                                                         .arena = silt_arena_new(),
                                                         .scratch = silt_arena_new(),
                                                         .err = err};
    if (!v.arena || !v.scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_used_init(&v.used, store, err));
    SILT_TRY(silt_snapshot_open(store, engine, NULL, &v.snapshot, err));
    silt_status st = run(&v);
    if (st != SILT_OK) return silt_wrap(err, st, "%s: vacuum", store->uri);
    *out = v.result;
    return SILT_OK;
}
