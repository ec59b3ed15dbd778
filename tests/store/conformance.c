/* What every store must do: one list of cases, run against each of test_backends. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/backends.h"
#include "support/files.h"

/* ---- in words of the tests */

#define assert_ok(call)                                                                       \
    do {                                                                                      \
        silt_status status_ = (call);                                                         \
        if (status_ != SILT_OK) fail_msg("%s: %s", silt_status_name(status_), error.message); \
    } while (0)
#define assert_status(call, expected) \
    assert_string_equal(silt_status_name(call), silt_status_name(expected))

static silt_error error; /* of the main thread */

static void put(test_place *p, const char *key, const char *text)
{
    assert_ok(p->store->ops->put(p->store, key, silt_bytes_of(text), &error));
}

static silt_status put_new(test_place *p, const char *key, const char *text)
{
    return p->store->ops->put_new(p->store, key, silt_bytes_of(text), &error);
}

static void assert_object(test_place *p, const char *key, const void *data, size_t size)
{
    silt_bytes got = {0};
    assert_ok(silt_store_get_all(p->store, key, p->arena, &got, &error));
    assert_int_equal(got.size, size);
    if (size) assert_memory_equal(got.data, data, size);
    assert_int_equal(got.data[size], 0);

    silt_object object = {0};
    assert_ok(p->store->ops->head(p->store, key, p->arena, &object, &error));
    assert_string_equal(object.key, key);
    assert_int_equal(object.size_bytes, size);
    assert_true(object.mtime_ns > INT64_C(1500000000) * 1000000000);
}

static void assert_text(test_place *p, const char *key, const char *text)
{
    assert_object(p, key, text, strlen(text));
}

static silt_status get_range(test_place *p, const char *key, int64_t offset, int64_t length,
                             silt_bytes *out)
{
    return p->store->ops->get(p->store, key, offset, length, p->arena, out, &error);
}

/* A listing as text: keys, one after the other, each with '|' behind it. */
typedef struct listing {
    silt_buf text;
    int64_t left; /* objects until it wants no more */
} listing;

static bool collect(void *ctx, const silt_object *object)
{
    listing *l = ctx;
    assert_true(object->size_bytes >= 0);
    silt_buf_puts(&l->text, object->key);
    silt_buf_putc(&l->text, '|');
    return --l->left > 0;
}

static char *list(test_place *p, const char *prefix, const char *after, bool recursive,
                  int64_t most)
{
    listing l = {.left = most};
    assert_ok(p->store->ops->list(p->store, prefix, after, recursive, collect, &l, &error));
    char *text = silt_buf_copy(&l.text, p->arena);
    silt_buf_release(&l.text);
    assert_non_null(text);
    return text;
}

#define assert_list(p, prefix, after, recursive, expected) \
    assert_string_equal(list(p, prefix, after, recursive, INT64_MAX), expected)

static int setup(void **state)
{
    *state = test_place_new(*state);
    return 0;
}

static int teardown(void **state)
{
    test_place_free(*state);
    return 0;
}

/* ---- bodies */

static void put_is_read_back(void **state)
{
    test_place *p = *state;
    put(p, "a", "one");
    put(p, "folder/deep/er/b", "two");
    assert_text(p, "a", "one");
    assert_text(p, "folder/deep/er/b", "two");
    put(p, "a", "another");
    assert_text(p, "a", "another");
}

static void a_hint_is_put_as_any_other(void **state)
{
    test_place *p = *state;
    assert_ok(p->store->ops->put_hint(p->store, "log/hint", SILT_STR("one"), &error));
    assert_text(p, "log/hint", "one");
    assert_ok(p->store->ops->put_hint(p->store, "log/hint", SILT_STR("another"), &error));
    assert_text(p, "log/hint", "another");
    assert_list(p, "", NULL, true, "log/hint|");
}

