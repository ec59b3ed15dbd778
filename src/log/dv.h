/* Deletion vectors: which rows of a data file are no longer there.
 * @see PROTOCOL.md, "Deletion Vectors", "Deletion Vector Format", "Deletion Vector Descriptor" */
#ifndef SILT_LOG_DV_H
#define SILT_LOG_DV_H

#include "base/bitmap.h"
#include "base/seam.h"
#include "log/log.h"
#include "log/property.h"

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

/* ---- writing (dv_write.c) */

#define SILT_DV_UUID_SIZE 21

/* So many letters and digits: the folder that keeps one name space from becoming a hot spot. */
void silt_random_prefix(const silt_random *random, char *out, size_t size);
/* A uuid as pathOrInlineDv of storage type 'u' has it: the file is deletion_vector_<uuid>.bin. */
void silt_dv_encode_uuid(const char *uuid, char out[SILT_DV_UUID_SIZE]);

/* Write the vectors of `rows`, each not empty, into few files of the table (format 1): out[i] says
 * where rows[i] stands. Durable on return. With `prefix_size` letters the files stand in folders of
 * random names (delta.randomizeFilePrefixes, delta.randomPrefixLength); 0: in the table's root.
 * `*keys` are the files, on failure too: those which were or may have been written, for who takes
 * them away again. Strings live in the arena. `random` NULL: the system's. */
silt_status silt_dvs_write(silt_store *store, const silt_bitmap *const *rows, size_t count,
                           size_t prefix_size, const silt_random *random, silt_arena *arena,
                           silt_dv *out, silt_names *keys, silt_error *err);

/* The randomness of an attempt, for silt_dvs_write(): from its name and how often it was asked
 * before, so that what a crash leaves is found by the name. */
typedef struct silt_dv_names {
    const char *attempt;
    int64_t asked;
} silt_dv_names;
silt_random silt_dv_names_random(silt_dv_names *names);

/* Statistics of a file which has lost rows: the same with "tightBounds":false, as they bound more
 * than what is left. NULL: not JSON, or out of memory.
 * @see PROTOCOL.md, "Per-file Statistics" */
const char *silt_stats_loosen(const char *stats, silt_arena *arena);

#endif
