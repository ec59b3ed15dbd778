/* Pairs of commits: one of ours, and one that came in between. Who stands against whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "support/table.h"
#include "table/expr.h"

static void assert_ok(silt_status st, const silt_error *err)
{
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), err->message);
}

/* The commits of a store, by version: what each commitInfo says. */
static const silt_json *commit_info(silt_store *store, int64_t version, silt_arena *arena)
{
    silt_commit_info info;
    silt_error err = {0};
    const silt_json *json;
    assert_ok(silt_log_commit_info(store, version, arena, &info, &err), &err);
    assert_ok(silt_json_parse(silt_bytes_of(info.json), arena, &json, &err), &err);
    return json;
}

/* ---- pairs: a commit of ours, and one that came in between */

typedef enum outcome { GOES, STOPS, MOVED } outcome;

typedef struct pair_case {
    const char *name;
    const char *theirs; /* lines of version 2 */
    silt_read_kind read;
    bool removes_a, rearranges;
    outcome outcome;
    const char *says;  /* part of the conflict; NULL: not looked at */
    const char *where; /* WHERE */
    silt_isolation isolation;
    const char *property; /* of the table; NULL: none */
    bool by_day;          /* the table's partitions: a and ours are of "mon", b of "tue" */
    bool metadata;        /* ours sets metadata */
    const char *domain;   /* that ours sets; NULL: none */
    bool deletes_in_a;    /* ours gives a another deletion vector, instead of removing it */
    const char *then;     /* lines of version 3; NULL: none */
    bool tells_a_anew;    /* ours adds a once more as it is */
    bool keys_in_b;       /* KEYS: those of ours are some that b has, else none has them */
} pair_case;

#define ADD(path, min, max, change)                                                             \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1," \
    "\"dataChange\":" change                                                                    \
    ",\"stats\":\"{\\\"numRecords\\\":9,\\\"minValues\\\":{\\\"id\\\":" min                     \
    "},\\\"maxValues\\\":{\\\"id\\\":" max "},\\\"nullCount\\\":{\\\"id\\\":0}}\"}}\n"
#define ADD_BARE                                                                         \
    "{\"add\":{\"path\":\"x\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1," \
    "\"dataChange\":true}}\n"
#define REMOVE(path, change) \
    "{\"remove\":{\"path\":\"" path "\",\"deletionTimestamp\":1,\"dataChange\":" change "}}\n"
#define INFO "{\"commitInfo\":{\"operation\":\"OPTIMIZE\",\"engineInfo\":\"other/1\"}}\n"
#define META                                                                                       \
    "{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"            \
    "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":[]" \
    ","                                                                                            \
    "\"configuration\":{}}}\n"
#define PROTOCOL   "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
#define APP(id, v) "{\"txn\":{\"appId\":\"" id "\",\"version\":" v "}}\n"

#define BLIND   "{\"commitInfo\":{\"operation\":\"WRITE\",\"isBlindAppend\":true}}\n"
#define UNBLIND "{\"commitInfo\":{\"operation\":\"WRITE\",\"isBlindAppend\":false}}\n"
#define DOMAIN(name)                                                                            \
    "{\"domainMetadata\":{\"domain\":\"" name "\",\"configuration\":\"{}\",\"removed\":false}}" \
    "\n"
#define DV(n)                                                           \
    "\"deletionVector\":{\"storageType\":\"i\",\"pathOrInlineDv\":\"" n \
    "\",\"sizeInBytes\":40,\"cardinality\":1}"
#define ADD_DV(path, n)                                                                         \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1," \
    "\"dataChange\":true," DV(n) ",\"stats\":\"{\\\"numRecords\\\":10}\"}}\n"
#define ADD_ID(path, id)                                                                        \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1," \
    "\"dataChange\":false,\"baseRowId\":" id ",\"defaultRowCommitVersion\":2}}\n"
#define ADD_DAY(path, day)                                                                  \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{\"day\":\"" day "\"},\"size\":1," \
    "\"modificationTime\":1,\"dataChange\":true}}\n"
