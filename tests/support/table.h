/* Small tables for tests: made and changed by txns, without an engine. Whatever fails here fails
 * the test. */
#ifndef SILT_TEST_TABLE_H
#define SILT_TEST_TABLE_H

#include "table/txn.h"

#define TEST_SCHEMA                                                          \
    "{\"type\":\"struct\",\"fields\":["                                      \
    "{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}," \
    "{\"name\":\"day\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}"

/* Version 0: TEST_SCHEMA by day (or not partitioned), with properties "key=value", NULL-terminated;
 * may be NULL. */
void test_table_make(silt_store *store, bool by_day, const char *const *properties);

/* The same, not partitioned, of writer version 7 with these features, NULL-terminated. */
void test_table_make_with(silt_store *store, const char *const *features,
                          const char *const *properties);

silt_snapshot *test_table_open(silt_store *store);

/* An add in the arena: rows with ids from `min` to `max`, no nulls. */
silt_add test_table_file(silt_arena *arena, const char *path, int64_t min, int64_t max);

/* A commit of these adds and removes upon `base`; COMMITTED is asked for. Options NULL: a blind
 * WRITE. */
int64_t test_table_commit(silt_snapshot *base, const silt_txn_options *opts, const silt_add *adds,
                          size_t add_count, const silt_add *removes, size_t remove_count);

/* The paths of the files, sorted, one a line, in the arena. */
const char *test_table_paths(silt_snapshot *snapshot, silt_arena *arena);

/* Put a commit by hand: lines as another writer would write them. */
void test_table_put(silt_store *store, int64_t version, const char *lines);

#endif
