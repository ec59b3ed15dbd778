/* Buffers, vectors, UTF-8, numbers as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base.h"
#include "support/alloc.h"

/* ---- buffers */

static void appended_bytes_follow_each_other(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) buf = {0};
    assert_string_equal(silt_buf_bytes(&buf).data, "");
    silt_buf_puts(&buf, "ab");
    silt_buf_putc(&buf, 'c');
    silt_buf_append(&buf, "d\0e", 3);
    silt_buf_printf(&buf, "%d%s", 12, "x");
    assert_int_equal(buf.size, 9);
    assert_memory_equal(buf.data, "abcd\0e12x", 10);
    assert_true(silt_bytes_equal(silt_buf_bytes(&buf), (silt_bytes){"abcd\0e12x", 9}));
}

static void an_empty_append_terminates(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_append(&buf, NULL, 0);
    assert_string_equal(buf.data, "");
    silt_buf_clear(&buf);
    silt_buf_puts(&buf, "");
    assert_int_equal(buf.size, 0);
}

/* Every size around the steps in which a buffer grows. */
static void growth_loses_nothing(void **state)
{
    (void)state;
    static char pad[300];
    memset(pad, 'p', sizeof(pad) - 1);
    for (size_t before = 0; before < 200; before++) {
        SILT_CLEAN(silt_buf) buf = {0};
        silt_buf_append(&buf, pad, before);
        silt_buf_printf(&buf, "%s|", pad);
        assert_int_equal(buf.size, before + sizeof(pad));
        assert_int_equal(buf.data[buf.size - 1], '|');
        assert_int_equal(strlen(buf.data), buf.size);
        for (size_t i = 0; i < 100; i++)
            silt_buf_putc(&buf, 'q');
        assert_int_equal(strlen(buf.data), before + sizeof(pad) + 100);
    }
}

static void clear_keeps_memory_and_forgets_failure(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_puts(&buf, "abc");
    const char *data = buf.data;
    silt_buf_append(&buf, "x", SIZE_MAX - 2);
    assert_true(buf.failed);
    silt_buf_clear(&buf);
    assert_false(buf.failed);
    assert_string_equal(buf.data, "");
    silt_buf_puts(&buf, "d");
    assert_ptr_equal(buf.data, data);
    silt_buf_release(&buf);
    assert_null(buf.data);
    silt_buf_release(&buf); /* twice is fine */
}

static void failure_sticks(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_puts(&buf, "abc");
    test_alloc_fail(1, false);
    silt_buf_printf(&buf, "%1000d", 1);
    assert_true(test_alloc_failed());
    assert_true(buf.failed);
    silt_buf_puts(&buf, "d");
    assert_string_equal(buf.data, "abc");
    assert_null(silt_buf_copy(&buf, arena));
}

static void copies_live_in_the_arena(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_buf) buf = {0};
    assert_string_equal(silt_buf_copy(&buf, arena), "");
    silt_buf_puts(&buf, "abc");
    const char *copy = silt_buf_copy(&buf, arena);
    silt_buf_puts(&buf, "d");
    assert_string_equal(copy, "abc");
}

/* ---- vectors */

static void vectors_grow_and_keep(void **state)
{
    (void)state;
    struct point {
        int x, y;
    };
    SILT_VEC(struct point) v = {0};
    for (int i = 0; i < 10000; i++)
        assert_true(silt_vec_push(&v, (struct point){i, -i}));
    assert_int_equal(v.count, 10000);
    for (int i = 0; i < 10000; i++)
        assert_true(v.items[i].x == i && v.items[i].y == -i);
    silt_vec_free(&v);
    assert_int_equal(v.count + v.capacity, 0);
    silt_vec_free(&v);
}

