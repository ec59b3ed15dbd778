/* The filter over a source's keys: that it loses none, and merges of more rows than a model plays,
 * against plain SQL. */
#include "engine/duck.h"
#include "engine/duckdb_bloom.h"
#include "table/expr_tree.h"

#define SOURCES 3
#define TARGETS 2

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

static int64_t number(fixture *f, const char *sql)
{
    char *text = duck_text(f->engine, f->dir, sql);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

/* ---- the filter ------------------------------------------------------------------------------ */

static int64_t count(fixture *f, const silt_duck_bloom *bloom, const char *from, const char *values,
                     bool adds)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "SELECT count(*) FROM %s WHERE ", from);
    (adds ? silt_duck_bloom_add_sql : silt_duck_bloom_has_sql)(bloom, values, &sql);
    return number(f, sql.data);
}

static void what_was_added_is_found(void **state)
{
    fixture *f = *state;
    silt_duck_engine *db = silt_duck_of(f->engine);
    silt_error err = {0};
    duck_assert_ok(silt_duck_start(db, &err), &err);
    for (int64_t rows = 100; rows <= 1000000; rows *= 100) {
        silt_duck_bloom bloom;
        duck_assert_ok(silt_duck_bloom_init(&bloom, db, rows, &err), &err);
        char *all = silt_arena_printf(f->arena, "range(%" PRId64 ") t(k)", rows);
        char *others =
            silt_arena_printf(f->arena, "range(%" PRId64 ", %" PRId64 ") t(k)", rows, 2 * rows);
        assert_int_equal(count(f, &bloom, all, "k, 'a'", false), 0);
        assert_in_range(count(f, &bloom, all, "k, 'a'", true), 0, (uintmax_t)rows / 50);
        assert_int_equal(count(f, &bloom, all, "k, 'a'", true), rows);
        assert_int_equal(count(f, &bloom, all, "k, 'a'", false), rows);
        assert_in_range(count(f, &bloom, others, "k, 'a'", false), 0, (uintmax_t)rows / 50);
        assert_in_range(count(f, &bloom, all, "k, 'b'", false), 0, (uintmax_t)rows / 50);
        assert_int_equal(count(f, &bloom, "(SELECT NULL::BIGINT k)", "k, NULL::TEXT", true), 0);
        assert_int_equal(count(f, &bloom, "(SELECT NULL::BIGINT k)", "k, NULL::TEXT", false), 1);
        silt_duck_bloom_release(&bloom);
    }
}

/* Two threads that add a key at once: one of them is told that it was there. */
static void a_key_that_is_added_twice_is_seen(void **state)
{
    fixture *f = *state;
    silt_duck_bloom bloom;
    silt_error err = {0};
    duck_assert_ok(silt_duck_start(silt_duck_of(f->engine), &err), &err);
    duck_assert_ok(silt_duck_bloom_init(&bloom, silt_duck_of(f->engine), 500000, &err), &err);
    duck_run(f->engine, f->dir,
             "CREATE TEMP TABLE twice AS SELECT i // 2 AS k FROM range(1000000) t(i)");
    assert_true(count(f, &bloom, "twice", "k", true) >= 500000);
    silt_duck_bloom_release(&bloom);
}

static void too_many_keys_have_no_filter(void **state)
{
    fixture *f = *state;
    silt_duck_bloom bloom;
    assert_int_equal(silt_duck_bloom_init(&bloom, silt_duck_of(f->engine), INT64_C(1) << 40, NULL),
                     SILT_OK);
    assert_null(bloom.words);
    silt_duck_bloom_release(&bloom);
}

/* ---- merges ---------------------------------------------------------------------------------- */

/* Keys a (a type that is asked for) and b (STRING), where nulls are equal, and a number. Sources s0
 * … and targets t0 … are files of that name. */
typedef struct merge {
    silt_source_file sources[SOURCES];
    silt_scan_file targets[TARGETS];
    silt_column read[3];
    silt_source_group group;
    silt_output_column columns[3];
    silt_scan_column scanned[3];
    const char *keys[2];
    silt_join_spec begin;
    silt_scan_spec target;
    bool kept[3];
    silt_join_equal equals[2];
    silt_join_clause clauses[2];
    silt_join_match_spec match;
} merge;

