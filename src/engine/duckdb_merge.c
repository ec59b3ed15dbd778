/* Keyed changes: the source, read once, against the rows that are there.
 *
 * Invariants
 *  (1) After join_begin a key stands once in the source table, and read = kept + deduplicated by
 * file. (2) A matched row is a target row of a source row's key; target rows that stand twice match
 * twice. (3) A source row is lost as a whole: if one target row of its key is newer, none of them
 * is replaced. (4) join_write writes each source row that isn't lost once, and each row of a
 * rewritten file that isn't replaced once. (5) Matching may be done again, against other files:
 * join_begin's table never changes after it. */
#include "engine/duckdb_merge.h"

#include <assert.h>
#include <stdio.h>

/* ---- names and counts ---------------------------------------------------------------------- */

void silt_join_name(silt_buf *sql, const silt_join *m, silt_join_table table)
{
    static const char *const names[] = {[SILT_JOIN_SOURCE] = "source",
                                        [SILT_JOIN_MATCHED] = "matched",
                                        [SILT_JOIN_TWICE] = "twice",
                                        [SILT_JOIN_LOSER] = "loser"};
    silt_buf_printf(sql, "temp.silt_join_%" PRId64 "_%s", m->id, names[table]);
}

/* Where the source has no null key, plain equality says the same, and DuckDB prunes row groups by
 * it. */
void silt_join_same_key(silt_buf *sql, const silt_join *m, const char *a, const char *b)
{
    for (size_t k = 0; k < m->spec.key_count; k++)
        silt_buf_printf(sql, "%s%s.c%zu %s %s.c%zu", k ? " AND " : "", a, m->keys[k],
                        m->key_has_null[k] ? "IS NOT DISTINCT FROM" : "=", b, m->keys[k]);
}

void silt_join_drop(const silt_join *m, silt_join_table table)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    silt_buf_puts(&sql, "DROP TABLE IF EXISTS ");
    silt_join_name(&sql, m, table);
    if (!sql.failed && m->db->connection)
        (void)silt_duck.query(m->db->connection, sql.data, &result);
}

