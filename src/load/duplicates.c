/* The same content under another name. Only files of equal size are read for it. */
#include "load/batch.h"
#include "load/compare.h"

/* error_message of a row that was left out */
#define SKIPPED "not loaded: it has the content of "

/* Files by their size: loaded ones, and new ones that came before. */
typedef struct known {
    struct known *next; /* of the same size */
    const char *path;
    bool loaded;
    char hash[SILT_HASH_SIZE]; /* "": not read yet */
} known;

typedef struct search {
    silt_load *load;
    silt_target *target;
    silt_arena *scratch;
    silt_map64 *by_size;
    SILT_VEC(silt_tracked) skipped;
    int64_t found;
    const char *first, *first_other;
    silt_error *err;
} search;

static void search_release(search *s)
{
    silt_vec_free(&s->skipped);
    silt_map64_free(s->by_size);
    silt_arena_free(s->scratch);
}

static silt_status put(search *s, int64_t size, const char *path, const char *hash, bool loaded)
{
    bool there;
    known *k = silt_arena_calloc(s->scratch, 1, sizeof(*k));
    int64_t *key = silt_arena_calloc(s->scratch, 1, sizeof(*key));
    if (!k || !key) return silt_fail_nomem(s->err);
    *key = size;
    void **slot = silt_map64_slot(s->by_size, key, sizeof(*key), &there);
    if (!slot) return silt_fail_nomem(s->err);
    k->path = path;
    k->loaded = loaded;
    k->next = there ? *slot : NULL;
    memcpy(k->hash, hash, strlen(hash) + 1);
    *slot = k;
    return SILT_OK;
}

static silt_status put_loaded(search *s)
{
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(s->load->tracker, &count);
    for (size_t i = 0; i < count; i++) {
        const silt_tracked *row = &rows[i];
        if (row->status != SILT_FILE_COMPLETED || !row->content_hash ||
            strlen(row->content_hash) >= SILT_HASH_SIZE ||
            strcmp(row->table_name, s->target->table->name) != 0)
            continue;
        SILT_TRY(put(s, row->file_size, row->file_path, row->content_hash, true));
    }
    return SILT_OK;
}

/* The file with the same content, or NULL. A file that goes away meanwhile is like no other. */
static silt_status find_same(search *s, const silt_found_file *file, char hash[],
                             const known **same)
{
    known *k = silt_map64_get(s->by_size, &file->size_bytes, sizeof(file->size_bytes));
    *same = NULL;
    hash[0] = '\0';
    if (!k) return SILT_OK;
    SILT_TRY(silt_load_check(s->load, s->err));
    if (silt_content_hash(silt_found_local(file), hash, NULL) != SILT_OK) {
        hash[0] = '\0';
        return SILT_OK;
    }
    for (; k; k = k->next) {
        if (!k->hash[0] && silt_content_hash(k->path, k->hash, NULL) != SILT_OK) continue;
        if (strcmp(k->hash, hash) != 0 || strcmp(k->path, file->path) == 0) continue;
        *same = k;
        return SILT_OK;
    }
    return SILT_OK;
}

static silt_status skip(search *s, const silt_found_file *file, const known *same, const char *hash)
{
    const char *table = s->target->table->name;
    const silt_tracked *old = silt_tracker_find(s->load->tracker, table, file->path);
    const int64_t now = silt_now_us(s->load->clock);
    silt_tracked row = old ? *old
                           : (silt_tracked){.created_us = now,
                                            .start_us = -1,
                                            .end_us = -1,
                                            .batch_id = -1,
                                            .row_count = -1,
                                            .rejected_count = -1};
    row.file_path = file->path;
    row.table_name = table;
    row.file_size = file->size_bytes;
    row.file_modified_us = file->mtime_ns / 1000;
    row.status = SILT_FILE_UNLOADED;
    row.updated_us = now;
    row.content_hash = silt_arena_strdup(s->scratch, hash);
    row.error_message = silt_arena_printf(s->scratch, SKIPPED "%s", same->path);
    if (!row.content_hash || !row.error_message || !silt_vec_push(&s->skipped, row))
        return silt_fail_nomem(s->err);
    return SILT_OK;
}

/* What a file brings that isn't loaded yet may still fail to come, so none is skipped for its sake:
 * it waits. */
static silt_status look_at(search *s, silt_candidates *all)
{
    bool skipping = s->target->table->on_duplicate == SILT_ON_DUPLICATE_SKIP;
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++) {
        const silt_found_file *file = all->files[i];
        const known *same;
        char hash[SILT_HASH_SIZE];
        SILT_TRY(find_same(s, file, hash, &same));
        const bool waits = same && skipping && !same->loaded;
        all->again |= waits;
        if (waits) continue;
        if (same && !s->found++) {
            s->first = file->path;
            s->first_other = same->path;
        }
        if (same && skipping)
            SILT_TRY(skip(s, file, same, hash));
        else
            all->files[kept++] = file;
        if (!same) SILT_TRY(put(s, file->size_bytes, file->path, hash, false));
    }
    all->count = kept;
    return SILT_OK;
}

