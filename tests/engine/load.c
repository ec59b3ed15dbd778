/* Finding libduckdb, and what the engine does before anything is asked of it. Cases with a library
 * that isn't there come first: once it is loaded, it stays. */
#include "engine/duck.h"

#include <stdlib.h>
#include <unistd.h>

#include "build_config.h"

static void expect_unsupported(const char *library, const char *words)
{
    silt_engine *engine = duck_new(); /* costs nothing, finds nothing */
    const char *version = NULL;
    silt_error err = {0};
    assert_int_equal(setenv("SILT_DUCKDB", library, 1), 0);
    assert_int_equal(silt_engine_version(engine, &version, &err), SILT_UNSUPPORTED);
    if (!strstr(err.message, words)) fail_msg("%s", err.message);
    assert_non_null(strstr(err.hint, "install libduckdb 1.5"));
    silt_engine_free(engine);
}

static void a_missing_library_is_named(void **state)
{
    (void)state;
    expect_unsupported("/no/such/libduckdb.so", "/no/such/libduckdb.so: cannot open");
}

static void another_library_is_not_duckdb(void **state)
{
    (void)state;
    expect_unsupported("libm.so.6", "not libduckdb");
}

static void a_file_of_text_is_no_library(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    test_write(dir, "libduckdb.so", "hello");
    char *path = test_path(dir, "libduckdb.so");
    expect_unsupported(path, "libduckdb can't be loaded");
    free(path);
    test_dir_free(dir);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    silt_engine *engine = NULL;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.threads = -1;
    assert_int_equal(silt_engine_open(&opts, &engine, NULL), SILT_INVALID);
    opts.threads = 0;
    opts.memory_limit_bytes = -5;
    assert_int_equal(silt_engine_open(&opts, &engine, NULL), SILT_INVALID);
    assert_null(engine);
}

static void the_library_is_found(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("SILT_DUCKDB"), 0);
    silt_engine *engine = duck_new();
    const char *version = NULL;
    silt_error err = {0};
    duck_assert_ok(silt_engine_version(engine, &version, &err), &err);
    assert_int_equal(version[0], 'v');
    silt_engine_free(engine);
}

static void an_unknown_time_zone_is_invalid(void **state)
{
    (void)state;
    silt_engine *engine = NULL;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    silt_error err = {0};
    opts.timezone = "Mars/Olympus";
    assert_int_equal(silt_engine_open(&opts, &engine, NULL), SILT_OK);
    assert_int_equal(silt_duck_start(silt_duck_of(engine), &err), SILT_INVALID);
    assert_non_null(strstr(err.message, "Mars/Olympus"));
    silt_engine_free(engine);
}

/* Sorting what doesn't fit goes to the disk, into a folder of the engine's own, which is gone
 * after. */
static void a_small_memory_limit_spills(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    silt_engine *engine = NULL;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    silt_error err = {0};
    opts.memory_limit_bytes = 160 << 20;
    opts.threads = 2;
    opts.temp_directory = dir;
    assert_int_equal(silt_engine_open(&opts, &engine, NULL), SILT_OK);
    duck_run(engine, dir,
             "COPY (SELECT hash(range) AS h, range::VARCHAR || repeat('x', 40) AS s "
             "FROM range(5000000) ORDER BY h) TO '@sorted.parquet' (FORMAT parquet)");
    silt_status st = silt_duck_run(silt_duck_of(engine),
                                   "SET max_temp_directory_size = '1MB'; CREATE TEMP TABLE t AS "
                                   "SELECT hash(range) AS h, range::VARCHAR || 'x' AS s "
                                   "FROM range(9000000) ORDER BY h",
                                   NULL, &err);
    if (st != SILT_NOMEM && st != SILT_NOSPACE)
        fail_msg("%s: %s", silt_status_name(st), err.message);
    silt_engine_free(engine);
    char *left = test_list(dir);
    assert_string_equal(left, "sorted.parquet\n");
    free(left);
    test_dir_free(dir);
}

static void errors_have_a_status(void **state)
{
    (void)state;
    silt_engine *engine = duck_new();
    silt_duck_engine *db = silt_duck_of(engine);
    silt_error err = {0};
    duck_assert_ok(silt_duck_start(db, &err), &err);
    assert_int_equal(silt_duck_run(db, "SELECT 'a'::INT", NULL, &err), SILT_FAILED);
    assert_true(silt_duck_blames_data(db));
    assert_int_equal(silt_duck_run(db, "FROM read_csv('/no/such')", NULL, &err), SILT_NOT_FOUND);
    assert_int_equal(silt_duck_run(db, "COPY (SELECT 1) TO '/dev/full' (FORMAT csv)", NULL, &err),
                     SILT_NOSPACE);
    SILT_CLEAN(silt_buf) failed = {.failed = true};
    assert_int_equal(silt_duck_query(db, &failed, NULL, &err), SILT_NOMEM);
    silt_engine_free(engine);
}

/* After an internal error DuckDB refuses to go on; the engine opens it anew. */
static void an_internal_error_is_survived(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    test_write(dir, "f", "a,b\n1,\xff\n");
    silt_engine *engine = duck_new();
    silt_duck_engine *db = silt_duck_of(engine);
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql,
                    "SELECT b FROM read_csv('%s/f', columns = {'a': 'BIGINT', 'b': 'VARCHAR'}, "
                    "auto_detect = false, header = true)",
                    dir);
    assert_int_equal(silt_duck_start(db, NULL), SILT_OK);
    assert_int_not_equal(silt_duck_query(db, &sql, NULL, NULL), SILT_OK);
    assert_int_equal(silt_duck_start(db, NULL), SILT_OK);
    assert_int_equal(silt_duck_run(db, "SELECT silt_exact('1', 0)", NULL, NULL), SILT_OK);
    silt_engine_free(engine);
    test_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_library_is_named),
        cmocka_unit_test(another_library_is_not_duckdb),
        cmocka_unit_test(a_file_of_text_is_no_library),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(the_library_is_found),
        cmocka_unit_test(an_unknown_time_zone_is_invalid),
        cmocka_unit_test(a_small_memory_limit_spills),
        cmocka_unit_test(errors_have_a_status),
        cmocka_unit_test(an_internal_error_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
