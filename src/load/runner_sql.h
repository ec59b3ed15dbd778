/* Inside the runner of SQL databases: one batch from its source files to rows in a transaction. */
#ifndef SILT_LOAD_RUNNER_SQL_H
#define SILT_LOAD_RUNNER_SQL_H

#include "load/target_sql.h"
#include "ops/merge.h"

/* One try. */
typedef struct silt_sql_work {
    const silt_job *job;
    silt_sql_table *table;
    const silt_sources *sources;
    const silt_source_plan *plan;
    silt_engine *engine;
    silt_arena *arena; /* of the job's results */
    /* ---- silt_sql_work_init() */
    silt_merging m;             /* the source as a merge reads it */
    silt_source_plan with_file; /* the plan with one column more, the file's name */
    silt_change_spec spec;
    silt_map64 *places;            /* a file's name → its place in `sources` + 1 */
    silt_database_column *columns; /* of the table, without VOID ones; then FILE */
    size_t column_count;           /* of the table's */
    silt_join_rows rows;           /* once the source was read */
} silt_sql_work;

/* Columns of the temporary table, behind the table's own. */
#define SILT_SQL_STAGE  "_silt_stage"
#define SILT_SQL_FILE   "_silt_file"   /* place of the source file */
#define SILT_SQL_ACT    "_silt_action" /* what becomes of the row: */
#define SILT_SQL_INSERT 0
#define SILT_SQL_UPDATE 1
#define SILT_SQL_LEAVE  2

bool silt_sql_is_keyed(const silt_config_table *table);

/* ---- source_sql.c */

silt_status silt_sql_work_init(silt_sql_work *w, silt_error *err);
void silt_sql_work_release(silt_sql_work *w);
/* Read the source once, duplicates decided where rows have keys. BAD_DATA, CHANGED, …: bad files
 * are noted. */
silt_status silt_sql_read(silt_sql_work *w, silt_error *err);
/* Its rows into a table, `staged` with the place of their file; as many as were read. BAD_DATA: a
 * value that the database doesn't take, its file is noted. */
silt_status silt_sql_bring(silt_sql_work *w, const char *table, bool staged, silt_error *err);

/* ---- merge_sql.c */

/* The rows in the temporary table. */
silt_status silt_sql_stage(silt_sql_work *w, silt_error *err);
void silt_sql_unstage(silt_sql_work *w);
/* In the transaction: match them with the table's, update and insert; counts by file. */
silt_status silt_sql_merge(silt_sql_work *w, silt_error *err);

/* ---- runner_sql.c */

/* Append "name type, …" of a schema's columns; `loose`: any may be null. */
void silt_sql_put_columns(const silt_database_ops *dialect, const silt_type *schema, bool loose,
                          silt_arena *arena, silt_buf *sql);
/* Keep a table's columns, under a new id or (NULL) as it is. */
silt_status silt_sql_register(silt_sql_table *t, const char *id, const silt_type *schema,
                              silt_arena *arena, silt_error *err);

#endif
