/* The hash table: open addressing, linear probing, never more than three quarters full, nothing is
 * ever taken out. A slot keeps the hash, so that growing touches no key. */
#include "base/hash.h"

#define SLOTS_MIN 16

typedef struct slot {
    const void *key; /* NULL: free */
    size_t size;
    uint64_t hash;
    void *value;
} slot;

struct silt_map64 {
    slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
};

silt_map64 *silt_map64_new(void)
{
    return calloc(1, sizeof(silt_map64));
}

void silt_map64_free(silt_map64 *map)
{
    if (!map) return;
    free(map->slots);
    free(map);
}

size_t silt_map64_count(const silt_map64 *map)
{
    return map->count;
}

/* The slot that holds the key, or the free one where it belongs. */
static slot *probe(const silt_map64 *map, const void *key, size_t size, uint64_t hash)
{
    size_t mask = map->capacity - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        slot *s = &map->slots[i];
        if (!s->key) return s;
        if (s->hash == hash && s->size == size && (size == 0 || memcmp(s->key, key, size) == 0))
            return s;
    }
}

static bool grow(silt_map64 *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : SLOTS_MIN;
    slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots) return false;
    for (size_t i = 0; i < map->capacity; i++) {
        const slot *old = &map->slots[i];
        if (!old->key) continue;
        size_t at = (size_t)old->hash & (capacity - 1);
        while (slots[at].key)
            at = (at + 1) & (capacity - 1);
        slots[at] = *old;
    }
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return true;
}

void **silt_map64_slot(silt_map64 *map, const void *key, size_t size, bool *found)
{
    uint64_t hash = silt_hash64(key, size);
    if (map->capacity) {
        slot *s = probe(map, key, size, hash);
        if (s->key) {
            *found = true;
            return &s->value;
        }
    }
    if (map->count >= map->capacity / 4 * 3 && !grow(map)) return NULL;
    slot *s = probe(map, key, size, hash);
    *s = (slot){size ? key : "", size, hash, NULL};
    map->count++;
    *found = false;
    return &s->value;
}

void *silt_map64_get(const silt_map64 *map, const void *key, size_t size)
{
    if (!map->count) return NULL;
    const slot *s = probe(map, key, size, silt_hash64(key, size));
    return s->key ? s->value : NULL;
}
