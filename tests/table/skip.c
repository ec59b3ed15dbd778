/* Which files a condition rules out: by hand, and that no file with a matching row ever is. */
#include "engine/duck.h"
#include "engine/duckdb_expr.h"
#include "support/alloc.h"
#include "support/random.h"
#include "table/expr.h"
#include "table/range.h"
#include "table/skip.h"

static const silt_type *type_of(const char *text, silt_arena *arena)
{
    const silt_type *type = NULL;
    assert_int_equal(silt_type_parse(text, arena, &type, NULL), SILT_OK);
    return type;
}

/* The schema, with the generation expression as metadata where a field has one. */
static const silt_type *generated(const silt_type *schema, const char *name, const char *expr,
                                  silt_arena *arena)
{
    silt_type *copy = silt_arena_calloc(arena, 1, sizeof *copy);
    silt_field *fields = silt_arena_calloc(arena, schema->field_count, sizeof *fields);
    *copy = *schema;
    memcpy(fields, schema->fields, schema->field_count * sizeof *fields);
    copy->fields = fields;
    for (size_t i = 0; i < schema->field_count; i++)
        if (strcmp(fields[i].name, name) == 0)
            fields[i].metadata =
                silt_arena_printf(arena, "{\"delta.generationExpression\":\"%s\"}", expr);
    return copy;
}

static silt_skip_verdict verdict(const char *condition, const silt_type *schema,
                                 const silt_mapping *mapping, silt_pairs values, const char *stats)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_expr *e = NULL;
    silt_skip *skip;
    silt_error err = {0};
    if (condition && silt_expr_condition(condition, schema, arena, &e, &err) != SILT_OK)
        fail_msg("%s: %s", condition, err.message);
    assert_int_equal(silt_skip_new(e, schema, mapping, arena, &skip, &err), SILT_OK);
    return silt_skip_file(skip, values, stats, scratch);
}

#define SCHEMA                                                                               \
    "struct<p:integer,pd:date,ps:string,i:integer,l:long,f:float,d:double,m:decimal(10,2),"  \
    "t:string,day:date,ts:timestamp,ntz:timestamp_ntz,b:boolean,n:struct<x:long,y:struct<z:" \
    "string>>,g:integer>"

static const char *const partitions[] = {"p", "pd", "ps"};
static const silt_pair values[] = {{"p", "7"}, {"pd", "2024-02-29"}, {"ps", NULL}};

#define STATS                                                                                      \
    "{\"numRecords\":10,\"tightBounds\":false,\"minValues\":{\"i\":-5,\"l\":\"100\",\"f\":0.1,"    \
    "\"d\":1.5,\"m\":1.5,\"t\":\"bcd\",\"day\":\"2024-01-10\",\"ts\":\"2024-01-10T00:00:00."       \
    "000Z\","                                                                                      \
    "\"ntz\":\"2024-01-10T00:00:00.000\",\"n\":{\"x\":1,\"y\":{\"z\":\"m\"}}},\"maxValues\":{"     \
    "\"i\":5,"                                                                                     \
    "\"l\":200,\"f\":0.2,\"d\":2.5,\"m\":9.99,\"t\":\"bcz\x7f\",\"day\":\"2024-01-20\",\"ts\":"    \
    "\"2024-01-20T01:00:00.123+01:00\",\"ntz\":\"2024-01-20T00:00:00.123\",\"n\":{\"x\":3,\"y\":{" \
    "\"z\":\"n\"}}},\"nullCount\":{\"i\":0,\"l\":2,\"f\":0,\"d\":0,\"m\":0,\"t\":0,\"day\":10,"    \
    "\"ts\":0,"                                                                                    \
    "\"ntz\":0,\"n\":{\"x\":0,\"y\":{\"z\":0}},\"b\":0}}"

#define KEEP SILT_SKIP_KEEP
#define PART SILT_SKIP_PARTITION
#define STAT SILT_SKIP_STATS

