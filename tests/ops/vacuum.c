/* Vacuum: what is in use stays, what has expired goes, and no interruption harms anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/seam.h"
#include "silt/maintain.h"
#include "store/fault.h"
#include "support/files.h"
#include "support/table.h"

#define HOUR_MS INT64_C(3600000)
#define DV_FILE "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"

static char *dir, *outside;
static silt_store *store;
static silt_arena *arena;
static silt_error err;
static silt_vacuum_result result;
static SILT_VEC(const char *) told;

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
    return lstat(path_of(key), &st) == 0;
}

static void age(const char *key, int hours)
{
    int64_t s = silt_now_ms(&silt_clock_system) / 1000 - hours * INT64_C(3600);
    const struct timespec times[] = {{.tv_sec = s}, {.tv_sec = s}};
    assert_int_equal(utimensat(AT_FDCWD, path_of(key), times, AT_SYMLINK_NOFOLLOW), 0);
}

static void put_file(const char *key, int hours)
{
    test_write(dir, key, "12345");
    age(key, hours);
}

static void put_commit(int64_t version, const char *lines)
{
    test_table_put(store, version, lines);
}

#define FILE_OF(name, more)                                                            \
    "{\"add\":{\"path\":\"" name "\",\"partitionValues\":{\"_day\":\"1\"},\"size\":5," \
    "\"modificationTime\":1,\"dataChange\":true" more "}}\n"
#define DV_OF(type, path)                                                                \
    ",\"deletionVector\":{\"storageType\":\"" type "\",\"pathOrInlineDv\":\"" path "\"," \
    "\"offset\":1,\"sizeInBytes\":40,\"cardinality\":1}"
#define GONE(name, more)                                                \
    "{\"remove\":{\"path\":\"" name "\",\"deletionTimestamp\":%" PRId64 \
    ",\"dataChange\":true" more "}}\n"

/* Files old enough to go but for what the table says, and one of each kind that stays. */
static const char *const staying[] = {
    "_day=1/live",
    "_day=1/just removed",
    "100% live",
    DV_FILE,
    "young",
    "_silt/ledger/1.parquet",
    ".hidden/x",
    "_other/x",
    "_x=1/x",
    "_day=1/.crc",
    "_silt/scratch/now/x",
    "dv.bin",
    "absolutely",
    "_delta_log/_sidecars/x",
    "metadata/v1.metadata.json", /* for readers of Iceberg */
    "within/it/part-1",          /* another table's */
    "within/it/_delta_log/00000000000000000000.json",
    "within/it/day=1/part-2",
};
static const char *const going[] = {"_change_data/cdc-1",
                                    "_day=1/long removed",
                                    "_day=1/stray",
                                    "removed.bin",
                                    "deep/down/stray",
                                    ".silt-tmp-1",
                                    "_day=1/.silt-tmp-2",
                                    "_delta_log/.silt-tmp-3",
                                    "_silt/scratch/dead/part-1.parquet",
                                    "_silt/scratch/part-2.parquet"};

static void make_table(void)
{
    int64_t now = silt_now_ms(&silt_clock_system);
    put_commit(0, "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
                  "\"readerFeatures\":[\"deletionVectors\"],\"writerFeatures\":"
                  "[\"deletionVectors\",\"appendOnly\"]}}\n"
                  "{\"metaData\":{\"id\":\"m\",\"format\":{\"provider\":\"parquet\"},"
                  "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":["
                  "{\\\"name\\\":\\\"_day\\\",\\\"type\\\":\\\"string\\\",\\\"nullable\\\":true,"
                  "\\\"metadata\\\":{}}]}\",\"partitionColumns\":[\"_day\"],"
                  "\"configuration\":{}}}\n");
    put_commit(1, FILE_OF("_day=1/live", DV_OF("u", "ab^-aqEH.-t@S}K{vb[*k^"))
                      FILE_OF("_day=1/long%20removed", "") FILE_OF("_day=1/just%20removed", "")
                          FILE_OF("100%25 live", ""));
    const char *lines =
        silt_arena_printf(arena,
                          GONE("_day=1/long%%20removed", "") GONE("_day=1/just%%20removed", "")
                              FILE_OF("file://%s/absolutely", DV_OF("p", "file://%s/dv.bin"))
                                  GONE("x", DV_OF("p", "file://%s/removed.bin")),
                          now - 200 * HOUR_MS, now - HOUR_MS, dir, dir, now - 200 * HOUR_MS, dir);
    put_commit(2, lines);
}

static int set_up(void **state)
{
    (void)state;
    arena = silt_arena_new();
    dir = test_dir_new();
    outside = test_dir_new();
    err = (silt_error){0};
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    opts.no_durability = true;
    assert_ok(silt_store_open(dir, &opts, &store, &err));
    make_table();
    for (size_t i = 0; i < SILT_COUNT(staying); i++)
        put_file(staying[i], 1000);
    for (size_t i = 0; i < SILT_COUNT(going); i++)
        put_file(going[i], 1000);
    age("young", 167);
    age("_silt/scratch/dead", 1000);
    age("_silt/scratch/now/x", 1);
    test_write(outside, "theirs", "12345");
    assert_int_equal(symlink(outside, path_of("link")), 0);
    assert_int_equal(symlink(silt_arena_printf(arena, "%s/theirs", outside), path_of("one")), 0);
    const struct timespec old[] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, silt_arena_printf(arena, "%s/theirs", outside), old, 0),
                     0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    silt_vec_free(&told);
    silt_store_free(store);
    test_dir_free(dir);
    test_dir_free(outside);
    silt_arena_free(arena);
    return 0;
}

