/* Snapshots: opened, refreshed and carried on by commits, they say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/fault.h"
#include "support/random.h"
#include "support/table.h"
#include "table/data.h"

static void assert_ok(silt_status st, const silt_error *err)
{
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), err->message);
}

/* All that two snapshots of one version say of the table. */
static void assert_same(silt_snapshot *a, silt_snapshot *b)
{
    silt_error err = {0};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    int64_t files[2], bytes[2];
    assert_int_equal(silt_snapshot_version(a), silt_snapshot_version(b));
    assert_ok(silt_snapshot_size(a, &files[0], &bytes[0], &err), &err);
    assert_ok(silt_snapshot_size(b, &files[1], &bytes[1], &err), &err);
    assert_int_equal(files[0], files[1]);
    assert_int_equal(bytes[0], bytes[1]);
    assert_string_equal(test_table_paths(a, arena), test_table_paths(b, arena));
    assert_ok(silt_snapshot_size(a, &files[0], &bytes[0], &err), &err); /* by the list now */
    assert_int_equal(files[0], files[1]);
    assert_int_equal(bytes[0], bytes[1]);
    const silt_log_state *x = silt_snapshot_state(a), *y = silt_snapshot_state(b);
    assert_int_equal(x->app_txn_count, y->app_txn_count);
    for (size_t i = 0; i < x->app_txn_count; i++)
        assert_int_equal(x->app_txns[i].version,
                         silt_snapshot_app_version(b, x->app_txns[i].app_id));
    assert_int_equal(x->domain_count, y->domain_count);
    assert_string_equal(x->metadata.id, y->metadata.id);
    assert_string_equal(x->metadata.schema_json, y->metadata.schema_json);
    assert_int_equal(silt_snapshot_property_count(a), silt_snapshot_property_count(b));
}

/* ---- a table that changes at random, followed in three ways */

typedef struct model {
    silt_store *store;
    silt_arena *arena;
    test_random random;
    silt_snapshot *carried; /* by commits of its own and advances */
    int names;
} model;

/* A commit as another writer may make it: lines. */
static void foreign_commit(model *m, int64_t version)
{
    SILT_CLEAN(silt_buf) lines = {0};
    const silt_add *adds;
    size_t count, kind = test_random_below(&m->random, 6);
    if (kind != 0)
        silt_buf_puts(&lines, "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"X\"}}\n");
    SILT_AUTO(silt_snapshot) now = test_table_open(m->store);
    assert_int_equal(silt_snapshot_adds(now, &adds, &count, NULL), SILT_OK);
    if (kind == 1)
        silt_buf_printf(&lines, "{\"txn\":{\"appId\":\"app%zu\",\"version\":%" PRId64 "}}\n",
                        test_random_below(&m->random, 4), version);
    if (kind == 2 && count) /* new stats of a file that is there */
        silt_buf_printf(&lines,
                        "{\"add\":{\"path\":\"%s\",\"partitionValues\":{},\"size\":1000,"
                        "\"modificationTime\":1,\"dataChange\":false}}\n",
                        adds[test_random_below(&m->random, count)].path);
    if (kind == 3 && count) /* a tombstone without its size */
        silt_buf_printf(&lines,
                        "{\"remove\":{\"path\":\"%s\",\"deletionTimestamp\":1,"
                        "\"dataChange\":true}}\n",
                        adds[test_random_below(&m->random, count)].path);
    if (kind == 4)
        silt_buf_printf(&lines,
                        "{\"add\":{\"path\":\"f%%20%d.parquet\",\"partitionValues\":{},"
                        "\"size\":7,\"modificationTime\":1,\"dataChange\":true}}\n",
                        m->names++);
    if (kind == 5)
        silt_buf_printf(
            &lines,
            "{\"metaData\":{\"id\":\"m%" PRId64 "\",\"format\":{\"provider\":"
            "\"parquet\",\"options\":{}},\"schemaString\":\"{\\\"type\\\":\\\"struct\\\""
            ",\\\"fields\\\":[]}\",\"partitionColumns\":[],\"configuration\":{\"k\":"
            "\"v\"}}}\n",
            version);
    if (!lines.size) silt_buf_puts(&lines, "{\"commitInfo\":{}}\n");
    test_table_put(m->store, version, lines.data);
}

