/* What a commit says of itself. */
#ifndef SILT_TABLE_COMMIT_INFO_H
#define SILT_TABLE_COMMIT_INFO_H

#include "base/json.h"
#include "table/txn.h"

/* What changes between the tries of one txn, and what it sums up. */
typedef struct silt_commit_facts {
    int64_t timestamp_ms, read_version; /* -1: there was no table */
    int attempts;                       /* 1: the first */
    const char *isolation;
    bool blind_append;
    int64_t in_commit_timestamp_ms;  /* -1: none */
    bool row_tracking, row_ids_kept; /* whether the rows that were rewritten keep their ids */
    const char *schema_fingerprint;
    const char *txn_id;
} silt_commit_facts;

/* Totals of a txn's files; rows -1: not known of every file. */
typedef struct silt_commit_totals {
    int64_t files_added, bytes_added, rows_added;
    int64_t files_removed, bytes_removed;
} silt_commit_totals;

/* operationMetrics as Spark names them, as a JSON object of strings; NULL: out of memory. */
const char *silt_commit_metrics(const char *operation, const silt_commit_totals *totals,
                                silt_arena *arena);

/* A member of an operation's metrics, where numbers are strings. */
void silt_commit_metric(silt_json_writer *w, const char *name, int64_t value);

/* The line {"commitInfo":{…}} with its newline, at the end of `buf`. The option texts are JSON
 * already (see silt_commit_options_check); `metrics` stands in for those that opts doesn't give. */
void silt_commit_info_write(const silt_txn_options *opts, const char *metrics,
                            const silt_commit_facts *facts, silt_buf *buf);

/* INVALID: operation_parameters, operation_metrics or silt_info that isn't one JSON object, a
 * property without a name or value, twice, or by a name that commitInfo has a meaning for. */
silt_status silt_commit_options_check(const silt_txn_options *opts, silt_error *err);

#endif
