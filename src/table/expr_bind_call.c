/* The types of calls, and the casts of their arguments. */
#include <strings.h>

#include "table/expr_binder.h"

static const silt_type *primitive(silt_type_kind kind)
{
    return silt_type_primitive(kind);
}

static silt_status make(silt_binder *b, const silt_expr *call, const silt_type *type,
                        const silt_expr *const *args, const silt_expr **out)
{
    return silt_bind_make(b, call->op, type, args, call->arg_count, call->offset, out);
}

static silt_status cast_all(silt_binder *b, const silt_expr **args, size_t from, size_t to,
                            const silt_type *type)
{
    for (size_t i = from; i < to; i++)
        SILT_TRY(silt_bind_cast(b, args[i], type, &args[i]));
    return SILT_OK;
}

static silt_status types_differ(silt_binder *b, const silt_expr *call, const silt_type *x,
                                const silt_type *y)
{
    if (silt_type_is_number(x) && silt_type_is_number(y)) /* these do, if there is memory */
        return silt_fail_nomem(b->err);
    char *left = silt_type_name(x, b->arena), *right = silt_type_name(y, b->arena);
    return silt_bind_fail(b, call, "values of types %s and %s don't go together", left ? left : "",
                          right ? right : "");
}

static bool is_comparable(const silt_type *type)
{
    return type->kind <= SILT_TYPE_TIMESTAMP_NTZ || type->kind == SILT_TYPE_VOID;
}

/* ---- comparison */

static silt_status bind_comparison(silt_binder *b, const silt_expr *call, const silt_expr **args,
                                   const silt_expr **out)
{
    const silt_type *type = silt_type_of_comparison(args[0]->type, args[1]->type, b->arena);
    if (!type) return types_differ(b, call, args[0]->type, args[1]->type);
    if (!is_comparable(type))
        return silt_bind_fail(b, call, "arrays, maps, structs and variants can't be compared");
    if (type->kind == SILT_TYPE_VOID) type = primitive(SILT_TYPE_BOOLEAN);
    SILT_TRY(cast_all(b, args, 0, 2, type));
    silt_expr_op op = call->op;
    silt_adapt_comparison(b->arena, &op, &args[0], &args[1]);
    silt_expr_op ops[2];
    const silt_expr *bounds[2], *parts[2];
    size_t count = silt_adapt_days(b->arena, op, args[0], args[1], ops, bounds);
    if (count == 0)
        return silt_bind_make(b, op, primitive(SILT_TYPE_BOOLEAN), args, 2, call->offset, out);
    for (size_t i = 0; i < count; i++) {
        const silt_expr *sides[] = {args[0]->args[0], bounds[i]};
        SILT_TRY(silt_bind_make(b, ops[i], primitive(SILT_TYPE_BOOLEAN), sides, 2, call->offset,
                                &parts[i]));
    }
    *out = parts[0];
    return count == 1 ? SILT_OK
                      : silt_bind_make(b, SILT_OP_AND, primitive(SILT_TYPE_BOOLEAN), parts, count,
                                       call->offset, out);
}

/* x IN ('2024-01-01') compares texts in Spark; a literal that is just how its value is printed is
 * that value. */
static bool adapt_list(silt_binder *b, const silt_expr **args, size_t count)
{
    const silt_type *own = args[0]->type;
    const silt_expr **adapted = silt_arena_calloc(b->arena, count, sizeof *adapted);
    if (!adapted) return false;
    for (size_t i = 1; i < count; i++) {
        if (args[i]->kind != SILT_EXPR_LITERAL) return true;
        adapted[i] = args[i]->is_null ? silt_expr_null(b->arena, own)
                                      : silt_adapt_exact(b->arena, args[i], own);
        if (!adapted[i]) return true;
    }
    for (size_t i = 1; i < count; i++)
        args[i] = adapted[i];
    return true;
}

