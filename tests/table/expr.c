/* Expressions: parsed, bound, printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/random.h"
#include "table/expr_tree.h"

#define SCHEMA                                                                                    \
    "struct<b:boolean,y:byte,s:short,i:integer,l:long,f:float,d:double,m:decimal(10,2),t:string," \
    "x:binary,day:date,ts:timestamp,ntz:timestamp_ntz,p:struct<q:struct<r:long>,Name:string>,"    \
    "a:array<long>,dup:long,Dup:long>"

static const silt_type *schema_of(silt_arena *arena)
{
    const silt_type *type = NULL;
    assert_int_equal(silt_type_parse(SCHEMA, arena, &type, NULL), SILT_OK);
    return type;
}

/* ---- parsing ---- */

typedef struct text_case {
    const char *text, *expected;
} text_case;

static void parsed_is(const char *text, const char *expected)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_buf) out = {0};
    const silt_expr *e, *again;
    silt_error err = {0};
    if (silt_expr_parse(text, arena, &e, &err) != SILT_OK) fail_msg("%s: %s", text, err.message);
    silt_expr_print(e, &out);
    if (strcmp(out.data, expected) != 0) fail_msg("%s\n is  %s\n not %s", text, out.data, expected);
    if (silt_expr_parse(out.data, arena, &again, &err) != SILT_OK)
        fail_msg("%s: %s", out.data, err.message);
    if (!silt_expr_equal(e, again)) fail_msg("%s: another tree", out.data);
}

