/* Looking after a table: checkpoints, its log's cleanup, files that nobody needs, older versions
 * brought back.
 *
 * None of these loses rows of a version that is to be readable: whatever is interrupted leaves the
 * table as it was, or as it is to be, and may be done again. */
#ifndef SILT_MAINTAIN_H
#define SILT_MAINTAIN_H

#include "silt/commit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Called with each file that is deleted (or would be), as its path in the table; return false to
 * hear of no more. Strings live for the call. */
typedef bool silt_deleted_fn(void *ctx, const char *path, int64_t size_bytes);

/* ---- checkpoints */

typedef struct silt_checkpoint_options {
    size_t struct_size;
    int64_t version; /* SILT_LATEST, or an older one */
    int64_t parts; /* files of a multi-part checkpoint, which the protocol discourages; 0 or 1: one
                      file, or what delta.checkpointPolicy asks for */
    bool dry_run;  /* write it aside, under the system's temporary folder: the log stays as it is */
} silt_checkpoint_options;
#define SILT_CHECKPOINT_OPTIONS_INIT                           \
    {                                                          \
        sizeof(silt_checkpoint_options), SILT_LATEST, 0, false \
    }

typedef struct silt_checkpoint_result {
    int64_t version;
    int64_t files;      /* of the table */
    int64_t tombstones; /* removed files that it still tells */
    int64_t objects;    /* written: one, parts, or a V2 checkpoint and its sidecars */
    int64_t size_bytes; /* of these */
    bool v2;
} silt_checkpoint_result;

/**
 * Write a checkpoint of a version, which spares readers the commits before it. Tables with
 * delta.checkpointPolicy = v2 get a V2 checkpoint with sidecars, others a classic one. It is read
 * back before anybody may see it. Harmless to repeat and to race.
 *
 * @param store,engine borrowed
 * @param opts         NULL for SILT_CHECKPOINT_OPTIONS_INIT
 * @return SILT_NOT_FOUND   no table, or no such version
 *         SILT_UNSUPPORTED a writer feature of the table
 *         SILT_INVALID     parts, where the table may have none (feature v2Checkpoint)
 *         or any status of the store
 * @see PROTOCOL.md, "Checkpoints"
 */
SILT_API SILT_CHECKED silt_status silt_checkpoint(silt_store *store, silt_engine *engine,
                                                  const silt_checkpoint_options *opts,
                                                  silt_checkpoint_result *out, silt_error *err);

/* ---- the log's cleanup */

typedef struct silt_cleanup_log_options {
    size_t struct_size;
    int64_t retention_ms; /* commits younger than this stay; -1: delta.logRetentionDuration, else 30
                             days */
    bool dry_run;
    silt_deleted_fn *deleted; /* may be NULL */
    void *ctx;
} silt_cleanup_log_options;
#define SILT_CLEANUP_LOG_OPTIONS_INIT                           \
    {                                                           \
        sizeof(silt_cleanup_log_options), -1, false, NULL, NULL \
    }

typedef struct silt_cleanup_log_result {
    int64_t first_version; /* versions before it went; -1: none did */
    int64_t deleted, size_bytes;
    bool is_protected; /* nothing was deleted: checkpointProtection holds more than has expired */
} silt_cleanup_log_result;

/**
 * Delete what has expired in _delta_log: commits, checkpoints, checksums, compacted commits and
 * sidecars from before the newest checkpoint that is older than the retention. Days are whole, as
 * Spark has it: what is younger than the midnight (UTC) after it expired stays. Versions from that
 * checkpoint on stay readable, and their times known.
 *
 * @param opts NULL for SILT_CLEANUP_LOG_OPTIONS_INIT
 * @return SILT_NOT_FOUND no table; SILT_UNSUPPORTED a writer feature of the table; SILT_CORRUPT a
 *         checkpoint that can't be read, whose sidecars aren't known; or any status of the store
 * @see PROTOCOL.md, "Metadata Cleanup"
 */
SILT_API SILT_CHECKED silt_status silt_cleanup_log(silt_store *store, silt_engine *engine,
                                                   const silt_cleanup_log_options *opts,
                                                   silt_cleanup_log_result *out, silt_error *err);

/* ---- vacuum */

