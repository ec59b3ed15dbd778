/* How the pipeline stands. Reads only. */
#include "load/batch.h"
#include "load/history.h"
#include "load/run_log.h"
#include "load/session.h"
#include "load/table_status.h"

silt_status silt_status_of_lock(const silt_lock_info *lock, silt_arena *arena,
                                silt_status_lock *out, silt_error *err)
{
    *out = (silt_status_lock){
        .held = lock->present,
        .readable = lock->readable,
        .alive = lock->alive,
        .assumed = lock->assumed,
        .pid = lock->pid,
        .hostname = silt_arena_strdup(arena, lock->hostname),
        .acquired_us = lock->acquired_us,
        .timeout_us = lock->timeout_us,
    };
    return out->hostname ? SILT_OK : silt_fail_nomem(err);
}

/* Files that wait, and loaded ones that have changed since. */
static void count_found(silt_load *load, const silt_found *found, silt_status_table *out)
{
    out->files_discovered = (int64_t)found->count;
    for (size_t i = 0; i < found->count; i++) {
        const silt_found_file *file = &found->files[i];
        const silt_tracked *row =
            load->tracker ? silt_tracker_find(load->tracker, out->table_name, file->path) : NULL;
        if (!row || row->status == SILT_FILE_PENDING)
            out->files_pending++;
        else if (row->status == SILT_FILE_COMPLETED &&
                 (row->file_size != file->size_bytes ||
                  row->file_modified_us != file->mtime_ns / 1000))
            out->files_changed++;
    }
}

static silt_status list_failures(silt_load *load, silt_arena *arena, silt_status_table *out,
                                 silt_error *err)
{
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    silt_run_failure *failures =
        silt_arena_calloc(arena, (size_t)out->files_failed + 1, sizeof(*failures));
    if (!failures) return silt_fail_nomem(err);
    for (size_t i = 0; i < count && out->failure_count < (size_t)out->files_failed; i++) {
        if (rows[i].status != SILT_FILE_FAILED || strcmp(rows[i].table_name, out->table_name) != 0)
            continue;
        int64_t due_us = silt_retry_due_us(load, &rows[i]);
        out->files_retried += due_us >= 0;
        if (due_us >= 0 && (out->next_retry_us < 0 || due_us < out->next_retry_us))
            out->next_retry_us = due_us;
        silt_run_failure *f = &failures[out->failure_count++];
        *f = (silt_run_failure){
            .table_name = out->table_name,
            .file_path = silt_arena_strdup(arena, rows[i].file_path),
            .message = silt_arena_strdup(arena, rows[i].error_message ? rows[i].error_message : ""),
            .retry_count = rows[i].retry_count,
            .next_retry_us = due_us,
        };
        if (!f->file_path || !f->message) return silt_fail_nomem(err);
    }
    out->failures = failures;
    return SILT_OK;
}

static int64_t count_rejected(silt_load *load, const char *table)
{
    size_t count;
    int64_t rejected = 0;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].status == SILT_FILE_COMPLETED && rows[i].rejected_count > 0 &&
            strcmp(rows[i].table_name, table) == 0)
            rejected += rows[i].rejected_count;
    return rejected;
}

static silt_status look_at_files(silt_load *load, const silt_config_table *table,
                                 silt_status_table *out, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    silt_found found;
    if (table->from_stdin) return SILT_OK; /* who knows what will be piped */
    SILT_TRY(silt_load_discover(load, table, false, NULL, scratch, &found, err));
    count_found(load, &found, out);
    return SILT_OK;
}

static silt_status look_at_target(silt_load *load, const silt_config_table *table, bool run_alive,
                                  silt_status_table *out, silt_error *err)
{
    silt_target target;
    SILT_TRY(silt_target_open(load, table, &target, err));
    silt_status st = silt_target_refresh(load, &target, err);
    if (st == SILT_OK) out->version = target.version;
    if (st == SILT_OK && load->tracker) {
        int64_t last = silt_tracker_last(load->tracker, target.app_id);
        out->inconsistencies +=
            target.app_version < last || (target.app_version > last && !run_alive);
    }
    silt_target_release(&target);
    return st;
}

static silt_status look_at_table(silt_load *load, const silt_config_table *table,
                                 const silt_table_state *states, size_t state_count, bool run_alive,
                                 silt_arena *arena, silt_status_table *out, silt_error *err)
{
    *out = (silt_status_table){.table_name = table->name,
                               .path = table->target_path,
                               .status = "pending",
                               .last_batch_id = -1,
                               .updated_us = -1,
                               .next_retry_us = -1,
                               .version = -1,
                               .seen_us = silt_now_us(load->clock)};
    for (size_t i = 0; i < state_count; i++) {
        if (strcmp(states[i].table_name, table->name) != 0) continue;
        out->last_run_id = states[i].last_run_id;
        out->updated_us = states[i].updated_us;
        out->status = states[i].status;
    }
    if (load->tracker) {
        silt_table_state now;
        int64_t pending;
        silt_table_status_count(load, table->name, &now, &pending, &out->files_processing);
        out->files_completed = now.files_completed;
        out->files_failed = now.files_failed;
        out->last_batch_id = now.last_batch_id;
        out->inconsistencies += silt_streq(out->status, "completed") && now.files_failed;
        if (!run_alive) out->inconsistencies += out->files_processing;
        if (!silt_streq(out->status, "failed")) out->status = now.status;
        out->rows_rejected = count_rejected(load, table->name);
        SILT_TRY(list_failures(load, arena, out, err));
    }
    silt_error why = {0};
    silt_status st = look_at_files(load, table, out, &why);
    if (st == SILT_OK) st = look_at_target(load, table, run_alive, out, &why);
    if (st == SILT_NOMEM || st == SILT_INTERRUPTED) return silt_fail(err, st, "%s", why.message);
    if (st != SILT_OK) out->problem = silt_arena_strdup(arena, why.message);
    return SILT_OK;
}

