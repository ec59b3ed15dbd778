/* Optimize: the same rows in other files. */
#include "ops/edits.h"

#define COLUMNS "struct<id:bigint,p:string,v:bigint>"
#define VECTORS "delta.enableDeletionVectors=true"

static silt_optimize_options optimize;

static int set_up_optimize(void **state)
{
    optimize = (silt_optimize_options)SILT_OPTIMIZE_OPTIONS_INIT;
    return set_up(state);
}

static void many_files(const char *by, const char *properties)
{
    make_table(COLUMNS, by, properties);
    for (int i = 0; i < 6; i++)
        insert(silt_arena_printf(here.arena, "id,p,v\n%d,%s,%d\n%d,%s,%d\n", i, i % 2 ? "a" : "b",
                                 i * 10, i + 100, i % 3 ? "a" : "b", i * 7));
}

static int64_t file_count(void)
{
    int64_t files, bytes;
    place_ok(&here, silt_snapshot_size(here.now, &files, &bytes, &here.err));
    return files;
}

/* The same rows before and after. */
static void optimized(void)
{
    const char *before = place_rows(&here, NULL);
    place_ok(&here, optimize_files(&optimize));
    place_assert_rows(&here, NULL, before);
    assert_no_strays();
}

static void small_files_become_one(void **state)
{
    (void)state;
    many_files(NULL, "delta.appendOnly=true"); /* which isn't about rearranging */
    optimized();
    assert_int_equal(done.outcome, SILT_EDIT_COMMITTED);
    assert_int_equal(done.files_removed, 6);
    assert_int_equal(done.files_added, 1);
    assert_int_equal(file_count(), 1);
    assert_told("\"operation\":\"OPTIMIZE\"");
    assert_told("\"numRemovedFiles\":\"6\"");
    assert_told("\"minFileSize\":");
    assert_told("\"zOrderBy\":\"[]\"");
    optimized();
    assert_int_equal(done.outcome, SILT_EDIT_NOTHING); /* one file is as good as it gets */
}

static void partitions_stay_apart(void **state)
{
    (void)state;
    many_files("p", NULL);
    optimize.where = "p = 'a'";
    int64_t before = file_count();
    optimized();
    assert_int_equal(done.files_added, 1);
    assert_int_equal(file_count(), before - done.files_removed + 1);
    optimize.where = NULL;
    optimized();
    assert_int_equal(file_count(), 2);
    optimize.where = "id = 1";
    assert_failed(optimize_files(&optimize), SILT_INVALID, "id isn't a partition column");
}

/* Values that are hard to spell stay what they are. */
static void partition_values_stay(void **state)
{
    (void)state;
    make_table("struct<id:bigint,t:timestamp>", "t", NULL);
    for (int i = 0; i < 4; i++)
        insert(i % 2 ? "id,t\n1,2024-01-15T10:00:00.123456Z\n" : "id,t\n2,\n");
    optimized();
    assert_int_equal(file_count(), 2);
}

static void bins_are_of_the_target_size(void **state)
{
    (void)state;
    many_files(NULL, NULL);
    edit_opts.target_file_bytes = 1500; /* about three files of five hundred bytes each */
    optimized();
    assert_true(done.files_added >= 2 && done.files_added <= 3);
    assert_int_equal(done.files_removed, 6);
}

static void deleted_rows_go_for_good(void **state)
{
    (void)state;
    edit_opts.rewrite_percent = 100;
    many_files(NULL, VECTORS);
    place_ok(&here, delete_rows("id IN (0, 101, 3)"));
    assert_int_equal(done.vectors_added, 3);
    optimize.purge = true;
    optimized();
    assert_int_equal(done.files_removed, 3);
    assert_int_equal(done.vectors_removed, 3);
    assert_told("\"operation\":\"REORG\"");
    assert_told("\"numDeletionVectorsRemoved\":\"3\"");
    const silt_add *adds;
    size_t count;
    place_ok(&here, silt_snapshot_adds(here.now, &adds, &count, &here.err));
    for (size_t i = 0; i < count; i++)
        assert_null(adds[i].dv);
    optimized();
    assert_int_equal(done.outcome, SILT_EDIT_NOTHING);
}

