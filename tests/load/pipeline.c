/* A run as a whole: what passes is tried again, what doesn't isn't, and the lock stays ours however
 * long a batch takes. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "load/lock.h"
#include "load/session.h"
#include "store/fault.h"
#include "support/files.h"

typedef struct world {
    char *dir, *config;
    silt_arena *arena;
    _Atomic int64_t now_us;
    _Atomic int64_t slept_ms;
    silt_clock clock;
    silt_fault_plan plan; /* of all stores */
    silt_fault_run calls;
    SILT_VEC(silt_store *) below;
    silt_store *state;
    _Atomic int64_t ticks; /* of progress */
    atomic_bool lapsed;    /* the lock's time was over at one of them */
    silt_error err;
} world;

static world here;

static int64_t now(void *ctx)
{
    (void)ctx;
    return atomic_fetch_add(&here.now_us, 1) + 1;
}

static void sleep_ms(void *ctx, int64_t ms)
{
    (void)ctx;
    atomic_fetch_add(&here.slept_ms, ms);
    atomic_fetch_add(&here.now_us, ms * 1000);
}

static int set_up(void **state)
{
    (void)state;
    here =
        (world){.dir = test_dir_new(), .arena = silt_arena_new(), .clock = {now, sleep_ms, NULL}};
    here.now_us = silt_now_us(NULL);
    here.config = test_path(here.dir, "silt.yaml");
    test_write(here.dir, "in/a.csv", "id\n1\n2\n");
    test_write(here.dir, "in/b.csv", "id\n3\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < here.below.count; i++)
        silt_store_free(here.below.items[i]);
    silt_vec_free(&here.below);
    silt_store_free(here.state);
    silt_arena_free(here.arena);
    free(here.config);
    test_dir_free(here.dir);
    return 0;
}

static void configure(const char *more)
{
    SILT_CLEAN(silt_buf) yaml = {0};
    silt_buf_printf(&yaml,
                    "pipeline: p\ncheckpoint_path: state\n%stables:\n- table_name: t\n"
                    "  source: {path: \"in/*.csv\"}\n  write: {path: lake/t}\n",
                    more);
    test_write(here.dir, "silt.yaml", yaml.data);
}

static silt_status open_faulty(void *ctx, const char *uri, silt_store **out, silt_error *err)
{
    silt_store *below = NULL;
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* lanes open stores, too */
    (void)ctx;
    SILT_TRY(silt_store_open(uri, NULL, &below, err));
    pthread_mutex_lock(&mutex);
    assert_true(silt_vec_push(&here.below, below));
    pthread_mutex_unlock(&mutex);
    here.plan.run = &here.calls;
    *out = silt_store_fault_new(below, &here.plan);
    return *out ? SILT_OK : silt_fail_nomem(err);
}

/* Fifty minutes more each time that the engine tells how far it is. */
static void go_on(void *ctx, double fraction)
{
    silt_lock_info lock;
    silt_error err = {0};
    (void)ctx;
    (void)fraction;
    if (silt_lock_look(here.state, &here.clock, &lock, &err) != SILT_OK || !lock.readable) return;
    if (lock.timeout_us <= atomic_load(&here.now_us)) atomic_store(&here.lapsed, true);
    atomic_fetch_add(&here.now_us, INT64_C(50) * 60 * 1000000);
    atomic_fetch_add(&here.ticks, 1);
}

static silt_run_result run(void)
{
    silt_pipeline *pipeline = NULL;
    silt_run_result result;
    silt_pipeline_options opts = SILT_PIPELINE_OPTIONS_INIT;
    opts.open_store = open_faulty;
    opts.progress = go_on;
    if (silt_pipeline_open(here.config, &opts, here.arena, NULL, &pipeline, &here.err) != SILT_OK)
        fail_msg("%s", here.err.message);
    silt_pipeline_set_seams(pipeline, &here.clock, NULL, NULL);
    if (silt_pipeline_run(pipeline, NULL, here.arena, &result, &here.err) != SILT_OK)
        fail_msg("%s", here.err.message);
    silt_pipeline_free(pipeline);
    return result;
}

static void lose_a_ledger(silt_status status)
{
    here.plan = (silt_fault_plan){.kind = SILT_FAULT_BEFORE_EFFECT,
                                  .at = 1,
                                  .ops = SILT_FAULT_PUT_NEW,
                                  .key_part = "_silt/ledger",
                                  .status = status};
}

static void what_may_pass_is_tried_again(void **state)
{
    (void)state;
    configure("");
    lose_a_ledger(SILT_IO);
    silt_run_result r = run();
    assert_true(here.calls.fired);
    assert_int_equal(r.tables[0].problem, SILT_OK);
    assert_int_equal(r.rows, 3);
    assert_in_range(here.slept_ms, 500, 1000); /* backoff_seconds: 1, less a part of it */
    r = run();
    assert_int_equal(r.total_files_skipped, 2);
    assert_int_equal(r.rows, 0);
}

static void not_more_often_than_is_said(void **state)
{
    (void)state;
    configure("transient_retries: {max_attempts: 1}\n");
    lose_a_ledger(SILT_IO);
    silt_run_result r = run();
    assert_true(here.calls.fired);
    assert_int_equal(r.tables[0].problem, SILT_IO);
    assert_int_equal(here.slept_ms, 0);
    r = run();
    assert_int_equal(r.rows, 3);
}

static void what_doesn_t_pass_isn_t(void **state)
{
    (void)state;
    configure("");
    lose_a_ledger(SILT_DENIED);
    silt_run_result r = run();
    assert_true(here.calls.fired);
    assert_int_equal(r.tables[0].problem, SILT_DENIED);
    assert_int_equal(here.slept_ms, 0);
}

static void the_lock_is_renewed_while_a_batch_lasts(void **state)
{
    (void)state;
    configure("timeout_minutes: 500000\nlock_timeout_minutes: 120\nthreads: 1\n");
    char *folder = test_path(here.dir, "state");
    assert_int_equal(silt_store_open(folder, NULL, &here.state, &here.err), SILT_OK);
    free(folder);
    assert_int_equal(run().rows, 3);
    const int longer = 3; /* than the 120 minutes */
    for (int rows = 2000000; here.ticks < longer && rows < 40000000; rows *= 2) {
        SILT_CLEAN(silt_buf) text = {0};
        silt_buf_puts(&text, "id\n");
        for (int i = 0; i < rows; i++)
            silt_buf_printf(&text, "%d\n", i);
        test_write(here.dir, silt_arena_printf(here.arena, "in/%d.csv", rows), text.data);
        here.ticks = 0;
        silt_run_result r = run();
        assert_int_equal(r.tables[0].problem, SILT_OK);
        assert_int_equal(r.rows, rows);
        print_message("# %d rows, %d reports\n", rows, (int)here.ticks);
    }
    assert_true(here.ticks >= longer);
    assert_false(here.lapsed);
}

/* ---- Delta tables as source */

/* A source table of so many versions, and the pipeline that follows it from the first on. */
static void follow_versions(int count, const char *head, const char *more)
{
    SILT_CLEAN(silt_buf) yaml = {0};
    configure("");
    for (int i = 2; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "in/%04d.csv", i);
        test_write(here.dir, name, "id\n7\n");
    }
    silt_buf_printf(&yaml, "pipeline: p\ncheckpoint_path: state\ntables:\n- table_name: t\n"
                           "  source: {path: \"in/*.csv\"}\n  batch: {max_files: 1}\n"
                           "  on_duplicate: load\n  write: {path: lake/t}\n");
    test_write(here.dir, "silt.yaml", yaml.data);
    assert_int_equal(run().tables[0].batches, count);
    silt_buf_clear(&yaml);
    silt_buf_printf(&yaml,
                    "pipeline: q\ncheckpoint_path: of-q\n%stables:\n- table_name: u\n"
                    "  source: {path: lake/t, format: delta, starting_version: earliest}\n"
                    "  write: {path: lake/u}\n%s",
                    head, more);
    test_write(here.dir, "silt.yaml", yaml.data);
}

