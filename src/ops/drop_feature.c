/* DROP FEATURE, of features that a commit of metadata alone doesn't rid a table of.
 *
 *   clean       one commit: metadata and files without the feature; none where there is no trace
 *   checkpoint  of that; programs without the feature needn't read what was before
 *   drop        one commit: the protocol without it. The checkpoint is protected from then on, or
 *               (truncate_history) what was before is deleted first
 *   checkpoint  of that
 *
 * Invariants
 *  (1) The protocol loses the feature in a commit right after a version without a trace of it: any
 *      commit in between is in the way.
 *  (2) After each step the table is whole, and the call done again goes on from there.
 * Features that only writers know leave nothing that has to be protected: for these clean and drop
 * are one commit.
 * @see PROTOCOL.md, "Table Features" */
#include "ops/drop_feature.h"

#define TRIES 10

typedef struct dropping {
    silt_snapshot *base; /* borrowed */
    silt_snapshot *head; /* ours: as it is after our own commits; NULL: none yet */
    const char *feature;
    const silt_table_options *opts;
    const silt_commit_options *commit;
    silt_arena *arena;
    silt_table_result *result;
    silt_error *err;
} dropping;

static silt_snapshot *current(const dropping *d)
{
    return d->head ? d->head : d->base;
}

/* Takes `next`; NULL: it has to be read. */
static silt_status move_on(dropping *d, silt_snapshot *next)
{
    if (!next) SILT_TRY(silt_snapshot_refresh(current(d), &next, d->err));
    silt_snapshot_free(d->head);
    d->head = next;
    return SILT_OK;
}

static bool in_history(const dropping *d)
{
    return silt_shape_feature_traces(d->feature) == SILT_TRACES_HISTORY;
}

/* ---- clean */

static silt_status clean(dropping *d, bool *again)
{
    silt_edit_result result;
    silt_snapshot *after = NULL;
    silt_edit_options opts = SILT_EDIT_OPTIONS_INIT;
    silt_commit_options commit = *d->commit;
    commit.app_id = NULL; /* the number is of the commit that drops it */
    opts.commit = &commit;
    opts.dry_run = d->opts->dry_run;
    *again = false;
    if (!in_history(d) || strcmp(d->feature, "checkpointProtection") == 0) return SILT_OK;
    SILT_TRY(silt_drop_clean(current(d), d->feature, &opts, &result, &after, d->err));
    if (result.outcome == SILT_EDIT_COMMITTED || result.outcome == SILT_EDIT_DRY_RUN)
        d->result->rewritten += result.files_removed;
    *again = result.outcome == SILT_EDIT_COMMITTED;
    return *again || after ? move_on(d, after) : SILT_OK;
}

/* ---- history */

static silt_status write_checkpoint(dropping *d)
{
    silt_checkpoint_options opts = SILT_CHECKPOINT_OPTIONS_INIT;
    silt_checkpoint_result written;
    opts.version = silt_snapshot_version(current(d));
    return silt_checkpoint(silt_snapshot_store(d->base), silt_snapshot_engine(d->base), &opts,
                           &written, d->err);
}

static silt_status close_history(dropping *d)
{
    if (!in_history(d)) return SILT_OK;
    SILT_TRY(write_checkpoint(d));
    return d->opts->truncate_history ? silt_drop_history(current(d), d->feature, d->err) : SILT_OK;
}

/* ---- drop */

/* The table of the snapshot as it is to be in version `at`. */
static silt_status shape_without(const dropping *d, const silt_snapshot *snapshot, int64_t at,
                                 silt_shape *out)
{
    SILT_TRY(silt_shape_of(snapshot, d->arena, out, d->err));
    SILT_TRY(silt_shape_drop_feature(out, d->feature, d->err));
    if (!in_history(d) || d->opts->truncate_history) return SILT_OK;
    return silt_shape_protect_history(out, at, d->err);
}

/* All that has changed once it is dropped in version `at`. */
static silt_status describe(dropping *d, int64_t at)
{
    silt_shape shape;
    SILT_TRY(shape_without(d, d->base, at, &shape));
    return silt_table_describe(&shape, d->arena, d->result, d->err);
}

/* Files as they stand, without ids of their rows. */
static silt_status forget_row_ids(dropping *d, silt_txn *txn)
{
    const silt_add *adds;
    size_t count;
    SILT_TRY(silt_snapshot_adds(current(d), &adds, &count, d->err));
    for (size_t i = 0; i < count; i++) {
        silt_add add = adds[i];
        if (add.base_row_id < 0 && add.default_row_commit_version < 0) continue;
        add.base_row_id = add.default_row_commit_version = -1;
        add.data_change = false;
        SILT_TRY(silt_txn_add(txn, &add, d->err));
    }
    return SILT_OK;
}

