/* Actions: JSON to structs and back, and what isn't one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/logs.h"
#include "support/random.h"

static silt_action parse(const char *line)
{
    silt_action action = {0};
    silt_status st = silt_action_parse(silt_bytes_of(line), arena, &action, &err);
    if (st != SILT_OK) fail_msg("%s: %s", line, err.message);
    return action;
}

static const char *write(const silt_action *action)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_action_write(action, &buf);
    char *text = silt_buf_copy(&buf, arena);
    assert_non_null(text);
    assert_int_equal(text[buf.size - 1], '\n');
    text[buf.size - 1] = '\0';
    return text;
}

/* ---- round trips */

/* In Spark's order of members, each with one that Silt doesn't know. */
static const char *const lines[] = {
    "{\"add\":{\"path\":\"a=1/b%20c\",\"partitionValues\":{\"a\":\"1\",\"n\":null},\"size\":9,"
    "\"modificationTime\":8,\"dataChange\":false,\"stats\":\"{\\\"numRecords\\\":1}\","
    "\"tags\":{\"t\":\"u\"},\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":"
    "\"x\\\\y\","
    "\"offset\":4,\"sizeInBytes\":40,\"cardinality\":6,\"maxRowIndex\":77},\"baseRowId\":3,"
    "\"defaultRowCommitVersion\":2,\"clusteringProvider\":\"liquid\",\"new\":[1,{\"x\":1.50}],"
    "\"newer\":null}}",
    "{\"add\":{\"path\":\"p\",\"partitionValues\":{},\"size\":0,\"modificationTime\":0,"
    "\"dataChange\":true}}",
    "{\"remove\":{\"path\":\"p\",\"deletionTimestamp\":7,\"dataChange\":true,"
    "\"extendedFileMetadata\":true,\"partitionValues\":{\"a\":\"\"},\"size\":5,\"tags\":{},"
    "\"deletionVector\":{\"storageType\":\"i\",\"pathOrInlineDv\":\"q\",\"sizeInBytes\":1,"
    "\"cardinality\":1},\"baseRowId\":0,\"defaultRowCommitVersion\":1,\"stats\":\"{}\",\"z\":true}"
    "}",
    "{\"remove\":{\"path\":\"p\",\"dataChange\":false}}",
    "{\"cdc\":{\"path\":\"_change_data/c\",\"partitionValues\":{\"a\":null},\"size\":3,"
    "\"tags\":{\"a\":\"b\"},\"dataChange\":false,\"k\":\"v\"}}",
    "{\"metaData\":{\"id\":\"i\",\"name\":\"n\",\"description\":\"d\",\"format\":{\"provider\":"
    "\"parquet\",\"options\":{\"o\":\"p\"}},\"schemaString\":\"{}\",\"partitionColumns\":[\"a\","
    "\"\\u0001\"],\"configuration\":{\"delta.appendOnly\":\"true\"},\"createdTime\":11,\"x\":{}}}",
    "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[],"
    "\"writerFeatures\":[\"a\",\"b\"],\"q\":1e400}}",
    "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}",
    "{\"txn\":{\"appId\":\"a\",\"version\":-3,\"lastUpdated\":9,\"e\":\"f\"}}",
    "{\"txn\":{\"appId\":\"\",\"version\":9223372036854775807}}",
    "{\"domainMetadata\":{\"domain\":\"d\",\"configuration\":\"{\\\"a\\\":1}\",\"removed\":true,"
    "\"u\":[[]]}}",
    "{\"commitInfo\":{\"anything\":{\"goes\":[1,2.0]},\"timestamp\":\"a text\"}}",
    "{\"checkpointMetadata\":{\"version\":1,\"tags\":{}}}",
    "{\"sidecar\":{\"path\":\"s\",\"sizeInBytes\":1,\"modificationTime\":2,\"tags\":{}}}",
    "{\"whatever\":[1,2,3]}",
    "{}",
};

static void lines_survive(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(lines); i++) {
        silt_action action = parse(lines[i]);
        assert_string_equal(write(&action), lines[i]);
    }
}