static void own_commit(model *m)
{
    const silt_add *adds;
    size_t count;
    silt_error err = {0};
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "WRITE";
    if (test_random_below(&m->random, 3) == 0) {
        opts.app_id = "mine";
        opts.app_version = silt_snapshot_app_version(m->carried, "mine") + 1;
    }
    SILT_AUTO(silt_txn) txn = NULL;
    assert_ok(silt_txn_new(m->carried, &opts, &txn, &err), &err);
    for (size_t i = test_random_below(&m->random, 4); i-- > 0;) {
        silt_add add =
            test_table_file(m->arena, silt_arena_printf(m->arena, "f%d.parquet", m->names++), 0, 9);
        assert_ok(silt_txn_add(txn, &add, &err), &err);
    }
    if (test_random_below(&m->random, 3) == 0) {
        assert_ok(silt_snapshot_adds(m->carried, &adds, &count, &err), &err);
        if (count)
            assert_ok(silt_txn_remove(txn, &adds[test_random_below(&m->random, count)], true, &err),
                      &err);
    }
    silt_txn_result result;
    silt_snapshot *next = NULL;
    assert_ok(silt_txn_commit(txn, &result, &next, &err), &err);
    assert_int_equal(result.outcome, SILT_TXN_COMMITTED);
    assert_non_null(next);
    silt_snapshot_free(m->carried);
    m->carried = next;
}

static silt_snapshot *refreshed(silt_snapshot *snapshot)
{
    silt_error err = {0};
    silt_snapshot *next = NULL;
    assert_ok(silt_snapshot_refresh(snapshot, &next, &err), &err);
    return next;
}

static void random_run(uint64_t seed, size_t steps)
{
    model m = {.store = silt_store_mem_new(), .arena = silt_arena_new(), .random = {seed}};
    test_table_make(m.store, false, NULL);
    m.carried = test_table_open(m.store);
    silt_snapshot *seen = test_table_open(m.store);
    for (size_t i = 0; i < steps; i++) {
        if (test_random_below(&m.random, 3) == 0) {
            foreign_commit(&m, silt_snapshot_version(m.carried) + 1);
            silt_snapshot *next = refreshed(m.carried);
            silt_snapshot_free(m.carried);
            m.carried = next;
        } else {
            own_commit(&m);
        }
        if (test_random_below(&m.random, 4) == 0) {
            SILT_AUTO(silt_snapshot) fresh = test_table_open(m.store);
            silt_snapshot *next = refreshed(seen);
            assert_same(m.carried, fresh);
            assert_same(next, fresh);
            assert_int_equal(silt_snapshot_timestamp_ms(fresh), silt_snapshot_timestamp_ms(next));
            silt_snapshot_free(seen);
            seen = next;
        }
    }
    silt_snapshot_free(seen);
    silt_snapshot_free(m.carried);
    silt_arena_free(m.arena);
    silt_store_free(m.store);
}

static void random_commits_are_followed(void **state)
{
    (void)state;
    test_random seeds = test_random_new();
    for (int i = 0; i < 10; i++)
        random_run(test_random_next(&seeds), 60);
}

/* ---- long lines of snapshots */

