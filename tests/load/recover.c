/* Recovery, case by case. What holds whatever happens when is shown by tests/sim/. */
#include "load/recover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "load/session.h"
#include "sim/world.h"
#include "support/files.h"

#define TRACKER "state/" SILT_TRACKER_DIR
#define TARGET  "lake/t"

static char *dir;
static silt_engine *engine;
static silt_arena *arena;
static silt_error error;
static sim_world world;

static int setup_all(void **state)
{
    (void)state;
    dir = test_dir_new();
    engine = sim_engine_new();
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    sim_engine_free(engine);
    test_dir_free(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_world_release(&world);
    silt_arena_free(arena);
    arena = NULL;
    return 0;
}

/* ---- what tests do and ask */

static void begin(const sim_scenario *scenario)
{
    (void)sim_point("%s", scenario->name);
    arena = silt_arena_new();
    sim_world_init(&world, scenario, dir, false, 7);
}

static void run_ok(int64_t processed)
{
    sim_outcome out = sim_run_clean(&world, engine);
    if (out.status != SILT_OK) fail_msg("%s: %s", silt_status_name(out.status), out.message);
    assert_int_equal(out.processed, processed);
}

static void run_stops(const char *message)
{
    sim_outcome out = sim_run_clean(&world, engine);
    assert_int_equal(out.status, SILT_INCONSISTENT);
    if (!strstr(out.message, message)) fail_msg("%s", out.message);
    assert_int_equal(out.rows, 0);
}

/* One batch, and no more. */
static void run_one_batch(void)
{
    sim_process p = {.world = &world, .engine = engine, .max_batches = 1};
    sim_outcome out = sim_run(&p, true, false);
    if (out.status != SILT_OK) fail_msg("%s", out.message);
    assert_int_equal(out.batches, 1);
}

/* Die before the first put whose key has this in it. */
static void crash_at(const char *key_part, int64_t at)
{
    sim_process p = {
        .world = &world,
        .engine = engine,
        .plan = {.kind = SILT_FAULT_CRASH, .at = at, .ops = SILT_FAULT_PUTS, .key_part = key_part}};
    (void)sim_run(&p, true, false);
    assert_true(p.calls.fired);
    silt_store *state = sim_place(&world, "state"); /* or this process would seem to be at work */
    assert_int_equal(state->ops->remove(state, SILT_LOCK_KEY, &error), SILT_OK);
}

static const char *rows(void)
{
    SILT_CLEAN(silt_buf) buf = {0};
    sim_read_target(&world, engine, "t", &buf);
    return silt_buf_copy(&buf, arena);
}

static const char *problems(void)
{
    SILT_CLEAN(silt_buf) buf = {0};
    sim_validate(&world, engine, &buf);
    return silt_buf_copy(&buf, arena);
}

static int64_t app_version(void)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    assert_int_equal(silt_snapshot_open(sim_place(&world, TARGET), engine, NULL, &snapshot, &error),
                     SILT_OK);
    return silt_snapshot_app_version(snapshot, "sim/t");
}

/* "a.csv completed 0 3|…" : name, status, batch and rows. */
static const char *tracked(void)
{
    const silt_tracker_options opts = {.pipeline = "sim"};
    SILT_AUTO(silt_tracker) tracker = NULL;
    silt_status st =
        silt_tracker_open(sim_place(&world, TRACKER), engine, &opts, false, &tracker, NULL, &error);
    if (st != SILT_OK) fail_msg("%s", error.message);
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "");
    for (const sim_file *f = world.scenario->files; f->name; f++) {
        const char *path =
            silt_arena_printf(arena, "%s/in-%s/%s", dir, world.scenario->name, f->name);
        const silt_tracked *row = silt_tracker_find(tracker, "t", path);
        if (row)
            silt_buf_printf(&text, "%s %s %" PRId64 " %" PRId64 "|", f->name,
                            silt_file_status_name(row->status), row->batch_id, row->row_count);
    }
    return silt_buf_copy(&text, arena);
}

static bool count_key(void *ctx, const silt_object *object)
{
    (void)object;
    ++*(int *)ctx;
    return true;
}