static const struct {
    const char *condition;
    silt_skip_verdict verdict;
} cases[] = {
    {NULL, KEEP},
    {"true", KEEP},
    {"false", PART},
    {"NULL", PART},
    /* partition values are exact */
    {"p = 7", KEEP},
    {"p = 8", PART},
    {"p <> 7", PART},
    {"NOT p = 7", PART},
    {"p > 7", PART},
    {"p IN (1, 7)", KEEP},
    {"p IN (1, 8)", PART},
    {"p NOT IN (1, 8)", KEEP},
    {"p NOT IN (1, 7)", PART},
    {"p NOT IN (1, NULL)", PART},
    {"p IS NULL", PART},
    {"p <=> NULL", PART},
    {"p <=> 7", KEEP},
    {"ps IS NULL", KEEP},
    {"ps IS NOT NULL", PART},
    {"ps = 'x'", PART},
    {"ps <> 'x'", PART},
    {"ps <=> 'x'", PART},
    {"NOT (ps <=> 'x')", KEEP},
    {"p % 2 = 1", KEEP}, /* not evaluated */
    {"p + 1 = 8", KEEP},
    {"p + 1 = 9", PART},
    {"10 - p > 3", PART},
    {"year(pd) = 2024", KEEP},
    {"month(pd) = 3", PART},
    {"dayofweek(pd) = 5", KEEP},
    {"dayofweek(pd) = 4", PART},
    {"CAST(p AS string) LIKE '8%'", PART},
    {"CAST(p AS string) LIKE '%7'", KEEP},
    {"CAST(p AS string) LIKE '%8'", PART},
    {"concat('a', CAST(p AS string)) = 'a8'", PART},
    {"date_format(pd, 'yyyy-MM') = '2024-03'", PART},
    {"pd > '2024-02-29'", PART},
    {"pd >= '2024-02-29 00:00:01'", KEEP}, /* a text becomes a date */
    {"pd >= TIMESTAMP '2024-02-29 00:00:01'", PART},
    {"datediff(pd, DATE '2024-02-28') = 1", KEEP},
    {"datediff(pd, DATE '2024-02-28') = 2", PART},
    /* stats */
    {"i = 6", STAT},
    {"i = 5", KEEP},
    {"i > 5", STAT},
    {"i >= 5.5", STAT},
    {"i < -5", STAT},
    {"i BETWEEN 6 AND 9", STAT},
    {"i NOT BETWEEN -5 AND 5", STAT},
    {"i IS NULL", STAT},
    {"i IS NOT NULL", KEEP},
    {"i <=> 6", STAT},
    {"NOT (i <= 5)", STAT},
    {"NOT (i <= 4)", KEEP},
    {"i IN (-9, 9)", STAT},
    {"i IN (-9, 0, 9)", KEEP},
    {"i = 6 OR i = 7", STAT},
    {"i = 6 OR i = 5", KEEP},
    {"i = 6 AND t = 'bcd'", STAT},
    {"i = 6 OR p = 8", STAT},
    {"i = 5 AND p = 8", PART},
    {"i + 10 > 15", STAT},
    {"i * 2 > 15", KEEP},
    {"i + 2147483647 > 0", KEEP},
    {"- i > 5", STAT},
    {"i = d", KEEP},
    {"i > l", STAT},
    {"l = 201", STAT},
    {"l IS NULL", KEEP},
    {"l = 50 IS NULL", KEEP},
    {"CAST(i AS double) > 5.1", STAT},
    {"day = '2024-01-15'", STAT}, /* all null */
    {"day IS NULL", KEEP},
    {"day IS NOT NULL", STAT},
    {"b", KEEP},
    {"b = false", KEEP},
    {"b IS NULL", STAT},
    {"g = 1", KEEP}, /* not in the stats */
    {"g IS NULL", KEEP},
    /* floating numbers: NaN may be there, floats were printed short */
    {"d > 3", KEEP},
    {"d < 1", STAT},
    {"d = 3", STAT},
    {"d <> 2", KEEP},
    {"NOT (d <= 3)", KEEP},
    {"d IN (0D, 3D)", STAT},
    {"f = 0.1D", KEEP},
    {"f = 0.05D", STAT},
    {"f < 0.1F", KEEP},
    {"f < 0.09F", STAT},
    {"m = 10", STAT},
    {"m = 9.99", KEEP},
    {"m > 9.99", STAT},
    {"m < 1.5", STAT},
    /* texts: the min is a prefix, the max may be bumped */
    {"t = 'bcza'", KEEP},
    {"t = 'bd'", STAT},
    {"t = 'bc'", STAT},
    {"t LIKE 'bc%'", KEEP},
    {"t LIKE 'bd%'", STAT},
    {"t LIKE 'bce_'", KEEP},
    {"t LIKE 'a\\\\%%'", STAT},
    {"NOT t LIKE 'bc%'", STAT},
    {"NOT t LIKE 'bc%x'", KEEP},
    {"startswith(t, 'ba')", STAT},
    {"substring(t, 1, 1) = 'c'", STAT},
    {"substring(t, 1, 1) = 'b'", KEEP},
    {"left(t, 2) > 'bc'", STAT},
    {"length(t) = 1", KEEP},
    {"t > 'bcz\\u007f'", STAT},
    {"upper(t) = 'X'", KEEP},
    /* times: the max is anywhere in its millisecond */
    {"ts = TIMESTAMP '2024-01-20 00:00:00.123999'", KEEP},
    {"ts > TIMESTAMP '2024-01-20 00:00:00.123999'", STAT},
    {"ts >= '2024-01-20 00:00:00.124'", STAT},
    {"ntz > '2024-01-20 00:00:00.123'", KEEP},
    {"ts < '2024-01-10'", STAT},
    {"CAST(ts AS date) = DATE '2024-01-21'", STAT},
    {"CAST(ts AS date) = DATE '2024-01-20'", KEEP},
    {"year(ts) = 2023", STAT},
    {"month(ts) = 3", KEEP},
    {"date_trunc('month', ts) = '2024-02-01'", STAT},
    {"date_trunc('month', ts) > '2024-01-01'", STAT},
    {"date_format(ts, 'yyyyMM') > '202401'", STAT},
    {"date_format(ts, 'MM') > '01'", KEEP},
    {"to_date(ts) BETWEEN '2024-01-21' AND '2024-02-01'", STAT},
    {"(NULL + i) IS NULL", KEEP},
    /* nested */
    {"n.x = 4", STAT},
    {"n.y.z = 'o'", STAT},
    {"n.y.z = 'm'", KEEP},
    {"n IS NULL", KEEP},
    /* logic */
    {"(i = 6) IS NULL", STAT},
    {"(i = 6) IS NOT TRUE", KEEP},
    {"NOT (i = 6 OR NULL)", STAT},
    {"NOT (i = 6 AND NULL)", KEEP},
    {"coalesce(i, 6) = 6", KEEP},
    {"CASE WHEN i = 6 THEN true END", KEEP},
};

