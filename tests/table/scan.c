/* What a scan is planned as: columns, files, deletion vectors, row ids, and the account of it. No
 * engine: data files are empty, the logs are as other writers write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "support/alloc.h"
#include "support/files.h"
#include "support/table.h"
#include "table/rows.h"

#define COLUMN(name, type, id, physical)                                              \
    "{\\\"name\\\":\\\"" name "\\\",\\\"type\\\":\\\"" type                           \
    "\\\",\\\"nullable\\\":true,\\\"metadata\\\":{\\\"delta.columnMapping.id\\\":" id \
    ",\\\"delta.columnMapping.physicalName\\\":\\\"" physical "\\\"}}"
#define SCHEMA                                                                                  \
    "{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[" COLUMN("id", "long", "1", "c1") "," COLUMN( \
        "day", "string", "2", "c2") "," COLUMN("x", "long", "3", "c3") "]}"
#define META(properties)                                                                \
    "{\"metaData\":{\"id\":\"t\",\"format\":{\"provider\":\"parquet\",\"options\":{}}," \
    "\"schemaString\":\"" SCHEMA "\",\"partitionColumns\":[\"day\"],"                   \
    "\"configuration\":{" properties "},\"createdTime\":1700000000000}}\n"
#define PROTOCOL                                                                      \
    "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"                   \
    "\"readerFeatures\":[\"columnMapping\",\"deletionVectors\"],\"writerFeatures\":[" \
    "\"columnMapping\",\"deletionVectors\",\"rowTracking\",\"domainMetadata\"]}}\n"
#define ADD(path, values, rows, more)                                                             \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{" values "},\"size\":100,"              \
    "\"modificationTime\":1,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":" rows "}\"" more \
    "}}\n"
/* As in the example of the protocol, rows 3, 4, 7, 11, 18 and 29. */
#define VECTOR                                                                        \
    ",\"deletionVector\":{\"storageType\":\"i\",\"pathOrInlineDv\":"                  \
    "\"^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L\",\"sizeInBytes\":44," \
    "\"cardinality\":6}"
#define TRACKED ",\"baseRowId\":70,\"defaultRowCommitVersion\":5"

typedef struct world {
    char *dir;
    silt_store *store;
    silt_snapshot *now;
    silt_error err;
} world;

/* A table of these lines as version 0; `files` (may be NULL) are made, a name a word. */
static void world_init(world *w, const char *lines, const char *files)
{
    *w = (world){.dir = test_dir_new()};
    assert_int_equal(silt_store_open(w->dir, NULL, &w->store, &w->err), SILT_OK);
    test_table_put(w->store, 0, lines);
    for (const char *at = files ? files : ""; *at; at += strspn(at, " ")) {
        char name[64] = {0};
        size_t size = strcspn(at, " ");
        memcpy(name, at, size);
        test_write(w->dir, name, "");
        at += size;
    }
    w->now = test_table_open(w->store);
}

static void world_release(world *w)
{
    silt_snapshot_free(w->now);
    silt_store_free(w->store);
    test_dir_free(w->dir);
}

static silt_scan *plan(world *w, const silt_scan_options *opts)
{
    silt_scan *scan = NULL;
    silt_status st = silt_scan_open(w->now, opts, &scan, &w->err);
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), w->err.message);
    return scan;
}

static void assert_refused(world *w, const silt_scan_options *opts, silt_status status,
                           const char *words)
{
    silt_scan *scan = NULL;
    assert_int_equal(silt_scan_open(w->now, opts, &scan, &w->err), status);
    assert_null(scan);
    if (!strstr(w->err.message, words))
        fail_msg("\"%s\" doesn't say \"%s\"", w->err.message, words);
}

/* ---- columns */

