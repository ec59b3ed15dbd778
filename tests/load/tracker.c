/* The tracker: rows that come back as they were written, one commit a transition, few data files.
 */
#include "load/tracker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "support/random.h"

static silt_engine *engine;
static silt_store *store;
static silt_arena *arena;
static silt_error error;

static int setup_all(void **state)
{
    (void)state;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.threads = 1;
    return silt_engine_open(&opts, &engine, &error) == SILT_OK ? 0 : -1;
}

static int teardown_all(void **state)
{
    (void)state;
    silt_engine_free(engine);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    store = silt_store_mem_new();
    arena = silt_arena_new();
    error = (silt_error){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    silt_store_free(store);
    silt_arena_free(arena);
    return 0;
}

static silt_tracker *open_for(const char *pipeline, bool *made)
{
    const silt_tracker_options opts = {.pipeline = pipeline};
    silt_tracker *tracker = NULL;
    silt_status st = silt_tracker_open(store, engine, &opts, true, &tracker, made, &error);
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), error.message);
    return tracker;
}

static silt_tracker *open_tracker(void)
{
    return open_for("nyc", NULL);
}

static const char *path_of(size_t i)
{
    return silt_arena_printf(arena, "/in/file-%05zu é.csv", i);
}

static silt_tracked row_of(size_t i, silt_file_status status, int64_t batch)
{
    const int64_t now = INT64_C(1700000000123456) + (int64_t)i;
    silt_tracked row = {
        .file_path = path_of(i),
        .table_name = i % 7 ? "flights" : "planes",
        .file_size = (int64_t)i * 1000,
        .file_modified_us = now - 5,
        .status = status,
        .start_us = now + 1,
        .end_us = status == SILT_FILE_COMPLETED ? now + 2 : -1,
        .error_message = status == SILT_FILE_FAILED ? "line 3: \"x\"\tis no number" : NULL,
        .retry_count = (int64_t)(i % 3),
        .created_us = now,
        .updated_us = now + 3,
        .batch_id = batch,
        .attempt_id = batch < 0 ? NULL : "11111111-0000-4000-8000-000000000001",
        .row_count = status == SILT_FILE_COMPLETED ? (int64_t)i : -1,
        .rejected_count = status == SILT_FILE_COMPLETED ? 0 : -1,
        .content_hash = status == SILT_FILE_COMPLETED ? "00ff00ff00ff00ff00ff00ff00ff00ff" : NULL,
    };
    return row;
}

static silt_status commit(silt_tracker *tracker, const silt_tracked *rows, size_t count,
                          const char *app_id, int64_t version)
{
    const silt_tracker_change change = {
        .rows = rows,
        .row_count = count,
        .app_id = app_id,
        .app_version = version,
        .operation = "TEST",
    };
    return silt_tracker_commit(tracker, &change, &error);
}

/* Rows `from` to `until` with a status, by one commit. */
static void set(silt_tracker *tracker, size_t from, size_t until, silt_file_status status,
                int64_t batch)
{
    SILT_VEC(silt_tracked) rows = {0};
    for (size_t i = from; i < until; i++)
        assert_true(silt_vec_push(&rows, row_of(i, status, batch)));
    silt_status st = commit(tracker, rows.items, rows.count, NULL, 0);
    silt_vec_free(&rows);
    if (st != SILT_OK) fail_msg("%s", error.message);
}

static void assert_row(const silt_tracked *a, const silt_tracked *b)
{
    assert_non_null(a);
    assert_string_equal(a->file_path, b->file_path);
    assert_string_equal(a->table_name, b->table_name);
    assert_int_equal(a->file_size, b->file_size);
    assert_int_equal(a->file_modified_us, b->file_modified_us);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->start_us, b->start_us);
    assert_int_equal(a->end_us, b->end_us);
    assert_true(silt_streq(a->error_message, b->error_message));
    assert_int_equal(a->retry_count, b->retry_count);
    assert_int_equal(a->created_us, b->created_us);
    assert_int_equal(a->updated_us, b->updated_us);
    assert_int_equal(a->batch_id, b->batch_id);
    assert_true(silt_streq(a->attempt_id, b->attempt_id));
    assert_int_equal(a->row_count, b->row_count);
    assert_int_equal(a->rejected_count, b->rejected_count);
    assert_true(silt_streq(a->content_hash, b->content_hash));
}

