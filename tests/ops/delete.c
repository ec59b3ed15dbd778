/* Delete: by files, by deletion vectors, by writing files anew; what it tells; when it doesn't. */
#include "ops/edits.h"

#define COLUMNS "struct<id:bigint,p:string,v:bigint>"
#define VECTORS "delta.enableDeletionVectors=true"
#define FEED    "delta.enableChangeDataFeed=true"

static void six_rows(const char *by, const char *properties)
{
    make_table(COLUMNS, by, properties);
    insert("id,p,v\n1,a,10\n2,a,20\n3,b,30\n");
    insert("id,p,v\n4,b,40\n5,c,\n6,c,60\n");
}

static void all_rows_go_with_their_files(void **state)
{
    (void)state;
    six_rows(NULL, VECTORS);
    place_ok(&here, delete_rows(NULL));
    assert_int_equal(done.outcome, SILT_EDIT_COMMITTED);
    assert_int_equal(done.committed_version, 3);
    assert_int_equal(done.rows_deleted, 6);
    assert_int_equal(done.files_removed, 2);
    assert_int_equal(done.vectors_added, 0);
    place_assert_rows(&here, NULL, "");
    assert_told("\"operation\":\"DELETE\"");
    assert_told("\"predicate\":\"[]\"");
    assert_told("\"numDeletedRows\":\"6\"");
}

/* Partition values and statistics say it all: no file is read, none is written. */
static void whole_files_go_unread(void **state)
{
    (void)state;
    six_rows("p", VECTORS);
    silt_engine blind = {&(silt_engine_ops){0}}; /* any call is a crash */
    place_use(&here, &blind);
    place_ok(&here, delete_rows("p = 'a' OR id >= 5"));
    assert_int_equal(done.rows_deleted, 4);
    assert_int_equal(done.files_added, 0);
    assert_int_equal(done.vectors_added, 0);
    place_use(&here, here.real);
    place_assert_rows(&here, "id", "3\n4\n");
}

static void a_null_condition_takes_no_row(void **state)
{
    (void)state;
    six_rows(NULL, VECTORS);
    place_ok(&here, delete_rows("v > 0"));
    assert_int_equal(done.rows_deleted, 5);
    place_assert_rows(&here, "id", "5\n");
}

/* "Older than": the moment is a value like any other. */
static void conditions_may_be_of_the_moment(void **state)
{
    (void)state;
    make_table("struct<id:bigint,d:date>", NULL, VECTORS);
    insert("id,d\n1,2001-01-01\n2,2999-01-01\n3,\n");
    place_ok(&here, delete_rows("d < date_sub(current_date(), 30)"));
    place_assert_rows(&here, "id", "2\n3\n");
    place_ok(&here, delete_rows("d > current_timestamp()"));
    place_assert_rows(&here, "id", "3\n");
}

static void the_rest_is_written_anew(void **state)
{
    (void)state;
    six_rows(NULL, NULL);
    place_ok(&here, delete_rows("id IN (2, 3)"));
    assert_int_equal(done.rows_deleted, 2);
    assert_int_equal(done.rows_copied, 1);
    assert_int_equal(done.files_removed, 1);
    assert_int_equal(done.files_added, 1);
    assert_int_equal(done.files_skipped, 1);
    place_assert_rows(&here, NULL, "1|a|10\n4|b|40\n5|c|~\n6|c|60\n");
    assert_no_strays();
    assert_told("\"numCopiedRows\":\"1\"");
    assert_told("\"predicate\":\"[\\\"`id` IN (2L, 3L)\\\"]\"");
}

