/* Reading classic checkpoints: the engine gives flat columns, a row is one action. Only the columns
 * that are asked for are read, so that a million adds cost nothing where the protocol is wanted. */
#include "base/hash.h"
#include "log/checkpoint_local.h"
#include "log/state.h"

static bool flat_text(const silt_flat_batch *batch, size_t column, size_t row, silt_bytes *out)
{
    if (!silt_flat_valid(&batch->columns[column], row)) return false;
    *out = batch->columns[column].texts[row];
    return true;
}

static int64_t flat_int(const silt_flat_batch *batch, size_t column, size_t row, int64_t fallback)
{
    if (!silt_flat_valid(&batch->columns[column], row)) return fallback;
    return batch->columns[column].ints[row];
}

/* A terminated copy in the arena, `fallback` where it is null. */
static silt_status copy_text(const silt_flat_batch *batch, size_t column, size_t row,
                             const char *fallback, silt_arena *arena, const char **out,
                             silt_error *err)
{
    silt_bytes text;
    *out = fallback;
    if (!flat_text(batch, column, row, &text)) return SILT_OK;
    *out = silt_arena_strndup(arena, text.data, text.size);
    return *out ? SILT_OK : silt_fail_nomem(err);
}

/* A list or map, which comes as JSON. NULL: it is null. */
static silt_status parse_json(const silt_flat_batch *batch, size_t column, size_t row,
                              silt_arena *arena, const silt_json **out, silt_error *err)
{
    silt_bytes text;
    *out = NULL;
    if (!flat_text(batch, column, row, &text)) return SILT_OK;
    return silt_json_parse(text, arena, out, err);
}

static silt_status parse_pairs(const silt_flat_batch *batch, size_t column, size_t row,
                               silt_arena *arena, silt_pairs *out, silt_error *err)
{
    const silt_json *json;
    SILT_TRY(parse_json(batch, column, row, arena, &json, err));
    return silt_pairs_parse(json, arena, out, err);
}

