/* Spark's casts from text. */
#include "base/spark.h"

#include <stdio.h>
#include <strings.h>

#include "base/seam.h"

typedef struct cursor {
    const char *at, *end;
} cursor;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return (unsigned char)c <= 0x20 || c == 0x7F;
}

static cursor trimmed(silt_bytes text)
{
    cursor c = {text.data, text.data + text.size};
    while (c.at < c.end && is_blank(*c.at))
        c.at++;
    while (c.end > c.at && is_blank(c.end[-1]))
        c.end--;
    return c;
}

static bool take(cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

static bool take_sign(cursor *c)
{
    bool negative = take(c, '-');
    if (!negative) take(c, '+');
    return negative;
}

/* ---- numbers */

silt_spark_result silt_spark_long(silt_bytes text, int64_t *out)
{
    cursor c = trimmed(text);
    bool negative = take_sign(&c);
    if (c.at == c.end) return SILT_SPARK_NULL;
    int64_t value = 0; /* built up below zero, where there is room for INT64_MIN */
    for (; c.at < c.end && *c.at != '.'; c.at++) {
        if (!is_digit(*c.at) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, *c.at - '0', &value))
            return SILT_SPARK_NULL;
    }
    for (take(&c, '.'); c.at < c.end; c.at++)
        if (!is_digit(*c.at)) return SILT_SPARK_NULL;
    if (!negative && value == INT64_MIN) return SILT_SPARK_NULL;
    *out = negative ? value : -value;
    return SILT_SPARK_VALUE;
}

static bool is_word(cursor c, const char *word)
{
    size_t size = strlen(word);
    return (size_t)(c.end - c.at) == size && strncasecmp(c.at, word, size) == 0;
}

static size_t skip_digits(cursor *c)
{
    const char *start = c->at;
    while (c->at < c->end && is_digit(*c->at))
        c->at++;
    return (size_t)(c->at - start);
}

/* [sign]digits[.digits][e[sign]digits]; `*c` ends behind it. */
static bool skip_number(cursor *c)
{
    take_sign(c);
    size_t digits = skip_digits(c);
    if (take(c, '.')) digits += skip_digits(c);
    if (digits == 0) return false;
    if (take(c, 'e') || take(c, 'E')) {
        take_sign(c);
        if (skip_digits(c) == 0) return false;
    }
    return true;
}

/* Without a special name: VALUE when strtod() reads it all. `copy` is given to free(). */
static silt_spark_result real_text(cursor c, double *special, char **copy)
{
    cursor rest = c;
    *copy = NULL;
    bool negative = take_sign(&rest);
    if (is_word(c, "nan") || (is_word(rest, "NaN") && memcmp(rest.at, "NaN", 3) == 0)) {
        *special = __builtin_nan("");
        return SILT_SPARK_VALUE;
    }
    if (is_word(rest, "inf") || is_word(rest, "infinity")) {
        *special = negative ? -__builtin_inf() : __builtin_inf();
        return SILT_SPARK_VALUE;
    }
    if (rest.end - rest.at > 1 && rest.at[0] == '0' && (rest.at[1] == 'x' || rest.at[1] == 'X'))
        return SILT_SPARK_BEYOND;
    rest = c;
    if (!skip_number(&rest)) return SILT_SPARK_NULL;
    const char *number_end = rest.at;
    if (rest.at < rest.end && strchr("fFdD", *rest.at)) rest.at++;
    if (rest.at != rest.end) return SILT_SPARK_NULL;
    *copy = strndup(c.at, (size_t)(number_end - c.at));
    return *copy ? SILT_SPARK_VALUE : SILT_SPARK_BEYOND;
}

silt_spark_result silt_spark_double(silt_bytes text, double *out)
{
    SILT_FREE char *copy = NULL;
    silt_spark_result result = real_text(trimmed(text), out, &copy);
    if (copy) *out = strtod(copy, NULL);
    return result;
}

silt_spark_result silt_spark_float(silt_bytes text, float *out)
{
    SILT_FREE char *copy = NULL;
    double special = 0;
    silt_spark_result result = real_text(trimmed(text), &special, &copy);
    if (result == SILT_SPARK_VALUE) *out = copy ? strtof(copy, NULL) : (float)special;
    return result;
}

silt_spark_result silt_spark_boolean(silt_bytes text, bool *out)
{
    static const char *const yes[] = {"t", "true", "y", "yes", "1"};
    static const char *const no[] = {"f", "false", "n", "no", "0"};
    cursor c = trimmed(text);
    for (size_t i = 0; i < SILT_COUNT(yes); i++) {
        if (!is_word(c, yes[i]) && !is_word(c, no[i])) continue;
        *out = is_word(c, yes[i]);
        return SILT_SPARK_VALUE;
    }
    return SILT_SPARK_NULL;
}

