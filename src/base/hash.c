/* Content hashes. The only file that knows xxHash. */
#include "base/hash.h"

#include <xxhash.h>

struct silt_hash {
    XXH3_state_t *state; /* wants its own alignment, so it is xxHash that allocates it */
};

silt_hash *silt_hash_new(void)
{
    silt_hash *hash = malloc(sizeof(*hash));
    if (!hash) return NULL;
    hash->state = XXH3_createState();
    if (!hash->state || XXH3_128bits_reset(hash->state) != XXH_OK) {
        silt_hash_free(hash);
        return NULL;
    }
    return hash;
}

void silt_hash_free(silt_hash *hash)
{
    if (!hash) return;
    XXH3_freeState(hash->state);
    free(hash);
}

void silt_hash_update(silt_hash *hash, const void *data, size_t size)
{
    if (size) XXH3_128bits_update(hash->state, data, size);
}

void silt_hash_hex(const silt_hash *hash, char out[SILT_HASH_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    XXH128_canonical_t bytes; /* big-endian: the same text as `xxhsum -H2` prints */
    XXH128_canonicalFromHash(&bytes, XXH3_128bits_digest(hash->state));
    for (size_t i = 0; i < sizeof(bytes.digest); i++) {
        out[2 * i] = digits[bytes.digest[i] >> 4];
        out[2 * i + 1] = digits[bytes.digest[i] & 15];
    }
    out[SILT_HASH_SIZE - 1] = '\0';
}

uint64_t silt_hash64(const void *data, size_t size)
{
    return XXH3_64bits(size ? data : "", size);
}
