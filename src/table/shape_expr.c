/* Expressions that a table's shape holds: CHECK constraints, generated columns, defaults; and what
 * identity columns say. */
#include <strings.h>

#include "table/expr_tree.h"
#include "table/shape_tree.h"

#define CONSTRAINT "delta.constraints."
#define GENERATED  "delta.generationExpression"
#define DEFAULT    "CURRENT_DEFAULT"
#define INVARIANTS "delta.invariants"

/* Random, or of the moment: another value each time. */
static bool changes(const silt_expr *expr)
{
    if (expr->kind != SILT_EXPR_CALL) return false;
    if (expr->op == SILT_OP_CURRENT_DATE || expr->op == SILT_OP_CURRENT_TIMESTAMP ||
        expr->op == SILT_OP_UUID)
        return true;
    for (size_t i = 0; i < expr->arg_count; i++)
        if (changes(expr->args[i])) return true;
    return false;
}

/* ---- who uses a column */

typedef struct use {
    const silt_shape *shape;
    silt_names path;
    const char *doing;
    bool found;
    silt_status st;
} use;

static void on_column(void *ctx, const silt_expr *column)
{
    use *u = ctx;
    size_t both = column->path_count < u->path.count ? column->path_count : u->path.count;
    for (size_t i = 0; i < both; i++)
        if (strcasecmp(column->path[i], u->path.items[i]) != 0) return;
    u->found = true;
}

/* What Silt can't parse uses each column whose name is in it. */
static silt_status look(use *u, const char *text, silt_error *err)
{
    const silt_expr *expr;
    silt_status st = silt_expr_parse(text, u->shape->arena, &expr, err);
    u->found = false;
    if (st == SILT_OK)
        silt_expr_columns(expr, on_column, u);
    else if (st == SILT_NOMEM)
        return st;
    else
        u->found = strcasestr(text, u->path.items[u->path.count - 1]) != NULL;
    return SILT_OK;
}

/* INVALID where `text`, which may be NULL, uses the column. */
static silt_status check_use(use *u, const char *by, const char *name, const char *text,
                             silt_error *err)
{
    if (!text) return SILT_OK;
    SILT_TRY(look(u, text, err));
    if (!u->found) return SILT_OK;
    const char *column = silt_shape_path_text(u->path, u->shape->arena);
    if (!column) return silt_fail_nomem(err);
    silt_fail(err, SILT_INVALID, "column %s can't be %s: %s %s uses it: %s", column, u->doing, by,
              name, text);
    if (strcmp(by, "constraint") != 0) return SILT_INVALID;
    return silt_hint(err, SILT_INVALID, "drop the constraint first, and add it again");
}

static silt_status check_field(void *ctx, silt_names path, const silt_field *field, silt_error *err)
{
    (void)path;
    use *u = ctx;
    silt_arena *arena = u->shape->arena;
    const silt_json *json;
    SILT_TRY(silt_shape_meta(arena, field->metadata, GENERATED, &json, err));
    SILT_TRY(check_use(u, "generated column", field->name, silt_json_string(json), err));
    SILT_TRY(silt_shape_meta(arena, field->metadata, INVARIANTS, &json, err));
    if (!silt_json_string(json)) return SILT_OK;
    SILT_TRY(silt_json_parse(silt_bytes_of(silt_json_string(json)), arena, &json, err));
    json = silt_json_get(silt_json_get(json, "expression"), "expression");
    return check_use(u, "invariant of", field->name, silt_json_string(json), err);
}

silt_status silt_shape_check_unused(const silt_shape *shape, silt_names path, const char *doing,
                                    silt_error *err)
{
    use u = {.shape = shape, .path = path, .doing = doing};
    silt_pairs pairs = shape->metadata.configuration;
    for (size_t i = 0; i < pairs.count; i++)
        if (silt_starts_with(pairs.items[i].key, CONSTRAINT))
            SILT_TRY(check_use(&u, "constraint", pairs.items[i].key + strlen(CONSTRAINT),
                               pairs.items[i].value, err));
    return silt_shape_each(shape, check_field, &u, err);
}

/* ---- CHECK constraints */

