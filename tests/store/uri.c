/* From a URI to a store; names of options; the lives of errors. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/files.h"

static silt_error error;

static void assert_root(const char *uri, const char *root)
{
    SILT_AUTO(silt_store) store = NULL;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (silt_store_open(uri, NULL, &store, &error) != SILT_OK) fail_msg("%s", error.message);
    assert_string_equal(silt_store_local_path(store, "", arena), root);
    assert_string_equal(store->uri, uri);
    assert_string_equal(store->ops->kind, "file");
}

static void assert_refused(const char *uri, silt_status status, const char *words)
{
    silt_store *store = (silt_store *)&error; /* untouched */
    assert_int_equal(silt_store_open(uri, NULL, &store, &error), status);
    assert_ptr_equal(store, &error);
    assert_int_equal(error.status, status);
    if (!strstr(error.message, words)) fail_msg("\"%s\" isn't in: %s", words, error.message);
    assert_int_equal(silt_store_open(uri, NULL, &store, NULL), status);
}

static void paths_and_file_uris_are_local(void **state)
{
    (void)state;
    assert_root("/a/b", "/a/b");
    assert_root("/a//b/./c/", "/a/b/c");
    assert_root("/a/../b", "/a/../b"); /* a may be a symbolic link */
    assert_root("/", "/");
    assert_root("/a b%20c:d", "/a b%20c:d");
    assert_root("file:///a/b/", "/a/b");
    assert_root("file:/a/b", "/a/b");
    assert_root("FILE:///a", "/a");
    assert_root("file://localhost/a", "/a");
    assert_root("file:///a%20b%2525%23", "/a b%25#");
    assert_root("file:///", "/");
    char folder[PATH_MAX / 2], expected[PATH_MAX];
    assert_non_null(getcwd(folder, sizeof(folder)));
    snprintf(expected, sizeof(expected), "%s/a/b", folder);
    assert_root("a/b", expected);
    assert_root("./a/b", expected);
    snprintf(expected, sizeof(expected), "%s/a:b", folder);
    assert_root("a:b", expected);
    snprintf(expected, sizeof(expected), "%s/file:x", folder);
    assert_root("file:x", expected);
}

static void other_uris_are_refused(void **state)
{
    (void)state;
    assert_refused("", SILT_INVALID, "empty");
    assert_refused(NULL, SILT_INVALID, "empty");
    assert_refused("file://host/a", SILT_INVALID, "not a file of this host");
    assert_refused("file://a", SILT_INVALID, "not a file of this host");
    assert_refused("file:///a%2", SILT_INVALID, "%");
    assert_refused("file:///a%zz", SILT_INVALID, "%");
    assert_refused("file:///a%00b", SILT_INVALID, "%");
    assert_refused("file:///a?b", SILT_INVALID, "query");
    assert_refused("file:///a#b", SILT_INVALID, "fragment");
    assert_refused("gopher://user:password@host/a?signature=1", SILT_UNSUPPORTED, "\"gopher://\"");
    assert_null(strstr(error.message, "password"));
    assert_refused("hdfs://a", SILT_UNSUPPORTED, "hdfs");
    silt_store *store;
    assert_int_equal(silt_store_open("hdfs://a", NULL, &store, &error), SILT_UNSUPPORTED);
    assert_non_null(strstr(error.hint, "file:///"));

    SILT_CLEAN(silt_buf) path = {0};
    for (int i = 0; i < PATH_MAX; i++)
        silt_buf_puts(&path, "/a");
    assert_refused(path.data, SILT_INVALID, "too long");
}

static void unknown_options_are_named_without_their_value(void **state)
{
    (void)state;
    const char *const pairs[] = {"secret_key=hunter2", NULL}, *const none[] = {NULL};
    silt_store_options options = SILT_STORE_OPTIONS_INIT;
    silt_store *store = NULL;
    options.pairs = pairs;
    assert_int_equal(silt_store_open("/a", &options, &store, &error), SILT_INVALID);
    assert_non_null(strstr(error.message, "secret_key"));
    assert_null(strstr(error.message, "hunter2"));
    assert_null(store);
    options.pairs = none;
    assert_int_equal(silt_store_open("/a", &options, &store, &error), SILT_OK);
    silt_store_free(store);
    options.struct_size = 0;
    assert_int_equal(silt_store_open("/a", &options, &store, &error), SILT_INVALID);
    silt_store_free(NULL);
}

static void a_relative_store_stays_where_it_is(void **state)
{
    (void)state;
    char *dir = test_dir_new(), before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(dir), 0);
    SILT_AUTO(silt_store) store = NULL;
    assert_int_equal(silt_store_open("sub/table", NULL, &store, &error), SILT_OK);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(store->ops->put(store, "a", SILT_STR("x"), &error), SILT_OK);
    assert_int_equal(chdir(before), 0);
    char *text = test_read(dir, "sub/table/a", NULL);
    assert_string_equal(text, "x");
    free(text);
    test_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_and_file_uris_are_local),
        cmocka_unit_test(other_uris_are_refused),
        cmocka_unit_test(unknown_options_are_named_without_their_value),
        cmocka_unit_test(a_relative_store_stays_where_it_is),
    };
    return cmocka_run_group_tests_name("store uri", tests, NULL, NULL);
}
