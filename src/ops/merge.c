/* MERGE: source rows against the table's, and what clauses say becomes of both.
 *
 * Invariants
 *  (1) The source is read once, however often the merge has to be decided anew; only a table whose
 *      columns have changed meanwhile has it read again.
 *  (2) Each row of the source is accounted for, file by file, and so is each row that goes from a
 *      file of the table: before every commit. */
#include "ops/merge.h"

#include "ops/write.h"

/* ---- the edit */

static silt_status find(silt_edit *e)
{
    silt_merging *m = (silt_merging *)e->ctx;
    silt_merge_try *t = silt_arena_calloc(e->arena, 1, sizeof(*t));
    if (!t) return silt_fail_nomem(e->err);
    e->data = t;
    t->m = m;
    SILT_TRY(silt_merge_plan(e, m));
    t->metadata = m->shape ? &m->shape->metadata : &e->state->metadata;
    t->schema = m->shape ? m->shape->schema : e->schema;
    e->new_metadata = t->metadata;
    e->new_schema = t->schema;
    e->more = m->shape != NULL;
    if (m->compression) e->compression = m->compression;
    SILT_TRY(silt_merge_bind(e, t)); /* before anything is read */
    if (t->changes) SILT_TRY(silt_edit_check_may(e));
    SILT_TRY(silt_merge_read(e, t));
    SILT_TRY(silt_merge_match(e, t));
    return silt_conserve_sources(m->w.counts, m->w.spec->sources->file_count, e->err);
}

/* What the table becomes. */
static silt_status fill(silt_edit *e, silt_txn *txn)
{
    const silt_merging *m = e->ctx;
    if (!m->shape) return silt_txn_set_metadata(txn, e->numbered, e->err);
    silt_shape shape = *m->shape;
    if (e->numbered) shape.schema = e->numbered_schema;
    return silt_shape_apply(&shape, txn, e->err);
}

const silt_edit_op silt_merge_op = {.name = "MERGE",
                                    .find = find,
                                    .write = silt_merge_write,
                                    .put_parameters = silt_merge_put_parameters,
                                    .put_metrics = silt_merge_put_metrics,
                                    .put_read = silt_merge_put_read,
                                    .fill = fill};

/* ---- silt_merge() */

typedef struct merge_call {
    silt_writing wr; /* of it what is about sources */
    silt_merging m;
    bool star;
} merge_call;

static void merge_call_release(merge_call *c)
{
    silt_merging_release(&c->m);
    c->wr.base = NULL; /* the edit's */
    silt_work_release(&c->wr.w);
    silt_arena_free(c->wr.arena);
}

/* Columns of the table have its types, others those that are found; any may be missing. */
static silt_status plan_source(merge_call *c, silt_edit *e)
{
    silt_writing *wr = &c->wr;
    silt_type *loose = silt_arena_calloc(wr->arena, 1, sizeof(*loose));
    silt_field *fields = silt_arena_calloc(wr->arena, e->schema->field_count + 1, sizeof(*fields));
    if (!loose || !fields) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < e->schema->field_count; i++) {
        fields[i] = e->schema->fields[i];
        fields[i].nullable = true;
    }
    *loose = (silt_type){
        .kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = e->schema->field_count};
    wr->sources.foreign = true;
    wr->sources.on_new_column = SILT_NEW_COLUMN_EVOLVE;
    wr->sources.declared_schema = wr->source->no_header ? loose : NULL;
    return silt_sources_plan(wr->engine, &wr->sources, loose, wr->arena, &wr->plan, NULL, e->err);
}

static silt_status plan(void *ctx, silt_edit *e, silt_merging *m)
{
    merge_call *c = ctx;
    silt_writing *wr = &c->wr;
    wr->err = wr->w.err = e->err;
    wr->plan = (silt_source_plan){0};
    wr->w.shape = NULL;
    if (wr->opts.schema_mode != SILT_SCHEMA_MERGE || !c->star) return plan_source(c, e);
    wr->base = e->snapshot;
    silt_status st = silt_write_shape(wr);
    wr->base = NULL;
    SILT_TRY(st);
    m->shape = wr->w.shape && silt_shape_changed(wr->w.shape) ? wr->w.shape : NULL;
    return SILT_OK;
}

