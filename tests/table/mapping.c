/* Column mapping: names in files and log, out of schemas as writers have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "table/mapping.h"

#define FIELD(name, type, id, physical)                                         \
    "{\"name\":\"" name "\",\"type\":" type ",\"nullable\":true,\"metadata\":{" \
    "\"delta.columnMapping.id\":" id ",\"delta.columnMapping.physicalName\":\"" physical "\"}}"
#define STRUCT(fields) "{\"type\":\"struct\",\"fields\":[" fields "]}"
#define LONG           "\"long\""

static silt_status map_it(silt_arena *arena, const char *mode, const char *json,
                          const char *partition, silt_mapping *out, silt_error *err)
{
    const silt_type *schema;
    silt_pair *pair = silt_arena_calloc(arena, 1, sizeof(*pair));
    *pair = (silt_pair){"delta.columnMapping.mode", mode};
    assert_int_equal(silt_schema_parse(json, strlen(json), arena, &schema, err), SILT_OK);
    const silt_metadata metadata = {.partition_columns = {&partition, partition != NULL},
                                    .configuration = {pair, mode != NULL}};
    return silt_mapping_of(&metadata, schema, arena, out, err);
}

static void names_without_mapping(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_error err = {0};
    silt_mapping m;
    const char *json = STRUCT(FIELD("a", LONG, "1", "x") "," FIELD("p", LONG, "2", "y"));
    const char *const off[] = {NULL, "none", "NONE"};
    for (size_t i = 0; i < SILT_COUNT(off); i++) {
        assert_int_equal(map_it(arena, off[i], json, "p", &m, &err), SILT_OK);
        assert_int_equal(m.mode, SILT_MAPPING_NONE);
        assert_int_equal(m.field_count, 2);
        assert_string_equal(m.fields[0].name, "a");
        assert_int_equal(m.fields[0].id, -1);
        assert_string_equal(m.partition_columns.items[0], "p");
    }
}

static void nested_names(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_error err = {0};
    silt_mapping m;
    const char *inner = STRUCT(FIELD("d", LONG, "5", "col-d"));
    const char *json = silt_arena_printf(
        arena,
        "{\"type\":\"struct\",\"fields\":[%s,"
        "{\"name\":\"e\",\"type\":{\"type\":\"array\",\"elementType\":%s,\"containsNull\":"
        "true},\"nullable\":true,\"metadata\":{\"delta.columnMapping.id\":4,"
        "\"delta.columnMapping.physicalName\":\"col-e\"}},"
        "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"keyType\":\"string\",\"valueType\":%s,"
        "\"valueContainsNull\":true},\"nullable\":true,\"metadata\":{"
        "\"delta.columnMapping.id\":6,\"delta.columnMapping.physicalName\":\"col-m\"}}]}",
        FIELD("p", LONG, "1", "col-p"), inner, STRUCT(FIELD("d", LONG, "7", "col-d")));
    assert_int_equal(map_it(arena, "name", json, "p", &m, &err), SILT_OK);
    assert_int_equal(m.mode, SILT_MAPPING_NAME);
    assert_string_equal(m.partition_columns.items[0], "col-p");
    assert_string_equal(m.fields[1].name, "col-e");
    assert_int_equal(m.fields[1].id, 4);
    assert_int_equal(m.fields[1].child_count, 1);
    assert_string_equal(m.fields[1].children[0].children[0].name, "col-d");
    assert_int_equal(m.fields[1].children[0].children[0].id, 5);
    assert_int_equal(m.fields[2].child_count, 2);
    assert_int_equal(m.fields[2].children[0].children[0].id, 7); /* the value comes first */
    assert_string_equal(m.fields[2].children[1].name, "key");
    assert_int_equal(map_it(arena, "id", json, NULL, &m, &err), SILT_OK);
    assert_int_equal(m.mode, SILT_MAPPING_ID);
}

static void what_contradicts(void **state)
{
    (void)state;
    static const struct {
        const char *mode, *json, *says;
    } cases[] = {
        {"ids", STRUCT(FIELD("a", LONG, "1", "x")), "\"ids\"; none, id or name"},
        {"id", STRUCT(FIELD("a", LONG, "1", "x") "," FIELD("b", LONG, "1", "y")),
         "columns a and b have the same delta.columnMapping.id, 1"},
        {"name", STRUCT(FIELD("a", LONG, "1", "x") "," FIELD("b", LONG, "2", "x")),
         "columns a and b have the same delta.columnMapping.physicalName, x"},
        {"name", STRUCT(FIELD("a", STRUCT(FIELD("c", LONG, "2", "y")), "2", "x")),
         "columns a and c have the same delta.columnMapping.id, 2"},
        {"name", STRUCT(FIELD("a", LONG, "\"1\"", "x")), "column a has no delta.columnMapping.id"},
        {"id", STRUCT(FIELD("a", LONG, "2147483648", "x")),
         "column a has no delta.columnMapping.id"},
        {"name", STRUCT(FIELD("a", LONG, "1", "")),
         "column a has no delta.columnMapping.physicalName"},
        {"name",
         STRUCT("{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":{\"comment\":"
                "\"c\"}}"),
         "column a has no delta.columnMapping.id"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        silt_error err = {0};
        silt_mapping m;
        assert_int_equal(map_it(arena, cases[i].mode, cases[i].json, NULL, &m, &err), SILT_CORRUPT);
        if (!strstr(err.message, cases[i].says))
            fail_msg("case %zu: \"%s\" doesn't say \"%s\"", i, err.message, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_without_mapping),
        cmocka_unit_test(nested_names),
        cmocka_unit_test(what_contradicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
