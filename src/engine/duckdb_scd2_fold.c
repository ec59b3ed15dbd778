/* Keys of which there is more to tell than one row for the current version: late rows, several
 * rows, gaps. All that is known of a key, in the order of time, is folded into versions.
 *
 * What is known: a version of the target began (rank 2), was told again (rank 1), ended without a
 * next one (rank 0); a source row (rank 3). Of what is known for one moment the highest rank
 * counts. Neighbours with the same tracked values are one version, whose other values are the last
 * one's. From an end, or a source row that says that the key has gone, there is a gap. */
#include "engine/duckdb_scd2.h"

#include <stdio.h>

/* ---- what is known ------------------------------------------------------------------------- */

static silt_status put_tracked(const silt_scd2_match *x, const silt_join_view *view, bool source,
                               silt_buf *sql)
{
    for (size_t i = 0; i < x->spec->tracked_count; i++) {
        const silt_join_equal *pair = &x->spec->tracked[i];
        const silt_expr *value = source ? pair->source : pair->target;
        silt_buf_puts(sql, ", ");
        if (value)
            SILT_TRY(silt_join_expr(view, value, sql, x->err));
        else
            silt_buf_puts(sql, "NULL");
        silt_buf_printf(sql, " AS v%zu", i);
    }
    return SILT_OK;
}

/* Append the versions of keys in `folded`. */
static void from_versions(const silt_scd2_match *x, silt_buf *sql)
{
    silt_buf_puts(sql, " FROM ");
    silt_scd2_put_versions(x, sql);
    silt_buf_puts(sql, " SEMI JOIN ");
    silt_join_name(sql, x->j, SILT_JOIN_FOLDED);
    silt_buf_puts(sql, " g ON m.sr = g.kid");
}

static silt_status known_versions(const silt_scd2_match *x, silt_buf *sql)
{
    const silt_join_view view = {.join = x->j, .match = &x->j->match, .target = "m.t"};
    silt_buf_puts(sql, "SELECT m.sr AS kid, m.ts AS moment, 2 AS rank, m.id AS m, NULL AS sr, "
                       "false AS gone");
    SILT_TRY(put_tracked(x, &view, false, sql));
    from_versions(x, sql);
    silt_buf_puts(sql, " UNION ALL SELECT m.sr, m.tk, 1, m.id, NULL, false");
    SILT_TRY(put_tracked(x, &view, false, sql));
    from_versions(x, sql);
    silt_buf_puts(sql, " WHERE m.tk > m.ts AND (m.te IS NULL OR m.tk < m.te)");
    silt_buf_puts(sql, " UNION ALL SELECT m.sr, m.te, 0, NULL, NULL, true");
    for (size_t i = 0; i < x->spec->tracked_count; i++)
        silt_buf_puts(sql, ", NULL");
    from_versions(x, sql);
    silt_buf_puts(sql, " WHERE m.te IS NOT NULL");
    return SILT_OK;
}

/* Append the time of a source row s, where v is what the target knows of its key. A row without one
 * of its own comes after all that was known; of a key that a full extract had ended the newest row
 * says that it is there again. */
static silt_status put_time(const silt_scd2_match *x, silt_buf *sql)
{
    const silt_join_view view = {.join = x->j, .source = "s.c"};
    if (!x->spec->from) {
        silt_buf_printf(sql,
                        "greatest(make_timestamptz(%" PRId64
                        "), make_timestamptz(epoch_us(v.ts) + 1), v.te)",
                        x->spec->now_us);
        return SILT_OK;
    }
    if (!x->spec->close_missing) return silt_join_expr(&view, x->spec->from, sql, x->err);
    silt_buf_puts(sql, "CASE WHEN v.open IS NOT DISTINCT FROM false AND ");
    SILT_TRY(silt_join_expr(&view, x->spec->from, sql, x->err));
    silt_buf_puts(sql, " < v.te AND row_number() OVER (PARTITION BY g.kid ORDER BY ");
    SILT_TRY(silt_join_expr(&view, x->spec->from, sql, x->err));
    silt_buf_printf(sql, " DESC) = 1 THEN greatest(make_timestamptz(%" PRId64 "), v.te) ELSE ",
                    x->spec->now_us);
    SILT_TRY(silt_join_expr(&view, x->spec->from, sql, x->err));
    silt_buf_puts(sql, " END");
    return SILT_OK;
}

