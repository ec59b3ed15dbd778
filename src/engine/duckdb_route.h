/* How a value of a data file becomes a value of a table's column: by which names its fields are
 * found there, and which conversions stand between. */
#ifndef SILT_ENGINE_DUCKDB_ROUTE_H
#define SILT_ENGINE_DUCKDB_ROUTE_H

#include "engine/duckdb_core.h"
#include "engine/parquet_schema.h"

typedef enum silt_duck_step {
    SILT_STEP_SAME,    /* as it is */
    SILT_STEP_CAST,    /* exactly, or the query fails */
    SILT_STEP_DECODE,  /* binary that is text */
    SILT_STEP_ENCODE,  /* text as binary */
    SILT_STEP_PARTS,   /* a variant's two parts, in whatever order */
    SILT_STEP_VARIANT, /* DuckDB's variant as its parts */
    SILT_STEP_NULL,
    SILT_STEP_STRUCT,
    SILT_STEP_LIST,
    SILT_STEP_MAP
} silt_duck_step;

/* A tree beside the type of the result: children are a struct's fields, a list's element, a map's
 * value and key. */
typedef struct silt_duck_route {
    silt_duck_step step;
    const char *name; /* a struct's field: its name in the source */
    bool is_whole;    /* STRUCT: the source's fields are the result's, by name and order */
    bool is_lifted;   /* STRUCT: of one field, and the source is that field */
    const struct silt_duck_route *children;
    size_t child_count;
} silt_duck_route;

/* A tree that is as deep as the type: without one, fields are named in files as in the type. */
silt_status silt_duck_physical_complete(const silt_physical *physical, const silt_type *type,
                                        silt_arena *arena, silt_physical *out, silt_error *err);

/* From a column read as silt_duck_physical_type(): renames only. NULL: out of memory. */
const silt_duck_route *silt_duck_route_plain(const silt_type *type, const silt_physical *physical,
                                             silt_arena *arena);

/* Append the SQL type of a column with its fields named as in the files. */
silt_status silt_duck_physical_type(const silt_type *type, const silt_physical *physical,
                                    silt_buf *sql, silt_error *err);

/* The field of a STRUCT that a name or id stands for: by id where `by_id` and it has one, else by
 * name, of either case where none is the same. NULL: none. */
const silt_parquet_node *silt_duck_find_field(const silt_parquet_node *node,
                                              const silt_physical *physical, bool by_id);
/* Whether DuckDB, which goes by names of either case, finds this field (NULL: none) by that name
 * too. */
bool silt_duck_is_found(const silt_parquet_node *node, const silt_physical *physical,
                        const silt_parquet_node *field);

/* From a file's column as DuckDB reads it by itself. `*plain`, true before, becomes false where
 * reading it as silt_duck_physical_type() would fail or give something else. CORRUPT: the file's
 * type can't become the column's without loss; the message says which. */
silt_status silt_duck_route_file(const silt_parquet_node *node, const silt_type *type,
                                 const silt_physical *physical, bool by_id, silt_arena *arena,
                                 silt_duck_route *out, bool *plain, silt_error *err);

bool silt_duck_has_variant(const silt_type *type); /* at any depth */
/* Append DuckDB's own variant as its two parts, see duckdb_form.c. */
void silt_duck_variant_parts(const char *expr, silt_buf *sql);

/* Append `source` as the result's type. */
silt_status silt_duck_route_sql(const silt_duck_route *route, const silt_type *type,
                                const char *source, silt_buf *sql, silt_error *err);

#endif
