/* Which files may hold a range of values. Where in doubt, they may: a file too many costs time, one
 * too few costs rows. */
#include "table/range.h"

#include <math.h>

#include "table/data.h"

/* ---- files */

/* The text of a bound in stats, whatever its JSON kind; NULL: none. */
static const char *bound_text(const silt_json *stats, const char *side, const char *column)
{
    const silt_json *value = silt_json_get_some(silt_json_get_some(stats, side), column);
    if (silt_json_kind_of(value) == SILT_JSON_NUMBER) return silt_json_number(value);
    const char *text = silt_json_string(value);
    bool whole =
        text && strlen(text) == silt_json_string_size(value); /* cut by a NUL it would lie */
    return whole ? text : NULL;
}

/* Stats have milliseconds: a max may have been cut, so the value is anywhere in its last one. */
static void widen_max(silt_value *max, const silt_type *type)
{
    bool time = type->kind == SILT_TYPE_TIMESTAMP || type->kind == SILT_TYPE_TIMESTAMP_NTZ;
    if (time && max->whole <= INT64_MAX - 999) max->whole += 999;
    /* A writer may have printed a shorter number than the column's. */
    if (type->kind == SILT_TYPE_FLOAT) max->real = nextafterf((float)max->real, INFINITY);
}

static void widen_min(silt_value *min, const silt_type *type)
{
    if (type->kind == SILT_TYPE_FLOAT) min->real = nextafterf((float)min->real, -INFINITY);
}

/* Whether [min, max] of the file (NULL: not known) meets the range's values. */
static bool overlaps(const char *min, const char *max, const silt_key_range *range)
{
    silt_value low, high, bound;
    if (!range->min || !range->max) return false; /* nothing but nulls */
    if (max && silt_value_parse(max, range->type, &bound) &&
        silt_value_parse(range->min, range->type, &low)) {
        widen_max(&bound, range->type);
        if (silt_value_compare(&bound, &low, range->type) < 0) return false;
    }
    if (min && silt_value_parse(min, range->type, &bound) &&
        silt_value_parse(range->max, range->type, &high)) {
        widen_min(&bound, range->type);
        if (silt_value_compare(&bound, &high, range->type) > 0) return false;
    }
    return true;
}

bool silt_stats_may_hold(const silt_json *stats, const silt_key_range *range)
{
    int64_t rows = silt_json_int(silt_json_get(stats, "numRecords"), -1);
    if (rows == 0) return false;
    int64_t nulls =
        silt_json_int(silt_json_get(silt_json_get(stats, "nullCount"), range->column), -1);
    if (range->has_null && nulls != 0) return true;
    if (rows > 0 && nulls == rows) return false; /* nothing but nulls, and they don't count */
    return overlaps(bound_text(stats, "minValues", range->column),
                    bound_text(stats, "maxValues", range->column), range);
}

static bool partition_may_hold(const char *value, const silt_key_range *range)
{
    if (!value || !*value) return range->has_null;
    return overlaps(value, value, range);
}

bool silt_add_may_hold(const silt_add *add, silt_names partition_columns,
                       const silt_key_range *ranges, size_t count, silt_arena *scratch)
{
    const silt_json *stats = NULL;
    for (size_t i = 0; i < count; i++)
        if (silt_names_have(partition_columns, ranges[i].column) &&
            !partition_may_hold(silt_pairs_get(add->partition_values, ranges[i].column),
                                &ranges[i]))
            return false;
    if (!add->stats || silt_json_parse(silt_bytes_of(add->stats), scratch, &stats, NULL) != SILT_OK)
        return true;
    for (size_t i = 0; i < count; i++)
        if (!silt_names_have(partition_columns, ranges[i].column) &&
            !silt_stats_may_hold(stats, &ranges[i]))
            return false;
    return true;
}

silt_status silt_snapshot_prune(silt_snapshot *snapshot, const silt_key_range *ranges,
                                size_t range_count, silt_arena *arena, const size_t **out,
                                size_t *count, silt_error *err)
{
    const silt_add *adds;
    size_t add_count, kept = 0;
    SILT_TRY(silt_snapshot_adds(snapshot, &adds, &add_count, err));
    size_t *indexes = silt_arena_calloc(arena, add_count, sizeof(*indexes));
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!indexes || !scratch) return silt_fail_nomem(err);
    silt_names by = silt_snapshot_state(snapshot)->metadata.partition_columns;
    for (size_t i = 0; i < add_count; i++) {
        if (silt_add_may_hold(&adds[i], by, ranges, range_count, scratch)) indexes[kept++] = i;
        silt_arena_reset(scratch);
    }
    *out = indexes;
    *count = kept;
    return SILT_OK;
}
