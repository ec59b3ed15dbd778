/* SCD type 2: what a merge asks of the engine and of the table where rows are versions. */
#include "ops/scd2.h"

#include <strings.h>

#include "ops/source.h"
#include "table/expr_tree.h"
#include "table/value.h"

/* ---- options */

silt_status silt_scd2_take(const silt_scd2_options *given, silt_scd2_options *out, silt_error *err)
{
    if (!given) return silt_fail(err, SILT_INVALID, "scd2: no column is tracked");
    if (given->struct_size < sizeof(*out))
        return silt_fail(err, SILT_INVALID, "silt_scd2_options: struct_size isn't set");
    *out = *given;
    if (!out->effective_date_column) out->effective_date_column = "effective_date";
    if (!out->end_date_column) out->end_date_column = "end_date";
    if (!out->current_flag_column) out->current_flag_column = "is_current";
    if (!out->tracking_columns || !out->tracking_columns[0])
        return silt_fail(err, SILT_INVALID, "scd2: no column is tracked");
    silt_field fields[SILT_SCD2_COLUMNS];
    silt_scd2_fields(out, fields);
    for (size_t i = 0; i < SILT_SCD2_COLUMNS; i++)
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(fields[i].name, fields[k].name) == 0)
                return silt_fail(err, SILT_INVALID, "scd2: two columns are both to be called %s",
                                 fields[i].name);
    for (size_t i = 0; out->tracking_columns[i]; i++)
        if (silt_scd2_is_column(out, out->tracking_columns[i]))
            return silt_fail(err, SILT_INVALID,
                             "scd2: %s is a column that versions are kept by; it can't be tracked",
                             out->tracking_columns[i]);
    return SILT_OK;
}

bool silt_scd2_is_column(const silt_scd2_options *scd2, const char *name)
{
    return scd2 && (strcasecmp(name, scd2->effective_date_column) == 0 ||
                    strcasecmp(name, scd2->end_date_column) == 0 ||
                    strcasecmp(name, scd2->current_flag_column) == 0);
}

void silt_scd2_fields(const silt_scd2_options *scd2, silt_field out[SILT_SCD2_COLUMNS])
{
    const silt_type *time = silt_type_primitive(SILT_TYPE_TIMESTAMP);
    out[0] = (silt_field){scd2->effective_date_column, time, true, "{}"};
    out[1] = (silt_field){scd2->end_date_column, time, true, "{}"};
    out[2] =
        (silt_field){scd2->current_flag_column, silt_type_primitive(SILT_TYPE_BOOLEAN), true, "{}"};
}

silt_status silt_scd2_check_table(const silt_scd2_options *scd2, const silt_type *schema,
                                  silt_error *err)
{
    silt_field fields[SILT_SCD2_COLUMNS];
    silt_scd2_fields(scd2, fields);
    for (size_t i = 0; i < SILT_SCD2_COLUMNS; i++) {
        int at = silt_type_find(schema, fields[i].name);
        const char *want = i < 2 ? "timestamp" : "boolean";
        if (at < 0) {
            silt_fail(err, SILT_INVALID, "scd2: the table has no column %s, which says of a row %s",
                      fields[i].name,
                      i == 0   ? "since when it is true"
                      : i == 1 ? "until when"
                               : "whether it is current");
            return silt_hint(err, SILT_INVALID,
                             "name the columns that it has for this "
                             "(scd2_effective_date_column, …), or add them and fill them");
        }
        if (silt_type_equal(schema->fields[at].type, fields[i].type)) continue;
        return silt_fail(err, SILT_INVALID, "scd2: the table's column %s has to be a %s",
                         fields[i].name, want);
    }
    return SILT_OK;
}

/* ---- clauses */

