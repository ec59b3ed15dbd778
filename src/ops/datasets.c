/* Datasets: names for tables and how each is read, and the scan of one. */
#include <strings.h>

#include "base/type.h"
#include "ops/layout.h"
#include "ops/sql.h"
#include "store/store.h"
#include "table/expr_tree.h"
#include "table/rows.h"
#include "table/tell.h"

struct silt_datasets {
    silt_arena *arena;
    SILT_VEC(silt_dataset *) items;
};

/* ---- the registry ------------------------------------------------------------------------------
 */

silt_datasets *silt_datasets_new(void)
{
    silt_datasets *datasets = calloc(1, sizeof(*datasets));
    if (datasets) datasets->arena = silt_arena_new();
    if (datasets && datasets->arena) return datasets;
    free(datasets);
    return NULL;
}

void silt_datasets_free(silt_datasets *datasets)
{
    if (!datasets) return;
    silt_vec_free(&datasets->items);
    silt_arena_free(datasets->arena);
    free(datasets);
}

static const silt_dataset *by_name(const silt_datasets *datasets, const char *name)
{
    for (size_t i = 0; i < datasets->items.count; i++)
        if (strcasecmp(datasets->items.items[i]->name, name) == 0) return datasets->items.items[i];
    return NULL;
}

static silt_status check(const silt_datasets *datasets, const silt_dataset *d, silt_error *err)
{
    if (!d->name || !*d->name) return silt_fail(err, SILT_INVALID, "a dataset without a name");
    if (!d->path || !*d->path)
        return silt_fail(err, SILT_INVALID, "dataset %s: where is it? It has no path", d->name);
    if (by_name(datasets, d->name))
        return silt_fail(err, SILT_EXISTS, "there is a dataset %s already", d->name);
    bool version = d->version != SILT_LATEST, time = d->timestamp_ms != SILT_NO_TIMESTAMP;
    if (version && time)
        return silt_fail(err, SILT_INVALID,
                         "dataset %s: a version and a timestamp; only one can be given", d->name);
    bool shaped = d->files || d->file_column || d->no_pushdown;
    if (d->changes_from && (version || time || shaped))
        return silt_fail(err, SILT_INVALID,
                         "dataset %s: changes have no version, timestamp, files, file column or "
                         "pushdown",
                         d->name);
    if (d->changes_to && !d->changes_from)
        return silt_fail(err, SILT_INVALID, "dataset %s: changes to where, but from where?",
                         d->name);
    if (d->format == SILT_DATASET_DELTA) {
        if (!d->hive && !d->read_options && !d->columns) return SILT_OK;
        return silt_fail(err, SILT_INVALID,
                         "dataset %s: a Delta table says its partitioning and columns itself",
                         d->name);
    }
    if ((unsigned)d->format > SILT_DATASET_NDJSON)
        return silt_fail(err, SILT_INVALID, "dataset %s: format %d", d->name, (int)d->format);
    if (version || time || d->changes_from)
        return silt_fail(err, SILT_INVALID,
                         "dataset %s: files without a log have no versions and no changes",
                         d->name);
    if (d->columns && d->columns->kind != SILT_TYPE_STRUCT)
        return silt_fail(err, SILT_INVALID, "dataset %s: its columns aren't a struct", d->name);
    return SILT_OK;
}

static bool copy_text(const char **text, silt_arena *arena)
{
    if (*text) *text = silt_arena_strdup(arena, *text);
    return *text != NULL;
}

/* `count` texts and a NULL behind them. */
static bool copy_texts(const char *const **texts, size_t count, silt_arena *arena)
{
    const char **copy = silt_arena_calloc(arena, count + 1, sizeof(*copy));
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = (*texts)[i];
        if (!copy_text(&copy[i], arena)) return false;
    }
    *texts = copy;
    return copy != NULL;
}

static bool copy_pairs(const char *const **pairs, silt_arena *arena)
{
    size_t count = 0;
    while (*pairs && (*pairs)[count])
        count++;
    return !*pairs || copy_texts(pairs, count, arena);
}

