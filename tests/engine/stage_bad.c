/* Staging what can't be loaded: the guilty files are named, all of them, and nothing is left
 * behind. */
#include "engine/stage.h"

#include <pthread.h>
#include <unistd.h>

#define FILES(...) \
    (const char *const[]){__VA_ARGS__}, SILT_COUNT(((const char *const[]){__VA_ARGS__}))

/* One file between two good ones, for a text of its own. */
static void expect_why(silt_format format, const char *columns, const char *good, const char *text,
                       const char *why)
{
    staging s;
    staging_init(&s, format);
    staging_write(&s, "1", good);
    staging_write(&s, "2", text);
    staging_write(&s, "3", good);
    staging_group(&s, columns, FILES("1", "2", "3"));
    staging_columns(&s, columns);
    staging_bad(&s, 1, (const size_t[]){1}, &why);
    assert_int_equal(strncmp(s.err.message, "2: ", 3), 0);
    assert_null(strchr(s.err.message, '\n'));
    staging_release(&s);
}

static void each_kind_of_broken_csv_row(void **state)
{
    (void)state;
    static const struct {
        const char *columns, *text, *why;
    } cases[] = {
        {"a:long, b:string", "a,b\n1,x\n2,y,z\n",
         "line 3: Expected Number of Columns: 2 Found: 3: '2,y,z'"},
        {"a:long, b:string", "a,b\n1,x\n2\n",
         "line 3: Expected Number of Columns: 2 Found: 1: '2'"},
        {"a:long, b:string", "a,b\n1,\"x\n2,y\n", "line 2: Value with unterminated quote"},
        {"a:long, b:string", "a,b\n1,\"\n", "unterminated"},
        {"a:date, b:string", "a,b\n2020-01-01x,x\n", "'2020-01-01x' is no DATE"},
        {"a:long, b:string", "a,b\n1,\xff\xfe\n", "line 2: Invalid unicode"},
        {"a:long, b:string", "a,b\n1,\"two\nlines\"\nfoo,x\n",
         "line 4, column a: 'foo' is no BIGINT"},
        {"a:long, b:string", "a,b\n1,x\n1.7,x\n", "line 3, column a: '1.7' is no BIGINT"},
        {"a:byte, b:string", "a,b\n300,x\n", "line 2, column a: '300' is no TINYINT"},
        {"a:decimal(5,2), b:string", "a,b\n1,x\n1.239,x\n",
         "line 3, column a: '1.239' is no DECIMAL(5, 2)"},
        {"a:decimal(5,2), b:string", "a,b\n12345,x\n",
         "line 2, column a: '12345' is no DECIMAL(5, 2)"},
        {"a:timestamp, b:string", "a,b\n2020-13-01 00:00:00,x\n",
         "line 2, column a: '2020-13-01 00:00:00' is"},
        {"a:timestamp_ntz, b:string", "a,b\nsoon,x\n", "line 2, column a: 'soon' is no TIMESTAMP"},
        {"a:date, b:string", "a,b\n2020-01-01 10:00:00,x\n",
         "line 2, column a: '2020-01-01 10:00:00' is no DATE"},
        {"a:boolean, b:string", "a,b\ntrue,x\nmaybe,x\n",
         "line 3: Error when converting column \"a\". Could not convert string \"maybe\" to "
         "'BOOLEAN'"},
        {"a:double, b:string", "a,b\n1,x\n1.2.3,x\n", "line 3: Error when converting"},
        {"a:long, b:string", "a,b,c\n1,x,y\n", "the header has 3 columns where 2 are expected"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++)
        expect_why(SILT_FORMAT_CSV, cases[i].columns, "a,b\n,z\n", cases[i].text, cases[i].why);
}

static void each_kind_of_broken_json_line(void **state)
{
    (void)state;
    static const struct {
        const char *columns, *text, *why;
    } cases[] = {
        {"a:long", "{\"a\":1}\n{\"a\":\n", "line"},
        {"a:long", "{\"a\":1}\n[1]\n", "line 2"},
        {"a:long", "{\"a\":1}\n{\"a\":\"foo\"}\n", "row 2, column a: 'foo' is no BIGINT"},
        {"a:long", "{\"a\":1.5}\n", "row 1, column a: '1.5' is no BIGINT"},
        {"a:integer", "{\"a\":1.5}\n", "row 1, column a: '1.5' is no INTEGER"},
        {"a:integer", "{\"a\":3000000000}\n", "row 1, column a: '3000000000.0' is no INTEGER"},
        {"a:decimal(4,1)", "{\"a\":1.25}\n", "row 1, column a: '1.25' is no DECIMAL(4, 1)"},
        {"a:timestamp", "{\"a\":\"soon\"}\n", "row 1, column a: 'soon' is no TIMESTAMP"},
        {"a:struct<t:timestamp>", "{\"a\":{\"t\":\"soon\"}}\n",
         "row 1, column a: '{'t': soon}' is no STRUCT"},
        {"a:struct<n:long>", "{\"a\":{\"n\":1.5}}\n", "row 1, column a: '{'n': 1.5}' is no STRUCT"},
        {"a:array<long>", "{\"a\":1}\n", "line 1"},
        {"a:long", "{\"a\":\"\xff\"}\n", "line"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++)
        expect_why(SILT_FORMAT_NDJSON, cases[i].columns, "{\"a\":null}\n", cases[i].text,
                   cases[i].why);
}

static void broken_parquet(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_PARQUET);
    duck_run(s.engine, s.dir, "COPY (SELECT 1 AS a) TO '@in/good.parquet'");
    duck_run(s.engine, s.dir, "COPY (SELECT 300 AS a) TO '@in/big.parquet'");
    duck_run(s.engine, s.dir, "COPY (SELECT 1.5 AS a) TO '@in/fraction.parquet'");
    duck_run(s.engine, s.dir, "COPY (SELECT 1 AS b) TO '@in/other.parquet'");
    staging_write(&s, "text.parquet", "not Parquet at all");
    staging_write(&s, "empty.parquet", "");
    staging_columns(&s, "a:byte");
    staging_group(&s, "a:byte", FILES("good.parquet", "big.parquet", "fraction.parquet"));
    staging_bad(&s, 2, (const size_t[]){1, 2},
                (const char *const[]){"row 1, column a: '300' is no TINYINT",
                                      "row 1, column a: '1.5' is no TINYINT"});
    s.spec.group_count = 0;
    staging_group(&s, "a:byte", FILES("good.parquet", "other.parquet"));
    staging_bad(&s, 1, (const size_t[]){1}, (const char *const[]){"there is no column a"});
    s.spec.group_count = 0;
    staging_group(&s, "a:byte", FILES("text.parquet", "good.parquet", "empty.parquet"));
    staging_bad(&s, 2, (const size_t[]){0, 2},
                (const char *const[]){"No magic bytes", "too small"});
    staging_release(&s);
}

/* Bytes of a good file changed at many places: a verdict or the same rows, never a crash or a lost
 * engine. */
static void damaged_parquet_never_takes_us_down(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_PARQUET);
    duck_run(s.engine, s.dir,
             "COPY (SELECT range AS a, 'text ' || range AS b FROM range(1000)) TO '@in/p.parquet'");
    size_t size = 0;
    char *bytes = test_read(s.in, "p.parquet", &size);
    char *path = test_path(s.in, "p.parquet");
    staging_group(&s, "a:long, b:string", FILES("p.parquet"));
    staging_columns(&s, "a:long, b:string");
    for (size_t at = 4; at < size; at += size / 40 + 1) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        bytes[at] ^= 0x5A;
        assert_int_equal(fwrite(bytes, 1, size, f), size);
        bytes[at] ^= 0x5A;
        assert_int_equal(fclose(f), 0);
        silt_status st = staging_run(&s);
        if (st != SILT_OK && st != SILT_BAD_DATA) fail_msg("byte %zu: %s", at, s.err.message);
        if (st == SILT_OK) assert_int_equal(s.result.row_count, 1000);
        silt_duck_remove_written(s.out, "part-t-");
    }
    free(bytes);
    free(path);
    staging_release(&s);
}

