/* SCD type 2 as a merge whose match knows of versions. */
#ifndef SILT_OPS_SCD2_H
#define SILT_OPS_SCD2_H

#include "ops/merge.h"
#include "silt/scd2.h"

/* Options with the names that aren't said. INVALID: none are tracked, a name twice. `out` borrows
 * from `given`. */
silt_status silt_scd2_take(const silt_scd2_options *given, silt_scd2_options *out, silt_error *err);
/* Whether a column is one of the three that versions are kept by, in any case of letters. `scd2`
 * may be NULL. */
bool silt_scd2_is_column(const silt_scd2_options *scd2, const char *name);
/* These three as a table has them. */
#define SILT_SCD2_COLUMNS 3
void silt_scd2_fields(const silt_scd2_options *scd2, silt_field out[SILT_SCD2_COLUMNS]);
/* INVALID: a table without them, or with others of these names. */
silt_status silt_scd2_check_table(const silt_scd2_options *scd2, const silt_type *schema,
                                  silt_error *err);

/* Set what m asks for but for its keys; scd2 is borrowed, and complete. */
silt_status silt_scd2_clauses(silt_merging *m, const silt_scd2_options *scd2, const char *newest_by,
                              silt_error *err);
/* Before the source is read: INVALID: a column that it doesn't have, or one of another type. */
silt_status silt_scd2_check_source(const silt_merging *m);
/* The three columns' values, in the order of silt_scd2_fields(): the same for each clause. */
silt_status silt_scd2_exprs(silt_arena *arena, const silt_expr *out[SILT_SCD2_COLUMNS],
                            silt_error *err);
/* The same, by the table's fields. */
silt_status silt_scd2_values(silt_edit *e, const silt_merge_try *t, const silt_expr **values);
/* What the match goes by; once the source is read. t->target_only says which versions count. */
silt_status silt_scd2_match(silt_edit *e, silt_merge_try *t, silt_join_scd2 *out);
/* The same for a table of these columns, all of whose versions count; NULL: it isn't there yet. */
silt_status silt_scd2_match_with(const silt_merging *m, const silt_type *table, silt_arena *arena,
                                 silt_join_scd2 *out);
/* BAD_DATA: an extract of all there is has no rows. */
silt_status silt_scd2_refuse_nothing(silt_merging *m);
/* After the match: each row that opens a version is one of the source. FAILED. */
silt_status silt_scd2_conserve(const silt_merging *m, const silt_join_match *match);

/* silt_scd2_check() of rows that have the keys and the three columns, wherever they are from. */
silt_status silt_scd2_check_rows(silt_engine *engine, const silt_rows_spec *rows,
                                 const char *const *keys, const silt_scd2_options *scd2,
                                 silt_arena *arena, silt_scd2_report *out, silt_error *err);

#endif
