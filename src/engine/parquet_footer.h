/* What a Parquet file's footer says of its rows: how many, and bounds of its columns. */
#ifndef SILT_ENGINE_PARQUET_FOOTER_H
#define SILT_ENGINE_PARQUET_FOOTER_H

#include "engine/engine.h"
#include "engine/parquet_schema.h"

typedef struct silt_parquet_footer {
    silt_bytes schema;             /* as silt_parquet_schema_read() gives it, in the arena */
    const silt_parquet_node *root; /* the same, parsed */
    int64_t row_count;
    /* Of leaves that lie in structs only, over all row groups. Bounds may be wider than the values
     * (writers cut long ones), never narrower: where a writer may have meant another order, or
     * left NaN out, there are none; floating point numbers have them, and has_nan as nobody knows.
     * null_count -1 where a row group doesn't say. */
    const silt_leaf_stats *leaves;
    size_t leaf_count;
} silt_parquet_footer;

/* Cost: a read or two, of the footer. `path` is a local file. CORRUPT, UNSUPPORTED, NOT_FOUND … as
 * silt_parquet_schema_read(). */
silt_status silt_parquet_footer_load(const char *path, silt_arena *arena, silt_parquet_footer *out,
                                     silt_error *err);

/* The table's type for a file's column; NULL in `out`: there is none (what: a time of day,
 * nanoseconds, unsigned …). Numbers are those that Spark has for them. */
silt_status silt_parquet_type(const silt_parquet_node *node, silt_arena *arena,
                              const silt_type **out, const char **why, silt_error *err);

#endif
