/* Data files as rows: types, missing columns, partition values, formats, bad files. */
#include "engine/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- files and schemas ----------------------------------------------------------------------- */

static void columns_go_by_physical_name(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT 1::INTEGER AS id, 'a' AS \"n x\") TO '@a.parquet'");
    duck_run(f->engine, f->dir,
             "COPY (SELECT true AS extra, 'b' AS \"n x\", 2::BIGINT AS id) TO '@b.parquet'");
    duck_run(f->engine, f->dir, "COPY (SELECT 3::SMALLINT AS id) TO '@c.parquet'");
    const silt_scan_file files[] = {
        {.local_path = path_of(f, "b.parquet"), .row_count = -1, .constants = NULL},
        {.local_path = path_of(f, "a.parquet"), .row_count = -1, .constants = NULL},
        {.local_path = path_of(f, "c.parquet"), .row_count = -1, .constants = NULL}};
    const silt_scan_column columns[] = {
        {"Name \"n\"", type_of(f, "string"), SILT_SCAN_DATA, .physical = {.name = "n x"}},
        {"file_index", type_of(f, "long"), SILT_SCAN_DATA, .physical = {.name = "id"}},
        {"none", type_of(f, "date"), SILT_SCAN_DATA, .physical = {.name = "never written"}}};
    silt_rows_spec spec = {
        .scan = {
            .files = files, .file_count = 3, .columns = columns, .column_count = 3, .limit = -1}};
    assert_rows(f, &spec, "b|2|~\na|1|~\n~|3|~\n");
    assert_written(f, &spec, SILT_OUTPUT_CSV, 3,
                   "\"Name \"\"n\"\"\",file_index,none\nb,2,\na,1,\n,3,\n");
    assert_written(f, &spec, SILT_OUTPUT_JSON, 3,
                   "{\"Name \\\"n\\\"\":\"b\",\"file_index\":2,\"none\":null}\n"
                   "{\"Name \\\"n\\\"\":\"a\",\"file_index\":1,\"none\":null}\n"
                   "{\"Name \\\"n\\\"\":null,\"file_index\":3,\"none\":null}\n");
    spec.scan.limit = 1;
    assert_rows(f, &spec, "b|2|~\n");
    spec.scan.limit = 0;
    assert_rows(f, &spec, "");
}

static void narrower_types_widen(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT 1::TINYINT AS i, 1.5::FLOAT AS d, 1.25::DECIMAL(5, 2) AS n, {'a': "
             "7::INTEGER} AS s, [{'k': 1::INTEGER}] AS l, DATE '2024-02-29' AS t) TO '@a.parquet'");
    const silt_scan_file files[] = {
        {.local_path = path_of(f, "a.parquet"), .row_count = 1, .constants = NULL}};
    const silt_scan_column columns[] = {
        {"i", type_of(f, "long"), SILT_SCAN_DATA, .physical = {.name = "i"}},
        {"d", type_of(f, "double"), SILT_SCAN_DATA, .physical = {.name = "d"}},
        {"n", type_of(f, "decimal(10,4)"), SILT_SCAN_DATA, .physical = {.name = "n"}},
        {"s", type_of(f, "struct<a:long,b:string>"), SILT_SCAN_DATA, .physical = {.name = "s"}},
        {"l", type_of(f, "array<struct<k:long,m:int>>"), SILT_SCAN_DATA, .physical = {.name = "l"}},
        {"t", type_of(f, "timestamp_ntz"), SILT_SCAN_DATA, .physical = {.name = "t"}},
    };
    silt_rows_spec spec = {
        .scan = {
            .files = files, .file_count = 1, .columns = columns, .column_count = 6, .limit = -1}};
    assert_rows(f, &spec,
                "1|1.5|1.2500|{\"a\":7,\"b\":null}|[{\"k\":1,\"m\":null}]|"
                "2024-02-29T00:00:00.000000\n");
}

static void no_files_are_no_rows(void **state)
{
    fixture *f = *state;
    const silt_scan_column columns[] = {
        {"a", type_of(f, "int"), SILT_SCAN_DATA, .physical = {.name = "a"}},
        {"p", type_of(f, "string"), SILT_SCAN_CONSTANT, .constant = 0}};
    silt_rows_spec spec = {
        .scan = {
            .files = NULL, .file_count = 0, .columns = columns, .column_count = 2, .limit = -1}};
    assert_rows(f, &spec, "");
    assert_written(f, &spec, SILT_OUTPUT_CSV, 0, "a,p\n");
    assert_written(f, &spec, SILT_OUTPUT_JSON, 0, "");
    int64_t count = -1;
    assert_int_equal(f->engine->ops->scan_write(f->engine, &spec, SILT_OUTPUT_PARQUET,
                                                &(silt_csv_form){.header = true},
                                                path_of(f, "o.parquet"), &count, NULL),
                     SILT_OK);
    assert_int_equal(count, 0);
    duck_assert_text(f->engine, f->dir,
                     "SELECT column_name, column_type FROM (DESCRIBE FROM '@o.parquet')",
                     "a|INTEGER\np|VARCHAR\n");
}

