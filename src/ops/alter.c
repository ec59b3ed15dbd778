/* Alter: a table's shape changed step by step, in one commit. Rows that stand are looked at where a
 * step asks something of them; where rows are to be tracked, they get their ids in commits before.
 *
 * Invariants
 *  (1) What was found of the rows that stand holds for the version that is committed: others' rows
 *      in between are a conflict.
 *  (2) delta.enableRowTracking is set only where each file has row ids (the txn looks).
 *  (3) What is committed before the last commit changes no rows, and is of use by itself. */
#include "base/json.h"
#include "log/property.h"
#include "ops/drop_feature.h"
#include "ops/rows_check.h"
#include "ops/shape_commit.h"

#define BACKFILL_FILES 100000 /* of a commit */
#define BACKFILL_TRIES 10
#define TRIES          10

/* ---- steps */

static silt_status add_column(silt_shape *shape, const char *text, silt_error *err)
{
    const char *path;
    silt_field field;
    silt_column_place place;
    SILT_TRY(silt_ddl_column(text, shape->arena, &path, &field, &place, err));
    return silt_shape_add_column(shape, path, &field, place, err);
}

static silt_status move_column(silt_shape *shape, const silt_table_step *step, silt_error *err)
{
    silt_column_place place;
    SILT_TRY(silt_ddl_place(step->value, shape->arena, &place, err));
    return silt_shape_move_column(shape, step->target, place, err);
}

static silt_status set_type(silt_shape *shape, const silt_table_step *step, silt_error *err)
{
    const silt_type *type;
    SILT_TRY(silt_type_parse(step->value, shape->arena, &type, err));
    return silt_shape_change_type(shape, step->target, type, err);
}

static silt_status cluster_by(silt_shape *shape, const char *columns, silt_error *err)
{
    silt_names paths = {0};
    if (columns) SILT_TRY(silt_ddl_paths(columns, shape->arena, &paths, err));
    return silt_shape_cluster_by(shape, paths, err);
}

static silt_status set_text(silt_shape *shape, const silt_table_step *step, silt_error *err)
{
    const char *text = silt_arena_strdup(shape->arena, step->value);
    if (step->value && !text) return silt_fail_nomem(err);
    if (step->kind == SILT_STEP_TABLE_NAME)
        silt_shape_set_name(shape, text);
    else
        silt_shape_set_description(shape, text);
    return SILT_OK;
}

/* What a kind is called, by Spark for a commit of such steps alone; and whether it needs both. */
static const struct {
    const char *operation;
    bool target, value;
} kinds[] = {
    [SILT_STEP_ADD_COLUMN] = {"ADD COLUMNS", false, true},
    [SILT_STEP_RENAME_COLUMN] = {"RENAME COLUMN", true, true},
    [SILT_STEP_DROP_COLUMN] = {"DROP COLUMNS", true, false},
    [SILT_STEP_SET_TYPE] = {"CHANGE COLUMN", true, true},
    [SILT_STEP_SET_NOT_NULL] = {"CHANGE COLUMN", true, false},
    [SILT_STEP_SET_NULLABLE] = {"CHANGE COLUMN", true, false},
    [SILT_STEP_SET_COMMENT] = {"CHANGE COLUMN", true, false},
    [SILT_STEP_SET_DEFAULT] = {"CHANGE COLUMN", true, true},
    [SILT_STEP_DROP_DEFAULT] = {"CHANGE COLUMN", true, false},
    [SILT_STEP_MOVE_COLUMN] = {"CHANGE COLUMN", true, true},
    [SILT_STEP_SET_PROPERTY] = {"SET TBLPROPERTIES", true, true},
    [SILT_STEP_UNSET_PROPERTY] = {"UNSET TBLPROPERTIES", true, false},
    [SILT_STEP_ADD_CONSTRAINT] = {"ADD CONSTRAINT", true, true},
    [SILT_STEP_DROP_CONSTRAINT] = {"DROP CONSTRAINT", true, false},
    [SILT_STEP_CLUSTER_BY] = {"CLUSTER BY", false, false},
    [SILT_STEP_ENABLE_FEATURE] = {"ADD FEATURE", true, false},
    [SILT_STEP_DROP_FEATURE] = {"DROP FEATURE", true, false},
    [SILT_STEP_SET_DOMAIN] = {"SET DOMAIN METADATA", true, true},
    [SILT_STEP_REMOVE_DOMAIN] = {"REMOVE DOMAIN METADATA", true, false},
    [SILT_STEP_TABLE_NAME] = {"SET TABLE NAME", false, false},
    [SILT_STEP_TABLE_COMMENT] = {"SET TABLE COMMENT", false, false},
};

