/* A list of files → what it says of each. */
#include "store/manifest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "store/discover.h"

#define HASH_DIGITS 32

typedef struct reading {
    const char *path;
    char *folder; /* of the manifest; NULL: the working one */
    silt_arena *arena;
    SILT_VEC(silt_manifest_file) files;
    int columns[3]; /* CSV: places of path, size, hash; -1: not there */
    silt_error *err;
} reading;

static void reading_release(reading *r)
{
    silt_vec_free(&r->files);
}

static silt_status read_all(reading *r, silt_buf *out)
{
    FILE *file = fopen(r->path, "re");
    if (!file) {
        silt_status st = silt_fail_errno(r->err, errno, "manifest %s", r->path);
        return silt_hint(r->err, st, "make the manifest, or correct source.manifest");
    }
    char chunk[1 << 16];
    size_t size;
    while ((int64_t)out->size <= SILT_MANIFEST_BYTES_MAX &&
           (size = fread(chunk, 1, sizeof(chunk), file)) > 0)
        silt_buf_append(out, chunk, size);
    silt_status st =
        ferror(file) ? silt_fail_errno(r->err, errno, "manifest %s", r->path) : SILT_OK;
    fclose(file);
    if (st == SILT_OK && out->failed) return silt_fail_nomem(r->err);
    if (st == SILT_OK && (int64_t)out->size > SILT_MANIFEST_BYTES_MAX)
        return silt_fail(r->err, SILT_INVALID, "manifest %s: it is larger than 256 MB", r->path);
    return st;
}

static bool is_hash(const char *text)
{
    size_t digits = 0;
    while (isxdigit((unsigned char)text[digits]))
        digits++;
    return digits == HASH_DIGITS && !text[digits];
}

/* One file; empty texts say nothing. `at` is its line or place, from 1 on. */
static silt_status take(reading *r, int64_t at, const char *path, const char *size,
                        const char *hash)
{
    silt_manifest_file file = {.size_bytes = -1};
    if (!path || !*path)
        return silt_fail(r->err, SILT_INVALID, "manifest %s:%" PRId64 ": a file without a path",
                         r->path, at);
    if (size && *size && (!silt_parse_int64(size, &file.size_bytes) || file.size_bytes < 0))
        return silt_fail(r->err, SILT_INVALID,
                         "manifest %s:%" PRId64 ": size is \"%.40s\"; bytes are wanted", r->path,
                         at, size);
    if (hash && *hash && !is_hash(hash))
        return silt_fail(r->err, SILT_INVALID,
                         "manifest %s:%" PRId64 ": hash is \"%.80s\"; 32 hexadecimal digits of "
                         "XXH3-128 are wanted (xxhsum -H2)",
                         r->path, at, hash);
    file.path = silt_path_normalise(r->folder, path, r->arena);
    char *lower = hash && *hash ? silt_arena_strdup(r->arena, hash) : NULL;
    for (char *c = lower; c && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    file.hash = lower;
    if (!file.path || (hash && *hash && !lower) || !silt_vec_push(&r->files, file))
        return silt_fail_nomem(r->err);
    return SILT_OK;
}

/* ---- JSON */

static silt_status take_item(reading *r, int64_t at, const silt_json *item)
{
    char number[24] = "";
    if (silt_json_kind_of(item) == SILT_JSON_STRING)
        return take(r, at, silt_json_string(item), NULL, NULL);
    const silt_json *size = silt_json_get(item, "size");
    if (silt_json_kind_of(size) == SILT_JSON_NUMBER)
        (void)snprintf(number, sizeof(number), "%" PRId64, silt_json_int(size, -1));
    else if (silt_json_kind_of(size) != SILT_JSON_NULL)
        return silt_fail(r->err, SILT_INVALID, "manifest %s:%" PRId64 ": size isn't a number",
                         r->path, at);
    return take(r, at, silt_json_string(silt_json_get(item, "path")), number,
                silt_json_string(silt_json_get(item, "hash")));
}

static silt_status take_json(reading *r, silt_bytes text)
{
    const silt_json *list;
    silt_status st = silt_json_parse(text, r->arena, &list, r->err);
    if (st == SILT_NOMEM) return st;
    if (st != SILT_OK || silt_json_kind_of(list) != SILT_JSON_ARRAY)
        return silt_fail(r->err, SILT_INVALID,
                         "manifest %s: it isn't a JSON array of paths, or of objects with path, "
                         "size and hash",
                         r->path);
    int64_t at = 0;
    for (silt_json_iter it = silt_json_iter_of(list); silt_json_next(&it);)
        SILT_TRY(take_item(r, ++at, it.value));
    return SILT_OK;
}

/* ---- lines */

/* The next field of a line of CSV, in place; quotes double within quotes. */
static char *next_field(char **at)
{
    char *from = *at, *to = from, *field = from;
    bool quoted = *from == '"';
    from += quoted;
    while (*from && (quoted || *from != ',')) {
        if (quoted && *from == '"' && from[1] != '"') break;
        from += quoted && *from == '"';
        *to++ = *from++;
    }
    from += quoted && *from == '"';
    *at = *from == ',' ? from + 1 : NULL;
    *to = '\0';
    return field;
}

static silt_status take_header(reading *r, char *line)
{
    static const char *const names[] = {"path", "size", "hash"};
    int column = 0;
    for (size_t i = 0; i < SILT_COUNT(names); i++)
        r->columns[i] = -1;
    for (char *at = line; at; column++) {
        const char *name = next_field(&at);
        for (size_t i = 0; i < SILT_COUNT(names); i++)
            if (silt_streq(name, names[i])) r->columns[i] = column;
    }
    if (r->columns[0] >= 0) return SILT_OK;
    return silt_fail(r->err, SILT_INVALID,
                     "manifest %s:1: its first line has no column path (path,size,hash)", r->path);
}

static silt_status take_csv(reading *r, int64_t number, char *line)
{
    const char *values[3] = {NULL, NULL, NULL};
    if (number == 1) return take_header(r, line);
    int column = 0;
    for (char *at = line; at; column++) {
        const char *value = next_field(&at);
        for (size_t i = 0; i < SILT_COUNT(values); i++)
            if (r->columns[i] == column) values[i] = value;
    }
    return take(r, number, values[0], values[1], values[2]);
}

static silt_status take_lines(reading *r, char *text, bool csv)
{
    int64_t number = 0;
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        size_t size = strlen(line);
        if (size && line[size - 1] == '\r') line[size - 1] = '\0';
        number++;
        if (!*line && (number > 1 || !csv)) continue;
        SILT_TRY(csv ? take_csv(r, number, line) : take(r, number, line, NULL, NULL));
    }
    return SILT_OK;
}

