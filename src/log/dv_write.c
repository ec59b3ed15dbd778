/* Deletion vectors into files: several a file, so that a delete that touches many data files makes
 * few.
 *
 * Invariants
 *  (1) What a descriptor says is what its file holds: durable before the descriptor is given out.
 *  (2) A name is a fresh uuid: no file is ever written again. */
#include <stdio.h>
#include <zlib.h>

#include "base/seam.h"
#include "base/json.h"
#include "base/sha256.h"
#include "log/dv.h"

#define MAGIC        1681511377u
#define FILE_VERSION 1
/* A file is ended behind the vector that reaches this, as Spark does it: readers get ranges. */
#define FILE_BYTES ((size_t)2 << 20)

static void put_big_endian(silt_buf *buf, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        silt_buf_putc(buf, (char)(unsigned char)(value >> shift));
}

static void put_little_endian(silt_buf *buf, uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8)
        silt_buf_putc(buf, (char)(unsigned char)(value >> shift));
}

/* ---- names */

/* Hexadecimal digits into five characters for four bytes. */
void silt_dv_encode_uuid(const char *uuid, char out[SILT_DV_UUID_SIZE])
{
    static const char digits[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    uint32_t word = 0;
    size_t nibbles = 0, at = 0;
    for (const char *c = uuid; *c; c++) {
        if (*c == '-') continue;
        word = word << 4 | (uint32_t)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
        if (++nibbles % 8) continue;
        for (size_t k = 5; k-- > 0; word /= 85)
            out[at + k] = digits[word % 85];
        at += 5;
        word = 0;
    }
    out[at] = '\0';
}

void silt_random_prefix(const silt_random *random, char *out, size_t size)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < size; i++) {
        uint32_t bits;
        silt_random_fill(random, &bits, sizeof(bits));
        out[i] = letters[bits % (sizeof(letters) - 1)];
    }
    out[size] = '\0';
}

static void fill_named(void *ctx, void *bytes, size_t size)
{
    silt_dv_names *names = ctx;
    char text[128], hash[SILT_SHA256_SIZE];
    int length = snprintf(text, sizeof(text), "%.100s %" PRId64, names->attempt, names->asked++);
    silt_sha256_hex((silt_bytes){text, (size_t)length}, hash);
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        (void)sscanf(hash + 2 * (i % 32), "%2x", &byte);
        ((unsigned char *)bytes)[i] = (unsigned char)byte;
    }
}

silt_random silt_dv_names_random(silt_dv_names *names)
{
    return (silt_random){fill_named, names};
}

/* ---- files */

typedef struct writing {
    silt_store *store;
    const silt_random *random;
    silt_arena *arena;
    char prefix[SILT_PREFIX_MAX + 1];
    size_t prefix_size;
    const char *name; /* pathOrInlineDv of the file in the making; NULL: none is begun */
    const char *key;
    silt_buf body;
} writing;

static silt_status begin_file(writing *w, silt_error *err)
{
    char uuid[SILT_UUID_SIZE], text[SILT_DV_UUID_SIZE];
    silt_uuid(w->random, uuid);
    silt_dv_encode_uuid(uuid, text);
    silt_random_prefix(w->random, w->prefix, w->prefix_size);
    w->name = silt_arena_printf(w->arena, "%s%s", w->prefix, text);
    w->key = silt_arena_printf(w->arena, "%s%sdeletion_vector_%s.bin", w->prefix,
                               w->prefix_size ? "/" : "", uuid);
    if (!w->name || !w->key) return silt_fail_nomem(err);
    silt_buf_clear(&w->body);
    silt_buf_putc(&w->body, FILE_VERSION);
    return SILT_OK;
}

/* Nobody else writes a name like this: what stands there is ours, whole. */
static bool stands_there(const writing *w, silt_bytes body)
{
    silt_bytes seen;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    return scratch &&
           w->store->ops->get(w->store, w->key, 0, -1, scratch, &seen, NULL) == SILT_OK &&
           silt_bytes_equal(seen, body);
}

