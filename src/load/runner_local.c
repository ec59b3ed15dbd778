/* Jobs done in this process: configuration → ops. */
#include "load/runner_own.h"
#include "load/evidence.h"
#include "load/feed.h"
#include "load/raw_store.h"
#include "silt/table.h"

#define DELETION_VECTORS "delta.enableDeletionVectors"
#define FILE_BYTES       (INT64_C(128) << 20)
#define TEXT_PER_PARQUET 4 /* about */

/* What the target lacks of the policy it gets now, in a commit that changes no rows. */
static silt_status apply_policy(silt_target *target, const silt_policy *policy, silt_error *err)
{
    silt_snapshot *after = NULL;
    if (!target->there) return SILT_OK;
    silt_status st = silt_policy_apply(target->snapshot, policy, &after, err);
    if (st != SILT_OK) return silt_wrap(err, st, "table %s", target->table->name);
    if (after)
        silt_target_delta_committed(target, after,
                                    silt_snapshot_app_version(after, target->app_id));
    return SILT_OK;
}

/* Deletion vectors in a table that stands: its protocol rises, which others have to know. */
static silt_status turn_on_vectors(const silt_job *job, silt_arena *arena, silt_error *err)
{
    static const silt_table_step step = {SILT_STEP_SET_PROPERTY, DELETION_VECTORS, "true"};
    silt_target *target = job->target;
    silt_table_result result;
    silt_snapshot *after = NULL;
    if (!target->there || job->table->deletion_vectors != SILT_VECTORS_ON) return SILT_OK;
    const silt_log_state *state = silt_snapshot_state(target->snapshot);
    if (silt_feature_deletion_vectors(&state->protocol, &state->metadata)) return SILT_OK;
    silt_status st = silt_table_alter(target->snapshot, &step, 1, NULL, arena, &result, err);
    if (st == SILT_OK) st = silt_snapshot_refresh(target->snapshot, &after, err);
    if (st != SILT_OK) return silt_wrap(err, st, "table %s: deletion_vectors", job->table->name);
    silt_target_delta_committed(target, after, silt_snapshot_app_version(after, target->app_id));
    char *said = silt_arena_printf(arena,
                                   "{\"level\":\"info\",\"text\":\"table %s: deletion vectors are "
                                   "turned on, its readers have to know them\"}",
                                   job->table->name);
    if (job->event && said) job->event(job->ctx, "message", said);
    return SILT_OK;
}

static silt_status prepare(silt_runner *runner, const silt_job *job, silt_bad_sources *bad,
                           silt_arena *arena, silt_error *err)
{
    silt_own_runner *r = (silt_own_runner *)runner;
    const silt_config_table *table = job->table;
    silt_own_runner_begin(r, job);
    silt_target *target = job->target;
    SILT_TRY(apply_policy(target, &table->policy, err));
    SILT_TRY(turn_on_vectors(job, arena, err));
    const silt_type *schema = target->there ? silt_snapshot_schema(target->snapshot) : NULL;
    return silt_sources_plan(r->engine, &r->sources, schema, r->arena, &r->plan, bad, err);
}

/* A place that holds other things is nobody's table to make. */
typedef struct foreign {
    bool into_raw; /* the target is a folder of raw files */
    bool found, delta, raw;
} foreign;

static bool foreign_object(void *ctx, const silt_object *object)
{
    foreign *f = ctx;
    f->raw = !f->into_raw && silt_starts_with(object->key, "_silt/log/");
    f->delta = silt_starts_with(object->key, SILT_LOG_DIR);
    f->found = f->raw || !silt_starts_with(object->key, "_silt/");
    return !f->found;
}

static silt_status check_place(const silt_target *target, silt_error *err)
{
    bool raw = target->raw != NULL;
    foreign f = {.into_raw = raw};
    silt_store *store = raw ? silt_raw_store_folder(target->store) : target->store;
    SILT_TRY(store->ops->list(store, "", NULL, true, foreign_object, &f, err));
    if (!f.found) return SILT_OK;
    silt_fail(err, SILT_INVALID, "table %s: %s is %s", target->table->name, store->uri,
              raw && f.delta ? "a Delta table: other files among its own would be nobody's"
              : f.raw        ? "a folder of raw files that Silt has made"
              : raw          ? "not empty: it holds files that Silt hasn't made"
                             : "not a Delta table, and not empty");
    return silt_hint(err, SILT_INVALID,
                     raw && f.delta ? "write.format: delta loads into it; or give write.path a new "
                                      "or empty folder"
                                    : "give write.path a new or empty folder");
}

