/* A statement of somebody's over tables of Delta's, ready to run on a session. */
#ifndef SILT_ENGINE_DUCKDB_QUERY_H
#define SILT_ENGINE_DUCKDB_QUERY_H

#include "engine/duckdb_core.h"

typedef struct silt_duck_query_state silt_duck_query_state;

/* Check the statement, ask for its relations and bind it: whatever is wrong with it shows here, in
 * words about the statement as it was written. `db` is a session, in which macros and views are
 * made. `columns` are the result's, in `arena`: of Delta's types, each name there once.
 * INVALID: the statement. NOT_FOUND: a table. */
silt_status silt_duck_query_open(silt_duck_engine *db, const silt_query_spec *spec,
                                 silt_arena *arena, silt_duck_query_state **out,
                                 const silt_column **columns, size_t *count, silt_error *err);
void silt_duck_query_close(silt_duck_query_state *query);

/* Append a SELECT that gives the rows. */
silt_status silt_duck_query_sql(const silt_duck_query_state *query, silt_buf *sql, silt_error *err);

/* What silt_duck_rows_blame() does, for all relations. */
silt_status silt_duck_query_blame(const silt_duck_query_state *query, silt_status st,
                                  silt_error *err);

#endif
