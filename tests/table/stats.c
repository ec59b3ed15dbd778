/* Stats of new files: each type, each way in which a bound could lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "table/data.h"

#define MAX_CHAR "\xF4\x8F\xBF\xBF"
#define S10      "aaaaaaaaaa"
#define S31      S10 S10 S10 "a"
#define EMOJI    "\xF0\x9F\x98\x80"

typedef struct bound_case {
    const char *type, *min, *max;    /* as the engine says it */
    const char *json_min, *json_max; /* NULL: none */
} bound_case;

static const bound_case bounds[] = {
    {"byte", "-128", "127", "-128", "127"},
    {"short", "-32768", "32767", "-32768", "32767"},
    {"integer", "-2147483648", "2147483647", "-2147483648", "2147483647"},
    {"long", "-9223372036854775808", "9223372036854775807", "-9223372036854775808",
     "9223372036854775807"},
    {"float", "-1.5", "3.4028235e+38", "-1.5", "3.4028234663852886e38"},
    {"float", "0.1", "0.7", "0.10000000149011612", "0.699999988079071"},
    {"double", "-0.0", "1e+300", "-0.0", "1e+300"},
    {"double", "-inf", "2.5", NULL, "2.5"},
    {"double", "1.5", "inf", "1.5", NULL},
    {"double", "nan", "nan", NULL, NULL},
    {"decimal(38,2)", "-999999999999999999999999999999999999.99",
     "999999999999999999999999999999999999.99", "-999999999999999999999999999999999999.99",
     "999999999999999999999999999999999999.99"},
    {"decimal(10,0)", "-5", "7", "-5", "7"},
    {"date", "0001-01-01", "9999-12-31", "\"0001-01-01\"", "\"9999-12-31\""},
    {"date", "0044-03-15 (BC)", "infinity", NULL, NULL},
    {"timestamp", "2024-01-15 10:00:00.123456+00", "2024-01-15 10:00:00.123456+00",
     "\"2024-01-15T10:00:00.123Z\"", "\"2024-01-15T10:00:00.124Z\""},
    {"timestamp", "2024-01-15 10:00:00+05:30", "2024-01-15 10:00:00-08",
     "\"2024-01-15T04:30:00.000Z\"", "\"2024-01-15T18:00:00.000Z\""},
    {"timestamp", "1969-12-31 23:59:59.9999+00", "1969-12-31 23:59:59.9991+00",
     "\"1969-12-31T23:59:59.999Z\"", "\"1970-01-01T00:00:00.000Z\""},
    {"timestamp", "9999-12-31 23:59:59.999999+00", "9999-12-31 23:59:59.999999+00",
     "\"9999-12-31T23:59:59.999Z\"", NULL},
    {"timestamp", "infinity", "infinity", NULL, NULL},
    {"timestamp_ntz", "2024-01-15 10:00:00.000001", "2024-01-15 10:00:00.999999",
     "\"2024-01-15T10:00:00.000\"", "\"2024-01-15T10:00:01.000\""},
    {"boolean", "false", "true", NULL, NULL},
    {"binary", "\\x00", "\\xFF", NULL, NULL},
    {"string", "", "b", "\"\"", "\"b\""},
    {"string", "say \"a\\b\"\n", "\x7f", "\"say \\\"a\\\\b\\\"\\n\"", "\"\x7f\""},
    {"string", S31 "a", S31 "z", "\"" S31 "a\"", "\"" S31 "z\""},
    {"string", S31 "ab", S31 "zb", "\"" S31 "a\"", "\"" S31 "z\x7f\""},
    {"string", S31 "a\x7f", S31 "z\x7f", "\"" S31 "a\"", "\"" S31 "z" MAX_CHAR "\""},
    {"string", S31 EMOJI, S31 EMOJI, "\"" S31 EMOJI "\"", "\"" S31 EMOJI "\""},
    {"string", S31 EMOJI "x", S31 EMOJI "x", "\"" S31 EMOJI "\"", "\"" S31 EMOJI "\x7f\""},
    {"string", S31 EMOJI EMOJI, S31 EMOJI EMOJI, "\"" S31 EMOJI "\"", "\"" S31 EMOJI MAX_CHAR "\""},
    {"string", S31 "a" MAX_CHAR "b", S31 "a" MAX_CHAR "b", "\"" S31 "a\"",
     "\"" S31 "a" MAX_CHAR "\x7f\""},
    {"string", S31 "a" MAX_CHAR, S31 "a" MAX_CHAR, "\"" S31 "a\"", "\"" S31 "a" MAX_CHAR "\""},
    {"string", "\xff\xfe", "\xff\xfe", NULL, NULL},
};

