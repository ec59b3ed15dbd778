/* The members of the engine's vtable over DuckDB, and what these files use of each other. What each
 * does is said at silt_engine_ops. */
#ifndef SILT_ENGINE_DUCKDB_OPS_H
#define SILT_ENGINE_DUCKDB_OPS_H

#include "engine/duckdb_core.h"

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

/* duckdb_scan.c */
silt_status silt_duck_scan_write(silt_engine *engine, const silt_scan_spec *spec,
                                 silt_output_format format, const char *local_path,
                                 int64_t *row_count, silt_error *err);
silt_status silt_duck_scan_rows(silt_engine *engine, const silt_scan_spec *spec, silt_row_fn *fn,
                                void *ctx, silt_error *err);

/* duckdb_merge.c */
silt_status silt_duck_merge_begin(silt_engine *engine, const silt_merge_spec *spec,
                                  silt_arena *arena, silt_merge **out, silt_merge_source *source,
                                  silt_error *err);
silt_status silt_duck_merge_match(silt_merge *merge, const silt_scan_file *files, size_t file_count,
                                  silt_arena *arena, silt_merge_match *out, silt_error *err);
silt_status silt_duck_merge_write(silt_merge *merge, const bool *rewrite, silt_arena *arena,
                                  silt_stage_result *out, silt_error *err);
void silt_duck_merge_free(silt_merge *merge);

/* duckdb_flat.c */
silt_status silt_duck_read_flat(silt_engine *engine, const char *const *local_paths,
                                size_t path_count, const silt_flat_column *columns,
                                size_t column_count, const size_t *any_of, size_t any_count,
                                silt_flat_sink *sink, void *ctx, silt_error *err);
silt_status silt_duck_write_flat(silt_engine *engine, const silt_flat_kind *kinds,
                                 size_t kind_count, const silt_node *nodes, size_t node_count,
                                 silt_flat_source *source, void *ctx, const char *local_path,
                                 silt_arena *arena, silt_staged_file *out, silt_error *err);

/* ---- shared: sources as SQL (duckdb_source.c)
 * ----------------------------------------------------------- */

/* Counts rows by source file while a query runs over them, and knows the names. */
typedef struct silt_duck_sources {
    silt_duck_scan scan;
    const silt_source_group *groups;
    size_t group_count;
    size_t file_count; /* over all groups: a file's global index is its place in that order */
    const silt_source_file **files;
    _Atomic int64_t *rows; /* by global index, once the query is done */
    silt_duck_engine *db;
} silt_duck_sources;

/* Enter the files of all groups as a running scan. Give back with silt_duck_sources_release(),
 * after the queries over them and before the arena. */
silt_status silt_duck_sources_init(silt_duck_sources *sources, silt_duck_engine *db,
                                   const silt_source_group *groups, size_t group_count,
                                   silt_arena *arena, silt_error *err);
void silt_duck_sources_release(silt_duck_sources *sources);

/* Names of the hidden columns of silt_duck_source_sql(). */
#define SILT_DUCK_FILE_COLUMN "__silt_file" /* global index of the source file, UBIGINT */

/* Which rows, and what besides the output columns. */
typedef struct silt_duck_source_want {
    int64_t only_file; /* global index of the only file to be read; -1: all */
    bool count;        /* count rows by file into sources->rows */
    bool file_column;  /* put SILT_DUCK_FILE_COLUMN behind the output columns */
} silt_duck_source_want;

/* Append "SELECT <output columns> FROM …" over all groups to `sql`; with no file it selects no row.
 * Output columns have their types and names. There is no column for a row's place: CREATE TABLE AS
 * with silt_duck_keep_order() gives rows that are in order of groups, files and rows a rowid. */
silt_status silt_duck_source_sql(const silt_duck_sources *sources,
                                 const silt_output_column *columns, size_t column_count,
                                 const silt_duck_source_want *want, silt_buf *sql, silt_error *err);

/* ---- shared: writing (duckdb_copy.c)
 * ------------------------------------------------------------------------ */

/* Run `select` (text of a SELECT whose columns are named as `columns`) and write its rows as the
 * spec says, in one query. `out` has files, file_count and row_count; source_rows is left alone. On
 * failure what was written to the directory is removed; the status is silt_duck_query()'s
 * (db->error_type says more), or CORRUPT: what is on disk is not what was reported. */
silt_status silt_duck_copy(silt_duck_engine *db, const silt_buf *select,
                           const silt_output_column *columns, size_t column_count,
                           const silt_write_spec *write, silt_arena *arena, silt_stage_result *out,
                           silt_error *err);

/* Remove the files below a directory whose name starts with `prefix`, and folders that are empty
 * then. */
void silt_duck_remove_written(const char *directory, const char *prefix);

/* The row for an `out` of one file from the result of COPY … RETURN_STATS (see silt_duck_copy). For
 * write_flat: partition columns are none. */
silt_status silt_duck_copy_result(silt_duck_engine *db, duckdb_result *result,
                                  const silt_output_column *columns, const silt_write_spec *write,
                                  silt_arena *arena, silt_stage_result *out, silt_error *err);

/* ---- shared: blame (duckdb_blame.c)
 * --------------------------------------------------------------------------- */

/* After a query over the sources failed with `st`: find every source file that is at fault, tell
 * spec->bad_source of each, and return BAD_DATA (CHANGED, NOT_FOUND, DENIED) with the first in
 * `err`. Where no file is at fault, or `st` is the machine's trouble, `st` and `err` stay. */
silt_status silt_duck_blame(silt_duck_engine *db, const silt_stage_spec *spec,
                            const silt_duck_sources *sources, silt_status st, silt_arena *arena,
                            silt_error *err);

#endif
