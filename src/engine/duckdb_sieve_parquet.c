/* Copies of Parquet files without bad rows. DuckDB reads and writes them; of each column only what
 * is wanted of it. */
#include "engine/duckdb_sieve.h"

#include "base/json.h"

/* ---- which rows ---- */

/* Behind the verdicts of a row. */
static size_t end(const silt_sieve *s, size_t from)
{
    size_t to = from + 1;
    while (to < s->verdicts.count && s->verdicts.items[to].row == s->verdicts.items[from].row)
        to++;
    return to;
}

/* " WHERE file_row_number [NOT] IN (…)", for rows that go. False: there are none. */
static bool put_gone(const silt_sieve *s, bool gone, silt_buf *sql)
{
    const silt_verdict *all = s->verdicts.items;
    bool some = false;
    for (size_t i = 0, to; i < s->verdicts.count; i = to) {
        to = end(s, i);
        if (silt_sieve_rescues(s, (silt_verdicts){all + i, to - i})) continue;
        silt_buf_printf(sql, "%s%" PRId64,
                        some   ? ", "
                        : gone ? " WHERE file_row_number IN ("
                               : " WHERE file_row_number NOT IN (",
                        all[i].row);
        some = true;
    }
    if (some) silt_buf_putc(sql, ')');
    return some;
}

/* ---- values ---- */

/* A row's values that don't fit, as the JSON of _rescued_data; null where all fit. */
static void put_rescued(silt_sieve *s, const silt_buf *doubts, silt_buf *sql)
{
    bool some = false;
    SILT_CLEAN(silt_buf) file = {0};
    silt_buf_puts(sql, "CASE WHEN false");
    for (size_t i = 0; i < s->group.column_count; i++)
        if (doubts[i].size) silt_buf_printf(sql, " OR (%s)", doubts[i].data);
    silt_buf_puts(sql, " THEN '{' || concat_ws(','");
    for (size_t i = 0; i < s->group.column_count; i++) {
        if (!doubts[i].size) continue;
        SILT_CLEAN(silt_buf) name = {0};
        silt_json_writer key = silt_json_writer_of(&name);
        silt_json_put_string(&key, s->group.columns[i].name);
        silt_buf_putc(&name, ':');
        silt_buf_printf(sql, ", CASE WHEN %s THEN ", doubts[i].data);
        silt_sql_bytes(sql, silt_buf_bytes(&name));
        silt_buf_printf(sql, " || CAST(to_json(c%zu) AS VARCHAR) END", i);
        some = true;
    }
    silt_buf_puts(sql, some ? ") || " : ", NULL) || ");
    silt_json_writer w = silt_json_writer_of(&file);
    silt_buf_puts(&file, ",\"_file_path\":");
    silt_json_put_string(&w, s->file.name);
    silt_buf_putc(&file, '}');
    silt_sql_bytes(sql, silt_buf_bytes(&file));
    silt_buf_puts(sql, " END AS ");
    silt_sql_name(sql, s->spec->rescue_column);
}

static silt_status take_doubts(silt_sieve *s, const silt_duck_sources *sources, silt_buf *doubts,
                               silt_error *err)
{
    for (size_t c = 0; c < s->spec->column_count && s->spec->rescue_column; c++) {
        SILT_CLEAN(silt_buf) value = {0};
        SILT_CLEAN(silt_buf) doubt = {0};
        bool has = false;
        ptrdiff_t at = silt_sieve_column(s, c);
        const silt_verdict one = {0, SILT_BAD_VALUE, (uint32_t)c};
        if (at < 0 || !silt_sieve_rescues(s, (silt_verdicts){&one, 1})) continue;
        SILT_TRY(silt_duck_source_doubt(sources, &sources->parts[0], c, &value, &doubt, &has, err));
        if (has) silt_buf_append(&doubts[at], doubt.data, doubt.size);
    }
    return SILT_OK;
}

static silt_status put_columns(silt_sieve *s, const silt_duck_sources *sources, silt_buf *sql,
                               silt_error *err)
{
    size_t count = s->group.column_count;
    silt_buf *doubts = calloc(count + 1, sizeof *doubts);
    if (!doubts) return silt_fail_nomem(err);
    silt_status st = take_doubts(s, sources, doubts, err);
    silt_buf_puts(sql, "SELECT CAST(file_row_number AS BIGINT) AS " SILT_SIEVE_NUMBER);
    for (size_t i = 0; i < count; i++) {
        if (doubts[i].size)
            silt_buf_printf(sql, ", CASE WHEN NOT coalesce(%s, false) THEN c%zu END AS ",
                            doubts[i].data, i);
        else
            silt_buf_printf(sql, ", c%zu AS ", i);
        silt_sql_name(sql, s->group.columns[i].name);
    }
    if (s->spec->rescue_column) {
        silt_buf_puts(sql, ", ");
        put_rescued(s, doubts, sql);
    }
    for (size_t i = 0; i < count; i++)
        silt_buf_release(&doubts[i]);
    free(doubts);
    return st == SILT_OK && sql->failed ? silt_fail_nomem(err) : st;
}

/* ---- rejects ---- */

static silt_bytes text_at(duckdb_data_chunk chunk, idx_t column, idx_t row)
{
    duckdb_vector v = silt_duck.data_chunk_get_vector(chunk, column);
    if (!silt_duck_valid(silt_duck.vector_get_validity(v), row)) return (silt_bytes){0};
    return silt_duck_bytes(silt_duck.vector_get_data(v), row);
}