static silt_status bind_in(silt_binder *b, const silt_expr *call, const silt_expr **args,
                           const silt_expr **out)
{
    size_t count = call->arg_count;
    const silt_type *type = args[0]->type;
    if (type->kind != SILT_TYPE_VOID && !adapt_list(b, args, count)) return silt_fail_nomem(b->err);
    for (size_t i = 1; i < count; i++) {
        const silt_type *wider = silt_type_of_choice(type, args[i]->type, true, b->arena);
        if (!wider) return types_differ(b, call, args[0]->type, args[i]->type);
        type = wider;
    }
    if (!is_comparable(type))
        return silt_bind_fail(b, call, "arrays, maps, structs and variants can't be compared");
    if (type->kind == SILT_TYPE_VOID) type = primitive(SILT_TYPE_BOOLEAN);
    SILT_TRY(cast_all(b, args, 0, count, type));
    return make(b, call, primitive(SILT_TYPE_BOOLEAN), args, out);
}

/* ---- arithmetic */

/* As a decimal: of a literal, of as many digits as it has. */
static silt_status as_decimal(silt_binder *b, const silt_expr **arg)
{
    const silt_expr *e = *arg;
    if (!silt_type_is_whole(e->type)) return SILT_OK;
    const silt_type *type = silt_type_as_decimal(e->type, b->arena);
    if (e->kind == SILT_EXPR_LITERAL && !e->is_null)
        type = silt_type_decimal((int)strlen(e->text) - (*e->text == '-'), 0, b->arena);
    return silt_bind_cast(b, e, type, arg);
}

static silt_status bind_date_sum(silt_binder *b, const silt_expr *call, const silt_expr **args,
                                 const silt_expr **out)
{
    const silt_type *date = primitive(SILT_TYPE_DATE), *integer = primitive(SILT_TYPE_INTEGER);
    if (call->op == SILT_OP_ADD && args[1]->type->kind == SILT_TYPE_DATE) {
        const silt_expr *swap = args[0];
        args[0] = args[1];
        args[1] = swap;
    }
    bool days = silt_type_is_whole(args[1]->type) && args[1]->type->kind != SILT_TYPE_LONG;
    if (args[0]->type->kind != SILT_TYPE_DATE || !days)
        return types_differ(b, call, args[0]->type, args[1]->type);
    SILT_TRY(silt_bind_cast(b, args[1], integer, &args[1]));
    if (call->op == SILT_OP_SUBTRACT)
        SILT_TRY(
            silt_bind_make(b, SILT_OP_NEGATE, integer, &args[1], 1, args[1]->offset, &args[1]));
    return silt_bind_make(b, SILT_OP_DATE_ADD, date, args, 2, call->offset, out);
}

static silt_status bind_arithmetic(silt_binder *b, const silt_expr *call, const silt_expr **args,
                                   const silt_expr **out)
{
    const silt_type *real = primitive(SILT_TYPE_DOUBLE);
    bool sum = call->op == SILT_OP_ADD || call->op == SILT_OP_SUBTRACT;
    if (sum && (args[0]->type->kind == SILT_TYPE_DATE || args[1]->type->kind == SILT_TYPE_DATE))
        return bind_date_sum(b, call, args, out);
    for (size_t i = 0; i < 2; i++) {
        silt_type_kind kind = args[i]->type->kind;
        if (kind == SILT_TYPE_STRING || kind == SILT_TYPE_VOID)
            SILT_TRY(silt_bind_cast(b, args[i], real, &args[i]));
        if (!silt_type_is_number(args[i]->type))
            return types_differ(b, call, args[0]->type, args[1]->type);
    }
    bool decimal =
        args[0]->type->kind == SILT_TYPE_DECIMAL || args[1]->type->kind == SILT_TYPE_DECIMAL;
    bool floating = silt_type_is_real(args[0]->type) || silt_type_is_real(args[1]->type);
    if (decimal && !floating) {
        SILT_TRY(as_decimal(b, &args[0]));
        SILT_TRY(as_decimal(b, &args[1]));
        return make(b, call,
                    silt_type_of_decimals(call->op, args[0]->type, args[1]->type, b->arena), args,
                    out);
    }
    const silt_type *type = silt_type_of_comparison(args[0]->type, args[1]->type, b->arena);
    if (call->op == SILT_OP_DIVIDE) type = real;
    SILT_TRY(cast_all(b, args, 0, 2, type));
    return make(b, call, type, args, out);
}

/* ---- one number */

