/* The members of the engine's vtable over DuckDB, and what these files use of each other. What each
 * does is said at silt_engine_ops. */
#ifndef SILT_ENGINE_DUCKDB_OPS_H
#define SILT_ENGINE_DUCKDB_OPS_H

#include "engine/duckdb_core.h"
#include "engine/duckdb_output.h"

/* duckdb_sniff.c */
silt_status silt_duck_sniff(silt_engine *engine, silt_format format,
                            const silt_source_options *given, const silt_source_file *files,
                            size_t file_count, int64_t sample_rows, silt_arena *arena,
                            silt_source_options *options, const silt_column **columns,
                            size_t *column_count, silt_error *err);
silt_status silt_duck_header(silt_engine *engine, silt_format format,
                             const silt_source_options *options, const char *local_path,
                             silt_arena *arena, const char *const **names, size_t *count,
                             silt_error *err);

/* duckdb_stage.c */
silt_status silt_duck_stage(silt_engine *engine, const silt_stage_spec *spec, silt_arena *arena,
                            silt_stage_result *out, silt_error *err);

/* duckdb_sieve.c */
silt_status silt_duck_sieve(silt_engine *engine, const silt_sieve_spec *spec, silt_arena *arena,
                            silt_sieve_result *out, silt_error *err);

/* duckdb_arrow.c */
silt_status silt_duck_stage_arrow(silt_engine *engine, const silt_arrow_spec *spec,
                                  silt_arena *arena, silt_stage_result *out, silt_error *err);

/* duckdb_scan.c */
silt_status silt_duck_scan_describe(silt_engine *engine, const silt_rows_spec *spec,
                                    silt_arena *arena, const silt_column **columns,
                                    size_t *column_count, silt_error *err);
silt_status silt_duck_scan_write(silt_engine *engine, const silt_rows_spec *spec,
                                 silt_output_format format, const silt_csv_form *csv,
                                 const char *local_path, int64_t *row_count, silt_error *err);
silt_status silt_duck_scan_rows(silt_engine *engine, const silt_rows_spec *spec, silt_row_fn *fn,
                                void *ctx, silt_error *err);

/* duckdb_arrow_out.c */
silt_status silt_duck_scan_arrow(silt_engine *engine, const silt_rows_spec *spec,
                                 const silt_arrow_shape *shape, struct ArrowArrayStream *out,
                                 silt_error *err);

/* duckdb_rewrite.c, duckdb_positions.c */
silt_status silt_duck_rewrite(silt_engine *engine, const silt_rewrite_spec *spec, silt_arena *arena,
                              silt_stage_result *out, silt_error *err);
silt_status silt_duck_positions(silt_engine *engine, const silt_scan_spec *spec,
                                silt_position_sink *sink, void *ctx, silt_error *err);

/* duckdb_merge.c */
silt_status silt_duck_join_begin(silt_engine *engine, const silt_join_spec *spec, silt_arena *arena,
                                 silt_join **out, silt_join_source *source, silt_error *err);
silt_status silt_duck_join_ranges(silt_join *join, const silt_expr *const *values, size_t count,
                                  silt_arena *arena, silt_join_range *out, silt_error *err);
silt_status silt_duck_join_match(silt_join *join, const silt_join_match_spec *spec,
                                 silt_arena *arena, silt_join_match *out, silt_error *err);
silt_status silt_duck_join_places(silt_join *join, bool deleted, silt_position_sink *sink,
                                  void *ctx, silt_error *err);
silt_status silt_duck_join_count(silt_join *join, size_t clause, const silt_expr *condition,
                                 int64_t *out, silt_error *err);
void silt_duck_join_free(silt_join *join);

/* duckdb_flat.c */
silt_status silt_duck_read_flat(silt_engine *engine, const char *const *local_paths,
                                size_t path_count, const silt_flat_column *columns,
                                size_t column_count, const size_t *any_of, size_t any_count,
                                silt_flat_sink *sink, void *ctx, silt_error *err);
silt_status silt_duck_write_flat(silt_engine *engine, const silt_flat_kind *kinds,
                                 size_t kind_count, const silt_node *nodes, size_t node_count,
                                 silt_flat_source *source, void *ctx, const char *local_path,
                                 silt_arena *arena, silt_staged_file *out, silt_error *err);

/* ---- shared: sources as SQL (duckdb_source.c, duckdb_source_sql.c) --------------------------- */

/* Files of one group that lie side by side and can be read by one scan. */
typedef struct silt_duck_part {
    size_t group, first, count; /* first: global index */
    int skip;                   /* CSV: lines before the header */
    const silt_column *read;    /* Parquet: the wanted columns as the files have them */
} silt_duck_part;

