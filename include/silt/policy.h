/* What a table is to be like for whoever writes it: how its files are laid out, what its columns
 * are called in them, what its rows have to fulfil. */
#ifndef SILT_POLICY_H
#define SILT_POLICY_H

#include "silt/table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What becomes of a row for which a constraint isn't true. */
typedef enum silt_on_violation {
    SILT_VIOLATION_FAIL,      /* nothing is written */
    SILT_VIOLATION_WARN,      /* it is written, and told */
    SILT_VIOLATION_DROP,      /* pipelines: it is left out, and counted */
    SILT_VIOLATION_QUARANTINE /* pipelines: it goes to the rejects */
} silt_on_violation;

typedef struct silt_policy_constraint {
    const char *name;
    const char *check; /* a condition in Spark SQL: rows for which it isn't true aren't written */
    bool persist;      /* make it the table's own; else only this write asks for it */
    silt_on_violation on_violation;
} silt_policy_constraint;

/* What is given becomes the table's: properties, its clustering, its constraints. So later writes
 * go by it, and those of other writers as far as they know the property. 0, NULL: as it is. Lists
 * are NULL-terminated. */
typedef struct silt_policy {
    size_t struct_size;
    int64_t target_file_bytes; /* delta.targetFileSize; 128 MB where nobody says */
    const char *compression;   /* delta.parquet.compression.codec: snappy (where nobody says), zstd,
                                  gzip, lz4, lz4_raw, brotli, none or uncompressed */
    int64_t row_group_rows;    /* silt.rowGroupRows */
    const char *const *stats_columns; /* delta.dataSkippingStatsColumns: paths, "a", "s.b"; files
                                         have statistics of these only */
    const char *stats_count; /* delta.dataSkippingNumIndexedCols: of the first so many columns, "0"
                                or more; "-1": of all */
    const char *const *cluster_by;    /* paths: optimize clusters by these (delta.clustering) */
    const char *const *ordering_keys; /* silt.orderingKeys: names of columns that each write
                                         sorts by */
    const char *const *z_order;       /* silt.zOrderBy: columns along whose z-order curve each write
                                         lays rows; not together with ordering_keys */
    const char *column_mapping_mode;  /* delta.columnMapping.mode: none, name, id */
    const char *const *features;      /* table features by their names in the protocol: turned on
                                         by their property (rowTracking: delta.enableRowTracking),
                                         those without one supported */
    const silt_policy_constraint *constraints;
    size_t constraint_count;
} silt_policy;
#define SILT_POLICY_INIT                    \
    {                                       \
        .struct_size = sizeof(silt_policy), \
    }

/**
 * A policy as steps of silt_table_create() or silt_table_alter(), in an order that works.
 * Constraints that aren't to persist are no steps.
 *
 * @param arena the steps live here; their texts too, or are the policy's
 * @return SILT_INVALID a size or number below 0, an unknown codec, ordering keys and z-order
 *         together, statistics by names and by number together
 */
SILT_API SILT_CHECKED silt_status silt_policy_steps(const silt_policy *policy, silt_arena *arena,
                                                    const silt_table_step **out, size_t *count,
                                                    silt_error *err);

/**
 * Give a table that stands what it lacks of a policy, in a commit of its own; none where it lacks
 * nothing. Rows that stand are looked at for constraints.
 *
 * @param snapshot the table as last seen; needn't be the newest
 * @param after    may be NULL; else the table as it is then: a new snapshot, or NULL where it is
 *                 the one that was given
 * @return as silt_table_alter(). SILT_INVALID also: what needs a feature that the table's protocol
 *         doesn't have (it isn't raised here: alter the table), another column mapping, or a
 *         constraint of this name that says something else
 */
SILT_API SILT_CHECKED silt_status silt_policy_apply(silt_snapshot *snapshot,
                                                    const silt_policy *policy,
                                                    silt_snapshot **after, silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
