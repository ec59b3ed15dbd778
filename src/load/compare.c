/* Ledgers, tracker and target side by side. */
#include "load/compare.h"

#include "load/own_rows.h"

#include <stdarg.h>
#include <stdio.h>

void silt_lines_add(silt_lines *lines, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const char *copy = silt_arena_strdup(lines->arena, text);
    if (!copy || !silt_vec_push(&lines->items, copy)) lines->failed = true;
}

const char *const *silt_lines_take(silt_lines *lines, size_t *count)
{
    const char **out = silt_arena_calloc(lines->arena, lines->items.count + 1, sizeof(*out));
    if (out && lines->items.count)
        memcpy(out, lines->items.items, lines->items.count * sizeof(*out));
    *count = lines->items.count;
    silt_vec_free(&lines->items);
    return lines->failed ? NULL : out;
}

void silt_comparison_release(silt_comparison *c)
{
    silt_vec_free(&c->loaded);
    silt_vec_free(&c->replayed);
    silt_vec_free(&c->wrong);
    silt_vec_free(&c->extra);
    if (c->by_path) silt_map64_free(c->by_path);
    if (c->arena) silt_arena_free(c->arena);
}

/* ---- ledgers → tracker */

/* Rows come and go with those that their file's batch brought. */
static silt_status add_replayed(silt_comparison *c, const silt_ledger *ledger, silt_error *err)
{
    for (size_t i = 0; i < ledger->file_count; i++) {
        const silt_ledger_file *file = &ledger->files[i];
        const silt_replayed item = {file->path, ledger->number, file->rows.inserted, 0};
        if (!silt_map64_get(c->by_path, file->path, strlen(file->path)) &&
            !silt_vec_push(&c->replayed, item))
            return silt_fail_nomem(err);
    }
    return SILT_OK;
}

static int64_t replayed_by(const silt_comparison *c, const char *path)
{
    for (size_t i = 0; i < c->replayed.count; i++)
        if (strcmp(c->replayed.items[i].path, path) == 0) return c->replayed.items[i].number;
    return -1;
}

