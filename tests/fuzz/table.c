#include "fuzz/fuzz.h"
#include "log/dv.h"
#include "silt/snapshot.h"
#include "table/data.h"

silt_store *fuzz_store_new(void)
{
    silt_store *store = silt_store_mem_new();
    FUZZ_CHECK(store);
    return store;
}

void fuzz_put(silt_store *store, const char *key, const void *data, size_t size)
{
    silt_error err = {0};
    FUZZ_CHECK(store->ops->put(store, key, (silt_bytes){data, size}, &err) == SILT_OK);
}

/* One for the process: it is loaded when the first checkpoint is read. */
static silt_engine *engine(void)
{
    static silt_engine *one;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.threads = 1;
    opts.memory_limit_bytes = INT64_C(256) << 20;
    if (!one) FUZZ_CHECK(silt_engine_open(&opts, &one, NULL) == SILT_OK);
    return one;
}

static void check_error(silt_status st, const silt_error *err)
{
    if (st == SILT_OK) return;
    FUZZ_CHECK(err->message[0]);
    if (st == SILT_IO) fprintf(stderr, "%s\n", err->message);
    FUZZ_CHECK(st != SILT_IO); /* there is no device that could fail */
}

static bool look_at_file(void *ctx, const silt_file *file)
{
    silt_snapshot *snapshot = ctx;
    FUZZ_CHECK(file->path && file->row_count >= -1);
    for (size_t i = 0; i < silt_snapshot_partition_count(snapshot); i++)
        if (file->partition_values[i]) FUZZ_CHECK(strlen(file->partition_values[i]) < SIZE_MAX);
    return true;
}

static bool look_at_commit(void *ctx, const silt_history_entry *entry)
{
    (void)ctx;
    FUZZ_CHECK(entry->commit_info);
    return true;
}

void fuzz_read_table(silt_store *store)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_snapshot *snapshot = NULL;
    silt_error err = {0};
    silt_status st = silt_snapshot_open(store, engine(), NULL, &snapshot, &err);
    check_error(st, &err);
    if (st == SILT_OK) {
        int64_t files, bytes;
        check_error(silt_snapshot_size(snapshot, &files, &bytes, &err), &err);
        check_error(silt_snapshot_files(snapshot, NULL, look_at_file, snapshot, &err), &err);
        FUZZ_CHECK(silt_schema_json(silt_snapshot_schema(snapshot), arena));
        FUZZ_CHECK(silt_type_name(silt_snapshot_schema(snapshot), arena));
        silt_snapshot_free(snapshot);
    }
    check_error(silt_table_history(store, -1, look_at_commit, NULL, &err), &err);
}
