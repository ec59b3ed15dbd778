/* CSV headers and places, read without DuckDB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/csv_header.h"
#include "support/files.h"

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = test_dir_new();
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    test_dir_free(dir);
    return 0;
}

static void write_bytes(const char *name, const void *bytes, size_t size)
{
    char *path = test_path(dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    free(path);
}

/* The names joined by '|', and how much is to be skipped. */
static void expect_header(const silt_source_options *options, const char *text, size_t size,
                          const char *names, int skip)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_buf) joined = {0};
    silt_csv_header header = {0};
    silt_error err = {0};
    write_bytes("h", text, size);
    char *path = test_path(dir, "h");
    if (silt_csv_header_read(options, path, arena, &header, &err) != SILT_OK)
        fail_msg("%s", err.message);
    silt_buf_puts(&joined, "");
    for (size_t i = 0; i < header.count; i++) {
        if (i) silt_buf_putc(&joined, '|');
        silt_buf_puts(&joined, header.names[i]);
    }
    assert_string_equal(joined.data, names);
    assert_int_equal(header.skip, skip);
    free(path);
}

static void headers(void **state)
{
    (void)state;
    static const silt_source_options standard = {0};
    static const struct {
        const char *text, *names;
        int skip;
    } cases[] = {
        {"", "", 0},
        {"a", "a", 0},
        {"a,b,c\n1,2,3\n", "a|b|c", 0},
        {"a,b\r\n1,2\r\n", "a|b", 0},
        {"a,b\r1,2\r", "a|b", 0},
        {"\xEF\xBB\xBF\"a\",b\n", "a|b", 0},
        {"\"a,1\",\"say \"\"b\"\"\",\"two\nlines\",\n1\n", "a,1|say \"b\"|two\nlines|", 0},
        {"a\"b,c\n", "a\"b|c", 0},
        {" a , b \n", " a | b ", 0},
        {"\n\r\n  \na,b\n", "a|b", 3},
        {"a,a,\n", "a|a|", 0},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++)
        expect_header(&standard, cases[i].text, strlen(cases[i].text), cases[i].names,
                      cases[i].skip);
}

static void dialects_and_encodings(void **state)
{
    (void)state;
    const silt_source_options semicolon = {
        .delimiter = ";", .quote = "'", .escape = "\\", .comment = "#"};
    expect_header(&semicolon, "# c\n'it\\'s;1';b # d\n", 20, "it's;1|b ", 0);
    expect_header(&semicolon, "# c\n\na;b\n", 9, "a|b", 2);
    const silt_source_options wide = {.delimiter = "||", .quote = ""};
    expect_header(&wide, "\"a\"||b|c\n", 9, "\"a\"|b|c", 0);
    const silt_source_options skip = {.skip_lines = 2};
    expect_header(&skip, "one\ntwo,2\na,b\n", 14, "a|b", 2);
    expect_header(&skip, "one\n\n\na,b\n", 10, "a|b", 3);
    const silt_source_options bare = {.no_header = true};
    expect_header(&bare, "1,2\n", 4, "column0|column1", 0);
    const silt_source_options latin = {.encoding = "latin-1"};
    expect_header(&latin, "n\xE4me,b\n", 7, "n\xC3\xA4me|b", 0);
    const silt_source_options utf16 = {.encoding = "utf-16"};
    expect_header(&utf16, "\xFF\xFE\xE4\0,\0b\0\n\0", 10, "\xC3\xA4|b", 0);
    expect_header(&utf16, "\xFE\xFF\x20\xAC\xD8\x3D\xDE\x00\0,\0b\0\n", 14,
                  "\xE2\x82\xAC\xF0\x9F\x98\x80|b", 0);
}

static void a_header_longer_than_a_read(void **state)
{
    (void)state;
    static const silt_source_options standard = {0};
    SILT_CLEAN(silt_buf) text = {0};
    SILT_CLEAN(silt_buf) names = {0};
    for (int i = 0; i < 20000; i++) {
        silt_buf_printf(&text, "%s\"column %d\"", i ? "," : "", i);
        silt_buf_printf(&names, "%scolumn %d", i ? "|" : "", i);
    }
    silt_buf_putc(&text, '\n');
    expect_header(&standard, text.data, text.size, names.data, 0);
}

