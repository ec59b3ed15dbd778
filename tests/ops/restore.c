/* Restore: an older version comes back by one commit, or nothing happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "silt/maintain.h"
#include "store/fault.h"
#include "support/table.h"

static silt_store *store;
static silt_arena *arena;
static silt_error err;
static silt_restore_result result;

#define assert_ok(call)                                                                          \
    do {                                                                                         \
        silt_status got_ = (call);                                                               \
        if (got_ != SILT_OK) fail_msg("%s: %s: %s", #call, silt_status_name(got_), err.message); \
    } while (0)

#define ADD(path)                                                         \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{},\"size\":10," \
    "\"modificationTime\":1,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":2}\"}}\n"
#define REMOVE(path) \
    "{\"remove\":{\"path\":\"" path "\",\"deletionTimestamp\":5,\"dataChange\":true}}\n"
#define METADATA(columns, properties)                                                         \
    "{\"metaData\":{\"id\":\"m\",\"format\":{\"provider\":\"parquet\"},\"schemaString\":"     \
    "\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[" columns "]}\",\"partitionColumns\":[]," \
    "\"configuration\":{" properties "}}}\n"
#define COLUMN(name)                                                                  \
    "{\\\"name\\\":\\\"" name "\\\",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":true," \
    "\\\"metadata\\\":{}}"
#define DOMAIN(name, text, removed)                                                \
    "{\"domainMetadata\":{\"domain\":\"" name "\",\"configuration\":\"" text "\"," \
    "\"removed\":" removed "}}\n"
#define PROTOCOL(features)                                                                       \
    "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":[" features \
    "]}}\n"

static void put(const char *key)
{
    assert_ok(store->ops->put(store, key, SILT_STR("1234567890"), &err));
}

/* 1 has a and b; 2 has b, c and another column; 3 has b, c, d. */
static int set_up(void **state)
{
    (void)state;
    arena = silt_arena_new();
    store = silt_store_mem_new();
    err = (silt_error){0};
    result = (silt_restore_result){0};
    test_table_put(store, 0,
                   PROTOCOL("\"domainMetadata\"") METADATA(COLUMN("x"), "\"p\":\"1\"")
                       DOMAIN("stays", "1", "false"));
    test_table_put(store, 1, ADD("a") ADD("b") DOMAIN("old", "1", "false"));
    test_table_put(store, 2,
                   REMOVE("a") ADD("c") METADATA(COLUMN("x") "," COLUMN("y"), "\"p\":\"2\"")
                       DOMAIN("old", "", "true") DOMAIN("new", "2", "false"));
    test_table_put(store, 3, ADD("d"));
    put("a"), put("b"), put("c"), put("d");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    silt_store_free(store);
    silt_arena_free(arena);
    return 0;
}

static silt_restore_options to(int64_t version)
{
    silt_restore_options opts = SILT_RESTORE_OPTIONS_INIT;
    opts.version = version;
    return opts;
}

static silt_status restore(silt_restore_options opts)
{
    return silt_restore(store, NULL, &opts, &result, &err);
}

static void assert_table(int64_t version, const char *paths)
{
    SILT_AUTO(silt_snapshot) s = test_table_open(store);
    assert_int_equal(silt_snapshot_version(s), version);
    assert_string_equal(test_table_paths(s, arena), paths);
}

static const char *commit_text(int64_t version)
{
    silt_bytes text;
    assert_ok(silt_store_get_all(store, silt_log_commit_key(arena, version), arena, &text, &err));
    return text.data;
}

#define assert_says(version, part)                                              \
    do {                                                                        \
        const char *text_ = commit_text(version);                               \
        if (!strstr(text_, part)) fail_msg("\"%s\" is not in %s", part, text_); \
    } while (0)

/* ---- */

