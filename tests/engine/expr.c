/* Expressions as DuckDB runs them: what each gives is what Spark's documentation says. */
#include "engine/duck.h"
#include "engine/duckdb_expr.h"
#include "table/expr.h"

static int setup(void **state)
{
    *state = duck_new();
    return 0;
}

static int teardown(void **state)
{
    silt_engine_free(*state);
    return 0;
}

#define SCHEMA                                                                                    \
    "struct<b:boolean,y:byte,s:short,i:integer,l:long,f:float,d:double,m:decimal(10,2),t:string," \
    "x:binary,day:date,ts:timestamp,ntz:timestamp_ntz,p:struct<q:long,r:string>,n:integer,"       \
    "w:decimal(38,10),h:decimal(2,2),u:string>"

/* One row of these: */
#define ROW                                                                                    \
    "SELECT true b, 127::TINYINT y, -7::SMALLINT s, 2147483647 i, 9223372036854775807 l, "     \
    "1.5::FLOAT f, 'nan'::DOUBLE d, 12.34::DECIMAL(10,2) m, ' a%b ' t, '\\x41\\xff'::BLOB x, " \
    "DATE '2024-02-29' \"day\", TIMESTAMPTZ '2024-02-29 23:30:00.5+00' ts, "                   \
    "TIMESTAMP '1969-12-31 23:59:59.25' ntz, {'q': 5::BIGINT, 'r': 'x'} p, NULL::INTEGER n, "  \
    "-1.5::DECIMAL(38,10) w, -0.5::DECIMAL(2,2) h, 'h\xC3\xA9llo\nw' u"

static silt_status put_column(void *ctx, const silt_expr *column, silt_buf *sql, silt_error *err)
{
    (void)ctx, (void)err;
    silt_buf_puts(sql, "v");
    for (size_t i = 0; i < column->path_count; i++) {
        silt_buf_putc(sql, '.');
        silt_sql_name(sql, column->path[i]);
    }
    return SILT_OK;
}

static silt_status render(const char *text, silt_buf *sql, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_type *schema;
    const silt_expr *e;
    SILT_TRY(silt_type_parse(SCHEMA, arena, &schema, err));
    SILT_TRY(silt_expr_parse(text, arena, &e, err));
    SILT_TRY(silt_expr_bind(e, schema, arena, &e, err));
    return silt_duck_expr_sql(e, put_column, NULL, sql, err);
}

