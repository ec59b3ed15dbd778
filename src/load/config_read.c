/* A pipeline file's text → values with their places, by libfyaml's events.
 *
 * Hostile files are harmless: size, nesting and number of values (as if aliases were copied) are
 * bounded, and the parser is stopped as soon as a bound is passed. */
#include "load/config_tree.h"

#include <stdarg.h>
#include <stdio.h>

#include <libfyaml.h>

#include "base/hash.h"

static void add_mistake(silt_config_reader *r, int line, int column, const char *key,
                        const char *format, va_list args)
{
    if (r->quiet || r->problems.count > SILT_CONFIG_PROBLEMS_MAX) return;
    char text[1024];
    vsnprintf(text, sizeof(text), format, args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';

    const char *gap = key[0] ? ": " : "";
    silt_config_problem p = {line, column, key, NULL};
    p.text = line > 0 ? silt_arena_printf(r->arena, "%s:%d:%d: %s%s%s", r->file, line, column, key,
                                          gap, text)
                      : silt_arena_printf(r->arena, "%s: %s%s%s", r->file, key, gap, text);
    if (!p.text || !silt_vec_push(&r->problems, p)) r->no_memory = true;
}

void silt_config_mistake(silt_config_reader *r, int line, int column, const char *key,
                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_mistake(r, line, column, key, format, args);
    va_end(args);
}

void silt_config_mistake_in(silt_config_reader *r, const silt_config_node *map, const char *path,
                            const char *key, const char *format, ...)
{
    const silt_config_node *at = silt_config_at(map, key);
    if (!at) at = map; /* it is missing, or of the defaults */
    va_list args;
    va_start(args, format);
    add_mistake(r, at->line, at->column, silt_config_join(r, path, key, 0), format, args);
    va_end(args);
}

silt_config_node *silt_config_at(const silt_config_node *map, const char *path)
{
    size_t size = strcspn(path, ".");
    for (size_t i = 0; map && map->kind == SILT_CONFIG_MAP && i < map->count; i++) {
        const silt_config_entry *e = &map->items[i];
        if (strncmp(e->key, path, size) != 0 || e->key[size]) continue;
        return path[size] ? silt_config_at(e->value, path + size + 1) : e->value;
    }
    return NULL;
}

/* ---- events → nodes. The open lists and maps are a stack of our own. */

typedef struct open_node {
    silt_config_node *node;
    const char *anchor;
    silt_config_entry
        key; /* of a map: the key whose value comes next; key NULL: a key comes next */
    SILT_VEC(silt_config_entry) items;
} open_node;

typedef struct builder {
    silt_config_reader *r;
    open_node open[SILT_CONFIG_DEPTH_MAX];
    size_t depth;
    silt_config_node *root;
    silt_map64 *anchors;
    bool done, failed;
} builder;

static const char *token_text(builder *b, struct fy_token *token)
{
    size_t size = 0;
    const char *text = token ? fy_token_get_text(token, &size) : "";
    char *copy = silt_arena_strndup(b->r->arena, text ? text : "", text ? size : 0);
    if (!copy) b->r->no_memory = b->failed = true;
    return copy;
}

static void fail_at(builder *b, int line, int column, const char *text)
{
    silt_config_mistake(b->r, line, column, "", "%s", text);
    b->failed = true;
}

static silt_config_node *node_new(builder *b, silt_config_node_kind kind, struct fy_event *event)
{
    silt_config_node *node = silt_arena_calloc(b->r->arena, 1, sizeof(*node));
    if (!node) {
        b->r->no_memory = b->failed = true;
        return NULL;
    }
    const struct fy_mark *mark = fy_event_start_mark(event);
    *node = (silt_config_node){.kind = kind, .weight = 1};
    node->line = mark ? mark->line + 1 : 1;
    node->column = mark ? mark->column + 1 : 1;
    return node;
}

static void anchor_set(builder *b, const char *anchor, silt_config_node *node)
{
    if (!anchor || b->failed) return;
    bool found;
    void **slot = silt_map64_slot(b->anchors, anchor, strlen(anchor), &found);
    if (slot)
        *slot = node;
    else
        b->r->no_memory = b->failed = true;
}

static bool is_merge_key(const silt_config_entry *key)
{
    return silt_streq(key->key, "<<");
}

static bool has_key(const open_node *map, const char *key, const silt_config_entry **first)
{
    for (size_t i = 0; i < map->items.count; i++) {
        if (!silt_streq(map->items.items[i].key, key)) continue;
        *first = &map->items.items[i];
        return true;
    }
    return false;
}

/* The path of `key` in the innermost open map, for messages. */
static const char *path_of(builder *b, const char *key)
{
    SILT_CLEAN(silt_buf) path = {0};
    for (size_t i = 0; i + 1 < b->depth; i++) {
        const open_node *o = &b->open[i];
        if (o->node->kind == SILT_CONFIG_LIST)
            silt_buf_printf(&path, "[%zu]", o->items.count);
        else
            silt_buf_printf(&path, "%s%s", path.size ? "." : "", o->key.key ? o->key.key : "");
    }
    silt_buf_printf(&path, "%s%s", path.size ? "." : "", key);
    const char *text = silt_buf_copy(&path, b->r->arena);
    if (!text) b->r->no_memory = true;
    return text ? text : key;
}

static void entry_push(builder *b, open_node *into, silt_config_entry entry)
{
    into->node->weight += entry.value->weight;
    if (into->node->weight > SILT_CONFIG_NODES_MAX)
        fail_at(b, entry.line, entry.column, "too many values");
    else if (!silt_vec_push(&into->items, entry))
        b->r->no_memory = b->failed = true;
}

/* A value has ended: it goes where it belongs. */
static void value_put(builder *b, silt_config_node *node)
{
    if (b->failed) return;
    if (!b->depth) {
        b->root = node;
        return;
    }
    open_node *top = &b->open[b->depth - 1];
    silt_config_entry entry = {NULL, node->line, node->column, node};
    if (top->node->kind == SILT_CONFIG_MAP) {
        if (!top->key.key) { /* it is a key itself */
            if (node->kind != SILT_CONFIG_TEXT && node->kind != SILT_CONFIG_NULL)
                fail_at(b, node->line, node->column, "a key has to be a text");
            else
                top->key = (silt_config_entry){node->text, node->line, node->column, NULL};
            return;
        }
        entry = top->key;
        entry.value = node;
        if (node->kind == SILT_CONFIG_NULL && !node->text[0]) { /* no token, no place of its own */
            node->line = entry.line;
            node->column = entry.column;
        }
        top->key.key = NULL;
        const silt_config_entry *first = NULL;
        if (!is_merge_key(&entry) && has_key(top, entry.key, &first)) {
            silt_config_mistake(b->r, entry.line, entry.column, path_of(b, entry.key),
                                "stands here twice; it was given on line %d already", first->line);
            return;
        }
    }
    entry_push(b, top, entry);
}

/* "<<: *defaults": members that the map doesn't have itself. */
static void merge_from(builder *b, open_node *map, const silt_config_node *from)
{
    if (from->kind == SILT_CONFIG_LIST) {
        for (size_t i = 0; i < from->count && !b->failed; i++)
            if (from->items[i].value->kind == SILT_CONFIG_MAP)
                merge_from(b, map, from->items[i].value);
        return;
    }
    if (from->kind != SILT_CONFIG_MAP) {
        fail_at(b, from->line, from->column,
                "<<: found no map; a map or a list of maps is allowed");
        return;
    }
    for (size_t i = 0; i < from->count && !b->failed; i++) {
        const silt_config_entry *first = NULL;
        if (!has_key(map, from->items[i].key, &first)) entry_push(b, map, from->items[i]);
    }
}

static void merge_keys(builder *b, open_node *map)
{
    size_t end = map->items.count, kept = 0;
    const silt_config_node *from[8];
    size_t from_count = 0;
    for (size_t i = 0; i < end; i++) {
        if (!is_merge_key(&map->items.items[i]))
            map->items.items[kept++] = map->items.items[i];
        else if (from_count < SILT_COUNT(from))
            from[from_count++] = map->items.items[i].value;
    }
    map->items.count = kept;
    for (size_t i = 0; i < from_count; i++)
        merge_from(b, map, from[i]);
}

static void container_start(builder *b, silt_config_node_kind kind, struct fy_event *event)
{
    silt_config_node *node = node_new(b, kind, event);
    if (!node) return;
    if (b->depth == SILT_CONFIG_DEPTH_MAX) {
        fail_at(b, node->line, node->column, "nested too deep");
        return;
    }
    struct fy_token *anchor = fy_event_get_anchor_token(event);
    open_node *top = &b->open[b->depth++];
    memset(top, 0, sizeof(*top));
    top->node = node;
    top->anchor = anchor ? token_text(b, anchor) : NULL;
}

static void container_end(builder *b)
{
    open_node *top = &b->open[b->depth - 1];
    silt_config_node *node = top->node;
    if (node->kind == SILT_CONFIG_MAP) merge_keys(b, top);
    if (b->failed) return;
    node->count = top->items.count;
    if (node->count) {
        node->items = silt_arena_calloc(b->r->arena, node->count, sizeof(*node->items));
        if (!node->items) {
            b->r->no_memory = b->failed = true;
            return;
        }
        memcpy(node->items, top->items.items, node->count * sizeof(*node->items));
    }
    silt_vec_free(&top->items);
    b->depth--;
    anchor_set(b, top->anchor, node);
    value_put(b, node);
}

static void scalar(builder *b, struct fy_event *event)
{
    silt_config_node *node = node_new(b, SILT_CONFIG_TEXT, event);
    if (!node) return;
    struct fy_token *token = event->scalar.value;
    node->text = token_text(b, token);
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) node->column--; /* the quote */
    node->quoted = style != FYSS_PLAIN || event->scalar.tag;
    if (!b->failed && !node->quoted &&
        (!node->text[0] || silt_streq(node->text, "null") || silt_streq(node->text, "~")))
        node->kind = SILT_CONFIG_NULL;
    if (event->scalar.anchor) anchor_set(b, token_text(b, event->scalar.anchor), node);
    value_put(b, node);
}

