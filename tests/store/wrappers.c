/* Stores over stores: faults, retries, traces. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "store/fault.h"
#include "store/retry.h"
#include "store/trace.h"
#include "store/wrap.h"
#include "support/files.h"

static silt_error error;
static silt_arena *arena;
static silt_store *disk; /* in memory: what stays when a process dies */
static char *dir;

static int setup(void **state)
{
    (void)state;
    arena = silt_arena_new();
    disk = silt_store_mem_new();
    dir = test_dir_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    silt_store_free(disk);
    silt_arena_free(arena);
    test_dir_free(dir);
    return 0;
}

static silt_status put(silt_store *s, const char *key, const char *text)
{
    return s->ops->put(s, key, silt_bytes_of(text), &error);
}

static silt_status put_new(silt_store *s, const char *key, const char *text)
{
    return s->ops->put_new(s, key, silt_bytes_of(text), &error);
}

/* NULL when it isn't there. */
static const char *text_of(silt_store *s, const char *key)
{
    silt_bytes body;
    silt_status st = silt_store_get_all(s, key, arena, &body, &error);
    if (st == SILT_NOT_FOUND) return NULL;
    assert_int_equal(st, SILT_OK);
    return body.data;
}

static bool collect(void *ctx, const silt_object *object)
{
    silt_buf_puts(ctx, object->key);
    silt_buf_putc(ctx, '|');
    return true;
}

/* ---- faults */

/* Every kind of call once; the statuses in order. What it stops at doesn't matter to it. */
#define CALLS 8
static void call_all(silt_store *s, silt_status out[CALLS])
{
    SILT_CLEAN(silt_buf) keys = {0};
    silt_bytes body = {"untouched", 9};
    silt_object object = {.key = "untouched"};
    char *file = test_path(dir, "file");
    test_write(dir, "file", "from a file");
    out[0] = put(s, "a", "x");
    out[1] = put_new(s, "b", "x");
    out[2] = s->ops->put_file(s, "c", file, &error);
    out[3] = s->ops->get(s, "a", 0, -1, arena, &body, &error);
    out[4] = s->ops->head(s, "b", arena, &object, &error);
    out[5] = s->ops->list(s, "", NULL, true, collect, &keys, &error);
    out[6] = s->ops->get_file(s, "c", file, &error);
    out[7] = s->ops->remove(s, "a", &error);
    if (out[3] != SILT_OK) assert_string_equal(body.data, "untouched");
    if (out[4] != SILT_OK) assert_string_equal(object.key, "untouched");
    free(file);
}

static const char *state_of_disk(void)
{
    SILT_CLEAN(silt_buf) keys = {0};
    assert_int_equal(disk->ops->list(disk, "", NULL, true, collect, &keys, &error), SILT_OK);
    return silt_buf_copy(&keys, arena);
}

static silt_store *fault(const silt_fault_plan *plan)
{
    silt_store *s = silt_store_fault_new(disk, plan);
    assert_non_null(s);
    return s;
}

static void a_plan_without_a_fault_only_counts(void **state)
{
    (void)state;
    silt_fault_run run = {0};
    SILT_AUTO(silt_store) s = fault(&(silt_fault_plan){.run = &run, .at = 3});
    silt_status out[CALLS];
    call_all(s, out);
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(out[i], SILT_OK);
    assert_int_equal(run.calls, CALLS);
    assert_false(run.fired);
    assert_ptr_equal(silt_store_fault_run(s), &run);
    assert_string_equal(state_of_disk(), "b|c|");
}

static void before_effect_does_nothing_and_after_effect_all(void **state)
{
    (void)state;
    const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT};
    for (size_t k = 0; k < 2; k++) {
        bool after = kinds[k] == SILT_FAULT_AFTER_EFFECT;
        for (int n = 1;; n++) {
            teardown(NULL), setup(NULL);
            SILT_AUTO(silt_store) s = fault(&(silt_fault_plan){.kind = kinds[k], .at = n});
            silt_status out[CALLS];
            call_all(s, out);
            if (!silt_store_fault_run(s)->fired) {
                assert_int_equal(n, CALLS + 1);
                break;
            }
            assert_int_equal(out[n - 1], after && n <= 3 ? SILT_UNSURE : SILT_IO);
            const char *expected = n == 2 ? "c|" : n == 3 ? "b|" : n == 8 ? "a|b|c|" : "b|c|";
            assert_string_equal(state_of_disk(), after ? "b|c|" : expected);
        }
    }
}

