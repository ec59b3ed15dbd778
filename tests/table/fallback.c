/* A checkpoint that can't be read: the table is opened another way, or the file is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/fault.h"
#include "support/files.h"
#include "support/table.h"

#define UUID "80a083e8-7026-4e79-81be-64bd76c43a11"
#define LAST 12

static silt_engine *engine;
static silt_store *store;
static silt_arena *arena;
static silt_error err;
static char *scratch;

#define assert_ok(call)                                                                          \
    do {                                                                                         \
        silt_status got_ = (call);                                                               \
        if (got_ != SILT_OK) fail_msg("%s: %s: %s", #call, silt_status_name(got_), err.message); \
    } while (0)

static const char *checkpoint(int64_t version)
{
    return silt_log_checkpoint_key(arena, version);
}

static void write_checkpoint(int64_t version)
{
    silt_log_segment segment;
    assert_ok(silt_log_segment_load(store, version, arena, &segment, &err));
    const silt_log_checkpoint_spec spec = {.scratch = scratch};
    assert_ok(silt_log_checkpoint_write(store, engine, &segment, &spec, arena, NULL, &err));
}

/* Files f0 … f12, one a commit; f1 is removed again by 6. Checkpoints of 4 and 8, no .crc. */
static int set_up(void **state)
{
    (void)state;
    err = (silt_error){0};
    arena = silt_arena_new();
    scratch = test_dir_new();
    store = silt_store_mem_new();
    assert_ok(silt_engine_open(NULL, &engine, &err));
    for (int64_t v = 0; v <= LAST; v++) {
        SILT_CLEAN(silt_buf) buf = {0};
        if (v == 0)
            silt_buf_puts(&buf, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
                                "{\"metaData\":{\"id\":\"m\",\"schemaString\":\"{\\\"type\\\":"
                                "\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":[]}}\n");
        if (v == 6)
            silt_buf_puts(&buf, "{\"remove\":{\"path\":\"f1\",\"deletionTimestamp\":1,"
                                "\"dataChange\":true,\"size\":10}}\n");
        silt_buf_printf(&buf,
                        "{\"add\":{\"path\":\"f%" PRId64 "\",\"partitionValues\":{},\"size\":10,"
                        "\"modificationTime\":1,\"dataChange\":true}}\n"
                        "{\"txn\":{\"appId\":\"a\",\"version\":%" PRId64 "}}\n",
                        v, v);
        test_table_put(store, v, buf.data);
    }
    write_checkpoint(4);
    write_checkpoint(8);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    silt_store_free(store);
    silt_engine_free(engine);
    silt_arena_free(arena);
    test_dir_free(scratch);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static silt_status open_at(int64_t version, silt_snapshot **out)
{
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    opts.version = version;
    err = (silt_error){0};
    return silt_snapshot_open(store, engine, &opts, out, &err);
}

static void assert_files(silt_snapshot *s, int64_t version)
{
    const silt_add *adds;
    size_t count;
    assert_int_equal(silt_snapshot_version(s), version);
    assert_int_equal(silt_snapshot_app_version(s, "a"), version);
    assert_ok(silt_snapshot_adds(s, &adds, &count, &err));
    assert_int_equal(count, version + 1 - (version >= 6));
    for (size_t i = 0; i < count; i++)
        assert_false(version >= 6 && strcmp(adds[i].path, "f1") == 0);
    assert_string_equal(err.message, "");
}

static void assert_table(int64_t version)
{
    SILT_AUTO(silt_snapshot) s = NULL;
    assert_ok(open_at(version, &s));
    assert_files(s, version < 0 ? LAST : version);
}

static void assert_refused(const char *words)
{
    silt_snapshot *s = NULL;
    silt_status st = open_at(SILT_LATEST, &s);
    if (st != SILT_CORRUPT || !strstr(err.message, words))
        fail_msg("%s: %s", silt_status_name(st), err.message);
    assert_null(s);
}

static void cut(const char *key)
{
    silt_bytes whole;
    assert_ok(silt_store_get_all(store, key, arena, &whole, &err));
    whole.size = whole.size * 2 / 3;
    assert_ok(store->ops->put(store, key, whole, &err));
}

static void drop_commits(int64_t first, int64_t last)
{
    for (int64_t v = first; v <= last; v++)
        assert_ok(store->ops->remove(store, silt_log_commit_key(arena, v), &err));
}

static void put_v2(int64_t version, const char *lines)
{
    const char *key =
        silt_arena_printf(arena, SILT_LOG_DIR "%020" PRId64 ".checkpoint." UUID ".json", version);
    assert_ok(store->ops->put(store, key, silt_bytes_of(lines), &err));
}

static void a_cut_checkpoint_gives_way_to_an_older_one(void **state)
{
    (void)state;
    assert_table(SILT_LATEST);
    cut(checkpoint(8));
    drop_commits(0, 3); /* so that 4 it is */
    assert_table(SILT_LATEST);
    assert_table(8);
    assert_table(7);
}

static void commits_do_without_checkpoints(void **state)
{
    (void)state;
    cut(checkpoint(8));
    cut(checkpoint(4));
    assert_table(SILT_LATEST);
    assert_table(5);
    assert_ok(store->ops->put(store, checkpoint(8), (silt_bytes){"", 0}, &err));
    assert_ok(store->ops->put(store, checkpoint(4), silt_bytes_of("PAR1garbagePAR1"), &err));
    assert_table(SILT_LATEST);
}

