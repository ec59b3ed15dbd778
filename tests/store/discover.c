/* Which source files are found. */
#include "store/discover.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/glob.h"
#include "support/alloc.h"
#include "support/files.h"

static char *dir;
static silt_arena *arena;

static int set_up(void **state)
{
    (void)state;
    static const char *const names[] = {
        "a.csv",      "b.csv",         "B.csv",        "c.csv.tmp",  "_d.csv",
        ".e.csv",     "f.json",        "x/a.csv",      "x/y/a.csv",  "x/y/z/g.csv",
        "_x/a.csv",   "x/.git/a.csv",  "y.tmp/a.csv",  "m1/d/a.csv", "m2/d/a.csv",
        "m2/e/a.csv", "odd[1]{2}.csv", "\xC3\xA4.csv", "b1.csv",     "b22.csv"};
    arena = silt_arena_new();
    dir = test_dir_new();
    for (size_t i = 0; i < SILT_COUNT(names); i++)
        test_write(dir, names[i], "x");
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_dir_free(dir);
    silt_arena_free(SILT_TAKE(arena));
    return 0;
}

/* Paths found below the folder, joined by blanks. */
static char *found(const char *pattern, silt_discover_spec spec)
{
    char *full = silt_arena_printf(arena, "%s/%s", dir, pattern);
    spec.patterns = (const char *const *)&full;
    spec.pattern_count = 1;
    silt_found f = {0};
    silt_error err = {0};
    if (silt_discover(&spec, arena, &f, &err) != SILT_OK) fail_msg("%s", err.message);
    SILT_CLEAN(silt_buf) all = {0};
    silt_buf_puts(&all, "");
    for (size_t i = 0; i < f.count; i++) {
        assert_true(silt_starts_with(f.files[i].path, dir));
        assert_int_equal(f.files[i].size_bytes, 1);
        silt_buf_printf(&all, "%s%s", i ? " " : "", f.files[i].path + strlen(dir) + 1);
    }
    return silt_buf_copy(&all, arena);
}

#define FLAT ((silt_discover_spec){0})
#define DEEP ((silt_discover_spec){.recursive = true})

static void matches_patterns(void **state)
{
    (void)state;
    assert_string_equal(found("*.csv", FLAT),
                        "B.csv a.csv b.csv b1.csv b22.csv odd[1]{2}.csv \xC3\xA4.csv");
    assert_string_equal(found("?.csv", FLAT), "B.csv a.csv b.csv \xC3\xA4.csv");
    assert_string_equal(found("[a-b].csv", FLAT), "a.csv b.csv");
    assert_string_equal(found("[!a-z].csv", FLAT), "B.csv \xC3\xA4.csv");
    assert_string_equal(found("[\xC3\xA0-\xC3\xBF].csv", FLAT), "\xC3\xA4.csv");
    assert_string_equal(found("{a,f}.{csv,json}", FLAT), "a.csv f.json");
    assert_string_equal(found("{a.csv,x/{,y/}a.csv}", FLAT), "a.csv x/a.csv x/y/a.csv");
    assert_string_equal(found("b*[0-9]*.csv", FLAT), "b1.csv b22.csv");
    assert_string_equal(found("odd\\[1\\]\\{2\\}.csv", FLAT), "odd[1]{2}.csv");
    assert_string_equal(found("m?/d/*.csv", FLAT), "m1/d/a.csv m2/d/a.csv");
    assert_string_equal(found("m*/*/a.csv", FLAT), "m1/d/a.csv m2/d/a.csv m2/e/a.csv");
    assert_string_equal(found("*.xml", FLAT), "");
    assert_string_equal(found("a.csv", FLAT), "a.csv");
    assert_string_equal(found("no.csv", FLAT), "");
    assert_string_equal(found("x", FLAT), "x/a.csv");
    assert_string_equal(found("./x//y/./*.csv", FLAT), "x/y/a.csv");
}

