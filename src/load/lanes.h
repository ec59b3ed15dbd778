/* Lanes: several tables of a run at a time, each in a thread.
 *
 * Invariants
 *  (1) Of the loader's own code one thread is at work at a time: it has *entered*. What takes long
 *      (looking for files, reading, writing and committing a batch, waiting) is done after it has
 *      *left*, and touches nothing but the table's own things and what may be used from any thread.
 *  (2) What a lane knows of the tracker's rows is void once it has left. A commit of the tracker by
 *      what was known before is a CONFLICT if other processes changed it since (silt_load_track()).
 *  (3) The engines of all lanes and the one that keeps the state together have memory_limit and
 *      threads: a lane's share, taken before each batch, is all of it by as many as there can be at
 *      work from now on, which only gets fewer.
 *
 * Of a load without lanes all of this does nothing. */
#ifndef SILT_LOAD_LANES_H
#define SILT_LOAD_LANES_H

#include "load/load.h"

/* As many lanes as memory_limit is enough for, `wanted` at most; 1: there is to be none. */
size_t silt_lanes_fit(const silt_load *load, size_t wanted);

/* `width` (2 or more) lanes for `tables` tables, into `load->lanes`. Nobody has entered then, nor
 * may have when they are closed. */
silt_status silt_lanes_open(silt_load *load, size_t width, size_t tables, silt_error *err);
void silt_lanes_close(silt_load *load);
/* The load of lane `i`; it lives as long as the lanes. */
silt_load *silt_lanes_load(silt_lanes *lanes, size_t i);
/* Interrupt the engines of all lanes; any thread. */
void silt_lanes_interrupt(silt_load *load);

/* Called by a lane's thread. */
void silt_lane_enter(silt_load *lane);
void silt_lane_leave(silt_load *lane);

/* The rest is called by threads that have entered. */

/* Until something has changed that silt_lane_changed() tells; it leaves meanwhile. */
void silt_lane_wait(silt_load *lane);
void silt_lane_changed(silt_load *lane);
/* A table begins, or is done with. */
void silt_lane_begin_table(silt_load *lane);
void silt_lane_end_table(silt_load *lane);
/* Whether a lane works alone, so that no table may begin. */
bool silt_lanes_closed(const silt_lanes *lanes);

/* The lane's engine gets its share of memory and threads. */
silt_status silt_lane_take_share(silt_load *lane, silt_error *err);
/* A table that didn't find the memory it needs beside others: wait until no other is at work; it
 * has all of it then, up to its end. `*alone` false: it had that already. INTERRUPTED, FENCED. */
silt_status silt_lane_wait_alone(silt_load *lane, bool *alone, silt_error *err);

/* ---- progress */

/* A batch of so many bytes begins; 0: it is over. */
void silt_lane_batch(silt_load *lane, int64_t bytes);
/* Batches at work and their bytes, of all lanes. */
void silt_lane_batches(const silt_load *lane, int64_t *count, int64_t *bytes);
/* The program hears how far all batches at work have come. Any thread. */
void silt_lane_progress(silt_load *lane, double fraction);

#endif
