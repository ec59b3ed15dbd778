/* Staging: rows, types and counts of what is written. */
#include "engine/stage.h"

#include <unistd.h>

#define FILES(...) \
    (const char *const[]){__VA_ARGS__}, SILT_COUNT(((const char *const[]){__VA_ARGS__}))

static void rows_arrive_with_their_types(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_write(&s, "a.csv",
                  "l,d,s,t,x,b,dt,n,y\n"
                  "1,1.5,\"q\"\"uote, and\nline\",2020-01-01 10:00:00,1.50,true,2020-02-29,"
                  "2020-01-01 10:00:00.123456,\\x41é\n"
                  ",,,,,,,,\n");
    staging_group(&s,
                  "l:long, d:double, s:string, t:timestamp, x:decimal(5,2), b:boolean, "
                  "dt:date, n:timestamp_ntz, y:binary",
                  FILES("a.csv"));
    staging_columns(&s, "l:long, d:double, s:string, t:timestamp, x:decimal(5,2), b:boolean, "
                        "dt:date, n:timestamp_ntz, y:binary, _source_file:string, "
                        "at:timestamp=1577836800000000, batch:long=7, missing:integer");
    staging_ok(&s);
    assert_int_equal(s.result.row_count, 2);
    assert_int_equal(s.result.source_rows[0], 2);
    assert_int_equal(s.result.file_count, 1);
    staging_rows(&s, "SELECT * EXCLUDE (y, s), replace(s, chr(10), '/'), decode(y)",
                 "1|1.5|2020-01-01 10:00:00+00|1.50|true|2020-02-29|2020-01-01 10:00:00.123456|"
                 "a.csv|2020-01-01 00:00:00+00|7|~|q\"uote, and/line|\\x41é\n"
                 "~|~|~|~|~|~|~|a.csv|2020-01-01 00:00:00+00|7|~|~|~\n");
    duck_assert_text(
        s.engine, s.dir,
        "SELECT string_agg(type || ' ' || coalesce(logical_type, ''), '; ') FROM "
        "parquet_schema('@out/*.parquet') WHERE name IN ('t', 'n')",
        "INT64 TimestampType(isAdjustedToUTC=1, unit=TimeUnit(MILLIS=<null>, "
        "MICROS=MicroSeconds(), NANOS=<null>)); INT64 TimestampType(isAdjustedToUTC=0, "
        "unit=TimeUnit(MILLIS=<null>, MICROS=MicroSeconds(), NANOS=<null>))\n");
    staging_release(&s);
}

static void headers_decide_by_name(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_write(&s, "1.csv", "a,b\n1,x\n");
    staging_write(&s, "2.csv", "b,a\ny,2\nz,3\n");
    staging_write(&s, "3.csv", "a,extra,file_index\n4,e,9\n");
    staging_group(&s, "a:long, b:string", FILES("1.csv"));
    staging_group(&s, "b:string, a:long", FILES("2.csv"));
    staging_group(&s, "a:long, extra:string, file_index:long", FILES("3.csv"));
    staging_group(&s, "a:long", NULL, 0);
    staging_columns(&s, "a:long, b:string, _source_file:string");
    staging_ok(&s);
    assert_int_equal(s.result.source_rows[0], 1);
    assert_int_equal(s.result.source_rows[1], 2);
    assert_int_equal(s.result.source_rows[2], 1);
    staging_rows(&s, "SELECT a, b, _source_file", "1|x|1.csv\n2|y|2.csv\n3|z|2.csv\n4|~|3.csv\n");
    staging_release(&s);
}

