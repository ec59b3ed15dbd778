/* Which rows go into which part of a multi-part checkpoint.
 *
 * Everybody has to divide alike, for writers that race overwrite each other's parts: by Spark's
 * hash of the path, or of path and deletion vector where the table may have these.
 * @see PROTOCOL.md, "Multi-part checkpoint" */
#include "log/checkpoint_rows.h"

#define SEED 42u

static uint32_t rotate(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

static uint32_t mix(uint32_t hash, uint32_t word)
{
    word *= 0xcc9e2d51u;
    word = rotate(word, 15) * 0x1b873593u;
    return rotate(hash ^ word, 13) * 5 + 0xe6546b64u;
}

/* Murmur3 as Spark has it: each byte behind the last whole word is a word of its own, signed. */
static uint32_t hash_text(const char *text, uint32_t seed)
{
    size_t size = strlen(text), at = 0;
    uint32_t hash = seed;
    for (; at + 4 <= size; at += 4) {
        const unsigned char *b = (const unsigned char *)text + at;
        hash = mix(hash, (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
                             (uint32_t)b[3] << 24);
    }
    for (; at < size; at++)
        hash = mix(hash, (uint32_t)(int32_t)(signed char)text[at]);
    hash ^= (uint32_t)size;
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

static uint32_t hash_file(const char *path, const silt_dv *dv, silt_arena *scratch, bool *failed)
{
    uint32_t hash = hash_text(path, SEED);
    if (!dv) return hash; /* a null is passed over */
    silt_arena_reset(scratch);
    const char *id = silt_dv_unique_id(dv, scratch);
    *failed |= !id;
    return id ? hash_text(id, hash) : hash;
}

static size_t part_of(uint32_t hash, size_t parts)
{
    int64_t rest = (int32_t)hash % (int64_t)parts;
    return (size_t)(rest < 0 ? rest + (int64_t)parts : rest);
}

/* The part of each row. */
static bool divide(const silt_log_checkpoint_content *c, size_t parts, uint32_t *part,
                   silt_arena *scratch)
{
    bool failed = false, dvs = silt_feature_supported(&c->state->protocol, "deletionVectors");
    size_t at = silt_log_rows_first_file(c);
    for (size_t i = 0; i < at; i++) /* neither path nor deletion vector: nulls */
        part[i] = (uint32_t)part_of(SEED, parts);
    for (size_t i = 0; i < c->files->files.count; i++) {
        const silt_add *add = &c->files->files.items[i];
        uint32_t hash = hash_file(add->path, dvs ? add->dv : NULL, scratch, &failed);
        part[at++] = (uint32_t)part_of(hash, parts);
    }
    for (size_t i = 0; i < c->files->tombstone_count; i++) {
        const silt_remove *remove = &c->files->tombstones[i];
        uint32_t hash = hash_file(remove->path, dvs ? remove->dv : NULL, scratch, &failed);
        part[at++] = (uint32_t)part_of(hash, parts);
    }
    return !failed;
}

silt_status silt_log_parts_order(const silt_log_checkpoint_content *c, size_t parts,
                                 silt_arena *arena, const size_t **order, size_t **starts,
                                 silt_error *err)
{
    size_t count = silt_log_rows_count(c);
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_FREE uint32_t *part = malloc(count * sizeof(*part));
    size_t *rows = silt_arena_calloc(arena, count, sizeof(*rows));
    size_t *first = silt_arena_calloc(arena, parts + 1, sizeof(*first));
    if (!scratch || !part || !rows || !first || !divide(c, parts, part, scratch))
        return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        first[part[i] + 1]++;
    for (size_t i = 0; i < parts; i++)
        first[i + 1] += first[i];
    for (size_t i = 0; i < count;
         i++) /* moves each start to its part's end: the next one's start */
        rows[first[part[i]]++] = i;
    memmove(first + 1, first, parts * sizeof(*first));
    first[0] = 0;
    *order = rows;
    *starts = first;
    return SILT_OK;
}
