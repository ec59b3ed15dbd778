/* Queries over tables: versions, changes, datasets, conditions that skip files, failures. */
#include "ops/place.h"

#include <unistd.h>

#include "ops/sql.h"
#include "silt/arrow.h"
#include "table/expr.h"
#include "table/rows.h"

static place here;
static silt_datasets *names;
static const char *root; /* of the table */

static int set_up(void **state)
{
    (void)state;
    place_init(&here, true);
    names = silt_datasets_new();
    root = silt_arena_printf(here.arena, "%s/table", here.dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    silt_datasets_free(names);
    place_release(&here);
    return 0;
}

/* Version 1 has ids 1 to 3, version 2 also 4 to 6, a file each. */
static void make_table(void)
{
    place_source(&here, "a.csv", "id,name\n1,a\n2,b\n3,c\n");
    place_load_ok(&here);
    place_no_sources(&here);
    place_source(&here, "b.csv", "id,name\n4,d\n5,e\n6,f\n");
    place_load_ok(&here);
}

static void add_dataset(const char *name, silt_dataset d)
{
    d.name = name;
    d.path = root;
    place_ok(&here, silt_datasets_add(names, &d, &here.err));
}

/* printf's format, with the table's path as its argument. */
static silt_scan *query(const char *format)
{
    SILT_CLEAN(silt_buf) sql = {0};
    for (const char *c = format; *c; c++) {
        if (*c == '@')
            silt_buf_puts(&sql, root);
        else
            silt_buf_putc(&sql, *c);
    }
    silt_sql_options opts = SILT_SQL_OPTIONS_INIT;
    silt_scan *scan = NULL;
    opts.datasets = names;
    place_ok(&here, silt_sql_open(here.engine, sql.data, &opts, &scan, &here.err));
    return scan;
}

static silt_status rows_of(silt_scan *scan, const char **out)
{
    place_lines l = {.arena = here.arena};
    SILT_CLEAN(silt_buf) all = {0};
    here.err = (silt_error){0};
    silt_status st = silt_scan_rows(scan, place_line, &l, &here.err);
    silt_buf_puts(&all, "");
    for (size_t i = 0; i < l.lines.count; i++)
        silt_buf_puts(&all, l.lines.items[i]);
    silt_vec_free(&l.lines);
    *out = silt_buf_copy(&all, here.arena);
    return st;
}

static void assert_query(const char *sql, const char *expected)
{
    const char *rows;
    SILT_AUTO(silt_scan) scan = query(sql);
    place_ok(&here, rows_of(scan, &rows));
    assert_string_equal(rows, expected);
}

static void assert_fails(const char *sql, silt_status status, const char *message)
{
    const char *rows;
    SILT_AUTO(silt_scan) scan = query(sql);
    silt_status st = rows_of(scan, &rows);
    if (st != status || !strstr(here.err.message, message))
        fail_msg("%s: %s: %s", sql, silt_status_name(st), here.err.message);
}

/* ---- tables ------------------------------------------------------------------------------------
 */

static void tables_at_versions(void **state)
{
    (void)state;
    make_table();
    assert_query("SELECT count(*), sum(id) FROM delta('@')", "6|21\n");
    assert_query("SELECT count(*) FROM delta('@', version := 1)", "3\n");
    assert_query("SELECT n.id FROM delta('@') n ANTI JOIN delta('@', version := 1) o USING (id) "
                 "ORDER BY 1",
                 "4\n5\n6\n");
    assert_query("SELECT count(*) FROM delta('@', timestamp := '2999-01-01')", "6\n");
    assert_fails("FROM delta('@', version := 9)", SILT_NOT_FOUND, "9");
    assert_fails("FROM delta('@', timestamp := 'soon')", SILT_INVALID, "timestamp 'soon'");
    assert_fails("FROM delta('@', timestamp := '1999-01-01')", SILT_NOT_FOUND, "1999");
    assert_fails("FROM delta('@-not')", SILT_NOT_FOUND, "table-not");
}

static void changes_are_a_relation(void **state)
{
    (void)state;
    make_table();
    /* The feed wasn't on, which append-only commits need not be. */
    SILT_AUTO(silt_scan) scan = query("SELECT id, _change_type, _commit_version FROM "
                                      "delta_changes('@', 1, 2) WHERE id > 2 ORDER BY id");
    const char *rows;
    silt_status st = rows_of(scan, &rows);
    if (st == SILT_OK)
        assert_string_equal(rows, "3|insert|1\n4|insert|2\n5|insert|2\n6|insert|2\n");
    else
        assert_int_equal(st, SILT_UNSUPPORTED);
    assert_fails("FROM delta_changes('@', 'soon')", SILT_INVALID, "'soon' is neither");
    assert_fails("FROM delta_changes('@', 9)", SILT_INVALID, "9");
}

static void names_are_datasets(void **state)
{
    (void)state;
    make_table();
    silt_dataset d = SILT_DATASET_INIT;
    add_dataset("latest", d);
    d.version = 1;
    add_dataset("first", d);
    assert_query("SELECT (SELECT count(*) FROM latest), (SELECT count(*) FROM \"FIRST\")", "6|3\n");
    assert_query("SELECT count(*) FROM delta('latest', version := 1)", "3\n");
    assert_query("SELECT count(*) FROM delta('first', version := 2)", "6\n");
    d = (silt_dataset)SILT_DATASET_INIT;
    d.file_column = "_file";
    add_dataset("named", d);
    assert_query("SELECT count(DISTINCT _file) FROM named WHERE _file LIKE 'part-%'", "2\n");
    assert_fails("FROM frist", SILT_NOT_FOUND, "line 1, column 6: there is no table frist");
    assert_string_equal(here.err.hint, "did you mean 'first'?");
    d.file_column = NULL;
    d.version = 7;
    add_dataset("gone", d);
    assert_fails("FROM gone", SILT_NOT_FOUND, "dataset gone: ");
}

static void a_dataset_is_a_scan(void **state)
{
    (void)state;
    make_table();
    silt_dataset d = SILT_DATASET_INIT;
    const silt_dataset *found;
    const char *rows;
    d.version = 1;
    d.file_column = "_file";
    add_dataset("first", d);
    place_ok(&here, silt_datasets_find(names, "first", &found, &here.err));
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    const char *columns[] = {"name"};
    opts.columns = columns;
    opts.column_count = 1;
    opts.where = "id >= 2";
    SILT_AUTO(silt_scan) scan = NULL;
    place_ok(&here, silt_dataset_open(found, here.engine, &opts, &scan, &here.err));
    const silt_type *schema;
    place_ok(&here, silt_scan_schema(scan, &schema, &here.err));
    assert_string_equal(silt_type_name(schema, here.arena), "struct<name:string,_file:string>");
    place_ok(&here, rows_of(scan, &rows));
    assert_non_null(strstr(rows, "b|part-"));
    assert_null(strstr(rows, "a|"));

    silt_scan *none = NULL;
    opts.where = "nope = 1";
    assert_int_equal(silt_dataset_open(found, here.engine, &opts, &none, &here.err),
                     SILT_NOT_FOUND);
    assert_true(silt_starts_with(here.err.message, "dataset first: "));
    assert_null(none);
}

/* ---- reading again -----------------------------------------------------------------------------
 */

static void each_read_has_the_same_rows(void **state)
{
    (void)state;
    make_table();
    const char *before, *after;
    SILT_AUTO(silt_scan) scan = query("SELECT count(*) FROM delta('@')");
    place_ok(&here, rows_of(scan, &before));
    place_no_sources(&here);
    place_source(&here, "c.csv", "id,name\n7,g\n");
    place_load_ok(&here);
    place_ok(&here, rows_of(scan, &after));
    assert_string_equal(before, after);
    assert_query("SELECT count(*) FROM delta('@')", "7\n");
    const silt_type *schema;
    place_ok(&here, silt_scan_schema(scan, &schema, &here.err));
    assert_string_equal(silt_type_name(schema, here.arena), "struct<`count_star()`:long>");
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    place_ok(&here, silt_scan_stream(scan, &stream, &here.err));
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(*(const int64_t *)batch.children[0]->buffers[1], 6);
    batch.release(&batch);
    stream.release(&stream);
}

/* ---- skipping ----------------------------------------------------------------------------------
 */

static const silt_type *schema_of(const char *text)
{
    return place_schema(&here, text);
}

/* What a condition of Spark's text, taken as a statement's, gives. */
static void assert_where(const char *given, const char *expected)
{
    const silt_expr *expr = NULL;
    place_ok(&here, silt_expr_parse(given, here.arena, &expr, &here.err));
    const char *where = silt_sql_where(
        expr,
        schema_of("struct<i:int,l:long,d:double,f:float,s:string,b:boolean,t:date,z:timestamp,"
                  "x:binary,dup:int,DUP:int>"),
        here.arena);
    assert_string_equal(where ? where : "none", expected);
}

static void only_what_means_the_same_goes_over(void **state)
{
    (void)state;
    assert_where("s = 'x' AND b", "(`s` = 'x') AND (`b`)");
    assert_where("s = 'x' AND x = 'y'", "(`s` = 'x')");
    assert_where("s = 'x' OR x = 'y'", "none");
    assert_where("i = '5'", "none"); /* cast differently */
    assert_where("i = '5.7'", "none");
    assert_where("f > 1.5", "none");
    assert_where("dup = 1", "none");
    assert_where("nope = 'a'", "none");
    assert_where("t = '2024-01-15'", "(`t` = '2024-01-15')");
    assert_where("t = '2024-1-5'", "none");
    assert_where("t = 'soon'", "none");
    assert_where("s = s", "none");
    assert_where("s IN ('a', 'b') AND s IN ('a', NULL)", "(`s` IN ('a', 'b'))");
    assert_where("x IS NULL", "(`x` IS NULL)");
}

/* A pruned file may be gone: nobody looks at it. */
static void conditions_skip_files(void **state)
{
    (void)state;
    make_table();
    const silt_add *adds;
    size_t count;
    place_ok(&here, silt_snapshot_adds(here.now, &adds, &count, &here.err));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) /* that of the ids 4 to 6 */
        if (strstr(adds[i].stats, "\"minValues\":{\"id\":4"))
            assert_int_equal(unlink(silt_arena_printf(here.arena, "%s/%s", root, adds[i].path)), 0);
    assert_query("SELECT max(id) FROM delta('@') WHERE id < 4", "3\n");
    assert_query("SELECT max(id) FROM delta('@') t WHERE t.id <= 3 AND name LIKE 'c%'", "3\n");
    assert_query("SELECT count(*) FROM (VALUES (1), (9)) v(id) LEFT JOIN delta('@') t ON v.id = "
                 "t.id AND t.id BETWEEN 1 AND 3",
                 "2\n");
    assert_fails("SELECT max(id) FROM delta('@')", SILT_NOT_FOUND, "has gone");
    assert_fails("SELECT max(id) FROM delta('@') WHERE id < 4 OR name = 'f'", SILT_NOT_FOUND,
                 "part-");
}