static void odd_files_are_read(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    s.options.nulls = (const char *const[]){"NA", "-"};
    s.options.null_count = 2;
    staging_write(&s, "bom.csv", "\xEF\xBB\xBFi,s\n1,a\n");
    staging_write(&s, "crlf.csv", "i,s\r\n2,NA\r\n-,b\r\n");
    staging_write(&s, "empty.csv", "");
    staging_write(&s, "header.csv", "i,s\n");
    staging_write(&s, "headeronly.csv", "i,s");
    staging_write(&s, "blank.csv", "\n\ni,s\n3,c\n");
    staging_write(&s, "no end.csv", "i,s\n4,d");
    staging_write(&s, "glob[1]*?.csv", "i,s\n5,'e'\n");
    staging_write(&s, "k=v/it's.csv", "\"i\",\"a\nb\"\n6,\"\"\n\n7,f\n");
    staging_write(&s, "cr.csv", "i,s\r8,g\r");
    staging_group(&s, "i:integer, s:string",
                  FILES("bom.csv", "crlf.csv", "empty.csv", "header.csv", "headeronly.csv",
                        "blank.csv", "no end.csv", "glob[1]*?.csv", "k=v/it's.csv", "cr.csv"));
    staging_columns(&s, "i:integer, s:string, _source_file:string");
    staging_ok(&s);
    const int64_t expected[] = {1, 2, 0, 0, 0, 1, 1, 1, 2, 1};
    for (size_t i = 0; i < SILT_COUNT(expected); i++)
        assert_int_equal(s.result.source_rows[i], expected[i]);
    staging_rows(&s, "SELECT * REPLACE (i::VARCHAR AS i)",
                 "1|a|bom.csv\n2|~|crlf.csv\n3|c|blank.csv\n4|d|no end.csv\n5|'e'|glob[1]*?.csv\n"
                 "6|~|k=v/it's.csv\n7|f|k=v/it's.csv\n8|g|cr.csv\n~|b|crlf.csv\n");
    staging_release(&s);
}

static void encodings_and_dialects(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_write(&s, "latin.csv", "n\xE4me,w\n\xE9t\xE9,1,5\n");
    staging_write(&s, "semi.csv", "name;w\n# no row\n'a;b';1,5\n'it\\'s';2\n");
    staging_write(&s, "skip.csv", "made by us\n\nname;w\nx;3\n");
    staging_write(&s, "bare.csv", "y;4\nz;5\n");
    s.options = (silt_source_options){.encoding = "latin-1", .delimiter = ","};
    staging_write(&s, "latin.csv", "n\xE4me,w\n\xE9t\xE9,1.5\n");
    staging_group(&s, "name:string, w:decimal(3,1)", FILES("latin.csv"));
    s.options = (silt_source_options){
        .delimiter = ";", .quote = "'", .escape = "\\", .comment = "#", .decimal_separator = ','};
    staging_group(&s, "name:string, w:decimal(3,1)", FILES("semi.csv"));
    s.options = (silt_source_options){.delimiter = ";", .skip_lines = 2};
    staging_group(&s, "name:string, w:decimal(3,1)", FILES("skip.csv"));
    s.options = (silt_source_options){.delimiter = ";", .no_header = true};
    staging_group(&s, "name:string, w:decimal(3,1)", FILES("bare.csv"));
    staging_columns(&s, "name:string, w:decimal(3,1)");
    staging_ok(&s);
    staging_rows(&s, "SELECT *", "a;b|1.5\nit's|2.0\nx|3.0\ny|4.0\nz|5.0\nété|1.5\n");
    staging_release(&s);
}

/* COPY by DuckDB itself makes the compressed files. */
static void compressed_files_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    duck_run(s.engine, s.dir,
             "COPY (SELECT range AS i, hash(range)::VARCHAR AS s FROM range(50000)) "
             "TO '@in/a.csv.gz' (HEADER)");
    duck_run(s.engine, s.dir,
             "COPY (SELECT range AS i, 'z' AS s FROM range(10000)) "
             "TO '@in/b.csv.zst' (HEADER, COMPRESSION zstd)");
    staging_group(&s, "i:long, s:string", FILES("a.csv.gz", "b.csv.zst"));
    staging_columns(&s, "i:long, s:string");
    staging_ok(&s);
    assert_int_equal(s.result.source_rows[0], 50000);
    assert_int_equal(s.result.source_rows[1], 10000);
    silt_duck_remove_written(s.out, "part-t-");

    /* Cut off by half: DuckDB reads what is there and says nothing. */
    char *path = test_path(s.in, "a.csv.gz");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
    free(path);
    path = test_path(s.in, "b.csv.zst");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 5), 0);
    free(path);
    staging_bad(&s, 2, (const size_t[]){0, 1}, (const char *const[]){"cut off", "cut off"});
    staging_release(&s);
}

