/* Stats of new files. A bound that isn't one is worse than none: whatever can't be said exactly or
 * wider is left out.
 * @see PROTOCOL.md, "Per-file Statistics" */
#include <math.h>

#include "base/json.h"
#include "base/seam.h"
#include "table/data.h"
#include "table/range.h"

#define INDEXED_COLUMNS 32
#define STRING_CHARS    32
#define DEPTH_MAX       64
#define LAST_MS         INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

typedef struct leaf {
    const silt_leaf_stats *stats; /* NULL: none, or not chosen */
    const char *min, *max;        /* as JSON; NULL: none */
} leaf;

typedef struct walk {
    const silt_staged_file *file;
    silt_names partition_columns;
    int64_t columns_left;      /* how many leaves are still chosen; -1: all */
    const silt_names *columns; /* chosen by name, as paths; NULL: by number */
    size_t column_count, near; /* where the last leaf's stats were found */
    const char *path[DEPTH_MAX], *physical[DEPTH_MAX]; /* the latter in files and stats */
    SILT_VEC(leaf) leaves;
    silt_arena *arena;
    bool failed;
} walk;

/* ---- bounds as JSON */

static const char *json_string(silt_bytes text, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_put_bytes(&w, text);
    return silt_buf_copy(&buf, arena);
}

/* Bytes of the first `chars` characters. */
static size_t prefix_size(silt_bytes text, size_t chars)
{
    size_t at = 0;
    for (size_t i = 0; i < chars && at < text.size; i++)
        at += silt_utf8_length(text.data + at, text.size - at);
    return at;
}

#define LAST_CHAR "\xF4\x8F\xBF\xBF" /* U+10FFFF */

static bool is_last_char(const char *text)
{
    return memcmp(text, LAST_CHAR, 4) == 0;
}

/* At most STRING_CHARS and one more that makes it greater than what was cut: DEL where that does,
 * else the last character there is. The cut moves on over characters that are that one. */
static const char *cut_max(silt_bytes text, silt_arena *arena)
{
    size_t at = prefix_size(text, STRING_CHARS);
    while (text.size - at >= 4 && is_last_char(text.data + at))
        at += 4;
    if (at > (size_t)STRING_CHARS * 8) return NULL; /* nothing but such: not worth its bytes */
    if (at >= text.size) return json_string(text, arena);
    const char *bump = (unsigned char)text.data[at] < 0x7F ? "\x7F" : LAST_CHAR;
    char *out = silt_arena_printf(arena, "%.*s%s", (int)at, text.data, bump);
    return out ? json_string(silt_bytes_of(out), arena) : NULL;
}

static const char *string_bound(const char *text, bool is_max, silt_arena *arena)
{
    silt_bytes all = silt_bytes_of(text);
    if (!silt_utf8_valid(all)) return NULL;
    size_t size = prefix_size(all, STRING_CHARS);
    if (size == all.size) return json_string(all, arena);
    return is_max ? cut_max(all, arena) : json_string((silt_bytes){text, size}, arena);
}

/* Milliseconds, away from the values that are bounded. */
static const char *timestamp_bound(const char *text, bool is_max, bool zone, silt_arena *arena)
{
    int64_t us;
    char out[SILT_TIME_SIZE];
    if (!silt_timestamp_parse(text, &us)) return NULL;
    int64_t ms = us / 1000;
    if (us % 1000 > 0 && is_max) ms++;
    if (us % 1000 < 0 && !is_max) ms--;
    if (ms > LAST_MS) return NULL;
    silt_time_format(ms * 1000, out);
    if (!zone) out[strlen(out) - 1] = '\0';
    return silt_arena_printf(arena, "\"%s\"", out);
}

static const char *date_bound(const char *text, silt_arena *arena)
{
    int64_t days;
    return silt_date_parse(text, &days) ? silt_arena_printf(arena, "\"%s\"", text) : NULL;
}

/* The engine's text is a JSON number, unless it is nan or inf. */
static const char *real_bound(const char *text, silt_arena *arena)
{
    const silt_json *value;
    if (silt_json_parse(silt_bytes_of(text), arena, &value, NULL) != SILT_OK) return NULL;
    bool number = silt_json_kind_of(value) == SILT_JSON_NUMBER;
    return number && isfinite(silt_json_double(value, NAN)) ? text : NULL;
}

