/* Which versions of a source table there are to load. */
#include "load/feed.h"

#include <stdio.h>

#include "load/lanes.h"
#include "table/changes.h"
#include "table/snapshot.h"

#define HALF 16 /* digits of a hash that are the table's */

/* ---- names ---------------------------------------------------------------------------------- */

static const char *const prefixes[] = {"v", "snapshot-v", "start-v"};

bool silt_feed_parse(const char *name, silt_feed_kind *kind, int64_t *version, size_t *path_size)
{
    const char *at = strrchr(name, '@');
    if (!at) return false;
    for (size_t k = 0; k < SILT_COUNT(prefixes); k++) {
        if (!silt_starts_with(at + 1, prefixes[k])) continue;
        *kind = (silt_feed_kind)k;
        *path_size = (size_t)(at - name);
        return silt_parse_int64(at + 1 + strlen(prefixes[k]), version) && *version >= 0;
    }
    return false;
}

bool silt_feed_deletes(const silt_config_table *table)
{
    return table->feed && table->feed->on_change == SILT_SOURCE_CHANGE_APPLY;
}

bool silt_feed_can_delete(const silt_config_table *table)
{
    const char *from = table->scd2 ? table->scd2->effective_from : NULL;
    return table->strategy == SILT_STRATEGY_UPSERT ||
           (table->scd2 && (!from || silt_streq(from, SILT_CHANGE_TIMESTAMP)));
}

static bool has_no_commit(const char *hash)
{
    return silt_ends_with(hash, "0000000000000000");
}

silt_status silt_feed_hash(silt_store *store, const char *table_id, int64_t version,
                           char out[SILT_HASH_SIZE], silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const char *key = scratch ? silt_log_commit_key(scratch, version) : NULL;
    silt_bytes body = {0};
    if (!key) return silt_fail_nomem(err);
    silt_error gone = {0};
    silt_status st = store->ops->get(store, key, 0, -1, scratch, &body, &gone);
    if (st != SILT_OK && st != SILT_NOT_FOUND) return silt_fail(err, st, "%s", gone.message);
    const uint64_t commit = st == SILT_OK ? silt_hash64(body.data, body.size) : 0;
    snprintf(out, SILT_HASH_SIZE, "%016" PRIx64 "%016" PRIx64,
             silt_hash64(table_id, strlen(table_id)), commit);
    return SILT_OK;
}

silt_status silt_feed_hash_now(silt_load *load, const silt_config_table *table, int64_t version,
                               char hash[SILT_HASH_SIZE], silt_error *err)
{
    SILT_AUTO(silt_store) store = NULL;
    SILT_AUTO(silt_snapshot) latest = NULL;
    SILT_TRY(silt_load_open_store(load, table->feed->path, &store, err));
    silt_status st = silt_snapshot_open(store, load->engine, NULL, &latest, err);
    if (st == SILT_OK)
        st = silt_feed_hash(store, silt_snapshot_table_id(latest), version, hash, err);
    if (st == SILT_NOT_FOUND || (st == SILT_OK && has_no_commit(hash)))
        st = silt_fail(err, SILT_CHANGED, "version %" PRId64 " of %s isn't there any more", version,
                       table->feed->path);
    silt_snapshot_free(SILT_TAKE(latest)); /* before its store */
    return st;
}

/* ---- what is known --------------------------------------------------------------------------- */

typedef struct unit {
    silt_found_file file;
    silt_feed_kind kind;
    int64_t version;
    bool loaded; /* or passed over */
} unit;

typedef struct finding {
    silt_load *load;
    const silt_config_table *table;
    silt_arena *arena; /* of the result */
    silt_arena *commit;
    silt_store *store;
    silt_snapshot *latest;
    char id[SILT_HASH_SIZE]; /* its first HALF digits are all versions' */
    int64_t upto;            /* the newest version that is looked at */
    SILT_VEC(unit) units;
    silt_map64 *known;              /* versions of changes that are in the list */
    int64_t done_version;           /* the newest that is loaded, or was passed over; -1: none */
    char done_hash[SILT_HASH_SIZE]; /* its; "": not known */
    int64_t idle; /* the newest version behind all others that changed no rows; -1 */
    silt_error *err;
} finding;

