/* Conditions of a statement as expressions: what files are skipped by. Only what means the same in
 * DuckDB and in Silt is taken; whoever binds it drops what needs a cast of a column. */
#include "engine/duckdb_ast.h"

#include <ctype.h>
#include <strings.h>

typedef struct reading {
    const char *alias;
    bool only;
    silt_arena *arena;
} reading;

static bool is(const silt_json *node, const char *key, const char *text)
{
    return silt_streq(silt_json_string(silt_json_get(node, key)), text);
}

static const silt_expr *translate(const reading *r, const silt_json *node);

/* ---- trees -------------------------------------------------------------------------------------
 */

static const silt_expr *new_call(silt_expr_op op, const silt_type *type,
                                 const silt_expr *const *args, size_t count, silt_arena *arena)
{
    silt_expr *expr = silt_arena_calloc(arena, 1, sizeof *expr);
    const silt_expr **copy = silt_arena_calloc(arena, count, sizeof *copy);
    if (!expr || !copy) return NULL;
    memcpy(copy, args, count * sizeof *copy);
    *expr = (silt_expr){
        .kind = SILT_EXPR_CALL, .type = type, .op = op, .args = copy, .arg_count = count};
    return expr;
}

const silt_expr *silt_duck_ast_both(silt_expr_op op, const silt_expr *a, const silt_expr *b,
                                    silt_arena *arena)
{
    const silt_expr *const args[] = {a, b};
    return new_call(op, NULL, args, 2, arena);
}

static const silt_expr *new_literal(const silt_type *type, const char *text, silt_arena *arena)
{
    silt_expr *expr = silt_arena_calloc(arena, 1, sizeof *expr);
    if (!expr || !text) return NULL;
    *expr = (silt_expr){.kind = SILT_EXPR_LITERAL, .type = type, .text = text};
    return expr;
}

/* ---- literals ----------------------------------------------------------------------------------
 */

static const silt_json *constant_of(const silt_json *node, const char **type)
{
    if (!is(node, "class", "CONSTANT")) return NULL;
    const silt_json *value = silt_json_get(node, "value");
    *type = silt_json_string(silt_json_get(silt_json_get(value, "type"), "id"));
    return *type ? value : NULL;
}

bool silt_duck_ast_literal(const silt_json *node, silt_arena *arena, const char **out)
{
    const char *type;
    const silt_json *value = constant_of(node, &type);
    if (!value) return false;
    *out = NULL;
    if (silt_json_bool(silt_json_get(value, "is_null"), false)) return true;
    const silt_json *plain = silt_json_get(value, "value");
    const char *text = silt_json_string(plain);
    if (!text && silt_json_is_int(plain)) text = silt_json_number(plain);
    if (!text || (!silt_streq(type, "VARCHAR") && !silt_streq(type, "INTEGER") &&
                  !silt_streq(type, "BIGINT")))
        return false;
    if (strlen(text) != silt_json_string_size(plain) && silt_json_string(plain)) return false;
    *out = silt_arena_strdup(arena, text);
    return *out != NULL;
}

static const silt_expr *decimal(const silt_json *value, silt_arena *arena)
{
    const silt_json *info = silt_json_get(silt_json_get(value, "type"), "type_info");
    int64_t width = silt_json_int(silt_json_get(info, "width"), 0);
    int64_t scale = silt_json_int(silt_json_get(info, "scale"), -1);
    const silt_json *plain = silt_json_get(value, "value");
    if (width < 1 || width > 18 || scale < 0 || scale > width || !silt_json_is_int(plain))
        return NULL;
    int64_t unscaled = silt_json_int(plain, 0), power = 1;
    for (int64_t i = 0; i < scale; i++)
        power *= 10;
    uint64_t size = unscaled < 0 ? -(uint64_t)unscaled : (uint64_t)unscaled;
    const char *sign = unscaled < 0 ? "-" : "";
    uint64_t whole = size / (uint64_t)power, rest = size % (uint64_t)power;
    silt_type *type = silt_arena_calloc(arena, 1, sizeof *type);
    if (!type) return NULL;
    *type = (silt_type){
        .kind = SILT_TYPE_DECIMAL, .precision = (uint8_t)width, .scale = (uint8_t)scale};
    const char *text =
        scale ? silt_arena_printf(arena, "%s%" PRIu64 ".%0*" PRIu64, sign, whole, (int)scale, rest)
              : silt_arena_printf(arena, "%s%" PRIu64, sign, whole);
    return new_literal(type, text, arena);
}

static const silt_expr *literal(const silt_json *node, silt_arena *arena)
{
    static const silt_type longs = {.kind = SILT_TYPE_LONG}, texts = {.kind = SILT_TYPE_STRING};
    const char *type, *text;
    const silt_json *value = constant_of(node, &type);
    if (!value) return NULL;
    if (silt_streq(type, "DECIMAL") && !silt_json_bool(silt_json_get(value, "is_null"), false))
        return decimal(value, arena);
    if (!silt_duck_ast_literal(node, arena, &text) || !text) return NULL;
    return new_literal(silt_streq(type, "VARCHAR") ? &texts : &longs, text, arena);
}

