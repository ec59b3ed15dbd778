/* Reading JSON: yyjson's tree, allocated in an arena, behind getters. The only file that knows
 * yyjson, for which reason the two functions that write by it are here too.
 *
 * A tree is one flat array of values in the order of the text, a container followed by its content.
 * All walks below go along that array, so that no input can make them recurse. */
#include "base/json.h"

#include <math.h>
#include <yyjson.h>

static const yyjson_val *val_of(const silt_json *value)
{
    return (const yyjson_val *)value;
}

static const silt_json *json_of(const yyjson_val *value)
{
    return (const silt_json *)value;
}

/* The value after this one and all it contains. */
static const yyjson_val *behind(const yyjson_val *value)
{
    return unsafe_yyjson_get_next((yyjson_val *)value);
}

/* ---- parsing */

static void *arena_malloc(void *ctx, size_t size)
{
    return silt_arena_alloc(ctx, size);
}

static void *arena_realloc(void *ctx, void *block, size_t old_size, size_t size)
{
    return silt_arena_resize(ctx, block, old_size, size);
}

static void arena_free(void *ctx, void *block)
{
    (void)ctx;
    (void)block;
}

static bool too_deep(const yyjson_val *root)
{
    const yyjson_val *ends[SILT_JSON_DEPTH_MAX]; /* of the containers around the value */
    size_t depth = 0;
    for (const yyjson_val *v = root, *end = behind(root); v < end; v++) {
        while (depth && ends[depth - 1] <= v)
            depth--;
        if (!unsafe_yyjson_is_ctn((yyjson_val *)v)) continue;
        if (depth == SILT_JSON_DEPTH_MAX) return true;
        ends[depth++] = behind(v);
    }
    return false;
}

/* yyjson guesses how many values there will be: give back to the arena what it didn't need. */
static void trim(yyjson_doc *doc, silt_arena *arena)
{
    const char *end = (const char *)(doc->root + doc->val_read);
    size_t used = (size_t)(end - (const char *)doc);
    (void)silt_arena_resize(arena, doc, SIZE_MAX, used); /* it is at least that much */
}

silt_status silt_json_parse(silt_bytes text, silt_arena *arena, const silt_json **out,
                            silt_error *err)
{
    if (!text.data || text.size == 0) return silt_fail(err, SILT_CORRUPT, "JSON: no text");

    const yyjson_alc alc = {arena_malloc, arena_realloc, arena_free, arena};
    yyjson_read_err why = {0};
    yyjson_doc *doc =
        yyjson_read_opts((char *)text.data, text.size, YYJSON_READ_NUMBER_AS_RAW, &alc, &why);
    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) return silt_fail_nomem(err);
    if (!doc)
        return silt_fail(err, SILT_CORRUPT, "JSON, byte %zu of %zu: %s", why.pos, text.size,
                         why.msg);
    trim(doc, arena);
    if (too_deep(doc->root))
        return silt_fail(err, SILT_CORRUPT, "JSON: nested deeper than %d", SILT_JSON_DEPTH_MAX);
    *out = json_of(doc->root);
    return SILT_OK;
}

/* ---- getters */

silt_json_kind silt_json_kind_of(const silt_json *value)
{
    if (!value) return SILT_JSON_NULL;
    switch (unsafe_yyjson_get_type((yyjson_val *)value)) {
    case YYJSON_TYPE_BOOL:
        return SILT_JSON_BOOL;
    case YYJSON_TYPE_RAW:
        return SILT_JSON_NUMBER;
    case YYJSON_TYPE_STR:
        return SILT_JSON_STRING;
    case YYJSON_TYPE_ARR:
        return SILT_JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return SILT_JSON_OBJECT;
    default:
        return SILT_JSON_NULL;
    }
}

const char *silt_json_string(const silt_json *value)
{
    return yyjson_get_str((yyjson_val *)value);
}

size_t silt_json_string_size(const silt_json *value)
{
    return silt_json_kind_of(value) == SILT_JSON_STRING ? yyjson_get_len((yyjson_val *)value) : 0;
}

const char *silt_json_number(const silt_json *value)
{
    return yyjson_get_raw((yyjson_val *)value);
}

static bool number_as_double(const char *text, double *out)
{
    yyjson_val number;
    if (!text || !yyjson_read_number(text, &number, 0, NULL, NULL)) return false;
    *out = yyjson_get_num(&number);
    return true;
}

/* "1.0" and "2e3" are whole too, and some writers write them; a double tells, below 2^53. */
static bool number_as_int(const silt_json *value, int64_t *out)
{
    const char *text = silt_json_number(value);
    if (silt_parse_int64(text, out)) return true;
    double number;
    if (!text || !strpbrk(text, ".eE") || !number_as_double(text, &number)) return false;
    if (fabs(number) > 9007199254740992.0 || number != floor(number)) return false;
    *out = (int64_t)number;
    return true;
}