static void vectors_mark_rows(void **state)
{
    (void)state;
    six_rows(NULL, VECTORS);
    place_ok(&here, delete_rows("id = 2 OR id = 6"));
    assert_int_equal(done.rows_deleted, 2);
    assert_int_equal(done.vectors_added, 2);
    assert_int_equal(done.vectors_removed, 0);
    assert_int_equal(done.files_removed, 0);
    assert_int_equal(done.files_added, 0);
    place_assert_rows(&here, "id", "1\n3\n4\n5\n");
    const silt_add *adds;
    size_t count;
    place_ok(&here, silt_snapshot_adds(here.now, &adds, &count, &here.err));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(adds[i].dv);
        assert_int_equal(adds[i].dv->cardinality, 1);
        assert_non_null(strstr(adds[i].stats, "\"tightBounds\":false"));
        assert_non_null(strstr(adds[i].stats, "\"numRecords\":3"));
    }
    assert_string_equal(adds[0].dv->path_or_inline, adds[1].dv->path_or_inline); /* one file */
    assert_told("\"numDeletionVectorsAdded\":\"2\"");
}

/* A vector grows by another delete, until the file goes with it. */
static void vectors_grow(void **state)
{
    (void)state;
    edit_opts.rewrite_percent = 100;
    six_rows(NULL, VECTORS);
    place_ok(&here, delete_rows("id = 2"));
    place_ok(&here, delete_rows("id <= 2"));
    assert_int_equal(done.rows_deleted, 1);
    assert_int_equal(done.vectors_added, 1);
    assert_int_equal(done.vectors_removed, 1);
    place_assert_rows(&here, "id", "3\n4\n5\n6\n");
    place_ok(&here, delete_rows("id = 3"));
    assert_int_equal(done.files_removed, 1);
    assert_int_equal(done.vectors_added, 0);
    assert_int_equal(done.vectors_removed, 1);
    place_assert_rows(&here, "id", "4\n5\n6\n");
    place_ok(&here, delete_rows("id = 3")); /* nothing there, nothing done */
    assert_int_equal(done.outcome, SILT_EDIT_NOTHING);
    assert_int_equal(silt_snapshot_version(here.now), 5);
}

static void mostly_gone_files_are_written_anew(void **state)
{
    (void)state;
    six_rows(NULL, VECTORS);
    place_ok(&here, delete_rows("id = 2"));
    place_ok(&here, delete_rows("id = 3"));
    assert_int_equal(done.files_removed, 1);
    assert_int_equal(done.files_added, 1);
    assert_int_equal(done.vectors_removed, 1);
    assert_int_equal(done.rows_copied, 1);
    place_assert_rows(&here, "id", "1\n4\n5\n6\n");
    assert_no_strays();
}

/* However rows go, the feed says which. */
static void the_feed_is_the_difference(void **state)
{
    (void)state;
    static const struct {
        const char *properties, *where;
        int64_t change_files;
    } cases[] = {{FEED, "id = 2 OR id >= 4", 1},
                 {FEED, "id >= 4", 0},
                 {FEED "," VECTORS, "id = 2 OR id >= 4", 0},
                 {FEED "," VECTORS, "id IN (1, 2) OR id = 5", 1},
                 {FEED, NULL, 0}};
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        if (i) {
            tear_down(state);
            set_up(state);
        }
        six_rows(NULL, cases[i].properties);
        place_ok(&here, delete_rows(cases[i].where));
        assert_int_equal(done.change_files, cases[i].change_files);
        const char *net = changes(3, 3, true);
        assert_non_null(strstr(net, "delete"));
        assert_string_equal(changes(3, 3, false), net);
        assert_no_strays();
    }
}

static void row_ids_stay(void **state)
{
    (void)state;
    six_rows(NULL, "delta.enableRowTracking=true");
    place_ok(&here, delete_rows("id = 2"));
    assert_int_equal(done.rows_copied, 2);
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.row_id_column = "row";
    opts.row_commit_version_column = "at";
    opts.where = "id < 4";
    silt_scan *scan = NULL;
    place_lines l = {.arena = here.arena};
    place_ok(&here, silt_scan_open(here.now, &opts, &scan, &here.err));
    place_ok(&here, silt_scan_rows(scan, place_line, &l, &here.err));
    silt_scan_free(scan);
    assert_int_equal(l.lines.count, 2);
    qsort(l.lines.items, 2, sizeof(*l.lines.items), place_order);
    assert_string_equal(l.lines.items[0], "1|a|10|0|1\n");
    assert_string_equal(l.lines.items[1], "3|b|30|2|1\n");
    silt_vec_free(&l.lines);
    assert_told("\"delta.rowTracking.preserved\":\"true\"");
}

