/* Faults on purpose. Each operation goes: hook, fault before?, effect, hook, fault after?
 * In the library, and not with the tests, so that a sweep can run the whole of Silt over it. */
#include "store/fault.h"

#include <signal.h>

#include "store/file.h"
#include "store/wrap.h"

typedef struct fault_store {
    silt_store_wrap wrap;
    silt_fault_plan plan;
    silt_fault_run own;
} fault_store;

/* One call on its way. */
typedef struct call {
    fault_store *store;
    const char *op, *key;
    silt_fault_ops bit;
    int64_t number; /* 0: not counted */
    bool hit;
} call;

static silt_status fail_dead(silt_error *err)
{
    silt_fail(err, SILT_FAILED, "fault: the process is dead");
    if (err) err->cause = SILT_FAULT_DEAD_CAUSE;
    return SILT_FAILED;
}

static silt_status fail_lost(const call *c, silt_status fallback, silt_error *err)
{
    const silt_fault_plan *plan = &c->store->plan;
    silt_status status = plan->status == SILT_OK ? fallback : plan->status;
    return silt_fail(err, status, "fault: %s %s, call %" PRId64, c->op, c->key, c->number);
}

static void kill_now(void)
{
    raise(SIGKILL);
}

static void call_hook(const call *c, silt_fault_when when)
{
    const silt_fault_plan *plan = &c->store->plan;
    if (plan->hook) plan->hook(plan->hook_ctx, when, c->op, c->key, c->number);
}

static void count(call *c)
{
    const silt_fault_plan *plan = &c->store->plan;
    unsigned ops = plan->ops ? plan->ops : SILT_FAULT_ALL;
    if (!(ops & c->bit) || (plan->key_part && !strstr(c->key, plan->key_part))) return;
    c->number = atomic_fetch_add(&plan->run->calls, 1) + 1;
    c->hit = plan->kind != SILT_FAULT_NONE && c->number == plan->at;
}

/* OK: the call may have its effect. `body` is what it would write, if anything. */
static silt_status begin(call *c, const silt_bytes *body, silt_error *err)
{
    const silt_fault_plan *plan = &c->store->plan;
    if (atomic_load(&plan->run->dead)) return fail_dead(err);
    count(c);
    call_hook(c, SILT_FAULT_BEFORE);
    if (!c->hit) return SILT_OK;
    atomic_store(&plan->run->fired, true);
    switch (plan->kind) {
    case SILT_FAULT_BEFORE_EFFECT:
        return fail_lost(c, SILT_IO, err);
    case SILT_FAULT_CRASH:
        atomic_store(&plan->run->dead, true);
        return fail_dead(err);
    case SILT_FAULT_KILL_MID:
        if (body) (void)silt_store_file_leave_half(c->store->wrap.below, c->key, *body, NULL);
        kill_now();
        break;
    case SILT_FAULT_KILL_BEFORE:
        kill_now();
        break;
    default:
        break;
    }
    return SILT_OK;
}

/* What the caller gets to hear of `st`, the answer. */
static silt_status end(const call *c, silt_status st, silt_error *err)
{
    const silt_fault_plan *plan = &c->store->plan;
    call_hook(c, SILT_FAULT_AFTER);
    if (!c->hit) return st;
    switch (plan->kind) {
    case SILT_FAULT_AFTER_EFFECT:
        return fail_lost(c, c->bit & SILT_FAULT_PUTS ? SILT_UNSURE : SILT_IO, err);
    case SILT_FAULT_CRASH_AFTER:
        atomic_store(&plan->run->dead, true);
        return fail_dead(err);
    case SILT_FAULT_KILL_AFTER:
        kill_now();
        break;
    default:
        break;
    }
    return st;
}

#define CALL(name, name_bit, call_key)           \
    silt_store *below = silt_store_below(store); \
    call c = {.store = (fault_store *)store, .op = (name), .key = (call_key), .bit = (name_bit)}

