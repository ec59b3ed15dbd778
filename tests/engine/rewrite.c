/* Rows that are had already into files: names, ids, sizes, partitions; and where rows are. */
#include "engine/scan.h"

#include <sys/stat.h>

#include "engine/duckdb_ops.h"
#include "table/expr.h"

/* ---- fixtures -------------------------------------------------------------------------------- */

static const silt_expr *expr_of(fixture *f, const char *text, const char *schema)
{
    const silt_expr *expr = NULL;
    silt_error err = {0};
    duck_assert_ok(silt_expr_parse(text, f->arena, &expr, &err), &err);
    duck_assert_ok(silt_expr_bind(expr, type_of(f, schema), f->arena, &expr, &err), &err);
    return expr;
}

static silt_output_column output(fixture *f, const char *name, const char *type)
{
    return (silt_output_column){.name = name, .type = type_of(f, type), .source = name};
}

/* A spec over the scan of a.parquet, into out/. */
typedef struct making {
    silt_scan_file file;
    silt_scan_column columns[8];
    silt_rows_spec rows;
    silt_rewrite_spec spec;
} making;

static void making_init(fixture *f, making *m, const silt_scan_column *columns, size_t count,
                        const silt_output_column *outputs, size_t output_count)
{
    *m = (making){.file = data_file(f, "a.parquet")};
    if (count) memcpy(m->columns, columns, count * sizeof *columns);
    m->rows = (silt_rows_spec){.scan = {.files = &m->file,
                                        .file_count = 1,
                                        .columns = m->columns,
                                        .column_count = count,
                                        .limit = -1}};
    m->spec = (silt_rewrite_spec){.rows = &m->rows,
                                  .columns = outputs,
                                  .column_count = output_count,
                                  .write = {.directory = path_of(f, "out"), .file_prefix = "p-"}};
    (void)mkdir(m->spec.write.directory, 0777);
}

static silt_stage_result rewritten(fixture *f, const making *m)
{
    silt_stage_result result = {0};
    silt_error err = {0};
    duck_assert_ok(f->engine->ops->rewrite(f->engine, &m->spec, f->arena, &result, &err), &err);
    return result;
}

static void assert_refused(fixture *f, const making *m, silt_status expected, const char *words)
{
    silt_stage_result result = {0};
    silt_error err = {0};
    silt_status st = f->engine->ops->rewrite(f->engine, &m->spec, f->arena, &result, &err);
    if (st != expected || !strstr(err.message, words))
        fail_msg("%s: %s", silt_status_name(st), err.message);
    char *left = test_list(m->spec.write.directory);
    assert_string_equal(left, "");
    free(left);
}

static void assert_out(fixture *f, const char *select, const char *expected)
{
    duck_assert_text(f->engine, f->dir,
                     silt_arena_printf(f->arena,
                                       "%s FROM read_parquet('@out/*.parquet') "
                                       "ORDER BY ALL",
                                       select),
                     expected);
}

/* ---- rewrite --------------------------------------------------------------------------------- */

static void rows_arrive_with_stats(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT i::INTEGER AS i, 's' || i AS s FROM range(10) t(i)) TO '@a.parquet'");
    const silt_scan_column columns[] = {data_column(f, "i", "int"), data_column(f, "s", "string")};
    silt_output_column outputs[] = {output(f, "s", "string"), output(f, "big", "long"),
                                    output(f, "none", "date"), output(f, "v", "timestamp")};
    outputs[1].source = "i";
    outputs[3] = (silt_output_column){
        .name = "v", .type = type_of(f, "timestamp"), .kind = SILT_OUTPUT_VALUE, .value = 1000000};
    making m;
    making_init(f, &m, columns, 2, outputs, 4);
    m.rows.scan.filter = expr_of(f, "i >= 7", "struct<i:int>");
    silt_stage_result result = rewritten(f, &m);
    assert_int_equal(result.row_count, 3);
    assert_int_equal(result.file_count, 1);
    assert_null(result.source_rows);
    assert_out(f, "SELECT s, big, typeof(big), none, v",
               "s7|7|BIGINT|~|1970-01-01 00:00:01+00\ns8|8|BIGINT|~|1970-01-01 00:00:01+00\n"
               "s9|9|BIGINT|~|1970-01-01 00:00:01+00\n");
    const silt_staged_file *file = &result.files[0];
    assert_int_equal(file->stats_count, 4);
    for (size_t i = 0; i < file->stats_count; i++) {
        if (strcmp(file->stats[i].path[0], "big") != 0) continue;
        assert_string_equal(file->stats[i].min, "7");
        assert_string_equal(file->stats[i].max, "9");
    }
}

