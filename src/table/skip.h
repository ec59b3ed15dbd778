/* Which files can't hold a row that a condition takes: by partition values, then by stats. What
 * they don't say keeps a file. */
#ifndef SILT_TABLE_SKIP_H
#define SILT_TABLE_SKIP_H

#include "base/expr.h"
#include "log/action.h"
#include "table/mapping.h"

typedef enum silt_skip_verdict {
    SILT_SKIP_KEEP,
    SILT_SKIP_PARTITION, /* ruled out by partition values */
    SILT_SKIP_STATS      /* ruled out by numRecords, minValues, maxValues, nullCount */
} silt_skip_verdict;

/* A condition made ready for many files; in an arena, any thread may use it. */
typedef struct silt_skip silt_skip;

/* `condition` is bound to `schema`, the table's; NULL keeps all. Strings of stats may be cut,
 * timestamps rounded to ms, bounds wide under deletion vectors: the verdict is right all the same.
 * Generated partition columns whose expression is one of CAST AS DATE, YEAR, MONTH, DAY, HOUR,
 * DATE_TRUNC, DATE_FORMAT or SUBSTRING of a column are ruled by conditions on that column too. */
silt_status silt_skip_new(const silt_expr *condition, const silt_type *schema,
                          const silt_mapping *mapping, silt_arena *arena, silt_skip **out,
                          silt_error *err);

/* `scratch` is for parsing stats; reset it as you like. */
silt_skip_verdict silt_skip_file(const silt_skip *skip, silt_pairs partition_values,
                                 const char *stats, silt_arena *scratch);

#endif
