/* What generated partition columns say of conditions on the columns they are made of.
 *
 * Where a row has a value in its column, the partition has the expression's of that value: of a
 * larger one a larger one, if the expression grows. The writer computed it in its own time zone:
 * for instants the partition may be that of any zone's clock. */
#include "table/skip_node.h"

#include "base/json.h"

#define ZONE_US (INT64_C(18) * 3600 * 1000000) /* as far as zones are from UTC in Java */

typedef struct search {
    const silt_expr *column;
    int count;
} search;

static void take_column(void *ctx, const silt_expr *column)
{
    search *s = ctx;
    s->column = column;
    s->count++;
}

/* The expressions that are known to be the same in each engine, over a column alone. */
static bool is_known(const silt_expr *e, const silt_expr *column, silt_arena *arena, bool *grows)
{
    size_t by;
    if (e->kind != SILT_EXPR_CALL) return false;
    *grows = silt_skip_growth_of(e, &by, arena) == SILT_GROWS;
    bool time = silt_type_is_instant(column->type) || column->type->kind == SILT_TYPE_DATE;
    switch (e->op) {
    case SILT_OP_CAST:
        return time && e->type->kind == SILT_TYPE_DATE && e->args[0] == column;
    case SILT_OP_YEAR:
    case SILT_OP_MONTH:
    case SILT_OP_DAY:
    case SILT_OP_HOUR:
        return time && e->args[0] == column;
    case SILT_OP_DATE_TRUNC:
        return time && *grows && e->args[1] == column;
    case SILT_OP_DATE_FORMAT:
        return time && *grows && e->args[0] == column;
    case SILT_OP_SUBSTRING:
        return column->type->kind == SILT_TYPE_STRING && *grows && e->args[0] == column;
    default:
        return false;
    }
}

static bool generated_of(const silt_field *field, const silt_type *schema, silt_arena *arena,
                         silt_skip_generated *out)
{
    const silt_json *metadata;
    const silt_expr *e;
    search found = {0};
    if (!field->metadata || !strstr(field->metadata, "delta.generationExpression")) return false;
    if (silt_json_parse(silt_bytes_of(field->metadata), arena, &metadata, NULL) != SILT_OK)
        return false;
    const char *text = silt_json_string(silt_json_get(metadata, "delta.generationExpression"));
    if (!text || silt_expr_parse(text, arena, &e, NULL) != SILT_OK ||
        silt_expr_bind(e, schema, arena, &e, NULL) != SILT_OK)
        return false;
    silt_expr_columns(e, take_column, &found);
    if (found.count != 1 || !is_known(e, found.column, arena, &out->grows)) return false;
    out->expr = e;
    out->base = found.column;
    return silt_type_equal(e->type, field->type);
}

silt_status silt_skip_generators_of(const silt_type *schema, const silt_mapping *mapping,
                                    silt_arena *arena, silt_skip_generators *out, silt_error *err)
{
    size_t count = 0;
    silt_skip_generated *items =
        silt_arena_calloc(arena, mapping->partition_columns.count + 1, sizeof *items);
    if (!items) return silt_fail_nomem(err);
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *name = i < mapping->field_count && mapping->fields[i].name
                               ? mapping->fields[i].name
                               : schema->fields[i].name;
        if (!silt_names_have(mapping->partition_columns, name) ||
            count == mapping->partition_columns.count)
            continue;
        if (!generated_of(&schema->fields[i], schema, arena, &items[count])) continue;
        items[count++].partition = name;
    }
    *out = (silt_skip_generators){items, count};
    return SILT_OK;
}

/* The generation expression of a value that is moved by `shift_us` (instants only). */
static bool value_at(const silt_skip_generated *g, const silt_expr *literal, int64_t shift_us,
                     silt_arena *arena, silt_value *out)
{
    const silt_expr *args[4], *result;
    silt_value v;
    if (g->expr->arg_count > SILT_COUNT(args)) return false;
    if (!silt_value_parse(literal->text, literal->type, &v)) return false;
    if (g->base->type->kind == SILT_TYPE_TIMESTAMP) {
        v.whole += shift_us;
        literal =
            silt_expr_literal(arena, literal->type, silt_value_print(&v, literal->type, arena));
        if (!literal) return false;
    }
    for (size_t i = 0; i < g->expr->arg_count; i++)
        args[i] = g->expr->args[i] == g->base ? literal : g->expr->args[i];
    return silt_expr_eval(g->expr, args, arena, &result) && !result->is_null &&
           silt_value_parse(result->text, result->type, out);
}

static bool derive_one(const silt_skip_generated *g, silt_expr_op op, const silt_expr *low,
                       const silt_expr *high, silt_arena *arena, silt_skip_derived *out)
{
    bool equal = op == SILT_OP_EQ || op == SILT_OP_EQ_NULL || op == SILT_OP_IN;
    bool from = equal || op == SILT_OP_GT || op == SILT_OP_GE;
    bool to = equal || op == SILT_OP_LT || op == SILT_OP_LE;
    /* the month says only of a month's own value, and not where a zone may move it */
    bool one = silt_expr_equal(low, high) && g->base->type->kind != SILT_TYPE_TIMESTAMP;
    if (!g->grows && !(equal && one)) return false;
    *out = (silt_skip_derived){.partition = g->partition, .type = g->expr->type};
    out->has_low = from && value_at(g, low, -ZONE_US, arena, &out->low);
    out->has_high = to && value_at(g, high, ZONE_US, arena, &out->high);
    return out->has_low || out->has_high;
}

silt_status silt_skip_derive(const silt_skip_generators *generators, silt_expr_op op,
                             const silt_expr *column, const silt_expr *low, const silt_expr *high,
                             silt_arena *arena, silt_skip_node *node, silt_error *err)
{
    if (generators->count == 0) return SILT_OK;
    silt_skip_derived *derived = silt_arena_calloc(arena, generators->count, sizeof *derived);
    if (!derived) return silt_fail_nomem(err);
    size_t count = 0;
    for (size_t i = 0; i < generators->count; i++)
        if (silt_expr_equal(generators->items[i].base, column) &&
            derive_one(&generators->items[i], op, low, high, arena, &derived[count]))
            count++;
    node->derived = derived;
    node->derived_count = count;
    return SILT_OK;
}
