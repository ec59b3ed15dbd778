/* Which files can't hold a row that a condition takes: what each part of it can be in some row of
 * the file, true, false or null, from the leaves up. A file stays where the whole can be true.
 *
 * Parts are taken as if they didn't depend on each other: that only adds what can be. */
#include "table/skip_node.h"

#define MAY_TRUE  SILT_MAY_TRUE
#define MAY_FALSE SILT_MAY_FALSE
#define MAY_NULL  SILT_MAY_NULL

/* ---- leaves */

static unsigned when(bool can, unsigned bit)
{
    return can ? bit : 0;
}

static unsigned truth_of_order(silt_expr_op op, silt_order o)
{
    switch (op) {
    case SILT_OP_LT:
        return when(o.less, MAY_TRUE) | when(o.equal || o.greater, MAY_FALSE);
    case SILT_OP_LE:
        return when(o.less || o.equal, MAY_TRUE) | when(o.greater, MAY_FALSE);
    case SILT_OP_GT:
        return when(o.greater, MAY_TRUE) | when(o.less || o.equal, MAY_FALSE);
    case SILT_OP_GE:
        return when(o.greater || o.equal, MAY_TRUE) | when(o.less, MAY_FALSE);
    case SILT_OP_NE:
        return when(o.less || o.greater, MAY_TRUE) | when(o.equal, MAY_FALSE);
    default:
        return when(o.equal, MAY_TRUE) | when(o.less || o.greater, MAY_FALSE);
    }
}

static unsigned truth_of_comparison(const silt_skip_node *node, const silt_skip_file_values *file)
{
    silt_bounds a = silt_skip_value(&node->args[0], file),
                b = silt_skip_value(&node->args[1], file);
    bool null_safe = node->expr->op == SILT_OP_EQ_NULL;
    unsigned may = 0;
    if (a.values && b.values)
        may =
            truth_of_order(node->expr->op, silt_bounds_compare(&a, &b, node->expr->args[0]->type));
    if (null_safe) {
        may |= when(a.nulls && b.nulls, MAY_TRUE);
        may |= when((a.nulls && b.values) || (a.values && b.nulls), MAY_FALSE);
    } else {
        may |= when(a.nulls || b.nulls, MAY_NULL);
    }
    return may;
}