/* The constraint's key as the table has it, in any case of letters; NULL: none. */
static const char *constraint_key(const silt_shape *shape, const char *name)
{
    silt_pairs pairs = shape->metadata.configuration;
    for (size_t i = 0; i < pairs.count; i++)
        if (silt_starts_with(pairs.items[i].key, CONSTRAINT) &&
            strcasecmp(pairs.items[i].key + strlen(CONSTRAINT), name) == 0)
            return pairs.items[i].key;
    return NULL;
}

silt_status silt_shape_add_constraint(silt_shape *shape, const char *name, const char *condition,
                                      silt_error *err)
{
    const silt_expr *expr;
    if (!*name) return silt_fail(err, SILT_INVALID, "a constraint needs a name");
    if (constraint_key(shape, name))
        return silt_fail(
            err, SILT_EXISTS, "there is a constraint %s already: %s", name,
            silt_pairs_get(shape->metadata.configuration, constraint_key(shape, name)));
    silt_status st = silt_expr_condition(condition, shape->schema, shape->arena, &expr, err);
    if (st != SILT_OK) return silt_wrap(err, st, "constraint %s", name);
    if (changes(expr))
        return silt_fail(
            err, SILT_INVALID,
            "constraint %s: what is random or of the moment holds at one time only: %s", name,
            condition);
    char *key = silt_arena_printf(shape->arena, CONSTRAINT "%s", name);
    if (!key) return silt_fail_nomem(err);
    for (char *p = key + strlen(CONSTRAINT); *p; p++) /* as Spark has them */
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
    silt_shape next = *shape;
    SILT_TRY(silt_shape_require(&next, "checkConstraints", err));
    SILT_TRY(silt_shape_put_property(&next, key, condition, err));
    *shape = next;
    return SILT_OK;
}