static void all_guilty_files_are_found(void **state)
{
    (void)state;
    enum { N = 100 };
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    const char **names = silt_arena_calloc(s.arena, N, sizeof *names);
    for (int i = 0; i < N; i++) {
        names[i] = silt_arena_printf(s.arena, "%03d.csv", i);
        staging_write(&s, names[i],
                      i == 7    ? "a,b\n1,x\nq,y\n"
                      : i == 50 ? "a,b\n1\n"
                      : i == 99 ? "a,b\n1,\"\n"
                                : "a,b\n1,x\n");
    }
    staging_group(&s, "a:long, b:string", names, N);
    staging_columns(&s, "a:long, b:string, _source_file:string");
    staging_bad(&s, 3, (const size_t[]){7, 50, 99},
                (const char *const[]){"'q' is no BIGINT", "Found: 1", "unterminated"});
    /* Without them it loads. */
    staging_group(&s, "a:long, b:string", names, 7);
    s.groups[0] = s.groups[1];
    s.spec.group_count = 1;
    staging_ok(&s);
    assert_int_equal(s.result.row_count, 7);
    staging_release(&s);
}

/* DuckDB 1.5 reads many files less strictly than one: random texts fare alike here, alone and in
 * company. */
static void company_changes_nothing(void **state)
{
    (void)state;
    static const char *const bits[] = {
        "1", "x", ",", "\"", "\n", " ", "\"\"", "x,y\n", "\"x\",\"y\"\n", "1,2\n", "1,\"", "\"\n"};
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    for (int i = 0; i < 5; i++)
        staging_write(&s, (const char *const[]){"0", "1", "2", "3", "4"}[i], "a,b\n1,x\n");
    staging_columns(&s, "a:string, b:string");
    staging_group(&s, "a:string, b:string", FILES("f"));
    staging_group(&s, "a:string, b:string", FILES("0", "1", "2", "f", "3", "4"));
    silt_source_group alone = s.groups[0], company = s.groups[1];
    s.spec.group_count = 1;
    unsigned seed = 1;
    int bad = 0;
    for (int i = 0; i < 80; i++) {
        SILT_CLEAN(silt_buf) text = {0};
        silt_buf_puts(&text, "a,b\n");
        for (int n = 1 + rand_r(&seed) % 12; n > 0; n--)
            silt_buf_puts(&text, bits[(size_t)rand_r(&seed) % SILT_COUNT(bits)]);
        staging_write(&s, "f", text.data);
        s.groups[0] = alone;
        silt_status one = staging_run(&s);
        int64_t rows = one == SILT_OK ? s.result.source_rows[0] : 0;
        s.groups[0] = company;
        silt_status all = staging_run(&s);
        if (one != all || (one == SILT_OK && s.result.source_rows[3] != rows))
            fail_msg("alone %s, not alone %s: %s", silt_status_name(one), silt_status_name(all),
                     text.data);
        bad += one != SILT_OK;
        silt_duck_remove_written(s.out, "part-t-");
    }
    assert_in_range(bad, 20, 78);
    staging_release(&s);
}