/* "2024-01-15", with `time` "2024-01-15 10:00[:00[.123456]]" too: texts in which all readers of
 * dates see the same. */
static bool is_plain_time(const char *text, bool time)
{
    static const char form[] = "0000-00-00 00:00:00.";
    size_t n = 0;
    for (; text[n] && n < sizeof form - 1; n++) {
        bool digit = isdigit((unsigned char)text[n]) != 0;
        if (form[n] == '0' ? !digit : form[n] == ' ' ? !strchr(" T", text[n]) : text[n] != form[n])
            return false;
    }
    if (n == 10) return true;
    if (!time || (n != 16 && n != 19 && n != sizeof form - 1)) return false;
    size_t fraction = strspn(text + n, "0123456789");
    return text[n + fraction] == '\0' && (n < sizeof form - 1 || (fraction >= 1 && fraction <= 6));
}

/* DATE '…', TIMESTAMP '…', true, false: casts of texts. */
static const silt_expr *typed_literal(const silt_json *node, silt_arena *arena)
{
    static const silt_type bools = {.kind = SILT_TYPE_BOOLEAN}, dates = {.kind = SILT_TYPE_DATE},
                           zoned = {.kind = SILT_TYPE_TIMESTAMP},
                           plain = {.kind = SILT_TYPE_TIMESTAMP_NTZ};
    const silt_expr *text = literal(silt_json_get(node, "child"), arena);
    const char *type = silt_json_string(silt_json_get(silt_json_get(node, "cast_type"), "id"));
    if (silt_json_bool(silt_json_get(node, "try_cast"), false) || !text || !type ||
        text->type->kind != SILT_TYPE_STRING)
        return NULL;
    if (silt_streq(type, "BOOLEAN")) {
        bool yes = silt_streq(text->text, "t") || silt_streq(text->text, "true");
        bool no = silt_streq(text->text, "f") || silt_streq(text->text, "false");
        return yes || no ? new_literal(&bools, yes ? "true" : "false", arena) : NULL;
    }
    const silt_type *to = silt_streq(type, "DATE")                       ? &dates
                          : silt_streq(type, "TIMESTAMP")                ? &plain
                          : silt_streq(type, "TIMESTAMP WITH TIME ZONE") ? &zoned
                                                                         : NULL;
    if (!to || !is_plain_time(text->text, to != &dates)) return NULL;
    return new_call(SILT_OP_CAST, to, &text, 1, arena);
}

/* ---- conditions --------------------------------------------------------------------------------
 */

static const silt_expr *column(const reading *r, const silt_json *node)
{
    const silt_json *names = silt_json_get(node, "column_names");
    size_t count = silt_json_count(names);
    const char *parts[2] = {NULL, NULL};
    if (count < 1 || count > 2) return NULL;
    size_t at = 0;
    for (silt_json_iter it = silt_json_iter_of(names); silt_json_next(&it);)
        parts[at++] = silt_json_string(it.value);
    if (count == 2 && (!parts[0] || strcasecmp(parts[0], r->alias) != 0)) return NULL;
    if (count == 1 && !r->only) return NULL;
    silt_expr *expr = silt_arena_calloc(r->arena, 1, sizeof *expr);
    const char **path = silt_arena_calloc(r->arena, 1, sizeof *path);
    if (!expr || !path || !parts[count - 1]) return NULL;
    path[0] = silt_arena_strdup(r->arena, parts[count - 1]);
    if (!path[0]) return NULL;
    *expr = (silt_expr){.kind = SILT_EXPR_COLUMN, .path = path, .path_count = 1};
    return expr;
}

static const silt_expr *comparison(const reading *r, const silt_json *node)
{
    static const struct {
        const char *type;
        silt_expr_op op;
    } known[] = {{"COMPARE_EQUAL", SILT_OP_EQ},
                 {"COMPARE_NOTEQUAL", SILT_OP_NE},
                 {"COMPARE_LESSTHAN", SILT_OP_LT},
                 {"COMPARE_LESSTHANOREQUALTO", SILT_OP_LE},
                 {"COMPARE_GREATERTHAN", SILT_OP_GT},
                 {"COMPARE_GREATERTHANOREQUALTO", SILT_OP_GE},
                 {"COMPARE_NOT_DISTINCT_FROM", SILT_OP_EQ_NULL}};
    const silt_expr *left = translate(r, silt_json_get(node, "left"));
    const silt_expr *right = translate(r, silt_json_get(node, "right"));
    for (size_t i = 0; left && right && i < SILT_COUNT(known); i++)
        if (is(node, "type", known[i].type))
            return silt_duck_ast_both(known[i].op, left, right, r->arena);
    return NULL;
}

