/* How the files of a table are laid out, as its properties say: one place for every operation that
 * writes. */
#ifndef SILT_OPS_LAYOUT_H
#define SILT_OPS_LAYOUT_H

#include "engine/engine.h"
#include "log/log.h"
#include "log/property.h"
#include "silt/policy.h"

/* delta.targetFileSize, a number of bytes or "128mb"; 0: not given, or nothing that can be read. */
int64_t silt_table_file_bytes(const silt_metadata *metadata);

/* A codec as the engine calls it; NULL: no codec, or one that isn't known. */
const char *silt_codec(const char *name);

/* What `over` says, and where it says nothing what `base` does; constraints of both. Lists are the
 * two's own. NOMEM. */
silt_status silt_policy_merge(const silt_policy *base, const silt_policy *over, silt_arena *arena,
                              silt_policy *out, silt_error *err);
/* All of it in the arena; NULL: out of memory. */
silt_policy *silt_policy_copy(const silt_policy *policy, silt_arena *arena);

/* Fill in what the caller left 0 of size, codec, row groups and order, and whether partition
 * columns stand in the files. Columns that the order names and `columns` lacks are passed over:
 * they were dropped or renamed since. NOMEM. */
silt_status silt_layout_fill(const silt_protocol *protocol, const silt_metadata *metadata,
                             const silt_output_column *columns, size_t column_count,
                             silt_arena *arena, silt_write_spec *write, silt_error *err);

/* The columns that rows are sorted by, by their labels; none for a curve, which is no order that
 * anybody could go by. NOMEM. */
silt_status silt_layout_sorted_by(const silt_write_order *order, const silt_output_column *columns,
                                  silt_arena *arena, silt_names *out, silt_error *err);

#endif
