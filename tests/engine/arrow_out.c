/* Rows as Arrow batches: schemas, values, batches, schemas of the caller's, streams side by side.
 */
#include "engine/arrow.h"
#include "engine/duck.h"

#include <errno.h>
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

/* ---- helpers --------------------------------------------------------------------------------- */

typedef struct ArrowArrayStream test_stream;
static void test_stream_release(test_stream *stream)
{
    if (stream->release) stream->release(stream);
}

static const silt_type *type_of(fixture *f, const char *text)
{
    const silt_type *type = NULL;
    silt_error err = {0};
    duck_assert_ok(silt_type_parse(text, f->arena, &type, &err), &err);
    return type;
}

/* One Parquet file of a query as a scan of columns "name type, …". */
static silt_rows_spec *file_spec(fixture *f, const char *name, const char *sql, const char *columns)
{
    duck_run(f->engine, f->dir,
             silt_arena_printf(f->arena, "COPY (%s) TO '@%s' (FORMAT parquet)", sql, name));
    const silt_type *type = type_of(f, columns);
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
    silt_rows_spec *spec = silt_arena_calloc(f->arena, 1, sizeof *spec);
    spec->kind = SILT_ROWS_SCAN;
    spec->scan = (silt_scan_spec){.files = file,
                                  .file_count = 1,
                                  .columns = out,
                                  .column_count = type->field_count,
                                  .limit = -1};
    return spec;
}

static silt_status try_open(fixture *f, const silt_rows_spec *spec, const silt_arrow_shape *shape,
                            test_stream *out, silt_error *err)
{
    return f->engine->ops->scan_arrow(f->engine, spec, shape, out, err);
}

static test_stream open_stream(fixture *f, const silt_rows_spec *spec,
                               const silt_arrow_shape *shape)
{
    silt_error err = {0};
    test_stream stream = {0};
    duck_assert_ok(try_open(f, spec, shape, &stream, &err), &err);
    return stream;
}

static void describe(const struct ArrowSchema *schema, silt_buf *out)
{
    silt_buf_printf(out, "%s:%s%s", schema->name, schema->format,
                    schema->flags & ARROW_FLAG_NULLABLE ? "" : "!");
    for (int64_t i = 0; i < schema->n_children; i++) {
        silt_buf_puts(out, i ? "," : "(");
        describe(schema->children[i], out);
    }
    if (schema->n_children) silt_buf_putc(out, ')');
}

static void assert_schema(test_stream *stream, const char *expected)
{
    SILT_CLEAN(silt_arrow_schema) schema = {0};
    SILT_CLEAN(silt_buf) text = {0};
    assert_int_equal(stream->get_schema(stream, &schema), 0);
    assert_string_equal(schema.format, "+s");
    for (int64_t i = 0; i < schema.n_children; i++) {
        if (i) silt_buf_puts(&text, " ");
        describe(schema.children[i], &text);
    }
    assert_string_equal(text.data, expected);
}

/* Sum and count of an int64 column over all that is left; -1: an error. */
static int64_t sum_up(test_stream *stream, int64_t *rows, int64_t *most)
{
    int64_t sum = 0;
    *rows = *most = 0;
    for (;;) {
        struct ArrowArray batch = {0};
        if (stream->get_next(stream, &batch) != 0) return -1;
        if (!batch.release) return sum;
        assert_int_equal(batch.offset, 0);
        const struct ArrowArray *c = batch.children[0];
        const int64_t *values = (const int64_t *)c->buffers[1] + c->offset;
        for (int64_t i = 0; i < batch.length; i++)
            sum += values[i];
        *rows += batch.length;
        if (batch.length > *most) *most = batch.length;
        batch.release(&batch);
    }
}

/* ---- schemas -----------------------------------------------------------------------------------
 */

