/* Sets of numbers over CRoaring's 32-bit bitmaps: one for each upper half that occurs, as the
 * portable form has them, in order. A file of less than 2^32 rows has one.
 *
 * CRoaring checks most of its allocations where it reads a bitmap, and none where it changes one.
 * So what changes one asks for the memory first (room_for), which finds out in time whenever it is
 * a large set that there is no memory for. */
#include "base/bitmap.h"

#include <roaring/roaring.h>

typedef struct part {
    uint32_t high;
    roaring_bitmap_t *low;
} part;

struct silt_bitmap {
    SILT_VEC(part) parts; /* by `high`; none is empty */
};

silt_bitmap *silt_bitmap_new(void)
{
    return calloc(1, sizeof(silt_bitmap));
}

void silt_bitmap_free(silt_bitmap *bitmap)
{
    if (!bitmap) return;
    for (size_t i = 0; i < bitmap->parts.count; i++)
        roaring_bitmap_free(bitmap->parts.items[i].low);
    silt_vec_free(&bitmap->parts);
    free(bitmap);
}

static bool room_for(size_t size)
{
    void *volatile block = malloc(size); /* volatile: else the compiler takes the pair out */
    free(block);
    return block != NULL;
}

/* The first part whose upper half is `high` or more; the number of parts: none. */
static size_t part_from(const silt_bitmap *bitmap, uint32_t high)
{
    size_t low = 0, end = bitmap->parts.count;
    while (low < end) {
        size_t middle = low + (end - low) / 2;
        if (bitmap->parts.items[middle].high < high)
            low = middle + 1;
        else
            end = middle;
    }
    return low;
}

static const roaring_bitmap_t *part_of(const silt_bitmap *bitmap, uint32_t high)
{
    size_t i = part_from(bitmap, high);
    bool there = i < bitmap->parts.count && bitmap->parts.items[i].high == high;
    return there ? bitmap->parts.items[i].low : NULL;
}

/* Takes `low`, whatever comes of it: NULL is memory that is out, an empty one is left out. */
static bool push_part(silt_bitmap *bitmap, uint32_t high, roaring_bitmap_t *low)
{
    if (!low) return false;
    if (roaring_bitmap_is_empty(low)) {
        roaring_bitmap_free(low);
        return true;
    }
    if (silt_vec_push(&bitmap->parts, (part){high, low})) return true;
    roaring_bitmap_free(low);
    return false;
}

/* ---- the portable form */

static uint64_t little_endian(const unsigned char *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--)
        value = value << 8 | data[i - 1];
    return value;
}

static void put_little_endian(silt_buf *buf, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        silt_buf_putc(buf, (char)(unsigned char)(value >> (8 * i)));
}

/* One 32-bit bitmap at the start of `data`, `*used` bytes of it. */
static silt_status parse_part(silt_bytes data, roaring_bitmap_t **out, size_t *used,
                              silt_error *err)
{
    size_t size = roaring_bitmap_portable_deserialize_size(data.data, data.size);
    if (size == 0 || size > data.size)
        return silt_fail(err, SILT_CORRUPT, "a part of the bitmap is cut off or garbage");
    /* What is made of it is hardly larger: only a word or two for each of the containers. */
    roaring_bitmap_t *low =
        room_for(4 * size) ? roaring_bitmap_portable_deserialize_safe(data.data, size) : NULL;
    if (!low) {
        if (!room_for(4 * size)) return silt_fail_nomem(err);
        return silt_fail(err, SILT_CORRUPT, "a part of the bitmap is garbage");
    }
    const char *why = NULL;
    if (!roaring_bitmap_internal_validate(low, &why)) {
        roaring_bitmap_free(low);
        return silt_fail(err, SILT_CORRUPT, "the bitmap isn't valid: %s", why ? why : "garbage");
    }
    *out = low;
    *used = size;
    return SILT_OK;
}

