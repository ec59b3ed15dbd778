/* The source against the rows that are there: which meet, and what becomes of them. */
#include "engine/duckdb_merge.h"
#include "engine/duckdb_stream.h"

#include <stdio.h>

#define SAMPLE_ROWS    5 /* of the target, where several source rows change one */
#define SAMPLE_SOURCES 3 /* of each */

/* ---- pairs --------------------------------------------------------------------------------- */

/* Append "SELECT t.<place>, …, t<i>": what the table of matches has, of a target row t and, if it
 * meets one, a source row s. */
static silt_status select_sql(const silt_join *j, const silt_join_view *view, silt_join_when when,
                              silt_buf *sql, silt_error *err)
{
    bool meets = when == SILT_JOIN_MATCHED;
    silt_buf_printf(sql,
                    "SELECT t." SILT_DUCK_TABLE_FILE " AS fi, t." SILT_DUCK_TABLE_ROW
                    " AS fr, %s AS sr, %s AS f, ",
                    meets ? "s.rowid" : "NULL::BIGINT", meets ? "s.f" : "NULL::BIGINT");
    SILT_TRY(silt_join_clause_sql(view, when, sql, err));
    silt_buf_puts(sql, " AS clause");
    for (size_t c = 0; c < j->target.column_count; c++)
        if (j->match.kept[c]) silt_buf_printf(sql, ", t.c%zu AS t%zu", c, c);
    silt_buf_puts(sql, " FROM ");
    if (meets) return silt_join_put_target(j, sql, err);
    silt_buf_putc(sql, '(');
    SILT_TRY(silt_duck_table_sql(&j->target, NULL, true, sql, err));
    silt_buf_puts(sql, ") t ");
    return SILT_OK;
}

/* Where the source has no null, plain equality says
 * the same, and DuckDB prunes row groups by it. */
silt_status silt_join_on_sql(const silt_join_view *view, silt_buf *sql, silt_error *err)
{
    const silt_join_match_spec *match = &view->join->match;
    for (size_t i = 0; i < match->equal_count; i++) {
        const silt_join_equal *equal = &match->equals[i];
        if (i) silt_buf_puts(sql, " AND ");
        SILT_TRY(silt_join_expr(view, equal->target, sql, err));
        silt_buf_puts(sql, equal->nulls_too ? " IS NOT DISTINCT FROM " : " = ");
        SILT_TRY(silt_join_expr(view, equal->source, sql, err));
    }
    if (match->rest) {
        if (match->equal_count) silt_buf_puts(sql, " AND ");
        silt_buf_putc(sql, '(');
        SILT_TRY(silt_join_expr(view, match->rest, sql, err));
        silt_buf_putc(sql, ')');
    }
    if (!match->equal_count && !match->rest) silt_buf_puts(sql, "true");
    return SILT_OK;
}

static silt_status find_pairs(silt_join *j, silt_error *err)
{
    const silt_join_view view = {
        .join = j, .match = &j->match, .target = "t.c", .source = "s.c", .from_files = true};
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(&sql, " AS ");
    SILT_TRY(select_sql(j, &view, SILT_JOIN_MATCHED, &sql, err));
    silt_buf_puts(&sql, "JOIN ");
    silt_join_name(&sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " s ON ");
    SILT_TRY(silt_join_on_sql(&view, &sql, err));
    if (j->only_lone) silt_buf_puts(&sql, " LIMIT 0");
    silt_status st = silt_duck_query_long(j->db, &sql, NULL, err);
    return silt_duck_table_blame(&j->target, st, err);
}

/* Where rows are only inserted, those that meet one needn't be kept to find the others. The source
 * is hashed here too, the target passes by. */
static silt_status find_source_lone(silt_join *j, silt_error *err)
{
    const silt_join_view view = {
        .join = j, .match = &j->match, .target = "t.c", .source = "s.c", .from_files = true};
    SILT_CLEAN(silt_buf) sql = {0};
    if (!j->only_lone) return SILT_OK;
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, j, SILT_JOIN_LONE);
    silt_buf_puts(&sql, " AS SELECT s.rowid AS sr FROM ");
    SILT_TRY(silt_join_put_target(j, &sql, err));
    silt_buf_puts(&sql, "RIGHT JOIN ");
    silt_join_name(&sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " s ON ");
    SILT_TRY(silt_join_on_sql(&view, &sql, err));
    silt_buf_puts(&sql, " WHERE t.hit IS NULL");
    silt_status st = silt_duck_query_long(j->db, &sql, NULL, err);
    return silt_duck_table_blame(&j->target, st, err);
}

