/* Reconcile and fence. */
#include "load/recover.h"

#include <stdio.h>

#include "load/own_rows.h"
#include "load/rejects.h"
#include "load/restored.h"

/* error_message of a row that waits, or is tried, again. */
#define CRASH_FORMAT(int64) \
    "interrupted %" int64 " times by a crash, the last in a batch of %" int64 " files"
#define ROUNDS_MAX 50 /* of reading again because somebody else was faster */

int64_t silt_next_number(const silt_load *load, const silt_target *target)
{
    int64_t promised = silt_tracker_promised(load->tracker, target->app_id);
    return (promised > target->app_version ? promised : target->app_version) + 1;
}

int64_t silt_highest_number(const silt_load *load, const silt_target *target)
{
    int64_t number = target->app_version + 1;
    if (!load->tracker) return number;
    int64_t last = silt_tracker_last(load->tracker, target->app_id);
    int64_t promised = silt_tracker_promised(load->tracker, target->app_id);
    if (number < last) number = last;
    return number < promised ? promised : number;
}

bool silt_open_batch(const silt_load *load, const silt_target *target, int64_t *number,
                     const char **attempt)
{
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].status != SILT_FILE_PROCESSING ||
            strcmp(rows[i].table_name, target->table->name) != 0)
            continue;
        *number = rows[i].batch_id;
        *attempt = rows[i].attempt_id;
        return true;
    }
    return false;
}

void silt_crashes_of(const silt_tracked *row, int64_t *crashes, int64_t *files)
{
    if (row->status == SILT_FILE_FAILED || !row->error_message ||
        sscanf(row->error_message, CRASH_FORMAT(SCNd64), crashes, files) != 2)
        *crashes = *files = 0;
}

/* ---- fence -------------------------------------------------------------------------------------
 */

/* The ledger of a fence, which keeps the chain whole, under the first number from `*number` on that
 * no batch has planned (a target that was rolled back has ledgers of batches which didn't happen, a
 * table that was here before has left its own). Any higher number fences as well. */
static silt_status write_fence_ledger(silt_load *load, silt_target *target, int64_t *number,
                                      silt_ledger_kind kind, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    char id[SILT_UUID_SIZE];
    silt_uuid(load->random, id);
    silt_ledger fence = {
        .kind = kind,
        .app_id = target->app_id,
        .previous = target->app_version,
        .attempt = id,
        .run_id = load->run_id,
        .state_id = load->tracker ? silt_tracker_state_id(load->tracker) : NULL,
        .table_id = target->id,
        .created_us = silt_now_us(load->clock),
    };
    for (;; (*number)++) {
        silt_ledger taken;
        fence.number = *number;
        silt_status st = silt_ledger_write(target->store, &fence, scratch, &taken, err);
        if (st != SILT_EXISTS) return st;
        if (taken.kind == kind && taken.previous == target->app_version &&
            silt_streq(taken.table_id, fence.table_id))
            return SILT_OK;
    }
}

silt_status silt_take_number(silt_load *load, const silt_target *target, silt_ledger_kind kind,
                             const silt_ledger_file *files, size_t count, int64_t *number,
                             silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    char id[SILT_UUID_SIZE], manifest[SILT_HASH_SIZE];
    silt_uuid(load->random, id);
    SILT_TRY(silt_ledger_manifest(files, count, manifest, err));
    silt_ledger ledger = {
        .kind = kind,
        .app_id = target->app_id,
        .previous = target->app_version,
        .attempt = id,
        .run_id = load->run_id,
        .state_id = load->tracker ? silt_tracker_state_id(load->tracker) : NULL,
        .table_id = target->id,
        .manifest = count ? manifest : NULL,
        .created_us = silt_now_us(load->clock),
        .files = files,
        .file_count = count,
    };
    int64_t next = load->tracker ? silt_next_number(load, target) : target->app_version + 1;
    if (*number < next) *number = next;
    for (;; (*number)++) {
        silt_ledger taken;
        ledger.number = *number;
        silt_status st = silt_ledger_write(target->store, &ledger, scratch, &taken, err);
        if (st != SILT_EXISTS) return st;
    }
}