/* Not one literal may be folded before DuckDB sees it: columns hold the values. */
static const struct {
    const char *text, *expected;
} cases[] = {
    /* three-valued logic */
    {"n = 1", "~"},
    {"n = 1 OR b", "true"},
    {"n = 1 AND NOT b", "false"},
    {"NOT (n = 1)", "~"},
    {"n <=> NULL", "true"},
    {"n IS NULL", "true"},
    {"n IN (1, 2)", "~"},
    {"i IN (1, NULL)", "~"},
    {"i IN (2147483647, NULL)", "true"},
    {"n NOT IN (1)", "~"},
    {"i IS DISTINCT FROM n", "true"},
    {"(n = 1) IS UNKNOWN", "true"},
    {"(n = 1) IS NOT TRUE", "true"},
    /* NaN is the largest and itself */
    {"d = d", "true"},
    {"d > 1e308", "true"},
    {"d = double('NaN')", "true"},
    {"isnan(d)", "true"},
    {"isnan(n)", "false"},
    {"greatest(f, d)", "nan"},
    {"greatest(n, 1, 2)", "2"},
    {"least(n, 5)", "5"},
    /* integers wrap */
    {"i + 1", "-2147483648"},
    {"l + 1", "-9223372036854775808"},
    {"l * l", "1"},
    {"l * 3", "9223372036854775805"},
    {"y + y", "-2"},
    {"- s", "7"},
    {"-(l + 1)", "-9223372036854775808"},
    {"abs(i + 1)", "-2147483648"},
    {"abs(s)", "7"},
    {"s % 3", "-1"},
    {"s % 0", "~"},
    {"mod(i + 1, -1)", "0"},
    {"s / 2", "-3.5"},
    {"s / 0", "~"},
    {"f / 0", "~"},
    {"f % 0", "~"},
    {"f * 2D", "3.0"},
    /* decimals */
    {"m + 1", "13.34"},
    {"m + 0.005", "12.345"},
    {"m * m", "152.2756"},
    {"m * 2", "24.68"},
    {"m % 5", "2.34"},
    {"-m", "-12.34"},
    {"floor(w)", "-2"},
    {"ceil(w)", "-1"},
    {"round(w)", "-2"},
    {"round(m, 1)", "12.3"},
    {"floor(m)", "12"},
    {"floor(f)", "1"},
    {"ceil(f)", "2"},
    {"floor(d)", "0"},
    {"round(f)", "2.0"},
    {"round(s)", "-7"},
    /* casts */
    {"CAST(i AS tinyint)", "-1"},
    {"CAST(l AS int)", "-1"},
    {"CAST(l AS smallint)", "-1"},
    {"CAST(d AS int)", "0"},
    {"CAST(f AS int)", "1"},
    {"CAST(f * -1e20D AS bigint)", "-9223372036854775808"},
    {"CAST(f * 1e20D AS bigint)", "9223372036854775807"},
    {"CAST(f * 1e20D AS int)", "2147483647"},
    {"CAST(f * 200D AS tinyint)", "44"},
    {"CAST(m AS int)", "12"},
    {"CAST(m AS decimal(3,1))", "12.3"},
    {"CAST(m AS decimal(3,2))", "~"},
    {"CAST(m AS double)", "12.34"},
    {"CAST(m AS string)", "12.34"},
    {"CAST(h AS string)", "-0.50"},
    {"CAST(b AS int)", "1"},
    {"CAST(i AS boolean)", "true"},
    {"CAST(i AS string)", "2147483647"},
    {"CAST(i AS decimal(5,0))", "~"},
    {"CAST(day AS string)", "2024-02-29"},
    {"CAST(ts AS string)", "2024-02-29 23:30:00.5"},
    {"CAST(ts AS date)", "2024-02-29"},
    {"CAST(ts AS date) = '2024-02-29'", "true"},
    {"CAST(ts AS date) > '2024-02-28' AND NOT to_date(ntz) <= '1969-12-30'", "true"},
    {"CAST(ts AS bigint)", "1709249400"},
    {"CAST(CAST(ntz AS timestamp) AS bigint)", "-1"},
    {"CAST(day AS timestamp) < ts", "true"},
    {"CAST(t AS binary) = X'206125622020'", "false"},
    {"CAST(trim(t) AS int)", "~"},
    {"CAST(concat('1', p.q) AS int)", "15"},
    {"CAST(concat('1.9', p.q) AS int)", "1"},
    {"CAST(concat('1e', p.q) AS int)", "~"},
    {"CAST(concat('1e', p.q) AS double)", "100000.0"},
    {"CAST(concat(' 99999999', p.q) AS smallint)", "~"},
    {"CAST(concat('1.00', p.q) AS decimal(5,2))", "1.01"},
    {"CAST(concat('2024-1-', p.q) AS date)", "2024-01-05"},
    {"CAST(concat('2024-13-', p.q) AS date)", "~"},
    {"CAST(concat('2024-01-02 3:04:', p.q) AS timestamp)", "2024-01-02 03:04:05+00"},
    {"CAST(concat('2024-01-02T03:04:05+0', p.q) AS timestamp)", "2024-01-01 22:04:05+00"},
    {"CAST(concat('2024-01-02 03:04:05+0', p.q) AS timestamp_ntz)", "2024-01-02 03:04:05"},
    {"CAST(concat('ye', 's', p.r) AS boolean)", "~"},
    {"concat('', p.q) = 5", "true"},
    /* text */
    {"t LIKE '%\\%%'", "true"},
    {"t LIKE ' a|%b ' ESCAPE '|'", "true"},
    {"u LIKE 'h_llo%'", "true"},
    {"u LIKE 'H%'", "false"},
    {"u RLIKE '^h.l+o$'", "false"},
    {"u RLIKE 'o.w'", "false"},
    {"u RLIKE 'o\\\\sw$'", "true"},
    {"startswith(t, ' a') AND endswith(t, 'b ') AND contains(t, '%')", "true"},
    {"length(u)", "7"},
    {"length(x)", "2"},
    {"upper(p.r) || lower('Q')", "Xq"},
    {"trim(t)", "a%b"},
    {"ltrim(t)", "a%b "},
    {"rtrim(t)", " a%b"},
    {"substring(u, 2, 3)", "\xC3\xA9ll"},
    {"substring(u, 0, 2)", "h\xC3\xA9"},
    {"substring(u, -1)", "w"},
    {"substring(u, -9, 4)", "h\xC3\xA9"},
    {"substring(u, 2, -1)", ""},
    {"substring(u, s + 7, 1)", "h"},
    {"left(u, 1)", "h"},
    {"replace(t, '%', '')", " ab "},
    {"replace(t, '', 'x')", " a%b "},
    {"concat(t, n)", "~"},
    {"t || 'x'", " a%b x"},
    /* choice */
    {"CASE WHEN n = 1 THEN 'x' WHEN b THEN 'y' END", "y"},
    {"CASE s WHEN 1 THEN 'x' END", "~"},
    {"coalesce(n, s)", "-7"},
    {"nullif(s, -7)", "~"},
    {"nullif(s, -7L)", "~"},
    {"if(n IS NULL, 1, 2L)", "1"},
    /* dates */
    {"year(day)", "2024"},
    {"quarter(ts)", "1"},
    {"month(day)", "2"},
    {"day(ts)", "29"},
    {"hour(ts)", "23"},
    {"minute(ntz)", "59"},
    {"second(ts)", "0"},
    {"dayofweek(day)", "5"},
    {"dayofyear(day)", "60"},
    {"extract(DOW FROM date_add(day, 3))", "1"},
    {"date_trunc('month', ts)", "2024-02-01 00:00:00+00"},
    {"date_trunc('WEEK', ts)", "2024-02-26 00:00:00+00"},
    {"date_trunc('hour', ntz)", "1969-12-31 23:00:00"},
    {"date_trunc('second', ntz)", "1969-12-31 23:59:59"},
    {"trunc(day, 'year')", "2024-01-01"},
    {"trunc(day, 'week')", "2024-02-26"},
    {"date_add(day, 1)", "2024-03-01"},
    {"day - 60", "2023-12-31"},
    {"datediff(day, DATE '2024-01-01')", "59"},
    {"datediff(ts, '2024-03-01')", "-1"},
    {"date_format(ts, \"yyyy-MM-dd'T'HH:mm:ss.SSS\")", "2024-02-29T23:30:00.500"},
    {"date_format(day, 'EEE d MMM yy')", "Thu 29 Feb 24"},
    {"ts = TIMESTAMP '2024-02-29 23:30:00.5'", "true"},
    {"ts BETWEEN '2024-02-29' AND '2024-03-01'", "true"},
    {"day = '2024-02-29'", "true"},
    {"ntz < '1970-01-01'", "true"},
    {"x = X'41FF'", "true"},
    {"p.q = 5 AND p.r = 'x'", "true"},
    {"m = 12.34 AND m < 12.341", "true"},
    {"l > 1e18", "true"},
    {"w < 0", "true"},
};

