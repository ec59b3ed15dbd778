/* OPTIMIZE: rows into other files, none changed.
 *
 * Files are put into bins, each of one partition; each bin's rows are written anew by themselves.
 */
#include "base/hash.h"
#include "ops/edit.h"
#include "table/expr_tree.h"
#include "table/shape_tree.h"

#define TARGET_BYTES (INT64_C(1) << 30)
/* A file that has lost more than one row in twenty is worth its rewriting. */
#define LOST_SHARE 20

typedef enum mode { MODE_COMPACT, MODE_PURGE, MODE_Z_ORDER, MODE_CLUSTER } mode;

typedef struct bin {
    size_t start, count; /* in e->files */
    int64_t bytes;
} bin;

typedef struct optimizing {
    mode mode;
    const char *const *by;   /* columns of the order */
    const silt_names *paths; /* to those that the table is clustered by; NULL: names of columns */
    size_t by_count;
    int64_t target_bytes, min_bytes;
    silt_names partition_columns; /* as the log calls them */
    bin *bins;
    size_t bin_count;
} optimizing;

/* ---- what is asked for */

typedef struct stranger {
    const silt_edit *e;
    const char *column; /* that isn't a partition column; NULL: none */
} stranger;

static void check_column(void *ctx, const silt_expr *column)
{
    stranger *s = ctx;
    if (!silt_names_have(s->e->state->metadata.partition_columns, column->path[0]))
        s->column = column->path[0];
}

static silt_status take_condition(silt_edit *e, const char *where)
{
    SILT_TRY(silt_edit_condition(e, where));
    stranger s = {e, NULL};
    if (e->where) silt_expr_columns(e->where, check_column, &s);
    if (!s.column) return SILT_OK;
    silt_fail(e->err, SILT_INVALID, "condition: %s isn't a partition column", s.column);
    return silt_hint(e->err, SILT_INVALID,
                     "whole partitions are optimized: their columns can be asked for only");
}

static silt_status check_order(silt_edit *e, const char *name)
{
    int at = silt_type_find(e->schema, name);
    if (at < 0) return silt_fail(e->err, SILT_NOT_FOUND, "z-order: there is no column %s", name);
    if (silt_names_have(e->state->metadata.partition_columns, name))
        return silt_fail(e->err, SILT_INVALID,
                         "z-order: %s is a partition column: the same in all rows of a file", name);
    if (e->schema->fields[at].type->kind >= SILT_TYPE_VARIANT)
        return silt_fail(e->err, SILT_INVALID, "z-order: %s is %s, which has no order", name,
                         silt_type_name(e->schema->fields[at].type, e->arena));
    return silt_clustering_check(&e->state->metadata, e->schema, (silt_names){&name, 1}, name,
                                 e->arena, e->err);
}

static silt_status take_clustering(silt_edit *e, optimizing *o)
{
    const silt_domain *domain = NULL;
    silt_names columns;
    for (size_t i = 0; i < e->state->domain_count; i++)
        if (silt_streq(e->state->domains[i].domain, "delta.clustering"))
            domain = &e->state->domains[i];
    if (!domain) return SILT_OK;
    SILT_TRY(silt_clustering_columns(domain, e->schema, e->arena, &columns, e->err));
    silt_names *paths = silt_arena_calloc(e->arena, columns.count + 1, sizeof(*paths));
    if (!paths) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < columns.count; i++) {
        SILT_TRY(silt_shape_path(columns.items[i], e->arena, &paths[i], e->err));
        SILT_TRY(silt_clustering_check(&e->state->metadata, e->schema, paths[i], columns.items[i],
                                       e->arena, e->err));
    }
    o->by = columns.items;
    o->paths = paths;
    o->by_count = columns.count;
    if (columns.count) o->mode = MODE_CLUSTER;
    return SILT_OK;
}

static silt_status take_mode(silt_edit *e, const silt_optimize_options *asked, optimizing *o)
{
    o->target_bytes = silt_edit_file_bytes(e, TARGET_BYTES);
    o->min_bytes = asked->min_file_bytes ? asked->min_file_bytes : o->target_bytes;
    if (asked->purge) {
        o->mode = MODE_PURGE;
        return SILT_OK;
    }
    SILT_TRY(take_clustering(e, o));
    if (!asked->z_order) return SILT_OK;
    if (o->mode == MODE_CLUSTER)
        return silt_fail(e->err, SILT_INVALID,
                         "%s: the table is clustered, by columns of its own: z-order doesn't go "
                         "with that",
                         e->store->uri);
    o->mode = MODE_Z_ORDER;
    o->by = asked->z_order;
    for (; o->by[o->by_count]; o->by_count++)
        SILT_TRY(check_order(e, o->by[o->by_count]));
    if (o->by_count) return SILT_OK;
    return silt_fail(e->err, SILT_INVALID, "z-order: no columns");
}

