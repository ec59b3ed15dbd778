/* One commit that takes a feature out of a table's metadata and files.
 *
 * Files are written anew where the feature shows in them: those with deletion vectors, those of
 * narrower types, all that know columns by names or ids of their own. Rows stay, and so do their
 * ids.
 * @see PROTOCOL.md, "Deletion Vectors", "Column Mapping", "Type Widening" */
#include "base/hash.h"
#include "engine/parquet_footer.h"
#include "engine/parquet_schema.h"
#include "log/dv.h"
#include "log/property.h"
#include "ops/drop_feature.h"
#include "table/mapping.h"

typedef struct cleaning {
    silt_shape shape; /* without the feature, which the protocol still allows */
    silt_metadata metadata;
    silt_mapping mapping; /* as it was */
    const char **tombs;   /* deletion vectors' files */
    size_t tomb_count;
} cleaning;

typedef bool wanted_fn(const silt_edit *e, const cleaning *c, const silt_add *add,
                       silt_arena *scratch);

/* ---- which files */

static bool has_vector(const silt_edit *e, const cleaning *c, const silt_add *add,
                       silt_arena *scratch)
{
    (void)e, (void)c, (void)scratch;
    return add->dv != NULL;
}

/* Whether the names in files are those of the schema, and no other name ever was in them. */
static bool same_names(const silt_type *type, const silt_physical *physical, int64_t *count)
{
    size_t child = 0;
    for (size_t i = 0; i < type->field_count; i++, child++) {
        ++*count;
        if (!silt_streq(type->fields[i].name, physical->children[i].name)) return false;
        if (!same_names(type->fields[i].type, &physical->children[i], count)) return false;
    }
    if (type->element && !same_names(type->element, &physical->children[child++], count))
        return false;
    return !type->key || same_names(type->key, &physical->children[child], count);
}

/* Ids count the columns that there ever were: with as many as there are now none was dropped. */
static bool is_renamed(const silt_edit *e, const cleaning *c, const silt_add *add,
                       silt_arena *scratch)
{
    (void)add, (void)scratch;
    int64_t count = 0, last = -1;
    const silt_physical all = {.children = c->mapping.fields,
                               .child_count = c->mapping.field_count};
    const char *max =
        silt_pairs_get(e->state->metadata.configuration, "delta.columnMapping.maxColumnId");
    if (c->mapping.mode != SILT_MAPPING_NAME) return c->mapping.mode != SILT_MAPPING_NONE;
    return !same_names(e->schema, &all, &count) || !max || !silt_parse_int64(max, &last) ||
           last != count;
}

static const silt_parquet_node *child_of(const silt_parquet_node *node,
                                         const silt_physical *physical, bool by_id)
{
    for (size_t i = 0; i < node->child_count; i++)
        if (by_id ? node->children[i].id == physical->id
                  : silt_streq(node->children[i].name, physical->name))
            return &node->children[i];
    return NULL;
}

/* Whether what a file holds would have to become wider to be of the type. */
static bool is_narrower(const silt_parquet_node *node, const silt_type *type,
                        const silt_physical *physical, bool by_id, silt_arena *scratch)
{
    const silt_type *held = NULL;
    const char *why;
    if (!node) return false; /* a column that came later */
    if (type->kind == SILT_TYPE_STRUCT) {
        for (size_t i = 0; i < type->field_count; i++)
            if (is_narrower(child_of(node, &physical->children[i], by_id), type->fields[i].type,
                            &physical->children[i], by_id, scratch))
                return true;
        return false;
    }
    if (type->element) {
        bool key =
            type->key && node->child_count > 1 &&
            is_narrower(&node->children[1], type->key, &physical->children[1], by_id, scratch);
        return key || (node->child_count && is_narrower(&node->children[0], type->element,
                                                        &physical->children[0], by_id, scratch));
    }
    if (silt_parquet_type(node, scratch, &held, &why, NULL) != SILT_OK) return true;
    return !held || (silt_type_widens(held, type) && !silt_type_equal(held, type));
}

/* By the footer; a file that isn't at hand, or that can't be made out, is written anew. */
static bool has_narrower(const silt_edit *e, const cleaning *c, const silt_add *add,
                         silt_arena *scratch)
{
    silt_place place = {0};
    const silt_parquet_node *root;
    SILT_CLEAN(silt_buf) schema = {0};
    const silt_physical all = {.children = c->mapping.fields,
                               .child_count = c->mapping.field_count};
    if (!strstr(e->state->metadata.schema_json, "delta.typeChanges")) return false;
    if (silt_path_place(e->store, add->path, scratch, &place, NULL) != SILT_OK) return true;
    const char *local =
        place.key ? silt_store_local_path(e->store, place.key, scratch) : place.local_path;
    if (!local || silt_parquet_schema_read(local, &schema, NULL) != SILT_OK ||
        silt_parquet_schema_parse(silt_buf_bytes(&schema), scratch, &root, NULL) != SILT_OK)
        return true;
    return is_narrower(root, e->schema, &all, c->mapping.mode == SILT_MAPPING_ID, scratch);
}