static silt_status create(silt_runner *runner, const silt_job *job, silt_error *err)
{
    silt_own_runner *r = (silt_own_runner *)runner;
    silt_txn_options txn = SILT_TXN_OPTIONS_INIT;
    SILT_TRY(check_place(job->target, err));
    if (job->table->format == SILT_TARGET_CSV)
        SILT_TRY(silt_raw_text_check(r->plan.schema, job->target->store->uri, err));
    txn.retry = job->table->commit_retry;
    txn.clock = job->clock;
    txn.random = job->random;
    txn.event = job->event;
    txn.event_ctx = job->ctx;
    const bool raw = job->target->raw;
    bool marks = !raw && (job->table->deletion_vectors == SILT_VECTORS_ON ||
                          (job->table->deletion_vectors == SILT_VECTORS_AUTO &&
                           (job->table->strategy == SILT_STRATEGY_UPSERT ||
                            job->table->strategy == SILT_STRATEGY_SCD2)));
    silt_pair properties[SILT_RAW_PROPERTIES + 1];
    size_t count = raw ? silt_target_raw_properties(job->target, properties) : 0;
    if (marks) properties[count++] = (silt_pair){DELETION_VECTORS, "true"};
    silt_txn_result result; /* CONFLICT: somebody else made it */
    return silt_create_table(job->target->store, r->engine, r->plan.schema,
                             job->table->partition_by, job->table->partition_count,
                             (silt_pairs){properties, count}, &job->table->policy, &txn, &result,
                             err);
}

static silt_status say_replaced(const silt_job *job, silt_arena *arena, silt_change_spec *spec,
                                silt_error *err)
{
    spec->replaces =
        silt_evidence_condition(job->target, job->replaced, job->replaced_count, arena);
    for (size_t i = 0; i < job->replaced_count; i++)
        spec->replaced_rows += job->replaced[i].row_count;
    return spec->replaces ? SILT_OK : silt_fail_nomem(err);
}

static silt_status apply_once(silt_runner *runner, const silt_job *job, silt_arena *arena,
                              silt_change_result *out, silt_bad_sources *bad, silt_error *err)
{
    silt_own_runner *r = (silt_own_runner *)runner;
    const silt_config_table *table = job->table;
    silt_snapshot *snapshot = job->target->snapshot, *after = NULL;
    silt_change_spec spec = {
        .sources = &r->sources,
        .plan = &r->plan,
        .load_time_us = job->load_time_us,
        .batch_id = job->number,
        .attempt = job->attempt,
        .keys = table->keys,
        .key_count = table->key_count,
        .newest_by = table->newest_by,
        .last_counts = table->feed != NULL,
        .partitions_only = table->overwrite_partitions,
        .constraints = table->policy.constraints,
        .constraint_count = table->policy.constraint_count,
        .txn = SILT_TXN_OPTIONS_INIT,
        .before_commit = job->before_commit,
        .silt_info = job->silt_info,
        .ctx = job->ctx,
    };
    if (table->format == SILT_TARGET_CSV) /* what is staged first takes less room than its text */
        spec.target_file_bytes =
            (table->policy.target_file_bytes ? table->policy.target_file_bytes : FILE_BYTES) /
            TEXT_PER_PARQUET;
    spec.txn.app_id = job->app_id;
    spec.txn.app_version = job->number;
    spec.txn.retry = table->commit_retry;
    spec.txn.clock = job->clock;
    spec.txn.random = job->random;
    spec.txn.event = job->event;
    spec.txn.event_ctx = job->ctx;
    if (job->replaced_count) SILT_TRY(say_replaced(job, arena, &spec, err));
    silt_status st;
    switch (table->strategy) {
    case SILT_STRATEGY_UPSERT:
    case SILT_STRATEGY_APPEND_ONCE:
    case SILT_STRATEGY_SCD2:
        spec.scd2 = table->scd2;
        spec.insert_only = table->strategy == SILT_STRATEGY_APPEND_ONCE;
        st = silt_upsert(snapshot, &spec, arena, out, &after, bad, err);
        break;
    case SILT_STRATEGY_OVERWRITE:
        st = silt_overwrite(snapshot, &spec, arena, out, &after, bad, err);
        break;
    case SILT_STRATEGY_APPEND:
    default:
        st = silt_append(snapshot, &spec, arena, out, &after, bad, err);
    }
    if (st == SILT_OK && out->txn.outcome == SILT_TXN_COMMITTED)
        silt_target_delta_committed(job->target, after, job->number);
    return st;
}

static silt_status apply(silt_runner *runner, const silt_job *job, silt_arena *arena,
                         silt_change_result *out, silt_bad_sources *bad, silt_error *err)
{
    return silt_own_runner_apply(runner, job, apply_once, arena, out, bad, err);
}

/* Another writer without put-if-absent may have replaced our commit after it stood. */
static silt_status verify(silt_runner *runner, const silt_job *job, const silt_txn_result *txn,
                          silt_arena *arena, silt_error *err)
{
    (void)runner;
    silt_commit_info info;
    silt_store *store = job->target->store;
    SILT_TRY(silt_log_commit_info(store, txn->version, arena, &info, err));
    if (silt_streq(info.txn_id, txn->txn_id)) return SILT_OK;
    silt_fail(err, SILT_INCONSISTENT, "version %" PRId64 " of %s was overwritten by %s",
              txn->version, store->uri, info.engine_info ? info.engine_info : "another writer");
    return silt_hint(
        err, SILT_INCONSISTENT,
        "a writer without atomic commits works on this table; stop it, then run again");
}

static const silt_runner_ops local_ops = {
    prepare, create, apply, verify, silt_own_runner_free, silt_own_runner_schema};

silt_runner *silt_runner_local_new(silt_engine *engine)
{
    return silt_own_runner_new(&local_ops, engine);
}
