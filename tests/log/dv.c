/* Deletion vectors: the protocol's own examples, files of others, and everything that can be wrong
 * with one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <zlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "log/dv.h"
#include "log/logs.h"
#include "support/files.h"

/* A file that Databricks wrote: rows 0 and 9. */
static const char small_file[] = "\x01"
                                 "\0\0\0\x24"
                                 "\xd1\xd3\x39\x64"
                                 "\1\0\0\0\0\0\0\0"
                                 "\0\0\0\0"
                                 "\x3a\x30\0\0\1\0\0\0\0\0\1\0\x10\0\0\0\0\0\x09\0"
                                 "\x2a\x67\x18\x46";
#define SMALL_SIZE 45
#define SMALL_KEY  "deletion_vector_61d16c75-6994-46b7-a15b-8b538852e50e.bin"
#define SMALL_ID   "vBn[lx{q8@P<9BNH/isA"
static const silt_dv small_dv = {.storage_type = 'u',
                                 .path_or_inline = SMALL_ID,
                                 .offset = 1,
                                 .size_bytes = 36,
                                 .cardinality = 2,
                                 .max_row_index = -1};

static void put_file(const char *key, const char *data, size_t size)
{
    assert_ok(store->ops->put(store, key, (silt_bytes){data, size}, &err));
}

static void assert_rows(const silt_bitmap *rows, const uint64_t *expected, size_t count)
{
    assert_int_equal(silt_bitmap_count(rows), count);
    for (size_t i = 0; i < count; i++)
        assert_true(silt_bitmap_has(rows, expected[i]));
}

/* Refused, and the message has both parts; the hint says what to do. */
static void assert_refused(const silt_dv *dv, int64_t rows, const char *a, const char *b)
{
    silt_bitmap *out = NULL;
    assert_status(silt_dv_read(store, dv, rows, &out, &err), SILT_CORRUPT);
    assert_null(out);
    assert_contains(err.message, a);
    assert_contains(err.message, b);
}

static void descriptors_name_files(void **state)
{
    (void)state;
    static const struct {
        char type;
        const char *text, *key;
    } cases[] = {
        {'u', "ab^-aqEH.-t@S}K{vb[*k^",
         "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"},
        {'u', "^-aqEH.-t@S}K{vb[*k^", "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"},
        {'u', SMALL_ID, SMALL_KEY},
        {'u', "00000000000000000000", "deletion_vector_00000000-0000-0000-0000-000000000000.bin"},
        {'p', "a%20b/dv.bin", "a b/dv.bin"},
        {'i', "whatever", NULL},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_dv dv = {.storage_type = cases[i].type, .path_or_inline = cases[i].text};
        silt_place place = {.local_path = "x"};
        assert_ok(silt_dv_place(store, &dv, arena, &place, &err));
        assert_null(place.local_path);
        assert_true(silt_streq(place.key, cases[i].key));
    }
}

