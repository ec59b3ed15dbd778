/* A table of an SQL database as target. Beside it, in its schema, stand three tables of Silt's:
 *
 *   _silt_txn (app_id, table_name, version, attempt, updated_at)   V of each appId of each table
 *   _silt_ledger (app_id, table_name, number, body)                what silt_ledger_write() puts
 *   _silt_tables (name, id, schema)                                the columns as Silt types
 *
 * Invariants
 *  (1) Rows of batch N, ledger N and V = N become visible in one transaction, or none of them does.
 *  (2) V moves from the value that the batch was planned on, by the transaction's first statement:
 *      of two attempts the second waits for the first, and finds that it was overtaken.
 *  (3) What a lost answer to COMMIT leaves open is decided by reading V and the ledger. */
#ifndef SILT_LOAD_TARGET_SQL_H
#define SILT_LOAD_TARGET_SQL_H

#include "load/database.h"
#include "load/load.h"

#define SILT_SQL_TXN    "_silt_txn"
#define SILT_SQL_LEDGER "_silt_ledger"
#define SILT_SQL_TABLES "_silt_tables"

typedef struct silt_sql_table {
    silt_load *load;
    silt_database *db; /* NULL: a file that isn't there yet */
    silt_arena *arena; /* of the names */
    const char *schema, *name;
    const char *full;                  /* quoted, with the schema */
    const char *txn, *ledger, *tables; /* quoted, of Silt's own tables */
    /* ---- as of the last refresh */
    silt_arena *now;
    bool exists;           /* a table of that name, Silt's or not */
    const char *id;        /* by which Silt knows it; NULL: it isn't registered */
    const silt_type *type; /* its columns; NULL: it isn't registered */
} silt_sql_table;

extern const silt_target_ops silt_target_sql;

/* Fill in what silt_target_open() leaves to the kind: nothing is connected yet. */
silt_status silt_target_sql_open(silt_load *load, silt_target *target, silt_error *err);

/* Connect, unless that was done. A SQLite file that isn't there is made with `create`, else db
 * stays NULL. */
silt_status silt_sql_connect(silt_target *target, bool create, silt_error *err);

/* The table's columns; of one that isn't registered as the database has them. NULL: there is none.
 */
silt_status silt_sql_columns(silt_target *target, silt_arena *arena, const silt_type **out,
                             silt_error *err);

/* In a transaction, first of all: V becomes `number`, if it still is what target says. */
silt_status silt_sql_advance(silt_target *target, int64_t number, const char *attempt, bool *moved,
                             silt_error *err);

/* Commit; where there was no answer find out: `*happened`. Else a failure. */
silt_status silt_sql_commit(silt_target *target, int64_t number, const char *attempt,
                            bool *happened, silt_error *err);

/* Rows of files that some batches put there are deleted (`change`) or counted. */
silt_status silt_sql_each_file(silt_sql_table *t, const silt_evidence *items, size_t count,
                               bool change, int64_t *rows, silt_error *err);

/* silt_target_ops.check_versions (versions_sql.c). */
silt_status silt_sql_check_versions(silt_load *load, silt_target *target, silt_arena *arena,
                                    silt_scd2_report *out, silt_error *err);

/* A store for ledgers in that table (ledger_sql.c). Borrows `t`. NULL: out of memory. */
silt_store *silt_sql_ledgers_new(silt_sql_table *t, const char *uri);

/* runner_sql.c. NULL: out of memory. */
silt_runner *silt_runner_sql_new(silt_engine *engine);

#endif
