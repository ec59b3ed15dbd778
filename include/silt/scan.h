/* Rows to be had: of a snapshot, of a table's changes, or of a query; as Arrow batches, text or
 * files. */
#ifndef SILT_SCAN_H
#define SILT_SCAN_H

#include "silt/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ArrowArrayStream;
typedef struct silt_scan silt_scan; /* opaque; planned when it is opened, read by each call below */

typedef struct silt_scan_options {
    size_t struct_size;
    const char *const *columns; /* names of the schema, any order; NULL: all */
    size_t column_count;
    const char *where;        /* a condition in Spark SQL; NULL: none */
    int64_t limit;            /* -1: all */
    const char *const *files; /* only these of the snapshot's files, as silt_file.path; NULL: all */
    size_t file_count;
    const char *file_column;   /* name of a column that says each row's file, behind the others */
    const char *row_id_column; /* row tracking's two, behind these; NULL: not wanted */
    const char *row_commit_version_column;
    bool no_pushdown;        /* filter what was read instead of reading what the filter may take */
    bool view_types;         /* Arrow: string_view and binary_view */
    const silt_type *schema; /* Arrow: a STRUCT that columns are cast to by name, in its order;
                                NULL: the table's */
    int64_t batch_rows;      /* Arrow: rows of a batch at most; 0: as they come (2,048) */
    bool explain;            /* count rows for silt_scan_explain(): it takes all files' stats */
    const silt_diagnostics *diagnostics; /* told these options (scan_config); NULL: nobody */
} silt_scan_options;
#define SILT_SCAN_OPTIONS_INIT                                 \
    {                                                          \
        .struct_size = sizeof(silt_scan_options), .limit = -1, \
    }

/**
 * Plan a scan: which files, by the condition's partition values and stats, and their deletion
 * vectors.
 *
 * @param snapshot borrowed, must outlive the scan
 * @param opts     NULL for SILT_SCAN_OPTIONS_INIT; not kept
 * @param out      set on success only; give back with silt_scan_free()
 * @return SILT_NOT_FOUND   a column or file that the snapshot doesn't have; a data file or a
 *                          deletion vector that has gone
 *         SILT_INVALID     a condition that doesn't parse (where), options that contradict
 *         SILT_UNSUPPORTED row ids of a table without row tracking
 *         SILT_CORRUPT     a deletion vector that isn't what the log says
 * @see PROTOCOL.md, "Reader Requirements for …"
 */
SILT_API SILT_CHECKED silt_status silt_scan_open(silt_snapshot *snapshot,
                                                 const silt_scan_options *opts, silt_scan **out,
                                                 silt_error *err);

/** Give back a scan; NULL is fine. Streams of it are to be released before. */
SILT_API void silt_scan_free(silt_scan *scan);

/** The columns of the result, a STRUCT that lives with the scan. */
SILT_API SILT_CHECKED silt_status silt_scan_schema(silt_scan *scan, const silt_type **out,
                                                   silt_error *err);

/**
 * The rows as Arrow batches, in bounded memory. A VARIANT is a struct of its two binary parts,
 * metadata and value.
 *
 * @param out the caller's to release, before the scan is freed; its errors are told by its
 *            get_last_error
 */
SILT_API SILT_CHECKED silt_status silt_scan_stream(silt_scan *scan, struct ArrowArrayStream *out,
                                                   silt_error *err);

typedef enum silt_file_format {
    SILT_FILE_CSV,
    SILT_FILE_CSV_NO_HEADER,
    SILT_FILE_JSON, /* one object a line */
    SILT_FILE_PARQUET,
    SILT_FILE_ARROW /* IPC stream */
} silt_file_format;

/**
 * The rows into a local file ("-": standard output).
 *
 * @param row_count may be NULL
 * @return SILT_NOT_FOUND a data file that has gone; SILT_CORRUPT one that can't be read
 */
SILT_API SILT_CHECKED silt_status silt_scan_to_file(silt_scan *scan, silt_file_format format,
                                                    const char *path, int64_t *row_count,
                                                    silt_error *err);

