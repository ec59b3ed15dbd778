/* Pipelines and their sessions. */
#include "load/session.h"

#include <unistd.h>

#include "load/history.h"
#include "load/lanes.h"
#include "load/rejects.h"
#include "load/stdin.h"

struct silt_pipeline {
    silt_load load;
};

silt_load *silt_pipeline_load(silt_pipeline *pipeline)
{
    return &pipeline->load;
}

/* ---- open --------------------------------------------------------------------------------------
 */

void silt_load_progress(void *ctx, double fraction)
{
    silt_load *load = ctx;
    int64_t deadline = atomic_load(&load->deadline_us);
    if (deadline && silt_now_us(load->clock) > deadline && !atomic_exchange(&load->timed_out, true))
        silt_engine_interrupt(load->engine);
    silt_error ignored = {0}; /* before its commit a batch looks at the lock itself */
    (void)silt_load_renew(load, &ignored);
    if (load->opts.progress) silt_lane_progress(load, fraction);
}

static silt_status open_parts(silt_load *load, silt_error *err)
{
    const silt_config *config = load->config;
    const char *base = config->checkpoint_path;
    const char *tracker = silt_arena_printf(load->arena, "%s/" SILT_TRACKER_DIR, base);
    const char *status = silt_arena_printf(load->arena, "%s/table_status", base);
    const char *runs = silt_arena_printf(load->arena, "%s/" SILT_RUNS_DIR, base);
    const char *rejects = silt_arena_printf(load->arena, "%s/" SILT_REJECTS_DIR, base);
    if (!tracker || !status || !runs || !rejects) return silt_fail_nomem(err);
    SILT_TRY(silt_load_open_store(load, base, &load->state, err));
    SILT_TRY(silt_load_open_store(load, tracker, &load->tracker_store, err));
    SILT_TRY(silt_load_open_store(load, status, &load->status_store, err));
    SILT_TRY(silt_load_open_store(load, runs, &load->runs_store, err));
    SILT_TRY(silt_load_open_store(load, rejects, &load->rejects_store, err));

    silt_engine_options engine = SILT_ENGINE_OPTIONS_INIT;
    engine.memory_limit_bytes = config->memory_limit_bytes;
    engine.threads = (int)config->threads;
    engine.timezone = config->timezone;
    engine.progress = silt_load_progress;
    engine.progress_ctx = load;
    engine.progress_blind = !load->opts.progress;
    SILT_TRY(silt_engine_open(&engine, &load->engine, err));
    load->runner = silt_runner_local_new(load->engine);
    return load->runner ? SILT_OK : silt_fail_nomem(err);
}

static void init_mutexes(silt_load *load)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&load->event_mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_mutex_init(&load->lock_mutex, NULL);
    pthread_mutex_init(&load->lanes_mutex, NULL);
}

/* The lines of all mistakes, for the caller's arena. */
static bool copy_mistakes(const silt_config_problems *problems, silt_arena *arena,
                          silt_config_mistakes *out)
{
    const char **lines = silt_arena_calloc(arena, problems->count + 1, sizeof(*lines));
    if (!lines) return false;
    for (size_t i = 0; i < problems->count; i++) {
        lines[i] = silt_arena_strdup(arena, problems->items[i].text);
        if (!lines[i]) return false;
    }
    *out = (silt_config_mistakes){lines, problems->count};
    return true;
}

silt_status silt_pipeline_open(const char *config_path, const silt_pipeline_options *opts,
                               silt_arena *arena, silt_config_mistakes *mistakes,
                               silt_pipeline **out, silt_error *err)
{
    static const silt_pipeline_options defaults = SILT_PIPELINE_OPTIONS_INIT;
    silt_pipeline *p = calloc(1, sizeof(*p));
    if (!p) return silt_fail_nomem(err);
    silt_load *load = &p->load;
    load->opts = opts ? *opts : defaults;
    init_mutexes(load);
    load->arena = silt_arena_new();
    silt_config_problems problems = {0};
    silt_status st = load->arena ? silt_config_load(config_path, NULL, load->arena, &load->config,
                                                    &problems, err)
                                 : silt_fail_nomem(err);
    if (st == SILT_INVALID && mistakes && !copy_mistakes(&problems, arena, mistakes))
        st = silt_fail_nomem(err);
    if (st == SILT_OK) st = open_parts(load, err);
    if (st != SILT_OK) {
        silt_pipeline_free(p);
        return st;
    }
    *out = p;
    return SILT_OK;
}

void silt_pipeline_free(silt_pipeline *p)
{
    if (!p) return;
    silt_load *load = &p->load;
    silt_session_end(load);
    if (load->runner) load->runner->ops->free(load->runner);
    silt_engine_free(load->engine);
    silt_store_free(load->runs_store);
    silt_store_free(load->rejects_store);
    silt_store_free(load->status_store);
    silt_store_free(load->tracker_store);
    silt_store_free(load->state);
    silt_arena_free(load->arena);
    pthread_mutex_destroy(&load->lanes_mutex);
    pthread_mutex_destroy(&load->lock_mutex);
    pthread_mutex_destroy(&load->event_mutex);
    free(p);
}

void silt_pipeline_interrupt(silt_pipeline *p)
{
    atomic_store(&p->load.cancelled, true);
    silt_engine_interrupt(p->load.engine);
    silt_lanes_interrupt(&p->load);
}