static bool is_untouched(const silt_edit *e, const cleaning *c, const silt_add *add,
                         silt_arena *scratch)
{
    (void)e, (void)c, (void)add, (void)scratch;
    return false;
}

static int compare_partitions(const silt_edit_file *a, const silt_edit_file *b)
{
    silt_pairs x = a->add->partition_values, y = b->add->partition_values;
    for (size_t i = 0; i < x.count; i++) {
        const char *left = x.items[i].value, *right = silt_pairs_get(y, x.items[i].key);
        int order = strcmp(left ? left : "", right ? right : ""); /* '' is null */
        if (order) return order;
    }
    return 0;
}

static int compare_files(const void *a, const void *b)
{
    int order = compare_partitions(a, b);
    if (order) return order;
    return strcmp(((const silt_edit_file *)a)->add->path, ((const silt_edit_file *)b)->add->path);
}

static silt_status keep_wanted(silt_edit *e, const cleaning *c, wanted_fn *wanted)
{
    size_t kept = 0;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < e->files.count; i++) {
        silt_edit_file *file = &e->files.items[i];
        silt_arena_reset(scratch);
        file->fate = SILT_EDIT_REWRITTEN;
        if (wanted(e, c, file->add, scratch)) e->files.items[kept++] = *file;
    }
    e->files.count = kept;
    if (kept) qsort(e->files.items, kept, sizeof(*e->files.items), compare_files);
    return SILT_OK;
}

/* ---- tombstones: who doesn't know deletion vectors takes their files for nobody's, and would
 * delete them while older versions need them. */

static silt_status entomb(silt_edit *e, cleaning *c, silt_map64 *seen, const silt_dv *dv)
{
    silt_place place = {0};
    bool found;
    if (!dv) return SILT_OK;
    silt_status st = silt_dv_place(e->store, dv, e->arena, &place, e->err);
    if (st == SILT_UNSUPPORTED) return SILT_OK;
    if (st != SILT_OK || !place.key) return st; /* inline, or of another table */
    const char *path = silt_path_encode(place.key, e->arena);
    if (!path || !silt_map64_slot(seen, path, strlen(path), &found)) return silt_fail_nomem(e->err);
    if (!found) c->tombs[c->tomb_count++] = path;
    return SILT_OK;
}

static silt_status find_tombs(silt_edit *e, cleaning *c)
{
    silt_log_segment segment;
    const silt_remove *removes;
    size_t count;
    bool found;
    SILT_AUTO(silt_map64) seen = silt_map64_new();
    if (!seen) return silt_fail_nomem(e->err);
    int64_t retention = silt_property_interval_ms(
        &e->state->metadata, "delta.deletedFileRetentionDuration", INT64_C(7) * 24 * 3600 * 1000);
    int64_t now = silt_now_ms(NULL), cutoff = retention >= now ? 0 : now - retention;
    SILT_TRY(silt_log_segment_load(e->store, e->state->version, e->arena, &segment, e->err));
    SILT_TRY(silt_log_tombstones_load(e->store, e->engine, &segment, cutoff, e->arena, &removes,
                                      &count, e->err));
    c->tombs = silt_arena_calloc(e->arena, count + e->files.count, sizeof(*c->tombs));
    if (!c->tombs) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < count; i++)
        if (!removes[i].dv &&
            !silt_map64_slot(seen, removes[i].path, strlen(removes[i].path), &found))
            return silt_fail_nomem(e->err);
    for (size_t i = 0; i < count; i++)
        SILT_TRY(entomb(e, c, seen, removes[i].dv));
    for (size_t i = 0; i < e->files.count; i++)
        SILT_TRY(entomb(e, c, seen, e->files.items[i].add->dv));
    e->more |= c->tomb_count > 0;
    return SILT_OK;
}

/* ---- the edit */

