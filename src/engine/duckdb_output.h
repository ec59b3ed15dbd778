/* From rows as they come to rows as files hold them: values computed, rows checked and put in
 * order, fields named as in the files. All of it happens in the one query that writes.
 *
 *  duckdb_compute.c  columns that the rows don't have: expressions, defaults, identities
 *  duckdb_check.c    conditions that each row has to fulfil, counted while it passes by
 *  duckdb_order.c    the order, and the curve that z-order follows
 *  duckdb_physical.c names and field ids at depth */
#ifndef SILT_ENGINE_DUCKDB_OUTPUT_H
#define SILT_ENGINE_DUCKDB_OUTPUT_H

#include "engine/duckdb_core.h"

static inline const char *silt_output_label(const silt_output_column *column)
{
    return column->label ? column->label : column->name;
}

/* ---- computed columns (duckdb_compute.c) ----------------------------------------------------- */

/* The numbers of an IDENTITY column, given out to rows in a running query. */
typedef struct silt_duck_numbers {
    silt_duck_scan scan;
    silt_duck_engine *db;
    int64_t first, step;
    _Atomic int64_t given;
} silt_duck_numbers;

/* Output columns over rows that have some of them. */
typedef struct silt_duck_compute {
    const silt_output_column *columns;
    size_t column_count;
    const bool *given;       /* by column: the rows have it, under its name; NULL: all */
    const silt_column *rows; /* what expressions find first; the rows have them as
                                SILT_DUCK_ROW_COLUMN, behind the others; NULL: none */
    size_t row_count;
    const silt_duck_numbers *numbers;
    bool file_column; /* the rows have SILT_DUCK_FILE_COLUMN, last; so has the result */
} silt_duck_compute;
#define SILT_DUCK_ROW_COLUMN "__silt_row%zu"

/* Whether a column is computed where rows don't have it. */
static inline bool silt_output_is_computed(const silt_output_column *column)
{
    return column->kind == SILT_OUTPUT_EXPR || column->kind == SILT_OUTPUT_IDENTITY ||
           (column->kind == SILT_OUTPUT_SOURCE && column->expr);
}

/* Enter the numbers of the IDENTITY column, if there is one; give back with
 * silt_duck_numbers_release() after the query. INVALID: several of them, a step of 0. */
silt_status silt_duck_numbers_init(silt_duck_numbers *numbers, silt_duck_engine *db,
                                   const silt_output_column *columns, size_t column_count,
                                   silt_error *err);
void silt_duck_numbers_release(silt_duck_numbers *numbers);
/* How many were given, and the last of them. */
void silt_duck_numbers_take(const silt_duck_numbers *numbers, silt_stage_result *out);

/* Append a SELECT of all output columns over `rows` (text of a SELECT). INVALID: an expression
 * looks at a column that isn't there or that is computed itself. */
silt_status silt_duck_compute_sql(const silt_duck_compute *compute, const silt_buf *rows,
                                  silt_buf *sql, silt_error *err);

/* Append output column `column`->path of a row `t`; ctx is a silt_duck_compute. */
silt_status silt_duck_output_column(void *ctx, const silt_expr *column, silt_buf *sql,
                                    silt_error *err);

/* ---- checks (duckdb_check.c) ----------------------------------------------------------------- */

/* Checks in a running query. */
typedef struct silt_duck_checks {
    silt_duck_scan scan;
    silt_duck_engine *db;
    const silt_output_column *columns;
    size_t column_count;
    const silt_check *checks; /* those that were asked for, then what guards against nulls */
    size_t count, asked;
    const silt_check *given;           /* the former, where the caller has them */
    struct silt_duck_checked *checked; /* by check */
    bool keeps_file;                   /* the result has SILT_DUCK_FILE_COLUMN too, last */
    const char *const *files;          /* names of source files */
    size_t file_count;
    _Atomic int64_t *by_file; /* by file, in it by check: rows that violate it */
    pthread_mutex_t lock;
    silt_arena *arena;
} silt_duck_checks;

/* Take the checks of `write`, and one for each column that must not be null and is `guarded` (NULL:
 * none).
 * Give back with silt_duck_checks_release(), before the arena, in which the verdict is. */
silt_status silt_duck_checks_init(silt_duck_checks *checks, silt_duck_engine *db,
                                  const silt_output_column *columns, size_t column_count,
                                  const bool *guarded, const silt_write_spec *write,
                                  silt_arena *arena, silt_error *err);
/* Count violations by source file too: the rows have SILT_DUCK_FILE_COLUMN (-1: of none), an index
 * of `files`, which are their names. */
silt_status silt_duck_checks_by_file(silt_duck_checks *checks, const char *const *files,
                                     size_t file_count, silt_error *err);
void silt_duck_checks_release(silt_duck_checks *checks);
/* Append a SELECT of the output columns of `rows`, all of them, which counts; without checks that
 * is `rows`. INVALID: a condition looks at a column that isn't there. */
silt_status silt_duck_checks_sql(const silt_duck_checks *checks, const silt_buf *rows,
                                 silt_buf *sql, silt_error *err);
/* After the query: BAD_DATA, with `out` nothing but the violations, if there are any. */
silt_status silt_duck_checks_verify(const silt_duck_checks *checks, silt_stage_result *out,
                                    silt_error *err);
/* Tell the caller of the sources which of them have rows that violate a check, and which. */
void silt_duck_checks_blame(const silt_duck_checks *checks, const silt_stage_spec *sources);

/* ---- order (duckdb_order.c) ------------------------------------------------------------------ */

/* The order of a running query's rows. */
typedef struct silt_duck_order {
    silt_duck_scan scan;
    silt_duck_engine *db;
    const silt_output_column *columns;
    const silt_write_spec *write;
    silt_arena *arena;
    struct silt_duck_ranges *ranges; /* by column of the order; NULL: there is no curve */
    bool has_table;
} silt_duck_order;

/* Look at a sample of the rows (text of a SELECT) where the order needs one. `once`: they can be
 * had a single time, so that `rows` may become a SELECT of a table that they are kept in, which
 * spills. Give back with silt_duck_order_release() after the query, whatever happened. */
silt_status silt_duck_order_init(silt_duck_order *order, silt_duck_engine *db,
                                 const silt_output_column *columns, const silt_write_spec *write,
                                 bool once, silt_buf *rows, silt_error *err);
void silt_duck_order_release(silt_duck_order *order);
/* Whether ordered rows go into a single file: which threads write together, and without numbers. */
static inline bool silt_duck_order_in_one(const silt_write_spec *write)
{
    return write->order.column_count > 0 && write->partition_count == 0 &&
           write->target_file_bytes == SILT_ONE_FILE;
}
/* Append a SELECT of the rows in order; `rows` where there is none. */
void silt_duck_order_sql(const silt_duck_order *order, const silt_buf *rows, silt_buf *sql);

/* ---- physical (duckdb_physical.c) ------------------------------------------------------------ */

/* Append `value` of a column with its fields named as in the files. */
silt_status silt_duck_physical_sql(const silt_output_column *column, const char *value,
                                   silt_arena *arena, silt_buf *sql, silt_error *err);
/* Whether that is `value` itself. */
bool silt_duck_physical_is_same(const silt_output_column *column);
/* Append ", FIELD_IDS {…}" of the columns that aren't in `partition_by`, if any has an id. */
void silt_duck_field_ids_sql(const silt_output_column *columns, size_t column_count,
                             const silt_write_spec *write, silt_buf *sql);

#endif