silt_status silt_bitmap_parse(silt_bytes data, silt_bitmap **out, silt_error *err)
{
    const unsigned char *at = (const unsigned char *)data.data;
    size_t left = data.size;
    if (left < 8)
        return silt_fail(err, SILT_CORRUPT, "a bitmap of %zu bytes: 8 at least are needed", left);
    uint64_t count = little_endian(at, 8);
    at += 8;
    left -= 8;

    SILT_AUTO(silt_bitmap) bitmap = silt_bitmap_new();
    if (!bitmap) return silt_fail_nomem(err);
    int64_t last = -1;
    for (uint64_t i = 0; i < count; i++) {
        if (left < 4)
            return silt_fail(err, SILT_CORRUPT,
                             "the bitmap ends before part %" PRIu64 " of %" PRIu64, i + 1, count);
        uint32_t high = (uint32_t)little_endian(at, 4);
        if ((int64_t)high <= last)
            return silt_fail(err, SILT_CORRUPT, "the bitmap's parts aren't in order");
        last = high;
        roaring_bitmap_t *low = NULL;
        size_t used = 0;
        SILT_TRY(parse_part((silt_bytes){(const char *)at + 4, left - 4}, &low, &used, err));
        if (!push_part(bitmap, high, low)) return silt_fail_nomem(err);
        at += 4 + used;
        left -= 4 + used;
    }
    if (left)
        return silt_fail(err, SILT_CORRUPT, "%zu bytes are left behind the bitmap's end", left);
    *out = SILT_TAKE(bitmap);
    return SILT_OK;
}

void silt_bitmap_write(const silt_bitmap *bitmap, silt_buf *buf)
{
    put_little_endian(buf, bitmap->parts.count, 8);
    for (size_t i = 0; i < bitmap->parts.count; i++) {
        const part *p = &bitmap->parts.items[i];
        put_little_endian(buf, p->high, 4);
        size_t size = roaring_bitmap_portable_size_in_bytes(p->low);
        SILT_FREE char *bytes = malloc(size);
        if (!bytes) {
            buf->failed = true;
            return;
        }
        roaring_bitmap_portable_serialize(p->low, bytes);
        silt_buf_append(buf, bytes, size);
    }
}

/* ---- asking */

uint64_t silt_bitmap_count(const silt_bitmap *bitmap)
{
    uint64_t count = 0;
    for (size_t i = 0; i < bitmap->parts.count; i++)
        count += roaring_bitmap_get_cardinality(bitmap->parts.items[i].low);
    return count;
}

uint64_t silt_bitmap_max(const silt_bitmap *bitmap)
{
    if (bitmap->parts.count == 0) return 0;
    const part *last = &bitmap->parts.items[bitmap->parts.count - 1];
    return (uint64_t)last->high << 32 | roaring_bitmap_maximum(last->low);
}

bool silt_bitmap_has(const silt_bitmap *bitmap, uint64_t number)
{
    const roaring_bitmap_t *low = part_of(bitmap, (uint32_t)(number >> 32));
    roaring_bulk_context_t none = {0}; /* (roaring_bitmap_contains is inline, of hidden parts) */
    return low && roaring_bitmap_contains_bulk(low, &none, (uint32_t)number);
}

/* As silt_bitmap_range, of numbers with one upper half, from…last; bit 0 of `words` is `origin`. */
static size_t range_of_part(const roaring_bitmap_t *low, uint32_t from, uint32_t last,
                            uint64_t origin, uint64_t *words)
{
    roaring_uint32_iterator_t it;
    roaring_iterator_init(low, &it);
    if (!roaring_uint32_iterator_move_equalorlarger(&it, from)) return 0;
    size_t found = 0;
    uint32_t numbers[256], got;
    while (it.has_value && it.current_value <= last &&
           (got = roaring_uint32_iterator_read(&it, numbers, SILT_COUNT(numbers))) > 0) {
        for (uint32_t i = 0; i < got && numbers[i] <= last; i++, found++) {
            uint64_t bit = numbers[i] - origin;
            words[bit / 64] |= UINT64_C(1) << (bit % 64);
        }
    }
    return found;
}

size_t silt_bitmap_range(const silt_bitmap *bitmap, uint64_t from, size_t count, uint64_t *words)
{
    if (count == 0) return 0;
    memset(words, 0, (count + 63) / 64 * sizeof(*words));
    uint64_t last = count - 1 > UINT64_MAX - from ? UINT64_MAX : from + (count - 1);
    size_t found = 0;
    for (size_t i = part_from(bitmap, (uint32_t)(from >> 32)); i < bitmap->parts.count; i++) {
        const part *p = &bitmap->parts.items[i];
        uint64_t base = (uint64_t)p->high << 32;
        if (base > last) break;
        uint32_t first = base < from ? (uint32_t)from : 0;
        uint32_t end = last - base > UINT32_MAX ? UINT32_MAX : (uint32_t)last;
        /* Modulo 2^64: a number minus origin is its bit. */
        found += range_of_part(p->low, first, end, from - base, words);
    }
    return found;
}

/* ---- changing */

