/* Sieving: a file that couldn't be staged is looked at once more, row by row.
 *
 *  1. Text is split into rows; those whose structure is broken are known by that. The others go
 *     into a copy with numbers, which DuckDB reads so that what doesn't fit becomes null.
 *  2. Rows that are left go into a copy once more, over which checks are evaluated.
 *  3. The last copy has the rows that can be loaded, as they stand in the file.
 *
 * Only files at fault come here: a good one is read once, by the query that writes. */
#include "engine/duckdb_sieve.h"

#include "base/json.h"
#include "engine/duckdb_expr.h"

#define FLAGS_TABLE "__silt_sieve"
#define VALUE_SHOWN 200

/* ---- verdicts -------------------------------------------------------------------------------- */

ptrdiff_t silt_sieve_column(const silt_sieve *s, size_t output)
{
    const silt_output_column *out = &s->spec->columns[output];
    if (out->kind == SILT_OUTPUT_VALUE || out->kind == SILT_OUTPUT_SOURCE_FILE ||
        out->kind == SILT_OUTPUT_RESCUED)
        return -1;
    for (size_t i = 0; i < s->group.column_count; i++)
        if (silt_streq(s->group.columns[i].name, out->source)) return (ptrdiff_t)i;
    return -1;
}

bool silt_sieve_rescues(const silt_sieve *s, silt_verdicts of)
{
    if (!s->spec->rescue_column) return false;
    for (size_t i = 0; i < of.count; i++) {
        const silt_verdict *v = &of.first[i];
        if (v->bad != SILT_BAD_VALUE || s->spec->columns[v->which].not_null) return false;
        for (size_t n = 0; n < s->spec->never_count; n++)
            if (silt_streq(s->spec->never[n], s->spec->columns[v->which].source)) return false;
    }
    return true;
}

const silt_verdict *silt_sieve_cause(const silt_sieve *s, silt_verdicts of)
{
    for (size_t i = 0; i < of.count; i++)
        if (!silt_sieve_rescues(s, (silt_verdicts){&of.first[i], 1})) return &of.first[i];
    return of.first;
}

const char *silt_sieve_path(silt_sieve *s, const char *name)
{
    static const char *const extensions[] = {[SILT_FORMAT_CSV] = "csv",
                                             [SILT_FORMAT_NDJSON] = "ndjson",
                                             [SILT_FORMAT_PARQUET] = "parquet"};
    return silt_arena_printf(s->arena, "%s/%s.%s", s->spec->directory, name,
                             extensions[s->spec->group->format]);
}

silt_status silt_sieve_note(silt_sieve *s, silt_verdict verdict, silt_error *err)
{
    bool again = s->verdicts.count && s->verdicts.items[s->verdicts.count - 1].row == verdict.row;
    if (!silt_vec_push(&s->verdicts, verdict)) return silt_fail_nomem(err);
    s->bad_count += !again;
    if ((int64_t)s->bad_count <= s->spec->bad_max) return SILT_OK;
    return silt_fail(err, SILT_BAD_DATA, "more rows are bad than max_bad_rows (%" PRId64 ") allows",
                     s->spec->bad_max);
}

static silt_status check_share(const silt_sieve *s, silt_error *err)
{
    if ((double)s->bad_count <= s->spec->bad_share * (double)s->row_count) return SILT_OK;
    return silt_fail(err, SILT_BAD_DATA,
                     "%zu of %" PRId64 " rows are bad, more than max_bad_share (%g) allows",
                     s->bad_count, s->row_count, s->spec->bad_share);
}

static int by_row(const void *a, const void *b)
{
    const silt_verdict *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    if (x->bad != y->bad) return x->bad < y->bad ? -1 : 1;
    return (x->which > y->which) - (x->which < y->which);
}

static void sort_verdicts(silt_sieve *s)
{
    if (s->verdicts.count)
        qsort(s->verdicts.items, s->verdicts.count, sizeof *s->verdicts.items, by_row);
}

static bool is_noted(const silt_sieve *s, size_t count, int64_t row)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->verdicts.items[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && s->verdicts.items[low].row == row;
}

