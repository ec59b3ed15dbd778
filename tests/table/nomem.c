/* Each allocation of a commit fails once, then it and all behind it: the table has the commit if
 * and only if the call said so, nothing leaks, and the next one works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "support/table.h"
#include "table/data.h"
#include "table/expr.h"

typedef struct scene {
    silt_store *store;
    silt_arena *arena;
    silt_snapshot *base;
    bool features; /* row ids and dated commits; what is read is a condition's, not keys' */
    const silt_expr *where;
    bool conflict; /* what came of the failure; the failing has ended by then */
} scene;

static const char *const features[] = {"rowTracking", "domainMetadata", "inCommitTimestamp", NULL};
static const char *const properties[] = {
    "delta.enableInCommitTimestamps=true", "delta.enableRowTracking=true",
    "delta.rowTracking.materializedRowIdColumnName=_row-id",
    "delta.rowTracking.materializedRowCommitVersionColumnName=_row-version", NULL};

static scene scene_new(bool with_features)
{
    scene s = {silt_store_mem_new(), silt_arena_new(), NULL, with_features, NULL, false};
    if (with_features)
        test_table_make_with(s.store, features, properties);
    else
        test_table_make(s.store, false, NULL);
    SILT_AUTO(silt_snapshot) empty = test_table_open(s.store);
    silt_add adds[] = {test_table_file(s.arena, "a", 0, 9), test_table_file(s.arena, "b", 10, 19)};
    test_table_commit(empty, NULL, adds, 2, NULL, 0);
    s.base = test_table_open(s.store);
    assert_int_equal(
        silt_expr_condition("id < 5", silt_snapshot_schema(s.base), s.arena, &s.where, NULL),
        SILT_OK);
    silt_snapshot *other = test_table_open(s.store); /* so that the commit has to rebase */
    adds[1].dv = &(silt_dv){'i', "a deletion vector   ", -1, 40, 1, -1};
    silt_add b = test_table_file(s.arena, "b", 10, 19); /* and to look at what was removed */
    if (with_features)
        test_table_commit(other, NULL, &adds[1], 1, &b, 1);
    else
        test_table_commit(other, NULL, NULL, 0, NULL, 0);
    silt_snapshot_free(other);
    return s;
}

static void scene_free(scene *s)
{
    silt_snapshot_free(s->base);
    silt_arena_free(s->arena);
    silt_store_free(s->store);
}

/* A clock that only sleeps move: where nothing can be read back, the end of the tries comes at
 * once. */
static int64_t fake_now(void *ctx)
{
    return *(int64_t *)ctx;
}
static void fake_sleep(void *ctx, int64_t ms)
{
    *(int64_t *)ctx += (ms > 0 ? ms : 1) * 1000;
}

/* Replace the file "a" under an app txn; the files are listed first. */
static silt_status replace(scene *s, silt_snapshot **after, silt_error *err)
{
    const silt_type long_type = {.kind = SILT_TYPE_LONG};
    silt_key_range range = {"id", &long_type, "0", "5", false};
    static const silt_pair property = {"team", "data"};
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "MERGE";
    opts.silt_info = "{\"batch\":1}";
    opts.app_id = "app";
    opts.app_version = 1;
    opts.read = SILT_READ_KEYS;
    opts.key_ranges = &range;
    opts.key_range_count = 1;
    if (s->features) {
        opts.read = SILT_READ_WHERE;
        opts.where = s->where;
        opts.properties = (silt_pairs){&property, 1};
    }
    int64_t now_us = silt_now_us(&silt_clock_system);
    silt_clock clock = {fake_now, fake_sleep, &now_us};
    opts.clock = &clock;
    opts.retry.deadline_ms = 100;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    const size_t *kept;
    size_t count, all_count;
    const silt_add *all;
    SILT_TRY(silt_snapshot_prune(s->base, &range, 1, arena, &kept, &count, err));
    SILT_TRY(silt_snapshot_adds(s->base, &all, &all_count, err));
    assert_true(count == 1 || count == 2); /* without memory for its stats a file is kept */
    const silt_add *a = strcmp(all[kept[0]].path, "a") == 0 ? &all[kept[0]] : &all[kept[1]];
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_txn_new(s->base, &opts, &txn, err));
    SILT_TRY(silt_txn_remove(txn, a, true, err));
    silt_add add = *a;
    add.path = "c";
    add.base_row_id = add.default_row_commit_version = -1;
    SILT_TRY(silt_txn_add(txn, &add, err));
    silt_cdc cdc = {.path = "_change_data/d", .size_bytes = 1};
    if (s->features) SILT_TRY(silt_txn_cdc(txn, &cdc, err));
    silt_domain domain = {"our.domain", "{}", false, NULL};
    if (s->features) SILT_TRY(silt_txn_set_domain(txn, &domain, err));
    silt_txn_result result;
    SILT_TRY(silt_txn_commit(txn, &result, after, err));
    /* without memory for its stats a file counts against us */
    if (result.outcome == SILT_TXN_CONFLICT && test_alloc_failed()) {
        s->conflict = true;
        return silt_fail_nomem(err);
    }
    assert_int_equal(result.outcome, SILT_TXN_COMMITTED);
    if (*after) SILT_TRY(silt_snapshot_adds(*after, &all, &all_count, err));
    return SILT_OK;
}

/* Whether it failed: else all allocations have been through. */
static bool one_fails(int n, bool all_after, bool with_features)
{
    scene s = scene_new(with_features);
    silt_error err = {0};
    silt_snapshot *after = NULL;
    test_alloc_fail(n, all_after);
    silt_status st = replace(&s, &after, &err);
    bool fired = test_alloc_failed() || s.conflict;
    SILT_AUTO(silt_snapshot) truth = test_table_open(s.store);
    bool there = silt_snapshot_app_version(truth, "app") == 1;
    if (!fired && st != SILT_OK) fail_msg("%s", err.message);
    if (st != SILT_OK && st != SILT_NOMEM && st != SILT_UNSURE)
        fail_msg("allocation %d: %s: %s", n, silt_status_name(st), err.message);
    if (st == SILT_OK) assert_true(there);
    if (!there) { /* once more, with memory */
        assert_null(after);
        if (replace(&s, &after, &err) != SILT_OK) fail_msg("%s", err.message);
    } else if (after) {
        assert_string_equal(test_table_paths(after, s.arena), "b\nc\n");
    }
    silt_snapshot_free(after);
    silt_snapshot_free(SILT_TAKE(truth));
    scene_free(&s);
    return fired;
}

static void a_commit_is_there_if_it_says_so(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++)
        for (int n = 1; one_fails(n, variant % 2, variant / 2); n++)
            ;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_is_there_if_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