static bool copy_type(const silt_type **type, silt_arena *arena)
{
    if (!*type) return true;
    *type = silt_type_copy(*type, arena);
    return *type != NULL;
}

static bool copy_read_options(const silt_read_options **options, silt_arena *arena)
{
    const silt_read_options *given = *options;
    if (!given) return true;
    silt_read_options *r = silt_arena_calloc(arena, 1, sizeof(*r));
    if (!r) return false;
    memcpy(r, given, given->struct_size < sizeof(*r) ? given->struct_size : sizeof(*r));
    r->struct_size = sizeof(*r);
    const char **texts[] = {&r->delimiter, &r->quote,       &r->escape,      &r->comment,
                            &r->encoding,  &r->date_format, &r->compression, &r->timestamp_format};
    for (size_t i = 0; i < SILT_COUNT(texts); i++)
        if (*texts[i] && !copy_text(texts[i], arena)) return false;
    *options = r;
    return !r->nulls || copy_texts(&r->nulls, r->null_count, arena);
}

static bool copy_policy(const silt_policy **policy, silt_arena *arena)
{
    if (!*policy) return true;
    *policy = silt_policy_copy(*policy, arena);
    return *policy != NULL;
}

static bool copy_all(silt_dataset *d, silt_arena *arena)
{
    const char **texts[] = {&d->name,       &d->path,        &d->changes_from,
                            &d->changes_to, &d->file_column, &d->schema_mode};
    for (size_t i = 0; i < SILT_COUNT(texts); i++)
        if (*texts[i] && !copy_text(texts[i], arena)) return false;
    if (d->files && !copy_texts(&d->files, d->file_count, arena)) return false;
    return copy_pairs(&d->storage_options, arena) && copy_pairs(&d->data_options, arena) &&
           copy_type(&d->schema, arena) && copy_type(&d->columns, arena) &&
           copy_read_options(&d->read_options, arena) && copy_policy(&d->policy, arena);
}

silt_dataset *silt_dataset_copy(const silt_dataset *dataset, silt_arena *arena)
{
    silt_dataset *copy = silt_arena_calloc(arena, 1, sizeof(*copy));
    if (!copy) return NULL;
    memcpy(copy, dataset,
           dataset->struct_size < sizeof(*copy) ? dataset->struct_size : sizeof(*copy));
    copy->struct_size = sizeof(*copy);
    return copy_all(copy, arena) ? copy : NULL;
}

silt_status silt_datasets_add(silt_datasets *datasets, const silt_dataset *dataset, silt_error *err)
{
    silt_dataset given = SILT_DATASET_INIT;
    memcpy(&given, dataset,
           dataset->struct_size < sizeof(given) ? dataset->struct_size : sizeof(given));
    given.struct_size = sizeof(given);
    SILT_TRY(check(datasets, &given, err));
    silt_dataset *d = silt_dataset_copy(&given, datasets->arena);
    if (!d || !silt_vec_push(&datasets->items, d)) return silt_fail_nomem(err);
    return SILT_OK;
}

size_t silt_datasets_count(const silt_datasets *datasets)
{
    return datasets->items.count;
}

const silt_dataset *silt_datasets_at(const silt_datasets *datasets, size_t i)
{
    return i < datasets->items.count ? datasets->items.items[i] : NULL;
}

typedef struct names {
    const silt_datasets *of;
    size_t at;
} names;

static const char *next_name(void *ctx)
{
    names *n = ctx;
    return n->at < n->of->items.count ? n->of->items.items[n->at++]->name : NULL;
}

silt_status silt_datasets_find(const silt_datasets *datasets, const char *name,
                               const silt_dataset **out, silt_error *err)
{
    const silt_dataset *found = by_name(datasets, name);
    if (found) {
        *out = found;
        return SILT_OK;
    }
    silt_fail(err, SILT_NOT_FOUND, "there is no dataset %s", name);
    names all = {datasets, 0};
    const char *closest = silt_closest(name, next_name, &all);
    return closest ? silt_hint(err, SILT_NOT_FOUND, "did you mean '%s'?", closest) : SILT_NOT_FOUND;
}

