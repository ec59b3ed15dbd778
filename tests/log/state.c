/* The state of a table but for its files: commits alone, with a .crc that is believed and ones that
 * aren't. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/logs.h"
#include "log/state.h"
#include "store/fault.h"

#define INFO(id)          "{\"commitInfo\":{\"txnId\":\"" id "\",\"inCommitTimestamp\":777}}\n"
#define TXN(app, version) "{\"txn\":{\"appId\":\"" app "\",\"version\":" #version "}}\n"
#define DOMAIN(name, removed)                                                                    \
    "{\"domainMetadata\":{\"domain\":\"" name "\",\"configuration\":\"c\",\"removed\":" #removed \
    "}}\n"

static silt_log_state load(int64_t version)
{
    silt_log_state s = {0};
    silt_log_segment segment = segment_at(version);
    assert_ok(silt_log_state_load(store, NULL, &segment, arena, &s, &err));
    assert_int_equal(s.version, segment.version);
    return s;
}

static int64_t txn_version(const silt_log_state *s, const char *app_id)
{
    for (size_t i = 0; i < s->app_txn_count; i++)
        if (strcmp(s->app_txns[i].app_id, app_id) == 0) return s->app_txns[i].version;
    return -1;
}

/* ---- commits */

static void the_newest_of_each_wins(void **state)
{
    (void)state;
    put_commit(0, PROTOCOL METADATA ADD("x") TXN("a", 1) TXN("b", 5) DOMAIN("d", false));
    put_commit(1, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":4}}\n" TXN("a", 2));
    put_commit(2,
               "{\"metaData\":{\"id\":\"m2\"}}\n" TXN("b", 4) DOMAIN("e", false) DOMAIN("d", true));
    silt_log_state s = load(-1);
    assert_int_equal(s.protocol.min_writer, 4);
    assert_string_equal(s.metadata.id, "m2");
    assert_int_equal(s.app_txn_count, 2);
    assert_int_equal(txn_version(&s, "a"), 2);
    assert_int_equal(txn_version(&s, "b"), 4); /* the newest, not the highest */
    assert_int_equal(s.domain_count, 1);
    assert_string_equal(s.domains[0].domain, "e");
    assert_int_equal(s.file_count, -1);
    assert_int_equal(s.timestamp_ms, segment_at(-1).mtime_ms);

    s = load(0);
    assert_int_equal(s.protocol.min_writer, 2);
    assert_string_equal(s.metadata.id, "m");
    assert_int_equal(txn_version(&s, "a"), 1);
    assert_string_equal(s.domains[0].domain, "d");
}

static void a_state_has_protocol_and_metadata(void **state)
{
    (void)state;
    silt_log_state s;
    put_commit(0, METADATA);
    silt_log_segment segment = segment_at(-1);
    assert_status(silt_log_state_load(store, NULL, &segment, arena, &s, &err), SILT_CORRUPT);
    assert_contains(err.message, "up to version 0 has no protocol action");
    put_commit(0, PROTOCOL);
    assert_status(silt_log_state_load(store, NULL, &segment, arena, &s, &err), SILT_CORRUPT);
    assert_contains(err.message, "version 0 has no metaData action");
}

static void broken_commits_are_told(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",
        "\0",
        INFO("x") "{\"add\":{\"path\":\"p\"", /* cut off */
        "{\"txn\":{\"appId\":\"a\"}}\n",
        "\xff\xfe",
    };
    silt_log_state s;
    put_commit(0, PROTOCOL METADATA);
    for (size_t i = 0; i < SILT_COUNT(broken); i++) {
        put_commit(1, broken[i]);
        silt_log_segment segment = segment_at(-1);
        assert_status(silt_log_state_load(store, NULL, &segment, arena, &s, &err), SILT_CORRUPT);
        assert_contains(err.message, "commit 1");
    }
}

static void many_txns_are_kept_apart(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_puts(&buf, PROTOCOL METADATA);
    for (int i = 0; i < 3000; i++)
        silt_buf_printf(&buf, "{\"txn\":{\"appId\":\"app%d\",\"version\":%d}}\n", i % 1000, i);
    put_commit(0, buf.data);
    silt_log_state s = load(-1);
    assert_int_equal(s.app_txn_count, 1000);
    assert_int_equal(txn_version(&s, "app999"), 2999);
    assert_int_equal(txn_version(&s, "app0"), 2000);
}

