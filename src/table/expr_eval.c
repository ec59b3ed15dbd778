/* Calls over constants. Used when binding (a literal becomes one of the column's type) and when
 * skipping files (a function of a file's bounds). What isn't exactly known here is left to the
 * engine. */
#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "base/seam.h"
#include "base/spark.h"
#include "table/expr_tree.h"
#include "table/value.h"

#define DAY_US INT64_C(86400000000)

typedef struct eval {
    const silt_type *type; /* of the result */
    silt_arena *arena;
    silt_value out;
    bool is_null;
} eval;

static bool is_whole(const silt_type *type)
{
    return type->kind >= SILT_TYPE_BYTE && type->kind <= SILT_TYPE_LONG;
}

static bool is_real(const silt_type *type)
{
    return type->kind == SILT_TYPE_FLOAT || type->kind == SILT_TYPE_DOUBLE;
}

static bool is_time(const silt_type *type)
{
    return type->kind == SILT_TYPE_TIMESTAMP || type->kind == SILT_TYPE_TIMESTAMP_NTZ;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* As Java's narrowing: the low bits. */
static int64_t wrapped(int64_t value, const silt_type *type)
{
    switch (type->kind) {
    case SILT_TYPE_BYTE:
        return (int8_t)(uint8_t)value;
    case SILT_TYPE_SHORT:
        return (int16_t)(uint16_t)value;
    case SILT_TYPE_INTEGER:
        return (int32_t)(uint32_t)value;
    default:
        return value;
    }
}

/* ---- casts */

static bool put_text(eval *e, const char *text)
{
    e->out.text = silt_bytes_of(text);
    return text != NULL;
}

static bool cast_to_decimal(eval *e, silt_bytes text)
{
    char out[SILT_SPARK_DECIMAL_SIZE];
    e->is_null =
        silt_spark_decimal(text, e->type->precision, e->type->scale, out) != SILT_SPARK_VALUE;
    return e->is_null || put_text(e, silt_arena_strdup(e->arena, out));
}

static bool cast_whole_text(eval *e, silt_bytes text)
{
    silt_spark_result result = silt_spark_long(text, &e->out.whole);
    e->is_null = result == SILT_SPARK_NULL ||
                 (result == SILT_SPARK_VALUE && wrapped(e->out.whole, e->type) != e->out.whole);
    return result != SILT_SPARK_BEYOND;
}

static bool cast_text(eval *e, silt_bytes text)
{
    silt_spark_result result = SILT_SPARK_BEYOND;
    bool truth = false;
    float real = 0;
    switch (e->type->kind) {
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        return cast_whole_text(e, text);
    case SILT_TYPE_FLOAT:
        result = silt_spark_float(text, &real);
        e->out.real = (double)real;
        break;
    case SILT_TYPE_DOUBLE:
        result = silt_spark_double(text, &e->out.real);
        break;
    case SILT_TYPE_BOOLEAN:
        result = silt_spark_boolean(text, &truth);
        e->out.whole = truth;
        break;
    case SILT_TYPE_DATE:
        result = silt_spark_date(text, &e->out.whole);
        break;
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        result = silt_spark_timestamp(text, e->type->kind == SILT_TYPE_TIMESTAMP, &e->out.whole);
        break;
    case SILT_TYPE_DECIMAL:
        return cast_to_decimal(e, text);
    default:
        break;
    }
    e->is_null = result == SILT_SPARK_NULL;
    return result != SILT_SPARK_BEYOND;
}

/* From an integer, a boolean or a decimal's text. */
static bool cast_number(eval *e, const silt_value *v, const silt_type *from)
{
    char text[SILT_VALUE_REAL_SIZE];
    bool decimal = from->kind == SILT_TYPE_DECIMAL;
    silt_bytes digits = v->text;
    if (!decimal) {
        (void)snprintf(text, sizeof text, "%" PRId64, v->whole);
        digits = silt_bytes_of(text);
    }
    switch (e->type->kind) {
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        if (!decimal) {
            e->out.whole = wrapped(v->whole, e->type);
            return true;
        }
        return silt_spark_long(digits, &e->out.whole) == SILT_SPARK_VALUE &&
               wrapped(e->out.whole, e->type) == e->out.whole;
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE: {
        float real = 0;
        if (e->type->kind == SILT_TYPE_DOUBLE)
            return silt_spark_double(digits, &e->out.real) == SILT_SPARK_VALUE;
        if (silt_spark_float(digits, &real) != SILT_SPARK_VALUE) return false;
        e->out.real = (double)real;
        return true;
    }
    case SILT_TYPE_DECIMAL:
        return from->kind != SILT_TYPE_BOOLEAN && cast_to_decimal(e, digits);
    case SILT_TYPE_BOOLEAN:
        e->out.whole =
            !decimal ? v->whole != 0 : strspn((const char *)digits.data, "-0.") < digits.size;
        return true;
    case SILT_TYPE_STRING:
        if (decimal && from->scale > 6) return false; /* Java has exponents then */
        if (from->kind == SILT_TYPE_BOOLEAN) return put_text(e, v->whole ? "true" : "false");
        return put_text(e, silt_arena_strndup(e->arena, digits.data, digits.size));
    default:
        return false;
    }
}

static bool cast_real(eval *e, const silt_value *v, const silt_type *from)
{
    if (e->type->kind == SILT_TYPE_DOUBLE) {
        e->out.real = v->real;
        return true;
    }
    if (e->type->kind == SILT_TYPE_FLOAT) {
        e->out.real = (double)(float)v->real;
        return from->kind == SILT_TYPE_FLOAT || fabs(v->real) <= 3.4e38;
    }
    if (is_whole(e->type) && fabs(v->real) < 9e15) {
        e->out.whole = (int64_t)v->real;
        return wrapped(e->out.whole, e->type) == e->out.whole;
    }
    return false;
}

static bool cast_instant(eval *e, const silt_value *v, const silt_type *from)
{
    bool day = from->kind == SILT_TYPE_DATE;
    switch (e->type->kind) {
    case SILT_TYPE_DATE:
        e->out.whole = day ? v->whole : floor_div(v->whole, DAY_US);
        return true;
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        e->out.whole = day ? v->whole * DAY_US : v->whole;
        return true;
    case SILT_TYPE_LONG:
        e->out.whole = floor_div(v->whole, 1000000);
        return !day;
    case SILT_TYPE_STRING: {
        char text[SILT_VALUE_TIME_SIZE];
        if (day)
            silt_date_format(v->whole, text);
        else
            silt_value_print_time(v->whole, false, text);
        return put_text(e, silt_arena_strdup(e->arena, text));
    }
    default:
        return false;
    }
}

static bool eval_cast(eval *e, const silt_value *v, const silt_type *from)
{
    if (silt_type_equal(from, e->type)) {
        e->out = *v;
        return true;
    }
    switch (from->kind) {
    case SILT_TYPE_STRING:
        return cast_text(e, v->text);
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        return cast_real(e, v, from);
    case SILT_TYPE_DATE:
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        return cast_instant(e, v, from);
    default:
        return cast_number(e, v, from);
    }
}

/* ---- arithmetic */

static bool eval_arithmetic(eval *e, silt_expr_op op, const silt_value *a, const silt_value *b)
{
    int64_t out = 0;
    if (!is_whole(e->type)) return false;
    bool over = false;
    if (op == SILT_OP_ADD)
        over = __builtin_add_overflow(a->whole, b->whole, &out);
    else if (op == SILT_OP_SUBTRACT)
        over = __builtin_sub_overflow(a->whole, b->whole, &out);
    else
        over = __builtin_mul_overflow(a->whole, b->whole, &out);
    e->out.whole = out;
    return !over && wrapped(out, e->type) == out;
}

static bool eval_negate(eval *e, const silt_value *v)
{
    if (is_real(e->type)) {
        e->out.real = -v->real;
        return true;
    }
    if (e->type->kind == SILT_TYPE_DECIMAL) {
        bool negative = v->text.size && *(const char *)v->text.data == '-';
        bool zero = strspn((const char *)v->text.data, "0.") >= v->text.size;
        const char *digits = (const char *)v->text.data + negative;
        return put_text(e, silt_arena_printf(e->arena, "%s%.*s", negative || zero ? "" : "-",
                                             (int)(v->text.size - negative), digits));
    }
    e->out.whole = -v->whole;
    return is_whole(e->type) && v->whole != INT64_MIN &&
           wrapped(e->out.whole, e->type) == e->out.whole;
}

/* ---- dates */

typedef struct parts {
    int year, month, day, hour, minute, second;
    int64_t days, us; /* us: within the day */
} parts;

static parts parts_of(const silt_value *v, const silt_type *type)
{
    parts p = {0};
    char text[SILT_DATE_SIZE];
    p.days = is_time(type) ? floor_div(v->whole, DAY_US) : v->whole;
    p.us = is_time(type) ? v->whole - p.days * DAY_US : 0;
    silt_date_format(p.days, text);
    p.year = (int)strtol(text, NULL, 10);
    p.month = (int)strtol(text + 5, NULL, 10);
    p.day = (int)strtol(text + 8, NULL, 10);
    p.hour = (int)(p.us / INT64_C(3600000000));
    p.minute = (int)(p.us / 60000000 % 60);
    p.second = (int)(p.us / 1000000 % 60);
    return p;
}

static int64_t days_of(int year, int month, int day)
{
    char text[SILT_DATE_SIZE];
    int64_t days = 0;
    (void)snprintf(text, sizeof text, "%04u-%02u-%02u", (unsigned)year % 10000,
                   (unsigned)month % 100, (unsigned)day % 100);
    (void)silt_date_parse(text, &days);
    return days;
}

static bool eval_part(eval *e, silt_expr_op op, const silt_value *v, const silt_type *type)
{
    if (!is_time(type) && type->kind != SILT_TYPE_DATE) return false;
    parts p = parts_of(v, type);
    switch (op) {
    case SILT_OP_YEAR:
        e->out.whole = p.year;
        return true;
    case SILT_OP_QUARTER:
        e->out.whole = (p.month + 2) / 3;
        return true;
    case SILT_OP_MONTH:
        e->out.whole = p.month;
        return true;
    case SILT_OP_DAY:
        e->out.whole = p.day;
        return true;
    case SILT_OP_HOUR:
        e->out.whole = p.hour;
        return true;
    case SILT_OP_MINUTE:
        e->out.whole = p.minute;
        return true;
    case SILT_OP_SECOND:
        e->out.whole = p.second;
        return true;
    case SILT_OP_DAY_OF_WEEK: /* 1970-01-01 was a Thursday, 5 */
        e->out.whole = (p.days + 4) - floor_div(p.days + 4, 7) * 7 + 1;
        return true;
    default: /* DAY_OF_YEAR */
        e->out.whole = p.days - days_of(p.year, 1, 1) + 1;
        return true;
    }
}

/* The first day of the unit that holds a day; false: smaller than a day, or no unit. */
static bool first_day(const char *unit, const parts *p, int64_t *days)
{
    static const char *const years[] = {"year", "yyyy", "yy"}, *const months[] = {"month", "mon",
                                                                                  "mm"};
    for (size_t i = 0; i < 3; i++) {
        if (strcasecmp(unit, years[i]) == 0) *days = days_of(p->year, 1, 1);
        if (strcasecmp(unit, months[i]) == 0) *days = days_of(p->year, p->month, 1);
        if (strcasecmp(unit, years[i]) == 0 || strcasecmp(unit, months[i]) == 0) return true;
    }
    if (strcasecmp(unit, "quarter") == 0)
        *days = days_of(p->year, (p->month - 1) / 3 * 3 + 1, 1);
    else if (strcasecmp(unit, "week") == 0) /* from Monday */
        *days = p->days - ((p->days + 3) - floor_div(p->days + 3, 7) * 7);
    else
        return false;
    return true;
}

static bool eval_date_trunc(eval *e, const char *unit, const silt_value *v, const silt_type *type)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"day", DAY_US},      {"dd", DAY_US},      {"hour", 3600000000},
                 {"minute", 60000000}, {"second", 1000000}, {"millisecond", 1000},
                 {"microsecond", 1}};
    if (!is_time(type)) return false;
    parts p = parts_of(v, type);
    int64_t days;
    if (first_day(unit, &p, &days)) {
        e->out.whole = days * DAY_US;
        return true;
    }
    for (size_t i = 0; i < SILT_COUNT(units); i++) {
        if (strcasecmp(unit, units[i].name) != 0) continue;
        e->out.whole = floor_div(v->whole, units[i].us) * units[i].us;
        return true;
    }
    return false;
}

