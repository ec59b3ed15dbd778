/* From a URI to a store, and what every store asks of keys and options. */
#include "store/store.h"

#include <ctype.h>
#include <strings.h>

#include "store/file.h"

#define SUPPORTED "a path, or file:///path"

/* ---- keys */

static bool is_part(const char *part, size_t size)
{
    const size_t temp_size = sizeof(SILT_STORE_TEMP_PREFIX) - 1;
    if (size == 0 || (size == 1 && part[0] == '.')) return false;
    if (size == 2 && part[0] == '.' && part[1] == '.') return false;
    return size < temp_size || memcmp(part, SILT_STORE_TEMP_PREFIX, temp_size) != 0;
}

static bool is_key(const char *key, size_t size)
{
    for (const char *end = key + size;;) {
        const char *slash = memchr(key, '/', (size_t)(end - key));
        if (!is_part(key, (size_t)((slash ? slash : end) - key))) return false;
        if (!slash) return true;
        key = slash + 1;
    }
}

silt_status silt_store_check_key(const char *key, silt_error *err)
{
    if (key && is_key(key, strlen(key))) return SILT_OK;
    return silt_fail(err, SILT_INVALID, "\"%s\" can't be an object's key", key ? key : "");
}

silt_status silt_store_check_prefix(const char *prefix, silt_error *err)
{
    size_t size = prefix ? strlen(prefix) : 0;
    if (prefix && size == 0) return SILT_OK;
    if (prefix && prefix[size - 1] == '/' && is_key(prefix, size - 1)) return SILT_OK;
    return silt_fail(err, SILT_INVALID, "\"%s\" can't be a folder of a listing",
                     prefix ? prefix : "");
}

silt_status silt_store_check_range(const char *key, int64_t offset, int64_t length, silt_error *err)
{
    SILT_TRY(silt_store_check_key(key, err));
    if (offset >= 0 && length >= -1) return SILT_OK;
    return silt_fail(err, SILT_INVALID,
                     "%s: no range starts at %" PRId64 " and has %" PRId64 " bytes", key, offset,
                     length);
}

silt_status silt_store_exists(silt_store *store, const char *key, bool *out, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    silt_object object;
    silt_status st = store->ops->head(store, key, scratch, &object, err);
    if (st != SILT_OK && st != SILT_NOT_FOUND) return st;
    *out = st == SILT_OK;
    return SILT_OK;
}

/* ---- options */

static bool is_known(const char *pair, size_t name_size, const char *const *known)
{
    for (; *known; known++)
        if (strlen(*known) == name_size && memcmp(*known, pair, name_size) == 0) return true;
    return false;
}

silt_status silt_store_check_options(const silt_store_options *opts, const char *const *known,
                                     silt_error *err)
{
    for (const char *const *pair = opts->pairs; pair && *pair; pair++) {
        size_t name_size = strcspn(*pair, "=");
        if (is_known(*pair, name_size, known)) continue;
        silt_fail(err, SILT_INVALID, "storage option \"%.*s\" is not known to this kind of store",
                  (int)name_size, *pair);
        return silt_hint(err, SILT_INVALID, "known are: %s",
                         known[0] ? known[0] : "none, a local path takes no options");
    }
    return SILT_OK;
}

/* ---- URIs */

/* Length of "scheme" where `uri` is "scheme://…" or "file:/…"; 0 where it is a plain path. */
static size_t scheme_size(const char *uri)
{
    size_t size = 0;
    if (!isalpha((unsigned char)uri[0])) return 0;
    while (isalnum((unsigned char)uri[size]) || (uri[size] && strchr("+.-", uri[size])))
        size++;
    if (uri[size] != ':') return 0;
    if (uri[size + 1] == '/' && uri[size + 2] == '/') return size;
    return size == 4 && strncasecmp(uri, "file", 4) == 0 && uri[5] == '/' ? size : 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place; false for a '%' that no byte follows, and for %00. */
static bool percent_decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        int high = hex_value(from[1]);
        int low = high < 0 ? -1 : hex_value(from[2]);
        if (low < 0 || high + low == 0) return false;
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return true;
}

/* What follows "file:": "/path", "///path" or "//localhost/path". */
static silt_status file_path(const char *uri, const char *rest, silt_arena *arena, const char **out,
                             silt_error *err)
{
    if (strncmp(rest, "//", 2) == 0) {
        rest += 2;
        if (strncasecmp(rest, "localhost/", 10) == 0) rest += 9;
        if (rest[0] != '/') {
            silt_fail(err, SILT_INVALID, "%s: not a file of this host", uri);
            return silt_hint(err, SILT_INVALID, "write file:///path with three slashes");
        }
    }
    if (strpbrk(rest, "?#")) {
        silt_fail(err, SILT_INVALID, "%s: a file URI has no query and no fragment", uri);
        return silt_hint(err, SILT_INVALID, "give the plain path, or write %%3F and %%23");
    }
    char *path = silt_arena_strdup(arena, rest);
    if (!path) return silt_fail_nomem(err);
    if (!percent_decode(path)) {
        silt_fail(err, SILT_INVALID, "%s: '%%' isn't followed by a byte in hexadecimal", uri);
        return silt_hint(err, SILT_INVALID, "give the plain path, or write %%25 for '%%'");
    }
    *out = path;
    return SILT_OK;
}

silt_status silt_store_uri_path(const char *uri, silt_arena *arena, const char **out,
                                silt_error *err)
{
    if (!uri || !*uri) return silt_fail(err, SILT_INVALID, "the path of a store is empty");
    size_t size = scheme_size(uri);
    if (size == 0) {
        char *path = silt_arena_strdup(arena, uri);
        if (!path) return silt_fail_nomem(err);
        *out = path;
        return SILT_OK;
    }
    if (size == 4 && strncasecmp(uri, "file", 4) == 0)
        return file_path(uri, uri + size + 1, arena, out, err);
    /* Not the whole URI: it may hold a password or a signature. */
    silt_fail(err, SILT_UNSUPPORTED, "there is no store for \"%.*s://\"", (int)size, uri);
    return silt_hint(err, SILT_UNSUPPORTED, "supported: %s", SUPPORTED);
}

silt_status silt_store_open(const char *uri, const silt_store_options *opts, silt_store **out,
                            silt_error *err)
{
    static const char *const no_options[] = {NULL};
    const silt_store_options defaults = SILT_STORE_OPTIONS_INIT;
    if (!opts) opts = &defaults;
    if (opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_store_options: struct_size is not set");

    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    const char *path;
    SILT_TRY(silt_store_uri_path(uri, scratch, &path, err));
    SILT_TRY(silt_store_check_options(opts, no_options, err));
    return silt_store_file_new(path, uri, !opts->no_durability, out, err);
}

void silt_store_free(silt_store *store)
{
    if (store) store->ops->free(store);
}
