/* Which files of a log folder add up to a version, and every way a hint can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/logs.h"
#include "store/fault.h"

#define UUID "80a083e8-7026-4e79-81be-64bd76c43a11"

static void put_commits(int64_t first, int64_t last)
{
    for (int64_t v = first; v <= last; v++)
        put_commit(v, "{}\n");
}

static void put_checkpoint(int64_t version)
{
    put(silt_log_checkpoint_key(arena, version), "a checkpoint");
}

static void put_part(int64_t version, int part, int parts)
{
    put(silt_arena_printf(arena, SILT_LOG_DIR "%020" PRId64 ".checkpoint.%010d.%010d.parquet",
                          version, part, parts),
        "a part");
}

static void put_hint(const char *text)
{
    put(SILT_LOG_HINT_KEY, text);
}

static void assert_segment(silt_log_segment s, int64_t version, int64_t checkpoint)
{
    assert_int_equal(s.version, version);
    assert_int_equal(s.checkpoint_version, checkpoint);
    assert_int_equal(s.first_commit, checkpoint + 1);
    assert_int_equal(s.checkpoint_keys.count == 0, checkpoint < 0);
}

static void expect(int64_t version, silt_status status, const char *message)
{
    silt_log_segment segment = {.version = -77};
    err = (silt_error){0};
    assert_status(silt_log_segment_load(store, version, arena, &segment, &err), status);
    assert_contains(err.message, message);
    assert_int_equal(segment.version, -77);
}

/* ---- without checkpoints */

static void nothing_is_no_table(void **state)
{
    (void)state;
    expect(-1, SILT_NOT_FOUND, "no Delta table at");
    expect(3, SILT_NOT_FOUND, "no Delta table at");
    put_log("notes.txt", "");
    put_log("00000000000000000000.crc", "{}");
    expect(-1, SILT_NOT_FOUND, "no Delta table at");
}

static void commits_alone(void **state)
{
    (void)state;
    put_commits(0, 12);
    silt_log_segment s = segment_at(-1);
    assert_segment(s, 12, -1);
    assert_int_equal(s.commit_sizes[12], 3);
    assert_true(s.commit_mtimes_ms[12] > 0);
    assert_int_equal(s.mtime_ms, s.commit_mtimes_ms[12]);
    assert_int_equal(s.crc_version, -1);
    assert_segment(segment_at(5), 5, -1);
    assert_segment(segment_at(0), 0, -1);
    expect(13, SILT_NOT_FOUND, "has no version 13: there are 0 to 12");
}

static void what_is_not_ours_is_passed_over(void **state)
{
    (void)state;
    static const char *const names[] = {
        "00000000000000000003.json.tmp",
        "0000000000000000003.json",
        "000000000000000000003.json",
        "00000000000000000003.JSON",
        "0000000000000000000x.json",
        "99999999999999999999.json", /* beyond int64 */
        "00000000000000000002.checkpoint.parquet.crc",
        "00000000000000000002.checkpoint.0000000003.0000000002.parquet",
        "00000000000000000002.checkpoint.0000000000.0000000001.parquet",
        "00000000000000000002.checkpoint.1.1.parquet",
        "00000000000000000002.checkpoint.not-a-uuid.parquet",
        "00000000000000000000.00000000000000000002.compacted.json",
        ".00000000000000000003.json.crc",
        "_staged_commits/00000000000000000003." UUID ".json",
        "_sidecars/" UUID ".parquet",
        "_trino_meta/extended_stats.json",
        "zzz",
    };
    put_commits(0, 2);
    for (size_t i = 0; i < SILT_COUNT(names); i++)
        put_log(names[i], "x");
    assert_segment(segment_at(-1), 2, -1);
}

static void gaps_are_told(void **state)
{
    (void)state;
    put_commits(0, 3);
    put_commits(5, 6);
    expect(-1, SILT_CORRUPT, "commit 4 is missing, 5 is there");
    expect(6, SILT_CORRUPT, "commit 4 is missing, 5 is there");
    assert_segment(segment_at(3), 3, -1);
    expect(4, SILT_NOT_FOUND, "has no version 4");
    put_checkpoint(5);
    assert_segment(segment_at(-1), 6, 5);
}

static void a_log_that_starts_late_is_a_gap(void **state)
{
    (void)state;
    put_commits(4, 6);
    expect(-1, SILT_CORRUPT, "commit 0 is missing, 4 is there");
}

/* ---- checkpoints */

