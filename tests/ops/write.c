/* silt_write(): streams as sources, others in between, and what a failed write leaves behind. */
#include "ops/place.h"

#include <sys/stat.h>
#include <unistd.h>

#include "silt/edit.h"
#include "silt/scan.h"
#include "silt/sql.h"
#include "silt/write.h"
#include "table/rows.h"
#include "table/shape.h"

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

static void create(const char *columns, const char *property, const char *value)
{
    const silt_type *schema;
    silt_shape shape;
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    silt_txn_result r;
    SILT_AUTO(silt_txn) txn = NULL;
    opts.operation = "CREATE TABLE";
    place_ok(&here, silt_ddl_columns(columns, here.arena, &schema, &here.err));
    place_ok(&here,
             silt_shape_new(schema, (silt_names){0}, 1, NULL, here.arena, &shape, &here.err));
    if (property) place_ok(&here, silt_shape_set_property(&shape, property, value, &here.err));
    place_ok(&here, silt_txn_new_table(here.store, here.engine, &opts, &txn, &here.err));
    place_ok(&here, silt_shape_apply(&shape, txn, &here.err));
    place_ok(&here, silt_txn_commit(txn, &r, NULL, &here.err));
}

/* Write the rows of a query, as a scan or as a stream of Arrow batches. */
static silt_status write_rows(const char *sql, bool as_stream, const silt_write_options *opts,
                              silt_write_result *out)
{
    SILT_AUTO(silt_scan) scan = NULL;
    struct ArrowArrayStream stream = {0};
    silt_write_source source = SILT_WRITE_SOURCE_INIT;
    place_ok(&here, silt_sql_open(here.engine, sql, NULL, &scan, &here.err));
    if (as_stream) place_ok(&here, silt_scan_stream(scan, &stream, &here.err));
    if (as_stream)
        source.stream = &stream;
    else
        source.scan = scan;
    silt_status st = silt_write(here.store, here.engine, &source, opts, out, NULL, &here.err);
    if (stream.release) stream.release(&stream);
    return st;
}

static bool add_text(void *ctx, const silt_bytes *values, size_t count)
{
    silt_buf *buf = ctx;
    for (size_t i = 0; i < count; i++)
        silt_buf_printf(buf, "%s%.*s", i ? "|" : "", (int)(values[i].data ? values[i].size : 1),
                        values[i].data ? values[i].data : "~");
    silt_buf_putc(buf, '\n');
    return true;
}

/* All rows, sorted by a query's words. */
static void assert_rows(const char *columns, const char *expected)
{
    SILT_AUTO(silt_scan) scan = NULL;
    SILT_CLEAN(silt_buf) buf = {0};
    const char *sql = silt_arena_printf(here.arena, "SELECT %s FROM delta('%s/table') ORDER BY ALL",
                                        columns, here.dir);
    place_ok(&here, silt_sql_open(here.engine, sql, NULL, &scan, &here.err));
    place_ok(&here, silt_scan_rows(scan, add_text, &buf, &here.err));
    silt_buf_putc(&buf, '\0');
    assert_string_equal(buf.data, expected);
}

/* Data files that lie in the table's folder. */
static bool count_file(void *ctx, const silt_object *object)
{
    if (strstr(object->key, ".parquet") && !silt_starts_with(object->key, "_delta_log"))
        ++*(int *)ctx;
    return true;
}

static int files_there(void)
{
    int count = 0;
    place_ok(&here,
             here.store->ops->list(here.store, "", NULL, true, count_file, &count, &here.err));
    return count;
}

static void streams_and_scans_are_written(void **state)
{
    (void)state;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_result r;
    place_ok(&here, write_rows("SELECT 1::BIGINT AS id, 'a' AS v", true, &opts, &r));
    assert_true(r.created && r.committed_version == 0 && r.rows_inserted == 1);
    place_ok(&here, write_rows("SELECT 2 AS id, 'b' AS v", false, &opts, &r));
    opts.schema_mode = SILT_SCHEMA_MERGE;
    place_ok(&here, write_rows("SELECT 3 AS id, 2.5::DOUBLE AS w", true, &opts, &r));
    assert_rows("id, v, w", "1|a|~\n2|b|~\n3|~|2.5\n");
    opts.mode = SILT_WRITE_OVERWRITE;
    opts.schema_mode = SILT_SCHEMA_FIXED;
    opts.where = "id >= 2";
    place_ok(&here, write_rows("SELECT 4 AS id, 'd' AS v", true, &opts, &r));
    assert_int_equal(r.files_removed, 2);
    assert_rows("id, v", "1|a\n4|d\n");
}

