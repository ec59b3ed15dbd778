/* Paths to columns, and schemas with one column changed. */
#include <strings.h>

#include "table/expr_tree.h"
#include "table/shape_tree.h"

/* ---- paths */

static bool is_plain(const char *name)
{
    if (!*name || (*name >= '0' && *name <= '9')) return false;
    for (; *name; name++)
        if (*name == '.' || *name == '`' || *name == ',' || *name == ' ') return false;
    return true;
}

const char *silt_shape_path_text(silt_names path, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) buf = {0};
    for (size_t i = 0; i < path.count; i++) {
        const char *name = path.items[i];
        if (i) silt_buf_putc(&buf, '.');
        if (is_plain(name)) {
            silt_buf_puts(&buf, name);
            continue;
        }
        silt_buf_putc(&buf, '`');
        for (; *name; name++) {
            if (*name == '`') silt_buf_putc(&buf, '`');
            silt_buf_putc(&buf, *name);
        }
        silt_buf_putc(&buf, '`');
    }
    return silt_buf_copy(&buf, arena);
}

/* One part, moving `*at` behind it; false: a back-quote is never closed. */
static bool take_part(const char **at, silt_buf *buf)
{
    const char *p = *at;
    silt_buf_clear(buf);
    silt_buf_puts(buf, "");
    if (*p != '`') {
        size_t size = strcspn(p, ".");
        silt_buf_append(buf, p, size);
        *at = p + size;
        return true;
    }
    for (p++; *p && (*p != '`' || p[1] == '`'); p++) {
        if (*p == '`') p++;
        silt_buf_putc(buf, *p);
    }
    *at = p + 1;
    return *p == '`';
}

silt_status silt_shape_path(const char *text, silt_arena *arena, silt_names *out, silt_error *err)
{
    SILT_CLEAN(silt_buf) buf = {0};
    const char *at = text;
    size_t count = 0;
    const char **parts = silt_arena_calloc(arena, strlen(text) + 1, sizeof(*parts));
    if (!parts) return silt_fail_nomem(err);
    for (bool more = true; more; more = *at++ == '.') {
        bool closed = take_part(&at, &buf);
        if (buf.failed) return silt_fail_nomem(err);
        if (!closed || buf.size == 0 || (*at && *at != '.'))
            return silt_fail(err, SILT_INVALID,
                             "\"%s\" names no column: names are separated by dots, and one with a "
                             "dot in it stands in back-quotes",
                             text);
        parts[count] = silt_buf_copy(&buf, arena);
        if (!parts[count++]) return silt_fail_nomem(err);
    }
    *out = (silt_names){parts, count};
    return SILT_OK;
}

int silt_shape_field_at(const silt_type *type, const char *name)
{
    int at = silt_type_find(type, name);
    for (size_t i = 0; at < 0 && i < type->field_count; i++) {
        if (strcasecmp(type->fields[i].name, name) != 0) continue;
        for (size_t k = i + 1; k < type->field_count; k++)
            if (strcasecmp(type->fields[k].name, name) == 0) return -1;
        return (int)i;
    }
    return at;
}

/* ---- below a field */

static const silt_type *child(const silt_type *type, const char *part)
{
    bool is_map = type->kind == SILT_TYPE_MAP;
    if (type->kind == SILT_TYPE_ARRAY && strcasecmp(part, "element") == 0) return type->element;
    if (is_map && strcasecmp(part, "value") == 0) return type->element;
    return is_map && strcasecmp(part, "key") == 0 ? type->key : NULL;
}

const silt_type *silt_shape_below(const silt_type *type, silt_names rest)
{
    for (size_t i = 0; type && i < rest.count; i++)
        type = child(type, rest.items[i]);
    return type;
}

const silt_type *silt_shape_put_below(silt_arena *arena, const silt_type *type, silt_names rest,
                                      const silt_type *with)
{
    if (rest.count == 0) return with;
    silt_type *copy = silt_arena_alloc(arena, sizeof(*copy));
    silt_names below = {rest.items + 1, rest.count - 1};
    const silt_type *put = silt_shape_put_below(arena, child(type, rest.items[0]), below, with);
    if (!copy || !put) return NULL;
    *copy = *type;
    if (type->kind == SILT_TYPE_MAP && strcasecmp(rest.items[0], "key") == 0)
        copy->key = put;
    else
        copy->element = put;
    return copy;
}

/* ---- finding */

static const char *next_field(void *ctx)
{
    const silt_field **at = ctx;
    return (*at)->name ? (*at)++->name : NULL;
}

static silt_status fail_missing(const silt_type *type, const char *path, const char *name,
                                silt_error *err)
{
    silt_fail(err, SILT_NOT_FOUND, "there is no column %s", path);
    silt_field *fields = calloc(type->field_count + 1, sizeof(*fields));
    if (!fields) return silt_fail_nomem(err);
    if (type->field_count) memcpy(fields, type->fields, type->field_count * sizeof(*fields));
    const silt_field *at = fields;
    const char *closest = silt_closest(name, next_field, &at);
    if (closest) silt_hint(err, SILT_NOT_FOUND, "did you mean %s?", closest);
    free(fields);
    return SILT_NOT_FOUND;
}

