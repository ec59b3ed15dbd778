/* The source of a merge: read once into a table, and where that is asked for one row a key left. */
#include "engine/duckdb_merge.h"
#include "engine/duckdb_stream.h"

#include <stdio.h>

#define SAMPLE_KEYS   5
#define SAMPLE_PLACES 3 /* of each key */

/* ---- reading ------------------------------------------------------------------------------- */

static bool is_of_file(const silt_output_column *column)
{
    return column->kind == SILT_OUTPUT_VALUE || column->kind == SILT_OUTPUT_SOURCE_FILE;
}

static silt_status create_sql(const silt_join *j, silt_duck_sources *sources,
                              const silt_duck_checks *checks, silt_buf *sql, silt_error *err)
{
    const silt_stage_spec *stage = &j->spec.stage;
    SILT_CLEAN(silt_buf) rows = {0};
    silt_buf_puts(sql, "CREATE TEMP TABLE ");
    silt_join_name(sql, j, SILT_JOIN_STAGED);
    silt_buf_puts(sql, " AS SELECT ");
    for (size_t c = 0; c < stage->column_count; c++) {
        if (is_of_file(&stage->columns[c])) continue;
        bool null = stage->columns[c].empty_is_null;
        silt_buf_puts(sql, null ? "nullif(" : "");
        silt_sql_name(sql, stage->columns[c].name);
        silt_buf_printf(sql, "%s AS c%zu, ", null ? ", '')" : "", c);
    }
    silt_buf_puts(sql, SILT_DUCK_FILE_COLUMN " AS f FROM (");
    SILT_TRY(silt_duck_source_sql(sources, 0, sources->file_count, true, &rows, err));
    SILT_TRY(silt_duck_checks_sql(checks, &rows, sql, err));
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

static silt_status create_view(const silt_join *j, silt_error *err)
{
    const silt_stage_spec *stage = &j->spec.stage;
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "CREATE TEMP VIEW ");
    silt_join_name(&sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " AS SELECT rowid, ");
    for (size_t c = 0; c < stage->column_count; c++) {
        const silt_output_column *column = &stage->columns[c];
        if (column->kind == SILT_OUTPUT_VALUE)
            SILT_TRY(silt_duck_value_sql(column, &sql, err));
        else if (column->kind == SILT_OUTPUT_SOURCE_FILE)
            silt_buf_printf(&sql, "silt_source(%" PRId64 ", f)", j->sources->scan.id);
        else
            silt_buf_printf(&sql, "c%zu", c);
        silt_buf_printf(&sql, " AS c%zu, ", c);
    }
    silt_buf_puts(&sql, "f FROM ");
    silt_join_name(&sql, j, SILT_JOIN_STAGED);
    return silt_duck_query(j->db, &sql, NULL, err);
}

/* Rows of each file by two ways: as the reader counted them and as they stand in the table. */
static silt_status take_counts(silt_join *j, const silt_duck_sources *sources, silt_error *err)
{
    size_t n = j->source_count;
    int64_t *stand = silt_arena_calloc(j->arena, n + 1, sizeof *stand);
    j->read = silt_arena_calloc(j->arena, n + 1, sizeof *j->read);
    j->deduplicated = silt_arena_calloc(j->arena, n + 1, sizeof *j->deduplicated);
    if (!stand || !j->read || !j->deduplicated) return silt_fail_nomem(err);
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT f, count(*) FROM ");
    silt_join_name(&sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " GROUP BY f");
    SILT_TRY(silt_join_counts(j, &sql, n, &stand, 1, err));
    for (size_t i = 0; i < n; i++) {
        j->read[i] = atomic_load(&sources->rows[i]);
        if (j->read[i] != stand[i])
            return silt_fail(err, SILT_FAILED,
                             "internal error: %s: %" PRId64 " rows were read and %" PRId64 " kept",
                             sources->files[i]->name, j->read[i], stand[i]);
    }
    return SILT_OK;
}

