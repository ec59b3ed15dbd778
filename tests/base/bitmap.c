/* Sets of numbers: against a plain array of bits, and what isn't a bitmap is refused. */
#include "base/bitmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "support/random.h"

#define HIGH (UINT64_C(1) << 32)

static silt_error err;

static silt_bitmap *bitmap_of(const uint64_t *numbers, size_t count)
{
    silt_bitmap *set = silt_bitmap_new();
    assert_non_null(set);
    assert_true(silt_bitmap_add(set, numbers, count));
    return set;
}

/* Written and read again. */
static silt_bitmap *reread(const silt_bitmap *set)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_bitmap *again = NULL;
    silt_bitmap_write(set, &buf);
    assert_false(buf.failed);
    if (silt_bitmap_parse(silt_buf_bytes(&buf), &again, &err) != SILT_OK)
        fail_msg("%s", err.message);
    return again;
}

static void empty_set(void **state)
{
    (void)state;
    SILT_AUTO(silt_bitmap) set = silt_bitmap_new();
    SILT_AUTO(silt_bitmap) again = reread(set);
    uint64_t words[2] = {1, 1};
    assert_int_equal(silt_bitmap_count(again), 0);
    assert_int_equal(silt_bitmap_max(again), 0);
    assert_false(silt_bitmap_has(again, 0));
    assert_int_equal(silt_bitmap_range(again, 5, 65, words), 0);
    assert_true(words[0] == 0 && words[1] == 0);
    assert_int_equal(silt_bitmap_range(again, 0, 0, NULL), 0);
}

static void numbers_of_many_magnitudes(void **state)
{
    (void)state;
    const uint64_t numbers[] = {UINT64_MAX, 5,        HIGH + 5, HIGH - 1,  0,        HIGH,
                                5,          HIGH * 7, 70000,    HIGH * 77, INT64_MAX};
    SILT_AUTO(silt_bitmap) set = bitmap_of(numbers, SILT_COUNT(numbers));
    SILT_AUTO(silt_bitmap) again = reread(set);
    assert_int_equal(silt_bitmap_count(again), SILT_COUNT(numbers) - 1);
    assert_true(silt_bitmap_max(again) == UINT64_MAX);
    for (size_t i = 0; i < SILT_COUNT(numbers); i++)
        assert_true(silt_bitmap_has(again, numbers[i]));
    assert_false(silt_bitmap_has(again, 6));
    assert_false(silt_bitmap_has(again, HIGH * 2 + 5));

    uint64_t words[1];
    assert_int_equal(silt_bitmap_range(again, HIGH - 1, 10, words), 3);
    assert_true(words[0] == (1 | 1 << 1 | 1 << 6));
    assert_int_equal(silt_bitmap_range(again, UINT64_MAX - 3, 60, words), 1);
    assert_true(words[0] == 1 << 3);
}

#define SPAN 300000

/* Ranges, differences and unions of random sets, dense and thin, across the border of 2^32. */
static void sets_agree_with_plain_bits(void **state)
{
    (void)state;
    test_random random = test_random_new();
    uint64_t base = HIGH - SPAN / 2;
    unsigned char *bits[2] = {calloc(SPAN, 1), calloc(SPAN, 1)};
    uint64_t *numbers = malloc(SPAN * sizeof(*numbers));
    silt_bitmap *sets[2];
    for (int k = 0; k < 2; k++) {
        size_t count = 0;
        for (size_t i = 0; i < SPAN; i++) {
            uint64_t of = i < SPAN / 3 ? 2 : i < SPAN / 2 ? 4000 : 30;
            if (test_random_next(&random) % of) continue;
            bits[k][i] = 1;
            numbers[count++] = base + i;
        }
        sets[k] = bitmap_of(numbers, count);
        assert_int_equal(silt_bitmap_count(sets[k]), count);
    }
    SILT_AUTO(silt_bitmap) minus = silt_bitmap_minus(sets[0], sets[1]);
    SILT_AUTO(silt_bitmap) either = silt_bitmap_or(sets[0], sets[1]);
    SILT_AUTO(silt_bitmap) copy = silt_bitmap_minus(sets[0], NULL);
    SILT_AUTO(silt_bitmap) below = silt_bitmap_below(sets[0], base + SPAN / 2);
    assert_true(minus && either && copy && below);
    static uint64_t words[5][SPAN / 64 + 1];
    for (int round = 0; round < 50; round++) {
        size_t from = test_random_next(&random) % SPAN;
        size_t count = test_random_next(&random) % (SPAN - from) + 1;
        const silt_bitmap *asked[] = {sets[0], minus, either, copy, below};
        for (int k = 0; k < 5; k++)
            silt_bitmap_range(asked[k], base + from, count, words[k]);
        for (size_t i = 0; i < count; i++) {
            int a = bits[0][from + i], b = bits[1][from + i];
            const int expected[] = {a, a && !b, a || b, a, a && from + i < SPAN / 2};
            for (int k = 0; k < 5; k++)
                assert_int_equal(words[k][i / 64] >> (i % 64) & 1, expected[k]);
        }
    }
    for (int k = 0; k < 2; k++) {
        silt_bitmap_free(sets[k]);
        free(bits[k]);
    }
    free(numbers);
}