static silt_status index_ledger(silt_comparison *c, const silt_ledger *ledger, silt_error *err)
{
    if (ledger->kind == SILT_LEDGER_REPLAY) return add_replayed(c, ledger, err);
    for (size_t i = 0; i < ledger->file_count; i++) {
        const silt_ledger_file *file = &ledger->files[i];
        bool found;
        void **slot = silt_map64_slot(c->by_path, file->path, strlen(file->path), &found);
        if (!slot) return silt_fail_nomem(err);
        if (found) continue; /* the chain comes newest first */
        silt_loaded *item = silt_arena_alloc(c->arena, sizeof(*item));
        if (!item) return silt_fail_nomem(err);
        *item = (silt_loaded){file->path, ledger, file, -1, false, replayed_by(c, file->path)};
        *slot = item;
        if (!silt_ledger_loads(ledger->kind)) continue;
        if (!silt_vec_push(&c->loaded, item)) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

silt_status silt_compare_chain(const silt_target *target, silt_comparison *c, silt_error *err)
{
    const silt_ledger *chain;
    size_t count;
    silt_error why = {0};
    c->arena = silt_arena_new();
    c->by_path = silt_map64_new();
    if (!c->arena || !c->by_path) return silt_fail_nomem(err);
    c->missing = -1;
    silt_status st = silt_ledger_chain(target->store, target->app_id, target->app_version, -1,
                                       c->arena, &chain, &count, &c->missing, &why);
    if (st == SILT_OK)
        c->missing = -1;
    else if (st == SILT_INCONSISTENT)
        snprintf(c->why_missing, sizeof(c->why_missing), "%.500s", why.message);
    else if (err)
        *err = why;
    if (st != SILT_OK && st != SILT_INCONSISTENT) return st;
    c->chain = chain;
    c->chain_count = count;
    for (size_t i = 0; i < count; i++)
        SILT_TRY(index_ledger(c, &chain[i], err));
    return SILT_OK;
}

static silt_status add_evidence(silt_comparison *c, const silt_evidence *e, silt_error *err)
{
    bool found;
    void **slot = silt_map64_slot(c->by_path, e->path, strlen(e->path), &found);
    if (!slot) return silt_fail_nomem(err);
    silt_loaded *item = *slot;
    if (found && item->ledger->attempt) return SILT_OK; /* by a ledger that is there */
    if (found)
        return silt_fail(err, SILT_INCONSISTENT,
                         "%s: rows of batches %" PRId64 " and %" PRId64
                         " are there, and no ledger says which it is",
                         e->path, item->ledger->number, e->batch_id);
    silt_ledger *ledger = silt_arena_calloc(c->arena, 1, sizeof(*ledger));
    silt_ledger_file *file = silt_arena_calloc(c->arena, 1, sizeof(*file));
    item = silt_arena_calloc(c->arena, 1, sizeof(*item));
    if (!ledger || !file || !item) return silt_fail_nomem(err);
    *ledger = (silt_ledger){.kind = SILT_LEDGER_DATA, .number = e->batch_id};
    *file = (silt_ledger_file){.path = e->path,
                               .size_bytes = -1,
                               .rows = {.read = e->row_count, .inserted = e->row_count}};
    *item = (silt_loaded){e->path, ledger, file, e->row_count, false, -1};
    *slot = item;
    return silt_vec_push(&c->loaded, item) ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_compare_evidence(silt_load *load, silt_target *target, silt_comparison *c,
                                  silt_error *err)
{
    if (c->missing < 0 || target->table->strategy != SILT_STRATEGY_APPEND ||
        !target->ops->has_evidence(target))
        return SILT_OK;
    silt_own_rows found;
    SILT_TRY(silt_own_rows_read(load, target, -1, c->missing, c->arena, &found, err));
    SILT_TRY(silt_own_rows_check(target, &found, err));
    for (size_t i = 0; i < found.count; i++)
        SILT_TRY(add_evidence(c, &found.items[i], err));
    return SILT_OK;
}

/* A row that the tracker ought to have. */
static silt_status want(silt_comparison *c, silt_tracked row, silt_error *err)
{
    return silt_vec_push(&c->wrong, row) ? SILT_OK : silt_fail_nomem(err);
}

silt_tracked silt_compare_completed(const silt_loaded *item, const char *table, silt_tracked row)
{
    row.file_path = item->path;
    row.table_name = table;
    row.file_size = item->file->size_bytes;
    row.file_modified_us = item->file->mtime_ns / 1000;
    row.status = SILT_FILE_COMPLETED;
    row.end_us = item->ledger->created_us;
    row.error_message = NULL;
    row.batch_id = item->ledger->number;
    row.attempt_id = item->ledger->attempt;
    row.row_count = item->file->rows.read;
    row.rejected_count = item->file->rows.rejected;
    row.content_hash = item->file->content_hash;
    return row;
}

/* The row is of another content than the one that was loaded: the file has changed since, and waits
 * or has failed. */
static bool is_of_another(const silt_tracked *row, const silt_ledger_file *file)
{
    return row->file_size != file->size_bytes || row->file_modified_us != file->mtime_ns / 1000;
}

/* A file whose rows went. */
static silt_status compare_gone(silt_comparison *c, const silt_loaded *item,
                                const silt_tracked *row, int64_t now_us, silt_lines *lines,
                                silt_error *err)
{
    if (row->status != SILT_FILE_COMPLETED) return SILT_OK;
    bool lost = item->ledger->kind == SILT_LEDGER_LOST;
    silt_lines_add(lines, "Marked as completed but %s by batch %" PRId64 ": %s",
                   lost ? "found to be gone" : "unloaded", item->ledger->number, row->file_path);
    silt_tracked fixed = *row;
    fixed.status = lost ? SILT_FILE_PENDING : SILT_FILE_UNLOADED;
    fixed.updated_us = now_us;
    return want(c, fixed, err);
}

static silt_status compare_row(silt_comparison *c, const silt_tracked *row, int64_t now_us,
                               silt_lines *lines, silt_error *err)
{
    silt_loaded *item = silt_map64_get(c->by_path, row->file_path, strlen(row->file_path));
    if (item && !silt_ledger_loads(item->ledger->kind))
        return compare_gone(c, item, row, now_us, lines, err);
    if (item) item->in_tracker = true;
    if (item && row->status != SILT_FILE_COMPLETED && row->status != SILT_FILE_PROCESSING &&
        !is_of_another(row, item->file)) {
        silt_lines_add(lines, "Marked as %s but loaded by batch %" PRId64 ": %s",
                       silt_file_status_name(row->status), item->ledger->number, row->file_path);
        silt_tracked fixed = silt_compare_completed(item, row->table_name, *row);
        fixed.updated_us = now_us;
        return want(c, fixed, err);
    }
    if (!item && row->status == SILT_FILE_COMPLETED && c->missing < 0) {
        silt_lines_add(lines, "Marked as completed but in no committed batch: %s", row->file_path);
        silt_tracked fixed = *row;
        fixed.status = SILT_FILE_PENDING;
        fixed.updated_us = now_us;
        fixed.end_us = fixed.batch_id = fixed.row_count = fixed.rejected_count = -1;
        fixed.attempt_id = fixed.content_hash = NULL;
        return want(c, fixed, err);
    }
    if (item && row->status == SILT_FILE_COMPLETED && row->row_count != item->file->rows.read) {
        silt_lines_add(lines,
                       "The tracker says %" PRId64 " rows, ledger %" PRId64 " says %" PRId64 ": %s",
                       row->row_count, item->ledger->number, item->file->rows.read, row->file_path);
        silt_tracked fixed = silt_compare_completed(item, row->table_name, *row);
        fixed.updated_us = now_us;
        return want(c, fixed, err);
    }
    return SILT_OK;
}

silt_status silt_compare_tracker(silt_load *load, silt_target *target, silt_comparison *c,
                                 silt_lines *lines, silt_error *err)
{
    SILT_TRY(silt_compare_chain(target, c, err));
    const int64_t now = silt_now_us(load->clock);
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].table_name, target->table->name) == 0)
            SILT_TRY(compare_row(c, &rows[i], now, lines, err));
    for (size_t i = 0; i < c->loaded.count; i++) {
        const silt_loaded *item = c->loaded.items[i];
        if (item->in_tracker) continue;
        silt_lines_add(lines, "Loaded by batch %" PRId64 " but unknown to the tracker: %s",
                       item->ledger->number, item->path);
        const silt_tracked fresh = {
            .start_us = item->ledger->created_us, .created_us = now, .updated_us = now};
        SILT_TRY(want(c, silt_compare_completed(item, target->table->name, fresh), err));
    }
    return SILT_OK;
}