/* Row i as it was set. */
static void assert_is(silt_tracker *tracker, size_t i, silt_file_status status, int64_t batch)
{
    const silt_tracked wanted = row_of(i, status, batch);
    assert_row(silt_tracker_find(tracker, wanted.table_name, wanted.file_path), &wanted);
}

static size_t data_files(void)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    const silt_add *adds;
    size_t count;
    assert_int_equal(silt_snapshot_open(store, engine, NULL, &snapshot, &error), SILT_OK);
    assert_int_equal(silt_snapshot_adds(snapshot, &adds, &count, &error), SILT_OK);
    return count;
}

static size_t row_count(const silt_tracker *tracker)
{
    size_t count;
    (void)silt_tracker_rows(tracker, &count);
    return count;
}

/* ---- rows */

static void is_made_once_and_found_again(void **state)
{
    (void)state;
    bool made;
    silt_tracker *tracker = NULL;
    const silt_tracker_options opts = {.pipeline = "nyc"};
    assert_int_equal(silt_tracker_open(store, engine, &opts, false, &tracker, NULL, &error),
                     SILT_NOT_FOUND);
    tracker = open_for("nyc", &made);
    assert_true(made);
    const char *id = silt_arena_strdup(arena, silt_tracker_state_id(tracker));
    assert_int_equal(row_count(tracker), 0);
    assert_int_equal(silt_tracker_last(tracker, "nyc/flights"), -1);
    assert_int_equal(silt_tracker_promised(tracker, "nyc/flights"), -1);
    silt_tracker_free(tracker);
    tracker = open_for("nyc", &made);
    assert_false(made);
    assert_string_equal(silt_tracker_state_id(tracker), id);
    silt_tracker_free(tracker);
}

static void every_status_comes_back_as_it_was_written(void **state)
{
    (void)state;
    silt_tracker *tracker = open_tracker();
    for (int s = SILT_FILE_PENDING; s <= SILT_FILE_UNLOADED; s++)
        set(tracker, (size_t)s, (size_t)s + 1, (silt_file_status)s, s - 1);
    for (int again = 0; again < 2; again++) {
        for (int s = SILT_FILE_PENDING; s <= SILT_FILE_UNLOADED; s++)
            assert_is(tracker, (size_t)s, (silt_file_status)s, s - 1);
        silt_tracker_free(tracker);
        tracker = open_tracker();
    }
    silt_tracker_free(tracker);
}

static void five_thousand_files_go_their_way(void **state)
{
    (void)state;
    enum { ALL = 5000, BATCH = 1000 };
    silt_tracker *tracker = open_tracker();
    for (size_t from = 0; from < ALL; from += BATCH) {
        int64_t batch = (int64_t)(from / BATCH);
        set(tracker, from, from + BATCH, SILT_FILE_PROCESSING, batch);
        assert_is(tracker, from, SILT_FILE_PROCESSING, batch);
        set(tracker, from, from + BATCH - 1, SILT_FILE_COMPLETED, batch);
        set(tracker, from + BATCH - 1, from + BATCH, SILT_FILE_FAILED, batch);
    }
    for (int again = 0; again < 2; again++) {
        assert_int_equal(row_count(tracker), ALL);
        for (size_t i = 0; i < ALL; i++)
            assert_is(tracker, i, i % BATCH == BATCH - 1 ? SILT_FILE_FAILED : SILT_FILE_COMPLETED,
                      (int64_t)(i / BATCH));
        silt_tracker_free(tracker);
        tracker = open_tracker();
    }
    silt_tracker_free(tracker);
}

static void a_transition_leaves_the_other_rows_of_its_file(void **state)
{
    (void)state;
    silt_tracker *tracker = open_tracker();
    set(tracker, 0, 10, SILT_FILE_PROCESSING, 0);
    set(tracker, 3, 5, SILT_FILE_COMPLETED, 0);
    assert_int_equal(data_files(), 1);
    silt_tracker *fresh = open_tracker();
    for (size_t i = 0; i < 10; i++) {
        bool done = i >= 3 && i < 5;
        assert_is(tracker, i, done ? SILT_FILE_COMPLETED : SILT_FILE_PROCESSING, 0);
        assert_is(fresh, i, done ? SILT_FILE_COMPLETED : SILT_FILE_PROCESSING, 0);
    }
    silt_tracker_free(fresh);
    silt_tracker_free(tracker);
}

