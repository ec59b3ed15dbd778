/* Inside vacuum. */
#ifndef SILT_OPS_VACUUM_WORK_H
#define SILT_OPS_VACUUM_WORK_H

#include "silt/engine.h"
#include "silt/store.h"

/* Called with each file of the table's folder, by its key; another status than OK ends it. */
typedef silt_status silt_inventory_fn(void *ctx, const char *key, int64_t size_bytes,
                                      int64_t mtime_ms);

/* Read an inventory: a CSV, NDJSON or Parquet file by its ending, else a Delta table; paths are
 * relative to the table, or absolute. What lies elsewhere is passed over. BAD_DATA: a row that
 * isn't one of an inventory (which); NOT_FOUND: no such file, table or column. `fn` must not use
 * the engine. */
silt_status silt_inventory_read(const char *path, silt_store *store, silt_engine *engine,
                                silt_inventory_fn *fn, void *ctx, silt_error *err);

#endif