static void finding_release(finding *f)
{
    silt_vec_free(&f->units);
    silt_map64_free(f->known);
    silt_snapshot_free(f->latest);
    silt_store_free(f->store);
    silt_arena_free(f->commit);
}

static silt_status push(finding *f, silt_feed_kind kind, int64_t version, int64_t size_bytes,
                        int64_t made_ms)
{
    const char *path =
        silt_arena_printf(f->arena, "%s@%s%" PRId64, f->table->feed->path, prefixes[kind], version);
    const unit u = {
        {.path = path, .size_bytes = size_bytes, .mtime_ns = made_ms * 1000000, .made = true},
        kind,
        version,
        false};
    return path && silt_vec_push(&f->units, u) ? SILT_OK : silt_fail_nomem(f->err);
}

static bool was_loaded(const silt_tracked *row)
{
    return row->status == SILT_FILE_COMPLETED || row->status == SILT_FILE_UNLOADED;
}

static silt_status push_known(finding *f, const silt_tracked *row, silt_feed_kind kind,
                              int64_t version)
{
    bool found;
    const unit u = {{.path = silt_arena_strdup(f->arena, row->file_path),
                     .size_bytes = row->file_size,
                     .mtime_ns = row->file_modified_us * 1000,
                     .made = true},
                    kind,
                    version,
                    was_loaded(row)};
    int64_t *key = silt_arena_alloc(f->arena, sizeof(*key));
    if (!key || !u.file.path || !silt_vec_push(&f->units, u)) return silt_fail_nomem(f->err);
    if (kind != SILT_FEED_CHANGES) return SILT_OK;
    *key = version;
    void **slot = silt_map64_slot(f->known, key, sizeof(*key), &found);
    if (!slot) return silt_fail_nomem(f->err);
    *slot = key;
    return SILT_OK;
}

static silt_status fail_replaced(finding *f, const silt_tracked *row)
{
    silt_fail(f->err, SILT_INCONSISTENT,
              "table %s: its source %s is another table than the one whose rows were loaded as %s",
              f->table->name, f->table->feed->path, row->file_path);
    return silt_hint(f->err, SILT_INCONSISTENT,
                     "bring the table back, or load the new one from its start by 'silt "
                     "reset-state --table %s --forget' (with --delete-rows, if the rows of the old "
                     "one are to go)",
                     f->table->name);
}

/* What the load that goes on began with: -1 where that was a version's changes. */
static int64_t find_beginning(const finding *f)
{
    const silt_feed_start start = f->table->feed->start;
    int64_t loaded = -1, waits = -1, first = INT64_MAX;
    for (size_t i = 0; i < f->units.count; i++) {
        const unit *u = &f->units.items[i];
        if (u->kind != SILT_FEED_CHANGES && u->loaded && u->version > loaded) loaded = u->version;
        if (u->kind == SILT_FEED_CHANGES && u->loaded && u->version < first) first = u->version;
    }
    for (size_t i = 0; i < f->units.count && loaded < 0; i++) {
        const unit *u = &f->units.items[i];
        bool asked = u->kind == SILT_FEED_SNAPSHOT ? start == SILT_FEED_FROM_SNAPSHOT
                                                   : start == SILT_FEED_FROM_LATEST;
        if (u->kind != SILT_FEED_CHANGES && asked && u->version < first && u->version > waits)
            waits = u->version;
    }
    return loaded >= 0 ? loaded : waits;
}

/* Versions that wait since a load that was forgotten (reset-state --forget, on_restore) are
 * nobody's any more. */
