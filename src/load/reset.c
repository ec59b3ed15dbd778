/* reset-state: drop what the pipeline believes; what the targets' ledgers say stays true. */
#include "load/compare.h"
#include "load/session.h"

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
    silt_buf_printf(&last, "%s/last", target->app_id);
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

/* The highest number that is known to anyone: of the batch after V, which somebody may have planned
 * without our knowing, or one that the tracker knows and a target brought back doesn't. */
static int64_t last_number(const silt_load *load, const silt_target *target)
{
    int64_t number = target->app_version + 1;
    if (!load->tracker) return number;
    int64_t last = silt_tracker_last(load->tracker, target->app_id);
    int64_t promised = silt_tracker_promised(load->tracker, target->app_id);
    if (number < last) number = last;
    return number < promised ? promised : number;
}

/* After this no attempt planned before can commit, and the last word in the target's log is ours.
 */
static silt_status fence_table(silt_load *load, silt_target *target, bool forget, silt_lines *lines,
                               silt_error *err)
{
    silt_status st = SILT_CONFLICT;
    for (int round = 0; st == SILT_CONFLICT && round < 20; round++) {
        SILT_TRY(silt_target_refresh(load, target, err));
        if (!target->there) return SILT_OK;
        int64_t number = last_number(load, target), spent = -1;
        int64_t open;
        const char *attempt = NULL;
        if (load->tracker) (void)silt_open_batch(load, target, &open, &attempt);
        st = silt_fence(load, target, number, attempt,
                        forget ? SILT_LEDGER_EPOCH : SILT_LEDGER_FENCE, &spent, err);
        if (st == SILT_OK)
            silt_lines_add(lines, "%s: %s with number %" PRId64, target->table->name,
                           forget ? "a new epoch begins" : "older attempts are fenced", spent);
    }
    if (st != SILT_OK) return st;
    SILT_TRY(silt_target_refresh(load, target, err));
    return silt_target_follow(load, target, err);
}

static silt_status reset_table(silt_load *load, const silt_config_table *table, bool forget,
                               bool rebuild, silt_lines *lines, silt_error *err)
{
    silt_target target;
    SILT_TRY(silt_target_open(load, table, &target, err));
    silt_status st = fence_table(load, &target, forget, lines, err);
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

typedef struct key_list {
    silt_arena *arena;
    SILT_VEC(const char *) keys;
    bool failed;
} key_list;

static bool collect_key(void *ctx, const silt_object *object)
{
    key_list *list = ctx;
    const char *key = silt_arena_strdup(list->arena, object->key);
    list->failed = !key || !silt_vec_push(&list->keys, key);
    return !list->failed;
}

/* Newest log entries first: what a crash leaves is a table of before, or none that can be read. */
static silt_status drop_table(silt_store *store, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    key_list list = {.arena = arena};
    silt_status st = store->ops->list(store, "", NULL, true, collect_key, &list, err);
    if (st == SILT_OK && list.failed) st = silt_fail_nomem(err);
    for (size_t i = list.keys.count; st == SILT_OK && i-- > 0;)
        st = store->ops->remove(store, list.keys.items[i], err);
    silt_vec_free(&list.keys);
    return st;
}

static silt_status reset_all(silt_load *load, bool forget, silt_lines *lines, silt_error *err)
{
    for (size_t i = 0; i < load->config->table_count; i++)
        SILT_TRY(reset_table(load, &load->config->tables[i], forget, false, lines, err));
    silt_tracker_free(load->tracker);
    load->tracker = NULL;
    SILT_TRY(drop_table(load->tracker_store, err));
    SILT_TRY(drop_table(load->status_store, err));
    silt_lines_add(lines, "Dropped the tracker and table status");
    return SILT_OK;
}

static silt_status reset(silt_load *load, const silt_reset_options *opts, silt_lines *lines,
                         silt_error *err)
{
    if (!opts->table) return reset_all(load, opts->forget, lines, err);
    for (size_t i = 0; i < load->config->table_count; i++)
        if (strcmp(load->config->tables[i].name, opts->table) == 0)
            return reset_table(load, &load->config->tables[i], opts->forget, true, lines, err);
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
