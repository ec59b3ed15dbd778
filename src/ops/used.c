#include "ops/used.h"

#include <stdlib.h>

#include "log/dv.h"
#include "log/log.h"

silt_status silt_used_init(silt_used *used, silt_store *store, silt_error *err)
{
    *used = (silt_used){store, silt_arena_new(), silt_arena_new(), silt_map64_new()};
    return used->arena && used->scratch && used->keys ? SILT_OK : silt_fail_nomem(err);
}

void silt_used_release(silt_used *used)
{
    silt_arena_free(used->arena);
    silt_arena_free(used->scratch);
    silt_map64_free(used->keys);
}

/* ---- files */

static silt_status put(silt_used *used, const char *key, size_t size, silt_error *err)
{
    bool found;
    if (silt_map64_get(used->keys, key, size)) return SILT_OK;
    const char *kept = silt_arena_strndup(used->arena, key, size);
    void **slot = kept ? silt_map64_slot(used->keys, kept, size, &found) : NULL;
    if (!slot) return silt_fail_nomem(err);
    *slot = used; /* anything but NULL */
    return SILT_OK;
}

/* A path outside of the table's folder may lead into it by another name, by way of a link. */
static silt_status put_local(silt_used *used, const char *path, silt_error *err)
{
    const char *root = silt_store_local_path(used->store, "", used->scratch);
    SILT_FREE char *real_root = root ? realpath(root, NULL) : NULL;
    SILT_FREE char *real_path = realpath(path, NULL);
    size_t size = real_root ? strlen(real_root) : 0;
    if (!real_path || !size || strncmp(real_path, real_root, size) != 0 || real_path[size] != '/')
        return SILT_OK;
    const char *key = real_path + size + 1;
    return put(used, key, strlen(key), err);
}

static silt_status put_place(silt_used *used, const silt_place *place, silt_error *err)
{
    if (place->key) return put(used, place->key, strlen(place->key), err);
    return place->local_path ? put_local(used, place->local_path, err) : SILT_OK;
}

silt_status silt_used_add(silt_used *used, const char *path, const silt_dv *dv, silt_error *err)
{
    silt_place place = {0};
    silt_arena_reset(used->scratch);
    silt_status st = silt_path_place(used->store, path, used->scratch, &place, err);
    if (st != SILT_OK && st != SILT_UNSUPPORTED) return st;
    SILT_TRY(put_place(used, &place, err));
    /* Writers that don't escape '%' mean the name as it stands. */
    if (place.key && strchr(path, '%')) SILT_TRY(put(used, path, strlen(path), err));
    if (!dv) return SILT_OK;
    place = (silt_place){0};
    st = silt_dv_place(used->store, dv, used->scratch, &place, err);
    if (st != SILT_OK && st != SILT_UNSUPPORTED) return st;
    return put_place(used, &place, err);
}

bool silt_used_has(const silt_used *used, const char *key)
{
    return silt_map64_get(used->keys, key, strlen(key)) != NULL;
}

/* ---- what is others' */

/* Folders stand among the keys with the slash at their end, as no file does. */
silt_status silt_used_see(silt_used *used, const char *key, silt_error *err)
{
    const char *log = strstr(key, "/" SILT_LOG_DIR);
    return log ? put(used, key, (size_t)(log - key) + 1, err) : SILT_OK;
}

bool silt_used_is_others(const silt_used *used, const char *key)
{
    if (silt_starts_with(key, "metadata/")) return true;
    for (const char *slash = strchr(key, '/'); slash; slash = strchr(slash + 1, '/'))
        if (silt_map64_get(used->keys, key, (size_t)(slash - key) + 1)) return true;
    return false;
}
