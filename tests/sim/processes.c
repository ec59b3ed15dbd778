/* Two real processes over one pipeline on the local file system: one stopped by SIGSTOP while the
 * other takes its lock by force and does everything, and two at once without a common lock.
 *
 * SILT_SWEEP=full takes every call and more seeds. A point's name repeats it: SILT_POINT. */
#include "sim/world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "support/files.h"
#include "support/random.h"

static char *dir;

static int setup(void **state)
{
    (void)state;
    dir = test_dir_new();
    sim_children_init();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_dir_free(dir);
    return 0;
}

static void begin(sim_world *w, const sim_scenario *scenario)
{
    sim_world_init(w, scenario, dir, true, silt_hash64(sim_point_name(), strlen(sim_point_name())));
}

static void survivor(void *ctx)
{
    silt_engine *engine = sim_engine_new();
    sim_world_reseed(ctx);
    sim_check_recovers(ctx, engine);
    sim_engine_free(engine);
}

/* ---- stopped */

typedef struct sleeper {
    sim_world *world;
    int64_t at;
} sleeper;

static void stop_here(void *ctx, silt_fault_when when, const char *op, const char *key,
                      int64_t call)
{
    const sleeper *s = ctx;
    (void)op, (void)key;
    if (when == SILT_FAULT_BEFORE && call == s->at) raise(SIGSTOP);
}

static void sleep_and_go_on(void *ctx)
{
    sleeper *s = ctx;
    sim_process p = {.world = s->world, .plan = {.hook = stop_here, .hook_ctx = s}};
    (void)sim_run(&p, false, false); /* it may well fail */
}

static void stopped_and_overtaken(void **state)
{
    (void)state;
    const sim_scenario *scenario;
    for (size_t s = 0; (scenario = sim_next_scenario(SIM_ZOMBIES, &s));)
        for (int64_t n = 0; (n = sim_next(n, 90, 2, s * 7));) {
            if (!sim_point("processes/stopped/%s/%" PRId64, scenario->name, n)) continue;
            sim_world w;
            begin(&w, scenario);
            sleeper z = {&w, n};
            pid_t pid = sim_child_start(sleep_and_go_on, &z);
            int status;
            assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
            bool stopped = WIFSTOPPED(status);
            sim_world_reseed(&w);
            (void)sim_child(survivor, &w);
            if (stopped) kill(pid, SIGCONT);
            if (stopped) (void)sim_child_wait(pid);
            sim_world_reseed(&w);
            (void)sim_child(survivor, &w);
            sim_world_release(&w);
        }
    sim_report("stopped processes");
}

/* ---- at once */

/* Each that overtakes the other counts as a crash over its files. After ten of them a file is at
 * fault, and waits for the next run. Which begins later, by a clock that was never either's. */
static void survivor_of_a_race(void *ctx)
{
    const int64_t hour_us = INT64_C(3600) * 1000000;
    sim_world *w = ctx;
    silt_engine *engine = sim_engine_new();
    sim_world_reseed(w);
    w->now_us += hour_us;
    (void)sim_run_clean(ctx, engine);
    sim_check_recovers(ctx, engine);
    sim_engine_free(engine);
}

typedef struct racer {
    sim_world *world;
    const char *lock;
    test_random random;
} racer;

static void dawdle(void *ctx, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    racer *r = ctx;
    (void)when, (void)op, (void)key, (void)call;
    if (test_random_below(&r->random, 4) == 0)
        usleep((useconds_t)test_random_below(&r->random, 4000));
}

static void race(void *ctx)
{
    racer *r = ctx;
    sim_process p = {
        .world = r->world, .own_lock = r->lock, .plan = {.hook = dawdle, .hook_ctx = r}};
    (void)sim_run(&p, false, false);
}

static void two_at_once_without_a_lock(void **state)
{
    (void)state;
    uint64_t first, seeds = sim_seeds(40, 2000, &first);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        size_t at = seed % sim_scenario_count, first_one = 0;
        const sim_scenario *scenario = sim_next_scenario(SIM_SCHEDULES, &at);
        if (!scenario) scenario = sim_next_scenario(SIM_SCHEDULES, &first_one);
        /* Whether a change comes into an overwrite's batch depends on who was how quick. */
        if (scenario->changed.name && strstr(scenario->table, "overwrite")) continue;
        if (!sim_point("processes/at_once/%s/%" PRIu64, scenario->name, seed)) continue;
        sim_world w;
        begin(&w, scenario);
        racer racers[] = {{&w, "lock-0", {seed}}, {&w, "lock-1", {~seed}}};
        pid_t pids[2];
        for (int i = 0; i < 2; i++) {
            sim_world_reseed(&w);
            pids[i] = sim_child_start(race, &racers[i]);
        }
        for (int i = 0; i < 2; i++)
            (void)sim_child_wait(pids[i]);
        sim_world_reseed(&w);
        (void)sim_child(survivor_of_a_race, &w);
        sim_world_release(&w);
    }
    sim_report("two processes at once");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_and_overtaken),
        cmocka_unit_test(two_at_once_without_a_lock),
    };
    return cmocka_run_group_tests_name("processes", tests, setup, teardown);
}
