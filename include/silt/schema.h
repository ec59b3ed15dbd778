/* The types of a Delta table's columns, as a tree. Immutable once made; lives in an arena.
 * @see PROTOCOL.md, "Schema Serialization Format" */
#ifndef SILT_SCHEMA_H
#define SILT_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "silt/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum silt_type_kind {
    SILT_TYPE_BOOLEAN,
    SILT_TYPE_BYTE,    /* 8 bit, signed, as all integers of Delta */
    SILT_TYPE_SHORT,   /* 16 */
    SILT_TYPE_INTEGER, /* 32 */
    SILT_TYPE_LONG,    /* 64 */
    SILT_TYPE_FLOAT,
    SILT_TYPE_DOUBLE,
    SILT_TYPE_DECIMAL, /* precision 1..38, scale 0..precision */
    SILT_TYPE_STRING,
    SILT_TYPE_BINARY,
    SILT_TYPE_DATE,
    SILT_TYPE_TIMESTAMP,     /* an instant, µs, UTC */
    SILT_TYPE_TIMESTAMP_NTZ, /* without a zone */
    SILT_TYPE_VARIANT,
    SILT_TYPE_STRUCT,
    SILT_TYPE_ARRAY,
    SILT_TYPE_MAP,
    SILT_TYPE_VOID /* null in every row, and never in a data file */
} silt_type_kind;

typedef struct silt_type silt_type;

typedef struct silt_field {
    const char *name;
    const silt_type *type;
    bool nullable;
    const char *metadata; /* the JSON object as text, "{}" when empty; never NULL */
} silt_field;

struct silt_type {
    silt_type_kind kind;
    uint8_t precision, scale; /* DECIMAL */
    bool contains_null;       /* ARRAY: of elements; MAP: of values */
    const silt_type *key;     /* MAP */
    const silt_type *element; /* ARRAY: element; MAP: value */
    const silt_field *fields; /* STRUCT */
    size_t field_count;
};

/**
 * Parse a `schemaString` (or the JSON of one type).
 *
 * @param json  UTF-8; not kept
 * @param arena owns the tree
 * @param out   set on success only
 * @return SILT_CORRUPT     not JSON, or not a schema; `err` names the column
 *         SILT_UNSUPPORTED a type that Silt doesn't have, or types nested deeper than 100
 * @see PROTOCOL.md, "Schema Serialization Format"
 */
SILT_API SILT_CHECKED silt_status silt_schema_parse(const char *json, size_t size,
                                                    silt_arena *arena, const silt_type **out,
                                                    silt_error *err);

/** The JSON form; NULL when out of memory. Fields keep their order and metadata. */
SILT_API char *silt_schema_json(const silt_type *type, silt_arena *arena);

/**
 * What a person writes: "decimal(10,2)", "array<string>", "struct<a:long,`b c`:date>"; NULL when
 * out of memory. Says nothing of nullability and metadata.
 */
SILT_API char *silt_type_name(const silt_type *type, silt_arena *arena);

/**
 * Parse what silt_type_name() prints, and Spark's ways to write it: any case, blanks, "a: int not
 * null", bigint, int, smallint, tinyint, real, dec, numeric, timestamp_ltz. What isn't "not null"
 * is nullable.
 *
 * @param arena owns the tree
 * @param out   set on success only
 * @return SILT_INVALID `err` has the place and what is wrong there
 */
SILT_API SILT_CHECKED silt_status silt_type_parse(const char *text, silt_arena *arena,
                                                  const silt_type **out, silt_error *err);

/** Index of a field by its exact name, or -1 (also for what isn't a struct). Looks at one by one.
 */
SILT_API int silt_type_find(const silt_type *type, const char *name);

/** Whether two types are the same (names, order and types of fields), nullability and metadata
 * aside. */
SILT_API bool silt_type_equal(const silt_type *a, const silt_type *b);

#ifdef __cplusplus
}
#endif
#endif
