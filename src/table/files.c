/* Lists of files that grow by commits.
 *
 * Invariants
 *  (1) A list never changes once made; a settled set has no deltas.
 *  (2) Every string of a list or delta lives in set.memory or in an arena that it leans on.
 *  (3) The chain of arenas is at most CHAIN_MAX + CHANGES_MAX long: settling copies into a new
 * arena when the chain is long, and a set with too many changes is forgotten. */
#include "table/files.h"

#include <stdatomic.h>

#include "base/hash.h"
#include "log/log.h"

#define CHAIN_MAX   64
#define CHANGES_MAX 1000

struct silt_shared {
    atomic_int uses;
    silt_arena *arena;
    silt_shared *older;
    size_t depth;
};

struct silt_file_list {
    atomic_int uses;
    size_t count;
    int64_t size_bytes;
    const silt_add *items; /* `own`, or in the set's memory */
    silt_add own[];
};

struct silt_file_delta {
    const silt_file_delta *older;
    const silt_add *adds;
    const char **removes; /* identities */
    size_t add_count, remove_count;
};

/* ---- counted memory */

static void shared_release(silt_shared *shared)
{
    while (shared && atomic_fetch_sub(&shared->uses, 1) == 1) {
        silt_shared *older = shared->older;
        silt_arena_free(shared->arena);
        free(shared);
        shared = older;
    }
}

/* Takes both arguments, on failure too. */
static silt_shared *shared_new(silt_arena *arena, silt_shared *older)
{
    silt_shared *shared = arena ? calloc(1, sizeof(*shared)) : NULL;
    if (!shared) {
        silt_arena_free(arena);
        shared_release(older);
        return NULL;
    }
    atomic_init(&shared->uses, 1);
    shared->arena = arena;
    shared->older = older;
    shared->depth = older ? older->depth + 1 : 0;
    return shared;
}

static void list_release(silt_file_list *list)
{
    if (list && atomic_fetch_sub(&list->uses, 1) == 1) free(list);
}

static silt_file_list *list_new(size_t capacity)
{
    size_t bytes;
    if (__builtin_mul_overflow(capacity, sizeof(silt_add), &bytes)) return NULL;
    silt_file_list *list = malloc(sizeof(*list) + bytes);
    if (!list) return NULL;
    atomic_init(&list->uses, 1);
    list->count = 0;
    list->size_bytes = 0;
    list->items = list->own;
    return list;
}

static void list_push(silt_file_list *list, const silt_add *add)
{
    list->own[list->count++] = *add;
    list->size_bytes += add->size_bytes;
}

void silt_file_set_release(silt_file_set *set)
{
    list_release(set->list);
    shared_release(set->memory);
    *set = (silt_file_set){0};
}

silt_status silt_file_set_init(silt_file_set *set, silt_arena *arena, const silt_add *items,
                               size_t count, silt_error *err)
{
    silt_shared *memory = shared_new(arena, NULL);
    silt_file_list *list = memory ? list_new(0) : NULL;
    if (!list) {
        shared_release(memory);
        return silt_fail_nomem(err);
    }
    list->items = items;
    list->count = count;
    for (size_t i = 0; i < count; i++)
        list->size_bytes += items[i].size_bytes;
    *set = (silt_file_set){memory, list, NULL, 0};
    return SILT_OK;
}

silt_file_set silt_file_set_share(const silt_file_set *set)
{
    if (!set->list) return (silt_file_set){0};
    atomic_fetch_add(&set->list->uses, 1);
    atomic_fetch_add(&set->memory->uses, 1);
    return *set;
}

/* ---- changes */

const char *silt_file_identity(const char *path, const silt_dv *dv, bool with_dv, silt_arena *arena)
{
    const char *key = silt_path_canonical(path, arena);
    if (!key || !with_dv || !dv) return key;
    const char *id = silt_dv_unique_id(dv, arena);
    return id ? silt_arena_printf(arena, "%s\n%s", key, id) : NULL;
}

static bool copy_changes(const silt_action *actions, size_t count, silt_arena *arena,
                         silt_file_delta *delta, silt_add *adds)
{
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == SILT_ACTION_ADD) {
            if (!silt_add_copy(&actions[i].add, arena, &adds[delta->add_count++])) return false;
        } else if (actions[i].kind == SILT_ACTION_REMOVE) {
            const silt_remove *remove = &actions[i].remove;
            const char *id = silt_file_identity(remove->path, remove->dv, true, arena);
            if (id) id = silt_arena_strdup(arena, id); /* it may be part of the caller's path */
            if (!id) return false;
            delta->removes[delta->remove_count++] = id;
        }
    }
    return true;
}