static void append_only_tables_lose_nothing(void **state)
{
    (void)state;
    six_rows(NULL, "delta.appendOnly=true");
    assert_failed(delete_rows("id = 2"), SILT_INVALID, "append-only");
    assert_failed(delete_rows(NULL), SILT_INVALID, "append-only");
    assert_int_equal(silt_snapshot_version(here.now), 2);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    six_rows(NULL, NULL);
    assert_failed(delete_rows("idd = 2"), SILT_NOT_FOUND, "idd");
    assert_failed(delete_rows("id = "), SILT_INVALID, "condition");
    assert_failed(delete_rows("id"), SILT_INVALID, "condition");
    edit_opts.rewrite_percent = 101;
    assert_failed(delete_rows("id = 2"), SILT_INVALID, "rewrite_percent");
    assert_no_strays();
}

static void numbers_are_used_once(void **state)
{
    (void)state;
    six_rows(NULL, VECTORS);
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    edit_opts.commit = &commit;
    commit.app_id = "job";
    commit.app_version = 4;
    place_ok(&here, delete_rows("id = 2"));
    assert_int_equal(done.committed_version, 3);
    place_ok(&here, delete_rows("id = 3"));
    assert_int_equal(done.outcome, SILT_EDIT_ALREADY_DONE);
    assert_int_equal(done.committed_version, 3);
    commit.app_version = 3;
    place_ok(&here, delete_rows("id = 3"));
    assert_int_equal(done.outcome, SILT_EDIT_OVERTAKEN);
    commit.app_version = 5;
    place_ok(&here, delete_rows("id = 77")); /* done, though there was nothing to do */
    assert_int_equal(done.outcome, SILT_EDIT_COMMITTED);
    place_assert_rows(&here, "id", "1\n3\n4\n5\n6\n");
}

static void dry_runs_change_nothing(void **state)
{
    (void)state;
    six_rows(NULL, VECTORS);
    edit_opts.dry_run = true;
    place_ok(&here, delete_rows("id = 2 OR id > 3"));
    assert_int_equal(done.outcome, SILT_EDIT_DRY_RUN);
    assert_int_equal(done.rows_deleted, 4);
    assert_int_equal(done.vectors_added, 1);
    assert_int_equal(done.files_removed, 1);
    assert_int_equal(silt_snapshot_version(here.now), 2);
    assert_no_strays();
}

/* Rows that are marked are no rows to an upsert: their keys come anew. */
static void upserts_see_what_is_left(void **state)
{
    (void)state;
    static const char *const by_id[] = {"id"};
    six_rows(NULL, VECTORS);
    place_ok(&here, delete_rows("id = 2"));
    here.spec.keys = by_id;
    here.spec.key_count = 1;
    place_no_sources(&here);
    place_source(&here, "more.csv", "id,p,v\n1,x,0\n2,y,1\n");
    place_load_ok(&here);
    assert_int_equal(here.result.facts.total.inserted, 1);
    assert_int_equal(here.result.facts.total.updated, 1);
    assert_int_equal(here.result.facts.rows_carried, 1);
    place_assert_rows(&here, NULL, "1|x|0\n2|y|1\n3|b|30\n4|b|40\n5|c|~\n6|c|60\n");
}

/* ---- others at work */

static int meddling; /* how often still */
static const char *next_victim;

/* Somebody else commits right before ours is put. */
static void meddle(void *ctx, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    (void)call;
    (void)ctx;
    if (when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0 || meddling <= 0) return;
    if (!strstr(key, "_delta_log/")) return;
    meddling--;
    silt_snapshot *snapshot = NULL;
    silt_edit_result result;
    silt_error err = {0};
    place_ok(&here, silt_snapshot_open(here.below, here.engine, NULL, &snapshot, &err));
    silt_status st = silt_delete(snapshot, next_victim, NULL, &result, NULL, &err);
    silt_snapshot_free(snapshot);
    if (st != SILT_OK) fail_msg("%s", err.message);
}

