/* JSON as variants, in two passes: how long what is in each array and object is, then the bytes. */
#include "base/variant.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"

#define DIGITS_MAX       38
#define DOUBLE_DIGITS    15 /* that a double holds, whichever they are */
#define SHORT_STRING_MAX 63

enum { BASIC_PRIMITIVE, BASIC_SHORT_STRING, BASIC_OBJECT, BASIC_ARRAY };

enum {
    VARIANT_NULL,
    VARIANT_TRUE,
    VARIANT_FALSE,
    VARIANT_INT8,
    VARIANT_INT16,
    VARIANT_INT32,
    VARIANT_INT64,
    VARIANT_DOUBLE,
    VARIANT_DECIMAL4,
    VARIANT_DECIMAL8,
    VARIANT_DECIMAL16,
    VARIANT_STRING = 16
};

typedef struct member {
    silt_bytes key;
    uint32_t id, offset;
} member;

typedef struct extent {
    size_t data; /* bytes of the items */
    uint32_t max_id;
} extent;

typedef struct encoder {
    silt_arena *arena;
    silt_map64 *ids; /* by key, + 1 */
    SILT_VEC(silt_bytes) keys;
    size_t keys_size;
    SILT_VEC(extent) extents; /* of arrays and objects, as they come in the document */
    size_t at;                /* the second pass is there in the extents */
    bool from_doubles;
    silt_buf *out;
    silt_error *err;
} encoder;

static int bytes_of(size_t value)
{
    return value < 1 << 8 ? 1 : value < 1 << 16 ? 2 : value < 1 << 24 ? 3 : 4;
}

static void put_int(silt_buf *out, uint64_t value, int size)
{
    char bytes[8];
    for (int i = 0; i < size; i++)
        bytes[i] = (char)(value >> (8 * i));
    silt_buf_append(out, bytes, (size_t)size);
}

/* ---- numbers --------------------------------------------------------------------------------- */

typedef struct number {
    int kind, size; /* size: without the header */
    unsigned __int128 bits;
    int scale;
} number;

static number integer(int64_t value)
{
    number n = {VARIANT_INT64, 8, (unsigned __int128)value, 0};
    if (value >= INT8_MIN && value <= INT8_MAX)
        n.kind = VARIANT_INT8, n.size = 1;
    else if (value >= INT16_MIN && value <= INT16_MAX)
        n.kind = VARIANT_INT16, n.size = 2;
    else if (value >= INT32_MIN && value <= INT32_MAX)
        n.kind = VARIANT_INT32, n.size = 4;
    return n;
}

/* False: not one that is kept so. */
static bool decimal(const char *text, int digits_max, number *out)
{
    int precision = 0, scale = 0;
    bool point = false, negative = *text == '-';
    unsigned __int128 value = 0;
    for (const char *c = text + negative; *c; c++) {
        if (*c == '.') {
            point = true;
            continue;
        }
        if (*c < '0' || *c > '9') return false;
        scale += point;
        precision += precision > 0 || *c != '0';
        if (precision > digits_max || scale > DIGITS_MAX) return false;
        value = value * 10 + (unsigned)(*c - '0');
    }
    int wide = precision > scale ? precision : scale;
    *out = (number){wide <= 9    ? VARIANT_DECIMAL4
                    : wide <= 18 ? VARIANT_DECIMAL8
                                 : VARIANT_DECIMAL16,
                    wide <= 9    ? 5
                    : wide <= 18 ? 9
                                 : 17,
                    negative ? -value : value, scale};
    return true;
}

static silt_status read_number(const encoder *e, const char *text, number *out)
{
    char *end;
    errno = 0;
    long long whole = strtoll(text, &end, 10);
    if (!*end && errno == 0) {
        *out = integer(whole);
        return SILT_OK;
    }
    bool is_whole = !*end;
    if (decimal(text, e->from_doubles && !is_whole ? DOUBLE_DIGITS : DIGITS_MAX, out))
        return SILT_OK;
    double value = strtod(text, NULL);
    if (!isfinite(value))
        return silt_fail(e->err, SILT_CORRUPT, "no number is as large as %.40s", text);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    *out = (number){VARIANT_DOUBLE, 8, bits, 0};
    return SILT_OK;
}

static void put_number(silt_buf *out, const number *n)
{
    int size = n->size;
    silt_buf_putc(out, (char)(n->kind << 2 | BASIC_PRIMITIVE));
    if (n->kind >= VARIANT_DECIMAL4) {
        silt_buf_putc(out, (char)n->scale);
        size--;
    }
    put_int(out, (uint64_t)n->bits, size > 8 ? 8 : size);
    if (size > 8) put_int(out, (uint64_t)(n->bits >> 64), 8);
}

