/* Txns of tables with row ids and in-commit timestamps, tried more than once: what a try says is
 * true of the version that it gets. */
#include <pthread.h>
#include <stdio.h>

#include "table/txns.h"

#define START_US INT64_C(1700000000000000)

/* No row id is in two files, no file without; commits are dated later and later, as snapshot and
 * .crc say too. */
static void check_table(silt_store *store)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    int64_t next = 0, before = -1, high;
    for (int64_t v = 0; v <= silt_snapshot_version(now); v++) {
        size_t count;
        const silt_action *actions = commit_of(store, v, arena, &count);
        int64_t ms = timestamp_of(store, v);
        assert_true(ms > before);
        before = ms;
        for (size_t i = 0; i < count; i++) {
            if (actions[i].kind != SILT_ACTION_ADD) continue;
            assert_int_equal(actions[i].add.base_row_id, next);
            assert_int_equal(actions[i].add.default_row_commit_version, v);
            next += 10; /* of each file */
        }
    }
    assert_ok(silt_row_ids_high(silt_snapshot_state(now), &high, &err));
    assert_int_equal(high, next - 1);
    assert_int_equal(silt_snapshot_timestamp_ms(now), before);
    silt_snapshot_free(SILT_TAKE(now));
}

/* ---- timestamps */

static void commits_are_dated_later_and_later(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    test_table_make_with(store, all_features, tracked_and_dated);
    int64_t first = timestamp_of(store, 0), now_us = first * 1000;
    silt_clock clock = {fake_now, fake_sleep, &now_us};
    static const int64_t clocks[] = {5, 5, -100000, 6, 1000, 999};
    static const int64_t dates[] = {5, 6, 7, 8, 1000, 1001};
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    for (size_t i = 0; i < SILT_COUNT(clocks); i++) {
        silt_txn_options opts = {.clock = &clock, .retry = SILT_COMMIT_RETRY_INIT};
        silt_txn_result result;
        silt_snapshot *next;
        now_us = (first + clocks[i]) * 1000;
        SILT_AUTO(silt_txn) txn = begin(base, &opts);
        assert_ok(silt_txn_commit(txn, &result, &next, &err));
        assert_int_equal(timestamp_of(store, result.version), first + dates[i]);
        assert_int_equal(silt_snapshot_timestamp_ms(next), first + dates[i]);
        const silt_json *info = info_of(store, result.version, arena);
        assert_int_equal(silt_json_int(silt_json_get(info, "timestamp"), 0), first + clocks[i]);
        silt_bytes body, crc;
        assert_ok(silt_store_get_all(store, silt_log_commit_key(arena, result.version), arena,
                                     &body, &err));
        assert_true(silt_starts_with(body.data, "{\"commitInfo\":{\"inCommitTimestamp\":"));
        assert_ok(
            silt_store_get_all(store, silt_log_crc_key(arena, result.version), arena, &crc, &err));
        assert_non_null(
            strstr(crc.data, silt_arena_printf(arena, "\"inCommitTimestampOpt\":%" PRId64,
                                               first + dates[i])));
        silt_snapshot_free(base);
        base = next;
    }
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

/* Turn dated commits on over the old base, so that it takes a rebase. */
static void turn_dates_on(silt_store *store, silt_snapshot *base, const silt_clock *clock,
                          int64_t *version)
{
    static const silt_pair pairs[] = {{"delta.enableInCommitTimestamps", "true"},
                                      {"delta.inCommitTimestampEnablementVersion", "99"}};
    (void)store;
    silt_metadata metadata = silt_snapshot_state(base)->metadata;
    metadata.configuration = (silt_pairs){pairs, 2};
    silt_txn_options opts = {
        .operation = "SET TBLPROPERTIES", .clock = clock, .retry = SILT_COMMIT_RETRY_INIT};
    silt_txn *txn = begin(base, &opts);
    assert_ok(silt_txn_set_metadata(txn, &metadata, &err));
    *version = finish(txn);
}

static void the_first_dated_commit_says_which_it_is(void **state)
{
    (void)state;
    silt_store *store = silt_store_mem_new();
    test_table_make_with(store, all_features, NULL);
    int64_t now_us = 1000000, version, from, ms; /* a clock that is far behind the files' times */
    silt_clock clock = {fake_now, fake_sleep, &now_us};
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    for (int i = 0; i < 3; i++)
        test_table_commit(base, NULL, NULL, 0, NULL, 0);
    turn_dates_on(store, base, &clock, &version);
    assert_int_equal(version, 4);
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_object file;
    assert_ok(store->ops->head(store, silt_log_commit_key(arena, 3), arena, &file, &err));
    assert_int_equal(timestamp_of(store, 4), file.mtime_ns / 1000000 + 1);
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    silt_log_in_commit_start(silt_snapshot_state(now), &from, &ms);
    assert_int_equal(from, 4);
    assert_int_equal(ms, timestamp_of(store, 4));
    assert_int_equal(silt_snapshot_property_count(now), 3);
    /* the next change of metadata leaves that alone */
    silt_metadata metadata = silt_snapshot_state(now)->metadata;
    metadata.description = "a table";
    silt_txn *txn = begin(now, NULL);
    assert_ok(silt_txn_set_metadata(txn, &metadata, &err));
    assert_int_equal(finish(txn), 5);
    SILT_AUTO(silt_snapshot) later = test_table_open(store);
    silt_log_in_commit_start(silt_snapshot_state(later), &from, &ms);
    assert_int_equal(from, 4);
    assert_true(timestamp_of(store, 5) > ms);
    /* without the feature the property is refused */
    silt_store *old = silt_store_mem_new();
    test_table_make(old, false, NULL);
    SILT_AUTO(silt_snapshot) old_base = test_table_open(old);
    txn = begin(old_base, NULL);
    assert_ok(silt_txn_set_metadata(txn, &metadata, &err));
    silt_txn_result result;
    assert_status(silt_txn_commit(txn, &result, NULL, &err), SILT_INVALID,
                  "lacks the feature inCommitTimestamp");
    silt_txn_free(txn);
    silt_snapshot_free(SILT_TAKE(old_base));
    silt_store_free(old);
    silt_snapshot_free(SILT_TAKE(later));
    silt_snapshot_free(SILT_TAKE(now));
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

/* ---- others in between, and lost calls */

static silt_status append(silt_snapshot *base, const silt_clock *clock, const char *name,
                          silt_txn_result *result, silt_snapshot **after, silt_error *why)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_txn_options opts = {.operation = "WRITE",
                             .app_id = name,
                             .app_version = 1,
                             .clock = clock,
                             .retry = SILT_COMMIT_RETRY_INIT};
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_txn_new(base, &opts, &txn, why));
    for (int i = 0; i < 2; i++) {
        silt_add add = test_table_file(arena, silt_arena_printf(arena, "%s-%d", name, i), 0, 9);
        SILT_TRY(silt_txn_add(txn, &add, why));
    }
    return silt_txn_commit(txn, result, after, why);
}