static const silt_type *type_of(const char *name, silt_arena *arena)
{
    silt_error err = {0};
    const silt_type *type = NULL;
    if (silt_type_parse(name, arena, &type, &err) != SILT_OK) fail_msg("%s", err.message);
    return type;
}

static const char *stats_of(const char *schema, const silt_leaf_stats *leaves, size_t count,
                            const silt_metadata *metadata, silt_arena *arena)
{
    silt_staged_file file = {.row_count = 3, .stats = leaves, .stats_count = count};
    const char *json = silt_stats_json(&file, type_of(schema, arena), NULL, metadata, arena);
    assert_non_null(json);
    const silt_json *parsed;
    assert_int_equal(silt_json_parse(silt_bytes_of(json), arena, &parsed, NULL), SILT_OK);
    return json;
}

static void every_type_has_its_bounds(void **state)
{
    (void)state;
    const char *path[] = {"c"};
    for (size_t i = 0; i < SILT_COUNT(bounds); i++) {
        const bound_case *b = &bounds[i];
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        silt_leaf_stats leaf = {path, 1, b->min, b->max, 1, false};
        const char *json = stats_of(silt_arena_printf(arena, "struct<c:%s>", b->type), &leaf, 1,
                                    &(silt_metadata){0}, arena);
        const char *min = b->json_min ? silt_arena_printf(arena, "{\"c\":%s}", b->json_min) : "{}";
        const char *max = b->json_max ? silt_arena_printf(arena, "{\"c\":%s}", b->json_max) : "{}";
        assert_string_equal(json, silt_arena_printf(arena,
                                                    "{\"numRecords\":3,\"minValues\":%s,"
                                                    "\"maxValues\":%s,\"nullCount\":{\"c\":1}}",
                                                    min, max));
    }
}

static void a_cut_bound_still_bounds(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "z", "\x7f", "\xC3\xA9", EMOJI, MAX_CHAR, "~", " "};
    const char *path[] = {"c"};
    for (unsigned seed = 0; seed < 500; seed++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        SILT_CLEAN(silt_buf) text = {0};
        unsigned bits = seed * 2654435761u;
        for (int i = 0; i < 28; i++)
            silt_buf_puts(&text, "k");
        for (int i = 0; i < 9; i++, bits = bits * 1664525u + 1013904223u)
            silt_buf_puts(&text, pieces[(bits >> 20) % SILT_COUNT(pieces)]);
        silt_leaf_stats leaf = {path, 1, text.data, text.data, 0, false};
        const silt_json *stats;
        const char *json = stats_of("struct<c:string>", &leaf, 1, &(silt_metadata){0}, arena);
        assert_int_equal(silt_json_parse(silt_bytes_of(json), arena, &stats, NULL), SILT_OK);
        const char *min = silt_json_string(silt_json_get(silt_json_get(stats, "minValues"), "c"));
        const char *max = silt_json_string(silt_json_get(silt_json_get(stats, "maxValues"), "c"));
        assert_true(strcmp(min, text.data) <= 0);
        assert_true(strcmp(max, text.data) >= 0);
        assert_true(silt_utf8_valid(silt_bytes_of(max)) && silt_utf8_valid(silt_bytes_of(min)));
    }
}

