/* Ledgers: written once, read back whole, and walked from the target's number to its beginning. */
#include "load/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "store/fault.h"

static silt_store *store;
static silt_arena *arena;
static silt_error error;

static int setup(void **state)
{
    (void)state;
    store = silt_store_mem_new();
    arena = silt_arena_new();
    error = (silt_error){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    silt_store_free(store);
    silt_arena_free(arena);
    return 0;
}

static const silt_ledger_file two_files[] = {
    {"/in/b \"q\" é.csv", 20, 1700000000123456789, "00ff", {11, 4, 2, 2, 1, 1, 1}, 4},
    {"/in/a.csv", 0, 0, NULL, {0}, -1},
};

static silt_ledger ledger_of(silt_ledger_kind kind, int64_t number, int64_t previous)
{
    return (silt_ledger){
        .kind = kind,
        .app_id = "nyc/flights",
        .number = number,
        .previous = previous,
        .attempt = "11111111-0000-4000-8000-000000000001",
        .run_id = "run-1",
        .state_id = "state-1",
        .table_id = "table-1",
        .manifest = silt_ledger_loads(kind) ? "0123456789abcdef0123456789abcdef" : NULL,
        .created_us = 1700000000123456,
        .files = two_files,
        .file_count = silt_ledger_loads(kind) ? 2 : 0,
    };
}

static silt_status write(const silt_ledger *ledger, silt_ledger *taken)
{
    return silt_ledger_write(store, ledger, arena, taken, &error);
}

static void put(silt_ledger_kind kind, int64_t number, int64_t previous)
{
    const silt_ledger ledger = ledger_of(kind, number, previous);
    silt_ledger taken;
    assert_int_equal(write(&ledger, &taken), SILT_OK);
}

static void put_text(int64_t number, const char *text)
{
    const char *key = silt_ledger_key("nyc/flights", number, arena);
    assert_int_equal(store->ops->put(store, key, silt_bytes_of(text), &error), SILT_OK);
}

static silt_status read(int64_t number, silt_ledger *out)
{
    return silt_ledger_read(store, "nyc/flights", number, arena, out, &error);
}

static void assert_same(const silt_ledger *a, const silt_ledger *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_string_equal(a->app_id, b->app_id);
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->previous, b->previous);
    assert_string_equal(a->attempt, b->attempt);
    assert_true(silt_streq(a->run_id, b->run_id));
    assert_true(silt_streq(a->state_id, b->state_id));
    assert_true(silt_streq(a->table_id, b->table_id));
    assert_true(silt_streq(a->manifest, b->manifest));
    assert_int_equal(a->created_us, b->created_us);
    assert_int_equal(a->file_count, b->file_count);
    for (size_t i = 0; i < a->file_count; i++) {
        assert_string_equal(a->files[i].path, b->files[i].path);
        assert_int_equal(a->files[i].size_bytes, b->files[i].size_bytes);
        assert_int_equal(a->files[i].mtime_ns, b->files[i].mtime_ns);
        assert_true(silt_streq(a->files[i].content_hash, b->files[i].content_hash));
        bool reload = a->kind == SILT_LEDGER_RELOAD;
        assert_int_equal(reload ? a->files[i].replaces : -1, b->files[i].replaces);
        assert_memory_equal(&a->files[i].rows, &b->files[i].rows, sizeof(a->files[i].rows));
    }
}

static void comes_back_as_it_was_written(void **state)
{
    (void)state;
    for (int kind = SILT_LEDGER_DATA; kind <= SILT_LEDGER_REPAIR; kind++) {
        const silt_ledger ledger = ledger_of((silt_ledger_kind)kind, kind + 7, kind - 1);
        silt_ledger taken, back;
        assert_int_equal(write(&ledger, &taken), SILT_OK);
        assert_int_equal(read(kind + 7, &back), SILT_OK);
        assert_same(&ledger, &back);
    }
    assert_string_equal(silt_ledger_key("nyc/flights", 7, arena),
                        "_silt/ledger/nyc/flights/00000000000000000007.json");
    silt_ledger none;
    assert_int_equal(read(1, &none), SILT_NOT_FOUND);
}

