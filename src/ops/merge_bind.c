/* A merge's texts over a table and a source: names told apart, conditions split, values typed. */
#include <stdio.h>
#include <strings.h>

#include "ops/assign.h"
#include "ops/scd2.h"

typedef struct binding {
    silt_edit *e;
    silt_merge_try *t;
    silt_merging *m;
    const char *aliases[2]; /* target, source */
    const silt_type *sides[2];
    const silt_type *both; /* {t, s} */
    SILT_VEC(silt_join_equal) equals;
    SILT_VEC(const silt_expr *) rest, target_only;
} binding;

static const char *const side_names[] = {SILT_JOIN_TARGET, SILT_JOIN_SOURCE};

static void binding_release(binding *b)
{
    silt_vec_free(&b->equals);
    silt_vec_free(&b->rest);
    silt_vec_free(&b->target_only);
}

/* ---- names */

/* Which sides an expression may look at. */
typedef enum sides { TARGET = 1, SOURCE = 2, BOTH = 3 } sides;

static bool has_field(const silt_type *type, const char *name)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (strcasecmp(type->fields[i].name, name) == 0) return true;
    return false;
}

static silt_status refuse_side(const binding *b, const silt_expr *column, sides allowed)
{
    return silt_fail(b->e->err, SILT_INVALID, "%s.%s: there is no row of the %s here",
                     column->path[0], column->path_count > 1 ? column->path[1] : "",
                     allowed == SOURCE ? "table" : "source");
}

/* Which side a column without an alias is of: the only one that has it, or may be looked at. */
static silt_status find_side(const binding *b, const silt_expr *column, sides allowed, int *out)
{
    const char *name = column->path[0];
    bool in[2];
    for (int i = 0; i < 2; i++)
        in[i] = (allowed & (1 << i)) && has_field(b->sides[i], name);
    if (in[0] && in[1]) {
        silt_fail(b->e->err, SILT_INVALID, "column %s is in the table and in the source", name);
        return silt_hint(b->e->err, SILT_INVALID, "say which: %s.%s or %s.%s", b->aliases[0], name,
                         b->aliases[1], name);
    }
    *out = in[1] || allowed == SOURCE;
    return SILT_OK;
}

static silt_status qualify_column(const binding *b, const silt_expr *column, sides allowed,
                                  const silt_expr **out)
{
    int side = -1;
    for (int i = 0; i < 2 && column->path_count > 1; i++)
        if (strcasecmp(column->path[0], b->aliases[i]) == 0) side = i;
    bool named = side >= 0;
    if (named && !(allowed & (1 << side))) return refuse_side(b, column, allowed);
    if (!named) SILT_TRY(find_side(b, column, allowed, &side));
    size_t skip = named ? 1 : 0, count = column->path_count - skip;
    const char **path = silt_arena_calloc(b->e->arena, count + 1, sizeof(*path));
    silt_expr *copy = silt_arena_alloc(b->e->arena, sizeof(*copy));
    if (!path || !copy) return silt_fail_nomem(b->e->err);
    path[0] = side_names[side];
    memcpy(path + 1, column->path + skip, count * sizeof(*path));
    *copy = *column;
    copy->path = path;
    copy->path_count = count + 1;
    *out = copy;
    return SILT_OK;
}

static silt_status qualify(const binding *b, const silt_expr *expr, sides allowed,
                           const silt_expr **out)
{
    *out = expr;
    if (expr->kind == SILT_EXPR_LITERAL) return SILT_OK;
    if (expr->kind == SILT_EXPR_COLUMN) return qualify_column(b, expr, allowed, out);
    const silt_expr **args = silt_arena_calloc(b->e->arena, expr->arg_count + 1, sizeof(*args));
    silt_expr *copy = silt_arena_alloc(b->e->arena, sizeof(*copy));
    if (!args || !copy) return silt_fail_nomem(b->e->err);
    for (size_t i = 0; i < expr->arg_count; i++)
        SILT_TRY(qualify(b, expr->args[i], allowed, &args[i]));
    *copy = *expr;
    copy->args = args;
    *out = copy;
    return SILT_OK;
}

