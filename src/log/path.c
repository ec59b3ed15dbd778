/* Names in the log folder, and the paths of files as the log writes them.
 *
 * A data file's key goes through two escapings: Hive's for the values in partition folders, then
 * the URI's for the whole key. So the value "a b%" is the folder "p=a b%25" and in the log
 * "p=a%20b%2525". */
#include "base/hash.h"
#include "log/log.h"

const char *silt_log_commit_key(silt_arena *arena, int64_t version)
{
    return silt_arena_printf(arena, SILT_LOG_DIR "%020" PRId64 ".json", version);
}

const char *silt_log_checkpoint_key(silt_arena *arena, int64_t version)
{
    return silt_arena_printf(arena, SILT_LOG_DIR "%020" PRId64 ".checkpoint.parquet", version);
}

const char *silt_log_crc_key(silt_arena *arena, int64_t version)
{
    return silt_arena_printf(arena, SILT_LOG_DIR "%020" PRId64 ".crc", version);
}

/* ---- URI escaping */

/* Not of <ctype.h>, which asks the locale. */
static bool is_alpha(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(unsigned char c)
{
    return is_alpha(c) || (c >= '0' && c <= '9');
}

/* What stands for itself in the path of an RFC 2396 URI: unreserved, and the reserved ones a path
 * may hold. Java keeps other letters of Unicode too; percent-encoded UTF-8 means the same to it,
 * and is what the RFC says. */
static bool is_plain(unsigned char c)
{
    return is_alnum(c) || (c && strchr("-_.!~'()*;:@&=+$,/", c));
}

/* "scheme:" at the start, which would make the path an absolute URI: the scheme's length. */
static size_t scheme_size(const char *path)
{
    size_t size = 0;
    if (!is_alpha((unsigned char)path[0])) return 0;
    while (is_alnum((unsigned char)path[size]) || (path[size] && strchr("+.-", path[size])))
        size++;
    return path[size] == ':' ? size : 0;
}

const char *silt_path_encode(const char *key, silt_arena *arena)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t scheme = scheme_size(key);
    char *out = silt_arena_alloc(arena, strlen(key) * 3 + 1);
    if (!out) return NULL;
    char *to = out;
    for (const char *from = key; *from; from++) {
        unsigned char c = (unsigned char)*from;
        if (is_plain(c) && !(scheme && from == key + scheme)) {
            *to++ = *from;
            continue;
        }
        *to++ = '%';
        *to++ = hex[c >> 4];
        *to++ = hex[c & 15];
    }
    *to++ = '\0';
    return silt_arena_resize(arena, out, strlen(key) * 3 + 1, (size_t)(to - out));
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place; false: a '%' that isn't followed by a byte in hexadecimal, or by 00. */
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
        if (low < 0 || (high == 0 && low == 0)) return false;
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return true;
}

/* Take "." and empty parts out, in place; false: it has a "..". */
static bool clean_parts(char *key)
{
    char *to = key;
    for (char *part = key, *end; *part; part = end) {
        end = part + strcspn(part, "/");
        size_t size = (size_t)(end - part);
        if (size == 2 && part[0] == '.' && part[1] == '.') return false;
        if (size && !(size == 1 && part[0] == '.')) {
            if (to != key) *to++ = '/';
            memmove(to, part, size);
            to += size;
        }
        while (*end == '/')
            end++;
    }
    *to = '\0';
    return true;
}