#define REMOVE_DAY(path, day)                                                         \
    "{\"remove\":{\"path\":\"" path "\",\"deletionTimestamp\":1,\"dataChange\":true," \
    "\"extendedFileMetadata\":true,\"partitionValues\":{\"day\":\"" day "\"},\"size\":1}}\n"

/* Ours has app txn (app, 5), reads keys 100…200 where it reads keys, and removes the file "a" where
 * it says so. */
static const pair_case pairs[] = {
    {"append, append", ADD("x", "0", "9", "true"), SILT_READ_NOTHING, false, false,
     .outcome = GOES},
    {"append, delete", REMOVE("a", "true"), SILT_READ_NOTHING, false, false, .outcome = GOES},
    {"append, optimize", REMOVE("a", "false") ADD("x", "0", "9", "false"), SILT_READ_NOTHING, false,
     false, .outcome = GOES},
    {"append, metadata", INFO META, SILT_READ_NOTHING, false, false, .outcome = STOPS,
     .says = "version 2 (OPTIMIZE by other/1) changed the table's schema or properties"},
    {"append, protocol", PROTOCOL, SILT_READ_NOTHING, false, false, .outcome = STOPS,
     .says = "protocol"},
    {"append, other app", APP("other", "9"), SILT_READ_NOTHING, false, false, .outcome = GOES},
    {"append, our app later", APP("app", "9"), SILT_READ_NOTHING, false, false, .outcome = MOVED},
    {"append, our app same", APP("app", "5"), SILT_READ_NOTHING, false, false, .outcome = MOVED},
    {"append, our app before", APP("app", "1"), SILT_READ_NOTHING, false, false, .outcome = MOVED},
    {"append, our app and metadata", META APP("app", "9"), SILT_READ_NOTHING, false, false,
     .outcome = MOVED},
    {"append, commitInfo only", INFO, SILT_READ_NOTHING, false, false, .outcome = GOES},
    {"append, unknown action", "{\"surprise\":{\"a\":1}}\n", SILT_READ_NOTHING, false, false,
     .outcome = GOES},
    {"append, domain",
     "{\"domainMetadata\":{\"domain\":\"d\",\"configuration\":\"\","
     "\"removed\":false}}\n",
     SILT_READ_NOTHING, false, false, .outcome = GOES},
    {"upsert, other keys", ADD("x", "201", "300", "true"), SILT_READ_KEYS, true, false,
     .outcome = GOES},
    {"upsert, our keys", INFO ADD("x", "200", "300", "true"), SILT_READ_KEYS, true, false,
     .outcome = STOPS, .says = "wrote rows that may have keys of ours: x"},
    {"upsert, no stats", ADD_BARE, SILT_READ_KEYS, true, false, .outcome = STOPS, .says = "x"},
    {"upsert, our keys moved", ADD("x", "100", "300", "false"), SILT_READ_KEYS, true, false,
     .outcome = GOES},
    {"upsert, our file removed", REMOVE("a", "true"), SILT_READ_KEYS, true, false, .outcome = STOPS,
     .says = "removed files that ours replaces: a"},
    {"upsert, our file moved", REMOVE("a", "false") ADD("x", "0", "9", "false"), SILT_READ_KEYS,
     true, false, .outcome = STOPS, .says = "removed files that ours replaces: a"},
    {"upsert, our file by another spelling", REMOVE("%61", "true"), SILT_READ_KEYS, true, false,
     .outcome = STOPS, .says = "ours replaces"},
    {"upsert, another file removed", REMOVE("b", "true"), SILT_READ_KEYS, true, false,
     .outcome = GOES},
    {"upsert, another file of our keys removed", REMOVE("b", "true"), SILT_READ_KEYS, true, false,
     .outcome = STOPS, .says = "removed files that ours read: b", .keys_in_b = true},
    {"upsert, another file of our keys moved", REMOVE("b", "false") ADD("x", "10", "19", "false"),
     SILT_READ_KEYS, true, false, .outcome = GOES, .keys_in_b = true},
    {"overwrite, append", ADD("x", "0", "9", "true"), SILT_READ_TABLE, true, false,
     .outcome = STOPS, .says = "changed rows"},
    {"overwrite, delete", REMOVE("b", "true"), SILT_READ_TABLE, true, false, .outcome = STOPS,
     .says = "rows"},
    {"overwrite, optimize of others", REMOVE("b", "false") ADD("x", "0", "9", "false"),
     SILT_READ_TABLE, true, false, .outcome = GOES},
    {"swap, anything", INFO, SILT_READ_LOG, false, false, .outcome = STOPS, .says = "came first"},
    {"swap, our app", APP("app", "9"), SILT_READ_LOG, false, false, .outcome = MOVED},
    {"optimize, append", ADD("x", "0", "9", "true"), SILT_READ_TABLE, true, true, .outcome = GOES},
    {"optimize, our file removed", REMOVE("a", "true"), SILT_READ_TABLE, true, true,
     .outcome = STOPS, .says = "a"},
    {"optimize, another file removed", REMOVE("b", "true"), SILT_READ_TABLE, true, true,
     .outcome = GOES},

    /* blind appends of others, by the level of isolation */
    {"overwrite, blind append", BLIND ADD("x", "0", "9", "true"), SILT_READ_TABLE, true, false,
     .outcome = GOES},
    {"overwrite, blind append, serializable", BLIND ADD("x", "0", "9", "true"), SILT_READ_TABLE,
     true, false, .outcome = STOPS, .says = "changed rows of the table that ours read: x",
     .isolation = SILT_SERIALIZABLE},
    {"overwrite, blind append, serializable by property", BLIND ADD("x", "0", "9", "true"),
     SILT_READ_TABLE, true, false, .outcome = STOPS, .says = "x",
     .property = "delta.isolationLevel=Serializable"},
    {"overwrite, append, snapshots by property", ADD("x", "0", "9", "true"), SILT_READ_TABLE, true,
     false, .outcome = GOES, .property = "delta.isolationLevel=SnapshotIsolation"},
    {"overwrite, blind append, a level of the future", BLIND ADD("x", "0", "9", "true"),
     SILT_READ_TABLE, true, false, .outcome = STOPS, .says = "x",
     .property = "delta.isolationLevel=Strictest"},
    {"overwrite, append that read", UNBLIND ADD("x", "0", "9", "true"), SILT_READ_TABLE, true,
     false, .outcome = STOPS, .says = "changed rows"},
    {"overwrite, blind append that removed", BLIND REMOVE("b", "true") ADD("x", "0", "9", "true"),
     SILT_READ_TABLE, true, false, .outcome = STOPS, .says = "changed rows"},
    {"overwrite, append, snapshots", ADD("x", "0", "9", "true"), SILT_READ_TABLE, true, false,
     .outcome = GOES, .isolation = SILT_SNAPSHOT_ISOLATION},
    {"overwrite, delete, snapshots", REMOVE("b", "true"), SILT_READ_TABLE, true, false,
     .outcome = STOPS, .says = "changed rows", .isolation = SILT_SNAPSHOT_ISOLATION},
    {"new schema, blind append", BLIND ADD("x", "0", "9", "true"), SILT_READ_TABLE, false, false,
     .outcome = STOPS, .says = "changed rows", .metadata = true},
    {"new schema of nothing read, blind append", BLIND ADD("x", "0", "9", "true"),
     SILT_READ_NOTHING, false, false, .outcome = GOES, .metadata = true},
    {"new schema, new schema", META, SILT_READ_NOTHING, false, false, .outcome = STOPS,
     .says = "schema", .metadata = true},
    {"upsert, blind append of our keys", BLIND ADD("x", "200", "300", "true"), SILT_READ_KEYS, true,
     false, .outcome = STOPS, .says = "keys of ours: x"},
    {"upsert, our keys, snapshots", ADD("x", "200", "300", "true"), SILT_READ_KEYS, true, false,
     .outcome = STOPS, .says = "keys of ours: x", .isolation = SILT_SNAPSHOT_ISOLATION},

    /* conditions */
    {"where, other rows", ADD("x", "50", "99", "true"), SILT_READ_WHERE, false, false,
     .outcome = GOES, .where = "id >= 100"},
    {"where, our rows", ADD("x", "50", "100", "true"), SILT_READ_WHERE, false, false,
     .outcome = STOPS, .says = "wrote rows that may meet the condition of ours: x",
     .where = "id >= 100"},
    {"where, our rows blindly", BLIND ADD("x", "50", "100", "true"), SILT_READ_WHERE, false, false,
     .outcome = GOES, .where = "id >= 100"},
    {"where, our rows blindly, serializable", BLIND ADD("x", "50", "100", "true"), SILT_READ_WHERE,
     false, false, .outcome = STOPS, .says = "condition", .where = "id >= 100",
     .isolation = SILT_SERIALIZABLE},
    {"where, no stats", ADD_BARE, SILT_READ_WHERE, false, false, .outcome = STOPS, .says = "x",
     .where = "id = 7"},
    {"where, our rows moved", ADD("x", "50", "100", "false"), SILT_READ_WHERE, false, false,
     .outcome = GOES, .where = "id >= 100"},
    {"where, a file that we read was removed", REMOVE("b", "true"), SILT_READ_WHERE, false, false,
     .outcome = STOPS, .says = "removed files that ours read: b", .where = "id = 12"},
    {"where, a file that we read was removed, snapshots", REMOVE("b", "true"), SILT_READ_WHERE,
     false, false, .outcome = STOPS, .says = "read: b", .where = "id = 12",
     .isolation = SILT_SNAPSHOT_ISOLATION},
    {"where, a file that we didn't read was removed", REMOVE("b", "true"), SILT_READ_WHERE, false,
     false, .outcome = GOES, .where = "id = 3"},
    {"where, a file of another spelling that we read was removed", REMOVE("%62", "true"),
     SILT_READ_WHERE, false, false, .outcome = STOPS, .says = "read", .where = "id = 12"},
    {"where, a file that came after us was removed", REMOVE("later", "true"), SILT_READ_WHERE,
     false, false, .outcome = GOES, .where = "id = 12"},
    {"where, a file that we read was rewritten", REMOVE("b", "false") ADD("x", "10", "19", "false"),
     SILT_READ_WHERE, false, false, .outcome = GOES, .where = "id = 12"},
    {"where, a file that we read was moved, then removed",
     REMOVE("b", "false") ADD("moved", "10", "19", "false"), SILT_READ_WHERE, false, false,
     .outcome = STOPS,
     .says = "version 3 (an unnamed operation by an unnamed writer) removed files that ours read: "
             "moved",
     .where = "id = 12", .then = REMOVE("moved", "true")},
    {"where, a file that we didn't read was moved, then removed",
     REMOVE("b", "false") ADD("moved", "10", "19", "false"), SILT_READ_WHERE, false, false,
     .outcome = GOES, .where = "id = 3", .then = REMOVE("moved", "true")},
    {"where, our partition", ADD_DAY("x", "mon"), SILT_READ_WHERE, false, false, .outcome = STOPS,
     .says = "x", .where = "day = 'mon'", .by_day = true},
    {"where, another partition", ADD_DAY("x", "tue"), SILT_READ_WHERE, false, false,
     .outcome = GOES, .where = "day = 'mon'", .by_day = true},
    {"where, removed of another partition", REMOVE_DAY("b", "tue"), SILT_READ_WHERE, false, false,
     .outcome = GOES, .where = "day = 'mon'", .by_day = true},
    {"where, removed of our partition", REMOVE_DAY("a", "mon"), SILT_READ_WHERE, false, false,
     .outcome = STOPS, .says = "read: a", .where = "day = 'mon'", .by_day = true},

    /* deletion vectors, files told anew */
    {"delete in a file, removed", REMOVE("a", "true"), SILT_READ_KEYS, false, false,
     .outcome = STOPS, .says = "removed files that ours replaces: a", .deletes_in_a = true},
    {"delete in a file, delete in it", REMOVE("a", "true") ADD_DV("a", "x"), SILT_READ_NOTHING,
     false, false, .outcome = STOPS, .says = "removed files that ours replaces: a",
     .deletes_in_a = true},
    {"delete in a file, delete in another", REMOVE("b", "true") ADD_DV("b", "x"), SILT_READ_NOTHING,
     false, false, .outcome = GOES, .deletes_in_a = true},
    {"delete in a file, optimized", REMOVE("a", "false") ADD("x", "0", "9", "false"),
     SILT_READ_NOTHING, false, false, .outcome = STOPS, .says = "replaces: a",
     .deletes_in_a = true},
    {"optimize, delete in a file of it", REMOVE("a", "true") ADD_DV("a", "x"), SILT_READ_NOTHING,
     true, true, .outcome = STOPS, .says = "replaces: a"},
    {"optimize, optimize of the same", REMOVE("a", "false") ADD("x", "0", "9", "false"),
     SILT_READ_NOTHING, true, true, .outcome = STOPS, .says = "replaces: a"},
    {"delete in a file, row ids for it", ADD_ID("a", "40"), SILT_READ_NOTHING, false, false,
     .outcome = STOPS, .says = "gave row ids to files that ours changes: a", .deletes_in_a = true},
    {"a file told anew, removed", REMOVE("a", "true"), SILT_READ_NOTHING, false, true,
     .outcome = STOPS, .says = "removed files that ours tells anew: a", .tells_a_anew = true},
    {"a file told anew, row ids for it", ADD_ID("a", "40"), SILT_READ_NOTHING, false, true,
     .outcome = STOPS, .says = "gave row ids", .tells_a_anew = true},
    {"a file told anew, so is another", ADD_ID("b", "40"), SILT_READ_NOTHING, false, true,
     .outcome = GOES, .tells_a_anew = true},

    /* metadata domains */
    {"domain, the same", INFO DOMAIN("our.domain"), SILT_READ_NOTHING, false, false,
     .outcome = STOPS,
     .says = "version 2 (OPTIMIZE by other/1) set the metadata domain our.domain, as ours does",
     .domain = "our.domain"},
    {"domain, another", DOMAIN("their.domain"), SILT_READ_NOTHING, false, false, .outcome = GOES,
     .domain = "our.domain"},
    {"domain, row ids", DOMAIN("delta.rowTracking"), SILT_READ_NOTHING, false, false,
     .outcome = GOES, .domain = "our.domain"},
    {"domain, our app", DOMAIN("our.domain") APP("app", "9"), SILT_READ_NOTHING, false, false,
     .outcome = MOVED, .domain = "our.domain"},
};