static void goes_into_folders(void **state)
{
    (void)state;
    const char *below_x = "x/a.csv x/y/a.csv x/y/z/g.csv";
    assert_string_equal(found("x/**/*.csv", FLAT), below_x);
    assert_string_equal(found("x/**", FLAT), below_x);
    assert_string_equal(found("x/**/**/*", FLAT), below_x);
    assert_string_equal(found("x/*.csv", DEEP), below_x);
    assert_string_equal(found("x", DEEP), below_x);
    assert_string_equal(found("**/a.csv", FLAT),
                        "a.csv m1/d/a.csv m2/d/a.csv m2/e/a.csv x/a.csv x/y/a.csv");
    assert_string_equal(found("a.csv", DEEP), found("**/a.csv", FLAT));
    assert_string_equal(found("**/y/**/g*", FLAT), "x/y/z/g.csv");
}

static void passes_over_hidden_names(void **state)
{
    (void)state;
    assert_string_equal(found("_d.csv", FLAT), "");
    assert_string_equal(found("*/.git/*", FLAT), "");
    assert_string_equal(found("y*/*", FLAT), "");
    assert_string_equal(found("_x/*", FLAT), "_x/a.csv"); /* the fixed part is the user's word */
}

static void follows_links_but_not_in_circles(void **state)
{
    (void)state;
    SILT_FREE char *circle = test_path(dir, "x/loop"), *gone = test_path(dir, "x/gone.csv");
    SILT_FREE char *file = test_path(dir, "x/link.csv");
    assert_int_equal(symlink("..", circle), 0);
    assert_int_equal(symlink("nowhere", gone), 0);
    assert_int_equal(symlink("a.csv", file), 0);
    assert_string_equal(found("x/**", FLAT), "x/a.csv x/link.csv x/y/a.csv x/y/z/g.csv");
    assert_string_equal(found("x/loop/f*", FLAT), "x/loop/f.json");
    assert_string_equal(found("x/*/f*", FLAT), "x/loop/f.json");
}

