/* One keyed change in the making: tables in the engine that live from join_begin to join_free. */
#ifndef SILT_ENGINE_DUCKDB_MERGE_H
#define SILT_ENGINE_DUCKDB_MERGE_H

#include "engine/duckdb_ops.h"
#include "engine/duckdb_table.h"

/* Tables of a merge; columns c0, c1, … are the output columns.
 *   source   c0…, f: the rows that count, once duplicates are out. rowid is the order of groups,
 * files and rows. matched  fi, fr: a target row; sr, f: the source row (its rowid) and its file
 * that has the same key; lost: the source row gives way to it, and so changes nothing. twice    the
 * keys that stand more than once, and the first row that has them; gone after join_begin loser
 * rid, f: rows that give way to another row of the source; gone after join_begin */
typedef enum silt_join_table {
    SILT_JOIN_SOURCE,
    SILT_JOIN_MATCHED,
    SILT_JOIN_TWICE,
    SILT_JOIN_LOSER,
    SILT_JOIN_TABLES
} silt_join_table;

struct silt_join {
    silt_duck_engine *db;
    silt_join_spec spec; /* what it points to is borrowed until join_free */
    silt_arena *arena;
    int64_t id;              /* in the tables' names */
    size_t source_count;     /* source files */
    const size_t *keys;      /* as indexes of output columns */
    ptrdiff_t newest;        /* the same of newest_by, or -1 */
    bool *key_has_null;      /* by key */
    const char **key_bounds; /* by key: min, max; NULL where there is none */
    int64_t *read, *deduplicated;

    /* once matched */
    silt_arena *match_arena;
    silt_duck_table target;
    int64_t *updates; /* by target file */
    int64_t written;  /* source rows that count: inserts and updates */
    bool has_match, has_lost;
};

/* Append the name of a table of this merge. */
void silt_join_name(silt_buf *sql, const silt_join *m, silt_join_table table);
/* Append what makes rows of two aliases of equal key, e.g. "t.c0 = s.c0 AND …". */
void silt_join_same_key(silt_buf *sql, const silt_join *m, const char *a, const char *b);
/* Add up rows of (index BIGINT, count BIGINT, …): counts[k][index] of the k-th count column. */
silt_status silt_join_counts(const silt_join *m, const silt_buf *sql, size_t size,
                             int64_t *const *counts, size_t count_columns, silt_error *err);
/* Drop a table if it is there, even after an interrupt. */
void silt_join_drop(const silt_join *m, silt_join_table table);

/* Read the source once and take its duplicates out (duckdb_merge_source.c). Fills read,
 * deduplicated, key_has_null and key_bounds. */
silt_status silt_join_read_source(silt_join *m, silt_error *err);

#endif
