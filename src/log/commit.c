/* Write one commit file: the only place where a table changes.
 *
 * Invariants
 *  (1) A commit file, once visible, is never written again.
 *  (2) SILT_OK: version N holds exactly `body`.
 *  (3) SILT_CONFLICT: version N is another writer's, and `body` can never become it.
 *  (4) SILT_UNSURE: `body` may still appear as N. Only the same call again is safe.
 *  (5) Any other status: `body` isn't version N and can't become it by this call.
 * Bodies are comparable: commitInfo.txnId is always written, unique per attempt. */
#include "log/log.h"

silt_status silt_log_put_commit(silt_store *store, int64_t version, silt_bytes body,
                                silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const char *key = scratch ? silt_log_commit_key(scratch, version) : NULL;
    if (!key) return silt_fail(err, SILT_NOMEM, "commit %" PRId64 ": out of memory", version);

    silt_status st = store->ops->put_new(store, key, body, err);
    if (st == SILT_OK) return SILT_OK;
    if (st != SILT_EXISTS && st != SILT_UNSURE)
        return silt_wrap(err, st, "commit %" PRId64, version);

    silt_bytes seen = {0}; /* taken, or no answer: what is there now? */
    if (silt_store_get_all(store, key, scratch, &seen, err) != SILT_OK)
        return silt_wrap(err, SILT_UNSURE, "commit %" PRId64 ": read back", version);
    if (silt_bytes_equal(seen, body)) return SILT_OK;
    return silt_fail(err, SILT_CONFLICT, "commit %" PRId64 ": another writer was first", version);
}