/* ---- expressions */

static silt_status bind_text(const binding *b, const char *text, sides allowed,
                             const silt_expr **out)
{
    silt_edit *e = b->e;
    const silt_expr *expr;
    SILT_TRY(silt_expr_parse(text, e->arena, &expr, e->err));
    SILT_TRY(qualify(b, expr, allowed, &expr));
    SILT_TRY(silt_expr_bind(expr, b->both, e->arena, &expr, e->err));
    return silt_edit_at_once(e, expr, out);
}

static silt_status bind_condition(const binding *b, const char *what, const char *text,
                                  sides allowed, const silt_expr **out)
{
    silt_edit *e = b->e;
    silt_status st = bind_text(b, text, allowed, out);
    if (st != SILT_OK) return silt_wrap(e->err, st, "%s", what);
    if ((*out)->type->kind == SILT_TYPE_VOID)
        *out = silt_expr_null(e->arena, silt_type_primitive(SILT_TYPE_BOOLEAN));
    if (!*out) return silt_fail_nomem(e->err);
    if ((*out)->type->kind == SILT_TYPE_BOOLEAN) return SILT_OK;
    return silt_fail(e->err, SILT_INVALID,
                     "%s: a condition has to be true or false, this is %s: %s", what,
                     silt_type_name((*out)->type, e->arena), text);
}

static silt_status print(const silt_edit *e, const silt_expr *expr, const char **out)
{
    SILT_CLEAN(silt_buf) text = {0};
    silt_expr_print(expr, &text);
    *out = silt_buf_copy(&text, e->arena);
    return *out ? SILT_OK : silt_fail_nomem(e->err);
}

const silt_expr *silt_merge_column(silt_arena *arena, const char *side, const char *name,
                                   const silt_type *type)
{
    silt_expr *column = silt_arena_calloc(arena, 1, sizeof(*column));
    const char **path = silt_arena_calloc(arena, 2, sizeof(*path));
    if (!column || !path) return NULL;
    path[0] = side;
    path[1] = name;
    *column = (silt_expr){.kind = SILT_EXPR_COLUMN, .type = type, .path = path, .path_count = 2};
    return column;
}

/* ---- what makes rows match */

static void note_side(void *ctx, const silt_expr *column)
{
    *(unsigned *)ctx |= silt_streq(column->path[0], SILT_JOIN_TARGET) ? TARGET : SOURCE;
}

static unsigned sides_of(const silt_expr *expr)
{
    unsigned found = 0;
    silt_expr_columns(expr, note_side, &found);
    return found;
}

/* The same over the table's columns by name. */
static const silt_expr *without_side(silt_arena *arena, const silt_expr *expr)
{
    silt_expr *copy = silt_arena_alloc(arena, sizeof(*copy));
    if (!copy || expr->kind == SILT_EXPR_LITERAL) return copy ? expr : NULL;
    *copy = *expr;
    if (expr->kind == SILT_EXPR_COLUMN) {
        copy->path++;
        copy->path_count--;
        return copy;
    }
    const silt_expr **args = silt_arena_calloc(arena, expr->arg_count + 1, sizeof(*args));
    if (!args) return NULL;
    for (size_t i = 0; i < expr->arg_count; i++) {
        args[i] = without_side(arena, expr->args[i]);
        if (!args[i]) return NULL;
    }
    copy->args = args;
    return copy;
}