static silt_status read_head(int64_t number, silt_ledger *out)
{
    return silt_ledger_read_head(store, "nyc/flights", number, arena, out, &error);
}

static void a_head_is_all_but_the_files(void **state)
{
    (void)state;
    enum { FILES = 1000 };
    silt_ledger_file files[FILES];
    for (size_t i = 0; i < FILES; i++)
        files[i] = two_files[i % 2];
    silt_ledger many = ledger_of(SILT_LEDGER_DATA, 3, 2), taken, head;
    many.run_id = "it says ,\"files\":[ too";
    many.rejects = "_silt/rejects/x.parquet";
    many.files = files;
    many.file_count = FILES;
    assert_int_equal(write(&many, &taken), SILT_OK);
    assert_int_equal(read_head(3, &head), SILT_OK);
    assert_string_equal(head.rejects, many.rejects);
    many.file_count = 0;
    assert_same(&many, &head);

    put_text(4, "{\"kind\":\"data\",\"appId\":\"nyc/flights\",\"version\":5,\"files\":[");
    assert_int_equal(read_head(4, &head), SILT_CORRUPT);
    put_text(4, "{\"kind\":\"data\",");
    assert_int_equal(read_head(4, &head), SILT_CORRUPT);
    assert_int_equal(read_head(5, &head), SILT_NOT_FOUND);
}

static void the_same_ledger_again_is_fine(void **state)
{
    (void)state;
    const silt_ledger ledger = ledger_of(SILT_LEDGER_DATA, 3, 2);
    silt_ledger taken;
    assert_int_equal(write(&ledger, &taken), SILT_OK);
    assert_int_equal(write(&ledger, &taken), SILT_OK);
}

static void another_attempts_number_is_taken(void **state)
{
    (void)state;
    put(SILT_LEDGER_DATA, 3, 2);
    silt_ledger ours = ledger_of(SILT_LEDGER_DATA, 3, 2), taken;
    ours.attempt = "22222222-0000-4000-8000-000000000002";
    assert_int_equal(write(&ours, &taken), SILT_EXISTS);
    assert_string_equal(taken.attempt, "11111111-0000-4000-8000-000000000001");
    assert_non_null(strstr(error.message, "attempt 11111111-0000"));
    silt_ledger fence = ledger_of(SILT_LEDGER_FENCE, 3, 2);
    assert_int_equal(write(&fence, &taken), SILT_EXISTS);
    assert_int_equal(taken.kind, SILT_LEDGER_DATA);
    silt_ledger back;
    assert_int_equal(read(3, &back), SILT_OK);
    assert_string_equal(back.attempt, taken.attempt);
}

/* A table that was here before has left its ledgers: their numbers are spent like any other's, for
 * two attempts could both replace one. */
static void a_ledger_of_another_table_is_left_alone(void **state)
{
    (void)state;
    put(SILT_LEDGER_FENCE, 3, 2);
    silt_ledger ours = ledger_of(SILT_LEDGER_FENCE, 3, 2), taken, back;
    ours.table_id = "table-2";
    assert_int_equal(write(&ours, &taken), SILT_EXISTS);
    assert_string_equal(taken.table_id, "table-1");
    assert_int_equal(read(3, &back), SILT_OK);
    assert_string_equal(back.table_id, "table-1");
}

static void a_number_held_by_garbage_is_taken(void **state)
{
    (void)state;
    const char *const garbage[] = {"", "{", "[]", "{\"kind\":\"data\"}", "{\"kind\":\"gift\"}"};
    for (size_t i = 0; i < SILT_COUNT(garbage); i++) {
        put_text(3, garbage[i]);
        const silt_ledger ours = ledger_of(SILT_LEDGER_DATA, 3, 2);
        silt_ledger taken, back;
        assert_int_equal(write(&ours, &taken), SILT_EXISTS);
        assert_int_equal(taken.previous, -2); /* that of no fence */
        assert_int_equal(read(3, &back), SILT_CORRUPT);
        assert_non_null(strstr(error.message, "00000000000000000003.json"));
    }
}