static void the_answer_can_be_chosen(void **state)
{
    (void)state;
    SILT_AUTO(silt_store)
    lost =
        fault(&(silt_fault_plan){.kind = SILT_FAULT_AFTER_EFFECT, .at = 1, .status = SILT_EXISTS});
    assert_int_equal(put_new(lost, "a", "x"), SILT_EXISTS);
    assert_string_equal(text_of(disk, "a"), "x");
    SILT_AUTO(silt_store)
    denied =
        fault(&(silt_fault_plan){.kind = SILT_FAULT_BEFORE_EFFECT, .at = 1, .status = SILT_DENIED});
    assert_int_equal(put(denied, "b", "x"), SILT_DENIED);
    assert_int_equal(error.status, SILT_DENIED);
    assert_non_null(strstr(error.message, "put b"));
    assert_int_equal(put(denied, "b", "x"), SILT_OK);
}

static void only_chosen_calls_count(void **state)
{
    (void)state;
    silt_fault_run run = {0};
    SILT_AUTO(silt_store)
    s = fault(&(silt_fault_plan){.kind = SILT_FAULT_BEFORE_EFFECT,
                                 .at = 2,
                                 .ops = SILT_FAULT_PUTS,
                                 .key_part = "_log/",
                                 .run = &run});
    assert_int_equal(put(s, "_log/0", "x"), SILT_OK);
    assert_int_equal(put(s, "data", "x"), SILT_OK);
    assert_string_equal(text_of(s, "_log/0"), "x");
    assert_int_equal(put_new(s, "a/_log/1", "x"), SILT_IO);
    assert_int_equal(put_new(s, "a/_log/1", "x"), SILT_OK);
    assert_int_equal(run.calls, 3);
    assert_true(run.fired);
}

static void a_dead_process_has_no_effect_in_any_of_its_stores(void **state)
{
    (void)state;
    const silt_fault_kind kinds[] = {SILT_FAULT_CRASH, SILT_FAULT_CRASH_AFTER};
    for (size_t k = 0; k < 2; k++) {
        teardown(NULL), setup(NULL);
        silt_fault_run run = {0};
        const silt_fault_plan plan = {.kind = kinds[k], .at = 2, .run = &run};
        SILT_AUTO(silt_store) one = fault(&plan);
        SILT_AUTO(silt_store) two = fault(&plan);
        silt_status out[CALLS];
        assert_int_equal(put(one, "before", "x"), SILT_OK);
        call_all(two, out);
        for (int i = 0; i < CALLS; i++)
            assert_int_equal(out[i], SILT_FAILED);
        assert_int_equal(error.cause, SILT_FAULT_DEAD_CAUSE);
        call_all(one, out);
        assert_int_equal(out[0], SILT_FAILED);
        assert_true(run.dead && run.fired);
        assert_string_equal(state_of_disk(), k ? "a|before|" : "before|");
    }
}

typedef struct zombie {
    silt_store *other;
    silt_buf seen;
} zombie;

/* Another process commits just before ours. */
static void other_goes_first(void *ctx, silt_fault_when when, const char *op, const char *key,
                             int64_t call)
{
    zombie *z = ctx;
    silt_buf_printf(&z->seen, "%s %s %s %d|", when == SILT_FAULT_BEFORE ? "before" : "after", op,
                    key, (int)call);
    if (when == SILT_FAULT_BEFORE && call == 1)
        assert_int_equal(put_new(z->other, key, "the other's"), SILT_OK);
}

static void a_hook_interleaves_two_processes(void **state)
{
    (void)state;
    zombie z = {.other = disk};
    SILT_AUTO(silt_store)
    s = fault(
        &(silt_fault_plan){.ops = SILT_FAULT_PUT_NEW, .hook = other_goes_first, .hook_ctx = &z});
    assert_null(text_of(s, "log/0"));
    assert_int_equal(put_new(s, "log/0", "ours"), SILT_EXISTS);
    assert_string_equal(text_of(disk, "log/0"), "the other's");
    assert_string_equal(z.seen.data, "before get log/0 0|after get log/0 0|"
                                     "before put_new log/0 1|after put_new log/0 1|");
    silt_buf_release(&z.seen);
}

