/* Table features: which tables can be read and written, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/logs.h"
#include "log/property.h"

static silt_protocol protocol_of(const char *json)
{
    silt_protocol p;
    const silt_json *value;
    assert_ok(silt_json_parse(silt_bytes_of(json), arena, &value, &err));
    assert_ok(silt_protocol_parse(value, arena, &p, &err));
    return p;
}

/* A protocol of versions, and lists of features by name where the versions ask for them. */
static silt_protocol protocol(int reader, int writer, const char *features)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_printf(&buf, "{\"minReaderVersion\":%d,\"minWriterVersion\":%d", reader, writer);
    if (reader == 3) silt_buf_printf(&buf, ",\"readerFeatures\":[%s]", features);
    if (writer == 7) silt_buf_printf(&buf, ",\"writerFeatures\":[%s]", features);
    silt_buf_putc(&buf, '}');
    return protocol_of(buf.data);
}

static silt_metadata metadata(const char *configuration, const char *column_metadata)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_metadata m;
    const silt_json *value;
    silt_buf_printf(&buf, "{\"id\":\"i\",\"configuration\":{%s}}", configuration);
    assert_ok(silt_json_parse(silt_buf_bytes(&buf), arena, &value, &err));
    assert_ok(silt_metadata_parse(value, arena, &m, &err));
    m.schema_json = silt_arena_printf(
        arena,
        "{\"type\":\"struct\",\"fields\":[{\"name\":\"s\",\"type\":{\"type\":\"struct\",\"fields\":"
        "[{\"name\":\"delta.invariants\",\"type\":\"integer\",\"nullable\":true,\"metadata\":{%s}}]"
        "},"
        "\"nullable\":true,\"metadata\":{}}]}",
        column_metadata);
    return m;
}

/* ---- tables */

typedef struct table {
    int reader, writer;
    const char *features, *configuration, *column_metadata;
    const char *cant_read, *cant_write; /* NULL: can */
} table;

