/* commitInfo: for people and for other writers' conflict checks; nothing of ours depends on it but
 * txnId.
 * @see PROTOCOL.md, "Commit Provenance Information" */
#include "table/commit_info.h"

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

silt_status silt_commit_options_check(const silt_txn_options *opts, silt_error *err)
{
    if (!opts->operation) return silt_fail(err, SILT_INVALID, "a commit needs an operation");
    SILT_TRY(check_object(opts->operation_parameters, "operation_parameters", err));
    SILT_TRY(check_object(opts->operation_metrics, "operation_metrics", err));
    return check_object(opts->silt_info, "silt_info", err);
}

/* Numbers are strings there. */
static void metric(silt_json_writer *w, const char *name, int64_t value)
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
        metric(&w, "numTargetFilesAdded", totals->files_added);
        metric(&w, "numTargetFilesRemoved", totals->files_removed);
        metric(&w, "numTargetBytesAdded", totals->bytes_added);
        metric(&w, "numTargetBytesRemoved", totals->bytes_removed);
    } else if (write || totals->files_added) {
        metric(&w, "numFiles", totals->files_added);
        metric(&w, "numOutputBytes", totals->bytes_added);
    }
    if ((merge || write || totals->files_added) && totals->rows_added >= 0)
        metric(&w, "numOutputRows", totals->rows_added);
    if (!merge && totals->files_removed) {
        metric(&w, "numRemovedFiles", totals->files_removed);
        metric(&w, "numRemovedBytes", totals->bytes_removed);
    }
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, arena);
}

/* The members of a caller's object (NULL: none) but `except`, written anew: a newline in it would
 * end the line. */
static void put_members(const char *json, const char *except, silt_json_writer *w)
{
    if (!json) return;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_json *given = NULL;
    if (!scratch || silt_json_parse(silt_bytes_of(json), scratch, &given, NULL) != SILT_OK)
        w->buf->failed = true;
    for (silt_json_iter it = silt_json_iter_of(given); silt_json_next(&it);) {
        if (except && strcmp(it.key, except) == 0) continue;
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

void silt_commit_info_write(const silt_txn_options *opts, const char *metrics,
                            const silt_commit_facts *facts, silt_buf *buf)
{
    silt_json_writer w = silt_json_writer_of(buf);
    silt_json_begin_object(&w);
    silt_json_key(&w, "commitInfo");
    silt_json_begin_object(&w);
    silt_json_member_int(&w, "timestamp", facts->timestamp_ms);
    silt_json_member_string(&w, "operation", opts->operation);
    member_object(&w, "operationParameters", opts->operation_parameters);
    if (facts->read_version >= 0) silt_json_member_int(&w, "readVersion", facts->read_version);
    silt_json_member_string(&w, "isolationLevel", facts->isolation);
    silt_json_member_bool(&w, "isBlindAppend", facts->blind_append);
    member_object(&w, "operationMetrics",
                  opts->operation_metrics ? opts->operation_metrics : metrics);
    if (opts->user_metadata) silt_json_member_string(&w, "userMetadata", opts->user_metadata);
    silt_json_key(&w, "engineInfo");
    char engine[64] = "silt/";
    size_t size = strlen(silt_version());
    memcpy(engine + 5, silt_version(), size < 58 ? size : 58);
    silt_json_put_string(&w, engine);
    silt_json_member_string(&w, "txnId", facts->txn_id);
    silt_json_key(&w, "silt");
    silt_json_begin_object(&w);
    put_members(opts->silt_info, "attempts", &w);
    silt_json_member_int(&w, "attempts", facts->attempts);
    silt_json_end_object(&w);
    silt_json_end_object(&w);
    silt_json_end_object(&w);
    silt_buf_putc(buf, '\n');
}
