/* Merging rows into a table: what is there is updated or deleted, what isn't is inserted, as
 * clauses say, in one commit. */
#ifndef SILT_MERGE_H
#define SILT_MERGE_H

#include "silt/edit.h"
#include "silt/write.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which rows a clause is for: pairs of a target row and a source row that match, source rows that
 * match none, target rows that match none. */
typedef enum silt_merge_when {
    SILT_MERGE_MATCHED,
    SILT_MERGE_NOT_MATCHED,
    SILT_MERGE_NOT_MATCHED_BY_SOURCE
} silt_merge_when;

typedef enum silt_merge_action {
    SILT_MERGE_UPDATE, /* not of NOT_MATCHED */
    SILT_MERGE_DELETE, /* not of NOT_MATCHED */
    SILT_MERGE_INSERT  /* of NOT_MATCHED only */
} silt_merge_action;

/* "WHEN … [AND condition] THEN action". Of the clauses for a row the first whose condition is true
 * counts; without any the row stays as it is, or out. */
typedef struct silt_merge_clause {
    silt_merge_when when;
    const char *condition; /* NULL: always; so only the last of its kind */
    silt_merge_action action;
    bool star; /* UPDATE SET *, INSERT *: each column has the source's value of that name; `set` is
                  empty. Not of NOT_MATCHED_BY_SOURCE */
    const silt_assignment *set; /* else; INSERT: columns that aren't named have their default, are
                                   generated or numbered, or null */
    size_t set_count;
} silt_merge_clause;

/* Expressions name columns with an alias before them, `t.id = s.id`, or without where only one side
 * has the name. */
typedef struct silt_merge_options {
    size_t struct_size;
    const char *on;          /* the condition that makes rows match; or: */
    const char *const *keys; /* NULL-terminated: columns that are equal on both sides, nulls too */
    const char *target_alias, *source_alias; /* NULL: "t" and "s" */
    const silt_merge_clause *clauses;
    size_t clause_count;
    /* Of source rows with one key only the one that is greatest here counts (null is the least;
     * ties: the later row); with `keys`, or an `on` that says equal columns. NULL: two source rows
     * for one target row are BAD_DATA unless all they do is delete it. */
    const char *newest_by;
    silt_schema_mode schema_mode; /* MERGE: new columns of the source join the table, for clauses
                                     with a star, and types get wider where the table allows */
} silt_merge_options;
#define SILT_MERGE_OPTIONS_INIT                    \
    {                                              \
        .struct_size = sizeof(silt_merge_options), \
    }

typedef struct silt_merge_result {
    silt_edit_result edit; /* outcome, versions, files; rows_updated, rows_deleted, rows_copied */
    int64_t rows_read, rows_inserted, rows_deduplicated;
    int64_t rows_deleted_matched, rows_deleted_by_source; /* together rows_deleted */
    int64_t rows_updated_matched, rows_updated_by_source; /* together rows_updated */
} silt_merge_result;

/**
 * Merge rows into a table, in one commit. The source is read once. A row that is changed is marked
 * in a deletion vector where the table has these on (unless its file has lost most of its rows),
 * else its file is written anew; row ids stay, and the change feed tells of each row, where the
 * table has them. What the table asks of rows is checked as silt_write() does.
 *
 * Files of the table that can't match by their statistics and partition values aren't read; with a
 * clause for NOT_MATCHED_BY_SOURCE all are.
 *
 * @param snapshot the table as last seen; needn't be the newest
 * @param opts     NULL for SILT_EDIT_OPTIONS_INIT
 * @param after    as silt_delete()
 * @return as silt_delete() and silt_write(); SILT_INVALID also: no clause, a clause that is never
 *         reached, an action that isn't one of its kind, a column assigned twice, neither or both
 *         of `on` and `keys`
 *         SILT_BAD_DATA source rows that meet in one target row: how many, which, their files and
 *         rows; rows that violate what the table asks
 * @see Delta Lake documentation, "Upsert into a table using merge"; PROTOCOL.md, "Row Tracking",
 *      "Add CDC File"
 */
SILT_API SILT_CHECKED silt_status silt_merge(silt_snapshot *snapshot,
                                             const silt_write_source *source,
                                             const silt_merge_options *merge,
                                             const silt_edit_options *opts, silt_merge_result *out,
                                             silt_snapshot **after, silt_error *err);

/**
 * A clause as text: "[WHEN] MATCHED [AND condition] THEN UPDATE SET * | UPDATE SET a = x, … |
 * DELETE", "NOT MATCHED [BY TARGET] [AND condition] THEN INSERT * | INSERT (a, …) VALUES (x, …)",
 * "NOT MATCHED BY SOURCE [AND condition] THEN UPDATE SET a = x, … | DELETE". Any case.
 *
 * @param arena what `out` points to lives here
 * @return SILT_INVALID: what was expected, and where
 */
SILT_API SILT_CHECKED silt_status silt_merge_clause_parse(const char *text, silt_arena *arena,
                                                          silt_merge_clause *out, silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
