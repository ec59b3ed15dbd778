/* Deletion vectors: which rows of a data file are no longer there.
 * @see PROTOCOL.md, "Deletion Vectors", "Deletion Vector Format", "Deletion Vector Descriptor" */
#ifndef SILT_LOG_DV_H
#define SILT_LOG_DV_H

#include "base/bitmap.h"
#include "log/action.h"
#include "store/store.h"

/* What tells deletion vectors apart: "<storageType><pathOrInlineDv>[@<offset>]". NULL: out of
 * memory. */
const char *silt_dv_id(const silt_dv *dv, silt_arena *arena);

/* The object that holds it: a key of the store for 'u' (its random prefix and uuid decoded), or for
 * 'p' the path as silt_data_path() gives it; NULL in *key for 'i', which is inline.
 * CORRUPT: not a descriptor of the protocol (which member). */
silt_status silt_dv_key(const silt_dv *dv, silt_arena *arena, const char **key, silt_error *err);

/* Read one: ranged get, size and CRC-32 checked against the file and the descriptor, the bitmap
 * validated, its count against `cardinality`, its largest row against `row_count` (-1: not known)
 * and maxRowIndex. The result is the caller's.
 * NOT_FOUND: its file has gone (which). CORRUPT: what doesn't agree (with the file's name). */
silt_status silt_dv_read(silt_store *store, const silt_dv *dv, int64_t row_count, silt_bitmap **out,
                         silt_error *err);

/* The bytes of one deletion vector as they stand in a file or inline, before Z85: magic and bitmap.
 */
silt_status silt_dv_parse(silt_bytes data, silt_bitmap **out, silt_error *err);

#endif
