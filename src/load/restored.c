/* A target that went back.
 *
 * Invariants
 *  (1) What is loaded again was found to be gone, or goes in the commit that says so.
 *  (2) What can't be told from rows or ledgers is INCONSISTENT, never a load.
 *  (3) The commit bears a number above all that are known: no attempt of before can commit. */
#include "load/restored.h"

#include "load/compare.h"
#include "load/own_rows.h"

typedef struct looking {
    silt_load *load;
    silt_target *target;
    silt_comparison comparison;
    int64_t kept; /* batches up to this number stand; those above are gone */
    SILT_VEC(silt_ledger_file) lost;
    SILT_VEC(silt_evidence) leftovers;
    silt_error *err;
} looking;

static void looking_release(looking *l)
{
    silt_comparison_release(&l->comparison);
    silt_vec_free(&l->lost);
    silt_vec_free(&l->leftovers);
}

static silt_status lose(looking *l, const silt_ledger_file *file)
{
    return silt_vec_push(&l->lost, *file) ? SILT_OK : silt_fail_nomem(l->err);
}

static bool is_loaded(const silt_loaded *item)
{
    return item && silt_ledger_loads(item->ledger->kind);
}

static const silt_loaded *find(const looking *l, const char *path)
{
    return silt_map64_get(l->comparison.by_path, path, strlen(path));
}

/* Files that the tracker believes loaded, and no ledger tells of. */
static silt_status lose_unledgered(looking *l)
{
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(l->load->tracker, &count);
    for (size_t i = 0; i < count; i++) {
        const silt_tracked *row = &rows[i];
        if (row->status != SILT_FILE_COMPLETED ||
            strcmp(row->table_name, l->target->table->name) != 0 || find(l, row->file_path))
            continue;
        const silt_ledger_file file = {.path = row->file_path,
                                       .size_bytes = row->file_size,
                                       .mtime_ns = row->file_modified_us * 1000,
                                       .content_hash = row->content_hash,
                                       .rows = {.read = row->row_count < 0 ? 0 : row->row_count},
                                       .replaces = -1};
        SILT_TRY(lose(l, &file));
    }
    return SILT_OK;
}

/* ---- by the rows: append with audit columns */

static bool knows(const looking *l, const char *path)
{
    return find(l, path) || silt_tracker_find(l->load->tracker, l->target->table->name, path);
}

static silt_status lose_by_rows(looking *l)
{
    silt_target *t = l->target;
    silt_comparison *c = &l->comparison;
    silt_own_rows rows;
    SILT_TRY(silt_own_rows_read(l->load, t, -1, INT64_MAX, c->arena, &rows, l->err));
    SILT_TRY(silt_own_rows_check(t, &rows, l->err));
    for (size_t i = 0; i < rows.count; i++) {
        const silt_evidence *found = &rows.items[i];
        silt_loaded *item = silt_map64_get(c->by_path, found->path, strlen(found->path));
        bool whole = is_loaded(item) && item->ledger->number == found->batch_id &&
                     item->file->rows.inserted == found->row_count;
        if (whole)
            item->rows_in_target = found->row_count;
        else if (knows(l, found->path) && !silt_vec_push(&l->leftovers, *found))
            return silt_fail_nomem(l->err);
    }
    for (size_t i = 0; i < c->loaded.count; i++) {
        const silt_loaded *item = c->loaded.items[i];
        if (item->rows_in_target < 0 && item->file->rows.inserted > 0)
            SILT_TRY(lose(l, item->file));
    }
    return SILT_OK;
}

/* ---- by the ledgers */

static silt_status undecidable(const looking *l, const char *why)
{
    silt_fail(l->err, SILT_INCONSISTENT, "table %s: %s went back, and %s", l->target->table->name,
              l->target->store->uri, why);
    return silt_hint(l->err, SILT_INCONSISTENT,
                     "bring the target back; or accept it as it is by 'silt reset-state --table "
                     "%s'; or load all files again with --forget",
                     l->target->table->name);
}

/* The batches that the restored version holds. */
static silt_status find_kept(looking *l)
{
    silt_target *t = l->target;
    SILT_AUTO(silt_snapshot) then = NULL;
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    opts.version = t->restored_to;
    if (t->restored_to < 0) return undecidable(l, "its log doesn't say to which version alone");
    silt_error why = {0};
    silt_status st = silt_snapshot_open(t->store, l->load->engine, &opts, &then, &why);
    if (st == SILT_INTERRUPTED || st == SILT_NOMEM) return silt_fail(l->err, st, "%s", why.message);
    if (st != SILT_OK) return undecidable(l, "the version it was restored to can't be read");
    l->kept = silt_snapshot_app_version(then, t->app_id);
    return SILT_OK;
}

/* Of an overwritten table the newest batch is all there is. */
static int64_t newest_batch(const looking *l)
{
    int64_t newest = -1;
    for (size_t i = 0; i < l->comparison.loaded.count; i++)
        if (l->comparison.loaded.items[i]->ledger->number > newest)
            newest = l->comparison.loaded.items[i]->ledger->number;
    return newest;
}

static silt_status lose_by_ledgers(looking *l)
{
    const silt_target *t = l->target;
    bool overwrite = t->table->strategy == SILT_STRATEGY_OVERWRITE;
    bool append = t->table->strategy == SILT_STRATEGY_APPEND;
    if (t->back == SILT_BACK_TOUCHED && !overwrite)
        return undecidable(l, "nothing tells which files' rows are gone");
    if (t->back == SILT_BACK_REPLACED && append)
        return undecidable(l, "nothing tells which files' rows are in its place");
    l->kept = t->back == SILT_BACK_BEHIND ? INT64_MAX : -1;
    if (t->back == SILT_BACK_RESTORED) SILT_TRY(find_kept(l));
    const int64_t newest = overwrite ? newest_batch(l) : -1;
    for (size_t i = 0; i < l->comparison.loaded.count; i++) {
        const silt_loaded *item = l->comparison.loaded.items[i];
        if (item->ledger->number > l->kept && item->ledger->number >= newest)
            SILT_TRY(lose(l, item->file));
    }
    return SILT_OK;
}

