/* Real processes over the local file system, killed by SIGKILL: at store calls, at system calls
 * which change files (the engine's own writes are among them), and from the engine's progress
 * callback. Then one clean run, and every row stands in the target once.
 *
 * SILT_SWEEP=full takes every call; else some of each kind. A point's name repeats it: SILT_POINT.
 */
#include "sim/trap.h"
#include "sim/world.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "load/tracker.h"
#include "support/files.h"

#define TRACKER "state/" SILT_TRACKER_DIR

static char *dir;

/* What a child has counted; shared with it. */
static struct counts {
    _Atomic int64_t calls, store_calls, reports;
} * counts;

/* ---- processes */

/* What is done to the process of a point. */
typedef struct plan {
    sim_world *world;
    silt_fault_kind store_kind; /* at store call `at` */
    when when;                  /* or a system call `at` below `only` */
    bool system_call, progress; /* or the progress report `at` */
    const char *only;
    int64_t at;
    int64_t keep_at; /* the store call before which the tracker is copied to "kept"; 0: never */
} plan;

static void keep_tracker(void *ctx, silt_fault_when at, const char *op, const char *key,
                         int64_t call)
{
    plan *p = ctx;
    (void)op, (void)key;
    if (at != SILT_FAULT_BEFORE || call != p->keep_at) return;
    bool armed = trap.armed;
    trap.armed = false;
    sim_copy(sim_place(p->world, TRACKER), sim_place(p->world, "kept"));
    trap.armed = armed;
}

static _Atomic int64_t reports_left;

static void on_progress(void *ctx, double fraction)
{
    (void)ctx, (void)fraction;
    atomic_fetch_add(&counts->reports, 1);
    if (atomic_fetch_sub(&reports_left, 1) == 1) raise(SIGKILL);
}

/* The process that is to die. It says nothing of its outcome: it may have failed. */
static void doomed(void *ctx)
{
    plan *p = ctx;
    sim_process process = {.world = p->world,
                           .plan = {.kind = p->store_kind,
                                    .at = p->store_kind ? p->at : 0,
                                    .hook = keep_tracker,
                                    .hook_ctx = p}};
    if (p->progress) {
        process.progress = on_progress;
        reports_left = p->at;
        trap.slow_ms = 150;
    }
    trap.when = p->when;
    trap.at = p->system_call ? p->at : 0;
    trap.only = p->only;
    trap.armed = true;
    sim_outcome out = sim_run(&process, false, false);
    trap.armed = false;
    counts->store_calls = process.calls.calls;
    if (out.status != SILT_OK) print_error("# %s: %s\n", sim_point_name(), out.message);
    sim_check(out.status == SILT_OK, "a run that wasn't killed: %s", out.message);
}

static bool run_doomed(plan *p)
{
    memset(counts, 0, sizeof(*counts));
    sim_world_reseed(p->world);
    return sim_child(doomed, p);
}

static void survivor(void *ctx)
{
    silt_engine *engine = sim_engine_new();
    sim_world_reseed(ctx);
    sim_check_recovers(ctx, engine);
    sim_engine_free(engine);
}

static void blaming_survivor(void *ctx)
{
    silt_engine *engine = sim_engine_new();
    sim_world_reseed(ctx);
    sim_check_recovers_blaming(ctx, engine);
    sim_engine_free(engine);
}

/* ---- the whole */

static void begin(sim_world *w, const sim_scenario *scenario)
{
    sim_world_init(w, scenario, dir, true, silt_hash64(sim_point_name(), strlen(sim_point_name())));
}

static struct counts count_of(const sim_scenario *scenario, const char *only)
{
    static struct counts known[SIM_SCENARIOS_MAX];
    static const sim_scenario *of[SIM_SCENARIOS_MAX];
    size_t i = 0;
    while (i < SIM_SCENARIOS_MAX && of[i] && of[i] != scenario)
        i++;
    assert_true(i < SIM_SCENARIOS_MAX);
    if (of[i] && !only) return known[i];
    sim_world w;
    begin(&w, scenario);
    plan p = {.world = &w, .only = only};
    assert_false(run_doomed(&p));
    sim_world_release(&w);
    if (only) return *counts;
    of[i] = scenario;
    return known[i] = *counts;
}