static void where_no_way_is_left_the_newest_is_named(void **state)
{
    (void)state;
    cut(checkpoint(8));
    cut(checkpoint(4));
    drop_commits(0, 0);
    assert_refused("00000000000000000008.checkpoint.parquet");
    assert_non_null(strstr(err.hint, "restore that file"));
}

static void a_gap_is_no_way(void **state)
{
    (void)state;
    cut(checkpoint(8));
    drop_commits(6, 6);
    assert_refused("00000000000000000008.checkpoint.parquet");
    assert_table(5);
}

static void a_missing_sidecar_is_missed_when_files_are_listed(void **state)
{
    (void)state;
    assert_ok(store->ops->remove(store, checkpoint(8), &err));
    put_v2(8,
           "{\"checkpointMetadata\":{\"version\":8}}\n"
           "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
           "{\"metaData\":{\"id\":\"of the checkpoint\"}}\n"
           "{\"txn\":{\"appId\":\"a\",\"version\":8}}\n"
           "{\"sidecar\":{\"path\":\"gone.parquet\",\"sizeInBytes\":9,\"modificationTime\":1}}\n");
    SILT_AUTO(silt_snapshot) s = NULL;
    assert_ok(open_at(SILT_LATEST, &s));
    assert_string_equal(silt_snapshot_table_id(s), "of the checkpoint"); /* it was good for that */
    assert_files(s, LAST);
    assert_files(s, LAST);
    drop_commits(6, 7);
    SILT_AUTO(silt_snapshot) stuck = NULL;
    const silt_add *adds;
    size_t count;
    assert_ok(open_at(SILT_LATEST, &stuck));
    assert_int_not_equal(silt_snapshot_adds(stuck, &adds, &count, &err), SILT_OK);
    assert_non_null(strstr(err.message, "gone.parquet"));
}

static void a_checkpoint_without_metadata_is_none(void **state)
{
    (void)state;
    assert_ok(store->ops->remove(store, checkpoint(8), &err));
    put_v2(8, "{\"checkpointMetadata\":{\"version\":8}}\n"
              "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n");
    assert_table(SILT_LATEST);
    drop_commits(6, 7);
    assert_refused(UUID ".json has no metaData action");
}

/* What was opened stays good as long as there is any way to its files. */
static void a_held_snapshot_finds_its_files(void **state)
{
    (void)state;
    SILT_AUTO(silt_snapshot) s = NULL;
    assert_ok(open_at(SILT_LATEST, &s));
    assert_ok(store->ops->remove(store, checkpoint(8), &err));
    cut(checkpoint(4));
    assert_files(s, LAST);
}

static void broken_commits_are_not_the_checkpoints_fault(void **state)
{
    (void)state;
    const char *key = silt_log_commit_key(arena, 10);
    assert_ok(store->ops->put(store, key, silt_bytes_of("{\"txn\":{}}\n"), &err));
    assert_refused("commit 10, line 1: ");
}

/* Only what lies there is held against a checkpoint, not that it can't be reached just now. */
static void a_store_that_refuses_is_heard(void **state)
{
    (void)state;
    const silt_fault_plan plan = {.kind = SILT_FAULT_BEFORE_EFFECT,
                                  .at = 1,
                                  .ops = SILT_FAULT_GET_FILE,
                                  .status = SILT_DENIED};
    SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
    SILT_AUTO(silt_snapshot) s = NULL;
    assert_int_equal(silt_snapshot_open(flaky, engine, NULL, &s, &err), SILT_DENIED);
}

/* What an append has to know costs the same however many files and whatever kind of checkpoint. */
static void with_a_crc_no_checkpoint_is_touched(void **state)
{
    (void)state;
    const char *crc = "{\"txnId\":\"t\",\"tableSizeBytes\":120,\"numFiles\":12,\"numMetadata\":1,"
                      "\"numProtocol\":1,\"setTransactions\":[{\"appId\":\"a\",\"version\":12}],"
                      "\"metadata\":{\"id\":\"of the crc\"},\"domainMetadata\":[],"
                      "\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
                      "\"readerFeatures\":[\"v2Checkpoint\"],\"writerFeatures\":"
                      "[\"v2Checkpoint\"]}}";
    int64_t files, bytes;
    put_v2(11, "not even JSON");
    assert_ok(store->ops->remove(store, silt_log_commit_key(arena, LAST), &err));
    test_table_put(store, LAST, "{\"commitInfo\":{\"txnId\":\"t\"}}\n");
    assert_ok(store->ops->put(store, silt_log_crc_key(arena, LAST), silt_bytes_of(crc), &err));
    SILT_AUTO(silt_snapshot) s = NULL;
    assert_ok(silt_snapshot_open(store, NULL, NULL, &s, &err)); /* without an engine, too */
    assert_string_equal(silt_snapshot_table_id(s), "of the crc");
    assert_int_equal(silt_snapshot_app_version(s, "a"), 12);
    assert_ok(silt_snapshot_size(s, &files, &bytes, &err));
    assert_int_equal(files, 12);
    assert_int_equal(bytes, 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cut_checkpoint_gives_way_to_an_older_one),
        TEST(commits_do_without_checkpoints),
        TEST(where_no_way_is_left_the_newest_is_named),
        TEST(a_gap_is_no_way),
        TEST(a_missing_sidecar_is_missed_when_files_are_listed),
        TEST(a_checkpoint_without_metadata_is_none),
        TEST(a_held_snapshot_finds_its_files),
        TEST(broken_commits_are_not_the_checkpoints_fault),
        TEST(a_store_that_refuses_is_heard),
        TEST(with_a_crc_no_checkpoint_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