static silt_status tell(silt_sieve *s, int64_t row, silt_bytes json, size_t *at,
                        silt_sieve_result *counts, silt_error *err)
{
    const silt_verdict *all = s->verdicts.items;
    while (*at < s->verdicts.count && all[*at].row < row)
        ++*at;
    const silt_verdict *v = silt_sieve_cause(s, (silt_verdicts){&all[*at], end(s, *at) - *at});
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_CLEAN(silt_buf) reason = {0};
    const silt_json *object = NULL;
    if (!scratch) return silt_fail_nomem(err);
    (void)silt_json_parse(json, scratch, &object, NULL);
    ptrdiff_t column =
        v->bad == SILT_BAD_VALUE || v->bad == SILT_BAD_NULL ? silt_sieve_column(s, v->which) : -1;
    const char *name = column >= 0 ? s->group.columns[column].name : NULL;
    const silt_json *value = name ? silt_json_get(object, name) : NULL;
    const char *text = silt_json_string(value);
    silt_sieve_reason(s, v, 0, silt_bytes_of(text ? text : silt_json_text(value, scratch)),
                      &reason);
    if (reason.failed) return silt_fail_nomem(err);
    const silt_reject reject = {
        .row = row + 1,
        .offset = -1,
        .column = name,
        .reason = reason.data,
        .check = v->bad == SILT_BAD_CHECK ? &s->spec->checks[v->which] : NULL,
        .text = json,
        .json = json,
    };
    counts->reject_count++;
    return s->spec->reject(s->spec->ctx, &reject, err);
}

/* SELECT n, the row as JSON. */
static silt_status put_json(silt_sieve *s, const silt_duck_sources *sources, silt_buf *sql,
                            silt_error *err)
{
    silt_buf_puts(sql, "SELECT CAST(file_row_number AS BIGINT) AS n, CAST(to_json(struct_pack(");
    for (size_t i = 0; i < s->group.column_count; i++) {
        silt_buf_puts(sql, i ? ", " : "");
        silt_sql_name(sql, s->group.columns[i].name);
        silt_buf_printf(sql, " := c%zu", i);
    }
    silt_buf_puts(sql, ")) AS VARCHAR) ");
    SILT_TRY(silt_duck_source_from(sources, &sources->parts[0], 0, 1, sql, err));
    return SILT_OK;
}

static silt_status tell_rejects(silt_sieve *s, const silt_duck_sources *sources,
                                silt_sieve_result *counts, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    size_t at = 0;
    SILT_TRY(put_json(s, sources, &sql, err));
    if (!put_gone(s, true, &sql)) return SILT_OK;
    silt_buf_puts(&sql, " ORDER BY n");
    SILT_TRY(silt_duck_query(s->db, &sql, &result, err));
    for (;;) {
        SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
        if (!chunk) return SILT_OK;
        const int64_t *rows = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 0));
        for (idx_t i = 0; i < silt_duck.data_chunk_get_size(chunk); i++)
            SILT_TRY(tell(s, rows[i], text_at(chunk, 1, i), &at, counts, err));
    }
}

/* ---- the copy ---- */

static silt_status give_group(silt_sieve *s, silt_source_group *out, silt_error *err)
{
    static const silt_type text = {.kind = SILT_TYPE_STRING}, number = {.kind = SILT_TYPE_LONG};
    silt_column *columns = silt_arena_calloc(s->arena, s->group.column_count + 2, sizeof *columns);
    if (!columns) return silt_fail_nomem(err);
    *out = s->group;
    if (s->group.column_count)
        memcpy(columns, s->group.columns, s->group.column_count * sizeof *columns);
    columns[out->column_count++] = (silt_column){SILT_SIEVE_NUMBER, &number};
    if (s->spec->rescue_column)
        columns[out->column_count++] = (silt_column){s->spec->rescue_column, &text};
    out->columns = columns;
    return SILT_OK;
}

silt_status silt_sieve_parquet_copy(silt_sieve *s, silt_sieve_copy kind, silt_source_group *out,
                                    silt_source_file *file, silt_sieve_result *counts,
                                    silt_error *err)
{
    const silt_stage_spec spec = {.groups = &s->group,
                                  .group_count = 1,
                                  .columns = s->spec->columns,
                                  .column_count = s->spec->column_count};
    SILT_CLEAN(silt_duck_sources) sources = {0};
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    const char *path = silt_sieve_path(s, kind == SILT_SIEVE_KEPT ? "kept" : "good");
    if (!path) return silt_fail_nomem(err);
    SILT_TRY(silt_duck_sources_init(&sources, s->db, &spec, s->arena, err));
    silt_buf_puts(&sql, "COPY (");
    SILT_TRY(put_columns(s, &sources, &sql, err));
    silt_buf_putc(&sql, ' ');
    SILT_TRY(silt_duck_source_from(&sources, &sources.parts[0], 0, 1, &sql, err));
    (void)put_gone(s, false, &sql);
    silt_buf_puts(&sql, ") TO ");
    silt_sql_text(&sql, path);
    silt_buf_puts(&sql, " (FORMAT parquet)");
    SILT_TRY(silt_duck_query(s->db, &sql, &result, err));
    *file = (silt_source_file){path, s->file.name};
    SILT_TRY(give_group(s, out, err));
    out->files = file;
    if (!counts) return SILT_OK;
    SILT_TRY(tell_rejects(s, &sources, counts, err));
    counts->row_count = s->row_count - counts->reject_count;
    counts->rescue_count = (int64_t)s->bad_count - counts->reject_count;
    return SILT_OK;
}
