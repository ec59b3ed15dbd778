/* Txns on tables with features: row ids, in-commit timestamps, domains, change feeds, clustering;
 * and what commits say of themselves. */
#include "table/txns.h"

/* ---- what a commit says of itself */

static void properties_are_members_of_commit_info(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    test_table_make(store, false, NULL);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    const silt_pair pairs[] = {{"job id", "7 \"quoted\""}, {"team", "data"}};
    const char *const keys[] = {"day", "id"};
    silt_txn_options opts = {.operation = "WRITE",
                             .properties = {pairs, 2},
                             .ordering_keys = {keys, 2},
                             .silt_info = "{\"schemaFingerprint\":\"mine\",\"run\":1}",
                             .runtime = {"duckdb", "v1.5.6", 4, 1000},
                             .retry = SILT_COMMIT_RETRY_INIT};
    finish(begin(base, &opts));
    const silt_json *info = info_of(store, 1, arena);
    assert_string_equal(silt_json_string(silt_json_get(info, "job id")), "7 \"quoted\"");
    assert_string_equal(silt_json_string(silt_json_get(info, "team")), "data");
    char fingerprint[SILT_SHA256_SIZE];
    assert_true(silt_schema_fingerprint(silt_snapshot_schema(base), fingerprint));
    assert_string_equal(
        silt_json_text(silt_json_get(info, "silt"), arena),
        silt_arena_printf(arena,
                          "{\"run\":1,\"schemaFingerprint\":\"%s\",\"orderingKeys\":[\"day\","
                          "\"id\"],\"runtimeProfile\":{\"engine\":\"duckdb\",\"version\":"
                          "\"v1.5.6\",\"threads\":4,\"memory_limit\":1000},\"attempts\":1}",
                          fingerprint));
    static const struct {
        silt_pair pairs[2];
        const char *says;
    } wrong[] = {
        {{{"operation", "x"}, {"a", "b"}}, "operation of its own"},
        {{{"TxnId", "x"}, {"a", "b"}}, "txnId of its own"},
        {{{"silt", "x"}, {"a", "b"}}, "silt of its own"},
        {{{"version", "x"}, {"a", "b"}}, "version of its own"},
        {{{"a", "x"}, {"A", "y"}}, "A is there twice"},
        {{{"", "x"}, {"a", "b"}}, "a name and a value"},
        {{{"a", NULL}, {"b", "b"}}, "a name and a value"},
    };
    for (size_t i = 0; i < SILT_COUNT(wrong); i++) {
        silt_txn *txn = NULL;
        opts.properties = (silt_pairs){wrong[i].pairs, 2};
        assert_status(silt_txn_new(base, &opts, &txn, &err), SILT_INVALID, wrong[i].says);
    }
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

static const char *fingerprint_of(const char *schema, silt_arena *arena)
{
    const silt_type *type;
    char *out = silt_arena_alloc(arena, SILT_SHA256_SIZE);
    assert_ok(silt_schema_parse(schema, strlen(schema), arena, &type, &err));
    assert_true(silt_schema_fingerprint(type, out));
    return out;
}

static void fingerprints_are_of_order_names_and_types(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
#define FIELD(name, type, metadata) \
    "{\"name\":\"" name "\",\"type\":\"" type "\",\"nullable\":true,\"metadata\":{" metadata "}}"
#define SCHEMA(fields) "{\"type\":\"struct\",\"fields\":[" fields "]}"
    const char *plain = SCHEMA(FIELD("a", "long", "") "," FIELD("b", "string", ""));
    /* that of the canonical text, which is this very one */
    char expected[SILT_SHA256_SIZE];
    silt_sha256_hex(silt_bytes_of(plain), expected);
    assert_string_equal(fingerprint_of(plain, arena), expected);
    assert_string_equal(fingerprint_of(SCHEMA(FIELD("a", "long", "\"comment\":\"x\"") ", " FIELD(
                                           "b", "string", "\"delta.columnMapping.id\":7")),
                                       arena),
                        expected);
    assert_string_not_equal(
        fingerprint_of(SCHEMA(FIELD("b", "string", "") "," FIELD("a", "long", "")), arena),
        expected);
    assert_string_not_equal(
        fingerprint_of(SCHEMA(FIELD("a", "integer", "") "," FIELD("b", "string", "")), arena),
        expected);
}

static void an_app_txn_is_found(void **state)
{
    (void)state;
    silt_store *store = silt_store_mem_new();
    test_table_make(store, false, NULL);
    for (int i = 0; i < 4; i++) {
        SILT_AUTO(silt_snapshot) base = test_table_open(store);
        silt_txn_options opts = {.app_id = i % 2 ? "other" : "app",
                                 .app_version = i * 10,
                                 .retry = SILT_COMMIT_RETRY_INIT};
        finish(begin(base, &opts));
        silt_snapshot_free(SILT_TAKE(base));
    }
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    static const struct {
        int64_t number, version;
    } cases[] = {{0, 1}, {20, 3}, {10, -1}, {30, -1}, {-5, -1}};
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        int64_t version;
        assert_ok(silt_app_txn_find(now, "app", cases[i].number, &version, &err));
        assert_int_equal(version, cases[i].version);
    }
    silt_snapshot_free(SILT_TAKE(now));
    silt_store_free(store);
}

