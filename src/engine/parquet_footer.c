/* Row groups in footers: counts and statistics.
 * @see parquet.thrift, "RowGroup", "ColumnMetaData", "Statistics", "ColumnOrder" */
#include "engine/parquet_footer.h"

#include <math.h>
#include <stdio.h>

#include "base/seam.h"
#include "engine/thrift.h"

#define DEPTH_MAX 64

/* Of one column chunk. */
typedef struct chunk {
    silt_bytes min, max; /* data NULL: none */
    bool is_legacy;      /* by the fields whose order isn't told */
    int64_t null_count;  /* -1: not told */
} chunk;

/* A leaf in the making. */
typedef struct leaf {
    const silt_parquet_node *node;
    const char **path;
    size_t depth;
    const char *min, *max;
    bool no_bounds;
    int64_t null_count;
} leaf;

typedef struct loading {
    silt_arena *arena;
    SILT_VEC(leaf) leaves; /* in the order of the file's columns; node NULL: in a list or map */
    const char *path[DEPTH_MAX];
    int64_t row_count, rows_of_groups;
    bool no_memory;
} loading;

/* ---- leaves in the order of columns ---------------------------------------------------------- */

static void add_leaf(loading *l, const silt_parquet_node *node, size_t depth)
{
    leaf one = {.node = node, .depth = depth};
    if (node) {
        one.path = silt_arena_calloc(l->arena, depth, sizeof(*one.path));
        if (!one.path) {
            l->no_memory = true;
            return;
        }
        memcpy(one.path, l->path, depth * sizeof(*one.path));
    }
    if (!silt_vec_push(&l->leaves, one)) l->no_memory = true;
}

static void collect(loading *l, const silt_parquet_node *node, size_t depth, bool repeated)
{
    if (node->child_count == 0) {
        add_leaf(l, repeated || depth > DEPTH_MAX ? NULL : node, depth);
        return;
    }
    bool within = repeated || node->kind != SILT_PARQUET_STRUCT || depth >= DEPTH_MAX;
    /* A map's value stands before its key; in the file it is the other way round. */
    for (size_t i = 0; i < node->child_count; i++) {
        size_t at = node->kind == SILT_PARQUET_MAP ? node->child_count - 1 - i : i;
        if (!within) l->path[depth] = node->children[at].name;
        collect(l, &node->children[at], depth + 1, within);
    }
}

/* ---- values as text -------------------------------------------------------------------------- */

static int64_t little_endian(silt_bytes b)
{
    uint64_t value = 0;
    for (size_t i = b.size; i-- > 0;)
        value = value << 8 | (uint8_t)b.data[i];
    return b.size == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
}

/* Two's complement, as many bytes as the file's type has; plain INT32 and INT64 come the other way
 * round. */
static const char *decimal_text(silt_bytes b, bool is_big_endian, int scale, silt_arena *arena)
{
    if (!b.size || b.size > 16) return NULL;
    unsigned __int128 bits = 0;
    for (size_t i = 0; i < b.size; i++)
        bits = bits << 8 | (uint8_t)b.data[is_big_endian ? i : b.size - 1 - i];
    unsigned drop = 128 - 8 * (unsigned)b.size;
    __int128 value = (__int128)(bits << drop) >> drop;
    bool negative = value < 0;
    unsigned __int128 left = negative ? -(unsigned __int128)value : (unsigned __int128)value;
    char digits[48];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    for (int i = 0; left || i <= scale; i++) {
        if (scale && i == scale) digits[--at] = '.';
        digits[--at] = (char)('0' + (int)(left % 10));
        left /= 10;
    }
    if (negative) digits[--at] = '-';
    return silt_arena_strdup(arena, digits + at);
}

static const char *integer_text(const silt_parquet_node *n, silt_bytes b, silt_arena *arena)
{
    if (b.size != 4 && b.size != 8) return NULL;
    int64_t value = little_endian(b);
    if (!n->is_unsigned) return silt_arena_printf(arena, "%" PRId64, value);
    uint64_t bits = b.size == 4 ? (uint32_t)value : (uint64_t)value;
    return silt_arena_printf(arena, "%" PRIu64, bits);
}

/* Rounded away from the values where µs are too coarse. */
static const char *time_text(const silt_parquet_node *n, silt_bytes b, bool is_max,
                             silt_arena *arena)
{
    char text[SILT_TIME_SIZE];
    if (b.size != 8 || !n->digits) return NULL;
    int64_t value = little_endian(b), us = value;
    if (n->digits == 3 && __builtin_mul_overflow(value, 1000, &us)) return NULL;
    if (n->digits == 9) {
        us = value / 1000;
        if (value % 1000 < 0 && !is_max) us--;
        if (value % 1000 > 0 && is_max) us++;
    }
    if (us < INT64_C(-62135596800000000) || us > INT64_C(253402300799999999)) return NULL;
    silt_time_format_us(us, text);
    return silt_arena_strdup(arena, text);
}

