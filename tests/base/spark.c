/* Texts as Spark's casts read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/spark.h"

#define NUL SILT_SPARK_NULL
#define BEY SILT_SPARK_BEYOND
#define VAL SILT_SPARK_VALUE

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        silt_spark_result result;
        int64_t value;
    } cases[] = {
        {"12", VAL, 12},
        {" -7\t", VAL, -7},
        {"+5", VAL, 5},
        {"1.9", VAL, 1},
        {".5", VAL, 0},
        {"5.", VAL, 5},
        {"-.5", VAL, 0},
        {"", NUL, 0},
        {"+", NUL, 0},
        {"1e2", NUL, 0},
        {"1.x", NUL, 0},
        {"1 2", NUL, 0},
        {"0x1F", NUL, 0},
        {"1_000", NUL, 0},
        {"9223372036854775807", VAL, INT64_MAX},
        {"9223372036854775808", NUL, 0},
        {"-9223372036854775808", VAL, INT64_MIN},
        {"-9223372036854775809", NUL, 0},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        int64_t value = 0;
        silt_spark_result result = silt_spark_long(silt_bytes_of(cases[i].text), &value);
        if (result != cases[i].result || (result == VAL && value != cases[i].value))
            fail_msg("'%s': %d, %" PRId64, cases[i].text, result, value);
    }
}

static void floating_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        silt_spark_result result;
        double value;
    } cases[] = {
        {"1.5", VAL, 1.5},
        {" 1e3 ", VAL, 1000},
        {"1.5d", VAL, 1.5},
        {".5F", VAL, 0.5},
        {"-inf", VAL, -__builtin_inf()},
        {"Infinity", VAL, __builtin_inf()},
        {"+INFINITY", VAL, __builtin_inf()},
        {"1.5x", NUL, 0},
        {"", NUL, 0},
        {"e5", NUL, 0},
        {"1e", NUL, 0},
        {"0x1p3", BEY, 0},
        {"1 5", NUL, 0},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        double value = 0;
        silt_spark_result result = silt_spark_double(silt_bytes_of(cases[i].text), &value);
        if (result != cases[i].result || (result == VAL && value != cases[i].value))
            fail_msg("'%s': %d, %g", cases[i].text, result, value);
    }
    double nan = 0;
    assert_int_equal(silt_spark_double(SILT_STR("NaN"), &nan), VAL);
    assert_true(nan != nan);
    float f = 0;
    assert_int_equal(silt_spark_float(SILT_STR("0.1"), &f), VAL);
    assert_true(f == 0.1F);
}

static void decimals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int precision, scale;
        const char *expected; /* NULL: null */
    } cases[] = {
        {"1.5", 10, 2, "1.50"},
        {"-0.005", 10, 2, "-0.01"},
        {"0.004", 10, 2, "0.00"},
        {"1.005", 10, 2, "1.01"},
        {"999.995", 5, 2, NULL},
        {"999.994", 5, 2, "999.99"},
        {"1e3", 10, 0, "1000"},
        {"1.25e-1", 10, 2, "0.13"},
        {"12345", 4, 0, NULL},
        {"0", 1, 0, "0"},
        {"-0", 3, 1, "0.0"},
        {"00012.10", 4, 2, "12.10"},
        {".5", 2, 2, "0.50"},
        {"0.999", 2, 2, NULL},
        {"x", 5, 2, NULL},
        {"1.2.3", 5, 2, NULL},
        {"", 5, 2, NULL},
        {" 7 ", 5, 0, "7"},
        {"0.5", 1, 0, "1"},
        {"0.4", 1, 0, "0"},
        {"9.5", 1, 0, NULL},
        {"-0.4", 1, 0, "0"},
        {"1e-100", 5, 2, "0.00"},
        {"1e100", 38, 0, NULL},
        {"99999999999999999999999999999999999999", 38, 0, "99999999999999999999999999999999999999"},
        {"0.00000000000000000000000000000000000001", 38, 38,
         "0.00000000000000000000000000000000000001"},
        {"0.99999999999999999999999999999999999999999", 38, 37,
         "1.0000000000000000000000000000000000000"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        char out[SILT_SPARK_DECIMAL_SIZE] = "";
        silt_spark_result result = silt_spark_decimal(silt_bytes_of(cases[i].text),
                                                      cases[i].precision, cases[i].scale, out);
        bool same = result == VAL ? silt_streq(out, cases[i].expected) : !cases[i].expected;
        if (!same)
            fail_msg("'%s' as (%d,%d): %d, %s", cases[i].text, cases[i].precision, cases[i].scale,
                     result, out);
    }
}

