/* The table of runs over very many runs: it stays small and quick to ask, forgets what is too old,
 * and can be read whatever call was lost and wherever a process died. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "load/run_log.h"
#include "load/session.h"
#include "silt/run.h"
#include "silt/upkeep.h"
#include "store/fault.h"
#include "store/store.h"
#include "support/files.h"
#include "table/snapshot.h"

#define RUNS    120
#define HOUR_US (INT64_C(60) * 60 * 1000000)

typedef struct world {
    char *dir, *config;
    silt_arena *arena;
    _Atomic int64_t now_us;
    silt_clock clock;
    silt_fault_plan plan; /* of the store of runs */
    silt_fault_run calls;
    silt_store *below[64];
    size_t below_count;
    silt_error err;
} world;

static world here;

static int64_t now(void *ctx)
{
    (void)ctx;
    return atomic_fetch_add(&here.now_us, 1000) + 1000;
}

static void sleep_ms(void *ctx, int64_t ms)
{
    (void)ctx;
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
    test_write(here.dir, "silt.yaml",
               "pipeline: p\ncheckpoint_path: state\n"
               "run_history: {keep: 2 days, bundles: 3}\n"
               "tables:\n- table_name: t\n  source: {path: \"in/*.csv\"}\n"
               "  write: {path: lake/t}\n");
    return 0;
}

static void free_below(void)
{
    for (size_t i = 0; i < here.below_count; i++)
        silt_store_free(here.below[i]);
    here.below_count = 0;
}

static int tear_down(void **state)
{
    (void)state;
    free_below();
    silt_arena_free(here.arena);
    free(here.config);
    test_dir_free(here.dir);
    return 0;
}

/* ---- runs */

/* Faults hit the history alone. */
static silt_status open_faulty(void *ctx, const char *uri, silt_store **out, silt_error *err)
{
    silt_store *below = NULL;
    (void)ctx;
    SILT_TRY(silt_store_open(uri, NULL, &below, err));
    *out = below;
    if (!here.plan.kind || !silt_ends_with(uri, "/runs")) return SILT_OK;
    assert_true(here.below_count < SILT_COUNT(here.below));
    here.below[here.below_count++] = below;
    here.plan.run = &here.calls;
    *out = silt_store_fault_new(below, &here.plan);
    return *out ? SILT_OK : silt_fail_nomem(err);
}

static silt_pipeline *open_pipeline(void)
{
    silt_pipeline *pipeline = NULL;
    silt_pipeline_options opts = SILT_PIPELINE_OPTIONS_INIT;
    opts.open_store = open_faulty;
    if (silt_pipeline_open(here.config, &opts, here.arena, NULL, &pipeline, &here.err) != SILT_OK)
        fail_msg("%s", here.err.message);
    silt_pipeline_set_seams(pipeline, &here.clock, NULL, NULL);
    return pipeline;
}

/* An hour later. */
static void run(silt_pipeline *pipeline)
{
    silt_run_result result;
    atomic_fetch_add(&here.now_us, HOUR_US);
    if (silt_pipeline_run(pipeline, NULL, here.arena, &result, &here.err) != SILT_OK)
        fail_msg("%s", here.err.message);
}

typedef struct listed {
    int64_t count, oldest_us, newest_us;
} listed;

static bool note(void *ctx, const silt_run_record *record)
{
    listed *l = ctx;
    assert_string_equal(record->status, "completed");
    assert_true(!l->count++ || record->started_us < l->oldest_us);
    l->oldest_us = record->started_us;
    if (l->count == 1) l->newest_us = record->started_us;
    return true;
}

static listed list(silt_pipeline *pipeline)
{
    SILT_AUTO(silt_run_log) log = NULL;
    listed l = {0};
    silt_status st = silt_pipeline_run_log(pipeline, &log, &here.err);
    if (st == SILT_OK) st = silt_run_log_list(log, note, &l, &here.err);
    if (st != SILT_OK) fail_msg("%s", here.err.message);
    return l;
}