static silt_status need_number(silt_binder *b, const silt_expr *call, const silt_expr **arg)
{
    silt_type_kind kind = (*arg)->type->kind;
    if (kind == SILT_TYPE_STRING || kind == SILT_TYPE_VOID)
        SILT_TRY(silt_bind_cast(b, *arg, primitive(SILT_TYPE_DOUBLE), arg));
    if (silt_type_is_number((*arg)->type)) return SILT_OK;
    char *name = silt_type_name((*arg)->type, b->arena);
    return silt_bind_fail(b, call, "a number expected, not %s", name ? name : "");
}

/* FLOOR, CEIL, ROUND */
static silt_status bind_rounding(silt_binder *b, const silt_expr *call, const silt_expr **args,
                                 const silt_expr **out)
{
    SILT_TRY(need_number(b, call, &args[0]));
    const silt_type *type = args[0]->type;
    int64_t digits = 0;
    if (call->arg_count > 1 &&
        (args[1]->kind != SILT_EXPR_LITERAL || !silt_type_is_whole(args[1]->type) ||
         args[1]->is_null || !silt_parse_int64(args[1]->text, &digits)))
        return silt_bind_fail(b, call, "the number of digits has to be a whole literal");
    if (type->kind == SILT_TYPE_DECIMAL) {
        int scale = call->op == SILT_OP_ROUND && digits > 0 ? (int)digits : 0;
        if (scale > type->scale) scale = type->scale;
        int precision = type->precision - type->scale + scale + 1;
        if (digits < 0 || precision > SILT_DECIMAL_PRECISION_MAX)
            precision = digits < 0 ? type->precision : SILT_DECIMAL_PRECISION_MAX;
        type = silt_type_decimal(precision, scale, b->arena);
    } else if (call->op != SILT_OP_ROUND) {
        if (type->kind == SILT_TYPE_FLOAT)
            SILT_TRY(silt_bind_cast(b, args[0], primitive(SILT_TYPE_DOUBLE), &args[0]));
        type = primitive(SILT_TYPE_LONG);
    }
    return make(b, call, type, args, out);
}

/* ---- choice */

/* Values at `from`, `from + step`, …, below `to`; `last` too. */
static silt_status common_type(silt_binder *b, const silt_expr *call, const silt_expr **args,
                               bool is_value(const silt_expr *call, size_t i), bool text,
                               const silt_type **out)
{
    const silt_type *type = primitive(SILT_TYPE_VOID);
    for (size_t i = 0; i < call->arg_count; i++) {
        if (!is_value(call, i)) continue;
        const silt_type *wider = silt_type_of_choice(type, args[i]->type, text, b->arena);
        if (!wider) return types_differ(b, call, type, args[i]->type);
        type = wider;
    }
    for (size_t i = 0; i < call->arg_count; i++)
        if (is_value(call, i)) SILT_TRY(silt_bind_cast(b, args[i], type, &args[i]));
    *out = type;
    return SILT_OK;
}

static bool all_values(const silt_expr *call, size_t i)
{
    (void)call, (void)i;
    return true;
}

static bool case_value(const silt_expr *call, size_t i)
{
    return i % 2 == 1 || (call->arg_count % 2 == 1 && i == call->arg_count - 1);
}

static silt_status need_boolean(silt_binder *b, const silt_expr *call, const silt_expr **arg)
{
    const silt_type *boolean = primitive(SILT_TYPE_BOOLEAN);
    if ((*arg)->type->kind == SILT_TYPE_VOID) return silt_bind_cast(b, *arg, boolean, arg);
    if ((*arg)->type->kind == SILT_TYPE_BOOLEAN) return SILT_OK;
    char *name = silt_type_name((*arg)->type, b->arena);
    return silt_bind_fail(b, call, "true or false expected, not %s", name ? name : "");
}

static silt_status bind_choice(silt_binder *b, const silt_expr *call, const silt_expr **args,
                               const silt_expr **out)
{
    const silt_type *type = NULL;
    bool is_case = call->op == SILT_OP_CASE;
    for (size_t i = 0; is_case && i < call->arg_count; i++)
        if (!case_value(call, i)) SILT_TRY(need_boolean(b, call, &args[i]));
    bool text = is_case || call->op == SILT_OP_COALESCE;
    SILT_TRY(common_type(b, call, args, is_case ? case_value : all_values, text, &type));
    return make(b, call, type, args, out);
}

