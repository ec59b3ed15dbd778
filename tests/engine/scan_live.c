/* Rows that are there: bitmaps, row ids, constants beside data, filters; and what two scans differ
 * in. */
#include "engine/scan.h"
#include "table/expr.h"

enum { FILE_ROWS = 300000 };

static silt_bitmap *bitmap_of(const uint64_t *numbers, size_t count)
{
    silt_bitmap *bitmap = silt_bitmap_new();
    assert_non_null(bitmap);
    assert_true(silt_bitmap_add(bitmap, numbers, count));
    return bitmap;
}

static int64_t count_of(fixture *f, const silt_rows_spec *spec)
{
    silt_error err = {0};
    int64_t count = -1;
    duck_assert_ok(f->engine->ops->scan_write(f->engine, spec, SILT_OUTPUT_PARQUET,
                                              &(silt_csv_form){.header = true},
                                              path_of(f, "out.parquet"), &count, &err),
                   &err);
    return count;
}

static const silt_expr *condition(fixture *f, const char *text, const char *schema)
{
    const silt_expr *expr = NULL;
    silt_error err = {0};
    duck_assert_ok(silt_expr_condition(text, type_of(f, schema), f->arena, &expr, &err), &err);
    return expr;
}

/* ---- bitmaps --------------------------------------------------------------------------------- */

/* Dense, sparse, in runs, empty, all; as what is deleted and as what is there. */
static void rows_of_bitmaps_are_left_out_or_alone(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             silt_arena_printf(f->arena,
                               "COPY (SELECT i FROM range(%d) t(i)) TO '@a.parquet' (FORMAT "
                               "parquet, ROW_GROUP_SIZE 40000)",
                               FILE_ROWS));
    uint64_t *numbers = silt_arena_calloc(f->arena, FILE_ROWS, sizeof *numbers);
    const silt_scan_column columns[] = {data_column(f, "i", "long")};
    for (int kind = 0; kind < 6; kind++) {
        size_t n = 0;
        for (uint64_t i = 0; i < FILE_ROWS; i++) {
            bool in = kind == 0   ? i % 2 == 1
                      : kind == 1 ? i % 9973 == 0
                      : kind == 2 ? i / 5000 % 2 == 0
                      : kind == 3 ? false
                      : kind == 4 ? true
                                  : i == FILE_ROWS - 1;
            if (in) numbers[n++] = i;
        }
        SILT_AUTO(silt_bitmap) bitmap = bitmap_of(numbers, n);
        for (int only = 0; only < 2; only++) {
            silt_scan_file files[] = {data_file(f, "a.parquet"), data_file(f, "a.parquet"),
                                      data_file(f, "a.parquet")};
            files[1].rows = bitmap;
            files[1].rows_only = only;
            silt_rows_spec spec = {.scan = {.files = files,
                                            .file_count = 3,
                                            .columns = columns,
                                            .column_count = 1,
                                            .limit = -1}};
            size_t kept = only ? n : FILE_ROWS - n;
            assert_int_equal(count_of(f, &spec), 2 * FILE_ROWS + (int64_t)kept);
            spec.scan.files = &files[1];
            spec.scan.file_count = 1;
            assert_int_equal(count_of(f, &spec), (int64_t)kept);
            uint64_t sum = 0, all = (uint64_t)FILE_ROWS * (FILE_ROWS - 1) / 2;
            for (size_t i = 0; i < n; i++)
                sum += numbers[i];
            sum = only ? sum : all - sum;
            duck_assert_text(f->engine, f->dir,
                             "SELECT coalesce(sum(i), 0), count(DISTINCT i) FROM '@out.parquet'",
                             silt_arena_printf(f->arena, "%" PRIu64 "|%zu\n", sum, kept));
        }
    }
}

