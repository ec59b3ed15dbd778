/* The change data feed: what a commit's actions tell, which schemas go together, what a range of
 * versions and times means, and what is refused before a row is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log/log.h"
#include "support/table.h"
#include "table/changes.h"

static void assert_ok(silt_status st, const silt_error *err)
{
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), err->message);
}

/* ---- commits */

#define ADD(path, more)          \
    "{\"add\":{\"path\":\"" path \
    "\",\"partitionValues\":{},\"size\":9,\"modificationTime\":1" more "}}"
#define REMOVE(path, more) "{\"remove\":{\"path\":\"" path "\",\"deletionTimestamp\":1" more "}}"
#define CDC(path)          "{\"cdc\":{\"path\":\"" path "\",\"partitionValues\":{},\"size\":9}}"
#define CHANGES            ",\"dataChange\":true"
#define MOVES              ",\"dataChange\":false"
#define DV(id)                                                                               \
    ",\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"" id "\",\"offset\":1," \
    "\"sizeInBytes\":36,\"cardinality\":2}"

static const char *dv_name(const silt_dv *dv)
{
    return dv ? dv->path_or_inline : "-";
}

/* The changes of a commit: "insert a only x without y; …". */
static const char *told(silt_arena *arena, const char *lines)
{
    static const char *const kinds[] = {[SILT_CHANGE_TOLD] = "told",
                                        [SILT_CHANGE_DELETE] = "delete",
                                        [SILT_CHANGE_INSERT] = "insert"};
    silt_error err = {0};
    silt_action actions[16];
    size_t count = 0, change_count;
    for (const char *line = lines; *line; line += strcspn(line, "\n"), line += *line == '\n')
        assert_ok(silt_action_parse((silt_bytes){line, strcspn(line, "\n")}, arena,
                                    &actions[count++], &err),
                  &err);
    const silt_change *changes;
    assert_ok(silt_changes_of_commit(actions, count, arena, &changes, &change_count, &err), &err);
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "");
    for (size_t i = 0; i < change_count; i++) {
        silt_buf_printf(&text, "%s%s %s", i ? "; " : "", kinds[changes[i].kind], changes[i].path);
        if (changes[i].only) silt_buf_printf(&text, " only %s", dv_name(changes[i].only));
        if (changes[i].without) silt_buf_printf(&text, " without %s", dv_name(changes[i].without));
    }
    return silt_buf_copy(&text, arena);
}

static void adds_and_removes(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    assert_string_equal(told(arena, ADD("a", CHANGES) "\n" REMOVE("b", CHANGES)),
                        "delete b; insert a");
    assert_string_equal(told(arena, ADD("a", "")), "insert a"); /* as Spark takes it */
    assert_string_equal(told(arena, ADD("a", MOVES) "\n" REMOVE("b", MOVES)), "");
    assert_string_equal(told(arena, ADD("a", MOVES) "\n" ADD("c", CHANGES)), "insert c");
    assert_string_equal(told(arena, "{\"commitInfo\":{\"operation\":\"SET TBLPROPERTIES\"}}\n"
                                    "{\"txn\":{\"appId\":\"x\",\"version\":1}}"),
                        "");
}

static void cdc_files_alone_count(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    assert_string_equal(told(arena, REMOVE("a", CHANGES) "\n" ADD("b", CHANGES) "\n" CDC(
                                        "_change_data/c") "\n" CDC("_change_data/d")),
                        "told _change_data/c; told _change_data/d");
}