/* A copy says the same, and outlives what it was copied from. */
static void copies_are_deep(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(lines); i++) {
        SILT_AUTO(silt_arena) short_lived = silt_arena_new();
        silt_action from, to;
        assert_ok(silt_action_parse(silt_bytes_of(lines[i]), short_lived, &from, &err));
        to = from;
        bool ok = false;
        switch (from.kind) {
        case SILT_ACTION_ADD:
            ok = silt_add_copy(&from.add, arena, &to.add);
            break;
        case SILT_ACTION_REMOVE:
            ok = silt_remove_copy(&from.remove, arena, &to.remove);
            break;
        case SILT_ACTION_METADATA:
            ok = silt_metadata_copy(&from.metadata, arena, &to.metadata);
            break;
        case SILT_ACTION_PROTOCOL:
            ok = silt_protocol_copy(&from.protocol, arena, &to.protocol);
            break;
        case SILT_ACTION_APP_TXN:
            ok = silt_app_txn_copy(&from.app_txn, arena, &to.app_txn);
            break;
        case SILT_ACTION_DOMAIN:
            ok = silt_domain_copy(&from.domain, arena, &to.domain);
            break;
        default:
            continue;
        }
        assert_true(ok);
        silt_arena_free(SILT_TAKE(short_lived));
        assert_string_equal(write(&to), lines[i]);
    }
}

static void equal_partition_values_are_shared(void **state)
{
    (void)state;
    silt_action a =
        parse("{\"add\":{\"path\":\"1\",\"partitionValues\":{\"k\":\"v\"},\"size\":1}}");
    silt_action b =
        parse("{\"add\":{\"path\":\"2\",\"partitionValues\":{\"k\":\"v\"},\"size\":1}}");
    silt_action c = parse("{\"add\":{\"path\":\"3\",\"partitionValues\":{\"k\":null},\"size\":1}}");
    silt_add first, second, third;
    assert_true(silt_add_copy(&a.add, arena, &first));
    assert_true(silt_add_copy_like(&b.add, &first, arena, &second));
    assert_true(silt_add_copy_like(&c.add, &second, arena, &third));
    assert_ptr_equal(first.partition_values.items, second.partition_values.items);
    assert_ptr_not_equal(first.partition_values.items, third.partition_values.items);
    assert_null(silt_pairs_get(third.partition_values, "k"));
}

/* ---- what is said, and what is left to be understood */

static void members_are_read(void **state)
{
    (void)state;
    silt_action a = parse(lines[0]);
    assert_int_equal(a.kind, SILT_ACTION_ADD);
    assert_string_equal(a.add.stats, "{\"numRecords\":1}");
    assert_string_equal(a.add.unknown, "\"new\":[1,{\"x\":1.50}],\"newer\":null");
    assert_int_equal(a.add.partition_values.count, 2);
    assert_null(a.add.partition_values.items[1].value);
    assert_string_equal(silt_dv_unique_id(a.add.dv, arena), "ux\\y@4");
    assert_string_equal(silt_dv_unique_id(parse(lines[2]).remove.dv, arena), "iq");
    assert_string_equal(silt_dv_unique_id(NULL, arena), "");

    silt_action info = parse("{\"commitInfo\":{\"timestamp\":5,\"inCommitTimestamp\":6,"
                             "\"operation\":\"WRITE\",\"txnId\":\"t\",\"engineInfo\":3}}");
    assert_int_equal(info.commit_info.timestamp_ms, 5);
    assert_int_equal(info.commit_info.in_commit_timestamp_ms, 6);
    assert_string_equal(info.commit_info.operation, "WRITE");
    assert_string_equal(info.commit_info.txn_id, "t");
    assert_null(info.commit_info.engine_info);
}

static void commit_info_without_json_is_made(void **state)
{
    (void)state;
    silt_action info = {
        .kind = SILT_ACTION_COMMIT_INFO,
        .commit_info = {
            .timestamp_ms = 5, .in_commit_timestamp_ms = -1, .operation = "WRITE", .txn_id = "t"}};
    assert_string_equal(
        write(&info), "{\"commitInfo\":{\"timestamp\":5,\"operation\":\"WRITE\",\"txnId\":\"t\"}}");
}