/* The first of the list that isn't below a value. */
static size_t first_from(const silt_skip_node *node, const silt_value *value, const silt_type *type)
{
    size_t low = 0, high = node->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (silt_value_compare(&node->sorted[middle], value, type) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static unsigned truth_of_in(const silt_skip_node *node, const silt_skip_file_values *file)
{
    const silt_type *type = node->expr->args[0]->type;
    silt_bounds x = silt_skip_value(&node->args[0], file);
    unsigned may = when(x.nulls || node->list_has_null, MAY_NULL);
    if (!x.values) return may;
    if (!node->sorted) return SILT_MAY_ANY;
    size_t at = x.has_min ? first_from(node, &x.min, type) : 0;
    bool found = at < node->sorted_count &&
                 (!x.has_max || silt_value_compare(&node->sorted[at], &x.max, type) <= 0);
    bool sure =
        found && x.has_min && x.has_max && !x.nan && silt_value_compare(&x.min, &x.max, type) == 0;
    may |= when(found, MAY_TRUE);
    if (!sure) may |= when(!node->list_has_null, MAY_FALSE);
    return may;
}

static int compare_prefix(const silt_value *value, const char *prefix, size_t size)
{
    size_t common = value->text.size < size ? value->text.size : size;
    int order = memcmp(value->text.data, prefix, common);
    return order ? order : (value->text.size < size ? -1 : 0);
}

/* LIKE 'abc%…' and STARTS_WITH: by the texts that begin so. */
static unsigned truth_of_prefix(const silt_skip_node *node, const silt_skip_file_values *file)
{
    silt_bounds x = silt_skip_value(&node->args[0], file);
    unsigned may = when(x.nulls, MAY_NULL);
    if (!x.values) return may;
    size_t size = strlen(node->prefix);
    int low = x.has_min ? compare_prefix(&x.min, node->prefix, size) : -1;
    int high = x.has_max ? compare_prefix(&x.max, node->prefix, size) : 1;
    may |= when(low <= 0 && high >= 0, MAY_TRUE);
    bool all = node->prefix_only && x.has_min && x.has_max && low == 0 && high == 0;
    return may | when(!all, MAY_FALSE);
}

static unsigned truth_of_value(const silt_skip_node *node, const silt_skip_file_values *file)
{
    silt_bounds x = silt_skip_value(node, file);
    unsigned may = when(x.nulls, MAY_NULL);
    if (!x.values) return may;
    may |= when(!x.has_max || x.max.whole != 0, MAY_TRUE);
    return may | when(!x.has_min || x.min.whole == 0, MAY_FALSE);
}

/* What generated columns say: a row in which the leaf is true would be in another partition. */
static unsigned ruled(const silt_skip_node *node, const silt_skip_file_values *file, unsigned may)
{
    for (size_t i = 0; i < node->derived_count && (may & MAY_TRUE); i++) {
        const silt_skip_derived *d = &node->derived[i];
        for (size_t k = 0; k < file->partition_values.count; k++) {
            const silt_pair *pair = &file->partition_values.items[k];
            if (strcmp(pair->key, d->partition) != 0) continue;
            silt_bounds p = silt_bounds_of_partition(pair->value, d->type);
            if (!p.values || !p.has_min) break; /* '' is null too: it says nothing */
            bool below = d->has_low && silt_value_compare(&p.min, &d->low, d->type) < 0;
            bool above = d->has_high && silt_value_compare(&p.min, &d->high, d->type) > 0;
            if (below || above) may = (may & ~(unsigned)MAY_TRUE) | MAY_FALSE;
            break;
        }
    }
    return may;
}

/* ---- logic */

static unsigned negated(unsigned may)
{
    return (may & MAY_NULL) | when(may & MAY_TRUE, MAY_FALSE) | when(may & MAY_FALSE, MAY_TRUE);
}

static unsigned both(unsigned a, unsigned b)
{
    bool neither_false = (a & ~(unsigned)MAY_FALSE) && (b & ~(unsigned)MAY_FALSE);
    return when((a & MAY_TRUE) && (b & MAY_TRUE), MAY_TRUE) | ((a | b) & MAY_FALSE) |
           when(neither_false, (a | b) & MAY_NULL);
}

static unsigned truth_of_chain(const silt_skip_node *node, const silt_skip_file_values *file)
{
    bool any = node->expr->op == SILT_OP_OR; /* a OR b is NOT (NOT a AND NOT b) */
    unsigned may = MAY_TRUE;
    for (size_t i = 0; i < node->expr->arg_count; i++) {
        unsigned one = silt_skip_truth(&node->args[i], file);
        may = both(may, any ? negated(one) : one);
        if (may == MAY_FALSE) break; /* nothing changes that */
    }
    return any ? negated(may) : may;
}

unsigned silt_skip_truth(const silt_skip_node *node, const silt_skip_file_values *file)
{
    if (node->expr->kind != SILT_EXPR_CALL) return truth_of_value(node, file);
    silt_expr_op op = node->expr->op;
    switch (op) {
    case SILT_OP_AND:
    case SILT_OP_OR:
        return truth_of_chain(node, file);
    case SILT_OP_NOT:
        return negated(silt_skip_truth(&node->args[0], file));
    case SILT_OP_IS_NULL: {
        silt_bounds x = silt_skip_value(&node->args[0], file);
        return when(x.nulls, MAY_TRUE) | when(x.values, MAY_FALSE);
    }
    case SILT_OP_IN:
        return ruled(node, file, truth_of_in(node, file));
    case SILT_OP_LIKE:
    case SILT_OP_STARTS_WITH:
        if (node->prefix) return truth_of_prefix(node, file) & truth_of_value(node, file);
        return truth_of_value(node, file);
    default:
        if (op <= SILT_OP_EQ_NULL) return ruled(node, file, truth_of_comparison(node, file));
        return truth_of_value(node, file);
    }
}

/* ---- files */

silt_skip_verdict silt_skip_file(const silt_skip *skip, silt_pairs partition_values,
                                 const char *stats, silt_arena *scratch)
{
    if (!skip->root) return SILT_SKIP_KEEP;
    silt_skip_file_values file = {.partition_values = partition_values, .scratch = scratch};
    bool uses_stats = skip->wanted_count > 0;
    if ((skip->uses_partitions || !uses_stats) && !(silt_skip_truth(skip->root, &file) & MAY_TRUE))
        return SILT_SKIP_PARTITION;
    if (!uses_stats) return SILT_SKIP_KEEP;
    file.has_stats =
        silt_file_stats_scan(stats, &skip->wanted, skip->wanted_count, scratch, &file.stats);
    if (!file.has_stats) return SILT_SKIP_KEEP;
    if (file.stats.rows == 0) return SILT_SKIP_STATS;
    return silt_skip_truth(skip->root, &file) & MAY_TRUE ? SILT_SKIP_KEEP : SILT_SKIP_STATS;
}
