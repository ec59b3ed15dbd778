/* A pipeline opened, and a session of it: the lock held, the tracker open. */
#ifndef SILT_LOAD_SESSION_H
#define SILT_LOAD_SESSION_H

#include "load/load.h"

silt_load *silt_pipeline_load(silt_pipeline *pipeline);

/* From an engine's watcher thread, `ctx` being the silt_load: tells the program, renews the lock,
 * ends batches that take too long. */
void silt_load_progress(void *ctx, double fraction);

/* For tests: other clocks and randomness than the system's, and another engine (then owned by the
 * pipeline; NULL: keep). */
void silt_pipeline_set_seams(silt_pipeline *pipeline, const silt_clock *clock,
                             const silt_random *random, silt_engine *engine);

/* Give what begins now its id and its time. */
void silt_session_name(silt_load *load);
/* Take the lock, open (or make) the tracker, name the run. LOCKED, INVALID, INCONSISTENT. */
silt_status silt_session_begin(silt_load *load, int64_t wait_lock_s, bool force_unlock,
                               silt_error *err);
/* As silt_session_begin() without the tracker. */
silt_status silt_session_lock(silt_load *load, silt_error *err);
/* Give all of that back. */
void silt_session_end(silt_load *load);

/* As silt_session_begin() without the lock: over stores that are nobody else's. */
silt_status silt_session_track(silt_load *load, silt_error *err);
/* Without a lock, to look: the tracker as it is; load->tracker stays NULL where there is none. */
silt_status silt_session_look(silt_load *load, silt_error *err);

#endif
