/* Txns: who stands against whom, and that each commit happens once or not at all. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "store/fault.h"
#include "support/table.h"

static void assert_ok(silt_status st, const silt_error *err)
{
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), err->message);
}

/* A clock that only sleeps move. */
static int64_t fake_now(void *ctx)
{
    return *(int64_t *)ctx;
}
static void fake_sleep(void *ctx, int64_t ms)
{
    *(int64_t *)ctx += (ms > 0 ? ms : 1) * 1000;
}

/* The commits of a store, by version: what each commitInfo says. */
static const silt_json *commit_info(silt_store *store, int64_t version, silt_arena *arena)
{
    silt_commit_info info;
    silt_error err = {0};
    const silt_json *json;
    assert_ok(silt_log_commit_info(store, version, arena, &info, &err), &err);
    assert_ok(silt_json_parse(silt_bytes_of(info.json), arena, &json, &err), &err);
    return json;
}

/* ---- what a commit holds */

static void a_commit_says_what_it_is(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    test_table_make(store, false, NULL);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "WRITE";
    opts.operation_parameters = "{\n \"mode\": \"Append\" }";
    opts.user_metadata = "with \"quotes\"\n";
    opts.silt_info = "{\"run\":7,\n\"attempts\":99}";
    opts.app_id = "p/t";
    opts.app_version = 3;
    SILT_AUTO(silt_txn) txn = NULL;
    assert_ok(silt_txn_new(base, &opts, &txn, &err), &err);
    silt_add add = test_table_file(arena, "f1", 0, 9);
    assert_ok(silt_txn_add(txn, &add, &err), &err);
    silt_txn_result result;
    silt_snapshot *after = NULL;
    assert_ok(silt_txn_commit(txn, &result, &after, &err), &err);
    assert_int_equal(result.version, 1);
    assert_int_equal(result.attempts, 1);
    assert_string_equal(result.txn_id, silt_txn_id(txn));
    assert_int_equal(silt_snapshot_app_version(after, "p/t"), 3);
    assert_int_equal(silt_txn_commit(txn, &result, NULL, &err), SILT_INVALID);

    silt_bytes body;
    assert_ok(silt_store_get_all(store, silt_log_commit_key(arena, 1), arena, &body, &err), &err);
    int lines = 0;
    for (size_t i = 0; i < body.size; i++)
        lines += body.data[i] == '\n';
    assert_int_equal(lines, 3);
    assert_true(silt_starts_with(body.data, "{\"commitInfo\":{\"timestamp\":"));
    assert_non_null(strstr(body.data, "\"lastUpdated\":"));
    const silt_json *info = commit_info(store, 1, arena);
    assert_string_equal(silt_json_string(silt_json_get(info, "operation")), "WRITE");
    assert_int_equal(silt_json_int(silt_json_get(info, "readVersion"), -1), 0);
    assert_string_equal(silt_json_string(silt_json_get(info, "isolationLevel")),
                        "WriteSerializable");
    assert_true(silt_json_bool(silt_json_get(info, "isBlindAppend"), false));
    assert_true(silt_starts_with(silt_json_string(silt_json_get(info, "engineInfo")), "silt/"));
    assert_string_equal(silt_json_string(silt_json_get(info, "txnId")), result.txn_id);
    assert_string_equal(silt_json_string(silt_json_get(info, "userMetadata")), "with \"quotes\"\n");
    assert_string_equal(
        silt_json_text(silt_json_get(info, "operationMetrics"), arena),
        "{\"numFiles\":\"1\",\"numOutputBytes\":\"1000\",\"numOutputRows\":\"10\"}");
    const silt_json *silt = silt_json_get(info, "silt");
    assert_int_equal(silt_json_int(silt_json_get(silt, "run"), 0), 7);
    assert_int_equal(silt_json_int(silt_json_get(silt, "attempts"), 0), 1);
    silt_bytes crc;
    assert_ok(silt_store_get_all(store, silt_log_crc_key(arena, 1), arena, &crc, &err), &err);
    assert_non_null(strstr(crc.data, "\"numFiles\":1"));
    silt_snapshot_free(after);
    silt_snapshot_free(SILT_TAKE(base));
    silt_txn_free(SILT_TAKE(txn));
    silt_store_free(store);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    silt_txn *txn = NULL;
    test_table_make(store, false, NULL);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    silt_txn_options good = SILT_TXN_OPTIONS_INIT, opts = good;
    good.operation = "WRITE";
    assert_int_equal(silt_txn_new(base, &opts, &txn, &err), SILT_INVALID);
    opts = good, opts.silt_info = "[1]";
    assert_int_equal(silt_txn_new(base, &opts, &txn, &err), SILT_INVALID);
    opts = good, opts.operation_metrics = "{";
    assert_int_equal(silt_txn_new(base, &opts, &txn, &err), SILT_INVALID);
    opts = good, opts.app_id = "a", opts.app_version = -1;
    assert_int_equal(silt_txn_new(base, &opts, &txn, &err), SILT_INVALID);
    opts = good, opts.retry.deadline_ms = -1;
    assert_int_equal(silt_txn_new(base, &opts, &txn, &err), SILT_INVALID);
    assert_null(txn);
    /* a new table needs metadata and protocol */
    silt_store *empty = silt_store_mem_new();
    silt_txn_result result;
    assert_ok(silt_txn_new_table(empty, NULL, &good, &txn, &err), &err);
    assert_int_equal(silt_txn_commit(txn, &result, NULL, &err), SILT_INVALID);
    silt_txn_free(txn);
    silt_store_free(empty);
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

/* ---- app txns, append-only, new tables */

static void an_app_version_that_is_there_writes_nothing(void **state)
{
    (void)state;
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    test_table_make(store, false, NULL);
    SILT_AUTO(silt_snapshot) start = test_table_open(store);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "WRITE";
    opts.app_id = "app";
    opts.app_version = 5;
    test_table_commit(start, &opts, NULL, 0, NULL, 0);
    static const struct {
        int64_t version;
        silt_txn_outcome outcome;
    } cases[] = {{4, SILT_TXN_APP_MOVED}, {5, SILT_TXN_APP_MOVED}, {6, SILT_TXN_COMMITTED}};
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        SILT_AUTO(silt_snapshot) base = test_table_open(store);
        SILT_AUTO(silt_txn) txn = NULL;
        opts.app_version = cases[i].version;
        assert_ok(silt_txn_new(base, &opts, &txn, &err), &err);
        silt_txn_result result;
        assert_ok(silt_txn_commit(txn, &result, NULL, &err), &err);
        assert_int_equal(result.outcome, cases[i].outcome);
        if (result.outcome == SILT_TXN_APP_MOVED) {
            assert_int_equal(result.app_version_seen, 5);
            assert_int_equal(result.attempts, 0);
        }
    }
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    assert_int_equal(silt_snapshot_version(now), 2);
    assert_int_equal(silt_snapshot_app_version(now, "app"), 6);
    silt_snapshot_free(SILT_TAKE(now));
    silt_snapshot_free(SILT_TAKE(start));
    silt_store_free(store);
}