/* ---- what comes of it */

static bool has_evidence(const silt_target *t)
{
    return t->there && t->table->strategy == SILT_STRATEGY_APPEND && t->ops->has_evidence(t);
}

static silt_status reload(looking *l)
{
    silt_target *t = l->target;
    SILT_TRY(silt_compare_chain(t, &l->comparison, l->err));
    if (l->comparison.missing >= 0)
        return silt_fail(l->err, SILT_INCONSISTENT, "%s", l->comparison.why_missing);
    if (l->comparison.replayed.count)
        return undecidable(l,
                           "rows that were replayed may be gone, too, which nothing brings back");
    SILT_TRY(has_evidence(t) ? lose_by_rows(l) : lose_by_ledgers(l));
    if (t->back == SILT_BACK_BEHIND) SILT_TRY(lose_unledgered(l));
    int64_t number = silt_highest_number(l->load, t) + 1;
    SILT_TRY(silt_take_rows(l->load, t, SILT_LEDGER_LOST, l->lost.items, l->lost.count,
                            l->leftovers.items, l->leftovers.count, &number, l->err));
    silt_load_message(l->load, "warning",
                      "table %s: the target went back: the rows of %zu files are gone, and these "
                      "are loaded again (on_restore: reload)",
                      t->table->name, l->lost.count);
    return SILT_OK;
}

/* Files that would be there twice are never forgotten unasked. */
static silt_status check_forgettable(looking *l)
{
    silt_target *t = l->target;
    silt_own_rows rows;
    size_t there = 0;
    if (!has_evidence(t)) return SILT_OK;
    SILT_TRY(silt_compare_chain(t, &l->comparison, l->err));
    SILT_TRY(silt_own_rows_read(l->load, t, -1, INT64_MAX, l->comparison.arena, &rows, l->err));
    for (size_t i = 0; i < rows.count; i++)
        there += knows(l, rows.items[i].path);
    if (!there) return SILT_OK;
    silt_fail(
        l->err, SILT_INCONSISTENT,
        "table %s: %s went back, but rows of %zu loaded files are still there, which would be "
        "there twice (on_restore: forget)",
        t->table->name, t->store->uri, there);
    return silt_hint(l->err, SILT_INCONSISTENT,
                     "on_restore: reload loads those alone whose rows are gone; 'silt reset-state "
                     "--table %s --forget --delete-rows' starts from nothing",
                     t->table->name);
}

static silt_status forget(looking *l)
{
    silt_target *t = l->target;
    int64_t spent;
    SILT_TRY(check_forgettable(l));
    SILT_TRY(silt_fence(l->load, t, silt_highest_number(l->load, t), NULL, SILT_LEDGER_EPOCH,
                        &spent, l->err));
    silt_load_message(
        l->load, "warning",
        "table %s: the target went back: what was loaded before is forgotten, and all "
        "files are loaded into it as it is (on_restore: forget)",
        t->table->name);
    return SILT_OK;
}

/* Nothing is loaded where there is nothing. */
static silt_status let_all_wait(looking *l)
{
    SILT_VEC(silt_tracked) rows = {0};
    size_t count;
    const silt_tracked *all = silt_tracker_rows(l->load->tracker, &count);
    silt_status st = SILT_OK;
    for (size_t i = 0; st == SILT_OK && i < count; i++) {
        bool goes = all[i].status == SILT_FILE_COMPLETED || all[i].status == SILT_FILE_PROCESSING;
        if (!goes || strcmp(all[i].table_name, l->target->table->name) != 0) continue;
        silt_tracked row = all[i];
        row.status = SILT_FILE_PENDING;
        row.updated_us = silt_now_us(l->load->clock);
        row.start_us = row.end_us = row.batch_id = row.row_count = row.rejected_count = -1;
        row.attempt_id = row.content_hash = row.error_message = NULL;
        if (!silt_vec_push(&rows, row)) st = silt_fail_nomem(l->err);
    }
    const silt_tracker_change change = {
        .rows = rows.items, .row_count = rows.count, .operation = "TARGET GONE"};
    if (st == SILT_OK && rows.count) st = silt_load_track(l->load, &change, l->err);
    if (st == SILT_OK && rows.count)
        silt_load_message(l->load, "warning",
                          "table %s: the target is gone: all %zu files of it are loaded again "
                          "(on_restore: %s)",
                          l->target->table->name, rows.count,
                          l->target->table->on_restore == SILT_ON_RESTORE_FORGET ? "forget"
                                                                                 : "reload");
    silt_vec_free(&rows);
    return st;
}

silt_status silt_restored_accept(silt_load *load, silt_target *target, silt_error *err)
{
    if (target->table->on_restore == SILT_ON_RESTORE_STOP) return SILT_INCONSISTENT;
    SILT_CLEAN(looking) l = {.load = load, .target = target, .err = err};
    if (!target->there) return let_all_wait(&l);
    SILT_TRY(target->table->on_restore == SILT_ON_RESTORE_FORGET ? forget(&l) : reload(&l));
    silt_load_event(load, "recovery", "{\"table\":\"%s\",\"on_restore\":\"%s\",\"files\":%zu}",
                    target->table->name,
                    target->table->on_restore == SILT_ON_RESTORE_FORGET ? "forget" : "reload",
                    l.lost.count);
    return SILT_OK;
}
