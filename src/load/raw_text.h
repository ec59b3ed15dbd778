/* CSV files of a folder ↔ the Parquet files that a table has them as. */
#ifndef SILT_LOAD_RAW_TEXT_H
#define SILT_LOAD_RAW_TEXT_H

#include "engine/engine.h"

typedef struct silt_raw_text {
    silt_engine *engine;
    const silt_type *schema;         /* of the table; NULL: there is none yet */
    const char *const *partition_by; /* columns that aren't in the files */
    size_t partition_count;
    silt_csv_form form;
} silt_raw_text;

/* What files end in: ".csv" or ".csv.gz". */
const char *silt_raw_text_suffix(const silt_raw_text *text);

/* UNSUPPORTED: columns that have no text which could be read back. `path` of the table. */
silt_status silt_raw_text_check(const silt_type *schema, const char *path, silt_error *err);

/* One local file into another. */
silt_status silt_raw_text_write(const silt_raw_text *text, const char *parquet, const char *csv,
                                silt_error *err);
/* CORRUPT: it isn't one of the table's files. */
silt_status silt_raw_text_read(const silt_raw_text *text, const char *csv, const char *parquet,
                               silt_error *err);

#endif
