/* Clauses of a merge as text. The parser of expressions tells where a condition or a value ends:
 * THEN, AND and commas within CASE, calls, texts and names are theirs. */
#include "silt/merge.h"
#include "table/expr_parser.h"

typedef SILT_VEC(silt_assignment) assignment_list;
static void assignment_list_release(assignment_list *list)
{
    silt_vec_free(list);
}

/* An expression, as it was written. */
static silt_status take_expression(silt_parser *p, const char **out)
{
    const silt_expr *parsed;
    size_t from = silt_parser_peek(p, 0)->offset;
    SILT_TRY(silt_parse_expr(p, &parsed));
    const silt_token *last = &p->tokens[p->at - 1];
    *out = silt_arena_strndup(p->arena, p->text + from, last->offset + last->size - from);
    return *out ? SILT_OK : silt_fail_nomem(p->err);
}

/* A column: `name`, or `t.name`, which is told apart from a name with a dot by whoever knows t. */
static silt_status take_column(silt_parser *p, const char **out)
{
    SILT_CLEAN(silt_buf) name = {0};
    do {
        const silt_token *t = silt_parser_peek(p, 0);
        if (t->kind != SILT_TOKEN_NAME && t->kind != SILT_TOKEN_QUOTED)
            return silt_parser_expected(p, "a column");
        if (name.size) silt_buf_putc(&name, '.');
        silt_buf_puts(&name, t->text);
        p->at++;
    } while (silt_parser_take_sign(p, "."));
    *out = silt_buf_copy(&name, p->arena);
    return *out ? SILT_OK : silt_fail_nomem(p->err);
}

static silt_status keep_assignments(silt_parser *p, const assignment_list *list,
                                    silt_merge_clause *out)
{
    silt_assignment *set = silt_arena_calloc(p->arena, list->count, sizeof(*set));
    if (!set) return silt_fail_nomem(p->err);
    memcpy(set, list->items, list->count * sizeof(*set));
    out->set = set;
    out->set_count = list->count;
    return SILT_OK;
}

/* Behind UPDATE: SET *, or SET a = x, … */
static silt_status parse_update(silt_parser *p, silt_merge_clause *out)
{
    SILT_CLEAN(assignment_list) list = {0};
    SILT_TRY(silt_parser_need_word(p, "SET"));
    if (silt_parser_is_sign(p, 0, "*")) {
        if (out->when == SILT_MERGE_NOT_MATCHED_BY_SOURCE)
            return silt_parser_expected(p, "a column (no row of the source is there)");
        p->at++;
        out->star = true;
        return SILT_OK;
    }
    do {
        silt_assignment a;
        SILT_TRY(take_column(p, &a.column));
        SILT_TRY(silt_parser_need_sign(p, "="));
        SILT_TRY(take_expression(p, &a.value));
        if (!silt_vec_push(&list, a)) return silt_fail_nomem(p->err);
    } while (silt_parser_take_sign(p, ","));
    return keep_assignments(p, &list, out);
}

/* "(x, y)" of as many values as there are columns. */
static silt_status parse_values(silt_parser *p, assignment_list *list)
{
    SILT_TRY(silt_parser_need_sign(p, "("));
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) SILT_TRY(silt_parser_need_sign(p, ","));
        SILT_TRY(take_expression(p, &list->items[i].value));
    }
    if (silt_parser_is_sign(p, 0, ","))
        return silt_expr_fail(p->err, SILT_INVALID, p->text, silt_parser_peek(p, 0)->offset,
                              "more values than columns");
    return silt_parser_need_sign(p, ")");
}

/* Behind INSERT: *, or (a, …) VALUES (x, …) */
static silt_status parse_insert(silt_parser *p, silt_merge_clause *out)
{
    SILT_CLEAN(assignment_list) list = {0};
    out->star = silt_parser_take_sign(p, "*");
    if (out->star) return SILT_OK;
    if (!silt_parser_take_sign(p, "(")) return silt_parser_expected(p, "* or (");
    do {
        silt_assignment a = {0};
        SILT_TRY(take_column(p, &a.column));
        if (!silt_vec_push(&list, a)) return silt_fail_nomem(p->err);
    } while (silt_parser_take_sign(p, ","));
    SILT_TRY(silt_parser_need_sign(p, ")"));
    SILT_TRY(silt_parser_need_word(p, "VALUES"));
    SILT_TRY(parse_values(p, &list));
    return keep_assignments(p, &list, out);
}

/* [WHEN] [NOT] MATCHED [BY SOURCE | BY TARGET] */
static silt_status parse_when(silt_parser *p, silt_merge_clause *out)
{
    bool when = silt_parser_take_word(p, "WHEN");
    bool negated = silt_parser_take_word(p, "NOT");
    if (!silt_parser_take_word(p, "MATCHED"))
        return silt_parser_expected(p, negated ? "MATCHED"
                                       : when  ? "MATCHED or NOT MATCHED"
                                               : "WHEN, MATCHED or NOT MATCHED");
    out->when = negated ? SILT_MERGE_NOT_MATCHED : SILT_MERGE_MATCHED;
    if (!negated || !silt_parser_take_word(p, "BY")) return SILT_OK;
    if (silt_parser_take_word(p, "SOURCE"))
        out->when = SILT_MERGE_NOT_MATCHED_BY_SOURCE;
    else if (!silt_parser_take_word(p, "TARGET"))
        return silt_parser_expected(p, "SOURCE or TARGET");
    return SILT_OK;
}

static silt_status parse_action(silt_parser *p, silt_merge_clause *out)
{
    if (out->when == SILT_MERGE_NOT_MATCHED) {
        out->action = SILT_MERGE_INSERT;
        SILT_TRY(silt_parser_need_word(p, "INSERT"));
        return parse_insert(p, out);
    }
    if (silt_parser_take_word(p, "DELETE")) {
        out->action = SILT_MERGE_DELETE;
        return SILT_OK;
    }
    if (!silt_parser_take_word(p, "UPDATE")) return silt_parser_expected(p, "UPDATE or DELETE");
    out->action = SILT_MERGE_UPDATE;
    return parse_update(p, out);
}

silt_status silt_merge_clause_parse(const char *text, silt_arena *arena, silt_merge_clause *out,
                                    silt_error *err)
{
    SILT_CLEAN(silt_parser) p = {0};
    silt_merge_clause clause = {0};
    SILT_TRY(silt_parser_open(text, arena, &p, err));
    SILT_TRY(parse_when(&p, &clause));
    if (silt_parser_take_word(&p, "AND")) SILT_TRY(take_expression(&p, &clause.condition));
    if (!silt_parser_take_word(&p, "THEN"))
        return silt_parser_expected(&p, clause.condition ? "an operator or THEN" : "AND or THEN");
    SILT_TRY(parse_action(&p, &clause));
    if (silt_parser_peek(&p, 0)->kind != SILT_TOKEN_END) return silt_parser_expected(&p, "the end");
    *out = clause;
    return SILT_OK;
}