silt_status silt_join_counts(const silt_join *m, const silt_buf *sql, size_t size,
                             int64_t *const *counts, size_t count_columns, silt_error *err)
{
    SILT_CLEAN(silt_duck_result) result = {0};
    SILT_TRY(silt_duck_query(m->db, sql, &result, err));
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
static silt_status session_begin(const silt_join *m, silt_error *err)
{
    SILT_TRY(silt_duck_utc_begin(m->db, err));
    return silt_duck_run(m->db, "SET disabled_optimizers = 'join_order,build_side_probe_side'",
                         NULL, err);
}

/* As silt_duck_utc_end(): whatever happened. */
static void session_end(const silt_join *m)
{
    SILT_CLEAN(silt_duck_result) result = {0};
    if (m->db->connection)
        (void)silt_duck.query(m->db->connection, "SET disabled_optimizers = ''", &result);
    silt_duck_utc_end(m->db);
}

/* ---- begin --------------------------------------------------------------------------------- */

static ptrdiff_t find_output(const silt_join_spec *spec, const char *name)
{
    for (size_t c = 0; c < spec->stage.column_count; c++)
        if (strcmp(spec->stage.columns[c].name, name) == 0) return (ptrdiff_t)c;
    return -1;
}

static silt_status find_columns(silt_join *m, silt_error *err)
{
    const silt_join_spec *spec = &m->spec;
    if (spec->key_count == 0) return silt_fail(err, SILT_INVALID, "merge: no keys");
    size_t *keys = silt_arena_calloc(m->arena, spec->key_count, sizeof *keys);
    if (!keys) return silt_fail_nomem(err);
    for (size_t k = 0; k < spec->key_count; k++) {
        ptrdiff_t c = find_output(spec, spec->keys[k]);
        if (c < 0) return silt_fail(err, SILT_INVALID, "merge: no column %s", spec->keys[k]);
        keys[k] = (size_t)c;
    }
    m->keys = keys;
    m->newest = -1;
    if (!spec->newest_by) return SILT_OK;
    m->newest = find_output(spec, spec->newest_by);
    if (m->newest >= 0) return SILT_OK;
    return silt_fail(err, SILT_INVALID, "merge: no column %s", spec->newest_by);
}

static silt_status merge_new(silt_duck_engine *db, const silt_join_spec *spec, silt_join **out,
                             silt_error *err)
{
    static atomic_int_fast64_t count; /* of all engines: a name is never taken twice */
    silt_join *m = calloc(1, sizeof *m);
    if (!m) return silt_fail_nomem(err);
    *out = m;
    m->db = db;
    m->spec = *spec;
    m->id = atomic_fetch_add(&count, 1);
    m->arena = silt_arena_new();
    m->match_arena = silt_arena_new();
    if (!m->arena || !m->match_arena) return silt_fail_nomem(err);
    return find_columns(m, err);
}

static silt_status describe_source(const silt_join *m, silt_arena *arena, silt_join_source *out,
                                   silt_error *err)
{
    size_t n = m->source_count + 1, keys = m->spec.key_count;
    int64_t *read = silt_arena_calloc(arena, n, sizeof *read);
    int64_t *deduplicated = silt_arena_calloc(arena, n, sizeof *deduplicated);
    const char **key_min = silt_arena_calloc(arena, keys, sizeof *key_min);
    const char **key_max = silt_arena_calloc(arena, keys, sizeof *key_max);
    bool *has_null = silt_arena_calloc(arena, keys, sizeof *has_null);
    if (!read || !deduplicated || !key_min || !key_max || !has_null) return silt_fail_nomem(err);
    memcpy(read, m->read, n * sizeof *read);
    memcpy(deduplicated, m->deduplicated, n * sizeof *deduplicated);
    for (size_t k = 0; k < keys; k++) {
        const char *min = m->key_bounds[2 * k], *max = m->key_bounds[2 * k + 1];
        key_min[k] = min ? silt_arena_strdup(arena, min) : NULL;
        key_max[k] = max ? silt_arena_strdup(arena, max) : NULL;
        if ((min && !key_min[k]) || (max && !key_max[k])) return silt_fail_nomem(err);
        has_null[k] = m->key_has_null[k];
    }
    *out = (silt_join_source){read, deduplicated, key_min, key_max, has_null};
    return SILT_OK;
}

silt_status silt_duck_join_begin(silt_engine *engine, const silt_join_spec *spec, silt_arena *arena,
                                 silt_join **out, silt_join_source *source, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    silt_join *m = NULL;
    SILT_TRY(silt_duck_start(db, err));
    silt_status st = merge_new(db, spec, &m, err);
    if (st == SILT_OK) st = silt_join_read_source(m, err);
    if (st == SILT_OK) st = describe_source(m, arena, source, err);
    if (st == SILT_OK)
        *out = m;
    else
        silt_duck_join_free(m);
    return st;
}

void silt_duck_join_free(silt_join *m)
{
    if (!m) return;
    for (silt_join_table t = 0; t < SILT_JOIN_TABLES; t++)
        silt_join_drop(m, t);
    silt_duck_table_release(&m->target);
    silt_arena_free(m->match_arena);
    silt_arena_free(m->arena);
    free(m);
}

/* ---- match --------------------------------------------------------------------------------- */

/* Append when target row t makes source row s lose. */
static void lost_sql(silt_buf *sql, const silt_join *m)
{
    if (m->spec.insert_only)
        silt_buf_puts(sql, "true");
    else if (m->newest >= 0)
        silt_buf_printf(sql, "t.c%td IS NOT NULL AND (s.c%td IS NULL OR t.c%td > s.c%td)",
                        m->newest, m->newest, m->newest, m->newest);
    else
        silt_buf_puts(sql, "false");
}

/* Reads of the target's files only what tells which rows are meant. */
static silt_status match_sql(const silt_join *m, silt_buf *sql, silt_error *err)
{
    bool *wanted = silt_arena_calloc(m->match_arena, m->target.column_count, sizeof *wanted);
    if (!wanted) return silt_fail_nomem(err);
    for (size_t k = 0; k < m->spec.key_count; k++)
        wanted[m->keys[k]] = true;
    if (m->newest >= 0) wanted[m->newest] = true;
    silt_buf_puts(sql, "CREATE TEMP TABLE ");
    silt_join_name(sql, m, SILT_JOIN_MATCHED);
    silt_buf_puts(sql, " AS SELECT t." SILT_DUCK_TABLE_FILE " AS fi, t." SILT_DUCK_TABLE_ROW
                       " AS fr, s.rowid AS sr, s.f AS f, ");
    lost_sql(sql, m);
    silt_buf_puts(sql, " AS lost FROM (");
    SILT_TRY(silt_duck_table_sql(&m->target, wanted, true, sql, err));
    silt_buf_puts(sql, ") t JOIN ");
    silt_join_name(sql, m, SILT_JOIN_SOURCE);
    silt_buf_puts(sql, " s ON ");
    silt_join_same_key(sql, m, "t", "s");
    return SILT_OK;
}

/* A key may stand twice in the target, older and newer than the source's: invariant (3). */
static silt_status spread_lost(silt_join *m, silt_error *err)
{
    int64_t lost = 0;
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT count(*) FROM ");
    silt_join_name(&sql, m, SILT_JOIN_MATCHED);
    silt_buf_puts(&sql, " WHERE lost");
    SILT_TRY(silt_duck_query_int(m->db, &sql, &lost, err));
    m->has_lost = lost > 0;
    if (lost == 0 || m->spec.insert_only) return SILT_OK;
    silt_buf_clear(&sql);
    silt_buf_puts(&sql, "UPDATE ");
    silt_join_name(&sql, m, SILT_JOIN_MATCHED);
    silt_buf_puts(&sql, " SET lost = true WHERE NOT lost AND sr IN (SELECT sr FROM ");
    silt_join_name(&sql, m, SILT_JOIN_MATCHED);
    silt_buf_puts(&sql, " WHERE lost)");
    return silt_duck_query(m->db, &sql, NULL, err);
}

typedef struct match_counts {
    int64_t *inserted, *updated, *unchanged, *file_updates;
} match_counts;

/* By source file and by target file; each from the tables, so that the sum below proves something.
 */
static silt_status count_match(silt_join *m, const match_counts *counts, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT f, count(DISTINCT sr) FILTER (NOT lost), count(DISTINCT sr) FILTER "
                        "(lost) FROM ");
    silt_join_name(&sql, m, SILT_JOIN_MATCHED);
    silt_buf_puts(&sql, " GROUP BY f");
    int64_t *const by_source[] = {counts->updated, counts->unchanged};
    SILT_TRY(silt_join_counts(m, &sql, m->source_count, by_source, 2, err));

    silt_buf_clear(&sql);
    silt_buf_puts(&sql, "SELECT s.f, count(*) FROM ");
    silt_join_name(&sql, m, SILT_JOIN_SOURCE);
    silt_buf_puts(&sql, " s ANTI JOIN ");
    silt_join_name(&sql, m, SILT_JOIN_MATCHED);
    silt_buf_puts(&sql, " x ON s.rowid = x.sr GROUP BY s.f");
    SILT_TRY(silt_join_counts(m, &sql, m->source_count, &counts->inserted, 1, err));

    silt_buf_clear(&sql);
    silt_buf_puts(&sql, "SELECT fi, count(*) FROM ");
    silt_join_name(&sql, m, SILT_JOIN_MATCHED);
    silt_buf_puts(&sql, " WHERE NOT lost GROUP BY fi");
    SILT_TRY(silt_join_counts(m, &sql, m->target.file_count, &counts->file_updates, 1, err));

    m->written = 0;
    for (size_t i = 0; i < m->source_count; i++) {
        int64_t written = counts->inserted[i] + counts->updated[i];
        m->written += written;
        if (m->read[i] == written + counts->unchanged[i] + m->deduplicated[i]) continue;
        return silt_fail(err, SILT_FAILED,
                         "internal error: source file %zu: %" PRId64 " rows, but %" PRId64
                         " inserted, %" PRId64 " updated, %" PRId64 " unchanged, %" PRId64
                         " deduplicated",
                         i, m->read[i], counts->inserted[i], counts->updated[i],
                         counts->unchanged[i], m->deduplicated[i]);
    }
    return SILT_OK;
}

