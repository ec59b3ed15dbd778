/* Operations of Spark as SQL of DuckDB. */
#include "engine/duckdb_expr.h"

#include <strings.h>

#define SQL_MAX ((size_t)64 << 20) /* some casts use their argument several times */

static bool is_whole(const silt_type *t)
{
    return t->kind >= SILT_TYPE_BYTE && t->kind <= SILT_TYPE_LONG;
}

static bool is_real(const silt_type *t)
{
    return t->kind == SILT_TYPE_FLOAT || t->kind == SILT_TYPE_DOUBLE;
}

silt_status silt_duck_expr_format(silt_duck_expr *r, const char *format,
                                  const silt_expr *const *args)
{
    for (const char *c = format; *c; c++) {
        if (*c != '@') {
            silt_buf_putc(r->sql, *c);
            continue;
        }
        SILT_TRY(silt_duck_expr_put(r, args[*++c - '0']));
    }
    return SILT_OK;
}

/* ---- literals */

static silt_status put_literal(silt_duck_expr *r, const silt_expr *e)
{
    if (!e->type || e->type->kind == SILT_TYPE_VOID) {
        silt_buf_puts(r->sql, "NULL");
        return SILT_OK;
    }
    if (!e->is_null && e->type->kind == SILT_TYPE_BOOLEAN) {
        silt_buf_puts(r->sql, e->text);
        return SILT_OK;
    }
    if (!e->is_null && e->type->kind == SILT_TYPE_BINARY) {
        silt_buf_printf(r->sql, "unhex('%s')", e->text);
        return SILT_OK;
    }
    silt_buf_puts(r->sql, "CAST(");
    silt_sql_text(r->sql, e->is_null ? NULL : e->text);
    silt_buf_puts(r->sql, " AS ");
    SILT_TRY(silt_sql_type(r->sql, e->type, r->err));
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

/* ---- logic and comparison */

static silt_status put_chain(silt_duck_expr *r, const silt_expr *e, const char *sign)
{
    silt_buf_putc(r->sql, '(');
    for (size_t i = 0; i < e->arg_count; i++) {
        if (i) silt_buf_puts(r->sql, sign);
        SILT_TRY(silt_duck_expr_put(r, e->args[i]));
    }
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

static silt_status put_list(silt_duck_expr *r, const silt_expr *e, size_t from, const char *before)
{
    silt_buf_puts(r->sql, before);
    for (size_t i = from; i < e->arg_count; i++) {
        if (i > from) silt_buf_puts(r->sql, ", ");
        SILT_TRY(silt_duck_expr_put(r, e->args[i]));
    }
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

static silt_status put_in(silt_duck_expr *r, const silt_expr *e)
{
    silt_buf_putc(r->sql, '(');
    SILT_TRY(silt_duck_expr_put(r, e->args[0]));
    SILT_TRY(put_list(r, e, 1, " IN ("));
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

static silt_status put_case(silt_duck_expr *r, const silt_expr *e)
{
    silt_buf_puts(r->sql, "(CASE");
    for (size_t i = 0; i + 1 < e->arg_count; i += 2) {
        silt_buf_puts(r->sql, " WHEN ");
        SILT_TRY(silt_duck_expr_put(r, e->args[i]));
        silt_buf_puts(r->sql, " THEN ");
        SILT_TRY(silt_duck_expr_put(r, e->args[i + 1]));
    }
    if (e->arg_count % 2) {
        silt_buf_puts(r->sql, " ELSE ");
        SILT_TRY(silt_duck_expr_put(r, e->args[e->arg_count - 1]));
    }
    silt_buf_puts(r->sql, " END)");
    return SILT_OK;
}

static silt_status put_rlike(silt_duck_expr *r, const silt_expr *e)
{
    SILT_CLEAN(silt_buf) pattern = {0};
    if (e->args[1]->kind != SILT_EXPR_LITERAL)
        return silt_fail(r->err, SILT_UNSUPPORTED,
                         "RLIKE with a pattern that isn't a literal isn't supported");
    if (!e->args[1]->is_null) SILT_TRY(silt_duck_regex(e->args[1]->text, &pattern, r->err));
    if (pattern.failed) return silt_fail_nomem(r->err);
    SILT_TRY(silt_duck_expr_format(r, "regexp_matches(@0, ", e->args));
    silt_sql_text(r->sql, e->args[1]->is_null ? NULL : pattern.data ? pattern.data : "");
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

/* ---- numbers */

/* Integers wrap around in Spark, where DuckDB fails: they are computed in twice the bits. */
silt_status silt_duck_expr_wrap_begin(silt_duck_expr *r)
{
    silt_buf_puts(r->sql, "CAST(((");
    return SILT_OK;
}

silt_status silt_duck_expr_wrap_end(silt_duck_expr *r, const silt_type *type)
{
    static const struct {
        const char *half, *mask;
    } bits[] = {
        [SILT_TYPE_BYTE] = {"128", "255"},
        [SILT_TYPE_SHORT] = {"32768", "65535"},
        [SILT_TYPE_INTEGER] = {"2147483648", "4294967295"},
        [SILT_TYPE_LONG] = {"9223372036854775808", "18446744073709551615"},
    };
    const char *half = bits[type->kind].half;
    silt_buf_printf(r->sql, " + %s) & %s) - %s AS ", half, bits[type->kind].mask, half);
    SILT_TRY(silt_sql_type(r->sql, type, r->err));
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

static const char *wide_type(const silt_type *type)
{
    return type->kind == SILT_TYPE_LONG ? "HUGEINT" : "BIGINT";
}

static silt_status put_wide(silt_duck_expr *r, const silt_expr *e)
{
    silt_buf_puts(r->sql, "CAST(");
    SILT_TRY(silt_duck_expr_put(r, e));
    silt_buf_printf(r->sql, " AS %s)", wide_type(e->type));
    return SILT_OK;
}

static silt_status put_whole(silt_duck_expr *r, const silt_expr *e, const char *sign)
{
    SILT_TRY(silt_duck_expr_wrap_begin(r));
    SILT_TRY(put_wide(r, e->args[0]));
    silt_buf_puts(r->sql, sign);
    if (e->op == SILT_OP_MODULO) silt_buf_puts(r->sql, "nullif(");
    SILT_TRY(put_wide(r, e->args[1]));
    if (e->op == SILT_OP_MODULO) silt_buf_puts(r->sql, ", 0)");
    return silt_duck_expr_wrap_end(r, e->type);
}

static silt_status put_as_decimal(silt_duck_expr *r, const silt_expr *e, int precision, int scale)
{
    silt_buf_puts(r->sql, "CAST(");
    SILT_TRY(silt_duck_expr_put(r, e));
    silt_buf_printf(r->sql, " AS DECIMAL(%d, %d))", precision, scale);
    return SILT_OK;
}

/* Where all digits fit: Spark rounds or gives null beyond, by rules that DuckDB hasn't. */
static silt_status put_decimal(silt_duck_expr *r, const silt_expr *e, const char *sign)
{
    const silt_type *a = e->args[0]->type, *b = e->args[1]->type, *type = e->type;
    int scale = a->scale > b->scale ? a->scale : b->scale;
    int whole_a = a->precision - a->scale, whole_b = b->precision - b->scale;
    int whole = whole_a > whole_b ? whole_a : whole_b;
    bool product = e->op == SILT_OP_MULTIPLY;
    int digits = product ? a->precision + b->precision + 1 : whole + scale + 1;
    if (digits > 38 || e->op == SILT_OP_DIVIDE)
        return silt_fail(r->err, SILT_UNSUPPORTED,
                         e->op == SILT_OP_DIVIDE
                             ? "the division of decimals isn't supported; cast one to double"
                             : "decimal arithmetic of more than 38 digits isn't supported; cast to "
                               "double or to fewer digits");
    silt_buf_puts(r->sql, "CAST((");
    /* DuckDB would keep a product of two short decimals in 18 digits, and fail beyond */
    SILT_TRY(put_as_decimal(r, e->args[0],
                            product ? (a->precision > 19 ? a->precision : 19) : digits,
                            product ? a->scale : scale));
    silt_buf_puts(r->sql, sign);
    if (e->op == SILT_OP_MODULO) silt_buf_puts(r->sql, "nullif(");
    SILT_TRY(
        put_as_decimal(r, e->args[1], product ? b->precision : digits, product ? b->scale : scale));
    if (e->op == SILT_OP_MODULO) silt_buf_puts(r->sql, ", 0)");
    silt_buf_printf(r->sql, ") AS DECIMAL(%d, %d))", type->precision, type->scale);
    return SILT_OK;
}

static silt_status put_arithmetic(silt_duck_expr *r, const silt_expr *e, const char *sign)
{
    if (e->type->kind == SILT_TYPE_DECIMAL) return put_decimal(r, e, sign);
    if (is_whole(e->type)) return put_whole(r, e, sign);
    bool zero = e->op == SILT_OP_DIVIDE || e->op == SILT_OP_MODULO;
    silt_buf_putc(r->sql, '(');
    SILT_TRY(silt_duck_expr_put(r, e->args[0]));
    silt_buf_puts(r->sql, sign);
    SILT_TRY(silt_duck_expr_format(r, zero ? "nullif(@0, 0)" : "@0", &e->args[1]));
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

/* NEGATE and ABS */
static silt_status put_sign(silt_duck_expr *r, const silt_expr *e)
{
    const char *name = e->op == SILT_OP_ABS ? "abs" : "-";
    if (is_whole(e->type)) {
        SILT_TRY(silt_duck_expr_wrap_begin(r));
        silt_buf_printf(r->sql, "%s(", name);
        SILT_TRY(put_wide(r, e->args[0]));
        silt_buf_putc(r->sql, ')');
        return silt_duck_expr_wrap_end(r, e->type);
    }
    silt_buf_printf(r->sql, "%s(", name);
    SILT_TRY(silt_duck_expr_put(r, e->args[0]));
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

/* FLOOR, CEIL, ROUND */
static silt_status put_rounding(silt_duck_expr *r, const silt_expr *e)
{
    static const char *const names[] = {"floor", "ceil", "round"};
    const char *name = names[e->op - SILT_OP_FLOOR];
    const silt_type *from = e->args[0]->type;
    int64_t digits = 0;
    if (e->arg_count > 1) (void)silt_parse_int64(e->args[1]->text, &digits);
    if (digits < 0 || (digits > 0 && is_real(from)))
        return silt_fail(r->err, SILT_UNSUPPORTED,
                         digits < 0 ? "round() to fewer digits than 0 isn't supported"
                                    : "round() of a floating number to digits behind the point "
                                      "isn't supported; cast it to a decimal");
    if (is_whole(from)) {
        silt_buf_puts(r->sql, "CAST(");
        SILT_TRY(silt_duck_expr_put(r, e->args[0]));
    } else if (is_real(from)) {
        if (e->op != SILT_OP_ROUND) { /* to LONG, as Java's cast */
            silt_expr inner = *e;
            inner.type = from;
            const silt_expr *rounded = &inner;
            const silt_expr cast = {.kind = SILT_EXPR_CALL,
                                    .type = e->type,
                                    .op = SILT_OP_CAST,
                                    .args = &rounded,
                                    .arg_count = 1};
            if (e->type->kind == SILT_TYPE_LONG) return silt_duck_expr_cast(r, &cast);
        }
        silt_buf_printf(r->sql, "CAST(%s(", name);
        SILT_TRY(silt_duck_expr_put(r, e->args[0]));
        silt_buf_putc(r->sql, ')');
    } else {
        silt_buf_printf(r->sql, "CAST(%s(", name);
        SILT_TRY(silt_duck_expr_put(r, e->args[0]));
        int scale = digits > from->scale ? from->scale : (int)digits;
        if (e->op == SILT_OP_ROUND) silt_buf_printf(r->sql, ", %d", scale);
        silt_buf_putc(r->sql, ')');
    }
    silt_buf_puts(r->sql, " AS ");
    SILT_TRY(silt_sql_type(r->sql, e->type, r->err));
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

/* ---- text */

/* Characters whose other case is several, or depends on what stands around them: Java and DuckDB
 * differ there. */
#define LOWER_ODD "[\xC4\xB0\xCE\xA3]"
#define UPPER_ODD                                                                            \
    "[\\x{DF}\\x{149}\\x{1F0}\\x{390}\\x{3B0}\\x{587}\\x{1E96}-\\x{1E9A}\\x{1F50}-\\x{1FFF}" \
    "\\x{FB00}-\\x{FB17}]"

static silt_status put_letters(silt_duck_expr *r, const silt_expr *e)
{
    bool lower = e->op == SILT_OP_LOWER;
    return silt_duck_expr_format(
        r,
        lower ? "(CASE WHEN regexp_matches(@0, '" LOWER_ODD "') THEN error('lower() of a text with "
                "\xC4\xB0 or \xCE\xA3 isn''t supported') ELSE lower(@0) END)"
              : "(CASE WHEN regexp_matches(@0, '" UPPER_ODD
                "') THEN error('upper() of a text with a letter that becomes several isn''t "
                "supported') ELSE upper(@0) END)",
        e->args);
}

/* From 0 is from 1, and a length below 0 is 0. */
static silt_status put_substring(silt_duck_expr *r, const silt_expr *e)
{
    bool literal = e->args[1]->kind == SILT_EXPR_LITERAL && !e->args[1]->is_null;
    SILT_TRY(silt_duck_expr_format(r, "substring(@0, ", e->args));
    if (literal)
        silt_buf_puts(r->sql, strcmp(e->args[1]->text, "0") == 0 ? "1" : e->args[1]->text);
    else
        SILT_TRY(silt_duck_expr_format(r, "(CASE @1 WHEN 0 THEN 1 ELSE @1 END)", e->args));
    if (e->arg_count < 3) {
        silt_buf_putc(r->sql, ')');
        return SILT_OK;
    }
    /* greatest() passes over a null, which has to stay one */
    return silt_duck_expr_format(r, ", (CASE WHEN @2 < 0 THEN 0 ELSE @2 END))", e->args);
}

/* ---- dates and times */

/* As a TIMESTAMP without zone, whatever the session's zone: then no calendar is asked. */
static silt_status put_plain_time(silt_duck_expr *r, const silt_expr *e)
{
    return silt_duck_expr_format(
        r, e->type->kind == SILT_TYPE_TIMESTAMP ? "make_timestamp(epoch_us(@0))" : "@0", &e);
}

static silt_status put_part(silt_duck_expr *r, const silt_expr *e, const char *name)
{
    silt_buf_printf(r->sql, "CAST(%s(", name);
    SILT_TRY(put_plain_time(r, e->args[0]));
    silt_buf_puts(r->sql, e->op == SILT_OP_DAY_OF_WEEK ? ") + 1 AS INTEGER)" : ") AS INTEGER)");
    return SILT_OK;
}

static const char *unit_of(const char *unit, bool time)
{
    static const struct {
        const char *name, *unit;
        bool time;
    } units[] = {
        {"year", "year", false},
        {"yyyy", "year", false},
        {"yy", "year", false},
        {"quarter", "quarter", false},
        {"month", "month", false},
        {"mon", "month", false},
        {"mm", "month", false},
        {"week", "week", false},
        {"day", "day", true},
        {"dd", "day", true},
        {"hour", "hour", true},
        {"minute", "minute", true},
        {"second", "second", true},
        {"millisecond", "millisecond", true},
        {"microsecond", "microsecond", true},
    };
    for (size_t i = 0; i < SILT_COUNT(units); i++)
        if (strcasecmp(units[i].name, unit) == 0 && (time || !units[i].time)) return units[i].unit;
    return NULL;
}

static silt_status put_trunc(silt_duck_expr *r, const silt_expr *e)
{
    bool day = e->op == SILT_OP_TRUNC;
    const silt_expr *unit = e->args[day ? 1 : 0], *value = e->args[day ? 0 : 1];
    const char *name = unit_of(unit->text, !day);
    bool zoned = value->type->kind == SILT_TYPE_TIMESTAMP;
    if (!name)
        return silt_fail(r->err, SILT_UNSUPPORTED, "%s: the unit '%.40s' isn't supported",
                         day ? "trunc()" : "date_trunc()", unit->text);
    silt_buf_printf(r->sql, "%sdate_trunc('%s', ",
                    day     ? "CAST("
                    : zoned ? "timezone('UTC', "
                            : "",
                    name);
    SILT_TRY(put_plain_time(r, value));
    silt_buf_puts(r->sql, day ? ") AS DATE)" : zoned ? "))" : ")");
    return SILT_OK;
}

static silt_status put_date_format(silt_duck_expr *r, const silt_expr *e)
{
    SILT_CLEAN(silt_buf) pattern = {0};
    SILT_TRY(silt_duck_strftime(e->args[1]->text, &pattern, r->err));
    if (pattern.failed) return silt_fail_nomem(r->err);
    silt_buf_puts(r->sql, "strftime(");
    SILT_TRY(put_plain_time(r, e->args[0]));
    silt_buf_puts(r->sql, ", ");
    silt_sql_text(r->sql, pattern.data ? pattern.data : "");
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

/* ---- all */

/* Ops that are one piece of SQL, @n standing for their arguments; NULL: others. */
static const char *const forms[SILT_OP_COUNT] = {
    [SILT_OP_EQ] = "(@0 = @1)",
    [SILT_OP_NE] = "(@0 <> @1)",
    [SILT_OP_LT] = "(@0 < @1)",
    [SILT_OP_LE] = "(@0 <= @1)",
    [SILT_OP_GT] = "(@0 > @1)",
    [SILT_OP_GE] = "(@0 >= @1)",
    [SILT_OP_EQ_NULL] = "(@0 IS NOT DISTINCT FROM @1)",
    [SILT_OP_LIKE] = "(@0 LIKE @1 ESCAPE '\\')",
    [SILT_OP_STARTS_WITH] = "starts_with(@0, @1)",
    [SILT_OP_ENDS_WITH] = "suffix(@0, @1)",
    [SILT_OP_CONTAINS] = "contains(@0, @1)",
    [SILT_OP_NOT] = "(NOT @0)",
    [SILT_OP_IS_NULL] = "(@0 IS NULL)",
    [SILT_OP_IS_NAN] = "(@0 IS NOT DISTINCT FROM CAST('nan' AS DOUBLE))",
    [SILT_OP_NULLIF] = "nullif(@0, @1)",
    [SILT_OP_TRIM] = "trim(@0, ' ')",
    [SILT_OP_LTRIM] = "ltrim(@0, ' ')",
    [SILT_OP_RTRIM] = "rtrim(@0, ' ')",
    [SILT_OP_REPLACE] = "replace(@0, @1, @2)",
    [SILT_OP_DATE_ADD] = "(@0 + @1)",
    [SILT_OP_DATE_DIFF] = "CAST((@0 - @1) AS INTEGER)",
};

/* The parts of dates and times: names of functions. */
static const char *const parts[SILT_OP_COUNT] = {
    [SILT_OP_YEAR] = "year",
    [SILT_OP_QUARTER] = "quarter",
    [SILT_OP_MONTH] = "month",
    [SILT_OP_DAY] = "day",
    [SILT_OP_HOUR] = "hour",
    [SILT_OP_MINUTE] = "minute",
    [SILT_OP_SECOND] = "second",
    [SILT_OP_DAY_OF_WEEK] = "dayofweek",
    [SILT_OP_DAY_OF_YEAR] = "dayofyear",
};

static silt_status put_call(silt_duck_expr *r, const silt_expr *e)
{
    if (forms[e->op]) return silt_duck_expr_format(r, forms[e->op], e->args);
    if (parts[e->op]) return put_part(r, e, parts[e->op]);
    switch (e->op) {
    case SILT_OP_IN:
        return put_in(r, e);
    case SILT_OP_RLIKE:
        return put_rlike(r, e);
    case SILT_OP_AND:
        return put_chain(r, e, " AND ");
    case SILT_OP_OR:
        return put_chain(r, e, " OR ");
    case SILT_OP_ADD:
        return put_arithmetic(r, e, " + ");
    case SILT_OP_SUBTRACT:
        return put_arithmetic(r, e, " - ");
    case SILT_OP_MULTIPLY:
        return put_arithmetic(r, e, " * ");
    case SILT_OP_DIVIDE:
        return put_arithmetic(r, e, " / ");
    case SILT_OP_MODULO:
        return put_arithmetic(r, e, " % ");
    case SILT_OP_NEGATE:
    case SILT_OP_ABS:
        return put_sign(r, e);
    case SILT_OP_FLOOR:
    case SILT_OP_CEIL:
    case SILT_OP_ROUND:
        return put_rounding(r, e);
    case SILT_OP_CASE:
        return put_case(r, e);
    case SILT_OP_COALESCE:
        return put_list(r, e, 0, "coalesce(");
    case SILT_OP_GREATEST:
        return put_list(r, e, 0, "greatest(");
    case SILT_OP_LEAST:
        return put_list(r, e, 0, "least(");
    case SILT_OP_CAST:
        return silt_duck_expr_cast(r, e);
    case SILT_OP_CONCAT:
        return put_chain(r, e, " || ");
    case SILT_OP_LENGTH:
        return silt_duck_expr_format(r,
                                     e->args[0]->type->kind == SILT_TYPE_BINARY
                                         ? "CAST(octet_length(@0) AS INTEGER)"
                                         : "CAST(length(@0) AS INTEGER)",
                                     e->args);
    case SILT_OP_LOWER:
    case SILT_OP_UPPER:
        return put_letters(r, e);
    case SILT_OP_SUBSTRING:
        return put_substring(r, e);
    case SILT_OP_DATE_TRUNC:
    case SILT_OP_TRUNC:
        return put_trunc(r, e);
    case SILT_OP_DATE_FORMAT:
        return put_date_format(r, e);
    default:
        return silt_fail(r->err, SILT_UNSUPPORTED,
                         "current_date(), current_timestamp() and uuid() can't filter rows: their "
                         "values aren't the same from one reading to the next; write the value");
    }
}

silt_status silt_duck_expr_put(silt_duck_expr *r, const silt_expr *e)
{
    if (r->sql->failed) return silt_fail_nomem(r->err);
    if (r->sql->size > SQL_MAX)
        return silt_fail(r->err, SILT_UNSUPPORTED, "an expression of too many casts within casts");
    if (e->kind == SILT_EXPR_LITERAL) return put_literal(r, e);
    if (e->kind == SILT_EXPR_COLUMN) return r->column(r->ctx, e, r->sql, r->err);
    return put_call(r, e);
}

silt_status silt_duck_expr_sql(const silt_expr *expr, silt_duck_column_fn *column, void *ctx,
                               silt_buf *sql, silt_error *err)
{
    silt_duck_expr r = {column, ctx, sql, err};
    SILT_TRY(silt_duck_expr_put(&r, expr));
    return sql->failed ? silt_fail_nomem(err) : SILT_OK;
}