/* NULLIF(a, b) is CASE WHEN a = b THEN NULL ELSE a END, of a's type. */
static silt_status bind_nullif(silt_binder *b, const silt_expr *call, const silt_expr **args,
                               const silt_expr **out)
{
    const silt_expr *value = args[0], *parts[3], *sides[] = {args[0], args[1]};
    const silt_expr eq = {.kind = SILT_EXPR_CALL, .op = SILT_OP_EQ, .args = sides, .arg_count = 2};
    SILT_TRY(bind_comparison(b, &eq, sides, &parts[0]));
    if (value->type->kind != SILT_TYPE_VOID && silt_type_equal(value->type, args[1]->type))
        return make(b, call, value->type, args, out);
    parts[1] = silt_expr_null(b->arena, value->type); /* silt_bind_make() sees to it being there */
    parts[2] = value;
    return silt_bind_make(b, SILT_OP_CASE, value->type, parts, 3, call->offset, out);
}

/* ---- text */

static silt_status as_text(silt_binder *b, const silt_expr **args, size_t from, size_t to)
{
    return cast_all(b, args, from, to, primitive(SILT_TYPE_STRING));
}

static bool is_binary(const silt_expr *e)
{
    return e->type->kind == SILT_TYPE_BINARY;
}

static silt_status bind_text(silt_binder *b, const silt_expr *call, const silt_expr **args,
                             const silt_expr **out)
{
    const silt_type *type = primitive(SILT_TYPE_STRING), *integer = primitive(SILT_TYPE_INTEGER);
    for (size_t i = 0; i < call->arg_count; i++)
        if (is_binary(args[i]) && call->op != SILT_OP_LENGTH)
            return silt_fail(b->err, SILT_UNSUPPORTED, "%s of binary values isn't supported",
                             silt_expr_op_name(call->op) ? silt_expr_op_name(call->op) : "LIKE");
    switch (call->op) {
    case SILT_OP_SUBSTRING:
        SILT_TRY(as_text(b, args, 0, 1));
        SILT_TRY(cast_all(b, args, 1, call->arg_count, integer));
        break;
    case SILT_OP_LENGTH:
        if (!is_binary(args[0])) SILT_TRY(as_text(b, args, 0, 1));
        type = integer;
        break;
    case SILT_OP_LIKE:
    case SILT_OP_RLIKE:
    case SILT_OP_STARTS_WITH:
    case SILT_OP_ENDS_WITH:
    case SILT_OP_CONTAINS:
        SILT_TRY(as_text(b, args, 0, 2));
        type = primitive(SILT_TYPE_BOOLEAN);
        break;
    default:
        SILT_TRY(as_text(b, args, 0, call->arg_count));
        break;
    }
    return make(b, call, type, args, out);
}

/* ---- dates and times */

static silt_status need_literal(silt_binder *b, const silt_expr *call, const silt_expr *arg,
                                const char *what)
{
    if (arg->kind == SILT_EXPR_LITERAL && !arg->is_null && arg->type->kind == SILT_TYPE_STRING)
        return SILT_OK;
    return silt_bind_fail(b, call, "%s has to be a literal", what);
}

/* A date or an instant; texts become instants. */
static silt_status need_time(silt_binder *b, const silt_expr **arg)
{
    if (silt_type_is_instant((*arg)->type)) return SILT_OK;
    return silt_bind_cast(b, *arg, primitive(SILT_TYPE_TIMESTAMP), arg);
}