static silt_store *open_files(void)
{
    char *root = test_path(dir, "store");
    silt_store *s = NULL;
    assert_int_equal(silt_store_open(root, NULL, &s, &error), SILT_OK);
    free(root);
    return s;
}

/* A child is killed while it puts; a new reader comes. */
static void assert_kill(silt_fault_kind kind, const char *key, const char *expected,
                        const char *leftovers)
{
    SILT_AUTO(silt_store) files = open_files();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        silt_store *s = silt_store_fault_new(files, &(silt_fault_plan){.kind = kind, .at = 2});
        (void)put(s, "a/first", "x");
        (void)(silt_streq(key, "a/old") ? put(s, key, "new") : put_new(s, key, "new"));
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    SILT_AUTO(silt_store) fresh = open_files();
    const char *text = text_of(fresh, key);
    assert_string_equal(text ? text : "nothing", expected);
    assert_string_equal(text_of(fresh, "a/first"), "x");
    SILT_CLEAN(silt_buf) keys = {0};
    assert_int_equal(fresh->ops->list(fresh, "a/", NULL, true, collect, &keys, &error), SILT_OK);
    assert_null(strstr(keys.data, "tmp"));
    char *folder = test_path(dir, "store/a"), *names = test_list(folder);
    char *temp = strstr(names, ".silt-tmp-");
    assert_int_equal(temp != NULL, leftovers != NULL);
    if (temp) {
        temp[strcspn(temp, "\n")] = '\0';
        char *half = test_read(folder, temp, NULL);
        assert_string_equal(half, leftovers);
        free(half);
        char *path = test_path(folder, temp);
        unlink(path);
        free(path);
    }
    free(names);
    free(folder);
}

static void a_killed_put_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    SILT_AUTO(silt_store) files = open_files();
    assert_int_equal(put(files, "a/old", "old"), SILT_OK);
    assert_kill(SILT_FAULT_KILL_BEFORE, "a/old", "old", NULL);
    assert_kill(SILT_FAULT_KILL_MID, "a/old", "old", "n");
    assert_kill(SILT_FAULT_KILL_AFTER, "a/old", "new", NULL);
    assert_kill(SILT_FAULT_KILL_BEFORE, "a/new", "nothing", NULL);
    assert_kill(SILT_FAULT_KILL_MID, "a/new", "nothing", "n");
    assert_kill(SILT_FAULT_KILL_AFTER, "a/new", "new", NULL);
    assert_int_equal(put_new(files, "a/new", "again"), SILT_EXISTS);
}

/* ---- retries */

/* A clock that only goes on by sleeping, and says how long. */
typedef struct fake_time {
    int64_t now_us;
    int64_t waits_ms[16];
    int count;
} fake_time;

static int64_t fake_now(void *ctx)
{
    return ((fake_time *)ctx)->now_us;
}

static void fake_sleep(void *ctx, int64_t ms)
{
    fake_time *t = ctx;
    t->now_us += ms * 1000;
    t->waits_ms[t->count++] = ms;
}

static void fill_with_ff(void *ctx, void *bytes, size_t size)
{
    (void)ctx;
    memset(bytes, 0xFF, size);
}

/* disk, failing the first calls in this order, under a retry. */
#define MOST_FAILURES 6
typedef struct flaky {
    fake_time time;
    silt_clock clock;
    silt_random random;
    silt_store *faults[MOST_FAILURES];
    silt_store *store;
} flaky;

static void flaky_init(flaky *f, const silt_fault_plan *plans, size_t count,
                       silt_retry_policy policy)
{
    *f = (flaky){.random = {fill_with_ff, NULL}};
    f->clock = (silt_clock){fake_now, fake_sleep, &f->time};
    policy.clock = &f->clock;
    policy.random = &f->random;
    silt_store *below = disk;
    for (size_t i = count; i-- > 0;) { /* the outermost fires first */
        silt_fault_plan plan = plans[i];
        plan.at = 1;
        for (size_t j = 0; j < i; j++) /* a call that has its effect comes through to those below */
            plan.at += plans[j].kind == SILT_FAULT_AFTER_EFFECT;
        below = f->faults[i] = silt_store_fault_new(below, &plan);
    }
    f->store = silt_store_retry_new(below, &policy);
    assert_non_null(f->store);
}

