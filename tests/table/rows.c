/* Rows through a table and back: staged by the real engine, published, committed, read; and the
 * checkpoints that come of many commits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "silt/arrow.h"
#include "store/fault.h"
#include "support/files.h"
#include "support/table.h"
#include "table/data.h"
#include "table/rows.h"

static void assert_ok(silt_status st, const silt_error *err)
{
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), err->message);
}

typedef struct bench {
    char *dir;
    silt_store *below, *store; /* `store` is what the table is used through */
    silt_engine *engine;
    silt_arena *arena;
    silt_metadata metadata;
    const silt_type *schema;
    silt_snapshot *now;
} bench;

static void bench_commit(bench *b, silt_txn *txn)
{
    silt_error err = {0};
    silt_txn_result result;
    silt_snapshot *next = NULL;
    assert_ok(silt_txn_commit(txn, &result, &next, &err), &err);
    assert_int_equal(result.outcome, SILT_TXN_COMMITTED);
    silt_snapshot_free(b->now);
    b->now = next;
}

/* A table of `schema` (as silt_type_parse() takes it) by its first column, if `partitioned`. */
static void bench_init(bench *b, const char *schema, bool partitioned, bool local)
{
    silt_error err = {0};
    *b = (bench){.dir = test_dir_new(), .arena = silt_arena_new()};
    char *root = test_path(b->dir, "table");
    assert_ok(silt_store_open(root, NULL, &b->below, &err), &err);
    free(root);
    silt_fault_plan plan = {.hide_local_path = !local};
    b->store = silt_store_fault_new(b->below, &plan);
    assert_ok(silt_engine_open(NULL, &b->engine, &err), &err);
    assert_ok(silt_type_parse(schema, b->arena, &b->schema, &err), &err);
    const char **by = silt_arena_calloc(b->arena, 1, sizeof(*by));
    by[0] = b->schema->fields[0].name;
    b->metadata = (silt_metadata){.id = "0b0c0d0e-0000-4000-8000-000000000002",
                                  .format_provider = "parquet",
                                  .schema_json = silt_schema_json(b->schema, b->arena),
                                  .partition_columns = {by, partitioned},
                                  .created_time_ms = 1700000000000};
    silt_protocol protocol = {.min_reader = 1, .min_writer = 2};
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "CREATE TABLE";
    SILT_AUTO(silt_txn) txn = NULL;
    assert_ok(silt_txn_new_table(b->store, b->engine, &opts, &txn, &err), &err);
    assert_ok(silt_txn_set_metadata(txn, &b->metadata, &err), &err);
    assert_ok(silt_txn_set_protocol(txn, &protocol, &err), &err);
    bench_commit(b, txn);
}

static void bench_release(bench *b)
{
    silt_snapshot_free(b->now);
    silt_engine_free(b->engine);
    silt_store_free(b->store);
    silt_store_free(b->below);
    silt_arena_free(b->arena);
    test_dir_free(b->dir);
}

/* Load one CSV with the table's columns in order. Gives the staged files' adds. */
static size_t bench_load(bench *b, const char *name, const char *csv, silt_add **adds)
{
    silt_error err = {0};
    const char *scratch;
    size_t count = b->schema->field_count;
    test_write(b->dir, name, csv);
    char *path = test_path(b->dir, name);
    assert_ok(silt_scratch_make(b->store, name, b->arena, &scratch, &err), &err);
    silt_column *columns = silt_arena_calloc(b->arena, count, sizeof(*columns));
    silt_output_column *outputs = silt_arena_calloc(b->arena, count, sizeof(*outputs));
    for (size_t i = 0; i < count; i++) {
        const silt_field *field = &b->schema->fields[i];
        columns[i] = (silt_column){field->name, field->type};
        outputs[i] =
            (silt_output_column){.name = field->name, .type = field->type, .source = field->name};
    }
    silt_source_file file = {path, name};
    silt_source_options given = {.nulls = (const char *const[]){"NULL"}, .null_count = 1};
    silt_source_group group = {.format = SILT_FORMAT_CSV,
                               .files = &file,
                               .file_count = 1,
                               .columns = columns,
                               .column_count = count};
    const silt_column *sniffed;
    size_t sniffed_count;
    assert_ok(b->engine->ops->sniff(b->engine, SILT_FORMAT_CSV, &given, &file, 1, -1, b->arena,
                                    &group.options, &sniffed, &sniffed_count, &err),
              &err);
    const size_t by[] = {0};
    silt_stage_spec spec = {
        .groups = &group, .group_count = 1, .columns = outputs, .column_count = count};
    spec.write = (silt_write_spec){.directory = scratch,
                                   .file_prefix = silt_arena_printf(b->arena, "part-%s-", name),
                                   .partition_by = by,
                                   .partition_count = b->metadata.partition_columns.count};
    silt_stage_result staged;
    assert_ok(b->engine->ops->stage(b->engine, &spec, b->arena, &staged, &err), &err);
    assert_ok(silt_staged_publish(b->store, staged.files, staged.file_count, &b->metadata,
                                  b->schema, 1700000000000, b->arena, adds, &err),
              &err);
    silt_scratch_remove(scratch);
    assert_int_not_equal(access(scratch, F_OK), 0);
    free(path);
    return staged.file_count;
}