silt_status silt_take_rows(silt_load *load, silt_target *target, silt_ledger_kind kind,
                           const silt_ledger_file *files, size_t file_count,
                           const silt_evidence *items, size_t item_count, int64_t *number,
                           silt_error *err)
{
    int64_t wanted = 0, found = 0;
    for (size_t i = 0; i < item_count; i++)
        wanted += items[i].row_count;
    if (item_count) SILT_TRY(target->ops->remove(load, target, items, item_count, -1, &found, err));
    if (found != wanted)
        return silt_fail(err, SILT_INCONSISTENT,
                         "table %s: %" PRId64 " rows are to go, but %" PRId64
                         " rows can't be told from them",
                         target->table->name, wanted, found);
    SILT_TRY(silt_take_number(load, target, kind, files, file_count, number, err));
    if (!item_count) return target->ops->fence(load, target, *number, err);
    return target->ops->remove(load, target, items, item_count, *number, &found, err);
}

silt_status silt_fence(silt_load *load, silt_target *target, int64_t number, const char *attempt,
                       silt_ledger_kind kind, int64_t *spent, silt_error *err)
{
    int64_t fence = number + 1;
    if (!target->there) /* nobody can commit to what isn't there */
        return silt_fail(err, SILT_NOT_FOUND, "fence: there is no table %s", target->store->uri);
    SILT_TRY(write_fence_ledger(load, target, &fence, kind, err));
    SILT_TRY(target->ops->fence(load, target, fence, err));
    *spent = fence;
    silt_load_event(load, "recovery", "{\"table\":\"%s\",\"fenced\":%" PRId64 "}",
                    target->table->name, number);
    if (attempt) target->ops->clean(load, target, attempt);
    if (attempt) silt_rejects_clean(load, target, number, attempt);
    return SILT_OK;
}

/* ---- the tracker follows */

/* Rows for one tracker commit, one a path. */
typedef struct row_list {
    SILT_VEC(silt_tracked) rows;
    silt_map64 *paths;
    silt_arena *arena;
} row_list;

static silt_status row_list_init(row_list *list, silt_error *err)
{
    list->paths = silt_map64_new();
    list->arena = silt_arena_new();
    return list->paths && list->arena ? SILT_OK : silt_fail_nomem(err);
}

static void row_list_release(row_list *list)
{
    silt_vec_free(&list->rows);
    if (list->paths) silt_map64_free(list->paths);
    if (list->arena) silt_arena_free(list->arena);
}

static bool has_path(const row_list *list, const char *path)
{
    return silt_map64_get(list->paths, path, strlen(path));
}

/* The path has to live as long as the list. A path that is there already stays as it is. */
static bool add_row(row_list *list, const silt_tracked *row)
{
    bool found;
    void **slot = silt_map64_slot(list->paths, row->file_path, strlen(row->file_path), &found);
    if (!slot) return false;
    if (found) return true;
    *slot = list;
    return silt_vec_push(&list->rows, *row);
}

static silt_status commit_rows(silt_load *load, silt_target *target, const row_list *list,
                               int64_t last, const char *operation, silt_error *err)
{
    SILT_CLEAN(silt_buf) name = {0};
    silt_tracker_put_last(load->tracker, &name, target->app_id);
    if (name.failed) return silt_fail_nomem(err);
    const silt_tracker_change change = {
        .rows = list->rows.items,
        .row_count = list->rows.count,
        .app_id = last > silt_tracker_last(load->tracker, target->app_id) ? name.data : NULL,
        .app_version = last,
        .operation = operation,
    };
    return silt_load_track(load, &change, err);
}