static const table tables[] = {
    {1, 1, "", "", "", NULL, NULL},
    {1, 2, "", "", "", NULL, NULL},
    {1, 2, "", "\"delta.appendOnly\":\"true\"", "", NULL, NULL},
    {1, 2, "", "", "\"delta.invariants\":\"{}\"", NULL, NULL},
    {1, 2, "", "", "\"delta\\u002einvariants\":\"{}\"", NULL, NULL},
    {1, 3, "", "", "", NULL, NULL},
    {1, 3, "", "\"delta.constraints.c\":\"x > 1\"", "", NULL, NULL},
    {1, 2, "", "\"delta.constraints.c\":\"x > 1\"", "", NULL, NULL}, /* not in force below 3 */
    {1, 4, "", "\"delta.enableChangeDataFeed\":\"true\"", "", NULL, NULL}, /* mere appends may */
    {1, 4, "", "", "\"delta.generationExpression\":\"x\"", NULL, NULL},
    {1, 6, "", "", "\"delta.identity.start\":1", NULL, NULL},
    {2, 5, "", "", "", NULL, NULL},
    {2, 5, "", "\"delta.columnMapping.mode\":\"none\"", "", NULL, NULL},
    {2, 5, "", "\"delta.columnMapping.mode\":\"name\"", "", NULL, NULL},
    {2, 6, "", "", "", NULL, NULL},
    {1, 7, "", "", "", NULL, NULL},
    {3, 7, "", "", "", NULL, NULL},
    {3, 7, "\"timestampNtz\"", "", "", NULL, NULL},
    {3, 7, "\"deletionVectors\",\"timestampNtz\"", "", "", NULL, NULL},
    {3, 7, "\"v2Checkpoint\"", "", "", NULL, NULL},
    {3, 7, "\"columnMapping\"", "\"delta.columnMapping.mode\":\"id\"", "", NULL, NULL},
    {3, 7, "\"columnMapping\"", "", "", NULL, NULL},
    {3, 7, "\"from the future\"", "", "", "table features from the future", ""},
    {3, 7, "\"from the future\",\"deletionVectors\"", "", "", "table features from the future", ""},
    {3, 7, "\"catalogManaged\"", "", "", "table features catalogManaged", ""},
    {3, 7, "\"catalogOwned-preview\"", "", "", "table features catalogOwned-preview", ""},
    {3, 7, "\"geospatial\"", "", "", "table features geospatial", ""},
    {3, 7, "\"redirectReaderWriter-preview\"", "", "", "redirectReaderWriter-preview", ""},
    {3, 7, "\"typeWidening\"", "", "", NULL, NULL},
    {3, 7, "\"typeWidening-preview\"", "", "", NULL, NULL},
    {3, 7, "\"typeWidening-previewed\"", "", "", "typeWidening-previewed", ""},
    {3, 7, "\"-preview\"", "", "", "features -preview", ""},
    {3, 7, "\"variantType\",\"variantType-preview\"", "", "", NULL, NULL},
    {3, 7, "\"variantType-preview\",\"variantShredding-preview\"", "", "", NULL,
     "table features variantShredding-preview"},
    {3, 7, "\"vacuumProtocolCheck\"", "", "", NULL, NULL},
    {1, 7, "\"inCommitTimestamp-preview\"", "\"delta.enableInCommitTimestamps-preview\":\"true\"",
     "", NULL, NULL},
    {1, 7, "\"inCommitTimestamp-preview\"", "", "", NULL, NULL},
    {1, 7, "\"icebergCompatV3\",\"icebergWriterCompatV1\",\"icebergWriterCompatV3\"", "", "", NULL,
     NULL},
    {1, 7, "\"icebergCompatV3\"", "\"delta.enableIcebergCompatV3\":\"true\"", "", NULL,
     "features icebergCompatV3"},
    {1, 7, "\"icebergWriterCompatV1\"", "\"delta.enableIcebergWriterCompatV1\":\"true\"", "", NULL,
     "features icebergWriterCompatV1"},
    {1, 7, "\"icebergWriterCompatV3\"", "\"delta.enableIcebergWriterCompatV3\":\"true\"", "", NULL,
     "features icebergWriterCompatV3"},
    {1, 7, "\"collations-preview\"", "", "", NULL, "features collations-preview"},
    {1, 7, "\"checkpointProtection\",\"materializePartitionColumns\"", "", "", NULL, NULL},
    {1, 7,
     "\"appendOnly\",\"invariants\",\"changeDataFeed\",\"checkConstraints\","
     "\"generatedColumns\",\"identityColumns\",\"domainMetadata\",\"allowColumnDefaults\","
     "\"inCommitTimestamp\",\"icebergCompatV1\",\"icebergCompatV2\"",
     "", "", NULL, NULL},
    {1, 7, "\"inCommitTimestamp\"", "\"delta.enableInCommitTimestamps\":\"true\"", "", NULL, NULL},
    {1, 7, "\"allowColumnDefaults\"", "", "\"CURRENT_DEFAULT\":\"1\"", NULL, NULL},
    {1, 7, "\"icebergCompatV2\"", "\"delta.enableIcebergCompatV2\":\"TRUE\"", "", NULL,
     "features icebergCompatV2"},
    {1, 7, "\"rowTracking\",\"domainMetadata\",\"clustering\"", "", "", NULL, NULL},
    {1, 7, "\"unheard of\",\"clustering\"", "", "", NULL, "can't write: table features unheard of"},
    {4, 7, "", "", "", "reader version 4 is not known", ""},
    {0, 2, "", "", "", "reader version 0 is not known", ""},
};

static void check(silt_status st, const char *message, const char *what, size_t i)
{
    if (!message && st == SILT_OK) return;
    if (!message || st != SILT_UNSUPPORTED || !strstr(err.message, message))
        fail_msg("table %zu, %s: %s: %s", i, what, silt_status_name(st), err.message);
    assert_true(*err.message);
}

