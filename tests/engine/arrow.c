/* Arrow streams into Parquet: values of every type, and whatever may be wrong with a stream. */
#include <errno.h>
#include <math.h>

#include "engine/duck.h"
#include "engine/duckdb_ops.h"
#include "support/arrow.h"
#include "table/expr.h"

static silt_engine *engine;
static silt_arena *arena;
static char *dir, *out_dir;
static silt_error err;
static silt_stage_result staged;

static int set_up(void **state)
{
    (void)state;
    engine = duck_new();
    arena = silt_arena_new();
    dir = test_dir_new();
    test_write(dir, "out/keep", "x");
    out_dir = test_path(dir, "out");
    staged = (silt_stage_result){0};
    err = (silt_error){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    silt_engine_free(engine);
    silt_arena_free(arena);
    free(out_dir);
    test_dir_free(dir);
    return 0;
}

/* Stage into a table of this schema; columns with '!' behind their names can't be null. */
static silt_status stage_by(test_arrow *arrow, const char *schema, size_t partition)
{
    const silt_type *type = NULL;
    duck_assert_ok(silt_type_parse(schema, arena, &type, &err), &err);
    silt_output_column *columns = silt_arena_calloc(arena, type->field_count, sizeof *columns);
    for (size_t i = 0; i < type->field_count; i++)
        columns[i] = (silt_output_column){.name = type->fields[i].name,
                                          .type = type->fields[i].type,
                                          .kind = SILT_OUTPUT_SOURCE,
                                          .source = type->fields[i].name,
                                          .not_null = !type->fields[i].nullable};
    silt_arrow_spec spec = {.rows = test_arrow_open(arrow),
                            .columns = columns,
                            .column_count = type->field_count,
                            .write = {.directory = out_dir,
                                      .file_prefix = "part-t-",
                                      .partition_by = &partition,
                                      .partition_count = partition != SIZE_MAX}};
    silt_status st = engine->ops->stage_arrow(engine, &spec, arena, &staged, &err);
    arrow->stream.release(&arrow->stream);
    if (st != SILT_OK) { /* nothing is left but what isn't ours */
        char *names = test_list(out_dir);
        assert_string_equal(names, "keep\n");
        free(names);
    }
    return st;
}

static silt_status stage(test_arrow *arrow, const char *schema)
{
    return stage_by(arrow, schema, SIZE_MAX);
}

static void assert_refused(test_arrow *arrow, const char *schema, silt_status status,
                           const char *words)
{
    err = (silt_error){0};
    silt_status st = stage(arrow, schema);
    if (st != status) fail_msg("%s: %s", silt_status_name(st), err.message);
    assert_int_equal(err.status, status);
    if (!strstr(err.message, words)) fail_msg("'%s' is not in '%s'", words, err.message);
}

/* One column `c` of `n` rows, all written as `type` and read back. */
static test_arrow one(const test_arrow_batch *batch)
{
    return (test_arrow){.column_count = 1, .batches = batch, .batch_count = 1};
}

static void assert_column(const test_arrow_column *column, int64_t n, const char *type,
                          const char *expected)
{
    test_arrow_batch batch = {column, n, 0};
    test_arrow arrow = one(&batch);
    duck_assert_ok(stage(&arrow, silt_arena_printf(arena, "struct<c:%s>", type)), &err);
    assert_int_equal(staged.row_count, n);
    duck_assert_text(engine, out_dir, "SELECT c FROM '@part-t-*.parquet'", expected);
    silt_duck_remove_written(out_dir, "part-t-");
}

/* ---- every type */

static const uint8_t second_null[] = {0xfd}; /* rows 0 and 2 to 7 are there */

static void integers_of_every_width(void **state)
{
    (void)state;
    const int8_t i8[] = {-128, 1, 127};
    const uint8_t u8[] = {0, 1, 255};
    const int16_t i16[] = {-32768, 1, 32767};
    const uint16_t u16[] = {0, 1, 65535};
    const int32_t i32[] = {INT32_MIN, 1, INT32_MAX};
    const uint32_t u32[] = {0, 1, UINT32_MAX};
    const int64_t i64[] = {INT64_MIN, 1, INT64_MAX};
    const uint64_t u64[] = {0, 1, UINT64_MAX};
    const struct {
        const char *format, *type;
        const void *values;
        const char *expected;
    } cases[] = {
        {"c", "byte", i8, "-128\n~\n127\n"},
        {"c", "short", i8, "-128\n~\n127\n"},
        {"c", "float", i8, "-128.0\n~\n127.0\n"},
        {"C", "short", u8, "0\n~\n255\n"},
        {"s", "short", i16, "-32768\n~\n32767\n"},
        {"S", "integer", u16, "0\n~\n65535\n"},
        {"i", "integer", i32, "-2147483648\n~\n2147483647\n"},
        {"i", "long", i32, "-2147483648\n~\n2147483647\n"},
        {"i", "double", i32, "-2147483648.0\n~\n2147483647.0\n"},
        {"i", "decimal(12,2)", i32, "-2147483648.00\n~\n2147483647.00\n"},
        {"I", "long", u32, "0\n~\n4294967295\n"},
        {"l", "long", i64, "-9223372036854775808\n~\n9223372036854775807\n"},
        {"L", "decimal(20,0)", u64, "0\n~\n18446744073709551615\n"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        test_arrow_column column = {.name = "c",
                                    .format = cases[i].format,
                                    .values = cases[i].values,
                                    .validity = second_null,
                                    .null_count = i % 2 ? 1 : -1};
        assert_column(&column, 3, cases[i].type, cases[i].expected);
    }
}

static void fractions_and_booleans(void **state)
{
    (void)state;
    const float f[] = {1.5F, 0, -INFINITY};
    const double d[] = {1.5, 0, NAN};
    const uint8_t bits[] = {0x05};
    assert_column(&(test_arrow_column){.name = "c", .format = "f", .values = f}, 3, "float",
                  "1.5\n0.0\n-inf\n");
    assert_column(&(test_arrow_column){.name = "c", .format = "f", .values = f}, 3, "double",
                  "1.5\n0.0\n-inf\n");
    assert_column(&(test_arrow_column){.name = "c", .format = "g", .values = d}, 3, "double",
                  "1.5\n0.0\nnan\n");
    assert_true(staged.files[0].stats[0].has_nan);
    assert_column(&(test_arrow_column){.name = "c", .format = "b", .values = bits}, 3, "boolean",
                  "true\nfalse\ntrue\n");
    /* bits and validity from the middle of a byte on */
    assert_column(&(test_arrow_column){.name = "c",
                                       .format = "b",
                                       .values = bits,
                                       .validity = second_null,
                                       .null_count = -1,
                                       .offset = 1},
                  2, "boolean", "~\ntrue\n");
}

static void decimals_of_every_size(void **state)
{
    (void)state;
    const __int128 small[] = {-9999, 0, 9999};
    const struct {
        int digits;
        const char *expected;
    } cases[] = {{4, "-99.99\n0.00\n99.99\n"},
                 {5, "-99.99\n0.00\n99.99\n"},
                 {10, "-99.99\n0.00\n99.99\n"},
                 {19, "-99.99\n0.00\n99.99\n"},
                 {38, "-99.99\n0.00\n99.99\n"}};
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const char *type = silt_arena_printf(arena, "decimal(%d,2)", cases[i].digits);
        const char *format = silt_arena_printf(arena, "d:%d,2", cases[i].digits);
        assert_column(&(test_arrow_column){.name = "c", .format = format, .values = small}, 3, type,
                      cases[i].expected);
    }
    assert_column(&(test_arrow_column){.name = "c", .format = "d:4,2,128", .values = small}, 3,
                  "decimal(7,3)", "-99.990\n0.000\n99.990\n");
    const __int128 big[] = {(__int128)INT64_MAX * 1000};
    assert_column(&(test_arrow_column){.name = "c", .format = "d:38,3", .values = big}, 1,
                  "decimal(38,3)", "9223372036854775807.000\n");
    test_arrow_column column = {.name = "c", .format = "d:3,2", .values = small};
    test_arrow_batch batch = {&column, 3, 0};
    test_arrow arrow = one(&batch);
    assert_refused(&arrow, "struct<c:decimal(3,2)>", SILT_INVALID, "row 1, column c: too many");
}

static void texts_and_bytes(void **state)
{
    (void)state;
    const int32_t ends[] = {0, 1, 1, 15};
    const int64_t large[] = {0, 1, 1, 15};
    const char *text = "a\xc3\xa4-long-enough!";
    assert_column(&(test_arrow_column){.name = "c",
                                       .format = "u",
                                       .values = ends,
                                       .text = text,
                                       .validity = second_null,
                                       .null_count = 1},
                  3, "string", "a\n~\n\xc3\xa4-long-enough\n");
    assert_column(&(test_arrow_column){.name = "c", .format = "U", .values = large, .text = text},
                  3, "string", "a\n\n\xc3\xa4-long-enough\n");
    const char *bytes = "a\xff\0-\xc3-long-enough!";
    assert_column(&(test_arrow_column){.name = "c", .format = "z", .values = ends, .text = bytes},
                  3, "binary", "a\n\n\\xFF\\x00-\\xC3-long-enou\n");
    assert_column(&(test_arrow_column){.name = "c", .format = "Z", .values = large, .text = bytes},
                  2, "binary", "a\n\n");
    assert_column(&(test_arrow_column){.name = "c", .format = "w:3", .values = bytes}, 2, "binary",
                  "a\\xFF\\x00\n-\\xC3-\n");
    assert_column(&(test_arrow_column){.name = "c", .format = "w:3", .values = bytes, .offset = 1},
                  1, "binary", "-\\xC3-\n");
}

static void days_and_times(void **state)
{
    (void)state;
    const int32_t days[] = {-719162, 0, 2932896};
    const int64_t days_ms[] = {-86400000, 0, 86400000};
    assert_column(&(test_arrow_column){.name = "c", .format = "tdD", .values = days}, 3, "date",
                  "0001-01-01\n1970-01-01\n9999-12-31\n");
    assert_column(&(test_arrow_column){.name = "c", .format = "tdm", .values = days_ms}, 3, "date",
                  "1969-12-31\n1970-01-01\n1970-01-02\n");
    assert_column(&(test_arrow_column){.name = "c", .format = "tdm", .values = days_ms}, 1,
                  "timestamp_ntz", "1969-12-31 00:00:00\n");
    const int64_t times[] = {-1, 0, 1500000000};
    assert_column(&(test_arrow_column){.name = "c", .format = "tss:", .values = times}, 3,
                  "timestamp_ntz",
                  "1969-12-31 23:59:59\n1970-01-01 00:00:00\n2017-07-14 02:40:00\n");
    assert_column(&(test_arrow_column){.name = "c", .format = "tsm:Europe/Berlin", .values = times},
                  3, "timestamp",
                  "1969-12-31 23:59:59.999+00\n1970-01-01 00:00:00+00\n1970-01-18 08:40:00+00\n");
    assert_column(
        &(test_arrow_column){.name = "c", .format = "tsu:UTC", .values = times}, 3, "timestamp",
        "1969-12-31 23:59:59.999999+00\n1970-01-01 00:00:00+00\n1970-01-01 00:25:00+00\n");
    const int64_t ns[] = {-1000, 0, 1500000000};
    assert_column(
        &(test_arrow_column){.name = "c", .format = "tsn:UTC", .values = ns}, 3, "timestamp",
        "1969-12-31 23:59:59.999999+00\n1970-01-01 00:00:00+00\n1970-01-01 00:00:01.5+00\n");
}

static void nulls_of_any_type(void **state)
{
    (void)state;
    const char *const types[] = {"long",         "string",      "binary",          "date",
                                 "decimal(5,1)", "array<long>", "struct<x:string>"};
    for (size_t i = 0; i < SILT_COUNT(types); i++)
        assert_column(&(test_arrow_column){.name = "c", .format = "n"}, 2, types[i], "~\n~\n");
}

/* ---- values that don't fit */

static void values_out_of_range_are_told_by_row(void **state)
{
    (void)state;
    const int64_t times[] = {0, INT64_MAX};
    const int32_t days[] = {0, INT32_MAX};
    const int32_t ends[] = {0, 1, 3}, backwards[] = {0, 4, 1};
    const struct {
        const char *format, *type;
        const void *values;
        const char *text, *words;
    } cases[] = {
        {"tss:UTC", "timestamp", times, NULL, "row 2, column c: out of range"},
        {"tsu:UTC", "timestamp", times, NULL, "row 2, column c: out of range"},
        {"tsn:", "timestamp_ntz", times, NULL, "row 2, column c: nanoseconds"},
        {"tdD", "date", days, NULL, "row 2, column c: out of range"},
        {"tdm", "date", times, NULL, "row 2, column c: a time of day"},
        {"u", "string", ends, "a\xc3(", "row 2, column c: text that is not UTF-8"},
        {"u", "string", backwards, "abcd", "row 2, column c: a value without a place"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        test_arrow_column column = {.name = "c",
                                    .format = cases[i].format,
                                    .values = cases[i].values,
                                    .text = cases[i].text};
        test_arrow_batch batch = {&column, 2, 0};
        test_arrow arrow = one(&batch);
        assert_refused(&arrow, silt_arena_printf(arena, "struct<c:%s>", cases[i].type),
                       SILT_INVALID, cases[i].words);
    }
}

static void nulls_where_there_are_none(void **state)
{
    (void)state;
    const int64_t values[] = {1, 2, 3};
    test_arrow_column columns[] = {
        {.name = "c", .format = "l", .values = values, .validity = second_null, .null_count = 1}};
    test_arrow_batch batches[] = {{columns, 1, 0}, {columns, 3, 0}};
    test_arrow arrow = {.column_count = 1, .batches = batches, .batch_count = 2};
    assert_refused(&arrow, "struct<c:long not null>", SILT_INVALID,
                   "row 3, column c: null, where the table allows none");
    test_arrow_column none = {.name = "c", .format = "n"};
    test_arrow_batch nulls = {&none, 1, 0};
    test_arrow second = one(&nulls);
    assert_refused(&second, "struct<c:long not null>", SILT_INVALID, "row 1, column c: null");
}

/* ---- columns */

static void columns_go_by_name(void **state)
{
    (void)state;
    const int64_t a[] = {1, 2};
    const int32_t b[] = {3, 4};
    const test_arrow_column columns[] = {{.name = "b", .format = "i", .values = b},
                                         {.name = "a b", .format = "l", .values = a}};
    test_arrow_batch batch = {columns, 2, 0};
    test_arrow arrow = {.column_count = 2, .batches = &batch, .batch_count = 1};
    duck_assert_ok(stage(&arrow, "struct<`a b`:long,x:string,b:long,y:struct<z:date>>"), &err);
    duck_assert_text(engine, out_dir, "SELECT \"a b\", x, b, y FROM '@part-t-*.parquet'",
                     "1|~|3|~\n2|~|4|~\n");
    assert_int_equal(staged.files[0].stats_count, 4);
}

static void columns_that_dont_fit_are_named(void **state)
{
    (void)state;
    const int64_t a[] = {1};
    const test_arrow_column columns[] = {{.name = "a", .format = "l", .values = a},
                                         {.name = "b", .format = "l", .values = a},
                                         {.name = "c", .format = "l", .values = a}};
    test_arrow_batch batch = {columns, 1, 0};
    test_arrow arrow = {.column_count = 3, .batches = &batch, .batch_count = 1};
    assert_refused(&arrow, "struct<b:long>", SILT_INVALID, "doesn't have: a, c");
    assert_refused(&arrow, "struct<a:integer,b:long,c:string>", SILT_INVALID,
                   "don't fit the table's: a (long, not integer), c (long, not string)");
    assert_refused(&arrow, "struct<a:long,b:long,c:long,d:long not null,e:date not null>",
                   SILT_INVALID, "can't be null are missing: d, e");
    assert_int_equal(arrow.calls, 0);
}

static void only_lossless_types_are_taken(void **state)
{
    (void)state;
    const int64_t zero[4] = {0};
    const char *const pairs[][2] = {{"l", "integer"},
                                    {"l", "double"},
                                    {"i", "float"},
                                    {"g", "float"},
                                    {"L", "long"},
                                    {"d:5,2", "decimal(5,1)"},
                                    {"d:5,2", "decimal(6,4)"},
                                    {"l", "decimal(18,0)"},
                                    {"u", "binary"},
                                    {"z", "string"},
                                    {"tdD", "timestamp"},
                                    {"tsu:", "timestamp"},
                                    {"tsu:UTC", "timestamp_ntz"},
                                    {"tsu:UTC", "date"},
                                    {"b", "integer"},
                                    {"i", "boolean"},
                                    {"f", "decimal(10,2)"},
                                    {"u", "long"}};
    for (size_t i = 0; i < SILT_COUNT(pairs); i++) {
        test_arrow_column column = {.name = "c", .format = pairs[i][0], .values = zero};
        test_arrow_batch batch = {&column, 1, 0};
        test_arrow arrow = one(&batch);
        assert_refused(&arrow, silt_arena_printf(arena, "struct<c:%s>", pairs[i][1]), SILT_INVALID,
                       "don't fit");
    }
}

static void foreign_formats_are_refused(void **state)
{
    (void)state;
    const int64_t zero[4] = {0};
    const char *const formats[] = {"e",
                                   "+l",
                                   "+s",
                                   "+m",
                                   "+r",
                                   "ttu",
                                   "tDs",
                                   "tiM",
                                   "vu",
                                   "vz",
                                   "d:5",
                                   "d:5,2,256",
                                   "d:0,0",
                                   "d:39,2",
                                   "d:5,-1",
                                   "d:5,6",
                                   "w:",
                                   "w:x",
                                   "tsx:",
                                   "tsu",
                                   "",
                                   "?",
                                   "d:99999999999,2"};
    for (size_t i = 0; i < SILT_COUNT(formats); i++) {
        test_arrow_column column = {.name = "c", .format = formats[i], .values = zero};
        test_arrow_batch batch = {&column, 1, 0};
        test_arrow arrow = one(&batch);
        assert_refused(&arrow, "struct<c:long>", SILT_UNSUPPORTED, "column c is ");
    }
    test_arrow_column column = {.name = "c", .format = "i", .values = zero};
    test_arrow_batch batch = {&column, 1, 0};
    test_arrow arrow = one(&batch);
    arrow.dictionary = 1;
    assert_refused(&arrow, "struct<c:long>", SILT_UNSUPPORTED, "dictionary-encoded");
}

/* ---- streams */

static void batches_of_any_size(void **state)
{
    (void)state;
    enum { N = 10000 };
    static int64_t values[N];
    static test_arrow_column columns[N];
    static test_arrow_batch batches[N];
    size_t count = 0;
    for (int i = 0; i < N; i++)
        values[i] = i;
    for (int64_t at = 0, size = 0; at < N; at += size, count++) {
        size = count % 5 == 0 ? 0 : count % 5 == 1 ? 3000 : (int64_t)count;
        if (size > N - at) size = N - at;
        columns[count] = (test_arrow_column){.name = "c", .format = "l", .values = values};
        columns[count].offset = count % 2 ? at : 0; /* of the column, or of the batch */
        batches[count] = (test_arrow_batch){&columns[count], size, count % 2 ? 0 : at};
    }
    test_arrow arrow = {.column_count = 1, .batches = batches, .batch_count = count};
    duck_assert_ok(stage(&arrow, "struct<c:long>"), &err);
    assert_int_equal(staged.row_count, N);
    assert_string_equal(staged.files[0].stats[0].min, "0");
    assert_string_equal(staged.files[0].stats[0].max, "9999");
    duck_assert_text(engine, out_dir, "SELECT count(DISTINCT c), sum(c) FROM '@part-t-*.parquet'",
                     "10000|49995000\n");
}

static void a_stream_without_rows_writes_nothing(void **state)
{
    (void)state;
    test_arrow_column column = {.name = "c", .format = "l"};
    test_arrow_batch batch = {&column, 0, 0};
    test_arrow arrow = {.column_count = 1, .batches = &batch, .batch_count = 0};
    duck_assert_ok(stage(&arrow, "struct<c:long>"), &err);
    assert_int_equal(staged.file_count, 0);
    arrow.batch_count = 1;
    duck_assert_ok(stage(&arrow, "struct<c:long>"), &err);
    assert_int_equal(staged.row_count, 0);
}

static void partitions_are_told_apart(void **state)
{
    (void)state;
    const int32_t ends[] = {0, 1, 1, 2, 3};
    const int64_t l[] = {1, 2, 3, 4};
    const uint8_t not_third[] = {0x0b};
    const test_arrow_column columns[] = {{.name = "l", .format = "l", .values = l},
                                         {.name = "p",
                                          .format = "u",
                                          .values = ends,
                                          .text = "aba",
                                          .validity = not_third,
                                          .null_count = 1}};
    test_arrow_batch batch = {columns, 4, 0};
    test_arrow arrow = {.column_count = 2, .batches = &batch, .batch_count = 1};
    duck_assert_ok(stage_by(&arrow, "struct<p:string,l:long>", 0), &err);
    assert_int_equal(staged.file_count, 2); /* a; null and "" */
    for (size_t i = 0; i < 2; i++) {
        const char *p = staged.files[i].partition_values[0];
        assert_int_equal(staged.files[i].row_count, 2);
        assert_true(!p || silt_streq(p, "a"));
    }
}

static void streams_that_fail(void **state)
{
    (void)state;
    const int64_t l[] = {1};
    test_arrow_column column = {.name = "c", .format = "l", .values = l};
    test_arrow_batch batch = {&column, 1, 0};
    test_arrow arrow = one(&batch);
    arrow.fails = EIO;
    arrow.error = "the cable is loose";
    assert_refused(&arrow, "struct<c:long>", SILT_FAILED, "rows: the cable is loose");
    assert_int_equal(err.cause, EIO);
    arrow.error = NULL;
    assert_refused(&arrow, "struct<c:long>", SILT_FAILED, "rows: the stream failed");
    arrow.fails = ENOMEM;
    assert_refused(&arrow, "struct<c:long>", SILT_NOMEM, "rows");
    arrow.schema_fails = EACCES;
    assert_refused(&arrow, "struct<c:long>", SILT_FAILED, "rows");
    assert_int_equal(err.cause, EACCES);
}

static void streams_that_lie(void **state)
{
    (void)state;
    const int64_t l[] = {1};
    test_arrow_column column = {.name = "c", .format = "l", .values = l};
    test_arrow_batch batch = {&column, 1, 0};
    test_arrow arrow = one(&batch);
    arrow.nested_format = "l";
    assert_refused(&arrow, "struct<c:long>", SILT_INVALID, "no columns");
    arrow.nested_format = NULL;
    column.values = NULL;
    assert_refused(&arrow, "struct<c:long>", SILT_INVALID, "a buffer is missing");
    column.values = l;
    column.null_count = 1;
    assert_refused(&arrow, "struct<c:long>", SILT_INVALID, "a buffer is missing");
    column.null_count = 0;
    batch.length = -1;
    assert_refused(&arrow, "struct<c:long>", SILT_INVALID, "isn't as its schema says");
    batch.length = 1;
    column.offset = -1;
    assert_refused(&arrow, "struct<c:long>", SILT_INVALID, "fewer values");
    column.offset = 0;
    column.name = "";
    assert_refused(&arrow, "struct<c:long>", SILT_INVALID, "without a name");
    const test_arrow_column twice[] = {{.name = "c", .format = "l", .values = l},
                                       {.name = "c", .format = "l", .values = l}};
    test_arrow_batch both = {twice, 1, 0};
    test_arrow two = {.column_count = 2, .batches = &both, .batch_count = 1};
    assert_refused(&two, "struct<c:long>", SILT_INVALID, "column c is there twice");
    two.children = 1; /* a batch has more than the schema */
    assert_refused(&two, "struct<c:long>", SILT_INVALID, "isn't as its schema says");
}

static void an_interrupt_ends_the_stream(void **state)
{
    (void)state;
    const int64_t l[] = {1};
    test_arrow_column column = {.name = "c", .format = "l", .values = l};
    test_arrow_batch batch = {&column, 1, 0};
    test_arrow arrow = one(&batch);
    duck_run(engine, dir, "SELECT 1");
    silt_engine_interrupt(engine);
    assert_refused(&arrow, "struct<c:long>", SILT_INTERRUPTED, "interrupted");
    silt_engine_resume(engine);
    duck_assert_ok(stage(&arrow, "struct<c:long>"), &err);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* ---- beside the stream's columns */

static const silt_expr *expr_of(const char *text, const char *schema)
{
    const silt_type *type = NULL;
    const silt_expr *expr = NULL;
    duck_assert_ok(silt_type_parse(schema, arena, &type, &err), &err);
    duck_assert_ok(silt_expr_parse(text, arena, &expr, &err), &err);
    duck_assert_ok(silt_expr_bind(expr, type, arena, &expr, &err), &err);
    return expr;
}

/* Rows that can be had once only: computed, numbered, checked, and put on a curve all the same. */
static void rows_of_streams_are_computed_and_checked(void **state)
{
    (void)state;
    const int64_t values[] = {4, 3, 2, 1};
    const test_arrow_column column = {.format = "l", .name = "a", .values = values};
    const test_arrow_batch batch = {&column, 4, 0};
    static const silt_type whole = {.kind = SILT_TYPE_LONG};
    silt_output_column columns[] = {
        {.name = "c-a", .label = "a", .type = &whole, .source = "a"},
        {.name = "g",
         .type = &whole,
         .kind = SILT_OUTPUT_EXPR,
         .expr = expr_of("a * 2", "struct<a:long>")},
        {.name = "id", .type = &whole, .kind = SILT_OUTPUT_IDENTITY, .value = 5, .step = 1},
        {.name = "d",
         .type = &whole,
         .source = "d",
         .not_null = true,
         .expr = expr_of("nullif(a, 9)", "struct<a:long>")},
        {.name = "v", .type = &whole, .kind = SILT_OUTPUT_VALUE, .value = 8},
    };
    silt_check check = {.name = "low", .condition = expr_of("g < 8", "struct<g:long>")};
    const size_t order[] = {1, 0};
    silt_arrow_spec spec = {.columns = columns,
                            .column_count = SILT_COUNT(columns),
                            .write = {.directory = out_dir,
                                      .file_prefix = "part-t-",
                                      .checks = &check,
                                      .check_count = 1,
                                      .order = {order, 2, true}}};
    test_arrow arrow = one(&batch);
    spec.rows = test_arrow_open(&arrow);
    assert_int_equal(engine->ops->stage_arrow(engine, &spec, arena, &staged, &err), SILT_BAD_DATA);
    arrow.stream.release(&arrow.stream);
    assert_non_null(strstr(err.message, "1 row violates low"));
    assert_int_equal(staged.violation_count, 1);
    assert_string_equal(staged.violations[0].samples[0],
                        "{\"a\":4,\"g\":8,\"id\":5,\"d\":4,\"v\":8}");

    check.condition = expr_of("g < 9", "struct<g:long>");
    arrow = one(&batch);
    spec.rows = test_arrow_open(&arrow);
    staged = (silt_stage_result){0};
    duck_assert_ok(engine->ops->stage_arrow(engine, &spec, arena, &staged, &err), &err);
    arrow.stream.release(&arrow.stream);
    assert_int_equal(staged.identity_count, 4);
    assert_int_equal(staged.identity_last, 8);
    duck_assert_text(engine, out_dir, "SELECT * FROM '@part-t-*.parquet'",
                     "1|2|8|1|8\n2|4|7|2|8\n3|6|6|3|8\n4|8|5|4|8\n");
    silt_duck_remove_written(out_dir, "part-t-");

    columns[3].expr = expr_of("nullif(a, 3)", "struct<a:long>");
    arrow = one(&batch);
    spec.rows = test_arrow_open(&arrow);
    assert_int_equal(engine->ops->stage_arrow(engine, &spec, arena, &staged, &err), SILT_BAD_DATA);
    arrow.stream.release(&arrow.stream);
    assert_non_null(strstr(err.message, "column d must not be null, but is in 1 row"));
    columns[3].kind = SILT_OUTPUT_SOURCE_FILE;
    arrow = one(&batch);
    spec.rows = test_arrow_open(&arrow);
    assert_int_equal(engine->ops->stage_arrow(engine, &spec, arena, &staged, &err), SILT_INVALID);
    arrow.stream.release(&arrow.stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(integers_of_every_width),
        TEST(fractions_and_booleans),
        TEST(decimals_of_every_size),
        TEST(texts_and_bytes),
        TEST(days_and_times),
        TEST(nulls_of_any_type),
        TEST(values_out_of_range_are_told_by_row),
        TEST(nulls_where_there_are_none),
        TEST(columns_go_by_name),
        TEST(columns_that_dont_fit_are_named),
        TEST(only_lossless_types_are_taken),
        TEST(foreign_formats_are_refused),
        TEST(batches_of_any_size),
        TEST(a_stream_without_rows_writes_nothing),
        TEST(partitions_are_told_apart),
        TEST(streams_that_fail),
        TEST(streams_that_lie),
        TEST(an_interrupt_ends_the_stream),
        TEST(rows_of_streams_are_computed_and_checked),
    };
    return cmocka_run_group_tests_name("arrow streams", tests, NULL, NULL);
}