static void drop_forgotten(finding *f)
{
    const int64_t beginning = find_beginning(f);
    bool begun = false;
    size_t kept = 0;
    for (size_t i = 0; i < f->units.count; i++)
        begun |= f->units.items[i].loaded && f->units.items[i].kind != SILT_FEED_CHANGES;
    for (size_t i = 0; i < f->units.count; i++) {
        const unit *u = &f->units.items[i];
        bool stale = u->kind == SILT_FEED_CHANGES ? u->version <= beginning
                                                  : begun || u->version != beginning;
        if (u->loaded || !stale) f->units.items[kept++] = *u;
    }
    f->units.count = kept;
}

/* The tracker's rows of versions of this very table; in another place its path was another one. */
static silt_status take_known(finding *f)
{
    size_t count, path_size, size = strlen(f->table->feed->path);
    const silt_tracked *rows = silt_tracker_rows(f->load->tracker, &count);
    for (size_t i = 0; i < count; i++) {
        const silt_tracked *row = &rows[i];
        silt_feed_kind kind;
        int64_t version;
        if (strcmp(row->table_name, f->table->name) != 0 ||
            !silt_feed_parse(row->file_path, &kind, &version, &path_size))
            continue;
        bool here = path_size == size && memcmp(row->file_path, f->table->feed->path, size) == 0;
        bool same = row->content_hash && strncmp(row->content_hash, f->id, HALF) == 0;
        if (here && row->content_hash && !same && was_loaded(row)) return fail_replaced(f, row);
        if (!(row->content_hash && was_loaded(row) ? same : here)) continue;
        SILT_TRY(push_known(f, row, kind, version));
        if (!was_loaded(row) || version <= f->done_version) continue;
        f->done_version = version;
        snprintf(f->done_hash, sizeof(f->done_hash), "%s",
                 row->content_hash ? row->content_hash : "");
    }
    return SILT_OK;
}

/* ---- the source is what it was ------------------------------------------------------------- */

static silt_status fail_back(finding *f, const char *what)
{
    silt_fail(f->err, SILT_INCONSISTENT,
              "table %s: its source %s went back: version %" PRId64 " was loaded, and %s",
              f->table->name, f->table->feed->path, f->done_version, what);
    return silt_hint(
        f->err, SILT_INCONSISTENT,
        "bring the table back as it was ('silt restore' does that by a new version, "
        "which is followed); or load it anew by 'silt reset-state --table %s --forget'",
        f->table->name);
}

static silt_status check_history(finding *f)
{
    char hash[SILT_HASH_SIZE];
    if (f->done_version < 0) return SILT_OK;
    const int64_t newest = silt_snapshot_version(f->latest);
    if (newest < f->done_version) {
        char *what = silt_arena_printf(f->commit, "now its latest is %" PRId64, newest);
        return what ? fail_back(f, what) : silt_fail_nomem(f->err);
    }
    if (!*f->done_hash || has_no_commit(f->done_hash)) return SILT_OK;
    SILT_TRY(
        silt_feed_hash(f->store, silt_snapshot_table_id(f->latest), f->done_version, hash, f->err));
    if (has_no_commit(hash) || silt_streq(hash, f->done_hash)) return SILT_OK;
    return fail_back(f, "that version is another commit now");
}

/* ---- what is new ----------------------------------------------------------------------------- */