static void commits_date_themselves_where_enabled(void **state)
{
    (void)state;
    put_commit(0, INFO("x") PROTOCOL "{\"metaData\":{\"id\":\"m\",\"configuration\":{"
                                     "\"delta.enableInCommitTimestamps\":\"true\"}}}\n");
    silt_log_state s = load(-1);
    assert_true(silt_log_in_commit_timestamps(&s));
    assert_int_equal(s.timestamp_ms, 777);
    put_commit(1, "{\"commitInfo\":{\"inCommitTimestamp\":888}}\n");
    assert_int_equal(load(-1).timestamp_ms, 888);
    put_commit(2, METADATA);
    assert_int_equal(load(-1).timestamp_ms, segment_at(-1).mtime_ms);
}

/* ---- .crc */

static const char crc_name[] = "00000000000000000001.crc";
#define CRC_HEAD                                                                \
    "\"tableSizeBytes\":70,\"numFiles\":7,\"numMetadata\":1,\"numProtocol\":1," \
    "\"metadata\":{\"id\":\"from the crc\"},"                                   \
    "\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}"
#define CRC_TAIL "\"setTransactions\":[{\"appId\":\"c\",\"version\":3}]"

/* Two commits and a third one; what the .crc of the second says is told apart by metadata.id. */
static bool believes(const char *crc)
{
    put_commit(0, PROTOCOL METADATA);
    put_commit(1, INFO("id 1") TXN("c", 3));
    put_commit(2, INFO("id 2") ADD("a") TXN("d", 1));
    put_log(crc_name, crc);
    silt_log_state s = load(-1);
    bool believed = strcmp(s.metadata.id, "from the crc") == 0;
    assert_int_equal(s.app_txn_count, 2);
    assert_int_equal(s.file_count, believed ? 8 : -1);
    assert_int_equal(s.size_bytes, believed ? 80 : -1);
    return believed;
}

static void a_crc_of_its_commit_is_believed(void **state)
{
    (void)state;
    assert_true(believes("{\"txnId\":\"id 1\"," CRC_HEAD "," CRC_TAIL "}"));
    assert_true(believes("{\"txnId\":\"id 1\"," CRC_HEAD "," CRC_TAIL ",\"domainMetadata\":["
                         "{\"domain\":\"d\",\"configuration\":\"\",\"removed\":false},"
                         "{\"domain\":\"e\",\"configuration\":\"\",\"removed\":true}],"
                         "\"allFiles\":[],\"histogramOpt\":null}\n"));
    assert_int_equal(load(-1).domain_count, 1);
}

static void other_crcs_are_not(void **state)
{
    (void)state;
    static const char *const crcs[] = {
        "",
        "{",
        "[]",
        "garbage",
        "{" CRC_HEAD "," CRC_TAIL "}",                /* no txnId */
        "{\"txnId\":\"\"," CRC_HEAD "," CRC_TAIL "}", /* … to speak of */
        "{\"txnId\":null," CRC_HEAD "," CRC_TAIL "}",
        "{\"txnId\":\"id 2\"," CRC_HEAD "," CRC_TAIL "}", /* another commit's */
        "{\"txnId\":\"id 1\"," CRC_HEAD "}",              /* no setTransactions */
        "{\"txnId\":\"id 1\"," CRC_HEAD ",\"setTransactions\":null}",
        "{\"txnId\":\"id 1\"," CRC_HEAD ",\"setTransactions\":[{}]}",
        "{\"txnId\":\"id 1\",\"numFiles\":1,\"numMetadata\":1,\"numProtocol\":1," CRC_TAIL "}",
        "{\"txnId\":\"id 1\",\"tableSizeBytes\":1,\"numFiles\":1,\"numMetadata\":1,"
        "\"numProtocol\":1," CRC_TAIL "}", /* no metadata, no protocol */
        "{\"txnId\":\"id "
        "1\",\"tableSizeBytes\":1,\"numFiles\":1,\"numMetadata\":2,\"numProtocol\":1,"
        "\"metadata\":{\"id\":\"from the crc\"},\"protocol\":{\"minReaderVersion\":1,"
        "\"minWriterVersion\":2}," CRC_TAIL "}",
        "{\"txnId\":\"id "
        "1\",\"tableSizeBytes\":-1,\"numFiles\":1,\"numMetadata\":1,\"numProtocol\":1,"
        "\"metadata\":{\"id\":\"from the crc\"},\"protocol\":{\"minReaderVersion\":1,"
        "\"minWriterVersion\":2}," CRC_TAIL "}",
        /* domains are possible, and not told */
        "{\"txnId\":\"id "
        "1\",\"tableSizeBytes\":1,\"numFiles\":1,\"numMetadata\":1,\"numProtocol\":1,"
        "\"metadata\":{\"id\":\"from the crc\"},\"protocol\":{\"minReaderVersion\":1,"
        "\"minWriterVersion\":7,\"writerFeatures\":[\"domainMetadata\"]}," CRC_TAIL "}",
    };
    for (size_t i = 0; i < SILT_COUNT(crcs); i++)
        if (believes(crcs[i])) fail_msg("believed: %s", crcs[i]);
}

