#include "load/lanes.h"

#include <time.h>

#include "load/session.h"

#define STATE_BYTES (INT64_C(48) << 20) /* of the engine that keeps the state while lanes work */
#define LANE_BYTES  (INT64_C(56) << 20) /* below which an engine can do little */
#define LOOK_MS     200                 /* between looks whether to stop */

typedef struct lane {
    silt_load load;       /* first: who is handed it finds the lane */
    bool alone;           /* it has all of the memory */
    int64_t bytes;        /* of the batch at work; 0: none. Under event_mutex, as the next */
    double fraction;      /* of it */
    int64_t memory_bytes; /* its engine has */
    int threads;
} lane;

struct silt_lanes {
    silt_load *load;       /* the pipeline's */
    pthread_mutex_t mutex; /* who has it has entered */
    pthread_cond_t changed;
    size_t left;            /* tables that aren't done */
    size_t at_work, parked; /* tables; the latter are of the former, and wait to be alone */
    bool closed;            /* for a lane works alone */
    int64_t memory_bytes;   /* of all lanes */
    int threads;            /* of all lanes */
    bool shrunk;            /* the engine that keeps the state has given up its share */
    size_t width;
    lane items[];
};

static lane *lane_of(silt_load *load)
{
    return (lane *)load;
}

static int64_t memory_of(const silt_load *load)
{
    int64_t given = load->config->memory_limit_bytes;
    return given ? given : silt_engine_memory_default();
}

static int threads_of(const silt_load *load)
{
    return load->config->threads ? (int)load->config->threads : silt_engine_threads_default();
}

size_t silt_lanes_fit(const silt_load *load, size_t wanted)
{
    int64_t most = (memory_of(load) - STATE_BYTES) / LANE_BYTES;
    if (most < 1) most = 1;
    return wanted < (size_t)most ? wanted : (size_t)most;
}

/* ---- open and close */

static silt_status lane_init(lane *l, silt_lanes *all, silt_error *err)
{
    silt_load *whole = all->load, *load = &l->load;
    const silt_config *config = whole->config;
    load->config = config;
    load->opts = whole->opts;
    load->clock = whole->clock;
    load->random = whole->random;
    load->state = whole->state;
    load->tracker_store = whole->tracker_store;
    load->status_store = whole->status_store;
    load->runs_store = whole->runs_store;
    load->rejects_store = whole->rejects_store;
    load->tracker = whole->tracker;
    load->started_us = whole->started_us;
    memcpy(load->run_id, whole->run_id, sizeof(load->run_id));
    load->history = whole->history;
    load->lanes = all;
    load->whole = whole;
    l->memory_bytes = all->memory_bytes / (int64_t)all->width;
    l->threads = all->threads / (int)all->width;
    if (l->threads < 1) l->threads = 1;

    silt_engine_options engine = SILT_ENGINE_OPTIONS_INIT;
    engine.memory_limit_bytes = l->memory_bytes;
    engine.threads = l->threads;
    engine.timezone = config->timezone;
    engine.progress = silt_load_progress;
    engine.progress_ctx = load;
    engine.progress_blind = !load->opts.progress;
    SILT_TRY(silt_engine_open(&engine, &load->engine, err));
    load->runner = silt_runner_local_new(load->engine);
    return load->runner ? SILT_OK : silt_fail_nomem(err);
}

static void set_lanes(silt_load *load, silt_lanes *lanes)
{
    pthread_mutex_lock(&load->lanes_mutex);
    load->lanes = lanes;
    pthread_mutex_unlock(&load->lanes_mutex);
}

static void free_lanes(silt_lanes *lanes)
{
    for (size_t i = 0; i < lanes->width; i++) {
        silt_load *load = &lanes->items[i].load;
        if (load->runner) load->runner->ops->free(load->runner);
        silt_engine_free(load->engine);
    }
    pthread_cond_destroy(&lanes->changed);
    pthread_mutex_destroy(&lanes->mutex);
    free(lanes);
}

silt_status silt_lanes_open(silt_load *load, size_t width, size_t tables, silt_error *err)
{
    silt_lanes *lanes = calloc(1, sizeof(*lanes) + width * sizeof(lanes->items[0]));
    if (!lanes) return silt_fail_nomem(err);
    lanes->load = load;
    lanes->width = width;
    lanes->left = tables;
    lanes->memory_bytes = memory_of(load) - STATE_BYTES;
    lanes->threads = threads_of(load);
    pthread_mutex_init(&lanes->mutex, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&lanes->changed, &attr);
    pthread_condattr_destroy(&attr);
    silt_status st = SILT_OK;
    for (size_t i = 0; st == SILT_OK && i < width; i++)
        st = lane_init(&lanes->items[i], lanes, err);
    if (st != SILT_OK) {
        free_lanes(lanes);
        return st;
    }
    set_lanes(load, lanes);
    return SILT_OK;
}

void silt_lanes_close(silt_load *load)
{
    silt_lanes *lanes = load->lanes;
    silt_error harmless = {0}; /* less memory is no failure */
    set_lanes(load, NULL);
    if (lanes->shrunk)
        (void)load->engine->ops->limit(load->engine, memory_of(load), lanes->threads, &harmless);
    free_lanes(lanes);
}