static bool tell(void *ctx, const char *path, int64_t size_bytes)
{
    (void)ctx;
    assert_int_equal(size_bytes, 5);
    return silt_vec_push(&told, silt_arena_strdup(arena, path));
}

static silt_status vacuum(silt_store *s, silt_vacuum_options opts)
{
    told.count = 0;
    opts.deleted = tell;
    return silt_vacuum(s, NULL, &opts, &result, &err);
}

static const silt_vacuum_options plain = SILT_VACUUM_OPTIONS_INIT;

static void assert_kept(void)
{
    for (size_t i = 0; i < SILT_COUNT(staying); i++)
        if (!is_there(staying[i])) fail_msg("%s was deleted", staying[i]);
    assert_true(is_there("link") && is_there("one"));
    assert_int_equal(access(silt_arena_printf(arena, "%s/theirs", outside), F_OK), 0);
}

static void assert_told(const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t t = 0; t < told.count; t++)
            found |= strcmp(told.items[t], keys[i]) == 0;
        if (!found) fail_msg("%s was not told", keys[i]);
    }
    assert_int_equal(told.count, count);
    assert_int_equal(result.deleted, count);
    assert_int_equal(result.size_bytes, 5 * count);
}

static int64_t newest(void)
{
    SILT_AUTO(silt_snapshot) s = test_table_open(store);
    return silt_snapshot_version(s);
}

/* ---- */

static void what_expired_goes_and_all_else_stays(void **state)
{
    (void)state;
    assert_ok(vacuum(store, plain));
    assert_told(going, SILT_COUNT(going));
    for (size_t i = 0; i < SILT_COUNT(going); i++)
        if (is_there(going[i])) fail_msg("%s is still there", going[i]);
    assert_kept();
    assert_false(is_there("_silt/scratch/dead"));
    assert_int_equal(result.table_version, 4);
}

static void a_dry_run_tells_the_same_and_does_nothing(void **state)
{
    (void)state;
    silt_vacuum_options opts = plain;
    opts.dry_run = true;
    assert_ok(vacuum(store, opts));
    assert_told(going, SILT_COUNT(going));
    for (size_t i = 0; i < SILT_COUNT(going); i++)
        assert_true(is_there(going[i]));
    assert_kept();
    assert_int_equal(newest(), 2);
}

static void lite_goes_by_the_log(void **state)
{
    (void)state;
    static const char *const named[] = {"_day=1/long removed", "removed.bin"};
    silt_vacuum_options opts = plain;
    opts.lite = true;
    assert_ok(vacuum(store, opts));
    assert_told(named, SILT_COUNT(named));
    assert_kept();
    assert_true(is_there("_day=1/stray") && is_there(".silt-tmp-1"));
}

