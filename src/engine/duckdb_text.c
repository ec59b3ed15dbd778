/* Scalar functions over the text of sources: what DuckDB's casts from text would silently get
 * wrong.
 *
 *  silt_exact(text, scale)  whether a cast to a number of that many fraction digits keeps every
 * digit; scale -1: to a date keeps the time of day, being midnight; either that or -2, to a
 * timestamp: it begins with a year of four digits at least, and isn't "infinity" or "epoch"
 *
 * and what they are slow at. NULL for any form but the usual one, which is then the cast's:
 *  silt_integer(text, bits) a number of that many bits
 *  silt_day(text)           a date
 *  silt_instant(text)       a timestamp: ten times as fast as with calendar and time zones
 *
 * and what they don't have:
 *  silt_variant(text, from_doubles)   the parts of the variant that JSON is; NULL: it is none
 *  silt_variant_json(metadata, value) its JSON */
#include "engine/duckdb_ops.h"

#include "base/variant.h"

typedef struct cursor {
    const char *at, *end;
} cursor;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- exact ----------------------------------------------------------------------------------- */

/* The exponent behind 'e', clamped; false if that isn't one. */
static bool read_exponent(cursor c, int *out)
{
    bool negative = false;
    int value = 0;
    if (c.at < c.end && (*c.at == '-' || *c.at == '+')) negative = *c.at++ == '-';
    if (c.at == c.end || !is_digit(*c.at)) return false;
    for (; c.at < c.end && is_digit(*c.at); c.at++)
        if (value < 10000) value = value * 10 + (*c.at - '0');
    *out = negative ? -value : value;
    return true;
}

/* Digits with no more than `scale` of them behind a point, as almost all are. */
static bool is_plain_number(silt_bytes text, int scale)
{
    const char *c = text.data, *end = text.data + text.size;
    if (c < end && *c == '-') c++;
    while (c < end && is_digit(*c))
        c++;
    if (c == end) return scale >= 0;
    if (*c++ != '.' || end - c > scale) return false;
    while (c < end && is_digit(*c))
        c++;
    return c == end;
}

/* Anything that isn't a plain decimal number is left to the cast to judge. */
static bool exact_number(silt_bytes text, int scale)
{
    if (is_plain_number(text, scale)) return true;
    int place = 0, lowest = 0,
        exponent = 0; /* lowest: of the last digit that isn't 0, 1 = tenths */
    bool fraction = false, nonzero = false;
    const char *end = text.data + text.size;
    for (const char *c = text.data; c < end; c++) {
        if (is_digit(*c)) {
            if (fraction) place++;
            if (*c != '0') {
                nonzero = true;
                lowest = fraction ? place : 0;
            } else if (!fraction && nonzero) {
                lowest--; /* 1500 = 15 hundreds, which e-2 would use up */
            }
        } else if (*c == '.' && !fraction) {
            fraction = true;
        } else if (*c == 'e' || *c == 'E') {
            if (!read_exponent((cursor){c + 1, end}, &exponent)) return true;
            break;
        }
    }
    return !nonzero || lowest - exponent <= scale;
}

/* What the cast doesn't take for another year than is meant: 20-01-13 is no day of the year 20. */
static bool has_year(silt_bytes text)
{
    size_t i = 0;
    while (i < text.size && (text.data[i] == ' ' || text.data[i] == '\t'))
        i++;
    if (i < text.size && (text.data[i] == '-' || text.data[i] == '+')) i++;
    size_t from = i;
    while (i < text.size && is_digit(text.data[i]))
        i++;
    return i - from >= 4;
}

/* A date alone, or with midnight behind it; the cast would take anything behind it. */
static bool exact_date(silt_bytes text)
{
    size_t i = 0;
    while (i < text.size && text.data[i] == ' ')
        i++;
    while (i < text.size && (is_digit(text.data[i]) || strchr("-/.+", text.data[i])))
        i++;
    for (; i < text.size; i++)
        if (!strchr(" T0:.Z+-", text.data[i])) return false;
    return true;
}

static void exact(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    (void)info;
    idx_t rows = silt_duck.data_chunk_get_size(input);
    duckdb_vector texts = silt_duck.data_chunk_get_vector(input, 0);
    const void *data = silt_duck.vector_get_data(texts);
    const uint64_t *validity = silt_duck.vector_get_validity(texts);
    const int32_t *scales = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 1));
    bool *out = silt_duck.vector_get_data(output);
    for (idx_t i = 0; i < rows; i++) {
        if (!silt_duck_valid(validity, i)) {
            out[i] = true;
            continue;
        }
        silt_bytes text = silt_duck_bytes(data, i);
        if (scales[i] >= 0)
            out[i] = exact_number(text, scales[i]);
        else
            out[i] = has_year(text) && (scales[i] < -1 || exact_date(text));
    }
}