static void rows_are_ordered_along_a_curve(void **state)
{
    (void)state;
    static const char *const by[] = {"id", "v", NULL};
    make_table(COLUMNS, "p", NULL);
    SILT_CLEAN(silt_buf) csv = {0};
    for (int f = 0; f < 4; f++) {
        silt_buf_clear(&csv);
        silt_buf_puts(&csv, "id,p,v\n");
        for (int i = 0; i < 200; i++)
            silt_buf_printf(&csv, "%d,%s,%d\n", (i * 37 + f) % 512, i % 2 ? "a" : "b",
                            (i * 91) % 512);
        insert(csv.data);
    }
    optimize.z_order = by;
    optimized();
    assert_int_equal(done.files_removed, 8);
    assert_told("\"zOrderBy\":\"[\\\"id\\\",\\\"v\\\"]\"");
    static const char *const wrong[] = {"p", NULL}, *const none[] = {"x", NULL};
    optimize.z_order = wrong;
    assert_failed(optimize_files(&optimize), SILT_INVALID, "partition column");
    optimize.z_order = none;
    assert_failed(optimize_files(&optimize), SILT_NOT_FOUND, "no column x");
}

static void row_ids_and_feed_stay(void **state)
{
    (void)state;
    many_files(NULL, "delta.enableRowTracking=true,delta.enableChangeDataFeed=true");
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.row_id_column = "row";
    opts.row_commit_version_column = "at";
    const char *texts[2] = {"", ""};
    for (int i = 0; i < 2; i++) {
        silt_scan *scan = NULL;
        place_lines l = {.arena = here.arena};
        SILT_CLEAN(silt_buf) all = {0};
        place_ok(&here, silt_scan_open(here.now, &opts, &scan, &here.err));
        place_ok(&here, silt_scan_rows(scan, place_line, &l, &here.err));
        silt_scan_free(scan);
        qsort(l.lines.items, l.lines.count, sizeof(*l.lines.items), place_order);
        for (size_t k = 0; k < l.lines.count; k++)
            silt_buf_puts(&all, l.lines.items[k]);
        silt_vec_free(&l.lines);
        texts[i] = silt_buf_copy(&all, here.arena);
        if (!i) optimized();
    }
    assert_string_equal(texts[0], texts[1]);
    assert_string_equal(changes(7, 7, false), "");
    assert_told("\"delta.rowTracking.preserved\":\"true\"");
}

/* Sort keys of short values are integers to DuckDB; and rows aren't laid out by what readers can't
 * skip by. */
static void short_columns_have_an_order_too(void **state)
{
    (void)state;
    static const char *const by[] = {"i", "d", NULL}, *const unknown[] = {"d", NULL};
    make_table("struct<i:int,p:string,d:date>", "p", NULL);
    insert("i,p,d\n3,a,2024-01-05\n1,a,2024-03-01\n");
    insert("i,p,d\n2,a,2023-01-05\n,a,\n");
    optimize.z_order = by;
    optimized();
    assert_int_equal(done.files_removed, 2);
    alter(SILT_STEP_SET_PROPERTY, "delta.dataSkippingNumIndexedCols", "1");
    optimize.z_order = unknown;
    assert_failed(optimize_files(&optimize), SILT_INVALID, "no statistics");
    static const char *const first[] = {"i", NULL};
    optimize.z_order = first;
    optimized();
    alter(SILT_STEP_SET_PROPERTY, "delta.dataSkippingStatsColumns", "d");
    assert_failed(optimize_files(&optimize), SILT_INVALID, "no statistics");
    optimize.z_order = unknown;
    optimized();
}