static void a_long_line_shares_and_lets_go(void **state)
{
    (void)state;
    enum { COMMITS = 1100 }; /* more than a set carries unasked */
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    silt_snapshot *line[COMMITS + 1];
    test_table_make(store, false, NULL);
    line[0] = test_table_open(store);
    const silt_add *adds;
    size_t count;
    assert_ok(silt_snapshot_adds(line[0], &adds, &count, &err), &err);
    for (int i = 0; i < COMMITS; i++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        SILT_AUTO(silt_txn) txn = NULL;
        silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
        opts.operation = "WRITE";
        assert_ok(silt_txn_new(line[i], &opts, &txn, &err), &err);
        silt_add add = test_table_file(arena, silt_arena_printf(arena, "f%d", i), 0, 9);
        assert_ok(silt_txn_add(txn, &add, &err), &err);
        silt_txn_result result;
        assert_ok(silt_txn_commit(txn, &result, &line[i + 1], &err), &err);
        if (i == 200) /* settled once on the way, over a long chain */
            assert_ok(silt_snapshot_adds(line[i], &adds, &count, &err), &err);
    }
    for (int i = 1; i < COMMITS; i += 2) /* in any order */
        silt_snapshot_free(line[i]);
    static const int asked[] = {0, 150, 200, 202, 500, COMMITS};
    for (size_t i = 0; i < SILT_COUNT(asked); i++) {
        assert_ok(silt_snapshot_adds(line[asked[i]], &adds, &count, &err), &err);
        assert_int_equal(count, asked[i]);
        if (count) assert_non_null(strchr(adds[0].path, 'f'));
    }
    for (int i = COMMITS; i >= 0; i -= 2)
        silt_snapshot_free(line[i]);
    silt_store_free(store);
}

/* ---- opening */

static void versions_can_be_opened(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    test_table_make(store, true, (const char *const[]){"a=1", "delta.x=y", NULL});
    SILT_AUTO(silt_snapshot) first = test_table_open(store);
    silt_add add = test_table_file(arena, "day=1/a", 0, 9);
    silt_pair day = {"day", "1"};
    add.partition_values = (silt_pairs){&day, 1};
    assert_int_equal(test_table_commit(first, NULL, &add, 1, NULL, 0), 1);
    assert_int_equal(test_table_commit(first, NULL, NULL, 0, NULL, 0), 2);
    for (int64_t v = 0; v < 3; v++) {
        silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
        opts.version = v;
        SILT_AUTO(silt_snapshot) at = NULL;
        int64_t files, bytes;
        assert_ok(silt_snapshot_open(store, NULL, &opts, &at, &err), &err);
        assert_int_equal(silt_snapshot_version(at), v);
        assert_ok(silt_snapshot_size(at, &files, &bytes, &err), &err);
        assert_int_equal(files, v > 0);
    }
    int reader, writer;
    silt_snapshot_protocol(first, &reader, &writer);
    assert_int_equal(reader, 1);
    assert_int_equal(writer, 2);
    assert_string_equal(silt_snapshot_feature(first, 0), "appendOnly");
    assert_string_equal(silt_snapshot_feature(first, 1), "invariants");
    assert_null(silt_snapshot_feature(first, 2));
    assert_string_equal(silt_snapshot_partition_column(first, 0), "day");
    assert_null(silt_snapshot_partition_column(first, 1));
    assert_string_equal(silt_snapshot_property(first, "delta.x"), "y");
    assert_null(silt_snapshot_property(first, "z"));
    const char *key, *value;
    silt_snapshot_property_at(first, 0, &key, &value);
    assert_string_equal(key, "a");
    assert_int_equal(silt_snapshot_created_ms(first), 1700000000000);
    assert_int_equal(silt_snapshot_schema(first)->field_count, 2);

    silt_snapshot *none = NULL;
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    opts.version = 3;
    assert_int_equal(silt_snapshot_open(store, NULL, &opts, &none, &err), SILT_NOT_FOUND);
    opts.version = -2;
    assert_int_equal(silt_snapshot_open(store, NULL, &opts, &none, &err), SILT_INVALID);
    silt_store *empty = silt_store_mem_new();
    assert_int_equal(silt_snapshot_open(empty, NULL, NULL, &none, &err), SILT_NOT_FOUND);
    assert_null(none);
    silt_store_free(empty);
    silt_snapshot_free(SILT_TAKE(first));
    silt_store_free(store);
}

static void what_cant_be_read_is_refused_by_name(void **state)
{
    (void)state;
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    silt_snapshot *none = NULL;
    test_table_make(store, false, NULL);
    SILT_AUTO(silt_snapshot) held = test_table_open(store);
    test_table_put(store, 1,
                   "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
                   "\"readerFeatures\":[\"sidewaysTables\"],\"writerFeatures\":"
                   "[\"sidewaysTables\"]}}\n");
    assert_int_equal(silt_snapshot_open(store, NULL, NULL, &none, &err), SILT_UNSUPPORTED);
    assert_non_null(strstr(err.message, "sidewaysTables"));
    assert_int_equal(silt_snapshot_refresh(held, &none, &err), SILT_UNSUPPORTED);
    assert_non_null(strstr(err.message, "sidewaysTables"));
    assert_null(none);
    silt_snapshot_free(SILT_TAKE(held));
    silt_store_free(store);
}

