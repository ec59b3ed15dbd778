/* Consistency: what doesn't fit together, and repairing what can be decided. */
#include "load/compare.h"
#include "load/history.h"
#include "load/rejects.h"
#include "load/rows.h"
#include "load/session.h"
#include "load/table_status.h"

/* ---- validate */

static void check_lock(const silt_lock_info *lock, silt_lines *lines)
{
    if (!lock->present || lock->alive) return;
    if (!lock->readable) {
        silt_lines_add(lines, "Unreadable lock file: " SILT_LOCK_KEY);
        return;
    }
    char since[SILT_TIME_SIZE];
    silt_time_format(lock->acquired_us, since);
    silt_lines_add(lines, "Stale lock: PID %" PRId64 " on %s, since %s, is gone", lock->pid,
                   lock->hostname, since);
}

/* Rows of batches that nobody is at work on. */
static void check_open_rows(silt_load *load, bool run_alive, silt_lines *lines)
{
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    const int64_t stale_before = silt_now_us(load->clock) - load->config->timeout_ms * 1000;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].status != SILT_FILE_PROCESSING) continue;
        if (rows[i].start_us < stale_before)
            silt_lines_add(lines, "Stale processing record: %s", rows[i].file_path);
        else if (!run_alive)
            silt_lines_add(lines, "Orphaned processing record: %s", rows[i].file_path);
    }
}

static const silt_table_state *find_state(const silt_table_state *states, size_t count,
                                          const char *table)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(states[i].table_name, table) == 0) return &states[i];
    return NULL;
}

/* What table status says of a run that is over, and isn't so. */
static bool is_marked_wrongly(const silt_table_state *state, const silt_table_state *now,
                              bool run_alive)
{
    if (!state) return false;
    return (silt_streq(state->status, "completed") && now->files_failed) ||
           (silt_streq(state->status, "processing") && !run_alive);
}

static void check_marks(silt_load *load, const silt_target *target, const silt_table_state *state,
                        bool run_alive, silt_lines *lines)
{
    silt_table_state now;
    int64_t pending, processing;
    silt_table_status_count(load, target->table->name, &now, &pending, &processing);
    if (!is_marked_wrongly(state, &now, run_alive)) return;
    if (silt_streq(state->status, "completed"))
        silt_lines_add(lines, "Table marked as completed but has %" PRId64 " failed files",
                       now.files_failed);
    else
        silt_lines_add(lines, "Table marked as processing but no run is alive");
}

/* Versions without overlap or gap, one of them current. */
static silt_status check_versions(silt_load *load, silt_target *target, silt_lines *lines,
                                  silt_error *err)
{
    silt_scd2_report report;
    const silt_config_table *table = target->table;
    if (!table->scd2 || !target->there) return SILT_OK;
    SILT_TRY(target->ops->check_versions(load, target, lines->arena, &report, err));
    for (int i = 0; i < SILT_SCD2_FAULTS; i++)
        if (report.faults[i])
            silt_lines_add(lines, "Versions of %" PRId64 " key%s: %s", report.faults[i],
                           report.faults[i] == 1 ? "" : "s",
                           silt_scd2_fault_name((silt_scd2_fault)i));
    for (size_t i = 0; i < SILT_SCD2_SAMPLES && report.samples[i]; i++)
        silt_lines_add(lines, "Versions of key %s", report.samples[i]);
    return SILT_OK;
}

#define ORPHANS_TOLD 20

typedef struct orphans {
    silt_lines *lines; /* NULL: they are only counted */
    int64_t count, bytes;
} orphans;

static silt_status see_orphan(void *ctx, const silt_object *object, silt_error *err)
{
    orphans *o = ctx;
    char since[SILT_TIME_SIZE];
    (void)err;
    o->count++;
    o->bytes += object->size_bytes;
    if (!o->lines || o->count > ORPHANS_TOLD) return SILT_OK;
    silt_time_format(object->mtime_ns / 1000, since);
    silt_lines_add(o->lines, "Orphan data file, of no version: %s (%" PRId64 " bytes, of %s)",
                   object->key, object->size_bytes, since);
    return SILT_OK;
}

