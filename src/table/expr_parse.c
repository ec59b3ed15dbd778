/* Tokens → tree: the operators, from OR down to the minus sign.
 *
 * Work is linear in the text; a text nested too deep, or one whose tree would be far larger than
 * itself (BETWEEN and CASE use a value twice), is refused. */
#include "table/expr_parser.h"

#include <strings.h>

/* ---- nodes: with what their depth and size are */

typedef struct parsed {
    silt_expr expr;
    int height;
    size_t size;
} parsed;

static const parsed *parsed_of(const silt_expr *expr)
{
    return (const parsed *)(const void *)expr;
}

static silt_status put_node(silt_parser *p, silt_expr expr, const silt_expr **out)
{
    parsed *node = silt_arena_alloc(p->arena, sizeof *node);
    if (!node) return silt_fail_nomem(p->err);
    *node = (parsed){expr, 1, 1};
    for (size_t i = 0; i < expr.arg_count; i++) {
        const parsed *arg = parsed_of(expr.args[i]);
        if (arg->height >= node->height) node->height = arg->height + 1;
        node->size += arg->size;
        if (expr.op == SILT_OP_NULLIF) node->size += arg->size; /* as a CASE it is twice there */
    }
    if (node->height > SILT_EXPR_DEPTH_MAX)
        return silt_expr_fail(p->err, SILT_INVALID, p->text, expr.offset,
                              "operations within each other more than %d deep",
                              SILT_EXPR_DEPTH_MAX);
    if (node->size > p->size_max)
        return silt_expr_fail(p->err, SILT_INVALID, p->text, expr.offset,
                              "BETWEEN, NULLIF or CASE within each other too often");
    *out = &node->expr;
    return SILT_OK;
}

silt_status silt_parser_call(silt_parser *p, size_t offset, silt_expr_op op, const silt_type *type,
                             const silt_expr *const *args, size_t count, const silt_expr **out)
{
    const silt_expr **copy = silt_arena_calloc(p->arena, count ? count : 1, sizeof *copy);
    if (!copy) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < count; i++)
        copy[i] = args[i];
    return put_node(p,
                    (silt_expr){.kind = SILT_EXPR_CALL,
                                .type = type,
                                .offset = offset,
                                .op = op,
                                .args = copy,
                                .arg_count = count},
                    out);
}

silt_status silt_parser_call1(silt_parser *p, size_t offset, silt_expr_op op, const silt_expr *a,
                              const silt_expr **out)
{
    return silt_parser_call(p, offset, op, NULL, &a, 1, out);
}

silt_status silt_parser_call2(silt_parser *p, size_t offset, silt_expr_op op, const silt_expr *a,
                              const silt_expr *b, const silt_expr **out)
{
    const silt_expr *args[] = {a, b};
    return silt_parser_call(p, offset, op, NULL, args, 2, out);
}

silt_status silt_parser_literal(silt_parser *p, size_t offset, const silt_type *type,
                                const char *text, const silt_expr **out)
{
    if (!text || !type) return silt_fail_nomem(p->err);
    return put_node(
        p, (silt_expr){.kind = SILT_EXPR_LITERAL, .type = type, .offset = offset, .text = text},
        out);
}

silt_status silt_parser_null(silt_parser *p, size_t offset, const silt_expr **out)
{
    return put_node(p,
                    (silt_expr){.kind = SILT_EXPR_LITERAL,
                                .type = silt_type_primitive(SILT_TYPE_VOID),
                                .offset = offset,
                                .is_null = true},
                    out);
}

silt_status silt_parser_column(silt_parser *p, size_t offset, const char *const *path, size_t count,
                               const silt_expr **out)
{
    return put_node(
        p,
        (silt_expr){.kind = SILT_EXPR_COLUMN, .offset = offset, .path = path, .path_count = count},
        out);
}

/* ---- tokens */

