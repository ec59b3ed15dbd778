/* Each operation where a call of the store fails, loses its answer, or is the process's last: the
 * table is at the old version or at the new one, and the operation done again is done once.
 *
 * SILT_SWEEP=full takes every call; else some of each kind. A point's name repeats it: SILT_POINT.
 */
#include "sim/trial.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/files.h"

static char *dir;
static silt_engine *engine;
static silt_store *bases[TRIAL_FLAVOURS];

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
    for (int i = 0; i < TRIAL_FLAVOURS; i++)
        silt_store_free(bases[i]);
    sim_engine_free(engine);
    test_dir_free(dir);
    return 0;
}

typedef struct kind {
    const char *name;
    silt_fault_kind kind;
    silt_status status;
    unsigned ops;
} kind;
static const kind kinds[] = {
    {"before_effect", SILT_FAULT_BEFORE_EFFECT, SILT_OK, 0},
    {"after_effect", SILT_FAULT_AFTER_EFFECT, SILT_OK, 0},
    {"crash", SILT_FAULT_CRASH, SILT_OK, 0},
    {"crash_after", SILT_FAULT_CRASH_AFTER, SILT_OK, 0},
    {"unsure_and_not_done", SILT_FAULT_BEFORE_EFFECT, SILT_UNSURE, SILT_FAULT_PUTS},
    {"timeout", SILT_FAULT_BEFORE_EFFECT, SILT_TIMEOUT, 0},
    {"denied", SILT_FAULT_BEFORE_EFFECT, SILT_DENIED, 0},
    {"nospace", SILT_FAULT_BEFORE_EFFECT, SILT_NOSPACE, SILT_FAULT_CHANGES},
};

/* ---- a table of one trial */

typedef struct table {
    trial *trial;
    silt_store *below, *target; /* target: of a clone */
    op_site view;               /* without faults */
} table;

static silt_store *base_of(const trial *t, int flavour)
{
    if (bases[flavour]) return bases[flavour];
    bases[flavour] = silt_store_mem_new();
    op_site site = {.store = bases[flavour], .engine = engine, .dir = dir, .name = "base"};
    scene_build(&t->scene, &site);
    return bases[flavour];
}

static silt_store *open_folder(const char *name)
{
    silt_store *store = NULL;
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    opts.no_durability = true;
    char *path = test_path(dir, name);
    assert_int_equal(silt_store_open(path, &opts, &store, NULL), SILT_OK);
    free(path);
    return store;
}

static table table_new(trial *t, int flavour)
{
    table made = {.trial = t, .target = silt_store_mem_new()};
    made.below = t->aged ? open_folder("aged") : silt_store_mem_new();
    if (t->before) sim_copy(base_of(t, flavour), made.below);
    made.view = (op_site){.store = made.below,
                          .engine = engine,
                          .dir = dir,
                          .name = "trial",
                          .app = "trial",
                          .beside = made.target};
    if (t->aged) op_age_log(&made.view, t->scene.newest);
    char *exported = test_path(dir, "trial.parquet");
    (void)remove(exported);
    free(exported);
    return made;
}

static void table_free(table *made)
{
    silt_snapshot_free(made->view.held);
    silt_store_free(made->target);
    silt_store_free(made->below);
}

/* Do it over stores with faults. */
static op_outcome run(table *on, silt_fault_plan plan, silt_fault_run *calls)
{
    op_site site = on->view;
    plan.run = calls;
    site.store = silt_store_fault_new(on->below, &plan);
    site.beside = silt_store_fault_new(on->target, &plan);
    op_outcome out =
        op_run(&site, &on->trial->op, on->trial->before ? on->trial->before : on->trial->after);
    silt_snapshot_free(site.held);
    silt_store_free(site.beside);
    silt_store_free(site.store);
    return out;
}

/* Calls of a run without faults, by what they are. */
typedef struct call_counts {
    int64_t puts, removes, others;
} call_counts;

static void count_call(void *ctx, silt_fault_when when, const char *name, const char *key,
                       int64_t call)
{
    call_counts *c = ctx;
    (void)key, (void)call;
    if (when == SILT_FAULT_AFTER) return;
    *(silt_starts_with(name, "put") ? &c->puts
      : strcmp(name, "remove") == 0 ? &c->removes
                                    : &c->others) += 1;
}

static call_counts count_calls(trial *t, int flavour)
{
    table on = table_new(t, flavour);
    silt_fault_run calls = {0};
    call_counts counts = {0};
    op_outcome out = run(&on, (silt_fault_plan){.hook = count_call, .hook_ctx = &counts}, &calls);
    if (out.status != SILT_OK)
        fail_msg("%s without faults: %s", op_name(t->op.kind), out.err.message);
    trial_check(t, &on.view, &out, false);
    trial_repeat(t, &on.view);
    table_free(&on);
    return counts;
}

static int64_t total_of(const call_counts *c, unsigned ops)
{
    if (ops == SILT_FAULT_PUTS) return c->puts;
    return c->puts + c->removes + (ops == SILT_FAULT_CHANGES ? 0 : c->others);
}

static void one_point(trial *t, int flavour, const kind *k, int64_t n)
{
    table on = table_new(t, flavour);
    silt_fault_run calls = {0};
    silt_fault_plan plan = {.kind = k->kind, .at = n, .ops = k->ops, .status = k->status};
    op_outcome out = run(&on, plan, &calls);
    sim_check(calls.fired || out.status == SILT_OK, "nothing was lost, and yet: %s",
              out.err.message);
    trial_check(t, &on.view, &out, calls.dead);
    trial_repeat(t, &on.view);
    table_free(&on);
}

static void sweep(op_kind what, int flavour)
{
    trial t;
    if (!trial_plan(&t, what, flavour)) return;
    const call_counts counts = count_calls(&t, flavour);
    for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
        int64_t total = total_of(&counts, kinds[k].ops);
        if (!sim_full() && (k + what) % TRIAL_FLAVOURS != (size_t)flavour) continue;
        for (int64_t n = 0; (n = sim_next(n, total, 1, what * 7 + k * 3));)
            if (sim_point("ops_faults/%s/%s/%s/%" PRId64, op_name(what), trial_flavours[flavour],
                          kinds[k].name, n))
                one_point(&t, flavour, &kinds[k], n);
    }
    trial_release(&t);
}

static void a_lost_call_leaves_old_or_new(void **state)
{
    (void)state;
    for (op_kind what = 0; what < OP_KINDS; what++)
        for (int flavour = 0; flavour < TRIAL_FLAVOURS; flavour++)
            sweep(what, flavour);
    sim_report("operations that lose a call");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_call_leaves_old_or_new),
    };
    return cmocka_run_group_tests_name("ops_faults", tests, setup, teardown);
}