static void an_empty_body_is_an_object(void **state)
{
    test_place *p = *state;
    assert_ok(p->store->ops->put(p->store, "a", (silt_bytes){NULL, 0}, &error));
    assert_ok(p->store->ops->put_new(p->store, "b", (silt_bytes){"", 0}, &error));
    assert_text(p, "a", "");
    assert_text(p, "b", "");
    assert_list(p, "", NULL, true, "a|b|");
    silt_bytes got;
    assert_ok(get_range(p, "a", 0, 10, &got));
    assert_int_equal(got.size, 0);
}

static void a_large_body_is_whole(void **state)
{
    test_place *p = *state;
    const size_t size = 5 * 1024 * 1024 + 13;
    char *body = malloc(size);
    assert_non_null(body);
    for (size_t i = 0; i < size; i++)
        body[i] = (char)(i * 2654435761u >> 13); /* NUL bytes too */
    assert_ok(p->store->ops->put_new(p->store, "big", (silt_bytes){body, size}, &error));
    assert_object(p, "big", body, size);
    silt_bytes got;
    assert_ok(get_range(p, "big", 4 * 1024 * 1024 + 7, 65536, &got));
    assert_int_equal(got.size, 65536);
    assert_memory_equal(got.data, body + 4 * 1024 * 1024 + 7, 65536);
    free(body);
}

static void ranges_are_cut_at_the_end(void **state)
{
    test_place *p = *state;
    put(p, "a", "0123456789");
    const struct {
        int64_t offset, length;
        const char *text;
    } cases[] = {
        {0, -1, "0123456789"},
        {0, 10, "0123456789"},
        {0, 0, ""},
        {0, 3, "012"},
        {3, 4, "3456"},
        {9, 1, "9"},
        {9, 2, "9"},
        {7, -1, "789"},
        {10, -1, ""},
        {10, 5, ""},
        {11, 1, ""},
        {INT64_MAX, -1, ""},
        {3, INT64_MAX, "3456789"},
        {INT64_MAX, INT64_MAX, ""},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_bytes got;
        assert_ok(get_range(p, "a", cases[i].offset, cases[i].length, &got));
        assert_string_equal(got.data, cases[i].text);
        assert_int_equal(got.size, strlen(cases[i].text));
    }
    silt_bytes untouched = {"x", 1};
    assert_status(get_range(p, "a", -1, 1, &untouched), SILT_INVALID);
    assert_status(get_range(p, "a", 0, -2, &untouched), SILT_INVALID);
    assert_string_equal(untouched.data, "x");
}

/* ---- names */

static void put_new_never_replaces(void **state)
{
    test_place *p = *state;
    assert_ok(put_new(p, "log/0", "first"));
    assert_status(put_new(p, "log/0", "second"), SILT_EXISTS);
    assert_non_null(strstr(error.message, "log/0"));
    assert_text(p, "log/0", "first");
    put(p, "log/1", "put");
    assert_status(put_new(p, "log/1", "second"), SILT_EXISTS);
    assert_text(p, "log/1", "put");
    assert_ok(p->store->ops->remove(p->store, "log/0", &error));
    assert_ok(put_new(p, "log/0", "second"));
    assert_text(p, "log/0", "second");
    assert_list(p, "", NULL, true, "log/0|log/1|");
}

static void what_is_missing_is_not_found(void **state)
{
    test_place *p = *state;
    for (int round = 0; round < 2; round++) { /* first without even a root */
        silt_bytes body = {"x", 1};
        silt_object object = {.key = "x"};
        bool exists = true;
        char *file = test_path(p->scratch, "out");
        assert_status(get_range(p, "no/such", 0, -1, &body), SILT_NOT_FOUND);
        assert_non_null(strstr(error.message, "no/such"));
        assert_status(p->store->ops->head(p->store, "no", p->arena, &object, &error),
                      SILT_NOT_FOUND);
        assert_status(p->store->ops->get_file(p->store, "no", file, &error), SILT_NOT_FOUND);
        assert_ok(silt_store_exists(p->store, "no", &exists, &error));
        assert_false(exists);
        assert_string_equal(body.data, "x");
        assert_string_equal(object.key, "x");
        assert_int_equal(access(file, F_OK), -1);
        assert_ok(p->store->ops->remove(p->store, "no/such", &error));
        assert_list(p, "no/", NULL, true, "");
        assert_list(p, round ? "no/" : "", NULL, false, "");
        free(file);
        put(p, "there", "x");
        assert_ok(silt_store_exists(p->store, "there", &exists, &error));
        assert_true(exists);
    }
}

