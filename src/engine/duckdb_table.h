/* A table's data files as one SELECT: literal paths, a schema by physical names, and partition
 * values and deleted rows by C functions on the file's index.
 *
 * Files that can be read by one schema are one scan. Those that can't (their fields have other
 * names, or values that only a conversion of ours makes right) are a scan by each schema that
 * files have; rows then come by scan. */
#ifndef SILT_ENGINE_DUCKDB_TABLE_H
#define SILT_ENGINE_DUCKDB_TABLE_H

#include "engine/duckdb_route.h"
#include "engine/duckdb_stream.h"

/* The values of a partition column: what a C function finds by the id of the scan. */
typedef struct silt_duck_partition {
    silt_duck_scan scan;
    size_t file_count;
    const uint8_t *is_null; /* by file */
    const int64_t *ints;    /* by file; integers, booleans, dates in days, timestamps in µs */
    const double *doubles;
    const silt_bytes *texts; /* strings, binary, and decimals as they stand in the log */
} silt_duck_partition;

/* Where a column is in the files of a group. */
typedef struct silt_duck_place {
    const silt_duck_route *route; /* NULL: in none of them */
    size_t index;                 /* own schema: place among the files' columns */
} silt_duck_place;

/* Files that one scan reads; slots are places in silt_duck_table.slots. */
typedef struct silt_duck_group {
    size_t first, count;
    bool own;                      /* by the files' own schema: no map of ours */
    size_t width;                  /* own: columns of the files */
    const silt_duck_place *places; /* by column */
    bool has_rows;                 /* a file has a bitmap */
} silt_duck_group;

typedef struct silt_duck_texts silt_duck_texts; /* duckdb_text_table.c */

/* Files in use by queries. */
typedef struct silt_duck_table {
    silt_duck_engine *db;
    const silt_scan_file *files; /* as they were given */
    size_t file_count;
    const silt_scan_column *columns; /* copies with complete trees of names */
    size_t column_count;
    silt_scan_file *slots; /* the files in the order of their groups */
    silt_duck_group *groups;
    size_t group_count;
    silt_duck_partition *partitions; /* by column: CONSTANT, DATA_OR_CONSTANT, and of ROW_ID the
                                        first */
    silt_duck_partition places;      /* by slot: place in `files`; in use with several groups */
    silt_duck_scan live;             /* in use where files have bitmaps */
    const char **paths;
    silt_duck_texts *texts; /* NULL: the files are Parquet */
} silt_duck_table;

/* Take files and columns (borrowed), look at the files' schemas and parse the partition values.
 * Give back with silt_duck_table_release(), after the queries over it and before the arena.
 * CORRUPT: a partition value that isn't of its column's type, a file that isn't Parquet, or one
 * whose column holds what can't become the column's type. NOT_FOUND, DENIED: a file. */
silt_status silt_duck_table_init(silt_duck_table *table, silt_duck_engine *db,
                                 const silt_scan_file *files, size_t file_count,
                                 const silt_scan_column *columns, size_t column_count, bool by_id,
                                 silt_arena *arena, silt_error *err);
void silt_duck_table_release(silt_duck_table *table);

#define SILT_DUCK_TABLE_FILE "__silt_file" /* BIGINT: place of the row's file among the files */
#define SILT_DUCK_TABLE_ROW  "__silt_row"  /* BIGINT: the row's place in its file */

/* Append "SELECT <columns> FROM …". `wanted` says by column which are (NULL: all); `positions` puts
 * the two columns above behind them. Columns are named c0, c1, … by their index, and have the types
 * of the spec; with no file there are no rows. */
silt_status silt_duck_table_sql(const silt_duck_table *table, const bool *wanted, bool positions,
                                silt_buf *sql, silt_error *err);

/* UNSUPPORTED: a file's variants are annotated as such. DuckDB takes one that is null itself for
 * null then and doesn't keep the bytes, so that rows which stay wouldn't stay as they are. */
silt_status silt_duck_table_check_variants(const silt_duck_table *table, silt_error *err);

/* What silt_duck_blame_files() does, for the files of this table. */
silt_status silt_duck_table_blame(const silt_duck_table *table, silt_status st, silt_error *err);

/* The same for a spec with sources; silt_duck_table_…() is for these tables too, but without
 * `positions`. Statuses as of silt_duck_sources_init(). */
silt_status silt_duck_texts_init(silt_duck_table *table, silt_duck_engine *db,
                                 const silt_scan_spec *spec, silt_arena *arena, silt_error *err);
void silt_duck_texts_release(silt_duck_texts *texts);
silt_status silt_duck_texts_sql(const silt_duck_table *table, const bool *wanted, silt_buf *sql,
                                silt_error *err);
silt_status silt_duck_texts_blame(silt_duck_texts *texts, silt_status st, silt_error *err);

/* ---- the rows of a spec as one SELECT (duckdb_rows.c) -----------------------------------------
 */

/* How values come out. */
typedef enum silt_duck_form {
    SILT_DUCK_PLAIN,   /* as they are */
    SILT_DUCK_GUARDED, /* as they are, for conditions and aggregates of others: see
                          silt_duck_guard_float() */
    SILT_DUCK_TEXT,    /* VARCHAR: what scan_rows gives and CSV holds */
    SILT_DUCK_JSON,    /* of types whose JSON by DuckDB is the one we want */
    SILT_DUCK_PARQUET, /* of types that DuckDB can write */
    SILT_DUCK_ARROW,   /* of types that Arrow has */
    SILT_DUCK_NORMAL   /* of which equal ones are equal to DuckDB */
} silt_duck_form;

