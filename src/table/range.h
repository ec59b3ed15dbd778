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

#endif