/* ---- partition values ------------------------------------------------------------------------ */

#define PARTITION_TYPES 14
static const char *const partition_types[PARTITION_TYPES] = {
    "boolean",       "byte",   "short",  "int",  "long",      "float",         "double",
    "decimal(38,3)", "string", "binary", "date", "timestamp", "timestamp_ntz", "string"};

static void partition_values_are_typed(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT i AS id FROM range(3) t(i)) TO '@a.parquet'");
    const char *const first[PARTITION_TYPES] = {"true",
                                                "-128",
                                                "-32768",
                                                "2147483647",
                                                "-9223372036854775808",
                                                "1.5",
                                                "NaN",
                                                "-12.5",
                                                "ü",
                                                "ab",
                                                "2013-01-01",
                                                "2013-01-01 10:00:00",
                                                "2013-01-01 10:00:00.123456",
                                                "short"};
    const char *const second[PARTITION_TYPES] = {"false",
                                                 "127",
                                                 "32767",
                                                 "-5",
                                                 "9223372036854775807",
                                                 "-Infinity",
                                                 "1e300",
                                                 "0E-3",
                                                 "a rather longer text with 'quotes'",
                                                 "\x01 and more than twelve",
                                                 "1969-12-31",
                                                 "2013-01-01T10:00:00.5Z",
                                                 "1969-12-31 23:59:59",
                                                 ""};
    const char *const third[PARTITION_TYPES] = {0};
    const silt_scan_file files[] = {
        {.local_path = path_of(f, "a.parquet"), .row_count = 3, .constants = first},
        {.local_path = path_of(f, "a.parquet"), .row_count = 3, .constants = second},
        {.local_path = path_of(f, "a.parquet"), .row_count = 3, .constants = third}};
    silt_scan_column columns[PARTITION_TYPES + 1] = {
        {"id", type_of(f, "long"), SILT_SCAN_DATA, .physical = {.name = "id"}}};
    for (int i = 0; i < PARTITION_TYPES; i++)
        columns[i + 1] = (silt_scan_column){silt_arena_printf(f->arena, "p%d", i),
                                            type_of(f, partition_types[i]), SILT_SCAN_CONSTANT,
                                            .constant = (size_t)i};
    silt_rows_spec spec = {.scan = {.files = files,
                                    .file_count = 3,
                                    .columns = columns,
                                    .column_count = PARTITION_TYPES + 1,
                                    .limit = -1}};
    const char *a = "true|-128|-32768|2147483647|-9223372036854775808|1.5|nan|-12.500|ü|YWI=|"
                    "2013-01-01|2013-01-01T10:00:00.000000Z|2013-01-01T10:00:00.123456|short";
    const char *b = "false|127|32767|-5|9223372036854775807|-inf|1e+300|0.000|"
                    "a rather longer text with 'quotes'|ASBhbmQgbW9yZSB0aGFuIHR3ZWx2ZQ==|"
                    "1969-12-31|2013-01-01T10:00:00.500000Z|1969-12-31T23:59:59.000000|~";
    const char *c = "~|~|~|~|~|~|~|~|~|~|~|~|~|~";
    assert_rows(f, &spec,
                silt_arena_printf(f->arena,
                                  "0|%s\n1|%s\n2|%s\n0|%s\n1|%s\n2|%s\n0|%s\n1|%s\n2|%s\n", a, a, a,
                                  b, b, b, c, c, c));
    spec.scan.columns = columns + 9; /* partition columns alone: the rows are still counted */
    spec.scan.column_count = 1;
    assert_rows(
        f, &spec,
        "ü\nü\nü\na rather longer text with 'quotes'\na rather longer text with 'quotes'\na "
        "rather longer text with 'quotes'\n~\n~\n~\n");
}

