/* The rows of a checkpoint, as flat batches for the engine. */
#ifndef SILT_LOG_CHECKPOINT_ROWS_H
#define SILT_LOG_CHECKPOINT_ROWS_H

#include "log/log.h"
#include "log/replay.h"

/* What a checkpoint is to hold; borrowed. */
typedef struct silt_log_checkpoint_content {
    const silt_log_state *state;
    const silt_app_txn *app_txns; /* of the state, those that haven't expired */
    size_t app_txn_count;
    const silt_log_replay *files;
    bool with_stats;
} silt_log_checkpoint_content;

typedef struct silt_log_rows silt_log_rows;

/* NULL when out of memory. */
silt_log_rows *silt_log_rows_new(const silt_log_checkpoint_content *content);
void silt_log_rows_free(silt_log_rows *rows);
SILT_DEFINE_AUTO(silt_log_rows, silt_log_rows_free)

/* The columns, for write_flat: static but for the choice of stats. */
void silt_log_rows_schema(const silt_log_checkpoint_content *content, const silt_flat_kind **kinds,
                          size_t *kind_count, const silt_node **nodes, size_t *node_count);
/* A silt_flat_source with the rows as its context. */
silt_status silt_log_rows_next(void *rows, silt_flat_batch *out, silt_error *err);

#endif