static void alias(builder *b, struct fy_event *event)
{
    const char *name = token_text(b, event->alias.anchor);
    if (b->failed) return;
    silt_config_node *node = silt_map64_get(b->anchors, name, strlen(name));
    if (node) {
        value_put(b, node);
        return;
    }
    const struct fy_mark *mark = fy_event_start_mark(event);
    char text[256];
    snprintf(text, sizeof(text), "*%.100s: there is no &%.100s before it", name, name);
    fail_at(b, mark ? mark->line + 1 : 1, mark ? mark->column + 1 : 1, text);
}

static void take_event(builder *b, struct fy_event *event)
{
    switch (event->type) {
    case FYET_SCALAR:
        scalar(b, event);
        break;
    case FYET_ALIAS:
        alias(b, event);
        break;
    case FYET_SEQUENCE_START:
        container_start(b, SILT_CONFIG_LIST, event);
        break;
    case FYET_MAPPING_START:
        container_start(b, SILT_CONFIG_MAP, event);
        break;
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        container_end(b);
        break;
    case FYET_DOCUMENT_START:
        if (b->root) {
            const struct fy_mark *mark = fy_event_start_mark(event);
            fail_at(b, mark ? mark->line + 1 : 1, 1, "a second document; one is allowed");
        }
        break;
    case FYET_STREAM_END:
        b->done = true;
        break;
    default:
        break;
    }
}