static void bench_append(bench *b, const char *name, const char *csv)
{
    silt_error err = {0};
    silt_add *adds;
    size_t count = bench_load(b, name, csv, &adds);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "WRITE";
    SILT_AUTO(silt_txn) txn = NULL;
    assert_ok(silt_txn_new(b->now, &opts, &txn, &err), &err);
    for (size_t i = 0; i < count; i++)
        assert_ok(silt_txn_add(txn, &adds[i], &err), &err);
    bench_commit(b, txn);
}

/* ---- reading back */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

typedef struct rows {
    silt_arena *arena;
    const char *lines[2000];
    size_t count;
} rows;

static bool on_row(void *ctx, const silt_bytes *values, size_t count)
{
    rows *r = ctx;
    SILT_CLEAN(silt_buf) line = {0};
    for (size_t i = 0; i < count; i++) {
        if (i) silt_buf_putc(&line, '|');
        if (values[i].data)
            silt_buf_append(&line, values[i].data, values[i].size);
        else
            silt_buf_putc(&line, '~');
    }
    r->lines[r->count++] = silt_buf_copy(&line, r->arena);
    return r->count < SILT_COUNT(r->lines);
}

static silt_status read_rows(silt_snapshot *snapshot, const silt_scan_options *opts, rows *r,
                             silt_error *err)
{
    SILT_AUTO(silt_scan) scan = NULL;
    SILT_TRY(silt_scan_open(snapshot, opts, &scan, err));
    return silt_scan_rows(scan, on_row, r, err);
}

static void assert_rows(silt_snapshot *snapshot, const silt_scan_options *opts,
                        const char *expected)
{
    silt_error err = {0};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    rows r = {.arena = arena};
    assert_ok(read_rows(snapshot, opts, &r, &err), &err);
    qsort(r.lines, r.count, sizeof(*r.lines), by_text);
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "");
    for (size_t i = 0; i < r.count; i++)
        silt_buf_printf(&text, "%s\n", r.lines[i]);
    assert_string_equal(text.data, expected);
}

/* As Arrow: all columns, in batches of one row. */
static void assert_stream(silt_snapshot *snapshot, int64_t columns, int64_t row_count)
{
    silt_error err = {0};
    SILT_AUTO(silt_scan) scan = NULL;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.batch_rows = 1;
    assert_ok(silt_scan_open(snapshot, &opts, &scan, &err), &err);
    assert_ok(silt_scan_stream(scan, &stream, &err), &err);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(schema.n_children, columns);
    schema.release(&schema);
    for (int64_t count = 0;; count++) {
        struct ArrowArray batch;
        assert_int_equal(stream.get_next(&stream, &batch), 0);
        if (!batch.release) {
            assert_int_equal(count, row_count);
            break;
        }
        assert_int_equal(batch.length, 1);
        batch.release(&batch);
    }
    stream.release(&stream);
}

static silt_snapshot *reopen(bench *b)
{
    silt_error err = {0};
    silt_snapshot *snapshot = NULL;
    assert_ok(silt_snapshot_open(b->store, b->engine, NULL, &snapshot, &err), &err);
    return snapshot;
}

