/* The keyed modes of silt_write(): a merge into a table that is there; one that isn't is made with
 * the rows in it, in one commit. */
#include "ops/scd2.h"
#include "ops/upsert.h"
#include "ops/write.h"

#define DELETION_VECTORS "delta.enableDeletionVectors"

static void take_merging(silt_writing *wr, silt_merging *m)
{
    *m = (silt_merging){.keys = wr->opts.keys,
                        .compression = silt_codec(wr->opts.compression),
                        .target_file_bytes = wr->opts.target_file_bytes,
                        .arena = wr->arena,
                        .err = wr->err,
                        .w = {.snapshot = wr->base,
                              .store = wr->store,
                              .engine = wr->engine,
                              .spec = &wr->spec,
                              .arena = wr->arena,
                              .err = wr->err}};
    wr->spec = (silt_change_spec){.sources = &wr->sources,
                                  .plan = &wr->plan,
                                  .load_time_us = silt_now_us(NULL),
                                  .attempt = wr->id};
    silt_write_constraints(wr, &wr->spec);
}

static void give_counts(silt_writing *wr, const silt_merging *m)
{
    const silt_source_counts *n = &m->w.facts.total;
    wr->result.rows_read = n->read;
    wr->result.rows_inserted = n->inserted;
    wr->result.rows_updated = n->updated;
    wr->result.rows_unchanged = n->unchanged;
    wr->result.rows_deduplicated = n->deduplicated;
}

static silt_status take_clauses(silt_writing *wr, silt_merging *m)
{
    if (wr->opts.mode == SILT_WRITE_SCD2)
        return silt_scd2_clauses(m, &wr->scd2, wr->opts.newest_by, wr->err);
    return silt_upsert_clauses(m, wr->opts.newest_by, wr->opts.mode == SILT_WRITE_APPEND_ONCE, NULL,
                               wr->err);
}

/* ---- differences */

static bool is_given(const silt_writing *wr, const char *name)
{
    for (size_t g = 0; g < wr->plan.group_count; g++)
        for (size_t i = 0; i < wr->plan.groups[g].column_count; i++)
            if (silt_streq(wr->plan.groups[g].columns[i].name, name)) return true;
    return false;
}

static void put_quoted(silt_buf *out, const char *name)
{
    silt_buf_putc(out, '`');
    for (const char *c = name; *c; c++)
        silt_buf_puts(out, *c == '`' ? "``" : (char[]){*c, '\0'});
    silt_buf_putc(out, '`');
}

/* Whether two values at a path differ: structs by their members. Others that can't be compared
 * count as different unless both are null. */
static void put_values(const char *path, const silt_type *type, silt_buf *out)
{
    if (out->size) silt_buf_puts(out, " OR ");
    if (type->kind == SILT_TYPE_STRUCT)
        silt_buf_printf(out, "NOT ((t.%s IS NULL) <=> (s.%s IS NULL))", path, path);
    else if (type->kind >= SILT_TYPE_VARIANT)
        silt_buf_printf(out, "t.%s IS NOT NULL OR s.%s IS NOT NULL", path, path);
    else
        silt_buf_printf(out, "NOT (t.%s <=> s.%s)", path, path);
    for (size_t i = 0; type->kind == SILT_TYPE_STRUCT && i < type->field_count; i++) {
        SILT_CLEAN(silt_buf) below = {0};
        silt_buf_printf(&below, "%s.", path);
        put_quoted(&below, type->fields[i].name);
        if (below.failed)
            out->failed = true;
        else
            put_values(below.data, type->fields[i].type, out);
    }
}

/* Whether a column of the two rows differs; what is computed or numbered follows from others, or
 * isn't the source's to say. */
static void put_difference(const silt_writing *wr, const silt_type *before, const silt_field *field,
                           silt_buf *out)
{
    SILT_CLEAN(silt_buf) name = {0};
    bool given = is_given(wr, field->name), there = silt_type_find(before, field->name) >= 0;
    if (!given && (strstr(field->metadata, "delta.generationExpression") ||
                   strstr(field->metadata, "delta.identity.")))
        return;
    put_quoted(&name, field->name);
    if (name.failed) out->failed = true;
    if (name.failed || (!given && !there)) return;
    if (given && there) {
        put_values(name.data, field->type, out);
        return;
    }
    if (out->size) silt_buf_puts(out, " OR ");
    silt_buf_printf(out, "%s.%s IS NOT NULL", given ? "s" : "t", name.data);
}