static void types_have_their_formats(void **state)
{
    fixture *f = *state;
    silt_rows_spec *spec = file_spec(
        f, "a.parquet", "SELECT 1 AS other",
        "struct<a:boolean,b:byte,c:short,d:int,e:long,f:float,g:double,h:decimal(38,3),i:string,"
        "j:binary,k:date,l:timestamp,m:timestamp_ntz,n:struct<x:int not null,y:string>,"
        "o:array<long>,p:map<string,date>>");
    SILT_CLEAN(test_stream) plain = open_stream(f, spec, NULL);
    assert_schema(&plain, "a:b b:c c:s d:i e:l f:f g:g h:d:38,3,128 i:u j:z k:tdD l:tsu:UTC m:tsu: "
                          "n:+s(x:i!,y:u) o:+l(l:l) p:+m(entries:+s!(key:u!,value:tdD))");
    const silt_arrow_shape views = {.view_types = true};
    SILT_CLEAN(test_stream) viewed = open_stream(f, spec, &views);
    assert_schema(&viewed,
                  "a:b b:c c:s d:i e:l f:f g:g h:d:38,3,128 i:vu j:vz k:tdD l:tsu:UTC m:tsu: "
                  "n:+s(x:i!,y:vu) o:+l(l:l) p:+m(entries:+s!(key:vu!,value:tdD))");
    SILT_CLEAN(test_stream) again = open_stream(f, spec, NULL); /* the setting went back */
    assert_schema(&again, "a:b b:c c:s d:i e:l f:f g:g h:d:38,3,128 i:u j:z k:tdD l:tsu:UTC m:tsu: "
                          "n:+s(x:i!,y:u) o:+l(l:l) p:+m(entries:+s!(key:u!,value:tdD))");
}

static void instants_are_utc_whatever_the_engine_is_in(void **state)
{
    fixture *f = *state;
    silt_engine *engine = NULL;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.timezone = "America/New_York";
    assert_int_equal(silt_engine_open(&opts, &engine, NULL), SILT_OK);
    silt_rows_spec *spec = file_spec(
        f, "t.parquet", "SELECT TIMESTAMPTZ '2024-07-01 00:00:00+00' AS t", "struct<t:timestamp>");
    test_stream stream = {0};
    assert_int_equal(engine->ops->scan_arrow(engine, spec, NULL, &stream, NULL), SILT_OK);
    assert_schema(&stream, "t:tsu:UTC");
    int64_t rows, most;
    assert_int_equal(sum_up(&stream, &rows, &most), 1719792000000000);
    stream.release(&stream);
    silt_engine_free(engine);
}

/* ---- batches -----------------------------------------------------------------------------------
 */

static void rows_come_in_order_and_batches_within_bounds(void **state)
{
    fixture *f = *state;
    silt_rows_spec *spec =
        file_spec(f, "n.parquet", "SELECT i AS n FROM range(300000) t(i)", "struct<n:long>");
    const int64_t sizes[] = {0, 1000, 2048, 100000};
    for (size_t k = 0; k < SILT_COUNT(sizes); k++) {
        const silt_arrow_shape shape = {.batch_rows = sizes[k]};
        SILT_CLEAN(test_stream) stream = open_stream(f, spec, &shape);
        int64_t next = 0;
        for (;;) {
            struct ArrowArray batch = {0};
            assert_int_equal(stream.get_next(&stream, &batch), 0);
            if (!batch.release) break;
            assert_true(!sizes[k] || batch.length <= sizes[k]);
            const struct ArrowArray *c = batch.children[0];
            for (int64_t i = 0; i < batch.length; i++)
                assert_int_equal(((const int64_t *)c->buffers[1])[c->offset + i], next++);
            batch.release(&batch);
        }
        assert_int_equal(next, 300000);
        struct ArrowArray after = {0};
        assert_int_equal(stream.get_next(&stream, &after), 0); /* the end stays the end */
        assert_null(after.release);
    }
}

static void parts_of_a_batch_outlive_it(void **state)
{
    fixture *f = *state;
    silt_rows_spec *spec =
        file_spec(f, "s.parquet", "SELECT i AS n, 'text number ' || i AS s FROM range(2000) t(i)",
                  "struct<n:long,s:string>");
    const silt_arrow_shape shape = {.batch_rows = 700};
    test_stream stream = open_stream(f, spec, &shape);
    struct ArrowArray first = {0}, second = {0};
    assert_int_equal(stream.get_next(&stream, &first), 0);
    assert_int_equal(stream.get_next(&stream, &second), 0);
    struct ArrowArray moved = *second.children[1]; /* as the interface allows */
    second.children[1]->release = NULL;
    first.release(&first);
    second.release(&second);
    stream.release(&stream); /* before the end */
    const int32_t *offsets = (const int32_t *)moved.buffers[1] + moved.offset;
    const char *text = (const char *)moved.buffers[2] + offsets[0];
    assert_int_equal(moved.length, 700);
    assert_memory_equal(text, "text number 700", 15);
    moved.release(&moved);
}

