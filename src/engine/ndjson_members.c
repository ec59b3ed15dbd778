/* A walk over the text of JSON objects that looks at names only: values are passed over by their
 * quotes and brackets, but for numbers that become long decimals. What the next name is likely to
 * be is known from the line before. */
#include "engine/ndjson_members.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/json.h"
#include "engine/text_file.h"

#define DOUBLE_DIGITS  15                 /* so many a double keeps, whatever they are */
#define LINE_MAX_BYTES (64 * 1024 * 1024) /* far more than the reader takes */

typedef struct node node;

typedef struct member {
    const char *name; /* as it is between its quotes */
    size_t size;
    const char *text; /* unescaped */
    bool known;
    bool decimal; /* its numbers, in arrays and maps too, become decimals of many digits */
    node *within; /* NULL: it isn't looked into */
} member;

/* The members of the objects in one place. */
struct node {
    const silt_type *type; /* STRUCT; NULL: nothing is known */
    size_t arrays;         /* how many arrays are around it */
    bool is_map;           /* its names are data; the values are `values` */
    node *values;
    SILT_VEC(member *) members; /* in the order of a line */
    silt_map64 *by_name;
};

struct silt_ndjson_members {
    silt_arena *arena;
    node *top;
    size_t count; /* of names, everywhere */
    SILT_VEC(node *) nodes;
    /* ---- of the file at work */
    silt_buf rest; /* of a line that goes on in the next piece */
    bool at_start, skipping;
    int64_t line;
    char inexact[300];  /* the first number that can't be kept; empty: none */
    silt_status failed; /* NOMEM, BAD_DATA: too many names */
};

/* ---- what is known */

static node *node_of(silt_ndjson_members *m, const silt_type *type)
{
    size_t arrays = 0;
    for (; type && type->kind == SILT_TYPE_ARRAY; type = type->element)
        arrays++;
    bool is_map = type && type->kind == SILT_TYPE_MAP;
    if (type && type->kind != SILT_TYPE_STRUCT && !is_map) return NULL;
    node *n = silt_arena_calloc(m->arena, 1, sizeof(*n));
    if (n) n->by_name = silt_map64_new();
    if (!n || !n->by_name || !silt_vec_push(&m->nodes, n)) {
        if (n) silt_map64_free(n->by_name);
        m->failed = SILT_NOMEM;
        return NULL;
    }
    n->type = is_map ? NULL : type;
    n->arrays = arrays;
    n->is_map = is_map;
    if (is_map) n->values = node_of(m, type->element);
    return n;
}

/* In numbers of more digits than a double has, which DuckDB's reader makes of them. */
static bool has_long_decimals(const silt_type *type)
{
    while (type->kind == SILT_TYPE_ARRAY || type->kind == SILT_TYPE_MAP)
        type = type->element;
    return type->kind == SILT_TYPE_DECIMAL && type->precision > DOUBLE_DIGITS;
}

/* "na\u006De" → "name"; what can't be unescaped stays as it is. */
static const char *unescape(silt_ndjson_members *m, const char *name, size_t size)
{
    if (!memchr(name, '\\', size)) return silt_arena_strndup(m->arena, name, size);
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_printf(&text, "\"%.*s\"", (int)size, name);
    const silt_json *json;
    silt_error harmless = {0};
    if (text.failed) return NULL;
    silt_status st = silt_json_parse(silt_buf_bytes(&text), m->arena, &json, &harmless);
    const char *plain = st == SILT_OK ? silt_json_string(json) : NULL;
    return plain ? plain : silt_arena_strndup(m->arena, name, size);
}

/* NULL: m->failed says why. */
static member *add_member(silt_ndjson_members *m, node *n, const char *name, size_t size)
{
    bool found;
    m->failed = SILT_NOMEM;
    member *x = silt_arena_calloc(m->arena, 1, sizeof(*x));
    if (!x) return NULL;
    x->name = silt_arena_strndup(m->arena, name, size);
    x->size = size;
    x->text = unescape(m, name, size);
    if (!x->name || !x->text) return NULL;
    void **slot = silt_map64_slot(n->by_name, x->name, size, &found);
    if (!slot || !silt_vec_push(&n->members, x)) return NULL;
    *slot = x;
    m->failed = m->count++ < SILT_NDJSON_MEMBERS_MAX ? SILT_OK : SILT_BAD_DATA;
    int at = n->type ? silt_type_find(n->type, x->text) : -1;
    x->known = at >= 0 || !n->type;
    if (at >= 0) x->within = node_of(m, n->type->fields[at].type);
    if (at >= 0) x->decimal = has_long_decimals(n->type->fields[at].type);
    return m->failed == SILT_OK ? x : NULL;
}

/* `*next`: which member of the line before comes next. */
static member *find_member(silt_ndjson_members *m, node *n, const char *name, size_t size,
                           size_t *next)
{
    if (*next < n->members.count) {
        member *likely = n->members.items[*next];
        if (likely->size == size && memcmp(likely->name, name, size) == 0) {
            ++*next;
            return likely;
        }
    }
    member *x = silt_map64_get(n->by_name, name, size);
    for (size_t i = 0; x && i < n->members.count && i < 64; i++)
        if (n->members.items[i] == x) *next = i + 1;
    if (x) return x;
    x = add_member(m, n, name, size);
    *next = n->members.count;
    return x;
}