silt_status silt_shape_drop_constraint(silt_shape *shape, const char *name, silt_error *err)
{
    const char *key = constraint_key(shape, name);
    if (key) return silt_shape_put_property(shape, key, NULL, err);
    silt_pairs pairs = shape->metadata.configuration;
    const char **names = silt_arena_calloc(shape->arena, pairs.count, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    size_t count = 0;
    for (size_t i = 0; i < pairs.count; i++)
        if (silt_starts_with(pairs.items[i].key, CONSTRAINT))
            names[count++] = pairs.items[i].key + strlen(CONSTRAINT);
    return silt_shape_fail_unknown(err, SILT_NOT_FOUND, "constraint", name, names, count);
}

/* ---- defaults */

silt_status silt_shape_check_default(const silt_shape *shape, const char *column,
                                     const silt_type *type, const char *text, silt_error *err)
{
    static const silt_type nothing = {.kind = SILT_TYPE_STRUCT};
    const silt_expr *expr;
    silt_status st = silt_expr_parse(text, shape->arena, &expr, err);
    if (st == SILT_OK) st = silt_expr_bind(expr, &nothing, shape->arena, &expr, err);
    if (st == SILT_NOT_FOUND)
        return silt_fail(err, SILT_INVALID,
                         "default of column %s: it can't look at other columns: %s", column, text);
    if (st != SILT_OK) return silt_wrap(err, st, "default of column %s", column);
    bool null = expr->kind == SILT_EXPR_LITERAL && expr->is_null;
    if (null || silt_type_equal(expr->type, type) || silt_type_widens(expr->type, type))
        return SILT_OK;
    bool whole = expr->type->kind <= SILT_TYPE_DECIMAL && expr->type->kind >= SILT_TYPE_BYTE;
    bool number = type->kind <= SILT_TYPE_DECIMAL && type->kind >= SILT_TYPE_BYTE;
    if ((whole && number) ||
        (expr->type->kind == SILT_TYPE_TIMESTAMP && type->kind == SILT_TYPE_TIMESTAMP_NTZ))
        return SILT_OK; /* assigned as Spark does */
    const char *from = silt_type_name(expr->type, shape->arena);
    const char *to = silt_type_name(type, shape->arena);
    if (!from || !to) return silt_fail_nomem(err);
    silt_fail(err, SILT_INVALID, "default of column %s: %s is of the type %s, not %s", column, text,
              from, to);
    return silt_hint(err, SILT_INVALID, "CAST(… AS %s) makes it one", to);
}

/* ---- the columns of a new table */

static void on_generated(void *ctx, const silt_expr *column)
{
    use *u = ctx;
    int at = silt_shape_field_at(u->shape->schema, column->path[0]);
    const silt_json *json = NULL;
    if (at < 0 || u->st != SILT_OK) return;
    const char *metadata = u->shape->schema->fields[at].metadata;
    u->st = silt_shape_meta(u->shape->arena, metadata, GENERATED, &json, NULL);
    u->found |= json != NULL;
}

static silt_status check_generated(const silt_shape *shape, const silt_field *field,
                                   const char *text, silt_error *err)
{
    const silt_expr *expr;
    silt_status st = silt_expr_parse(text, shape->arena, &expr, err);
    if (st == SILT_OK) st = silt_expr_bind(expr, shape->schema, shape->arena, &expr, err);
    if (st != SILT_OK) return silt_wrap(err, st, "generated column %s", field->name);
    if (changes(expr))
        return silt_fail(err, SILT_INVALID,
                         "generated column %s: what is random or of the moment can't be checked "
                         "later: %s",
                         field->name, text);
    use u = {.shape = shape};
    silt_expr_columns(expr, on_generated, &u);
    if (u.st != SILT_OK) return silt_fail_nomem(err);
    if (u.found)
        return silt_fail(err, SILT_INVALID,
                         "generated column %s: it can't use a generated column: %s", field->name,
                         text);
    if (silt_type_equal(expr->type, field->type)) return SILT_OK;
    const char *from = silt_type_name(expr->type, shape->arena);
    const char *to = silt_type_name(field->type, shape->arena);
    if (!from || !to) return silt_fail_nomem(err);
    silt_fail(err, SILT_INVALID, "generated column %s: %s is of the type %s, not %s", field->name,
              text, from, to);
    return silt_hint(err, SILT_INVALID, "CAST(… AS %s) makes it one", to);
}

static silt_status check_identity(const silt_shape *shape, const silt_field *field, silt_error *err)
{
    const silt_json *json;
    SILT_TRY(silt_json_parse(silt_bytes_of(field->metadata), shape->arena, &json, err));
    const silt_json *start = silt_json_get(json, "delta.identity.start");
    const silt_json *step = silt_json_get(json, "delta.identity.step");
    if (field->type->kind != SILT_TYPE_LONG)
        return silt_fail(err, SILT_INVALID, "identity column %s has to be a long", field->name);
    if (!silt_json_is_int(start) || !silt_json_is_int(step) || silt_json_int(step, 0) == 0)
        return silt_fail(err, SILT_INVALID,
                         "identity column %s needs a number to start with, and a step that isn't 0",
                         field->name);
    if (silt_json_get_some(json, GENERATED) || silt_json_get_some(json, DEFAULT))
        return silt_fail(err, SILT_INVALID,
                         "identity column %s can't have an expression or a default too",
                         field->name);
    if (silt_names_have(shape->metadata.partition_columns, field->name))
        return silt_fail(err, SILT_INVALID, "a table can't be partitioned by identity column %s",
                         field->name);
    return SILT_OK;
}

static silt_status check_column(void *ctx, silt_names path, const silt_field *field,
                                silt_error *err)
{
    silt_shape *shape = ctx;
    silt_arena *arena = shape->arena;
    const silt_json *json;
    SILT_TRY(silt_json_parse(silt_bytes_of(field->metadata), arena, &json, err));
    const char *generated = silt_json_string(silt_json_get(json, GENERATED));
    const char *value = silt_json_string(silt_json_get(json, DEFAULT));
    bool identity = silt_json_get_some(json, "delta.identity.start") ||
                    silt_json_get_some(json, "delta.identity.step");
    if (path.count > 1 && (generated || identity))
        return silt_fail(err, SILT_INVALID, "column %s is nested, and can't be generated",
                         field->name);
    if (generated) {
        SILT_TRY(check_generated(shape, field, generated, err));
        SILT_TRY(silt_shape_require(shape, "generatedColumns", err));
    }
    if (identity) {
        SILT_TRY(check_identity(shape, field, err));
        SILT_TRY(silt_shape_require(shape, "identityColumns", err));
    }
    if (!value) return SILT_OK;
    if (generated)
        return silt_fail(err, SILT_INVALID, "generated column %s can't have a default too",
                         field->name);
    SILT_TRY(silt_shape_check_default(shape, field->name, field->type, value, err));
    return silt_shape_require(shape, "allowColumnDefaults", err);
}

silt_status silt_shape_check_columns(silt_shape *shape, silt_error *err)
{
    return silt_shape_each(shape, check_column, shape, err);
}
