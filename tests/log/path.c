/* Names in the log, and the two escapings of paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/logs.h"
#include "support/random.h"

static void names_are_padded(void **state)
{
    (void)state;
    assert_string_equal(silt_log_commit_key(arena, 7), "_delta_log/00000000000000000007.json");
    assert_string_equal(silt_log_checkpoint_key(arena, 10),
                        "_delta_log/00000000000000000010.checkpoint.parquet");
    assert_string_equal(silt_log_crc_key(arena, INT64_MAX), "_delta_log/09223372036854775807.crc");
}

/* Keys and what Spark writes for them (but that it leaves other letters of Unicode as they are). */
static void keys_are_encoded_as_spark_does(void **state)
{
    (void)state;
    static const struct {
        const char *key, *path;
    } cases[] = {
        {"part-00000-a.c000.snappy.parquet", "part-00000-a.c000.snappy.parquet"},
        {"continent=South America/part-0.parquet", "continent=South%20America/part-0.parquet"},
        {"ts=2024-01-02 12%3A30%3A00/part-0.parquet",
         "ts=2024-01-02%2012%253A30%253A00/part-0.parquet"},
        {"tsNtz=2021-11-18 02%3A30%3A00.123456/p", "tsNtz=2021-11-18%2002%253A30%253A00.123456/p"},
        {"col_0=Europe%2FWarsaw/p", "col_0=Europe%252FWarsaw/p"},
        {"test%file%prefix-part-00001", "test%25file%25prefix-part-00001"},
        {"some/with space/p@#h", "some/with%20space/p@%23h"},
        {"a?b", "a%3Fb"},
        {"-_.!~'()*;:@&=+$,/x", "-_.!~'()*;:@&=+$,/x"},
        {"\"<>[]\\^`{|}", "%22%3C%3E%5B%5D%5C%5E%60%7B%7C%7D"},
        {"\x01\x1f\x7f", "%01%1F%7F"},
        {"caf\xc3\xa9/\xe6\x97\xa5", "caf%C3%A9/%E6%97%A5"},
        {"d=a:b/c", "d=a:b/c"},
        {"a:b/c:d", "a%3Ab/c:d"}, /* else it'd be a URI of the scheme "a" */
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const char *key;
        assert_string_equal(silt_path_encode(cases[i].key, arena), cases[i].path);
        assert_ok(silt_path_decode(cases[i].path, arena, &key, &err));
        assert_string_equal(key, cases[i].key);
    }
}

static void other_spellings_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *path, *key;
    } cases[] = {
        {"%61%2f%62", "a/b"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"./a", "a"},
        {"a//b/./c", "a/b/c"},
        {"a/b/", "a/b"},
        {"...", "..."},
        {"a..b/..c/d..", "a..b/..c/d.."},
        {"k=\xff", "k=\xff"},
        {"a+b", "a+b"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const char *key;
        assert_ok(silt_path_decode(cases[i].path, arena, &key, &err));
        assert_string_equal(key, cases[i].key);
    }
}

static void wrong_paths_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        silt_status status;
    } cases[] = {
        {"/a", SILT_UNSUPPORTED},       {"file:/a", SILT_UNSUPPORTED},
        {"s3://b/k", SILT_UNSUPPORTED}, {"abfss://c@a/k", SILT_UNSUPPORTED},
        {"a/../b", SILT_CORRUPT},       {"..", SILT_CORRUPT},
        {"../x", SILT_CORRUPT},         {"a/..", SILT_CORRUPT},
        {"a/%2e%2E/b", SILT_CORRUPT},   {"%2e%2e%2fb", SILT_CORRUPT},
        {"100%", SILT_CORRUPT},         {"a%2", SILT_CORRUPT},
        {"a%zz", SILT_CORRUPT},         {"a%-1", SILT_CORRUPT},
        {"a%00b", SILT_CORRUPT},        {".", SILT_CORRUPT},
        {"./", SILT_CORRUPT},           {"%2F%2F", SILT_CORRUPT},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const char *key = NULL;
        silt_status st = silt_path_decode(cases[i].path, arena, &key, &err);
        if (st != cases[i].status) fail_msg("%s: %s", cases[i].path, silt_status_name(st));
        assert_null(key);
        assert_contains(err.message, cases[i].path);
    }
}

