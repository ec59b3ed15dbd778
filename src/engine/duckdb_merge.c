/* A merge's source, kept for as long as it takes to find what it meets.
 *
 * Invariants
 *  (1) After join_begin read = kept + deduplicated by file, and the source's table never changes:
 *      matching may be done again, against other files.
 *  (2) Of a clause's rows each is one row of the target (or, inserted, of the source), and is
 *      written once. */
#include "engine/duckdb_merge.h"

#include <stdio.h>

/* ---- once ---------------------------------------------------------------------------------- */

static const char once_name[] = SILT_JOIN_ONCE; /* its address is the kind of the scan, too */

static void once(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    idx_t count = silt_duck.data_chunk_get_size(input);
    if (count == 0) return;
    const int64_t *ids = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 0));
    duckdb_vector given = silt_duck.data_chunk_get_vector(input, 1);
    uint64_t *validity = silt_duck.vector_get_validity(given);
    atomic_int_fast64_t *rows =
        ids[0] ? silt_duck_scan_data(silt_duck_function_engine(info), ids[0], once_name) : NULL;
    if (rows) atomic_fetch_add(rows, (int_fast64_t)count);
    memcpy(silt_duck.vector_get_data(output), silt_duck.vector_get_data(given), count);
    if (!validity) return;
    silt_duck.vector_ensure_validity_writable(output);
    memcpy(silt_duck.vector_get_validity(output), validity, (count + 63) / 64 * sizeof *validity);
}

silt_status silt_duck_join_register(silt_duck_engine *db, silt_error *err)
{
    const duckdb_type args[] = {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_BOOLEAN, DUCKDB_TYPE_INVALID};
    return silt_duck_add_function(db, once_name, args, DUCKDB_TYPE_BOOLEAN, true, once, err);
}

void silt_join_count_begin(silt_join *j, silt_duck_scan *scan, atomic_int_fast64_t *rows)
{
    *scan = (silt_duck_scan){.kind = once_name, .data = rows};
    silt_duck_scan_add(j->db, scan);
}

/* ---- names and counts ---------------------------------------------------------------------- */

void silt_join_name(silt_buf *sql, const silt_join *j, silt_join_table table)
{
    static const char *const names[] = {
        [SILT_JOIN_STAGED] = "staged",     [SILT_JOIN_SOURCES] = "source",
        [SILT_JOIN_MATCHES] = "matched",   [SILT_JOIN_LONE] = "lone",
        [SILT_JOIN_SUSPECT] = "suspect",   [SILT_JOIN_TWICE] = "twice",
        [SILT_JOIN_LOSER] = "loser",       [SILT_JOIN_PAIRS] = "pairs",
        [SILT_JOIN_SEVERAL] = "several",   [SILT_JOIN_LATER] = "later",
        [SILT_JOIN_FOLDED] = "folded",     [SILT_JOIN_EVENTS] = "events",
        [SILT_JOIN_VERSIONS] = "versions", [SILT_JOIN_ACTIONS] = "actions"};
    silt_buf_printf(sql, "temp.main.silt_join_%" PRId64 "_%s", j->id, names[table]);
}

void silt_join_drop(const silt_join *j, silt_join_table table)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    bool view = table == SILT_JOIN_SOURCES || (table == SILT_JOIN_MATCHES && j->match.scd2);
    silt_buf_printf(&sql, "DROP %s IF EXISTS ", view ? "VIEW" : "TABLE");
    silt_join_name(&sql, j, table);
    if (!sql.failed && j->db->connection)
        (void)silt_duck.query(j->db->connection, sql.data, &result);
}

silt_status silt_join_counts(const silt_join *j, const silt_buf *sql, size_t size,
                             int64_t *const *counts, size_t count_columns, silt_error *err)
{
    SILT_CLEAN(silt_duck_result) result = {0};
    SILT_TRY(silt_duck_query(j->db, sql, &result, err));
    for (;;) {
        SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
        if (!chunk) return SILT_OK;
        idx_t rows = silt_duck.data_chunk_get_size(chunk);
        const int64_t *index = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 0));
        for (size_t c = 0; c < count_columns; c++) {
            const int64_t *count =
                silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, c + 1));
            for (idx_t i = 0; i < rows; i++) {
                if (index[i] < 0 || (size_t)index[i] >= size)
                    return silt_fail(err, SILT_FAILED, "internal error: no file %" PRId64,
                                     index[i]);
                counts[c][index[i]] += count[i];
            }
        }
    }
}

/* ---- joins --------------------------------------------------------------------------------- */

/* DuckDB takes a scan with a schema for a small one and would hash all of the target instead of the
 * source. So joins with it stay as they are written: the right side is hashed, and the left one
 * only passes by. */
silt_status silt_join_session_begin(silt_duck_engine *db, silt_error *err)
{
    SILT_TRY(silt_duck_utc_begin(db, err));
    return silt_duck_run(db, "SET disabled_optimizers = 'join_order,build_side_probe_side'", NULL,
                         err);
}

