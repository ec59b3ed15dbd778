/* For tests of txns: tables with features, commits in a line, what the log says of them. */
#ifndef SILT_TEST_TXNS_H
#define SILT_TEST_TXNS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/type.h"
#include "store/fault.h"
#include "support/table.h"
#include "table/row_ids.h"

static silt_error err;

static inline void assert_ok(silt_status st)
{
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), err.message);
}

static inline void assert_status(silt_status st, silt_status expected, const char *says)
{
    if (st != expected) fail_msg("%s: %s", silt_status_name(st), err.message);
    if (says && !strstr(err.message, says)) fail_msg("%s", err.message);
}

/* A clock that only sleeps, and the test, move. */
static inline int64_t fake_now(void *ctx)
{
    return *(int64_t *)ctx;
}
static inline void fake_sleep(void *ctx, int64_t ms)
{
    *(int64_t *)ctx += (ms > 0 ? ms : 1) * 1000;
}

static const char *const all_features[] __attribute__((unused)) = {
    "domainMetadata", "rowTracking", "inCommitTimestamp", "changeDataFeed", "clustering", NULL};
#define TRACKED                                                                              \
    "delta.enableRowTracking=true", "delta.rowTracking.materializedRowIdColumnName=_row-id", \
        "delta.rowTracking.materializedRowCommitVersionColumnName=_row-version"
#define DATED "delta.enableInCommitTimestamps=true"
static const char *const tracked[] __attribute__((unused)) = {TRACKED, NULL};
static const char *const tracked_and_dated[] __attribute__((unused)) = {TRACKED, DATED, NULL};

/* ---- what the log says */

static inline const silt_action *commit_of(silt_store *store, int64_t version, silt_arena *arena,
                                           size_t *count)
{
    const silt_action *actions;
    assert_ok(silt_log_commit_read(store, version, arena, &actions, count, &err));
    return actions;
}

static inline const silt_json *info_of(silt_store *store, int64_t version, silt_arena *arena)
{
    silt_commit_info info;
    const silt_json *json;
    assert_ok(silt_log_commit_info(store, version, arena, &info, &err));
    assert_ok(silt_json_parse(silt_bytes_of(info.json), arena, &json, &err));
    return json;
}

static inline int64_t timestamp_of(silt_store *store, int64_t version)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    size_t count;
    const silt_action *actions = commit_of(store, version, arena, &count);
    assert_int_equal(actions[0].kind, SILT_ACTION_COMMIT_INFO);
    return actions[0].commit_info.in_commit_timestamp_ms;
}

/* "path base..last @version" of each add of the commit, a line each, and the highest id. */
static inline const char *ids_of(silt_store *store, int64_t version, silt_arena *arena)
{
    size_t count;
    SILT_CLEAN(silt_buf) buf = {0};
    const silt_action *actions = commit_of(store, version, arena, &count);
    for (size_t i = 0; i < count; i++) {
        const silt_add *add = &actions[i].add;
        if (actions[i].kind == SILT_ACTION_ADD)
            silt_buf_printf(&buf, "%s %" PRId64 " @%" PRId64 "\n", add->path, add->base_row_id,
                            add->default_row_commit_version);
        if (actions[i].kind == SILT_ACTION_DOMAIN)
            silt_buf_printf(&buf, "%s %s\n", actions[i].domain.domain,
                            actions[i].domain.configuration);
    }
    silt_buf_puts(&buf, "");
    return silt_buf_copy(&buf, arena);
}

static inline silt_txn *begin(silt_snapshot *base, const silt_txn_options *more)
{
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    silt_txn *txn = NULL;
    if (more) opts = *more;
    if (!opts.operation) opts.operation = "WRITE";
    assert_ok(silt_txn_new(base, &opts, &txn, &err));
    return txn;
}

/* Commits and ends the txn; the version. */
static inline int64_t finish(silt_txn *txn)
{
    silt_txn_result result;
    assert_ok(silt_txn_commit(txn, &result, NULL, &err));
    if (result.outcome != SILT_TXN_COMMITTED) fail_msg("%s", result.conflict);
    assert_int_equal(result.table_version, result.version);
    silt_txn_free(txn);
    return result.version;
}

static inline void refuse(silt_txn *txn, const char *says)
{
    silt_txn_result result;
    assert_status(silt_txn_commit(txn, &result, NULL, &err), SILT_INVALID, says);
    silt_txn_free(txn);
}

#endif
