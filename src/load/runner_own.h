/* What runners in this process have alike, whatever their targets are. */
#ifndef SILT_LOAD_RUNNER_OWN_H
#define SILT_LOAD_RUNNER_OWN_H

#include "load/bad_rows.h"

typedef struct silt_own_runner {
    silt_runner base;
    silt_engine *engine; /* borrowed */
    silt_arena *arena;   /* of what was prepared */
    silt_sources sources;
    silt_source_plan plan;
} silt_own_runner;

/* NULL: out of memory. */
silt_runner *silt_own_runner_new(const silt_runner_ops *ops, silt_engine *engine);
/* Forget the job before; the sources are this one's, as its table's configuration reads them. */
void silt_own_runner_begin(silt_own_runner *r, const silt_job *job);
/* As silt_runner_ops.apply, by such tries. */
silt_status silt_own_runner_apply(silt_runner *runner, const silt_job *job, silt_try_fn *try,
                                  silt_arena *arena, silt_change_result *out, silt_bad_sources *bad,
                                  silt_error *err);

/* ---- silt_runner_ops */

void silt_own_runner_free(silt_runner *runner);
const silt_type *silt_own_runner_schema(silt_runner *runner);

#endif