static size_t data_files(silt_pipeline *pipeline)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    const silt_add *adds;
    size_t count;
    silt_load *load = silt_pipeline_load(pipeline);
    assert_int_equal(silt_snapshot_open(load->runs_store, load->engine, NULL, &snapshot, NULL), 0);
    assert_int_equal(silt_snapshot_adds(snapshot, &adds, &count, NULL), SILT_OK);
    return count;
}

/* Of work: others' on the same machine doesn't count. */
static double seconds_of(const struct timespec *from)
{
    struct timespec to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from->tv_sec) + (double)(to.tv_nsec - from->tv_nsec) / 1e9;
}

/* ---- tests */

/* Each an hour after the other: of 120 at most two days are kept, and those that a file of newer
 * ones still holds. */
static void very_many_runs(void **state)
{
    (void)state;
    size_t most = 0;
    silt_pipeline *pipeline = open_pipeline();
    for (int i = 1; i <= RUNS; i++) {
        run(pipeline);
        size_t files = i % 16 == 0 ? data_files(pipeline) : 0;
        if (files > most) most = files;
    }
    assert_in_range(most, 1, 33); /* put together by itself */
    const listed l = list(pipeline);
    assert_in_range(l.count, 2 * 24 - 1, 2 * 24 + 40);
    assert_true(l.newest_us - l.oldest_us < (2 * 24 + 40) * HOUR_US);

    struct timespec from;
    silt_status_report report;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    assert_int_equal(silt_pipeline_status(pipeline, here.arena, &report, &here.err), SILT_OK);
    assert_true(seconds_of(&from) < 5);
    assert_true(report.metrics.runs > 45 && report.metrics.runs <= SILT_STATUS_RUNS_MAX);

    silt_maintain_report maintained;
    assert_int_equal(silt_pipeline_maintain(pipeline, NULL, here.arena, &maintained, &here.err),
                     SILT_OK);
    assert_false(maintained.failed);
    assert_true(list(pipeline).count >= 2 * 24 - 1);
    silt_pipeline_free(pipeline);
}

static void copy_state(const char *from, const char *to)
{
    char command[512];
    snprintf(command, sizeof(command), "rm -rf '%s/%s' && cp -r '%s/%s' '%s/%s'", here.dir, to,
             here.dir, from, here.dir, to);
    assert_int_equal(system(command), 0);
}

/* A run whose history isn't written, or only half, is a run all the same. Gives whether the fault
 * was met. */
static bool run_with(silt_fault_kind kind, int64_t at, int64_t then_us)
{
    here.now_us = then_us; /* too soon for anything to be forgotten */
    copy_state("kept", "state");
    here.plan = (silt_fault_plan){.kind = kind, .at = at};
    here.calls = (silt_fault_run){0};
    silt_pipeline *pipeline = open_pipeline();
    run(pipeline);
    silt_pipeline_free(pipeline);
    here.plan = (silt_fault_plan){0};
    free_below();
    return here.calls.fired;
}

/* The run that puts 32 files together, at each of its calls. */
static void lost_calls_and_deaths_while_files_are_put_together(void **state)
{
    (void)state;
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                            SILT_FAULT_CRASH, SILT_FAULT_CRASH_AFTER};
    silt_pipeline *pipeline = open_pipeline();
    int64_t runs = 0;
    for (; !runs || data_files(pipeline) < 32; runs++)
        run(pipeline);
    assert_int_equal(list(pipeline).count, runs);
    silt_pipeline_free(pipeline);
    copy_state("state", "kept");
    const int64_t then_us = here.now_us;
    int64_t points = 0;
    for (size_t k = 0; k < SILT_COUNT(kinds); k++)
        for (int64_t at = 1; run_with(kinds[k], at, then_us); at += at < 4 ? 1 : 13, points++) {
            pipeline = open_pipeline();
            assert_in_range(list(pipeline).count, runs, runs + 1);
            run(pipeline);
            assert_in_range(list(pipeline).count, runs + 1, runs + 2);
            silt_pipeline_free(pipeline);
        }
    print_message("# %lld points\n", (long long)points);
    assert_true(points > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(very_many_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_calls_and_deaths_while_files_are_put_together, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
