/* The pipeline file: what is to be loaded from where into which tables, checked.
 *
 * One table of keys (config_schema.c) drives parsing, messages and the JSON Schema. All that is in
 * these structs lives in the arena and is never changed. Keys that interface.md names but Silt
 * doesn't do yet are refused, never accepted and ignored. */
#ifndef SILT_LOAD_CONFIG_H
#define SILT_LOAD_CONFIG_H

#include "base/base.h"
#include "engine/engine.h"
#include "store/discover.h"
#include "log/action.h"
#include "ops/change.h"
#include "ops/sieve.h"
#include "ops/sql.h"
#include "table/txn.h"

typedef enum silt_strategy {
    SILT_STRATEGY_APPEND,
    SILT_STRATEGY_UPSERT,
    SILT_STRATEGY_APPEND_ONCE, /* rows of keys that are there are left out */
    SILT_STRATEGY_OVERWRITE,   /* all files that wait take the place of what is there, or none */
    SILT_STRATEGY_SCD2         /* rows are versions of what their keys name */
} silt_strategy;
/* Whether the target marks rows in deletion vectors. */
typedef enum silt_vectors {
    SILT_VECTORS_AUTO, /* a table that upsert makes does; others as they are */
    SILT_VECTORS_ON,   /* also one that stands */
    SILT_VECTORS_OFF   /* as it is; none that is made does */
} silt_vectors;

/* What a table is: a file format or a database. */
typedef enum silt_target_format {
    SILT_TARGET_DELTA,
    SILT_TARGET_PARQUET,
    SILT_TARGET_CSV,
    SILT_TARGET_SQLITE,
    SILT_TARGET_POSTGRES
} silt_target_format;

/* As they are written. */
const char *silt_strategy_name(silt_strategy strategy);
const char *silt_target_format_name(silt_target_format format);

/* What a completed file that changes brings about. */
typedef enum silt_on_change {
    SILT_ON_CHANGE_IGNORE,
    SILT_ON_CHANGE_ERROR,
    SILT_ON_CHANGE_RELOAD /* its rows give way to those that it has now; append with audit columns
                           */
} silt_on_change;

/* What a target that was restored, replaced or bereft of rows brings about. */
typedef enum silt_on_restore {
    SILT_ON_RESTORE_STOP,
    SILT_ON_RESTORE_RELOAD, /* files whose rows are gone load again */
    SILT_ON_RESTORE_FORGET  /* a new epoch: all files load into it as it is */
} silt_on_restore;

/* What becomes of a new file with the content of another. */
typedef enum silt_on_duplicate {
    SILT_ON_DUPLICATE_LOAD,
    SILT_ON_DUPLICATE_WARN,
    SILT_ON_DUPLICATE_SKIP
} silt_on_duplicate;

/* What becomes of rows that a source table updated or deleted, where the strategy doesn't follow.
 */
typedef enum silt_on_source_change {
    SILT_SOURCE_CHANGE_FAIL,
    SILT_SOURCE_CHANGE_IGNORE,
    SILT_SOURCE_CHANGE_APPLY /* upsert: rows that were deleted are deleted; scd2: versions end */
} silt_on_source_change;

/* Where the load of a source table begins. */
typedef enum silt_feed_start {
    SILT_FEED_FROM_SNAPSHOT, /* with all rows that are there, then changes */
    SILT_FEED_FROM_LATEST,   /* with the changes from now on */
    SILT_FEED_FROM_VERSION,  /* with the changes of a version */
    SILT_FEED_FROM_TIME      /* of the first at or after a time */
} silt_feed_start;

/* A Delta table as source (feed.h). */
typedef struct silt_config_feed {
    const char *path; /* absolute */
    silt_feed_start start;
    int64_t start_version, start_ms;
    silt_on_source_change on_change;
    silt_names change_columns; /* _change_type, …: those that the target gets, too */
    bool of_pipeline;          /* another table of the pipeline is it */
} silt_config_feed;

/* What `silt maintain` does; 0: it doesn't. */
typedef struct silt_maintenance {
    int64_t vacuum_retention_ms;
    int64_t optimize_below_bytes;
    int64_t checkpoint_interval; /* commits */
    int64_t log_retention_ms;
} silt_maintenance;

/* A named root of tables. */
typedef struct silt_config_connection {
    const char *name;
    const char *path; /* absolute; NULL: a database's URL */
    const char *text; /* as it was given; maybe with a password */
    silt_pairs storage_options;
    int64_t lock_wait_ms; /* of a database: how long to wait for other writers; 0: not said */
    int line;             /* in the file; 1 is the first */
} silt_config_connection;

/* The engine keeps some memory for each file that it reads, up to 10 kB. */
#define SILT_BATCH_FILES_DEFAULT 20000