static void the_newest_whole_checkpoint_counts(void **state)
{
    (void)state;
    put_commits(0, 30);
    put_checkpoint(10);
    put_checkpoint(20);
    put_part(25, 1, 3);
    put_part(25, 3, 3); /* the second one is missing */
    silt_log_segment s = segment_at(-1);
    assert_segment(s, 30, 20);
    assert_string_equal(s.checkpoint_keys.items[0], silt_log_checkpoint_key(arena, 20));
    assert_segment(segment_at(20), 20, 20);
    assert_segment(segment_at(19), 19, 10);
    assert_segment(segment_at(9), 9, -1);

    put_part(25, 2, 3);
    put_part(25, 1, 2); /* of another set */
    s = segment_at(-1);
    assert_segment(s, 30, 25);
    assert_int_equal(s.checkpoint_keys.count, 3);
    assert_contains(s.checkpoint_keys.items[0], ".0000000001.0000000003.");
    assert_contains(s.checkpoint_keys.items[2], ".0000000003.0000000003.");

    put_checkpoint(25);
    assert_int_equal(segment_at(-1).checkpoint_keys.count, 1);
}

static void cleaned_logs_have_a_range(void **state)
{
    (void)state;
    put_commits(10, 15);
    put_checkpoint(10);
    put_checkpoint(12);
    assert_segment(segment_at(-1), 15, 12);
    assert_segment(segment_at(11), 11, 10);
    expect(9, SILT_NOT_FOUND, "has no version 9: there are 10 to 15");
    expect(16, SILT_NOT_FOUND, "has no version 16: there are 10 to 15");
}

static void a_checkpoint_may_stand_alone(void **state)
{
    (void)state;
    put_checkpoint(10);
    silt_log_segment s = segment_at(-1);
    assert_segment(s, 10, 10);
    assert_true(s.mtime_ms > 0);
    assert_segment(segment_at(10), 10, 10);
}

static void put_v2(int64_t version, const char *uuid, const char *ending)
{
    put(silt_arena_printf(arena, SILT_LOG_DIR "%020" PRId64 ".checkpoint.%s.%s", version, uuid,
                          ending),
        "a checkpoint");
}

static void v2_checkpoints_count_like_others(void **state)
{
    (void)state;
    put_commits(8, 20);
    put_v2(8, UUID, "json");
    silt_log_segment s = segment_at(-1);
    assert_segment(s, 20, 8);
    assert_contains(s.checkpoint_keys.items[0], "8.checkpoint." UUID ".json");
    assert_segment(segment_at(11), 11, 8);
    expect(7, SILT_NOT_FOUND, "has no version 7: there are 8 to 20");
    put_checkpoint(9);
    assert_segment(segment_at(-1), 20, 9);
    put_v2(14, UUID, "parquet");
    s = segment_at(-1);
    assert_segment(s, 20, 14);
    assert_contains(s.checkpoint_keys.items[0], "14.checkpoint." UUID ".parquet");
    assert_segment(segment_at(13), 13, 9);

    put_v2(30, UUID, "parquet"); /* past a gap */
    assert_segment(segment_at(-1), 30, 30);
    expect(25, SILT_NOT_FOUND, "has no version 25: there are 8 to 30");
}

/* The order in which the ways to a version are tried. */
static void checkpoints_take_turns(void **state)
{
    (void)state;
    static const char *const ways[] = {"12.checkpoint.parquet",
                                       "12.checkpoint.11111111-",
                                       "12.checkpoint." UUID,
                                       "12.checkpoint.0000000001.0000000002",
                                       "12.checkpoint.0000000001.0000000003",
                                       "10.checkpoint.0000000001.0000000001",
                                       "5.checkpoint.parquet"};
    put_commits(0, 15);
    put_checkpoint(12);
    put_checkpoint(5);
    put_v2(12, UUID, "parquet");
    put_v2(12, "11111111-7026-4e79-81be-64bd76c43a11", "json");
    for (int i = 1; i <= 3; i++) {
        put_part(12, i, 3);
        if (i < 3) put_part(12, i, 2);
        if (i < 3) put_part(11, i, 3); /* not whole */
    }
    put_part(10, 1, 1);
    put_checkpoint(16); /* behind the version that is asked for */
    silt_log_segment s = segment_at(15);
    for (size_t i = 0; i < SILT_COUNT(ways); i++) {
        assert_contains(s.checkpoint_keys.items[0], ways[i]);
        assert_segment(s, 15, i < 5 ? 12 : i == 5 ? 10 : 5);
        assert_true(silt_log_segment_other(store, &s, SILT_CORRUPT, arena, &s));
    }
    assert_segment(s, 15, -1); /* from commit 0 */
    assert_false(silt_log_segment_other(store, &s, SILT_CORRUPT, arena, &s));
}

