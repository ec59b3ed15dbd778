/* JSON, read and written. */
#include "base/json.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/random.h"

static silt_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = silt_arena_new();
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    silt_arena_free(SILT_TAKE(arena));
    return 0;
}

static const silt_json *parse(const char *text)
{
    silt_error err = {0};
    const silt_json *json = NULL;
    if (silt_json_parse(silt_bytes_of(text), arena, &json, &err) != SILT_OK)
        fail_msg("%s: %s", text, err.message);
    return json;
}

/* ---- reading */

static void text_survives(void **state)
{
    (void)state;
    const char *const texts[] = {
        "null",
        "true",
        "false",
        "\"\"",
        "[]",
        "{}",
        "0",
        "-0",
        "[[],{},[{}]]",
        "{\"a\":[1,2.50,{\"b\":null,\"c\":\"x\"},[],{}],\"d\":{\"e\":{}},\"f\":true}",
        "[1e3,1E+3,0.1000,-1.50,1e999,123456789012345678901234567890.123]",
        "[12345678901234567890,18446744073709551615,-9223372036854775809]",
        "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\"",
        "\"\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80/\"",
        "{\"\":1,\"a\\u0000b\":2,\"a\":3,\"a\":4}",
    };
    for (size_t i = 0; i < SILT_COUNT(texts); i++)
        assert_string_equal(silt_json_text(parse(texts[i]), arena), texts[i]);
    assert_string_equal(silt_json_text(parse(" [ 1 ,\n\t{ \"a\" : \"\\u00e9\\/\" } ]\r\n"), arena),
                        "[1,{\"a\":\"\xc3\xa9/\"}]");
}

static void what_is_no_json_is_corrupt(void **state)
{
    (void)state;
    const silt_bytes bad[] = {
        {NULL, 0},
        SILT_STR(""),
        SILT_STR(" "),
        SILT_STR("{"),
        SILT_STR("}"),
        SILT_STR("[1,]"),
        SILT_STR("{\"a\":1,}"),
        SILT_STR("{a:1}"),
        SILT_STR("{'a':1}"),
        SILT_STR("[1 2]"),
        SILT_STR("nul"),
        SILT_STR("NaN"),
        SILT_STR("-Infinity"),
        SILT_STR("01"),
        SILT_STR("1."),
        SILT_STR("+1"),
        SILT_STR(".5"),
        SILT_STR("1e"),
        SILT_STR("0x10"),
        SILT_STR("--1"),
        SILT_STR("\"abc"),
        SILT_STR("\"\n\""),
        SILT_STR("\"\\x\""),
        SILT_STR("\"\\u12\""),
        SILT_STR("\"\\ud800\""),
        SILT_STR("// c\n1"),
        SILT_STR("1 2"),
        SILT_STR("{} x"),
        SILT_STR("\"\xff\""),
        SILT_STR("\"\xc3\""),
        SILT_STR("\"\xed\xa0\x80\""),
        SILT_STR("\xef\xbb\xbf{}"),
        SILT_STR("{\"a\"}"),
        SILT_STR("1\0"),
        SILT_STR("\0"),
        SILT_STR("[\"a\0b\"]"),
    };
    for (size_t i = 0; i < SILT_COUNT(bad); i++) {
        silt_error err = {0};
        const silt_json *json = NULL;
        if (silt_json_parse(bad[i], arena, &json, &err) != SILT_CORRUPT)
            fail_msg("%zu is taken: %s", i, bad[i].data);
        assert_null(json);
        assert_true(silt_starts_with(err.message, "JSON"));
        assert_int_equal(silt_json_parse(bad[i], arena, &json, NULL), SILT_CORRUPT);
    }
}

static void an_error_has_its_place(void **state)
{
    (void)state;
    silt_error err = {0};
    const silt_json *json;
    assert_int_equal(silt_json_parse(SILT_STR("{\"ab\": x}"), arena, &json, &err), SILT_CORRUPT);
    assert_non_null(strstr(err.message, "byte 7 of 9"));
}

/* The text isn't terminated, and nothing behind it is looked at. */
static void the_size_ends_the_text(void **state)
{
    (void)state;
    char *text = silt_arena_alloc(arena, 3);
    memcpy(text, "123", 3);
    silt_error err = {0};
    const silt_json *json = NULL;
    assert_int_equal(silt_json_parse((silt_bytes){text, 3}, arena, &json, &err), SILT_OK);
    memset(text, 'x', 3); /* nor is it needed any more */
    assert_int_equal(silt_json_int(json, 0), 123);
    assert_int_equal(silt_json_parse((silt_bytes){"[1]x", 3}, arena, &json, &err), SILT_OK);
}