typedef struct silt_config_table {
    const char *name;       /* table_name */
    const char *state_name; /* it had before, as its appId and state still have; NULL: the same */
    int line;               /* of its entry in the file */

    /* ---- source */
    const char *const *source_paths;    /* patterns, absolute and normalised, in the file's order */
    size_t source_path_count;           /* 1 or more; 0 with a manifest */
    const char *source_manifest;        /* a list of files, absolute; NULL: patterns say which */
    const silt_config_feed *feed;       /* instead of files; NULL: files */
    bool from_stdin;                    /* instead of files */
    silt_format source_format;          /* as written, or by the patterns' extension */
    silt_source_options source_options; /* as written; the rest zero, to be found by sniffing */
    bool recursive;
    silt_file_order order;
    int64_t settle_ms;  /* 0 */
    int64_t max_age_ms; /* 0: files of any age */
    const char *marker; /* a file that says a folder's files are whole; NULL: none */

    /* ---- how */
    silt_strategy strategy;
    const char *const *keys; /* primary_keys; 1 or more for upsert */
    size_t key_count;
    const silt_scd2_options *scd2; /* complete; NULL: another strategy */
    const char *newest_by; /* write.timestamp_col where dedup_strategy is newest_wins; else NULL */
    silt_names depends_on; /* names of tables that are loaded before it */
    bool audit_columns;    /* true */
    const silt_type *schema;          /* declared columns, a STRUCT; NULL: found by looking */
    bool any_case;                    /* columns are matched whatever the case of letters */
    silt_on_new_column on_new_column; /* FAIL */
    silt_vectors deletion_vectors;    /* AUTO */
    silt_on_change on_change;         /* IGNORE */
    silt_on_duplicate on_duplicate;   /* LOAD */
    silt_bad_row_policy bad_rows;     /* FAIL */
    silt_on_restore on_restore;       /* STOP */
    bool allow_txn_expiry;            /* also where the target may forget which batches it has */
    int64_t batch_max_files;          /* 0: SILT_BATCH_FILES_DEFAULT, or all where it overwrites */
    int64_t batch_max_bytes; /* 0: no limit; a file larger than that is a batch of its own */
    silt_commit_retry commit_retry;
    silt_maintenance maintenance;

    /* ---- target */
    silt_target_format format;
    const char *database;  /* SQLITE: its file, absolute; POSTGRES: how to connect, maybe with a
                              password; else NULL */
    const char *sql_table; /* of it: "sales" or "mart.sales" */
    const silt_config_connection *connection; /* NULL: none was named */
    const char *target_path; /* of the table, absolute; of a database a name for people */
    const char *const *partition_by;
    size_t partition_count;
    const char *csv_delimiter; /* csv */
    bool csv_gzip;
    bool overwrite_partitions; /* overwrite: of the partitions that new rows are in */
    silt_policy policy;
} silt_config_table;

typedef struct silt_config {
    const char *path;             /* of the file, absolute; links not resolved */
    const char *directory;        /* what relative paths were taken against, absolute */
    const char *pipeline;         /* its name */
    const char *checkpoint_path;  /* absolute */
    int64_t retry_attempts;       /* 3: tries of a file, over all runs */
    int64_t retry_backoff_ms;     /* 0: after its first failed try; doubles with each, to a day */
    int64_t transient_attempts;   /* 3: tries within a run of what failed by what may pass */
    int64_t transient_backoff_ms; /* 1 s: between them, the first time */
    int64_t timeout_ms;           /* of a batch; 60 min */
    int64_t lock_timeout_ms;      /* 120 min */
    int64_t history_keep_ms;      /* 90 days: of runs in the run history */
    int64_t history_bundles;      /* 100: run bundles that are kept; 0: none are written */
    int64_t memory_limit_bytes;   /* of the process; 0: not given */
    int64_t threads;              /* 0: one a core */
    int64_t parallel_tables;      /* 1: that a run loads at a time, at most */
    const char *timezone;         /* "UTC" */
    const silt_config_connection *connections;
    size_t connection_count;
    const silt_config_table
        *tables; /* 1 or more, in the file's order; names and targets are unique */
    size_t table_count;
    const size_t *order; /* indexes of them: each behind those it depends on, else as written */
    const silt_dataset *datasets; /* names for tables, in the file's order */
    size_t dataset_count;
} silt_config;

/* One mistake. */
typedef struct silt_config_problem {
    int line, column; /* 1 is the first; 0: of the file as a whole */
    const char *key;  /* "tables[1].write.keys"; "" of the file as a whole */
    const char *text; /* the whole line for a person: "silt.yaml:7:3: key: what was found; what is
                         allowed" */
} silt_config_problem;

typedef struct silt_config_problems {
    const silt_config_problem *items; /* by line and column */
    size_t count;
} silt_config_problems;

typedef struct silt_config_options {
    /* Where ${VAR} comes from: the value, or NULL where it isn't set. NULL: the environment. */
    const char *(*variable)(void *ctx, const char *name);
    void *ctx;
} silt_config_options;

#define SILT_CONFIG_BYTES_MAX    (4 * 1024 * 1024) /* of the file */
#define SILT_CONFIG_NODES_MAX    200000            /* of values, aliases expanded */
#define SILT_CONFIG_DEPTH_MAX    32                /* of values within each other */
#define SILT_CONFIG_PROBLEMS_MAX 100

/**
 * Read a pipeline file, YAML or (by its name, *.json) JSON.
 *
 * @param path     relative ones against the present working folder; named in messages as it is
 * @param opts     may be NULL
 * @param problems may be NULL; set with INVALID: all mistakes at once
 * @return INVALID    mistakes; err has the first one, and how many more there are
 *         NOT_FOUND, DENIED, IO of the file
 */
silt_status silt_config_load(const char *path, const silt_config_options *opts, silt_arena *arena,
                             const silt_config **out, silt_config_problems *problems,
                             silt_error *err);

/* As silt_config_load(), of a text that would stand in the file `path`. */
silt_status silt_config_parse(silt_bytes text, const char *path, const silt_config_options *opts,
                              silt_arena *arena, const silt_config **out,
                              silt_config_problems *problems, silt_error *err);

/* The datasets of a pipeline file, whose other keys aren't looked at, or of a file that has nothing
 * else. `out` lives in the arena, and is NULL where there are none. Statuses as above. */
silt_status silt_config_datasets_load(const char *path, const silt_config_options *opts,
                                      silt_arena *arena, const silt_dataset **out, size_t *count,
                                      silt_config_problems *problems, silt_error *err);

/* A JSON Schema (draft 2020-12) of the file, for editors; NULL when out of memory. */
char *silt_config_json_schema(silt_arena *arena);

#endif
