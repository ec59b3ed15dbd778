/* Footers of Parquet files: Thrift's compact protocol, as far as the schema.
 * @see parquet.thrift, "FileMetaData", "SchemaElement", "LogicalType"
 * @see Thrift, "Compact protocol" */
#include "engine/parquet_schema.h"
#include "engine/thrift.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 400        /* a type of a table is 100 deep, three groups at most for each */
#define TAIL_SIZE (32 << 10) /* holds the footers of most files whole */

/* ---- files ----------------------------------------------------------------------------------- */

static silt_status not_parquet(const char *path, const char *why, silt_error *err)
{
    return silt_fail(err, SILT_CORRUPT, "%s: not a Parquet file that can be read: %s", path, why);
}

/* The list of schema elements within a footer; empty where the footer, or what there is of it, ends
 * before. */
static silt_bytes find_schema(const char *footer, size_t size)
{
    silt_thrift_reader r = {(const uint8_t *)footer, (const uint8_t *)footer + size, false};
    silt_thrift_field field = {0};
    while (silt_thrift_next(&r, &field)) {
        const uint8_t *start = r.at;
        silt_thrift_skip(&r, field.type, 0);
        if (r.failed) break;
        if (field.id == 2 && field.type == SILT_THRIFT_LIST)
            return (silt_bytes){(const char *)start, (size_t)(r.at - start)};
    }
    return (silt_bytes){0};
}

