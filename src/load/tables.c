#include "load/tables.h"

#include <errno.h>

#include "load/lanes.h"

typedef enum stage { WAITS, AT_WORK, DONE } stage;

typedef struct task {
    const silt_config_table *table;
    stage stage;
    silt_table_run run;
} task;

typedef struct tables {
    silt_load *load;
    const silt_run_options *opts;
    silt_known_states known;
    task *items; /* in the order in which they go one after another */
    size_t count;
    silt_status status; /* what stops the run */
    silt_error err;     /* of that */
} tables;

/* ---- which comes next */

static const task *find(const tables *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (silt_streq(t->items[i].table->name, name)) return &t->items[i];
    return NULL;
}

/* The table that keeps `table` from being loaded: it depends on it, and it failed in this run;
 * NULL: none. */
static const silt_run_table *find_obstacle(const tables *t, const silt_config_table *table)
{
    for (size_t n = 0; n < table->depends_on.count; n++) {
        const task *other = find(t, table->depends_on.items[n]);
        if (other && !silt_streq(other->run.sum.status, "completed")) return &other->run.sum;
    }
    return NULL;
}

/* Not done, and why. */
static void leave_out(const silt_config_table *table, const silt_run_table *obstacle,
                      silt_table_run *run)
{
    bool waits = silt_streq(obstacle->status, "skipped");
    run->sum = (silt_run_table){
        .table_name = table->name,
        .path = table->target_path,
        .status = "skipped",
        .violations = -1,
        .version = -1,
        .problem = obstacle->problem != SILT_OK ? obstacle->problem : SILT_BAD_DATA,
        .message = silt_arena_printf(run->arena, "left out: it depends on %s, which %s",
                                     obstacle->table_name, waits ? "was left out" : "has failed"),
    };
}

static bool depends_are_done(const tables *t, const silt_config_table *table)
{
    for (size_t n = 0; n < table->depends_on.count; n++) {
        const task *other = find(t, table->depends_on.items[n]);
        if (other && other->stage != DONE) return false;
    }
    return true;
}

/* An SQLite file takes one writer at a time: the second would only wait for the first, and in the
 * end in vain. */
static bool place_is_busy(const tables *t, const silt_config_table *table)
{
    if (table->format != SILT_TARGET_SQLITE) return false;
    for (size_t i = 0; i < t->count; i++) {
        const task *other = &t->items[i];
        if (other->stage == AT_WORK && other->table->format == SILT_TARGET_SQLITE &&
            silt_streq(other->table->database, table->database))
            return true;
    }
    return false;
}

static task *next(tables *t)
{
    for (size_t i = 0; i < t->count; i++) {
        task *one = &t->items[i];
        if (one->stage == WAITS && depends_are_done(t, one->table) && !place_is_busy(t, one->table))
            return one;
    }
    return NULL;
}

static bool any_waits(const tables *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].stage == WAITS) return true;
    return false;
}

/* ---- the work */

static void work_on(tables *t, silt_load *load, task *one)
{
    const silt_run_table *obstacle = find_obstacle(t, one->table);
    silt_error err = {0};
    silt_status st = SILT_OK;
    one->stage = AT_WORK;
    if (obstacle)
        leave_out(one->table, obstacle, &one->run);
    else
        st = silt_table_run_whole(load, one->table, t->opts, &t->known, &one->run, &err);
    one->stage = DONE;
    if (st == SILT_OK || t->status != SILT_OK) return;
    t->status = st;
    t->err = err;
}

static void run_in_turn(tables *t)
{
    task *one;
    while (t->status == SILT_OK && (one = next(t)))
        work_on(t, t->load, one);
}

/* ---- in lanes */

typedef struct worker {
    tables *tables;
    silt_load *load; /* the lane's */
    pthread_t thread;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    tables *t = w->tables;
    silt_lane_enter(w->load);
    while (t->status == SILT_OK && any_waits(t)) {
        task *one = silt_lanes_closed(w->load->lanes) ? NULL : next(t);
        if (!one) {
            silt_lane_wait(w->load);
            continue;
        }
        silt_lane_begin_table(w->load);
        work_on(t, w->load, one);
        silt_lane_end_table(w->load);
    }
    silt_lane_leave(w->load);
    return NULL;
}