static silt_status known_rows(const silt_scd2_match *x, silt_buf *sql)
{
    const silt_join_view view = {.join = x->j, .source = "s.c"};
    silt_buf_puts(sql, "SELECT g.kid, ");
    SILT_TRY(put_time(x, sql));
    silt_buf_puts(sql, " AS moment, 3 AS rank, NULL AS m, s.rowid AS sr, ");
    SILT_TRY(silt_scd2_put_gone(x, sql));
    silt_buf_puts(sql, " AS gone");
    SILT_TRY(put_tracked(x, &view, true, sql));
    silt_buf_puts(sql, " FROM ");
    silt_join_name(sql, x->j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, " s JOIN (SELECT kid, kid AS sr FROM ");
    silt_join_name(sql, x->j, SILT_JOIN_FOLDED);
    if (x->several) {
        silt_buf_puts(sql, " UNION ALL SELECT l.kid, l.sr FROM ");
        silt_join_name(sql, x->j, SILT_JOIN_LATER);
        silt_buf_puts(sql, " l SEMI JOIN ");
        silt_join_name(sql, x->j, SILT_JOIN_FOLDED);
        silt_buf_puts(sql, " h ON l.kid = h.kid");
    }
    silt_buf_puts(sql, ") g ON s.rowid = g.sr LEFT JOIN (SELECT m.sr AS kid, max(m.ts) AS ts, "
                       "max(m.te) AS te, bool_or(m.te IS NULL) AS open");
    from_versions(x, sql);
    silt_buf_puts(sql, " GROUP BY m.sr) v ON g.kid = v.kid");
    return SILT_OK;
}

static silt_status gather(const silt_scd2_match *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, x->j, SILT_JOIN_EVENTS);
    silt_buf_puts(&sql, " AS ");
    SILT_TRY(known_rows(x, &sql));
    silt_buf_puts(&sql, " UNION ALL ");
    SILT_TRY(known_versions(x, &sql));
    return silt_scd2_run(x, &sql);
}

/* ---- versions that can't be -------------------------------------------------------------- */

/* Which of two versions that overlap is true nobody knows. */
static silt_status check_overlap(const silt_scd2_match *x)
{
    int64_t broken = 0;
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT count(DISTINCT kid) FROM (SELECT m.sr AS kid, m.ts IS NULL OR m.te "
                        "<= m.ts OR coalesce(epoch_us(m.te), 9223372036854775807) > "
                        "lead(epoch_us(m.ts)) OVER (PARTITION BY m.sr ORDER BY m.ts) AS bad");
    from_versions(x, &sql);
    silt_buf_puts(&sql, ") WHERE bad");
    SILT_TRY(silt_scd2_count(x, &sql, &broken));
    if (!broken) return SILT_OK;
    (void)silt_fail(x->err, SILT_INCONSISTENT,
                    "the versions of %" PRId64 " key%s in the table overlap, or have no start",
                    broken, broken == 1 ? "" : "s");
    return silt_hint(x->err, SILT_INCONSISTENT,
                     "somebody else has changed them; validate-consistency shows which, and "
                     "delete or restore mends the table");
}

/* ---- the fold ------------------------------------------------------------------------------ */

static silt_status fold(const silt_scd2_match *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, x->j, SILT_JOIN_VERSIONS);
    silt_buf_puts(
        &sql, " AS WITH one AS (SELECT *, max(CASE WHEN rank = 2 THEN m END) OVER (PARTITION BY "
              "kid, moment) AS owner, bool_or(rank = 0) OVER (PARTITION BY kid, moment) AS ended "
              "FROM ");
    silt_join_name(&sql, x->j, SILT_JOIN_EVENTS);
    silt_buf_puts(&sql,
                  " QUALIFY row_number() OVER (PARTITION BY kid, moment ORDER BY rank DESC) = 1), "
                  "step AS (SELECT *, gone AND sr IS NOT NULL AND (owner IS NOT NULL OR NOT (ended "
                  "OR lag(gone, 1, true) OVER k)) AS ends, row_number() OVER k = 1 OR gone <> "
                  "lag(gone) OVER k");
    for (size_t i = 0; i < x->spec->tracked_count; i++)
        silt_buf_printf(&sql, " OR (NOT gone AND v%zu IS DISTINCT FROM lag(v%zu) OVER k)", i, i);
    silt_buf_puts(
        &sql,
        " AS opens FROM one WINDOW k AS (PARTITION BY kid ORDER BY moment)), numbered AS (SELECT "
        "*, "
        "sum(opens::INTEGER) OVER (PARTITION BY kid ORDER BY moment) AS n FROM step), runs AS "
        "(SELECT "
        "kid, n, min(moment) AS vs, last(rank ORDER BY moment) AS rank, last(m ORDER BY moment) AS "
        "m, last(sr "
        "ORDER BY moment) AS sr, first(sr ORDER BY moment) AS first_sr, arg_max(owner, moment) AS "
        "owner, any_value(gone) AS gone, list(sr) FILTER (ends) AS ending FROM numbered GROUP BY "
        "kid, n) SELECT *, lead(vs) OVER (PARTITION BY kid ORDER BY n) AS ve FROM runs");
    return silt_scd2_run(x, &sql);
}

/* ---- what has to be done for it ------------------------------------------------------------ */