/* All files in it, histograms and what else others write are fine, as long as it isn't for its own
 * sake. */
static void a_crc_may_say_more_but_not_too_much(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_puts(&buf, "{\"txnId\":\"id 1\"," CRC_HEAD "," CRC_TAIL
                        ",\"fileSizeHistogram\":{\"sortedBinBoundaries\":[0,8192],"
                        "\"fileCounts\":[7,0],\"totalBytes\":[70,0]},\"numDeletedRecordsOpt\":0,"
                        "\"allFiles\":[");
    for (int i = 0; i < 1000; i++)
        silt_buf_printf(&buf, "%s{\"path\":\"f%d\",\"size\":1}", i ? "," : "", i);
    silt_buf_puts(&buf, "]}");
    assert_true(believes(buf.data));
    for (int i = 0; i < 17 * 1024; i++)
        silt_buf_printf(&buf, "%1024s", "");
    assert_false(believes(buf.data));
}

static void a_crc_has_its_commits_time(void **state)
{
    (void)state;
    static const char crc[] = "{\"txnId\":\"id 0\",\"tableSizeBytes\":0,\"numFiles\":0,"
                              "\"numMetadata\":1,\"numProtocol\":1,\"metadata\":{\"id\":"
                              "\"from the crc\",\"configuration\":{"
                              "\"delta.enableInCommitTimestamps\":\"true\"}},\"protocol\":{"
                              "\"minReaderVersion\":1,\"minWriterVersion\":7,"
                              "\"writerFeatures\":[]}," CRC_TAIL ",\"inCommitTimestampOpt\":%d}";
    for (int ms = 776; ms <= 778; ms++) {
        bool trusted;
        silt_log_state s;
        put_commit(0, INFO("id 0") PROTOCOL METADATA); /* at 777 */
        put_log("00000000000000000000.crc", silt_arena_printf(arena, crc, ms));
        assert_ok(silt_log_crc_load(store, 0, arena, &trusted, &s, &err));
        assert_int_equal(trusted, ms == 777);
    }
}

/* Gone commits can't be asked, failing stores have to be heard. */
static void a_crc_without_its_commit_is_not_believed(void **state)
{
    (void)state;
    bool trusted = true;
    silt_log_state s;
    put_log(crc_name, "{\"txnId\":\"id 1\"," CRC_HEAD "," CRC_TAIL "}");
    assert_ok(silt_log_crc_load(store, 1, arena, &trusted, &s, &err));
    assert_false(trusted);
    const silt_fault_plan plan = {
        .kind = SILT_FAULT_BEFORE_EFFECT, .at = 1, .ops = SILT_FAULT_GET, .status = SILT_TIMEOUT};
    SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
    assert_status(silt_log_crc_load(flaky, 1, arena, &trusted, &s, &err), SILT_TIMEOUT);
}

static void an_older_crc_than_the_checkpoint_is_not_asked(void **state)
{
    (void)state;
    (void)believes("{\"txnId\":\"id 1\"," CRC_HEAD "," CRC_TAIL "}");
    silt_log_segment segment = segment_at(-1);
    segment.checkpoint_version = -1;
    silt_log_state s;
    segment.crc_version = 1;
    assert_ok(silt_log_state_load(store, NULL, &segment, arena, &s, &err));
    assert_string_equal(s.metadata.id, "from the crc");
}

/* ---- counts of files */

typedef struct count_case {
    const char *commit;
    int64_t files, bytes;
} count_case;

