/* Variants as JSON: as Spark's to_json() writes them. What is damaged is refused, wherever an
 * offset or a length leads out of it. */
#include "base/variant.h"

#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "base/seam.h"

typedef struct view {
    const uint8_t *at;
    size_t size;
} view;

typedef struct decoder {
    view strings;        /* of keys */
    const uint8_t *ends; /* where each begins, and the last ends */
    size_t key_count;
    int width; /* of an offset in it */
    silt_json_writer out;
    int depth;
    size_t left; /* values that there can be: none is in two places */
} decoder;

static uint64_t number_of(const uint8_t *at, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static int64_t signed_of(const uint8_t *at, int size)
{
    int drop = 64 - 8 * size;
    return (int64_t)(number_of(at, size) << drop) >> drop;
}

static bool read_metadata(decoder *d, silt_bytes metadata)
{
    const uint8_t *at = (const uint8_t *)metadata.data;
    if (metadata.size < 1 || (at[0] & 15) != 1) return false;
    int width = (at[0] >> 6) + 1;
    if (metadata.size < 1 + (size_t)width) return false;
    d->width = width;
    d->key_count = (size_t)number_of(at + 1, width);
    size_t head = 1 + (d->key_count + 2) * (size_t)width;
    if (d->key_count > metadata.size || metadata.size < head) return false;
    d->ends = at + 1 + width;
    d->strings = (view){at + head, metadata.size - head};
    return true;
}

static bool key_of(const decoder *d, uint64_t id, silt_bytes *out)
{
    if (id >= d->key_count) return false;
    size_t from = (size_t)number_of(d->ends + id * (size_t)d->width, d->width);
    size_t to = (size_t)number_of(d->ends + (id + 1) * (size_t)d->width, d->width);
    if (from > to || to > d->strings.size) return false;
    *out = (silt_bytes){(const char *)d->strings.at + from, to - from};
    return true;
}

/* ---- primitives ------------------------------------------------------------------------------ */

static void put_text(decoder *d, const char *text)
{
    silt_json_put_string(&d->out, text);
}

static void put_real(decoder *d, double value)
{
    if (isfinite(value))
        silt_json_put_double(&d->out, value);
    else
        put_text(d, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

/* The shortest number that is this one. */
static double widened(float value)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) return strtod(text, NULL);
    }
    return (double)value;
}

static void put_decimal(decoder *d, const uint8_t *at, int size)
{
    char digits[48], text[96];
    int scale = at[0], n = 0;
    unsigned __int128 value = number_of(at + 1, size < 8 ? size : 8);
    if (size < 8) value = (unsigned __int128)(__int128)signed_of(at + 1, size);
    if (size == 8) value = (unsigned __int128)(__int128)(int64_t)(uint64_t)value;
    if (size == 16) value |= (unsigned __int128)number_of(at + 9, 8) << 64;
    bool negative = (__int128)value < 0;
    if (negative) value = -value;
    for (; value || n <= scale; value /= 10)
        digits[n++] = (char)('0' + (int)(value % 10));
    size_t to = 0;
    if (negative) text[to++] = '-';
    while (n-- > 0) {
        text[to++] = digits[n];
        if (n == scale && scale > 0) text[to++] = '.';
    }
    text[to] = '\0';
    silt_json_put_raw(&d->out, text);
}

/* Spark's: no zeros at the end of a second's fraction. */
static void put_time(decoder *d, int64_t us, const char *zone, int skip)
{
    char text[SILT_TIME_SIZE + 8];
    silt_time_format_us(us, text);
    size_t size = strlen(text) - 1; /* Z */
    while (text[size - 1] == '0')
        size--;
    if (text[size - 1] == '.')
        size--;
    else if (size < 20) /* it ends in zeros without a fraction */
        size = 19;
    text[10] = ' ';
    memcpy(text + size, zone, strlen(zone) + 1);
    put_text(d, text + skip);
}

static void put_base64(decoder *d, silt_bytes bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    SILT_CLEAN(silt_buf) text = {0};
    const uint8_t *at = (const uint8_t *)bytes.data;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t three = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) |
                         (left > 2 ? at[i + 2] : 0);
        for (size_t k = 0; k < 4; k++)
            silt_buf_putc(&text, k <= left ? letters[three >> (18 - 6 * k) & 63] : '=');
    }
    d->out.buf->failed |= text.failed;
    silt_json_put_bytes(&d->out, silt_buf_bytes(&text));
}

