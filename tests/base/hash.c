/* Content hashes and the hash table. */
#include "base/hash.h"
#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "support/random.h"

static void hex_of(const void *data, size_t size, size_t piece, char out[SILT_HASH_SIZE])
{
    SILT_AUTO(silt_hash) hash = silt_hash_new();
    for (size_t at = 0; at < size; at += piece)
        silt_hash_update(hash, (const char *)data + at, size - at < piece ? size - at : piece);
    silt_hash_hex(hash, out);
}

static void known_texts_have_the_known_hash(void **state)
{
    (void)state;
    char hex[SILT_HASH_SIZE];
    hex_of("", 0, 1, hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
    hex_of("abc", 3, 3, hex);
    assert_string_equal(hex, "06b05ab6733a618578af5f94892f3950");
    assert_true(silt_hash64("", 0) == UINT64_C(0x2d06800538d394c2));
    assert_true(silt_hash64(NULL, 0) == UINT64_C(0x2d06800538d394c2));
}

static void known_texts_have_the_known_sha256(void **state)
{
    (void)state;
    char hex[SILT_SHA256_SIZE];
    silt_sha256_hex(SILT_STR(""), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    silt_sha256_hex(SILT_STR("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void pieces_make_no_difference(void **state)
{
    (void)state;
    test_random random = test_random_new();
    char data[5000], whole[SILT_HASH_SIZE], pieces[SILT_HASH_SIZE];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)test_random_next(&random);
    hex_of(data, sizeof(data), sizeof(data), whole);
    const size_t sizes[] = {1, 7, 64, 255, 1024, 4999};
    for (size_t i = 0; i < SILT_COUNT(sizes); i++) {
        hex_of(data, sizeof(data), sizes[i], pieces);
        assert_string_equal(pieces, whole);
    }
    data[2500] ^= 1;
    hex_of(data, sizeof(data), sizeof(data), pieces);
    assert_string_not_equal(pieces, whole);
}

static void asking_does_not_end_a_hash(void **state)
{
    (void)state;
    SILT_AUTO(silt_hash) hash = silt_hash_new();
    char hex[SILT_HASH_SIZE];
    silt_hash_update(hash, "a", 1);
    silt_hash_hex(hash, hex);
    silt_hash_update(hash, NULL, 0);
    silt_hash_update(hash, "bc", 2);
    silt_hash_hex(hash, hex);
    assert_string_equal(hex, "06b05ab6733a618578af5f94892f3950");
}

static void a_map_gives_back_what_was_put(void **state)
{
    (void)state;
    SILT_AUTO(silt_map64) map = silt_map64_new();
    enum { COUNT = 50000 };
    static char keys[COUNT][16];
    for (size_t i = 0; i < COUNT; i++) {
        int size = snprintf(keys[i], sizeof(keys[i]), "key %zu", i);
        bool found = true;
        void **slot = silt_map64_slot(map, keys[i], (size_t)size, &found);
        assert_non_null(slot);
        assert_false(found);
        assert_null(*slot);
        *slot = keys[i];
    }
    assert_int_equal(silt_map64_count(map), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        char copy[16];
        memcpy(copy, keys[i], sizeof(copy));
        assert_ptr_equal(silt_map64_get(map, copy, strlen(copy)), keys[i]);
        bool found = false;
        assert_ptr_equal(*silt_map64_slot(map, copy, strlen(copy), &found), keys[i]);
        assert_true(found);
    }
    assert_int_equal(silt_map64_count(map), COUNT);
    assert_null(silt_map64_get(map, "key", 3));
    assert_null(silt_map64_get(map, "key 50000", 9));
}

static void keys_are_bytes(void **state)
{
    (void)state;
    SILT_AUTO(silt_map64) map = silt_map64_new();
    int values[4];
    bool found;
    assert_null(silt_map64_get(map, "", 0));
    *silt_map64_slot(map, NULL, 0, &found) = &values[0];
    *silt_map64_slot(map, "a\0b", 3, &found) = &values[1];
    *silt_map64_slot(map, "a\0c", 3, &found) = &values[2];
    *silt_map64_slot(map, "a", 1, &found) = &values[3];
    assert_ptr_equal(silt_map64_get(map, "", 0), &values[0]);
    assert_ptr_equal(silt_map64_get(map, "a\0b", 3), &values[1]);
    assert_ptr_equal(silt_map64_get(map, "a\0c", 3), &values[2]);
    assert_ptr_equal(silt_map64_get(map, "abc", 1), &values[3]);
    assert_int_equal(silt_map64_count(map), 4);
    silt_map64_free(NULL);
}

static void a_map_stays_whole_without_memory(void **state)
{
    (void)state;
    SILT_AUTO(silt_map64) map = silt_map64_new();
    static char keys[1000][4];
    size_t refused = 0;
    for (size_t i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%03zu", i);
        bool found;
        test_alloc_fail(1, false);
        void **slot = silt_map64_slot(map, keys[i], 3, &found);
        assert_int_equal(slot == NULL, test_alloc_failed());
        refused += !slot;
        if (!slot) slot = silt_map64_slot(map, keys[i], 3, &found);
        *slot = keys[i];
    }
    assert_true(refused > 0);
    for (size_t i = 0; i < 1000; i++)
        assert_ptr_equal(silt_map64_get(map, keys[i], 3), keys[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_the_known_hash),
        cmocka_unit_test(known_texts_have_the_known_sha256),
        cmocka_unit_test(pieces_make_no_difference),
        cmocka_unit_test(asking_does_not_end_a_hash),
        cmocka_unit_test(a_map_gives_back_what_was_put),
        cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(a_map_stays_whole_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
