/* What comes of a match: rows to be written, and where the rows are that these stand for. */
#include "engine/duckdb_merge.h"

/* ---- rows ---------------------------------------------------------------------------------- */

/* Append what is kept of the target and all of the source, "r.t<i>" and "r.s<i>" from then on. */
static silt_status put_sides(const silt_join *j, bool source, bool target, silt_buf *sql,
                             silt_error *err)
{
    const silt_stage_spec *stage = &j->spec.stage;
    for (size_t c = 0; c < stage->column_count; c++) {
        silt_buf_puts(sql, ", ");
        if (source) {
            silt_buf_printf(sql, "s.c%zu AS s%zu", c, c);
            continue;
        }
        silt_buf_puts(sql, "CAST(NULL AS ");
        SILT_TRY(silt_sql_type(sql, stage->columns[c].type, err));
        silt_buf_printf(sql, ") AS s%zu", c);
    }
    for (size_t c = 0; c < j->target.column_count; c++) {
        if (!j->match.kept[c]) continue;
        silt_buf_puts(sql, ", ");
        if (target) {
            silt_buf_printf(sql, "m.t%zu AS t%zu", c, c);
            continue;
        }
        silt_buf_puts(sql, "CAST(NULL AS ");
        SILT_TRY(silt_sql_type(sql, j->target.columns[c].type, err));
        silt_buf_printf(sql, ") AS t%zu", c);
    }
    return SILT_OK;
}

static void put_updates(const silt_join *j, silt_join_when when, silt_buf *sql)
{
    silt_buf_puts(sql, "m.clause IN (-1");
    for (size_t i = 0; i < j->match.clause_count; i++)
        if (j->match.clauses[i].when == when && !j->match.clauses[i].deletes)
            silt_buf_printf(sql, ", %zu", i);
    silt_buf_putc(sql, ')');
}

static bool updates(const silt_join *j, silt_join_when when)
{
    for (size_t i = 0; i < j->match.clause_count; i++)
        if (j->match.clauses[i].when == when && !j->match.clauses[i].deletes) return true;
    return false;
}