static void round_trip(bool local)
{
    bench b;
    bench_init(&b,
               "struct<p:string,l:long,d:double,x:decimal(10,2),s:string,b:boolean,dt:date,"
               "t:timestamp>",
               true, local);
    bench_append(&b, "one.csv",
                 "p,l,d,x,s,b,dt,t\n"
                 "a/b=c%,1,1.5,1.50,hello,true,2024-02-29,2024-01-15 10:00:00.123456\n"
                 "\"sp ace\",2,-0.25,-0.01,\"quo\"\"te\",false,1969-12-31,1969-12-31 23:59:59\n"
                 "NULL,3,,,,,,\n"
                 "\"\",4,1e300,99999999.99,\xF0\x9F\x98\x80,true,9999-12-31,2024-01-15 10:00:00\n");
    static const char all[] =
        "a/b=c%|1|1.5|1.50|hello|true|2024-02-29|2024-01-15T10:00:00.123456Z\n"
        "sp ace|2|-0.25|-0.01|quo\"te|false|1969-12-31|1969-12-31T23:59:59.000000Z\n"
        "~|3|~|~|~|~|~|~\n"
        "~|4|1e+300|99999999.99|\xF0\x9F\x98\x80|true|9999-12-31|2024-01-15T10:00:00.000000Z\n";
    assert_rows(b.now, NULL, all);
    SILT_AUTO(silt_snapshot) fresh = reopen(&b);
    assert_rows(fresh, NULL, all);
    const char *some[] = {"s", "p"};
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.columns = some;
    opts.column_count = 2;
    assert_rows(fresh, &opts, "hello|a/b=c%\nquo\"te|sp ace\n~|~\n\xF0\x9F\x98\x80|~\n");
    opts = (silt_scan_options)SILT_SCAN_OPTIONS_INIT;
    opts.limit = 0;
    assert_rows(fresh, &opts, "");
    opts.limit = 1;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_error err = {0};
    rows r = {.arena = arena};
    assert_ok(read_rows(fresh, &opts, &r, &err), &err);
    assert_int_equal(r.count, 1);

    char *out = test_path(b.dir, "out.csv");
    int64_t count = 0;
    silt_scan *scan = NULL;
    assert_ok(silt_scan_open(fresh, NULL, &scan, &err), &err);
    assert_ok(silt_scan_to_file(scan, SILT_FILE_CSV, out, &count, &err), &err);
    silt_scan_free(scan);
    assert_int_equal(count, 4);
    free(out);

    assert_stream(fresh, 8, 4);

    const char *wrong[] = {"S"};
    opts.columns = wrong;
    opts.column_count = 1;
    assert_int_equal(read_rows(fresh, &opts, &r, &err), SILT_NOT_FOUND);
    assert_non_null(strstr(err.message, "no column \"S\""));
    assert_non_null(strstr(err.hint, "did you mean \"s\"? The columns are: p, l, d, x, s,"));
    const char *twice[] = {"s", "s"};
    opts.columns = twice;
    opts.column_count = 2;
    assert_int_equal(read_rows(fresh, &opts, &r, &err), SILT_INVALID);
    silt_snapshot_free(SILT_TAKE(fresh));
    bench_release(&b);
}

static void rows_come_back(void **state)
{
    (void)state;
    round_trip(true);
}

static void rows_come_back_where_no_path_is_local(void **state)
{
    (void)state;
    round_trip(false);
}