static void one_path_in_two_tables_is_two_rows(void **state)
{
    (void)state;
    silt_tracker *tracker = open_tracker();
    silt_tracked rows[] = {row_of(1, SILT_FILE_COMPLETED, 3), row_of(1, SILT_FILE_FAILED, 4)};
    rows[1].table_name = "other";
    assert_int_equal(commit(tracker, rows, 2, NULL, 0), SILT_OK);
    assert_row(silt_tracker_find(tracker, "flights", path_of(1)), &rows[0]);
    assert_row(silt_tracker_find(tracker, "other", path_of(1)), &rows[1]);
    assert_null(silt_tracker_find(tracker, "planes", path_of(1)));
    silt_tracker_free(tracker);
}

static void numbers_are_kept(void **state)
{
    (void)state;
    silt_tracker *tracker = open_tracker();
    const silt_tracked row = row_of(1, SILT_FILE_PROCESSING, 5);
    assert_int_equal(commit(tracker, &row, 1, "nyc/flights", 5), SILT_OK);
    assert_int_equal(commit(tracker, NULL, 0, "nyc/flights/last", 4), SILT_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(silt_tracker_promised(tracker, "nyc/flights"), 5);
        assert_int_equal(silt_tracker_last(tracker, "nyc/flights"), 4);
        assert_int_equal(silt_tracker_last(tracker, "nyc/planes"), -1);
        silt_tracker_free(tracker);
        tracker = open_tracker();
    }
    /* An intent for a number that was promised before is somebody else's. */
    assert_int_equal(commit(tracker, &row, 1, "nyc/flights", 5), SILT_CONFLICT);
    assert_int_equal(commit(tracker, &row, 1, "nyc/flights", 6), SILT_OK);
    silt_tracker_free(tracker);
}

/* The log goes on: who plans upon what was before can't commit, and leaves no gap. */
static void what_is_forgotten_can_not_be_gone_on_with(void **state)
{
    (void)state;
    silt_tracker *tracker = open_tracker();
    const silt_tracked row = row_of(1, SILT_FILE_PROCESSING, 5),
                       other = row_of(2, SILT_FILE_PENDING, -1);
    for (int64_t round = 0; round < 3; round++) {
        const char *id = silt_arena_strdup(arena, silt_tracker_state_id(tracker));
        assert_int_equal(commit(tracker, &row, 1, "nyc/flights", 5 + round), SILT_OK);
        SILT_CLEAN(silt_buf) last = {0};
        silt_tracker_put_last(tracker, &last, "nyc/flights");
        assert_int_equal(commit(tracker, NULL, 0, last.data, 4 + round), SILT_OK);
        silt_tracker *zombie = open_tracker(), *behind = open_tracker();
        assert_int_equal(commit(tracker, &other, 1, NULL, 0), SILT_OK);
        assert_int_equal(silt_tracker_forget(behind, &error),
                         SILT_OK); /* of what came since, too */
        assert_int_equal(commit(zombie, &other, 1, NULL, 0), SILT_CONFLICT);
        assert_int_equal(commit(tracker, &row, 1, "nyc/flights", 6 + round), SILT_CONFLICT);
        silt_tracker_free(zombie);
        silt_tracker_free(tracker);
        for (int again = 0; again < 2; again++) {
            tracker = again ? open_tracker() : behind;
            assert_int_equal(row_count(tracker), 0);
            assert_int_equal(data_files(), 0);
            assert_int_equal(silt_tracker_last(tracker, "nyc/flights"), -1);
            assert_int_equal(silt_tracker_promised(tracker, "nyc/flights"), 5 + round);
            assert_string_not_equal(silt_tracker_state_id(tracker), id);
            if (!again) silt_tracker_free(tracker);
        }
    }
    silt_tracker_free(tracker);
}

/* ---- many commits */

