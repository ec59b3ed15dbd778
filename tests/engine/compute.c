/* What is written beside what was read: expressions, defaults, identities; checks; orders. */
#include "engine/stage.h"
#include "table/expr.h"

#define FILES(...) \
    (const char *const[]){__VA_ARGS__}, SILT_COUNT(((const char *const[]){__VA_ARGS__}))

/* ---- fixtures -------------------------------------------------------------------------------- */

static const silt_expr *expr_of(staging *s, const char *text, const char *schema)
{
    const silt_expr *expr = NULL;
    silt_error err = {0};
    duck_assert_ok(silt_expr_parse(text, s->arena, &expr, &err), &err);
    duck_assert_ok(silt_expr_bind(expr, staging_type(s, schema), s->arena, &expr, &err), &err);
    return expr;
}

static silt_output_column *column_of(staging *s, size_t index)
{
    return (silt_output_column *)&s->spec.columns[index];
}

static void make_expr(staging *s, size_t index, const char *text, const char *schema)
{
    silt_output_column *column = column_of(s, index);
    column->kind = SILT_OUTPUT_EXPR;
    column->expr = expr_of(s, text, schema);
}

static void add_check(staging *s, const char *name, const char *text, const char *schema)
{
    silt_check *checks = silt_arena_calloc(s->arena, s->spec.write.check_count + 1, sizeof *checks);
    if (s->spec.write.check_count)
        memcpy(checks, s->spec.write.checks, s->spec.write.check_count * sizeof *checks);
    checks[s->spec.write.check_count++] =
        (silt_check){.name = name, .condition = expr_of(s, text, schema)};
    s->spec.write.checks = checks;
}

static void assert_refused(staging *s, silt_status expected, const char *words)
{
    silt_status st = staging_run(s);
    if (st != expected || !strstr(s->err.message, words))
        fail_msg("%s: %s", silt_status_name(st), s->err.message);
    char *left = test_list(s->out);
    assert_string_equal(left, "");
    free(left);
}

/* ---- computed columns ------------------------------------------------------------------------ */

/* One group has the columns, one hasn't; both rows of each arrive with what they have. */
static void expressions_and_defaults(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_write(&s, "a.csv", "a,d,g\n1,given,100\n2,,\n");
    staging_write(&s, "b.csv", "a\n3\n4\n");
    staging_group(&s, "a:long, d:string, g:long", FILES("a.csv"));
    staging_group(&s, "a:long", FILES("b.csv"));
    staging_columns(&s, "a:long, g:long, d:string, h:string");
    column_of(&s, 2)->expr = expr_of(&s, "concat('de', 'fault')", "struct<a:long>");
    make_expr(&s, 1, "a * 10", "struct<a:long>");
    make_expr(&s, 3, "concat(d, '!')", "struct<d:string>");
    column_of(&s, 3)->source = NULL;
    staging_ok(&s);
    staging_rows(&s, "SELECT a, g, d, h",
                 "1|100|given|given!\n2|~|~|~\n3|30|default|default!\n4|40|default|default!\n");
    assert_int_equal(s.result.source_rows[0], 2);
    assert_int_equal(s.result.source_rows[1], 2);
    silt_duck_remove_written(s.out, s.spec.write.file_prefix);

    /* By label, where the files have other names. */
    column_of(&s, 0)->label = "a";
    column_of(&s, 0)->name = "col-1";
    staging_ok(&s);
    staging_rows(&s, "SELECT \"col-1\", g, d, h",
                 "1|100|given|given!\n2|~|~|~\n3|30|default|default!\n4|40|default|default!\n");
    silt_duck_remove_written(s.out, s.spec.write.file_prefix);

    make_expr(&s, 3, "g + 1", "struct<g:long>");
    column_of(&s, 3)->type = staging_type(&s, "long");
    assert_refused(&s, SILT_INVALID, "column h: its expression looks at column g");
    make_expr(&s, 3, "z + 1", "struct<z:long>");
    assert_refused(&s, SILT_INVALID, "column h: an expression looks at column z");
    staging_release(&s);
}