static void a_folder_is_no_object(void **state)
{
    test_place *p = *state;
    put(p, "a/b/c", "x");
    silt_bytes body;
    silt_object object;
    char *file = test_path(p->scratch, "out");
    assert_status(get_range(p, "a", 0, -1, &body), SILT_NOT_FOUND);
    assert_status(p->store->ops->head(p->store, "a/b", p->arena, &object, &error), SILT_NOT_FOUND);
    assert_status(p->store->ops->get_file(p->store, "a/b", file, &error), SILT_NOT_FOUND);
    assert_ok(p->store->ops->remove(p->store, "a/b", &error));
    assert_text(p, "a/b/c", "x");
    assert_list(p, "a/", NULL, false, "");
    assert_list(p, "a/b/c/", NULL, true, "");
    assert_ok(p->store->ops->remove(p->store, "a/b/c/d", &error));
    assert_status(get_range(p, "a/b/c/d", 0, -1, &body), SILT_NOT_FOUND);
    free(file);
}

static void malformed_keys_are_refused_everywhere(void **state)
{
    test_place *p = *state;
    const char *const keys[] = {
        "",     "/", "/x",  "x/",  "a//b",  "..",          "../x",         "a/../b",
        "a/..", ".", "./a", "a/.", "a/./b", ".silt-tmp-1", "a/.silt-tmp-", ".silt-tmp-d/a"};
    char *file = test_path(p->scratch, "file");
    test_write(p->scratch, "file", "x");
    put(p, "a", "x");
    for (size_t i = 0; i < SILT_COUNT(keys); i++) {
        const char *key = keys[i];
        silt_store *s = p->store;
        silt_bytes body;
        silt_object object;
        assert_status(s->ops->get(s, key, 0, -1, p->arena, &body, &error), SILT_INVALID);
        assert_status(s->ops->head(s, key, p->arena, &object, &error), SILT_INVALID);
        assert_status(s->ops->put(s, key, SILT_STR("x"), &error), SILT_INVALID);
        assert_status(s->ops->put_hint(s, key, SILT_STR("x"), &error), SILT_INVALID);
        assert_status(s->ops->put_new(s, key, SILT_STR("x"), &error), SILT_INVALID);
        assert_status(s->ops->put_file(s, key, file, &error), SILT_INVALID);
        assert_status(s->ops->get_file(s, key, file, &error), SILT_INVALID);
        assert_status(s->ops->remove(s, key, NULL), SILT_INVALID);
        if (*key && silt_store_local_path(s, "a", p->arena))
            assert_null(silt_store_local_path(s, key, p->arena));
    }
    const char *const prefixes[] = {"a", "/", "/a/", "a//", "../", "./", "a/../", ".silt-tmp-/"};
    for (size_t i = 0; i < SILT_COUNT(prefixes); i++)
        assert_status(p->store->ops->list(p->store, prefixes[i], NULL, true, collect, NULL, &error),
                      SILT_INVALID);
    assert_list(p, "", NULL, true, "a|");
    assert_int_equal(access(file, F_OK), 0);
    free(file);
}

