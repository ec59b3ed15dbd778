/* The highest row id that a table has given away.
 * @see PROTOCOL.md, "Row Tracking", "Writer Requirements for Row Tracking" */
#ifndef SILT_TABLE_ROW_IDS_H
#define SILT_TABLE_ROW_IDS_H

#include "log/log.h"
#include "table/snapshot.h"

#define SILT_ROW_IDS_DOMAIN "delta.rowTracking"

/* -1: none yet. CORRUPT: a domain that doesn't say. */
silt_status silt_row_ids_high(const silt_log_state *state, int64_t *out, silt_error *err);
/* The domain's configuration, in the arena; NULL when out of memory. */
const char *silt_row_ids_configuration(int64_t high, silt_arena *arena);

/* Take `rows` ids (a file's physical rows) above `*high`: the file's base id; `*high` moves on.
 * INVALID: there are no more numbers. */
silt_status silt_row_ids_take(int64_t *high, int64_t rows, int64_t *base, silt_error *err);

/* Whether the file at this index of the snapshot's adds is ours to answer for. */
typedef bool silt_row_ids_pass_fn(void *ctx, const silt_add *add, bool *failed);
/* Each file has ids for its rows, but for those that `pass` lets through. INVALID: one hasn't
 * (which). */
silt_status silt_row_ids_check(silt_snapshot *snapshot, silt_row_ids_pass_fn *pass, void *ctx,
                               silt_error *err);

#endif