/* What the parser says of a text that isn't YAML (or JSON). */
static void syntax_mistake(silt_config_reader *r, struct fy_diag *diag, silt_bytes text, bool json)
{
    void *at = NULL;
    struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);
    int line = e ? e->line : 1, column = e ? e->column : 1;
    const char *what = e && e->msg ? e->msg : "can't be parsed";

    const char *start = text.data, *end = text.data + text.size;
    for (int i = 1; i < line && start < end; i++) {
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        start = newline ? newline + 1 : end;
    }
    const char *stop = start < end ? memchr(start, '\n', (size_t)(end - start)) : NULL;
    bool variable = start < end && memmem(start, (size_t)((stop ? stop : end) - start), "${", 2);
    silt_config_mistake(r, line < 1 ? 1 : line, column < 1 ? 1 : column, "", "not %s: %s%s",
                        json ? "JSON" : "YAML", what,
                        variable ? "; within { } and [ ] write \"${NAME}\" with quotes" : "");
}

/* The parser prints otherwise. */
static void say_nothing(struct fy_diag *diag, void *user, const char *text, size_t size)
{
    (void)diag, (void)user, (void)text, (void)size;
}

static bool text_is_sane(silt_config_reader *r, silt_bytes text)
{
    if (text.size > SILT_CONFIG_BYTES_MAX) {
        silt_config_mistake(r, 0, 0, "", "larger than %d MiB: not a pipeline file",
                            SILT_CONFIG_BYTES_MAX / 1024 / 1024);
        return false;
    }
    if ((text.size && memchr(text.data, 0, text.size)) || !silt_utf8_valid(text)) {
        silt_config_mistake(r, 0, 0, "", "not a text in UTF-8");
        return false;
    }
    return true;
}

