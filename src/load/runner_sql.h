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
    const char *deletes;           /* the source's column by which rows delete; NULL: none does */
    silt_rows_spec rows;           /* once the source was read: these columns, the file's name */
} silt_sql_work;

/* Columns of the temporary table, behind the table's own. */
#define SILT_SQL_STAGE  "_silt_stage"
#define SILT_SQL_FILE   "_silt_file"   /* place of the source file */
#define SILT_SQL_ROW    "_silt_row"    /* scd2: which row of the table */
#define SILT_SQL_ACT    "_silt_action" /* what becomes of the row: */
#define SILT_SQL_INSERT 0
#define SILT_SQL_UPDATE 1
#define SILT_SQL_LEAVE  2
#define SILT_SQL_DELETE 3 /* what stands there under its key goes */
/* scd2: a silt_scd2_clause instead; and a temporary table of the keys that the source has. */
#define SILT_SQL_KEYS "_silt_keys"

/* Rows are told apart by keys. */
bool silt_sql_is_keyed(const silt_config_table *table);

/* ---- source_sql.c */

silt_status silt_sql_work_init(silt_sql_work *w, silt_error *err);
void silt_sql_work_release(silt_sql_work *w);
/* Read the source once: into the engine where rows have keys, duplicates decided; else into files.
 * BAD_DATA, CHANGED, …: bad files are noted. */
silt_status silt_sql_read(silt_sql_work *w, silt_error *err);
/* Rows on their way into a table. */
typedef struct silt_sql_bringing {
    const char *table; /* quoted */
    const silt_database_column *columns;
    size_t count;
    bool staged;                /* the last column is the place of a row's file */
    const silt_rows_spec *rows; /* these columns; the last one, or one behind them, is its name */
    int64_t expected;           /* -1: as many as were read */
} silt_sql_bringing;
/* Rows into a table. BAD_DATA: a value that the database doesn't take, its file is noted. FAILED:
 * not as many as were expected. */
silt_status silt_sql_bring(silt_sql_work *w, const silt_sql_bringing *b, silt_error *err);

/* ---- merge_sql.c */

/* The rows in the temporary table. */
silt_status silt_sql_stage(silt_sql_work *w, silt_error *err);
void silt_sql_unstage(silt_sql_work *w);
/* In the transaction: match them with the table's, update and insert; counts by file. */
silt_status silt_sql_merge(silt_sql_work *w, silt_error *err);

/* Which keys are null: the patterns of a temporary table's rows. */
typedef struct silt_sql_patterns {
    silt_arena *arena;
    SILT_VEC(const char *) found; /* '1' null, '0' not, by key */
} silt_sql_patterns;
silt_status silt_sql_find_patterns(silt_sql_work *w, const char *table, silt_sql_patterns *out,
                                   silt_error *err);
static inline void silt_sql_patterns_release(silt_sql_patterns *p)
{
    silt_vec_free(&p->found);
}
/* Append when a row of the table, t, and one of a temporary table, s, have the same keys, which are
 * null by that pattern. */
void silt_sql_put_match(const silt_sql_work *w, const char *pattern, silt_buf *sql);

/* ---- extract_sql.c */

/* Rows of a statement, in a file that the engine reads. */
typedef struct silt_sql_extract {
    const char *folder; /* of its own */
    silt_scan_file file;
    silt_scan_spec scan; /* of it; the columns by their names */
} silt_sql_extract;
/* `out` is {0}, and doesn't move; to be released whatever happened. Bounded memory. */
silt_status silt_sql_extract_make(silt_database *db, silt_engine *engine, const char *sql,
                                  const char *const *values, size_t value_count,
                                  const silt_column *columns, size_t count, silt_arena *arena,
                                  silt_sql_extract *out, silt_error *err);
void silt_sql_extract_release(silt_sql_extract *extract);

/* ---- versions_sql.c */

/* scd2: which keys the source has, before the transaction. */
silt_status silt_sql_stage_keys(silt_sql_work *w, silt_error *err);
/* In the transaction: fold the source into the versions of its keys; counts by file. */
silt_status silt_sql_versions(silt_sql_work *w, silt_error *err);

/* ---- runner_sql.c */

/* Append "name type, …" of a schema's columns; `loose`: any may be null. */
void silt_sql_put_columns(const silt_database_ops *dialect, const silt_type *schema, bool loose,
                          silt_arena *arena, silt_buf *sql);
/* Keep a table's columns, under a new id or (NULL) as it is. */
silt_status silt_sql_register(silt_sql_table *t, const char *id, const silt_type *schema,
                              silt_arena *arena, silt_error *err);

#endif