static void conflicts_are_decided_anew(void **state)
{
    (void)state;
    six_rows(NULL, VECTORS);
    silt_fault_plan plan = {.hook = meddle};
    silt_store *watched = silt_store_fault_new(here.below, &plan);
    silt_snapshot *snapshot = NULL;
    place_ok(&here, silt_snapshot_open(watched, here.engine, NULL, &snapshot, &here.err));
    meddling = 1;
    next_victim = "id = 1";
    place_ok(&here, silt_delete(snapshot, "id <= 2", &edit_opts, &done, NULL, &here.err));
    assert_int_equal(done.outcome, SILT_EDIT_COMMITTED);
    assert_int_equal(done.committed_version, 4);
    assert_int_equal(done.rows_deleted, 1); /* one went with the other's commit */
    assert_int_equal(done.attempts, 2);
    silt_snapshot_free(snapshot);
    place_reopen(&here);
    place_assert_rows(&here, "id", "3\n4\n5\n6\n");
    assert_no_strays(); /* the first try's vector is gone */

    place_ok(&here, silt_snapshot_open(watched, here.engine, NULL, &snapshot, &here.err));
    meddling = 1;
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    edit_opts.commit = &commit;
    commit.max_attempts = 1;
    next_victim = "id = 4";
    assert_failed(silt_delete(snapshot, "id > 3 AND id < 6", &edit_opts, &done, NULL, &here.err),
                  SILT_CONFLICT, "version 5");
    silt_snapshot_free(snapshot);
    silt_store_free(watched);
    place_reopen(&here);
    place_assert_rows(&here, "id", "3\n5\n6\n");
    assert_no_strays();
}

/* Whatever store call is lost, or its answer: the old rows or the new ones, and again they go. */
static void any_call_may_be_lost(void **state)
{
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                            SILT_FAULT_CRASH, SILT_FAULT_CRASH_AFTER};
    static const char *const tables[] = {FEED, VECTORS};
    for (size_t t = 0; t < SILT_COUNT(tables); t++)
        for (size_t k = 0; k < SILT_COUNT(kinds); k++)
            for (int64_t at = 1, fired = 1; fired; at++) {
                tear_down(state);
                set_up(state);
                six_rows(NULL, tables[t]);
                silt_fault_plan plan = {.kind = kinds[k], .at = at};
                silt_store *flaky = silt_store_fault_new(here.below, &plan);
                silt_snapshot *snapshot = NULL;
                silt_error err = {0};
                silt_status st = silt_snapshot_open(flaky, here.engine, NULL, &snapshot, &err);
                if (st == SILT_OK)
                    st = silt_delete(snapshot, "id = 2", &edit_opts, &done, NULL, &err);
                silt_snapshot_free(snapshot);
                fired = silt_store_fault_run(flaky)->fired;
                silt_store_free(flaky);
                place_reopen(&here);
                const char *rows = place_rows(&here, "id");
                bool is_new = strcmp(rows, "1\n3\n4\n5\n6\n") == 0;
                if (!is_new) assert_string_equal(rows, "1\n2\n3\n4\n5\n6\n");
                if (st == SILT_OK) assert_true(is_new);
                place_ok(&here, delete_rows("id = 2"));
                place_assert_rows(&here, "id", "1\n3\n4\n5\n6\n");
            }
}

int main(void)
{
    static int not_local;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_rows_go_with_their_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_files_go_unread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_null_condition_takes_no_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(conditions_may_be_of_the_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_rest_is_written_anew, set_up, tear_down),
        cmocka_unit_test_prestate_setup_teardown(the_rest_is_written_anew, set_up, tear_down,
                                                 &not_local),
        cmocka_unit_test_setup_teardown(vectors_mark_rows, set_up, tear_down),
        cmocka_unit_test_prestate_setup_teardown(vectors_mark_rows, set_up, tear_down, &not_local),
        cmocka_unit_test_setup_teardown(vectors_grow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mostly_gone_files_are_written_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_feed_is_the_difference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(row_ids_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(append_only_tables_lose_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_used_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dry_runs_change_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(upserts_see_what_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(conflicts_are_decided_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_call_may_be_lost, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