/* A table with the files a and b. */
static silt_snapshot *make_table(const pair_case *c, silt_store *store, silt_add files[2])
{
    static const silt_pair mon[] = {{"day", "mon"}}, tue[] = {{"day", "tue"}};
    const char *const properties[] = {c->property, NULL};
    const char *const features[] = {"domainMetadata", NULL};
    if (c->domain)
        test_table_make_with(store, features, properties);
    else
        test_table_make(store, c->by_day, properties);
    if (c->by_day) files[0].partition_values = (silt_pairs){mon, 1};
    if (c->by_day) files[1].partition_values = (silt_pairs){tue, 1};
    SILT_AUTO(silt_snapshot) start = test_table_open(store);
    test_table_commit(start, NULL, files, 2, NULL, 0);
    return test_table_open(store);
}

static void fill(const pair_case *c, silt_txn *txn, const silt_add *a, silt_arena *arena)
{
    static const silt_dv dv = {'i', "our deletion vector ", -1, 40, 1, -1};
    silt_error err = {0};
    silt_add ours = test_table_file(arena, "ours", 100, 200), again = *a;
    ours.partition_values = a->partition_values;
    if (!c->deletes_in_a && !c->tells_a_anew) assert_ok(silt_txn_add(txn, &ours, &err), &err);
    if (c->deletes_in_a) again.dv = &dv;
    if (c->deletes_in_a || c->tells_a_anew) assert_ok(silt_txn_add(txn, &again, &err), &err);
    if (c->removes_a || c->deletes_in_a) assert_ok(silt_txn_remove(txn, a, true, &err), &err);
    if (c->domain) {
        silt_domain domain = {c->domain, "{}", false, NULL};
        assert_ok(silt_txn_set_domain(txn, &domain, &err), &err);
    }
    if (c->metadata) {
        silt_metadata metadata = {.id = "x",
                                  .format_provider = "parquet",
                                  .schema_json = TEST_SCHEMA,
                                  .created_time_ms = -1};
        assert_ok(silt_txn_set_metadata(txn, &metadata, &err), &err);
    }
}

