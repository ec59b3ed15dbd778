/* Names of members in NDJSON: none is missed, whatever lies between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "engine/ndjson_members.h"
#include "support/files.h"
#include "support/random.h"

static char *dir;
static silt_arena *arena;

static int set_up(void **state)
{
    (void)state;
    dir = test_dir_new();
    arena = silt_arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_dir_free(dir);
    silt_arena_free(arena);
    return 0;
}

static const silt_type *type_of(const char *json)
{
    const silt_type *type;
    silt_error err = {0};
    if (silt_schema_parse(json, strlen(json), arena, &type, &err) != SILT_OK)
        fail_msg("%s", err.message);
    return type;
}

static silt_ndjson_members *scan(const silt_type *known, const char *text, size_t size)
{
    silt_error err = {0};
    silt_source_options options = {0};
    char *path = test_path(dir, "x.ndjson");
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    silt_ndjson_members *m = silt_ndjson_members_new(known);
    assert_non_null(m);
    if (silt_ndjson_members_scan(m, &options, path, &err) != SILT_OK) fail_msg("%s", err.message);
    free(path);
    return m;
}

static const char *joined(const char *const *names, size_t count)
{
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "");
    for (size_t i = 0; i < count; i++)
        silt_buf_printf(&text, "%s%s", i ? "|" : "", names[i]);
    return silt_arena_strdup(arena, text.data);
}

static void expect(const silt_type *known, const char *text, const char *top, const char *beyond)
{
    const char *const *names;
    size_t count;
    SILT_AUTO(silt_ndjson_members) m = scan(known, text, strlen(text));
    assert_int_equal(silt_ndjson_members_top(m, arena, &names, &count, NULL), SILT_OK);
    assert_string_equal(joined(names, count), top);
    assert_int_equal(silt_ndjson_members_beyond(m, arena, &names, &count, NULL), SILT_OK);
    assert_string_equal(joined(names, count), beyond);
}

static void names_of_all_lines(void **state)
{
    (void)state;
    expect(NULL, "", "", "");
    expect(NULL, "{\"a\":1}\n{\"b\":2,\"a\":3}\n\n{\"c\":null}", "a|b|c", "");
    expect(NULL,
           "\xEF\xBB\xBF{\"a\":1}\r\n { \"b\" : \"x}\\\",\\\\\" , \"c\":[{\"d\":\"]\"}] }\r\n",
           "a|b|c", "");
    expect(NULL, "{\"a\\u0062\":1,\"q\\\"\":2}\n", "ab|q\"", "");
    expect(NULL, "{}\n[1,{\"x\":1}]\n7\n", "", "");
    /* What is broken is the reader's to tell; the lines after it count. */
    expect(NULL, "{\"a\":1,\"b\n{\"c\":\n{\"d\":tru,\"e\":1}x\n{\"f\":1}\n", "a|c|d|e|f", "");
}

static void members_beyond_types(void **state)
{
    (void)state;
    const silt_type *known = type_of(
        "{\"type\":\"struct\",\"fields\":["
        "{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"t\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"s\",\"type\":{\"type\":\"struct\",\"fields\":["
        "{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]},\"nullable\":true,"
        "\"metadata\":{}},"
        "{\"name\":\"l\",\"type\":{\"type\":\"array\",\"containsNull\":true,\"elementType\":"
        "{\"type\":\"array\",\"containsNull\":true,\"elementType\":{\"type\":\"struct\",\"fields\":"
        "["
        "{\"name\":\"x\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}}},\"nullable\":"
        "true,"
        "\"metadata\":{}},"
        "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"keyType\":\"string\",\"valueContainsNull\":"
        "true,"
        "\"valueType\":{\"type\":\"struct\",\"fields\":[{\"name\":\"v\",\"type\":\"long\","
        "\"nullable\":true,\"metadata\":{}}]}},\"nullable\":true,\"metadata\":{}}]}");
    expect(known, "{\"id\":1,\"s\":{\"a\":1},\"l\":[[{\"x\":1}],[]],\"m\":{\"any\":{\"v\":2}}}\n",
           "id|s|l|m", "");
    expect(known, "{\"t\":{\"free\":1},\"new\":{\"y\":1},\"s\":{\"a\":{\"z\":1},\"b\":2}}\n",
           "t|new|s", "s.b");
    expect(known, "{\"l\":[[{\"x\":1},{\"y\":[2]}]],\"m\":{\"k\":{\"w\":1}}}\n{\"s\":null}\n",
           "l|m|s", "l.y|m.w");
    /* Values of other shapes than their types are the reader's to refuse. */
    expect(known, "{\"s\":[1],\"l\":[[[[[[{\"q\":1}]]]]]],\"m\":[{\"p\":1}]}\n", "s|l|m", "");
}

