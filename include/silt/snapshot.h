/* One table at one version. Immutable once open, so any thread may read it. */
#ifndef SILT_SNAPSHOT_H
#define SILT_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "silt/engine.h"
#include "silt/schema.h"
#include "silt/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct silt_snapshot silt_snapshot; /* opaque; owns all it returns */

/* Who is told what is read, and how, and what is written; see silt_scan_options,
 * silt_changes_options, silt_sql_options, silt_dataset_tell(), silt_commit_options. Kinds are
 * scan_config, registration, cdf_registration, commit_attempt and constraint_violation. */
typedef struct silt_diagnostics {
    void (*event)(void *ctx, const char *kind,
                  const char *json); /* one JSON object; the calling
                                        thread's, good until it returns */
    void *ctx;
} silt_diagnostics;

typedef struct silt_snapshot_options {
    size_t struct_size;
    int64_t version;      /* SILT_LATEST */
    int64_t timestamp_ms; /* the table as it was then, ms since 1970 UTC: the last commit at or
                             before it; SILT_NO_TIMESTAMP. Only one of the two may be given */
} silt_snapshot_options;
#define SILT_LATEST       (-1)
#define SILT_NO_TIMESTAMP INT64_MIN
#define SILT_SNAPSHOT_OPTIONS_INIT                                    \
    {                                                                 \
        sizeof(silt_snapshot_options), SILT_LATEST, SILT_NO_TIMESTAMP \
    }

/**
 * A point in time as people write it: "2024-01-15", "2024-01-15T10:00", "2024-01-15 10:00:00.123",
 * each of the latter with or without a zone ("Z", "+02:00"); UTC where there is none, midnight
 * where there is no time of day. What is finer than a millisecond is cut off.
 *
 * @param ms since 1970 UTC; untouched where the result is false, which says it is no such text
 */
SILT_API bool silt_time_parse_ms(const char *text, int64_t *ms);

/**
 * Open a table. Cost: one list of _delta_log/, one .crc or checkpoint (projected), one get per
 * later commit; files are listed on first use.
 *
 * @param store  of the table's root; borrowed, must outlive the snapshot
 * @param engine borrowed, must outlive the snapshot; used for checkpoints only
 * @param opts   NULL for SILT_SNAPSHOT_OPTIONS_INIT
 * @param out    set on success only; give back with silt_snapshot_free()
 * @return SILT_NOT_FOUND    no table here, no such version any more, or no commit as old as that
 *         SILT_UNSUPPORTED  err names the reader features that are missing
 *         SILT_CORRUPT      a gap between versions, an action that does not parse, or no checkpoint
 *                           or commits from 0 on that can be read
 *         or any status of the store
 * @see PROTOCOL.md, "Action Reconciliation", "Table Features"
 */
SILT_API SILT_CHECKED silt_status silt_snapshot_open(silt_store *store, silt_engine *engine,
                                                     const silt_snapshot_options *opts,
                                                     silt_snapshot **out, silt_error *err);

/** Give back a snapshot; NULL is fine. */
SILT_API void silt_snapshot_free(silt_snapshot *snapshot);

/** A snapshot of the latest version; reads only the commits since `snapshot`, which stays as it is.
 */
SILT_API SILT_CHECKED silt_status silt_snapshot_refresh(silt_snapshot *snapshot,
                                                        silt_snapshot **out, silt_error *err);

/** The table's version. */
SILT_API int64_t silt_snapshot_version(const silt_snapshot *snapshot);
/** When that version was committed, ms since 1970 UTC: what the commit says of it where the table
 * dates its commits, else the time of its file. */
SILT_API int64_t silt_snapshot_timestamp_ms(const silt_snapshot *snapshot);
/** The columns, a STRUCT; partition columns included. */
SILT_API const silt_type *silt_snapshot_schema(const silt_snapshot *snapshot);
/** The unique id of the table (metaData.id). */
SILT_API const char *silt_snapshot_table_id(const silt_snapshot *snapshot);
/** The table's name, or NULL. */
SILT_API const char *silt_snapshot_name(const silt_snapshot *snapshot);
/** The table's description, or NULL. */
SILT_API const char *silt_snapshot_description(const silt_snapshot *snapshot);
/** Number of partition columns. */
SILT_API size_t silt_snapshot_partition_count(const silt_snapshot *snapshot);
/** Name of partition column `i`. */
SILT_API const char *silt_snapshot_partition_column(const silt_snapshot *snapshot, size_t i);
/** The value of a table property, or NULL. */
SILT_API const char *silt_snapshot_property(const silt_snapshot *snapshot, const char *key);
/** Number of table properties. */
SILT_API size_t silt_snapshot_property_count(const silt_snapshot *snapshot);
/** Table property `i` of silt_snapshot_property_count(), in the log's order. */
SILT_API void silt_snapshot_property_at(const silt_snapshot *snapshot, size_t i, const char **key,
                                        const char **value);
