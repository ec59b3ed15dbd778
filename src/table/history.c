/* The commits of a table, newest first. */
#include "base/json.h"
#include "table/snapshot.h"

/* A member of commitInfo as text; NULL: none. */
static const char *member(const silt_json *info, const char *key, silt_arena *arena)
{
    const silt_json *value = silt_json_get_some(info, key);
    return value ? silt_json_text(value, arena) : NULL;
}

static silt_status read_entry(silt_store *store, int64_t version, silt_arena *arena,
                              silt_history_entry *entry, int64_t *in_commit_ms, silt_error *err)
{
    silt_commit_info info;
    silt_status st = silt_log_commit_info(store, version, arena, &info, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s", store->uri);
    *entry = (silt_history_entry){.version = version,
                                  .operation = info.operation,
                                  .engine_info = info.engine_info,
                                  .user_metadata = info.user_metadata,
                                  .commit_info = info.json ? info.json : "{}"};
    const silt_json *json = NULL;
    if (info.json) SILT_TRY(silt_json_parse(silt_bytes_of(info.json), arena, &json, err));
    entry->operation_parameters = member(json, "operationParameters", arena);
    entry->operation_metrics = member(json, "operationMetrics", arena);
    entry->silt_info = member(json, "silt", arena);
    *in_commit_ms = info.in_commit_timestamp_ms;
    return SILT_OK;
}

silt_status silt_table_history(silt_store *store, int64_t limit, silt_history_fn *fn, void *ctx,
                               silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    int64_t first, last;
    const int64_t *file_ms;
    if (!arena || !scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_log_commit_times(store, arena, &first, &last, &file_ms, err));
    if (last < first) { /* a checkpoint alone, or no table */
        silt_log_segment segment;
        return silt_log_segment_load(store, SILT_LATEST, arena, &segment, err);
    }
    /* A table that dates its commits does so from some version on: what the properties say of it
     * (see commit_time.c) shows in the commits, too. */
    bool dated = true;
    for (int64_t version = last, left = limit; version >= first && left != 0; version--, left--) {
        silt_history_entry entry = {0};
        int64_t in_commit_ms = -1;
        silt_arena_reset(scratch);
        SILT_TRY(read_entry(store, version, scratch, &entry, &in_commit_ms, err));
        dated = dated && in_commit_ms >= 0;
        entry.timestamp_ms = dated ? in_commit_ms : file_ms[version - first];
        if (!fn(ctx, &entry)) break;
    }
    return SILT_OK;
}