static silt_status end_file(writing *w, silt_names *keys, silt_error *err)
{
    if (!w->name) return SILT_OK;
    if (w->body.failed) return silt_fail_nomem(err);
    const char **all = (const char **)keys->items; /* ours: room for each vector */
    all[keys->count++] = w->key;                   /* told also where the put's answer was lost */
    silt_bytes body = silt_buf_bytes(&w->body);
    silt_status st = w->store->ops->put(w->store, w->key, body, err);
    if (st == SILT_UNSURE && stands_there(w, body)) st = SILT_OK;
    w->name = NULL;
    return st == SILT_OK ? st : silt_wrap(err, st, "deletion vector %s", w->key);
}

static silt_status put_vector(writing *w, const silt_bitmap *rows, silt_dv *out, silt_error *err)
{
    size_t start = w->body.size;
    put_big_endian(&w->body, 0); /* the size, once it is known */
    put_little_endian(&w->body, MAGIC);
    silt_bitmap_write(rows, &w->body);
    if (w->body.failed) return silt_fail_nomem(err);
    size_t size = w->body.size - start - 4;
    if (size > INT32_MAX || start > INT32_MAX)
        return silt_fail(err, SILT_UNSUPPORTED, "a deletion vector of %zu bytes is too large",
                         size);
    unsigned char *head = (unsigned char *)w->body.data + start;
    for (int i = 0; i < 4; i++)
        head[i] = (unsigned char)(size >> (24 - 8 * i));
    put_big_endian(&w->body, (uint32_t)crc32_z(0, head + 4, size));
    *out = (silt_dv){.storage_type = 'u',
                     .path_or_inline = w->name,
                     .offset = (int64_t)start,
                     .size_bytes = (int64_t)size,
                     .cardinality = (int64_t)silt_bitmap_count(rows),
                     .max_row_index = -1};
    return SILT_OK;
}

static silt_status write_all(writing *w, const silt_bitmap *const *rows, size_t count, silt_dv *out,
                             silt_names *keys, silt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!w->name) SILT_TRY(begin_file(w, err));
        SILT_TRY(put_vector(w, rows[i], &out[i], err));
        if (w->body.size >= FILE_BYTES) SILT_TRY(end_file(w, keys, err));
    }
    return end_file(w, keys, err);
}

silt_status silt_dvs_write(silt_store *store, const silt_bitmap *const *rows, size_t count,
                           size_t prefix_size, const silt_random *random, silt_arena *arena,
                           silt_dv *out, silt_names *keys, silt_error *err)
{
    writing w = {.store = store,
                 .random = random ? random : &silt_random_system,
                 .arena = arena,
                 .prefix_size = prefix_size < SILT_PREFIX_MAX ? prefix_size : SILT_PREFIX_MAX};
    *keys = (silt_names){silt_arena_calloc(arena, count, sizeof(*keys->items)), 0};
    if (!keys->items) return silt_fail_nomem(err);
    silt_status st = write_all(&w, rows, count, out, keys, err);
    silt_buf_release(&w.body);
    return st;
}

const char *silt_stats_loosen(const char *stats, silt_arena *arena)
{
    const silt_json *parsed;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_CLEAN(silt_buf) buf = {0};
    if (!scratch || silt_json_parse(silt_bytes_of(stats), scratch, &parsed, NULL) != SILT_OK)
        return NULL;
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    for (silt_json_iter it = silt_json_iter_of(parsed); silt_json_next(&it);) {
        if (strcmp(it.key, "tightBounds") == 0) continue;
        silt_json_key_bytes(&w, (silt_bytes){it.key, it.key_size});
        silt_json_put_value(&w, it.value);
    }
    silt_json_member_bool(&w, "tightBounds", false);
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, arena);
}