/* The letters that stand in partitions; others are the engine's. */
static bool eval_date_format(eval *e, const char *pattern, const silt_value *v,
                             const silt_type *type)
{
    SILT_CLEAN(silt_buf) out = {0};
    parts p = parts_of(v, type);
    silt_buf_puts(&out, "");
    for (const char *c = pattern; *c;) {
        size_t run = strspn(c, (const char[]){*c, '\0'});
        int value = -1;
        if (*c == 'M') value = p.month;
        if (*c == 'd') value = p.day;
        if (*c == 'H') value = p.hour;
        if (*c == 'm') value = p.minute;
        if (*c == 's') value = p.second;
        if (*c == 'y' && run == 4)
            silt_buf_printf(&out, "%04d", p.year);
        else if (value >= 0 && run == 2)
            silt_buf_printf(&out, "%02d", value);
        else if (strchr("-/ :_.", *c))
            silt_buf_append(&out, c, run);
        else
            return false;
        c += run;
    }
    return put_text(e, silt_buf_copy(&out, e->arena));
}

/* ---- text */

/* Characters, or -1 where it isn't UTF-8. */
static int64_t characters(silt_bytes text)
{
    int64_t count = 0;
    for (size_t at = 0; at < text.size; count++) {
        size_t size = silt_utf8_length((const char *)text.data + at, text.size - at);
        if (size == 0) return -1;
        at += size;
    }
    return count;
}

