/* Logs for tests: a store in memory, and commits written by hand. Include after <cmocka.h>. */
#ifndef SILT_TEST_LOGS_H
#define SILT_TEST_LOGS_H

#include "log/log.h"

#define PROTOCOL "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
#define METADATA                                                                                   \
    "{\"metaData\":{\"id\":\"m\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"            \
    "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":[]" \
    ","                                                                                            \
    "\"configuration\":{}}}\n"
#define ADD(path)                                                         \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{},\"size\":10," \
    "\"modificationTime\":1,\"dataChange\":true}}\n"
#define REMOVE(path)                                                                               \
    "{\"remove\":{\"path\":\"" path "\",\"deletionTimestamp\":5,\"dataChange\":true,\"size\":10}}" \
    "\n"

static silt_store *store;
static silt_arena *arena;
static silt_error err;

static inline int set_up(void **state)
{
    (void)state;
    store = silt_store_mem_new();
    arena = silt_arena_new();
    err = (silt_error){0};
    return store && arena ? 0 : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    silt_arena_free(SILT_TAKE(arena));
    silt_store_free(SILT_TAKE(store));
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* The status is the one, else say what happened instead. */
#define assert_status(call, status)                                                               \
    do {                                                                                          \
        silt_status got_ = (call);                                                                \
        if (got_ != (status)) fail_msg("%s: %s: %s", #call, silt_status_name(got_), err.message); \
    } while (0)
#define assert_ok(call) assert_status(call, SILT_OK)

#define assert_contains(text, part)                                            \
    do {                                                                       \
        if (!strstr(text, part)) fail_msg("\"%s\" has no \"%s\"", text, part); \
    } while (0)

static inline void put(const char *key, const char *text)
{
    assert_ok(store->ops->put(store, key, silt_bytes_of(text), &err));
}

static inline void put_commit(int64_t version, const char *text)
{
    put(silt_log_commit_key(arena, version), text);
}

/* "_delta_log/" and the name. */
static inline void put_log(const char *name, const char *text)
{
    put(silt_arena_printf(arena, SILT_LOG_DIR "%s", name), text);
}

static inline silt_log_segment segment_at(int64_t version)
{
    silt_log_segment segment = {0};
    assert_ok(silt_log_segment_load(store, version, arena, &segment, &err));
    return segment;
}

#endif
