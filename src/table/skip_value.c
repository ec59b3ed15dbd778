/* What the values of an expression can be in a file: of columns by the log, of calls by those that
 * grow or fall with one argument, or over values that are known to be one. */
#include "table/skip_node.h"

#include <strings.h>

static const silt_bounds any = SILT_BOUNDS_ANY;

/* ---- columns */

static silt_bounds of_column(const silt_skip_node *node, const silt_skip_file_values *file)
{
    if (!node->partition) {
        if (!file->has_stats) return any;
        return silt_bounds_of_stats(&file->stats, node->column, node->expr->type);
    }
    for (size_t i = 0; i < file->partition_values.count; i++) {
        const silt_pair *pair = &file->partition_values.items[i];
        if (strcmp(pair->key, node->partition) == 0)
            return silt_bounds_of_partition(pair->value, node->expr->type);
    }
    return any;
}

/* ---- how calls grow */

/* Years first, then smaller units, each of a fixed width: the texts stand in the order of times. */
static bool is_sortable_format(const char *pattern)
{
    static const char *const runs[] = {"yyyy", "MM", "dd", "HH", "mm", "ss"};
    size_t next = 0;
    for (const char *c = pattern; *c;) {
        if (strchr("-/ :_.", *c)) {
            c++;
            continue;
        }
        if (next == SILT_COUNT(runs) || !silt_starts_with(c, runs[next])) return false;
        c += strlen(runs[next++]);
    }
    return next > 0;
}

/* A literal null would make all null. */
static bool is_constant(const silt_expr *e)
{
    return e->kind == SILT_EXPR_LITERAL && !e->is_null;
}

static bool is_first_part(const silt_expr *call)
{
    const silt_expr *start = call->args[1];
    bool first =
        is_constant(start) && (strcmp(start->text, "1") == 0 || strcmp(start->text, "0") == 0);
    return first && (call->arg_count < 3 || is_constant(call->args[2]));
}

silt_skip_growth silt_skip_growth_of(const silt_expr *call, size_t *by, silt_arena *arena)
{
    const silt_expr *first = call->arg_count ? call->args[0] : NULL;
    bool rest = true; /* all but the first are constant */
    for (size_t i = 1; i < call->arg_count; i++)
        rest = rest && is_constant(call->args[i]);
    *by = 0;
    switch (call->op) {
    case SILT_OP_CAST: {
        const silt_type *from = first->type, *to = call->type;
        bool cut =
            silt_type_is_instant(from) && (to->kind == SILT_TYPE_DATE || silt_type_is_instant(to));
        return cut || silt_type_keeps_order(from, to, arena) ? SILT_GROWS : SILT_GROWS_NOT;
    }
    case SILT_OP_YEAR:
        return SILT_GROWS;
    case SILT_OP_DATE_TRUNC:
        *by = 1;
        return is_constant(first) ? SILT_GROWS : SILT_GROWS_NOT;
    case SILT_OP_TRUNC:
    case SILT_OP_DATE_ADD:
        return rest ? SILT_GROWS : SILT_GROWS_NOT;
    case SILT_OP_ADD:
        if (!silt_type_is_whole(call->type)) return SILT_GROWS_NOT;
        *by = is_constant(first);
        return rest || *by ? SILT_GROWS : SILT_GROWS_NOT;
    case SILT_OP_SUBTRACT:
        if (!silt_type_is_whole(call->type)) return SILT_GROWS_NOT;
        *by = is_constant(first);
        if (*by) return SILT_FALLS;
        return rest ? SILT_GROWS : SILT_GROWS_NOT;
    case SILT_OP_NEGATE:
        return silt_type_is_whole(call->type) ? SILT_FALLS : SILT_GROWS_NOT;
    case SILT_OP_SUBSTRING:
        return is_first_part(call) ? SILT_GROWS : SILT_GROWS_NOT;
    case SILT_OP_DATE_FORMAT:
        return rest && is_sortable_format(call->args[1]->text) ? SILT_GROWS : SILT_GROWS_NOT;
    default:
        return SILT_GROWS_NOT;
    }
}

/* ---- calls */

#define ARGS_MAX 8