static void the_history_tells(void **state)
{
    (void)state;
    silt_commit_info info;
    assert_ok(vacuum(store, plain));
    assert_ok(silt_log_commit_info(store, 3, arena, &info, &err));
    assert_string_equal(info.operation, "VACUUM START");
    /* six by listing; what Silt itself left isn't the table's history */
    assert_non_null(strstr(info.json, "\"numFilesToDelete\":\"5\""));
    assert_non_null(strstr(info.json, "\"sizeOfDataToDelete\":\"25\""));
    assert_non_null(strstr(info.json, "\"defaultRetentionMillis\":604800000"));
    assert_ok(silt_log_commit_info(store, 4, arena, &info, &err));
    assert_string_equal(info.operation, "VACUUM END");
    assert_non_null(strstr(info.json, "\"status\":\"COMPLETED\""));
    assert_ok(vacuum(store, plain)); /* nothing is left: nothing to tell */
    assert_int_equal(result.deleted, 0);
    assert_int_equal(newest(), 4);
}

static void a_short_retention_is_asked_for(void **state)
{
    (void)state;
    silt_vacuum_options opts = plain;
    opts.retention_ms = 167 * HOUR_MS;
    assert_int_equal(vacuum(store, opts), SILT_INVALID);
    assert_non_null(strstr(err.message, "167 hours"));
    assert_true(is_there(going[0]));
    opts.allow_short = true;
    opts.retention_ms = 166 * HOUR_MS;
    assert_ok(vacuum(store, opts));
    assert_false(is_there("young"));
    assert_true(is_there("_day=1/just removed"));
    opts.retention_ms = 0;
    assert_ok(vacuum(store, opts));
    assert_false(is_there("_day=1/just removed") || is_there("_silt/scratch/now/x"));
    assert_true(is_there("_day=1/live") && is_there(DV_FILE) && is_there("_silt/ledger/1.parquet"));
}

static void the_tables_retention_counts(void **state)
{
    (void)state;
    silt_vacuum_options opts = plain;
    opts.retention_ms = 2000 * HOUR_MS;
    assert_ok(vacuum(store, opts));
    assert_int_equal(result.deleted, 0);
    opts.retention_ms = 300 * HOUR_MS; /* the removed files were needed since */
    assert_ok(vacuum(store, opts));
    assert_true(is_there("_day=1/long removed") && is_there("removed.bin"));
    assert_false(is_there("_day=1/stray"));
}

static void features_are_asked_first(void **state)
{
    (void)state;
    put_commit(3, "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
                  "\"readerFeatures\":[\"vacuumProtocolCheck\"],\"writerFeatures\":"
                  "[\"vacuumProtocolCheck\",\"from the future\"]}}\n");
    assert_int_equal(vacuum(store, plain), SILT_UNSUPPORTED);
    assert_non_null(strstr(err.message, "from the future"));
    for (size_t i = 0; i < SILT_COUNT(going); i++)
        assert_true(is_there(going[i]));
}

/* ---- others, and interruptions */

/* Just before the first file goes, somebody brings it back. */
static void brings_back(void *ctx, silt_fault_when when, const char *op, const char *key,
                        int64_t call)
{
    bool *done = ctx;
    (void)call;
    if (*done || when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0 || !strstr(key, "03.json"))
        return;
    *done = true;
    put_commit(3, FILE_OF("_day=1/long%20removed", ""));
}

static void a_file_that_comes_back_stays(void **state)
{
    (void)state;
    bool done = false;
    const silt_fault_plan plan = {.hook = brings_back, .hook_ctx = &done};
    SILT_AUTO(silt_store) busy = silt_store_fault_new(store, &plan);
    assert_ok(vacuum(busy, plain));
    assert_true(done);
    assert_true(is_there("_day=1/long removed"));
    assert_false(is_there("_day=1/stray"));
}

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
            (void)vacuum(flaky, plain);
            fired = run.fired;
            assert_kept();
            silt_store_free(SILT_TAKE(flaky));
            err = (silt_error){0};
            assert_ok(vacuum(store, plain));
            for (size_t i = 0; i < SILT_COUNT(going); i++)
                if (is_there(going[i])) fail_msg("%s is still there after call %d", going[i], n);
            assert_kept();
            tear_down(state);
            set_up(state);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_expired_goes_and_all_else_stays),
        TEST(a_dry_run_tells_the_same_and_does_nothing),
        TEST(lite_goes_by_the_log),
        TEST(the_history_tells),
        TEST(a_short_retention_is_asked_for),
        TEST(the_tables_retention_counts),
        TEST(features_are_asked_first),
        TEST(a_file_that_comes_back_stays),
        TEST(no_lost_call_harms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
