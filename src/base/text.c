/* Small questions about text: prefixes, UTF-8, whole numbers. */
#include "base/base.h"

bool silt_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool silt_ends_with(const char *text, const char *suffix)
{
    size_t size = strlen(text), tail = strlen(suffix);
    return size >= tail && memcmp(text + size - tail, suffix, tail) == 0;
}

static bool continues(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

size_t silt_utf8_length(const char *text, size_t size)
{
    if (size == 0) return 0;
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xC2) return 0; /* a continuation, or longer than needed */
    if (p[0] < 0xE0) return size >= 2 && continues(p[1]) ? 2 : 0;
    if (p[0] < 0xF0) {
        if (size < 3 || !continues(p[1]) || !continues(p[2])) return 0;
        if (p[0] == 0xE0 && p[1] < 0xA0) return 0;  /* longer than needed */
        if (p[0] == 0xED && p[1] >= 0xA0) return 0; /* half of a surrogate pair */
        return 3;
    }
    if (p[0] > 0xF4 || size < 4 || !continues(p[1]) || !continues(p[2]) || !continues(p[3]))
        return 0;
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;  /* longer than needed */
    if (p[0] == 0xF4 && p[1] >= 0x90) return 0; /* above U+10FFFF */
    return 4;
}

bool silt_utf8_valid(silt_bytes text)
{
    for (size_t at = 0; at < text.size;) {
        size_t length = silt_utf8_length(text.data + at, text.size - at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

bool silt_parse_int64(const char *text, int64_t *out)
{
    if (!text) return false;
    bool negative = *text == '-';
    if (negative) text++;
    if (!*text) return false;
    int64_t value = 0; /* built up below zero, where there is room for INT64_MIN */
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_sub_overflow(value, *text - '0', &value)) return false;
    }
    if (!negative && value == INT64_MIN) return false;
    *out = negative ? value : -value;
    return true;
}

#define EDITED_MAX 64 /* bytes of a name that others are compared with */

size_t silt_edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), row[EDITED_MAX + 1];
    if (n > EDITED_MAX || m > EDITED_MAX) return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j];
            size_t best = diagonal + ((a[i - 1] | 0x20) != (b[j - 1] | 0x20));
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[m];
}