/* What a SELECT over a silt_rows_spec needs for as long as it runs, streams of it too. */
typedef struct silt_duck_rows {
    silt_duck_engine *db;
    const silt_rows_spec *spec; /* borrowed */
    silt_arena *arena;
    silt_duck_table tables[2]; /* SCAN: one; DIFF: before, after */
    size_t table_count;
    struct silt_duck_query_state *query; /* QUERY */
    const silt_column *columns;          /* of the result */
    size_t column_count;
} silt_duck_rows;

/* Take a spec on a started engine; one of kind QUERY on a session. `rows` doesn't move from then
 * on: the functions in its SELECT find it. Give back with silt_duck_rows_release(), whatever
 * happened; before the engine, and before what the spec points to. INVALID: no columns, or an
 * unknown one in the filter or among the keys. CORRUPT as silt_duck_table_init(). */
silt_status silt_duck_rows_init(silt_duck_rows *rows, silt_duck_engine *db,
                                const silt_rows_spec *spec, silt_error *err);
void silt_duck_rows_release(silt_duck_rows *rows);

/* Append a SELECT that gives the rows, its columns named as `rows->columns` are; it can stand in
 * brackets after FROM, more than once too, and in a query of any connection of the engine's
 * database (which must be in UTC: silt_duck_utc_begin()). The rows' order is that of files and
 * rows only under silt_duck_keep_order(). */
silt_status silt_duck_rows_sql(const silt_duck_rows *rows, silt_duck_form form, silt_buf *sql,
                               silt_error *err);

/* (duckdb_form.c) Append "SELECT <columns in a form> FROM (<select>) t": what silt_duck_rows_sql()
 * does to a SELECT of somebody else's. */
silt_status silt_duck_form_sql(const silt_column *columns, size_t count, silt_duck_form form,
                               const silt_buf *select, silt_buf *sql, silt_error *err);

/* Append a FLOAT or DOUBLE as itself, but out of sight of a Parquet file's statistics: most
 * writers' bounds leave NaN out, so that DuckDB would skip rows which are NaN, the greatest number
 * there is. */
void silt_duck_guard_float(silt_buf *sql, const silt_type *type, const char *expr);

/* Append one value in a form other than TEXT. */
void silt_duck_form_value(silt_duck_form form, const silt_type *type, const char *expr,
                          silt_buf *sql);

/* How many columns a scan's result has. */
size_t silt_duck_result_count(const silt_scan_spec *spec);
/* Append the SELECT of one scan over its table; its columns are named as the result's, or c0, c1,
 * … */
silt_status silt_duck_scan_sql(const silt_duck_table *table, const silt_scan_spec *spec, bool named,
                               silt_buf *sql, silt_error *err);
/* Append the SELECT of the files and places of the scan's rows (see SILT_DUCK_TABLE_FILE). */
silt_status silt_duck_positions_sql(const silt_duck_table *table, const silt_scan_spec *spec,
                                    silt_buf *sql, silt_error *err);
/* Give such rows to a sink (duckdb_positions.c); FAILED where they aren't in order. */
silt_status silt_duck_give_places(silt_duck_engine *db, const silt_buf *sql, size_t file_count,
                                  silt_position_sink *sink, void *ctx, silt_error *err);
/* Append that of a difference (duckdb_diff.c). */
silt_status silt_duck_diff_sql(const silt_duck_rows *rows, silt_buf *sql, silt_error *err);

/* What silt_duck_blame_files() does, for all files of the spec. */
silt_status silt_duck_rows_blame(const silt_duck_rows *rows, silt_status st, silt_error *err);

/* ---- parts of a table ------------------------------------------------------------------------ */

/* Look at the files' schemas: fills slots and groups (duckdb_layout.c). */
silt_status silt_duck_layout(silt_duck_table *table, bool by_id, silt_arena *arena,
                             silt_error *err);

/* What functions over files have as their argument: which running scan, and which slot of it. One
 * number, since DuckDB makes a row's copy of each argument, constant ones too. */
static inline int64_t silt_duck_key_scan(uint64_t key)
{
    return (int64_t)(key >> 32);
}
static inline uint64_t silt_duck_key_slot(uint64_t key)
{
    return key & UINT32_MAX;
}
/* Append the key of a row: in a scan of files whose first slot is `first`. */
static inline void silt_duck_key_sql(int64_t scan, size_t first, silt_buf *sql)
{
    silt_buf_printf(sql, "file_index + %" PRIu64 "::UBIGINT", ((uint64_t)scan << 32) + first);
}

/* A function that gives back its condition, and which DuckDB doesn't push into a reader. */
#define SILT_DUCK_KEEP "silt_keep"

/* The functions in the SQL, of both files. */
silt_status silt_duck_partition_register(silt_duck_engine *db, silt_error *err);
silt_status silt_duck_live_register(silt_duck_engine *db, silt_error *err);

/* Enter the rows of the slots as a running scan, and append the condition for a row of the group to
 * be there (duckdb_live.c). */
void silt_duck_live_init(silt_duck_table *table);
void silt_duck_live_sql(const silt_duck_table *table, const silt_duck_group *group, silt_buf *sql);

/* Parse one column's values, or take numbers by slot (-1 is null), and enter them as a running scan
 * (duckdb_partition.c). */
silt_status silt_duck_partition_init(silt_duck_partition *partition, silt_duck_table *table,
                                     size_t column, silt_arena *arena, silt_error *err);
silt_status silt_duck_partition_numbers(silt_duck_partition *partition, silt_duck_table *table,
                                        const int64_t *numbers, silt_arena *arena, silt_error *err);
/* Append the expression of a value by slot, the group's first slot being `first`: its type is the
 * column's. */
silt_status silt_duck_partition_sql(const silt_duck_partition *partition, size_t first,
                                    const silt_type *type, silt_buf *sql, silt_error *err);

#endif
