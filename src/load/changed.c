/* Files that have changed since they were loaded.
 *
 * Invariants
 *  (1) Whether a file's rows are in the target is for the ledgers to say, never for the tracker: a
 *      file that has changed may wait or have failed while its older rows are there.
 *  (2) No file whose rows are there is loaded, but in their place. */
#include "load/batch.h"
#include "load/compare.h"

typedef struct settling {
    silt_load *load;
    silt_target *target;
    silt_arena *arena; /* of the candidates */
    silt_candidates *all;
    silt_comparison comparison;
    SILT_VEC(silt_tracked) followed; /* the content is the same, or what it was counts */
    SILT_VEC(silt_evidence) replaced;
    SILT_VEC(const silt_found_file *) replacing;
    size_t ignored;
    const char *first; /* of these */
    silt_error *err;
} settling;

static void settling_release(settling *s)
{
    silt_comparison_release(&s->comparison);
    silt_vec_free(&s->followed);
    silt_vec_free(&s->replaced);
    silt_vec_free(&s->replacing);
}

static bool reloads(const settling *s)
{
    return s->target->table->on_change == SILT_ON_CHANGE_RELOAD;
}

static void ignore(settling *s, const silt_found_file *file)
{
    if (s->ignored++ == 0) s->first = file->path;
}

static silt_status follow(settling *s, silt_tracked row)
{
    row.updated_us = silt_now_us(s->load->clock);
    return silt_vec_push(&s->followed, row) ? SILT_OK : silt_fail_nomem(s->err);
}

/* `*same`: the content is what was loaded, or nobody knows what that was. */
static silt_status compare_content(settling *s, const silt_found_file *file, const char *was,
                                   bool *same, silt_error *err)
{
    char hash[SILT_HASH_SIZE];
    *same = true;
    if (!was) return SILT_OK;
    SILT_TRY(silt_load_check(s->load, err));
    SILT_TRY(silt_content_hash(silt_found_local(file), hash, err));
    *same = strcmp(hash, was) == 0;
    return SILT_OK;
}

static silt_status replace(settling *s, const silt_found_file *file, const silt_loaded *item)
{
    if (item->replayed_by >= 0) {
        silt_load_message(s->load, "warning",
                          "table %s: %s has changed and isn't reloaded: rejected rows of it were "
                          "replayed by batch %" PRId64,
                          s->target->table->name, file->path, item->replayed_by);
        return SILT_OK;
    }
    const silt_evidence old = {file->path, item->ledger->number, item->file->rows.inserted, false};
    if (!silt_vec_push(&s->replaced, old) || !silt_vec_push(&s->replacing, file))
        return silt_fail_nomem(s->err);
    return SILT_OK;
}

static const silt_loaded *find_loaded(const settling *s, const silt_found_file *file)
{
    const silt_loaded *item = silt_map64_get(s->comparison.by_path, file->path, strlen(file->path));
    return item && silt_ledger_loads(item->ledger->kind) ? item : NULL;
}

/* A completed file that looks different. */
static silt_status settle_completed(settling *s, const silt_found_file *file)
{
    const silt_tracked *row =
        silt_tracker_find(s->load->tracker, s->target->table->name, file->path);
    bool same;
    SILT_TRY(compare_content(s, file, row->content_hash, &same, s->err));
    if (same) {
        silt_tracked followed = *row;
        followed.file_size = file->size_bytes;
        followed.file_modified_us = file->mtime_ns / 1000;
        return follow(s, followed);
    }
    const silt_loaded *item = reloads(s) ? find_loaded(s, file) : NULL;
    if (item) return replace(s, file, item);
    ignore(s, file);
    return SILT_OK;
}

/* A candidate that was tried before: `*keep` it in the list. */
static silt_status settle_tried(settling *s, const silt_found_file *file, bool *keep)
{
    const char *table = s->target->table->name;
    const silt_tracked *row = silt_tracker_find(s->load->tracker, table, file->path);
    const silt_loaded *item = row ? find_loaded(s, file) : NULL;
    bool same;
    *keep = !item;
    if (!item) return SILT_OK;
    silt_error unreadable = {0}; /* which its batch will say */
    silt_status st = compare_content(s, file, item->file->content_hash, &same, &unreadable);
    if (st == SILT_INTERRUPTED || st == SILT_FENCED || st == SILT_NOMEM)
        return silt_fail(s->err, st, "%s", unreadable.message);
    if (st != SILT_OK) same = false;
    if (!same && reloads(s)) return replace(s, file, item);
    silt_tracked followed = silt_compare_completed(item, table, *row);
    if (same) {
        followed.file_size = file->size_bytes;
        followed.file_modified_us = file->mtime_ns / 1000;
    } else {
        ignore(s, file);
    }
    return follow(s, followed);
}