static silt_status take_conjunct(binding *b, const silt_expr *expr)
{
    silt_edit *e = b->e;
    if (silt_expr_is(expr, SILT_OP_AND)) {
        for (size_t i = 0; i < expr->arg_count; i++)
            SILT_TRY(take_conjunct(b, expr->args[i]));
        return SILT_OK;
    }
    if (silt_expr_is(expr, SILT_OP_EQ) || silt_expr_is(expr, SILT_OP_EQ_NULL)) {
        unsigned left = sides_of(expr->args[0]), right = sides_of(expr->args[1]);
        if ((left == TARGET && right == SOURCE) || (left == SOURCE && right == TARGET)) {
            int target = left == TARGET ? 0 : 1;
            const silt_join_equal equal = {.target = expr->args[target],
                                           .source = expr->args[1 - target],
                                           .nulls_too = expr->op == SILT_OP_EQ_NULL};
            return silt_vec_push(&b->equals, equal) ? SILT_OK : silt_fail_nomem(e->err);
        }
    }
    if (sides_of(expr) == TARGET) {
        const silt_expr *plain = without_side(e->arena, expr);
        if (!plain || !silt_vec_push(&b->target_only, plain)) return silt_fail_nomem(e->err);
    }
    return silt_vec_push(&b->rest, expr) ? SILT_OK : silt_fail_nomem(e->err);
}

/* "t.`a` <=> s.`a` AND …" */
static silt_status keys_text(const binding *b, const char **out)
{
    SILT_CLEAN(silt_buf) text = {0};
    for (size_t i = 0; b->m->keys[i]; i++) {
        const char *name = b->m->keys[i];
        for (int side = 0; side < 2; side++)
            if (silt_type_find(b->sides[side], name) < 0) {
                silt_fail(b->e->err, SILT_INVALID, "keys: the %s has no column %s",
                          side ? "source" : "table", name);
                return silt_hint(b->e->err, SILT_INVALID, "column names are matched exactly");
            }
        const silt_expr *column = silt_merge_column(b->e->arena, SILT_JOIN_TARGET, name, NULL);
        const silt_expr *other = silt_merge_column(b->e->arena, SILT_JOIN_SOURCE, name, NULL);
        if (!column || !other) return silt_fail_nomem(b->e->err);
        if (i) silt_buf_puts(&text, " AND ");
        silt_expr_print(column, &text);
        silt_buf_puts(&text, " <=> ");
        silt_expr_print(other, &text);
    }
    *out = silt_buf_copy(&text, b->e->arena);
    return *out ? SILT_OK : silt_fail_nomem(b->e->err);
}

static silt_status all_of(const silt_edit *e, const silt_expr *const *items, size_t count,
                          const silt_expr **out)
{
    *out = count ? items[0] : NULL;
    if (count > 1)
        *out = silt_expr_call(e->arena, SILT_OP_AND, silt_type_primitive(SILT_TYPE_BOOLEAN), items,
                              count);
    return *out || !count ? SILT_OK : silt_fail_nomem(e->err);
}

static silt_status bind_on(binding *b)
{
    silt_edit *e = b->e;
    silt_merge_try *t = b->t;
    const silt_expr *on;
    if (b->m->keys) {
        /* The texts that are made here name sides as the engine does. */
        const char *text, *aliases[2] = {b->aliases[0], b->aliases[1]};
        SILT_TRY(keys_text(b, &text));
        memcpy(b->aliases, side_names, sizeof(b->aliases));
        SILT_TRY(bind_condition(b, "keys", text, BOTH, &on));
        memcpy(b->aliases, aliases, sizeof(b->aliases));
    } else {
        SILT_TRY(bind_condition(b, "on", b->m->on, BOTH, &on));
    }
    SILT_TRY(print(e, on, &t->on_text));
    SILT_TRY(take_conjunct(b, on));
    t->equals = silt_arena_calloc(e->arena, b->equals.count + 1, sizeof(*t->equals));
    if (!t->equals) return silt_fail_nomem(e->err);
    if (b->equals.count) memcpy(t->equals, b->equals.items, b->equals.count * sizeof(*t->equals));
    t->equal_count = b->equals.count;
    SILT_TRY(all_of(e, b->rest.items, b->rest.count, &t->rest));
    return all_of(e, b->target_only.items, b->target_only.count, &t->target_only);
}

/* ---- values */

static bool is_identity(const silt_field *field)
{
    return strstr(field->metadata, "\"delta.identity.") != NULL;
}

