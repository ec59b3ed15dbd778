/* An inventory of a table's folder, made by somebody else: rows of path, length, isDir and
 * modificationTime, as Spark's VACUUM … USING INVENTORY takes them. */
#include <errno.h>
#include <strings.h>
#include <unistd.h>

#include "base/type.h"
#include "ops/sql.h"
#include "ops/vacuum_work.h"
#include "store/store.h"
#include "table/rows.h"

#define COLUMNS 4

static const char *const names[COLUMNS] = {"path", "length", "isDir", "modificationTime"};

typedef struct reading {
    const char *roots[2]; /* the table's folder, as it is called and as it is; NULL: not local */
    silt_inventory_fn *fn;
    void *ctx;
    int64_t row;
    silt_status st;
    silt_error *err;
    silt_arena *arena; /* of a row */
} reading;

/* The key of a path in the table's folder; NULL: it leads elsewhere. */
static const char *key_of(const reading *r, const char *path)
{
    if (silt_starts_with(path, "file:/")) {
        path += strlen("file:");
        while (path[0] == '/' && path[1] == '/')
            path++;
    }
    if (path[0] != '/') return strstr(path, "://") ? NULL : path;
    for (size_t i = 0; i < SILT_COUNT(r->roots); i++) {
        size_t size = r->roots[i] ? strlen(r->roots[i]) : 0;
        if (size && strncmp(path, r->roots[i], size) == 0 && path[size] == '/')
            return path + size + 1;
    }
    return NULL;
}

static silt_status take(reading *r, const silt_bytes *values)
{
    int64_t size_bytes, mtime_ms;
    const char *texts[COLUMNS];
    silt_arena_reset(r->arena);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (!values[i].data)
            return silt_fail(r->err, SILT_BAD_DATA, "row %" PRId64 ": %s is null", r->row,
                             names[i]);
        texts[i] = silt_arena_strndup(r->arena, values[i].data, values[i].size);
        if (!texts[i]) return silt_fail_nomem(r->err);
    }
    if (!silt_parse_int64(texts[1], &size_bytes) || !silt_parse_int64(texts[3], &mtime_ms))
        return silt_fail(r->err, SILT_BAD_DATA,
                         "row %" PRId64 ": length %.60s and modificationTime %.60s are to be whole "
                         "numbers, of bytes and of milliseconds since 1970",
                         r->row, texts[1], texts[3]);
    const char *key = key_of(r, texts[0]);
    if (!key || !*key || strcasecmp(texts[2], "true") == 0) return SILT_OK;
    return r->fn(r->ctx, key, size_bytes, mtime_ms);
}

static bool on_row(void *ctx, const silt_bytes *values, size_t count)
{
    reading *r = ctx;
    (void)count; /* those that were asked for */
    r->row++;
    r->st = take(r, values);
    return r->st == SILT_OK;
}

static silt_dataset_format format_of(const char *path)
{
    static const struct {
        const char *ending;
        silt_dataset_format format;
    } known[] = {
        {".csv", SILT_DATASET_CSV},          {".csv.gz", SILT_DATASET_CSV},
        {".csv.zst", SILT_DATASET_CSV},      {".parquet", SILT_DATASET_PARQUET},
        {".ndjson", SILT_DATASET_NDJSON},    {".jsonl", SILT_DATASET_NDJSON},
        {".ndjson.gz", SILT_DATASET_NDJSON}, {".json", SILT_DATASET_NDJSON},
    };
    size_t size = strlen(path);
    for (size_t i = 0; i < SILT_COUNT(known); i++) {
        size_t ending = strlen(known[i].ending);
        if (size > ending && strcasecmp(path + size - ending, known[i].ending) == 0)
            return known[i].format;
    }
    return SILT_DATASET_DELTA;
}

static silt_status open_rows(const char *path, silt_engine *engine, silt_scan **out,
                             silt_error *err)
{
    const silt_field fields[COLUMNS] = {
        {names[0], silt_type_primitive(SILT_TYPE_STRING), true, "{}"},
        {names[1], silt_type_primitive(SILT_TYPE_LONG), true, "{}"},
        {names[2], silt_type_primitive(SILT_TYPE_BOOLEAN), true, "{}"},
        {names[3], silt_type_primitive(SILT_TYPE_LONG), true, "{}"},
    };
    const silt_type columns = {.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = COLUMNS};
    silt_dataset dataset = SILT_DATASET_INIT;
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    dataset.name = "inventory";
    dataset.path = path;
    dataset.format = format_of(path);
    if (dataset.format != SILT_DATASET_DELTA) {
        if (access(path, R_OK) != 0) return silt_fail_errno(err, errno, "%s", path);
        dataset.columns = &columns; /* with which a file may be missing */
    }
    opts.columns = names;
    opts.column_count = COLUMNS;
    return silt_dataset_open(&dataset, engine, &opts, out, err);
}

silt_status silt_inventory_read(const char *path, silt_store *store, silt_engine *engine,
                                silt_inventory_fn *fn, void *ctx, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_arena) row = silt_arena_new();
    SILT_AUTO(silt_scan) scan = NULL;
    if (!arena || !row) return silt_fail_nomem(err);
    const char *folder = silt_store_local_path(store, "", arena);
    SILT_FREE char *real = folder ? realpath(folder, NULL) : NULL;
    reading r = {.roots = {folder, real}, .fn = fn, .ctx = ctx, .err = err, .arena = row};
    silt_status st = open_rows(path, engine, &scan, err);
    if (st == SILT_OK) st = silt_scan_rows(scan, on_row, &r, err);
    if (st == SILT_OK) st = r.st;
    return st == SILT_OK ? SILT_OK : silt_wrap(err, st, "inventory %s", path);
}
