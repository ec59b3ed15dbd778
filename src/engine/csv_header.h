/* Reads CSV records without DuckDB: headers, and on what line a text stands. */
#ifndef SILT_ENGINE_CSV_HEADER_H
#define SILT_ENGINE_CSV_HEADER_H

#include "engine/engine.h"

typedef struct silt_csv_header {
    const char *const *names; /* as in the file; column0, column1, … of a file without a header */
    size_t count;             /* 0: an empty file */
    int skip; /* lines before the header that DuckDB has to skip: it takes an empty line for one */
    bool has_rows; /* something follows */
} silt_csv_header;

/* The header record of a CSV. Reads the head of the file only, compressed or not.
 * NOT_FOUND, DENIED, IO; BAD_DATA: no end of the record within 16 MB, or not compressed as said.
 * Messages leave the path to the caller. */
silt_status silt_csv_header_read(const silt_source_options *options, const char *path,
                                 silt_arena *arena, silt_csv_header *out, silt_error *err);

/* The delimiter by which the head's records have as many fields as the header, most of all: one of
 * , ; tab |. Static storage. Errors as above. */
silt_status silt_csv_guess_delimiter(const silt_source_options *options, const char *path,
                                     const char **out, silt_error *err);

/* The line (from 1) of the first data record whose field `column` is `text`, 0 if it isn't found or
 * the file is compressed or not in UTF-8. Reads the file as far as needed. */
int64_t silt_csv_find(const silt_source_options *options, const char *path, size_t column,
                      silt_bytes text);

/* Read a CSV to its end, decompressing it as needed: `inside` says that it ends within quotes, by
 * quotes alone. A comment can make it say so wrongly, nothing keeps it from saying so. BAD_DATA: a
 * compressed file is cut off. */
silt_status silt_csv_ends_inside(const silt_source_options *options, const char *path, bool *inside,
                                 silt_error *err);

#endif
