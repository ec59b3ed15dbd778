/* Each operation in a process of its own on a local table, killed by SIGKILL at a call of the store
 * or at a system call that changes files (the engine's own are among them); or on a disk that is
 * full from a system call on. The table is at the old version or at the new one, and the operation
 * done again is done once.
 *
 * SILT_SWEEP=full takes every call; else some of each kind. A point's name repeats it: SILT_POINT.
 */
#include "sim/home.h"
#include "sim/trap.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "store/fault.h"

/* What a child has counted; shared with it. */
static struct counts {
    _Atomic int64_t system_calls, store_calls;
} * counts;

static int setup(void **state)
{
    home_open_without_engine(state);
    counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(counts != MAP_FAILED);
    trap.dir = home_dir();
    trap_calls = &counts->system_calls;
    sim_children_init();
    return 0;
}

static int teardown(void **state)
{
    home_close(state);
    munmap(counts, sizeof(*counts));
    return 0;
}

/* ---- what a process does */

typedef enum hit { AT_NOTHING, AT_STORE, AT_SYSTEM, FULL_DISK } hit;
static const char *const hits[] = {"nothing", "store", "system", "full"};

typedef struct plan {
    trial *trial;
    int flavour;
    hit hit;
    when when;
    int64_t at;
} plan;

static op_site site_open(const plan *p, const char *table)
{
    op_site site = {.dir = home_dir(), .name = "source", .app = "trial"};
    site.store = home_folder(table);
    site.beside = home_folder("clone");
    site.engine = sim_engine_new();
    site.parquet = home_parquet(p->trial, p->flavour);
    return site;
}

static void site_close(op_site *site)
{
    silt_snapshot_free(site->held);
    silt_store_free(site->store);
    silt_store_free(site->beside);
    sim_engine_free(site->engine);
}

static void base_name(int flavour, char name[32])
{
    snprintf(name, 32, "base-%d", flavour);
}

static void builder(void *ctx)
{
    const plan *p = ctx;
    char name[32];
    base_name(p->flavour, name);
    op_site site = site_open(p, name);
    home_build(p->trial, p->flavour, &site);
    site_close(&site);
}

static op_outcome run(const plan *p, op_site *site)
{
    silt_fault_run calls = {0};
    silt_fault_plan faults = {.run = &calls};
    if (p->hit == AT_STORE) {
        faults.kind = SILT_FAULT_KILL_BEFORE + (silt_fault_kind)p->when;
        faults.at = p->at;
    }
    op_site faulty = *site;
    faulty.store = silt_store_fault_new(site->store, &faults);
    faulty.beside = silt_store_fault_new(site->beside, &faults);
    trap.when = p->when;
    trap.at = p->hit == AT_SYSTEM || p->hit == FULL_DISK ? p->at : 0;
    trap.error = p->hit == FULL_DISK ? ENOSPC : 0;
    trap.except = ".csv"; /* sources are the test's own */
    trap.armed = true;
    const trial *t = p->trial;
    op_outcome out = op_run(&faulty, &t->op, t->before ? t->before : t->after);
    trap.armed = false;
    counts->store_calls = calls.calls;
    silt_snapshot_free(faulty.held);
    silt_store_free(faulty.beside);
    silt_store_free(faulty.store);
    return out;
}

static void doomed(void *ctx)
{
    const plan *p = ctx;
    op_site site = site_open(p, "table");
    op_outcome out = run(p, &site);
    sim_check(out.status == SILT_OK, "an operation that wasn't killed: %s", out.err.message);
    site_close(&site);
}

static void survivor(void *ctx)
{
    const plan *p = ctx;
    op_site site = site_open(p, "table");
    trial_check(p->trial, &site, NULL, true);
    trial_repeat(p->trial, &site);
    site_close(&site);
}

/* Meets the full disk, has room again, and goes on. */
static void sufferer(void *ctx)
{
    const plan *p = ctx;
    op_site site = site_open(p, "table");
    op_outcome out = run(p, &site);
    trial_check(p->trial, &site, &out, false);
    trial_repeat(p->trial, &site);
    site_close(&site);
}

/* ---- points */

/* The table as it is before, its clone and export gone. */
static void begin(const plan *p)
{
    char name[32];
    base_name(p->flavour, name);
    home_remove("table");
    home_remove("clone");
    home_remove("source.parquet");
    silt_store *from = home_folder(name), *to = home_folder("table");
    if (p->trial->before) sim_copy(from, to);
    op_site site = {.store = to};
    if (p->trial->aged) op_age_log(&site, p->trial->scene.newest);
    silt_store_free(from);
    silt_store_free(to);
    memset(counts, 0, sizeof(*counts));
}

static bool run_doomed(plan *p)
{
    begin(p);
    return sim_child(doomed, p);
}

static void one_point(plan *p)
{
    if (p->hit == FULL_DISK) {
        begin(p);
        (void)sim_child(sufferer, p);
        return;
    }
    sim_check(run_doomed(p), "it wasn't killed");
    sim_child(survivor, p);
}

static int64_t some_of(op_kind what, int flavour, hit h, int w)
{
    if (sim_full()) return INT64_MAX;
    return (what + h + (size_t)w) % TRIAL_FLAVOURS == (size_t)flavour;
}

static void sweep_calls(op_kind what, plan p, const struct counts *counted)
{
    for (p.hit = AT_STORE; p.hit <= FULL_DISK; p.hit++)
        for (int w = BEFORE; w < (p.hit == FULL_DISK ? MID : WHENS); w++) {
            int64_t some = some_of(what, p.flavour, p.hit, w);
            int64_t total = p.hit == AT_STORE ? counted->store_calls : counted->system_calls;
            p.when = (when)w;
            for (p.at = 0; some && (p.at = sim_next(p.at, total, some, what * 11 + p.hit * 5));)
                if (sim_point("ops_kills/%s/%s/%s/%s/%" PRId64, op_name(what),
                              trial_flavours[p.flavour], hits[p.hit], whens[w], p.at))
                    one_point(&p);
        }
}

static void killed_operations_leave_old_or_new(void **state)
{
    (void)state;
    bool built[TRIAL_FLAVOURS] = {false};
    for (op_kind what = 0; what < OP_KINDS; what++)
        for (int flavour = 0; flavour < TRIAL_FLAVOURS; flavour++) {
            trial t;
            if (!trial_plan(&t, what, flavour)) continue;
            plan p = {.trial = &t, .flavour = flavour};
            if (!built[flavour]) assert_false(sim_child(builder, &p));
            built[flavour] = true;
            assert_false(run_doomed(&p));
            const struct counts counted = {counts->system_calls, counts->store_calls};
            sweep_calls(what, p, &counted);
            trial_release(&t);
        }
    sim_report("operations killed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_operations_leave_old_or_new),
    };
    return cmocka_run_group_tests_name("ops_kills", tests, setup, teardown);
}
