/* Update: values, what a table asks of them, where the rows go, what the feed says. */
#include "ops/edits.h"

#define COLUMNS "struct<id:bigint,p:string,v:bigint>"
#define VECTORS "delta.enableDeletionVectors=true"
#define FEED    "delta.enableChangeDataFeed=true"

static void four_rows(const char *by, const char *properties)
{
    make_table(COLUMNS, by, properties);
    insert("id,p,v\n1,a,10\n2,a,20\n3,b,30\n");
    insert("id,p,v\n4,b,40\n");
}

static void rows_get_new_values(void **state)
{
    (void)state;
    four_rows(NULL, NULL);
    place_ok(&here, update_rows("v", "v + id", "id IN (2, 3)"));
    assert_int_equal(done.rows_updated, 2);
    assert_int_equal(done.rows_copied, 1);
    assert_int_equal(done.files_removed, 1);
    place_assert_rows(&here, NULL, "1|a|10\n2|a|22\n3|b|33\n4|b|40\n");
    assert_told("\"operation\":\"UPDATE\"");
    assert_told("\"numUpdatedRows\":\"2\"");
    assert_told("\"numCopiedRows\":\"1\"");
    assert_no_strays();
}

static void vectors_mark_the_old_ones(void **state)
{
    (void)state;
    four_rows(NULL, VECTORS);
    place_ok(&here, update_rows("v", "NULL", "id = 2 OR id = 4"));
    assert_int_equal(done.rows_updated, 2);
    assert_int_equal(done.vectors_added, 1);
    assert_int_equal(done.files_removed, 1); /* 4 was alone in its file */
    assert_int_equal(done.rows_copied, 0);
    place_assert_rows(&here, NULL, "1|a|10\n2|a|~\n3|b|30\n4|b|~\n");
    place_ok(&here, update_rows("v", "7", NULL));
    assert_int_equal(done.rows_updated, 4);
    place_assert_rows(&here, NULL, "1|a|7\n2|a|7\n3|b|7\n4|b|7\n");
    assert_no_strays();
}

static void rows_move_between_partitions(void **state)
{
    (void)state;
    four_rows("p", VECTORS);
    place_ok(&here, update_rows("p", "concat(p, '!')", "id <> 3"));
    place_assert_rows(&here, NULL, "1|a!|10\n2|a!|20\n3|b|30\n4|b!|40\n");
    place_ok(&here, delete_rows("p = 'a!'"));
    assert_int_equal(done.files_added, 0);
    place_assert_rows(&here, "id", "3\n4\n");
}

/* Several at once, each over the row as it was. */
static void values_are_of_the_row_as_it_was(void **state)
{
    (void)state;
    make_table("struct<a:bigint,b:bigint>", NULL, NULL);
    insert("a,b\n1,2\n3,4\n");
    const silt_assignment set[] = {{"a", "b"}, {"B", "a"}};
    silt_snapshot *after = NULL;
    place_ok(&here, silt_update(here.now, set, 2, NULL, &edit_opts, &done, &after, &here.err));
    follow(after);
    place_assert_rows(&here, NULL, "2|1\n4|3\n");
}

static void the_feed_is_the_difference(void **state)
{
    static const char *const tables[] = {FEED, FEED "," VECTORS};
    for (size_t i = 0; i < SILT_COUNT(tables); i++) {
        tear_down(state);
        set_up(state);
        four_rows("p", tables[i]);
        place_ok(&here, update_rows("v", "v * 2", "id <= 2"));
        assert_string_equal(changes(3, 3, false),
                            "1|a|10|update_preimage\n1|a|20|update_postimage\n"
                            "2|a|20|update_preimage\n2|a|40|update_postimage\n");
        place_ok(&here, update_rows("p", "'z'", "id = 4"));
        assert_string_equal(changes(4, 4, false),
                            "4|b|40|update_preimage\n4|z|40|update_postimage\n");
        assert_no_strays();
    }
}

