/* What a table is, on record: one JSON object, as run bundles and `silt show --record` have it. */
#ifndef SILT_RECORD_H
#define SILT_RECORD_H

#include "silt/arena.h"
#include "silt/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct silt_record_options {
    size_t struct_size;
    const char *name;       /* of the dataset; NULL: the table's own */
    const char *kind;       /* "source", "target" …; NULL: "table" */
    int64_t retry_attempts; /* of commits, by a run; -1: as the last commit says */
    int64_t violations;     /* rows that violated a constraint, in a run; -1: none was looked for */
} silt_record_options;
#define SILT_RECORD_OPTIONS_INIT                         \
    {                                                    \
        sizeof(silt_record_options), NULL, NULL, -1, -1, \
    }

/**
 * A table's record. Members, in this order: name, kind, path, format ("delta"), delta_version,
 * table_id, protocol {min_reader_version, min_writer_version}, delta_features (all that the
 * protocol has), active_features (of these, what the table makes use of), schema_fingerprint
 * (SHA-256 of the columns' names, types and order), partition_by, ordering_keys (what new rows are
 * sorted by), column_mapping_mode, stats_policy {columns | count}, write_policy {target_file_size,
 * compression, row_group_rows, zorder, cluster_by, deletion_vectors}, constraints {name: check},
 * last_commit {version, timestamp, operation, engine, txn_id, user_metadata, operation_metrics}
 * (members after `timestamp` are null where the commit was cleaned up), retry_attempts, violations.
 * What isn't known, or isn't said, is null.
 *
 * @param opts  NULL for SILT_RECORD_OPTIONS_INIT
 * @param arena `*out` lives here
 * @return SILT_CORRUPT a property or commit that doesn't parse; or any status of the store
 * Cost: the commit of the snapshot's version is read.
 */
SILT_API SILT_CHECKED silt_status silt_snapshot_record(const silt_snapshot *snapshot,
                                                       const silt_record_options *opts,
                                                       silt_arena *arena, const char **out,
                                                       silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
