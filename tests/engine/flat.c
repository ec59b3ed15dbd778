/* Flat columns out of Parquet files and back. */
#include "engine/duck.h"

#include <unistd.h>

typedef struct fixture {
    silt_engine *engine;
    char *dir;
    silt_arena *arena;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->engine = duck_new();
    f->dir = test_dir_new();
    f->arena = silt_arena_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    silt_engine_free(f->engine);
    test_dir_free(f->dir);
    silt_arena_free(f->arena);
    free(f);
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct collect {
    const silt_flat_column *columns;
    size_t column_count, rows, stop_after;
    silt_buf text;
} collect;

static silt_status collect_batch(void *ctx, const silt_flat_batch *batch, silt_error *err)
{
    collect *c = ctx;
    c->rows += batch->row_count;
    if (c->stop_after && c->rows >= c->stop_after)
        return silt_fail(err, SILT_CONFLICT, "the sink has enough");
    for (size_t row = 0; row < batch->row_count; row++) {
        for (size_t i = 0; i < c->column_count; i++) {
            const silt_flat_vector *v = &batch->columns[i];
            if (i) silt_buf_putc(&c->text, '|');
            if (!silt_flat_valid(v, row))
                silt_buf_putc(&c->text, '~');
            else if (v->texts)
                silt_buf_append(&c->text, v->texts[row].data, v->texts[row].size);
            else
                silt_buf_printf(&c->text, "%" PRId64, v->ints[row]);
        }
        silt_buf_putc(&c->text, '\n');
    }
    return SILT_OK;
}

static silt_status read_some(fixture *f, const char *const *names, size_t name_count,
                             const silt_flat_column *columns, size_t column_count,
                             const size_t *any_of, size_t any_count, collect *c, silt_error *err)
{
    const char **paths = silt_arena_calloc(f->arena, name_count + 1, sizeof *paths);
    for (size_t i = 0; i < name_count; i++)
        paths[i] = silt_arena_printf(f->arena, "%s/%s", f->dir, names[i]);
    c->columns = columns;
    c->column_count = column_count;
    return f->engine->ops->read_flat(f->engine, paths, name_count, columns, column_count, any_of,
                                     any_count, collect_batch, c, err);
}

#define CHECKPOINT_A                                                                              \
    "COPY (SELECT CASE WHEN i > 1 THEN {'path': 'f' || i, 'partitionValues': MAP {'d': CASE i "   \
    "WHEN 2 THEN '' WHEN 3 THEN NULL ELSE 'ü' END}, 'size': 10::INTEGER + i::INTEGER, "          \
    "'deletionVector': CASE WHEN i = 4 THEN {'offset': 7::INTEGER} END} END AS add, CASE WHEN i " \
    "= 0 THEN {'readerFeatures': ['a', 'b'], 'at': TIMESTAMPTZ '2024-01-01 00:00:00+00'} END AS " \
    "protocol, CASE WHEN i = 1 THEN {'id': 'x'} END AS \"metaData\" FROM range(6) t(i)) TO "      \
    "'@a.parquet' (FORMAT parquet)"
/* The same columns in another order, with other types, without some. */
#define CHECKPOINT_B                                                                               \
    "COPY (SELECT {'version': 5, 'flag': true} AS txn, {'size': 99::BIGINT, 'path': 'g'} AS add) " \
    "TO '@b.parquet' (FORMAT parquet)"

static const silt_flat_column checkpoint_columns[] = {
    {"add.path", SILT_FLAT_TEXT},
    {"add.size", SILT_FLAT_INT},
    {"add.partitionValues", SILT_FLAT_JSON},
    {"add.deletionVector.offset", SILT_FLAT_INT},
    {"protocol.readerFeatures", SILT_FLAT_JSON},
    {"protocol.at", SILT_FLAT_TIME},
    {"metaData.id", SILT_FLAT_TEXT},
    {"txn.flag", SILT_FLAT_BOOL},
    {NULL, SILT_FLAT_FILE},
};

static void read_gives_what_is_there_and_null_else(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, CHECKPOINT_A);
    duck_run(f->engine, f->dir, CHECKPOINT_B);
    const char *const names[] = {"a.parquet", "b.parquet", "b.parquet", "a.parquet"};
    silt_error err = {0};
    collect c = {0};
    duck_assert_ok(read_some(f, names, 4, checkpoint_columns, 9, NULL, 0, &c, &err), &err);
    const char *expected = "~|~|~|~|[\"a\",\"b\"]|1704067200000000|~|~|0\n"
                           "~|~|~|~|~|~|x|~|0\n"
                           "f2|12|{\"d\":\"\"}|~|~|~|~|~|0\n"
                           "f3|13|{\"d\":null}|~|~|~|~|~|0\n"
                           "f4|14|{\"d\":\"ü\"}|7|~|~|~|~|0\n"
                           "f5|15|{\"d\":\"ü\"}|~|~|~|~|~|0\n"
                           "g|99|~|~|~|~|~|1|1\n"
                           "g|99|~|~|~|~|~|1|2\n"
                           "~|~|~|~|[\"a\",\"b\"]|1704067200000000|~|~|3\n";
    assert_memory_equal(c.text.data, expected, strlen(expected));
    assert_int_equal(c.rows, 14);
    silt_buf_release(&c.text);
}

