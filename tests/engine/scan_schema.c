/* Columns of data files as columns of a table: names, ids, types. */
#include "engine/scan.h"

/* The rows of some files under some columns. */
static void assert_read(fixture *f, const silt_scan_file *files, size_t file_count,
                        const silt_scan_column *columns, size_t column_count, bool by_id,
                        const char *expected)
{
    silt_rows_spec spec = {.scan = {.files = files,
                                    .file_count = file_count,
                                    .columns = columns,
                                    .column_count = column_count,
                                    .by_id = by_id,
                                    .limit = -1}};
    assert_rows(f, &spec, expected);
}

/* One column `c` of one file made from `value`. */
static void assert_value(fixture *f, const char *value, const char *type, const char *expected)
{
    duck_run(f->engine, f->dir,
             silt_arena_printf(f->arena, "COPY (SELECT %s AS c) TO '@v.parquet' (FORMAT parquet)",
                               value));
    const silt_scan_file file = data_file(f, "v.parquet");
    const silt_scan_column column = data_column(f, "c", type);
    assert_read(f, &file, 1, &column, 1, false, silt_arena_printf(f->arena, "%s\n", expected));
}

static void assert_misfit(fixture *f, const char *value, const char *type)
{
    duck_run(f->engine, f->dir,
             silt_arena_printf(f->arena, "COPY (SELECT %s AS c) TO '@v.parquet' (FORMAT parquet)",
                               value));
    const silt_scan_file file = data_file(f, "v.parquet");
    const silt_scan_column column = data_column(f, "c", type);
    silt_rows_spec spec = {
        .scan = {
            .files = &file, .file_count = 1, .columns = &column, .column_count = 1, .limit = -1}};
    assert_fails(f, &spec, SILT_CORRUPT, "v.parquet", "c");
}

/* ---- types ----------------------------------------------------------------------------------- */