void silt_join_put_lone(silt_buf *sql, const silt_join *j)
{
    silt_join_name(sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, j->only_lone ? " s SEMI JOIN " : " s ANTI JOIN ");
    silt_join_name(sql, j, j->only_lone ? SILT_JOIN_LONE : SILT_JOIN_MATCHES);
    silt_buf_puts(sql, " m ON s.rowid = m.sr");
}

/* Target rows that meet none. The matches are hashed before the first row comes by, so that what is
 * put into them isn't looked at. */
static silt_status find_lone(silt_join *j, silt_error *err)
{
    const silt_join_view view = {
        .join = j, .match = &j->match, .target = "t.c", .source = "s.c", .from_files = true};
    SILT_CLEAN(silt_buf) sql = {0};
    if (!silt_join_has_clause(&j->match, SILT_JOIN_NOT_MATCHED_BY_SOURCE)) return SILT_OK;
    silt_buf_puts(&sql, "INSERT INTO ");
    silt_join_name(&sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(&sql, " SELECT * FROM (");
    SILT_TRY(select_sql(j, &view, SILT_JOIN_NOT_MATCHED_BY_SOURCE, &sql, err));
    silt_buf_puts(&sql, "ANTI JOIN ");
    silt_join_name(&sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(&sql, " m ON t." SILT_DUCK_TABLE_FILE " = m.fi AND t." SILT_DUCK_TABLE_ROW
                        " = m.fr) WHERE clause IS NOT NULL");
    silt_status st = silt_duck_query(j->db, &sql, NULL, err);
    return silt_duck_table_blame(&j->target, st, err);
}

/* ---- several source rows for one of the target ------------------------------------------------
 */

static void put_clauses(const silt_join *j, bool deletes, silt_buf *sql)
{
    silt_buf_puts(sql, "clause IN (-1");
    for (size_t i = 0; i < j->match.clause_count; i++)
        if (j->match.clauses[i].deletes == deletes) silt_buf_printf(sql, ", %zu", i);
    silt_buf_putc(sql, ')');
}

/* Append the target rows which several source rows change, not all by deleting them. */
static void contested_sql(const silt_join *j, silt_buf *sql)
{
    silt_buf_puts(sql, "SELECT fi, fr, min(sr) AS first_row FROM ");
    silt_join_name(sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(sql, " WHERE clause IS NOT NULL AND sr IS NOT NULL GROUP BY fi, fr HAVING "
                       "count(*) > 1 AND bool_or(");
    put_clauses(j, false, sql);
    silt_buf_putc(sql, ')');
}

/* Append "a.csv row 1, b.csv row 7; …" of rows (first_row, f, sr) in the order of the first. */
static silt_status put_samples(const silt_join *j, const silt_buf *sql, silt_buf *text,
                               silt_error *err)
{
    SILT_CLEAN(silt_duck_result) result = {0};
    SILT_TRY(silt_duck_query(j->db, sql, &result, err));
    SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
    if (!chunk) return SILT_OK;
    const int64_t *columns[3];
    for (idx_t c = 0; c < 3; c++)
        columns[c] = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, c));
    idx_t rows = silt_duck.data_chunk_get_size(chunk);
    for (idx_t i = 0; i < rows; i++) {
        bool same = i && columns[0][i] == columns[0][i - 1];
        int64_t file = columns[1][i], row = columns[2][i] + 1;
        for (int64_t f = 0; f < file; f++)
            row -= j->read[f];
        silt_buf_printf(text, "%s%s row %" PRId64,
                        same ? " and "
                        : i  ? "; "
                             : "",
                        j->file_names[file], row);
    }
    return SILT_OK;
}

static silt_status refuse_contested(const silt_join *j, int64_t count, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&sql, "SELECT c.first_row, m.f, m.sr FROM ");
    silt_join_name(&sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(&sql, " m JOIN (SELECT * FROM (");
    contested_sql(j, &sql);
    silt_buf_printf(&sql,
                    ") ORDER BY first_row LIMIT %d) c ON m.fi = c.fi AND m.fr = c.fr WHERE "
                    "m.clause IS NOT NULL QUALIFY row_number() OVER (PARTITION BY c.fi, c.fr ORDER "
                    "BY m.sr) <= %d ORDER BY c.first_row, m.sr",
                    SAMPLE_ROWS, SAMPLE_SOURCES);
    SILT_TRY(put_samples(j, &sql, &text, err));
    if (text.failed) return silt_fail_nomem(err);
    (void)silt_fail(err, SILT_BAD_DATA,
                    "%" PRId64 " row%s of the table would be changed by several rows of the source "
                    "each: %s",
                    count, count == 1 ? "" : "s", text.data ? text.data : "");
    return silt_hint(err, SILT_BAD_DATA,
                     "name a column that tells which row is the newest (newest by), make the "
                     "conditions narrower, or correct the source");
}

static silt_status check_contested(const silt_join *j, silt_error *err)
{
    int64_t count = 0;
    SILT_CLEAN(silt_buf) sql = {0};
    if (j->match.unique) return SILT_OK;
    silt_buf_puts(&sql, "SELECT count(*) FROM (");
    contested_sql(j, &sql);
    silt_buf_putc(&sql, ')');
    SILT_TRY(silt_duck_query_int(j->db, &sql, &count, err));
    return count ? refuse_contested(j, count, err) : SILT_OK;
}

/* ---- counts -------------------------------------------------------------------------------- */

static bool has_condition(const silt_join *j, silt_join_when when)
{
    for (size_t i = 0; i < j->match.clause_count; i++)
        if (j->match.clauses[i].when == when && j->match.clauses[i].condition) return true;
    return false;
}

/* Of those that meet none, by file and by clause, in one pass over the source. `lone`: by file. */
static silt_status count_inserts(const silt_join *j, int64_t *inserted, int64_t *lone,
                                 int64_t *rows, silt_error *err)
{
    const silt_join_view view = {.join = j, .match = &j->match, .source = "s.c"};
    size_t width = j->match.clause_count + 1;
    int64_t *counts =
        silt_arena_calloc(j->match_arena, j->source_count * width + 1, sizeof *counts);
    SILT_CLEAN(silt_buf) sql = {0};
    if (!counts) return silt_fail_nomem(err);
    silt_buf_printf(&sql,
                    "SELECT (f * %zu + coalesce(clause + 1, 0))::BIGINT, count(*) FROM "
                    "(SELECT s.f AS f, ",
                    width);
    SILT_TRY(silt_join_clause_sql(&view, SILT_JOIN_NOT_MATCHED, &sql, err));
    silt_buf_puts(&sql, " AS clause FROM ");
    silt_join_put_lone(&sql, j);
    silt_buf_puts(&sql, ") GROUP BY 1");
    SILT_TRY(silt_join_counts(j, &sql, j->source_count * width, &counts, 1, err));
    for (size_t i = 0; i < j->source_count * width; i++) {
        lone[i / width] += counts[i];
        if (i % width == 0) continue;
        inserted[i / width] += counts[i];
        rows[i % width - 1] += counts[i];
    }
    return SILT_OK;
}

/* Source rows that meet one and change it. Where each pair does something that are all that meet
 * one, and none where no clause is for such rows. */
static silt_status count_acting(const silt_join *j, const int64_t *lone, int64_t *acting,
                                silt_error *err)
{
    bool some = silt_join_has_clause(&j->match, SILT_JOIN_MATCHED);
    SILT_CLEAN(silt_buf) sql = {0};
    if (!some) return SILT_OK;
    if (!has_condition(j, SILT_JOIN_MATCHED)) {
        for (size_t i = 0; i < j->source_count; i++)
            acting[i] = j->read[i] - j->deduplicated[i] - lone[i];
        return SILT_OK;
    }
    silt_buf_puts(&sql, "SELECT f, count(DISTINCT sr) FROM ");
    silt_join_name(&sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(&sql, " WHERE sr IS NOT NULL AND clause IS NOT NULL GROUP BY f");
    return silt_join_counts(j, &sql, j->source_count, &acting, 1, err);
}

/* Of these, the ones that delete what they meet. */
static silt_status count_deleting(const silt_join *j, int64_t *deleting, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT f, count(DISTINCT sr) FROM ");
    silt_join_name(&sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(&sql, " WHERE sr IS NOT NULL AND clause IN (-1");
    bool some = false;
    for (size_t i = 0; i < j->match.clause_count; i++) {
        const silt_join_clause *c = &j->match.clauses[i];
        if (c->when != SILT_JOIN_MATCHED || !c->deletes) continue;
        silt_buf_printf(&sql, ", %zu", i);
        some = true;
    }
    silt_buf_puts(&sql, ") GROUP BY f");
    return some ? silt_join_counts(j, &sql, j->source_count, &deleting, 1, err) : SILT_OK;
}

/* Rows of the target; one that several source rows delete is one. */
static silt_status count_clauses(const silt_join *j, int64_t *rows, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT clause::BIGINT, count(*) FROM ");
    if (!j->match.unique) silt_buf_puts(&sql, "(SELECT fi, fr, min(clause) AS clause FROM ");
    silt_join_name(&sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(&sql, " WHERE clause IS NOT NULL");
    if (!j->match.unique) silt_buf_puts(&sql, " GROUP BY fi, fr)");
    silt_buf_puts(&sql, " GROUP BY 1");
    return silt_join_counts(j, &sql, j->match.clause_count, &rows, 1, err);
}

/* Whatever a source row is, it is one thing. */
static silt_status count_idle(const silt_join *j, const silt_join_match *m, int64_t *idle,
                              silt_error *err)
{
    for (size_t i = 0; i < j->source_count; i++) {
        idle[i] = j->read[i] - j->deduplicated[i] - m->inserted[i] - m->acting[i];
        if (idle[i] >= 0) continue;
        return silt_fail(err, SILT_FAILED,
                         "internal error: source file %zu: %" PRId64 " rows, but %" PRId64
                         " inserted, %" PRId64 " changing others, %" PRId64 " deduplicated",
                         i, j->read[i], m->inserted[i], m->acting[i], j->deduplicated[i]);
    }
    return SILT_OK;
}

/* ---- the call ------------------------------------------------------------------------------ */

/* Source rows that begin a version, and those that change one, by file; rows by clause. */
static silt_status match_versions(silt_join *j, const silt_join_match *out, int64_t *inserted,
                                  int64_t *acting, int64_t *idle, int64_t *rows, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    int64_t *const counts[] = {inserted, acting};
    SILT_TRY(silt_join_find_versions(j, err));
    silt_buf_printf(&sql, "SELECT f, count(*) FILTER (clause = %d), count(*) FILTER (acts) FROM ",
                    SILT_SCD2_OPEN);
    silt_join_name(&sql, j, SILT_JOIN_MATCHES);
    silt_buf_puts(&sql, " WHERE f IS NOT NULL GROUP BY f");
    SILT_TRY(silt_join_counts(j, &sql, j->source_count, counts, 2, err));
    SILT_TRY(count_idle(j, out, idle, err));
    SILT_TRY(count_clauses(j, rows, err));
    j->has_match = true;
    return SILT_OK;
}

static void forget_match(silt_join *j)
{
    for (silt_join_table t = SILT_JOIN_SOURCES + 1; t < SILT_JOIN_TABLES; t++)
        silt_join_drop(j, t);
    silt_duck_table_release(&j->target);
    silt_arena_reset(j->match_arena);
    j->sieve = NULL;
    j->has_match = false;
}

static silt_status match(silt_join *j, silt_arena *arena, silt_join_match *out, silt_error *err)
{
    const silt_scan_spec *target = j->match.target;
    size_t n = j->source_count + 1;
    int64_t *inserted = silt_arena_calloc(arena, n, sizeof *inserted);
    int64_t *acting = silt_arena_calloc(arena, n, sizeof *acting);
    int64_t *deleting = silt_arena_calloc(arena, n, sizeof *deleting);
    int64_t *idle = silt_arena_calloc(arena, n, sizeof *idle);
    int64_t *lone = silt_arena_calloc(j->match_arena, n, sizeof *lone);
    int64_t *rows = silt_arena_calloc(arena, j->match.clause_count + 1, sizeof *rows);
    if (!inserted || !acting || !deleting || !idle || !lone || !rows) return silt_fail_nomem(err);
    *out = (silt_join_match){inserted, acting, idle, deleting, rows};
    SILT_TRY(silt_duck_table_init(&j->target, j->db, target->files, target->file_count,
                                  target->columns, target->column_count, target->by_id,
                                  j->match_arena, err));
    SILT_TRY(silt_duck_table_check_variants(&j->target, err));
    j->only_lone = !silt_join_has_clause(&j->match, SILT_JOIN_MATCHED) &&
                   !silt_join_has_clause(&j->match, SILT_JOIN_NOT_MATCHED_BY_SOURCE) &&
                   j->match.equal_count > 0 && !j->match.rest;
    SILT_TRY(silt_join_make_sieve(j, err));
    if (j->match.scd2) return match_versions(j, out, inserted, acting, idle, rows, err);
    SILT_TRY(find_pairs(j, err));
    SILT_TRY(find_source_lone(j, err));
    SILT_TRY(check_contested(j, err));
    SILT_TRY(count_inserts(j, inserted, lone, rows, err));
    SILT_TRY(count_acting(j, lone, acting, err));
    SILT_TRY(count_deleting(j, deleting, err));
    SILT_TRY(count_idle(j, out, idle, err));
    SILT_TRY(find_lone(j, err));
    SILT_TRY(count_clauses(j, rows, err));
    j->has_match = true;
    return SILT_OK;
}

silt_status silt_duck_join_match(silt_join *j, const silt_join_match_spec *spec, silt_arena *arena,
                                 silt_join_match *out, silt_error *err)
{
    silt_join_match result;
    forget_match(j);
    j->match = *spec;
    silt_status st = silt_join_session_begin(j->db, err);
    if (st == SILT_OK) st = match(j, arena, &result, err);
    silt_join_session_end(j->db);
    if (st == SILT_OK) *out = result;
    return st;
}
