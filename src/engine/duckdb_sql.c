/* SQL text: names, literals, types and casts. Nothing from outside reaches a query but through
 * here. */
#include "engine/duckdb_core.h"

static void quoted(silt_buf *sql, silt_bytes text, char quote)
{
    silt_buf_putc(sql, quote);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == quote) silt_buf_putc(sql, quote);
        silt_buf_putc(sql, text.data[i]);
    }
    silt_buf_putc(sql, quote);
}

void silt_sql_name(silt_buf *sql, const char *name)
{
    quoted(sql, silt_bytes_of(name), '"');
}

void silt_sql_text(silt_buf *sql, const char *text)
{
    if (text)
        quoted(sql, silt_bytes_of(text), '\'');
    else
        silt_buf_puts(sql, "NULL");
}

void silt_sql_bytes(silt_buf *sql, silt_bytes text)
{
    quoted(sql, text, '\'');
}

static silt_status struct_type(silt_buf *sql, const silt_type *type,
                               bool (*as_text)(const silt_type *), silt_error *err)
{
    if (type->field_count == 0)
        return silt_fail(err, SILT_UNSUPPORTED, "a struct without fields can't be read or written");
    silt_buf_puts(sql, "STRUCT(");
    for (size_t i = 0; i < type->field_count; i++) {
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_name(sql, type->fields[i].name);
        silt_buf_putc(sql, ' ');
        SILT_TRY(silt_sql_type_but(sql, type->fields[i].type, as_text, err));
    }
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

silt_status silt_sql_type_but(silt_buf *sql, const silt_type *type,
                              bool (*as_text)(const silt_type *), silt_error *err)
{
    static const char *const names[] = {
        [SILT_TYPE_BOOLEAN] = "BOOLEAN",
        [SILT_TYPE_BYTE] = "TINYINT",
        [SILT_TYPE_SHORT] = "SMALLINT",
        [SILT_TYPE_INTEGER] = "INTEGER",
        [SILT_TYPE_LONG] = "BIGINT",
        [SILT_TYPE_FLOAT] = "FLOAT",
        [SILT_TYPE_DOUBLE] = "DOUBLE",
        [SILT_TYPE_STRING] = "VARCHAR",
        [SILT_TYPE_BINARY] = "BLOB",
        [SILT_TYPE_DATE] = "DATE",
        [SILT_TYPE_TIMESTAMP] = "TIMESTAMP WITH TIME ZONE",
        [SILT_TYPE_TIMESTAMP_NTZ] = "TIMESTAMP",
        [SILT_TYPE_VARIANT] = "STRUCT(metadata BLOB, \"value\" BLOB)", /* see duckdb_form.c */
        [SILT_TYPE_VOID] = "\"NULL\"",
    };
    if (as_text && as_text(type)) {
        silt_buf_puts(sql, names[SILT_TYPE_STRING]);
        return SILT_OK;
    }
    switch (type->kind) {
    case SILT_TYPE_DECIMAL:
        silt_buf_printf(sql, "DECIMAL(%d, %d)", type->precision, type->scale);
        return SILT_OK;
    case SILT_TYPE_STRUCT:
        return struct_type(sql, type, as_text, err);
    case SILT_TYPE_ARRAY:
        SILT_TRY(silt_sql_type_but(sql, type->element, as_text, err));
        silt_buf_puts(sql, "[]");
        return SILT_OK;
    case SILT_TYPE_MAP:
        silt_buf_puts(sql, "MAP(");
        SILT_TRY(silt_sql_type_but(sql, type->key, as_text, err));
        silt_buf_puts(sql, ", ");
        SILT_TRY(silt_sql_type_but(sql, type->element, as_text, err));
        silt_buf_putc(sql, ')');
        return SILT_OK;
    default:
        silt_buf_puts(sql, names[type->kind]);
        return SILT_OK;
    }
}

silt_status silt_sql_type(silt_buf *sql, const silt_type *type, silt_error *err)
{
    return silt_sql_type_but(sql, type, NULL, err);
}

static bool is_integer(const silt_type *type)
{
    return type->kind >= SILT_TYPE_BYTE && type->kind <= SILT_TYPE_LONG;
}

/* Whether DuckDB's cast may change a value without failing. Text is looked at by silt_exact()
 * instead. */
static bool is_lossy(const silt_type *from, const silt_type *to)
{
    bool binary = from->kind == SILT_TYPE_FLOAT || from->kind == SILT_TYPE_DOUBLE;
    bool decimal = from->kind == SILT_TYPE_DECIMAL;
    if (is_integer(to)) return binary || decimal;
    if (to->kind == SILT_TYPE_DECIMAL) return binary || (decimal && to->scale < from->scale);
    bool instant = from->kind == SILT_TYPE_TIMESTAMP || from->kind == SILT_TYPE_TIMESTAMP_NTZ;
    return instant && to->kind == SILT_TYPE_DATE;
}

/* Whether digits of a whole number or decimal may be lost, as is usual in expressions. */
static bool loses_digits(const silt_type *from, const silt_type *to)
{
    bool real = to->kind == SILT_TYPE_FLOAT || to->kind == SILT_TYPE_DOUBLE;
    bool whole = from->kind == SILT_TYPE_LONG ||
                 (from->kind == SILT_TYPE_INTEGER && to->kind == SILT_TYPE_FLOAT);
    return real && (whole || from->kind == SILT_TYPE_DECIMAL);
}

static silt_status put_cast(silt_buf *sql, const char *expr, const silt_type *from,
                            const silt_type *to, bool try_cast, bool lossy, silt_error *err)
{
    if (silt_type_equal(from, to)) {
        silt_buf_puts(sql, expr);
        return SILT_OK;
    }
    const char *cast = try_cast ? "TRY_CAST" : "CAST";
    SILT_CLEAN(silt_buf) type = {0};
    SILT_TRY(silt_sql_type(&type, to, err));
    if (type.failed) return silt_fail_nomem(err);
    /* DuckDB's cast to BLOB would read \x escapes. */
    if (from->kind == SILT_TYPE_STRING && to->kind == SILT_TYPE_BINARY) {
        silt_buf_printf(sql, "encode(%s)", expr);
    } else if (lossy) {
        SILT_CLEAN(silt_buf) back = {0};
        SILT_TRY(silt_sql_type(&back, from, err));
        /* A double's NaN isn't different from itself in DuckDB's order, so IS DISTINCT FROM is
         * safe. */
        silt_buf_printf(sql,
                        "CASE WHEN CAST(TRY_CAST(%s AS %s) AS %s) IS DISTINCT FROM %s THEN "
                        "%s('rounded: ' || %s AS %s) ELSE CAST(%s AS %s) END",
                        expr, type.data, back.data, expr, cast, expr, type.data, expr, type.data);
    } else {
        silt_buf_printf(sql, "%s(%s AS %s)", cast, expr, type.data);
    }
    return SILT_OK;
}

silt_status silt_sql_cast(silt_buf *sql, const char *expr, const silt_type *from,
                          const silt_type *to, bool try_cast, silt_error *err)
{
    return put_cast(sql, expr, from, to, try_cast, is_lossy(from, to), err);
}

silt_status silt_sql_cast_exact(silt_buf *sql, const char *expr, const silt_type *from,
                                const silt_type *to, bool try_cast, silt_error *err)
{
    bool lossy = is_lossy(from, to) || loses_digits(from, to);
    return put_cast(sql, expr, from, to, try_cast, lossy, err);
}
