/* Spark's casts (not ANSI) as SQL of DuckDB: integers wrap, floating numbers are cut and held
 * within bounds, texts that are no value are null. */
#include "engine/duckdb_expr.h"

static silt_status unsupported(silt_duck_expr *r, const silt_expr *cast, const char *why)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(r->err);
    const char *from = silt_type_name(cast->args[0]->type, arena);
    const char *to = silt_type_name(cast->type, arena);
    return silt_fail(r->err, SILT_UNSUPPORTED, "casts from %s to %s aren't supported%s",
                     from ? from : "?", to ? to : "?", why);
}

static silt_status put_plain(silt_duck_expr *r, const silt_expr *cast, bool can_fail)
{
    silt_buf_puts(r->sql, can_fail ? "TRY_CAST(" : "CAST(");
    SILT_TRY(silt_duck_expr_put(r, cast->args[0]));
    silt_buf_puts(r->sql, " AS ");
    SILT_TRY(silt_sql_type(r->sql, cast->type, r->err));
    silt_buf_putc(r->sql, ')');
    return SILT_OK;
}

static silt_status put_wrapped(silt_duck_expr *r, const silt_expr *cast)
{
    SILT_TRY(silt_duck_expr_wrap_begin(r));
    SILT_TRY(silt_duck_expr_format(
        r,
        cast->args[0]->type->kind == SILT_TYPE_LONG ? "CAST(@0 AS HUGEINT)" : "CAST(@0 AS BIGINT)",
        cast->args));
    return silt_duck_expr_wrap_end(r, cast->type);
}

static silt_status from_text(silt_duck_expr *r, const silt_expr *cast)
{
    static const char *const functions[] = {
        [SILT_TYPE_BOOLEAN] = "silt_spark_boolean(@0)",
        [SILT_TYPE_BYTE] = "TRY_CAST(silt_spark_long(@0) AS TINYINT)",
        [SILT_TYPE_SHORT] = "TRY_CAST(silt_spark_long(@0) AS SMALLINT)",
        [SILT_TYPE_INTEGER] = "TRY_CAST(silt_spark_long(@0) AS INTEGER)",
        [SILT_TYPE_LONG] = "silt_spark_long(@0)",
        [SILT_TYPE_FLOAT] = "silt_spark_float(@0)",
        [SILT_TYPE_DOUBLE] = "silt_spark_double(@0)",
        [SILT_TYPE_BINARY] = "encode(@0)",
        [SILT_TYPE_DATE] = "silt_spark_date(@0)",
        [SILT_TYPE_TIMESTAMP] = "silt_spark_timestamp(@0)",
        [SILT_TYPE_TIMESTAMP_NTZ] = "silt_spark_timestamp_ntz(@0)",
    };
    if (cast->type->kind == SILT_TYPE_DECIMAL) {
        int precision = cast->type->precision, scale = cast->type->scale;
        SILT_TRY(silt_duck_expr_format(r, "CAST(silt_spark_decimal(@0, ", cast->args));
        silt_buf_printf(r->sql, "%d, %d) AS DECIMAL(%d, %d))", precision, scale, precision, scale);
        return SILT_OK;
    }
    return silt_duck_expr_format(r, functions[cast->type->kind], cast->args);
}

static silt_status to_text(silt_duck_expr *r, const silt_expr *cast)
{
    const silt_type *from = cast->args[0]->type;
    switch (from->kind) {
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        return unsupported(r, cast, ": Java writes floating numbers by its own rules");
    case SILT_TYPE_DECIMAL:
        if (from->scale > 6)
            return unsupported(r, cast, ": Java writes small ones with an exponent");
        /* ".50" where there is no room for whole digits */
        if (from->precision == from->scale)
            return silt_duck_expr_format(
                r, "replace(replace('~' || CAST(@0 AS VARCHAR), '~-.', '-0.'), '~.', '0.')",
                cast->args);
        return put_plain(r, cast, false);
    case SILT_TYPE_BINARY:
        return silt_duck_expr_format(r, "decode(@0)", cast->args);
    case SILT_TYPE_TIMESTAMP:
        return silt_duck_expr_format(r, "CAST(make_timestamp(epoch_us(@0)) AS VARCHAR)",
                                     cast->args);
    default:
        return put_plain(r, cast, false);
    }
}

/* From an integer or a boolean. */
static silt_status from_whole(silt_duck_expr *r, const silt_expr *cast)
{
    const silt_type *from = cast->args[0]->type, *to = cast->type;
    switch (to->kind) {
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        return to->kind >= from->kind ? put_plain(r, cast, false) : put_wrapped(r, cast);
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        return put_plain(r, cast, false);
    case SILT_TYPE_DECIMAL:
        return put_plain(r, cast, true);
    case SILT_TYPE_BOOLEAN:
        return silt_duck_expr_format(r, "(@0 <> 0)", cast->args);
    default:
        return unsupported(r, cast, "");
    }
}

/* Cut, held within the bounds of the type (a byte's are an int's, whose low bits it takes), NaN is
 * 0: as Java does it. */
