/* What is to be loaded next. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "load/batch.h"
#include "load/recover.h"

#define CRASHES_HALVE 2 /* crashes over one set of files, from which on its batches are halved */

silt_status silt_content_hash(const char *path, char out[SILT_HASH_SIZE], silt_error *err)
{
    SILT_AUTO(silt_hash) hash = silt_hash_new();
    const size_t size = (size_t)1 << 18;
    SILT_FREE void *block = malloc(size);
    if (!hash || !block) return silt_fail_nomem(err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return silt_fail(err, SILT_CHANGED, "source file %s has vanished", path);
    if (fd < 0) return silt_fail_errno(err, errno, "source file %s", path);
    ssize_t n;
    while ((n = read(fd, block, size)) > 0)
        silt_hash_update(hash, block, (size_t)n);
    int failed = n < 0 ? errno : 0;
    close(fd);
    if (failed) return silt_fail_errno(err, failed, "source file %s", path);
    silt_hash_hex(hash, out);
    return SILT_OK;
}

/* Whether a file the tracker knows is to be tried. */
int64_t silt_retry_due_us(const silt_load *load, const silt_tracked *row)
{
    const int64_t day_us = INT64_C(24) * 60 * 60 * 1000000;
    int64_t wait_us = load->config->retry_backoff_ms * 1000;
    if (row->retry_count >= load->config->retry_attempts) return -1;
    for (int64_t i = 1; i < row->retry_count && wait_us && wait_us < day_us; i++)
        wait_us *= 2;
    return row->updated_us + (wait_us < day_us ? wait_us : day_us);
}

static bool is_due(const silt_load *load, const silt_tracked *row)
{
    int64_t due_us = silt_retry_due_us(load, row);
    return due_us >= 0 && due_us <= silt_now_us(load->clock);
}

static bool wanted(const silt_load *load, const silt_tracked *row, bool retry_failed)
{
    switch (row->status) {
    case SILT_FILE_PENDING:
        return true;
    case SILT_FILE_FAILED:
        return row->updated_us < load->started_us && (retry_failed || is_due(load, row));
    default:
        return false;
    }
}

/* What an overwrite puts in the table's place is whole, or it isn't done; and of versions that go
 * by the time of the load the older come first. So a file that failed, and isn't tried now, keeps
 * the others waiting. */
static bool is_whole(const silt_config_table *table)
{
    bool in_turn = table->scd2 && (!table->scd2->effective_from || table->scd2->close_missing);
    return in_turn || table->feed || table->strategy == SILT_STRATEGY_OVERWRITE;
}

static silt_status fail_whole(const silt_config_table *table, const silt_tracked *row,
                              silt_error *err)
{
    const char *why = row->error_message ? row->error_message : "";
    if (table->feed) {
        silt_fail(err, SILT_BAD_DATA,
                  "table %s: versions of a source table are loaded in order, and those behind %s "
                  "wait, which has failed: %s",
                  table->name, row->file_path, why);
        return silt_hint(err, SILT_BAD_DATA,
                         "change the table's configuration, so that it takes the rows, and run "
                         "with --retry-failed");
    }
    silt_fail(err, SILT_BAD_DATA, "table %s: nothing is %s while a file of it has failed: %s: %s",
              table->name, table->scd2 ? "loaded by scd2, file after file," : "overwritten",
              row->file_path, why);
    return silt_hint(err, SILT_BAD_DATA,
                     "mend the file and run with --retry-failed, or take it away");
}

/* Of a source table the versions before the one that failed are left. */
static silt_status check_whole(silt_load *load, const silt_target *target, const silt_found *found,
                               bool retry_failed, silt_candidates *fresh, silt_error *err)
{
    for (size_t i = 0; i < found->count; i++) {
        const char *path = found->files[i].path;
        const silt_tracked *row = silt_tracker_find(load->tracker, target->table->name, path);
        if (!row || row->status != SILT_FILE_FAILED || wanted(load, row, retry_failed)) continue;
        size_t before = 0;
        while (target->table->feed && before < fresh->count &&
               fresh->files[before] < &found->files[i])
            before++;
        if (!before) return fail_whole(target->table, row, err);
        fresh->again |= before < fresh->count; /* to say why the others aren't loaded */
        fresh->count = before;
        return SILT_OK;
    }
    return SILT_OK;
}

/* Crashes of a file's batches so far. */
static void crashes_of(silt_load *load, const silt_target *target, const silt_found_file *file,
                       int64_t *crashes, int64_t *files)
{
    const silt_tracked *row = silt_tracker_find(load->tracker, target->table->name, file->path);
    *crashes = *files = 0;
    if (row) silt_crashes_of(row, crashes, files);
}

/* Where order means nothing, files that may have crashed the loader come last: they keep none from
 * being loaded. */
static silt_status put_crashers_last(silt_load *load, const silt_target *target,
                                     const silt_found_file **files, size_t count, silt_error *err)
{
    SILT_FREE void *memory = malloc((count + 1) * sizeof(*files));
    if (!memory) return silt_fail_nomem(err);
    const silt_found_file **last = memory;
    size_t kept = 0, moved = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t crashes, batch;
        crashes_of(load, target, files[i], &crashes, &batch);
        if (crashes >= CRASHES_HALVE)
            last[moved++] = files[i];
        else
            files[kept++] = files[i];
    }
    memcpy(files + kept, last, moved * sizeof(*files));
    return SILT_OK;
}

