/* Versions of rows against a source that tells more of them.
 *
 * Invariants
 *  (1) A source row is at most one of: the row whose values a new version has, the row that changes
 *      a version (`acts`). What is neither changes nothing.
 *  (2) A version of the target is in `pairs` with a clause at most once.
 *  (3) What comes of a key depends on its versions and its source rows alone, not on their order.
 *
 * @see docs/guide/scd2.md */
#include "engine/duckdb_scd2.h"

#include <stdio.h>

#include "engine/duckdb_stream.h"

/* ---- pieces -------------------------------------------------------------------------------- */

silt_status silt_scd2_run(const silt_scd2_match *x, silt_buf *sql)
{
    if (sql->failed) return silt_fail_nomem(x->err);
    silt_status st = silt_duck_query_long(x->j->db, sql, NULL, x->err);
    silt_buf_clear(sql);
    return st;
}

silt_status silt_scd2_count(const silt_scd2_match *x, silt_buf *sql, int64_t *out)
{
    if (sql->failed) return silt_fail_nomem(x->err);
    silt_status st = silt_duck_query_int(x->j->db, sql, out, x->err);
    silt_buf_clear(sql);
    return st;
}

silt_status silt_scd2_put_equal(const silt_join_view *view, const silt_join_equal *pairs,
                                size_t count, silt_buf *sql, silt_error *err)
{
    silt_buf_puts(sql, "(true");
    for (size_t i = 0; i < count; i++) {
        silt_buf_puts(sql, " AND ");
        SILT_TRY(silt_join_expr(view, pairs[i].source, sql, err));
        silt_buf_puts(sql, " IS NOT DISTINCT FROM ");
        if (pairs[i].target)
            SILT_TRY(silt_join_expr(view, pairs[i].target, sql, err));
        else
            silt_buf_puts(sql, "NULL");
    }
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

silt_status silt_scd2_put_kept(const silt_scd2_match *x, bool null, silt_buf *sql)
{
    const silt_join *j = x->j;
    for (size_t c = 0; c < j->target.column_count; c++) {
        if (!j->match.kept[c]) continue;
        silt_buf_puts(sql, ", ");
        if (!null) {
            silt_buf_printf(sql, "m.t%zu", c);
            continue;
        }
        silt_buf_puts(sql, "NULL::");
        SILT_TRY(silt_sql_type(sql, j->target.columns[c].type, x->err));
    }
    return SILT_OK;
}

static silt_status put_from(const silt_scd2_match *x, silt_buf *sql)
{
    const silt_join_view view = {.join = x->j, .source = "s.c"};
    if (x->spec->from) return silt_join_expr(&view, x->spec->from, sql, x->err);
    silt_buf_printf(sql, "make_timestamptz(%" PRId64 ")", x->spec->now_us);
    return SILT_OK;
}

silt_status silt_scd2_put_gone(const silt_scd2_match *x, silt_buf *sql)
{
    const silt_join_view view = {.join = x->j, .source = "s.c"};
    if (!x->spec->gone) {
        silt_buf_puts(sql, "false");
        return SILT_OK;
    }
    silt_buf_puts(sql, "coalesce(");
    SILT_TRY(silt_join_expr(&view, x->spec->gone, sql, x->err));
    silt_buf_puts(sql, ", false)");
    return SILT_OK;
}

/* ---- times of source rows ------------------------------------------------------------------ */

static silt_status blame_timeless(const silt_scd2_match *x, const int64_t *timeless)
{
    const silt_join *j = x->j;
    int64_t rows = 0;
    const char *first = NULL;
    for (size_t i = 0; i < j->source_count; i++) {
        char why[200];
        if (!timeless[i]) continue;
        rows += timeless[i];
        if (!first) first = j->file_names[i];
        (void)snprintf(why, sizeof why,
                       "%" PRId64 " row%s no time since when it is true: it is null, or no time",
                       timeless[i], timeless[i] == 1 ? " has" : "s have");
        if (j->spec.stage.bad_source)
            j->spec.stage.bad_source(j->spec.stage.bad_source_ctx, i, SILT_BAD_DATA, why);
    }
    if (!rows) return SILT_OK;
    (void)silt_fail(x->err, SILT_BAD_DATA,
                    "%s: %" PRId64 " row%s no time since when it is true (scd2_effective_from)",
                    first, rows, rows == 1 ? " has" : "s have");
    return silt_hint(x->err, SILT_BAD_DATA, "give each row a time, or leave such rows out");
}

static silt_status look_at_times(silt_scd2_match *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    x->earliest_us = x->spec->now_us;
    if (!x->spec->from) return SILT_OK;
    int64_t *timeless =
        silt_arena_calloc(x->j->match_arena, x->j->source_count + 1, sizeof(*timeless));
    if (!timeless) return silt_fail_nomem(x->err);
    silt_buf_puts(&sql, "SELECT s.f, count(*) FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " s WHERE ");
    SILT_TRY(put_from(x, &sql));
    silt_buf_puts(&sql, " IS NULL GROUP BY s.f");
    SILT_TRY(silt_join_counts(x->j, &sql, x->j->source_count, &timeless, 1, x->err));
    SILT_TRY(blame_timeless(x, timeless));
    silt_buf_clear(&sql);
    silt_buf_puts(&sql, "SELECT coalesce(min(epoch_us(");
    SILT_TRY(put_from(x, &sql));
    silt_buf_printf(&sql, ")), %" PRId64 ")::BIGINT FROM ", x->spec->now_us);
    silt_join_name(&sql, x->j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " s");
    return silt_scd2_count(x, &sql, &x->earliest_us);
}

/* Keys of several source rows: what comes of them is for the fold. */
static silt_status find_several(silt_scd2_match *x)
{
    const silt_join_match_spec *match = &x->j->match;
    const silt_join_view view = {.join = x->j, .source = "s.c"};
    SILT_CLEAN(silt_buf) sql = {0};
    if (!x->spec->from) return SILT_OK;
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, x->j, SILT_JOIN_SEVERAL);
    silt_buf_puts(&sql, " AS SELECT ");
    for (size_t i = 0; i < match->equal_count; i++) {
        SILT_TRY(silt_join_expr(&view, match->equals[i].source, &sql, x->err));
        silt_buf_printf(&sql, " AS k%zu, ", i);
    }
    silt_buf_puts(&sql, "min(s.rowid) AS kid, min(");
    SILT_TRY(put_from(x, &sql));
    silt_buf_puts(&sql, ") AS since FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " s GROUP BY ALL HAVING count(*) > 1");
    SILT_TRY(silt_scd2_run(x, &sql));

    silt_buf_puts(&sql, "SELECT count(*) FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_SEVERAL);
    SILT_TRY(silt_scd2_count(x, &sql, &x->several));

    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, x->j, SILT_JOIN_LATER);
    silt_buf_puts(&sql, " AS SELECT s.rowid AS sr, d.kid AS kid FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " s JOIN ");
    silt_join_name(&sql, x->j, SILT_JOIN_SEVERAL);
    silt_buf_puts(&sql, " d ON s.rowid <> d.kid");
    for (size_t i = 0; i < match->equal_count; i++) {
        silt_buf_puts(&sql, " AND ");
        SILT_TRY(silt_join_expr(&view, match->equals[i].source, &sql, x->err));
        silt_buf_printf(&sql, " IS NOT DISTINCT FROM d.k%zu", i);
    }
    return silt_scd2_run(x, &sql);
}

/* ---- pairs --------------------------------------------------------------------------------- */

/* Append the source, a row a key, with its time st and the least one of its key. */
static silt_status source_sql(const silt_scd2_match *x, bool again, silt_buf *sql)
{
    const silt_join *j = x->j;
    silt_buf_puts(sql, "(SELECT s.*, s.rowid AS sr, ");
    SILT_TRY(put_from(x, sql));
    silt_buf_puts(sql, " AS st, ");
    if (x->several) silt_buf_puts(sql, "coalesce(d.since, ");
    SILT_TRY(put_from(x, sql));
    silt_buf_printf(sql, "%s AS since, %s AS several, ", x->several ? ")" : "",
                    x->several ? "d.kid IS NOT NULL" : "false");
    SILT_TRY(silt_scd2_put_gone(x, sql));
    silt_buf_puts(sql, " AS gone FROM ");
    silt_join_name(sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, " s");
    if (x->several) {
        silt_buf_puts(sql, " LEFT JOIN ");
        silt_join_name(sql, j, SILT_JOIN_SEVERAL);
        silt_buf_puts(sql, " d ON s.rowid = d.kid ANTI JOIN ");
        silt_join_name(sql, j, SILT_JOIN_LATER);
        silt_buf_puts(sql, " l ON s.rowid = l.sr");
    }
    if (again) {
        silt_buf_puts(sql, " SEMI JOIN ");
        silt_join_name(sql, j, SILT_JOIN_FOLDED);
        silt_buf_puts(sql, " g ON s.rowid = g.kid");
    }
    silt_buf_puts(sql, ")");
    return SILT_OK;
}

/* Append versions that a row of the source may be about: those that didn't end before. `current`:
 * those of keys that it doesn't have too, if they are current. When a version ended is looked at
 * once few are left: as a filter of the scan it would be asked of each row before its key is. */
static silt_status target_sql(const silt_scd2_match *x, bool current, silt_buf *sql)
{
    const silt_join_view view = {
        .join = x->j, .match = &x->j->match, .target = "t.c", .from_files = true};
    silt_buf_puts(sql, "(SELECT * FROM ");
    if (current) {
        silt_buf_putc(sql, '(');
        SILT_TRY(silt_duck_table_sql(&x->j->target, NULL, true, sql, x->err));
        silt_buf_puts(sql, ") t");
    } else {
        SILT_TRY(silt_join_put_target(x->j, sql, x->err));
    }
    silt_buf_puts(sql, current ? " WHERE (" : " WHERE " SILT_JOIN_ONCE "(0, ");
    SILT_TRY(silt_join_expr(&view, x->spec->end, sql, x->err));
    silt_buf_puts(sql, " IS NULL");
    if (!current) {
        silt_buf_puts(sql, " OR ");
        SILT_TRY(silt_join_expr(&view, x->spec->end, sql, x->err));
        silt_buf_printf(sql, " >= make_timestamptz(%" PRId64 ")", x->earliest_us);
    }
    silt_buf_puts(sql, "))");
    return SILT_OK;
}

/* Append the time of the row that told a version last. */
static silt_status put_told(const silt_scd2_match *x, const silt_join_view *view, silt_buf *sql)
{
    const silt_join_scd2 *spec = x->spec;
    if (!spec->seen) return silt_join_expr(view, spec->start, sql, x->err);
    silt_buf_puts(sql, "greatest(");
    SILT_TRY(silt_join_expr(view, spec->seen, sql, x->err));
    silt_buf_puts(sql, ", ");
    SILT_TRY(silt_join_expr(view, spec->start, sql, x->err));
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

/* Append versions t with source rows s: their places, times, and whether they are the same. */
static silt_status meet_sql(const silt_scd2_match *x, bool again, silt_buf *sql)
{
    const silt_join *j = x->j;
    const silt_join_scd2 *spec = x->spec;
    const silt_join_view view = {
        .join = j, .match = &j->match, .target = "t.c", .source = "s.c", .from_files = true};
    silt_buf_puts(sql, "SELECT t." SILT_DUCK_TABLE_FILE " AS fi, t." SILT_DUCK_TABLE_ROW
                       " AS fr, s.sr, s.f, s.several, s.gone, s.st, ");
    SILT_TRY(silt_join_expr(&view, spec->start, sql, x->err));
    silt_buf_puts(sql, " AS ts, ");
    SILT_TRY(silt_join_expr(&view, spec->end, sql, x->err));
    silt_buf_puts(sql, " AS te, ");
    SILT_TRY(put_told(x, &view, sql));
    silt_buf_puts(sql, " AS tk");
    silt_buf_printf(sql, ", " SILT_JOIN_ONCE "(%" PRId64 ", ", x->met_scan.id);
    SILT_TRY(silt_scd2_put_equal(&view, spec->tracked, spec->tracked_count, sql, x->err));
    silt_buf_puts(sql, ") AS same, " SILT_JOIN_ONCE "(0, ");
    SILT_TRY(silt_scd2_put_equal(&view, spec->others, spec->other_count, sql, x->err));
    silt_buf_puts(sql, ") AS like_it");
    for (size_t c = 0; c < j->target.column_count; c++)
        if (j->match.kept[c]) silt_buf_printf(sql, ", t.c%zu AS t%zu", c, c);
    silt_buf_puts(sql, " FROM ");
    SILT_TRY(target_sql(x, false, sql));
    silt_buf_puts(sql, " t RIGHT JOIN ");
    SILT_TRY(source_sql(x, again, sql));
    silt_buf_puts(sql, " s ON ");
    SILT_TRY(silt_join_on_sql(&view, sql, x->err));
    if (!spec->from) return SILT_OK;
    /* A comparison: by any other condition DuckDB would join each row with each. */
    silt_buf_puts(sql, " AND coalesce(epoch_us(");
    SILT_TRY(silt_join_expr(&view, spec->end, sql, x->err));
    silt_buf_printf(sql, "), %" PRId64 ") >= epoch_us(s.since)", INT64_MAX);
    return SILT_OK;
}

/* Keys of which it's for the fold to say whatever their pairs are; and only if none is red. */
#define FOLDED  (-2)
#define DOUBTED (-1)

/* ---- how pairs are kept -------------------------------------------------------------------- */

static const char *const packed[] = {"fi", "fr", "f", "tk", "vs", "ve"};

void silt_scd2_put_packed(const silt_scd2_match *x, silt_buf *sql)
{
    silt_buf_puts(sql, "SELECT sr, clause, acts, opens, ");
    for (size_t i = 0; i < SILT_COUNT(packed); i++)
        silt_buf_printf(sql, "%s'%s': %s", i ? ", " : "{", packed[i], packed[i]);
    for (size_t c = 0; c < x->j->target.column_count; c++)
        if (x->j->match.kept[c]) silt_buf_printf(sql, ", 't%zu': t%zu", c, c);
    silt_buf_puts(sql, "} AS p FROM (");
}

/* Append "(…) m", the rows of `pairs` with columns of their own, and id, their rowid. */
static void put_unpacked(const silt_scd2_match *x, silt_buf *sql)
{
    silt_buf_puts(sql, "(SELECT sr, clause, acts, opens, rowid AS id");
    for (size_t i = 0; i < SILT_COUNT(packed); i++)
        silt_buf_printf(sql, ", p.%s AS %s", packed[i], packed[i]);
    for (size_t c = 0; c < x->j->target.column_count; c++)
        if (x->j->match.kept[c]) silt_buf_printf(sql, ", p.t%zu AS t%zu", c, c);
    silt_buf_puts(sql, " FROM ");
    silt_join_name(sql, x->j, SILT_JOIN_PAIRS);
    silt_buf_puts(sql, ") m");
}

/* Append what `pairs` has. A row is red where it tells nothing that its version didn't say, and has
 * no clause then, as one that says of nothing that it has gone: these are left out where a key has
 * one version at most that counts, which `again` doesn't rely on. Only what is current is decided
 * here, so that KEEP's end is all it hides. */
static silt_status pairs_sql(const silt_scd2_match *x, bool again, silt_buf *sql)
{
    const bool timed = x->spec->from != NULL;
    silt_scd2_put_packed(x, sql);
    silt_buf_printf(sql,
                    "SELECT fi, fr, sr, f, clause, clause IS NOT DISTINCT FROM (CASE WHEN gone "
                    "THEN %d ELSE %d END) AS acts, clause IS NOT DISTINCT FROM %d AND NOT gone AS "
                    "opens, tk, CASE WHEN clause = %d THEN st ELSE ts END AS vs, CASE WHEN clause "
                    "= %d THEN st ELSE te END AS ve",
                    SILT_SCD2_KEEP, SILT_SCD2_REPLACE, SILT_SCD2_KEEP, SILT_SCD2_OPEN,
                    SILT_SCD2_KEEP);
    for (size_t c = 0; c < x->j->target.column_count; c++)
        if (x->j->match.kept[c]) silt_buf_printf(sql, ", t%zu", c);
    silt_buf_printf(
        sql,
        " FROM (SELECT *, (CASE WHEN several THEN %d WHEN fi IS NULL AND NOT gone THEN "
        "%d WHEN red THEN NULL WHEN te IS NOT NULL OR ts IS NULL OR %s THEN %d WHEN "
        "same AND NOT gone THEN %d ELSE %d END)::INTEGER AS clause FROM (SELECT *, CASE "
        "WHEN gone THEN fi IS NULL ELSE fi IS NOT NULL AND same AND ",
        FOLDED, SILT_SCD2_OPEN,
        timed ? "st < ts OR st < tk OR (st = ts AND (gone OR NOT same))" : "st <= ts", DOUBTED,
        SILT_SCD2_REPLACE, SILT_SCD2_KEEP);
    if (!timed)
        silt_buf_puts(sql, "te IS NULL AND like_it");
    else
        silt_buf_printf(
            sql,
            "ts <= st AND (te IS NULL%s) AND (like_it OR (st < tk AND (te IS NULL OR tk < te)))",
            x->spec->close_missing ? "" : " OR st < te");
    silt_buf_puts(sql, " END AS red FROM (");
    SILT_TRY(meet_sql(x, again, sql));
    silt_buf_puts(sql, !timed && !again ? ") WHERE NOT red)))" : "))))");
    return SILT_OK;
}

void silt_scd2_put_versions(const silt_scd2_match *x, silt_buf *sql)
{
    silt_buf_printf(sql,
                    "(SELECT fi, fr, sr, clause, id, vs AS ts, CASE WHEN clause IS DISTINCT FROM "
                    "%d THEN ve END AS te, tk",
                    SILT_SCD2_KEEP);
    for (size_t c = 0; c < x->j->target.column_count; c++)
        if (x->j->match.kept[c]) silt_buf_printf(sql, ", t%zu", c);
    silt_buf_puts(sql, " FROM ");
    put_unpacked(x, sql);
    silt_buf_puts(sql, " WHERE fi IS NOT NULL) m");
}

static silt_status find_pairs(silt_scd2_match *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_join_count_begin(x->j, &x->met_scan, &x->met);
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, x->j, SILT_JOIN_PAIRS);
    silt_buf_puts(&sql, " AS ");
    silt_status st = pairs_sql(x, false, &sql);
    if (st == SILT_OK) st = silt_duck_table_blame(&x->j->target, silt_scd2_run(x, &sql), x->err);
    silt_duck_scan_remove(x->j->db, &x->met_scan);
    return st;
}

/* ---- which keys are for the fold ----------------------------------------------------------- */

/* Each source row is in one pair at least: where there were as many as rows no key has several, and
 * where none is in doubt besides no key is for the fold. */
static silt_status count_doubts(silt_scd2_match *x, int64_t *out)
{
    SILT_CLEAN(silt_buf) sql = {0};
    int64_t rows = 0;
    for (size_t i = 0; i < x->j->source_count; i++)
        rows += x->j->read[i] - x->j->deduplicated[i];
    silt_buf_puts(&sql, "SELECT count(*) FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_PAIRS);
    silt_buf_puts(&sql, " WHERE clause < 0");
    SILT_TRY(silt_scd2_count(x, &sql, out));
    if (atomic_load(&x->met) != rows) ++*out;
    return SILT_OK;
}

static silt_status find_folded(const silt_scd2_match *x, int64_t *count)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, x->j, SILT_JOIN_FOLDED);
    silt_buf_puts(&sql, " AS SELECT sr AS kid FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_PAIRS);
    silt_buf_printf(&sql,
                    " GROUP BY sr HAVING bool_or(clause = %d) OR (NOT bool_or(clause IS NULL) AND "
                    "(bool_or(clause = %d) OR count(*) > 1))",
                    FOLDED, DOUBTED);
    SILT_TRY(silt_scd2_run(x, &sql));
    silt_buf_puts(&sql, "SELECT count(*) FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_FOLDED);
    return silt_scd2_count(x, &sql, count);
}

/* Where rows that tell nothing were left out, a key's current version may be missing besides one
 * that ended: it is looked for once more. Only clocks that go back bring this about. */
static silt_status complete_folded(const silt_scd2_match *x, int64_t *count)
{
    SILT_CLEAN(silt_buf) sql = {0};
    if (x->spec->from || !*count) return SILT_OK;
    silt_buf_puts(&sql, "DELETE FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_PAIRS);
    silt_buf_puts(&sql, " WHERE sr IN (SELECT kid FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_FOLDED);
    silt_buf_putc(&sql, ')');
    SILT_TRY(silt_scd2_run(x, &sql));
    silt_buf_puts(&sql, "INSERT INTO ");
    silt_join_name(&sql, x->j, SILT_JOIN_PAIRS);
    silt_buf_putc(&sql, ' ');
    SILT_TRY(pairs_sql(x, true, &sql));
    SILT_TRY(silt_duck_table_blame(&x->j->target, silt_scd2_run(x, &sql), x->err));
    silt_join_drop(x->j, SILT_JOIN_FOLDED);
    return find_folded(x, count);
}

/* ---- rows besides these -------------------------------------------------------------------- */

/* What the rest of the merge sees. A version that ends where a source row begins is followed by
 * that row's own, which would cost as much again if it stood in the table. */
static silt_status create_view(const silt_scd2_match *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_buf) kept = {0};
    SILT_CLEAN(silt_buf) none = {0};
    SILT_TRY(silt_scd2_put_kept(x, false, &kept));
    SILT_TRY(silt_scd2_put_kept(x, true, &none));
    if (kept.failed || none.failed) return silt_fail_nomem(x->err);
    silt_buf_puts(&sql, "CREATE TEMP VIEW ");
    silt_join_name(&sql, x->j, SILT_JOIN_MATCHES);
    silt_buf_printf(&sql, " AS SELECT fi, fr, sr, f, clause, acts, vs, ve%s FROM ",
                    kept.data ? kept.data : "");
    put_unpacked(x, &sql);
    silt_buf_printf(&sql, " UNION ALL SELECT NULL, NULL, sr, f, %d, false, ve, NULL%s FROM ",
                    SILT_SCD2_OPEN, none.data ? none.data : "");
    put_unpacked(x, &sql);
    silt_buf_puts(&sql, " WHERE opens");
    return silt_scd2_run(x, &sql);
}

/* Current versions of keys that the source doesn't have end: after whatever was told of them. */
static silt_status close_missing(const silt_scd2_match *x)
{
    const silt_join_view view = {
        .join = x->j, .match = &x->j->match, .target = "t.c", .source = "s.c", .from_files = true};
    SILT_CLEAN(silt_buf) sql = {0};
    if (!x->spec->close_missing) return SILT_OK;
    silt_buf_puts(&sql, "INSERT INTO ");
    silt_join_name(&sql, x->j, SILT_JOIN_PAIRS);
    silt_buf_putc(&sql, ' ');
    silt_scd2_put_packed(x, &sql);
    silt_buf_printf(&sql,
                    "SELECT t." SILT_DUCK_TABLE_FILE " AS fi, t." SILT_DUCK_TABLE_ROW
                    " AS fr, NULL::BIGINT AS sr, NULL::BIGINT AS f, %d AS clause, false AS acts, "
                    "false AS opens, NULL::TIMESTAMPTZ AS tk, ",
                    SILT_SCD2_KEEP);
    SILT_TRY(silt_join_expr(&view, x->spec->start, &sql, x->err));
    silt_buf_printf(&sql, " AS vs, make_timestamptz(greatest(%" PRId64 ", epoch_us(",
                    x->spec->now_us);
    SILT_TRY(put_told(x, &view, &sql));
    silt_buf_puts(&sql, ") + 1)) AS ve");
    for (size_t c = 0; c < x->j->target.column_count; c++)
        if (x->j->match.kept[c]) silt_buf_printf(&sql, ", t.c%zu AS t%zu", c, c);
    silt_buf_puts(&sql, " FROM ");
    SILT_TRY(target_sql(x, true, &sql));
    silt_buf_puts(&sql, " t ANTI JOIN ");
    silt_join_name(&sql, x->j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " s ON ");
    SILT_TRY(silt_join_on_sql(&view, &sql, x->err));
    silt_buf_putc(&sql, ')');
    return silt_duck_table_blame(&x->j->target, silt_scd2_run(x, &sql), x->err);
}

/* Versions of folded keys make way for what comes of them; others beside one that a row tells again
 * stay as they are. */
static silt_status drop_decided(const silt_scd2_match *x, bool doubts)
{
    SILT_CLEAN(silt_buf) sql = {0};
    if (!doubts && !x->spec->from) return SILT_OK; /* rows that tell nothing aren't there */
    silt_buf_puts(&sql, "DELETE FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_PAIRS);
    silt_buf_puts(&sql, " WHERE clause IS NULL");
    if (doubts) {
        silt_buf_puts(&sql, " OR clause < 0 OR sr IN (SELECT kid FROM ");
        silt_join_name(&sql, x->j, SILT_JOIN_FOLDED);
        silt_buf_putc(&sql, ')');
    }
    return silt_scd2_run(x, &sql);
}

static silt_status put_actions(const silt_scd2_match *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "INSERT INTO ");
    silt_join_name(&sql, x->j, SILT_JOIN_PAIRS);
    silt_buf_putc(&sql, ' ');
    silt_scd2_put_packed(x, &sql);
    silt_buf_puts(&sql, "FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_ACTIONS);
    silt_buf_putc(&sql, ')');
    return silt_scd2_run(x, &sql);
}

silt_status silt_join_find_versions(silt_join *j, silt_error *err)
{
    silt_scd2_match x = {.j = j, .spec = j->match.scd2, .err = err};
    int64_t doubts = 0, folded = 0;
    SILT_TRY(look_at_times(&x));
    SILT_TRY(find_several(&x));
    SILT_TRY(find_pairs(&x));
    SILT_TRY(count_doubts(&x, &doubts));
    if (doubts) SILT_TRY(find_folded(&x, &folded));
    SILT_TRY(complete_folded(&x, &folded));
    if (folded) SILT_TRY(silt_scd2_fold(&x));
    SILT_TRY(drop_decided(&x, doubts > 0));
    if (folded) SILT_TRY(put_actions(&x));
    SILT_TRY(close_missing(&x));
    SILT_TRY(create_view(&x));
    for (silt_join_table t = SILT_JOIN_SEVERAL; t < SILT_JOIN_TABLES; t++)
        silt_join_drop(j, t);
    return SILT_OK;
}