static silt_status diff_clauses(const silt_writing *wr, const silt_edit *e, silt_merging *m)
{
    SILT_CLEAN(silt_buf) differs = {0};
    const silt_type *after = wr->w.schema;
    silt_merge_clause *clauses = silt_arena_calloc(m->arena, 3, sizeof(*clauses));
    for (size_t i = 0; i < after->field_count; i++)
        if (!silt_names_have(silt_write_names(wr->opts.keys), after->fields[i].name))
            put_difference(wr, silt_snapshot_schema(e->snapshot), &after->fields[i], &differs);
    const char *condition = differs.size ? silt_buf_copy(&differs, m->arena) : "false";
    if (!clauses || differs.failed || !condition) return silt_fail_nomem(wr->err);
    clauses[0] = (silt_merge_clause){.when = SILT_MERGE_MATCHED,
                                     .condition = condition,
                                     .action = SILT_MERGE_UPDATE,
                                     .star = true};
    clauses[1] = (silt_merge_clause){
        .when = SILT_MERGE_NOT_MATCHED, .action = SILT_MERGE_INSERT, .star = true};
    clauses[2] =
        (silt_merge_clause){.when = SILT_MERGE_NOT_MATCHED_BY_SOURCE, .action = SILT_MERGE_DELETE};
    m->clauses = clauses;
    m->clause_count = 3;
    m->as_stored = true;
    return SILT_OK;
}

/* ---- a table that is there */

static silt_status plan(void *ctx, silt_edit *e, silt_merging *m)
{
    silt_writing *wr = ctx;
    silt_snapshot *base = wr->base;
    wr->plan = (silt_source_plan){0};
    wr->w.shape = NULL;
    wr->base = e->snapshot; /* as of this try */
    silt_status st = silt_write_shape(wr);
    wr->base = base;
    SILT_TRY(st);
    m->shape = wr->w.shape && silt_shape_changed(wr->w.shape) ? wr->w.shape : NULL;
    return wr->opts.as_diff ? diff_clauses(wr, e, m) : SILT_OK;
}

static silt_write_outcome outcome_of(silt_edit_outcome outcome)
{
    if (outcome == SILT_EDIT_ALREADY_DONE) return SILT_WRITE_ALREADY_DONE;
    if (outcome == SILT_EDIT_NOTHING) return SILT_WRITE_UNCHANGED;
    return outcome == SILT_EDIT_OVERTAKEN ? SILT_WRITE_OVERTAKEN : SILT_WRITE_COMMITTED;
}

static silt_status merge(silt_writing *wr, silt_merging *m)
{
    silt_edit_options opts = SILT_EDIT_OPTIONS_INIT;
    silt_edit_result edit;
    opts.commit = wr->opts.commit;
    opts.target_file_bytes = wr->opts.target_file_bytes;
    m->plan = plan;
    m->plan_ctx = wr;
    SILT_TRY(take_clauses(wr, m));
    SILT_TRY(silt_edit_run(wr->base, &silt_merge_op, m, &opts, &edit, &wr->after, wr->err));
    wr->result.outcome = outcome_of(edit.outcome);
    wr->result.committed_version = edit.committed_version;
    wr->result.table_version = edit.table_version;
    wr->result.attempts += edit.attempts;
    bool unchanged = wr->result.outcome == SILT_WRITE_UNCHANGED;
    if (wr->result.outcome != SILT_WRITE_COMMITTED && !unchanged) return SILT_OK;
    give_counts(wr, m);
    wr->result.rows_deleted = edit.rows_deleted;
    wr->result.rows_copied = edit.rows_copied;
    wr->result.files_added = edit.files_added;
    wr->result.bytes_added = edit.bytes_added;
    wr->result.files_removed = edit.files_removed;
    wr->result.bytes_removed = edit.bytes_removed;
    return SILT_OK;
}

/* ---- a table that isn't */

/* What a version's row has besides the source's columns: since when, until when, whether current.
 */