static void types_widen_at_every_depth(void **state)
{
    fixture *f = *state;
    static const char *const cases[][3] = {
        {"1::TINYINT", "smallint", "1"},
        {"(-128)::TINYINT", "long", "-128"},
        {"255::UTINYINT", "smallint", "255"},
        {"4294967295::UINTEGER", "long", "4294967295"},
        {"18446744073709551615::UBIGINT", "decimal(20,0)", "18446744073709551615"},
        {"7::BIGINT", "int", "7"},
        {"7::INTEGER", "double", "7.0"},
        {"7::SMALLINT", "float", "7.0"},
        {"7::INTEGER", "decimal(12,2)", "7.00"},
        {"1.5::FLOAT", "double", "1.5"},
        {"1.25::DECIMAL(5,2)", "decimal(38,10)", "1.2500000000"},
        {"DATE '0001-01-01'", "timestamp_ntz", "0001-01-01T00:00:00.000000"},
        {"TIMESTAMP '9999-12-31 23:59:59.999999'", "timestamp", "9999-12-31T23:59:59.999999Z"},
        {"TIMESTAMP_MS '2024-01-01 00:00:00.5'", "timestamp", "2024-01-01T00:00:00.500000Z"},
        {"TIMESTAMP_NS '2024-01-01 00:00:00.123456789'", "timestamp_ntz",
         "2024-01-01T00:00:00.123456"},
        {"TIMESTAMPTZ '0001-01-01 00:00:00+00'", "timestamp_ntz", "0001-01-01T00:00:00.000000"},
        {"'ab'::BLOB", "string", "ab"},
        {"'\\xC3\\xBC'::BLOB", "string", "ü"},
        {"'ü'", "binary", "w7w="},
        {"[1::TINYINT, NULL]", "array<long>", "[1,null]"},
        {"{'a': [{'b': 1::TINYINT}]}", "struct<a:array<struct<b:long,z:string>>>",
         "{\"a\":[{\"b\":1,\"z\":null}]}"},
        {"MAP {'k': {'b': 1::SMALLINT}}", "map<string,struct<z:date,b:int>>",
         "{\"k\":{\"z\":null,\"b\":1}}"},
        {"MAP {1::TINYINT: 'x'}", "map<int,string>", "{\"1\":\"x\"}"},
        {"['a'::BLOB, NULL]", "array<string>", "[\"a\",null]"},
        {"{'a': 'x'::BLOB, 'b': 1}", "struct<b:int,a:string>", "{\"b\":1,\"a\":\"x\"}"},
        {"MAP {'k'::BLOB: {'v': 'x'::BLOB}}", "map<string,struct<v:string>>",
         "{\"k\":{\"v\":\"x\"}}"},
        {"{'gone': 1}", "struct<a:int>", "{\"a\":null}"},
        {"[{'gone': 1}, NULL]", "array<struct<a:int>>", "[{\"a\":null},null]"},
        {"NULL::STRUCT(gone INTEGER)", "struct<a:int>", "~"},
        {"{'A': 1, 'Bb': 2}", "struct<bB:int,a:int>", "{\"bB\":2,\"a\":1}"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++)
        assert_value(f, cases[i][0], cases[i][1], cases[i][2]);
}

static void what_would_lose_something_is_corrupt(void **state)
{
    fixture *f = *state;
    static const char *const cases[][2] = {
        {"1.7::DOUBLE", "int"},
        {"1.5::DOUBLE", "float"},
        {"1::BIGINT", "double"},
        {"300::INTEGER", "byte"},
        {"1.25::DECIMAL(5,2)", "decimal(5,1)"},
        {"123.45::DECIMAL(5,2)", "decimal(4,2)"},
        {"'1'", "int"},
        {"1", "string"},
        {"1", "timestamp"},
        {"TIMESTAMP '2024-01-01 10:00:00'", "date"},
        {"TIME '10:00:00'", "string"},
        {"true", "int"},
        {"[1]", "int"},
        {"{'a': 1}", "array<int>"},
        {"{'a': '1'}", "struct<a:int>"},
        {"MAP {'a': 1}", "struct<a:int>"},
        /* found out when it is read, and by a conversion of ours */
        {"'\\xFF'::BLOB", "string"},
        {"{'a': 300, 'b': 'x'::BLOB}", "struct<a:byte,b:string>"},
        {"{'value': '\\xFF\\xFF'::BLOB, 'metadata': '\\x01'::BLOB}", "variant"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++)
        assert_misfit(f, cases[i][0], cases[i][1]);
}

/* Files that old writers left behind: tests/golden/parquet/make_old.py. */
static void old_forms_are_read(void **state)
{
    fixture *f = *state;
    static const char *const cases[][4] = {
        {"list_of_two_levels", "a", "array<long>", "[1,2]\n[]\n~\n[3]\n"},
        {"list_of_bags", "a", "array<int>", "[1,2]\n[]\n~\n[3]\n"},
        {"list_of_array_groups", "a", "array<struct<x:int>>",
         "[{\"x\":1},{\"x\":2}]\n[]\n~\n[{\"x\":3}]\n"},
        {"list_of_tuple_groups", "a", "array<struct<y:date,x:long>>",
         "[{\"y\":null,\"x\":1},{\"y\":null,\"x\":2}]\n[]\n~\n[{\"y\":null,\"x\":3}]\n"},
        {"int96", "t", "timestamp",
         "0001-01-01T00:00:00.000000Z\n2024-02-29T01:02:03.456789Z\n9999-12-31T23:59:59.999999Z\n~"
         "\n"},
        {"int96", "s", "struct<t:timestamp>",
         "{\"t\":\"0001-01-01T00:00:00.000000Z\"}\n{\"t\":\"2024-02-29T01:02:03.456789Z\"}\n"
         "{\"t\":\"9999-12-31T23:59:59.999999Z\"}\n{\"t\":null}\n"},
        {"decimals_as_integers", "d32", "decimal(9,3)", "-1.250\n9.990\n~\n"},
        {"decimals_as_integers", "d64", "decimal(18,2)", "-1.25\n9.99\n~\n"},
        {"decimals_as_bytes", "d32", "decimal(5,2)", "-1.25\n9.99\n~\n"},
        {"decimals_as_bytes", "d128", "decimal(38,2)", "-1.25\n9.99\n~\n"},
        {"converted_types", "b", "byte", "1\n-2\n~\n"},
        {"converted_types", "u", "int", "65535\n1\n~\n"},
        {"converted_types", "ms", "timestamp",
         "1970-01-01T00:00:00.000000Z\n1970-01-01T00:00:01.500000Z\n~\n"},
        {"converted_types", "us", "timestamp",
         "1970-01-01T00:00:00.000000Z\n1970-01-01T00:00:00.001500Z\n~\n"},
        {"converted_types", "d", "date", "1970-01-01\n0001-01-01\n~\n"},
        {"converted_types", "n", "decimal(9,1)", "1.5\n~\n~\n"},
        {"converted_types", "s", "string", "a\nü\n~\n"},
        {"nothing", "n", "date", "~\n~\n"},
        {"nothing", "s", "struct<n:array<int>>", "{\"n\":null}\n~\n"},
    };
    const char *root = getenv("SILT_SOURCE_DIR");
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_scan_file file = {.row_count = -1, .base_row_id = -1};
        file.local_path = silt_arena_printf(f->arena, "%s/tests/golden/parquet/%s.parquet",
                                            root ? root : ".", cases[i][0]);
        const silt_scan_column column = data_column(f, cases[i][1], cases[i][2]);
        assert_read(f, &file, 1, &column, 1, false, cases[i][3]);
    }
}

static void void_columns_are_null(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT 1 AS a, {'b': 2} AS s) TO '@a.parquet'");
    const silt_scan_file file = data_file(f, "a.parquet");
    const silt_scan_column columns[] = {data_column(f, "a", "int"), data_column(f, "v", "void"),
                                        data_column(f, "s", "struct<b:int,w:void>")};
    assert_read(f, &file, 1, columns, 3, false, "1|~|{\"b\":2,\"w\":null}\n");
    silt_rows_spec spec = {
        .scan = {
            .files = &file, .file_count = 1, .columns = columns, .column_count = 3, .limit = -1}};
    assert_written(f, &spec, SILT_OUTPUT_JSON, 1,
                   "{\"a\":1,\"v\":null,\"s\":{\"b\":2,\"w\":null}}\n");
    silt_error err = {0};
    duck_assert_ok(f->engine->ops->scan_write(f->engine, &spec, SILT_OUTPUT_PARQUET,
                                              &(silt_csv_form){.header = true},
                                              path_of(f, "o.parquet"), NULL, &err),
                   &err);
    duck_assert_text(f->engine, f->dir, "SELECT a, v, s.w FROM '@o.parquet'", "1|~|~\n");
}

