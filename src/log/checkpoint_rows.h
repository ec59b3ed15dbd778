/* The rows of a checkpoint, as flat batches for the engine. */
#ifndef SILT_LOG_CHECKPOINT_ROWS_H
#define SILT_LOG_CHECKPOINT_ROWS_H

#include "log/log.h"
#include "log/replay.h"
#include "log/state.h"

/* What a checkpoint is to hold; borrowed. */
typedef struct silt_log_checkpoint_content {
    const silt_log_state *state;
    const silt_app_txn *app_txns; /* of the state, those that haven't expired */
    size_t app_txn_count;
    const silt_log_replay *files;
    bool with_stats;                                     /* as JSON */
    bool has_tags, has_dvs, has_row_ids, has_clustering; /* some file or tombstone */
    const silt_type *stats_type;                         /* of stats_parsed; NULL: not wanted */
    const silt_type *partitions_type;                    /* of partitionValues_parsed; likewise */
} silt_log_checkpoint_content;

/* The types above, in the arena, as delta.checkpoint.writeStatsAsStruct asks (checkpoint_stats.c).
 */
silt_status silt_log_parsed_types(const silt_log_state *state, silt_arena *arena,
                                  const silt_type **stats, const silt_type **partitions,
                                  silt_error *err);

/* Set has_…: columns that would hold nothing are left out, for a null costs as much as a value. */
void silt_log_rows_survey(silt_log_checkpoint_content *content);

/* Rows of a checkpoint are numbered: protocol, metadata, app txns, domains, files, tombstones. */
size_t silt_log_rows_count(const silt_log_checkpoint_content *content);
/* The first of the files. */
size_t silt_log_rows_first_file(const silt_log_checkpoint_content *content);

/* Those rows that are to stand in one file. */
typedef struct silt_log_slice {
    const size_t *order; /* numbers of rows; NULL: as they are */
    size_t from, to;     /* of `order`, or the rows' own numbers */
    bool files_only;     /* a sidecar: columns for files and tombstones only */
} silt_log_slice;

/* How many actions of each kind a slice has. */
silt_log_checkpoint_counts silt_log_rows_tally(const silt_log_checkpoint_content *content,
                                               const silt_log_slice *slice);

/* The rows in the order of `parts` parts (checkpoint_parts.c): part i from starts[i] to
 * starts[i+1], in the arena. */
silt_status silt_log_parts_order(const silt_log_checkpoint_content *content, size_t parts,
                                 silt_arena *arena, const size_t **order, size_t **starts,
                                 silt_error *err);

typedef struct silt_log_rows silt_log_rows;

/* Both are borrowed. NULL when out of memory. */
silt_log_rows *silt_log_rows_new(const silt_log_checkpoint_content *content,
                                 const silt_log_slice *slice);
void silt_log_rows_free(silt_log_rows *rows);
SILT_DEFINE_AUTO(silt_log_rows, silt_log_rows_free)

/* The columns, for write_flat; those that nothing stands in are missing. */
void silt_log_rows_schema(const silt_log_rows *rows, const silt_flat_kind **kinds,
                          size_t *kind_count, const silt_node **nodes, size_t *node_count);
/* A silt_flat_source with the rows as its context. */
silt_status silt_log_rows_next(void *rows, silt_flat_batch *out, silt_error *err);

#endif