/* As many digits as tell the value from all others. */
static const char *real_text(silt_bytes b, silt_arena *arena)
{
    float f;
    double d;
    if (b.size == sizeof f) {
        memcpy(&f, b.data, sizeof f);
        return isfinite(f) ? silt_arena_printf(arena, "%.9g", (double)f) : NULL;
    }
    if (b.size != sizeof d) return NULL;
    memcpy(&d, b.data, sizeof d);
    return isfinite(d) ? silt_arena_printf(arena, "%.17g", d) : NULL;
}

/* NULL: no bound. */
static const char *value_text(const silt_parquet_node *n, const chunk *c, bool is_max,
                              silt_arena *arena)
{
    silt_bytes b = is_max ? c->max : c->min;
    char date[SILT_DATE_SIZE];
    if (!b.data) return NULL;
    switch (n->kind) {
    case SILT_PARQUET_INTEGER:
        return c->is_legacy && n->is_unsigned ? NULL : integer_text(n, b, arena);
    case SILT_PARQUET_DATE:
        if (b.size != 4) return NULL;
        int64_t days = little_endian(b);
        if (days < -719162 || days > 2932896) return NULL;
        silt_date_format(days, date);
        return silt_arena_strdup(arena, date);
    case SILT_PARQUET_TIMESTAMP:
        return time_text(n, b, is_max, arena);
    case SILT_PARQUET_DECIMAL:
        if (c->is_legacy && !n->bits) return NULL;
        return decimal_text(b, !n->bits, n->scale, arena);
    case SILT_PARQUET_FLOAT:
    case SILT_PARQUET_DOUBLE:
        return real_text(b, arena);
    case SILT_PARQUET_STRING:
        if (c->is_legacy || memchr(b.data, 0, b.size)) return NULL;
        return silt_arena_strndup(arena, b.data, b.size);
    default:
        return NULL;
    }
}

static bool is_real(const silt_parquet_node *n)
{
    return n->kind == SILT_PARQUET_FLOAT || n->kind == SILT_PARQUET_DOUBLE;
}

/* Whether text `a` is less than `b`, both as value_text() gives them. */
static bool is_less(const silt_parquet_node *n, const char *a, const char *b)
{
    if (is_real(n)) return strtod(a, NULL) < strtod(b, NULL);
    if (n->kind != SILT_PARQUET_INTEGER && n->kind != SILT_PARQUET_DECIMAL) return strcmp(a, b) < 0;
    bool a_negative = *a == '-', b_negative = *b == '-';
    if (a_negative != b_negative) return a_negative;
    size_t a_size = strlen(a), b_size = strlen(b);
    int order = a_size != b_size ? (a_size < b_size ? -1 : 1) : strcmp(a, b);
    return a_negative ? order > 0 : order < 0;
}

static void note_chunk(loading *l, leaf *to, const chunk *c, int64_t rows)
{
    if (c->null_count < 0 || to->null_count < 0)
        to->null_count = -1;
    else
        to->null_count += c->null_count;
    if (to->no_bounds || rows == 0 || c->null_count == rows) return;
    const char *min = value_text(to->node, c, false, l->arena);
    const char *max = value_text(to->node, c, true, l->arena);
    if (!min || !max) {
        to->no_bounds = true;
        return;
    }
    if (!to->min || is_less(to->node, min, to->min)) to->min = min;
    if (!to->max || is_less(to->node, to->max, max)) to->max = max;
}

/* ---- the row groups -------------------------------------------------------------------------- */

static void read_statistics(silt_thrift_reader *r, chunk *out)
{
    silt_bytes bounds[7] = {{0}};
    silt_thrift_field field = {0};
    while (silt_thrift_next(r, &field)) {
        if (field.type == SILT_THRIFT_BINARY && field.id >= 1 && field.id <= 6)
            bounds[field.id] = silt_thrift_text(r);
        else if (field.id == 3 && field.type == SILT_THRIFT_I64)
            out->null_count = silt_thrift_int(r);
        else
            silt_thrift_skip(r, field.type, 0);
    }
    out->is_legacy = !bounds[5].data && !bounds[6].data;
    out->max = out->is_legacy ? bounds[1] : bounds[5];
    out->min = out->is_legacy ? bounds[2] : bounds[6];
}