static void streams_run_side_by_side(void **state)
{
    fixture *f = *state;
    silt_rows_spec *a =
        file_spec(f, "a.parquet", "SELECT i AS n FROM range(200000) t(i)", "struct<n:long>");
    silt_rows_spec *b =
        file_spec(f, "b.parquet", "SELECT 2 * i AS n FROM range(200000) t(i)", "struct<n:long>");
    test_stream first = open_stream(f, a, NULL), second = open_stream(f, b, NULL);
    for (int i = 0; i < 3; i++) {
        struct ArrowArray x = {0}, y = {0};
        assert_int_equal(first.get_next(&first, &x), 0);
        assert_int_equal(second.get_next(&second, &y), 0);
        assert_int_equal(((const int64_t *)x.children[0]->buffers[1])[1], i * 2048 + 1);
        assert_int_equal(((const int64_t *)y.children[0]->buffers[1])[1], 2 * (i * 2048 + 1));
        x.release(&x);
        y.release(&y);
        duck_assert_text(f->engine, f->dir, "SELECT count(*) FROM '@a.parquet'", "200000\n");
    }
    first.release(&first);
    int64_t rows, most;
    assert_int_equal(sum_up(&second, &rows, &most),
                     (int64_t)199999 * 200000 - (int64_t)6143 * 6144);
    assert_int_equal(rows, 200000 - 3 * 2048);
    second.release(&second);
}

static void *sum_thread(void *arg)
{
    int64_t rows, most;
    return (void *)(intptr_t)sum_up(arg, &rows, &most);
}

static void streams_may_be_other_threads(void **state)
{
    fixture *f = *state;
    enum { THREADS = 4 };
    silt_rows_spec *spec =
        file_spec(f, "a.parquet", "SELECT i AS n FROM range(400000) t(i)", "struct<n:long>");
    test_stream streams[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        streams[i] = open_stream(f, spec, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sum_thread, &streams[i]), 0);
    duck_assert_text(f->engine, f->dir, "SELECT count(*) FROM '@a.parquet'", "400000\n");
    for (int i = 0; i < THREADS; i++) {
        void *sum = NULL;
        pthread_join(threads[i], &sum);
        assert_int_equal((intptr_t)sum, (int64_t)399999 * 200000);
        streams[i].release(&streams[i]);
    }
}

/* ---- failures ----------------------------------------------------------------------------------
 */

static void an_interrupt_ends_streams(void **state)
{
    fixture *f = *state;
    silt_rows_spec *spec =
        file_spec(f, "a.parquet", "SELECT i AS n FROM range(400000) t(i)", "struct<n:long>");
    SILT_CLEAN(test_stream) stream = open_stream(f, spec, NULL);
    struct ArrowArray batch = {0};
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    batch.release(&batch);
    silt_engine_interrupt(f->engine);
    assert_int_equal(stream.get_next(&stream, &batch), EINTR);
    assert_string_equal(stream.get_last_error(&stream), "interrupted");
    silt_engine_resume(f->engine);
    assert_int_equal(stream.get_next(&stream, &batch), EINTR); /* stays */
    SILT_CLEAN(test_stream) next = open_stream(f, spec, NULL);
    int64_t rows, most;
    assert_true(sum_up(&next, &rows, &most) > 0);
}

static void a_broken_file_is_named(void **state)
{
    fixture *f = *state;
    silt_rows_spec *spec = file_spec(f, "a.parquet", "SELECT 'x' || i AS s FROM range(500000) t(i)",
                                     "struct<s:string>");
    char *path = (char *)spec->scan.files[0].local_path;
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, -60000, SEEK_END); /* pages of the last row groups, not the footer */
    for (int i = 0; i < 50000; i++)
        fputc(0x5a, file);
    fclose(file);
    SILT_CLEAN(test_stream) stream = open_stream(f, spec, NULL);
    int rc = 0;
    for (;;) {
        struct ArrowArray batch = {0};
        rc = stream.get_next(&stream, &batch);
        if (rc || !batch.release) break;
        batch.release(&batch);
    }
    assert_int_equal(rc, EIO);
    assert_non_null(strstr(stream.get_last_error(&stream), "a.parquet"));

    assert_int_equal(unlink(path), 0);
    test_stream none = {0};
    silt_error err = {0};
    assert_int_equal(try_open(f, spec, NULL, &none, &err), SILT_NOT_FOUND);
    assert_non_null(strstr(err.message, "a.parquet"));
    assert_null(none.release);
}

