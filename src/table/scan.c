/* Data files of a table as the engine reads them. */
#include "table/scan.h"

#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "log/dv.h"

/* ---- row counts */

/* Of what Spark and most others write: numRecords comes first. */
static bool leading_row_count(const char *stats, int64_t *out)
{
    static const char lead[] = "{\"numRecords\":";
    char digits[24] = {0};
    if (!silt_starts_with(stats, lead)) return false;
    const char *number = stats + sizeof(lead) - 1;
    size_t size = strspn(number, "0123456789");
    if (size == 0 || size >= sizeof(digits) || (number[size] != ',' && number[size] != '}'))
        return false;
    memcpy(digits, number, size);
    return silt_parse_int64(digits, out);
}

int64_t silt_stats_row_count(const char *stats, silt_arena *scratch)
{
    int64_t rows;
    const silt_json *parsed;
    if (!stats) return -1;
    if (leading_row_count(stats, &rows)) return rows;
    if (silt_json_parse(silt_bytes_of(stats), scratch, &parsed, NULL) != SILT_OK) return -1;
    rows = silt_json_int(silt_json_get(parsed, "numRecords"), -1);
    return rows < 0 ? -1 : rows;
}

int64_t silt_add_row_count(const silt_add *add, silt_arena *scratch)
{
    int64_t rows = silt_stats_row_count(add->stats, scratch);
    if (rows < 0 || !add->dv) return rows;
    return rows >= add->dv->cardinality ? rows - add->dv->cardinality : -1;
}

/* ---- where files are */

static silt_status gone(const silt_scan_plan *plan, const char *path, silt_error *err)
{
    silt_fail(err, SILT_NOT_FOUND, "%s: data file %s of version %" PRId64 " has gone",
              plan->store->uri, path, plan->version);
    return silt_hint(err, SILT_NOT_FOUND,
                     "it was deleted, perhaps by a vacuum: read a newer version, or restore the "
                     "file from a backup");
}

static silt_status is_there(const silt_scan_plan *plan, const char *local_path, silt_error *err)
{
    if (access(local_path, F_OK) == 0) return SILT_OK;
    if (errno == ENOENT || errno == ENOTDIR) return gone(plan, local_path, err);
    return silt_fail_errno(err, errno, "%s: data file %s of version %" PRId64, plan->store->uri,
                           local_path, plan->version);
}

/* A copy; its number keeps those of files of one name apart. */
static silt_status copy_file(silt_scan_plan *plan, const char *key, const char **out,
                             silt_error *err)
{
    /* Folders of text, the only local stores that don't tell a path, are read with one. */
    if (!plan->scratch && plan->store->ops->local_path) return silt_fail_nomem(err);
    if (!plan->scratch)
        return silt_fail(err, SILT_INVALID, "%s: reading needs a scratch folder", plan->store->uri);
    const char *slash = strrchr(key, '/');
    *out = silt_arena_printf(plan->arena, "%s/%zu-%s", plan->scratch, plan->making->files.count,
                             slash ? slash + 1 : key);
    if (!*out) return silt_fail_nomem(err);
    silt_status st = plan->store->ops->get_file(plan->store, key, *out, err);
    if (st == SILT_NOT_FOUND) return gone(plan, key, err);
    if (st == SILT_OK) return SILT_OK;
    return silt_wrap(err, st, "%s: data file %s of version %" PRId64, plan->store->uri, key,
                     plan->version);
}

/* The file's path on this machine, in `arena`, and not looked for; NULL: it would have to be
 * copied. The key lives in the making's scratch. */