static const text_case parsed[] = {
    {"a", "`a`"},
    {"a.`b c`.d", "`a`.`b c`.`d`"},
    {"`a``b`", "`a``b`"},
    {"a=1", "`a` = 1"},
    {"a == 1", "`a` = 1"},
    {"1 < a AND b or not c", "1 < `a` AND `b` OR NOT `c`"},
    {"a AND b AND c", "`a` AND `b` AND `c`"},
    {"(a AND b) AND c", "(`a` AND `b`) AND `c`"},
    {"(a OR b) AND c", "(`a` OR `b`) AND `c`"},
    {"NOT a = b", "NOT `a` = `b`"},
    {"!(a)", "NOT `a`"},
    {"a != 1 and a <> 2 and a <=> 3", "`a` <> 1 AND `a` <> 2 AND `a` <=> 3"},
    {"a BETWEEN 1 AND 2 AND b", "(`a` >= 1 AND `a` <= 2) AND `b`"},
    {"a NOT BETWEEN 1 AND 2", "NOT (`a` >= 1 AND `a` <= 2)"},
    {"a IN (1, 2)", "`a` IN (1, 2)"},
    {"a not in (1)", "NOT `a` IN (1)"},
    {"a LIKE 'x%'", "`a` LIKE 'x%'"},
    {"a LIKE 'x|%y' ESCAPE '|'", "`a` LIKE 'x\\\\%y'"},
    {"a LIKE 'x\\%y'", "`a` LIKE 'x\\\\%y'"},
    {"a RLIKE r'\\d+'", "regexp(`a`, '\\\\d+')"},
    {"a IS NULL", "`a` IS NULL"},
    {"a IS NOT NULL", "`a` IS NOT NULL"},
    {"a IS TRUE", "`a` <=> true"},
    {"a IS NOT FALSE", "NOT `a` <=> false"},
    {"a IS DISTINCT FROM b", "NOT `a` <=> `b`"},
    {"a IS NOT DISTINCT FROM b", "`a` <=> `b`"},
    {"1 + 2 * 3 - 4", "1 + 2 * 3 - 4"},
    {"(1 + 2) * 3", "(1 + 2) * 3"},
    {"1 - (2 - 3)", "1 - (2 - 3)"},
    {"-a", "- `a`"},
    {"-5", "-5"},
    {"a -5", "`a` - 5"},
    {"a - -5", "`a` - -5"},
    {"-(5)", "-(5)"},
    {"- - a", "- - `a`"},
    {"-2147483648", "-2147483648"},
    {"2147483648", "2147483648L"},
    {"9223372036854775808", "9223372036854775808BD"},
    {"1L + 2S + 3Y", "1L + 2S + 3Y"},
    {"1.50", "1.50BD"},
    {".5", "0.5BD"},
    {"5.", "5BD"},
    {"1e3", "1000.0D"},
    {"1.5D", "1.5D"},
    {"1.5F", "1.5F"},
    {"1e-2BD", "0.01BD"},
    {"0.1F", "0.1F"},
    {"'it''s'", "'it\\'s'"},
    {"''''", "'\\''"},
    {"\"a\"\"b''\"", "'a\"b\\'\\''"},
    {"'a''' 'b'", "'a\\'b'"},
    {"r'it''s'", "'its'"},
    {"'it\\'s'", "'it\\'s'"},
    {"\"a'b\"", "'a\\'b'"},
    {"'a\\n\\t\\u0041\\101\\\\'", "'a\n\tAA\\\\'"},
    {"r'a\\n'", "'a\\\\n'"},
    {"DATE '2024-01-15'", "DATE '2024-01-15'"},
    {"date'2024-1-5'", "DATE '2024-01-05'"},
    {"TIMESTAMP '2024-01-15 10:00:00'", "TIMESTAMP '2024-01-15 10:00:00+00'"},
    {"TIMESTAMP '2024-01-15T10:00:00.120+02:00'", "TIMESTAMP '2024-01-15 08:00:00.12+00'"},
    {"TIMESTAMP_NTZ '2024-01-15 10:00:00.000001'", "TIMESTAMP_NTZ '2024-01-15 10:00:00.000001'"},
    {"X'0a'", "X'0A'"},
    {"TRUE and false or null", "true AND false OR NULL"},
    {"a || b || 'c'", "concat(`a`, `b`, 'c')"},
    {"CAST(a AS DECIMAL(10, 2))", "CAST(`a` AS decimal(10,2))"},
    {"a::int + 1", "CAST(`a` AS integer) + 1"},
    {"CASE WHEN a THEN 1 ELSE 2 END", "CASE WHEN `a` THEN 1 ELSE 2 END"},
    {"CASE a WHEN 1 THEN 'x' END", "CASE WHEN `a` = 1 THEN 'x' END"},
    {"if(a, 1, 2)", "CASE WHEN `a` THEN 1 ELSE 2 END"},
    {"nvl(a, 1)", "coalesce(`a`, 1)"},
    {"substr(a, 1, 2)", "substring(`a`, 1, 2)"},
    {"substring(a FROM 2 FOR 3)", "substring(`a`, 2, 3)"},
    {"left(a, 3)", "substring(`a`, 1, 3)"},
    {"date_sub(d, 1)", "date_add(`d`, -(1))"},
    {"extract(YEAR FROM d)", "year(`d`)"},
    {"date_part('month', d)", "month(`d`)"},
    {"to_date(a)", "CAST(`a` AS date)"},
    {"isnotnull(a)", "`a` IS NOT NULL"},
    {"current_date", "current_date()"},
    {"current_timestamp()", "current_timestamp()"},
    {"uuid()", "uuid()"},
    {"date > date '2024-01-01' -- since then", "`date` > DATE '2024-01-01'"},
    {"timestamp.year = year", "`timestamp`.`year` = `year`"},
};

static void texts_become_trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(parsed); i++)
        parsed_is(parsed[i].text, parsed[i].expected);
}

static const text_case refused[] = {
    {"", "without any text"},
    {"a = ", "a value expected where the text ends"},
    {"a = )", "a value expected instead of )"},
    {"a >< b", "a value expected instead of <"},
    {"(a", ") expected"},
    {"a b", "an operator or the end expected instead of b"},
    {"'abc", "without its closing '"},
    {"`abc", "without its closing `"},
    {"``", "a name of no characters"},
    {"`a``", "without its closing `"},
    {"foo(a)", "there is no function foo"},
    {"lenght(a)", "there is no function lenght"},
    {"year(a, b)", "year takes 1 arguments"},
    {"INTERVAL '1' DAY", "INTERVAL isn't supported"},
    {"INTERVAL 1 DAY", "INTERVAL isn't supported"},
    {"a && b", "AND (&& is no operator here)"},
    {"a[0]", "items of arrays and maps"},
    {"a DIV 2", "DIV isn't supported"},
    {"300Y", "a number that no byte holds"},
    {"1.5L", "a whole number expected"},
    {"12ab", "is no number"},
    {"DATE '2024-13-01'", "a date like"},
    {"CAST(a AS wrong)", "wrong is no type"},
    {"CAST(a AS array<int>)", "casts to array"},
    {"CASE END", "a value expected instead of END"},
    {"CASE a END", "WHEN expected"},
    {"a IN ()", "a value expected"},
    {"a NOT 1", "IN, BETWEEN, LIKE or RLIKE expected"},
    {"a # b", "a character that expressions don't have"},
    {"X'0g'", "hexadecimal digits"},
    {"a LIKE ANY ('x')", "LIKE ANY"},
    {"12345678901234567890123456789012345678901", "more than 38 digits"},
    {"'\xff'", "isn't UTF-8"},
};