silt_status silt_parser_enter(silt_parser *p)
{
    if (++p->depth <= SILT_EXPR_DEPTH_MAX) return SILT_OK;
    return silt_expr_fail(p->err, SILT_INVALID, p->text, silt_parser_peek(p, 0)->offset,
                          "brackets or operations within each other more than %d deep",
                          SILT_EXPR_DEPTH_MAX);
}

bool silt_parser_is_sign(const silt_parser *p, size_t ahead, const char *sign)
{
    const silt_token *t = silt_parser_peek(p, ahead);
    return t->kind == SILT_TOKEN_SIGN && strcmp(t->text, sign) == 0;
}

bool silt_parser_is_word(const silt_parser *p, size_t ahead, const char *word)
{
    const silt_token *t = silt_parser_peek(p, ahead);
    return t->kind == SILT_TOKEN_NAME && strcasecmp(t->text, word) == 0;
}

bool silt_parser_take_sign(silt_parser *p, const char *sign)
{
    if (!silt_parser_is_sign(p, 0, sign)) return false;
    p->at++;
    return true;
}

bool silt_parser_take_word(silt_parser *p, const char *word)
{
    if (!silt_parser_is_word(p, 0, word)) return false;
    p->at++;
    return true;
}

silt_status silt_parser_expected(silt_parser *p, const char *what)
{
    const silt_token *t = silt_parser_peek(p, 0);
    if (t->kind == SILT_TOKEN_END)
        return silt_expr_fail(p->err, SILT_INVALID, p->text, t->offset,
                              "%s expected where the text ends", what);
    return silt_expr_fail(p->err, SILT_INVALID, p->text, t->offset, "%s expected instead of %.*s",
                          what, t->size > 40 ? 40 : (int)t->size, p->text + t->offset);
}

silt_status silt_parser_need_sign(silt_parser *p, const char *sign)
{
    return silt_parser_take_sign(p, sign) ? SILT_OK : silt_parser_expected(p, sign);
}

silt_status silt_parser_need_word(silt_parser *p, const char *word)
{
    return silt_parser_take_word(p, word) ? SILT_OK : silt_parser_expected(p, word);
}

/* ---- values: arithmetic and comparison */

typedef struct binary {
    const char *sign;
    silt_expr_op op;
} binary;

static const binary *take_binary(silt_parser *p, const binary *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (silt_parser_take_sign(p, all[i].sign)) return &all[i];
    return NULL;
}

static silt_status parse_unary(silt_parser *p, const silt_expr **out)
{
    size_t offset = silt_parser_peek(p, 0)->offset;
    bool number = silt_parser_peek(p, 1)->kind == SILT_TOKEN_NUMBER; /* its minus is its own */
    bool minus = !number && silt_parser_take_sign(p, "-");
    if (!minus && !silt_parser_take_sign(p, "+")) return silt_parse_primary(p, out);
    SILT_TRY(silt_parser_enter(p));
    SILT_TRY(parse_unary(p, out));
    silt_parser_leave(p);
    return minus ? silt_parser_call1(p, offset, SILT_OP_NEGATE, *out, out) : SILT_OK;
}

static silt_status parse_product(silt_parser *p, const silt_expr **out)
{
    static const binary ops[] = {
        {"*", SILT_OP_MULTIPLY}, {"/", SILT_OP_DIVIDE}, {"%", SILT_OP_MODULO}};
    size_t offset = silt_parser_peek(p, 0)->offset;
    SILT_TRY(parse_unary(p, out));
    for (const binary *op; (op = take_binary(p, ops, SILT_COUNT(ops)));) {
        const silt_expr *right;
        SILT_TRY(parse_unary(p, &right));
        SILT_TRY(silt_parser_call2(p, offset, op->op, *out, right, out));
    }
    if (silt_parser_is_word(p, 0, "DIV"))
        return silt_expr_fail(p->err, SILT_UNSUPPORTED, p->text, silt_parser_peek(p, 0)->offset,
                              "DIV isn't supported");
    return SILT_OK;
}

