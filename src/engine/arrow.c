/* Arrow schemas and arrays, looked at before anything is taken from them. */
#include "engine/arrow.h"

#include "base/type.h"

#define DIGITS_MAX 38

/* ---- formats */

typedef struct simple_format {
    const char *format;
    silt_type_kind kind;
    silt_arrow_layout layout;
    uint8_t width;
    bool is_unsigned;
} simple_format;

static const simple_format simple_formats[] = {
    {"n", SILT_TYPE_VOID, SILT_ARROW_NULLS, 0, false},
    {"b", SILT_TYPE_BOOLEAN, SILT_ARROW_BITS, 0, false},
    {"c", SILT_TYPE_BYTE, SILT_ARROW_FIXED, 1, false},
    {"C", SILT_TYPE_SHORT, SILT_ARROW_FIXED, 1, true},
    {"s", SILT_TYPE_SHORT, SILT_ARROW_FIXED, 2, false},
    {"S", SILT_TYPE_INTEGER, SILT_ARROW_FIXED, 2, true},
    {"i", SILT_TYPE_INTEGER, SILT_ARROW_FIXED, 4, false},
    {"I", SILT_TYPE_LONG, SILT_ARROW_FIXED, 4, true},
    {"l", SILT_TYPE_LONG, SILT_ARROW_FIXED, 8, false},
    {"f", SILT_TYPE_FLOAT, SILT_ARROW_FIXED, 4, false},
    {"g", SILT_TYPE_DOUBLE, SILT_ARROW_FIXED, 8, false},
    {"u", SILT_TYPE_STRING, SILT_ARROW_TEXT, 0, false},
    {"U", SILT_TYPE_STRING, SILT_ARROW_TEXT_LARGE, 0, false},
    {"z", SILT_TYPE_BINARY, SILT_ARROW_TEXT, 0, false},
    {"Z", SILT_TYPE_BINARY, SILT_ARROW_TEXT_LARGE, 0, false},
    {"tdD", SILT_TYPE_DATE, SILT_ARROW_DAYS, 4, false},
    {"tdm", SILT_TYPE_DATE, SILT_ARROW_DAYS_MS, 8, false},
};

/* The number at `*text`, moved behind it; -1: there is none. */
static int64_t number(const char **text)
{
    int64_t value = 0;
    if (**text < '0' || **text > '9') return -1;
    for (; **text >= '0' && **text <= '9'; ++*text)
        if (value < INT32_MAX) value = value * 10 + (**text - '0');
    return value < INT32_MAX ? value : -1;
}

/* "p,s" or "p,s,128" */
static bool decimal_format(const char *text, silt_arena *arena, silt_arrow_column *out)
{
    int64_t precision = number(&text), bits = 128;
    if (*text++ != ',') return false;
    int64_t scale = number(&text);
    if (*text == ',') {
        text++;
        bits = number(&text);
    }
    if (*text || bits != 128 || precision < 1 || precision > DIGITS_MAX || scale < 0 ||
        scale > precision)
        return false;
    out->type = silt_type_decimal((int)precision, (int)scale, arena);
    out->layout = SILT_ARROW_DECIMAL;
    out->width = 16;
    return true;
}

/* "tsu:UTC": an instant where it names a zone, which says how to show it only. */
static bool time_format(const char *text, silt_arrow_column *out)
{
    static const struct {
        char unit;
        int64_t per_second;
    } units[] = {{'s', 1}, {'m', 1000}, {'u', 1000000}, {'n', 1000000000}};
    for (size_t i = 0; i < SILT_COUNT(units); i++)
        if (text[0] == units[i].unit) out->per_second = units[i].per_second;
    if (!out->per_second || text[1] != ':') return false;
    out->type = silt_type_primitive(text[2] ? SILT_TYPE_TIMESTAMP : SILT_TYPE_TIMESTAMP_NTZ);
    out->layout = SILT_ARROW_TIME;
    out->width = 8;
    return true;
}

static bool parse_format(const char *format, silt_arena *arena, silt_arrow_column *out)
{
    for (size_t i = 0; i < SILT_COUNT(simple_formats); i++) {
        const simple_format *f = &simple_formats[i];
        if (!silt_streq(format, f->format)) continue;
        out->type = silt_type_primitive(f->kind);
        out->layout = f->layout;
        out->width = f->width;
        out->is_unsigned = f->is_unsigned;
        return true;
    }
    if (silt_streq(format, "L")) { /* what a long can't hold */
        *out = (silt_arrow_column){.name = out->name,
                                   .type = silt_type_decimal(20, 0, arena),
                                   .layout = SILT_ARROW_FIXED,
                                   .width = 8,
                                   .is_unsigned = true};
        return true;
    }
    if (silt_starts_with(format, "d:")) return decimal_format(format + 2, arena, out);
    if (silt_starts_with(format, "ts")) return time_format(format + 2, out);
    if (!silt_starts_with(format, "w:")) return false;
    const char *width = format + 2;
    int64_t bytes = number(&width);
    out->type = silt_type_primitive(SILT_TYPE_BINARY);
    out->layout = SILT_ARROW_BYTES;
    out->width = (size_t)bytes;
    return bytes >= 0 && !*width;
}

static silt_status refuse(const struct ArrowSchema *schema, const char *name, silt_error *err)
{
    bool nested = schema->format[0] == '+', run_ends = silt_streq(schema->format, "+r");
    const char *what = schema->dictionary ? "dictionary-encoded"
                       : run_ends         ? "run-end-encoded"
                       : nested           ? "nested"
                                          : "of a type that can't be taken";
    (void)silt_fail(err, SILT_UNSUPPORTED, "rows: column %s is %s (Arrow format \"%s\")", name,
                    what, schema->format);
    if (schema->dictionary || run_ends)
        return silt_hint(err, SILT_UNSUPPORTED, "decode it to plain values first");
    return silt_hint(err, SILT_UNSUPPORTED,
                     "taken are null, bool, integers, float, double, decimal128, utf8, binary, "
                     "date and timestamp");
}

