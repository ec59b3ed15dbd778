/* Zombies: a process that stops at a store call, for so long that another takes its lock by force
 * and does everything; then it wakes up and goes on. Nothing is ever there twice.
 *
 * SILT_SWEEP=full takes every call; else some of them. A point's name repeats it: SILT_POINT. */
#include "sim/world.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "load/tracker.h"
#include "support/files.h"

#define TRACKER "state/" SILT_TRACKER_DIR

static char *dir;
static silt_engine *engines[2]; /* the zombie's, and that of the others */

static int setup(void **state)
{
    (void)state;
    dir = test_dir_new();
    for (int i = 0; i < 2; i++)
        engines[i] = sim_engine_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        sim_engine_free(engines[i]);
    test_dir_free(dir);
    return 0;
}

/* ---- a thread that is a process */

typedef struct zombie {
    sim_process process;
    int64_t at; /* the call before which it stops */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool stopped, awake, ended;
    sim_outcome outcome;
} zombie;

static void stop_here(void *ctx, silt_fault_when when, const char *op, const char *key,
                      int64_t call)
{
    zombie *z = ctx;
    (void)op, (void)key;
    if (when != SILT_FAULT_BEFORE || call != z->at) return;
    pthread_mutex_lock(&z->lock);
    z->stopped = true;
    pthread_cond_broadcast(&z->change);
    while (!z->awake)
        pthread_cond_wait(&z->change, &z->lock);
    pthread_mutex_unlock(&z->lock);
}

static void *live(void *ctx)
{
    zombie *z = ctx;
    z->outcome = sim_run(&z->process, false, false);
    pthread_mutex_lock(&z->lock);
    z->ended = true;
    pthread_cond_broadcast(&z->change);
    pthread_mutex_unlock(&z->lock);
    return NULL;
}

/* True when it stands before its call; false when it came to its end. */
static bool zombie_start(zombie *z, sim_world *world, int64_t at)
{
    *z = (zombie){.at = at};
    z->process = (sim_process){
        .world = world, .engine = engines[0], .plan = {.hook = stop_here, .hook_ctx = z}};
    pthread_mutex_init(&z->lock, NULL);
    pthread_cond_init(&z->change, NULL);
    assert_int_equal(pthread_create(&z->thread, NULL, live, z), 0);
    pthread_mutex_lock(&z->lock);
    while (!z->stopped && !z->ended)
        pthread_cond_wait(&z->change, &z->lock);
    pthread_mutex_unlock(&z->lock);
    return z->stopped;
}

static void zombie_wake(zombie *z)
{
    pthread_mutex_lock(&z->lock);
    z->awake = true;
    pthread_cond_broadcast(&z->change);
    pthread_mutex_unlock(&z->lock);
    pthread_join(z->thread, NULL);
    pthread_cond_destroy(&z->change);
    pthread_mutex_destroy(&z->lock);
}

static int64_t count_calls(const sim_scenario *scenario)
{
    sim_world w;
    sim_world_init(&w, scenario, dir, false, 1);
    sim_process p = {.world = &w, .engine = engines[1]};
    sim_outcome out = sim_run(&p, false, false);
    if (out.status != SILT_OK) fail_msg("%s: %s", scenario->name, out.message);
    sim_world_release(&w);
    return p.calls.calls;
}

/* ---- the points */

static void wakes_after_everything_is_done(void **state)
{
    (void)state;
    const sim_scenario *scenario;
    for (size_t s = 0; (scenario = sim_next_scenario(SIM_ZOMBIES, &s));) {
        int64_t total = count_calls(scenario);
        for (int64_t n = 0; (n = sim_next(n, total, 4, s));) {
            if (!sim_point("zombies/done/%s/%" PRId64, scenario->name, n)) continue;
            sim_world w;
            zombie z;
            sim_world_init(&w, scenario, dir, false, (uint64_t)n);
            sim_check(zombie_start(&z, &w, n), "it didn't stop");
            sim_check_recovers(&w, engines[1]);
            zombie_wake(&z);
            if (scenario->anew) { /* it may remove commits of the tracker that has come meanwhile */
                sim_check_recovers_or_stops(&w, engines[1]);
            } else {
                sim_check(z.outcome.status != SILT_INCONSISTENT, "a false alarm: %s",
                          z.outcome.message);
                sim_check_exact(&w, engines[1]); /* also names that it gave files, and took back */
            }
            sim_world_release(&w);
        }
    }
    sim_report("zombies that wake when all is done");
}

/* The other is at work itself, and stops; the zombie wakes in the middle of its run. */
static void wakes_while_another_is_at_work(void **state)
{
    (void)state;
    const sim_scenario *scenario;
    for (size_t s = 0; (scenario = sim_next_scenario(SIM_ZOMBIES, &s));) {
        int64_t total = count_calls(scenario);
        for (int64_t n = 0; (n = sim_next(n, total, 2, s));)
            for (int64_t m = 1 + n % 9; m <= total; m += sim_full() ? 9 : total / 2) {
                if (!sim_point("zombies/at_work/%s/%" PRId64 "/%" PRId64, scenario->name, n, m))
                    continue;
                sim_world w;
                zombie z;
                sim_world_init(&w, scenario, dir, false, (uint64_t)(n * 1000 + m));
                sim_check(zombie_start(&z, &w, n), "it didn't stop");
                sim_process p = {
                    .world = &w, .engine = engines[1], .plan = {.kind = SILT_FAULT_CRASH, .at = m}};
                (void)sim_run(&p, true, false);
                zombie_wake(&z);
                sim_check_recovers(&w, engines[1]);
                sim_world_release(&w);
            }
    }
    sim_report("zombies that wake while another is at work");
}

/* As an old copy brought back: its log is shorter, and the zombie goes on with the one it knows. */
static void wakes_upon_another_tracker(void **state)
{
    (void)state;
    const sim_scenario *scenario;
    for (size_t s = 0; (scenario = sim_next_scenario(SIM_ZOMBIES, &s));) {
        int64_t total = count_calls(scenario);
        for (int64_t n = 0; (n = sim_next(n, total, 2, s));) {
            if (!sim_point("zombies/tracker/%s/%" PRId64, scenario->name, n)) continue;
            sim_world w;
            zombie z;
            sim_world_init(&w, scenario, dir, false, (uint64_t)n);
            sim_check(zombie_start(&z, &w, n), "it didn't stop");
            silt_store *kept = sim_keep(sim_place(&w, TRACKER));
            sim_check_recovers(&w, engines[1]);
            sim_copy(n % 2 ? kept : NULL, sim_place(&w, TRACKER));
            silt_store_free(kept);
            zombie_wake(&z);
            sim_check_recovers_or_stops(&w, engines[1]);
            sim_world_release(&w);
        }
    }
    sim_report("zombies that wake upon another tracker");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes_after_everything_is_done),
        cmocka_unit_test(wakes_while_another_is_at_work),
        cmocka_unit_test(wakes_upon_another_tracker),
    };
    return cmocka_run_group_tests_name("zombies", tests, setup, teardown);
}