void silt_sieve_reason(const silt_sieve *s, const silt_verdict *v, size_t fields, silt_bytes value,
                       silt_buf *out)
{
    const char *more = value.size > VALUE_SHOWN ? "…" : "";
    size_t size = 0;
    while (value.data && size < value.size && size < VALUE_SHOWN) {
        size_t next = silt_utf8_length(value.data + size, value.size - size);
        size += next ? next : 1;
    }
    SILT_CLEAN(silt_buf) type = {0};
    switch (v->bad) {
    case SILT_BAD_FIELDS:
        silt_buf_printf(out, "%zu fields stand where %zu are expected", fields,
                        s->group.column_count);
        break;
    case SILT_BAD_QUOTES:
        silt_buf_puts(out, "something stands behind a field's quotes");
        break;
    case SILT_BAD_UTF8:
        silt_buf_puts(out, "it isn't in UTF-8");
        break;
    case SILT_BAD_JSON:
        silt_buf_puts(out, "it is no JSON object");
        break;
    case SILT_BAD_ROW:
        silt_buf_puts(out, s->group.format == SILT_FORMAT_CSV ? "it can't be read as a CSV's row"
                                                              : "it is no valid JSON");
        break;
    case SILT_BAD_VALUE:
        if (s->spec->columns[v->which].type->kind == SILT_TYPE_VARIANT)
            silt_buf_puts(&type, "JSON");
        else
            (void)silt_sql_type(&type, s->spec->columns[v->which].type, NULL);
        silt_buf_printf(out, "'%.*s%s' is no %s that can be kept exactly", (int)size,
                        value.data ? value.data : "", more, type.data ? type.data : "value");
        break;
    case SILT_BAD_NULL:
        silt_buf_puts(out, "it must not be null");
        break;
    case SILT_BAD_CHECK:
        silt_buf_printf(out, "it violates %s", s->spec->checks[v->which].name);
        break;
    }
}

void silt_sieve_rescued(const silt_sieve *s, silt_verdicts of, silt_sieve_value_fn *value,
                        void *ctx, silt_buf *out)
{
    silt_json_writer w = silt_json_writer_of(out);
    silt_json_begin_object(&w);
    for (size_t i = 0; i < of.count; i++) {
        size_t column = (size_t)silt_sieve_column(s, of.first[i].which);
        silt_json_key(&w, s->group.columns[column].name);
        silt_json_put_raw(&w, value(ctx, column).data);
    }
    silt_json_member_string(&w, "_file_path", s->file.name);
    silt_json_end_object(&w);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void put_number(silt_buf *sql, const silt_source_group *group)
{
    if (group->format == SILT_FORMAT_PARQUET)
        silt_buf_puts(sql, "CAST(file_row_number AS BIGINT)");
    else if (group->format == SILT_FORMAT_NDJSON)
        silt_buf_puts(sql, "TRY_CAST(\"" SILT_SIEVE_NUMBER "\" AS BIGINT)");
    else
        silt_buf_puts(sql, "TRY_CAST(c0 AS BIGINT)");
}

/* A row's flags: "3,5,n7" are values of output columns 3 and 5, and a null in 7. */
static silt_status put_flags(silt_buf *sql, const silt_duck_sources *sources, silt_error *err)
{
    const silt_stage_spec *spec = sources->spec;
    silt_buf_puts(sql, "concat_ws(',', NULL");
    for (size_t c = 0; c < spec->column_count; c++) {
        SILT_CLEAN(silt_buf) value = {0};
        SILT_CLEAN(silt_buf) doubt = {0};
        bool has = false;
        SILT_TRY(silt_duck_source_doubt(sources, &sources->parts[0], c, &value, &doubt, &has, err));
        if (!has) continue;
        silt_buf_printf(sql, ", CASE WHEN %s THEN '%zu'", doubt.data, c);
        if (spec->columns[c].not_null) {
            silt_buf_printf(sql, " WHEN %s IS NULL", value.data);
            silt_duck_source_spared(sources, &sources->parts[0], c, sql);
            silt_buf_printf(sql, " THEN 'n%zu'", c);
        }
        silt_buf_puts(sql, " END");
    }
    silt_buf_putc(sql, ')');
    return sql->failed ? silt_fail_nomem(err) : SILT_OK;
}

static silt_status make_flags(silt_sieve *s, const silt_source_group *group, silt_error *err)
{
    const silt_stage_spec spec = {.groups = group,
                                  .group_count = 1,
                                  .columns = s->spec->columns,
                                  .column_count = s->spec->column_count};
    SILT_CLEAN(silt_duck_sources) sources = {0};
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(silt_duck_sources_init(&sources, s->db, &spec, s->arena, err));
    sources.lenient = true;
    silt_buf_puts(&sql, "CREATE OR REPLACE TEMP TABLE " FLAGS_TABLE " AS SELECT ");
    put_number(&sql, group);
    silt_buf_puts(&sql, " AS n, ");
    SILT_TRY(put_flags(&sql, &sources, err));
    silt_buf_puts(&sql, " AS flags ");
    SILT_TRY(silt_duck_source_from(&sources, &sources.parts[0], 0, 1, &sql, err));
    return silt_duck_query(s->db, &sql, NULL, err);
}

static silt_status note_flags(silt_sieve *s, int64_t row, silt_bytes flags, silt_error *err)
{
    for (size_t at = 0; at < flags.size; at++) {
        silt_verdict v = {.row = row, .bad = SILT_BAD_VALUE};
        if (flags.data[at] == 'n') v.bad = SILT_BAD_NULL;
        at += flags.data[at] == 'n';
        while (at < flags.size && flags.data[at] != ',')
            v.which = v.which * 10 + (uint32_t)(flags.data[at++] - '0');
        SILT_TRY(silt_sieve_note(s, v, err));
    }
    return SILT_OK;
}

typedef silt_status row_fn(silt_sieve *s, duckdb_data_chunk chunk, idx_t row, silt_error *err);

static silt_status each_row(silt_sieve *s, const silt_buf *sql, row_fn *fn, silt_error *err)
{
    SILT_CLEAN(silt_duck_result) result = {0};
    SILT_TRY(silt_duck_query(s->db, sql, &result, err));
    for (;;) {
        SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
        if (!chunk) return SILT_OK;
        idx_t rows = silt_duck.data_chunk_get_size(chunk);
        for (idx_t i = 0; i < rows; i++)
            SILT_TRY(fn(s, chunk, i, err));
    }
}

static int64_t long_at(duckdb_data_chunk chunk, idx_t column, idx_t row)
{
    return (
        (int64_t *)silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, column)))[row];
}