static bool eval_substring(eval *e, silt_bytes text, int64_t start, int64_t length)
{
    int64_t count = characters(text), from = start > 0 ? start - 1 : 0;
    if (count < 0) return false;
    if (start < 0) from = count + start;
    int64_t to = length > count - from ? count : from + length; /* from may lie before the text */
    if (from < 0) from = 0;
    if (to > count) to = count;
    size_t at = 0, first = 0;
    if (to < from) to = from;
    for (int64_t i = 0; i < to; i++) {
        if (i == from) first = at;
        at += silt_utf8_length((const char *)text.data + at, text.size - at);
    }
    if (from >= to) first = at;
    return put_text(e, silt_arena_strndup(e->arena, (const char *)text.data + first, at - first));
}

static bool eval_like(eval *e, silt_bytes text, silt_bytes pattern)
{
    const char *t = text.data, *t_end = t + text.size, *p = pattern.data, *p_end = p + pattern.size;
    const char *star = NULL, *star_at = NULL;
    while (t < t_end || p < p_end) {
        if (p < p_end && *p == '%') {
            star = ++p;
            star_at = t;
            continue;
        }
        bool escaped = p < p_end && *p == '\\' && p + 1 < p_end;
        size_t size = silt_utf8_length(t, (size_t)(t_end - t));
        if (p < p_end && t < t_end) {
            const char *c = p + escaped;
            size_t wanted = silt_utf8_length(c, (size_t)(p_end - c));
            if ((*c == '_' && !escaped) || (size == wanted && size && memcmp(c, t, size) == 0)) {
                if (size == 0 || wanted == 0) return false;
                p = c + wanted;
                t += size;
                continue;
            }
        }
        if (!star || star_at >= t_end) {
            e->out.whole = 0;
            return true;
        }
        size = silt_utf8_length(star_at, (size_t)(t_end - star_at));
        if (size == 0) return false;
        star_at += size;
        t = star_at;
        p = star;
    }
    e->out.whole = 1;
    return true;
}

