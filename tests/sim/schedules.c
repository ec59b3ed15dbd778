/* Two pipelines over the same places at once, without a lock, one store call after another in an
 * order that follows from a seed. One may crash, and start again. Nothing is ever there twice, and
 * a clean run makes it exact.
 *
 * SILT_SWEEP=full tries many more seeds. A point's name repeats it: SILT_POINT. */
#include "sim/turns.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/files.h"

static char *dir;
static silt_engine *engines[TURNS_THREADS];

static int setup(void **state)
{
    (void)state;
    dir = test_dir_new();
    for (int i = 0; i < TURNS_THREADS; i++)
        engines[i] = sim_engine_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < TURNS_THREADS; i++)
        sim_engine_free(engines[i]);
    test_dir_free(dir);
    return 0;
}

typedef struct actor {
    turns_place place;
    sim_process process;
    int runs;
    sim_outcome outcome; /* of the last of them, or of one that thought its state inconsistent */
    pthread_t thread;
} actor;

static void *act(void *ctx)
{
    actor *a = ctx;
    for (int i = 0; i < a->runs; i++) {
        sim_outcome out = sim_run(&a->process, true, false);
        if (a->outcome.status != SILT_INCONSISTENT) a->outcome = out;
        a->process.plan.kind = SILT_FAULT_NONE; /* it crashes once */
        a->process.calls = (silt_fault_run){0};
    }
    turns_end(a->place.turns, a->place.id);
    return NULL;
}

static void one_schedule(const sim_scenario *scenario, uint64_t seed)
{
    static const char *const locks[TURNS_THREADS] = {"lock-0", "lock-1"};
    sim_world w;
    sim_world_init(&w, scenario, dir, false, seed);
    turns s;
    turns_init(&s, seed);
    actor actors[TURNS_THREADS];
    for (int i = 0; i < TURNS_THREADS; i++) {
        actors[i] = (actor){.place = {&s, i}, .runs = 1};
        actors[i].process = (sim_process){.world = &w, .engine = engines[i], .own_lock = locks[i]};
        actors[i].process.plan =
            (silt_fault_plan){.hook = turns_hook, .hook_ctx = &actors[i].place};
    }
    if (test_random_below(&s.random, 2)) {
        actor *crasher = &actors[test_random_below(&s.random, TURNS_THREADS)];
        crasher->runs = 2;
        crasher->process.plan.kind =
            test_random_below(&s.random, 2) ? SILT_FAULT_CRASH : SILT_FAULT_CRASH_AFTER;
        crasher->process.plan.at = 1 + (int64_t)test_random_below(&s.random, 90);
    }
    for (int i = 0; i < TURNS_THREADS; i++)
        assert_int_equal(pthread_create(&actors[i].thread, NULL, act, &actors[i]), 0);
    for (int i = 0; i < TURNS_THREADS; i++)
        pthread_join(actors[i].thread, NULL);
    for (int i = 0; i < TURNS_THREADS; i++)
        sim_check(actors[i].outcome.status != SILT_INCONSISTENT, "a false alarm: %s",
                  actors[i].outcome.message);
    turns_release(&s);
    sim_check_no_duplicates(&w, engines[0]);
    sim_check_recovers(&w, engines[0]);
    sim_world_release(&w);
}

static void two_at_once(void **state)
{
    const sim_scenario *scenario = *state;
    uint64_t first, seeds = sim_seeds(8, 1000, &first);
    for (uint64_t seed = first; seed < first + seeds; seed++)
        if (sim_point("schedules/%s/%" PRIu64, scenario->name, seed)) one_schedule(scenario, seed);
    sim_report(scenario->name);
}

int main(void)
{
    struct CMUnitTest tests[SIM_SCENARIOS_MAX];
    size_t count = sim_tests(SIM_SCHEDULES, two_at_once, tests);
    return _cmocka_run_group_tests("schedules", tests, count, setup, teardown);
}
