/* A folder of Parquet or CSV files as target: a table whose log is hidden (raw_store.h), and whose
 * files get their names after the commit that named them.
 *
 * Invariants
 *  (1) A name without a leading `_` is only ever given to a file that a commit has added, and only
 *      ever taken from one that a commit has removed.
 *  (2) Files are placed before others are taken away: no reader finds less than what was there.
 *  (3) Nothing is recorded as completed whose files aren't placed. */
#include "base/hash.h"
#include "base/type.h"
#include "load/load.h"
#include "load/raw_store.h"
#include "table/data.h"

#define PREFIX "part-" /* of the files that Silt names */

#define PROPERTIES "silt.raw."

struct silt_raw {
    int64_t placed;    /* all that commits up to this version have named is done; -1: not known */
    int64_t inspected; /* version at which all files were looked for; -1: never */
    size_t missing;    /* of these, how many were gone */
    char *first;       /* one of them */
    silt_arena *arena; /* of the text's columns; NULL: files are Parquet, or there are none */
    silt_raw_text text;
};

silt_status silt_target_raw_store(silt_load *load, silt_target *t, silt_store *folder,
                                  silt_error *err)
{
    silt_store *store = silt_raw_store_new(folder);
    t->raw = calloc(1, sizeof(*t->raw));
    if (!store || !t->raw) {
        silt_store_free(store ? store : folder);
        free(t->raw);
        return silt_fail_nomem(err);
    }
    *t->raw = (struct silt_raw){.placed = -1, .inspected = -1};
    t->raw->text = (silt_raw_text){
        .engine = load->engine,
        .form = {true, t->table->csv_delimiter, t->table->csv_gzip},
    };
    t->ops = &silt_target_raw;
    t->store = store;
    return SILT_OK;
}

static bool is_csv(const silt_target *t)
{
    return t->table->format == SILT_TARGET_CSV;
}

/* The columns of CSV files, which never change. */
static silt_status take_columns(silt_target *t, silt_error *err)
{
    struct silt_raw *raw = t->raw;
    if (!is_csv(t) || raw->arena) return SILT_OK;
    const silt_names *by = &silt_snapshot_state(t->snapshot)->metadata.partition_columns;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    const char **names = silt_arena_calloc(arena, by->count + 1, sizeof(*names));
    const silt_type *schema = silt_type_copy(silt_snapshot_schema(t->snapshot), arena);
    if (!names || !schema) return silt_fail_nomem(err);
    for (size_t i = 0; i < by->count; i++)
        if (!(names[i] = silt_arena_strdup(arena, by->items[i]))) return silt_fail_nomem(err);
    raw->text.schema = schema;
    raw->text.partition_by = names;
    raw->text.partition_count = by->count;
    raw->arena = SILT_TAKE(arena);
    silt_raw_store_be_text(t->store, &raw->text);
    return SILT_OK;
}

/* ---- what is there */

typedef struct entry {
    const char *key; /* in the folder */
    bool of_table;
} entry;

/* Files of the folder that Silt has named, or will. */
typedef struct folder {
    silt_target *target;
    silt_arena *arena;
    silt_map64 *by_key;
    SILT_VEC(entry *) entries;
    SILT_VEC(const char *) waiting; /* the table's, to be placed */
    bool failed;
} folder;

static void folder_release(folder *f)
{
    silt_vec_free(&f->entries);
    silt_vec_free(&f->waiting);
    if (f->by_key) silt_map64_free(f->by_key);
    if (f->arena) silt_arena_free(f->arena);
}

static bool note(void *ctx, const silt_object *object)
{
    folder *f = ctx;
    const char *slash = strrchr(object->key, '/'), *name = slash ? slash + 1 : object->key;
    if (!silt_starts_with(name, PREFIX)) return true;
    bool found, staged = silt_starts_with(object->key, SILT_RAW_STAGE);
    if (*object->key == '_' && !staged) return true;
    entry *e = silt_arena_calloc(f->arena, 1, sizeof(*e));
    if (e) e->key = silt_arena_strdup(f->arena, object->key);
    void **slot = e && e->key ? silt_map64_slot(f->by_key, e->key, strlen(e->key), &found) : NULL;
    f->failed = !slot || !silt_vec_push(&f->entries, e);
    if (!f->failed) *slot = e;
    return !f->failed;
}

static silt_status folder_init(folder *f, silt_target *t, silt_error *err)
{
    silt_store *store = silt_raw_store_folder(t->store);
    f->target = t;
    f->arena = silt_arena_new();
    f->by_key = silt_map64_new();
    if (!f->arena || !f->by_key) return silt_fail_nomem(err);
    SILT_TRY(store->ops->list(store, "", NULL, true, note, f, err));
    return f->failed ? silt_fail_nomem(err) : SILT_OK;
}

