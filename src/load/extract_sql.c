/* Rows of a database as a file that the engine reads: asked for one by one, a batch of them in
 * memory. The database gives texts, which the engine makes the columns' values of. */
#include "load/runner_sql.h"

#include "table/data.h"

#define BATCH_ROWS  2048
#define BATCH_BYTES (INT64_C(4) << 20)

typedef struct pulling {
    silt_database *db;
    const silt_column *columns;
    size_t count;
    bool ended;
    silt_arena *texts; /* of one batch */
    silt_flat_vector *vectors;
    uint64_t **validity;
    silt_bytes **strings;
} pulling;

/* As the engine reads BLOBs from texts. */
static silt_status put_binary(pulling *p, silt_bytes value, silt_bytes *out, silt_error *err)
{
    static const char digits[] = "0123456789ABCDEF";
    SILT_CLEAN(silt_buf) bytes = {0};
    if (!p->db->ops->put_binary(value, &bytes))
        return silt_fail(err, SILT_CORRUPT, "found \"%.*s\" where bytes are expected",
                         value.size < 60 ? (int)value.size : 60, value.data);
    char *text = silt_arena_alloc(p->texts, bytes.size * 4 + 1);
    if (!text || bytes.failed) return silt_fail_nomem(err);
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        memcpy(text + i * 4, (char[]){'\\', 'x', digits[byte >> 4], digits[byte & 15]}, 4);
    }
    *out = (silt_bytes){text, bytes.size * 4};
    return SILT_OK;
}

static silt_status put_value(pulling *p, size_t column, size_t at, silt_bytes value,
                             silt_error *err)
{
    silt_bytes *out = &p->strings[column][at];
    uint64_t bit = (uint64_t)1 << (at % 64);
    *out = (silt_bytes){"", 0};
    p->validity[column][at / 64] &= ~bit;
    if (!value.data) return SILT_OK;
    p->validity[column][at / 64] |= bit;
    if (p->columns[column].type->kind == SILT_TYPE_BINARY) return put_binary(p, value, out, err);
    char *copy = silt_arena_strndup(p->texts, value.data, value.size);
    if (!copy) return silt_fail_nomem(err);
    *out = (silt_bytes){copy, value.size};
    return SILT_OK;
}

static silt_status next_batch(void *ctx, silt_flat_batch *out, silt_error *err)
{
    pulling *p = ctx;
    size_t rows = 0, bytes = 0;
    silt_arena_reset(p->texts);
    while (!p->ended && rows < BATCH_ROWS && bytes < BATCH_BYTES) {
        const silt_bytes *row = NULL;
        size_t width;
        SILT_TRY(p->db->ops->rows_next(p->db, &row, &width, err));
        p->ended = !row;
        if (!row) break;
        for (size_t c = 0; c < p->count; c++) {
            silt_status st = put_value(p, c, rows, row[c], err);
            if (st != SILT_OK) return silt_wrap(err, st, "column %s", p->columns[c].name);
            bytes += row[c].size;
        }
        rows++;
    }
    *out = (silt_flat_batch){rows, p->vectors};
    return SILT_OK;
}

static bool pulling_init(pulling *p, silt_arena *arena)
{
    p->vectors = silt_arena_calloc(arena, p->count, sizeof(*p->vectors));
    p->validity = silt_arena_calloc(arena, p->count, sizeof(*p->validity));
    p->strings = silt_arena_calloc(arena, p->count, sizeof(*p->strings));
    if (!p->vectors || !p->validity || !p->strings) return false;
    for (size_t c = 0; c < p->count; c++) {
        p->validity[c] = silt_arena_calloc(arena, BATCH_ROWS / 64, sizeof(uint64_t));
        p->strings[c] = silt_arena_calloc(arena, BATCH_ROWS, sizeof(silt_bytes));
        if (!p->validity[c] || !p->strings[c]) return false;
        p->vectors[c] = (silt_flat_vector){p->validity[c], NULL, p->strings[c]};
    }
    return true;
}

/* Columns of the file are called by their places, so that none is hidden by another. */
static silt_status write_file(pulling *p, silt_engine *engine, const char *path, silt_arena *arena,
                              silt_scan_column *out, silt_error *err)
{
    silt_node *nodes = silt_arena_calloc(arena, p->count, sizeof(*nodes));
    silt_flat_kind *kinds = silt_arena_calloc(arena, p->count, sizeof(*kinds));
    silt_staged_file file;
    if (!nodes || !kinds || !pulling_init(p, arena)) return silt_fail_nomem(err);
    for (size_t c = 0; c < p->count; c++) {
        const char *name = silt_arena_printf(arena, "c%zu", c);
        if (!name) return silt_fail_nomem(err);
        kinds[c] = SILT_FLAT_TEXT;
        nodes[c] = (silt_node){
            .name = name, .kind = SILT_NODE_LEAF, .column = c, .type = p->columns[c].type};
        out[c] = (silt_scan_column){.name = p->columns[c].name,
                                    .type = p->columns[c].type,
                                    .kind = SILT_SCAN_DATA,
                                    .physical = {.name = name, .id = -1}};
    }
    return engine->ops->write_flat(engine, kinds, p->count, nodes, p->count, next_batch, p, path,
                                   arena, &file, err);
}

static silt_status fill(pulling *p, silt_engine *engine, const char *sql, const char *const *values,
                        size_t value_count, const char *path, silt_arena *arena,
                        silt_scan_column *columns, silt_error *err)
{
    SILT_AUTO(silt_arena) texts = silt_arena_new();
    p->texts = texts;
    if (!texts) return silt_fail_nomem(err);
    SILT_TRY(p->db->ops->rows_begin(p->db, sql, values, value_count, err));
    silt_status st = write_file(p, engine, path, arena, columns, err);
    p->db->ops->rows_end(p->db);
    return st;
}

silt_status silt_sql_extract_make(silt_database *db, silt_engine *engine, const char *sql,
                                  const char *const *values, size_t value_count,
                                  const silt_column *columns, size_t count, silt_arena *arena,
                                  silt_sql_extract *out, silt_error *err)
{
    pulling p = {.db = db, .columns = columns, .count = count};
    SILT_TRY(silt_scratch_temporary("rows", arena, &out->folder, err));
    const char *path = silt_arena_printf(arena, "%s/rows.parquet", out->folder);
    silt_scan_column *found = silt_arena_calloc(arena, count, sizeof(*found));
    if (!path || !found) return silt_fail_nomem(err);
    SILT_TRY(fill(&p, engine, sql, values, value_count, path, arena, found, err));
    out->file = (silt_scan_file){.local_path = path, .row_count = -1, .base_row_id = -1};
    out->scan = (silt_scan_spec){
        .files = &out->file, .file_count = 1, .columns = found, .column_count = count, .limit = -1};
    return SILT_OK;
}

void silt_sql_extract_release(silt_sql_extract *extract)
{
    silt_scratch_remove(extract->folder);
    extract->folder = NULL;
}
