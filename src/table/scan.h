/* Inside the planning of scans: what scan_column.c makes of what is wanted, for scan.c to fill. */
#ifndef SILT_TABLE_SCAN_H
#define SILT_TABLE_SCAN_H

#include "table/data.h"
#include "table/mapping.h"

/* Where the constant of a file comes from. */
typedef enum silt_constant_kind {
    SILT_CONSTANT_PARTITION, /* partition_values, under `name` */
    SILT_CONSTANT_EXTRA,     /* extras[index] */
    SILT_CONSTANT_VERSION    /* default_row_commit_version */
} silt_constant_kind;
typedef struct silt_constant {
    silt_constant_kind kind;
    const char *name; /* physical */
    size_t index;
} silt_constant;

typedef struct silt_scan_making {
    silt_mapping mapping;
    silt_constant *constants; /* by silt_scan_column.constant */
    size_t constant_count;
    bool row_ids;
    silt_arena *scratch; /* of one file */
    SILT_VEC(silt_scan_file) files;
    SILT_VEC(silt_bitmap *) bitmaps; /* of deletion vectors */
} silt_scan_making;

/* The columns of a plan's spec, and the constants. See silt_scan_plan_init(). */
silt_status silt_scan_columns(silt_scan_plan *plan, const silt_metadata *metadata,
                              const silt_type *schema, const silt_scan_want *want, silt_error *err);

#endif