silt_status silt_table_step_apply(silt_shape *shape, const silt_table_step *step, silt_error *err)
{
    const char *target = step->target, *value = step->value;
    if ((size_t)step->kind >= SILT_COUNT(kinds))
        return silt_fail(err, SILT_INVALID, "there is no step %d", (int)step->kind);
    if ((kinds[step->kind].target && !target) || (kinds[step->kind].value && !value))
        return silt_fail(err, SILT_INVALID, "%s: a name or a value is missing",
                         kinds[step->kind].operation);
    switch (step->kind) {
    case SILT_STEP_ADD_COLUMN:
        return add_column(shape, value, err);
    case SILT_STEP_RENAME_COLUMN:
        return silt_shape_rename_column(shape, target, value, err);
    case SILT_STEP_DROP_COLUMN:
        return silt_shape_drop_column(shape, target, err);
    case SILT_STEP_SET_TYPE:
        return set_type(shape, step, err);
    case SILT_STEP_SET_NOT_NULL:
    case SILT_STEP_SET_NULLABLE:
        return silt_shape_set_nullable(shape, target, step->kind == SILT_STEP_SET_NULLABLE, err);
    case SILT_STEP_SET_COMMENT:
        return silt_shape_set_comment(shape, target, value, err);
    case SILT_STEP_SET_DEFAULT:
        return silt_shape_set_default(shape, target, value, err);
    case SILT_STEP_DROP_DEFAULT:
        return silt_shape_set_default(shape, target, NULL, err);
    case SILT_STEP_MOVE_COLUMN:
        return move_column(shape, step, err);
    case SILT_STEP_SET_PROPERTY:
        return silt_shape_set_property(shape, target, value, err);
    case SILT_STEP_UNSET_PROPERTY:
        return silt_shape_unset_property(shape, target, err);
    case SILT_STEP_ADD_CONSTRAINT:
        return silt_shape_add_constraint(shape, target, value, err);
    case SILT_STEP_DROP_CONSTRAINT:
        return silt_shape_drop_constraint(shape, target, err);
    case SILT_STEP_CLUSTER_BY:
        return cluster_by(shape, value, err);
    case SILT_STEP_ENABLE_FEATURE:
        return silt_shape_enable_feature(shape, target, err);
    case SILT_STEP_DROP_FEATURE:
        return silt_shape_drop_feature(shape, target, err);
    case SILT_STEP_SET_DOMAIN:
        return silt_shape_set_domain(shape, target, value, err);
    case SILT_STEP_REMOVE_DOMAIN:
        return silt_shape_set_domain(shape, target, NULL, err);
    default:
        return set_text(shape, step, err);
    }
}

/* ---- commitInfo */

typedef struct work {
    silt_snapshot *base; /* borrowed */
    silt_snapshot *head; /* ours: as it is after our own commits; NULL: none yet */
    const silt_table_step *steps;
    size_t count;
    const silt_table_options *opts;
    silt_commit_options commit;
    silt_arena *arena;
    silt_table_result result;
} work;

static void work_release(work *w)
{
    silt_snapshot_free(w->head);
}

static silt_snapshot *current(const work *w)
{
    return w->head ? w->head : w->base;
}

