/* What append and upsert share: folders, columns, watching the source files, publishing,
 * committing.
 *
 * Invariants
 *  (1) Nothing that was published before a failure stays, unless a commit was tried.
 *  (2) Once a commit was tried, published files are left alone: only the log knows whether they
 * count. (3) A source file that isn't the same before and after it was read is never committed. */
#include "ops/work.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ops/edit.h"
#include "table/expr_tree.h"

/* ---- source files stay as they are */

static void look_at_file(const char *path, silt_work_file *out)
{
    struct stat s;
    *out = (silt_work_file){0};
    if (stat(path, &s) != 0) return;
    out->there = true;
    out->size_bytes = s.st_size;
    out->mtime_ns = s.st_mtim.tv_sec * INT64_C(1000000000) + s.st_mtim.tv_nsec;
}

silt_status silt_work_blame(silt_work *w, size_t file, silt_status status, const char *why)
{
    for (size_t i = 0; i < w->bad.count; i++) {
        if (w->bad.items[i].index != file) continue;
        if (status == SILT_CHANGED) w->bad.items[i].status = status; /* explains all the rest */
        return SILT_OK;
    }
    silt_bad_source bad = {file, status, silt_arena_strdup(w->arena, why)};
    return bad.why && silt_vec_push(&w->bad, bad) ? SILT_OK : silt_fail_nomem(w->err);
}

static void bad_source(void *ctx, size_t index, silt_status status, const char *why)
{
    silt_work *w = ctx;
    (void)silt_work_blame(w, w->file_index[index], status,
                          why); /* out of memory: the engine fails anyway */
}

silt_status silt_work_after_read(silt_work *w, silt_status st)
{
    const silt_sources *sources = w->spec->sources;
    bool changed = false;
    for (size_t i = 0; i < sources->file_count; i++) {
        silt_work_file now;
        look_at_file(sources->files[i].local_path, &now);
        const silt_work_file *before = &w->before[i];
        if (now.there && before->there && now.size_bytes == before->size_bytes &&
            now.mtime_ns == before->mtime_ns)
            continue;
        SILT_TRY(silt_work_blame(w, i, SILT_CHANGED,
                                 now.there ? "the file changed while it was read"
                                           : "the file went away while it was read"));
        if (!changed && (st == SILT_OK || st == SILT_BAD_DATA || st == SILT_FAILED))
            (void)silt_fail(w->err, SILT_CHANGED, "%s: %s", sources->files[i].name,
                            w->bad.items[w->bad.count - 1].why);
        changed = true;
    }
    return changed && (st == SILT_OK || st == SILT_BAD_DATA || st == SILT_FAILED) ? SILT_CHANGED
                                                                                  : st;
}

silt_status silt_work_give_bad(silt_work *w, silt_status st, silt_bad_sources *out)
{
    if (!out || !w->bad.count) return st;
    silt_bad_source *items = silt_arena_calloc(w->arena, w->bad.count, sizeof(*items));
    if (!items) return silt_fail_nomem(w->err);
    memcpy(items, w->bad.items, w->bad.count * sizeof(*items));
    *out = (silt_bad_sources){items, w->bad.count};
    return st;
}

/* ---- before */

silt_given silt_work_given(const silt_work *w, const char *name)
{
    const silt_source_plan *plan = w->spec->plan;
    size_t some = 0;
    for (size_t i = 0; i < plan->column_count; i++)
        if (plan->columns[i].kind != SILT_OUTPUT_SOURCE && silt_streq(plan->columns[i].name, name))
            return SILT_GIVEN_ALL;
    for (size_t g = 0; g < plan->group_count; g++) {
        const silt_source_group *group = &plan->groups[g];
        size_t at = 0;
        while (at < group->column_count && !silt_streq(group->columns[at].name, name))
            at++;
        some += at < group->column_count;
    }
    if (!some) return SILT_GIVEN_NONE;
    return some == plan->group_count ? SILT_GIVEN_ALL : SILT_GIVEN_SOME;
}

static silt_given given(void *ctx, const char *name)
{
    return silt_work_given(ctx, name);
}