static void rows_of_statements_and_of_nothing(void **state)
{
    fixture *f = *state;
    silt_output_column outputs[] = {output(f, "i", "long")};
    making m;
    making_init(f, &m, NULL, 0, outputs, 1);
    m.rows = (silt_rows_spec){.kind = SILT_ROWS_QUERY,
                              .query = {.sql = "SELECT i * 2 AS i FROM range(3) t(i)"}};
    assert_int_equal(rewritten(f, &m).row_count, 3);
    assert_out(f, "SELECT i", "0\n2\n4\n");
    m.rows.query.sql = "SELECT 1 AS i WHERE false";
    m.spec.write.directory = path_of(f, "none");
    assert_int_equal(mkdir(m.spec.write.directory, 0777), 0);
    silt_stage_result result = rewritten(f, &m);
    assert_int_equal(result.row_count, 0);
    assert_int_equal(result.file_count, 0);
}

static void names_and_ids_at_every_depth(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT * FROM (VALUES ({'x': 1, 'l': [{'q': 2}, NULL], 'm': MAP {'k': {'z': "
             "3}}}, 5), (NULL, 6)) t(s, i)) TO '@a.parquet'");
    const char *type = "struct<x:int,l:array<struct<q:int>>,m:map<string,struct<z:int>>>";
    const silt_scan_column columns[] = {data_column(f, "s", type), data_column(f, "i", "int")};
    const silt_physical q = {.name = "col-q", .id = 7}, z = {.name = "col-z", .id = 9};
    const silt_physical element = {.id = -1, .children = &q, .child_count = 1};
    const silt_physical map[] = {{.id = -1, .children = &z, .child_count = 1}, {.id = -1}};
    const silt_physical fields[] = {
        {.name = "col-x", .id = 3},
        {.name = "l", .id = 4, .children = &element, .child_count = 1},
        {.name = "col-m", .id = 5, .children = map, .child_count = 2},
    };
    silt_output_column outputs[] = {
        {.name = "col-s",
         .label = "s",
         .type = type_of(f, type),
         .source = "s",
         .physical = {.name = "col-s", .id = 2, .children = fields, .child_count = 3}},
        {.name = "col-i",
         .label = "i",
         .type = type_of(f, "int"),
         .source = "i",
         .physical = {.name = "col-i", .id = 1}}};
    making m;
    making_init(f, &m, columns, 2, outputs, 2);
    silt_stage_result result = rewritten(f, &m);
    assert_out(f, "SELECT \"col-i\", \"col-s\"",
               "5|{'col-x': 1, 'l': [{'col-q': 2}, NULL], 'col-m': {k={'col-z': 3}}}\n6|~\n");
    duck_assert_text(f->engine, f->dir,
                     "SELECT string_agg(name || '=' || field_id, ' ') FROM "
                     "parquet_schema('@out/*.parquet') WHERE field_id IS NOT NULL",
                     "col-s=2 col-x=3 l=4 col-q=7 col-m=5 col-z=9 col-i=1\n");
    bool found = false;
    for (size_t i = 0; i < result.files[0].stats_count; i++) {
        const silt_leaf_stats *leaf = &result.files[0].stats[i];
        if (leaf->path_count != 2 || strcmp(leaf->path[1], "col-x") != 0) continue;
        found = true;
        assert_string_equal(leaf->path[0], "col-s");
        assert_string_equal(leaf->min, "1");
    }
    assert_true(found);

    /* Partition columns have ids too, but aren't in the files. */
    const size_t by[] = {1};
    m.spec.write.partition_by = by;
    m.spec.write.partition_count = 1;
    m.spec.write.directory = path_of(f, "parts");
    assert_int_equal(mkdir(m.spec.write.directory, 0777), 0);
    result = rewritten(f, &m);
    assert_int_equal(result.file_count, 2);
    duck_assert_text(f->engine, f->dir,
                     "SELECT DISTINCT string_agg(name || '=' || field_id, ' ') FROM "
                     "parquet_schema('@parts/*.parquet') WHERE field_id IS NOT NULL GROUP BY "
                     "file_name",
                     "col-s=2 col-x=3 l=4 col-q=7 col-m=5 col-z=9\n");
}

static void files_are_as_large_as_wanted(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT i, hash(i)::VARCHAR AS h FROM range(400000) t(i)) TO '@a.parquet'");
    const silt_scan_column columns[] = {data_column(f, "i", "long"), data_column(f, "h", "string")};
    const silt_output_column outputs[] = {output(f, "i", "long"), output(f, "h", "string")};
    making m;
    making_init(f, &m, columns, 2, outputs, 2);
    m.spec.write.target_file_bytes = 1000000;
    silt_stage_result result = rewritten(f, &m);
    assert_int_equal(result.row_count, 400000);
    assert_in_range(result.file_count, 4, 14);
    for (size_t i = 0; i < result.file_count; i++)
        assert_true(result.files[i].size_bytes < 1500000);
    silt_duck_remove_written(m.spec.write.directory, "p-");

    m.spec.write.target_file_bytes = 0;
    m.spec.write.row_group_rows = 40960;
    m.spec.write.compression = "zstd";
    result = rewritten(f, &m);
    assert_int_equal(result.file_count, 1);
    duck_assert_text(f->engine, f->dir,
                     "SELECT max(row_group_num_rows) <= 40960, min(compression), "
                     "max(compression) FROM parquet_metadata('@out/*.parquet')",
                     "true|ZSTD|ZSTD\n");
}

/* Values are computed from the row as it was: SET a = b, b = a. */
static void columns_are_computed_from_rows(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT i AS a, i + 10 AS b, {'x': i} AS s FROM range(3) t(i)) TO "
             "'@a.parquet'");
    const char *schema = "struct<a:long,b:long,s:struct<x:long>,g:long>";
    const silt_scan_column columns[] = {data_column(f, "a", "long"), data_column(f, "b", "long"),
                                        data_column(f, "s", "struct<x:long>")};
    silt_output_column outputs[] = {output(f, "a", "long"),   output(f, "b", "long"),
                                    output(f, "g", "long"),   output(f, "id", "long"),
                                    output(f, "x", "double"), output(f, "new", "long")};
    outputs[0].kind = outputs[1].kind = outputs[2].kind = outputs[4].kind = SILT_OUTPUT_EXPR;
    outputs[3].kind = SILT_OUTPUT_IDENTITY;
    outputs[3].value = 7;
    outputs[3].step = 2;
    outputs[0].expr = expr_of(f, "b", schema);
    outputs[1].expr = expr_of(f, "a", schema);
    outputs[2].expr = expr_of(f, "new + 1", "struct<new:long>");
    outputs[4].expr = expr_of(f, "s.x", schema);
    outputs[0].source = outputs[1].source = NULL;
    outputs[5].expr = expr_of(f, "5L", schema);
    making m;
    making_init(f, &m, columns, 3, outputs, 6);
    silt_stage_result result = rewritten(f, &m);
    assert_int_equal(result.identity_count, 3);
    assert_int_equal(result.identity_last, 11);
    assert_out(f, "SELECT a, b, g, x, new", "10|0|6|0.0|5\n11|1|6|1.0|5\n12|2|6|2.0|5\n");
    assert_out(f, "SELECT id", "7\n9\n11\n");
}

static void rows_of_rewrites_are_checked(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT nullif(i, 3) AS i, {'x': i} AS s FROM range(9) t(i)) TO '@a.parquet'");
    const silt_scan_column columns[] = {data_column(f, "i", "long"),
                                        data_column(f, "s", "struct<x:long>")};
    silt_output_column outputs[] = {output(f, "c1", "long"), output(f, "c2", "struct<x:long>")};
    outputs[0].label = outputs[0].source = "i";
    outputs[1].label = outputs[1].source = "s";
    outputs[0].not_null = true;
    const char *schema = "struct<i:long,s:struct<x:long>>";
    const silt_check checks[] = {{.name = "low", .condition = expr_of(f, "s.x < 8", schema)},
                                 {.name = "unknown", .condition = expr_of(f, "i <> 3", schema)}};
    making m;
    making_init(f, &m, columns, 2, outputs, 2);
    m.spec.write.checks = checks;
    m.spec.write.check_count = 2;
    silt_stage_result result = {0};
    silt_error err = {0};
    assert_int_equal(f->engine->ops->rewrite(f->engine, &m.spec, f->arena, &result, &err),
                     SILT_BAD_DATA);
    assert_non_null(strstr(err.message, "1 row violates low; 1 row violates "
                                        "unknown; column i must not be null, but is in 1 row"));
    assert_int_equal(result.violation_count, 3);
    assert_ptr_equal(result.violations[1].check, &checks[1]);
    assert_string_equal(result.violations[0].samples[0], "{\"i\":8,\"s\":{\"x\":8}}");
    assert_string_equal(result.violations[2].samples[0], "{\"i\":null,\"s\":{\"x\":3}}");
    assert_string_equal(result.violations[2].check->name, "i NOT NULL");
    char *left = test_list(m.spec.write.directory);
    assert_string_equal(left, "");
    free(left);
    m.rows.scan.filter = expr_of(f, "i < 8", schema);
    assert_int_equal(rewritten(f, &m).row_count, 7);
}

