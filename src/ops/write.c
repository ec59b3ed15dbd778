/* silt_write(): source → staged files → published → one commit.
 *
 * Invariants
 *  (1) With an app txn, of its number one commit at most ever stands: the txn is written only where
 *      the table's is lower, looked at again after every commit of others.
 *  (2) Published files are taken away again unless a commit names them or may (UNSURE).
 *  (3) What was staged for one schema is never committed to another.
 *  (4) What is replaced is decided by a version after which others only added rows, or replaced
 * none of those: as if all of it happened one after another. */
#include "ops/write.h"

#include "table/expr.h"

static void silt_writing_release(silt_writing *wr)
{
    silt_work_release(&wr->w);
    silt_scratch_remove(wr->items);
    silt_snapshot_free(wr->newer);
    silt_snapshot_free(wr->base);
    silt_snapshot_free(wr->after);
    silt_snapshot_free(wr->first);
    silt_dry_end(&wr->dry);
    silt_arena_free(wr->arena);
}

/* ---- before */

static silt_status open_table(silt_writing *wr)
{
    silt_status st = silt_snapshot_open(wr->store, wr->engine, NULL, &wr->base, wr->err);
    if (st != SILT_NOT_FOUND) return st;
    wr->base = NULL;
    return SILT_OK;
}

/* Whether there is anything to do. */
static silt_status decide(silt_writing *wr, bool *done)
{
    *done = false;
    if (!wr->base) return SILT_OK;
    SILT_TRY(silt_write_done(wr, done));
    if (*done) return SILT_OK;
    if (wr->opts.mode == SILT_WRITE_ERROR) {
        silt_fail(wr->err, SILT_EXISTS, "%s: there is a table", wr->store->uri);
        return silt_hint(wr->err, SILT_EXISTS, "mode append adds to it, overwrite replaces it");
    }
    if (wr->opts.mode != SILT_WRITE_IGNORE) return SILT_OK;
    *done = true;
    wr->result.outcome = SILT_WRITE_SKIPPED;
    wr->result.table_version = silt_snapshot_version(wr->base);
    return SILT_OK;
}

static silt_status check_table(const silt_writing *wr)
{
    if (!wr->base) return SILT_OK;
    const silt_log_state *state = silt_snapshot_state(wr->base);
    SILT_TRY(silt_feature_check_write(&state->protocol, &state->metadata, wr->err));
    if (silt_write_replaces(wr) && silt_feature_append_only(&state->protocol, &state->metadata))
        return silt_fail(wr->err, SILT_UNSUPPORTED,
                         "the table is append-only (delta.appendOnly): nothing can be replaced");
    if (wr->opts.dynamic_partitions && !state->metadata.partition_columns.count)
        return silt_fail(wr->err, SILT_INVALID, "dynamic partitions: the table isn't partitioned");
    return SILT_OK;
}

/* A table that stands gets what it lacks of the policy. */
static silt_status apply_policy(silt_writing *wr)
{
    silt_snapshot *after = NULL;
    if (!wr->base || !wr->opts.policy) return SILT_OK;
    SILT_TRY(silt_policy_apply(wr->base, wr->opts.policy, &after, wr->err));
    if (!after) return SILT_OK;
    wr->first = wr->base;
    wr->base = after;
    return SILT_OK;
}

void silt_write_constraints(const silt_writing *wr, silt_change_spec *spec)
{
    if (!wr->opts.policy) return;
    spec->constraints = wr->opts.policy->constraints;
    spec->constraint_count = wr->opts.policy->constraint_count;
}

silt_status silt_write_start(silt_writing *wr)
{
    wr->spec = (silt_change_spec){.sources = &wr->sources,
                                  .plan = &wr->plan,
                                  .attempt = wr->id,
                                  .target_file_bytes = wr->opts.target_file_bytes,
                                  .compression = silt_codec(wr->opts.compression),
                                  .txn = SILT_TXN_OPTIONS_INIT};
    if (wr->commit.diagnostics) {
        wr->spec.txn.event = wr->commit.diagnostics->event;
        wr->spec.txn.event_ctx = wr->commit.diagnostics->ctx;
    }
    silt_write_constraints(wr, &wr->spec);
    wr->w.spec = &wr->spec;
    wr->w.snapshot = wr->base;
    wr->w.store = wr->store;
    wr->w.engine = wr->engine;
    if (!wr->sources.file_count) {
        wr->w.given = silt_write_given;
        wr->w.given_ctx = wr;
    }
    return silt_work_init(&wr->w);
}

/* New rows have to be among those that are replaced. */
static silt_status add_condition(silt_writing *wr)
{
    silt_write_columns *c = &wr->w.columns;
    if (!wr->opts.where) return SILT_OK;
    silt_check *checks = silt_arena_calloc(wr->arena, c->check_count + 1, sizeof(*checks));
    const char *name =
        silt_arena_printf(wr->arena, "the condition of what is replaced (%s)", wr->opts.where);
    if (!checks || !name) return silt_fail_nomem(wr->err);
    SILT_TRY(silt_expr_condition(wr->opts.where, wr->w.schema, wr->arena, &wr->where, wr->err));
    if (c->check_count) memcpy(checks, c->checks, c->check_count * sizeof(*checks));
    checks[c->check_count++] = (silt_check){.name = name, .condition = wr->where};
    c->checks = checks;
    return SILT_OK;
}

