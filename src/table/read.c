/* A table's files, for programs. */
#include "table/data.h"

static silt_status list_files(const silt_snapshot *snapshot, const silt_add *adds, size_t count,
                              bool details, silt_file_fn *fn, void *ctx, silt_error *err)
{
    size_t partitions = silt_snapshot_partition_count(snapshot);
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        silt_arena_reset(scratch);
        const char **values = silt_arena_calloc(scratch, partitions, sizeof(*values));
        if (!values) return silt_fail_nomem(err);
        for (size_t p = 0; p < partitions; p++)
            values[p] = silt_pairs_get(adds[i].partition_values,
                                       silt_snapshot_partition_column(snapshot, p));
        const char *path = silt_path_canonical(adds[i].path, scratch);
        if (!path) return silt_fail_nomem(err);
        silt_file file = {.path = path,
                          .size_bytes = adds[i].size_bytes,
                          .modification_time_ms = adds[i].modification_time_ms,
                          .row_count = details ? silt_add_row_count(&adds[i], scratch) : -1,
                          .partition_values = values,
                          .stats = details ? adds[i].stats : NULL};
        if (!fn(ctx, &file)) break;
    }
    return SILT_OK;
}

silt_status silt_snapshot_files(silt_snapshot *snapshot, silt_file_fn *fn, void *ctx,
                                silt_error *err)
{
    const silt_add *adds;
    size_t count;
    SILT_TRY(silt_snapshot_adds(snapshot, &adds, &count, err));
    return list_files(snapshot, adds, count, true, fn, ctx, err);
}

silt_status silt_snapshot_paths(silt_snapshot *snapshot, silt_file_fn *fn, void *ctx,
                                silt_error *err)
{
    const silt_add *adds;
    size_t count;
    SILT_TRY(silt_snapshot_adds_lean(snapshot, &adds, &count, err));
    return list_files(snapshot, adds, count, false, fn, ctx, err);
}