static void any_other_byte_is_kept(void **state)
{
    test_place *p = *state;
    char longest[NAME_MAX + 1];
    memset(longest, 'n', NAME_MAX);
    longest[NAME_MAX] = '\0';
    const char *const keys[] = {
        "with space",
        "per%20cent%",
        "hash#tag",
        "query?x=1&y=2",
        "a=b",
        "new\nline",
        "tab\there",
        "back\\slash",
        "\"quoted\"",
        "'single'",
        "star*[x]",
        "gr\xc3\xbc\xc3\x9f"
        "e",
        "\xe4\xb8\xad",
        "not utf-8 \xff\xfe",
        "\x01",
        "\x7f",
        "...",
        "..a",
        ".hidden",
        "~",
        "-rf",
        "a:b",
        "trailing ",
        "trailing.",
        "_delta_log",
        ".silt-tm",
        longest,
    };
    for (size_t i = 0; i < SILT_COUNT(keys); i++) {
        char *inner = silt_arena_printf(p->arena, "folder %%/%s", keys[i]);
        assert_ok(put_new(p, keys[i], keys[i]));
        put(p, inner, inner);
    }
    for (size_t i = 0; i < SILT_COUNT(keys); i++) {
        char *inner = silt_arena_printf(p->arena, "folder %%/%s", keys[i]);
        char *once = silt_arena_printf(p->arena, "|%s|", keys[i]);
        char *listed = silt_arena_printf(p->arena, "|%s", list(p, "", NULL, true, INT64_MAX));
        assert_text(p, keys[i], keys[i]);
        assert_text(p, inner, inner);
        assert_non_null(strstr(listed, once));
        assert_non_null(strstr(listed, inner));
    }
}

/* ---- listings */

static void listings_are_in_byte_order_of_whole_keys(void **state)
{
    test_place *p = *state;
    const char *const keys[] = {"a/b", "a.b",      "a-b", "a/b.c", "a0",    "B",   "a/a/z",
                                "a b", "\xc3\xa4", "a/A", "z",     "a/a.z", "a/a", "A/x"};
    for (size_t i = 0; i < SILT_COUNT(keys); i++)
        if (strcmp(keys[i], "a/a") != 0) put(p, keys[i], "x"); /* a folder, in a file system */
    assert_list(p, "", NULL, true, "A/x|B|a b|a-b|a.b|a/A|a/a.z|a/a/z|a/b|a/b.c|a0|z|\xc3\xa4|");
    assert_list(p, "", NULL, false, "B|a b|a-b|a.b|a0|z|\xc3\xa4|");
    assert_list(p, "a/", NULL, true, "a/A|a/a.z|a/a/z|a/b|a/b.c|");
    assert_list(p, "a/", NULL, false, "a/A|a/a.z|a/b|a/b.c|");
    assert_list(p, "a/", "a/a.z", true, "a/a/z|a/b|a/b.c|");
    assert_list(p, "", "a.b", true, "a/A|a/a.z|a/a/z|a/b|a/b.c|a0|z|\xc3\xa4|");
    assert_list(p, "", "a/", false, "a0|z|\xc3\xa4|");
    assert_list(p, "a/", "", true, "a/A|a/a.z|a/a/z|a/b|a/b.c|");
    assert_list(p, "a/", "0", true, "a/A|a/a.z|a/a/z|a/b|a/b.c|");
    assert_list(p, "a/", "b", true, "");
    assert_list(p, "a/", "a/b.c", true, "");
    assert_string_equal(list(p, "", "B", true, 3), "a b|a-b|a.b|");
    assert_string_equal(list(p, "", NULL, true, 1), "A/x|");
    assert_string_equal(list(p, "", "a.b", true, 2), "a/A|a/a.z|");
}