/* ---- files */

static void one_file_is_told_once(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    test_table_make(store, false, NULL);
    silt_add a = test_table_file(arena, "a b", 0, 9), encoded = a, with_dv = a;
    static const silt_dv dv = {'u', "ab^-aqEH.-t@S}K{vb[*k^", 4, 40, 6, -1};
    encoded.path = "a%20b";
    with_dv.dv = &dv;
    SILT_AUTO(silt_snapshot) start = test_table_open(store);
    test_table_commit(start, NULL, &a, 1, NULL, 0);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    SILT_AUTO(silt_txn) txn = begin(base, NULL);
    assert_ok(silt_txn_add(txn, &a, &err));
    assert_status(silt_txn_add(txn, &encoded, &err), SILT_INVALID, "added twice");
    assert_status(silt_txn_remove(txn, &a, true, &err), SILT_INVALID, "added and removed");
    silt_txn_free(txn);
    txn = begin(base, NULL);
    assert_ok(silt_txn_remove(txn, &a, true, &err));
    assert_status(silt_txn_remove(txn, &encoded, true, &err), SILT_INVALID, "removed twice");
    silt_txn_free(txn);
    /* another deletion vector is another file: one goes, one comes, and the table has one */
    txn = begin(base, NULL);
    assert_ok(silt_txn_add(txn, &with_dv, &err));
    assert_ok(silt_txn_remove(txn, &a, true, &err));
    finish(SILT_TAKE(txn));
    size_t count;
    const silt_action *actions = commit_of(store, 2, arena, &count);
    assert_int_equal(count, 3);
    assert_int_equal(actions[1].kind, SILT_ACTION_REMOVE);
    assert_true(actions[1].remove.extended_metadata && !actions[1].remove.dv);
    assert_string_equal(actions[1].remove.stats, a.stats);
    assert_int_equal(actions[1].remove.size_bytes, 1000);
    assert_non_null(actions[2].add.dv);
    silt_bytes crc; /* one file as before */
    assert_ok(silt_store_get_all(store, silt_log_crc_key(arena, 2), arena, &crc, &err));
    assert_non_null(strstr(crc.data, "\"tableSizeBytes\":1000,\"numFiles\":1,"));
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    const silt_add *adds;
    assert_ok(silt_snapshot_adds(now, &adds, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(adds[0].dv->cardinality, 6);
    /* and the same with the removed one's vector named */
    txn = begin(now, NULL);
    assert_ok(silt_txn_remove(txn, &adds[0], true, &err));
    assert_ok(silt_txn_add(txn, &a, &err));
    finish(SILT_TAKE(txn));
    actions = commit_of(store, 3, arena, &count);
    assert_int_equal(actions[1].remove.dv->cardinality, 6);
    silt_snapshot_free(SILT_TAKE(now));
    silt_snapshot_free(SILT_TAKE(base));
    silt_snapshot_free(SILT_TAKE(start));
    silt_store_free(store);
}

static void a_change_feed_is_owed_its_files(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    test_table_make_with(store, all_features,
                         (const char *const[]){"delta.enableChangeDataFeed=true", NULL});
    silt_add a = test_table_file(arena, "a", 0, 9), b = test_table_file(arena, "b", 0, 9);
    static const silt_dv dv = {'i', "a deletion vector   ", -1, 40, 6, -1};
    SILT_AUTO(silt_snapshot) start = test_table_open(store);
    test_table_commit(start, NULL, &a, 1, NULL, 0);
    for (int i = 0; i < 6; i++) {
        SILT_AUTO(silt_snapshot) base = test_table_open(store);
        const silt_add *adds;
        size_t count;
        assert_ok(silt_snapshot_adds(base, &adds, &count, &err));
        silt_txn_options opts = {
            .rearranges = i == 1, .replaces_rows = i == 2, .retry = SILT_COMMIT_RETRY_INIT};
        silt_add *new_file = adds[0].path[0] == 'a' ? &b : &a;
        silt_txn *txn = begin(base, &opts);
        silt_add removed = adds[0];
        assert_ok(silt_txn_remove(txn, &removed, true, &err));
        silt_cdc cdc = {.path = "_change_data/c", .size_bytes = 3, .tags = "{\"k\":\"v\"}"};
        if (i != 4 && i != 5) assert_ok(silt_txn_add(txn, new_file, &err));
        if (i == 3) assert_ok(silt_txn_cdc(txn, &cdc, &err));
        silt_add less = removed;
        less.dv = &dv;
        if (i == 4) assert_ok(silt_txn_add(txn, &less, &err));
        if (i == 0)
            refuse(txn, "without cdc files");
        else
            assert_int_equal(finish(txn), i + 1);
        if (i == 3) {
            const silt_action *actions = commit_of(store, 4, arena, &count);
            const silt_action *last = &actions[count - 2]; /* row ids come behind it */
            assert_int_equal(last->kind, SILT_ACTION_CDC);
            assert_string_equal(last->cdc.path, "_change_data/c");
            assert_string_equal(last->cdc.tags, "{\"k\":\"v\"}");
            assert_int_equal(last->cdc.size_bytes, 3);
        }
        silt_snapshot_free(SILT_TAKE(base));
    }
    silt_snapshot_free(SILT_TAKE(start));
    silt_store_free(store);
}

static void domains_need_their_feature(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_domain domain = {"our.domain", "{\"a\":1}", false, NULL}, row_ids = domain;
    row_ids.domain = SILT_ROW_IDS_DOMAIN;
    for (int supported = 0; supported < 2; supported++) {
        silt_store *store = silt_store_mem_new();
        if (supported)
            test_table_make_with(store, all_features, NULL);
        else
            test_table_make(store, false, NULL);
        SILT_AUTO(silt_snapshot) base = test_table_open(store);
        silt_txn *txn = begin(base, NULL);
        assert_status(silt_txn_set_domain(txn, &row_ids, &err), SILT_INVALID,
                      "by the commits that give row ids");
        assert_ok(silt_txn_set_domain(txn, &domain, &err));
        domain.configuration = "{\"a\":2}"; /* the last word counts */
        assert_ok(silt_txn_set_domain(txn, &domain, &err));
        if (supported) {
            finish(txn);
            assert_string_equal(ids_of(store, 1, arena), "our.domain {\"a\":2}\n");
        } else {
            refuse(txn, "lacks the feature domainMetadata");
        }
        silt_snapshot_free(SILT_TAKE(base));
        silt_store_free(store);
    }
}

static void clustered_tables_want_statistics(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    static const struct {
        const char *columns;
        bool fits;
    } cases[] = {{"[[\"id\"]]", true},   {"[\"id\"]", true},          {"[]", true},
                 {"[[\"day\"]]", false}, {"[[\"id\",\"x\"]]", false}, {"[\"id\",\"day\"]", false}};
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_store *store = silt_store_mem_new();
        test_table_make_with(store, all_features, NULL);
        SILT_AUTO(silt_snapshot) start = test_table_open(store);
        silt_domain domain = {
            "delta.clustering",
            silt_arena_printf(arena, "{\"clusteringColumns\":%s}", cases[i].columns), false, NULL};
        silt_txn *txn = begin(start, NULL);
        assert_ok(silt_txn_set_domain(txn, &domain, &err));
        finish(txn);
        SILT_AUTO(silt_snapshot) base = test_table_open(store);
        silt_add a = test_table_file(arena, "a", 0, 9); /* says nothing of "day" */
        txn = begin(base, NULL);
        assert_ok(silt_txn_add(txn, &a, &err));
        if (cases[i].fits)
            finish(txn);
        else
            refuse(txn, "which the table is clustered by");
        silt_snapshot_free(SILT_TAKE(base));
        silt_snapshot_free(SILT_TAKE(start));
        silt_store_free(store);
    }
}

/* ---- row ids */

static void files_get_row_ids(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    test_table_make_with(store, all_features, NULL); /* supported is enough */
    silt_add a = test_table_file(arena, "a", 0, 9), b = test_table_file(arena, "b", 0, 4);
    silt_add c = test_table_file(arena, "c", 0, 0), bare = c;
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    silt_txn *txn = begin(base, NULL);
    assert_ok(silt_txn_add(txn, &a, &err));
    assert_ok(silt_txn_add(txn, &b, &err));
    finish(txn);
    assert_string_equal(ids_of(store, 1, arena),
                        "a 0 @1\nb 10 @1\ndelta.rowTracking {\"rowIdHighWaterMark\":14}\n");
    txn = begin(base, NULL); /* an old base: rebased */
    assert_ok(silt_txn_add(txn, &c, &err));
    finish(txn);
    assert_string_equal(ids_of(store, 2, arena),
                        "c 15 @2\ndelta.rowTracking {\"rowIdHighWaterMark\":15}\n");
    txn = begin(base, NULL); /* nothing added: nothing given */
    finish(txn);
    assert_string_equal(ids_of(store, 3, arena), "");

    bare.path = "d", bare.stats = NULL;
    txn = begin(base, NULL);
    assert_ok(silt_txn_add(txn, &bare, &err));
    refuse(txn, "file d: its rows can't get row ids, for its statistics don't say");
    c.path = "d", c.base_row_id = 16, c.default_row_commit_version = 1;
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    txn = begin(now, NULL);
    assert_ok(silt_txn_add(txn, &c, &err));
    refuse(txn, "never given by this table");
    c.base_row_id = 15, c.default_row_commit_version = -1;
    txn = begin(now, NULL);
    assert_ok(silt_txn_add(txn, &c, &err));
    refuse(txn, "without defaultRowCommitVersion");
    silt_snapshot_free(SILT_TAKE(now));
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

static void rows_keep_their_ids(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    test_table_make_with(store, all_features, tracked);
    silt_add a = test_table_file(arena, "a", 0, 9), b = test_table_file(arena, "b", 0, 4);
    SILT_AUTO(silt_snapshot) start = test_table_open(store);
    const silt_add both[] = {a, b};
    test_table_commit(start, NULL, both, 2, NULL, 0);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    const silt_add *adds;
    size_t count;
    assert_ok(silt_snapshot_adds(base, &adds, &count, &err));
    const silt_add *first = strcmp(adds[0].path, "a") == 0 ? &adds[0] : &adds[1];
    /* rows are deleted by a vector, and the ids are left out: they are the file's */
    static const silt_dv dv = {'i', "a deletion vector   ", -1, 40, 6, -1};
    silt_add less = *first;
    less.dv = &dv, less.base_row_id = less.default_row_commit_version = -1;
    silt_txn *txn = begin(base, NULL);
    assert_ok(silt_txn_add(txn, &less, &err));
    assert_ok(silt_txn_remove(txn, first, true, &err));
    finish(txn);
    assert_string_equal(ids_of(store, 2, arena), "a 0 @1\n");
    const silt_action *actions = commit_of(store, 2, arena, &count);
    assert_int_equal(actions[1].remove.base_row_id, 0);
    assert_int_equal(actions[1].remove.default_row_commit_version, 1);
    /* told anew, with its ids, and with one more file */
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    silt_add again = b;
    again.base_row_id = 10, again.default_row_commit_version = 1, again.data_change = false;
    silt_add more = test_table_file(arena, "more", 0, 1);
    txn = begin(now, NULL);
    assert_ok(silt_txn_add(txn, &again, &err));
    assert_ok(silt_txn_add(txn, &more, &err));
    finish(txn);
    assert_string_equal(ids_of(store, 3, arena),
                        "b 10 @1\nmore 15 @3\ndelta.rowTracking {\"rowIdHighWaterMark\":16}\n");
    silt_snapshot_free(SILT_TAKE(now));
    silt_snapshot_free(SILT_TAKE(base));
    silt_snapshot_free(SILT_TAKE(start));
    silt_store_free(store);
}

static void a_commit_says_whether_row_ids_are_kept(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    static const struct {
        bool removes, adds, rearranges, replaces, keeps;
        const char *kept;
    } cases[] = {
        {false, true, false, false, false, "true"}, {true, false, false, false, false, "true"},
        {true, true, false, false, false, "false"}, {true, true, true, false, false, "false"},
        {true, true, true, false, true, "true"},    {true, true, false, true, false, "true"},
        {true, true, false, false, true, "true"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_store *store = silt_store_mem_new();
        test_table_make_with(store, all_features, tracked);
        silt_add a = test_table_file(arena, "a", 0, 9), b = test_table_file(arena, "b", 0, 4);
        SILT_AUTO(silt_snapshot) start = test_table_open(store);
        test_table_commit(start, NULL, &a, 1, NULL, 0);
        SILT_AUTO(silt_snapshot) base = test_table_open(store);
        silt_txn_options opts = {.rearranges = cases[i].rearranges,
                                 .replaces_rows = cases[i].replaces,
                                 .keeps_row_ids = cases[i].keeps,
                                 .retry = SILT_COMMIT_RETRY_INIT};
        silt_txn *txn = begin(base, &opts);
        if (cases[i].removes) assert_ok(silt_txn_remove(txn, &a, true, &err));
        if (cases[i].adds) assert_ok(silt_txn_add(txn, &b, &err));
        finish(txn);
        const silt_json *tags = silt_json_get(info_of(store, 2, arena), "tags");
        assert_string_equal(silt_json_string(silt_json_get(tags, "delta.rowTracking.preserved")),
                            cases[i].kept);
        silt_snapshot_free(SILT_TAKE(base));
        silt_snapshot_free(SILT_TAKE(start));
        silt_store_free(store);
    }
}

static silt_metadata with_properties(const silt_metadata *from, const char *const *properties,
                                     silt_arena *arena)
{
    size_t count = 0;
    while (properties[count])
        count++;
    silt_pair *pairs = silt_arena_calloc(arena, count + 1, sizeof(*pairs));
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(properties[i], '=');
        pairs[i].key = silt_arena_strndup(arena, properties[i], (size_t)(equals - properties[i]));
        pairs[i].value = equals + 1;
    }
    silt_metadata metadata = *from;
    metadata.configuration = (silt_pairs){pairs, count};
    return metadata;
}

static void suspended_rows_get_no_ids(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new();
    static const char *const suspended[] = {"delta.rowTrackingSuspended=true", NULL};
    test_table_make_with(store, all_features, suspended);
    silt_add a = test_table_file(arena, "a", 0, 9);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    test_table_commit(base, NULL, &a, 1, NULL, 0);
    assert_string_equal(ids_of(store, 1, arena), "a -1 @-1\n");
    silt_snapshot_free(SILT_TAKE(base));
    silt_store_free(store);
}

/* Row tracking is on only where each file has row ids. */
static void row_tracking_is_turned_on_with_ids_for_all(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    static const char *const old_features[] = {"domainMetadata", NULL};
    static const char *const half[] = {"delta.enableRowTracking=true", NULL};
    static const char *const torn[] = {TRACKED, "delta.rowTrackingSuspended=true", NULL};
    silt_store *store = silt_store_mem_new();
    test_table_make_with(store, old_features, NULL);
    silt_add files[] = {test_table_file(arena, "a", 0, 9), test_table_file(arena, "b", 0, 4)};
    SILT_AUTO(silt_snapshot) start = test_table_open(store);
    test_table_commit(start, NULL, files, 2, NULL, 0);
    SILT_AUTO(silt_snapshot) base = test_table_open(store);
    const silt_metadata *was = &silt_snapshot_state(base)->metadata;
    silt_protocol protocol = {.min_reader = 1,
                              .min_writer = 7,
                              .has_writer_features = true,
                              .writer_features = {all_features, 5}};
    static const struct {
        const char *const *properties;
        bool upgrades, a, b;
        const char *says;
    } cases[] = {
        {tracked, false, true, true, "lacks the feature rowTracking"},
        {half, true, true, true, "without delta.rowTracking.materializedRowIdColumnName"},
        {torn, true, true, true, "doesn't go with delta.rowTrackingSuspended"},
        {tracked, true, true, false, "file b has no row ids"},
        {tracked, true, false, false, "has no row ids"},
        {tracked, true, true, true, NULL},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_metadata metadata = with_properties(was, cases[i].properties, arena);
        silt_txn_options opts = {.rearranges = true, .retry = SILT_COMMIT_RETRY_INIT};
        silt_txn *txn = begin(base, &opts);
        assert_ok(silt_txn_set_metadata(txn, &metadata, &err));
        if (cases[i].upgrades) assert_ok(silt_txn_set_protocol(txn, &protocol, &err));
        if (cases[i].a) assert_ok(silt_txn_add(txn, &files[0], &err));
        if (cases[i].b) assert_ok(silt_txn_add(txn, &files[1], &err));
        if (cases[i].says)
            refuse(txn, cases[i].says);
        else
            assert_int_equal(finish(txn), 2);
    }
    assert_string_equal(ids_of(store, 2, arena),
                        "a 0 @2\nb 10 @2\ndelta.rowTracking {\"rowIdHighWaterMark\":14}\n");
    silt_object object; /* which files there are isn't known by counting such adds */
    assert_status(store->ops->head(store, silt_log_crc_key(arena, 2), arena, &object, &err),
                  SILT_NOT_FOUND, NULL);
    SILT_AUTO(silt_snapshot) now = test_table_open(store);
    size_t count;
    const silt_add *adds;
    assert_ok(silt_snapshot_adds(now, &adds, &count, &err));
    assert_int_equal(count, 2);
    silt_snapshot_free(SILT_TAKE(now));
    silt_snapshot_free(SILT_TAKE(base));
    silt_snapshot_free(SILT_TAKE(start));
    silt_store_free(store);
}

static void a_new_table_goes_on_above_ids_that_came_with_its_files(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_store *store = silt_store_mem_new(), *model = silt_store_mem_new();
    test_table_make_with(model, all_features, tracked);
    SILT_AUTO(silt_snapshot) from = test_table_open(model);
    silt_txn_options opts = {.operation = "CLONE", .retry = SILT_COMMIT_RETRY_INIT};
    silt_add given = test_table_file(arena, "a", 0, 9), fresh = test_table_file(arena, "b", 0, 4);
    given.base_row_id = 100, given.default_row_commit_version = 7;
    SILT_AUTO(silt_txn) txn = NULL;
    assert_ok(silt_txn_new_table(store, NULL, &opts, &txn, &err));
    assert_ok(silt_txn_set_protocol(txn, &silt_snapshot_state(from)->protocol, &err));
    assert_ok(silt_txn_set_metadata(txn, &silt_snapshot_state(from)->metadata, &err));
    assert_ok(silt_txn_add(txn, &given, &err));
    assert_ok(silt_txn_add(txn, &fresh, &err));
    finish(SILT_TAKE(txn));
    assert_string_equal(ids_of(store, 0, arena),
                        "a 100 @7\nb 110 @0\ndelta.rowTracking {\"rowIdHighWaterMark\":114}\n");
    silt_snapshot_free(SILT_TAKE(from));
    silt_store_free(model);
    silt_store_free(store);
}

static void a_broken_high_water_mark_is_told(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    static const char *const broken[] = {"{}", "{\\\"rowIdHighWaterMark\\\":-7}", "7x",
                                         "{\\\"rowIdHighWaterMark\\\":\\\"12\\\"}"};
    silt_add a = test_table_file(arena, "a", 0, 9);
    for (size_t i = 0; i < SILT_COUNT(broken); i++) {
        silt_store *store = silt_store_mem_new();
        test_table_make_with(store, all_features, tracked);
        test_table_put(store, 1,
                       silt_arena_printf(arena,
                                         "{\"domainMetadata\":{\"domain\":\"delta.rowTracking\","
                                         "\"configuration\":\"%s\",\"removed\":false}}\n",
                                         broken[i]));
        SILT_AUTO(silt_snapshot) base = test_table_open(store);
        SILT_AUTO(silt_txn) txn = begin(base, NULL);
        assert_ok(silt_txn_add(txn, &a, &err));
        silt_txn_result result;
        assert_status(silt_txn_commit(txn, &result, NULL, &err), SILT_CORRUPT,
                      "doesn't say which row id is the highest");
        silt_txn_free(SILT_TAKE(txn));
        silt_snapshot_free(SILT_TAKE(base));
        silt_store_free(store);
    }
    int64_t high = INT64_MAX - 3, base;
    assert_ok(silt_row_ids_take(&high, 2, &base, &err));
    assert_status(silt_row_ids_take(&high, 1, &base, &err), SILT_INVALID, "no row ids are left");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_are_members_of_commit_info),
        cmocka_unit_test(fingerprints_are_of_order_names_and_types),
        cmocka_unit_test(an_app_txn_is_found),
        cmocka_unit_test(one_file_is_told_once),
        cmocka_unit_test(a_change_feed_is_owed_its_files),
        cmocka_unit_test(domains_need_their_feature),
        cmocka_unit_test(clustered_tables_want_statistics),
        cmocka_unit_test(files_get_row_ids),
        cmocka_unit_test(rows_keep_their_ids),
        cmocka_unit_test(a_commit_says_whether_row_ids_are_kept),
        cmocka_unit_test(suspended_rows_get_no_ids),
        cmocka_unit_test(row_tracking_is_turned_on_with_ids_for_all),
        cmocka_unit_test(a_new_table_goes_on_above_ids_that_came_with_its_files),
        cmocka_unit_test(a_broken_high_water_mark_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
