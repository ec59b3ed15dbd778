/* What the parts of the loader share: one pipeline at work. */
#ifndef SILT_LOAD_LOAD_H
#define SILT_LOAD_LOAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/seam.h"
#include "load/config.h"
#include "load/ledger.h"
#include "load/lock.h"
#include "load/runner.h"
#include "load/target.h"
#include "load/tracker.h"
#include "silt/pipeline.h"

typedef struct silt_lanes silt_lanes; /* load/lanes.h */

/* One pipeline. Made by silt_pipeline_open(); the fields below the line live while a command runs.
 * A lane, in which tables are loaded while others are in other lanes, has one of its own: what it
 * doesn't share by pointers is only the lane's thread's. */
struct silt_load {
    const silt_config *config;
    silt_arena *arena; /* of the configuration */
    silt_pipeline_options opts;
    const silt_clock *clock;   /* NULL: the system's */
    const silt_random *random; /* NULL: the system's */
    silt_store *state;         /* the checkpoint path */
    silt_store *tracker_store, *status_store, *runs_store, *rejects_store;
    silt_engine *engine;
    silt_runner *runner;
    atomic_bool cancelled;           /* asked to stop */
    atomic_bool timed_out;           /* the batch took too long */
    atomic_int_fast64_t deadline_us; /* of the batch at work; 0: none */
    /* ---- */
    pthread_mutex_t lock_mutex; /* of `lock`: the engine's watcher renews it too */
    silt_lock *lock;
    silt_tracker *tracker;
    int64_t started_us;
    char run_id[SILT_UUID_SIZE];
    const char *spool;                  /* folder of what was piped in; NULL: nothing was read */
    silt_found_file piped;              /* its path NULL: it was empty */
    struct silt_run_history *history;   /* of the run at work (history.h); NULL: none is kept */
    int64_t violations, commit_retries; /* of the table at work, for the history */
    int64_t tracker_seen;    /* silt_tracker_reloads() when the table at work was last settled */
    int64_t tracker_commits; /* own ones */
    pthread_mutex_t event_mutex; /* recursive; of the program's sinks and the history's events */
    pthread_mutex_t lanes_mutex; /* of the pointer `lanes`: interrupts ask for it */
    silt_lanes *lanes;           /* NULL: tables are loaded one after another */
    silt_load *whole;            /* of a lane: the pipeline's; else NULL */
};

/* The pipeline's, which has the locks. */
static inline silt_load *silt_load_whole(silt_load *load)
{
    return load->whole ? load->whole : load;
}

/* The store of a place, as the program opens them. */
silt_status silt_load_open_store(const silt_load *load, const char *path, silt_store **out,
                                 silt_error *err);

/* Which source files of a table there are, whatever kind of source it has. A Delta table's versions
 * go by the tracker, which is to be settled; `latest` and `note` as silt_feed_discover(). */
silt_status silt_load_discover(silt_load *load, const silt_config_table *table, bool note,
                               int64_t *latest, silt_arena *arena, silt_found *out,
                               silt_error *err);

/* INVALID: the pipeline has no such table. NULL is fine. */
silt_status silt_load_check_table(const silt_load *load, const char *name, silt_error *err);

/* Tell the program's sink: kind and a JSON object. */
void silt_load_event(silt_load *load, const char *kind, const char *format, ...) SILT_PRINTF(3, 4);
/* The same as a sink of others: `ctx` is the silt_load. */
void silt_load_sink(void *ctx, const char *kind, const char *json);
/* Tell a person (kind "message", {"level", "text"}): level is info or warning. */
void silt_load_message(silt_load *load, const char *level, const char *format, ...)
    SILT_PRINTF(3, 4);

/* INTERRUPTED or TIMEOUT when the run is to stop; FENCED when the lock was taken away. Renews the
 * lock. */
silt_status silt_load_check(silt_load *load, silt_error *err);
/* silt_tracker_commit() for the table at work. CONFLICT also where another lane has read what other
 * processes did since the table was settled. */
silt_status silt_load_track(silt_load *load, const silt_tracker_change *change, silt_error *err);
/* Is another whenever a table was settled over other rows of the tracker than those it had left. */
int64_t silt_load_tracker_state(const silt_load *load);
/* An interrupt has done its work: engines may be used to leave things in order. */
void silt_load_resume(silt_load *load);
/* Renew the lock, if one is held; from any thread. FENCED. */
silt_status silt_load_renew(silt_load *load, silt_error *err);

#endif
