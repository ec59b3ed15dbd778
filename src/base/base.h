/* What every module uses: cleanup, errors, buffers, vectors. Nothing here does I/O. */
#ifndef SILT_BASE_BASE_H
#define SILT_BASE_BASE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "silt/arena.h"
#include "silt/error.h"

/* ---- cleanup: SILT_AUTO(silt_arena) a = …; is given back by <type>_auto() when the scope ends.
 * A type takes part by SILT_DEFINE_AUTO(type, free function) in the header that declares it. */
#define SILT_AUTO(type) __attribute__((cleanup(type##_auto))) type *
#define SILT_DEFINE_AUTO(type, free_fn)      \
    static inline void type##_auto(type **p) \
    {                                        \
        if (*p) free_fn(*p);                 \
    }
#define SILT_TAKE(p) /* hand ownership out of a SILT_AUTO */ \
    ({                                                       \
        __typeof__(p) taken_ = (p);                          \
        (p) = NULL;                                          \
        taken_;                                              \
    })
/* In place: SILT_CLEAN(silt_buf) b = {0}; is given back by silt_buf_release(&b). */
#define SILT_CLEAN(type) __attribute__((cleanup(type##_release))) type
/* A string or block of malloc. */
#define SILT_FREE __attribute__((cleanup(silt_free_pointer)))
static inline void silt_free_pointer(void *p)
{
    free(*(void **)p);
}

SILT_DEFINE_AUTO(silt_arena, silt_arena_free)

/* As realloc() of a block that came from the arena with `old_size`. The last block given out
 * changes in place; shrinking never moves. NULL when out of memory. */
void *silt_arena_resize(silt_arena *arena, void *block, size_t old_size, size_t new_size);

#define SILT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- errors */
/* Set `err` (may be NULL) and return `status`. Messages stay one line: control characters become
 * spaces, and what is too long ends in "…". Arguments may point into `err`. */
silt_status silt_fail(silt_error *err, silt_status status, const char *format, ...)
    SILT_PRINTF(3, 4);
/* As silt_fail, with errno as the cause and its text behind the message; returns what fits it:
 * NOT_FOUND, EXISTS, DENIED, NOSPACE, NOMEM or IO. */
silt_status silt_fail_errno(silt_error *err, int errnum, const char *format, ...) SILT_PRINTF(3, 4);
/* Put "context: " before the message that is there, keep cause and hint; returns `status`. */
silt_status silt_wrap(silt_error *err, silt_status status, const char *format, ...)
    SILT_PRINTF(3, 4);
/* Set the hint: what to do about it. Returns `status`. */
silt_status silt_hint(silt_error *err, silt_status status, const char *format, ...)
    SILT_PRINTF(3, 4);
silt_status silt_fail_nomem(silt_error *err); /* SILT_NOMEM "out of memory" */

#define SILT_TRY(call)                  \
    do {                                \
        silt_status st_ = (call);       \
        if (st_ != SILT_OK) return st_; \
    } while (0)

/* ---- bytes */
#define SILT_STR(literal) ((silt_bytes){(literal), sizeof(literal) - 1})
static inline silt_bytes silt_bytes_of(const char *text)
{
    return (silt_bytes){text, text ? strlen(text) : 0};
}
static inline bool silt_bytes_equal(silt_bytes a, silt_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
static inline bool silt_streq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}
bool silt_starts_with(const char *text, const char *prefix);
bool silt_ends_with(const char *text, const char *suffix);
/* Letters added, left out or replaced between two names in any case; SIZE_MAX for names of more
 * than 64 bytes, which aren't like anything. */
size_t silt_edit_distance(const char *a, const char *b);

/* Bytes (1 to 4) of the UTF-8 character `text` starts with; 0 where it is none (or `size` is 0). */
size_t silt_utf8_length(const char *text, size_t size);
bool silt_utf8_valid(silt_bytes text);

/* ---- a growing byte buffer. A failed append makes `failed` stick, so that it is checked once. */
typedef struct silt_buf {
    char *data; /* NUL-terminated once anything was appended */
    size_t size, capacity;
    bool failed;
} silt_buf;

void silt_buf_release(silt_buf *buf);
void silt_buf_clear(silt_buf *buf);                                 /* keeps the memory */
void silt_buf_append(silt_buf *buf, const void *data, size_t size); /* not of its own bytes */
void silt_buf_puts(silt_buf *buf, const char *text);
void silt_buf_putc(silt_buf *buf, char c);
void silt_buf_printf(silt_buf *buf, const char *format, ...) SILT_PRINTF(2, 3);
/* A terminated copy in the arena; NULL when out of memory (now or in an append before). */
char *silt_buf_copy(const silt_buf *buf, silt_arena *arena);
static inline silt_bytes silt_buf_bytes(const silt_buf *buf)
{
    return (silt_bytes){buf->data ? buf->data : "", buf->size};
}

/* ---- growing arrays:
 *   SILT_VEC(int) v = {0}; if (!silt_vec_push(&v, 3)) return nomem; …; silt_vec_free(&v); */
#define SILT_VEC(type)          \
    struct {                    \
        type *items;            \
        size_t count, capacity; \
    }
/* Evaluates to false when out of memory, the vector unchanged. */
#define silt_vec_push(v, ...)                                                                    \
    (silt_vec_grow((void **)&(v)->items, &(v)->capacity, (v)->count + 1, sizeof(*(v)->items)) && \
     ((v)->items[(v)->count++] = (__VA_ARGS__), true))
#define silt_vec_free(v)                \
    do {                                \
        free((v)->items);               \
        (v)->items = NULL;              \
        (v)->count = (v)->capacity = 0; \
    } while (0)
bool silt_vec_grow(void **items, size_t *capacity, size_t needed, size_t item_size);

/* ---- numbers: whole text ("-12"; no sign '+', no space) or false, `*out` untouched */
bool silt_parse_int64(const char *text, int64_t *out);

#endif
