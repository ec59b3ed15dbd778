/* A merge's source: its columns, and one read of it for all tries. */
#include "ops/scd2.h"
#include "ops/source.h"

/* ---- the order of files decides which row is the last one of a key */

static size_t source_files(const silt_work *w)
{
    size_t count = 0;
    for (size_t g = 0; g < w->group_count; g++)
        count += w->groups[g].file_count;
    return count;
}

/* Groups as runs of neighbours, so that files come in the order they were given in. */
static silt_status keep_order(silt_work *w)
{
    size_t total = source_files(w), count = w->spec->sources->file_count;
    if (w->group_count < 2) return SILT_OK;
    size_t *group_by_file = silt_arena_calloc(w->arena, count, sizeof(*group_by_file));
    const silt_source_file **as_read = silt_arena_calloc(w->arena, count, sizeof(*as_read));
    silt_source_group *groups = silt_arena_calloc(w->arena, total, sizeof(*groups));
    silt_source_file *files = silt_arena_calloc(w->arena, total, sizeof(*files));
    size_t *index = silt_arena_calloc(w->arena, total, sizeof(*index));
    if (!group_by_file || !as_read || !groups || !files || !index) return silt_fail_nomem(w->err);
    for (size_t g = 0, at = 0; g < w->group_count; g++)
        for (size_t i = 0; i < w->groups[g].file_count; i++, at++) {
            group_by_file[w->file_index[at]] = g + 1; /* 0: in none, it is empty */
            as_read[w->file_index[at]] = &w->groups[g].files[i];
        }
    size_t at = 0, runs = 0, last = 0;
    for (size_t i = 0; i < count; i++) {
        if (!group_by_file[i]) continue;
        if (group_by_file[i] != last) {
            last = group_by_file[i];
            groups[runs] = w->groups[last - 1];
            groups[runs].files = files + at;
            groups[runs++].file_count = 0;
        }
        groups[runs - 1].file_count++;
        index[at] = i;
        files[at++] = *as_read[i];
    }
    w->groups = groups;
    w->group_count = runs;
    w->file_index = index;
    return SILT_OK;
}

/* ---- columns */

/* What a source doesn't have is none of its columns, unless its rows replace those of the table:
 * then it is null, but for what the table gives a value. */
static bool has_column(const silt_merging *m, const silt_type *schema, const silt_output_column *c)
{
    if (silt_scd2_is_column(m->scd2, c->name)) return false;
    if (silt_streq(c->name, m->w.spec->sources->deletes)) return true; /* empty files don't say */
    if (c->kind != SILT_OUTPUT_SOURCE || silt_work_given(&m->w, c->name) != SILT_GIVEN_NONE)
        return true;
    int at = silt_type_find(schema, c->name);
    return m->replaces && at >= 0 && !silt_field_has_value(&schema->fields[at]);
}

/* Rows of files that lack a column which others have get its default, as appended ones do. */
static silt_status take_default(silt_merging *m, const silt_type *schema, silt_output_column *c)
{
    int at = silt_type_find(schema, c->name);
    if (at < 0 || c->kind != SILT_OUTPUT_SOURCE ||
        silt_work_given(&m->w, c->name) != SILT_GIVEN_SOME)
        return SILT_OK;
    return silt_write_default(&schema->fields[at], m->arena, &c->expr, m->err);
}

/* Where an empty text partitions it is null: as a key it has to meet the null that it became. */
static bool empty_is_null(const silt_merging *m, const silt_output_column *c)
{
    if (c->type->kind != SILT_TYPE_STRING || c->kind == SILT_OUTPUT_SOURCE_FILE) return false;
    if (!m->w.metadata) return false; /* the target is a database */
    bool as_stored = m->as_stored;
    for (size_t i = 0; m->keys && m->keys[i]; i++)
        as_stored |= silt_streq(m->keys[i], c->name);
    return as_stored && silt_names_have(m->w.metadata->partition_columns, c->name);
}

static silt_status take_columns(silt_merging *m)
{
    const silt_source_plan *plan = m->w.spec->plan;
    silt_output_column *columns =
        silt_arena_calloc(m->arena, plan->column_count + 1, sizeof(*columns));
    silt_field *fields = silt_arena_calloc(m->arena, plan->column_count + 1, sizeof(*fields));
    if (!columns || !fields) return silt_fail_nomem(m->err);
    size_t count = 0;
    for (size_t i = 0; i < plan->column_count; i++) {
        if (!has_column(m, plan->schema, &plan->columns[i])) continue;
        silt_output_column *c = &columns[count];
        *c = plan->columns[i];
        c->not_null = c->not_null && m->replaces;
        c->empty_is_null = empty_is_null(m, c);
        SILT_TRY(take_default(m, plan->schema, c));
        if (c->kind == SILT_OUTPUT_VALUE)
            c->value = silt_streq(c->name, SILT_COLUMN_LOAD_TIMESTAMP) ? m->w.spec->load_time_us
                                                                       : m->w.spec->batch_id;
        fields[count++] = (silt_field){c->name, c->type, true, "{}"};
    }
    if (!count) return silt_fail(m->err, SILT_INVALID, "the source has no columns");
    m->w.columns = (silt_write_columns){.columns = columns, .column_count = count};
    m->schema = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = count};
    if (m->checks)
        SILT_TRY(silt_work_checks(m->w.spec, &m->schema, m->arena, &m->w.columns, m->err));
    return m->scd2 ? silt_scd2_check_source(m) : SILT_OK;
}

