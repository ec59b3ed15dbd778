/* Sets of 64-bit numbers, compressed: the rows of a data file that a deletion vector names.
 *
 * A set is made once and then only read, by any number of threads. Behind it is CRoaring. */
#ifndef SILT_BASE_BITMAP_H
#define SILT_BASE_BITMAP_H

#include "base/base.h"

typedef struct silt_bitmap silt_bitmap;

/* An empty set; NULL: out of memory. */
silt_bitmap *silt_bitmap_new(void);
void silt_bitmap_free(silt_bitmap *bitmap);
SILT_DEFINE_AUTO(silt_bitmap, silt_bitmap_free)

/* From the portable form of a 64-bit Roaring bitmap (little-endian, as RoaringFormatSpec says it),
 * which has to fill `data` exactly. Nothing of `data` is believed: CORRUPT (why) for what isn't a
 * valid bitmap, NOMEM. */
silt_status silt_bitmap_parse(silt_bytes data, silt_bitmap **out, silt_error *err);

uint64_t silt_bitmap_count(const silt_bitmap *bitmap);
/* The largest number; 0 for an empty set. */
uint64_t silt_bitmap_max(const silt_bitmap *bitmap);
bool silt_bitmap_has(const silt_bitmap *bitmap, uint64_t number);

/* Bit i of `words` (count bits, rounded up to words, all of which are written) becomes whether
 * from + i is in the set. Returns how many are. Quick for a set that has none there. */
size_t silt_bitmap_range(const silt_bitmap *bitmap, uint64_t from, size_t count, uint64_t *words);

/* Those of `a` that aren't in `b` (NULL: none is); NULL: out of memory. */
silt_bitmap *silt_bitmap_minus(const silt_bitmap *a, const silt_bitmap *b);
/* Those in either; NULL: out of memory. */
silt_bitmap *silt_bitmap_or(const silt_bitmap *a, const silt_bitmap *b);

/* Those less than `end`; NULL: out of memory. */
silt_bitmap *silt_bitmap_below(const silt_bitmap *a, uint64_t end);

/* Numbers in any order, while nobody else reads the set. False: out of memory. */
bool silt_bitmap_add(silt_bitmap *bitmap, const uint64_t *numbers, size_t count);

/* Keeps the set and makes it small: runs of numbers as runs. Nobody else reads it meanwhile. */
void silt_bitmap_shrink(silt_bitmap *bitmap);

/* The portable form at the end of `buf`. */
void silt_bitmap_write(const silt_bitmap *bitmap, silt_buf *buf);

#endif