/* More rows than memory holds, sorted, along the curve too: they spill. */
static void orders_need_little_memory(void **state)
{
    fixture *f = *state;
    silt_engine_free(f->engine);
    silt_engine_options options = SILT_ENGINE_OPTIONS_INIT;
    options.threads = 2;
    options.memory_limit_bytes = INT64_C(100) << 20;
    options.temp_directory = f->dir;
    assert_int_equal(silt_engine_open(&options, &f->engine, NULL), SILT_OK);
    silt_output_column outputs[] = {output(f, "a", "string"), output(f, "b", "string"),
                                    output(f, "i", "long")};
    const size_t by[] = {0, 1};
    making m;
    making_init(f, &m, NULL, 0, outputs, 3);
    m.rows = (silt_rows_spec){
        .kind = SILT_ROWS_QUERY,
        .query = {.sql = "SELECT repeat(hash(i)::VARCHAR, 4) AS a, repeat(hash(i + 1)::VARCHAR, "
                         "4) AS b, i FROM range(600000) t(i)"}};
    m.spec.write.order = (silt_write_order){.columns = by, .column_count = 2};
    for (int curve = 0; curve < 2; curve++) {
        m.spec.write.order.z_order = curve;
        silt_stage_result result = rewritten(f, &m);
        assert_int_equal(result.row_count, 600000);
        silt_duck_remove_written(m.spec.write.directory, "p-");
    }
}