static void absent_and_null_are_the_same(void **state)
{
    (void)state;
    const char *const texts[] = {
        "{\"add\":{\"path\":\"p\",\"size\":1}}",
        "{\"add\":{\"path\":\"p\",\"size\":1,\"partitionValues\":null,\"modificationTime\":null,"
        "\"dataChange\":null,\"stats\":null,\"tags\":null,\"deletionVector\":null,"
        "\"baseRowId\":null,\"defaultRowCommitVersion\":null,\"clusteringProvider\":null}}",
        "{\"txn\":null,\"add\":{\"path\":\"p\",\"size\":1.0},\"remove\":null}",
        " {\"add\":{\"path\":\"p\",\"size\":1}} \r",
        "{\"new_kind\":{},\"add\":{\"path\":\"p\",\"size\":1}}",
    };
    for (size_t i = 0; i < SILT_COUNT(texts); i++) {
        silt_action a = parse(texts[i]);
        assert_string_equal(write(&a),
                            write(&(silt_action){SILT_ACTION_ADD,
                                                 {.add = {.path = "p",
                                                          .size_bytes = 1,
                                                          .data_change = true,
                                                          .base_row_id = -1,
                                                          .default_row_commit_version = -1}}}));
    }
    silt_action m = parse("{\"metaData\":{\"id\":\"x\"}}");
    assert_string_equal(m.metadata.format_provider, "parquet");
    assert_string_equal(m.metadata.schema_json, "{\"type\":\"struct\",\"fields\":[]}");
    assert_int_equal(m.metadata.created_time_ms, -1);
    assert_int_equal(parse("{\"add\":null}").kind, SILT_ACTION_UNKNOWN);
}

/* ---- bad input */

static void wrong_lines_say_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"", "no text"},
        {"[]", "isn't a JSON object"},
        {"{\"add\":", "JSON"},
        {"{\"add\":{\"path\":\"p\",\"size\":1}}x", "JSON"},
        {"{\"add\":{\"path\":\"p\",\"size\":1}}{}", "JSON"},
        {"{\"add\":[]}", "add: not an object"},
        {"{\"add\":\"x\"}", "add: not an object"},
        {"{\"add\":{}}", "add.path: is missing"},
        {"{\"add\":{\"path\":\"p\"}}", "add.size: is missing"},
        {"{\"add\":{\"path\":null,\"size\":1}}", "add.path: is missing"},
        {"{\"add\":{\"path\":\"\",\"size\":1}}", "add.path: is empty"},
        {"{\"add\":{\"path\":7,\"size\":1}}", "add.path: not a string"},
        {"{\"add\":{\"path\":\"a\\u0000b\",\"size\":1}}", "add.path: has a NUL character"},
        {"{\"add\":{\"path\":\"p\",\"path\":\"q\",\"size\":1}}", "add.path: is there twice"},
        {"{\"add\":{\"path\":\"p\",\"size\":\"1\"}}", "add.size: not a whole number"},
        {"{\"add\":{\"path\":\"p\",\"size\":1.5}}", "add.size: not a whole number"},
        {"{\"add\":{\"path\":\"p\",\"size\":9223372036854775808}}", "add.size: not a whole number"},
        {"{\"add\":{\"path\":\"p\",\"size\":1e30}}", "add.size: not a whole number"},
        {"{\"add\":{\"path\":\"p\",\"size\":-1}}", "add.size: is negative"},
        {"{\"add\":{\"path\":\"p\",\"size\":1,\"dataChange\":1}}",
         "add.dataChange: neither true nor"},
        {"{\"add\":{\"path\":\"p\",\"size\":1,\"stats\":{}}}", "add.stats: not a string"},
        {"{\"add\":{\"path\":\"p\",\"size\":1,\"tags\":[]}}", "add.tags: not an object"},
        {"{\"add\":{\"path\":\"p\",\"size\":1,\"partitionValues\":[]}}",
         "add.partitionValues: not an object"},
        {"{\"add\":{\"path\":\"p\",\"size\":1,\"partitionValues\":{\"a\":1}}}",
         "add.partitionValues: \"a\" is neither text nor null"},
        {"{\"add\":{\"path\":\"p\",\"size\":1,\"partitionValues\":{\"a\":\"\",\"a\":\"\"}}}",
         "add.partitionValues: key \"a\" is there twice"},
        {"{\"add\":{\"path\":\"p\",\"size\":1,\"deletionVector\":{}}}",
         "add: deletionVector.storageType: is missing"},
        {"{\"add\":{\"path\":\"p\",\"size\":1,\"deletionVector\":{\"storageType\":\"uu\","
         "\"pathOrInlineDv\":\"\",\"sizeInBytes\":1,\"cardinality\":1}}}",
         "deletionVector.storageType: not one letter"},
        {"{\"remove\":{}}", "remove.path: is missing"},
        {"{\"cdc\":{\"path\":\"p\"}}", "cdc.size: is missing"},
        {"{\"metaData\":{}}", "metaData.id: is missing"},
        {"{\"metaData\":{\"id\":\"x\",\"partitionColumns\":{}}}",
         "metaData.partitionColumns: not a list"},
        {"{\"metaData\":{\"id\":\"x\",\"partitionColumns\":[1]}}",
         "metaData.partitionColumns: not a string"},
        {"{\"metaData\":{\"id\":\"x\",\"format\":\"parquet\"}}", "metaData.format: not an object"},
        {"{\"protocol\":{\"minReaderVersion\":1}}", "protocol.minWriterVersion: is missing"},
        {"{\"protocol\":{\"minReaderVersion\":4294967297,\"minWriterVersion\":2}}",
         "protocol.minReaderVersion: not a small whole number"},
        {"{\"txn\":{\"version\":1}}", "txn.appId: is missing"},
        {"{\"domainMetadata\":{}}", "domainMetadata.domain: is missing"},
        {"{\"commitInfo\":[]}", "commitInfo: not an object"},
        {"{\"txn\":{\"appId\":\"a\",\"version\":1},\"cdc\":{}}", "two actions in one line"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_action action = {.kind = SILT_ACTION_SIDECAR};
        err = (silt_error){0};
        silt_status st = silt_action_parse(silt_bytes_of(cases[i].line), arena, &action, &err);
        if (st != SILT_CORRUPT) fail_msg("%s: %s", cases[i].line, silt_status_name(st));
        assert_contains(err.message, cases[i].message);
        assert_int_equal(action.kind, SILT_ACTION_SIDECAR); /* untouched */
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_action action;
    silt_buf_puts(&buf, "{\"add\":{\"path\":\"p\",\"size\":1,\"x\":");
    for (int i = 0; i < 100000; i++)
        silt_buf_putc(&buf, '[');
    assert_status(silt_action_parse(silt_buf_bytes(&buf), arena, &action, &err), SILT_CORRUPT);
    for (int i = 0; i < 100000; i++)
        silt_buf_putc(&buf, ']');
    silt_buf_puts(&buf, "}}");
    assert_status(silt_action_parse(silt_buf_bytes(&buf), arena, &action, &err), SILT_CORRUPT);
    assert_contains(err.message, "nested deeper");
}