/* ---- the walk: each returns where it got to, NULL where the text is no JSON */

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++;
    return p;
}

/* From behind the opening quote to the closing one. */
static const char *find_quote(const char *p, const char *end)
{
    /* Eight bytes at once: a byte of x is zero where the text has a quote (or a backslash). */
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
    while (p < end) {
        for (uint64_t w; end - p >= 8; p += 8) {
            memcpy(&w, p, 8);
            uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
            if (((quote - ones) & ~quote & highs) | ((slash - ones) & ~slash & highs)) break;
        }
        while (p < end && *p != '"' && *p != '\\')
            p++;
        if (p >= end) return NULL;
        if (*p == '"') return p;
        p += 2;
    }
    return NULL;
}

static const char *skip_nested(const char *p, const char *end)
{
    size_t depth = 0;
    for (; p < end; p++) {
        if (*p == '"') {
            p = find_quote(p + 1, end);
            if (!p) return NULL;
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if ((*p == '}' || *p == ']') && --depth == 0) {
            return p + 1;
        }
    }
    return NULL;
}

/* ---- numbers */

static bool is_of_number(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-';
}

/* How many digits a number has that count; 0: it is a whole one, which is kept as it is written. */
static size_t digits_of(const char *p, const char *end)
{
    size_t digits = 0, zeros = 0; /* zeros: at the end so far */
    bool whole = true;
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') whole = false;
        if (*p < '0' || *p > '9' || (*p == '0' && !digits)) continue;
        digits++;
        zeros = *p == '0' ? zeros + 1 : 0;
    }
    return whole && p == end ? 0 : digits - zeros;
}

static void look_at_numbers(silt_ndjson_members *m, const member *x, const char *p, const char *end)
{
    while (p && p < end && !m->inexact[0]) {
        if (*p == '"') p = find_quote(p + 1, end);
        if (!p) return;
        const char *start = p;
        while (p < end && is_of_number(*p))
            p++;
        if (p > start && digits_of(start, p) > DOUBLE_DIGITS)
            (void)snprintf(
                m->inexact, sizeof m->inexact,
                "line %" PRId64 ", column %.60s: %.*s has more digits than are kept of a "
                "number in JSON (%d); as a text, in quotes, it is loaded as it is",
                m->line, x->text, (int)(p - start < 60 ? p - start : 60), start, DOUBLE_DIGITS);
        if (p == start) p++;
    }
}

/* ---- objects */

static const char *walk_object(silt_ndjson_members *m, node *n, const char *p, const char *end);

/* Recursion is as deep as a type is: `arrays` may be around what is looked into. */
static const char *walk_value(silt_ndjson_members *m, node *within, size_t arrays, const char *p,
                              const char *end)
{
    if (p >= end) return NULL;
    if (*p == '"') {
        p = find_quote(p + 1, end);
        return p ? p + 1 : NULL;
    }
    if (*p == '{') return within && !arrays ? walk_object(m, within, p, end) : skip_nested(p, end);
    if (*p == '[') {
        if (!within || !arrays) return skip_nested(p, end);
        for (p = skip_space(p + 1, end); p < end && *p != ']';) {
            p = walk_value(m, within, arrays - 1, p, end);
            if (!p) return NULL;
            p = skip_space(p, end);
            if (p < end && *p == ',') p = skip_space(p + 1, end);
        }
        return p < end ? p + 1 : NULL;
    }
    const char *start = p;
    while (p < end && *p != ',' && *p != '}' && *p != ']' && *p != ' ' && *p != '\t' && *p != '\r')
        p++;
    return p > start ? p : NULL;
}

static const char *walk_object(silt_ndjson_members *m, node *n, const char *p, const char *end)
{
    size_t next = 0;
    p = skip_space(p + 1, end);
    if (p < end && *p == '}') return p + 1;
    while (p < end && *p == '"') {
        const char *name = p + 1, *last = find_quote(name, end);
        if (!last) return NULL;
        node *within = n->values;
        const member *x = NULL;
        if (!n->is_map) {
            x = find_member(m, n, name, (size_t)(last - name), &next);
            if (!x) return NULL;
            within = x->within;
        }
        p = skip_space(last + 1, end);
        if (p >= end || *p != ':') return NULL;
        const char *value = p = skip_space(p + 1, end);
        p = walk_value(m, within, within ? within->arrays : 0, p, end);
        if (!p) return NULL;
        if (x && x->decimal) look_at_numbers(m, x, value, p);
        p = skip_space(p, end);
        if (p < end && *p == '}') return p + 1;
        if (p >= end || *p != ',') return NULL;
        p = skip_space(p + 1, end);
    }
    return NULL;
}