static void files_are_ruled_out(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_type *schema = type_of(SCHEMA, arena);
    silt_mapping mapping = {.partition_columns = {partitions, 3}};
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_skip_verdict v =
            verdict(cases[i].condition, schema, &mapping, (silt_pairs){values, 3}, STATS);
        if (v != cases[i].verdict) fail_msg("%s: %d", cases[i].condition, v);
    }
}

static void what_is_not_said_keeps(void **state)
{
    (void)state;
    static const struct {
        const char *condition, *stats;
        silt_skip_verdict verdict;
    } table[] = {
        {"i = 6", NULL, KEEP},
        {"i = 6", "", KEEP},
        {"i = 6", "no JSON", KEEP},
        {"i = 6", "[]", KEEP},
        {"i = 6", "{}", KEEP},
        {"i = 6", "{\"numRecords\":0}", STAT},
        {"i = 6", "{\"numRecords\":1,\"minValues\":null,\"maxValues\":7}", KEEP},
        {"i = 6", "{\"maxValues\":{\"i\":5}}", STAT},
        {"i = 6", "{\"maxValues\":{\"i\":\"x\"}}", KEEP},
        {"i = 6", "{\"maxValues\":{\"i\":null}}", KEEP},
        {"i = 6", "{\"maxValues\":{\"i\":[1]}}", KEEP},
        {"i = 6", "{\"minValues\":{\"i\":9},\"maxValues\":{\"i\":1}}", KEEP}, /* turned round */
        {"i IS NULL", "{\"numRecords\":5,\"nullCount\":{\"i\":0}}", STAT},
        {"i IS NULL", "{\"nullCount\":{}}", KEEP},
        {"i IS NOT NULL", "{\"numRecords\":5,\"nullCount\":{\"i\":5}}", STAT},
        {"i IS NOT NULL", "{\"nullCount\":{\"i\":5}}", KEEP},
        {"p = 6", NULL, KEEP}, /* a file that doesn't name its partition */
        {"d > 0.1", "{\"maxValues\":{\"d\":\"NaN\"}}", KEEP},
        {"d < 0.10000000001", "{\"minValues\":{\"d\":0.1}}", KEEP},
        {"d = 0.1000000001", "{\"maxValues\":{\"d\":0.1}}", KEEP}, /* a float once */
        {"d = 0.2", "{\"maxValues\":{\"d\":0.1}}", STAT},
        {"t = 'zz'", "{\"maxValues\":{\"t\":\"z\xEF\xBF\xBD\"}}", KEEP},
        {"t = 'z\\U0001F600'", "{\"maxValues\":{\"t\":\"z\xEF\xBF\xBD\"}}", KEEP},
        {"ntz > '2024-01-15'", "{\"maxValues\":{\"ntz\":\"2024-01-14\"}}", STAT}, /* a date once */
        {"m > 5", "{\"maxValues\":{\"m\":4}}", STAT},                             /* an int once */
        {"l > 5", "{\"maxValues\":{\"l\":4.0}}", KEEP},
        /* JSON of any form, and what is none */
        {"i = 6",
         " { \"x\" : [ { \"i\" : \"]}\" } , -1 ] , \"maxValues\" : { \"y\" : {} , \"i\" : 5 } } ",
         STAT},
        {"i = 6", "{\"maxVal\\u0075es\":{\"\\u0069\":\"\\u0035\"}}", STAT},
        {"i = 6", "{\"maxValues\":{\"i\":5},\"maxValues\":{\"i\":9}}", STAT}, /* the first */
        {"i = 6", "{\"maxValues\":{\"i\":5,\"i\":9}}", STAT},
        {"i = 6", "{\"maxValues\":{\"i\":5}} x", KEEP},
        {"i = 6", "{\"maxValues\":{\"i\":5}", KEEP},
        {"i = 6", "{\"maxValues\":{\"i\":5,}}", KEEP},
        {"i = 6", "{\"maxValues\":{\"i\":5}\"x\":1}", KEEP},
        {"i = 6", "{\"maxValues\":{\"i\":5},\"x\":\"\\", KEEP},
        {"i = 6", "{\"maxValues\":{\"i\":5},\"x\":[[[", KEEP},
        {"t = 'a\\'b'", "{\"maxValues\":{\"t\":\"a\\\"\"}}", STAT},
        {"t = 'zz'", "{\"maxValues\":{\"t\":\"z\\u0000\"}}", KEEP},
        {"t = 'zz'", "{\"maxValues\":{\"t\":\"z\\q\"}}", KEEP},
        {"i = 6", "{\"numRecords\":\"x\",\"maxValues\":{\"i\":true}}", KEEP},
    };
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_type *schema = type_of(SCHEMA, arena);
    silt_mapping mapping = {.partition_columns = {partitions, 3}};
    for (size_t i = 0; i < SILT_COUNT(table); i++) {
        silt_skip_verdict v =
            verdict(table[i].condition, schema, &mapping, (silt_pairs){0}, table[i].stats);
        if (v != table[i].verdict) fail_msg("%s, %s: %d", table[i].condition, table[i].stats, v);
    }
}