/* ---- a caller's schema -------------------------------------------------------------------------
 */

static silt_status open_as(fixture *f, const silt_rows_spec *spec, const char *schema,
                           test_stream *out, silt_error *err)
{
    const silt_arrow_shape shape = {.schema = type_of(f, schema)};
    return try_open(f, spec, &shape, out, err);
}

static void columns_are_cast_by_name(void **state)
{
    fixture *f = *state;
    silt_rows_spec *spec =
        file_spec(f, "a.parquet",
                  "SELECT 5::INTEGER AS a, 1.50::DECIMAL(9,2) AS b, {'x': 1::INTEGER} AS s, DATE "
                  "'2024-02-29' AS d",
                  "struct<a:int,b:decimal(9,2),s:struct<x:int>,d:date>");
    test_stream stream = {0};
    silt_error err = {0};
    duck_assert_ok(open_as(f, spec,
                           "struct<b:decimal(5,1),a:long not null,d:timestamp_ntz,"
                           "s:struct<x:long>>",
                           &stream, &err),
                   &err);
    assert_schema(&stream, "b:d:5,1,128 a:l! d:tsu: s:+s(x:l)");
    struct ArrowArray batch = {0};
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(((const int64_t *)batch.children[0]->buffers[1])[0], 15);
    assert_int_equal(((const int64_t *)batch.children[1]->buffers[1])[0], 5);
    assert_int_equal(((const int64_t *)batch.children[2]->buffers[1])[0], 1709164800000000);
    batch.release(&batch);
    stream.release(&stream);
}

static void values_that_are_none_of_the_type_fail(void **state)
{
    fixture *f = *state;
    silt_rows_spec *spec = file_spec(
        f, "a.parquet",
        "SELECT * FROM (VALUES (1::BIGINT, 1.25::DECIMAL(9,2), 'x', 0.1::DOUBLE), (300, 1.5, "
        "'y', NULL)) t(a, b, s, d)",
        "struct<a:long,b:decimal(9,2),s:string,d:double>");
    static const struct {
        const char *schema, *said;
    } cases[] = {
        {"struct<a:byte>", "column a: 300 is no byte"},
        {"struct<b:decimal(9,1)>", "column b: 1.25 is no decimal(9,1)"},
        {"struct<d:float>", "column d: 0.1 is no float"},
        {"struct<d:double not null>", "column d has nulls"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        test_stream stream = {0};
        silt_error err = {0};
        struct ArrowArray batch = {0};
        if (open_as(f, spec, cases[i].schema, &stream, &err) == SILT_OK) {
            assert_int_not_equal(stream.get_next(&stream, &batch), 0);
            assert_non_null(strstr(stream.get_last_error(&stream), cases[i].said));
            stream.release(&stream);
        } else {
            assert_non_null(strstr(err.message, cases[i].said));
        }
    }
    static const struct {
        const char *schema;
        silt_status status;
        const char *said;
    } refused[] = {
        {"struct<nope:int>", SILT_NOT_FOUND, "no column nope"},
        {"struct<s:int>", SILT_INVALID, "column s is string, which can't become integer"},
        {"struct<a:array<long>>", SILT_INVALID, "column a is long"},
        {"long", SILT_INVALID, "a struct with columns is wanted"},
    };
    for (size_t i = 0; i < SILT_COUNT(refused); i++) {
        test_stream stream = {0};
        silt_error err = {0};
        assert_int_equal(open_as(f, spec, refused[i].schema, &stream, &err), refused[i].status);
        assert_non_null(strstr(err.message, refused[i].said));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(types_have_their_formats),
        TEST(instants_are_utc_whatever_the_engine_is_in),
        TEST(rows_come_in_order_and_batches_within_bounds),
        TEST(parts_of_a_batch_outlive_it),
        TEST(streams_run_side_by_side),
        TEST(streams_may_be_other_threads),
        TEST(an_interrupt_ends_streams),
        TEST(a_broken_file_is_named),
        TEST(columns_are_cast_by_name),
        TEST(values_that_are_none_of_the_type_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
