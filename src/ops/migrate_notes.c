/* Notes of what was migrated: _silt/migrate/<source>/<number>-<txn id>.json in the table's folder.
 *
 * Invariants
 *  (1) A note is durable before the commit that makes it valid: that has the app txn (app id,
 *      number), which only one commit can have.
 *  (2) Of several notes of one number, left by attempts that died or lost, the one that counts is
 *      its whose txn id stands in the commit. */
#include "base/json.h"
#include "ops/migrate_work.h"
#include "table/txn.h"

typedef struct note_listing {
    silt_migrating *m;
    SILT_VEC(const char *) keys;
    bool failed;
} note_listing;

static bool note_key(void *ctx, const silt_object *object)
{
    note_listing *l = ctx;
    const char *key = silt_arena_strdup(l->m->arena, object->key);
    l->failed = !key || !silt_vec_push(&l->keys, key);
    return !l->failed;
}

/* The number in a note's name; -1: it isn't one. */
static int64_t number_of(const silt_migrating *m, const char *key)
{
    char digits[24];
    const char *name = key + strlen(m->notes_dir);
    size_t size = strcspn(name, "-");
    int64_t number = -1;
    if (!size || size >= sizeof(digits) || !name[size]) return -1;
    memcpy(digits, name, size);
    digits[size] = '\0';
    return silt_parse_int64(digits, &number) ? number : -1;
}

static silt_status take_note(silt_migrating *m, const char *key)
{
    silt_bytes text;
    const silt_json *json;
    bool found;
    SILT_TRY(silt_store_get_all(m->to, key, m->arena, &text, m->err));
    silt_status st = silt_json_parse(text, m->arena, &json, m->err);
    if (st != SILT_OK) return silt_wrap(m->err, st, "%s", key);
    for (silt_json_iter it = silt_json_iter_of(silt_json_get(json, "files"));
         silt_json_next(&it);) {
        silt_migrating_file *file = silt_arena_calloc(m->arena, 1, sizeof(*file));
        if (!file) return silt_fail_nomem(m->err);
        file->key = silt_json_string(silt_json_get(it.value, "path"));
        file->size_bytes = silt_json_int(silt_json_get(it.value, "size"), -1);
        file->mtime_ms = silt_json_int(silt_json_get(it.value, "modificationTime"), -1);
        if (!file->key) return silt_fail(m->err, SILT_CORRUPT, "%s: a file without a path", key);
        void **slot = silt_map64_slot(m->noted, file->key, strlen(file->key), &found);
        if (!slot) return silt_fail_nomem(m->err);
        *slot = file;
        file->row_count = -1; /* not seen in the folder yet */
        if (!silt_vec_push(&m->notes, file)) return silt_fail_nomem(m->err);
    }
    return SILT_OK;
}

/* Which of several notes of a number the commit speaks of. */
static silt_status choose(silt_migrating *m, const note_listing *l, int64_t number,
                          const char **out)
{
    int64_t version;
    silt_commit_info info = {0};
    *out = NULL;
    SILT_TRY(silt_app_txn_find(m->before, m->app_id, number, &version, m->err));
    if (version >= 0) SILT_TRY(silt_log_commit_info(m->to, version, m->arena, &info, m->err));
    for (size_t i = 0; i < l->keys.count; i++)
        if (number_of(m, l->keys.items[i]) == number && info.txn_id &&
            strstr(l->keys.items[i], info.txn_id))
            *out = l->keys.items[i];
    return SILT_OK;
}

static silt_status take_number(silt_migrating *m, const note_listing *l, int64_t number)
{
    const char *note = NULL;
    size_t count = 0;
    for (size_t i = 0; i < l->keys.count; i++) {
        if (number_of(m, l->keys.items[i]) != number) continue;
        note = l->keys.items[i];
        count++;
    }
    if (count > 1) SILT_TRY(choose(m, l, number, &note));
    if (note) return take_note(m, note);
    silt_fail(m->err, SILT_NOT_FOUND,
              "which files migration %" PRId64 " of %s took can't be told any more: its note in "
              "%s is gone",
              number, m->from->uri, m->notes_dir);
    return silt_hint(m->err, SILT_NOT_FOUND, "new files can be added by `silt write`");
}

/* Take out of m->files what was migrated before. A file that has changed since is a problem. */
static silt_status sift(silt_migrating *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->files.count; i++) {
        silt_migrating_file file = m->files.items[i];
        silt_migrating_file *noted = silt_map64_get(m->noted, file.key, strlen(file.key));
        if (!noted) {
            m->files.items[kept++] = file;
            continue;
        }
        m->result.files_before++;
        noted->row_count = 0; /* it is still there */
        if (noted->size_bytes != file.size_bytes || noted->mtime_ms != file.mtime_ms)
            SILT_TRY(
                silt_migrating_problem(m, file.key, "it has changed since it was migrated before"));
    }
    m->files.count = kept;
    for (size_t i = 0; i < m->notes.count; i++)
        if (m->notes.items[i]->row_count < 0 && !silt_vec_push(&m->removed, m->notes.items[i]->key))
            return silt_fail_nomem(m->err);
    return SILT_OK;
}

silt_status silt_migrating_notes(silt_migrating *m)
{
    note_listing l = {.m = m};
    m->last = m->before ? silt_snapshot_app_version(m->before, m->app_id) : -1;
    m->noted = silt_map64_new();
    if (!m->noted) return silt_fail_nomem(m->err);
    silt_status st = m->last < 0
                         ? SILT_OK
                         : m->to->ops->list(m->to, m->notes_dir, NULL, false, note_key, &l, m->err);
    if (l.failed) st = silt_fail_nomem(m->err);
    for (int64_t n = 0; st == SILT_OK && n <= m->last; n++)
        st = take_number(m, &l, n);
    silt_vec_free(&l.keys);
    return st == SILT_OK ? sift(m) : st;
}

silt_status silt_migrating_note(silt_migrating *m, const char *txn_id)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    const char *key =
        silt_arena_printf(m->arena, "%s%" PRId64 "-%s.json", m->notes_dir, m->last + 1, txn_id);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "source", m->from->uri);
    silt_json_key(&w, "files");
    silt_json_begin_array(&w);
    for (size_t i = 0; i < m->files.count; i++) {
        const silt_migrating_file *f = &m->files.items[i];
        silt_json_begin_object(&w);
        silt_json_member_string(&w, "path", f->key);
        silt_json_member_int(&w, "size", f->size_bytes);
        silt_json_member_int(&w, "modificationTime", f->mtime_ms);
        silt_json_end_object(&w);
    }
    silt_json_end_array(&w);
    silt_json_end_object(&w);
    if (!key || buf.failed) return silt_fail_nomem(m->err);
    return m->to->ops->put(m->to, key, silt_buf_bytes(&buf), m->err);
}
