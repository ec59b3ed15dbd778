/* The change data feed: what a commit's actions tell, which schemas go together, what a range of
 * versions and times means, and what is refused before a row is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "log/log.h"
#include "support/alloc.h"
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
    assert_ok(silt_changes_of_commit(actions, count, true, arena, &changes, &change_count, &err),
              &err);
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
    assert_ok(silt_changes_of_commit(actions, 2, true, arena, &changes, &count, &err), &err);
    assert_int_equal(count, 1);
    assert_null(changes[0].stats);
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

/* ---- plans: the files of a scan, as the engine is to read them */

static void put_file(silt_store *store, const char *key)
{
    silt_error err = {0};
    assert_ok(store->ops->put_new(store, key, SILT_STR("PAR1"), &err), &err);
}

static const char *constant(const silt_scan_spec *spec, size_t file, const char *column)
{
    for (size_t i = 0; i < spec->column_count; i++)
        if (strcmp(spec->columns[i].name, column) == 0) {
            const char *value = spec->files[file].constants[spec->columns[i].constant];
            return value ? value : "-";
        }
    fail_msg("no column %s", column);
    return NULL;
}

/* "insert a 1 1970-01-01T00:00:02.000Z; …", or the message and hint of the failure. */
static const char *planned(silt_store *store, silt_changes_options opts, silt_arena *arena)
{
    silt_error err = {0};
    SILT_AUTO(silt_scan) scan = NULL;
    if (silt_changes_open(store, NULL, &opts, &scan, &err) != SILT_OK)
        return silt_arena_printf(arena, "%s: %s (%s)", silt_status_name(err.status), err.message,
                                 err.hint);
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "");
    const silt_scan_spec *spec = &scan->rows.scan;
    for (size_t i = 0; i < spec->file_count; i++) {
        const silt_scan_file *f = &spec->files[i];
        silt_buf_printf(&text, "%s%s %s %s %s", i ? "; " : "", constant(spec, i, SILT_CHANGE_TYPE),
                        strrchr(f->local_path, '-') + 1, constant(spec, i, SILT_CHANGE_VERSION),
                        constant(spec, i, SILT_CHANGE_TIMESTAMP));
        if (f->rows)
            silt_buf_printf(&text, " %s %d", f->rows_only ? "only" : "without",
                            (int)silt_bitmap_count(f->rows));
    }
    return silt_buf_copy(&text, arena);
}

static const char *changes_of(silt_store *store, int64_t from, int64_t to, silt_arena *arena)
{
    return planned(store, range(from, to, NEVER, NEVER), arena);
}

/* Version 0 is a table with the feed on; the next ones are `commits`, made a second apart. */
static silt_store *table_of(const char *const *commits)
{
    silt_store *store = silt_store_mem_new();
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    test_table_put(store, 0, TIME("1000") PROTOCOL METADATA(COLUMN("id", "long"), ON));
    for (int i = 0; commits[i]; i++)
        test_table_put(store, i + 1,
                       silt_arena_printf(arena,
                                         "{\"commitInfo\":{\"inCommitTimestamp\":%d000}}\n%s",
                                         i + 2, commits[i]));
    return store;
}
#define TABLE(...) table_of((const char *const[]){__VA_ARGS__, NULL})

/* An inline vector: rows 0, 1, 4 and 5. */
#define INLINE_DV                                                                \
    ",\"deletionVector\":{\"storageType\":\"i\",\"pathOrInlineDv\":"             \
    "\"^Bg9^0rr910000000000iXQKl0rr91000935c8Xg000311onP9\",\"sizeInBytes\":40," \
    "\"cardinality\":4}"

