/* What lies in the folder, less all that the log speaks of. */
#include "ops/orphans.h"

#include "base/seam.h"
#include "log/property.h"
#include "log/replay.h"
#include "ops/carry.h"
#include "ops/used.h"

#define RETENTION_MS (INT64_C(7) * 24 * 60 * 60 * 1000)
#define SLACK_MS     (INT64_C(60) * 60 * 1000) /* that clocks of two hosts may be apart */

typedef struct search {
    silt_snapshot *snapshot; /* borrowed */
    const silt_orphans_spec *spec;
    silt_store *store;
    silt_arena *arena;
    silt_used known; /* files that the log speaks of */
    SILT_VEC(silt_object) found;
    silt_status st; /* of a listing */
    silt_error *err;
} search;

static void search_release(search *s)
{
    silt_vec_free(&s->found);
    silt_used_release(&s->known);
    silt_arena_free(s->arena);
}

/* ---- what the log speaks of */

static silt_status know(search *s, const char *path, const silt_dv *dv)
{
    silt_error corrupt = {0};
    silt_status st = silt_used_add(&s->known, path, dv, &corrupt);
    if (st == SILT_OK || (st == SILT_CORRUPT && !s->spec->ever)) return SILT_OK;
    if (s->err) *s->err = corrupt;
    return st;
}

static silt_status know_adds(search *s, silt_snapshot *snapshot)
{
    const silt_add *adds;
    size_t count;
    SILT_TRY(silt_snapshot_adds_lean(snapshot, &adds, &count, s->err));
    for (size_t i = 0; i < count; i++)
        SILT_TRY(know(s, adds[i].path, adds[i].dv));
    return SILT_OK;
}

static silt_status know_removes(search *s)
{
    const silt_remove *gone;
    silt_log_segment segment;
    size_t count;
    SILT_TRY(silt_log_segment_load(s->store, silt_snapshot_version(s->snapshot), s->arena, &segment,
                                   s->err));
    SILT_TRY(silt_log_tombstones_load(s->store, silt_snapshot_engine(s->snapshot), &segment,
                                      INT64_MIN, s->arena, &gone, &count, s->err));
    for (size_t i = 0; i < count; i++)
        SILT_TRY(know(s, gone[i].path, gone[i].dv));
    return SILT_OK;
}

static silt_status know_commit(search *s, const silt_action *actions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const silt_action *a = &actions[i];
        if (a->kind == SILT_ACTION_ADD) SILT_TRY(know(s, a->add.path, a->add.dv));
        if (a->kind == SILT_ACTION_REMOVE) SILT_TRY(know(s, a->remove.path, a->remove.dv));
        if (a->kind == SILT_ACTION_CDC) SILT_TRY(know(s, a->cdc.path, NULL));
    }
    return SILT_OK;
}

/* All commits whose JSON still stands; of before `*since_ms` nothing is known (INT64_MIN: of all
 * there ever were). */
static silt_status know_commits(search *s, int64_t *since_ms)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(s->err);
    *since_ms = INT64_MAX;
    for (int64_t v = silt_snapshot_version(s->snapshot); v >= 0; v--) {
        silt_object object;
        const silt_action *actions;
        size_t count;
        silt_arena_reset(arena);
        const char *key = silt_log_commit_key(arena, v);
        if (!key) return silt_fail_nomem(s->err);
        silt_status st = s->store->ops->head(s->store, key, arena, &object, s->err);
        if (st == SILT_OK) st = silt_log_commit_read(s->store, v, arena, &actions, &count, s->err);
        if (st == SILT_NOT_FOUND) return SILT_OK; /* cleaned up, and all before it */
        if (st != SILT_OK) return st;
        SILT_TRY(know_commit(s, actions, count));
        *since_ms = object.mtime_ns / 1000000 + SLACK_MS;
    }
    *since_ms = INT64_MIN;
    return SILT_OK;
}

/* ---- what lies there */

static bool see(void *ctx, const silt_object *object)
{
    search *s = ctx;
    const silt_names *by = &silt_snapshot_state(s->snapshot)->metadata.partition_columns;
    s->st = silt_used_see(&s->known, object->key, s->err);
    if (s->st != SILT_OK) return false;
    if (object->mtime_ns / 1000000 > s->spec->before_ms || silt_carry_is_hidden(object->key, by) ||
        silt_used_has(&s->known, object->key))
        return true;
    silt_object copy = *object;
    copy.key = silt_arena_strdup(s->arena, object->key);
    if (!copy.key || !silt_vec_push(&s->found, copy)) s->st = silt_fail_nomem(s->err);
    return s->st == SILT_OK;
}

static silt_status leave_unsure(search *s)
{
    int64_t since_ms = INT64_MAX;
    size_t kept = 0;
    if (!s->spec->ever || !s->found.count) return SILT_OK;
    SILT_TRY(know_commits(s, &since_ms));
    for (size_t i = 0; i < s->found.count; i++) {
        const silt_object *object = &s->found.items[i];
        if (object->mtime_ns / 1000000 >= since_ms && !silt_used_has(&s->known, object->key))
            s->found.items[kept++] = *object;
    }
    s->found.count = kept;
    return SILT_OK;
}

/* The table as it is now. */
static silt_status look_again(search *s)
{
    SILT_AUTO(silt_snapshot) now = NULL;
    if (!s->spec->ever || !s->found.count) return SILT_OK;
    SILT_TRY(silt_snapshot_refresh(s->snapshot, &now, s->err));
    return know_adds(s, now);
}

silt_status silt_orphans_find(silt_snapshot *snapshot, const silt_orphans_spec *spec,
                              silt_orphan_fn *fn, void *ctx, silt_error *err)
{
    SILT_CLEAN(search)
    s = {.snapshot = snapshot,
         .spec = spec,
         .store = silt_snapshot_store(snapshot),
         .arena = silt_arena_new(),
         .err = err};
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!s.arena || !scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_used_init(&s.known, s.store, err));
    const silt_log_state *state = silt_snapshot_state(snapshot);
    if (spec->remove) SILT_TRY(silt_feature_check_alter(&state->protocol, &state->metadata, err));
    SILT_TRY(know_adds(&s, snapshot));
    SILT_TRY(know_removes(&s));
    SILT_TRY(s.store->ops->list(s.store, "", NULL, true, see, &s, err));
    SILT_TRY(s.st);
    SILT_TRY(leave_unsure(&s));
    SILT_TRY(look_again(&s));
    for (size_t i = 0; i < s.found.count; i++) {
        const silt_object *object = &s.found.items[i];
        silt_arena_reset(scratch);
        if (silt_used_has(&s.known, object->key) || silt_used_is_others(&s.known, object->key) ||
            silt_carry_is_linked(s.store, object->key, scratch))
            continue;
        if (spec->remove) SILT_TRY(s.store->ops->remove(s.store, object->key, err));
        SILT_TRY(fn(ctx, object, err));
    }
    return SILT_OK;
}

int64_t silt_orphans_retention_ms(const silt_snapshot *snapshot)
{
    if (!snapshot) return RETENTION_MS;
    return silt_property_interval_ms(&silt_snapshot_state(snapshot)->metadata,
                                     SILT_ORPHANS_RETENTION, RETENTION_MS);
}
