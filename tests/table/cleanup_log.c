/* The log's cleanup: what goes has expired and is stood in for; what stays can be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/seam.h"
#include "silt/maintain.h"
#include "store/fault.h"
#include "support/files.h"
#include "support/table.h"
#include "table/data.h"

#define DAY_MS INT64_C(86400000)
#define LAST   12

static char *dir;
static silt_store *store;
static silt_engine *engine;
static silt_arena *arena;
static silt_error err;
static silt_cleanup_log_result result;

#define assert_ok(call)                                                                          \
    do {                                                                                         \
        silt_status got_ = (call);                                                               \
        if (got_ != SILT_OK) fail_msg("%s: %s: %s", #call, silt_status_name(got_), err.message); \
    } while (0)

static const char *path_of(const char *key)
{
    return silt_arena_printf(arena, "%s/%s", dir, key);
}

static bool is_there(const char *key)
{
    struct stat st;
    return stat(path_of(key), &st) == 0;
}

static void age(const char *key, int64_t days)
{
    int64_t s = silt_now_ms(&silt_clock_system) / 1000 - days * 86400;
    const struct timespec times[] = {{.tv_sec = s}, {.tv_sec = s}};
    if (utimensat(AT_FDCWD, path_of(key), times, 0) != 0) fail_msg("%s is not there", key);
}

static const char *file(int64_t version, const char *rest)
{
    return silt_arena_printf(arena, SILT_LOG_DIR "%020" PRId64 ".%s", version, rest);
}

static void checkpoint(int64_t version, int64_t parts)
{
    silt_checkpoint_options opts = SILT_CHECKPOINT_OPTIONS_INIT;
    silt_checkpoint_result written;
    opts.version = version;
    opts.parts = parts;
    assert_ok(silt_checkpoint(store, engine, &opts, &written, &err));
}

#define METADATA(properties)                                                              \
    "{\"metaData\":{\"id\":\"m\",\"format\":{\"provider\":\"parquet\"},\"schemaString\":" \
    "\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":[],"        \
    "\"configuration\":{" properties "}}}\n"

/* Version v is 10 * (12 - v) days old: 120 days, 110, … Checkpoints of 4, 8 and 11. */
static void make_table(const char *head)
{
    for (int64_t v = 0; v <= LAST; v++) {
        const char *add = silt_arena_printf(arena,
                                            "%s{\"add\":{\"path\":\"f%" PRId64
                                            "\",\"partitionValues\":{},\"size\":1,"
                                            "\"modificationTime\":1,\"dataChange\":true}}\n",
                                            v ? "" : head, v);
        test_table_put(store, v, add);
        test_write(dir, file(v, "crc"), "{}");
    }
    checkpoint(4, 2);
    checkpoint(8, 0);
    checkpoint(11, 0);
    test_write(dir, SILT_LOG_DIR "00000000000000000003.00000000000000000006.compacted.json", "{}");
    test_write(dir, SILT_LOG_DIR "00000000000000000009.00000000000000000010.compacted.json", "{}");
    test_write(dir, SILT_LOG_DIR "notes.txt", "");
    for (int64_t v = 0; v <= LAST; v++) {
        age(file(v, "json"), 10 * (LAST - v));
        age(file(v, "crc"), 10 * (LAST - v));
    }
}

/* Retention is counted in whole days: none ends, in UTC, while a test is at work. */
static void wait_for_midnight(void)
{
    int64_t left;
    while ((left = 86400 - silt_now_ms(&silt_clock_system) / 1000 % 86400) < 60)
        silt_sleep_ms(&silt_clock_system, left * 1000);
}

static int set_up(void **state)
{
    (void)state;
    wait_for_midnight();
    arena = silt_arena_new();
    dir = test_dir_new();
    err = (silt_error){0};
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    opts.no_durability = true;
    assert_ok(silt_store_open(dir, &opts, &store, &err));
    assert_ok(silt_engine_open(NULL, &engine, &err));
    make_table("{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n" METADATA(""));
    return 0;
}

