/* The public calls that give a table's files and rows. */
#include "base/seam.h"
#include "table/data.h"

/* ---- files */

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

/* ---- rows */

/* What a read holds while it runs. */
typedef struct reading {
    silt_arena *arena;
    const char *scratch; /* NULL: none was made */
    silt_rows_spec rows;
} reading;

static void reading_release(reading *r)
{
    silt_scratch_remove(r->scratch);
    silt_arena_free(r->arena);
}

/* How many of the files, in order, hold `limit` rows for sure. */
static silt_status files_for(silt_snapshot *snapshot, int64_t limit, silt_arena *arena, size_t *out,
                             silt_error *err)
{
    const silt_add *adds;
    size_t count, needed = 0;
    SILT_TRY(silt_snapshot_adds(snapshot, &adds, &count, err));
    for (int64_t rows = 0; needed < count && (limit < 0 || rows < limit); needed++) {
        int64_t some = limit < 0 ? 0 : silt_add_row_count(&adds[needed], arena);
        rows += some > 0 ? some : 0;
    }
    *out = needed;
    return SILT_OK;
}

static silt_status prepare(silt_snapshot *snapshot, const silt_read_options *opts, reading *r,
                           silt_error *err)
{
    silt_store *store = silt_snapshot_store(snapshot);
    char name[SILT_UUID_SIZE];
    r->arena = silt_arena_new();
    if (!r->arena) return silt_fail_nomem(err);
    if (opts->limit < -1)
        return silt_fail(err, SILT_INVALID, "limit %" PRId64 ": -1 for all, or 0 and more",
                         opts->limit);
    if (!store->ops->local_path) {
        silt_uuid(&silt_random_system, name);
        SILT_TRY(silt_scratch_make(store, name, r->arena, &r->scratch, err));
    }
    size_t count;
    SILT_TRY(files_for(snapshot, opts->limit, r->arena, &count, err));
    size_t *files = silt_arena_calloc(r->arena, count, sizeof(*files));
    if (!files) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        files[i] = i;
    SILT_TRY(silt_scan_build(snapshot, files, count, opts->columns, opts->column_count, r->scratch,
                             r->arena, &r->rows.scan, err));
    r->rows.scan.limit = opts->limit;
    return SILT_OK;
}

silt_status silt_read_to_file(silt_snapshot *snapshot, const silt_read_options *opts,
                              silt_read_format format, const char *path, int64_t *row_count,
                              silt_error *err)
{
    static const silt_output_format formats[] = {[SILT_READ_CSV] = SILT_OUTPUT_CSV,
                                                 [SILT_READ_JSON] = SILT_OUTPUT_JSON,
                                                 [SILT_READ_PARQUET] = SILT_OUTPUT_PARQUET};
    const silt_read_options all = SILT_READ_OPTIONS_INIT;
    SILT_CLEAN(reading) r = {0};
    if ((size_t)format >= SILT_COUNT(formats))
        return silt_fail(err, SILT_INVALID, "output format %d", (int)format);
    SILT_TRY(prepare(snapshot, opts ? opts : &all, &r, err));
    silt_engine *engine = silt_snapshot_engine(snapshot);
    silt_status st =
        engine->ops->scan_write(engine, &r.rows, formats[format], true, path, row_count, err);
    return st == SILT_OK ? SILT_OK : silt_scan_missing(snapshot, &r.rows.scan, st, err);
}

silt_status silt_read_rows(silt_snapshot *snapshot, const silt_read_options *opts,
                           silt_read_row_fn *fn, void *ctx, silt_error *err)
{
    const silt_read_options all = SILT_READ_OPTIONS_INIT;
    SILT_CLEAN(reading) r = {0};
    SILT_TRY(prepare(snapshot, opts ? opts : &all, &r, err));
    silt_engine *engine = silt_snapshot_engine(snapshot);
    silt_status st = engine->ops->scan_rows(engine, &r.rows, fn, ctx, err);
    return st == SILT_OK ? SILT_OK : silt_scan_missing(snapshot, &r.rows.scan, st, err);
}