/* Where a load begins: `*base` is the version whose changes aren't wanted any more. */
static silt_status begin(finding *f, int64_t *base)
{
    const silt_config_feed *feed = f->table->feed;
    const int64_t newest = f->upto;
    const int64_t made_ms = silt_snapshot_timestamp_ms(f->latest);
    int64_t files, bytes = 0, at_ms;
    switch (feed->start) {
    case SILT_FEED_FROM_SNAPSHOT:
        *base = newest;
        SILT_TRY(silt_snapshot_size(f->latest, &files, &bytes, f->err));
        return push(f, SILT_FEED_SNAPSHOT, newest, bytes, made_ms);
    case SILT_FEED_FROM_LATEST:
        *base = newest;
        return push(f, SILT_FEED_START, newest, 0, made_ms);
    case SILT_FEED_FROM_TIME: {
        silt_status st = silt_table_version_at(f->store, f->load->engine, feed->start_ms, true,
                                               base, &at_ms, f->err);
        if (st != SILT_OK)
            return silt_wrap(f->err, st, "table %s: starting_timestamp", f->table->name);
        break;
    }
    case SILT_FEED_FROM_VERSION:
    default:
        *base = feed->start_version;
    }
    --*base;
    if (*base <= newest) return SILT_OK;
    silt_fail(f->err, SILT_INVALID,
              "table %s: starting_version %" PRId64 ": the latest version of %s is %" PRId64,
              f->table->name, feed->start_version, feed->path, newest);
    return silt_hint(f->err, SILT_INVALID, "starting_version: latest begins with the next one");
}

/* Bytes of the files that tell what a commit changed; -1: it changed no rows. One that has been
 * cleaned up counts as news, which can't be made. */
static silt_status look(finding *f, int64_t version, int64_t *bytes, bool *gone)
{
    const silt_action *actions;
    const silt_change *changes;
    size_t count, change_count;
    silt_arena_reset(f->commit);
    *gone = false;
    *bytes = -1;
    silt_status st = silt_log_commit_read(f->store, version, f->commit, &actions, &count, f->err);
    if (st == SILT_NOT_FOUND) {
        *f->err = (silt_error){0};
        *gone = true;
        *bytes = 0;
        return SILT_OK;
    }
    if (st != SILT_OK) return silt_wrap(f->err, st, "%s", f->table->feed->path);
    SILT_TRY(
        silt_changes_of_commit(actions, count, true, f->commit, &changes, &change_count, f->err));
    if (change_count) *bytes = 0;
    for (size_t i = 0; i < change_count; i++)
        *bytes += changes[i].size_bytes > 0 ? changes[i].size_bytes : 0;
    return SILT_OK;
}

static silt_status times_of(finding *f, int64_t from, const int64_t **out)
{
    silt_error ignored = {0}; /* commits that have gone are told where they are read */
    *out = NULL;
    silt_status st =
        silt_table_commit_times(f->store, f->load->engine, from, f->upto, f->arena, out, &ignored);
    if (st == SILT_OK || st == SILT_NOT_FOUND) return SILT_OK;
    return silt_fail(f->err, st, "%s", ignored.message);
}

static silt_status add_changes(finding *f, int64_t base)
{
    const int64_t *times = NULL;
    f->idle = -1;
    if (base < f->upto) SILT_TRY(times_of(f, base + 1, &times));
    for (int64_t v = base + 1; v <= f->upto; v++) {
        int64_t bytes;
        bool gone;
        if (silt_map64_get(f->known, &v, sizeof(v))) {
            f->idle = -1;
            continue;
        }
        SILT_TRY(silt_load_check(f->load, f->err));
        SILT_TRY(look(f, v, &bytes, &gone));
        f->idle = bytes < 0 ? v : -1;
        if (bytes >= 0)
            SILT_TRY(push(f, SILT_FEED_CHANGES, v, bytes, times ? times[v - base - 1] : 0));
        if (gone) break; /* nothing behind it is loaded without it */
    }
    return SILT_OK;
}

/* An overwritten table is that of one version. */
static silt_status add_snapshot(finding *f)
{
    int64_t files, bytes = 0;
    bool changed = f->done_version < 0, gone = false;
    for (int64_t v = f->done_version + 1; v <= f->upto && !changed; v++) {
        SILT_TRY(look(f, v, &bytes, &gone));
        changed = gone || bytes >= 0;
        f->idle = v;
    }
    if (!changed) return SILT_OK;
    f->idle = -1;
    SILT_TRY(silt_snapshot_size(f->latest, &files, &bytes, f->err));
    return push(f, SILT_FEED_SNAPSHOT, f->upto, bytes, silt_snapshot_timestamp_ms(f->latest));
}

