/* Arenas: a list of chunks, each filled from its start.
 *
 * Invariants
 *  (1) `chunks` is the chunk that is being filled; those behind it are full until reset.
 *  (2) Every block starts at a multiple of 16.
 *  (3) In sanitizer builds a chunk holds one block of exactly the size asked for, so that reading
 *      or writing past its end is seen. */
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/base.h"

#if defined(__SANITIZE_ADDRESS__) && !defined(ONE_BLOCK_A_CHUNK)
#define ONE_BLOCK_A_CHUNK true
#endif
#if defined(__has_feature) && !defined(ONE_BLOCK_A_CHUNK)
#if __has_feature(address_sanitizer)
#define ONE_BLOCK_A_CHUNK true
#endif
#endif
#ifndef ONE_BLOCK_A_CHUNK /* a test sets it */
#define ONE_BLOCK_A_CHUNK false
#endif

#define ALIGNMENT 16
#define CHUNK_MIN ((size_t)4 * 1024)
#define CHUNK_MAX ((size_t)1024 * 1024)
#define BLOCK_MAX ((size_t)PTRDIFF_MAX / 2)

typedef struct chunk {
    struct chunk *next;
    size_t capacity, used;
    alignas(ALIGNMENT) char data[];
} chunk;

struct silt_arena {
    chunk *chunks;
    size_t next_capacity; /* of a new chunk: doubles, so that few are needed */
    chunk *last_chunk;    /* where the block given out last lives, and where it starts */
    char *last;
};

silt_arena *silt_arena_new(void)
{
    silt_arena *arena = calloc(1, sizeof(*arena));
    if (arena) arena->next_capacity = CHUNK_MIN;
    return arena;
}

static void free_chunks(chunk *c)
{
    while (c) {
        chunk *next = c->next;
        free(c);
        c = next;
    }
}

void silt_arena_free(silt_arena *arena)
{
    if (!arena) return;
    free_chunks(arena->chunks);
    free(arena);
}

void silt_arena_reset(silt_arena *arena)
{
    chunk *kept =
        NULL; /* the largest of the ordinary ones: a huge block isn't worth holding on to */
    for (chunk *c = arena->chunks; c && !ONE_BLOCK_A_CHUNK; c = c->next)
        if (c->capacity <= CHUNK_MAX && (!kept || c->capacity > kept->capacity)) kept = c;
    for (chunk **link = &arena->chunks; *link;) {
        chunk *c = *link;
        if (c == kept) {
            link = &c->next;
        } else {
            *link = c->next;
            free(c);
        }
    }
    if (kept) kept->used = 0;
    arena->last_chunk = NULL;
    arena->last = NULL;
}

static chunk *new_chunk(size_t capacity)
{
    chunk *c = malloc(sizeof(*c) + capacity);
    if (!c) return NULL;
    c->next = NULL;
    c->capacity = capacity;
    c->used = 0;
    return c;
}

/* A chunk with room for a block. A large one gets a chunk of its own behind the present one, so
 * that what is left of that isn't lost. */
static chunk *chunk_for(silt_arena *arena, size_t size)
{
    chunk *head = arena->chunks;
    if (!ONE_BLOCK_A_CHUNK && head && head->capacity - head->used >= size) return head;

    bool own = ONE_BLOCK_A_CHUNK || size > arena->next_capacity / 4;
    chunk *c = new_chunk(own ? size : arena->next_capacity);
    if (!c) return NULL;
    if (own && head) {
        c->next = head->next;
        head->next = c;
        return c;
    }
    c->next = head;
    arena->chunks = c;
    if (!own && arena->next_capacity < CHUNK_MAX) arena->next_capacity *= 2;
    return c;
}

/* Bytes a block takes in its chunk. */
static size_t padded(size_t size)
{
    if (ONE_BLOCK_A_CHUNK) return size;
    size_t needed = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    return needed ? needed : ALIGNMENT; /* no two blocks at one address */
}

void *silt_arena_alloc(silt_arena *arena, size_t size)
{
    if (size > BLOCK_MAX) return NULL;
    size_t needed = padded(size);
    chunk *c = chunk_for(arena, needed);
    if (!c) return NULL;
    char *block = c->data + c->used;
    c->used += needed;
    arena->last_chunk = c;
    arena->last = block;
    return block;
}

void *silt_arena_resize(silt_arena *arena, void *block, size_t old_size, size_t new_size)
{
    if (new_size > BLOCK_MAX) return NULL;
    chunk *c = arena->last_chunk;
    if (!ONE_BLOCK_A_CHUNK && block && block == arena->last) {
        size_t start = (size_t)(arena->last - c->data);
        size_t needed = padded(new_size);
        if (needed <= c->capacity - start) {
            c->used = start + needed;
            return block;
        }
    }
    if (block && new_size <= old_size) return block;
    void *moved = silt_arena_alloc(arena, new_size);
    if (moved && block && old_size) memcpy(moved, block, old_size);
    return moved;
}

void *silt_arena_calloc(silt_arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) return NULL;
    void *block = silt_arena_alloc(arena, total);
    if (block) memset(block, 0, total);
    return block;
}

char *silt_arena_strndup(silt_arena *arena, const char *text, size_t size)
{
    if (!text || size >= BLOCK_MAX) return NULL;
    char *copy = silt_arena_alloc(arena, size + 1);
    if (!copy) return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *silt_arena_strdup(silt_arena *arena, const char *text)
{
    return text ? silt_arena_strndup(arena, text, strlen(text)) : NULL;
}

char *silt_arena_printf(silt_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = needed < 0 ? NULL : silt_arena_alloc(arena, (size_t)needed + 1);
    if (text) vsnprintf(text, (size_t)needed + 1, format, again);
    va_end(again);
    return text;
}