/* As their two parts, which is how tables hold them, at any depth. */
static void variants_are_written_unshredded(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "CREATE MACRO pair(v) AS CAST(variant_to_parquet_variant(v) AS STRUCT(metadata BLOB, "
             "\"value\" BLOB))");
    duck_run(f->engine, f->dir,
             "COPY (SELECT CASE WHEN i > 0 THEN pair({'k': i, 't': 'x'}::VARIANT) END AS v, {'w': "
             "pair('abc'::VARIANT), 'l': [pair(i::VARIANT), NULL]} AS s FROM range(2) t(i)) TO "
             "'@a.parquet'");
    silt_output_column outputs[] = {output(f, "v", "variant"),
                                    output(f, "s", "struct<w:variant,l:array<variant>>")};
    const silt_physical items = {.id = -1};
    const silt_physical fields[] = {
        {.name = "col-w", .id = 2},
        {.name = "col-l", .id = 3, .children = &items, .child_count = 1}};
    outputs[1].physical =
        (silt_physical){.name = "s", .id = 1, .children = fields, .child_count = 2};
    silt_scan_column columns[] = {data_column(f, "v", "variant"),
                                  data_column(f, "s", "struct<w:variant,l:array<variant>>")};
    making m;
    making_init(f, &m, columns, 2, outputs, 2);
    assert_int_equal(rewritten(f, &m).row_count, 2);
    duck_assert_text(f->engine, f->dir,
                     "SELECT string_agg(name, ' ') FROM parquet_schema('@out/*.parquet')",
                     "duckdb_schema v metadata value s col-w metadata value col-l list element "
                     "metadata value\n");
    duck_run(f->engine, f->dir, "COPY (FROM read_parquet('@out/*.parquet')) TO '@b.parquet'");
    const silt_scan_file file = data_file(f, "b.parquet");
    columns[1].physical = outputs[1].physical;
    const silt_rows_spec spec = {
        .scan = {
            .files = &file, .file_count = 1, .columns = columns, .column_count = 2, .limit = -1}};
    assert_rows(f, &spec,
                "~|{\"w\":\"abc\",\"l\":[0,null]}\n"
                "{\"k\":1,\"t\":\"x\"}|{\"w\":\"abc\",\"l\":[1,null]}\n");
}