/* Other writers that come in before the first puts of ours. */
typedef struct intruder {
    silt_store *disk;
    const silt_clock *clock;
    int left;
} intruder;

static void intrude(void *ctx, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    intruder *in = ctx;
    char name[16];
    (void)key;
    (void)call;
    if (when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0 || in->left == 0) return;
    snprintf(name, sizeof(name), "other%d", in->left--);
    SILT_AUTO(silt_snapshot) base = test_table_open(in->disk);
    silt_txn_result result;
    silt_error why = {0};
    if (append(base, in->clock, name, &result, NULL, &why) != SILT_OK) fail_msg("%s", why.message);
    silt_snapshot_free(SILT_TAKE(base));
}

static void others_take_ids_and_dates_first(void **state)
{
    (void)state;
    for (int others = 0; others < 5; others++) {
        silt_store *disk = silt_store_mem_new();
        test_table_make_with(disk, all_features, tracked_and_dated);
        int64_t now_us = timestamp_of(disk, 0) * 1000;
        silt_clock clock = {fake_now, fake_sleep, &now_us};
        intruder in = {disk, &clock, others};
        silt_fault_plan plan = {.hook = intrude, .hook_ctx = &in};
        silt_store *store = silt_store_fault_new(disk, &plan);
        SILT_AUTO(silt_snapshot) base = test_table_open(store);
        silt_txn_result result;
        silt_snapshot *after;
        assert_ok(append(base, &clock, "ours", &result, &after, &err));
        assert_int_equal(result.outcome, SILT_TXN_COMMITTED);
        assert_int_equal(result.version, others + 1);
        check_table(disk);
        /* the snapshot that the commit gives is what readers get */
        SILT_AUTO(silt_snapshot) fresh = test_table_open(disk);
        const silt_log_state *a = silt_snapshot_state(after), *b = silt_snapshot_state(fresh);
        assert_int_equal(a->timestamp_ms, b->timestamp_ms);
        assert_int_equal(a->domain_count, 1);
        assert_int_equal(b->domain_count, 1);
        assert_string_equal(a->domains[0].configuration, b->domains[0].configuration);
        silt_snapshot_free(SILT_TAKE(fresh));
        silt_snapshot_free(after);
        silt_snapshot_free(SILT_TAKE(base));
        silt_store_free(store);
        silt_store_free(disk);
    }
}