/* Random trees over a small alphabet, against a sorted array. */
typedef SILT_VEC(char *) key_vec;

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static char *random_key(uint32_t *seed, silt_arena *arena)
{
    static const char letters[] = "ab.-0 ";
    char key[64];
    size_t size = 0;
    for (uint32_t parts = 1 + next_random(seed) % 3; parts; parts--) {
        key[size++] = parts == 1 ? 'f' : 'd'; /* so that no file is in the way of a folder */
        for (uint32_t n = next_random(seed) % 3; n; n--)
            key[size++] = letters[next_random(seed) % (sizeof(letters) - 1)];
        if (parts > 1) key[size++] = '/';
    }
    return silt_arena_strndup(arena, key, size);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *expected_list(const key_vec *keys, const char *prefix, const char *after,
                           bool recursive, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) text = {0};
    for (size_t i = 0; i < keys->count; i++) {
        const char *key = keys->items[i];
        if (i > 0 && strcmp(key, keys->items[i - 1]) == 0) continue;
        if (!silt_starts_with(key, prefix) || (after && strcmp(key, after) <= 0)) continue;
        if (!recursive && strchr(key + strlen(prefix), '/')) continue;
        silt_buf_puts(&text, key);
        silt_buf_putc(&text, '|');
    }
    return silt_buf_copy(&text, arena);
}

static void any_listing_is_what_a_sorted_array_says(void **state)
{
    test_place *p = *state;
    uint32_t seed = 42;
    key_vec keys = {0};
    for (int i = 0; i < 150; i++) {
        assert_true(silt_vec_push(&keys, random_key(&seed, p->arena)));
        put(p, keys.items[i], "x");
    }
    qsort(keys.items, keys.count, sizeof(*keys.items), by_key);
    for (int i = 0; i < 400; i++) {
        char *prefix = random_key(&seed, p->arena), *after = random_key(&seed, p->arena);
        char *slash = strrchr(prefix, '/');
        prefix[slash ? slash + 1 - prefix : 0] = '\0';
        if (i % 3 == 0) after = NULL;
        if (after && i % 5 == 0) after[strlen(after) - 1] = '\0';
        assert_list(p, prefix, after, i & 1, expected_list(&keys, prefix, after, i & 1, p->arena));
    }
    silt_vec_free(&keys);
}

typedef struct reentry {
    test_place *place;
    int seen;
} reentry;

static bool delete_it(void *ctx, const silt_object *object)
{
    reentry *r = ctx;
    silt_store *s = r->place->store;
    assert_text(r->place, object->key, "x");
    assert_ok(s->ops->remove(s, object->key, &error));
    return ++r->seen, true;
}

static void a_listing_may_use_the_store(void **state)
{
    test_place *p = *state;
    const char *const keys[] = {"a", "b/a", "b/b", "b/c/d", "e", "f"};
    for (size_t i = 0; i < SILT_COUNT(keys); i++)
        put(p, keys[i], "x");
    reentry r = {p, 0};
    assert_ok(p->store->ops->list(p->store, "", NULL, true, delete_it, &r, &error));
    assert_int_equal(r.seen, SILT_COUNT(keys));
    assert_list(p, "", NULL, true, "");
}

/* ---- local files */

static void put_file_consumes_its_source(void **state)
{
    test_place *p = *state;
    silt_store *s = p->store;
    char *file = test_path(p->scratch, "file");
    put(p, "a/b", "old and longer");
    test_write(p->scratch, "file", "new");
    assert_ok(s->ops->put_file(s, "a/b", file, &error));
    assert_text(p, "a/b", "new");
    assert_int_equal(access(file, F_OK), -1);
    assert_status(s->ops->put_file(s, "a/c", file, &error), SILT_NOT_FOUND);
    assert_status(s->ops->put_file(s, "a/c", p->scratch, &error), SILT_INVALID);
    test_write(p->scratch, "file", "");
    assert_ok(s->ops->put_file(s, "new/folder/c", file, &error));
    assert_text(p, "new/folder/c", "");
    assert_list(p, "", NULL, true, "a/b|new/folder/c|");
    free(file);
}