static void columns_have_their_names_in_files(void **state)
{
    (void)state;
    static const char *const modes[] = {"name", "id"};
    for (int id = 0; id < 2; id++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        const char *lines = silt_arena_printf(arena,
                                              PROTOCOL META("\"delta.columnMapping.mode\":\"%s\"")
                                                  ADD("a%%20b.parquet", "\"c2\":\"mon\"", "9", ""),
                                              modes[id]);
        world w;
        world_init(&w, lines, NULL);
        test_write(w.dir, "a b.parquet", "");
        const char *const columns[] = {"x", "day"};
        silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
        opts.columns = columns;
        opts.column_count = 2;
        opts.where = "id > 3";
        opts.file_column = "from";
        SILT_AUTO(silt_scan) scan = plan(&w, &opts);
        const silt_scan_spec *spec = &scan->rows.scan;
        assert_int_equal(spec->by_id, id);
        assert_int_equal(spec->result_count, 3); /* x, day, from */
        assert_int_equal(spec->column_count, 4); /* and id, which the condition asks for */
        assert_string_equal(spec->columns[0].physical.name, "c3");
        assert_int_equal(spec->columns[0].physical.id, 3);
        assert_int_equal(spec->columns[1].kind, SILT_SCAN_CONSTANT);
        assert_string_equal(spec->columns[3].physical.name, "c1");
        assert_string_equal(spec->files[0].constants[spec->columns[1].constant], "mon");
        assert_string_equal(spec->files[0].constants[spec->columns[2].constant], "a b.parquet");
        assert_non_null(spec->filter);
        const silt_type *schema;
        assert_int_equal(silt_scan_schema(scan, &schema, &w.err), SILT_OK);
        assert_int_equal(schema->field_count, 3);
        assert_string_equal(schema->fields[2].name, "from");
        silt_scan_free(SILT_TAKE(scan));
        world_release(&w);
    }
}

static void names_that_are_taken_are_refused(void **state)
{
    (void)state;
    world w;
    world_init(&w, PROTOCOL META("") ADD("a", "\"day\":null", "9", ""), "a");
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.file_column = "DAY";
    assert_refused(&w, &opts, SILT_INVALID, "\"DAY\" is asked for, but there is a column \"day\"");
    const char *const columns[] = {"id", "id"};
    opts = (silt_scan_options)SILT_SCAN_OPTIONS_INIT;
    opts.columns = columns;
    opts.column_count = 2;
    assert_refused(&w, &opts, SILT_INVALID, "\"id\" is named twice");
    opts.column_count = 0;
    assert_refused(&w, &opts, SILT_INVALID, "no columns are asked for");
    opts.column_count = 1;
    opts.where = "dya = 'x'";
    assert_refused(&w, &opts, SILT_NOT_FOUND, "dya");
    opts.where = "day = ";
    assert_refused(&w, &opts, SILT_INVALID, "condition");
    opts.where = NULL;
    opts.limit = -2;
    assert_refused(&w, &opts, SILT_INVALID, "limit -2");
    world_release(&w);
}

static void partition_values_are_null_or_there(void **state)
{
    (void)state;
    world w;
    world_init(
        &w, PROTOCOL META("") ADD("a", "\"day\":null", "9", "") ADD("b", "\"day\":\"\"", "9", ""),
        "a b");
    SILT_AUTO(silt_scan) scan = plan(&w, NULL);
    for (size_t i = 0; i < 2; i++)
        assert_null(scan->rows.scan.files[i].constants[0]);
    silt_scan_free(SILT_TAKE(scan));
    world_release(&w);
    world_init(&w, PROTOCOL META("") ADD("a", "", "9", ""), "a");
    assert_refused(&w, NULL, SILT_CORRUPT, "data file a of version 0 has no value of partition");
    const char *const columns[] = {"id"};
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.columns = columns;
    opts.column_count = 1;
    silt_scan_free(plan(&w, &opts)); /* nobody asks for it */
    world_release(&w);
}

/* ---- row tracking */

static void row_ids_are_given_where_they_are_tracked(void **state)
{
    (void)state;
    world w;
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.row_id_column = "_row_id";
    opts.row_commit_version_column = "_row_commit_version";
    world_init(&w, PROTOCOL META("") ADD("a", "\"day\":null", "9", TRACKED), "a");
    assert_refused(&w, &opts, SILT_UNSUPPORTED, "version 0 has no row ids");
    world_release(&w);

    world_init(&w,
               PROTOCOL META("\"delta.enableRowTracking\":\"true\","
                             "\"delta.rowTracking.materializedRowIdColumnName\":\"_row-id-col-1\"")
                   ADD("a", "\"day\":null", "9", TRACKED),
               "a");
    SILT_AUTO(silt_scan) scan = plan(&w, &opts);
    const silt_scan_spec *spec = &scan->rows.scan;
    assert_int_equal(spec->column_count, 5);
    assert_int_equal(spec->columns[3].kind, SILT_SCAN_ROW_ID);
    assert_string_equal(spec->columns[3].physical.name, "_row-id-col-1");
    assert_int_equal(spec->columns[4].kind, SILT_SCAN_DATA_OR_CONSTANT);
    assert_null(spec->columns[4].physical.name); /* in no file */
    assert_int_equal(spec->files[0].base_row_id, 70);
    assert_string_equal(spec->files[0].constants[spec->columns[4].constant], "5");
    silt_scan_free(SILT_TAKE(scan));
    world_release(&w);

    world_init(
        &w, PROTOCOL META("\"delta.enableRowTracking\":\"true\"") ADD("a", "\"day\":null", "9", ""),
        "a");
    assert_refused(&w, &opts, SILT_CORRUPT, "data file a of version 0 has no baseRowId");
    opts.row_id_column = NULL;
    assert_refused(&w, &opts, SILT_CORRUPT, "has no defaultRowCommitVersion");
    world_release(&w);
}