static void append_only_tables_keep_their_rows(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    test_table_make(store, false, (const char *const[]){"delta.appendOnly=true", NULL});
    SILT_AUTO(silt_snapshot) start = test_table_open(store);
    silt_add a = test_table_file(arena, "a", 0, 9);
    test_table_commit(start, NULL, &a, 1, NULL, 0);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "DELETE";
    SILT_AUTO(silt_txn) txn = NULL;
    assert_ok(silt_txn_new(base, &opts, &txn, &err), &err);
    assert_int_equal(silt_txn_remove(txn, &a, true, &err), SILT_INVALID);
    assert_ok(silt_txn_remove(txn, &a, false, &err), &err);
    silt_txn_free(SILT_TAKE(txn));
    silt_snapshot_free(SILT_TAKE(base));
    silt_snapshot_free(SILT_TAKE(start));
    silt_store_free(store);
}

static void a_feature_we_cant_write_is_refused(void **state)
{
    (void)state;
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    test_table_make(store, false, NULL);
    test_table_put(store, 1,
                   "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,"
                   "\"writerFeatures\":[\"sidewaysWrites\"]}}\n");
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "WRITE";
    SILT_AUTO(silt_txn) txn = NULL;
    assert_ok(silt_txn_new(base, &opts, &txn, &err), &err);
    silt_txn_result result;
    assert_int_equal(silt_txn_commit(txn, &result, NULL, &err), SILT_UNSUPPORTED);
    assert_non_null(strstr(err.message, "sidewaysWrites"));
    silt_txn_free(SILT_TAKE(txn));
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

static void a_table_is_made_once(void **state)
{
    (void)state;
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    silt_protocol protocol = {.min_reader = 1, .min_writer = 2};
    silt_metadata metadata = {
        .id = "x", .format_provider = "parquet", .schema_json = TEST_SCHEMA, .created_time_ms = -1};
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "CREATE TABLE";
    for (int i = 0; i < 2; i++) {
        SILT_AUTO(silt_txn) txn = NULL;
        silt_txn_result result;
        silt_snapshot *after = NULL;
        assert_ok(silt_txn_new_table(store, NULL, &opts, &txn, &err), &err);
        assert_ok(silt_txn_set_metadata(txn, &metadata, &err), &err);
        assert_ok(silt_txn_set_protocol(txn, &protocol, &err), &err);
        assert_ok(silt_txn_commit(txn, &result, &after, &err), &err);
        assert_int_equal(result.outcome, i ? SILT_TXN_CONFLICT : SILT_TXN_COMMITTED);
        assert_int_equal(result.version, 0);
        if (!i) assert_int_equal(silt_snapshot_version(after), 0);
        silt_snapshot_free(after);
    }
    silt_store_free(store);
}

/* ---- lost answers and others in between */

/* An append of one file under app txn (app, 1), through `store`. */
static silt_status append_once(silt_store *store, silt_snapshot *base, const silt_clock *clock,
                               silt_txn_result *result, silt_error *err)
{
    (void)store;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "WRITE";
    opts.app_id = "app";
    opts.app_version = 1;
    opts.clock = clock;
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_txn_new(base, &opts, &txn, err));
    silt_add add = test_table_file(arena, "ours", 0, 9);
    SILT_TRY(silt_txn_add(txn, &add, err));
    return silt_txn_commit(txn, result, NULL, err);
}