/* ---- diagnostics -------------------------------------------------------------------------------
 */

static void note(void *ctx, const char *kind, const char *json)
{
    silt_buf_printf(ctx, "%s %s\n", kind, json);
}

static void assert_told(silt_buf *told, const char *expected)
{
    assert_string_equal(told->data ? told->data : "", expected);
    silt_buf_clear(told);
}

static void what_is_asked_is_told(void **state)
{
    (void)state;
    make_table();
    SILT_CLEAN(silt_buf) told = {0};
    const silt_diagnostics to = {note, &told};
    silt_dataset d = SILT_DATASET_INIT;
    silt_read_options read = SILT_READ_OPTIONS_INIT;
    const silt_policy_constraint c = {.name = "positive", .check = "id > 0", .persist = true};
    silt_policy p = SILT_POLICY_INIT;
    d.name = "d";
    d.path = root;
    p.compression = "zstd";
    p.constraints = &c;
    p.constraint_count = 1;
    d.policy = &p;
    silt_dataset_tell(&d, &to);
    assert_non_null(strstr(told.data, "registration {\"dataset\":\"d\",\"path\":"));
    assert_non_null(strstr(told.data, "\"compression\":\"zstd\",\"constraints\":[{\"name\":"
                                      "\"positive\",\"check\":\"id > 0\",\"persist\":true}]}"));
    silt_buf_clear(&told);

    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    SILT_AUTO(silt_scan) scan = NULL;
    opts.where = "id > 1";
    opts.diagnostics = &to;
    place_ok(&here, silt_dataset_open(&d, here.engine, &opts, &scan, &here.err));
    assert_told(&told, "scan_config {\"table\":\"d\",\"where\":\"id > 1\",\"row_ids\":false,"
                       "\"pushdown\":true,\"view_types\":false}\n");

    SILT_AUTO(silt_scan) statement = NULL;
    silt_sql_options sql = SILT_SQL_OPTIONS_INIT;
    sql.diagnostics = &to;
    place_ok(&here, silt_sql_open(here.engine, "SELECT 1", &sql, &statement, &here.err));
    assert_told(&told, "scan_config {\"statement\":\"SELECT 1\",\"view_types\":false}\n");

    silt_changes_options changes = SILT_CHANGES_OPTIONS_INIT;
    SILT_AUTO(silt_store) store = NULL;
    SILT_AUTO(silt_scan) net = NULL;
    place_ok(&here, silt_store_open(root, NULL, &store, &here.err));
    changes.from_version = 1;
    changes.to_version = 2;
    changes.net = true;
    changes.diagnostics = &to;
    place_ok(&here, silt_changes_open(store, here.engine, &changes, &net, &here.err));
    assert_non_null(strstr(told.data, "cdf_registration {\"table\":"));
    assert_non_null(strstr(told.data, "\"from_version\":1,\"to_version\":2,\"net\":true"));
    silt_buf_clear(&told);

    d.format = SILT_DATASET_CSV;
    d.hive = true;
    read.delimiter = "|";
    d.read_options = &read;
    silt_dataset_tell(&d, &to);
    assert_non_null(strstr(told.data,
                           "\"format\":\"csv\",\"partitioning\":\"hive\",\"read_options\":"
                           "{\"delimiter\":\"|\",\"skip_lines\":0,\"header\":true}"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(tables_at_versions),          TEST(changes_are_a_relation),
        TEST(names_are_datasets),          TEST(a_dataset_is_a_scan),
        TEST(each_read_has_the_same_rows), TEST(only_what_means_the_same_goes_over),
        TEST(conditions_skip_files),       TEST(what_is_asked_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