static char *nested(size_t depth, const char *open, const char *close)
{
    SILT_CLEAN(silt_buf) buf = {0};
    for (size_t i = 0; i < depth; i++)
        silt_buf_puts(&buf, open);
    silt_buf_puts(&buf, "1");
    for (size_t i = 0; i < depth && *close; i++)
        silt_buf_puts(&buf, close);
    return silt_buf_copy(&buf, arena);
}

static void depth_is_limited(void **state)
{
    (void)state;
    const char *const forms[][2] = {{"[", "]"}, {"{\"a\":", "}"}, {"[0,", "]"}, {"[", ""}};
    for (size_t i = 0; i < SILT_COUNT(forms); i++) {
        const bool valid = *forms[i][1];
        const char *text = nested(1000, forms[i][0], forms[i][1]);
        if (valid) assert_string_equal(silt_json_text(parse(text), arena), text);
        const size_t depths[] = {1001, 200000};
        for (size_t k = 0; k < SILT_COUNT(depths); k++) {
            silt_error err = {0};
            const silt_json *json;
            text = nested(depths[k], forms[i][0], forms[i][1]);
            assert_int_equal(silt_json_parse(silt_bytes_of(text), arena, &json, &err),
                             SILT_CORRUPT);
            if (valid) assert_string_equal(err.message, "JSON: nested deeper than 1000");
        }
    }
    /* beside each other is not within each other */
    SILT_CLEAN(silt_buf) wide = {0};
    silt_buf_puts(&wide, "[");
    for (int i = 0; i < 5000; i++)
        silt_buf_puts(&wide, "[[{\"a\":[]}]],");
    silt_buf_puts(&wide, "1]");
    assert_int_equal(silt_json_count(parse(wide.data)), 5001);
}

/* ---- getters */

static void getters_give_the_value(void **state)
{
    (void)state;
    const silt_json *json = parse("{\"s\":\"x\\u0000y\",\"i\":-5,\"d\":2.5,\"t\":true,\"n\":null,"
                                  "\"a\":[1,2,3],\"o\":{\"k\":1},\"i\":6}");
    assert_int_equal(silt_json_kind_of(json), SILT_JSON_OBJECT);
    assert_int_equal(silt_json_count(json), 8);
    const silt_json *s = silt_json_get(json, "s");
    assert_int_equal(silt_json_string_size(s), 3);
    assert_memory_equal(silt_json_string(s), "x\0y", 4);
    assert_int_equal(silt_json_int(silt_json_get(json, "i"), 0), -5);
    assert_true(silt_json_double(silt_json_get(json, "d"), 0) == 2.5);
    assert_true(silt_json_double(silt_json_get(json, "i"), 0) == -5);
    assert_string_equal(silt_json_number(silt_json_get(json, "d")), "2.5");
    assert_true(silt_json_bool(silt_json_get(json, "t"), false));
    assert_int_equal(silt_json_kind_of(silt_json_get(json, "n")), SILT_JSON_NULL);
    assert_null(silt_json_get_some(json, "n"));
    assert_null(silt_json_get_some(json, "gone"));
    assert_null(silt_json_get(json, "gone"));
    assert_non_null(silt_json_get_some(json, "o"));
    assert_int_equal(silt_json_count(silt_json_get(json, "a")), 3);
}

static void getters_take_anything(void **state)
{
    (void)state;
    const silt_json *values[] = {NULL,           parse("null"), parse("true"), parse("\"5\""),
                                 parse("[1,2]"), parse("{}"),   parse("5")};
    for (size_t i = 0; i < SILT_COUNT(values); i++) {
        const silt_json *v = values[i];
        silt_json_kind kind = silt_json_kind_of(v);
        if (kind != SILT_JSON_STRING) assert_null(silt_json_string(v));
        if (kind != SILT_JSON_STRING) assert_int_equal(silt_json_string_size(v), 0);
        if (kind != SILT_JSON_NUMBER) assert_null(silt_json_number(v));
        if (kind != SILT_JSON_NUMBER) assert_int_equal(silt_json_int(v, 77), 77);
        if (kind != SILT_JSON_NUMBER) assert_true(silt_json_double(v, 7.5) == 7.5);
        if (kind != SILT_JSON_NUMBER) assert_false(silt_json_is_int(v));
        if (kind != SILT_JSON_BOOL) assert_true(silt_json_bool(v, true));
        if (kind != SILT_JSON_ARRAY) assert_int_equal(silt_json_count(v), 0);
        assert_null(silt_json_get(v, "a"));
        silt_json_iter it = silt_json_iter_of(v);
        assert_int_equal(silt_json_next(&it), kind == SILT_JSON_ARRAY);
    }
    assert_string_equal(silt_json_text(NULL, arena), "null");
}