/* a || b || c is one CONCAT. */
static silt_status parse_concat(silt_parser *p, size_t offset, const silt_expr **out)
{
    SILT_CLEAN(silt_expr_list) args = {0};
    if (!silt_vec_push(&args, *out)) return silt_fail_nomem(p->err);
    while (silt_parser_take_sign(p, "||")) {
        const silt_expr *right;
        SILT_TRY(parse_product(p, &right));
        if (!silt_vec_push(&args, right)) return silt_fail_nomem(p->err);
    }
    return silt_parser_call(p, offset, SILT_OP_CONCAT, NULL, args.items, args.count, out);
}

static silt_status parse_sum(silt_parser *p, const silt_expr **out)
{
    static const binary ops[] = {{"+", SILT_OP_ADD}, {"-", SILT_OP_SUBTRACT}};
    size_t offset = silt_parser_peek(p, 0)->offset;
    SILT_TRY(parse_product(p, out));
    for (;;) {
        if (silt_parser_is_sign(p, 0, "||")) {
            SILT_TRY(parse_concat(p, offset, out));
            continue;
        }
        const binary *op = take_binary(p, ops, SILT_COUNT(ops));
        if (!op) return SILT_OK;
        const silt_expr *right;
        SILT_TRY(parse_product(p, &right));
        SILT_TRY(silt_parser_call2(p, offset, op->op, *out, right, out));
    }
}

silt_status silt_parse_value(silt_parser *p, const silt_expr **out)
{
    static const binary ops[] = {
        {"=", SILT_OP_EQ},  {"==", SILT_OP_EQ}, {"<=>", SILT_OP_EQ_NULL},
        {"<>", SILT_OP_NE}, {"!=", SILT_OP_NE}, {"<=", SILT_OP_LE},
        {">=", SILT_OP_GE}, {"<", SILT_OP_LT},  {">", SILT_OP_GT},
    };
    size_t offset = silt_parser_peek(p, 0)->offset;
    SILT_TRY(parse_sum(p, out));
    for (const binary *op; (op = take_binary(p, ops, SILT_COUNT(ops)));) {
        const silt_expr *right;
        SILT_TRY(parse_sum(p, &right));
        SILT_TRY(silt_parser_call2(p, offset, op->op, *out, right, out));
    }
    return SILT_OK;
}

/* ---- predicates */

static silt_status parse_in(silt_parser *p, size_t offset, const silt_expr **out)
{
    SILT_CLEAN(silt_expr_list) args = {0};
    SILT_TRY(silt_parser_need_sign(p, "("));
    if (!silt_vec_push(&args, *out)) return silt_fail_nomem(p->err);
    do {
        const silt_expr *item;
        SILT_TRY(silt_parse_expr(p, &item));
        if (!silt_vec_push(&args, item)) return silt_fail_nomem(p->err);
    } while (silt_parser_take_sign(p, ","));
    SILT_TRY(silt_parser_need_sign(p, ")"));
    return silt_parser_call(p, offset, SILT_OP_IN, NULL, args.items, args.count, out);
}

static silt_status parse_between(silt_parser *p, size_t offset, const silt_expr **out)
{
    const silt_expr *bounds[2], *sides[2], *value = *out;
    SILT_TRY(silt_parse_value(p, &bounds[0]));
    SILT_TRY(silt_parser_need_word(p, "AND"));
    SILT_TRY(silt_parse_value(p, &bounds[1]));
    SILT_TRY(silt_parser_call2(p, offset, SILT_OP_GE, value, bounds[0], &sides[0]));
    SILT_TRY(silt_parser_call2(p, offset, SILT_OP_LE, value, bounds[1], &sides[1]));
    return silt_parser_call(p, offset, SILT_OP_AND, NULL, sides, 2, out);
}