static void forget_match(silt_join *m)
{
    silt_join_drop(m, SILT_JOIN_MATCHED);
    silt_duck_table_release(&m->target);
    silt_arena_reset(m->match_arena);
    m->has_match = m->has_lost = false;
}

static silt_status match(silt_join *m, const silt_scan_file *files, size_t file_count,
                         const match_counts *counts, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(silt_duck_table_init(&m->target, m->db, files, file_count, m->spec.target,
                                  m->spec.stage.column_count, false, m->match_arena, err));
    SILT_TRY(match_sql(m, &sql, err));
    silt_status st = silt_duck_query(m->db, &sql, NULL, err);
    SILT_TRY(silt_duck_table_blame(&m->target, st, err));
    SILT_TRY(spread_lost(m, err));
    SILT_TRY(count_match(m, counts, err));
    m->updates = silt_arena_calloc(m->match_arena, file_count + 1, sizeof *m->updates);
    if (!m->updates) return silt_fail_nomem(err);
    memcpy(m->updates, counts->file_updates, file_count * sizeof *m->updates);
    m->has_match = true;
    return SILT_OK;
}

silt_status silt_duck_join_match(silt_join *m, const silt_scan_file *files, size_t file_count,
                                 silt_arena *arena, silt_join_match *out, silt_error *err)
{
    size_t n = m->source_count + 1;
    match_counts counts = {
        .inserted = silt_arena_calloc(arena, n, sizeof(int64_t)),
        .updated = silt_arena_calloc(arena, n, sizeof(int64_t)),
        .unchanged = silt_arena_calloc(arena, n, sizeof(int64_t)),
        .file_updates = silt_arena_calloc(arena, file_count + 1, sizeof(int64_t)),
    };
    if (!counts.inserted || !counts.updated || !counts.unchanged || !counts.file_updates)
        return silt_fail_nomem(err);
    forget_match(m);
    silt_status st = session_begin(m, err);
    if (st == SILT_OK) st = match(m, files, file_count, &counts, err);
    session_end(m);
    if (st != SILT_OK) return st;
    *out =
        (silt_join_match){counts.inserted, counts.updated, counts.unchanged, counts.file_updates};
    return SILT_OK;
}

