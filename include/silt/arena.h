/* Memory that is given back all at once. Results of most calls live in an arena of the caller's. */
#ifndef SILT_ARENA_H
#define SILT_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "silt/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque; one thread at a time. */
typedef struct silt_arena silt_arena;

/* Borrowed bytes, not terminated unless the giver says so. */
typedef struct silt_bytes {
    const char *data;
    size_t size;
} silt_bytes;

/** A new empty arena, or NULL when out of memory. Give back with silt_arena_free(). */
SILT_API silt_arena *silt_arena_new(void);

/** Give back the arena and all that was allocated from it; NULL is fine. */
SILT_API void silt_arena_free(silt_arena *arena);

/** Forget all allocations, keep some memory for the next ones. */
SILT_API void silt_arena_reset(silt_arena *arena);

/** `size` bytes aligned to 16, uninitialised; NULL when out of memory. */
SILT_API void *silt_arena_alloc(silt_arena *arena, size_t size);

/** As silt_arena_alloc(), zeroed, `count * size` bytes checked for overflow. */
SILT_API void *silt_arena_calloc(silt_arena *arena, size_t count, size_t size);

/** A terminated copy of a string; NULL when out of memory (or `text` is NULL). */
SILT_API char *silt_arena_strdup(silt_arena *arena, const char *text);

/** A terminated copy of `size` bytes; NULL when out of memory. */
SILT_API char *silt_arena_strndup(silt_arena *arena, const char *text, size_t size);

/** printf into the arena; NULL when out of memory. */
SILT_API char *silt_arena_printf(silt_arena *arena, const char *format, ...) SILT_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif
#endif