static void bad_texts_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(refused); i++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        const silt_expr *e;
        silt_error err = {0};
        if (silt_expr_parse(refused[i].text, arena, &e, &err) == SILT_OK)
            fail_msg("%s was taken", refused[i].text);
        if (!strstr(err.message, refused[i].expected))
            fail_msg("%s: %s", refused[i].text, err.message);
    }
}

static void a_fault_is_marked(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_expr *e;
    silt_error err = {0};
    assert_int_equal(silt_expr_parse("price > 3 AN qty < 5", arena, &e, &err), SILT_INVALID);
    assert_string_equal(err.message, "an operator or the end expected instead of AN at character "
                                     "11: price > 3  \xE2\x96\xB6"
                                     "AN qty < 5");
    assert_int_equal(silt_expr_parse("lenght(a)", arena, &e, &err), SILT_INVALID);
    assert_string_equal(err.hint, "did you mean length?");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static const text_case nested[] = {{"(", ")"},
                                       {"NOT ", ""},
                                       {"- ", ""},
                                       {"abs(", ")"},
                                       {"", "+a"},
                                       {"", "::int"},
                                       {"CASE WHEN ", " THEN a END"},
                                       {"(", " BETWEEN 1 AND 2)"}};
    for (size_t i = 0; i < SILT_COUNT(nested); i++) {
        for (int count = 5; count <= 100000; count *= 20) {
            SILT_AUTO(silt_arena) arena = silt_arena_new();
            SILT_CLEAN(silt_buf) text = {0};
            const silt_expr *e;
            silt_error err = {0};
            for (int n = 0; n < count; n++)
                silt_buf_puts(&text, nested[i].text);
            silt_buf_puts(&text, "a");
            for (int n = 0; n < count; n++)
                silt_buf_puts(&text, nested[i].expected);
            silt_status st = silt_expr_parse(text.data, arena, &e, &err);
            if (count < 100) assert_int_equal(st, SILT_OK);
            if (count > 1000) assert_int_equal(st, SILT_INVALID);
        }
    }
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_buf) text = {0};
    const silt_expr *e;
    /* Not more: with strict_string_checks each number's conversion looks at all of the text. */
    for (int i = 0; i < 5000; i++)
        silt_buf_printf(&text, "%sa = %d", i ? " OR " : "", i);
    assert_int_equal(silt_expr_parse(text.data, arena, &e, NULL), SILT_OK);
    assert_int_equal(e->arg_count, 5000);
}

/* ---- random trees ---- */

