/* One merge in the making: tables in the engine that live from join_begin to join_free.
 *
 *  duckdb_merge.c         begin, ranges, free
 *  duckdb_merge_source.c  the source: read once, duplicates out of it
 *  duckdb_merge_keys.c    which keys it may have, so that few rows are looked up in vain
 *  duckdb_merge_match.c   the source against the rows that are there
 *  duckdb_merge_rows.c    what comes of both: rows, places
 *  duckdb_scd2*.c         the match where the target keeps all versions of a row */
#ifndef SILT_ENGINE_DUCKDB_MERGE_H
#define SILT_ENGINE_DUCKDB_MERGE_H

#include "engine/duckdb_bloom.h"
#include "engine/duckdb_expr.h"
#include "engine/duckdb_ops.h"
#include "engine/duckdb_table.h"

/* Tables of a merge.
 *   staged   what was read of the source; rows that duplicates make way for are gone
 *   source   a view of it: rowid, the order of groups, files and rows; c0, c1, … (the spec's
 *            columns); f: source file. Columns that all rows of a file have alike, those of audit,
 *            are nowhere but here: kept by row they would be half of what is staged.
 *   matched  fi, fr: a target row; sr, f: a source row (its rowid) that it meets and its file, null
 *            where it meets none; clause: what becomes of it, null: nothing; t<i>: columns of the
 *            target that are kept. A target row that meets none is in it only with a clause. Empty
 *            where `lone` says it all.
 *   lone     sr: source rows that meet none, where that is all that counts: see `only_lone`
 *   suspect  keys that may stand more than once; gone after join_begin, as those below
 *   twice    keys that stand more than once, and the first row that has them
 *   loser    rid, f: rows that give way to another row of the source
 * Of scd2, where `matched` is a view with more columns: see duckdb_scd2.h. */
typedef enum silt_join_table {
    SILT_JOIN_STAGED,
    SILT_JOIN_SOURCES,
    SILT_JOIN_MATCHES,
    SILT_JOIN_LONE,
    SILT_JOIN_SUSPECT,
    SILT_JOIN_TWICE,
    SILT_JOIN_LOSER,
    SILT_JOIN_PAIRS,
    SILT_JOIN_SEVERAL,
    SILT_JOIN_LATER,
    SILT_JOIN_FOLDED,
    SILT_JOIN_EVENTS,
    SILT_JOIN_VERSIONS,
    SILT_JOIN_ACTIONS,
    SILT_JOIN_TABLES
} silt_join_table;

struct silt_join {
    silt_duck_engine *db;
    silt_join_spec spec; /* what it points to is borrowed until join_free */
    silt_arena *arena;
    int64_t id;          /* in the tables' names */
    size_t source_count; /* source files */
    const char **file_names;
    silt_duck_sources *sources; /* names of files, for the view */
    const size_t *keys;         /* as indexes of source columns */
    ptrdiff_t newest;           /* the same of newest_by, or -1 */
    int64_t *read, *deduplicated;
    silt_duck_bloom bloom; /* of keys of the source */
    char *bloom_of;        /* which they are: a list over s; NULL: no filter was tried */

    /* once matched */
    silt_arena *match_arena;
    silt_duck_table target;
    silt_join_match_spec match;
    bool only_lone; /* no clause is for rows of the target: which of them are met doesn't matter */
    const char *sieve; /* what is true of rows t of the target that meet any; NULL: not known */
    bool has_match;
};

/* A function, silt_once(scan, value): the boolean that it's given, computed where it stands. To the
 * optimizer it may be another each time, so that filters which use it stay behind it and don't
 * compute it again. `scan`: 0, or one that counts the rows. */
#define SILT_JOIN_ONCE "silt_once"
/* Begin to count rows, until silt_duck_scan_remove(). */
void silt_join_count_begin(silt_join *j, silt_duck_scan *scan, atomic_int_fast64_t *rows);

/* Append the name of a table of this merge. */
void silt_join_name(silt_buf *sql, const silt_join *j, silt_join_table table);
/* Add up rows of (index BIGINT, count BIGINT, …): counts[k][index] of the k-th count column. */
silt_status silt_join_counts(const silt_join *j, const silt_buf *sql, size_t size,
                             int64_t *const *counts, size_t count_columns, silt_error *err);
/* Drop a table if it is there, even after an interrupt. */
void silt_join_drop(const silt_join *j, silt_join_table table);

/* Joins stay as they are written between these two: see session_begin(). `end` whatever happened.
 */
silt_status silt_join_session_begin(silt_duck_engine *db, silt_error *err);
void silt_join_session_end(silt_duck_engine *db);

/* Columns as a SELECT has them: "<target>c<i>", "<source>c<i>". */
typedef struct silt_join_view {
    const silt_join *join;
    const silt_join_match_spec *match; /* has the target's columns; NULL: there are none */
    const char *target, *source;
    const char *version; /* of scd2: before "vs" and "ve"; NULL: there are none */
    bool from_files;     /* the target's are read from files: floats are guarded */
} silt_join_view;
/* Append an expression over columns of both sides. INVALID: one that isn't there. */
silt_status silt_join_expr(const silt_join_view *view, const silt_expr *expr, silt_buf *sql,
                           silt_error *err);
/* Append the number of the first clause of a kind whose condition is true, or null. */
silt_status silt_join_clause_sql(const silt_join_view *view, silt_join_when when, silt_buf *sql,
                                 silt_error *err);
/* Append the condition under which rows meet, of aliases t and s. */
silt_status silt_join_on_sql(const silt_join_view *view, silt_buf *sql, silt_error *err);
bool silt_join_has_clause(const silt_join_match_spec *match, silt_join_when when);
/* Append source rows s that meet none, as FROM has them. */
void silt_join_put_lone(silt_buf *sql, const silt_join *j);

/* Append the key columns behind an alias, as SELECT has them. */
void silt_join_put_keys(silt_buf *sql, const silt_join *j, const char *alias);
/* Fill the table of suspects; `*found` stays false, and there is no table, where any row is one. */
silt_status silt_join_find_suspects(silt_join *j, bool *found, silt_error *err);
/* Set j->sieve for a match. */
silt_status silt_join_make_sieve(silt_join *j, silt_error *err);
/* Append the rows t of the target that may meet one of the source, as FROM has them: its columns,
 * their places, and `hit`, which is true. */
silt_status silt_join_put_target(const silt_join *j, silt_buf *sql, silt_error *err);

/* Read the source once and take its duplicates out (duckdb_merge_source.c). Fills read and
 * deduplicated. */
silt_status silt_join_read_source(silt_join *j, silt_arena *arena, silt_stage_result *found,
                                  silt_error *err);
/* Find what becomes of versions and source rows (duckdb_scd2.c): fills `matched`. */
silt_status silt_join_find_versions(silt_join *j, silt_error *err);
/* Append the SELECT of the rows, and of SILT_DUCK_FILE_COLUMN behind them: the source file, -1 for
 * rows of the target that meet none (duckdb_merge_rows.c). */
silt_status silt_duck_join_sql(const silt_join_rows *rows, silt_buf *sql, silt_error *err);

#endif