static void flaky_release(flaky *f)
{
    silt_store_free(f->store);
    for (size_t i = 0; i < MOST_FAILURES; i++)
        silt_store_free(f->faults[i]);
}

static const silt_fault_plan lost_call = {.kind = SILT_FAULT_BEFORE_EFFECT};
static const silt_fault_plan timed_out = {.kind = SILT_FAULT_BEFORE_EFFECT, .status = SILT_TIMEOUT};
static const silt_fault_plan lost_answer = {.kind = SILT_FAULT_AFTER_EFFECT};
static const silt_fault_plan denied = {.kind = SILT_FAULT_BEFORE_EFFECT, .status = SILT_DENIED};

static void what_fails_for_a_moment_is_tried_again(void **state)
{
    (void)state;
    const silt_fault_plan plans[] = {lost_call, timed_out, lost_call, lost_call};
    SILT_CLEAN(flaky) f;
    flaky_init(&f, plans, 4, (silt_retry_policy){5, 100, 350, 0, NULL, NULL});
    assert_int_equal(put(f.store, "a", "x"), SILT_OK);
    assert_string_equal(text_of(disk, "a"), "x");
    assert_int_equal(f.time.count, 4);
    const int64_t most[] = {100, 200, 350, 350};
    for (int i = 0; i < 4; i++)
        assert_true(f.time.waits_ms[i] >= most[i] / 2 && f.time.waits_ms[i] <= most[i]);
}

static void tries_come_to_an_end(void **state)
{
    (void)state;
    const silt_fault_plan plans[] = {lost_call, lost_call, lost_call};
    SILT_CLEAN(flaky) few;
    flaky_init(&few, plans, 3, (silt_retry_policy){3, 100, 1000, 0, NULL, NULL});
    assert_int_equal(put(few.store, "a", "x"), SILT_IO);
    assert_non_null(strstr(error.message, "tried 3 times"));
    assert_int_equal(few.time.count, 2);
    SILT_CLEAN(flaky) late;
    flaky_init(&late, plans, 3, (silt_retry_policy){9, 1000, 9000, 2000, NULL, NULL});
    assert_int_equal(put(late.store, "a", "x"), SILT_IO);
    assert_int_equal(late.time.count, 1);
    SILT_CLEAN(flaky) once;
    flaky_init(&once, plans, 1, (silt_retry_policy){1, 1000, 9000, 0, NULL, NULL});
    assert_int_equal(put(once.store, "a", "x"), SILT_IO);
    assert_null(strstr(error.message, "tried"));
    assert_int_equal(once.time.count, 0);
    assert_null(text_of(disk, "a"));
}

static void an_unsure_put_new_goes_up(void **state)
{
    (void)state;
    SILT_CLEAN(flaky) f;
    flaky_init(&f, &lost_answer, 1, (silt_retry_policy)SILT_RETRY_POLICY_INIT);
    assert_int_equal(put_new(f.store, "a", "x"), SILT_UNSURE);
    assert_int_equal(f.time.count, 0);
    assert_string_equal(text_of(disk, "a"), "x");
    /* One that did nothing may be tried again. */
    SILT_CLEAN(flaky) g;
    flaky_init(&g, &lost_call, 1, (silt_retry_policy)SILT_RETRY_POLICY_INIT);
    assert_int_equal(put_new(g.store, "b", "x"), SILT_OK);
    assert_int_equal(g.time.count, 1);
}

static void an_unsure_put_is_done_again_and_never_denied_later(void **state)
{
    (void)state;
    SILT_CLEAN(flaky) f;
    flaky_init(&f, &lost_answer, 1, (silt_retry_policy)SILT_RETRY_POLICY_INIT);
    assert_int_equal(put(f.store, "a", "x"), SILT_OK);
    assert_int_equal(f.time.count, 1);
    const silt_fault_plan plans[] = {lost_answer, lost_call, denied};
    SILT_CLEAN(flaky) g;
    flaky_init(&g, plans, 3, (silt_retry_policy)SILT_RETRY_POLICY_INIT);
    assert_int_equal(put(g.store, "a", "y"), SILT_UNSURE); /* it stands there */
    assert_int_equal(g.time.count, 2);
    assert_int_equal(error.status, SILT_UNSURE);
}