static void bad_partition_values_are_corrupt(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT 1 AS id) TO '@a.parquet'");
    const char *const types[] = {"boolean", "byte", "int",       "long",        "double",
                                 "date",    "date", "timestamp", "decimal(5,2)"};
    const char *const values[] = {"yes",        "128", "1.0",  " 1", "1.0x",
                                  "2013-02-30", "x",   "2013", "0x1"};
    for (size_t i = 0; i < SILT_COUNT(types); i++) {
        const char *const value[] = {values[i]};
        const silt_scan_file files[] = {
            {.local_path = path_of(f, "a.parquet"), .row_count = 1, .constants = value}};
        const silt_scan_column columns[] = {
            {"p", type_of(f, types[i]), SILT_SCAN_CONSTANT, .constant = 0}};
        silt_rows_spec spec = {.scan = {.files = files,
                                        .file_count = 1,
                                        .columns = columns,
                                        .column_count = 1,
                                        .limit = -1}};
        silt_error err = {0};
        SILT_CLEAN(silt_buf) text = {0};
        assert_int_equal(f->engine->ops->scan_rows(f->engine, &spec, add_row, &text, &err),
                         SILT_CORRUPT);
        assert_non_null(strstr(err.message, values[i]));
        assert_non_null(strstr(err.message, "a.parquet"));
    }
}

static void rows_stay_with_their_file(void **state)
{
    fixture *f = *state;
    enum { FILES = 40 };
    silt_scan_file files[FILES];
    for (int i = 0; i < FILES; i++) {
        SILT_CLEAN(silt_buf) sql = {0};
        silt_buf_printf(
            &sql,
            "COPY (SELECT %d AS f, i FROM range(%d) t(i)) TO '@p=%d-%d.parquet' (FORMAT "
            "parquet, ROW_GROUP_SIZE 2048)",
            i, i * 300, i, i);
        duck_run(f->engine, f->dir, sql.data);
        const char **value = silt_arena_calloc(f->arena, 1, sizeof *value);
        value[0] = silt_arena_printf(f->arena, "%d", i);
        files[i] = (silt_scan_file){
            .local_path = path_of(f, silt_arena_printf(f->arena, "p=%d-%d.parquet", i, i)),
            .row_count = i * 300,
            .constants = value};
    }
    const silt_scan_column columns[] = {
        {"f", type_of(f, "int"), SILT_SCAN_DATA, .physical = {.name = "f"}},
        {"p", type_of(f, "string"), SILT_SCAN_CONSTANT, .constant = 0},
        {"i", type_of(f, "long"), SILT_SCAN_DATA, .physical = {.name = "i"}}};
    silt_rows_spec spec = {.scan = {.files = files,
                                    .file_count = FILES,
                                    .columns = columns,
                                    .column_count = 3,
                                    .limit = -1}};
    SILT_CLEAN(silt_buf) expected = {0};
    SILT_CLEAN(silt_buf) text = {0};
    for (int i = 0; i < FILES; i++)
        for (int k = 0; k < i * 300; k++)
            silt_buf_printf(&expected, "%d|%d|%d\n", i, i, k);
    silt_error err = {0};
    duck_assert_ok(f->engine->ops->scan_rows(f->engine, &spec, add_row, &text, &err), &err);
    assert_int_equal(text.size, expected.size);
    assert_memory_equal(text.data, expected.data, expected.size);
    duck_assert_ok(f->engine->ops->scan_write(f->engine, &spec, SILT_OUTPUT_PARQUET,
                                              &(silt_csv_form){.header = true},
                                              path_of(f, "all.parquet"), NULL, &err),
                   &err);
    duck_assert_text(f->engine, f->dir,
                     "SELECT count(*), count(*) FILTER (f = p::INTEGER) FROM '@all.parquet'",
                     "234000|234000\n");
}

/* ---- values ---------------------------------------------------------------------------------- */

