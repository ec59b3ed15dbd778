/* commitInfo: for people and for other writers' conflict checks; of ours only txnId, isBlindAppend
 * and inCommitTimestamp are looked at again.
 * @see PROTOCOL.md, "Commit Provenance Information", "In-Commit Timestamps" */
#include "table/commit_info.h"

#include <strings.h>

#include "base/json.h"

static silt_status check_object(const char *json, const char *name, silt_error *err)
{
    const silt_json *value;
    if (!json) return SILT_OK;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    silt_status st = silt_json_parse(silt_bytes_of(json), scratch, &value, err);
    if (st == SILT_NOMEM) return st;
    if (st == SILT_OK && silt_json_kind_of(value) == SILT_JSON_OBJECT) return SILT_OK;
    return silt_fail(err, SILT_INVALID, "%s of a commit isn't a JSON object", name);
}

/* Members of commitInfo that have a meaning to the protocol, Spark or Silt. */
static const char *const taken[] = {
    "clusterId",
    "clientVersion",
    "engineInfo",
    "inCommitTimestamp",
    "isBlindAppend",
    "isolationLevel",
    "job",
    "notebook",
    "operation",
    "operationMetrics",
    "operationParameters",
    "readVersion",
    "silt",
    "tags",
    "timestamp",
    "txnId",
    "userId",
    "userMetadata",
    "userName",
    "version",
};

static silt_status check_properties(silt_pairs pairs, silt_error *err)
{
    for (size_t i = 0; i < pairs.count; i++) {
        const char *key = pairs.items[i].key;
        if (!key || !*key || !pairs.items[i].value)
            return silt_fail(err, SILT_INVALID, "a commit property needs a name and a value");
        for (size_t k = 0; k < SILT_COUNT(taken); k++) {
            if (strcasecmp(taken[k], key) != 0) continue;
            silt_fail(err, SILT_INVALID, "commit property %s: commitInfo has a %s of its own", key,
                      taken[k]);
            return silt_hint(err, SILT_INVALID, "choose another name");
        }
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(pairs.items[k].key, key) == 0)
                return silt_fail(err, SILT_INVALID, "commit property %s is there twice", key);
    }
    return SILT_OK;
}

silt_status silt_commit_options_check(const silt_txn_options *opts, silt_error *err)
{
    if (!opts->operation) return silt_fail(err, SILT_INVALID, "a commit needs an operation");
    SILT_TRY(check_properties(opts->properties, err));
    SILT_TRY(check_object(opts->operation_parameters, "operation_parameters", err));
    SILT_TRY(check_object(opts->operation_metrics, "operation_metrics", err));
    return check_object(opts->silt_info, "silt_info", err);
}

/* Numbers are strings there. */
void silt_commit_metric(silt_json_writer *w, const char *name, int64_t value)
{
    char text[24];
    size_t at = sizeof(text);
    uint64_t rest = value < 0 ? 0 : (uint64_t)value;
    text[--at] = '\0';
    do
        text[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    silt_json_member_string(w, name, text + at);
}

const char *silt_commit_metrics(const char *operation, const silt_commit_totals *totals,
                                silt_arena *arena)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    bool merge = silt_streq(operation, "MERGE"), write = silt_streq(operation, "WRITE");
    silt_json_begin_object(&w);
    if (merge) {
        silt_commit_metric(&w, "numTargetFilesAdded", totals->files_added);
        silt_commit_metric(&w, "numTargetFilesRemoved", totals->files_removed);
        silt_commit_metric(&w, "numTargetBytesAdded", totals->bytes_added);
        silt_commit_metric(&w, "numTargetBytesRemoved", totals->bytes_removed);
    } else if (write || totals->files_added) {
        silt_commit_metric(&w, "numFiles", totals->files_added);
        silt_commit_metric(&w, "numOutputBytes", totals->bytes_added);
    }
    if ((merge || write || totals->files_added) && totals->rows_added >= 0)
        silt_commit_metric(&w, "numOutputRows", totals->rows_added);
    if (!merge && totals->files_removed) {
        silt_commit_metric(&w, "numRemovedFiles", totals->files_removed);
        silt_commit_metric(&w, "numRemovedBytes", totals->bytes_removed);
    }
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, arena);
}

/* Members of commitInfo.silt that the txn writes. */
static const char *const own[] = {"attempts", "orderingKeys", "runtimeProfile", "schemaFingerprint",
                                  NULL};

