/* Footers of Parquet files: what is read of them, and that nothing in them does harm. */
#include "engine/parquet_schema.h"
#include "engine/scan.h"
#include "support/random.h"

static silt_status read_schema(fixture *f, const char *name, const silt_parquet_node **out,
                               silt_error *err)
{
    SILT_CLEAN(silt_buf) schema = {0};
    SILT_TRY(silt_parquet_schema_read(path_of(f, name), &schema, err));
    return silt_parquet_schema_parse(silt_buf_bytes(&schema), f->arena, out, err);
}

static void columns_are_found_in_small_and_large_footers(void **state)
{
    fixture *f = *state;
    duck_run(
        f->engine, f->dir,
        "COPY (SELECT i::TINYINT AS t, i::UINTEGER AS u, 1.5::DECIMAL(20,3) AS d, [{'x': i}] "
        "AS l, MAP {'k': i} AS m, {'b': 'x'::BLOB} AS s FROM range(20) t(i)) TO "
        "'@small.parquet' (FORMAT parquet, FIELD_IDS {t: 7, l: {__duckdb_field_id: 8, element: "
        "{x: 9}}})");
    /* Two hundred columns in a thousand row groups: the schema is far from the file's end. */
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "COPY (SELECT ");
    for (int i = 0; i < 200; i++)
        silt_buf_printf(&sql, "i AS column_number_%d, ", i);
    silt_buf_puts(&sql, "i AS last FROM range(20480) t(i)) TO '@large.parquet' (FORMAT parquet, "
                        "ROW_GROUP_SIZE 2048)");
    duck_run(f->engine, f->dir, sql.data);

    const silt_parquet_node *root = NULL;
    silt_error err = {0};
    duck_assert_ok(read_schema(f, "small.parquet", &root, &err), &err);
    assert_int_equal(root->child_count, 6);
    const silt_parquet_node *t = &root->children[0], *u = &root->children[1],
                            *d = &root->children[2], *l = &root->children[3],
                            *m = &root->children[4], *s = &root->children[5];
    assert_true(t->kind == SILT_PARQUET_INTEGER && t->bits == 8 && !t->is_unsigned && t->id == 7);
    assert_true(u->kind == SILT_PARQUET_INTEGER && u->bits == 32 && u->is_unsigned && u->id == -1);
    assert_true(d->kind == SILT_PARQUET_DECIMAL && d->precision == 20 && d->scale == 3);
    assert_true(l->kind == SILT_PARQUET_LIST && l->children[0].kind == SILT_PARQUET_STRUCT);
    assert_true(l->id == 8 && l->children[0].children[0].id == 9);
    assert_false(l->children[0].is_lifted);
    assert_true(m->kind == SILT_PARQUET_MAP && m->children[0].kind == SILT_PARQUET_INTEGER &&
                m->children[1].kind == SILT_PARQUET_STRING);
    assert_true(s->kind == SILT_PARQUET_STRUCT && s->children[0].kind == SILT_PARQUET_BINARY);

    duck_assert_ok(read_schema(f, "large.parquet", &root, &err), &err);
    assert_int_equal(root->child_count, 201);
    assert_string_equal(root->children[200].name, "last");
}

static void what_is_no_parquet_file_is_named(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir, "COPY (SELECT 1 AS a) TO '@a.parquet'");
    size_t size;
    char *body = test_read(f->dir, "a.parquet", &size);
    for (size_t kept = 0; kept < size; kept++) {
        FILE *cut = fopen(path_of(f, "cut.parquet"), "wb");
        assert_int_equal(fwrite(body, 1, kept, cut), kept);
        fclose(cut);
        SILT_CLEAN(silt_buf) schema = {0};
        silt_error err = {0};
        assert_int_equal(silt_parquet_schema_read(path_of(f, "cut.parquet"), &schema, &err),
                         SILT_CORRUPT);
        assert_non_null(strstr(err.message, "cut.parquet"));
    }
    free(body);
    SILT_CLEAN(silt_buf) schema = {0};
    silt_error err = {0};
    assert_int_equal(silt_parquet_schema_read(path_of(f, "none"), &schema, &err), SILT_NOT_FOUND);
    assert_int_equal(silt_parquet_schema_read(f->dir, &schema, &err), SILT_CORRUPT);
    test_write(f->dir, "secret.parquet", "PARE and a file that is encrypted PARE");
    assert_int_equal(silt_parquet_schema_read(path_of(f, "secret.parquet"), &schema, &err),
                     SILT_UNSUPPORTED);
}

/* Bytes changed and cut off at random: an answer, whatever it is, and no more. */
static void damaged_schemas_do_no_harm(void **state)
{
    fixture *f = *state;
    duck_run(f->engine, f->dir,
             "COPY (SELECT 1::DECIMAL(9,2) AS d, [{'x': [1]}] AS l, MAP {'k': {'v': 1}} AS m, "
             "now() AS t, 'x' AS s) TO '@a.parquet'");
    SILT_CLEAN(silt_buf) schema = {0};
    silt_error err = {0};
    duck_assert_ok(silt_parquet_schema_read(path_of(f, "a.parquet"), &schema, &err), &err);
    test_random random = test_random_new();
    SILT_FREE char *copy = malloc(schema.size);
    for (int i = 0; i < 20000; i++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        memcpy(copy, schema.data, schema.size);
        for (size_t k = test_random_below(&random, 4); k-- > 0;)
            copy[test_random_below(&random, schema.size)] = (char)test_random_next(&random);
        size_t size =
            test_random_below(&random, 2) ? schema.size : test_random_below(&random, schema.size);
        /* A block of its own, so that a byte too far is seen. */
        SILT_FREE char *exact = malloc(size ? size : 1);
        memcpy(exact, copy, size);
        const silt_parquet_node *root = NULL;
        silt_status st = silt_parquet_schema_parse((silt_bytes){exact, size}, arena, &root, NULL);
        assert_true(st == SILT_OK || st == SILT_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(columns_are_found_in_small_and_large_footers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_no_parquet_file_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_schemas_do_no_harm, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
