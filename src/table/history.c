/* The commits of a table, newest first. */
#include "table/snapshot.h"

/* When a commit was made: what it says, else the time of its file. */
static silt_status commit_time(silt_store *store, int64_t version, const silt_commit_info *info,
                               silt_arena *arena, int64_t *out, silt_error *err)
{
    silt_object object;
    *out = info->in_commit_timestamp_ms >= 0 ? info->in_commit_timestamp_ms : info->timestamp_ms;
    if (*out >= 0) return SILT_OK;
    const char *key = silt_log_commit_key(arena, version);
    if (!key) return silt_fail_nomem(err);
    SILT_TRY(store->ops->head(store, key, arena, &object, err));
    *out = object.mtime_ns / 1000000;
    return SILT_OK;
}

silt_status silt_table_history(silt_store *store, int64_t limit, silt_history_fn *fn, void *ctx,
                               silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    silt_log_segment segment;
    silt_status st = silt_log_segment_load(store, SILT_LATEST, arena, &segment, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s", store->uri);
    int64_t version = segment.version;
    for (int64_t left = limit; version >= 0 && left != 0; version--, left--) {
        silt_commit_info info;
        silt_arena_reset(arena);
        st = silt_log_commit_info(store, version, arena, &info, err);
        if (st == SILT_NOT_FOUND) break; /* cleaned up, and those before it too */
        silt_history_entry entry = {.version = version,
                                    .operation = info.operation,
                                    .engine_info = info.engine_info,
                                    .user_metadata = info.user_metadata,
                                    .commit_info = info.json ? info.json : "{}"};
        if (st == SILT_OK) st = commit_time(store, version, &info, arena, &entry.timestamp_ms, err);
        if (st != SILT_OK) return silt_wrap(err, st, "%s: version %" PRId64, store->uri, version);
        if (!fn(ctx, &entry)) break;
    }
    if (err) *err = (silt_error){0};
    return SILT_OK;
}