/* The moment is one for all rows, and the feed's is the table's. */
static void the_moment_is_the_same_for_all(void **state)
{
    (void)state;
    four_rows(NULL, FEED);
    place_ok(&here, update_rows("p", "current_timestamp()", NULL));
    const char *rows = place_rows(&here, "p"), *feed = changes(3, 3, false);
    char first[64] = "";
    memcpy(first, rows, strcspn(rows, "\n"));
    assert_string_equal(
        rows, silt_arena_printf(here.arena, "%s\n%s\n%s\n%s\n", first, first, first, first));
    assert_non_null(strstr(feed, first));
    place_ok(&here, update_rows("p", "current_date()", "id = 1"));
    assert_failed(update_rows("p", "uuid()", NULL), SILT_UNSUPPORTED, "uuid");
}

static void row_ids_stay(void **state)
{
    (void)state;
    four_rows(NULL, "delta.enableRowTracking=true");
    place_ok(&here, update_rows("v", "0", "id = 2"));
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.row_id_column = "row";
    opts.row_commit_version_column = "at";
    silt_scan *scan = NULL;
    place_lines l = {.arena = here.arena};
    place_ok(&here, silt_scan_open(here.now, &opts, &scan, &here.err));
    place_ok(&here, silt_scan_rows(scan, place_line, &l, &here.err));
    silt_scan_free(scan);
    assert_int_equal(l.lines.count, 4);
    qsort(l.lines.items, 4, sizeof(*l.lines.items), place_order);
    assert_string_equal(l.lines.items[0], "1|a|10|0|1\n");
    assert_string_equal(l.lines.items[1], "2|a|0|1|3\n"); /* changed by version 3 */
    assert_string_equal(l.lines.items[2], "3|b|30|2|1\n");
    silt_vec_free(&l.lines);
}

static void new_rows_keep_what_the_table_asks(void **state)
{
    (void)state;
    four_rows(NULL, NULL);
    alter(SILT_STEP_ADD_CONSTRAINT, "small", "v < 100");
    assert_failed(update_rows("v", "v * 4", "id >= 2"), SILT_BAD_DATA, "small");
    place_assert_rows(&here, "v", "10\n20\n30\n40\n");
    assert_int_equal(silt_snapshot_version(here.now), 3);
    assert_no_strays();
    place_ok(&here, update_rows("v", "v * 2", "id >= 2"));
    place_assert_rows(&here, "v", "10\n40\n60\n80\n");
}

/* Computed of the new values; what they are set to has to be that. */
static void generated_columns_follow(void **state)
{
    (void)state;
    make_table(COLUMNS, NULL, "delta.enableDeletionVectors=true,delta.columnMapping.mode=name");
    alter(SILT_STEP_ADD_COLUMN, NULL, "w bigint");
    insert("id,p,v,w\n1,a,10,20\n2,a,20,40\n");
    const silt_log_state *was = silt_snapshot_state(here.now);
    silt_metadata metadata = was->metadata;
    silt_protocol protocol = was->protocol;
    const char *features[16] = {"generatedColumns"};
    size_t count = 1;
    for (size_t i = 0; i < protocol.writer_features.count; i++)
        features[count++] = protocol.writer_features.items[i];
    protocol.writer_features = (silt_names){features, count};
    const char *at = strstr(metadata.schema_json, "\"name\":\"w\"");
    assert_non_null(at);
    at = strstr(at, "\"metadata\":{") + strlen("\"metadata\":{");
    metadata.schema_json =
        silt_arena_printf(here.arena, "%.*s\"delta.generationExpression\":\"v * 2\",%s",
                          (int)(at - metadata.schema_json), metadata.schema_json, at);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "CHANGE COLUMN";
    SILT_AUTO(silt_txn) txn = NULL;
    silt_txn_result result;
    place_ok(&here, silt_txn_new(here.now, &opts, &txn, &here.err));
    place_ok(&here, silt_txn_set_metadata(txn, &metadata, &here.err));
    place_ok(&here, silt_txn_set_protocol(txn, &protocol, &here.err));
    place_ok(&here, silt_txn_commit(txn, &result, NULL, &here.err));
    place_reopen(&here);
    place_ok(&here, update_rows("v", "v + id", "id = 2"));
    place_assert_rows(&here, NULL, "1|a|10|20\n2|a|22|44\n");
    assert_failed(update_rows("w", "1", "id = 2"), SILT_BAD_DATA, "w");
    place_ok(&here, update_rows("w", "v + v", "id = 2"));
    place_assert_rows(&here, NULL, "1|a|10|20\n2|a|22|44\n");
}