static silt_status read_at(int fd, const char *path, off_t from, size_t size, silt_buf *out,
                           silt_error *err)
{
    char chunk[TAIL_SIZE];
    silt_buf_clear(out);
    while (out->size < size) {
        size_t wanted = size - out->size < sizeof chunk ? size - out->size : sizeof chunk;
        ssize_t n = pread(fd, chunk, wanted, from + (off_t)out->size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return silt_fail_errno(err, errno, "%s", path);
        if (n == 0) return not_parquet(path, "it became shorter while it was read", err);
        silt_buf_append(out, chunk, (size_t)n);
        if (out->failed) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

static uint32_t little_endian(const char *bytes)
{
    const uint8_t *b = (const uint8_t *)bytes;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* The file's last bytes in `tail`, and the size of its footer, which may start before these. */
static silt_status read_tail(int fd, const char *path, silt_buf *tail, off_t *file_size,
                             size_t *footer_size, silt_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0) return silt_fail_errno(err, errno, "%s", path);
    if (S_ISDIR(info.st_mode)) return not_parquet(path, "it is a folder", err);
    if (info.st_size < 12) return not_parquet(path, "it is too short", err);
    size_t size = info.st_size < TAIL_SIZE ? (size_t)info.st_size : TAIL_SIZE;
    SILT_TRY(read_at(fd, path, info.st_size - (off_t)size, size, tail, err));
    const char *end = tail->data + tail->size;
    if (memcmp(end - 4, "PARE", 4) == 0)
        return silt_fail(err, SILT_UNSUPPORTED, "%s: encrypted Parquet files can't be read", path);
    if (memcmp(end - 4, "PAR1", 4) != 0)
        return not_parquet(path, "it doesn't end as one, perhaps it was cut off", err);
    *footer_size = little_endian(end - 8);
    *file_size = info.st_size;
    if (*footer_size + 8 > (size_t)info.st_size)
        return not_parquet(path, "its footer is longer than the file", err);
    return SILT_OK;
}

static silt_status read_schema(int fd, const char *path, silt_buf *schema, silt_error *err)
{
    SILT_CLEAN(silt_buf) bytes = {0};
    off_t file_size;
    size_t size;
    SILT_TRY(read_tail(fd, path, &bytes, &file_size, &size, err));
    silt_bytes found = {0};
    if (size + 8 <= bytes.size) {
        found = find_schema(bytes.data + bytes.size - 8 - size, size);
    } else {
        /* The schema is the footer's beginning, and row groups make most of a large one. */
        off_t from = file_size - 8 - (off_t)size;
        for (size_t part = TAIL_SIZE; !found.size; part *= 8) {
            size_t wanted = part < size ? part : size;
            SILT_TRY(read_at(fd, path, from, wanted, &bytes, err));
            found = find_schema(bytes.data, bytes.size);
            if (wanted == size) break;
        }
    }
    if (!found.size) return not_parquet(path, "its footer has no schema", err);
    silt_buf_append(schema, found.data, found.size);
    return schema->failed ? silt_fail_nomem(err) : SILT_OK;
}

static silt_status read_footer(int fd, const char *path, silt_buf *footer, silt_error *err)
{
    SILT_CLEAN(silt_buf) bytes = {0};
    off_t file_size;
    size_t size;
    SILT_TRY(read_tail(fd, path, &bytes, &file_size, &size, err));
    if (size + 8 > bytes.size)
        return read_at(fd, path, file_size - 8 - (off_t)size, size, footer, err);
    silt_buf_clear(footer);
    silt_buf_append(footer, bytes.data + bytes.size - 8 - size, size);
    return footer->failed ? silt_fail_nomem(err) : SILT_OK;
}

typedef silt_status read_fn(int fd, const char *path, silt_buf *out, silt_error *err);

static silt_status read_file(const char *path, read_fn *read_part, silt_buf *out, silt_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return silt_fail_errno(err, errno, "%s", path);
    silt_status st = read_part(fd, path, out, err);
    close(fd);
    return st;
}

silt_status silt_parquet_schema_read(const char *path, silt_buf *schema, silt_error *err)
{
    return read_file(path, read_schema, schema, err);
}

silt_status silt_parquet_footer_read(const char *path, silt_buf *footer, silt_error *err)
{
    return read_file(path, read_footer, footer, err);
}

silt_bytes silt_parquet_footer_schema(silt_bytes footer)
{
    return find_schema(footer.data, footer.size);
}

/* ---- elements -------------------------------------------------------------------------------- */

enum { PHYSICAL_BOOLEAN, INT32, INT64, INT96, PHYSICAL_FLOAT, PHYSICAL_DOUBLE, BYTES, FIXED_BYTES };
enum { REPEATED = 2 };

/* parquet.thrift's ConvertedType. */
enum {
    CONVERTED_UTF8 = 0,
    CONVERTED_MAP = 1,
    CONVERTED_MAP_KEY_VALUE = 2,
    CONVERTED_LIST = 3,
    CONVERTED_ENUM = 4,
    CONVERTED_DECIMAL = 5,
    CONVERTED_DATE = 6,
    CONVERTED_TIMESTAMP_MILLIS = 9,
    CONVERTED_TIMESTAMP_MICROS = 10,
    CONVERTED_UINT_8 = 11,
    CONVERTED_INT_64 = 18,
    CONVERTED_JSON = 19,
};

/* parquet.thrift's LogicalType, by field. */
enum {
    LOGICAL_STRING = 1,
    LOGICAL_MAP = 2,
    LOGICAL_LIST = 3,
    LOGICAL_ENUM = 4,
    LOGICAL_DECIMAL = 5,
    LOGICAL_DATE = 6,
    LOGICAL_TIMESTAMP = 8,
    LOGICAL_INTEGER = 10,
    LOGICAL_UNKNOWN = 11,
    LOGICAL_JSON = 12,
    LOGICAL_BSON = 13,
    LOGICAL_FLOAT16 = 15,
    LOGICAL_VARIANT = 16,
};

typedef struct element {
    silt_bytes name;
    int32_t type, repetition, converted, logical, child_count, id; /* -1: not there */
    int32_t precision, scale, bits, digits;
    bool is_unsigned, is_instant;
} element;

/* A union of milli-, micro- and nanoseconds, in this order. */
static int32_t read_digits(silt_thrift_reader *r)
{
    int32_t digits = 0;
    silt_thrift_field field = {0};
    while (silt_thrift_next(r, &field)) {
        digits = field.id * 3;
        silt_thrift_skip(r, field.type, 0);
    }
    return digits;
}

/* The parameters of a logical type: of DECIMAL, INTEGER and TIMESTAMP are they of interest. */
static void read_parameters(silt_thrift_reader *r, element *e)
{
    silt_thrift_field field = {0};
    while (silt_thrift_next(r, &field)) {
        if (e->logical == LOGICAL_DECIMAL && field.type == SILT_THRIFT_I32) {
            int32_t value = silt_thrift_int32(r);
            if (field.id == 1)
                e->scale = value;
            else
                e->precision = value;
        } else if (e->logical == LOGICAL_INTEGER && field.type == SILT_THRIFT_BYTE) {
            e->bits = silt_thrift_byte(r);
        } else if (e->logical == LOGICAL_INTEGER && field.id == 2) {
            e->is_unsigned = field.type == SILT_THRIFT_FALSE;
        } else if (e->logical == LOGICAL_TIMESTAMP && field.id == 1) {
            e->is_instant = field.type == SILT_THRIFT_TRUE;
        } else if (e->logical == LOGICAL_TIMESTAMP && field.type == SILT_THRIFT_STRUCT) {
            e->digits = read_digits(r);
        } else {
            silt_thrift_skip(r, field.type, 0);
        }
    }
}

static void read_logical(silt_thrift_reader *r, element *e)
{
    silt_thrift_field field = {0};
    while (silt_thrift_next(r, &field)) {
        e->logical = field.id;
        if (field.type == SILT_THRIFT_STRUCT)
            read_parameters(r, e);
        else
            silt_thrift_skip(r, field.type, 0);
    }
}

static void read_element(silt_thrift_reader *r, element *e)
{
    *e = (element){.type = -1,
                   .repetition = -1,
                   .converted = -1,
                   .logical = -1,
                   .child_count = -1,
                   .id = -1,
                   .precision = 0};
    int32_t *const numbers[] = {
        [1] = &e->type,  [3] = &e->repetition, [5] = &e->child_count, [6] = &e->converted,
        [7] = &e->scale, [8] = &e->precision,  [9] = &e->id,
    };
    silt_thrift_field field = {0};
    while (silt_thrift_next(r, &field)) {
        bool number = field.type == SILT_THRIFT_I32 && field.id > 0 &&
                      field.id < (int32_t)SILT_COUNT(numbers) && numbers[field.id];
        if (number)
            *numbers[field.id] = silt_thrift_int32(r);
        else if (field.id == 4 && field.type == SILT_THRIFT_BINARY)
            e->name = silt_thrift_text(r);
        else if (field.id == 10 && field.type == SILT_THRIFT_STRUCT)
            read_logical(r, e);
        else
            silt_thrift_skip(r, field.type, 0);
    }
}

/* ---- leaves ---------------------------------------------------------------------------------- */

static void set_integer(silt_parquet_node *node, const element *e)
{
    node->kind = SILT_PARQUET_INTEGER;
    node->bits = e->type == INT64 ? 64 : 32;
    if (e->logical == LOGICAL_INTEGER && e->bits > 0) {
        node->bits = (uint8_t)e->bits;
        node->is_unsigned = e->is_unsigned;
    } else if (e->converted >= CONVERTED_UINT_8 && e->converted <= CONVERTED_INT_64) {
        static const uint8_t bits[] = {8, 16, 32, 64};
        node->bits = bits[(e->converted - CONVERTED_UINT_8) % 4];
        node->is_unsigned = e->converted < CONVERTED_UINT_8 + 4;
    }
}

static void set_timestamp(silt_parquet_node *node, const element *e)
{
    node->digits = (uint8_t)e->digits;
    node->is_instant = e->is_instant;
    if (e->logical >= 0) return;
    node->is_instant = true; /* what there was before annotations that say it */
    if (e->converted == CONVERTED_TIMESTAMP_MILLIS) node->digits = 3;
    if (e->converted == CONVERTED_TIMESTAMP_MICROS) node->digits = 6;
}

/* What an annotation says, whatever is below it; OTHER: nothing that is known. */
static silt_parquet_kind annotated_kind(const element *e)
{
    switch (e->logical) {
    case LOGICAL_STRING:
    case LOGICAL_ENUM:
    case LOGICAL_JSON:
        return SILT_PARQUET_STRING;
    case LOGICAL_BSON:
        return SILT_PARQUET_BINARY;
    case LOGICAL_DECIMAL:
        return SILT_PARQUET_DECIMAL;
    case LOGICAL_DATE:
        return SILT_PARQUET_DATE;
    case LOGICAL_TIMESTAMP:
        return SILT_PARQUET_TIMESTAMP;
    case LOGICAL_INTEGER:
        return SILT_PARQUET_INTEGER;
    case LOGICAL_UNKNOWN:
        return SILT_PARQUET_NOTHING;
    case LOGICAL_FLOAT16:
        return SILT_PARQUET_FLOAT;
    default:
        break;
    }
    switch (e->logical < 0 ? e->converted : -1) {
    case CONVERTED_UTF8:
    case CONVERTED_ENUM:
    case CONVERTED_JSON:
        return SILT_PARQUET_STRING;
    case CONVERTED_DECIMAL:
        return SILT_PARQUET_DECIMAL;
    case CONVERTED_DATE:
        return SILT_PARQUET_DATE;
    case CONVERTED_TIMESTAMP_MILLIS:
    case CONVERTED_TIMESTAMP_MICROS:
        return SILT_PARQUET_TIMESTAMP;
    default:
        return e->converted >= CONVERTED_UINT_8 && e->converted <= CONVERTED_INT_64
                   ? SILT_PARQUET_INTEGER
                   : SILT_PARQUET_OTHER;
    }
}

static void set_leaf(silt_parquet_node *node, const element *e)
{
    static const silt_parquet_kind plain[] = {
        [PHYSICAL_BOOLEAN] = SILT_PARQUET_BOOLEAN,
        [INT32] = SILT_PARQUET_INTEGER,
        [INT64] = SILT_PARQUET_INTEGER,
        [INT96] = SILT_PARQUET_TIMESTAMP,
        [PHYSICAL_FLOAT] = SILT_PARQUET_FLOAT,
        [PHYSICAL_DOUBLE] = SILT_PARQUET_DOUBLE,
        [BYTES] = SILT_PARQUET_BINARY,
        [FIXED_BYTES] = SILT_PARQUET_BINARY,
    };
    node->kind = annotated_kind(e);
    bool bare = e->logical < 0 && e->converted < 0;
    if (bare && e->type >= 0 && e->type < (int32_t)SILT_COUNT(plain)) node->kind = plain[e->type];
    if (node->kind == SILT_PARQUET_INTEGER) set_integer(node, e);
    if (node->kind == SILT_PARQUET_TIMESTAMP) set_timestamp(node, e);
    if (node->kind == SILT_PARQUET_DECIMAL)
        node->bits = e->type == INT32 ? 32 : e->type == INT64 ? 64 : 0;
    node->precision = e->precision;
    node->scale = e->scale;
}

/* ---- the tree -------------------------------------------------------------------------------- */

typedef struct builder {
    silt_thrift_reader r;
    silt_arena *arena;
    uint64_t left; /* elements not yet read */
    bool no_memory;
} builder;

static bool is_list(const element *e)
{
    return e->logical == LOGICAL_LIST || e->converted == CONVERTED_LIST;
}

static bool is_map(const element *e)
{
    return e->logical == LOGICAL_MAP || e->converted == CONVERTED_MAP ||
           e->converted == CONVERTED_MAP_KEY_VALUE;
}

/* A repeated group in a list is the element itself where it can't be the level between.
 * @see LogicalTypes.md, "Lists", "Backward-compatibility rules" */
static bool is_element(const silt_parquet_node *repeated, const char *list)
{
    if (repeated->kind != SILT_PARQUET_STRUCT || repeated->child_count != 1) return true;
    size_t size = strlen(list);
    return strcmp(repeated->name, "array") == 0 || (strncmp(repeated->name, list, size) == 0 &&
                                                    strcmp(repeated->name + size, "_tuple") == 0);
}

static const silt_parquet_node *pair(builder *b, const silt_parquet_node *key,
                                     const silt_parquet_node *value)
{
    silt_parquet_node *children = silt_arena_calloc(b->arena, 2, sizeof *children);
    if (!children) {
        b->no_memory = true;
        return NULL;
    }
    children[0] = *value;
    children[1] = *key;
    return children;
}

/* A group from its children, of which `repeated` says by place which stand any number of times. */
static void set_group(builder *b, silt_parquet_node *node, const element *e,
                      silt_parquet_node *children, const bool *repeated)
{
    node->kind = e->logical == LOGICAL_VARIANT ? SILT_PARQUET_VARIANT : SILT_PARQUET_STRUCT;
    node->children = children;
    node->child_count = (size_t)e->child_count;
    silt_parquet_node *only = node->child_count == 1 && repeated[0] ? &children[0] : NULL;
    if (only && is_list(e)) {
        node->kind = SILT_PARQUET_LIST;
        if (!is_element(only, node->name))
            node->children = only->children;
        else
            only->is_lifted = only->kind == SILT_PARQUET_STRUCT && only->child_count == 1;
        return;
    }
    if (only && is_map(e) && only->kind == SILT_PARQUET_STRUCT && only->child_count == 2) {
        node->kind = SILT_PARQUET_MAP;
        node->children = pair(b, &only->children[0], &only->children[1]);
        node->child_count = 2;
        return;
    }
    for (size_t i = 0; i < node->child_count; i++) { /* repeated fields outside of lists */
        if (!repeated[i]) continue;
        silt_parquet_node *item = silt_arena_calloc(b->arena, 1, sizeof *item);
        if (!item) {
            b->no_memory = true;
            return;
        }
        *item = children[i];
        item->is_lifted = item->kind == SILT_PARQUET_STRUCT && item->child_count == 1;
        children[i] = (silt_parquet_node){.name = item->name,
                                          .id = item->id,
                                          .kind = SILT_PARQUET_LIST,
                                          .children = item,
                                          .child_count = 1};
    }
}

static void build(builder *b, int depth, silt_parquet_node *node, bool *is_repeated)
{
    if (depth > DEPTH_MAX || b->left-- == 0) b->r.failed = true;
    element e;
    read_element(&b->r, &e);
    *is_repeated = e.repetition == REPEATED;
    /* Each takes a byte and more: what a broken file says can't be a reason to take much memory. */
    uint64_t most = (uint64_t)(b->r.end - b->r.at);
    if (most > b->left) most = b->left;
    if (e.child_count > 0 && (uint64_t)e.child_count > most) b->r.failed = true;
    if (b->r.failed || memchr(e.name.data ? e.name.data : "", 0, e.name.size)) {
        b->r.failed = true;
        return;
    }
    node->name = silt_arena_strndup(b->arena, e.name.data ? e.name.data : "", e.name.size);
    node->id = e.id;
    if (!node->name) b->no_memory = true;
    if (e.child_count < 0 || (e.child_count == 0 && e.type >= 0)) {
        set_leaf(node, &e);
        return;
    }
    size_t count = (size_t)e.child_count;
    silt_parquet_node *children = silt_arena_calloc(b->arena, count, sizeof *children);
    bool *repeated = silt_arena_calloc(b->arena, count, sizeof *repeated);
    if (!children || !repeated) b->no_memory = true;
    for (size_t i = 0; i < count && !b->no_memory && !b->r.failed; i++)
        build(b, depth + 1, &children[i], &repeated[i]);
    if (!b->no_memory && !b->r.failed) set_group(b, node, &e, children, repeated);
}

silt_status silt_parquet_schema_parse(silt_bytes schema, silt_arena *arena,
                                      const silt_parquet_node **out, silt_error *err)
{
    const uint8_t *start = (const uint8_t *)schema.data;
    builder b = {.r = {start, start + schema.size, false}, .arena = arena};
    uint8_t type = 0;
    b.left = silt_thrift_list(&b.r, &type);
    silt_parquet_node *root = silt_arena_calloc(arena, 1, sizeof *root);
    if (!root) return silt_fail_nomem(err);
    bool is_repeated;
    if (type != SILT_THRIFT_STRUCT) b.r.failed = true;
    if (!b.r.failed) build(&b, 0, root, &is_repeated);
    if (b.no_memory) return silt_fail_nomem(err);
    if (b.r.failed || b.left != 0)
        return silt_fail(err, SILT_CORRUPT, "the schema in its footer can't be understood");
    root->kind = SILT_PARQUET_STRUCT;
    *out = root;
    return SILT_OK;
}