void silt_pipeline_set_seams(silt_pipeline *p, const silt_clock *clock, const silt_random *random,
                             silt_engine *engine)
{
    p->load.clock = clock;
    p->load.random = random;
    if (!engine) return;
    p->load.runner->ops->free(p->load.runner);
    silt_engine_free(p->load.engine);
    p->load.engine = engine;
    p->load.runner = silt_runner_local_new(engine);
}

const char *silt_pipeline_name(const silt_pipeline *p)
{
    return p->load.config->pipeline;
}

const char *silt_pipeline_checkpoint_path(const silt_pipeline *p)
{
    return p->load.config->checkpoint_path;
}

size_t silt_pipeline_table_count(const silt_pipeline *p)
{
    return p->load.config->table_count;
}

const char *silt_pipeline_table_name(const silt_pipeline *p, size_t i)
{
    return p->load.config->tables[i].name;
}

const char *silt_pipeline_table_strategy(const silt_pipeline *p, size_t i)
{
    return silt_strategy_name(p->load.config->tables[i].strategy);
}

silt_status silt_pipeline_run_log(silt_pipeline *p, silt_run_log **out, silt_error *err)
{
    return silt_run_history_open(&p->load, out, err);
}

char *silt_pipeline_json_schema(silt_arena *arena)
{
    return silt_config_json_schema(arena);
}

/* ---- sessions */

static bool is_cancelled(void *ctx)
{
    return atomic_load(&((silt_load *)ctx)->cancelled);
}

/* Gives the one before. */
static silt_lock *set_lock(silt_load *load, silt_lock *lock)
{
    pthread_mutex_lock(&load->lock_mutex);
    silt_lock *before = load->lock;
    load->lock = lock;
    pthread_mutex_unlock(&load->lock_mutex);
    return before;
}

/* `run_id` NULL: not for a run. */
static silt_status take_lock(silt_load *load, const char *run_id, int64_t wait_s, bool force,
                             silt_error *err)
{
    const silt_lock_options opts = {
        .name = load->config->pipeline,
        .run_id = run_id,
        .timeout_minutes = load->config->lock_timeout_ms / 60000,
        .wait_seconds = wait_s,
        .force = force,
        .clock = load->clock,
        .random = load->random,
        .cancelled = is_cancelled,
        .cancelled_ctx = load,
    };
    silt_lock_info old;
    silt_lock *lock;
    SILT_TRY(silt_lock_acquire(load->state, &opts, &lock, &old, err));
    (void)set_lock(load, lock);
    if (old.present && old.readable)
        silt_load_message(load, "info", "took over the lock of PID %" PRId64 " on %s, which %s",
                          old.pid, old.hostname, old.alive ? "was forced out" : "is gone");
    else if (old.present)
        silt_load_message(load, "warning", "took over a lock file that could not be read");
    silt_run_history_add_lost(load, &old);
    return SILT_OK;
}

static silt_status open_tracker(silt_load *load, bool create, bool *made, silt_error *err)
{
    const silt_tracker_options opts = {
        .pipeline = load->config->pipeline,
        .clock = load->clock,
        .random = load->random,
        .event = silt_load_sink,
        .event_ctx = load,
    };
    return silt_tracker_open(load->tracker_store, load->engine, &opts, create, &load->tracker, made,
                             err);
}

/* Whether the checkpoint path is a table's folder, too: others may be at work there. */
static bool is_table(silt_store *store, silt_arena *scratch)
{
    static const char *const logs[] = {"_delta_log", "_silt/log"};
    for (size_t i = 0; i < SILT_COUNT(logs); i++) {
        const char *log = silt_store_local_path(store, logs[i], scratch);
        if (log && access(log, F_OK) == 0) return true;
    }
    return false;
}

/* Half-written files of our own tables which a crash left; nobody else writes there while we hold
 * the lock. */
static void sweep_scratch(silt_load *load)
{
    silt_store *const stores[] = {load->state, load->tracker_store, load->status_store,
                                  load->rejects_store};
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    for (size_t i = 0; scratch && i < SILT_COUNT(stores); i++) {
        if (stores[i] == load->state && is_table(load->state, scratch)) continue;
        silt_scratch_remove(silt_store_local_path(stores[i], "_silt/scratch", scratch));
    }
}

void silt_session_name(silt_load *load)
{
    silt_uuid(load->random, load->run_id);
    load->started_us = silt_now_us(load->clock);
}

silt_status silt_session_begin(silt_load *load, int64_t wait_lock_s, bool force_unlock,
                               silt_error *err)
{
    silt_session_name(load);
    const char *run_id = load->history ? load->run_id : NULL;
    SILT_TRY(take_lock(load, run_id, wait_lock_s, force_unlock, err));
    sweep_scratch(load);
    bool made = false;
    silt_status st = open_tracker(load, true, &made, err);
    if (st != SILT_OK) silt_session_end(load);
    return st;
}

silt_status silt_session_lock(silt_load *load, silt_error *err)
{
    return take_lock(load, NULL, 0, false, err);
}

void silt_session_end(silt_load *load)
{
    silt_stdin_release(load);
    silt_tracker_free(load->tracker);
    load->tracker = NULL;
    silt_lock_free(set_lock(load, NULL));
}

silt_status silt_session_track(silt_load *load, silt_error *err)
{
    bool made;
    silt_session_name(load);
    return open_tracker(load, true, &made, err);
}

silt_status silt_session_look(silt_load *load, silt_error *err)
{
    silt_session_name(load);
    silt_status st = open_tracker(load, false, NULL, err);
    return st == SILT_NOT_FOUND ? SILT_OK : st;
}
