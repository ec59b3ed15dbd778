/* What an attempt left behind that was never committed. */
#include "base/hash.h"
#include "base/json.h"
#include "log/dv.h"
#include "ops/work.h"

#define VECTORS_MAX 4096 /* names that an attempt may have asked for */
#define VECTOR      "deletion_vector_"

/* Clocks of two hosts, and a store's rounding of times, may be this far apart. */
#define CLOCK_SLACK_MS (INT64_C(60) * 60 * 1000)

typedef struct leftovers {
    silt_arena *arena;
    const char *prefix;  /* "part-<attempt>-" */
    silt_map64 *vectors; /* uuids of the attempt's deletion vectors → as the log has them */
    SILT_VEC(const char *) keys;
    SILT_VEC(const char *) words; /* of which a commit that stands has one: the prefix, vectors */
    int64_t oldest_ms;
    bool failed;
} leftovers;

/* As the log has it, where the name is one of the attempt's deletion vectors; NULL: it isn't. */
static const char *vector_of(const leftovers *l, const char *name)
{
    const size_t size = SILT_UUID_SIZE - 1, at = strlen(VECTOR);
    if (!silt_starts_with(name, VECTOR) || strlen(name) != at + size + strlen(".bin")) return NULL;
    return silt_map64_get(l->vectors, name + at, size);
}

static bool collect(void *ctx, const silt_object *object)
{
    leftovers *l = ctx;
    const char *slash = strrchr(object->key, '/'), *name = slash ? slash + 1 : object->key;
    const char *vector = vector_of(l, name);
    if (!vector && !silt_starts_with(name, l->prefix)) return true;
    if (silt_starts_with(object->key, SILT_LOG_DIR)) return true;
    const char *key = silt_arena_strdup(l->arena, object->key);
    l->failed =
        !key || !silt_vec_push(&l->keys, key) || (vector && !silt_vec_push(&l->words, vector));
    int64_t ms = object->mtime_ns / 1000000;
    if (ms < l->oldest_ms) l->oldest_ms = ms;
    return !l->failed;
}

static silt_status name_vectors(leftovers *l, const char *attempt, silt_error *err)
{
    silt_dv_names names = {.attempt = attempt};
    const silt_random random = silt_dv_names_random(&names);
    while (names.asked < VECTORS_MAX) {
        bool found;
        char uuid[SILT_UUID_SIZE], text[SILT_DV_UUID_SIZE];
        silt_uuid(&random, uuid);
        silt_dv_encode_uuid(uuid, text);
        const char *key = silt_arena_strdup(l->arena, uuid);
        char *word = silt_arena_strdup(l->arena, text);
        void **slot = key ? silt_map64_slot(l->vectors, key, strlen(key), &found) : NULL;
        if (!slot || !word) return silt_fail_nomem(err);
        *slot = word;
    }
    return SILT_OK;
}

static bool speaks_of(const leftovers *l, silt_bytes body)
{
    for (size_t i = 0; i < l->words.count; i++)
        if (memmem(body.data, body.size, l->words.items[i], strlen(l->words.items[i]))) return true;
    return false;
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
        *named = speaks_of(l, body);
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
    const char *rows = scratch ? silt_arena_printf(arena, "%s-rows", scratch) : NULL;
    if (rows) silt_scratch_remove(rows); /* of ops/sieve.c */
    SILT_AUTO(silt_map64) vectors = silt_map64_new();
    if (!vectors) return silt_fail_nomem(err);
    leftovers l = {.arena = arena, .prefix = prefix, .vectors = vectors, .oldest_ms = INT64_MAX};
    silt_status st = name_vectors(&l, attempt, err);
    if (st == SILT_OK && !silt_vec_push(&l.words, prefix)) st = silt_fail_nomem(err);
    if (st == SILT_OK) st = clean(store, &l, err);
    silt_vec_free(&l.keys);
    silt_vec_free(&l.words);
    return st;
}