static int objects(const char *place, const char *prefix)
{
    int count = 0;
    silt_store *store = sim_place(&world, place);
    assert_int_equal(store->ops->list(store, prefix, NULL, true, count_key, &count, &error),
                     SILT_OK);
    return count;
}

static void remove_ledger(int64_t number)
{
    silt_store *store = sim_place(&world, TARGET);
    const char *key = silt_ledger_key("sim/t", number, arena);
    assert_int_equal(store->ops->remove(store, key, &error), SILT_OK);
}

/* ---- a tracker that is lost, or old */

static void a_lost_tracker_is_made_from_the_ledgers(void **state)
{
    (void)state;
    begin(&sim_append);
    run_ok(3);
    const char *before = tracked();
    assert_string_equal(before, "a.csv completed 0 3|b.csv completed 0 2|c.csv completed 1 2|");
    sim_copy(NULL, sim_place(&world, TRACKER));
    assert_non_null(strstr(problems(), "The tracker is missing"));
    run_ok(0);
    assert_string_equal(tracked(), before);
    sim_check_exact(&world, engine);
}

static void an_old_tracker_follows_the_ledgers(void **state)
{
    (void)state;
    begin(&sim_append);
    run_one_batch();
    silt_store *old = sim_keep(sim_place(&world, TRACKER));
    run_ok(1);
    const char *now = tracked();
    sim_copy(old, sim_place(&world, TRACKER));
    silt_store_free(old);
    assert_non_null(strstr(problems(), "are committed, the tracker knows them up to 0"));
    run_ok(0);
    assert_string_equal(tracked(), now);
    sim_check_exact(&world, engine);
}

/* An old tracker may believe that other files are in the batch than those that were loaded. */
static void an_open_batch_is_not_believed_of_a_number_that_others_used(void **state)
{
    (void)state;
    begin(&sim_append);
    crash_at("_silt/ledger", 1); /* a and b are open in batch 0 */
    silt_store *old = sim_keep(sim_place(&world, TRACKER));
    assert_string_equal(tracked(), "a.csv processing 0 -1|b.csv processing 0 -1|");
    sim_copy(NULL, sim_place(&world, TRACKER));
    sim_process p = {.world = &world, .engine = engine, .max_batches = 1};
    (void)sim_run(&p, true, false);
    sim_copy(old, sim_place(&world, TRACKER));
    silt_store_free(old);
    sim_check_recovers(&world, engine);
}

/* ---- fences */

static void a_batch_that_died_is_fenced(void **state)
{
    (void)state;
    begin(&sim_partitioned);
    crash_at("_silt/ledger", 1);
    assert_int_equal(app_version(), -1);
    assert_non_null(strstr(problems(), "Orphaned processing record"));
    assert_int_not_equal(objects(TARGET, "day=mon/"), 0); /* what the dead one staged */
    int left = objects(TARGET, "day=mon/");
    run_ok(3);
    assert_int_equal(app_version(), 2);                  /* 0 died, 1 is the fence */
    assert_int_equal(objects(TARGET, "day=mon/"), left); /* it was cleaned away */
    assert_string_equal(tracked(), "a.csv completed 2 3|b.csv completed 2 2|c.csv completed 2 2|");
    sim_check_exact(&world, engine);
}

static void after_a_fence_the_zombie_cannot_commit(void **state)
{
    (void)state;
    begin(&sim_partitioned);
    crash_at("_silt/ledger", 1);
    SILT_AUTO(silt_snapshot) seen = NULL; /* by the zombie */
    assert_int_equal(silt_snapshot_open(sim_place(&world, TARGET), engine, NULL, &seen, &error),
                     SILT_OK);
    run_ok(3);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "WRITE";
    opts.app_id = "sim/t";
    opts.app_version = 0;
    SILT_AUTO(silt_txn) txn = NULL;
    assert_int_equal(silt_txn_new(seen, &opts, &txn, &error), SILT_OK);
    silt_txn_result result;
    assert_int_equal(silt_txn_commit(txn, &result, NULL, &error), SILT_OK);
    assert_int_equal(result.outcome, SILT_TXN_APP_MOVED);
    sim_check_exact(&world, engine);
}