static void count_lists(void *ctx, silt_fault_when when, const char *op, const char *key,
                        int64_t call)
{
    (void)call;
    if (when == SILT_FAULT_BEFORE && strcmp(op, "list") == 0 && strstr(key, "_delta_log"))
        ++*(int *)ctx;
}

static int lists_for(int versions)
{
    int lists = 0;
    follow_versions(versions, "", "");
    here.plan = (silt_fault_plan){.hook = count_lists, .hook_ctx = &lists};
    silt_run_result r = run();
    assert_int_equal(r.tables[0].problem, SILT_OK);
    assert_int_equal(r.total_files_processed, versions);
    assert_int_equal(r.tables[0].batches, 1);
    assert_int_equal(r.rows, 3 + versions - 2);
    assert_true(lists > 0);
    return lists;
}

static void a_batch_of_versions_lists_the_log_no_more_often_than_one(void **state)
{
    int few = lists_for(2);
    tear_down(state);
    set_up(state);
    assert_int_equal(lists_for(12), few);
}

/* Reading the source's log waits until the other table is there. */
static void wait_for_the_other(void *ctx, silt_fault_when when, const char *op, const char *key,
                               int64_t call)
{
    char *other = test_path(here.dir, "lake/v/_delta_log/00000000000000000001.json");
    (void)call;
    bool log = when == SILT_FAULT_BEFORE && strcmp(op, "get") == 0 &&
               strstr(key, "_delta_log/00000000000000000011.json");
    for (int i = 0; log && access(other, F_OK) != 0 && !atomic_load((atomic_bool *)ctx); i++) {
        usleep(1000);
        if (i == 300000) atomic_store((atomic_bool *)ctx, true);
    }
    free(other);
}

static void a_source_that_is_slow_to_list_keeps_no_other_table_waiting(void **state)
{
    (void)state;
    atomic_bool in_vain = false;
    follow_versions(12, "parallel_tables: 2\nmemory_limit: 400MB\n",
                    "- table_name: v\n  source: {path: \"in/a.csv\"}\n  write: {path: lake/v}\n");
    here.plan = (silt_fault_plan){.hook = wait_for_the_other, .hook_ctx = &in_vain};
    silt_run_result r = run();
    assert_false(in_vain);
    assert_int_equal(r.total_files_processed, 12 + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_may_pass_is_tried_again),
        TEST(not_more_often_than_is_said),
        TEST(what_doesn_t_pass_isn_t),
        TEST(the_lock_is_renewed_while_a_batch_lasts),
        TEST(a_batch_of_versions_lists_the_log_no_more_often_than_one),
        TEST(a_source_that_is_slow_to_list_keeps_no_other_table_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
