/* Trying again, in one place for all stores. */
#include "store/retry.h"

#include "store/wrap.h"

typedef struct retry_store {
    silt_store_wrap wrap;
    silt_retry_policy policy;
} retry_store;

/* The tries of one call. */
typedef struct tries {
    const silt_retry_policy *policy;
    bool unsure_too; /* are tried again */
    bool unsure;     /* one was: whatever comes then, nothing is certain until a try succeeds */
    int done;
    int64_t start_ms;
} tries;

static tries tries_of(silt_store *store, bool unsure_too)
{
    const silt_retry_policy *policy = &((retry_store *)store)->policy;
    return (tries){policy, unsure_too, false, 0, silt_now_ms(policy->clock)};
}

static int64_t next_wait_ms(const tries *t)
{
    int64_t wait = t->policy->wait_ms_first;
    for (int i = 1; i < t->done && wait < t->policy->wait_ms_max; i++)
        wait *= 2;
    if (wait > t->policy->wait_ms_max) wait = t->policy->wait_ms_max;
    if (wait <= 0) return 0;
    uint64_t random;
    silt_random_fill(t->policy->random, &random, sizeof(random));
    return wait -
           (int64_t)(random % (uint64_t)(wait / 2 + 1)); /* those that failed together, part */
}

static bool is_passing(const tries *t, silt_status st)
{
    return st == SILT_IO || st == SILT_TIMEOUT || (t->unsure_too && st == SILT_UNSURE);
}

/* Whether to try again after the answer `*st`, the wait being over; else `*st` is what to return.
 */
static bool again(tries *t, silt_status *st, silt_error *err)
{
    t->done++;
    if (*st == SILT_OK) return false;
    if (*st == SILT_UNSURE) t->unsure = true;
    if (is_passing(t, *st) && t->done < t->policy->attempts) {
        int64_t wait_ms = next_wait_ms(t), deadline_ms = t->policy->deadline_ms;
        int64_t spent_ms = silt_now_ms(t->policy->clock) - t->start_ms;
        if (deadline_ms <= 0 || spent_ms + wait_ms <= deadline_ms) {
            silt_sleep_ms(t->policy->clock, wait_ms);
            return true;
        }
    }
    if (t->unsure) *st = SILT_UNSURE;
    if (t->done > 1) silt_wrap(err, *st, "tried %d times", t->done);
    return false;
}

#define RETRY(unsure_too, call)                  \
    silt_store *below = silt_store_below(store); \
    tries t = tries_of(store, unsure_too);       \
    silt_status st;                              \
    do                                           \
        st = (call);                             \
    while (again(&t, &st, err));                 \
    return st

static silt_status retry_get(silt_store *store, const char *key, int64_t offset, int64_t length,
                             silt_arena *arena, silt_bytes *out, silt_error *err)
{
    RETRY(false, below->ops->get(below, key, offset, length, arena, out, err));
}

typedef struct resumed {
    silt_list_fn *fn;
    void *ctx;
    bool ended;
    silt_buf last;  /* the key of the last object given */
    silt_buf after; /* what it was when the present try began */
} resumed;

static void resumed_release(resumed *r)
{
    silt_buf_release(&r->last);
    silt_buf_release(&r->after);
}

static bool give_on(void *ctx, const silt_object *object)
{
    resumed *r = ctx;
    silt_buf_clear(&r->last);
    silt_buf_puts(&r->last, object->key);
    r->ended = r->last.failed || !r->fn(r->ctx, object);
    return !r->ended;
}

static silt_status retry_list(silt_store *store, const char *prefix, const char *start_after,
                              bool recursive, silt_list_fn *fn, void *ctx, silt_error *err)
{
    silt_store *below = silt_store_below(store);
    tries t = tries_of(store, false);
    SILT_CLEAN(resumed) r = {.fn = fn, .ctx = ctx};
    silt_status st;
    do {
        silt_buf_clear(&r.after);
        silt_buf_append(&r.after, r.last.data, r.last.size);
        if (r.after.failed) return silt_fail_nomem(err);
        const char *after = r.last.size ? r.after.data : start_after;
        st = below->ops->list(below, prefix, after, recursive, give_on, &r, err);
        if (r.last.failed) return silt_fail_nomem(err);
    } while (!r.ended && again(&t, &st, err));
    return st;
}

static silt_status retry_head(silt_store *store, const char *key, silt_arena *arena,
                              silt_object *out, silt_error *err)
{
    RETRY(false, below->ops->head(below, key, arena, out, err));
}

static silt_status retry_put(silt_store *store, const char *key, silt_bytes body, silt_error *err)
{
    RETRY(true, below->ops->put(below, key, body, err));
}

static silt_status retry_put_hint(silt_store *store, const char *key, silt_bytes body,
                                  silt_error *err)
{
    RETRY(true, below->ops->put_hint(below, key, body, err));
}

static silt_status retry_put_new(silt_store *store, const char *key, silt_bytes body,
                                 silt_error *err)
{
    RETRY(false, below->ops->put_new(below, key, body, err));
}

static silt_status retry_put_file(silt_store *store, const char *key, const char *local_path,
                                  silt_error *err)
{
    RETRY(false, below->ops->put_file(below, key, local_path, err));
}

static silt_status retry_get_file(silt_store *store, const char *key, const char *local_path,
                                  silt_error *err)
{
    RETRY(false, below->ops->get_file(below, key, local_path, err));
}

static silt_status retry_remove(silt_store *store, const char *key, silt_error *err)
{
    RETRY(false, below->ops->remove(below, key, err));
}

silt_store *silt_store_retry_new(silt_store *below, const silt_retry_policy *policy)
{
    static const silt_store_ops ops = {
        .get = retry_get,
        .list = retry_list,
        .head = retry_head,
        .put = retry_put,
        .put_hint = retry_put_hint,
        .put_new = retry_put_new,
        .put_file = retry_put_file,
        .get_file = retry_get_file,
        .remove = retry_remove,
    };
    const silt_retry_policy defaults = SILT_RETRY_POLICY_INIT;
    retry_store *s = calloc(1, sizeof(*s));
    if (!s) return NULL;
    silt_store_wrap_init(&s->wrap, below, &ops);
    s->policy = policy ? *policy : defaults;
    return &s->wrap.base;
}