static void nested_values_are_json_with_iso_times(void **state)
{
    fixture *f = *state;
    duck_run(
        f->engine, f->dir,
        "COPY (SELECT {'t': TIMESTAMPTZ '2024-01-01 00:00:00.25+00', 'x': 'nan'::DOUBLE} AS s, "
        "[TIMESTAMP '2024-01-01 00:00:00', NULL] AS l, MAP {'k': 'inf'::FLOAT, 'n': NULL} AS m, "
        "'ab'::BLOB AS b, 1.5::DECIMAL(4, 1) AS d, MAP {DATE '2024-01-01': {'b': 'x'::BLOB}} "
        "AS n UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL) TO '@a.parquet'");
    const silt_scan_file files[] = {
        {.local_path = path_of(f, "a.parquet"), .row_count = 1, .constants = NULL}};
    const silt_scan_column columns[] = {
        {"s", type_of(f, "struct<t:timestamp,x:double>"), SILT_SCAN_DATA,
         .physical = {.name = "s"}},
        {"l", type_of(f, "array<timestamp_ntz>"), SILT_SCAN_DATA, .physical = {.name = "l"}},
        {"m", type_of(f, "map<string,float>"), SILT_SCAN_DATA, .physical = {.name = "m"}},
        {"b", type_of(f, "binary"), SILT_SCAN_DATA, .physical = {.name = "b"}},
        {"d", type_of(f, "decimal(4,1)"), SILT_SCAN_DATA, .physical = {.name = "d"}},
        {"n", type_of(f, "map<date,struct<b:binary>>"), SILT_SCAN_DATA, .physical = {.name = "n"}},
    };
    silt_rows_spec spec = {
        .scan = {
            .files = files, .file_count = 1, .columns = columns, .column_count = 6, .limit = -1}};
    assert_rows(f, &spec,
                "{\"t\":\"2024-01-01T00:00:00.250000Z\",\"x\":\"NaN\"}|"
                "[\"2024-01-01T00:00:00.000000\",null]|{\"k\":\"Infinity\",\"n\":null}|YWI=|1.5|"
                "{\"2024-01-01\":{\"b\":\"eA==\"}}\n~|~|~|~|~|~\n");
    assert_written(
        f, &spec, SILT_OUTPUT_JSON, 2,
        "{\"s\":{\"t\":\"2024-01-01T00:00:00.250000Z\",\"x\":\"NaN\"},"
        "\"l\":[\"2024-01-01T00:00:00.000000\",null],\"m\":{\"k\":\"Infinity\",\"n\":null},"
        "\"b\":\"YWI=\",\"d\":1.5,\"n\":{\"2024-01-01\":{\"b\":\"eA==\"}}}\n"
        "{\"s\":null,\"l\":null,\"m\":null,\"b\":null,\"d\":null,\"n\":null}\n");
}

static void instants_do_not_depend_on_the_sources_zone(void **state)
{
    fixture *f = *state;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.timezone = "Europe/Berlin";
    silt_engine *berlin = NULL;
    assert_int_equal(silt_engine_open(&opts, &berlin, NULL), SILT_OK);
    silt_engine_free(f->engine);
    f->engine = berlin;
    duck_run(berlin, f->dir,
             "COPY (SELECT TIMESTAMPTZ '2024-07-01 10:00:00+00' AS t, TIMESTAMP '2024-07-01 "
             "10:00:00' AS u) TO '@a.parquet'");
    const char *const value[] = {"2024-07-01 10:00:00"};
    const silt_scan_file files[] = {
        {.local_path = path_of(f, "a.parquet"), .row_count = 1, .constants = value}};
    const silt_scan_column columns[] = {
        {"t", type_of(f, "timestamp"), SILT_SCAN_DATA, .physical = {.name = "t"}},
        {"u", type_of(f, "timestamp"), SILT_SCAN_DATA, .physical = {.name = "u"}},
        {"p", type_of(f, "timestamp"), SILT_SCAN_CONSTANT, .constant = 0}};
    silt_rows_spec spec = {
        .scan = {
            .files = files, .file_count = 1, .columns = columns, .column_count = 3, .limit = -1}};
    const char *iso = "2024-07-01T10:00:00.000000Z";
    assert_rows(f, &spec, silt_arena_printf(f->arena, "%s|%s|%s\n", iso, iso, iso));
    duck_assert_text(berlin, f->dir, "SELECT current_setting('TimeZone')", "Europe/Berlin\n");
}

/* ---- where it goes wrong --------------------------------------------------------------------- */