/* DuckDB would lose which of them are null themselves. */
static void annotated_variants_are_refused(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT 1::VARIANT AS v) TO '@a.parquet'");
    silt_output_column outputs[] = {output(f, "v", "variant")};
    silt_scan_column columns[] = {data_column(f, "v", "variant")};
    making m;
    making_init(f, &m, columns, 1, outputs, 1);
    assert_refused(f, &m, SILT_UNSUPPORTED, "annotated");
}

static void what_cant_be_is_refused(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT 300 AS i, '1.5' AS s) TO '@a.parquet'");
    const silt_scan_column columns[] = {data_column(f, "i", "int"), data_column(f, "s", "string")};
    silt_output_column outputs[] = {output(f, "i", "byte")};
    making m;
    making_init(f, &m, columns, 2, outputs, 1);
    assert_refused(f, &m, SILT_FAILED, "out of range");
    outputs[0] = (silt_output_column){
        .name = "x", .type = type_of(f, "string"), .kind = SILT_OUTPUT_SOURCE_FILE};
    assert_refused(f, &m, SILT_INVALID, "column x: rows that are had have no source file");
    m.spec.column_count = 0;
    assert_refused(f, &m, SILT_INVALID, "no columns");
    m.spec.column_count = 1;
    outputs[0] = output(f, "i", "int");
    m.file.local_path = path_of(f, "gone.parquet");
    assert_refused(f, &m, SILT_NOT_FOUND, "gone.parquet");
}

/* ---- positions ------------------------------------------------------------------------------- */

typedef struct found {
    size_t file;
    uint64_t row, count, sum;
    bool stop;
} found;

static silt_status take(void *ctx, size_t file, const uint64_t *rows, size_t count, silt_error *err)
{
    found *p = ctx;
    if (p->stop) return silt_fail(err, SILT_CHANGED, "stop");
    for (size_t i = 0; i < count; i++) {
        assert_true(p->count == 0 || file > p->file || (file == p->file && rows[i] > p->row));
        p->file = file;
        p->row = rows[i];
        p->count++;
        p->sum += rows[i];
    }
    return SILT_OK;
}

static silt_status add_up(void *ctx, size_t file, const uint64_t *rows, size_t count,
                          silt_error *err)
{
    (void)err;
    uint64_t *sums = ctx;
    for (size_t i = 0; i < count; i++)
        sums[file] += rows[i];
    return SILT_OK;
}