/* Versions that stay, as themselves or with the source's values, and new ones. */
static silt_status act_on_versions(const silt_scd2_match *x, silt_buf *sql)
{
    const silt_join_view view = {
        .join = x->j, .match = &x->j->match, .target = "m.t", .source = "s.c"};
    silt_buf_puts(sql, "SELECT CASE WHEN m.own THEN m.fi END AS fi, CASE WHEN m.own THEN m.fr END "
                       "AS fr, s.sr AS sr, s.f AS f, m.clause AS clause, m.own AND s.sr IS NOT "
                       "NULL AND (m.clause = ");
    silt_buf_printf(sql, "%d", SILT_SCD2_REPLACE);
    silt_buf_puts(sql, " OR m.vs IS DISTINCT FROM m.ts) AS acts, false AS opens, NULL::TIMESTAMPTZ "
                       "AS tk, m.vs AS vs, m.ve AS ve");
    SILT_TRY(silt_scd2_put_kept(x, false, sql));
    /* Which source row is told of: the one whose values count, or the one that moved the start. */
    silt_buf_puts(sql,
                  " FROM (SELECT v.vs, v.ve, v.owner IS NOT NULL AS own, CASE WHEN v.sr IS NULL "
                  "THEN v.first_sr ELSE v.sr END AS told, m.*, CASE WHEN v.owner IS NULL THEN ");
    silt_buf_printf(sql, "(CASE WHEN v.sr IS NULL THEN %d ELSE %d END) ", SILT_SCD2_COPY,
                    SILT_SCD2_OPEN);
    silt_buf_puts(sql, "WHEN v.sr IS NULL OR (");
    SILT_TRY(silt_scd2_put_equal(&view, x->spec->tracked, x->spec->tracked_count, sql, x->err));
    silt_buf_puts(sql, " AND ");
    SILT_TRY(silt_scd2_put_equal(&view, x->spec->others, x->spec->other_count, sql, x->err));
    silt_buf_printf(
        sql,
        ") THEN CASE WHEN v.vs IS DISTINCT FROM m.ts OR v.ve IS DISTINCT FROM m.te THEN "
        "%d END ELSE %d END AS clause FROM (SELECT * FROM ",
        SILT_SCD2_KEEP, SILT_SCD2_REPLACE);
    silt_join_name(sql, x->j, SILT_JOIN_VERSIONS);
    silt_buf_puts(sql, " WHERE NOT gone) v LEFT JOIN (SELECT m.id, m.fi, m.fr, m.ts, m.te");
    SILT_TRY(silt_scd2_put_kept(x, false, sql));
    silt_buf_puts(sql, " FROM ");
    silt_scd2_put_versions(x, sql);
    silt_buf_puts(sql, ") m ON m.id = coalesce(v.owner, v.m) LEFT JOIN ");
    silt_join_name(sql, x->j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, " s ON s.rowid = v.sr) m LEFT JOIN (SELECT rowid AS sr, f FROM ");
    silt_join_name(sql, x->j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, ") s ON s.sr = m.told WHERE m.clause IS NOT NULL");
    return SILT_OK;
}

/* Versions that none of these is. */
static silt_status act_on_others(const silt_scd2_match *x, silt_buf *sql)
{
    silt_buf_printf(sql, "SELECT m.fi, m.fr, NULL, NULL, %d, false, false, NULL, NULL, NULL",
                    SILT_SCD2_DROP);
    SILT_TRY(silt_scd2_put_kept(x, true, sql));
    from_versions(x, sql);
    silt_buf_puts(sql, " WHERE m.id NOT IN (SELECT owner FROM ");
    silt_join_name(sql, x->j, SILT_JOIN_VERSIONS);
    silt_buf_puts(sql, " WHERE owner IS NOT NULL AND NOT gone)");
    return SILT_OK;
}

/* Source rows that ended a version, or had one that began with them go. */
static silt_status act_on_gaps(const silt_scd2_match *x, silt_buf *sql)
{
    silt_buf_puts(sql, "SELECT NULL, NULL, s.rowid, s.f, NULL, true, false, NULL, NULL, NULL");
    SILT_TRY(silt_scd2_put_kept(x, true, sql));
    silt_buf_puts(sql, " FROM (SELECT unnest(ending) AS sr FROM ");
    silt_join_name(sql, x->j, SILT_JOIN_VERSIONS);
    silt_buf_puts(sql, ") v JOIN ");
    silt_join_name(sql, x->j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, " s ON s.rowid = v.sr");
    return SILT_OK;
}

silt_status silt_scd2_fold(const silt_scd2_match *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(check_overlap(x));
    SILT_TRY(gather(x));
    SILT_TRY(fold(x));
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, x->j, SILT_JOIN_ACTIONS);
    silt_buf_puts(&sql, " AS ");
    SILT_TRY(act_on_versions(x, &sql));
    silt_buf_puts(&sql, " UNION ALL ");
    SILT_TRY(act_on_others(x, &sql));
    if (x->spec->gone) {
        silt_buf_puts(&sql, " UNION ALL ");
        SILT_TRY(act_on_gaps(x, &sql));
    }
    return silt_scd2_run(x, &sql);
}
