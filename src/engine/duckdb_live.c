/* Rows of data files that are there: deletion vectors and their like, as a condition. */
#include <endian.h>

#include "engine/duckdb_table.h"

static const char live_name[] = "silt_live"; /* its address is the kind of the scan, too */

#define WORDS 64 /* of a stretch of rows that is decoded at once: 4,096, two chunks */

/* Eight bits as eight bytes of 0 and 1. */
static uint64_t spread(uint8_t bits)
{
    uint64_t bytes = bits * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
    return ((bytes + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7) & UINT64_C(0x0101010101010101);
}

/* Rows one after another, up to WORDS * 64 of them: what a reader gives where nothing was left out
 * before. */
static void put_stretch(const silt_scan_file *file, uint64_t first, size_t count, bool *out)
{
    uint64_t words[WORDS];
    if (silt_bitmap_range(file->rows, first, count, words) == 0) {
        memset(out, !file->rows_only, count);
        return;
    }
    uint64_t flip = file->rows_only ? 0 : UINT64_MAX;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint8_t bits = (uint8_t)((words[i / 64] ^ flip) >> (i % 64));
        uint64_t bytes = htole64(spread(bits));
        memcpy(out + i, &bytes, 8);
    }
    for (; i < count; i++)
        out[i] = (words[i / 64] ^ flip) >> (i % 64) & 1;
}

/* Rows in between which others were left out: near each other one decoding serves all, else they
 * are looked up one by one. */
static void put_some(const silt_scan_file *file, const int64_t *rows, size_t count, bool *out)
{
    bool only = file->rows_only;
    uint64_t low = (uint64_t)rows[0], high = low;
    for (size_t i = 0; i < count; i++) {
        uint64_t row = (uint64_t)rows[i];
        low = row < low ? row : low;
        high = row > high ? row : high;
    }
    uint64_t span = high - low + 1;
    if (span > (uint64_t)WORDS * 64 || span > 16 * count) {
        for (size_t i = 0; i < count; i++)
            out[i] = silt_bitmap_has(file->rows, (uint64_t)rows[i]) == only;
        return;
    }
    uint64_t words[WORDS];
    (void)silt_bitmap_range(file->rows, low, span, words);
    for (size_t i = 0; i < count; i++) {
        uint64_t bit = (uint64_t)rows[i] - low;
        out[i] = (words[bit / 64] >> (bit % 64) & 1) == only;
    }
}

static void put_rows(const silt_scan_file *file, const int64_t *rows, size_t count, bool *out)
{
    uint64_t differ = count > (size_t)WORDS * 64;
    for (size_t i = 0; i < count; i++)
        differ |= ((uint64_t)rows[0] + i) ^ (uint64_t)rows[i];
    if (!file->rows)
        memset(out, true, count);
    else if (differ)
        put_some(file, rows, count, out);
    else
        put_stretch(file, (uint64_t)rows[0], count, out);
}

/* How many keys from the first on are the same: mostly all. */
static size_t same_keys(const uint64_t *keys, size_t count)
{
    uint64_t differ = 0;
    for (size_t i = 1; i < count; i++)
        differ |= keys[i] ^ keys[0];
    if (!differ) return count;
    size_t n = 1;
    while (n < count && keys[n] == keys[0])
        n++;
    return n;
}

/* (key, row) → whether the row is there. */
static void live(duckdb_function_info info, duckdb_data_chunk args, duckdb_vector result)
{
    idx_t count = silt_duck.data_chunk_get_size(args);
    if (count == 0) return;
    const uint64_t *keys = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(args, 0));
    const int64_t *rows = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(args, 1));
    bool *out = silt_duck.vector_get_data(result);
    const silt_duck_table *table = silt_duck_scan_data(silt_duck_function_engine(info),
                                                       silt_duck_key_scan(keys[0]), live_name);
    for (size_t i = 0, n; i < count; i += n) {
        uint64_t slot = silt_duck_key_slot(keys[i]);
        if (!table || slot >= table->file_count) {
            silt_duck.scalar_function_set_error(info, "silt_live is for the engine's own use");
            return;
        }
        n = same_keys(keys + i, count - i);
        put_rows(&table->slots[slot], rows + i, n, out + i);
    }
}

/* What it is given: a condition within isn't DuckDB's to see through. */
static void keep(duckdb_function_info info, duckdb_data_chunk args, duckdb_vector result)
{
    (void)info;
    idx_t count = silt_duck.data_chunk_get_size(args);
    duckdb_vector given = silt_duck.data_chunk_get_vector(args, 0);
    const bool *values = silt_duck.vector_get_data(given);
    const uint64_t *validity = silt_duck.vector_get_validity(given);
    bool *out = silt_duck.vector_get_data(result);
    for (idx_t i = 0; i < count; i++)
        out[i] = silt_duck_valid(validity, i) && values[i];
}

silt_status silt_duck_live_register(silt_duck_engine *db, silt_error *err)
{
    const duckdb_type given[] = {DUCKDB_TYPE_BOOLEAN, DUCKDB_TYPE_INVALID};
    SILT_TRY(
        silt_duck_add_function(db, SILT_DUCK_KEEP, given, DUCKDB_TYPE_BOOLEAN, true, keep, err));
    const duckdb_type args[] = {DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_INVALID};
    return silt_duck_add_function(db, live_name, args, DUCKDB_TYPE_BOOLEAN, false, live, err);
}

void silt_duck_live_init(silt_duck_table *table)
{
    bool any = false;
    for (size_t g = 0; g < table->group_count; g++)
        any |= table->groups[g].has_rows;
    if (!any) return;
    table->live = (silt_duck_scan){.kind = live_name, .data = table};
    silt_duck_scan_add(table->db, &table->live);
}

void silt_duck_live_sql(const silt_duck_table *table, const silt_duck_group *group, silt_buf *sql)
{
    silt_buf_printf(sql, "%s(", live_name);
    silt_duck_key_sql(table->live.id, group->first, sql);
    silt_buf_puts(sql, ", file_row_number)");
}
