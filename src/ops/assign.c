/* Values that become a column's: of its type, or refused; generated columns in terms of what the
 * others become. */
#include "ops/assign.h"

#include <strings.h>

#include "base/json.h"
#include "silt/edit.h"
#include "table/expr_parser.h"

/* ---- as text */

/* A name in back-quotes. */
static silt_status take_quoted(silt_parser *p, const char **name, const char **value)
{
    *name = silt_parser_peek(p, 0)->text;
    p->at++;
    *value = silt_parser_peek(p, 0)->offset + p->text + 1;
    SILT_TRY(silt_parser_need_sign(p, "="));
    return silt_parser_peek(p, 0)->kind == SILT_TOKEN_END ? silt_parser_expected(p, "a value")
                                                          : SILT_OK;
}

silt_status silt_assignment_parse(const char *text, silt_arena *arena, silt_assignment *out,
                                  silt_error *err)
{
    SILT_CLEAN(silt_parser) p = {0};
    silt_assignment a;
    size_t start = strspn(text, " "), end = strcspn(text, "=");
    if (text[start] == '`') {
        SILT_TRY(silt_parser_open(text, arena, &p, err));
        SILT_TRY(take_quoted(&p, &a.column, &a.value));
    } else {
        if (!text[end] || start == end)
            return silt_fail(err, SILT_INVALID, "%s: COLUMN=VALUE is wanted", text);
        a.value = text + end + 1;
        while (text[end - 1] == ' ')
            end--;
        a.column = silt_arena_strndup(arena, text + start, end - start);
    }
    a.value = silt_arena_strdup(arena, a.value);
    if (!a.column || !a.value) return silt_fail_nomem(err);
    *out = a;
    return SILT_OK;
}

/* ---- types */

static bool is_number(const silt_type *type)
{
    return type->kind >= SILT_TYPE_BYTE && type->kind <= SILT_TYPE_DECIMAL;
}

static bool is_time(const silt_type *type)
{
    return type->kind >= SILT_TYPE_DATE && type->kind <= SILT_TYPE_TIMESTAMP_NTZ;
}

static bool is_nested(const silt_type *type)
{
    return type->kind >= SILT_TYPE_VARIANT;
}

/* As Spark's store assignment: what is a number stays one, and anything has a text. */
static bool may_become(const silt_type *from, const silt_type *to)
{
    if (is_nested(from) || is_nested(to)) return false;
    if (to->kind == SILT_TYPE_STRING) return from->kind != SILT_TYPE_BINARY;
    return (is_number(from) && is_number(to)) || (is_time(from) && is_time(to));
}

/* Whether every value of the one type is one of the other. */
static bool always_fits(const silt_type *from, const silt_type *to)
{
    bool whole = from->kind <= SILT_TYPE_LONG;
    static const int digits[] = {[SILT_TYPE_BYTE] = 3,
                                 [SILT_TYPE_SHORT] = 5,
                                 [SILT_TYPE_INTEGER] = 10,
                                 [SILT_TYPE_LONG] = 19};
    if (!is_number(from) || !is_number(to)) return true;
    if (to->kind == SILT_TYPE_FLOAT || to->kind == SILT_TYPE_DOUBLE) return true;
    if (whole && to->kind <= SILT_TYPE_LONG) return from->kind <= to->kind;
    if (from->kind == SILT_TYPE_DECIMAL && to->kind <= SILT_TYPE_LONG)
        return from->precision - from->scale < digits[to->kind];
    if (to->kind != SILT_TYPE_DECIMAL) return false;
    if (whole) return to->precision - to->scale >= digits[from->kind];
    return from->kind == SILT_TYPE_DECIMAL &&
           to->precision - to->scale >= from->precision - from->scale;
}

/* ---- values beyond a type: casts give null, or for whole numbers another number */

static const silt_expr *null_by_cast(silt_assigning *a, const silt_expr *value,
                                     const silt_expr *cast)
{
    silt_arena *arena = a->arena;
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN);
    const silt_expr *null = silt_expr_call(arena, SILT_OP_IS_NULL, boolean, &value, 1);
    const silt_expr *sides[] = {null ? silt_expr_call(arena, SILT_OP_NOT, boolean, &null, 1) : NULL,
                                silt_expr_call(arena, SILT_OP_IS_NULL, boolean, &cast, 1)};
    return sides[0] && sides[1] ? silt_expr_call(arena, SILT_OP_AND, boolean, sides, 2) : NULL;
}

/* value < the least OR value > the greatest (>= one more, where that is a power of two which a
 * double has). */
static const silt_expr *out_of_range(silt_assigning *a, const silt_expr *value, const silt_type *to)
{
    static const struct {
        const char *least, *most, *above;
    } ranges[] = {
        [SILT_TYPE_BYTE] = {"-128", "127", "128"},
        [SILT_TYPE_SHORT] = {"-32768", "32767", "32768"},
        [SILT_TYPE_INTEGER] = {"-2147483648", "2147483647", "2147483648"},
        [SILT_TYPE_LONG] = {"-9223372036854775808", "9223372036854775807", "9223372036854775808"}};
    silt_arena *arena = a->arena;
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN), *from = value->type;
    bool real = from->kind == SILT_TYPE_FLOAT || from->kind == SILT_TYPE_DOUBLE;
    const char *most = real ? ranges[to->kind].above : ranges[to->kind].most;
    const silt_expr *low[] = {value, silt_expr_literal(arena, from, ranges[to->kind].least)};
    const silt_expr *high[] = {value, silt_expr_literal(arena, from, most)};
    if (!low[1] || !high[1]) return NULL;
    const silt_expr *sides[] = {
        silt_expr_call(arena, SILT_OP_LT, boolean, low, 2),
        silt_expr_call(arena, real ? SILT_OP_GE : SILT_OP_GT, boolean, high, 2)};
    return sides[0] && sides[1] ? silt_expr_call(arena, SILT_OP_OR, boolean, sides, 2) : NULL;
}