/* Success says that it is there once, failure (but UNSURE) that it isn't; ids and dates hold
 * whatever happened, for whoever comes next too. */
static void any_call_may_be_lost(void **state)
{
    (void)state;
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                            SILT_FAULT_CRASH, SILT_FAULT_CRASH_AFTER};
    for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
        bool fired = true;
        for (int64_t n = 1; fired; n++) {
            silt_store *disk = silt_store_mem_new();
            test_table_make_with(disk, all_features, tracked_and_dated);
            int64_t now_us = timestamp_of(disk, 0) * 1000;
            silt_clock clock = {fake_now, fake_sleep, &now_us};
            intruder in = {disk, &clock, 1};
            silt_fault_run run = {0};
            silt_fault_plan plan = {
                .kind = kinds[k], .at = n, .run = &run, .hook = intrude, .hook_ctx = &in};
            silt_store *flaky = silt_store_fault_new(disk, &plan);
            silt_snapshot *base = NULL;
            silt_txn_result result = {0};
            silt_status st = silt_snapshot_open(flaky, NULL, NULL, &base, &err);
            if (st == SILT_OK) st = append(base, &clock, "ours", &result, NULL, &err);
            fired = run.fired;
            SILT_AUTO(silt_snapshot) truth = test_table_open(disk);
            int64_t there = silt_snapshot_app_version(truth, "ours");
            if (st == SILT_OK) assert_int_equal(there, 1);
            if (st != SILT_OK && st != SILT_UNSURE && !run.dead) assert_int_equal(there, -1);
            assert_ok(append(truth, &clock, "next", &result, NULL, &err));
            check_table(disk);
            silt_snapshot_free(SILT_TAKE(truth));
            silt_snapshot_free(base);
            silt_store_free(flaky);
            silt_store_free(disk);
        }
    }
}

/* ---- many at once */

enum { WRITERS = 8, COMMITS = 20 };

typedef struct writer {
    pthread_t thread;
    silt_store *store;
    int number, failures;
} writer;

static void *write_on(void *ctx)
{
    writer *w = ctx;
    silt_error why = {0};
    silt_snapshot *now = NULL;
    if (silt_snapshot_open(w->store, NULL, NULL, &now, &why) != SILT_OK) w->failures++;
    for (int i = 0; i < COMMITS && !w->failures; i++) {
        char name[32];
        silt_txn_result result = {0};
        silt_snapshot *next = NULL;
        snprintf(name, sizeof(name), "w%d-%d", w->number, i);
        if (append(now, NULL, name, &result, &next, &why) != SILT_OK ||
            result.outcome != SILT_TXN_COMMITTED || !next)
            w->failures++;
        if (!next) continue;
        silt_snapshot_free(now);
        now = next;
    }
    silt_snapshot_free(now);
    return NULL;
}

static void many_writers_share_ids_and_time(void **state)
{
    (void)state;
    silt_store *store = silt_store_mem_new();
    test_table_make_with(store, all_features, tracked_and_dated);
    writer writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){.store = store, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_int_equal(writers[i].failures, 0);
    }
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    assert_int_equal(silt_snapshot_version(now), WRITERS * COMMITS);
    check_table(store);
    silt_snapshot_free(SILT_TAKE(now));
    silt_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_are_dated_later_and_later),
        cmocka_unit_test(the_first_dated_commit_says_which_it_is),
        cmocka_unit_test(others_take_ids_and_dates_first),
        cmocka_unit_test(any_call_may_be_lost),
        cmocka_unit_test(many_writers_share_ids_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
