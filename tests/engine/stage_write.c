/* What staging writes: folders, names, sizes, and statistics that are true. */
#include "engine/stage.h"

#define FILES(...) \
    (const char *const[]){__VA_ARGS__}, SILT_COUNT(((const char *const[]){__VA_ARGS__}))

static void partition_by(staging *s, const size_t *columns, size_t count)
{
    s->spec.write.partition_by = columns;
    s->spec.write.partition_count = count;
}

static void partition_values_are_exact(void **state)
{
    (void)state;
    static const char *const values[] = {"x",
                                         NULL,
                                         "",
                                         "a/b=c %&?#\"'",
                                         "..",
                                         "\xC3\xA9t\xC3\xA9",
                                         "__HIVE_DEFAULT_PARTITION__",
                                         " blank ",
                                         "NULL"};
    staging s;
    staging_init(&s, SILT_FORMAT_NDJSON);
    SILT_CLEAN(silt_buf) text = {0};
    for (size_t i = 0; i < SILT_COUNT(values); i++) {
        silt_buf_printf(&text, "{\"i\":%zu,\"p\":", i);
        if (values[i]) {
            silt_buf_putc(&text, '"');
            for (const char *c = values[i]; *c; c++) {
                if (*c == '"') silt_buf_putc(&text, '\\');
                silt_buf_putc(&text, *c);
            }
            silt_buf_puts(&text, "\"}\n");
        } else {
            silt_buf_puts(&text, "null}\n");
        }
    }
    staging_write(&s, "a.json", text.data);
    staging_group(&s, "i:long, p:string", FILES("a.json"));
    staging_columns(&s, "p:string, i:long, day:date, d:long=5");
    partition_by(&s, (const size_t[]){0, 3}, 2);
    staging_ok(&s);
    assert_int_equal(s.result.file_count, SILT_COUNT(values) - 1); /* null and '' are one */
    bool seen[SILT_COUNT(values)] = {0};
    for (size_t f = 0; f < s.result.file_count; f++) {
        const silt_staged_file *file = &s.result.files[f];
        assert_string_equal(file->partition_values[1], "5");
        const char *slash = strrchr(file->local_path, '/');
        char expected[64];
        snprintf(expected, sizeof expected, "/part-t-%zu.parquet", f);
        assert_string_equal(slash, expected);
        assert_int_equal(strncmp(file->local_path, s.out, strlen(s.out)), 0);
        SILT_CLEAN(silt_duck_result) result = {0};
        SILT_CLEAN(silt_buf) sql = {0};
        silt_buf_puts(&sql, "SELECT i FROM read_parquet(");
        silt_sql_text(&sql, file->local_path);
        silt_buf_puts(&sql, ", hive_partitioning = false) ORDER BY i");
        duck_assert_ok(silt_duck_query(silt_duck_of(s.engine), &sql, &result, &s.err), &s.err);
        SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
        const int64_t *is = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 0));
        assert_int_equal(silt_duck.data_chunk_get_size(chunk), (idx_t)file->row_count);
        for (int64_t r = 0; r < file->row_count; r++) {
            const char *value = values[is[r]] && *values[is[r]] ? values[is[r]] : NULL;
            if (value)
                assert_string_equal(file->partition_values[0], value);
            else
                assert_null(file->partition_values[0]);
            seen[is[r]] = true;
        }
        /* i and the all-null day: partition columns are not in the file. */
        assert_int_equal(file->stats_count, 2);
    }
    for (size_t i = 0; i < SILT_COUNT(values); i++)
        assert_true(seen[i]);
    staging_release(&s);
}

static void partitions_of_every_type(void **state)
{
    (void)state;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.timezone = "America/New_York";
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    silt_engine_free(s.engine);
    assert_int_equal(silt_engine_open(&opts, &s.engine, NULL), SILT_OK);
    staging_write(&s, "a.csv",
                  "i,d,t,x,b,n\n1,2020-01-02,2020-01-01 10:00:00,1.50,true,"
                  "2020-01-01 10:00:00.5\n");
    staging_group(&s, "i:long, d:date, t:timestamp, x:decimal(5,2), b:boolean, n:timestamp_ntz",
                  FILES("a.csv"));
    staging_columns(&s, "i:long, d:date, t:timestamp, x:decimal(5,2), b:boolean, n:timestamp_ntz, "
                        "rest:string");
    partition_by(&s, (const size_t[]){0, 1, 2, 3, 4, 5}, 6);
    staging_ok(&s);
    static const char *const expected[] = {"1",    "2020-01-02", "2020-01-01 15:00:00+00",
                                           "1.50", "true",       "2020-01-01 10:00:00.5"};
    assert_int_equal(s.result.file_count, 1);
    for (size_t i = 0; i < SILT_COUNT(expected); i++)
        assert_string_equal(s.result.files[0].partition_values[i], expected[i]);
    staging_release(&s);
}