static void places_hold_under_filters(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             silt_arena_printf(f->arena,
                               "COPY (SELECT i, i %% 1000 AS k FROM range(%d) t(i)) TO "
                               "'@a.parquet' (FORMAT parquet, ROW_GROUP_SIZE 40000)",
                               FILE_ROWS));
    const uint64_t gone[] = {7, 123007, 250000, 299007};
    SILT_AUTO(silt_bitmap) bitmap = bitmap_of(gone, SILT_COUNT(gone));
    silt_scan_file file = data_file(f, "a.parquet");
    file.rows = bitmap;
    file.base_row_id = 1000000;
    const silt_scan_column columns[] = {
        data_column(f, "i", "long"),
        {"id", type_of(f, "long"), SILT_SCAN_ROW_ID, .physical = {.id = -1}},
        data_column(f, "k", "int")};
    silt_rows_spec spec = {.scan = {.files = &file,
                                    .file_count = 1,
                                    .columns = columns,
                                    .column_count = 3,
                                    .result_count = 2,
                                    .filter = condition(f, "k = 7 AND i >= 122000 AND i < 126000",
                                                        "struct<i:bigint,id:bigint,k:int>"),
                                    .limit = -1}};
    for (int pushdown = 0; pushdown < 2; pushdown++) {
        spec.scan.no_pushdown = !pushdown;
        assert_rows(f, &spec, "122007|1122007\n124007|1124007\n125007|1125007\n");
    }
    spec.scan.limit = 2;
    assert_rows(f, &spec, "122007|1122007\n124007|1124007\n");
    spec.scan.limit = -1;
    file.rows_only = true;
    assert_rows(f, &spec, "123007|1123007\n");
    spec.scan.filter = condition(f, "i IS NULL", "struct<i:bigint>");
    assert_rows(f, &spec, "");
    spec.scan.filter = condition(f, "absent = 1", "struct<absent:int>");
    assert_fails(f, &spec, SILT_INVALID, "absent", "filter");
}

static void ids_in_files_come_first(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT 'a' AS t, 5::BIGINT AS rid, NULL::BIGINT AS ver UNION ALL SELECT 'b', "
             "NULL, 3) TO '@a.parquet'");
    duck_run(f->engine, f->dir, "COPY (SELECT 'c' AS t) TO '@b.parquet'");
    const char *const versions[] = {"7"};
    silt_scan_file files[] = {data_file(f, "a.parquet"), data_file(f, "b.parquet"),
                              data_file(f, "b.parquet")};
    for (size_t i = 0; i < 3; i++)
        files[i].constants = versions;
    files[0].base_row_id = 100;
    files[1].base_row_id = 200;
    const silt_scan_column columns[] = {
        data_column(f, "t", "string"),
        {"id", type_of(f, "long"), SILT_SCAN_ROW_ID, .physical = {.name = "rid", .id = -1}},
        {"v", type_of(f, "long"), SILT_SCAN_DATA_OR_CONSTANT, .physical = {.name = "ver", .id = -1},
         .constant = 0}};
    silt_rows_spec spec = {
        .scan = {
            .files = files, .file_count = 3, .columns = columns, .column_count = 3, .limit = -1}};
    assert_rows(f, &spec, "a|5|7\nb|101|3\nc|200|7\nc|~|7\n");
}

/* ---- differences ----------------------------------------------------------------------------- */

/* The rows of `before` and `after`, two SELECTs over (id, v, n), as a difference in order. */
static void assert_difference(fixture *f, const char *before, const char *after,
                              const char *type_of_v, const char *key, const char *expected)
{
    duck_run(f->engine, f->dir,
             silt_arena_printf(f->arena, "COPY (%s) TO '@x.parquet' (FORMAT parquet)", before));
    duck_run(f->engine, f->dir,
             silt_arena_printf(f->arena, "COPY (%s) TO '@y.parquet' (FORMAT parquet)", after));
    const silt_scan_file x = data_file(f, "x.parquet"), y = data_file(f, "y.parquet");
    const silt_scan_column columns[] = {data_column(f, "id", "int"),
                                        data_column(f, "v", type_of_v)};
    const silt_scan_spec a = {
        .files = &x, .file_count = 1, .columns = columns, .column_count = 2, .limit = -1};
    const silt_scan_spec b = {
        .files = &y, .file_count = 1, .columns = columns, .column_count = 2, .limit = -1};
    silt_rows_spec spec = {.kind = SILT_ROWS_DIFF,
                           .diff = {.before = &a,
                                    .after = &b,
                                    .change_column = "_change_type",
                                    .keys = &key,
                                    .key_count = key != NULL,
                                    .limit = -1}};
    silt_error err = {0};
    duck_assert_ok(f->engine->ops->scan_write(f->engine, &spec, SILT_OUTPUT_CSV,
                                              &(silt_csv_form){.header = true}, path_of(f, "d.csv"),
                                              NULL, &err),
                   &err);
    duck_assert_text(f->engine, f->dir,
                     "SELECT id, v, _change_type FROM read_csv('@d.csv', all_varchar = true) ORDER "
                     "BY ALL",
                     expected);
}