/* Data files, and rejects of attempts that came to nothing. */
static silt_status find_orphans(silt_load *load, silt_target *target, const silt_comparison *c,
                                bool remove, orphans *o, silt_error *err)
{
    if (!target->there) return SILT_OK;
    if (target->ops->orphans)
        SILT_TRY(target->ops->orphans(load, target, remove, see_orphan, o, err));
    return silt_rejects_orphans(load, target, c, remove, see_orphan, o, err);
}

static silt_status check_files(silt_load *load, silt_target *target, const silt_comparison *c,
                               silt_lines *lines, silt_error *err)
{
    orphans o = {.lines = lines};
    SILT_TRY(find_orphans(load, target, c, false, &o, err));
    if (o.count > ORPHANS_TOLD)
        silt_lines_add(lines,
                       "Orphan data files, of no version: %" PRId64 " in all, %" PRId64 " bytes",
                       o.count, o.bytes);
    return SILT_OK;
}

/* Numbers, then ledgers, then rows, then files. */
static silt_status check_target(silt_load *load, silt_target *target, bool run_alive,
                                silt_lines *lines, silt_error *err)
{
    SILT_TRY(silt_target_refresh(load, target, err));
    int64_t last = load->tracker ? silt_tracker_last(load->tracker, target->app_id) : -1;
    if (!load->tracker) {
        if (target->app_version >= 0)
            silt_lines_add(lines,
                           "The tracker is missing, but the table has batches up to %" PRId64,
                           target->app_version);
        return SILT_OK;
    }
    if (target->app_version < last) {
        silt_lines_add(lines,
                       "The target went back: its log knows batch %" PRId64
                       ", the tracker batch %" PRId64,
                       target->app_version, last);
        return SILT_OK;
    }
    if (target->app_version > last && !run_alive)
        silt_lines_add(
            lines, "Batches up to %" PRId64 " are committed, the tracker knows them up to %" PRId64,
            target->app_version, last);
    silt_error touched = {0};
    silt_status st = silt_check_vouched(load, target, &touched);
    if (st == SILT_INCONSISTENT)
        silt_lines_add(lines, "%s", touched.message);
    else if (st != SILT_OK)
        return silt_fail(err, st, "%s", touched.message);

    silt_comparison c __attribute__((cleanup(silt_comparison_release))) = {0};
    SILT_TRY(silt_compare_tracker(load, target, &c, lines, err));
    if (c.missing >= 0) silt_lines_add(lines, "Missing ledger: %s", c.why_missing);
    SILT_TRY(silt_rejects_compare(load, target, &c, lines, err));
    SILT_TRY(silt_compare_rows(load, target, &c, lines, err));
    SILT_TRY(check_versions(load, target, lines, err));
    return check_files(load, target, &c, lines, err);
}

static silt_status check_table(silt_load *load, const silt_config_table *table,
                               const silt_table_state *state, bool run_alive, silt_arena *arena,
                               silt_check_table *out, silt_error *err)
{
    silt_lines lines = {.arena = arena};
    silt_target target = {0};
    silt_error why = {0};
    silt_status st = silt_target_open(load, table, &target, &why);
    if (st == SILT_OK) {
        if (load->tracker) check_marks(load, &target, state, run_alive, &lines);
        st = check_target(load, &target, run_alive, &lines, &why);
        silt_target_release(&target);
    }
    if (st == SILT_INTERRUPTED || st == SILT_NOMEM) {
        silt_vec_free(&lines.items);
        return silt_fail(err, st, "%s", why.message);
    }
    if (st != SILT_OK) silt_lines_add(&lines, "%s", why.message);
    out->table_name = table->name;
    out->problems = silt_lines_take(&lines, &out->problem_count);
    out->consistent = out->problem_count == 0;
    return out->problems ? SILT_OK : silt_fail_nomem(err);
}

