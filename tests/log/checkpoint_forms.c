/* Checkpoints in parts and V2 ones: what goes in comes out, and nothing that gets lost harms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/logs.h"
#include "log/state.h"
#include "store/fault.h"
#include "support/files.h"

#define V2_PROTOCOL                                                                     \
    "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[" \
    "\"v2Checkpoint\"],\"writerFeatures\":[\"v2Checkpoint\",\"domainMetadata\"]}}\n"
#define POLICY(policy)                                                                             \
    "{\"metaData\":{\"id\":\"m\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"            \
    "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":[]" \
    ",\"configuration\":{\"delta.checkpointPolicy\":\"" policy "\"}}}\n"
#define MORE                                                          \
    "{\"txn\":{\"appId\":\"app\",\"version\":7,\"lastUpdated\":9}}\n" \
    "{\"domainMetadata\":{\"domain\":\"d\",\"configuration\":\"{}\",\"removed\":false}}\n"
#define FILES      1000
#define SPARK_F1   (-1838154678) /* SELECT hash('f1') */
#define SPARK_F123 (-611664727)  /* SELECT hash('f123') */

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

/* Files 0 to 999 but 7, which is removed. */
static void put_table(const char *head)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_puts(&buf, head);
    for (int i = 0; i < FILES; i++)
        silt_buf_printf(&buf,
                        "{\"add\":{\"path\":\"f%d\",\"partitionValues\":{},\"size\":1,"
                        "\"modificationTime\":1,\"dataChange\":true,\"stats\":"
                        "\"{\\\"numRecords\\\":%d}\"}}\n",
                        i, i);
    put(silt_log_commit_key(arena, 0), buf.data);
    put(silt_log_commit_key(arena, 1),
        "{\"remove\":{\"path\":\"f7\",\"deletionTimestamp\":2000000000000,\"dataChange\":true}}\n");
}

static silt_status write_form(silt_store *s, int64_t parts, silt_log_checkpoint_written *out)
{
    silt_log_segment segment;
    const silt_log_checkpoint_spec spec = {
        .now_ms = 2000000000000, .parts = parts, .scratch = scratch};
    err = (silt_error){0};
    assert_ok(silt_log_segment_load(store, -1, arena, &segment, &err));
    return silt_log_checkpoint_write(s, engine, &segment, &spec, arena, out, &err);
}

