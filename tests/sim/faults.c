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

#include "base/hash.h"
#include "load/tracker.h"
#include "support/files.h"
#include "support/random.h"

#define SOME    2 /* points of each scenario, kind and twist, where not all are asked for */
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
    silt_status status;
    unsigned ops;
    bool alone; /* with the tracker kept only */
} kind;
static const kind kinds[] = {
    {SILT_FAULT_BEFORE_EFFECT, "before_effect", SILT_OK, 0, false},
    {SILT_FAULT_AFTER_EFFECT, "after_effect", SILT_OK, 0, false},
    {SILT_FAULT_CRASH, "crash", SILT_OK, 0, false},
    {SILT_FAULT_CRASH_AFTER, "crash_after", SILT_OK, 0, true}, /* mostly a crash before the next */
    {SILT_FAULT_BEFORE_EFFECT, "unsure_and_not_done", SILT_UNSURE, SILT_FAULT_PUTS, true},
    {SILT_FAULT_BEFORE_EFFECT, "timeout", SILT_TIMEOUT, 0, true},
    {SILT_FAULT_BEFORE_EFFECT, "denied", SILT_DENIED, 0, true},
    {SILT_FAULT_BEFORE_EFFECT, "nospace", SILT_NOSPACE, SILT_FAULT_CHANGES, true},
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

static sim_call_counts count_calls(const sim_scenario *scenario)
{
    sim_world w;
    sim_call_counts counts = {0};
    sim_world_init(&w, scenario, dir, false, 1);
    sim_process p = {
        .world = &w, .engine = engine, .plan = {.hook = sim_count_call, .hook_ctx = &counts}};
    sim_outcome out = sim_run(&p, false, false);
    if (out.status != SILT_OK)
        fail_msg("%s: a run without faults: %s", scenario->name, out.message);
    sim_world_release(&w);
    return counts;
}

static void one_point(const sim_scenario *scenario, const kind *k, int64_t n, twist t)
{
    sim_world w;
    sim_world_init(&w, scenario, dir, false, (uint64_t)n);
    keeper keep = {&w, t == ROLL_BACK ? (n + 1) / 2 : -1, NULL};
    sim_process p = {.world = &w,
                     .engine = engine,
                     .plan = {.kind = k->kind,
                              .at = n,
                              .ops = k->ops,
                              .status = k->status,
                              .hook = keep_tracker,
                              .hook_ctx = &keep}};
    sim_outcome out = sim_run(&p, false, false);
    bool fired = p.calls.fired;
    sim_check(fired || out.status == SILT_OK, "nothing was lost, and yet: %s", out.message);
    if (t == DELETE) sim_copy(NULL, sim_place(&w, TRACKER));
    if (keep.kept) sim_copy(keep.kept, sim_place(&w, TRACKER));
    silt_store_free(keep.kept);
    sim_check_recovers(&w, engine);
    sim_world_release(&w);
}

static void survives_any_lost_call(void **state)
{
    const sim_scenario *scenario = *state;
    const sim_call_counts counts = count_calls(scenario);
    for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
        int64_t total = sim_calls_of(&counts, kinds[k].ops);
        int64_t some = kinds[k].alone ? SOME / 2 : SOME;
        for (int t = KEEP; t < (kinds[k].alone ? KEEP + 1 : TWISTS); t++)
            for (int64_t n = 0; (n = sim_next(n, total, some, k * 7 + (uint64_t)t * 3));)
                if (sim_point("faults/%s/%s/%s/%" PRId64, scenario->name, kinds[k].name, twists[t],
                              n))
                    one_point(scenario, &kinds[k], n, (twist)t);
    }
    sim_report(scenario->name);
}

/* No put is ever known to have happened. */
static void all_answers_may_be_lost(void **state)
{
    (void)state;
    const sim_scenario *scenario;
    for (size_t at = 0; (scenario = sim_next_scenario(SIM_FAULTS, &at));) {
        if (!sim_point("faults/no_answers/%s", scenario->name)) continue;
        sim_world w;
        sim_world_init(&w, scenario, dir, false, at);
        sim_process p = {.world = &w, .engine = engine, .lose_all_answers = true};
        sim_outcome out = sim_run(&p, false, false);
        sim_check(out.status == SILT_OK, "%s: %s", silt_status_name(out.status), out.message);
        sim_check_recovers(&w, engine);
        sim_world_release(&w);
    }
    sim_report("all answers lost");
}

/* Some runs, each with a fault of its own, and the tracker lost or old in between. */
static void one_fault_after_another(void **state)
{
    (void)state;
    uint64_t first, seeds = sim_seeds(40, 3000, &first);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        if (!sim_point("faults/in_a_row/%" PRIu64, seed)) continue;
        test_random random = {silt_hash64(&seed, sizeof(seed))};
        sim_world w;
        sim_world_init(&w, sim_scenarios[test_random_below(&random, sim_scenario_count)].scenario,
                       dir, false, seed);
        for (size_t left = 2 + test_random_below(&random, 3); left; left--) {
            const kind *k = &kinds[test_random_below(&random, SILT_COUNT(kinds))];
            keeper keep = {&w, 1 + (int64_t)test_random_below(&random, 40), NULL};
            sim_process p = {.world = &w,
                             .engine = engine,
                             .plan = {.kind = k->kind,
                                      .at = 1 + (int64_t)test_random_below(&random, 90),
                                      .ops = k->ops,
                                      .status = k->status,
                                      .hook = keep_tracker,
                                      .hook_ctx = &keep}};
            (void)sim_run(&p, true, false);
            size_t then = test_random_below(&random, 6);
            if (then == 0) sim_copy(NULL, sim_place(&w, TRACKER));
            if (then == 1 && keep.kept) sim_copy(keep.kept, sim_place(&w, TRACKER));
            silt_store_free(keep.kept);
        }
        sim_check_recovers(&w, engine);
        sim_world_release(&w);
    }
    sim_report("faults in a row");
}

int main(void)
{
    struct CMUnitTest tests[SIM_SCENARIOS_MAX + 2] = {cmocka_unit_test(all_answers_may_be_lost),
                                                      cmocka_unit_test(one_fault_after_another)};
    size_t count = sim_tests(SIM_FAULTS, survives_any_lost_call, tests + 2);
    return _cmocka_run_group_tests("faults", tests, count + 2, setup, teardown);
}
