/* One row a table, in one data file. */
#include "load/table_status.h"

#include "load/rows.h"

#define FORGET_ROUNDS 20 /* of reading again because somebody else was faster */

static const silt_state_column columns[] = {
    {"table_name", SILT_TYPE_STRING},    {"status", SILT_TYPE_STRING},
    {"last_run_id", SILT_TYPE_STRING},   {"last_batch_id", SILT_TYPE_LONG},
    {"files_completed", SILT_TYPE_LONG}, {"files_failed", SILT_TYPE_LONG},
    {"updated_at", SILT_TYPE_TIMESTAMP},
};

typedef struct state_list {
    SILT_VEC(silt_table_state) rows;
    silt_arena *arena;
} state_list;

static void state_list_release(state_list *list)
{
    silt_vec_free(&list->rows);
}

static silt_status read_row(void *ctx, size_t file, const silt_state_value *v, silt_error *err)
{
    state_list *list = ctx;
    (void)file;
    const silt_table_state row = {
        .table_name = silt_arena_strdup(list->arena, v[0].text),
        .status = silt_arena_strdup(list->arena, v[1].text ? v[1].text : "pending"),
        .last_run_id = silt_arena_strdup(list->arena, v[2].text),
        .last_batch_id = v[3].number == INT64_MIN ? -1 : v[3].number,
        .files_completed = v[4].number,
        .files_failed = v[5].number,
        .updated_us = v[6].number,
    };
    if (!row.table_name)
        return silt_fail(err, SILT_CORRUPT, "table_status: a row without table_name");
    return silt_vec_push(&list->rows, row) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status read_all(silt_load *load, silt_snapshot *snapshot, state_list *list,
                            silt_error *err)
{
    const silt_add *adds;
    size_t count;
    SILT_TRY(silt_snapshot_adds(snapshot, &adds, &count, err));
    return silt_state_read(load->status_store, load->engine, columns, SILT_COUNT(columns), adds,
                           count, read_row, list, err);
}

silt_status silt_table_status_read(silt_load *load, silt_arena *arena, const silt_table_state **out,
                                   size_t *count, silt_error *err)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    state_list list __attribute__((cleanup(state_list_release))) = {.arena = arena};
    silt_status st = silt_snapshot_open(load->status_store, load->engine, NULL, &snapshot, err);
    if (st == SILT_OK)
        SILT_TRY(read_all(load, snapshot, &list, err));
    else if (st != SILT_NOT_FOUND)
        return st;
    silt_table_state *items = silt_arena_calloc(arena, list.rows.count + 1, sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    if (list.rows.count) memcpy(items, list.rows.items, list.rows.count * sizeof(*items));
    *out = items;
    *count = list.rows.count;
    return SILT_OK;
}

static void row_values(void *ctx, size_t row, silt_state_value *v)
{
    const silt_table_state *s = &((const state_list *)ctx)->rows.items[row];
    v[0].text = s->table_name;
    v[1].text = s->status;
    v[2].text = s->last_run_id;
    v[3].number = s->last_batch_id < 0 ? INT64_MIN : s->last_batch_id;
    v[4].number = s->files_completed;
    v[5].number = s->files_failed;
    v[6].number = s->updated_us;
}

static bool same(const silt_table_state *a, const silt_table_state *b)
{
    return silt_streq(a->status, b->status) && silt_streq(a->last_run_id, b->last_run_id) &&
           a->last_batch_id == b->last_batch_id && a->files_completed == b->files_completed &&
           a->files_failed == b->files_failed;
}

static silt_status open_or_make(silt_load *load, silt_snapshot **out, silt_error *err)
{
    silt_status st = silt_snapshot_open(load->status_store, load->engine, NULL, out, err);
    if (st != SILT_NOT_FOUND) return st;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_type *schema =
        scratch ? silt_state_schema(columns, SILT_COUNT(columns), scratch) : NULL;
    if (!schema) return silt_fail_nomem(err);
    const silt_pair pair = {"silt.pipeline", load->config->pipeline};
    silt_txn_options txn = SILT_TXN_OPTIONS_INIT;
    txn.clock = load->clock;
    txn.random = load->random;
    silt_txn_result result;
    SILT_TRY(silt_create_table(load->status_store, load->engine, schema, NULL, 0,
                               (silt_pairs){&pair, 1}, NULL, &txn, &result, err));
    return silt_snapshot_open(load->status_store, load->engine, NULL, out, err);
}

/* All data files go; `fresh` comes (NULL: none does). */
static silt_status replace_files(silt_load *load, silt_snapshot *snapshot, const silt_add *fresh,
                                 const char *operation, silt_txn_outcome *outcome, silt_error *err)
{
    const silt_add *old;
    size_t old_count;
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = operation;
    opts.read = SILT_READ_LOG;
    opts.clock = load->clock;
    opts.random = load->random;
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_snapshot_adds(snapshot, &old, &old_count, err));
    SILT_TRY(silt_txn_new(snapshot, &opts, &txn, err));
    for (size_t i = 0; i < old_count; i++)
        SILT_TRY(silt_txn_remove(txn, &old[i], true, err));
    if (fresh) SILT_TRY(silt_txn_add(txn, fresh, err));
    silt_txn_result result;
    silt_snapshot *after = NULL;
    SILT_TRY(silt_txn_commit(txn, &result, &after, err));
    silt_error harmless = {0};
    if (after) (void)silt_table_maintain(after, &harmless);
    silt_snapshot_free(after);
    *outcome = result.outcome;
    return SILT_OK;
}

