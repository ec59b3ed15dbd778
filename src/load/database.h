/* Database: an SQL database as the loader needs it: statements, transactions, many rows at once.
 * The seam between SQLite and PostgreSQL; what differs between their dialects is here, the rest of
 * the loader's SQL is the same for both (load/target_sql.c, load/runner_sql.c).
 *
 * One thread, one connection. Statements are made by Silt, names in them are quoted; values are
 * parameters $1, $2, … and texts (NULL: null).
 *
 * Statuses: TIMEOUT (somebody else holds a lock for too long, or the server doesn't answer),
 * CONFLICT (the database chose this transaction to fail: it may be tried again), BAD_DATA (a value
 * doesn't fit), DENIED, NOSPACE, NOT_FOUND (no such table, database), INTERRUPTED, IO (the
 * connection, the disk), INVALID, UNSUPPORTED (the client library isn't there), FAILED (the
 * database's own error, its text kept). A password is never part of a message. */
#ifndef SILT_LOAD_DATABASE_H
#define SILT_LOAD_DATABASE_H

#include "base/base.h"
#include "silt/schema.h"

typedef struct silt_database silt_database;

/* A row of a result: texts, `data` NULL for null; good during the call only. */
typedef silt_status silt_database_row_fn(void *ctx, const silt_bytes *values, size_t count,
                                         silt_error *err);

/* Asked several times a second while a statement runs: not OK ends it with that. */
typedef silt_status silt_database_check_fn(void *ctx, silt_error *err);

/* A column that rows are brought to. Values come as the engine's texts (silt_engine_ops.scan_rows).
 */
typedef struct silt_database_column {
    const char *name;
    const silt_type *type;
} silt_database_column;

typedef struct silt_database_ops {
    const char *kind; /* "sqlite", "postgres" */
    /* Run one statement without a result. `changed` (may be NULL): rows inserted, updated, deleted.
     */
    silt_status (*execute)(silt_database *, const char *sql, const char *const *values,
                           size_t count, int64_t *changed, silt_error *);
    /* The rows of one statement, asked for one after another and never all in memory; nothing else
     * is run meanwhile. A row is good until the next one is asked for, NULL: there are no more.
     * Where rows_begin was OK rows_end has to come. */
    silt_status (*rows_begin)(silt_database *, const char *sql, const char *const *values,
                              size_t count, silt_error *);
    silt_status (*rows_next)(silt_database *, const silt_bytes **row, size_t *width, silt_error *);
    void (*rows_end)(silt_database *);
    /* A transaction that is going to write; SQLite: nobody else writes from here on. */
    silt_status (*begin)(silt_database *, silt_error *);
    /* UNSURE: there was no answer; after a reconnect the database tells. Any other failure: it
     * didn't happen. In either case the transaction is over. */
    silt_status (*commit)(silt_database *, silt_error *);
    void (*rollback)(silt_database *);
    /* Rows into a table, until bulk_end: put a row's texts, which are checked and converted. On a
     * failure the transaction is to be rolled back. Where bulk_begin was OK bulk_end has to come,
     * `keep` false after a failure; it tells how many rows there were. */
    silt_status (*bulk_begin)(silt_database *, const char *table, const silt_database_column *,
                              size_t count, silt_error *);
    silt_status (*bulk_row)(silt_database *, const silt_bytes *values, silt_error *);
    silt_status (*bulk_end)(silt_database *, bool keep, int64_t *rows, silt_error *);
    /* A new connection in place of one that may be lost. */
    silt_status (*reconnect)(silt_database *, silt_error *);
    void (*free)(silt_database *);

    /* ---- the dialect */
    /* A column's type, NULL: there is none that holds all of its values. */
    const char *(*type_name)(const silt_type *type, silt_arena *);
    /* Schema and name of a table as it was written: "sales" or "mart.sales"; a schema that isn't
     * given is the one where new tables are made, asked of the database. NOT_FOUND, INVALID. */
    silt_status (*resolve)(silt_database *, const char *path, silt_arena *, const char **schema,
                           const char **name, silt_error *);
    /* What a table of the schema is known by to the database, and no other table is or was; NULL:
     * it isn't there. */
    silt_status (*table_id)(silt_database *, const char *schema, const char *name, silt_arena *,
                            const char **out, silt_error *);
    /* The columns of a table that Silt didn't make, as a STRUCT. UNSUPPORTED: one that Silt can't
     * write. */
    silt_status (*table_schema)(silt_database *, const char *schema, const char *name, silt_arena *,
                                const silt_type **out, silt_error *);
    /* In a transaction: nobody else changes the table's rows until its end. */
    silt_status (*lock_table)(silt_database *, const char *table, silt_error *);
    /* In a transaction: nobody else makes Silt's tables of that schema until its end. */
    silt_status (*lock_schema)(silt_database *, const char *schema, silt_error *);
    /* After a temporary table was filled. */
    silt_status (*analyze)(silt_database *, const char *table, silt_error *);
    /* Append the bytes of a BINARY value of a row. False: it is none. */
    bool (*put_binary)(silt_bytes value, silt_buf *out);
    /* Names of what tells a row from the table's others for as long as nobody else writes, NULL
     * behind the last: the first that no column is called. */
    const char *const *row_ids;
    const char *row_id_type;
    const char *collate_bytes; /* behind a text column that is to be ordered byte by byte */
    const char *for_update;    /* behind a SELECT that is to wait for whoever writes the rows */
    const char *temporary;     /* schema of temporary tables */
    const char *number_type;   /* of Silt's own columns, 64 bit */
    size_t name_max;           /* bytes of a name; 0: any */
    bool orders_decimals;      /* DECIMAL columns compare as numbers */
    bool names_indexes;        /* an index has to be given a name */
} silt_database_ops;

