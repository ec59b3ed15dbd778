/* What the target itself says of what was loaded: its rows' audit columns, and its log since our
 * last commit. */
#include "load/recover.h"

/* ---- rows by _source_file and _batch_id -------------------------------------------------------
 */

typedef struct tally {
    silt_map64 *by_key; /* batch id and path → index + 1 */
    SILT_VEC(silt_evidence) found;
    silt_arena *arena;
    int64_t after, until;
    bool batch_is_text;
} tally;

static void tally_release(tally *t)
{
    if (t->by_key) silt_map64_free(t->by_key);
    silt_vec_free(&t->found);
}

static bool batch_of(const tally *t, const silt_flat_vector *v, size_t row, int64_t *out)
{
    if (!silt_flat_valid(v, row)) return false;
    if (!t->batch_is_text) {
        *out = v->ints[row];
        return true;
    }
    char text[24];
    if (v->texts[row].size >= sizeof(text)) return false;
    memcpy(text, v->texts[row].data, v->texts[row].size);
    text[v->texts[row].size] = '\0';
    return silt_parse_int64(text, out);
}

static silt_status count_row(tally *t, int64_t batch, silt_bytes path, silt_error *err)
{
    char *key = silt_arena_alloc(t->arena, sizeof(batch) + path.size);
    if (!key) return silt_fail_nomem(err);
    memcpy(key, &batch, sizeof(batch));
    memcpy(key + sizeof(batch), path.data, path.size);
    bool found;
    void **slot = silt_map64_slot(t->by_key, key, sizeof(batch) + path.size, &found);
    if (!slot) return silt_fail_nomem(err);
    if (!found) {
        const silt_evidence item = {silt_arena_strndup(t->arena, path.data, path.size), batch, 0};
        if (!item.path || !silt_vec_push(&t->found, item)) return silt_fail_nomem(err);
        *slot = (void *)(uintptr_t)t->found.count;
    }
    t->found.items[(uintptr_t)*slot - 1].row_count++;
    return SILT_OK;
}

static silt_status tally_batch(void *ctx, const silt_flat_batch *batch, silt_error *err)
{
    tally *t = ctx;
    for (size_t i = 0; i < batch->row_count; i++) {
        int64_t number;
        if (!silt_flat_valid(&batch->columns[0], i) ||
            !batch_of(t, &batch->columns[1], i, &number) || number <= t->after || number > t->until)
            continue;
        SILT_TRY(count_row(t, number, batch->columns[0].texts[i], err));
    }
    return SILT_OK;
}

static silt_status can_tell(const silt_target *target, tally *t, silt_error *err)
{
    const silt_type *schema = silt_snapshot_schema(target->snapshot);
    int source = silt_type_find(schema, SILT_COLUMN_SOURCE_FILE);
    int batch = silt_type_find(schema, SILT_COLUMN_BATCH_ID);
    if (target->table->strategy == SILT_STRATEGY_APPEND && source >= 0 && batch >= 0) {
        t->batch_is_text = schema->fields[batch].type->kind == SILT_TYPE_STRING;
        return SILT_OK;
    }
    return silt_fail(
        err, SILT_INCONSISTENT,
        "table %s: ledgers of batches %" PRId64 " to %" PRId64
        " are missing in %s/_silt/ledger, and its rows don't say which files they are from",
        target->table->name, t->after + 1, t->until, target->store->uri);
}