/** minReaderVersion and minWriterVersion. */
SILT_API void silt_snapshot_protocol(const silt_snapshot *snapshot, int *min_reader,
                                     int *min_writer);
/** Name of active table feature `i` (legacy versions spelled out), NULL past the last. */
SILT_API const char *silt_snapshot_feature(const silt_snapshot *snapshot, size_t i);
/** How columns are matched with those of data files: "none" (by name), "name" (by a physical name)
 * or "id". @see "Column Mapping" */
SILT_API const char *silt_snapshot_column_mapping(const silt_snapshot *snapshot);
/** Whether rows keep an id and a commit version for good. @see "Row Tracking" */
SILT_API bool silt_snapshot_row_tracking(const silt_snapshot *snapshot);
/** Whether commits say their time themselves; else the times of their files count.
 * @see "In-Commit Timestamps" */
SILT_API bool silt_snapshot_in_commit_timestamps(const silt_snapshot *snapshot);
/** Name of metadata domain `i`, NULL past the last; `configuration` (may be NULL) gets its text.
 * @see "Domain Metadata" */
SILT_API const char *silt_snapshot_domain(const silt_snapshot *snapshot, size_t i,
                                          const char **configuration);
/** When the table was created, ms since 1970 UTC, or -1. */
SILT_API int64_t silt_snapshot_created_ms(const silt_snapshot *snapshot);

/** The latest version that the application `app_id` committed, or -1. @see "Transaction
 * Identifiers" */
SILT_API int64_t silt_snapshot_app_version(const silt_snapshot *snapshot, const char *app_id);

/** Files and bytes. Cheap with a .crc, else lists the files. */
SILT_API SILT_CHECKED silt_status silt_snapshot_size(silt_snapshot *snapshot, int64_t *file_count,
                                                     int64_t *size_bytes, silt_error *err);

/* A data file of the table. Strings live for the call. */
typedef struct silt_file {
    const char *path; /* relative to the table's root, decoded */
    int64_t size_bytes, modification_time_ms;
    int64_t row_count;                   /* by its stats, less deleted rows; -1: not known */
    int64_t deleted_rows;                /* by its deletion vector; 0: it has none */
    const char *const *partition_values; /* by partition column, as in the log; NULL is null */
    const char *stats;                   /* JSON text, or NULL */
    bool removed;                        /* with silt_files_options.since: it has gone since */
} silt_file;

typedef struct silt_files_options {
    size_t struct_size;
    /* Only what is different from this version of the same table: files that were added, then those
     * that were removed. A file whose deletion vector has changed is both. NULL: all files. */
    silt_snapshot *since;
    const char *where; /* only files that may hold a row for which this condition (Spark SQL) is
                          true; NULL: all */
    bool no_details;   /* row_count is -1, stats NULL: takes half the memory and time where a table
                          has many files */
    bool no_stats;     /* stats NULL, row_count is told: half the memory, too */
} silt_files_options;
#define SILT_FILES_OPTIONS_INIT                   \
    {                                             \
        .struct_size = sizeof(silt_files_options) \
    }

/* Return false to end the listing. */
typedef bool silt_file_fn(void *ctx, const silt_file *file);

/**
 * Each file of the table, in the log's order, newest commit first. Lists them on first use.
 *
 * @param opts NULL for SILT_FILES_OPTIONS_INIT
 * @return SILT_INVALID   a condition that doesn't parse; `since` is another table's
 *         SILT_NOT_FOUND a column of the condition
 */
SILT_API SILT_CHECKED silt_status silt_snapshot_files(silt_snapshot *snapshot,
                                                      const silt_files_options *opts,
                                                      silt_file_fn *fn, void *ctx, silt_error *err);

/* One commit of the table's history. Strings live for the call. */
typedef struct silt_history_entry {
    int64_t version, timestamp_ms;
    const char *operation; /* these three are NULL where the commit doesn't say */
    const char *engine_info;
    const char *user_metadata;
    const char *commit_info; /* the whole commitInfo as JSON; "{}" */
    /* Of these the objects operationParameters, operationMetrics and silt; NULL: none. */
    const char *operation_parameters, *operation_metrics, *silt_info;
} silt_history_entry;

/* Return false to end the listing. */
typedef bool silt_history_fn(void *ctx, const silt_history_entry *entry);

/** The commits whose JSON still stands, newest first. `limit` -1: all. */
SILT_API SILT_CHECKED silt_status silt_table_history(silt_store *store, int64_t limit,
                                                     silt_history_fn *fn, void *ctx,
                                                     silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