/* ---- the scan of one ---------------------------------------------------------------------------
 */

/* What a scan of a dataset holds beside the scan proper, which it stands for. */
typedef struct opened {
    silt_store *store;
    silt_snapshot *snapshot;
    silt_scan *scan;
} opened;

static void opened_release(void *ctx)
{
    opened *o = ctx;
    silt_scan_free(o->scan);
    silt_snapshot_free(o->snapshot);
    silt_store_free(o->store);
    free(o);
}

static silt_status opened_blame(void *ctx, silt_status st, silt_error *err)
{
    const opened *o = ctx;
    return o->scan->blame ? o->scan->blame(o->scan->ctx, st, err) : st;
}

static silt_status take_end(const char *text, int64_t *version, int64_t *timestamp_ms,
                            silt_error *err)
{
    if (silt_parse_int64(text, version) && *version >= 0) return SILT_OK;
    *version = -1;
    if (silt_time_parse_ms(text, timestamp_ms)) return SILT_OK;
    return silt_fail(err, SILT_INVALID,
                     "changes: '%.60s' is neither a version nor a time, such as 12, 2024-01-15 or "
                     "2024-01-15T10:00:00",
                     text);
}

silt_status silt_changes_ends(const char *from, const char *to, silt_changes_options *opts,
                              silt_error *err)
{
    SILT_TRY(take_end(from, &opts->from_version, &opts->from_timestamp_ms, err));
    return to ? take_end(to, &opts->to_version, &opts->to_timestamp_ms, err) : SILT_OK;
}

static silt_status open_changes(opened *o, const silt_dataset *d, silt_engine *engine,
                                const silt_scan_options *opts, silt_error *err)
{
    if (opts->files || opts->file_column || opts->row_id_column ||
        opts->row_commit_version_column || opts->no_pushdown || opts->explain)
        return silt_fail(
            err, SILT_INVALID,
            "dataset %s: of changes only columns, a condition and a limit can be asked", d->name);
    silt_changes_options changes = SILT_CHANGES_OPTIONS_INIT;
    changes.columns = opts->columns;
    changes.column_count = opts->column_count;
    changes.where = opts->where;
    changes.limit = opts->limit;
    SILT_TRY(silt_changes_ends(d->changes_from, d->changes_to, &changes, err));
    return silt_changes_open(o->store, engine, &changes, &o->scan, err);
}

static silt_status open_table(opened *o, const silt_dataset *d, silt_engine *engine,
                              const silt_scan_options *opts, silt_error *err)
{
    silt_snapshot_options at = SILT_SNAPSHOT_OPTIONS_INIT;
    silt_scan_options all = *opts;
    at.version = d->version;
    at.timestamp_ms = d->timestamp_ms;
    if (!all.files) {
        all.files = d->files;
        all.file_count = d->file_count;
    }
    if (!all.file_column) all.file_column = d->file_column;
    all.no_pushdown = all.no_pushdown || d->no_pushdown;
    SILT_TRY(silt_snapshot_open(o->store, engine, &at, &o->snapshot, err));
    return silt_scan_open(o->snapshot, &all, &o->scan, err);
}

/* ---- writing */

static silt_status check_writable(const silt_dataset *d, silt_error *err)
{
    const char *why = NULL;
    if (d->changes_from) why = "it gives changes";
    if (d->version != SILT_LATEST || d->timestamp_ms != SILT_NO_TIMESTAMP)
        why = "it is of an older version";
    if (d->files) why = "it is some files of a table";
    if (d->format != SILT_DATASET_DELTA) why = "it isn't a Delta table";
    if (!why) return SILT_OK;
    return silt_fail(err, SILT_INVALID, "dataset %s can't be written: %s", d->name, why);
}

