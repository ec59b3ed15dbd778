/* Each allocation fails once, then it and all behind it: whatever is called says NOMEM or does
 * without, sets no result, leaks nothing, and works again afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/json.h"
#include "silt/schema.h"
#include "support/alloc.h"

/* Does something in the arena; NOMEM where it couldn't. */
typedef silt_status work(silt_arena *arena, silt_error *err);

static void sweep(work *fn)
{
    for (int all_after = 0; all_after < 2; all_after++) {
        bool fired = true;
        for (int n = 1; fired; n++) {
            SILT_AUTO(silt_arena) arena = silt_arena_new();
            silt_error err = {0};
            test_alloc_fail(n, all_after);
            silt_status st = fn(arena, &err);
            fired = test_alloc_failed();
            if (st != (fired ? SILT_NOMEM : SILT_OK)) fail_msg("%d: %d, %s", n, st, err.message);
            assert_int_equal(fn(arena, &err), SILT_OK);
            if (n > 10000) fail_msg("never ends");
        }
    }
}

static const char schema_text[] =
    "struct<a:long,`b c`:decimal(10,2),d:array<map<string,struct<e:int,f:date not null>>>>";

static silt_status json_work(silt_arena *arena, silt_error *err)
{
    const silt_json *json = NULL;
    silt_status st = silt_json_parse(SILT_STR("{\"a\":[1,2.5,\"x\\n\",{\"b\":null}],\"c\":{}}"),
                                     arena, &json, err);
    assert_int_equal(st == SILT_OK, json != NULL);
    SILT_TRY(st);
    return silt_json_text(json, arena) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status long_json_work(silt_arena *arena, silt_error *err)
{
    static char text[20000] = "[";
    memset(text + 1, '[', 500);
    for (size_t at = 501; at < 15000; at += 2)
        memcpy(text + at, "1,", 2);
    memcpy(text + 15001, "2", 1);
    memset(text + 15002, ']', 501);
    const silt_json *json = NULL;
    SILT_TRY(silt_json_parse((silt_bytes){text, 15503}, arena, &json, err));
    return silt_json_text(json, arena) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status schema_work(silt_arena *arena, silt_error *err)
{
    const silt_type *type = NULL;
    silt_status st = silt_type_parse(schema_text, arena, &type, err);
    assert_int_equal(st == SILT_OK, type != NULL);
    SILT_TRY(st);
    if (!silt_type_name(type, arena)) return silt_fail_nomem(err);
    const char *json = silt_schema_json(type, arena);
    if (!json) return silt_fail_nomem(err);
    type = NULL;
    st = silt_schema_parse(json, strlen(json), arena, &type, err);
    assert_int_equal(st == SILT_OK, type != NULL);
    return st;
}

static silt_status metadata_work(silt_arena *arena, silt_error *err)
{
    const char json[] =
        "{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":\"decimal(5,1)\","
        "\"nullable\":true,\"metadata\":{\"comment\":\"x\",\"n\":1.50}}]}";
    const silt_type *type;
    return silt_schema_parse(json, sizeof(json) - 1, arena, &type, err);
}

static silt_status hash_work(silt_arena *arena, silt_error *err)
{
    (void)arena;
    SILT_AUTO(silt_hash) hash = silt_hash_new();
    if (!hash) return silt_fail_nomem(err);
    silt_hash_update(hash, "abc", 3);
    SILT_AUTO(silt_map64) map = silt_map64_new();
    if (!map) return silt_fail_nomem(err);
    static const char keys[100] = "";
    for (size_t i = 0; i < sizeof(keys); i++) {
        bool found;
        if (!silt_map64_slot(map, keys, i, &found)) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

static silt_status text_work(silt_arena *arena, silt_error *err)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_array(&w);
    for (int i = 0; i < 100; i++) {
        silt_json_put_double(&w, i / 7.0);
        silt_json_put_string(&w, "a\"\n\xff");
        silt_json_put_int(&w, i);
    }
    silt_json_end_array(&w);
    silt_buf_printf(&buf, "%500d", 1);
    if (!silt_buf_copy(&buf, arena)) return silt_fail_nomem(err);
    if (!silt_arena_printf(arena, "%5000d", 1)) return silt_fail_nomem(err);
    return silt_arena_calloc(arena, 100, 100) ? SILT_OK : silt_fail_nomem(err);
}

static void json_without_memory(void **state)
{
    (void)state;
    sweep(json_work);
    sweep(long_json_work);
}

static void schema_without_memory(void **state)
{
    (void)state;
    sweep(schema_work);
    sweep(metadata_work);
}

static void hash_without_memory(void **state)
{
    (void)state;
    sweep(hash_work);
}

static void text_without_memory(void **state)
{
    (void)state;
    sweep(text_work);
}

static void no_arena_without_memory(void **state)
{
    (void)state;
    test_alloc_fail(1, false);
    silt_arena *arena = silt_arena_new();
    assert_true(test_alloc_failed());
    assert_null(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_without_memory),     cmocka_unit_test(schema_without_memory),
        cmocka_unit_test(hash_without_memory),     cmocka_unit_test(text_without_memory),
        cmocka_unit_test(no_arena_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