/* The sources of a running query: counts rows by file, and knows names. A file's global index is
 * its place over all groups in order. */
typedef struct silt_duck_sources {
    silt_duck_scan scan;
    silt_duck_engine *db;
    const silt_stage_spec *spec;
    size_t file_count;
    const silt_source_file **files; /* by global index, as `group_of` and `rows` */
    size_t *group_of;
    silt_duck_part *parts;
    size_t part_count;
    bool *suspects;         /* CSV: ends within quotes, it seems */
    _Atomic int64_t *rows;  /* read in the last query */
    _Atomic int64_t *nulls; /* by file, in it by `guarded`: where there must be none */
    size_t *guarded;        /* output columns that are not_null */
    size_t guarded_count;
    bool lenient;    /* what can't be read is null, or left out if it is a whole row of text; NDJSON
                        files then have SILT_DUCK_RAW_COLUMN */
    bool read_whole; /* CSV: readers give all columns, whatever a query asks for: see put_where() */
    bool *given;     /* by output column: room for what a part has */
    silt_duck_numbers numbers; /* given out in the last query */
} silt_duck_sources;

/* Look at the head of each file and enter all as a running scan. Give back with
 * silt_duck_sources_release(), after the queries over them and before the arena. BAD_DATA, CHANGED,
 * NOT_FOUND, DENIED: as for stage, each guilty file told to spec->bad_source. The engine is
 * started. */
silt_status silt_duck_sources_init(silt_duck_sources *sources, silt_duck_engine *db,
                                   const silt_stage_spec *spec, silt_arena *arena, silt_error *err);
void silt_duck_sources_release(silt_duck_sources *sources);

/* An option of read_csv() and sniff_csv(): DuckDB reads by buffers of 32 MB, several a thread,
 * which is too much where there is little memory. Nothing where there is enough. */
void silt_duck_put_csv_buffers(silt_buf *sql, silt_duck_engine *db);

/* A file's guilt: tells spec->bad_source; the first one goes to `err` and stays there. Returns
 * `status`. */
silt_status silt_duck_sources_blame(silt_duck_sources *sources, size_t index, silt_status status,
                                    const char *why, silt_error *err);

/* Of files made for sieving: a row as it was read. */
#define SILT_DUCK_RAW_COLUMN "__silt_raw"

/* Hidden column of silt_duck_source_sql(): the global index of the row's file, BIGINT. */
#define SILT_DUCK_FILE_COLUMN "__silt_file"

/* Append "SELECT <output columns> FROM …" over the files [first, last) to `sql`, and set their
 * counts to 0; with no file it selects no row. Output columns have their types and names. Rows and
 * nulls are counted each time the query runs, so it should once. There is no column for a row's
 * place in its file: CREATE TABLE AS under silt_duck_keep_order() gives the rows, in order of
 * groups, files and rows, a rowid. */
silt_status silt_duck_source_sql(silt_duck_sources *sources, size_t first, size_t last,
                                 bool file_column, silt_buf *sql, silt_error *err);

/* After a query that ran: BAD_DATA if a not_null column had nulls, each guilty file told as above.
 */
silt_status silt_duck_sources_verify(silt_duck_sources *sources, silt_error *err);

/* Append the value of a column of kind VALUE. */
silt_status silt_duck_value_sql(const silt_output_column *column, silt_buf *sql, silt_error *err);

/* For duckdb_blame.c: the source column of an output column in a part ("c3"), and the condition
 * under which a row's value can't become the output's; `has` false: nothing that could fail there.
 */
silt_status silt_duck_source_doubt(const silt_duck_sources *sources, const silt_duck_part *part,
                                   size_t column, silt_buf *value, silt_buf *condition, bool *has,
                                   silt_error *err);
/* Append " AND …": the row isn't spared the column's not_null; nothing where it can't be. */
void silt_duck_source_spared(const silt_duck_sources *sources, const silt_duck_part *part,
                             size_t column, silt_buf *sql);
/* Append the JSON pointer of a member. */
void silt_duck_json_pointer(const char *name, silt_buf *out);
/* Append the condition under which something of a nested value is lost when its texts are cast
 * (nothing for other types), and where the JSON that it was made of is given (else NULL) under
 * which a lenient reader has lost it (duckdb_source_loss.c). */
silt_status silt_duck_source_loss(const silt_type *type, const char *value, const char *json,
                                  const silt_source_options *options, silt_buf *sql,
                                  silt_error *err);

/* Nested values of NDJSON (duckdb_source_nested.c): whether what is within one is read as a text;
 * append what was read so, as it should be. */