static void headers_that_cant_be_had(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_csv_header header = {0};
    silt_error err = {0};
    const silt_source_options gzip = {.compression = "gzip"};
    char *path = test_path(dir, "none");
    assert_int_equal(silt_csv_header_read(&gzip, path, arena, &header, &err), SILT_NOT_FOUND);
    free(path);
    write_bytes("plain", "a,b\n", 4);
    path = test_path(dir, "plain");
    assert_int_equal(silt_csv_header_read(&gzip, path, arena, &header, &err), SILT_BAD_DATA);
    const silt_source_options zstd = {.compression = "zstd"};
    assert_int_equal(silt_csv_header_read(&zstd, path, arena, &header, &err), SILT_BAD_DATA);
    free(path);
}

static void delimiters(void **state)
{
    (void)state;
    static const struct {
        const char *text, *delimiter;
    } cases[] = {
        {"a,b\n1,2\n", ","},         {"a;b\n1,5;2,5\n", ";"}, {"a\tb\n1\t2\n", "\t"},
        {"a|b\n1|2\n", "|"},         {"a\n1\n", ","},         {"", ","},
        {"a,b\n1,x;y\n2,z;\n", ","}, {"a,b\n1\n2,3\n", ","},  {"\"a;b\",c\n1,2\n", ","},
    };
    static const silt_source_options standard = {0};
    char *path = test_path(dir, "h");
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const char *found = NULL;
        write_bytes("h", cases[i].text, strlen(cases[i].text));
        assert_int_equal(silt_csv_guess_delimiter(&standard, path, &found, NULL), SILT_OK);
        assert_string_equal(found, cases[i].delimiter);
    }
    free(path);
}

static void lines_of_texts(void **state)
{
    (void)state;
    static const silt_source_options standard = {0};
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "\xEF\xBB\xBF"
                         "a,b\n1,\"x\ny\"\r\n\nfoo,z\n");
    for (int i = 0; i < 60000; i++)
        silt_buf_printf(&text, "%d,\"row\n%d\"\n", i, i);
    silt_buf_puts(&text, "last,\"q\"\"q\"");
    write_bytes("h", text.data, text.size);
    char *path = test_path(dir, "h");
    assert_int_equal(silt_csv_find(&standard, path, 0, SILT_STR("foo")), 5);
    assert_int_equal(silt_csv_find(&standard, path, 0, SILT_STR("a")), 0);
    assert_int_equal(silt_csv_find(&standard, path, 1, SILT_STR("x\ny")), 2);
    assert_int_equal(silt_csv_find(&standard, path, 1, SILT_STR("q\"q")), 6 + 2 * 60000);
    assert_int_equal(silt_csv_find(&standard, path, 7, SILT_STR("foo")), 0);
    free(path);
}

static void ends_within_quotes(void **state)
{
    (void)state;
    static const silt_source_options standard = {0}, escape = {.escape = "\\"},
                                     utf16 = {.encoding = "utf-16"};
    static const struct {
        const silt_source_options *options;
        const char *text;
        bool inside;
    } cases[] = {
        {&standard, "a\n1\n", false},        {&standard, "a\n\"1", true},
        {&standard, "a\n\"1\"", false},      {&standard, "a\n\"1\"\"", true},
        {&standard, "a\n5\" pipe", false},   {&standard, "a,b\n5\" pipe,\"x", true},
        {&standard, "\xEF\xBB\xBF\"", true}, {&escape, "a\n\"1\\\"", true},
        {&escape, "a\n\"1\\\\\"", false},    {&standard, "", false},
    };
    char *path = test_path(dir, "h");
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        bool inside = !cases[i].inside;
        write_bytes("h", cases[i].text, strlen(cases[i].text));
        assert_int_equal(silt_csv_ends_inside(cases[i].options, path, &inside, NULL), SILT_OK);
        assert_int_equal(inside, cases[i].inside);
    }
    bool inside = false;
    write_bytes("h", "\xFF\xFE\"\0a\0", 6);
    assert_int_equal(silt_csv_ends_inside(&utf16, path, &inside, NULL), SILT_OK);
    assert_true(inside);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(dialects_and_encodings),
        cmocka_unit_test(a_header_longer_than_a_read),
        cmocka_unit_test(headers_that_cant_be_had),
        cmocka_unit_test(delimiters),
        cmocka_unit_test(lines_of_texts),
        cmocka_unit_test(ends_within_quotes),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