/* The ledger stands, and its writer died: the number is spent, whatever it lists. */
static void a_ledger_without_its_commit_means_nothing(void **state)
{
    (void)state;
    begin(&sim_partitioned);
    sim_process p = {.world = &world,
                     .engine = engine,
                     .plan = {.kind = SILT_FAULT_CRASH_AFTER, .at = 1, .key_part = "_silt/ledger"}};
    (void)sim_run(&p, true, false);
    assert_int_equal(objects(TARGET, "_silt/ledger/"), 1);
    sim_copy(NULL, sim_place(&world, TRACKER)); /* and nobody knows that it was open */
    run_ok(3);
    assert_true(app_version() >= 2);
    sim_check_exact(&world, engine);
}

static void a_target_deleted_under_an_open_batch_is_begun_anew(void **state)
{
    (void)state;
    begin(&sim_partitioned);
    crash_at("_silt/ledger", 1);
    sim_copy(NULL, sim_place(&world, TARGET));
    run_ok(3);
    assert_int_equal(app_version(), 1); /* the tracker has promised 0 before */
    sim_check_exact(&world, engine);
}

/* ---- ledgers that are gone */

static void rows_say_what_was_loaded_where_ledgers_are_gone(void **state)
{
    (void)state;
    begin(&sim_append);
    run_ok(3);
    remove_ledger(0);
    remove_ledger(1);
    sim_copy(NULL, sim_place(&world, TRACKER));
    run_ok(0);
    assert_string_equal(tracked(), "a.csv completed 0 3|b.csv completed 0 2|c.csv completed 1 2|");
    assert_string_equal(rows(), sim_append.expected);
    run_ok(0);
    assert_non_null(strstr(problems(), "Missing ledger"));
}

static void a_ledger_in_the_middle_is_made_up_for_by_rows(void **state)
{
    (void)state;
    begin(&sim_append);
    run_ok(3);
    remove_ledger(0);
    sim_copy(NULL, sim_place(&world, TRACKER));
    run_ok(0);
    assert_string_equal(tracked(), "a.csv completed 0 3|b.csv completed 0 2|c.csv completed 1 2|");
    assert_string_equal(rows(), sim_append.expected);
}

static void what_cannot_be_decided_is_not_loaded(void **state)
{
    (void)state;
    begin(&sim_upsert);
    run_ok(3);
    remove_ledger(1);
    sim_copy(NULL, sim_place(&world, TRACKER));
    run_stops("its rows don't say which files they are from");
    assert_string_equal(rows(), sim_upsert.expected);
}

/* ---- a target that went back */

/* The target as after the first of two batches; the tracker knows both. With its ledgers, or with
 * those of later. */
static void go_back(bool with_ledgers)
{
    begin(&sim_append);
    run_one_batch();
    silt_store *old = sim_keep(sim_place(&world, TARGET));
    run_ok(1);
    const char *key = silt_ledger_key("sim/t", 1, arena);
    silt_bytes ledger;
    assert_int_equal(silt_store_get_all(sim_place(&world, TARGET), key, arena, &ledger, &error),
                     SILT_OK);
    sim_copy(old, sim_place(&world, TARGET));
    silt_store *target = sim_place(&world, TARGET);
    if (!with_ledgers) assert_int_equal(target->ops->put(target, key, ledger, &error), SILT_OK);
    silt_store_free(old);
}

static void a_target_that_went_back_stops_the_run(void **state)
{
    (void)state;
    for (int with_ledgers = 0; with_ledgers < 2; with_ledgers++) {
        go_back(with_ledgers);
        run_stops("went back: its log knows batch 0, the tracker batch 1");
        sim_outcome out = sim_run_clean(&world, engine);
        assert_non_null(strstr(out.message, "c.csv"));
        assert_null(strstr(out.message, "a.csv"));
        assert_non_null(strstr(problems(), "went back"));

        sim_process p = {.world = &world, .engine = engine}; /* take it as it is */
        assert_int_equal(sim_reset(&p, "t", false), SILT_OK);
        run_ok(1);
        sim_check_exact(&world, engine);
        if (!with_ledgers) teardown(NULL);
    }
}

