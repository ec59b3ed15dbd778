/* What comes of a scenario in one process: a run, and what people do behind it. */
#ifndef SILT_SIM_STEPS_H
#define SILT_SIM_STEPS_H

#include "sim/world.h"

/* All of it: what was done already is left alone, so that it may be repeated. */
silt_status sim_steps(sim_process *process, silt_pipeline *pipeline, const silt_run_options *run,
                      sim_outcome *out, silt_error *err);

/* The table of rejects is what the scenario says. */
void sim_check_rejects(sim_world *world, silt_engine *engine);

#endif
