/* Assignments as expressions over the row as it was: each value of its column's type, generated
 * columns in terms of what the assigned ones become. */
#include <strings.h>

#include "base/json.h"
#include "ops/update.h"
#include "table/expr_tree.h"

typedef struct binding {
    silt_edit *e;
    const silt_update_spec *spec;
    const silt_expr **values; /* by field of the schema; NULL: not assigned */
    SILT_VEC(const silt_expr *) misfits;
} binding;

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

static const silt_expr *null_by_cast(binding *b, const silt_expr *value, const silt_expr *cast)
{
    silt_arena *arena = b->e->arena;
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN);
    const silt_expr *null = silt_expr_call(arena, SILT_OP_IS_NULL, boolean, &value, 1);
    const silt_expr *sides[] = {null ? silt_expr_call(arena, SILT_OP_NOT, boolean, &null, 1) : NULL,
                                silt_expr_call(arena, SILT_OP_IS_NULL, boolean, &cast, 1)};
    return sides[0] && sides[1] ? silt_expr_call(arena, SILT_OP_AND, boolean, sides, 2) : NULL;
}

/* value < the least OR value > the greatest (>= one more, where that is a power of two which a
 * double has). */
static const silt_expr *out_of_range(binding *b, const silt_expr *value, const silt_type *to)
{
    static const struct {
        const char *least, *most, *above;
    } ranges[] = {
        [SILT_TYPE_BYTE] = {"-128", "127", "128"},
        [SILT_TYPE_SHORT] = {"-32768", "32767", "32768"},
        [SILT_TYPE_INTEGER] = {"-2147483648", "2147483647", "2147483648"},
        [SILT_TYPE_LONG] = {"-9223372036854775808", "9223372036854775807", "9223372036854775808"}};
    silt_arena *arena = b->e->arena;
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

static silt_status note_misfit(binding *b, const silt_expr *value, const silt_expr *cast)
{
    bool whole = cast->type->kind <= SILT_TYPE_LONG;
    const silt_expr *misfit =
        whole ? out_of_range(b, value, cast->type) : null_by_cast(b, value, cast);
    return misfit && silt_vec_push(&b->misfits, misfit) ? SILT_OK : silt_fail_nomem(b->e->err);
}

static silt_status convert(binding *b, const silt_assignment *set, const silt_expr *value,
                           const silt_type *type, const silt_expr **out)
{
    silt_edit *e = b->e;
    *out = value;
    if (value->type->kind == SILT_TYPE_VOID) {
        *out = silt_expr_null(e->arena, type);
        return *out ? SILT_OK : silt_fail_nomem(e->err);
    }
    if (silt_type_equal(value->type, type)) return SILT_OK;
    if (!may_become(value->type, type)) {
        silt_fail(e->err, SILT_INVALID, "value of column %s: %s doesn't become %s by itself",
                  set->column, silt_type_name(value->type, e->arena),
                  silt_type_name(type, e->arena));
        return silt_hint(e->err, SILT_INVALID,
                         "say how, as in CAST(… AS %s), which gives null for what can't be "
                         "converted",
                         silt_type_name(type, e->arena));
    }
    *out = silt_expr_call(e->arena, SILT_OP_CAST, type, &value, 1);
    if (!*out) return silt_fail_nomem(e->err);
    return always_fits(value->type, type) ? SILT_OK : note_misfit(b, value, *out);
}

/* ---- assignments */

static silt_status find_column(const binding *b, const char *name, int *out)
{
    const silt_type *schema = b->e->schema;
    *out = silt_type_find(schema, name);
    for (size_t i = 0; *out < 0 && i < schema->field_count; i++)
        if (strcasecmp(schema->fields[i].name, name) == 0) *out = (int)i;
    if (*out >= 0) return SILT_OK;
    silt_fail(b->e->err, SILT_NOT_FOUND, "%s: there is no column %s to be set", b->e->store->uri,
              name);
    return silt_hint(b->e->err, SILT_NOT_FOUND,
                     "members of structs can't be set by themselves; set the whole column");
}

static silt_status check_settable(const binding *b, const silt_field *field)
{
    const silt_json *metadata;
    SILT_TRY(silt_json_parse(silt_bytes_of(field->metadata), b->e->arena, &metadata, b->e->err));
    if (!silt_json_get_some(metadata, "delta.identity.step") &&
        !silt_json_get_some(metadata, "delta.identity.start"))
        return SILT_OK;
    return silt_fail(b->e->err, SILT_INVALID,
                     "column %s is an identity column: its numbers are given once and stay",
                     field->name);
}

static silt_status assign(binding *b, const silt_assignment *set)
{
    silt_edit *e = b->e;
    int at;
    const silt_expr *parsed, *bound;
    SILT_TRY(find_column(b, set->column, &at));
    const silt_field *field = &e->schema->fields[at];
    if (b->values[at])
        return silt_fail(e->err, SILT_INVALID, "column %s is set twice", field->name);
    SILT_TRY(check_settable(b, field));
    silt_status st = silt_expr_parse(set->value, e->arena, &parsed, e->err);
    if (st == SILT_OK) st = silt_expr_bind(parsed, e->schema, e->arena, &bound, e->err);
    if (st == SILT_OK) st = silt_edit_at_once(e, bound, &bound);
    if (st != SILT_OK) return silt_wrap(e->err, st, "value of column %s", field->name);
    return convert(b, set, bound, field->type, &b->values[at]);
}

/* ---- generated columns */

/* The expression with what assigned columns become in place of these. */
static silt_status substitute(const binding *b, const silt_expr *expr, const silt_expr **out)
{
    silt_edit *e = b->e;
    *out = expr;
    if (expr->kind == SILT_EXPR_LITERAL) return SILT_OK;
    if (expr->kind == SILT_EXPR_COLUMN) {
        int at = silt_type_find(e->schema, expr->path[0]);
        if (at < 0 || !b->values[at]) return SILT_OK;
        if (expr->path_count > 1)
            return silt_fail(e->err, SILT_UNSUPPORTED,
                             "a generated column is computed from a member of column %s, which "
                             "can't be set together with it",
                             expr->path[0]);
        *out = b->values[at];
        return SILT_OK;
    }
    const silt_expr **args = silt_arena_calloc(e->arena, expr->arg_count + 1, sizeof(*args));
    if (!args) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < expr->arg_count; i++)
        SILT_TRY(substitute(b, expr->args[i], &args[i]));
    *out = silt_expr_call(e->arena, expr->op, expr->type, args, expr->arg_count);
    return *out ? SILT_OK : silt_fail_nomem(e->err);
}