static void wrong_descriptors_are_refused(void **state)
{
    (void)state;
    static const struct {
        char type;
        const char *text;
        silt_status status;
        const char *why;
    } cases[] = {
        {'u', "", SILT_CORRUPT, "20 characters"},
        {'u', "^-aqEH.-t@S}K{vb[*k", SILT_CORRUPT, "20 characters"},
        {'u', "^-aqEH.-t@S}K{vb[*k~", SILT_CORRUPT, "not a uuid"},
        {'u', "..^-aqEH.-t@S}K{vb[*k^", SILT_CORRUPT, "prefix"},
        {'u', "/a^-aqEH.-t@S}K{vb[*k^", SILT_CORRUPT, "prefix"},
        {'u', "a/../b^-aqEH.-t@S}K{vb[*k^", SILT_CORRUPT, "prefix"},
        {'p', "../dv.bin", SILT_CORRUPT, "out of the table"},
        {'p', "s3://elsewhere/dv.bin", SILT_UNSUPPORTED, "s3://elsewhere/dv.bin"},
        {'q', "x", SILT_CORRUPT, "storageType"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_dv dv = {.storage_type = cases[i].type, .path_or_inline = cases[i].text};
        silt_place place = {0};
        assert_status(silt_dv_place(store, &dv, arena, &place, &err), cases[i].status);
        assert_contains(err.message, cases[i].why);
        assert_null(place.key);
    }
}

static void files_are_read(void **state)
{
    (void)state;
    const uint64_t rows[] = {0, 9};
    put_file(SMALL_KEY, small_file, SMALL_SIZE);
    SILT_AUTO(silt_bitmap) out = NULL;
    assert_ok(silt_dv_read(store, &small_dv, 10, &out, &err));
    assert_rows(out, rows, 2);

    silt_dv first = small_dv; /* without an offset it is the first of the file */
    first.offset = -1;
    SILT_AUTO(silt_bitmap) again = NULL;
    assert_ok(silt_dv_read(store, &first, -1, &again, &err));
    assert_rows(again, rows, 2);
}

/* The last group is over 2^32, and only half of it counts: one row, as Spark reads it. */
static void groups_over_32_bits_wrap(void **state)
{
    (void)state;
    silt_dv dv = {.storage_type = 'i',
                  .path_or_inline = "^Bg9^0rr910000000000iXQKl0rr91000005c8Xg##093",
                  .offset = -1,
                  .size_bytes = 34,
                  .cardinality = 1,
                  .max_row_index = -1};
    const uint64_t rows[] = {28168};
    SILT_AUTO(silt_bitmap) out = NULL;
    assert_ok(silt_dv_read(store, &dv, -1, &out, &err));
    assert_rows(out, rows, 1);
}

static void inline_ones_are_read(void **state)
{
    (void)state;
    silt_dv dv = {.storage_type = 'i',
                  .path_or_inline = "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
                  .offset = -1,
                  .size_bytes = 44,
                  .cardinality = 6,
                  .max_row_index = 29};
    const uint64_t rows[] = {3, 4, 7, 11, 18, 29};
    SILT_AUTO(silt_bitmap) out = NULL;
    assert_ok(silt_dv_read(store, &dv, 30, &out, &err));
    assert_rows(out, rows, 6);

    assert_refused(&dv, 29, "inline", "row 29 of a data file of 29 rows");
    dv.max_row_index = 28;
    assert_refused(&dv, -1, "row 29", "maxRowIndex is 28");
    dv.size_bytes = 40;
    assert_refused(&dv, -1, "sizeInBytes", "inline");
    dv.size_bytes = 48;
    assert_refused(&dv, -1, "sizeInBytes", "inline");
    dv.size_bytes = -1;
    assert_refused(&dv, -1, "sizeInBytes", "inline");
    dv.path_or_inline = "^Bg9";
    assert_refused(&dv, -1, "five", "inline");
    dv.path_or_inline = "^Bg9~";
    dv.size_bytes = 4;
    assert_refused(&dv, -1, "base 85", "inline");
    dv.path_or_inline = "^Bg9^";
    assert_refused(&dv, -1, "0 bytes", "inline");
    /* The protocol's example 3: big-endian, a form that nobody writes. */
    dv.path_or_inline = "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L";
    dv.size_bytes = 40;
    assert_refused(&dv, -1, "begins with", "instead of 1681511377");
}

/* The file of `small_dv` with one byte changed. */
static void put_changed(size_t at, unsigned char byte)
{
    char changed[SMALL_SIZE];
    memcpy(changed, small_file, SMALL_SIZE);
    changed[at] = (char)byte;
    put_file(SMALL_KEY, changed, SMALL_SIZE);
}

static void each_lie_is_found(void **state)
{
    (void)state;
    put_file(SMALL_KEY, small_file, SMALL_SIZE);
    silt_dv dv = small_dv;
    dv.cardinality = 3;
    assert_refused(&dv, -1, SMALL_KEY, "names 2 rows, and the log's cardinality is 3");
    assert_contains(err.hint, "restore the file");
    dv.cardinality = -1;
    assert_refused(&dv, -1, SMALL_KEY, "cardinality is -1");
    dv = small_dv;
    dv.size_bytes = 35;
    assert_refused(&dv, -1, SMALL_KEY, "36 bytes at offset 1 by the file, and 35 by the log");
    dv.size_bytes = INT64_C(1) << 40;
    assert_refused(&dv, -1, SMALL_KEY, "sizeInBytes is 1099511627776");
    dv.size_bytes = INT32_MAX; /* no memory is taken for what isn't there */
    assert_refused(&dv, -1, SMALL_KEY, "36 bytes at offset 1");
    dv = small_dv;
    dv.offset = 2;
    assert_refused(&dv, -1, SMALL_KEY, "at offset 2 by the file");
    dv.offset = 1000;
    assert_refused(&dv, -1, SMALL_KEY, "ends before");
    dv.offset = INT64_MAX - 44;
    assert_refused(&dv, -1, SMALL_KEY, "ends before");
    assert_refused(&small_dv, 9, SMALL_KEY, "row 9 of a data file of 9 rows");
    assert_refused(&small_dv, 0, SMALL_KEY, "row 9 of a data file of 0 rows");

    put_changed(0, 2);
    assert_refused(&small_dv, -1, SMALL_KEY, "version 2 instead of 1");
    put_changed(SMALL_SIZE - 1, 0);
    assert_refused(&small_dv, -1, SMALL_KEY, "checksum is 2a671846 instead of 2a671800");
    for (size_t i = 0; i < SMALL_SIZE; i++) { /* whatever byte: the file's or the checksum tells */
        put_changed(i, (unsigned char)(small_file[i] ^ 0x40));
        assert_refused(&small_dv, -1, SMALL_KEY, "deletion vector");
    }
    for (size_t size = 0; size < SMALL_SIZE; size++) {
        put_file(SMALL_KEY, small_file, size);
        assert_refused(&small_dv, -1, SMALL_KEY, "");
    }
}

/* Little-endian lengths, and a big-endian magic number under a checksum that is right. */
static void byte_orders_are_told_apart(void **state)
{
    (void)state;
    char file[SMALL_SIZE];
    memcpy(file, small_file, SMALL_SIZE);
    memcpy(file + 1, "\x24\0\0\0", 4);
    put_file(SMALL_KEY, file, SMALL_SIZE);
    assert_refused(&small_dv, -1, SMALL_KEY, "603979776 bytes at offset 1");

    memcpy(file, small_file, SMALL_SIZE);
    memcpy(file + 5, "\x64\x39\xd3\xd1", 4);
    uint32_t sum = (uint32_t)crc32(0, (const unsigned char *)file + 5, 36);
    for (int i = 0; i < 4; i++)
        file[41 + i] = (char)(sum >> (24 - 8 * i));
    put_file(SMALL_KEY, file, SMALL_SIZE);
    assert_refused(&small_dv, -1, SMALL_KEY, "begins with 3520280932 instead of 1681511377");
}

static void missing_files_are_told(void **state)
{
    (void)state;
    silt_bitmap *out = NULL;
    assert_status(silt_dv_read(store, &small_dv, 10, &out, &err), SILT_NOT_FOUND);
    assert_contains(err.message, SMALL_KEY);
    assert_contains(err.hint, "restore");
}

/* Several in one file, each found by its offset; each is framed with size and checksum. */
static void one_file_holds_several(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) file = {0};
    silt_dv dvs[3];
    silt_buf_putc(&file, 1);
    for (uint64_t k = 0; k < 3; k++) {
        const uint64_t rows[] = {k, 1000 * k + 7, (UINT64_C(1) << 33) + k};
        SILT_AUTO(silt_bitmap) set = silt_bitmap_new();
        SILT_CLEAN(silt_buf) data = {0};
        assert_true(silt_bitmap_add(set, rows, 3));
        silt_buf_append(&data, "\xd1\xd3\x39\x64", 4);
        silt_bitmap_write(set, &data);
        dvs[k] = small_dv;
        dvs[k].offset = (int64_t)file.size;
        dvs[k].size_bytes = (int64_t)data.size;
        dvs[k].cardinality = 3;
        for (int shift = 24; shift >= 0; shift -= 8)
            silt_buf_putc(&file, (char)(data.size >> shift));
        silt_buf_append(&file, data.data, data.size);
        uint32_t sum = (uint32_t)crc32(0, (const unsigned char *)data.data, (unsigned)data.size);
        for (int shift = 24; shift >= 0; shift -= 8)
            silt_buf_putc(&file, (char)(sum >> shift));
    }
    put_file(SMALL_KEY, file.data, file.size);
    for (uint64_t k = 0; k < 3; k++) {
        const uint64_t rows[] = {k, 1000 * k + 7, (UINT64_C(1) << 33) + k};
        SILT_AUTO(silt_bitmap) out = NULL;
        assert_ok(silt_dv_read(store, &dvs[k], -1, &out, &err));
        assert_rows(out, rows, 3);
    }
}

