/* Statements over relations: joins, conditions that reach them, columns, what is refused, messages.
 */
#include "engine/duck.h"
#include "silt/arrow.h"

#include <unistd.h>

typedef struct fixture {
    silt_engine *engine;
    char *dir;
    silt_arena *arena;
    silt_rows_spec rows;
    silt_query_spec *query;
    /* what the relation function was asked, a line each; and what it gives, by table name */
    silt_buf asked;
    const char *names[4];
    silt_rows_spec given[4];
    size_t given_count;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->engine = duck_new();
    f->dir = test_dir_new();
    f->arena = silt_arena_new();
    silt_buf_puts(&f->asked, "");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    silt_engine_free(f->engine);
    test_dir_free(f->dir);
    silt_arena_free(f->arena);
    silt_buf_release(&f->asked);
    free(f);
    return 0;
}

/* ---- helpers --------------------------------------------------------------------------------- */

static void print_expr(const silt_expr *e, silt_buf *out)
{
    static const char *const ops[SILT_OP_COUNT] = {
        [SILT_OP_EQ] = "=",         [SILT_OP_NE] = "<>",
        [SILT_OP_LT] = "<",         [SILT_OP_LE] = "<=",
        [SILT_OP_GT] = ">",         [SILT_OP_GE] = ">=",
        [SILT_OP_AND] = "and",      [SILT_OP_OR] = "or",
        [SILT_OP_NOT] = "not",      [SILT_OP_IN] = "in",
        [SILT_OP_IS_NULL] = "null", [SILT_OP_CAST] = "cast",
        [SILT_OP_EQ_NULL] = "<=>",  [SILT_OP_STARTS_WITH] = "starts"};
    if (e->kind == SILT_EXPR_COLUMN) {
        silt_buf_puts(out, e->path[0]);
    } else if (e->kind == SILT_EXPR_LITERAL) {
        silt_buf_printf(out, e->type->kind == SILT_TYPE_STRING ? "'%s'" : "%s", e->text);
    } else {
        silt_buf_printf(out, "(%s", ops[e->op]);
        for (size_t i = 0; i < e->arg_count; i++) {
            silt_buf_putc(out, ' ');
            print_expr(e->args[i], out);
        }
        silt_buf_putc(out, ')');
    }
}

static silt_status relation(void *ctx, const silt_relation_request *r, const silt_rows_spec **out,
                            silt_error *err)
{
    fixture *f = ctx;
    silt_buf_puts(&f->asked, r->table);
    if (r->version >= 0) silt_buf_printf(&f->asked, " v%" PRId64, r->version);
    if (r->timestamp) silt_buf_printf(&f->asked, " t%s", r->timestamp);
    if (r->changes) silt_buf_printf(&f->asked, " %s..%s", r->from, r->to ? r->to : "");
    if (r->is_name) silt_buf_puts(&f->asked, " name");
    if (r->filter) {
        silt_buf_puts(&f->asked, " ");
        print_expr(r->filter, &f->asked);
    }
    silt_buf_putc(&f->asked, '\n');
    for (size_t i = 0; i < f->given_count; i++) {
        if (strcasecmp(f->names[i], r->table) != 0) continue;
        *out = &f->given[i];
        return SILT_OK;
    }
    (void)silt_fail(err, SILT_NOT_FOUND, "there is no table %s", r->table);
    return silt_hint(err, SILT_NOT_FOUND, "did you mean 'a'?");
}

/* A relation of one file. */
static void give(fixture *f, const char *name, const char *sql, const char *columns)
{
    silt_error err = {0};
    const silt_type *type = NULL;
    duck_run(f->engine, f->dir,
             silt_arena_printf(f->arena, "COPY (%s) TO '@%s' (FORMAT parquet)", sql, name));
    duck_assert_ok(silt_type_parse(columns, f->arena, &type, &err), &err);
    silt_scan_file *file = silt_arena_calloc(f->arena, 1, sizeof *file);
    *file = (silt_scan_file){.local_path = silt_arena_printf(f->arena, "%s/%s", f->dir, name),
                             .row_count = -1,
                             .base_row_id = -1};
    silt_scan_column *out = silt_arena_calloc(f->arena, type->field_count, sizeof *out);
    for (size_t i = 0; i < type->field_count; i++)
        out[i] = (silt_scan_column){.name = type->fields[i].name,
                                    .type = type->fields[i].type,
                                    .kind = SILT_SCAN_DATA,
                                    .physical = {.name = type->fields[i].name, .id = -1}};
    f->names[f->given_count] = name;
    f->given[f->given_count++] = (silt_rows_spec){.kind = SILT_ROWS_SCAN,
                                                  .scan = {.files = file,
                                                           .file_count = 1,
                                                           .columns = out,
                                                           .column_count = type->field_count,
                                                           .limit = -1}};
}