static silt_status on_flags(silt_sieve *s, duckdb_data_chunk chunk, idx_t row, silt_error *err)
{
    silt_bytes flags =
        silt_duck_bytes(silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 1)), row);
    return note_flags(s, long_at(chunk, 0, row), flags, err);
}

static silt_status take_flags(silt_sieve *s, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql,
                    "SELECT n, flags FROM " FLAGS_TABLE
                    " WHERE n IS NOT NULL AND flags <> '' ORDER BY n LIMIT %" PRId64,
                    s->spec->bad_max + 1);
    return each_row(s, &sql, on_flags, err);
}

/* ---- rows that DuckDB left out --------------------------------------------------------------- */

static silt_status on_missing(silt_sieve *s, duckdb_data_chunk chunk, idx_t row, silt_error *err)
{
    int64_t n = long_at(chunk, 0, row);
    if (is_noted(s, s->broken_count, n)) return SILT_OK;
    return silt_sieve_note(s, (silt_verdict){n, SILT_BAD_ROW, 0}, err);
}

/* Those that it read and those that are known to be broken have to be all. */
static silt_status take_missing(silt_sieve *s, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    int64_t read = 0, broken = (int64_t)s->broken_count;
    silt_buf_puts(&sql, "SELECT count(n) FROM " FLAGS_TABLE);
    SILT_TRY(silt_duck_query_int(s->db, &sql, &read, err));
    if (s->group.format == SILT_FORMAT_PARQUET) s->row_count = read;
    if (read + broken == s->row_count) return SILT_OK;
    silt_buf_clear(&sql);
    silt_buf_printf(&sql,
                    "SELECT r.range FROM range(%" PRId64 ") r ANTI JOIN " FLAGS_TABLE
                    " f ON f.n = r.range ORDER BY 1 LIMIT %" PRId64,
                    s->row_count, s->spec->bad_max + 1 + broken);
    return each_row(s, &sql, on_missing, err);
}

