/* Queries: a statement's relations are opened as it asks for them, and kept. */
#include <strings.h>

#include "base/type.h"
#include "ops/sql.h"
#include "table/changes.h"
#include "table/rows.h"

/* A relation of the statement. */
typedef struct relation {
    const char *key; /* what tells it from others */
    silt_store *store;
    silt_snapshot *snapshot;
    silt_scan *scan;
} relation;

typedef struct query {
    silt_engine *engine;
    silt_arena *arena;
    const silt_datasets *datasets;
    const char *const *storage_options;
    SILT_VEC(relation) relations;
} query;

static void query_free(void *ctx)
{
    query *q = ctx;
    for (size_t i = 0; i < q->relations.count; i++) {
        silt_scan_free(q->relations.items[i].scan);
        silt_snapshot_free(q->relations.items[i].snapshot);
        silt_store_free(q->relations.items[i].store);
    }
    silt_vec_free(&q->relations);
    free(q);
}

/* The one of the relations that can't be read says why. */
static silt_status query_blame(void *ctx, silt_status st, silt_error *err)
{
    const query *q = ctx;
    for (size_t i = 0; i < q->relations.count && st != SILT_INVALID; i++) {
        const silt_scan *scan = q->relations.items[i].scan;
        silt_error said = err ? *err : (silt_error){0};
        silt_status other = scan->blame ? scan->blame(scan->ctx, st, &said) : st;
        if (other == st && (!err || silt_streq(said.message, err->message))) continue;
        if (err) *err = said;
        return other;
    }
    return st;
}

/* ---- relations ---------------------------------------------------------------------------------
 */

/* Of a dataset, or of a path. */
static silt_status open_store(query *q, relation *r, const silt_dataset *dataset, const char *path,
                              silt_error *err)
{
    silt_store_options store = SILT_STORE_OPTIONS_INIT;
    store.pairs = q->storage_options;
    if (dataset) return silt_dataset_store(dataset, &r->store, err);
    return silt_store_open(path, &store, &r->store, err);
}

static silt_status open_snapshot(query *q, relation *r, const silt_dataset *dataset,
                                 const char *path, int64_t version, int64_t timestamp_ms,
                                 silt_error *err)
{
    silt_snapshot_options at = SILT_SNAPSHOT_OPTIONS_INIT;
    at.version = version;
    at.timestamp_ms = timestamp_ms;
    SILT_TRY(open_store(q, r, dataset, path, err));
    return silt_snapshot_open(r->store, q->engine, &at, &r->snapshot, err);
}

static const char *where_of(void *ctx, const silt_type *columns, silt_arena *arena)
{
    return silt_sql_where(ctx, columns, arena);
}

static silt_status open_changes(query *q, relation *r, const silt_relation_request *request,
                                const silt_dataset *dataset, silt_error *err)
{
    silt_changes_options changes = SILT_CHANGES_OPTIONS_INIT;
    SILT_TRY(silt_changes_ends(request->from, request->to, &changes, err));
    SILT_TRY(open_store(q, r, dataset, request->table, err));
    return silt_changes_open_where(r->store, q->engine, &changes, where_of,
                                   (void *)(uintptr_t)request->filter, &r->scan, err);
}

/* A table, by the version that the statement says, or else the dataset. */
static silt_status open_table(query *q, relation *r, const silt_relation_request *request,
                              const silt_dataset *dataset, silt_error *err)
{
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    int64_t version = request->version, timestamp_ms = SILT_NO_TIMESTAMP;
    if (request->timestamp && !silt_time_parse_ms(request->timestamp, &timestamp_ms))
        return silt_fail(err, SILT_INVALID,
                         "timestamp '%.60s': a date, or a date and time, is wanted, such as "
                         "2024-01-15 or 2024-01-15T10:00:00 (UTC)",
                         request->timestamp);
    if (dataset && version < 0 && !request->timestamp) {
        version = dataset->version;
        timestamp_ms = dataset->timestamp_ms;
    }
    SILT_TRY(open_snapshot(q, r, dataset, request->table, version, timestamp_ms, err));
    const silt_type *schema = silt_snapshot_schema(r->snapshot);
    opts.where = silt_sql_where(request->filter, schema, q->arena);
    if (dataset) {
        opts.files = dataset->files;
        opts.file_count = dataset->file_count;
        opts.file_column = dataset->file_column;
        opts.no_pushdown = dataset->no_pushdown;
    }
    return silt_scan_open(r->snapshot, &opts, &r->scan, err);
}

static silt_status open_files(query *q, relation *r, const silt_relation_request *request,
                              const silt_dataset *dataset, silt_error *err)
{
    static const silt_scan_options all = SILT_SCAN_OPTIONS_INIT;
    if (request->changes || request->version >= 0 || request->timestamp)
        return silt_fail(err, SILT_INVALID,
                         "dataset %s: files without a log have no versions and no changes",
                         dataset->name);
    return silt_dataset_files_open(dataset, q->engine, &all, request->filter, &r->scan, err);
}

