/* Arenas; arena_chunks.c runs the same cases over the chunks of builds without sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "support/random.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

static void blocks_are_aligned_and_apart(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    enum { COUNT = 3000 };
    unsigned char *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 700;
        blocks[i] = silt_arena_alloc(arena, size);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i & 0xFF), size);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < i % 700; k++)
            assert_int_equal(blocks[i][k], i & 0xFF);
}

static void empty_blocks_have_addresses_of_their_own(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    void *a = silt_arena_alloc(arena, 0), *b = silt_arena_alloc(arena, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
}

static void blocks_of_any_size_live_together(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const size_t sizes[] = {1, 5000, 3, 3 << 20, 100, 1 << 20, 70000, 1};
    unsigned char *blocks[SILT_COUNT(sizes)];
    for (size_t i = 0; i < SILT_COUNT(sizes); i++) {
        blocks[i] = silt_arena_alloc(arena, sizes[i]);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < SILT_COUNT(sizes); i++) {
        assert_int_equal(blocks[i][0], i + 1);
        assert_int_equal(blocks[i][sizes[i] - 1], i + 1);
    }
}

static void impossible_sizes_give_null(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    assert_null(silt_arena_alloc(arena, SIZE_MAX));
    assert_null(silt_arena_alloc(arena, SIZE_MAX - 8));
    assert_null(silt_arena_alloc(arena, PTRDIFF_MAX));
    assert_null(silt_arena_calloc(arena, SIZE_MAX / 2, 3));
    assert_null(silt_arena_calloc(arena, SIZE_MAX, SIZE_MAX));
    assert_null(silt_arena_resize(arena, silt_arena_alloc(arena, 1), 1, SIZE_MAX));
    assert_null(silt_arena_strndup(arena, "", SIZE_MAX));
    assert_non_null(silt_arena_alloc(arena, 10)); /* and does no harm */
}

static void calloc_zeroes_memory_that_was_used_before(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    memset(silt_arena_alloc(arena, 1000), 0xAA, 1000);
    silt_arena_reset(arena);
    const unsigned char *block = silt_arena_calloc(arena, 10, 100);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(block[i], 0);
}

static void texts_are_copied(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    assert_string_equal(silt_arena_strdup(arena, "abc"), "abc");
    assert_string_equal(silt_arena_strdup(arena, ""), "");
    assert_null(silt_arena_strdup(arena, NULL));
    assert_string_equal(silt_arena_strndup(arena, "abcdef", 3), "abc");
    assert_memory_equal(silt_arena_strndup(arena, "a\0b", 3), "a\0b", 4);
    assert_null(silt_arena_strndup(arena, NULL, 0));
    assert_string_equal(silt_arena_printf(arena, "%s-%d", "x", 42), "x-42");
    assert_int_equal(strlen(silt_arena_printf(arena, "%10000d", 1)), 10000);
}

static void reset_can_be_repeated(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_arena_reset(arena);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 500; i++)
            memset(silt_arena_alloc(arena, i * (size_t)round), 1, i * (size_t)round);
        memset(silt_arena_alloc(arena, 2 << 20), 1, 2 << 20);
        silt_arena_reset(arena);
    }
}

static void resize_keeps_the_content(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    char *text = silt_arena_resize(arena, NULL, 0, 4);
    memcpy(text, "abc", 4);
    text = silt_arena_resize(arena, text, 4, 100);
    assert_string_equal(text, "abc");
    assert_ptr_equal(silt_arena_resize(arena, text, 100, 4), text);
    char *other = silt_arena_strdup(arena, "other");
    text = silt_arena_resize(arena, text, 4, 1 << 20);
    assert_string_equal(text, "abc");
    memset(text, 'x', 1 << 20);
    assert_string_equal(other, "other");
}

static void nothing_to_free_is_fine(void **state)
{
    (void)state;
    silt_arena_free(NULL);
    silt_arena_free(silt_arena_new());
}

typedef struct filled {
    unsigned char *data, mark;
    size_t size;
} filled;

static void check_block(const filled *b)
{
    for (size_t i = 0; i < b->size; i++)
        assert_int_equal(b->data[i], b->mark);
}

/* Whatever is done to one block, no other is touched. */
static void blocks_stay_apart_in_any_order_of_calls(void **state)
{
    (void)state;
    test_random random = test_random_new();
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    enum { COUNT = 400 };
    filled blocks[COUNT];
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            size_t size = test_random_below(&random, i % 50 ? 300 : 200000);
            blocks[i] = (filled){silt_arena_alloc(arena, size), (unsigned char)i, size};
            memset(blocks[i].data, blocks[i].mark, size);
            filled *b =
                &blocks[test_random_below(&random, 3) ? i : test_random_below(&random, i + 1)];
            size_t resized = test_random_below(&random, 2 * b->size + 10);
            b->data = silt_arena_resize(arena, b->data, b->size, resized);
            if (resized < b->size) b->size = resized;
            check_block(b);
            memset(b->data, b->mark, resized);
            b->size = resized;
        }
        for (size_t i = 0; i < COUNT; i++)
            check_block(&blocks[i]);
        silt_arena_reset(arena);
    }
}

#ifdef ARENA_CHUNKS
static void reset_keeps_memory_for_the_next_round(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const void *first = silt_arena_alloc(arena, 100);
    silt_arena_reset(arena);
    assert_ptr_equal(silt_arena_alloc(arena, 100), first);
}

static void the_last_block_grows_in_place(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    char *block = silt_arena_alloc(arena, 10);
    assert_ptr_equal(silt_arena_resize(arena, block, 10, 1000), block);
    assert_ptr_equal(silt_arena_resize(arena, block, 1000, 16), block);
    assert_ptr_equal(silt_arena_alloc(arena, 1), block + 16); /* what it gave back */
}
#elif defined(__SANITIZE_ADDRESS__)
static void the_byte_behind_a_block_is_out_of_bounds(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    char *block = silt_arena_alloc(arena, 13);
    assert_false(__asan_address_is_poisoned(block + 12));
    assert_true(__asan_address_is_poisoned(block + 13));
    silt_arena_reset(arena);
    assert_true(__asan_address_is_poisoned(block));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(empty_blocks_have_addresses_of_their_own),
        cmocka_unit_test(blocks_of_any_size_live_together),
        cmocka_unit_test(impossible_sizes_give_null),
        cmocka_unit_test(calloc_zeroes_memory_that_was_used_before),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(reset_can_be_repeated),
        cmocka_unit_test(resize_keeps_the_content),
        cmocka_unit_test(nothing_to_free_is_fine),
        cmocka_unit_test(blocks_stay_apart_in_any_order_of_calls),
#ifdef ARENA_CHUNKS
        cmocka_unit_test(reset_keeps_memory_for_the_next_round),
        cmocka_unit_test(the_last_block_grows_in_place),
#elif defined(__SANITIZE_ADDRESS__)
        cmocka_unit_test(the_byte_behind_a_block_is_out_of_bounds),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
