/* Folders of raw files as readers see them. */
#ifndef SILT_SIM_RAW_H
#define SILT_SIM_RAW_H

#include "sim/world.h"

/* Whether the scenario's target is one. */
bool sim_is_raw(const sim_scenario *scenario);
/* The table that is hidden in one, over the borrowed folder. */
silt_store *sim_raw_table(silt_store *folder);
/* "id" and "value" of each row that a reader finds. */
void sim_raw_rows(silt_store *folder, silt_engine *engine, silt_row_fn *fn, void *ctx);

#endif
