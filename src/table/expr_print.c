/* Trees → Spark SQL, which parses to the same tree. */
#include "table/expr_tree.h"

/* What binds how tightly; a weaker one within a stronger one is bracketed. */
enum {
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_PREDICATE,
    LEVEL_COMPARE,
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_UNARY,
    LEVEL_PRIMARY
};

static void print(const silt_expr *e, int level, silt_buf *out);

/* ---- literals and names */

void silt_expr_quote(const char *text, char quote, silt_buf *out)
{
    silt_buf_putc(out, quote);
    for (; *text; text++) {
        if (*text == '`' && quote == '`') silt_buf_putc(out, '`');
        if (quote == '\'' && (*text == '\'' || *text == '\\')) silt_buf_putc(out, '\\');
        silt_buf_putc(out, *text);
    }
    silt_buf_putc(out, quote);
}

static void put_type(const silt_type *type, silt_buf *out)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const char *name = arena ? silt_type_name(type, arena) : NULL;
    if (!name) out->failed = true;
    silt_buf_puts(out, name ? name : "");
}

static void print_real(const silt_expr *e, silt_buf *out)
{
    bool is_float = e->type->kind == SILT_TYPE_FLOAT;
    if (strpbrk(e->text, "in")) /* inf, nan */
        silt_buf_printf(out, "CAST('%s' AS %s)", e->text, is_float ? "float" : "double");
    else
        silt_buf_printf(out, "%s%c", e->text, is_float ? 'F' : 'D');
}

/* As many digits as the type has, where that can be written: 0.50BD is DECIMAL(2,2); a type with
 * more room than the number needs is a cast. */
static void print_decimal(const silt_expr *e, silt_buf *out)
{
    size_t digits = strspn(e->text + (*e->text == '-'), "0123456789");
    const char *whole = e->text + (*e->text == '-');
    if (digits == 1 && *whole == '0') digits = 0;
    size_t precision = digits + e->type->scale;
    if (precision == 0) precision = 1;
    bool same = precision == e->type->precision;
    if (!same) silt_buf_puts(out, "CAST(");
    silt_buf_printf(out, "%sBD", e->text);
    if (same) return;
    silt_buf_puts(out, " AS ");
    put_type(e->type, out);
    silt_buf_putc(out, ')');
}

static void print_literal(const silt_expr *e, silt_buf *out)
{
    silt_type_kind kind = e->type ? e->type->kind : SILT_TYPE_VOID;
    if (e->is_null) {
        if (kind == SILT_TYPE_VOID) {
            silt_buf_puts(out, "NULL");
            return;
        }
        silt_buf_puts(out, "CAST(NULL AS ");
        put_type(e->type, out);
        silt_buf_putc(out, ')');
        return;
    }
    switch (kind) {
    case SILT_TYPE_BYTE:
        silt_buf_printf(out, "%sY", e->text);
        return;
    case SILT_TYPE_SHORT:
        silt_buf_printf(out, "%sS", e->text);
        return;
    case SILT_TYPE_LONG:
        silt_buf_printf(out, "%sL", e->text);
        return;
    case SILT_TYPE_DECIMAL:
        print_decimal(e, out);
        return;
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        print_real(e, out);
        return;
    case SILT_TYPE_STRING:
        silt_expr_quote(e->text, '\'', out);
        return;
    case SILT_TYPE_BINARY:
        silt_buf_printf(out, "X'%s'", e->text);
        return;
    case SILT_TYPE_DATE:
        silt_buf_printf(out, "DATE '%s'", e->text);
        return;
    case SILT_TYPE_TIMESTAMP:
        silt_buf_printf(out, "TIMESTAMP '%s'", e->text);
        return;
    case SILT_TYPE_TIMESTAMP_NTZ:
        silt_buf_printf(out, "TIMESTAMP_NTZ '%s'", e->text);
        return;
    default: /* BOOLEAN, INTEGER */
        silt_buf_puts(out, e->text);
        return;
    }
}

static void print_column(const silt_expr *e, silt_buf *out)
{
    for (size_t i = 0; i < e->path_count; i++) {
        if (i) silt_buf_putc(out, '.');
        silt_expr_quote(e->path[i], '`', out);
    }
}

/* ---- calls */

typedef struct notation {
    const char *sign;
    int level;
} notation;

static notation notation_of(silt_expr_op op)
{
    switch (op) {
    case SILT_OP_OR:
        return (notation){" OR ", LEVEL_OR};
    case SILT_OP_AND:
        return (notation){" AND ", LEVEL_AND};
    case SILT_OP_EQ:
        return (notation){" = ", LEVEL_COMPARE};
    case SILT_OP_NE:
        return (notation){" <> ", LEVEL_COMPARE};
    case SILT_OP_LT:
        return (notation){" < ", LEVEL_COMPARE};
    case SILT_OP_LE:
        return (notation){" <= ", LEVEL_COMPARE};
    case SILT_OP_GT:
        return (notation){" > ", LEVEL_COMPARE};
    case SILT_OP_GE:
        return (notation){" >= ", LEVEL_COMPARE};
    case SILT_OP_EQ_NULL:
        return (notation){" <=> ", LEVEL_COMPARE};
    case SILT_OP_LIKE:
        return (notation){" LIKE ", LEVEL_PREDICATE};
    case SILT_OP_ADD:
        return (notation){" + ", LEVEL_SUM};
    case SILT_OP_SUBTRACT:
        return (notation){" - ", LEVEL_SUM};
    case SILT_OP_MULTIPLY:
        return (notation){" * ", LEVEL_PRODUCT};
    case SILT_OP_DIVIDE:
        return (notation){" / ", LEVEL_PRODUCT};
    case SILT_OP_MODULO:
        return (notation){" % ", LEVEL_PRODUCT};
    default:
        return (notation){NULL, LEVEL_PRIMARY};
    }
}