/* By the checkpoint alone. */
static void assert_whole(size_t key_count)
{
    silt_log_segment segment;
    silt_log_state s;
    silt_log_files files;
    const silt_remove *removes;
    size_t count;
    bool seen[FILES] = {false};
    assert_ok(silt_log_segment_load(store, -1, arena, &segment, &err));
    assert_int_equal(segment.checkpoint_version, 1);
    assert_int_equal(segment.checkpoint_keys.count, key_count);
    assert_ok(silt_log_state_load(store, engine, &segment, arena, &s, &err));
    assert_string_equal(s.metadata.id, "m");
    assert_int_equal(s.app_txn_count, 1);
    assert_int_equal(s.app_txns[0].version, 7);
    assert_int_equal(s.domain_count, 1);
    assert_ok(silt_log_files_load(store, engine, &segment, true, arena, &files, &err));
    assert_int_equal(files.count, FILES - 1);
    for (size_t i = 0; i < files.count; i++) {
        int n = atoi(files.items[i].path + 1);
        assert_false(seen[n]);
        seen[n] = true;
        assert_string_equal(files.items[i].stats,
                            silt_arena_printf(arena, "{\"numRecords\":%d}", n));
    }
    assert_false(seen[7]);
    assert_ok(silt_log_tombstones_load(store, engine, &segment, 0, arena, &removes, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(removes[0].path, "f7");
}

static void forget_commits(void)
{
    assert_ok(store->ops->remove(store, silt_log_commit_key(arena, 0), &err));
}

static const char *hint_text(void)
{
    silt_bytes text;
    assert_ok(silt_store_get_all(store, SILT_LOG_HINT_KEY, arena, &text, &err));
    return text.data;
}

/* ---- V2 */

static void a_v2_checkpoint_says_all(void **state)
{
    (void)state;
    silt_log_checkpoint_written out;
    put_table(V2_PROTOCOL POLICY("v2") MORE);
    assert_ok(write_form(store, 0, &out));
    assert_true(out.v2);
    assert_int_equal(out.objects, 2);
    assert_int_equal(out.files, FILES - 1);
    assert_int_equal(out.tombstones, 1);
    forget_commits();
    assert_whole(1);
    assert_contains(hint_text(), "\"v2Checkpoint\":{\"path\":\"00000000000000000001.checkpoint.");
    assert_contains(hint_text(), "\"numOfAddFiles\":999");
}

static void the_policy_decides(void **state)
{
    (void)state;
    silt_log_checkpoint_written out;
    put_table(V2_PROTOCOL POLICY("classic") MORE);
    assert_ok(write_form(store, 0, &out));
    assert_false(out.v2);
    forget_commits();
    assert_whole(1);
    assert_null(strstr(hint_text(), "v2Checkpoint"));
}

static void without_the_feature_there_is_none(void **state)
{
    (void)state;
    silt_log_checkpoint_written out;
    put_table(PROTOCOL POLICY("v2") MORE);
    assert_ok(write_form(store, 0, &out));
    assert_false(out.v2);
    forget_commits();
    assert_whole(1);
}

static void without_files_there_are_no_sidecars(void **state)
{
    (void)state;
    silt_log_checkpoint_written out;
    silt_log_segment segment;
    silt_log_state s;
    put(silt_log_commit_key(arena, 0), V2_PROTOCOL POLICY("v2"));
    assert_ok(write_form(store, 0, &out));
    assert_int_equal(out.objects, 1);
    assert_ok(silt_log_segment_load(store, -1, arena, &segment, &err));
    assert_int_equal(segment.checkpoint_version, 0);
    assert_ok(silt_log_state_load(store, engine, &segment, arena, &s, &err));
}

/* ---- parts */

static void parts_add_up(void **state)
{
    (void)state;
    silt_log_checkpoint_written out;
    put_table(PROTOCOL METADATA MORE);
    assert_ok(write_form(store, 7, &out));
    assert_int_equal(out.objects, 7);
    forget_commits();
    assert_whole(7);
    assert_contains(hint_text(), "\"parts\":7");
}

typedef struct found {
    size_t rows;
    bool f1, f2;
} found;

static silt_status note(void *ctx, const silt_flat_batch *batch, silt_error *error)
{
    found *f = ctx;
    (void)error;
    for (size_t i = 0; i < batch->row_count; i++) {
        if (!silt_flat_valid(&batch->columns[0], i)) continue;
        f->rows++;
        f->f1 |= silt_bytes_equal(batch->columns[0].texts[i], SILT_STR("f1"));
        f->f2 |= silt_bytes_equal(batch->columns[0].texts[i], SILT_STR("f123"));
    }
    return SILT_OK;
}

/* Everybody who writes parts divides them alike. */
static void parts_are_divided_as_sparks(void **state)
{
    (void)state;
    const int parts = 7;
    size_t rows = 0;
    put_table(PROTOCOL METADATA MORE);
    assert_ok(write_form(store, parts, NULL));
    for (int i = 0; i < parts; i++) {
        static const silt_flat_column column = {"add.path", SILT_FLAT_TEXT};
        found f = {0};
        const char *key = silt_arena_printf(
            arena, SILT_LOG_DIR "%020d.checkpoint.%010d.%010d.parquet", 1, i + 1, parts);
        const char *path = silt_arena_printf(arena, "%s/part", scratch);
        assert_ok(store->ops->get_file(store, key, path, &err));
        assert_ok(engine->ops->read_flat(engine, &path, 1, &column, 1, NULL, 0, note, &f, &err));
        assert_int_equal(f.f1, i == ((SPARK_F1 % parts) + parts) % parts);
        assert_int_equal(f.f2, i == ((SPARK_F123 % parts) + parts) % parts);
        rows += f.rows;
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(rows, FILES - 1);
}

static void parts_are_refused_where_they_cant_be(void **state)
{
    (void)state;
    put_table(V2_PROTOCOL POLICY("classic") MORE);
    assert_status(write_form(store, 2, NULL), SILT_INVALID);
    assert_contains(err.message, "multi-part");
    assert_status(write_form(store, -1, NULL), SILT_INVALID);
}

/* ---- interruptions */

static void no_lost_call_harms(void **state)
{
    static const char *const heads[] = {V2_PROTOCOL POLICY("v2") MORE, PROTOCOL METADATA MORE};
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                            SILT_FAULT_CRASH};
    for (size_t h = 0; h < 2; h++) {
        for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
            bool fired = true;
            for (int n = 1; fired; n++) {
                tear_down(state);
                set_up(state);
                put_table(heads[h]);
                silt_fault_run run = {0};
                const silt_fault_plan plan = {.kind = kinds[k], .at = n, .run = &run};
                SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
                (void)write_form(flaky, h ? 3 : 0, NULL);
                fired = run.fired;
                silt_log_segment segment;
                silt_log_files files;
                assert_ok(silt_log_segment_load(store, -1, arena, &segment, &err));
                assert_ok(silt_log_files_load(store, engine, &segment, false, arena, &files, &err));
                assert_int_equal(files.count, FILES - 1);
                assert_ok(write_form(store, h ? 3 : 0, NULL));
                assert_whole(h ? 3 : 1);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_v2_checkpoint_says_all),
        TEST(the_policy_decides),
        TEST(without_the_feature_there_is_none),
        TEST(without_files_there_are_no_sidecars),
        TEST(parts_add_up),
        TEST(parts_are_divided_as_sparks),
        TEST(parts_are_refused_where_they_cant_be),
        TEST(no_lost_call_harms),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
