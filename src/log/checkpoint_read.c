/* The files of a checkpoint: adds and tombstones out of Parquet, where a row is one action, or out
 * of JSON lines. A checkpoint names a logical file once, so nothing is kept to look it up by. */
#include "base/hash.h"
#include "log/checkpoint_open.h"
#include "log/lines.h"
#include "log/state.h"

/* ---- columns */

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
    F_FILE,
    F_PATH,
    F_PARTITIONS,
    F_SIZE,
    F_ROW_ID,
    F_COMMIT_VERSION,
    F_DV, /* and the five after it */
    F_TIME = F_DV + 6,
    A_CLUSTERING,
    A_STATS, /* these two only where details are wanted */
    A_TAGS,
    A_COUNT,
    R_EXTENDED = A_CLUSTERING,
    R_COUNT
};

static const silt_flat_column add_columns[A_COUNT] = {
    {NULL, SILT_FLAT_FILE},
    {"add.path", SILT_FLAT_TEXT},
    {"add.partitionValues", SILT_FLAT_JSON},
    {"add.size", SILT_FLAT_INT},
    {"add.baseRowId", SILT_FLAT_INT},
    {"add.defaultRowCommitVersion", SILT_FLAT_INT},
    DV_COLUMNS("add"),
    {"add.modificationTime", SILT_FLAT_INT},
    {"add.clusteringProvider", SILT_FLAT_TEXT},
    {"add.stats", SILT_FLAT_STATS},
    {"add.tags", SILT_FLAT_JSON},
};

static const silt_flat_column remove_columns[R_COUNT] = {
    {NULL, SILT_FLAT_FILE},
    {"remove.path", SILT_FLAT_TEXT},
    {"remove.partitionValues", SILT_FLAT_JSON},
    {"remove.size", SILT_FLAT_INT},
    {"remove.baseRowId", SILT_FLAT_INT},
    {"remove.defaultRowCommitVersion", SILT_FLAT_INT},
    DV_COLUMNS("remove"),
    {"remove.deletionTimestamp", SILT_FLAT_INT},
    {"remove.extendedFileMetadata", SILT_FLAT_BOOL},
};

/* ---- reading */

#define PARTITIONS_MAX 65536 /* texts of partition values to look for again */

typedef struct file_reader {
    silt_log_checkpoint_files *io;
    silt_arena *arena;      /* results */
    silt_arena *scratch;    /* for one row */
    silt_arena *keys;       /* for the map's keys */
    silt_map64 *partitions; /* JSON text → silt_pairs, so that equal ones are kept once */
    size_t room;            /* of io->adds */
    bool empty;             /* nothing has been seen of what every checkpoint has */
    const silt_log_checkpoint *checkpoint;
    SILT_VEC(silt_remove) removes;
} file_reader;

static void file_reader_release(file_reader *r)
{
    silt_arena_free(r->scratch);
    silt_arena_free(r->keys);
    silt_map64_free(r->partitions);
    silt_vec_free(&r->removes);
}

/* Values that are new: into the arena, and into the map, which starts anew when it has grown large:
 * a table may have a partition a file. */
static silt_status keep_partitions(file_reader *r, silt_bytes text, silt_pairs **out,
                                   silt_error *err)
{
    const silt_json *json;
    silt_pairs parsed;
    bool found;
    SILT_TRY(silt_json_parse(text, r->scratch, &json, err));
    SILT_TRY(silt_pairs_parse(json, r->scratch, &parsed, err));
    if (silt_map64_count(r->partitions) >= PARTITIONS_MAX) {
        silt_map64 *fresh = silt_map64_new();
        if (!fresh) return silt_fail_nomem(err);
        silt_map64_free(r->partitions);
        r->partitions = fresh;
        silt_arena_reset(r->keys);
    }
    silt_pairs *kept = silt_arena_alloc(r->keys, sizeof(*kept));
    const char *key = silt_arena_strndup(r->keys, text.data, text.size);
    void **slot = key ? silt_map64_slot(r->partitions, key, text.size, &found) : NULL;
    if (!kept || !slot || !silt_pairs_copy(parsed, r->arena, kept)) return silt_fail_nomem(err);
    *slot = kept;
    *out = kept;
    return SILT_OK;
}