static silt_status note_misfit(silt_assigning *a, const silt_expr *value, const silt_expr *cast)
{
    bool whole = cast->type->kind <= SILT_TYPE_LONG;
    const silt_expr *misfit =
        whole ? out_of_range(a, value, cast->type) : null_by_cast(a, value, cast);
    return misfit && silt_vec_push(&a->misfits, misfit) ? SILT_OK : silt_fail_nomem(a->err);
}

silt_status silt_assign_convert(silt_assigning *a, const char *column, const silt_expr *value,
                                const silt_type *type, const silt_expr **out)
{
    *out = value;
    if (value->type->kind == SILT_TYPE_VOID) {
        *out = silt_expr_null(a->arena, type);
        return *out ? SILT_OK : silt_fail_nomem(a->err);
    }
    if (silt_type_equal(value->type, type)) return SILT_OK;
    if (!may_become(value->type, type)) {
        silt_fail(a->err, SILT_INVALID, "value of column %s: %s doesn't become %s by itself",
                  column, silt_type_name(value->type, a->arena), silt_type_name(type, a->arena));
        return silt_hint(a->err, SILT_INVALID,
                         "say how, as in CAST(… AS %s), which gives null for what can't be "
                         "converted",
                         silt_type_name(type, a->arena));
    }
    *out = silt_expr_call(a->arena, SILT_OP_CAST, type, &value, 1);
    if (!*out) return silt_fail_nomem(a->err);
    return always_fits(value->type, type) ? SILT_OK : note_misfit(a, value, *out);
}

silt_status silt_assign_find(const silt_assigning *a, const char *name, int *out)
{
    const silt_type *schema = a->schema;
    *out = silt_type_find(schema, name);
    for (size_t i = 0; *out < 0 && i < schema->field_count; i++)
        if (strcasecmp(schema->fields[i].name, name) == 0) *out = (int)i;
    if (*out >= 0) return SILT_OK;
    silt_fail(a->err, SILT_NOT_FOUND, "%s: there is no column %s to be set", a->table, name);
    return silt_hint(a->err, SILT_NOT_FOUND,
                     "members of structs can't be set by themselves; set the whole column");
}

silt_status silt_assign_check(const silt_assigning *a, const silt_field *field)
{
    const silt_json *metadata;
    SILT_TRY(silt_json_parse(silt_bytes_of(field->metadata), a->arena, &metadata, a->err));
    if (!silt_json_get_some(metadata, "delta.identity.step") &&
        !silt_json_get_some(metadata, "delta.identity.start"))
        return SILT_OK;
    return silt_fail(a->err, SILT_INVALID,
                     "column %s is an identity column: its numbers are given once and stay",
                     field->name);
}

/* ---- generated columns */

/* A member of what a column becomes. */
static silt_status member(const silt_assigning *a, const silt_expr *expr, const silt_expr *value,
                          const silt_expr **out)
{
    if (value->kind == SILT_EXPR_LITERAL && value->is_null) {
        *out = silt_expr_null(a->arena, expr->type);
        return *out ? SILT_OK : silt_fail_nomem(a->err);
    }
    if (value->kind != SILT_EXPR_COLUMN)
        return silt_fail(a->err, SILT_UNSUPPORTED,
                         "a generated column is computed from a member of column %s, which can't "
                         "be set together with it",
                         expr->path[0]);
    size_t count = value->path_count + expr->path_count - 1;
    const char **path = silt_arena_calloc(a->arena, count, sizeof(*path));
    silt_expr *column = silt_arena_alloc(a->arena, sizeof(*column));
    if (!path || !column) return silt_fail_nomem(a->err);
    memcpy(path, value->path, value->path_count * sizeof(*path));
    memcpy(path + value->path_count, expr->path + 1, (expr->path_count - 1) * sizeof(*path));
    *column = *expr;
    column->path = path;
    column->path_count = count;
    *out = column;
    return SILT_OK;
}

/* The expression with what columns become in place of these. */
silt_status silt_assign_substitute(const silt_assigning *a, const silt_expr *expr,
                                   const silt_expr *const *values, const silt_expr **out)
{
    *out = expr;
    if (expr->kind == SILT_EXPR_LITERAL) return SILT_OK;
    if (expr->kind == SILT_EXPR_COLUMN) {
        int at = silt_type_find(a->schema, expr->path[0]);
        if (at < 0 || !values[at]) return SILT_OK;
        if (expr->path_count > 1) return member(a, expr, values[at], out);
        *out = values[at];
        return SILT_OK;
    }
    const silt_expr **args = silt_arena_calloc(a->arena, expr->arg_count + 1, sizeof(*args));
    if (!args) return silt_fail_nomem(a->err);
    for (size_t i = 0; i < expr->arg_count; i++)
        SILT_TRY(silt_assign_substitute(a, expr->args[i], values, &args[i]));
    *out = silt_expr_call(a->arena, expr->op, expr->type, args, expr->arg_count);
    return *out ? SILT_OK : silt_fail_nomem(a->err);
}

const silt_expr *silt_assign_misfits(silt_assigning *a)
{
    if (a->misfits.count < 2) return a->misfits.count ? a->misfits.items[0] : NULL;
    return silt_expr_call(a->arena, SILT_OP_OR, silt_type_primitive(SILT_TYPE_BOOLEAN),
                          a->misfits.items, a->misfits.count);
}
