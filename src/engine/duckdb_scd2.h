/* A match with a target that keeps all versions of its rows.
 *
 *  duckdb_scd2.c       which versions the source rows meet; keys with one row for the current
 *                      version are decided on the spot
 *  duckdb_scd2_fold.c  the other keys: all that is known of each, in the order of time
 *
 * Tables, besides those of each merge:
 *   pairs     fi, fr: a version (null: a new one); sr, f: a source row, and its file; clause: what
 *             becomes of it (below 0: the fold decides; null: nothing); acts: the source row counts
 *             as one that changed it; opens: a next version begins where it ends, which the source
 *             row is; tk: the time of the row that told it last; vs, ve: its interval from now on;
 *             t<i>: its columns. The interval that it has: silt_scd2_put_versions().
 *             Of these sr, clause, acts and opens are columns, the others fields of the one
 *             column p: DuckDB keeps statistics of distinct values by column, of each value where
 *             rows come few at a time, and these are never asked for.
 *   matched   a view of it: fi, fr, sr, f, clause, acts, vs, ve, t<i>; what `opens` says is a row
 *   several   k<i>, kid, since: keys of several source rows, the first of these and the least time
 *   later     sr, kid: the other rows of such keys
 *   folded    kid: keys that the fold decides, by their first source row
 *   events    what is known of these keys
 *   versions  what comes of it, and the gaps between
 *   actions   the rows of `pairs` that stand for that; and, without a place or a clause, source
 *             rows that ended something (`acts`) */
#ifndef SILT_ENGINE_DUCKDB_SCD2_H
#define SILT_ENGINE_DUCKDB_SCD2_H

#include "engine/duckdb_merge.h"

typedef struct silt_scd2_match {
    silt_join *j;
    const silt_join_scd2 *spec;
    int64_t earliest_us; /* no source row is true before that */
    int64_t several;     /* keys of several source rows */
    silt_duck_scan met_scan;
    atomic_int_fast64_t met; /* pairs, those that tell nothing too */
    silt_error *err;
} silt_scd2_match;

/* Run one statement, empty the text. */
silt_status silt_scd2_run(const silt_scd2_match *x, silt_buf *sql);
/* One number. */
silt_status silt_scd2_count(const silt_scd2_match *x, silt_buf *sql, int64_t *out);
/* Append whether the pairs of columns are equal, "true" where there are none. */
silt_status silt_scd2_put_equal(const silt_join_view *view, const silt_join_equal *pairs,
                                size_t count, silt_buf *sql, silt_error *err);
/* Append ", m.t0, …": columns of the target that are kept; or nulls. */
silt_status silt_scd2_put_kept(const silt_scd2_match *x, bool null, silt_buf *sql);

/* Append whether a source row s says that its key has gone. */
silt_status silt_scd2_put_gone(const silt_scd2_match *x, silt_buf *sql);

/* Append "SELECT … FROM (", which makes rows for `pairs` of such ones with a column each. */
void silt_scd2_put_packed(const silt_scd2_match *x, silt_buf *sql);

/* Append "(…) m", the rows of `pairs` that are versions, as they stand in the target: fi, fr, sr,
 * clause, ts, te, tk, t<i>, and id, their rowid. */
void silt_scd2_put_versions(const silt_scd2_match *x, silt_buf *sql);

/* Decide the keys in `folded`: their rows of `pairs` make way for others. */
silt_status silt_scd2_fold(const silt_scd2_match *x);

#endif
