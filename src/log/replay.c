/* Replay: which files are in the table, and which were taken out of it.
 *
 * Invariants
 *  (1) Actions are met newest first: the first that names a logical file (path and deletion vector)
 * decides it. (2) Paths are compared as what they mean, not as they're written
 * (silt_path_canonical()). (3) The set holds what the commits named; a checkpoint names a file once
 * and only asks. So its size goes with the tail, not with the table. */
#include "log/replay.h"

#include "base/hash.h"
#include "log/ahead.h"
#include "log/lines.h"
#include "log/state.h"

typedef struct replay {
    silt_log_replay *io;
    silt_arena *arena;   /* results */
    silt_arena *keys;    /* keys of the set which aren't part of a result */
    silt_arena *scratch; /* one line, or one row */
    silt_map64 *seen;
    SILT_VEC(silt_add) adds;
    SILT_VEC(silt_remove) removes;
} replay;

static void replay_release(replay *r)
{
    silt_arena_free(r->keys);
    silt_arena_free(r->scratch);
    silt_map64_free(r->seen);
    silt_vec_free(&r->adds);
    silt_vec_free(&r->removes);
}

/* What a logical file is looked up by; may point to `path`, else lives in `scratch`. */
static bool file_key(const char *path, const silt_dv *dv, silt_arena *scratch, silt_bytes *out)
{
    const char *canonical = silt_path_canonical(path, scratch);
    if (!canonical) return false;
    size_t path_size = strlen(canonical);
    *out = (silt_bytes){canonical, path_size};
    if (!dv) return true;
    const char *id = silt_dv_unique_id(dv, scratch);
    size_t id_size = id ? strlen(id) : 0;
    char *key = id ? silt_arena_alloc(scratch, path_size + 1 + id_size) : NULL;
    if (!key) return false;
    memcpy(key, canonical, path_size);
    key[path_size] = '\0';
    memcpy(key + path_size + 1, id, id_size);
    *out = (silt_bytes){key, path_size + 1 + id_size};
    return true;
}

/* Put a key into the set that isn't in it; `stays` says whether its bytes outlive this line. */
static bool claim(replay *r, silt_bytes key, bool stays)
{
    bool found;
    const char *kept = stays ? key.data : silt_arena_strndup(r->keys, key.data, key.size);
    void **slot = kept ? silt_map64_slot(r->seen, kept, key.size, &found) : NULL;
    if (!slot) return false;
    *slot = r;
    return true;
}

static bool apply_add(replay *r, const silt_add *add)
{
    silt_bytes key;
    if (!file_key(add->path, add->dv, r->scratch, &key)) return false;
    if (silt_map64_get(r->seen, key.data, key.size)) return true;
    if (!r->io->want_files) return claim(r, key, false);

    const silt_add *last = r->adds.count ? &r->adds.items[r->adds.count - 1] : NULL;
    silt_add wanted = *add, copy;
    if (!r->io->want_details) wanted.tags = NULL;
    if (!r->io->want_details && !r->io->show) wanted.stats = NULL;
    if (!silt_add_copy_like(&wanted, last, r->arena, &copy)) return false;
    bool is_path = key.data == add->path; /* then the copy of the path will do */
    if (is_path) key.data = copy.path;
    return claim(r, key, is_path) && silt_vec_push(&r->adds, copy);
}

static bool apply_remove(replay *r, const silt_remove *remove)
{
    silt_bytes key;
    if (!file_key(remove->path, remove->dv, r->scratch, &key)) return false;
    if (silt_map64_get(r->seen, key.data, key.size)) return true;
    if (!claim(r, key, false)) return false;
    if (!r->io->want_tombstones || remove->deletion_time_ms <= r->io->older_than_ms) return true;
    silt_remove copy;
    return silt_remove_copy(remove, r->arena, &copy) && silt_vec_push(&r->removes, copy);
}

/* Turn the items from `first` on around. */
#define REVERSE(type, items, first, count)                                   \
    for (size_t low_ = (first), high_ = (count); low_ + 1 < high_; low_++) { \
        type kept_ = (items)[low_];                                          \
        (items)[low_] = (items)[--high_];                                    \
        (items)[high_] = kept_;                                              \
    }

static silt_status apply_action(replay *r, const silt_action *action, silt_error *err)
{
    bool ok = true;
    if (action->kind == SILT_ACTION_ADD) ok = apply_add(r, &action->add);
    if (action->kind == SILT_ACTION_REMOVE) ok = apply_remove(r, &action->remove);
    return ok ? SILT_OK : silt_fail_nomem(err);
}

static silt_status apply_lines(replay *r, const silt_log_ahead_commit *c, silt_error *err)
{
    silt_bytes line;
    for (size_t at = c->text.size; silt_log_line_before(c->text, &at, &line);) {
        silt_action action;
        silt_arena_reset(r->scratch);
        SILT_TRY(silt_log_line_parse(c->version, c->text, line, r->scratch, &action, err));
        SILT_TRY(apply_action(r, &action, err));
    }
    return SILT_OK;
}

/* Within a commit too the later line wins, should it name a file twice; the results keep the lines'
 * order. */
static silt_status apply_commit(replay *r, const silt_log_ahead_commit *c, silt_error *err)
{
    size_t first_add = r->adds.count, first_remove = r->removes.count;
    if (!c->actions) SILT_TRY(apply_lines(r, c, err));
    for (size_t i = c->count; i-- > 0;) {
        silt_arena_reset(r->scratch);
        SILT_TRY(apply_action(r, &c->actions[i], err));
    }
    REVERSE(silt_add, r->adds.items, first_add, r->adds.count);
    REVERSE(silt_remove, r->removes.items, first_remove, r->removes.count);
    return SILT_OK;
}