/* Files, ids and stats have physical names; expressions and messages don't. */
static void mapped_columns(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_NDJSON);
    staging_write(&s, "a.json", "{\"a\":{\"x\":1,\"y\":[{\"z\":2}]},\"p\":\"one\"}\n");
    staging_group(&s, "a:struct<x:long,y:array<struct<z:long>>>, p:string", FILES("a.json"));
    staging_columns(&s, "a:struct<x:long,y:array<struct<z:long>>>, g:long, p:string");
    const silt_physical z = {.name = "col-z", .id = 5};
    const silt_physical item = {.id = -1, .children = &z, .child_count = 1};
    const silt_physical fields[] = {
        {.name = "col-x", .id = 3},
        {.name = "col-y", .id = 4, .children = &item, .child_count = 1}};
    *column_of(&s, 0) = (silt_output_column){
        .name = "col-a",
        .label = "a",
        .type = column_of(&s, 0)->type,
        .source = "a",
        .physical = {.name = "col-a", .id = 1, .children = fields, .child_count = 2}};
    make_expr(&s, 1, "a.x + 1", "struct<a:struct<x:long>>");
    column_of(&s, 1)->source = NULL;
    column_of(&s, 1)->name = "col-g";
    column_of(&s, 1)->label = "g";
    column_of(&s, 1)->physical = (silt_physical){.name = "col-g", .id = 2};
    column_of(&s, 2)->name = "col-p";
    column_of(&s, 2)->label = "p";
    column_of(&s, 2)->physical = (silt_physical){.name = "col-p", .id = 6};
    s.spec.write.partition_by = (const size_t[]){2};
    s.spec.write.partition_count = 1;
    add_check(&s, "few", "a.x < 2 and p = 'one'", "struct<a:struct<x:long>,p:string>");
    staging_ok(&s);
    staging_rows(&s, "SELECT *", "{'col-x': 1, 'col-y': [{'col-z': 2}]}|2|one\n");
    duck_assert_text(s.engine, s.dir,
                     "SELECT string_agg(name || '=' || field_id, ' ') FROM "
                     "parquet_schema('@out/*.parquet') WHERE field_id IS NOT NULL",
                     "col-a=1 col-x=3 col-y=4 col-z=5 col-g=2\n");
    assert_string_equal(s.result.files[0].partition_values[0], "one");
    assert_string_equal(s.result.files[0].stats[0].path[0], "col-a");
    assert_string_equal(s.result.files[0].stats[0].path[1], "col-x");
    staging_release(&s);
}

/* All columns are computed, and partition the rows. */
static void computed_columns_partition(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_NDJSON);
    staging_write(&s, "a.json", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    staging_group(&s, "a:long", FILES("a.json"));
    staging_columns(&s, "a:long, p:string");
    make_expr(&s, 1, "case when a % 2 = 1 then 'odd' else '' end", "struct<a:long>");
    column_of(&s, 1)->source = NULL;
    s.spec.write.partition_by = (const size_t[]){1};
    s.spec.write.partition_count = 1;
    staging_ok(&s);
    assert_int_equal(s.result.file_count, 2);
    staging_rows(&s, "SELECT a, p", "1|odd\n2|~\n3|odd\n");
    silt_duck_remove_written(s.out, s.spec.write.file_prefix);

    column_of(&s, 1)->not_null = true;
    staging_bad(&s, 1, (const size_t[]){0},
                (const char *const[]){"column p must not be null, but is in 1 row"});
    assert_int_equal(s.result.violation_count, 1);
    assert_string_equal(s.result.violations[0].samples[0], "{\"a\":2,\"p\":null}");
    s.spec.write.partition_count = 0;
    column_of(&s, 0)->kind = SILT_OUTPUT_EXPR;
    column_of(&s, 0)->source = NULL;
    column_of(&s, 0)->expr = expr_of(&s, "7L", "struct<a:long>");
    column_of(&s, 1)->expr = expr_of(&s, "'x'", "struct<a:long>");
    staging_ok(&s);
    staging_rows(&s, "SELECT a, p", "7|x\n7|x\n7|x\n");
    staging_release(&s);
}

static void identities_number_rows(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    duck_run(s.engine, s.dir, "COPY (SELECT i AS a FROM range(50000) t(i)) TO '@in/a.csv'");
    duck_run(s.engine, s.dir, "COPY (SELECT i AS a FROM range(70000) t(i)) TO '@in/b.csv'");
    staging_write(&s, "given.csv", "a,id\n1,5\n2,\n");
    staging_group(&s, "a:long", FILES("a.csv", "b.csv"));
    staging_columns(&s, "a:long, id!:long");
    column_of(&s, 1)->kind = SILT_OUTPUT_IDENTITY;
    column_of(&s, 1)->source = NULL;
    column_of(&s, 1)->value = 101;
    column_of(&s, 1)->step = -3;
    staging_ok(&s);
    assert_int_equal(s.result.identity_count, 120000);
    assert_int_equal(s.result.identity_last, 101 - 3 * 119999);
    staging_rows(&s, "SELECT count(DISTINCT id), max(id), min(id), count(*)",
                 "120000|101|-359896|120000\n");
    silt_duck_remove_written(s.out, s.spec.write.file_prefix);

    /* Where the file has numbers they stay, null too. */
    staging_group(&s, "a:long, id:long", FILES("given.csv"));
    s.groups[0] = s.groups[1];
    s.spec.group_count = 1;
    column_of(&s, 1)->source = "id";
    column_of(&s, 1)->not_null = false;
    staging_ok(&s);
    assert_int_equal(s.result.identity_count, 0);
    staging_rows(&s, "SELECT a, id", "1|5\n2|~\n");
    silt_duck_remove_written(s.out, s.spec.write.file_prefix);

    column_of(&s, 1)->source = NULL;
    column_of(&s, 1)->value = INT64_MAX;
    column_of(&s, 1)->step = 1;
    assert_refused(&s, SILT_BAD_DATA, "no more numbers");
    column_of(&s, 1)->step = 0;
    assert_refused(&s, SILT_INVALID, "step");
    staging_release(&s);
}

