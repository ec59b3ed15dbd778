/* Two pipelines over the same places at once, without a lock, one store call after another in an
 * order that follows from a seed. One may crash, and start again. Nothing is ever there twice, and
 * a clean run makes it exact.
 *
 * SILT_SWEEP=full tries many more seeds. A point's name repeats it: SILT_POINT. */
#include "sim/world.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "support/files.h"
#include "support/random.h"

#define PROCESSES 2

static char *dir;
static silt_engine *engines[PROCESSES];

static int setup(void **state)
{
    (void)state;
    dir = test_dir_new();
    for (int i = 0; i < PROCESSES; i++)
        engines[i] = sim_engine_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < PROCESSES; i++)
        sim_engine_free(engines[i]);
    test_dir_free(dir);
    return 0;
}

/* ---- one goes at a time, and at each store call it is drawn who goes on */

typedef struct schedule {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool waiting[PROCESSES], ended[PROCESSES];
    int turn; /* -1: nobody's, until all wait */
    test_random random;
    size_t sticky; /* in a thousand: how often the same goes on */
    int last;
} schedule;

typedef struct actor {
    schedule *schedule;
    int id;
    sim_process process;
    int runs;
    sim_outcome outcome; /* of the last of them, or of one that thought its state inconsistent */
    pthread_t thread;
} actor;

/* When all that live wait: draw. */
static void draw(schedule *s)
{
    int live[PROCESSES], count = 0;
    for (int i = 0; i < PROCESSES; i++) {
        if (s->ended[i]) continue;
        if (!s->waiting[i]) return;
        live[count++] = i;
    }
    if (!count) return;
    bool stay = !s->ended[s->last] && test_random_below(&s->random, 1000) < s->sticky;
    s->turn = stay ? s->last : live[test_random_below(&s->random, (size_t)count)];
    s->last = s->turn;
    pthread_cond_broadcast(&s->change);
}

static void wait_for_turn(void *ctx, silt_fault_when when, const char *op, const char *key,
                          int64_t call)
{
    actor *a = ctx;
    schedule *s = a->schedule;
    (void)op, (void)key, (void)call;
    if (when != SILT_FAULT_BEFORE) return;
    pthread_mutex_lock(&s->lock);
    s->waiting[a->id] = true;
    s->turn = -1;
    draw(s);
    while (s->turn != a->id)
        pthread_cond_wait(&s->change, &s->lock);
    s->waiting[a->id] = false;
    pthread_mutex_unlock(&s->lock);
}

static void *act(void *ctx)
{
    actor *a = ctx;
    for (int i = 0; i < a->runs; i++) {
        sim_outcome out = sim_run(&a->process, true, false);
        if (a->outcome.status != SILT_INCONSISTENT) a->outcome = out;
        a->process.plan.kind = SILT_FAULT_NONE; /* it crashes once */
        a->process.calls = (silt_fault_run){0};
    }
    schedule *s = a->schedule;
    pthread_mutex_lock(&s->lock);
    s->ended[a->id] = true;
    s->turn = -1;
    draw(s);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void one_schedule(const sim_scenario *scenario, uint64_t seed)
{
    static const char *const locks[PROCESSES] = {"lock-0", "lock-1"};
    static const size_t stickiness[] = {0, 500, 800, 950, 990};
    sim_world w;
    sim_world_init(&w, scenario, dir, false, seed);
    schedule s = {.turn = -1, .random = {silt_hash64(&seed, sizeof(seed))}};
    s.sticky = stickiness[test_random_below(&s.random, SILT_COUNT(stickiness))];
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.change, NULL);
    actor actors[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        actors[i] = (actor){.schedule = &s, .id = i, .runs = 1};
        actors[i].process = (sim_process){.world = &w, .engine = engines[i], .own_lock = locks[i]};
        actors[i].process.plan = (silt_fault_plan){.hook = wait_for_turn, .hook_ctx = &actors[i]};
    }
    if (test_random_below(&s.random, 2)) {
        actor *crasher = &actors[test_random_below(&s.random, PROCESSES)];
        crasher->runs = 2;
        crasher->process.plan.kind =
            test_random_below(&s.random, 2) ? SILT_FAULT_CRASH : SILT_FAULT_CRASH_AFTER;
        crasher->process.plan.at = 1 + (int64_t)test_random_below(&s.random, 90);
    }
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(pthread_create(&actors[i].thread, NULL, act, &actors[i]), 0);
    for (int i = 0; i < PROCESSES; i++)
        pthread_join(actors[i].thread, NULL);
    for (int i = 0; i < PROCESSES; i++)
        sim_check(actors[i].outcome.status != SILT_INCONSISTENT, "a false alarm: %s",
                  actors[i].outcome.message);
    pthread_cond_destroy(&s.change);
    pthread_mutex_destroy(&s.lock);
    sim_check_no_duplicates(&w, engines[0]);
    sim_check_recovers(&w, engines[0]);
    sim_world_release(&w);
}

static void sweep(const sim_scenario *scenario)
{
    uint64_t seeds = sim_full() ? 1000 : 24;
    const char *given = getenv("SILT_SEED"); /* another range of them */
    uint64_t first = given ? strtoull(given, NULL, 10) : 0;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        if (sim_point("schedules/%s/%" PRIu64, scenario->name, seed)) one_schedule(scenario, seed);
    sim_report(scenario->name);
}

static void two_appends(void **state)
{
    (void)state;
    sweep(&sim_append);
}

static void two_partitioned_appends(void **state)
{
    (void)state;
    sweep(&sim_partitioned);
}

static void two_upserts(void **state)
{
    (void)state;
    sweep(&sim_upsert);
}

static void two_appends_once(void **state)
{
    (void)state;
    sweep(&sim_append_once);
}

static void two_overwrites(void **state)
{
    (void)state;
    sweep(&sim_overwrite);
}

static void two_of_two_tables(void **state)
{
    (void)state;
    sweep(&sim_two_tables);
}

static void two_with_a_bad_file(void **state)
{
    (void)state;
    sweep(&sim_bad_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_appends),       cmocka_unit_test(two_partitioned_appends),
        cmocka_unit_test(two_upserts),       cmocka_unit_test(two_appends_once),
        cmocka_unit_test(two_overwrites),    cmocka_unit_test(two_with_a_bad_file),
        cmocka_unit_test(two_of_two_tables),
    };
    return cmocka_run_group_tests_name("schedules", tests, setup, teardown);
}