static silt_status replace_rows(silt_load *load, silt_snapshot *snapshot, state_list *list,
                                silt_error *err)
{
    const silt_add *fresh;
    silt_txn_outcome any; /* a conflict: somebody else's news is as fresh */
    SILT_TRY(silt_state_write(load->status_store, load->engine, columns, SILT_COUNT(columns),
                              row_values, list, list->rows.count,
                              &silt_snapshot_state(snapshot)->metadata, load->clock, load->random,
                              list->arena, &fresh, err));
    return replace_files(load, snapshot, fresh, "TABLE STATUS", &any, err);
}

silt_status silt_table_status_set(silt_load *load, const silt_table_state *state, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    if (!arena) return silt_fail_nomem(err);
    state_list list __attribute__((cleanup(state_list_release))) = {.arena = arena};
    SILT_TRY(open_or_make(load, &snapshot, err));
    SILT_TRY(read_all(load, snapshot, &list, err));
    size_t i = 0;
    while (i < list.rows.count && strcmp(list.rows.items[i].table_name, state->table_name) != 0)
        i++;
    if (i < list.rows.count && same(&list.rows.items[i], state)) return SILT_OK;
    if (i < list.rows.count)
        list.rows.items[i] = *state;
    else if (!silt_vec_push(&list.rows, *state))
        return silt_fail_nomem(err);
    return replace_rows(load, snapshot, &list, err);
}

silt_status silt_table_status_forget(silt_load *load, silt_error *err)
{
    for (int round = 0; round < FORGET_ROUNDS; round++) {
        SILT_AUTO(silt_snapshot) snapshot = NULL;
        silt_txn_outcome outcome;
        silt_error why = {0};
        silt_status st =
            silt_snapshot_open(load->status_store, load->engine, NULL, &snapshot, &why);
        if (st == SILT_NOT_FOUND) return SILT_OK;
        if (st == SILT_CORRUPT) return silt_state_drop(load->status_store, err);
        if (st != SILT_OK) return silt_fail(err, st, "table_status: %s", why.message);
        SILT_TRY(replace_files(load, snapshot, NULL, "RESET", &outcome, err));
        if (outcome == SILT_TXN_COMMITTED) return SILT_OK;
    }
    return silt_fail(err, SILT_CONFLICT, "table_status: other processes change it all the time");
}

void silt_table_status_count(silt_load *load, const char *table_name, silt_table_state *out,
                             int64_t *pending, int64_t *processing)
{
    *out = (silt_table_state){
        .table_name = table_name, .last_batch_id = -1, .updated_us = silt_now_us(load->clock)};
    *pending = *processing = 0;
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].table_name, table_name) != 0) continue;
        out->files_completed += rows[i].status == SILT_FILE_COMPLETED;
        out->files_failed += rows[i].status == SILT_FILE_FAILED;
        *pending += rows[i].status == SILT_FILE_PENDING;
        *processing += rows[i].status == SILT_FILE_PROCESSING;
        if (rows[i].status == SILT_FILE_COMPLETED && rows[i].batch_id > out->last_batch_id)
            out->last_batch_id = rows[i].batch_id;
    }
    out->status = out->files_failed                   ? "failed"
                  : *processing                       ? "processing"
                  : *pending || !out->files_completed ? "pending"
                                                      : "completed";
}