/* Whether a column or call is one value in all rows that have one. */
static bool is_single(const silt_bounds *b, const silt_type *type)
{
    return b->values && b->has_min && b->has_max && !b->nan &&
           silt_value_compare(&b->min, &b->max, type) == 0;
}

/* The call where its arguments have these values; false: not known. */
static bool eval_at(const silt_skip_node *node, const silt_value *const *values,
                    silt_arena *scratch, silt_value *out)
{
    silt_expr literals[ARGS_MAX];
    const silt_expr *args[ARGS_MAX], *result;
    for (size_t i = 0; i < node->expr->arg_count; i++) {
        const silt_expr *arg = node->expr->args[i];
        args[i] = arg;
        if (arg->kind == SILT_EXPR_LITERAL) continue;
        literals[i] = (silt_expr){.kind = SILT_EXPR_LITERAL,
                                  .type = arg->type,
                                  .text = silt_value_print(values[i], arg->type, scratch)};
        args[i] = &literals[i];
        if (!literals[i].text) return false;
    }
    return silt_expr_eval(node->expr, args, scratch, &result) && !result->is_null &&
           silt_value_parse(result->text, result->type, out);
}

static silt_bounds of_call(const silt_skip_node *node, const silt_skip_file_values *file)
{
    silt_bounds args[ARGS_MAX], out = any;
    const silt_value *low[ARGS_MAX], *high[ARGS_MAX];
    size_t count = node->expr->arg_count;
    bool single = true, nulls = false;
    if (count == 0 || count > ARGS_MAX) return any;
    for (size_t i = 0; i < count; i++) {
        args[i] = silt_skip_value(&node->args[i], file);
        single = single && is_single(&args[i], node->expr->args[i]->type);
        nulls = nulls || args[i].nulls;
        low[i] = &args[i].min;
        high[i] = &args[i].max;
    }
    if (single && eval_at(node, low, file->scratch, &out.min)) {
        out.max = out.min;
        out.has_min = out.has_max = true;
        out.nulls = nulls;
        out.nan = false;
        return out;
    }
    if (node->growth == SILT_GROWS_NOT) return any;
    const silt_bounds *by = &args[node->grows_by];
    bool falls = node->growth == SILT_FALLS;
    silt_value at_low, at_high;
    bool has_low = by->has_min && eval_at(node, low, file->scratch, &at_low);
    bool has_high = by->has_max && eval_at(node, high, file->scratch, &at_high);
    /* Between two ends that don't wrap around nothing does; beyond an end that isn't known it may.
     */
    if (falls || node->expr->op == SILT_OP_ADD || node->expr->op == SILT_OP_SUBTRACT)
        has_low = has_high = has_low && has_high;
    out = (silt_bounds){.nulls = by->nulls, .values = by->values, .nan = by->nan};
    out.has_min = falls ? has_high : has_low;
    out.has_max = falls ? has_low : has_high;
    if (out.has_min) out.min = falls ? at_high : at_low;
    if (out.has_max) out.max = falls ? at_low : at_high;
    return out;
}

/* Comparisons and logic: what skip.c says of them. */
static bool is_logic(silt_expr_op op)
{
    return op <= SILT_OP_IN || (op >= SILT_OP_AND && op <= SILT_OP_IS_NULL);
}

static silt_bounds of_logic(const silt_skip_node *node, const silt_skip_file_values *file)
{
    unsigned may = silt_skip_truth(node, file);
    return (silt_bounds){.nulls = may & SILT_MAY_NULL,
                         .values = may & (SILT_MAY_TRUE | SILT_MAY_FALSE),
                         .has_min = true,
                         .has_max = true,
                         .min = {.whole = !(may & SILT_MAY_FALSE)},
                         .max = {.whole = may & SILT_MAY_TRUE}};
}

silt_bounds silt_skip_value(const silt_skip_node *node, const silt_skip_file_values *file)
{
    switch (node->expr->kind) {
    case SILT_EXPR_LITERAL:
        return node->bounds;
    case SILT_EXPR_COLUMN:
        return of_column(node, file);
    default:
        return is_logic(node->expr->op) ? of_logic(node, file) : of_call(node, file);
    }
}