static void keyed_writes_take_streams(void **state)
{
    (void)state;
    static const char *const keys[] = {"id", NULL};
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_result r;
    opts.mode = SILT_WRITE_UPSERT;
    opts.keys = keys;
    for (int stream = 0; stream < 2; stream++) {
        place_ok(&here,
                 write_rows("SELECT range AS id, 'a' AS v FROM range(3)", stream, &opts, &r));
        place_ok(&here,
                 write_rows("SELECT range AS id, 'b' AS v FROM range(2, 5)", stream, &opts, &r));
        assert_rows("id, v", "0|a\n1|a\n2|b\n3|b\n4|b\n");
    }
}

static void what_violates_leaves_nothing_behind(void **state)
{
    (void)state;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_result r;
    create("id long not null, v string", "delta.appendOnly", "true");
    for (int stream = 0; stream < 2; stream++)
        assert_int_not_equal(write_rows("SELECT NULL::BIGINT AS id", stream, &opts, &r), SILT_OK);
    assert_int_equal(files_there(), 0);
    opts.mode = SILT_WRITE_OVERWRITE;
    assert_int_equal(write_rows("SELECT 1 AS id", false, &opts, &r), SILT_UNSUPPORTED);
    opts.mode = SILT_WRITE_ERROR;
    assert_int_equal(write_rows("SELECT 1 AS id", false, &opts, &r), SILT_EXISTS);
    assert_int_equal(files_there(), 0);
}

static silt_write_options other; /* of the other writer */
static const char *other_rows;

/* A commit of somebody else's between ours being staged and its first try. */
static void append_meanwhile(bool *done)
{
    silt_write_result r;
    *done = true;
    place_ok(&here, write_rows(other_rows, false, &other, &r));
}

typedef struct interrupted {
    struct ArrowArrayStream inner;
    bool done;
} interrupted;

static int inner_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    interrupted *i = stream->private_data;
    return i->inner.get_schema(&i->inner, out);
}

/* At the stream's end, when all is read, the other commit comes. */
static int next_then_append(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    interrupted *i = stream->private_data;
    int failed = i->inner.get_next(&i->inner, out);
    if (!failed && !out->release && !i->done) append_meanwhile(&i->done);
    return failed;
}

static const char *inner_error(struct ArrowArrayStream *stream)
{
    interrupted *i = stream->private_data;
    return i->inner.get_last_error(&i->inner);
}

