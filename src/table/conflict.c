/* The rules by which commits of others stand against ours.
 *
 * Invariants
 *  (1) FREE means: had the other commit been there before we looked, we would have written the
 * same. (2) What a commit doesn't say (stats, partition values) counts against us. (3) Changes of
 * others that don't change rows (dataChange false) matter only where they took away a file that we
 * take away too.
 * @see PROTOCOL.md, "Add File and Remove File" (dataChange); exactly-once.md, "The writer's rules"
 */
#include "table/conflict.h"

#include <stdarg.h>
#include <stdio.h>

#include "table/files.h"
#include "table/range.h"

#define FILES_NAMED 3

static const silt_commit_info *info_of(const silt_action *actions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (actions[i].kind == SILT_ACTION_COMMIT_INFO) return &actions[i].commit_info;
    return NULL;
}

void silt_commit_describe(int64_t version, const silt_action *actions, size_t count, char *out,
                          size_t size)
{
    const silt_commit_info *info = info_of(actions, count);
    const char *operation = info && info->operation ? info->operation : "an unnamed operation";
    const char *engine = info && info->engine_info ? info->engine_info : "an unnamed writer";
    snprintf(out, size, "version %" PRId64 " (%.60s by %.80s)", version, operation, engine);
}

/* ---- files that stand against us */

typedef enum fault { FAULT_NONE, FAULT_REMOVED, FAULT_KEYS, FAULT_ROWS } fault;

static fault check_remove(const silt_claim *claim, const silt_remove *remove, silt_arena *scratch,
                          bool *failed)
{
    if (silt_map64_count(claim->removed)) {
        const char *id = silt_file_identity(remove->path, NULL, false, scratch);
        *failed |= !id;
        if (id && silt_map64_get(claim->removed, id, strlen(id))) return FAULT_REMOVED;
    }
    return claim->read == SILT_READ_TABLE && remove->data_change ? FAULT_ROWS : FAULT_NONE;
}

static fault check_add(const silt_claim *claim, const silt_add *add, silt_arena *scratch)
{
    if (!add->data_change || claim->read == SILT_READ_NOTHING) return FAULT_NONE;
    if (claim->read == SILT_READ_TABLE) return FAULT_ROWS;
    bool may = silt_add_may_hold(add, claim->partition_columns, claim->key_ranges,
                                 claim->key_range_count, scratch);
    return may ? FAULT_KEYS : FAULT_NONE;
}

/* The worst that the commit's files do, and the first few that do it. */
static silt_status check_files(const silt_claim *claim, const silt_action *actions, size_t count,
                               fault *worst, const char *named[FILES_NAMED], size_t *hits,
                               silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    bool failed = false;
    *worst = FAULT_NONE;
    *hits = 0;
    for (size_t i = 0; i < count && !failed; i++) {
        const silt_action *a = &actions[i];
        fault f = FAULT_NONE;
        silt_arena_reset(scratch);
        if (a->kind == SILT_ACTION_REMOVE) f = check_remove(claim, &a->remove, scratch, &failed);
        if (a->kind == SILT_ACTION_ADD) f = check_add(claim, &a->add, scratch);
        if (f == FAULT_NONE || (*worst != FAULT_NONE && f > *worst)) continue;
        if (f != *worst) *hits = 0;
        *worst = f;
        if (*hits < FILES_NAMED)
            named[*hits] = a->kind == SILT_ACTION_ADD ? a->add.path : a->remove.path;
        ++*hits;
    }
    return failed ? silt_fail_nomem(err) : SILT_OK;
}

/* ---- verdicts */

/* "<the commit> <what it did>". */
static void explain(silt_txn_result *result, int64_t version, const silt_action *actions,
                    size_t count, const char *what)
{
    char who[192];
    silt_commit_describe(version, actions, count, who, sizeof(who));
    result->version = version;
    snprintf(result->conflict, sizeof(result->conflict), "%s %s", who, what);
}

static silt_verdict conflict(silt_txn_result *result, int64_t version, const silt_action *actions,
                             size_t count, const char *what)
{
    result->outcome = SILT_TXN_CONFLICT;
    explain(result, version, actions, count, what);
    return SILT_VERDICT_CONFLICT;
}

static silt_verdict files_conflict(silt_txn_result *result, int64_t version,
                                   const silt_action *actions, size_t count, fault worst,
                                   const char *const *named, size_t hits)
{
    static const char *const what[] = {
        [FAULT_REMOVED] = "removed files that ours replaces",
        [FAULT_KEYS] = "wrote rows that may have keys of ours",
        [FAULT_ROWS] = "changed rows of the table that ours read",
    };
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_printf(&text, "%s: ", what[worst]);
    for (size_t i = 0; i < hits && i < FILES_NAMED; i++)
        silt_buf_printf(&text, "%s%.90s", i ? ", " : "", named[i]);
    if (hits > FILES_NAMED) silt_buf_printf(&text, " and %zu more", hits - FILES_NAMED);
    return conflict(result, version, actions, count, text.failed ? what[worst] : text.data);
}

silt_status silt_claim_check(const silt_claim *claim, int64_t version, const silt_action *actions,
                             size_t count, silt_verdict *out, silt_txn_result *result,
                             silt_error *err)
{
    const silt_commit_info *info = info_of(actions, count);
    if (info && info->txn_id && strcmp(info->txn_id, claim->txn_id) == 0) {
        result->outcome = SILT_TXN_COMMITTED;
        result->version = version;
        *out = SILT_VERDICT_OURS;
        return SILT_OK;
    }
    for (size_t i = 0; claim->app_id && i < count; i++) {
        const silt_app_txn *txn = &actions[i].app_txn;
        if (actions[i].kind != SILT_ACTION_APP_TXN || strcmp(txn->app_id, claim->app_id) != 0)
            continue;
        result->outcome = SILT_TXN_APP_MOVED;
        result->app_version_seen = txn->version;
        explain(result, version, actions, count, "moved our app txn");
        *out = SILT_VERDICT_APP_MOVED;
        return SILT_OK;
    }
    const char *what = claim->read == SILT_READ_LOG ? "came first" : NULL;
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == SILT_ACTION_PROTOCOL && !what) what = "changed the table's protocol";
        if (actions[i].kind == SILT_ACTION_METADATA && !what)
            what = "changed the table's schema or properties";
    }
    if (what) {
        *out = conflict(result, version, actions, count, what);
        return SILT_OK;
    }
    fault worst = FAULT_NONE;
    const char *named[FILES_NAMED] = {0};
    size_t hits = 0;
    SILT_TRY(check_files(claim, actions, count, &worst, named, &hits, err));
    *out = worst == FAULT_NONE
               ? SILT_VERDICT_FREE
               : files_conflict(result, version, actions, count, worst, named, hits);
    return SILT_OK;
}
