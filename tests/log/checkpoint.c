/* Checkpoints written and read back through the engine, alone and under a tail of commits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/logs.h"
#include "log/model.h"
#include "log/state.h"
#include "store/fault.h"
#include "support/files.h"

static silt_engine *engine;
static char *scratch;

static int set_up_all(void **state)
{
    (void)state;
    scratch = test_dir_new();
    return silt_engine_open(NULL, &engine, &err) == SILT_OK ? 0 : -1;
}

static int tear_down_all(void **state)
{
    (void)state;
    char *left = test_list(scratch);
    assert_string_equal(left, ""); /* nobody leaves anything behind */
    free(left);
    test_dir_free(scratch);
    silt_engine_free(engine);
    return 0;
}

static silt_status write_checkpoint(silt_store *s, int64_t version, int64_t now_ms)
{
    silt_log_segment segment = {0};
    err = (silt_error){0};
    assert_ok(silt_log_segment_load(store, version, arena, &segment, &err));
    const silt_log_checkpoint_spec spec = {.now_ms = now_ms, .scratch = scratch};
    return silt_log_checkpoint_write(s, engine, &segment, &spec, arena, NULL, &err);
}

static silt_log_files files_of(silt_log_segment segment)
{
    silt_log_files files = {0};
    assert_ok(silt_log_files_load(store, engine, &segment, true, arena, &files, &err));
    return files;
}

static silt_log_state state_of(silt_log_segment segment)
{
    silt_log_state s = {0};
    assert_ok(silt_log_state_load(store, engine, &segment, arena, &s, &err));
    return s;
}

static const char *json_of(const silt_action *action)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_action_write(action, &buf);
    return silt_buf_copy(&buf, arena);
}

static const char *hint_text(void)
{
    silt_bytes text;
    assert_ok(silt_store_get_all(store, SILT_LOG_HINT_KEY, arena, &text, &err));
    return text.data;
}

/* ---- what goes in comes out */

#define BIG_ADD                                                                             \
    "{\"add\":{\"path\":\"a=1/"                                                             \
    "b%20c\",\"partitionValues\":{\"a\":\"1\",\"n\":null,\"q\\\"\":\"x\\\\\"},"             \
    "\"size\":9,\"modificationTime\":8,\"dataChange\":false,"                               \
    "\"stats\":\"{\\\"numRecords\\\":1}\",\"tags\":{\"t\":\"u\"},"                          \
    "\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"x\\\\y\",\"offset\":4," \
    "\"sizeInBytes\":40,\"cardinality\":6,\"maxRowIndex\":77},\"baseRowId\":3,"             \
    "\"defaultRowCommitVersion\":2,\"clusteringProvider\":\"liquid\"}}\n"
#define SMALL_ADD                                                                        \
    "{\"add\":{\"path\":\"p\",\"partitionValues\":{},\"size\":0,\"modificationTime\":0," \
    "\"dataChange\":false}}\n"
#define BIG_REMOVE                                                                          \
    "{\"remove\":{\"path\":\"r\",\"deletionTimestamp\":2000000000000,\"dataChange\":false," \
    "\"extendedFileMetadata\":true,\"partitionValues\":{\"a\":\"\"},\"size\":5,"            \
    "\"deletionVector\":{\"storageType\":\"i\",\"pathOrInlineDv\":\"q\",\"sizeInBytes\":1," \
    "\"cardinality\":1},\"baseRowId\":0,\"defaultRowCommitVersion\":1}}\n"
#define SMALL_REMOVE \
    "{\"remove\":{\"path\":\"s\",\"deletionTimestamp\":2000000000000,\"dataChange\":false}}\n"
#define BIG_METADATA                                                                            \
    "{\"metaData\":{\"id\":\"i\",\"name\":\"n\",\"description\":\"\",\"format\":{\"provider\":" \
    "\"parquet\",\"options\":{\"o\":\"p\"}},\"schemaString\":\"{\\\"type\\\":\\\"struct\\\","   \
    "\\\"fields\\\":[]}\",\"partitionColumns\":[\"a\",\"n\"],\"configuration\":{\"x\":"         \
    "\"caf\xc3\xa9\"},"                                                                         \
    "\"createdTime\":11}}\n"
#define BIG_PROTOCOL                                                                      \
    "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[]," \
    "\"writerFeatures\":[\"domainMetadata\",\"timestampNtz\"]}}\n"
