/* What making and altering a table have in common. */
#ifndef SILT_OPS_SHAPE_COMMIT_H
#define SILT_OPS_SHAPE_COMMIT_H

#include "ops/once.h"
#include "silt/table.h"
#include "table/shape.h"

/* One step upon the shape. */
silt_status silt_table_step_apply(silt_shape *shape, const silt_table_step *step, silt_error *err);
/* changes and unwritable of the result. */
silt_status silt_table_describe(const silt_shape *shape, silt_arena *arena, silt_table_result *out,
                                silt_error *err);
/* What stands where the number was committed before; `*done` false: it wasn't. */
silt_status silt_table_done(const silt_snapshot *snapshot, const silt_commit_options *commit,
                            silt_table_result *out, bool *done, silt_error *err);

#endif
