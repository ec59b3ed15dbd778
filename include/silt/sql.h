/* SQL over tables, and names for tables. */
#ifndef SILT_SQL_H
#define SILT_SQL_H

#include "silt/pipeline.h"
#include "silt/scan.h"
#include "silt/write.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- datasets: names for tables and for files, and how each is read */

typedef struct silt_datasets silt_datasets; /* opaque; owns all it returns */

typedef enum silt_dataset_format {
    SILT_DATASET_DELTA,
    SILT_DATASET_PARQUET, /* this and the others: files as they are, without a log */
    SILT_DATASET_CSV,
    SILT_DATASET_NDJSON /* an object a line */
} silt_dataset_format;

/* How CSV and NDJSON are read. NULL and 0: found by looking, or what is usual. */
typedef struct silt_read_options {
    size_t struct_size;
    const char *delimiter, *quote, *escape, *comment; /* CSV; quote "": none */
    const char *encoding;                             /* CSV: utf-8, utf-16, latin-1 */
    const char *date_format, *timestamp_format;       /* as for strptime */
    const char *compression;                          /* auto, none, gzip, zstd */
    const char *const *nulls; /* CSV: texts that mean null, besides the empty value */
    size_t null_count;
    int skip_lines;         /* CSV: before the header */
    char decimal_separator; /* CSV: '.' or ',' */
    bool no_header; /* CSV: columns are `columns` in their order, else column0, column1 … */
} silt_read_options;
#define SILT_READ_OPTIONS_INIT                   \
    {                                            \
        .struct_size = sizeof(silt_read_options) \
    }

typedef struct silt_dataset {
    size_t struct_size;
    const char *name; /* [A-Za-z0-9._-]+ */
    const char *path; /* of the table, or a URI; of files: a file, a folder (all files in it and
                         below, but those that begin with . or _) or a pattern, such as
                         "in/2024-??.csv" */
    const char *const *storage_options; /* "key=value", NULL-terminated; may be NULL */
    int64_t version;                    /* SILT_LATEST */
    int64_t timestamp_ms;               /* SILT_NO_TIMESTAMP */
    const char *const *files;           /* only these of the table's; NULL: all */
    size_t file_count;
    const char *changes_from; /* the change data feed instead of the table, from here; NULL: no */
    const char *changes_to;   /* both a version or a timestamp; NULL: the latest */
    const char *file_column;  /* as in silt_scan_options, like those below */
    bool no_pushdown;
    bool view_types;
    const silt_type *schema;
    /* Of files: */
    silt_dataset_format format;
    bool hive; /* folders named column=value below the folder or pattern are columns of theirs */
    const silt_read_options *read_options; /* NULL: all is found by looking */
    const silt_type *columns; /* a STRUCT: these, in this order; NULL: all that any file has. They
                                 are found by name; a file that lacks one has nulls */
    const char *const *data_options; /* of the store of data files, where they differ from
                                        storage_options; may be NULL */
    /* Used by writes; reads don't look at these. NULL: as the table is. */
    const silt_policy *policy;
    const char *schema_mode; /* fixed, merge, overwrite */
} silt_dataset;
#define SILT_DATASET_INIT                                            \
    {                                                                \
        .struct_size = sizeof(silt_dataset), .version = SILT_LATEST, \
        .timestamp_ms = SILT_NO_TIMESTAMP                            \
    }

/** A registry without datasets; NULL when out of memory. Give back with silt_datasets_free(). */
SILT_API silt_datasets *silt_datasets_new(void);

/** Give back a registry; NULL is fine. */
SILT_API void silt_datasets_free(silt_datasets *datasets);

/**
 * Enter a dataset; all of it is copied.
 *
 * @return SILT_INVALID  no name or path, or options that contradict
 *         SILT_EXISTS   there is one of that name (upper and lower case are the same)
 */
SILT_API SILT_CHECKED silt_status silt_datasets_add(silt_datasets *datasets,
                                                    const silt_dataset *dataset, silt_error *err);

/** How many there are. */
SILT_API size_t silt_datasets_count(const silt_datasets *datasets);
/** One of silt_datasets_count(), in the order in which they were entered. */
SILT_API const silt_dataset *silt_datasets_at(const silt_datasets *datasets, size_t i);

/**
 * A dataset by its name, in any case.
 *
 * @return SILT_NOT_FOUND with the closest name in the hint
 */