static entry *find(const folder *f, const char *key)
{
    return key ? silt_map64_get(f->by_key, key, strlen(key)) : NULL;
}

/* One file of the table: it has its name, or waits for it, or is gone. */
static silt_status look_at(folder *f, const char *key, silt_error *err)
{
    struct silt_raw *raw = f->target->raw;
    const char *name = silt_raw_name(f->target->store, key, f->arena);
    const char *stage = silt_raw_stage_key(key, f->arena);
    if (!name || !stage) return silt_fail_nomem(err);
    entry *placed = find(f, name), *staged = find(f, stage);
    if (placed) placed->of_table = true;
    if (staged && !silt_vec_push(&f->waiting, key)) return silt_fail_nomem(err);
    if (placed || staged || raw->missing++) return SILT_OK;
    raw->first = strdup(name);
    return raw->first ? SILT_OK : silt_fail_nomem(err);
}

/* All files of the table, with what the folder holds beside them. */
static silt_status inspect(folder *f, silt_target *t, silt_error *err)
{
    const silt_add *adds;
    size_t count;
    SILT_TRY(folder_init(f, t, err));
    SILT_TRY(silt_snapshot_adds_lean(t->snapshot, &adds, &count, err));
    free(t->raw->first);
    t->raw->first = NULL;
    t->raw->missing = 0;
    for (size_t i = 0; i < count; i++) {
        const char *key;
        SILT_TRY(silt_path_decode(adds[i].path, f->arena, &key, err));
        SILT_TRY(look_at(f, key, err));
    }
    t->raw->inspected = t->version;
    return SILT_OK;
}

/* ---- follow */

static silt_status place(silt_target *t, const char *const *keys, size_t count, silt_error *err)
{
    for (size_t i = 0; i < count; i++) /* what takes its time, before any reader sees a part */
        SILT_TRY(silt_raw_make_ready(t->store, keys[i], err));
    for (size_t i = 0; i < count; i++)
        SILT_TRY(silt_raw_place(t->store, keys[i], err));
    return SILT_OK;
}

/* What one commit has named: usually our own, a moment ago. */
static silt_status follow_commit(silt_target *t, int64_t version, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_action *actions;
    size_t count, added = 0;
    if (!arena) return silt_fail_nomem(err);
    SILT_TRY(silt_log_commit_read(t->store, version, arena, &actions, &count, err));
    const char **keys = silt_arena_calloc(arena, count + 1, sizeof(*keys));
    if (!keys) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        if (actions[i].kind == SILT_ACTION_ADD)
            SILT_TRY(silt_path_decode(actions[i].add.path, arena, &keys[added++], err));
    SILT_TRY(place(t, keys, added, err));
    for (size_t i = 0; i < count; i++) {
        const char *key;
        if (actions[i].kind != SILT_ACTION_REMOVE) continue;
        SILT_TRY(silt_path_decode(actions[i].remove.path, arena, &key, err));
        SILT_TRY(silt_raw_displace(t->store, key, err));
    }
    return SILT_OK;
}

/* Files that aren't the table's go where the log says that they were removed: a crash was faster,
 * or a power loss has brought them back. Others are left alone, also where they bear such a name.
 */
static silt_status displace_leftovers(silt_load *load, const folder *f, silt_error *err)
{
    silt_target *t = f->target;
    silt_log_segment segment;
    const silt_remove *removes;
    size_t count, leftovers = 0;
    for (size_t i = 0; i < f->entries.count; i++)
        leftovers += !f->entries.items[i]->of_table &&
                     !silt_starts_with(f->entries.items[i]->key, SILT_RAW_STAGE);
    if (!leftovers) return SILT_OK;
    SILT_TRY(silt_log_segment_load(t->store, t->version, f->arena, &segment, err));
    SILT_TRY(silt_log_tombstones_load(t->store, load->engine, &segment, INT64_MIN, f->arena,
                                      &removes, &count, err));
    for (size_t i = 0; i < count; i++) {
        const char *key;
        SILT_TRY(silt_path_decode(removes[i].path, f->arena, &key, err));
        const entry *e = find(f, silt_raw_name(t->store, key, f->arena));
        if (e && !e->of_table) SILT_TRY(silt_raw_displace(t->store, key, err));
    }
    return SILT_OK;
}