static void only_ways_without_gaps_are_tried(void **state)
{
    (void)state;
    put_commits(3, 9);
    put_checkpoint(1);
    put_checkpoint(3);
    put_checkpoint(7);
    silt_log_segment s = segment_at(-1);
    assert_segment(s, 9, 7);
    assert_false(silt_log_segment_other(store, &s, SILT_DENIED, arena, &s)); /* might come back */
    assert_segment(s, 9, 7);
    assert_true(silt_log_segment_other(store, &s, SILT_NOT_FOUND, arena, &s));
    assert_segment(s, 9, 3);
    assert_false(silt_log_segment_other(store, &s, SILT_CORRUPT, arena, &s)); /* 2 is missing */

    /* One that has gone meanwhile isn't what the next one is looked for by. */
    s = segment_at(-1);
    s.checkpoint_keys = (silt_names){(const char *const[]){"gone"}, 1};
    assert_true(silt_log_segment_other(store, &s, SILT_NOT_FOUND, arena, &s));
    assert_segment(s, 9, 7);
}

/* ---- compacted files */

static void compacted_files_are_left_alone(void **state)
{
    (void)state;
    put_commits(0, 6);
    put_log("00000000000000000002.00000000000000000004.compacted.json", "{\"not\":\"true\"}");
    assert_segment(segment_at(-1), 6, -1);
    assert_ok(store->ops->remove(store, silt_log_commit_key(arena, 3), &err));
    expect(-1, SILT_CORRUPT, "commit 3 is missing, 4 is there");
    put_checkpoint(3);
    assert_segment(segment_at(-1), 6, 3);
}

/* ---- times */

static void times_grow_with_versions(void **state)
{
    (void)state;
    int64_t first, last;
    const int64_t *ms;
    assert_ok(silt_log_commit_times(store, arena, &first, &last, &ms, &err));
    assert_true(last < first);
    put_commits(0, 50); /* many in one millisecond */
    assert_ok(silt_log_commit_times(store, arena, &first, &last, &ms, &err));
    assert_int_equal(first, 0);
    assert_int_equal(last, 50);
    assert_int_equal(ms[0], segment_at(0).mtime_ms);
    for (size_t i = 1; i <= 50; i++)
        assert_true(ms[i] > ms[i - 1] && ms[i] >= segment_at((int64_t)i).mtime_ms);
    put_commits(52, 53);
    assert_ok(silt_log_commit_times(store, arena, &first, &last, &ms, &err));
    assert_int_equal(first, 52);
    assert_int_equal(last, 53);
}

static void the_newest_crc_is_found(void **state)
{
    (void)state;
    put_commits(0, 5);
    put_log("00000000000000000002.crc", "{}");
    put_log("00000000000000000004.crc", "{}");
    put_log("00000000000000000009.crc", "{}");
    assert_int_equal(segment_at(5).crc_version, 4);
    assert_int_equal(segment_at(4).crc_version, 4);
    assert_int_equal(segment_at(3).crc_version, 2);
    assert_int_equal(segment_at(1).crc_version, -1);
}

/* ---- the hint */

/* Lists that are made, by where they start. */
typedef struct lists {
    int64_t count;
} lists;

static void count_lists(void *ctx, silt_fault_when when, const char *op, const char *key,
                        int64_t call)
{
    (void)key, (void)call;
    if (when == SILT_FAULT_BEFORE && strcmp(op, "list") == 0) ((lists *)ctx)->count++;
}

static int64_t lists_for(int64_t version, int64_t expected)
{
    lists seen = {0};
    const silt_fault_plan plan = {.hook = count_lists, .hook_ctx = &seen};
    SILT_AUTO(silt_store) counted = silt_store_fault_new(store, &plan);
    silt_log_segment s = {0};
    assert_ok(silt_log_segment_load(counted, version, arena, &s, &err));
    assert_int_equal(s.version, expected);
    return seen.count;
}

static void a_good_hint_saves_listing(void **state)
{
    (void)state;
    put_commits(0, 30);
    put_checkpoint(10);
    put_checkpoint(20);
    put_hint("{\"version\":20,\"size\":7}");
    assert_segment(segment_at(-1), 30, 20);
    assert_int_equal(lists_for(-1, 30), 1);
    assert_int_equal(lists_for(25, 25), 1);
    assert_segment(segment_at(15), 15, 10);
    assert_segment(segment_at(20), 20, 20);
    put_checkpoint(28); /* newer than the hint */
    assert_segment(segment_at(-1), 30, 28);
}

