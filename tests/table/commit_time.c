/* Which version stands at a time: by the times of files, by in-commit timestamps, and by both where
 * a table has them from some version on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/table.h"

#define MOST 2000

#define PROTOCOL "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
#define ICT_PROTOCOL                                        \
    "{\"protocol\":{\"minReaderVersion\":1,"                \
    "\"minWriterVersion\":7,\"writerFeatures\":[\"inCommit" \
    "Timestamp\"]}}\n"
#define METADATA(configuration)                                                                 \
    "{\"metaData\":{\"id\":\"m\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"         \
    "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\"" \
    ":[],\"configuration\":{" configuration "}}}\n"

static silt_store *store;
static silt_store_ops ops, below; /* of the store, and as they were */
static silt_arena *arena;
static silt_error err;
static int64_t file_ms[MOST]; /* by version: when its file was written */
static int gets;

/* ---- a store with a clock of ours */

static void set_time(silt_object *object)
{
    int64_t version = strtoll(object->key + strlen(SILT_LOG_DIR), NULL, 10);
    if (version < MOST) object->mtime_ns = file_ms[version] * 1000000;
}

typedef struct listing {
    silt_list_fn *fn;
    void *ctx;
} listing;

static bool list_one(void *ctx, const silt_object *object)
{
    listing *l = ctx;
    silt_object dated = *object;
    set_time(&dated);
    return l->fn(l->ctx, &dated);
}

static silt_status list(silt_store *s, const char *prefix, const char *start_after, bool recursive,
                        silt_list_fn *fn, void *ctx, silt_error *e)
{
    listing l = {fn, ctx};
    return below.list(s, prefix, start_after, recursive, list_one, &l, e);
}

static silt_status get(silt_store *s, const char *key, int64_t offset, int64_t length,
                       silt_arena *a, silt_bytes *out, silt_error *e)
{
    gets++;
    return below.get(s, key, offset, length, a, out, e);
}