/* ---- the list -------------------------------------------------------------------------------- */

static int by_version(const void *a, const void *b)
{
    const unit *x = a, *y = b;
    if (x->version != y->version) return x->version < y->version ? -1 : 1;
    return strcmp(x->file.path, y->file.path);
}

/* Versions that only rearranged rows are read once. */
static silt_status note_idle(finding *f)
{
    char hash[SILT_HASH_SIZE];
    SILT_TRY(silt_feed_hash(f->store, silt_snapshot_table_id(f->latest), f->idle, hash, f->err));
    const int64_t now = silt_now_us(f->load->clock);
    const silt_tracked row = {
        .file_path = silt_arena_printf(f->arena, "%s@v%" PRId64, f->table->feed->path, f->idle),
        .table_name = f->table->name,
        .status = SILT_FILE_UNLOADED,
        .error_message = "not loaded: it and the versions before it changed no rows",
        .content_hash = hash,
        .created_us = now,
        .updated_us = now,
        .start_us = -1,
        .end_us = -1,
        .batch_id = -1,
        .row_count = -1,
        .rejected_count = -1};
    const silt_tracker_change change = {.rows = &row, .row_count = 1, .operation = "SKIP"};
    if (!row.file_path) return silt_fail_nomem(f->err);
    silt_status st = silt_load_track(f->load, &change, f->err);
    return st == SILT_CONFLICT ? SILT_OK : st; /* they are read again next time */
}

/* Versions that wait or failed, and are in no list any more: a newer one took their place, or
 * another table is the source. As long as the tracker had them they would wait for ever. */
static silt_status forget(finding *f, const silt_found *listed)
{
    SILT_AUTO(silt_map64) wanted = silt_map64_new();
    SILT_VEC(silt_tracked) stale = {0};
    size_t count, path_size;
    int64_t version;
    silt_feed_kind kind;
    bool found;
    if (!wanted) return silt_fail_nomem(f->err);
    for (size_t i = 0; i < listed->count; i++) {
        const char *path = listed->files[i].path;
        void **slot = silt_map64_slot(wanted, path, strlen(path), &found);
        if (!slot) return silt_fail_nomem(f->err);
        *slot = wanted;
    }
    const silt_tracked *rows = silt_tracker_rows(f->load->tracker, &count);
    silt_status st = SILT_OK;
    for (size_t i = 0; st == SILT_OK && i < count; i++) {
        const silt_tracked *row = &rows[i];
        if ((row->status != SILT_FILE_FAILED && row->status != SILT_FILE_PENDING) ||
            strcmp(row->table_name, f->table->name) != 0 ||
            !silt_feed_parse(row->file_path, &kind, &version, &path_size) ||
            silt_map64_get(wanted, row->file_path, strlen(row->file_path)))
            continue;
        silt_load_message(f->load, "info",
                          "table %s: %s is passed over: what it held comes otherwise",
                          f->table->name, row->file_path);
        if (!silt_vec_push(&stale, *row)) st = silt_fail_nomem(f->err);
    }
    const silt_tracker_change change = {
        .forgotten = stale.items, .forgotten_count = stale.count, .operation = "FORGET"};
    if (st == SILT_OK && stale.count) st = silt_load_track(f->load, &change, f->err);
    silt_vec_free(&stale);
    return st == SILT_CONFLICT ? SILT_OK : st; /* next time */
}

