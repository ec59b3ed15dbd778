/* The members of stats that are wanted, out of their JSON. What isn't wanted is passed over without
 * a closer look: it may be no JSON in itself, and nothing depends on it. */
#include "base/json.h"
#include "table/bounds.h"

#define NESTED_MAX 100

typedef struct scanner {
    const char *at;
    silt_arena *scratch;
    silt_column_stats *columns;
    int64_t rows;
} scanner;

/* ---- what is wanted */

static silt_stats_wanted *wanted_child(silt_stats_wanted *parent, const char *name,
                                       silt_arena *arena)
{
    silt_stats_wanted *child = parent->child;
    size_t size = strlen(name);
    while (child && (child->size != size || memcmp(child->name, name, size) != 0))
        child = child->next;
    if (child) return child;
    child = silt_arena_alloc(arena, sizeof *child);
    if (!child) return NULL;
    *child = (silt_stats_wanted){name, size, -1, NULL, parent->child};
    parent->child = child;
    return child;
}

int silt_stats_want(silt_stats_wanted *root, const char *const *path, size_t path_count, int *count,
                    silt_arena *arena)
{
    silt_stats_wanted *node = root;
    for (size_t i = 0; i < path_count && node; i++)
        node = wanted_child(node, path[i], arena);
    if (!node) return -1;
    if (node->column < 0) node->column = (*count)++;
    return node->column;
}

/* ---- JSON */