static silt_status parse_names(const silt_flat_batch *batch, size_t column, size_t row,
                               silt_arena *arena, bool *has, silt_names *out, silt_error *err)
{
    const silt_json *json;
    SILT_TRY(parse_json(batch, column, row, arena, &json, err));
    *has = json != NULL;
    const char **items = silt_arena_calloc(arena, silt_json_count(json), sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    size_t count = 0;
    for (silt_json_iter it = silt_json_iter_of(json); silt_json_next(&it);) {
        items[count] = silt_json_string(it.value);
        if (!items[count++]) return silt_fail(err, SILT_CORRUPT, "a list of names isn't one");
    }
    *out = (silt_names){items, count};
    return SILT_OK;
}

static silt_status fail_sidecar(silt_error *err)
{
    silt_fail(err, SILT_UNSUPPORTED,
              "can't read: table feature v2Checkpoint (it has sidecar files)");
    return silt_hint(err, SILT_UNSUPPORTED, "Delta Lake for Spark 3.0 or later reads this table");
}

/* ---- the state */

enum state_column {
    S_TXN_APP_ID,
    S_TXN_VERSION,
    S_TXN_UPDATED,
    S_PROTOCOL_READER,
    S_PROTOCOL_WRITER,
    S_PROTOCOL_READER_FEATURES,
    S_PROTOCOL_WRITER_FEATURES,
    S_META_ID,
    S_META_NAME,
    S_META_DESCRIPTION,
    S_META_PROVIDER,
    S_META_OPTIONS,
    S_META_SCHEMA,
    S_META_PARTITIONS,
    S_META_CONFIGURATION,
    S_META_CREATED,
    S_DOMAIN,
    S_DOMAIN_CONFIGURATION,
    S_DOMAIN_REMOVED
};

static const silt_flat_column state_columns[] = {
    [S_TXN_APP_ID] = {"txn.appId", SILT_FLAT_TEXT},
    [S_TXN_VERSION] = {"txn.version", SILT_FLAT_INT},
    [S_TXN_UPDATED] = {"txn.lastUpdated", SILT_FLAT_INT},
    [S_PROTOCOL_READER] = {"protocol.minReaderVersion", SILT_FLAT_INT},
    [S_PROTOCOL_WRITER] = {"protocol.minWriterVersion", SILT_FLAT_INT},
    [S_PROTOCOL_READER_FEATURES] = {"protocol.readerFeatures", SILT_FLAT_JSON},
    [S_PROTOCOL_WRITER_FEATURES] = {"protocol.writerFeatures", SILT_FLAT_JSON},
    [S_META_ID] = {"metaData.id", SILT_FLAT_TEXT},
    [S_META_NAME] = {"metaData.name", SILT_FLAT_TEXT},
    [S_META_DESCRIPTION] = {"metaData.description", SILT_FLAT_TEXT},
    [S_META_PROVIDER] = {"metaData.format.provider", SILT_FLAT_TEXT},
    [S_META_OPTIONS] = {"metaData.format.options", SILT_FLAT_JSON},
    [S_META_SCHEMA] = {"metaData.schemaString", SILT_FLAT_TEXT},
    [S_META_PARTITIONS] = {"metaData.partitionColumns", SILT_FLAT_JSON},
    [S_META_CONFIGURATION] = {"metaData.configuration", SILT_FLAT_JSON},
    [S_META_CREATED] = {"metaData.createdTime", SILT_FLAT_INT},
    [S_DOMAIN] = {"domainMetadata.domain", SILT_FLAT_TEXT},
    [S_DOMAIN_CONFIGURATION] = {"domainMetadata.configuration", SILT_FLAT_TEXT},
    [S_DOMAIN_REMOVED] = {"domainMetadata.removed", SILT_FLAT_BOOL},
};

typedef struct state_reader {
    silt_arena *arena;
    silt_log_state *state;
    SILT_VEC(silt_app_txn) txns;
    SILT_VEC(silt_domain) domains;
} state_reader;

static void state_reader_release(state_reader *r)
{
    silt_vec_free(&r->txns);
    silt_vec_free(&r->domains);
}

static silt_status read_protocol(state_reader *r, const silt_flat_batch *b, size_t row,
                                 silt_error *err)
{
    silt_protocol *p = &r->state->protocol;
    p->min_reader = (int)flat_int(b, S_PROTOCOL_READER, row, 0);
    p->min_writer = (int)flat_int(b, S_PROTOCOL_WRITER, row, 0);
    SILT_TRY(parse_names(b, S_PROTOCOL_READER_FEATURES, row, r->arena, &p->has_reader_features,
                         &p->reader_features, err));
    return parse_names(b, S_PROTOCOL_WRITER_FEATURES, row, r->arena, &p->has_writer_features,
                       &p->writer_features, err);
}

static silt_status read_metadata(state_reader *r, const silt_flat_batch *b, size_t row,
                                 silt_error *err)
{
    silt_metadata m = {.created_time_ms = flat_int(b, S_META_CREATED, row, -1)};
    bool has;
    SILT_TRY(copy_text(b, S_META_ID, row, NULL, r->arena, &m.id, err));
    SILT_TRY(copy_text(b, S_META_NAME, row, NULL, r->arena, &m.name, err));
    SILT_TRY(copy_text(b, S_META_DESCRIPTION, row, NULL, r->arena, &m.description, err));
    SILT_TRY(copy_text(b, S_META_PROVIDER, row, "parquet", r->arena, &m.format_provider, err));
    SILT_TRY(copy_text(b, S_META_SCHEMA, row, "{\"type\":\"struct\",\"fields\":[]}", r->arena,
                       &m.schema_json, err));
    SILT_TRY(parse_pairs(b, S_META_OPTIONS, row, r->arena, &m.format_options, err));
    SILT_TRY(parse_pairs(b, S_META_CONFIGURATION, row, r->arena, &m.configuration, err));
    SILT_TRY(parse_names(b, S_META_PARTITIONS, row, r->arena, &has, &m.partition_columns, err));
    r->state->metadata = m;
    return SILT_OK;
}

static silt_status read_txn(state_reader *r, const silt_flat_batch *b, size_t row, silt_error *err)
{
    silt_app_txn txn = {.version = flat_int(b, S_TXN_VERSION, row, -1),
                        .last_updated_ms = flat_int(b, S_TXN_UPDATED, row, -1)};
    SILT_TRY(copy_text(b, S_TXN_APP_ID, row, NULL, r->arena, &txn.app_id, err));
    return silt_vec_push(&r->txns, txn) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status read_domain(state_reader *r, const silt_flat_batch *b, size_t row,
                               silt_error *err)
{
    silt_domain domain = {0};
    if (flat_int(b, S_DOMAIN_REMOVED, row, 0)) return SILT_OK;
    SILT_TRY(copy_text(b, S_DOMAIN, row, NULL, r->arena, &domain.domain, err));
    SILT_TRY(copy_text(b, S_DOMAIN_CONFIGURATION, row, "", r->arena, &domain.configuration, err));
    return silt_vec_push(&r->domains, domain) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status state_sink(void *ctx, const silt_flat_batch *b, silt_error *err)
{
    state_reader *r = ctx;
    for (size_t row = 0; row < b->row_count; row++) {
        if (silt_flat_valid(&b->columns[S_TXN_APP_ID], row))
            SILT_TRY(read_txn(r, b, row, err));
        else if (silt_flat_valid(&b->columns[S_PROTOCOL_READER], row))
            SILT_TRY(read_protocol(r, b, row, err));
        else if (silt_flat_valid(&b->columns[S_META_ID], row))
            SILT_TRY(read_metadata(r, b, row, err));
        else
            SILT_TRY(read_domain(r, b, row, err));
    }
    return SILT_OK;
}

static silt_status read_checkpoint(silt_store *store, silt_engine *engine,
                                   const silt_log_segment *segment, const silt_flat_column *columns,
                                   size_t column_count, const size_t *any_of, size_t any_count,
                                   silt_flat_sink *sink, void *ctx, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_CLEAN(silt_log_local) local = {0};
    if (!scratch) return silt_fail_nomem(err);
    silt_status st = silt_log_local_open(store, segment->checkpoint_keys, scratch, &local, err);
    if (st == SILT_OK)
        st = engine->ops->read_flat(engine, local.paths, local.count, columns, column_count, any_of,
                                    any_count, sink, ctx, err);
    if (st == SILT_OK) return SILT_OK;
    return silt_wrap(err, st, "%s: checkpoint %" PRId64, store->uri, segment->checkpoint_version);
}

silt_status silt_log_checkpoint_state(silt_store *store, silt_engine *engine,
                                      const silt_log_segment *segment, silt_arena *arena,
                                      silt_log_state *out, silt_error *err)
{
    static const size_t any_of[] = {S_TXN_APP_ID, S_PROTOCOL_READER, S_META_ID, S_DOMAIN};
    silt_log_state state = {.version = segment->checkpoint_version,
                            .file_count = -1,
                            .size_bytes = -1,
                            .timestamp_ms = -1};
    __attribute__((cleanup(state_reader_release)))
    state_reader r = {.arena = arena, .state = &state};
    SILT_TRY(read_checkpoint(store, engine, segment, state_columns, SILT_COUNT(state_columns),
                             any_of, SILT_COUNT(any_of), state_sink, &r, err));
    silt_app_txn *txns = silt_arena_calloc(arena, r.txns.count, sizeof(*txns));
    silt_domain *domains = silt_arena_calloc(arena, r.domains.count, sizeof(*domains));
    if (!txns || !domains) return silt_fail_nomem(err);
    if (r.txns.count) memcpy(txns, r.txns.items, r.txns.count * sizeof(*txns));
    if (r.domains.count) memcpy(domains, r.domains.items, r.domains.count * sizeof(*domains));
    state.app_txns = txns;
    state.app_txn_count = r.txns.count;
    state.domains = domains;
    state.domain_count = r.domains.count;
    *out = state;
    return SILT_OK;
}

/* ---- the files */

#define DV_COLUMNS(of)                                         \
    {of ".deletionVector.storageType", SILT_FLAT_TEXT},        \
        {of ".deletionVector.pathOrInlineDv", SILT_FLAT_TEXT}, \
        {of ".deletionVector.offset", SILT_FLAT_INT},          \
        {of ".deletionVector.sizeInBytes", SILT_FLAT_INT},     \
        {of ".deletionVector.cardinality", SILT_FLAT_INT},     \
    {                                                          \
        of ".deletionVector.maxRowIndex", SILT_FLAT_INT        \
    }

/* Columns that adds and removes have in common stand first, in the same order. */
enum file_column {
    F_SIDECAR,
    F_PATH,
    F_PARTITIONS,
    F_SIZE,
    F_ROW_ID,
    F_COMMIT_VERSION,
    F_DV, /* and the five after it */
    F_TIME = F_DV + 6,
    A_STATS,
    A_TAGS,
    A_CLUSTERING,
    A_COUNT,
    R_EXTENDED = A_STATS,
    R_COUNT
};

static const silt_flat_column add_columns[A_COUNT] = {
    {"sidecar.path", SILT_FLAT_TEXT},
    {"add.path", SILT_FLAT_TEXT},
    {"add.partitionValues", SILT_FLAT_JSON},
    {"add.size", SILT_FLAT_INT},
    {"add.baseRowId", SILT_FLAT_INT},
    {"add.defaultRowCommitVersion", SILT_FLAT_INT},
    DV_COLUMNS("add"),
    {"add.modificationTime", SILT_FLAT_INT},
    {"add.stats", SILT_FLAT_TEXT},
    {"add.tags", SILT_FLAT_JSON},
    {"add.clusteringProvider", SILT_FLAT_TEXT},
};

static const silt_flat_column remove_columns[R_COUNT] = {
    {"sidecar.path", SILT_FLAT_TEXT},
    {"remove.path", SILT_FLAT_TEXT},
    {"remove.partitionValues", SILT_FLAT_JSON},
    {"remove.size", SILT_FLAT_INT},
    {"remove.baseRowId", SILT_FLAT_INT},
    {"remove.defaultRowCommitVersion", SILT_FLAT_INT},
    DV_COLUMNS("remove"),
    {"remove.deletionTimestamp", SILT_FLAT_INT},
    {"remove.extendedFileMetadata", SILT_FLAT_BOOL},
};

typedef struct file_reader {
    silt_log_checkpoint_files *io;
    silt_arena *arena;
    silt_arena *scratch;    /* for one row */
    silt_arena *keys;       /* for the map's keys */
    silt_map64 *partitions; /* JSON text → silt_pairs, so that equal ones are kept once */
    size_t room;            /* of io->adds */
    SILT_VEC(silt_remove) removes;
} file_reader;

static void file_reader_release(file_reader *r)
{
    silt_arena_free(r->scratch);
    silt_arena_free(r->keys);
    silt_map64_free(r->partitions);
    silt_vec_free(&r->removes);
}

static silt_status read_partitions(file_reader *r, const silt_flat_batch *b, size_t row,
                                   silt_pairs *out, silt_error *err)
{
    silt_bytes text;
    *out = (silt_pairs){NULL, 0};
    if (!flat_text(b, F_PARTITIONS, row, &text)) return SILT_OK;
    const silt_pairs *known = silt_map64_get(r->partitions, text.data, text.size);
    if (!known) {
        const silt_json *json;
        silt_pairs parsed;
        SILT_TRY(silt_json_parse(text, r->scratch, &json, err));
        SILT_TRY(silt_pairs_parse(json, r->scratch, &parsed, err));
        silt_pairs *kept = silt_arena_alloc(r->keys, sizeof(*kept));
        const char *key = silt_arena_strndup(r->keys, text.data, text.size);
        bool found;
        void **slot = key ? silt_map64_slot(r->partitions, key, text.size, &found) : NULL;
        if (!kept || !slot || !silt_pairs_copy(parsed, r->arena, kept)) return silt_fail_nomem(err);
        *slot = kept;
        known = kept;
    }
    *out = *known;
    return SILT_OK;
}

/* The deletion vector of a row, its text borrowed and not terminated; false: none. */
static bool borrow_dv(const silt_flat_batch *b, size_t row, silt_dv *out, silt_bytes *path)
{
    silt_bytes type;
    if (!flat_text(b, F_DV, row, &type) || type.size == 0) return false;
    if (!flat_text(b, F_DV + 1, row, path)) return false;
    *out = (silt_dv){.storage_type = type.data[0],
                     .offset = flat_int(b, F_DV + 2, row, -1),
                     .size_bytes = flat_int(b, F_DV + 3, row, 0),
                     .cardinality = flat_int(b, F_DV + 4, row, 0),
                     .max_row_index = flat_int(b, F_DV + 5, row, -1)};
    return true;
}

/* Whether the row's file is wanted. Its path is copied only where somebody looks at it. */
static silt_status is_wanted(file_reader *r, const silt_flat_batch *b, size_t row, bool *out,
                             silt_error *err)
{
    *out = true;
    if (!r->io->wanted) return SILT_OK;
    const char *path;
    silt_dv dv;
    silt_bytes dv_path;
    SILT_TRY(copy_text(b, F_PATH, row, "", r->scratch, &path, err));
    bool has_dv = borrow_dv(b, row, &dv, &dv_path);
    if (has_dv) dv.path_or_inline = silt_arena_strndup(r->scratch, dv_path.data, dv_path.size);
    if (has_dv && !dv.path_or_inline) return silt_fail_nomem(err);
    return r->io->wanted(r->io->ctx, path, has_dv ? &dv : NULL, out, err);
}

/* A text into the row's block, moving `*at` behind it. */
static const char *put_text(char **at, silt_bytes text)
{
    char *to = *at;
    if (text.size) memcpy(to, text.data, text.size);
    to[text.size] = '\0';
    *at = to + text.size + 1;
    return to;
}

#define FILE_TEXTS_MAX 4

/* Copies of a row's texts (NULL where null) and deletion vector, in one block of the arena. */
static silt_status copy_row(file_reader *r, const silt_flat_batch *b, size_t row,
                            const size_t *columns, size_t count, const char **texts,
                            const silt_dv **dv, silt_error *err)
{
    silt_bytes found[FILE_TEXTS_MAX] = {0}, dv_path = {0};
    bool has[FILE_TEXTS_MAX];
    silt_dv vector;
    bool has_dv = borrow_dv(b, row, &vector, &dv_path);
    size_t size = has_dv ? sizeof(vector) + dv_path.size + 1 : 0;
    for (size_t i = 0; i < count; i++) {
        has[i] = flat_text(b, columns[i], row, &found[i]);
        if (has[i]) size += found[i].size + 1;
    }
    if (has[0] && memchr(found[0].data, '\0', found[0].size))
        return silt_fail(err, SILT_CORRUPT, "a path has a NUL character");
    char *block = silt_arena_alloc(r->arena, size), *at = block;
    if (!block) return silt_fail_nomem(err);
    if (has_dv) at += sizeof(vector);
    for (size_t i = 0; i < count; i++)
        texts[i] = has[i] ? put_text(&at, found[i]) : NULL;
    *dv = NULL;
    if (has_dv) {
        vector.path_or_inline = put_text(&at, dv_path);
        memcpy(block, &vector, sizeof(vector));
        *dv = (const silt_dv *)block;
    }
    return SILT_OK;
}

static silt_status read_add(file_reader *r, const silt_flat_batch *b, size_t row, silt_error *err)
{
    static const size_t columns[] = {F_PATH, A_STATS, A_TAGS, A_CLUSTERING};
    const char *texts[FILE_TEXTS_MAX];
    silt_add add = {.size_bytes = flat_int(b, F_SIZE, row, -1),
                    .modification_time_ms = flat_int(b, F_TIME, row, 0),
                    .base_row_id = flat_int(b, F_ROW_ID, row, -1),
                    .default_row_commit_version = flat_int(b, F_COMMIT_VERSION, row, -1)};
    if (add.size_bytes < 0) return silt_fail(err, SILT_CORRUPT, "an add has no size");
    if (r->io->add_count == r->room)
        return silt_fail(err, SILT_CHANGED, "it changed while it was read");
    SILT_TRY(read_partitions(r, b, row, &add.partition_values, err));
    SILT_TRY(copy_row(r, b, row, columns, SILT_COUNT(columns), texts, &add.dv, err));
    add.path = texts[0];
    add.stats = texts[1];
    add.tags = texts[2];
    add.clustering_provider = texts[3];
    r->io->adds[r->io->room + r->io->add_count++] = add;
    return SILT_OK;
}

static silt_status read_remove(file_reader *r, const silt_flat_batch *b, size_t row,
                               silt_error *err)
{
    static const size_t columns[] = {F_PATH};
    silt_remove remove = {.size_bytes = flat_int(b, F_SIZE, row, -1),
                          .deletion_time_ms = flat_int(b, F_TIME, row, -1),
                          .extended_metadata = flat_int(b, R_EXTENDED, row, 0) != 0,
                          .base_row_id = flat_int(b, F_ROW_ID, row, -1),
                          .default_row_commit_version = flat_int(b, F_COMMIT_VERSION, row, -1)};
    if (remove.deletion_time_ms <= r->io->older_than_ms) return SILT_OK;
    SILT_TRY(read_partitions(r, b, row, &remove.partition_values, err));
    SILT_TRY(copy_row(r, b, row, columns, SILT_COUNT(columns), &remove.path, &remove.dv, err));
    return silt_vec_push(&r->removes, remove) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status read_files(file_reader *r, const silt_flat_batch *b,
                              silt_status (*read)(file_reader *, const silt_flat_batch *, size_t,
                                                  silt_error *),
                              silt_error *err)
{
    for (size_t row = 0; row < b->row_count; row++) {
        if (silt_flat_valid(&b->columns[F_SIDECAR], row)) return fail_sidecar(err);
        bool wanted;
        silt_arena_reset(r->scratch);
        SILT_TRY(is_wanted(r, b, row, &wanted, err));
        if (wanted) SILT_TRY(read(r, b, row, err));
    }
    return SILT_OK;
}

static silt_status add_sink(void *ctx, const silt_flat_batch *b, silt_error *err)
{
    return read_files(ctx, b, read_add, err);
}

static silt_status remove_sink(void *ctx, const silt_flat_batch *b, silt_error *err)
{
    return read_files(ctx, b, read_remove, err);
}

static silt_status count_sink(void *ctx, const silt_flat_batch *b, silt_error *err)
{
    (void)err;
    *(size_t *)ctx += b->row_count;
    return SILT_OK;
}

/* All adds in one array of the right size: counting them first is cheaper than growing it. */
static silt_status make_room(silt_store *store, silt_engine *engine,
                             const silt_log_segment *segment, file_reader *r, silt_error *err)
{
    static const silt_flat_column size = {"add.size", SILT_FLAT_INT};
    static const size_t any_of[] = {0};
    if (r->io->want_adds && segment->checkpoint_version >= 0)
        SILT_TRY(read_checkpoint(store, engine, segment, &size, 1, any_of, 1, count_sink, &r->room,
                                 err));
    r->io->adds = silt_arena_calloc(r->arena, r->io->room + r->room, sizeof(*r->io->adds));
    return r->io->adds ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_log_checkpoint_files_load(silt_store *store, silt_engine *engine,
                                           const silt_log_segment *segment, silt_arena *arena,
                                           silt_log_checkpoint_files *io, silt_error *err)
{
    static const size_t any_of[] = {F_SIDECAR, F_PATH};
    __attribute__((cleanup(file_reader_release))) file_reader r = {.io = io,
                                                                   .arena = arena,
                                                                   .scratch = silt_arena_new(),
                                                                   .keys = silt_arena_new(),
                                                                   .partitions = silt_map64_new()};
    if (!r.scratch || !r.keys || !r.partitions) return silt_fail_nomem(err);
    SILT_TRY(make_room(store, engine, segment, &r, err));
    if (segment->checkpoint_version < 0) return SILT_OK;
    if (io->want_adds)
        SILT_TRY(read_checkpoint(store, engine, segment, add_columns, SILT_COUNT(add_columns),
                                 any_of, SILT_COUNT(any_of), add_sink, &r, err));
    if (io->want_removes)
        SILT_TRY(read_checkpoint(store, engine, segment, remove_columns, SILT_COUNT(remove_columns),
                                 any_of, SILT_COUNT(any_of), remove_sink, &r, err));
    io->removes = silt_arena_calloc(arena, r.removes.count, sizeof(*io->removes));
    if (!io->removes) return silt_fail_nomem(err);
    if (r.removes.count)
        memcpy(io->removes, r.removes.items, r.removes.count * sizeof(*io->removes));
    io->remove_count = r.removes.count;
    return SILT_OK;
}

/* ---- counts */

static silt_status counts_sink(void *ctx, const silt_flat_batch *b, silt_error *err)
{
    (void)err;
    int64_t *counts = ctx;
    for (size_t column = 0; column < 6; column++)
        for (size_t row = 0; row < b->row_count; row++)
            counts[column] += silt_flat_valid(&b->columns[column], row);
    return SILT_OK;
}

silt_status silt_log_checkpoint_count(silt_engine *engine, const char *local_path,
                                      silt_log_checkpoint_counts *out, silt_error *err)
{
    static const silt_flat_column columns[] = {
        {"add.size", SILT_FLAT_INT},     {"remove.dataChange", SILT_FLAT_BOOL},
        {"txn.version", SILT_FLAT_INT},  {"domainMetadata.removed", SILT_FLAT_BOOL},
        {"metaData.id", SILT_FLAT_TEXT}, {"protocol.minReaderVersion", SILT_FLAT_INT},
    };
    int64_t counts[SILT_COUNT(columns)] = {0};
    SILT_TRY(engine->ops->read_flat(engine, &local_path, 1, columns, SILT_COUNT(columns), NULL, 0,
                                    counts_sink, counts, err));
    *out = (silt_log_checkpoint_counts){counts[0], counts[1], counts[2],
                                        counts[3], counts[4], counts[5]};
    return SILT_OK;
}
