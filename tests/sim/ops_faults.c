/* Each operation where a call of the store fails, loses its answer, or is the process's last: the
 * table is at the old version or at the new one, and the operation done again is done once.
 *
 * SILT_SWEEP=full takes every call; else some of each kind. A point's name repeats it: SILT_POINT.
 */
#include "sim/home.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/fault.h"

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

/* Do it over stores with faults. */
static op_outcome run(trial *t, home_table *on, silt_fault_plan plan, silt_fault_run *calls)
{
    op_site site = on->view;
    plan.run = calls;
    site.store = silt_store_fault_new(on->below, &plan);
    site.beside = silt_store_fault_new(on->target, &plan);
    op_outcome out = op_run(&site, &t->op, t->before ? t->before : t->after);
    silt_snapshot_free(site.held);
    silt_store_free(site.beside);
    silt_store_free(site.store);
    return out;
}

static sim_call_counts count_calls(trial *t, int flavour)
{
    home_table on = home_table_new(t, flavour);
    silt_fault_run calls = {0};
    sim_call_counts counts = {0};
    op_outcome out =
        run(t, &on, (silt_fault_plan){.hook = sim_count_call, .hook_ctx = &counts}, &calls);
    if (out.status != SILT_OK)
        fail_msg("%s without faults: %s", op_name(t->op.kind), out.err.message);
    trial_check(t, &on.view, &out, false);
    trial_repeat(t, &on.view);
    home_table_free(&on);
    return counts;
}

static void one_point(trial *t, int flavour, const kind *k, int64_t n)
{
    home_table on = home_table_new(t, flavour);
    silt_fault_run calls = {0};
    silt_fault_plan plan = {.kind = k->kind, .at = n, .ops = k->ops, .status = k->status};
    op_outcome out = run(t, &on, plan, &calls);
    sim_check(calls.fired || out.status == SILT_OK, "nothing was lost, and yet: %s",
              out.err.message);
    trial_check(t, &on.view, &out, calls.dead);
    trial_repeat(t, &on.view);
    home_table_free(&on);
}

static void sweep(op_kind what, int flavour)
{
    trial t;
    if (!sim_group() || !trial_plan(&t, what, flavour)) return;
    const sim_call_counts counts = count_calls(&t, flavour);
    for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
        int64_t total = sim_calls_of(&counts, kinds[k].ops);
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
    return cmocka_run_group_tests_name("ops_faults", tests, home_open, home_close);
}
