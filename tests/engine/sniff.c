/* Sniffing: dialects, names and types, over one file and several. */
#include "engine/stage.h"
#include "engine/text_file.h"

#define FILES(...) \
    (const char *const[]){__VA_ARGS__}, SILT_COUNT(((const char *const[]){__VA_ARGS__}))

static silt_status sniff(staging *s, const char *const *names, size_t count,
                         silt_source_options *options, const silt_column **columns, size_t *n)
{
    silt_source_file files[8];
    assert_true(count <= SILT_COUNT(files));
    for (size_t i = 0; i < count; i++)
        files[i] =
            (silt_source_file){silt_arena_printf(s->arena, "%s/%s", s->in, names[i]), names[i]};
    s->err = (silt_error){0};
    return s->engine->ops->sniff(s->engine, s->format, &s->options, files, count, -1, s->arena,
                                 options, columns, n, &s->err);
}

/* "name type, …" */
static silt_source_options expect_columns(staging *s, const char *const *names, size_t count,
                                          const char *expected)
{
    silt_source_options options = {0};
    const silt_column *columns = NULL;
    size_t n = 0;
    SILT_CLEAN(silt_buf) text = {0};
    duck_assert_ok(sniff(s, names, count, &options, &columns, &n), &s->err);
    silt_buf_puts(&text, "");
    for (size_t i = 0; i < n; i++)
        silt_buf_printf(&text, "%s%s %s", i ? ", " : "", columns[i].name,
                        silt_type_name(columns[i].type, s->arena));
    assert_string_equal(text.data, expected);
    return options;
}

static void types_of_a_csv(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    s.options.nulls = (const char *const[]){"NA"};
    s.options.null_count = 1;
    staging_write(
        &s, "a.csv",
        "id,Mixed Case ,x,d,ts,tz,b,n,t,long,none\n"
        "1,x,1.5,2020-01-01,2020-01-01 10:00:00,2020-01-01 10:00:00+02,true,NA,10:00:00,"
        "12345678901234567890,\n"
        "2,y,2,2020-01-02,2020-01-01 10:00:00,2020-01-01 10:00:00Z,false,5,11:00:00,1,\n");
    silt_source_options o =
        expect_columns(&s, FILES("a.csv"),
                       "id long, Mixed Case  string, x double, d date, ts timestamp, "
                       "tz timestamp, b boolean, n long, t string, long string, none string");
    assert_string_equal(o.delimiter, ",");
    assert_string_equal(o.quote, "\"");
    assert_string_equal(o.escape, "\"");
    assert_string_equal(o.encoding, "utf-8");
    assert_string_equal(o.compression, "auto");
    assert_null(o.date_format);
    assert_int_equal(o.null_count, 1);
    staging_release(&s);
}

static void dialect_of_a_csv(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_write(&s, "a.csv",
                  "id;d;t\n1;31/12/2020;31/12/2020 10:00:00\n"
                  "2;30/12/2020;30/12/2020 23:00:00\n");
    /* Day or month first is never guessed: the next file may mean the other one. */
    silt_source_options o = expect_columns(&s, FILES("a.csv"), "id long, d string, t string");
    assert_null(o.date_format);
    assert_null(o.timestamp_format);
    s.options.date_format = "%d/%m/%Y";
    s.options.timestamp_format = "%d/%m/%Y %H:%M:%S";
    o = expect_columns(&s, FILES("a.csv"), "id long, d date, t timestamp");
    assert_string_equal(o.delimiter, ";");
    assert_string_equal(o.date_format, "%d/%m/%Y");
    assert_string_equal(o.timestamp_format, "%d/%m/%Y %H:%M:%S");

    /* What was found is good for loading. */
    s.options = o;
    staging_group(&s, "id:long, d:date, t:timestamp", FILES("a.csv"));
    staging_columns(&s, "id:long, d:date, t:timestamp");
    staging_ok(&s);
    staging_rows(&s, "SELECT *",
                 "1|2020-12-31|2020-12-31 10:00:00+00\n"
                 "2|2020-12-30|2020-12-30 23:00:00+00\n");
    staging_release(&s);
}