static bool all_of(const work *w, silt_table_step_kind kind)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->steps[i].kind != kind) return false;
    return w->count > 0;
}

static const char *operation(const work *w)
{
    const char *name = w->count ? kinds[w->steps[0].kind].operation : "ALTER TABLE";
    for (size_t i = 1; i < w->count; i++)
        if (strcmp(name, kinds[w->steps[i].kind].operation) != 0) return "ALTER TABLE";
    return name;
}

/* Each step as a list of texts; of properties what Spark says. */
static const char *parameters(const work *w, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) inner = {0}, buf = {0};
    silt_json_writer in = silt_json_writer_of(&inner), json = silt_json_writer_of(&buf);
    bool set = all_of(w, SILT_STEP_SET_PROPERTY), unset = all_of(w, SILT_STEP_UNSET_PROPERTY);
    if (set)
        silt_json_begin_object(&in);
    else
        silt_json_begin_array(&in);
    for (size_t i = 0; i < w->count; i++) {
        const silt_table_step *step = &w->steps[i];
        if (set) {
            silt_json_member_string(&in, step->target, step->value);
        } else if (unset) {
            silt_json_put_string(&in, step->target);
        } else {
            silt_json_begin_array(&in);
            silt_json_put_string(&in, kinds[step->kind].operation);
            if (step->target) silt_json_put_string(&in, step->target);
            if (step->value) silt_json_put_string(&in, step->value);
            silt_json_end_array(&in);
        }
    }
    if (set)
        silt_json_end_object(&in);
    else
        silt_json_end_array(&in);
    if (inner.failed) return NULL;
    silt_json_begin_object(&json);
    silt_json_member_string(&json, set || unset ? "properties" : "steps", inner.data);
    silt_json_end_object(&json);
    return silt_buf_copy(&buf, arena);
}

/* ---- what is told */

silt_status silt_table_describe(const silt_shape *shape, silt_arena *arena, silt_table_result *out,
                                silt_error *err)
{
    silt_names changes, unwritable;
    silt_metadata metadata = shape->metadata;
    metadata.schema_json = silt_schema_json(shape->schema, arena);
    if (!metadata.schema_json) return silt_fail_nomem(err);
    SILT_TRY(silt_shape_diff(shape, arena, &changes, err));
    SILT_TRY(silt_feature_unwritable(&shape->protocol, &metadata, arena, &unwritable, err));
    out->changes = changes.items;
    out->change_count = changes.count;
    out->unwritable = unwritable.items;
    out->unwritable_count = unwritable.count;
    return SILT_OK;
}

silt_status silt_table_done(const silt_snapshot *snapshot, const silt_commit_options *commit,
                            silt_table_result *out, bool *done, silt_error *err)
{
    silt_once once;
    SILT_TRY(silt_commit_once(commit, snapshot, &once, &out->committed_version, err));
    *done = once != SILT_ONCE_OPEN;
    if (!*done) return SILT_OK;
    out->outcome = once == SILT_ONCE_DONE ? SILT_TABLE_ALREADY_DONE : SILT_TABLE_OVERTAKEN;
    out->table_version = silt_snapshot_version(snapshot);
    return SILT_OK;
}

/* ---- rows that stand */

static silt_status check_rows(const work *w, bool *looked, silt_error *err)
{
    *looked = false;
    for (size_t i = 0; i < w->count; i++) {
        const silt_table_step *step = &w->steps[i];
        if (step->kind == SILT_STEP_ADD_CONSTRAINT)
            SILT_TRY(silt_rows_meet(current(w), step->target, step->value, err));
        else if (step->kind == SILT_STEP_SET_NOT_NULL)
            SILT_TRY(silt_rows_not_null(current(w), step->target, err));
        else
            continue;
        *looked = true;
    }
    return SILT_OK;
}

/* ---- row tracking */