/* Whether a column says which rows meet, so that both have the same value. */
static bool is_equal_key(const silt_merge_try *t, const char *name)
{
    for (size_t i = 0; i < t->equal_count; i++) {
        const silt_expr *a = t->equals[i].target, *s = t->equals[i].source;
        if (a->kind == SILT_EXPR_COLUMN && a->path_count == 2 && silt_streq(a->path[1], name) &&
            s->kind == SILT_EXPR_COLUMN && s->path_count == 2 && silt_streq(s->path[1], name))
            return true;
    }
    return false;
}

static silt_status set_value(binding *b, silt_assigning *to, int at, const silt_expr *value,
                             bool update, const silt_expr **values)
{
    const silt_field *field = &b->t->schema->fields[at];
    if (values[at])
        return silt_fail(b->e->err, SILT_INVALID, "column %s is set twice", field->name);
    if (update) SILT_TRY(silt_assign_check(to, field));
    return silt_assign_convert(to, field->name, value, field->type, &values[at]);
}

/* Each column has the source's value of that name. */
static silt_status set_star(binding *b, silt_assigning *to, bool update, const silt_expr **values)
{
    const silt_type *schema = b->t->schema;
    for (size_t i = 0; i < schema->field_count; i++) {
        const silt_field *field = &schema->fields[i];
        int at = silt_type_find(b->sides[1], field->name);
        if (at < 0 || (update && is_identity(field) && is_equal_key(b->t, field->name))) continue;
        const silt_type *type = b->sides[1]->fields[at].type;
        const silt_expr *value =
            silt_merge_column(b->e->arena, SILT_JOIN_SOURCE, field->name, type);
        if (!value) return silt_fail_nomem(b->e->err);
        SILT_TRY(set_value(b, to, (int)i, value, update, values));
    }
    return SILT_OK;
}

/* A star without schema evolution stands for all columns. */
static silt_status check_star(const binding *b)
{
    const silt_type *schema = b->t->schema;
    for (size_t i = 0; i < schema->field_count && !b->m->replaces && !b->m->grows; i++) {
        const silt_field *field = &schema->fields[i];
        if (silt_type_find(b->sides[1], field->name) >= 0) continue;
        if (strstr(field->metadata, "delta.generationExpression") || is_identity(field) ||
            strstr(field->metadata, "CURRENT_DEFAULT"))
            continue;
        silt_fail(b->e->err, SILT_INVALID, "the source has no column %s, which * stands for too",
                  field->name);
        return silt_hint(b->e->err, SILT_INVALID,
                         "name the columns that are to be set, or use schema mode merge, which "
                         "leaves such columns as they are");
    }
    return SILT_OK;
}

static const char *without_alias(const binding *b, const char *name)
{
    size_t size = strlen(b->aliases[0]);
    bool named = strncasecmp(name, b->aliases[0], size) == 0 && name[size] == '.';
    return named && !has_field(b->t->schema, name) ? name + size + 1 : name;
}

static silt_status set_named(binding *b, silt_assigning *to, const silt_merge_clause *clause,
                             sides allowed, const silt_expr **values)
{
    bool update = clause->action == SILT_MERGE_UPDATE;
    for (size_t i = 0; i < clause->set_count; i++) {
        const char *name = without_alias(b, clause->set[i].column);
        const silt_expr *value;
        int at;
        SILT_TRY(silt_assign_find(to, name, &at));
        silt_status st = bind_text(b, clause->set[i].value, allowed, &value);
        if (st != SILT_OK)
            return silt_wrap(b->e->err, st, "value of column %s", to->schema->fields[at].name);
        SILT_TRY(set_value(b, to, at, value, update, values));
    }
    return SILT_OK;
}

/* What a column has that isn't set: an updated row what it had, an inserted one its default, or
 * null. */