/* Append source rows that update, or are inserted, or both in one pass over the source. */
static silt_status source_rows(const silt_join *j, bool updated, bool inserted, silt_buf *sql,
                               silt_error *err)
{
    const silt_join_view view = {.join = j, .match = &j->match, .source = "s.c"};
    silt_buf_puts(sql, "SELECT ");
    if (inserted) {
        silt_buf_puts(sql, updated ? "CASE WHEN m.sr IS NULL THEN " : "");
        SILT_TRY(silt_join_clause_sql(&view, SILT_JOIN_NOT_MATCHED, sql, err));
        silt_buf_puts(sql, updated ? " ELSE m.clause END" : "");
    } else {
        silt_buf_puts(sql, "m.clause");
    }
    silt_buf_puts(sql, " AS k, s.f AS f");
    SILT_TRY(put_sides(j, true, updated, sql, err));
    silt_buf_puts(sql, " FROM ");
    if (!updated) {
        silt_join_put_lone(sql, j);
        return SILT_OK;
    }
    silt_join_name(sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, inserted ? " s LEFT JOIN " : " s JOIN ");
    silt_join_name(sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(sql, " m ON s.rowid = m.sr");
    silt_buf_puts(sql, inserted ? " WHERE m.sr IS NULL OR " : " WHERE ");
    put_updates(j, SILT_JOIN_MATCHED, sql);
    return SILT_OK;
}

/* Append target rows that no source row meets and that change. */
static silt_status lone_rows(const silt_join *j, silt_buf *sql, silt_error *err)
{
    silt_buf_puts(sql, "SELECT m.clause AS k, -1::BIGINT AS f");
    SILT_TRY(put_sides(j, false, true, sql, err));
    silt_buf_puts(sql, " FROM ");
    silt_join_name(sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(sql, " m WHERE m.sr IS NULL AND ");
    put_updates(j, SILT_JOIN_NOT_MATCHED_BY_SOURCE, sql);
    return SILT_OK;
}

static void put_scd2(bool updated, bool inserted, silt_scd2_clause update, silt_scd2_clause insert,
                     silt_buf *sql)
{
    silt_buf_puts(sql, "m.clause IN (-1");
    if (updated) silt_buf_printf(sql, ", %d", update);
    if (inserted) silt_buf_printf(sql, ", %d", insert);
    silt_buf_putc(sql, ')');
}

/* Append versions with the source's values. */
static silt_status told_rows(const silt_join *j, bool updated, bool inserted, silt_buf *sql,
                             silt_error *err)
{
    silt_buf_puts(sql, "SELECT m.clause AS k, s.f AS f, m.vs, m.ve");
    SILT_TRY(put_sides(j, true, true, sql, err));
    silt_buf_puts(sql, " FROM ");
    silt_join_name(sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, " s JOIN ");
    silt_join_name(sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(sql, " m ON s.rowid = m.sr WHERE ");
    put_scd2(updated, inserted, SILT_SCD2_REPLACE, SILT_SCD2_OPEN, sql);
    return SILT_OK;
}

/* Append versions that keep their values. */
static silt_status kept_rows(const silt_join *j, bool updated, bool inserted, silt_buf *sql,
                             silt_error *err)
{
    silt_buf_puts(sql, "SELECT m.clause AS k, -1::BIGINT AS f, m.vs, m.ve");
    SILT_TRY(put_sides(j, false, true, sql, err));
    silt_buf_puts(sql, " FROM ");
    silt_join_name(sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(sql, " m WHERE ");
    put_scd2(updated, inserted, SILT_SCD2_KEEP, SILT_SCD2_COPY, sql);
    return SILT_OK;
}

/* Append the rows before they have their values: k, f, s0, …, t0, …; and v, which is true. */
static silt_status changed_rows(const silt_join *j, bool updated, bool inserted, silt_buf *sql,
                                silt_error *err)
{
    if (j->match.scd2) {
        silt_buf_puts(sql, "SELECT *, " SILT_JOIN_ONCE "(0, true) AS v FROM (");
        SILT_TRY(told_rows(j, updated, inserted, sql, err));
        silt_buf_puts(sql, " UNION ALL ");
        SILT_TRY(kept_rows(j, updated, inserted, sql, err));
        silt_buf_putc(sql, ')');
        return SILT_OK;
    }
    bool by_source = updated && updates(j, SILT_JOIN_MATCHED);
    inserted = inserted && silt_join_has_clause(&j->match, SILT_JOIN_NOT_MATCHED);
    bool lone = updated && updates(j, SILT_JOIN_NOT_MATCHED_BY_SOURCE);
    bool some = by_source || inserted;
    silt_buf_puts(sql, "SELECT *, " SILT_JOIN_ONCE "(0, true) AS v FROM (");
    if (some) SILT_TRY(source_rows(j, by_source, inserted, sql, err));
    if (some && lone) silt_buf_puts(sql, " UNION ALL ");
    if (lone || !some) SILT_TRY(lone_rows(j, sql, err));
    silt_buf_puts(sql, ") WHERE k IS NOT NULL");
    return SILT_OK;
}

typedef enum some_clauses { ALL_CLAUSES, TOLD_CLAUSES, KEPT_CLAUSES } some_clauses;

static bool is_wanted(const silt_join_rows *rows, some_clauses some, size_t clause)
{
    const silt_join_clause *c = &rows->join->match.clauses[clause];
    if (c->deletes) return false;
    if (some != ALL_CLAUSES &&
        (clause == SILT_SCD2_REPLACE || clause == SILT_SCD2_OPEN) != (some == TOLD_CLAUSES))
        return false;
    return c->when == SILT_JOIN_NOT_MATCHED ? rows->inserted : rows->updated;
}

/* Whether two values are one, so that the rows of both clauses need no CASE. */
static bool same_value(const silt_expr *a, const silt_expr *b)
{
    if (a == b) return true;
    if (a->kind != SILT_EXPR_COLUMN || b->kind != a->kind || a->path_count != b->path_count)
        return false;
    for (size_t i = 0; i < a->path_count; i++)
        if (strcmp(a->path[i], b->path[i]) != 0) return false;
    return true;
}

static silt_status put_value(const silt_join_rows *rows, some_clauses some,
                             const silt_join_value *column, silt_buf *sql, silt_error *err)
{
    const silt_join *j = rows->join;
    const silt_join_view view = {
        .join = j, .match = &j->match, .target = "r.t", .source = "r.s", .version = "r."};
    const silt_expr *first = NULL;
    bool same = true;
    for (size_t i = 0; i < j->match.clause_count; i++) {
        if (!is_wanted(rows, some, i)) continue;
        if (!first) first = column->values[i];
        same = same && same_value(first, column->values[i]);
    }
    if (same && first) return silt_join_expr(&view, first, sql, err);
    silt_buf_puts(sql, "CASE r.k");
    for (size_t i = 0; i < j->match.clause_count; i++) {
        if (!is_wanted(rows, some, i)) continue;
        silt_buf_printf(sql, " WHEN %zu THEN ", i);
        SILT_TRY(silt_join_expr(&view, column->values[i], sql, err));
    }
    if (!first) silt_buf_puts(sql, " WHEN -1 THEN NULL");
    silt_buf_puts(sql, " END");
    return SILT_OK;
}

/* Constraints are judged by a filter that counts, which looks at all columns. The optimizer would
 * have it asked of rows below the join, which aren't all written; not past that column v. */
static silt_status put_values(const silt_join_rows *rows, some_clauses some, silt_buf *sql,
                              silt_error *err)
{
    for (size_t c = 0; c < rows->column_count; c++) {
        const silt_join_value *column = &rows->columns[c];
        silt_buf_puts(sql, c ? ", CAST(" : "SELECT CAST(CASE WHEN r.v THEN ");
        SILT_TRY(put_value(rows, some, column, sql, err));
        silt_buf_puts(sql, c ? " AS " : " END AS ");
        SILT_TRY(silt_sql_type(sql, column->type, err));
        silt_buf_puts(sql, ") AS ");
        silt_sql_name(sql, column->name);
    }
    silt_buf_puts(sql, ", r.f AS " SILT_DUCK_FILE_COLUMN " FROM (");
    return SILT_OK;
}

silt_status silt_duck_join_sql(const silt_join_rows *rows, silt_buf *sql, silt_error *err)
{
    const silt_join *j = rows->join;
    const bool updated = rows->updated, inserted = rows->inserted;
    if (!j->has_match) return silt_fail(err, SILT_INVALID, "merge: rows before they are matched");
    if (!j->match.scd2) {
        SILT_TRY(put_values(rows, ALL_CLAUSES, sql, err));
        SILT_TRY(changed_rows(j, updated, inserted, sql, err));
        silt_buf_puts(sql, ") r");
        return SILT_OK;
    }
    /* Some rows have the source's values, the others keep the target's: apart, none carries both
     * sides, nor chooses between them by a CASE a column. */
    SILT_TRY(put_values(rows, TOLD_CLAUSES, sql, err));
    silt_buf_puts(sql, "SELECT *, " SILT_JOIN_ONCE "(0, true) AS v FROM (");
    SILT_TRY(told_rows(j, updated, inserted, sql, err));
    silt_buf_puts(sql, ")) r UNION ALL ");
    SILT_TRY(put_values(rows, KEPT_CLAUSES, sql, err));
    silt_buf_puts(sql, "SELECT *, " SILT_JOIN_ONCE "(0, true) AS v FROM (");
    SILT_TRY(kept_rows(j, updated, inserted, sql, err));
    silt_buf_puts(sql, ")) r");
    return SILT_OK;
}

/* ---- counts and places ------------------------------------------------------------------------
 */

silt_status silt_duck_join_count(silt_join *j, size_t clause, const silt_expr *condition,
                                 int64_t *out, silt_error *err)
{
    const silt_join_view view = {
        .join = j, .match = &j->match, .target = "r.t", .source = "r.s", .version = "r."};
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT count(*) FROM (");
    SILT_TRY(changed_rows(j, true, true, &sql, err));
    silt_buf_printf(&sql, ") r WHERE r.k = %zu AND ", clause);
    SILT_TRY(silt_join_expr(&view, condition, &sql, err));
    silt_status st = silt_join_session_begin(j->db, err);
    if (st == SILT_OK) st = silt_duck_query_int(j->db, &sql, out, err);
    silt_join_session_end(j->db);
    return st;
}

silt_status silt_duck_join_places(silt_join *j, bool deleted, silt_position_sink *sink, void *ctx,
                                  silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    if (!j->has_match) return silt_fail(err, SILT_INVALID, "merge: places before they are matched");
    silt_buf_puts(&sql, j->match.unique ? "SELECT fi, fr FROM " : "SELECT DISTINCT fi, fr FROM ");
    silt_join_name(&sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(&sql, " WHERE clause IN (-1");
    for (size_t i = 0; i < j->match.clause_count; i++)
        if (j->match.clauses[i].when != SILT_JOIN_NOT_MATCHED &&
            j->match.clauses[i].deletes == deleted)
            silt_buf_printf(&sql, ", %zu", i);
    silt_buf_puts(&sql, ") ORDER BY fi, fr");
    return silt_duck_give_places(j->db, &sql, j->target.file_count, sink, ctx, err);
}