static void get_file_makes_a_file_that_stays(void **state)
{
    test_place *p = *state;
    silt_store *s = p->store;
    char *file = test_path(p->scratch, "file");
    put(p, "a/b", "body");
    for (int round = 0; round < 2; round++) { /* over one that is there, too */
        assert_ok(s->ops->get_file(s, "a/b", file, &error));
        char *text = test_read(p->scratch, "file", NULL);
        assert_string_equal(text, "body");
        free(text);
    }
    put(p, "a/b", "another");
    assert_ok(s->ops->remove(s, "a/b", &error));
    char *text = test_read(p->scratch, "file", NULL);
    assert_string_equal(text, "body");
    free(text);
    free(file);

    put(p, "c", "x");
    file = test_path(p->scratch, "no/folder/file");
    assert_status(s->ops->get_file(s, "c", file, &error), SILT_IO);
    free(file);
}

static void a_local_path_leads_to_the_object(void **state)
{
    test_place *p = *state;
    put(p, "a b/c%", "body");
    const char *path = silt_store_local_path(p->store, "a b/c%", p->arena);
    const char *root = silt_store_local_path(p->store, "", p->arena);
    if (!p->store->ops->local_path) {
        assert_null(path);
        return;
    }
    assert_non_null(silt_store_local_path(p->store, "not/there", p->arena));
    char *text = test_read(root, "a b/c%", NULL);
    assert_string_equal(text, "body");
    free(text);
    assert_true(silt_starts_with(path, root));
    /* Something wrote right where it belongs. */
    test_write(root, "a b/d", "direct");
    assert_text(p, "a b/d", "direct");
    assert_ok(p->store->ops->get_file(p->store, "a b/c%", path, &error));
    assert_text(p, "a b/c%", "body");
    assert_ok(p->store->ops->put_file(p->store, "a b/c%", path, &error));
    assert_text(p, "a b/c%", "body");
}

/* ---- threads */

#define THREADS 8
#define ROUNDS  12

typedef struct racer {
    test_place *place;
    pthread_barrier_t *start;
    int number;
    int wins[ROUNDS];
    _Atomic int *failures;
} racer;

static void *race(void *arg)
{
    racer *r = arg;
    silt_store *s = r->place->store;
    for (int round = 0; round < ROUNDS; round++) {
        char key[32], body[32];
        snprintf(key, sizeof(key), "log/%02d/commit", round); /* the folder is raced for, too */
        snprintf(body, sizeof(body), "by thread %d", r->number);
        pthread_barrier_wait(r->start);
        silt_status st = s->ops->put_new(s, key, silt_bytes_of(body), NULL);
        r->wins[round] = st == SILT_OK;
        if (st != SILT_OK && st != SILT_EXISTS) (*r->failures)++;
    }
    return NULL;
}

static void of_many_put_new_one_wins(void **state)
{
    test_place *p = *state;
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    pthread_t threads[THREADS];
    racer racers[THREADS];
    _Atomic int failures = 0;
    for (int i = 0; i < THREADS; i++) {
        racers[i] = (racer){.place = p, .start = &start, .number = i, .failures = &failures};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    assert_int_equal(failures, 0);
    for (int round = 0; round < ROUNDS; round++) {
        int winner = -1, winners = 0;
        for (int i = 0; i < THREADS; i++)
            if (racers[i].wins[round]) winner = i, winners++;
        assert_int_equal(winners, 1);
        assert_text(p, silt_arena_printf(p->arena, "log/%02d/commit", round),
                    silt_arena_printf(p->arena, "by thread %d", winner));
    }
}

typedef struct reader {
    test_place *place;
    atomic_bool stop;
    _Atomic int torn, unordered, reads;
} reader;

static bool check_order(void *ctx, const silt_object *object)
{
    char *last = ctx;
    bool ordered = strcmp(last, object->key) < 0;
    snprintf(last, 32, "%s", ordered ? object->key : "~");
    return ordered;
}

/* Each body is one byte over and over, as long as the byte's own value times 1000. */
static void *read_on(void *arg)
{
    reader *r = arg;
    silt_store *s = r->place->store;
    while (!r->stop || r->reads < 20) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        silt_bytes body = {0};
        bool whole = silt_store_get_all(s, "hot", arena, &body, NULL) == SILT_OK && body.size > 0 &&
                     body.size == (size_t)body.data[0] * 1000;
        for (size_t i = 1; whole && i < body.size; i++)
            whole = body.data[i] == body.data[0];
        if (!whole) r->torn++;
        char last[32] = "";
        if (s->ops->list(s, "", NULL, true, check_order, last, NULL) != SILT_OK ||
            strcmp(last, "zoo") != 0)
            r->unordered++;
        r->reads++;
    }
    return NULL;
}

