/* Deletion vectors as Silt writes them: read back by Silt's own reader, which is tested on files of
 * others, and byte for byte where the protocol leaves no choice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "log/dv.h"
#include "log/logs.h"
#include "store/fault.h"

static silt_bitmap *set_of(const uint64_t *rows, size_t count)
{
    silt_bitmap *set = silt_bitmap_new();
    assert_non_null(set);
    assert_true(silt_bitmap_add(set, rows, count));
    return set;
}

static silt_bitmap *every(uint64_t step, uint64_t count)
{
    silt_bitmap *set = silt_bitmap_new();
    assert_non_null(set);
    uint64_t *rows = calloc(count, sizeof *rows);
    assert_non_null(rows);
    for (uint64_t i = 0; i < count; i++)
        rows[i] = i * step;
    assert_true(silt_bitmap_add(set, rows, count));
    free(rows);
    return set;
}

static void assert_reads_as(const silt_dv *dv, const silt_bitmap *expected, int64_t rows)
{
    silt_bitmap *read = NULL;
    assert_ok(silt_dv_read(store, dv, rows, &read, &err));
    silt_bitmap *more = silt_bitmap_minus(read, expected),
                *less = silt_bitmap_minus(expected, read);
    assert_int_equal(silt_bitmap_count(more), 0);
    assert_int_equal(silt_bitmap_count(less), 0);
    silt_bitmap_free(more);
    silt_bitmap_free(less);
    silt_bitmap_free(read);
}

static void several_stand_in_one_file(void **state)
{
    (void)state;
    static const uint64_t few[] = {9, 0}, far[] = {UINT64_C(1) << 33, 7};
    silt_bitmap *sets[] = {set_of(few, 2), set_of(far, 2), every(3, 1000)};
    silt_dv dvs[3];
    silt_names keys;
    assert_ok(silt_dvs_write(store, (const silt_bitmap *const *)sets, 3, 0, NULL, arena, dvs, &keys,
                             &err));
    assert_int_equal(keys.count, 1);
    assert_int_equal(dvs[0].offset, 1);
    assert_int_equal(dvs[1].offset, 1 + 4 + dvs[0].size_bytes + 4);
    silt_place place;
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(dvs[i].path_or_inline, dvs[0].path_or_inline);
        assert_int_equal(dvs[i].storage_type, 'u');
        assert_int_equal(dvs[i].cardinality, silt_bitmap_count(sets[i]));
        assert_ok(silt_dv_place(store, &dvs[i], arena, &place, &err));
        assert_string_equal(place.key, keys.items[0]);
        assert_reads_as(&dvs[i], sets[i], INT64_C(1) << 34);
        silt_bitmap_free(sets[i]);
    }
}

/* What Databricks wrote of rows 0 and 9. */
static void bytes_are_those_of_other_writers(void **state)
{
    (void)state;
    static const char expected[] = "\x01"
                                   "\0\0\0\x24"
                                   "\xd1\xd3\x39\x64"
                                   "\1\0\0\0\0\0\0\0"
                                   "\0\0\0\0"
                                   "\x3a\x30\0\0\1\0\0\0\0\0\1\0\x10\0\0\0\0\0\x09\0"
                                   "\x2a\x67\x18\x46";
    static const uint64_t rows[] = {0, 9};
    silt_bitmap *set = set_of(rows, 2);
    const silt_bitmap *sets[] = {set};
    silt_dv dv;
    silt_names keys;
    silt_bytes body;
    assert_ok(silt_dvs_write(store, sets, 1, 0, NULL, arena, &dv, &keys, &err));
    assert_ok(silt_store_get_all(store, keys.items[0], arena, &body, &err));
    assert_int_equal(body.size, sizeof(expected) - 1);
    assert_memory_equal(body.data, expected, body.size);
    silt_bitmap_free(set);
}

static void prefixes_are_folders(void **state)
{
    (void)state;
    silt_bitmap *set = every(1, 5);
    const silt_bitmap *sets[] = {set};
    silt_dv dv;
    silt_names keys;
    assert_ok(silt_dvs_write(store, sets, 1, 3, NULL, arena, &dv, &keys, &err));
    assert_int_equal(strlen(dv.path_or_inline), 23);
    assert_int_equal(strchr(keys.items[0], '/') - keys.items[0], 3);
    assert_reads_as(&dv, set, 5);
    silt_bitmap_free(set);
}

/* Files end at 2 MB: no vector needs another's file to be read whole. */
static void files_stay_small(void **state)
{
    (void)state;
    silt_bitmap *set = every(2, 4000000); /* 1 MB, in 123 containers of bits */
    const silt_bitmap *sets[] = {set, set, set, set, set};
    silt_dv dvs[5];
    silt_names keys;
    assert_ok(silt_dvs_write(store, sets, 5, 0, NULL, arena, dvs, &keys, &err));
    assert_true(keys.count >= 2);
    for (size_t i = 0; i < 5; i++)
        assert_reads_as(&dvs[i], set, 8000000);
    silt_bitmap_free(set);
}

static void runs_are_small(void **state)
{
    (void)state;
    silt_bitmap *set = every(1, 1000000);
    silt_bitmap_shrink(set);
    const silt_bitmap *sets[] = {set};
    silt_dv dv;
    silt_names keys;
    assert_ok(silt_dvs_write(store, sets, 1, 0, NULL, arena, &dv, &keys, &err));
    assert_true(dv.size_bytes < 1000);
    assert_reads_as(&dv, set, 1000000);
    silt_bitmap_free(set);
}

/* A put whose answer is lost is asked for; one that can't be found is told with its file, which may
 * come to stand there. */
static void a_file_that_may_be_there_is_told(void **state)
{
    (void)state;
    silt_bitmap *set = every(1, 5);
    const silt_bitmap *sets[] = {set};
    silt_dv dv;
    silt_names keys;
    silt_fault_plan lost = {.kind = SILT_FAULT_AFTER_EFFECT, .at = 1};
    silt_store *flaky = silt_store_fault_new(store, &lost);
    assert_ok(silt_dvs_write(flaky, sets, 1, 0, NULL, arena, &dv, &keys, &err));
    assert_reads_as(&dv, set, 5);
    silt_store_free(flaky);

    silt_fault_plan unsure = {.kind = SILT_FAULT_BEFORE_EFFECT, .at = 1, .status = SILT_UNSURE};
    flaky = silt_store_fault_new(store, &unsure);
    assert_int_equal(silt_dvs_write(flaky, sets, 1, 0, NULL, arena, &dv, &keys, &err), SILT_UNSURE);
    assert_int_equal(keys.count, 1);
    assert_contains(err.message, keys.items[0]);
    silt_store_free(flaky);
    silt_bitmap_free(set);
}

static void stats_are_loosened(void **state)
{
    (void)state;
    assert_string_equal(silt_stats_loosen("{\"numRecords\":3,\"minValues\":{\"a\":1e3}}", arena),
                        "{\"numRecords\":3,\"minValues\":{\"a\":1e3},\"tightBounds\":false}");
    assert_string_equal(silt_stats_loosen("{\"tightBounds\":true,\"numRecords\":3}", arena),
                        "{\"numRecords\":3,\"tightBounds\":false}");
    assert_null(silt_stats_loosen("{", arena));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(several_stand_in_one_file),
        TEST(bytes_are_those_of_other_writers),
        TEST(prefixes_are_folders),
        TEST(files_stay_small),
        TEST(runs_are_small),
        TEST(a_file_that_may_be_there_is_told),
        TEST(stats_are_loosened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
