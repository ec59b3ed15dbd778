/* The pipeline's maintenance, table by table: small files put together, checkpoints, the log's
 * cleanup, files that nobody needs. Each step is safe beside runs and readers, and one that fails
 * keeps no other from being done. */
#include "load/history.h"
#include "load/rejects.h"
#include "load/session.h"
#include "silt/upkeep.h"
#include "silt/edit.h"
#include "silt/maintain.h"

#define STATE_TABLES 3 /* tracker, table status, runs */

typedef struct upkeep {
    silt_load *load;
    const silt_maintenance *policy;
    const silt_target *target; /* NULL: one of the pipeline's own tables */
    silt_store *store;
    silt_arena *arena;
    bool dry_run;
    silt_maintain_table *out;
    silt_maintain_step steps[5];
} upkeep;

/* A step's answer. Only what must stop the whole is a failure. */
static silt_status note(upkeep *u, const char *name, silt_status st, const silt_error *why,
                        silt_maintain_step step, silt_error *err)
{
    if (st == SILT_INTERRUPTED || st == SILT_NOMEM) return silt_fail(err, st, "%s", why->message);
    step.name = name;
    step.problem = st;
    if (st != SILT_OK) {
        step.message = silt_arena_strdup(u->arena, why->message);
        step.hint = why->hint[0] ? silt_arena_strdup(u->arena, why->hint) : NULL;
        u->out->failed = true;
    }
    u->steps[u->out->step_count++] = step;
    return SILT_OK;
}

static silt_status optimize(upkeep *u, silt_error *err)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    silt_error why = {0};
    silt_edit_result r = {0};
    silt_optimize_options how = SILT_OPTIMIZE_OPTIONS_INIT;
    silt_edit_options opts = SILT_EDIT_OPTIONS_INIT;
    how.min_file_bytes = u->policy->optimize_below_bytes;
    opts.dry_run = u->dry_run;
    silt_status st = silt_snapshot_open(u->store, u->load->engine, NULL, &snapshot, &why);
    if (st == SILT_OK) st = silt_optimize(snapshot, &how, &opts, &r, NULL, &why);
    const silt_maintain_step step = {.files_removed = r.files_removed,
                                     .files_added = r.files_added,
                                     .bytes_removed = r.bytes_removed,
                                     .bytes_added = r.bytes_added};
    return note(u, "optimize", st, &why, step, err);
}

/* Commits since the newest checkpoint. */
static silt_status find_tail(const upkeep *u, int64_t *commits, silt_error *err)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    silt_log_segment segment;
    SILT_TRY(silt_snapshot_open(u->store, u->load->engine, NULL, &snapshot, err));
    int64_t version = silt_snapshot_version(snapshot);
    SILT_TRY(silt_log_segment_load(u->store, version, u->arena, &segment, err));
    *commits = version - segment.checkpoint_version;
    return SILT_OK;
}

static silt_status checkpoint(upkeep *u, silt_error *err)
{
    int64_t commits = 0;
    silt_error why = {0};
    silt_checkpoint_result r = {0};
    silt_status st = find_tail(u, &commits, &why);
    bool due = st == SILT_OK && commits >= u->policy->checkpoint_interval;
    if (due && !u->dry_run) st = silt_checkpoint(u->store, u->load->engine, NULL, &r, &why);
    const silt_maintain_step step = {.files_added = due && u->dry_run ? 1 : r.objects,
                                     .bytes_added = r.size_bytes};
    return note(u, "checkpoint", st, &why, step, err);
}

static silt_status cleanup_log(upkeep *u, silt_error *err)
{
    silt_error why = {0};
    silt_cleanup_log_result r = {0};
    silt_cleanup_log_options opts = SILT_CLEANUP_LOG_OPTIONS_INIT;
    opts.retention_ms = u->policy->log_retention_ms;
    opts.dry_run = u->dry_run;
    silt_status st = silt_cleanup_log(u->store, u->load->engine, &opts, &r, &why);
    const silt_maintain_step step = {.files_removed = r.deleted, .bytes_removed = r.size_bytes};
    return note(u, "cleanup_log", st, &why, step, err);
}