static void deletion_vectors(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    assert_string_equal(told(arena, ADD("a", CHANGES DV("x"))), "insert a without x");
    assert_string_equal(told(arena, REMOVE("a", CHANGES DV("x"))), "delete a without x");
    assert_string_equal(told(arena, REMOVE("a", CHANGES) "\n" ADD("a", CHANGES DV("x"))),
                        "delete a only x");
    assert_string_equal(told(arena, ADD("a", CHANGES) "\n" REMOVE("a", CHANGES DV("x"))),
                        "insert a only x");
    assert_string_equal(told(arena, REMOVE("a", CHANGES DV("x")) "\n" ADD("a", CHANGES DV("y"))),
                        "delete a only y without x; insert a only x without y");
    /* the same rows, told of anew */
    assert_string_equal(told(arena, REMOVE("a", CHANGES DV("x")) "\n" ADD("a", CHANGES DV("x"))),
                        "");
    assert_string_equal(told(arena, REMOVE("a", CHANGES) "\n" ADD("a", CHANGES)), "");
    /* one path, written in two ways */
    assert_string_equal(told(arena, REMOVE("a%41", CHANGES) "\n" ADD("aA", CHANGES DV("x"))),
                        "delete aA only x");
}

/* Stats of an add that kept its file needn't bound the rows it lost. */
static void stats_of_lost_rows(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_error err = {0};
    silt_action actions[2];
    const char *lines[] = {REMOVE("a", CHANGES), ADD("a", CHANGES DV("x") ",\"stats\":\"{}\"")};
    for (size_t i = 0; i < 2; i++)
        assert_ok(silt_action_parse(silt_bytes_of(lines[i]), arena, &actions[i], &err), &err);
    const silt_change *changes;
    size_t count;
    assert_ok(silt_changes_of_commit(actions, 2, arena, &changes, &count, &err), &err);
    assert_int_equal(count, 1);
    assert_null(changes[0].stats);
    assert_string_equal(changes[0].file_stats, "{}");
}

#define MERGE(inserted, updated, deleted)                                            \
    "{\"commitInfo\":{\"operation\":\"MERGE\",\"operationMetrics\":{"                \
    "\"numTargetRowsInserted\":\"" inserted "\",\"numTargetRowsUpdated\":\"" updated \
    "\",\"numTargetRowsDeleted\":\"" deleted "\"}}}\n"

static void merges_that_only_rewrote(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const char *files = REMOVE("a", CHANGES) "\n" ADD("b", CHANGES);
    assert_string_equal(told(arena, silt_arena_printf(arena, MERGE("0", "0", "0") "%s", files)),
                        "");
    assert_string_equal(told(arena, silt_arena_printf(arena, MERGE("0", "1", "0") "%s", files)),
                        "delete a; insert b");
    assert_string_equal(
        told(arena,
             silt_arena_printf(arena, "{\"commitInfo\":{\"operation\":\"MERGE\"}}\n%s", files)),
        "delete a; insert b");
}

/* ---- schemas */

#define FIELD(name, type, nullable) \
    "{\"name\":\"" name "\",\"type\":" type ",\"nullable\":" nullable ",\"metadata\":{}}"
#define MAPPED(name, id, physical)                                              \
    "{\"name\":\"" name "\",\"type\":\"long\",\"nullable\":true,\"metadata\":{" \
    "\"delta.columnMapping.id\":" id ",\"delta.columnMapping.physicalName\":\"" physical "\"}}"
#define STRUCT(fields) "{\"type\":\"struct\",\"fields\":[" fields "]}"
#define LONG           "\"long\""
#define INT            "\"integer\""
#define YES            "true"
#define NO             "false"

static silt_changes_shape shape_of(silt_arena *arena, const char *json, const char *mode,
                                   const char *partition)
{
    silt_error err = {0};
    silt_pair pair = {"delta.columnMapping.mode", mode};
    const silt_metadata metadata = {.id = "x",
                                    .format_provider = "parquet",
                                    .schema_json = json,
                                    .partition_columns = {&partition, partition != NULL},
                                    .configuration = {&pair, mode != NULL},
                                    .created_time_ms = -1};
    silt_changes_shape shape;
    assert_ok(silt_changes_shape_of(&metadata, arena, &shape, &err), &err);
    return shape;
}

