/* Whether versions are whole: all of a key beside each other, in the order of time. */
#include <stdio.h>
#include <stdlib.h>

#include "ops/scd2.h"
#include "table/rows.h"

#define RELATION "versions"

typedef struct checking {
    const char *const *keys;
    const silt_scd2_options *scd2;
    const silt_rows_spec *rows;
    silt_arena *arena;
    silt_scd2_report *out;
    size_t samples;
    bool no_memory;
    silt_error *err;
} checking;

const char *silt_scd2_fault_name(silt_scd2_fault fault)
{
    static const char *const names[SILT_SCD2_FAULTS] = {
        "no start", "it ends before it begins", "versions overlap",
        "a gap",    "several current versions", "the flag isn't right"};
    return names[fault];
}

/* ---- the query */

static void put_name(const char *name, silt_buf *sql)
{
    silt_buf_putc(sql, '"');
    for (const char *c = name; *c; c++)
        silt_buf_puts(sql, *c == '"' ? "\"\"" : (char[]){*c, '\0'});
    silt_buf_putc(sql, '"');
}

static void put_text(const char *text, silt_buf *sql)
{
    silt_buf_putc(sql, '\'');
    for (const char *c = text; *c; c++)
        silt_buf_puts(sql, *c == '\'' ? "''" : (char[]){*c, '\0'});
    silt_buf_putc(sql, '\'');
}

static void put_keys(const checking *x, silt_buf *sql)
{
    for (size_t i = 0; x->keys[i]; i++)
        silt_buf_printf(sql, "%sk%zu", i ? ", " : "", i);
}

/* Two versions that overlap are neighbours, or one of them overlaps a neighbour. */
static const char *query(const checking *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "WITH v AS (SELECT ");
    for (size_t i = 0; x->keys[i]; i++) {
        put_name(x->keys[i], &sql);
        silt_buf_printf(&sql, " AS k%zu, ", i);
    }
    put_name(x->scd2->effective_date_column, &sql);
    silt_buf_puts(&sql, " AS s, ");
    put_name(x->scd2->end_date_column, &sql);
    silt_buf_puts(&sql, " AS e, ");
    put_name(x->scd2->current_flag_column, &sql);
    silt_buf_puts(&sql, " AS f FROM " RELATION "), w AS (SELECT *, lead(s) OVER (PARTITION BY ");
    put_keys(x, &sql);
    silt_buf_puts(&sql, " ORDER BY s, e) AS n FROM v), g AS (SELECT ");
    put_keys(x, &sql);
    silt_buf_puts(&sql,
                  ", count(*) AS c, count(*) FILTER (e IS NULL) AS o, "
                  "coalesce(bool_or(s IS NULL), false) AS f0, coalesce(bool_or(e <= s), false) AS "
                  "f1, coalesce(bool_or(n IS NOT NULL AND (e IS NULL OR e > n)), false) AS f2, ");
    silt_buf_puts(&sql, x->scd2->close_missing ? "false" : "coalesce(bool_or(n > e), false)");
    silt_buf_puts(&sql, " AS f3, count(*) FILTER (e IS NULL) > 1 AS f4, "
                        "bool_or(f IS DISTINCT FROM (e IS NULL)) AS f5 FROM w GROUP BY ");
    put_keys(x, &sql);
    silt_buf_puts(&sql, "), b AS (SELECT * FROM g WHERE f0 OR f1 OR f2 OR f3 OR f4 OR f5) SELECT "
                        "NULL AS label, coalesce(sum(c), 0)::BIGINT, count(*), count(*) FILTER (o "
                        "> 0), count(*) FILTER (f0 OR f1 OR f2 OR f3 OR f4 OR f5)");
    for (int i = 0; i < SILT_SCD2_FAULTS; i++)
        silt_buf_printf(&sql, ", count(*) FILTER (f%d)", i);
    silt_buf_puts(&sql, " FROM g UNION ALL SELECT * FROM (SELECT concat_ws(', '");
    for (size_t i = 0; x->keys[i]; i++) {
        silt_buf_puts(&sql, ", ");
        put_text(x->keys[i], &sql);
        silt_buf_printf(&sql, " || ' = ' || coalesce(k%zu::VARCHAR, 'null')", i);
    }
    silt_buf_puts(&sql, "), c, o, 0, 1");
    for (int i = 0; i < SILT_SCD2_FAULTS; i++)
        silt_buf_printf(&sql, ", f%d::BIGINT", i);
    silt_buf_puts(&sql, " FROM b ORDER BY ");
    put_keys(x, &sql);
    silt_buf_printf(&sql, " LIMIT %d)", SILT_SCD2_SAMPLES);
    return silt_buf_copy(&sql, x->arena);
}

static silt_status give_relation(void *ctx, const silt_relation_request *request,
                                 const silt_rows_spec **out, silt_error *err)
{
    const checking *x = ctx;
    if (!request->is_name || !silt_streq(request->table, RELATION))
        return silt_fail(err, SILT_NOT_FOUND, "there is no table %s", request->table);
    *out = x->rows;
    return SILT_OK;
}

