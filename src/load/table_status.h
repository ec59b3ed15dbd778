/* Table status: how each table of the pipeline stands after its last run, as a Delta table under
 * the checkpoint path. A courtesy for people and monitors; nothing is decided by it. */
#ifndef SILT_LOAD_TABLE_STATUS_H
#define SILT_LOAD_TABLE_STATUS_H

#include "load/load.h"

#define SILT_STATUS_DIR "table_status"

typedef struct silt_table_state {
    const char *table_name;
    const char *status;      /* pending, processing, completed, failed */
    const char *last_run_id; /* NULL: none */
    int64_t last_batch_id;   /* -1: none */
    int64_t files_completed, files_failed;
    int64_t updated_us;
} silt_table_state;

/* All rows; none where there is no such table yet. */
silt_status silt_table_status_read(silt_load *load, silt_arena *arena, const silt_table_state **out,
                                   size_t *count, silt_error *err);

/* Set one table's row, if it differs in more than its time. */
silt_status silt_table_status_set(silt_load *load, const silt_table_state *state, silt_error *err);

/* Forget all rows by one commit, so that whoever was about to set one conflicts, instead of leaving
 * a gap in a log that begins anew. A table that can't be read is deleted. */
silt_status silt_table_status_forget(silt_load *load, silt_error *err);

/* What the tracker says of a table: counts by status; the row's status is completed, failed or
 * pending by them. */
void silt_table_status_count(silt_load *load, const char *table_name, silt_table_state *out,
                             int64_t *pending, int64_t *processing);

/* What a lock says, for people (status.c). NOMEM. */
silt_status silt_status_of_lock(const silt_lock_info *lock, silt_arena *arena,
                                silt_status_lock *out, silt_error *err);

#endif