static void one_scan_of_a_range(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store =
        TABLE(ADD("a", CHANGES) "\n" ADD("b", CHANGES), ADD("c", MOVES) "\n" REMOVE("b", MOVES),
              CDC("d") "\n" REMOVE("c", CHANGES), REMOVE("a", CHANGES) "\n" ADD("a", INLINE_DV));
    const char *names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < SILT_COUNT(names); i++)
        put_file(store, names[i]);
    assert_string_equal(changes_of(store, 0, 4, arena),
                        "insert a 1 1970-01-01T00:00:02.000Z; insert b 1 1970-01-01T00:00:02.000Z; "
                        "- d 3 1970-01-01T00:00:04.000Z; "
                        "delete a 4 1970-01-01T00:00:05.000Z only 4");
    assert_string_equal(changes_of(store, 2, 2, arena), "");
    assert_string_equal(changes_of(store, 3, 3, arena), "- d 3 1970-01-01T00:00:04.000Z");
}

static void only_the_files_that_are_told(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store = TABLE(ADD("a", CHANGES), REMOVE("a", CHANGES));
    const char *told = changes_of(store, 1, 2, arena);
    assert_true(silt_starts_with(told, silt_status_name(SILT_NOT_FOUND)));
    assert_non_null(strstr(told, "data file a of version 1 has gone"));
    put_file(store, "a");
    assert_string_equal(changes_of(store, 2, 2, arena), "delete a 2 1970-01-01T00:00:03.000Z");
}

static void files_that_go_away_later(void **state)
{
    (void)state;
    SILT_AUTO(silt_store) store = TABLE(ADD("a", CHANGES), ADD("b", CHANGES), "");
    put_file(store, "a");
    put_file(store, "b");
    silt_error err = {0};
    SILT_AUTO(silt_scan) scan = NULL;
    silt_changes_options opts = range(0, 3, NEVER, NEVER);
    assert_ok(silt_changes_open(store, NULL, &opts, &scan, &err), &err);
    assert_int_equal(scan->blame(scan->ctx, SILT_FAILED, &err), SILT_FAILED);
    assert_int_equal(unlink(scan->rows.scan.files[0].local_path), 0);
    assert_int_equal(scan->blame(scan->ctx, SILT_FAILED, &err), SILT_NOT_FOUND);
    assert_non_null(strstr(err.message, "of version 1 has gone"));
}

/* ---- what is refused */

static void assert_refused(const char *told, const char *what)
{
    if (!silt_starts_with(told, "unsupported") || !strstr(told, what))
        fail_msg("\"%s\" isn't in: %s", what, told);
}

static void the_feed_has_to_be_on(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store =
        TABLE("", METADATA(COLUMN("id", "long"), ""), "", METADATA(COLUMN("id", "long"), ON), "");
    assert_string_equal(changes_of(store, 0, 1, arena), "");
    assert_refused(changes_of(store, 0, 3, arena), "the change data feed was off at version 2");
    assert_refused(changes_of(store, 0, 5, arena), "the change data feed was off at version 2");
    assert_refused(changes_of(store, 3, 3, arena), "the change data feed was off at version 3");
    assert_refused(changes_of(store, 2, 5, arena), "delta.enableChangeDataFeed=true");
    assert_string_equal(changes_of(store, 4, 5, arena), "");
}

static void changes_of_the_schema(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store =
        TABLE(METADATA(COLUMN("id", "long") "," COLUMN("x", "long"), ON), "",
              METADATA(COLUMN("id", "long") "," COLUMN("x", "string"), ON), "");
    assert_string_equal(changes_of(store, 3, 4, arena), "");
    assert_refused(changes_of(store, 0, 4, arena),
                   "the schema of version 1 doesn't go into that of version 4: column x changed "
                   "its type from long to string");
    assert_refused(changes_of(store, 2, 4, arena),
                   "the schema of version 2 doesn't go into that of version 4");
    /* what comes behind the range doesn't matter */
    assert_string_equal(changes_of(store, 0, 2, arena), "");
    assert_string_equal(changes_of(store, 1, 2, arena), "");
}