static void variants_are_read_and_written(void **state)
{
    fixture *f = *state;
    /* 42 as an INT8 and {"a": true}, by hand; then what DuckDB writes, which is annotated. */
    duck_run(f->engine, f->dir,
             "COPY (SELECT {'value': '\\x0C\\x2A'::BLOB, 'metadata': '\\x01\\x00\\x00'::BLOB} AS v,"
             " {'x': {'metadata': '\\x01\\x01\\x00\\x01a'::BLOB, 'value': "
             "'\\x02\\x01\\x00\\x00\\x01\\x04'::BLOB}} AS s UNION ALL SELECT NULL, NULL) TO "
             "'@a.parquet'");
    duck_run(f->engine, f->dir, "COPY (SELECT {'k': [1, 2]}::VARIANT AS v) TO '@b.parquet'");
    const silt_scan_file files[] = {data_file(f, "a.parquet"), data_file(f, "b.parquet")};
    const silt_scan_column columns[] = {data_column(f, "v", "variant"),
                                        data_column(f, "s", "struct<x:variant>")};
    assert_read(f, files, 2, columns, 2, false, "42|{\"x\":{\"a\":true}}\n~|~\n{\"k\":[1,2]}|~\n");
    silt_rows_spec spec = {
        .scan = {
            .files = files, .file_count = 2, .columns = columns, .column_count = 2, .limit = -1}};
    silt_error err = {0};
    duck_assert_ok(f->engine->ops->scan_write(f->engine, &spec, SILT_OUTPUT_PARQUET,
                                              &(silt_csv_form){.header = true},
                                              path_of(f, "o.parquet"), NULL, &err),
                   &err);
    const silt_scan_file out = data_file(f, "o.parquet");
    spec.scan.files = &out;
    spec.scan.file_count = 1;
    assert_rows(f, &spec, "42|{\"x\":{\"a\":true}}\n~|~\n{\"k\":[1,2]}|~\n");
    /* What no JSON number is, and texts that look like it. */
    duck_run(
        f->engine, f->dir,
        "COPY (SELECT 'nan'::DOUBLE::VARIANT AS v UNION ALL SELECT {'NaN': ['inf'::FLOAT, "
        "'-inf'::DOUBLE, -1], 'a': 'NaN, \"-Infinity\\', 'n': NULL}::VARIANT) TO '@n.parquet'");
    const silt_scan_file special = data_file(f, "n.parquet");
    assert_read(f, &special, 1, columns, 1, false,
                "\"NaN\"\n{\"NaN\":[\"Infinity\",\"-Infinity\",-1.0],\"a\":\"NaN, "
                "\\\"-Infinity\\\\\",\"n\":null}\n");
}