static silt_status add_rejects(void *ctx, const silt_object *object, silt_error *err)
{
    silt_vacuum_result *r = ctx;
    (void)err;
    r->deleted++;
    r->size_bytes += object->size_bytes;
    return SILT_OK;
}

/* What attempts that came to nothing have left beside the table's files. */
static silt_status vacuum_rejects(upkeep *u, silt_vacuum_result *r, silt_error *err)
{
    if (!u->target) return SILT_OK;
    return silt_rejects_orphans(u->load, u->target, NULL, !u->dry_run, add_rejects, r, err);
}

static silt_status vacuum(upkeep *u, int64_t retention_ms, silt_error *err)
{
    silt_error why = {0};
    silt_vacuum_result r = {0};
    silt_vacuum_options opts = SILT_VACUUM_OPTIONS_INIT;
    opts.retention_ms = retention_ms;
    opts.dry_run = u->dry_run;
    silt_status st = silt_vacuum(u->store, u->load->engine, &opts, &r, &why);
    if (st == SILT_OK) st = vacuum_rejects(u, &r, &why);
    const silt_maintain_step step = {.files_removed = r.deleted, .bytes_removed = r.size_bytes};
    return note(u, "vacuum", st, &why, step, err);
}

/* In this order: what is put together leaves files for a later vacuum, a checkpoint lets the log
 * be cleaned up. */
static silt_status do_steps(upkeep *u, silt_error *err)
{
    const silt_maintenance *policy = u->policy;
    if (policy->optimize_below_bytes) SILT_TRY(optimize(u, err));
    if (policy->checkpoint_interval) SILT_TRY(checkpoint(u, err));
    if (policy->log_retention_ms) SILT_TRY(cleanup_log(u, err));
    if (policy->vacuum_retention_ms) SILT_TRY(vacuum(u, policy->vacuum_retention_ms, err));
    return SILT_OK;
}

/* What was put together gets its names, where that isn't all one. */
static silt_status place_files(upkeep *u, silt_target *target, silt_error *err)
{
    silt_error why = {0};
    silt_status st = SILT_OK;
    if (!target->ops->follow || u->out->failed) return SILT_OK;
    st = silt_target_refresh(u->load, target, &why);
    if (st == SILT_OK) st = silt_target_follow(u->load, target, &why);
    return st == SILT_OK ? st : note(u, "place", st, &why, (silt_maintain_step){0}, err);
}

static silt_status keep_steps(upkeep *u, silt_status st, silt_error *err)
{
    if (st != SILT_OK) return st;
    silt_maintain_step *steps = silt_arena_calloc(u->arena, SILT_COUNT(u->steps), sizeof(*steps));
    if (!steps) return silt_fail_nomem(err);
    memcpy(steps, u->steps, sizeof(u->steps));
    u->out->steps = steps;
    return SILT_OK;
}

static silt_status maintain_table(silt_load *load, const silt_config_table *table, bool dry_run,
                                  silt_arena *arena, silt_maintain_table *out, silt_error *err)
{
    silt_target target = {0};
    silt_error why = {0};
    upkeep u = {.load = load,
                .policy = &table->maintenance,
                .arena = arena,
                .dry_run = dry_run,
                .out = out};
    *out = (silt_maintain_table){.table_name = table->name, .path = table->target_path};
    silt_status st = silt_target_open(load, table, &target, &why);
    if (st == SILT_OK) st = silt_target_refresh(load, &target, &why);
    u.store = target.store;
    u.target = &target;
    if (st != SILT_OK)
        st = note(&u, "open", st, &why, (silt_maintain_step){0}, err);
    else if (target.there)
        st = do_steps(&u, err);
    if (st == SILT_OK && target.there && !dry_run) st = place_files(&u, &target, err);
    if (target.table) silt_target_release(&target);
    return keep_steps(&u, st, err);
}