static void skip_blanks(scanner *s)
{
    while (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')
        s->at++;
}

static bool take(scanner *s, char c)
{
    skip_blanks(s);
    if (*s->at != c) return false;
    s->at++;
    return true;
}

/* What stands between the quotes, escapes as they are. */
static bool take_string(scanner *s, silt_bytes *out, bool *escaped)
{
    if (!take(s, '"')) return false;
    const char *start = s->at;
    *escaped = false;
    const char *p = start; /* strings are short: a loop is quicker than strcspn() */
    for (; *p != '"'; p++) {
        if (*p == '\\') {
            *escaped = true;
            p++;
        }
        if (!*p) return false;
    }
    *out = (silt_bytes){start, (size_t)(p - start)};
    s->at = p + 1;
    return true;
}

static bool skip_string(scanner *s)
{
    silt_bytes text;
    bool escaped;
    return take_string(s, &text, &escaped);
}

/* An object or array, to its end. */
static bool skip_nested(scanner *s)
{
    size_t depth = 0;
    do {
        char c = *s->at;
        if (!c) return false;
        if (c == '"') {
            if (!skip_string(s)) return false;
            continue;
        }
        if (c == '[' || c == '{') depth++;
        if (c == ']' || c == '}') depth--;
        s->at++;
    } while (depth > 0);
    return true;
}

static bool skip_value(scanner *s)
{
    skip_blanks(s);
    if (*s->at == '"') return skip_string(s);
    if (*s->at == '{' || *s->at == '[') return skip_nested(s);
    const char *start = s->at;
    while ((unsigned char)*s->at > ' ' && *s->at != ',' && *s->at != '}' && *s->at != ']')
        s->at++;
    return s->at > start;
}

/* A string as it is meant; NULL: it isn't JSON, or holds a NUL, cut by which it would lie. */
static const char *unescaped(scanner *s, silt_bytes text)
{
    const silt_json *json;
    silt_bytes quoted = {text.data - 1, text.size + 2};
    if (silt_json_parse(quoted, s->scratch, &json, NULL) != SILT_OK) return NULL;
    const char *out = silt_json_string(json);
    return out && strlen(out) == silt_json_string_size(json) ? out : NULL;
}

/* A number or a string as text; NULL: neither. */
static bool take_text(scanner *s, const char **out)
{
    *out = NULL;
    skip_blanks(s);
    if (*s->at == '"') {
        silt_bytes text;
        bool escaped;
        if (!take_string(s, &text, &escaped)) return false;
        *out = escaped ? unescaped(s, text) : silt_arena_strndup(s->scratch, text.data, text.size);
        return true;
    }
    const char *start = s->at;
    if (!skip_value(s)) return false;
    if (*start == '-' || (*start >= '0' && *start <= '9'))
        *out = silt_arena_strndup(s->scratch, start, (size_t)(s->at - start));
    return true;
}

static int64_t whole_of(const char *text)
{
    int64_t value = -1;
    return silt_parse_int64(text, &value) ? value : -1;
}

/* ---- members */

/* Behind '{' or a member of it: the next key, or `*end`. */
static bool take_key(scanner *s, bool first, silt_bytes *key, bool *end)
{
    bool escaped;
    *end = take(s, '}');
    if (*end) return true;
    if (!first && !take(s, ',')) return false;
    if (!take_string(s, key, &escaped)) return false;
    if (escaped) *key = silt_bytes_of(unescaped(s, *key));
    return take(s, ':');
}

static const silt_stats_wanted *find_wanted(const silt_stats_wanted *parent, silt_bytes key)
{
    const silt_stats_wanted *child = parent->child;
    while (child && (child->size != key.size || memcmp(child->name, key.data, key.size) != 0))
        child = child->next;
    return child;
}

typedef enum section { SECTION_MIN, SECTION_MAX, SECTION_NULLS } section;

static bool scan_value(scanner *s, const silt_stats_wanted *wanted, section which)
{
    const char *text;
    if (!take_text(s, &text)) return false;
    if (wanted->column < 0 || !text) return true;
    silt_column_stats *column = &s->columns[wanted->column];
    if (which == SECTION_NULLS) {
        if (column->nulls < 0) column->nulls = whole_of(text);
    } else {
        const char **bound = which == SECTION_MIN ? &column->min : &column->max;
        if (!*bound) *bound = text;
    }
    return true;
}

/* minValues, maxValues or nullCount, or a struct in one. */
static bool scan_section(scanner *s, const silt_stats_wanted *wanted, section which, int depth)
{
    skip_blanks(s);
    if (*s->at != '{' || depth > NESTED_MAX) return skip_value(s);
    s->at++;
    for (bool first = true, end;; first = false) {
        silt_bytes key;
        if (!take_key(s, first, &key, &end)) return false;
        if (end) return true;
        const silt_stats_wanted *child = find_wanted(wanted, key);
        skip_blanks(s);
        bool fine;
        if (!child)
            fine = skip_value(s);
        else if (*s->at == '{')
            fine = scan_section(s, child, which, depth + 1);
        else
            fine = scan_value(s, child, which);
        if (!fine) return false;
    }
}

static bool scan_stats(scanner *s, const silt_stats_wanted *wanted)
{
    static const silt_bytes names[] = {{"minValues", 9}, {"maxValues", 9}, {"nullCount", 9}};
    if (!take(s, '{')) return false;
    for (bool first = true, end;; first = false) {
        silt_bytes key;
        if (!take_key(s, first, &key, &end)) return false;
        if (end) break;
        section which = SECTION_MIN;
        while (which <= SECTION_NULLS && !silt_bytes_equal(key, names[which]))
            which++;
        bool fine;
        if (which <= SECTION_NULLS) {
            fine = scan_section(s, wanted, which, 0);
        } else if (silt_bytes_equal(key, SILT_STR("numRecords"))) {
            const char *text;
            fine = take_text(s, &text);
            if (fine && s->rows < 0) s->rows = whole_of(text);
        } else {
            fine = skip_value(s);
        }
        if (!fine) return false;
    }
    skip_blanks(s);
    return *s->at == '\0';
}

bool silt_file_stats_scan(const char *text, const silt_stats_wanted *wanted, int count,
                          silt_arena *scratch, silt_file_stats *out)
{
    silt_column_stats *columns = silt_arena_alloc(scratch, ((size_t)count + 1) * sizeof *columns);
    if (!text || !columns) return false;
    for (int i = 0; i < count; i++)
        columns[i] = (silt_column_stats){NULL, NULL, -1};
    scanner s = {.at = text, .scratch = scratch, .columns = columns, .rows = -1};
    if (!scan_stats(&s, wanted)) return false;
    *out = (silt_file_stats){s.rows, columns};
    return true;
}
