/* Worlds for simulations: source files, places to load into, and processes that load and fail.
 *
 * A world is one folder with a pipeline file and its sources. The places (checkpoint path, targets)
 * are folders in it, or in memory. A process is one run of the pipeline over these places through
 * fault stores which share one plan and one counter. Clock and randomness are the world's own, so
 * that nothing waits and what happened can be repeated. */
#ifndef SILT_SIM_WORLD_H
#define SILT_SIM_WORLD_H

#include "base/seam.h"
#include "engine/engine.h"
#include "silt/pipeline.h"
#include "store/fault.h"

/* ---- what is loaded */

typedef struct sim_file {
    const char *name, *text;
} sim_file;

typedef struct sim_scenario {
    const char *name;
    const char *table;     /* YAML of the table "t" behind its source and path; "" for none */
    const sim_file *files; /* ends with a name of NULL */
    const char *expected;  /* rows "id value" of the target, sorted, one a line */
    int64_t files_ok;      /* files that can be loaded */
    bool two_tables;       /* and a table "u" of the same files, appended */
    const char *fed; /* with two_tables: "u" is loaded from the first one's versions instead; how */
    sim_file changed;     /* once the first run is over one of the files is like this, and a second
                             run comes; name NULL: none */
    int64_t restored;     /* once the first run is over the target goes back to this version, and a
                             second run comes; 0: it doesn't */
    const char *unloaded; /* once the run is over this file's rows go; NULL: none's */
    const char *rejects;  /* lines "file row status text" of the table of rejects, sorted; NULL:
                             there are none */
    bool replayed;        /* once the run is over, rejects with an 'x' before their id are mended */
    bool anew;            /* all is forgotten and deleted, and a second run comes */
    bool maintained;      /* once the run is over */
    const char *doubled;  /* somebody brings the row "4 b4" of this file again, which is mended */
} sim_scenario;

/* See scenario.c. By strategy, then by target, by what is done behind a run, and with bad rows. */
extern const sim_scenario sim_append, sim_partitioned, sim_upsert, sim_append_once, sim_overwrite,
    sim_scd2, sim_bad_file, sim_two_tables, sim_reload, sim_restored, sim_unload, sim_parquet,
    sim_csv, sim_quarantine;

/* All of them, each in a sweep by its bit of `sweeps`. */
typedef enum sim_sweep {
    SIM_FAULTS = 1,
    SIM_KILLS = 2,
    SIM_ZOMBIES = 4,
    SIM_SCHEDULES = 8,
    SIM_ALL = 15
} sim_sweep;
typedef struct sim_listed {
    const sim_scenario *scenario;
    unsigned sweeps;
} sim_listed;
extern const sim_listed sim_scenarios[];
extern const size_t sim_scenario_count;
/* The next one of a sweep from `*at` on, which moves behind it; NULL: there is none. */
const sim_scenario *sim_next_scenario(sim_sweep sweep, size_t *at);
/* A case of `fn` for each scenario of a sweep, which is its state and its name; their number. */
#define SIM_SCENARIOS_MAX 64
struct CMUnitTest;
size_t sim_tests(sim_sweep sweep, void (*fn)(void **state), struct CMUnitTest *tests);

/* ---- worlds */

#define SIM_PLACES_MAX 24
typedef struct sim_world {
    const sim_scenario *scenario;
    char *dir;
    char *config;
    bool local; /* places are folders in `dir` */
    struct {
        char *uri;
        silt_store *store;
    } places[SIM_PLACES_MAX];
    size_t place_count;
    _Atomic int64_t now_us;
    _Atomic uint64_t random_state;
    silt_clock clock;
    silt_random random;
} sim_world;

/* `dir` is the folder to be in, borrowed and reused by one world after another: sources are written
 * once, places on disk are removed. */
void sim_world_init(sim_world *world, const sim_scenario *scenario, const char *dir, bool local,
                    uint64_t seed);
void sim_world_release(sim_world *world);

/* Where a source file is; the caller frees it. */
char *sim_source_path(const sim_world *world, const char *name);
/* The file is like that from now on; at once, so that nobody sees half of it. */
void sim_set_source(const sim_world *world, const sim_file *file);

/* Randomness as of another process: before a fork, so that two children don't draw the same. */
void sim_world_reseed(sim_world *world);

/* The store of a place, in memory: "state", "state/file_processing_tracker", "lake/t". */
silt_store *sim_place(sim_world *world, const char *name);
/* Remove a place that is on disk. */
void sim_remove(sim_world *world, const char *name);
/* All objects of `from` into `to`, whose own are removed. */
void sim_copy(silt_store *from, silt_store *to);
/* A new store in memory with the objects of `from`. */
silt_store *sim_keep(silt_store *from);

/* ---- processes */

