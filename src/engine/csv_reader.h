/* Splits a CSV into records and fields without DuckDB, as DuckDB does: quotes at a field's start,
 * escapes inside, records over several lines, comments, \n, \r\n and \r. */
#ifndef SILT_ENGINE_CSV_READER_H
#define SILT_ENGINE_CSV_READER_H

#include "engine/engine.h"

#define SILT_CSV_RECORD_MAX (16 << 20) /* bytes of a record */

typedef enum silt_csv_outcome {
    SILT_CSV_RECORD,  /* fields are there */
    SILT_CSV_BLANK,   /* an empty line */
    SILT_CSV_COMMENT, /* a line that is a comment as a whole */
    SILT_CSV_END,     /* nothing is left */
    SILT_CSV_MORE     /* the text ends in the middle of a record, and isn't whole */
} silt_csv_outcome;

/* Fields are kept end to end in `text`, `ends` says where each stops. */
typedef struct silt_csv_reader {
    const char *data;
    size_t size, at;
    bool whole; /* the text ends where the file does */
    int64_t line;
    silt_bytes delimiter;
    int quote, escape, comment; /* -1: none */
    silt_buf text;
    SILT_VEC(size_t) ends;
    bool open;   /* the last record's last field is in quotes that don't end */
    bool broken; /* the last record has something else behind a field's quotes */
} silt_csv_reader;

silt_csv_reader silt_csv_reader_of(const silt_source_options *options, silt_bytes data, bool whole);
void silt_csv_reader_release(silt_csv_reader *r);

/* The next record, or what stands there instead. Out of memory: text.failed. */
silt_csv_outcome silt_csv_next(silt_csv_reader *r);
/* Field `i` of the last record; good until the next. */
silt_bytes silt_csv_field(const silt_csv_reader *r, size_t i);

/* The file slides by under the reader: what is behind `at` is dropped from the window, and more is
 * read. False: it can't be read, or out of memory. */
bool silt_csv_refill(int file, silt_buf *window, silt_csv_reader *r);
/* Step over a byte order mark at the start of the window. */
void silt_csv_skip_mark(silt_csv_reader *r);

#endif