silt_status silt_shape_find(const silt_shape *shape, const char *path, silt_shape_spot *out,
                            silt_error *err)
{
    silt_names parts;
    SILT_TRY(silt_shape_path(path, shape->arena, &parts, err));
    const char **names = silt_arena_calloc(shape->arena, parts.count, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    const silt_type *type = shape->schema;
    silt_shape_spot spot = {0};
    for (size_t i = 0; i < parts.count; i++) {
        const char *part = names[i] = parts.items[i];
        if (type->kind != SILT_TYPE_STRUCT) {
            type = child(type, part);
            if (!type)
                return silt_fail(err, SILT_NOT_FOUND, "there is no column %s: %s isn't below it",
                                 path, part);
            continue;
        }
        int at = silt_shape_field_at(type, part);
        if (at < 0) return fail_missing(type, path, part, err);
        names[i] = type->fields[at].name;
        spot = (silt_shape_spot){.parent = type,
                                 .index = (size_t)at,
                                 .up = {names, i},
                                 .names = {names, i + 1},
                                 .rest = {names + i + 1, parts.count - i - 1}};
        type = type->fields[at].type;
    }
    *out = spot;
    return SILT_OK;
}

silt_status silt_shape_find_field(const silt_shape *shape, const char *path, silt_shape_spot *out,
                                  silt_error *err)
{
    SILT_TRY(silt_shape_find(shape, path, out, err));
    if (out->rest.count == 0) return SILT_OK;
    return silt_fail(err, SILT_INVALID, "%s is no column, but what one holds", path);
}

/* ---- making anew */

const silt_type *silt_shape_struct(silt_arena *arena, const silt_field *fields, size_t count)
{
    silt_type *type = silt_arena_calloc(arena, 1, sizeof(*type));
    silt_field *copy = silt_arena_calloc(arena, count, sizeof(*copy));
    if (!type || !copy) return NULL;
    if (count) memcpy(copy, fields, count * sizeof(*copy));
    *type = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = copy, .field_count = count};
    return type;
}

static const silt_type *with_field(silt_arena *arena, const silt_type *type, size_t at,
                                   silt_field field)
{
    const silt_type *made = silt_shape_struct(arena, type->fields, type->field_count);
    if (made) ((silt_field *)made->fields)[at] = field;
    return made;
}

static const silt_type *put_struct(silt_arena *arena, const silt_type *type, silt_names path,
                                   const silt_type *with)
{
    if (path.count == 0) return with;
    silt_names below = {path.items + 1, path.count - 1};
    if (type->kind != SILT_TYPE_STRUCT) {
        const silt_type *put = put_struct(arena, child(type, path.items[0]), below, with);
        return put ? silt_shape_put_below(arena, type, (silt_names){path.items, 1}, put) : NULL;
    }
    int at = silt_shape_field_at(type, path.items[0]);
    silt_field field = type->fields[at];
    field.type = put_struct(arena, field.type, below, with);
    return field.type ? with_field(arena, type, (size_t)at, field) : NULL;
}

bool silt_shape_put_struct(silt_shape *shape, silt_names path, const silt_type *with)
{
    const silt_type *schema = with ? put_struct(shape->arena, shape->schema, path, with) : NULL;
    if (schema) shape->schema = schema;
    return schema != NULL;
}

bool silt_shape_put_field(silt_shape *shape, const silt_shape_spot *spot, silt_field field)
{
    return silt_shape_put_struct(shape, spot->up,
                                 with_field(shape->arena, spot->parent, spot->index, field));
}

/* ---- metadata of fields */

const char *silt_shape_meta_set(silt_arena *arena, const char *metadata, const char *key,
                                const char *json)
{
    SILT_CLEAN(silt_buf) buf = {0};
    const silt_json *object;
    bool put = false;
    if (silt_json_parse(silt_bytes_of(metadata), arena, &object, NULL) != SILT_OK) return NULL;
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    for (silt_json_iter it = silt_json_iter_of(object); silt_json_next(&it);) {
        bool same = strcmp(it.key, key) == 0;
        if (same && (!json || put)) continue;
        silt_json_key(&w, it.key);
        if (same)
            silt_json_put_raw(&w, json);
        else
            silt_json_put_value(&w, it.value);
        put |= same;
    }
    if (json && !put) silt_json_member_raw(&w, key, json);
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, arena);
}

const char *silt_shape_meta_text(silt_arena *arena, const char *metadata, const char *key,
                                 const char *text)
{
    SILT_CLEAN(silt_buf) buf = {0};
    if (!text) return silt_shape_meta_set(arena, metadata, key, NULL);
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_put_string(&w, text);
    return buf.failed ? NULL : silt_shape_meta_set(arena, metadata, key, buf.data);
}

silt_status silt_shape_meta(silt_arena *arena, const char *metadata, const char *key,
                            const silt_json **out, silt_error *err)
{
    const silt_json *object;
    SILT_TRY(silt_json_parse(silt_bytes_of(metadata), arena, &object, err));
    *out = silt_json_get_some(object, key);
    return SILT_OK;
}

/* ---- all fields */

typedef struct walk {
    const char *names[SILT_TYPE_DEPTH_MAX * 2 + 2];
    silt_shape_field_fn *fn;
    void *ctx;
} walk;

static silt_status each(walk *w, const silt_type *type, size_t depth, silt_error *err)
{
    if (depth >= SILT_COUNT(w->names)) return silt_fail(err, SILT_INVALID, "types nest too deep");
    for (size_t i = 0; i < type->field_count; i++) {
        w->names[depth] = type->fields[i].name;
        SILT_TRY(w->fn(w->ctx, (silt_names){w->names, depth + 1}, &type->fields[i], err));
        SILT_TRY(each(w, type->fields[i].type, depth + 1, err));
    }
    if (type->key) {
        w->names[depth] = "key";
        SILT_TRY(each(w, type->key, depth + 1, err));
    }
    if (!type->element) return SILT_OK;
    w->names[depth] = type->kind == SILT_TYPE_MAP ? "value" : "element";
    return each(w, type->element, depth + 1, err);
}

silt_status silt_shape_each(const silt_shape *shape, silt_shape_field_fn *fn, void *ctx,
                            silt_error *err)
{
    walk w = {.fn = fn, .ctx = ctx};
    return each(&w, shape->schema, 0, err);
}