/* A file that a ledger says is loaded. */
static bool add_completed(row_list *list, silt_load *load, const silt_target *target,
                          const silt_ledger *ledger, const silt_ledger_file *file)
{
    const int64_t now = silt_now_us(load->clock);
    const silt_tracked *old = silt_tracker_find(load->tracker, target->table->name, file->path);
    silt_tracked row =
        old ? *old : (silt_tracked){.created_us = now, .start_us = ledger->created_us};
    row.file_path = file->path;
    row.table_name = target->table->name;
    row.file_size = file->size_bytes;
    row.file_modified_us = file->mtime_ns / 1000;
    row.status = SILT_FILE_COMPLETED;
    row.end_us = ledger->created_us;
    row.error_message = NULL;
    row.updated_us = now;
    row.batch_id = ledger->number;
    row.attempt_id = ledger->attempt;
    row.row_count = file->rows.read;
    row.rejected_count = file->rows.rejected;
    row.content_hash = file->content_hash;
    return add_row(list, &row);
}

/* A file whose rows a ledger says are gone: it stays away, or waits. */
static bool add_gone(row_list *list, silt_load *load, const silt_target *target,
                     const silt_ledger *ledger, const silt_ledger_file *file)
{
    if (has_path(list, file->path)) return true; /* loaded again since */
    if (!add_completed(list, load, target, ledger, file)) return false;
    silt_tracked *row = &list->rows.items[list->rows.count - 1];
    row->status = ledger->kind == SILT_LEDGER_LOST ? SILT_FILE_PENDING : SILT_FILE_UNLOADED;
    row->row_count = row->rejected_count = -1;
    return true;
}

static const silt_guilty *find_guilty(const silt_guilty *guilty, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(guilty[i].path, path) == 0) return &guilty[i];
    return NULL;
}

/* Rows of the open batch `number` that aren't in the list yet: waiting again, or failed. `crash`:
 * it died. */
static silt_status add_open_rows(row_list *list, silt_load *load, const silt_target *target,
                                 int64_t number, bool crash, const silt_guilty *guilty,
                                 size_t guilty_count, int64_t *pending, silt_error *err)
{
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    int64_t files = 0, crashes, ignored;
    for (size_t i = 0; i < count; i++)
        files += rows[i].status == SILT_FILE_PROCESSING && rows[i].batch_id == number &&
                 strcmp(rows[i].table_name, target->table->name) == 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].status != SILT_FILE_PROCESSING || rows[i].batch_id != number ||
            strcmp(rows[i].table_name, target->table->name) != 0)
            continue;
        if (has_path(list, rows[i].file_path)) continue;
        silt_tracked row = rows[i];
        const silt_guilty *why = find_guilty(guilty, guilty_count, row.file_path);
        silt_crashes_of(&row, &crashes, &ignored);
        crashes += crash;
        row.updated_us = silt_now_us(load->clock);
        row.end_us = why ? row.updated_us : -1;
        row.status = why ? SILT_FILE_FAILED : SILT_FILE_PENDING;
        row.retry_count += why != NULL;
        row.error_message = NULL;
        if (why)
            row.error_message = why->why;
        else if (crashes)
            row.error_message =
                silt_arena_printf(list->arena, CRASH_FORMAT(PRId64), crashes, files);
        *pending += !why;
        if (!add_row(list, &row)) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

/* ---- reconcile */