/* A dataset that gives changes is them wherever it is named; a version of it there is none. */
static silt_status open_relation(query *q, relation *r, const silt_relation_request *request,
                                 silt_error *err)
{
    const silt_dataset *dataset = NULL;
    bool may_be_name = request->is_name || !strchr(request->table, '/');
    if (q->datasets && may_be_name)
        (void)!silt_datasets_find(q->datasets, request->table, &dataset, NULL);
    if (dataset && dataset->format != SILT_DATASET_DELTA)
        return open_files(q, r, request, dataset, err);
    if (request->changes) return open_changes(q, r, request, dataset, err);
    if (!dataset || !dataset->changes_from) return open_table(q, r, request, dataset, err);
    if (request->version >= 0 || request->timestamp)
        return silt_fail(err, SILT_INVALID, "dataset %s: of changes there is no version",
                         dataset->name);
    return silt_dataset_open(dataset, q->engine, NULL, &r->scan, err);
}

static const char *key_of(const query *q, const silt_relation_request *r)
{
    return silt_arena_printf(q->arena, "%d%d\n%s\n%" PRId64 "\n%s\n%s\n%s", r->is_name, r->changes,
                             r->table, r->version, r->timestamp ? r->timestamp : "",
                             r->from ? r->from : "", r->to ? r->to : "");
}

/* A name that isn't a dataset's. */
static silt_status no_table(const query *q, const char *name, silt_error *err)
{
    const silt_dataset *none;
    silt_error why = {0};
    if (q->datasets) (void)!silt_datasets_find(q->datasets, name, &none, &why);
    silt_fail(err, SILT_NOT_FOUND, "there is no table %s", name);
    if (*why.hint) return silt_hint(err, SILT_NOT_FOUND, "%s", why.hint);
    return silt_hint(err, SILT_NOT_FOUND,
                     q->datasets && silt_datasets_count(q->datasets)
                         ? "names are those of datasets; a table at a path is delta('PATH')"
                         : "a table at a path is delta('PATH'); names come from datasets");
}

static silt_status give_relation(void *ctx, const silt_relation_request *request,
                                 const silt_rows_spec **out, silt_error *err)
{
    query *q = ctx;
    const silt_dataset *known = NULL;
    const char *key = key_of(q, request);
    if (!key) return silt_fail_nomem(err);
    for (size_t i = 0; i < q->relations.count; i++) {
        if (!silt_streq(q->relations.items[i].key, key)) continue;
        *out = &q->relations.items[i].scan->rows;
        return SILT_OK;
    }
    if (request->is_name &&
        (!q->datasets || silt_datasets_find(q->datasets, request->table, &known, NULL) != SILT_OK))
        return no_table(q, request->table, err);
    relation r = {.key = key};
    silt_status st = open_relation(q, &r, request, err);
    if (st == SILT_OK && !silt_vec_push(&q->relations, r)) st = silt_fail_nomem(err);
    if (st == SILT_OK) {
        *out = &r.scan->rows;
        return SILT_OK;
    }
    silt_scan_free(r.scan);
    silt_snapshot_free(r.snapshot);
    silt_store_free(r.store);
    return request->is_name ? silt_wrap(err, st, "dataset %s", request->table) : st;
}

/* ---- the scan ----------------------------------------------------------------------------------
 */

silt_status silt_sql_open(silt_engine *engine, const char *sql, const silt_sql_options *opts,
                          silt_scan **out, silt_error *err)
{
    silt_sql_options o = SILT_SQL_OPTIONS_INIT;
    if (opts) memcpy(&o, opts, opts->struct_size < sizeof(o) ? opts->struct_size : sizeof(o));
    SILT_AUTO(silt_scan) scan = NULL;
    silt_sql_tell(&o, sql);
    SILT_TRY(silt_scan_new(engine, &scan, err));
    query *q = calloc(1, sizeof(*q));
    const char *copy = silt_arena_strdup(scan->arena, sql);
    if (!q || !copy) {
        free(q);
        return silt_fail_nomem(err);
    }
    *q = (query){.engine = engine,
                 .arena = scan->arena,
                 .datasets = o.datasets,
                 .storage_options = o.storage_options};
    scan->ctx = q;
    scan->release = query_free;
    scan->blame = query_blame;
    scan->rows = (silt_rows_spec){.kind = SILT_ROWS_QUERY,
                                  .query = {.sql = copy, .relation = give_relation, .ctx = q}};
    SILT_TRY(silt_scan_set_shape(scan, o.view_types, o.schema, o.batch_rows, err));
    *out = SILT_TAKE(scan);
    return SILT_OK;
}
