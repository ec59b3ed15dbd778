/* Dry runs of operations whose results are known only once they are done. */
#include "table/dry.h"

#include "store/overlay.h"
#include "table/shape.h"

silt_status silt_dry_begin(silt_store *store, silt_arena *arena, silt_dry *out, silt_error *err)
{
    silt_store *over = NULL;
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    opts.no_durability = true;
    SILT_TRY(silt_scratch_temporary("dry-run", arena, &out->folder, err));
    const char *uri = silt_arena_printf(arena, "%s/table", out->folder);
    if (!uri) return silt_fail_nomem(err);
    SILT_TRY(silt_store_open(uri, &opts, &over, err));
    out->store = silt_store_overlay_new(store, over);
    return out->store ? SILT_OK : silt_fail_nomem(err);
}

void silt_dry_end(silt_dry *dry)
{
    silt_store_free(dry->store);
    silt_scratch_remove(dry->folder);
    *dry = (silt_dry){0};
}

silt_status silt_dry_changes(const silt_snapshot *before, const silt_snapshot *after,
                             silt_arena *arena, silt_names *out, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(after);
    silt_shape shape;
    silt_domain *domains = silt_arena_calloc(arena, state->domain_count + 1, sizeof(*domains));
    if (!domains) return silt_fail_nomem(err);
    SILT_TRY(silt_shape_of(before ? before : after, arena, &shape, err));
    shape.protocol = state->protocol;
    shape.metadata = state->metadata;
    shape.schema = silt_snapshot_schema(after);
    shape.domains = domains;
    shape.domain_count = 0;
    for (size_t i = 0; i < state->domain_count; i++) /* row ids that are taken are no change */
        if (strcmp(state->domains[i].domain, "delta.rowTracking") != 0)
            domains[shape.domain_count++] = state->domains[i];
    if (!before) shape.before = NULL;
    return silt_shape_diff(&shape, arena, out, err);
}