static void differences_are_of_multisets(void **state)
{
    fixture *f = *state;
    assert_difference(f, "SELECT unnest([1, 2, 2, 2, 3]) AS id, 'a' AS v",
                      "SELECT unnest([4, 2, 1, 1]) AS id, 'a' AS v", "string", NULL,
                      "1|a|insert\n2|a|delete\n2|a|delete\n3|a|delete\n4|a|insert\n");
    assert_difference(f, "SELECT 1 AS id, 'a' AS v", "SELECT 1 AS id, 'a' AS v", "string", NULL,
                      "");
    /* Equal whatever SQL's = says: null, NaN, and within. */
    assert_difference(f, "SELECT unnest([1, NULL]) AS id, 'nan'::DOUBLE AS v",
                      "SELECT unnest([NULL, 1]) AS id, 'nan'::DOUBLE AS v", "double", NULL, "");
    assert_difference(f, "SELECT 1 AS id, [{'x': NULL::INT, 'y': 'nan'::FLOAT}] AS v",
                      "SELECT 1 AS id, [{'x': NULL::INT, 'y': 'nan'::FLOAT}] AS v",
                      "array<struct<x:int,y:float>>", NULL, "");
    assert_difference(f, "SELECT 1 AS id, MAP {'k': [1]} AS v",
                      "SELECT 1 AS id, MAP {'k': [2]} AS v", "map<string,array<int>>", NULL,
                      "1|{\"k\":[1]}|delete\n1|{\"k\":[2]}|insert\n");
    assert_difference(f, "SELECT 1 AS id, {'a': 1, 'b': 2}::VARIANT AS v",
                      "SELECT 1 AS id, {'b': 2, 'a': 1}::VARIANT AS v", "variant", NULL, "");
}

static void keys_make_updates(void **state)
{
    fixture *f = *state;
    assert_difference(
        f, "SELECT unnest([1, 2, NULL, 4, 4]) AS id, unnest(['a', 'b', 'c', 'd', 'e']) AS v",
        "SELECT unnest([1, 3, NULL, 4, 5]) AS id, unnest(['a', 'b', 'C', 'x', 'e']) AS v", "string",
        "id",
        "2|b|delete\n3|b|insert\n4|d|delete\n4|e|delete\n4|x|insert\n5|e|insert\n"
        "~|C|update_postimage\n~|c|update_preimage\n");
}

static void a_difference_has_the_same_columns(void **state)
{
    fixture *f = *state;
    const silt_scan_column a[] = {data_column(f, "id", "int")};
    const silt_scan_column b[] = {data_column(f, "id", "long")};
    const silt_scan_spec before = {.columns = a, .column_count = 1, .limit = -1};
    const silt_scan_spec after = {.columns = b, .column_count = 1, .limit = -1};
    silt_rows_spec spec = {
        .kind = SILT_ROWS_DIFF,
        .diff = {.before = &before, .after = &after, .change_column = "c", .limit = -1}};
    assert_fails(f, &spec, SILT_INVALID, "id", "both sides");
    const char *const key = "nothing";
    spec.diff.after = &before;
    spec.diff.keys = &key;
    spec.diff.key_count = 1;
    assert_fails(f, &spec, SILT_INVALID, "nothing", "key");
    spec.diff.key_count = 0;
    assert_rows(f, &spec, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_of_bitmaps_are_left_out_or_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(places_hold_under_filters, setup, teardown),
        cmocka_unit_test_setup_teardown(ids_in_files_come_first, setup, teardown),
        cmocka_unit_test_setup_teardown(differences_are_of_multisets, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_make_updates, setup, teardown),
        cmocka_unit_test_setup_teardown(a_difference_has_the_same_columns, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