static const silt_expr *between(const reading *r, const silt_json *node)
{
    const silt_expr *input = translate(r, silt_json_get(node, "input"));
    const silt_expr *lower = translate(r, silt_json_get(node, "lower"));
    const silt_expr *upper = translate(r, silt_json_get(node, "upper"));
    if (!is(node, "type", "COMPARE_BETWEEN") || !input || !lower || !upper) return NULL;
    const silt_expr *from = silt_duck_ast_both(SILT_OP_GE, input, lower, r->arena);
    const silt_expr *to = silt_duck_ast_both(SILT_OP_LE, input, upper, r->arena);
    return from && to ? silt_duck_ast_both(SILT_OP_AND, from, to, r->arena) : NULL;
}

/* All of the children or, with `some`, those that can be told, of which there may be none. */
static const silt_expr *children(const reading *r, const silt_json *node, silt_expr_op op,
                                 bool some)
{
    const silt_json *list = silt_json_get(node, "children");
    const silt_expr **args = silt_arena_calloc(r->arena, silt_json_count(list), sizeof *args);
    size_t count = 0;
    if (!args) return NULL;
    for (silt_json_iter it = silt_json_iter_of(list); silt_json_next(&it);) {
        args[count] = translate(r, it.value);
        if (args[count])
            count++;
        else if (!some)
            return NULL;
    }
    if (count == 0) return NULL;
    if (count == 1 && (op == SILT_OP_AND || op == SILT_OP_OR)) return args[0];
    return new_call(op, NULL, args, count, r->arena);
}

static const silt_expr *negated(const reading *r, const silt_expr *expr)
{
    return expr ? new_call(SILT_OP_NOT, NULL, &expr, 1, r->arena) : NULL;
}

static const silt_expr *operation(const reading *r, const silt_json *node)
{
    if (is(node, "type", "COMPARE_IN")) return children(r, node, SILT_OP_IN, false);
    if (is(node, "type", "COMPARE_NOT_IN")) return negated(r, children(r, node, SILT_OP_IN, false));
    if (is(node, "type", "OPERATOR_IS_NULL")) return children(r, node, SILT_OP_IS_NULL, false);
    if (is(node, "type", "OPERATOR_IS_NOT_NULL"))
        return negated(r, children(r, node, SILT_OP_IS_NULL, false));
    if (is(node, "type", "OPERATOR_NOT")) return children(r, node, SILT_OP_NOT, false);
    return NULL;
}

/* LIKE 'abc%' and its function. */
static const silt_expr *function(const reading *r, const silt_json *node)
{
    const silt_json *list = silt_json_get(node, "children");
    const silt_expr *args[2] = {NULL, NULL};
    size_t count = 0;
    bool like = is(node, "function_name", "~~"), starts = is(node, "function_name", "starts_with");
    if ((!like && !starts) || silt_json_count(list) != 2) return NULL;
    for (silt_json_iter it = silt_json_iter_of(list); silt_json_next(&it);)
        args[count++] = translate(r, it.value);
    const silt_expr *pattern = args[1];
    if (!args[0] || args[0]->kind != SILT_EXPR_COLUMN || !pattern ||
        pattern->kind != SILT_EXPR_LITERAL || pattern->type->kind != SILT_TYPE_STRING)
        return NULL;
    if (like) {
        size_t size = strlen(pattern->text);
        if (size < 2 || strcspn(pattern->text, "%_\\") != size - 1 ||
            pattern->text[size - 1] != '%')
            return NULL;
        char *start = silt_arena_strdup(r->arena, pattern->text);
        if (!start) return NULL;
        start[size - 1] = '\0';
        pattern = new_literal(pattern->type, start, r->arena);
        if (!pattern) return NULL;
    }
    return silt_duck_ast_both(SILT_OP_STARTS_WITH, args[0], pattern, r->arena);
}

/* NULL: can't be told, which is no failure. */
static const silt_expr *translate(const reading *r, const silt_json *node)
{
    if (is(node, "class", "COLUMN_REF")) return column(r, node);
    if (is(node, "class", "CONSTANT")) return literal(node, r->arena);
    if (is(node, "class", "CAST")) return typed_literal(node, r->arena);
    if (is(node, "class", "COMPARISON")) return comparison(r, node);
    if (is(node, "class", "BETWEEN")) return between(r, node);
    if (is(node, "class", "OPERATOR")) return operation(r, node);
    if (is(node, "class", "FUNCTION")) return function(r, node);
    if (is(node, "type", "CONJUNCTION_AND")) return children(r, node, SILT_OP_AND, false);
    if (is(node, "type", "CONJUNCTION_OR")) return children(r, node, SILT_OP_OR, false);
    return NULL;
}

const silt_expr *silt_duck_ast_condition(const silt_json *node, const char *alias, bool only,
                                         silt_arena *arena)
{
    const reading r = {alias, only, arena};
    if (is(node, "type", "CONJUNCTION_AND")) return children(&r, node, SILT_OP_AND, true);
    return translate(&r, node);
}