static void all_of_the_older_version_comes_back(void **state)
{
    (void)state;
    assert_ok(restore(to(1)));
    assert_int_equal(result.outcome, SILT_RESTORE_COMMITTED);
    assert_int_equal(result.restored_version, 1);
    assert_int_equal(result.committed_version, 4);
    assert_table(4, "a\nb\n");
    SILT_AUTO(silt_snapshot) s = test_table_open(store);
    assert_int_equal(silt_snapshot_schema(s)->field_count, 1);
    assert_string_equal(silt_snapshot_property(s, "p"), "1");
    for (size_t i = 0; i < 2; i++) {
        const char *text, *name = silt_snapshot_domain(s, i, &text);
        assert_true(silt_streq(name, "old") || silt_streq(name, "stays"));
        assert_string_equal(text, "1");
    }
    assert_null(silt_snapshot_domain(s, 2, NULL));
    assert_true(result.metadata_changes);
    assert_false(result.protocol_changes);
}

static void the_commit_says_what_it_did(void **state)
{
    (void)state;
    silt_restore_options opts = to(1);
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    opts.commit = &commit;
    commit.user_metadata = "oops";
    assert_ok(restore(opts));
    assert_says(4, "\"operation\":\"RESTORE\",\"operationParameters\":{\"version\":1,"
                   "\"timestamp\":null}");
    assert_says(4, "\"operationMetrics\":{\"tableSizeAfterRestore\":\"20\","
                   "\"numOfFilesAfterRestore\":\"2\",\"numRemovedFiles\":\"2\","
                   "\"numRestoredFiles\":\"1\",\"removedFilesSize\":\"20\","
                   "\"restoredFilesSize\":\"10\"}");
    assert_says(4, "\"userMetadata\":\"oops\"");
    assert_says(4, "{\"add\":{\"path\":\"a\"");
    assert_null(strstr(commit_text(4), "\"path\":\"b\""));
    const char *add = strstr(commit_text(4), "{\"add\"");
    assert_non_null(strstr(add, "\"dataChange\":true"));
}

static void it_can_be_taken_back(void **state)
{
    (void)state;
    assert_ok(restore(to(1)));
    assert_ok(restore(to(3)));
    assert_table(5, "b\nc\nd\n");
    assert_ok(restore(to(0)));
    assert_table(6, "");
}

static void nothing_to_do_writes_nothing(void **state)
{
    (void)state;
    assert_ok(restore(to(3)));
    assert_int_equal(result.outcome, SILT_RESTORE_SAME);
    assert_int_equal(result.committed_version, -1);
    assert_table(3, "b\nc\nd\n");
}

static void a_dry_run_tells_and_writes_nothing(void **state)
{
    (void)state;
    silt_restore_options opts = to(1);
    opts.dry_run = true;
    assert_ok(restore(opts));
    assert_int_equal(result.outcome, SILT_RESTORE_COMMITTED);
    assert_int_equal(result.committed_version, -1);
    assert_int_equal(result.files_restored, 1);
    assert_int_equal(result.files_removed, 2);
    assert_table(3, "b\nc\nd\n");
}

static bool count_missing(void *ctx, const char *path, int64_t size_bytes)
{
    assert_string_equal(path, "a");
    assert_int_equal(size_bytes, 10);
    ++*(int *)ctx;
    return true;
}

static void missing_files_are_said_before(void **state)
{
    (void)state;
    int missing = 0;
    silt_restore_options opts = to(1);
    opts.missing = count_missing;
    opts.ctx = &missing;
    assert_ok(store->ops->remove(store, "a", &err));
    assert_int_equal(restore(opts), SILT_NOT_FOUND);
    assert_non_null(strstr(err.message, "1 of its files is gone: a"));
    assert_int_equal(missing, 1);
    assert_table(3, "b\nc\nd\n");
    opts.ignore_missing = true;
    assert_ok(restore(opts));
    assert_int_equal(result.files_missing, 1);
    assert_int_equal(result.files_after, 1);
    assert_table(4, "b\n");
}

