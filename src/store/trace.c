/* Tracing by wrapping: the stores themselves know nothing of it. */
#include "store/trace.h"

#include "base/json.h"
#include "store/wrap.h"

typedef struct trace_store {
    silt_store_wrap wrap;
    silt_trace_event *event;
    void *ctx;
    const silt_clock *clock;
} trace_store;

/* One call on its way. */
typedef struct span {
    trace_store *store;
    const char *op, *key;
    int64_t start_us;
    int64_t bytes, objects; /* -1: nothing to say */
    silt_error own;         /* where the caller wants no words, the trace does */
    silt_error *err;
} span;

static void span_begin(span *s, silt_store *store, const char *op, const char *key, silt_error *err)
{
    s->store = (trace_store *)store;
    s->op = op;
    s->key = key;
    s->bytes = s->objects = -1;
    s->own.message[0] = '\0';
    s->err = err ? err : &s->own;
    s->start_us = silt_now_us(s->store->clock);
}

/* An event that memory is too short for is left out. */
static silt_status span_end(const span *s, silt_status st)
{
    int64_t us = silt_now_us(s->store->clock) - s->start_us;
    SILT_CLEAN(silt_buf) json = {0};
    silt_json_writer w = silt_json_writer_of(&json);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "op", s->op);
    silt_json_member_string(&w, "key", s->key);
    silt_json_member_string(&w, "status", silt_status_name(st));
    silt_json_member_int(&w, "us", us < 0 ? 0 : us);
    if (s->bytes >= 0) silt_json_member_int(&w, "bytes", s->bytes);
    if (s->objects >= 0) silt_json_member_int(&w, "objects", s->objects);
    if (st != SILT_OK) silt_json_member_string(&w, "error", s->err->message);
    silt_json_end_object(&w);
    if (!json.failed) s->store->event(s->store->ctx, "store", json.data);
    return st;
}

static silt_status trace_get(silt_store *store, const char *key, int64_t offset, int64_t length,
                             silt_arena *arena, silt_bytes *out, silt_error *err)
{
    silt_store *below = silt_store_below(store);
    span s;
    span_begin(&s, store, "get", key, err);
    silt_status st = below->ops->get(below, key, offset, length, arena, out, s.err);
    if (st == SILT_OK) s.bytes = (int64_t)out->size;
    return span_end(&s, st);
}

typedef struct counted {
    silt_list_fn *fn;
    void *ctx;
    int64_t objects;
} counted;

static bool count_object(void *ctx, const silt_object *object)
{
    counted *c = ctx;
    c->objects++;
    return c->fn(c->ctx, object);
}

static silt_status trace_list(silt_store *store, const char *prefix, const char *start_after,
                              bool recursive, silt_list_fn *fn, void *ctx, silt_error *err)
{
    silt_store *below = silt_store_below(store);
    counted c = {fn, ctx, 0};
    span s;
    span_begin(&s, store, "list", prefix, err);
    silt_status st =
        below->ops->list(below, prefix, start_after, recursive, count_object, &c, s.err);
    s.objects = c.objects;
    return span_end(&s, st);
}

static silt_status trace_head(silt_store *store, const char *key, silt_arena *arena,
                              silt_object *out, silt_error *err)
{
    silt_store *below = silt_store_below(store);
    span s;
    span_begin(&s, store, "head", key, err);
    return span_end(&s, below->ops->head(below, key, arena, out, s.err));
}

static silt_status trace_put(silt_store *store, const char *key, silt_bytes body, silt_error *err)
{
    silt_store *below = silt_store_below(store);
    span s;
    span_begin(&s, store, "put", key, err);
    s.bytes = (int64_t)body.size;
    return span_end(&s, below->ops->put(below, key, body, s.err));
}

static silt_status trace_put_hint(silt_store *store, const char *key, silt_bytes body,
                                  silt_error *err)
{
    silt_store *below = silt_store_below(store);
    span s;
    span_begin(&s, store, "put_hint", key, err);
    s.bytes = (int64_t)body.size;
    return span_end(&s, below->ops->put_hint(below, key, body, s.err));
}

static silt_status trace_put_new(silt_store *store, const char *key, silt_bytes body,
                                 silt_error *err)
{
    silt_store *below = silt_store_below(store);
    span s;
    span_begin(&s, store, "put_new", key, err);
    s.bytes = (int64_t)body.size;
    return span_end(&s, below->ops->put_new(below, key, body, s.err));
}

static silt_status trace_put_file(silt_store *store, const char *key, const char *local_path,
                                  silt_error *err)
{
    silt_store *below = silt_store_below(store);
    span s;
    span_begin(&s, store, "put_file", key, err);
    return span_end(&s, below->ops->put_file(below, key, local_path, s.err));
}

static silt_status trace_get_file(silt_store *store, const char *key, const char *local_path,
                                  silt_error *err)
{
    silt_store *below = silt_store_below(store);
    span s;
    span_begin(&s, store, "get_file", key, err);
    return span_end(&s, below->ops->get_file(below, key, local_path, s.err));
}

static silt_status trace_remove(silt_store *store, const char *key, silt_error *err)
{
    silt_store *below = silt_store_below(store);
    span s;
    span_begin(&s, store, "remove", key, err);
    return span_end(&s, below->ops->remove(below, key, s.err));
}

silt_store *silt_store_trace_new(silt_store *below, silt_trace_event *event, void *ctx,
                                 const silt_clock *clock)
{
    static const silt_store_ops ops = {
        .get = trace_get,
        .list = trace_list,
        .head = trace_head,
        .put = trace_put,
        .put_hint = trace_put_hint,
        .put_new = trace_put_new,
        .put_file = trace_put_file,
        .get_file = trace_get_file,
        .remove = trace_remove,
    };
    trace_store *s = calloc(1, sizeof(*s));
    if (!s) return NULL;
    silt_store_wrap_init(&s->wrap, below, &ops);
    s->event = event;
    s->ctx = ctx;
    s->clock = clock;
    return &s->wrap.base;
}