static int setup(void **state)
{
    (void)state;
    dir = test_dir_new();
    counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(counts != MAP_FAILED);
    trap.dir = dir;
    trap_calls = &counts->calls;
    sim_children_init();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_dir_free(dir);
    munmap(counts, sizeof(*counts));
    return 0;
}

/* ---- the points */

static void killed_at_store_calls(void **state)
{
    (void)state;
    static const silt_fault_kind kinds[] = {SILT_FAULT_KILL_BEFORE, SILT_FAULT_KILL_MID,
                                            SILT_FAULT_KILL_AFTER};
    const sim_scenario *scenario;
    for (size_t s = 0; (scenario = sim_next_scenario(SIM_KILLS, &s));) {
        const struct counts counted = count_of(scenario, NULL);
        int64_t total = counted.store_calls;
        for (size_t k = 0; k < SILT_COUNT(kinds); k++)
            for (int64_t n = 0; (n = sim_next(n, total, 1, s * 5 + k * 3));) {
                if (!sim_point("kills/store/%s/%s/%" PRId64, scenario->name, whens[k], n)) continue;
                sim_world w;
                begin(&w, scenario);
                plan p = {.world = &w, .store_kind = kinds[k], .at = n};
                sim_check(run_doomed(&p), "it wasn't killed");
                sim_child(survivor, &w);
                sim_world_release(&w);
            }
    }
    sim_report("store calls");
}

static void killed_at_system_calls(void **state)
{
    (void)state;
    const sim_scenario *scenario;
    for (size_t s = 0; (scenario = sim_next_scenario(SIM_KILLS, &s));) {
        const struct counts counted = count_of(scenario, NULL);
        int64_t total = counted.calls;
        for (int k = BEFORE; k < WHENS; k++)
            for (int64_t n = 0; (n = sim_next(n, total, 1, s * 11 + (uint64_t)k * 5));) {
                if (!sim_point("kills/system/%s/%s/%" PRId64, scenario->name, whens[k], n))
                    continue;
                sim_world w;
                begin(&w, scenario);
                plan p = {.world = &w, .system_call = true, .when = (when)k, .at = n};
                sim_check(run_doomed(&p), "it wasn't killed");
                sim_child(survivor, &w);
                sim_world_release(&w);
            }
    }
    sim_report("system calls");
}

/* ---- inside COPY */

#define SCRATCH "/lake/t/_silt/scratch/"
#define ROWS    20000

/* A file of many rows, so that the engine writes more than once. */
typedef struct large {
    sim_scenario scenario;
    sim_file files[2];
    silt_buf text, expected;
} large;

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void large_init(large *l, const char *name, int64_t rows)
{
    *l = (large){.scenario = sim_partitioned};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    char **lines = calloc((size_t)rows, sizeof(*lines));
    silt_buf_puts(&l->text, "id,day,value\n");
    for (int64_t i = 0; i < rows; i++) {
        uint64_t noise = silt_hash64(&i, sizeof(i));
        silt_buf_printf(&l->text, "%" PRId64 ",%c,%016" PRIx64 "\n", i, "abcdef"[i % 6], noise);
        lines[i] = silt_arena_printf(arena, "%" PRId64 " %016" PRIx64 "\n", i, noise);
    }
    qsort(lines, (size_t)rows, sizeof(*lines), by_text);
    for (int64_t i = 0; i < rows; i++)
        silt_buf_puts(&l->expected, lines[i]);
    free(lines);
    l->files[0] = (sim_file){"large.csv", l->text.data};
    l->scenario.name = name;
    l->scenario.files = l->files;
    l->scenario.files_ok = 1;
    l->scenario.expected = l->expected.data;
}

static void large_release(large *l)
{
    silt_buf_release(&l->text);
    silt_buf_release(&l->expected);
}

static void killed_inside_copy(void **state)
{
    (void)state;
    large l;
    large_init(&l, "large", ROWS);
    const struct counts counted = count_of(&l.scenario, SCRATCH);
    int64_t total = counted.calls;
    print_message("# COPY makes %" PRId64 " system calls\n", total);
    assert_true(total >= 10);
    for (int k = BEFORE; k < WHENS; k++)
        for (int64_t n = 0; (n = sim_next(n, total, 5, (uint64_t)k * 5));) {
            if (!sim_point("kills/copy/%s/%" PRId64, whens[k], n)) continue;
            sim_world w;
            begin(&w, &l.scenario);
            plan p = {.world = &w, .system_call = true, .only = SCRATCH, .when = (when)k, .at = n};
            sim_check(run_doomed(&p), "it wasn't killed");
            sim_child(survivor, &w);
            sim_world_release(&w);
        }
    large_release(&l);
    sim_report("inside COPY");
}

