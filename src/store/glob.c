/* Patterns of file names. */
#include "store/glob.h"

bool silt_glob_is_wild(const char *pattern)
{
    for (const char *c = pattern; *c; c++) {
        if (*c == '\\' && c[1])
            c++;
        else if (strchr("*?[", *c))
            return true;
    }
    return false;
}

char *silt_glob_literal(const char *pattern, silt_arena *arena)
{
    char *out = silt_arena_strdup(arena, pattern);
    if (!out) return NULL;
    size_t size = 0;
    for (const char *c = pattern; *c; c++) {
        if (*c == '\\' && c[1]) c++;
        out[size++] = *c;
    }
    out[size] = '\0';
    return out;
}

/* ---- matching */

/* Bytes of the character at `text`; one where it isn't UTF-8. */
static size_t character(const char *text)
{
    size_t size = silt_utf8_length(text, strnlen(text, 4));
    return size ? size : 1;
}

/* Order of two characters: UTF-8 keeps that of the code points. */
static int compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

/* The ']' of the class whose '[' stands before `at`; NULL: there is none. */
static const char *class_end(const char *at)
{
    if (*at == '!' || *at == '^') at++;
    if (*at == ']') at++;
    for (; *at && *at != '/'; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (*at == ']')
            return at;
    }
    return NULL;
}

static bool class_has(const char *at, const char *end, const char *c, size_t size)
{
    bool negated = *at == '!' || *at == '^', found = false;
    if (negated) at++;
    while (at < end && !found) {
        if (*at == '\\' && at + 1 < end) at++;
        size_t low_size = character(at);
        const char *low = at, *high = at;
        size_t high_size = low_size;
        at += low_size;
        if (*at == '-' && at + 1 < end) {
            high = ++at;
            if (*high == '\\' && high + 1 < end) high = ++at;
            high_size = character(high);
            at += high_size;
        }
        found = compare(low, low_size, c, size) <= 0 && compare(c, size, high, high_size) <= 0;
    }
    return found != negated;
}

/* Match one character of the pattern (no star) and step over it. */
static bool match_one(const char **pattern, const char *name, size_t size)
{
    const char *p = *pattern;
    if (*p == '?') {
        *pattern = p + 1;
        return true;
    }
    if (*p == '[') {
        const char *end = class_end(p + 1);
        if (!end) return false;
        *pattern = end + 1;
        return class_has(p + 1, end, name, size);
    }
    if (*p == '\\' && p[1]) p++;
    size_t p_size = character(p);
    *pattern = p + p_size;
    return p_size == size && memcmp(p, name, size) == 0;
}

bool silt_glob_match(const char *pattern, const char *name)
{
    const char *star = NULL, *star_name = NULL; /* where to go on when it doesn't fit */
    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            star_name = name;
            continue;
        }
        size_t size = character(name);
        const char *next = pattern;
        if (*pattern && match_one(&next, name, size)) {
            pattern = next;
            name += size;
        } else if (star) {
            pattern = star;
            star_name += character(star_name);
            name = star_name;
        } else
            return false;
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* ---- braces */

typedef struct expansion {
    silt_arena *arena;
    const char *given;
    SILT_VEC(const char *) out;
    silt_error *err;
} expansion;

static silt_status malformed(const expansion *e, const char *what)
{
    silt_status st = silt_fail(e->err, SILT_INVALID, "the pattern %s: %s", e->given, what);
    return silt_hint(e->err, st, "write \\ before a character that means itself");
}

/* The first '{' that isn't escaped or in a class; NULL in `*brace`: none. */
static silt_status find_brace(const expansion *e, const char *text, const char **brace)
{
    *brace = NULL;
    for (const char *c = text; *c; c++) {
        if (*c == '\\') {
            if (!c[1]) return malformed(e, "'\\' at its end");
            c++;
        } else if (*c == '[') {
            c = class_end(c + 1);
            if (!c) return malformed(e, "'[' without ']'");
        } else if (*c == '{') {
            *brace = c;
            return SILT_OK;
        }
    }
    return SILT_OK;
}

/* The next ',' or '}' of the brace that `at` is in; NULL: none. */
static const char *next_stop(const char *at)
{
    for (int depth = 0; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '{')
            depth++;
        else if (depth && *at == '}')
            depth--;
        else if (!depth && (*at == ',' || *at == '}'))
            return at;
    }
    return NULL;
}

static silt_status expand(expansion *e, const char *text)
{
    const char *brace, *close, *stop;
    SILT_TRY(find_brace(e, text, &brace));
    if (!brace) {
        if (e->out.count == SILT_GLOB_ALTERNATIVES_MAX)
            return malformed(e, "its braces have too many alternatives");
        return silt_vec_push(&e->out, text) ? SILT_OK : silt_fail_nomem(e->err);
    }
    for (close = brace + 1; (close = next_stop(close)) && *close != '}';)
        close++;
    if (!close) return malformed(e, "'{' without '}'");
    for (const char *at = brace + 1; at <= close; at = stop + 1) {
        stop = next_stop(at);
        char *one = silt_arena_printf(e->arena, "%.*s%.*s%s", (int)(brace - text), text,
                                      (int)(stop - at), at, close + 1);
        if (!one) return silt_fail_nomem(e->err);
        SILT_TRY(expand(e, one));
    }
    return SILT_OK;
}

silt_status silt_glob_expand(const char *pattern, silt_arena *arena, silt_glob_list *out,
                             silt_error *err)
{
    expansion e = {.arena = arena, .given = pattern, .err = err};
    silt_status st =
        strlen(pattern) > 4096 ? malformed(&e, "longer than 4096 bytes") : expand(&e, pattern);
    if (st == SILT_OK) {
        const char **items = silt_arena_calloc(arena, e.out.count, sizeof(*items));
        if (!items) st = silt_fail_nomem(err);
        for (size_t i = 0; items && i < e.out.count; i++)
            items[i] = e.out.items[i];
        if (items) *out = (silt_glob_list){items, e.out.count};
    }
    silt_vec_free(&e.out);
    return st;
}
