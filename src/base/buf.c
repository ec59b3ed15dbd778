/* Growing buffers and arrays. */
#include <stdarg.h>
#include <stdio.h>

#include "base/base.h"

#define BUF_MIN 64

void silt_buf_release(silt_buf *buf)
{
    free(buf->data);
    *buf = (silt_buf){0};
}

void silt_buf_clear(silt_buf *buf)
{
    buf->size = 0;
    buf->failed = false;
    if (buf->data) buf->data[0] = '\0';
}

/* Room for `more` bytes and the NUL behind them. */
static bool reserve(silt_buf *buf, size_t more)
{
    if (buf->failed) return false;
    if (more < buf->capacity - buf->size) return true;
    size_t needed;
    if (__builtin_add_overflow(buf->size, more, &needed) || needed >= PTRDIFF_MAX / 2) {
        buf->failed = true;
        return false;
    }
    size_t capacity = buf->capacity ? buf->capacity : BUF_MIN;
    while (capacity <= needed)
        capacity *= 2;
    char *data = realloc(buf->data, capacity);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void silt_buf_append(silt_buf *buf, const void *data, size_t size)
{
    if (!reserve(buf, size)) return;
    if (size) memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void silt_buf_puts(silt_buf *buf, const char *text)
{
    silt_buf_append(buf, text, strlen(text));
}

void silt_buf_putc(silt_buf *buf, char c)
{
    silt_buf_append(buf, &c, 1);
}

void silt_buf_printf(silt_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (needed < 0) {
        buf->failed = true;
    } else if (reserve(buf, (size_t)needed)) {
        vsnprintf(buf->data + buf->size, (size_t)needed + 1, format, again);
        buf->size += (size_t)needed;
    }
    va_end(again);
}

char *silt_buf_copy(const silt_buf *buf, silt_arena *arena)
{
    if (buf->failed) return NULL;
    return silt_arena_strndup(arena, buf->data ? buf->data : "", buf->size);
}

bool silt_vec_grow(void **items, size_t *capacity, size_t needed, size_t item_size)
{
    if (needed <= *capacity) return true;
    size_t grown = *capacity < 8 ? 8 : *capacity + *capacity / 2;
    if (grown < needed) grown = needed;
    size_t bytes;
    if (__builtin_mul_overflow(grown, item_size, &bytes) || bytes > PTRDIFF_MAX / 2) return false;
    void *moved = realloc(*items, bytes);
    if (!moved) return false;
    *items = moved;
    *capacity = grown;
    return true;
}