/* Absolute paths lead into the table or beside it, where both are on this machine. */
static void absolute_paths_are_followed(void **state)
{
    (void)state;
    char *folder = test_dir_new();
    SILT_FREE char *root = test_path(folder, "a table");
    SILT_AUTO(silt_store) table = NULL;
    SILT_FREE char *beside = test_path(folder, "a table2/d v.bin");
    SILT_AUTO(silt_store) other = NULL;
    assert_ok(silt_store_open(root, NULL, &table, &err));
    assert_ok(silt_store_open(folder, NULL, &other, &err));
    assert_ok(
        other->ops->put(other, "a table/x/d v.bin", (silt_bytes){small_file, SMALL_SIZE}, &err));
    assert_ok(
        other->ops->put(other, "a table2/d v.bin", (silt_bytes){small_file, SMALL_SIZE}, &err));
    const struct {
        const char *format, *key, *local_path;
    } cases[] = {
        {"%s/a%%20table/x/d%%20v.bin", "x/d v.bin", NULL},
        {"file:%s/a%%20table/x/d%%20v.bin", "x/d v.bin", NULL},
        {"file://%s/a%%20table/x/d%%20v.bin", "x/d v.bin", NULL},
        {"file://%s/a%%20table2/d%%20v.bin", NULL, beside},
        {"%s/a%%20table2/d%%20v.bin", NULL, beside},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        char path[4096];
        silt_buf buf = {0};
        silt_buf_printf(&buf, cases[i].format, folder);
        snprintf(path, sizeof(path), "%s", buf.data);
        silt_buf_release(&buf);
        silt_dv dv = small_dv;
        dv.storage_type = 'p';
        dv.path_or_inline = path;
        silt_place place;
        assert_ok(silt_dv_place(table, &dv, arena, &place, &err));
        assert_true(silt_streq(place.key, cases[i].key));
        assert_true(silt_streq(place.local_path, cases[i].local_path));
        SILT_AUTO(silt_bitmap) out = NULL;
        assert_ok(silt_dv_read(table, &dv, 10, &out, &err));
        assert_int_equal(silt_bitmap_count(out), 2);
        /* A store in memory has no place on this machine. */
        assert_status(silt_dv_place(store, &dv, arena, &place, &err), SILT_UNSUPPORTED);
    }
    silt_dv gone = small_dv;
    gone.storage_type = 'p';
    silt_bitmap *none = NULL;
    gone.path_or_inline = "/nowhere/dv.bin";
    assert_status(silt_dv_read(table, &gone, 10, &none, &err), SILT_NOT_FOUND);
    assert_contains(err.message, "/nowhere/dv.bin");
    silt_place place;
    assert_status(silt_path_place(table, "/a/../b", arena, &place, &err), SILT_CORRUPT);
    assert_status(silt_path_place(table, "file:///a/%zz", arena, &place, &err), SILT_CORRUPT);
    assert_status(silt_path_place(table, "file://host/a", arena, &place, &err), SILT_CORRUPT);
    assert_status(silt_path_place(table, "file:a/b", arena, &place, &err), SILT_CORRUPT);
    assert_ok(silt_path_place(table, "a%20b/c", arena, &place, &err));
    assert_string_equal(place.key, "a b/c");
    test_dir_free(folder);
}

