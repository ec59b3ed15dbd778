/* reset-state: drop what the pipeline believes; what the targets' ledgers say stays true. */
#include "load/compare.h"
#include "load/own_rows.h"
#include "load/recover.h"
#include "load/rows.h"
#include "load/session.h"
#include "load/table_status.h"

/* ---- one table: its rows anew, from the ledgers */

/* A row that starts afresh. */
static silt_tracked waiting(silt_tracked row, int64_t now_us)
{
    row.status = SILT_FILE_PENDING;
    row.updated_us = now_us;
    row.start_us = row.end_us = row.batch_id = row.row_count = row.rejected_count = -1;
    row.retry_count = 0;
    row.error_message = row.attempt_id = row.content_hash = NULL;
    return row;
}

static silt_status rebuild_rows(silt_load *load, silt_target *target, silt_lines *lines,
                                silt_error *err)
{
    silt_lines details = {.arena = lines->arena};
    silt_comparison c __attribute__((cleanup(silt_comparison_release))) = {0};
    silt_status st = silt_compare_tracker(load, target, &c, &details, err);
    silt_vec_free(&details.items);
    SILT_TRY(st);
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].table_name, target->table->name) != 0 ||
            rows[i].status == SILT_FILE_COMPLETED ||
            silt_map64_get(c.by_path, rows[i].file_path, strlen(rows[i].file_path)))
            continue;
        if (!silt_vec_push(&c.wrong, waiting(rows[i], silt_now_us(load->clock))))
            return silt_fail_nomem(err);
    }
    SILT_CLEAN(silt_buf) last = {0};
    silt_tracker_put_last(load->tracker, &last, target->app_id);
    if (last.failed) return silt_fail_nomem(err);
    const silt_tracker_change change = {
        .rows = c.wrong.items,
        .row_count = c.wrong.count,
        .app_id = target->app_version >= 0 ? last.data : NULL,
        .app_version = target->app_version,
        .operation = "RESET",
    };
    SILT_TRY(silt_tracker_commit(load->tracker, &change, err));
    silt_lines_add(lines, "%s: %zu files are loaded as its ledgers say, %zu records were rewritten",
                   target->table->name, c.loaded.count, c.wrong.count);
    return SILT_OK;
}

/* ---- fences */

/* Whether a ledger vouches for them: the file's own, or that of a replay. */
static bool is_ours(const silt_comparison *c, const silt_evidence *rows)
{
    const silt_loaded *item = silt_map64_get(c->by_path, rows->path, strlen(rows->path));
    if (item && silt_ledger_loads(item->ledger->kind) && item->ledger->number == rows->batch_id)
        return true;
    for (size_t i = 0; i < c->replayed.count; i++)
        if (c->replayed.items[i].number == rows->batch_id &&
            strcmp(c->replayed.items[i].path, rows->path) == 0)
            return true;
    return false;
}

/* The rows that the ledgers vouch for, as they stand there now: maybe fewer than were loaded. */
static silt_status find_rows(silt_load *load, silt_target *target, silt_comparison *c,
                             const silt_evidence **items, size_t *count, silt_error *err)
{
    silt_own_rows found;
    *count = 0;
    SILT_TRY(silt_compare_chain(target, c, err));
    SILT_TRY(silt_compare_evidence(load, target, c, err));
    SILT_TRY(silt_own_rows_read(load, target, -1, INT64_MAX, c->arena, &found, err));
    SILT_TRY(silt_own_rows_check(target, &found, err));
    silt_evidence *mine = silt_arena_calloc(c->arena, found.count + 1, sizeof(*mine));
    if (!mine) return silt_fail_nomem(err);
    for (size_t i = 0; i < found.count; i++)
        if (is_ours(c, &found.items[i])) mine[(*count)++] = found.items[i];
    *items = mine;
    return SILT_OK;
}

/* A new epoch in whose commit the rows go. */
static silt_status delete_rows(silt_load *load, silt_target *target, const char *attempt,
                               int64_t *spent, silt_lines *lines, silt_error *err)
{
    silt_comparison c __attribute__((cleanup(silt_comparison_release))) = {0};
    const silt_evidence *items = NULL;
    size_t count = 0;
    int64_t rows = 0;
    SILT_TRY(find_rows(load, target, &c, &items, &count, err));
    SILT_TRY(silt_take_rows(load, target, SILT_LEDGER_EPOCH, NULL, 0, items, count, spent, err));
    if (attempt) target->ops->clean(load, target, attempt);
    for (size_t i = 0; i < count; i++)
        rows += items[i].row_count;
    silt_lines_add(lines, "%s: deleted %" PRId64 " rows of %zu files", target->table->name, rows,
                   count);
    return SILT_OK;
}

/* After this no attempt planned before can commit, and the last word in the target's log is ours.
 */
