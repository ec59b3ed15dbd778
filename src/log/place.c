/* Where a path of the log leads: into the table's store, or to another place of this machine. */
#include "log/log.h"

#include <strings.h>

static silt_status out_of_reach(const char *path, silt_error *err)
{
    silt_fail(err, SILT_UNSUPPORTED, "path \"%s\" is absolute, and out of the table's reach", path);
    return silt_hint(err, SILT_UNSUPPORTED,
                     "the table refers to files of another place (a shallow clone, or moved "
                     "files), which Silt can't get at from here");
}

/* What `path` has behind the folder `root`; NULL: it isn't in there. */
static const char *within(const char *path, const char *root)
{
    size_t size = strlen(root);
    while (size > 0 && root[size - 1] == '/')
        size--;
    if (strncmp(path, root, size) != 0 || path[size] != '/') return NULL;
    return path + size + 1;
}

/* Whether a part of it is "..". */
static bool climbs(const char *path)
{
    for (const char *part = path; *part;) {
        size_t size = strcspn(part, "/");
        if (size == 2 && part[0] == '.' && part[1] == '.') return true;
        part += size + (part[size] == '/');
    }
    return false;
}

static silt_status place_local(silt_store *store, const char *path, silt_arena *arena,
                               silt_place *out, silt_error *err)
{
    bool uri = path[0] != '/';
    /* A plain path is percent-encoded in the log, too. */
    const char *file = uri ? path : silt_arena_printf(arena, "file://%s", path);
    const char *local;
    if (!file) return silt_fail_nomem(err);
    silt_status st = silt_store_uri_path(file, arena, &local, err);
    if (st == SILT_NOMEM) return st;
    if (st != SILT_OK)
        return silt_wrap(err, st == SILT_INVALID ? SILT_CORRUPT : st, "path \"%s\"", path);
    if (local[0] != '/')
        return silt_fail(err, SILT_CORRUPT, "path \"%s\" is a URI of no absolute path", path);
    if (climbs(local)) return silt_fail(err, SILT_CORRUPT, "path \"%s\" has a \"..\" in it", path);

    if (!store->ops->local_path) return out_of_reach(path, err);
    const char *root = silt_store_local_path(store, "", arena);
    if (!root) return silt_fail_nomem(err);
    const char *key = within(local, root);
    if (key && silt_store_check_key(key, NULL) == SILT_OK)
        *out = (silt_place){.key = key};
    else
        *out = (silt_place){.local_path = local};
    return SILT_OK;
}

silt_status silt_path_place(silt_store *store, const char *path, silt_arena *arena, silt_place *out,
                            silt_error *err)
{
    const char *key;
    silt_status st = silt_path_decode(path, arena, &key, err);
    if (st == SILT_OK) *out = (silt_place){.key = key};
    if (st != SILT_UNSUPPORTED) return st;
    if (path[0] == '/' || strncasecmp(path, "file:", 5) == 0)
        return place_local(store, path, arena, out, err);
    const char *rest = store->uri ? within(path, store->uri) : NULL;
    if (!rest) return out_of_reach(path, err);
    SILT_TRY(silt_path_decode(rest, arena, &key, err));
    *out = (silt_place){.key = key};
    return SILT_OK;
}
