/* Which files may hold a range of keys: never one too few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/table.h"
#include "table/data.h"
#include "table/range.h"

typedef struct range_case {
    const char *type, *stats, *min, *max;
    bool has_null, may;
} range_case;

#define STATS(min, max)                                                              \
    "{\"numRecords\":5,\"minValues\":{\"c\":" min "},\"maxValues\":{\"c\":" max "}," \
    "\"nullCount\":{\"c\":0}}"
#define NULLS(n) "{\"numRecords\":5,\"nullCount\":{\"c\":" n "}}"

static const range_case cases[] = {
    {"long", STATS("10", "20"), "20", "30", false, true},
    {"long", STATS("10", "20"), "21", "30", false, false},
    {"long", STATS("10", "20"), "1", "9", false, false},
    {"long", STATS("10", "20"), "1", "10", false, true},
    {"long", STATS("-9223372036854775808", "-1"), "0", "9", false, false},
    {"long", STATS("\"x\"", "\"y\""), "0", "9", false, true},
    {"long", "{\"numRecords\":5}", "0", "9", false, true},
    {"long", "{}", "0", "9", false, true},
    {"long", "{\"numRecords\":0}", "0", "9", true, false},
    {"long", "[1]", "0", "9", false, true},
    {"long", STATS("10", "20"), NULL, NULL, true, false},
    {"long", NULLS("5"), "0", "9", false, false},
    {"long", NULLS("5"), "0", "9", true, true},
    {"long", NULLS("1"), NULL, NULL, true, true},
    {"long", NULLS("0"), NULL, NULL, true, false},
    {"long", NULLS("null"), NULL, NULL, true, true},
    {"decimal(38,2)", STATS("1.5", "99999999999999999999999999999999.99"),
     "99999999999999999999999999999999.98", "99999999999999999999999999999999.98", false, true},
    {"decimal(38,2)", STATS("1.5", "9.50"), "9.51", "10.00", false, false},
    {"decimal(38,2)", STATS("-9.50", "-1"), "-1.00", "5.00", false, true},
    {"decimal(38,2)", STATS("-9.50", "-1"), "-20.00", "-9.51", false, false},
    {"decimal(38,2)", STATS("1E+1", "2E+1"), "900.00", "901.00", false, true},
    {"double", STATS("1.5", "2.5"), "2.6", "3.0", false, false},
    {"double", STATS("1.5", "2.5"), "nan", "nan", false, true},
    {"float", STATS("0.1", "0.1"), "0.1", "0.1", false, true},
    {"string", STATS("\"b\"", "\"d\""), "a", "az", false, false},
    {"string", STATS("\"b\"", "\"d\""), "d", "e", false, true},
    {"string", STATS("\"b\"", "\"d\""), "d\xC3\xA9", "e", false, false},
    {"string", STATS("\"b\"", "\"d\\u0000z\""), "dz", "e", false, true},
    {"date", STATS("\"2024-01-10\"", "\"2024-01-20\""), "2024-01-21", "2024-02-01", false, false},
    {"date", STATS("\"2024-01-10\"", "\"2024-01-20\""), "2024-01-20", "2024-02-01", false, true},
    {"timestamp", STATS("\"2024-01-10T00:00:00.000Z\"", "\"2024-01-10T00:00:00.123Z\""),
     "2024-01-10 00:00:00.123456+00", "2024-01-10 01:00:00+00", false, true},
    {"timestamp", STATS("\"2024-01-10T00:00:00.000Z\"", "\"2024-01-10T00:00:00.123Z\""),
     "2024-01-10 00:00:00.124+00", "2024-01-10 01:00:00+00", false, false},
    {"timestamp", STATS("\"2024-01-10T00:00:00.000Z\"", "\"2024-01-10T00:00:00.123Z\""),
     "2024-01-10 02:00:00+02", "2024-01-10 02:00:00+02", false, true},
    {"timestamp_ntz", STATS("\"2024-01-10T00:00:00.000\"", "\"2024-01-10T00:00:00.123\""),
     "2024-01-10 00:00:01", "2024-01-10 00:00:02", false, false},
    {"boolean", STATS("true", "true"), "false", "false", false, true},
    {"binary", STATS("\"a\"", "\"b\""), "x", "y", false, true},
};

static const silt_type *type_of(const char *name, silt_arena *arena)
{
    const silt_type *type = NULL;
    assert_int_equal(silt_type_parse(name, arena, &type, NULL), SILT_OK);
    return type;
}

static void stats_rule_out_what_they_can(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const range_case *c = &cases[i];
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        const silt_add add = {.path = "f", .stats = c->stats};
        silt_key_range range = {"c", type_of(c->type, arena), c->min, c->max, c->has_null};
        if (silt_add_may_hold(&add, (silt_names){0}, &range, 1, arena) != c->may)
            fail_msg("case %zu: %s %s [%s, %s]", i, c->type, c->stats, c->min, c->max);
    }
}

static void partition_values_rule_out_too(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const char *by[] = {"c"};
    silt_names columns = {by, 1};
    static const struct {
        const char *value, *min, *max;
        bool has_null, may;
    } table[] = {
        {"7", "1", "7", false, true},   {"7", "8", "9", true, false},
        {NULL, "1", "9", false, false}, {NULL, "1", "9", true, true},
        {"", NULL, NULL, true, true},   {"x", "1", "9", false, true},
        {"7", NULL, NULL, true, false},
    };
    for (size_t i = 0; i < SILT_COUNT(table); i++) {
        silt_pair pair = {"c", table[i].value};
        silt_add add = {.path = "f", .partition_values = {&pair, 1}};
        silt_key_range range = {"c", type_of("long", arena), table[i].min, table[i].max,
                                table[i].has_null};
        if (silt_add_may_hold(&add, columns, &range, 1, arena) != table[i].may)
            fail_msg("case %zu", i);
    }
}

static void a_file_is_out_when_one_key_column_is(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_add add = {.path = "f",
                    .stats = "{\"numRecords\":5,\"minValues\":{\"a\":1,\"b\":1},"
                             "\"maxValues\":{\"a\":9,\"b\":9},\"nullCount\":{\"a\":0,\"b\":0}}"};
    const silt_type *type = type_of("long", arena);
    silt_key_range in[] = {{"a", type, "5", "6", false}, {"b", type, "9", "20", false}};
    silt_key_range out[] = {{"a", type, "5", "6", false}, {"b", type, "10", "20", false}};
    assert_true(silt_add_may_hold(&add, (silt_names){0}, in, 2, arena));
    assert_false(silt_add_may_hold(&add, (silt_names){0}, out, 2, arena));
    add.stats = "not JSON";
    assert_true(silt_add_may_hold(&add, (silt_names){0}, out, 2, arena));
    add.stats = NULL;
    assert_true(silt_add_may_hold(&add, (silt_names){0}, out, 2, arena));
}

static void decimals_compare_exactly(void **state)
{
    (void)state;
    static const char *const ordered[] = {"-10",
                                          "-9.99",
                                          "-1",
                                          "-0.5",
                                          "0",
                                          "0.05",
                                          "0.5",
                                          "1",
                                          "9.99",
                                          "10",
                                          "100000000000000000000.1"};
    for (size_t i = 0; i < SILT_COUNT(ordered); i++)
        for (size_t j = 0; j < SILT_COUNT(ordered); j++) {
            int order = silt_decimal_compare(silt_bytes_of(ordered[i]), silt_bytes_of(ordered[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    assert_int_equal(silt_decimal_compare(SILT_STR("-0.00"), SILT_STR("0")), 0);
    assert_int_equal(silt_decimal_compare(SILT_STR("007.50"), SILT_STR("7.5")), 0);
    assert_false(silt_decimal_valid("1e5"));
    assert_false(silt_decimal_valid("1."));
    assert_false(silt_decimal_valid("-"));
    assert_false(silt_decimal_valid(""));
}

static void a_snapshot_is_pruned(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    test_table_make(store, false, NULL);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    silt_add adds[] = {test_table_file(arena, "a", 0, 9), test_table_file(arena, "b", 10, 19),
                       test_table_file(arena, "c", 20, 29)};
    test_table_commit(base, NULL, adds, 3, NULL, 0);
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    silt_key_range range = {"id", type_of("long", arena), "15", "20", false};
    const size_t *kept;
    const silt_add *all;
    size_t count, all_count;
    assert_int_equal(silt_snapshot_prune(now, &range, 1, arena, &kept, &count, NULL), SILT_OK);
    assert_int_equal(silt_snapshot_adds(now, &all, &all_count, NULL), SILT_OK);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++)
        assert_string_not_equal(all[kept[i]].path, "a");
    silt_snapshot_free(SILT_TAKE(base));
    silt_snapshot_free(SILT_TAKE(now));
    silt_store_free(store);
}

/* Columns and partitions go by their physical names in files, and a name may be another's now. */
#define MAPPED(name, id, physical)                                                    \
    "{\\\"name\\\":\\\"" name "\\\",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":true," \
    "\\\"metadata\\\":{\\\"delta.columnMapping.id\\\":" id                            \
    ",\\\"delta.columnMapping.physicalName\\\":\\\"" physical "\\\"}}"