static void inner_release(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

static silt_status write_with_another(const char *sql, const silt_write_options *opts,
                                      silt_write_result *out)
{
    SILT_AUTO(silt_scan) scan = NULL;
    silt_engine_options engine_opts = SILT_ENGINE_OPTIONS_INIT;
    SILT_AUTO(silt_engine) own = NULL; /* the other writer uses the first one meanwhile */
    interrupted i = {0};
    place_ok(&here, silt_engine_open(&engine_opts, &own, &here.err));
    place_ok(&here, silt_sql_open(own, sql, NULL, &scan, &here.err));
    place_ok(&here, silt_scan_stream(scan, &i.inner, &here.err));
    struct ArrowArrayStream stream = {inner_schema, next_then_append, inner_error, inner_release,
                                      &i};
    SILT_AUTO(silt_engine) writer = NULL;
    place_ok(&here, silt_engine_open(&engine_opts, &writer, &here.err));
    silt_write_source source = SILT_WRITE_SOURCE_INIT;
    source.stream = &stream;
    silt_status st = silt_write(here.store, writer, &source, opts, out, NULL, &here.err);
    i.inner.release(&i.inner);
    assert_true(i.done);
    return st;
}

/* Mere appends count as coming afterwards; what else replaces rows is replaced in turn. */
static void overwrites_see_what_came_in_between(void **state)
{
    (void)state;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_result r;
    other = opts;
    other_rows = "SELECT 100 AS id, 'other' AS v";
    place_ok(&here, write_rows("SELECT 1 AS id, 'a' AS v", false, &opts, &r));
    place_ok(&here, write_with_another("SELECT 2 AS id, 'b' AS v", &opts, &r));
    assert_rows("id, v", "1|a\n2|b\n100|other\n");
    opts.mode = SILT_WRITE_OVERWRITE;
    place_ok(&here, write_with_another("SELECT 3 AS id, 'c' AS v", &opts, &r));
    assert_rows("id, v", "3|c\n100|other\n");
    other.mode = SILT_WRITE_OVERWRITE;
    place_ok(&here, write_with_another("SELECT 4 AS id, 'd' AS v", &opts, &r));
    assert_rows("id, v", "4|d\n");
    opts.where = "id < 50";
    place_ok(&here, write_with_another("SELECT 5 AS id, 'e' AS v", &opts, &r));
    assert_rows("id, v", "5|e\n100|other\n");
}

/* Rows of a file that another has changed meanwhile are looked for again, in tables with a feed and
 * with deletion vectors, too; nothing of the first try is left. */
static void parts_of_files_are_replaced_anew(void **state)
{
    (void)state;
    static const char *const properties[] = {NULL, "delta.enableChangeDataFeed",
                                             "delta.enableDeletionVectors"};
    for (size_t i = 0; i < 3; i++) {
        silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
        silt_write_result r;
        if (i) tear_down(NULL), set_up(state);
        create("id long, v string", properties[i], "true");
        place_ok(&here,
                 write_rows("SELECT range AS id, 'a' AS v FROM range(10)", false, &opts, &r));
        opts.mode = SILT_WRITE_OVERWRITE;
        other = opts;
        other_rows = "SELECT 1 AS id, 'other' AS v";
        other.where = "id < 2";
        opts.where = "id < 4";
        place_ok(&here, write_with_another("SELECT 3 AS id, 'c' AS v", &opts, &r));
        assert_int_equal(r.rows_deleted, 3);
        assert_rows("DISTINCT v, count(*) OVER (PARTITION BY v)", "a|6\nc|1\n");
        assert_int_equal(files_there(), i == 0 ? 5 : i == 1 ? 9 : 3);
    }
}

static bool take_info(void *ctx, const silt_history_entry *entry)
{
    *(char **)ctx = silt_arena_strdup(here.arena, entry->commit_info);
    return false;
}

/* Overwrites of different partitions never stand against each other: the second try of the commit
 * is the same one, later. */
static void overwrites_of_other_partitions_are_no_conflict(void **state)
{
    (void)state;
    static const char *const by[] = {"p", "d", NULL};
    static const char rows[] = "SELECT * FROM (VALUES (1, 'a', DATE '2024-01-05'), (2, 'b', NULL), "
                               "(NULL, 'c', DATE '2024-01-05')) t(p, v, d)";
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_result r;
    char *info = NULL;
    opts.partition_by = by;
    place_ok(&here, write_rows(rows, false, &opts, &r));
    opts.mode = SILT_WRITE_OVERWRITE;
    opts.dynamic_partitions = true;
    other = opts;
    other_rows = "SELECT 1 AS p, 'A' AS v, DATE '2024-01-05' AS d";
    place_ok(&here, write_with_another("SELECT 2 AS p, 'B' AS v, NULL::DATE AS d", &opts, &r));
    assert_rows("v", "A\nB\nc\n");
    place_ok(&here, silt_table_history(here.store, 1, take_info, &info, &here.err));
    assert_non_null(strstr(info, "\"attempts\":2"));
    other_rows = "SELECT NULL::INT AS p, 'C' AS v, DATE '2024-01-05' AS d";
    place_ok(&here, write_with_another("SELECT NULL::INT AS p, 'D' AS v, DATE '2024-01-05' AS d",
                                       &opts, &r));
    assert_rows("v", "A\nB\nD\n");
    place_ok(&here, silt_table_history(here.store, 1, take_info, &info, &here.err));
    assert_non_null(strstr(info, "\"attempts\":1")); /* planned anew */
}

/* What others set that says nothing of rows is no reason to fail. */
static void appends_pass_over_policies_of_others(void **state)
{
    (void)state;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_result r;
    silt_policy policy = SILT_POLICY_INIT;
    place_ok(&here, write_rows("SELECT 1 AS id, 'a' AS v", false, &opts, &r));
    policy.stats_count = "1";
    other = opts;
    other.policy = &policy;
    other_rows = "SELECT 2 AS id, 'b' AS v";
    place_ok(&here, write_with_another("SELECT 3 AS id, 'c' AS v", &opts, &r));
    assert_rows("id", "1\n2\n3\n");
    static const silt_policy_constraint small = {"small", "id < 100", true, SILT_VIOLATION_FAIL};
    policy.constraints = &small;
    policy.constraint_count = 1;
    assert_int_equal(write_rows("SELECT 4 AS id", false, &other, &r), SILT_INVALID);
    assert_non_null(strstr(here.err.message, "checkConstraints"));
    static const silt_policy_constraint once = {"small", "id < 100", false, SILT_VIOLATION_FAIL};
    policy.constraints = &once;
    assert_int_equal(write_rows("SELECT 400 AS id", false, &other, &r), SILT_BAD_DATA);
    place_ok(&here, write_rows("SELECT 400 AS id", false, &opts, &r));
}

/* ---- files that don't come to the table as they were written */

static const silt_store_ops *whole;

static silt_status put_and_cut(silt_store *store, const char *key, const char *path,
                               silt_error *err)
{
    silt_status st = whole->put_file(store, key, path, err);
    char *at = silt_arena_printf(here.arena, "%s/table/%s", here.dir, key);
    struct stat s;
    if (st == SILT_OK && strstr(key, ".parquet") && stat(at, &s) == 0)
        assert_int_equal(truncate(at, s.st_size - 1), 0);
    return st;
}

static silt_status append_some(silt_snapshot *snapshot)
{
    SILT_AUTO(silt_scan) scan = NULL;
    struct ArrowArrayStream stream = {0};
    silt_append_result r;
    place_ok(&here, silt_sql_open(here.engine, "SELECT 7::BIGINT AS id", NULL, &scan, &here.err));
    place_ok(&here, silt_scan_stream(scan, &stream, &here.err));
    silt_status st = silt_append_arrow(snapshot, &stream, NULL, &r, NULL, &here.err);
    stream.release(&stream);
    return st;
}

static void a_file_that_is_cut_is_never_committed(void **state)
{
    static const char *const keys[] = {"id", NULL};
    for (int how = 0; how < 7; how++) {
        silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
        silt_write_result r;
        silt_edit_result e;
        silt_status st = SILT_OK;
        SILT_AUTO(silt_snapshot) now = NULL;
        if (how) tear_down(NULL), set_up(state);
        create("id long, v string", how == 6 ? "delta.enableChangeDataFeed" : NULL, "true");
        place_ok(&here, write_rows("SELECT range AS id, 'a' AS v FROM range(9)", false, &opts, &r));
        place_ok(&here, silt_snapshot_open(here.store, here.engine, NULL, &now, &here.err));
        whole = here.store->ops;
        silt_store_ops cutting = *whole;
        cutting.put_file = put_and_cut;
        here.store->ops = &cutting;
        if (how == 1) opts.mode = SILT_WRITE_OVERWRITE;
        if (how == 2) opts.mode = SILT_WRITE_UPSERT;
        if (how == 2) opts.keys = keys;
        if (how < 3) st = write_rows("SELECT 1 AS id, 'b' AS v", how == 0, &opts, &r);
        if (how == 3) st = append_some(now);
        if (how == 4 || how == 6) st = silt_delete(now, "id = 3", NULL, &e, NULL, &here.err);
        const silt_assignment set = {"v", "'x'"};
        if (how == 5) st = silt_update(now, &set, 1, "id = 3", NULL, &e, NULL, &here.err);
        here.store->ops = whole;
        assert_int_equal(st, SILT_FAILED);
        assert_non_null(strstr(here.err.message, "conservation: "));
        assert_int_equal(files_there(), 1);
        assert_rows("count(*)", "9\n");
    }
}

static void a_number_is_written_once(void **state)
{
    (void)state;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_result r;
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    opts.commit = &commit;
    commit.app_id = "app";
    commit.app_version = 5;
    place_ok(&here, write_rows("SELECT 1 AS id", false, &opts, &r));
    assert_int_equal(r.outcome, SILT_WRITE_COMMITTED);
    place_ok(&here, write_rows("SELECT 1 AS id", true, &opts, &r));
    assert_int_equal(r.outcome, SILT_WRITE_ALREADY_DONE);
    assert_int_equal(r.committed_version, 0);
    commit.app_version = 4;
    place_ok(&here, write_rows("SELECT 1 AS id", false, &opts, &r));
    assert_int_equal(r.outcome, SILT_WRITE_OVERTAKEN);
    assert_rows("id", "1\n");
}

static bool add_object(void *ctx, const silt_object *object)
{
    silt_buf_printf(ctx, "%s %" PRId64 " %" PRId64 "\n", object->key, object->size_bytes,
                    object->mtime_ns);
    return true;
}

static const char *all_there(void)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_puts(&buf, "");
    place_ok(&here, here.store->ops->list(here.store, "", NULL, true, add_object, &buf, &here.err));
    return silt_buf_copy(&buf, here.arena);
}