static void files_are_counted_on(void **state)
{
    (void)state;
    static const count_case cases[] = {
        {ADD("x") ADD("y"), 9, 90},
        {REMOVE("x"), 6, 60},
        {REMOVE("x") ADD("y"), 7, 70},
        {"{\"remove\":{\"path\":\"x\",\"dataChange\":true}}\n", 6, -1}, /* of no size */
        /* of a deletion vector's file, as like as not: that is no file of the table */
        {"{\"remove\":{\"path\":\"x.bin\",\"dataChange\":false}}\n", -1, -1},
        /* statistics told of anew: nobody knows how many of these are new */
        {"{\"add\":{\"path\":\"x\",\"size\":1,\"dataChange\":false}}\n", -1, -1},
        /* rearranged */
        {"{\"remove\":{\"path\":\"x\",\"size\":10,\"dataChange\":false}}\n"
         "{\"add\":{\"path\":\"y\",\"size\":4,\"dataChange\":false}}\n",
         7, 64},
        /* told of anew beside a change */
        {REMOVE("x") "{\"add\":{\"path\":\"y\",\"size\":4,\"dataChange\":false}}\n", -1, -1},
        {"{\"cdc\":{\"path\":\"x\",\"size\":4,\"dataChange\":false}}\n", 7, 70},
        {TXN("a", 1), 7, 70},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        put_commit(0, PROTOCOL METADATA);
        put_commit(1, INFO("id 1"));
        put_log(crc_name, "{\"txnId\":\"id 1\"," CRC_HEAD "," CRC_TAIL "}");
        put_commit(2, cases[i].commit);
        silt_log_state s = load(-1);
        assert_int_equal(s.file_count, cases[i].files);
        assert_int_equal(s.size_bytes, cases[i].bytes);
    }
}

/* ---- writing */

static void a_written_crc_is_believed(void **state)
{
    (void)state;
    put_commit(0, INFO("t") PROTOCOL "{\"metaData\":{\"id\":\"m\",\"configuration\":{"
                                     "\"delta.enableInCommitTimestamps\":\"true\"}}}\n" TXN("a", 4)
                                         DOMAIN("d", false));
    silt_log_state s = load(-1), back;
    bool trusted;
    assert_status(silt_log_crc_write(store, &s, "t", &err), SILT_INVALID); /* counts unknown */
    s.file_count = 3;
    s.size_bytes = 33;
    assert_status(silt_log_crc_write(store, &s, "", &err), SILT_INVALID);
    assert_ok(silt_log_crc_write(store, &s, "t", &err));

    silt_bytes text;
    assert_ok(silt_store_get_all(store, silt_log_crc_key(arena, 0), arena, &text, &err));
    assert_string_equal(
        text.data,
        "{\"txnId\":\"t\",\"tableSizeBytes\":33,\"numFiles\":3,\"numMetadata\":1,\"numProtocol\":1,"
        "\"inCommitTimestampOpt\":777,\"setTransactions\":[{\"appId\":\"a\",\"version\":4}],"
        "\"domainMetadata\":[{\"domain\":\"d\",\"configuration\":\"c\",\"removed\":false}],"
        "\"metadata\":{\"id\":\"m\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
        "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":"
        "[],"
        "\"configuration\":{\"delta.enableInCommitTimestamps\":\"true\"}},"
        "\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n");

    assert_ok(silt_log_crc_load(store, 0, arena, &trusted, &back, &err));
    assert_true(trusted);
    assert_int_equal(back.file_count, 3);
    assert_int_equal(back.timestamp_ms, 777);
    assert_int_equal(txn_version(&back, "a"), 4);
    assert_int_equal(load(-1).size_bytes, 33);

    s.size_bytes = 44; /* a hint: the last one counts */
    assert_ok(silt_log_crc_write(store, &s, "t", &err));
    assert_int_equal(load(-1).size_bytes, 44);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_newest_of_each_wins),
        TEST(a_state_has_protocol_and_metadata),
        TEST(broken_commits_are_told),
        TEST(many_txns_are_kept_apart),
        TEST(commits_date_themselves_where_enabled),
        TEST(a_crc_of_its_commit_is_believed),
        TEST(other_crcs_are_not),
        TEST(a_crc_may_say_more_but_not_too_much),
        TEST(a_crc_has_its_commits_time),
        TEST(a_crc_without_its_commit_is_not_believed),
        TEST(an_older_crc_than_the_checkpoint_is_not_asked),
        TEST(files_are_counted_on),
        TEST(a_written_crc_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