/* ---- ledgers → rows */

/* What may be another pipeline's stays. */
static void note_extra(silt_comparison *c, const silt_evidence *e, silt_lines *lines)
{
    if (c->rows_unsure) return;
    if (!silt_vec_push(&c->extra, *e)) lines->failed = true;
}

/* Rejected rows that a replay brought. */
static bool is_replayed(silt_comparison *c, const silt_evidence *e)
{
    for (size_t i = 0; i < c->replayed.count; i++) {
        silt_replayed *item = &c->replayed.items[i];
        if (item->number != e->batch_id || strcmp(item->path, e->path) != 0) continue;
        item->rows_in_target = e->row_count;
        return true;
    }
    return false;
}

/* Rows of one file in one batch, as they stand in the target. */
static void compare_evidence(silt_comparison *c, const silt_evidence *e, silt_lines *lines)
{
    if (is_replayed(c, e)) return;
    silt_loaded *item = silt_map64_get(c->by_path, e->path, strlen(e->path));
    if (!item) {
        if (c->missing < 0 && !e->shared && !c->rows_unsure)
            silt_lines_add(lines,
                           "%" PRId64 " rows of a file that no batch loaded (_batch_id %" PRId64
                           "): %s",
                           e->row_count, e->batch_id, e->path);
        return;
    }
    if (!silt_ledger_loads(item->ledger->kind)) {
        silt_lines_add(lines,
                       "%" PRId64 " rows of a file that batch %" PRId64 " %s (_batch_id %" PRId64
                       "): %s",
                       e->row_count, item->ledger->number,
                       item->ledger->kind == SILT_LEDGER_LOST ? "found to be gone" : "unloaded",
                       e->batch_id, e->path);
        note_extra(c, e, lines);
        return;
    }
    if (e->batch_id != item->ledger->number) {
        silt_lines_add(lines,
                       "Duplicate rows: batch %" PRId64 " loaded it, but %" PRId64
                       " rows of batch %" PRId64 " stand there too: %s",
                       item->ledger->number, e->row_count, e->batch_id, e->path);
        note_extra(c, e, lines);
        return;
    }
    item->rows_in_target = e->row_count;
}

silt_status silt_compare_rows(silt_load *load, silt_target *target, silt_comparison *c,
                              silt_lines *lines, silt_error *err)
{
    if (!target->there || target->table->strategy != SILT_STRATEGY_APPEND ||
        !target->ops->has_evidence(target))
        return SILT_OK;
    silt_own_rows found;
    SILT_TRY(silt_own_rows_read(load, target, -1, INT64_MAX, c->arena, &found, err));
    c->rows_unsure = found.unsure;
    for (size_t i = 0; i < found.count; i++)
        compare_evidence(c, &found.items[i], lines);
    for (size_t i = 0; i < c->replayed.count; i++) {
        const silt_replayed *item = &c->replayed.items[i];
        if (item->rows_in_target != item->rows)
            silt_lines_add(
                lines, "%" PRId64 " rows in the target, batch %" PRId64 " replayed %" PRId64 ": %s",
                item->rows_in_target, item->number, item->rows, item->path);
    }
    for (size_t i = 0; i < c->loaded.count; i++) {
        const silt_loaded *item = c->loaded.items[i];
        int64_t there = item->rows_in_target < 0 ? 0 : item->rows_in_target;
        bool maybe_others = c->rows_unsure && there > item->file->rows.inserted;
        if (there != item->file->rows.inserted && !maybe_others)
            silt_lines_add(
                lines, "%" PRId64 " rows in the target, batch %" PRId64 " loaded %" PRId64 ": %s",
                there, item->ledger->number, item->file->rows.inserted, item->path);
    }
    return SILT_OK;
}