static void read_filters_by_any_of(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, CHECKPOINT_A);
    duck_run(f->engine, f->dir, CHECKPOINT_B);
    const char *const names[] = {"b.parquet", "a.parquet"};
    const size_t any_of[] = {6, 3};
    silt_error err = {0};
    collect c = {0};
    duck_assert_ok(read_some(f, names, 2, checkpoint_columns, 9, any_of, 2, &c, &err), &err);
    assert_string_equal(c.text.data, "~|~|~|~|~|~|x|~|1\n"
                                     "f4|14|{\"d\":\"ü\"}|7|~|~|~|~|1\n");
    silt_buf_release(&c.text);
}

static void read_keeps_the_order_of_many_rows(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT i AS n, 'some longer text ' || i AS s FROM range(300000) t(i)) TO "
             "'@n.parquet' (FORMAT parquet, ROW_GROUP_SIZE 10240)");
    const char *const names[] = {"n.parquet", "n.parquet"};
    const silt_flat_column columns[] = {{"n", SILT_FLAT_INT}, {"s", SILT_FLAT_TEXT}};
    silt_error err = {0};
    collect c = {0};
    duck_assert_ok(read_some(f, names, 2, columns, 2, NULL, 0, &c, &err), &err);
    assert_int_equal(c.rows, 600000);
    SILT_CLEAN(silt_buf) expected = {0};
    for (int i = 0; i < 600000; i++)
        silt_buf_printf(&expected, "%d|some longer text %d\n", i % 300000, i % 300000);
    assert_int_equal(c.text.size, expected.size);
    assert_memory_equal(c.text.data, expected.data, expected.size);
    silt_buf_release(&c.text);
}

static void read_passes_the_sinks_failure_up(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT i AS n FROM range(300000) t(i)) TO '@n.parquet' (FORMAT parquet)");
    const char *const names[] = {"n.parquet"};
    const silt_flat_column columns[] = {{"n", SILT_FLAT_INT}};
    silt_error err = {0};
    collect c = {.stop_after = 5000};
    assert_int_equal(read_some(f, names, 1, columns, 1, NULL, 0, &c, &err), SILT_CONFLICT);
    assert_string_equal(err.message, "the sink has enough");
    silt_buf_release(&c.text);
    c = (collect){0}; /* and the engine is usable */
    duck_assert_ok(read_some(f, names, 1, columns, 1, NULL, 0, &c, &err), &err);
    assert_int_equal(c.rows, 300000);
    silt_buf_release(&c.text);
}

static void read_says_which_file_is_at_fault(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, CHECKPOINT_B);
    test_write(f->dir, "empty.parquet", "");
    test_write(f->dir, "text.parquet", "this is text, and long enough to have a footer");
    const char *const names[][2] = {{"b.parquet", "none.parquet"},
                                    {"b.parquet", "empty.parquet"},
                                    {"text.parquet", "b.parquet"}};
    const char *const bad[] = {"none.parquet", "empty.parquet", "text.parquet"};
    const silt_status expected[] = {SILT_NOT_FOUND, SILT_CORRUPT, SILT_CORRUPT};
    for (size_t i = 0; i < 3; i++) {
        silt_error err = {0};
        collect c = {0};
        assert_int_equal(read_some(f, names[i], 2, checkpoint_columns, 9, NULL, 0, &c, &err),
                         expected[i]);
        assert_non_null(strstr(err.message, bad[i]));
        silt_buf_release(&c.text);
    }
}

