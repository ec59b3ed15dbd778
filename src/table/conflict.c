/* The rules by which commits of others stand against ours.
 *
 * Invariants
 *  (1) FREE means: had the other commit been there before we looked, we would have written the
 * same; under WRITE_SERIALIZABLE and SNAPSHOT_ISOLATION but for rows that it added. (2) What a
 * commit doesn't say (stats, partition values, that it is a blind append) counts against us.
 *  (3) Changes of others that don't change rows (dataChange false) matter only where they take away
 * or renumber a file that ours touches.
 * @see PROTOCOL.md, "Add File and Remove File" (dataChange), "Domain Metadata", "Row Tracking";
 * docs/transactions.md; exactly-once.md, "The writer's rules" */
#include "table/conflict.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "table/files.h"
#include "table/range.h"
#include "table/row_ids.h"

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

/* The worst comes first. */
typedef enum fault {
    FAULT_NONE,
    FAULT_REMOVED,
    FAULT_GONE,
    FAULT_RENUMBERED,
    FAULT_READ,
    FAULT_KEYS,
    FAULT_WHERE,
    FAULT_ROWS
} fault;

static const char *const fault_text[] = {
    [FAULT_REMOVED] = "removed files that ours replaces",
    [FAULT_GONE] = "removed files that ours tells anew",
    [FAULT_RENUMBERED] = "gave row ids to files that ours changes",
    [FAULT_READ] = "removed files that ours read",
    [FAULT_KEYS] = "wrote rows that may have keys of ours",
    [FAULT_WHERE] = "wrote rows that may meet the condition of ours",
    [FAULT_ROWS] = "changed rows of the table that ours read",
};

/* A commit of others while its files are looked at. */
typedef struct look {
    const silt_claim *claim;
    bool blind_passes;   /* its adds are a blind append's, and such may come after us */
    silt_arena *scratch; /* of a file */
    silt_arena *arena;   /* of the commit */
    silt_map64 *read;    /* identities of the base's files → their adds; made on first need */
    silt_error *err;
    silt_status st;
} look;

static const silt_touch *touch_of(look *l, const char *path)
{
    const silt_map64 *touched = l->claim->touched;
    if (!touched || !silt_map64_count(touched)) return NULL;
    const char *id = silt_file_identity(path, NULL, false, l->scratch);
    if (!id) l->st = silt_fail_nomem(l->err);
    return id ? silt_map64_get(touched, id, strlen(id)) : NULL;
}

static silt_status index_base(look *l)
{
    const silt_add *adds;
    size_t count;
    SILT_TRY(silt_snapshot_adds(l->claim->base, &adds, &count, l->err));
    l->read = silt_map64_new();
    if (!l->read) return silt_fail_nomem(l->err);
    for (size_t i = 0; i < count; i++) {
        bool found;
        const char *id = silt_file_identity(adds[i].path, NULL, false, l->arena);
        void **slot = id ? silt_map64_slot(l->read, id, strlen(id), &found) : NULL;
        if (!slot) return silt_fail_nomem(l->err);
        *slot = (void *)&adds[i]; /* NOLINT: looked at only */
    }
    return SILT_OK;
}

/* Whether rows of the file may be among those that ours looked at, by condition or keys. */
static bool concerns(look *l, const silt_add *add)
{
    const silt_claim *claim = l->claim;
    if (claim->read == SILT_READ_KEYS)
        return silt_add_may_hold(add, claim->partition_columns, claim->key_ranges,
                                 claim->key_range_count, l->scratch);
    return silt_skip_file(claim->where, add->partition_values, add->stats, l->scratch) ==
           SILT_SKIP_KEEP;
}

/* Whether ours looked at the rows of a file that has gone: it was there when we read, or rows that
 * were have been moved into it. What else came since didn't matter when it came. */
static bool was_read(look *l, const silt_remove *remove)
{
    const silt_claim *claim = l->claim;
    if (claim->read == SILT_READ_WHERE && remove->extended_metadata &&
        silt_skip_file(claim->where, remove->partition_values, remove->stats, l->scratch) !=
            SILT_SKIP_KEEP)
        return false;
    if (!l->read) l->st = index_base(l);
    if (l->st != SILT_OK) return false;
    const char *id = silt_file_identity(remove->path, NULL, false, l->scratch);
    if (!id) l->st = silt_fail_nomem(l->err);
    const silt_add *add = id ? silt_map64_get(l->read, id, strlen(id)) : NULL;
    if (id && !add && claim->moved) add = silt_map64_get(claim->moved, id, strlen(id));
    return add && concerns(l, add);
}

static fault check_remove(look *l, const silt_remove *remove)
{
    const silt_claim *claim = l->claim;
    const silt_touch *touch = touch_of(l, remove->path);
    if (touch) return touch->removed ? FAULT_REMOVED : FAULT_GONE;
    if (claim->rearranges || !remove->data_change) return FAULT_NONE;
    if (claim->read == SILT_READ_TABLE) return FAULT_ROWS;
    bool some = claim->read == SILT_READ_WHERE || claim->read == SILT_READ_KEYS;
    return some && was_read(l, remove) ? FAULT_READ : FAULT_NONE;
}

