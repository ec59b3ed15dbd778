/* Conditions → nodes: physical names, how calls grow, sorted lists, prefixes. */
#include "table/skip_node.h"

typedef struct maker {
    const silt_type *schema;
    const silt_mapping *mapping;
    silt_skip_generators generators;
    silt_arena *arena;
    silt_error *err;
    silt_skip *skip; /* what it needs of a file is put down here */
} maker;

static silt_status make(maker *m, const silt_expr *expr, silt_skip_node *out);

/* ---- columns */

static silt_status make_column(maker *m, const silt_expr *expr, silt_skip_node *out)
{
    const char **path = silt_arena_calloc(m->arena, expr->path_count, sizeof *path);
    if (!path) return silt_fail_nomem(m->err);
    const silt_type *type = m->schema;
    const silt_physical *fields = m->mapping->fields;
    size_t count = m->mapping->field_count;
    for (size_t i = 0; i < expr->path_count; i++) {
        int at = silt_type_find(type, expr->path[i]);
        path[i] = expr->path[i];
        if (at >= 0 && (size_t)at < count) {
            path[i] = fields[at].name ? fields[at].name : path[i];
            count = fields[at].child_count;
            fields = fields[at].children;
        } else {
            count = 0;
        }
        if (at >= 0) type = type->fields[at].type;
    }
    if (expr->path_count == 1 && silt_names_have(m->mapping->partition_columns, path[0])) {
        out->partition = path[0];
        m->skip->uses_partitions = true;
        return SILT_OK;
    }
    out->column =
        silt_stats_want(&m->skip->wanted, path, expr->path_count, &m->skip->wanted_count, m->arena);
    return out->column >= 0 ? SILT_OK : silt_fail_nomem(m->err);
}

/* ---- lists */

static int compare_values(const void *a, const void *b, void *type)
{
    return silt_value_compare(a, b, type);
}

/* Left out where an item isn't a literal that can be compared: then IN says nothing. */
static silt_status make_list(maker *m, const silt_expr *expr, silt_skip_node *out)
{
    const silt_type *type = expr->args[0]->type;
    silt_value *values = silt_arena_calloc(m->arena, expr->arg_count, sizeof *values);
    size_t count = 0;
    bool known = true;
    if (!values) return silt_fail_nomem(m->err);
    for (size_t i = 1; i < expr->arg_count; i++) {
        const silt_expr *item = expr->args[i];
        bool null = item->kind == SILT_EXPR_LITERAL && item->is_null;
        out->list_has_null = out->list_has_null || null || item->kind != SILT_EXPR_LITERAL;
        if (null) continue;
        known = known && item->kind == SILT_EXPR_LITERAL &&
                silt_value_parse(item->text, item->type, &values[count]);
        if (!known) return SILT_OK;
        count++;
    }
    qsort_r(values, count, sizeof *values, compare_values, (void *)type);
    out->sorted = values;
    out->sorted_count = count;
    if (count == 0 || expr->args[0]->kind != SILT_EXPR_COLUMN) return SILT_OK;
    const silt_expr *ends[2];
    for (size_t i = 0; i < 2; i++) {
        const char *text = silt_value_print(&values[i ? count - 1 : 0], type, m->arena);
        ends[i] = silt_expr_literal(m->arena, type, text);
        if (!ends[i]) return SILT_OK;
    }
    return silt_skip_derive(&m->generators, SILT_OP_IN, expr->args[0], ends[0], ends[1], m->arena,
                            out, m->err);
}

/* ---- prefixes */

/* The pattern up to its first wildcard. */
static silt_status make_prefix(maker *m, const silt_expr *expr, silt_skip_node *out)
{
    const silt_expr *pattern = expr->args[1];
    if (pattern->kind != SILT_EXPR_LITERAL || pattern->is_null) return SILT_OK;
    SILT_CLEAN(silt_buf) prefix = {0};
    silt_buf_puts(&prefix, "");
    const char *c = pattern->text;
    for (; *c; c++) {
        if (expr->op == SILT_OP_LIKE && (*c == '%' || *c == '_')) break;
        if (expr->op == SILT_OP_LIKE && *c == '\\' && c[1]) c++;
        silt_buf_putc(&prefix, *c);
    }
    out->prefix = silt_buf_copy(&prefix, m->arena);
    out->prefix_only = expr->op == SILT_OP_STARTS_WITH || strcmp(c, "%") == 0;
    return out->prefix ? SILT_OK : silt_fail_nomem(m->err);
}