static silt_status follow_all(silt_load *load, silt_target *t, silt_error *err)
{
    SILT_CLEAN(folder) f = {0};
    SILT_TRY(inspect(&f, t, err));
    SILT_TRY(place(t, f.waiting.items, f.waiting.count, err));
    return displace_leftovers(load, &f, err);
}

/* A text may have been put back that a commit of meanwhile has removed, by us who were paused: what
 * came meanwhile is followed, too. Parquet needs none of it: its rename has no source any more. */
static silt_status follow_meanwhile(silt_target *t, silt_error *err)
{
    silt_status st = SILT_OK;
    silt_error none = {0};
    for (int64_t v = t->version + 1; is_csv(t) && st == SILT_OK; v++)
        st = follow_commit(t, v, &none);
    if (st == SILT_OK || st == SILT_NOT_FOUND) return SILT_OK;
    return silt_fail(err, st, "%s", none.message);
}

static silt_status follow(silt_load *load, silt_target *t, silt_error *err)
{
    silt_status st = SILT_OK;
    if (!t->snapshot || t->raw->placed == t->version) return SILT_OK;
    if (t->raw->placed < 0) {
        st = follow_all(load, t, err);
    } else {
        for (int64_t v = t->raw->placed + 1; st == SILT_OK && v <= t->version; v++)
            st = follow_commit(t, v, err);
        if (st == SILT_NOT_FOUND) st = follow_all(load, t, err); /* the log was cleaned up */
    }
    if (st == SILT_OK) st = follow_meanwhile(t, err);
    if (st != SILT_OK) return silt_wrap(err, st, "table %s: placing files", t->table->name);
    t->raw->placed = t->version;
    return SILT_OK;
}

/* ---- check */

static silt_status check(silt_load *load, silt_target *t, silt_error *err)
{
    SILT_TRY(silt_target_delta.check(load, t, err));
    if (t->raw->inspected < 0) {
        SILT_CLEAN(folder) f = {0};
        SILT_TRY(inspect(&f, t, err));
    }
    if (!t->raw->missing) return SILT_OK;
    silt_fail(err, SILT_INCONSISTENT, "table %s: %zu files of %s are gone, %s among them",
              t->table->name, t->raw->missing, t->store->uri, t->raw->first);
    return silt_hint(err, SILT_INCONSISTENT,
                     "bring them back, or load all files into a new folder; "
                     "files that Silt has written are only to be removed by Silt");
}

/* ---- what its files are stays as it was when the first came */

size_t silt_target_raw_properties(const silt_target *t, silt_pair *out)
{
    const silt_csv_form *form = &t->raw->text.form;
    size_t count = 0;
    out[count++] = (silt_pair){PROPERTIES "format", is_csv(t) ? "csv" : "parquet"};
    if (!is_csv(t)) return count;
    out[count++] = (silt_pair){PROPERTIES "delimiter", form->delimiter ? form->delimiter : ","};
    out[count++] = (silt_pair){PROPERTIES "compression", form->gzip ? "gzip" : "uncompressed"};
    return count;
}

static silt_status check_format(const silt_target *t, silt_error *err)
{
    silt_pair own[SILT_RAW_PROPERTIES];
    size_t count = silt_target_raw_properties(t, own);
    for (size_t i = 0; i < count; i++) {
        const char *there = silt_snapshot_property(t->snapshot, own[i].key);
        if (silt_streq(there, own[i].value)) continue;
        silt_fail(err, SILT_INVALID, "table %s: the files in %s have %s %s, not %s", t->table->name,
                  t->store->uri, own[i].key + strlen(PROPERTIES), there ? there : "unknown",
                  own[i].value);
        return silt_hint(err, SILT_INVALID, "give write.path a new folder, or write it as it was");
    }
    return SILT_OK;
}

static silt_status refresh(silt_load *load, silt_target *t, silt_error *err)
{
    SILT_TRY(silt_target_delta.refresh(load, t, err));
    if (!t->there) return SILT_OK;
    SILT_TRY(check_format(t, err));
    return take_columns(t, err);
}

/* ---- the rest is as with other tables */

static silt_status fence(silt_load *load, silt_target *t, int64_t number, silt_error *err)
{
    return silt_target_delta.fence(load, t, number, err);
}

static bool has_evidence(const silt_target *t)
{
    return silt_target_delta.has_evidence(t);
}

static silt_status evidence(silt_load *load, silt_target *t, int64_t after, int64_t until,
                            silt_arena *arena, const silt_evidence **out, size_t *count,
                            silt_error *err)
{
    return silt_target_delta.evidence(load, t, after, until, arena, out, count, err);
}