static void three_hundred_commits_keep_rows_and_few_files(void **state)
{
    (void)state;
    enum { FILES = 400, COMMITS = 300 };
    silt_file_status now[FILES];
    int64_t batch[FILES];
    memset(batch, 0xff, sizeof(batch));
    test_random random = test_random_new();
    silt_tracker *tracker = open_tracker();
    for (int64_t n = 0; n < COMMITS; n++) {
        size_t count = 1 + test_random_below(&random, 6);
        SILT_VEC(silt_tracked) rows = {0};
        for (size_t k = 0; k < count; k++) {
            size_t i = test_random_below(&random, FILES);
            if (batch[i] == n) continue; /* a change holds a row once */
            batch[i] = n;
            now[i] = (silt_file_status)test_random_below(&random, 4);
            assert_true(silt_vec_push(&rows, row_of(i, now[i], n)));
        }
        assert_int_equal(commit(tracker, rows.items, rows.count, "nyc/flights", n), SILT_OK);
        silt_vec_free(&rows);
        assert_in_range(data_files(), 1, 40);
        if (n % 50 != 49) continue;
        silt_tracker *fresh = open_tracker();
        for (size_t i = 0; i < FILES; i++) {
            if (batch[i] < 0) continue;
            assert_is(tracker, i, now[i], batch[i]);
            assert_is(fresh, i, now[i], batch[i]);
        }
        assert_int_equal(row_count(fresh), row_count(tracker));
        silt_tracker_free(fresh);
    }
    silt_tracker_free(tracker);
}

/* ---- others */

static void of_two_handles_the_slower_one_conflicts(void **state)
{
    (void)state;
    silt_tracker *first = open_tracker(), *second = open_tracker();
    set(first, 0, 3, SILT_FILE_PROCESSING, 0);
    const silt_tracked late = row_of(1, SILT_FILE_FAILED, 9);
    assert_int_equal(commit(second, &late, 1, NULL, 0), SILT_CONFLICT);
    assert_int_equal(row_count(second), 0); /* what it shows is what it has read */
    assert_int_equal(commit(second, &late, 1, NULL, 0), SILT_CONFLICT);
    assert_int_equal(silt_tracker_refresh(second, &error), SILT_OK);
    assert_is(second, 1, SILT_FILE_PROCESSING, 0);
    assert_int_equal(silt_tracker_version(second), silt_tracker_version(first));
    set(second, 0, 3, SILT_FILE_COMPLETED, 0);
    assert_int_equal(commit(first, &late, 1, NULL, 0), SILT_CONFLICT);
    assert_int_equal(silt_tracker_refresh(first, &error), SILT_OK);
    for (size_t i = 0; i < 3; i++)
        assert_is(first, i, SILT_FILE_COMPLETED, 0);
    silt_tracker_free(first);
    silt_tracker_free(second);
}

/* ---- without memory */

/* One commit whose nth allocation fails, or it and all behind it. It says OK only where it stands;
 * the tracker can be asked, read again and changed whatever came of it. */
static bool commit_without_memory(int n, bool all_after)
{
    teardown(NULL);
    setup(NULL);
    silt_tracker *tracker = open_tracker();
    set(tracker, 0, 3, SILT_FILE_PROCESSING, 0);
    const int64_t before = silt_tracker_version(tracker);
    const silt_tracked row = row_of(1, SILT_FILE_COMPLETED, 0);
    test_alloc_fail(n, all_after);
    silt_status st = commit(tracker, &row, 1, "nyc/flights/last", 0);
    const bool failed = test_alloc_failed();
    if (st != SILT_OK && (!failed || (st != SILT_NOMEM && st != SILT_UNSURE)))
        fail_msg("%d: %s: %s", n, silt_status_name(st), error.message);
    assert_in_range(silt_tracker_version(tracker), before, before + 1);
    (void)silt_tracker_last(tracker, "nyc/flights");
    silt_tracker *fresh = open_tracker();
    const bool stands = silt_tracker_last(fresh, "nyc/flights") == 0;
    assert_true(st != SILT_OK || stands);
    assert_int_equal(silt_tracker_refresh(tracker, &error), SILT_OK);
    assert_int_equal(silt_tracker_version(tracker), silt_tracker_version(fresh));
    assert_is(tracker, 1, stands ? SILT_FILE_COMPLETED : SILT_FILE_PROCESSING, 0);
    assert_is(tracker, 2, SILT_FILE_PROCESSING, 0);
    set(tracker, 0, 3, SILT_FILE_FAILED, 0);
    silt_tracker_free(fresh);
    silt_tracker_free(tracker);
    return failed;
}