/* ---- integers, days and instants ------------------------------------------------------------- */

/* Up to 18 digits, which can't overflow. */
static bool read_integer(silt_bytes text, int bits, int64_t *out)
{
    bool negative = text.size && text.data[0] == '-';
    size_t digits = text.size - negative;
    int64_t value = 0, max = bits >= 64 ? INT64_MAX : ((int64_t)1 << (bits - 1)) - 1;
    if (digits == 0 || digits > 18) return false;
    for (size_t i = negative; i < text.size; i++) {
        if (!is_digit(text.data[i])) return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *out = negative ? -value : value;
    return value <= max;
}

/* `count` digits as a number, or -1. */
static int read_digits(cursor *c, int count)
{
    int value = 0;
    if (c->end - c->at < count) return -1;
    for (int i = 0; i < count; i++) {
        if (!is_digit(c->at[i])) return -1;
        value = value * 10 + (c->at[i] - '0');
    }
    c->at += count;
    return value;
}

static bool read_char(cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

/* Days since 1970 of a date in the Gregorian calendar; months are counted from March, so that the
 * leap day is a year's last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool read_date(cursor *c, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = read_digits(c, 4);
    if (year < 1 || !read_char(c, '-')) return false;
    int month = read_digits(c, 2);
    if (month < 1 || month > 12 || !read_char(c, '-')) return false;
    int day = read_digits(c, 2);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > lengths[month - 1] + (month == 2 && leap)) return false;
    *days = days_of(year, month, day);
    return true;
}

static bool read_time(cursor *c, int64_t *us)
{
    int hour = read_digits(c, 2);
    if (hour < 0 || hour > 23 || !read_char(c, ':')) return false;
    int minute = read_digits(c, 2);
    if (minute < 0 || minute > 59 || !read_char(c, ':')) return false;
    int second = read_digits(c, 2);
    if (second < 0 || second > 59) return false;
    int64_t fraction = 0, unit = 1000000;
    if (read_char(c, '.')) {
        const char *from = c->at;
        for (; c->at < c->end && is_digit(*c->at) && unit > 1; c->at++) {
            unit /= 10;
            fraction += (*c->at - '0') * unit;
        }
        if (c->at == from) return false;
    }
    *us = ((hour * 60 + minute) * 60 + second) * INT64_C(1000000) + fraction;
    return true;
}

/* What is left of the text: nothing (only right in UTC), Z, ±hh or ±hh:mm. */
static bool read_zone(cursor *c, bool utc, int64_t *us)
{
    *us = 0;
    if (c->at == c->end) return utc;
    if (read_char(c, 'Z')) return c->at == c->end;
    bool negative = *c->at == '-';
    if (!negative && *c->at != '+') return false;
    c->at++;
    int hours = read_digits(c, 2), minutes = 0;
    if (read_char(c, ':')) minutes = read_digits(c, 2);
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59 || c->at != c->end) return false;
    *us = (hours * 60 + minutes) * INT64_C(60000000) * (negative ? -1 : 1);
    return true;
}

static bool read_instant(silt_bytes text, bool utc, int64_t *out)
{
    cursor c = {text.data, text.data + text.size};
    int64_t days = 0, time = 0, zone = 0;
    if (!read_date(&c, &days)) return false;
    if (!read_char(&c, ' ') && !read_char(&c, 'T')) return false;
    if (!read_time(&c, &time) || !read_zone(&c, utc, &zone)) return false;
    *out = days * INT64_C(86400000000) + time - zone;
    return true;
}

/* The texts of the first argument, and where a function puts its values. */
typedef struct column {
    idx_t rows;
    const void *data;
    const uint64_t *validity;
    duckdb_vector output;
    void *out;
    uint64_t *out_validity; /* NULL: no value is null yet */
} column;

static column column_of(duckdb_data_chunk input, duckdb_vector output)
{
    duckdb_vector texts = silt_duck.data_chunk_get_vector(input, 0);
    return (column){.rows = silt_duck.data_chunk_get_size(input),
                    .data = silt_duck.vector_get_data(texts),
                    .validity = silt_duck.vector_get_validity(texts),
                    .output = output,
                    .out = silt_duck.vector_get_data(output)};
}

static void put_null(column *c, idx_t row)
{
    if (!c->out_validity) {
        silt_duck.vector_ensure_validity_writable(c->output);
        c->out_validity = silt_duck.vector_get_validity(c->output);
    }
    silt_duck.validity_set_row_invalid(c->out_validity, row);
}

static void integer(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    (void)info;
    column c = column_of(input, output);
    const int32_t *bits = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 1));
    int64_t *out = c.out;
    for (idx_t i = 0; i < c.rows; i++)
        if (!silt_duck_valid(c.validity, i) ||
            !read_integer(silt_duck_bytes(c.data, i), bits[i], &out[i]))
            put_null(&c, i);
}