/* Where ledgers are gone: rows in the target say which files were loaded. */
static silt_status add_by_evidence(row_list *list, silt_load *load, silt_target *target,
                                   int64_t after, int64_t until, silt_error *err)
{
    silt_error why = *err;
    silt_own_rows found;
    if (target->table->strategy != SILT_STRATEGY_APPEND || !target->ops->has_evidence(target))
        return silt_fail(err, SILT_INCONSISTENT,
                         "table %s: ledgers of batches %" PRId64 " to %" PRId64
                         " are missing in %s/_silt/ledger, and its rows don't say which files they "
                         "are from",
                         target->table->name, after + 1, until, target->store->uri);
    SILT_TRY(silt_own_rows_read(load, target, after, until, list->arena, &found, err));
    SILT_TRY(silt_own_rows_check(target, &found, err));
    silt_load_message(load, "warning",
                      "table %s: %s; what is loaded was found out by its rows' _source_file",
                      target->table->name, why.message);
    for (size_t i = 0; i < found.count; i++) {
        silt_found_file stat = {.path = found.items[i].path, .size_bytes = -1, .mtime_ns = 0};
        silt_error gone = {0};
        (void)silt_discover_stat(found.items[i].path, &stat, &gone);
        const silt_ledger ledger = {.number = found.items[i].batch_id,
                                    .attempt = NULL,
                                    .created_us = silt_now_us(load->clock)};
        const silt_ledger_file file = {.path = found.items[i].path,
                                       .size_bytes = stat.size_bytes,
                                       .mtime_ns = stat.mtime_ns,
                                       .rows = {.read = found.items[i].row_count}};
        if (!add_completed(list, load, target, &ledger, &file)) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

/* `known`: the highest number that the target and the tracker both know. */
static silt_status fail_went_back(silt_load *load, silt_target *target, int64_t known,
                                  silt_error *err)
{
    target->back = SILT_BACK_BEHIND;
    SILT_CLEAN(silt_buf) files = {0};
    size_t count, gone = 0;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].status != SILT_FILE_COMPLETED || rows[i].batch_id <= known ||
            strcmp(rows[i].table_name, target->table->name) != 0)
            continue;
        if (gone++ < 3) silt_buf_printf(&files, "%s%s", gone > 1 ? ", " : "", rows[i].file_path);
    }
    silt_fail(err, SILT_INCONSISTENT,
              "table %s: the target %s went back: its log knows batch %" PRId64
              ", the tracker batch %" PRId64 "; the rows of %zu files may be gone: %s%s",
              target->table->name, target->store->uri, known,
              silt_tracker_last(load->tracker, target->app_id), gone,
              files.size ? files.data : "none", gone > 3 ? ", …" : "");
    return silt_hint(err, SILT_INCONSISTENT,
                     "bring the target back; or accept it as it is by 'silt reset-state': what its "
                     "ledgers say is loaded stays loaded, the rest is loaded again (on_restore: "
                     "reload does so by itself)");
}

/* Files that were loaded before an epoch began wait again. */
static silt_status add_forgotten(row_list *list, silt_load *load, const silt_target *target,
                                 int64_t epoch, silt_settled *report, silt_error *err)
{
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].status != SILT_FILE_COMPLETED || rows[i].batch_id > epoch ||
            strcmp(rows[i].table_name, target->table->name) != 0 ||
            has_path(list, rows[i].file_path))
            continue;
        silt_tracked row = rows[i];
        row.status = SILT_FILE_PENDING;
        row.updated_us = silt_now_us(load->clock);
        row.start_us = row.end_us = row.batch_id = row.row_count = row.rejected_count = -1;
        row.attempt_id = row.content_hash = NULL;
        report->pending++;
        if (!add_row(list, &row)) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

/* A target that went back was accepted as it is: the ledger names all files that it lost. */
static bool has_lost(const silt_ledger *chain, size_t count, int64_t last)
{
    for (size_t i = 0; i < count; i++)
        if (chain[i].kind == SILT_LEDGER_LOST && chain[i].number > last) return true;
    return false;
}

static silt_status reconcile(silt_load *load, silt_target *target, silt_settled *report,
                             silt_error *err)
{
    SILT_CLEAN(row_list) list = {0};
    SILT_TRY(row_list_init(&list, err));
    const int64_t last = silt_tracker_last(load->tracker, target->app_id);
    const silt_ledger *chain;
    size_t count;
    int64_t end; /* of the walk: a ledger that is missing, or the number it came to */
    silt_status st = silt_ledger_chain(target->store, target->app_id, target->app_version, last,
                                       list.arena, &chain, &count, &end, err);
    if (st != SILT_OK && st != SILT_INCONSISTENT) return st;
    if (st == SILT_OK && end < last && !has_lost(chain, count, last))
        return fail_went_back(load, target, end, err);
    SILT_TRY(silt_rejects_publish(load, target, chain, count, err));
    for (size_t i = 0; i < count; i++)
        for (size_t f = 0; f < chain[i].file_count && chain[i].kind != SILT_LEDGER_REPLAY; f++) {
            bool loads = silt_ledger_loads(chain[i].kind);
            const silt_ledger_file *file = &chain[i].files[f];
            if (!(loads ? add_completed : add_gone)(&list, load, target, &chain[i], file))
                return silt_fail_nomem(err);
        }
    if (st == SILT_INCONSISTENT) SILT_TRY(add_by_evidence(&list, load, target, last, end, err));
    report->completed += (int64_t)list.rows.count;
    if (count && chain[count - 1].kind == SILT_LEDGER_EPOCH)
        SILT_TRY(add_forgotten(&list, load, target, chain[count - 1].number, report, err));

    int64_t open;
    const char *attempt;
    if (silt_open_batch(load, target, &open, &attempt) && open <= target->app_version) {
        bool crash = strcmp(attempt ? attempt : "", target->own_attempt) != 0;
        SILT_TRY(add_open_rows(&list, load, target, open, crash, NULL, 0, &report->pending, err));
    }
    return commit_rows(load, target, &list, target->app_version, "RECONCILE", err);
}