/* ---- write --------------------------------------------------------------------------------- */

/* Append the source's rows that aren't lost. */
static void source_rows_sql(silt_buf *sql, const silt_join *m)
{
    const silt_stage_spec *stage = &m->spec.stage;
    for (size_t c = 0; c < stage->column_count; c++) {
        silt_buf_printf(sql, "%ss.c%zu AS ", c ? ", " : "SELECT ", c);
        silt_sql_name(sql, stage->columns[c].name);
    }
    silt_buf_puts(sql, " FROM ");
    silt_join_name(sql, m, SILT_JOIN_SOURCE);
    silt_buf_puts(sql, " s");
    if (!m->has_lost) return;
    silt_buf_puts(sql, " ANTI JOIN (SELECT sr FROM ");
    silt_join_name(sql, m, SILT_JOIN_MATCHED);
    silt_buf_puts(sql, " WHERE lost) x ON s.rowid = x.sr");
}

/* Append the rows of `kept` that aren't replaced. Its files are numbered anew: `places` are theirs
 * among the matched files. */
static silt_status carried_rows_sql(silt_buf *sql, const silt_join *m, const silt_duck_table *kept,
                                    const size_t *places, silt_error *err)
{
    const silt_stage_spec *stage = &m->spec.stage;
    for (size_t c = 0; c < stage->column_count; c++) {
        char name[32];
        (void)snprintf(name, sizeof name, "t.c%zu", c);
        silt_buf_puts(sql, c ? ", " : "SELECT ");
        SILT_TRY(
            silt_sql_cast(sql, name, kept->columns[c].type, stage->columns[c].type, false, err));
    }
    silt_buf_puts(sql, " FROM (");
    SILT_TRY(silt_duck_table_sql(kept, NULL, true, sql, err));
    silt_buf_puts(sql, ") t ANTI JOIN (SELECT k.place, x.fr FROM ");
    silt_join_name(sql, m, SILT_JOIN_MATCHED);
    silt_buf_puts(sql, " x JOIN (SELECT unnest([");
    for (size_t i = 0; i < kept->file_count; i++)
        silt_buf_printf(sql, "%s%zu", i ? ", " : "", places[i]);
    silt_buf_printf(sql,
                    "])::BIGINT AS fi, unnest(range(%zu)) AS place) k ON x.fi = k.fi WHERE NOT "
                    "x.lost) r ON t." SILT_DUCK_TABLE_FILE " = r.place AND t." SILT_DUCK_TABLE_ROW
                    " = r.fr",
                    kept->file_count);
    return SILT_OK;
}

