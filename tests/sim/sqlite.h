/* A SQLite file as target in simulations: its calls are counted and hit as a store's are. */
#ifndef SILT_SIM_SQLITE_H
#define SILT_SIM_SQLITE_H

#include "load/ledger.h"
#include "sim/world.h"

bool sim_is_sqlite(const sim_scenario *scenario);
/* What opens a database in this thread is of that process from now on; NULL: of nobody. */
void sim_sqlite_enter(sim_process *process);
/* The file is gone. */
void sim_sqlite_remove(const sim_world *world);
/* The rows (id, value) of a table, as its reader sees them. */
void sim_sqlite_rows(const sim_world *world, const char *table, silt_row_fn *fn, void *ctx);
/* All ledgers of a table from the newest on. */
void sim_sqlite_chain(const sim_world *world, const char *table, silt_arena *arena,
                      const silt_ledger **chain, size_t *count);

#endif