static void orders_and_lets_settle(void **state)
{
    (void)state;
    const char *const names[] = {"b22.csv", "a.csv", "b1.csv"};
    for (int i = 0; i < 3; i++) {
        SILT_FREE char *path = test_path(dir, names[i]);
        struct timespec times[2] = {{1000 + i / 2, 5}, {1000 + i / 2, 5}};
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    silt_discover_spec spec = {.order = SILT_ORDER_MTIME, .settle_ms = 1000};
    spec.now_ns = 1002 * INT64_C(1000000000) + 5;
    assert_string_equal(found("{a,b1,b22}.csv", spec), "a.csv b22.csv b1.csv");
    spec.now_ns--;
    assert_string_equal(found("{a,b1,b22}.csv", spec), "a.csv b22.csv");
    spec.settle_ms = 2000;
    assert_string_equal(found("{a,b1,b22}.csv", spec), "");
}

static silt_status fails(const char *pattern, silt_error *err)
{
    char *full = silt_arena_printf(arena, "%s/%s", dir, pattern);
    silt_discover_spec spec = {.patterns = (const char *const *)&full, .pattern_count = 1};
    silt_found f = {0};
    silt_status st = silt_discover(&spec, arena, &f, err);
    assert_null(f.files);
    return st;
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    silt_error err = {0};
    assert_int_equal(fails("nowhere/*.csv", &err), SILT_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/*.csv: there is no folder "));
    assert_int_equal(fails("a.csv/*.csv", &err), SILT_NOT_FOUND);
    assert_int_equal(fails("a[b.csv", &err), SILT_INVALID);
    assert_non_null(strstr(err.message, "'[' without ']'"));
    assert_int_equal(fails("a{b,c.csv", &err), SILT_INVALID);
    assert_int_equal(fails("a\\", &err), SILT_INVALID);
    assert_int_equal(fails("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", &err),
                     SILT_INVALID);
    test_write(dir, "bad\xFF.csv", "x");
    assert_int_equal(fails("bad*", &err), SILT_INVALID);
    if (geteuid() == 0) return; /* root may read anything */
    SILT_FREE char *closed = test_path(dir, "x/y");
    assert_int_equal(chmod(closed, 0), 0);
    assert_int_equal(fails("x/**", &err), SILT_DENIED);
    assert_non_null(strstr(err.message, "x/y"));
    assert_int_equal(chmod(closed, 0700), 0);
}

static void finds_each_file_once(void **state)
{
    (void)state;
    const char *patterns[] = {silt_arena_printf(arena, "%s/x/*.csv", dir),
                              silt_arena_printf(arena, "%s/x/**", dir)};
    silt_discover_spec spec = {.patterns = patterns, .pattern_count = 2};
    silt_found f = {0};
    assert_int_equal(silt_discover(&spec, arena, &f, NULL), SILT_OK);
    assert_int_equal(f.count, 3);

    spec.settle_ms = 1000;
    assert_int_equal(silt_discover(&spec, arena, &f, NULL), SILT_OK);
    assert_int_equal(f.count, 0);
    assert_int_equal(f.unsettled, 3);
}

static void stats_a_file(void **state)
{
    (void)state;
    SILT_FREE char *path = test_path(dir, "a.csv"), *folder = test_path(dir, "x");
    silt_found_file f = {0};
    silt_error err = {0};
    assert_int_equal(silt_discover_stat(path, &f, &err), SILT_OK);
    assert_int_equal(f.size_bytes, 1);
    assert_true(f.mtime_ns > 0);
    assert_int_equal(silt_discover_stat(folder, &f, &err), SILT_CHANGED);
    unlink(path);
    assert_int_equal(silt_discover_stat(path, &f, &err), SILT_CHANGED);
}

static void normalises_paths(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{NULL, "/a//b/./c/", "/a/b/c"},
                                           {"/x/", "a/b", "/x/a/b"},
                                           {"/x", "/a", "/a"},
                                           {NULL, "./a", "a"},
                                           {NULL, ".", "."},
                                           {"/", ".", "/"},
                                           {NULL, "//", "/"},
                                           {"/x", "../a", "/x/../a"},
                                           {"/x", "", "/x"},
                                           {NULL, "", "."},
                                           {"/x", ".a/..b", "/x/.a/..b"}};
    for (size_t i = 0; i < SILT_COUNT(cases); i++)
        assert_string_equal(silt_path_normalise(cases[i][0], cases[i][1], arena), cases[i][2]);
}

static void runs_out_of_memory(void **state)
{
    (void)state;
    const char *pattern = silt_arena_printf(arena, "%s/{x,m?}/**/*.csv", dir);
    silt_discover_spec spec = {.patterns = &pattern, .pattern_count = 1};
    bool failed = true;
    for (int n = 1; failed; n++) {
        silt_arena *own = silt_arena_new();
        silt_found f = {0};
        silt_error err = {0};
        test_alloc_fail(n, n % 2);
        silt_status st = silt_discover(&spec, own, &f, &err);
        failed = test_alloc_failed();
        if (failed && st != SILT_NOMEM) fail_msg("allocation %d: %s", n, err.message);
        silt_arena_free(own);
    }
}

static void is_quick_with_many_files(void **state)
{
    (void)state;
    char name[64];
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "many/%d/f%05d.csv", i % 4, i);
        test_write(dir, name, "");
    }
    char *pattern = silt_arena_printf(arena, "%s/many/**/*.csv", dir);
    silt_discover_spec spec = {.patterns = (const char *const *)&pattern, .pattern_count = 1};
    silt_found f = {0};
    clock_t start = clock();
    assert_int_equal(silt_discover(&spec, arena, &f, NULL), SILT_OK);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_int_equal(f.count, 20000);
    print_message("20,000 files in %.3f s of CPU\n", seconds);
    assert_true(seconds < 5); /* with sanitizers on a slow machine; 0.03 s without */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(matches_patterns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_into_folders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(passes_over_hidden_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(follows_links_but_not_in_circles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orders_and_lets_settle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_what_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_each_file_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stats_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(normalises_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_out_of_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_quick_with_many_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
