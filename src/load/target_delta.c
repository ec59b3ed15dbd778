/* A Delta table as target: its log is the judge. */
#include "base/json.h"
#include "load/evidence.h"
#include "load/load.h"
#include "load/own_rows.h"
#include "silt/edit.h"
#include "table/data.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static void stand_at(silt_target *t, silt_snapshot *now)
{
    silt_snapshot_free(t->snapshot);
    t->snapshot = now;
    t->there = true;
    t->id = silt_snapshot_table_id(now);
    t->version = silt_snapshot_version(now);
    t->app_version = silt_snapshot_app_version(now, t->app_id);
}

static silt_status refresh(silt_load *load, silt_target *t, silt_error *err)
{
    silt_snapshot *now = NULL;
    silt_status st = t->snapshot ? silt_snapshot_refresh(t->snapshot, &now, err)
                                 : silt_snapshot_open(t->store, load->engine, NULL, &now, err);
    if (st == SILT_NOT_FOUND && !t->snapshot) return SILT_OK;
    if (st != SILT_OK) return silt_wrap(err, st, "table %s: target", t->table->name);
    stand_at(t, now);
    return SILT_OK;
}

void silt_target_delta_committed(silt_target *t, silt_snapshot *after, int64_t number)
{
    if (!after) return; /* the next refresh reads it */
    stand_at(t, after);
    t->app_version = number;
}

static silt_status fence(silt_load *load, silt_target *target, int64_t number, silt_error *err)
{
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "FENCE";
    opts.app_id = target->app_id;
    opts.app_version = number;
    opts.clock = load->clock;
    opts.random = load->random;
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_txn_new(target->snapshot, &opts, &txn, err));
    silt_txn_result result;
    SILT_TRY(silt_txn_commit(txn, &result, NULL, err));
    if (result.outcome == SILT_TXN_COMMITTED) return SILT_OK;
    return silt_fail(err, SILT_CONFLICT, "fence %" PRId64 ": %s", number, result.conflict);
}

/* ---- the log since our last commit */

static silt_status fail_touched(const silt_target *target, int64_t version, const char *what,
                                silt_error *err)
{
    silt_fail(err, SILT_INCONSISTENT,
              "table %s: version %" PRId64 " of %s %s since batch %" PRId64
              " was loaded: rows of loaded files may be gone",
              target->table->name, version, target->store->uri, what, target->app_version);
    return silt_hint(
        err, SILT_INCONSISTENT,
        "see 'silt history %s'; if that was meant, 'silt reset-state --table %s' accepts the "
        "table as it is",
        target->store->uri, target->table->name);
}

/* What a commit since our last one was. */
typedef struct foreign {
    const char *did; /* to our rows; NULL: nothing */
    bool ours;       /* it is the commit of batch V itself */
    bool restores;
    int64_t restored_to; /* -1: it doesn't say */
} foreign;

static int64_t restored_version(const silt_commit_info *info, silt_arena *arena)
{
    const silt_json *json, *value;
    int64_t version = -1;
    if (!info->json || silt_json_parse(silt_bytes_of(info->json), arena, &json, NULL) != SILT_OK)
        return -1;
    value = silt_json_get(silt_json_get(json, "operationParameters"), "version");
    const char *digits = silt_json_string(value); /* deltalake quotes numbers */
    if (digits) return silt_parse_int64(digits, &version) ? version : -1;
    return silt_json_int(value, -1);
}

static foreign what_it_did(const silt_target *target, const silt_action *actions, size_t count,
                           silt_arena *arena)
{
    foreign f = {.restored_to = -1};
    bool silts = false; /* conservation held there */
    for (size_t i = 0; i < count; i++) {
        const silt_action *a = &actions[i];
        if (a->kind == SILT_ACTION_APP_TXN && strcmp(a->app_txn.app_id, target->app_id) == 0 &&
            a->app_txn.version == target->app_version)
            f.ours = true;
        if (a->kind == SILT_ACTION_REMOVE && a->remove.data_change && !f.did)
            f.did = "removed data files";
        if (a->kind != SILT_ACTION_COMMIT_INFO) continue;
        if (silt_streq(a->commit_info.operation, "RESTORE")) {
            f.did = "restored an older version";
            f.restores = true;
            f.restored_to = restored_version(&a->commit_info, arena);
        }
        if (a->commit_info.engine_info && silt_starts_with(a->commit_info.engine_info, "silt/") &&
            silt_streq(a->commit_info.operation, "MERGE"))
            silts = true;
    }
    if (silts) f.did = NULL;
    return f;
}

/* Another pipeline's commit that took rows of its own away, and just these, as its ledger says. */
static bool took_own_rows(const silt_target *target, const silt_action *actions, size_t count,
                          silt_arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        const silt_app_txn *txn = &actions[i].app_txn;
        silt_ledger ledger;
        if (actions[i].kind != SILT_ACTION_APP_TXN || !silt_own_rows_is_pipelines(txn->app_id) ||
            strcmp(txn->app_id, target->app_id) == 0)
            continue;
        return silt_ledger_read(target->store, txn->app_id, txn->version, arena, &ledger, NULL) ==
                   SILT_OK &&
               ledger.kind != SILT_LEDGER_DATA && ledger.kind != SILT_LEDGER_REPLAY;
    }
    return false;
}