struct silt_database {
    const silt_database_ops *ops;
    silt_database_check_fn *check; /* may be NULL */
    void *check_ctx;
    int64_t lock_wait_ms; /* how long to wait for others */
};

#define SILT_DATABASE_LOCK_WAIT_MS 60000
/* After so long without a word in a transaction the server takes its process for lost. */
#define SILT_DATABASE_IDLE_MS 600000

/* Open the file, which is made where it isn't there and `create` says so. NOT_FOUND. */
silt_status silt_database_sqlite_open(const char *path, bool create, int64_t lock_wait_ms,
                                      silt_database **out, silt_error *err);
/* Connect: a URL or key=value pairs as libpq has them; what isn't said comes from PGHOST, …,
 * ~/.pgpass. */
silt_status silt_database_postgres_open(const char *conninfo, int64_t lock_wait_ms,
                                        silt_database **out, silt_error *err);
void silt_database_free(silt_database *db);

/* A client library, opened when it is first needed. */
typedef struct silt_client_library {
    const char *file, *of; /* "libpq.so.5", "PostgreSQL" */
    const char *package;   /* what to install */
    const char *too_old;   /* "libpq is too old: it lacks PQ%s", of the function that is missing */
    const char *const *names; /* of its functions */
    void **functions;         /* by name: where they go */
    size_t count;
} silt_client_library;
/* From any thread. UNSUPPORTED: it isn't there, or lacks a function. */
silt_status silt_client_library_need(const silt_client_library *library, silt_error *err);

/* ---- shorthands (database.c) */

/* Each row of a statement's result, until one isn't OK. */
silt_status silt_database_query(silt_database *db, const char *sql, const char *const *values,
                                size_t count, silt_database_row_fn *fn, void *ctx, silt_error *err);

/* Append "name", quotes in it doubled. */
void silt_sql_put_name(silt_buf *sql, const char *name);

/* A query's only value as text in the arena; NULL: null, or no row. */
silt_status silt_database_text(silt_database *db, const char *sql, const char *const *values,
                               size_t count, silt_arena *arena, const char **out, silt_error *err);
/* The same as a number; `fallback` where there is none. */
silt_status silt_database_int(silt_database *db, const char *sql, const char *const *values,
                              size_t count, int64_t fallback, int64_t *out, silt_error *err);
/* Run a statement that was put together. NOMEM where that failed. */
silt_status silt_database_run(silt_database *db, const silt_buf *sql, int64_t *changed,
                              silt_error *err);

/* ---- values in the engine's texts (database.c) */

/* Whether a date or an instant is of the years 0001 to 9999, which all of databases and their
 * texts have. */
bool silt_sql_time_fits(const silt_type *type, silt_bytes text);
/* Append what base64 stands for; false: it isn't base64. */
bool silt_base64_decode(silt_bytes text, silt_buf *out);

#endif
