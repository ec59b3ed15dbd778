/* Patterns of file names: * any text, ? a UTF-8 character, [a-z], [!a-z], {one,two}, \x for x
 * itself. No I/O. */
#ifndef SILT_STORE_GLOB_H
#define SILT_STORE_GLOB_H

#include "base/base.h"

#define SILT_GLOB_ALTERNATIVES_MAX 1000

typedef struct silt_glob_list {
    const char **items;
    size_t count;
} silt_glob_list;

/* All alternatives of the braces of a pattern, which have none; in the arena. INVALID: '[' or '{'
 * without its end, a '\' at the end, or too many alternatives. */
silt_status silt_glob_expand(const char *pattern, silt_arena *arena, silt_glob_list *out,
                             silt_error *err);

/* Whether one name (no '/') matches one part of an expanded pattern. */
bool silt_glob_match(const char *pattern, const char *name);

/* Whether there is a wildcard in it. */
bool silt_glob_is_wild(const char *pattern);

/* A pattern without wildcards as the text it means; NULL when out of memory. */
char *silt_glob_literal(const char *pattern, silt_arena *arena);

#endif
