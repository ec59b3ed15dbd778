/* The heads of source files: what each file's columns are called, and how text files are to be
 * read. Costs one stat and the head of each file; the engine looks at one file only. */
#include "engine/text_file.h"
#include "ops/source.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#define DIALECT_FILES 16   /* the largest of the first ones shows most of its dialect */
#define DIALECT_ROWS  2048 /* that are looked at */

/* How a file of text begins that isn't text. */
static const struct packing {
    const char *magic;
    size_t size;
    const char *name, *ending; /* ending NULL: it can't be read */
} packings[] = {{"BZh", 3, "bzip2", NULL},
                {"\xfd"
                 "7zXZ",
                 5, "xz", NULL},
                {"\x04\x22\x4d\x18", 4, "lz4", NULL},
                {"PK\x03\x04", 4, "zip", NULL},
                {"\x1f\x8b", 2, "gzip", "gz"},
                {"\x28\xb5\x2f\xfd", 4, "zstd", "zst"}};

/* The compression that a file's name or the options don't tell of; NULL: none. */
static const struct packing *find_packing(const silt_planning *p, const char *path)
{
    char head[8] = "";
    if (p->sources->format == SILT_FORMAT_PARQUET ||
        silt_text_compression(&p->sources->options, path) != SILT_COMPRESSION_NONE)
        return NULL;
    FILE *file = fopen(path, "re"); /* what can't be opened is told where it is read */
    if (!file) return NULL;
    setvbuf(file, NULL, _IONBF, 0);
    size_t size = fread(head, 1, sizeof(head), file);
    (void)fclose(file);
    for (size_t i = 0; i < SILT_COUNT(packings); i++)
        if (size >= packings[i].size && memcmp(head, packings[i].magic, packings[i].size) == 0)
            return &packings[i];
    return NULL;
}

/* Arrays were taken apart before, if they could be. */
static bool is_array(const silt_planning *p, const char *path)
{
    char head[64] = "";
    if (p->sources->format != SILT_FORMAT_NDJSON ||
        silt_text_compression(&p->sources->options, path) != SILT_COMPRESSION_NONE)
        return false;
    FILE *file = fopen(path, "re");
    if (!file) return false;
    size_t size = fread(head, 1, sizeof(head) - 1, file);
    (void)fclose(file);
    const char *text = silt_starts_with(head, "\xef\xbb\xbf") ? head + 3 : head;
    return size && text[strspn(text, " \t\r\n")] == '[';
}

static silt_status check_packing(silt_planning *p, size_t i, bool *packed)
{
    *packed = is_array(p, p->sources->files[i].local_path);
    if (*packed)
        return silt_planning_blame(p, i, SILT_BAD_DATA,
                                   "its JSON array has no end, or isn't all there is in it");
    const struct packing *found = find_packing(p, p->sources->files[i].local_path);
    *packed = found != NULL;
    if (!found) return SILT_OK;
    if (!found->ending)
        return silt_planning_blame(p, i, SILT_BAD_DATA,
                                   "it is compressed by %s, which can't be read; gzip (.gz) and "
                                   "zstd (.zst) can",
                                   found->name);
    return silt_planning_blame(p, i, SILT_BAD_DATA,
                               "it is compressed by %s, which its name doesn't say; let it end in "
                               ".%s, or write options: {compression: %s}",
                               found->name, found->ending, found->name);
}

static silt_status look_at_sizes(silt_planning *p, int64_t *bytes)
{
    for (size_t i = 0; i < p->sources->file_count; i++) {
        const char *path = p->sources->files[i].local_path;
        struct stat s;
        bytes[i] = -1;
        if (stat(path, &s) != 0) {
            silt_error why = {0};
            silt_status st = silt_fail_errno(&why, errno, "can't be read");
            if (st != SILT_NOT_FOUND && st != SILT_DENIED)
                return silt_fail_errno(p->err, errno, "%s", path);
            SILT_TRY(silt_planning_blame(p, i, st, "%s", why.message));
        } else if (!S_ISREG(s.st_mode)) {
            SILT_TRY(silt_planning_blame(p, i, SILT_BAD_DATA, "isn't a file"));
        } else {
            bool packed;
            SILT_TRY(check_packing(p, i, &packed));
            bytes[i] = packed ? -1 : s.st_size;
            p->total_bytes += s.st_size;
        }
    }
    return SILT_OK;
}

/* ---- the dialect */

static silt_status sniff_one(silt_planning *p, size_t file, silt_error *why)
{
    silt_source_options options = {0};
    const silt_column *columns;
    size_t count;
    silt_status st = p->engine->ops->sniff(p->engine, p->sources->format, &p->sources->options,
                                           &p->sources->files[file], 1, DIALECT_ROWS, p->arena,
                                           &options, &columns, &count, why);
    if (st == SILT_OK) p->options = options;
    return st;
}

/* Find what of the dialect isn't given by looking at one file: the largest of the first, else one
 * after another. When none can be understood, each is noted with its own reason. */
