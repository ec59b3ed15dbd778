/* Names of a table's objects ↔ names in a folder of raw files. */
#include "load/raw_store.h"

#include <stdio.h>
#include <unistd.h>

#include "base/seam.h"
#include "log/log.h"
#include "table/data.h"

#define LOG "_silt/log/"
#define OWN "_silt/"

typedef struct raw_store {
    silt_store base;
    silt_store_ops ops; /* of this one: whether it has local paths depends on the folder's */
    silt_store *folder;
    bool is_text;
    silt_raw_text text;
} raw_store;

static raw_store *self(silt_store *store)
{
    return (raw_store *)store;
}

silt_store *silt_raw_store_folder(silt_store *store)
{
    return self(store)->folder;
}

void silt_raw_store_be_text(silt_store *store, const silt_raw_text *text)
{
    self(store)->is_text = true;
    self(store)->text = *text;
}

const char *silt_raw_stage_key(const char *key, silt_arena *arena)
{
    return silt_arena_printf(arena, SILT_RAW_STAGE "%s", key);
}

/* ---- names */

const char *silt_raw_name(silt_store *store, const char *key, silt_arena *arena)
{
    static const char suffix[] = ".parquet";
    const raw_store *s = self(store);
    if (!s->is_text || !silt_ends_with(key, suffix)) return silt_arena_strdup(arena, key);
    return silt_arena_printf(arena, "%.*s%s", (int)(strlen(key) - strlen(suffix)), key,
                             silt_raw_text_suffix(&s->text));
}

static bool is_data(const char *key)
{
    return !silt_starts_with(key, SILT_LOG_DIR) && !silt_starts_with(key, OWN);
}

/* Where an object is put. */
static silt_status put_key(const char *key, silt_arena *arena, const char **out, silt_error *err)
{
    const char *to = key;
    if (silt_starts_with(key, SILT_LOG_DIR))
        to = silt_arena_printf(arena, LOG "%s", key + strlen(SILT_LOG_DIR));
    else if (is_data(key))
        to = silt_raw_stage_key(key, arena);
    if (!to) return silt_fail_nomem(err);
    *out = to;
    return SILT_OK;
}

/* Where it stands: a data file that is nowhere has the name it would be put by. */
static silt_status find_key(silt_store *store, const char *key, silt_arena *arena, const char **out,
                            bool *placed, silt_error *err)
{
    silt_store *folder = self(store)->folder;
    *placed = false;
    SILT_TRY(silt_store_check_key(key, err));
    if (is_data(key)) {
        *out = silt_raw_name(store, key, arena);
        if (!*out) return silt_fail_nomem(err);
        SILT_TRY(silt_store_exists(folder, *out, placed, err));
        if (*placed) return SILT_OK;
    }
    return put_key(key, arena, out, err);
}

/* ---- operations */

static silt_status raw_get(silt_store *store, const char *key, int64_t offset, int64_t length,
                           silt_arena *arena, silt_bytes *out, silt_error *err)
{
    silt_store *folder = self(store)->folder;
    bool placed;
    SILT_TRY(find_key(store, key, arena, &key, &placed, err));
    return folder->ops->get(folder, key, offset, length, arena, out, err);
}

static silt_status raw_head(silt_store *store, const char *key, silt_arena *arena, silt_object *out,
                            silt_error *err)
{
    silt_store *folder = self(store)->folder;
    const char *at, *name = key;
    bool placed;
    SILT_TRY(find_key(store, key, arena, &at, &placed, err));
    SILT_TRY(folder->ops->head(folder, at, arena, out, err));
    out->key = name;
    return SILT_OK;
}

typedef silt_status put_fn(silt_store *, const char *key, silt_bytes body, silt_error *);

static silt_status put_with(silt_store *store, put_fn *put, const char *key, silt_bytes body,
                            silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    SILT_TRY(silt_store_check_key(key, err));
    SILT_TRY(put_key(key, arena, &key, err));
    return put(self(store)->folder, key, body, err);
}

static silt_status raw_put(silt_store *store, const char *key, silt_bytes body, silt_error *err)
{
    return put_with(store, self(store)->folder->ops->put, key, body, err);
}

static silt_status raw_put_hint(silt_store *store, const char *key, silt_bytes body,
                                silt_error *err)
{
    return put_with(store, self(store)->folder->ops->put_hint, key, body, err);
}

static silt_status raw_put_new(silt_store *store, const char *key, silt_bytes body, silt_error *err)
{
    return put_with(store, self(store)->folder->ops->put_new, key, body, err);
}

/* Here the folders are all that tells the values of partition columns. */
static silt_status check_folders(const char *key, silt_error *err)
{
    for (const char *part = key, *end; (end = strchr(part, '/')); part = end + 1) {
        if (memchr(part, '=', (size_t)(end - part))) continue;
        silt_fail(err, SILT_BAD_DATA,
                  "a value of a partition column is too long for the name of a folder, which has "
                  "%d bytes at most",
                  SILT_PATH_NAME_MAX);
        return silt_hint(err, SILT_BAD_DATA,
                         "partition_by another column, or write a Delta table, whose log has the "
                         "values");
    }
    return SILT_OK;
}