static void what_will_not_pass_is_not_tried_again(void **state)
{
    (void)state;
    SILT_CLEAN(flaky) f;
    flaky_init(&f, &denied, 1, (silt_retry_policy)SILT_RETRY_POLICY_INIT);
    assert_int_equal(put(f.store, "a", "x"), SILT_DENIED);
    assert_int_equal(put_new(f.store, "", "x"), SILT_INVALID);
    assert_null(text_of(f.store, "nothing"));
    const silt_fault_plan crash = {.kind = SILT_FAULT_CRASH};
    SILT_CLEAN(flaky) g;
    flaky_init(&g, &crash, 1, (silt_retry_policy)SILT_RETRY_POLICY_INIT);
    assert_int_equal(put(g.store, "a", "x"), SILT_FAILED);
    assert_int_equal(f.time.count + g.time.count, 0);
}

/* A store whose listings break off after two objects. */
typedef struct cut {
    silt_list_fn *fn;
    void *ctx;
    int left;
} cut;

static bool give_two(void *ctx, const silt_object *object)
{
    cut *c = ctx;
    return c->left-- > 0 && c->fn(c->ctx, object);
}

static silt_status list_two(silt_store *store, const char *prefix, const char *start_after,
                            bool recursive, silt_list_fn *fn, void *ctx, silt_error *err)
{
    silt_store *below = silt_store_below(store);
    cut c = {fn, ctx, 2};
    silt_status st = below->ops->list(below, prefix, start_after, recursive, give_two, &c, err);
    return c.left < 0 ? silt_fail(err, SILT_TIMEOUT, "cut off") : st;
}

static void a_listing_goes_on_where_it_broke_off(void **state)
{
    (void)state;
    silt_store_ops ops = *disk->ops;
    ops.list = list_two;
    silt_store_wrap broken;
    silt_store_wrap_init(&broken, disk, &ops);
    const char *const keys[] = {"a", "b", "c/d", "e", "f"};
    for (size_t i = 0; i < SILT_COUNT(keys); i++)
        assert_int_equal(put(disk, keys[i], "x"), SILT_OK);
    fake_time time = {0};
    const silt_clock clock = {fake_now, fake_sleep, &time};
    silt_retry_policy policy = SILT_RETRY_POLICY_INIT;
    policy.clock = &clock;
    SILT_AUTO(silt_store) s = silt_store_retry_new(&broken.base, &policy);
    SILT_CLEAN(silt_buf) seen = {0};
    assert_int_equal(s->ops->list(s, "", "a", true, collect, &seen, &error), SILT_OK);
    assert_string_equal(seen.data, "b|c/d|e|f|");
    assert_int_equal(time.count, 1);
    silt_buf_clear(&seen);
    assert_int_equal(s->ops->list(s, "", NULL, true, collect, &seen, &error), SILT_OK);
    assert_string_equal(seen.data, "a|b|c/d|e|f|");
}

/* ---- traces */

static void keep_event(void *ctx, const char *kind, const char *json)
{
    assert_string_equal(kind, "store");
    silt_buf_puts(ctx, json);
    silt_buf_putc(ctx, '\n');
}