static void names_are_physical(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_type *schema = type_of("struct<p:long,s:struct<a:long,b:long>>", arena);
    const silt_physical inner[] = {{.name = "col-a", .id = 3}, {.name = "col-b", .id = 4}};
    const silt_physical fields[] = {
        {.name = "col-p", .id = 1},
        {.name = "col-s", .id = 2, .children = inner, .child_count = 2}};
    const char *by[] = {"col-p"};
    const silt_pair pair = {"col-p", "1"};
    silt_mapping mapping = {SILT_MAPPING_NAME, fields, 2, {by, 1}};
    const char *stats = "{\"numRecords\":1,\"minValues\":{\"col-s\":{\"col-b\":5}},\"maxValues\":{"
                        "\"col-s\":{\"col-b\":6}},\"nullCount\":{\"col-s\":{\"col-b\":0}}}";
    assert_int_equal(verdict("p = 2", schema, &mapping, (silt_pairs){&pair, 1}, stats), PART);
    assert_int_equal(verdict("s.b = 7", schema, &mapping, (silt_pairs){&pair, 1}, stats), STAT);
    assert_int_equal(verdict("s.b = 6", schema, &mapping, (silt_pairs){&pair, 1}, stats), KEEP);
    assert_int_equal(verdict("s.a = 7", schema, &mapping, (silt_pairs){&pair, 1}, stats), KEEP);
}