static void whole_numbers_are_told_from_others(void **state)
{
    (void)state;
    const struct {
        const char *text;
        bool whole;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"18446744073709551615", false, 0},
        {"123456789012345678901234567890", false, 0},
        {"1.0", true, 1},
        {"-2.50e1", true, -25},
        {"1e3", true, 1000},
        {"9007199254740992.0", true, INT64_C(9007199254740992)},
        {"9007199254740994.0", false, 0},
        {"1.5", false, 0},
        {"1e-1", false, 0},
        {"1e300", false, 0},
        {"1e999", false, 0},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const silt_json *json = parse(cases[i].text);
        if (silt_json_is_int(json) != cases[i].whole) fail_msg("%s", cases[i].text);
        assert_true(silt_json_int(json, 99) == (cases[i].whole ? cases[i].value : 99));
    }
    assert_true(silt_json_double(parse("1e999"), -1) == -1);
    assert_true(silt_json_double(parse("18446744073709551615"), 0) == 18446744073709551615.0);
}

static void iteration_visits_each_in_order(void **state)
{
    (void)state;
    const silt_json *json = parse("{\"a\":[1,[2],{\"x\":[]}],\"b\\u0000\":{},\"c\":\"z\"}");
    const char *const keys[] = {"a", "b", "c"};
    size_t n = 0;
    for (silt_json_iter it = silt_json_iter_of(json); silt_json_next(&it); n++) {
        assert_string_equal(it.key, keys[n]);
        assert_int_equal(it.key_size, n == 1 ? 2 : 1);
        assert_non_null(it.value);
    }
    assert_int_equal(n, 3);
    n = 0;
    const char *const items[] = {"1", "[2]", "{\"x\":[]}"};
    for (silt_json_iter it = silt_json_iter_of(silt_json_get(json, "a")); silt_json_next(&it);
         n++) {
        assert_null(it.key);
        assert_string_equal(silt_json_text(it.value, arena), items[n]);
    }
    assert_int_equal(n, 3);
}

/* ---- writing */

static void commas_put_themselves(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "s", "x");
    silt_json_member_string(&w, "no", NULL);
    silt_json_member_int(&w, "i", 5);
    silt_json_member_bool(&w, "b", false);
    silt_json_member_raw(&w, "r", "{\"q\":[1]}");
    silt_json_key(&w, "a");
    silt_json_begin_array(&w);
    silt_json_begin_array(&w);
    silt_json_end_array(&w);
    silt_json_put_null(&w);
    silt_json_begin_object(&w);
    silt_json_end_object(&w);
    silt_json_put_value(&w, parse("[1.50,{\"k\":2}]"));
    silt_json_put_value(&w, NULL);
    silt_json_end_array(&w);
    silt_json_key_bytes(&w, SILT_STR("z\0"));
    silt_json_put_bool(&w, true);
    silt_json_end_object(&w);
    assert_string_equal(buf.data, "{\"s\":\"x\",\"no\":null,\"i\":5,\"b\":false,\"r\":{\"q\":[1]},"
                                  "\"a\":[[],null,{},[1.50,{\"k\":2}],null],\"z\\u0000\":true}");
    parse(buf.data);
}

static const char *written(void (*put)(silt_json_writer *w, const void *value), const void *value)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    put(&w, value);
    return silt_buf_copy(&buf, arena);
}

static void put_int(silt_json_writer *w, const void *value)
{
    silt_json_put_int(w, *(const int64_t *)value);
}

static void put_double(silt_json_writer *w, const void *value)
{
    silt_json_put_double(w, *(const double *)value);
}

static void put_bytes(silt_json_writer *w, const void *value)
{
    silt_json_put_bytes(w, *(const silt_bytes *)value);
}

static void numbers_are_written_short_and_exact(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } doubles[] = {
        {0.1, "0.1"},        {1, "1.0"},
        {-0.0, "-0.0"},      {1e300, "1e300"},
        {NAN, "null"},       {INFINITY, "null"},
        {-INFINITY, "null"}, {1.0 / 3, "0.3333333333333333"},
        {5e-324, "5e-324"},
    };
    for (size_t i = 0; i < SILT_COUNT(doubles); i++)
        assert_string_equal(written(put_double, &doubles[i].value), doubles[i].text);
    const int64_t ints[] = {0, 7, -7, 10, 1234567890, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < SILT_COUNT(ints); i++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "%" PRId64, ints[i]);
        assert_string_equal(written(put_int, &ints[i]), expected);
    }
}

