/* Each operation where an allocation fails, or it and all behind it: the operation says so or does
 * without, leaks nothing, leaves the table at the old version or at the new one, and done again is
 * done once.
 *
 * SILT_SWEEP=full takes many more of them. A point's name repeats it: SILT_POINT. */
#include "sim/home.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static silt_snapshot *open_table(silt_store *store)
{
    silt_error err = {0};
    silt_snapshot *snapshot = NULL;
    if (silt_snapshot_open(store, home_engine(), NULL, &snapshot, &err) != SILT_OK)
        fail_msg("%s", err.message);
    return snapshot;
}

/* Whether an allocation failed: else the operation has fewer. */
static bool one_point(trial *t, int flavour, int n, bool for_good)
{
    home_table on = home_table_new(t, flavour);
    op_site site = on.view;
    if (t->before) site.held = open_table(on.below);
    site.nomem_at = n;
    site.nomem_for_good = for_good;
    op_outcome out = op_run(&site, &t->op, t->before ? t->before : t->after);
    bool failed = site.was_nomem;
    silt_snapshot_free(site.held);
    site.held = NULL;
    site.nomem_at = 0;
    bool fine = out.status == SILT_OK || (failed && out.status == SILT_NOMEM) ||
                (failed && out.status == SILT_UNSURE);
    sim_check(fine, "%s: %s", silt_status_name(out.status), out.err.message);
    trial_check(t, &site, &out, false);
    trial_repeat(t, &site);
    silt_snapshot_free(site.held);
    home_table_free(&on);
    return failed;
}

/* The next allocation to fail: each one at first, then ever fewer. */
static int next(int n)
{
    const char *only = getenv("SILT_POINT");
    if (only && !strchr(only, '*'))
        return n ? INT32_MAX : (int)strtol(strrchr(only, '/') + 1, NULL, 10);
    return n + 1 + n / (sim_full() ? 40 : 1);
}

static void sweep(op_kind what, int flavour)
{
    trial t;
    if (!trial_plan(&t, what, flavour)) return;
    t.op.stream = false; /* its memory is the test's */
    for (int for_good = 0; for_good < 2; for_good++) {
        bool more = sim_full() || (what + (size_t)for_good) % TRIAL_FLAVOURS == (size_t)flavour;
        for (int n = next(0); more && n < INT32_MAX; n = next(n))
            if (sim_point("ops_nomem/%s/%s/%s/%d", op_name(what), trial_flavours[flavour],
                          for_good ? "for_good" : "once", n))
                more = one_point(&t, flavour, n, for_good);
    }
    trial_release(&t);
}

static void without_memory_it_is_old_or_new(void **state)
{
    (void)state;
    for (op_kind what = 0; what < OP_KINDS; what++)
        for (int flavour = 0; flavour < TRIAL_FLAVOURS; flavour++)
            sweep(what, flavour);
    sim_report("operations without memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_it_is_old_or_new),
    };
    return cmocka_run_group_tests_name("ops_nomem", tests, home_open, home_close);
}
