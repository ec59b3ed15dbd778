/* A checkpoint as flat rows: one action a row, in a table of columns that all kinds of action
 * share.
 * @see PROTOCOL.md, "Checkpoint Schema" */
#include "log/checkpoint_rows.h"

#include "base/json.h"

#define BATCH_ROWS 2048

/* ---- columns */

#define DV_COLUMN_LIST(of, X)   \
    X(of##_DV, BOOL)            \
    X(of##_DV_TYPE, TEXT)       \
    X(of##_DV_PATH, TEXT)       \
    X(of##_DV_OFFSET, INT)      \
    X(of##_DV_SIZE, INT)        \
    X(of##_DV_CARDINALITY, INT) \
    X(of##_DV_MAX_ROW, INT)

#define COLUMN_LIST(X)                \
    X(TXN, BOOL)                      \
    X(TXN_APP_ID, TEXT)               \
    X(TXN_VERSION, INT)               \
    X(TXN_UPDATED, INT)               \
    X(ADD, BOOL)                      \
    X(ADD_PATH, TEXT)                 \
    X(ADD_PARTITIONS, TEXT)           \
    X(ADD_PARSED_PARTITIONS, TEXT)    \
    X(ADD_SIZE, INT)                  \
    X(ADD_TIME, INT)                  \
    X(ADD_CHANGE, BOOL)               \
    X(ADD_STATS, TEXT)                \
    X(ADD_TAGS, TEXT)                 \
    DV_COLUMN_LIST(ADD, X)            \
    X(ADD_ROW_ID, INT)                \
    X(ADD_COMMIT_VERSION, INT)        \
    X(ADD_CLUSTERING, TEXT)           \
    X(REMOVE, BOOL)                   \
    X(REMOVE_PATH, TEXT)              \
    X(REMOVE_TIME, INT)               \
    X(REMOVE_CHANGE, BOOL)            \
    X(REMOVE_EXTENDED, BOOL)          \
    X(REMOVE_PARTITIONS, TEXT)        \
    X(REMOVE_SIZE, INT)               \
    DV_COLUMN_LIST(REMOVE, X)         \
    X(REMOVE_ROW_ID, INT)             \
    X(REMOVE_COMMIT_VERSION, INT)     \
    X(META, BOOL)                     \
    X(META_ID, TEXT)                  \
    X(META_NAME, TEXT)                \
    X(META_DESCRIPTION, TEXT)         \
    X(META_PROVIDER, TEXT)            \
    X(META_OPTIONS, TEXT)             \
    X(META_SCHEMA, TEXT)              \
    X(META_PARTITIONS, TEXT)          \
    X(META_CONFIGURATION, TEXT)       \
    X(META_CREATED, INT)              \
    X(PROTOCOL, BOOL)                 \
    X(PROTOCOL_READER, INT)           \
    X(PROTOCOL_WRITER, INT)           \
    X(PROTOCOL_READER_FEATURES, TEXT) \
    X(PROTOCOL_WRITER_FEATURES, TEXT) \
    X(DOMAIN, BOOL)                   \
    X(DOMAIN_NAME, TEXT)              \
    X(DOMAIN_CONFIGURATION, TEXT)     \
    X(DOMAIN_REMOVED, BOOL)

#define AS_ENUM(name, kind) C_##name,
#define AS_KIND(name, kind) SILT_FLAT_##kind,
enum column { COLUMN_LIST(AS_ENUM) COLUMN_COUNT };
static const silt_flat_kind kinds[COLUMN_COUNT] = {COLUMN_LIST(AS_KIND)};

/* ---- the schema */

static const silt_type text_type = {.kind = SILT_TYPE_STRING};
static const silt_type long_type = {.kind = SILT_TYPE_LONG};
static const silt_type int_type = {.kind = SILT_TYPE_INTEGER};
static const silt_type bool_type = {.kind = SILT_TYPE_BOOLEAN};

#define LEAF(name, column, type)                         \
    {                                                    \
        name, SILT_NODE_LEAF, C_##column, &type, NULL, 0 \
    }
#define MAP(name, column)                              \
    {                                                  \
        name, SILT_NODE_MAP, C_##column, NULL, NULL, 0 \
    }
#define LIST(name, column)                              \
    {                                                   \
        name, SILT_NODE_LIST, C_##column, NULL, NULL, 0 \
    }
#define STRUCT(name, column, of)                                     \
    {                                                                \
        name, SILT_NODE_STRUCT, C_##column, NULL, of, SILT_COUNT(of) \
    }
#define DV_NODES(of)                                                                               \
    {                                                                                              \
        LEAF("storageType", of##_DV_TYPE, text_type),                                              \
            LEAF("pathOrInlineDv", of##_DV_PATH, text_type),                                       \
            LEAF("offset", of##_DV_OFFSET, int_type), LEAF("sizeInBytes", of##_DV_SIZE, int_type), \
            LEAF("cardinality", of##_DV_CARDINALITY, long_type),                                   \
            LEAF("maxRowIndex", of##_DV_MAX_ROW, long_type)                                        \
    }

static const silt_node txn_nodes[] = {
    LEAF("appId", TXN_APP_ID, text_type),
    LEAF("version", TXN_VERSION, long_type),
    LEAF("lastUpdated", TXN_UPDATED, long_type),
};
static const silt_node add_dv_nodes[] = DV_NODES(ADD);
static const silt_node add_nodes[] = {
    LEAF("path", ADD_PATH, text_type),
    MAP("partitionValues", ADD_PARTITIONS),
    LEAF("size", ADD_SIZE, long_type),
    LEAF("modificationTime", ADD_TIME, long_type),
    LEAF("dataChange", ADD_CHANGE, bool_type),
    MAP("tags", ADD_TAGS),
    STRUCT("deletionVector", ADD_DV, add_dv_nodes),
    LEAF("baseRowId", ADD_ROW_ID, long_type),
    LEAF("defaultRowCommitVersion", ADD_COMMIT_VERSION, long_type),
    LEAF("clusteringProvider", ADD_CLUSTERING, text_type),
    LEAF("stats", ADD_STATS, text_type),
};
static const silt_node remove_dv_nodes[] = DV_NODES(REMOVE);
static const silt_node remove_nodes[] = {
    LEAF("path", REMOVE_PATH, text_type),
    LEAF("deletionTimestamp", REMOVE_TIME, long_type),
    LEAF("dataChange", REMOVE_CHANGE, bool_type),
    LEAF("extendedFileMetadata", REMOVE_EXTENDED, bool_type),
    MAP("partitionValues", REMOVE_PARTITIONS),
    LEAF("size", REMOVE_SIZE, long_type),
    STRUCT("deletionVector", REMOVE_DV, remove_dv_nodes),
    LEAF("baseRowId", REMOVE_ROW_ID, long_type),
    LEAF("defaultRowCommitVersion", REMOVE_COMMIT_VERSION, long_type),
};
static const silt_node format_nodes[] = {
    LEAF("provider", META_PROVIDER, text_type),
    MAP("options", META_OPTIONS),
};
static const silt_node metadata_nodes[] = {
    LEAF("id", META_ID, text_type),
    LEAF("name", META_NAME, text_type),
    LEAF("description", META_DESCRIPTION, text_type),
    STRUCT("format", META, format_nodes),
    LEAF("schemaString", META_SCHEMA, text_type),
    LIST("partitionColumns", META_PARTITIONS),
    MAP("configuration", META_CONFIGURATION),
    LEAF("createdTime", META_CREATED, long_type),
};
static const silt_node protocol_nodes[] = {
    LEAF("minReaderVersion", PROTOCOL_READER, int_type),
    LEAF("minWriterVersion", PROTOCOL_WRITER, int_type),
    LIST("readerFeatures", PROTOCOL_READER_FEATURES),
    LIST("writerFeatures", PROTOCOL_WRITER_FEATURES),
};
static const silt_node domain_nodes[] = {
    LEAF("domain", DOMAIN_NAME, text_type),
    LEAF("configuration", DOMAIN_CONFIGURATION, text_type),
    LEAF("removed", DOMAIN_REMOVED, bool_type),
};

#define ADD_NODES_MAX (SILT_COUNT(add_nodes) + 2)

/* Files and tombstones first: a sidecar has no more. */
#define FILE_NODES 2
static const silt_node top_nodes[] = {
    STRUCT("add", ADD, add_nodes),
    STRUCT("remove", REMOVE, remove_nodes),
    STRUCT("txn", TXN, txn_nodes),
    STRUCT("metaData", META, metadata_nodes),
    STRUCT("protocol", PROTOCOL, protocol_nodes),
    STRUCT("domainMetadata", DOMAIN, domain_nodes),
};

/* ---- rows */

typedef enum row_kind {
    ROW_PROTOCOL,
    ROW_METADATA,
    ROW_TXN,
    ROW_DOMAIN,
    ROW_ADD,
    ROW_REMOVE
} row_kind;

/* What row `i` is; `*at` its place among those of its kind. */
static row_kind kind_of(const silt_log_checkpoint_content *c, size_t i, size_t *at)
{
    const size_t counts[] = {1, 1, c->app_txn_count, c->state->domain_count, c->files->files.count};
    size_t kind = 0;
    while (kind < SILT_COUNT(counts) && i >= counts[kind])
        i -= counts[kind++];
    *at = i;
    return (row_kind)kind;
}

size_t silt_log_rows_first_file(const silt_log_checkpoint_content *c)
{
    return 2 + c->app_txn_count + c->state->domain_count;
}

size_t silt_log_rows_count(const silt_log_checkpoint_content *c)
{
    return silt_log_rows_first_file(c) + c->files->files.count + c->files->tombstone_count;
}

silt_log_checkpoint_counts silt_log_rows_tally(const silt_log_checkpoint_content *c,
                                               const silt_log_slice *slice)
{
    int64_t counts[ROW_REMOVE + 1] = {0};
    size_t at;
    for (size_t i = slice->from; i < slice->to; i++)
        counts[kind_of(c, slice->order ? slice->order[i] : i, &at)]++;
    return (silt_log_checkpoint_counts){counts[ROW_ADD],      counts[ROW_REMOVE],
                                        counts[ROW_TXN],      counts[ROW_DOMAIN],
                                        counts[ROW_METADATA], counts[ROW_PROTOCOL]};
}

struct silt_log_rows {
    const silt_log_checkpoint_content *content;
    const silt_log_slice *slice;
    size_t next;             /* of the slice */
    silt_arena *batch_arena; /* texts made for the batch */
    silt_buf json;
    silt_pairs last_pairs; /* whose text this is, in the batch's arena */
    const char *last_text;
    bool failed; /* out of memory */
    uint64_t validity[COLUMN_COUNT][BATCH_ROWS / 64];
    union {
        int64_t ints[BATCH_ROWS];
        silt_bytes texts[BATCH_ROWS];
    } values[COLUMN_COUNT];
    silt_flat_vector vectors[COLUMN_COUNT];
    silt_node add[ADD_NODES_MAX], remove[SILT_COUNT(remove_nodes)];
    silt_node top[SILT_COUNT(top_nodes)]; /* the columns, as wanted */
    size_t top_count;
};

void silt_log_rows_survey(silt_log_checkpoint_content *c)
{
    for (size_t i = 0; i < c->files->files.count; i++) {
        const silt_add *add = &c->files->files.items[i];
        c->has_tags |= add->tags != NULL;
        c->has_dvs |= add->dv != NULL;
        c->has_row_ids |= add->base_row_id != -1 || add->default_row_commit_version != -1;
        c->has_clustering |= add->clustering_provider != NULL;
    }
    for (size_t i = 0; i < c->files->tombstone_count; i++) {
        const silt_remove *remove = &c->files->tombstones[i];
        c->has_dvs |= remove->dv != NULL;
        c->has_row_ids |= remove->base_row_id != -1 || remove->default_row_commit_version != -1;
    }
}

static bool is_needed(const silt_log_checkpoint_content *c, size_t column)
{
    switch (column) {
    case C_ADD_STATS:
        return c->with_stats;
    case C_ADD_TAGS:
        return c->has_tags;
    case C_ADD_DV:
    case C_REMOVE_DV:
        return c->has_dvs;
    case C_ADD_ROW_ID:
    case C_ADD_COMMIT_VERSION:
    case C_REMOVE_ROW_ID:
    case C_REMOVE_COMMIT_VERSION:
        return c->has_row_ids;
    case C_ADD_CLUSTERING:
        return c->has_clustering;
    case C_REMOVE_EXTENDED:
    case C_REMOVE_PARTITIONS:
    case C_REMOVE_SIZE:
        return c->files->tombstone_count > 0;
    case C_DOMAIN:
        return c->state->domain_count > 0;
    default:
        return true;
    }
}

static size_t choose(const silt_log_checkpoint_content *c, const silt_node *nodes, size_t count,
                     silt_node *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (is_needed(c, nodes[i].column)) out[kept++] = nodes[i];
    return kept;
}

static void choose_columns(silt_log_rows *r)
{
    const silt_log_checkpoint_content *c = r->content;
    size_t count = choose(c, add_nodes, SILT_COUNT(add_nodes), r->add);
    if (c->stats_type)
        r->add[count++] = (silt_node){.name = "stats_parsed",
                                      .kind = SILT_NODE_JSON,
                                      .column = C_ADD_STATS,
                                      .type = c->stats_type};
    if (c->partitions_type)
        r->add[count++] = (silt_node){.name = "partitionValues_parsed",
                                      .kind = SILT_NODE_JSON,
                                      .column = C_ADD_PARSED_PARTITIONS,
                                      .type = c->partitions_type};
    r->top_count =
        choose(c, top_nodes, r->slice->files_only ? FILE_NODES : SILT_COUNT(top_nodes), r->top);
    r->top[0].children = r->add;
    r->top[0].child_count = count;
    r->top[1].children = r->remove;
    r->top[1].child_count = choose(c, remove_nodes, SILT_COUNT(remove_nodes), r->remove);
}

silt_log_rows *silt_log_rows_new(const silt_log_checkpoint_content *content,
                                 const silt_log_slice *slice)
{
    silt_log_rows *r = calloc(1, sizeof(*r));
    silt_arena *arena = r ? silt_arena_new() : NULL;
    if (!arena) {
        free(r);
        return NULL;
    }
    r->content = content;
    r->slice = slice;
    r->next = slice->from;
    r->batch_arena = arena;
    choose_columns(r);
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        r->vectors[c].validity = r->validity[c];
        if (kinds[c] == SILT_FLAT_TEXT)
            r->vectors[c].texts = r->values[c].texts;
        else
            r->vectors[c].ints = r->values[c].ints;
    }
    return r;
}

void silt_log_rows_free(silt_log_rows *r)
{
    if (!r) return;
    silt_arena_free(r->batch_arena);
    silt_buf_release(&r->json);
    free(r);
}

void silt_log_rows_schema(const silt_log_rows *rows, const silt_flat_kind **kinds_out,
                          size_t *kind_count, const silt_node **nodes, size_t *node_count)
{
    *kinds_out = kinds;
    *kind_count = COLUMN_COUNT;
    *nodes = rows->top;
    *node_count = rows->top_count;
}

static void put_int(silt_log_rows *r, enum column column, size_t row, int64_t value)
{
    r->validity[column][row / 64] |= UINT64_C(1) << row % 64;
    r->values[column].ints[row] = value;
}

/* -1 stands for none. */
static void put_int_some(silt_log_rows *r, enum column column, size_t row, int64_t value)
{
    if (value != -1) put_int(r, column, row, value);
}

static void put_text(silt_log_rows *r, enum column column, size_t row, const char *text)
{
    if (!text) return;
    r->validity[column][row / 64] |= UINT64_C(1) << row % 64;
    r->values[column].texts[row] = silt_bytes_of(text);
}

static const char *json_copy(silt_log_rows *r)
{
    const char *text = silt_buf_copy(&r->json, r->batch_arena);
    if (!text) r->failed = true;
    return text;
}

/* Files of one partition stand together, and share their values. */
static void put_pairs(silt_log_rows *r, enum column column, size_t row, silt_pairs pairs)
{
    if (!r->last_text || pairs.items != r->last_pairs.items || pairs.count != r->last_pairs.count) {
        silt_json_writer w = silt_json_writer_of(&r->json);
        silt_buf_clear(&r->json);
        silt_pairs_write(pairs, &w);
        r->last_text = json_copy(r);
        r->last_pairs = pairs;
    }
    put_text(r, column, row, r->last_text);
}

/* As put_pairs(), '' as null, which it is. */
static void put_values(silt_log_rows *r, enum column column, size_t row, silt_pairs pairs)
{
    silt_json_writer w = silt_json_writer_of(&r->json);
    silt_buf_clear(&r->json);
    silt_json_begin_object(&w);
    for (size_t i = 0; i < pairs.count; i++)
        if (pairs.items[i].value && *pairs.items[i].value)
            silt_json_member_string(&w, pairs.items[i].key, pairs.items[i].value);
    silt_json_end_object(&w);
    put_text(r, column, row, json_copy(r));
}

static void put_names(silt_log_rows *r, enum column column, size_t row, silt_names names)
{
    silt_json_writer w = silt_json_writer_of(&r->json);
    silt_buf_clear(&r->json);
    silt_names_write(names, &w);
    put_text(r, column, row, json_copy(r));
}

/* `first` is the column that says whether there is one; the others follow it in DV_COLUMN_LIST's
 * order. */
static void put_dv(silt_log_rows *r, enum column first, size_t row, const silt_dv *dv)
{
    put_int(r, first, row, dv != NULL);
    if (!dv) return;
    const char type[] = {dv->storage_type, '\0'};
    const char *text = silt_arena_strdup(r->batch_arena, type);
    if (!text) r->failed = true;
    put_text(r, first + 1, row, text);
    put_text(r, first + 2, row, dv->path_or_inline);
    put_int_some(r, first + 3, row, dv->offset);
    put_int(r, first + 4, row, dv->size_bytes);
    put_int(r, first + 5, row, dv->cardinality);
    put_int_some(r, first + 6, row, dv->max_row_index);
}

static void put_protocol(silt_log_rows *r, size_t row, const silt_protocol *p)
{
    put_int(r, C_PROTOCOL, row, true);
    put_int(r, C_PROTOCOL_READER, row, p->min_reader);
    put_int(r, C_PROTOCOL_WRITER, row, p->min_writer);
    if (p->has_reader_features) put_names(r, C_PROTOCOL_READER_FEATURES, row, p->reader_features);
    if (p->has_writer_features) put_names(r, C_PROTOCOL_WRITER_FEATURES, row, p->writer_features);
}

static void put_metadata(silt_log_rows *r, size_t row, const silt_metadata *m)
{
    put_int(r, C_META, row, true);
    put_text(r, C_META_ID, row, m->id);
    put_text(r, C_META_NAME, row, m->name);
    put_text(r, C_META_DESCRIPTION, row, m->description);
    put_text(r, C_META_PROVIDER, row, m->format_provider);
    put_pairs(r, C_META_OPTIONS, row, m->format_options);
    put_text(r, C_META_SCHEMA, row, m->schema_json);
    put_names(r, C_META_PARTITIONS, row, m->partition_columns);
    put_pairs(r, C_META_CONFIGURATION, row, m->configuration);
    put_int_some(r, C_META_CREATED, row, m->created_time_ms);
}

static void put_txn(silt_log_rows *r, size_t row, const silt_app_txn *txn)
{
    put_int(r, C_TXN, row, true);
    put_text(r, C_TXN_APP_ID, row, txn->app_id);
    put_int(r, C_TXN_VERSION, row, txn->version);
    put_int_some(r, C_TXN_UPDATED, row, txn->last_updated_ms);
}

static void put_domain(silt_log_rows *r, size_t row, const silt_domain *domain)
{
    put_int(r, C_DOMAIN, row, true);
    put_text(r, C_DOMAIN_NAME, row, domain->domain);
    put_text(r, C_DOMAIN_CONFIGURATION, row, domain->configuration);
    put_int(r, C_DOMAIN_REMOVED, row, false);
}

static void put_add(silt_log_rows *r, size_t row, const silt_add *add)
{
    put_int(r, C_ADD, row, true);
    put_text(r, C_ADD_PATH, row, add->path);
    put_pairs(r, C_ADD_PARTITIONS, row, add->partition_values);
    if (r->content->partitions_type)
        put_values(r, C_ADD_PARSED_PARTITIONS, row, add->partition_values);
    put_int(r, C_ADD_SIZE, row, add->size_bytes);
    put_int(r, C_ADD_TIME, row, add->modification_time_ms);
    put_int(r, C_ADD_CHANGE, row, false);
    put_text(r, C_ADD_STATS, row, add->stats);
    put_text(r, C_ADD_TAGS, row, add->tags);
    put_dv(r, C_ADD_DV, row, add->dv);
    put_int_some(r, C_ADD_ROW_ID, row, add->base_row_id);
    put_int_some(r, C_ADD_COMMIT_VERSION, row, add->default_row_commit_version);
    put_text(r, C_ADD_CLUSTERING, row, add->clustering_provider);
}

static void put_remove(silt_log_rows *r, size_t row, const silt_remove *remove)
{
    put_int(r, C_REMOVE, row, true);
    put_text(r, C_REMOVE_PATH, row, remove->path);
    put_int_some(r, C_REMOVE_TIME, row, remove->deletion_time_ms);
    put_int(r, C_REMOVE_CHANGE, row, false);
    put_int(r, C_REMOVE_EXTENDED, row, remove->extended_metadata);
    if (remove->extended_metadata || remove->partition_values.count)
        put_pairs(r, C_REMOVE_PARTITIONS, row, remove->partition_values);
    put_int_some(r, C_REMOVE_SIZE, row, remove->size_bytes);
    put_dv(r, C_REMOVE_DV, row, remove->dv);
    put_int_some(r, C_REMOVE_ROW_ID, row, remove->base_row_id);
    put_int_some(r, C_REMOVE_COMMIT_VERSION, row, remove->default_row_commit_version);
}

/* Row `i` of the checkpoint into row `row` of the batch. */
static void put_row(silt_log_rows *r, size_t row, size_t i)
{
    static const enum column tops[] = {C_TXN, C_ADD, C_REMOVE, C_META, C_PROTOCOL, C_DOMAIN};
    const silt_log_checkpoint_content *c = r->content;
    for (size_t t = 0; t < SILT_COUNT(tops); t++)
        put_int(r, tops[t], row, false);

    size_t at;
    switch (kind_of(c, i, &at)) {
    case ROW_PROTOCOL:
        put_protocol(r, row, &c->state->protocol);
        break;
    case ROW_METADATA:
        put_metadata(r, row, &c->state->metadata);
        break;
    case ROW_TXN:
        put_txn(r, row, &c->app_txns[at]);
        break;
    case ROW_DOMAIN:
        put_domain(r, row, &c->state->domains[at]);
        break;
    case ROW_ADD:
        put_add(r, row, &c->files->files.items[at]);
        break;
    case ROW_REMOVE:
        put_remove(r, row, &c->files->tombstones[at]);
        break;
    }
}

silt_status silt_log_rows_next(void *ctx, silt_flat_batch *out, silt_error *err)
{
    silt_log_rows *r = ctx;
    const silt_log_slice *slice = r->slice;
    size_t rows = slice->to - r->next;
    if (rows > BATCH_ROWS) rows = BATCH_ROWS;
    silt_arena_reset(r->batch_arena);
    r->last_text = NULL;
    memset(r->validity, 0, sizeof(r->validity));
    for (size_t row = 0; row < rows; row++, r->next++)
        put_row(r, row, slice->order ? slice->order[r->next] : r->next);
    if (r->failed) return silt_fail_nomem(err);
    *out = (silt_flat_batch){rows, r->vectors};
    return SILT_OK;
}