static void any_double_comes_back(void **state)
{
    (void)state;
    test_random random = test_random_new();
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = test_random_next(&random);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) continue;
        double back = silt_json_double(parse(written(put_double, &value)), NAN);
        if (memcmp(&back, &value, sizeof(value)) != 0) fail_msg("%.17g", value);
        if (i % 1000 == 0) silt_arena_reset(arena);
    }
}

static void every_character_is_escaped_so_that_it_comes_back(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const char text[] = {'a', (char)c, 'b'};
        const char *json = written(put_bytes, &(silt_bytes){text, 3});
        const silt_json *back = parse(json);
        if (c < 0x80)
            assert_memory_equal(silt_json_string(back), text, 3);
        else
            assert_string_equal(silt_json_string(back), "a\xef\xbf\xbd"
                                                        "b");
        for (const char *p = json; *p; p++)
            assert_true((unsigned char)*p >= 0x20);
    }
    assert_string_equal(written(put_bytes, &SILT_STR("\x01\x1f\x7f\"\\/\n")),
                        "\"\\u0001\\u001f\x7f\\\"\\\\/\\n\"");
    assert_string_equal(written(put_bytes, &SILT_STR("x\xe2\x82")),
                        "\"x\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_string_equal(written(put_bytes, &(silt_bytes){NULL, 0}), "\"\"");
}

/* ---- properties */

static void put_random_text(test_random *random, silt_buf *out)
{
    static const char *const pieces[] = {
        "a",   "Z",    "0", " ",        "\"",           "\\",
        "\n",  "\x01", "/", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "\x7f"};
    for (size_t i = test_random_below(random, 12); i > 0; i--)
        silt_buf_puts(out, pieces[test_random_below(random, SILT_COUNT(pieces))]);
}

static void put_random(test_random *random, silt_json_writer *w, int depth)
{
    SILT_CLEAN(silt_buf) text = {0};
    put_random_text(random, &text);
    switch (test_random_below(random, depth > 6 ? 5 : 8)) {
    case 0:
        silt_json_put_null(w);
        break;
    case 1:
        silt_json_put_bool(w, test_random_below(random, 2));
        break;
    case 2:
        silt_json_put_int(w, (int64_t)test_random_next(random));
        break;
    case 3:
        silt_json_put_double(w, (double)(int64_t)test_random_next(random) / 1024);
        break;
    case 4:
        silt_json_put_bytes(w, silt_buf_bytes(&text));
        break;
    case 5:
        silt_json_begin_array(w);
        for (size_t i = test_random_below(random, 6); i > 0; i--)
            put_random(random, w, depth + 1);
        silt_json_end_array(w);
        break;
    default:
        silt_json_begin_object(w);
        for (size_t i = test_random_below(random, 6); i > 0; i--) {
            silt_buf_clear(&text);
            put_random_text(random, &text);
            silt_json_key_bytes(w, silt_buf_bytes(&text));
            put_random(random, w, depth + 1);
        }
        silt_json_end_object(w);
    }
}

/* What is written can be read, and reads as what was written; with a few bytes changed it is
 * refused, or is another document, but never harm. */
static void any_document_comes_back(void **state)
{
    (void)state;
    test_random random = test_random_new();
    for (int i = 0; i < 3000; i++) {
        silt_arena_reset(arena);
        SILT_CLEAN(silt_buf) buf = {0};
        silt_json_writer w = silt_json_writer_of(&buf);
        put_random(&random, &w, 0);
        assert_string_equal(silt_json_text(parse(buf.data), arena), buf.data);

        for (size_t n = 1 + test_random_below(&random, 3); n > 0; n--)
            buf.data[test_random_below(&random, buf.size)] = (char)test_random_next(&random);
        const silt_json *json = NULL;
        size_t size = 1 + test_random_below(&random, buf.size);
        if (silt_json_parse((silt_bytes){buf.data, size}, arena, &json, NULL) != SILT_OK) continue;
        const char *text = silt_json_text(json, arena);
        assert_string_equal(silt_json_text(parse(text), arena), text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_survives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_json_is_corrupt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_error_has_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_size_ends_the_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(depth_is_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(getters_give_the_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(getters_take_anything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_numbers_are_told_from_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(iteration_visits_each_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(commas_put_themselves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_written_short_and_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_double_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_character_is_escaped_so_that_it_comes_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(any_document_comes_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
