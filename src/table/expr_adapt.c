/* Comparisons of a cast column with a literal, turned so that the column stands alone: then the
 * engine's reader and the stats of files can rule out rows without casting each.
 *
 * The cast has to keep the order of values and to tell them apart, as those between whole numbers,
 * decimals, from float to double and from dates to instants do. The literal's own value is rounded
 * down to one that the column's type has; < and <= and so on follow. */
#include <math.h>
#include <stdio.h>

#include "base/spark.h"
#include "table/expr_binder.h"
#include "table/value.h"

#define DAY_US INT64_C(86400000000)

/* The largest value of a column's type that isn't above the literal. */
typedef enum fit {
    FIT_NONE,  /* not known */
    FIT_EXACT, /* is the literal */
    FIT_BELOW, /* is below it */
    FIT_UNDER, /* there is none: all are above; `text` is the least */
    FIT_OVER   /* all are below the literal; `text` is the largest */
} fit;

static bool is_long_double_exact(const silt_type *type, double value)
{
    double limit = type->kind == SILT_TYPE_FLOAT ? 16777216.0 : 9007199254740992.0;
    return fabs(value) < limit;
}

/* ---- into whole numbers */

static fit whole_within(__int128 value, bool exact, const silt_type *type, int64_t *out)
{
    int bits = 8 << (type->kind - SILT_TYPE_BYTE);
    __int128 most = ((__int128)1 << (bits - 1)) - 1, least = -most - 1;
    if (value > most) {
        *out = (int64_t)most;
        return FIT_OVER;
    }
    if (value < least) {
        *out = (int64_t)least;
        return FIT_UNDER;
    }
    *out = (int64_t)value;
    return exact ? FIT_EXACT : FIT_BELOW;
}

static fit fit_whole(const silt_expr *literal, const silt_type *type, int64_t *out)
{
    silt_value v;
    if (!silt_value_parse(literal->text, literal->type, &v)) return FIT_NONE;
    if (silt_type_is_whole(literal->type)) return whole_within(v.whole, true, type, out);
    if (silt_type_is_real(literal->type)) {
        if (!is_long_double_exact(literal->type, v.real)) return FIT_NONE;
        double down = floor(v.real);
        return whole_within((__int128)down, down == v.real, type, out);
    }
    __int128 unscaled, unit = 1;
    if (literal->type->kind != SILT_TYPE_DECIMAL ||
        !silt_decimal_unscaled(v.text, literal->type->scale, &unscaled))
        return FIT_NONE;
    for (int i = 0; i < literal->type->scale; i++)
        unit *= 10;
    __int128 down = unscaled / unit - (unscaled % unit < 0);
    return whole_within(down, unscaled % unit == 0, type, out);
}

/* ---- into decimals */

static const char *print_unscaled(__int128 value, int scale, silt_arena *arena)
{
    char digits[48];
    int count = 0;
    SILT_CLEAN(silt_buf) out = {0};
    if (value < 0) silt_buf_putc(&out, '-');
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    for (; rest || count <= scale; rest /= 10)
        digits[count++] = (char)('0' + (int)(rest % 10));
    while (count-- > 0) {
        silt_buf_putc(&out, digits[count]);
        if (count == scale && scale) silt_buf_putc(&out, '.');
    }
    return silt_buf_copy(&out, arena);
}

static fit fit_decimal(const silt_expr *literal, const silt_type *type, silt_arena *arena,
                       const char **text)
{
    silt_value v;
    if (literal->type->kind != SILT_TYPE_DECIMAL && !silt_type_is_whole(literal->type))
        return FIT_NONE;
    silt_bytes digits = silt_bytes_of(literal->text);
    int scale = literal->type->kind == SILT_TYPE_DECIMAL ? literal->type->scale : 0;
    int common = scale > type->scale ? scale : type->scale;
    __int128 value, unit = 1, most = 1;
    if (!silt_value_parse(literal->text, literal->type, &v) ||
        !silt_decimal_unscaled(digits, common, &value))
        return FIT_NONE;
    for (int i = type->scale; i < common; i++)
        unit *= 10;
    for (int i = 0; i < type->precision; i++)
        most *= 10;
    __int128 down = value / unit - (value % unit < 0);
    fit f = value % unit == 0 ? FIT_EXACT : FIT_BELOW;
    if (down >= most) {
        down = most - 1;
        f = FIT_OVER;
    } else if (down <= -most) {
        down = -most + 1;
        f = FIT_UNDER;
    }
    *text = print_unscaled(down, type->scale, arena);
    return *text ? f : FIT_NONE;
}

/* ---- into the rest */

static fit fit_float(const silt_expr *literal, double *out)
{
    silt_value v;
    if (literal->type->kind != SILT_TYPE_DOUBLE ||
        !silt_value_parse(literal->text, literal->type, &v) || fabs(v.real) > 3.4e38)
        return FIT_NONE;
    float down = (float)v.real;
    if ((double)down > v.real) down = nextafterf(down, -INFINITY);
    *out = (double)down;
    return (double)down == v.real ? FIT_EXACT : FIT_BELOW;
}

static fit fit_date(const silt_expr *literal, int64_t *out)
{
    silt_value v;
    if (!silt_type_is_instant(literal->type) || !silt_value_parse(literal->text, literal->type, &v))
        return FIT_NONE;
    *out = v.whole / DAY_US - (v.whole % DAY_US < 0);
    return v.whole % DAY_US == 0 ? FIT_EXACT : FIT_BELOW;
}

/* The literal rounded down to `type`, whose cast to the literal's type keeps order and tells values
 * apart. */