/* ---- calls */

static silt_expr_op inverse(silt_expr_op op)
{
    static const silt_expr_op others[] = {
        [SILT_OP_EQ] = SILT_OP_NE, [SILT_OP_NE] = SILT_OP_EQ, [SILT_OP_LT] = SILT_OP_GE,
        [SILT_OP_LE] = SILT_OP_GT, [SILT_OP_GT] = SILT_OP_LE, [SILT_OP_GE] = SILT_OP_LT};
    return others[op];
}

/* NOT a < b is a >= b: then generated columns have their say on it. */
static const silt_expr *without_not(maker *m, const silt_expr *expr)
{
    if (!silt_expr_is(expr, SILT_OP_NOT)) return expr;
    const silt_expr *inner = expr->args[0];
    if (inner->kind != SILT_EXPR_CALL || inner->op > SILT_OP_GE) return expr;
    return silt_expr_call(m->arena, inverse(inner->op), expr->type, inner->args, 2);
}

static silt_status make_call(maker *m, const silt_expr *expr, silt_skip_node *out)
{
    silt_skip_node *args = silt_arena_calloc(m->arena, expr->arg_count + 1, sizeof *args);
    if (!args) return silt_fail_nomem(m->err);
    out->args = args;
    for (size_t i = 0; i < expr->arg_count; i++)
        if (expr->op != SILT_OP_IN || i == 0) SILT_TRY(make(m, expr->args[i], &args[i]));
    out->growth = silt_skip_growth_of(expr, &out->grows_by, m->arena);
    if (expr->op == SILT_OP_IN) return make_list(m, expr, out);
    if (expr->op == SILT_OP_LIKE || expr->op == SILT_OP_STARTS_WITH)
        return make_prefix(m, expr, out);
    bool compares = expr->op <= SILT_OP_EQ_NULL && expr->args[0]->kind == SILT_EXPR_COLUMN &&
                    expr->args[1]->kind == SILT_EXPR_LITERAL && !expr->args[1]->is_null;
    if (!compares) return SILT_OK;
    return silt_skip_derive(&m->generators, expr->op, expr->args[0], expr->args[1], expr->args[1],
                            m->arena, out, m->err);
}

static silt_status make(maker *m, const silt_expr *expr, silt_skip_node *out)
{
    expr = without_not(m, expr);
    if (!expr) return silt_fail_nomem(m->err);
    out->expr = expr;
    if (expr->kind == SILT_EXPR_COLUMN) return make_column(m, expr, out);
    if (expr->kind == SILT_EXPR_CALL) return make_call(m, expr, out);
    out->bounds = silt_bounds_of_value(expr->text, expr->is_null, expr->type);
    return SILT_OK;
}

silt_status silt_skip_new(const silt_expr *condition, const silt_type *schema,
                          const silt_mapping *mapping, silt_arena *arena, silt_skip **out,
                          silt_error *err)
{
    maker m = {.schema = schema, .mapping = mapping, .arena = arena, .err = err};
    silt_skip *skip = silt_arena_calloc(arena, 1, sizeof *skip);
    if (!skip) return silt_fail_nomem(err);
    m.skip = skip;
    if (condition) {
        silt_skip_node *root = silt_arena_calloc(arena, 1, sizeof *root);
        if (!root) return silt_fail_nomem(err);
        SILT_TRY(silt_skip_generators_of(schema, mapping, arena, &m.generators, err));
        SILT_TRY(make(&m, condition, root));
        skip->root = root;
        if (m.generators.count > 0) skip->uses_partitions = true;
    }
    *out = skip;
    return SILT_OK;
}