static void json_lines_arrive_with_their_types(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_NDJSON);
    staging_write(
        &s, "a.json",
        "{\"i\":1,\"l\":9007199254740993,\"x\":1.25,\"s\":\"a\",\"t\":\"2020-01-01T10:00:00\","
        "\"d\":\"2020-01-02\",\"n\":{\"t\":\"2020-01-01 "
        "12:00:00\",\"l\":[1,2],\"m\":{\"k\":true}}}\n"
        "\n{\"i\":null,\"other\":3,\"s\":{\"raw\":[1]}}\n");
    staging_write(&s, "empty.json", "");
    staging_group(&s,
                  "i:integer, l:long, x:decimal(5,2), s:string, t:timestamp, d:date, "
                  "n:struct<t:timestamp,l:array<long>,m:map<string,boolean>>",
                  FILES("a.json", "empty.json"));
    s.engine->ops->free(s.engine);
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.timezone = "America/New_York";
    assert_int_equal(silt_engine_open(&opts, &s.engine, NULL), SILT_OK);
    staging_columns(&s, "i:integer, l:long, x:decimal(5,2), s:string, t:timestamp, d:date, "
                        "n:struct<t:timestamp,l:array<long>,m:map<string,boolean>>, "
                        "_source_file:string");
    staging_ok(&s);
    assert_int_equal(s.result.source_rows[0], 2);
    assert_int_equal(s.result.source_rows[1], 0);
    duck_run(s.engine, s.dir, "SET TimeZone = 'UTC'");
    staging_rows(&s, "SELECT *",
                 "1|9007199254740993|1.25|a|2020-01-01 15:00:00+00|2020-01-02|"
                 "{'t': '2020-01-01 17:00:00+00', 'l': [1, 2], 'm': {k=true}}|a.json\n"
                 "~|~|~|{\"raw\":[1]}|~|~|~|a.json\n");
    staging_release(&s);
}

/* A member that is called as DuckDB's virtual column doesn't spoil the counts. */
static void a_member_named_file_index(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_NDJSON);
    staging_write(&s, "a.json", "{\"file_index\":7}\n{\"file_index\":8}\n");
    staging_write(&s, "b.json", "{\"file_index\":9}\n");
    staging_group(&s, "file_index:long", FILES("a.json", "b.json"));
    staging_columns(&s, "file_index:long, _source_file:string");
    staging_ok(&s);
    assert_int_equal(s.result.source_rows[0], 2);
    assert_int_equal(s.result.source_rows[1], 1);
    staging_rows(&s, "SELECT *", "7|a.json\n8|a.json\n9|b.json\n");
    staging_release(&s);
}

static void parquet_files_of_differing_types(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_PARQUET);
    duck_run(s.engine, s.dir,
             "COPY (SELECT 1::INTEGER AS i, 'a' AS s, 5 AS file_index, "
             "TIMESTAMP '2020-01-01 00:00:00' AS t) TO '@in/1.parquet'");
    duck_run(s.engine, s.dir,
             "COPY (SELECT 'b' AS s, 3000000000 AS i, 6 AS file_index, "
             "TIMESTAMPTZ '2020-01-02 00:00:00+00' AS t) TO '@in/2.parquet'");
    duck_run(s.engine, s.dir,
             "COPY (SELECT 'c' AS s, 3.0::DOUBLE AS i, 7 AS file_index, "
             "TIMESTAMP_NS '2020-01-03 00:00:00' AS t FROM range(3)) "
             "TO '@in/3.parquet'");
    staging_group(&s, "i:long, s:string, file_index:integer, t:timestamp",
                  FILES("1.parquet", "2.parquet", "3.parquet"));
    staging_columns(&s, "i:long, s:string, file_index:integer, t:timestamp, _source_file:string");
    staging_ok(&s);
    assert_int_equal(s.result.source_rows[2], 3);
    staging_rows(&s, "SELECT DISTINCT *",
                 "1|a|5|2020-01-01 00:00:00+00|1.parquet\n"
                 "3|c|7|2020-01-03 00:00:00+00|3.parquet\n"
                 "3000000000|b|6|2020-01-02 00:00:00+00|2.parquet\n");
    staging_release(&s);
}