/* A batch is open and hasn't happened yet: spend the next number, so that it never can. */
static silt_status fence_open(silt_load *load, silt_target *target, int64_t number,
                              const char *attempt, silt_settled *report, silt_error *err)
{
    SILT_CLEAN(row_list) list = {0};
    SILT_TRY(row_list_init(&list, err));
    if (!target->there || number <= target->app_version) { /* it can't happen as it is */
        SILT_TRY(add_open_rows(&list, load, target, number, true, NULL, 0, &report->pending, err));
        return commit_rows(load, target, &list, target->app_version, "RELEASE", err);
    }
    /* The tracker's strings go away when it is read again. */
    const char *copy = attempt ? silt_arena_strdup(list.arena, attempt) : NULL;
    int64_t spent;
    SILT_TRY(silt_fence(load, target, number, copy, SILT_LEDGER_FENCE, &spent, err));
    report->fenced++;
    return SILT_OK;
}

silt_status silt_give_up(silt_load *load, silt_target *target, int64_t number, const char *attempt,
                         const silt_guilty *guilty, size_t guilty_count, silt_error *err)
{
    SILT_TRY(silt_target_refresh(load, target, err));
    SILT_CLEAN(row_list) list = {0};
    SILT_TRY(row_list_init(&list, err));
    if (target->app_version >= number)
        return silt_fail(err, SILT_CONFLICT, "batch %" PRId64 " was decided meanwhile", number);
    int64_t spent = target->app_version, pending = 0;
    if (target->there)
        SILT_TRY(silt_fence(load, target, number, attempt, SILT_LEDGER_FENCE, &spent, err));
    SILT_TRY(
        add_open_rows(&list, load, target, number, false, guilty, guilty_count, &pending, err));
    return commit_rows(load, target, &list, spent, "GIVE UP", err);
}

/* ---- what was loaded still stands */

silt_status silt_check_vouched(silt_load *load, silt_target *target, silt_error *err)
{
    if (!target->there || target->app_version < 0) return SILT_OK;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    silt_ledger ledger;
    silt_status st = silt_ledger_read_head(target->store, target->app_id, target->app_version,
                                           scratch, &ledger, err);
    if (st != SILT_OK && st != SILT_NOT_FOUND && st != SILT_CORRUPT) return st;
    if (st == SILT_OK && ledger.table_id && !silt_streq(ledger.table_id, target->id)) {
        target->back = SILT_BACK_REPLACED;
        silt_fail(err, SILT_INCONSISTENT,
                  "table %s: %s was replaced by another table (its id was %s, is %s)",
                  target->table->name, target->store->uri, ledger.table_id, target->id);
        return silt_hint(err, SILT_INCONSISTENT,
                         "bring the table back, or load all files into the new one by "
                         "'silt reset-state --table %s --forget'",
                         target->table->name);
    }
    return target->ops->check(load, target, err);
}

/* ---- settle */

/* The tracker's records of a table that was renamed become those of its new name: one commit. What
 * stays of the old ones means nothing any more. */