/* As silt_duck_utc_end(): whatever happened. */
void silt_join_session_end(silt_duck_engine *db)
{
    SILT_CLEAN(silt_duck_result) result = {0};
    if (db->connection)
        (void)silt_duck.query(db->connection, "SET disabled_optimizers = ''", &result);
    silt_duck_utc_end(db);
}

/* ---- expressions --------------------------------------------------------------------------- */

static ptrdiff_t find_source(const silt_join *j, const char *name)
{
    for (size_t c = 0; c < j->spec.stage.column_count; c++)
        if (strcmp(j->spec.stage.columns[c].name, name) == 0) return (ptrdiff_t)c;
    return -1;
}

static ptrdiff_t find_target(const silt_join_match_spec *match, const char *name)
{
    for (size_t c = 0; match && c < match->target->column_count; c++)
        if (strcmp(match->target->columns[c].name, name) == 0) return (ptrdiff_t)c;
    return -1;
}

static silt_status put_column(void *ctx, const silt_expr *column, silt_buf *sql, silt_error *err)
{
    const silt_join_view *v = ctx;
    const char *name = column->path_count > 1 ? column->path[1] : "";
    bool target = strcmp(column->path[0], SILT_JOIN_TARGET) == 0;
    if (v->version && strcmp(column->path[0], SILT_JOIN_VERSION) == 0) {
        silt_buf_printf(sql, "%sv%c", v->version, name[0]);
        return SILT_OK;
    }
    ptrdiff_t c = target ? find_target(v->match, name) : find_source(v->join, name);
    if (c < 0) return silt_fail(err, SILT_INVALID, "merge: no column %s.%s", column->path[0], name);
    SILT_CLEAN(silt_buf) text = {0};
    for (size_t i = 2; i < column->path_count; i++)
        silt_buf_putc(&text, '(');
    silt_buf_printf(&text, "%s%td", target ? v->target : v->source, c);
    for (size_t i = 2; i < column->path_count; i++) {
        silt_buf_puts(&text, ").");
        silt_sql_name(&text, column->path[i]);
    }
    if (text.failed) return silt_fail_nomem(err);
    bool real = column->type->kind == SILT_TYPE_FLOAT || column->type->kind == SILT_TYPE_DOUBLE;
    if (target && v->from_files && real)
        silt_duck_guard_float(sql, column->type, text.data);
    else
        silt_buf_puts(sql, text.data);
    return SILT_OK;
}

silt_status silt_join_expr(const silt_join_view *view, const silt_expr *expr, silt_buf *sql,
                           silt_error *err)
{
    return silt_duck_expr_sql(expr, put_column, (void *)view, sql, err);
}

bool silt_join_has_clause(const silt_join_match_spec *match, silt_join_when when)
{
    for (size_t i = 0; i < match->clause_count; i++)
        if (match->clauses[i].when == when) return true;
    return false;
}

silt_status silt_join_clause_sql(const silt_join_view *view, silt_join_when when, silt_buf *sql,
                                 silt_error *err)
{
    const silt_join_match_spec *match = &view->join->match;
    if (!silt_join_has_clause(match, when)) {
        silt_buf_puts(sql, "NULL::INTEGER");
        return SILT_OK;
    }
    silt_buf_puts(sql, "(CASE");
    for (size_t i = 0; i < match->clause_count; i++) {
        const silt_join_clause *clause = &match->clauses[i];
        if (clause->when != when) continue;
        silt_buf_puts(sql, " WHEN ");
        if (clause->condition)
            SILT_TRY(silt_join_expr(view, clause->condition, sql, err));
        else
            silt_buf_puts(sql, "true");
        silt_buf_printf(sql, " THEN %zu", i);
    }
    silt_buf_puts(sql, " END)::INTEGER");
    return SILT_OK;
}

/* ---- begin --------------------------------------------------------------------------------- */

static silt_status find_columns(silt_join *j, silt_error *err)
{
    const silt_join_spec *spec = &j->spec;
    size_t *keys = silt_arena_calloc(j->arena, spec->key_count + 1, sizeof *keys);
    if (!keys) return silt_fail_nomem(err);
    j->keys = keys;
    j->newest = -1;
    for (size_t k = 0; k < spec->key_count; k++) {
        ptrdiff_t c = find_source(j, spec->keys[k]);
        if (c < 0) return silt_fail(err, SILT_INVALID, "merge: no column %s", spec->keys[k]);
        keys[k] = (size_t)c;
    }
    if (spec->twice != SILT_TWICE_FINE && spec->key_count == 0)
        return silt_fail(err, SILT_INVALID, "merge: no keys");
    if (spec->twice != SILT_TWICE_NEWEST) return SILT_OK;
    j->newest = spec->newest_by ? find_source(j, spec->newest_by) : -1;
    if (j->newest >= 0) return SILT_OK;
    return silt_fail(err, SILT_INVALID, "merge: no column %s",
                     spec->newest_by ? spec->newest_by : "that tells the newest row");
}