static void values_fit_or_nothing_is_done(void **state)
{
    (void)state;
    make_table("struct<id:bigint,n:short,t:string,d:decimal(5,2)>", NULL, VECTORS);
    insert("id,n,t,d\n1,5,x,1.25\n70000,6,y,2.5\n");
    assert_failed(update_rows("n", "id", NULL), SILT_BAD_DATA, "out of range");
    place_ok(&here, update_rows("n", "id", "id < 10"));
    place_ok(&here, update_rows("d", "d * 2", NULL));
    place_ok(&here, update_rows("t", "id", NULL));
    place_assert_rows(&here, NULL, "1|1|1|2.50\n70000|6|70000|5.00\n");
    assert_failed(update_rows("d", "d * 1000", "id = 1"), SILT_BAD_DATA, "out of range");
    assert_failed(update_rows("n", "t", NULL), SILT_INVALID, "doesn't become");
    assert_no_strays();
}

static void mistakes_are_told(void **state)
{
    (void)state;
    four_rows(NULL, NULL);
    assert_failed(update_rows("w", "1", NULL), SILT_NOT_FOUND, "no column w");
    assert_failed(update_rows("v", "w + 1", NULL), SILT_NOT_FOUND, "w");
    assert_failed(update_rows("v", "", NULL), SILT_INVALID, "v");
    const silt_assignment twice[] = {{"v", "1"}, {"V", "2"}};
    assert_failed(silt_update(here.now, twice, 2, NULL, &edit_opts, &done, NULL, &here.err),
                  SILT_INVALID, "twice");
    assert_failed(silt_update(here.now, twice, 0, NULL, &edit_opts, &done, NULL, &here.err),
                  SILT_INVALID, "nothing");
}

static void any_call_may_be_lost(void **state)
{
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                            SILT_FAULT_CRASH, SILT_FAULT_CRASH_AFTER};
    for (size_t k = 0; k < SILT_COUNT(kinds); k++)
        for (int64_t at = 1, fired = 1; fired; at++) {
            tear_down(state);
            set_up(state);
            four_rows(NULL, FEED "," VECTORS);
            silt_fault_plan plan = {.kind = kinds[k], .at = at};
            silt_store *flaky = silt_store_fault_new(here.below, &plan);
            silt_snapshot *snapshot = NULL;
            silt_error err = {0};
            const silt_assignment set = {"v", "0"};
            silt_status st = silt_snapshot_open(flaky, here.engine, NULL, &snapshot, &err);
            if (st == SILT_OK)
                st = silt_update(snapshot, &set, 1, "id = 2", &edit_opts, &done, NULL, &err);
            silt_snapshot_free(snapshot);
            fired = silt_store_fault_run(flaky)->fired;
            silt_store_free(flaky);
            place_reopen(&here);
            const char *rows = place_rows(&here, "v");
            bool is_new = strcmp(rows, "0\n10\n30\n40\n") == 0;
            if (!is_new) assert_string_equal(rows, "10\n20\n30\n40\n");
            if (st == SILT_OK) assert_true(is_new);
        }
}

int main(void)
{
    static int not_local;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_get_new_values, set_up, tear_down),
        cmocka_unit_test_prestate_setup_teardown(rows_get_new_values, set_up, tear_down,
                                                 &not_local),
        cmocka_unit_test_setup_teardown(vectors_mark_the_old_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_move_between_partitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_are_of_the_row_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_feed_is_the_difference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_moment_is_the_same_for_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(row_ids_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(new_rows_keep_what_the_table_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(generated_columns_follow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_fit_or_nothing_is_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_call_may_be_lost, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
