/* Versions that have a feature, deleted so that nobody needs it to read what is left.
 *
 * Invariants
 *  (1) Nothing goes that a reader may be at work with: what is younger than the retention stays,
 * and the feature with it.
 * @see PROTOCOL.md, "Metadata Cleanup" */
#include "log/name.h"
#include "log/property.h"
#include "ops/drop_feature.h"

#define RETENTION "delta.dropFeatureTruncateHistory.retentionDuration"
#define RETENTION_MS \
    (INT64_C(24) * 3600 * 1000) /* the longest that a reader or writer is expected */
#define PROTECTION "delta.requireCheckpointProtectionBeforeVersion"

typedef struct history {
    silt_snapshot *snapshot; /* without the feature */
    silt_store *store;
    silt_engine *engine;
    const char *feature;
    int64_t first; /* the version that the log begins with */
    int64_t last;  /* that has the feature; -1: none */
    silt_error *err;
} history;

/* ---- where it shows */

static bool shows_in(const history *h, const silt_action *a)
{
    bool vectors = strcmp(h->feature, "deletionVectors") == 0;
    if (a->kind == SILT_ACTION_METADATA) return silt_shape_feature_shows(h->feature, &a->metadata);
    if (a->kind == SILT_ACTION_ADD) return vectors && a->add.dv;
    return a->kind == SILT_ACTION_REMOVE && vectors && a->remove.dv;
}

static silt_status look_at_commit(history *h, int64_t version)
{
    const silt_action *actions;
    size_t count;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(h->err);
    SILT_TRY(silt_log_commit_read(h->store, version, arena, &actions, &count, h->err));
    for (size_t i = 0; i < count; i++)
        if (shows_in(h, &actions[i])) h->last = version;
    return SILT_OK;
}

/* The table as the log begins: what readers take from its checkpoint. */
static silt_status look_at_first(history *h)
{
    const silt_add *adds;
    size_t count;
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    SILT_AUTO(silt_snapshot) first = NULL;
    opts.version = h->first;
    SILT_TRY(silt_snapshot_open(h->store, h->engine, &opts, &first, h->err));
    if (silt_shape_feature_shows(h->feature, &silt_snapshot_state(first)->metadata))
        h->last = h->first;
    if (strcmp(h->feature, "deletionVectors") != 0) return SILT_OK;
    SILT_TRY(silt_snapshot_adds_lean(first, &adds, &count, h->err));
    for (size_t i = 0; i < count; i++)
        if (adds[i].dv) h->last = h->first;
    return SILT_OK;
}

static bool on_name(void *ctx, const silt_object *object)
{
    history *h = ctx;
    silt_log_name name;
    silt_log_name_parse(object->key + strlen(SILT_LOG_DIR), &name);
    if (name.kind == SILT_NAME_CHECKPOINT_V2 && name.version > h->last) h->last = name.version;
    return true;
}

static silt_status find_last(history *h)
{
    int64_t ms, now = silt_snapshot_version(h->snapshot);
    SILT_TRY(silt_table_version_at(h->store, h->engine, 0, true, &h->first, &ms, h->err));
    h->last = -1;
    if (strcmp(h->feature, "checkpointProtection") == 0) {
        int64_t before;
        const char *text = silt_snapshot_property(h->snapshot, PROTECTION);
        bool known = text && silt_parse_int64(text, &before);
        if (known && h->first < before) h->last = before - 1;
        return SILT_OK;
    }
    SILT_TRY(look_at_first(h));
    for (int64_t v = h->first + 1; v <= now; v++)
        SILT_TRY(look_at_commit(h, v));
    if (strcmp(h->feature, "v2Checkpoint") != 0) return SILT_OK;
    return h->store->ops->list(h->store, SILT_LOG_DIR, NULL, false, on_name, h, h->err);
}

/* ---- the call */

silt_status silt_drop_history(silt_snapshot *snapshot, const char *feature, silt_error *err)
{
    history h = {.snapshot = snapshot,
                 .store = silt_snapshot_store(snapshot),
                 .engine = silt_snapshot_engine(snapshot),
                 .feature = feature,
                 .err = err};
    silt_cleanup_log_options opts = SILT_CLEANUP_LOG_OPTIONS_INIT;
    silt_cleanup_log_result result;
    SILT_TRY(find_last(&h));
    if (h.last < 0) return SILT_OK;
    opts.retention_ms = silt_property_interval_ms(&silt_snapshot_state(snapshot)->metadata,
                                                  RETENTION, RETENTION_MS);
    SILT_TRY(silt_cleanup_log(h.store, h.engine, &opts, &result, err));
    SILT_TRY(find_last(&h));
    if (h.last < 0) return SILT_OK;
    silt_fail(err, SILT_UNSUPPORTED,
              "feature %s can't be dropped yet: of the versions %" PRId64 " to %" PRId64
              ", which are too young to be deleted, some have it",
              feature, h.first, h.last);
    return silt_hint(err, SILT_UNSUPPORTED,
                     "nothing new has it: drop it again in a day or two, or without truncating "
                     "history");
}
