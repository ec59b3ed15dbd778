/* The rows that one scan has and another hasn't, as multisets.
 *
 * One pass over both: equal rows are counted, +1 for each after and -1 for each before. What is
 * left over is the difference. DuckDB's grouping takes nulls for equal and NaN too, and spills. */
#include "engine/duckdb_table.h"

#include <stdio.h>

/* Append "c0, c1, …", each behind `prefix`. */
static void names_sql(size_t count, const char *prefix, silt_buf *sql)
{
    for (size_t c = 0; c < count; c++)
        silt_buf_printf(sql, "%s%sc%zu", c ? ", " : "", prefix, c);
}

/* Append a side's rows with their columns c0, c1, … in the form that makes equal ones equal. */
static silt_status side_sql(const silt_duck_rows *rows, size_t side, size_t count, silt_buf *sql,
                            silt_error *err)
{
    const silt_scan_spec *spec = side ? rows->spec->diff.after : rows->spec->diff.before;
    SILT_CLEAN(silt_buf) select = {0};
    silt_column *columns = silt_arena_calloc(rows->arena, count, sizeof *columns);
    if (!columns) return silt_fail_nomem(err);
    for (size_t c = 0; c < count; c++) {
        columns[c].name = silt_arena_printf(rows->arena, "c%zu", c);
        columns[c].type = rows->columns[c].type;
        if (!columns[c].name) return silt_fail_nomem(err);
    }
    SILT_TRY(silt_duck_scan_sql(&rows->tables[side], spec, false, &select, err));
    silt_buf_puts(sql, "SELECT *, ");
    silt_buf_puts(sql, side ? "1 AS n FROM (" : "-1 AS n FROM (");
    SILT_TRY(silt_duck_form_sql(columns, count, SILT_DUCK_NORMAL, &select, sql, err));
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

static silt_status key_column(const silt_duck_rows *rows, size_t count, const char *key,
                              size_t *out, silt_error *err)
{
    for (size_t c = 0; c < count; c++) {
        if (strcmp(rows->columns[c].name, key) != 0) continue;
        *out = c;
        return SILT_OK;
    }
    return silt_fail(err, SILT_INVALID, "difference: key %s is none of the columns", key);
}

/* Append the keys that are left over once on each side: ", k AS (SELECT …)", and how d's rows find
 * them. */
static silt_status keys_sql(const silt_duck_rows *rows, size_t count, silt_buf *sql, silt_buf *join,
                            silt_error *err)
{
    const silt_diff_spec *spec = &rows->spec->diff;
    SILT_CLEAN(silt_buf) names = {0};
    for (size_t i = 0; i < spec->key_count; i++) {
        size_t c = 0;
        SILT_TRY(key_column(rows, count, spec->keys[i], &c, err));
        silt_buf_printf(&names, "%sc%zu", i ? ", " : "", c);
        silt_buf_printf(join, "%s d.c%zu IS NOT DISTINCT FROM k.c%zu", i ? " AND" : "", c, c);
    }
    if (names.failed) return silt_fail_nomem(err);
    silt_buf_printf(sql,
                    ", k AS (SELECT %s, true AS u FROM d GROUP BY %s HAVING sum(greatest(n, 0)) = "
                    "1 AND sum(least(n, 0)) = -1)",
                    names.data, names.data);
    return SILT_OK;
}

silt_status silt_duck_diff_sql(const silt_duck_rows *rows, silt_buf *sql, silt_error *err)
{
    size_t count = rows->column_count - 1;
    bool keyed = rows->spec->diff.key_count > 0;
    SILT_CLEAN(silt_buf) join = {0};
    silt_buf_puts(sql, "WITH d AS MATERIALIZED (SELECT ");
    names_sql(count, "", sql);
    silt_buf_puts(sql, ", sum(n)::BIGINT AS n FROM (");
    SILT_TRY(side_sql(rows, 0, count, sql, err));
    silt_buf_puts(sql, " UNION ALL ");
    SILT_TRY(side_sql(rows, 1, count, sql, err));
    silt_buf_puts(sql, ") GROUP BY ");
    names_sql(count, "", sql);
    silt_buf_puts(sql, " HAVING sum(n) <> 0)");
    if (keyed) SILT_TRY(keys_sql(rows, count, sql, &join, err));

    for (size_t c = 0; c < count; c++) {
        silt_buf_printf(sql, c ? ", c%zu AS " : " SELECT c%zu AS ", c);
        silt_sql_name(sql, rows->columns[c].name);
    }
    silt_buf_printf(sql, ", CASE %sWHEN n < 0 THEN 'delete' ELSE 'insert' END AS ",
                    keyed ? "WHEN u AND n < 0 THEN 'update_preimage' WHEN u THEN "
                            "'update_postimage' "
                          : "");
    silt_sql_name(sql, rows->columns[count].name);
    silt_buf_puts(sql, " FROM (SELECT ");
    names_sql(count, "d.", sql);
    silt_buf_printf(sql, ", n%s, unnest(range(abs(n))) FROM d", keyed ? ", u" : "");
    if (keyed) silt_buf_printf(sql, " LEFT JOIN k ON%s", join.data ? join.data : "");
    silt_buf_putc(sql, ')');
    int64_t limit = rows->spec->diff.limit;
    if (limit >= 0) silt_buf_printf(sql, " LIMIT %" PRId64, limit);
    return join.failed ? silt_fail_nomem(err) : SILT_OK;
}