static silt_status add_order(silt_writing *wr)
{
    silt_names keys = silt_write_names(wr->opts.ordering_keys);
    if (!keys.count) return SILT_OK;
    size_t *columns = silt_arena_calloc(wr->arena, keys.count + 1, sizeof(*columns));
    if (!columns) return silt_fail_nomem(wr->err);
    for (size_t i = 0; i < keys.count; i++) {
        columns[i] = silt_write_columns_find(&wr->w.columns, keys.items[i]);
        if (columns[i] == SIZE_MAX)
            return silt_fail(wr->err, SILT_INVALID, "ordering keys: there is no column %s",
                             keys.items[i]);
        if (wr->w.columns.columns[columns[i]].type->kind == SILT_TYPE_VARIANT)
            return silt_fail(wr->err, SILT_INVALID,
                             "ordering keys: %s is a variant, which has no order", keys.items[i]);
    }
    wr->w.layout.order = (silt_write_order){.columns = columns, .column_count = keys.count};
    return SILT_OK;
}

/* ---- the modes that write all rows */

static void give_counts(silt_writing *wr)
{
    wr->result.rows_read = wr->w.facts.total.read;
    wr->result.rows_inserted = wr->w.facts.total.inserted;
    wr->result.created = !wr->base;
}

static silt_status write_rows(silt_writing *wr)
{
    SILT_TRY(silt_write_look(wr));
    SILT_TRY(silt_write_shape(wr));
    SILT_TRY(silt_write_start(wr));
    SILT_TRY(add_condition(wr));
    SILT_TRY(add_order(wr));
    SILT_TRY(silt_write_stage(wr, &wr->staged));
    SILT_TRY(silt_work_publish(&wr->w, &wr->staged));
    silt_status st = silt_write_replaces(wr) ? silt_write_replace(wr) : SILT_OK;
    if (st != SILT_OK) {
        silt_work_unpublish(&wr->w);
        return st;
    }
    SILT_TRY(silt_write_commit(wr));
    if (wr->result.outcome == SILT_WRITE_COMMITTED) give_counts(wr);
    return SILT_OK;
}

/* ---- the call */

static silt_status write_all(silt_writing *wr)
{
    bool done;
    SILT_TRY(silt_commit_take(wr->opts.commit, &wr->commit, wr->err));
    SILT_TRY(silt_write_check(wr));
    SILT_TRY(open_table(wr));
    SILT_TRY(decide(wr, &done));
    if (done) return SILT_OK;
    SILT_TRY(check_table(wr));
    SILT_TRY(apply_policy(wr));
    silt_status st = silt_write_is_keyed(wr) ? silt_write_keyed(wr) : write_rows(wr);
    if (st == SILT_OK && wr->after && !wr->opts.dry_run) (void)silt_table_maintain(wr->after, NULL);
    return st;
}

/* ---- dry runs */

/* Nobody is to be told of commits that don't come. */
static silt_status begin_dry(silt_writing *wr)
{
    silt_commit_options *commit = silt_arena_calloc(wr->arena, 1, sizeof(*commit));
    if (!commit) return silt_fail_nomem(wr->err);
    SILT_TRY(silt_commit_take(wr->opts.commit, commit, wr->err));
    commit->diagnostics = NULL;
    wr->opts.commit = commit;
    SILT_TRY(silt_dry_begin(wr->store, wr->arena, &wr->dry, wr->err));
    wr->store = wr->dry.store;
    return SILT_OK;
}

static silt_status tell_changes(silt_writing *wr)
{
    silt_names changes;
    if (!wr->opts.arena) return SILT_OK;
    if (!wr->after) SILT_TRY(silt_snapshot_open(wr->store, wr->engine, NULL, &wr->after, wr->err));
    const silt_snapshot *before = wr->first ? wr->first : wr->base;
    SILT_TRY(silt_dry_changes(wr->result.created ? NULL : before, wr->after, wr->opts.arena,
                              &changes, wr->err));
    wr->result.changes = changes.items;
    wr->result.change_count = changes.count;
    return SILT_OK;
}

static silt_status end_dry(silt_writing *wr)
{
    silt_write_result *r = &wr->result;
    if (r->outcome != SILT_WRITE_COMMITTED && r->outcome != SILT_WRITE_UNCHANGED) return SILT_OK;
    SILT_TRY(tell_changes(wr));
    const silt_snapshot *now = wr->first ? wr->first : silt_write_current(wr);
    if (r->outcome == SILT_WRITE_COMMITTED) r->outcome = SILT_WRITE_DRY_RUN;
    r->committed_version = -1;
    r->table_version = r->created ? -1 : silt_snapshot_version(now);
    r->attempts = 0;
    return SILT_OK;
}

silt_status silt_write(silt_store *store, silt_engine *engine, const silt_write_source *source,
                       const silt_write_options *opts, silt_write_result *out,
                       silt_snapshot **after, silt_error *err)
{
    SILT_CLEAN(silt_writing)
    wr = {.store = store,
          .engine = engine,
          .source = source,
          .opts = SILT_WRITE_OPTIONS_INIT,
          .err = err,
          .result = {.committed_version = -1}};
    if (opts && opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_write_options: struct_size isn't set");
    if (opts) wr.opts = *opts;
    wr.arena = silt_arena_new();
    if (!wr.arena) return silt_fail_nomem(err);
    wr.w.arena = wr.arena;
    wr.w.err = err;
    silt_uuid(NULL, wr.id);
    if (wr.opts.dry_run) SILT_TRY(begin_dry(&wr));
    SILT_TRY(write_all(&wr));
    if (wr.opts.dry_run) SILT_TRY(end_dry(&wr));
    *out = wr.result;
    if (after) *after = wr.opts.dry_run ? NULL : SILT_TAKE(wr.after);
    if (err) *err = (silt_error){0};
    return SILT_OK;
}
