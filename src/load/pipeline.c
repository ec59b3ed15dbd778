/* The story of a run: lock → (a table: settle → discover → batch after batch) → status. */
#include "load/load.h"

#include "load/history.h"
#include "load/lanes.h"
#include "load/recover.h"
#include "load/session.h"
#include "load/tables.h"

#define BACKOFF_MS_MAX   60000
#define BACKOFF_SLICE_MS 200 /* between looks whether to stop */

/* ", 3 files what"; nothing for 0. */
static void put_count(silt_buf *text, int64_t count, const char *noun, const char *what)
{
    if (count)
        silt_buf_printf(text, "%s%" PRId64 " %s%s %s", text->size ? ", " : "", count, noun,
                        count == 1                      ? ""
                        : noun[strlen(noun) - 1] == 'h' ? "es"
                                                        : "s",
                        what);
}

static void tell_settled(silt_load *load, const silt_target *target, const silt_settled *s)
{
    SILT_CLEAN(silt_buf) text = {0};
    put_count(&text, s->fenced, "unfinished batch", "fenced");
    put_count(&text, s->pending, "file", "of it to be loaded again");
    put_count(&text, s->completed, "file", "found to be loaded");
    if (text.size && !text.failed)
        silt_load_message(load, "info", "table %s: recovered: %s", target->table->name, text.data);
}

/* What is to be loaded, and what that list is good for: as long as the tracker's rows of the table
 * stand as our own record of a batch left them. Another process, which took the lock from us, may
 * have loaded what is still in the list. */
typedef struct work {
    silt_load *load;
    silt_target *target;
    const silt_run_options *opts;
    const silt_found *found; /* once a run: what comes later is the next run's */
    silt_found versions;     /* of a Delta table: what the tracker lacks of them, up to `latest` */
    int64_t latest;          /* -1: it wasn't looked at yet */
    silt_table_run *run;
    silt_arena *arena; /* of the list */
    silt_candidates left;
    int64_t listed_for; /* state of the tracker; -1: there is no list */
} work;

static silt_status list(work *w, silt_error *err)
{
    const silt_config_table *table = w->target->table;
    silt_arena_reset(w->arena);
    if (table->feed) {
        SILT_TRY(silt_load_discover(w->load, table, true, &w->latest, w->arena, &w->versions, err));
        w->found = &w->versions;
        w->run->sum.files_discovered = (int64_t)w->versions.count;
    }
    return silt_candidates_find(w->load, w->target, w->found, w->opts->retry_failed, w->arena,
                                &w->left, err);
}

static silt_status load_batch(work *w, bool *done, silt_error *err)
{
    silt_settled settled = {0};
    silt_table_run *run = w->run;
    bool committed;
    SILT_TRY(silt_settle(w->load, w->target, &settled, err));
    tell_settled(w->load, w->target, &settled);
    run->sum.recoveries += settled.fenced || settled.completed || settled.pending;
    if (silt_load_tracker_state(w->load) != w->listed_for) SILT_TRY(list(w, err));
    if (!w->left.count && w->left.again) SILT_TRY(list(w, err));
    *done = w->left.count == 0;
    if (*done) return SILT_OK;
    silt_candidates batch = silt_candidates_take(w->load, w->target, &w->left);
    w->listed_for = -1;
    SILT_TRY(silt_batch_run(w->load, w->target, &batch, run, &committed, err));
    if (committed) w->listed_for = silt_load_tracker_state(w->load);
    w->left.files += batch.count;
    w->left.count -= batch.count;
    return SILT_OK;
}

/* Failures that may pass: of disks, networks, answers that got lost. What was under way is settled
 * by the next try, as by the next run. */
static bool may_pass(const silt_table_run *run, silt_status st)
{
    return st == SILT_IO || st == SILT_UNSURE || (st == SILT_TIMEOUT && !run->out_of_time);
}

/* Twice as long each time, but for a random part of it, so that those who failed together part.
 * INTERRUPTED, FENCED. */