static void nothing_but_last_characters_has_no_max(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_buf) text = {0};
    const char *path[] = {"c"};
    for (int i = 0; i < 1000; i++)
        silt_buf_puts(&text, MAX_CHAR);
    silt_leaf_stats leaf = {path, 1, text.data, text.data, 0, false};
    const char *json = stats_of("struct<c:string>", &leaf, 1, &(silt_metadata){0}, arena);
    assert_non_null(strstr(json, "\"maxValues\":{}"));
    assert_null(strstr(json, "\"minValues\":{}"));
}

static void nan_takes_the_bounds_away(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const char *path[] = {"c"};
    silt_leaf_stats leaf = {path, 1, "1.0", "2.0", 0, true};
    assert_string_equal(stats_of("struct<c:double>", &leaf, 1, &(silt_metadata){0}, arena),
                        "{\"numRecords\":3,\"minValues\":{},\"maxValues\":{},"
                        "\"nullCount\":{\"c\":0}}");
}

static void nested_fields_are_nested_objects(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const char *a[] = {"s", "a"}, *b[] = {"s", "t", "b"}, *l[] = {"l"};
    silt_leaf_stats leaves[] = {
        {l, 1, NULL, NULL, 2, false}, {b, 3, NULL, NULL, 3, false}, {a, 2, "1", "2", 0, false}};
    assert_string_equal(
        stats_of("struct<s:struct<a:long,t:struct<b:string>,u:struct<x:map<string,long>>>,"
                 "l:array<long>,m:map<string,long>>",
                 leaves, 3, &(silt_metadata){0}, arena),
        "{\"numRecords\":3,\"minValues\":{\"s\":{\"a\":1}},\"maxValues\":{\"s\":{\"a\":2}},"
        "\"nullCount\":{\"s\":{\"a\":0,\"t\":{\"b\":3}},\"l\":2}}");
}

/* struct<c0:long,c1:long,…> with stats of all columns. */
static const char *many(size_t count, const silt_metadata *metadata, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) schema = {0};
    silt_leaf_stats *leaves = silt_arena_calloc(arena, count, sizeof(*leaves));
    for (size_t i = 0; i < count; i++) {
        const char **path = silt_arena_calloc(arena, 1, sizeof(*path));
        path[0] = silt_arena_printf(arena, "c%zu", i);
        leaves[i] = (silt_leaf_stats){path, 1, "1", "2", 0, false};
        silt_buf_printf(&schema, "%sc%zu:long", i ? "," : "struct<", i);
    }
    silt_buf_puts(&schema, ">");
    return stats_of(schema.data, leaves, count, metadata, arena);
}

static bool has(const char *json, const char *column)
{
    char quoted[64];
    snprintf(quoted, sizeof(quoted), "\"%s\":", column);
    return strstr(json, quoted) != NULL;
}

static void the_first_32_columns_have_stats(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const char *json = many(40, &(silt_metadata){0}, arena);
    assert_true(has(json, "c31") && !has(json, "c32"));

    const char *by[] = {"c0", "c1"};
    json = many(40, &(silt_metadata){.partition_columns = {by, 2}}, arena);
    assert_true(has(json, "c33") && !has(json, "c34") && !has(json, "c0"));

    silt_pair two = {"delta.dataSkippingNumIndexedCols", "2"};
    json = many(40, &(silt_metadata){.configuration = {&two, 1}}, arena);
    assert_true(has(json, "c1") && !has(json, "c2"));

    silt_pair all = {"delta.dataSkippingNumIndexedCols", "-1"};
    json = many(40, &(silt_metadata){.configuration = {&all, 1}}, arena);
    assert_true(has(json, "c39"));

    silt_pair odd = {"delta.dataSkippingNumIndexedCols", "lots"};
    json = many(40, &(silt_metadata){.configuration = {&odd, 1}}, arena);
    assert_true(has(json, "c31") && !has(json, "c32"));
}