/* Whatever call is lost, or its answer: success says that it is there once, failure (but UNSURE)
 * that it isn't. */
static void a_commit_survives_any_lost_call(void **state)
{
    (void)state;
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                            SILT_FAULT_CRASH, SILT_FAULT_CRASH_AFTER};
    for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
        bool fired = true;
        for (int64_t n = 1; fired; n++) {
            int64_t now_us = 1700000000000000;
            silt_clock clock = {fake_now, fake_sleep, &now_us};
            silt_store *disk = silt_store_mem_new();
            test_table_make(disk, false, NULL);
            silt_fault_run run = {0};
            silt_fault_plan plan = {.kind = kinds[k], .at = n, .run = &run};
            silt_store *flaky = silt_store_fault_new(disk, &plan);
            silt_snapshot *base = NULL;
            silt_error err = {0};
            silt_txn_result result = {0};
            silt_status st = silt_snapshot_open(flaky, NULL, NULL, &base, &err);
            if (st == SILT_OK) st = append_once(flaky, base, &clock, &result, &err);
            fired = run.fired;
            SILT_AUTO(silt_snapshot) truth = test_table_open(disk);
            int64_t there = silt_snapshot_app_version(truth, "app");
            if (st == SILT_OK) assert_int_equal(there, 1);
            if (st != SILT_OK && st != SILT_UNSURE && !run.dead) assert_int_equal(there, -1);
            assert_true(silt_snapshot_version(truth) <= 1);
            if (!fired) assert_int_equal(st, SILT_OK);
            silt_snapshot_free(SILT_TAKE(truth));
            silt_snapshot_free(base);
            silt_store_free(flaky);
            silt_store_free(disk);
        }
    }
}

static void a_lost_acknowledgement_commits_once(void **state)
{
    (void)state;
    silt_store *disk = silt_store_mem_new();
    silt_error err = {0};
    test_table_make(disk, false, NULL);
    silt_fault_plan plan = {.kind = SILT_FAULT_AFTER_EFFECT, .at = 1, .ops = SILT_FAULT_PUT_NEW};
    silt_store *flaky = silt_store_fault_new(disk, &plan);
    SILT_AUTO(silt_snapshot) base = test_table_open(flaky);
    silt_txn_result result;
    assert_ok(append_once(flaky, base, NULL, &result, &err), &err);
    assert_int_equal(result.outcome, SILT_TXN_COMMITTED);
    assert_int_equal(result.version, 1);
    SILT_AUTO(silt_snapshot) truth = test_table_open(disk);
    assert_int_equal(silt_snapshot_version(truth), 1);
    silt_snapshot_free(SILT_TAKE(truth));
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(flaky);
    silt_store_free(disk);
}