/* ---- what it says */

static int64_t number(const silt_bytes *value)
{
    char text[32];
    size_t size = value->size < sizeof(text) ? value->size : sizeof(text) - 1;
    memcpy(text, value->data, size);
    text[size] = '\0';
    return strtoll(text, NULL, 10);
}

static bool take_sample(checking *x, const silt_bytes *values)
{
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_append(&text, values[0].data, values[0].size);
    const char *before = ": ";
    for (int i = 0; i < SILT_SCD2_FAULTS; i++) {
        if (!number(&values[5 + i])) continue;
        silt_buf_printf(&text, "%s%s", before, silt_scd2_fault_name((silt_scd2_fault)i));
        before = ", ";
    }
    x->out->samples[x->samples] = silt_buf_copy(&text, x->arena);
    x->no_memory |= !x->out->samples[x->samples++];
    return !x->no_memory;
}

static bool on_row(void *ctx, const silt_bytes *values, size_t count)
{
    checking *x = ctx;
    silt_scd2_report *out = x->out;
    (void)count;
    if (values[0].data) return x->samples >= SILT_SCD2_SAMPLES || take_sample(x, values);
    out->versions = number(&values[1]);
    out->keys = number(&values[2]);
    out->current = number(&values[3]);
    out->bad_keys = number(&values[4]);
    for (int i = 0; i < SILT_SCD2_FAULTS; i++)
        out->faults[i] = number(&values[5 + i]);
    return true;
}

/* ---- the call */

silt_status silt_scd2_check_rows(silt_engine *engine, const silt_rows_spec *rows,
                                 const char *const *keys, const silt_scd2_options *scd2,
                                 silt_arena *arena, silt_scd2_report *out, silt_error *err)
{
    silt_scd2_report report = {0};
    checking x = {
        .keys = keys, .scd2 = scd2, .rows = rows, .arena = arena, .out = &report, .err = err};
    const char *sql = query(&x);
    if (!sql) return silt_fail_nomem(err);
    const silt_rows_spec asked = {.kind = SILT_ROWS_QUERY,
                                  .query = {.sql = sql, .relation = give_relation, .ctx = &x}};
    SILT_TRY(engine->ops->scan_rows(engine, &asked, on_row, &x, err));
    if (x.no_memory) return silt_fail_nomem(err);
    *out = report;
    return SILT_OK;
}

static silt_status check_columns(silt_snapshot *snapshot, const char *const *keys,
                                 const silt_scd2_options *scd2, silt_error *err)
{
    const silt_type *schema = silt_snapshot_schema(snapshot);
    for (size_t i = 0; keys[i]; i++)
        if (silt_type_find(schema, keys[i]) < 0)
            return silt_fail(err, SILT_INVALID, "the table has no column %s", keys[i]);
    return silt_scd2_check_table(scd2, schema, err);
}

static silt_status open_scan(silt_snapshot *snapshot, const char *const *keys,
                             const silt_scd2_options *scd2, silt_arena *arena, silt_scan **out,
                             silt_error *err)
{
    size_t count = 0;
    while (keys[count])
        count++;
    const char **names = silt_arena_calloc(arena, count + SILT_SCD2_COLUMNS + 1, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    silt_field fields[SILT_SCD2_COLUMNS];
    silt_scd2_fields(scd2, fields);
    memcpy(names, keys, count * sizeof(*names));
    for (size_t i = 0; i < SILT_SCD2_COLUMNS; i++)
        names[count++] = fields[i].name;
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.columns = names;
    opts.column_count = count;
    return silt_scan_open(snapshot, &opts, out, err);
}

silt_status silt_scd2_check(silt_snapshot *snapshot, const char *const *keys,
                            const silt_scd2_options *scd2, silt_arena *arena, silt_scd2_report *out,
                            silt_error *err)
{
    static const char *const none[] = {"", NULL};
    silt_scd2_options names, given = SILT_SCD2_OPTIONS_INIT;
    silt_scan *scan = NULL;
    if (!keys || !keys[0]) return silt_fail(err, SILT_INVALID, "versions are of keys: name them");
    if (scd2 && scd2->struct_size < sizeof(given))
        return silt_fail(err, SILT_INVALID, "silt_scd2_options: struct_size isn't set");
    if (scd2) given = *scd2;
    given.tracking_columns = none; /* not looked at */
    SILT_TRY(silt_scd2_take(&given, &names, err));
    SILT_TRY(check_columns(snapshot, keys, &names, err));
    SILT_TRY(open_scan(snapshot, keys, &names, arena, &scan, err));
    silt_status st = silt_scd2_check_rows(scan->engine, &scan->rows, keys, &names, arena, out, err);
    silt_scan_free(scan);
    return st;
}
