/* Bad rows of a batch: what a runner does when its first try fails by them. */
#ifndef SILT_LOAD_BAD_ROWS_H
#define SILT_LOAD_BAD_ROWS_H

#include "load/runner.h"

/* One try of a job; as silt_runner_ops.apply. */
typedef silt_status silt_try_fn(silt_runner *, const silt_job *, silt_arena *,
                                silt_change_result *out, silt_bad_sources *bad, silt_error *);

/* Try, and as long as files fail by rows that the table's configuration gives a place, take these
 * out of them (which changes `plan`) and try again. Rejected rows are in the facts that the job's
 * hooks get, and in the result. As silt_runner_ops.apply. */
silt_status silt_apply_sieved(silt_runner *runner, const silt_job *job, silt_engine *engine,
                              const silt_sources *sources, silt_source_plan *plan, silt_try_fn *try,
                              silt_arena *arena, silt_change_result *out, silt_bad_sources *bad,
                              silt_error *err);

#endif