static void rows_are_what_spark_gives(void **state)
{
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        SILT_CLEAN(silt_buf) sql = {0};
        silt_error err = {0};
        silt_buf_puts(&sql, "SELECT ");
        if (render(cases[i].text, &sql, &err) != SILT_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
        silt_buf_puts(&sql, " AS r FROM (" ROW ") v");
        assert_int_equal(silt_duck_start(silt_duck_of(*state), &err), SILT_OK);
        SILT_CLEAN(silt_duck_result) probe = {0};
        if (silt_duck_query(silt_duck_of(*state), &sql, &probe, &err) != SILT_OK)
            fail_msg("%s: %s\n%s", cases[i].text, err.message, sql.data);
        SILT_FREE char *text = duck_text(*state, "", sql.data);
        size_t size = strlen(cases[i].expected);
        if (strncmp(text, cases[i].expected, size) != 0 || strcmp(text + size, "\n") != 0)
            fail_msg("%s is %s not %s\n%s", cases[i].text, text, cases[i].expected, sql.data);
    }
}

/* The type that an expression is bound to is the one that DuckDB gives. */
static void types_are_what_was_bound(void **state)
{
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        SILT_CLEAN(silt_buf) sql = {0};
        SILT_CLEAN(silt_buf) wanted = {0};
        const silt_type *schema;
        const silt_expr *e;
        assert_int_equal(silt_type_parse(SCHEMA, arena, &schema, NULL), SILT_OK);
        assert_int_equal(silt_expr_parse(cases[i].text, arena, &e, NULL), SILT_OK);
        assert_int_equal(silt_expr_bind(e, schema, arena, &e, NULL), SILT_OK);
        assert_int_equal(silt_sql_type(&wanted, e->type, NULL), SILT_OK);
        silt_buf_puts(&sql, "SELECT replace(typeof(");
        assert_int_equal(silt_duck_expr_sql(e, put_column, NULL, &sql, NULL), SILT_OK);
        silt_buf_puts(&sql, "), ',', ', ') AS r FROM (" ROW ") v");
        SILT_FREE char *text = duck_text(*state, "", sql.data);
        silt_buf_putc(&wanted, '\n');
        if (strcmp(text, wanted.data) != 0)
            fail_msg("%s: %s not %s", cases[i].text, text, wanted.data);
    }
}

