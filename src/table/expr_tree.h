/* How expressions are made and looked at: what the files of table/expr*.c have in common. */
#ifndef SILT_TABLE_EXPR_TREE_H
#define SILT_TABLE_EXPR_TREE_H

#include "base/type.h"
#include "table/expr.h"

#define SILT_EXPR_DEPTH_MAX 200

/* ---- nodes (expr_tree.c); NULL when out of memory. `args` are copied. */
const silt_expr *silt_expr_literal(silt_arena *arena, const silt_type *type, const char *text);
const silt_expr *silt_expr_null(silt_arena *arena, const silt_type *type);
const silt_expr *silt_expr_bool(silt_arena *arena, bool value);
const silt_expr *silt_expr_call(silt_arena *arena, silt_expr_op op, const silt_type *type,
                                const silt_expr *const *args, size_t count);
/* The same node with another type. */
const silt_expr *silt_expr_typed(silt_arena *arena, const silt_expr *expr, const silt_type *type);

static inline bool silt_expr_is(const silt_expr *expr, silt_expr_op op)
{
    return expr->kind == SILT_EXPR_CALL && expr->op == op;
}

/* How deep a tree is, and how many nodes it has where shared ones count each time (saturating).
 * Quick for what the parser made: it keeps them. */
bool silt_expr_equal(const silt_expr *a, const silt_expr *b);

/* ---- functions (expr_function.c) */

/* What a function's arguments become. */
typedef enum silt_function_form {
    SILT_FORM_CALL,     /* op(args) */
    SILT_FORM_NOT,      /* NOT op(args) */
    SILT_FORM_IF,       /* CASE op of (a, b, c) */
    SILT_FORM_NVL2,     /* CASE WHEN a IS NOT NULL THEN b ELSE c */
    SILT_FORM_POSITIVE, /* the argument */
    SILT_FORM_SUBTRACT, /* op(a, -b) */
    SILT_FORM_LEFT,     /* SUBSTRING(a, 1, b) */
    SILT_FORM_UNIT,     /* DATE_PART: the op that the first argument, a text, names */
    SILT_FORM_CONVERT   /* CAST to the type that `type` names */
} silt_function_form;

typedef struct silt_function {
    const char *name;
    silt_expr_op op;
    uint8_t least, most; /* arguments */
    silt_function_form form;
    const char *type;
} silt_function;

/* By its name in any case; NULL: none. */
const silt_function *silt_function_find(const char *name);
/* The name that is most like one that isn't there; NULL: none is like it. */
const char *silt_function_closest(const char *name);
/* How an op is printed: a function's name, NULL for what has a notation of its own. */
const char *silt_expr_op_name(silt_expr_op op);
/* YEAR … DAY_OF_YEAR by the unit's name ("year", "mon", "doy"); SILT_OP_COUNT: none. */
silt_expr_op silt_expr_unit_op(const char *unit);

/* The closest of `names` to one that isn't among them, NULL when none is near: for "did you mean".
 */
const char *silt_closest(const char *name, const char *(*next)(void *ctx), void *ctx);

/* ---- tokens (expr_lex.c) */

typedef enum silt_token_kind {
    SILT_TOKEN_END,
    SILT_TOKEN_NAME,   /* bare */
    SILT_TOKEN_QUOTED, /* `back-quoted` */
    SILT_TOKEN_NUMBER,
    SILT_TOKEN_STRING,
    SILT_TOKEN_SIGN /* an operator or bracket: `text` */
} silt_token_kind;

typedef struct silt_token {
    silt_token_kind kind;
    size_t offset, size; /* in the text */
    const char *text;    /* decoded, terminated; a number's as it stands */
    bool raw;            /* r'…' */
    size_t text_size;    /* of a string, which may hold NUL */
} silt_token;

typedef struct silt_lexer {
    const char *text;
    size_t at;
    silt_arena *arena;
    silt_error *err;
} silt_lexer;

silt_status silt_lex(silt_lexer *lexer, silt_token *out);

/* INVALID with the text around the place and a mark under it in one line:
 *   expression: <what>: "… a = >< b …" (character 5) */
silt_status silt_expr_fail(silt_error *err, silt_status status, const char *text, size_t offset,
                           const char *format, ...) SILT_PRINTF(5, 6);

/* ---- values (expr_value.c, expr_eval.c) */

struct silt_value;
/* The value of a constant call over values, null arguments included; false: not known here.
 * `type` is the call's; texts of the result live in the arena. */
bool silt_expr_eval(const silt_expr *call, const silt_expr *const *args, silt_arena *arena,
                    const silt_expr **out);

#endif