static silt_status put_version(const silt_writing *wr, const silt_expr **values,
                               silt_join_value *columns)
{
    silt_field fields[SILT_SCD2_COLUMNS];
    silt_scd2_fields(&wr->scd2, fields);
    SILT_TRY(silt_scd2_exprs(wr->arena, values, wr->err));
    for (size_t i = 0; i < SILT_SCD2_COLUMNS; i++) {
        const silt_expr **of_clauses =
            silt_arena_calloc(wr->arena, SILT_SCD2_CLAUSES, sizeof(*of_clauses));
        if (!of_clauses) return silt_fail_nomem(wr->err);
        of_clauses[SILT_SCD2_OPEN] = of_clauses[SILT_SCD2_COPY] = values[i];
        columns[i] = (silt_join_value){fields[i].name, fields[i].type, of_clauses};
    }
    return SILT_OK;
}

static void take_matched(silt_merging *m, const silt_join_match *match)
{
    silt_work *w = &m->w;
    for (size_t g = 0, i = 0; g < w->group_count; g++)
        for (size_t f = 0; f < w->groups[g].file_count; f++, i++) {
            silt_source_counts *n = &w->counts[w->file_index[i]];
            n->inserted = match->inserted[i];
            n->updated = match->acting[i];
            n->unchanged = match->idle[i];
        }
    silt_work_sum(w);
}

/* All rows of the source that count, by its columns. */
static silt_status source_rows(silt_writing *wr, silt_merging *m, silt_rows_spec *out)
{
    static const silt_join_clause insert = {.when = SILT_JOIN_NOT_MATCHED};
    static const silt_join_clause versions[SILT_SCD2_CLAUSES] = {
        [SILT_SCD2_OPEN] = {.when = SILT_JOIN_NOT_MATCHED},
        [SILT_SCD2_COPY] = {.when = SILT_JOIN_NOT_MATCHED},
        [SILT_SCD2_DROP] = {.deletes = true}};
    static const silt_type number = {.kind = SILT_TYPE_LONG};
    static const silt_scan_column nothing = {
        .name = "nothing", .type = &number, .physical = {.name = "nothing", .id = -1}};
    static const silt_scan_spec empty = {.columns = &nothing, .column_count = 1, .limit = -1};
    static const bool kept = false;
    silt_join_scd2 scd2 = {0};
    const silt_expr *made[SILT_SCD2_COLUMNS];
    silt_join_match_spec spec = {
        .target = &empty, .kept = &kept, .clauses = &insert, .clause_count = 1, .unique = true};
    silt_join_match match;
    size_t count = m->schema.field_count, more = m->scd2 ? SILT_SCD2_COLUMNS : 0;
    silt_join_value *columns = silt_arena_calloc(wr->arena, count + more, sizeof(*columns));
    silt_join_equal *equals = silt_arena_calloc(wr->arena, count, sizeof(*equals));
    if (!columns || !equals) return silt_fail_nomem(wr->err);
    for (size_t i = 0; i < count; i++) {
        const silt_field *field = &m->schema.fields[i];
        const silt_expr *value =
            silt_merge_column(wr->arena, SILT_JOIN_SOURCE, field->name, field->type);
        const silt_expr **of_clauses =
            silt_arena_calloc(wr->arena, SILT_SCD2_CLAUSES, sizeof(*of_clauses));
        if (!value || !of_clauses) return silt_fail_nomem(wr->err);
        of_clauses[0] = of_clauses[SILT_SCD2_OPEN] = of_clauses[SILT_SCD2_COPY] = value;
        columns[i] = (silt_join_value){field->name, field->type, of_clauses};
        if (!silt_names_have(silt_write_names(wr->opts.keys), field->name)) continue;
        const silt_expr *nothing_there = silt_expr_null(wr->arena, field->type);
        if (!nothing_there) return silt_fail_nomem(wr->err);
        equals[spec.equal_count++] = (silt_join_equal){nothing_there, value, true};
    }
    if (m->scd2) {
        SILT_TRY(silt_scd2_match_with(m, NULL, m->arena, &scd2));
        SILT_TRY(put_version(wr, made, columns + count));
        spec.scd2 = &scd2;
        spec.equals = equals;
        spec.clauses = versions;
        spec.clause_count = SILT_SCD2_CLAUSES;
    } else {
        spec.equal_count = 0;
    }
    SILT_TRY(wr->engine->ops->join_match(m->join, &spec, wr->arena, &match, wr->err));
    take_matched(m, &match);
    *out = (silt_rows_spec){
        .kind = SILT_ROWS_JOIN,
        .join = {
            .join = m->join, .inserted = true, .columns = columns, .column_count = count + more}};
    return SILT_OK;
}