static void readers_see_whole_bodies_while_one_writes(void **state)
{
    test_place *p = *state;
    silt_store *s = p->store;
    char body[100 * 1000];
    memset(body, 50, 50 * 1000);
    assert_ok(s->ops->put(s, "hot", (silt_bytes){body, 50 * 1000}, &error));
    put(p, "zoo", "the last");
    reader r = {.place = p};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &r), 0);
    for (int i = 0; i < 120; i++) {
        char value = (char)(1 + i * 37 % 99);
        memset(body, value, (size_t)value * 1000);
        assert_ok(s->ops->put(s, "hot", (silt_bytes){body, (size_t)value * 1000}, &error));
        put(p, i % 2 ? "new/1" : "other", "x");
        assert_ok(s->ops->remove(s, i % 2 ? "other" : "new/1", &error));
    }
    r.stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(r.torn, 0);
    assert_int_equal(r.unordered, 0);
}

/* ---- the list of cases, once for each backend */

static void times_never_go_back(void **state)
{
    test_place *p = *state;
    int64_t last = 0;
    for (int i = 0; i < 20; i++) {
        silt_object object;
        put(p, "a", "x");
        assert_ok(p->store->ops->head(p->store, "a", p->arena, &object, &error));
        assert_true(object.mtime_ns >= last);
        if (silt_streq(p->store->ops->kind, "memory")) assert_true(object.mtime_ns > last);
        last = object.mtime_ns;
    }
}

#define CASE(function)                             \
    {                                              \
#function, function, setup, teardown, NULL \
    }

static const struct CMUnitTest cases[] = {
    CASE(put_is_read_back),
    CASE(a_hint_is_put_as_any_other),
    CASE(an_empty_body_is_an_object),
    CASE(a_large_body_is_whole),
    CASE(ranges_are_cut_at_the_end),
    CASE(put_new_never_replaces),
    CASE(what_is_missing_is_not_found),
    CASE(a_folder_is_no_object),
    CASE(malformed_keys_are_refused_everywhere),
    CASE(any_other_byte_is_kept),
    CASE(listings_are_in_byte_order_of_whole_keys),
    CASE(any_listing_is_what_a_sorted_array_says),
    CASE(a_listing_may_use_the_store),
    CASE(put_file_consumes_its_source),
    CASE(get_file_makes_a_file_that_stays),
    CASE(a_local_path_leads_to_the_object),
    CASE(of_many_put_new_one_wins),
    CASE(readers_see_whole_bodies_while_one_writes),
    CASE(times_never_go_back),
};

int main(void)
{
    SILT_AUTO(silt_arena) names = silt_arena_new();
    const size_t count = SILT_COUNT(cases), all = count * test_backend_count;
    struct CMUnitTest *tests = silt_arena_calloc(names, all, sizeof(*tests));
    for (size_t i = 0; i < all; i++) {
        const test_backend *backend = &test_backends[i / count];
        tests[i] = cases[i % count];
        tests[i].name = silt_arena_printf(names, "%s: %s", backend->name, tests[i].name);
        tests[i].initial_state = (void *)backend;
    }
    return _cmocka_run_group_tests("store conformance", tests, all, NULL, NULL);
}