/* The pattern with a backslash for `escape`. */
static char *backslashed(const char *pattern, char escape, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) out = {0};
    silt_buf_puts(&out, "");
    for (const char *c = pattern; *c; c++) {
        if (*c == escape && c[1]) {
            silt_buf_putc(&out, '\\');
            silt_buf_putc(&out, *++c);
        } else {
            if (*c == '\\') silt_buf_putc(&out, '\\');
            silt_buf_putc(&out, *c);
        }
    }
    return silt_buf_copy(&out, arena);
}

static silt_status parse_like(silt_parser *p, size_t offset, const silt_expr **out)
{
    const silt_expr *pattern, *value = *out;
    if (silt_parser_is_word(p, 0, "ANY") || silt_parser_is_word(p, 0, "ALL") ||
        silt_parser_is_word(p, 0, "SOME"))
        return silt_expr_fail(p->err, SILT_UNSUPPORTED, p->text, silt_parser_peek(p, 0)->offset,
                              "LIKE ANY and LIKE ALL aren't supported");
    SILT_TRY(silt_parse_value(p, &pattern));
    if (silt_parser_take_word(p, "ESCAPE")) {
        const silt_token *t = silt_parser_peek(p, 0);
        if (t->kind != SILT_TOKEN_STRING || t->text_size != 1)
            return silt_parser_expected(p, "a text of one character");
        if (pattern->kind != SILT_EXPR_LITERAL || !pattern->text)
            return silt_expr_fail(p->err, SILT_UNSUPPORTED, p->text, pattern->offset,
                                  "ESCAPE with a pattern that isn't a literal");
        p->at++;
        if (*t->text != '\\')
            SILT_TRY(silt_parser_literal(p, pattern->offset, pattern->type,
                                         backslashed(pattern->text, *t->text, p->arena), &pattern));
    }
    return silt_parser_call2(p, offset, SILT_OP_LIKE, value, pattern, out);
}

/* IS [NOT] NULL, TRUE, FALSE, UNKNOWN, DISTINCT FROM */
static silt_status parse_is(silt_parser *p, size_t offset, const silt_expr **out)
{
    bool negated = silt_parser_take_word(p, "NOT");
    if (silt_parser_take_word(p, "NULL") || silt_parser_take_word(p, "UNKNOWN")) {
        SILT_TRY(silt_parser_call1(p, offset, SILT_OP_IS_NULL, *out, out));
    } else if (silt_parser_take_word(p, "DISTINCT")) {
        const silt_expr *right;
        SILT_TRY(silt_parser_need_word(p, "FROM"));
        SILT_TRY(silt_parse_value(p, &right));
        SILT_TRY(silt_parser_call2(p, offset, SILT_OP_EQ_NULL, *out, right, out));
        negated = !negated;
    } else {
        const silt_expr *wanted;
        bool truth = silt_parser_is_word(p, 0, "TRUE");
        size_t at = silt_parser_peek(p, 0)->offset;
        if (!silt_parser_take_word(p, "TRUE") && !silt_parser_take_word(p, "FALSE"))
            return silt_parser_expected(p, "NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM");
        SILT_TRY(silt_parser_literal(p, at, silt_type_primitive(SILT_TYPE_BOOLEAN),
                                     truth ? "true" : "false", &wanted));
        SILT_TRY(silt_parser_call2(p, offset, SILT_OP_EQ_NULL, *out, wanted, out));
    }
    return negated ? silt_parser_call1(p, offset, SILT_OP_NOT, *out, out) : SILT_OK;
}

static silt_status parse_predicate(silt_parser *p, const silt_expr **out)
{
    size_t offset = silt_parser_peek(p, 0)->offset;
    SILT_TRY(silt_parse_value(p, out));
    if (silt_parser_take_word(p, "IS")) return parse_is(p, offset, out);
    bool negated = silt_parser_take_word(p, "NOT");
    if (silt_parser_take_word(p, "IN")) {
        SILT_TRY(parse_in(p, offset, out));
    } else if (silt_parser_take_word(p, "BETWEEN")) {
        SILT_TRY(parse_between(p, offset, out));
    } else if (silt_parser_take_word(p, "LIKE")) {
        SILT_TRY(parse_like(p, offset, out));
    } else if (silt_parser_take_word(p, "RLIKE") || silt_parser_take_word(p, "REGEXP")) {
        const silt_expr *pattern, *value = *out;
        SILT_TRY(silt_parse_value(p, &pattern));
        SILT_TRY(silt_parser_call2(p, offset, SILT_OP_RLIKE, value, pattern, out));
    } else if (negated) {
        return silt_parser_expected(p, "IN, BETWEEN, LIKE or RLIKE");
    }
    return negated ? silt_parser_call1(p, offset, SILT_OP_NOT, *out, out) : SILT_OK;
}