/* ---- checks ---------------------------------------------------------------------------------- */

static void checks_are_counted_by_file(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    duck_run(s.engine, s.dir,
             "COPY (SELECT i AS a, TIMESTAMP '2024-01-01' AS t FROM range(30000) t(i)) TO "
             "'@in/a.csv'");
    staging_write(&s, "b.csv", "a,t\n-1,2024-01-01 00:00:00.5\n,\n7,2024-01-01 00:00:00\n");
    staging_write(&s, "c.csv", "a,t\n7,2024-01-01 00:00:00\n");
    staging_group(&s, "a:long, t:timestamp", FILES("a.csv", "b.csv", "c.csv"));
    staging_columns(&s, "a:long, t:timestamp, g:long");
    make_expr(&s, 2, "a + 1", "struct<a:long>");
    column_of(&s, 2)->source = NULL;
    add_check(&s, "small", "a < 20000", "struct<a:long>");
    add_check(&s, "positive", "g >= 1", "struct<g:long>");
    add_check(&s, "always", "true", "struct<g:long>");
    staging_bad(&s, 2, (const size_t[]){0, 1},
                (const char *const[]){"10000 rows violate small",
                                      "1 row violates small; 2 rows violate "
                                      "positive"});
    assert_non_null(strstr(s.err.message, "10001 rows violate small; 2 rows violate"));
    assert_int_equal(s.result.violation_count, 2);
    assert_ptr_equal(s.result.violations[0].check, &s.spec.write.checks[0]);
    assert_int_equal(s.result.violations[0].rows, 10001);
    assert_int_equal(s.result.violations[0].sample_count, 5);
    assert_int_equal(s.result.violations[1].rows, 2);
    assert_int_equal(s.result.violations[1].sample_count, 2);
    assert_string_equal(s.result.violations[1].samples[0],
                        "{\"a\":-1,\"t\":\"2024-01-01T00:00:00.500000Z\",\"g\":0}");
    assert_string_equal(s.result.violations[1].samples[1], "{\"a\":null,\"t\":null,\"g\":null}");

    /* The same files without what is wrong, in partitions. */
    s.spec.write.checks++;
    s.spec.write.check_count = 1;
    s.groups[0].files += 2;
    s.groups[0].file_count = 1;
    s.spec.write.partition_by = (const size_t[]){0};
    s.spec.write.partition_count = 1;
    s.result = (silt_stage_result){0};
    staging_ok(&s);
    assert_int_equal(s.result.violation_count, 0);
    staging_rows(&s, "SELECT a, g", "7|8\n");
    silt_duck_remove_written(s.out, s.spec.write.file_prefix);

    add_check(&s, "lost", "z > 1", "struct<z:long>");
    assert_refused(&s, SILT_INVALID, "constraint lost: an expression looks at column z");
    staging_release(&s);
}

/* A value that can't be read is the file's fault, whatever else is computed. */
static void blame_knows_computed_columns(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    staging_write(&s, "a.csv", "a,b\n1,2\n");
    staging_write(&s, "b.csv", "a,b\n2,2\nx1,2\n");
    staging_write(&s, "c.csv", "a,b\n,2\n");
    staging_group(&s, "a:long, b:long", FILES("a.csv", "b.csv", "c.csv"));
    staging_columns(&s, "a!:long, b:long, g:long");
    make_expr(&s, 2, "a + b", "struct<a:long,b:long>");
    column_of(&s, 2)->source = NULL;
    make_expr(&s, 1, "a", "struct<a:long>");
    column_of(&s, 1)->source = NULL;
    add_check(&s, "always", "true", "struct<a:long>");
    assert_refused(&s, SILT_INVALID, "column g: its expression looks at column b");
    make_expr(&s, 2, "a + 1", "struct<a:long>");
    staging_bad(&s, 2, (const size_t[]){1, 2},
                (const char *const[]){"line 3, column a: 'x1'", "column a must not be null"});
    staging_release(&s);
}