/* ---- which files */

/* A file that lost many rows. Where it isn't known how many it had, it counts as one. */
static bool lost_many(const silt_edit_file *file)
{
    const silt_dv *dv = file->add->dv;
    return dv && (file->row_count < 0 || dv->cardinality > file->row_count / LOST_SHARE);
}

static bool is_wanted(const silt_edit *e, const optimizing *o, const silt_edit_file *file)
{
    const silt_optimize_options *asked = e->ctx;
    const char *provider = file->add->clustering_provider;
    switch (o->mode) {
    case MODE_PURGE:
        return file->add->dv != NULL;
    case MODE_Z_ORDER:
        return true;
    case MODE_CLUSTER: /* what others clustered, in ways of their own, is theirs */
        if (provider && !silt_streq(provider, "liquid")) return false;
        return asked->full || !provider;
    default:
        return file->add->size_bytes < o->min_bytes || lost_many(file);
    }
}

/* By partition, then the smallest first. */
static int compare_partitions(const optimizing *o, const silt_add *a, const silt_add *b)
{
    for (size_t i = 0; i < o->partition_columns.count; i++) {
        const char *x = silt_pairs_get(a->partition_values, o->partition_columns.items[i]);
        const char *y = silt_pairs_get(b->partition_values, o->partition_columns.items[i]);
        int order = strcmp(x ? x : "", y ? y : ""); /* '' is null */
        if (order) return order;
    }
    return 0;
}

static int compare_files(const void *a, const void *b, void *ctx)
{
    const silt_add *x = ((const silt_edit_file *)a)->add, *y = ((const silt_edit_file *)b)->add;
    int order = compare_partitions(ctx, x, y);
    if (order) return order;
    if (x->size_bytes != y->size_bytes) return x->size_bytes < y->size_bytes ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* Files that aren't wanted are forgotten. */
static void keep_wanted(silt_edit *e, optimizing *o)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->files.count; i++) {
        silt_edit_file *file = &e->files.items[i];
        file->fate = SILT_EDIT_REWRITTEN;
        if (is_wanted(e, o, file)) e->files.items[kept++] = *file;
    }
    e->files.count = kept;
    if (kept) qsort_r(e->files.items, kept, sizeof(*e->files.items), compare_files, o);
}

/* ---- bins */

static bool worth_it(const silt_edit *e, const optimizing *o, const bin *b)
{
    const silt_optimize_options *asked = e->ctx;
    bool lost = false;
    for (size_t i = 0; i < b->count; i++)
        lost |= lost_many(&e->files.items[b->start + i]);
    if (o->mode != MODE_COMPACT) return true;
    return lost || (int64_t)b->count >= (asked->min_files > 2 ? asked->min_files : 2);
}

/* A bin that isn't worth its rewriting is left out, with its files. */
static void end_bin(silt_edit *e, optimizing *o, bin b, size_t *kept)
{
    if (!b.count || !worth_it(e, o, &b)) return;
    memmove(e->files.items + *kept, e->files.items + b.start, b.count * sizeof(*e->files.items));
    b.start = *kept;
    *kept += b.count;
    o->bins[o->bin_count++] = b;
}

/* Ordered rows are ordered over all files of a partition; else a bin is what makes one file. */
static void make_bins(silt_edit *e, optimizing *o)
{
    bool ordered = o->mode == MODE_Z_ORDER || o->mode == MODE_CLUSTER;
    bin b = {0};
    size_t kept = 0;
    for (size_t i = 0; i < e->files.count; i++) {
        const silt_add *add = e->files.items[i].add;
        const silt_add *last = b.count ? e->files.items[b.start].add : NULL;
        bool other = last && compare_partitions(o, last, add) != 0;
        bool full = !ordered && b.count && b.bytes + add->size_bytes > o->target_bytes;
        if (other || full) {
            end_bin(e, o, b, &kept);
            b = (bin){0};
        }
        if (!b.count) b.start = i;
        b.count++;
        b.bytes += add->size_bytes;
    }
    end_bin(e, o, b, &kept);
    e->files.count = kept;
}