/* From the newest commit back to ours. The newest of those that did something is told. */
static silt_status check_log(silt_target *target, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    const int64_t newest = silt_snapshot_version(target->snapshot);
    int64_t found = -1; /* version that did something */
    const char *did = NULL;
    for (int64_t v = newest; v > target->vouched; v--) {
        silt_arena_reset(scratch);
        const silt_action *actions;
        size_t count;
        silt_status st = silt_log_commit_read(target->store, v, scratch, &actions, &count, err);
        if (st == SILT_NOT_FOUND) break; /* cleaned up: what was before can't be known any more */
        if (st != SILT_OK) return st;
        const foreign f = what_it_did(target, actions, count, scratch);
        if (f.ours) break;
        if (!f.did || (!f.restores && took_own_rows(target, actions, count, scratch))) continue;
        if (!did) {
            found = v;
            did = f.did;
            target->back = f.restores ? SILT_BACK_RESTORED : SILT_BACK_TOUCHED;
            target->restored_to = f.restored_to;
        } else if (target->restored_to >= v) {
            target->restored_to = -1; /* a version that is itself of something else */
        }
    }
    if (did) return fail_touched(target, found, did, err);
    target->vouched = newest;
    return SILT_OK;
}

static silt_status check(silt_load *load, silt_target *target, silt_error *err)
{
    (void)load;
    return check_log(target, err);
}

static silt_status writers(silt_load *load, silt_target *target, silt_arena *arena,
                           const silt_writer **out, size_t *count, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(target->snapshot);
    silt_writer *items = silt_arena_calloc(arena, state->app_txn_count + 1, sizeof(*items));
    (void)load;
    if (!items) return silt_fail_nomem(err);
    for (size_t i = 0; i < state->app_txn_count; i++)
        items[i] = (silt_writer){state->app_txns[i].app_id, state->app_txns[i].version};
    *out = items;
    *count = state->app_txn_count;
    return SILT_OK;
}

/* ---- */

static silt_status count_rows(silt_load *load, silt_target *target, int64_t *out, silt_error *err)
{
    (void)load;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_add *adds;
    size_t count;
    if (!scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_snapshot_adds(target->snapshot, &adds, &count, err));
    *out = 0;
    for (size_t i = 0; i < count && *out >= 0; i++) {
        int64_t rows = silt_add_row_count(&adds[i], scratch);
        *out = rows < 0 ? -1 : *out + rows;
        silt_arena_reset(scratch);
    }
    return SILT_OK;
}

/* ---- */

static silt_status remove_rows(silt_load *load, silt_target *target, const silt_evidence *items,
                               size_t count, int64_t number, int64_t *rows, silt_error *err)
{
    (void)load;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const char *where = scratch ? silt_evidence_condition(target, items, count, scratch) : NULL;
    if (!where) return silt_fail_nomem(err);
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    silt_edit_options opts = SILT_EDIT_OPTIONS_INIT;
    silt_edit_result done = {0};
    commit.app_id = number < 0 ? NULL : target->app_id;
    commit.app_version = number;
    commit.max_attempts = 1; /* upon this snapshot: its V is what ledger `number` stands on */
    opts.commit = &commit;
    opts.dry_run = number < 0;
    SILT_TRY(silt_delete(target->snapshot, where, &opts, &done, NULL, err));
    if (done.outcome == SILT_EDIT_OVERTAKEN)
        return silt_fail(err, SILT_CONFLICT, "table %s: another process was faster; try again",
                         target->table->name);
    *rows = done.rows_deleted;
    if (number >= 0) target->version = done.committed_version;
    return SILT_OK;
}

int64_t silt_target_abandoned_ms(const silt_load *load, const silt_target *target)
{
    int64_t age = target->table->maintenance.vacuum_retention_ms;
    if (!age) age = silt_orphans_retention_ms(target->snapshot);
    return silt_now_us(load->clock) / 1000 - (age > DAY_MS ? age : DAY_MS);
}

static silt_status orphans(silt_load *load, silt_target *target, bool remove, silt_orphan_fn *fn,
                           void *ctx, silt_error *err)
{
    const silt_orphans_spec spec = {
        .before_ms = silt_target_abandoned_ms(load, target), .ever = true, .remove = remove};
    return silt_orphans_find(target->snapshot, &spec, fn, ctx, err);
}

/* Files without a commit are only litter. */
static void clean(silt_load *load, silt_target *target, const char *attempt)
{
    (void)load;
    (void)silt_attempt_clean(target->store, attempt, NULL);
}

static void maintain(silt_load *load, silt_target *target)
{
    (void)load;
    (void)silt_table_maintain(target->snapshot, NULL);
}

static void release(silt_target *target)
{
    silt_snapshot_free(target->snapshot);
}

static silt_status check_versions(silt_load *load, silt_target *target, silt_arena *arena,
                                  silt_scd2_report *out, silt_error *err)
{
    const silt_config_table *table = target->table;
    (void)load;
    const char **keys = silt_arena_calloc(arena, table->key_count + 1, sizeof(*keys));
    if (!keys) return silt_fail_nomem(err);
    memcpy(keys, table->keys, table->key_count * sizeof(*keys));
    const silt_scd2_options scd2 = silt_target_versions(table);
    return silt_scd2_check(target->snapshot, keys, &scd2, arena, out, err);
}

const silt_target_ops silt_target_delta = {.refresh = refresh,
                                           .fence = fence,
                                           .check = check,
                                           .has_evidence = silt_evidence_there,
                                           .evidence = silt_evidence_read,
                                           .writers = writers,
                                           .count_rows = count_rows,
                                           .check_versions = check_versions,
                                           .columns = silt_target_columns,
                                           .type_name = silt_target_type_name,
                                           .remove = remove_rows,
                                           .orphans = orphans,
                                           .clean = clean,
                                           .maintain = maintain,
                                           .release = release};