/* ---- decimals */

static bool read_exponent(cursor *c, int *exponent)
{
    if (!take(c, 'e') && !take(c, 'E')) return true;
    bool negative = take_sign(c);
    int value = 0;
    const char *start = c->at;
    for (; c->at < c->end && is_digit(*c->at); c->at++)
        if (value < 100000) value = value * 10 + (*c->at - '0');
    *exponent = negative ? -value : value;
    return c->at > start;
}

/* `*place`: the power of ten of the first digit, leading zeros passed over. */
static bool read_digits(cursor *c, const char **first, size_t *size, int *place)
{
    *place = -1;
    *first = NULL;
    bool any = false, point = false;
    for (; c->at < c->end && (is_digit(*c->at) || (*c->at == '.' && !point)); c->at++) {
        if (*c->at == '.') {
            point = true;
            continue;
        }
        any = true;
        if (!*first && *c->at != '0') *first = c->at;
        if (!*first && point) --*place;
        if (*first && !point) ++*place;
    }
    *size = *first ? (size_t)(c->at - *first) : 0;
    return any;
}

/* Digits from `place` down to -scale, the next one deciding on the last. False: too many. */
static bool round_digits(const char *first, size_t size, int place, int precision, int scale,
                         char *out, int *count)
{
    int wanted = place + scale + 1; /* digits that stay */
    *count = 0;
    if (wanted < 0) return true;
    if (wanted > precision) return false;
    size_t at = 0;
    for (int i = 0; i < wanted; i++) {
        if (at < size && first[at] == '.') at++;
        out[(*count)++] = at < size ? first[at++] : '0';
    }
    if (at < size && first[at] == '.') at++;
    if (at >= size || first[at] < '5') return true;
    int i = wanted;
    while (i > 0 && out[i - 1] == '9')
        out[--i] = '0';
    if (i > 0) {
        out[i - 1]++;
        return true;
    }
    memmove(out + 1, out, (size_t)wanted);
    out[0] = '1';
    return ++*count <= precision;
}

silt_spark_result silt_spark_decimal(silt_bytes text, int precision, int scale,
                                     char out[SILT_SPARK_DECIMAL_SIZE])
{
    cursor c = trimmed(text);
    const char *first;
    size_t size;
    int place, exponent = 0, count;
    char kept[48];
    bool negative = take_sign(&c);
    if (!read_digits(&c, &first, &size, &place)) return SILT_SPARK_NULL;
    if (!read_exponent(&c, &exponent) || c.at != c.end) return SILT_SPARK_NULL;
    if (!first) {
        count = 0;
    } else if (!round_digits(first, size, place + exponent, precision, scale, kept, &count)) {
        return SILT_SPARK_NULL;
    }
    kept[count] = '\0';
    char *p = out;
    bool zero = strspn(kept, "0") == (size_t)count;
    if (negative && count && !zero) *p++ = '-';
    for (int i = 0; i < count - scale; i++)
        *p++ = kept[i];
    if (count <= scale) *p++ = '0';
    if (scale) *p++ = '.';
    for (int i = scale; i > 0; i--)
        *p++ = i > count ? '0' : kept[count - i];
    *p = '\0';
    return SILT_SPARK_VALUE;
}

/* ---- dates and times */

/* 1 to `most` digits, at least `least`. */
static bool take_number(cursor *c, int least, int most, int *out)
{
    int count = 0, value = 0;
    for (; c->at < c->end && is_digit(*c->at); c->at++) {
        if (++count > most) return false;
        value = value * 10 + (*c->at - '0');
    }
    *out = value;
    return count >= least;
}

/* `*c` ends behind what was read; a year alone and a month alone end the text. */
static silt_spark_result take_date(cursor *c, int64_t *days)
{
    int year, month = 1, day = 1;
    bool signed_year = c->at < c->end && (*c->at == '-' || *c->at == '+');
    bool before = take_sign(c), complete = false;
    if (!take_number(c, 4, 7, &year)) return SILT_SPARK_NULL;
    if (take(c, '-')) {
        if (!take_number(c, 1, 2, &month)) return SILT_SPARK_NULL;
        if (take(c, '-')) {
            if (!take_number(c, 1, 2, &day)) return SILT_SPARK_NULL;
            complete = true;
        }
    }
    if (!complete && c->at != c->end) return SILT_SPARK_NULL;
    if (month < 1 || month > 12 || day < 1 || day > 31) return SILT_SPARK_NULL;
    if (before || signed_year || year > 9999 || year < 1) return SILT_SPARK_BEYOND;
    char text[SILT_DATE_SIZE];
    (void)snprintf(text, sizeof text, "%04u-%02u-%02u", (unsigned)year % 10000,
                   (unsigned)month % 100, (unsigned)day % 100);
    return silt_date_parse(text, days) ? SILT_SPARK_VALUE : SILT_SPARK_NULL;
}