static silt_status find_dialect(silt_planning *p, const int64_t *bytes)
{
    size_t count = p->sources->file_count, best = count, seen = 0;
    for (size_t i = 0; i < count && seen < DIALECT_FILES; i++) {
        if (bytes[i] <= 0) continue;
        seen++;
        if (best == count || bytes[i] > bytes[best]) best = i;
    }
    if (best == count) return SILT_OK; /* nothing to be read */
    const char **why = silt_arena_calloc(p->arena, count, sizeof(*why));
    if (!why) return silt_fail_nomem(p->err);
    for (size_t k = 0; k <= count; k++) {
        size_t i = k == 0 ? best : k - 1;
        if (bytes[i] <= 0 || (k && i == best)) continue;
        silt_error trouble = {0};
        silt_status st = sniff_one(p, i, &trouble);
        if (st == SILT_OK) return SILT_OK;
        if (!silt_is_sources_fault(st)) {
            if (p->err) *p->err = trouble;
            return st;
        }
        why[i] = silt_arena_strdup(p->arena, trouble.message);
        if (!why[i]) return silt_fail_nomem(p->err);
    }
    for (size_t i = 0; i < count; i++)
        if (why[i]) SILT_TRY(silt_planning_blame(p, i, SILT_BAD_DATA, "%s", why[i]));
    return SILT_OK;
}

/* ---- groups */

/* Names of a file without a header are its declared columns, in their order. */
static silt_status name_by_position(silt_planning *p, size_t file, const char *const **names,
                                    size_t *count, bool *fits)
{
    const silt_type *declared = p->sources->declared_schema;
    *fits = true;
    if (!declared || !p->options.no_header || !*count) return SILT_OK;
    if (*count != declared->field_count) {
        *fits = false;
        return silt_planning_blame(p, file, SILT_BAD_DATA,
                                   "it has %zu columns, and schema declares %zu", *count,
                                   declared->field_count);
    }
    const char **given = silt_arena_calloc(p->arena, *count, sizeof(*given));
    if (!given) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < *count; i++)
        given[i] = declared->fields[i].name;
    *names = given;
    return SILT_OK;
}

/* The group of a header, made where there is none yet. Names can hold any byte but NUL. */
static silt_status group_of(silt_planning *p, silt_map64 *by_header, const char *const *names,
                            size_t count, size_t *out)
{
    SILT_CLEAN(silt_buf) key = {0};
    for (size_t i = 0; i < count; i++)
        silt_buf_append(&key, names[i], strlen(names[i]) + 1);
    char *kept = silt_arena_strndup(p->arena, key.data ? key.data : "", key.size);
    bool found = false;
    void **slot = key.failed || !kept ? NULL : silt_map64_slot(by_header, kept, key.size, &found);
    if (!slot) return silt_fail_nomem(p->err);
    if (!found) {
        silt_header_group group = {.names = names, .name_count = count};
        if (!silt_vec_push(&p->groups, group)) return silt_fail_nomem(p->err);
        *slot = (void *)(uintptr_t)p->groups.count; /* from 1 */
    }
    *out = (size_t)(uintptr_t)*slot - 1;
    return SILT_OK;
}

/* One file into its group, by its header. */
static silt_status place(silt_planning *p, silt_map64 *by_header, size_t file)
{
    const char *const *names = NULL;
    size_t count = 0, group = 0;
    if (p->sources->format != SILT_FORMAT_NDJSON) {
        silt_error why = {0};
        silt_status st = p->engine->ops->header(p->engine, p->sources->format, &p->options,
                                                p->sources->files[file].local_path, p->arena,
                                                &names, &count, &why);
        if (silt_is_sources_fault(st)) return silt_planning_blame(p, file, st, "%s", why.message);
        if (st != SILT_OK && p->err) *p->err = why;
        if (st != SILT_OK) return st;
        if (!count) return SILT_OK; /* nothing in it, not even a header */
    }
    bool fits;
    SILT_TRY(name_by_position(p, file, &names, &count, &fits));
    if (!fits) return SILT_OK;
    SILT_TRY(group_of(p, by_header, names, count, &group));
    return silt_vec_push(&p->groups.items[group].files, file) ? SILT_OK : silt_fail_nomem(p->err);
}

silt_status silt_planning_headers(silt_planning *p)
{
    size_t count = p->sources->file_count;
    int64_t *bytes = silt_arena_calloc(p->arena, count, sizeof(*bytes));
    SILT_AUTO(silt_map64) by_header = silt_map64_new();
    if (!bytes || !by_header) return silt_fail_nomem(p->err);
    SILT_TRY(look_at_sizes(p, bytes));
    size_t bad_before = p->bad.count;
    if (p->sources->format == SILT_FORMAT_CSV) SILT_TRY(find_dialect(p, bytes));
    if (p->bad.count > bad_before) return SILT_OK; /* no dialect, no headers */
    for (size_t i = 0; i < count; i++)
        if (bytes[i] > 0) SILT_TRY(place(p, by_header, i));
    return SILT_OK;
}