static silt_status keep_value(binding *b, size_t field_at, bool update, const silt_expr **out)
{
    silt_edit *e = b->e;
    const silt_field *field = &b->t->schema->fields[field_at];
    int was = update ? silt_type_find(e->schema, field->name) : -1;
    size_t column = silt_write_columns_find(&b->t->numbered, field->name);
    if (was >= 0) {
        const silt_type *type = e->schema->fields[was].type;
        *out = silt_merge_column(e->arena, SILT_JOIN_TARGET, field->name, type);
        if (*out && !silt_type_equal(type, field->type))
            *out = silt_expr_call(e->arena, SILT_OP_CAST, field->type, out, 1);
    } else if (!update && column != SIZE_MAX && b->t->numbered.columns[column].expr) {
        *out = b->t->numbered.columns[column].expr;
        SILT_TRY(silt_edit_at_once(e, *out, out));
    } else {
        *out = silt_expr_null(e->arena, field->type);
    }
    return *out ? SILT_OK : silt_fail_nomem(e->err);
}

static bool is_generated(const silt_field *field)
{
    return strstr(field->metadata, "delta.generationExpression") != NULL;
}

/* Versions whose rows keep what they have. */
static bool keeps(const binding *b, size_t clause)
{
    return b->m->scd2 && (clause == SILT_SCD2_KEEP || clause == SILT_SCD2_COPY);
}

static silt_status fill_values(binding *b, silt_assigning *to, bool update,
                               const silt_expr **values)
{
    const silt_type *schema = b->t->schema;
    SILT_VEC(size_t) generated = {0};
    silt_status st = SILT_OK;
    for (size_t i = 0; i < schema->field_count && st == SILT_OK; i++) {
        if (values[i]) continue;
        if (!is_generated(&schema->fields[i]))
            st = keep_value(b, i, update, &values[i]);
        else if (!silt_vec_push(&generated, i))
            st = silt_fail_nomem(b->e->err);
    }
    for (size_t i = 0; i < generated.count && st == SILT_OK; i++) {
        size_t at = generated.items[i];
        size_t column = silt_write_columns_find(&b->t->columns, schema->fields[at].name);
        if (column != SIZE_MAX)
            st =
                silt_assign_substitute(to, b->t->columns.columns[column].expr, values, &values[at]);
    }
    silt_vec_free(&generated);
    return st;
}

static silt_status bind_values(binding *b, size_t at)
{
    silt_edit *e = b->e;
    silt_merge_try *t = b->t;
    const silt_merge_clause *clause = &b->m->clauses[at];
    bool update = clause->action == SILT_MERGE_UPDATE;
    const silt_expr **values = silt_arena_calloc(e->arena, t->schema->field_count, sizeof(*values));
    silt_assigning to = {e->store->uri, t->schema, e->arena, e->err, .misfits = {0}};
    sides allowed = BOTH;
    if (clause->when == SILT_MERGE_NOT_MATCHED) allowed = SOURCE;
    if (clause->when == SILT_MERGE_NOT_MATCHED_BY_SOURCE) allowed = TARGET;
    if (!values) return silt_fail_nomem(e->err);
    silt_status st = clause->star ? check_star(b) : SILT_OK;
    if (st == SILT_OK && b->m->scd2) st = silt_scd2_values(e, t, values);
    if (st == SILT_OK)
        st = clause->star ? set_star(b, &to, update, values)
                          : set_named(b, &to, clause, allowed, values);
    for (size_t i = 0; i < t->schema->field_count && st == SILT_OK && t->numbers && !update; i++)
        if (values[i] && is_identity(&t->schema->fields[i])) t->numbers = false;
    if (st == SILT_OK) st = fill_values(b, &to, update || keeps(b, at), values);
    t->misfits[at] = st == SILT_OK ? silt_assign_misfits(&to) : NULL;
    if (st == SILT_OK && to.misfits.count && !t->misfits[at]) st = silt_fail_nomem(e->err);
    silt_vec_free(&to.misfits);
    t->values[at] = values;
    return st;
}

/* ---- clauses */

static const char *clause_name(const silt_merge_clause *c, size_t at, silt_arena *arena)
{
    static const char *const names[] = {"MATCHED", "NOT MATCHED", "NOT MATCHED BY SOURCE"};
    const char *name = silt_arena_printf(arena, "clause %zu (WHEN %s)", at + 1, names[c->when]);
    return name ? name : "clause";
}