/* ---- names and ids --------------------------------------------------------------------------- */

static const silt_physical renamed_leaf[] = {{.name = "col-2", .id = 3}};
static const silt_physical renamed_struct[] = {{.name = "col-1", .id = 2},
                                               {.name = "col-9", .id = 9}};
static const silt_physical renamed_element[] = {
    {.id = -1, .children = renamed_leaf, .child_count = 1}};
static const silt_physical renamed_pair[] = {{.id = -1, .children = renamed_leaf, .child_count = 1},
                                             {.id = -1}};

static void renames_reach_every_depth(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT {'col-1': 1} AS \"col-0\", [{'col-2': 2}, NULL] AS \"col a.b\", MAP "
             "{'k': {'col-2': 3}, 'n': NULL} AS \"col\"\"q\" UNION ALL SELECT NULL, NULL, NULL) TO "
             "'@a.parquet'");
    duck_run(f->engine, f->dir, "COPY (SELECT {'col-9': 'x'} AS \"col-0\") TO '@b.parquet'");
    const silt_scan_file files[] = {data_file(f, "a.parquet"), data_file(f, "b.parquet")};
    const silt_scan_column columns[] = {
        {"s", type_of(f, "struct<`a b`:long,c:string>"), SILT_SCAN_DATA,
         .physical = {"col-0", 1, renamed_struct, 2}},
        {"l", type_of(f, "array<struct<y:int>>"), SILT_SCAN_DATA,
         .physical = {"col a.b", 4, renamed_element, 1}},
        {"m", type_of(f, "map<string,struct<z:int>>"), SILT_SCAN_DATA,
         .physical = {"col\"q", 5, renamed_pair, 2}}};
    assert_read(f, files, 2, columns, 3, false,
                "{\"a b\":1,\"c\":null}|[{\"y\":2},null]|{\"k\":{\"z\":3},\"n\":null}\n~|~|~\n"
                "{\"a b\":null,\"c\":\"x\"}|~|~\n");
}