static silt_status column_of(const struct ArrowSchema *schema, silt_arena *arena,
                             silt_arrow_column *out, silt_error *err)
{
    const char *name = schema && schema->name ? schema->name : "";
    if (!schema || !schema->format || !schema->release)
        return silt_fail(err, SILT_INVALID, "rows: a column without a format");
    if (!*name || !silt_utf8_valid(silt_bytes_of(name)))
        return silt_fail(err, SILT_INVALID, "rows: a column without a name");
    out->name = silt_arena_strdup(arena, name);
    if (!out->name) return silt_fail_nomem(err);
    if (schema->dictionary || !parse_format(schema->format, arena, out))
        return refuse(schema, name, err);
    return out->type ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_arrow_columns(const struct ArrowSchema *schema, silt_arena *arena,
                               const silt_arrow_column **out, size_t *count, silt_error *err)
{
    if (!schema->format || strcmp(schema->format, "+s") != 0 || schema->n_children < 1)
        return silt_fail(err, SILT_INVALID, "rows: the stream has no columns");
    size_t n = (size_t)schema->n_children;
    silt_arrow_column *columns = silt_arena_calloc(arena, n, sizeof *columns);
    if (!columns) return silt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        SILT_TRY(column_of(schema->children[i], arena, &columns[i], err));
        for (size_t k = 0; k < i; k++)
            if (strcmp(columns[k].name, columns[i].name) == 0)
                return silt_fail(err, SILT_INVALID, "rows: column %s is there twice",
                                 columns[i].name);
    }
    *out = columns;
    *count = n;
    return SILT_OK;
}

/* ---- types */

/* Digits before the point that an integer type may need; 0: not one. */
static int integer_digits(const silt_type *type)
{
    static const uint8_t digits[] = {[SILT_TYPE_BYTE] = 3,
                                     [SILT_TYPE_SHORT] = 5,
                                     [SILT_TYPE_INTEGER] = 10,
                                     [SILT_TYPE_LONG] = 19};
    return type->kind >= SILT_TYPE_BYTE && type->kind <= SILT_TYPE_LONG ? digits[type->kind] : 0;
}

bool silt_arrow_fits(const silt_type *from, const silt_type *to)
{
    if (from->kind == SILT_TYPE_VOID || silt_type_equal(from, to)) return true;
    int digits = integer_digits(from);
    switch (to->kind) {
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        return digits && from->kind < to->kind;
    case SILT_TYPE_FLOAT:
        return digits && from->kind <= SILT_TYPE_SHORT;
    case SILT_TYPE_DOUBLE:
        return (digits && from->kind <= SILT_TYPE_INTEGER) || from->kind == SILT_TYPE_FLOAT;
    case SILT_TYPE_DECIMAL:
        if (digits) return to->precision - to->scale >= digits;
        return from->kind == SILT_TYPE_DECIMAL && to->scale >= from->scale &&
               to->precision - to->scale >= from->precision - from->scale;
    case SILT_TYPE_TIMESTAMP_NTZ:
        return from->kind == SILT_TYPE_DATE;
    default:
        return false;
    }
}

/* ---- batches */

static silt_status bad_batch(const char *name, const char *what, silt_error *err)
{
    return silt_fail(err, SILT_INVALID, "rows: column %s: %s", name, what);
}

static silt_status check_column(const silt_arrow_column *column, const struct ArrowArray *batch,
                                const struct ArrowArray *array, silt_error *err)
{
    static const uint8_t buffers[] = {
        [SILT_ARROW_NULLS] = 0, [SILT_ARROW_TEXT] = 3, [SILT_ARROW_TEXT_LARGE] = 3};
    bool text = column->layout >= SILT_ARROW_TEXT;
    int64_t wanted = text || column->layout == SILT_ARROW_NULLS ? buffers[column->layout] : 2;
    if (!array || !array->release) return bad_batch(column->name, "a batch without it", err);
    if (array->offset < 0 || array->length < batch->length ||
        array->length - batch->length < batch->offset)
        return bad_batch(column->name, "fewer values than the batch has rows", err);
    if (array->n_buffers != wanted) return bad_batch(column->name, "wrong number of buffers", err);
    if (wanted == 0 || batch->length == 0) return SILT_OK;
    if (!array->buffers || !array->buffers[1] || (array->null_count > 0 && !array->buffers[0]))
        return bad_batch(column->name, "a buffer is missing", err);
    return SILT_OK;
}

silt_status silt_arrow_check(const silt_arrow_column *columns, size_t count,
                             const struct ArrowArray *batch, silt_error *err)
{
    if (batch->length < 0 || batch->offset < 0 || batch->n_children != (int64_t)count ||
        !batch->children)
        return silt_fail(err, SILT_INVALID, "rows: a batch isn't as its schema says");
    bool may_be_null = batch->null_count != 0 && batch->n_buffers > 0 && batch->buffers;
    const void *rows = may_be_null ? batch->buffers[0] : NULL;
    for (int64_t i = 0; rows && i < batch->length; i++)
        if (!silt_arrow_bit(rows, (size_t)(batch->offset + i)))
            return silt_fail(err, SILT_INVALID, "rows: a row as a whole can't be null");
    for (size_t i = 0; i < count; i++)
        SILT_TRY(check_column(&columns[i], batch, batch->children[i], err));
    return SILT_OK;
}