/* The pipeline's own tables keep what they have removed until somebody takes it away. */
static silt_status vacuum_state(silt_load *load, silt_store *store, const char *name, bool dry_run,
                                silt_arena *arena, silt_maintain_table *out, silt_error *err)
{
    upkeep u = {.load = load, .store = store, .arena = arena, .dry_run = dry_run, .out = out};
    *out = (silt_maintain_table){.table_name = name, .path = store->uri};
    silt_error why = {0};
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    silt_status st = silt_snapshot_open(store, load->engine, NULL, &snapshot, &why);
    if (st == SILT_NOT_FOUND) return keep_steps(&u, SILT_OK, err);
    return keep_steps(&u, vacuum(&u, -1, err), err);
}

/* A run that is at work has other things to do than to plan its commits anew: then not now. */
static silt_status maintain_state(silt_load *load, bool dry_run, silt_arena *arena,
                                  silt_maintain_report *report, silt_maintain_table *tables,
                                  silt_error *err)
{
    silt_error why = {0};
    silt_status st = dry_run ? SILT_OK : silt_session_lock(load, &why);
    if (st == SILT_LOCKED) {
        silt_load_message(load, "info", "the pipeline's own tables are left alone: %s",
                          why.message);
        return SILT_OK;
    }
    if (st != SILT_OK) return silt_fail(err, st, "%s", why.message);
    st = vacuum_state(load, load->tracker_store, SILT_TRACKER_DIR, dry_run, arena,
                      &tables[report->table_count++], err);
    if (st == SILT_OK)
        st = vacuum_state(load, load->status_store, "table_status", dry_run, arena,
                          &tables[report->table_count++], err);
    if (st == SILT_OK)
        st = vacuum_state(load, load->runs_store, SILT_RUNS_DIR, dry_run, arena,
                          &tables[report->table_count++], err);
    silt_session_end(load);
    return st;
}

static bool has_policy(const silt_maintenance *policy)
{
    return policy->optimize_below_bytes || policy->checkpoint_interval ||
           policy->log_retention_ms || policy->vacuum_retention_ms;
}

static silt_status maintain_all(silt_load *load, const silt_maintain_options *opts,
                                silt_arena *arena, silt_maintain_report *report, silt_error *err)
{
    const silt_config *config = load->config;
    silt_maintain_table *tables =
        silt_arena_calloc(arena, config->table_count + STATE_TABLES, sizeof(*tables));
    if (!tables) return silt_fail_nomem(err);
    report->tables = tables;
    for (size_t i = 0; i < config->table_count; i++) {
        const silt_config_table *table = &config->tables[i];
        if (opts->table && strcmp(opts->table, table->name) != 0) continue;
        if (!has_policy(&table->maintenance)) continue;
        SILT_TRY(silt_load_check(load, err));
        SILT_TRY(
            maintain_table(load, table, opts->dry_run, arena, &tables[report->table_count++], err));
    }
    if (!opts->table) SILT_TRY(maintain_state(load, opts->dry_run, arena, report, tables, err));
    for (size_t i = 0; i < report->table_count; i++)
        report->failed = report->failed || tables[i].failed;
    return SILT_OK;
}

silt_status silt_pipeline_maintain(silt_pipeline *pipeline, const silt_maintain_options *opts,
                                   silt_arena *arena, silt_maintain_report *out, silt_error *err)
{
    static const silt_maintain_options defaults = SILT_MAINTAIN_OPTIONS_INIT;
    silt_load *load = silt_pipeline_load(pipeline);
    silt_maintain_report report = {0};
    silt_error local = {0};
    if (!opts) opts = &defaults;
    if (!err) err = &local;
    SILT_TRY(silt_load_check_table(load, opts->table, err));
    silt_session_name(load);
    if (!opts->dry_run) silt_run_history_begin(load, "MAINTAIN");
    silt_status st = maintain_all(load, opts, arena, &report, err);
    silt_run_history_end_maintain(load, st, err, &report);
    if (st == SILT_OK) *out = report;
    return st;
}