static silt_status give(finding *f, silt_found *out, bool note)
{
    bool overwrite = f->table->strategy == SILT_STRATEGY_OVERWRITE, waits = false;
    size_t count = 0;
    silt_found_file *files = silt_arena_calloc(f->arena, f->units.count + 1, sizeof(*files));
    if (!files) return silt_fail_nomem(f->err);
    if (f->units.count) qsort(f->units.items, f->units.count, sizeof(unit), by_version);
    for (size_t i = 0; i < f->units.count; i++) {
        const unit *u = &f->units.items[i];
        /* Older versions that an overwrite hasn't come to are nobody's any more. */
        if (overwrite && !u->loaded && u->version < f->upto) continue;
        if (count && silt_streq(files[count - 1].path, u->file.path)) continue;
        waits |= !u->loaded;
        files[count++] = u->file;
    }
    *out = (silt_found){.files = files, .count = count};
    if (!note || !f->load->tracker) return SILT_OK;
    SILT_TRY(forget(f, out));
    return !waits && f->idle >= 0 ? note_idle(f) : SILT_OK;
}

static silt_status open_source(finding *f, bool *there)
{
    const silt_config_feed *feed = f->table->feed;
    *there = false;
    SILT_TRY(silt_load_open_store(f->load, feed->path, &f->store, f->err));
    silt_status st = silt_snapshot_open(f->store, f->load->engine, NULL, &f->latest, f->err);
    if (st == SILT_NOT_FOUND && feed->of_pipeline) {
        *f->err = (silt_error){0};
        return SILT_OK;
    }
    if (st == SILT_NOT_FOUND)
        return silt_hint(f->err, silt_wrap(f->err, st, "table %s: its source", f->table->name),
                         "make the table, or correct source.path");
    if (st != SILT_OK) return silt_wrap(f->err, st, "table %s: its source", f->table->name);
    *there = true;
    return SILT_OK;
}

/* What there is beside the known ones, and where a load begins. */
static silt_status look_for_news(finding *f)
{
    int64_t base;
    SILT_TRY(check_history(f));
    if (f->table->strategy == SILT_STRATEGY_OVERWRITE) return add_snapshot(f);
    if (f->done_version >= 0) {
        drop_forgotten(f);
        return add_changes(f, f->done_version);
    }
    f->units.count = 0; /* nothing of it is loaded: what waited may wait no more */
    silt_map64_free(f->known);
    if (!(f->known = silt_map64_new())) return silt_fail_nomem(f->err);
    SILT_TRY(begin(f, &base));
    SILT_TRY(add_changes(f, base));
    f->idle = -1; /* where it began isn't known before something is loaded */
    return SILT_OK;
}

/* The source is read after the lane has left; the tracker is looked at before and after that. */
static silt_status find(finding *f, int64_t *latest, bool note, silt_found *out)
{
    bool there;
    silt_lane_leave(f->load);
    silt_status st = open_source(f, &there);
    silt_lane_enter(f->load);
    if (st != SILT_OK || !there) return st;
    const char *id = silt_snapshot_table_id(f->latest);
    snprintf(f->id, sizeof(f->id), "%016" PRIx64, silt_hash64(id, strlen(id)));
    f->upto = silt_snapshot_version(f->latest);
    if (latest && *latest >= 0 && *latest < f->upto) f->upto = *latest;
    if (latest) *latest = f->upto;
    if (f->load->tracker) SILT_TRY(take_known(f));
    silt_lane_leave(f->load);
    st = look_for_news(f);
    silt_lane_enter(f->load);
    return st == SILT_OK ? give(f, out, note) : st;
}

silt_status silt_feed_discover(silt_load *load, const silt_config_table *table, bool note,
                               int64_t *latest, silt_arena *arena, silt_found *out, silt_error *err)
{
    silt_error local = {0};
    SILT_CLEAN(finding)
    f = {.load = load,
         .table = table,
         .arena = arena,
         .commit = silt_arena_new(),
         .known = silt_map64_new(),
         .done_version = -1,
         .idle = -1,
         .err = err ? err : &local};
    if (!f.commit || !f.known) return silt_fail_nomem(err);
    *out = (silt_found){0};
    return find(&f, latest, note, out);
}
