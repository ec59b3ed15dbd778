/* Bound expressions as DuckDB's SQL, with exactly Spark's meaning.
 *
 * What DuckDB can't do just so is an error by name, when the text is made: nothing is rendered that
 * gives another value. Casts from text are functions of our own (base/spark.h), which end the query
 * with an error at texts that Spark takes and Silt doesn't. */
#ifndef SILT_ENGINE_DUCKDB_EXPR_H
#define SILT_ENGINE_DUCKDB_EXPR_H

#include "engine/duckdb_core.h"

/* Appends the column, with the members below it where it has several names, as a value of
 * column->type: an instant is TIMESTAMP WITH TIME ZONE. */
typedef silt_status silt_duck_column_fn(void *ctx, const silt_expr *column, silt_buf *sql,
                                        silt_error *err);

/* Appends `expr`, which is bound, in brackets where needed. UNSUPPORTED: an operation, type or
 * pattern that has no exact twin (which). The text doesn't depend on the session's time zone. */
silt_status silt_duck_expr_sql(const silt_expr *expr, silt_duck_column_fn *column, void *ctx,
                               silt_buf *sql, silt_error *err);

/* The functions that the text calls (duckdb_expr_text.c); by silt_duck_start(). */
silt_status silt_duck_expr_register(silt_duck_engine *db, silt_error *err);

/* ---- between the files of it */
typedef struct silt_duck_expr {
    silt_duck_column_fn *column;
    void *ctx;
    silt_buf *sql;
    silt_error *err;
} silt_duck_expr;
silt_status silt_duck_expr_put(silt_duck_expr *r, const silt_expr *expr);
silt_status silt_duck_expr_cast(silt_duck_expr *r, const silt_expr *cast); /* duckdb_expr_cast.c */
/* duckdb_expr_pattern.c: a literal pattern in DuckDB's letters, without quotes */
silt_status silt_duck_regex(const char *java, silt_buf *out, silt_error *err);
silt_status silt_duck_strftime(const char *java, silt_buf *out, silt_error *err);
/* Appends the parts, where @ stands for the next argument, which may be repeated in the call. */
silt_status silt_duck_expr_format(silt_duck_expr *r, const char *format,
                                  const silt_expr *const *args);
/* The bounds between which integers of a type wrap: CAST(((…) + half & mask) - half AS type). */
silt_status silt_duck_expr_wrap_begin(silt_duck_expr *r);
silt_status silt_duck_expr_wrap_end(silt_duck_expr *r, const silt_type *type);

#endif