static void put_uuid(decoder *d, const uint8_t *at)
{
    char text[40];
    int n = 0;
    for (int i = 0; i < 16; i++)
        n += snprintf(text + n, sizeof text - (size_t)n,
                      i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", at[i]);
    put_text(d, text);
}

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static bool put_primitive(decoder *d, int kind, const uint8_t *at, size_t size)
{
    static const uint8_t sizes[] = {0, 0, 0, 1, 2, 4, 8, 8, 5, 9, 17,
                                    4, 8, 8, 4, 4, 4, 8, 8, 8, 16};
    char text[SILT_DATE_SIZE];
    double real;
    float small;
    if (kind >= (int)SILT_COUNT(sizes) || size < sizes[kind]) return false;
    switch (kind) {
    case 0:
        silt_json_put_null(&d->out);
        return true;
    case 1:
    case 2:
        silt_json_put_bool(&d->out, kind == 1);
        return true;
    case 3:
    case 4:
    case 5:
    case 6:
        silt_json_put_int(&d->out, signed_of(at, sizes[kind]));
        return true;
    case 7:
        memcpy(&real, at, sizeof real);
        put_real(d, real);
        return true;
    case 8:
    case 9:
    case 10:
        if (at[0] > 38) return false;
        put_decimal(d, at, sizes[kind] - 1);
        return true;
    case 11:
        silt_date_format(signed_of(at, 4), text);
        put_text(d, text);
        return true;
    case 12:
    case 13:
        put_time(d, signed_of(at, 8), kind == 12 ? "+00:00" : "", 0);
        return true;
    case 14:
        memcpy(&small, at, sizeof small);
        put_real(d, widened(small));
        return true;
    case 15:
    case 16: {
        size_t length = (size_t)number_of(at, 4);
        if (length > size - 4) return false;
        silt_bytes bytes = {(const char *)at + 4, length};
        if (kind == 15)
            put_base64(d, bytes);
        else
            silt_json_put_bytes(&d->out, bytes);
        return true;
    }
    case 17: /* of the day */
        put_time(d, signed_of(at, 8), "", 11);
        return true;
    case 18: /* nanoseconds, to the microsecond */
    case 19:
        put_time(d, floor_div(signed_of(at, 8), 1000), kind == 18 ? "+00:00" : "", 0);
        return true;
    default:
        put_uuid(d, at);
        return true;
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool put_value(decoder *d, view v);

static bool put_items(decoder *d, view v)
{
    bool is_object = (v.at[0] & 3) == 2;
    int flags = v.at[0] >> 2, count_size = (is_object ? flags >> 4 : flags >> 2) & 1 ? 4 : 1;
    int width = (flags & 3) + 1, id_width = is_object ? (flags >> 2 & 3) + 1 : 0;
    if (v.size < 1 + (size_t)count_size) return false;
    size_t count = (size_t)number_of(v.at + 1, count_size);
    if (count > v.size) return false;
    const uint8_t *ids = v.at + 1 + count_size, *offsets = ids + count * (size_t)id_width;
    size_t head = 1 + (size_t)count_size + count * (size_t)id_width + (count + 1) * (size_t)width;
    if (head > v.size) return false;
    for (size_t i = 0; i < count; i++) {
        size_t offset = (size_t)number_of(offsets + i * (size_t)width, width);
        silt_bytes key;
        if (offset >= v.size - head) return false;
        if (is_object && !key_of(d, number_of(ids + i * (size_t)id_width, id_width), &key))
            return false;
        if (is_object) silt_json_key_bytes(&d->out, key);
        if (!put_value(d, (view){v.at + head + offset, v.size - head - offset})) return false;
    }
    return true;
}

static bool put_value(decoder *d, view v)
{
    if (v.size == 0 || d->left == 0 || d->depth == SILT_JSON_DEPTH_MAX) return false;
    int kind = v.at[0] >> 2;
    bool good = true;
    d->left--;
    d->depth++;
    switch (v.at[0] & 3) {
    case 0:
        good = put_primitive(d, kind, v.at + 1, v.size - 1);
        break;
    case 1:
        good = (size_t)kind < v.size;
        if (good) silt_json_put_bytes(&d->out, (silt_bytes){(const char *)v.at + 1, (size_t)kind});
        break;
    case 2:
        silt_json_begin_object(&d->out);
        good = put_items(d, v);
        silt_json_end_object(&d->out);
        break;
    default:
        silt_json_begin_array(&d->out);
        good = put_items(d, v);
        silt_json_end_array(&d->out);
        break;
    }
    d->depth--;
    return good;
}

silt_status silt_variant_to_json(silt_bytes metadata, silt_bytes value, silt_buf *out,
                                 silt_error *err)
{
    decoder d = {.out = silt_json_writer_of(out), .left = value.size};
    view whole = {(const uint8_t *)value.data, value.size};
    if (!read_metadata(&d, metadata) || !put_value(&d, whole))
        return silt_fail(err, SILT_CORRUPT, "a variant is damaged");
    return out->failed ? silt_fail_nomem(err) : SILT_OK;
}