static const silt_expr *random_tree(silt_arena *arena, test_random *r, int depth)
{
    static const char *const texts[] = {"'a'",
                                        "'it\\'s\\\\'",
                                        "1",
                                        "-7",
                                        "3L",
                                        "2.50BD",
                                        "-0.5BD",
                                        "1.5D",
                                        "DATE '2024-02-29'",
                                        "X'00FF'",
                                        "NULL",
                                        "true",
                                        "TIMESTAMP '1969-12-31 23:59:59.5+00'",
                                        "`a`.`b``c`",
                                        "`z`",
                                        "-128Y",
                                        "0.1F",
                                        "1e300D"};
    static const silt_expr_op ops[] = {
        SILT_OP_EQ,        SILT_OP_NE,      SILT_OP_LT,       SILT_OP_GE,       SILT_OP_EQ_NULL,
        SILT_OP_LIKE,      SILT_OP_ADD,     SILT_OP_SUBTRACT, SILT_OP_MULTIPLY, SILT_OP_DIVIDE,
        SILT_OP_MODULO,    SILT_OP_AND,     SILT_OP_OR,       SILT_OP_IN,       SILT_OP_NOT,
        SILT_OP_NEGATE,    SILT_OP_IS_NULL, SILT_OP_CASE,     SILT_OP_COALESCE, SILT_OP_CONCAT,
        SILT_OP_SUBSTRING, SILT_OP_CAST,    SILT_OP_YEAR,     SILT_OP_DATE_ADD, SILT_OP_RLIKE};
    const silt_expr *e = NULL, *args[4];
    if (depth == 0 || test_random_below(r, 5) == 0) {
        const char *text = texts[test_random_below(r, SILT_COUNT(texts))];
        assert_int_equal(silt_expr_parse(text, arena, &e, NULL), SILT_OK);
        return e;
    }
    silt_expr_op op = ops[test_random_below(r, SILT_COUNT(ops))];
    size_t count = 2;
    if (op == SILT_OP_NOT || op == SILT_OP_NEGATE || op == SILT_OP_IS_NULL || op == SILT_OP_YEAR ||
        op == SILT_OP_CAST)
        count = 1;
    if (op == SILT_OP_AND || op == SILT_OP_OR || op == SILT_OP_IN || op == SILT_OP_CASE ||
        op == SILT_OP_SUBSTRING || op == SILT_OP_COALESCE)
        count = 2 + test_random_below(r, 2);
    for (size_t i = 0; i < count; i++)
        args[i] = random_tree(arena, r, depth - 1);
    const silt_type *type = op == SILT_OP_CAST ? silt_type_decimal(12, 3, arena) : NULL;
    return silt_expr_call(arena, op, type, args, count);
}

static void trees_are_printed_so_that_they_parse(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        SILT_CLEAN(silt_buf) out = {0};
        test_random r = {seed};
        const silt_expr *e = random_tree(arena, &r, 5), *again;
        silt_error err = {0};
        silt_expr_print(e, &out);
        if (silt_expr_parse(out.data, arena, &again, &err) != SILT_OK)
            fail_msg("seed %d: %s: %s", (int)seed, out.data, err.message);
        if (!silt_expr_equal(e, again)) fail_msg("seed %d: %s", (int)seed, out.data);
    }
}

static const char *const words[] = {"i",
                                    "l",
                                    "t",
                                    "d",
                                    "m",
                                    "day",
                                    "ts",
                                    "b",
                                    "p.q.r",
                                    "`x",
                                    "'a",
                                    "'a'",
                                    "\"",
                                    "1",
                                    "2.5",
                                    "1e",
                                    "-",
                                    "+",
                                    "*",
                                    "/",
                                    "%",
                                    "=",
                                    "<=>",
                                    "<",
                                    "(",
                                    ")",
                                    ")",
                                    "(",
                                    ",",
                                    "AND",
                                    "OR",
                                    "NOT",
                                    "IN",
                                    "IS",
                                    "NULL",
                                    "LIKE",
                                    "BETWEEN",
                                    "CASE",
                                    "WHEN",
                                    "THEN",
                                    "ELSE",
                                    "END",
                                    "CAST",
                                    "AS",
                                    "int",
                                    "decimal(5,2)",
                                    "::",
                                    "DATE",
                                    "'2024-01-01'",
                                    "substring(",
                                    "coalesce(",
                                    "year(",
                                    "if(",
                                    "nullif(",
                                    "date_trunc('month',",
                                    "TRUE",
                                    "ESCAPE",
                                    "'\\'",
                                    "--",
                                    "\n",
                                    "\xff",
                                    ".",
                                    "||",
                                    "INTERVAL",
                                    "X'0",
                                    "round(",
                                    "greatest("};

/* Any words in any order: an answer or an error, and what is taken is bound or refused. */
static void odd_texts_do_no_harm(void **state)
{
    (void)state;
    test_random r = test_random_new();
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    size_t taken = 0;
    for (int n = 0; n < 20000; n++) {
        SILT_CLEAN(silt_buf) text = {0};
        SILT_CLEAN(silt_buf) out = {0};
        const silt_expr *e;
        silt_error err = {0};
        size_t count = 1 + test_random_below(&r, 9);
        while (count-- > 0)
            silt_buf_printf(&text, "%s ", words[test_random_below(&r, SILT_COUNT(words))]);
        if (silt_expr_parse(text.data, arena, &e, &err) == SILT_OK &&
            silt_expr_bind(e, schema_of(arena), arena, &e, &err) == SILT_OK) {
            silt_expr_print(e, &out);
            taken++;
        }
        if (err.status == SILT_NOMEM) fail_msg("%s", text.data);
        silt_arena_reset(arena);
    }
    assert_true(taken > 100);
}