/* Columns that are set or generated are computed, the others copied. What a generated column is
 * set to has to be what it would be: there is a check for it. */
static silt_status compute(const binding *b, silt_write_columns *columns)
{
    for (size_t i = 0; i < columns->column_count; i++) {
        silt_output_column *c = &columns->columns[i];
        int at = silt_type_find(b->e->schema, c->label);
        const silt_expr *value = b->values[at];
        if (!value && c->expr &&
            strstr(b->e->schema->fields[at].metadata, "delta.generationExpression"))
            SILT_TRY(substitute(b, c->expr, &value));
        c->expr = value;
        if (!value) continue;
        c->kind = SILT_OUTPUT_EXPR;
        c->source = NULL;
    }
    return SILT_OK;
}

static silt_status bind_all(binding *b, silt_update_values *out)
{
    silt_edit *e = b->e;
    if (!b->spec->count) return silt_fail(e->err, SILT_INVALID, "nothing is to be set");
    b->values = silt_arena_calloc(e->arena, e->schema->field_count, sizeof(*b->values));
    if (!b->values) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < b->spec->count; i++)
        SILT_TRY(assign(b, &b->spec->set[i]));
    SILT_TRY(silt_write_columns_of(&e->state->metadata, e->schema, NULL, NULL, e->arena,
                                   &out->columns, e->err));
    SILT_TRY(compute(b, &out->columns));
    if (!b->misfits.count) return SILT_OK;
    out->misfits = b->misfits.items[0];
    if (b->misfits.count == 1) return SILT_OK;
    out->misfits = silt_expr_call(e->arena, SILT_OP_OR, silt_type_primitive(SILT_TYPE_BOOLEAN),
                                  b->misfits.items, b->misfits.count);
    return out->misfits ? SILT_OK : silt_fail_nomem(e->err);
}

silt_status silt_update_bind(silt_edit *e, const silt_update_spec *spec, silt_update_values *out)
{
    binding b = {.e = e, .spec = spec};
    *out = (silt_update_values){0};
    silt_status st = bind_all(&b, out);
    silt_vec_free(&b.misfits);
    return st;
}
