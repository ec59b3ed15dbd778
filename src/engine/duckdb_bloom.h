/* A Bloom filter over keys: what isn't in it is none of them; what is may be one.
 *
 *  silt_bloom_add(filter, hash)  put in; true where it was in already, or seems so
 *  silt_bloom_has(filter, hash)  is in, or seems so */
#ifndef SILT_ENGINE_DUCKDB_BLOOM_H
#define SILT_ENGINE_DUCKDB_BLOOM_H

#include "engine/duckdb_core.h"

/* {0} is none. Doesn't move while there is one. */
typedef struct silt_duck_bloom {
    silt_duck_scan scan;
    silt_duck_engine *db;
    _Atomic uint64_t *words; /* NULL: none */
    int shift;               /* a hash's word is in its bits from here on */
} silt_duck_bloom;

/* A filter for so many keys, of 32 MB at most, which count beside memory_limit. None where it would
 * take nearly all for keys: of more than 64 million. */
silt_status silt_duck_bloom_init(silt_duck_bloom *bloom, silt_duck_engine *db, int64_t keys,
                                 silt_error *err);
void silt_duck_bloom_release(silt_duck_bloom *bloom);

/* Whether equal values of a type have equal hashes, for certain. */
bool silt_duck_bloom_takes(const silt_type *type);
/* Append a condition over `values`, a list as SELECT has it: that it was in, and is from now on; or
 * that it is in. */
void silt_duck_bloom_add_sql(const silt_duck_bloom *bloom, const char *values, silt_buf *sql);
void silt_duck_bloom_has_sql(const silt_duck_bloom *bloom, const char *values, silt_buf *sql);

silt_status silt_duck_bloom_register(silt_duck_engine *db, silt_error *err);

#endif