static silt_status check_clause(const binding *b, size_t at)
{
    const silt_merging *m = b->m;
    const silt_merge_clause *c = &m->clauses[at];
    const char *name = clause_name(c, at, b->e->arena), *why = NULL;
    bool insert = c->action == SILT_MERGE_INSERT;
    if (insert != (c->when == SILT_MERGE_NOT_MATCHED))
        why = insert ? "only rows that match none can be inserted"
                     : "rows that match none can only be inserted";
    else if (c->star && c->set_count)
        why = "a star and columns by name don't go together";
    else if (c->star && c->when == SILT_MERGE_NOT_MATCHED_BY_SOURCE)
        why = "no row of the source is there that a star could stand for";
    else if (c->action == SILT_MERGE_DELETE && (c->star || c->set_count))
        why = "a row that is deleted has no values to be set";
    else if (c->action != SILT_MERGE_DELETE && !c->star && !c->set_count)
        why = "nothing is to be set";
    for (size_t i = 0; i < at && !why; i++)
        if (m->clauses[i].when == c->when && !m->clauses[i].condition)
            why = "it is never reached: one before it is for all such rows";
    return why ? silt_fail(b->e->err, SILT_INVALID, "%s: %s", name, why) : SILT_OK;
}

static silt_status bind_clause(binding *b, size_t at)
{
    silt_edit *e = b->e;
    silt_merge_try *t = b->t;
    const silt_merge_clause *c = &b->m->clauses[at];
    static const sides looks[] = {BOTH, SOURCE, TARGET};
    const char *name = clause_name(c, at, e->arena);
    if (!b->m->scd2) SILT_TRY(check_clause(b, at));
    t->clauses[at] = (silt_join_clause){.when = (silt_join_when)c->when,
                                        .deletes = c->action == SILT_MERGE_DELETE};
    if (c->condition) {
        SILT_TRY(bind_condition(b, name, c->condition, looks[c->when], &t->clauses[at].condition));
        SILT_TRY(print(e, t->clauses[at].condition, &t->condition_texts[at]));
    }
    t->by_source |= c->when == SILT_MERGE_NOT_MATCHED_BY_SOURCE;
    t->by_source |= b->m->scd2 && b->m->scd2->close_missing;
    t->changes |= c->when != SILT_MERGE_NOT_MATCHED;
    if (c->action == SILT_MERGE_DELETE) return SILT_OK;
    silt_status st = bind_values(b, at);
    return st == SILT_OK ? st : silt_wrap(e->err, st, "%s", name);
}

/* ---- columns that are written */

static silt_given none_given(void *ctx, const char *name)
{
    (void)ctx, (void)name;
    return SILT_GIVEN_NONE;
}

static silt_given numbers_given(void *ctx, const char *name)
{
    const silt_type *schema = ctx;
    int at = silt_type_find(schema, name);
    return at >= 0 && is_identity(&schema->fields[at]) ? SILT_GIVEN_NONE : SILT_GIVEN_ALL;
}

static silt_given all_given(void *ctx, const char *name)
{
    (void)ctx, (void)name;
    return SILT_GIVEN_ALL;
}

/* What unset columns of inserted rows are: only for their expressions. */
static silt_status start_columns(binding *b)
{
    silt_merge_try *t = b->t;
    silt_edit *e = b->e;
    bool inserts = false;
    for (size_t i = 0; i < b->m->clause_count; i++)
        inserts |= b->m->clauses[i].when == SILT_MERGE_NOT_MATCHED;
    for (size_t i = 0; i < t->schema->field_count; i++)
        t->numbers |= inserts && is_identity(&t->schema->fields[i]);
    SILT_TRY(
        silt_write_columns_of(t->metadata, t->schema, NULL, NULL, e->arena, &t->columns, e->err));
    t->numbered = t->columns;
    if (!inserts) return SILT_OK;
    return silt_write_columns_of(t->metadata, t->schema, none_given, NULL, e->arena, &t->numbered,
                                 e->err);
}