/* Order is kept, since it decides ties and numbers the rows. */
static silt_status materialise(silt_join *j, silt_duck_sources *sources,
                               const silt_duck_checks *checks, silt_stage_result *found,
                               silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(create_sql(j, sources, checks, &sql, err));
    SILT_TRY(silt_duck_keep_order(j->db, true, err));
    silt_status st = silt_duck_query_long(j->db, &sql, NULL, err);
    if (st != SILT_OK) st = silt_duck_blame(sources, st, err);
    (void)silt_duck_keep_order(j->db, false, NULL);
    if (st == SILT_OK) st = silt_duck_sources_verify(sources, err);
    if (st != SILT_OK) return st;
    st = silt_duck_checks_verify(checks, found, err);
    if (st == SILT_BAD_DATA) silt_duck_checks_blame(checks, &j->spec.stage);
    return st;
}

/* ---- duplicates ---------------------------------------------------------------------------- */

/* Append what makes rows of two aliases of equal key, e.g. "s.c0 IS NOT DISTINCT FROM d.c0". */
static void same_key(silt_buf *sql, const silt_join *j, const char *a, const char *b)
{
    for (size_t k = 0; k < j->spec.key_count; k++)
        silt_buf_printf(sql, "%s%s.c%zu IS NOT DISTINCT FROM %s.c%zu", k ? " AND " : "", a,
                        j->keys[k], b, j->keys[k]);
}

void silt_join_put_keys(silt_buf *sql, const silt_join *j, const char *alias)
{
    for (size_t k = 0; k < j->spec.key_count; k++)
        silt_buf_printf(sql, "%s%s.c%zu", k ? ", " : "", alias, j->keys[k]);
}

static silt_status count_rows(const silt_join *j, silt_join_table table, int64_t *count,
                              silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT count(*) FROM ");
    silt_join_name(&sql, j, table);
    return silt_duck_query_int(j->db, &sql, count, err);
}

/* Suspects are few: grouping all rows would cost more than reading them did. */
static silt_status find_twice(silt_join *j, int64_t *count, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    bool suspects;
    SILT_TRY(silt_join_find_suspects(j, &suspects, err));
    if (suspects) SILT_TRY(count_rows(j, SILT_JOIN_SUSPECT, count, err));
    if (suspects && !*count) return SILT_OK;
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, j, SILT_JOIN_TWICE);
    silt_buf_puts(&sql, " AS SELECT ");
    silt_join_put_keys(&sql, j, "s");
    silt_buf_puts(&sql, ", min(s.rowid) AS first_row FROM ");
    silt_join_name(&sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(&sql, " s");
    if (suspects) {
        silt_buf_puts(&sql, " SEMI JOIN ");
        silt_join_name(&sql, j, SILT_JOIN_SUSPECT);
        silt_buf_puts(&sql, " d ON ");
        same_key(&sql, j, "s", "d");
    }
    silt_buf_puts(&sql, " GROUP BY ");
    silt_join_put_keys(&sql, j, "s");
    silt_buf_puts(&sql, " HAVING count(*) > 1");
    SILT_TRY(silt_duck_query(j->db, &sql, NULL, err));
    return count_rows(j, SILT_JOIN_TWICE, count, err);
}

/* Append "FROM source s JOIN twice d" with rows of keys that stand more than once. */
static void from_twice(silt_buf *sql, const silt_join *j)
{
    silt_buf_puts(sql, " FROM ");
    silt_join_name(sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, " s JOIN ");
    silt_join_name(sql, j, SILT_JOIN_TWICE);
    silt_buf_puts(sql, " d ON ");
    same_key(sql, j, "s", "d");
}

/* The newest row of a key stays, null being older than all, ties going to the later row; or the
 * first, or the last. */