static void generated_columns_rule_too(void **state)
{
    (void)state;
    static const struct {
        const char *field, *expr, *value, *condition;
        silt_skip_verdict verdict;
    } table[] = {
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "ntz = '2024-02-29 10:00:00'", KEEP},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "ntz = '2024-03-01 00:00:00'", PART},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "ntz < '2024-02-29'", KEEP},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "ntz < '2024-02-28'", PART},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "ntz >= '2024-03-01'", PART},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "NOT (ntz < '2024-03-01')", PART},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "ntz <> '2024-03-01'", KEEP},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "ntz IS NULL", KEEP},
        {"pd", "CAST(ntz AS DATE)", NULL, "ntz = '2024-03-01'", KEEP},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "NOT (ntz = '2024-03-05')", KEEP},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "ntz IN ('2024-03-01', '2024-03-02')", KEEP},
        /* a writer's clock is at most 18 hours off */
        {"pd", "CAST(ts AS DATE)", "2024-02-29", "ts = '2024-03-01 10:00:00'", KEEP},
        {"pd", "CAST(ts AS DATE)", "2024-02-29", "ts = '2024-03-01 18:00:00'", PART},
        {"pd", "CAST(ts AS DATE)", "2024-02-29", "ts < '2024-02-28 05:00:00'", PART},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "CAST(ntz AS DATE) = '2024-02-29'", KEEP},
        {"pd", "CAST(ntz AS DATE)", "2024-02-29", "CAST(ntz AS DATE) = '2024-03-02'", PART},
        {"p", "YEAR(ts)", "2024", "ts < '2023-06-01'", PART},
        {"p", "YEAR(ts)", "2024", "ts BETWEEN '2023-06-01' AND '2025-06-01'", KEEP},
        {"p", "MONTH(day)", "2", "day = '2024-02-05'", KEEP},
        {"p", "MONTH(day)", "2", "day = '2024-03-05'", PART},
        {"p", "MONTH(day)", "2", "day > '2024-03-05'", KEEP},
        {"p", "MONTH(ts)", "2", "ts = '2024-07-05'", KEEP},
        {"ps", "DATE_FORMAT(ntz, 'yyyy-MM')", "2024-02", "ntz > '2024-03-05'", PART},
        {"ps", "DATE_FORMAT(ntz, 'MM-yyyy')", "02-2024", "ntz > '2024-03-05'", KEEP},
        {"ps", "SUBSTRING(t, 1, 2)", "ab", "t = 'abc'", KEEP},
        {"ps", "SUBSTRING(t, 1, 2)", "ab", "t = 'b'", PART},
        {"ps", "SUBSTRING(t, 1, 2)", "ab", "t < 'aa'", PART},
        {"ps", "SUBSTRING(t, 1, 2)", NULL, "t < 'aa'", KEEP},
        {"p", "i + 1", "5", "i = 1", KEEP},
        {"p", "YEAR(", "5", "i = 1", KEEP},
    };
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_type *plain = type_of(SCHEMA, arena);
    silt_mapping mapping = {.partition_columns = {partitions, 3}};
    for (size_t i = 0; i < SILT_COUNT(table); i++) {
        const silt_type *schema = generated(plain, table[i].field, table[i].expr, arena);
        const silt_pair pair = {table[i].field, table[i].value};
        silt_skip_verdict v =
            verdict(table[i].condition, schema, &mapping, (silt_pairs){&pair, 1}, NULL);
        if (v != table[i].verdict)
            fail_msg("%s as %s is %s: %s: %d", table[i].field, table[i].expr, table[i].value,
                     table[i].condition, v);
    }
}

/* ---- random files and conditions ---- */

#define FILES 40
#define ROWS  6

/* A pool of values a column; %s stands in conditions. */
typedef struct pool {
    const char *column, *type;
    const char *values[12]; /* DuckDB's text */
    bool quoted;            /* in Spark's SQL */
    bool partition;
} pool;

static const pool pools[] = {
    {"i", "INTEGER", {"-2147483648", "-3", "0", "1", "2", "7", "2147483647"}, false, false},
    {"l", "BIGINT", {"-9223372036854775808", "-1", "0", "3", "9007199254740993"}, false, false},
    {"d", "DOUBLE", {"-inf", "-1.5", "0.1", "0.5", "3.25", "1e300", "nan"}, true, false},
    {"f", "FLOAT", {"-1.5", "0.1", "0.30000001", "3.25", "nan"}, true, false},
    {"m", "DECIMAL(10,2)", {"-99999999.99", "-0.01", "0.00", "1.50", "2.25"}, false, false},
    {"t",
     "VARCHAR",
     {"a", "ab", "abc", "abcdefghi", "abd", "b", "\xC3\xA9tude", "abc\xF0\x9F\x98\x80z", "abc\x7fz",
      "a%b"},
     true,
     false},
    {"day",
     "DATE",
     {"1969-12-31", "2024-01-31", "2024-02-29", "2024-03-01", "2023-12-31"},
     true,
     false},
    {"ts",
     "TIMESTAMPTZ",
     {"1969-12-31 23:59:59.999999+00", "2024-02-29 23:59:59.123456+00", "2024-03-01 00:00:00+00",
      "2024-02-29 12:00:00.000001+00"},
     true,
     false},
    {"p", "INTEGER", {"1", "2", "3"}, false, true},
    {"ps", "VARCHAR", {"ab", "abc", "x"}, true, true},
};

static size_t pool_size(const pool *p)
{
    size_t n = 0;
    while (n < SILT_COUNT(p->values) && p->values[n])
        n++;
    return n;
}

#define SPARK_SCHEMA                                                                           \
    "struct<i:integer,l:long,d:double,f:float,m:decimal(10,2),t:string,day:date,ts:timestamp," \
    "p:integer,ps:string>"