static void killed_by_progress(void **state)
{
    (void)state;
    large l;
    large_init(&l, "large", ROWS);
    for (int64_t n = 1; n <= (sim_full() ? 4 : 2); n++) {
        if (!sim_point("kills/progress/%" PRId64, n)) continue;
        sim_world w;
        begin(&w, &l.scenario);
        plan p = {.world = &w, .progress = true, .at = n, .only = SCRATCH};
        sim_check(run_doomed(&p), "it wasn't killed");
        sim_child(survivor, &w);
        sim_world_release(&w);
    }
    large_release(&l);
    sim_report("progress reports");
}

/* ---- and more misfortune */

static void killed_and_the_tracker_is_gone_or_old(void **state)
{
    (void)state;
    const sim_scenario *scenario;
    for (size_t s = 0; (scenario = sim_next_scenario(SIM_KILLS, &s));) {
        const struct counts counted = count_of(scenario, NULL);
        int64_t total = counted.store_calls;
        for (int old = 0; old < 2; old++)
            for (int64_t n = 0; (n = sim_next(n, total, 1, s * 7 + (uint64_t)old * 3));) {
                if (!sim_point("kills/tracker_%s/%s/%" PRId64, old ? "old" : "gone", scenario->name,
                               n))
                    continue;
                sim_world w;
                begin(&w, scenario);
                plan p = {.world = &w,
                          .store_kind = SILT_FAULT_KILL_AFTER,
                          .at = n,
                          .keep_at = old ? (n + 1) / 2 : 0};
                sim_check(run_doomed(&p), "it wasn't killed");
                sim_remove(&w, TRACKER);
                if (old) sim_copy(sim_place(&w, "kept"), sim_place(&w, TRACKER));
                sim_child(survivor, &w);
                sim_world_release(&w);
            }
    }
    sim_report("tracker gone or old");
}

static void killed_again_and_again(void **state)
{
    (void)state;
    static const int64_t kills[] = {2, 3, 10};
    const sim_scenario *scenario;
    for (size_t s = 0; (scenario = sim_next_scenario(SIM_KILLS, &s));) {
        struct counts total = count_of(scenario, NULL);
        uint64_t first, seeds = sim_seeds(1, 50, &first);
        for (size_t k = 0; k < SILT_COUNT(kills); k++)
            for (uint64_t i = first; i < first + seeds; i++) {
                if (!sim_full() && (s + i) % SILT_COUNT(kills) != k) continue;
                if (!sim_point("kills/in_a_row/%s/%" PRId64 "/%" PRIu64, scenario->name, kills[k],
                               i))
                    continue;
                sim_world w;
                begin(&w, scenario);
                for (int64_t j = 0; j < kills[k]; j++) {
                    uint64_t random;
                    silt_random_fill(&w.random, &random, sizeof(random));
                    bool system_call = random >> 60 & 1;
                    int64_t most = system_call ? total.calls : total.store_calls;
                    plan p = {.world = &w, .at = 1 + (int64_t)(random % (uint64_t)most)};
                    p.system_call = system_call;
                    p.when = (when)(random >> 40) % WHENS;
                    if (!system_call) p.store_kind = SILT_FAULT_KILL_BEFORE + p.when;
                    (void)run_doomed(&p); /* a later run may be over before */
                }
                sim_child(kills[k] < 10 ? survivor : blaming_survivor, &w);
                sim_world_release(&w);
            }
    }
    sim_report("kills in a row");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_store_calls),
        cmocka_unit_test(killed_at_system_calls),
        cmocka_unit_test(killed_inside_copy),
        cmocka_unit_test(killed_by_progress),
        cmocka_unit_test(killed_and_the_tracker_is_gone_or_old),
        cmocka_unit_test(killed_again_and_again),
    };
    return cmocka_run_group_tests_name("kills", tests, setup, teardown);
}