typedef struct sim_process {
    sim_world *world;
    silt_engine *engine;   /* borrowed; NULL: one of its own */
    silt_fault_plan plan;  /* of all of its stores; `run` is set by sim_run() */
    bool lose_all_answers; /* of puts */
    const char *own_lock;  /* a folder name: its lock is in a place of its own; NULL */
    int64_t max_batches;
    silt_progress_fn *progress;
    silt_fault_run calls;
} sim_process;

/* What a run said. `status` is the run's, or the table's problem. */
typedef struct sim_outcome {
    silt_status status;
    int64_t batches, processed, failed, rows;
    char message[1024];
} sim_outcome;

/* One run, and what the scenario has come behind it, from opening the pipeline to giving it back.
 * The lock is taken by force where `force`.
 */
sim_outcome sim_run(sim_process *process, bool force, bool retry_failed);

/* Its pipeline, as sim_run() opens it; to be given back before the process. */
silt_pipeline *sim_open(sim_process *process);
/* Its reset-state. */
silt_status sim_reset(sim_process *process, const char *table, bool forget);
/* With --forget --delete-rows. */
silt_status sim_start_anew(sim_process *process);

/* A run without any fault. */
sim_outcome sim_run_clean(sim_world *world, silt_engine *engine);

/* An engine that outlives the pipelines which use it: their freeing it does nothing. */
silt_engine *sim_engine_new(void);
void sim_engine_free(silt_engine *engine);

/* ---- what must be true */

/* The rows "id value" of a target ("t"), sorted, one a line; "" where there is no table. */
void sim_read_target(sim_world *world, silt_engine *engine, const char *table, silt_buf *out);
/* What validate finds, a line each; "" when all is consistent. */
void sim_validate(sim_world *world, silt_engine *engine, silt_buf *out);

/* One clean run now makes it exact: every row once, each file in one committed ledger, all
 * consistent, and a further run loads nothing. */
void sim_check_recovers(sim_world *world, silt_engine *engine);
/* The same after so many crashes that a file may have been blamed for them: such files are asked
 * for once more. */
void sim_check_recovers_blaming(sim_world *world, silt_engine *engine);
/* The same, where the tracker may have become unreadable: then the run says so (INCONSISTENT) and
 * has loaded nothing, and after reset-state it is exact. */
void sim_check_recovers_or_stops(sim_world *world, silt_engine *engine);
/* The same of a state in which nothing is left to be loaded. */
void sim_check_exact(sim_world *world, silt_engine *engine);
/* No row more than once, now. */
void sim_check_no_duplicates(sim_world *world, silt_engine *engine);

/* ---- points: each has a name, which repeats it alone when SILT_POINT is set to it; that
 * may be a pattern: "ops_faults/migrate*" takes all of these. */

/* Begin a point; false: it isn't wanted, or is another shard's (SILT_SHARD=2/8). */
bool sim_point(const char *format, ...) SILT_PRINTF(1, 2);
/* Begin a group of points, all of which are of the one shard; false: another's. What has groups
 * spares what comes before the points of the others. */
bool sim_group(void);
int64_t sim_points(void); /* begun so far */
const char *sim_point_name(void);
/* Fail the test with the point's name and how to repeat it. In a child process: print that and exit
 * with SIM_CHILD_FAILED. */
void sim_check(bool ok, const char *format, ...) SILT_PRINTF(2, 3);

/* ---- child processes */

#define SIM_CHILD_FAILED 77
/* Load the engine's library, once for all children. No engine may live in this process. */
void sim_children_init(void);
/* Start `fn(ctx)` in a child process, which ends with it. */
int sim_child_start(void (*fn)(void *ctx), void *ctx);
/* Wait for its end: true when it was killed by SIGKILL; a failed check in it fails the test here.
 */
bool sim_child_wait(int pid);
bool sim_child(void (*fn)(void *ctx), void *ctx);

/* Calls of a run without faults, by what they are: counted by sim_count_call(), a plan's hook. */
typedef struct sim_call_counts {
    int64_t puts, removes, others;
} sim_call_counts;
void sim_count_call(void *counts, silt_fault_when when, const char *name, const char *key,
                    int64_t call);
/* How many of them a plan's `ops` are. */
int64_t sim_calls_of(const sim_call_counts *counts, unsigned ops);

/* SILT_SEED, SILT_SWEEP_SEED: which points are chosen where not all are taken; 0 without them. */
uint64_t sim_seed(void);
/* How many seeds of a random sweep, and the first of them: `all`, or `some` by sim_seed(), or the
 * one that SILT_POINT names. */
uint64_t sim_seeds(uint64_t some, uint64_t all, uint64_t *first);
/* SILT_SWEEP=full: every point; else some of them, of calls SILT_SWEEP times as many where that is
 * a number. */
bool sim_full(void);
/* The calls to hit out of 1…total: all of them, or about `some`, spread evenly and shifted by
 * `salt`. The next one behind `n`; 0: none. */
int64_t sim_next(int64_t n, int64_t total, int64_t some, uint64_t salt);

/* Print "# NAME: N points". */
void sim_report(const char *name);

#endif
