/* Changing the rows that a table has: deleting, updating, and laying them out anew.
 *
 * Each call is one commit, or none. Commits of others in between are no hindrance unless they touch
 * what the change was decided by; then it is decided anew, within the tries and the time given.
 * Whatever is interrupted leaves the table at the old version or at the new one. */
#ifndef SILT_EDIT_H
#define SILT_EDIT_H

#include "silt/commit.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct silt_edit_options {
    size_t struct_size;
    /* NULL: SILT_COMMIT_OPTIONS_INIT. A try decides anew which rows are hit. */
    const silt_commit_options *commit;
    bool dry_run; /* say what would be done, as far as that can be told */
    int64_t
        target_file_bytes; /* of new files; 0: delta.targetFileSize, else 128 MB; optimize: 1 GB */
    /* In tables with deletion vectors: a file that has lost more than this share of its rows is
     * written anew without them. 100: never. */
    int rewrite_percent;
} silt_edit_options;
#define SILT_EDIT_OPTIONS_INIT                                           \
    {                                                                    \
        .struct_size = sizeof(silt_edit_options), .rewrite_percent = 50, \
    }

typedef enum silt_edit_outcome {
    SILT_EDIT_COMMITTED,
    SILT_EDIT_NOTHING,      /* there was nothing to do: no commit */
    SILT_EDIT_DRY_RUN,      /* no commit: counts are of what would be done */
    SILT_EDIT_ALREADY_DONE, /* no commit: this app_version was committed before */
    SILT_EDIT_OVERTAKEN     /* no commit: a higher one was, and none with this one is known */
} silt_edit_outcome;

/* Counts of rows are -1 where the table's statistics don't say. Of a dry run what is written isn't
 * known: files, bytes and rows copied are 0. */
typedef struct silt_edit_result {
    silt_edit_outcome outcome;
    int64_t
        committed_version; /* of our commit, or of the one that did it; -1: none, or not known */
    int64_t table_version; /* the newest that was seen */
    int64_t rows_deleted, rows_updated, rows_copied;
    int64_t files_removed, bytes_removed, files_added, bytes_added;
    int64_t vectors_added, vectors_removed; /* deletion vectors; one that grew is both */
    int64_t change_files, change_bytes;     /* of the change data feed */
    int64_t files_skipped;                  /* ruled out by partition values and statistics */
    int attempts;
} silt_edit_result;

/**
 * Delete the rows for which a condition is true. Files all of whose rows are known to fulfil it go
 * without being read. Of others the rows are marked in deletion vectors where the table has these
 * on (delta.enableDeletionVectors), else what is left is written anew; row ids stay.
 *
 * @param snapshot the table as last seen; needn't be the newest
 * @param where    Spark SQL over the table's columns; NULL: all rows
 * @param opts     NULL for SILT_EDIT_OPTIONS_INIT
 * @param after    may be NULL; else the newest snapshot, or NULL where it has to be opened anew; to
 *                 be given back with silt_snapshot_free()
 * @return SILT_INVALID     the condition (where in it), an option, or the table is append-only
 *         SILT_NOT_FOUND   a column of the condition, or a file of the table
 *         SILT_UNSUPPORTED a feature of the table (which)
 *         SILT_CONFLICT    others change the same rows again and again
 *         SILT_UNSURE      the commit may or may not stand: call again with the same app_version
 *         SILT_INTERRUPTED silt_engine_interrupt(), or any status of the store
 * @see PROTOCOL.md, "Deletion Vectors", "Add CDC File"
 */
SILT_API SILT_CHECKED silt_status silt_delete(silt_snapshot *snapshot, const char *where,
                                              const silt_edit_options *opts, silt_edit_result *out,
                                              silt_snapshot **after, silt_error *err);

/* One column's new value. */
typedef struct silt_assignment {
    const char *column; /* top level */
    const char *value;  /* Spark SQL over the row as it was; becomes the column's type */
} silt_assignment;

/**
 * An assignment as text: "COLUMN = VALUE". A name that has '=' or '`' in it, or blanks around it,
 * stands in back-quotes, in which '`' is written twice; others may. The value isn't looked at
 * before silt_update().
 *
 * @param arena what `out` points to lives here
 * @return SILT_INVALID: what was expected, and where
 */
SILT_API SILT_CHECKED silt_status silt_assignment_parse(const char *text, silt_arena *arena,
                                                        silt_assignment *out, silt_error *err);

/**
 * Give columns of the rows for which a condition is true new values. Generated columns are computed
 * anew, constraints hold for the new rows; rows keep their ids, and may move between partitions.
 *
 * @param set   each column once
 * @param where NULL: all rows
 * @return as silt_delete(); SILT_INVALID also: no assignment, a column twice, an identity column,
 *         a value of a type that doesn't become the column's
 *         SILT_BAD_DATA a new row violates NOT NULL or a constraint (which, how many, samples)
 * @see PROTOCOL.md, "Generated Columns", "Row Tracking"
 */
SILT_API SILT_CHECKED silt_status silt_update(silt_snapshot *snapshot, const silt_assignment *set,
                                              size_t count, const char *where,
                                              const silt_edit_options *opts, silt_edit_result *out,
                                              silt_snapshot **after, silt_error *err);

typedef struct silt_optimize_options {
    size_t struct_size;
    const char *where;          /* over partition columns; NULL: all partitions */
    const char *const *z_order; /* columns to lay rows out by, NULL-terminated; NULL: small files
                                   become large ones, or a clustered table is clustered */
    bool purge;                 /* only: write files with deletion vectors anew, without the rows */
    bool full;                  /* clustered tables: also files that are clustered already */
    int64_t min_file_bytes;     /* files smaller than this are put together; 0: the target */
    int64_t min_files;          /* fewer in a partition are left alone; 0: 2 */
} silt_optimize_options;
#define SILT_OPTIMIZE_OPTIONS_INIT                                    \
    {                                                                 \
        sizeof(silt_optimize_options), NULL, NULL, false, false, 0, 0 \
    }

/**
 * Lay the table's rows out anew, without changing any: small files into large ones, deleted rows
 * out of files, rows ordered along a space-filling curve of columns. Commits of others that add
 * files are never in the way.
 *
 * @param optimize NULL for SILT_OPTIMIZE_OPTIONS_INIT
 * @return as silt_delete(); SILT_INVALID also: a condition on a column that isn't a partition
 *         column, a z-order column that is one, has no statistics or no order
 * @see PROTOCOL.md, "Clustered Table"
 */
SILT_API SILT_CHECKED silt_status silt_optimize(silt_snapshot *snapshot,
                                                const silt_optimize_options *optimize,
                                                const silt_edit_options *opts,
                                                silt_edit_result *out, silt_snapshot **after,
                                                silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
