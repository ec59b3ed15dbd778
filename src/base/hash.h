/* XXH3-128 over content: the only place that knows xxHash. Not for security. */
#ifndef SILT_BASE_HASH_H
#define SILT_BASE_HASH_H

#include "base/base.h"

#define SILT_HASH_SIZE 33 /* 32 hexadecimal digits and NUL */

typedef struct silt_hash silt_hash; /* a running hash */

silt_hash *silt_hash_new(void); /* NULL when out of memory */
void silt_hash_free(silt_hash *hash);
void silt_hash_update(silt_hash *hash, const void *data, size_t size);
void silt_hash_hex(const silt_hash *hash, char out[SILT_HASH_SIZE]);
SILT_DEFINE_AUTO(silt_hash, silt_hash_free)

uint64_t silt_hash64(const void *data, size_t size);

/* ---- a hash table from byte strings to pointers. Keys are borrowed. */
typedef struct silt_map64 silt_map64;
silt_map64 *silt_map64_new(void);
void silt_map64_free(silt_map64 *map);
/* The slot of the key, made (with NULL in it) where missing; `*found` says which. NULL: out of
 * memory. The slot is good until the next call. */
void **silt_map64_slot(silt_map64 *map, const void *key, size_t size, bool *found);
void *silt_map64_get(const silt_map64 *map, const void *key, size_t size); /* NULL if not there */
size_t silt_map64_count(const silt_map64 *map);
SILT_DEFINE_AUTO(silt_map64, silt_map64_free)

#endif