/* With the digits that a double needs: once the column is widened to one, "0.1" is less than the
 * float that it stands for. */
static const char *float_bound(const char *text, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) exact = {0};
    silt_json_writer w = silt_json_writer_of(&exact);
    if (!real_bound(text, arena)) return NULL;
    silt_json_put_double(&w, (double)strtof(text, NULL));
    return silt_buf_copy(&exact, arena);
}

/* NULL: no bound. */
static const char *bound(const char *text, const silt_type *type, bool is_max, silt_arena *arena)
{
    int64_t whole;
    if (!text) return NULL;
    switch (type->kind) {
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        return silt_parse_int64(text, &whole) ? text : NULL;
    case SILT_TYPE_FLOAT:
        return float_bound(text, arena);
    case SILT_TYPE_DOUBLE:
        return real_bound(text, arena);
    case SILT_TYPE_DECIMAL:
        return real_bound(text, arena) && silt_decimal_valid(text) ? text : NULL;
    case SILT_TYPE_STRING:
        return string_bound(text, is_max, arena);
    case SILT_TYPE_DATE:
        return date_bound(text, arena);
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        return timestamp_bound(text, is_max, type->kind == SILT_TYPE_TIMESTAMP, arena);
    default:
        return NULL; /* booleans and bytes have no bounds by the protocol, nested ones no order */
    }
}

/* ---- which columns */

/* "a, b.c, `odd.name`.x" as paths; false: out of memory. Wrong text chooses what can be understood
 * of it. */
static bool parse_columns(const char *text, silt_arena *arena, const silt_names **out,
                          size_t *count)
{
    size_t size = strlen(text), paths = 0, parts = 0;
    silt_names *all = silt_arena_calloc(arena, size + 1, sizeof(*all));
    const char **names = silt_arena_calloc(arena, size + 1, sizeof(*names));
    char *copy = silt_arena_alloc(arena, 2 * size + 2);
    if (!all || !names || !copy) return false;
    const char *p = text;
    while (*p) {
        silt_names *path = &all[paths];
        path->items = names + parts;
        for (bool more = true; more;) {
            p += strspn(p, " ");
            const char *start = copy;
            bool quoted = *p == '`';
            for (p += quoted; *p && (quoted || !strchr(",.", *p)); p++) {
                if (quoted && *p == '`' && *++p != '`') break;
                *copy++ = *p;
            }
            while (!quoted && copy > start && copy[-1] == ' ')
                copy--;
            *copy++ = '\0';
            p += strspn(p, " ");
            names[parts++] = start;
            path->count++;
            more = *p == '.';
            p += more;
        }
        paths++;
        p += strcspn(p, ",");
        p += *p == ',';
    }
    *out = all;
    *count = paths;
    return true;
}

static bool under_a_column(const walk *w, size_t depth)
{
    for (size_t i = 0; i < w->column_count; i++) {
        const silt_names *column = &w->columns[i];
        size_t same = 0;
        while (same < column->count && same < depth &&
               strcmp(column->items[same], w->path[same]) == 0)
            same++;
        if (same == column->count) return true;
    }
    return false;
}

static bool chosen(walk *w, size_t depth)
{
    if (w->columns) return under_a_column(w, depth);
    if (w->columns_left < 0) return true;
    if (w->columns_left == 0) return false;
    w->columns_left--;
    return true;
}

static bool same_path(const walk *w, size_t depth, const silt_leaf_stats *stats)
{
    if (stats->path_count != depth) return false;
    for (size_t i = depth; i-- > 0;)
        if (strcmp(stats->path[i], w->physical[i]) != 0) return false;
    return true;
}

/* Leaves come in about the same order as the schema's: look near the last one first. */
static const silt_leaf_stats *find_stats(walk *w, size_t depth)
{
    size_t count = w->file->stats_count;
    for (size_t i = 0; i < count; i++) {
        size_t at = (w->near + i) % count;
        if (!same_path(w, depth, &w->file->stats[at])) continue;
        w->near = at + 1;
        return &w->file->stats[at];
    }
    return NULL;
}

/* What a field is called in files and stats. `fields` is NULL where that is its name. */
static const char *physical_name(const silt_type *type, const silt_physical *fields, size_t i)
{
    return fields ? fields[i].name : type->fields[i].name;
}

static const silt_physical *below(const silt_physical *fields, size_t i)
{
    return fields ? fields[i].children : NULL;
}