static void expect(silt_arena *arena, bool net, silt_changes_shape old, silt_changes_shape now,
                   const char *expected)
{
    const char *why;
    silt_error err = {0};
    assert_ok(silt_changes_compare(&old, &now, net, arena, &why, &err), &err);
    if (expected)
        assert_string_equal(why ? why : "(fits)", expected);
    else if (why)
        fail_msg("doesn't fit: %s", why);
}

static void schemas_of_the_feed(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    static const struct {
        const char *old, *now, *why;
    } cases[] = {
        {STRUCT(FIELD("a", LONG, YES)), STRUCT(FIELD("a", LONG, YES)), NULL},
        {STRUCT(FIELD("a", LONG, YES)), STRUCT(FIELD("b", LONG, YES) "," FIELD("a", LONG, YES)),
         NULL},
        {STRUCT(FIELD("a", LONG, NO)), STRUCT(FIELD("a", LONG, YES)), NULL},
        {STRUCT(FIELD("a", LONG, YES)), STRUCT(FIELD("a", LONG, NO)), "column a became NOT NULL"},
        {STRUCT(FIELD("a", LONG, YES)), STRUCT(FIELD("b", LONG, YES)),
         "column a isn't there any more"},
        {STRUCT(FIELD("a", LONG, YES)), STRUCT(FIELD("A", LONG, YES)), "column a was renamed to A"},
        {STRUCT(FIELD("a", INT, YES)), STRUCT(FIELD("a", LONG, YES)),
         "column a changed its type from integer to long"},
        {STRUCT(FIELD("s", STRUCT(FIELD("x", LONG, YES)), YES)),
         STRUCT(FIELD("s", STRUCT(FIELD("x", LONG, YES) "," FIELD("y", LONG, YES)), YES)), NULL},
        {STRUCT(FIELD("s", STRUCT(FIELD("x", LONG, YES)), YES)),
         STRUCT(FIELD("s", STRUCT(FIELD("y", LONG, YES)), YES)), "column s.x isn't there any more"},
        {STRUCT(FIELD("s", "{\"type\":\"array\",\"elementType\":\"long\",\"containsNull\":true}",
                      YES)),
         STRUCT(FIELD("s", "{\"type\":\"array\",\"elementType\":\"long\",\"containsNull\":false}",
                      YES)),
         "column s may hold no nulls any more"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++)
        expect(arena, false, shape_of(arena, cases[i].old, NULL, NULL),
               shape_of(arena, cases[i].now, NULL, NULL), cases[i].why);
}

static void schemas_under_mapping(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const char *ab = STRUCT(MAPPED("a", "1", "pa") "," MAPPED("b", "2", "pb"));
    silt_changes_shape old = shape_of(arena, ab, "name", NULL);
    expect(arena, false, old, old, NULL);
    /* renamed, dropped, and dropped and added again */
    const char *renamed = STRUCT(MAPPED("a", "1", "pa") "," MAPPED("c", "2", "pb"));
    expect(arena, false, old, shape_of(arena, renamed, "name", NULL), "column b was renamed to c");
    expect(arena, true, old, shape_of(arena, renamed, "name", NULL), NULL);
    const char *dropped = STRUCT(MAPPED("a", "1", "pa"));
    expect(arena, false, old, shape_of(arena, dropped, "name", NULL),
           "column b isn't there any more");
    expect(arena, true, old, shape_of(arena, dropped, "name", NULL), NULL);
    const char *again = STRUCT(MAPPED("a", "1", "pa") "," MAPPED("b", "3", "pc"));
    expect(arena, false, old, shape_of(arena, again, "name", NULL),
           "column b isn't there any more");
    /* switched on with the names as they were, and off */
    const char *plain = STRUCT(FIELD("a", LONG, YES));
    const char *upgraded = STRUCT(MAPPED("a", "1", "a"));
    expect(arena, false, shape_of(arena, plain, NULL, NULL),
           shape_of(arena, upgraded, "name", NULL), NULL);
    expect(arena, false, old, shape_of(arena, plain, NULL, NULL), "column mapping was removed");
    expect(arena, false, old, shape_of(arena, ab, "id", NULL),
           "the mode of column mapping changed");
}

static void schemas_of_a_difference(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_changes_shape old =
        shape_of(arena, STRUCT(FIELD("a", INT, YES) "," FIELD("b", INT, YES)), NULL, NULL);
    expect(arena, true, old, shape_of(arena, STRUCT(FIELD("a", LONG, NO)), NULL, NULL), NULL);
    expect(arena, true, old, shape_of(arena, STRUCT(FIELD("a", "\"string\"", YES)), NULL, NULL),
           "column a changed its type from integer to string");
    silt_changes_shape by_b =
        shape_of(arena, STRUCT(FIELD("a", INT, YES) "," FIELD("b", INT, YES)), NULL, "b");
    expect(arena, false, old, by_b, "the partition columns changed");
    expect(arena, true, old, by_b, NULL); /* each file is looked at */
}

/* ---- ranges: versions 0 to 3, made at the in-commit times 1000, 2000, 3000, 4000 */

#define PROTOCOL                                                                          \
    "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[]," \
    "\"writerFeatures\":[\"inCommitTimestamp\",\"changeDataFeed\"]}}\n"
#define METADATA(fields, more)                                                                    \
    "{\"metaData\":{\"id\":\"5f2b3c9e-0000-4000-8000-000000000001\",\"format\":{\"provider\":"    \
    "\"parquet\",\"options\":{}},\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":" \
    "[" fields "]}\",\"partitionColumns\":[],\"configuration\":{" more                            \
    "\"delta.enableInCommitTimestamps\":\"true\"},\"createdTime\":1}}\n"