static silt_status fence_table(silt_load *load, silt_target *target, const silt_reset_options *opts,
                               silt_lines *lines, silt_error *err)
{
    const silt_ledger_kind kind = opts->forget ? SILT_LEDGER_EPOCH : SILT_LEDGER_FENCE;
    silt_status st = SILT_CONFLICT;
    for (int round = 0; st == SILT_CONFLICT && round < 20; round++) {
        SILT_TRY(silt_target_refresh(load, target, err));
        if (!target->there) return SILT_OK;
        int64_t number = silt_highest_number(load, target), spent = number + 1;
        int64_t open;
        const char *attempt = NULL;
        if (load->tracker) (void)silt_open_batch(load, target, &open, &attempt);
        st = opts->delete_rows ? delete_rows(load, target, attempt, &spent, lines, err)
                               : silt_fence(load, target, number, attempt, kind, &spent, err);
        if (st == SILT_OK)
            silt_lines_add(lines, "%s: %s with number %" PRId64, target->table->name,
                           opts->forget ? "a new epoch begins" : "older attempts are fenced",
                           spent);
    }
    if (st != SILT_OK) return st;
    SILT_TRY(silt_target_refresh(load, target, err));
    return silt_target_follow(load, target, err);
}

static silt_status reset_table(silt_load *load, const silt_config_table *table,
                               const silt_reset_options *opts, silt_lines *lines, silt_error *err)
{
    const bool rebuild = opts->table != NULL;
    silt_target target;
    SILT_TRY(silt_target_open(load, table, &target, err));
    silt_status st = fence_table(load, &target, opts, lines, err);
    if (st == SILT_OK && rebuild && !target.there &&
        silt_tracker_last(load->tracker, target.app_id) >= 0) {
        st = silt_fail(err, SILT_INVALID, "table %s: its target %s is gone", table->name,
                       table->target_path);
        silt_hint(err, st, "reset all of the pipeline's state: leave out --table");
    }
    if (st == SILT_OK && rebuild) st = rebuild_rows(load, &target, lines, err);
    silt_target_release(&target);
    return st;
}

/* ---- all state */

static silt_status reset_all(silt_load *load, const silt_reset_options *opts, silt_lines *lines,
                             silt_error *err)
{
    for (size_t i = 0; i < load->config->table_count; i++)
        SILT_TRY(reset_table(load, &load->config->tables[i], opts, lines, err));
    SILT_TRY(load->tracker ? silt_tracker_forget(load->tracker, err)
                           : silt_state_drop(load->tracker_store, err));
    SILT_TRY(silt_table_status_forget(load, err));
    silt_lines_add(lines, "Dropped the tracker and table status");
    return SILT_OK;
}

/* Before anything is changed: whether the rows of a table can be told from others'. */
static silt_status check_deletable(silt_load *load, const silt_config_table *table, silt_error *err)
{
    silt_target target;
    SILT_TRY(silt_target_open(load, table, &target, err));
    silt_status st = silt_target_refresh(load, &target, err);
    bool append = table->strategy == SILT_STRATEGY_APPEND;
    bool may = !target.there || (append && target.ops->has_evidence(&target));
    silt_target_release(&target);
    if (st != SILT_OK || may) return st;
    st =
        silt_fail(err, SILT_INVALID, "table %s: %s; its rows can't be told from others",
                  table->name, append ? "it has no audit columns" : "it isn't loaded by appending");
    return silt_hint(err, st,
                     "leave out --delete-rows; or name the tables to reset by --table, or delete "
                     "this one's rows by 'silt delete'");
}

static silt_status reset(silt_load *load, const silt_reset_options *opts, silt_lines *lines,
                         silt_error *err)
{
    const silt_config_table *one = NULL;
    for (size_t i = 0; i < load->config->table_count; i++) {
        const silt_config_table *table = &load->config->tables[i];
        if (opts->table && strcmp(table->name, opts->table) != 0) continue;
        one = table;
        if (opts->delete_rows) SILT_TRY(check_deletable(load, table, err));
    }
    if (!opts->table) return reset_all(load, opts, lines, err);
    if (one) return reset_table(load, one, opts, lines, err);
    return silt_fail(err, SILT_INVALID, "pipeline '%s' has no table '%s'", load->config->pipeline,
                     opts->table);
}

silt_status silt_pipeline_reset(silt_pipeline *pipeline, const silt_reset_options *opts,
                                silt_arena *arena, silt_fix_report *out, silt_error *err)
{
    static const silt_reset_options defaults = SILT_RESET_OPTIONS_INIT;
    silt_load *load = silt_pipeline_load(pipeline);
    if (!opts) opts = &defaults;
    silt_lines lines = {.arena = arena};
    if (opts->delete_rows && !opts->forget)
        return silt_fail(err, SILT_INVALID, "rows are only deleted where files are forgotten");
    /* A tracker that can't be read is what reset is for; it stands in nobody's way. */
    silt_status st = silt_session_begin(load, 0, false, err);
    if (st == SILT_INCONSISTENT && !opts->table) st = silt_session_lock(load, err);
    if (st == SILT_OK) st = reset(load, opts, &lines, err);
    silt_session_end(load);
    silt_fix_report report = {.applied = (int64_t)lines.items.count};
    report.actions = silt_lines_take(&lines, &report.action_count);
    if (st == SILT_OK && !report.actions) st = silt_fail_nomem(err);
    if (st == SILT_OK) *out = report;
    return st;
}