/* ---- logic */

static silt_status parse_not(silt_parser *p, const silt_expr **out)
{
    size_t offset = silt_parser_peek(p, 0)->offset;
    if (!silt_parser_take_word(p, "NOT") && !silt_parser_take_sign(p, "!"))
        return parse_predicate(p, out);
    SILT_TRY(silt_parser_enter(p));
    SILT_TRY(parse_not(p, out));
    silt_parser_leave(p);
    return silt_parser_call1(p, offset, SILT_OP_NOT, *out, out);
}

/* a word b word c is one call. */
static silt_status parse_chain(silt_parser *p, const char *word, silt_expr_op op,
                               silt_status next(silt_parser *, const silt_expr **),
                               const silt_expr **out)
{
    SILT_CLEAN(silt_expr_list) args = {0};
    size_t offset = silt_parser_peek(p, 0)->offset;
    do {
        SILT_TRY(next(p, out));
        if (!silt_vec_push(&args, *out)) return silt_fail_nomem(p->err);
    } while (silt_parser_take_word(p, word));
    if (args.count == 1) return SILT_OK;
    return silt_parser_call(p, offset, op, NULL, args.items, args.count, out);
}

static silt_status parse_and(silt_parser *p, const silt_expr **out)
{
    return parse_chain(p, "AND", SILT_OP_AND, parse_not, out);
}

silt_status silt_parse_expr(silt_parser *p, const silt_expr **out)
{
    SILT_TRY(silt_parser_enter(p));
    SILT_TRY(parse_chain(p, "OR", SILT_OP_OR, parse_and, out));
    silt_parser_leave(p);
    return SILT_OK;
}

typedef SILT_VEC(silt_token) token_list;
static void token_list_release(token_list *list)
{
    silt_vec_free(list);
}

silt_status silt_parser_open(const char *text, silt_arena *arena, silt_parser *out, silt_error *err)
{
    SILT_CLEAN(token_list) tokens = {0};
    silt_lexer lexer = {text, 0, arena, err};
    silt_token token;
    do {
        SILT_TRY(silt_lex(&lexer, &token));
        if (!silt_vec_push(&tokens, token)) return silt_fail_nomem(err);
    } while (token.kind != SILT_TOKEN_END);
    *out = (silt_parser){.text = text,
                         .tokens = tokens.items,
                         .size_max = 16 * tokens.count + 1000,
                         .arena = arena,
                         .err = err};
    tokens = (token_list){0};
    return SILT_OK;
}

void silt_parser_release(silt_parser *p)
{
    free(p->tokens);
}

silt_status silt_expr_parse(const char *text, silt_arena *arena, const silt_expr **out,
                            silt_error *err)
{
    SILT_CLEAN(silt_parser) p = {0};
    const silt_expr *expr;
    SILT_TRY(silt_parser_open(text, arena, &p, err));
    if (p.tokens->kind == SILT_TOKEN_END)
        return silt_fail(err, SILT_INVALID, "an expression without any text");
    SILT_TRY(silt_parse_expr(&p, &expr));
    if (silt_parser_is_sign(&p, 0, "&&"))
        return silt_parser_expected(&p, "AND (&& is no operator here)");
    if (silt_parser_peek(&p, 0)->kind != SILT_TOKEN_END)
        return silt_parser_expected(&p, "an operator or the end");
    *out = expr;
    return SILT_OK;
}