static void walk_line(silt_ndjson_members *m, const char *p, const char *end)
{
    m->line++;
    if (m->at_start && end - p >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) p += 3;
    m->at_start = false;
    p = skip_space(p, end);
    if (p < end && *p == '{') (void)walk_object(m, m->top, p, end);
}

/* ---- files */

static void take_piece(void *ctx, silt_bytes bytes)
{
    silt_ndjson_members *m = ctx;
    const char *p = bytes.data, *end = bytes.data + bytes.size;
    while (p < end && m->failed == SILT_OK) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        const char *to = stop ? stop : end;
        bool goes_on = !stop;
        if (m->rest.size || goes_on) {
            if (!m->skipping) silt_buf_append(&m->rest, p, (size_t)(to - p));
            if (m->rest.failed) m->failed = SILT_NOMEM;
            if (m->rest.size > LINE_MAX_BYTES) {
                m->skipping = true;
                silt_buf_clear(&m->rest);
            }
            if (goes_on || m->failed != SILT_OK) return;
            if (!m->skipping) walk_line(m, m->rest.data, m->rest.data + m->rest.size);
            silt_buf_clear(&m->rest);
        } else if (!m->skipping) {
            walk_line(m, p, to);
        }
        m->line += m->skipping; /* nobody walked it */
        m->skipping = false;
        p = to + 1;
    }
}

silt_status silt_ndjson_members_scan(silt_ndjson_members *m, const silt_source_options *options,
                                     const char *path, silt_error *err)
{
    m->at_start = true;
    m->skipping = false;
    m->line = 0;
    m->inexact[0] = '\0';
    silt_buf_clear(&m->rest);
    SILT_TRY(silt_text_scan(options, path, take_piece, m, err));
    if (m->failed == SILT_OK && m->rest.size)
        walk_line(m, m->rest.data, m->rest.data + m->rest.size);
    silt_buf_clear(&m->rest);
    if (m->failed == SILT_NOMEM) return silt_fail_nomem(err);
    if (m->failed != SILT_OK)
        return silt_fail(err, m->failed, "its objects have more than %d different members",
                         SILT_NDJSON_MEMBERS_MAX);
    if (m->inexact[0]) return silt_fail(err, SILT_BAD_DATA, "%s", m->inexact);
    return SILT_OK;
}

silt_ndjson_members *silt_ndjson_members_new(const silt_type *known)
{
    silt_ndjson_members *m = calloc(1, sizeof(*m));
    if (!m) return NULL;
    m->arena = silt_arena_new();
    if (m->arena) m->top = node_of(m, known);
    if (m->top) return m;
    silt_ndjson_members_free(m);
    return NULL;
}

void silt_ndjson_members_free(silt_ndjson_members *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->nodes.count; i++) {
        silt_vec_free(&m->nodes.items[i]->members);
        silt_map64_free(m->nodes.items[i]->by_name);
    }
    silt_vec_free(&m->nodes);
    silt_buf_release(&m->rest);
    silt_arena_free(m->arena);
    free(m);
}

/* ---- what was found */

typedef struct name_list {
    silt_arena *arena;
    SILT_VEC(const char *) names;
} name_list;

static silt_status give(name_list *list, const char *const **out, size_t *count, silt_error *err)
{
    const char **names = silt_arena_calloc(list->arena, list->names.count + 1, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    if (list->names.count) memcpy(names, list->names.items, list->names.count * sizeof(*names));
    *out = names;
    *count = list->names.count;
    return SILT_OK;
}

silt_status silt_ndjson_members_top(const silt_ndjson_members *m, silt_arena *arena,
                                    const char *const **out, size_t *count, silt_error *err)
{
    name_list list = {.arena = arena};
    silt_status st = SILT_OK;
    for (size_t i = 0; st == SILT_OK && i < m->top->members.count; i++) {
        const char *name = silt_arena_strdup(arena, m->top->members.items[i]->text);
        if (!name || !silt_vec_push(&list.names, name)) st = silt_fail_nomem(err);
    }
    if (st == SILT_OK) st = give(&list, out, count, err);
    silt_vec_free(&list.names);
    return st;
}

static silt_status gather(const node *n, const char *path, name_list *list)
{
    if (n->is_map) return n->values ? gather(n->values, path, list) : SILT_OK;
    for (size_t i = 0; i < n->members.count; i++) {
        const member *x = n->members.items[i];
        const char *name = path ? silt_arena_printf(list->arena, "%s.%s", path, x->text) : x->text;
        if (!name) return SILT_NOMEM;
        if (path && !x->known && !silt_vec_push(&list->names, name)) return SILT_NOMEM;
        if (x->within) SILT_TRY(gather(x->within, name, list));
    }
    return SILT_OK;
}

silt_status silt_ndjson_members_beyond(const silt_ndjson_members *m, silt_arena *arena,
                                       const char *const **out, size_t *count, silt_error *err)
{
    name_list list = {.arena = arena};
    silt_status st = gather(m->top, NULL, &list) == SILT_OK ? SILT_OK : silt_fail_nomem(err);
    if (st == SILT_OK) st = give(&list, out, count, err);
    silt_vec_free(&list.names);
    return st;
}