static void bad_hints_cost_only_a_listing(void **state)
{
    (void)state;
    static const char *const hints[] = {
        "",
        "garbage",
        "{",
        "[]",
        "{}",
        "null",
        "{\"version\":null}",
        "{\"version\":\"10\"}",
        "{\"version\":-5}",
        "{\"version\":10.5}",
        "{\"version\":99999999999999999999999}",
        "{\"version\":9223372036854775807}",
        "{\"version\":15}",             /* no checkpoint there */
        "{\"version\":21}",             /* behind the end */
        "{\"version\":12,\"parts\":2}", /* not whole */
        "{\"version\":5}",              /* stale, but true */
        "{\"version\":10,\"parts\":7}", /* the file is there all the same */
    };
    put_commits(0, 20);
    put_checkpoint(5);
    put_checkpoint(10);
    put_part(12, 1, 2);
    for (size_t i = 0; i < SILT_COUNT(hints); i++) {
        put_hint(hints[i]);
        assert_segment(segment_at(-1), 20, 10);
        assert_segment(segment_at(7), 7, 5);
        assert_segment(segment_at(20), 20, 10);
        expect(22, SILT_NOT_FOUND, "there are 0 to 20");
    }
}

/* What is said of the checkpoint beside its version isn't needed, true or not. */
static void hints_to_v2_checkpoints_are_followed(void **state)
{
    (void)state;
    put_commits(0, 20);
    put_v2(15, UUID, "parquet");
    put_hint("{\"version\":15,\"size\":7,\"sizeInBytes\":9,\"v2Checkpoint\":{\"path\":"
             "\"00000000000000000015.checkpoint.11111111-7026-4e79-81be-64bd76c43a11.parquet\","
             "\"sizeInBytes\":1,\"modificationTime\":1,\"nonFileActions\":[{\"txn\":{}}],"
             "\"sidecarFiles\":[{\"path\":\"x\"}]},\"checksum\":\"wrong\"}");
    assert_segment(segment_at(-1), 20, 15);
    assert_int_equal(lists_for(-1, 20), 1);
}

static void a_hint_that_cannot_be_read_is_none(void **state)
{
    (void)state;
    put_commits(0, 3);
    const silt_fault_plan plan = {.kind = SILT_FAULT_BEFORE_EFFECT, .at = 1, .ops = SILT_FAULT_GET};
    SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
    silt_log_segment s;
    assert_ok(silt_log_segment_load(flaky, -1, arena, &s, &err));
    assert_int_equal(s.version, 3);
}

/* ---- races and failures */

/* A listing is not atomic: the first one shows 4 but not 3, as if 3 had been written in between. */
static void late_commit(void *ctx, silt_fault_when when, const char *op, const char *key,
                        int64_t call)
{
    (void)key, (void)call;
    int *lists_done = ctx;
    if (when != SILT_FAULT_AFTER || strcmp(op, "list") != 0 || ++*lists_done > 1) return;
    put_commits(3, 3);
}

static void a_gap_is_listed_again(void **state)
{
    (void)state;
    put_commits(0, 2);
    put_commits(4, 4);
    int lists_done = 0;
    const silt_fault_plan plan = {.hook = late_commit, .hook_ctx = &lists_done};
    SILT_AUTO(silt_store) racy = silt_store_fault_new(store, &plan);
    silt_log_segment s;
    assert_ok(silt_log_segment_load(racy, -1, arena, &s, &err));
    assert_int_equal(s.version, 4);
}

static void failures_of_the_store_come_through(void **state)
{
    (void)state;
    put_commits(0, 3);
    const silt_fault_plan plan = {
        .kind = SILT_FAULT_BEFORE_EFFECT, .at = 1, .ops = SILT_FAULT_LIST, .status = SILT_DENIED};
    SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
    silt_log_segment s;
    assert_status(silt_log_segment_load(flaky, -1, arena, &s, &err), SILT_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_no_table),
        TEST(commits_alone),
        TEST(what_is_not_ours_is_passed_over),
        TEST(gaps_are_told),
        TEST(a_log_that_starts_late_is_a_gap),
        TEST(the_newest_whole_checkpoint_counts),
        TEST(cleaned_logs_have_a_range),
        TEST(a_checkpoint_may_stand_alone),
        TEST(v2_checkpoints_count_like_others),
        TEST(checkpoints_take_turns),
        TEST(only_ways_without_gaps_are_tried),
        TEST(compacted_files_are_left_alone),
        TEST(times_grow_with_versions),
        TEST(the_newest_crc_is_found),
        TEST(a_good_hint_saves_listing),
        TEST(bad_hints_cost_only_a_listing),
        TEST(hints_to_v2_checkpoints_are_followed),
        TEST(a_hint_that_cannot_be_read_is_none),
        TEST(a_gap_is_listed_again),
        TEST(failures_of_the_store_come_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