/* Formats of timestamps: ours for the usual ones must say what DuckDB's cast says. */
static void instants_are_what_the_cast_says(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC", "America/New_York", "Asia/Kolkata"};
    for (size_t i = 0; i < SILT_COUNT(zones); i++) {
        silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
        opts.timezone = zones[i];
        silt_engine *engine = NULL;
        assert_int_equal(silt_engine_open(&opts, &engine, NULL), SILT_OK);
        duck_assert_text(engine, "",
                         "SELECT count(*) FILTER (silt_instant(x) IS NOT NULL) > 100, "
                         "count(*) FILTER (silt_instant(x) <> x::TIMESTAMPTZ) FROM (SELECT d || s "
                         "|| f || z AS x "
                         "FROM (SELECT strftime(DATE '0001-01-01' + (range * 7919 % "
                         "3652000)::INTEGER, '%Y-%m-%d') "
                         "AS d FROM range(2000)), "
                         "(SELECT unnest([' 00:00:00', 'T23:59:59', ' 10:07:01']) AS s), "
                         "(SELECT unnest(['', '.5', '.123456']) AS f), "
                         "(SELECT unnest(['', 'Z', '+02', '-11:30']) AS z))",
                         "true|0\n");
        duck_assert_text(
            engine, "",
            "SELECT count(silt_instant(x)) FROM (SELECT unnest(['', 'x', "
            "'2020-02-30 00:00:00Z', '2019-02-29 00:00:00Z', '2020-01-01 24:00:00Z', "
            "'2020-13-01 00:00:00Z', '2020-01-01 00:00:00.Z', '2020-01-01 00:00:00 Z', "
            "'2020-01-01 00:00:00.1234567Z', '2020-01-01 00:00:00+', "
            "'2020-01-01 00:00:00Zz', '2020-01-01 00:00:0', NULL]) AS x)",
            "0\n");
        silt_engine_free(engine);
    }
}

static void exactness_of_numbers(void **state)
{
    (void)state;
    silt_engine *engine = duck_new();
    duck_assert_text(engine, "",
                     "SELECT silt_exact('1', 0), silt_exact('1.0', 0), silt_exact('1.7', 0), "
                     "silt_exact('1e-1', 0), silt_exact('10e-1', 0), silt_exact('1.5e1', 0), "
                     "silt_exact('1500e-2', 0), silt_exact('1500e-3', 0), silt_exact('1.23', 2), "
                     "silt_exact('1.230', 2), silt_exact('1.239', 2), silt_exact('-0.00', 0), "
                     "silt_exact('x', 0), silt_exact(NULL, 0), silt_exact('2020-01-01', -1), "
                     "silt_exact('2020-01-01 00:00:00', -1), silt_exact('2020-01-01T10:00', -1), "
                     "silt_exact('2020-01-01x', -1), silt_exact(' 2020/1/2 ', -1)",
                     "true|true|false|false|true|true|true|false|true|true|false|true|true|true|"
                     "true|true|false|false|true\n");
    silt_engine_free(engine);
}

static void no_rows_no_files(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_columns(&s, "a:long, p:string");
    staging_ok(&s);
    assert_int_equal(s.result.file_count, 0);
    staging_write(&s, "h.csv", "a,p\n");
    staging_write(&s, "e.csv", "");
    staging_group(&s, "a:long, p:string", FILES("h.csv"));
    staging_group(&s, "", FILES("e.csv"));
    staging_ok(&s);
    assert_int_equal(s.result.file_count, 0);
    s.spec.write.partition_by = (const size_t[]){1};
    s.spec.write.partition_count = 1;
    staging_ok(&s);
    assert_int_equal(s.result.file_count, 0);
    char *left = test_list(s.out);
    assert_string_equal(left, "");
    free(left);
    staging_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_arrive_with_their_types),
        cmocka_unit_test(headers_decide_by_name),
        cmocka_unit_test(odd_files_are_read),
        cmocka_unit_test(encodings_and_dialects),
        cmocka_unit_test(compressed_files_are_read_whole_or_not_at_all),
        cmocka_unit_test(json_lines_arrive_with_their_types),
        cmocka_unit_test(a_member_named_file_index),
        cmocka_unit_test(parquet_files_of_differing_types),
        cmocka_unit_test(instants_are_what_the_cast_says),
        cmocka_unit_test(exactness_of_numbers),
        cmocka_unit_test(no_rows_no_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