static silt_status raw_put_file(silt_store *store, const char *key, const char *local_path,
                                silt_error *err)
{
    silt_store *folder = self(store)->folder;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    SILT_TRY(silt_store_check_key(key, err));
    if (is_data(key)) SILT_TRY(check_folders(key, err));
    SILT_TRY(put_key(key, arena, &key, err));
    return folder->ops->put_file(folder, key, local_path, err);
}

static silt_status read_text(raw_store *s, const char *key, const char *local_path,
                             silt_arena *arena, silt_error *err)
{
    silt_store *folder = s->folder;
    const char *csv = silt_store_local_path(folder, key, arena);
    if (csv) return silt_raw_text_read(&s->text, csv, local_path, err);
    csv = silt_arena_printf(arena, "%s%s", local_path, silt_raw_text_suffix(&s->text));
    if (!csv) return silt_fail_nomem(err);
    SILT_TRY(folder->ops->get_file(folder, key, csv, err));
    silt_status st = silt_raw_text_read(&s->text, csv, local_path, err);
    (void)unlink(csv);
    return st;
}

static silt_status raw_get_file(silt_store *store, const char *key, const char *local_path,
                                silt_error *err)
{
    silt_store *folder = self(store)->folder;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    bool placed;
    if (!arena) return silt_fail_nomem(err);
    SILT_TRY(find_key(store, key, arena, &key, &placed, err));
    if (placed && self(store)->is_text) return read_text(self(store), key, local_path, arena, err);
    return folder->ops->get_file(folder, key, local_path, err);
}

/* Of a data file only what isn't placed: what a commit has named goes by silt_raw_displace(). */
static silt_status raw_remove(silt_store *store, const char *key, silt_error *err)
{
    silt_store *folder = self(store)->folder;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    SILT_TRY(silt_store_check_key(key, err));
    SILT_TRY(put_key(key, arena, &key, err));
    return folder->ops->remove(folder, key, err);
}

static const char *raw_local_path(silt_store *store, const char *key, silt_arena *arena)
{
    silt_store *folder = self(store)->folder;
    silt_error harmless = {0};
    if (*key && is_data(key)) {
        const char *name = silt_raw_name(store, key, arena);
        const char *placed = name ? silt_store_local_path(folder, name, arena) : NULL;
        if (!placed) return NULL;
        if (access(placed, F_OK) == 0) return self(store)->is_text ? NULL : placed;
    }
    if (*key && put_key(key, arena, &key, &harmless) != SILT_OK) return NULL;
    return silt_store_local_path(folder, key, arena);
}

/* ---- listings */

typedef struct listing {
    silt_list_fn *fn;
    void *ctx;
    bool failed; /* a name that is too long */
} listing;

static bool list_one(void *ctx, const silt_object *object)
{
    listing *l = ctx;
    silt_object named = *object;
    char key[4096];
    if (silt_starts_with(object->key, LOG)) {
        int n = snprintf(key, sizeof(key), "%s%s", SILT_LOG_DIR, object->key + strlen(LOG));
        l->failed = n < 0 || (size_t)n >= sizeof(key);
        if (l->failed) return false;
        named.key = key;
    } else if (silt_starts_with(object->key, SILT_RAW_STAGE)) {
        named.key = object->key + strlen(SILT_RAW_STAGE);
    }
    return l->fn(l->ctx, &named);
}

static silt_status raw_list(silt_store *store, const char *prefix, const char *start_after,
                            bool recursive, silt_list_fn *fn, void *ctx, silt_error *err)
{
    silt_store *folder = self(store)->folder;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    listing l = {.fn = fn, .ctx = ctx};
    if (silt_starts_with(prefix, SILT_LOG_DIR)) {
        const size_t skip = strlen(SILT_LOG_DIR);
        prefix = silt_arena_printf(arena, LOG "%s", prefix + skip);
        if (start_after && silt_starts_with(start_after, SILT_LOG_DIR)) {
            start_after = silt_arena_printf(arena, LOG "%s", start_after + skip);
            if (!start_after) return silt_fail_nomem(err);
        } else if (start_after && strcmp(start_after, SILT_LOG_DIR) > 0) {
            return SILT_OK; /* the log is before that */
        } else {
            start_after = NULL;
        }
        if (!prefix) return silt_fail_nomem(err);
    }
    SILT_TRY(folder->ops->list(folder, prefix, start_after, recursive, list_one, &l, err));
    return l.failed ? silt_fail(err, SILT_IO, "%s: a name is too long", store->uri) : SILT_OK;
}

static void raw_free(silt_store *store)
{
    silt_store_free(self(store)->folder);
    free(store);
}