/* Another tracker has loaded on upon the old target; then the first one comes back. */
static void a_history_without_our_last_batch_stops_the_run(void **state)
{
    (void)state;
    go_back(false);
    silt_store *first = sim_keep(sim_place(&world, TRACKER));
    sim_copy(NULL, sim_place(&world, TRACKER));
    run_ok(1);
    assert_true(app_version() > 1);
    sim_copy(first, sim_place(&world, TRACKER));
    silt_store_free(first);
    run_stops("went back");
    sim_process p = {.world = &world, .engine = engine};
    assert_int_equal(sim_reset(&p, "t", false), SILT_OK);
    sim_check_recovers(&world, engine);
}

static void a_target_made_anew_stops_the_run(void **state)
{
    (void)state;
    begin(&sim_append);
    run_ok(3);
    silt_store *target = sim_place(&world, TARGET);
    silt_store *first = sim_keep(target);
    sim_copy(NULL, target);
    run_stops("went back");
    silt_store *tracker = sim_keep(sim_place(&world, TRACKER));
    sim_copy(NULL, sim_place(&world, TRACKER));
    run_ok(3); /* with a tracker of its own: another table */
    sim_copy(tracker, sim_place(&world, TRACKER));
    sim_outcome out = sim_run_clean(&world, engine);
    assert_int_equal(out.rows, 0);
    assert_string_equal(rows(), sim_append.expected);
    silt_store_free(tracker);
    silt_store_free(first);
}

/* Ledgers of a table that was here before stand in the way of numbers, of nothing else. */
static void ledgers_of_a_table_before_are_passed_over(void **state)
{
    (void)state;
    begin(&sim_append);
    run_ok(3);
    silt_store *target = sim_place(&world, TARGET);
    silt_bytes ledgers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(silt_store_get_all(target, silt_ledger_key("sim/t", i, arena), arena,
                                            &ledgers[i], &error),
                         SILT_OK);
    sim_copy(NULL, target);
    sim_copy(NULL, sim_place(&world, TRACKER));
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            target->ops->put(target, silt_ledger_key("sim/t", i, arena), ledgers[i], &error),
            SILT_OK);
    run_ok(3);
    sim_check_exact(&world, engine);
}

/* ---- rows that others take away */

static void meddle(const char *operation)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    assert_int_equal(silt_snapshot_open(sim_place(&world, TARGET), engine, NULL, &snapshot, &error),
                     SILT_OK);
    const silt_add *adds;
    size_t count;
    assert_int_equal(silt_snapshot_adds(snapshot, &adds, &count, &error), SILT_OK);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = operation;
    SILT_AUTO(silt_txn) txn = NULL;
    assert_int_equal(silt_txn_new(snapshot, &opts, &txn, &error), SILT_OK);
    if (strcmp(operation, "RESTORE") != 0)
        assert_int_equal(silt_txn_remove(txn, &adds[0], true, &error), SILT_OK);
    silt_txn_result result;
    assert_int_equal(silt_txn_commit(txn, &result, NULL, &error), SILT_OK);
    assert_int_equal(result.outcome, SILT_TXN_COMMITTED);
}

static void rows_that_others_took_away_stop_the_run(void **state)
{
    (void)state;
    static const char *const operations[] = {"DELETE", "RESTORE"};
    for (size_t i = 0; i < SILT_COUNT(operations); i++) {
        begin(&sim_append);
        run_one_batch();
        meddle(operations[i]);
        run_stops(i ? "restored an older version" : "removed data files");
        sim_process p = {.world = &world, .engine = engine};
        assert_int_equal(sim_reset(&p, "t", false), SILT_OK);
        run_ok(1); /* accepted as it is */
        if (i == 0) teardown(NULL);
    }
}

/* ---- forgetting */

static void forgetting_loads_all_again(void **state)
{
    (void)state;
    begin(&sim_upsert);
    run_ok(3);
    sim_process p = {.world = &world, .engine = engine};
    assert_int_equal(sim_reset(&p, "t", true), SILT_OK);
    run_ok(3);
    assert_string_equal(rows(), sim_upsert.expected);
    run_ok(0);
    sim_copy(NULL, sim_place(&world, TRACKER)); /* the ledgers of before don't count */
    run_ok(0);
    assert_int_equal(sim_reset(&p, NULL, true), SILT_OK);
    run_ok(3);
    assert_string_equal(problems(), "");
}

