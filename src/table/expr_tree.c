/* Nodes of expressions: made, compared, looked through. */
#include "table/expr_tree.h"

const silt_expr *silt_expr_literal(silt_arena *arena, const silt_type *type, const char *text)
{
    silt_expr *e = silt_arena_calloc(arena, 1, sizeof *e);
    if (!e || !text) return NULL;
    *e = (silt_expr){.kind = SILT_EXPR_LITERAL, .type = type, .text = text};
    return e;
}

const silt_expr *silt_expr_null(silt_arena *arena, const silt_type *type)
{
    silt_expr *e = silt_arena_calloc(arena, 1, sizeof *e);
    if (!e) return NULL;
    *e = (silt_expr){.kind = SILT_EXPR_LITERAL, .type = type, .is_null = true};
    return e;
}

const silt_expr *silt_expr_bool(silt_arena *arena, bool value)
{
    return silt_expr_literal(arena, silt_type_primitive(SILT_TYPE_BOOLEAN),
                             value ? "true" : "false");
}

const silt_expr *silt_expr_call(silt_arena *arena, silt_expr_op op, const silt_type *type,
                                const silt_expr *const *args, size_t count)
{
    silt_expr *e = silt_arena_calloc(arena, 1, sizeof *e);
    const silt_expr **copy = silt_arena_calloc(arena, count ? count : 1, sizeof *copy);
    if (!e || !copy) return NULL;
    for (size_t i = 0; i < count; i++) {
        if (!args[i]) return NULL;
        copy[i] = args[i];
    }
    *e = (silt_expr){.kind = SILT_EXPR_CALL,
                     .type = type,
                     .op = op,
                     .args = copy,
                     .arg_count = count,
                     .offset = count ? args[0]->offset : 0};
    return e;
}

const silt_expr *silt_expr_typed(silt_arena *arena, const silt_expr *expr, const silt_type *type)
{
    silt_expr *e = silt_arena_alloc(arena, sizeof *e);
    if (!e || !expr) return NULL;
    *e = *expr;
    e->type = type;
    return e;
}

static bool same_type(const silt_type *a, const silt_type *b)
{
    return a == b || (a && b && silt_type_equal(a, b));
}

bool silt_expr_equal(const silt_expr *a, const silt_expr *b)
{
    if (a == b) return true;
    if (a->kind != b->kind || !same_type(a->type, b->type)) return false;
    if (a->kind == SILT_EXPR_LITERAL)
        return a->is_null == b->is_null && silt_streq(a->text, b->text);
    if (a->kind == SILT_EXPR_COLUMN) {
        if (a->path_count != b->path_count) return false;
        for (size_t i = 0; i < a->path_count; i++)
            if (!silt_streq(a->path[i], b->path[i])) return false;
        return true;
    }
    if (a->op != b->op || a->arg_count != b->arg_count) return false;
    for (size_t i = 0; i < a->arg_count; i++)
        if (!silt_expr_equal(a->args[i], b->args[i])) return false;
    return true;
}

void silt_expr_columns(const silt_expr *expr, silt_expr_column_fn *fn, void *ctx)
{
    if (expr->kind == SILT_EXPR_COLUMN) fn(ctx, expr);
    for (size_t i = 0; i < expr->arg_count; i++)
        silt_expr_columns(expr->args[i], fn, ctx);
}