/* ---- order ----------------------------------------------------------------------------------- */

static void rows_are_in_order(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    duck_run(s.engine, s.dir,
             "COPY (SELECT hash(i)::VARCHAR AS h, nullif(i % 7, 3) AS n, i % 2 AS p FROM "
             "range(300000) t(i)) TO '@in/a.csv'");
    staging_group(&s, "h:string, n:long, p:long", FILES("a.csv"));
    staging_columns(&s, "h:string, n:long, p:long");
    s.spec.write.order = (silt_write_order){.columns = (const size_t[]){1, 0}, .column_count = 2};
    s.spec.write.target_file_bytes = 1000000;
    staging_ok(&s);
    assert_true(s.result.file_count > 2);
    const char *sorted =
        "SELECT count(*), count(*) FILTER (WHERE b > a) FROM (SELECT row(n, h) AS a, "
        "lag(row(n, h)) OVER (PARTITION BY filename ORDER BY file_row_number) AS b FROM "
        "(SELECT coalesce(n, -1) AS n, h, filename, file_row_number FROM "
        "read_parquet('@out/*.parquet', filename = true, hive_partitioning = false)))";
    duck_assert_text(s.engine, s.dir, sorted, "300000|0\n");
    /* Over the files too: they don't overlap. */
    duck_assert_text(s.engine, s.dir,
                     "SELECT bool_and(low >= before) FROM (SELECT low, lag(high) OVER (ORDER BY "
                     "low, high) AS before FROM (SELECT min(coalesce(n, -1)) AS low, "
                     "max(coalesce(n, -1)) AS high FROM read_parquet('@out/*.parquet', filename = "
                     "true) GROUP BY filename))",
                     "true\n");
    silt_duck_remove_written(s.out, s.spec.write.file_prefix);

    s.spec.write.partition_by = (const size_t[]){2};
    s.spec.write.partition_count = 1;
    staging_ok(&s);
    assert_int_equal(s.result.file_count, 2);
    duck_assert_text(s.engine, s.dir, sorted, "300000|0\n");
    staging_release(&s);
}

/* How many of the files can hold rows with a value: the fewer the better the curve. */
static char *files_with(staging *s, const char *column, const char *value)
{
    return duck_text(
        s->engine, s->dir,
        silt_arena_printf(s->arena,
                          "SELECT count(*) FROM (SELECT min(%s) AS low, max(%s) AS high FROM "
                          "read_parquet('@out/*.parquet', filename = true) GROUP BY filename) "
                          "WHERE %s BETWEEN low AND high",
                          column, column, value));
}

static void rows_follow_the_curve(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    duck_run(s.engine, s.dir,
             "COPY (SELECT lpad((hash(i) % 10000)::VARCHAR, 5, '0') AS a, hash(i + 1) % 10000 AS "
             "b, i AS c FROM range(256000) t(i)) TO '@in/a.csv'");
    staging_group(&s, "a:string, b:long, c:long", FILES("a.csv"));
    staging_columns(&s, "a:string, b:long, c:long");
    s.spec.write.order =
        (silt_write_order){.columns = (const size_t[]){0, 1}, .column_count = 2, .z_order = true};
    s.spec.write.target_file_bytes = 1;
    s.spec.write.row_group_rows = 4096;
    staging_ok(&s);
    assert_int_equal(s.result.row_count, 256000);
    assert_in_range(s.result.file_count, 50, 80);
    duck_assert_text(s.engine, s.dir,
                     "SELECT count(DISTINCT c), count(*) FROM read_parquet('@out/*.parquet')",
                     "256000|256000\n");
    static const char *const probes[][2] = {
        {"a", "'04000'"}, {"a", "'07700'"}, {"b", "1200"}, {"b", "5100"}};
    for (size_t i = 0; i < SILT_COUNT(probes); i++) {
        char *text = files_with(&s, probes[i][0], probes[i][1]);
        assert_in_range(atoi(text), 1, 20); /* of 63; about the root of it */
        free(text);
    }
    duck_assert_text(s.engine, s.dir,
                     "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'silt%'", "0\n");
    staging_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_and_defaults),
        cmocka_unit_test(mapped_columns),
        cmocka_unit_test(computed_columns_partition),
        cmocka_unit_test(identities_number_rows),
        cmocka_unit_test(checks_are_counted_by_file),
        cmocka_unit_test(blame_knows_computed_columns),
        cmocka_unit_test(rows_are_in_order),
        cmocka_unit_test(rows_follow_the_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