#define FILE_OF(path, p, min, max)                                                             \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{\"p-1\":\"" p "\"},\"size\":1,"      \
    "\"modificationTime\":1,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":9,"            \
    "\\\"minValues\\\":{\\\"c-1\\\":" min ",\\\"id\\\":0},\\\"maxValues\\\":{\\\"c-1\\\":" max \
    ",\\\"id\\\":1},\\\"nullCount\\\":{\\\"c-1\\\":0,\\\"id\\\":0}}\"}}\n"

static void mapped_columns_are_found(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    test_table_put(
        store, 0,
        "{\"protocol\":{\"minReaderVersion\":2,\"minWriterVersion\":5}}\n"
        "{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
        "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[" MAPPED(
            "id", "1",
            "c-1") "," MAPPED("old", "2",
                              "id") "," MAPPED("p", "3",
                                               "p-1") "]}\","
                                                      "\"partitionColumns\":[\"p\"],"
                                                      "\"configuration\":{\"delta.columnMapping."
                                                      "mode\":\"name\","
                                                      "\"delta.columnMapping.maxColumnId\":\"3\"}}}"
                                                      "\n" FILE_OF("a", "1", "10", "19")
                                                          FILE_OF("b", "1", "20", "29")
                                                              FILE_OF("c", "2", "20", "29"));
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    const silt_type *type = type_of("long", arena);
    const silt_key_range ranges[] = {{"id", type, "15", "25", false},
                                     {"p", type, "1", "1", false},
                                     {"new", type, "1", "1", false}};
    const size_t *kept;
    size_t count;
    assert_int_equal(silt_snapshot_prune(now, &ranges[0], 1, arena, &kept, &count, NULL), SILT_OK);
    assert_int_equal(count, 3);
    assert_int_equal(silt_snapshot_prune(now, &ranges[0], 2, arena, &kept, &count, NULL), SILT_OK);
    assert_int_equal(count, 2);
    const silt_key_range low[] = {{"id", type, "0", "12", false}};
    assert_int_equal(silt_snapshot_prune(now, low, 1, arena, &kept, &count, NULL), SILT_OK);
    assert_int_equal(count, 1);
    /* of a column that comes now no file says anything */
    assert_int_equal(silt_snapshot_prune(now, &ranges[2], 1, arena, &kept, &count, NULL), SILT_OK);
    assert_int_equal(count, 3);
    silt_snapshot_free(SILT_TAKE(now));
    silt_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stats_rule_out_what_they_can),
        cmocka_unit_test(partition_values_rule_out_too),
        cmocka_unit_test(a_file_is_out_when_one_key_column_is),
        cmocka_unit_test(decimals_compare_exactly),
        cmocka_unit_test(a_snapshot_is_pruned),
        cmocka_unit_test(mapped_columns_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