static void every_call_is_told(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) events = {0};
    fake_time time = {0};
    const silt_clock clock = {fake_now, fake_sleep, &time};
    SILT_AUTO(silt_store) s = silt_store_trace_new(disk, keep_event, &events, &clock);
    silt_status out[CALLS];
    call_all(s, out);
    assert_string_equal(
        events.data, "{\"op\":\"put\",\"key\":\"a\",\"status\":\"ok\",\"us\":0,\"bytes\":1}\n"
                     "{\"op\":\"put_new\",\"key\":\"b\",\"status\":\"ok\",\"us\":0,\"bytes\":1}\n"
                     "{\"op\":\"put_file\",\"key\":\"c\",\"status\":\"ok\",\"us\":0}\n"
                     "{\"op\":\"get\",\"key\":\"a\",\"status\":\"ok\",\"us\":0,\"bytes\":1}\n"
                     "{\"op\":\"head\",\"key\":\"b\",\"status\":\"ok\",\"us\":0}\n"
                     "{\"op\":\"list\",\"key\":\"\",\"status\":\"ok\",\"us\":0,\"objects\":3}\n"
                     "{\"op\":\"get_file\",\"key\":\"c\",\"status\":\"ok\",\"us\":0}\n"
                     "{\"op\":\"remove\",\"key\":\"a\",\"status\":\"ok\",\"us\":0}\n");
    silt_buf_clear(&events);
    silt_bytes body;
    assert_int_equal(s->ops->get(s, "no\n\"\xff", 0, -1, arena, &body, NULL), SILT_NOT_FOUND);
    const silt_json *event;
    assert_int_equal(silt_json_parse(silt_buf_bytes(&events), arena, &event, &error), SILT_OK);
    assert_string_equal(silt_json_string(silt_json_get(event, "status")), "not_found");
    assert_non_null(strstr(silt_json_string(silt_json_get(event, "error")), "no such object"));
}

static void hints_are_told_and_counted_as_puts(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) events = {0};
    fake_time time = {0};
    const silt_clock clock = {fake_now, fake_sleep, &time};
    silt_fault_run run = {0};
    SILT_AUTO(silt_store) trace = silt_store_trace_new(disk, keep_event, &events, &clock);
    silt_fault_plan plan = {
        .kind = SILT_FAULT_BEFORE_EFFECT, .at = 1, .ops = SILT_FAULT_PUT, .run = &run};
    SILT_AUTO(silt_store) faulty = silt_store_fault_new(trace, &plan);
    SILT_AUTO(silt_store) s = silt_store_retry_new(faulty, NULL);
    assert_int_equal(s->ops->put_hint(s, "hint", SILT_STR("x"), &error), SILT_OK);
    assert_int_equal(run.calls, 2);
    assert_string_equal(
        events.data,
        "{\"op\":\"put_hint\",\"key\":\"hint\",\"status\":\"ok\",\"us\":0,\"bytes\":1}\n");
    assert_string_equal(text_of(disk, "hint"), "x");
}

static void wrappers_keep_name_kind_and_local_paths(void **state)
{
    (void)state;
    SILT_AUTO(silt_store) files = open_files();
    SILT_AUTO(silt_store) retry = silt_store_retry_new(files, NULL);
    SILT_AUTO(silt_store) trace = silt_store_trace_new(retry, keep_event, NULL, NULL);
    SILT_AUTO(silt_store) hidden =
        silt_store_fault_new(trace, &(silt_fault_plan){.hide_local_path = true});
    SILT_AUTO(silt_store) memory = silt_store_retry_new(disk, NULL);
    assert_string_equal(trace->uri, files->uri);
    assert_string_equal(hidden->ops->kind, "file");
    assert_string_equal(silt_store_local_path(trace, "a/b", arena),
                        silt_store_local_path(files, "a/b", arena));
    assert_null(hidden->ops->local_path);
    assert_null(memory->ops->local_path);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_plan_without_a_fault_only_counts),
        CASE(before_effect_does_nothing_and_after_effect_all),
        CASE(the_answer_can_be_chosen),
        CASE(only_chosen_calls_count),
        CASE(a_dead_process_has_no_effect_in_any_of_its_stores),
        CASE(a_hook_interleaves_two_processes),
        CASE(a_killed_put_leaves_the_old_or_the_new),
        CASE(what_fails_for_a_moment_is_tried_again),
        CASE(tries_come_to_an_end),
        CASE(an_unsure_put_new_goes_up),
        CASE(an_unsure_put_is_done_again_and_never_denied_later),
        CASE(what_will_not_pass_is_not_tried_again),
        CASE(a_listing_goes_on_where_it_broke_off),
        CASE(every_call_is_told),
        CASE(hints_are_told_and_counted_as_puts),
        CASE(wrappers_keep_name_kind_and_local_paths),
    };
    return cmocka_run_group_tests_name("store wrappers", tests, NULL, NULL);
}