/* A tracker that somebody else has changed: they are looked at again next time. */
static silt_status tell(search *s)
{
    if (!s->found) return SILT_OK;
    bool skipping = s->skipped.count > 0;
    silt_load_message(s->load, "warning",
                      "table %s: %" PRId64 " new file%s the content of another%s: %s (as %s)%s",
                      s->target->table->name, s->found, s->found == 1 ? " has" : "s have",
                      skipping ? ", not loaded (on_duplicate: skip)" : "", s->first, s->first_other,
                      s->found > 1 ? ", …" : "");
    if (!skipping) return SILT_OK;
    const silt_tracker_change change = {
        .rows = s->skipped.items, .row_count = s->skipped.count, .operation = "SKIP"};
    silt_status st = silt_load_track(s->load, &change, s->err);
    return st == SILT_CONFLICT ? SILT_OK : st;
}

silt_status silt_duplicates_find(silt_load *load, silt_target *target, silt_candidates *all,
                                 silt_error *err)
{
    if (target->table->on_duplicate == SILT_ON_DUPLICATE_LOAD || !all->count) return SILT_OK;
    SILT_CLEAN(search) s = {.load = load, .target = target, .err = err};
    s.scratch = silt_arena_new();
    s.by_size = silt_map64_new();
    if (!s.scratch || !s.by_size) return silt_fail_nomem(err);
    SILT_TRY(put_loaded(&s));
    SILT_TRY(look_at(&s, all));
    return tell(&s);
}

/* ---- files that were skipped before */

bool silt_duplicates_skipped(const silt_tracked *row)
{
    return row->status == SILT_FILE_UNLOADED && row->content_hash && row->error_message &&
           silt_starts_with(row->error_message, SKIPPED);
}

static bool add_hash(silt_map64 *hashes, const char *hash)
{
    bool found;
    void **slot = hash ? silt_map64_slot(hashes, hash, strlen(hash), &found) : NULL;
    if (slot) *slot = hashes;
    return slot || !hash;
}

static bool add_tracked(silt_load *load, const silt_config_table *table, silt_map64 *hashes)
{
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(load->tracker, &count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].status == SILT_FILE_COMPLETED && strcmp(rows[i].table_name, table->name) == 0 &&
            !add_hash(hashes, rows[i].content_hash))
            return false;
    return true;
}

/* A skipped file that is as it was, NULL: another one. */
static const silt_tracked *as_skipped(silt_load *load, const silt_config_table *table,
                                      const silt_found_file *file)
{
    const silt_tracked *row = silt_tracker_find(load->tracker, table->name, file->path);
    bool is = row && silt_duplicates_skipped(row) && row->file_size == file->size_bytes &&
              row->file_modified_us == file->mtime_ns / 1000;
    return is ? row : NULL;
}

/* Take those out whose content is one of these; how many aren't. */
static size_t leave_out(silt_load *load, const silt_config_table *table, const silt_map64 *hashes,
                        silt_candidates *all)
{
    size_t kept = 0, others = 0;
    for (size_t i = 0; i < all->count; i++) {
        const silt_tracked *row = as_skipped(load, table, all->files[i]);
        if (row && silt_map64_get(hashes, row->content_hash, strlen(row->content_hash))) continue;
        others += row != NULL;
        all->files[kept++] = all->files[i];
    }
    all->count = kept;
    return others;
}

/* The tracker knows most; rows of a file that waits or has failed since it changed may stand all
 * the same, which the ledgers tell. */
silt_status silt_duplicates_keep(silt_load *load, const silt_target *target, silt_candidates *all,
                                 silt_error *err)
{
    const silt_config_table *table = target->table;
    silt_comparison c __attribute__((cleanup(silt_comparison_release))) = {0};
    SILT_AUTO(silt_map64) hashes = silt_map64_new();
    if (!hashes || !add_tracked(load, table, hashes)) return silt_fail_nomem(err);
    if (!leave_out(load, table, hashes, all) || !target->there || target->app_version < 0)
        return SILT_OK;
    SILT_TRY(silt_compare_chain(target, &c, err));
    for (size_t i = 0; i < c.loaded.count; i++)
        if (!add_hash(hashes, c.loaded.items[i]->file->content_hash)) return silt_fail_nomem(err);
    (void)leave_out(load, table, hashes, all);
    return SILT_OK;
}
