/* Which commit did what an app txn stands for. */
#include "table/txn.h"

silt_status silt_app_txn_find(const silt_snapshot *snapshot, const char *app_id,
                              int64_t app_version, int64_t *out, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    *out = -1;
    for (int64_t v = silt_snapshot_version(snapshot); v >= 0; v--) {
        const silt_action *actions;
        size_t count;
        silt_arena_reset(scratch);
        silt_status st =
            silt_log_commit_read(silt_snapshot_store(snapshot), v, scratch, &actions, &count, err);
        if (st == SILT_NOT_FOUND) {
            if (err) *err = (silt_error){0};
            return SILT_OK; /* cleaned up, and all before it */
        }
        if (st != SILT_OK) return st;
        for (size_t i = 0; i < count; i++) {
            const silt_app_txn *txn = &actions[i].app_txn;
            if (actions[i].kind != SILT_ACTION_APP_TXN || !silt_streq(txn->app_id, app_id))
                continue;
            if (txn->version == app_version) *out = v;
            if (txn->version <= app_version) return SILT_OK; /* numbers only rise */
        }
    }
    return SILT_OK;
}