static void what_cannot_be_is_corrupt(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"kind\":\"data\",\"appId\":\"nyc/flights\",\"version\":4,\"previous\":2,"
        "\"attempt\":\"x\"}", /* another number's */
        "{\"kind\":\"data\",\"appId\":\"nyc/planes\",\"version\":3,\"previous\":2,"
        "\"attempt\":\"x\"}",
        "{\"kind\":\"data\",\"appId\":\"nyc/flights\",\"version\":3,\"previous\":3,"
        "\"attempt\":\"x\"}", /* a circle */
        "{\"kind\":\"data\",\"appId\":\"nyc/flights\",\"version\":3,\"attempt\":\"x\"}",
        "{\"kind\":\"data\",\"appId\":\"nyc/flights\",\"version\":3,\"previous\":2}",
        "{\"kind\":\"data\",\"appId\":\"nyc/flights\",\"version\":3,\"previous\":2,"
        "\"attempt\":\"x\",\"files\":[{\"size\":1}]}",
    };
    silt_ledger out = {.number = 99};
    for (size_t i = 0; i < SILT_COUNT(texts); i++) {
        put_text(3, texts[i]);
        assert_int_equal(read(3, &out), SILT_CORRUPT);
    }
    assert_int_equal(out.number, 99);
}

static void a_lost_answer_is_resolved_by_reading(void **state)
{
    (void)state;
    const silt_ledger ours = ledger_of(SILT_LEDGER_DATA, 3, 2);
    silt_ledger taken;
    silt_store *whole = store;
    const silt_fault_plan after = {
        .kind = SILT_FAULT_AFTER_EFFECT, .at = 1, .ops = SILT_FAULT_PUT_NEW};
    store = silt_store_fault_new(whole, &after);
    assert_int_equal(write(&ours, &taken), SILT_OK);
    silt_store_free(store);

    /* It can't be known whether it will stand there. */
    const silt_fault_plan never = {.kind = SILT_FAULT_BEFORE_EFFECT,
                                   .at = 1,
                                   .ops = SILT_FAULT_PUT_NEW,
                                   .status = SILT_UNSURE};
    store = silt_store_fault_new(whole, &never);
    const silt_ledger next = ledger_of(SILT_LEDGER_DATA, 4, 3);
    assert_int_equal(write(&next, &taken), SILT_UNSURE);
    silt_store_free(store);
    store = whole;
    assert_int_equal(write(&next, &taken), SILT_OK);
}

/* ---- the chain */

static const char *chain(int64_t from, int64_t until, silt_status expected, int64_t *missing)
{
    const silt_ledger *items;
    size_t count;
    int64_t gone;
    silt_status st =
        silt_ledger_chain(store, "nyc/flights", from, until, arena, &items, &count, &gone, &error);
    assert_int_equal(st, expected);
    if (missing) *missing = gone;
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "");
    for (size_t i = 0; i < count; i++)
        silt_buf_printf(&text, "%c%" PRId64 " ", "dfe"[items[i].kind], items[i].number);
    return silt_buf_copy(&text, arena);
}

static void is_walked_back_over_numbers_that_never_happened(void **state)
{
    (void)state;
    put(SILT_LEDGER_DATA, 0, -1);
    put(SILT_LEDGER_DATA, 1, 0); /* given up */
    put(SILT_LEDGER_FENCE, 2, 0);
    put(SILT_LEDGER_DATA, 3, 2);
    put(SILT_LEDGER_DATA, 4, 3); /* a ledger without its commit means nothing */
    assert_string_equal(chain(3, -1, SILT_OK, NULL), "d3 f2 d0 ");
    assert_string_equal(chain(3, 0, SILT_OK, NULL), "d3 f2 ");
    assert_string_equal(chain(3, 1, SILT_OK, NULL), "d3 f2 ");
    assert_string_equal(chain(3, 2, SILT_OK, NULL), "d3 ");
    assert_string_equal(chain(3, 3, SILT_OK, NULL), "");
    assert_string_equal(chain(-1, -1, SILT_OK, NULL), "");
}