/* ---- the run history */

typedef struct summing {
    silt_status_metrics *out;
    silt_arena *arena;
    int64_t ended;
    bool no_memory;
} summing;

static bool add_run(void *ctx, const silt_run_record *r)
{
    summing *s = ctx;
    silt_status_metrics *m = s->out;
    if (!r->pipeline || !silt_streq(r->operation, "RUN")) return true;
    bool refused = silt_streq(r->status, "locked");
    if (!m->last_run_id && !refused) {
        m->last_run_id = silt_arena_strdup(s->arena, r->id);
        m->last_run_status = silt_arena_strdup(s->arena, r->status);
        m->last_run_started_us = r->started_us;
        m->last_run_ended_us = r->ended_us;
        s->no_memory = !m->last_run_id || !m->last_run_status;
    }
    if (m->consecutive_failures < 0 && !refused)
        m->consecutive_failures = r->metrics.consecutive_failures; /* of a running one: unknown */
    if (r->metrics.lock_failures > 0) m->lock_failures += r->metrics.lock_failures;
    if (r->metrics.recoveries > 0) m->recoveries += r->metrics.recoveries;
    if (r->metrics.inconsistencies > 0) m->validation_inconsistencies += r->metrics.inconsistencies;
    if (r->ended_us >= 0 && !refused) {
        s->ended++;
        m->files_per_run += (double)r->metrics.files_processed;
        m->rows_per_run += (double)r->metrics.rows;
        m->run_seconds += r->metrics.run_seconds;
    }
    return !s->no_memory && ++m->runs < SILT_STATUS_RUNS_MAX;
}

/* A history that can't be read leaves the rest of the status to be told. */
static silt_status sum_runs(silt_load *load, silt_arena *arena, silt_status_metrics *out,
                            silt_error *err)
{
    SILT_AUTO(silt_run_log) log = NULL;
    silt_error why = {0};
    *out = (silt_status_metrics){
        .consecutive_failures = -1, .last_run_started_us = -1, .last_run_ended_us = -1};
    summing s = {.out = out, .arena = arena};
    silt_status st = silt_run_history_open(load, &log, &why);
    if (st == SILT_OK) st = silt_run_log_list(log, add_run, &s, &why);
    if (s.no_memory || st == SILT_NOMEM) return silt_fail_nomem(err);
    if (st != SILT_OK)
        silt_load_message(load, "warning", "the run history can't be read: %s", why.message);
    const double count = s.ended ? (double)s.ended : -1;
    out->files_per_run = s.ended ? out->files_per_run / count : -1;
    out->rows_per_run = s.ended ? out->rows_per_run / count : -1;
    out->run_seconds = s.ended ? out->run_seconds / count : -1;
    return SILT_OK;
}

/* ---- */

static silt_status look_at_tables(silt_load *load, silt_arena *arena, silt_status_report *report,
                                  silt_error *err)
{
    const silt_config *config = load->config;
    silt_status_table *tables = silt_arena_calloc(arena, config->table_count, sizeof(*tables));
    const silt_table_state *states = NULL;
    size_t state_count = 0;
    if (!tables) return silt_fail_nomem(err);
    SILT_TRY(silt_session_look(load, err));
    SILT_TRY(silt_table_status_read(load, arena, &states, &state_count, err));
    const silt_status_lock *lock = &report->lock;
    SILT_TRY(sum_runs(load, arena, &report->metrics, err));
    report->metrics.inconsistencies_now = lock->held && !lock->alive;
    for (size_t i = 0; i < config->table_count; i++) {
        SILT_TRY(look_at_table(load, &config->tables[i], states, state_count, lock->alive, arena,
                               &tables[i], err));
        report->metrics.inconsistencies_now += tables[i].inconsistencies;
    }
    report->tables = tables;
    report->table_count = config->table_count;
    return SILT_OK;
}

silt_status silt_pipeline_status(silt_pipeline *pipeline, silt_arena *arena,
                                 silt_status_report *out, silt_error *err)
{
    silt_load *load = silt_pipeline_load(pipeline);
    silt_lock_info lock;
    silt_status_report report = {.pipeline = load->config->pipeline,
                                 .checkpoint_path = load->config->checkpoint_path};
    SILT_TRY(silt_lock_look(load->state, load->clock, &lock, err));
    SILT_TRY(silt_status_of_lock(&lock, arena, &report.lock, err));
    silt_status st = look_at_tables(load, arena, &report, err);
    silt_session_end(load);
    if (st == SILT_OK) *out = report;
    return st;
}