static size_t size_of(const silt_bitmap *bitmap)
{
    size_t size = 0;
    for (size_t i = 0; i < bitmap->parts.count; i++)
        size += roaring_bitmap_portable_size_in_bytes(bitmap->parts.items[i].low);
    return size;
}

silt_bitmap *silt_bitmap_minus(const silt_bitmap *a, const silt_bitmap *b)
{
    SILT_AUTO(silt_bitmap) out = silt_bitmap_new();
    if (!out || !room_for(2 * size_of(a) + 65536)) return NULL;
    for (size_t i = 0; i < a->parts.count; i++) {
        const part *p = &a->parts.items[i];
        const roaring_bitmap_t *without = b ? part_of(b, p->high) : NULL;
        roaring_bitmap_t *low =
            without ? roaring_bitmap_andnot(p->low, without) : roaring_bitmap_copy(p->low);
        if (!push_part(out, p->high, low)) return NULL;
    }
    return SILT_TAKE(out);
}

silt_bitmap *silt_bitmap_or(const silt_bitmap *a, const silt_bitmap *b)
{
    SILT_AUTO(silt_bitmap) out = silt_bitmap_new();
    if (!out || !room_for(4 * (size_of(a) + size_of(b)) + 65536)) return NULL;
    size_t i = 0, j = 0;
    while (i < a->parts.count || j < b->parts.count) {
        const part *p = i < a->parts.count ? &a->parts.items[i] : NULL;
        const part *q = j < b->parts.count ? &b->parts.items[j] : NULL;
        bool both = p && q && p->high == q->high;
        bool first = p && (!q || p->high <= q->high);
        const part *from = first ? p : q;
        roaring_bitmap_t *low =
            both ? roaring_bitmap_or(p->low, q->low) : roaring_bitmap_copy(from->low);
        if (!push_part(out, from->high, low)) return NULL;
        i += first || both;
        j += !first || both;
    }
    return SILT_TAKE(out);
}

silt_bitmap *silt_bitmap_below(const silt_bitmap *a, uint64_t end)
{
    SILT_AUTO(silt_bitmap) out = silt_bitmap_new();
    uint32_t high = (uint32_t)(end >> 32);
    if (!out || !room_for(2 * size_of(a) + 65536)) return NULL;
    for (size_t i = 0; i < a->parts.count && a->parts.items[i].high <= high; i++) {
        const part *p = &a->parts.items[i];
        roaring_bitmap_t *low = roaring_bitmap_copy(p->low);
        if (low && p->high == high)
            roaring_bitmap_remove_range_closed(low, (uint32_t)end, UINT32_MAX);
        if (!push_part(out, p->high, low)) return NULL;
    }
    return SILT_TAKE(out);
}

/* The part of an upper half, made empty where there is none. */
static roaring_bitmap_t *part_for_adding(silt_bitmap *bitmap, uint32_t high)
{
    size_t i = part_from(bitmap, high);
    if (i < bitmap->parts.count && bitmap->parts.items[i].high == high)
        return bitmap->parts.items[i].low;
    roaring_bitmap_t *low = roaring_bitmap_create();
    if (!low) return NULL;
    if (!silt_vec_push(&bitmap->parts, (part){high, low})) {
        roaring_bitmap_free(low);
        return NULL;
    }
    part *items = bitmap->parts.items;
    memmove(items + i + 1, items + i, (bitmap->parts.count - 1 - i) * sizeof(*items));
    items[i] = (part){high, low};
    return low;
}

bool silt_bitmap_add(silt_bitmap *bitmap, const uint64_t *numbers, size_t count)
{
    /* At worst a container for each, and the list of containers in a new place. */
    if (count > SIZE_MAX / 128 || !room_for(count * 64 + size_of(bitmap) + 65536)) return false;
    for (size_t i = 0; i < count;) {
        uint32_t high = (uint32_t)(numbers[i] >> 32);
        roaring_bitmap_t *low = part_for_adding(bitmap, high);
        if (!low) return false;
        for (; i < count && numbers[i] >> 32 == high; i++)
            roaring_bitmap_add(low, (uint32_t)numbers[i]);
    }
    return true;
}

void silt_bitmap_shrink(silt_bitmap *bitmap)
{
    /* A container is 8 kB at most before and after; without room it stays as it is. */
    if (!room_for(2 * size_of(bitmap) + 65536)) return;
    for (size_t i = 0; i < bitmap->parts.count; i++)
        (void)roaring_bitmap_run_optimize(bitmap->parts.items[i].low);
}