static void collect(walk *w, const silt_type *type, const silt_physical *fields, size_t depth)
{
    if (depth >= DEPTH_MAX) return;
    for (size_t i = 0; i < type->field_count; i++) {
        const silt_field *field = &type->fields[i];
        if (depth == 0 && silt_names_have(w->partition_columns, field->name)) continue;
        w->path[depth] = field->name;
        w->physical[depth] = physical_name(type, fields, i);
        if (field->type->kind == SILT_TYPE_STRUCT) {
            collect(w, field->type, below(fields, i), depth + 1);
            continue;
        }
        leaf l = {chosen(w, depth + 1) ? find_stats(w, depth + 1) : NULL, NULL, NULL};
        if (l.stats && !l.stats->has_nan) {
            l.min = bound(l.stats->min, field->type, false, w->arena);
            l.max = bound(l.stats->max, field->type, true, w->arena);
        }
        if (!silt_vec_push(&w->leaves, l)) w->failed = true;
    }
}

/* ---- writing */

typedef enum side { SIDE_MIN, SIDE_MAX, SIDE_NULLS } side;

static void write_leaf(silt_json_writer *json, const char *name, const leaf *l, side which)
{
    const char *text = which == SIDE_MIN ? l->min : l->max;
    if (which == SIDE_NULLS && l->stats && l->stats->null_count >= 0)
        silt_json_member_int(json, name, l->stats->null_count);
    if (which != SIDE_NULLS && text) silt_json_member_raw(json, name, text);
}

/* Leaves in the order of collect(); structs without any are left out. */
static size_t write_struct(const walk *w, const silt_type *type, const silt_physical *fields,
                           size_t depth, size_t next, side which, silt_json_writer *json)
{
    if (depth >= DEPTH_MAX) return next;
    for (size_t i = 0; i < type->field_count; i++) {
        const silt_field *field = &type->fields[i];
        if (depth == 0 && silt_names_have(w->partition_columns, field->name)) continue;
        const char *name = physical_name(type, fields, i);
        if (field->type->kind != SILT_TYPE_STRUCT) {
            write_leaf(json, name, &w->leaves.items[next++], which);
            continue;
        }
        size_t start = json->buf->size;
        bool comma = json->comma;
        silt_json_key(json, name);
        silt_json_begin_object(json);
        size_t empty = json->buf->size;
        next = write_struct(w, field->type, below(fields, i), depth + 1, next, which, json);
        bool nothing = json->buf->size == empty;
        silt_json_end_object(json);
        if (!nothing) continue;
        json->buf->size = start;
        json->comma = comma;
    }
    return next;
}

static const char *write_stats(const walk *w, const silt_type *schema, const silt_physical *fields)
{
    static const char *const names[] = {"minValues", "maxValues", "nullCount"};
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer json = silt_json_writer_of(&buf);
    silt_json_begin_object(&json);
    silt_json_member_int(&json, "numRecords", w->file->row_count);
    for (side which = SIDE_MIN; which <= SIDE_NULLS; which++) {
        silt_json_key(&json, names[which]);
        silt_json_begin_object(&json);
        write_struct(w, schema, fields, 0, 0, which, &json);
        silt_json_end_object(&json);
    }
    silt_json_end_object(&json);
    return silt_buf_copy(&buf, w->arena);
}

const char *silt_stats_json(const silt_staged_file *file, const silt_type *schema,
                            const silt_physical *fields, const silt_metadata *metadata,
                            silt_arena *arena)
{
    walk w = {.file = file,
              .partition_columns = metadata->partition_columns,
              .columns_left = INDEXED_COLUMNS,
              .arena = arena};
    const char *by_name = silt_pairs_get(metadata->configuration, "delta.dataSkippingStatsColumns");
    const char *number =
        silt_pairs_get(metadata->configuration, "delta.dataSkippingNumIndexedCols");
    if (by_name && !parse_columns(by_name, arena, &w.columns, &w.column_count)) return NULL;
    if (number && silt_parse_int64(number, &w.columns_left) && w.columns_left < -1)
        w.columns_left = INDEXED_COLUMNS;
    collect(&w, schema, fields, 0);
    const char *json = w.failed ? NULL : write_stats(&w, schema, fields);
    silt_vec_free(&w.leaves);
    return json;
}