bool silt_duck_nested_is_text(const silt_type *type);
silt_status silt_duck_nested_value(silt_buf *sql, const char *value,
                                   const silt_source_options *options, const silt_type *type,
                                   bool try_cast, silt_error *err);
/* Append a text of a source as the type its group gives it. `try_cast`: null instead of failing. */
silt_status silt_duck_text_cast(silt_buf *sql, const char *text, const silt_source_options *options,
                                const silt_type *type, bool try_cast, silt_error *err);
/* Whether a Parquet column of one type can become one of the other, as far as variants go. */
bool silt_duck_source_variant(const silt_type *from, const silt_type *to);
/* Index of an output column's source in its part's group, or -1. */
ptrdiff_t silt_duck_source_find(const silt_duck_sources *sources, const silt_duck_part *part,
                                size_t column);
/* Append "FROM read_…(…)" over the files [first, last) of a part. */
silt_status silt_duck_source_from(const silt_duck_sources *sources, const silt_duck_part *part,
                                  size_t first, size_t last, silt_buf *sql, silt_error *err);

/* Split the parts of Parquet files where schemas differ, and find their columns' types
 * (duckdb_parquet.c). */
silt_status silt_duck_parquet_parts(silt_duck_sources *sources, silt_arena *arena, silt_error *err);

/* The columns of one Parquet file. */
silt_status silt_duck_parquet_columns(silt_duck_engine *db, const char *path, silt_arena *arena,
                                      const silt_column **columns, size_t *count, silt_error *err);

/* ---- shared: writing (duckdb_copy.c) --------------------------------------------------------- */

/* Run `select` (text of a SELECT whose columns are named as `columns`) and write its rows as the
 * spec says, in one query. `out` has files, file_count and
 * row_count; source_rows is left alone. On failure what was written to the directory is removed;
 * the status is silt_duck_query()'s (db->error_type says more), CORRUPT: what is on disk is not
 * what was reported, or BAD_DATA: rows violate checks, which `out` tells then and nothing else. */
silt_status silt_duck_copy(silt_duck_engine *db, const silt_buf *select,
                           const silt_output_column *columns, size_t column_count,
                           const silt_write_spec *write, silt_arena *arena, silt_stage_result *out,
                           silt_error *err);
/* The same with checks of the caller's, over the columns that they know. `once`: `select` can be
 * run a single time. */
silt_status silt_duck_copy_checked(const silt_duck_checks *checks, const silt_buf *select,
                                   bool once, const silt_write_spec *write, silt_arena *arena,
                                   silt_stage_result *out, silt_error *err);

/* Remove the files below a directory whose name starts with `prefix`, and folders that are empty
 * by that. */
void silt_duck_remove_written(const char *directory, const char *prefix);

/* The row for an `out` of one file from the result of COPY … RETURN_STATS (see silt_duck_copy). For
 * write_flat: partition columns are none. */
silt_status silt_duck_copy_result(silt_duck_engine *db, duckdb_result *result,
                                  const silt_output_column *columns, const silt_write_spec *write,
                                  silt_arena *arena, silt_stage_result *out, silt_error *err);

/* ---- shared: blame (duckdb_blame.c) ---------------------------------------------------------- */

/* After a query over the sources failed with `st`: find every source file that is at fault, tell
 * spec->bad_source of each, and return BAD_DATA (CHANGED, NOT_FOUND, DENIED) with the first in
 * `err`. Where no file is at fault, or `st` is the machine's trouble, `st` and `err` stay. */
silt_status silt_duck_blame(silt_duck_sources *sources, silt_status st, silt_error *err);

/* Read each of sources->suspects alone and blame those that DuckDB can't read then. */
silt_status silt_duck_blame_suspects(silt_duck_sources *sources, silt_error *err);

/* ---- shared: types (duckdb_type.c) ----------------------------------------------------------- */

/* The type of Silt's nearest to DuckDB's; STRING where there is none. NULL when out of memory. */
const silt_type *silt_duck_type_from(duckdb_logical_type type, silt_arena *arena);
/* The same, but DuckDB's variant is one: of whole columns, which can become their two parts. */
const silt_type *silt_duck_type_of_column(duckdb_logical_type type, silt_arena *arena);
/* A type both can be cast to; STRING in the end. NULL when out of memory. */
const silt_type *silt_duck_type_union(const silt_type *a, const silt_type *b, silt_arena *arena);
/* Columns of a query, without running it (it is put into "SELECT * FROM (…) LIMIT 0"). */
silt_status silt_duck_describe(silt_duck_engine *db, const silt_buf *select, silt_arena *arena,
                               const silt_column **columns, size_t *count, silt_error *err);

#endif