typedef struct random_file {
    silt_pair partition[2];
    const char *stats;
} random_file;

/* What a writer says of a bound: texts cut to three characters and bumped, times cut to ms. */
static void put_bound(silt_buf *out, const pool *p, const char *text, bool is_max)
{
    if (strcmp(p->column, "t") == 0) {
        size_t at = 0;
        for (int c = 0; c < 3 && at < strlen(text); c++)
            at += silt_utf8_length(text + at, strlen(text) - at);
        bool high = (unsigned char)text[at] >= 0x7F;
        silt_buf_printf(out, "\"%.*s%s\"", (int)at, text,
                        is_max && text[at] ? (high ? "\xF4\x8F\xBF\xBF" : "\x7F") : "");
    } else if (strcmp(p->column, "ts") == 0) {
        silt_buf_printf(out, "\"%.10sT%.8s.%.3sZ\"", text, text + 11,
                        text[19] == '.' ? text + 20 : "000");
    } else if (strcmp(p->column, "day") == 0) {
        silt_buf_printf(out, "\"%s\"", text);
    } else {
        silt_buf_puts(out, text);
    }
}

static void put_stats(silt_buf *out, const silt_type *schema, const char *rows[][ROWS],
                      test_random *r)
{
    static const char *const sides[] = {"minValues", "maxValues", "nullCount"};
    silt_buf_printf(out, "{\"numRecords\":%d", ROWS);
    for (int side = 0; side < 3; side++) {
        bool comma = false;
        silt_buf_printf(out, ",\"%s\":{", sides[side]);
        for (size_t c = 0; c < SILT_COUNT(pools); c++) {
            const char *bound = NULL;
            int nulls = 0;
            if (pools[c].partition || test_random_below(r, 12) == 0) continue;
            for (size_t row = 0; row < ROWS; row++) {
                const char *text = rows[c][row];
                silt_value v, best;
                nulls += text == NULL;
                if (!text || strstr(text, "inf") ||
                    !silt_value_parse(text, schema->fields[c].type, &v))
                    continue;
                if (bound) (void)silt_value_parse(bound, schema->fields[c].type, &best);
                int order = bound ? silt_value_compare(&v, &best, schema->fields[c].type) : 0;
                if (!bound || (side == 0 ? order < 0 : order > 0)) bound = text;
            }
            /* an infinity that can't be said leaves no bound */
            for (size_t row = 0; row < ROWS; row++)
                if (rows[c][row] && strstr(rows[c][row], "inf")) bound = NULL;
            if (side < 2 && !bound) continue;
            silt_buf_printf(out, "%s\"%s\":", comma ? "," : "", pools[c].column);
            comma = true;
            if (side == 2)
                silt_buf_printf(out, "%d", nulls);
            else
                put_bound(out, &pools[c], bound, side == 1);
        }
        silt_buf_putc(out, '}');
    }
    silt_buf_putc(out, '}');
}

/* Rows into a table with the number of their file; what the log says of it into `out`. */
static void make_file(int number, const silt_type *schema, test_random *r, silt_buf *insert,
                      silt_arena *arena, random_file *out)
{
    const char *rows[SILT_COUNT(pools)][ROWS];
    size_t few = 1 + test_random_below(r, 3); /* values near each other */
    for (size_t c = 0; c < SILT_COUNT(pools); c++) {
        size_t size = pool_size(&pools[c]), start = test_random_below(r, size);
        bool nulls = test_random_below(r, 4) == 0;
        for (size_t row = 0; row < ROWS; row++) {
            rows[c][row] = pools[c].values[(start + test_random_below(r, few)) % size];
            if (nulls && test_random_below(r, 2)) rows[c][row] = NULL;
            if (pools[c].partition) rows[c][row] = row ? rows[c][0] : rows[c][row];
        }
    }
    for (size_t row = 0; row < ROWS; row++) {
        silt_buf_printf(insert, "%s(%d", number || row ? "," : "", number);
        for (size_t c = 0; c < SILT_COUNT(pools); c++) {
            silt_buf_puts(insert, ",");
            silt_sql_text(insert, rows[c][row]);
        }
        silt_buf_putc(insert, ')');
    }
    SILT_CLEAN(silt_buf) stats = {0};
    put_stats(&stats, schema, rows, r);
    out->stats = silt_buf_copy(&stats, arena);
    out->partition[0] = (silt_pair){"p", rows[8][0]};
    out->partition[1] = (silt_pair){"ps", rows[9][0]};
}