bool silt_json_is_int(const silt_json *value)
{
    int64_t ignored;
    return number_as_int(value, &ignored);
}

int64_t silt_json_int(const silt_json *value, int64_t fallback)
{
    int64_t number;
    return number_as_int(value, &number) ? number : fallback;
}

double silt_json_double(const silt_json *value, double fallback)
{
    double number;
    return number_as_double(silt_json_number(value), &number) ? number : fallback;
}

bool silt_json_bool(const silt_json *value, bool fallback)
{
    return silt_json_kind_of(value) == SILT_JSON_BOOL ? yyjson_get_bool((yyjson_val *)value)
                                                      : fallback;
}

size_t silt_json_count(const silt_json *value)
{
    return yyjson_is_ctn((yyjson_val *)value) ? unsafe_yyjson_get_len((yyjson_val *)value) : 0;
}

const silt_json *silt_json_get(const silt_json *object, const char *key)
{
    return json_of(yyjson_obj_get((yyjson_val *)object, key));
}

const silt_json *silt_json_get_some(const silt_json *object, const char *key)
{
    const silt_json *value = silt_json_get(object, key);
    return silt_json_kind_of(value) == SILT_JSON_NULL ? NULL : value;
}

silt_json_iter silt_json_iter_of(const silt_json *container)
{
    silt_json_iter it = {.left_ = silt_json_count(container)};
    it.object_ = silt_json_kind_of(container) == SILT_JSON_OBJECT;
    if (it.left_) it.next_ = json_of(val_of(container) + 1);
    return it;
}

bool silt_json_next(silt_json_iter *iter)
{
    if (iter->left_ == 0) return false;
    iter->left_--;
    const yyjson_val *value = val_of(iter->next_);
    if (iter->object_) {
        iter->key = unsafe_yyjson_get_str((yyjson_val *)value);
        iter->key_size = unsafe_yyjson_get_len((yyjson_val *)value);
        value++;
    }
    iter->value = json_of(value);
    iter->next_ = json_of(behind(value));
    return true;
}

/* ---- writing what was read */

static void put_scalar(silt_json_writer *w, const yyjson_val *value)
{
    switch (silt_json_kind_of(json_of(value))) {
    case SILT_JSON_BOOL:
        silt_json_put_bool(w, unsafe_yyjson_get_bool((yyjson_val *)value));
        break;
    case SILT_JSON_NUMBER:
        silt_json_put_raw(w, unsafe_yyjson_get_raw((yyjson_val *)value));
        break;
    case SILT_JSON_STRING:
        silt_json_put_bytes(w, (silt_bytes){unsafe_yyjson_get_str((yyjson_val *)value),
                                            unsafe_yyjson_get_len((yyjson_val *)value)});
        break;
    default:
        silt_json_put_null(w);
        break;
    }
}

static void put_end(silt_json_writer *w, const yyjson_val *container)
{
    if (unsafe_yyjson_is_obj((yyjson_val *)container))
        silt_json_end_object(w);
    else
        silt_json_end_array(w);
}

void silt_json_put_value(silt_json_writer *w, const silt_json *value)
{
    if (!value) {
        silt_json_put_null(w);
        return;
    }
    const yyjson_val
        *open[SILT_JSON_DEPTH_MAX]; /* the containers around the value; parsing limits it */
    size_t depth = 0;
    const yyjson_val *v = val_of(value), *end = behind(v);
    while (v < end) {
        if (depth && unsafe_yyjson_is_obj((yyjson_val *)open[depth - 1])) {
            silt_json_key_bytes(w, (silt_bytes){unsafe_yyjson_get_str((yyjson_val *)v),
                                                unsafe_yyjson_get_len((yyjson_val *)v)});
            v++;
        }
        if (unsafe_yyjson_is_ctn((yyjson_val *)v)) {
            if (unsafe_yyjson_is_obj((yyjson_val *)v))
                silt_json_begin_object(w);
            else
                silt_json_begin_array(w);
            open[depth++] = v;
        } else {
            put_scalar(w, v);
        }
        v++;
        while (depth && behind(open[depth - 1]) == v)
            put_end(w, open[--depth]);
    }
}

char *silt_json_text(const silt_json *value, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_put_value(&w, value);
    return silt_buf_copy(&buf, arena);
}

void silt_json_put_double(silt_json_writer *w, double value)
{
    if (!isfinite(value)) {
        silt_json_put_null(w);
        return;
    }
    char space[512];
    yyjson_alc alc;
    yyjson_alc_pool_init(&alc, space, sizeof(space));
    yyjson_val number = {0};
    unsafe_yyjson_set_real(&number, value);
    size_t size;
    const char *text = yyjson_val_write_opts(&number, 0, &alc, &size, NULL);
    if (text)
        silt_json_put_raw(w, text);
    else
        w->buf->failed = true;
}