static bool is_one_of(const char *key, const char *const *names)
{
    for (size_t i = 0; names && names[i]; i++)
        if (strcmp(key, names[i]) == 0) return true;
    return false;
}

/* The members of a caller's object (NULL: none) but `except`, written anew: a newline in it would
 * end the line. */
static void put_members(const char *json, const char *const *except, silt_json_writer *w)
{
    if (!json) return;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_json *given = NULL;
    if (!scratch || silt_json_parse(silt_bytes_of(json), scratch, &given, NULL) != SILT_OK)
        w->buf->failed = true;
    for (silt_json_iter it = silt_json_iter_of(given); silt_json_next(&it);) {
        if (is_one_of(it.key, except)) continue;
        silt_json_key_bytes(w, (silt_bytes){it.key, it.key_size});
        silt_json_put_value(w, it.value);
    }
}

static void member_object(silt_json_writer *w, const char *key, const char *json)
{
    silt_json_key(w, key);
    silt_json_begin_object(w);
    put_members(json, NULL, w);
    silt_json_end_object(w);
}

static void put_runtime(const silt_engine_profile *runtime, silt_json_writer *w)
{
    if (!runtime->name) return;
    silt_json_key(w, "runtimeProfile");
    silt_json_begin_object(w);
    silt_json_member_string(w, "engine", runtime->name);
    if (runtime->version) silt_json_member_string(w, "version", runtime->version);
    if (runtime->threads) silt_json_member_int(w, "threads", runtime->threads);
    if (runtime->memory_limit_bytes)
        silt_json_member_int(w, "memory_limit", runtime->memory_limit_bytes);
    silt_json_end_object(w);
}

/* What Silt alone says. */
static void put_silt(const silt_txn_options *opts, const silt_commit_facts *facts,
                     silt_json_writer *w)
{
    silt_json_key(w, "silt");
    silt_json_begin_object(w);
    put_members(opts->silt_info, own, w);
    silt_json_member_string(w, "schemaFingerprint", facts->schema_fingerprint);
    if (opts->ordering_keys.count) {
        silt_json_key(w, "orderingKeys");
        silt_names_write(opts->ordering_keys, w);
    }
    put_runtime(&opts->runtime, w);
    silt_json_member_int(w, "attempts", facts->attempts);
    silt_json_end_object(w);
}

/* What Spark puts into commitInfo, in its order. */
static void put_facts(const silt_txn_options *opts, const char *metrics,
                      const silt_commit_facts *facts, silt_json_writer *w)
{
    if (facts->in_commit_timestamp_ms >= 0)
        silt_json_member_int(w, "inCommitTimestamp", facts->in_commit_timestamp_ms);
    silt_json_member_int(w, "timestamp", facts->timestamp_ms);
    silt_json_member_string(w, "operation", opts->operation);
    member_object(w, "operationParameters", opts->operation_parameters);
    if (facts->read_version >= 0) silt_json_member_int(w, "readVersion", facts->read_version);
    silt_json_member_string(w, "isolationLevel", facts->isolation);
    silt_json_member_bool(w, "isBlindAppend", facts->blind_append);
    member_object(w, "operationMetrics",
                  opts->operation_metrics ? opts->operation_metrics : metrics);
    if (opts->user_metadata) silt_json_member_string(w, "userMetadata", opts->user_metadata);
    if (facts->row_tracking)
        member_object(w, "tags",
                      facts->row_ids_kept ? "{\"delta.rowTracking.preserved\":\"true\"}"
                                          : "{\"delta.rowTracking.preserved\":\"false\"}");
    char engine[64] = "silt/";
    size_t size = strlen(silt_version());
    memcpy(engine + 5, silt_version(), size < 58 ? size : 58);
    silt_json_member_string(w, "engineInfo", engine);
    silt_json_member_string(w, "txnId", facts->txn_id);
}

void silt_commit_info_write(const silt_txn_options *opts, const char *metrics,
                            const silt_commit_facts *facts, silt_buf *buf)
{
    silt_json_writer w = silt_json_writer_of(buf);
    silt_json_begin_object(&w);
    silt_json_key(&w, "commitInfo");
    silt_json_begin_object(&w);
    put_facts(opts, metrics, facts, &w);
    for (size_t i = 0; i < opts->properties.count; i++)
        silt_json_member_string(&w, opts->properties.items[i].key, opts->properties.items[i].value);
    put_silt(opts, facts, &w);
    silt_json_end_object(&w);
    silt_json_end_object(&w);
    silt_buf_putc(buf, '\n');
}