static silt_status join_new(silt_duck_engine *db, const silt_join_spec *spec, silt_join **out,
                            silt_error *err)
{
    static atomic_int_fast64_t count; /* of all engines: a name is never taken twice */
    silt_join *j = calloc(1, sizeof *j);
    if (!j) return silt_fail_nomem(err);
    *out = j;
    j->db = db;
    j->spec = *spec;
    j->id = atomic_fetch_add(&count, 1);
    j->arena = silt_arena_new();
    j->match_arena = silt_arena_new();
    if (!j->arena || !j->match_arena) return silt_fail_nomem(err);
    return find_columns(j, err);
}

static silt_status describe_source(const silt_join *j, silt_arena *arena, silt_join_source *out,
                                   silt_error *err)
{
    size_t n = j->source_count + 1;
    int64_t *read = silt_arena_calloc(arena, n, sizeof *read);
    int64_t *deduplicated = silt_arena_calloc(arena, n, sizeof *deduplicated);
    if (!read || !deduplicated) return silt_fail_nomem(err);
    memcpy(read, j->read, n * sizeof *read);
    memcpy(deduplicated, j->deduplicated, n * sizeof *deduplicated);
    *out = (silt_join_source){.read = read, .deduplicated = deduplicated};
    return SILT_OK;
}

silt_status silt_duck_join_begin(silt_engine *engine, const silt_join_spec *spec, silt_arena *arena,
                                 silt_join **out, silt_join_source *source, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    silt_join *j = NULL;
    silt_stage_result found = {0};
    SILT_TRY(silt_duck_start(db, err));
    silt_status st = join_new(db, spec, &j, err);
    if (st == SILT_OK) st = silt_join_read_source(j, arena, &found, err);
    if (st == SILT_OK) st = describe_source(j, arena, source, err);
    source->violations = found.violations;
    source->violation_count = found.violation_count;
    if (st == SILT_OK)
        *out = j;
    else
        silt_duck_join_free(j);
    return st;
}

void silt_duck_join_free(silt_join *j)
{
    if (!j) return;
    for (silt_join_table t = 0; t < SILT_JOIN_TABLES; t++)
        silt_join_drop(j, t);
    silt_duck_table_release(&j->target);
    silt_duck_bloom_release(&j->bloom);
    if (j->sources) silt_duck_sources_release(j->sources);
    silt_arena_free(j->match_arena);
    silt_arena_free(j->arena);
    free(j);
}

/* ---- ranges -------------------------------------------------------------------------------- */

static char *text_copy(silt_arena *arena, duckdb_data_chunk chunk, idx_t column, silt_error *err,
                       silt_status *st)
{
    duckdb_vector v = silt_duck.data_chunk_get_vector(chunk, column);
    if (!silt_duck_valid(silt_duck.vector_get_validity(v), 0)) return NULL;
    silt_bytes text = silt_duck_bytes(silt_duck.vector_get_data(v), 0);
    char *copy = silt_arena_strndup(arena, text.data, text.size);
    if (!copy) *st = silt_fail_nomem(err);
    return copy;
}

static silt_status ranges_sql(const silt_join *j, const silt_expr *const *values, size_t count,
                              silt_buf *sql, silt_error *err)
{
    const silt_join_view view = {.join = j, .source = "s.c"};
    silt_buf_puts(sql, "SELECT ");
    for (size_t i = 0; i < count; i++)
        silt_buf_printf(
            sql,
            "%smin(v%zu)::VARCHAR, max(v%zu)::VARCHAR, CASE WHEN count(*) > count(v%zu) "
            "THEN 'null' END",
            i ? ", " : "", i, i, i);
    silt_buf_puts(sql, " FROM (SELECT ");
    for (size_t i = 0; i < count; i++) {
        if (i) silt_buf_puts(sql, ", ");
        SILT_TRY(silt_join_expr(&view, values[i], sql, err));
        silt_buf_printf(sql, " AS v%zu", i);
    }
    silt_buf_puts(sql, " FROM ");
    silt_join_name(sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, " s)");
    return SILT_OK;
}

silt_status silt_duck_join_ranges(silt_join *j, const silt_expr *const *values, size_t count,
                                  silt_arena *arena, silt_join_range *out, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    if (!count) return SILT_OK;
    SILT_TRY(ranges_sql(j, values, count, &sql, err));
    SILT_TRY(silt_duck_utc_begin(j->db, err)); /* values as text */
    silt_status st = silt_duck_query(j->db, &sql, &result, err);
    silt_duck_utc_end(j->db);
    SILT_TRY(st);
    SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
    if (!chunk) return silt_fail(err, SILT_FAILED, "internal error: no range of values");
    for (size_t i = 0; i < count && st == SILT_OK; i++) {
        out[i].min = text_copy(arena, chunk, 3 * i, err, &st);
        out[i].max = text_copy(arena, chunk, 3 * i + 1, err, &st);
        out[i].has_null = text_copy(arena, chunk, 3 * i + 2, err, &st) != NULL;
    }
    return st;
}