static void many_partitions(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_PARQUET);
    duck_run(s.engine, s.dir,
             "COPY (SELECT range AS i, (range * 7919 % 500)::VARCHAR AS p "
             "FROM range(200000)) TO '@in/a' (FORMAT parquet)");
    staging_group(&s, "i:long, p:string", FILES("a"));
    staging_columns(&s, "i:long, p:string");
    partition_by(&s, (const size_t[]){1}, 1);
    staging_ok(&s);
    assert_int_equal(s.result.row_count, 200000);
    assert_true(s.result.file_count >= 500);
    for (size_t i = 0; i < s.result.file_count; i++)
        for (size_t j = i + 1; j < s.result.file_count; j++)
            assert_string_not_equal(strrchr(s.result.files[i].local_path, '/'),
                                    strrchr(s.result.files[j].local_path, '/'));
    staging_rows(&s,
                 "SELECT count(*), count(DISTINCT i), count(DISTINCT p), "
                 "count(*) FILTER (p <> i * 7919 % 500)",
                 "200000|200000|500|0\n");
    staging_release(&s);
}

static void files_end_near_their_target(void **state)
{
    (void)state;
    staging s;
    staging_init(&s, SILT_FORMAT_PARQUET);
    duck_run(s.engine, s.dir,
             "COPY (SELECT range AS i, hash(range) AS h FROM range(3000000)) "
             "TO '@in/a' (FORMAT parquet)");
    staging_group(&s, "i:long, h:decimal(20,0)", FILES("a"));
    staging_columns(&s, "i:long, h:decimal(20,0)");
    s.spec.write.target_file_bytes = 10 << 20;
    s.spec.write.compression = "zstd";
    staging_ok(&s);
    assert_true(s.result.file_count > 2);
    int64_t rows = 0;
    for (size_t i = 0; i < s.result.file_count; i++) {
        assert_true(s.result.files[i].size_bytes < 20 << 20);
        rows += s.result.files[i].row_count;
    }
    assert_int_equal(rows, 3000000);
    duck_assert_text(s.engine, s.dir,
                     "SELECT DISTINCT compression FROM parquet_metadata('@out/*.parquet')",
                     "ZSTD\n");
    staging_release(&s);
}

static const silt_leaf_stats *leaf(const staging *s, const char *first, const char *second)
{
    for (size_t i = 0; i < s->result.files[0].stats_count; i++) {
        const silt_leaf_stats *stats = &s->result.files[0].stats[i];
        if (strcmp(stats->path[0], first) != 0) continue;
        if (second ? stats->path_count > 1 && strcmp(stats->path[1], second) == 0
                   : stats->path_count == 1)
            return stats;
    }
    fail_msg("no statistics of %s", first);
    return NULL;
}