/* ---- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const silt_manifest_file *)a)->path, ((const silt_manifest_file *)b)->path);
}

static silt_status give(reading *r, silt_manifest *out)
{
    size_t count = 0;
    silt_manifest_file *files = silt_arena_calloc(r->arena, r->files.count + 1, sizeof(*files));
    if (!files) return silt_fail_nomem(r->err);
    if (r->files.count) memcpy(files, r->files.items, r->files.count * sizeof(*files));
    qsort(files, r->files.count, sizeof(*files), by_path);
    for (size_t i = 0; i < r->files.count; i++)
        if (!count || strcmp(files[i].path, files[count - 1].path) != 0) files[count++] = files[i];
    *out = (silt_manifest){files, count};
    return SILT_OK;
}

silt_status silt_manifest_read(const char *path, silt_arena *arena, silt_manifest *out,
                               silt_error *err)
{
    SILT_CLEAN(reading) r = {.path = path, .arena = arena, .err = err};
    SILT_CLEAN(silt_buf) text = {0};
    const char *slash = strrchr(path, '/');
    if (slash) {
        r.folder = silt_arena_strndup(arena, path, slash > path ? (size_t)(slash - path) : 1);
        if (!r.folder) return silt_fail_nomem(err);
    }
    SILT_TRY(read_all(&r, &text));
    if (!silt_utf8_valid(silt_buf_bytes(&text)) || memchr(text.data ? text.data : "", 0, text.size))
        return silt_fail(err, SILT_INVALID, "manifest %s: it isn't UTF-8 text", path);
    bool json = silt_ends_with(path, ".json"), csv = silt_ends_with(path, ".csv");
    if (json)
        SILT_TRY(take_json(&r, silt_buf_bytes(&text)));
    else if (text.size)
        SILT_TRY(take_lines(&r, text.data, csv));
    return give(&r, out);
}
