/* For tests of scans: an engine, a folder, and rows as text. */
#ifndef SILT_TEST_SCAN_H
#define SILT_TEST_SCAN_H

#include "engine/duck.h"

typedef struct fixture {
    silt_engine *engine;
    char *dir;
    silt_arena *arena;
} fixture;

static inline int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->engine = duck_new();
    f->dir = test_dir_new();
    f->arena = silt_arena_new();
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    fixture *f = *state;
    assert_null(silt_duck_of(f->engine)->scans); /* none is left behind, whatever happened */
    silt_engine_free(f->engine);
    test_dir_free(f->dir);
    silt_arena_free(f->arena);
    free(f);
    return 0;
}

static inline const char *path_of(fixture *f, const char *name)
{
    return silt_arena_printf(f->arena, "%s/%s", f->dir, name);
}

static inline const silt_type *type_of(fixture *f, const char *text)
{
    const silt_type *type = NULL;
    silt_error err = {0};
    duck_assert_ok(silt_type_parse(text, f->arena, &type, &err), &err);
    return type;
}

static inline bool add_row(void *ctx, const silt_bytes *values, size_t count)
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

static inline void assert_rows(fixture *f, const silt_rows_spec *spec, const char *expected)
{
    silt_error err = {0};
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "");
    duck_assert_ok(f->engine->ops->scan_rows(f->engine, spec, add_row, &text, &err), &err);
    assert_string_equal(text.data, expected);
}

static inline void assert_written(fixture *f, const silt_rows_spec *spec, silt_output_format format,
                                  int64_t rows, const char *expected)
{
    silt_error err = {0};
    int64_t count = -1;
    duck_assert_ok(f->engine->ops->scan_write(f->engine, spec, format,
                                              &(silt_csv_form){.header = true}, path_of(f, "out"),
                                              &count, &err),
                   &err);
    assert_int_equal(count, rows);
    char *text = test_read(f->dir, "out", NULL);
    assert_string_equal(text, expected);
    free(text);
}

/* A column that is found by one name, in the files and out of them. */
static inline silt_scan_column data_column(fixture *f, const char *name, const char *type)
{
    return (silt_scan_column){name, type_of(f, type), SILT_SCAN_DATA,
                              .physical = {.name = name, .id = -1}};
}

static inline silt_scan_file data_file(fixture *f, const char *name)
{
    return (silt_scan_file){.local_path = path_of(f, name), .row_count = -1, .base_row_id = -1};
}

static inline void assert_fails(fixture *f, const silt_rows_spec *spec, silt_status expected,
                                const char *word, const char *other)
{
    silt_error err = {0};
    SILT_CLEAN(silt_buf) text = {0};
    silt_status st = f->engine->ops->scan_rows(f->engine, spec, add_row, &text, &err);
    if (st != expected)
        fail_msg("%s: %s instead of %s", silt_status_name(st), err.message,
                 silt_status_name(expected));
    if (!strstr(err.message, word) || !strstr(err.message, other))
        fail_msg("'%s' and '%s' aren't both in: %s", word, other, err.message);
}

#endif