static silt_status fault_get(silt_store *store, const char *key, int64_t offset, int64_t length,
                             silt_arena *arena, silt_bytes *out, silt_error *err)
{
    CALL("get", SILT_FAULT_GET, key);
    SILT_TRY(begin(&c, NULL, err));
    silt_bytes seen;
    silt_status st = below->ops->get(below, key, offset, length, arena, &seen, err);
    bool got = st == SILT_OK;
    SILT_TRY(end(&c, st, err));
    if (got) *out = seen;
    return SILT_OK;
}

static silt_status fault_list(silt_store *store, const char *prefix, const char *start_after,
                              bool recursive, silt_list_fn *fn, void *ctx, silt_error *err)
{
    CALL("list", SILT_FAULT_LIST, prefix);
    SILT_TRY(begin(&c, NULL, err));
    return end(&c, below->ops->list(below, prefix, start_after, recursive, fn, ctx, err), err);
}

static silt_status fault_head(silt_store *store, const char *key, silt_arena *arena,
                              silt_object *out, silt_error *err)
{
    CALL("head", SILT_FAULT_HEAD, key);
    SILT_TRY(begin(&c, NULL, err));
    silt_object seen;
    silt_status st = below->ops->head(below, key, arena, &seen, err);
    bool got = st == SILT_OK;
    SILT_TRY(end(&c, st, err));
    if (got) *out = seen;
    return SILT_OK;
}

static silt_status fault_put(silt_store *store, const char *key, silt_bytes body, silt_error *err)
{
    CALL("put", SILT_FAULT_PUT, key);
    SILT_TRY(begin(&c, &body, err));
    return end(&c, below->ops->put(below, key, body, err), err);
}

static silt_status fault_put_hint(silt_store *store, const char *key, silt_bytes body,
                                  silt_error *err)
{
    CALL("put_hint", SILT_FAULT_PUT, key);
    SILT_TRY(begin(&c, &body, err));
    return end(&c, below->ops->put_hint(below, key, body, err), err);
}

static silt_status fault_put_new(silt_store *store, const char *key, silt_bytes body,
                                 silt_error *err)
{
    CALL("put_new", SILT_FAULT_PUT_NEW, key);
    SILT_TRY(begin(&c, &body, err));
    return end(&c, below->ops->put_new(below, key, body, err), err);
}

static silt_status fault_put_file(silt_store *store, const char *key, const char *local_path,
                                  silt_error *err)
{
    CALL("put_file", SILT_FAULT_PUT_FILE, key);
    SILT_TRY(begin(&c, NULL, err));
    return end(&c, below->ops->put_file(below, key, local_path, err), err);
}

static silt_status fault_get_file(silt_store *store, const char *key, const char *local_path,
                                  silt_error *err)
{
    CALL("get_file", SILT_FAULT_GET_FILE, key);
    SILT_TRY(begin(&c, NULL, err));
    return end(&c, below->ops->get_file(below, key, local_path, err), err);
}

static silt_status fault_remove(silt_store *store, const char *key, silt_error *err)
{
    CALL("remove", SILT_FAULT_REMOVE, key);
    SILT_TRY(begin(&c, NULL, err));
    return end(&c, below->ops->remove(below, key, err), err);
}

silt_fault_run *silt_store_fault_run(silt_store *fault)
{
    return ((fault_store *)fault)->plan.run;
}

silt_store *silt_store_fault_new(silt_store *below, const silt_fault_plan *plan)
{
    static const silt_store_ops ops = {
        .get = fault_get,
        .list = fault_list,
        .head = fault_head,
        .put = fault_put,
        .put_hint = fault_put_hint,
        .put_new = fault_put_new,
        .put_file = fault_put_file,
        .get_file = fault_get_file,
        .remove = fault_remove,
    };
    fault_store *s = calloc(1, sizeof(*s));
    if (!s) return NULL;
    silt_store_wrap_init(&s->wrap, below, &ops);
    s->plan = *plan;
    if (!s->plan.run) s->plan.run = &s->own;
    if (plan->hide_local_path) s->wrap.ops.local_path = NULL;
    return &s->wrap.base;
}