static silt_status back_off(silt_load *load, int64_t tries, silt_error *err)
{
    uint64_t bits;
    int64_t wait = load->config->transient_backoff_ms;
    for (int64_t i = 1; i < tries && wait < BACKOFF_MS_MAX; i++)
        wait *= 2;
    if (wait > BACKOFF_MS_MAX) wait = BACKOFF_MS_MAX;
    silt_random_fill(load->random, &bits, sizeof(bits));
    wait -= (int64_t)(bits % (uint64_t)(wait / 2 + 1));
    for (; wait > 0; wait -= BACKOFF_SLICE_MS) {
        SILT_TRY(silt_load_check(load, err));
        silt_lane_leave(load);
        silt_sleep_ms(load->clock, wait < BACKOFF_SLICE_MS ? wait : BACKOFF_SLICE_MS);
        silt_lane_enter(load);
    }
    return silt_load_check(load, err);
}

/* Whether a batch that failed is to be tried again at once: it had less memory than there is. */
static silt_status have_all_memory(silt_load *load, const silt_config_table *table, silt_status st,
                                   bool *again, silt_error *err)
{
    *again = false;
    if (st != SILT_NOMEM) return SILT_OK;
    silt_error stopped = {0};
    silt_status waited = silt_lane_wait_alone(load, again, &stopped);
    if (waited != SILT_OK && err) *err = stopped;
    if (waited == SILT_OK && *again)
        silt_load_message(
            load, "info",
            "table %s: its share of memory_limit wasn't enough; trying again with all "
            "of it, while no other table is loaded",
            table->name);
    return waited;
}

/* Batch after batch; one that failed by what may pass is tried again. */
static silt_status load_batches(silt_load *load, silt_target *target, const silt_run_options *opts,
                                const silt_found *found, silt_table_run *run, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    work w = {.load = load,
              .target = target,
              .opts = opts,
              .found = found,
              .latest = -1,
              .run = run,
              .arena = arena,
              .listed_for = -1};
    bool done = false;
    int64_t tries = 0;
    while (!done && (!opts->max_batches || run->sum.batches < opts->max_batches)) {
        int64_t before = run->sum.batches;
        run->out_of_time = false;
        silt_status st = load_batch(&w, &done, err);
        tries = run->sum.batches > before ? 0 : tries + (st != SILT_OK);
        if (st == SILT_OK) continue;
        bool again;
        SILT_TRY(have_all_memory(load, target->table, st, &again, err));
        if (again) continue;
        if (!may_pass(run, st) || tries >= load->config->transient_attempts) return st;
        silt_load_message(load, "warning", "table %s: %s; trying again", target->table->name,
                          err->message);
        SILT_TRY(back_off(load, tries, err));
    }
    return SILT_OK;
}

static silt_status load_table(silt_load *load, silt_target *target, const silt_run_options *opts,
                              silt_table_run *run, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    silt_found found = {0};
    if (!target->table->feed) /* else what there is to load depends on what is loaded */
        SILT_TRY(silt_load_discover(load, target->table, false, NULL, arena, &found, err));
    run->sum.files_discovered = (int64_t)found.count;
    run->sum.source_empty = !target->table->feed && !found.count;
    SILT_TRY(load_batches(load, target, opts, &found, run, err));
    run->sum.version = target->version;
    return SILT_OK;
}

/* A run without news leaves table_status alone, unless that is behind: a run was killed before it
 * told, one failed before it had files, or the records were lost. */
static bool has_news(const silt_table_run *run, const silt_known_states *known,
                     const silt_table_state *now)
{
    const silt_run_table *sum = &run->sum;
    if (sum->problem != SILT_OK || sum->batches || sum->files_failed) return true;
    for (size_t i = 0; i < known->count; i++) {
        const silt_table_state *s = &known->items[i];
        if (!silt_streq(s->table_name, now->table_name)) continue;
        return !silt_streq(s->status, now->status) || s->files_completed != now->files_completed ||
               s->files_failed != now->files_failed;
    }
    return now->files_completed || now->files_failed;
}

/* What the run leaves in table_status. A failure of that is a warning: it is rebuilt by the next
 * run. */
static void tell_status(silt_load *load, const silt_table_run *run, const silt_known_states *known)
{
    silt_table_state state;
    int64_t pending, processing;
    silt_load_resume(load); /* an interrupt has done its work by now */
    silt_table_status_count(load, run->sum.table_name, &state, &pending, &processing);
    if (!has_news(run, known, &state)) return;
    state.last_run_id = load->run_id;
    if (run->sum.problem != SILT_OK) state.status = "failed";
    silt_error err = {0};
    if (silt_table_status_set(load, &state, &err) != SILT_OK)
        silt_load_message(load, "warning", "table %s: table_status can't be written: %s",
                          run->sum.table_name, err.message);
}