/* What `actions` change, in an arena of its own that leans on the set's. */
static bool push_delta(silt_file_set *set, const silt_action *actions, size_t count, size_t adds,
                       size_t removes)
{
    atomic_fetch_add(&set->memory->uses, 1);
    silt_shared *memory = shared_new(silt_arena_new(), set->memory);
    if (!memory) return false;
    silt_file_delta *delta = silt_arena_calloc(memory->arena, 1, sizeof(*delta));
    silt_add *copies = silt_arena_calloc(memory->arena, adds, sizeof(*copies));
    const char **ids = silt_arena_calloc(memory->arena, removes, sizeof(*ids));
    if (delta && copies && ids) {
        *delta = (silt_file_delta){set->deltas, copies, ids, 0, 0};
        if (copy_changes(actions, count, memory->arena, delta, copies)) {
            shared_release(set->memory);
            set->memory = memory;
            set->deltas = delta;
            set->delta_count++;
            return true;
        }
    }
    shared_release(memory);
    return false;
}

silt_status silt_file_set_change(silt_file_set *set, const silt_action *actions, size_t count,
                                 silt_error *err)
{
    if (!set->list) return SILT_OK;
    size_t adds = 0, removes = 0;
    for (size_t i = 0; i < count; i++) {
        adds += actions[i].kind == SILT_ACTION_ADD;
        removes += actions[i].kind == SILT_ACTION_REMOVE;
    }
    if (adds + removes == 0) return SILT_OK;
    if (set->delta_count >= CHANGES_MAX) {
        silt_file_set_release(set);
        return SILT_OK;
    }
    return push_delta(set, actions, count, adds, removes) ? SILT_OK : silt_fail_nomem(err);
}

/* ---- settling */

/* Whether the identity is seen for the first time; `*ok` becomes false when out of memory. */
static bool first_seen(silt_map64 *seen, const char *id, bool *ok)
{
    bool found = true;
    void **slot = id ? silt_map64_slot(seen, id, strlen(id), &found) : NULL;
    if (slot) *slot = seen; /* anything but NULL */
    *ok = slot != NULL;
    return slot && !found;
}

/* The newest word on each file wins: deltas newest first, then the list. */
static bool merge(const silt_file_set *set, silt_map64 *seen, silt_arena *scratch,
                  silt_file_list *out)
{
    bool ok = true;
    for (const silt_file_delta *d = set->deltas; d && ok; d = d->older) {
        for (size_t i = 0; i < d->add_count && ok; i++) {
            const silt_add *add = &d->adds[i];
            if (first_seen(seen, silt_file_identity(add->path, add->dv, true, scratch), &ok))
                list_push(out, add);
        }
        for (size_t i = 0; i < d->remove_count && ok; i++)
            (void)first_seen(seen, d->removes[i], &ok);
    }
    for (size_t i = 0; i < set->list->count && ok; i++) {
        const silt_add *add = &set->list->items[i];
        const char *id = silt_file_identity(add->path, add->dv, true, scratch);
        ok = id != NULL;
        if (ok && !silt_map64_get(seen, id, strlen(id))) list_push(out, add);
    }
    return ok;
}

/* Let go of a long chain of arenas: all that the list, just merged, needs into one. */
static bool compact(silt_file_set *set)
{
    silt_arena *arena = silt_arena_new();
    for (size_t i = 0; arena && i < set->list->count; i++) {
        silt_add copy;
        if (!silt_add_copy(&set->list->own[i], arena, &copy)) {
            silt_arena_free(arena);
            return false;
        }
        set->list->own[i] = copy;
    }
    silt_shared *memory = shared_new(arena, NULL);
    if (!memory) return false;
    shared_release(set->memory);
    set->memory = memory;
    return true;
}

silt_status silt_file_set_settle(silt_file_set *set, silt_error *err)
{
    if (!set->deltas) return SILT_OK;
    size_t capacity = set->list->count;
    for (const silt_file_delta *d = set->deltas; d; d = d->older)
        capacity += d->add_count;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_AUTO(silt_map64) seen = silt_map64_new();
    silt_file_list *list = list_new(capacity);
    if (!scratch || !seen || !list || !merge(set, seen, scratch, list)) {
        list_release(list);
        return silt_fail_nomem(err);
    }
    list_release(set->list);
    set->list = list;
    set->deltas = NULL;
    set->delta_count = 0;
    if (set->memory->depth >= CHAIN_MAX && !compact(set)) {
        silt_file_set_release(set);
        return silt_fail_nomem(err);
    }
    return SILT_OK;
}

const silt_add *silt_file_set_items(const silt_file_set *set, size_t *count, int64_t *size_bytes)
{
    *count = set->list->count;
    if (size_bytes) *size_bytes = set->list->size_bytes;
    return set->list->items;
}