static silt_status judge_values(silt_sieve *s, const silt_source_group *group, silt_error *err)
{
    s->broken_count = s->verdicts.count; /* in order, one a row */
    silt_status st = make_flags(s, group, err);
    if (st == SILT_OK) st = take_missing(s, err);
    if (st == SILT_OK) st = take_flags(s, err);
    (void)silt_duck_run(s->db, "DROP TABLE IF EXISTS temp." FLAGS_TABLE, NULL, NULL);
    sort_verdicts(s);
    return st;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static silt_status on_check(silt_sieve *s, duckdb_data_chunk chunk, idx_t row, silt_error *err)
{
    const silt_verdict v = {long_at(chunk, 0, row), SILT_BAD_CHECK,
                            (uint32_t)long_at(chunk, 1, row)};
    return silt_sieve_note(s, v, err);
}

/* Append "SELECT n, k": the first check that a row violates. */
static silt_status put_checks(silt_sieve *s, const silt_stage_spec *spec, const silt_buf *rows,
                              silt_buf *sql, silt_error *err)
{
    silt_duck_compute columns = {.columns = spec->columns, .column_count = spec->column_count};
    silt_buf_puts(sql, "SELECT n, k FROM (SELECT t." SILT_SIEVE_NUMBER " AS n, CAST(CASE");
    for (size_t k = 0; k < s->spec->check_count; k++) {
        silt_buf_puts(sql, " WHEN (");
        silt_status st = silt_duck_expr_sql(s->spec->checks[k].condition, silt_duck_output_column,
                                            &columns, sql, err);
        if (st != SILT_OK) return silt_wrap(err, st, "%s", s->spec->checks[k].name);
        silt_buf_printf(sql, ") IS NOT TRUE THEN %zu", k);
    }
    silt_buf_printf(sql,
                    " END AS BIGINT) AS k FROM (%s) t) WHERE k IS NOT NULL ORDER BY n "
                    "LIMIT %" PRId64,
                    rows->data, s->spec->bad_max + 1);
    return SILT_OK;
}

static silt_status judge_checks(silt_sieve *s, const silt_source_group *group, silt_error *err)
{
    static const silt_type number = {.kind = SILT_TYPE_LONG};
    size_t count = s->spec->column_count;
    silt_output_column *columns = silt_arena_calloc(s->arena, count + 1, sizeof *columns);
    if (!columns) return silt_fail_nomem(err);
    memcpy(columns, s->spec->columns, count * sizeof *columns);
    columns[count] = (silt_output_column){.name = SILT_SIEVE_NUMBER,
                                          .type = &number,
                                          .kind = SILT_OUTPUT_SOURCE,
                                          .source = SILT_SIEVE_NUMBER};
    const silt_stage_spec spec = {
        .groups = group, .group_count = 1, .columns = columns, .column_count = count + 1};
    SILT_CLEAN(silt_duck_sources) sources = {0};
    SILT_CLEAN(silt_buf) rows = {0};
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(silt_duck_sources_init(&sources, s->db, &spec, s->arena, err));
    SILT_TRY(silt_duck_source_sql(&sources, 0, 1, false, &rows, err));
    SILT_TRY(put_checks(s, &spec, &rows, &sql, err));
    SILT_TRY(each_row(s, &sql, on_check, err));
    sort_verdicts(s);
    return SILT_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static silt_status copy(silt_sieve *s, silt_sieve_copy kind, silt_source_group *out,
                        silt_sieve_result *counts, silt_error *err)
{
    silt_source_file *file = silt_arena_calloc(s->arena, 1, sizeof *file);
    if (!file) return silt_fail_nomem(err);
    if (s->group.format == SILT_FORMAT_PARQUET)
        return silt_sieve_parquet_copy(s, kind, out, file, counts, err);
    return silt_sieve_text_copy(s, kind, out, file, counts, err);
}

static silt_status sieve(silt_sieve *s, silt_sieve_result *out, silt_error *err)
{
    silt_source_group group;
    SILT_TRY(silt_duck_start(s->db, err));
    if (s->group.format == SILT_FORMAT_PARQUET) {
        SILT_TRY(judge_values(s, &s->group, err));
    } else {
        SILT_TRY(silt_sieve_text_open(s, err));
        SILT_TRY(copy(s, SILT_SIEVE_ALL, &group, NULL, err));
        SILT_TRY(judge_values(s, &group, err));
    }
    SILT_TRY(check_share(s, err));
    if (s->spec->check_count) {
        SILT_TRY(copy(s, SILT_SIEVE_KEPT, &group, NULL, err));
        SILT_TRY(judge_checks(s, &group, err));
        SILT_TRY(check_share(s, err));
    }
    return copy(s, SILT_SIEVE_LAST, &out->group, out, err);
}

silt_status silt_duck_sieve(silt_engine *engine, const silt_sieve_spec *spec, silt_arena *arena,
                            silt_sieve_result *out, silt_error *err)
{
    silt_sieve s = {.db = silt_duck_of(engine),
                    .spec = spec,
                    .arena = arena,
                    .group = *spec->group,
                    .file = spec->group->files[0]};
    silt_sieve_result result = {0};
    silt_status st = sieve(&s, &result, err);
    silt_vec_free(&s.verdicts);
    if (st == SILT_OK) *out = result;
    return st;
}