silt_status silt_scd2_clauses(silt_merging *m, const silt_scd2_options *scd2, const char *newest_by,
                              silt_error *err)
{
    static const silt_merge_clause clauses[SILT_SCD2_CLAUSES] = {
        [SILT_SCD2_REPLACE] = {SILT_MERGE_MATCHED, NULL, SILT_MERGE_UPDATE, true, NULL, 0},
        [SILT_SCD2_KEEP] = {SILT_MERGE_MATCHED, NULL, SILT_MERGE_UPDATE, false, NULL, 0},
        [SILT_SCD2_OPEN] = {SILT_MERGE_NOT_MATCHED, NULL, SILT_MERGE_INSERT, true, NULL, 0},
        [SILT_SCD2_COPY] = {SILT_MERGE_NOT_MATCHED, NULL, SILT_MERGE_INSERT, false, NULL, 0},
        [SILT_SCD2_DROP] = {SILT_MERGE_MATCHED, NULL, SILT_MERGE_DELETE, false, NULL, 0}};
    (void)err;
    m->clauses = clauses;
    m->clause_count = SILT_SCD2_CLAUSES;
    m->scd2 = scd2;
    m->newest_by = newest_by;
    m->twice = newest_by              ? SILT_TWICE_NEWEST
               : scd2->effective_from ? SILT_TWICE_LAST
                                      : SILT_TWICE_BAD;
    m->replaces = m->as_stored = true;
    return SILT_OK;
}

silt_status silt_scd2_check_source(const silt_merging *m)
{
    const silt_scd2_options *scd2 = m->scd2;
    for (size_t i = 0; scd2->tracking_columns[i]; i++) {
        const char *name = scd2->tracking_columns[i];
        if (silt_type_find(&m->schema, name) >= 0) continue;
        silt_fail(m->err, SILT_INVALID, "tracking_columns: the source has no column %s", name);
        return silt_hint(m->err, SILT_INVALID, "column names are matched exactly");
    }
    if (!scd2->effective_from) return SILT_OK;
    int at = silt_type_find(&m->schema, scd2->effective_from);
    bool empty = !m->w.spec->plan->group_count; /* no file has a row, or a header */
    if (at < 0 || (!empty && silt_work_given(&m->w, scd2->effective_from) == SILT_GIVEN_NONE)) {
        silt_fail(m->err, SILT_INVALID, "scd2_effective_from: the source has no column %s",
                  scd2->effective_from);
        return silt_hint(m->err, SILT_INVALID, "column names are matched exactly");
    }
    silt_type_kind kind = m->schema.fields[at].type->kind;
    if (kind == SILT_TYPE_TIMESTAMP || kind == SILT_TYPE_TIMESTAMP_NTZ || kind == SILT_TYPE_DATE)
        return SILT_OK;
    silt_fail(m->err, SILT_INVALID, "scd2_effective_from: column %s is a %s, not a time",
              scd2->effective_from, silt_type_name(m->schema.fields[at].type, m->arena));
    return silt_hint(m->err, SILT_INVALID, "declare it as timestamp or date (schema)");
}

/* ---- expressions */

/* A column as an instant; a date is its midnight, in UTC as times without a zone are. */
static const silt_expr *instant(silt_arena *arena, const char *side, const char *name,
                                const silt_type *type)
{
    const silt_type *time = silt_type_primitive(SILT_TYPE_TIMESTAMP);
    const silt_expr *column = silt_merge_column(arena, side, name, type);
    if (!column || type->kind == SILT_TYPE_TIMESTAMP) return column;
    return silt_expr_call(arena, SILT_OP_CAST, time, &column, 1);
}