static const silt_expr *column(fixture *f, const char *side, const char *name,
                               const silt_type *type)
{
    silt_expr *e = silt_arena_calloc(f->arena, 1, sizeof *e);
    const char **path = silt_arena_calloc(f->arena, 2, sizeof *path);
    path[0] = side;
    path[1] = name;
    *e = (silt_expr){.kind = SILT_EXPR_COLUMN, .type = type, .path = path, .path_count = 2};
    return e;
}

static void make(fixture *f, const char *a_type, silt_join_twice twice, bool insert_only, merge *m)
{
    static const char *const names[] = {"a", "b", "v"};
    const silt_type *types[3] = {NULL, silt_type_primitive(SILT_TYPE_STRING),
                                 silt_type_primitive(SILT_TYPE_LONG)};
    silt_error err = {0};
    duck_assert_ok(silt_type_parse(a_type, f->arena, &types[0], &err), &err);
    *m = (merge){.keys = {"a", "b"}};
    for (int i = 0; i < SOURCES; i++)
        m->sources[i] =
            (silt_source_file){silt_arena_printf(f->arena, "%s/s%d.parquet", f->dir, i), "source"};
    for (int i = 0; i < TARGETS; i++)
        m->targets[i] =
            (silt_scan_file){.local_path = silt_arena_printf(f->arena, "%s/t%d.parquet", f->dir, i),
                             .row_count = -1};
    for (int c = 0; c < 3; c++) {
        m->read[c] = (silt_column){names[c], types[c]};
        m->columns[c] =
            (silt_output_column){.name = names[c], .type = types[c], .source = names[c]};
        m->scanned[c] =
            (silt_scan_column){.name = names[c], .type = types[c], .physical = {.name = names[c]}};
    }
    m->group = (silt_source_group){.format = SILT_FORMAT_PARQUET,
                                   .files = m->sources,
                                   .file_count = SOURCES,
                                   .columns = m->read,
                                   .column_count = 3};
    m->begin = (silt_join_spec){
        .stage = {.groups = &m->group, .group_count = 1, .columns = m->columns, .column_count = 3},
        .keys = m->keys,
        .key_count = 2,
        .twice = twice};
    m->target = (silt_scan_spec){.files = m->targets,
                                 .file_count = TARGETS,
                                 .columns = m->scanned,
                                 .column_count = 3,
                                 .limit = -1};
    for (int k = 0; k < 2; k++)
        m->equals[k] = (silt_join_equal){column(f, "t", names[k], types[k]),
                                         column(f, "s", names[k], types[k]), true};
    m->clauses[0] = (silt_join_clause){.when = SILT_JOIN_NOT_MATCHED};
    m->clauses[1] = (silt_join_clause){.when = SILT_JOIN_MATCHED};
    m->match = (silt_join_match_spec){.target = &m->target,
                                      .kept = m->kept,
                                      .equals = m->equals,
                                      .equal_count = 2,
                                      .clauses = m->clauses,
                                      .clause_count = insert_only ? 1 : 2,
                                      .unique = twice != SILT_TWICE_FINE};
}

static int64_t sum(const int64_t *counts)
{
    int64_t all = 0;
    for (int i = 0; i < SOURCES; i++)
        all += counts[i];
    return all;
}

#define SOURCE_ROWS "read_parquet(['@s0.parquet', '@s1.parquet', '@s2.parquet'])"
#define TARGET_ROWS "read_parquet(['@t0.parquet', '@t1.parquet'])"
#define SAME_KEY    "s.a IS NOT DISTINCT FROM t.a AND s.b IS NOT DISTINCT FROM t.b"

/* 150,000 rows of 120,000 keys, of which some are null in one column or both; a third of the keys
 * are among the table's 200,000. */
static void write_files(fixture *f, const char *a)
{
    for (int i = 0; i < SOURCES; i++) {
        char *sql = silt_arena_printf(
            f->arena,
            "COPY (SELECT %s AS a, CASE WHEN k %% 7 > 0 THEN 'key ' || k %% 5 END AS b, k AS v "
            "FROM (SELECT (i * 7919) %% 120000 AS k FROM range(%d, %d) t(i))) TO '@s%d.parquet' "
            "(FORMAT parquet, ROW_GROUP_SIZE 10000)",
            a, i * 50000, (i + 1) * 50000, i);
        duck_run(f->engine, f->dir, sql);
    }
    for (int i = 0; i < TARGETS; i++) {
        char *sql = silt_arena_printf(
            f->arena,
            "COPY (SELECT %s AS a, CASE WHEN k %% 7 > 0 THEN 'key ' || k %% 5 END AS b, k AS v "
            "FROM (SELECT i * 3 AS k FROM range(%d, %d) t(i))) TO '@t%d.parquet' (FORMAT parquet, "
            "ROW_GROUP_SIZE 10000)",
            a, i * 100000, (i + 1) * 100000, i);
        duck_run(f->engine, f->dir, sql);
    }
}