/* The columns of the newest version, as long as they can show the range's rows; else its end's. */
static void columns_of_the_feed(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store =
        TABLE("", METADATA(COLUMN("id", "long") "," COLUMN("x", "long"), ON), "",
              METADATA(COLUMN("y", "long"), ON));
    const struct {
        int64_t from, to;
        const char *columns;
    } cases[] = {{0, 1, "id"}, {0, 2, "id x"}, {2, 3, "id x"}, {4, 4, "y"}};
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_error err = {0};
        SILT_AUTO(silt_scan) scan = NULL;
        silt_changes_options opts = range(cases[i].from, cases[i].to, NEVER, NEVER);
        assert_ok(silt_changes_open(store, NULL, &opts, &scan, &err), &err);
        SILT_CLEAN(silt_buf) names = {0};
        for (size_t c = 0; c < scan->rows.scan.column_count; c++)
            silt_buf_printf(&names, "%s%s", c ? " " : "", scan->rows.scan.columns[c].name);
        assert_string_equal(silt_buf_copy(&names, arena),
                            silt_arena_printf(arena,
                                              "%s _change_type _commit_version _commit_timestamp",
                                              cases[i].columns));
    }
}

static void names_of_the_feed(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store =
        TABLE(METADATA(COLUMN("id", "long") "," COLUMN("_Commit_Version", "long"), ON));
    assert_refused(changes_of(store, 1, 1, arena), "the table has a column \"_Commit_Version\"");
    silt_changes_options net = range(0, 1, NEVER, NEVER);
    net.net = true;
    silt_error err = {0};
    SILT_AUTO(silt_scan) scan = NULL; /* a difference has no such column */
    assert_ok(silt_changes_open(store, NULL, &net, &scan, &err), &err);
}

static void a_version_that_cannot_be_read(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store =
        TABLE("{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":["
              "\"fromTheFuture\"],\"writerFeatures\":[\"fromTheFuture\"]}}",
              PROTOCOL);
    assert_refused(changes_of(store, 0, 2, arena), "version 1");
    assert_refused(changes_of(store, 0, 2, arena), "fromTheFuture");
    assert_string_equal(changes_of(store, 2, 2, arena), "");
}

#define PARTITIONED                                                                       \
    "{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\"},\"schemaString\":" \
    "\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[" COLUMN("id", "long") "," COLUMN(    \
        "p", "long") "]}\",\"partitionColumns\":[\"p\"],\"configuration\":{" ON           \
                     "\"delta.enableInCommitTimestamps\":\"true\"}}}\n"

static void other_partitions(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store = silt_store_mem_new();
    test_table_put(store, 0, TIME("1000") PROTOCOL PARTITIONED);
    put_file(store, "a");
    test_table_put(store, 1, TIME("2000") REMOVE("a", CHANGES));
    test_table_put(store, 2, TIME("3000") ADD("a", CHANGES));
    test_table_put(store, 3,
                   TIME("4000") "{\"add\":{\"path\":\"a\",\"partitionValues\":{\"p\":\"1\","
                                "\"id\":\"2\"},\"size\":9,\"modificationTime\":1}}");
    test_table_put(store, 4,
                   TIME("5000") "{\"remove\":{\"path\":\"b\",\"extendedFileMetadata\":true,"
                                "\"partitionValues\":{},\"size\":9,\"dataChange\":true}}\n");
    put_file(store, "b");
    assert_string_equal(changes_of(store, 4, 4, arena), /* Spark's way to say null */
                        "delete b 4 1970-01-01T00:00:05.000Z");
    test_table_put(store, 5,
                   TIME("6000") PARTITIONED
                   "{\"remove\":{\"path\":\"b\",\"extendedFileMetadata\":true,"
                   "\"partitionValues\":{},\"size\":9,\"dataChange\":true}}\n");
    assert_string_equal(changes_of(store, 5, 5, arena), "delete b 5 1970-01-01T00:00:06.000Z");
    assert_string_equal(changes_of(store, 4, 5, arena),
                        "delete b 4 1970-01-01T00:00:05.000Z; delete b 5 1970-01-01T00:00:06.000Z");
    /* but where a commit changes the partition columns it may mean that, too */
    test_table_put(store, 6,
                   TIME("7000") METADATA(COLUMN("id", "long") "," COLUMN("p", "long"), ON));
    test_table_put(store, 7,
                   TIME("8000") PARTITIONED
                   "{\"remove\":{\"path\":\"b\",\"extendedFileMetadata\":true,"
                   "\"partitionValues\":{},\"size\":9,\"dataChange\":true}}\n");
    assert_refused(changes_of(store, 7, 7, arena), "isn't partitioned as the table is now");
    assert_refused(changes_of(store, 1, 1, arena), "without a word about its partition values");
    assert_refused(changes_of(store, 2, 2, arena), "isn't partitioned as the table is now");
    assert_refused(changes_of(store, 3, 3, arena), "isn't partitioned as the table is now");
}

static void options_that_make_no_sense(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) store = TABLE("");
    static const char *const keys[] = {"id", "nil"};
    silt_changes_options opts = range(0, 1, NEVER, NEVER);
    opts.keys = keys;
    opts.key_count = 1;
    assert_non_null(strstr(planned(store, opts, arena), "keys are for the net difference only"));
    opts.net = true;
    opts.key_count = 2;
    assert_non_null(strstr(planned(store, opts, arena), "no column \"nil\" to be a key"));
    opts = range(0, 1, NEVER, NEVER);
    opts.limit = -2;
    assert_non_null(strstr(planned(store, opts, arena), "limit -2"));
    opts = range(0, 1, NEVER, NEVER);
    opts.columns = &keys[1];
    opts.column_count = 1;
    assert_non_null(strstr(planned(store, opts, arena), "no column \"nil\""));
}