#define COLUMN(name, type)                                  \
    "{\\\"name\\\":\\\"" name "\\\",\\\"type\\\":\\\"" type \
    "\\\",\\\"nullable\\\":true,\\\"metadata\\\":{}}"
#define ON      "\"delta.enableChangeDataFeed\":\"true\","
#define TIME(t) "{\"commitInfo\":{\"inCommitTimestamp\":" t ",\"operation\":\"X\"}}\n"

static silt_store *timed_table(void)
{
    silt_store *store = silt_store_mem_new();
    test_table_put(store, 0, TIME("1000") PROTOCOL METADATA(COLUMN("id", "long"), ON));
    test_table_put(store, 1, TIME("2000"));
    test_table_put(store, 2, TIME("3000"));
    test_table_put(store, 3, TIME("4000"));
    return store;
}

enum { NONE = -1 };
static const int64_t NEVER = INT64_MIN;

static silt_changes_options range(int64_t from, int64_t to, int64_t from_ms, int64_t to_ms)
{
    silt_changes_options opts = SILT_CHANGES_OPTIONS_INIT;
    opts.from_version = from;
    opts.to_version = to;
    opts.from_timestamp_ms = from_ms;
    opts.to_timestamp_ms = to_ms;
    return opts;
}

/* "1..3", "empty", or the message. */
static const char *meant(silt_store *store, silt_changes_options opts, silt_arena *arena)
{
    silt_error err = {0};
    silt_changes_range r;
    if (silt_changes_range_of(store, NULL, 3, &opts, &r, &err) != SILT_OK)
        return silt_arena_strdup(arena, err.message);
    assert_string_equal(err.message, "");
    assert_int_equal(r.latest, 3);
    return r.empty ? "empty" : silt_arena_printf(arena, "%d..%d", (int)r.from, (int)r.to);
}

