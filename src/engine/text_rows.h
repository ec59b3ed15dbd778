/* The rows of a CSV or NDJSON file one after another, each with its place: for whoever has to tell
 * good rows from bad ones. */
#ifndef SILT_ENGINE_TEXT_ROWS_H
#define SILT_ENGINE_TEXT_ROWS_H

#include "engine/engine.h"

typedef struct silt_text_row {
    bool is_row; /* else a header, a comment, an empty line */
    bool is_header;
    int64_t number;           /* of the row, from 0 */
    int64_t line, offset;     /* where it begins: from 1, and in bytes from 0 */
    silt_bytes all, text;     /* with and without the end of the line */
    const silt_bytes *fields; /* CSV: unescaped; NDJSON: none */
    size_t field_count;
    bool broken; /* CSV: something stands behind a field's quotes */
} silt_text_row;

typedef silt_status silt_text_row_fn(void *ctx, const silt_text_row *row, silt_error *err);

/* Go through a file that is neither compressed nor in anything but UTF-8 or ASCII. What `row`
 * points to is good during the call. `fn`'s failures end it.
 * BAD_DATA: where rows begin can't be told: quotes that don't end, a row longer than
 * SILT_CSV_RECORD_MAX. NOT_FOUND, DENIED, IO. Messages leave the path to the caller. */
silt_status silt_text_rows(silt_format format, const silt_source_options *options,
                           size_t column_count, const char *path, silt_text_row_fn *fn, void *ctx,
                           silt_error *err);

/* The same text as a plain file in UTF-8. UNSUPPORTED: an encoding that isn't known here. */
silt_status silt_text_plain(const silt_source_options *options, const char *path,
                            const char *to_path, silt_error *err);

/* Of an NDJSON file the lines that begin as objects do, as a plain file. */
silt_status silt_text_objects(const silt_source_options *options, const char *path,
                              const char *to_path, silt_error *err);
/* Of a plain CSV the header and the rows of `column_count` sound fields. */
silt_status silt_text_sound(const silt_source_options *options, size_t column_count,
                            const char *path, const char *to_path, silt_error *err);

#endif