static void several_csvs(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_write(&s, "empty.csv", "");
    staging_write(&s, "head.csv", "a,b,c\n");
    staging_write(&s, "1.csv", "a,b,c\n1,,2020-01-01\n");
    staging_write(&s, "2.csv", "a,b,c\n1.5,7,2020-01-01 10:00:00\n");
    staging_write(&s, "3.csv", "a,b,c\n2,8,\n\"broken\n");
    staging_write(&s, "4.csv", "a,b,c\n2,8,x\n3,9\n4,10,y\n");
    expect_columns(&s, FILES("empty.csv", "head.csv", "1.csv", "2.csv"),
                   "a double, b long, c timestamp");
    expect_columns(&s, FILES("head.csv"), "a string, b string, c string");
    expect_columns(&s, FILES("empty.csv"), "");
    /* Broken rows are the load's business. */
    expect_columns(&s, FILES("1.csv", "4.csv"), "a long, b long, c string");
    staging_write(&s, "5.csv", "a,b\n1,2\n");
    silt_source_options o;
    const silt_column *columns;
    size_t n;
    assert_int_equal(sniff(&s, FILES("1.csv", "5.csv"), &o, &columns, &n), SILT_BAD_DATA);
    assert_non_null(strstr(s.err.message, "5.csv: 2 columns where other files have 3"));
    assert_int_equal(sniff(&s, FILES("none.csv"), &o, &columns, &n), SILT_NOT_FOUND);
    staging_release(&s);
}

static void json_lines(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_NDJSON);
    staging_write(&s, "1.json",
                  "{\"i\":1,\"x\":null,\"d\":\"2020-01-01\",\"t\":\"2020-01-01T10:00:00Z\","
                  "\"n\":{\"t\":\"2020-01-01 10:00:00\",\"l\":[1]},\"b\":true,\"u\":"
                  "\"0b6a2c3e-0000-4000-8000-000000000000\",\"z\":\"007\"}\n");
    staging_write(&s, "2.json", "{\"i\":2.5,\"x\":5,\"n\":{\"k\":\"v\"},\"more\":[]}\n");
    staging_write(&s, "empty.json", "\n");
    staging_write(&s, "list.json", "[1]\n");
    expect_columns(&s, FILES("1.json"),
                   "i long, x string, d date, t timestamp, n struct<t:timestamp,l:array<long>>, "
                   "b boolean, u string, z string");
    expect_columns(&s, FILES("1.json", "2.json", "empty.json"),
                   "i double, x long, d date, t timestamp, "
                   "n struct<t:timestamp,l:array<long>,k:string>, b boolean, u string, z string, "
                   "more array<string>");
    silt_source_options o;
    const silt_column *columns;
    size_t n;
    assert_int_equal(sniff(&s, FILES("1.json", "list.json"), &o, &columns, &n), SILT_BAD_DATA);
    assert_int_equal(strncmp(s.err.message, "list.json: ", 11), 0);
    staging_release(&s);
}

static void parquet(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_PARQUET);
    duck_run(s.engine, s.dir,
             "COPY (SELECT 1::TINYINT AS b, 1::UTINYINT AS ub, 1::UBIGINT AS u, 1::HUGEINT AS h, "
             "1.5::DECIMAL(9,2) AS d, TIMESTAMP_S '2020-01-01 00:00:00' AS s, 'x'::BLOB AS y, "
             "uuid() AS id, TIME '10:00:00' AS t, MAP {'k': [1::REAL]} AS m) TO '@in/k=1.parquet'");
    duck_run(s.engine, s.dir,
             "COPY (SELECT 1::BIGINT AS b, 1.25::DECIMAL(9,4) AS d) "
             "TO '@in/2.parquet'");
    staging_write(&s, "bad.parquet", "no Parquet, this");
    expect_columns(&s, FILES("k=1.parquet"),
                   "b byte, ub short, u decimal(20,0), h double, d decimal(9,2), s timestamp_ntz, "
                   "y binary, id string, t string, m map<string,array<float>>");
    expect_columns(&s, FILES("k=1.parquet", "2.parquet"),
                   "b long, ub short, u decimal(20,0), h double, d decimal(11,4), s timestamp_ntz, "
                   "y binary, id string, t string, m map<string,array<float>>");
    silt_source_options o;
    const silt_column *columns;
    size_t n;
    assert_int_equal(sniff(&s, FILES("bad.parquet"), &o, &columns, &n), SILT_BAD_DATA);
    staging_release(&s);
}