/* Other columns may be those with statistics from then on. */
static bool moves_statistics(const silt_table_step *step)
{
    bool property = step->kind == SILT_STEP_SET_PROPERTY || step->kind == SILT_STEP_UNSET_PROPERTY;
    return step->kind == SILT_STEP_MOVE_COLUMN ||
           (property && silt_starts_with(step->target, "delta.dataSkipping"));
}

static silt_status apply_steps(const work *w, silt_shape *out, silt_error *err)
{
    bool moved = false;
    SILT_TRY(silt_shape_of(current(w), w->arena, out, err));
    for (size_t i = 0; i < w->count; i++) {
        SILT_TRY(silt_table_step_apply(out, &w->steps[i], err));
        moved |= moves_statistics(&w->steps[i]);
    }
    return moved ? silt_shape_check_clustering(out, err) : SILT_OK;
}

/* A commit before the last one, and on to what it made. CONFLICT is an outcome. */
static silt_status commit(work *w, silt_txn *txn, silt_txn_result *out, silt_error *err)
{
    silt_snapshot *after = NULL;
    SILT_TRY(silt_txn_commit(txn, out, &after, err));
    if (out->outcome == SILT_TXN_COMMITTED && !after)
        SILT_TRY(silt_snapshot_refresh(current(w), &after, err));
    if (!after) return SILT_OK;
    silt_snapshot_free(w->head);
    w->head = after;
    return SILT_OK;
}

static silt_status refresh(work *w, silt_error *err)
{
    silt_snapshot *next = NULL;
    SILT_TRY(silt_snapshot_refresh(current(w), &next, err));
    silt_snapshot_free(w->head);
    w->head = next;
    return SILT_OK;
}

static silt_status fail_conflict(const work *w, const silt_txn_result *result, silt_error *err)
{
    silt_fail(err, SILT_CONFLICT, "%s: %s", silt_snapshot_store(w->base)->uri, result->conflict);
    return silt_hint(err, SILT_CONFLICT, "nothing was changed: look at the table again, and retry");
}

/* New files of all writers have row ids from here on. */
static silt_status support_row_tracking(work *w, silt_error *err)
{
    silt_shape shape;
    silt_txn_result result;
    SILT_TRY(silt_shape_of(current(w), w->arena, &shape, err));
    SILT_TRY(silt_shape_enable_feature(&shape, "rowTracking", err));
    if (!silt_shape_changed(&shape)) return SILT_OK;
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "SET TBLPROPERTIES";
    opts.operation_parameters = "{\"properties\":\"{\\\"delta.feature.rowTracking\\\":"
                                "\\\"supported\\\"}\"}";
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_txn_new(current(w), &opts, &txn, err));
    SILT_TRY(silt_shape_apply(&shape, txn, err));
    SILT_TRY(commit(w, txn, &result, err));
    return result.outcome == SILT_TXN_COMMITTED ? SILT_OK : fail_conflict(w, &result, err);
}

/* Files without ids, once more, as many as a commit holds; `*left`: there were any. A file that
 * somebody removed meanwhile is looked for anew. */
static silt_status backfill_some(work *w, bool *left, silt_error *err)
{
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "ROW TRACKING BACKFILL";
    opts.read = SILT_READ_NOTHING;
    opts.rearranges = true;
    *left = true;
    for (int tries = 0; tries < BACKFILL_TRIES; tries++) {
        const silt_add *adds;
        size_t count, added = 0;
        silt_txn_result result;
        SILT_AUTO(silt_txn) txn = NULL;
        SILT_TRY(silt_snapshot_adds(current(w), &adds, &count, err));
        SILT_TRY(silt_txn_new(current(w), &opts, &txn, err));
        for (size_t i = 0; i < count && added < BACKFILL_FILES; i++) {
            if (adds[i].base_row_id >= 0) continue;
            SILT_TRY(silt_txn_add(txn, &adds[i], err));
            added++;
        }
        *left = added > 0;
        if (!added) return SILT_OK;
        SILT_TRY(commit(w, txn, &result, err));
        if (result.outcome == SILT_TXN_COMMITTED) {
            w->result.backfilled += (int64_t)added;
            return SILT_OK;
        }
        SILT_TRY(refresh(w, err));
    }
    return silt_fail(err, SILT_CONFLICT,
                     "%s: others changed the table's files each time while rows were given ids",
                     silt_snapshot_store(w->base)->uri);
}

