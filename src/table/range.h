/* Which files may hold ranges of values. */
#ifndef SILT_TABLE_RANGE_H
#define SILT_TABLE_RANGE_H

#include "base/json.h"
#include "log/action.h"
#include "table/txn.h"
#include "table/value.h"

/* Whether the file may hold rows within all ranges: by partition values for partition columns, else
 * by stats (parsed into `scratch` on first need). True where they don't say. */
bool silt_add_may_hold(const silt_add *add, silt_names partition_columns,
                       const silt_key_range *ranges, size_t count, silt_arena *scratch);

/* The ranges by the names that files' statistics and partition values go by (column mapping), and
 * those of the partition columns; as they are where the table maps none. CORRUPT: a broken mapping.
 */
silt_status silt_key_ranges_map(const silt_snapshot *snapshot, const silt_key_range *ranges,
                                size_t count, silt_arena *arena, const silt_key_range **out,
                                silt_names *partition_columns, silt_error *err);

#endif
