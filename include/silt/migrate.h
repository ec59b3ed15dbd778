/* Folders of Parquet files become tables. */
#ifndef SILT_MIGRATE_H
#define SILT_MIGRATE_H

#include "silt/commit.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct silt_migrate_options {
    size_t struct_size;
    /* The columns that folders `name=value` are of, with their types: "day date, kind string"; ""
     * for none. NULL: as the folders say, with types that fit all values (int, long, date, else
     * string). */
    const char *partition_by;
    bool no_stats; /* only row counts, no bounds of columns */
    bool verify;   /* read all rows of both afterwards, and compare them */
    /* Files may hold a column in types of which one is wider (integer and bigint …): it gets the
     * widest, and the table the feature typeWidening, which its readers have to know. */
    bool widen;
    bool dry_run;
    /* NULL: SILT_COMMIT_OPTIONS_INIT. Each file is taken once without a number, too; with one the
     * commit also fails where anybody else commits in between. */
    const silt_commit_options *commit;
} silt_migrate_options;
#define SILT_MIGRATE_OPTIONS_INIT                   \
    {                                               \
        .struct_size = sizeof(silt_migrate_options) \
    }

typedef enum silt_migrate_outcome {
    SILT_MIGRATE_COMMITTED, /* with dry_run: would be */
    SILT_MIGRATE_SAME, /* nothing was written: there are no files that weren't migrated before */
    SILT_MIGRATE_ALREADY_DONE, /* nothing was written: app_version was committed before */
    SILT_MIGRATE_OVERTAKEN /* nothing was written: a higher one was, and none with this is known */
} silt_migrate_outcome;

/* A file that can't be part of it, and why. */
typedef struct silt_migrate_problem {
    const char *path, *why;
} silt_migrate_problem;

/* All of it lives in the arena that was handed in. */
typedef struct silt_migrate_result {
    silt_migrate_outcome outcome;
    int64_t committed_version; /* of our commit, or of the one that did it; -1: none known */
    int64_t table_version;     /* the newest that was seen; -1: no table */
    bool in_place;
    int64_t files, rows, bytes; /* of the commit */
    int64_t files_before;       /* migrated before, not looked at again */
    int64_t files_hidden;       /* names that start with '_' or '.' */
    const char *schema;         /* as a person writes it */
    const char *fingerprint;    /* SHA-256 of names, order and types */
    const char *partition_by;   /* "day date, kind string"; "" */
    bool partitions_inferred;   /* nobody said the types of these */
    bool verified;              /* rows were compared, and are the same */
    const char *const *removed; /* were migrated before, but aren't there any more: their rows stay
                                   in the table, unless that is in place */
    size_t removed_count;
    const silt_migrate_problem *problems;
    size_t problem_count;
} silt_migrate_result;

/**
 * Make a folder of Parquet files a table, or add what has come into the folder since the last time.
 * Files aren't rewritten: they are copied into the table's folder, or stay where they are when that
 * is the folder itself (`source` and `target` have the same root). Names that start with '_' or '.'
 * are passed over. Statistics are those of the files' footers, as far as they can be trusted; NaN
 * may hide behind bounds of floating point numbers, so these have none.
 *
 * One commit, of all files or none. Repeated, it adds files once, however often it is tried or
 * killed: what was migrated is noted in the table's _silt/migrate folder, which has to stay.
 *
 * @param out set with SILT_OK, and with SILT_BAD_DATA: the files that can't be part of it, all of
 *            them
 * @return SILT_BAD_DATA    files that aren't Parquet, or that don't go together; nothing was done
 *         SILT_NOT_FOUND   no files
 *         SILT_INVALID     partition_by; a source that is a table; a table in place that has been
 *                          changed by others, whose files can't be told from new ones
 *         SILT_UNSUPPORTED a feature of the table
 *         SILT_CONFLICT    somebody else committed meanwhile
 *         SILT_FAILED      `verify` found a difference: the commit stands (out isn't set)
 *         or any status of the stores
 * @see PROTOCOL.md, "Add File and Remove File", "Per-file Statistics"
 */
SILT_API SILT_CHECKED silt_status silt_migrate(silt_store *source, silt_store *target,
                                               silt_engine *engine,
                                               const silt_migrate_options *opts, silt_arena *arena,
                                               silt_migrate_result *out, silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
