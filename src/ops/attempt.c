/* What an attempt left behind that was never committed. */
#include "base/json.h"
#include "ops/work.h"

/* Clocks of two hosts, and a store's rounding of times, may be this far apart. */
#define CLOCK_SLACK_MS (INT64_C(60) * 60 * 1000)

typedef struct leftovers {
    silt_arena *arena;
    const char *prefix; /* "part-<attempt>-" */
    SILT_VEC(const char *) keys;
    int64_t oldest_ms;
    bool failed;
} leftovers;

static bool collect(void *ctx, const silt_object *object)
{
    leftovers *l = ctx;
    const char *slash = strrchr(object->key, '/');
    if (!silt_starts_with(slash ? slash + 1 : object->key, l->prefix)) return true;
    if (silt_starts_with(object->key, SILT_LOG_DIR)) return true;
    const char *key = silt_arena_strdup(l->arena, object->key);
    l->failed = !key || !silt_vec_push(&l->keys, key);
    int64_t ms = object->mtime_ns / 1000000;
    if (ms < l->oldest_ms) l->oldest_ms = ms;
    return !l->failed;
}

/* Whether a commit that may be younger than the files speaks of the attempt: then it was committed,
 * and all of it counts. `*named` is true also where the log doesn't reach back that far. */
static silt_status is_named(silt_store *store, const leftovers *l, bool *named, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_arena) body_arena = silt_arena_new();
    if (!arena || !body_arena) return silt_fail_nomem(err);
    silt_log_segment segment;
    silt_status st = silt_log_segment_load(store, -1, arena, &segment, err);
    *named = false;
    if (st == SILT_NOT_FOUND) return SILT_OK; /* no table: nothing is committed */
    if (st != SILT_OK) return st;
    for (int64_t v = segment.version; v >= 0; v--) {
        silt_arena_reset(body_arena);
        const char *key = silt_log_commit_key(body_arena, v);
        silt_bytes body;
        silt_object object;
        if (!key) return silt_fail_nomem(err);
        st = store->ops->head(store, key, body_arena, &object, err);
        if (st == SILT_NOT_FOUND) {
            *named = true; /* cleaned up, before the files were written as far as can be told */
            return SILT_OK;
        }
        if (st != SILT_OK) return st;
        if (object.mtime_ns / 1000000 < l->oldest_ms - CLOCK_SLACK_MS) return SILT_OK;
        SILT_TRY(silt_store_get_all(store, key, body_arena, &body, err));
        *named = memmem(body.data, body.size, l->prefix, strlen(l->prefix)) != NULL;
        if (*named) return SILT_OK;
    }
    return SILT_OK;
}

static silt_status clean(silt_store *store, leftovers *l, silt_error *err)
{
    SILT_TRY(store->ops->list(store, "", NULL, true, collect, l, err));
    if (l->failed) return silt_fail_nomem(err);
    bool named = false;
    if (l->keys.count) SILT_TRY(is_named(store, l, &named, err));
    for (size_t i = 0; i < l->keys.count && !named; i++)
        SILT_TRY(store->ops->remove(store, l->keys.items[i], err));
    return SILT_OK;
}

silt_status silt_attempt_clean(silt_store *store, const char *attempt, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    if (!attempt[0] || strchr(attempt, '/'))
        return silt_fail(err, SILT_INVALID, "attempt \"%s\": not a name", attempt);
    const char *prefix = silt_arena_printf(arena, "part-%s-", attempt);
    const char *key = silt_arena_printf(arena, "_silt/scratch/%s", attempt);
    if (!prefix || !key) return silt_fail_nomem(err);
    const char *scratch = silt_store_local_path(store, key, arena);
    if (scratch) silt_scratch_remove(scratch);
    leftovers l = {.arena = arena, .prefix = prefix, .oldest_ms = INT64_MAX};
    silt_status st = clean(store, &l, err);
    silt_vec_free(&l.keys);
    return st;
}