static silt_status locate(const silt_scan_plan *plan, const char *path, silt_arena *arena,
                          const char **key, const char **local_path, silt_error *err)
{
    silt_place place;
    silt_status st = silt_path_place(plan->store, path, plan->making->scratch, &place, err);
    if (st != SILT_OK)
        return silt_wrap(err, st, "%s: version %" PRId64, plan->store->uri, plan->version);
    *key = place.key;
    *local_path = place.key ? silt_store_local_path(plan->store, place.key, arena)
                            : silt_arena_strdup(arena, place.local_path);
    return *local_path || place.key ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_scan_plan_check(const silt_scan_plan *plan, const char *path, silt_error *err)
{
    const char *key = NULL, *local_path = NULL;
    silt_arena_reset(plan->making->scratch);
    SILT_TRY(locate(plan, path, plan->making->scratch, &key, &local_path, err));
    return local_path ? is_there(plan, local_path, err) : SILT_OK;
}

/* What an engine said of a file of the plan: whose it is, and what can be done. */
static silt_status broken(const silt_scan_plan *plan, silt_error *err)
{
    const silt_scan_spec *spec = &plan->spec;
    for (size_t i = 0; err && i < spec->file_count; i++) {
        if (!silt_starts_with(err->message, spec->files[i].local_path)) continue;
        silt_hint(err, SILT_CORRUPT,
                  "restore the file from a copy; versions without it can still be read");
        return silt_wrap(err, SILT_CORRUPT, "%s: version %" PRId64, plan->store->uri,
                         plan->version);
    }
    return SILT_CORRUPT;
}

silt_status silt_scan_missing(const silt_scan_plan *plan, silt_status st, silt_error *err)
{
    const silt_scan_spec *spec = &plan->spec;
    for (size_t i = 0; st != SILT_INTERRUPTED && i < spec->file_count; i++)
        if (access(spec->files[i].local_path, F_OK) != 0)
            return gone(plan, spec->files[i].local_path, err);
    return st == SILT_CORRUPT ? broken(plan, err) : st;
}

/* ---- what files hold */

static silt_status lacks(const silt_scan_plan *plan, const silt_scan_item *item, const char *what,
                         silt_error *err)
{
    return silt_fail(err, SILT_CORRUPT, "%s: data file %s of version %" PRId64 " has no %s",
                     plan->store->uri, item->path, plan->version, what);
}

static silt_status partition_value(const silt_scan_plan *plan, const silt_scan_item *item,
                                   const char *name, const char **out, silt_error *err)
{
    const silt_pairs values = item->partition_values;
    for (size_t i = 0; i < values.count; i++) {
        if (strcmp(values.items[i].key, name) != 0) continue;
        const char *value = values.items[i].value;
        *out = value && *value ? value : NULL; /* "" is null, too */
        return SILT_OK;
    }
    silt_fail(err, SILT_CORRUPT,
              "%s: data file %s of version %" PRId64 " has no value of partition column %s",
              plan->store->uri, item->path, plan->version, name);
    return SILT_CORRUPT;
}

static silt_status fill_constants(const silt_scan_plan *plan, const silt_scan_item *item,
                                  silt_scan_file *file, silt_error *err)
{
    const silt_scan_making *m = plan->making;
    if (m->constant_count == 0) return SILT_OK;
    const char **values = silt_arena_calloc(plan->arena, m->constant_count, sizeof(*values));
    if (!values) return silt_fail_nomem(err);
    for (size_t i = 0; i < m->constant_count; i++) {
        const silt_constant *c = &m->constants[i];
        if (c->kind == SILT_CONSTANT_PARTITION) {
            SILT_TRY(partition_value(plan, item, c->name, &values[i], err));
        } else if (c->kind == SILT_CONSTANT_EXTRA) {
            values[i] = item->extras[c->index];
        } else {
            if (item->default_row_commit_version < 0)
                return lacks(plan, item, "defaultRowCommitVersion, though row tracking is on", err);
            values[i] =
                silt_arena_printf(plan->arena, "%" PRId64, item->default_row_commit_version);
            if (!values[i]) return silt_fail_nomem(err);
        }
    }
    file->constants = values;
    return SILT_OK;
}

static silt_status read_dv(silt_scan_plan *plan, const silt_scan_item *item, silt_scan_file *file,
                           silt_error *err)
{
    silt_bitmap *rows = NULL;
    silt_status st = silt_dv_read(plan->store, item->dv, item->row_count, &rows, err);
    if (st != SILT_OK)
        return silt_wrap(err, st, "%s: data file %s of version %" PRId64, plan->store->uri,
                         item->path, plan->version);
    if (!silt_vec_push(&plan->making->bitmaps, rows)) {
        silt_bitmap_free(rows);
        return silt_fail_nomem(err);
    }
    /* A vector that names no row asks for no look at each. */
    file->rows = silt_bitmap_count(rows) || item->rows_only ? rows : NULL;
    return SILT_OK;
}

/* ---- plans */

/* An engine takes a millisecond and 15 kB a column, whatever there is to read. */
#define COLUMNS_MAX 50000

silt_status silt_scan_plan_init(silt_scan_plan *plan, silt_store *store, int64_t version,
                                const silt_metadata *metadata, const silt_type *schema,
                                const silt_scan_want *want, const char *scratch, silt_arena *arena,
                                silt_error *err)
{
    *plan =
        (silt_scan_plan){.store = store, .arena = arena, .scratch = scratch, .version = version};
    plan->spec = (silt_scan_spec){
        .filter = want->filter, .no_pushdown = want->no_pushdown, .limit = want->limit};
    size_t columns = want->columns ? want->column_count : schema->field_count;
    if (columns > COLUMNS_MAX) {
        silt_fail(err, SILT_UNSUPPORTED,
                  "%s: version %" PRId64 ": %zu columns are too many to be read at once",
                  store->uri, version, columns);
        return silt_hint(err, SILT_UNSUPPORTED, "choose columns, %d at most", COLUMNS_MAX);
    }
    silt_scan_making *m = silt_arena_calloc(arena, 1, sizeof(*m));
    if (!m) return silt_fail_nomem(err);
    plan->making = m;
    m->scratch = silt_arena_new();
    silt_status st = m->scratch ? silt_mapping_of(metadata, schema, arena, &m->mapping, err)
                                : silt_fail_nomem(err);
    if (st != SILT_OK) st = silt_wrap(err, st, "%s: version %" PRId64, store->uri, version);
    if (st == SILT_OK) st = silt_scan_columns(plan, metadata, schema, want, err);
    plan->spec.by_id = m->mapping.mode == SILT_MAPPING_ID;
    if (st != SILT_OK) silt_scan_plan_release(plan);
    return st;
}

void silt_scan_plan_release(silt_scan_plan *plan)
{
    silt_scan_making *m = plan->making;
    if (!m) return;
    for (size_t i = 0; i < m->bitmaps.count; i++)
        silt_bitmap_free(m->bitmaps.items[i]);
    silt_vec_free(&m->bitmaps);
    silt_vec_free(&m->files);
    silt_arena_free(m->scratch);
    plan->making = NULL;
}

silt_status silt_scan_plan_add(silt_scan_plan *plan, const silt_scan_item *item, silt_error *err)
{
    silt_scan_making *m = plan->making;
    const char *key = NULL;
    silt_scan_file file = {.row_count = item->row_count,
                           .base_row_id = item->base_row_id,
                           .rows = item->rows,
                           .rows_only = item->rows_only};
    silt_arena_reset(m->scratch);
    SILT_TRY(locate(plan, item->path, plan->arena, &key, &file.local_path, err));
    if (file.local_path)
        SILT_TRY(is_there(plan, file.local_path, err));
    else
        SILT_TRY(copy_file(plan, key, &file.local_path, err));
    if (m->row_ids && item->base_row_id < 0)
        return lacks(plan, item, "baseRowId, though row tracking is on", err);
    SILT_TRY(fill_constants(plan, item, &file, err));
    if (item->dv && !item->rows) SILT_TRY(read_dv(plan, item, &file, err));
    if (!silt_vec_push(&m->files, file)) return silt_fail_nomem(err);
    plan->spec.files = m->files.items;
    plan->spec.file_count = m->files.count;
    return SILT_OK;
}

silt_status silt_scan_plan_adds(silt_scan_plan *plan, silt_snapshot *snapshot, const size_t *files,
                                size_t count, silt_error *err)
{
    const silt_add *adds;
    size_t add_count;
    SILT_TRY(silt_snapshot_adds(snapshot, &adds, &add_count, err));
    for (size_t i = 0; i < (files ? count : add_count); i++) {
        const silt_add *add = &adds[files ? files[i] : i];
        const silt_scan_item item = {.path = add->path,
                                     .partition_values = add->partition_values,
                                     .row_count =
                                         silt_stats_row_count(add->stats, plan->making->scratch),
                                     .base_row_id = add->base_row_id,
                                     .default_row_commit_version = add->default_row_commit_version,
                                     .dv = add->dv};
        SILT_TRY(silt_scan_plan_add(plan, &item, err));
    }
    return SILT_OK;
}
