/* Once for each number: options of a commit, and whether it stands already. */
#include "ops/once.h"

#include <inttypes.h>

#include "table/commit_info.h"

silt_status silt_commit_pairs(const char *what, const char *const *texts, silt_arena *arena,
                              silt_pairs *out, silt_error *err)
{
    size_t count = 0;
    while (texts && texts[count])
        count++;
    silt_pair *pairs = silt_arena_calloc(arena, count, sizeof(*pairs));
    if (!pairs) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(texts[i], '=');
        if (!equals || equals == texts[i])
            return silt_fail(err, SILT_INVALID, "%s '%.80s': NAME=VALUE is wanted", what, texts[i]);
        pairs[i].key = silt_arena_strndup(arena, texts[i], (size_t)(equals - texts[i]));
        pairs[i].value = equals + 1;
        if (!pairs[i].key) return silt_fail_nomem(err);
    }
    *out = (silt_pairs){pairs, count};
    return SILT_OK;
}

silt_status silt_commit_tell(const silt_commit_options *from, silt_arena *arena,
                             silt_txn_options *out, silt_error *err)
{
    out->app_id = from->app_id;
    out->app_version = from->app_version;
    out->user_metadata = from->user_metadata;
    out->retry = (silt_commit_retry){from->max_attempts, from->backoff_ms, from->deadline_ms};
    if (from->diagnostics) {
        out->event = from->diagnostics->event;
        out->event_ctx = from->diagnostics->ctx;
    }
    if (from->run_payload) {
        out->silt_info = silt_arena_printf(arena, "{\"run\":%s}", from->run_payload);
        if (!out->silt_info) return silt_fail_nomem(err);
    }
    return silt_commit_pairs("commit property", from->properties, arena, &out->properties, err);
}

/* What the commit will say, though it may turn out that there is none to be made. */
static silt_status check_told(const silt_commit_options *commit, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    silt_txn_options txn = SILT_TXN_OPTIONS_INIT;
    if (!scratch) return silt_fail_nomem(err);
    txn.operation = "";
    SILT_TRY(silt_commit_tell(commit, scratch, &txn, err));
    return silt_commit_options_check(&txn, err);
}

silt_status silt_commit_take(const silt_commit_options *given, silt_commit_options *out,
                             silt_error *err)
{
    *out = (silt_commit_options)SILT_COMMIT_OPTIONS_INIT;
    if (!given) return SILT_OK;
    if (given->struct_size < sizeof(*out))
        return silt_fail(err, SILT_INVALID, "silt_commit_options: struct_size is not set");
    *out = *given;
    if (out->app_id && (!*out->app_id || out->app_version < 0))
        return silt_fail(err, SILT_INVALID,
                         "app txn (\"%s\", %" PRId64 "): not a name and a number", out->app_id,
                         out->app_version);
    if (out->max_attempts < 0 || out->backoff_ms < 0 || out->deadline_ms < 0)
        return silt_fail(err, SILT_INVALID, "commit retry: a number below 0");
    return check_told(out, err);
}

bool silt_commit_is_past(const silt_commit_options *commit, const silt_snapshot *snapshot)
{
    return commit->app_id &&
           silt_snapshot_app_version(snapshot, commit->app_id) >= commit->app_version;
}

silt_status silt_commit_once(const silt_commit_options *commit, const silt_snapshot *snapshot,
                             silt_once *out, int64_t *version, silt_error *err)
{
    *out = SILT_ONCE_OPEN;
    *version = -1;
    if (!silt_commit_is_past(commit, snapshot)) return SILT_OK;
    int64_t seen = silt_snapshot_app_version(snapshot, commit->app_id);
    SILT_TRY(silt_app_txn_find(snapshot, commit->app_id, commit->app_version, version, err));
    *out = *version >= 0 || seen == commit->app_version ? SILT_ONCE_DONE : SILT_ONCE_OVERTAKEN;
    if (*out == SILT_ONCE_DONE || !commit->fail_if_overtaken) return SILT_OK;
    silt_fail(err, SILT_FENCED,
              "%s: number %" PRId64 " of %s was overtaken by %" PRId64
              ", and no commit with it is known",
              silt_snapshot_store(snapshot)->uri, commit->app_version, commit->app_id, seen);
    return silt_hint(err, SILT_FENCED,
                     "nothing was written; numbers only rise: give this change a higher one if it "
                     "is still to happen");
}