static silt_status real_to_whole(silt_duck_expr *r, const silt_expr *cast)
{
    const char *format =
        "(CASE WHEN @0 IS NOT DISTINCT FROM CAST('nan' AS DOUBLE) THEN 0 WHEN @0 >= "
        "2147483647 THEN 2147483647 WHEN @0 <= -2147483648 THEN -2147483648 ELSE CAST(trunc(@0) AS "
        "INTEGER) END)";
    if (cast->type->kind == SILT_TYPE_LONG)
        return silt_duck_expr_format(
            r,
            "(CASE WHEN @0 IS NOT DISTINCT FROM CAST('nan' AS DOUBLE) THEN 0 WHEN @0 >= "
            "CAST('9223372036854775808' AS DOUBLE) THEN CAST('9223372036854775807' AS BIGINT) WHEN "
            "@0 <= CAST('-9223372036854775808' AS DOUBLE) THEN CAST('-9223372036854775808' AS "
            "BIGINT) ELSE CAST(trunc(@0) AS BIGINT) END)",
            cast->args);
    if (cast->type->kind == SILT_TYPE_INTEGER) return silt_duck_expr_format(r, format, cast->args);
    SILT_TRY(silt_duck_expr_wrap_begin(r));
    silt_buf_puts(r->sql, "CAST(");
    SILT_TRY(silt_duck_expr_format(r, format, cast->args));
    silt_buf_puts(r->sql, " AS BIGINT)");
    return silt_duck_expr_wrap_end(r, cast->type);
}

static silt_status from_real(silt_duck_expr *r, const silt_expr *cast)
{
    switch (cast->type->kind) {
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        return real_to_whole(r, cast);
    case SILT_TYPE_DOUBLE:
        return put_plain(r, cast, false);
    case SILT_TYPE_BOOLEAN:
        return silt_duck_expr_format(r, "(@0 <> 0)", cast->args);
    default:
        return unsupported(r, cast, "");
    }
}

static silt_status from_decimal(silt_duck_expr *r, const silt_expr *cast)
{
    static const int digits[] = {[SILT_TYPE_BYTE] = 2,
                                 [SILT_TYPE_SHORT] = 4,
                                 [SILT_TYPE_INTEGER] = 9,
                                 [SILT_TYPE_LONG] = 18};
    const silt_type *from = cast->args[0]->type;
    switch (cast->type->kind) {
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        if (from->precision - from->scale > digits[cast->type->kind])
            return unsupported(r, cast, ": not each value fits");
        SILT_TRY(silt_duck_expr_format(r, "CAST(trunc(@0) AS ", cast->args));
        SILT_TRY(silt_sql_type(r->sql, cast->type, r->err));
        silt_buf_putc(r->sql, ')');
        return SILT_OK;
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE: /* its text is read to the nearest number; DuckDB's own cast isn't */
        silt_buf_puts(r->sql, "CAST(");
        SILT_TRY(silt_duck_expr_format(r, "CAST(@0 AS VARCHAR) AS ", cast->args));
        SILT_TRY(silt_sql_type(r->sql, cast->type, r->err));
        silt_buf_putc(r->sql, ')');
        return SILT_OK;
    case SILT_TYPE_DECIMAL:
        return put_plain(r, cast, true);
    case SILT_TYPE_BOOLEAN:
        return silt_duck_expr_format(r, "(@0 <> 0)", cast->args);
    default:
        return unsupported(r, cast, "");
    }
}

static silt_status from_time(silt_duck_expr *r, const silt_expr *cast)
{
    silt_type_kind from = cast->args[0]->type->kind, to = cast->type->kind;
    bool zoned = from == SILT_TYPE_TIMESTAMP;
    const char *format = NULL;
    if (to == SILT_TYPE_DATE)
        format = zoned ? "CAST(make_timestamp(epoch_us(@0)) AS DATE)" : "CAST(@0 AS DATE)";
    else if (to == SILT_TYPE_TIMESTAMP)
        format = "timezone('UTC', CAST(@0 AS TIMESTAMP))";
    else if (to == SILT_TYPE_TIMESTAMP_NTZ)
        format = zoned ? "make_timestamp(epoch_us(@0))" : "CAST(@0 AS TIMESTAMP)";
    else if (to == SILT_TYPE_LONG && zoned)
        format = "CAST(epoch(date_trunc('second', make_timestamp(epoch_us(@0)))) AS BIGINT)";
    return format ? silt_duck_expr_format(r, format, cast->args) : unsupported(r, cast, "");
}

silt_status silt_duck_expr_cast(silt_duck_expr *r, const silt_expr *cast)
{
    const silt_type *from = cast->args[0]->type;
    if (silt_type_equal(from, cast->type)) return silt_duck_expr_put(r, cast->args[0]);
    if (from->kind == SILT_TYPE_VOID) return put_plain(r, cast, false);
    if (from->kind == SILT_TYPE_STRING) return from_text(r, cast);
    if (cast->type->kind == SILT_TYPE_STRING) return to_text(r, cast);
    switch (from->kind) {
    case SILT_TYPE_BOOLEAN:
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        return from_whole(r, cast);
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        return from_real(r, cast);
    case SILT_TYPE_DECIMAL:
        return from_decimal(r, cast);
    case SILT_TYPE_DATE:
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        return from_time(r, cast);
    default:
        return unsupported(r, cast, "");
    }
}