static void ends_at_an_epoch(void **state)
{
    (void)state;
    put(SILT_LEDGER_DATA, 0, -1);
    put(SILT_LEDGER_EPOCH, 1, 0);
    put(SILT_LEDGER_DATA, 2, 1);
    assert_string_equal(chain(2, -1, SILT_OK, NULL), "d2 e1 ");
    assert_string_equal(chain(1, -1, SILT_OK, NULL), "e1 ");
}

static void a_missing_ledger_is_told_with_those_above_it(void **state)
{
    (void)state;
    int64_t missing;
    put(SILT_LEDGER_DATA, 0, -1);
    put(SILT_LEDGER_DATA, 1, 0);
    put(SILT_LEDGER_DATA, 2, 1);
    const char *key = silt_ledger_key("nyc/flights", 1, arena);
    assert_int_equal(store->ops->remove(store, key, &error), SILT_OK);
    assert_string_equal(chain(2, -1, SILT_INCONSISTENT, &missing), "d2 ");
    assert_int_equal(missing, 1);
    assert_string_equal(chain(2, 1, SILT_OK, NULL), "d2 "); /* nobody asks for it */
    put_text(1, "{\"kind\":");
    assert_string_equal(chain(2, -1, SILT_INCONSISTENT, &missing), "d2 ");
    assert_int_equal(missing, 1);
}

static void a_store_that_fails_says_nothing_of_the_ledgers(void **state)
{
    (void)state;
    put(SILT_LEDGER_DATA, 0, -1);
    put(SILT_LEDGER_DATA, 1, 0);
    silt_store *whole = store;
    const silt_fault_plan plan = {.kind = SILT_FAULT_BEFORE_EFFECT, .at = 2};
    store = silt_store_fault_new(whole, &plan);
    assert_string_equal(chain(1, -1, SILT_IO, NULL), "d1 ");
    silt_store_free(store);
    store = whole;
}

/* ---- manifests */

static void a_manifest_is_of_the_set_and_not_its_order(void **state)
{
    (void)state;
    const silt_ledger_file turned[] = {two_files[1], two_files[0]};
    silt_ledger_file other[] = {two_files[0], two_files[1]};
    char a[SILT_HASH_SIZE], b[SILT_HASH_SIZE], c[SILT_HASH_SIZE];
    assert_int_equal(silt_ledger_manifest(two_files, 2, a, &error), SILT_OK);
    assert_int_equal(silt_ledger_manifest(turned, 2, b, &error), SILT_OK);
    assert_string_equal(a, b);
    other[1].mtime_ns++;
    assert_int_equal(silt_ledger_manifest(other, 2, c, &error), SILT_OK);
    assert_string_not_equal(a, c);
    assert_int_equal(silt_ledger_manifest(two_files, 1, c, &error), SILT_OK);
    assert_string_not_equal(a, c);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(comes_back_as_it_was_written),
        CASE(a_head_is_all_but_the_files),
        CASE(the_same_ledger_again_is_fine),
        CASE(another_attempts_number_is_taken),
        CASE(a_ledger_of_another_table_is_left_alone),
        CASE(a_number_held_by_garbage_is_taken),
        CASE(what_cannot_be_is_corrupt),
        CASE(a_lost_answer_is_resolved_by_reading),
        CASE(is_walked_back_over_numbers_that_never_happened),
        CASE(ends_at_an_epoch),
        CASE(a_missing_ledger_is_told_with_those_above_it),
        CASE(a_store_that_fails_says_nothing_of_the_ledgers),
        CASE(a_manifest_is_of_the_set_and_not_its_order),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