/* The epoch stands in the target, and the process dies before the tracker knows. */
static void forgetting_is_finished_after_a_crash(void **state)
{
    (void)state;
    begin(&sim_upsert);
    run_ok(3);
    silt_store *before = sim_keep(sim_place(&world, TRACKER));
    sim_process p = {.world = &world, .engine = engine};
    assert_int_equal(sim_reset(&p, "t", true), SILT_OK);
    sim_copy(before, sim_place(&world, TRACKER));
    silt_store_free(before);
    run_ok(3);
    assert_string_equal(rows(), sim_upsert.expected);
    assert_string_equal(problems(), "");
    run_ok(0);
}

/* Rows go and the epoch begins in one commit: wherever it dies, the next run makes it whole. */
static void starting_anew_survives_any_crash(void **state)
{
    (void)state;
    bool fired = true;
    for (int64_t n = 1; fired; n += 7) {
        begin(&sim_append);
        run_ok(3);
        sim_process p = {
            .world = &world, .engine = engine, .plan = {.kind = SILT_FAULT_CRASH_AFTER, .at = n}};
        (void)sim_start_anew(&p);
        fired = p.calls.fired;
        sim_outcome out = sim_run_clean(&world, engine);
        if (out.status != SILT_OK) fail_msg("call %d: %s", (int)n, out.message);
        assert_string_equal(rows(), sim_append.expected);
        assert_string_equal(problems(), "");
        run_ok(0);
        if (fired) teardown(NULL);
    }
}

/* ---- files that crash the loader */

static void a_file_that_always_crashes_the_loader_is_left_out_at_last(void **state)
{
    (void)state;
    begin(&sim_partitioned);
    crash_at("_silt/ledger", 1);
    crash_at("_silt/ledger", 2); /* the first is the fence's */
    run_one_batch();             /* half of three */
    assert_string_equal(tracked(), "a.csv completed 4 3|b.csv pending 2 -1|c.csv pending 2 -1|");
    for (int i = 0; i < 8; i++)
        crash_at("_silt/ledger", i ? 2 : 1);
    assert_null(strstr(tracked(), "failed"));
    sim_outcome out = sim_run_clean(&world, engine);
    assert_int_equal(out.status, SILT_OK);
    assert_int_equal(out.failed, 1);
    assert_non_null(strstr(tracked(), "b.csv failed"));
    assert_non_null(strstr(tracked(), "c.csv completed"));
    sim_process p = {.world = &world, .engine = engine};
    out = sim_run(&p, true, true); /* asked for once more */
    assert_int_equal(out.processed, 1);
    sim_check_exact(&world, engine);
}

#define CASE(function) cmocka_unit_test_teardown(function, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_lost_tracker_is_made_from_the_ledgers),
        CASE(an_old_tracker_follows_the_ledgers),
        CASE(an_open_batch_is_not_believed_of_a_number_that_others_used),
        CASE(a_batch_that_died_is_fenced),
        CASE(after_a_fence_the_zombie_cannot_commit),
        CASE(a_ledger_without_its_commit_means_nothing),
        CASE(a_target_deleted_under_an_open_batch_is_begun_anew),
        CASE(rows_say_what_was_loaded_where_ledgers_are_gone),
        CASE(a_ledger_in_the_middle_is_made_up_for_by_rows),
        CASE(what_cannot_be_decided_is_not_loaded),
        CASE(a_target_that_went_back_stops_the_run),
        CASE(a_history_without_our_last_batch_stops_the_run),
        CASE(a_target_made_anew_stops_the_run),
        CASE(ledgers_of_a_table_before_are_passed_over),
        CASE(rows_that_others_took_away_stop_the_run),
        CASE(forgetting_loads_all_again),
        CASE(forgetting_is_finished_after_a_crash),
        CASE(starting_anew_survives_any_crash),
        CASE(a_file_that_always_crashes_the_loader_is_left_out_at_last),
    };
    return cmocka_run_group_tests_name("recover", tests, setup_all, teardown_all);
}