/* Inserted rows are given numbers by all clauses, or bring their own by all. */
static silt_status finish_columns(binding *b, bool numbered)
{
    silt_merge_try *t = b->t;
    silt_edit *e = b->e;
    if (!numbered) return SILT_OK;
    if (t->numbers)
        return silt_write_columns_of(t->metadata, t->schema, numbers_given, (void *)t->schema,
                                     e->arena, &t->numbered, e->err);
    for (size_t c = 0; c < b->m->clause_count; c++)
        for (size_t i = 0; i < t->schema->field_count; i++) {
            if (b->m->clauses[c].when != SILT_MERGE_NOT_MATCHED) continue;
            if (!is_identity(&t->schema->fields[i])) continue;
            const silt_expr *value = t->values[c][i];
            if (value->kind != SILT_EXPR_LITERAL || !value->is_null) continue;
            silt_fail(e->err, SILT_UNSUPPORTED,
                      "identity column %s: some clauses insert values of their own, others none",
                      t->schema->fields[i].name);
            return silt_hint(e->err, SILT_UNSUPPORTED, "merge the two kinds one after the other");
        }
    t->numbers = true; /* written apart, since these may not be the table's to take */
    return silt_write_columns_of(t->metadata, t->schema, all_given, NULL, e->arena, &t->numbered,
                                 e->err);
}

/* ---- all */

static silt_status take_sides(binding *b)
{
    silt_edit *e = b->e;
    silt_merging *m = b->m;
    silt_type *both = silt_arena_calloc(e->arena, 1, sizeof(*both));
    silt_field *fields = silt_arena_calloc(e->arena, 2, sizeof(*fields));
    if (!both || !fields) return silt_fail_nomem(e->err);
    b->sides[0] = e->schema;
    b->sides[1] = &m->schema;
    b->aliases[0] = m->target_alias ? m->target_alias : SILT_JOIN_TARGET;
    b->aliases[1] = m->source_alias ? m->source_alias : SILT_JOIN_SOURCE;
    if (strcasecmp(b->aliases[0], b->aliases[1]) == 0)
        return silt_fail(e->err, SILT_INVALID, "table and source are both called %s",
                         b->aliases[0]);
    for (int i = 0; i < 2; i++)
        fields[i] = (silt_field){side_names[i], b->sides[i], true, "{}"};
    *both = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = 2};
    b->both = both;
    return SILT_OK;
}

static silt_status bind(binding *b)
{
    silt_edit *e = b->e;
    silt_merge_try *t = b->t;
    size_t count = b->m->clause_count;
    if (!count) return silt_fail(e->err, SILT_INVALID, "merge: no clause says what is to be done");
    t->clauses = silt_arena_calloc(e->arena, count, sizeof(*t->clauses));
    t->condition_texts = silt_arena_calloc(e->arena, count, sizeof(*t->condition_texts));
    t->values = silt_arena_calloc(e->arena, count, sizeof(*t->values));
    t->misfits = silt_arena_calloc(e->arena, count, sizeof(*t->misfits));
    if (!t->clauses || !t->condition_texts || !t->values || !t->misfits)
        return silt_fail_nomem(e->err);
    SILT_TRY(take_sides(b));
    SILT_TRY(bind_on(b));
    SILT_TRY(start_columns(b));
    bool numbered = t->numbers;
    for (size_t i = 0; i < count; i++)
        SILT_TRY(bind_clause(b, i));
    SILT_TRY(finish_columns(b, numbered));
    const silt_change_spec *spec = b->m->w.spec;
    if (b->m->checks) return SILT_OK; /* they are asked of the source */
    SILT_TRY(silt_work_checks(spec, t->schema, e->arena, &t->columns, e->err));
    return silt_work_checks(spec, t->schema, e->arena, &t->numbered, e->err);
}

silt_status silt_merge_bind(silt_edit *e, silt_merge_try *t)
{
    binding b = {.e = e, .t = t, .m = t->m};
    silt_status st = bind(&b);
    binding_release(&b);
    return st;
}