/* This thread works in one of them. Where the system gives fewer threads, fewer lanes do. */
static silt_status run_in_lanes(tables *t, size_t width, silt_error *err)
{
    silt_load *load = t->load;
    SILT_FREE worker *workers = calloc(width, sizeof(*workers));
    if (!workers) return silt_fail_nomem(err);
    SILT_TRY(silt_lanes_open(load, width, t->count, err));
    size_t begun = 1;
    for (size_t i = 0; i < width; i++)
        workers[i] = (worker){.tables = t, .load = silt_lanes_load(load->lanes, i)};
    while (begun < width &&
           pthread_create(&workers[begun].thread, NULL, work, &workers[begun]) == 0)
        begun++;
    (void)work(&workers[0]);
    for (size_t i = 1; i < begun; i++)
        pthread_join(workers[i].thread, NULL);
    silt_lanes_close(load);
    return SILT_OK;
}

static size_t lanes_for(const tables *t)
{
    silt_load *load = t->load;
    int64_t asked =
        t->opts->parallel_tables ? t->opts->parallel_tables : load->config->parallel_tables;
    size_t wanted = asked < (int64_t)t->count ? (size_t)asked : t->count;
    if (wanted < 2) return 1;
    size_t width = silt_lanes_fit(load, wanted);
    if (width < wanted)
        silt_load_message(
            load, "info",
            "%zu table%s instead of %zu at a time: memory_limit is enough for no more", width,
            width == 1 ? "" : "s", wanted);
    return width;
}

/* ---- what they came to */

static silt_status list_tasks(tables *t, silt_arena *arena, silt_error *err)
{
    const silt_config *config = t->load->config;
    t->items = calloc(config->table_count + 1, sizeof(*t->items));
    if (!t->items) return silt_fail_nomem(err);
    for (size_t i = 0; i < config->table_count; i++) {
        const silt_config_table *table = &config->tables[config->order[i]];
        if (t->opts->table && strcmp(t->opts->table, table->name) != 0) continue;
        t->items[t->count++] = (task){.table = table, .run = {.arena = arena}};
    }
    return SILT_OK;
}

static void add_table(silt_run_result *out, const silt_table_run *run)
{
    out->total_files_discovered += run->sum.files_discovered;
    out->total_files_processed += run->sum.files_processed;
    out->total_files_skipped += run->sum.files_skipped;
    out->total_files_failed += run->sum.files_failed;
    out->rows += run->sum.rows;
    out->failure_count += run->failures.count;
}

static silt_status put_together(const tables *t, silt_arena *arena, silt_run_result *out,
                                silt_error *err)
{
    silt_run_table *sums = silt_arena_calloc(arena, t->count + 1, sizeof(*sums));
    if (!sums) return silt_fail_nomem(err);
    out->tables = sums;
    for (size_t i = 0; i < t->count; i++) {
        if (t->items[i].stage != DONE) continue;
        sums[out->table_count++] = t->items[i].run.sum;
        add_table(out, &t->items[i].run);
    }
    silt_run_failure *failures =
        silt_arena_calloc(arena, out->failure_count + 1, sizeof(*failures));
    if (!failures) return silt_fail_nomem(err);
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        for (size_t f = 0; f < t->items[i].run.failures.count; f++)
            failures[n++] = t->items[i].run.failures.items[f];
    out->failures = failures;
    return SILT_OK;
}

static void tables_release(tables *t)
{
    for (size_t i = 0; i < t->count; i++)
        silt_vec_free(&t->items[i].run.failures);
    free(t->items);
}

silt_status silt_tables_run(silt_load *load, const silt_run_options *opts, silt_arena *arena,
                            silt_run_result *out, silt_error *err)
{
    SILT_CLEAN(tables) t = {.load = load, .opts = opts};
    SILT_TRY(list_tasks(&t, arena, err));
    silt_error harmless = {0};
    (void)silt_table_status_read(load, arena, &t.known.items, &t.known.count, &harmless);
    size_t width = lanes_for(&t);
    if (width > 1)
        SILT_TRY(run_in_lanes(&t, width, err));
    else
        run_in_turn(&t);
    if (t.status != SILT_OK && err) *err = t.err;
    silt_status st = put_together(&t, arena, out, err);
    return t.status != SILT_OK ? t.status : st;
}
