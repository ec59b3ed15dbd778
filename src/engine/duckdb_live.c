/* Rows of data files that are there: deletion vectors and their like, as a condition. */
#include "engine/duckdb_table.h"

static const char live_name[] = "silt_live"; /* its address is the kind of the scan, too */

#define WORDS 64 /* a stretch of rows that is decoded at once: 4,096, two chunks at least */

/* The rows of one file within a stretch of a chunk: [begin, end) of its vectors. A chunk's rows are
 * mostly of one file and one after another, and then one decoding serves all; rows that a filter
 * has thinned out are looked up one by one. */
static void put_rows(const silt_scan_file *file, const int64_t *rows, idx_t begin, idx_t end,
                     bool *out)
{
    bool only = file->rows_only;
    uint64_t low = (uint64_t)rows[begin], high = low;
    for (idx_t i = begin; i < end; i++) {
        uint64_t row = (uint64_t)rows[i];
        low = row < low ? row : low;
        high = row > high ? row : high;
    }
    uint64_t span = high - low + 1;
    if (span > (uint64_t)WORDS * 64 || span > 16 * (end - begin)) {
        for (idx_t i = begin; i < end; i++)
            out[i] = silt_bitmap_has(file->rows, (uint64_t)rows[i]) == only;
        return;
    }
    uint64_t words[WORDS];
    if (silt_bitmap_range(file->rows, low, span, words) == 0) {
        memset(out + begin, !only, end - begin);
        return;
    }
    for (idx_t i = begin; i < end; i++) {
        uint64_t bit = (uint64_t)rows[i] - low;
        out[i] = (words[bit / 64] >> (bit % 64) & 1) == only;
    }
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
    for (idx_t i = 0, next; i < count; i = next) {
        uint64_t slot = silt_duck_key_slot(keys[i]);
        if (!table || slot >= table->file_count) {
            silt_duck.scalar_function_set_error(info, "silt_live is for the engine's own use");
            return;
        }
        for (next = i + 1; next < count && keys[next] == keys[i]; next++)
            continue;
        if (table->slots[slot].rows)
            put_rows(&table->slots[slot], rows, i, next, out);
        else
            memset(out + i, true, next - i);
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