static silt_status backfill(work *w, silt_error *err)
{
    bool left = true;
    SILT_TRY(support_row_tracking(w, err));
    while (left)
        SILT_TRY(backfill_some(w, &left, err));
    return SILT_OK;
}

static bool turns_tracking_on(const work *w, const silt_shape *shape)
{
    const silt_log_state *state = silt_snapshot_state(current(w));
    return silt_feature_row_tracking(&shape->protocol, &shape->metadata) &&
           !silt_feature_row_tracking(&state->protocol, &state->metadata);
}

/* ---- features that show in files or history */

/* `*feature` NULL: no step drops one. */
static silt_status find_dropped(const work *w, const char **feature, silt_error *err)
{
    *feature = NULL;
    for (size_t i = 0; i < w->count; i++)
        if (w->steps[i].kind == SILT_STEP_DROP_FEATURE && w->steps[i].target &&
            silt_shape_feature_traces(w->steps[i].target) != SILT_TRACES_NONE)
            *feature = w->steps[i].target;
    if (w->count > 1 && *feature) {
        silt_fail(err, SILT_INVALID, "the feature %s can't be dropped along with other changes",
                  *feature);
        return silt_hint(err, SILT_INVALID,
                         "files, checkpoints or history have something of it, too: drop it by "
                         "itself");
    }
    if (*feature || !w->opts->truncate_history) return SILT_OK;
    return silt_fail(err, SILT_INVALID,
                     "history is truncated only where a feature is dropped that shows in it");
}

/* ---- the call */

static bool same_protocol(const silt_protocol *a, const silt_protocol *b)
{
    return a->min_reader == b->min_reader && a->min_writer == b->min_writer &&
           silt_names_equal(a->reader_features, b->reader_features) &&
           silt_names_equal(a->writer_features, b->writer_features);
}

static bool is_among(const silt_domain *domain, const silt_log_state *state)
{
    if (strcmp(domain->domain, "delta.rowTracking") == 0) return true;
    for (size_t i = 0; i < state->domain_count; i++)
        if (strcmp(state->domains[i].domain, domain->domain) == 0)
            return silt_streq(state->domains[i].configuration, domain->configuration);
    return false;
}

/* Of the shape as it was when the steps were asked for, nobody changed anything: they mean the
 * same now. */
static bool only_rows_changed(const work *w)
{
    const silt_log_state *a = silt_snapshot_state(w->base), *b = silt_snapshot_state(w->head);
    bool same = same_protocol(&a->protocol, &b->protocol) &&
                silt_streq(a->metadata.schema_json, b->metadata.schema_json) &&
                silt_pairs_equal(a->metadata.configuration, b->metadata.configuration);
    for (size_t i = 0; same && i < a->domain_count; i++)
        same = is_among(&a->domains[i], b);
    for (size_t i = 0; same && i < b->domain_count; i++)
        same = is_among(&b->domains[i], a);
    return same;
}