static silt_status check_all(silt_load *load, bool run_alive, silt_arena *arena, silt_lines *lines,
                             silt_check_report *out, silt_error *err)
{
    const silt_config *config = load->config;
    silt_error why = {0};
    silt_status st = silt_session_look(load, &why);
    if (st != SILT_OK && st != SILT_INCONSISTENT && st != SILT_CORRUPT)
        return silt_fail(err, st, "%s", why.message);
    if (st != SILT_OK) silt_lines_add(lines, "%s", why.message);
    bool readable = st == SILT_OK;
    const silt_table_state *states = NULL;
    size_t state_count = 0;
    if (load->tracker) {
        check_open_rows(load, run_alive, lines);
        size_t files;
        (void)silt_tracker_rows(load->tracker, &files);
        out->files_checked = (int64_t)files;
        if (silt_table_status_read(load, arena, &states, &state_count, &why) != SILT_OK)
            silt_lines_add(lines, "Unreadable table status: %s", why.message);
    }
    silt_check_table *tables = silt_arena_calloc(arena, config->table_count, sizeof(*tables));
    if (!tables) return silt_fail_nomem(err);
    for (size_t i = 0; readable && i < config->table_count; i++)
        SILT_TRY(check_table(load, &config->tables[i],
                             find_state(states, state_count, config->tables[i].name), run_alive,
                             arena, &tables[i], err));
    out->tables = tables;
    out->table_count = readable ? config->table_count : 0;
    return SILT_OK;
}

silt_status silt_pipeline_validate(silt_pipeline *pipeline, silt_arena *arena,
                                   silt_check_report *out, silt_error *err)
{
    silt_load *load = silt_pipeline_load(pipeline);
    silt_lines lines = {.arena = arena};
    silt_check_report report = {0};
    silt_lock_info lock;
    SILT_TRY(silt_lock_look(load->state, load->clock, &lock, err));
    check_lock(&lock, &lines);
    silt_status st = check_all(load, lock.alive, arena, &lines, &report, err);
    silt_session_end(load);
    report.problems = silt_lines_take(&lines, &report.problem_count);
    if (st != SILT_OK) return st;
    if (!report.problems) return silt_fail_nomem(err);
    report.tracker_consistent = report.problem_count == 0;
    report.consistent = report.tracker_consistent;
    for (size_t i = 0; i < report.table_count; i++)
        report.consistent = report.consistent && report.tables[i].consistent;
    *out = report;
    return SILT_OK;
}

/* ---- fix */

typedef struct fixes {
    silt_lines lines;
    int64_t applied, failed;
} fixes;

static void fixed(fixes *f, int64_t count, const char *format)
{
    if (!count) return;
    f->applied += count;
    silt_lines_add(&f->lines, format, count);
}

/* Rows of a file that its ledger doesn't vouch for go, in one commit with a number and a ledger of
 * its own; those of the batch that the ledger names stay. */
static silt_status fix_duplicates(silt_load *load, silt_target *target, fixes *f, silt_error *err)
{
    silt_lines details = {.arena = f->lines.arena};
    silt_comparison c __attribute__((cleanup(silt_comparison_release))) = {0};
    silt_settled settled = {0};
    int64_t number = 0, rows = 0;
    if (!target->there || target->app_version < 0) return SILT_OK;
    silt_status st = silt_compare_chain(target, &c, err);
    if (st == SILT_OK) st = silt_compare_rows(load, target, &c, &details, err);
    silt_vec_free(&details.items);
    if (st != SILT_OK || !c.extra.count) return st;
    SILT_TRY(silt_take_rows(load, target, SILT_LEDGER_REPAIR, NULL, 0, c.extra.items, c.extra.count,
                            &number, err));
    for (size_t i = 0; i < c.extra.count; i++)
        rows += c.extra.items[i].row_count;
    f->applied++;
    silt_lines_add(&f->lines, "Removed %" PRId64 " duplicate rows of %zu files from %s", rows,
                   c.extra.count, target->table->name);
    return silt_settle(load, target, &settled, err);
}

/* A ledger isn't made anew: that the tracker's rows of a batch are those that it loaded only the
 * ledger could tell. What is possible without it goes by the rows. */