static void read_refuses_columns_of_another_type(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, CHECKPOINT_B);
    const char *const names[] = {"b.parquet"};
    const silt_flat_column columns[] = {{"add.path", SILT_FLAT_INT},
                                        {"add.size", SILT_FLAT_TEXT},
                                        {"add", SILT_FLAT_TEXT},
                                        {"add.path", SILT_FLAT_JSON},
                                        {"add.size", SILT_FLAT_BOOL}};
    for (size_t i = 0; i < SILT_COUNT(columns); i++) {
        silt_error err = {0};
        collect c = {0};
        assert_int_equal(read_some(f, names, 1, &columns[i], 1, NULL, 0, &c, &err), SILT_CORRUPT);
        assert_non_null(strstr(err.message, "b.parquet"));
        assert_non_null(strstr(err.message, columns[i].path));
    }
}

static void read_takes_names_as_they_are(void **state)
{
    fixture *f = *state;
    duck_run(
        f->engine, f->dir,
        "COPY (SELECT {'x.y': {'z \"q\"': 3}} AS \"a.b\", 4 AS file_index) TO '@m=5 [1]*.parquet' "
        "(FORMAT parquet)");
    duck_run(f->engine, f->dir, "COPY (SELECT 1 AS no) TO '@m=5 1.parquet' (FORMAT parquet)");
    const char *const names[] = {"m=5 [1]*.parquet"};
    const silt_flat_column columns[] = {{"a.b.x.y.z \"q\"", SILT_FLAT_INT}, {"m", SILT_FLAT_INT}};
    silt_error err = {0};
    collect c = {0};
    duck_assert_ok(read_some(f, names, 1, columns, 2, NULL, 0, &c, &err), &err);
    assert_string_equal(c.text.data, "3|~\n");
    silt_buf_release(&c.text);
}

/* Text where there is some, else what the columns beside it say. */
static void read_makes_statistics(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT CASE WHEN i < 2 THEN {'n': i, 'no': NULL::INT} END AS s_parsed, i AS x "
             "FROM range(3) t(i)) TO '@a.parquet' (FORMAT parquet)");
    duck_run(f->engine, f->dir,
             "COPY (SELECT '{}' AS s, {'n': 5} AS s_parsed) TO '@b.parquet' (FORMAT parquet)");
    duck_run(f->engine, f->dir,
             "COPY (SELECT NULL::VARCHAR AS s, {'n': 7} AS s_parsed) TO '@c.parquet' (FORMAT "
             "parquet)");
    const char *const names[] = {"a.parquet", "b.parquet", "c.parquet"};
    const silt_flat_column columns[] = {{"s", SILT_FLAT_STATS}, {"x", SILT_FLAT_STATS}};
    silt_error err = {0};
    collect c = {0};
    duck_assert_ok(read_some(f, names, 3, columns, 1, NULL, 0, &c, &err), &err);
    assert_string_equal(c.text.data, "{\"n\":0}\n{\"n\":1}\n~\n{}\n{\"n\":7}\n");
    silt_buf_release(&c.text);
    c = (collect){0};
    assert_int_equal(read_some(f, names, 1, columns, 2, NULL, 0, &c, &err), SILT_CORRUPT);
    assert_non_null(strstr(err.message, "a.parquet: column x is of type BIGINT"));
}

static void read_of_nothing_is_nothing(void **state)
{
    fixture *f = *state;
    collect c = {0};
    assert_int_equal(read_some(f, NULL, 0, checkpoint_columns, 9, NULL, 0, &c, NULL), SILT_OK);
    assert_int_equal(c.rows, 0);
    duck_run(f->engine, f->dir,
             "COPY (SELECT 1 AS n WHERE false) TO '@e.parquet' (FORMAT parquet)");
    const char *const names[] = {"e.parquet"};
    assert_int_equal(read_some(f, names, 1, checkpoint_columns, 9, NULL, 0, &c, NULL), SILT_OK);
    assert_int_equal(c.rows, 0);
}

/* ---- writing --------------------------------------------------------------------------------- */

#define ROWS 5000

/* A checkpoint in flat columns: row 0 the protocol, row 1 the metadata, then adds. */
typedef struct rows {
    size_t next, end, fail_at;
    bool bad_text;
    silt_flat_vector vectors[8];
    uint64_t valid[8][2];
    int64_t ints[8][100];
    silt_bytes texts[8][100];
    char path[100][40];
} rows;

