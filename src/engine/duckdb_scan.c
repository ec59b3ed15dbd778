/* Data files → rows: to a file as CSV, JSON or Parquet, or one after another as text. */
#include "base/type.h"
#include "engine/duckdb_ops.h"
#include "engine/duckdb_pipe.h"
#include "engine/duckdb_table.h"

#include <unistd.h>

/* What every scan does around its query. */
typedef struct scan {
    silt_duck_engine *db;      /* the session, where there is one */
    silt_duck_engine *session; /* of a statement, which makes macros and views in it; else NULL */
    silt_duck_rows rows;
} scan;

static void scan_release(scan *s)
{
    (void)silt_duck_keep_order(s->db, false, NULL);
    silt_duck_utc_end(s->db);
    silt_duck_rows_release(&s->rows);
    silt_duck_session_close(s->session);
}

static silt_status scan_begin(scan *s, const silt_rows_spec *spec, bool ordered, silt_error *err)
{
    SILT_TRY(silt_duck_start(s->db, err));
    if (spec->kind == SILT_ROWS_QUERY) {
        SILT_TRY(silt_duck_session_open(s->db, &s->session, err));
        s->db = s->session;
    }
    SILT_TRY(silt_duck_rows_init(&s->rows, s->db, spec, err));
    SILT_TRY(silt_duck_utc_begin(s->db, err));
    bool limited = spec->kind == SILT_ROWS_SCAN && spec->scan.limit >= 0;
    return silt_duck_keep_order(s->db, ordered || limited, err);
}

/* ---- columns --------------------------------------------------------------------------------- */

silt_status silt_duck_scan_describe(silt_engine *engine, const silt_rows_spec *spec,
                                    silt_arena *arena, const silt_column **columns,
                                    size_t *column_count, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    SILT_CLEAN(scan) s = {.db = db};
    SILT_TRY(scan_begin(&s, spec, false, err));
    silt_column *copy = silt_arena_calloc(arena, s.rows.column_count, sizeof *copy);
    if (!copy) return silt_fail_nomem(err);
    for (size_t i = 0; i < s.rows.column_count; i++) {
        copy[i].name = silt_arena_strdup(arena, s.rows.columns[i].name);
        copy[i].type = silt_type_copy(s.rows.columns[i].type, arena);
        if (!copy[i].name || !copy[i].type) return silt_fail_nomem(err);
    }
    *columns = copy;
    *column_count = s.rows.column_count;
    return SILT_OK;
}

/* ---- to a file ------------------------------------------------------------------------------- */

static void put_csv_form(const silt_csv_form *csv, silt_buf *sql)
{
    silt_buf_printf(sql, ", HEADER %s, COMPRESSION %s", csv && csv->header ? "true" : "false",
                    csv && csv->gzip ? "gzip" : "none");
    if (!csv || !csv->delimiter) return;
    silt_buf_puts(sql, ", DELIMITER ");
    silt_sql_text(sql, csv->delimiter);
}

static silt_status copy_rows(scan *s, silt_output_format format, const silt_csv_form *csv,
                             const char *path, int64_t *row_count, silt_error *err)
{
    static const silt_duck_form forms[] = {[SILT_OUTPUT_CSV] = SILT_DUCK_TEXT,
                                           [SILT_OUTPUT_JSON] = SILT_DUCK_JSON,
                                           [SILT_OUTPUT_PARQUET] = SILT_DUCK_PARQUET};
    static const char *const options[] = {[SILT_OUTPUT_CSV] = "FORMAT csv",
                                          [SILT_OUTPUT_JSON] = "FORMAT json",
                                          [SILT_OUTPUT_PARQUET] = "FORMAT parquet"};
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "COPY (");
    SILT_TRY(silt_duck_rows_sql(&s->rows, forms[format], &sql, err));
    silt_buf_puts(&sql, ") TO ");
    silt_sql_text(&sql, path);
    /* The name's ending must not choose a compression, and a pipe can't be renamed to. */
    silt_buf_printf(&sql, " (%s, USE_TMP_FILE false", options[format]);
    if (format == SILT_OUTPUT_CSV)
        put_csv_form(csv, &sql);
    else if (format == SILT_OUTPUT_JSON)
        silt_buf_puts(&sql, ", COMPRESSION none");
    silt_buf_putc(&sql, ')');
    silt_status st = silt_duck_query_int(s->db, &sql, row_count, err);
    return silt_duck_rows_blame(&s->rows, st, err);
}

silt_status silt_duck_scan_write(silt_engine *engine, const silt_rows_spec *spec,
                                 silt_output_format format, const silt_csv_form *csv,
                                 const char *local_path, int64_t *row_count, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    SILT_CLEAN(scan) s = {.db = db};
    SILT_TRY(scan_begin(&s, spec, format != SILT_OUTPUT_PARQUET, err));
    int64_t count = 0;
    if (strcmp(local_path, "-") != 0) {
        SILT_TRY(copy_rows(&s, format, csv, local_path, &count, err));
    } else {
        silt_duck_pipe pipe;
        SILT_TRY(silt_duck_pipe_open(&pipe, s.db, STDOUT_FILENO, err));
        silt_status st = copy_rows(&s, format, csv, pipe.path, &count, err);
        SILT_TRY(silt_duck_pipe_close(&pipe, st, err));
    }
    if (row_count) *row_count = count;
    return SILT_OK;
}

/* ---- one after another ----------------------------------------------------------------------- */

typedef struct row_sink {
    silt_row_fn *fn;
    void *ctx;
    size_t count;
    silt_bytes *values;
    const duckdb_string_t **data;
    const uint64_t **validity;
} row_sink;

static silt_status give_rows(void *ctx, duckdb_data_chunk chunk, bool *end, silt_error *err)
{
    (void)err;
    row_sink *sink = ctx;
    idx_t rows = silt_duck.data_chunk_get_size(chunk);
    for (size_t c = 0; c < sink->count; c++) {
        duckdb_vector v = silt_duck.data_chunk_get_vector(chunk, c);
        sink->data[c] = silt_duck.vector_get_data(v);
        sink->validity[c] = silt_duck.vector_get_validity(v);
    }
    for (idx_t i = 0; i < rows && !*end; i++) {
        for (size_t c = 0; c < sink->count; c++)
            sink->values[c] = silt_duck_valid(sink->validity[c], i)
                                  ? silt_duck_bytes(sink->data[c], i)
                                  : (silt_bytes){0};
        *end = !sink->fn(sink->ctx, sink->values, sink->count);
    }
    return SILT_OK;
}

silt_status silt_duck_scan_rows(silt_engine *engine, const silt_rows_spec *spec, silt_row_fn *fn,
                                void *ctx, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    SILT_CLEAN(scan) s = {.db = db};
    SILT_TRY(scan_begin(&s, spec, true, err));
    size_t n = s.rows.column_count;
    silt_arena *arena = s.rows.arena;
    row_sink sink = {.fn = fn,
                     .ctx = ctx,
                     .count = n,
                     .values = silt_arena_calloc(arena, n, sizeof *sink.values),
                     .data = silt_arena_calloc(arena, n, sizeof *sink.data),
                     .validity = silt_arena_calloc(arena, n, sizeof *sink.validity)};
    if (!sink.values || !sink.data || !sink.validity) return silt_fail_nomem(err);
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(silt_duck_rows_sql(&s.rows, SILT_DUCK_TEXT, &sql, err));
    silt_status st = silt_duck_stream(s.db, &sql, give_rows, &sink, err);
    return silt_duck_rows_blame(&s.rows, st, err);
}