static void ranges_of_versions(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store = timed_table();
    assert_string_equal(meant(store, range(0, NONE, NEVER, NEVER), arena), "0..3");
    assert_string_equal(meant(store, range(1, 2, NEVER, NEVER), arena), "1..2");
    assert_string_equal(meant(store, range(3, 3, NEVER, NEVER), arena), "3..3");
    assert_string_equal(meant(store, range(2, 99, NEVER, NEVER), arena), "2..3");
    assert_non_null(
        strstr(meant(store, range(2, 1, NEVER, NEVER), arena), "the range ends before it starts"));
    assert_non_null(strstr(meant(store, range(4, NONE, NEVER, NEVER), arena),
                           "changes from version 4: the latest is 3"));
    assert_non_null(strstr(meant(store, range(NONE, 2, NEVER, NEVER), arena), "neither is given"));
    assert_non_null(strstr(meant(store, range(1, 2, 1000, NEVER), arena), "not both"));
    assert_non_null(strstr(meant(store, range(1, 2, NEVER, 3000), arena), "not both"));
    assert_non_null(strstr(meant(store, range(-2, 2, NEVER, NEVER), arena), "versions start at 0"));
    silt_changes_options beyond = range(4, NONE, NEVER, NEVER);
    beyond.allow_out_of_range = true;
    assert_string_equal(meant(store, beyond, arena), "empty");
}

static void ranges_of_times(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store = timed_table();
    assert_string_equal(meant(store, range(NONE, NONE, 2000, 3000), arena), "1..2");
    assert_string_equal(meant(store, range(NONE, NONE, 1001, 3999), arena), "1..2");
    assert_string_equal(meant(store, range(NONE, NONE, 5, 1000), arena), "0..0");
    assert_string_equal(meant(store, range(NONE, 3, 1001, NEVER), arena), "1..3");
    assert_string_equal(meant(store, range(0, NONE, NEVER, 2500), arena), "0..1");
    assert_string_equal(meant(store, range(NONE, NONE, 3500, NEVER), arena), "3..3");
    /* both between two commits; the other way round it's no range */
    assert_string_equal(meant(store, range(NONE, NONE, 2100, 2900), arena), "empty");
    assert_non_null(strstr(meant(store, range(NONE, NONE, 2900, 2100), arena),
                           "the range ends before it starts"));
    assert_non_null(strstr(meant(store, range(2, NONE, NEVER, 2100), arena),
                           "the range ends before it starts"));
    assert_non_null(strstr(meant(store, range(0, NONE, NEVER, 999), arena), "before the first"));
}

static void times_behind_the_last_commit(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store = timed_table();
    silt_changes_options start = range(NONE, NONE, 4001, NEVER);
    silt_changes_options end = range(2, NONE, NEVER, 4001);
    silt_changes_options both = range(NONE, NONE, 5000, 6000);
    assert_non_null(strstr(meant(store, start, arena), "after the last commit, version 3"));
    assert_non_null(strstr(meant(store, end, arena), "after the last commit, version 3"));
    start.allow_out_of_range = end.allow_out_of_range = both.allow_out_of_range = true;
    assert_string_equal(meant(store, start, arena), "empty");
    assert_string_equal(meant(store, end, arena), "2..3");
    assert_string_equal(meant(store, both, arena), "empty");
    /* a difference is that of the versions which stood at these times */
    silt_changes_options net = range(NONE, NONE, 2500, 3999);
    net.net = true;
    assert_string_equal(meant(store, net, arena), "1..2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_and_removes),
        cmocka_unit_test(cdc_files_alone_count),
        cmocka_unit_test(deletion_vectors),
        cmocka_unit_test(stats_of_lost_rows),
        cmocka_unit_test(merges_that_only_rewrote),
        cmocka_unit_test(schemas_of_the_feed),
        cmocka_unit_test(schemas_under_mapping),
        cmocka_unit_test(schemas_of_a_difference),
        cmocka_unit_test(ranges_of_versions),
        cmocka_unit_test(ranges_of_times),
        cmocka_unit_test(times_behind_the_last_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