static void a_schema_that_isnt_one_is_corrupt(void **state)
{
    (void)state;
    static const char *const metadata[] = {
        "{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
        "\"schemaString\":\"{\",\"partitionColumns\":[],\"configuration\":{}}",
        "{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
        "\"schemaString\":\"\\\"long\\\"\",\"partitionColumns\":[],\"configuration\":{}}",
        "{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},\"schemaString\":"
        "\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":[\"nowhere\"],"
        "\"configuration\":{}}",
    };
    for (size_t i = 0; i < SILT_COUNT(metadata); i++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        silt_store *store = silt_store_mem_new();
        silt_snapshot *none = NULL;
        test_table_put(store, 0,
                       silt_arena_printf(arena,
                                         "{\"protocol\":{\"minReaderVersion\":1,"
                                         "\"minWriterVersion\":2}}\n{\"metaData\":%s}\n",
                                         metadata[i]));
        assert_int_equal(silt_snapshot_open(store, NULL, NULL, &none, NULL), SILT_CORRUPT);
        silt_store_free(store);
    }
}

/* ---- what a refresh costs */

static void count_call(void *ctx, silt_fault_when when, const char *op, const char *key,
                       int64_t call)
{
    (void)key;
    (void)call;
    int *calls = ctx;
    if (when != SILT_FAULT_BEFORE) return;
    calls[0]++;
    calls[1] += strcmp(op, "list") == 0;
}

static void a_refresh_reads_new_commits_only(void **state)
{
    (void)state;
    int calls[2] = {0, 0};
    silt_store *below = silt_store_mem_new();
    silt_fault_plan plan = {.hook = count_call, .hook_ctx = calls};
    silt_store *store = silt_store_fault_new(below, &plan);
    test_table_make(below, false, NULL);
    SILT_AUTO(silt_snapshot) writer = test_table_open(below);
    SILT_AUTO(silt_snapshot) held = test_table_open(store);
    for (int64_t i = 1; i <= 40; i++)
        test_table_commit(writer, NULL, NULL, 0, NULL, 0);
    calls[0] = calls[1] = 0;
    SILT_AUTO(silt_snapshot) next = refreshed(held);
    assert_int_equal(silt_snapshot_version(next), 40);
    assert_true(calls[0] <= 42); /* 40 commits, the one that isn't there, and a file's time */
    assert_int_equal(calls[1], 0);
    calls[0] = 0;
    SILT_AUTO(silt_snapshot) again = refreshed(next);
    assert_int_equal(silt_snapshot_version(again), 40);
    assert_int_equal(calls[0], 2);
    silt_snapshot_free(SILT_TAKE(again));
    silt_snapshot_free(SILT_TAKE(next));
    silt_snapshot_free(SILT_TAKE(held));
    silt_snapshot_free(SILT_TAKE(writer));
    silt_store_free(store);
    silt_store_free(below);
}

/* ---- history, files */

typedef struct seen {
    int64_t versions[16];
    const char *operations[16];
    size_t count, most;
} seen;

static bool on_entry(void *ctx, const silt_history_entry *entry)
{
    seen *s = ctx;
    s->versions[s->count] = entry->version;
    s->operations[s->count] = entry->operation ? entry->version == 0 ? "first" : "some" : NULL;
    assert_true(entry->timestamp_ms > 0);
    assert_non_null(entry->commit_info);
    return ++s->count < s->most;
}

static void history_is_newest_first(void **state)
{
    (void)state;
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    test_table_make(store, false, NULL);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    test_table_commit(base, NULL, NULL, 0, NULL, 0);
    test_table_put(store, 2, "{\"txn\":{\"appId\":\"a\",\"version\":1}}\n");
    seen all = {.most = 16}, two = {.most = 16}, one = {.most = 1};
    assert_ok(silt_table_history(store, -1, on_entry, &all, &err), &err);
    assert_int_equal(all.count, 3);
    assert_int_equal(all.versions[0], 2);
    assert_null(all.operations[0]);
    assert_int_equal(all.versions[2], 0);
    assert_string_equal(all.operations[2], "first");
    assert_ok(silt_table_history(store, 2, on_entry, &two, &err), &err);
    assert_int_equal(two.count, 2);
    assert_ok(silt_table_history(store, -1, on_entry, &one, &err), &err);
    assert_int_equal(one.count, 1);
    assert_ok(silt_table_history(store, 0, on_entry, &one, &err), &err);
    assert_int_equal(one.count, 1);
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

static bool on_file(void *ctx, const silt_file *file)
{
    assert_string_equal(file->path, "day=a b/x y.parquet");
    assert_string_equal(file->partition_values[0], "a b");
    assert_int_equal(file->row_count, 10);
    assert_int_equal(file->size_bytes, 1000);
    ++*(int *)ctx;
    return true;
}

static void files_are_shown_decoded(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    test_table_make(store, true, NULL);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    silt_pair day = {"day", "a b"};
    silt_add add = test_table_file(arena, "day=a%20b/x%20y.parquet", 0, 9);
    add.partition_values = (silt_pairs){&day, 1};
    test_table_commit(base, NULL, &add, 1, NULL, 0);
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    int count = 0;
    silt_files_options opts = SILT_FILES_OPTIONS_INIT;
    opts.no_stats = true; /* and yet the rows are told */
    assert_ok(silt_snapshot_files(now, &opts, on_file, &count, &err), &err);
    assert_int_equal(count, 1);
    assert_ok(silt_snapshot_files(now, NULL, on_file, &count, &err), &err);
    assert_int_equal(count, 2);
    silt_snapshot_free(SILT_TAKE(now));
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

static silt_status note_shown(void *ctx, size_t index, const silt_add *add, silt_error *err)
{
    const char **shown = ctx;
    (void)err;
    assert_non_null(add->stats);
    assert_true(index < 3);
    shown[index] = add->path[0] == 'a' ? "a" : add->path[0] == 'b' ? "b" : "c";
    return SILT_OK;
}

/* Stats are shown in the order of the list, whatever was read of it before. */
static void stats_are_shown_once(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    test_table_make(store, false, NULL);
    const char *const paths[] = {"c.parquet", "b.parquet", "a.parquet"};
    for (size_t i = 0; i < 3; i++) {
        SILT_AUTO(silt_snapshot) base = test_table_open(store);
        silt_add add = test_table_file(arena, paths[i], 0, 9);
        test_table_commit(base, NULL, &add, 1, NULL, 0);
    }
    for (int before = 0; before < 3; before++) {
        SILT_AUTO(silt_snapshot) now = test_table_open(store);
        const silt_add *lean = NULL, *adds;
        size_t count;
        if (before == 1) assert_ok(silt_snapshot_adds_lean(now, &lean, &count, &err), &err);
        if (before == 2) assert_ok(silt_snapshot_adds(now, &lean, &count, &err), &err);
        const char *shown[3] = {0};
        assert_ok(silt_snapshot_adds_shown(now, note_shown, shown, &adds, &count, &err), &err);
        assert_int_equal(count, 3);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(shown[i][0], adds[i].path[0]);
        if (lean) assert_ptr_equal(lean, adds);
    }
    silt_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_can_be_opened),
        cmocka_unit_test(what_cant_be_read_is_refused_by_name),
        cmocka_unit_test(a_schema_that_isnt_one_is_corrupt),
        cmocka_unit_test(random_commits_are_followed),
        cmocka_unit_test(a_long_line_shares_and_lets_go),
        cmocka_unit_test(a_refresh_reads_new_commits_only),
        cmocka_unit_test(history_is_newest_first),
        cmocka_unit_test(files_are_shown_decoded),
        cmocka_unit_test(stats_are_shown_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
