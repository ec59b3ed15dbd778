/* Files and tombstones from commits, against a model. Checkpoints are in checkpoint.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/logs.h"
#include "log/model.h"

static silt_log_files files_at(int64_t version)
{
    silt_log_files files = {0};
    silt_log_segment segment = segment_at(version);
    assert_ok(silt_log_files_load(store, NULL, &segment, true, arena, &files, &err));
    return files;
}

static const silt_remove *tombstones_at(int64_t version, int64_t older_than, size_t *count)
{
    const silt_remove *removes = NULL;
    silt_log_segment segment = segment_at(version);
    assert_ok(
        silt_log_tombstones_load(store, NULL, &segment, older_than, arena, &removes, count, &err));
    return removes;
}

static const char *paths(silt_log_files files)
{
    const char *text = "";
    for (size_t i = 0; i < files.count; i++)
        text = silt_arena_printf(arena, "%s%s ", text, files.items[i].path);
    return text;
}

static void files_come_newest_commit_first(void **state)
{
    (void)state;
    put_commit(0, PROTOCOL METADATA ADD("a") ADD("b") ADD("c"));
    put_commit(1, ADD("d") REMOVE("b") ADD("e") ADD("f"));
    put_commit(2, ADD("b"));
    assert_string_equal(paths(files_at(0)), "a b c ");
    assert_string_equal(paths(files_at(1)), "d e f a c ");
    assert_string_equal(paths(files_at(2)), "b d e f a c ");
    assert_int_equal(files_at(2).size_bytes, 60);
    put_commit(3, PROTOCOL);
    assert_string_equal(paths(files_at(3)), "b d e f a c ");
}

static void an_empty_table_has_no_files(void **state)
{
    (void)state;
    put_commit(0, PROTOCOL METADATA);
    assert_int_equal(files_at(-1).count, 0);
    size_t count = 9;
    (void)tombstones_at(-1, 0, &count);
    assert_int_equal(count, 0);
}

static void paths_are_compared_decoded(void **state)
{
    (void)state;
    put_commit(0, ADD("a%20b") ADD("file:///x/y%20z") ADD("c"));
    put_commit(1, REMOVE("%61%20b") REMOVE("/x/y%20z"));
    assert_string_equal(paths(files_at(-1)), "c ");
}

static void a_later_line_wins(void **state)
{
    (void)state;
    put_commit(0, ADD("a") REMOVE("a") REMOVE("b") ADD("b"));
    assert_string_equal(paths(files_at(-1)), "b ");
}

static void the_newest_add_tells_of_a_file(void **state)
{
    (void)state;
    put_commit(0, ADD("a"));
    put_commit(1, "{\"add\":{\"path\":\"a\",\"size\":10,\"stats\":\"{}\",\"dataChange\":false}}\n");
    silt_log_files files = files_at(-1);
    assert_int_equal(files.count, 1);
    assert_string_equal(files.items[0].stats, "{}");
}

static void tombstones_expire(void **state)
{
    (void)state;
    size_t count;
    put_commit(0, ADD("a") ADD("b"));
    put_commit(1, REMOVE("a")); /* at 5 */
    put_commit(2, "{\"remove\":{\"path\":\"b\",\"dataChange\":true}}\n");
    (void)tombstones_at(-1, 4, &count);
    assert_int_equal(count, 1);
    (void)tombstones_at(-1, 5, &count);
    assert_int_equal(count, 0);
    (void)tombstones_at(-1, INT64_MIN, &count);
    assert_int_equal(count, 2);
    put_commit(3, ADD("a"));
    (void)tombstones_at(-1, 0, &count);
    assert_int_equal(count, 0);
}

static void sizes_that_overflow_are_corrupt(void **state)
{
    (void)state;
    silt_log_files files;
    put_commit(0, "{\"add\":{\"path\":\"a\",\"size\":9223372036854775807}}\n" ADD("b"));
    silt_log_segment segment = segment_at(-1);
    assert_status(silt_log_files_load(store, NULL, &segment, true, arena, &files, &err),
                  SILT_CORRUPT);
}