static silt_status writers(silt_load *load, silt_target *t, silt_arena *arena,
                           const silt_writer **out, size_t *count, silt_error *err)
{
    return silt_target_delta.writers(load, t, arena, out, count, err);
}

static silt_status count_rows(silt_load *load, silt_target *t, int64_t *out, silt_error *err)
{
    return silt_target_delta.count_rows(load, t, out, err);
}

static silt_status remove_rows(silt_load *load, silt_target *t, const silt_evidence *loaded,
                               size_t count, int64_t number, int64_t *rows, silt_error *err)
{
    return silt_target_delta.remove(load, t, loaded, count, number, rows, err);
}

typedef struct staged {
    silt_target *target;
    bool remove;
    silt_orphan_fn *fn;
    void *ctx;
} staged;

/* Text that waits although its Parquet is gone: somebody else was faster than who wrote it, and who
 * then ended. What is placed is called the same. */
static silt_status see_text(const staged *s, const silt_object *object, silt_error *err)
{
    const char *suffix = silt_raw_text_suffix(&s->target->raw->text);
    silt_store *plain = silt_raw_store_folder(s->target->store);
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_object text;
    bool waits;
    if (!is_csv(s->target) || !silt_ends_with(object->key, suffix)) return SILT_OK;
    const char *key = arena ? silt_raw_stage_key(object->key, arena) : NULL;
    if (!key) return silt_fail_nomem(err);
    const int stem = (int)(strlen(key) - strlen(suffix));
    const char *parquet = silt_arena_printf(arena, "%.*s.parquet", stem, key);
    if (!parquet) return silt_fail_nomem(err);
    silt_status st = plain->ops->head(plain, key, arena, &text, err);
    if (st == SILT_NOT_FOUND) return SILT_OK;
    if (st != SILT_OK) return st;
    if (text.mtime_ns != object->mtime_ns || text.size_bytes != object->size_bytes) return SILT_OK;
    SILT_TRY(silt_store_exists(plain, parquet, &waits, err));
    if (waits) return SILT_OK; /* it goes with that */
    if (s->remove) SILT_TRY(plain->ops->remove(plain, key, err));
    return s->fn(s->ctx, &text, err);
}

/* What stands in the folder itself is no business of ours, whatever it is called. */
static silt_status see_staged(void *ctx, const silt_object *object, silt_error *err)
{
    const staged *s = ctx;
    silt_store *store = s->target->store, *plain = silt_raw_store_folder(store);
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_object named = *object;
    bool there = false;
    if (!silt_ends_with(object->key, ".parquet")) return see_text(s, object, err);
    named.key = arena ? silt_raw_stage_key(object->key, arena) : NULL;
    if (!named.key) return silt_fail_nomem(err);
    SILT_TRY(silt_store_exists(plain, named.key, &there, err));
    if (!there) return SILT_OK;
    if (s->remove) SILT_TRY(store->ops->remove(store, object->key, err));
    if (s->remove && is_csv(s->target)) {
        const char *text = silt_raw_name(store, object->key, arena);
        if (!text) return silt_fail_nomem(err);
        SILT_TRY(store->ops->remove(store, text, err));
    }
    return s->fn(s->ctx, &named, err);
}

static silt_status orphans(silt_load *load, silt_target *t, bool remove, silt_orphan_fn *fn,
                           void *ctx, silt_error *err)
{
    staged s = {t, remove, fn, ctx};
    const silt_orphans_spec spec = {.before_ms = silt_target_abandoned_ms(load, t), .ever = true};
    return silt_orphans_find(t->snapshot, &spec, see_staged, &s, err);
}

static void clean(silt_load *load, silt_target *t, const char *attempt)
{
    silt_target_delta.clean(load, t, attempt);
}

static void maintain(silt_load *load, silt_target *t)
{
    silt_target_delta.maintain(load, t);
}

static void release(silt_target *t)
{
    silt_target_delta.release(t);
    if (t->raw->arena) silt_arena_free(t->raw->arena);
    free(t->raw->first);
    free(t->raw);
}

const silt_target_ops silt_target_raw = {.refresh = refresh,
                                         .fence = fence,
                                         .check = check,
                                         .has_evidence = has_evidence,
                                         .evidence = evidence,
                                         .writers = writers,
                                         .count_rows = count_rows,
                                         .columns = silt_target_columns,
                                         .type_name = silt_target_type_name,
                                         .remove = remove_rows,
                                         .follow = follow,
                                         .orphans = orphans,
                                         .clean = clean,
                                         .maintain = maintain,
                                         .release = release};