static void many_partition_values_are_unique_too(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_action action;
    silt_buf_puts(&buf, "{\"add\":{\"path\":\"p\",\"size\":1,\"partitionValues\":{");
    for (int i = 0; i < 1000; i++)
        silt_buf_printf(&buf, "\"k%d\":\"\",", i);
    size_t size = buf.size;
    silt_buf_puts(&buf, "\"last\":\"\"}}}");
    assert_ok(silt_action_parse(silt_buf_bytes(&buf), arena, &action, &err));
    assert_int_equal(action.add.partition_values.count, 1001);
    buf.size = size;
    silt_buf_puts(&buf, "\"k7\":\"\"}}}");
    assert_status(silt_action_parse(silt_buf_bytes(&buf), arena, &action, &err), SILT_CORRUPT);
    assert_contains(err.message, "\"k7\" is there twice");
}

/* Cut anywhere, or with any byte changed, a line parses or fails: nothing else. */
static void broken_lines_never_harm(void **state)
{
    (void)state;
    test_random random = test_random_new();
    for (size_t i = 0; i < SILT_COUNT(lines); i++) {
        size_t size = strlen(lines[i]);
        for (size_t n = 0; n < size + 300; n++) {
            SILT_AUTO(silt_arena) scratch = silt_arena_new();
            char *text = silt_arena_strdup(scratch, lines[i]);
            silt_action action;
            if (n >= size) text[test_random_below(&random, size)] = (char)test_random_next(&random);
            silt_bytes line = {text, n < size ? n : size};
            silt_status st = silt_action_parse(line, scratch, &action, &err);
            if (n < size) assert_int_equal(st, SILT_CORRUPT);
            if (st == SILT_OK) (void)write(&action);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_survive),
        TEST(copies_are_deep),
        TEST(equal_partition_values_are_shared),
        TEST(members_are_read),
        TEST(commit_info_without_json_is_made),
        TEST(absent_and_null_are_the_same),
        TEST(wrong_lines_say_what_is_wrong),
        TEST(depth_is_bounded),
        TEST(many_partition_values_are_unique_too),
        TEST(broken_lines_never_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
