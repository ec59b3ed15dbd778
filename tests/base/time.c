/* Instants as text, and the seams of time and randomness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/seam.h"
#include "support/random.h"

#define US_FIRST INT64_C(-62135596800000000) /* 0001-01-01 */
#define US_LAST  INT64_C(253402300799999999) /* 9999-12-31 */

static const struct {
    int64_t us;
    const char *text;
} known[] = {
    {0, "1970-01-01T00:00:00.000000Z"},
    {-1, "1969-12-31T23:59:59.999999Z"},
    {INT64_C(1705312800123000), "2024-01-15T10:00:00.123000Z"},
    {INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
    {INT64_C(-2203891200000000), "1900-03-01T00:00:00.000000Z"},
    {INT64_C(1709251199999999), "2024-02-29T23:59:59.999999Z"},
    {INT64_C(-12219292800000000), "1582-10-15T00:00:00.000000Z"},
    {US_FIRST, "0001-01-01T00:00:00.000000Z"},
    {US_LAST, "9999-12-31T23:59:59.999999Z"},
};

static void known_instants_go_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(known); i++) {
        char text[SILT_TIME_SIZE];
        silt_time_format_us(known[i].us, text);
        assert_string_equal(text, known[i].text);
        int64_t us = 7;
        assert_true(silt_time_parse(known[i].text, &us));
        assert_true(us == known[i].us);
    }
}

static void milliseconds_are_rounded_down(void **state)
{
    (void)state;
    char text[SILT_TIME_SIZE];
    silt_time_format(INT64_C(1705312800123999), text);
    assert_string_equal(text, "2024-01-15T10:00:00.123Z");
    silt_time_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    silt_time_format(-1000, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    silt_time_format(-1001, text);
    assert_string_equal(text, "1969-12-31T23:59:59.998Z");
}

static void what_lies_outside_is_printed_as_the_end(void **state)
{
    (void)state;
    char text[SILT_TIME_SIZE];
    silt_time_format_us(INT64_MIN, text);
    assert_string_equal(text, "0001-01-01T00:00:00.000000Z");
    silt_time_format_us(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
    char date[SILT_DATE_SIZE];
    silt_date_format(INT64_MIN, date);
    assert_string_equal(date, "0001-01-01");
    silt_date_format(INT64_MAX, date);
    assert_string_equal(date, "9999-12-31");
}

static void many_ways_to_write_an_instant(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01 00:00:01Z", 1000000},
        {"1970-01-01T00:00:00.5Z", 500000},
        {"1970-01-01T00:00:00.123456789Z", 123456},
        {"1969-12-31T23:59:59.999999999Z", -1},
        {"1970-01-01T00:00:00.000000999Z", 0},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1970-01-01T02:00:00+02", 0},
        {"1969-12-31T18:30:00-05:30", 0},
        {"1970-01-01 00:00:00.1-00", 100000},
        {"1970-01-01T00:00:00+00:00", 0},
        {"0001-01-01T05:00:00+05:00", US_FIRST},
        {"9999-12-31T18:59:59.999999-05:00", US_LAST},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        int64_t us = 7;
        if (!silt_time_parse(cases[i].text, &us)) fail_msg("refused: %s", cases[i].text);
        assert_true(us == cases[i].us);
    }
}

static void what_is_no_instant_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        "2024",
        "2024-01-15",
        "2024-01-15T",
        "2024-01-15T10:00:00",
        "2024-01-15T10:00Z",
        "2024-1-15T10:00:00Z",
        "2024-01-15t10:00:00Z",
        "2024-01-15T10:00:00z",
        "2024-01-15  10:00:00Z",
        " 2024-01-15T10:00:00Z",
        "2024-01-15T10:00:00Z ",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-01-32T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "2024-01-15T24:00:00Z",
        "2024-01-15T10:60:00Z",
        "2024-01-15T10:00:60Z",
        "2024-01-15T10:00:00.Z",
        "2024-01-15T10:00:00.1234567890Z",
        "2024-01-15T10:00:00,5Z",
        "2024-01-15T10:00:00+",
        "2024-01-15T10:00:00+2",
        "2024-01-15T10:00:00+24",
        "2024-01-15T10:00:00+02:",
        "2024-01-15T10:00:00+02:60",
        "2024-01-15T10:00:00+0200",
        "2024-01-15T10:00:00Z+02",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2024-01-15T1\xff:00:00Z",
        NULL,
    };
    for (size_t i = 0; i < SILT_COUNT(bad); i++) {
        int64_t us = 7;
        if (silt_time_parse(bad[i], &us)) fail_msg("taken: %s", bad[i]);
        assert_true(us == 7);
    }
}