silt_status silt_evidence_read(silt_load *load, silt_target *target, int64_t after, int64_t until,
                               silt_arena *arena, const silt_evidence **out, size_t *count,
                               silt_error *err)
{
    tally t
        __attribute__((cleanup(tally_release))) = {.arena = arena, .after = after, .until = until};
    SILT_TRY(can_tell(target, &t, err));
    t.by_key = silt_map64_new();
    if (!t.by_key) return silt_fail_nomem(err);
    const char *const names[] = {SILT_COLUMN_SOURCE_FILE, SILT_COLUMN_BATCH_ID};
    const char *folder = NULL;
    char uuid[SILT_UUID_SIZE];
    silt_uuid(load->random, uuid);
    if (!target->store->ops->local_path)
        SILT_TRY(silt_scratch_make(target->store, uuid, arena, &folder, err));
    const silt_scan_want want = {.columns = names, .column_count = 2, .limit = -1};
    const silt_log_state *state = silt_snapshot_state(target->snapshot);
    silt_scan_plan scan = {0};
    silt_status st =
        silt_scan_plan_init(&scan, target->store, state->version, &state->metadata,
                            silt_snapshot_schema(target->snapshot), &want, folder, arena, err);
    if (st == SILT_OK) st = silt_scan_plan_adds(&scan, target->snapshot, NULL, 0, err);
    size_t file_count = scan.spec.file_count;
    const char **paths =
        st == SILT_OK ? silt_arena_calloc(arena, file_count + 1, sizeof(*paths)) : NULL;
    if (st == SILT_OK && !paths) st = silt_fail_nomem(err);
    for (size_t i = 0; st == SILT_OK && i < file_count; i++)
        paths[i] = scan.spec.files[i].local_path;
    const silt_flat_column columns[] = {
        {SILT_COLUMN_SOURCE_FILE, SILT_FLAT_TEXT},
        {SILT_COLUMN_BATCH_ID, t.batch_is_text ? SILT_FLAT_TEXT : SILT_FLAT_INT},
    };
    if (st == SILT_OK && file_count)
        st = load->engine->ops->read_flat(load->engine, paths, file_count, columns, 2, NULL, 0,
                                          tally_batch, &t, err);
    silt_scan_plan_release(&scan);
    if (folder) silt_scratch_remove(folder);
    if (st != SILT_OK) return st;

    silt_evidence *items = silt_arena_calloc(arena, t.found.count + 1, sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    if (t.found.count) memcpy(items, t.found.items, t.found.count * sizeof(*items));
    *out = items;
    *count = t.found.count;
    return SILT_OK;
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

/* What a foreign commit did to our rows; NULL: nothing. `*ours`: it is the commit of batch V
 * itself. */
static const char *what_it_did(const silt_target *target, const silt_action *actions, size_t count,
                               bool *ours)
{
    const char *did = NULL;
    bool silts = false; /* conservation held there */
    *ours = false;
    for (size_t i = 0; i < count; i++) {
        const silt_action *a = &actions[i];
        if (a->kind == SILT_ACTION_APP_TXN && strcmp(a->app_txn.app_id, target->app_id) == 0 &&
            a->app_txn.version == target->app_version)
            *ours = true;
        if (a->kind == SILT_ACTION_REMOVE && a->remove.data_change && !did)
            did = "removed data files";
        if (a->kind == SILT_ACTION_COMMIT_INFO && silt_streq(a->commit_info.operation, "RESTORE"))
            did = "restored an older version";
        if (a->kind == SILT_ACTION_COMMIT_INFO && a->commit_info.engine_info &&
            silt_starts_with(a->commit_info.engine_info, "silt/") &&
            silt_streq(a->commit_info.operation, "MERGE"))
            silts = true;
    }
    return silts ? NULL : did;
}

static silt_status check_log(silt_target *target, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    const int64_t newest = silt_snapshot_version(target->snapshot);
    for (int64_t v = newest; v > target->vouched; v--) {
        silt_arena_reset(scratch);
        const silt_action *actions;
        size_t count;
        silt_status st = silt_log_commit_read(target->store, v, scratch, &actions, &count, err);
        if (st == SILT_NOT_FOUND) break; /* cleaned up: what was before can't be known any more */
        if (st != SILT_OK) return st;
        bool ours;
        const char *did = what_it_did(target, actions, count, &ours);
        if (ours) break;
        if (did) return fail_touched(target, v, did, err);
    }
    target->vouched = newest;
    return SILT_OK;
}

silt_status silt_check_vouched(silt_load *load, silt_target *target, silt_error *err)
{
    (void)load;
    if (!target->snapshot || target->app_version < 0) return SILT_OK;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    silt_ledger ledger;
    silt_status st =
        silt_ledger_read(target->store, target->app_id, target->app_version, scratch, &ledger, err);
    if (st != SILT_OK && st != SILT_NOT_FOUND && st != SILT_CORRUPT) return st;
    const char *id = silt_snapshot_table_id(target->snapshot);
    if (st == SILT_OK && ledger.table_id && !silt_streq(ledger.table_id, id)) {
        silt_fail(err, SILT_INCONSISTENT,
                  "table %s: %s was replaced by another table (its id was %s, is %s)",
                  target->table->name, target->store->uri, ledger.table_id, id);
        return silt_hint(err, SILT_INCONSISTENT,
                         "bring the table back, or load all files into the new one by "
                         "'silt reset-state --table %s --forget'",
                         target->table->name);
    }
    return check_log(target, err);
}