/* ---- binding ---- */

static const text_case bound[] = {
    {"I = 1", "`i` = 1"},
    {"P.Q.R > 1", "`p`.`q`.`r` > 1L"},
    {"p.name = 'x'", "`p`.`Name` = 'x'"},
    /* a column stands alone beside a literal of its type */
    {"i < 10L", "`i` < 10"},
    {"i < 10000000000", "`i` <= 2147483647"},
    {"i > 10000000000", "`i` > 2147483647"},
    {"i > -10000000000", "`i` >= -2147483648"},
    {"i = 10000000000", "CAST(`i` AS long) = 10000000000L"},
    {"l > 2.5", "`l` > 2L"},
    {"l >= 2.5", "`l` > 2L"},
    {"l < 2.5", "`l` <= 2L"},
    {"l < -2.5", "`l` <= -3L"},
    {"l = 2.0", "`l` = 2L"},
    {"l = 2.5", "CAST(`l` AS decimal(21,1)) = CAST(2.5BD AS decimal(21,1))"},
    {"l = 2.0D", "`l` = 2L"},
    {"l = 1e18", "CAST(`l` AS double) = 1e+18D"},
    {"2 <= i", "`i` >= 2"},
    {"y = 5", "`y` = 5Y"},
    {"m = 5", "`m` = CAST(5.00BD AS decimal(10,2))"},
    {"m < 5.125", "`m` <= CAST(5.12BD AS decimal(10,2))"},
    {"m > -0.001", "`m` > CAST(-0.01BD AS decimal(10,2))"},
    {"m < 100000000", "`m` <= 99999999.99BD"},
    {"m = 5D", "CAST(`m` AS double) = 5.0D"},
    {"f = 1.5D", "`f` = 1.5F"},
    {"f = 0.1D", "CAST(`f` AS double) = 0.1D"},
    {"f > 0.1D", "`f` > 0.099999994F"},
    {"f > 1", "`f` > 1.0F"},
    {"d > 1", "`d` > 1.0D"},
    {"d > 0.1", "`d` > 0.1D"},
    {"i = '7'", "`i` = 7"},
    {"i = '7.9'", "`i` = 7"},
    {"i = 'x'", "`i` = CAST(NULL AS integer)"},
    {"m = '1.5'", "CAST(`m` AS double) = 1.5D"},
    {"t = 5", "CAST(`t` AS integer) = 5"},
    {"ts >= '2024-01-01'", "`ts` >= TIMESTAMP '2024-01-01 00:00:00+00'"},
    {"ts >= DATE '2024-01-01'", "`ts` >= TIMESTAMP '2024-01-01 00:00:00+00'"},
    {"ntz = '2024-01-01 10:00:00'", "`ntz` = TIMESTAMP_NTZ '2024-01-01 10:00:00'"},
    {"ntz < TIMESTAMP '2024-01-01'", "`ntz` < TIMESTAMP_NTZ '2024-01-01 00:00:00'"},
    {"day = '2024-01-05'", "`day` = DATE '2024-01-05'"},
    {"day = '2024-1-5'", "`day` = DATE '2024-01-05'"},
    {"day > TIMESTAMP '2024-01-05 12:00:00'", "`day` > DATE '2024-01-05'"},
    {"day < TIMESTAMP '2024-01-05 12:00:00'", "`day` <= DATE '2024-01-05'"},
    {"day < TIMESTAMP '2024-01-05'", "`day` < DATE '2024-01-05'"},
    {"day > DATE '2024-01-31' + 1", "`day` > DATE '2024-02-01'"},
    {"day > date_sub(DATE '2024-03-01', 1)", "`day` > DATE '2024-02-29'"},
    {"b = 'yes'", "`b` = true"},
    {"i IN (1, 2L)", "`i` IN (1, 2)"},
    {"l IN (1, 2)", "`l` IN (1L, 2L)"},
    {"day IN ('2024-01-05')", "`day` IN (DATE '2024-01-05')"},
    {"day IN ('2024-1-5')", "CAST(`day` AS string) IN ('2024-1-5')"},
    {"i IN ('1', '2')", "`i` IN (1, 2)"},
    {"i IN ('01')", "CAST(`i` AS string) IN ('01')"},
    {"ts BETWEEN '2024-01-01' AND '2024-01-02'",
     "`ts` >= TIMESTAMP '2024-01-01 00:00:00+00' AND `ts` <= TIMESTAMP '2024-01-02 00:00:00+00'"},
    {"CAST(l AS decimal(5,0)) < 100",
     "CAST(CAST(`l` AS decimal(5,0)) AS decimal(10,0)) < CAST(100BD AS decimal(10,0))"},
    /* a day is a range of times */
    {"CAST(ts AS date) = '2024-02-29'",
     "`ts` >= TIMESTAMP '2024-02-29 00:00:00+00' AND `ts` < TIMESTAMP '2024-03-01 00:00:00+00'"},
    {"to_date(ntz) > DATE '2024-02-29'", "`ntz` >= TIMESTAMP_NTZ '2024-03-01 00:00:00'"},
    {"to_date(ts) <= '2024-02-29'", "`ts` < TIMESTAMP '2024-03-01 00:00:00+00'"},
    {"DATE '2024-02-29' > to_date(ts)", "`ts` < TIMESTAMP '2024-02-29 00:00:00+00'"},
    {"to_date(ts) <> '2024-02-29'", "CAST(`ts` AS date) <> DATE '2024-02-29'"},
    {"to_date(ts) <= '9999-12-31'", "CAST(`ts` AS date) <= DATE '9999-12-31'"},
    /* types of results */
    {"i + l", "CAST(`i` AS long) + `l`"},
    {"i / 2", "CAST(`i` AS double) / 2.0D"},
    {"m + 1", "`m` + 1BD"},
    {"t + 1", "CAST(`t` AS double) + 1.0D"},
    {"coalesce(i, 'x')", "coalesce(CAST(`i` AS string), 'x')"},
    {"coalesce(i, l)", "coalesce(CAST(`i` AS long), `l`)"},
    {"nullif(i, 0)", "nullif(`i`, 0)"},
    {"nullif(i, 0L)", "CASE WHEN `i` = 0 THEN CAST(NULL AS integer) ELSE `i` END"},
    {"if(b, 1, NULL)", "CASE WHEN `b` THEN 1 ELSE CAST(NULL AS integer) END"},
    {"year(ts)", "year(`ts`)"},
    {"year(t)", "year(CAST(`t` AS date))"},
    {"hour(day)", "hour(CAST(`day` AS timestamp))"},
    {"year('2024-05-06')", "2024"},
    {"CAST('12' AS int) + 1", "13"},
    {"CAST('abc' AS int)", "CAST(NULL AS integer)"},
    {"CAST(300 AS tinyint)", "44Y"},
    {"substring('abcdef', -3, 2)", "'de'"},
    {"date_trunc('month', TIMESTAMP '2024-05-06 07:08:09')", "TIMESTAMP '2024-05-01 00:00:00+00'"},
};