enum { IS_ADD, PATH, VALUES, SIZE, IS_PROTOCOL, FEATURES, IS_DV, AT };
static const silt_flat_kind row_kinds[] = {SILT_FLAT_BOOL, SILT_FLAT_TEXT, SILT_FLAT_JSON,
                                           SILT_FLAT_INT,  SILT_FLAT_BOOL, SILT_FLAT_JSON,
                                           SILT_FLAT_BOOL, SILT_FLAT_TIME};
static const silt_type long_type = {.kind = SILT_TYPE_LONG};
static const silt_type int_type = {.kind = SILT_TYPE_INTEGER};
static const silt_type text_type = {.kind = SILT_TYPE_STRING};
static const silt_type time_type = {.kind = SILT_TYPE_TIMESTAMP};
static const silt_node dv_nodes[] = {{"offset", SILT_NODE_LEAF, SIZE, &int_type, NULL, 0}};
static const silt_node add_nodes[] = {
    {"path", SILT_NODE_LEAF, PATH, &text_type, NULL, 0},
    {"partitionValues", SILT_NODE_MAP, VALUES, NULL, NULL, 0},
    {"size", SILT_NODE_LEAF, SIZE, &long_type, NULL, 0},
    {"deletionVector", SILT_NODE_STRUCT, IS_DV, NULL, dv_nodes, 1},
};
static const silt_node protocol_nodes[] = {
    {"readerFeatures", SILT_NODE_LIST, FEATURES, NULL, NULL, 0},
    {"at", SILT_NODE_LEAF, AT, &time_type, NULL, 0},
};
static const silt_node row_nodes[] = {
    {"add", SILT_NODE_STRUCT, IS_ADD, NULL, add_nodes, 4},
    {"protocol", SILT_NODE_STRUCT, IS_PROTOCOL, NULL, protocol_nodes, 2},
};

static void set_valid(rows *r, size_t column, size_t i, bool valid)
{
    if (valid)
        r->valid[column][i / 64] |= (uint64_t)1 << i % 64;
    else
        r->valid[column][i / 64] &= ~((uint64_t)1 << i % 64);
}

static silt_bytes values_of(size_t row)
{
    switch (row % 4) {
    case 0:
        return SILT_STR("{\"d\":null,\"é\":\"ü\\n\\u0041\"}");
    case 1:
        return SILT_STR("{\"d\":\"\",\"é\":\"a \\\"b\\\"\"}");
    case 2:
        return SILT_STR("{}");
    default:
        return SILT_STR("{\"d\":\"12\"}");
    }
}

static void fill_row(rows *r, size_t i, size_t row)
{
    bool add = row > 1;
    r->ints[IS_ADD][i] = add;
    r->ints[IS_PROTOCOL][i] = row == 0;
    r->ints[IS_DV][i] = row % 5 == 0;
    r->ints[SIZE][i] = (int64_t)row * 10;
    r->ints[AT][i] = 1704067200000000;
    int size = snprintf(r->path[i], sizeof r->path[i], "part-é-%zu", row);
    r->texts[PATH][i] = (silt_bytes){r->path[i], (size_t)size};
    if (r->bad_text && row == 50) r->texts[PATH][i] = SILT_STR("\xff\xfe and a longer tail");
    r->texts[VALUES][i] = values_of(row);
    r->texts[FEATURES][i] = SILT_STR("[\"deletionVectors\",\"é\"]");
    for (size_t c = 0; c < 8; c++)
        set_valid(r, c, i, true);
    set_valid(r, IS_DV, i, row % 5 < 3); /* null is as good as false */
    set_valid(r, PATH, i, add);
    set_valid(r, VALUES, i, add && row % 7 != 0);
    set_valid(r, FEATURES, i, row == 0);
}

static silt_status give_batch(void *ctx, silt_flat_batch *out, silt_error *err)
{
    rows *r = ctx;
    if (r->fail_at && r->next >= r->fail_at)
        return silt_fail(err, SILT_CHANGED, "the source has changed");
    size_t count = 0;
    for (; count < 37 && r->next < r->end; count++)
        fill_row(r, count, r->next++);
    for (size_t c = 0; c < 8; c++)
        r->vectors[c] = (silt_flat_vector){r->valid[c], r->ints[c], r->texts[c]};
    r->vectors[IS_ADD].validity = NULL;
    *out = (silt_flat_batch){count, r->vectors};
    return SILT_OK;
}

static silt_status write_rows(fixture *f, rows *r, const char *name, silt_staged_file *out,
                              silt_error *err)
{
    const char *path = silt_arena_printf(f->arena, "%s/%s", f->dir, name);
    return f->engine->ops->write_flat(f->engine, row_kinds, 8, row_nodes, 2, give_batch, r, path,
                                      f->arena, out, err);
}

