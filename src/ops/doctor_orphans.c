/* What lies in the table's folder that the log doesn't speak of, and what of the change data that
 * it speaks of is gone. */
#include "log/dv.h"
#include "ops/carry.h"
#include "ops/doctor_work.h"

typedef struct searching {
    silt_doctor_work *d;
    silt_map64 *known; /* keys that the log speaks of */
    silt_status status;
    bool has_changes; /* _change_data has files */
} searching;

static silt_status know(searching *s, const char *path, const silt_dv *dv)
{
    silt_place place;
    bool found;
    silt_arena *arena = s->d->arena;
    for (int i = 0; i < 2; i++) {
        silt_error harmless = {
            0}; /* paths that lead elsewhere are told where files are looked at */
        if (i && !dv) break;
        silt_status st = i ? silt_dv_place(s->d->store, dv, arena, &place, &harmless)
                           : silt_path_place(s->d->store, path, arena, &place, &harmless);
        if (st == SILT_NOMEM) return silt_fail_nomem(s->d->err);
        if (st != SILT_OK || !place.key) continue;
        void **slot = silt_map64_slot(s->known, place.key, strlen(place.key), &found);
        if (!slot) return silt_fail_nomem(s->d->err);
        *slot = s; /* anything but NULL */
    }
    return SILT_OK;
}

static silt_status know_all(searching *s)
{
    silt_doctor_work *d = s->d;
    const silt_add *adds;
    const silt_remove *gone;
    silt_log_segment segment;
    size_t count;
    SILT_TRY(silt_snapshot_adds(d->snapshot, &adds, &count, d->err));
    for (size_t i = 0; i < count; i++)
        SILT_TRY(know(s, adds[i].path, adds[i].dv));
    SILT_TRY(silt_log_segment_load(d->store, silt_snapshot_version(d->snapshot), d->arena, &segment,
                                   d->err));
    SILT_TRY(silt_log_tombstones_load(d->store, d->engine, &segment, INT64_MIN, d->arena, &gone,
                                      &count, d->err));
    for (size_t i = 0; i < count; i++)
        SILT_TRY(know(s, gone[i].path, gone[i].dv));
    return SILT_OK;
}

static bool see(void *ctx, const silt_object *object)
{
    searching *s = ctx;
    silt_doctor_work *d = s->d;
    if (silt_starts_with(object->key, "_change_data/")) s->has_changes = true;
    const silt_names *by = &silt_snapshot_state(d->snapshot)->metadata.partition_columns;
    if (silt_carry_is_hidden(object->key, by) ||
        silt_map64_get(s->known, object->key, strlen(object->key)))
        return true;
    if (object->mtime_ns / 1000000 > d->now_ms - d->young_ms) return true;
    s->status = silt_doctor_find(
        d,
        &(silt_finding){.severity = SILT_FINDING_NOTE,
                        .kind = "orphan",
                        .path = object->key,
                        .what = "no version that the log still tells has it",
                        .remedy = "`silt vacuum` deletes it once it is older than the retention"});
    return s->status == SILT_OK && !d->deaf;
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

silt_status silt_doctor_orphans(silt_doctor_work *d)
{
    SILT_AUTO(silt_map64) known = silt_map64_new();
    if (!known) return silt_fail_nomem(d->err);
    searching s = {.d = d, .known = known};
    const silt_log_state *state = silt_snapshot_state(d->snapshot);
    SILT_TRY(know_all(&s));
    SILT_TRY(d->store->ops->list(d->store, "", NULL, true, see, &s, d->err));
    SILT_TRY(s.status);
    silt_scratch_sweep(d->store, d->now_ms - d->young_ms, !d->opts->fix || d->opts->dry_run,
                       see_leftover, &s);
    SILT_TRY(s.status);
    bool feed = silt_feature_change_data(&state->protocol, &state->metadata);
    return feed || s.has_changes ? check_changes(d) : SILT_OK;
}