/* Only what isn't clustered yet, unless all is asked for. */
static void clustered_tables_have_columns_of_their_own(void **state)
{
    (void)state;
    static const char *const by[] = {"id", NULL};
    make_table(COLUMNS, NULL, NULL);
    alter(SILT_STEP_CLUSTER_BY, NULL, "id, v");
    insert("id,p,v\n1,a,5\n9,a,3\n");
    insert("id,p,v\n2,a,4\n8,a,1\n");
    optimized();
    assert_int_equal(done.files_removed, 2);
    assert_told("\"clusterBy\":\"[\\\"id\\\",\\\"v\\\"]\"");
    assert_told("\"zOrderBy\":\"[]\"");
    const silt_add *adds;
    size_t count;
    place_ok(&here, silt_snapshot_adds(here.now, &adds, &count, &here.err));
    assert_int_equal(count, 1);
    assert_string_equal(adds[0].clustering_provider, "liquid");
    assert_non_null(strstr(adds[0].tags, "\"ZCUBE_ID\":\""));
    assert_non_null(strstr(adds[0].tags, "\"ZCUBE_ZORDER_BY\":\"[\\\"id\\\",\\\"v\\\"]\""));
    assert_non_null(strstr(adds[0].tags, "\"ZCUBE_ZORDER_CURVE\":\"zorder\""));
    insert("id,p,v\n3,a,4\n");
    optimized();
    assert_int_equal(done.files_removed, 1);
    optimize.full = true;
    optimized();
    assert_int_equal(done.files_removed, 2);
    assert_told("\"isFull\":\"true\"");
    optimize.full = false;
    optimized();
    assert_int_equal(done.outcome, SILT_EDIT_NOTHING);
    optimize.z_order = by;
    assert_failed(optimize_files(&optimize), SILT_INVALID, "clustered");
}

/* ---- others at work */

static const char
    *meddler; /* what the other does: "append", or a condition of a delete; NULL: none */

static void meddle(void *ctx, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    (void)ctx, (void)call;
    if (when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0 || !meddler) return;
    if (!strstr(key, "_delta_log/")) return;
    const char *what = meddler;
    meddler = NULL;
    place_reopen(&here);
    if (strcmp(what, "append") == 0)
        insert("id,p,v\n900,z,1\n");
    else
        place_ok(&here, delete_rows(what));
}

static void appends_are_never_in_the_way(void **state)
{
    (void)state;
    static const char *const others[] = {"append", "id = 100"};
    for (int i = 0; i < 2; i++) {
        tear_down(state);
        set_up_optimize(state);
        many_files(NULL, NULL);
        silt_fault_plan plan = {.hook = meddle};
        silt_store *watched = silt_store_fault_new(here.below, &plan);
        silt_snapshot *snapshot = NULL;
        silt_edit_result result;
        place_ok(&here, silt_snapshot_open(watched, here.engine, NULL, &snapshot, &here.err));
        meddler = others[i];
        silt_error err = {0};
        silt_status st = silt_optimize(snapshot, NULL, &edit_opts, &result, NULL, &err);
        if (st != SILT_OK) fail_msg("%s", err.message);
        assert_int_equal(result.outcome, SILT_EDIT_COMMITTED);
        assert_int_equal(result.files_removed, 6);
        silt_snapshot_free(snapshot);
        silt_store_free(watched);
        place_reopen(&here);
        assert_int_equal(file_count(), i ? 1 : 2);
        const char *rows = place_rows(&here, "id");
        assert_int_equal(strstr(rows, "900") != NULL, i == 0);
        assert_int_equal(strstr(rows, "100") != NULL, i == 0); /* what was deleted stays so */
        assert_no_strays();
    }
}

int main(void)
{
    static int not_local;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(small_files_become_one, set_up_optimize, tear_down),
        cmocka_unit_test_prestate_setup_teardown(small_files_become_one, set_up_optimize, tear_down,
                                                 &not_local),
        cmocka_unit_test_setup_teardown(partitions_stay_apart, set_up_optimize, tear_down),
        cmocka_unit_test_setup_teardown(partition_values_stay, set_up_optimize, tear_down),
        cmocka_unit_test_setup_teardown(bins_are_of_the_target_size, set_up_optimize, tear_down),
        cmocka_unit_test_setup_teardown(deleted_rows_go_for_good, set_up_optimize, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_ordered_along_a_curve, set_up_optimize, tear_down),
        cmocka_unit_test_setup_teardown(short_columns_have_an_order_too, set_up_optimize,
                                        tear_down),
        cmocka_unit_test_setup_teardown(clustered_tables_have_columns_of_their_own, set_up_optimize,
                                        tear_down),
        cmocka_unit_test_setup_teardown(row_ids_and_feed_stay, set_up_optimize, tear_down),
        cmocka_unit_test_setup_teardown(appends_are_never_in_the_way, set_up_optimize, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