static void broken_commits_are_told(void **state)
{
    (void)state;
    silt_log_files files;
    put_commit(0, ADD("a"));
    put_commit(1, "{\"commitInfo\":{\"a\":1");
    silt_log_segment segment = segment_at(-1);
    assert_status(silt_log_files_load(store, NULL, &segment, true, arena, &files, &err),
                  SILT_CORRUPT);
    assert_contains(err.message, "commit 1, line 1");
}

static void replay_is_what_the_model_says(void **state)
{
    (void)state;
    test_random random = test_random_new();
    for (int round = 0; round < 30; round++) {
        model m = {0};
        (void)tear_down(NULL), (void)set_up(NULL);
        /* Every third log is long enough for threads. */
        int64_t last = (int64_t)test_random_below(&random, 40) + (round % 3 ? 0 : 300);
        for (int64_t v = 0; v <= last; v++) {
            SILT_CLEAN(silt_buf) buf = {0};
            model_commit(&m, &random, v, &buf);
            put_commit(v, buf.data);
        }
        size_t count;
        assert_model_files(&m, files_at(-1));
        const silt_remove *removes = tombstones_at(-1, 500, &count);
        assert_model_tombstones(&m, removes, count, 500);
    }
}

/* Commits larger than all that may be read ahead, among small ones. */
static void large_commits_take_their_turn(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) buf = {0};
    for (int i = 0; i < 20000; i++)
        silt_buf_printf(&buf,
                        "{\"add\":{\"path\":\"%d.parquet\",\"partitionValues\":{},\"size\":1,"
                        "\"modificationTime\":1,\"dataChange\":true,\"stats\":\"%0900d\"}}\n",
                        i, i);
    for (int64_t v = 0; v < 200; v++)
        put_commit(v, v % 90 == 40 ? buf.data : ADD("a"));
    silt_log_files files = files_at(-1);
    assert_int_equal(files.count, 20001);
    assert_string_equal(files.items[0].path, "a");
    assert_string_equal(files.items[1].path, "0.parquet");
}

/* The newest one at fault is told of, whichever is read first. */
static void broken_ones_of_many_are_told(void **state)
{
    (void)state;
    silt_log_files files;
    for (int64_t v = 0; v < 500; v++)
        put_commit(v, v % 100 == 70 ? ADD("a") "{\"add\":1}\n" : ADD("a"));
    silt_log_segment segment = segment_at(-1);
    for (int i = 0; i < 20; i++) {
        assert_status(silt_log_files_load(store, NULL, &segment, true, arena, &files, &err),
                      SILT_CORRUPT);
        assert_contains(err.message, "commit 470, line 2");
    }
    put_commit(470, ADD("b"));
    assert_ok(store->ops->remove(store, silt_log_commit_key(arena, 480), &err));
    assert_status(silt_log_files_load(store, NULL, &segment, true, arena, &files, &err),
                  SILT_NOT_FOUND);
    assert_contains(err.message, "commit 480");
}

static void lists_may_do_without_details(void **state)
{
    (void)state;
    silt_log_files files;
    put_commit(0, "{\"add\":{\"path\":\"a\",\"size\":10,\"stats\":\"{}\",\"tags\":{\"b\":"
                  "\"c\"}}}\n");
    silt_log_segment segment = segment_at(-1);
    assert_ok(silt_log_files_load(store, NULL, &segment, false, arena, &files, &err));
    assert_int_equal(files.count, 1);
    assert_null(files.items[0].stats);
    assert_null(files.items[0].tags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_come_newest_commit_first),  TEST(an_empty_table_has_no_files),
        TEST(paths_are_compared_decoded),      TEST(a_later_line_wins),
        TEST(the_newest_add_tells_of_a_file),  TEST(tombstones_expire),
        TEST(sizes_that_overflow_are_corrupt), TEST(broken_commits_are_told),
        TEST(replay_is_what_the_model_says),   TEST(large_commits_take_their_turn),
        TEST(broken_ones_of_many_are_told),    TEST(lists_may_do_without_details),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
