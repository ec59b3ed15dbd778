/* An in-memory store, for tests and scratch: what the other stores are measured by.
 *
 * Objects are in an array, ordered by key, under one mutex. Callbacks run without it. Each put has
 * a time that is greater than that of every put before it. */
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/seam.h"
#include "store/local.h"

typedef struct object {
    char *key;
    char *body; /* malloc, `size` bytes and NUL */
    size_t size;
    int64_t mtime_ns;
} object;

typedef SILT_VEC(object) object_vec;

typedef struct mem_store {
    silt_store base;
    pthread_mutex_t lock;
    object_vec objects;
    int64_t last_mtime_ns;
} mem_store;

static mem_store *self(silt_store *store)
{
    return (mem_store *)store;
}

typedef pthread_mutex_t *guard;

/* The store is this thread's until the end of the scope. */
#define HOLD(store) SILT_CLEAN(guard) held __attribute__((unused)) = lock(store)

static guard lock(mem_store *s)
{
    pthread_mutex_lock(&s->lock);
    return &s->lock;
}

static void guard_release(guard *g)
{
    pthread_mutex_unlock(*g);
}

/* Index of the first object whose key isn't less than `key`. */
static size_t lower_bound(const mem_store *s, const char *key)
{
    size_t low = 0, high = s->objects.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(s->objects.items[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static object *find(mem_store *s, const char *key)
{
    size_t i = lower_bound(s, key);
    if (i == s->objects.count || strcmp(s->objects.items[i].key, key) != 0) return NULL;
    return &s->objects.items[i];
}

static silt_status fail_missing(const char *key, silt_error *err)
{
    return silt_fail(err, SILT_NOT_FOUND, "%s: no such object in memory", key);
}

static silt_status mem_get(silt_store *store, const char *key, int64_t offset, int64_t length,
                           silt_arena *arena, silt_bytes *out, silt_error *err)
{
    SILT_TRY(silt_store_check_range(key, offset, length, err));
    HOLD(self(store));
    const object *o = find(self(store), key);
    if (!o) return fail_missing(key, err);
    size_t start = (uint64_t)offset < o->size ? (size_t)offset : o->size;
    size_t size = o->size - start;
    if (length >= 0 && (uint64_t)length < size) size = (size_t)length;
    const char *data = silt_arena_strndup(arena, o->body + start, size);
    if (!data) return silt_fail_nomem(err);
    *out = (silt_bytes){data, size};
    return SILT_OK;
}

static silt_status mem_head(silt_store *store, const char *key, silt_arena *arena, silt_object *out,
                            silt_error *err)
{
    SILT_TRY(silt_store_check_key(key, err));
    HOLD(self(store));
    const object *o = find(self(store), key);
    if (!o) return fail_missing(key, err);
    const char *copy = silt_arena_strdup(arena, key);
    if (!copy) return silt_fail_nomem(err);
    *out = (silt_object){.key = copy, .size_bytes = (int64_t)o->size, .mtime_ns = o->mtime_ns};
    return SILT_OK;
}

/* ---- listing: one object a lock, so that the callback may use the store */

typedef struct cursor {
    silt_buf after; /* the next key is greater than this; "" at the start */
    silt_buf key;   /* of the object found */
    silt_object object;
} cursor;

static void cursor_release(cursor *c)
{
    silt_buf_release(&c->after);
    silt_buf_release(&c->key);
}

/* Moves on to the next object of the listing; false at its end. */
static bool cursor_next(mem_store *s, cursor *c, const char *prefix, bool recursive)
{
    const size_t prefix_size = strlen(prefix);
    HOLD(s);
    size_t i = lower_bound(s, c->after.data);
    for (; i < s->objects.count; i++) {
        const object *o = &s->objects.items[i];
        if (strcmp(o->key, c->after.data) <= 0) continue;
        int side = strncmp(o->key, prefix, prefix_size);
        if (side > 0) return false;
        if (side < 0 || (!recursive && strchr(o->key + prefix_size, '/'))) continue;
        silt_buf_clear(&c->key);
        silt_buf_puts(&c->key, o->key);
        c->object = (silt_object){c->key.data, (int64_t)o->size, o->mtime_ns, NULL};
        return !c->key.failed;
    }
    return false;
}

static silt_status mem_list(silt_store *store, const char *prefix, const char *start_after,
                            bool recursive, silt_list_fn *fn, void *ctx, silt_error *err)
{
    SILT_TRY(silt_store_check_prefix(prefix, err));
    SILT_CLEAN(cursor) c = {0};
    /* Every key of the folder is greater than the folder itself. */
    bool later = start_after && strcmp(start_after, prefix) > 0;
    silt_buf_puts(&c.after, later ? start_after : prefix);
    while (!c.after.failed && cursor_next(self(store), &c, prefix, recursive)) {
        if (!fn(ctx, &c.object)) return SILT_OK;
        silt_buf_clear(&c.after);
        silt_buf_append(&c.after, c.key.data, c.key.size);
    }
    return c.after.failed || c.key.failed ? silt_fail_nomem(err) : SILT_OK;
}

/* ---- writing */

/* Takes `o` where it succeeds. */
static silt_status insert(mem_store *s, object *o, bool replace, silt_error *err)
{
    HOLD(s);
    object *there = find(s, o->key);
    if (there && !replace) return silt_fail(err, SILT_EXISTS, "%s exists in memory", o->key);
    int64_t now = silt_now_us(NULL) * 1000;
    s->last_mtime_ns = now > s->last_mtime_ns ? now : s->last_mtime_ns + 1;
    o->mtime_ns = s->last_mtime_ns;
    if (there) {
        object old = *there;
        *there = *o;
        *o = old; /* to be released in its place */
        return SILT_OK;
    }
    size_t at = lower_bound(s, o->key);
    if (!silt_vec_push(&s->objects, *o)) return silt_fail_nomem(err);
    object *items = s->objects.items;
    memmove(items + at + 1, items + at, (s->objects.count - 1 - at) * sizeof(*items));
    items[at] = *o;
    *o = (object){0};
    return SILT_OK;
}

static void object_release(object *o)
{
    free(o->key);
    free(o->body);
}

static silt_status put_bytes(silt_store *store, const char *key, silt_bytes body, bool replace,
                             silt_error *err)
{
    SILT_TRY(silt_store_check_key(key, err));
    SILT_CLEAN(object) o = {.key = strdup(key), .body = malloc(body.size + 1), .size = body.size};
    if (!o.key || !o.body) return silt_fail_nomem(err);
    if (body.size) memcpy(o.body, body.data, body.size);
    o.body[body.size] = '\0';
    return insert(self(store), &o, replace, err);
}

static silt_status mem_put(silt_store *store, const char *key, silt_bytes body, silt_error *err)
{
    return put_bytes(store, key, body, true, err);
}

static silt_status mem_put_new(silt_store *store, const char *key, silt_bytes body, silt_error *err)
{
    return put_bytes(store, key, body, false, err);
}

static silt_status mem_put_file(silt_store *store, const char *key, const char *local_path,
                                silt_error *err)
{
    SILT_TRY(silt_store_check_key(key, err));
    SILT_CLEAN(silt_fd) fd = -1;
    int64_t size;
    int e = silt_local_open(local_path, &fd, &size);
    if (e) return silt_local_fail_source(e, local_path, err);

    SILT_CLEAN(object) o = {.key = strdup(key), .body = malloc((size_t)size + 1)};
    if (!o.key || !o.body) return silt_fail_nomem(err);
    e = silt_local_read(fd, 0, o.body, (size_t)size, &o.size);
    if (e) return silt_fail_errno(err, e, "read %s", local_path);
    o.body[o.size] = '\0';
    SILT_TRY(insert(self(store), &o, true, err));
    unlink(local_path); /* the object stands: a source that can't be deleted doesn't change that */
    return SILT_OK;
}

static silt_status mem_get_file(silt_store *store, const char *key, const char *local_path,
                                silt_error *err)
{
    SILT_TRY(silt_store_check_key(key, err));
    HOLD(self(store));
    const object *o = find(self(store), key);
    if (!o) return fail_missing(key, err);
    int e = silt_local_write_file(local_path, o->body, o->size);
    return e ? silt_local_fail_target(e, local_path, err) : SILT_OK;
}

static silt_status mem_remove(silt_store *store, const char *key, silt_error *err)
{
    SILT_TRY(silt_store_check_key(key, err));
    mem_store *s = self(store);
    HOLD(s);
    object *o = find(s, key);
    if (!o) return SILT_OK;
    object_release(o);
    size_t behind = (size_t)(s->objects.items + --s->objects.count - o);
    memmove(o, o + 1, behind * sizeof(*o));
    return SILT_OK;
}

static void mem_free(silt_store *store)
{
    mem_store *s = self(store);
    for (size_t i = 0; i < s->objects.count; i++)
        object_release(&s->objects.items[i]);
    silt_vec_free(&s->objects);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

silt_store *silt_store_mem_new(void)
{
    static const silt_store_ops ops = {
        .kind = "memory",
        .get = mem_get,
        .list = mem_list,
        .head = mem_head,
        .put = mem_put,
        .put_hint = mem_put,
        .put_new = mem_put_new,
        .put_file = mem_put_file,
        .get_file = mem_get_file,
        .remove = mem_remove,
        .free = mem_free,
    };
    mem_store *s = calloc(1, sizeof(*s));
    if (!s) return NULL;
    s->base = (silt_store){&ops, "memory:"};
    pthread_mutex_init(&s->lock, NULL);
    return &s->base;
}