/* ---- tables of others */

typedef struct seen {
    silt_store *table;
    int count;
} seen;

static void read_all(seen *s, silt_bytes commit)
{
    const char *end = commit.data + commit.size, *next;
    for (const char *line = commit.data; line < end; line = next + 1) {
        next = memchr(line, '\n', (size_t)(end - line));
        if (!next) next = end;
        silt_action action;
        silt_bytes text = {line, (size_t)(next - line)};
        if (text.size == 0) continue;
        assert_ok(silt_action_parse(text, arena, &action, &err));
        if (action.kind != SILT_ACTION_ADD || !action.add.dv) continue;
        SILT_AUTO(silt_bitmap) rows = NULL;
        assert_ok(silt_dv_read(s->table, action.add.dv, -1, &rows, &err));
        s->count++;
    }
}

static bool read_commit(void *ctx, const silt_object *object)
{
    seen *s = ctx;
    silt_bytes body;
    if (!silt_ends_with(object->key, ".json") || strstr(object->key, ".checkpoint.")) return true;
    assert_ok(silt_store_get_all(s->table, object->key, arena, &body, &err));
    read_all(s, body);
    return true;
}

static void files_of_others_are_read(void **state)
{
    (void)state;
    static const char *const tables[] = {
        "dat/deletion_vectors/delta",
        "delta-golden/dv-partitioned-with-checkpoint",
        "delta-kernel-java/basic-dv-no-checkpoint",
        "delta-kernel-java/basic-dv-with-checkpoint",
        "delta-rs/table-with-dv-small",
        "delta-spark/table-with-dv-small",
        "kernel-rs-tar/cdf-table-with-dv",
        "kernel-rs/with-short-dv",
        "trino/databricks122/deletion_vectors",
    };
    const char *shared = getenv("SILT_SHARED"), *source = getenv("SILT_SOURCE_DIR");
    SILT_FREE char *beside = test_path(source ? source : ".", "../shared");
    SILT_FREE char *corpus = test_path(shared && *shared ? shared : beside, "corpus");
    if (access(corpus, R_OK) != 0) {
        print_message("no corpus in %s\n", corpus);
        skip();
    }
    for (size_t i = 0; i < SILT_COUNT(tables); i++) {
        SILT_FREE char *path = test_path(corpus, tables[i]);
        SILT_AUTO(silt_store) table = NULL;
        assert_ok(silt_store_open(path, NULL, &table, &err));
        seen s = {.table = table};
        assert_ok(table->ops->list(table, SILT_LOG_DIR, NULL, false, read_commit, &s, &err));
        if (s.count == 0) fail_msg("%s: no deletion vector in its commits", tables[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(descriptors_name_files),
        TEST(wrong_descriptors_are_refused),
        TEST(files_are_read),
        TEST(groups_over_32_bits_wrap),
        TEST(inline_ones_are_read),
        TEST(each_lie_is_found),
        TEST(byte_orders_are_told_apart),
        TEST(missing_files_are_told),
        TEST(one_file_holds_several),
        TEST(absolute_paths_are_followed),
        TEST(files_of_others_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
