/* For tests of the engine: real files are made and looked at by SQL. */
#ifndef SILT_TEST_DUCK_H
#define SILT_TEST_DUCK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/duckdb_core.h"
#include "support/files.h"

static inline silt_engine *duck_new(void)
{
    silt_engine *engine = NULL;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.threads = 2;
    assert_int_equal(silt_engine_open(&opts, &engine, NULL), SILT_OK);
    return engine;
}

static inline void duck_assert_ok(silt_status st, const silt_error *err)
{
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), err->message);
}

/* Run SQL that must work; printf's format, where @ stands for the test's folder. */
static inline void duck_run_in(silt_engine *engine, const char *dir, silt_duck_result *out,
                               const char *sql)
{
    silt_error err = {0};
    SILT_CLEAN(silt_buf) text = {0};
    for (const char *c = sql; *c; c++) {
        if (*c == '@')
            silt_buf_printf(&text, "%s/", dir);
        else
            silt_buf_putc(&text, *c);
    }
    duck_assert_ok(silt_duck_start(silt_duck_of(engine), &err), &err);
    duck_assert_ok(silt_duck_query(silt_duck_of(engine), &text, out, &err), &err);
}

static inline void duck_run(silt_engine *engine, const char *dir, const char *sql)
{
    duck_run_in(engine, dir, NULL, sql);
}

/* The result as text: columns by |, rows by line ends, null as ~. To be given to free(). */
static inline char *duck_text(silt_engine *engine, const char *dir, const char *sql)
{
    SILT_CLEAN(silt_duck_result) result = {0};
    SILT_CLEAN(silt_buf) casted = {0};
    silt_buf_printf(&casted, "SELECT COLUMNS(*)::VARCHAR FROM (%s)", sql);
    assert_int_equal(silt_duck_keep_order(silt_duck_of(engine), true, NULL), SILT_OK);
    duck_run_in(engine, dir, &result, casted.data);
    assert_int_equal(silt_duck_keep_order(silt_duck_of(engine), false, NULL), SILT_OK);
    silt_buf out = {0};
    silt_buf_puts(&out, "");
    for (;;) {
        SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
        if (!chunk) break;
        for (idx_t row = 0; row < silt_duck.data_chunk_get_size(chunk); row++) {
            for (idx_t c = 0; c < silt_duck.data_chunk_get_column_count(chunk); c++) {
                duckdb_vector v = silt_duck.data_chunk_get_vector(chunk, c);
                silt_bytes text = {"~", 1};
                if (silt_duck_valid(silt_duck.vector_get_validity(v), row))
                    text = silt_duck_bytes(silt_duck.vector_get_data(v), row);
                if (c) silt_buf_putc(&out, '|');
                silt_buf_append(&out, text.data, text.size);
            }
            silt_buf_putc(&out, '\n');
        }
    }
    assert_false(out.failed);
    return out.data;
}

static inline void duck_assert_text(silt_engine *engine, const char *dir, const char *sql,
                                    const char *expected)
{
    char *text = duck_text(engine, dir, sql);
    assert_string_equal(text, expected);
    free(text);
}

#endif