static silt_status drop_losers(const silt_join *j, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    silt_join_name(&sql, j, SILT_JOIN_LOSER);
    silt_buf_puts(&sql, " AS SELECT rid, f FROM (SELECT s.rowid AS rid, s.f AS f, row_number() "
                        "OVER (PARTITION BY d.first_row ORDER BY ");
    if (j->newest >= 0)
        silt_buf_printf(&sql, "s.c%td DESC NULLS LAST, s.rowid DESC", j->newest);
    else
        silt_buf_puts(&sql, j->spec.twice == SILT_TWICE_LAST ? "s.rowid DESC" : "s.rowid");
    silt_buf_puts(&sql, ") AS place");
    from_twice(&sql, j);
    silt_buf_puts(&sql, ") WHERE place > 1");
    SILT_TRY(silt_duck_query(j->db, &sql, NULL, err));

    silt_buf_clear(&sql);
    silt_buf_puts(&sql, "SELECT f, count(*) FROM ");
    silt_join_name(&sql, j, SILT_JOIN_LOSER);
    silt_buf_puts(&sql, " GROUP BY f");
    SILT_TRY(silt_join_counts(j, &sql, j->source_count, &j->deduplicated, 1, err));

    silt_buf_clear(&sql);
    silt_buf_puts(&sql, "DELETE FROM ");
    silt_join_name(&sql, j, SILT_JOIN_STAGED);
    silt_buf_puts(&sql, " WHERE rowid IN (SELECT rid FROM ");
    silt_join_name(&sql, j, SILT_JOIN_LOSER);
    silt_buf_putc(&sql, ')');
    return silt_duck_query(j->db, &sql, NULL, err);
}

/* Append the query for samples: key as text, first_row, file, row in its file; in order. */
static void samples_sql(silt_buf *sql, const silt_join *j)
{
    silt_buf_puts(sql, "SELECT concat_ws(', '");
    for (size_t k = 0; k < j->spec.key_count; k++) {
        silt_buf_puts(sql, ", ");
        silt_sql_text(sql, j->spec.keys[k]);
        silt_buf_printf(sql, " || ' = ' || coalesce(s.c%zu::VARCHAR, 'null')", j->keys[k]);
    }
    silt_buf_puts(sql, "), d.first_row, s.f, s.rowid - x.start + 1");
    from_twice(sql, j);
    silt_buf_puts(sql, " JOIN (SELECT f, min(rowid) AS start FROM ");
    silt_join_name(sql, j, SILT_JOIN_SOURCES);
    silt_buf_puts(sql, " GROUP BY f) x ON x.f = s.f WHERE d.first_row IN (SELECT first_row FROM ");
    silt_join_name(sql, j, SILT_JOIN_TWICE);
    silt_buf_printf(sql,
                    " ORDER BY first_row LIMIT %d) QUALIFY row_number() OVER (PARTITION BY "
                    "d.first_row ORDER BY s.rowid) <= %d ORDER BY d.first_row, s.rowid",
                    SAMPLE_KEYS, SAMPLE_PLACES);
}

static void put_samples(silt_buf *text, const silt_duck_sources *sources, duckdb_data_chunk chunk)
{
    const void *data[4];
    for (idx_t c = 0; c < 4; c++)
        data[c] = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, c));
    const int64_t *first = data[1], *file = data[2], *row = data[3];
    idx_t rows = silt_duck.data_chunk_get_size(chunk);
    for (idx_t i = 0; i < rows; i++) {
        if (i == 0 || first[i] != first[i - 1]) {
            silt_bytes key = silt_duck_bytes(data[0], i);
            silt_buf_printf(text, "%s%.*s (", i ? "); " : ": ", (int)key.size, key.data);
        } else {
            silt_buf_puts(text, ", ");
        }
        silt_buf_printf(text, "%s row %" PRId64, sources->files[file[i]]->name, row[i]);
    }
    if (rows) silt_buf_putc(text, ')');
}

