/* A Bloom filter: one word a key, three bits in it. */
#include "engine/duckdb_bloom.h"

#include <stdlib.h>

#define KEYS_PER_WORD 4          /* 16 bits a key: one key in a hundred passes for another */
#define MIN_WORD_BITS 10         /* 8 kB */
#define MAX_WORD_BITS 22         /* 32 MB */
#define MAX_KEYS      (64 << 20) /* with 4 bits each, one key in six does */

static const char add_name[] = "silt_bloom_add"; /* its address is the kind of the scan, too */
static const char has_name[] = "silt_bloom_has";

/* ---- the functions --------------------------------------------------------------------------- */

/* The engine's hashes are mixed well in all their bits; the word is told by others than the bits in
 * it. */
static inline size_t word_of(const silt_duck_bloom *bloom, uint64_t hash)
{
    return (size_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> bloom->shift);
}

static inline uint64_t bits_of(uint64_t hash)
{
    return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63) |
           UINT64_C(1) << (hash >> 12 & 63);
}

static void probe(duckdb_function_info info, duckdb_data_chunk args, duckdb_vector result, bool add)
{
    idx_t count = silt_duck.data_chunk_get_size(args);
    if (count == 0) return;
    const int64_t *ids = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(args, 0));
    const uint64_t *hashes = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(args, 1));
    bool *out = silt_duck.vector_get_data(result);
    silt_duck_bloom *bloom = silt_duck_scan_data(silt_duck_function_engine(info), ids[0], add_name);
    if (!bloom) {
        silt_duck.scalar_function_set_error(info, "silt_bloom is for the engine's own use");
        return;
    }
    for (idx_t i = 0; i < count; i++) {
        uint64_t bits = bits_of(hashes[i]);
        _Atomic uint64_t *word = &bloom->words[word_of(bloom, hashes[i])];
        uint64_t before = atomic_load_explicit(word, memory_order_relaxed);
        /* Of two threads that add one key, the later in the word's order sees the other's bits. */
        if (add && (before & bits) != bits)
            before = atomic_fetch_or_explicit(word, bits, memory_order_relaxed);
        out[i] = (before & bits) == bits;
    }
}

static void add(duckdb_function_info info, duckdb_data_chunk args, duckdb_vector result)
{
    probe(info, args, result, true);
}

static void has(duckdb_function_info info, duckdb_data_chunk args, duckdb_vector result)
{
    probe(info, args, result, false);
}

silt_status silt_duck_bloom_register(silt_duck_engine *db, silt_error *err)
{
    const duckdb_type args[] = {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_INVALID};
    SILT_TRY(silt_duck_add_function(db, add_name, args, DUCKDB_TYPE_BOOLEAN, true, add, err));
    return silt_duck_add_function(db, has_name, args, DUCKDB_TYPE_BOOLEAN, false, has, err);
}

/* ---- begin and end --------------------------------------------------------------------------- */

bool silt_duck_bloom_takes(const silt_type *type)
{
    return type->kind < SILT_TYPE_VARIANT && type->kind != SILT_TYPE_FLOAT &&
           type->kind != SILT_TYPE_DOUBLE;
}

silt_status silt_duck_bloom_init(silt_duck_bloom *bloom, silt_duck_engine *db, int64_t keys,
                                 silt_error *err)
{
    int bits = MIN_WORD_BITS;
    *bloom = (silt_duck_bloom){.db = db};
    if (keys > MAX_KEYS) return SILT_OK;
    while (bits < MAX_WORD_BITS && keys >> bits > KEYS_PER_WORD)
        bits++;
    bloom->words = calloc((size_t)1 << bits, sizeof *bloom->words);
    if (!bloom->words) return silt_fail_nomem(err);
    bloom->shift = 64 - bits;
    bloom->scan = (silt_duck_scan){.kind = add_name, .data = bloom};
    silt_duck_scan_add(db, &bloom->scan);
    return SILT_OK;
}

void silt_duck_bloom_release(silt_duck_bloom *bloom)
{
    if (bloom->words) silt_duck_scan_remove(bloom->db, &bloom->scan);
    free((void *)bloom->words);
    *bloom = (silt_duck_bloom){0};
}

/* ---- SQL ------------------------------------------------------------------------------------- */

void silt_duck_bloom_add_sql(const silt_duck_bloom *bloom, const char *values, silt_buf *sql)
{
    silt_buf_printf(sql, "%s(%" PRId64 ", hash(%s))", add_name, bloom->scan.id, values);
}

void silt_duck_bloom_has_sql(const silt_duck_bloom *bloom, const char *values, silt_buf *sql)
{
    silt_buf_printf(sql, "%s(%" PRId64 ", hash(%s))", has_name, bloom->scan.id, values);
}