static void one_file_has_one_canonical_path(void **state)
{
    (void)state;
    static const char *const groups[][4] = {
        {"/some/with%20space/p@%23h", "file:/some/with%20space/p@%23h",
         "file:///some/with%20space/p@%23h", "/some/with space/p@#h"},
        {"a%62c", "abc", "%61bc", "ab%63"},
        {"100%", "100%", "100%25", "%3100%"}, /* broken ones stay as they are */
    };
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 1; j < 4; j++)
            assert_string_equal(silt_path_canonical(groups[i][j], arena),
                                silt_path_canonical(groups[i][0], arena));
    assert_string_equal(silt_path_canonical(groups[2][3], arena), groups[2][3]);
    assert_ptr_equal(silt_path_canonical(groups[1][1], arena), groups[1][1]); /* no copy */
}

/* Values and Spark's folders for them (ExternalCatalogUtils.escapePathName). */
static void partition_folders_are_hives(void **state)
{
    (void)state;
    static const struct {
        const char *value, *folder;
    } cases[] = {
        {"1", "c=1/"},
        {NULL, "c=__HIVE_DEFAULT_PARTITION__/"},
        {"", "c=__HIVE_DEFAULT_PARTITION__/"},
        {"a b%", "c=a b%25/"},
        {"2024-01-02 12:30:00", "c=2024-01-02 12%3A30%3A00/"},
        {"Europe/Warsaw", "c=Europe%2FWarsaw/"},
        {"\"#%'*/:=?\\\x7f{[]^", "c=%22%23%25%27%2A%2F%3A%3D%3F%5C%7F%7B%5B%5D%5E/"},
        {"\x01\t\n\x1f", "c=%01%09%0A%1F/"},
        {" !$&()+,-.;<>@_`|}~", "c= !$&()+,-.;<>@_`|}~/"},
        {"caf\xc3\xa9", "c=caf\xc3\xa9/"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const silt_pair pair = {"c", cases[i].value};
        assert_string_equal(silt_path_partition_dir((silt_pairs){&pair, 1}, arena),
                            cases[i].folder);
    }
    const silt_pair two[] = {{"a=b", "1"}, {"c", "x y"}};
    assert_string_equal(silt_path_partition_dir((silt_pairs){two, 2}, arena), "a%3Db=1/c=x y/");
    assert_string_equal(silt_path_partition_dir((silt_pairs){NULL, 0}, arena), "");
}

/* Folders whose names no file system would take: one for each value. */
static void long_values_have_short_folders(void **state)
{
    (void)state;
    char value[260] = "";
    const char *dirs[3];
    for (size_t i = 0; i < SILT_COUNT(dirs); i++) {
        memset(value, 'x', 253 + i);
        const silt_pair pair[] = {{"c", value}, {"d", "1"}};
        dirs[i] = silt_path_partition_dir((silt_pairs){pair, 2}, arena);
    }
    assert_true(silt_starts_with(dirs[0], "c=xxx") && strlen(dirs[0]) == 255 + strlen("/d=1/"));
    for (size_t i = 1; i < SILT_COUNT(dirs); i++)
        assert_true(silt_starts_with(dirs[i], "long-") && strlen(dirs[i]) == 21 + strlen("/d=1/"));
    assert_string_not_equal(dirs[1], dirs[2]);
}

/* The two escapings together, as a table of Spark's has them in its log. */
static void values_are_escaped_twice(void **state)
{
    (void)state;
    const silt_pair pair = {"p", "a b%"};
    const char *dir = silt_path_partition_dir((silt_pairs){&pair, 1}, arena);
    assert_string_equal(silt_path_encode(dir, arena), "p=a%20b%2525/");
}

static void any_key_survives(void **state)
{
    (void)state;
    test_random random = test_random_new();
    for (int i = 0; i < 20000; i++) {
        char key[24];
        const char *back = NULL;
        size_t size = 1 + test_random_below(&random, sizeof(key) - 2);
        for (size_t j = 0; j < size; j++) /* no '.', '/': parts are cleaned */
            key[j] = j % 5 == 4 ? "%: #a"[test_random_below(&random, 5)]
                                : (char)(48 + test_random_below(&random, 208));
        key[size] = '\0';
        const char *path = silt_path_encode(key, arena);
        for (const char *p = path; *p; p++)
            assert_true(*p > 0x20 && *p < 0x7f);
        assert_ok(silt_path_decode(path, arena, &back, &err));
        assert_string_equal(back, key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_are_padded),
        TEST(keys_are_encoded_as_spark_does),
        TEST(other_spellings_are_decoded),
        TEST(wrong_paths_are_refused),
        TEST(one_file_has_one_canonical_path),
        TEST(partition_folders_are_hives),
        TEST(long_values_have_short_folders),
        TEST(values_are_escaped_twice),
        TEST(any_key_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