static bool eval_concat(eval *e, const silt_value *values, size_t count)
{
    SILT_CLEAN(silt_buf) out = {0};
    silt_buf_puts(&out, "");
    for (size_t i = 0; i < count; i++)
        silt_buf_append(&out, values[i].text.data, values[i].text.size);
    return put_text(e, silt_buf_copy(&out, e->arena));
}

/* ---- calls */

static bool eval_text(eval *e, silt_expr_op op, const silt_value *v, size_t count)
{
    silt_bytes a = v[0].text, b = count > 1 ? v[1].text : (silt_bytes){0};
    switch (op) {
    case SILT_OP_SUBSTRING:
        return eval_substring(e, a, v[1].whole, count > 2 ? v[2].whole : INT32_MAX);
    case SILT_OP_CONCAT:
        return eval_concat(e, v, count);
    case SILT_OP_LENGTH:
        e->out.whole = characters(a);
        return e->out.whole >= 0;
    case SILT_OP_LIKE:
        return eval_like(e, a, b);
    case SILT_OP_STARTS_WITH:
        e->out.whole = a.size >= b.size && memcmp(a.data, b.data, b.size) == 0;
        return true;
    case SILT_OP_ENDS_WITH:
        e->out.whole =
            a.size >= b.size && memcmp((const char *)a.data + a.size - b.size, b.data, b.size) == 0;
        return true;
    case SILT_OP_CONTAINS:
        e->out.whole = memmem(a.data, a.size, b.data, b.size) != NULL;
        return true;
    default:
        return false;
    }
}

