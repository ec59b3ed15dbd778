/* Messages of Arrow IPC. Their heads are FlatBuffers, which are made here from front to back:
 * places of what comes later are filled in when it does. */
#include "engine/arrow_ipc.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/arrow.h"

#define DEPTH_MAX 200

/* Of Schema.fbs and Message.fbs. */
enum { VERSION_5 = 4, HEAD_SCHEMA = 1, HEAD_BATCH = 3 };
enum type_id {
    ID_NULL = 1,
    ID_INT,
    ID_FLOAT,
    ID_BINARY,
    ID_UTF8,
    ID_BOOL,
    ID_DECIMAL,
    ID_DATE,
    ID_TIME,
    ID_TIMESTAMP,
    ID_INTERVAL,
    ID_LIST,
    ID_STRUCT,
    ID_UNION,
    ID_FIXED_BINARY,
    ID_FIXED_LIST,
    ID_MAP,
    ID_DURATION,
    ID_LARGE_BINARY,
    ID_LARGE_UTF8,
    ID_LARGE_LIST,
    ID_RUN_END,
    ID_BINARY_VIEW,
    ID_UTF8_VIEW
};

/* ---- FlatBuffers ----------------------------------------------------------------------------- */

/* A field of a table; size 0: it isn't there. An offset's value is filled in by lead_to(). */
typedef struct slot {
    size_t size;
    uint64_t value;
    size_t at; /* where it is, once the table is there */
} slot;

#define OFFSET  \
    {           \
        4, 0, 0 \
    }

static void put(silt_buf *b, uint64_t value, size_t size)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    silt_buf_append(b, bytes, size);
}

/* Zeros, until what comes `ahead` bytes later is at a multiple of `unit`. */
static void align(silt_buf *b, size_t unit, size_t ahead)
{
    while ((b->size + ahead) % unit && !b->failed)
        silt_buf_putc(b, 0);
}

static void set(silt_buf *b, size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4 && !b->failed; i++)
        b->data[at + i] = (char)(value >> (8 * i));
}

/* The offset at `at` leads to `to`, which is behind it. */
static void lead_to(silt_buf *b, size_t at, size_t to)
{
    set(b, at, (uint32_t)(to - at));
}

/* A table behind its vtable; gives its place. */
static size_t put_table(silt_buf *b, slot *slots, size_t count)
{
    size_t vtable_size = 4 + 2 * count, size = 4;
    for (size_t i = 0; i < count; i++) {
        if (!slots[i].size) continue;
        size = (size + slots[i].size - 1) / slots[i].size * slots[i].size;
        slots[i].at = size;
        size += slots[i].size;
    }
    align(b, 8, vtable_size);
    put(b, vtable_size, 2);
    put(b, size, 2);
    for (size_t i = 0; i < count; i++)
        put(b, slots[i].at, 2);
    size_t start = b->size, at = 4;
    put(b, vtable_size, 4);
    for (size_t i = 0; i < count; i++) {
        if (!slots[i].size) continue;
        for (; at < slots[i].at; at++)
            silt_buf_putc(b, 0);
        put(b, slots[i].value, slots[i].size);
        at += slots[i].size;
        slots[i].at += start;
    }
    return start;
}

static size_t put_text(silt_buf *b, const char *text, size_t size)
{
    align(b, 4, 0);
    size_t start = b->size;
    put(b, size, 4);
    silt_buf_append(b, text, size);
    silt_buf_putc(b, 0);
    return start;
}

/* The head of a vector whose `count` offsets are filled in later. */
static size_t put_offsets(silt_buf *b, size_t count)
{
    align(b, 4, 0);
    size_t start = b->size;
    put(b, count, 4);
    for (size_t i = 0; i < count; i++)
        put(b, 0, 4);
    return start;
}

/* A vector of numbers, or of structs of `width` numbers. */
static size_t put_longs(silt_buf *b, const int64_t *numbers, size_t count, size_t width)
{
    align(b, 8, 4);
    size_t start = b->size;
    put(b, count / width, 4);
    for (size_t i = 0; i < count; i++)
        put(b, (uint64_t)numbers[i], 8);
    return start;
}

/* The outermost table, whose head has the length of the body to come. */
static size_t put_message(silt_buf *b, int head, slot slots[4])
{
    put(b, 0, 4);
    slots[0] = (slot){2, VERSION_5, 0};
    slots[1] = (slot){1, (uint64_t)head, 0};
    slots[2] = (slot)OFFSET;
    slots[3] = (slot){8, 0, 0};
    lead_to(b, 0, put_table(b, slots, 4));
    return slots[2].at;
}