/* New files and those that wait; of the others those that may have changed. */
static silt_status sort_out(silt_load *load, const silt_target *target, const silt_found *found,
                            bool retry_failed, silt_candidates *all, silt_changed *changed,
                            silt_error *err)
{
    size_t skipped = 0;
    for (size_t i = 0; i < found->count; i++) {
        const silt_found_file *file = &found->files[i];
        const silt_tracked *row = silt_tracker_find(load->tracker, target->table->name, file->path);
        const bool was_skipped = row && silt_duplicates_skipped(row);
        skipped += was_skipped;
        if (!row || was_skipped || wanted(load, row, retry_failed)) {
            all->files[all->count++] = file;
            changed->tried |= row && !was_skipped;
        } else if (row->status == SILT_FILE_COMPLETED &&
                   (row->file_size != file->size_bytes ||
                    row->file_modified_us != file->mtime_ns / 1000) &&
                   !silt_vec_push(&changed->different, file)) {
            return silt_fail_nomem(err);
        }
    }
    const size_t listed = all->count;
    if (skipped) SILT_TRY(silt_duplicates_keep(load, target, all, err));
    all->again = all->count < listed; /* some stay skipped */
    changed->tried |= listed - all->count < skipped;
    return SILT_OK;
}

silt_status silt_candidates_find(silt_load *load, silt_target *target, const silt_found *found,
                                 bool retry_failed, silt_arena *arena, silt_candidates *out,
                                 silt_error *err)
{
    silt_candidates all = {.files = silt_arena_calloc(arena, found->count + 1, sizeof(*all.files))};
    if (!all.files) return silt_fail_nomem(err);
    silt_changed changed = {0};
    silt_status st = sort_out(load, target, found, retry_failed, &all, &changed, err);
    if (st == SILT_OK) st = silt_changed_settle(load, target, &changed, arena, &all, err);
    silt_vec_free(&changed.different);
    if (st != SILT_OK) return st;

    silt_candidates fresh = {.files = all.files, .count = all.count - all.replaced_count};
    const silt_found_file **replacing = all.files + fresh.count;
    SILT_TRY(silt_duplicates_find(load, target, &fresh, err));
    if (fresh.count && is_whole(target->table))
        SILT_TRY(check_whole(load, target, found, retry_failed, &fresh, err));
    if (target->table->strategy == SILT_STRATEGY_APPEND && !target->table->feed)
        SILT_TRY(put_crashers_last(load, target, fresh.files, fresh.count, err));
    memmove(all.files + fresh.count, replacing, all.replaced_count * sizeof(*replacing));
    all.count = fresh.count + all.replaced_count;
    all.again = fresh.again || (all.again && all.replaced_count);
    *out = all;
    return SILT_OK;
}

static int by_path(const void *key, const void *item)
{
    return strcmp(key, ((const silt_evidence *)item)->path);
}

const silt_evidence *silt_candidates_replaced(const silt_candidates *all, const char *path)
{
    if (!all->replaced_count) return NULL;
    return bsearch(path, all->replaced, all->replaced_count, sizeof(*all->replaced), by_path);
}

silt_candidates silt_candidates_take(silt_load *load, const silt_target *target,
                                     const silt_candidates *all)
{
    const silt_config_table *table = target->table;
    if (table->strategy == SILT_STRATEGY_OVERWRITE) return *all;
    int64_t limit = table->batch_max_files ? table->batch_max_files : SILT_BATCH_FILES_DEFAULT;
    int64_t bytes = 0, first_crashes = 0, first_files = 0;
    bool replaces = all->count && silt_candidates_replaced(all, all->files[0]->path);
    if (all->count) crashes_of(load, target, all->files[0], &first_crashes, &first_files);
    if (first_crashes >= CRASHES_HALVE) {
        int64_t half = first_files > 1 ? first_files / 2 : 1;
        limit = limit < half ? limit : half;
    }
    size_t n = 0;
    for (; n < all->count && (int64_t)n < limit; n++) {
        int64_t crashes, files;
        crashes_of(load, target, all->files[n], &crashes, &files);
        bool other_set = (crashes >= CRASHES_HALVE) != (first_crashes >= CRASHES_HALVE) ||
                         replaces != !!silt_candidates_replaced(all, all->files[n]->path);
        bytes += all->files[n]->size_bytes;
        if (n && (other_set || (table->batch_max_bytes && bytes > table->batch_max_bytes))) break;
    }
    return (silt_candidates){.files = all->files,
                             .count = n,
                             .replaced = all->replaced,
                             .replaced_count = replaces ? all->replaced_count : 0};
}
