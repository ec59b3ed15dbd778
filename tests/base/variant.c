/* JSON as variants: the bytes that the Parquet format says, and Spark's choice of types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/variant.h"

static const char *hex(const silt_buf *buf, char out[256])
{
    out[0] = '\0';
    for (size_t i = 0; i < buf->size && i < 120; i++)
        (void)sprintf(out + 2 * i, "%02x", (unsigned char)buf->data[i]);
    return out;
}

static void assert_variant(const char *json, bool from_doubles, const char *metadata,
                           const char *value)
{
    char text[256];
    SILT_CLEAN(silt_buf) m = {0};
    SILT_CLEAN(silt_buf) v = {0};
    silt_error err = {0};
    if (silt_variant_of_json(silt_bytes_of(json), from_doubles, &m, &v, &err) != SILT_OK)
        fail_msg("%s: %s", json, err.message);
    if (strcmp(hex(&v, text), value) != 0) fail_msg("%s: value %s", json, text);
    if (strcmp(hex(&m, text), metadata) != 0) fail_msg("%s: metadata %s", json, text);
}

#define NO_KEYS "010000"

static void values_without_keys(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"null", "00"},
        {" true ", "04"},
        {"false", "08"},
        {"0", "0c00"},
        {"-128", "0c80"},
        {"128", "108000"},
        {"-32769", "14ff7fffff"},
        {"2147483648", "180000008000000000"},
        {"-9223372036854775808", "180000000000000080"},
        {"9223372036854775808", "280000000000000000800000000000000000"},
        {"1.50", "200296000000"},
        {"-0.01", "2002ffffffff"},
        {"0.0000000001", "240a0100000000000000"},
        {"99999999999999999999999999999999999999", "2800ffffffff3f228a097ac4865aa84c3b4b"},
        {"1e2", "1c0000000000005940"},
        {"0.000000000000000000000000000000000000001", "1c832d55b12fc7d537"},
        {"\"\"", "01"},
        {"\"\\u00e9\"", "09c3a9"},
        {"[]", "030000"},
        {"[1,[]]", "03020002050c01030000"},
        {"{}", "020000"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++)
        assert_variant(cases[i][0], false, NO_KEYS, cases[i][1]);
}

/* Ids by first appearance, members by their keys' order, bytes as they came. */
static void objects(void **state)
{
    (void)state;
    assert_variant("{\"b\":1,\"a\":{\"b\":true}}", false, "01020001026261",
                   "020201000200080c01020100000104");
    assert_variant("[{\"\":null},{\"\":2}]", false, "01010000",
                   "030200060d"
                   "020100000100"
                   "02010000020c02");
}

static void numbers_that_were_doubles(void **state)
{
    (void)state;
    assert_variant("0.30000000000000004", true, NO_KEYS, "1c343333333333d33f");
    assert_variant("0.30000000000000004", false, NO_KEYS, "24110400434fd7946a00");
    assert_variant("1.5", true, NO_KEYS, "20010f000000");
    assert_variant("100000000000000000000", true, NO_KEYS, "2800000010632d5ec76b0500000000000000");
}

/* Widths of counts, ids and offsets. */
static void large_ones(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) json = {0};
    SILT_CLEAN(silt_buf) m = {0};
    SILT_CLEAN(silt_buf) v = {0};
    silt_error err = {0};
    silt_buf_puts(&json, "{");
    for (int i = 0; i < 300; i++)
        silt_buf_printf(&json, "%s\"k%03d\":\"%0100d\"", i ? "," : "", 299 - i, i);
    silt_buf_puts(&json, "}");
    assert_int_equal(silt_variant_of_json(silt_buf_bytes(&json), false, &m, &v, &err), SILT_OK);
    assert_memory_equal(m.data, "\x41\x2c\x01\0\0\4\0", 7);
    assert_int_equal(m.size, 1 + 2 + 301 * 2 + 300 * 4);
    /* the first by name is the last that came */
    assert_memory_equal(v.data, "\x56\x2c\x01\0\0\x2b\x01\x2a\x01", 9);
    assert_int_equal(v.size, 1 + 4 + 300 * 2 + 301 * 2 + 300 * 105);
    static const char last[] = {(char)(299 * 105 & 0xff), (char)(299 * 105 >> 8)};
    assert_memory_equal(v.data + 5 + 600, last, 2);
}