static void deleted_rows_come_back(void **state)
{
    (void)state;
    test_table_put(store, 4,
                   "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
                   "\"readerFeatures\":[\"deletionVectors\"],\"writerFeatures\":"
                   "[\"deletionVectors\",\"domainMetadata\"]}}\n");
    test_table_put(store, 5,
                   REMOVE("b") "{\"add\":{\"path\":\"b\",\"partitionValues\":{},\"size\":10,"
                               "\"modificationTime\":1,\"dataChange\":true,\"stats\":"
                               "\"{\\\"numRecords\\\":2}\",\"deletionVector\":{\"storageType\":"
                               "\"i\",\"pathOrInlineDv\":\"wi5b=000010000siXQKl0rr91000f55c8Xg0@@"
                               "D72lkbi5=-{L\",\"sizeInBytes\":40,\"cardinality\":1}}}\n");
    silt_status st = restore(to(4));
    if (st == SILT_UNSUPPORTED) skip(); /* while Silt can't write such tables */
    assert_ok(st);
    assert_int_equal(result.files_restored, 1);
    assert_int_equal(result.files_removed, 1);
    const silt_add *adds;
    size_t count;
    SILT_AUTO(silt_snapshot) s = test_table_open(store);
    assert_ok(silt_snapshot_adds(s, &adds, &count, &err));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        assert_null(adds[i].dv);
}

static void features_are_never_lost(void **state)
{
    (void)state;
    test_table_put(store, 4, PROTOCOL("\"appendOnly\",\"domainMetadata\""));
    assert_ok(restore(to(1)));
    assert_false(result.protocol_changes);
    SILT_AUTO(silt_snapshot) s = test_table_open(store);
    assert_string_equal(silt_snapshot_feature(s, 0), "appendOnly");
    /* and one that was dropped since is needed again */
    test_table_put(
        store, 6, PROTOCOL("\"invariants\"") DOMAIN("old", "", "true") DOMAIN("stays", "", "true"));
    assert_ok(restore(to(5)));
    assert_true(result.protocol_changes);
    SILT_AUTO(silt_snapshot) both = test_table_open(store);
    assert_string_equal(silt_snapshot_feature(both, 0), "appendOnly");
    assert_string_equal(silt_snapshot_feature(both, 1), "domainMetadata");
    assert_string_equal(silt_snapshot_feature(both, 2), "invariants");
}

static void row_ids_stay(void **state)
{
    (void)state;
    test_table_put(
        store, 4,
        PROTOCOL("\"rowTracking\",\"domainMetadata\"") "{\"add\":{\"path\":\"e\","
                                                       "\"partitionValues\":{},\"size\":10,"
                                                       "\"modificationTime\":1,\"dataChange\":true,"
                                                       "\"stats\":\"{\\\"numRecords\\\":2}\","
                                                       "\"baseRowId\":5,"
                                                       "\"defaultRowCommitVersion\":4}}\n" DOMAIN(
                                                           "delta.rowTracking",
                                                           "{\\\"rowIdHighWaterMark\\\":9}",
                                                           "false"));
    test_table_put(store, 5, REMOVE("e"));
    put("e");
    assert_ok(restore(to(4)));
    assert_says(6, "\"baseRowId\":5,\"defaultRowCommitVersion\":4");
    assert_null(strstr(commit_text(6), "rowIdHighWaterMark"));
}

static void what_cant_be_is_refused(void **state)
{
    (void)state;
    silt_restore_options opts = to(7);
    assert_int_equal(restore(opts), SILT_NOT_FOUND);
    assert_non_null(strstr(err.message, "the newest is 3"));
    opts.timestamp_ms = 1;
    assert_int_equal(restore(opts), SILT_INVALID);
    assert_int_equal(restore(to(SILT_LATEST)), SILT_INVALID);
    test_table_put(store, 4,
                   METADATA(COLUMN("x"), "\"delta.appendOnly\":\"true\"")
                       PROTOCOL("\"appendOnly\",\"domainMetadata\""));
    assert_int_equal(restore(to(1)), SILT_INVALID);
    assert_table(4, "b\nc\nd\n");
}