static void files_that_are_gone_or_locked(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_write(&s, "a", "a,b\n1,x\n");
    staging_write(&s, "c", "a,b\n1,x\n");
    staging_group(&s, "a:long, b:string", FILES("a", "b", "c"));
    staging_columns(&s, "a:long, b:string");
    assert_int_equal(staging_run(&s), SILT_NOT_FOUND);
    assert_int_equal(s.verdict_count, 1);
    assert_int_equal(s.verdicts[0].index, 1);
    assert_int_equal(s.verdicts[0].status, SILT_NOT_FOUND);
    staging_release(&s);

    if (geteuid() == 0) return; /* root reads everything */
    staging_init(&s, SILT_FORMAT_NDJSON);
    staging_write(&s, "a", "{\"a\":1}\n");
    char *path = test_path(s.in, "a");
    assert_int_equal(chmod(path, 0), 0);
    free(path);
    staging_group(&s, "a:long", FILES("a"));
    staging_columns(&s, "a:long");
    assert_int_equal(staging_run(&s), SILT_DENIED);
    assert_int_equal(s.verdicts[0].status, SILT_DENIED);
    staging_release(&s);
}

static void nulls_where_there_must_be_none(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_write(&s, "1", "a,b\n1,x\n");
    staging_write(&s, "2", "a,b\n,x\n2,y\n,z\n");
    staging_write(&s, "3", "b\nx\n");
    staging_group(&s, "a:long, b:string", FILES("1", "2"));
    staging_group(&s, "b:string", FILES("3"));
    staging_columns(&s, "a!:long, b!:string");
    staging_bad(&s, 2, (const size_t[]){1, 2},
                (const char *const[]){"column a must not be null, but is in 2 rows",
                                      "column a must not be null, but is in 1 row"});
    /* An empty text in a partition column is a null. */
    s.spec.group_count = 0;
    staging_write(&s, "4", "a;b\n1;\n");
    s.format = SILT_FORMAT_PARQUET;
    duck_run(s.engine, s.dir, "COPY (SELECT 1::BIGINT AS a, '' AS b) TO '@in/5' (FORMAT parquet)");
    staging_group(&s, "a:long, b:string", FILES("5"));
    s.spec.write.partition_by = (const size_t[]){1};
    s.spec.write.partition_count = 1;
    staging_bad(&s, 1, (const size_t[]){0}, (const char *const[]){"column b must not be null"});
    staging_release(&s);
}

