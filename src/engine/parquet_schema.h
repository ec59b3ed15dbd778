/* The schema in a Parquet file's footer: where columns are, and what they hold.
 *
 * Enough to say how a file's columns become a table's, without starting an engine: two small reads
 * a file. */
#ifndef SILT_ENGINE_PARQUET_SCHEMA_H
#define SILT_ENGINE_PARQUET_SCHEMA_H

#include "base/base.h"

typedef enum silt_parquet_kind {
    SILT_PARQUET_BOOLEAN,
    SILT_PARQUET_INTEGER, /* bits, is_unsigned */
    SILT_PARQUET_FLOAT,   /* of 16 bits, too */
    SILT_PARQUET_DOUBLE,
    SILT_PARQUET_DECIMAL, /* precision, scale; in whatever form */
    SILT_PARQUET_STRING,
    SILT_PARQUET_BINARY,
    SILT_PARQUET_DATE,
    SILT_PARQUET_TIMESTAMP, /* any unit, with a zone or without; INT96 too */
    SILT_PARQUET_NOTHING,   /* all null */
    SILT_PARQUET_OTHER,     /* no type of a table's: a time of day, an interval, … */
    SILT_PARQUET_VARIANT,   /* annotated as one */
    SILT_PARQUET_STRUCT,
    SILT_PARQUET_LIST,
    SILT_PARQUET_MAP
} silt_parquet_kind;

typedef struct silt_parquet_node {
    const char *name;
    int32_t id; /* field id; -1: none */
    silt_parquet_kind kind;
    uint8_t bits; /* INTEGER: its size; DECIMAL: of the integer that holds it, 0: bytes do */
    bool is_unsigned;
    int32_t precision, scale;
    uint8_t
        digits; /* TIMESTAMP: of a second, 3, 6 or 9; 0: of 12 bytes (INT96), which has no order */
    bool is_instant; /* TIMESTAMP: UTC, not a time of day without a zone */
    /* STRUCT with one field that is the element of a two-level list: readers that look for three
     * levels take the field for the element. */
    bool is_lifted;
    /* STRUCT: the fields. LIST: the element. MAP: the value, then the key. */
    const struct silt_parquet_node *children;
    size_t child_count;
} silt_parquet_node;

/* Append the schema of a file as it stands in the footer: equal bytes are equal schemas.
 * CORRUPT: not a Parquet file, or a truncated one. UNSUPPORTED: an encrypted one. NOT_FOUND,
 * DENIED, IO. Messages name the file. */
silt_status silt_parquet_schema_read(const char *path, silt_buf *schema, silt_error *err);

/* What silt_parquet_schema_read() gave, as a STRUCT of the columns in the arena. CORRUPT (no file
 * is named): not a schema. */
silt_status silt_parquet_schema_parse(silt_bytes schema, silt_arena *arena,
                                      const silt_parquet_node **out, silt_error *err);

/* The whole footer instead (FileMetaData). As above. */
silt_status silt_parquet_footer_read(const char *path, silt_buf *footer, silt_error *err);
/* The schema within a whole footer, for silt_parquet_schema_parse(); empty: it has none. */
silt_bytes silt_parquet_footer_schema(silt_bytes footer);

#endif