static void names_and_types_are_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(bound); i++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        SILT_CLEAN(silt_buf) out = {0};
        const silt_expr *e, *again;
        const silt_type *schema = schema_of(arena);
        silt_error err = {0};
        assert_int_equal(silt_expr_parse(bound[i].text, arena, &e, &err), SILT_OK);
        if (silt_expr_bind(e, schema, arena, &e, &err) != SILT_OK)
            fail_msg("%s: %s", bound[i].text, err.message);
        silt_expr_print(e, &out);
        if (strcmp(out.data, bound[i].expected) != 0)
            fail_msg("%s\n is  %s\n not %s", bound[i].text, out.data, bound[i].expected);
        assert_int_equal(silt_expr_parse(out.data, arena, &again, &err), SILT_OK);
        assert_int_equal(silt_expr_bind(again, schema, arena, &again, &err), SILT_OK);
        if (!silt_expr_equal(e, again)) fail_msg("%s: another tree", out.data);
    }
}

static void types_of_results(void **state)
{
    (void)state;
    static const text_case types[] = {
        {"m + m", "decimal(11,2)"},
        {"m * m", "decimal(21,4)"},
        {"m / m", "decimal(23,13)"},
        {"m % m", "decimal(10,2)"},
        {"m + l", "decimal(23,2)"},
        {"m * 2", "decimal(12,2)"},
        {"i + 1", "integer"},
        {"l * f", "float"},
        {"m + d", "double"},
        {"s + y", "short"},
        {"-m", "decimal(10,2)"},
        {"length(t)", "integer"},
        {"day + 1", "date"},
        {"floor(d)", "long"},
        {"round(m, 1)", "decimal(10,1)"},
        {"datediff(day, day)", "integer"},
        {"CAST(1 AS decimal(38,10)) * CAST(1 AS decimal(38,10))", "decimal(38,6)"},
    };
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_type *schema = schema_of(arena);
    for (size_t i = 0; i < SILT_COUNT(types); i++) {
        const silt_expr *e;
        silt_error err = {0};
        assert_int_equal(silt_expr_parse(types[i].text, arena, &e, NULL), SILT_OK);
        if (silt_expr_bind(e, schema, arena, &e, &err) != SILT_OK)
            fail_msg("%s: %s", types[i].text, err.message);
        if (strcmp(silt_type_name(e->type, arena), types[i].expected) != 0)
            fail_msg("%s: %s", types[i].text, silt_type_name(e->type, arena));
    }
}