static void read_column(silt_thrift_reader *r, chunk *out)
{
    silt_thrift_field field = {0}, inner = {0};
    *out = (chunk){.null_count = -1};
    while (silt_thrift_next(r, &field)) {
        if (field.id != 3 || field.type != SILT_THRIFT_STRUCT) {
            silt_thrift_skip(r, field.type, 0);
            continue;
        }
        inner = (silt_thrift_field){0};
        while (silt_thrift_next(r, &inner)) {
            if (inner.id == 12 && inner.type == SILT_THRIFT_STRUCT)
                read_statistics(r, out);
            else
                silt_thrift_skip(r, inner.type, 0);
        }
    }
}

/* Statistics come before the number of rows: they are kept until it is known. */
static void read_group(loading *l, silt_thrift_reader *r, chunk *chunks)
{
    uint64_t count = 0;
    int64_t rows = 0;
    uint8_t type;
    silt_thrift_field field = {0};
    while (silt_thrift_next(r, &field)) {
        if (field.id == 1 && field.type == SILT_THRIFT_LIST) {
            count = silt_thrift_list(r, &type);
            if (count != l->leaves.count || type != SILT_THRIFT_STRUCT) r->failed = true;
            for (uint64_t i = 0; i < count && !r->failed; i++)
                read_column(r, &chunks[i]);
        } else if (field.id == 3 && field.type == SILT_THRIFT_I64) {
            rows = silt_thrift_int(r);
        } else {
            silt_thrift_skip(r, field.type, 0);
        }
    }
    l->rows_of_groups += rows;
    for (uint64_t i = 0; i < count && !r->failed; i++)
        if (l->leaves.items[i].node) note_chunk(l, &l->leaves.items[i], &chunks[i], rows);
}

static bool read_groups(loading *l, silt_bytes footer)
{
    const uint8_t *start = (const uint8_t *)footer.data;
    silt_thrift_reader r = {start, start + footer.size, false};
    silt_thrift_field field = {0};
    uint8_t type;
    chunk *chunks = silt_arena_calloc(l->arena, l->leaves.count + 1, sizeof(*chunks));
    if (!chunks) l->no_memory = true;
    l->row_count = -1;
    while (!l->no_memory && silt_thrift_next(&r, &field)) {
        if (field.id == 3 && field.type == SILT_THRIFT_I64) {
            l->row_count = silt_thrift_int(&r);
        } else if (field.id == 4 && field.type == SILT_THRIFT_LIST) {
            uint64_t count = silt_thrift_list(&r, &type);
            for (uint64_t i = 0; i < count && !r.failed; i++)
                read_group(l, &r, chunks);
        } else {
            silt_thrift_skip(&r, field.type, 0);
        }
    }
    return !r.failed && l->row_count >= 0 && l->rows_of_groups == l->row_count;
}

static silt_status finish(loading *l, silt_parquet_footer *out, silt_error *err)
{
    silt_leaf_stats *stats = silt_arena_calloc(l->arena, l->leaves.count + 1, sizeof(*stats));
    if (l->no_memory || !stats) return silt_fail_nomem(err);
    out->leaf_count = 0;
    for (size_t i = 0; i < l->leaves.count; i++) {
        const leaf *f = &l->leaves.items[i];
        if (!f->node) continue;
        stats[out->leaf_count++] = (silt_leaf_stats){.path = f->path,
                                                     .path_count = f->depth,
                                                     .min = f->no_bounds ? NULL : f->min,
                                                     .max = f->no_bounds ? NULL : f->max,
                                                     .null_count = f->null_count,
                                                     .has_nan = is_real(f->node)};
    }
    out->leaves = stats;
    out->row_count = l->row_count;
    return SILT_OK;
}