static fit fit_into(const silt_expr *literal, const silt_type *type, silt_arena *arena,
                    const silt_expr **out)
{
    silt_value v = {0};
    const char *text = NULL;
    fit f = FIT_NONE;
    if (silt_type_is_whole(type))
        f = fit_whole(literal, type, &v.whole);
    else if (type->kind == SILT_TYPE_DECIMAL)
        f = fit_decimal(literal, type, arena, &text);
    else if (type->kind == SILT_TYPE_FLOAT)
        f = fit_float(literal, &v.real);
    else if (type->kind == SILT_TYPE_DATE)
        f = fit_date(literal, &v.whole);
    else if (type->kind == SILT_TYPE_TIMESTAMP_NTZ && literal->type->kind == SILT_TYPE_TIMESTAMP &&
             silt_value_parse(literal->text, literal->type, &v))
        f = FIT_EXACT;
    if (f == FIT_NONE) return f;
    if (!text) text = silt_value_print(&v, type, arena);
    *out = silt_expr_literal(arena, type, text);
    return *out ? f : FIT_NONE;
}

/* How `column op literal` is said of the rounded literal; false: it can't be. */
static bool adapt_op(silt_expr_op *op, fit f)
{
    bool less = *op == SILT_OP_LT || *op == SILT_OP_LE,
         more = *op == SILT_OP_GT || *op == SILT_OP_GE;
    if (f == FIT_EXACT) return true;
    if (!less && !more) return false;
    if (f == FIT_UNDER)
        *op = less ? SILT_OP_LT : SILT_OP_GE;
    else
        *op = less ? SILT_OP_LE : SILT_OP_GT;
    return true;
}

static silt_expr_op mirrored(silt_expr_op op)
{
    switch (op) {
    case SILT_OP_LT:
        return SILT_OP_GT;
    case SILT_OP_LE:
        return SILT_OP_GE;
    case SILT_OP_GT:
        return SILT_OP_LT;
    case SILT_OP_GE:
        return SILT_OP_LE;
    default:
        return op;
    }
}

void silt_adapt_comparison(silt_arena *arena, silt_expr_op *op, const silt_expr **left,
                           const silt_expr **right)
{
    const silt_expr *fitted = NULL, *swap = *left;
    if ((*left)->kind == SILT_EXPR_LITERAL && (*right)->kind != SILT_EXPR_LITERAL) {
        *left = *right;
        *right = swap;
        *op = mirrored(*op);
    }
    if (!silt_expr_is(*left, SILT_OP_CAST) || (*right)->kind != SILT_EXPR_LITERAL) return;
    const silt_expr *column = (*left)->args[0];
    if (column->kind != SILT_EXPR_COLUMN || (*right)->is_null) return;
    if (!silt_type_keeps_order(column->type, (*left)->type, arena)) return;
    silt_expr_op adapted = *op;
    fit f = fit_into(*right, column->type, arena, &fitted);
    if (f == FIT_NONE || !adapt_op(&adapted, f)) return;
    *op = adapted;
    *left = column;
    *right = fitted;
}

/* The first instant of a day, `later` days on. */
static const silt_expr *midnight(silt_arena *arena, const silt_expr *day, int later,
                                 const silt_type *type)
{
    silt_value v;
    if (!silt_value_parse(day->text, day->type, &v)) return NULL;
    v.whole = (v.whole + later) * DAY_US;
    return silt_expr_literal(arena, type, silt_value_print(&v, type, arena));
}

size_t silt_adapt_days(silt_arena *arena, silt_expr_op op, const silt_expr *left,
                       const silt_expr *right, silt_expr_op ops[2], const silt_expr *bounds[2])
{
    size_t count = 0;
    if (!silt_expr_is(left, SILT_OP_CAST) || left->type->kind != SILT_TYPE_DATE ||
        left->args[0]->kind != SILT_EXPR_COLUMN || !silt_type_is_instant(left->args[0]->type) ||
        right->kind != SILT_EXPR_LITERAL || right->is_null)
        return 0;
    const silt_type *type = left->args[0]->type;
    if (op == SILT_OP_EQ || op == SILT_OP_GE || op == SILT_OP_GT) {
        ops[count] = SILT_OP_GE;
        bounds[count++] = midnight(arena, right, op == SILT_OP_GT, type);
    }
    if (op == SILT_OP_EQ || op == SILT_OP_LE || op == SILT_OP_LT) {
        ops[count] = SILT_OP_LT;
        bounds[count++] = midnight(arena, right, op != SILT_OP_LT, type);
    }
    for (size_t i = 0; i < count; i++)
        if (!bounds[i]) return 0; /* beyond what times there are */
    return count;
}

const silt_expr *silt_adapt_exact(silt_arena *arena, const silt_expr *literal,
                                  const silt_type *type)
{
    const silt_expr *fitted = NULL, *back = NULL;
    if (silt_type_equal(literal->type, type)) return literal;
    if (literal->type->kind != SILT_TYPE_STRING)
        return fit_into(literal, type, arena, &fitted) == FIT_EXACT ? fitted : NULL;
    /* A text is compared as text: it is a value where that is printed just so. */
    if (!silt_type_is_whole(type) && type->kind != SILT_TYPE_DATE && !silt_type_is_instant(type))
        return NULL;
    const silt_expr there = {
        .kind = SILT_EXPR_CALL, .op = SILT_OP_CAST, .type = type, .args = &literal, .arg_count = 1};
    if (!silt_expr_eval(&there, &literal, arena, &fitted) || fitted->is_null) return NULL;
    const silt_expr again = {.kind = SILT_EXPR_CALL,
                             .op = SILT_OP_CAST,
                             .type = literal->type,
                             .args = &fitted,
                             .arg_count = 1};
    if (!silt_expr_eval(&again, &fitted, arena, &back) || back->is_null) return NULL;
    return strcmp(back->text, literal->text) == 0 ? fitted : NULL;
}