static silt_status finish(work *w, silt_shape *shape, bool looked, bool *again, silt_error *err)
{
    silt_txn_result result;
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    SILT_TRY(silt_commit_tell(&w->commit, w->arena, &opts, err));
    opts.operation = operation(w);
    opts.operation_parameters = parameters(w, w->arena);
    opts.read = looked ? SILT_READ_TABLE : SILT_READ_NOTHING;
    opts.isolation = looked ? SILT_SERIALIZABLE : SILT_ISOLATION_OF_TABLE;
    if (!opts.operation_parameters) return silt_fail_nomem(err);
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_txn_new(current(w), &opts, &txn, err));
    SILT_TRY(silt_shape_apply(shape, txn, err));
    SILT_TRY(silt_txn_commit(txn, &result, NULL, err)); /* nothing behind it may fail */
    w->result.table_version = result.table_version;
    if (result.outcome == SILT_TXN_CONFLICT) {
        SILT_TRY(refresh(w, err));
        *again = only_rows_changed(w);
        return *again ? SILT_OK : fail_conflict(w, &result, err);
    }
    if (result.outcome == SILT_TXN_APP_MOVED) {
        bool done;
        SILT_TRY(refresh(w, err));
        return silt_table_done(current(w), &w->commit, &w->result, &done, err);
    }
    w->result.outcome = SILT_TABLE_COMMITTED;
    w->result.committed_version = w->result.table_version = result.version;
    return SILT_OK;
}

/* Again where rows of others came in between, which are looked at, too. */
static silt_status commit_steps(work *w, silt_shape *shape, bool looked, silt_error *err)
{
    bool again = true;
    for (int tries = 0; again && tries < TRIES; tries++) {
        again = false;
        if (tries) {
            SILT_TRY(apply_steps(w, shape, err));
            SILT_TRY(check_rows(w, &looked, err));
        }
        SILT_TRY(finish(w, shape, looked, &again, err));
    }
    if (!again) return SILT_OK;
    return silt_fail(err, SILT_CONFLICT, "others changed the table's rows each of %d times", TRIES);
}

static silt_status alter(work *w, silt_error *err)
{
    silt_shape shape;
    bool done, looked;
    const char *dropped;
    SILT_TRY(silt_table_done(w->base, &w->commit, &w->result, &done, err));
    if (done) return SILT_OK;
    SILT_TRY(find_dropped(w, &dropped, err));
    if (dropped)
        return silt_drop_feature(w->base, dropped, w->opts, &w->commit, w->arena, &w->result, err);
    SILT_TRY(apply_steps(w, &shape, err));
    SILT_TRY(silt_table_describe(&shape, w->arena, &w->result, err));
    SILT_TRY(check_rows(w, &looked, err));
    bool changed = silt_shape_changed(&shape);
    if (w->opts->dry_run || (!changed && !w->commit.app_id)) return SILT_OK;
    if (turns_tracking_on(w, &shape)) {
        int64_t files, bytes;
        SILT_TRY(silt_snapshot_size(current(w), &files, &bytes, err));
        if (files) {
            SILT_TRY(backfill(w, err));
            SILT_TRY(apply_steps(w, &shape, err));
            SILT_TRY(check_rows(w, &looked, err));
        }
    }
    return commit_steps(w, &shape, looked, err);
}

silt_status silt_table_alter(silt_snapshot *snapshot, const silt_table_step *steps,
                             size_t step_count, const silt_table_options *given, silt_arena *arena,
                             silt_table_result *out, silt_error *err)
{
    silt_table_options opts = given ? *given : (silt_table_options)SILT_TABLE_OPTIONS_INIT;
    SILT_CLEAN(work)
    w = {.base = snapshot, .steps = steps, .count = step_count, .opts = &opts, .arena = arena};
    w.result = (silt_table_result){.outcome = SILT_TABLE_UNCHANGED,
                                   .committed_version = -1,
                                   .table_version = silt_snapshot_version(snapshot)};
    if (!step_count) return silt_fail(err, SILT_INVALID, "nothing to alter was given");
    SILT_TRY(silt_commit_take(opts.commit, &w.commit, err));
    silt_status st = alter(&w, err);
    if (st != SILT_OK) {
        bool ours = err && silt_starts_with(err->message, silt_snapshot_store(snapshot)->uri);
        return ours ? st : silt_wrap(err, st, "%s", silt_snapshot_store(snapshot)->uri);
    }
    *out = w.result;
    return SILT_OK;
}