static void named_columns_have_stats(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const char *a[] = {"a"}, *b[] = {"s", "b"}, *c[] = {"s", "x.y`z"}, *d[] = {"d"};
    silt_leaf_stats leaves[] = {{a, 1, "1", "1", 0, false},
                                {b, 2, "2", "2", 0, false},
                                {c, 2, "3", "3", 0, false},
                                {d, 1, "4", "4", 0, false}};
    silt_field inner[] = {{"b", type_of("long", arena), true, "{}"},
                          {"x.y`z", type_of("long", arena), true, "{}"}};
    silt_type s = {.kind = SILT_TYPE_STRUCT, .fields = inner, .field_count = 2};
    silt_field outer[] = {{"a", type_of("long", arena), true, "{}"},
                          {"s", &s, true, "{}"},
                          {"d", type_of("long", arena), true, "{}"}};
    silt_type schema = {.kind = SILT_TYPE_STRUCT, .fields = outer, .field_count = 3};
    silt_staged_file file = {.row_count = 1, .stats = leaves, .stats_count = 4};
    static const struct {
        const char *columns, *nulls;
    } cases[] = {
        {"d, s.`x.y``z`", "\"nullCount\":{\"s\":{\"x.y`z\":0},\"d\":0}"},
        {"s", "\"nullCount\":{\"s\":{\"b\":0,\"x.y`z\":0}}"},
        {" `a` ,nothing,s . b ", "\"nullCount\":{\"a\":0,\"s\":{\"b\":0}}"},
        {"", "\"nullCount\":{}"},
        {"`a", "\"nullCount\":{\"a\":0}"},
        {",.,`", "\"nullCount\":{}"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_pair pair = {"delta.dataSkippingStatsColumns", cases[i].columns};
        silt_metadata metadata = {.configuration = {&pair, 1}};
        const char *json = silt_stats_json(&file, &schema, NULL, &metadata, arena);
        if (!strstr(json, cases[i].nulls)) fail_msg("%s: %s", cases[i].columns, json);
    }
}

static void partition_values_have_the_logs_form(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text, *value;
    } cases[] = {
        {"string", NULL, NULL},
        {"string", "", NULL},
        {"string", "a/b=c%20 \"x\"", "a/b=c%20 \"x\""},
        {"long", "-7", "-7"},
        {"boolean", "true", "true"},
        {"date", "2024-01-15", "2024-01-15"},
        {"decimal(10,2)", "1.50", "1.50"},
        {"double", "inf", "Infinity"},
        {"double", "-inf", "-Infinity"},
        {"double", "nan", "NaN"},
        {"double", "1.5", "1.5"},
        {"timestamp", "2024-01-15 10:00:00+02", "2024-01-15T08:00:00.000000Z"},
        {"timestamp", "2024-01-15 10:00:00.123456", "2024-01-15T10:00:00.123456Z"},
        {"timestamp_ntz", "2024-01-15 10:00:00", "2024-01-15 10:00:00"},
        {"timestamp_ntz", "2024-01-15 10:00:00.5", "2024-01-15 10:00:00.500000"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        const char *value =
            silt_partition_value(cases[i].text, type_of(cases[i].type, arena), arena);
        if (!silt_streq(value, cases[i].value))
            fail_msg("%s %s: %s", cases[i].type, cases[i].text, value ? value : "null");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_bounds),
        cmocka_unit_test(a_cut_bound_still_bounds),
        cmocka_unit_test(nothing_but_last_characters_has_no_max),
        cmocka_unit_test(nan_takes_the_bounds_away),
        cmocka_unit_test(nested_fields_are_nested_objects),
        cmocka_unit_test(the_first_32_columns_have_stats),
        cmocka_unit_test(named_columns_have_stats),
        cmocka_unit_test(partition_values_have_the_logs_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
