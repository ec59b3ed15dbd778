/* Row ids: base ids of files, and the number that they are taken from.
 *
 * Invariants
 *  (1) No id is given twice: a file gets ids above the highest one of the version it is committed
 * upon, which a rebase reads anew. (2) The highest id never goes back. */
#include "table/row_ids.h"

#include "base/json.h"

silt_status silt_row_ids_high(const silt_log_state *state, int64_t *out, silt_error *err)
{
    *out = -1;
    for (size_t i = 0; i < state->domain_count; i++) {
        if (strcmp(state->domains[i].domain, SILT_ROW_IDS_DOMAIN) != 0) continue;
        const silt_json *json;
        SILT_AUTO(silt_arena) scratch = silt_arena_new();
        if (!scratch) return silt_fail_nomem(err);
        silt_status st =
            silt_json_parse(silt_bytes_of(state->domains[i].configuration), scratch, &json, err);
        const silt_json *high = st == SILT_OK ? silt_json_get(json, "rowIdHighWaterMark") : NULL;
        if (st == SILT_NOMEM) return st;
        if (!silt_json_is_int(high) || silt_json_int(high, -1) < -1)
            return silt_fail(err, SILT_CORRUPT,
                             "metadata domain " SILT_ROW_IDS_DOMAIN
                             " doesn't say which row id is the highest: %s",
                             state->domains[i].configuration);
        *out = silt_json_int(high, -1);
    }
    return SILT_OK;
}

const char *silt_row_ids_configuration(int64_t high, silt_arena *arena)
{
    return silt_arena_printf(arena, "{\"rowIdHighWaterMark\":%" PRId64 "}", high);
}

silt_status silt_row_ids_take(int64_t *high, int64_t rows, int64_t *base, silt_error *err)
{
    int64_t last;
    if (__builtin_add_overflow(*high, rows, &last) || last == INT64_MAX)
        return silt_fail(err, SILT_INVALID, "no row ids are left above %" PRId64, *high);
    *base = *high + 1;
    *high = last;
    return SILT_OK;
}

silt_status silt_row_ids_check(silt_snapshot *snapshot, silt_row_ids_pass_fn *pass, void *ctx,
                               silt_error *err)
{
    const silt_add *adds;
    size_t count;
    bool failed = false;
    SILT_TRY(silt_snapshot_adds_lean(snapshot, &adds, &count, err));
    for (size_t i = 0; i < count && !failed; i++) {
        if (adds[i].base_row_id >= 0 || pass(ctx, &adds[i], &failed)) continue;
        if (failed) break;
        silt_fail(err, SILT_INVALID,
                  "row tracking can't be turned on: file %s has no row ids (baseRowId)",
                  adds[i].path);
        return silt_hint(err, SILT_INVALID,
                         "files get row ids when they are added once more in the same commit, or "
                         "in one before");
    }
    return failed ? silt_fail_nomem(err) : SILT_OK;
}