SILT_API SILT_CHECKED silt_status silt_datasets_find(const silt_datasets *datasets,
                                                     const char *name, const silt_dataset **out,
                                                     silt_error *err);

/**
 * The datasets of a file: `datasets` of a pipeline file, whose other keys aren't looked at, or of a
 * file that has nothing else. Relative paths are against the file's folder. Opens no table.
 *
 * @param arena    for `mistakes`
 * @param mistakes may be NULL; set with SILT_INVALID: all of them
 * @param out      set on success only; give back with silt_datasets_free()
 * @return SILT_INVALID mistakes in the file; SILT_NOT_FOUND, SILT_DENIED the file
 */
SILT_API SILT_CHECKED silt_status silt_datasets_load(const char *path, silt_arena *arena,
                                                     silt_config_mistakes *mistakes,
                                                     silt_datasets **out, silt_error *err);

/** Tell all of a dataset as an event: registration, or cdf_registration where it gives changes. */
SILT_API void silt_dataset_tell(const silt_dataset *dataset, const silt_diagnostics *to);

/**
 * Plan the scan of a dataset.
 *
 * @param engine borrowed, must outlive the scan; the dataset need not
 * @param opts   what is asked beyond what the dataset says; NULL: nothing. Its own file column,
 *               schema, files … stand over the dataset's; of changes only columns, where and limit
 *               are taken, INVALID for others
 * @param out    set on success only; give back with silt_scan_free()
 * @return as silt_snapshot_open() and silt_scan_open(), or silt_changes_open(). Of files:
 *         SILT_NOT_FOUND no file, and no `columns` either; a file that is named and isn't there
 *         SILT_BAD_DATA  a file that isn't of the format, or can't be read together with the others
 *         SILT_INVALID   row ids, which files don't have
 *         Cost: a look at each file's head, and at all rows of small text files for their types
 */
SILT_API SILT_CHECKED silt_status silt_dataset_open(const silt_dataset *dataset,
                                                    silt_engine *engine,
                                                    const silt_scan_options *opts, silt_scan **out,
                                                    silt_error *err);

/**
 * Write rows into the table of a dataset, by its path, options and policy.
 *
 * @param dataset of the format Delta, without version, timestamp, files or changes
 * @param opts    what it says stands over what the dataset says, field by field of the policy;
 *                constraints of both hold. NULL for SILT_WRITE_OPTIONS_INIT
 * @return as silt_write(); SILT_INVALID also: a dataset that can't be written
 */
SILT_API SILT_CHECKED silt_status silt_dataset_write(const silt_dataset *dataset,
                                                     silt_engine *engine,
                                                     const silt_write_source *source,
                                                     const silt_write_options *opts,
                                                     silt_write_result *out, silt_error *err);

/* ---- queries */

typedef struct silt_sql_options {
    size_t struct_size;
    const silt_datasets *datasets;      /* names for FROM; borrowed; may be NULL */
    const char *const *storage_options; /* of delta('…'): "key=value", NULL-terminated, or NULL */
    bool view_types;                    /* these three as in silt_scan_options */
    const silt_type *schema;
    int64_t batch_rows;
    const silt_diagnostics *diagnostics; /* told the statement (scan_config); NULL: nobody */
} silt_sql_options;
#define SILT_SQL_OPTIONS_INIT                   \
    {                                           \
        .struct_size = sizeof(silt_sql_options) \
    }

/**
 * A query over tables, in DuckDB's SQL: one SELECT, FROM, VALUES or WITH. Tables are
 *   delta('PATH'[, version := N | timestamp := 'TIME'])   a table, at a version
 *   delta_changes('PATH', FROM, TO)                       its change data feed; TO may be missing
 *   NAME                                                  a dataset, also in place of a PATH
 * and nothing else is read; nothing is changed. Conditions of the statement skip files.
 *
 * The statement is looked at when the scan is first asked for rows or its schema: mistakes come as
 * SILT_INVALID, with line and column, tables that aren't there as SILT_NOT_FOUND. Tables are opened
 * once, then: each further read of the scan has the same rows.
 *
 * @param engine borrowed, must outlive the scan
 * @param out    set on success only; give back with silt_scan_free()
 */
SILT_API SILT_CHECKED silt_status silt_sql_open(silt_engine *engine, const char *sql,
                                                const silt_sql_options *opts, silt_scan **out,
                                                silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