static silt_status stage(silt_writing *wr, silt_merging *m)
{
    silt_work *w = &wr->w;
    silt_rows_spec rows;
    silt_stage_spec spec = silt_work_stage_spec(w);
    SILT_TRY(source_rows(wr, m, &rows));
    const silt_rewrite_spec rewrite = {.rows = &rows,
                                       .columns = spec.columns,
                                       .column_count = spec.column_count,
                                       .write = spec.write};
    silt_status st =
        wr->engine->ops->rewrite(wr->engine, &rewrite, wr->arena, &wr->staged, wr->err);
    SILT_TRY(silt_work_after_stage(w, &wr->staged, st));
    SILT_TRY(silt_work_sorted(w));
    silt_conserved c = {.sources = m->w.counts,
                        .source_count = wr->sources.file_count,
                        .staged = &wr->staged,
                        .removed_rows = -1};
    return silt_conserve(&c, wr->err);
}

/* Whatever is kept of versions is given to each row. */
static silt_given making_given(void *ctx, const char *name)
{
    const silt_writing *wr = ctx;
    bool version = wr->opts.mode == SILT_WRITE_SCD2 && silt_scd2_is_column(&wr->scd2, name);
    return version ? SILT_GIVEN_ALL : silt_work_given(&wr->w, name);
}

static silt_status begin(const silt_writing *wr, silt_merging *m)
{
    silt_names names = silt_write_names(wr->opts.keys);
    const char **keys = silt_arena_calloc(wr->arena, names.count + 1, sizeof(*keys));
    if (!keys) return silt_fail_nomem(wr->err);
    memcpy(keys, names.items, names.count * sizeof(*keys));
    if (m->scd2 && m->scd2->effective_from) keys[names.count++] = m->scd2->effective_from;
    return silt_merge_begin(m, keys, names.count);
}

static silt_status make_table(silt_writing *wr, silt_merging *m)
{
    SILT_TRY(silt_write_shape(wr));
    silt_shape *shape = wr->w.shape;
    bool changes = wr->opts.mode == SILT_WRITE_UPSERT || wr->opts.mode == SILT_WRITE_SCD2;
    if (changes && !silt_pairs_get(shape->metadata.configuration, DELETION_VECTORS))
        SILT_TRY(silt_shape_set_property(shape, DELETION_VECTORS, "true", wr->err));
    wr->w.given = making_given;
    wr->w.given_ctx = wr;
    SILT_TRY(silt_write_start(wr));
    wr->spec.load_time_us = silt_now_us(NULL);
    m->w.metadata = wr->w.metadata;
    m->w.spec = &wr->spec;
    SILT_TRY(take_clauses(wr, m));
    m->replaces = false; /* what no source has is the table's to give */
    SILT_TRY(silt_merge_columns(m));
    SILT_TRY(begin(wr, m));
    SILT_TRY(stage(wr, m));
    SILT_TRY(silt_work_publish(&wr->w, &wr->staged));
    SILT_TRY(silt_write_commit(wr));
    if (wr->result.outcome != SILT_WRITE_COMMITTED) return SILT_OK;
    give_counts(wr, m);
    wr->result.created = true;
    wr->result.files_added = wr->w.facts.files_added;
    wr->result.bytes_added = wr->w.facts.bytes_added;
    return SILT_OK;
}

/* ---- either */

static silt_status into(silt_writing *wr)
{
    silt_merging m;
    take_merging(wr, &m);
    silt_status st = wr->base ? merge(wr, &m) : make_table(wr, &m);
    silt_merging_release(&m);
    return st;
}

silt_status silt_write_keyed(silt_writing *wr)
{
    if (wr->opts.mode == SILT_WRITE_SCD2)
        SILT_TRY(silt_scd2_take(wr->opts.scd2, &wr->scd2, wr->err));
    SILT_TRY(silt_write_look(wr));
    SILT_TRY(silt_write_keep(wr));
    if (wr->opts.mode == SILT_WRITE_SCD2) wr->sources.scd2 = &wr->scd2;
    bool making = !wr->base, done = false;
    silt_status st = into(wr);
    if (st != SILT_CONFLICT || !making) return st;
    /* Somebody else made the table: it is there now. */
    SILT_TRY(silt_snapshot_open(wr->store, wr->engine, NULL, &wr->base, wr->err));
    SILT_TRY(silt_write_done(wr, &done));
    return done ? SILT_OK : into(wr);
}