static const struct {
    const char *text, *message;
} refused[] = {
    {"day > current_date()", "current_date()"},
    {"uuid() = t", "uuid()"},
    {"CAST(d AS string) = 'x'", "casts from double to string"},
    {"CAST(w AS string) = 'x'", "casts from decimal(38,10) to string"},
    {"CAST(d AS decimal(10,2)) = 1", "casts from double to decimal(10,2)"},
    {"CAST(w AS int) = 1", "not each value fits"},
    {"m / 2 = 1", "the division of decimals"},
    {"w * w = 1", "more than 38 digits"},
    {"w + w = 1", "more than 38 digits"},
    {"round(d, 2) = 1", "round() of a floating number"},
    {"date_trunc('century', ts) = ts", "the unit 'century'"},
    {"date_format(ts, 'QQQ') = 'x'", "QQQ isn't supported"},
    {"t RLIKE '(?i)a'", "(? but for (?:"},
    {"t RLIKE 'a++'", "possessive"},
    {"t RLIKE 'a$b'", "$ before the end"},
    {"t RLIKE '\\\\p{L}'", "\\p"},
    {"t RLIKE u", "isn't a literal"},
};

static void what_differs_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(refused); i++) {
        SILT_CLEAN(silt_buf) sql = {0};
        silt_error err = {0};
        silt_status st = render(refused[i].text, &sql, &err);
        if (st != SILT_UNSUPPORTED || !strstr(err.message, refused[i].message))
            fail_msg("%s: %s: %s", refused[i].text, silt_status_name(st), err.message);
    }
}

static void texts_beyond_us_end_the_query(void **state)
{
    static const char *const texts[] = {
        "CAST(concat('2024-01-02 03:04:05 Europe/Berlin', n, t) AS timestamp) IS NULL",
        "CAST(concat(trim(' 2024-01-02 03:04:05 Europe/Berlin'), trim(p.r)) AS timestamp) = ts",
        "lower(concat('\xC4\xB0', t)) = 'x'"};
    for (size_t i = 0; i < SILT_COUNT(texts); i++) {
        SILT_CLEAN(silt_buf) sql = {0};
        silt_error err = {0};
        silt_buf_puts(&sql, "SELECT ");
        assert_int_equal(render(texts[i], &sql, &err), SILT_OK);
        silt_buf_puts(&sql, " FROM (" ROW ") v");
        duck_assert_ok(silt_duck_start(silt_duck_of(*state), &err), &err);
        SILT_CLEAN(silt_duck_result) result = {0};
        silt_status st = silt_duck_query(silt_duck_of(*state), &sql, &result, &err);
        if ((i == 0) != (st == SILT_OK)) fail_msg("%s: %s", texts[i], err.message);
    }
}

/* Conditions on a bare column reach the reader of Parquet files. */
static void conditions_are_pushed_down(void **state)
{
    static const char *const texts[] = {"i < 10L",
                                        "ts >= '2024-01-01'",
                                        "day = '2024-01-01'",
                                        "m > 5",
                                        "t = 'x'",
                                        "i IN (1, 2)",
                                        "l > 2.5",
                                        "f < 1.5D",
                                        "to_date(ts) = '2024-02-29'",
                                        "ts BETWEEN '2024-01-01' AND '2024-02-01'"};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    char *dir = test_dir_new();
    duck_run(
        *state, dir,
        "COPY (" ROW
        " UNION ALL SELECT * REPLACE (1 AS i, -5 AS l, 0::FLOAT AS f, 1::DECIMAL(10,2) AS m, 'x' "
        "AS t, DATE '2024-01-01' AS \"day\", TIMESTAMPTZ '2023-06-05 00:00:00+00' AS ts) FROM (" ROW
        ")) TO '@p.parquet' (FORMAT parquet)");
    for (size_t i = 0; i < SILT_COUNT(texts); i++) {
        SILT_CLEAN(silt_buf) sql = {0};
        SILT_CLEAN(silt_duck_result) result = {0};
        silt_error err = {0};
        silt_buf_printf(&sql, "EXPLAIN SELECT 1 FROM '%s/p.parquet' v WHERE ", dir);
        assert_int_equal(render(texts[i], &sql, &err), SILT_OK);
        duck_assert_ok(silt_duck_query(silt_duck_of(*state), &sql, &result, &err), &err);
        SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
        silt_bytes plan = silt_duck_bytes(
            silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 1)), 0);
        const char *text = silt_arena_strndup(arena, plan.data, plan.size);
        if (!strstr(text, "Filters:")) fail_msg("%s: %s", texts[i], text);
    }
    test_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_what_spark_gives, setup, teardown),
        cmocka_unit_test_setup_teardown(types_are_what_was_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(what_differs_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_beyond_us_end_the_query, setup, teardown),
        cmocka_unit_test_setup_teardown(conditions_are_pushed_down, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