static void vectors_stay_whole_without_memory(void **state)
{
    (void)state;
    SILT_VEC(int) v = {0};
    for (int i = 0; i < 8; i++)
        assert_true(silt_vec_push(&v, i));
    test_alloc_fail(1, false);
    bool pushed = silt_vec_push(&v, 8);
    assert_true(test_alloc_failed());
    assert_false(pushed);
    assert_int_equal(v.count, 8);
    assert_int_equal(v.items[7], 7);
    assert_false(silt_vec_grow((void **)&v.items, &v.capacity, SIZE_MAX / 2, sizeof(int)));
    assert_true(silt_vec_push(&v, 8));
    silt_vec_free(&v);
}

/* ---- ownership */

static void taken_pointers_are_not_given_back(void **state)
{
    (void)state;
    silt_arena *kept = NULL;
    {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        kept = SILT_TAKE(arena);
        assert_null(arena);
    }
    assert_non_null(silt_arena_alloc(kept, 1));
    silt_arena_free(kept);
    SILT_FREE char *text = malloc(10);
    assert_non_null(text);
}

/* ---- text */

static void prefixes_and_suffixes(void **state)
{
    (void)state;
    assert_true(silt_starts_with("abc", "ab"));
    assert_true(silt_starts_with("abc", ""));
    assert_false(silt_starts_with("a", "ab"));
    assert_true(silt_ends_with("abc", "bc"));
    assert_true(silt_ends_with("abc", ""));
    assert_false(silt_ends_with("c", "bc"));
    assert_true(silt_streq(NULL, NULL));
    assert_false(silt_streq("a", NULL));
    assert_true(silt_bytes_equal(silt_bytes_of(NULL), (silt_bytes){"x", 0}));
    assert_false(silt_bytes_equal(SILT_STR("a"), SILT_STR("b")));
}

/* UTF-8 by its definition: what is valid is what this makes. */
static size_t encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)((0xF00 >> size & 0xFF) | c);
    return size;
}

static void every_character_is_utf8_and_no_surrogate_is(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x120000; c++) {
        char text[4];
        size_t size = encode(c, text);
        bool valid = c < 0xD800 || (c > 0xDFFF && c <= 0x10FFFF);
        if (silt_utf8_length(text, size) != (valid ? size : 0)) fail_msg("U+%04X", c);
        if (silt_utf8_length(text, size - 1) != 0) fail_msg("U+%04X cut short", c);
    }
}

static void broken_utf8_is_told(void **state)
{
    (void)state;
    const char *const broken[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc3(",
        "\xe2\x82(",
        "\xe2(\xa1",
        "\xf0\x90\x80(",
        "\xf0(\x80\x80",
        "ok\xe2\x82",
    };
    for (size_t i = 0; i < SILT_COUNT(broken); i++)
        if (silt_utf8_valid(silt_bytes_of(broken[i]))) fail_msg("%zu is taken as valid", i);
    assert_true(silt_utf8_valid(SILT_STR("a\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_true(silt_utf8_valid((silt_bytes){NULL, 0}));
}

static void whole_numbers_are_read(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"007", 7},
        {"-12", -12},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < SILT_COUNT(good); i++) {
        int64_t value = 99;
        assert_true(silt_parse_int64(good[i].text, &value));
        assert_int_equal(value, good[i].value);
    }
    const char *const bad[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x10",
        "--1",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999",
        "12a",
        NULL,
    };
    for (size_t i = 0; i < SILT_COUNT(bad); i++) {
        int64_t value = 99;
        assert_false(silt_parse_int64(bad[i], &value));
        assert_int_equal(value, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_bytes_follow_each_other),
        cmocka_unit_test(an_empty_append_terminates),
        cmocka_unit_test(growth_loses_nothing),
        cmocka_unit_test(clear_keeps_memory_and_forgets_failure),
        cmocka_unit_test(failure_sticks),
        cmocka_unit_test(copies_live_in_the_arena),
        cmocka_unit_test(vectors_grow_and_keep),
        cmocka_unit_test(vectors_stay_whole_without_memory),
        cmocka_unit_test(taken_pointers_are_not_given_back),
        cmocka_unit_test(prefixes_and_suffixes),
        cmocka_unit_test(every_character_is_utf8_and_no_surrogate_is),
        cmocka_unit_test(broken_utf8_is_told),
        cmocka_unit_test(whole_numbers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