static void write_builds_structs_maps_and_lists(void **state)
{
    fixture *f = *state;
    rows r = {.end = ROWS};
    silt_error err = {0};
    silt_staged_file out = {0};
    duck_assert_ok(write_rows(f, &r, "c.parquet", &out, &err), &err);
    assert_int_equal(out.row_count, ROWS);
    duck_assert_text(f->engine, f->dir, "SELECT size FROM read_blob('@c.parquet')",
                     silt_arena_printf(f->arena, "%" PRId64 "\n", out.size_bytes));
    duck_assert_text(
        f->engine, f->dir, "SELECT to_json(t) FROM '@c.parquet' t LIMIT 7",
        "{\"add\":null,\"protocol\":{\"readerFeatures\":[\"deletionVectors\",\"é\"],"
        "\"at\":\"2024-01-01 00:00:00+00\"}}\n"
        "{\"add\":null,\"protocol\":null}\n"
        "{\"add\":{\"path\":\"part-é-2\",\"partitionValues\":{},\"size\":20,"
        "\"deletionVector\":null},\"protocol\":null}\n"
        "{\"add\":{\"path\":\"part-é-3\",\"partitionValues\":{\"d\":\"12\"},\"size\":30,"
        "\"deletionVector\":null},\"protocol\":null}\n"
        "{\"add\":{\"path\":\"part-é-4\",\"partitionValues\":{\"d\":null,\"é\":\"ü\\nA\"},"
        "\"size\":40,\"deletionVector\":null},\"protocol\":null}\n"
        "{\"add\":{\"path\":\"part-é-5\",\"partitionValues\":{\"d\":\"\",\"é\":\"a "
        "\\\"b\\\"\"},\"size\":50,\"deletionVector\":{\"offset\":50}},\"protocol\":null}\n"
        "{\"add\":{\"path\":\"part-é-6\",\"partitionValues\":{},\"size\":60,"
        "\"deletionVector\":null},\"protocol\":null}\n");
    duck_assert_text(
        f->engine, f->dir,
        "SELECT count(*), count(add), count(add.\"partitionValues\"), "
        "count(add.\"deletionVector\"), max(add.size), max(add.path) FROM '@c.parquet'",
        "5000|4998|4284|999|49990|part-é-999\n");
}

/* What other readers of checkpoints count on: three-level lists, key_value maps with required keys.
 */
static void write_uses_the_standard_shapes(void **state)
{
    fixture *f = *state;
    rows r = {.end = 10};
    silt_staged_file out = {0};
    assert_int_equal(write_rows(f, &r, "c.parquet", &out, NULL), SILT_OK);
    duck_assert_text(f->engine, f->dir,
                     "SELECT name, coalesce(type, 'group'), repetition_type, "
                     "coalesce(converted_type, '') FROM parquet_schema('@c.parquet') WHERE name "
                     "IN ('partitionValues', 'key_value', 'key', 'value', 'readerFeatures', "
                     "'list', 'element', 'at', 'offset')",
                     "partitionValues|group|OPTIONAL|MAP\n"
                     "key_value|group|REPEATED|\n"
                     "key|BYTE_ARRAY|REQUIRED|UTF8\n"
                     "value|BYTE_ARRAY|OPTIONAL|UTF8\n"
                     "offset|INT32|OPTIONAL|INT_32\n"
                     "readerFeatures|group|OPTIONAL|LIST\n"
                     "list|group|REPEATED|\n"
                     "element|BYTE_ARRAY|OPTIONAL|UTF8\n"
                     "at|INT64|OPTIONAL|TIMESTAMP_MICROS\n");
}