static silt_status take(merge_call *c, silt_snapshot *snapshot, const silt_merge_options *o,
                        const silt_edit_options *opts, silt_error *err)
{
    silt_writing *wr = &c->wr;
    bool keys = o->keys && o->keys[0];
    if (o->struct_size < sizeof(*o))
        return silt_fail(err, SILT_INVALID, "silt_merge_options: struct_size isn't set");
    if (keys == (o->on != NULL))
        return silt_fail(err, SILT_INVALID, "merge: %s",
                         keys ? "keys and a condition: only one says which rows match"
                              : "neither keys nor a condition say which rows match");
    if (o->schema_mode == SILT_SCHEMA_OVERWRITE)
        return silt_fail(err, SILT_INVALID, "merge: the schema can grow, not be overwritten");
    for (size_t i = 0; i < o->clause_count; i++)
        c->star |= o->clauses[i].star;
    wr->opts.schema_mode = o->schema_mode;
    c->m = (silt_merging){
        .on = o->on,
        .keys = keys ? o->keys : NULL,
        .target_alias = o->target_alias,
        .source_alias = o->source_alias,
        .clauses = o->clauses,
        .clause_count = o->clause_count,
        .twice = o->newest_by ? SILT_TWICE_NEWEST : SILT_TWICE_FINE,
        .newest_by = o->newest_by,
        .grows = o->schema_mode == SILT_SCHEMA_MERGE,
        .target_file_bytes = opts ? opts->target_file_bytes : 0,
        .plan = plan,
        .plan_ctx = c,
        .arena = wr->arena,
        .err = err,
        .w = {.snapshot = snapshot, .spec = &wr->spec, .arena = wr->arena, .err = err}};
    wr->spec = (silt_change_spec){.sources = &wr->sources, .plan = &wr->plan, .attempt = wr->id};
    return silt_write_check(wr);
}

static silt_status run(merge_call *c, silt_snapshot *snapshot, const silt_merge_options *o,
                       const silt_edit_options *opts, silt_merge_result *out, silt_snapshot **after,
                       silt_error *err)
{
    silt_writing *wr = &c->wr;
    silt_edit_result edit;
    wr->arena = silt_arena_new();
    if (!wr->arena) return silt_fail_nomem(err);
    wr->w.arena = wr->arena;
    wr->w.err = err;
    silt_uuid(NULL, wr->id);
    if (!wr->engine)
        return silt_fail(err, SILT_INVALID, "the snapshot was opened without an engine");
    SILT_TRY(take(c, snapshot, o, opts, err));
    SILT_TRY(silt_write_look(wr));
    SILT_TRY(silt_write_keep(wr));
    SILT_TRY(silt_edit_run(snapshot, &silt_merge_op, &c->m, opts, &edit, after, err));
    *out = c->m.result;
    out->edit = edit;
    if (edit.outcome == SILT_EDIT_ALREADY_DONE || edit.outcome == SILT_EDIT_OVERTAKEN)
        *out = (silt_merge_result){.edit = edit};
    return SILT_OK;
}

silt_status silt_merge(silt_snapshot *snapshot, const silt_write_source *source,
                       const silt_merge_options *merge, const silt_edit_options *opts,
                       silt_merge_result *out, silt_snapshot **after, silt_error *err)
{
    SILT_CLEAN(merge_call)
    c = {.wr = {.store = silt_snapshot_store(snapshot),
                .engine = silt_snapshot_engine(snapshot),
                .source = source,
                .opts = SILT_WRITE_OPTIONS_INIT,
                .err = err}};
    return run(&c, snapshot, merge, opts, out, after, err);
}
