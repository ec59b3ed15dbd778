/* The tables of a run: which when. One after another as they are ordered, or in lanes (lanes.h). */
#ifndef SILT_LOAD_TABLES_H
#define SILT_LOAD_TABLES_H

#include "load/batch.h"
#include "load/table_status.h"

/* What table_status said before the run. */
typedef struct silt_known_states {
    const silt_table_state *items;
    size_t count;
} silt_known_states;

/* One table from open to status (pipeline.c). A failure is noted in `run`; only what must stop the
 * whole run is returned: INTERRUPTED, FENCED. */
silt_status silt_table_run_whole(silt_load *load, const silt_config_table *table,
                                 const silt_run_options *opts, const silt_known_states *known,
                                 silt_table_run *run, silt_error *err);

/* All of them, or that of the options; `out` gets what they came to, also where the run was
 * stopped: then those that began. Statuses as above, NOMEM. */
silt_status silt_tables_run(silt_load *load, const silt_run_options *opts, silt_arena *arena,
                            silt_run_result *out, silt_error *err);

#endif