static silt_status find(silt_edit *e)
{
    const silt_optimize_options *asked = e->ctx;
    silt_mapping mapping;
    optimizing *o = silt_arena_calloc(e->arena, 1, sizeof(*o));
    if (!o) return silt_fail_nomem(e->err);
    e->data = o;
    SILT_TRY(take_condition(e, asked->where));
    SILT_TRY(take_mode(e, asked, o));
    SILT_TRY(silt_mapping_of(&e->state->metadata, e->schema, e->arena, &mapping, e->err));
    o->partition_columns = mapping.partition_columns;
    SILT_TRY(silt_edit_find(e));
    keep_wanted(e, o);
    o->bins = silt_arena_calloc(e->arena, e->files.count, sizeof(*o->bins));
    if (!o->bins) return silt_fail_nomem(e->err);
    make_bins(e, o);
    return SILT_OK;
}

/* ---- rows into files */

/* Indexes of the columns that rows are ordered by, among those that are written. */
static silt_status order_of(const silt_edit *e, const silt_write_columns *columns,
                            silt_write_order *out)
{
    const optimizing *o = e->data;
    size_t *indexes = silt_arena_calloc(e->arena, o->by_count, sizeof(*indexes));
    silt_write_member *members = silt_arena_calloc(e->arena, o->by_count, sizeof(*members));
    if (!indexes || !members) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < o->by_count; i++) {
        size_t at = silt_write_columns_find(columns, o->paths ? o->paths[i].items[0] : o->by[i]);
        indexes[i] = at;
        if (o->paths)
            members[i] = (silt_write_member){o->paths[i].items + 1, o->paths[i].count - 1};
        /* columns of the partition aren't written, and aren't counted */
        for (size_t p = 0; p < columns->partition_count && !e->materializes; p++)
            indexes[i] -= columns->partition_by[p] < at;
    }
    *out = (silt_write_order){indexes, o->by_count, o->by_count > 1, members};
    return SILT_OK;
}

static silt_status write_bin(silt_edit *e, const silt_write_columns *columns,
                             const silt_write_order *order, const bin *b)
{
    const optimizing *o = e->data;
    silt_edit_part *parts = silt_arena_calloc(e->arena, b->count, sizeof(*parts));
    silt_edit_rows rows = {.parts = parts,
                           .part_count = b->count,
                           .columns = columns,
                           .ids = SILT_EDIT_IDS_KEPT,
                           .partition = e->files.items[b->start].add,
                           .order = order,
                           .file_bytes = b->bytes > o->target_bytes && o->by_count ? o->target_bytes
                                                                                   : SILT_ONE_FILE};
    if (!parts) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < b->count; i++) {
        const silt_edit_file *file = &e->files.items[b->start + i];
        parts[i].add = file->add;
        rows.expected = rows.expected < 0 || file->hits < 0 ? -1 : rows.expected + file->hits;
    }
    return silt_edit_write(e, &rows);
}

/* A list of the columns, as JSON. */
static const char *by_text(const optimizing *o, bool told, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) list = {0};
    silt_json_writer items = silt_json_writer_of(&list);
    silt_json_begin_array(&items);
    for (size_t i = 0; told && i < o->by_count; i++)
        silt_json_put_string(&items, o->by[i]);
    silt_json_end_array(&items);
    return silt_buf_copy(&list, arena);
}

/* Files that were clustered together, by Spark's names: its next OPTIMIZE goes by these. */
static silt_status mark_clustered(silt_edit *e)
{
    const optimizing *o = e->data;
    SILT_CLEAN(silt_buf) text = {0};
    silt_json_writer w = silt_json_writer_of(&text);
    const char *by = by_text(o, true, e->arena);
    if (!by) return silt_fail_nomem(e->err);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "ZCUBE_ID", e->id);
    silt_json_member_string(&w, "ZCUBE_ZORDER_BY", by);
    silt_json_member_string(&w, "ZCUBE_ZORDER_CURVE", "zorder");
    silt_json_end_object(&w);
    const char *tags = silt_buf_copy(&text, e->arena);
    if (!tags) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < e->adds.count; i++) {
        e->adds.items[i].clustering_provider = "liquid";
        e->adds.items[i].tags = tags;
    }
    return SILT_OK;
}

