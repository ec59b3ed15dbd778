/* From the names that people see to the ones in files and log, and how a file's columns are found.
 * @see PROTOCOL.md, "Column Mapping", "Reader Requirements for Column Mapping" */
#ifndef SILT_TABLE_MAPPING_H
#define SILT_TABLE_MAPPING_H

#include "engine/engine.h"
#include "log/action.h"

typedef enum silt_mapping_mode {
    SILT_MAPPING_NONE,
    SILT_MAPPING_ID,
    SILT_MAPPING_NAME
} silt_mapping_mode;

typedef struct silt_mapping {
    silt_mapping_mode mode;
    const silt_physical *fields; /* by top-level field of the schema */
    size_t field_count;
    silt_names partition_columns; /* physical names, in metadata's order: keys of partitionValues */
} silt_mapping;

/* In `arena`. CORRUPT: a field without delta.columnMapping.id or .physicalName, one of these twice,
 * an unknown mode. Without mapping physical names are the names. */
silt_status silt_mapping_of(const silt_metadata *metadata, const silt_type *schema,
                            silt_arena *arena, silt_mapping *out, silt_error *err);

#endif
