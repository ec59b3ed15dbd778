/* Bringing a checkpoint's files to where the engine can read them. */
#include "log/checkpoint_local.h"

#include <errno.h>
#include <unistd.h>

/* Paths in the store itself; `*out` NULL where it has none. */
static silt_status store_paths(silt_store *store, silt_names keys, silt_arena *arena,
                               const char *const **out, silt_error *err)
{
    const char **paths = silt_arena_calloc(arena, keys.count, sizeof(*paths));
    if (!paths) return silt_fail_nomem(err);
    *out = NULL;
    if (!store->ops->local_path) return SILT_OK;
    for (size_t i = 0; i < keys.count; i++) {
        paths[i] = silt_store_local_path(store, keys.items[i], arena);
        if (!paths[i]) return SILT_OK;
    }
    *out = paths;
    return SILT_OK;
}

void silt_log_local_release(silt_log_local *local)
{
    if (!local->directory) return;
    for (size_t i = 0; i < local->count; i++)
        (void)unlink(local->paths[i]);
    (void)rmdir(local->directory);
    *local = (silt_log_local){0};
}

silt_status silt_log_local_open(silt_store *store, silt_names keys, silt_arena *arena,
                                silt_log_local *out, silt_error *err)
{
    SILT_CLEAN(silt_log_local) local = {0};
    SILT_TRY(store_paths(store, keys, arena, &local.paths, err));
    if (local.paths) {
        *out = (silt_log_local){local.paths, keys.count, NULL};
        return SILT_OK;
    }
    const char *temp = getenv("TMPDIR");
    char *directory = silt_arena_printf(arena, "%s/silt-XXXXXX", temp && *temp ? temp : "/tmp");
    const char **paths = silt_arena_calloc(arena, keys.count, sizeof(*paths));
    if (!directory || !paths) return silt_fail_nomem(err);
    if (!mkdtemp(directory)) return silt_fail_errno(err, errno, "%s", directory);
    local = (silt_log_local){paths, 0, directory};
    for (; local.count < keys.count; local.count++) {
        /* The name stands in messages; the number tells folders' files apart. */
        const char *key = keys.items[local.count], *name = strrchr(key, '/');
        const char *path =
            silt_arena_printf(arena, "%s/%zu-%s", directory, local.count, name ? name + 1 : key);
        if (!path) return silt_fail_nomem(err);
        paths[local.count] = path;
        SILT_TRY(store->ops->get_file(store, key, path, err));
    }
    *out = local;
    local = (silt_log_local){0};
    return SILT_OK;
}