/* ---- types ----------------------------------------------------------------------------------- */

/* How a type's values lie in an array. */
typedef enum layout {
    LAYOUT_NULL,
    LAYOUT_BITS,
    LAYOUT_FIXED, /* `width` bytes a value */
    LAYOUT_TEXT,  /* 32-bit offsets, bytes */
    LAYOUT_LARGE, /* 64-bit offsets, bytes */
    LAYOUT_VIEW,
    LAYOUT_LIST, /* 32-bit offsets, a child */
    LAYOUT_LARGE_LIST,
    LAYOUT_STRUCT
} layout;

typedef struct form {
    const char *format; /* with ':' or ',' at its end: its beginning */
    enum type_id id;
    layout layout;
    size_t width;
    uint64_t number; /* bits, precision or unit */
} form;

static const form forms[] = {
    {"n", ID_NULL, LAYOUT_NULL, 0, 0},          {"b", ID_BOOL, LAYOUT_BITS, 0, 0},
    {"c", ID_INT, LAYOUT_FIXED, 1, 8},          {"s", ID_INT, LAYOUT_FIXED, 2, 16},
    {"i", ID_INT, LAYOUT_FIXED, 4, 32},         {"l", ID_INT, LAYOUT_FIXED, 8, 64},
    {"f", ID_FLOAT, LAYOUT_FIXED, 4, 1},        {"g", ID_FLOAT, LAYOUT_FIXED, 8, 2},
    {"u", ID_UTF8, LAYOUT_TEXT, 4, 0},          {"U", ID_LARGE_UTF8, LAYOUT_LARGE, 8, 0},
    {"z", ID_BINARY, LAYOUT_TEXT, 4, 0},        {"Z", ID_LARGE_BINARY, LAYOUT_LARGE, 8, 0},
    {"vu", ID_UTF8_VIEW, LAYOUT_VIEW, 16, 0},   {"vz", ID_BINARY_VIEW, LAYOUT_VIEW, 16, 0},
    {"d:", ID_DECIMAL, LAYOUT_FIXED, 16, 0},    {"tdD", ID_DATE, LAYOUT_FIXED, 4, 0},
    {"tss:", ID_TIMESTAMP, LAYOUT_FIXED, 8, 0}, {"tsm:", ID_TIMESTAMP, LAYOUT_FIXED, 8, 1},
    {"tsu:", ID_TIMESTAMP, LAYOUT_FIXED, 8, 2}, {"tsn:", ID_TIMESTAMP, LAYOUT_FIXED, 8, 3},
    {"+l", ID_LIST, LAYOUT_LIST, 4, 0},         {"+L", ID_LARGE_LIST, LAYOUT_LARGE_LIST, 8, 0},
    {"+m", ID_MAP, LAYOUT_LIST, 4, 0},          {"+s", ID_STRUCT, LAYOUT_STRUCT, 0, 0},
};

static const form *form_of(const char *format)
{
    for (size_t i = 0; i < SILT_COUNT(forms); i++) {
        const char *known = forms[i].format;
        size_t size = strlen(known);
        if (known[size - 1] == ':' ? strncmp(format, known, size) == 0 : strcmp(format, known) == 0)
            return &forms[i];
    }
    return NULL;
}