static silt_schema_mode schema_mode(const silt_dataset *d)
{
    if (silt_streq(d->schema_mode, "merge")) return SILT_SCHEMA_MERGE;
    return silt_streq(d->schema_mode, "overwrite") ? SILT_SCHEMA_OVERWRITE : SILT_SCHEMA_FIXED;
}

silt_status silt_dataset_write(const silt_dataset *dataset, silt_engine *engine,
                               const silt_write_source *source, const silt_write_options *given,
                               silt_write_result *out, silt_error *err)
{
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    const silt_policy nothing = SILT_POLICY_INIT;
    silt_policy policy;
    SILT_AUTO(silt_store) store = NULL;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    if (given && given->struct_size < sizeof(opts))
        return silt_fail(err, SILT_INVALID, "silt_write_options: struct_size isn't set");
    if (given) opts = *given;
    SILT_TRY(check_writable(dataset, err));
    SILT_TRY(silt_policy_merge(dataset->policy ? dataset->policy : &nothing,
                               opts.policy ? opts.policy : &nothing, arena, &policy, err));
    opts.policy = &policy;
    bool all = opts.mode == SILT_WRITE_OVERWRITE && !opts.where && !opts.dynamic_partitions;
    if (opts.schema_mode == SILT_SCHEMA_FIXED) opts.schema_mode = schema_mode(dataset);
    /* Columns can be overwritten with all rows only. */
    if (opts.schema_mode == SILT_SCHEMA_OVERWRITE && !all && (!given || !given->schema_mode))
        opts.schema_mode = SILT_SCHEMA_FIXED;
    SILT_TRY(silt_dataset_store(dataset, &store, err));
    return silt_write(store, engine, source, &opts, out, NULL, err);
}

/* Of the log and, as long as stores are local, of the data files too. */
silt_status silt_dataset_store(const silt_dataset *d, silt_store **out, silt_error *err)
{
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    SILT_AUTO(silt_store) data = NULL;
    opts.pairs = d->data_options;
    if (opts.pairs && silt_store_open(d->path, &opts, &data, err) != SILT_OK)
        return silt_wrap(err, SILT_INVALID, "data_options");
    opts.pairs = d->storage_options;
    return silt_store_open(d->path, &opts, out, err);
}

static silt_status open_all(opened *o, silt_scan *scan, const silt_dataset *d, silt_engine *engine,
                            const silt_scan_options *opts, silt_error *err)
{
    silt_scan_options given = SILT_SCAN_OPTIONS_INIT;
    if (opts)
        memcpy(&given, opts, opts->struct_size < sizeof(given) ? opts->struct_size : sizeof(given));
    silt_tell_scan(&given, d->name, -1);
    given.diagnostics = NULL;
    if (d->format != SILT_DATASET_DELTA)
        SILT_TRY(silt_dataset_files_open(d, engine, &given, NULL, &o->scan, err));
    else
        SILT_TRY(silt_dataset_store(d, &o->store, err));
    if (d->changes_from)
        SILT_TRY(open_changes(o, d, engine, &given, err));
    else if (!o->scan)
        SILT_TRY(open_table(o, d, engine, &given, err));
    scan->rows = o->scan->rows;
    scan->explanation = o->scan->explanation;
    return silt_scan_set_shape(scan, given.view_types || d->view_types,
                               given.schema ? given.schema : d->schema, given.batch_rows, err);
}

silt_status silt_dataset_open(const silt_dataset *dataset, silt_engine *engine,
                              const silt_scan_options *opts, silt_scan **out, silt_error *err)
{
    SILT_AUTO(silt_scan) scan = NULL;
    SILT_TRY(silt_scan_new(engine, &scan, err));
    opened *o = calloc(1, sizeof(*o));
    if (!o) return silt_fail_nomem(err);
    scan->ctx = o;
    scan->release = opened_release;
    scan->blame = opened_blame;
    silt_status st = open_all(o, scan, dataset, engine, opts, err);
    if (st != SILT_OK) return silt_wrap(err, st, "dataset %s", dataset->name);
    *out = SILT_TAKE(scan);
    return SILT_OK;
}