static void run_pair(const pair_case *c)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    silt_error err = {0};
    silt_add first[] = {test_table_file(arena, "a", 0, 9), test_table_file(arena, "b", 10, 19)};
    SILT_AUTO(silt_snapshot) base = make_table(c, store, first);
    const silt_type *type;
    assert_ok(silt_type_parse("long", arena, &type, &err), &err);
    silt_key_range range = {"id", type, "100", "200", false};
    if (c->keys_in_b) range = (silt_key_range){"id", type, "12", "15", false};
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "MERGE";
    opts.app_id = "app";
    opts.app_version = 5;
    opts.read = c->read;
    opts.isolation = c->isolation;
    opts.rearranges = c->rearranges;
    opts.key_ranges = &range;
    opts.key_range_count = c->read == SILT_READ_KEYS;
    if (c->where)
        assert_ok(
            silt_expr_condition(c->where, silt_snapshot_schema(base), arena, &opts.where, &err),
            &err);
    SILT_AUTO(silt_txn) txn = NULL;
    assert_ok(silt_txn_new(base, &opts, &txn, &err), &err);
    fill(c, txn, &first[0], arena);
    int last = c->then ? 3 : 2;
    test_table_put(store, 2, c->theirs);
    if (c->then) test_table_put(store, 3, c->then);
    silt_txn_result result;
    silt_snapshot *after = NULL;
    assert_ok(silt_txn_commit(txn, &result, &after, &err), &err);
    silt_txn_outcome expected = c->outcome == GOES    ? SILT_TXN_COMMITTED
                                : c->outcome == STOPS ? SILT_TXN_CONFLICT
                                                      : SILT_TXN_APP_MOVED;
    if (result.outcome != expected)
        fail_msg("%s: outcome %d (%s)", c->name, (int)result.outcome, result.conflict);
    assert_int_equal(result.version, c->outcome == GOES ? last + 1 : last);
    if (c->says && !strstr(result.conflict, c->says)) fail_msg("%s: %s", c->name, result.conflict);
    bool written =
        silt_log_commit_info(store, last + 1, arena, &(silt_commit_info){0}, NULL) == SILT_OK;
    assert_int_equal(written, c->outcome == GOES);
    if (c->outcome == GOES) {
        assert_int_equal(result.attempts, 2);
        const silt_json *info = commit_info(store, last + 1, arena);
        assert_int_equal(silt_json_int(silt_json_get(silt_json_get(info, "silt"), "attempts"), 0),
                         2);
        assert_int_equal(silt_json_int(silt_json_get(info, "readVersion"), 0), last);
        SILT_AUTO(silt_snapshot) fresh = test_table_open(store);
        assert_string_equal(test_table_paths(after, arena), test_table_paths(fresh, arena));
    } else {
        assert_null(after);
    }
    silt_snapshot_free(after);
    silt_txn_free(SILT_TAKE(txn));
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

static void others_stand_against_us_where_they_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(pairs); i++)
        run_pair(&pairs[i]);
}

static void many_files_are_named_by_a_few(void **state)
{
    (void)state;
    pair_case c = {"many",
                   ADD("x1", "0", "500", "true") ADD("x2", "0", "500", "true")
                       ADD("x3", "0", "500", "true") ADD("x4", "0", "500", "true")
                           ADD("x5", "0", "500", "true"),
                   SILT_READ_KEYS,
                   true,
                   false,
                   .outcome = STOPS,
                   .says = "x1, x2, x3 and 2 more"};
    run_pair(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_stand_against_us_where_they_do),
        cmocka_unit_test(many_files_are_named_by_a_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