static silt_status read_partitions(file_reader *r, const silt_flat_batch *b, size_t row,
                                   silt_pairs *out, silt_error *err)
{
    silt_bytes text;
    *out = (silt_pairs){NULL, 0};
    if (!silt_flat_text(b, F_PARTITIONS, row, &text)) return SILT_OK;
    silt_pairs *kept = silt_map64_get(r->partitions, text.data, text.size);
    if (!kept) {
        silt_status st = keep_partitions(r, text, &kept, err);
        if (st != SILT_OK) return silt_wrap(err, st, "partitionValues");
    }
    *out = *kept;
    return SILT_OK;
}

/* The deletion vector of a row, its text borrowed and not terminated; false: none. */
static bool borrow_dv(const silt_flat_batch *b, size_t row, silt_dv *out, silt_bytes *path)
{
    silt_bytes type;
    if (!silt_flat_text(b, F_DV, row, &type) || type.size == 0) return false;
    if (!silt_flat_text(b, F_DV + 1, row, path)) return false;
    *out = (silt_dv){.storage_type = type.data[0],
                     .offset = silt_flat_int(b, F_DV + 2, row, -1),
                     .size_bytes = silt_flat_int(b, F_DV + 3, row, 0),
                     .cardinality = silt_flat_int(b, F_DV + 4, row, 0),
                     .max_row_index = silt_flat_int(b, F_DV + 5, row, -1)};
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
    SILT_TRY(silt_flat_copy_text(b, F_PATH, row, "", r->scratch, &path, err));
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
        has[i] = silt_flat_text(b, columns[i], row, &found[i]);
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

/* `stats` are for whoever is shown the add. */
static silt_status take_add(file_reader *r, const silt_add *add, const char *stats, silt_error *err)
{
    silt_log_checkpoint_files *io = r->io;
    if (io->add_count == r->room)
        return silt_fail(err, SILT_CHANGED, "it changed while it was read");
    size_t index = io->room + io->add_count++;
    io->adds[index] = *add;
    if (!io->show) return SILT_OK;
    silt_add shown = *add;
    shown.stats = stats;
    return io->show(io->show_ctx, index, &shown, err);
}

static silt_status read_add(file_reader *r, const silt_flat_batch *b, size_t row, silt_error *err)
{
    static const size_t columns[] = {F_PATH, A_CLUSTERING, A_STATS, A_TAGS};
    const char *texts[FILE_TEXTS_MAX] = {NULL};
    size_t count = r->io->want_details ? 4 : 2;
    silt_add add = {.size_bytes = silt_flat_int(b, F_SIZE, row, -1),
                    .modification_time_ms = silt_flat_int(b, F_TIME, row, 0),
                    .base_row_id = silt_flat_int(b, F_ROW_ID, row, -1),
                    .default_row_commit_version = silt_flat_int(b, F_COMMIT_VERSION, row, -1)};
    if (add.size_bytes < 0) return silt_fail(err, SILT_CORRUPT, "an add has no size");
    SILT_TRY(read_partitions(r, b, row, &add.partition_values, err));
    SILT_TRY(copy_row(r, b, row, columns, count, texts, &add.dv, err));
    add.path = texts[0];
    add.clustering_provider = texts[1];
    add.stats = texts[2];
    add.tags = texts[3];
    const char *stats = add.stats;
    if (r->io->show && !stats)
        SILT_TRY(silt_flat_copy_text(b, A_STATS, row, NULL, r->scratch, &stats, err));
    return take_add(r, &add, stats, err);
}

static silt_status read_remove(file_reader *r, const silt_flat_batch *b, size_t row,
                               silt_error *err)
{
    static const size_t columns[] = {F_PATH};
    silt_remove remove = {.size_bytes = silt_flat_int(b, F_SIZE, row, -1),
                          .deletion_time_ms = silt_flat_int(b, F_TIME, row, -1),
                          .extended_metadata = silt_flat_int(b, R_EXTENDED, row, 0) != 0,
                          .base_row_id = silt_flat_int(b, F_ROW_ID, row, -1),
                          .default_row_commit_version =
                              silt_flat_int(b, F_COMMIT_VERSION, row, -1)};
    if (remove.deletion_time_ms <= r->io->older_than_ms) return SILT_OK;
    SILT_TRY(read_partitions(r, b, row, &remove.partition_values, err));
    SILT_TRY(copy_row(r, b, row, columns, SILT_COUNT(columns), &remove.path, &remove.dv, err));
    return silt_vec_push(&r->removes, remove) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status read_row(file_reader *r, const silt_flat_batch *b, size_t row, bool add,
                            silt_error *err)
{
    bool wanted;
    silt_arena_reset(r->scratch);
    SILT_TRY(is_wanted(r, b, row, &wanted, err));
    if (!wanted) return SILT_OK;
    return add ? read_add(r, b, row, err) : read_remove(r, b, row, err);
}

static silt_status read_rows(file_reader *r, const silt_flat_batch *b, bool add, silt_error *err)
{
    for (size_t row = 0; row < b->row_count; row++) {
        silt_status st = read_row(r, b, row, add, err);
        if (st == SILT_OK) continue;
        int64_t file = silt_flat_int(b, F_FILE, row, 0);
        return silt_wrap(err, st, "%s", silt_log_checkpoint_file(r->checkpoint, (size_t)file));
    }
    return SILT_OK;
}

static silt_status add_sink(void *ctx, const silt_flat_batch *b, silt_error *err)
{
    return read_rows(ctx, b, true, err);
}

static silt_status remove_sink(void *ctx, const silt_flat_batch *b, silt_error *err)
{
    return read_rows(ctx, b, false, err);
}

enum count_column { N_SIZE, N_PROTOCOL, N_METADATA, N_COUNT };

static silt_status count_sink(void *ctx, const silt_flat_batch *b, silt_error *err)
{
    (void)err;
    file_reader *r = ctx;
    for (size_t row = 0; row < b->row_count; row++)
        r->room += silt_flat_valid(&b->columns[N_SIZE], row);
    if (b->row_count) r->empty = false;
    return SILT_OK;
}

static silt_status read_parquet(file_reader *r, const silt_log_checkpoint *c, silt_error *err)
{
    static const size_t any_of[] = {F_PATH};
    size_t count = r->io->want_details ? A_COUNT : r->io->show ? A_TAGS : A_STATS;
    if (r->io->want_adds)
        SILT_TRY(silt_log_checkpoint_flat(c, add_columns, count, any_of, 1, add_sink, r, err));
    if (r->io->want_removes)
        SILT_TRY(silt_log_checkpoint_flat(c, remove_columns, SILT_COUNT(remove_columns), any_of, 1,
                                          remove_sink, r, err));
    return SILT_OK;
}

/* ---- the JSON form */

static silt_status take_line(file_reader *r, const silt_action *action, silt_error *err)
{
    silt_log_checkpoint_files *io = r->io;
    bool wanted = true;
    if (action->kind == SILT_ACTION_ADD && io->want_adds) {
        silt_add add = action->add, copy;
        if (io->wanted) SILT_TRY(io->wanted(io->ctx, add.path, add.dv, &wanted, err));
        if (!wanted) return SILT_OK;
        add.data_change = false;
        if (!io->want_details) add.stats = add.tags = NULL;
        const silt_add *last = io->add_count ? &io->adds[io->room + io->add_count - 1] : NULL;
        if (!silt_add_copy_like(&add, last, r->arena, &copy)) return silt_fail_nomem(err);
        return take_add(r, &copy, action->add.stats, err);
    }
    if (action->kind == SILT_ACTION_REMOVE && io->want_removes) {
        silt_remove remove = action->remove, copy;
        if (remove.deletion_time_ms <= io->older_than_ms) return SILT_OK;
        if (io->wanted) SILT_TRY(io->wanted(io->ctx, remove.path, remove.dv, &wanted, err));
        if (!wanted) return SILT_OK;
        remove.data_change = false;
        if (!silt_remove_copy(&remove, r->arena, &copy) || !silt_vec_push(&r->removes, copy))
            return silt_fail_nomem(err);
    }
    return SILT_OK;
}

static silt_status read_lines(file_reader *r, const silt_log_checkpoint *c, silt_error *err)
{
    silt_bytes line;
    for (size_t at = 0; silt_log_line_next(c->json, &at, &line);) {
        silt_action action;
        silt_arena_reset(r->scratch);
        SILT_TRY(silt_log_checkpoint_line(c, line, r->scratch, &action, err));
        SILT_TRY(take_line(r, &action, err));
    }
    return SILT_OK;
}

/* ---- all of it */

/* Rows that have an add, and whether there is anything; counting them first is cheaper than growing
 * an array. */
static silt_status count_adds(file_reader *r, const silt_log_checkpoint *c, silt_error *err)
{
    static const silt_flat_column columns[N_COUNT] = {
        {"add.size", SILT_FLAT_INT},
        {"protocol.minReaderVersion", SILT_FLAT_INT},
        {"metaData.id", SILT_FLAT_TEXT},
    };
    static const size_t any_of[] = {N_SIZE, N_PROTOCOL, N_METADATA};
    silt_bytes line;
    for (size_t at = 0; silt_log_line_next(c->json, &at, &line);) {
        r->room++;
        r->empty = false;
    }
    SILT_TRY(silt_log_checkpoint_flat(c, columns, N_COUNT, any_of, N_COUNT, count_sink, r, err));
    if (!r->empty) return SILT_OK;
    return silt_fail(err, SILT_CORRUPT, "%s has no actions", silt_log_checkpoint_file(c, 0));
}

static silt_status make_room(file_reader *r, silt_error *err)
{
    r->io->adds = silt_arena_calloc(r->arena, r->io->room + r->room, sizeof(*r->io->adds));
    return r->io->adds ? SILT_OK : silt_fail_nomem(err);
}

static silt_status read_files(file_reader *r, const silt_log_checkpoint *c, silt_error *err)
{
    SILT_TRY(count_adds(r, c, err));
    SILT_TRY(make_room(r, err));
    if (c->json_key) SILT_TRY(read_lines(r, c, err));
    SILT_TRY(read_parquet(r, c, err));
    silt_log_checkpoint_files *io = r->io;
    io->removes = silt_arena_calloc(r->arena, r->removes.count, sizeof(*io->removes));
    if (!io->removes) return silt_fail_nomem(err);
    if (r->removes.count)
        memcpy(io->removes, r->removes.items, r->removes.count * sizeof(*io->removes));
    io->remove_count = r->removes.count;
    return SILT_OK;
}

silt_status silt_log_checkpoint_files_load(silt_store *store, silt_engine *engine,
                                           const silt_log_segment *segment, silt_arena *arena,
                                           silt_log_checkpoint_files *io, silt_error *err)
{
    SILT_CLEAN(silt_log_checkpoint) c = {0};
    SILT_CLEAN(file_reader)
    r = {.io = io,
         .arena = arena,
         .scratch = silt_arena_new(),
         .keys = silt_arena_new(),
         .partitions = silt_map64_new(),
         .empty = true,
         .checkpoint = &c};
    if (!r.scratch || !r.keys || !r.partitions) return silt_fail_nomem(err);
    if (segment->checkpoint_version < 0) return make_room(&r, err);
    SILT_TRY(silt_log_checkpoint_open(store, engine, segment, true, &c, err));
    return silt_log_checkpoint_wrap(store, segment, read_files(&r, &c, err), err);
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
