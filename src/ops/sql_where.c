/* Conditions of statements as conditions of scans. A statement is DuckDB's, a scan's condition is
 * Spark's: only what neither casts, but exactly, goes over; the statement filters rows in any case.
 */
#include <strings.h>

#include "base/seam.h"
#include "ops/sql.h"
#include "table/expr.h"

/* The column's type, NULL where there is none or the name is not one column's. */
static const silt_type *type_of(const silt_expr *expr, const silt_type *schema)
{
    const silt_type *found = NULL;
    if (expr->kind != SILT_EXPR_COLUMN || expr->path_count != 1) return NULL;
    for (size_t i = 0; i < schema->field_count; i++) {
        if (strcasecmp(schema->fields[i].name, expr->path[0]) != 0) continue;
        if (found) return NULL;
        found = schema->fields[i].type;
    }
    return found;
}

/* A literal that both dialects compare with a column of this type as the same value. */
static bool is_plain(const silt_expr *expr, const silt_type *column)
{
    int64_t time;
    bool cast = expr->kind == SILT_EXPR_CALL && expr->op == SILT_OP_CAST;
    silt_type_kind to = column->kind;
    if (cast) /* a date or a time, in a form that has one meaning */
        return (to == SILT_TYPE_DATE && expr->type->kind == SILT_TYPE_DATE) ||
               to == SILT_TYPE_TIMESTAMP || to == SILT_TYPE_TIMESTAMP_NTZ;
    if (expr->kind != SILT_EXPR_LITERAL || expr->is_null) return false;
    silt_type_kind kind = expr->type->kind;
    switch (to) {
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
    case SILT_TYPE_DOUBLE:
    case SILT_TYPE_DECIMAL:
        return kind == SILT_TYPE_LONG || kind == SILT_TYPE_DECIMAL;
    case SILT_TYPE_STRING:
    case SILT_TYPE_BOOLEAN:
        return kind == to;
    case SILT_TYPE_DATE:
        return kind == SILT_TYPE_STRING && silt_date_parse(expr->text, &time);
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        return kind == SILT_TYPE_STRING && silt_time_parse_ms(expr->text, &time);
    default:
        return false;
    }
}

static bool is_sure(const silt_expr *expr, const silt_type *schema);

static bool all_sure(const silt_expr *expr, const silt_type *schema)
{
    for (size_t i = 0; i < expr->arg_count; i++)
        if (!is_sure(expr->args[i], schema)) return false;
    return true;
}

/* Whether a condition means the same in both dialects. */
static bool is_sure(const silt_expr *expr, const silt_type *schema)
{
    const silt_type *type = type_of(expr, schema);
    if (type) return type->kind == SILT_TYPE_BOOLEAN;
    if (expr->kind == SILT_EXPR_LITERAL) return expr->type->kind == SILT_TYPE_BOOLEAN;
    if (expr->kind != SILT_EXPR_CALL) return false;
    type = expr->arg_count ? type_of(expr->args[0], schema) : NULL;
    switch (expr->op) {
    case SILT_OP_AND:
    case SILT_OP_OR:
    case SILT_OP_NOT:
        return all_sure(expr, schema);
    case SILT_OP_IS_NULL:
        return type != NULL;
    case SILT_OP_STARTS_WITH:
        return type && type->kind == SILT_TYPE_STRING && is_plain(expr->args[1], type);
    case SILT_OP_IN:
        for (size_t i = 1; i < expr->arg_count; i++)
            if (!type || !is_plain(expr->args[i], type)) return false;
        return type != NULL;
    case SILT_OP_EQ:
    case SILT_OP_NE:
    case SILT_OP_LT:
    case SILT_OP_LE:
    case SILT_OP_GT:
    case SILT_OP_GE:
    case SILT_OP_EQ_NULL:
        if (type) return is_plain(expr->args[1], type);
        type = type_of(expr->args[1], schema);
        return type && is_plain(expr->args[0], type);
    default:
        return false;
    }
}

static void put(const silt_expr *expr, const silt_type *schema, silt_buf *text)
{
    if (expr->kind == SILT_EXPR_CALL && expr->op == SILT_OP_AND) {
        for (size_t i = 0; i < expr->arg_count; i++)
            put(expr->args[i], schema, text);
    } else if (is_sure(expr, schema)) {
        silt_buf_puts(text, text->size ? " AND (" : "(");
        silt_expr_print(expr, text);
        silt_buf_putc(text, ')');
    }
}

const char *silt_sql_where(const silt_expr *filter, const silt_type *schema, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) text = {0};
    if (filter) put(filter, schema, &text);
    return text.size ? silt_buf_copy(&text, arena) : NULL;
}