static silt_status write(silt_edit *e)
{
    const optimizing *o = e->data;
    silt_write_columns columns;
    silt_write_order order = {0};
    SILT_TRY(silt_edit_copied(e, &columns));
    if (o->by_count) SILT_TRY(order_of(e, &columns, &order));
    for (size_t i = 0; i < o->bin_count; i++)
        SILT_TRY(write_bin(e, &columns, o->by_count ? &order : NULL, &o->bins[i]));
    return o->mode == MODE_CLUSTER ? mark_clustered(e) : SILT_OK;
}

/* ---- what it says of itself */

static void put_parameters(const silt_edit *e, silt_json_writer *w)
{
    const optimizing *o = e->data;
    const silt_optimize_options *asked = e->ctx;
    silt_edit_put_predicate(e, w);
    if (o->mode == MODE_PURGE) {
        silt_json_member_string(w, "applyPurge", "true");
        return;
    }
    const char *z_order = by_text(o, o->mode == MODE_Z_ORDER, e->arena);
    const char *cluster = by_text(o, o->mode == MODE_CLUSTER, e->arena);
    if (!z_order || !cluster) {
        w->buf->failed = true;
        return;
    }
    silt_json_member_string(w, "zOrderBy", z_order);
    silt_json_member_string(w, "clusterBy", cluster);
    silt_json_member_string(w, "auto", "false");
    if (o->mode == MODE_CLUSTER)
        silt_json_member_string(w, "isFull", asked->full ? "true" : "false");
}

static int compare_sizes(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void put_sizes(const silt_edit *e, silt_json_writer *w)
{
    static const struct {
        const char *name;
        size_t percent;
    } told[] = {{"minFileSize", 0},
                {"p25FileSize", 25},
                {"p50FileSize", 50},
                {"p75FileSize", 75},
                {"maxFileSize", 100}};
    size_t count = e->adds.count;
    int64_t *sizes = silt_arena_calloc(e->arena, count, sizeof(*sizes));
    if (!sizes) w->buf->failed = true;
    if (!sizes || !count) return;
    for (size_t i = 0; i < count; i++)
        sizes[i] = e->adds.items[i].size_bytes;
    qsort(sizes, count, sizeof(*sizes), compare_sizes);
    for (size_t i = 0; i < SILT_COUNT(told); i++)
        silt_edit_metric(w, told[i].name, sizes[(count - 1) * told[i].percent / 100]);
}

static void put_metrics(const silt_edit *e, silt_json_writer *w)
{
    silt_edit_metric(w, "numRemovedFiles", e->result.files_removed);
    silt_edit_metric(w, "numRemovedBytes", e->result.bytes_removed);
    silt_edit_metric(w, "numAddedFiles", e->result.files_added);
    silt_edit_metric(w, "numAddedBytes", e->result.bytes_added);
    silt_edit_metric(w, "numDeletionVectorsRemoved", e->result.vectors_removed);
    put_sizes(e, w);
}

static silt_status take_options(const silt_optimize_options *given, silt_optimize_options *out,
                                silt_error *err)
{
    *out = (silt_optimize_options)SILT_OPTIMIZE_OPTIONS_INIT;
    if (!given) return SILT_OK;
    if (given->struct_size < sizeof(*out))
        return silt_fail(err, SILT_INVALID, "silt_optimize_options: struct_size is not set");
    *out = *given;
    if (out->min_file_bytes < 0 || out->min_files < 0)
        return silt_fail(err, SILT_INVALID, "min_file_bytes or min_files is below 0");
    if (out->purge && (out->z_order || out->full))
        return silt_fail(err, SILT_INVALID, "purge goes neither with z_order nor with full");
    return SILT_OK;
}

silt_status silt_optimize(silt_snapshot *snapshot, const silt_optimize_options *optimize,
                          const silt_edit_options *opts, silt_edit_result *out,
                          silt_snapshot **after, silt_error *err)
{
    static const silt_edit_op rest = {.name = "OPTIMIZE",
                                      .find = find,
                                      .write = write,
                                      .put_parameters = put_parameters,
                                      .put_metrics = put_metrics,
                                      .rearranges = true};
    static const silt_edit_op purge = {.name = "REORG",
                                       .find = find,
                                       .write = write,
                                       .put_parameters = put_parameters,
                                       .put_metrics = put_metrics,
                                       .rearranges = true};
    silt_optimize_options asked;
    SILT_TRY(take_options(optimize, &asked, err));
    return silt_edit_run(snapshot, asked.purge ? &purge : &rest, &asked, opts, out, after, err);
}