static void what_was_written_reads_back(void **state)
{
    fixture *f = *state;
    rows r = {.end = ROWS};
    silt_staged_file out = {0};
    silt_error err = {0};
    duck_assert_ok(write_rows(f, &r, "c.parquet", &out, &err), &err);
    const silt_flat_column columns[] = {{"add.path", SILT_FLAT_TEXT},
                                        {"add.partitionValues", SILT_FLAT_JSON},
                                        {"add.size", SILT_FLAT_INT},
                                        {"add.deletionVector.offset", SILT_FLAT_INT},
                                        {"protocol.at", SILT_FLAT_TIME}};
    const char *const names[] = {"c.parquet"};
    const size_t any_of[] = {0};
    collect c = {0};
    duck_assert_ok(read_some(f, names, 1, columns, 5, any_of, 1, &c, &err), &err);
    static const char *const values[] = {"{\"d\":null,\"é\":\"ü\\nA\"}",
                                         "{\"d\":\"\",\"é\":\"a \\\"b\\\"\"}", "{}",
                                         "{\"d\":\"12\"}"};
    SILT_CLEAN(silt_buf) expected = {0};
    for (size_t i = 2; i < ROWS; i++) {
        silt_buf_printf(&expected, "part-é-%zu|%s|%zu|", i, i % 7 ? values[i % 4] : "~", i * 10);
        if (i % 5 == 0)
            silt_buf_printf(&expected, "%zu|~\n", i * 10);
        else
            silt_buf_puts(&expected, "~|~\n");
    }
    assert_string_equal(c.text.data, expected.data);
    silt_buf_release(&c.text);
}

static void write_gives_stats_of_flat_columns(void **state)
{
    fixture *f = *state;
    rows r = {.end = 100};
    const silt_node nodes[] = {{"file_path", SILT_NODE_LEAF, PATH, &text_type, NULL, 0},
                               {"file_size", SILT_NODE_LEAF, SIZE, &long_type, NULL, 0}};
    const char *path = silt_arena_printf(f->arena, "%s/t.parquet", f->dir);
    silt_error err = {0};
    silt_staged_file out = {0};
    duck_assert_ok(f->engine->ops->write_flat(f->engine, row_kinds, 8, nodes, 2, give_batch, &r,
                                              path, f->arena, &out, &err),
                   &err);
    assert_string_equal(out.local_path, path);
    assert_int_equal(out.row_count, 100);
    assert_int_equal(out.stats_count, 2);
    size_t seen = 0;
    for (size_t i = 0; i < 2; i++) {
        const silt_leaf_stats *s = &out.stats[i];
        assert_int_equal(s->path_count, 1);
        if (strcmp(s->path[0], "file_path") == 0) {
            assert_string_equal(s->min, "part-é-10");
            assert_string_equal(s->max, "part-é-99");
            assert_int_equal(s->null_count, 2);
            seen |= 1;
        } else {
            assert_string_equal(s->path[0], "file_size");
            assert_string_equal(s->min, "0");
            assert_string_equal(s->max, "990");
            assert_int_equal(s->null_count, 0);
            seen |= 2;
        }
    }
    assert_int_equal(seen, 3);
}

static void write_of_nothing_is_an_empty_file(void **state)
{
    fixture *f = *state;
    rows r = {0};
    silt_error err = {0};
    silt_staged_file out = {0};
    duck_assert_ok(write_rows(f, &r, "c.parquet", &out, &err), &err);
    assert_int_equal(out.row_count, 0);
    duck_assert_text(f->engine, f->dir, "SELECT count(*) FROM '@c.parquet'", "0\n");
}

static void write_passes_failures_up_and_leaves_nothing(void **state)
{
    fixture *f = *state;
    silt_staged_file out = {0};
    silt_error err = {0};
    rows changed = {.end = 300000, .fail_at = 200000};
    assert_int_equal(write_rows(f, &changed, "c.parquet", &out, &err), SILT_CHANGED);
    assert_string_equal(err.message, "the source has changed");
    rows bad = {.end = 100, .bad_text = true};
    assert_int_equal(write_rows(f, &bad, "c.parquet", &out, &err), SILT_INVALID);
    assert_non_null(strstr(err.message, "UTF-8"));
    rows good = {.end = 100};
    assert_int_equal(write_rows(f, &good, "none/c.parquet", &out, &err), SILT_NOT_FOUND);
    char *left = test_list(f->dir);
    assert_string_equal(left, "");
    free(left);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(read_gives_what_is_there_and_null_else),
        CASE(read_filters_by_any_of),
        CASE(read_keeps_the_order_of_many_rows),
        CASE(read_passes_the_sinks_failure_up),
        CASE(read_says_which_file_is_at_fault),
        CASE(read_refuses_columns_of_another_type),
        CASE(read_takes_names_as_they_are),
        CASE(read_makes_statistics),
        CASE(read_of_nothing_is_nothing),
        CASE(write_builds_structs_maps_and_lists),
        CASE(write_uses_the_standard_shapes),
        CASE(what_was_written_reads_back),
        CASE(write_gives_stats_of_flat_columns),
        CASE(write_of_nothing_is_an_empty_file),
        CASE(write_passes_failures_up_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
