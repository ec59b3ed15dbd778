/* Opening checkpoints, and finding their sidecars. */
#include "log/checkpoint_open.h"

#include <errno.h>
#include <sys/stat.h>

#include "log/lines.h"

#define SIDECAR_DIR SILT_LOG_DIR "_sidecars/"

/* ---- values of flat columns */

bool silt_flat_text(const silt_flat_batch *batch, size_t column, size_t row, silt_bytes *out)
{
    if (!silt_flat_valid(&batch->columns[column], row)) return false;
    *out = batch->columns[column].texts[row];
    return true;
}

int64_t silt_flat_int(const silt_flat_batch *batch, size_t column, size_t row, int64_t fallback)
{
    if (!silt_flat_valid(&batch->columns[column], row)) return fallback;
    return batch->columns[column].ints[row];
}

silt_status silt_flat_copy_text(const silt_flat_batch *batch, size_t column, size_t row,
                                const char *fallback, silt_arena *arena, const char **out,
                                silt_error *err)
{
    silt_bytes text;
    *out = fallback;
    if (!silt_flat_text(batch, column, row, &text)) return SILT_OK;
    if (memchr(text.data, '\0', text.size))
        return silt_fail(err, SILT_CORRUPT, "\"%.*s\" has a NUL character", (int)text.size,
                         text.data);
    *out = silt_arena_strndup(arena, text.data, text.size);
    return *out ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_flat_json(const silt_flat_batch *batch, size_t column, size_t row,
                           silt_arena *arena, const silt_json **out, silt_error *err)
{
    silt_bytes text;
    *out = NULL;
    if (!silt_flat_text(batch, column, row, &text)) return SILT_OK;
    return silt_json_parse(text, arena, out, err);
}

/* ---- sidecars */

typedef struct sidecar {
    const char *key;
    int64_t size_bytes; /* -1: not said */
} sidecar;

typedef struct sidecars {
    silt_arena *arena;
    SILT_VEC(sidecar) found;
} sidecars;

static void sidecars_release(sidecars *s)
{
    silt_vec_free(&s->found);
}

/* The key of a sidecar. All of them reside in the table's own folder for them: of an absolute path,
 * which may tell where the table once was, the file's name is what counts. */
static silt_status sidecar_key(const char *path, silt_arena *arena, const char **out,
                               silt_error *err)
{
    const char *name = path, *last = strrchr(path, '/');
    if (path[0] == '/' || strstr(path, ":/")) name = last + 1;
    silt_status st = silt_path_decode(name, arena, &name, err);
    if (st != SILT_OK) return silt_wrap(err, st, "sidecar");
    *out = silt_arena_printf(arena, SIDECAR_DIR "%s", name);
    return *out ? SILT_OK : silt_fail_nomem(err);
}

static silt_status note_sidecar(sidecars *s, const char *path, int64_t size_bytes, silt_error *err)
{
    sidecar one = {.size_bytes = size_bytes};
    SILT_TRY(sidecar_key(path, s->arena, &one.key, err));
    return silt_vec_push(&s->found, one) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status sidecar_sink(void *ctx, const silt_flat_batch *b, silt_error *err)
{
    sidecars *s = ctx;
    for (size_t row = 0; row < b->row_count; row++) {
        const char *path;
        SILT_TRY(silt_flat_copy_text(b, 0, row, "", s->arena, &path, err));
        SILT_TRY(note_sidecar(s, path, silt_flat_int(b, 1, row, -1), err));
    }
    return SILT_OK;
}

static silt_status sidecars_of_json(const silt_log_checkpoint *c, sidecars *s, silt_error *err)
{
    silt_bytes line;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    for (size_t at = 0; silt_log_line_next(c->json, &at, &line);) {
        silt_action action;
        const silt_json *json;
        if (silt_log_line_kind(line) != SILT_ACTION_UNKNOWN) continue;
        silt_arena_reset(scratch);
        SILT_TRY(silt_log_checkpoint_line(c, line, scratch, &action, err));
        if (action.kind != SILT_ACTION_SIDECAR) continue;
        SILT_TRY(silt_json_parse(line, scratch, &json, err));
        json = silt_json_get(json, "sidecar");
        const char *path = silt_json_string(silt_json_get(json, "path"));
        if (!path) return silt_fail(err, SILT_CORRUPT, "%s: sidecar.path: is missing", c->json_key);
        SILT_TRY(note_sidecar(s, path, silt_json_int(silt_json_get(json, "sizeInBytes"), -1), err));
    }
    return SILT_OK;
}

static silt_status find_sidecars(const silt_log_checkpoint *c, sidecars *s, silt_error *err)
{
    static const silt_flat_column columns[] = {{"sidecar.path", SILT_FLAT_TEXT},
                                               {"sidecar.sizeInBytes", SILT_FLAT_INT}};
    static const size_t any_of[] = {0};
    if (c->json_key) return sidecars_of_json(c, s, err);
    if (c->own.count != 1) return SILT_OK; /* parts are never of the V2 form */
    return silt_log_checkpoint_flat(c, columns, SILT_COUNT(columns), any_of, 1, sidecar_sink, s,
                                    err);
}

static silt_status check_size(const char *local_path, const sidecar *s, silt_error *err)
{
    struct stat info;
    if (stat(local_path, &info) != 0) return silt_fail_errno(err, errno, "sidecar %s", s->key);
    if (s->size_bytes < 0 || info.st_size == s->size_bytes) return SILT_OK;
    return silt_fail(err, SILT_CORRUPT,
                     "sidecar %s has %" PRId64 " bytes, the checkpoint says %" PRId64, s->key,
                     (int64_t)info.st_size, s->size_bytes);
}

static silt_status open_sidecars(silt_store *store, silt_log_checkpoint *c, silt_error *err)
{
    SILT_CLEAN(sidecars) s = {.arena = c->arena};
    SILT_TRY(find_sidecars(c, &s, err));
    if (s.found.count == 0) return SILT_OK;
    const char **keys = silt_arena_calloc(c->arena, s.found.count, sizeof(*keys));
    if (!keys) return silt_fail_nomem(err);
    for (size_t i = 0; i < s.found.count; i++)
        keys[i] = s.found.items[i].key;
    silt_names names = {keys, s.found.count};
    silt_status st = silt_log_local_open(store, names, c->arena, &c->sidecars, err);
    if (st != SILT_OK) return silt_wrap(err, st, "sidecars");
    for (size_t i = 0; i < s.found.count; i++)
        SILT_TRY(check_size(c->sidecars.paths[i], &s.found.items[i], err));
    return SILT_OK;
}

/* ---- the checkpoint */

void silt_log_checkpoint_release(silt_log_checkpoint *checkpoint)
{
    silt_log_local_release(&checkpoint->own);
    silt_log_local_release(&checkpoint->sidecars);
    silt_arena_free(checkpoint->arena);
    *checkpoint = (silt_log_checkpoint){0};
}

silt_status silt_log_checkpoint_wrap(const silt_store *store, const silt_log_segment *segment,
                                     silt_status st, silt_error *err)
{
    if (st == SILT_OK) return SILT_OK;
    return silt_wrap(err, st, "%s: checkpoint %" PRId64, store->uri, segment->checkpoint_version);
}

static silt_status open_json(silt_store *store, const char *key, silt_log_checkpoint *c,
                             silt_error *err)
{
    silt_bytes line;
    size_t at = 0;
    c->json_key = key;
    SILT_TRY(silt_store_get_all(store, key, c->arena, &c->json, err));
    if (silt_log_line_next(c->json, &at, &line)) return SILT_OK;
    return silt_fail(err, SILT_CORRUPT, "%s is empty", key);
}

static silt_status open_all(silt_store *store, silt_engine *engine, silt_names keys,
                            bool with_sidecars, silt_log_checkpoint *c, silt_error *err)
{
    c->engine = engine;
    c->arena = silt_arena_new();
    if (!c->arena) return silt_fail_nomem(err);
    if (keys.count == 1 && silt_ends_with(keys.items[0], ".json"))
        SILT_TRY(open_json(store, keys.items[0], c, err));
    else
        SILT_TRY(silt_log_local_open(store, keys, c->arena, &c->own, err));
    return with_sidecars ? open_sidecars(store, c, err) : SILT_OK;
}

silt_status silt_log_checkpoint_sidecars(silt_store *store, silt_engine *engine, silt_names keys,
                                         silt_arena *arena, silt_names *out, silt_error *err)
{
    SILT_CLEAN(silt_log_checkpoint) c = {0};
    SILT_CLEAN(sidecars) s = {.arena = arena};
    SILT_TRY(open_all(store, engine, keys, false, &c, err));
    SILT_TRY(find_sidecars(&c, &s, err));
    const char **found = silt_arena_calloc(arena, s.found.count, sizeof(*found));
    if (!found) return silt_fail_nomem(err);
    for (size_t i = 0; i < s.found.count; i++)
        found[i] = s.found.items[i].key;
    *out = (silt_names){found, s.found.count};
    return SILT_OK;
}

silt_status silt_log_checkpoint_open(silt_store *store, silt_engine *engine,
                                     const silt_log_segment *segment, bool with_sidecars,
                                     silt_log_checkpoint *out, silt_error *err)
{
    SILT_CLEAN(silt_log_checkpoint) c = {0};
    silt_status st = open_all(store, engine, segment->checkpoint_keys, with_sidecars, &c, err);
    if (st != SILT_OK) return silt_log_checkpoint_wrap(store, segment, st, err);
    *out = c;
    c = (silt_log_checkpoint){0};
    return SILT_OK;
}

silt_status silt_log_checkpoint_flat(const silt_log_checkpoint *checkpoint,
                                     const silt_flat_column *columns, size_t column_count,
                                     const size_t *any_of, size_t any_count, silt_flat_sink *sink,
                                     void *ctx, silt_error *err)
{
    silt_log_local own = checkpoint->own, other = checkpoint->sidecars;
    if (own.count + other.count == 0) return SILT_OK;
    const char **paths =
        silt_arena_calloc(checkpoint->arena, own.count + other.count, sizeof(*paths));
    if (!paths) return silt_fail_nomem(err);
    for (size_t i = 0; i < own.count; i++)
        paths[i] = own.paths[i];
    for (size_t i = 0; i < other.count; i++)
        paths[own.count + i] = other.paths[i];
    return checkpoint->engine->ops->read_flat(checkpoint->engine, paths, own.count + other.count,
                                              columns, column_count, any_of, any_count, sink, ctx,
                                              err);
}

const char *silt_log_checkpoint_file(const silt_log_checkpoint *checkpoint, size_t index)
{
    const silt_log_local *own = &checkpoint->own, *other = &checkpoint->sidecars;
    if (index < own->count) return own->paths[index];
    if (index - own->count < other->count) return other->paths[index - own->count];
    return checkpoint->json_key;
}

silt_status silt_log_checkpoint_line(const silt_log_checkpoint *checkpoint, silt_bytes line,
                                     silt_arena *arena, silt_action *out, silt_error *err)
{
    silt_status st = silt_action_parse(line, arena, out, err);
    if (st == SILT_OK) return SILT_OK;
    return silt_wrap(err, st, "%s, line %zu", checkpoint->json_key,
                     silt_log_line_number(checkpoint->json, line));
}
