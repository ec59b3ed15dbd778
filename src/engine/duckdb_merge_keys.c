/* Which keys the source of a merge may have: a filter over their hashes.
 *
 * It finds the rows that may stand twice, so that only these are grouped, and keeps most rows of
 * the target from being looked up among the source's in vain: the filter stays in the processor's
 * cache, a hash table of all rows doesn't. */
#include "engine/duckdb_merge.h"

#include <stdio.h>

/* Append a column of a side as both sides have it hashed. */
static silt_status put_hashed(const char *column, const silt_type *type, silt_buf *sql,
                              silt_error *err)
{
    silt_buf_printf(sql, "%sCAST(%s AS ", sql->size ? ", " : "", column);
    SILT_TRY(silt_sql_type(sql, type, err));
    silt_buf_putc(sql, ')');
    return sql->failed ? silt_fail_nomem(err) : SILT_OK;
}

/* An empty filter, of keys that are `of`. */
static silt_status begin(silt_join *j, const char *of, silt_error *err)
{
    int64_t rows = 0;
    for (size_t i = 0; i < j->source_count; i++)
        rows += j->read[i] - j->deduplicated[i];
    silt_duck_bloom_release(&j->bloom);
    j->bloom_of = silt_arena_strdup(j->arena, of);
    return j->bloom_of ? silt_duck_bloom_init(&j->bloom, j->db, rows, err) : silt_fail_nomem(err);
}

/* ---- keys that stand twice ------------------------------------------------------------------- */

silt_status silt_join_find_suspects(silt_join *j, bool *found, silt_error *err)
{
    SILT_CLEAN(silt_buf) of = {0};
    SILT_CLEAN(silt_buf) sql = {0};
    *found = false;
    for (size_t k = 0; k < j->spec.key_count; k++) {
        char column[40];
        const silt_type *type = j->spec.stage.columns[j->keys[k]].type;
        (void)snprintf(column, sizeof column, "s.c%zu", j->keys[k]);
        if (!silt_duck_bloom_takes(type)) return SILT_OK;
        SILT_TRY(put_hashed(column, type, &of, err));
    }
    SILT_TRY(begin(j, of.data, err));
    if (!j->bloom.words) return SILT_OK;
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, j, SILT_JOIN_SUSPECT);
    silt_buf_puts(&sql, " AS SELECT DISTINCT ");
    silt_join_put_keys(&sql, j, "s");
    silt_buf_puts(&sql, " FROM ");
    silt_join_name(&sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " s WHERE ");
    silt_duck_bloom_add_sql(&j->bloom, of.data, &sql);
    SILT_TRY(silt_duck_query(j->db, &sql, NULL, err));
    *found = true;
    return SILT_OK;
}

/* ---- rows of the target ---------------------------------------------------------------------- */

/* Columns that are compared as they are. What else has to be equal is left to the join. */
static bool is_plain(const silt_join_equal *equal)
{
    return equal->target->kind == SILT_EXPR_COLUMN && equal->target->path_count == 2 &&
           equal->source->kind == SILT_EXPR_COLUMN && equal->source->path_count == 2 &&
           silt_duck_bloom_takes(equal->target->type) &&
           silt_type_equal(equal->target->type, equal->source->type);
}

static silt_status put_side(const silt_join_view *view, const silt_expr *expr, silt_buf *sql,
                            silt_error *err)
{
    SILT_CLEAN(silt_buf) column = {0};
    SILT_TRY(silt_join_expr(view, expr, &column, err));
    return column.failed ? silt_fail_nomem(err) : put_hashed(column.data, expr->type, sql, err);
}

static silt_status fill(silt_join *j, const char *of, silt_error *err)
{
    int64_t count;
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(begin(j, of, err));
    if (!j->bloom.words) return SILT_OK;
    silt_buf_puts(&sql, "SELECT count(*) FROM ");
    silt_join_name(&sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " s WHERE ");
    silt_duck_bloom_add_sql(&j->bloom, of, &sql);
    return silt_duck_query_int(j->db, &sql, &count, err);
}

silt_status silt_join_make_sieve(silt_join *j, silt_error *err)
{
    const silt_join_view view = {
        .join = j, .match = &j->match, .target = "t.c", .source = "s.c", .from_files = true};
    SILT_CLEAN(silt_buf) of = {0};
    SILT_CLEAN(silt_buf) target = {0};
    SILT_CLEAN(silt_buf) sql = {0};
    j->sieve = NULL;
    for (size_t i = 0; i < j->match.equal_count; i++) {
        if (!is_plain(&j->match.equals[i])) continue;
        SILT_TRY(put_side(&view, j->match.equals[i].source, &of, err));
        SILT_TRY(put_side(&view, j->match.equals[i].target, &target, err));
    }
    if (!of.size || !j->target.file_count) return SILT_OK;
    if (!j->bloom_of || strcmp(j->bloom_of, of.data) != 0) SILT_TRY(fill(j, of.data, err));
    if (!j->bloom.words) return SILT_OK;
    silt_duck_bloom_has_sql(&j->bloom, target.data, &sql);
    j->sieve = silt_buf_copy(&sql, j->match_arena);
    return j->sieve ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_join_put_target(const silt_join *j, silt_buf *sql, silt_error *err)
{
    silt_buf_puts(sql, "(SELECT *, true AS hit FROM (");
    SILT_TRY(silt_duck_table_sql(&j->target, NULL, true, sql, err));
    silt_buf_puts(sql, ") t");
    if (j->sieve) silt_buf_printf(sql, " WHERE %s", j->sieve);
    silt_buf_puts(sql, ") t ");
    return SILT_OK;
}
