/* Small Delta tables of flat rows, for the pipeline's own state: tracker and table status. */
#ifndef SILT_LOAD_ROWS_H
#define SILT_LOAD_ROWS_H

#include "table/data.h"
#include "table/txn.h"

/* Columns of a state table. */
typedef struct silt_state_column {
    const char *name;
    silt_type_kind type; /* STRING, LONG, INTEGER or TIMESTAMP */
} silt_state_column;

/* The schema of such columns, all nullable; NULL when out of memory. */
const silt_type *silt_state_schema(const silt_state_column *columns, size_t count,
                                   silt_arena *arena);

/* A value of a row: `text` for strings (NULL: null), `number` else (INT64_MIN: null). */
typedef struct silt_state_value {
    const char *text;
    int64_t number;
} silt_state_value;

/* Row `row`'s values, `count` of them, into `out`. Texts stay good until the next call. */
typedef void silt_state_row_fn(void *ctx, size_t row, silt_state_value *out);

/* Write rows as one data file of the table and give its add. */
silt_status silt_state_write(silt_store *table, silt_engine *engine,
                             const silt_state_column *columns, size_t count, silt_state_row_fn *fn,
                             void *ctx, size_t row_count, const silt_metadata *metadata,
                             const silt_clock *clock, const silt_random *random, silt_arena *arena,
                             const silt_add **out, silt_error *err);

/* Called for each row; `file` is the index into `adds`. */
typedef silt_status silt_state_read_fn(void *ctx, size_t file, const silt_state_value *values,
                                       silt_error *err);

/* Read rows of data files. Texts are good during the call only, and terminated. */
silt_status silt_state_read(silt_store *table, silt_engine *engine,
                            const silt_state_column *columns, size_t count, const silt_add *adds,
                            size_t add_count, silt_state_read_fn *fn, void *ctx, silt_error *err);

/* Delete all that is in the place of a state table: its log first, newest entries first, and data
 * files after all of them, so that what a crash leaves is a table of before, or none. */
silt_status silt_state_drop(silt_store *table, silt_error *err);

#endif