static silt_status txn_options(const dropping *d, silt_txn_options *out)
{
    *out = (silt_txn_options)SILT_TXN_OPTIONS_INIT;
    SILT_TRY(silt_commit_tell(d->commit, d->arena, out, d->err));
    out->operation = "DROP FEATURE";
    out->operation_parameters =
        silt_arena_printf(d->arena, "{\"featureName\":\"%s\",\"truncateHistory\":\"%s\"}",
                          d->feature, d->opts->truncate_history ? "true" : "false");
    out->read = SILT_READ_LOG; /* invariant (1) */
    return out->operation_parameters ? SILT_OK : silt_fail_nomem(d->err);
}

/* It is dropped, whatever fails from here on: a checkpoint for programs that look at the protocol
 * of each commit they read, and what is said of another version than was expected. */
static void finish(dropping *d, silt_snapshot *after)
{
    silt_error *err = d->err;
    d->err = NULL;
    (void)!describe(d, d->result->committed_version);
    if (move_on(d, after) == SILT_OK && in_history(d)) (void)!write_checkpoint(d);
    d->err = err;
}

static silt_status drop(dropping *d, bool *again)
{
    silt_shape shape;
    silt_txn_options opts;
    silt_txn_result result;
    silt_snapshot *after = NULL;
    SILT_AUTO(silt_txn) txn = NULL;
    *again = false;
    SILT_TRY(shape_without(d, current(d), silt_snapshot_version(current(d)) + 1, &shape));
    SILT_TRY(txn_options(d, &opts));
    SILT_TRY(silt_txn_new(current(d), &opts, &txn, d->err));
    SILT_TRY(silt_shape_apply(&shape, txn, d->err));
    if (strcmp(d->feature, "rowTracking") == 0) SILT_TRY(forget_row_ids(d, txn));
    SILT_TRY(silt_txn_commit(txn, &result, &after, d->err));
    if (result.outcome == SILT_TXN_COMMITTED) {
        d->result->outcome = SILT_TABLE_COMMITTED;
        d->result->committed_version = d->result->table_version = result.version;
        finish(d, after);
        return SILT_OK;
    }
    SILT_TRY(move_on(d, after));
    d->result->table_version = result.table_version;
    *again = result.outcome == SILT_TXN_CONFLICT;
    if (result.outcome != SILT_TXN_APP_MOVED) return SILT_OK;
    bool done;
    return silt_table_done(current(d), d->commit, d->result, &done, d->err);
}

/* ---- the call */

static silt_status check(const dropping *d)
{
    bool protection = strcmp(d->feature, "checkpointProtection") == 0;
    if (protection && !d->opts->truncate_history) {
        silt_fail(d->err, SILT_INVALID,
                  "checkpointProtection can't be dropped as long as there are versions that it "
                  "protects");
        return silt_hint(d->err, SILT_INVALID,
                         "let the history be truncated: silt alter --drop-feature "
                         "checkpointProtection --truncate-history");
    }
    if (!d->opts->truncate_history || in_history(d)) return SILT_OK;
    return silt_fail(d->err, SILT_INVALID, "no history has to be truncated to drop the feature %s",
                     d->feature);
}

/* What would be done, in one commit or two. */
static silt_status tell(dropping *d)
{
    bool again;
    silt_shape cleared;
    int64_t version = silt_snapshot_version(d->base);
    SILT_TRY(clean(d, &again));
    SILT_TRY(silt_shape_of(d->base, d->arena, &cleared, d->err));
    SILT_TRY(silt_shape_clear_feature(&cleared, d->feature, d->err));
    bool twice = in_history(d) && (d->result->rewritten || silt_shape_changed(&cleared));
    return describe(d, version + 1 + twice);
}

static silt_status run(dropping *d)
{
    bool again = true;
    SILT_TRY(describe(d, silt_snapshot_version(d->base) + 1));
    SILT_TRY(check(d));
    if (d->opts->dry_run) return tell(d);
    for (int tries = 0; again && tries < TRIES; tries++) {
        SILT_TRY(clean(d, &again));
        if (again) continue;
        SILT_TRY(close_history(d));
        SILT_TRY(drop(d, &again));
    }
    if (again) {
        silt_fail(d->err, SILT_CONFLICT,
                  "others changed the table each time the feature %s was to be dropped",
                  d->feature);
        return silt_hint(d->err, SILT_CONFLICT, "try again when fewer write at once");
    }
    return SILT_OK;
}

silt_status silt_drop_feature(silt_snapshot *snapshot, const char *feature,
                              const silt_table_options *opts, const silt_commit_options *commit,
                              silt_arena *arena, silt_table_result *out, silt_error *err)
{
    silt_feature_traits traits = {.name = feature};
    (void)silt_feature_describe(feature, &traits);
    dropping d = {.base = snapshot,
                  .feature = traits.name,
                  .opts = opts,
                  .commit = commit,
                  .arena = arena,
                  .result = out,
                  .err = err};
    silt_status st = run(&d);
    silt_snapshot_free(d.head);
    return st;
}