/* A row as text, NULL data for null; return false to end. */
typedef bool silt_scan_row_fn(void *ctx, const silt_bytes *values, size_t count);

/** The rows as text, one after another, in the order of files and rows. */
SILT_API SILT_CHECKED silt_status silt_scan_rows(silt_scan *scan, silt_scan_row_fn *fn, void *ctx,
                                                 silt_error *err);

/* What one step of planning ruled out. */
typedef struct silt_scan_step {
    const char
        *name; /* "file list", "partition values", "statistics", "deletion vectors", "limit" */
    const char *why;            /* in words: the part of the condition, how many vectors … */
    int64_t files, rows, bytes; /* rows -1: the stats don't say; deletion vectors: bytes 0 */
} silt_scan_step;

typedef struct silt_scan_explanation {
    int64_t version;
    int64_t total_files, total_rows, total_bytes; /* rows -1: the stats don't say */
    int64_t files, rows, bytes;                   /* what is left to read */
    const silt_scan_step *steps;
    size_t step_count;
    const char *filter; /* what is asked of the rows that are read; NULL: nothing */
} silt_scan_explanation;

/** How the scan was planned; lives with it. Rows are counted where silt_scan_options.explain asks
 * for it, else they may be -1. Of changes and queries: NULL. */
SILT_API const silt_scan_explanation *silt_scan_explain(const silt_scan *scan);

/* Which changes of a table, and how. Versions and times include both ends; of each end one of the
 * two is given. A time to start from is the first commit at or after it, one to end at the last at
 * or before it. See docs/change-data-feed.md. */
typedef struct silt_changes_options {
    size_t struct_size;
    int64_t from_version, to_version;           /* -1: see the timestamp */
    int64_t from_timestamp_ms, to_timestamp_ms; /* INT64_MIN: none; no `to`: the latest */
    bool allow_out_of_range;    /* a range behind the latest version has no rows, a time to end at
                                   behind the last commit is that commit; else both are refused */
    const char *const *columns; /* in any case of letters; NULL: all. The three of the feed come
                                   behind in any case */
    size_t column_count;
    const char *where; /* may ask of the feed's columns too, without `net` */
    int64_t limit;     /* -1: all */
    bool net;          /* only what differs between the rows of `from` and of `to`, whatever the
                          feed; what `where` and `columns` choose of both is compared */
    const char *const *keys; /* with `net`: what tells rows apart, so that updates are told */
    size_t key_count;
    const silt_diagnostics *diagnostics; /* told these options (cdf_registration); NULL: nobody */
} silt_changes_options;
#define SILT_CHANGES_OPTIONS_INIT                                                          \
    {                                                                                      \
        .struct_size = sizeof(silt_changes_options), .from_version = -1, .to_version = -1, \
        .from_timestamp_ms = INT64_MIN, .to_timestamp_ms = INT64_MIN, .limit = -1,         \
    }

/**
 * The change data feed: the table's columns and _change_type (insert, delete, update_preimage,
 * update_postimage), _commit_version, _commit_timestamp. With `net`: the columns and _change_type.
 *
 * @param store  borrowed, must outlive the scan; so must the engine
 * @param opts   a start is needed; not kept
 * @param out    set on success only; give back with silt_scan_free()
 * @return SILT_INVALID     a range that isn't one, or beyond the table's versions; a condition that
 *                          doesn't parse
 *         SILT_UNSUPPORTED the feed wasn't on in part of the range (which version), or its schema
 *                          changed in a way that the feed can't follow
 *         SILT_NOT_FOUND   commits or files of the range that have been cleaned up; a column
 * @see PROTOCOL.md, "Reader Requirements for AddCDCFile"
 */
SILT_API SILT_CHECKED silt_status silt_changes_open(silt_store *store, silt_engine *engine,
                                                    const silt_changes_options *opts,
                                                    silt_scan **out, silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