/* ---- against a parser */

static test_random rng;

static unsigned pick(unsigned below)
{
    return (unsigned)test_random_below(&rng, below);
}

static void put_value(silt_buf *text, int depth)
{
    static const char *const scalars[] = {"1",
                                          "-2.5e3",
                                          "true",
                                          "null",
                                          "\"\"",
                                          "\"x\"",
                                          "\"}{\"",
                                          "\"a\\\"b,\\\\\"",
                                          "\"\\u00e9 und länger als acht Zeichen\""};
    unsigned kind = pick(depth > 0 ? 6 : 4);
    if (kind < 4) {
        silt_buf_puts(text, scalars[pick(SILT_COUNT(scalars))]);
        return;
    }
    unsigned count = pick(4);
    silt_buf_putc(text, kind == 4 ? '[' : '{');
    for (unsigned i = 0; i < count; i++) {
        if (i) silt_buf_puts(text, pick(2) ? "," : " , ");
        if (kind == 5) silt_buf_printf(text, "\"n%u\":", i);
        put_value(text, depth - 1);
    }
    silt_buf_putc(text, kind == 4 ? ']' : '}');
}

static void random_lines(void **state)
{
    (void)state;
    rng = test_random_new();
    SILT_CLEAN(silt_buf) text = {0};
    SILT_CLEAN(silt_buf) expected = {0};
    bool seen[40] = {false};
    silt_buf_puts(&expected, "");
    for (int line = 0; line < 20000; line++) {
        SILT_CLEAN(silt_buf) one = {0};
        unsigned count = pick(8);
        silt_buf_puts(&one, pick(9) ? "{" : " {\t");
        for (unsigned i = 0; i < count; i++) {
            unsigned name = pick(50) ? i : pick(SILT_COUNT(seen));
            silt_buf_printf(&one, "%s\"name%u\"%s", i ? "," : "", name, pick(5) ? ":" : " : ");
            put_value(&one, 3);
        }
        silt_buf_puts(&one, "}");
        const silt_json *json;
        assert_int_equal(silt_json_parse(silt_buf_bytes(&one), arena, &json, NULL), SILT_OK);
        for (silt_json_iter it = silt_json_iter_of(json); silt_json_next(&it);) {
            unsigned name = (unsigned)strtoul(it.key + 4, NULL, 10);
            if (!seen[name]) silt_buf_printf(&expected, "%s%s", expected.size ? "|" : "", it.key);
            seen[name] = true;
        }
        silt_buf_printf(&text, "%s%s", one.data, pick(20) ? "\n" : "\r\n");
    }
    expect(NULL, text.data, expected.data, "");
}

static void too_many_names(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) text = {0};
    for (int i = 0; i <= SILT_NDJSON_MEMBERS_MAX; i++)
        silt_buf_printf(&text, "{\"k%d\":1}\n", i);
    silt_error err = {0};
    silt_source_options options = {0};
    char *path = test_path(dir, "x.ndjson");
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite(text.data, 1, text.size, f), text.size);
    assert_int_equal(fclose(f), 0);
    SILT_AUTO(silt_ndjson_members) m = silt_ndjson_members_new(NULL);
    assert_int_equal(silt_ndjson_members_scan(m, &options, path, &err), SILT_BAD_DATA);
    assert_non_null(strstr(err.message, "100000"));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_of_all_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(members_beyond_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_names, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