static silt_status settle_all(settling *s, const silt_changed *changed)
{
    bool append = s->target->table->strategy == SILT_STRATEGY_APPEND;
    bool by_ledgers = append && s->target->app_version >= 0 &&
                      (changed->tried || (reloads(s) && changed->different.count));
    if (by_ledgers) {
        SILT_TRY(silt_compare_chain(s->target, &s->comparison, s->err));
        SILT_TRY(silt_compare_evidence(s->load, s->target, &s->comparison, s->err));
    }
    size_t kept = 0;
    for (size_t i = 0; i < s->all->count; i++) {
        const silt_found_file *file = s->all->files[i];
        bool keep = true;
        if (by_ledgers) SILT_TRY(settle_tried(s, file, &keep));
        if (keep) s->all->files[kept++] = file;
    }
    s->all->count = kept;
    for (size_t i = 0; i < changed->different.count; i++)
        SILT_TRY(settle_completed(s, changed->different.items[i]));
    return SILT_OK;
}

/* ---- what comes of it */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const silt_evidence *)a)->path, ((const silt_evidence *)b)->path);
}

/* Those that replace rows, behind all others. */
static silt_status add_replacing(settling *s)
{
    size_t count = s->replaced.count;
    if (!count) return SILT_OK;
    silt_evidence *items = silt_arena_calloc(s->arena, count, sizeof(*items));
    if (!items) return silt_fail_nomem(s->err);
    memcpy(items, s->replaced.items, count * sizeof(*items));
    qsort(items, count, sizeof(*items), by_path);
    memcpy(s->all->files + s->all->count, s->replacing.items, count * sizeof(*s->replacing.items));
    s->all->count += count;
    s->all->replaced = items;
    s->all->replaced_count = count;
    silt_load_message(s->load, "info",
                      "table %s: %zu loaded file%s changed since, and %s loaded again in the place "
                      "of %s rows (on_change: reload)",
                      s->target->table->name, count, count == 1 ? " has" : "s have",
                      count == 1 ? "is" : "are", count == 1 ? "its" : "their");
    return SILT_OK;
}

static silt_status tell_ignored(settling *s)
{
    const silt_config_table *table = s->target->table;
    if (!s->ignored) return SILT_OK;
    if (table->on_change == SILT_ON_CHANGE_ERROR) {
        silt_fail(s->err, SILT_CHANGED,
                  "table %s: %zu loaded files have changed since, the first is %s", table->name,
                  s->ignored, s->first);
        return silt_hint(s->err, SILT_CHANGED,
                         "bring the files back, give them new names to load them again, or "
                         "set on_change: ignore or reload");
    }
    silt_load_message(s->load, "warning",
                      "table %s: %zu loaded files have changed since and are ignored (on_change: "
                      "ignore), the first is %s",
                      table->name, s->ignored, s->first);
    return SILT_OK;
}

silt_status silt_changed_settle(silt_load *load, silt_target *target, silt_changed *changed,
                                silt_arena *arena, silt_candidates *all, silt_error *err)
{
    if (!changed->tried && !changed->different.count) return SILT_OK;
    SILT_CLEAN(settling)
    s = {.load = load, .target = target, .arena = arena, .all = all, .err = err};
    SILT_TRY(settle_all(&s, changed));
    if (s.followed.count) {
        const silt_tracker_change change = {
            .rows = s.followed.items, .row_count = s.followed.count, .operation = "FOLLOW"};
        silt_status st = silt_load_track(load, &change, err);
        if (st != SILT_OK && st != SILT_CONFLICT) return st; /* else they are followed next time */
    }
    SILT_TRY(tell_ignored(&s));
    return add_replacing(&s);
}
