/* The order that rows are written in: by columns, or along the curve of z-order.
 *
 * For the curve each column's values are cut into ranges with about as many rows each, by a sample;
 * a row's place is the bits of its ranges' numbers, interleaved. Values are compared as DuckDB's
 * sort keys, which are bytes, whatever their type. */
#include "engine/duckdb_ops.h"
#include "engine/duckdb_stream.h"

#define PLACE_BITS  64
#define RANGE_BITS  12 /* at most */
#define RANGES      (1 << RANGE_BITS)
#define SAMPLE_ROWS 100000
#define KEY_BYTES   64 /* of a sort key: what differs behind is in one range */

static const char curve_kind[] = "silt_curve";

/* One column's ranges: key k is in the range of the last start that isn't above it. */
typedef struct silt_duck_ranges {
    silt_bytes *starts; /* in order, each once */
    size_t count, room;
} silt_duck_ranges;

static int compare(silt_bytes a, silt_bytes b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n ? memcmp(a.data, b.data, n) : 0;
    return order ? order : a.size < b.size ? -1 : a.size > b.size;
}

static int compare_keys(const void *a, const void *b)
{
    return compare(*(const silt_bytes *)a, *(const silt_bytes *)b);
}

/* ---- the function ---------------------------------------------------------------------------- */

static uint32_t range_of(const silt_duck_ranges *ranges, silt_bytes key)
{
    size_t low = 0, high = ranges->count;
    if (key.size > KEY_BYTES) key.size = KEY_BYTES;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(ranges->starts[middle], key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low;
}

/* Of a range's number: as many as there is room for in a place; columns behind the 64th have none.
 */
static size_t bits_of(size_t columns)
{
    size_t bits = columns < PLACE_BITS ? PLACE_BITS / columns : 1;
    return bits < RANGE_BITS ? bits : RANGE_BITS;
}

/* (scan, sort key…) → place on the curve. */
static void curve(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    idx_t rows = silt_duck.data_chunk_get_size(input);
    if (rows == 0) return;
    const int64_t *ids = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 0));
    const silt_duck_order *order =
        silt_duck_scan_data(silt_duck_function_engine(info), ids[0], curve_kind);
    if (!order) {
        silt_duck.scalar_function_set_error(info, "silt_curve is for the engine's own use");
        return;
    }
    size_t columns = order->write->order.column_count, bits = bits_of(columns);
    if (columns > PLACE_BITS) columns = PLACE_BITS;
    uint64_t *places = silt_duck.vector_get_data(output);
    memset(places, 0, rows * sizeof *places);
    for (size_t c = 0; c < columns; c++) {
        const void *keys = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 1 + c));
        for (idx_t i = 0; i < rows; i++) {
            uint64_t range = range_of(&order->ranges[c], silt_duck_bytes(keys, i));
            range >>= RANGE_BITS - bits;
            for (size_t bit = 0; bit < bits; bit++) /* the lowest first */
                places[i] |= (range >> bit & 1) << (bit * columns + columns - 1 - c);
        }
    }
}

silt_status silt_duck_order_register(silt_duck_engine *db, silt_error *err)
{
    const duckdb_type args[] = {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_INVALID};
    return silt_duck_add_varargs(db, curve_kind, args, DUCKDB_TYPE_BLOB, DUCKDB_TYPE_UBIGINT, false,
                                 curve, err);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

/* The column, or the member of it, at this place of the order. */
static void put_column(const silt_duck_order *order, size_t i, silt_buf *sql)
{
    const silt_write_order *by = &order->write->order;
    silt_write_member member = by->members ? by->members[i] : (silt_write_member){0};
    for (size_t m = 0; m < member.count; m++)
        silt_buf_puts(sql, "struct_extract(");
    silt_buf_puts(sql, "t.");
    silt_sql_name(sql, order->columns[by->columns[i]].name);
    for (size_t m = 0; m < member.count; m++) {
        silt_buf_puts(sql, ", ");
        silt_sql_text(sql, member.names[m]);
        silt_buf_putc(sql, ')');
    }
}

/* The empty text behind makes bytes of keys that DuckDB would make integers of, as those of short
 * values of one size are. */
static void put_key(const silt_duck_order *order, size_t i, silt_buf *sql)
{
    silt_buf_puts(sql, "create_sort_key(");
    put_column(order, i, sql);
    silt_buf_puts(sql, ", 'ASC NULLS FIRST', '', 'ASC NULLS FIRST')");
}

static silt_status take_keys(void *ctx, duckdb_data_chunk chunk, bool *end, silt_error *err)
{
    silt_duck_order *order = ctx;
    (void)end;
    idx_t rows = silt_duck.data_chunk_get_size(chunk);
    for (size_t c = 0; c < order->write->order.column_count; c++) {
        silt_duck_ranges *ranges = &order->ranges[c];
        const void *data = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, c));
        for (idx_t i = 0; i < rows && ranges->count < ranges->room; i++) {
            silt_bytes key = silt_duck_bytes(data, i);
            if (key.size > KEY_BYTES) key.size = KEY_BYTES;
            key.data = silt_arena_strndup(order->arena, key.data, key.size);
            if (!key.data) return silt_fail_nomem(err);
            ranges->starts[ranges->count++] = key;
        }
    }
    return SILT_OK;
}

