/* Puts go aside. */
#include "store/overlay.h"

#include <pthread.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/wrap.h"

typedef struct overlay {
    silt_store_wrap wrap;
    silt_store *over;
    pthread_mutex_t lock; /* of the next one */
    silt_map64 *removed;  /* keys below that are hidden: → NULL once they were put again */
} overlay;

static overlay *self(silt_store *store)
{
    return (overlay *)store;
}

static bool is_removed(overlay *o, const char *key)
{
    pthread_mutex_lock(&o->lock);
    bool removed = silt_map64_get(o->removed, key, strlen(key)) != NULL;
    pthread_mutex_unlock(&o->lock);
    return removed;
}

static silt_status set_removed(overlay *o, const char *key, bool removed, silt_error *err)
{
    bool found;
    if (!removed && !is_removed(o, key)) return SILT_OK;
    pthread_mutex_lock(&o->lock);
    void **slot = silt_map64_slot(o->removed, key, strlen(key), &found);
    if (slot) *slot = removed ? o : NULL;
    pthread_mutex_unlock(&o->lock);
    return slot ? SILT_OK : silt_fail_nomem(err);
}

/* ---- reading */

/* Which of the two has it; where neither does the one below says so. */
static silt_status find(overlay *o, const char *key, silt_store **out, silt_error *err)
{
    bool there;
    SILT_TRY(silt_store_exists(o->over, key, &there, err));
    *out = there || is_removed(o, key) ? o->over : o->wrap.below;
    return SILT_OK;
}

static silt_status overlay_get(silt_store *store, const char *key, int64_t offset, int64_t length,
                               silt_arena *arena, silt_bytes *out, silt_error *err)
{
    silt_store *of;
    SILT_TRY(find(self(store), key, &of, err));
    return of->ops->get(of, key, offset, length, arena, out, err);
}

static silt_status overlay_head(silt_store *store, const char *key, silt_arena *arena,
                                silt_object *out, silt_error *err)
{
    silt_store *of;
    SILT_TRY(find(self(store), key, &of, err));
    return of->ops->head(of, key, arena, out, err);
}

static silt_status overlay_get_file(silt_store *store, const char *key, const char *local_path,
                                    silt_error *err)
{
    silt_store *of;
    SILT_TRY(find(self(store), key, &of, err));
    return of->ops->get_file(of, key, local_path, err);
}

typedef struct merging {
    overlay *o;
    SILT_VEC(silt_object) over; /* few: what one operation puts */
    size_t next;                /* of these */
    silt_arena *arena;
    silt_list_fn *fn;
    void *ctx;
    bool failed, stopped;
} merging;

static bool note_object(void *ctx, const silt_object *object)
{
    merging *m = ctx;
    silt_object copy = *object;
    copy.key = silt_arena_strdup(m->arena, object->key);
    m->failed = !copy.key || !silt_vec_push(&m->over, copy);
    return !m->failed;
}

/* Those of `over` before a key; NULL: all that are left. */
static bool give_over(merging *m, const char *before)
{
    while (!m->stopped && m->next < m->over.count &&
           (!before || strcmp(m->over.items[m->next].key, before) < 0))
        m->stopped = !m->fn(m->ctx, &m->over.items[m->next++]);
    return !m->stopped;
}

static bool give_below(void *ctx, const silt_object *object)
{
    merging *m = ctx;
    if (!give_over(m, object->key)) return false;
    bool hidden = is_removed(m->o, object->key) ||
                  (m->next < m->over.count && strcmp(m->over.items[m->next].key, object->key) == 0);
    if (!hidden) m->stopped = !m->fn(m->ctx, object);
    return !m->stopped;
}

static silt_status overlay_list(silt_store *store, const char *prefix, const char *start_after,
                                bool recursive, silt_list_fn *fn, void *ctx, silt_error *err)
{
    overlay *o = self(store);
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    merging m = {.o = o, .arena = arena, .fn = fn, .ctx = ctx};
    silt_status st =
        o->over->ops->list(o->over, prefix, start_after, recursive, note_object, &m, err);
    if (st == SILT_OK && m.failed) st = silt_fail_nomem(err);
    silt_store *below = o->wrap.below;
    if (st == SILT_OK)
        st = below->ops->list(below, prefix, start_after, recursive, give_below, &m, err);
    if (st == SILT_OK) (void)give_over(&m, NULL);
    silt_vec_free(&m.over);
    return st;
}

static const char *overlay_local_path(silt_store *store, const char *key, silt_arena *arena)
{
    overlay *o = self(store);
    const char *over = silt_store_local_path(o->over, key, arena);
    const char *below = silt_store_local_path(o->wrap.below, key, arena);
    if (!over || !below) return NULL;
    if (!*key) return below;
    bool there = access(over, F_OK) != 0 && !is_removed(o, key) && access(below, F_OK) == 0;
    return there ? below : over;
}

/* ---- changing */

static silt_status overlay_put(silt_store *store, const char *key, silt_bytes body, silt_error *err)
{
    overlay *o = self(store);
    SILT_TRY(o->over->ops->put(o->over, key, body, err));
    return set_removed(o, key, false, err);
}

static silt_status overlay_put_hint(silt_store *store, const char *key, silt_bytes body,
                                    silt_error *err)
{
    overlay *o = self(store);
    SILT_TRY(o->over->ops->put_hint(o->over, key, body, err));
    return set_removed(o, key, false, err);
}

static silt_status overlay_put_new(silt_store *store, const char *key, silt_bytes body,
                                   silt_error *err)
{
    overlay *o = self(store);
    bool taken;
    SILT_TRY(silt_store_exists(store, key, &taken, err));
    if (taken) return silt_fail(err, SILT_EXISTS, "%s: is there already", key);
    SILT_TRY(o->over->ops->put_new(o->over, key, body, err));
    return set_removed(o, key, false, err);
}

static silt_status overlay_put_file(silt_store *store, const char *key, const char *local_path,
                                    silt_error *err)
{
    overlay *o = self(store);
    SILT_TRY(o->over->ops->put_file(o->over, key, local_path, err));
    return set_removed(o, key, false, err);
}

static silt_status overlay_remove(silt_store *store, const char *key, silt_error *err)
{
    overlay *o = self(store);
    SILT_TRY(o->over->ops->remove(o->over, key, err));
    return set_removed(o, key, true, err);
}

/* ---- the store */

static void overlay_free(silt_store *store)
{
    overlay *o = self(store);
    silt_store_free(o->over);
    silt_map64_free(o->removed);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

silt_store *silt_store_overlay_new(silt_store *below, silt_store *over)
{
    static const silt_store_ops ops = {
        .get = overlay_get,
        .list = overlay_list,
        .head = overlay_head,
        .put = overlay_put,
        .put_hint = overlay_put_hint,
        .put_new = overlay_put_new,
        .put_file = overlay_put_file,
        .get_file = overlay_get_file,
        .remove = overlay_remove,
    };
    overlay *o = calloc(1, sizeof(*o));
    silt_map64 *removed = silt_map64_new();
    if (!o || !removed) {
        free(o);
        silt_map64_free(removed);
        silt_store_free(over);
        return NULL;
    }
    silt_store_wrap_init(&o->wrap, below, &ops);
    o->wrap.ops.local_path =
        below->ops->local_path && over->ops->local_path ? overlay_local_path : NULL;
    o->wrap.ops.free = overlay_free;
    o->over = over;
    o->removed = removed;
    pthread_mutex_init(&o->lock, NULL);
    return &o->wrap.base;
}
