/* The parser's state: between expr_parse.c (operators) and expr_primary.c (all else), and for
 * texts that have expressions in them. */
#ifndef SILT_TABLE_EXPR_PARSER_H
#define SILT_TABLE_EXPR_PARSER_H

#include "table/expr_tree.h"

typedef struct silt_parser {
    const char *text;
    silt_token *tokens; /* all of them; the last is an END; owned */
    size_t at;
    int depth;       /* calls within each other */
    size_t size_max; /* nodes of the tree, shared ones counted each time */
    silt_arena *arena;
    silt_error *err;
} silt_parser;

/* The tokens of a text, to be parsed from the first; `text` is borrowed. INVALID: no tokens. */
silt_status silt_parser_open(const char *text, silt_arena *arena, silt_parser *out,
                             silt_error *err);
void silt_parser_release(silt_parser *p);

typedef SILT_VEC(const silt_expr *) silt_expr_list;
static inline void silt_expr_list_release(silt_expr_list *list)
{
    silt_vec_free(list);
}

/* A node over parsed ones; INVALID: too deep, or too large. */
silt_status silt_parser_call(silt_parser *p, size_t offset, silt_expr_op op, const silt_type *type,
                             const silt_expr *const *args, size_t count, const silt_expr **out);
silt_status silt_parser_call1(silt_parser *p, size_t offset, silt_expr_op op, const silt_expr *a,
                              const silt_expr **out);
silt_status silt_parser_call2(silt_parser *p, size_t offset, silt_expr_op op, const silt_expr *a,
                              const silt_expr *b, const silt_expr **out);
silt_status silt_parser_literal(silt_parser *p, size_t offset, const silt_type *type,
                                const char *text, const silt_expr **out);
silt_status silt_parser_null(silt_parser *p, size_t offset, const silt_expr **out);
silt_status silt_parser_column(silt_parser *p, size_t offset, const char *const *path, size_t count,
                               const silt_expr **out);

/* Enter and leave something that may hold itself. */
silt_status silt_parser_enter(silt_parser *p);
static inline void silt_parser_leave(silt_parser *p)
{
    p->depth--;
}

static inline const silt_token *silt_parser_peek(const silt_parser *p, size_t ahead)
{
    const silt_token *t = &p->tokens[p->at];
    for (; ahead > 0 && t->kind != SILT_TOKEN_END; ahead--)
        t++;
    return t;
}
bool silt_parser_is_sign(const silt_parser *p, size_t ahead, const char *sign);
bool silt_parser_is_word(const silt_parser *p, size_t ahead, const char *word); /* any case */
bool silt_parser_take_sign(silt_parser *p, const char *sign);
bool silt_parser_take_word(silt_parser *p, const char *word);
/* INVALID: "<what> expected" at the next token. */
silt_status silt_parser_expected(silt_parser *p, const char *what);
silt_status silt_parser_need_sign(silt_parser *p, const char *sign);
silt_status silt_parser_need_word(silt_parser *p, const char *word);

silt_status silt_parse_expr(silt_parser *p, const silt_expr **out);    /* expr_parse.c */
silt_status silt_parse_value(silt_parser *p, const silt_expr **out);   /* without AND, IS, IN … */
silt_status silt_parse_primary(silt_parser *p, const silt_expr **out); /* expr_primary.c */
/* The number of a NUMBER token, with its sign. */
silt_status silt_parse_number(silt_parser *p, bool negative, const silt_expr **out);
/* The type behind CAST(… AS or ::. */
silt_status silt_parse_type(silt_parser *p, const silt_type **out);

#endif
