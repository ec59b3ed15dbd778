/* Appends of rows that a program has: once a number, whoever else writes, and nothing left behind.
 */
#include "ops/place.h"

#include <errno.h>

#include "silt/write.h"
#include "support/arrow.h"

static place here;

static int set_up(void **state)
{
    place_init(&here, *state == NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    place_release(&here);
    return 0;
}

/* Two rows: id and id + 1, k null. */
typedef struct two_rows {
    int64_t ids[2];
    test_arrow_column column;
    test_arrow_batch batch;
    test_arrow arrow;
} two_rows;

static struct ArrowArrayStream *rows_from(two_rows *r, int64_t id)
{
    *r = (two_rows){.ids = {id, id + 1}};
    r->column = (test_arrow_column){.name = "id", .format = "l", .values = r->ids};
    r->batch = (test_arrow_batch){&r->column, 2, 0};
    r->arrow = (test_arrow){.column_count = 1, .batches = &r->batch, .batch_count = 1};
    return test_arrow_open(&r->arrow);
}

static silt_append_result result;

/* Append upon `base`, which stays as it is; number -1: without. */
static silt_status append_to(silt_snapshot *base, int64_t id, int64_t number)
{
    two_rows r;
    silt_append_options opts = SILT_APPEND_OPTIONS_INIT;
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    opts.commit = &commit;
    commit.app_id = number >= 0 ? "app" : NULL;
    commit.app_version = number;
    commit.user_metadata = "by a test";
    silt_snapshot *after = NULL;
    here.err = (silt_error){0};
    result = (silt_append_result){.rows = -7};
    silt_status st = silt_append_arrow(base, rows_from(&r, id), &opts, &result, &after, &here.err);
    if (st != SILT_OK) {
        assert_null(after);
        assert_int_equal(result.rows, -7);
    }
    if (after) {
        assert_int_equal(silt_snapshot_version(after), result.table_version);
        silt_snapshot_free(after);
    }
    return st;
}

static void assert_result(silt_append_outcome outcome, int64_t committed, int64_t table)
{
    assert_int_equal(result.outcome, outcome);
    assert_int_equal(result.committed_version, committed);
    assert_int_equal(result.table_version, table);
    bool wrote = outcome == SILT_APPEND_COMMITTED;
    assert_int_equal(result.rows, wrote ? 2 : 0);
    assert_int_equal(result.files, wrote ? 1 : 0);
    assert_int_equal(result.bytes > 0, wrote);
}

static void make_table(const char *schema)
{
    place_create(&here, place_schema(&here, schema));
}

static void rows_are_appended(void **state)
{
    (void)state;
    make_table("struct<id:long,k:string>");
    place_ok(&here, append_to(here.now, 1, -1));
    assert_result(SILT_APPEND_COMMITTED, 1, 1);
    assert_int_equal(result.attempts, 1);
    place_ok(&here, append_to(here.now, 3, -1)); /* upon the old snapshot */
    assert_result(SILT_APPEND_COMMITTED, 2, 2);
    place_reopen(&here);
    place_assert_rows(&here, "id,k", "1|~\n2|~\n3|~\n4|~\n");
    place_assert_no_strays(&here);
    char *left = test_path(here.dir, "table/_silt/scratch");
    char *names = *state ? NULL : test_list(left);
    if (names) assert_string_equal(names, "");
    free(names);
    free(left);
}

static void a_partitioned_table(void **state)
{
    (void)state;
    const char *by[] = {"id"};
    here.sources.partition_by = by;
    here.sources.partition_count = 1;
    make_table("struct<id:long,k:string>");
    place_ok(&here, append_to(here.now, 1, -1));
    assert_int_equal(result.files, 2);
    place_reopen(&here);
    place_assert_rows(&here, "id,k", "1|~\n2|~\n");
    place_assert_no_strays(&here);
}

static void a_stream_without_rows_is_a_commit_too(void **state)
{
    (void)state;
    make_table("struct<id:long>");
    two_rows r;
    silt_append_options opts = SILT_APPEND_OPTIONS_INIT;
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    opts.commit = &commit;
    commit.app_id = "app";
    (void)rows_from(&r, 1);
    r.arrow.batch_count = 0;
    place_ok(&here, silt_append_arrow(here.now, &r.arrow.stream, &opts, &result, NULL, &here.err));
    assert_int_equal(result.committed_version, 1);
    assert_int_equal(result.files, 0);
    place_reopen(&here);
    assert_int_equal(silt_snapshot_app_version(here.now, "app"), 0);
}

static void a_number_is_committed_once(void **state)
{
    (void)state;
    make_table("struct<id:long>");
    place_ok(&here, append_to(here.now, 1, 5));
    assert_result(SILT_APPEND_COMMITTED, 1, 1);
    place_ok(&here, append_to(here.now, 1, 5)); /* known by a conflict only */
    assert_result(SILT_APPEND_ALREADY_DONE, 1, 1);
    assert_int_equal(result.attempts, 1);
    place_reopen(&here);
    place_ok(&here, append_to(here.now, 1, 5)); /* known from the start */
    assert_result(SILT_APPEND_ALREADY_DONE, 1, 1);
    assert_int_equal(result.attempts, 0);
    place_ok(&here, append_to(here.now, 3, 7));
    assert_result(SILT_APPEND_COMMITTED, 2, 2);
    place_ok(&here, append_to(here.now, 1, 5)); /* done long ago */
    assert_result(SILT_APPEND_ALREADY_DONE, 1, 2);
    place_ok(&here, append_to(here.now, 5, 6)); /* never done */
    assert_result(SILT_APPEND_OVERTAKEN, -1, 2);
    place_ok(&here, append_to(here.now, 5, 8)); /* a lower number came since the snapshot */
    assert_result(SILT_APPEND_COMMITTED, 3, 3);
    place_reopen(&here);
    place_assert_rows(&here, "id", "1\n2\n3\n4\n5\n6\n");
    place_assert_no_strays(&here);
}

/* Where the commit has been cleaned up, the number alone tells. */
static void a_number_without_its_commit(void **state)
{
    (void)state;
    make_table("struct<id:long>");
    place_ok(&here, append_to(here.now, 1, 5));
    place_reopen(&here);
    place_ok(&here, append_to(here.now, 3, -1));
    silt_store *store = here.below;
    for (int64_t v = 0; v < 2; v++)
        place_ok(&here, store->ops->remove(store, silt_log_commit_key(here.arena, v), &here.err));
    place_ok(&here, append_to(here.now, 1, 5));
    assert_result(SILT_APPEND_ALREADY_DONE, -1, 2);
    place_ok(&here, append_to(here.now, 1, 4));
    assert_result(SILT_APPEND_OVERTAKEN, -1, 2);
}

static void another_schema_is_a_conflict(void **state)
{
    (void)state;
    make_table("struct<id:long>");
    const silt_metadata *old = &silt_snapshot_state(here.now)->metadata;
    silt_metadata grown = *old;
    grown.schema_json = silt_schema_json(place_schema(&here, "struct<id:long,x:long>"), here.arena);
    for (int with_number = 0; with_number < 2; with_number++) {
        silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
        opts.operation = "CHANGE COLUMN";
        opts.app_id = with_number ? "app" : NULL;
        opts.app_version = 3;
        SILT_AUTO(silt_snapshot) base = NULL;
        SILT_AUTO(silt_txn) txn = NULL;
        silt_txn_result changed;
        place_ok(&here, silt_snapshot_refresh(here.now, &base, &here.err));
        place_ok(&here, silt_txn_new(base, &opts, &txn, &here.err));
        place_ok(&here, silt_txn_set_metadata(txn, &grown, &here.err));
        place_ok(&here, silt_txn_commit(txn, &changed, NULL, &here.err));
        assert_int_equal(append_to(here.now, 1, with_number ? 4 : -1), SILT_CONFLICT);
        place_assert_no_strays(&here);
    }
}

static void what_doesnt_fit_leaves_nothing(void **state)
{
    (void)state;
    make_table("struct<k:string>");
    assert_int_equal(append_to(here.now, 1, -1), SILT_INVALID);
    assert_non_null(strstr(here.err.message, "doesn't have: id"));
    two_rows r;
    (void)rows_from(&r, 1);
    r.column.name = "k";
    r.column.format = "n";
    r.arrow.fails = EPIPE;
    assert_int_equal(silt_append_arrow(here.now, &r.arrow.stream, NULL, &result, NULL, &here.err),
                     SILT_FAILED);
    place_assert_no_strays(&here);
    silt_append_options opts = SILT_APPEND_OPTIONS_INIT;
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    opts.commit = &commit;
    commit.app_id = "";
    assert_int_equal(silt_append_arrow(here.now, &r.arrow.stream, &opts, &result, NULL, &here.err),
                     SILT_INVALID);
    opts.struct_size = 0;
    assert_int_equal(silt_append_arrow(here.now, &r.arrow.stream, &opts, &result, NULL, &here.err),
                     SILT_INVALID);
}

/* For every call of the store: lose it, or its answer; then once more with the same number. */
static void any_lost_call_is_made_good(void **state)
{
    (void)state;
    const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                     SILT_FAULT_CRASH, SILT_FAULT_CRASH_AFTER};
    make_table("struct<id:long>");
    int64_t number = 0;
    for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
        bool fired = true;
        for (int n = 1; fired; n++, number++) {
            silt_fault_plan plan = {.kind = kinds[k], .at = n};
            SILT_AUTO(silt_store) flaky = silt_store_fault_new(here.below, &plan);
            SILT_AUTO(silt_snapshot) base = NULL;
            SILT_AUTO(silt_snapshot) again = NULL;
            if (silt_snapshot_open(flaky, here.engine, NULL, &base, &here.err) == SILT_OK)
                (void)append_to(base, number * 2, number);
            fired = silt_store_fault_run(flaky)->fired;
            place_ok(&here, silt_snapshot_open(here.below, here.engine, NULL, &again, &here.err));
            place_ok(&here, append_to(again, number * 2, number));
            assert_int_not_equal(result.outcome, SILT_APPEND_OVERTAKEN);
        }
    }
    assert_true(number > 20);
    place_reopen(&here);
    SILT_CLEAN(silt_buf) all = {0};
    const char *rows = place_rows(&here, "id");
    size_t lines = 0;
    for (const char *c = rows; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, number * 2);
    for (int64_t id = 0; id < number * 2; id++) { /* sorted as text */
        silt_buf_clear(&all);
        silt_buf_printf(&all, "%" PRId64 "\n", id);
        assert_non_null(strstr(rows, all.data));
    }
}

#define TEST(function)                                                               \
    cmocka_unit_test_prestate_setup_teardown(function, set_up, tear_down, NULL),     \
    {                                                                                \
#function " (no local paths)", function, set_up, tear_down, (void *)"hidden" \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_appended),
        TEST(a_partitioned_table),
        TEST(a_stream_without_rows_is_a_commit_too),
        TEST(a_number_is_committed_once),
        TEST(a_number_without_its_commit),
        TEST(another_schema_is_a_conflict),
        TEST(what_doesnt_fit_leaves_nothing),
        TEST(any_lost_call_is_made_good),
    };
    return cmocka_run_group_tests_name("append of Arrow rows", tests, NULL, NULL);
}
