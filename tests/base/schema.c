/* Types: as JSON, as a person writes them. */
#include "silt/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base.h"
#include "support/random.h"

static silt_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = silt_arena_new();
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    silt_arena_free(SILT_TAKE(arena));
    return 0;
}

static const silt_type *read_json(const char *json)
{
    silt_error err = {0};
    const silt_type *type = NULL;
    if (silt_schema_parse(json, strlen(json), arena, &type, &err) != SILT_OK)
        fail_msg("%s: %s", json, err.message);
    return type;
}

static const silt_type *read_text(const char *text)
{
    silt_error err = {0};
    const silt_type *type = NULL;
    if (silt_type_parse(text, arena, &type, &err) != SILT_OK) fail_msg("%s", err.message);
    return type;
}

/* ---- JSON */

#define FIELD(name, type) \
    "{\"name\":\"" name "\",\"type\":" type ",\"nullable\":true,\"metadata\":{}}"
#define STRUCT(fields) "{\"type\":\"struct\",\"fields\":[" fields "]}"

/* The example of PROTOCOL.md, as Spark writes it. */
static const char protocol_example[] = STRUCT(
    "{\"name\":\"a\",\"type\":\"integer\",\"nullable\":false,\"metadata\":{}},"
    "{\"name\":\"b\",\"type\":{\"type\":\"struct\",\"fields\":[{\"name\":\"d\",\"type\":"
    "\"integer\","
    "\"nullable\":false,\"metadata\":{}}]},\"nullable\":true,\"metadata\":{}},"
    "{\"name\":\"c\",\"type\":{\"type\":\"array\",\"elementType\":\"integer\",\"containsNull\":"
    "false},"
    "\"nullable\":true,\"metadata\":{}},"
    "{\"name\":\"e\",\"type\":{\"type\":\"array\",\"elementType\":{\"type\":\"struct\",\"fields\":["
    "{\"name\":\"d\",\"type\":\"integer\",\"nullable\":false,\"metadata\":{}}]},"
    "\"containsNull\":true},\"nullable\":true,\"metadata\":{}},"
    "{\"name\":\"f\",\"type\":{\"type\":\"map\",\"keyType\":\"string\",\"valueType\":\"string\","
    "\"valueContainsNull\":true},\"nullable\":true,\"metadata\":{}}");

static void the_example_of_the_protocol(void **state)
{
    (void)state;
    const silt_type *type = read_json(protocol_example);
    assert_int_equal(type->kind, SILT_TYPE_STRUCT);
    assert_int_equal(type->field_count, 5);
    assert_string_equal(type->fields[0].name, "a");
    assert_false(type->fields[0].nullable);
    assert_true(type->fields[1].nullable);
    assert_string_equal(type->fields[0].metadata, "{}");
    assert_int_equal(type->fields[1].type->fields[0].type->kind, SILT_TYPE_INTEGER);
    assert_false(type->fields[2].type->contains_null);
    assert_int_equal(type->fields[3].type->element->kind, SILT_TYPE_STRUCT);
    assert_int_equal(type->fields[4].type->key->kind, SILT_TYPE_STRING);
    assert_true(type->fields[4].type->contains_null);
    assert_string_equal(silt_schema_json(type, arena), protocol_example);
    assert_string_equal(silt_type_name(type, arena),
                        "struct<a:integer,b:struct<d:integer>,c:array<integer>,"
                        "e:array<struct<d:integer>>,f:map<string,string>>");
}

static void every_primitive_goes_both_ways(void **state)
{
    (void)state;
    const char *const names[] = {
        "boolean",       "byte",    "short",        "integer",       "long",          "float",
        "double",        "string",  "binary",       "date",          "void",          "timestamp",
        "timestamp_ntz", "variant", "decimal(1,0)", "decimal(10,2)", "decimal(38,38)"};
    for (size_t i = 0; i < SILT_COUNT(names); i++) {
        const char *json = silt_arena_printf(arena, "\"%s\"", names[i]);
        assert_string_equal(silt_schema_json(read_json(json), arena), json);
        assert_string_equal(silt_type_name(read_json(json), arena), names[i]);
        assert_true(silt_type_equal(read_json(json), read_text(names[i])));
    }
    assert_string_equal(silt_type_name(read_json("\"decimal\""), arena), "decimal(10,0)");
    assert_string_equal(silt_type_name(read_json("\"decimal( 5 , 2 )\""), arena), "decimal(5,2)");
    assert_int_equal(read_json("\"null\"")->kind, SILT_TYPE_VOID);
    assert_string_equal(silt_schema_json(read_json(STRUCT("")), arena), STRUCT(""));
}