/* Against min, max and count over the file itself. */
static void statistics_are_true(void **state)
{
    (void)state;
    static const char *const columns[] = {"b",  "s",  "i",  "l",   "x", "d",
                                          "tz", "ts", "de", "bin", "t"};
    staging s;
    staging_init(&s, SILT_FORMAT_PARQUET);
    duck_run(s.engine, s.dir,
             "COPY (SELECT (range % 100)::TINYINT AS b, (range * 3)::SMALLINT AS s, "
             "-range::INTEGER AS i, "
             "range * 1000000007 AS l, (range / 7)::FLOAT AS x, DATE '1969-12-01' + range::INTEGER "
             "AS d, "
             "TIMESTAMPTZ '2020-01-01 00:00:00.000001+00' + to_milliseconds(range) AS tz, "
             "TIMESTAMP '1960-01-01 12:00:00.5' + to_seconds(range) AS ts, "
             "(range - 500)::DECIMAL(30,5) / 8 AS de, ('k' || range)::BLOB AS bin, "
             "CASE WHEN range % 3 > 0 THEN repeat('\xC3\xA9', 40) || range END AS t, "
             "{'in \"n': {'a.b': range}} AS st, 'nan'::DOUBLE AS nan, NULL::INTEGER AS none, "
             "range % 2 = 0 AS bo, [range] AS li, MAP {'k': range} AS m FROM range(1000)) "
             "TO '@in/a' (FORMAT parquet)");
    const char *spec =
        "b:byte, s:short, i:integer, l:long, x:float, d:date, tz:timestamp, "
        "ts:timestamp_ntz, de:decimal(30,5), bin:binary, t:string, "
        "nan:double, none:integer, bo:boolean, li:array<long>, m:map<string,long>, st:long";
    staging_group(&s, spec, FILES("a"));
    staging_columns(&s, spec);
    /* The nested one is put by hand: its names are not for a short notation. */
    const silt_field inner = {"a.b", staging_type(&s, "long"), true, "{}"};
    const silt_type inner_type = {.kind = SILT_TYPE_STRUCT, .fields = &inner, .field_count = 1};
    const silt_field outer = {"in \"n", &inner_type, true, "{}"};
    const silt_type outer_type = {.kind = SILT_TYPE_STRUCT, .fields = &outer, .field_count = 1};
    silt_column *in = (silt_column *)s.groups[0].columns;
    silt_output_column *out = (silt_output_column *)s.spec.columns;
    in[s.groups[0].column_count - 1] = (silt_column){"st", &outer_type};
    out[s.spec.column_count - 1] =
        (silt_output_column){.name = "st", .type = &outer_type, .source = "st"};
    staging_ok(&s);
    assert_int_equal(s.result.file_count, 1);

    for (size_t i = 0; i < SILT_COUNT(columns); i++) {
        const silt_leaf_stats *stats = leaf(&s, columns[i], NULL);
        SILT_CLEAN(silt_buf) sql = {0};
        SILT_CLEAN(silt_buf) expected = {0};
        const char *show = strcmp(columns[i], "bin") == 0 ? "hex" : "";
        silt_buf_printf(&sql,
                        "SELECT %s(min(%s)), %s(max(%s)), count(*) - count(%s) FROM "
                        "read_parquet('@out/*.parquet')",
                        show, columns[i], show, columns[i], columns[i]);
        silt_buf_printf(&expected, "%s|%s|%" PRId64 "\n", stats->min, stats->max,
                        stats->null_count);
        duck_assert_text(s.engine, s.dir, sql.data, expected.data);
        assert_false(stats->has_nan);
    }
    assert_true(leaf(&s, "nan", NULL)->has_nan);
    assert_null(leaf(&s, "none", NULL)->min);
    assert_int_equal(leaf(&s, "none", NULL)->null_count, 1000);
    assert_non_null(leaf(&s, "bo", NULL)->min);
    const silt_leaf_stats *deep = leaf(&s, "st", "in \"n");
    assert_int_equal(deep->path_count, 3);
    assert_string_equal(deep->path[2], "a.b");
    assert_string_equal(deep->max, "999");
    staging_release(&s);
}

static void two_thousand_small_files(void **state)
{
    (void)state;
    enum { N = 2000 };
    staging s;
    staging_init(&s, SILT_FORMAT_CSV);
    const char **names = silt_arena_calloc(s.arena, N, sizeof *names);
    int64_t sum = 0;
    for (int i = 0; i < N; i++) {
        SILT_CLEAN(silt_buf) text = {0};
        silt_buf_puts(&text, "id,s\n");
        for (int r = 0; r < i % 7; r++, sum++)
            silt_buf_printf(&text, "%d,row %d\n", i * 10 + r, r);
        names[i] = silt_arena_printf(s.arena, "f%05d.csv", i);
        staging_write(&s, names[i], text.data);
    }
    staging_group(&s, "id:long, s:string", names, N);
    staging_columns(&s, "id:long, s:string, _source_file:string");
    staging_ok(&s);
    assert_int_equal(s.result.row_count, sum);
    for (int i = 0; i < N; i++)
        assert_int_equal(s.result.source_rows[i], i % 7);
    staging_rows(&s,
                 "SELECT count(*), count(DISTINCT id), count(DISTINCT _source_file), "
                 "count(*) FILTER (_source_file <> 'f' || lpad((id // 10)::VARCHAR, 5, '0') || "
                 "'.csv')",
                 "5995|5995|1714|0\n");
    staging_release(&s);
}

static void only_what_is_ours_is_removed(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    test_write(dir, "part-t-1.parquet", "x");
    test_write(dir, "tmp_part-t-2.parquet", "x");
    test_write(dir, "part-u-1.parquet", "x");
    silt_duck_remove_written(dir, "part-t-");
    char *left = test_list(dir);
    assert_string_equal(left, "part-u-1.parquet\n");
    free(left);
    silt_duck_remove_written("/no/such/folder", "part-t-");
    test_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partition_values_are_exact),
        cmocka_unit_test(partitions_of_every_type),
        cmocka_unit_test(many_partitions),
        cmocka_unit_test(files_end_near_their_target),
        cmocka_unit_test(statistics_are_true),
        cmocka_unit_test(two_thousand_small_files),
        cmocka_unit_test(only_what_is_ours_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
