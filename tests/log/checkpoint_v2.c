/* Checkpoints that others write: of the V2 form with sidecars, with statistics as columns, of old
 * writers, and broken ones. Made by SQL. */
#include "engine/duck.h"

#include "log/logs.h"
#include "log/state.h"

static silt_engine *engine;
static char *dir;

static int set_up_all(void **state)
{
    (void)state;
    engine = duck_new();
    dir = test_dir_new();
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    test_dir_free(dir);
    silt_engine_free(engine);
    return 0;
}

#define UUID          "80a083e8-7026-4e79-81be-64bd76c43a11"
#define JSON_KEY      SILT_LOG_DIR "00000000000000000005.checkpoint." UUID ".json"
#define PARQUET_KEY   SILT_LOG_DIR "00000000000000000005.checkpoint." UUID ".parquet"
#define SIDECAR(name) SILT_LOG_DIR "_sidecars/" name

/* Rows of a checkpoint, to be put together with " UNION ALL BY NAME ". */
#define AND " UNION ALL BY NAME "
#define P_PROTOCOL                                                                 \
    "SELECT {minReaderVersion: 3::INT, minWriterVersion: 7::INT, readerFeatures: " \
    "['v2Checkpoint'], writerFeatures: ['v2Checkpoint']} AS protocol"
#define P_METADATA \
    "SELECT {id: 'm', \"schemaString\": '{}', \"partitionColumns\": ['p']} AS \"metaData\""
#define P_V2 \
    "SELECT {version: 5::BIGINT, tags: NULL::MAP(VARCHAR, VARCHAR)} AS \"checkpointMetadata\""
#define P_ADD(path)                                                                        \
    "SELECT {path: '" path "', \"partitionValues\": MAP {'p': '1'}, size: 10::BIGINT, "    \
    "\"modificationTime\": 1::BIGINT, \"dataChange\": true, stats: '{\"numRecords\":3}', " \
    "tags: MAP {'t': 'u'}} AS add"
#define P_REMOVE(path) \
    "SELECT {path: '" path "', \"deletionTimestamp\": 7::BIGINT, \"dataChange\": true} AS remove"

/* A Parquet file by SQL, put as `key`; gives its size. */
static int64_t put_parquet(const char *key, const char *sql)
{
    duck_run(engine, dir,
             silt_arena_printf(arena, "COPY (%s) TO '@x.parquet' (FORMAT parquet)", sql));
    const char *path = silt_arena_printf(arena, "%s/x.parquet", dir);
    silt_object object;
    assert_ok(store->ops->put_file(store, key, path, &err));
    assert_ok(store->ops->head(store, key, arena, &object, &err));
    return object.size_bytes;
}

/* A segment of a checkpoint of version 5 and commits up to `version`. */
static silt_log_segment over(const char *key, int64_t version)
{
    const char **keys = silt_arena_calloc(arena, 1, sizeof(*keys));
    keys[0] = key;
    return (silt_log_segment){.version = version,
                              .checkpoint_version = 5,
                              .checkpoint_keys = {keys, 1},
                              .first_commit = 6,
                              .crc_version = -1,
                              .mtime_ms = 99};
}

static silt_status load(const char *key, silt_log_files *out)
{
    silt_log_segment segment = over(key, 5);
    return silt_log_files_load(store, engine, &segment, true, arena, out, &err);
}

static silt_status load_state(const char *key, silt_log_state *out)
{
    silt_log_segment segment = over(key, 5);
    return silt_log_state_load(store, engine, &segment, arena, out, &err);
}

static const char *paths_of(silt_log_files files)
{
    const char *all = "";
    for (size_t i = 0; i < files.count; i++)
        all = silt_arena_printf(arena, "%s%s ", all, files.items[i].path);
    return all;
}

static void assert_v2_state(const char *key)
{
    silt_log_state state = {0};
    assert_ok(load_state(key, &state));
    assert_int_equal(state.protocol.min_reader, 3);
    assert_int_equal(state.protocol.reader_features.count, 1);
    assert_string_equal(state.metadata.id, "m");
    assert_string_equal(state.metadata.partition_columns.items[0], "p");
    assert_int_equal(state.app_txn_count, 1);
    assert_string_equal(state.app_txns[0].app_id, "x");
    assert_int_equal(state.app_txns[0].version, 4);
    assert_int_equal(state.domain_count, 1);
    assert_string_equal(state.domains[0].domain, "d");
}

