/* SQL over tables, and names for tables. */
#ifndef SILT_SQL_H
#define SILT_SQL_H

#include "silt/pipeline.h"
#include "silt/scan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- datasets: names for tables, and how each is read */

typedef struct silt_datasets silt_datasets; /* opaque; owns all it returns */

typedef struct silt_dataset {
    size_t struct_size;
    const char *name;                   /* [A-Za-z0-9._-]+ */
    const char *path;                   /* of the table, or a URI */
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

/**
 * Plan the scan of a dataset.
 *
 * @param engine borrowed, must outlive the scan; the dataset need not
 * @param opts   what is asked beyond what the dataset says; NULL: nothing. Its own file column,
 *               schema, files … stand over the dataset's; of changes only columns, where and limit
 *               are taken, INVALID for others
 * @param out    set on success only; give back with silt_scan_free()
 * @return as silt_snapshot_open() and silt_scan_open(), or silt_changes_open()
 */
SILT_API SILT_CHECKED silt_status silt_dataset_open(const silt_dataset *dataset,
                                                    silt_engine *engine,
                                                    const silt_scan_options *opts, silt_scan **out,
                                                    silt_error *err);

/* ---- queries */

typedef struct silt_sql_options {
    size_t struct_size;
    const silt_datasets *datasets;      /* names for FROM; borrowed; may be NULL */
    const char *const *storage_options; /* of delta('…'): "key=value", NULL-terminated, or NULL */
    bool view_types;                    /* these three as in silt_scan_options */
    const silt_type *schema;
    int64_t batch_rows;
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