static void play(fixture *f, merge *m)
{
    silt_error err = {0};
    silt_join *join = NULL;
    silt_join_source source;
    silt_join_match match;
    const silt_engine_ops *ops = f->engine->ops;
    duck_assert_ok(ops->join_begin(f->engine, &m->begin, f->arena, &join, &source, &err), &err);
    bool dedup = m->begin.twice != SILT_TWICE_FINE;
    char *kept = silt_arena_printf(f->arena, "(SELECT %s a, b FROM " SOURCE_ROWS ")",
                                   dedup ? "DISTINCT" : "");
    char *met = silt_arena_printf(f->arena,
                                  "SELECT count(*) FROM %s s WHERE EXISTS (SELECT 1 FROM "
                                  "" TARGET_ROWS " t WHERE " SAME_KEY ")",
                                  kept);
    int64_t there = number(f, silt_arena_printf(f->arena, "SELECT count(*) FROM %s", kept));
    int64_t hit = number(f, met);
    assert_true(hit > 10000 && hit < there - 10000);
    assert_int_equal(sum(source.read), 150000);
    assert_int_equal(sum(source.deduplicated), 150000 - there);
    for (int again = 0; again < 2; again++) { /* as after a conflict */
        duck_assert_ok(ops->join_match(join, &m->match, f->arena, &match, &err), &err);
        bool updates = m->match.clause_count > 1;
        assert_int_equal(sum(match.inserted), there - hit);
        assert_int_equal(sum(match.acting), updates ? hit : 0);
        assert_int_equal(sum(match.idle), updates ? 0 : hit);
    }
    ops->join_free(join);
}

static void merges_are_as_plain_sql_says(void **state)
{
    static const struct {
        const char *type, *sql;
    } kinds[] = {{"long", "nullif(k % 60000, 11)"},
                 {"string", "'a long text, so that it is not within its pointer ' || k"},
                 {"decimal(20,3)", "(k / 8)::DECIMAL(20,3)"},
                 {"date", "DATE '1900-01-01' + (k % 60000)::INTEGER"},
                 {"timestamp", "TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(k)"},
                 {"binary", "encode('b' || k)"},
                 {"double", "(k % 60000) / 4"}};
    static const struct {
        silt_join_twice twice;
        bool insert_only;
    } ways[] = {{SILT_TWICE_FIRST, true}, {SILT_TWICE_FIRST, false}, {SILT_TWICE_FINE, true}};
    fixture *f = *state;
    for (size_t i = 0; i < SILT_COUNT(kinds); i++) {
        write_files(f, kinds[i].sql);
        for (size_t w = 0; w < SILT_COUNT(ways); w++) {
            merge m;
            print_message("%s, way %zu\n", kinds[i].type, w);
            make(f, kinds[i].type, ways[w].twice, ways[w].insert_only, &m);
            play(f, &m);
        }
    }
}

/* Of what is compared only columns are filtered by, and a filter of other columns isn't used. */
static void columns_in_another_order_are_filtered_anew(void **state)
{
    fixture *f = *state;
    merge m;
    write_files(f, "k");
    make(f, "long", SILT_TWICE_FIRST, true, &m);
    silt_join_equal first = m.equals[0];
    m.equals[0] = m.equals[1];
    m.equals[1] = first;
    play(f, &m);
    const silt_expr *texts[] = {m.equals[0].target, m.equals[0].source};
    const silt_type *text = silt_type_primitive(SILT_TYPE_STRING);
    m.equals[0].target = silt_expr_call(f->arena, SILT_OP_UPPER, text, &texts[0], 1);
    m.equals[0].source = silt_expr_call(f->arena, SILT_OP_UPPER, text, &texts[1], 1);
    play(f, &m);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_was_added_is_found),
        CASE(a_key_that_is_added_twice_is_seen),
        CASE(too_many_keys_have_no_filter),
        CASE(merges_are_as_plain_sql_says),
        CASE(columns_in_another_order_are_filtered_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