/* A file that has a key twice by itself is at fault; of two files that share a key neither is. */
static silt_status blame_twice(const silt_join *j, const char *samples, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    int64_t *guilty = silt_arena_calloc(j->arena, j->source_count + 1, sizeof *guilty);
    if (!guilty) return silt_fail_nomem(err);
    silt_buf_puts(&sql, "SELECT f, count(*) FROM (SELECT s.f AS f");
    from_twice(&sql, j);
    silt_buf_puts(&sql, " GROUP BY s.f, d.first_row HAVING count(*) > 1) GROUP BY f");
    SILT_TRY(silt_join_counts(j, &sql, j->source_count, &guilty, 1, err));
    for (size_t i = 0; i < j->source_count; i++) {
        char why[600];
        (void)snprintf(why, sizeof why,
                       "%" PRId64 " key%s more than once in this file, and nothing says which row "
                       "is the newest (dedup_strategy: newest_wins)%s",
                       guilty[i], guilty[i] == 1 ? " stands" : "s stand", samples);
        if (guilty[i] > 0 && j->spec.stage.bad_source)
            j->spec.stage.bad_source(j->spec.stage.bad_source_ctx, i, SILT_BAD_DATA, why);
    }
    return SILT_OK;
}

static silt_status refuse_twice(const silt_join *j, silt_duck_sources *sources, int64_t count,
                                silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_buf) text = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    samples_sql(&sql, j);
    SILT_TRY(silt_duck_query(j->db, &sql, &result, err));
    SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
    if (chunk) put_samples(&text, sources, chunk);
    if (text.failed) return silt_fail_nomem(err);
    SILT_TRY(blame_twice(j, text.data ? text.data : "", err));
    (void)silt_fail(err, SILT_BAD_DATA, "%" PRId64 " key%s more than once in the source%s", count,
                    count == 1 ? " stands" : "s stand", text.data ? text.data : "");
    return silt_hint(err, SILT_BAD_DATA,
                     "name a column that tells which row of a key is the newest (dedup_strategy: "
                     "newest_wins and timestamp_col), or correct the files");
}

static silt_status deduplicate(silt_join *j, silt_duck_sources *sources, silt_error *err)
{
    int64_t twice = 0;
    silt_status st = find_twice(j, &twice, err);
    if (st == SILT_OK && twice > 0)
        st = j->spec.twice == SILT_TWICE_BAD ? refuse_twice(j, sources, twice, err)
                                             : drop_losers(j, err);
    for (silt_join_table t = SILT_JOIN_SUSPECT; t < SILT_JOIN_TABLES; t++)
        silt_join_drop(j, t);
    return st;
}

silt_status silt_join_read_source(silt_join *j, silt_arena *arena, silt_stage_result *found,
                                  silt_error *err)
{
    const silt_stage_spec *stage = &j->spec.stage;
    SILT_CLEAN(silt_duck_checks) checks = {0};
    silt_duck_sources *sources = j->sources = silt_arena_calloc(j->arena, 1, sizeof *sources);
    if (!sources) return silt_fail_nomem(err);
    SILT_TRY(silt_duck_sources_init(sources, j->db, &j->spec.stage, j->arena, err));
    j->source_count = sources->file_count;
    j->file_names = silt_arena_calloc(j->arena, sources->file_count + 1, sizeof *j->file_names);
    if (!j->file_names) return silt_fail_nomem(err);
    for (size_t i = 0; i < sources->file_count; i++)
        j->file_names[i] = sources->files[i]->name;
    SILT_TRY(silt_duck_checks_init(&checks, j->db, stage->columns, stage->column_count, NULL,
                                   &stage->write, arena, err));
    SILT_TRY(silt_duck_checks_by_file(&checks, j->file_names, j->source_count, err));
    checks.keeps_file = true;
    SILT_TRY(materialise(j, sources, &checks, found, err));
    SILT_TRY(create_view(j, err));
    SILT_TRY(take_counts(j, sources, err));
    if (j->spec.twice == SILT_TWICE_FINE) return SILT_OK;
    SILT_TRY(silt_duck_utc_begin(j->db, err)); /* keys as text, in samples */
    silt_status st = deduplicate(j, sources, err);
    silt_duck_utc_end(j->db);
    return st;
}