/* What isn't a file's fault blames none. */
static void trouble_of_the_machine_blames_no_file(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_write(&s, "1", "a,b\n1,x\n");
    staging_group(&s, "a:long, b:string", FILES("1"));
    staging_columns(&s, "a:long, b:string");
    s.spec.write.directory = "/proc/none";
    silt_status st = staging_run(&s);
    assert_int_not_equal(st, SILT_OK);
    assert_int_not_equal(st, SILT_BAD_DATA);
    assert_int_equal(s.verdict_count, 0);
    s.spec.write.directory = s.out;
    s.spec.write.compression = "no such";
    assert_int_equal(staging_run(&s), SILT_FAILED);
    assert_int_equal(s.verdict_count, 0);
    s.spec.write.compression = NULL;
    staging_ok(&s);
    staging_release(&s);
}

/* Interrupts once the engine is at work, however late that is on a busy machine. */
typedef struct interrupter {
    silt_engine *engine;
    _Atomic int reports;
    struct timespec at; /* of the process's own time: others' work doesn't count */
} interrupter;

static void *interrupt_soon(void *ctx)
{
    interrupter *i = ctx;
    for (int ms = 0; ms < 60000 && i->reports < 3; ms++)
        usleep(1000);
    silt_engine_interrupt(i->engine);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &i->at);
    return NULL;
}

static void count_progress(void *ctx, double fraction)
{
    interrupter *i = ctx;
    assert_true(fraction <= 1);
    i->reports++;
}

static void interrupted_in_the_middle(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_PARQUET);
    duck_run(s.engine, s.dir,
             "COPY (SELECT range AS a, hash(range)::VARCHAR AS b FROM range(20000000)) "
             "TO '@in/1' (FORMAT parquet)");
    silt_engine_free(s.engine);
    interrupter i = {0};
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.progress = count_progress;
    opts.progress_ctx = &i;
    opts.threads = 1;
    assert_int_equal(silt_engine_open(&opts, &s.engine, NULL), SILT_OK);
    staging_group(&s, "a:long, b:string", FILES("1"));
    staging_columns(&s, "a:long, b:string");
    pthread_t thread;
    i.engine = s.engine;
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, &i), 0);
    struct timespec to;
    assert_int_equal(staging_run(&s), SILT_INTERRUPTED);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    pthread_join(thread, NULL);
    double seconds = (double)(to.tv_sec - i.at.tv_sec) + (double)(to.tv_nsec - i.at.tv_nsec) / 1e9;
    if (seconds > 2) fail_msg("stopped %.3f s later", seconds);
    assert_true(i.reports >= 3);
    assert_int_equal(s.verdict_count, 0);
    assert_int_equal(staging_run(&s), SILT_INTERRUPTED); /* and so do later calls, until resumed */
    char *left = test_list(s.out);
    assert_string_equal(left, "");
    free(left);
    silt_engine_resume(s.engine);
    assert_int_equal(silt_duck_run(silt_duck_of(s.engine), "SELECT 1", NULL, &s.err), SILT_OK);
    staging_release(&s);
}

static void count_blind(void *ctx, double fraction)
{
    assert_true(fraction < 0);
    ++*(int *)ctx;
}

static void progress_is_reported_without_its_fraction(void **state)
{
    (void)state;
    silt_error err = {0};
    int reports = 0;
    silt_engine *engine = NULL;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.progress = count_blind;
    opts.progress_ctx = &reports;
    opts.progress_blind = true;
    opts.threads = 1;
    assert_int_equal(silt_engine_open(&opts, &engine, NULL), SILT_OK);
    duck_run(engine, "", "SELECT 1");
    for (int i = 0; i < 100 && !reports; i++)
        assert_int_equal(silt_duck_run(silt_duck_of(engine),
                                       "SELECT bit_xor(hash(range)) FROM range(200000000)", NULL,
                                       &err),
                         SILT_OK);
    assert_true(reports > 0);
    silt_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_is_reported_without_its_fraction),
        cmocka_unit_test(each_kind_of_broken_csv_row),
        cmocka_unit_test(each_kind_of_broken_json_line),
        cmocka_unit_test(broken_parquet),
        cmocka_unit_test(damaged_parquet_never_takes_us_down),
        cmocka_unit_test(all_guilty_files_are_found),
        cmocka_unit_test(company_changes_nothing),
        cmocka_unit_test(files_that_are_gone_or_locked),
        cmocka_unit_test(nulls_where_there_must_be_none),
        cmocka_unit_test(trouble_of_the_machine_blames_no_file),
        cmocka_unit_test(interrupted_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