static void a_time_is_a_version(void **state)
{
    (void)state;
    silt_restore_options opts = SILT_RESTORE_OPTIONS_INIT;
    SILT_AUTO(silt_snapshot) s = test_table_open(store);
    opts.timestamp_ms = silt_snapshot_timestamp_ms(s) + 60000;
    assert_ok(restore(opts));
    assert_int_equal(result.restored_version, 3);
    opts.timestamp_ms = 5;
    assert_int_equal(restore(opts), SILT_NOT_FOUND);
}

static void a_number_is_done_once(void **state)
{
    (void)state;
    silt_restore_options opts = to(1);
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    opts.commit = &commit;
    commit.app_id = "fix";
    commit.app_version = 7;
    assert_ok(restore(opts));
    assert_int_equal(result.committed_version, 4);
    test_table_put(store, 5, ADD("c"));
    assert_ok(restore(opts));
    assert_int_equal(result.outcome, SILT_RESTORE_ALREADY_DONE);
    assert_int_equal(result.committed_version, 4);
    assert_table(5, "a\nb\nc\n");
}

/* ---- others, and interruptions */

static void commits_first(void *ctx, silt_fault_when when, const char *op, const char *key,
                          int64_t call)
{
    bool *done = ctx;
    (void)call;
    if (*done || when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0 || !strstr(key, "4.json"))
        return;
    *done = true;
    test_table_put(store, 4, ADD("late"));
}

static void others_are_compared_with_anew(void **state)
{
    (void)state;
    bool done = false;
    const silt_fault_plan plan = {.hook = commits_first, .hook_ctx = &done};
    SILT_AUTO(silt_store) busy = silt_store_fault_new(store, &plan);
    const silt_restore_options opts = to(1);
    assert_ok(silt_restore(busy, NULL, &opts, &result, &err));
    assert_true(done);
    assert_int_equal(result.committed_version, 5);
    assert_int_equal(result.files_removed, 3);
    assert_table(5, "a\nb\n");
}

/* The old version or the new one, and the next try ends in the new one. */
static void no_lost_call_harms(void **state)
{
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                            SILT_FAULT_CRASH, SILT_FAULT_CRASH_AFTER};
    for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
        bool fired = true;
        for (int n = 1; fired; n++) {
            silt_fault_run run = {0};
            const silt_fault_plan plan = {.kind = kinds[k], .at = n, .run = &run};
            SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
            silt_restore_options opts = to(1);
            silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
            opts.commit = &commit;
            commit.app_id = "fix";
            silt_status st = silt_restore(flaky, NULL, &opts, &result, &err);
            fired = run.fired;
            SILT_AUTO(silt_snapshot) s = test_table_open(store);
            bool is_new = silt_snapshot_version(s) == 4;
            assert_string_equal(test_table_paths(s, arena), is_new ? "a\nb\n" : "b\nc\nd\n");
            if (st == SILT_OK) assert_true(is_new);
            assert_ok(restore(opts));
            assert_table(4, "a\nb\n");
            tear_down(state);
            silt_snapshot_free(SILT_TAKE(s));
            silt_store_free(SILT_TAKE(flaky));
            set_up(state);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_of_the_older_version_comes_back),
        TEST(the_commit_says_what_it_did),
        TEST(it_can_be_taken_back),
        TEST(nothing_to_do_writes_nothing),
        TEST(a_dry_run_tells_and_writes_nothing),
        TEST(missing_files_are_said_before),
        TEST(deleted_rows_come_back),
        TEST(features_are_never_lost),
        TEST(row_ids_stay),
        TEST(what_cant_be_is_refused),
        TEST(a_time_is_a_version),
        TEST(a_number_is_done_once),
        TEST(others_are_compared_with_anew),
        TEST(no_lost_call_harms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