/* ---- objects --------------------------------------------------------------------------------- */

static int compare_members(const void *a, const void *b)
{
    const member *x = a, *y = b;
    size_t least = x->key.size < y->key.size ? x->key.size : y->key.size;
    int order = least ? memcmp(x->key.data, y->key.data, least) : 0;
    return order ? order : (x->key.size > y->key.size) - (x->key.size < y->key.size);
}

static silt_status key_id(encoder *e, silt_bytes key, uint32_t *id)
{
    bool found;
    void **slot = silt_map64_slot(e->ids, key.data, key.size, &found);
    if (!slot) return silt_fail_nomem(e->err);
    if (!found) {
        if (!silt_vec_push(&e->keys, key)) return silt_fail_nomem(e->err);
        *slot = (void *)(uintptr_t)e->keys.count;
        e->keys_size += key.size;
    }
    *id = (uint32_t)((uintptr_t)*slot - 1);
    return SILT_OK;
}

/* In the document's order; `max_id` of all. */
static silt_status read_members(encoder *e, const silt_json *object, member **out, uint32_t *max_id)
{
    size_t n = 0;
    *max_id = 0;
    *out = silt_arena_calloc(e->arena, silt_json_count(object) + 1, sizeof **out);
    if (!*out) return silt_fail_nomem(e->err);
    for (silt_json_iter it = silt_json_iter_of(object); silt_json_next(&it); n++) {
        (*out)[n].key = (silt_bytes){it.key, it.key_size};
        SILT_TRY(key_id(e, (*out)[n].key, &(*out)[n].id));
        if ((*out)[n].id > *max_id) *max_id = (*out)[n].id;
    }
    return SILT_OK;
}

