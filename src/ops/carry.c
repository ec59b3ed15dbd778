/* Files are carried by way of a scratch folder, so that a store's put_file() moves what is a copy
 * already. */
#include "ops/carry.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/sha256.h"
#include "store/local.h"

static silt_status copy_local(const char *from, const char *to, silt_error *err)
{
    SILT_CLEAN(silt_fd) fd = -1;
    int64_t size;
    int e = silt_local_open(from, &fd, &size);
    if (e) return silt_local_fail_source(e, from, err);
    e = silt_local_copy_file(fd, to);
    return e ? silt_local_fail_target(e, to, err) : SILT_OK;
}

static silt_status check_size(const char *name, const char *copy, int64_t size_bytes,
                              silt_error *err)
{
    struct stat s;
    if (stat(copy, &s) != 0) return silt_local_fail_target(errno, copy, err);
    if (size_bytes < 0 || s.st_size == size_bytes) return SILT_OK;
    return silt_fail(err, SILT_CORRUPT, "%s has %" PRId64 " bytes, the log says %" PRId64, name,
                     (int64_t)s.st_size, size_bytes);
}

silt_status silt_carry_file(silt_carry *c, const silt_place *place, const char *key,
                            int64_t size_bytes, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const char *copy =
        arena ? silt_arena_printf(arena, "%s/%" PRId64, c->scratch, c->count++) : NULL;
    if (!copy) return silt_fail_nomem(err);
    const char *name = place->key ? place->key : place->local_path;
    const char *local =
        place->key ? silt_store_local_path(c->from, place->key, arena) : place->local_path;
    silt_status st = local ? copy_local(local, copy, err)
                           : c->from->ops->get_file(c->from, place->key, copy, err);
    if (st == SILT_OK) st = check_size(name, copy, size_bytes, err);
    if (st == SILT_OK) st = c->to->ops->put_file(c->to, key, copy, err);
    if (st == SILT_OK) return SILT_OK;
    (void)unlink(copy);
    return silt_wrap(err, st, "copy of %s", name);
}

const char *silt_carry_distinct(const char *key, const char *of, silt_arena *arena)
{
    char hash[SILT_SHA256_SIZE];
    silt_sha256_hex(silt_bytes_of(of), hash);
    const char *slash = strrchr(key, '/'), *dot = strchr(slash ? slash : key, '.');
    int stem = dot ? (int)(dot - key) : (int)strlen(key);
    return silt_arena_printf(arena, "%.*s-%.16s%s", stem, key, hash, key + stem);
}

/* The files of a table's newest version; false: they can't be told. No table has none. */
static bool files_of(silt_store *table, silt_engine *engine, silt_map64 *paths,
                     silt_snapshot **snapshot)
{
    const silt_add *adds = NULL;
    size_t count = 0;
    bool found;
    silt_status st = silt_snapshot_open(table, engine, NULL, snapshot, NULL);
    if (st == SILT_NOT_FOUND) return true;
    if (st != SILT_OK || silt_snapshot_adds(*snapshot, &adds, &count, NULL) != SILT_OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        void **slot = silt_map64_slot(paths, adds[i].path, strlen(adds[i].path), &found);
        if (!slot) return false;
        *slot = paths; /* it is there */
    }
    return true;
}

void silt_carry_take_away(silt_store *to, silt_engine *engine, const char *const *keys,
                          size_t count)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_map64) paths = silt_map64_new();
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    if (!count || !arena || !paths || !files_of(to, engine, paths, &snapshot)) return;
    for (size_t i = 0; i < count; i++) {
        const char *path = silt_path_encode(keys[i], arena);
        bool named = true;
        if (path) named = silt_map64_get(paths, path, strlen(path)) != NULL;
        if (snapshot && silt_ends_with(keys[i], ".bin")) named = true; /* of deletion vectors */
        if (!named) (void)to->ops->remove(to, keys[i], NULL);
    }
}

/* A folder "column=value". */
static bool is_partition(const char *part, const silt_names *by)
{
    const char *equals = memchr(part, '=', strcspn(part, "/"));
    if (!equals || !strchr(equals, '/')) return false;
    for (size_t i = 0; by && i < by->count; i++)
        if (silt_starts_with(part, by->items[i]) && part + strlen(by->items[i]) == equals)
            return true;
    return !by;
}

bool silt_carry_is_hidden(const char *key, const silt_names *partition_by)
{
    for (const char *part = key; *part; part += part[0] == '/') {
        if ((*part == '_' || *part == '.') && !is_partition(part, partition_by)) return true;
        part += strcspn(part, "/");
    }
    return false;
}
