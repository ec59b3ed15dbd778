/* What is behind a silt_scan, whoever planned it: a snapshot's scan, a table's changes, or an SQL
 * query. */
#ifndef SILT_TABLE_ROWS_H
#define SILT_TABLE_ROWS_H

#include "engine/engine.h"
#include "silt/scan.h"

struct silt_scan {
    silt_engine *engine; /* borrowed */
    silt_arena *arena;   /* what the fields below point to; given back last */
    silt_rows_spec rows;
    silt_arrow_shape shape;                   /* copied into the arena */
    const silt_scan_explanation *explanation; /* NULL: none */
    /* Of the maker; any of these may be NULL. */
    void *ctx;
    void (*release)(void *ctx);
    /* After the engine has failed with `st`: a status and error that say more, or `st`. */
    silt_status (*blame)(void *ctx, silt_status st, silt_error *err);
    const silt_type *schema; /* NULL: not asked for yet */
};

SILT_DEFINE_AUTO(silt_scan, silt_scan_free)

/* With its arena, and all else empty. */
silt_status silt_scan_new(silt_engine *engine, silt_scan **out, silt_error *err);

/* How Arrow data is to look; `schema` (NULL: as it is) is copied. INVALID: no STRUCT, or a batch of
 * less than a row. */
silt_status silt_scan_set_shape(silt_scan *scan, bool view_types, const silt_type *schema,
                                int64_t batch_rows, silt_error *err);

#endif