static silt_status follow_name(silt_load *load, const silt_target *target, silt_error *err)
{
    const char *old = target->table->state_name, *name = target->table->name;
    if (!old || strchr(old, '/')) return SILT_OK;
    SILT_VEC(silt_tracked) rows = {0};
    size_t count;
    const silt_tracked *all = silt_tracker_rows(load->tracker, &count);
    silt_status st = SILT_OK;
    for (size_t i = 0; st == SILT_OK && i < count; i++) {
        if (strcmp(all[i].table_name, old) != 0) continue;
        silt_tracked now = all[i], then = all[i];
        now.table_name = name;
        then.error_message = "its table was renamed";
        then.updated_us = silt_now_us(load->clock);
        bool known = silt_tracker_find(load->tracker, name, now.file_path);
        if (known && then.status == SILT_FILE_UNLOADED) continue; /* done */
        then.status = SILT_FILE_UNLOADED;
        if ((!known && !silt_vec_push(&rows, now)) || !silt_vec_push(&rows, then))
            st = silt_fail_nomem(err);
    }
    const silt_tracker_change change = {
        .rows = rows.items, .row_count = rows.count, .operation = "RENAME"};
    if (st == SILT_OK && rows.count) st = silt_load_track(load, &change, err);
    silt_vec_free(&rows);
    return st;
}

/* A target that forgets which batches it has can't judge. */
static silt_status check_expiry(const silt_target *target, silt_error *err)
{
    static const char key[] = "delta.setTransactionRetentionDuration";
    if (!target->snapshot || target->table->allow_txn_expiry) return SILT_OK;
    const char *value = silt_snapshot_property(target->snapshot, key);
    if (!value) return SILT_OK;
    silt_fail(err, SILT_INVALID,
              "table %s: %s has %s = %s, by which it forgets which batches were loaded",
              target->table->name, target->store->uri, key, value);
    return silt_hint(err, SILT_INVALID,
                     "remove the property by 'silt alter'; or, where each batch is younger than "
                     "that when the next one comes, write allow_txn_expiry: true");
}

/* One step; `*settled` where there is nothing more to do. */
static silt_status settle_step(silt_load *load, silt_target *target, silt_settled *report,
                               bool *settled, silt_error *err)
{
    SILT_TRY(silt_load_check(load, err));
    SILT_TRY(silt_tracker_refresh(load->tracker, err)); /* the tracker, *then* the target */
    load->tracker_seen = silt_tracker_reloads(load->tracker);
    SILT_TRY(follow_name(load, target, err));
    SILT_TRY(silt_target_refresh(load, target, err));
    SILT_TRY(check_expiry(target, err));
    SILT_TRY(silt_target_follow(load, target, err));
    const int64_t last = silt_tracker_last(load->tracker, target->app_id);
    int64_t open;
    const char *attempt;
    silt_status st;
    if (target->app_version < last) {
        (void)fail_went_back(load, target, target->app_version, err);
        *settled = !target->there; /* then there is nothing to be settled with */
        return silt_restored_accept(load, target, err);
    }
    if (target->app_version > last) {
        target->back = SILT_BACK_TOUCHED;
        st = reconcile(load, target, report, err);
        if (st != SILT_INCONSISTENT || target->back != SILT_BACK_BEHIND) return st;
        return silt_restored_accept(load, target, err);
    }
    if (silt_open_batch(load, target, &open, &attempt))
        return fence_open(load, target, open, attempt, report, err);
    target->back = SILT_BACK_TOUCHED;
    st = silt_check_vouched(load, target, err);
    *settled = st == SILT_OK;
    return st == SILT_INCONSISTENT ? silt_restored_accept(load, target, err) : st;
}

silt_status silt_settle(silt_load *load, silt_target *target, silt_settled *report, silt_error *err)
{
    silt_error local = {0};
    if (!err) err = &local;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        bool settled = false;
        silt_status st = settle_step(load, target, report, &settled, err);
        if (st == SILT_OK && settled) return SILT_OK;
        if (st != SILT_OK && st != SILT_CONFLICT) return st;
    }
    return silt_fail(err, SILT_CONFLICT, "table %s: other processes change its state all the time",
                     target->table->name);
}