/* Whatever kind of store it is; what comes of it is what came of the dry run. */
static void dry_runs_leave_no_trace(void **state)
{
    (void)state;
    static const char *const keys[] = {"id", NULL};
    const char *rows = "SELECT * FROM (VALUES (1, 'x'), (7, 'y')) AS s(id, v)";
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_result said, done;
    opts.dry_run = true;
    opts.arena = here.arena;
    place_ok(&here, write_rows("SELECT 1::BIGINT AS id, 'a' AS v", false, &opts, &said));
    assert_string_equal(all_there(), "");
    assert_int_equal(said.outcome, SILT_WRITE_DRY_RUN);
    assert_true(said.created && said.table_version == -1 && said.change_count > 2);
    opts.dry_run = false;
    place_ok(&here, write_rows("SELECT 1::BIGINT AS id, 'a' AS v", false, &opts, &done));
    const char *before = all_there();
    opts.mode = SILT_WRITE_UPSERT;
    opts.keys = keys;
    opts.dry_run = true;
    place_ok(&here, write_rows(rows, false, &opts, &said));
    assert_int_equal(said.outcome, SILT_WRITE_DRY_RUN);
    assert_int_equal(said.table_version, 0);
    assert_int_equal(said.change_count, 0);
    assert_string_equal(all_there(), before);
    opts.dry_run = false;
    place_ok(&here, write_rows(rows, false, &opts, &done));
    assert_int_equal(done.committed_version, 1);
    assert_int_equal(said.rows_updated, done.rows_updated);
    assert_int_equal(said.rows_inserted, done.rows_inserted);
    assert_int_equal(said.files_added, done.files_added);
    assert_int_equal(said.files_removed, done.files_removed);
}

int main(void)
{
    static bool without_paths = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(streams_and_scans_are_written, set_up, tear_down),
        {"streams_and_scans_are_written (no local paths)", streams_and_scans_are_written, set_up,
         tear_down, &without_paths},
        cmocka_unit_test_setup_teardown(keyed_writes_take_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_violates_leaves_nothing_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(overwrites_see_what_came_in_between, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_of_files_are_replaced_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(overwrites_of_other_partitions_are_no_conflict, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(appends_pass_over_policies_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_cut_is_never_committed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_is_written_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dry_runs_leave_no_trace, set_up, tear_down),
        {"dry_runs_leave_no_trace (no local paths)", dry_runs_leave_no_trace, set_up, tear_down,
         &without_paths},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