/* a and b from the checkpoint, c from a commit; and the tombstones. */
static void assert_v2_files(const char *key)
{
    silt_log_files files = {0};
    const silt_remove *removes;
    size_t count;
    assert_ok(load(key, &files));
    assert_string_equal(paths_of(files), "a b ");
    assert_string_equal(files.items[0].stats, "{\"numRecords\":3}");
    assert_string_equal(files.items[0].tags, "{\"t\":\"u\"}");
    assert_string_equal(files.items[0].partition_values.items[0].value, "1");
    assert_false(files.items[0].data_change);

    put_commit(6, REMOVE("a") ADD("c"));
    silt_log_segment segment = over(key, 6);
    assert_ok(silt_log_files_load(store, engine, &segment, false, arena, &files, &err));
    assert_string_equal(paths_of(files), "c b ");
    assert_int_equal(files.size_bytes, 20);
    assert_null(files.items[1].stats);
    assert_null(files.items[1].tags);
    assert_ok(silt_log_tombstones_load(store, engine, &segment, 6, arena, &removes, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(removes[0].path, "r");
}

#define J_V2 "{\"checkpointMetadata\":{\"version\":5,\"tags\":{}}}\n"
#define J_PROTOCOL                                                                     \
    "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":" \
    "[\"v2Checkpoint\"],\"writerFeatures\":[\"v2Checkpoint\"]}}\n"
#define J_METADATA \
    "{\"metaData\":{\"id\":\"m\",\"schemaString\":\"{}\",\"partitionColumns\":[\"p\"]}}\n"
#define J_TXN "{\"txn\":{\"appId\":\"x\",\"version\":4}}\n"
#define J_DOMAIN \
    "{\"domainMetadata\":{\"domain\":\"d\",\"configuration\":\"\",\"removed\":false}}\n"
#define J_HEAD J_V2 J_PROTOCOL J_METADATA J_TXN J_DOMAIN
#define J_ADD(path)                                                                    \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{\"p\":\"1\"},\"size\":10,"   \
    "\"modificationTime\":1,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":3}\"," \
    "\"tags\":{\"t\":\"u\"}}}\n"
#define P_HEAD                                                                                  \
    P_V2 AND P_PROTOCOL AND P_METADATA AND                                                      \
        "SELECT {\"appId\": 'x', version: 4::BIGINT, \"lastUpdated\": NULL::BIGINT} AS txn" AND \
        "SELECT {domain: 'd', configuration: '', removed: false} AS \"domainMetadata\""

static void json_with_sidecars(void **state)
{
    (void)state;
    int64_t a = put_parquet(SIDECAR("a b.parquet"), P_ADD("a") AND P_REMOVE("r"));
    put_parquet(SIDECAR("b.parquet"), P_ADD("b"));
    put(JSON_KEY, silt_arena_printf(arena,
                                    J_HEAD "{\"sidecar\":{\"path\":\"a%%20b.parquet\","
                                           "\"sizeInBytes\":%" PRId64 "}}\n"
                                           "{\"sidecar\":{\"path\":\"file:/once/_delta_log/"
                                           "_sidecars/b.parquet\"}}",
                                    a));
    assert_v2_state(JSON_KEY);
    assert_v2_files(JSON_KEY);
}

static void json_with_adds_in_it(void **state)
{
    (void)state;
    put(JSON_KEY, J_HEAD J_ADD("a") "\n" J_ADD("b") "{\"remove\":{\"path\":\"r\","
                                                    "\"deletionTimestamp\":7}}\n"
                                                    "{\"remove\":{\"path\":\"old\","
                                                    "\"deletionTimestamp\":6}}\n");
    assert_v2_state(JSON_KEY);
    assert_v2_files(JSON_KEY);
}

static void parquet_with_sidecars(void **state)
{
    (void)state;
    const char *const keys[] = {PARQUET_KEY, silt_log_checkpoint_key(arena, 5)};
    for (size_t i = 0; i < SILT_COUNT(keys); i++) {
        int64_t a = put_parquet(SIDECAR("a.parquet"), P_ADD("a") AND P_REMOVE("r"));
        put_parquet(SIDECAR("b.parquet"), P_ADD("b"));
        put_parquet(keys[i], silt_arena_printf(
                                 arena,
                                 P_HEAD AND "SELECT {path: 'a.parquet', \"sizeInBytes\": %" PRId64
                                            "::BIGINT} AS sidecar" AND
                                            "SELECT {path: '/x/_delta_log/_sidecars/b.parquet', "
                                            "\"sizeInBytes\": NULL::BIGINT} AS sidecar",
                                 a));
        assert_v2_state(keys[i]);
        assert_v2_files(keys[i]);
    }
}

static void parquet_with_adds_in_it(void **state)
{
    (void)state;
    put_parquet(PARQUET_KEY, P_HEAD AND P_ADD("a") AND P_ADD("b") AND P_REMOVE("r"));
    assert_v2_state(PARQUET_KEY);
    assert_v2_files(PARQUET_KEY);
}

typedef struct shown {
    size_t count;
    const char *text;
} shown;

static silt_status show(void *ctx, size_t index, const silt_add *add, silt_error *e)
{
    shown *s = ctx;
    if (index != s->count++) return silt_fail(e, SILT_FAILED, "index %zu", index);
    s->text = silt_arena_printf(arena, "%s%s=%s ", s->text, add->path, add->stats);
    return SILT_OK;
}

static silt_status refuse(void *ctx, size_t index, const silt_add *add, silt_error *e)
{
    (void)ctx, (void)add;
    return index < 2 ? SILT_OK : silt_fail(e, SILT_CONFLICT, "enough");
}

/* In the list's order, and not kept, whatever the form. */
static void stats_are_shown_without_being_kept(void **state)
{
    (void)state;
    put_parquet(PARQUET_KEY, P_HEAD AND P_ADD("a") AND P_ADD("b") AND
                "SELECT {path: 'n', size: 1::BIGINT} AS add");
    put(JSON_KEY, J_HEAD J_ADD("a") J_ADD("b") "{\"add\":{\"path\":\"n\",\"size\":1}}\n");
    put_commit(6, REMOVE("a") ADD("c") "{\"add\":{\"path\":\"d\",\"size\":1,\"stats\":"
                                       "\"{}\"}}\n");
    const char *const keys[] = {PARQUET_KEY, JSON_KEY};
    for (size_t i = 0; i < SILT_COUNT(keys); i++) {
        shown s = {0, ""};
        silt_log_files files = {0};
        silt_log_segment segment = over(keys[i], 6);
        assert_ok(silt_log_files_show(store, engine, &segment, show, &s, arena, &files, &err));
        assert_string_equal(s.text, "c=(null) d={} b={\"numRecords\":3} n=(null) ");
        assert_string_equal(paths_of(files), "c d b n ");
        assert_null(files.items[2].stats);
        assert_status(
            silt_log_files_show(store, engine, &segment, refuse, NULL, arena, &files, &err),
            SILT_CONFLICT);
        assert_contains(err.message, "enough");
    }
}

/* ---- sidecars at fault */

static void assert_sidecar_told(const char *member, silt_status status, const char *words)
{
    silt_log_files files;
    silt_log_state s;
    put(JSON_KEY, silt_arena_printf(arena, J_HEAD "{\"sidecar\":{%s}}\n", member));
    err = (silt_error){0};
    assert_status(load(JSON_KEY, &files), status);
    assert_contains(err.message, words);
    assert_contains(err.message, "checkpoint 5");
    assert_ok(load_state(JSON_KEY, &s)); /* which needs none */
}

static void sidecars_at_fault_are_told(void **state)
{
    (void)state;
    put(SIDECAR("garbage.parquet"), "this is text, and long enough to have a footer");
    put_parquet(SIDECAR("good.parquet"), P_ADD("a"));
    put_parquet(SIDECAR("typed.parquet"), "SELECT {path: 7, size: 10::BIGINT} AS add");
    assert_sidecar_told("\"path\":\"none.parquet\"", SILT_NOT_FOUND, "none.parquet");
    assert_sidecar_told("\"path\":\"garbage.parquet\"", SILT_CORRUPT, "garbage.parquet");
    assert_sidecar_told("\"path\":\"typed.parquet\"", SILT_CORRUPT, "typed.parquet");
    assert_sidecar_told("\"path\":\"good.parquet\",\"sizeInBytes\":1", SILT_CORRUPT,
                        "good.parquet has");
    assert_sidecar_told("\"path\":\"../x.parquet\"", SILT_CORRUPT, "leads out");
    assert_sidecar_told("\"path\":\"/x/..\"", SILT_CORRUPT, "leads out");
    assert_sidecar_told("\"path\":\"\"", SILT_CORRUPT, "names no file");
    assert_sidecar_told("\"sizeInBytes\":1", SILT_CORRUPT, "sidecar.path");
    assert_sidecar_told("\"path\":5", SILT_CORRUPT, "sidecar.path");
}

/* ---- statistics as columns */

#define P_STATS(stats) "SELECT {path: 'a', size: 1::BIGINT, stats_parsed: " stats "} AS add"

static void assert_stats(const char *sql, const char *expected)
{
    silt_log_files files = {0};
    put_parquet(PARQUET_KEY, silt_arena_printf(arena, P_PROTOCOL AND "%s", sql));
    assert_ok(load(PARQUET_KEY, &files));
    assert_int_equal(files.count, 1);
    if (expected)
        assert_string_equal(files.items[0].stats, expected);
    else
        assert_null(files.items[0].stats);
}

static void stats_are_made_of_columns(void **state)
{
    (void)state;
    assert_stats(P_STATS("{\"numRecords\": 3::BIGINT, \"minValues\": {i: -5::INT, \"q\"\"'.\": "
                         "'x\"\\\xc3\xa9', none: NULL::INT}, \"nullCount\": {i: 0::BIGINT}, "
                         "\"tightBounds\": true}"),
                 "{\"numRecords\":3,\"minValues\":{\"i\":-5,\"q\\\"'.\":\"x\\\"\\\\\xc3\xa9\"},"
                 "\"nullCount\":{\"i\":0},\"tightBounds\":true}");
    assert_stats(P_STATS("{m: {d: DATE '2020-02-29', t: TIMESTAMPTZ '2020-01-02 03:04:05.000678Z', "
                         "n: TIMESTAMP '1969-12-31 23:59:59.5'}}"),
                 "{\"m\":{\"d\":\"2020-02-29\",\"t\":\"2020-01-02T03:04:05.000678Z\","
                 "\"n\":\"1969-12-31T23:59:59.500000\"}}");
    assert_stats(
        P_STATS("{m: {a: 0.50::DECIMAL(2,2), b: -0.5::DECIMAL(1,1), c: "
                "12345678901234567890123456789012.345678::DECIMAL(38,6), d: -1.25::DOUBLE, e: "
                "1e300::DOUBLE, f: 'nan'::DOUBLE, g: 'inf'::FLOAT, h: 0.5::FLOAT}}"),
        "{\"m\":{\"a\":0.50,\"b\":-0.5,\"c\":12345678901234567890123456789012.345678,"
        "\"d\":-1.25,\"e\":1e+300,\"h\":0.5}}");
    assert_stats(P_STATS("{m: {b: 'x'::BLOB, l: [1], s: {t: {u: 1}}, z: NULL::STRUCT(a INT)}}"),
                 "{\"m\":{\"s\":{\"t\":{\"u\":1}},\"z\":{}}}");
    assert_stats(P_STATS("NULL::STRUCT(\"numRecords\" BIGINT)"), NULL);
}

/* Thousands of columns, and structs that are deeper than anybody's statistics go. */
static void stats_may_be_wide_and_deep(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_buf) expected = {0};
    silt_buf_puts(&sql, "SELECT {path: 'a', size: 1::BIGINT, stats_parsed: {m: {");
    silt_buf_puts(&expected, "{\"m\":{");
    for (int i = 0; i < 1000; i++) {
        silt_buf_printf(&sql, "%sc%d: %d", i ? ", " : "", i, i);
        silt_buf_printf(&expected, "%s\"c%d\":%d", i ? "," : "", i, i);
    }
    silt_buf_puts(&sql, "}, ");
    silt_buf_puts(&expected, "},");
    for (int i = 0; i < 40; i++)
        silt_buf_puts(&sql, "d: {");
    silt_buf_puts(&sql, "d: 1");
    for (int i = 0; i < 40; i++)
        silt_buf_puts(&sql, "}");
    for (int i = 0; i < 31; i++)
        silt_buf_puts(&expected, "\"d\":{");
    silt_buf_puts(&expected, "\"d\":{}");
    for (int i = 0; i < 31; i++)
        silt_buf_puts(&expected, "}");
    silt_buf_puts(&sql, "}} AS add");
    silt_buf_puts(&expected, "}");
    assert_stats(sql.data, expected.data);
}

static void stats_as_text_go_before_columns(void **state)
{
    (void)state;
    assert_stats("SELECT {path: 'a', size: 1::BIGINT, stats: '{}', stats_parsed: {n: 1}} AS add",
                 "{}");
    assert_stats("SELECT {path: 'a', size: 1::BIGINT, stats: NULL::VARCHAR, stats_parsed: {n: 1}} "
                 "AS add",
                 "{\"n\":1}");
}

/* ---- old writers, broken files */

static void columns_may_be_absent(void **state)
{
    (void)state;
    silt_log_files files = {0};
    put_parquet(PARQUET_KEY, P_PROTOCOL AND "SELECT {path: 'a', size: 1} AS add");
    assert_ok(load(PARQUET_KEY, &files));
    assert_string_equal(paths_of(files), "a ");
    const silt_add *add = &files.items[0];
    assert_null(add->stats);
    assert_null(add->tags);
    assert_null(add->dv);
    assert_int_equal(add->partition_values.count, 0);
    assert_int_equal(add->base_row_id, -1);
}

/* More of them than are remembered. */
static void a_partition_a_file(void **state)
{
    (void)state;
    silt_log_files files = {0};
    put_parquet(PARQUET_KEY,
                "SELECT {path: 'f' || i, size: 1::BIGINT, \"partitionValues\": MAP {'p': "
                "i::VARCHAR}} AS add, NULL::STRUCT(id VARCHAR) AS \"metaData\" FROM range(150000) "
                "t(i)" AND P_PROTOCOL);
    assert_ok(load(PARQUET_KEY, &files));
    assert_int_equal(files.count, 150000);
    for (size_t i = 0; i < files.count; i++)
        assert_string_equal(files.items[i].path + 1,
                            files.items[i].partition_values.items[0].value);
}

static void assert_told(const char *key, silt_status status, const char *words)
{
    silt_log_files files;
    err = (silt_error){0};
    assert_status(load(key, &files), status);
    assert_contains(err.message, words);
    assert_contains(err.message, UUID);
}

static void broken_files_are_told(void **state)
{
    (void)state;
    put_parquet(PARQUET_KEY, P_PROTOCOL AND "SELECT {path: 7, size: 1} AS add");
    assert_told(PARQUET_KEY, SILT_CORRUPT, "add.path");
    put_parquet(PARQUET_KEY, P_PROTOCOL AND "SELECT {path: 'a', size: 'big'} AS add");
    assert_told(PARQUET_KEY, SILT_CORRUPT, "add.size");
    put_parquet(PARQUET_KEY, P_PROTOCOL AND "SELECT {path: 'a', size: 1, \"partitionValues\": 1} "
                                            "AS add");
    assert_told(PARQUET_KEY, SILT_CORRUPT, "add.partitionValues");
    put_parquet(PARQUET_KEY, P_PROTOCOL AND "SELECT {path: 'a', size: NULL::BIGINT} AS add");
    assert_told(PARQUET_KEY, SILT_CORRUPT, "no size");
    put_parquet(PARQUET_KEY, P_PROTOCOL AND "SELECT {path: 'a' || chr(0), size: 1} AS add");
    assert_told(PARQUET_KEY, SILT_CORRUPT, "NUL");
    put_parquet(PARQUET_KEY, P_PROTOCOL AND "SELECT {path: 'a', size: 1, \"partitionValues\": "
                                            "MAP {'p': 1}} AS add");
    assert_told(PARQUET_KEY, SILT_CORRUPT, "partitionValues");
    put_parquet(PARQUET_KEY, "SELECT {path: 'a', size: 1} AS add LIMIT 0");
    assert_told(PARQUET_KEY, SILT_CORRUPT, "no actions");
    put_parquet(PARQUET_KEY, "SELECT 1 AS other");
    assert_told(PARQUET_KEY, SILT_CORRUPT, "no actions");
    put(PARQUET_KEY, "");
    assert_told(PARQUET_KEY, SILT_CORRUPT, "");
    put(JSON_KEY, "\n \n");
    assert_told(JSON_KEY, SILT_CORRUPT, "empty");
    put(JSON_KEY, J_HEAD "garbage\n" J_ADD("a"));
    assert_told(JSON_KEY, SILT_CORRUPT, "line 6");
    put(JSON_KEY, J_HEAD J_ADD("a") "{\"add\":{\"path\":\"b\",\"size\":99999999999999999999}}\n");
    assert_told(JSON_KEY, SILT_CORRUPT, "line 7");
}

static void two_protocols_must_agree(void **state)
{
    (void)state;
    silt_log_state s;
    put(JSON_KEY, J_HEAD J_PROTOCOL J_METADATA);
    assert_ok(load_state(JSON_KEY, &s));
    put(JSON_KEY, J_HEAD PROTOCOL);
    assert_status(load_state(JSON_KEY, &s), SILT_CORRUPT);
    assert_contains(err.message, "two protocol");
    put(JSON_KEY, J_HEAD METADATA);
    assert_status(load_state(JSON_KEY, &s), SILT_CORRUPT);
    assert_contains(err.message, "two metaData");
    put_parquet(PARQUET_KEY, P_HEAD AND "SELECT {minReaderVersion: 1, minWriterVersion: 2} AS "
                                        "protocol");
    assert_status(load_state(PARQUET_KEY, &s), SILT_CORRUPT);
    assert_contains(err.message, "two protocol");
    put_parquet(PARQUET_KEY, P_METADATA AND "SELECT {minReaderVersion: 4e9::BIGINT, "
                                            "minWriterVersion: 2::BIGINT} AS protocol");
    assert_status(load_state(PARQUET_KEY, &s), SILT_CORRUPT);
    assert_contains(err.message, "4000000000");
}

/* Cut off anywhere, or with a byte turned around: an error or the same files, never more. */
static void no_damage_goes_further(void **state)
{
    (void)state;
    silt_bytes whole;
    silt_log_files files;
    silt_log_state s;
    put_parquet(PARQUET_KEY, P_HEAD AND P_ADD("a") AND P_ADD("b"));
    assert_ok(silt_store_get_all(store, PARQUET_KEY, arena, &whole, &err));
    for (size_t cut = 0; cut < whole.size; cut += 97) {
        silt_bytes part = {whole.data, cut};
        assert_ok(store->ops->put(store, PARQUET_KEY, part, &err));
        assert_status(load(PARQUET_KEY, &files), SILT_CORRUPT);
        assert_contains(err.message, UUID);
    }
    char *copy = silt_arena_strndup(arena, whole.data, whole.size);
    for (size_t at = 0; at < whole.size; at += 41) {
        copy[at] = (char)~copy[at];
        silt_bytes damaged = {copy, whole.size};
        assert_ok(store->ops->put(store, PARQUET_KEY, damaged, &err));
        (void)load_state(PARQUET_KEY, &s);
        if (load(PARQUET_KEY, &files) == SILT_OK) assert_true(files.count <= 2);
        copy[at] = (char)~copy[at];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(json_with_sidecars),
        TEST(json_with_adds_in_it),
        TEST(parquet_with_sidecars),
        TEST(parquet_with_adds_in_it),
        TEST(stats_are_shown_without_being_kept),
        TEST(sidecars_at_fault_are_told),
        TEST(stats_are_made_of_columns),
        TEST(stats_may_be_wide_and_deep),
        TEST(stats_as_text_go_before_columns),
        TEST(columns_may_be_absent),
        TEST(a_partition_a_file),
        TEST(broken_files_are_told),
        TEST(two_protocols_must_agree),
        TEST(no_damage_goes_further),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
