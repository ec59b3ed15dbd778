/* Files are carried by way of a scratch folder, so that a store's put_file() moves what is a copy
 * already. */
#include "ops/carry.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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

const char *silt_carry_name(const char *key, const char *attempt, const char *name,
                            silt_arena *arena)
{
    const char *slash = strrchr(key, '/');
    int folder = slash ? (int)(slash - key) + 1 : 0;
    return silt_arena_printf(arena, "%.*spart-%s-%s", folder, key, attempt, name);
}

void silt_carry_take_away(silt_store *to, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)to->ops->remove(to, keys[i], NULL);
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

bool silt_carry_is_linked(silt_store *store, const char *key, silt_arena *scratch)
{
    char *path = (char *)silt_store_local_path(store, key, scratch);
    struct stat st;
    if (!path) return false;
    for (size_t at = strlen(path), end = at - strlen(key);;) {
        if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) return true;
        while (at > end && path[at] != '/')
            at--;
        if (at <= end) return false;
        path[at] = '\0';
    }
}