typedef struct silt_vacuum_options {
    size_t struct_size;
    int64_t retention_ms; /* files that a version of this time needs stay; -1:
                             delta.deletedFileRetentionDuration, else 7 days */
    bool allow_short;     /* even below that, where readers and writers at work may lose files */
    bool lite;            /* only what the log says was removed, without listing the table */
    bool dry_run;
    silt_deleted_fn *deleted; /* may be NULL */
    void *ctx;
    const char *inventory; /* instead of listing the table: a CSV, NDJSON or Parquet file, or a
                              Delta table, of path (in the table, or absolute), length, isDir and
                              modificationTime (ms since 1970); NULL: none */
} silt_vacuum_options;
#define SILT_VACUUM_OPTIONS_INIT                                               \
    {                                                                          \
        sizeof(silt_vacuum_options), -1, false, false, false, NULL, NULL, NULL \
    }

typedef struct silt_vacuum_result {
    int64_t deleted, size_bytes;
    int64_t table_version; /* as of which files are in use; or of the commit that tells of it */
} silt_vacuum_result;

/**
 * Delete files of the table's folder that no version within the retention needs: data files,
 * deletion vectors, change data, and what Silt's own interrupted writers left. Files younger than
 * the retention stay, whoever wrote them. Names that start with '_' or '.' aren't looked at, but
 * _change_data and folders of partition columns. Symbolic links are left alone.
 *
 * Versions before the retention may no longer be readable afterwards. Unless nothing is to be
 * deleted, two commits tell of it in the table's history (VACUUM START, VACUUM END).
 *
 * @param opts NULL for SILT_VACUUM_OPTIONS_INIT
 * @return SILT_INVALID     a retention shorter than the table's, without allow_short; lite with an
 *                          inventory
 *         SILT_BAD_DATA    an inventory that isn't one: which row, why
 *         SILT_UNSUPPORTED a feature of the table, reader's or writer's
 *         SILT_NOT_FOUND   no table
 *         or any status of the store
 * @see PROTOCOL.md, "Add File and Remove File", "VACUUM Protocol Check"
 */
SILT_API SILT_CHECKED silt_status silt_vacuum(silt_store *store, silt_engine *engine,
                                              const silt_vacuum_options *opts,
                                              silt_vacuum_result *out, silt_error *err);

/* ---- restore */

typedef struct silt_restore_options {
    size_t struct_size;
    int64_t version;      /* exactly one of these two: */
    int64_t timestamp_ms; /* the last commit at or before it */
    bool ignore_missing;  /* files that are gone are left out, with their rows */
    bool dry_run;
    const silt_commit_options *commit; /* NULL: SILT_COMMIT_OPTIONS_INIT */
    silt_deleted_fn *missing;          /* called with each data file that is gone; may be NULL */
    void *ctx;
} silt_restore_options;
#define SILT_RESTORE_OPTIONS_INIT                                            \
    {                                                                        \
        .struct_size = sizeof(silt_restore_options), .version = SILT_LATEST, \
        .timestamp_ms = SILT_NO_TIMESTAMP                                    \
    }

typedef enum silt_restore_outcome {
    SILT_RESTORE_COMMITTED,    /* with dry_run: would be */
    SILT_RESTORE_SAME,         /* nothing was written: the table is as it was then */
    SILT_RESTORE_ALREADY_DONE, /* nothing was written: app_version was committed before */
    SILT_RESTORE_OVERTAKEN /* nothing was written: a higher one was, and none with this is known */
} silt_restore_outcome;

typedef struct silt_restore_result {
    silt_restore_outcome outcome;
    int64_t restored_version; /* whose state it is now */
    int64_t
        committed_version; /* of our commit, or of the one that did it; -1: none, or not known */
    int64_t table_version; /* the newest that was seen */
    int64_t files_after, bytes_after;
    int64_t files_restored, bytes_restored, files_removed, bytes_removed;
    int64_t files_missing; /* left out */
    bool metadata_changes, protocol_changes;
} silt_restore_result;

/**
 * Make the table as it was at an older version, in one commit: its files, schema, properties and
 * metadata domains. History stays, and later versions can be restored likewise. The protocol never
 * loses a feature; row ids are what they were.
 *
 * That the files are there is asked before anything is written.
 *
 * @param opts required
 * @return SILT_INVALID     neither or both of version and timestamp; an append-only table
 *         SILT_NOT_FOUND   no table, no such version (any more), or files are gone (how many, and
 *                          which; see ignore_missing)
 *         SILT_UNSUPPORTED a feature of the table, now or then
 *         SILT_CONFLICT    others commit again and again in between
 *         or any status of the store
 */
SILT_API SILT_CHECKED silt_status silt_restore(silt_store *store, silt_engine *engine,
                                               const silt_restore_options *opts,
                                               silt_restore_result *out, silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