static void what_does_not_bind(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
        silt_status status;
    } cases[] = {
        {"nane = 1", "there is no column `nane`", "", SILT_NOT_FOUND},
        {"ntx = ts", "there is no column `ntx`", "did you mean ntz?", SILT_NOT_FOUND},
        {"p.nam = 'x'", "there is no column `p`.`nam`", "did you mean Name?", SILT_NOT_FOUND},
        {"i.x = 1", "i isn't a struct", "", SILT_NOT_FOUND},
        {"DUP = 1", "several columns", "", SILT_INVALID},
        {"i", "a condition has to be true or false, this is integer", "", SILT_INVALID},
        {"a = 1", "don't go together", "", SILT_INVALID},
        {"p = p", "can't be compared", "", SILT_INVALID},
        {"b + 1 = 2", "don't go together", "", SILT_INVALID},
        {"i AND b", "true or false expected, not integer", "", SILT_INVALID},
        {"CAST(day AS int) = 1", "a value of type date can't become integer", "", SILT_INVALID},
        {"date_trunc(t, ts) = ts", "the unit has to be a literal", "", SILT_INVALID},
        {"abs(day) = 1", "a number expected, not date", "", SILT_INVALID},
    };
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_type *schema = schema_of(arena);
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const silt_expr *e;
        silt_error err = {0};
        silt_status st = silt_expr_condition(cases[i].text, schema, arena, &e, &err);
        if (st != cases[i].status || !strstr(err.message, cases[i].message) ||
            strcmp(err.hint, cases[i].hint) != 0)
            fail_msg("%s: %s: %s (%s)", cases[i].text, silt_status_name(st), err.message, err.hint);
    }
    const silt_expr *e;
    assert_int_equal(silt_expr_condition("dup = 1 AND Dup = 2 AND NULL", schema, arena, &e, NULL),
                     SILT_OK);
}

static void count_column(void *ctx, const silt_expr *column)
{
    silt_buf_printf(ctx, "%s,", column->path[0]);
}

static void columns_are_named(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_buf) names = {0};
    const silt_expr *e;
    assert_int_equal(silt_expr_parse("a = 1 AND (b.c > a OR year(d) IN (1, e))", arena, &e, NULL),
                     SILT_OK);
    silt_expr_columns(e, count_column, &names);
    assert_string_equal(names.data, "a,b,a,d,e,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_trees),
        cmocka_unit_test(bad_texts_are_told),
        cmocka_unit_test(a_fault_is_marked),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(trees_are_printed_so_that_they_parse),
        cmocka_unit_test(odd_texts_do_no_harm),
        cmocka_unit_test(names_and_types_are_bound),
        cmocka_unit_test(types_of_results),
        cmocka_unit_test(what_does_not_bind),
        cmocka_unit_test(columns_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
