/* Copies of a table as of a version: clones, which are tables, and exports, which needn't be. */
#ifndef SILT_CLONE_H
#define SILT_CLONE_H

#include "silt/commit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- clones */

typedef struct silt_clone_options {
    size_t struct_size;
    int64_t version;      /* of the source; SILT_LATEST */
    int64_t timestamp_ms; /* or as it was then; SILT_NO_TIMESTAMP */
    bool shallow;         /* the clone refers to the source's files, by absolute paths */
    bool replace;         /* the target is a table already: make it the same as the source; files it
                             has already aren't copied again, its history stays */
    bool dry_run;
    const silt_commit_options *commit; /* NULL: SILT_COMMIT_OPTIONS_INIT */
} silt_clone_options;
#define SILT_CLONE_OPTIONS_INIT                                            \
    {                                                                      \
        .struct_size = sizeof(silt_clone_options), .version = SILT_LATEST, \
        .timestamp_ms = SILT_NO_TIMESTAMP                                  \
    }

typedef enum silt_clone_outcome {
    SILT_CLONE_COMMITTED,    /* with dry_run: would be */
    SILT_CLONE_SAME,         /* nothing was written: the target is as the source already */
    SILT_CLONE_ALREADY_DONE, /* nothing was written: app_version was committed before */
    SILT_CLONE_OVERTAKEN /* nothing was written: a higher one was, and none with this is known */
} silt_clone_outcome;

typedef struct silt_clone_result {
    silt_clone_outcome outcome;
    int64_t source_version;
    int64_t committed_version;            /* of the target; -1: none, or not known */
    int64_t table_version;                /* the target's newest that was seen; -1: no table */
    int64_t files, bytes;                 /* of the source */
    int64_t files_copied, bytes_copied;   /* data files that were copied, or would be */
    int64_t vectors_copied;               /* files of deletion vectors likewise */
    int64_t files_added;                  /* that the commit adds */
    int64_t files_removed, bytes_removed; /* of the target as it was */
} silt_clone_result;

/**
 * Make `target` a table with the rows, schema, properties and protocol of `source` at a version,
 * by one commit: it has all of it, or (where anything fails) nothing. The clone has a table id and
 * a history of its own; the source's app txns, older versions and change data feed don't come
 * along. Row ids stay what they are.
 *
 * Deep clones are durable before they are committed, and need the source no more. Shallow ones need
 * its files: a vacuum of the source that deletes these breaks them.
 *
 * @param source,target stores of the tables' roots; borrowed
 * @param opts          NULL for SILT_CLONE_OPTIONS_INIT
 * @return SILT_EXISTS      the target is a table, without `replace`
 *         SILT_NOT_FOUND   no table at the source, no such version, or a file of it has gone
 *         SILT_INVALID     both are one place or one lies in the other; a shallow clone of a place
 *                          that absolute paths don't lead to
 *         SILT_UNSUPPORTED a feature of the source; a target that has features the source lacks
 *         SILT_CORRUPT     a file of the source isn't of the size that the log says
 *         SILT_CONFLICT    somebody else made or changed the target meanwhile
 *         or any status of the stores
 * @see PROTOCOL.md, "Add File and Remove File", on absolute paths
 */
SILT_API SILT_CHECKED silt_status silt_clone(silt_store *source, silt_store *target,
                                             silt_engine *engine, const silt_clone_options *opts,
                                             silt_clone_result *out, silt_error *err);

/* ---- exports */

typedef enum silt_export_format {
    SILT_EXPORT_PARQUET, /* a file, or a folder of files where the name ends in '/' */
    SILT_EXPORT_CSV,
    SILT_EXPORT_JSON,  /* an object a line */
    SILT_EXPORT_ARROW, /* IPC stream */
    SILT_EXPORT_DELTA  /* a folder: a table of one commit, of the rows and nothing else */
} silt_export_format;

typedef struct silt_export_options {
    size_t struct_size;
    silt_export_format format;
    const char *const *columns; /* NULL: all */
    size_t column_count;
    const char *where;  /* a condition in Spark SQL; NULL: all rows */
    bool no_header;     /* CSV */
    bool overwrite;     /* a file that is there */
    int64_t file_bytes; /* of a folder's files, about; 0: 128 MB */
    /* DELTA, INVALID for others: NULL: none. Where the folder is a table that has its number
     * already, nothing is written. */
    const silt_commit_options *commit;
    bool dry_run; /* write it under the system's temporary folder, tell, and throw it away */
} silt_export_options;
#define SILT_EXPORT_OPTIONS_INIT                   \
    {                                              \
        .struct_size = sizeof(silt_export_options) \
    }

typedef enum silt_export_outcome {
    SILT_EXPORT_WRITTEN,      /* with dry_run: would be */
    SILT_EXPORT_ALREADY_DONE, /* nothing was written: app_version was committed before */
    SILT_EXPORT_OVERTAKEN /* nothing was written: a higher one was, and none with this is known */
} silt_export_outcome;

typedef struct silt_export_result {
    int64_t rows, files, bytes;
    silt_export_outcome outcome;
    int64_t committed_version, table_version; /* of DELTA, in the new table; else, and of
                                                  dry runs, -1 */
} silt_export_result;

/**
 * Write a snapshot's rows to a local file or folder, which is there whole or not at all: it is
 * written under another name beside it, made durable and then renamed. Rows are counted, and
 * compared with what the log says where it says it.
 *
 * Folders (Parquet where `path` ends in '/', and tables) mustn't be there or have to be empty. They
 * get Hive folders by the table's partition columns where these are among the columns. A table has
 * the columns' names and types, and no property, constraint or rule of the one it is from: see
 * silt_clone() for that.
 *
 * @param opts NULL for SILT_EXPORT_OPTIONS_INIT (Parquet)
 * @return SILT_EXISTS something of that name is there
 *         SILT_INVALID a condition that doesn't parse, a folder of another format
 *         SILT_FAILED  conservation: the rows written aren't as many as the table has
 *         or as silt_scan_open()
 */
SILT_API SILT_CHECKED silt_status silt_export(silt_snapshot *snapshot, const char *path,
                                              const silt_export_options *opts,
                                              silt_export_result *out, silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