static void tables_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(tables); i++) {
        const table *t = &tables[i];
        silt_protocol p = protocol(t->reader, t->writer, t->features);
        silt_metadata m = metadata(t->configuration, t->column_metadata);
        err = (silt_error){0};
        check(silt_feature_check_read(&p, &m, &err), t->cant_read, "read", i);
        err = (silt_error){0};
        check(silt_feature_check_write(&p, &m, &err), t->cant_write, "write", i);
    }
}

static void lists_and_versions_go_together(void **state)
{
    (void)state;
    static const char *const protocols[] = {
        "{\"minReaderVersion\":3,\"minWriterVersion\":7,\"writerFeatures\":[]}",
        "{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[]}",
        "{\"minReaderVersion\":1,\"minWriterVersion\":7}",
        "{\"minReaderVersion\":1,\"minWriterVersion\":2,\"writerFeatures\":[]}",
        ("{\"minReaderVersion\":2,\"minWriterVersion\":7,\"readerFeatures\":[],"
         "\"writerFeatures\":[]}"),
        "{\"minReaderVersion\":3,\"minWriterVersion\":5,\"readerFeatures\":[]}",
    };
    silt_metadata m = metadata("", "");
    for (size_t i = 0; i < SILT_COUNT(protocols); i++) {
        silt_protocol p = protocol_of(protocols[i]);
        assert_status(silt_feature_check_read(&p, &m, &err), SILT_CORRUPT);
        assert_contains(err.message, "protocol: ");
    }
}

static void hints_say_where_to_go(void **state)
{
    (void)state;
    silt_metadata m = metadata("", "");
    silt_protocol managed = protocol(3, 7, "\"catalogManaged\""), later = protocol(9, 9, "");
    silt_protocol unknown = protocol(3, 7, "\"from the future\"");
    assert_status(silt_feature_check_read(&managed, &m, &err), SILT_UNSUPPORTED);
    assert_contains(err.hint, "catalog");
    assert_status(silt_feature_check_read(&unknown, &m, &err), SILT_UNSUPPORTED);
    assert_contains(err.hint, "newer Silt");
    assert_status(silt_feature_check_read(&later, &m, &err), SILT_UNSUPPORTED);
    assert_contains(err.hint, "versions 1 to 3");
}

static void writers_know_what_readers_know(void **state)
{
    (void)state;
    silt_metadata m = metadata("", "");
    silt_protocol p = protocol_of("{\"minReaderVersion\":3,\"minWriterVersion\":7,"
                                  "\"readerFeatures\":[\"deletionVectors\"],"
                                  "\"writerFeatures\":[]}");
    assert_ok(silt_feature_check_read(&p, &m, &err));
    assert_status(silt_feature_check_write(&p, &m, &err), SILT_CORRUPT);
    assert_contains(err.message, "deletionVectors is in readerFeatures, but not in writerFeatures");
}

/* ---- type changes */

static silt_status check_widening(const char *features, const char *changes)
{
    const silt_type *schema;
    silt_protocol p = protocol(3, 7, features);
    const char *json = silt_arena_printf(
        arena,
        "{\"type\":\"struct\",\"fields\":[{\"name\":\"s\",\"nullable\":true,\"metadata\":{},"
        "\"type\":{\"type\":\"array\",\"containsNull\":true,\"elementType\":"
        "{\"type\":\"struct\",\"fields\":[{\"name\":\"c\",\"type\":\"long\",\"nullable\":true,"
        "\"metadata\":{\"delta.typeChanges\":%s}}]}}}]}",
        changes);
    assert_non_null(json);
    assert_ok(silt_schema_parse(json, strlen(json), arena, &schema, &err));
    err = (silt_error){0};
    return silt_widening_check(&p, schema, &err);
}