silt_status silt_parquet_footer_load(const char *path, silt_arena *arena, silt_parquet_footer *out,
                                     silt_error *err)
{
    SILT_CLEAN(silt_buf) footer = {0};
    silt_parquet_footer made = {0};
    loading l = {.arena = arena};
    SILT_TRY(silt_parquet_footer_read(path, &footer, err));
    silt_bytes schema = silt_parquet_footer_schema(silt_buf_bytes(&footer));
    char *copy = silt_arena_alloc(arena, schema.size + 1);
    if (!copy) return silt_fail_nomem(err);
    if (schema.size) memcpy(copy, schema.data, schema.size);
    made.schema = (silt_bytes){copy, schema.size};
    silt_status st = silt_parquet_schema_parse(made.schema, arena, &made.root, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s", path);
    collect(&l, made.root, 0, false);
    bool whole = !l.no_memory && read_groups(&l, silt_buf_bytes(&footer));
    if (!whole && !l.no_memory)
        st = silt_fail(err, SILT_CORRUPT, "%s: its footer's row groups can't be understood", path);
    else
        st = finish(&l, &made, err);
    silt_vec_free(&l.leaves);
    if (st == SILT_OK) *out = made;
    return st;
}

/* ---- types ----------------------------------------------------------------------------------- */

static silt_status make(silt_arena *arena, silt_type type, const silt_type **out, silt_error *err)
{
    silt_type *made = silt_arena_alloc(arena, sizeof(*made));
    if (!made) return silt_fail_nomem(err);
    *made = type;
    *out = made;
    return SILT_OK;
}

static silt_status make_struct(const silt_parquet_node *node, silt_arena *arena,
                               const silt_type **out, const char **why, silt_error *err)
{
    silt_field *fields = silt_arena_calloc(arena, node->child_count + 1, sizeof(*fields));
    if (!fields) return silt_fail_nomem(err);
    for (size_t i = 0; i < node->child_count; i++) {
        fields[i] = (silt_field){node->children[i].name, NULL, true, "{}"};
        SILT_TRY(silt_parquet_type(&node->children[i], arena, &fields[i].type, why, err));
        if (!fields[i].type) return SILT_OK;
    }
    return make(
        arena,
        (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = node->child_count},
        out, err);
}

static silt_status make_nested(const silt_parquet_node *node, silt_arena *arena,
                               const silt_type **out, const char **why, silt_error *err)
{
    const silt_type *element, *key = NULL;
    bool is_map = node->kind == SILT_PARQUET_MAP;
    SILT_TRY(silt_parquet_type(&node->children[0], arena, &element, why, err));
    if (is_map) SILT_TRY(silt_parquet_type(&node->children[1], arena, &key, why, err));
    if (!element || (is_map && !key)) return SILT_OK;
    return make(arena,
                (silt_type){.kind = is_map ? SILT_TYPE_MAP : SILT_TYPE_ARRAY,
                            .contains_null = true,
                            .key = key,
                            .element = element},
                out, err);
}

static silt_type leaf_type(const silt_parquet_node *n, const char **why)
{
    static const silt_type_kind signed_kinds[] = {SILT_TYPE_BYTE, SILT_TYPE_SHORT,
                                                  SILT_TYPE_INTEGER, SILT_TYPE_LONG};
    int size = n->bits == 8 ? 0 : n->bits == 16 ? 1 : n->bits == 32 ? 2 : 3;
    switch (n->kind) {
    case SILT_PARQUET_BOOLEAN:
        return (silt_type){.kind = SILT_TYPE_BOOLEAN};
    case SILT_PARQUET_INTEGER:
        if (n->is_unsigned) *why = "unsigned integers";
        return (silt_type){.kind = signed_kinds[size]};
    case SILT_PARQUET_FLOAT:
        return (silt_type){.kind = SILT_TYPE_FLOAT};
    case SILT_PARQUET_DOUBLE:
        return (silt_type){.kind = SILT_TYPE_DOUBLE};
    case SILT_PARQUET_DECIMAL:
        if (n->precision < 1 || n->precision > 38 || n->scale < 0 || n->scale > n->precision)
            *why = "decimals of more than 38 digits";
        return (silt_type){.kind = SILT_TYPE_DECIMAL,
                           .precision = (uint8_t)n->precision,
                           .scale = (uint8_t)n->scale};
    case SILT_PARQUET_STRING:
        return (silt_type){.kind = SILT_TYPE_STRING};
    case SILT_PARQUET_BINARY:
        return (silt_type){.kind = SILT_TYPE_BINARY};
    case SILT_PARQUET_DATE:
        return (silt_type){.kind = SILT_TYPE_DATE};
    case SILT_PARQUET_TIMESTAMP:
        if (n->digits == 9) *why = "nanoseconds";
        return (silt_type){.kind = n->is_instant || !n->digits ? SILT_TYPE_TIMESTAMP
                                                               : SILT_TYPE_TIMESTAMP_NTZ};
    case SILT_PARQUET_VARIANT:
        return (silt_type){.kind = SILT_TYPE_VARIANT};
    case SILT_PARQUET_NOTHING:
        *why = "a column of nothing but nulls, without a type";
        return (silt_type){0};
    default:
        *why = "a type that tables don't have (a time of day, an interval, a UUID …)";
        return (silt_type){0};
    }
}

silt_status silt_parquet_type(const silt_parquet_node *node, silt_arena *arena,
                              const silt_type **out, const char **why, silt_error *err)
{
    *out = NULL;
    if (node->kind == SILT_PARQUET_STRUCT) return make_struct(node, arena, out, why, err);
    if (node->kind == SILT_PARQUET_LIST || node->kind == SILT_PARQUET_MAP)
        return make_nested(node, arena, out, why, err);
    const char *problem = NULL;
    silt_type type = leaf_type(node, &problem);
    if (problem) {
        *why = problem;
        return SILT_OK;
    }
    return make(arena, type, out, err);
}