static void places_of_rows(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT i FROM range(300000) t(i)) TO '@a.parquet' (ROW_GROUP_SIZE 20000)");
    duck_run(f->engine, f->dir, "COPY (SELECT i FROM range(500000) t(i)) TO '@b.parquet'");
    const silt_scan_file files[] = {data_file(f, "a.parquet"), data_file(f, "b.parquet")};
    const silt_scan_column column = data_column(f, "i", "long");
    silt_scan_spec spec = {
        .files = files, .file_count = 2, .columns = &column, .column_count = 1, .limit = -1};
    silt_error err = {0};
    found p = {0};
    duck_assert_ok(f->engine->ops->positions(f->engine, &spec, take, &p, &err), &err);
    assert_int_equal(p.count, 800000);

    spec.filter = expr_of(f, "i % 1000 = 7", "struct<i:bigint>");
    p = (found){0};
    duck_assert_ok(f->engine->ops->positions(f->engine, &spec, take, &p, &err), &err);
    assert_int_equal(p.count, 800);
    assert_int_equal(p.file, 1);
    assert_int_equal(p.row, 499007);
    assert_int_equal(p.sum, 44852100 + 124753500);

    p = (found){.stop = true};
    assert_int_equal(f->engine->ops->positions(f->engine, &spec, take, &p, &err), SILT_CHANGED);
    spec.file_count = 0;
    p = (found){0};
    err = (silt_error){0};
    duck_assert_ok(f->engine->ops->positions(f->engine, &spec, take, &p, &err), &err);
    assert_int_equal(p.count, 0);
    spec.source_count = 1;
    assert_int_equal(f->engine->ops->positions(f->engine, &spec, take, &p, &err), SILT_INVALID);
    spec.source_count = 0;
    spec.file_count = 2;
    const silt_scan_file gone[] = {data_file(f, "a.parquet"), data_file(f, "gone.parquet")};
    spec.files = gone;
    assert_int_equal(f->engine->ops->positions(f->engine, &spec, take, &p, &err), SILT_NOT_FOUND);
}

/* Files that aren't read by one scan come by their schema, each in order. */
static void places_in_files_of_several_schemas(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT i::VARCHAR AS i FROM range(9) t(i)) TO '@a.parquet'");
    duck_run(f->engine, f->dir,
             "COPY (SELECT i::VARCHAR::BLOB AS i FROM range(5) t(i)) TO '@b.parquet'");
    const silt_scan_file files[] = {data_file(f, "a.parquet"), data_file(f, "b.parquet"),
                                    data_file(f, "a.parquet")};
    const silt_scan_column column = data_column(f, "i", "string");
    silt_scan_spec spec = {
        .files = files, .file_count = 3, .columns = &column, .column_count = 1, .limit = -1};
    spec.filter = expr_of(f, "i > '3'", "struct<i:string>");
    silt_error err = {0};
    uint64_t sums[3] = {0};
    duck_assert_ok(f->engine->ops->positions(f->engine, &spec, add_up, sums, &err), &err);
    assert_int_equal(sums[0], 4 + 5 + 6 + 7 + 8);
    assert_int_equal(sums[1], 4);
    assert_int_equal(sums[2], sums[0]);
}

/* Rows that are left out by a bitmap aren't found, and places are those in the file. */
static void places_count_deleted_rows(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT i FROM range(10) t(i)) TO '@a.parquet'");
    silt_bitmap *deleted = silt_bitmap_new();
    const uint64_t rows[] = {0, 1, 2, 8};
    assert_true(silt_bitmap_add(deleted, rows, 4));
    silt_scan_file file = data_file(f, "a.parquet");
    file.rows = deleted;
    const silt_scan_column column = data_column(f, "i", "long");
    silt_scan_spec spec = {
        .files = &file, .file_count = 1, .columns = &column, .column_count = 1, .limit = -1};
    spec.filter = expr_of(f, "i > 6", "struct<i:bigint>");
    silt_error err = {0};
    found p = {0};
    duck_assert_ok(f->engine->ops->positions(f->engine, &spec, take, &p, &err), &err);
    assert_int_equal(p.count, 2);
    assert_int_equal(p.sum, 16);
    silt_bitmap_free(deleted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_arrive_with_stats, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_of_statements_and_of_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(names_and_ids_at_every_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_as_large_as_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(columns_are_computed_from_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_of_rewrites_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(orders_need_little_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(variants_are_written_unshredded, setup, teardown),
        cmocka_unit_test_setup_teardown(annotated_variants_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cant_be_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(places_in_files_of_several_schemas, setup, teardown),
        cmocka_unit_test_setup_teardown(places_of_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(places_count_deleted_rows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