/* ---- files */

static void deletion_vectors_are_read(void **state)
{
    (void)state;
    world w;
    world_init(&w,
               PROTOCOL META("") ADD("a", "\"day\":null", "30", VECTOR)
                   ADD("b", "\"day\":null", "9", ""),
               "a b");
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.explain = true;
    SILT_AUTO(silt_scan) scan = plan(&w, &opts);
    const silt_scan_file *file = &scan->rows.scan.files[0];
    assert_non_null(file->rows);
    assert_false(file->rows_only);
    assert_int_equal(file->row_count, 30);
    assert_int_equal(silt_bitmap_count(file->rows), 6);
    assert_true(silt_bitmap_has(file->rows, 29));
    assert_null(scan->rows.scan.files[1].rows);
    const silt_scan_explanation *e = silt_scan_explain(scan);
    assert_int_equal(e->total_rows, 39);
    assert_int_equal(e->rows, 33);
    assert_string_equal(e->steps[0].name, "deletion vectors");
    assert_int_equal(e->steps[0].rows, 6);
    silt_scan_free(SILT_TAKE(scan));
    world_release(&w);
    /* The last row that it names isn't in the file. */
    world_init(&w, PROTOCOL META("") ADD("a", "\"day\":null", "29", VECTOR), "a");
    assert_refused(&w, NULL, SILT_CORRUPT, "data file a of version 0");
    world_release(&w);
}

static void a_file_that_has_gone_is_told(void **state)
{
    (void)state;
    world w;
    world_init(&w,
               PROTOCOL META("") ADD("a", "\"day\":null", "9", "")
                   ADD("gone%20file", "\"day\":null", "9", ""),
               "a");
    assert_refused(&w, NULL, SILT_NOT_FOUND, "gone file of version 0 has gone");
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.limit = 1; /* would be content with the first file */
    assert_refused(&w, &opts, SILT_NOT_FOUND, "gone file of version 0 has gone");
    const char *const files[] = {"a"};
    opts.files = files;
    opts.file_count = 1;
    silt_scan_free(plan(&w, &opts));
    world_release(&w);
}

static void files_of_other_places(void **state)
{
    (void)state;
    char *other = test_dir_new();
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    test_write(other, "b c", "");
    world w;
    world_init(&w,
               silt_arena_printf(arena,
                                 PROTOCOL META("") ADD("file://%s/b%%20c", "\"day\":null", "9", ""),
                                 other),
               NULL);
    SILT_AUTO(silt_scan) scan = plan(&w, NULL);
    char *path = test_path(other, "b c");
    assert_string_equal(scan->rows.scan.files[0].local_path, path);
    free(path);
    silt_scan_free(SILT_TAKE(scan));
    world_release(&w);
    world_init(&w, PROTOCOL META("") ADD("s3://bucket/b", "\"day\":null", "9", ""), NULL);
    assert_refused(&w, NULL, SILT_UNSUPPORTED, "s3://bucket/b");
    world_release(&w);
    world_init(&w, PROTOCOL META("") ADD("../b", "\"day\":null", "9", ""), NULL);
    assert_refused(&w, NULL, SILT_CORRUPT, "../b");
    world_release(&w);
    test_dir_free(other);
}

static void only_named_files(void **state)
{
    (void)state;
    world w;
    world_init(&w,
               PROTOCOL META("") ADD("a%20b", "\"day\":null", "9", "")
                   ADD("c%20d", "\"day\":null", "8", "") ADD("e", "\"day\":null", "7", ""),
               "e");
    test_write(w.dir, "a b", "");
    test_write(w.dir, "c d", "");
    const char *const files[] = {"a b", "c%20d", "a b"}; /* decoded or not, and twice */
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.files = files;
    opts.file_count = 3;
    opts.explain = true;
    SILT_AUTO(silt_scan) scan = plan(&w, &opts);
    assert_int_equal(scan->rows.scan.file_count, 2);
    const silt_scan_explanation *e = silt_scan_explain(scan);
    assert_int_equal(e->total_files, 3);
    assert_int_equal(e->total_rows, 24);
    assert_int_equal(e->files, 2);
    assert_int_equal(e->rows, 17);
    assert_int_equal(e->bytes, 200);
    assert_int_equal(e->step_count, 1);
    assert_string_equal(e->steps[0].name, "file list");
    assert_int_equal(e->steps[0].files, 1);
    assert_int_equal(e->steps[0].rows, 7);
    silt_scan_free(SILT_TAKE(scan));
    const char *const none[] = {"a b", "x", "y", "z"};
    opts.files = none;
    opts.file_count = 2;
    assert_refused(&w, &opts, SILT_NOT_FOUND, "version 0 has no file x");
    opts.file_count = 4;
    assert_refused(&w, &opts, SILT_NOT_FOUND, "no file x, nor 2 others");
    opts.file_count = 0;
    scan = plan(&w, &opts);
    assert_int_equal(scan->rows.scan.file_count, 0);
    silt_scan_free(SILT_TAKE(scan));
    world_release(&w);
}