/* Containers that are runs, too: of RoaringFormatSpec, the numbers 10…14 and 65536 + 3. */
static void runs_are_read(void **state)
{
    (void)state;
    const unsigned char bytes[] = {1,    0,    0,  0, 0, 0, 0, 0, 0, 0, 0, 0, /* one part: 0 */
                                   0x3b, 0x30, 1,  0, 1,                      /* two, first: runs */
                                   0,    0,    4,  0, 1, 0, 0, 0,             /* keys, counts */
                                   1,    0,    10, 0, 4, 0,                   /* one run */
                                   3,    0};
    SILT_AUTO(silt_bitmap) set = NULL;
    silt_status st =
        silt_bitmap_parse((silt_bytes){(const char *)bytes, sizeof(bytes)}, &set, &err);
    if (st != SILT_OK) fail_msg("%s", err.message);
    assert_int_equal(silt_bitmap_count(set), 6);
    assert_int_equal(silt_bitmap_max(set), 65539);
    assert_true(silt_bitmap_has(set, 10) && silt_bitmap_has(set, 14) && !silt_bitmap_has(set, 15));
}

/* Each cut is refused; each changed byte is refused or gives a set that can be asked. */
static void hostile_bytes_are_refused(void **state)
{
    (void)state;
    uint64_t numbers[5000];
    for (size_t i = 0; i < SILT_COUNT(numbers); i++)
        numbers[i] = i < 4500 ? i * 2 : HIGH * 3 + i * 1000;
    SILT_AUTO(silt_bitmap) set = bitmap_of(numbers, SILT_COUNT(numbers));
    SILT_CLEAN(silt_buf) buf = {0};
    silt_bitmap_write(set, &buf);
    silt_bitmap *out = NULL;
    for (size_t size = 0; size < buf.size; size += size < 100 ? 1 : 37)
        assert_int_equal(silt_bitmap_parse((silt_bytes){buf.data, size}, &out, &err), SILT_CORRUPT);
    silt_buf_putc(&buf, 0);
    assert_int_equal(silt_bitmap_parse(silt_buf_bytes(&buf), &out, &err), SILT_CORRUPT);
    assert_non_null(strstr(err.message, "left behind"));
    assert_null(out);

    test_random random = test_random_new();
    for (int round = 0; round < 3000; round++) {
        size_t at = test_random_next(&random) % (round % 2 ? 60 : buf.size - 1);
        char old = buf.data[at];
        buf.data[at] = (char)test_random_next(&random);
        SILT_AUTO(silt_bitmap) got = NULL;
        silt_status st = silt_bitmap_parse((silt_bytes){buf.data, buf.size - 1}, &got, &err);
        assert_true(st == SILT_OK || st == SILT_CORRUPT);
        if (got) assert_true(silt_bitmap_count(got) <= buf.size * 65536);
        buf.data[at] = old;
    }
}

static void order_of_the_parts_counts(void **state)
{
    (void)state;
    const uint64_t numbers[] = {1, HIGH + 1};
    SILT_AUTO(silt_bitmap) set = bitmap_of(numbers, 2);
    SILT_CLEAN(silt_buf) buf = {0};
    silt_bitmap_write(set, &buf);
    silt_bitmap *out = NULL;
    buf.data[8 + (buf.size - 8) / 2] = 0; /* the second part's upper half, now as the first's */
    assert_int_equal(silt_bitmap_parse(silt_buf_bytes(&buf), &out, &err), SILT_CORRUPT);
    assert_non_null(strstr(err.message, "order"));
    /* More parts than there is room for: no memory is taken for what isn't there. */
    memset(buf.data, 0xff, 8);
    assert_int_equal(silt_bitmap_parse(silt_buf_bytes(&buf), &out, &err), SILT_CORRUPT);
}

static void memory_that_is_out_is_told(void **state)
{
    (void)state;
    const uint64_t numbers[] = {1, HIGH + 1};
    SILT_AUTO(silt_bitmap) set = bitmap_of(numbers, 2);
    SILT_CLEAN(silt_buf) buf = {0};
    silt_bitmap_write(set, &buf);
    silt_bitmap *out = NULL;
    for (int nth = 1; nth < 3; nth++) {
        test_alloc_fail(nth, true);
        silt_status st = silt_bitmap_parse(silt_buf_bytes(&buf), &out, &err);
        bool minus = silt_bitmap_minus(set, NULL) != NULL;
        bool added = silt_bitmap_add(set, numbers, 2);
        assert_true(test_alloc_failed());
        assert_int_equal(st, SILT_NOMEM);
        assert_false(minus || added);
    }
    test_alloc_fail(1, false);
    assert_null(silt_bitmap_new());
    assert_true(test_alloc_failed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_set),
        cmocka_unit_test(numbers_of_many_magnitudes),
        cmocka_unit_test(sets_agree_with_plain_bits),
        cmocka_unit_test(runs_are_read),
        cmocka_unit_test(hostile_bytes_are_refused),
        cmocka_unit_test(order_of_the_parts_counts),
        cmocka_unit_test(memory_that_is_out_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
