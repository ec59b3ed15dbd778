/* What the log says of a column's values in one file: by its partition value, or by its stats. The
 * one place where bounds are read; upserts and scans rule out files by it.
 * @see PROTOCOL.md, "Per-file Statistics", "Partition Value Serialization" */
#ifndef SILT_TABLE_BOUNDS_H
#define SILT_TABLE_BOUNDS_H

#include "log/action.h"
#include "table/value.h"

/* Each says what may be there; what isn't known may. */
typedef struct silt_bounds {
    bool nulls;            /* a row may be null */
    bool values;           /* a row may have a value */
    bool nan;              /* one may be NaN, which min and max say nothing of */
    bool has_min, has_max; /* values but NaN are within: */
    silt_value min, max;
} silt_bounds;

/* Nothing is known. */
#define SILT_BOUNDS_ANY                                              \
    {                                                                \
        .nulls = true, .values = true, .nan = true, .has_min = false \
    }

/* The value alone, or null. */
silt_bounds silt_bounds_of_partition(const char *value, const silt_type *type);
/* One value: a literal. */
silt_bounds silt_bounds_of_value(const char *text, bool is_null, const silt_type *type);

/* ---- stats. Of a million files only the members are looked at that a condition needs: their JSON
 * is scanned, not parsed into a tree. */

/* Which columns are needed: a tree of names; {0} is the root. */
typedef struct silt_stats_wanted {
    const char *name;
    size_t size;
    int column; /* its number; -1: only members of it are needed */
    struct silt_stats_wanted *child, *next;
} silt_stats_wanted;
/* The number of a column, `*count` being how many there are so far; the same for the same path
 * (physical names from the top, borrowed). -1: out of memory. */
int silt_stats_want(silt_stats_wanted *root, const char *const *path, size_t path_count, int *count,
                    silt_arena *arena);

/* Of one column; NULL: none, or none that can be used. */
typedef struct silt_column_stats {
    const char *min, *max;
    int64_t nulls; /* -1: not known */
} silt_column_stats;
typedef struct silt_file_stats {
    int64_t rows; /* -1: not known */
    const silt_column_stats *columns;
} silt_file_stats;
/* Into `scratch`. False: not JSON (or no object, or no memory for it): nothing is known. */
bool silt_file_stats_scan(const char *text, const silt_stats_wanted *wanted, int count,
                          silt_arena *scratch, silt_file_stats *out);

/* Texts of the bounds live with the stats. */
silt_bounds silt_bounds_of_stats(const silt_file_stats *stats, int column, const silt_type *type);

/* How two columns' values may stand to each other in a row where both have one. */
typedef struct silt_order {
    bool less, equal, greater;
} silt_order;
silt_order silt_bounds_compare(const silt_bounds *a, const silt_bounds *b, const silt_type *type);

#endif