static void a_limit_reads_no_more_files_than_it_takes(void **state)
{
    (void)state;
    world w;
    world_init(&w,
               PROTOCOL META("") ADD("a", "\"day\":null", "30", VECTOR)
                   ADD("b", "\"day\":null", "9", "") ADD("c", "\"day\":null", "7", ""),
               "a b c");
    static const struct {
        int64_t limit;
        size_t files;
    } cases[] = {{-1, 3}, {0, 0}, {1, 1}, {24, 1}, {25, 2}, {33, 2}, {34, 3}, {1000, 3}};
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
        opts.limit = cases[i].limit;
        SILT_AUTO(silt_scan) scan = plan(&w, &opts);
        assert_int_equal(scan->rows.scan.file_count, cases[i].files);
        assert_int_equal(scan->rows.scan.limit, cases[i].limit);
        const silt_scan_explanation *e = silt_scan_explain(scan);
        int64_t files = e->files;
        for (size_t s = 0; s < e->step_count; s++)
            files += e->steps[s].files;
        assert_int_equal(files, e->total_files);
        silt_scan_free(SILT_TAKE(scan));
    }
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.limit = 1;
    opts.where = "x = 3"; /* which rows it takes isn't known */
    SILT_AUTO(silt_scan) scan = plan(&w, &opts);
    assert_int_equal(scan->rows.scan.file_count, 3);
    silt_scan_free(SILT_TAKE(scan));
    world_release(&w);
}

/* Without memory a plan fails, or it didn't need that much; nothing leaks, and no file is lost. */
static void each_allocation_fails(void **state)
{
    (void)state;
    world w;
    world_init(&w,
               PROTOCOL META("\"delta.columnMapping.mode\":\"name\","
                             "\"delta.enableRowTracking\":\"true\"")
                   ADD("a", "\"c2\":\"x\"", "30", TRACKED) ADD("b", "\"c2\":\"y\"", "9", TRACKED)
                       ADD("c", "\"c2\":\"z\"", "9", TRACKED),
               "a b");
    const char *const columns[] = {"x"}, *const files[] = {"a", "b"};
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.columns = columns;
    opts.column_count = 1;
    opts.files = files;
    opts.file_count = 2;
    opts.where = "day <> 'y' AND id IN (1, 2)";
    opts.file_column = "from";
    opts.row_id_column = "_id";
    opts.row_commit_version_column = "_version";
    opts.explain = true;
    for (int all_after = 0; all_after < 2; all_after++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            SILT_AUTO(silt_snapshot) fresh = test_table_open(w.store);
            silt_scan *scan = NULL;
            test_alloc_fail(n, all_after);
            silt_status st = silt_scan_open(fresh, &opts, &scan, &w.err);
            failed = test_alloc_failed();
            if (st != SILT_OK && (st != SILT_NOMEM || !failed))
                fail_msg("allocation %d: %s: %s", n, silt_status_name(st), w.err.message);
            /* A file whose stats or values couldn't be looked at is kept. */
            if (st == SILT_OK) assert_true(scan->rows.scan.file_count >= 1);
            if (!failed) assert_int_equal(scan->rows.scan.file_count, 1);
            silt_scan_free(scan);
            silt_snapshot_free(SILT_TAKE(fresh));
        }
    }
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_have_their_names_in_files),
        cmocka_unit_test(names_that_are_taken_are_refused),
        cmocka_unit_test(partition_values_are_null_or_there),
        cmocka_unit_test(row_ids_are_given_where_they_are_tracked),
        cmocka_unit_test(deletion_vectors_are_read),
        cmocka_unit_test(a_file_that_has_gone_is_told),
        cmocka_unit_test(files_of_other_places),
        cmocka_unit_test(only_named_files),
        cmocka_unit_test(a_limit_reads_no_more_files_than_it_takes),
        cmocka_unit_test(each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