static void assert_json(const char *metadata, size_t metadata_size, const char *value, size_t size,
                        const char *json)
{
    SILT_CLEAN(silt_buf) out = {0};
    silt_error err = {0};
    silt_status st = silt_variant_to_json((silt_bytes){metadata, metadata_size},
                                          (silt_bytes){value, size}, &out, &err);
    if (json && (st != SILT_OK || strcmp(silt_buf_bytes(&out).data, json) != 0))
        fail_msg("%s instead of %s", st == SILT_OK ? silt_buf_bytes(&out).data : err.message, json);
    if (!json && st != SILT_CORRUPT) fail_msg("taken as %s", silt_buf_bytes(&out).data);
}

static void json_comes_back(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "null",
        "true",
        "-128",
        "40000",
        "-9223372036854775808",
        "0.25",
        "-0.01",
        "1.50",
        "100.0",
        "99999999999999999999999999999999999999",
        "-1234567890.123456789",
        "1e300",
        "[]",
        "{}",
        "\"a\\\"\\n\"",
        "{\"a\":[1,{\"b\":null}],\"c\":\"0123456789012345678901234567890123456789"
        "012345678901234567890123456789\"}",
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        SILT_CLEAN(silt_buf) m = {0};
        SILT_CLEAN(silt_buf) v = {0};
        silt_error err = {0};
        assert_int_equal(silt_variant_of_json(silt_bytes_of(cases[i]), false, &m, &v, &err),
                         SILT_OK);
        assert_json(m.data, m.size, v.data, v.size, cases[i]);
        for (size_t cut = 0; cut < v.size; cut++) { /* no part of it is read beyond */
            SILT_CLEAN(silt_buf) out = {0};
            char *part = malloc(cut + 1);
            memcpy(part, v.data, cut);
            silt_status st =
                silt_variant_to_json(silt_buf_bytes(&m), (silt_bytes){part, cut}, &out, &err);
            free(part);
            assert_true(st == SILT_OK || st == SILT_CORRUPT);
        }
    }
}

static void kinds_that_json_lacks(void **state)
{
    (void)state;
#define JSON_OF(bytes, json) assert_json("\1\0\0", 3, bytes, sizeof(bytes) - 1, json)
    JSON_OF("\x2c\x58\x4d\0\0", "\"2024-03-18\"");
    JSON_OF("\x30\x40\x42\x0f\0\0\0\0\0", "\"1970-01-01 00:00:01+00:00\"");
    JSON_OF("\x34\x20\xa1\x07\0\0\0\0\0", "\"1970-01-01 00:00:00.5\"");
    JSON_OF("\x30\0\0\0\0\0\0\0\0", "\"1970-01-01 00:00:00+00:00\"");
    JSON_OF("\x44\x40\x42\x0f\0\0\0\0\0", "\"00:00:01\"");
    JSON_OF("\x48\xe8\x03\0\0\0\0\0\0", "\"1970-01-01 00:00:00.000001+00:00\"");
    JSON_OF("\x38\xcd\xcc\xcc\x3d", "0.1");
    JSON_OF("\x38\0\0\x80\x7f", "\"Infinity\"");
    JSON_OF("\x3c\4\0\0\0\1\2\3\4", "\"AQIDBA==\"");
    JSON_OF("\x50\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
            "\"00010203-0405-0607-0809-0a0b0c0d0e0f\"");
    JSON_OF("\x54", NULL);
    JSON_OF("", NULL);
    JSON_OF("\2\1\0\0\1\0", NULL); /* a key that isn't there */
    JSON_OF("\3\1\5\1\0", NULL);   /* an item behind the end */
    JSON_OF("\3\2\0\0\1\3\2\0\0\1\3\2\0\0\1\3\2\0\0\1\3\2\0\0\1\0", NULL); /* items in one place */
    JSON_OF("\x20\x27\1\0\0\0", NULL); /* more digits than decimals have */
    assert_json("\2\0\0", 3, "\0", 1, NULL);
    assert_json("\1\xff\0", 3, "\0", 1, NULL);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "{",
        "nul",
        "1 2",
        "'a'",
        "NaN",
        "{\"a\":1,\"a\":1}",
        "[{\"x\":{\"y\":1,\"y\":2}}]",
        "1e400",
        "\"\xff\"",
        "01",
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        SILT_CLEAN(silt_buf) m = {0};
        SILT_CLEAN(silt_buf) v = {0};
        silt_error err = {0};
        if (silt_variant_of_json(silt_bytes_of(cases[i]), false, &m, &v, &err) != SILT_CORRUPT)
            fail_msg("%s is taken", cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_without_keys),       cmocka_unit_test(objects),
        cmocka_unit_test(numbers_that_were_doubles), cmocka_unit_test(large_ones),
        cmocka_unit_test(json_comes_back),           cmocka_unit_test(kinds_that_json_lacks),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
