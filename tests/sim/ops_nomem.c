/* Each operation where an allocation fails, or it and all behind it: the operation says so or does
 * without, leaks nothing, leaves the table at the old version or at the new one, and done again is
 * done once.
 *
 * SILT_SWEEP=full takes many more of them. A point's name repeats it: SILT_POINT. */
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

static void build_base(const trial *t, int flavour)
{
    if (bases[flavour]) return;
    bases[flavour] = silt_store_mem_new();
    op_site site = {.store = bases[flavour], .engine = engine, .dir = dir, .name = "base"};
    scene_build(&t->scene, &site);
}

static silt_snapshot *open_table(silt_store *store)
{
    silt_error err = {0};
    silt_snapshot *snapshot = NULL;
    if (silt_snapshot_open(store, engine, NULL, &snapshot, &err) != SILT_OK)
        fail_msg("%s", err.message);
    return snapshot;
}

/* Whether an allocation failed: else the operation has fewer. */
static bool one_point(trial *t, int flavour, int n, bool for_good)
{
    silt_store *store = silt_store_mem_new(), *target = silt_store_mem_new();
    op_site site = {.store = store, .engine = engine, .dir = dir, .name = "trial", .app = "trial"};
    site.beside = target;
    char *exported = test_path(dir, "trial.parquet");
    (void)remove(exported);
    free(exported);
    if (t->before) sim_copy(bases[flavour], store);
    if (t->before) site.held = open_table(store);
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
    silt_store_free(target);
    silt_store_free(store);
    return failed;
}

/* The next allocation to fail: each one at first, then ever fewer. */
static int next(int n)
{
    const char *only = getenv("SILT_POINT");
    if (only) return n ? INT32_MAX : (int)strtol(strrchr(only, '/') + 1, NULL, 10);
    return n + 1 + n / (sim_full() ? 40 : 1);
}

static void sweep(op_kind what, int flavour)
{
    trial t;
    if (!trial_plan(&t, what, flavour)) return;
    t.op.stream = false; /* its memory is the test's */
    if (t.before) build_base(&t, flavour);
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
            if (what != OP_CLEANUP_LOG) sweep(what, flavour); /* its log would have to be old */
    sim_report("operations without memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_it_is_old_or_new),
    };
    return cmocka_run_group_tests_name("ops_nomem", tests, setup, teardown);
}