static void types_widen_as_the_protocol_says(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        bool ok;
    } cases[] = {
        {"byte", "short", true},
        {"byte", "long", true},
        {"integer", "long", true},
        {"long", "integer", false},
        {"float", "double", true},
        {"double", "float", false},
        {"integer", "double", true},
        {"long", "double", false},
        {"short", "float", false},
        {"date", "timestamp_ntz", true},
        {"date", "timestamp", false},
        {"decimal(6, 2)", "decimal(10,4)", true},
        {"decimal(6,2)", "decimal(7,4)", false},
        {"decimal(6,2)", "decimal(6,1)", false},
        {"byte", "decimal(10,0)", true},
        {"integer", "decimal(12,2)", true},
        {"integer", "decimal(11,2)", false},
        {"long", "decimal(20,0)", true},
        {"long", "decimal(19,0)", false},
        {"string", "long", false},
        {"byte", "unsupported", false},
        {"byte", "byte", true},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const char *changes = silt_arena_printf(arena, "[{\"fromType\":\"%s\",\"toType\":\"%s\"}]",
                                                cases[i].from, cases[i].to);
        silt_status st = check_widening("\"typeWidening\"", changes);
        if (st != (cases[i].ok ? SILT_OK : SILT_UNSUPPORTED))
            fail_msg("%s to %s: %s", cases[i].from, cases[i].to, silt_status_name(st));
        if (st != SILT_OK) assert_contains(err.message, cases[i].to);
        assert_ok(check_widening("\"deletionVectors\"", changes)); /* says nothing there */
    }
    assert_status(check_widening("\"typeWidening-preview\"", "[{\"fromType\":\"byte\"}]"),
                  SILT_UNSUPPORTED);
    assert_contains(err.message, "column c was changed from \"byte\" to nothing");
    assert_status(check_widening("\"typeWidening\"", "{}"), SILT_CORRUPT);
    assert_ok(check_widening("\"typeWidening\"", "[]"));
    assert_ok(check_widening("\"typeWidening\"", "null"));
}

static void other_formats_are_refused(void **state)
{
    (void)state;
    silt_protocol p = protocol(1, 2, "");
    silt_metadata m = metadata("", "");
    m.format_provider = "orc";
    assert_status(silt_feature_check_read(&p, &m, &err), SILT_UNSUPPORTED);
    assert_contains(err.message, "\"orc\"");
}

static void flags_need_feature_and_property(void **state)
{
    (void)state;
    silt_metadata on =
        metadata("\"delta.appendOnly\":\"True\",\"delta.enableChangeDataFeed\":\"true\"", "");
    silt_metadata off = metadata("\"delta.appendOnly\":\"false\"", "");
    silt_protocol old = protocol(1, 1, ""), two = protocol(1, 2, ""), four = protocol(1, 4, "");
    silt_protocol named = protocol(1, 7, "\"appendOnly\",\"changeDataFeed\"");
    silt_protocol unnamed = protocol(1, 7, "");
    assert_false(silt_feature_append_only(&old, &on));
    assert_true(silt_feature_append_only(&two, &on));
    assert_false(silt_feature_append_only(&two, &off));
    assert_true(silt_feature_append_only(&named, &on));
    assert_false(silt_feature_append_only(&unnamed, &on));
    assert_false(silt_feature_change_data(&two, &on));
    assert_true(silt_feature_change_data(&four, &on));
    assert_false(silt_feature_change_data(&four, &off));
    assert_true(silt_feature_change_data(&named, &on));
    assert_false(silt_feature_change_data(&unnamed, &on));

    silt_protocol rows = protocol(1, 7, "\"rowTracking\",\"inCommitTimestamp-preview\"");
    silt_metadata tracked = metadata("\"delta.enableRowTracking\":\"true\"", "");
    silt_metadata suspended = metadata("\"delta.rowTrackingSuspended\":\"true\"", "");
    silt_metadata dated = metadata("\"delta.enableInCommitTimestamps-preview\":\"true\"", "");
    assert_true(silt_feature_row_ids(&rows, &off)); /* supported is enough */
    assert_false(silt_feature_row_ids(&rows, &suspended));
    assert_false(silt_feature_row_ids(&unnamed, &tracked));
    assert_true(silt_feature_row_tracking(&rows, &tracked));
    assert_false(silt_feature_row_tracking(&rows, &off));
    assert_false(silt_feature_row_tracking(&four, &tracked));
    assert_true(silt_feature_in_commit_timestamps(&rows, &dated));
    assert_false(silt_feature_in_commit_timestamps(&rows, &off));
    assert_false(silt_feature_in_commit_timestamps(&unnamed, &dated));
    assert_true(silt_feature_supported(&rows, "inCommitTimestamp"));
    assert_false(silt_feature_supported(&rows, "from the future"));
}