static void partition_values_of_every_type_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *type, *csv, *rows, *folder;
    } cases[] = {
        {"string", "a/b%20=c\n\" x\"\nNULL\n", " x|0\na/b%20=c|0\n~|0\n", "p=a%2Fb%2520%3Dc/"},
        {"long", "-7\n8\nNULL\n", "-7|0\n8|0\n~|0\n", "p=-7/"},
        {"boolean", "true\nfalse\nNULL\n", "false|0\ntrue|0\n~|0\n", "p=true/"},
        {"date", "2024-02-29\n1969-12-31\nNULL\n", "1969-12-31|0\n2024-02-29|0\n~|0\n",
         "p=1969-12-31/"},
        {"decimal(10,2)", "1.50\n-0.01\nNULL\n", "-0.01|0\n1.50|0\n~|0\n", "p=-0.01/"},
        {"double", "1.5\ninf\nNULL\n", "1.5|0\ninf|0\n~|0\n", "p=Infinity/"},
        {"timestamp", "2024-01-15 10:00:00.123456\n2024-01-15 10:00:00\nNULL\n",
         "2024-01-15T10:00:00.000000Z|0\n2024-01-15T10:00:00.123456Z|0\n~|0\n",
         "p=2024-01-15T10%3A00%3A00.123456Z/"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        bench b;
        SILT_CLEAN(silt_buf) csv = {0};
        silt_buf_puts(&csv, "p,l\n");
        for (const char *line = cases[i].csv; line && *line; line = strchr(line, '\n') + 1) {
            silt_buf_append(&csv, line, strcspn(line, "\n"));
            silt_buf_puts(&csv, ",0\n");
        }
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        bench_init(&b, silt_arena_printf(arena, "struct<p:%s,l:long>", cases[i].type), true, true);
        bench_append(&b, "p.csv", csv.data);
        SILT_AUTO(silt_snapshot) fresh = reopen(&b);
        assert_rows(fresh, NULL, cases[i].rows);
        const char *paths = test_table_paths(fresh, arena);
        const char *encoded = silt_path_encode(cases[i].folder, arena);
        if (!strstr(paths, encoded)) fail_msg("%s isn't in %s", encoded, paths);
        assert_non_null(strstr(paths, "p=__HIVE_DEFAULT_PARTITION__/"));
        silt_snapshot_free(SILT_TAKE(fresh));
        bench_release(&b);
    }
}

static void stats_are_those_of_the_rows(void **state)
{
    (void)state;
    bench b;
    bench_init(&b,
               "struct<l:long,s:string,dt:date,t:timestamp,n:timestamp_ntz,x:decimal(5,2),"
               "bo:boolean,f:double>",
               false, true);
    silt_add *adds;
    size_t count = bench_load(&b, "s.csv",
                              "l,s,dt,t,n,x,bo,f\n"
                              "1,abcdefghijklmnopqrstuvwxyzabcdefghijkl,2024-01-01,"
                              "2024-01-15 10:00:00.123456,2024-01-15 10:00:00.5,1.00,true,0.5\n"
                              "5,b,2024-01-02,2024-01-16 10:00:00,2024-01-16 10:00:00,2.50,,2\n"
                              "NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL\n",
                              &adds);
    assert_int_equal(count, 1);
    assert_string_equal(
        adds[0].stats,
        "{\"numRecords\":3,\"minValues\":{\"l\":1,\"s\":\"abcdefghijklmnopqrstuvwxyzabcdef\","
        "\"dt\":\"2024-01-01\",\"t\":\"2024-01-15T10:00:00.123Z\","
        "\"n\":\"2024-01-15T10:00:00.500\",\"x\":1.00,\"f\":0.5},"
        "\"maxValues\":{\"l\":5,\"s\":\"b\",\"dt\":\"2024-01-02\","
        "\"t\":\"2024-01-16T10:00:00.000Z\",\"n\":\"2024-01-16T10:00:00.000\",\"x\":2.50,"
        "\"f\":2.0},"
        "\"nullCount\":{\"l\":1,\"s\":1,\"dt\":1,\"t\":1,\"n\":1,\"x\":1,\"bo\":2,\"f\":1}}");
    bench_release(&b);
}

static void a_file_that_has_gone_is_named(void **state)
{
    (void)state;
    for (int local = 0; local < 2; local++) {
        bench b;
        bench_init(&b, "struct<p:string,l:long>", false, local);
        bench_append(&b, "a.csv", "p,l\nx,1\n");
        silt_error err = {0};
        const silt_add *adds;
        size_t count;
        assert_ok(silt_snapshot_adds(b.now, &adds, &count, &err), &err);
        assert_ok(b.below->ops->remove(b.below, adds[0].path, &err), &err);
        rows r = {.arena = b.arena};
        assert_int_equal(read_rows(b.now, NULL, &r, &err), SILT_NOT_FOUND);
        assert_non_null(strstr(err.message, adds[0].path));
        bench_release(&b);
    }
}

/* ---- many commits */

static silt_log_segment segment_of(bench *b)
{
    silt_error err = {0};
    silt_log_segment segment;
    assert_ok(silt_log_segment_load(b->store, SILT_LATEST, b->arena, &segment, &err), &err);
    return segment;
}

