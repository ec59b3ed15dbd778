/* Names → columns of a schema, and a type for each node. */
#include "table/expr_binder.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

silt_status silt_bind_fail(silt_binder *b, const silt_expr *expr, const char *format, ...)
{
    char what[256];
    SILT_CLEAN(silt_buf) text = {0};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    silt_expr_print(expr, &text);
    return silt_fail(b->err, SILT_INVALID, "%s: %.200s", what, text.data ? text.data : "");
}

/* ---- columns */

/* Exactly, else in any case where one alone is like it; -1: none, -2: several. */
static int find_field(const silt_type *type, const char *name)
{
    int found = silt_type_find(type, name);
    if (found >= 0) return found;
    for (size_t i = 0; i < type->field_count; i++) {
        if (strcasecmp(type->fields[i].name, name) != 0) continue;
        if (found >= 0) return -2;
        found = (int)i;
    }
    return found;
}

typedef struct fields {
    const silt_type *type;
    size_t at;
} fields;

static const char *next_field(void *ctx)
{
    fields *f = ctx;
    return f->at < f->type->field_count ? f->type->fields[f->at++].name : NULL;
}

static silt_status no_field(silt_binder *b, const silt_expr *expr, size_t at, const silt_type *type)
{
    SILT_CLEAN(silt_buf) text = {0};
    silt_expr_print(expr, &text);
    if (text.failed) return silt_fail_nomem(b->err);
    if (type->kind != SILT_TYPE_STRUCT)
        return silt_fail(b->err, SILT_NOT_FOUND, "%s: %s isn't a struct, it has no field %s",
                         text.data, expr->path[at - 1], expr->path[at]);
    if (find_field(type, expr->path[at]) == -2)
        return silt_fail(b->err, SILT_INVALID,
                         "%s: several columns have this name but for upper and lower case",
                         text.data);
    fields f = {type, 0};
    const char *closest = silt_closest(expr->path[at], next_field, &f);
    silt_status st = silt_fail(b->err, SILT_NOT_FOUND, "there is no column %s", text.data);
    return closest ? silt_hint(b->err, st, "did you mean %s?", closest) : st;
}

static silt_status bind_column(silt_binder *b, const silt_expr *expr, const silt_expr **out)
{
    silt_expr *bound = silt_arena_alloc(b->arena, sizeof *bound);
    const char **path = silt_arena_calloc(b->arena, expr->path_count, sizeof *path);
    if (!bound || !path) return silt_fail_nomem(b->err);
    const silt_type *type = b->schema;
    for (size_t i = 0; i < expr->path_count; i++) {
        int at = type->kind == SILT_TYPE_STRUCT ? find_field(type, expr->path[i]) : -1;
        if (at < 0) return no_field(b, expr, i, type);
        path[i] = type->fields[at].name;
        type = type->fields[at].type;
    }
    *bound = *expr;
    bound->path = path;
    bound->type = type;
    *out = bound;
    return SILT_OK;
}

/* ---- casts */

silt_status silt_bind_make(silt_binder *b, silt_expr_op op, const silt_type *type,
                           const silt_expr *const *args, size_t count, size_t offset,
                           const silt_expr **out)
{
    silt_expr *call = (silt_expr *)silt_expr_call(b->arena, op, type, args, count);
    if (!call || !type) return silt_fail_nomem(b->err);
    call->offset = offset;
    *out = call;
    for (size_t i = 0; i < count; i++)
        if (args[i]->kind != SILT_EXPR_LITERAL) return SILT_OK;
    const silt_expr *folded;
    if (silt_expr_eval(call, args, b->arena, &folded)) *out = folded;
    return SILT_OK;
}

silt_status silt_bind_cast(silt_binder *b, const silt_expr *expr, const silt_type *type,
                           const silt_expr **out)
{
    if (!type) return silt_fail_nomem(b->err);
    *out = expr;
    if (silt_type_equal(expr->type, type)) return SILT_OK;
    if (expr->kind == SILT_EXPR_LITERAL && expr->is_null) {
        *out = silt_expr_null(b->arena, type);
        return *out ? SILT_OK : silt_fail_nomem(b->err);
    }
    if (!silt_type_casts(expr->type, type)) {
        char *from = silt_type_name(expr->type, b->arena), *to = silt_type_name(type, b->arena);
        return silt_bind_fail(b, expr, "a value of type %s can't become %s", from ? from : "",
                              to ? to : "");
    }
    return silt_bind_make(b, SILT_OP_CAST, type, &expr, 1, expr->offset, out);
}

/* ---- the tree */

static silt_status bind(silt_binder *b, const silt_expr *expr, const silt_expr **out)
{
    if (expr->kind == SILT_EXPR_COLUMN) return bind_column(b, expr, out);
    if (expr->kind == SILT_EXPR_LITERAL) {
        *out = expr;
        return SILT_OK;
    }
    size_t count = expr->arg_count;
    const silt_expr **args = silt_arena_calloc(b->arena, count ? count : 1, sizeof *args);
    if (!args) return silt_fail_nomem(b->err);
    for (size_t i = 0; i < count; i++)
        SILT_TRY(bind(b, expr->args[i], &args[i]));
    return silt_bind_call(b, expr, args, out);
}

silt_status silt_expr_bind(const silt_expr *expr, const silt_type *schema, silt_arena *arena,
                           const silt_expr **out, silt_error *err)
{
    silt_binder b = {schema, arena, err};
    return bind(&b, expr, out);
}

silt_status silt_expr_condition(const char *text, const silt_type *schema, silt_arena *arena,
                                const silt_expr **out, silt_error *err)
{
    const silt_expr *expr;
    silt_binder b = {schema, arena, err};
    SILT_TRY(silt_expr_parse(text, arena, &expr, err));
    SILT_TRY(bind(&b, expr, &expr));
    if (expr->type->kind == SILT_TYPE_VOID)
        SILT_TRY(silt_bind_cast(&b, expr, silt_type_primitive(SILT_TYPE_BOOLEAN), &expr));
    if (expr->type->kind != SILT_TYPE_BOOLEAN) {
        char *name = silt_type_name(expr->type, arena);
        return silt_bind_fail(&b, expr, "a condition has to be true or false, this is %s",
                              name ? name : "");
    }
    *out = expr;
    return SILT_OK;
}