static void give_two(fixture *f)
{
    give(f, "a", "SELECT i::INTEGER AS id, 'n' || i AS name FROM range(5) t(i)",
         "struct<id:int,name:string>");
    give(f, "b",
         "SELECT (i + 2)::INTEGER AS id, DATE '2024-01-01' + i::INTEGER AS day "
         "FROM range(5) t(i)",
         "struct<id:int,day:date>");
}

static silt_rows_spec *query(fixture *f, const char *sql)
{
    f->rows = (silt_rows_spec){.kind = SILT_ROWS_QUERY,
                               .query = {.sql = sql, .relation = relation, .ctx = f}};
    silt_buf_clear(&f->asked);
    silt_buf_puts(&f->asked, "");
    return &f->rows;
}

static bool add_row(void *ctx, const silt_bytes *values, size_t count)
{
    silt_buf *text = ctx;
    for (size_t i = 0; i < count; i++) {
        if (i) silt_buf_putc(text, '|');
        if (values[i].data)
            silt_buf_append(text, values[i].data, values[i].size);
        else
            silt_buf_putc(text, '~');
    }
    silt_buf_putc(text, '\n');
    return true;
}

static void assert_query(fixture *f, const char *sql, const char *expected)
{
    silt_error err = {0};
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "");
    duck_assert_ok(f->engine->ops->scan_rows(f->engine, query(f, sql), add_row, &text, &err), &err);
    assert_string_equal(text.data, expected);
}

static void assert_refused(fixture *f, const char *sql, silt_status status, const char *message)
{
    silt_error err = {0};
    SILT_CLEAN(silt_buf) text = {0};
    silt_status st = f->engine->ops->scan_rows(f->engine, query(f, sql), add_row, &text, &err);
    if (st != status || !strstr(err.message, message))
        fail_msg("%s: %s: %s", sql, silt_status_name(st), err.message);
}

/* ---- rows --------------------------------------------------------------------------------------
 */

static void relations_join(void **state)
{
    fixture *f = *state;
    give_two(f);
    assert_query(
        f,
        "SELECT a.name, b.day FROM delta('a') a JOIN delta('b', version := 3) b USING (id) "
        "ORDER BY 1; -- done",
        "n2|2024-01-01\nn3|2024-01-02\nn4|2024-01-03\n");
    assert_string_equal(f->asked.data, "a\nb v3\n");
    assert_query(f, "FROM A SELECT count(*), sum(id)", "5|10\n");
    assert_string_equal(f->asked.data, "A name\n");
    assert_query(f,
                 "WITH x AS (FROM delta('a', timestamp := '2024-01-15')), a AS (SELECT 7 AS z) "
                 "SELECT (SELECT max(day) FROM b), (SELECT count(*) FROM x), z FROM a",
                 "2024-01-05|5|7\n");
    assert_query(f, "SELECT count(*) FROM delta_changes('b', 1, '2024-01-15')", "5\n");
    assert_string_equal(f->asked.data, "b 1..2024-01-15\n");
    assert_query(f, "SELECT 1 AS one UNION ALL SELECT i FROM range(2) t(i) ORDER BY 1",
                 "0\n1\n1\n");
    assert_query(f, "FROM (PIVOT (SELECT id % 2 AS odd FROM a) ON odd IN (0, 1) USING count(*))",
                 "3|2\n");
    assert_query(f, "SELECT id FROM delta('a') WHERE name = 'it''s' OR id = 1 LIMIT 3", "1\n");
}