static silt_status sort_members(const encoder *e, member *members, size_t count)
{
    if (count) qsort(members, count, sizeof *members, compare_members);
    for (size_t i = 1; i < count; i++)
        if (compare_members(&members[i - 1], &members[i]) == 0)
            return silt_fail(e->err, SILT_CORRUPT, "the key %.100s stands twice in an object",
                             members[i].key.data);
    return SILT_OK;
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static silt_status measure(encoder *e, const silt_json *value, size_t *size);

static size_t head_size(size_t count, const extent *x, bool is_object)
{
    size_t ids = is_object ? count * (size_t)bytes_of(x->max_id) : 0;
    return 1 + (count > UINT8_MAX ? 4U : 1U) + ids + (count + 1) * (size_t)bytes_of(x->data);
}

static silt_status measure_items(encoder *e, const silt_json *value, size_t *size)
{
    size_t place = e->extents.count, one = 0;
    bool is_object = silt_json_kind_of(value) == SILT_JSON_OBJECT;
    extent x = {0};
    member *members;
    if (!silt_vec_push(&e->extents, x)) return silt_fail_nomem(e->err);
    if (is_object) SILT_TRY(read_members(e, value, &members, &x.max_id));
    for (silt_json_iter it = silt_json_iter_of(value); silt_json_next(&it); x.data += one)
        SILT_TRY(measure(e, it.value, &one));
    *size = head_size(silt_json_count(value), &x, is_object) + x.data;
    if (*size > SILT_VARIANT_SIZE_MAX)
        return silt_fail(e->err, SILT_CORRUPT, "it is larger than a variant may be");
    e->extents.items[place] = x;
    return SILT_OK;
}

static silt_status measure(encoder *e, const silt_json *value, size_t *size)
{
    number n;
    *size = 1;
    switch (silt_json_kind_of(value)) {
    case SILT_JSON_NUMBER:
        SILT_TRY(read_number(e, silt_json_number(value), &n));
        *size += (size_t)n.size;
        return SILT_OK;
    case SILT_JSON_STRING:
        *size += silt_json_string_size(value);
        if (silt_json_string_size(value) > SHORT_STRING_MAX) *size += 4;
        return SILT_OK;
    case SILT_JSON_ARRAY:
    case SILT_JSON_OBJECT:
        return measure_items(e, value, size);
    default:
        return SILT_OK;
    }
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static silt_status put(encoder *e, const silt_json *value);

/* Items follow in the document's order; an object's ids and offsets are in that of its keys. */
static silt_status put_items(encoder *e, const silt_json *value)
{
    const extent x = e->extents.items[e->at++];
    bool is_object = silt_json_kind_of(value) == SILT_JSON_OBJECT;
    size_t count = silt_json_count(value), n = 0;
    bool large = count > UINT8_MAX;
    int id_size = bytes_of(x.max_id), offset_size = bytes_of(x.data);
    int flags = is_object
                    ? (large << 4 | (id_size - 1) << 2 | (offset_size - 1)) << 2 | BASIC_OBJECT
                    : (large << 2 | (offset_size - 1)) << 2 | BASIC_ARRAY;
    SILT_CLEAN(silt_buf) items = {0};
    silt_buf *out = e->out;
    uint32_t max_id;
    member *members = silt_arena_calloc(e->arena, count + 1, sizeof *members);
    if (!members) return silt_fail_nomem(e->err);
    if (is_object) SILT_TRY(read_members(e, value, &members, &max_id));
    silt_buf_putc(out, (char)flags);
    put_int(out, count, large ? 4 : 1);
    size_t head = out->size, start = head + head_size(count, &x, is_object) - (large ? 5 : 2);
    while (out->size < start && !out->failed)
        silt_buf_putc(out, 0);
    for (silt_json_iter it = silt_json_iter_of(value); silt_json_next(&it); n++) {
        members[n].offset = (uint32_t)(out->size - start);
        SILT_TRY(put(e, it.value));
    }
    if (is_object) SILT_TRY(sort_members(e, members, count));
    for (size_t i = 0; is_object && i < count; i++)
        put_int(&items, members[i].id, id_size);
    for (size_t i = 0; i < count; i++)
        put_int(&items, members[i].offset, offset_size);
    put_int(&items, x.data, offset_size);
    if (items.failed || out->failed) return silt_fail_nomem(e->err);
    memcpy(out->data + head, items.data, items.size);
    return SILT_OK;
}

static void put_string(silt_buf *out, const silt_json *value)
{
    size_t size = silt_json_string_size(value);
    if (size <= SHORT_STRING_MAX) {
        silt_buf_putc(out, (char)(size << 2 | BASIC_SHORT_STRING));
    } else {
        silt_buf_putc(out, (char)(VARIANT_STRING << 2 | BASIC_PRIMITIVE));
        put_int(out, size, 4);
    }
    silt_buf_append(out, silt_json_string(value), size);
}

static silt_status put(encoder *e, const silt_json *value)
{
    number n;
    switch (silt_json_kind_of(value)) {
    case SILT_JSON_NULL:
        silt_buf_putc(e->out, VARIANT_NULL << 2 | BASIC_PRIMITIVE);
        break;
    case SILT_JSON_BOOL:
        silt_buf_putc(e->out,
                      (char)((silt_json_bool(value, false) ? VARIANT_TRUE : VARIANT_FALSE) << 2));
        break;
    case SILT_JSON_NUMBER:
        SILT_TRY(read_number(e, silt_json_number(value), &n));
        put_number(e->out, &n);
        break;
    case SILT_JSON_STRING:
        put_string(e->out, value);
        break;
    default:
        return put_items(e, value);
    }
    return e->out->failed ? silt_fail_nomem(e->err) : SILT_OK;
}

static silt_status put_metadata(const encoder *e, silt_buf *out)
{
    size_t count = e->keys.count, offset = 0;
    int size = bytes_of(e->keys_size > count ? e->keys_size : count);
    silt_buf_putc(out, (char)((size - 1) << 6 | 1)); /* version 1, keys unsorted */
    put_int(out, count, size);
    for (size_t i = 0; i < count; i++) {
        put_int(out, offset, size);
        offset += e->keys.items[i].size;
    }
    put_int(out, offset, size);
    for (size_t i = 0; i < count; i++)
        silt_buf_append(out, e->keys.items[i].data, e->keys.items[i].size);
    return out->failed ? silt_fail_nomem(e->err) : SILT_OK;
}

static silt_status encode(encoder *e, silt_bytes json, silt_buf *metadata)
{
    const silt_json *value = NULL;
    size_t size = 0;
    SILT_TRY(silt_json_parse(json, e->arena, &value, e->err));
    SILT_TRY(measure(e, value, &size));
    if (size > SILT_VARIANT_SIZE_MAX || e->keys_size > SILT_VARIANT_SIZE_MAX)
        return silt_fail(e->err, SILT_CORRUPT, "it is larger than a variant may be");
    SILT_TRY(put(e, value));
    return put_metadata(e, metadata);
}

silt_status silt_variant_of_json(silt_bytes json, bool from_doubles, silt_buf *metadata,
                                 silt_buf *value, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_map64) ids = silt_map64_new();
    if (!arena || !ids) return silt_fail_nomem(err);
    encoder e = {
        .arena = arena, .ids = ids, .from_doubles = from_doubles, .out = value, .err = err};
    silt_status st = encode(&e, json, metadata);
    silt_vec_free(&e.keys);
    silt_vec_free(&e.extents);
    return st;
}
