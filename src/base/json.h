/* JSON in and out. The only place that knows the parser (yyjson).
 *
 * Reading gives a tree that lives in the arena, writing goes forward into a buffer.
 * Numbers keep their text until they are asked for, so that unknown fields and decimals of 38
 * digits survive unchanged. */
#ifndef SILT_BASE_JSON_H
#define SILT_BASE_JSON_H

#include "base/base.h"

typedef struct silt_json silt_json; /* one value; borrowed from the arena it was parsed into */

typedef enum silt_json_kind {
    SILT_JSON_NULL,
    SILT_JSON_BOOL,
    SILT_JSON_NUMBER,
    SILT_JSON_STRING,
    SILT_JSON_ARRAY,
    SILT_JSON_OBJECT
} silt_json_kind;

#define SILT_JSON_DEPTH_MAX 1000 /* arrays and objects within each other */

/* Parse one document; anything but white space behind it is an error. CORRUPT with the byte offset,
 * also for what isn't UTF-8 and for what is nested deeper than SILT_JSON_DEPTH_MAX. Of members with
 * one key silt_json_get() gives the first. The tree takes the text's size and 16 bytes a value. */
silt_status silt_json_parse(silt_bytes text, silt_arena *arena, const silt_json **out,
                            silt_error *err);

silt_json_kind silt_json_kind_of(const silt_json *value); /* NULL: SILT_JSON_NULL */
/* All getters take NULL and values of another kind, and then give the fallback. */
const char *silt_json_string(const silt_json *value); /* NULL; terminated; may hold NUL bytes */
size_t silt_json_string_size(const silt_json *value); /* 0 */
const char *silt_json_number(const silt_json *value); /* a number's text as it was read; NULL */
bool silt_json_is_int(const silt_json *value);        /* a whole number within int64; 1.0 is one */
int64_t silt_json_int(const silt_json *value, int64_t fallback);
double silt_json_double(const silt_json *value, double fallback);
bool silt_json_bool(const silt_json *value, bool fallback);
size_t silt_json_count(const silt_json *value); /* items of an array or object, else 0 */

/* A member of an object by key; NULL if there is none. JSON null is a value, not NULL. */
const silt_json *silt_json_get(const silt_json *object, const char *key);
/* As silt_json_get(), but NULL for JSON null too. */
const silt_json *silt_json_get_some(const silt_json *object, const char *key);

/* for (silt_json_iter it = silt_json_iter_of(v); silt_json_next(&it);) … it.key, it.value
 * Only members of objects have a key. */
typedef struct silt_json_iter {
    const char *key; /* terminated; may hold NUL bytes */
    size_t key_size;
    const silt_json *value;
    const silt_json *next_;
    size_t left_;
    bool object_;
} silt_json_iter;
silt_json_iter silt_json_iter_of(const silt_json *container);
bool silt_json_next(silt_json_iter *iter);

/* A value as compact text, in the arena; NULL when out of memory. */
char *silt_json_text(const silt_json *value, silt_arena *arena);

/* ---- writing: commas are put by themselves.
 *   silt_json_writer w = silt_json_writer_of(&buf);
 *   silt_json_begin_object(&w);
 *   silt_json_key(&w, "a"); silt_json_put_int(&w, 1);
 *   silt_json_end_object(&w); */
typedef struct silt_json_writer {
    silt_buf *buf;
    bool comma; /* a value stands before */
} silt_json_writer;
static inline silt_json_writer silt_json_writer_of(silt_buf *buf)
{
    return (silt_json_writer){buf, false};
}
void silt_json_begin_object(silt_json_writer *w);
void silt_json_end_object(silt_json_writer *w);
void silt_json_begin_array(silt_json_writer *w);
void silt_json_end_array(silt_json_writer *w);
void silt_json_key(silt_json_writer *w, const char *key);
void silt_json_key_bytes(silt_json_writer *w, silt_bytes key);
void silt_json_put_string(silt_json_writer *w, const char *text); /* NULL → null */
/* UTF-8; a byte that isn't becomes U+FFFD: the document has to stay one. See silt_utf8_valid(). */
void silt_json_put_bytes(silt_json_writer *w, silt_bytes text);
void silt_json_put_int(silt_json_writer *w, int64_t value);
void silt_json_put_double(silt_json_writer *w, double value); /* shortest; not finite → null */
void silt_json_put_bool(silt_json_writer *w, bool value);
void silt_json_put_null(silt_json_writer *w);
void silt_json_put_raw(silt_json_writer *w, const char *json); /* text that is JSON already */
void silt_json_put_value(silt_json_writer *w, const silt_json *value);
/* key and value in one */
void silt_json_member_string(silt_json_writer *w, const char *key, const char *text);
void silt_json_member_int(silt_json_writer *w, const char *key, int64_t value);
void silt_json_member_bool(silt_json_writer *w, const char *key, bool value);
void silt_json_member_raw(silt_json_writer *w, const char *key, const char *json);

#endif