static void tell_missing(silt_target *target, const silt_comparison *c, fixes *f)
{
    const char *name = target->table->name;
    const bool append = target->table->strategy == SILT_STRATEGY_APPEND;
    const bool told = append && target->there && target->ops->has_evidence(target);
    f->failed++;
    silt_lines_add(
        &f->lines,
        "Not fixed: %s: Missing ledger: %s; bring it back from a backup or an older copy of the "
        "table. Until then loading goes on%s. To begin anew: %s%s%s",
        name, c->why_missing,
        told ? ", and should the tracker be lost the rows tell which files are loaded; files that "
               "only it and older ones name can't be unloaded"
             : " as long as the tracker is there, whose loss nothing makes up for: keep a copy of "
               "it",
        append && !told ? "load all files into a new table" : "'silt reset-state --table ",
        append && !told ? "" : name,
        append && !told ? ""
        : told          ? " --forget --delete-rows'"
                        : " --forget'");
}

static silt_status fix_rows(silt_load *load, silt_target *target, fixes *f, silt_error *err)
{
    silt_lines details = {.arena = f->lines.arena};
    silt_comparison c __attribute__((cleanup(silt_comparison_release))) = {0};
    silt_status st = silt_compare_tracker(load, target, &c, &details, err);
    silt_vec_free(&details.items);
    SILT_TRY(st);
    if (c.wrong.count) {
        const silt_tracker_change change = {
            .rows = c.wrong.items, .row_count = c.wrong.count, .operation = "FIX"};
        SILT_TRY(silt_tracker_commit(load->tracker, &change, err));
        fixed(f, (int64_t)c.wrong.count, "Corrected %" PRId64 " tracker records by the ledgers");
    }
    if (c.missing >= 0) tell_missing(target, &c, f);
    silt_lines missing = {.arena = f->lines.arena}, rows = {.arena = f->lines.arena};
    st = silt_rejects_compare(load, target, &c, &missing, err);
    const size_t lost = missing.items.count;
    silt_vec_free(&missing.items);
    if (st == SILT_OK && lost) st = silt_rejects_publish(load, target, c.chain, c.chain_count, err);
    if (st == SILT_OK) st = silt_rejects_compare(load, target, &c, &rows, err);
    SILT_TRY(st);
    fixed(f, (int64_t)(lost - rows.items.count),
          "Put rejects of %" PRId64 " batches back into the table of rejects");
    st = silt_compare_rows(load, target, &c, &rows, err);
    for (size_t i = 0; i < rows.items.count; i++) {
        f->failed++;
        silt_lines_add(&f->lines, "Not fixed: %s: %s", target->table->name, rows.items.items[i]);
    }
    silt_vec_free(&rows.items);
    return st;
}

static silt_status fix_files(silt_load *load, silt_target *target, fixes *f, silt_error *err)
{
    orphans o = {0};
    SILT_TRY(find_orphans(load, target, NULL, true, &o, err));
    fixed(f, o.count, "Deleted %" PRId64 " orphan data files");
    return SILT_OK;
}

static silt_status fix_mark(silt_load *load, const silt_target *target, fixes *f, silt_error *err)
{
    const silt_table_state *states;
    size_t count;
    SILT_TRY(silt_table_status_read(load, f->lines.arena, &states, &count, err));
    const silt_table_state *old = find_state(states, count, target->table->name);
    silt_table_state now;
    int64_t pending, processing;
    silt_table_status_count(load, target->table->name, &now, &pending, &processing);
    if (!old || silt_streq(old->status, now.status)) return SILT_OK;
    bool wrong = is_marked_wrongly(old, &now, false);
    now.last_run_id = old->last_run_id;
    SILT_TRY(silt_table_status_set(load, &now, err));
    if (!wrong) return SILT_OK; /* it only follows what else was fixed */
    f->applied++;
    silt_lines_add(&f->lines, "Reset %s status from %s to %s", target->table->name, old->status,
                   now.status);
    return SILT_OK;
}

/* Table status that can't be read is made anew: all of it follows from the tracker. */
static silt_status fix_status_table(silt_load *load, fixes *f, silt_error *err)
{
    const silt_table_state *states;
    size_t count;
    silt_error why = {0};
    silt_status st = silt_table_status_read(load, f->lines.arena, &states, &count, &why);
    if (st == SILT_OK) return SILT_OK;
    if (st != SILT_CORRUPT && st != SILT_NOT_FOUND) return silt_fail(err, st, "%s", why.message);
    SILT_TRY(silt_state_drop(load->status_store, err));
    for (size_t i = 0; i < load->config->table_count; i++) {
        silt_table_state now;
        int64_t pending, processing;
        silt_table_status_count(load, load->config->tables[i].name, &now, &pending, &processing);
        SILT_TRY(silt_table_status_set(load, &now, err));
    }
    f->applied++;
    silt_lines_add(&f->lines, "Made table status anew: %s", why.message);
    return SILT_OK;
}