/* Failed files that no run tries any more are easily forgotten. */
static void tell_given_up(silt_load *load, const char *table)
{
    size_t count;
    int64_t given_up = 0;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    for (size_t i = 0; i < count; i++)
        given_up += rows[i].status == SILT_FILE_FAILED &&
                    rows[i].retry_count >= load->config->retry_attempts &&
                    strcmp(rows[i].table_name, table) == 0;
    if (given_up)
        silt_load_message(load, "warning",
                          "table %s: %" PRId64
                          " failed file%s used up retry_attempts and %s left alone "
                          "(silt status lists them, silt run --retry-failed tries again)",
                          table, given_up, given_up == 1 ? "" : "s", given_up == 1 ? "is" : "are");
}

silt_status silt_table_run_whole(silt_load *load, const silt_config_table *table,
                                 const silt_run_options *opts, const silt_known_states *known,
                                 silt_table_run *run, silt_error *err)
{
    run->sum = (silt_run_table){
        .table_name = table->name, .path = table->target_path, .violations = -1, .version = -1};
    silt_error problem = {0};
    silt_target target = {0};
    const int64_t start_ms = silt_now_ms(load->clock);
    silt_status st = silt_target_open(load, table, &target, &problem);
    if (st == SILT_OK) st = load_table(load, &target, opts, run, &problem);
    run->sum.problem = st;
    silt_run_history_add_table(load, &target, &run->sum);
    if (target.table) silt_target_release(&target);

    run->sum.files_skipped =
        run->sum.files_discovered - run->sum.files_processed - run->sum.files_failed;
    if (run->sum.files_skipped < 0) run->sum.files_skipped = 0; /* files came and went */
    run->sum.status = st == SILT_OK && !run->sum.files_failed ? "completed" : "failed";
    if (st != SILT_OK) {
        run->sum.message = silt_arena_strdup(run->arena, problem.message);
        run->sum.hint = problem.hint[0] ? silt_arena_strdup(run->arena, problem.hint) : NULL;
    }
    run->sum.duration_ms = silt_now_ms(load->clock) - start_ms;
    tell_given_up(load, table->name);
    if (st != SILT_FENCED) tell_status(load, run, known);
    if (st != SILT_INTERRUPTED && st != SILT_FENCED) return SILT_OK;
    if (err) *err = problem;
    return st;
}

silt_status silt_load_check_table(const silt_load *load, const char *name, silt_error *err)
{
    const silt_config *config = load->config;
    if (!name) return SILT_OK;
    SILT_CLEAN(silt_buf) known = {0};
    for (size_t i = 0; i < config->table_count; i++) {
        if (strcmp(config->tables[i].name, name) == 0) return SILT_OK;
        silt_buf_printf(&known, "%s%s", i ? ", " : "", config->tables[i].name);
    }
    silt_fail(err, SILT_INVALID, "pipeline '%s' has no table '%s'", config->pipeline, name);
    return silt_hint(err, SILT_INVALID, "its tables are: %s", known.data ? known.data : "");
}

silt_status silt_pipeline_run(silt_pipeline *pipeline, const silt_run_options *opts,
                              silt_arena *arena, silt_run_result *out, silt_error *err)
{
    static const silt_run_options defaults = SILT_RUN_OPTIONS_INIT;
    silt_load *load = silt_pipeline_load(pipeline);
    silt_error local = {0};
    if (!err) err = &local;
    if (!opts) opts = &defaults;
    SILT_TRY(silt_load_check_table(load, opts->table, err));
    if (opts->parallel_tables < 0 || opts->parallel_tables > SILT_PARALLEL_TABLES_MAX)
        return silt_fail(err, SILT_INVALID, "parallel_tables is %" PRId64 ", and may be 1 to %d",
                         opts->parallel_tables, SILT_PARALLEL_TABLES_MAX);
    silt_run_history_begin(load, "RUN");
    silt_run_result result = {.pipeline = load->config->pipeline};
    silt_status st = silt_session_begin(load, opts->wait_lock_s, opts->force_unlock, err);
    const int64_t start_ms = silt_now_ms(load->clock);
    result.run_id = silt_arena_strdup(arena, load->run_id);
    if (st == SILT_OK) st = silt_tables_run(load, opts, arena, &result, err);
    result.duration_ms = silt_now_ms(load->clock) - start_ms;
    silt_run_history_end(load, st, err, &result);
    silt_session_end(load);
    if (st == SILT_OK) *out = result;
    return st;
}