static void metadata_is_kept_as_it_is(void **state)
{
    (void)state;
    const char *json =
        STRUCT("{\"name\":\"a \\\"b\\\"\",\"type\":\"long\",\"nullable\":true,\"metadata\":"
               "{\"delta.columnMapping.id\":12345678901234567890123,\"x\":1.50,\"comment\":"
               "\"\xc3\xa9\\n\","
               "\"delta.typeChanges\":[{\"fromType\":\"short\"}],\"n\":null}}");
    const silt_type *type = read_json(json);
    assert_string_equal(type->fields[0].name, "a \"b\"");
    assert_string_equal(silt_schema_json(type, arena), json);
    const char *none = "{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":\"long\","
                       "\"nullable\":true},{\"name\":\"b\",\"type\":\"long\",\"nullable\":true,"
                       "\"metadata\":null}]}";
    assert_string_equal(read_json(none)->fields[0].metadata, "{}");
    assert_string_equal(read_json(none)->fields[1].metadata, "{}");
}

static void what_is_no_schema_is_refused_with_its_place(void **state)
{
    (void)state;
    const struct {
        const char *json;
        silt_status status;
        const char *message;
    } cases[] = {
        {"", SILT_CORRUPT, "no text"},
        {"{", SILT_CORRUPT, "byte"},
        {"5", SILT_CORRUPT, "neither the name"},
        {"null", SILT_CORRUPT, "neither the name"},
        {"[]", SILT_CORRUPT, "neither the name"},
        {"{}", SILT_CORRUPT, "without a \"type\""},
        {"{\"type\":7}", SILT_CORRUPT, "without a \"type\""},
        {"\"\"", SILT_UNSUPPORTED, "the type ''"},
        {"\"Long\"", SILT_UNSUPPORTED, "the type 'Long'"},
        {"\"struct\"", SILT_UNSUPPORTED, "the type 'struct'"},
        {"\"varchar(10)\"", SILT_UNSUPPORTED, "the type 'varchar(10)'"},
        {"\"geometry(OGC:CRS84)\"", SILT_UNSUPPORTED, "geometry"},
        {"{\"type\":\"udt\",\"class\":\"x\"}", SILT_UNSUPPORTED, "the type 'udt'"},
        {"\"decimal()\"", SILT_CORRUPT, "decimal"},
        {"\"decimal(10)\"", SILT_CORRUPT, "decimal"},
        {"\"decimal(0,0)\"", SILT_CORRUPT, "decimal"},
        {"\"decimal(39,0)\"", SILT_CORRUPT, "decimal"},
        {"\"decimal(5,6)\"", SILT_CORRUPT, "decimal"},
        {"\"decimal(5,-1)\"", SILT_CORRUPT, "decimal"},
        {"\"decimal(5,1)x\"", SILT_CORRUPT, "decimal"},
        {"\"decimal(99999999999999999999,1)\"", SILT_CORRUPT, "decimal"},
        {"{\"type\":\"struct\"}", SILT_CORRUPT, "without \"fields\""},
        {"{\"type\":\"struct\",\"fields\":{}}", SILT_CORRUPT, "without \"fields\""},
        {STRUCT("7"), SILT_CORRUPT, "without a name"},
        {STRUCT("{\"type\":\"long\"}"), SILT_CORRUPT, "without a name"},
        {STRUCT(FIELD("a\\u0000b", "\"long\"")), SILT_CORRUPT, "NUL"},
        {STRUCT(FIELD("a", "\"x\"")), SILT_UNSUPPORTED, "column 'a': "},
        {STRUCT(FIELD("a", "7")), SILT_CORRUPT, "column 'a': "},
        {STRUCT("{\"name\":\"a\",\"type\":\"long\"}"), SILT_CORRUPT, "'a': \"nullable\""},
        {STRUCT("{\"name\":\"a\",\"nullable\":true}"), SILT_CORRUPT, "'a': neither"},
        {STRUCT("{\"name\":\"a\",\"type\":\"long\",\"nullable\":\"true\"}"), SILT_CORRUPT,
         "'a': \"nullable\""},
        {STRUCT("{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":[]}"),
         SILT_CORRUPT, "'a': \"metadata\""},
        {STRUCT(FIELD("a", "\"long\"") "," FIELD("b", "\"long\"") "," FIELD("a", "\"date\"")),
         SILT_CORRUPT, "'a': there twice"},
        {STRUCT(FIELD("a", STRUCT(FIELD("b", "{\"type\":\"array\",\"elementType\":\"q\","
                                             "\"containsNull\":true}")))),
         SILT_UNSUPPORTED, "column 'a.b.element': "},
        {STRUCT(FIELD("m", "{\"type\":\"map\",\"keyType\":\"string\",\"valueType\":\"q\","
                           "\"valueContainsNull\":true}")),
         SILT_UNSUPPORTED, "column 'm.value': "},
        {STRUCT(FIELD("m", "{\"type\":\"map\",\"valueType\":\"long\",\"valueContainsNull\":true}")),
         SILT_CORRUPT, "column 'm.key': "},
        {"{\"type\":\"array\",\"elementType\":\"long\"}", SILT_CORRUPT, "\"containsNull\""},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_error err = {0};
        const silt_type *type = NULL;
        const char *json = cases[i].json;
        if (silt_schema_parse(json, strlen(json), arena, &type, &err) != cases[i].status)
            fail_msg("%s: %s", json, err.message);
        assert_null(type);
        assert_true(silt_starts_with(err.message, "schema: "));
        if (!strstr(err.message, cases[i].message)) fail_msg("%s: %s", json, err.message);
    }
}