static void fix_table(silt_load *load, const silt_config_table *table, fixes *f)
{
    silt_error why = {0};
    silt_target target = {0};
    silt_settled settled = {0};
    silt_status st = silt_target_open(load, table, &target, &why);
    if (st == SILT_OK) st = silt_settle(load, &target, &settled, &why);
    fixed(f, settled.completed, "Recorded %" PRId64 " files whose rows are in the target");
    fixed(f, settled.pending, "Fixed %" PRId64 " orphaned processing records");
    if (st == SILT_OK) st = fix_duplicates(load, &target, f, &why);
    if (st == SILT_OK) st = fix_rows(load, &target, f, &why);
    if (st == SILT_OK) st = fix_files(load, &target, f, &why);
    if (st == SILT_OK) st = fix_mark(load, &target, f, &why);
    if (target.table) silt_target_release(&target);
    if (st == SILT_OK) return;
    f->failed++;
    silt_lines_add(&f->lines, "Not fixed: %s%s%s", why.message, why.hint[0] ? "; " : "", why.hint);
}

static silt_status take_report(fixes *f, silt_fix_report *out, silt_error *err)
{
    silt_fix_report report = {.applied = f->applied, .failed = f->failed};
    report.actions = silt_lines_take(&f->lines, &report.action_count);
    if (!report.actions) return silt_fail_nomem(err);
    *out = report;
    return SILT_OK;
}

/* What would be done, from what validate finds. */
static silt_status would_fix(silt_pipeline *pipeline, fixes *f, silt_error *err)
{
    silt_check_report check;
    SILT_TRY(silt_pipeline_validate(pipeline, f->lines.arena, &check, err));
    for (size_t i = 0; i < check.problem_count; i++)
        silt_lines_add(&f->lines, "Would look at: %s", check.problems[i]);
    for (size_t t = 0; t < check.table_count; t++)
        for (size_t i = 0; i < check.tables[t].problem_count; i++)
            silt_lines_add(&f->lines, "Would look at: %s: %s", check.tables[t].table_name,
                           check.tables[t].problems[i]);
    return SILT_OK;
}

silt_status silt_pipeline_fix(silt_pipeline *pipeline, bool dry_run, silt_arena *arena,
                              silt_fix_report *out, silt_error *err)
{
    silt_load *load = silt_pipeline_load(pipeline);
    fixes f = {.lines = {.arena = arena}};
    if (dry_run) {
        SILT_TRY(would_fix(pipeline, &f, err));
        return take_report(&f, out, err);
    }
    silt_lock_info lock;
    SILT_TRY(silt_lock_look(load->state, load->clock, &lock, err));
    SILT_TRY(silt_session_begin(load, 0, false, err));
    if (lock.present) fixed(&f, 1, "Removed %" PRId64 " stale lock");
    silt_error why = {0};
    if (fix_status_table(load, &f, &why) != SILT_OK) {
        f.failed++;
        silt_lines_add(&f.lines, "Not fixed: %s", why.message);
    }
    for (size_t i = 0; i < load->config->table_count; i++)
        fix_table(load, &load->config->tables[i], &f);
    silt_session_end(load);
    if (atomic_load(&load->cancelled)) {
        silt_vec_free(&f.lines.items);
        return silt_fail(err, SILT_INTERRUPTED, "interrupted");
    }
    return take_report(&f, out, err);
}

silt_status silt_pipeline_force_unlock(silt_pipeline *pipeline, bool *was_held, silt_error *err)
{
    silt_load *load = silt_pipeline_load(pipeline);
    silt_lock_info lock;
    SILT_TRY(silt_lock_look(load->state, load->clock, &lock, err));
    SILT_TRY(silt_lock_force(load->state, err));
    silt_run_history_add_lost(load, &lock);
    if (was_held) *was_held = lock.present;
    return SILT_OK;
}