static void a_commit_without_memory_leaves_a_tracker(void **state)
{
    (void)state;
    for (int all_after = 0; all_after < 2; all_after++)
        for (int n = 1; commit_without_memory(n, all_after); n++)
            ;
}

static void another_pipelines_state_is_refused(void **state)
{
    (void)state;
    silt_tracker_free(open_for("other", NULL));
    const silt_tracker_options opts = {.pipeline = "nyc"};
    silt_tracker *tracker = NULL;
    assert_int_equal(silt_tracker_open(store, engine, &opts, true, &tracker, NULL, &error),
                     SILT_INVALID);
    assert_non_null(strstr(error.message, "that of pipeline 'other', not of pipeline 'nyc'"));
    assert_non_null(strstr(error.hint, "checkpoint_path"));
    assert_null(tracker);
}

static void a_tracker_that_cannot_be_read_says_what_to_do(void **state)
{
    (void)state;
    silt_tracker *tracker = open_tracker();
    set(tracker, 0, 3, SILT_FILE_COMPLETED, 0);
    silt_tracker_free(tracker);
    const char *key = silt_log_commit_key(arena, 1);
    assert_int_equal(store->ops->put(store, key, SILT_STR("{\"add\":"), &error), SILT_OK);
    const silt_tracker_options opts = {.pipeline = "nyc"};
    assert_int_equal(silt_tracker_open(store, engine, &opts, true, &tracker, NULL, &error),
                     SILT_INCONSISTENT);
    assert_non_null(strstr(error.hint, "reset-state"));
}

static bool note_data(void *ctx, const silt_object *object)
{
    if (!silt_ends_with(object->key, ".parquet")) return true;
    *(const char **)ctx = silt_arena_strdup(arena, object->key);
    return true;
}

static void a_tracker_without_its_rows_says_what_to_do(void **state)
{
    (void)state;
    static const char *const bodies[] = {NULL, "PAR1 garbage PAR1"};
    for (size_t i = 0; i < SILT_COUNT(bodies); i++) {
        silt_tracker *tracker = open_tracker();
        set(tracker, 0, 3, SILT_FILE_COMPLETED, 0);
        silt_tracker_free(tracker);
        const char *key = NULL;
        assert_int_equal(store->ops->list(store, "", NULL, true, note_data, &key, &error), SILT_OK);
        assert_non_null(key);
        if (bodies[i])
            assert_int_equal(store->ops->put(store, key, silt_bytes_of(bodies[i]), &error),
                             SILT_OK);
        else
            assert_int_equal(store->ops->remove(store, key, &error), SILT_OK);
        const silt_tracker_options opts = {.pipeline = "nyc"};
        assert_int_equal(silt_tracker_open(store, engine, &opts, true, &tracker, NULL, &error),
                         SILT_INCONSISTENT);
        assert_non_null(strstr(error.hint, "reset-state"));
        silt_store_free(store);
        store = silt_store_mem_new();
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(is_made_once_and_found_again),
        CASE(every_status_comes_back_as_it_was_written),
        CASE(five_thousand_files_go_their_way),
        CASE(a_transition_leaves_the_other_rows_of_its_file),
        CASE(one_path_in_two_tables_is_two_rows),
        CASE(numbers_are_kept),
        CASE(what_is_forgotten_can_not_be_gone_on_with),
        CASE(three_hundred_commits_keep_rows_and_few_files),
        CASE(of_two_handles_the_slower_one_conflicts),
        CASE(a_commit_without_memory_leaves_a_tracker),
        CASE(another_pipelines_state_is_refused),
        CASE(a_tracker_that_cannot_be_read_says_what_to_do),
        CASE(a_tracker_without_its_rows_says_what_to_do),
    };
    return cmocka_run_group_tests_name("tracker", tests, setup_all, teardown_all);
}