/* Some writers tell columns by case. */
static void names_may_differ_in_case(void **state)
{
    (void)state;
    const silt_type *type = read_json(STRUCT(FIELD("a", "\"long\"") "," FIELD("A", "\"long\"")));
    assert_int_equal(silt_type_find(type, "a"), 0);
    assert_int_equal(silt_type_find(type, "A"), 1);
    assert_int_equal(silt_type_find(type, "b"), -1);
    assert_int_equal(silt_type_find(type->fields[0].type, "a"), -1);
}

static char *repeated(size_t count, const char *before, const char *middle, const char *after)
{
    SILT_CLEAN(silt_buf) buf = {0};
    for (size_t i = 0; i < count; i++)
        silt_buf_puts(&buf, before);
    silt_buf_puts(&buf, middle);
    for (size_t i = 0; i < count; i++)
        silt_buf_puts(&buf, after);
    return silt_buf_copy(&buf, arena);
}

static void depth_is_limited(void **state)
{
    (void)state;
    const char *before = "{\"type\":\"array\",\"elementType\":", *after = ",\"containsNull\":true}";
    const char *deep = repeated(100, before, "\"long\"", after);
    assert_string_equal(silt_schema_json(read_json(deep), arena), deep);
    const char *text = silt_type_name(read_json(deep), arena);
    assert_true(silt_type_equal(read_text(text), read_json(deep)));

    const size_t depths[] = {101, 300, 50000};
    for (size_t i = 0; i < SILT_COUNT(depths); i++) {
        silt_error err = {0};
        const silt_type *type;
        deep = repeated(depths[i], before, "\"long\"", after);
        silt_status st = silt_schema_parse(deep, strlen(deep), arena, &type, &err);
        assert_int_equal(st, depths[i] > 1000 ? SILT_CORRUPT : SILT_UNSUPPORTED);
        assert_non_null(strstr(err.message, "nested deeper than"));
        text = repeated(depths[i], "struct<a:", "int", ">");
        assert_int_equal(silt_type_parse(text, arena, &type, &err), SILT_INVALID);
        assert_non_null(strstr(err.message, "nested too deep"));
    }
}

/* Nothing may compare each field with each: that takes seconds here, and a blink without. */
static void a_wide_schema_takes_no_time(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    SILT_CLEAN(silt_buf) json = {0};
    silt_buf_puts(&json, "{\"type\":\"struct\",\"fields\":[");
    for (int i = 0; i < COUNT; i++)
        silt_buf_printf(&json,
                        "%s{\"name\":\"c%d\",\"type\":\"%s\",\"nullable\":true,"
                        "\"metadata\":{\"delta.columnMapping.id\":%d}}",
                        i ? "," : "", i, i % 2 ? "long" : "decimal(5,2)", i);
    silt_buf_puts(&json, "]}");
    const silt_type *type = read_json(json.data);
    assert_int_equal(type->field_count, COUNT);
    assert_string_equal(silt_schema_json(type, arena), json.data);
    const silt_type *again = read_text(silt_type_name(type, arena));
    assert_true(silt_type_equal(type, again));
}