static void take_events(builder *b, struct fy_parser *parser, struct fy_diag *diag, silt_bytes text,
                        bool json)
{
    while (!b->done && !b->failed) {
        struct fy_event *event = fy_parser_parse(parser);
        if (!event) {
            b->failed = fy_parser_get_stream_error(parser);
            if (b->failed) syntax_mistake(b->r, diag, text, json);
            break;
        }
        take_event(b, event);
        fy_parser_event_free(parser, event);
    }
}

static void parse(builder *b, silt_bytes text)
{
    bool json = silt_ends_with(b->r->file, ".json");
    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.output_fn = say_nothing;
    struct fy_diag *diag = fy_diag_create(&diag_cfg);
    struct fy_parse_cfg cfg = {.diag = diag};
    cfg.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS |
                (json ? FYPCF_JSON_FORCE : FYPCF_JSON_NONE);
    if (diag) fy_diag_set_collect_errors(diag, true);
    struct fy_parser *parser = diag ? fy_parser_create(&cfg) : NULL;
    if (parser && fy_parser_set_string(parser, text.data, text.size) == 0)
        take_events(b, parser, diag, text, json);
    else
        b->r->no_memory = b->failed = true;
    if (parser) fy_parser_destroy(parser);
    if (diag) fy_diag_destroy(diag);
}

silt_config_node *silt_config_read(silt_config_reader *r, silt_bytes text)
{
    if (!text_is_sane(r, text)) return NULL;
    builder *b = calloc(1, sizeof(*b));
    SILT_AUTO(silt_map64) anchors = silt_map64_new();
    silt_config_node *root = NULL;
    if (b && anchors) {
        b->r = r;
        b->anchors = anchors;
        parse(b, text);
        root = b->failed ? NULL : b->root;
        for (size_t i = 0; i < b->depth; i++)
            silt_vec_free(&b->open[i].items);
        if (!b->failed && !root) silt_config_mistake(r, 0, 0, "", "the file is empty");
    } else {
        r->no_memory = true;
    }
    free(b);
    return root;
}
