/* Which types meet in which: TypeCoercion and DecimalPrecision of Spark 3. */
#include "table/expr_type.h"

static int max(int a, int b)
{
    return a > b ? a : b;
}

static int min(int a, int b)
{
    return a < b ? a : b;
}

const silt_type *silt_type_as_decimal(const silt_type *type, silt_arena *arena)
{
    static const int digits[] = {[SILT_TYPE_BYTE] = 3,
                                 [SILT_TYPE_SHORT] = 5,
                                 [SILT_TYPE_INTEGER] = 10,
                                 [SILT_TYPE_LONG] = 20};
    return silt_type_is_whole(type) ? silt_type_decimal(digits[type->kind], 0, arena) : type;
}

/* One that holds both, cut at 38 digits. */
static const silt_type *wider_decimal(const silt_type *a, const silt_type *b, silt_arena *arena)
{
    int scale = max(a->scale, b->scale);
    int whole = max(a->precision - a->scale, b->precision - b->scale);
    return silt_type_decimal(min(whole + scale, SILT_DECIMAL_PRECISION_MAX),
                             min(scale, SILT_DECIMAL_PRECISION_MAX), arena);
}

static const silt_type *of_numbers(const silt_type *a, const silt_type *b, silt_arena *arena)
{
    bool decimal = a->kind == SILT_TYPE_DECIMAL || b->kind == SILT_TYPE_DECIMAL;
    if (decimal && (silt_type_is_real(a) || silt_type_is_real(b)))
        return silt_type_primitive(SILT_TYPE_DOUBLE);
    if (!decimal) return a->kind > b->kind ? a : b; /* kinds stand in the order of their width */
    return wider_decimal(silt_type_as_decimal(a, arena), silt_type_as_decimal(b, arena), arena);
}

/* Types that meet wherever they do; NULL: others. */
static const silt_type *tightest(const silt_type *a, const silt_type *b, silt_arena *arena)
{
    if (silt_type_equal(a, b)) return a;
    if (a->kind == SILT_TYPE_VOID) return b;
    if (b->kind == SILT_TYPE_VOID) return a;
    if (silt_type_is_number(a) && silt_type_is_number(b)) return of_numbers(a, b, arena);
    bool day_a = a->kind == SILT_TYPE_DATE, day_b = b->kind == SILT_TYPE_DATE;
    if ((day_a || silt_type_is_instant(a)) && (day_b || silt_type_is_instant(b))) {
        if (day_a) return b;
        if (day_b) return a;
        return silt_type_primitive(SILT_TYPE_TIMESTAMP);
    }
    return NULL;
}

static bool is_atomic(const silt_type *t)
{
    return t->kind <= SILT_TYPE_TIMESTAMP_NTZ;
}

const silt_type *silt_type_of_comparison(const silt_type *a, const silt_type *b, silt_arena *arena)
{
    const silt_type *type = tightest(a, b, arena);
    if (type) return type;
    if (b->kind == SILT_TYPE_STRING) {
        const silt_type *swap = a;
        a = b;
        b = swap;
    }
    if (a->kind == SILT_TYPE_STRING && is_atomic(b))
        return b->kind == SILT_TYPE_DECIMAL ? silt_type_primitive(SILT_TYPE_DOUBLE) : b;
    /* Spark compares a boolean with a number by the number 1 */
    if (a->kind == SILT_TYPE_BOOLEAN && silt_type_is_number(b)) return b;
    if (b->kind == SILT_TYPE_BOOLEAN && silt_type_is_number(a)) return a;
    return NULL;
}

const silt_type *silt_type_of_choice(const silt_type *a, const silt_type *b, bool text,
                                     silt_arena *arena)
{
    const silt_type *type = tightest(a, b, arena);
    if (type || !text) return type;
    const silt_type *other = a->kind == SILT_TYPE_STRING ? b : a;
    bool one = a->kind == SILT_TYPE_STRING || b->kind == SILT_TYPE_STRING;
    bool meets =
        is_atomic(other) && other->kind != SILT_TYPE_BINARY && other->kind != SILT_TYPE_BOOLEAN;
    return one && meets ? silt_type_primitive(SILT_TYPE_STRING) : NULL;
}

/* What has more than 38 digits gives up digits behind the point, down to 6. */
static const silt_type *adjusted(int precision, int scale, silt_arena *arena)
{
    if (precision <= SILT_DECIMAL_PRECISION_MAX) return silt_type_decimal(precision, scale, arena);
    int whole = precision - scale;
    return silt_type_decimal(SILT_DECIMAL_PRECISION_MAX,
                             max(SILT_DECIMAL_PRECISION_MAX - whole, min(scale, 6)), arena);
}

const silt_type *silt_type_of_decimals(silt_expr_op op, const silt_type *a, const silt_type *b,
                                       silt_arena *arena)
{
    int p1 = a->precision, s1 = a->scale, p2 = b->precision, s2 = b->scale;
    int scale = max(s1, s2);
    switch (op) {
    case SILT_OP_MULTIPLY:
        return adjusted(p1 + p2 + 1, s1 + s2, arena);
    case SILT_OP_DIVIDE:
        scale = max(6, s1 + p2 + 1);
        return adjusted(p1 - s1 + s2 + scale, scale, arena);
    case SILT_OP_MODULO:
        return adjusted(min(p1 - s1, p2 - s2) + scale, scale, arena);
    default:
        return adjusted(max(p1 - s1, p2 - s2) + scale + 1, scale, arena);
    }
}

bool silt_type_casts(const silt_type *from, const silt_type *to)
{
    if (silt_type_equal(from, to) || from->kind == SILT_TYPE_VOID) return true;
    if (!is_atomic(from) || !is_atomic(to)) return false;
    if (from->kind == SILT_TYPE_STRING || to->kind == SILT_TYPE_STRING) return true;
    bool from_time = from->kind == SILT_TYPE_DATE || silt_type_is_instant(from);
    bool to_time = to->kind == SILT_TYPE_DATE || silt_type_is_instant(to);
    if (from->kind == SILT_TYPE_BINARY || to->kind == SILT_TYPE_BINARY)
        return silt_type_is_whole(from) && to->kind == SILT_TYPE_BINARY;
    if (from_time && to_time) return true;
    if (from_time) return from->kind == SILT_TYPE_TIMESTAMP && silt_type_is_number(to);
    if (to_time) return to->kind == SILT_TYPE_TIMESTAMP;
    return true;
}

bool silt_type_keeps_order(const silt_type *from, const silt_type *to, silt_arena *arena)
{
    if (from->kind == SILT_TYPE_DATE) return silt_type_is_instant(to);
    if (from->kind == SILT_TYPE_TIMESTAMP_NTZ) return to->kind == SILT_TYPE_TIMESTAMP;
    if (from->kind == SILT_TYPE_FLOAT) return to->kind == SILT_TYPE_DOUBLE;
    if (silt_type_is_whole(from) && silt_type_is_whole(to)) return to->kind > from->kind;
    if (silt_type_is_whole(from) && silt_type_is_real(to)) return true;
    const silt_type *decimal = silt_type_as_decimal(from, arena);
    if (to->kind != SILT_TYPE_DECIMAL || !decimal || decimal->kind != SILT_TYPE_DECIMAL)
        return false;
    return to->scale >= decimal->scale &&
           to->precision - to->scale >= decimal->precision - decimal->scale;
}