silt_status silt_path_decode(const char *path, silt_arena *arena, const char **key, silt_error *err)
{
    if (path[0] == '/' || scheme_size(path)) {
        silt_fail(err, SILT_UNSUPPORTED, "path \"%s\" is absolute", path);
        return silt_hint(
            err, SILT_UNSUPPORTED,
            "the table refers to files outside of its folder (a shallow clone, or moved "
            "files), which Silt doesn't read");
    }
    char *out = silt_arena_strdup(arena, path);
    if (!out) return silt_fail_nomem(err);
    if (strchr(out, '%') && !percent_decode(out))
        silt_fail(err, SILT_CORRUPT, "path \"%s\": '%%' isn't followed by a byte", path);
    else if (!clean_parts(out))
        silt_fail(err, SILT_CORRUPT, "path \"%s\" leads out of the table", path);
    else if (!*out)
        silt_fail(err, SILT_CORRUPT, "path \"%s\" names no file", path);
    else {
        *key = out;
        return SILT_OK;
    }
    return silt_hint(err, SILT_CORRUPT,
                     "the log isn't as a writer of tables leaves it; other versions may still be "
                     "read");
}

/* "file:///x", "file:/x" and "/x" are one file. Anything else absolute stays as it is. */
static const char *without_file_scheme(const char *path)
{
    if (strncmp(path, "file:/", 6) != 0) return path;
    path += 5;
    while (path[0] == '/' && path[1] == '/')
        path++;
    return path;
}

const char *silt_path_canonical(const char *path, silt_arena *arena)
{
    const char *rest = without_file_scheme(path);
    if (!strchr(rest, '%')) return rest;
    char *out = silt_arena_strdup(arena, rest);
    if (!out) return NULL;
    return percent_decode(out) ? out : rest; /* a wrong one is told of when the file is opened */
}

/* ---- partition folders */

#define HIVE_DEFAULT_PARTITION "__HIVE_DEFAULT_PARTITION__"

static void put_escaped(silt_buf *buf, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7F || strchr("\"#%'*/:=?\\{[]^", c))
            silt_buf_printf(buf, "%%%02X", c);
        else
            silt_buf_putc(buf, (char)c);
    }
}

/* One folder. A name that no file system takes gives way to a hash: nobody has to read it, the log
 * has the values. */
static void put_partition(silt_buf *buf, silt_pair pair)
{
    SILT_CLEAN(silt_buf) name = {0};
    put_escaped(&name, pair.key);
    silt_buf_putc(&name, '=');
    if (pair.value && *pair.value)
        put_escaped(&name, pair.value);
    else
        silt_buf_puts(&name, HIVE_DEFAULT_PARTITION);
    if (name.failed) buf->failed = true;
    if (name.size > SILT_PATH_NAME_MAX)
        silt_buf_printf(buf, "long-%016" PRIx64, silt_hash64(name.data, name.size));
    else
        silt_buf_append(buf, name.data, name.size);
    silt_buf_putc(buf, '/');
}

const char *silt_path_partition_dir(silt_pairs values, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_puts(&buf, "");
    for (size_t i = 0; i < values.count; i++)
        put_partition(&buf, values.items[i]);
    return silt_buf_copy(&buf, arena);
}

/* Text with a '%' that escapes nothing is as it stands. */
static const char *unescaped(const char *text, size_t size, silt_arena *arena)
{
    char *plain = silt_arena_strndup(arena, text, size),
         *out = silt_arena_strndup(arena, text, size);
    return plain && out && percent_decode(out) ? out : plain;
}

bool silt_path_partition_values(const char *key, silt_arena *arena, silt_pairs *out)
{
    size_t most = 0;
    for (const char *c = key; *c; c++)
        most += *c == '/';
    silt_pair *items = silt_arena_calloc(arena, most, sizeof(*items));
    if (!items) return false;
    *out = (silt_pairs){items, 0};
    for (const char *part = key, *end; (end = strchr(part, '/')); part = end + 1) {
        const char *equals = memchr(part, '=', (size_t)(end - part));
        if (!equals || equals == part) continue;
        const char *name = unescaped(part, (size_t)(equals - part), arena);
        const char *value = unescaped(equals + 1, (size_t)(end - equals - 1), arena);
        if (!name || !value) return false;
        if (!*value || silt_streq(value, HIVE_DEFAULT_PARTITION)) value = NULL;
        items[out->count++] = (silt_pair){name, value};
    }
    return true;
}