static void append_small(bench *b, int number)
{
    silt_error err = {0};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "WRITE";
    opts.app_id = "app";
    opts.app_version = number;
    SILT_AUTO(silt_txn) txn = NULL;
    assert_ok(silt_txn_new(b->now, &opts, &txn, &err), &err);
    silt_add add = test_table_file(arena, silt_arena_printf(arena, "f%d.parquet", number), 0, 9);
    assert_ok(silt_txn_add(txn, &add, &err), &err);
    bench_commit(b, txn);
}

static void checkpoints_come_when_they_are_due(void **state)
{
    (void)state;
    for (int local = 0; local < 2; local++) {
        bench b;
        silt_error err = {0};
        bench_init(&b, "struct<p:string,l:long>", false, local);
        int64_t made[16];
        size_t count = 0;
        for (int i = 0; i < 130; i++) {
            append_small(&b, i);
            int64_t before = silt_snapshot_tail(b.now).checkpoint_version;
            assert_ok(silt_table_maintain(b.now, &err), &err);
            int64_t then = silt_snapshot_tail(b.now).checkpoint_version;
            if (then != before) made[count++] = then;
        }
        assert_true(count >= 1);
        assert_int_equal(made[0], 99); /* 100 commits: 0 to 99 */
        for (size_t i = 1; i < count; i++)
            assert_true(made[i] - made[i - 1] >= 10);
        assert_int_equal(segment_of(&b).checkpoint_version, made[count - 1]);
        SILT_AUTO(silt_snapshot) fresh = reopen(&b);
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        assert_int_equal(silt_snapshot_version(fresh), 130);
        assert_int_equal(silt_snapshot_app_version(fresh, "app"), 129);
        assert_string_equal(test_table_paths(fresh, arena), test_table_paths(b.now, arena));
        /* the same without the commits before it, and without .crc */
        for (int64_t v = 0; v < made[0]; v++)
            assert_ok(b.below->ops->remove(b.below, silt_log_commit_key(arena, v), &err), &err);
        for (int64_t v = 0; v <= 130; v++)
            assert_ok(b.below->ops->remove(b.below, silt_log_crc_key(arena, v), &err), &err);
        SILT_AUTO(silt_snapshot) late = reopen(&b);
        assert_int_equal(silt_snapshot_app_version(late, "app"), 129);
        assert_string_equal(test_table_paths(late, arena), test_table_paths(b.now, arena));
        append_small(&b, 130);
        silt_snapshot_free(SILT_TAKE(late));
        silt_snapshot_free(SILT_TAKE(fresh));
        bench_release(&b);
    }
}

/* A base from before the cleanup: the name of its next version is free, but not to be taken. */
static void an_old_base_doesnt_fill_a_hole(void **state)
{
    (void)state;
    bench b;
    silt_error err = {0};
    bench_init(&b, "struct<p:string,l:long>", false, true);
    SILT_AUTO(silt_snapshot) old = NULL;
    silt_snapshot_options at = SILT_SNAPSHOT_OPTIONS_INIT;
    at.version = 0;
    assert_ok(silt_snapshot_open(b.store, b.engine, &at, &old, &err), &err);
    for (int i = 0; i < 99; i++)
        append_small(&b, i);
    assert_ok(silt_table_maintain(b.now, &err), &err);
    assert_int_equal(segment_of(&b).checkpoint_version, 99);
    for (int64_t v = 0; v < 50; v++)
        assert_ok(b.below->ops->remove(b.below, silt_log_commit_key(b.arena, v), &err), &err);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "WRITE";
    SILT_AUTO(silt_txn) txn = NULL;
    assert_ok(silt_txn_new(old, &opts, &txn, &err), &err);
    silt_txn_result result;
    assert_ok(silt_txn_commit(txn, &result, NULL, &err), &err);
    assert_int_equal(result.outcome, SILT_TXN_CONFLICT);
    silt_object object;
    assert_int_equal(
        b.below->ops->head(b.below, silt_log_commit_key(b.arena, 1), b.arena, &object, NULL),
        SILT_NOT_FOUND);
    SILT_AUTO(silt_snapshot) next = NULL; /* a refresh finds its way too */
    assert_ok(silt_snapshot_refresh(old, &next, &err), &err);
    assert_int_equal(silt_snapshot_version(next), 99);
    silt_snapshot_free(SILT_TAKE(next));
    silt_snapshot_free(SILT_TAKE(old));
    silt_txn_free(SILT_TAKE(txn));
    bench_release(&b);
}