static void truths(void **state)
{
    (void)state;
    bool out = false;
    assert_int_equal(silt_spark_boolean(SILT_STR(" Yes "), &out), VAL);
    assert_true(out);
    assert_int_equal(silt_spark_boolean(SILT_STR("0"), &out), VAL);
    assert_false(out);
    assert_int_equal(silt_spark_boolean(SILT_STR("on"), &out), NUL);
    assert_int_equal(silt_spark_boolean(SILT_STR(""), &out), NUL);
}

static void dates_and_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        silt_spark_result date, time;
        int64_t days, us;
    } cases[] = {
        {"1970-01-02", VAL, VAL, 1, 86400000000},
        {"1970", VAL, VAL, 0, 0},
        {"1970-2", VAL, VAL, 31, INT64_C(31) * 86400000000},
        {" 1970-1-3 ", VAL, VAL, 2, 2 * INT64_C(86400000000)},
        {"1970-01-01 00:00:01", VAL, VAL, 0, 1000000},
        {"1970-01-01T1:2:3.5", VAL, VAL, 0, 3723500000},
        {"1970-01-01 00:00:00.1234567", VAL, VAL, 0, 123456},
        {"1970-01-01 01:00:00+01:00", VAL, VAL, 0, 0},
        {"1970-01-01 01:00:00 UTC", VAL, VAL, 0, 3600000000},
        {"1970-01-01 01:00:00 GMT+1", VAL, VAL, 0, 0},
        {"1970-01-01 00:00:00Z", VAL, VAL, 0, 0},
        {"1970-01-01 10", VAL, VAL, 0, 36000000000},
        {"1969-12-31 23:59:59.999999", VAL, VAL, -1, -1},
        {"1970-01-01x", NUL, NUL, 0, 0},
        {"1970-01-01 x", VAL, NUL, 0, 0},
        {"1970-02-30", NUL, NUL, 0, 0},
        {"1970-13-01", NUL, NUL, 0, 0},
        {"70-01-01", NUL, NUL, 0, 0},
        {"1970-01-01 24:00:00", VAL, NUL, 0, 0},
        {"", NUL, NUL, 0, 0},
        {"1970-01-01 00:00:00 Europe/Berlin", VAL, BEY, 0, 0},
        {"12000-01-01", BEY, BEY, 0, 0},
        {"12:30:00", NUL, BEY, 0, 0},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        int64_t days = 0, us = 0;
        silt_bytes text = silt_bytes_of(cases[i].text);
        silt_spark_result date = silt_spark_date(text, &days);
        silt_spark_result time = silt_spark_timestamp(text, true, &us);
        if (date != cases[i].date || (date == VAL && days != cases[i].days))
            fail_msg("'%s': date %d, %" PRId64, cases[i].text, date, days);
        if (time != cases[i].time || (time == VAL && us != cases[i].us))
            fail_msg("'%s': time %d, %" PRId64, cases[i].text, time, us);
    }
    int64_t us = 0;
    assert_int_equal(silt_spark_timestamp(SILT_STR("1970-01-01 01:00:00+01:00"), false, &us), VAL);
    assert_int_equal(us, 3600000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers),   cmocka_unit_test(floating_numbers),
        cmocka_unit_test(decimals),        cmocka_unit_test(truths),
        cmocka_unit_test(dates_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