silt_status silt_scd2_exprs(silt_arena *arena, const silt_expr *out[SILT_SCD2_COLUMNS],
                            silt_error *err)
{
    const silt_type *time = silt_type_primitive(SILT_TYPE_TIMESTAMP);
    const silt_type *yes_or_no = silt_type_primitive(SILT_TYPE_BOOLEAN);
    out[0] = silt_merge_column(arena, SILT_JOIN_VERSION, SILT_JOIN_START, time);
    out[1] = silt_merge_column(arena, SILT_JOIN_VERSION, SILT_JOIN_END, time);
    out[2] = out[1] ? silt_expr_call(arena, SILT_OP_IS_NULL, yes_or_no, &out[1], 1) : NULL;
    return out[0] && out[2] ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_scd2_values(silt_edit *e, const silt_merge_try *t, const silt_expr **values)
{
    silt_field fields[SILT_SCD2_COLUMNS];
    const silt_expr *made[SILT_SCD2_COLUMNS];
    SILT_TRY(silt_scd2_check_table(t->m->scd2, t->schema, e->err));
    SILT_TRY(silt_scd2_exprs(e->arena, made, e->err));
    silt_scd2_fields(t->m->scd2, fields);
    for (size_t i = 0; i < SILT_SCD2_COLUMNS; i++)
        values[silt_type_find(t->schema, fields[i].name)] = made[i];
    return SILT_OK;
}

static bool is_tracked(const silt_scd2_options *scd2, const char *name)
{
    for (size_t i = 0; scd2->tracking_columns[i]; i++)
        if (silt_streq(scd2->tracking_columns[i], name)) return true;
    return false;
}

static bool is_key(const silt_merging *m, const char *name)
{
    for (size_t i = 0; m->keys[i]; i++)
        if (silt_streq(m->keys[i], name)) return true;
    return false;
}

/* Whether a row's column says anything of its version: not which row it is, nor how it came. */
static bool tells(const silt_merging *m, const char *name)
{
    const silt_source_plan *plan = m->w.spec->plan;
    if (is_key(m, name) || silt_streq(m->w.spec->sources->deletes, name)) return false;
    for (size_t i = 0; i < plan->column_count; i++)
        if (silt_streq(plan->columns[i].name, name))
            return plan->columns[i].kind == SILT_OUTPUT_SOURCE;
    return true;
}

/* The source's columns beside the table's (NULL: it has none yet), tracked ones or the others. */
static silt_status pairs(const silt_merging *m, const silt_type *table, bool tracked,
                         silt_arena *arena, const silt_join_equal **out, size_t *count)
{
    silt_join_equal *items = silt_arena_calloc(arena, m->schema.field_count + 1, sizeof(*items));
    if (!items) return silt_fail_nomem(m->err);
    *count = 0;
    for (size_t i = 0; i < m->schema.field_count; i++) {
        const silt_field *field = &m->schema.fields[i];
        if (is_tracked(m->scd2, field->name) != tracked || (!tracked && !tells(m, field->name)))
            continue;
        int at = table ? silt_type_find(table, field->name) : -1;
        silt_join_equal *pair = &items[(*count)++];
        pair->source = silt_merge_column(arena, SILT_JOIN_SOURCE, field->name, field->type);
        if (at >= 0)
            pair->target =
                silt_merge_column(arena, SILT_JOIN_TARGET, field->name, table->fields[at].type);
        pair->nulls_too = true;
        if (!pair->source || (at >= 0 && !pair->target)) return silt_fail_nomem(m->err);
    }
    *out = items;
    return SILT_OK;
}

silt_status silt_scd2_match_with(const silt_merging *m, const silt_type *table, silt_arena *arena,
                                 silt_join_scd2 *out)
{
    const silt_scd2_options *scd2 = m->scd2;
    const silt_type *time = silt_type_primitive(SILT_TYPE_TIMESTAMP);
    *out =
        (silt_join_scd2){.now_us = m->w.spec->load_time_us, .close_missing = scd2->close_missing};
    SILT_TRY(pairs(m, table, true, arena, &out->tracked, &out->tracked_count));
    SILT_TRY(pairs(m, table, false, arena, &out->others, &out->other_count));
    out->start = table
                     ? silt_merge_column(arena, SILT_JOIN_TARGET, scd2->effective_date_column, time)
                     : silt_expr_null(arena, time);
    out->end = table ? silt_merge_column(arena, SILT_JOIN_TARGET, scd2->end_date_column, time)
                     : silt_expr_null(arena, time);
    if (!out->start || !out->end) return silt_fail_nomem(m->err);
    const char *deletes = m->w.spec->sources->deletes;
    if (deletes)
        out->gone = silt_merge_column(arena, SILT_JOIN_SOURCE, deletes,
                                      silt_type_primitive(SILT_TYPE_BOOLEAN));
    if (deletes && !out->gone) return silt_fail_nomem(m->err);
    if (!scd2->effective_from) return SILT_OK;
    const char *from = scd2->effective_from;
    out->from = instant(arena, SILT_JOIN_SOURCE, from,
                        m->schema.fields[silt_type_find(&m->schema, from)].type);
    int at = table ? silt_type_find(table, from) : -1;
    if (at >= 0) out->seen = instant(arena, SILT_JOIN_TARGET, from, table->fields[at].type);
    return out->from && (out->seen || at < 0) ? SILT_OK : silt_fail_nomem(m->err);
}

/* ---- versions that count */

/* Those that are current, or ended when a row of the source was true already. */
static silt_status which_count(silt_edit *e, silt_merge_try *t, const silt_join_scd2 *scd2)
{
    silt_join_range range = {0};
    const silt_type *time = silt_type_primitive(SILT_TYPE_TIMESTAMP);
    const silt_type *yes_or_no = silt_type_primitive(SILT_TYPE_BOOLEAN);
    /* A literal keeps the text: it lives as long as the condition. */
    char *now = silt_arena_calloc(e->arena, 1, SILT_VALUE_TIME_SIZE);
    if (!now) return silt_fail_nomem(e->err);
    silt_value_print_time(scd2->now_us, true, now);
    range.min = now;
    if (scd2->from)
        SILT_TRY(e->engine->ops->join_ranges(t->m->join, &scd2->from, 1, e->arena, &range, e->err));
    silt_expr *end = silt_arena_calloc(e->arena, 1, sizeof(*end));
    const char **path = silt_arena_calloc(e->arena, 1, sizeof(*path));
    if (!end || !path) return silt_fail_nomem(e->err);
    path[0] = t->m->scd2->end_date_column;
    *end = (silt_expr){.kind = SILT_EXPR_COLUMN, .type = time, .path = path, .path_count = 1};
    const silt_expr *first = silt_expr_literal(e->arena, time, range.min ? range.min : now);
    if (!first) return silt_fail_nomem(e->err);
    const silt_expr *const one[] = {end}, *const two[] = {end, first};
    const silt_expr *const either[] = {silt_expr_call(e->arena, SILT_OP_IS_NULL, yes_or_no, one, 1),
                                       silt_expr_call(e->arena, SILT_OP_GE, yes_or_no, two, 2)};
    if (!either[0] || !either[1]) return silt_fail_nomem(e->err);
    t->target_only = silt_expr_call(e->arena, SILT_OP_OR, yes_or_no, either, 2);
    return t->target_only ? SILT_OK : silt_fail_nomem(e->err);
}

/* An extract of nothing would end everything: it is taken for a mistake. */
silt_status silt_scd2_refuse_nothing(silt_merging *m)
{
    if (!m->scd2->close_missing || m->w.facts.total.read) return SILT_OK;
    for (size_t i = 0; i < m->w.spec->sources->file_count; i++) {
        const silt_bad_source bad = {i, SILT_BAD_DATA,
                                     "it has no rows: as a full extract it would end all that is "
                                     "current"};
        if (!silt_vec_push(&m->w.bad, bad)) return silt_fail_nomem(m->err);
    }
    silt_fail(m->err, SILT_BAD_DATA,
              "the source has no rows: as a full extract it would end all that is current");
    return silt_hint(m->err, SILT_BAD_DATA,
                     "take the file away, or write without scd2_close_missing");
}

silt_status silt_scd2_match(silt_edit *e, silt_merge_try *t, silt_join_scd2 *out)
{
    SILT_TRY(silt_scd2_refuse_nothing(t->m));
    SILT_TRY(silt_scd2_match_with(t->m, e->schema, e->arena, out));
    return which_count(e, t, out);
}

silt_status silt_scd2_conserve(const silt_merging *m, const silt_join_match *match)
{
    int64_t opened = match->rows[SILT_SCD2_OPEN], inserted = m->w.facts.total.inserted;
    if (opened == inserted) return SILT_OK;
    return silt_fail(m->err, SILT_FAILED,
                     "conservation: %" PRId64
                     " versions begin with a row of the source, but %" PRId64 " rows were inserted",
                     opened, inserted);
}
