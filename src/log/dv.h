/* Deletion vectors: which rows of a data file are no longer there.
 * @see PROTOCOL.md, "Deletion Vectors", "Deletion Vector Format", "Deletion Vector Descriptor" */
#ifndef SILT_LOG_DV_H
#define SILT_LOG_DV_H

#include "base/bitmap.h"
#include "log/log.h"

/* Where the file of one lies; of an inline one ('i') both members are NULL. CORRUPT: not a
 * descriptor of the protocol (what of it). UNSUPPORTED: out of the table's reach, as
 * silt_path_place() says. */
silt_status silt_dv_place(silt_store *store, const silt_dv *dv, silt_arena *arena, silt_place *out,
                          silt_error *err);

/* Read one: ranged get, size and CRC-32 checked against the file and the descriptor, the bitmap
 * validated, its count against `cardinality`, its largest row against `row_count` (-1: not known)
 * and maxRowIndex. The result is the caller's.
 * NOT_FOUND: its file has gone (which). CORRUPT: what doesn't agree (with the file's name). */
silt_status silt_dv_read(silt_store *store, const silt_dv *dv, int64_t row_count, silt_bitmap **out,
                         silt_error *err);

/* The bytes of one deletion vector as they stand in a file, or inline before Z85: magic and bitmap.
 * CORRUPT. */
silt_status silt_dv_parse(silt_bytes data, silt_bitmap **out, silt_error *err);

#endif