/* Other writers that come in before the first puts of ours. */
typedef struct intruder {
    silt_store *disk;
    int left, fired;
    bool ours_too; /* the last one does what we do */
} intruder;

static void intrude(void *ctx, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    intruder *in = ctx;
    (void)key;
    (void)call;
    if (when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0 || in->left == 0) return;
    in->left--;
    SILT_AUTO(silt_snapshot) base = test_table_open(in->disk);
    if (in->left == 0 && in->ours_too) {
        silt_txn_result result;
        silt_error err = {0};
        assert_ok(append_once(in->disk, base, NULL, &result, &err), &err);
    } else {
        test_table_commit(base, NULL, NULL, 0, NULL, 0);
    }
    in->fired++;
}

static void others_in_between_are_rebased_over(void **state)
{
    (void)state;
    for (int others = 0; others < 6; others++) {
        for (int twin = 0; twin < 2; twin++) {
            int64_t now_us = 1700000000000000;
            silt_clock clock = {fake_now, fake_sleep, &now_us};
            silt_error err = {0};
            intruder in = {silt_store_mem_new(), others, 0, twin};
            test_table_make(in.disk, false, NULL);
            silt_fault_plan plan = {.hook = intrude, .hook_ctx = &in};
            silt_store *store = silt_store_fault_new(in.disk, &plan);
            SILT_AUTO(silt_snapshot) base = test_table_open(store);
            silt_txn_result result;
            assert_ok(append_once(store, base, &clock, &result, &err), &err);
            bool moved = twin && others;
            assert_int_equal(result.outcome, moved ? SILT_TXN_APP_MOVED : SILT_TXN_COMMITTED);
            assert_int_equal(result.attempts, moved ? others : others + 1);
            assert_int_equal(result.version, moved ? others : others + 1);
            SILT_AUTO(silt_snapshot) truth = test_table_open(in.disk);
            assert_int_equal(silt_snapshot_version(truth), moved ? others : others + 1);
            assert_int_equal(silt_snapshot_app_version(truth, "app"), 1);
            silt_snapshot_free(SILT_TAKE(truth));
            silt_snapshot_free(SILT_TAKE(base));
            silt_store_free(store);
            silt_store_free(in.disk);
        }
    }
}

static void tries_have_an_end(void **state)
{
    (void)state;
    int64_t now_us = 1700000000000000;
    silt_clock clock = {fake_now, fake_sleep, &now_us};
    silt_error err = {0};
    for (int by_number = 0; by_number < 2; by_number++) {
        intruder in = {silt_store_mem_new(), 1000000, 0, false};
        test_table_make(in.disk, false, NULL);
        silt_fault_plan plan = {.hook = intrude, .hook_ctx = &in};
        silt_store *store = silt_store_fault_new(in.disk, &plan);
        SILT_AUTO(silt_snapshot) base = test_table_open(store);
        silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
        opts.operation = "WRITE";
        opts.clock = &clock;
        opts.retry.deadline_ms = by_number ? 1000000 : 3000;
        opts.retry.max_attempts = by_number ? 4 : 0;
        SILT_AUTO(silt_txn) txn = NULL;
        assert_ok(silt_txn_new(base, &opts, &txn, &err), &err);
        silt_txn_result result;
        assert_int_equal(silt_txn_commit(txn, &result, NULL, &err), SILT_TIMEOUT);
        assert_non_null(strstr(err.message, "WRITE by silt/"));
        if (by_number) assert_int_equal(in.fired, 4);
        silt_txn_free(SILT_TAKE(txn));
        silt_snapshot_free(SILT_TAKE(base));
        silt_store_free(store);
        silt_store_free(in.disk);
    }
}

static void what_never_answers_stays_unsure(void **state)
{
    (void)state;
    int64_t now_us = 1700000000000000;
    silt_clock clock = {fake_now, fake_sleep, &now_us};
    silt_error err = {0};
    silt_store *disk = silt_store_mem_new();
    test_table_make(disk, false, NULL);
    silt_fault_plan lost = {.kind = SILT_FAULT_AFTER_EFFECT, .at = 1, .ops = SILT_FAULT_PUT_NEW};
    silt_store *first = silt_store_fault_new(disk, &lost);
    silt_fault_plan dead = {
        .kind = SILT_FAULT_CRASH, .at = 1, .ops = SILT_FAULT_GET, .key_part = "01.json"};
    silt_store *store = silt_store_fault_new(first, &dead);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    silt_txn_result result;
    assert_int_equal(append_once(store, base, &clock, &result, &err), SILT_UNSURE);
    SILT_AUTO(silt_snapshot) truth = test_table_open(disk);
    assert_int_equal(silt_snapshot_version(truth), 1); /* it is there indeed */
    silt_snapshot_free(SILT_TAKE(truth));
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
    silt_store_free(first);
    silt_store_free(disk);
}