/* Left to right: what stands on the right is bracketed on the same level, and in chains and
 * predicates (whose sides are values) what stands on the left too. */
static void print_binary(const silt_expr *e, notation n, silt_buf *out)
{
    bool chain = e->op == SILT_OP_AND || e->op == SILT_OP_OR || e->op == SILT_OP_LIKE;
    for (size_t i = 0; i < e->arg_count; i++) {
        if (i) silt_buf_puts(out, n.sign);
        print(e->args[i], i || chain ? n.level + 1 : n.level, out);
    }
}

static void print_args(const silt_expr *e, size_t first, silt_buf *out)
{
    for (size_t i = first; i < e->arg_count; i++) {
        if (i > first) silt_buf_puts(out, ", ");
        print(e->args[i], LEVEL_OR, out);
    }
    silt_buf_putc(out, ')');
}

static void print_case(const silt_expr *e, silt_buf *out)
{
    silt_buf_puts(out, "CASE");
    for (size_t i = 0; i + 1 < e->arg_count; i += 2) {
        silt_buf_puts(out, " WHEN ");
        print(e->args[i], LEVEL_OR, out);
        silt_buf_puts(out, " THEN ");
        print(e->args[i + 1], LEVEL_OR, out);
    }
    if (e->arg_count % 2) {
        silt_buf_puts(out, " ELSE ");
        print(e->args[e->arg_count - 1], LEVEL_OR, out);
    }
    silt_buf_puts(out, " END");
}

static int level_of(const silt_expr *e)
{
    if (e->kind != SILT_EXPR_CALL) return LEVEL_PRIMARY;
    switch (e->op) {
    case SILT_OP_NOT:
        return silt_expr_is(e->args[0], SILT_OP_IS_NULL) ? LEVEL_PREDICATE : LEVEL_NOT;
    case SILT_OP_IS_NULL:
    case SILT_OP_IN:
        return LEVEL_PREDICATE;
    case SILT_OP_NEGATE:
        return LEVEL_UNARY;
    default:
        return notation_of(e->op).level;
    }
}

static void print_call(const silt_expr *e, silt_buf *out)
{
    notation n = notation_of(e->op);
    switch (e->op) {
    case SILT_OP_NOT:
        if (silt_expr_is(e->args[0], SILT_OP_IS_NULL)) {
            print(e->args[0]->args[0], LEVEL_COMPARE, out);
            silt_buf_puts(out, " IS NOT NULL");
            return;
        }
        silt_buf_puts(out, "NOT ");
        print(e->args[0], LEVEL_NOT, out);
        return;
    case SILT_OP_IS_NULL:
        print(e->args[0], LEVEL_COMPARE, out);
        silt_buf_puts(out, " IS NULL");
        return;
    case SILT_OP_IN:
        print(e->args[0], LEVEL_COMPARE, out);
        silt_buf_puts(out, " IN (");
        print_args(e, 1, out);
        return;
    case SILT_OP_NEGATE: /* -5 would be a number */
        silt_buf_puts(out, e->args[0]->kind == SILT_EXPR_LITERAL ? "-(" : "- ");
        print(e->args[0], LEVEL_UNARY, out);
        if (e->args[0]->kind == SILT_EXPR_LITERAL) silt_buf_putc(out, ')');
        return;
    case SILT_OP_CASE:
        print_case(e, out);
        return;
    case SILT_OP_CAST:
        silt_buf_puts(out, "CAST(");
        print(e->args[0], LEVEL_OR, out);
        silt_buf_puts(out, " AS ");
        put_type(e->type, out);
        silt_buf_putc(out, ')');
        return;
    default:
        if (n.sign) {
            print_binary(e, n, out);
            return;
        }
        silt_buf_puts(out, silt_expr_op_name(e->op));
        silt_buf_putc(out, '(');
        print_args(e, 0, out);
    }
}

static void print(const silt_expr *e, int level, silt_buf *out)
{
    bool bracket = level_of(e) < level;
    if (bracket) silt_buf_putc(out, '(');
    if (e->kind == SILT_EXPR_LITERAL)
        print_literal(e, out);
    else if (e->kind == SILT_EXPR_COLUMN)
        print_column(e, out);
    else
        print_call(e, out);
    if (bracket) silt_buf_putc(out, ')');
}

void silt_expr_print(const silt_expr *expr, silt_buf *buf)
{
    print(expr, LEVEL_OR, buf);
}