/* The table that says more of a type. */
static size_t put_type(silt_buf *b, const form *f, const struct ArrowSchema *s)
{
    slot slots[3] = {0};
    const char *rest = s->format + strlen(f->format);
    size_t count = 1;
    if (f->id == ID_INT) {
        slots[0] = (slot){4, f->number, 0};
        slots[count++] = (slot){1, 1, 0};
    } else if (f->id == ID_FLOAT || f->id == ID_DATE) {
        slots[0] = (slot){2, f->number, 0};
    } else if (f->id == ID_DECIMAL) {
        char *comma;
        slots[0] = (slot){4, (uint64_t)strtol(rest, &comma, 10), 0};
        slots[count++] = (slot){4, *comma ? (uint64_t)strtol(comma + 1, NULL, 10) : 0, 0};
        slots[count++] = (slot){4, 128, 0};
    } else if (f->id == ID_TIMESTAMP) {
        slots[0] = (slot){2, f->number, 0};
        if (*rest) slots[count++] = (slot)OFFSET;
    } else if (f->id == ID_MAP) {
        slots[0] = (slot){1, (s->flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0, 0};
    } else {
        count = 0;
    }
    size_t start = put_table(b, slots, count);
    if (f->id == ID_TIMESTAMP && *rest) lead_to(b, slots[1].at, put_text(b, rest, strlen(rest)));
    return start;
}

/* ---- the schema ------------------------------------------------------------------------------ */

static int32_t next_int(const char **at)
{
    int32_t number;
    memcpy(&number, *at, sizeof(number));
    *at += sizeof(number);
    return number;
}

/* Keys and values behind a field, such as the name of an extension type. */
static size_t put_metadata(silt_buf *b, const char *at)
{
    int32_t count = next_int(&at);
    size_t start = put_offsets(b, (size_t)count);
    for (int32_t i = 0; i < count; i++) {
        slot slots[2] = {OFFSET, OFFSET};
        lead_to(b, start + 4 + 4 * (size_t)i, put_table(b, slots, 2));
        for (size_t part = 0; part < 2; part++) {
            int32_t size = next_int(&at);
            lead_to(b, slots[part].at, put_text(b, at, (size_t)size));
            at += size;
        }
    }
    return start;
}

static silt_status put_fields(silt_buf *b, const struct ArrowSchema *parent, size_t depth,
                              size_t *start, silt_error *err);

static silt_status put_field(silt_buf *b, const struct ArrowSchema *s, size_t depth, size_t *start,
                             silt_error *err)
{
    const form *f = form_of(s->format);
    const char *name = s->name ? s->name : "";
    if (!f || s->dictionary || depth > DEPTH_MAX)
        return silt_fail(err, SILT_UNSUPPORTED, "column %s: type %s can't be written as Arrow",
                         name, s->format);
    slot slots[7] = {OFFSET,
                     {1, (s->flags & ARROW_FLAG_NULLABLE) != 0, 0},
                     {1, (uint64_t)f->id, 0},
                     OFFSET,
                     {0, 0, 0},
                     OFFSET,
                     {s->metadata ? 4 : 0, 0, 0}};
    size_t children = 0;
    *start = put_table(b, slots, 7);
    lead_to(b, slots[0].at, put_text(b, name, strlen(name)));
    lead_to(b, slots[3].at, put_type(b, f, s));
    SILT_TRY(put_fields(b, s, depth + 1, &children, err));
    lead_to(b, slots[5].at, children);
    if (s->metadata) lead_to(b, slots[6].at, put_metadata(b, s->metadata));
    return SILT_OK;
}

static silt_status put_fields(silt_buf *b, const struct ArrowSchema *parent, size_t depth,
                              size_t *start, silt_error *err)
{
    *start = put_offsets(b, (size_t)parent->n_children);
    for (int64_t i = 0; i < parent->n_children; i++) {
        size_t field = 0;
        SILT_TRY(put_field(b, parent->children[i], depth, &field, err));
        lead_to(b, *start + 4 + 4 * (size_t)i, field);
    }
    return SILT_OK;
}

static silt_status put_schema(silt_buf *b, const struct ArrowSchema *schema, silt_error *err)
{
    slot message[4], slots[2] = {{2, __BYTE_ORDER == __BIG_ENDIAN, 0}, OFFSET};
    size_t head = put_message(b, HEAD_SCHEMA, message), fields = 0;
    lead_to(b, head, put_table(b, slots, 2));
    SILT_TRY(put_fields(b, schema, 0, &fields, err));
    lead_to(b, slots[1].at, fields);
    return SILT_OK;
}

/* ---- batches --------------------------------------------------------------------------------- */

typedef struct part {
    const void *data; /* NULL: zeros */
    size_t size;
} part;

typedef SILT_VEC(int64_t) longs;

/* The pieces of a batch, in the order of its fields; reused from one to the next. */
typedef struct batch {
    longs nodes;   /* length, nulls */
    longs buffers; /* offset, size */
    longs views;   /* buffers of data behind each array of views */
    SILT_VEC(part) parts;
    int64_t body;
    bool failed;
} batch;

static void batch_release(batch *b)
{
    silt_vec_free(&b->nodes);
    silt_vec_free(&b->buffers);
    silt_vec_free(&b->views);
    silt_vec_free(&b->parts);
}

static void add_part(batch *b, const void *data, size_t size)
{
    b->failed = b->failed || !silt_vec_push(&b->buffers, b->body) ||
                !silt_vec_push(&b->buffers, (int64_t)size) ||
                !silt_vec_push(&b->parts, ((part){data, size}));
    b->body += (int64_t)((size + 7) / 8 * 8);
}

static int64_t count_nulls(const struct ArrowArray *a, int64_t rows)
{
    if (a->n_buffers == 0 || !a->buffers[0]) return 0;
    int64_t nulls = 0;
    for (int64_t i = 0; i < rows; i++)
        nulls += !silt_arrow_bit(a->buffers[0], (size_t)i);
    return nulls;
}

/* The last of `rows` + 1 offsets; an array without values may have none. */
static size_t last_offset(const struct ArrowArray *a, size_t rows, size_t width)
{
    const char *offsets = a->buffers[1];
    int32_t small;
    int64_t large;
    if (!offsets) return 0;
    if (width == 4) {
        memcpy(&small, offsets + rows * width, width);
        return (size_t)small;
    }
    memcpy(&large, offsets + rows * width, width);
    return (size_t)large;
}

static void add_views(batch *b, const struct ArrowArray *a, size_t rows)
{
    add_part(b, a->buffers[1], rows * 16);
    int64_t more = a->n_buffers - 3; /* the last one has the sizes of these */
    b->failed = b->failed || !silt_vec_push(&b->views, more < 0 ? 0 : more);
    for (int64_t i = 0; i < more; i++)
        add_part(b, a->buffers[2 + i], (size_t)((const int64_t *)a->buffers[a->n_buffers - 1])[i]);
}

static silt_status add_array(batch *b, const struct ArrowSchema *s, const struct ArrowArray *a,
                             int64_t rows, silt_error *err)
{
    const form *f = form_of(s->format);
    if (a->offset != 0)
        return silt_fail(err, SILT_UNSUPPORTED, "column %s: an Arrow array with an offset",
                         s->name ? s->name : "");
    size_t n = (size_t)rows;
    int64_t nulls = f->layout == LAYOUT_NULL ? rows : a->null_count;
    if (nulls < 0) nulls = count_nulls(a, rows);
    b->failed = b->failed || !silt_vec_push(&b->nodes, rows) || !silt_vec_push(&b->nodes, nulls);
    if (f->layout == LAYOUT_NULL) return SILT_OK;
    add_part(b, a->buffers[0], nulls ? (n + 7) / 8 : 0);
    size_t end =
        f->layout >= LAYOUT_LIST && f->layout != LAYOUT_STRUCT ? last_offset(a, n, f->width) : n;
    if (f->layout == LAYOUT_BITS) add_part(b, a->buffers[1], (n + 7) / 8);
    if (f->layout == LAYOUT_FIXED) add_part(b, a->buffers[1], n * f->width);
    if (f->layout == LAYOUT_VIEW) add_views(b, a, n);
    if (f->layout == LAYOUT_TEXT || f->layout == LAYOUT_LARGE) {
        add_part(b, a->buffers[1], (n + 1) * f->width);
        add_part(b, a->buffers[2], last_offset(a, n, f->width));
    }
    if (f->layout == LAYOUT_LIST || f->layout == LAYOUT_LARGE_LIST)
        add_part(b, a->buffers[1], (n + 1) * f->width);
    for (int64_t i = 0; i < s->n_children; i++)
        SILT_TRY(add_array(b, s->children[i], a->children[i], (int64_t)end, err));
    return SILT_OK;
}

static silt_status put_batch(silt_buf *buf, batch *b, const struct ArrowSchema *schema,
                             const struct ArrowArray *rows, silt_error *err)
{
    b->nodes.count = b->buffers.count = b->views.count = b->parts.count = 0;
    b->body = 0;
    if (rows->offset != 0) return silt_fail(err, SILT_UNSUPPORTED, "an Arrow batch with an offset");
    for (int64_t i = 0; i < schema->n_children; i++)
        SILT_TRY(add_array(b, schema->children[i], rows->children[i], rows->length, err));
    slot message[4], slots[5] = {{8, (uint64_t)rows->length, 0}, OFFSET, OFFSET, {0, 0, 0}, OFFSET};
    if (!b->views.count) slots[4].size = 0;
    size_t head = put_message(buf, HEAD_BATCH, message);
    lead_to(buf, head, put_table(buf, slots, 5));
    lead_to(buf, slots[1].at, put_longs(buf, b->nodes.items, b->nodes.count, 2));
    lead_to(buf, slots[2].at, put_longs(buf, b->buffers.items, b->buffers.count, 2));
    if (b->views.count)
        lead_to(buf, slots[4].at, put_longs(buf, b->views.items, b->views.count, 1));
    set(buf, message[3].at, (uint32_t)b->body);
    set(buf, message[3].at + 4, (uint32_t)((uint64_t)b->body >> 32));
    return b->failed ? silt_fail_nomem(err) : SILT_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct sink {
    FILE *out;
    int error; /* errno of the first write that failed */
} sink;

static void give(sink *to, const void *data, size_t size)
{
    if (!to->error && size && fwrite(data, 1, size, to->out) != size)
        to->error = errno ? errno : EIO;
}

static void give_zeros(sink *to, size_t size)
{
    static const char zeros[64];
    for (size_t some; size; size -= some) {
        some = size < sizeof(zeros) ? size : sizeof(zeros);
        give(to, zeros, some);
    }
}

static void give_lead(sink *to, size_t size)
{
    const uint32_t lead[2] = {UINT32_MAX, htole32((uint32_t)size)};
    give(to, lead, sizeof(lead));
}

/* A message's head with its length in front, filled up to 8 bytes. */
static silt_status give_head(sink *to, silt_buf *head, silt_error *err)
{
    align(head, 8, 0);
    if (head->failed) return silt_fail_nomem(err);
    give_lead(to, head->size);
    give(to, head->data, head->size);
    return SILT_OK;
}

static void give_body(sink *to, const batch *b)
{
    for (size_t i = 0; i < b->parts.count; i++) {
        const part *p = &b->parts.items[i];
        if (p->data)
            give(to, p->data, p->size);
        else
            give_zeros(to, p->size);
        give_zeros(to, (8 - p->size % 8) % 8);
    }
}

static silt_status fail_stream(struct ArrowArrayStream *rows, int code, silt_error *err)
{
    const char *why = rows->get_last_error(rows);
    silt_status st = code == ENOMEM ? SILT_NOMEM : code == EINTR ? SILT_INTERRUPTED : SILT_FAILED;
    return silt_fail(err, st, "%s", why ? why : "the rows can't be read");
}

static silt_status write_rows(sink *to, struct ArrowArrayStream *rows, int64_t *count,
                              silt_error *err)
{
    SILT_CLEAN(silt_buf) head = {0};
    SILT_CLEAN(batch) b = {0};
    SILT_CLEAN(silt_arrow_schema) schema = {0};
    int failed = rows->get_schema(rows, &schema);
    if (failed) return fail_stream(rows, failed, err);
    SILT_TRY(put_schema(&head, &schema, err));
    SILT_TRY(give_head(to, &head, err));
    while (!to->error) {
        struct ArrowArray array = {0};
        failed = rows->get_next(rows, &array);
        if (failed) return fail_stream(rows, failed, err);
        if (!array.release) break;
        silt_buf_clear(&head);
        silt_status st = put_batch(&head, &b, &schema, &array, err);
        if (st == SILT_OK) st = give_head(to, &head, err);
        if (st == SILT_OK) give_body(to, &b);
        *count += array.length;
        silt_arrow_array_release(&array);
        SILT_TRY(st);
    }
    give_lead(to, 0);
    return SILT_OK;
}

silt_status silt_arrow_ipc_write(struct ArrowArrayStream *rows, const char *path,
                                 int64_t *row_count, silt_error *err)
{
    bool to_stdout = strcmp(path, "-") == 0;
    int64_t count = 0;
    int copy = to_stdout ? dup(STDOUT_FILENO) : -1;
    sink to = {.out = to_stdout ? (copy >= 0 ? fdopen(copy, "w") : NULL) : fopen(path, "we")};
    if (!to.out) {
        silt_fail_errno(err, errno, "%s can't be written", path);
        if (copy >= 0) (void)close(copy);
        return SILT_IO;
    }
    silt_status st = write_rows(&to, rows, &count, err);
    if (fclose(to.out) != 0 && !to.error) to.error = errno;
    if (st != SILT_OK) return st;
    if (to.error)
        return silt_fail_errno(err, to.error, "%s can't be written", to_stdout ? "output" : path);
    if (row_count) *row_count = count;
    return SILT_OK;
}
