/* What a Delta table's rows say of what was loaded. */
#ifndef SILT_LOAD_EVIDENCE_H
#define SILT_LOAD_EVIDENCE_H

#include "load/load.h"

/* Both as silt_target_ops has them. */
bool silt_evidence_there(const silt_target *target);
silt_status silt_evidence_read(silt_load *load, silt_target *target, int64_t after, int64_t until,
                               silt_arena *arena, const silt_evidence **out, size_t *count,
                               silt_error *err);

/* "The row is of these files, and of the batches that loaded them", one item or more; NULL: out of
 * memory. Of very many batches it takes rows of all their files: count. */
const char *silt_evidence_condition(const silt_target *target, const silt_evidence *items,
                                    size_t count, silt_arena *arena);

#endif