static silt_status apply_commits(replay *r, silt_store *store, const silt_log_segment *segment,
                                 silt_error *err)
{
    SILT_AUTO(silt_log_ahead) ahead = NULL;
    SILT_TRY(silt_log_ahead_open(store, segment, &ahead, err));
    for (;;) {
        bool more;
        silt_log_ahead_commit commit;
        SILT_TRY(silt_log_ahead_next(ahead, &more, &commit, err));
        if (!more) return SILT_OK;
        SILT_TRY(apply_commit(r, &commit, err));
    }
}

static silt_status is_wanted(void *ctx, const char *path, const silt_dv *dv, bool *out,
                             silt_error *err)
{
    replay *r = ctx;
    silt_bytes key;
    silt_arena_reset(r->scratch);
    if (!file_key(path, dv, r->scratch, &key)) return silt_fail_nomem(err);
    *out = silt_map64_get(r->seen, key.data, key.size) == NULL;
    return SILT_OK;
}

static silt_status finish(replay *r, const silt_log_checkpoint_files *checkpoint, silt_error *err)
{
    silt_log_replay *io = r->io;
    silt_log_files files = {checkpoint->adds, r->adds.count + checkpoint->add_count, 0};
    if (r->adds.count)
        memcpy(checkpoint->adds, r->adds.items, r->adds.count * sizeof(*checkpoint->adds));
    for (size_t i = 0; i < files.count; i++)
        if (__builtin_add_overflow(files.size_bytes, files.items[i].size_bytes, &files.size_bytes))
            return silt_fail(err, SILT_CORRUPT,
                             "the sizes of the files add up to more than can be");

    size_t count = r->removes.count + checkpoint->remove_count;
    silt_remove *removes = silt_arena_calloc(r->arena, count, sizeof(*removes));
    if (!removes) return silt_fail_nomem(err);
    if (r->removes.count) memcpy(removes, r->removes.items, r->removes.count * sizeof(*removes));
    if (checkpoint->remove_count)
        memcpy(removes + r->removes.count, checkpoint->removes,
               checkpoint->remove_count * sizeof(*removes));
    io->files = files;
    io->tombstones = removes;
    io->tombstone_count = count;
    return SILT_OK;
}

silt_status silt_log_replay_load(silt_store *store, silt_engine *engine,
                                 const silt_log_segment *segment, silt_arena *arena,
                                 silt_log_replay *io, silt_error *err)
{
    __attribute__((cleanup(replay_release))) replay r = {.io = io,
                                                         .arena = arena,
                                                         .keys = silt_arena_new(),
                                                         .scratch = silt_arena_new(),
                                                         .seen = silt_map64_new()};
    if (!r.keys || !r.scratch || !r.seen) return silt_fail_nomem(err);
    SILT_TRY(apply_commits(&r, store, segment, err));
    for (size_t i = 0; io->show && i < r.adds.count; i++)
        SILT_TRY(io->show(io->show_ctx, i, &r.adds.items[i], err));
    silt_log_checkpoint_files checkpoint = {
        .wanted = silt_map64_count(r.seen) ? is_wanted : NULL,
        .ctx = &r,
        .want_adds = io->want_files,
        .want_removes = io->want_tombstones,
        .want_details = io->want_details,
        .show = io->show,
        .show_ctx = io->show_ctx,
        .older_than_ms = io->older_than_ms,
        .room = r.adds.count,
    };
    SILT_TRY(silt_log_checkpoint_files_load(store, engine, segment, arena, &checkpoint, err));
    return finish(&r, &checkpoint, err);
}

silt_status silt_log_replay_around(silt_store *store, silt_engine *engine,
                                   const silt_log_segment *segment, silt_arena *arena,
                                   silt_log_replay *io, silt_error *err)
{
    silt_log_segment at = *segment;
    silt_status st = silt_log_replay_load(store, engine, &at, arena, io, err), first = st;
    while (st != SILT_OK && silt_log_segment_other(store, &at, st, arena, &at))
        st = silt_log_replay_load(store, engine, &at, arena, io, NULL);
    if (st != SILT_OK) return first;
    if (first != SILT_OK && err) *err = (silt_error){0};
    return SILT_OK;
}

silt_status silt_log_files_load(silt_store *store, silt_engine *engine,
                                const silt_log_segment *segment, bool details, silt_arena *arena,
                                silt_log_files *out, silt_error *err)
{
    silt_log_replay wanted = {.want_files = true, .want_details = details};
    SILT_TRY(silt_log_replay_load(store, engine, segment, arena, &wanted, err));
    *out = wanted.files;
    return SILT_OK;
}

silt_status silt_log_files_show(silt_store *store, silt_engine *engine,
                                const silt_log_segment *segment, silt_log_file_fn *fn, void *ctx,
                                silt_arena *arena, silt_log_files *out, silt_error *err)
{
    silt_log_replay wanted = {.want_files = true, .show = fn, .show_ctx = ctx};
    SILT_TRY(silt_log_replay_load(store, engine, segment, arena, &wanted, err));
    *out = wanted.files;
    return SILT_OK;
}

silt_status silt_log_tombstones_load(silt_store *store, silt_engine *engine,
                                     const silt_log_segment *segment, int64_t older_than_ms,
                                     silt_arena *arena, const silt_remove **out, size_t *count,
                                     silt_error *err)
{
    silt_log_replay wanted = {.want_tombstones = true, .older_than_ms = older_than_ms};
    SILT_TRY(silt_log_replay_around(store, engine, segment, arena, &wanted, err));
    *out = wanted.tombstones;
    *count = wanted.tombstone_count;
    return SILT_OK;
}