static bool eval_call(eval *e, const silt_expr *call, const silt_expr *const *args,
                      const silt_value *v)
{
    const silt_type *first = args[0]->type;
    switch (call->op) {
    case SILT_OP_CAST:
        return eval_cast(e, v, first);
    case SILT_OP_ADD:
    case SILT_OP_SUBTRACT:
    case SILT_OP_MULTIPLY:
        return eval_arithmetic(e, call->op, &v[0], &v[1]);
    case SILT_OP_NEGATE:
        return eval_negate(e, v);
    case SILT_OP_YEAR:
    case SILT_OP_QUARTER:
    case SILT_OP_MONTH:
    case SILT_OP_DAY:
    case SILT_OP_HOUR:
    case SILT_OP_MINUTE:
    case SILT_OP_SECOND:
    case SILT_OP_DAY_OF_WEEK:
    case SILT_OP_DAY_OF_YEAR:
        return eval_part(e, call->op, v, first);
    case SILT_OP_DATE_TRUNC:
        return eval_date_trunc(e, args[0]->text, &v[1], args[1]->type);
    case SILT_OP_TRUNC: {
        parts p = parts_of(v, first);
        return first->kind == SILT_TYPE_DATE && first_day(args[1]->text, &p, &e->out.whole);
    }
    case SILT_OP_DATE_ADD:
        e->out.whole = v[0].whole + v[1].whole;
        return first->kind == SILT_TYPE_DATE;
    case SILT_OP_DATE_DIFF:
        e->out.whole = v[0].whole - v[1].whole;
        return first->kind == SILT_TYPE_DATE && args[1]->type->kind == SILT_TYPE_DATE;
    case SILT_OP_DATE_FORMAT:
        return is_time(first) && eval_date_format(e, args[1]->text, v, first);
    default:
        return eval_text(e, call->op, v, call->arg_count);
    }
}

#define ARGS_MAX 8

bool silt_expr_eval(const silt_expr *call, const silt_expr *const *args, silt_arena *arena,
                    const silt_expr **out)
{
    silt_value values[ARGS_MAX];
    eval e = {.type = call->type, .arena = arena};
    if (call->arg_count == 0 || call->arg_count > ARGS_MAX) return false;
    /* Those of which a null makes null; the others aren't evaluated here. */
    bool strict = call->op != SILT_OP_COALESCE && call->op != SILT_OP_CASE &&
                  call->op != SILT_OP_IS_NULL && call->op != SILT_OP_EQ_NULL &&
                  call->op != SILT_OP_GREATEST && call->op != SILT_OP_LEAST &&
                  call->op != SILT_OP_NULLIF && call->op != SILT_OP_AND && call->op != SILT_OP_OR &&
                  call->op != SILT_OP_IN && call->op != SILT_OP_IS_NAN;
    if (!strict) return false;
    for (size_t i = 0; i < call->arg_count; i++) {
        if (args[i]->is_null)
            e.is_null = true;
        else if (!silt_value_parse(args[i]->text, args[i]->type, &values[i]))
            return false;
    }
    if (!e.is_null && !eval_call(&e, call, args, values)) return false;
    if (e.is_null)
        *out = silt_expr_null(arena, call->type);
    else
        *out = silt_expr_literal(arena, call->type, silt_value_print(&e.out, call->type, arena));
    return *out != NULL;
}