/* Rows of a target file that are there, as the log has it; -1: it doesn't say. */
static int64_t rows_there(const silt_scan_file *file)
{
    if (!file->rows) return file->row_count;
    int64_t named = (int64_t)silt_bitmap_count(file->rows);
    if (file->rows_only) return named;
    return file->row_count < 0 ? -1 : file->row_count - named;
}

/* Source and files together must be what was written; false only where the log's row counts were
 * wrong. */
static silt_status check_rows(const silt_join *m, const bool *rewrite, const silt_stage_result *out,
                              silt_error *err)
{
    int64_t expected = m->written;
    for (size_t i = 0; i < m->target.file_count; i++) {
        if (!rewrite[i]) continue;
        int64_t there = rows_there(&m->target.files[i]);
        if (there < 0) return SILT_OK;
        expected += there - m->updates[i];
    }
    if (expected == out->row_count) return SILT_OK;
    return silt_fail(err, SILT_CORRUPT,
                     "the rewritten files don't hold as many rows as the log says: %" PRId64
                     " rows were to be written, and were %" PRId64,
                     expected, out->row_count);
}

static silt_status write_rows(silt_join *m, silt_duck_table *kept, const bool *rewrite,
                              silt_arena *scratch, silt_arena *arena, silt_stage_result *out,
                              silt_error *err)
{
    const silt_stage_spec *stage = &m->spec.stage;
    size_t n = m->target.file_count, count = 0;
    silt_scan_file *files = silt_arena_calloc(scratch, n + 1, sizeof *files);
    size_t *places = silt_arena_calloc(scratch, n + 1, sizeof *places);
    if (!files || !places) return silt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        /* With deletion vectors this becomes a choice, and the caller needs the rows' positions. */
        assert(rewrite[i] || m->updates[i] == 0);
        if (!rewrite[i]) continue;
        places[count] = i;
        files[count++] = m->target.files[i];
    }
    SILT_TRY(silt_duck_table_init(kept, m->db, files, count, m->spec.target, stage->column_count,
                                  false, scratch, err));
    SILT_CLEAN(silt_buf) sql = {0};
    source_rows_sql(&sql, m);
    if (count > 0) {
        silt_buf_puts(&sql, " UNION ALL ");
        SILT_TRY(carried_rows_sql(&sql, m, kept, places, err));
    }
    silt_status st = silt_duck_copy(m->db, &sql, stage->columns, stage->column_count, &stage->write,
                                    arena, out, err);
    SILT_TRY(silt_duck_table_blame(kept, st, err));
    st = check_rows(m, rewrite, out, err);
    if (st != SILT_OK) silt_duck_remove_written(stage->write.directory, stage->write.file_prefix);
    return st;
}

silt_status silt_duck_join_write(silt_join *m, const bool *rewrite, silt_arena *arena,
                                 silt_stage_result *out, silt_error *err)
{
    if (!m->has_match) return silt_fail(err, SILT_INVALID, "merge: written before it was matched");
    size_t n = m->source_count + 1;
    int64_t *read = silt_arena_calloc(arena, n, sizeof *read);
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!read || !scratch) return silt_fail_nomem(err);
    memcpy(read, m->read, n * sizeof *read);
    silt_stage_result result = {0};
    silt_duck_table kept = {0};
    silt_status st = session_begin(m, err);
    if (st == SILT_OK) st = write_rows(m, &kept, rewrite, scratch, arena, &result, err);
    silt_duck_table_release(&kept);
    session_end(m);
    if (st != SILT_OK) return st;
    result.source_rows = read;
    *out = result;
    return SILT_OK;
}