static void timestamp_is_a_name_of_an_argument(void **state)
{
    fixture *f = *state;
    give_two(f);
    assert_query(
        f,
        "SELECT count(*), max(TIMESTAMP '2024-01-15') AS \"timestamp\", /* timestamp := /* "
        "*/ 1 */ 'timestamp := ''x' AS t, E'\\'timestamp := ' AS e, $x$timestamp := '$x$ "
        "AS d -- timestamp := '\nFROM delta('a', TimeStamp\n := '2024-01-15')",
        "5|2024-01-15T00:00:00.000000|timestamp := 'x|'timestamp := |timestamp := '\n");
    assert_string_equal(f->asked.data, "a t2024-01-15\n");
    assert_query(f, "FROM delta('a', timestamp => '2024-01-15') SELECT count(*)", "5\n");
    assert_refused(f, "FROM delta('a', timestamp := '2024'), nope", SILT_NOT_FOUND,
                   "line 1, column 39: ");
}

static void conditions_reach_relations(void **state)
{
    fixture *f = *state;
    give_two(f);
    static const struct {
        const char *sql, *asked;
    } cases[] = {
        {"FROM delta('a') WHERE id > 3 AND name LIKE 'n%' AND length(name) = 2",
         "a (and (> id 3) (starts name 'n'))\n"},
        {"FROM a WHERE id IN (1, 2) OR (id BETWEEN 3 AND 4.5 AND name IS NOT NULL)",
         "a name (or (in id 1 2) (and (and (>= id 3) (<= id 4.5)) (not (null name))))\n"},
        {"FROM b WHERE day >= DATE '2024-01-02' AND day < '2024-01-04'",
         "b name (and (>= day (cast '2024-01-02')) (< day '2024-01-04'))\n"},
        {"FROM b WHERE day = DATE '2024-1-2'", "b name\n"}, /* readers differ on it */
        {"SELECT * FROM a x JOIN b ON x.id = b.id WHERE x.id = 3 AND b.day > '2020-01-01'",
         "a name (= id 3)\nb name (> day '2020-01-01')\n"},
        {"SELECT * FROM a JOIN b USING (id) WHERE id = 3 AND name = 'x'", "a name\nb name\n"},
        {"SELECT * FROM a JOIN b ON a.id = b.id AND b.day = '2024-01-02'",
         "a name\nb name (= day '2024-01-02')\n"},
        /* outer joins: rows of the other side are there without their match */
        {"SELECT * FROM a LEFT JOIN b ON a.id = b.id WHERE b.day IS NULL AND a.id = 1",
         "a name (= id 1)\nb name\n"},
        {"SELECT * FROM a LEFT JOIN b ON a.id = b.id AND a.id = 1 AND b.id = 3",
         "a name\nb name (= id 3)\n"},
        {"SELECT * FROM a RIGHT JOIN b ON a.id = b.id WHERE a.id = 1 AND b.id = 3",
         "a name\nb name (= id 3)\n"},
        {"SELECT * FROM a FULL JOIN b ON a.id = b.id WHERE a.id = 1 AND b.id = 3",
         "a name\nb name\n"},
        {"SELECT * FROM (a JOIN b USING (id)) LEFT JOIN delta('a') c ON c.id = b.id "
         "WHERE a.id = 2 AND c.id = 2",
         "a name (= id 2)\nb name\na\n"},
        {"FROM a WHERE NOT EXISTS (FROM b WHERE b.id = a.id AND b.id = 3)",
         "a name\nb name (= id 3)\n"},
        /* the same relation twice is what either needs */
        {"SELECT * FROM a x, a y WHERE x.id = 1 AND y.id = 2", "a name (or (= id 1) (= id 2))\n"},
        {"SELECT * FROM a x, a y WHERE x.id = 1", "a name\n"},
        {"FROM a WHERE id = 1 UNION FROM a", "a name\n"},
        /* samples are taken before the condition */
        {"FROM a TABLESAMPLE 50% WHERE id = 1", "a name\n"},
        {"SELECT * FROM a WHERE id = 1 USING SAMPLE 3", "a name\n"},
        /* other names than the table's */
        {"FROM a t(x, y) WHERE x = 1", "a name\n"},
        {"SELECT * FROM (FROM a) t WHERE id = 1", "a name\n"},
        {"SELECT max(id) FROM a GROUP BY name HAVING max(id) = 1", "a name\n"},
        {"FROM a WHERE id = (SELECT 1)", "a name\n"},
        {"FROM a WHERE random() < 2 AND id <> -1 AND true", "a name (and (<> id -1) true)\n"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_error err = {0};
        SILT_CLEAN(silt_buf) text = {0};
        silt_status st =
            f->engine->ops->scan_rows(f->engine, query(f, cases[i].sql), add_row, &text, &err);
        if (st != SILT_OK) fail_msg("%s: %s", cases[i].sql, err.message);
        if (strcmp(f->asked.data, cases[i].asked) != 0)
            fail_msg("%s:\n%s", cases[i].sql, f->asked.data);
    }
}

static void columns_have_types_of_delta(void **state)
{
    fixture *f = *state;
    give_two(f);
    silt_error err = {0};
    const silt_column *columns = NULL;
    size_t count = 0;
    duck_assert_ok(
        f->engine->ops->describe(
            f->engine,
            query(f,
                  "SELECT a.id, b.id, sum(a.id) AS s, TIME '10:00' AS t, {'u': 1::UTINYINT} AS r, "
                  "NULL AS n, b.ID FROM a JOIN b USING (id) GROUP BY ALL"),
            f->arena, &columns, &count, &err),
        &err);
    SILT_CLEAN(silt_buf) text = {0};
    for (size_t i = 0; i < count; i++)
        silt_buf_printf(&text, "%s:%s ", columns[i].name,
                        silt_type_name(columns[i].type, f->arena));
    assert_string_equal(text.data,
                        "id:integer id_1:integer s:decimal(38,0) t:string r:struct<u:short> "
                        "n:integer id_2:integer ");
    assert_query(f, "SELECT sum(id) AS s, TIME '10:00' AS t, [1::UBIGINT] AS l FROM a",
                 "10|10:00:00|[1]\n");
}

static void rows_go_to_files(void **state)
{
    fixture *f = *state;
    give_two(f);
    silt_error err = {0};
    int64_t rows = 0;
    const char *path = silt_arena_printf(f->arena, "%s/out.parquet", f->dir);
    duck_assert_ok(
        f->engine->ops->scan_write(
            f->engine,
            query(f, "SELECT id, sum(id) OVER (ORDER BY id) AS s FROM a ORDER BY id DESC"),
            SILT_OUTPUT_PARQUET, &(silt_csv_form){.header = true}, path, &rows, &err),
        &err);
    assert_int_equal(rows, 5);
    duck_assert_text(f->engine, f->dir, "SELECT id, s, typeof(s) FROM '@out.parquet' LIMIT 2",
                     "4|10|DECIMAL(38,0)\n3|6|DECIMAL(38,0)\n");
}

static void streams_of_statements(void **state)
{
    fixture *f = *state;
    give_two(f);
    silt_error err = {0};
    struct ArrowArrayStream first = {0}, second = {0};
    silt_rows_spec a = *query(f, "SELECT sum(id)::BIGINT AS n FROM a");
    silt_rows_spec b = *query(f, "SELECT count(*) AS n FROM a JOIN b USING (id)");
    duck_assert_ok(f->engine->ops->scan_arrow(f->engine, &a, NULL, &first, &err), &err);
    duck_assert_ok(f->engine->ops->scan_arrow(f->engine, &b, NULL, &second, &err), &err);
    struct ArrowArray batch = {0};
    assert_int_equal(second.get_next(&second, &batch), 0);
    assert_int_equal(*(const int64_t *)batch.children[0]->buffers[1], 3);
    batch.release(&batch);
    assert_int_equal(first.get_next(&first, &batch), 0);
    assert_int_equal(*(const int64_t *)batch.children[0]->buffers[1], 10);
    batch.release(&batch);
    first.release(&first);
    second.release(&second);
}

/* ---- refusals ----------------------------------------------------------------------------------
 */

static void what_is_no_query_is_refused(void **state)
{
    fixture *f = *state;
    give_two(f);
    static const char *const statements[][2] = {
        {"INSERT INTO a VALUES (1)", "INSERT isn't a query"},
        {"/* x */ -- y\n copy (SELECT 1) TO '/tmp/x.csv'", "COPY isn't a query"},
        {"ATTACH '/tmp/x.db'", "ATTACH isn't a query"},
        {"PRAGMA version", "PRAGMA isn't a query"},
        {"SET memory_limit = '1GB'", "SET isn't a query"},
        {"INSTALL httpfs", "INSTALL isn't a query"},
        {"LOAD httpfs", "LOAD isn't a query"},
        {"EXPLAIN SELECT 1", "EXPLAIN isn't a query"},
        {"CREATE TABLE t AS SELECT 1", "CREATE isn't a query"},
        {"DROP VIEW a", "DROP isn't a query"},
        {"CALL pragma_version()", "CALL isn't a query"},
        {"SELECT 1; SELECT 2", "2 statements"},
        {"SELECT 1; DROP VIEW a", "only one query is allowed"},
        {"  ", "there is no statement"},
        {"SHOW TABLES", "only queries"},
        {"FROM read_csv('/etc/passwd')", "line 1, column 6: read_csv() can't be read from"},
        {"FROM read_text('/etc/passwd')", "read_text()"},
        {"FROM glob('/*')", "glob()"},
        {"SELECT (SELECT max(x) FROM parquet_scan('a.parquet') t(x))", "parquet_scan()"},
        {"FROM query('FROM read_csv(''x'')')", "query()"},
        {"FROM query_table('x.csv')", "query_table()"},
        {"FROM json_execute_serialized_sql('x')", "json_execute_serialized_sql()"},
        {"SELECT silt_part_long(1, 0)", "no function silt_part_long"},
        {"FROM information_schema.tables", "there are no schemas"},
        {"SELECT $1", "parameters"},
        {"SELECT ?", "parameters"},
        {"PIVOT a ON id USING count(*)", "has to name its values"},
        {"FROM (PIVOT a ON id USING count(*))", "has to name its values"},
        {"FROM (DESCRIBE (FROM read_csv('x.csv')))", "read_csv()"},
    };
    for (size_t i = 0; i < SILT_COUNT(statements); i++)
        assert_refused(f, statements[i][0], SILT_INVALID, statements[i][1]);
    assert_refused(f, "SELECT 1\nFROM 'x.parquet'", SILT_NOT_FOUND,
                   "line 2, column 6: there is no table x.parquet");
    assert_refused(f, "SELECT * FROM (WITH \"x.csv\" AS (SELECT 1) SELECT 1), \"x.csv\"",
                   SILT_NOT_FOUND, "there is no table x.csv");
}

static void mistakes_are_told_with_their_place(void **state)
{
    fixture *f = *state;
    give_two(f);
    static const char *const statements[][2] = {
        {"SELECT id,\n FROM a WHERE", "line 2, column 14: syntax error at end of input"},
        {"SELEC 1", "line 1, column 1: syntax error at or near \"SELEC\""},
        {"SELECT id,\n  nmae FROM a", "line 2, column 3: Referenced column \"nmae\" not found"},
        {"SELECT flor(id) FROM a", "Did you mean \"floor\"?"},
        {"FROM delta('a', versoin := 1)", "there is no argument versoin"},
        {"FROM delta('a', version := -1)", "version '-1'"},
        {"FROM delta('a', version := 'x')", "version 'x'"},
        {"FROM delta('a', version := 1, timestamp := 'x')", "only one can be given"},
        {"FROM delta('a' || 'b')", "has to be a text or a whole number"},
        {"FROM delta()", "which table?"},
        {"FROM delta('a', 1, 2, 3)", "too many arguments"},
        {"FROM delta_changes('a')", "from which version"},
    };
    for (size_t i = 0; i < SILT_COUNT(statements); i++) {
        assert_refused(f, statements[i][0], SILT_INVALID, statements[i][1]);
        silt_error err = {0};
        (void)!f->engine->ops->scan_rows(f->engine, query(f, statements[i][0]), add_row, NULL,
                                         &err);
        assert_null(strstr(err.message, "read_parquet")); /* nothing of ours */
    }
    assert_refused(f, "SELECT CAST(name AS INTEGER) FROM a", SILT_FAILED, "'n0'");
}

static void an_unreadable_relation_is_named(void **state)
{
    fixture *f = *state;
    give_two(f);
    assert_int_equal(unlink(f->given[1].scan.files[0].local_path), 0);
    assert_refused(f, "SELECT count(*) FROM delta('a') JOIN delta('b') USING (id)", SILT_NOT_FOUND,
                   f->given[1].scan.files[0].local_path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(relations_join),
        TEST(timestamp_is_a_name_of_an_argument),
        TEST(conditions_reach_relations),
        TEST(columns_have_types_of_delta),
        TEST(rows_go_to_files),
        TEST(streams_of_statements),
        TEST(what_is_no_query_is_refused),
        TEST(mistakes_are_told_with_their_place),
        TEST(an_unreadable_relation_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