#define SOME_TXN "{\"txn\":{\"appId\":\"x\",\"version\":4,\"lastUpdated\":9}}\n"
#define SOME_DOMAIN \
    "{\"domainMetadata\":{\"domain\":\"d\",\"configuration\":\"{}\",\"removed\":false}}\n"

static void every_member_survives(void **state)
{
    (void)state;
    put_commit(
        0, BIG_PROTOCOL BIG_METADATA SOME_TXN SOME_DOMAIN BIG_ADD SMALL_ADD BIG_REMOVE SMALL_REMOVE
        "{\"domainMetadata\":{\"domain\":\"e\",\"removed\":true}}\n");
    assert_ok(write_checkpoint(store, -1, 2000000000000));

    silt_log_segment segment = segment_at(-1);
    assert_int_equal(segment.checkpoint_version, 0);
    silt_log_state s = state_of(segment);
    assert_string_equal(json_of(&(silt_action){SILT_ACTION_PROTOCOL, {.protocol = s.protocol}}),
                        BIG_PROTOCOL);
    assert_string_equal(json_of(&(silt_action){SILT_ACTION_METADATA, {.metadata = s.metadata}}),
                        BIG_METADATA);
    assert_int_equal(s.app_txn_count, 1);
    assert_string_equal(json_of(&(silt_action){SILT_ACTION_APP_TXN, {.app_txn = s.app_txns[0]}}),
                        SOME_TXN);
    assert_int_equal(s.domain_count, 1);
    assert_string_equal(json_of(&(silt_action){SILT_ACTION_DOMAIN, {.domain = s.domains[0]}}),
                        SOME_DOMAIN);
    assert_int_equal(s.timestamp_ms, segment.mtime_ms);

    silt_log_files files = files_of(segment);
    assert_int_equal(files.count, 2);
    assert_string_equal(json_of(&(silt_action){SILT_ACTION_ADD, {.add = files.items[0]}}), BIG_ADD);
    assert_string_equal(json_of(&(silt_action){SILT_ACTION_ADD, {.add = files.items[1]}}),
                        SMALL_ADD);
    const silt_remove *removes;
    size_t count;
    assert_ok(silt_log_tombstones_load(store, engine, &segment, 0, arena, &removes, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(json_of(&(silt_action){SILT_ACTION_REMOVE, {.remove = removes[0]}}),
                        BIG_REMOVE);
    assert_string_equal(json_of(&(silt_action){SILT_ACTION_REMOVE, {.remove = removes[1]}}),
                        SMALL_REMOVE);
}

static void the_hint_says_what_was_written(void **state)
{
    (void)state;
    put_commit(0, PROTOCOL METADATA ADD("a") ADD("b"));
    put_commit(1, SOME_TXN);
    assert_ok(write_checkpoint(store, 1, 0));
    silt_object object;
    assert_ok(store->ops->head(store, silt_log_checkpoint_key(arena, 1), arena, &object, &err));
    assert_string_equal(hint_text(),
                        silt_arena_printf(arena,
                                          "{\"version\":1,\"size\":5,\"sizeInBytes\":%" PRId64
                                          ",\"numOfAddFiles\":2}",
                                          object.size_bytes));
    assert_ok(write_checkpoint(store, 0, 0)); /* an older one doesn't turn it back */
    assert_int_equal(silt_log_hint_version(store), 1);
    assert_ok(write_checkpoint(store, 1, 0)); /* again */
    assert_int_equal(files_of(segment_at(-1)).count, 2);
    put(SILT_LOG_HINT_KEY, "garbage");
    assert_ok(write_checkpoint(store, 0, 0));
    assert_int_equal(silt_log_hint_version(store), 0);
}

/* ---- what is left out */

static void old_tombstones_and_txns_are_left_out(void **state)
{
    (void)state;
    const int64_t now = 1700000000000, day = 86400000;
    const char *const tables[] = {
        "{\"metaData\":{\"id\":\"m\"}}\n",
        "{\"metaData\":{\"id\":\"m\",\"configuration\":{\"delta.deletedFileRetentionDuration\":"
        "\"interval 2 days\",\"delta.setTransactionRetentionDuration\":\"interval 2 days\"}}}\n",
        "{\"metaData\":{\"id\":\"m\",\"configuration\":{\"delta.deletedFileRetentionDuration\":"
        "\"a while\",\"delta.setTransactionRetentionDuration\":\"a while\"}}}\n",
    };
    const size_t removes[] = {3, 2, 4}, txns[] = {4, 3, 4};
    for (size_t t = 0; t < SILT_COUNT(tables); t++) {
        SILT_CLEAN(silt_buf) buf = {0};
        silt_buf_printf(&buf, PROTOCOL "%s", tables[t]);
        const int ages[] = {0, 1, 3, 8};
        for (size_t i = 0; i < SILT_COUNT(ages); i++) {
            silt_buf_printf(&buf,
                            "{\"remove\":{\"path\":\"%zu\",\"deletionTimestamp\":%" PRId64 "}}\n",
                            i, now - ages[i] * day);
            if (i < 3)
                silt_buf_printf(&buf,
                                "{\"txn\":{\"appId\":\"%zu\",\"version\":1,\"lastUpdated\":%" PRId64
                                "}}\n",
                                i, now - ages[i] * day);
        }
        silt_buf_puts(&buf, "{\"txn\":{\"appId\":\"undated\",\"version\":1}}\n");
        put_commit((int64_t)t, buf.data);
        assert_ok(write_checkpoint(store, (int64_t)t, now));
        silt_log_checkpoint_files found = {.want_removes = true, .older_than_ms = INT64_MIN};
        silt_log_segment segment = segment_at((int64_t)t);
        assert_ok(silt_log_checkpoint_files_load(store, engine, &segment, arena, &found, &err));
        assert_int_equal(found.remove_count, removes[t]);
        assert_int_equal(state_of(segment).app_txn_count, txns[t]);
        assert_ok(store->ops->remove(store, silt_log_checkpoint_key(arena, (int64_t)t), &err));
    }
}

static void stats_are_left_out_where_the_table_says_so(void **state)
{
    (void)state;
    const char add[] = "{\"add\":{\"path\":\"a\",\"size\":1,\"stats\":\"{}\"}}\n";
    put_commit(0, silt_arena_printf(arena, "%s%s", PROTOCOL METADATA, add));
    assert_ok(write_checkpoint(store, 0, 0));
    assert_string_equal(files_of(segment_at(0)).items[0].stats, "{}");
    put_commit(1, "{\"metaData\":{\"id\":\"m\",\"configuration\":"
                  "{\"delta.checkpoint.writeStatsAsJson\":\"false\"}}}\n");
    assert_ok(write_checkpoint(store, 1, 0));
    assert_null(files_of(segment_at(1)).items[0].stats);
}

/* ---- under a tail, in parts */

static void replay_over_checkpoints_is_what_the_model_says(void **state)
{
    (void)state;
    test_random random = test_random_new();
    model m = {0};
    put_commit(0, PROTOCOL METADATA);
    for (int64_t v = 1; v <= 60; v++) {
        SILT_CLEAN(silt_buf) buf = {0};
        model_commit(&m, &random, v, &buf);
        put_commit(v, buf.data);
        if (test_random_below(&random, 10) == 0) assert_ok(write_checkpoint(store, v, 1000));
        if (test_random_below(&random, 5)) continue;
        const silt_remove *removes;
        size_t count;
        silt_log_segment segment = segment_at(-1);
        assert_model_files(&m, files_of(segment));
        assert_ok(
            silt_log_tombstones_load(store, engine, &segment, 300, arena, &removes, &count, &err));
        assert_model_tombstones(&m, removes, count, 300);
    }
}

/* Two checkpoints of one file each make one of two parts, since actions come in no order. */
static void parts_are_read_as_one(void **state)
{
    (void)state;
    silt_bytes part;
    put_commit(0, PROTOCOL METADATA ADD("a") ADD("b"));
    assert_ok(write_checkpoint(store, 0, 0));
    const char *key = silt_log_checkpoint_key(arena, 0);
    assert_ok(silt_store_get_all(store, key, arena, &part, &err));
    assert_ok(store->ops->put(
        store, SILT_LOG_DIR "00000000000000000001.checkpoint.0000000001.0000000002.parquet", part,
        &err));
    put_commit(0, PROTOCOL METADATA ADD("c") SOME_TXN);
    assert_ok(store->ops->remove(store, key, &err));
    assert_ok(write_checkpoint(store, 0, 0));
    assert_ok(silt_store_get_all(store, key, arena, &part, &err));
    assert_ok(store->ops->put(
        store, SILT_LOG_DIR "00000000000000000001.checkpoint.0000000002.0000000002.parquet", part,
        &err));
    put_commit(1, SOME_TXN);
    put_commit(2, REMOVE("b"));
    silt_log_segment segment = segment_at(-1);
    assert_int_equal(segment.checkpoint_keys.count, 2);
    silt_log_files files = files_of(segment);
    assert_int_equal(files.count, 2);
    assert_string_equal(files.items[0].path, "a");
    assert_string_equal(files.items[1].path, "c");
    assert_int_equal(state_of(segment).app_txn_count, 1);
}

static void more_than_a_batch_of_files(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_puts(&buf, PROTOCOL METADATA);
    for (int i = 0; i < 5000; i++)
        silt_buf_printf(
            &buf, "{\"add\":{\"path\":\"f%d\",\"size\":%d,\"partitionValues\":{\"p\":\"%d\"}}}\n",
            i, i, i % 3);
    put_commit(0, buf.data);
    assert_ok(write_checkpoint(store, 0, 0));
    put_commit(1, REMOVE("f4999") ADD("new"));
    silt_log_files files = files_of(segment_at(-1));
    assert_int_equal(files.count, 5000);
    assert_string_equal(files.items[0].path, "new");
    assert_int_equal(files.size_bytes, 4998 * 4999 / 2 + 10);
    assert_ptr_equal(files.items[1].partition_values.items, files.items[4].partition_values.items);
}

/* ---- bad input, failures */

static void broken_checkpoints_are_told(void **state)
{
    (void)state;
    silt_log_state s;
    silt_log_files files;
    put_commit(3, ADD("a"));
    put(silt_log_checkpoint_key(arena, 2), "not Parquet at all");
    silt_log_segment segment = segment_at(-1);
    assert_status(silt_log_state_load(store, engine, &segment, arena, &s, &err), SILT_CORRUPT);
    assert_contains(err.message, "checkpoint 2");
    assert_status(silt_log_files_load(store, engine, &segment, true, arena, &files, &err),
                  SILT_CORRUPT);
}

static void a_checkpoint_without_protocol_is_told(void **state)
{
    (void)state;
    silt_log_state s;
    put_commit(0, PROTOCOL METADATA);
    assert_ok(write_checkpoint(store, 0, 0));
    silt_log_segment segment = segment_at(0);
    assert_ok(silt_log_checkpoint_state(store, engine, &segment, arena, &s, &err));
    assert_int_equal(s.protocol.min_writer, 2);
    put_commit(0, METADATA);
    assert_ok(store->ops->remove(store, silt_log_checkpoint_key(arena, 0), &err));
    assert_status(write_checkpoint(store, 0, 0), SILT_CORRUPT);
}

static void unwritable_tables_get_no_checkpoint(void **state)
{
    (void)state;
    put_commit(0, METADATA "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,"
                           "\"writerFeatures\":[\"from the future\"]}}\n");
    assert_status(write_checkpoint(store, 0, 0), SILT_UNSUPPORTED);
    assert_int_equal(segment_at(-1).checkpoint_version, -1);
}

/* Whichever call of the store fails, no hint names what isn't there, and the table reads the same.
 */
static void no_failure_harms_the_table(void **state)
{
    (void)state;
    put_commit(0, PROTOCOL METADATA ADD("a") ADD("b"));
    bool fired = true;
    for (int64_t n = 1; fired && n < 50; n++) {
        silt_fault_run run = {0};
        const silt_fault_plan plan = {
            .kind = SILT_FAULT_BEFORE_EFFECT, .at = n, .hide_local_path = true, .run = &run};
        SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
        (void)write_checkpoint(flaky, 0, 0);
        fired = run.fired;
        silt_log_segment segment = segment_at(-1);
        if (silt_log_hint_version(store) >= 0) assert_int_equal(segment.checkpoint_version, 0);
        assert_int_equal(files_of(segment).count, 2);
        assert_ok(store->ops->remove(store, SILT_LOG_HINT_KEY, &err));
        assert_ok(store->ops->remove(store, silt_log_checkpoint_key(arena, 0), &err));
    }
    assert_false(fired);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_member_survives),
        TEST(the_hint_says_what_was_written),
        TEST(old_tombstones_and_txns_are_left_out),
        TEST(stats_are_left_out_where_the_table_says_so),
        TEST(replay_over_checkpoints_is_what_the_model_says),
        TEST(parts_are_read_as_one),
        TEST(more_than_a_batch_of_files),
        TEST(broken_checkpoints_are_told),
        TEST(a_checkpoint_without_protocol_is_told),
        TEST(unwritable_tables_get_no_checkpoint),
        TEST(no_failure_harms_the_table),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