static silt_status bind_time(silt_binder *b, const silt_expr *call, const silt_expr **args,
                             const silt_expr **out)
{
    const silt_type *date = primitive(SILT_TYPE_DATE), *integer = primitive(SILT_TYPE_INTEGER);
    switch (call->op) {
    case SILT_OP_HOUR:
    case SILT_OP_MINUTE:
    case SILT_OP_SECOND:
        SILT_TRY(need_time(b, &args[0]));
        return make(b, call, integer, args, out);
    case SILT_OP_DATE_TRUNC:
        SILT_TRY(need_literal(b, call, args[0], "the unit"));
        SILT_TRY(need_time(b, &args[1]));
        return make(b, call, args[1]->type, args, out);
    case SILT_OP_TRUNC:
        SILT_TRY(need_literal(b, call, args[1], "the unit"));
        SILT_TRY(silt_bind_cast(b, args[0], date, &args[0]));
        return make(b, call, date, args, out);
    case SILT_OP_DATE_ADD:
        SILT_TRY(silt_bind_cast(b, args[0], date, &args[0]));
        if (!silt_type_is_whole(args[1]->type) || args[1]->type->kind == SILT_TYPE_LONG)
            return silt_bind_fail(b, call, "the days have to be an int");
        SILT_TRY(silt_bind_cast(b, args[1], integer, &args[1]));
        return make(b, call, date, args, out);
    case SILT_OP_DATE_DIFF:
        SILT_TRY(cast_all(b, args, 0, 2, date));
        return make(b, call, integer, args, out);
    case SILT_OP_DATE_FORMAT:
        SILT_TRY(need_literal(b, call, args[1], "the pattern"));
        SILT_TRY(need_time(b, &args[0]));
        return make(b, call, primitive(SILT_TYPE_STRING), args, out);
    default: /* YEAR … DAY_OF_YEAR are of days */
        if (!silt_type_is_instant(args[0]->type))
            SILT_TRY(silt_bind_cast(b, args[0], date, &args[0]));
        return make(b, call, integer, args, out);
    }
}

/* ---- all */

static silt_status bind_cast(silt_binder *b, const silt_expr *call, const silt_expr **args,
                             const silt_expr **out)
{
    return silt_bind_cast(b, args[0], call->type, out);
}

static silt_status bind_moment(silt_binder *b, const silt_expr *call, const silt_expr **args,
                               const silt_expr **out)
{
    silt_type_kind kind = SILT_TYPE_STRING;
    if (call->op == SILT_OP_CURRENT_DATE) kind = SILT_TYPE_DATE;
    if (call->op == SILT_OP_CURRENT_TIMESTAMP) kind = SILT_TYPE_TIMESTAMP;
    return make(b, call, primitive(kind), args, out);
}

static silt_status bind_logic(silt_binder *b, const silt_expr *call, const silt_expr **args,
                              const silt_expr **out)
{
    if (call->op != SILT_OP_IS_NULL)
        for (size_t i = 0; i < call->arg_count; i++)
            SILT_TRY(need_boolean(b, call, &args[i]));
    return make(b, call, primitive(SILT_TYPE_BOOLEAN), args, out);
}

static silt_status bind_number(silt_binder *b, const silt_expr *call, const silt_expr **args,
                               const silt_expr **out)
{
    SILT_TRY(need_number(b, call, &args[0]));
    if (call->op != SILT_OP_IS_NAN) return make(b, call, args[0]->type, args, out);
    if (!silt_type_is_real(args[0]->type))
        SILT_TRY(silt_bind_cast(b, args[0], primitive(SILT_TYPE_DOUBLE), &args[0]));
    return make(b, call, primitive(SILT_TYPE_BOOLEAN), args, out);
}

silt_status silt_bind_call(silt_binder *b, const silt_expr *call, const silt_expr **args,
                           const silt_expr **out)
{
    silt_expr_op op = call->op;
    if (op <= SILT_OP_EQ_NULL) return bind_comparison(b, call, args, out);
    if (op == SILT_OP_IN) return bind_in(b, call, args, out);
    if (op <= SILT_OP_RLIKE) return bind_text(b, call, args, out);
    if (op <= SILT_OP_IS_NULL) return bind_logic(b, call, args, out);
    if (op == SILT_OP_IS_NAN) return bind_number(b, call, args, out);
    if (op <= SILT_OP_MODULO) return bind_arithmetic(b, call, args, out);
    if (op <= SILT_OP_ABS) return bind_number(b, call, args, out);
    if (op <= SILT_OP_ROUND) return bind_rounding(b, call, args, out);
    if (op == SILT_OP_NULLIF) return bind_nullif(b, call, args, out);
    if (op <= SILT_OP_LEAST) return bind_choice(b, call, args, out);
    if (op == SILT_OP_CAST) return bind_cast(b, call, args, out);
    if (op <= SILT_OP_REPLACE) return bind_text(b, call, args, out);
    if (op <= SILT_OP_DATE_FORMAT) return bind_time(b, call, args, out);
    return bind_moment(b, call, args, out);
}