silt_load *silt_lanes_load(silt_lanes *lanes, size_t i)
{
    return &lanes->items[i].load;
}

void silt_lanes_interrupt(silt_load *load)
{
    pthread_mutex_lock(&load->lanes_mutex);
    for (size_t i = 0; load->lanes && i < load->lanes->width; i++)
        silt_engine_interrupt(load->lanes->items[i].load.engine);
    pthread_mutex_unlock(&load->lanes_mutex);
}

/* ---- one at a time */

void silt_lane_enter(silt_load *load)
{
    if (load->whole) pthread_mutex_lock(&load->lanes->mutex);
}

void silt_lane_leave(silt_load *load)
{
    if (load->whole) pthread_mutex_unlock(&load->lanes->mutex);
}

void silt_lane_wait(silt_load *load)
{
    pthread_cond_wait(&load->lanes->changed, &load->lanes->mutex);
}

void silt_lane_changed(silt_load *load)
{
    pthread_cond_broadcast(&load->lanes->changed);
}

void silt_lane_begin_table(silt_load *load)
{
    load->lanes->at_work++;
}

void silt_lane_end_table(silt_load *load)
{
    silt_lanes *lanes = load->lanes;
    lane *l = lane_of(load);
    lanes->at_work--;
    lanes->left--;
    if (l->alone) lanes->closed = l->alone = false;
    silt_lane_changed(load);
}

bool silt_lanes_closed(const silt_lanes *lanes)
{
    return lanes->closed;
}

/* ---- shares */

/* Before the first batch: the tracker has been read, and is changed by little from now on. */
static silt_status shrink_state(silt_lanes *lanes, silt_error *err)
{
    silt_engine *engine = lanes->load->engine;
    if (lanes->shrunk) return SILT_OK;
    SILT_TRY(engine->ops->limit(engine, STATE_BYTES, 1, err));
    lanes->shrunk = true;
    return SILT_OK;
}

silt_status silt_lane_take_share(silt_load *load, silt_error *err)
{
    silt_lanes *lanes = load->lanes;
    lane *l = lane_of(load);
    if (!load->whole) return SILT_OK;
    SILT_TRY(shrink_state(lanes, err));
    size_t by = l->alone ? 1 : lanes->left < lanes->width ? lanes->left : lanes->width;
    int64_t memory_bytes = lanes->memory_bytes / (int64_t)by;
    int threads = lanes->threads / (int)by;
    if (threads < 1) threads = 1;
    if (memory_bytes == l->memory_bytes && threads == l->threads) return SILT_OK;
    SILT_TRY(load->engine->ops->limit(load->engine, memory_bytes, threads, err));
    l->memory_bytes = memory_bytes;
    l->threads = threads;
    return SILT_OK;
}

static void wait_a_while(silt_lanes *lanes)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&lanes->changed, &lanes->mutex, &until);
}

silt_status silt_lane_wait_alone(silt_load *load, bool *alone, silt_error *err)
{
    silt_lanes *lanes = load->lanes;
    lane *l = lane_of(load);
    silt_status st = SILT_OK;
    *alone = false;
    if (!load->whole || l->alone || l->memory_bytes == lanes->memory_bytes) return SILT_OK;
    lanes->parked++;
    silt_lane_changed(load);
    while ((lanes->closed || lanes->at_work > lanes->parked) && st == SILT_OK) {
        wait_a_while(lanes);
        st = silt_load_check(load, err);
    }
    lanes->parked--;
    if (st != SILT_OK) return st;
    lanes->closed = l->alone = *alone = true;
    return SILT_OK;
}

/* ---- progress */

void silt_lane_batch(silt_load *load, int64_t bytes)
{
    if (!load->whole) return;
    pthread_mutex_lock(&load->whole->event_mutex);
    lane_of(load)->bytes = bytes;
    lane_of(load)->fraction = 0;
    pthread_mutex_unlock(&load->whole->event_mutex);
}

void silt_lane_batches(const silt_load *load, int64_t *count, int64_t *bytes)
{
    *count = *bytes = 0;
    pthread_mutex_lock(&load->whole->event_mutex);
    for (size_t i = 0; i < load->lanes->width; i++) {
        const lane *l = &load->lanes->items[i];
        *count += l->bytes > 0;
        *bytes += l->bytes;
    }
    pthread_mutex_unlock(&load->whole->event_mutex);
}

void silt_lane_progress(silt_load *load, double fraction)
{
    if (!load->whole) {
        load->opts.progress(load->opts.progress_ctx, fraction);
        return;
    }
    double all = 0, done = 0;
    pthread_mutex_lock(&load->whole->event_mutex);
    lane_of(load)->fraction = fraction < 0 ? 0 : fraction;
    for (size_t i = 0; i < load->lanes->width; i++) {
        const lane *l = &load->lanes->items[i];
        all += (double)l->bytes;
        done += (double)l->bytes * l->fraction;
    }
    load->opts.progress(load->opts.progress_ctx, all > 0 ? done / all : fraction);
    pthread_mutex_unlock(&load->whole->event_mutex);
}