static void put_value(silt_buf *out, const pool *p, test_random *r)
{
    const char *text = p->values[test_random_below(r, pool_size(p))];
    bool minimum = strcmp(text, "-9223372036854775808") == 0;
    if (test_random_below(r, 25) == 0)
        silt_buf_puts(out, "NULL");
    else if (strcmp(p->type, "DOUBLE") == 0 || strcmp(p->type, "FLOAT") == 0)
        silt_buf_printf(out, "double('%s')", text);
    else if (p->quoted)
        silt_buf_printf(out, "'%s'", text);
    else
        silt_buf_printf(out, "%s%s", text, minimum ? "L" : "");
}

/* Of functions, and of columns beside each other. */
static const char *const some[] = {"t LIKE 'ab%'",
                                   "NOT t LIKE 'abc%'",
                                   "t LIKE 'a%c'",
                                   "startswith(t, 'abc')",
                                   "substring(t, 1, 2) = 'ab'",
                                   "substring(t, 1, 3) > 'abc'",
                                   "NOT left(t, 4) <= 'abc'",
                                   "year(ts) = 2024",
                                   "year(day) < 2024",
                                   "CAST(ts AS date) = '2024-02-29'",
                                   "date_trunc('month', ts) > '2024-02-01'",
                                   "date_format(ts, 'yyyy-MM') = '2024-02'",
                                   "date_add(day, 1) >= '2024-03-01'",
                                   "trunc(day, 'month') = '2024-02-01'",
                                   "i + 1 > 2",
                                   "5 - i < 3",
                                   "- i > 0",
                                   "i + l > 3",
                                   "CAST(i AS bigint) = l",
                                   "i < l",
                                   "CAST(i AS double) > d",
                                   "f < d",
                                   "m * 2 > 3",
                                   "month(day) = 2",
                                   "length(t) > 3",
                                   "CAST(p AS string) = ps",
                                   "concat(ps, 'x') LIKE 'ab%'",
                                   "p + i > 3",
                                   "ps LIKE '%c'",
                                   "coalesce(i, p) = 2",
                                   "isnan(d)",
                                   "d IS NULL OR f > 1",
                                   "(i = 1) IS NOT TRUE",
                                   "datediff(day, DATE '2024-02-29') = 0",
                                   "t = ps",
                                   "CAST(i AS float) >= f"};

static void put_condition(silt_buf *out, test_random *r, int depth)
{
    static const char *const ops[] = {"=", "<>", "<", "<=", ">", ">=", "<=>"};
    size_t kind = test_random_below(r, depth ? 12 : 8);
    const pool *p = &pools[test_random_below(r, SILT_COUNT(pools))];
    if (kind >= 8) {
        const char *word = kind < 10 ? " AND " : kind < 11 ? " OR " : NULL;
        silt_buf_puts(out, word ? "(" : "NOT (");
        put_condition(out, r, depth - 1);
        if (word) silt_buf_puts(out, word);
        if (word) put_condition(out, r, depth - 1);
        silt_buf_putc(out, ')');
        return;
    }
    const char *not_ = test_random_below(r, 3) ? "" : "NOT ";
    const char *op = ops[test_random_below(r, SILT_COUNT(ops))];
    switch (kind) {
    case 0:
        silt_buf_printf(out, "%s IS %sNULL", p->column, not_);
        return;
    case 1:
        silt_buf_printf(out, "%s %sIN (", p->column, not_);
        put_value(out, p, r);
        silt_buf_putc(out, ',');
        put_value(out, p, r);
        silt_buf_putc(out, ')');
        return;
    case 2:
        silt_buf_printf(out, "%s %sBETWEEN ", p->column, not_);
        put_value(out, p, r);
        silt_buf_puts(out, " AND ");
        put_value(out, p, r);
        return;
    case 3:
        silt_buf_puts(out, some[test_random_below(r, SILT_COUNT(some))]);
        return;
    default:
        silt_buf_printf(out, "%s %s ", p->column, op);
        put_value(out, p, r);
    }
}

static silt_status put_column(void *ctx, const silt_expr *column, silt_buf *sql, silt_error *err)
{
    (void)ctx, (void)err;
    silt_sql_name(sql, column->path[0]);
    return SILT_OK;
}

/* Which files hold a matching row, as bits of a text: "0110…". */
static void matching(silt_engine *engine, const silt_expr *e, bool out[FILES])
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_error err = {0};
    silt_buf_puts(&sql, "SELECT DISTINCT file FROM files WHERE ");
    duck_assert_ok(silt_duck_expr_sql(e, put_column, NULL, &sql, &err), &err);
    SILT_FREE char *text = duck_text(engine, "", sql.data);
    memset(out, 0, FILES * sizeof *out);
    for (const char *c = text; *c; c = strchr(c, '\n') + 1)
        out[strtol(c, NULL, 10)] = true;
}