static const char *joined(silt_names names)
{
    const char *text = "";
    for (size_t i = 0; i < names.count; i++)
        text = silt_arena_printf(arena, "%s%s%s", text, i ? " " : "", names.items[i]);
    return text;
}

static void active_features_are_spelled_out(void **state)
{
    (void)state;
    silt_names r, w;
    silt_protocol p = protocol(1, 1, "");
    assert_ok(silt_feature_list(&p, arena, &r, &w, &err));
    assert_int_equal(r.count + w.count, 0);
    p = protocol(2, 6, "");
    assert_ok(silt_feature_list(&p, arena, &r, &w, &err));
    assert_string_equal(joined(r), "columnMapping");
    assert_string_equal(joined(w), "appendOnly changeDataFeed checkConstraints columnMapping "
                                   "generatedColumns identityColumns invariants");
    p = protocol(3, 7, "\"z\",\"appendOnly\",\"b\"");
    assert_ok(silt_feature_list(&p, arena, &r, &w, &err));
    assert_string_equal(joined(r), "appendOnly b z");
    assert_string_equal(joined(w), "appendOnly b z");
}

/* ---- properties */

static void intervals_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"interval 1 week", 604800000},
        {"interval 7 days", 604800000},
        {"INTERVAL 2 Weeks", 1209600000},
        {"30 days", 2592000000},
        {"interval 1 day 12 hours 30 minutes 5 seconds", 131405000},
        {"interval 1500 microseconds", 1},
        {"  interval   100  milliseconds  ", 100},
        {"interval 0 hours", 0},
        {"interval -1 day", -86400000},
        /* not intervals, or of no known length */
        {"", INT64_MIN},
        {"interval", INT64_MIN},
        {"interval 1", INT64_MIN},
        {"interval week", INT64_MIN},
        {"interval 1 month", INT64_MIN},
        {"interval 2 years", INT64_MIN},
        {"interval 1.5 days", INT64_MIN},
        {"interval 9223372036854775807 weeks", INT64_MIN},
        {"interval 99999999999999999999999999999 days", INT64_MIN},
        {"1 day interval", INT64_MIN},
        {"interval 1 dayss", INT64_MIN},
        {"interval 1 s", INT64_MIN},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        int64_t ms = INT64_MIN;
        bool ok = silt_interval_parse_ms(cases[i].text, &ms);
        if (ms != cases[i].ms || ok != (ms != INT64_MIN))
            fail_msg("%s: %" PRId64, cases[i].text, ms);
    }
}

static void interval_properties_err_on_keeping(void **state)
{
    (void)state;
    silt_metadata m = metadata("\"a\":\"interval 1 day\",\"b\":\"for ever\",\"c\":\"-1 day\"", "");
    assert_int_equal(silt_property_interval_ms(&m, "a", 7), 86400000);
    assert_int_equal(silt_property_interval_ms(&m, "none", 7), 7);
    assert_int_equal(silt_property_interval_ms(&m, "b", 7), INT64_MAX);
    assert_int_equal(silt_property_interval_ms(&m, "c", 7), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tables_are_checked),
        TEST(lists_and_versions_go_together),
        TEST(hints_say_where_to_go),
        TEST(writers_know_what_readers_know),
        TEST(types_widen_as_the_protocol_says),
        TEST(other_formats_are_refused),
        TEST(flags_need_feature_and_property),
        TEST(active_features_are_spelled_out),
        TEST(intervals_are_read),
        TEST(interval_properties_err_on_keeping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
