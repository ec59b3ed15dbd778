/* What a shape differs by from the table as it stands, in lines for people. */
#include <stdarg.h>
#include <stdio.h>

#include "table/shape_tree.h"

typedef struct lines {
    const silt_shape *shape;
    silt_arena *arena;
    const char **items;
    size_t count, capacity;
    bool by_name; /* columns aren't mapped any more */
    bool failed;
} lines;

SILT_PRINTF(2, 3) static void put(lines *l, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&text, format, args);
    va_end(args);
    const char *line = size < 0 ? NULL : silt_arena_strdup(l->arena, text);
    if (size >= 0) free(text);
    if (line && silt_vec_grow((void **)&l->items, &l->capacity, l->count + 1, sizeof(*l->items)))
        l->items[l->count++] = line;
    else
        l->failed = true;
}

/* ---- protocol */

static silt_status put_protocol(lines *l, silt_error *err)
{
    static const silt_protocol none = {.min_reader = 1, .min_writer = 1};
    const silt_shape *s = l->shape;
    const silt_protocol *a = s->before ? &s->before->protocol : &none, *b = &s->protocol;
    silt_names readers, was, is;
    SILT_TRY(silt_feature_list(a, l->arena, &readers, &was, err));
    SILT_TRY(silt_feature_list(b, l->arena, &readers, &is, err));
    if (!s->before)
        put(l, "protocol reader %d, writer %d", b->min_reader, b->min_writer);
    else if (a->min_reader != b->min_reader || a->min_writer != b->min_writer)
        put(l, "protocol reader %d, writer %d → reader %d, writer %d", a->min_reader, a->min_writer,
            b->min_reader, b->min_writer);
    for (size_t i = 0; i < is.count; i++)
        if (!silt_names_have(was, is.items[i])) put(l, "feature + %s", is.items[i]);
    for (size_t i = 0; i < was.count; i++)
        if (!silt_names_have(is, was.items[i])) put(l, "feature - %s", was.items[i]);
    return SILT_OK;
}

/* ---- columns */

/* A text of the field's metadata; NULL: none. */
static const char *text_of(lines *l, const char *metadata, const char *key)
{
    const silt_json *json = NULL;
    l->failed |= silt_shape_meta(l->arena, metadata, key, &json, NULL) != SILT_OK;
    return silt_json_string(json);
}

/* A table whose columns are mapped only now has the names of before as physical ones; one whose
 * columns are no longer mapped has the names it had. */
static bool same_column(lines *l, const silt_field *a, const silt_field *b)
{
    if (l->by_name) return strcmp(a->name, b->name) == 0;
    static const char key[] = "delta.columnMapping.physicalName";
    const char *x = text_of(l, a->metadata, key);
    const char *y = text_of(l, b->metadata, key);
    return strcmp(x ? x : a->name, y ? y : b->name) == 0;
}

static const silt_field *find(lines *l, const silt_type *type, const silt_field *field)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (same_column(l, field, &type->fields[i])) return &type->fields[i];
    return NULL;
}

static const char *type_text(lines *l, const silt_type *type)
{
    const char *text = silt_type_name(type, l->arena);
    l->failed |= !text;
    return text ? text : "";
}

static const char *below(lines *l, const char *path, const char *name)
{
    const char *part = silt_shape_path_text((silt_names){&name, 1}, l->arena);
    const char *text = part && *path ? silt_arena_printf(l->arena, "%s.%s", path, part) : part;
    l->failed |= !text;
    return text ? text : "";
}

static void put_type(lines *l, const char *path, const silt_type *a, const silt_type *b);

static void put_new(lines *l, const char *path, const silt_field *f)
{
    const char *generated = text_of(l, f->metadata, "delta.generationExpression");
    const char *value = text_of(l, f->metadata, "CURRENT_DEFAULT");
    put(l, "column + %s %s%s%s%s%s%s%s", path, type_text(l, f->type),
        f->nullable ? "" : " not null", generated ? " generated as " : "",
        generated ? generated : "", value ? " default " : "", value ? value : "",
        strstr(f->metadata, "delta.identity.start") ? " identity" : "");
}

static void put_text(lines *l, const char *path, const char *what, const char *a, const char *b)
{
    if (silt_streq(a, b)) return;
    if (!a)
        put(l, "column %s: %s + %s", path, what, b);
    else if (!b)
        put(l, "column %s: %s - %s", path, what, a);
    else
        put(l, "column %s: %s %s → %s", path, what, a, b);
}

static void put_field(lines *l, const char *path, const silt_field *a, const silt_field *b)
{
    static const char *const texts[][2] = {{"comment", "comment"}, {"CURRENT_DEFAULT", "default"}};
    if (strcmp(a->name, b->name) != 0)
        put(l, "column %s → %s", below(l, path, a->name), below(l, path, b->name));
    path = below(l, path, b->name);
    if (a->nullable != b->nullable)
        put(l, "column %s: %s", path, b->nullable ? "nullable" : "not null");
    for (size_t i = 0; i < SILT_COUNT(texts); i++)
        put_text(l, path, texts[i][1], text_of(l, a->metadata, texts[i][0]),
                 text_of(l, b->metadata, texts[i][0]));
    put_type(l, path, a->type, b->type);
}