static int set_up(void **state)
{
    (void)state;
    store = silt_store_mem_new();
    arena = silt_arena_new();
    below = ops = *store->ops;
    ops.list = list;
    ops.get = get;
    store->ops = &ops;
    memset(file_ms, 0, sizeof(file_ms));
    err = (silt_error){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    silt_arena_free(arena);
    silt_store_free(store);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#define assert_ok(call)                                                                          \
    do {                                                                                         \
        silt_status got_ = (call);                                                               \
        if (got_ != SILT_OK) fail_msg("%s: %s: %s", #call, silt_status_name(got_), err.message); \
    } while (0)

static void put(int64_t version, int64_t ms, const char *lines)
{
    file_ms[version] = ms;
    test_table_put(store, version, lines);
}

/* A commit that says its time itself. */
static void put_dated(int64_t version, int64_t ms, int64_t in_commit_ms, const char *lines)
{
    put(version, ms,
        silt_arena_printf(arena, "{\"commitInfo\":{\"inCommitTimestamp\":%" PRId64 "}}\n%s",
                          in_commit_ms, lines));
}

static int64_t at(int64_t ms, bool round_up)
{
    int64_t version = -7, made_ms, again;
    silt_status st = silt_table_version_at(store, NULL, ms, round_up, &version, &made_ms, &err);
    if (st == SILT_NOT_FOUND) {
        assert_int_equal(version, -7);
        return -1;
    }
    assert_ok(st);
    assert_true(round_up ? made_ms >= ms : made_ms <= ms);
    const int64_t *times;
    assert_ok(silt_table_commit_times(store, NULL, version, version, arena, &times, &err));
    again = times[0];
    assert_int_equal(again, made_ms);
    return version;
}

static int64_t opened_at(int64_t ms)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    opts.timestamp_ms = ms;
    silt_status st = silt_snapshot_open(store, NULL, &opts, &snapshot, &err);
    if (st == SILT_NOT_FOUND) return -1;
    assert_ok(st);
    return silt_snapshot_version(snapshot);
}

/* ---- by files */

static void versions_are_found_by_the_times_of_files(void **state)
{
    (void)state;
    put(0, 1000, PROTOCOL METADATA(""));
    put(1, 2000, "{}\n");
    put(2, 3000, "{}\n");
    assert_int_equal(at(999, false), -1);
    assert_non_null(strstr(err.message, "is before the first commit that is still there: version 0 "
                                        "of 1970-01-01T00:00:01.000Z"));
    assert_non_null(strstr(err.message, "1970-01-01T00:00:00.999Z"));
    assert_true(*err.hint);
    assert_int_equal(at(1000, false), 0);
    assert_int_equal(at(1999, false), 0);
    assert_int_equal(at(2000, false), 1);
    assert_int_equal(at(3000, false), 2);
    assert_int_equal(at(INT64_MAX, false), 2); /* after the last: that one */
    assert_int_equal(at(INT64_MIN + 1, false), -1);

    assert_int_equal(at(INT64_MIN + 1, true), 0);
    assert_int_equal(at(1000, true), 0);
    assert_int_equal(at(1001, true), 1);
    assert_int_equal(at(3000, true), 2);
    assert_int_equal(at(3001, true), -1);
    assert_non_null(strstr(err.message, "is after the last commit: version 2 of "
                                        "1970-01-01T00:00:03.000Z"));

    assert_int_equal(opened_at(2500), 1);
    assert_int_equal(opened_at(500), -1);
    assert_int_equal(opened_at(9999), 2);
}

/* Clocks that go back, copies, and commits of one millisecond. */
static void times_of_files_grow(void **state)
{
    (void)state;
    static const int64_t written[] = {5000, 4000, 5000, 5001, 9000, 100};
    static const int64_t made[] = {5000, 5001, 5002, 5003, 9000, 9001};
    for (int64_t v = 0; v < 6; v++)
        put(v, written[v], v ? "{}\n" : PROTOCOL METADATA(""));
    const int64_t *times;
    assert_ok(silt_table_commit_times(store, NULL, 0, 5, arena, &times, &err));
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(times[i], made[i]);
    for (int64_t v = 0; v < 6; v++) {
        assert_int_equal(at(made[v], false), v);
        assert_int_equal(at(made[v], true), v);
    }
    assert_int_equal(at(8999, false), 3);
    assert_int_equal(at(4999, false), -1);
}

static void ranges_that_are_not_there_are_told(void **state)
{
    (void)state;
    const int64_t *times = NULL;
    for (int64_t v = 0; v < 3; v++)
        put(v, 1000 * (v + 1), v ? "{}\n" : PROTOCOL METADATA(""));
    assert_int_equal(silt_table_commit_times(store, NULL, 1, 3, arena, &times, &err),
                     SILT_NOT_FOUND);
    assert_non_null(strstr(err.message, "commit 3 isn't there: there are 0 to 2"));
    assert_int_equal(silt_table_commit_times(store, NULL, -1, 1, arena, &times, &err),
                     SILT_NOT_FOUND);
    assert_null(times);
    assert_ok(silt_table_commit_times(store, NULL, 2, 1, arena, &times, &err)); /* an empty one */
}

static void no_table_has_no_times(void **state)
{
    (void)state;
    int64_t version, ms;
    assert_int_equal(silt_table_version_at(store, NULL, 5, false, &version, &ms, &err),
                     SILT_NOT_FOUND);
    assert_non_null(strstr(err.message, "no Delta table"));
}

/* Commits that a cleanup has left behind have a time, but there is no way to their versions. */
static void a_time_may_lead_to_a_version_that_has_gone(void **state)
{
    (void)state;
    for (int64_t v = 3; v < 7; v++)
        put(v, 1000 * v, v == 3 ? PROTOCOL METADATA("") : "{}\n");
    const char *key = silt_arena_printf(
        arena, SILT_LOG_DIR "%020d.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json", 5);
    const char *lines = "{\"checkpointMetadata\":{\"version\":5}}\n" PROTOCOL METADATA("");
    assert_ok(store->ops->put(store, key, silt_bytes_of(lines), &err));
    assert_int_equal(opened_at(6000), 6);
    assert_int_equal(opened_at(5000), 5);
    assert_int_equal(opened_at(4999), -1);
    assert_non_null(strstr(err.message, "version 4 stood at that time"));
    assert_non_null(strstr(err.message, "there are 5 to 6"));
    assert_int_equal(opened_at(2999), -1);
    assert_non_null(strstr(err.message, "before the first commit that is still there: version 3"));
}

/* ---- by what commits say */

static void versions_are_found_by_in_commit_timestamps(void **state)
{
    (void)state;
    put_dated(0, 77, 10000, ICT_PROTOCOL METADATA("\"delta.enableInCommitTimestamps\":\"true\""));
    for (int64_t v = 1; v < MOST; v++)
        put_dated(v, 77, 10000 + v * 10, "{\"txn\":{\"appId\":\"a\",\"version\":1}}\n");
    assert_int_equal(at(9999, false), -1);
    assert_int_equal(at(10000, false), 0);
    assert_int_equal(at(10995, false), 99);
    assert_int_equal(at(10995, true), 100);
    assert_int_equal(at(10000 + (MOST - 1) * 10, false), MOST - 1);
    assert_int_equal(at(INT64_MAX, true), -1);
    assert_int_equal(at(INT64_MAX, false), MOST - 1);
    assert_int_equal(opened_at(10020), 2);
}

/* Not every commit is read for it: a .crc tells the state, and a search halves the rest. */
static void a_search_reads_few_commits(void **state)
{
    (void)state;
    const char *crc = "{\"txnId\":\"t\",\"tableSizeBytes\":0,\"numFiles\":0,\"numMetadata\":1,"
                      "\"numProtocol\":1,\"inCommitTimestampOpt\":29990,\"setTransactions\":[],"
                      "\"metadata\":{\"id\":\"m\",\"configuration\":{"
                      "\"delta.enableInCommitTimestamps\":\"true\"}},"
                      "\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,"
                      "\"writerFeatures\":[\"inCommitTimestamp\"]}}";
    versions_are_found_by_in_commit_timestamps(state);
    const char *last = "{\"commitInfo\":{\"inCommitTimestamp\":29990,\"txnId\":\"t\"}}\n";
    const char *key = silt_log_commit_key(arena, MOST - 1);
    assert_ok(store->ops->put(store, key, silt_bytes_of(last), &err));
    key = silt_log_crc_key(arena, MOST - 1);
    assert_ok(store->ops->put(store, key, silt_bytes_of(crc), &err));
    gets = 0;
    int64_t version, ms;
    assert_ok(silt_table_version_at(store, NULL, 15000, false, &version, &ms, &err));
    assert_int_equal(version, 500);
    if (gets > 18) fail_msg("%d gets", gets); /* 11 steps; hint, .crc, its commit, the answer */
}

/* Enabled by version 3, whose properties say so; file times before that one, whatever they are. */
static void enabled_later(const char *metadata)
{
    put(0, 50000, PROTOCOL METADATA(""));
    put(1, 60000, "{}\n");
    put(2, 10, "{}\n"); /* at 60001 */
    put_dated(3, 10, 40000, silt_arena_printf(arena, ICT_PROTOCOL "%s", metadata));
    put_dated(4, 10, 40500, "");
    assert_int_equal(at(39999, false), -1); /* before it is enabled, files count */
    assert_int_equal(at(40000, false), 3);
    assert_int_equal(at(60000, false), 4); /* after it, they don't */
    assert_int_equal(at(40499, false), 3);
    assert_int_equal(at(40500, true), 4);
    assert_int_equal(at(40501, true), -1);
    const int64_t *times;
    assert_ok(silt_table_commit_times(store, NULL, 0, 4, arena, &times, &err));
    static const int64_t made[] = {50000, 60000, 60001, 40000, 40500};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(times[i], made[i]);
}

static void both_kinds_of_times_are_kept_apart(void **state)
{
    (void)state;
    enabled_later(METADATA("\"delta.enableInCommitTimestamps\":\"true\","
                           "\"delta.inCommitTimestampEnablementVersion\":\"3\","
                           "\"delta.inCommitTimestampEnablementTimestamp\":\"40000\""));
}

static void previews_names_count(void **state)
{
    (void)state;
    enabled_later(METADATA("\"delta.enableInCommitTimestamps-preview\":\"true\","
                           "\"delta.inCommitTimestampEnablementVersion-preview\":\"3\","
                           "\"delta.inCommitTimestampEnablementTimestamp-preview\":\"40000\""));
}

/* As it goes in practice: all times in order. */
static void times_go_on_from_files_to_commits(void **state)
{
    (void)state;
    put(0, 1000, PROTOCOL METADATA(""));
    put(1, 2000, "{}\n");
    put_dated(2, 99, 3000,
              ICT_PROTOCOL METADATA("\"delta.enableInCommitTimestamps\":\"true\","
                                    "\"delta.inCommitTimestampEnablementVersion\":\"2\","
                                    "\"delta.inCommitTimestampEnablementTimestamp\":\"3000\""));
    put_dated(3, 99, 4000, "");
    for (int64_t v = 0; v < 4; v++) {
        assert_int_equal(at((v + 1) * 1000, false), v);
        assert_int_equal(at((v + 1) * 1000 + 999, false), v);
        assert_int_equal(at((v + 1) * 1000, true), v);
        assert_int_equal(at((v + 1) * 1000 - 1, true), v);
    }
    assert_int_equal(at(2500, true), 2); /* behind the last file, before the first date */
}

static void a_promise_that_is_not_kept_is_told(void **state)
{
    (void)state;
    int64_t version, ms;
    put_dated(0, 10, 10000, ICT_PROTOCOL METADATA("\"delta.enableInCommitTimestamps\":\"true\""));
    put(1, 10, "{\"commitInfo\":{\"timestamp\":5}}\n");
    assert_int_equal(silt_table_version_at(store, NULL, 20000, false, &version, &ms, &err),
                     SILT_CORRUPT);
    assert_non_null(strstr(err.message, "commit 1 has no inCommitTimestamp"));
}

/* ---- history */

static bool on_entry(void *ctx, const silt_history_entry *entry)
{
    ((int64_t *)ctx)[entry->version] = entry->timestamp_ms;
    return true;
}

static void history_has_the_same_times(void **state)
{
    (void)state;
    both_kinds_of_times_are_kept_apart(state);
    const int64_t *times;
    int64_t seen[5] = {0};
    assert_ok(silt_table_commit_times(store, NULL, 0, 4, arena, &times, &err));
    assert_ok(silt_table_history(store, -1, on_entry, seen, &err));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(seen[i], times[i]);
}

/* ---- options */

static void version_and_time_exclude_each_other(void **state)
{
    (void)state;
    silt_snapshot *snapshot = NULL;
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    put(0, 1000, PROTOCOL METADATA(""));
    opts.version = 0;
    opts.timestamp_ms = 1000;
    assert_int_equal(silt_snapshot_open(store, NULL, &opts, &snapshot, &err), SILT_INVALID);
    assert_null(snapshot);
}

static void times_are_read_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01", 0},
        {"2024-01-15", 1705276800000},
        {"2024-01-15T10:00", 1705312800000},
        {"2024-01-15 10:00:00", 1705312800000},
        {"2024-01-15T10:00:00Z", 1705312800000},
        {"2024-01-15T10:00+02:00", 1705305600000},
        {"2024-01-15T10:00:00.1239-01", 1705316400123},
        {"1969-12-31T23:59:59.9999", -1},
        {"", INT64_MIN},
        {"2024", INT64_MIN},
        {"1705312800000", INT64_MIN},
        {"2024-01-15T", INT64_MIN},
        {"2024-01-15T10", INT64_MIN},
        {"2024-01-15Z", INT64_MIN},
        {"2024-02-30", INT64_MIN},
        {"2024-01-15T10:00:", INT64_MIN},
        {"2024-01-15 10:00 ", INT64_MIN},
        {"yesterday", INT64_MIN},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        int64_t ms = INT64_MIN;
        bool ok = silt_time_parse_ms(cases[i].text, &ms);
        if (ms != cases[i].ms || ok != (ms != INT64_MIN))
            fail_msg("\"%s\": %" PRId64, cases[i].text, ms);
    }
    assert_false(silt_time_parse_ms(NULL, &(int64_t){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(versions_are_found_by_the_times_of_files),
        TEST(times_of_files_grow),
        TEST(ranges_that_are_not_there_are_told),
        TEST(no_table_has_no_times),
        TEST(a_time_may_lead_to_a_version_that_has_gone),
        TEST(versions_are_found_by_in_commit_timestamps),
        TEST(a_search_reads_few_commits),
        TEST(both_kinds_of_times_are_kept_apart),
        TEST(previews_names_count),
        TEST(times_go_on_from_files_to_commits),
        TEST(a_promise_that_is_not_kept_is_told),
        TEST(history_has_the_same_times),
        TEST(version_and_time_exclude_each_other),
        TEST(times_are_read_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