/* ---- reading */

/* By which columns of the source rows are told apart: those of `on` that are compared as they are.
 */
static silt_status dedup_keys(silt_merging *m, const silt_merge_try *t, const char ***out)
{
    const char **keys = silt_arena_calloc(m->arena, t->equal_count + 2, sizeof(*keys));
    if (!keys) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < t->equal_count; i++) {
        const silt_expr *s = t->equals[i].source;
        bool plain = s->kind == SILT_EXPR_COLUMN && s->path_count == 2;
        if (!plain)
            return silt_fail(m->err, SILT_INVALID,
                             "newest by: rows of the source are told apart by columns, and the "
                             "condition compares something else");
        keys[i] = s->path[1];
    }
    if (!t->equal_count)
        return silt_fail(m->err, SILT_INVALID,
                         "newest by: the condition says of no columns that they are equal");
    *out = keys;
    if (!m->newest_by || silt_type_find(&m->schema, m->newest_by) >= 0) return SILT_OK;
    silt_fail(m->err, SILT_INVALID, "newest by: the source has no column %s", m->newest_by);
    return silt_hint(m->err, SILT_INVALID, "column names are matched exactly");
}

static void forget(silt_merging *m)
{
    if (m->join) m->w.engine->ops->join_free(m->join);
    m->join = NULL;
    m->read_with = NULL;
}

silt_status silt_merge_columns(silt_merging *m)
{
    SILT_TRY(silt_work_look(&m->w));
    SILT_TRY(keep_order(&m->w));
    return take_columns(m);
}

silt_status silt_merge_plan(silt_edit *e, silt_merging *m)
{
    const char *schema = e->state->metadata.schema_json;
    m->err = m->w.err = e->err;
    if (m->read_with && silt_streq(m->read_with, schema)) return SILT_OK;
    forget(m);
    m->w.store = e->store;
    m->w.engine = e->engine;
    m->shape = NULL;
    m->w.bad.count = 0;
    SILT_TRY(m->plan(m->plan_ctx, e, m));
    m->w.metadata = m->shape ? &m->shape->metadata : &e->state->metadata;
    return silt_merge_columns(m);
}

silt_status silt_merge_begin(silt_merging *m, const char *const *keys, size_t key_count)
{
    silt_work *w = &m->w;
    silt_engine *engine = w->engine;
    silt_join_spec spec = {.stage = silt_work_stage_spec(w),
                           .keys = keys,
                           .key_count = key_count,
                           .twice = m->twice,
                           .newest_by = m->newest_by};
    spec.stage.write =
        (silt_write_spec){.checks = w->columns.checks, .check_count = w->columns.check_count};
    m->source = (silt_join_source){0};
    silt_status st = engine->ops->join_begin(engine, &spec, m->arena, &m->join, &m->source, m->err);
    const silt_stage_result checked = {.violations = m->source.violations,
                                       .violation_count = m->source.violation_count};
    st = silt_work_after_stage(w, &checked, st);
    SILT_TRY(silt_work_after_read(w, st));
    size_t count = source_files(w);
    for (size_t i = 0; i < count; i++) {
        silt_source_counts *n = &w->counts[w->file_index[i]];
        n->read = m->source.read[i];
        n->deduplicated = m->source.deduplicated[i];
    }
    silt_work_sum(w);
    return SILT_OK;
}

silt_status silt_merge_read(silt_edit *e, silt_merge_try *t)
{
    silt_merging *m = t->m;
    const char **keys = NULL;
    size_t count = 0;
    if (m->join) return SILT_OK;
    int64_t started_us = silt_now_us(NULL);
    if (m->twice != SILT_TWICE_FINE) {
        SILT_TRY(dedup_keys(m, t, &keys));
        count = t->equal_count;
        /* Rows of a key that are true since other times are other versions. */
        if (m->scd2 && m->scd2->effective_from) keys[count++] = m->scd2->effective_from;
    }
    SILT_TRY(silt_merge_begin(m, keys, count));
    m->read_us = silt_now_us(NULL) - started_us;
    m->read_with = silt_arena_strdup(m->arena, e->state->metadata.schema_json);
    return m->read_with ? SILT_OK : silt_fail_nomem(e->err);
}

void silt_merging_release(silt_merging *m)
{
    if (m->w.engine) forget(m);
    silt_work_release(&m->w);
}
