/* Deletion vectors as the log describes them and as their files hold them: two byte orders in one
 * file. Lengths and checksums are big-endian, the bitmap and its magic number little-endian. */
#include "log/dv.h"

#include "store/local.h"

#include <zlib.h>

#define MAGIC         1681511377u
#define FILE_VERSION  1
#define UUID_SIZE     16
#define UUID_Z85_SIZE 20

static silt_status fail_descriptor(const silt_dv *dv, silt_error *err, const char *what)
{
    silt_fail(err, SILT_CORRUPT, "deletion vector \"%c%.100s\": %s", dv->storage_type,
              dv->path_or_inline, what);
    return silt_hint(err, SILT_CORRUPT,
                     "the log isn't as a writer of tables leaves it; other versions may still be "
                     "read");
}

/* ---- Z85: five characters for four bytes */

static int z85_value(char c)
{
    static const char digits[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* `size` (of a multiple of 5) characters into size / 5 * 4 bytes; false: they are not Z85. What
 * goes over 2^32 is taken modulo 2^32, as Spark does: there are tables with such a last group. */
static bool z85_decode(const char *text, size_t size, unsigned char *out)
{
    for (size_t i = 0; i < size; i += 5) {
        uint32_t value = 0;
        for (size_t k = 0; k < 5; k++) {
            int digit = z85_value(text[i + k]);
            if (digit < 0) return false;
            value = value * 85 + (uint32_t)digit;
        }
        for (int shift = 24; shift >= 0; shift -= 8)
            *out++ = (unsigned char)(value >> shift);
    }
    return true;
}

/* ---- where it is */

static silt_status place_of_uuid(const silt_dv *dv, silt_arena *arena, silt_place *out,
                                 silt_error *err)
{
    size_t size = strlen(dv->path_or_inline);
    unsigned char uuid[UUID_SIZE];
    if (size < UUID_Z85_SIZE)
        return fail_descriptor(dv, err, "a uuid has 20 characters in base 85 at least");
    size_t prefix = size - UUID_Z85_SIZE;
    if (!z85_decode(dv->path_or_inline + prefix, UUID_Z85_SIZE, uuid))
        return fail_descriptor(dv, err, "not a uuid in base 85");
    const char *key = silt_arena_printf(
        arena,
        "%.*s%sdeletion_vector_%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x"
        "%02x.bin",
        (int)prefix, dv->path_or_inline, prefix ? "/" : "", uuid[0], uuid[1], uuid[2], uuid[3],
        uuid[4], uuid[5], uuid[6], uuid[7], uuid[8], uuid[9], uuid[10], uuid[11], uuid[12],
        uuid[13], uuid[14], uuid[15]);
    if (!key) return silt_fail_nomem(err);
    if (silt_store_check_key(key, NULL) != SILT_OK)
        return fail_descriptor(dv, err, "its prefix is no folder of the table");
    *out = (silt_place){.key = key};
    return SILT_OK;
}

silt_status silt_dv_place(silt_store *store, const silt_dv *dv, silt_arena *arena, silt_place *out,
                          silt_error *err)
{
    switch (dv->storage_type) {
    case 'i':
        *out = (silt_place){0};
        return SILT_OK;
    case 'u':
        return place_of_uuid(dv, arena, out, err);
    case 'p':
        return silt_path_place(store, dv->path_or_inline, arena, out, err);
    default:
        return fail_descriptor(dv, err, "storageType is none of u, i, p");
    }
}

/* ---- its bytes */

static silt_status read_inline(const silt_dv *dv, silt_arena *arena, silt_bytes *out,
                               silt_error *err)
{
    size_t size = strlen(dv->path_or_inline);
    if (size % 5 != 0)
        return fail_descriptor(dv, err, "what is inline isn't whole: not a multiple of five");
    /* Padded to whole words; sizeInBytes says where it ends. */
    size_t padded = size / 5 * 4;
    if (dv->size_bytes < 0 || (uint64_t)dv->size_bytes > padded ||
        padded - (uint64_t)dv->size_bytes > 3)
        return fail_descriptor(dv, err, "sizeInBytes isn't the size of what is inline");
    unsigned char *data = silt_arena_alloc(arena, padded + 1);
    if (!data) return silt_fail_nomem(err);
    if (!z85_decode(dv->path_or_inline, size, data))
        return fail_descriptor(dv, err, "what is inline isn't in base 85");
    *out = (silt_bytes){(const char *)data, (size_t)dv->size_bytes};
    return SILT_OK;
}

/* `length` bytes from `offset` of the file; fewer where it ends before. */
static silt_status get_range(silt_store *store, silt_place place, int64_t offset, int64_t length,
                             silt_arena *arena, silt_bytes *out, silt_error *err)
{
    if (place.key) return store->ops->get(store, place.key, offset, length, arena, out, err);
    SILT_CLEAN(silt_fd) fd = -1;
    int64_t size;
    int e = silt_local_open(place.local_path, &fd, &size);
    if (e) return silt_fail_errno(err, e, "can't open %s", place.local_path);
    int64_t left = offset < size ? size - offset : 0;
    if (length > left) length = left;
    char *data = silt_arena_alloc(arena, (size_t)length + 1);
    if (!data) return silt_fail_nomem(err);
    size_t got;
    e = silt_local_read(fd, offset, data, (size_t)length, &got);
    if (e) return silt_fail_errno(err, e, "can't read %s", place.local_path);
    *out = (silt_bytes){data, got};
    return SILT_OK;
}

static uint32_t big_endian(const char *data)
{
    const unsigned char *at = (const unsigned char *)data;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* One of the file's, which `frame` ought to hold whole: size, data, checksum. */
static silt_status open_frame(const silt_dv *dv, silt_bytes frame, silt_bytes *out, silt_error *err)
{
    if (frame.size < 4)
        return silt_fail(err, SILT_CORRUPT, "the file ends before its place (offset %" PRId64 ")",
                         dv->offset);
    uint32_t size = big_endian(frame.data);
    if (size != (uint64_t)dv->size_bytes)
        return silt_fail(err, SILT_CORRUPT,
                         "there are %" PRIu32 " bytes at offset %" PRId64
                         " by the file, and %" PRId64 " by the log's sizeInBytes",
                         size, dv->offset, dv->size_bytes);
    if (frame.size < 8 + (size_t)size)
        return silt_fail(err, SILT_CORRUPT, "the file is cut off: %" PRIu32 " bytes are missing",
                         (uint32_t)(8 + (size_t)size - frame.size));
    silt_bytes data = {frame.data + 4, size};
    uint32_t sum = (uint32_t)crc32_z(0, (const unsigned char *)data.data, data.size);
    uint32_t expected = big_endian(data.data + data.size);
    if (sum != expected)
        return silt_fail(err, SILT_CORRUPT, "its checksum is %08" PRIx32 " instead of %08" PRIx32,
                         sum, expected);
    *out = data;
    return SILT_OK;
}

static silt_status read_file(silt_store *store, const silt_dv *dv, silt_place place,
                             silt_arena *arena, silt_bytes *out, silt_error *err)
{
    if (dv->size_bytes < 0 || dv->size_bytes > INT32_MAX)
        return silt_fail(err, SILT_CORRUPT, "sizeInBytes is %" PRId64, dv->size_bytes);
    /* Byte 0 is the version: it comes along with the first of the file, which most files hold
     * alone. Without an offset it is the first. */
    int64_t offset = dv->offset < 1 ? 1 : dv->offset;
    int64_t start = offset == 1 ? 0 : offset;
    silt_bytes bytes;
    SILT_TRY(
        get_range(store, place, start, offset - start + dv->size_bytes + 8, arena, &bytes, err));
    if (start == 0) {
        if (bytes.size == 0) return silt_fail(err, SILT_CORRUPT, "the file is empty");
        if (bytes.data[0] != FILE_VERSION)
            return silt_fail(err, SILT_CORRUPT, "the file is of version %d instead of %d",
                             (unsigned char)bytes.data[0], FILE_VERSION);
        bytes = (silt_bytes){bytes.data + 1, bytes.size - 1};
    }
    return open_frame(dv, bytes, out, err);
}

/* ---- what it says */

silt_status silt_dv_parse(silt_bytes data, silt_bitmap **out, silt_error *err)
{
    if (data.size < 4)
        return silt_fail(err, SILT_CORRUPT, "%zu bytes are too few for a deletion vector",
                         data.size);
    const unsigned char *at = (const unsigned char *)data.data;
    uint32_t magic = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    if (magic != MAGIC)
        return silt_fail(err, SILT_CORRUPT, "it begins with %" PRIu32 " instead of %u", magic,
                         MAGIC);
    SILT_AUTO(silt_bitmap) rows = NULL;
    SILT_TRY(silt_bitmap_parse((silt_bytes){data.data + 4, data.size - 4}, &rows, err));
    if (silt_bitmap_max(rows) > INT64_MAX)
        return silt_fail(err, SILT_CORRUPT, "it names row %" PRIu64 ", more than there can be",
                         silt_bitmap_max(rows));
    *out = SILT_TAKE(rows);
    return SILT_OK;
}

static silt_status check_rows(const silt_dv *dv, const silt_bitmap *rows, int64_t row_count,
                              silt_error *err)
{
    uint64_t count = silt_bitmap_count(rows), max = silt_bitmap_max(rows);
    if (dv->cardinality < 0 || count != (uint64_t)dv->cardinality)
        return silt_fail(err, SILT_CORRUPT,
                         "it names %" PRIu64 " rows, and the log's cardinality is %" PRId64, count,
                         dv->cardinality);
    if (count == 0) return SILT_OK;
    if (row_count >= 0 && max >= (uint64_t)row_count)
        return silt_fail(err, SILT_CORRUPT,
                         "it names row %" PRIu64 " of a data file of %" PRId64 " rows", max,
                         row_count);
    if (dv->max_row_index >= 0 && max > (uint64_t)dv->max_row_index)
        return silt_fail(err, SILT_CORRUPT,
                         "it names row %" PRIu64 ", and the log's maxRowIndex is %" PRId64, max,
                         dv->max_row_index);
    return SILT_OK;
}

/* The message names the file, whatever is the matter. */
static silt_status in_place(silt_error *err, silt_status st, silt_place place)
{
    if (st == SILT_NOMEM) return st;
    const char *name = place.key ? place.key : place.local_path;
    silt_wrap(err, st, "deletion vector %s", name ? name : "(inline in the log)");
    if (st == SILT_NOT_FOUND)
        silt_hint(err, st,
                  "the file was deleted (by a vacuum?) while the log still needs it: read another "
                  "version, or restore the file");
    else if (st == SILT_CORRUPT)
        silt_hint(err, st,
                  "the table can't be read at this version without giving back deleted rows: "
                  "restore the file, or read another version");
    return st;
}

silt_status silt_dv_read(silt_store *store, const silt_dv *dv, int64_t row_count, silt_bitmap **out,
                         silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_AUTO(silt_bitmap) rows = NULL;
    if (!scratch) return silt_fail_nomem(err);
    silt_place place;
    SILT_TRY(silt_dv_place(store, dv, scratch, &place, err));

    silt_bytes data;
    bool is_inline = dv->storage_type == 'i';
    silt_status st = is_inline ? read_inline(dv, scratch, &data, err)
                               : read_file(store, dv, place, scratch, &data, err);
    if (st == SILT_OK) st = silt_dv_parse(data, &rows, err);
    if (st == SILT_OK) st = check_rows(dv, rows, row_count, err);
    if (st != SILT_OK) return in_place(err, st, place);
    *out = SILT_TAKE(rows);
    return SILT_OK;
}
