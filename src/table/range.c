/* Which files may hold a range of values. Where in doubt, they may: a file too many costs time, one
 * too few costs rows. */
#include "table/range.h"

#include "table/bounds.h"
#include "table/data.h"
#include "table/mapping.h"

static bool may_hold(const silt_bounds *bounds, const silt_key_range *range)
{
    if (bounds->nulls && range->has_null) return true;
    if (!bounds->values || !range->min || !range->max) return false; /* nothing but nulls */
    silt_bounds wanted = {.values = true};
    wanted.has_min = silt_value_parse(range->min, range->type, &wanted.min);
    wanted.has_max = silt_value_parse(range->max, range->type, &wanted.max);
    return silt_bounds_compare(bounds, &wanted, range->type).equal;
}

/* A column that the file's values don't name isn't known to be null. */
static bool partition_may_hold(silt_pairs values, const silt_key_range *range)
{
    for (size_t i = 0; i < values.count; i++) {
        if (strcmp(values.items[i].key, range->column) != 0) continue;
        silt_bounds bounds = silt_bounds_of_partition(values.items[i].value, range->type);
        return may_hold(&bounds, range);
    }
    return true;
}

/* By the stats of those columns that have some; out of memory they say nothing. */
static bool stats_may_hold(const char *text, silt_names partition_columns,
                           const silt_key_range *ranges, size_t count, silt_arena *scratch)
{
    silt_stats_wanted wanted = {0};
    silt_file_stats stats;
    int columns = 0, *column = silt_arena_calloc(scratch, count, sizeof *column);
    if (!column) return true;
    for (size_t i = 0; i < count; i++) {
        column[i] = silt_stats_want(&wanted, &ranges[i].column, 1, &columns, scratch);
        if (column[i] < 0) return true;
    }
    if (!silt_file_stats_scan(text, &wanted, columns, scratch, &stats)) return true;
    for (size_t i = 0; i < count; i++) {
        if (silt_names_have(partition_columns, ranges[i].column)) continue;
        silt_bounds bounds = silt_bounds_of_stats(&stats, column[i], ranges[i].type);
        if (!may_hold(&bounds, &ranges[i])) return false;
    }
    return true;
}

bool silt_add_may_hold(const silt_add *add, silt_names partition_columns,
                       const silt_key_range *ranges, size_t count, silt_arena *scratch)
{
    for (size_t i = 0; i < count; i++)
        if (silt_names_have(partition_columns, ranges[i].column) &&
            !partition_may_hold(add->partition_values, &ranges[i]))
            return false;
    return stats_may_hold(add->stats, partition_columns, ranges, count, scratch);
}

silt_status silt_key_ranges_map(const silt_snapshot *snapshot, const silt_key_range *ranges,
                                size_t count, silt_arena *arena, const silt_key_range **out,
                                silt_names *partition_columns, silt_error *err)
{
    const silt_metadata *metadata = &silt_snapshot_state(snapshot)->metadata;
    const silt_type *schema = silt_snapshot_schema(snapshot);
    silt_mapping mapping;
    *out = ranges;
    *partition_columns = metadata->partition_columns;
    if (!count || strcmp(silt_snapshot_column_mapping(snapshot), "none") == 0) return SILT_OK;
    SILT_TRY(silt_mapping_of(metadata, schema, arena, &mapping, err));
    silt_key_range *mapped = silt_arena_calloc(arena, count, sizeof *mapped);
    if (!mapped) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        int at = silt_type_find(schema, ranges[i].column);
        mapped[i] = ranges[i];
        mapped[i].column = at < 0 ? "" : mapping.fields[at].name; /* "": no file says anything */
    }
    *out = mapped;
    *partition_columns = mapping.partition_columns;
    return SILT_OK;
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
    silt_names by;
    SILT_TRY(silt_key_ranges_map(snapshot, ranges, range_count, arena, &ranges, &by, err));
    for (size_t i = 0; i < add_count; i++) {
        if (silt_add_may_hold(&adds[i], by, ranges, range_count, scratch)) indexes[kept++] = i;
        silt_arena_reset(scratch);
    }
    *out = indexes;
    *count = kept;
    return SILT_OK;
}
