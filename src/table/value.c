/* Values: parsed, compared, printed. */
#include "table/value.h"

#include <math.h>
#include <stdio.h>

#include "base/seam.h"

bool silt_timestamp_parse(const char *text, int64_t *us)
{
    if (silt_time_parse(text, us)) return true;
    int64_t days;
    if (silt_date_parse(text, &days)) { /* stats from when the column was a date */
        *us = days * INT64_C(86400000000);
        return true;
    }
    char zoned[64];
    size_t size = strlen(text);
    if (size + 2 > sizeof(zoned)) return false;
    memcpy(zoned, text, size);
    memcpy(zoned + size, "Z", 2);
    return silt_time_parse(zoned, us);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool silt_decimal_valid(const char *text)
{
    if (*text == '-') text++;
    if (!is_digit(*text)) return false;
    while (is_digit(*text))
        text++;
    if (*text != '.') return *text == '\0';
    if (!is_digit(*++text)) return false;
    while (is_digit(*text))
        text++;
    return *text == '\0';
}

/* A decimal without sign and outer zeros. */
typedef struct digits {
    const char *whole, *fraction;
    size_t whole_size, fraction_size;
    bool negative;
} digits;

static digits digits_of(silt_bytes text)
{
    digits d = {0};
    const char *p = text.data, *end = text.data + text.size;
    if (p < end && *p == '-') {
        d.negative = true;
        p++;
    }
    while (p < end && *p == '0')
        p++;
    d.whole = p;
    while (p < end && *p != '.')
        p++;
    d.whole_size = (size_t)(p - d.whole);
    d.fraction = p < end ? p + 1 : p;
    while (end > d.fraction && end[-1] == '0')
        end--;
    d.fraction_size = (size_t)(end - d.fraction);
    if (d.whole_size + d.fraction_size == 0) d.negative = false;
    return d;
}

static int bytes_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t common = a_size < b_size ? a_size : b_size;
    int order = common ? memcmp(a, b, common) : 0;
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

int silt_decimal_compare(silt_bytes a, silt_bytes b)
{
    digits x = digits_of(a), y = digits_of(b);
    if (x.negative != y.negative) return x.negative ? -1 : 1;
    int order = (x.whole_size > y.whole_size) - (x.whole_size < y.whole_size);
    if (!order) order = bytes_compare(x.whole, x.whole_size, y.whole, y.whole_size);
    if (!order) order = bytes_compare(x.fraction, x.fraction_size, y.fraction, y.fraction_size);
    return x.negative ? -order : order;
}

/* What a FLOAT's text says beyond its precision is no part of the value: one writer gives 0.1, the
 * next 0.10000000149011612. */
static bool parse_real(const char *text, bool is_float, double *out)
{
    char *end;
    double value = is_float ? (double)strtof(text, &end) : strtod(text, &end);
    if (end == text || *end || isnan(value)) return false;
    *out = value;
    return true;
}

bool silt_value_parse(const char *text, const silt_type *type, silt_value *out)
{
    switch (type->kind) {
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        return silt_parse_int64(text, &out->whole);
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        return parse_real(text, type->kind == SILT_TYPE_FLOAT, &out->real);
    case SILT_TYPE_DECIMAL:
        out->text = silt_bytes_of(text);
        return silt_decimal_valid(text);
    case SILT_TYPE_STRING:
        out->text = silt_bytes_of(text);
        return true;
    case SILT_TYPE_BOOLEAN:
        out->whole = strcmp(text, "true") == 0;
        return out->whole || strcmp(text, "false") == 0;
    case SILT_TYPE_DATE:
        return silt_date_parse(text, &out->whole);
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        return silt_timestamp_parse(text, &out->whole);
    default:
        return false;
    }
}

int silt_value_compare(const silt_value *a, const silt_value *b, const silt_type *type)
{
    switch (type->kind) {
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        if (isnan(a->real) || isnan(b->real)) return (isnan(a->real) != 0) - (isnan(b->real) != 0);
        return (a->real > b->real) - (a->real < b->real);
    case SILT_TYPE_DECIMAL:
        return silt_decimal_compare(a->text, b->text);
    case SILT_TYPE_STRING:
        return bytes_compare(a->text.data, a->text.size, b->text.data, b->text.size);
    default:
        return (a->whole > b->whole) - (a->whole < b->whole);
    }
}

bool silt_decimal_unscaled(silt_bytes text, int scale, __int128 *out)
{
    const char *p = text.data, *end = text.data + text.size;
    bool negative = p < end && *p == '-', point = false;
    __int128 value = 0, most = ((__int128)1 << 126) / 5; /* room for one more digit */
    for (p += negative; p < end; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (point && scale-- <= 0) {
            if (*p != '0') return false;
            continue;
        }
        if (value > most) return false;
        value = value * 10 + (*p - '0');
    }
    for (; scale > 0; scale--) {
        if (value > most) return false;
        value *= 10;
    }
    *out = negative ? -value : value;
    return true;
}

/* ---- out */

void silt_value_print_real(double value, bool is_float, char out[SILT_VALUE_REAL_SIZE])
{
    if (isnan(value) || isinf(value)) {
        (void)snprintf(out, SILT_VALUE_REAL_SIZE, "%s",
                       isnan(value) ? "nan"
                       : value > 0  ? "inf"
                                    : "-inf");
        return;
    }
    for (int count = is_float ? 6 : 15;; count++) {
        (void)snprintf(out, SILT_VALUE_REAL_SIZE, "%.*g", count, value);
        bool same = is_float ? strtof(out, NULL) == (float)value : strtod(out, NULL) == value;
        if (same || count >= 17) break;
    }
    if (strspn(out, "-0123456789") == strlen(out)) (void)snprintf(out + strlen(out), 3, ".0");
}

void silt_value_print_time(int64_t us, bool zoned, char out[SILT_VALUE_TIME_SIZE])
{
    char text[SILT_TIME_SIZE];
    silt_time_format_us(us, text);
    text[10] = ' ';
    size_t size = us % 1000000 ? 26 : 19;
    while (size > 19 && text[size - 1] == '0')
        size--;
    (void)snprintf(out, SILT_VALUE_TIME_SIZE, "%.*s%s", (int)size, text, zoned ? "+00" : "");
}

#define DAY_US    INT64_C(86400000000)
#define DAY_FIRST INT64_C(-719162) /* 0001-01-01 */
#define DAY_LAST  INT64_C(2932896) /* 9999-12-31 */

const char *silt_value_print(const silt_value *value, const silt_type *type, silt_arena *arena)
{
    char text[SILT_VALUE_TIME_SIZE];
    switch (type->kind) {
    case SILT_TYPE_BOOLEAN:
        return value->whole ? "true" : "false";
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        silt_value_print_real(value->real, type->kind == SILT_TYPE_FLOAT, text);
        return silt_arena_strdup(arena, text);
    case SILT_TYPE_STRING:
    case SILT_TYPE_DECIMAL:
        return silt_arena_strndup(arena, value->text.data, value->text.size);
    case SILT_TYPE_DATE:
        if (value->whole < DAY_FIRST || value->whole > DAY_LAST) return NULL;
        silt_date_format(value->whole, text);
        return silt_arena_strdup(arena, text);
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        if (value->whole < DAY_FIRST * DAY_US || value->whole >= (DAY_LAST + 1) * DAY_US)
            return NULL;
        silt_value_print_time(value->whole, type->kind == SILT_TYPE_TIMESTAMP, text);
        return silt_arena_strdup(arena, text);
    default:
        return silt_arena_printf(arena, "%" PRId64, value->whole);
    }
}
