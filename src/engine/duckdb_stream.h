/* Reading data files: a query's rows as they come, in the zone that Delta's instants are in, and
 * which file is at fault when it fails. */
#ifndef SILT_ENGINE_DUCKDB_STREAM_H
#define SILT_ENGINE_DUCKDB_STREAM_H

#include "engine/duckdb_core.h"

/* Given one chunk after another, which is good until it returns; `*end` ends the query early, a
 * failure ends it with that. Must not use the engine. */
typedef silt_status silt_duck_chunk_fn(void *ctx, duckdb_data_chunk chunk, bool *end,
                                       silt_error *err);

/* Run a SELECT without ever holding its result. Statuses as silt_duck_query(), and `fn`'s. */
silt_status silt_duck_stream(silt_duck_engine *db, const silt_buf *sql, silt_duck_chunk_fn *fn,
                             void *ctx, silt_error *err);

/* The same, a chunk whenever one is asked for. {0} is fine to release, which ends the query. */
typedef struct silt_duck_cursor {
    duckdb_prepared_statement statement;
    duckdb_pending_result pending;
    duckdb_result result;
} silt_duck_cursor;
silt_status silt_duck_cursor_open(silt_duck_cursor *cursor, silt_duck_engine *db, const char *sql,
                                  silt_error *err);
/* `out` is NULL at the end; else to be destroyed. */
silt_status silt_duck_cursor_next(silt_duck_cursor *cursor, silt_duck_engine *db,
                                  duckdb_data_chunk *out, silt_error *err);
void silt_duck_cursor_release(silt_duck_cursor *cursor);

/* Prepare one statement: as silt_duck_query(), `out` to be destroyed. */
silt_status silt_duck_prepare(silt_duck_engine *db, const char *sql, duckdb_prepared_statement *out,
                              silt_error *err);

/* silt_duck_query() for a statement that one thread may work at for long, such as COPY of rows that
 * come one after the other: to wait for it costs nothing then. */
silt_status silt_duck_query_long(silt_duck_engine *db, const silt_buf *sql, silt_duck_result *out,
                                 silt_error *err);

/* While a table is read the session's zone is UTC, and not that of naive timestamps in sources:
 * INT96 and the text of instants depend on it. Give back with silt_duck_utc_end(), whatever
 * happened. */
silt_status silt_duck_utc_begin(silt_duck_engine *db, silt_error *err);
void silt_duck_utc_end(silt_duck_engine *db);

/* A path as a literal that stands for this file only: DuckDB would expand *, ? and [ in it. */
void silt_sql_path(silt_buf *sql, const char *path);

/* After a query over the Parquet files failed with `st`: NOT_FOUND, DENIED or CORRUPT with the
 * path, if a file is the reason, else `st` with `err` as it is. */
silt_status silt_duck_blame_files(silt_duck_engine *db, const char *const *paths, size_t count,
                                  silt_status st, silt_error *err);

#endif