/* A held base whose next versions were cleaned up: their free names must not be taken. */
static void an_old_base_doesnt_fill_a_hole(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    test_table_make(store, false, NULL);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    for (int i = 0; i < 3; i++)
        test_table_commit(base, NULL, NULL, 0, NULL, 0);
    /* an hour later: the first two are gone, a .crc or checkpoint of 2 would carry on */
    int64_t now_us = silt_now_us(&silt_clock_system) + INT64_C(3600) * 1000000;
    silt_clock clock = {fake_now, fake_sleep, &now_us};
    assert_ok(store->ops->remove(store, silt_log_commit_key(arena, 1), &err), &err);
    silt_txn_result result;
    silt_status st = append_once(store, base, &clock, &result, &err);
    if (st == SILT_OK) assert_int_equal(result.outcome, SILT_TXN_CONFLICT);
    silt_object object;
    assert_int_equal(store->ops->head(store, silt_log_commit_key(arena, 1), arena, &object, NULL),
                     SILT_NOT_FOUND);
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

/* ---- many at once */

enum { WRITERS = 8, COMMITS = 25 };

typedef struct writer {
    pthread_t thread;
    silt_store *store;
    int number, failures;
} writer;

static void *write_on(void *ctx)
{
    writer *w = ctx;
    silt_error err = {0};
    silt_snapshot *now = NULL;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (silt_snapshot_open(w->store, NULL, NULL, &now, &err) != SILT_OK) w->failures++;
    for (int i = 0; i < COMMITS && !w->failures; i++) {
        silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
        opts.operation = "WRITE";
        opts.app_id = silt_arena_printf(arena, "writer%d", w->number);
        opts.app_version = i;
        SILT_AUTO(silt_txn) txn = NULL;
        silt_txn_result result = {0};
        silt_snapshot *next = NULL;
        silt_add add =
            test_table_file(arena, silt_arena_printf(arena, "f%d-%d", w->number, i), 0, 9);
        if (silt_txn_new(now, &opts, &txn, &err) != SILT_OK ||
            silt_txn_add(txn, &add, &err) != SILT_OK ||
            silt_txn_commit(txn, &result, &next, &err) != SILT_OK ||
            result.outcome != SILT_TXN_COMMITTED || !next) {
            w->failures++;
            continue;
        }
        silt_snapshot_free(now);
        now = next;
    }
    silt_snapshot_free(now);
    return NULL;
}

static void many_writers_lose_nothing(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    test_table_make(store, false, NULL);
    writer writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){.store = store, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    const silt_add *adds;
    size_t count;
    assert_int_equal(silt_snapshot_version(now), WRITERS * COMMITS);
    assert_int_equal(silt_snapshot_adds(now, &adds, &count, NULL), SILT_OK);
    assert_int_equal(count, WRITERS * COMMITS);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(writers[i].failures, 0);
        assert_int_equal(silt_snapshot_app_version(now, silt_arena_printf(arena, "writer%d", i)),
                         COMMITS - 1);
    }
    silt_snapshot_free(SILT_TAKE(now));
    silt_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_says_what_it_is),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(an_app_version_that_is_there_writes_nothing),
        cmocka_unit_test(append_only_tables_keep_their_rows),
        cmocka_unit_test(a_feature_we_cant_write_is_refused),
        cmocka_unit_test(a_table_is_made_once),
        cmocka_unit_test(a_commit_survives_any_lost_call),
        cmocka_unit_test(a_lost_acknowledgement_commits_once),
        cmocka_unit_test(others_in_between_are_rebased_over),
        cmocka_unit_test(tries_have_an_end),
        cmocka_unit_test(what_never_answers_stays_unsure),
        cmocka_unit_test(an_old_base_doesnt_fill_a_hole),
        cmocka_unit_test(many_writers_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