static int set_up_nothing(void **state)
{
    set_up(state);
    silt_store_free(store);
    test_dir_free(dir);
    dir = test_dir_new();
    assert_ok(silt_store_open(dir, NULL, &store, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    silt_store_free(store);
    silt_engine_free(engine);
    test_dir_free(dir);
    silt_arena_free(arena);
    return 0;
}

static silt_status cleanup(silt_store *s, int64_t retention_days)
{
    silt_cleanup_log_options opts = SILT_CLEANUP_LOG_OPTIONS_INIT;
    if (retention_days >= 0) opts.retention_ms = retention_days * DAY_MS;
    return silt_cleanup_log(s, engine, &opts, &result, &err);
}

static size_t files_at(int64_t version)
{
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    SILT_AUTO(silt_snapshot) s = NULL;
    const silt_add *adds;
    size_t count;
    opts.version = version;
    assert_ok(silt_snapshot_open(store, engine, &opts, &s, &err));
    assert_ok(silt_snapshot_adds(s, &adds, &count, &err));
    return count;
}

static void assert_readable_from(int64_t first)
{
    for (int64_t v = first; v <= LAST; v++)
        assert_int_equal(files_at(v), v + 1);
    assert_int_equal(files_at(SILT_LATEST), LAST + 1);
}

/* ---- */

static void what_a_checkpoint_stands_for_goes(void **state)
{
    (void)state;
    assert_ok(cleanup(store, -1)); /* 30 days: 8 is 40 days old, 9 is 30 and may be needed */
    assert_int_equal(result.first_version, 8);
    assert_int_equal(result.deleted, 8 + 8 + 2 + 1);
    assert_false(is_there(file(7, "json")) || is_there(file(7, "crc")) ||
                 is_there(file(0, "json")));
    assert_false(is_there(file(4, "checkpoint.0000000001.0000000002.parquet")));
    assert_false(is_there(SILT_LOG_DIR "00000000000000000003.00000000000000000006.compacted.json"));
    assert_true(is_there(SILT_LOG_DIR "00000000000000000009.00000000000000000010.compacted.json"));
    assert_true(is_there(file(8, "json")) && is_there(file(8, "checkpoint.parquet")));
    assert_true(is_there(SILT_LOG_DIR "notes.txt"));
    assert_readable_from(8);
    assert_ok(cleanup(store, -1));
    assert_int_equal(result.deleted, 0);
    assert_int_equal(result.first_version, -1);
}

static void without_an_old_checkpoint_nothing_goes(void **state)
{
    (void)state;
    assert_ok(cleanup(store, 81)); /* 3 and younger; the checkpoint of 4 isn't old enough */
    assert_int_equal(result.deleted, 0);
    assert_ok(cleanup(store, 100000));
    assert_int_equal(result.deleted, 0);
    assert_readable_from(0);
}

static void the_newest_checkpoint_that_is_old_enough_counts(void **state)
{
    (void)state;
    assert_ok(cleanup(store, 0)); /* all of them are older than today */
    assert_int_equal(result.first_version, 11);
    assert_readable_from(11);
}

static void a_checkpoint_that_cant_be_read_stands_for_nothing(void **state)
{
    (void)state;
    test_write(dir, file(8, "checkpoint.parquet"), "no Parquet");
    assert_int_equal(cleanup(store, -1), SILT_CORRUPT);
    assert_true(is_there(file(0, "json")));
}

static void protected_versions_stay(void **state)
{
    (void)state;
    test_table_put(store, LAST + 1,
                   "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,"
                   "\"writerFeatures\":[\"checkpointProtection\"]}}\n" METADATA(
                       "\"delta.requireCheckpointProtectionBeforeVersion\":\"9\""));
    assert_ok(cleanup(store, -1));
    assert_true(result.is_protected);
    assert_int_equal(result.deleted, 0);
    assert_ok(cleanup(store, 0)); /* 11 stands for all that is protected */
    assert_false(result.is_protected);
    assert_int_equal(result.first_version, 11);
}

static void times_count_as_the_table_has_them(void **state)
{
    (void)state;
    int64_t now = silt_now_ms(&silt_clock_system);
    for (int64_t v = 0; v <= 4; v++)
        test_table_put(
            store, v,
            silt_arena_printf(arena, "{\"commitInfo\":{\"inCommitTimestamp\":%" PRId64 "}}\n%s",
                              now - (4 - v) * 40 * DAY_MS,
                              v ? ""
                                : "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,"
                                  "\"writerFeatures\":[\"inCommitTimestamp\"]}}\n" METADATA(
                                      "\"delta.enableInCommitTimestamps\":\"true\"")));
    checkpoint(1, 0);
    checkpoint(3, 0);
    for (int64_t v = 0; v <= 4; v++)
        age(file(v, "json"), 500); /* files say all is old */
    assert_ok(cleanup(store, -1));
    assert_int_equal(result.first_version, 3); /* 40 days old by its own word */
    assert_ok(cleanup(store, 50));
    assert_int_equal(result.deleted, 0);
}

/* ---- V2 checkpoints */

static void put_sidecar(const char *name, int days)
{
    const char *key = silt_arena_printf(arena, SILT_LOG_DIR "_sidecars/%s", name);
    test_write(dir, key, "x");
    age(key, days);
}

static void sidecars_go_with_their_checkpoints(void **state)
{
    (void)state;
    const char *head = "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
                       "\"readerFeatures\":[\"v2Checkpoint\"],\"writerFeatures\":"
                       "[\"v2Checkpoint\"]}}\n" METADATA("\"delta.checkpointPolicy\":\"v2\"");
    for (int64_t v = 0; v <= LAST; v++) {
        test_table_put(store, v,
                       silt_arena_printf(arena,
                                         "%s{\"add\":{\"path\":\"f%" PRId64
                                         "\",\"partitionValues\":{},\"size\":1,"
                                         "\"modificationTime\":1,\"dataChange\":true}}\n",
                                         v ? "" : head, v));
        if (v == 4 || v == 8) checkpoint(v, 0);
    }
    char *sidecars = test_list(path_of(SILT_LOG_DIR "_sidecars"));
    assert_int_equal(strlen(sidecars), 2 * (36 + 8 + 1));
    for (char *at = strtok(sidecars, "\n"); at; at = strtok(NULL, "\n"))
        age(silt_arena_printf(arena, SILT_LOG_DIR "_sidecars/%s", at), 50);
    free(sidecars);
    for (int64_t v = 0; v <= LAST; v++)
        age(file(v, "json"), 10 * (LAST - v));
    put_sidecar("stray.parquet", 3);
    put_sidecar("in the making.parquet", 0);
    assert_ok(cleanup(store, -1));
    assert_int_equal(result.first_version, 8);
    assert_int_equal(result.deleted, 8 + 1 + 2);
    char *left = test_list(path_of(SILT_LOG_DIR "_sidecars"));
    assert_non_null(strstr(left, "in the making"));
    assert_null(strstr(left, "stray"));
    assert_int_equal(strlen(left), 36 + 8 + 1 + sizeof("in the making.parquet"));
    free(left);
    assert_readable_from(8);
}

/* ---- interruptions */

/* The log as it was made, to be put back before each try. */
typedef struct saved {
    const char *key;
    silt_bytes body;
    int64_t mtime_ns;
} saved;
static SILT_VEC(saved) log_files;

static bool save(void *ctx, const silt_object *object)
{
    (void)ctx;
    saved one = {.key = silt_arena_strdup(arena, object->key), .mtime_ns = object->mtime_ns};
    assert_ok(silt_store_get_all(store, one.key, arena, &one.body, &err));
    return silt_vec_push(&log_files, one);
}

static void put_back(void)
{
    for (size_t i = 0; i < log_files.count; i++) {
        const saved *f = &log_files.items[i];
        const struct timespec at = {f->mtime_ns / 1000000000, f->mtime_ns % 1000000000};
        assert_ok(store->ops->put(store, f->key, f->body, &err));
        assert_int_equal(utimensat(AT_FDCWD, path_of(f->key), (const struct timespec[]){at, at}, 0),
                         0);
    }
}

static void no_lost_call_harms(void **state)
{
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                            SILT_FAULT_CRASH};
    (void)state;
    assert_ok(store->ops->list(store, SILT_LOG_DIR, NULL, true, save, NULL, &err));
    for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
        bool fired = true;
        for (int n = 1; fired; n++) {
            silt_fault_run run = {0};
            const silt_fault_plan plan = {.kind = kinds[k], .at = n, .run = &run};
            SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
            (void)cleanup(flaky, -1);
            fired = run.fired;
            assert_int_equal(files_at(8), 9);
            assert_int_equal(files_at(SILT_LATEST), LAST + 1);
            assert_ok(cleanup(store, -1));
            assert_int_equal(files_at(8), 9);
            assert_false(is_there(file(0, "json")) || is_there(file(7, "json")));
            put_back();
        }
    }
    silt_vec_free(&log_files);
}

