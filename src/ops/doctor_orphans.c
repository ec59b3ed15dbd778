/* What lies in the table's folder that the log doesn't speak of, and what of the change data that
 * it speaks of is gone. */
#include "ops/doctor_work.h"
#include "ops/orphans.h"

typedef struct searching {
    silt_doctor_work *d;
    silt_status status;
} searching;

static silt_status tell(void *ctx, const silt_object *object, silt_error *err)
{
    silt_doctor_work *d = ((searching *)ctx)->d;
    (void)err;
    if (d->deaf) return SILT_OK;
    return silt_doctor_find(
        d,
        &(silt_finding){.severity = SILT_FINDING_NOTE,
                        .kind = "orphan",
                        .path = object->key,
                        .what = "no version that the log still tells has it",
                        .remedy = "`silt vacuum` deletes it once it is older than the retention"});
}

static void see_leftover(void *ctx, const char *path, int64_t size_bytes)
{
    searching *s = ctx;
    (void)size_bytes;
    if (s->status != SILT_OK) return;
    s->status = silt_doctor_find(
        s->d, &(silt_finding){.severity = SILT_FINDING_NOTE,
                              .kind = "leftover",
                              .path = path,
                              .what = "a process that was interrupted left it behind",
                              .remedy = "--fix deletes it",
                              .fixed = s->d->opts->fix});
}

/* ---- change data */

static silt_status check_changes_of(silt_doctor_work *d, int64_t version, silt_arena *arena)
{
    const silt_action *actions;
    size_t count;
    silt_error why = {0};
    silt_status st = silt_log_commit_read(d->store, version, arena, &actions, &count, &why);
    if (st == SILT_NOT_FOUND) return SILT_OK; /* cleaned up */
    if (st != SILT_OK) return silt_fail(d->err, st, "%s", why.message);
    for (size_t i = 0; i < count; i++) {
        silt_place place;
        bool there = true;
        if (actions[i].kind != SILT_ACTION_CDC) continue;
        SILT_TRY(silt_path_place(d->store, actions[i].cdc.path, arena, &place, d->err));
        if (place.key) SILT_TRY(silt_store_exists(d->store, place.key, &there, d->err));
        if (there) continue;
        const char *what = silt_arena_printf(
            arena, "it is gone: the change data feed of version %" PRId64 " can't be read",
            version);
        if (!what) return silt_fail_nomem(d->err);
        SILT_TRY(silt_doctor_find(d, &(silt_finding){.severity = SILT_FINDING_WARNING,
                                                     .kind = "missing-change-data",
                                                     .path = place.key,
                                                     .what = what,
                                                     .remedy = "that is so after a vacuum, else "
                                                               "bring it back from a backup"}));
    }
    return SILT_OK;
}

static silt_status check_changes(silt_doctor_work *d)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    int64_t first, last;
    const int64_t *times;
    if (!arena) return silt_fail_nomem(d->err);
    SILT_TRY(silt_log_commit_times(d->store, d->arena, &first, &last, &times, d->err));
    for (int64_t v = first; v <= last && !d->deaf; v++) {
        silt_arena_reset(arena);
        SILT_TRY(check_changes_of(d, v, arena));
    }
    return SILT_OK;
}

static bool see_change(void *ctx, const silt_object *object)
{
    (void)object;
    *(bool *)ctx = true;
    return false;
}

silt_status silt_doctor_orphans(silt_doctor_work *d)
{
    searching s = {.d = d};
    const silt_log_state *state = silt_snapshot_state(d->snapshot);
    const silt_orphans_spec spec = {.before_ms = d->now_ms - d->young_ms};
    bool changes = silt_feature_change_data(&state->protocol, &state->metadata);
    SILT_TRY(silt_orphans_find(d->snapshot, &spec, tell, &s, d->err));
    silt_scratch_sweep(d->store, d->now_ms - d->young_ms, !d->opts->fix || d->opts->dry_run,
                       see_leftover, &s);
    SILT_TRY(s.status);
    if (!changes)
        SILT_TRY(d->store->ops->list(d->store, "_change_data/", NULL, true, see_change, &changes,
                                     d->err));
    return changes ? check_changes(d) : SILT_OK;
}