static void headers(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_PARQUET);
    duck_run(s.engine, s.dir, "COPY (SELECT 1 AS \"a b\", 2 AS c) TO '@in/p.parquet'");
    staging_write(&s, "c.csv", "x,y\n1,2\n");
    const char *const *names = NULL;
    size_t count = 0;
    char *path = test_path(s.in, "p.parquet");
    duck_assert_ok(s.engine->ops->header(s.engine, SILT_FORMAT_PARQUET, &s.options, path, s.arena,
                                         &names, &count, &s.err),
                   &s.err);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "a b");
    free(path);
    path = test_path(s.in, "c.csv");
    duck_assert_ok(s.engine->ops->header(s.engine, SILT_FORMAT_CSV, &s.options, path, s.arena,
                                         &names, &count, &s.err),
                   &s.err);
    assert_int_equal(count, 2);
    assert_string_equal(names[1], "y");
    /* Text isn't Parquet. */
    assert_int_equal(s.engine->ops->header(s.engine, SILT_FORMAT_PARQUET, &s.options, path, s.arena,
                                           &names, &count, &s.err),
                     SILT_BAD_DATA);
    free(path);
    path = test_path(s.in, "none.csv");
    assert_int_equal(s.engine->ops->header(s.engine, SILT_FORMAT_CSV, &s.options, path, s.arena,
                                           &names, &count, &s.err),
                     SILT_NOT_FOUND);
    assert_non_null(strstr(s.err.message, "none.csv"));
    free(path);
    staging_release(&s);
}

/* ---- long numbers */

static bool may_have_long_numbers(staging *s, const silt_source_options *options, const char *text)
{
    bool found = false;
    staging_write(s, "numbers", text);
    const char *path = silt_arena_printf(s->arena, "%s/numbers", s->in);
    duck_assert_ok(silt_text_may_have_long_numbers(options, path, 16, &found, &s->err), &s->err);
    return found;
}

static void long_numbers(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    const silt_source_options by_default = {0}, utf16 = {.encoding = "utf-16"},
                              points = {.delimiter = "."}, letters = {.delimiter = "x"};
    static const char *const with[] = {
        "1234567890123456", "a,-1234567890123456,b", "[\"x\":1234567890123456]",
        "1\n12345678901234567890123456789012345678\n2", "\xC3\xA4 0000000000000000"};
    static const char *const without[] = {"",
                                          "\n",
                                          "123456789012345",
                                          "a,-123456789012345,",
                                          "0.1234567890123456789",
                                          "note a1234567890123456789",
                                          ",1234567890123456f,",
                                          "1234567890 1234567890"};
    for (size_t i = 0; i < SILT_COUNT(with); i++)
        assert_true(may_have_long_numbers(&s, &by_default, with[i]));
    for (size_t i = 0; i < SILT_COUNT(without); i++)
        assert_false(may_have_long_numbers(&s, &by_default, without[i]));
    assert_true(may_have_long_numbers(&s, &utf16, "1"));
    assert_true(may_have_long_numbers(&s, &points, "1"));
    assert_true(may_have_long_numbers(&s, &letters, "1"));
    staging_release(&s);
}

/* Wherever a number lies, in one piece of the file that is read at once or across two. */
static void long_numbers_anywhere(void **state)
{
    (void)state;
    enum { SIZE = 3 << 17, PIECE = 1 << 18, AROUND = 40 };
    staging s;
    const silt_source_options options = {0};
    staging_init(&s, SILT_FORMAT_CSV);
    SILT_FREE char *text = malloc(SIZE + 1);
    assert_non_null(text);
    for (size_t i = 0; i < 2 * AROUND; i++)
        for (size_t digits = 15; digits < 18; digits++) {
            size_t at = i < AROUND ? PIECE - i : i == AROUND ? 0 : SIZE - digits - (i - AROUND - 1);
            memset(text, i % 2 ? ',' : 'a', SIZE);
            text[SIZE] = '\0';
            if (at > 0) text[at - 1] = ' ';
            memset(text + at, '7', digits);
            if (at + digits < SIZE) text[at + digits] = ' ';
            assert_int_equal(may_have_long_numbers(&s, &options, text), digits > 15);
        }
    staging_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_a_csv), cmocka_unit_test(dialect_of_a_csv),
        cmocka_unit_test(several_csvs),   cmocka_unit_test(json_lines),
        cmocka_unit_test(parquet),        cmocka_unit_test(headers),
        cmocka_unit_test(long_numbers),   cmocka_unit_test(long_numbers_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
