#include "support/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void ok(silt_status st, const silt_error *err)
{
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), err->message);
}

static void make(silt_store *store, bool by_day, silt_protocol protocol,
                 const char *const *properties)
{
    silt_error err = {0};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_pair pairs[16];
    size_t count = 0;
    for (; properties && properties[count]; count++) {
        const char *equals = strchr(properties[count], '=');
        pairs[count].key =
            silt_arena_strndup(arena, properties[count], (size_t)(equals - properties[count]));
        pairs[count].value = equals + 1;
    }
    const char *by[] = {"day"};
    silt_metadata metadata = {.id = "5f2b3c9e-0000-4000-8000-000000000001",
                              .format_provider = "parquet",
                              .schema_json = TEST_SCHEMA,
                              .partition_columns = {by, by_day ? 1 : 0},
                              .configuration = {pairs, count},
                              .created_time_ms = 1700000000000};
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "CREATE TABLE";
    SILT_AUTO(silt_txn) txn = NULL;
    ok(silt_txn_new_table(store, NULL, &opts, &txn, &err), &err);
    ok(silt_txn_set_metadata(txn, &metadata, &err), &err);
    ok(silt_txn_set_protocol(txn, &protocol, &err), &err);
    silt_txn_result result;
    ok(silt_txn_commit(txn, &result, NULL, &err), &err);
    assert_int_equal(result.outcome, SILT_TXN_COMMITTED);
    assert_int_equal(result.version, 0);
}

void test_table_make(silt_store *store, bool by_day, const char *const *properties)
{
    make(store, by_day, (silt_protocol){.min_reader = 1, .min_writer = 2}, properties);
}

void test_table_make_with(silt_store *store, const char *const *features,
                          const char *const *properties)
{
    size_t count = 0;
    while (features[count])
        count++;
    make(store, false,
         (silt_protocol){.min_reader = 1,
                         .min_writer = 7,
                         .has_writer_features = true,
                         .writer_features = {features, count}},
         properties);
}

silt_snapshot *test_table_open(silt_store *store)
{
    silt_error err = {0};
    silt_snapshot *snapshot = NULL;
    ok(silt_snapshot_open(store, NULL, NULL, &snapshot, &err), &err);
    return snapshot;
}

silt_add test_table_file(silt_arena *arena, const char *path, int64_t min, int64_t max)
{
    const char *stats =
        silt_arena_printf(arena,
                          "{\"numRecords\":%" PRId64 ",\"minValues\":{\"id\":%" PRId64
                          "},\"maxValues\":{\"id\":%" PRId64 "},\"nullCount\":{\"id\":0}}",
                          max - min + 1, min, max);
    return (silt_add){.path = silt_arena_strdup(arena, path),
                      .size_bytes = 1000,
                      .modification_time_ms = 1700000000000,
                      .data_change = true,
                      .stats = stats,
                      .base_row_id = -1,
                      .default_row_commit_version = -1};
}

int64_t test_table_commit(silt_snapshot *base, const silt_txn_options *opts, const silt_add *adds,
                          size_t add_count, const silt_add *removes, size_t remove_count)
{
    silt_error err = {0};
    silt_txn_options write = SILT_TXN_OPTIONS_INIT;
    write.operation = "WRITE";
    SILT_AUTO(silt_txn) txn = NULL;
    ok(silt_txn_new(base, opts ? opts : &write, &txn, &err), &err);
    for (size_t i = 0; i < add_count; i++)
        ok(silt_txn_add(txn, &adds[i], &err), &err);
    for (size_t i = 0; i < remove_count; i++)
        ok(silt_txn_remove(txn, &removes[i], true, &err), &err);
    silt_txn_result result;
    ok(silt_txn_commit(txn, &result, NULL, &err), &err);
    if (result.outcome != SILT_TXN_COMMITTED) fail_msg("not committed: %s", result.conflict);
    return result.version;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *test_table_paths(silt_snapshot *snapshot, silt_arena *arena)
{
    silt_error err = {0};
    const silt_add *adds;
    size_t count;
    ok(silt_snapshot_adds(snapshot, &adds, &count, &err), &err);
    const char **paths = silt_arena_calloc(arena, count, sizeof(*paths));
    for (size_t i = 0; i < count; i++)
        paths[i] = adds[i].path;
    qsort(paths, count, sizeof(*paths), by_text);
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "");
    for (size_t i = 0; i < count; i++)
        silt_buf_printf(&text, "%s\n", paths[i]);
    return silt_buf_copy(&text, arena);
}

void test_table_put(silt_store *store, int64_t version, const char *lines)
{
    silt_error err = {0};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    ok(store->ops->put_new(store, silt_log_commit_key(arena, version), silt_bytes_of(lines), &err),
       &err);
}