/* ---- publishing, scratch */

static void what_would_have_one_name_is_told_apart(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_error err = {0};
    char *dir = test_dir_new();
    test_write(dir, "null/part-x-0.parquet", "null");
    test_write(dir, "empty/part-x-0.parquet", "empty");
    const silt_type *schema;
    assert_ok(silt_type_parse("struct<p:string,l:long>", arena, &schema, &err), &err);
    const char *by[] = {"p"}, *null[] = {NULL}, *empty[] = {""};
    silt_metadata metadata = {.partition_columns = {by, 1}};
    char *first = test_path(dir, "null/part-x-0.parquet");
    char *second = test_path(dir, "empty/part-x-0.parquet");
    silt_staged_file files[] = {
        {.local_path = first, .size_bytes = 4, .row_count = 1, .partition_values = null},
        {.local_path = second, .size_bytes = 5, .row_count = 1, .partition_values = empty}};
    silt_store *store = silt_store_mem_new();
    silt_add *adds;
    assert_ok(silt_staged_publish(store, files, 2, &metadata, schema, 1, arena, &adds, &err), &err);
    assert_string_equal(adds[0].path, "p=__HIVE_DEFAULT_PARTITION__/part-x-0.parquet");
    assert_string_equal(adds[1].path, "p=__HIVE_DEFAULT_PARTITION__/part-x-0-1.parquet");
    assert_null(silt_pairs_get(adds[1].partition_values, "p"));
    silt_bytes body;
    assert_ok(silt_store_get_all(store, adds[1].path, arena, &body, &err), &err);
    assert_string_equal(body.data, "empty");

    const silt_type *binary;
    assert_ok(silt_type_parse("struct<p:binary>", arena, &binary, &err), &err);
    test_write(dir, "null/part-x-0.parquet", "null");
    assert_int_equal(silt_staged_publish(store, files, 1, &metadata, binary, 1, arena, &adds, &err),
                     SILT_UNSUPPORTED);
    assert_int_equal(access(first, F_OK), 0);
    free(first);
    free(second);
    silt_store_free(store);
    test_dir_free(dir);
}

static void scratch_folders_come_and_go(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_error err = {0};
    char *dir = test_dir_new(), *root = test_path(dir, "table");
    silt_store *local = NULL, *mem = silt_store_mem_new();
    assert_ok(silt_store_open(root, NULL, &local, &err), &err);
    const char *a, *b, *c;
    assert_ok(silt_scratch_make(local, "a", arena, &a, &err), &err);
    assert_ok(silt_scratch_make(local, "b", arena, &b, &err), &err);
    assert_int_equal(silt_scratch_make(local, "b", arena, &c, &err), SILT_EXISTS);
    assert_int_equal(silt_scratch_make(local, "../b", arena, &c, &err), SILT_INVALID);
    assert_ok(silt_scratch_make(mem, "a", arena, &c, &err), &err);
    test_write(b, "x/y", "z");
    silt_scratch_remove(a);
    assert_int_equal(access(b, F_OK), 0);
    silt_scratch_remove(b);
    silt_scratch_remove(c);
    silt_scratch_remove(c);
    silt_scratch_remove(NULL);
    char *left = test_list(silt_arena_printf(arena, "%s/_silt/scratch", root));
    assert_string_equal(left, "");
    free(left);
    silt_store_free(mem);
    silt_store_free(local);
    free(root);
    test_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(rows_come_back_where_no_path_is_local),
        cmocka_unit_test(partition_values_of_every_type_come_back),
        cmocka_unit_test(stats_are_those_of_the_rows),
        cmocka_unit_test(a_file_that_has_gone_is_named),
        cmocka_unit_test(checkpoints_come_when_they_are_due),
        cmocka_unit_test(an_old_base_doesnt_fill_a_hole),
        cmocka_unit_test(what_would_have_one_name_is_told_apart),
        cmocka_unit_test(scratch_folders_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