/* ---- by itself */

static void checkpoints_clean_up_unless_told_not_to(void **state)
{
    (void)state;
    const char *settings[] = {"\"delta.checkpointInterval\":\"2\","
                              "\"delta.enableExpiredLogCleanup\":\"False\"",
                              "\"delta.checkpointInterval\":\"2\""};
    for (int i = 0; i < 2; i++) {
        SILT_CLEAN(silt_buf) lines = {0};
        silt_buf_printf(&lines, METADATA("%s"), settings[i]);
        test_table_put(store, LAST + 1 + 2 * i, lines.data);
        test_table_put(store, LAST + 2 + 2 * i, "{\"commitInfo\":{}}\n");
        SILT_AUTO(silt_snapshot) s = NULL;
        assert_ok(silt_snapshot_open(store, engine, NULL, &s, &err));
        assert_ok(silt_table_maintain(s, &err));
        assert_true(is_there(file(LAST + 2 + 2 * i, "checkpoint.parquet")));
        assert_int_equal(is_there(file(0, "json")), i == 0);
    }
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_EMPTY(name) cmocka_unit_test_setup_teardown(name, set_up_nothing, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_checkpoint_stands_for_goes),
        TEST(without_an_old_checkpoint_nothing_goes),
        TEST(the_newest_checkpoint_that_is_old_enough_counts),
        TEST(a_checkpoint_that_cant_be_read_stands_for_nothing),
        TEST(protected_versions_stay),
        TEST_EMPTY(times_count_as_the_table_has_them),
        TEST_EMPTY(sidecars_go_with_their_checkpoints),
        TEST(no_lost_call_harms),
        TEST(checkpoints_clean_up_unless_told_not_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