static void no_matching_row_is_lost(void **state)
{
    (void)state;
    test_random r = test_random_new();
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_engine *engine = duck_new();
    const silt_type *schema = type_of(SPARK_SCHEMA, arena);
    random_file files[FILES];
    SILT_CLEAN(silt_buf) sql = {0};
    size_t skipped = 0, empty = 0;
    silt_buf_puts(&sql, "CREATE TABLE files (file INTEGER");
    for (size_t c = 0; c < SILT_COUNT(pools); c++)
        silt_buf_printf(&sql, ", %s %s", pools[c].column, pools[c].type);
    silt_buf_puts(&sql, "); INSERT INTO files VALUES ");
    for (int i = 0; i < FILES; i++)
        make_file(i, schema, &r, &sql, arena, &files[i]);
    duck_run(engine, "", sql.data);
    const char *by[] = {"p", "ps"};
    silt_mapping mapping = {.partition_columns = {by, 2}};
    for (int n = 0; n < 300; n++) {
        SILT_AUTO(silt_arena) mine = silt_arena_new();
        SILT_CLEAN(silt_buf) text = {0};
        const silt_expr *e;
        silt_skip *skip;
        silt_error err = {0};
        bool matches[FILES];
        put_condition(&text, &r, 2);
        if (silt_expr_condition(text.data, schema, mine, &e, &err) != SILT_OK)
            fail_msg("%s: %s", text.data, err.message);
        matching(engine, e, matches);
        assert_int_equal(silt_skip_new(e, schema, &mapping, mine, &skip, NULL), SILT_OK);
        for (int i = 0; i < FILES; i++) {
            silt_skip_verdict v =
                silt_skip_file(skip, (silt_pairs){files[i].partition, 2}, files[i].stats, mine);
            if (v != KEEP && matches[i])
                fail_msg("%s: %s, partition %s/%s", text.data, files[i].stats,
                         files[i].partition[0].value, files[i].partition[1].value);
            skipped += v != KEEP;
            empty += !matches[i];
        }
    }
    print_message("%zu of %zu files without a match ruled out\n", skipped, empty);
    assert_true(skipped > empty / 2); /* it does something */
    silt_engine_free(engine);
}

/* Each allocation fails once: it is said, or what is ruled out is ruled out rightly. */
static void out_of_memory_keeps(void **state)
{
    (void)state;
    static const char *const kept[] = {
        "i IN (1, 2, 3) AND l = 150 AND to_date(ts) = '2024-01-15' AND p = 7",
        "t LIKE 'bc%' AND substring(t, 1, 2) = 'bc' AND m < 5.125 AND NOT (n.y.z > 'm')",
        "nullif(i, 5L) IS NULL OR CASE WHEN b THEN d END > 1 OR concat(t, CAST(p AS string)) = "
        "'x'"};
    SILT_AUTO(silt_arena) types = silt_arena_new();
    const silt_type *plain = type_of(SCHEMA, types);
    const silt_type *schema = generated(plain, "pd", "CAST(ts AS DATE)", types);
    silt_mapping mapping = {.partition_columns = {partitions, 3}};
    const silt_pair pairs[] = {{"p", "7"}, {"pd", "2024-01-15"}, {"ps", NULL}};
    for (size_t c = 0; c < SILT_COUNT(kept); c++) {
        for (int nth = 1, failed = 1; failed; nth++) {
            SILT_AUTO(silt_arena) arena = silt_arena_new();
            SILT_AUTO(silt_arena) scratch = silt_arena_new();
            SILT_CLEAN(silt_buf) out = {0};
            const silt_expr *e = NULL;
            silt_skip *skip = NULL;
            silt_error err = {0};
            silt_skip_verdict v = KEEP;
            test_alloc_fail(nth, false);
            silt_status st = silt_expr_condition(kept[c], schema, arena, &e, &err);
            if (st == SILT_OK) st = silt_skip_new(e, schema, &mapping, arena, &skip, &err);
            if (st == SILT_OK) v = silt_skip_file(skip, (silt_pairs){pairs, 3}, STATS, scratch);
            failed = test_alloc_failed();
            if (v != KEEP || (!failed && st != SILT_OK)) fail_msg("%s: %d", kept[c], nth);
            if (st != SILT_OK && st != SILT_NOMEM) fail_msg("%s: %s", kept[c], err.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_ruled_out),     cmocka_unit_test(what_is_not_said_keeps),
        cmocka_unit_test(names_are_physical),      cmocka_unit_test(generated_columns_rule_too),
        cmocka_unit_test(no_matching_row_is_lost), cmocka_unit_test(out_of_memory_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
