/* Where the rows of a scan are: their places in its files. */
#include "engine/duckdb_ops.h"
#include "engine/duckdb_table.h"

typedef struct places {
    silt_position_sink *sink;
    void *ctx;
    size_t file_count;
    int64_t file, row; /* the last one; -1: none */
} places;

/* A stretch of rows of one file for each call. */
static silt_status give_places(void *ctx, duckdb_data_chunk chunk, bool *end, silt_error *err)
{
    (void)end;
    places *p = ctx;
    idx_t count = silt_duck.data_chunk_get_size(chunk);
    const int64_t *files = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 0));
    const int64_t *rows = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 1));
    for (idx_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && files[to] == files[from]; to++) {
            /* Bitmaps are made of these: out of order they would still be right, but doubled ones
             * would say that something was read twice. */
            if (files[to] == p->file && rows[to] <= p->row)
                return silt_fail(err, SILT_FAILED,
                                 "internal error: row %" PRId64 " of file %" PRId64
                                 " came after row %" PRId64,
                                 rows[to], files[to], p->row);
            p->file = files[to];
            p->row = rows[to];
        }
        if (files[from] < 0 || (size_t)files[from] >= p->file_count)
            return silt_fail(err, SILT_FAILED, "internal error: no file %" PRId64, files[from]);
        SILT_TRY(
            p->sink(p->ctx, (size_t)files[from], (const uint64_t *)rows + from, to - from, err));
    }
    return SILT_OK;
}

silt_status silt_duck_give_places(silt_duck_engine *db, const silt_buf *sql, size_t file_count,
                                  silt_position_sink *sink, void *ctx, silt_error *err)
{
    places p = {.sink = sink, .ctx = ctx, .file_count = file_count, .file = -1, .row = -1};
    return silt_duck_stream(db, sql, give_places, &p, err);
}

typedef struct position_query {
    silt_duck_engine *db;
    silt_duck_rows rows;
} position_query;

static void position_query_release(position_query *q)
{
    (void)silt_duck_keep_order(q->db, false, NULL);
    silt_duck_utc_end(q->db);
    silt_duck_rows_release(&q->rows);
}

silt_status silt_duck_positions(silt_engine *engine, const silt_scan_spec *spec,
                                silt_position_sink *sink, void *ctx, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    const silt_rows_spec scan = {.kind = SILT_ROWS_SCAN, .scan = *spec};
    if (spec->source_count > 0)
        return silt_fail(err, SILT_INVALID, "positions: rows of text files have no places");
    SILT_TRY(silt_duck_start(db, err));
    SILT_CLEAN(position_query) q = {.db = db};
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(silt_duck_rows_init(&q.rows, db, &scan, err));
    SILT_TRY(silt_duck_utc_begin(db, err));
    /* Readers give rows in their order then, and no sort has to hold them. */
    SILT_TRY(silt_duck_keep_order(db, true, err));
    SILT_TRY(silt_duck_positions_sql(&q.rows.tables[0], spec, &sql, err));
    silt_status st = silt_duck_give_places(db, &sql, spec->file_count, sink, ctx, err);
    return silt_duck_rows_blame(&q.rows, st, err);
}