static void day(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    (void)info;
    column c = column_of(input, output);
    int32_t *out = c.out;
    for (idx_t i = 0; i < c.rows; i++) {
        silt_bytes text = {0};
        int64_t days = 0;
        if (silt_duck_valid(c.validity, i)) text = silt_duck_bytes(c.data, i);
        cursor at = {text.data, text.data + text.size};
        if (text.size == 10 && read_date(&at, &days))
            out[i] = (int32_t)days;
        else
            put_null(&c, i);
    }
}

static void instant(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    bool utc = strcmp(silt_duck_function_engine(info)->timezone, "UTC") == 0;
    column c = column_of(input, output);
    int64_t *out = c.out;
    for (idx_t i = 0; i < c.rows; i++)
        if (!silt_duck_valid(c.validity, i) ||
            !read_instant(silt_duck_bytes(c.data, i), utc, &out[i]))
            put_null(&c, i);
}

/* ---- variants -------------------------------------------------------------------------------- */

static void variant(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    column c = column_of(input, output);
    const bool *doubles = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 1));
    duckdb_vector metadatas = silt_duck.struct_vector_get_child(output, 0);
    duckdb_vector values = silt_duck.struct_vector_get_child(output, 1);
    SILT_CLEAN(silt_buf) metadata = {0};
    SILT_CLEAN(silt_buf) value = {0};
    for (idx_t i = 0; i < c.rows; i++) {
        silt_status st = SILT_CORRUPT;
        silt_buf_clear(&metadata);
        silt_buf_clear(&value);
        if (silt_duck_valid(c.validity, i))
            st = silt_variant_of_json(silt_duck_bytes(c.data, i), doubles[i], &metadata, &value,
                                      NULL);
        if (st == SILT_NOMEM) {
            silt_duck.scalar_function_set_error(info, "out of memory");
            return;
        }
        if (st != SILT_OK) put_null(&c, i);
        silt_duck.vector_assign_string_element_len(metadatas, i, metadata.data, metadata.size);
        silt_duck.vector_assign_string_element_len(values, i, value.data, value.size);
    }
}

static void variant_json(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    column c = column_of(input, output);
    duckdb_vector values = silt_duck.data_chunk_get_vector(input, 1);
    const void *data = silt_duck.vector_get_data(values);
    const uint64_t *validity = silt_duck.vector_get_validity(values);
    SILT_CLEAN(silt_buf) text = {0};
    for (idx_t i = 0; i < c.rows; i++) {
        silt_error err = {0};
        if (!silt_duck_valid(c.validity, i) || !silt_duck_valid(validity, i)) {
            put_null(&c, i);
            continue;
        }
        silt_buf_clear(&text);
        if (silt_variant_to_json(silt_duck_bytes(c.data, i), silt_duck_bytes(data, i), &text,
                                 &err) != SILT_OK) {
            silt_duck.scalar_function_set_error(info, err.message);
            return;
        }
        silt_duck.vector_assign_string_element_len(output, i, text.data, text.size);
    }
}

static silt_status register_variant(silt_duck_engine *db, silt_error *err)
{
    static const char *names[] = {"metadata", "value"};
    const duckdb_type types[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_BOOLEAN, DUCKDB_TYPE_INVALID};
    SILT_CLEAN(silt_duck_type) blob = silt_duck.create_logical_type(DUCKDB_TYPE_BLOB);
    duckdb_logical_type parts[] = {blob, blob};
    SILT_CLEAN(silt_duck_type) pair = silt_duck.create_struct_type(parts, names, 2);
    const duckdb_type blobs[] = {DUCKDB_TYPE_BLOB, DUCKDB_TYPE_BLOB, DUCKDB_TYPE_INVALID};
    SILT_TRY(silt_duck_add_typed(db, "silt_variant", types, pair, variant, err));
    return silt_duck_add_function(db, "silt_variant_json", blobs, DUCKDB_TYPE_VARCHAR, false,
                                  variant_json, err);
}

silt_status silt_duck_text_register(silt_duck_engine *db, silt_error *err)
{
    const duckdb_type exact_args[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_INTEGER,
                                      DUCKDB_TYPE_INVALID};
    const duckdb_type text_arg[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_INVALID};
    SILT_TRY(silt_duck_add_function(db, "silt_exact", exact_args, DUCKDB_TYPE_BOOLEAN, false, exact,
                                    err));
    SILT_TRY(silt_duck_add_function(db, "silt_integer", exact_args, DUCKDB_TYPE_BIGINT, false,
                                    integer, err));
    SILT_TRY(silt_duck_add_function(db, "silt_day", text_arg, DUCKDB_TYPE_DATE, false, day, err));
    SILT_TRY(silt_duck_add_function(db, "silt_instant", text_arg, DUCKDB_TYPE_TIMESTAMP_TZ, false,
                                    instant, err));
    return register_variant(db, err);
}