static void ids_count_and_names_do_not(void **state)
{
    fixture *f = *state;
    duck_run(
        f->engine, f->dir,
        "COPY (SELECT {'b': 1, 'a': 2} AS s, 7 AS other, 8 AS late) TO '@a.parquet' (FIELD_IDS "
        "{s: {__duckdb_field_id: 1, b: 2, a: 9}, other: 4, late: 40})");
    duck_run(f->engine, f->dir,
             "COPY (SELECT {'col-1': 3} AS \"col-0\", [{'q': 5}] AS x) TO '@b.parquet' (FIELD_IDS "
             "{\"col-0\": {__duckdb_field_id: 1, \"col-1\": 2}, x: {__duckdb_field_id: 4, element: "
             "{q: 3}}})");
    const silt_scan_file files[] = {data_file(f, "a.parquet"), data_file(f, "b.parquet")};
    silt_scan_column columns[] = {
        {"s", type_of(f, "struct<one:long,nine:int>"), SILT_SCAN_DATA,
         .physical = {"col-0", 1, renamed_struct, 2}},
        {"late", type_of(f, "int"), SILT_SCAN_DATA, .physical = {.name = "late", .id = 41}}};
    /* `late` has the name and another id: it isn't there. */
    assert_read(f, files, 2, columns, 2, true,
                "{\"one\":1,\"nine\":2}|~\n{\"one\":3,\"nine\":null}|~\n");
    const silt_scan_column list = {"l", type_of(f, "array<struct<y:int>>"), SILT_SCAN_DATA,
                                   .physical = {"col-4", 4, renamed_element, 1}};
    assert_read(f, &files[1], 1, &list, 1, true, "[{\"y\":5}]\n");

    duck_run(f->engine, f->dir, "COPY (SELECT 1 AS late) TO '@c.parquet'");
    const silt_scan_file none = data_file(f, "c.parquet");
    silt_rows_spec spec = {.scan = {.files = &none,
                                    .file_count = 1,
                                    .columns = &columns[1],
                                    .column_count = 1,
                                    .by_id = true,
                                    .limit = -1}};
    assert_fails(f, &spec, SILT_CORRUPT, "c.parquet", "field ids");
}

static void files_may_differ_in_all_that(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT 1::TINYINT AS id, 'a' AS t) TO '@a.parquet'");
    duck_run(f->engine, f->dir, "COPY (SELECT 'b'::BLOB AS t, 2 AS ID) TO '@b.parquet'");
    duck_run(f->engine, f->dir, "COPY (SELECT 3::BIGINT AS id) TO '@c.parquet'");
    duck_run(f->engine, f->dir,
             "COPY (SELECT 9 AS file_index, 'd'::BLOB AS t, 4 AS id, 5 AS "
             "file_row_number) TO '@d.parquet'");
    const char *const p[] = {"p0", "p1", "p2", "p3"};
    silt_scan_file files[4];
    for (size_t i = 0; i < 4; i++) {
        files[i] = data_file(f, silt_arena_printf(f->arena, "%c.parquet", (int)('a' + i)));
        files[i].constants = &p[i];
        files[i].base_row_id = 100 * (int64_t)i;
    }
    const silt_scan_column columns[] = {
        data_column(f, "id", "long"),
        data_column(f, "t", "string"),
        {"p", type_of(f, "string"), SILT_SCAN_CONSTANT, .constant = 0},
        {"r", type_of(f, "long"), SILT_SCAN_ROW_ID, .physical = {.id = -1}}};
    /* By scan, in the order of their first files. */
    assert_read(f, files, 4, columns, 4, false, "1|a|p0|0\n2|b|p1|100\n3|~|p2|200\n4|d|p3|300\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(types_widen_at_every_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(what_would_lose_something_is_corrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(old_forms_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(void_columns_are_null, setup, teardown),
        cmocka_unit_test_setup_teardown(variants_are_read_and_written, setup, teardown),
        cmocka_unit_test_setup_teardown(renames_reach_every_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(ids_count_and_names_do_not, setup, teardown),
        cmocka_unit_test_setup_teardown(files_may_differ_in_all_that, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