static void bad_files_are_named(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT i AS id, i || ' text' AS t FROM range(50000) t(i)) TO '@a.parquet'");
    duck_run(f->engine, f->dir, "COPY (SELECT 'no number' AS id) TO '@t.parquet'");
    char *body;
    size_t size;
    body = test_read(f->dir, "a.parquet", &size);
    memset(body + 100, 0x5a, 2000);
    FILE *broken = fopen(path_of(f, "broken.parquet"), "wb");
    assert_int_equal(fwrite(body, 1, size, broken), size);
    fclose(broken);
    free(body);
    test_write(f->dir, "cut.parquet", "PAR1 and then nothing that ends as it should");
    const char *const names[] = {"gone.parquet", "cut.parquet", "broken.parquet", "t.parquet"};
    const silt_status expected[] = {SILT_NOT_FOUND, SILT_CORRUPT, SILT_CORRUPT, SILT_CORRUPT};
    const silt_scan_column columns[] = {
        {"id", type_of(f, "long"), SILT_SCAN_DATA, .physical = {.name = "id"}},
        {"t", type_of(f, "string"), SILT_SCAN_DATA, .physical = {.name = "t"}}};
    for (size_t i = 0; i < SILT_COUNT(names); i++) {
        const silt_scan_file files[] = {
            {.local_path = path_of(f, "a.parquet"), .row_count = 1, .constants = NULL},
            {.local_path = path_of(f, names[i]), .row_count = 1, .constants = NULL}};
        silt_rows_spec spec = {.scan = {.files = files,
                                        .file_count = 2,
                                        .columns = columns,
                                        .column_count = 2,
                                        .limit = -1}};
        silt_error err = {0};
        SILT_CLEAN(silt_buf) text = {0};
        assert_int_equal(f->engine->ops->scan_rows(f->engine, &spec, add_row, &text, &err),
                         expected[i]);
        assert_non_null(strstr(err.message, names[i]));
        assert_int_equal(f->engine->ops->scan_write(f->engine, &spec, SILT_OUTPUT_CSV,
                                                    &(silt_csv_form){.header = true},
                                                    path_of(f, "out"), NULL, &err),
                         expected[i]);
        assert_non_null(strstr(err.message, names[i]));
    }
}

static bool stop_after(void *ctx, const silt_bytes *values, size_t count)
{
    (void)values;
    (void)count;
    int *left = ctx;
    return --*left > 0;
}

static void a_reader_may_stop(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT i AS id FROM range(500000) t(i)) TO '@a.parquet'");
    const silt_scan_file files[] = {
        {.local_path = path_of(f, "a.parquet"), .row_count = -1, .constants = NULL}};
    const silt_scan_column columns[] = {
        {"id", type_of(f, "long"), SILT_SCAN_DATA, .physical = {.name = "id"}}};
    silt_rows_spec spec = {
        .scan = {
            .files = files, .file_count = 1, .columns = columns, .column_count = 1, .limit = -1}};
    int left = 5000;
    assert_int_equal(f->engine->ops->scan_rows(f->engine, &spec, stop_after, &left, NULL), SILT_OK);
    assert_int_equal(left, 0);
    silt_engine_interrupt(f->engine);
    assert_int_equal(f->engine->ops->scan_rows(f->engine, &spec, stop_after, &left, NULL),
                     SILT_INTERRUPTED);
}

/* Standard output may be a file that is appended to, or a pipe whose reader has gone. */
static void standard_output_is_written_as_it_stands(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT i AS id FROM range(300000) t(i)) TO '@a.parquet'");
    const silt_scan_file files[] = {
        {.local_path = path_of(f, "a.parquet"), .row_count = -1, .constants = NULL}};
    const silt_scan_column columns[] = {
        {"id", type_of(f, "long"), SILT_SCAN_DATA, .physical = {.name = "id"}}};
    silt_rows_spec spec = {
        .scan = {
            .files = files, .file_count = 1, .columns = columns, .column_count = 1, .limit = 2}};
    silt_error err = {0};
    test_write(f->dir, "log", "before\n");
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), ends[2];
    int log = open(path_of(f, "log"), O_WRONLY | O_APPEND);
    assert_true(dup2(log, STDOUT_FILENO) >= 0);
    silt_status st = f->engine->ops->scan_write(f->engine, &spec, SILT_OUTPUT_CSV,
                                                &(silt_csv_form){.header = true}, "-", NULL, &err);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
    spec.scan.limit = -1;
    silt_status gone = f->engine->ops->scan_write(
        f->engine, &spec, SILT_OUTPUT_CSV, &(silt_csv_form){.header = true}, "-", NULL, &err);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    close(kept);
    close(log);
    close(ends[1]);
    assert_int_equal(st, SILT_OK);
    assert_int_equal(gone, SILT_IO);
    assert_int_equal(err.cause, EPIPE);
    char *text = test_read(f->dir, "log", NULL);
    assert_string_equal(text, "before\nid\n0\n1\n");
    free(text);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(columns_go_by_physical_name),
        CASE(narrower_types_widen),
        CASE(no_files_are_no_rows),
        CASE(partition_values_are_typed),
        CASE(bad_partition_values_are_corrupt),
        CASE(rows_stay_with_their_file),
        CASE(nested_values_are_json_with_iso_times),
        CASE(instants_do_not_depend_on_the_sources_zone),
        CASE(bad_files_are_named),
        CASE(a_reader_may_stop),
        CASE(standard_output_is_written_as_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
