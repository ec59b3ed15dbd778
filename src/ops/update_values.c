/* Assignments as expressions over the row as it was: each value of its column's type, generated
 * columns in terms of what the assigned ones become. */
#include "ops/assign.h"
#include "ops/update.h"

typedef struct binding {
    silt_edit *e;
    const silt_update_spec *spec;
    silt_assigning to;
    const silt_expr **values; /* by field of the schema; NULL: not assigned */
} binding;

static silt_status assign(binding *b, const silt_assignment *set)
{
    silt_edit *e = b->e;
    int at;
    const silt_expr *parsed, *bound;
    SILT_TRY(silt_assign_find(&b->to, set->column, &at));
    const silt_field *field = &e->schema->fields[at];
    if (b->values[at])
        return silt_fail(e->err, SILT_INVALID, "column %s is set twice", field->name);
    SILT_TRY(silt_assign_check(&b->to, field));
    silt_status st = silt_expr_parse(set->value, e->arena, &parsed, e->err);
    if (st == SILT_OK) st = silt_expr_bind(parsed, e->schema, e->arena, &bound, e->err);
    if (st == SILT_OK) st = silt_edit_at_once(e, bound, &bound);
    if (st != SILT_OK) return silt_wrap(e->err, st, "value of column %s", field->name);
    return silt_assign_convert(&b->to, set->column, bound, field->type, &b->values[at]);
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
            SILT_TRY(silt_assign_substitute(&b->to, c->expr, b->values, &value));
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
    out->misfits = silt_assign_misfits(&b->to);
    return out->misfits || !b->to.misfits.count ? SILT_OK : silt_fail_nomem(e->err);
}

silt_status silt_update_bind(silt_edit *e, const silt_update_spec *spec, silt_update_values *out)
{
    binding b = {
        .e = e, .spec = spec, .to = {e->store->uri, e->schema, e->arena, e->err, .misfits = {0}}};
    *out = (silt_update_values){0};
    silt_status st = bind_all(&b, out);
    silt_vec_free(&b.to.misfits);
    return st;
}