static fault check_add(look *l, const silt_add *add)
{
    const silt_claim *claim = l->claim;
    const silt_touch *touch = touch_of(l, add->path);
    if (touch && add->base_row_id >= 0 &&
        add->base_row_id != (touch->removed ? touch->removed : touch->added)->base_row_id)
        return FAULT_RENUMBERED;
    if (claim->rearranges || !add->data_change || l->blind_passes) return FAULT_NONE;
    if (claim->isolation == SILT_SNAPSHOT_ISOLATION && claim->read != SILT_READ_KEYS)
        return FAULT_NONE;
    if (claim->read == SILT_READ_TABLE) return FAULT_ROWS;
    bool by_keys = claim->read == SILT_READ_KEYS;
    if ((!by_keys && claim->read != SILT_READ_WHERE) || !concerns(l, add)) return FAULT_NONE;
    return by_keys ? FAULT_KEYS : FAULT_WHERE;
}

/* A commit that says it only added rows, and did, without looking at any. */
static bool is_blind_append(const silt_action *actions, size_t count, silt_arena *scratch)
{
    const silt_commit_info *info = info_of(actions, count);
    const silt_json *json;
    for (size_t i = 0; i < count; i++)
        if (actions[i].kind == SILT_ACTION_REMOVE) return false;
    if (!info || !info->json ||
        silt_json_parse(silt_bytes_of(info->json), scratch, &json, NULL) != SILT_OK)
        return false;
    return silt_json_bool(silt_json_get(json, "isBlindAppend"), false);
}

/* Rows of a blind append may come after what ours read, unless ours reads by keys (two inserts of
 * one key are two rows) or says what rows there may be from now on. */
static bool blind_appends_pass(const silt_claim *claim)
{
    return claim->isolation == SILT_WRITE_SERIALIZABLE && !claim->sets_metadata &&
           claim->read != SILT_READ_KEYS;
}

/* The worst that the commit's files do, and the first few that do it. */
static silt_status check_files(const silt_claim *claim, const silt_action *actions, size_t count,
                               fault *worst, const char *named[FILES_NAMED], size_t *hits,
                               silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!scratch || !arena) return silt_fail_nomem(err);
    look l = {.claim = claim, .scratch = scratch, .arena = arena, .err = err};
    l.blind_passes = blind_appends_pass(claim) && is_blind_append(actions, count, scratch);
    *worst = FAULT_NONE;
    *hits = 0;
    for (size_t i = 0; i < count && l.st == SILT_OK; i++) {
        const silt_action *a = &actions[i];
        fault f = FAULT_NONE;
        silt_arena_reset(scratch);
        if (a->kind == SILT_ACTION_REMOVE) f = check_remove(&l, &a->remove);
        if (a->kind == SILT_ACTION_ADD) f = check_add(&l, &a->add);
        if (f == FAULT_NONE || (*worst != FAULT_NONE && f > *worst)) continue;
        if (f != *worst) *hits = 0;
        *worst = f;
        if (*hits < FILES_NAMED)
            named[*hits] = a->kind == SILT_ACTION_ADD ? a->add.path : a->remove.path;
        ++*hits;
    }
    silt_map64_free(l.read);
    return l.st;
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
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_printf(&text, "%s: ", fault_text[worst]);
    for (size_t i = 0; i < hits && i < FILES_NAMED; i++)
        silt_buf_printf(&text, "%s%.90s", i ? ", " : "", named[i]);
    if (hits > FILES_NAMED) silt_buf_printf(&text, " and %zu more", hits - FILES_NAMED);
    return conflict(result, version, actions, count, text.failed ? fault_text[worst] : text.data);
}

/* What stands against ours whatever files it is about: "" if nothing does. */
static void shape_conflict(const silt_claim *claim, const silt_action *actions, size_t count,
                           char *out, size_t size)
{
    bool protocol = false, metadata = false;
    const char *domain = NULL;
    for (size_t i = 0; i < count; i++) {
        protocol |= actions[i].kind == SILT_ACTION_PROTOCOL;
        metadata |= actions[i].kind == SILT_ACTION_METADATA;
        if (actions[i].kind != SILT_ACTION_DOMAIN) continue;
        /* The highest row id is taken from whoever was last. */
        if (strcmp(actions[i].domain.domain, SILT_ROW_IDS_DOMAIN) == 0) continue;
        for (size_t d = 0; d < claim->domain_count; d++)
            if (strcmp(claim->domains[d].domain, actions[i].domain.domain) == 0)
                domain = actions[i].domain.domain;
    }
    if (claim->read == SILT_READ_LOG)
        snprintf(out, size, "came first");
    else if (protocol)
        snprintf(out, size, "changed the table's protocol");
    else if (metadata)
        snprintf(out, size, "changed the table's schema or properties");
    else if (domain)
        snprintf(out, size, "set the metadata domain %.80s, as ours does", domain);
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
    char what[160] = "";
    shape_conflict(claim, actions, count, what, sizeof(what));
    if (*what) {
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

silt_status silt_claim_follow(silt_map64 *moved, const silt_action *actions, size_t count,
                              silt_arena *arena, silt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        bool found;
        if (actions[i].kind != SILT_ACTION_ADD || actions[i].add.data_change) continue;
        silt_add *add = silt_arena_calloc(arena, 1, sizeof(*add));
        if (!add || !silt_add_copy(&actions[i].add, arena, add)) return silt_fail_nomem(err);
        const char *id = silt_file_identity(add->path, NULL, false, arena);
        void **slot = id ? silt_map64_slot(moved, id, strlen(id), &found) : NULL;
        if (!slot) return silt_fail_nomem(err);
        *slot = add;
    }
    return SILT_OK;
}