static silt_status prepare(silt_edit *e, wanted_fn *wanted)
{
    const char *feature = e->ctx;
    cleaning *c = silt_arena_calloc(e->arena, 1, sizeof(*c));
    if (!c) return silt_fail_nomem(e->err);
    e->data = c;
    SILT_TRY(silt_shape_of(e->snapshot, e->arena, &c->shape, e->err));
    SILT_TRY(silt_shape_clear_feature(&c->shape, feature, e->err));
    SILT_TRY(silt_mapping_of(&e->state->metadata, e->schema, e->arena, &c->mapping, e->err));
    e->more = silt_shape_changed(&c->shape);
    if (e->more) {
        c->metadata = c->shape.metadata;
        c->metadata.schema_json = silt_schema_json(c->shape.schema, e->arena);
        if (!c->metadata.schema_json) return silt_fail_nomem(e->err);
        e->new_metadata = &c->metadata;
        e->new_schema = c->shape.schema;
    }
    SILT_TRY(silt_edit_find(e));
    return keep_wanted(e, c, wanted);
}

static silt_status find_vectors(silt_edit *e)
{
    SILT_TRY(prepare(e, has_vector));
    return find_tombs(e, e->data);
}

static silt_status find_renamed(silt_edit *e)
{
    return prepare(e, is_renamed);
}

static silt_status find_narrower(silt_edit *e)
{
    return prepare(e, has_narrower);
}

static silt_status find_nothing(silt_edit *e)
{
    return prepare(e, is_untouched);
}

/* The files of one partition, from the index on. */
static silt_status write_partition(silt_edit *e, const silt_write_columns *columns, size_t *at)
{
    silt_edit_part *parts = silt_arena_calloc(e->arena, e->files.count - *at, sizeof(*parts));
    const silt_edit_file *first = &e->files.items[*at];
    silt_edit_rows rows = {
        .parts = parts, .columns = columns, .ids = SILT_EDIT_IDS_KEPT, .partition = first->add};
    if (!parts) return silt_fail_nomem(e->err);
    for (; *at < e->files.count; ++*at) {
        const silt_edit_file *file = &e->files.items[*at];
        if (compare_partitions(first, file) != 0) break;
        parts[rows.part_count++].add = file->add;
        rows.expected = rows.expected < 0 || file->hits < 0 ? -1 : rows.expected + file->hits;
    }
    return silt_edit_write(e, &rows);
}

static silt_status write(silt_edit *e)
{
    silt_write_columns columns;
    SILT_TRY(silt_edit_copied(e, &columns));
    for (size_t at = 0; at < e->files.count;)
        SILT_TRY(write_partition(e, &columns, &at));
    return SILT_OK;
}

static silt_status fill(silt_edit *e, silt_txn *txn)
{
    cleaning *c = e->data;
    for (size_t i = 0; i < c->tomb_count; i++)
        SILT_TRY(silt_txn_entomb(txn, c->tombs[i], e->err));
    return silt_shape_changed(&c->shape) ? silt_shape_apply(&c->shape, txn, e->err) : SILT_OK;
}

static void put_parameters(const silt_edit *e, silt_json_writer *w)
{
    silt_json_member_string(w, "dropFeature", e->ctx);
}

static void put_metrics(const silt_edit *e, silt_json_writer *w)
{
    silt_edit_metric(w, "numRemovedFiles", e->result.files_removed);
    silt_edit_metric(w, "numRemovedBytes", e->result.bytes_removed);
    silt_edit_metric(w, "numAddedFiles", e->result.files_added);
    silt_edit_metric(w, "numAddedBytes", e->result.bytes_added);
    silt_edit_metric(w, "numDeletionVectorsRemoved", e->result.vectors_removed);
}

/* Rows that others add meanwhile have deletion vectors of their own, or are of the types there are
 * now: they are seen by the next look. Files with other names have to be known all. */
static const struct {
    const char *feature;
    silt_edit_op op;
} cleanings[] = {
    {"columnMapping",
     {"REMOVE COLUMN MAPPING", find_renamed, write, put_parameters, put_metrics, true, fill, true,
      NULL}},
    {"deletionVectors",
     {"REORG", find_vectors, write, put_parameters, put_metrics, true, fill, false, NULL}},
    {"typeWidening",
     {"REORG", find_narrower, write, put_parameters, put_metrics, true, fill, false, NULL}},
    {"v2Checkpoint",
     {"UNSET TBLPROPERTIES", find_nothing, write, put_parameters, put_metrics, true, fill, false,
      NULL}},
};

silt_status silt_drop_clean(silt_snapshot *snapshot, const char *feature,
                            const silt_edit_options *opts, silt_edit_result *out,
                            silt_snapshot **after, silt_error *err)
{
    for (size_t i = 0; i < SILT_COUNT(cleanings); i++)
        if (strcmp(cleanings[i].feature, feature) == 0)
            return silt_edit_run(snapshot, &cleanings[i].op, feature, opts, out, after, err);
    return silt_fail(err, SILT_UNSUPPORTED, "feature %s can't be dropped", feature);
}