/* Columns as the table asks for them, with the audit columns' values. */
static silt_status fill_columns(silt_work *w)
{
    const silt_source_plan *plan = w->spec->plan;
    silt_status st =
        silt_write_columns_of(w->metadata, w->schema, w->given ? w->given : given,
                              w->given ? w->given_ctx : w, w->arena, &w->columns, w->err);
    if (st != SILT_OK) return silt_wrap(w->err, st, "%s", w->store->uri);
    for (size_t i = 0; i < plan->column_count; i++) {
        if (plan->columns[i].kind == SILT_OUTPUT_SOURCE) continue;
        silt_output_column *c = &w->columns.columns[i];
        bool time = silt_streq(c->label, SILT_COLUMN_LOAD_TIMESTAMP);
        c->kind = plan->columns[i].kind;
        c->source = NULL;
        if (c->kind == SILT_OUTPUT_RESCUED) continue;
        c->value = time ? w->spec->load_time_us : w->spec->batch_id;
    }
    return SILT_OK;
}

silt_status silt_work_spare_deletes(const char *column, silt_arena *arena, silt_check *checks,
                                    size_t count, silt_error *err)
{
    static const silt_type boolean = {.kind = SILT_TYPE_BOOLEAN};
    silt_expr *deletes = silt_arena_calloc(arena, 1, sizeof(*deletes));
    const char **path = silt_arena_calloc(arena, 1, sizeof(*path));
    if (!deletes || !path) return silt_fail_nomem(err);
    *path = column;
    *deletes =
        (silt_expr){.kind = SILT_EXPR_COLUMN, .type = &boolean, .path = path, .path_count = 1};
    for (size_t i = 0; i < count; i++) {
        const silt_expr *either[] = {deletes, checks[i].condition};
        checks[i].condition = silt_expr_call(arena, SILT_OP_OR, &boolean, either, 2);
        if (!checks[i].condition) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

silt_status silt_work_checks(const silt_change_spec *spec, const silt_type *schema,
                             silt_arena *arena, silt_write_columns *c, silt_error *err)
{
    if (!spec->constraint_count) return SILT_OK;
    silt_check *checks =
        silt_arena_calloc(arena, c->check_count + spec->constraint_count, sizeof(*checks));
    if (!checks) return silt_fail_nomem(err);
    if (c->check_count) memcpy(checks, c->checks, c->check_count * sizeof(*checks));
    for (size_t i = 0; i < spec->constraint_count; i++) {
        const silt_policy_constraint *given = &spec->constraints[i];
        silt_check *check = &checks[c->check_count];
        if (given->persist) continue;
        check->asked = true;
        check->warns = given->on_violation == SILT_VIOLATION_WARN;
        check->name = silt_arena_printf(arena, "constraint %s (%s)", given->name, given->check);
        if (!check->name) return silt_fail_nomem(err);
        silt_status st = silt_expr_condition(given->check, schema, arena, &check->condition, err);
        if (st != SILT_OK) return silt_wrap(err, st, "constraint %s", given->name);
        c->check_count++;
    }
    c->checks = checks;
    const char *deletes = spec->sources ? spec->sources->deletes : NULL;
    if (!deletes || silt_type_find(schema, deletes) < 0) return SILT_OK;
    return silt_work_spare_deletes(deletes, arena, checks, c->check_count, err);
}

/* New columns are the table's from this commit on. */
static silt_status fill_metadata(silt_work *w)
{
    if (w->metadata) return SILT_OK;
    w->metadata = &silt_snapshot_state(w->snapshot)->metadata;
    w->schema = w->spec->plan->schema;
    if (!w->spec->plan->schema_grows) return SILT_OK;
    w->shape = silt_arena_calloc(w->arena, 1, sizeof(*w->shape));
    if (!w->shape) return silt_fail_nomem(w->err);
    SILT_TRY(silt_shape_of(w->snapshot, w->arena, w->shape, w->err));
    SILT_TRY(silt_work_grow(w->shape, w->schema, w->err));
    w->metadata = &w->shape->metadata;
    w->schema = w->shape->schema;
    return SILT_OK;
}

static silt_status grow_within(silt_shape *shape, const silt_type *old, const silt_type *new,
                               const char *path, silt_error *err);

/* `path` with its dot, "" for the table's own columns. */
static silt_status grow_struct(silt_shape *shape, const silt_type *old, const silt_type *new,
                               const char *path, silt_error *err)
{
    for (size_t i = 0; i < new->field_count; i++) {
        silt_field field = new->fields[i];
        int at = silt_type_find(old, field.name);
        SILT_CLEAN(silt_buf) name = {0};
        silt_buf_puts(&name, path);
        silt_expr_quote(field.name, '`', &name);
        if (name.failed) return silt_fail_nomem(err);
        const silt_column_place last = {0};
        if (at < 0)
            SILT_TRY(silt_shape_add_column(shape, name.data, &field, last, err));
        else
            SILT_TRY(grow_within(shape, old->fields[at].type, field.type, name.data, err));
    }
    return SILT_OK;
}

static silt_status grow_within(silt_shape *shape, const silt_type *old, const silt_type *new,
                               const char *path, silt_error *err)
{
    if (old->kind != new->kind) return SILT_OK;
    bool is_array = old->kind == SILT_TYPE_ARRAY, is_struct = old->kind == SILT_TYPE_STRUCT;
    if (!is_array && !is_struct && old->kind != SILT_TYPE_MAP) return SILT_OK;
    SILT_CLEAN(silt_buf) within = {0};
    silt_buf_printf(&within, "%s.%s", path, is_struct ? "" : is_array ? "element" : "value");
    if (within.failed) return silt_fail_nomem(err);
    return is_struct ? grow_struct(shape, old, new, within.data, err)
                     : grow_within(shape, old->element, new->element, within.data, err);
}

silt_status silt_work_grow(silt_shape *shape, const silt_type *schema, silt_error *err)
{
    return grow_struct(shape, shape->schema, schema, "", err);
}

static silt_status make_folder(silt_work *w, const char *name, const char **out)
{
    char *path = silt_arena_printf(w->arena, "%s/%s", w->scratch, name);
    if (!path) return silt_fail_nomem(w->err);
    if (mkdir(path, 0700) != 0) return silt_fail_errno(w->err, errno, "make folder %s", path);
    *out = path;
    return SILT_OK;
}

silt_status silt_work_scratch(silt_store *store, const char *attempt, silt_arena *arena,
                              const char **out, silt_error *err)
{
    silt_status st = silt_scratch_make(store, attempt, arena, out, err);
    if (st != SILT_EXISTS) return st;
    char *key = silt_arena_printf(arena, "_silt/scratch/%s", attempt);
    const char *left = key ? silt_store_local_path(store, key, arena) : NULL;
    if (left) silt_scratch_remove(left);
    return silt_scratch_make(store, attempt, arena, out, err);
}

static silt_status make_scratch(silt_work *w)
{
    SILT_TRY(silt_work_scratch(w->store, w->spec->attempt, w->arena, &w->scratch, w->err));
    SILT_TRY(make_folder(w, "out", &w->out_dir));
    return make_folder(w, "in", &w->in_dir);
}

silt_status silt_work_look(silt_work *w)
{
    const silt_change_spec *spec = w->spec;
    size_t count = spec->sources->file_count;
    w->before = silt_arena_calloc(w->arena, count + 1, sizeof(*w->before));
    w->counts = silt_arena_calloc(w->arena, count + 1, sizeof(*w->counts));
    if (!w->before || !w->counts) return silt_fail_nomem(w->err);
    for (size_t i = 0; i < count; i++)
        look_at_file(spec->sources->files[i].local_path, &w->before[i]);
    w->groups = (silt_source_group *)spec->plan->groups;
    w->group_count = spec->plan->group_count;
    w->file_index = spec->plan->file_index;
    return SILT_OK;
}

silt_status silt_work_init(silt_work *w)
{
    const silt_change_spec *spec = w->spec;
    if (w->snapshot) {
        w->store = silt_snapshot_store(w->snapshot);
        w->engine = silt_snapshot_engine(w->snapshot);
        const silt_log_state *state = silt_snapshot_state(w->snapshot);
        SILT_TRY(silt_feature_check_write(&state->protocol, &state->metadata, w->err));
    }
    SILT_TRY(fill_metadata(w));
    SILT_TRY(fill_columns(w));
    SILT_TRY(silt_work_checks(spec, w->schema, w->arena, &w->columns, w->err));
    w->layout.target_file_bytes = spec->target_file_bytes;
    w->layout.compression = spec->compression;
    const silt_protocol *protocol =
        w->shape ? &w->shape->protocol : &silt_snapshot_state(w->snapshot)->protocol;
    SILT_TRY(silt_layout_fill(protocol, w->metadata, w->columns.columns, w->columns.column_count,
                              w->arena, &w->layout, w->err));
    SILT_TRY(silt_work_look(w));
    return make_scratch(w);
}

void silt_work_release(silt_work *w)
{
    silt_scratch_remove(w->scratch);
    w->scratch = NULL;
    silt_vec_free(&w->bad);
}

silt_status silt_work_sorted(silt_work *w)
{
    return silt_layout_sorted_by(&w->layout.order, w->columns.columns, w->arena, &w->sorted_by,
                                 w->err);
}

silt_stage_spec silt_work_stage_spec(silt_work *w)
{
    const char *prefix =
        w->round ? silt_arena_printf(w->arena, "part-%s-r%d-", w->spec->attempt, w->round)
                 : silt_arena_printf(w->arena, "part-%s-", w->spec->attempt);
    silt_write_spec write = w->layout;
    write.directory = w->out_dir;
    write.file_prefix = prefix ? prefix : "part-";
    write.partition_by = w->columns.partition_by;
    write.partition_count = w->columns.partition_count;
    write.checks = w->columns.checks;
    write.check_count = w->columns.check_count;
    return (silt_stage_spec){
        .groups = w->groups,
        .group_count = w->group_count,
        .columns = w->columns.columns,
        .column_count = w->columns.column_count,
        .write = write,
        .bad_source = bad_source,
        .bad_source_ctx = w,
    };
}

/* ---- after */

silt_status silt_work_after_stage(silt_work *w, const silt_stage_result *staged, silt_status st)
{
    const silt_diagnostics to = {w->spec->txn.event, w->spec->txn.event_ctx};
    SILT_TRY(silt_write_violations(staged, st, w->store->uri, to.event ? &to : NULL, w->err));
    if (w->columns.identity == SIZE_MAX || !staged->identity_count) return SILT_OK;
    w->metadata_changes = true;
    return silt_write_columns_numbered(&w->columns, staged->identity_last, w->arena, &w->metadata,
                                       &w->schema, w->err);
}

void silt_work_sum(silt_work *w)
{
    silt_source_counts *t = &w->facts.total;
    *t = (silt_source_counts){0};
    for (size_t i = 0; i < w->spec->sources->file_count; i++) {
        const silt_source_counts *n = &w->counts[i];
        t->read += n->read;
        t->inserted += n->inserted;
        t->updated += n->updated;
        t->deleted += n->deleted;
        t->unchanged += n->unchanged;
        t->deduplicated += n->deduplicated;
        t->rejected += n->rejected;
    }
    w->facts.sources = w->counts;
}

silt_status silt_work_stage(silt_work *w, silt_stage_result *staged)
{
    silt_stage_spec spec = silt_work_stage_spec(w);
    silt_status st = w->engine->ops->stage(w->engine, &spec, w->arena, staged, w->err);
    SILT_TRY(silt_work_after_read(w, silt_work_after_stage(w, staged, st)));
    SILT_TRY(silt_work_sorted(w));
    size_t at = 0;
    for (size_t g = 0; g < w->group_count; g++)
        for (size_t i = 0; i < w->groups[g].file_count; i++, at++) {
            int64_t rows = staged->source_rows[at];
            w->counts[w->file_index[at]].read = w->counts[w->file_index[at]].inserted = rows;
        }
    silt_work_sum(w);
    silt_conserved c = {
        .sources = w->counts, .source_count = w->spec->sources->file_count, .staged = staged};
    return silt_conserve(&c, w->err);
}

/* The object is what was staged, byte for byte as many. */
static silt_status check_published(silt_work *w)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(w->err);
    for (size_t i = 0; i < w->add_count; i++) {
        silt_arena_reset(scratch);
        SILT_TRY(silt_conserve_object(w->store, w->adds[i].path, w->adds[i].size_bytes, scratch,
                                      w->err));
    }
    return SILT_OK;
}

void silt_work_unpublish(silt_work *w)
{
    silt_error harmless = {0};
    for (size_t i = 0; i < w->add_count; i++) {
        const char *key;
        if (silt_path_decode(w->adds[i].path, w->arena, &key, &harmless) == SILT_OK)
            (void)w->store->ops->remove(w->store, key, &harmless);
    }
    w->add_count = 0;
}

silt_status silt_work_publish(silt_work *w, const silt_stage_result *staged)
{
    silt_status st =
        silt_staged_publish(w->store, staged->files, staged->file_count, w->metadata, w->schema,
                            silt_now_ms(w->spec->txn.clock), w->arena, &w->adds, w->err);
    if (st != SILT_OK) { /* half-way: which files stand there has to be looked up */
        silt_error harmless = {0};
        (void)silt_attempt_clean(w->store, w->spec->attempt, &harmless);
        return st;
    }
    w->add_count = staged->file_count;
    st = check_published(w);
    if (st != SILT_OK) {
        silt_work_unpublish(w);
        return st;
    }
    w->facts.files_added = (int64_t)staged->file_count;
    w->facts.bytes_added = 0;
    for (size_t i = 0; i < staged->file_count; i++)
        w->facts.bytes_added += staged->files[i].size_bytes;
    return SILT_OK;
}

static silt_status fill_txn(silt_work *w, silt_txn *txn, const silt_add *const *removes,
                            size_t remove_count)
{
    if (w->shape) {
        w->shape->schema = w->schema;
        SILT_TRY(silt_shape_apply(w->shape, txn, w->err));
    } else if (w->metadata_changes) {
        SILT_TRY(silt_txn_set_metadata(txn, w->metadata, w->err));
    }
    for (size_t i = 0; i < remove_count; i++)
        SILT_TRY(silt_txn_remove(txn, removes[i], true, w->err));
    for (size_t i = 0; i < w->add_count; i++)
        SILT_TRY(silt_txn_add(txn, &w->adds[i], w->err));
    return w->edit ? silt_edit_fill(w->edit, txn) : SILT_OK;
}

static silt_status prepare(silt_work *w, silt_txn *txn, const silt_add *const *removes,
                           size_t remove_count)
{
    const silt_change_spec *spec = w->spec;
    SILT_TRY(fill_txn(w, txn, removes, remove_count));
    if (!spec->before_commit) return SILT_OK;
    return spec->before_commit(spec->ctx, &w->facts, silt_txn_id(txn), w->err);
}

silt_status silt_work_commit(silt_work *w, silt_txn_options *opts, const silt_add *const *removes,
                             size_t remove_count, silt_txn_result *out, silt_snapshot **after)
{
    const silt_change_spec *spec = w->spec;
    SILT_AUTO(silt_txn) txn = NULL;
    opts->ordering_keys = w->sorted_by;
    if (spec->silt_info) {
        opts->silt_info = spec->silt_info(spec->ctx, &w->facts, w->arena);
        if (!opts->silt_info) {
            silt_work_unpublish(w);
            return silt_fail_nomem(w->err);
        }
    }
    silt_status st = w->snapshot ? silt_txn_new(w->snapshot, opts, &txn, w->err)
                                 : silt_txn_new_table(w->store, w->engine, opts, &txn, w->err);
    if (st == SILT_OK) st = prepare(w, txn, removes, remove_count);
    if (st != SILT_OK) {
        silt_work_unpublish(w);
        return st;
    }
    return silt_txn_commit(txn, out, after, w->err);
}

/* ---- partitions */

bool silt_work_partition_key(silt_buf *key, silt_pairs values, silt_names by)
{
    silt_buf_clear(key);
    for (size_t i = 0; i < by.count; i++) {
        const char *value = silt_pairs_get(values, by.items[i]);
        silt_buf_printf(key, "%s%zu:%s", value ? "v" : "n", value ? strlen(value) : 0,
                        value ? value : "");
    }
    return !key->failed;
}