silt_spark_result silt_spark_date(silt_bytes text, int64_t *days)
{
    cursor c = trimmed(text);
    int64_t found = 0;
    silt_spark_result result = take_date(&c, &found);
    if (result != SILT_SPARK_VALUE) return result;
    if (c.at != c.end && *c.at != ' ' && *c.at != 'T') return SILT_SPARK_NULL;
    *days = found;
    return SILT_SPARK_VALUE;
}

/* [h]h[:[m]m[:[s]s[.fraction]]] */
static bool take_time(cursor *c, int64_t *us)
{
    int hour, minute = 0, second = 0;
    int64_t fraction = 0;
    if (!take_number(c, 1, 2, &hour)) return false;
    if (take(c, ':')) {
        if (!take_number(c, 1, 2, &minute)) return false;
        if (take(c, ':')) {
            if (!take_number(c, 1, 2, &second)) return false;
            if (take(c, '.'))
                for (int64_t unit = 100000; c->at < c->end && is_digit(*c->at); c->at++, unit /= 10)
                    fraction += unit * (*c->at - '0');
        }
    }
    if (hour > 23 || minute > 59 || second > 59) return false;
    *us = (hour * INT64_C(3600) + minute * 60 + second) * 1000000 + fraction;
    return true;
}

/* Nothing, Z, UTC, GMT, or ±[h]h[:[m]m[:[s]s]] behind these or alone; names are beyond us. */
static silt_spark_result take_zone(cursor *c, int64_t *us)
{
    static const char *const utc[] = {"UTC", "GMT", "UT"};
    *us = 0;
    while (c->at < c->end && is_blank(*c->at))
        c->at++;
    if (c->at == c->end || (*c->at == 'Z' && c->at + 1 == c->end)) return SILT_SPARK_VALUE;
    for (size_t i = 0; i < SILT_COUNT(utc); i++) {
        size_t size = strlen(utc[i]);
        if ((size_t)(c->end - c->at) < size || memcmp(c->at, utc[i], size) != 0) continue;
        c->at += size;
        break;
    }
    if (c->at == c->end) return SILT_SPARK_VALUE;
    if (*c->at != '+' && *c->at != '-') {
        bool letter = (*c->at >= 'A' && *c->at <= 'Z') || (*c->at >= 'a' && *c->at <= 'z');
        return letter ? SILT_SPARK_BEYOND : SILT_SPARK_NULL;
    }
    bool west = take_sign(c);
    int hours, minutes = 0, seconds = 0;
    if (!take_number(c, 1, 2, &hours)) return SILT_SPARK_BEYOND; /* ±hhmm too */
    if (take(c, ':') && !take_number(c, 1, 2, &minutes)) return SILT_SPARK_NULL;
    if (take(c, ':') && !take_number(c, 1, 2, &seconds)) return SILT_SPARK_NULL;
    if (c->at != c->end || hours > 18 || minutes > 59 || seconds > 59) return SILT_SPARK_NULL;
    *us = (hours * INT64_C(3600) + minutes * 60 + seconds) * (west ? -1000000 : 1000000);
    return SILT_SPARK_VALUE;
}

silt_spark_result silt_spark_timestamp(silt_bytes text, bool zoned, int64_t *us)
{
    cursor c = trimmed(text);
    int64_t days = 0, time = 0, ahead = 0;
    if (c.at < c.end &&
        (*c.at == 'T' || memchr(c.at, ':', (size_t)(c.end - c.at < 3 ? c.end - c.at : 3))))
        return SILT_SPARK_BEYOND; /* a time of today */
    silt_spark_result result = take_date(&c, &days);
    if (result != SILT_SPARK_VALUE) return result;
    if (c.at != c.end) {
        if (!take(&c, ' ') && !take(&c, 'T')) return SILT_SPARK_NULL;
        if (!take_time(&c, &time)) return SILT_SPARK_NULL;
        result = take_zone(&c, &ahead);
        if (result != SILT_SPARK_VALUE) return result;
    }
    *us = days * INT64_C(86400000000) + time - (zoned ? ahead : 0);
    return SILT_SPARK_VALUE;
}
