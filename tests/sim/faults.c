/* The sweep over the in-memory store: each store call of a run lost, its answer lost, or the
 * process dead before or after it; then one clean run, with the tracker as it is, deleted or rolled
 * back. Whatever was lost, every row stands in the target once.
 *
 * SILT_SWEEP=full takes every call; else some of each kind. A point's name repeats it: SILT_POINT.
 */
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "load/tracker.h"
#include "support/files.h"

#define SOME    9 /* points of each scenario, kind and twist, where not all are asked for */
#define TRACKER "state/" SILT_TRACKER_DIR

static char *dir;
static silt_engine *engine;

static int setup(void **state)
{
    (void)state;
    dir = test_dir_new();
    engine = sim_engine_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_engine_free(engine);
    test_dir_free(dir);
    return 0;
}

/* What happens to the tracker between the fault and the clean run. */
typedef enum twist { KEEP, DELETE, ROLL_BACK, TWISTS } twist;
static const char *const twists[] = {"kept", "deleted", "rolled_back"};

typedef struct kind {
    silt_fault_kind kind;
    const char *name;
} kind;
static const kind kinds[] = {
    {SILT_FAULT_BEFORE_EFFECT, "before_effect"},
    {SILT_FAULT_AFTER_EFFECT, "after_effect"},
    {SILT_FAULT_CRASH, "crash"},
    {SILT_FAULT_CRASH_AFTER, "crash_after"},
};

/* Keeps the tracker as it is half-way to the fault. */
typedef struct keeper {
    sim_world *world;
    int64_t at;
    silt_store *kept;
} keeper;

static void keep_tracker(void *ctx, silt_fault_when when, const char *op, const char *key,
                         int64_t call)
{
    keeper *k = ctx;
    (void)op, (void)key;
    if (when == SILT_FAULT_BEFORE && call == k->at && !k->kept)
        k->kept = sim_keep(sim_place(k->world, TRACKER));
}

static int64_t count_calls(const sim_scenario *scenario, bool all)
{
    sim_world w;
    sim_world_init(&w, scenario, dir, false, 1);
    sim_process p = {.world = &w, .engine = engine, .plan = {.ops = all ? 0 : SILT_FAULT_CHANGES}};
    sim_outcome out = sim_run(&p, false, false);
    if (out.status != SILT_OK)
        fail_msg("%s: a run without faults: %s", scenario->name, out.message);
    sim_world_release(&w);
    return p.calls.calls;
}

static bool one_point(const sim_scenario *scenario, silt_fault_kind what, int64_t n, twist t)
{
    sim_world w;
    sim_world_init(&w, scenario, dir, false, (uint64_t)n);
    keeper k = {&w, t == ROLL_BACK ? (n + 1) / 2 : -1, NULL};
    sim_process p = {.world = &w,
                     .engine = engine,
                     .plan = {.kind = what, .at = n, .hook = keep_tracker, .hook_ctx = &k}};
    sim_outcome out = sim_run(&p, false, false);
    bool fired = p.calls.fired;
    sim_check(fired || out.status == SILT_OK, "nothing was lost, and yet: %s", out.message);
    if (t == DELETE) sim_copy(NULL, sim_place(&w, TRACKER));
    if (k.kept) sim_copy(k.kept, sim_place(&w, TRACKER));
    silt_store_free(k.kept);
    sim_check_recovers(&w, engine);
    sim_world_release(&w);
    return fired;
}

static void sweep(const sim_scenario *scenario)
{
    int64_t total = count_calls(scenario, true);
    for (size_t k = 0; k < SILT_COUNT(kinds); k++)
        for (int t = KEEP; t < TWISTS; t++)
            for (int64_t n = 0; (n = sim_next(n, total, SOME, k * 7 + (uint64_t)t * 3));)
                if (sim_point("faults/%s/%s/%s/%" PRId64, scenario->name, kinds[k].name, twists[t],
                              n))
                    (void)one_point(scenario, kinds[k].kind, n, (twist)t);
    sim_report(scenario->name);
}

static void append_survives_any_lost_call(void **state)
{
    (void)state;
    sweep(&sim_append);
}

static void partitioned_append_survives_any_lost_call(void **state)
{
    (void)state;
    sweep(&sim_partitioned);
}

static void upsert_survives_any_lost_call(void **state)
{
    (void)state;
    sweep(&sim_upsert);
}

static void a_bad_file_stays_alone_whatever_is_lost(void **state)
{
    (void)state;
    sweep(&sim_bad_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_survives_any_lost_call),
        cmocka_unit_test(partitioned_append_survives_any_lost_call),
        cmocka_unit_test(upsert_survives_any_lost_call),
        cmocka_unit_test(a_bad_file_stays_alone_whatever_is_lost),
    };
    return cmocka_run_group_tests_name("faults", tests, setup, teardown);
}
