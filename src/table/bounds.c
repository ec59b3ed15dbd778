/* Bounds of a column's values in a file. Where in doubt, a value may be there: a file too many
 * costs time, one too few costs rows. */
#include "table/bounds.h"

#include <math.h>

static const silt_bounds any = SILT_BOUNDS_ANY;

static bool is_real(const silt_type *type)
{
    return type->kind == SILT_TYPE_FLOAT || type->kind == SILT_TYPE_DOUBLE;
}

silt_bounds silt_bounds_of_value(const char *text, bool is_null, const silt_type *type)
{
    silt_bounds b = {.nulls = is_null, .values = !is_null};
    if (is_null || !silt_value_parse(text, type, &b.min)) {
        b.nan = !is_null && is_real(type);
        return b;
    }
    b.has_min = b.has_max = true;
    b.max = b.min;
    return b;
}

silt_bounds silt_bounds_of_partition(const char *value, const silt_type *type)
{
    return silt_bounds_of_value(value, !value || !*value, type);
}

/* ---- stats */

/* Whether a number may have been a float when it was printed: the column was widened since, and the
 * float isn't just what was printed. */
static bool is_short(const char *text, double value)
{
    return strlen(text) <= 16 && (double)(float)value != value && isfinite((float)value);
}

/* Stats have milliseconds: a max may have been cut, so the value is anywhere in its last one. */
static bool widen_max(const char *text, silt_value *max, const silt_type *type)
{
    bool time = type->kind == SILT_TYPE_TIMESTAMP || type->kind == SILT_TYPE_TIMESTAMP_NTZ;
    if (time && max->whole <= INT64_MAX - 999) max->whole += 999;
    /* A writer may have printed a shorter number than the column's. */
    if (type->kind == SILT_TYPE_FLOAT ||
        (type->kind == SILT_TYPE_DOUBLE && is_short(text, max->real)))
        max->real = fmax(max->real, (double)nextafterf((float)max->real, INFINITY));
    /* U+FFFD behind a cut text: old writers held it for the last character, which it isn't. */
    bool odd = type->kind == SILT_TYPE_STRING && silt_ends_with(text, "\xEF\xBF\xBD");
    return !odd;
}

static void widen_min(const char *text, silt_value *min, const silt_type *type)
{
    if (type->kind == SILT_TYPE_FLOAT ||
        (type->kind == SILT_TYPE_DOUBLE && is_short(text, min->real)))
        min->real = fmin(min->real, (double)nextafterf((float)min->real, -INFINITY));
}

silt_bounds silt_bounds_of_stats(const silt_file_stats *stats, int column, const silt_type *type)
{
    silt_bounds b = any;
    const char *min = stats->columns[column].min, *max = stats->columns[column].max;
    int64_t nulls = stats->columns[column].nulls;
    b.nan = is_real(type);
    b.nulls = nulls != 0;
    b.values = !(stats->rows > 0 && nulls == stats->rows);
    if (stats->rows == 0) b.nulls = b.values = false;
    if (!b.values) return b;
    b.has_min = min && silt_value_parse(min, type, &b.min);
    b.has_max = max && silt_value_parse(max, type, &b.max);
    /* who wrote that had another order, or none */
    if (b.has_min && b.has_max && silt_value_compare(&b.min, &b.max, type) > 0)
        b.has_min = b.has_max = false;
    if (b.has_min) widen_min(min, &b.min, type);
    if (b.has_max) b.has_max = widen_max(max, &b.max, type);
    return b;
}

/* ---- order */

silt_order silt_bounds_compare(const silt_bounds *a, const silt_bounds *b, const silt_type *type)
{
    /* of each's ends; 0 where one isn't known */
    int low_high = a->has_min && b->has_max ? silt_value_compare(&a->min, &b->max, type) : -2;
    int high_low = a->has_max && b->has_min ? silt_value_compare(&a->max, &b->min, type) : 2;
    silt_order order = {.less = low_high < 0 || b->nan,
                        .greater = high_low > 0 || a->nan,
                        .equal = (low_high <= 0 && high_low >= 0) || (a->nan && b->nan)};
    return order;
}