silt_store *silt_raw_store_new(silt_store *below)
{
    static const silt_store_ops ops = {
        .get = raw_get,
        .list = raw_list,
        .head = raw_head,
        .put = raw_put,
        .put_hint = raw_put_hint,
        .put_new = raw_put_new,
        .put_file = raw_put_file,
        .get_file = raw_get_file,
        .remove = raw_remove,
        .free = raw_free,
    };
    raw_store *s = calloc(1, sizeof(*s));
    if (!s) return NULL;
    s->ops = ops;
    s->ops.kind = below->ops->kind;
    s->ops.local_path = below->ops->local_path ? raw_local_path : NULL;
    s->base = (silt_store){&s->ops, below->uri};
    s->folder = below;
    return &s->base;
}

/* ---- committed files */

/* A rename; a store without local paths has none: a copy first, then the old one goes. NOT_FOUND is
 * fine: somebody else was here. */
static silt_status move(silt_store *folder, const char *from, const char *to, silt_arena *arena,
                        silt_error *err)
{
    const char *local = silt_store_local_path(folder, from, arena), *scratch = NULL;
    if (!local) {
        SILT_TRY(silt_scratch_make(folder, "place", arena, &scratch, err));
        local = silt_arena_printf(arena, "%s/file", scratch);
    }
    silt_status st = local ? SILT_OK : silt_fail_nomem(err);
    if (st == SILT_OK && scratch) st = folder->ops->get_file(folder, from, local, err);
    if (st == SILT_OK) st = folder->ops->put_file(folder, to, local, err);
    if (st == SILT_OK && scratch) st = folder->ops->remove(folder, from, err);
    silt_scratch_remove(scratch);
    return st == SILT_NOT_FOUND ? SILT_OK : st;
}

/* What a file is called while it waits, as Parquet and as it is to be. */
typedef struct waiting {
    const char *name, *parquet, *ready;
} waiting;

static silt_status waiting_of(silt_store *store, const char *key, silt_arena *arena, waiting *out,
                              silt_error *err)
{
    *out = (waiting){0};
    out->name = arena ? silt_raw_name(store, key, arena) : NULL;
    if (!out->name) return silt_fail_nomem(err);
    out->parquet = silt_raw_stage_key(key, arena);
    out->ready = silt_raw_stage_key(out->name, arena);
    return out->parquet && out->ready ? SILT_OK : silt_fail_nomem(err);
}

/* In a folder of its own: somebody else may be at the same file. */
static silt_status write_text(raw_store *s, const waiting *w, silt_arena *arena, silt_error *err)
{
    silt_store *folder = s->folder;
    char id[SILT_UUID_SIZE];
    const char *scratch;
    silt_uuid(NULL, id);
    SILT_TRY(silt_scratch_make(folder, id, arena, &scratch, err));
    const char *parquet = silt_arena_printf(arena, "%s/rows.parquet", scratch);
    const char *csv =
        silt_arena_printf(arena, "%s/rows%s", scratch, silt_raw_text_suffix(&s->text));
    silt_status st = parquet && csv ? SILT_OK : silt_fail_nomem(err);
    if (st == SILT_OK) st = folder->ops->get_file(folder, w->parquet, parquet, err);
    if (st == SILT_OK) st = silt_raw_text_write(&s->text, parquet, csv, err);
    bool waits = false; /* else it was placed or displaced meanwhile, by somebody who was faster */
    if (st == SILT_OK) st = silt_store_exists(folder, w->parquet, &waits, err);
    if (st == SILT_OK && waits) st = folder->ops->put_file(folder, w->ready, csv, err);
    silt_scratch_remove(scratch);
    return st == SILT_NOT_FOUND ? SILT_OK : st;
}

silt_status silt_raw_make_ready(silt_store *store, const char *key, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    waiting w;
    if (!self(store)->is_text) return SILT_OK;
    SILT_TRY(waiting_of(store, key, arena, &w, err));
    return write_text(self(store), &w, arena, err);
}

silt_status silt_raw_place(silt_store *store, const char *key, silt_error *err)
{
    silt_store *folder = self(store)->folder;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    waiting w;
    SILT_TRY(waiting_of(store, key, arena, &w, err));
    SILT_TRY(move(folder, w.ready, w.name, arena, err));
    if (!self(store)->is_text) return SILT_OK;
    bool placed;
    SILT_TRY(silt_store_exists(folder, w.name, &placed, err));
    return placed ? folder->ops->remove(folder, w.parquet, err) : SILT_OK;
}

silt_status silt_raw_displace(silt_store *store, const char *key, silt_error *err)
{
    silt_store *folder = self(store)->folder;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    waiting w;
    SILT_TRY(waiting_of(store, key, arena, &w, err));
    SILT_TRY(folder->ops->remove(folder, w.parquet, err));
    SILT_TRY(folder->ops->remove(folder, w.ready, err));
    return folder->ops->remove(folder, w.name, err);
}