/* Of a sample's keys those where ranges start. */
static void cut(silt_duck_ranges *ranges)
{
    size_t sampled = ranges->count;
    qsort(ranges->starts, sampled, sizeof *ranges->starts, compare_keys);
    ranges->count = 0;
    for (size_t r = 1; r < RANGES && sampled > 0; r++) {
        silt_bytes key = ranges->starts[r * sampled / RANGES];
        if (ranges->count > 0 && compare(ranges->starts[ranges->count - 1], key) == 0) continue;
        ranges->starts[ranges->count++] = key;
    }
}

static silt_status find_ranges(silt_duck_order *order, const silt_buf *rows, silt_error *err)
{
    size_t columns = order->write->order.column_count;
    order->ranges = silt_arena_calloc(order->arena, columns, sizeof *order->ranges);
    if (!order->ranges) return silt_fail_nomem(err);
    SILT_CLEAN(silt_buf) sql = {0};
    for (size_t c = 0; c < columns; c++) {
        order->ranges[c].room = SAMPLE_ROWS;
        order->ranges[c].starts =
            silt_arena_calloc(order->arena, SAMPLE_ROWS, sizeof *order->ranges[c].starts);
        if (!order->ranges[c].starts) return silt_fail_nomem(err);
        silt_buf_puts(&sql, c ? ", " : "SELECT ");
        put_key(order, c, &sql);
    }
    silt_buf_printf(&sql, " FROM (%s) t USING SAMPLE reservoir(%d ROWS) REPEATABLE (1)", rows->data,
                    SAMPLE_ROWS);
    SILT_TRY(silt_duck_stream(order->db, &sql, take_keys, order, err));
    for (size_t c = 0; c < columns; c++)
        cut(&order->ranges[c]);
    return SILT_OK;
}

/* ---- the order ------------------------------------------------------------------------------- */

static void put_table(const silt_duck_order *order, silt_buf *sql)
{
    silt_buf_printf(sql, "temp.silt_order_%" PRId64, order->scan.id);
}

/* Rows that can be had once only are kept, since the sample takes them too. */
static silt_status keep_rows(silt_duck_order *order, silt_buf *rows, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "CREATE TEMP TABLE ");
    put_table(order, &sql);
    silt_buf_printf(&sql, " AS %s", rows->data);
    SILT_TRY(silt_duck_query(order->db, &sql, NULL, err));
    order->has_table = true;
    silt_buf_clear(rows);
    silt_buf_puts(rows, "SELECT * FROM ");
    put_table(order, rows);
    return rows->failed ? silt_fail_nomem(err) : SILT_OK;
}

silt_status silt_duck_order_init(silt_duck_order *order, silt_duck_engine *db,
                                 const silt_output_column *columns, const silt_write_spec *write,
                                 bool once, silt_buf *rows, silt_error *err)
{
    *order = (silt_duck_order){.db = db, .columns = columns, .write = write};
    if (!write->order.z_order || write->order.column_count < 2) return SILT_OK;
    order->arena = silt_arena_new();
    if (!order->arena) return silt_fail_nomem(err);
    order->scan = (silt_duck_scan){.kind = curve_kind, .data = order};
    silt_duck_scan_add(db, &order->scan);
    if (once) SILT_TRY(keep_rows(order, rows, err));
    return find_ranges(order, rows, err);
}

void silt_duck_order_release(silt_duck_order *order)
{
    if (order->has_table && order->db->connection) {
        SILT_CLEAN(silt_buf) sql = {0};
        SILT_CLEAN(silt_duck_result) result = {0};
        silt_buf_puts(&sql, "DROP TABLE IF EXISTS ");
        put_table(order, &sql);
        if (!sql.failed) (void)silt_duck.query(order->db->connection, sql.data, &result);
    }
    if (order->scan.data) silt_duck_scan_remove(order->db, &order->scan);
    silt_arena_free(order->arena);
    *order = (silt_duck_order){0};
}

static void put_order(const silt_duck_order *order, silt_buf *sql)
{
    const silt_write_spec *write = order->write;
    silt_buf_puts(sql, " ORDER BY ");
    for (size_t p = 0; p < write->partition_count; p++) {
        silt_buf_puts(sql, "t.");
        silt_sql_name(sql, order->columns[write->partition_by[p]].name);
        silt_buf_puts(sql, ", ");
    }
    if (order->ranges) {
        silt_buf_printf(sql, "silt_curve(%" PRId64, order->scan.id);
        for (size_t i = 0; i < write->order.column_count; i++) {
            silt_buf_puts(sql, ", ");
            put_key(order, i, sql);
        }
        silt_buf_putc(sql, ')');
        return;
    }
    for (size_t i = 0; i < write->order.column_count; i++) {
        if (i) silt_buf_puts(sql, ", ");
        put_column(order, i, sql);
        silt_buf_puts(sql, " ASC NULLS FIRST");
    }
}

/* COPY into several files lets its threads take the sorted rows by turns, and then they aren't in
 * order any more. Numbering them is what only one thread can do, so that one writes too. */
void silt_duck_order_sql(const silt_duck_order *order, const silt_buf *rows, silt_buf *sql)
{
    const silt_write_spec *write = order->write;
    if (write->order.column_count == 0) {
        silt_buf_append(sql, rows->data, rows->size);
        return;
    }
    bool several = !silt_duck_order_in_one(write);
    if (several)
        silt_buf_puts(sql, "SELECT t.* EXCLUDE (__silt_n) FROM (SELECT t.*, row_number() OVER () "
                           "AS __silt_n FROM (");
    silt_buf_printf(sql, "SELECT t.* FROM (%s) t", rows->data);
    put_order(order, sql);
    if (several) silt_buf_puts(sql, ") t) t WHERE t.__silt_n > 0");
}
