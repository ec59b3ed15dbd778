/* Arrow streams as a program hands them over: what their columns are, and their values as plain
 * arrays. Nothing in a stream is believed that can be checked. */
#ifndef SILT_ENGINE_ARROW_H
#define SILT_ENGINE_ARROW_H

#include "base/base.h"
#include "silt/arrow.h"
#include "silt/schema.h"

/* To be declared with SILT_CLEAN. */
typedef struct ArrowSchema silt_arrow_schema;
static inline void silt_arrow_schema_release(silt_arrow_schema *schema)
{
    if (schema->release) schema->release(schema);
}
static inline void silt_arrow_array_release(struct ArrowArray *array)
{
    if (array->release) array->release(array);
}

/* How a column's values lie in its buffers. */
typedef enum silt_arrow_layout {
    SILT_ARROW_NULLS,     /* there are none */
    SILT_ARROW_BITS,      /* booleans */
    SILT_ARROW_FIXED,     /* `width` bytes each, as they are */
    SILT_ARROW_DECIMAL,   /* 16 bytes each */
    SILT_ARROW_DAYS,      /* dates, as int32 */
    SILT_ARROW_DAYS_MS,   /* dates, as int64 in ms */
    SILT_ARROW_TIME,      /* int64, `per_second` of them */
    SILT_ARROW_BYTES,     /* `width` bytes of binary each */
    SILT_ARROW_TEXT,      /* strings or binary by int32 offsets */
    SILT_ARROW_TEXT_LARGE /* by int64 offsets */
} silt_arrow_layout;

typedef struct silt_arrow_column {
    const char *name;
    const silt_type *type; /* the narrowest that holds all its values; VOID for NULLS */
    silt_arrow_layout layout;
    size_t width;
    bool is_unsigned;
    int64_t per_second;
} silt_arrow_column;

/* The columns of a stream's schema. INVALID: no struct, no columns, a name twice. UNSUPPORTED: a
 * column that isn't taken. */
silt_status silt_arrow_columns(const struct ArrowSchema *schema, silt_arena *arena,
                               const silt_arrow_column **out, size_t *count, silt_error *err);

/* Whether every value of `from` is one of `to`. */
bool silt_arrow_fits(const silt_type *from, const silt_type *to);

/* Whether a batch is as its schema says, as far as that shows. INVALID. */
silt_status silt_arrow_check(const silt_arrow_column *columns, size_t count,
                             const struct ArrowArray *batch, silt_error *err);

/* ---- values: rows [row, row + count) of a column of a checked batch */

/* Where its first row is in the buffers. */
static inline size_t silt_arrow_first(const struct ArrowArray *batch, size_t column)
{
    return (size_t)(batch->offset + batch->children[column]->offset);
}

static inline bool silt_arrow_bit(const void *bits, size_t at)
{
    return ((const uint8_t *)bits)[at / 8] >> (at % 8) & 1;
}

/* NULL: no row is null. */
static inline const void *silt_arrow_validity(const struct ArrowArray *array)
{
    return array->null_count == 0 ? NULL : array->buffers[0];
}

#endif