/* ---- without memory */

/* Each allocation fails once, then it and all behind it: NOMEM and nothing leaks, or it didn't
 * matter. */
static void sweep(silt_store *store, const silt_changes_options *opts)
{
    int failures = 0;
    for (int all_after = 0; all_after < 2; all_after++) {
        for (int n = 1, failed = 1; failed; n++) {
            silt_error err = {0};
            SILT_AUTO(silt_scan) scan = NULL;
            test_alloc_fail(n, all_after);
            silt_status st = silt_changes_open(store, NULL, opts, &scan, &err);
            failed = test_alloc_failed();
            failures += st != SILT_OK;
            /* CRoaring doesn't tell a want of memory from a bitmap that isn't one */
            bool bitmap = st == SILT_CORRUPT && strstr(err.message, "the bitmap is garbage");
            if (st != SILT_OK && st != SILT_NOMEM && !bitmap)
                fail_msg("allocation %d: %s: %s", n, silt_status_name(st), err.message);
            assert_true(failed || st == SILT_OK);
            assert_true((st == SILT_OK) == (scan != NULL));
        }
    }
    assert_true(failures > 100);
}

static void each_allocation_fails(void **state)
{
    (void)state;
    SILT_AUTO(silt_store) store =
        TABLE(ADD("a", CHANGES) "\n" ADD("b", CHANGES), CDC("d") "\n" REMOVE("b", CHANGES),
              METADATA(COLUMN("id", "long") "," COLUMN("x", "long"), ON),
              REMOVE("a", CHANGES) "\n" ADD("a", INLINE_DV));
    const char *names[] = {"a", "b", "d"};
    for (size_t i = 0; i < SILT_COUNT(names); i++)
        put_file(store, names[i]);
    silt_changes_options opts = range(0, 4, NEVER, NEVER);
    opts.where = "_change_type <> 'insert' OR id > 3";
    sweep(store, &opts);
    static const char *const keys[] = {"ID"};
    opts = range(1, 4, NEVER, NEVER);
    opts.net = true;
    opts.keys = keys;
    opts.key_count = 1;
    sweep(store, &opts);
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
        cmocka_unit_test(one_scan_of_a_range),
        cmocka_unit_test(only_the_files_that_are_told),
        cmocka_unit_test(files_that_go_away_later),
        cmocka_unit_test(the_feed_has_to_be_on),
        cmocka_unit_test(changes_of_the_schema),
        cmocka_unit_test(columns_of_the_feed),
        cmocka_unit_test(names_of_the_feed),
        cmocka_unit_test(a_version_that_cannot_be_read),
        cmocka_unit_test(other_partitions),
        cmocka_unit_test(options_that_make_no_sense),
        cmocka_unit_test(each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
