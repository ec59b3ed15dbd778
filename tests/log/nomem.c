/* Each allocation fails once, then it and all behind it: what reads or writes a log says NOMEM (or
 * does without), sets no result, leaks nothing, and works again afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/logs.h"
#include "support/alloc.h"

/* Does something in the arena; `done` in case of success is up to it. */
typedef silt_status work(silt_arena *to, silt_error *why);

static void sweep(work *fn)
{
    assert_ok(fn(arena, &err)); /* what is made once only is made now */
    for (int all_after = 0; all_after < 2; all_after++) {
        bool fired = true;
        for (int n = 1; fired; n++) {
            SILT_AUTO(silt_arena) to = silt_arena_new();
            silt_error why = {0};
            test_alloc_fail(n, all_after);
            silt_status st = fn(to, &why);
            fired = test_alloc_failed();
            if (st != SILT_OK && (!fired || st != SILT_NOMEM))
                fail_msg("%d: %d, %s", n, st, why.message);
            assert_ok(fn(to, &err));
            if (n > 10000) fail_msg("never ends");
        }
    }
}

static const char line[] =
    "{\"add\":{\"path\":\"a%20b\",\"partitionValues\":{\"a\":\"1\"},\"size\":9,\"stats\":\"{}\","
    "\"tags\":{\"t\":\"u\"},\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"x\","
    "\"offset\":4,\"sizeInBytes\":40,\"cardinality\":6},\"new\":[1,{\"x\":1.50}]}}\n";

static silt_status action_work(silt_arena *to, silt_error *why)
{
    silt_action action = {.kind = SILT_ACTION_SIDECAR};
    SILT_CLEAN(silt_buf) buf = {0};
    silt_add copy;
    silt_status st = silt_action_parse(silt_bytes_of(line), to, &action, why);
    assert_int_equal(st == SILT_OK, action.kind == SILT_ACTION_ADD);
    SILT_TRY(st);
    if (!silt_add_copy(&action.add, to, &copy)) return silt_fail_nomem(why);
    silt_action_write(&action, &buf);
    return buf.failed ? silt_fail_nomem(why) : SILT_OK;
}

static silt_status path_work(silt_arena *to, silt_error *why)
{
    const silt_pair pair = {"k", "a b%"};
    const char *key = NULL, *path, *dir = silt_path_partition_dir((silt_pairs){&pair, 1}, to);
    if (!dir) return silt_fail_nomem(why);
    path = silt_path_encode(dir, to);
    if (!path || !silt_path_canonical(path, to)) return silt_fail_nomem(why);
    silt_status st = silt_path_decode(path, to, &key, why);
    assert_int_equal(st == SILT_OK, key != NULL);
    return st;
}

static silt_status feature_work(silt_arena *to, silt_error *why)
{
    silt_action p, m;
    SILT_TRY(silt_action_parse(silt_bytes_of("{\"protocol\":{\"minReaderVersion\":1,"
                                             "\"minWriterVersion\":6}}"),
                               to, &p, why));
    SILT_TRY(silt_action_parse(silt_bytes_of(METADATA), to, &m, why));
    m.metadata.schema_json = "{\"fields\":[{\"name\":\"delta.invariants\",\"metadata\":{}}]}";
    silt_status st = silt_feature_check_write(&p.protocol, &m.metadata, why);
    /* Without memory to look for it a feature counts as used. */
    return st == SILT_UNSUPPORTED ? silt_fail_nomem(why) : st;
}

static silt_status log_work(silt_arena *to, silt_error *why)
{
    silt_log_segment segment;
    silt_log_state state = {.version = -7};
    silt_log_files files = {.count = 77};
    const silt_remove *removes;
    size_t count;
    SILT_TRY(silt_log_segment_load(store, -1, to, &segment, why));
    assert_int_equal(segment.version, 3);
    silt_status st = silt_log_state_load(store, NULL, &segment, to, &state, why);
    assert_int_equal(state.version, st == SILT_OK ? 3 : -7);
    SILT_TRY(st);
    st = silt_log_files_load(store, NULL, &segment, true, to, &files, why);
    assert_int_equal(files.count, st == SILT_OK ? 2 : 77);
    SILT_TRY(st);
    SILT_TRY(silt_log_tombstones_load(store, NULL, &segment, 0, to, &removes, &count, why));
    assert_int_equal(count, 1);
    return SILT_OK;
}

static silt_status write_work(silt_arena *to, silt_error *why)
{
    silt_log_segment segment;
    silt_log_state state;
    SILT_TRY(silt_log_segment_load(store, 3, to, &segment, why));
    SILT_TRY(silt_log_state_load(store, NULL, &segment, to, &state, why));
    state.file_count = 2;
    state.size_bytes = 20;
    SILT_TRY(silt_log_crc_write(store, &state, "t", why));
    silt_status st = silt_log_put_commit(store, 3, SILT_STR("theirs was first\n"), why);
    return st == SILT_UNSURE || st == SILT_NOMEM ? silt_fail_nomem(why)
           : st == SILT_CONFLICT                 ? SILT_OK
                                                 : SILT_FAILED;
}

static void put_table(void)
{
    put_commit(0, PROTOCOL METADATA ADD("a") ADD("b%20c"));
    put_commit(1, "{\"commitInfo\":{\"txnId\":\"t\"}}\n");
    put_commit(2, "{\"txn\":{\"appId\":\"a\",\"version\":1}}\n"
                  "{\"domainMetadata\":{\"domain\":\"d\",\"configuration\":\"\"}}\n");
    put_commit(3, REMOVE("a") ADD("d"));
}

static void actions_and_paths(void **state)
{
    (void)state;
    sweep(action_work);
    sweep(path_work);
    sweep(feature_work);
}

static void logs(void **state)
{
    (void)state;
    put_table();
    sweep(log_work);
}

static void writes(void **state)
{
    (void)state;
    put_table();
    sweep(write_work);
    sweep(log_work); /* with the .crc */
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(actions_and_paths), TEST(logs), TEST(writes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