static void any_instant_comes_back(void **state)
{
    (void)state;
    test_random random = test_random_new();
    const uint64_t span = (uint64_t)(US_LAST - US_FIRST) + 1;
    for (int i = 0; i < 100000; i++) {
        int64_t us = US_FIRST + (int64_t)(test_random_next(&random) % span), back = 0;
        char text[SILT_TIME_SIZE];
        silt_time_format_us(us, text);
        if (!silt_time_parse(text, &back) || back != us) fail_msg("%s", text);
    }
}

/* Counts by the rules of the calendar, day for day. */
static void days_follow_each_other(void **state)
{
    (void)state;
    int64_t days = 0;
    assert_true(silt_date_parse("1599-12-31", &days));
    for (int year = 1600; year <= 2400; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        const int lengths[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= lengths[month - 1]; day++) {
                char text[32], expected[32];
                silt_date_format(++days, text);
                snprintf(expected, sizeof(expected), "%04d-%02d-%02d", year, month, day);
                assert_string_equal(text, expected);
                int64_t back = 0;
                assert_true(silt_date_parse(text, &back) && back == days);
            }
        }
    }
    assert_false(silt_date_parse("2024-01-15T", &days));
    assert_false(silt_date_parse(NULL, &days));
}

/* ---- seams */

static int64_t fixed_now(void *ctx)
{
    return *(int64_t *)ctx;
}

static void skip_ahead(void *ctx, int64_t ms)
{
    *(int64_t *)ctx += ms * 1000;
}

static void a_clock_can_be_another(void **state)
{
    (void)state;
    int64_t now = 5000000;
    const silt_clock clock = {fixed_now, skip_ahead, &now};
    assert_int_equal(silt_now_us(&clock), 5000000);
    silt_sleep_ms(&clock, 20);
    assert_int_equal(silt_now_ms(&clock), 5020);
}

static void the_system_clock_goes_on(void **state)
{
    (void)state;
    int64_t start = silt_now_us(NULL);
    int64_t y2024 = 0;
    assert_true(silt_time_parse("2024-01-01T00:00:00Z", &y2024));
    assert_true(start > y2024);
    silt_sleep_ms(NULL, 5);
    silt_sleep_ms(&silt_clock_system, 0);
    silt_sleep_ms(NULL, -5);
    assert_true(silt_now_us(NULL) - start >= 4000);
}

static void count_up(void *ctx, void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)(*(unsigned char *)ctx)++;
}

static void a_uuid_is_of_version_4(void **state)
{
    (void)state;
    unsigned char next = 0xF0;
    const silt_random counting = {count_up, &next};
    char uuid[SILT_UUID_SIZE], other[SILT_UUID_SIZE];
    silt_uuid(&counting, uuid);
    assert_string_equal(uuid, "f0f1f2f3-f4f5-46f7-b8f9-fafbfcfdfeff");
    silt_uuid(NULL, uuid);
    silt_uuid(&silt_random_system, other);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '4');
    assert_string_not_equal(uuid, other);
}

static void random_fills_all_and_no_more(void **state)
{
    (void)state;
    unsigned char seen[100] = {0};
    for (int round = 0; round < 64; round++) {
        unsigned char bytes[102] = {0};
        silt_random_fill(NULL, bytes + 1, 100);
        assert_int_equal(bytes[0] | bytes[101], 0);
        for (size_t i = 0; i < 100; i++)
            seen[i] |= bytes[i + 1];
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_not_equal(seen[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_instants_go_both_ways),
        cmocka_unit_test(milliseconds_are_rounded_down),
        cmocka_unit_test(what_lies_outside_is_printed_as_the_end),
        cmocka_unit_test(many_ways_to_write_an_instant),
        cmocka_unit_test(what_is_no_instant_is_refused),
        cmocka_unit_test(any_instant_comes_back),
        cmocka_unit_test(days_follow_each_other),
        cmocka_unit_test(a_clock_can_be_another),
        cmocka_unit_test(the_system_clock_goes_on),
        cmocka_unit_test(a_uuid_is_of_version_4),
        cmocka_unit_test(random_fills_all_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