/* Columns that stand both before and after, in another order. */
static void put_order(lines *l, const char *path, const silt_type *a, const silt_type *b)
{
    size_t last = 0;
    bool moved = false;
    SILT_CLEAN(silt_buf) buf = {0};
    for (size_t i = 0; i < b->field_count; i++) {
        const silt_field *was = find(l, a, &b->fields[i]);
        size_t at = was ? (size_t)(was - a->fields) + 1 : last;
        moved |= at < last;
        last = at;
        silt_buf_puts(&buf, i ? ", " : "");
        silt_buf_puts(&buf, b->fields[i].name);
    }
    if (moved) put(l, "columns%s%s in the order %s", *path ? " of " : "", path, buf.data);
}

static void put_type(lines *l, const char *path, const silt_type *a, const silt_type *b)
{
    if (a->kind != b->kind || a->precision != b->precision || a->scale != b->scale) {
        put(l, "column %s: %s → %s", path, type_text(l, a), type_text(l, b));
        return;
    }
    for (size_t i = 0; i < b->field_count; i++) {
        const silt_field *was = find(l, a, &b->fields[i]);
        if (was)
            put_field(l, path, was, &b->fields[i]);
        else
            put_new(l, below(l, path, b->fields[i].name), &b->fields[i]);
    }
    for (size_t i = 0; i < a->field_count; i++)
        if (!find(l, b, &a->fields[i])) put(l, "column - %s", below(l, path, a->fields[i].name));
    put_order(l, path, a, b);
    if (a->key) put_type(l, below(l, path, "key"), a->key, b->key);
    if (a->element)
        put_type(l, below(l, path, a->kind == SILT_TYPE_MAP ? "value" : "element"), a->element,
                 b->element);
}

/* ---- all else */

static void put_metadata(lines *l)
{
    const silt_metadata none = {0}, *b = &l->shape->metadata;
    const silt_metadata *a = l->shape->before ? &l->shape->before->metadata : &none;
    if (!silt_streq(a->name, b->name)) put(l, "name %s", b->name ? b->name : "-");
    if (!silt_streq(a->description, b->description))
        put(l, "comment %s", b->description ? b->description : "-");
    for (size_t i = 0; !l->shape->before && i < b->partition_columns.count; i++)
        put(l, "partitioned by %s", b->partition_columns.items[i]);
    for (size_t i = 0; i < b->configuration.count; i++) {
        const silt_pair *p = &b->configuration.items[i];
        const char *was = silt_pairs_get(a->configuration, p->key);
        if (!was)
            put(l, "property + %s = %s", p->key, p->value ? p->value : "null");
        else if (!silt_streq(was, p->value))
            put(l, "property %s: %s → %s", p->key, was, p->value ? p->value : "null");
    }
    for (size_t i = 0; i < a->configuration.count; i++) {
        bool gone = true;
        for (size_t k = 0; gone && k < b->configuration.count; k++)
            gone = strcmp(a->configuration.items[i].key, b->configuration.items[k].key) != 0;
        if (gone) put(l, "property - %s", a->configuration.items[i].key);
    }
}

static void put_domains(lines *l)
{
    const silt_shape *s = l->shape;
    for (size_t i = 0; i < s->domain_count; i++) {
        const silt_domain *d = &s->domains[i], *was = NULL;
        for (size_t k = 0; s->before && k < s->before->domain_count; k++)
            if (strcmp(s->before->domains[k].domain, d->domain) == 0) was = &s->before->domains[k];
        bool there = was && !was->removed;
        if (d->removed) {
            if (there) put(l, "domain - %s", d->domain);
        } else if (!there || !silt_streq(was->configuration, d->configuration)) {
            put(l, "domain %s%s %s", there ? "" : "+ ", d->domain, d->configuration);
        }
    }
}

silt_status silt_shape_diff(const silt_shape *shape, silt_arena *arena, silt_names *out,
                            silt_error *err)
{
    static const silt_type nothing = {.kind = SILT_TYPE_STRUCT};
    lines l = {.shape = shape, .arena = arena};
    silt_status st = put_protocol(&l, err);
    if (st == SILT_OK) {
        l.by_name = shape->before && silt_shape_mapping(shape) == SILT_MAPPING_NONE;
        put_type(&l, "", shape->before ? shape->schema_before : &nothing, shape->schema);
        put_metadata(&l);
        put_domains(&l);
    }
    const char **kept = silt_arena_calloc(arena, l.count, sizeof(*kept));
    if (st == SILT_OK && (!kept || l.failed)) st = silt_fail_nomem(err);
    if (st == SILT_OK && l.count) memcpy(kept, l.items, l.count * sizeof(*kept));
    if (st == SILT_OK) *out = (silt_names){kept, l.count};
    free(l.items);
    return st;
}