/* ---- text */

static void people_write_types_in_many_ways(void **state)
{
    (void)state;
    const char *const cases[][2] = {
        {"INT", "integer"},
        {"bigint", "long"},
        {"SmallInt", "short"},
        {"tinyint", "byte"},
        {" string ", "string"},
        {"real", "float"},
        {"TIMESTAMP_LTZ", "timestamp"},
        {"decimal", "decimal(10,0)"},
        {"dec(5)", "decimal(5,0)"},
        {"NUMERIC ( 5 , 2 )", "decimal(5,2)"},
        {"array < int >", "array<integer>"},
        {"map<string,\n int>", "map<string,integer>"},
        {"struct<>", "struct<>"},
        {"STRUCT<a: INT, b BIGINT>", "struct<a:integer,b:long>"},
        {"struct<a:int not null,b:int NOT NULL>", "struct<a:integer,b:integer>"},
        {"struct<`a b`:int,`x``y`:date,`1`:date>", "struct<`a b`:integer,`x``y`:date,`1`:date>"},
        {"struct<`plain`:int>", "struct<plain:integer>"},
        {"struct<not:int,null:int,struct:struct<a:int>>",
         "struct<not:integer,null:integer,struct:struct<a:integer>>"},
        {"array<array<map<string,struct<a:decimal(38,10)>>>>",
         "array<array<map<string,struct<a:decimal(38,10)>>>>"},
        {"struct<`\xc3\xa9`:int>", "struct<`\xc3\xa9`:integer>"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const silt_type *type = read_text(cases[i][0]);
        assert_string_equal(silt_type_name(type, arena), cases[i][1]);
        assert_true(silt_type_equal(type, read_text(cases[i][1])));
    }
    const silt_type *type = read_text("struct<a:int not null,b:array<int>>");
    assert_false(type->fields[0].nullable);
    assert_true(type->fields[1].nullable);
    assert_true(type->fields[1].type->contains_null);
    assert_string_equal(type->fields[0].metadata, "{}");
}

static void what_is_no_type_is_invalid(void **state)
{
    (void)state;
    const char *const cases[][2] = {
        {"", "byte 1: the name of a type is missing"},
        {"<", "byte 1: the name of a type is missing"},
        {"strin", "byte 1: no such type"},
        {"varchar(10)", "byte 1: no such type"},
        {"int int", "byte 5: nothing was expected"},
        {"int)", "byte 4: nothing was expected"},
        {"array", "byte 6: '<' is missing"},
        {"array<", "byte 7: the name of a type"},
        {"array<int", "byte 10: '>' is missing"},
        {"array<int,int>", "byte 10: '>' is missing"},
        {"map<int>", "byte 8: ',' is missing"},
        {"struct", "byte 7: '<' is missing"},
        {"struct<", "byte 8: the name of a field"},
        {"struct<a>", "byte 9: the name of a type"},
        {"struct<:int>", "byte 8: the name of a field"},
        {"struct<a:int,>", "byte 14: the name of a field"},
        {"struct<a:int b:int>", "byte 14: '>' is missing"},
        {"struct<a:int not>", "not null"},
        {"struct<`a:int>", "byte 8: the backtick"},
        {"struct<``:int>", "the name of a field"},
        {"struct<a-b:int>", "byte 9"},
        {"decimal(", "byte 8: a decimal"},
        {"decimal(0)", "byte 8: a decimal"},
        {"decimal(39,1)", "byte 8: a decimal"},
        {"decimal(3,4)", "byte 8: a decimal"},
        {"decimal(3,)", "byte 8: a decimal"},
        {"decimal(3,1", "byte 8: a decimal"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_error err = {0};
        const silt_type *type = NULL;
        if (silt_type_parse(cases[i][0], arena, &type, &err) != SILT_INVALID)
            fail_msg("taken: %s", cases[i][0]);
        assert_null(type);
        if (!strstr(err.message, cases[i][1])) fail_msg("%s: %s", cases[i][0], err.message);
    }
}

static void types_are_equal_by_what_they_hold(void **state)
{
    (void)state;
    const char *const types[] = {
        "int",
        "long",
        "decimal(5,2)",
        "decimal(5,3)",
        "decimal(6,2)",
        "array<int>",
        "array<long>",
        "map<int,int>",
        "map<int,long>",
        "map<long,int>",
        "struct<>",
        "struct<a:int>",
        "struct<A:int>",
        "struct<a:long>",
        "struct<a:int,b:int>",
        "struct<b:int,a:int>",
    };
    for (size_t i = 0; i < SILT_COUNT(types); i++)
        for (size_t k = 0; k < SILT_COUNT(types); k++)
            assert_int_equal(silt_type_equal(read_text(types[i]), read_text(types[k])), i == k);
    assert_true(silt_type_equal(read_text("struct<a:int not null>"), read_text("struct<a:int>")));
}

static const silt_type *random_type(test_random *random, int depth)
{
    silt_type *type = silt_arena_calloc(arena, 1, sizeof(*type));
    type->kind = (silt_type_kind)test_random_below(random, SILT_TYPE_VOID + 1);
    if (depth > 4 && type->kind >= SILT_TYPE_STRUCT) type->kind = SILT_TYPE_LONG;
    if (type->kind == SILT_TYPE_DECIMAL) {
        type->precision = (uint8_t)(1 + test_random_below(random, 38));
        type->scale = (uint8_t)test_random_below(random, type->precision + 1U);
    }
    if (type->kind == SILT_TYPE_ARRAY || type->kind == SILT_TYPE_MAP) {
        type->element = random_type(random, depth + 1);
        type->contains_null = test_random_below(random, 2);
    }
    if (type->kind == SILT_TYPE_MAP) type->key = random_type(random, depth + 1);
    if (type->kind != SILT_TYPE_STRUCT) return type;

    static const char *const pieces[] = {"a",  "b", "Z", "9", "_", " ",        "`", "\"",
                                         "\\", ":", ",", ">", ".", "\xc3\xa9", "\n"};
    type->field_count = test_random_below(random, 5);
    silt_field *fields = silt_arena_calloc(arena, type->field_count, sizeof(*fields));
    for (size_t i = 0; i < type->field_count; i++) {
        const char *p = pieces[test_random_below(random, SILT_COUNT(pieces))];
        const char *q = pieces[test_random_below(random, SILT_COUNT(pieces))];
        fields[i].name = silt_arena_printf(arena, "%s%s%zu", p, q, i);
        fields[i].type = random_type(random, depth + 1);
        fields[i].nullable = test_random_below(random, 2);
        fields[i].metadata = test_random_below(random, 3) ? "{}" : "{\"k\":[1,{\"v\":\"x\"}]}";
    }
    type->fields = fields;
    return type;
}

static void any_type_comes_back(void **state)
{
    (void)state;
    test_random random = test_random_new();
    for (int i = 0; i < 2000; i++) {
        silt_arena_reset(arena);
        const silt_type *type = random_type(&random, 0);
        const char *json = silt_schema_json(type, arena);
        assert_true(silt_type_equal(read_json(json), type));
        assert_string_equal(silt_schema_json(read_json(json), arena), json);
        const char *text = silt_type_name(type, arena);
        assert_true(silt_type_equal(read_text(text), type));
        assert_string_equal(silt_type_name(read_text(text), arena), text);

        /* and a damaged one does no harm */
        char *broken = silt_arena_strdup(arena, i % 2 ? json : text);
        broken[test_random_below(&random, strlen(broken))] = (char)test_random_next(&random);
        const silt_type *ignored;
        (void)!silt_schema_parse(broken, strlen(broken), arena, &ignored, NULL);
        (void)!silt_type_parse(broken, arena, &ignored, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_example_of_the_protocol, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_primitive_goes_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metadata_is_kept_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_schema_is_refused_with_its_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(names_may_differ_in_case, set_up, tear_down),
        cmocka_unit_test_setup_teardown(depth_is_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wide_schema_takes_no_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(people_write_types_in_many_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_type_is_invalid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(types_are_equal_by_what_they_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_type_comes_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
