/* Flat rows ↔ data files of the pipeline's own Delta tables. */
#include "load/rows.h"

#include "base/seam.h"

const silt_type *silt_state_schema(const silt_state_column *columns, size_t count,
                                   silt_arena *arena)
{
    silt_type *schema = silt_arena_calloc(arena, 1, sizeof(*schema));
    silt_field *fields = silt_arena_calloc(arena, count, sizeof(*fields));
    silt_type *types = silt_arena_calloc(arena, count, sizeof(*types));
    if (!schema || !fields || !types) return NULL;
    for (size_t i = 0; i < count; i++) {
        types[i].kind = columns[i].type;
        fields[i] = (silt_field){columns[i].name, &types[i], true, "{}"};
    }
    *schema = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = count};
    return schema;
}

static silt_flat_kind flat_kind(silt_type_kind type)
{
    switch (type) {
    case SILT_TYPE_STRING:
        return SILT_FLAT_TEXT;
    case SILT_TYPE_TIMESTAMP:
        return SILT_FLAT_TIME;
    default:
        return SILT_FLAT_INT;
    }
}

/* ---- writing -----------------------------------------------------------------------------------
 */

#define BATCH_ROWS 2048

/* Rows pulled from the caller, a batch at a time. */
typedef struct writer {
    const silt_state_column *columns;
    size_t count;
    silt_state_row_fn *fn;
    void *ctx;
    size_t next, row_count;
    silt_arena *texts; /* of one batch */
    silt_state_value *row;
    silt_flat_vector *vectors;
    uint64_t **validity;
    int64_t **ints;
    silt_bytes **strings;
} writer;

static void put_value(writer *w, size_t column, size_t at, const silt_state_value *value,
                      bool *failed)
{
    bool text = w->columns[column].type == SILT_TYPE_STRING;
    bool null = text ? !value->text : value->number == INT64_MIN;
    uint64_t bit = (uint64_t)1 << (at % 64);
    if (null)
        w->validity[column][at / 64] &= ~bit;
    else
        w->validity[column][at / 64] |= bit;
    w->ints[column][at] = null ? 0 : value->number;
    w->strings[column][at] = (silt_bytes){"", 0};
    if (!text || null) return;
    size_t size = strlen(value->text);
    char *copy = silt_arena_strndup(w->texts, value->text, size);
    if (!copy)
        *failed = true;
    else
        w->strings[column][at] = (silt_bytes){copy, size};
}

static silt_status next_batch(void *ctx, silt_flat_batch *out, silt_error *err)
{
    writer *w = ctx;
    bool failed = false;
    size_t rows = 0;
    silt_arena_reset(w->texts);
    for (; rows < BATCH_ROWS && w->next < w->row_count; rows++, w->next++) {
        w->fn(w->ctx, w->next, w->row);
        for (size_t c = 0; c < w->count; c++)
            put_value(w, c, rows, &w->row[c], &failed);
    }
    if (failed) return silt_fail_nomem(err);
    *out = (silt_flat_batch){rows, w->vectors};
    return SILT_OK;
}

static bool writer_init(writer *w, silt_arena *scratch)
{
    w->row = silt_arena_calloc(scratch, w->count, sizeof(*w->row));
    w->vectors = silt_arena_calloc(scratch, w->count, sizeof(*w->vectors));
    w->validity = silt_arena_calloc(scratch, w->count, sizeof(*w->validity));
    w->ints = silt_arena_calloc(scratch, w->count, sizeof(*w->ints));
    w->strings = silt_arena_calloc(scratch, w->count, sizeof(*w->strings));
    if (!w->row || !w->vectors || !w->validity || !w->ints || !w->strings) return false;
    size_t rows = w->row_count < BATCH_ROWS ? w->row_count : BATCH_ROWS;
    for (size_t c = 0; c < w->count; c++) {
        w->validity[c] = silt_arena_calloc(scratch, rows / 64 + 1, sizeof(uint64_t));
        w->ints[c] = silt_arena_calloc(scratch, rows + 1, sizeof(int64_t));
        w->strings[c] = silt_arena_calloc(scratch, rows + 1, sizeof(silt_bytes));
        if (!w->validity[c] || !w->ints[c] || !w->strings[c]) return false;
        w->vectors[c] = (silt_flat_vector){w->validity[c], w->ints[c], w->strings[c]};
    }
    return true;
}

static silt_status write_file(writer *w, silt_engine *engine, const silt_type *schema,
                              const char *path, silt_arena *arena, silt_staged_file *out,
                              silt_error *err)
{
    silt_node *nodes = silt_arena_calloc(arena, w->count, sizeof(*nodes));
    silt_flat_kind *kinds = silt_arena_calloc(arena, w->count, sizeof(*kinds));
    if (!nodes || !kinds) return silt_fail_nomem(err);
    for (size_t c = 0; c < w->count; c++) {
        kinds[c] = flat_kind(w->columns[c].type);
        nodes[c] = (silt_node){.name = w->columns[c].name,
                               .kind = SILT_NODE_LEAF,
                               .column = c,
                               .type = schema->fields[c].type};
    }
    return engine->ops->write_flat(engine, kinds, w->count, nodes, w->count, next_batch, w, path,
                                   arena, out, err);
}

silt_status silt_state_write(silt_store *table, silt_engine *engine,
                             const silt_state_column *columns, size_t count, silt_state_row_fn *fn,
                             void *ctx, size_t row_count, const silt_metadata *metadata,
                             const silt_clock *clock, const silt_random *random, silt_arena *arena,
                             const silt_add **out, silt_error *err)
{
    SILT_AUTO(silt_arena) texts = silt_arena_new();
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!texts || !scratch) return silt_fail_nomem(err);
    writer w = {.columns = columns,
                .count = count,
                .fn = fn,
                .ctx = ctx,
                .row_count = row_count,
                .texts = texts};
    const silt_type *schema = silt_state_schema(columns, count, scratch);
    if (!schema || !writer_init(&w, scratch)) return silt_fail_nomem(err);

    char uuid[SILT_UUID_SIZE];
    silt_uuid(random, uuid);
    const char *folder;
    SILT_TRY(silt_scratch_make(table, uuid, arena, &folder, err));
    const char *path = silt_arena_printf(arena, "%s/part-%s.parquet", folder, uuid);
    silt_staged_file staged;
    silt_add *add = NULL;
    silt_status st =
        path ? write_file(&w, engine, schema, path, arena, &staged, err) : silt_fail_nomem(err);
    if (st == SILT_OK)
        st = silt_staged_publish(table, &staged, 1, metadata, schema, silt_now_ms(clock), arena,
                                 &add, err);
    silt_scratch_remove(folder);
    if (st == SILT_OK) *out = add;
    return st;
}

/* ---- reading */

typedef struct reader {
    const silt_state_column *columns;
    size_t count;
    silt_state_read_fn *fn;
    void *ctx;
    silt_state_value *row;
    silt_arena *texts;
} reader;

static silt_status read_batch(void *ctx, const silt_flat_batch *batch, silt_error *err)
{
    reader *r = ctx;
    for (size_t i = 0; i < batch->row_count; i++) {
        silt_arena_reset(r->texts);
        for (size_t c = 0; c < r->count; c++) {
            const silt_flat_vector *v = &batch->columns[c];
            bool text = r->columns[c].type == SILT_TYPE_STRING;
            r->row[c] = (silt_state_value){NULL, INT64_MIN};
            if (!silt_flat_valid(v, i)) continue;
            if (!text)
                r->row[c].number = v->ints[i];
            else
                r->row[c].text = silt_arena_strndup(r->texts, v->texts[i].data, v->texts[i].size);
            if (text && !r->row[c].text) return silt_fail_nomem(err);
        }
        SILT_TRY(r->fn(r->ctx, (size_t)batch->columns[r->count].ints[i], r->row, err));
    }
    return SILT_OK;
}

/* Data files as local paths, brought into `folder` where the store has none of its own. */
static silt_status local_files(silt_store *table, const silt_add *adds, size_t count,
                               const char *folder, silt_arena *arena, const char ***out,
                               silt_error *err)
{
    const char **paths = silt_arena_calloc(arena, count, sizeof(*paths));
    if (!paths) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const char *key;
        SILT_TRY(silt_path_decode(adds[i].path, arena, &key, err));
        if (!folder) {
            paths[i] = table->ops->local_path(table, key, arena);
        } else {
            paths[i] = silt_arena_printf(arena, "%s/%zu.parquet", folder, i);
            if (paths[i]) SILT_TRY(table->ops->get_file(table, key, paths[i], err));
        }
        if (!paths[i]) return silt_fail_nomem(err);
    }
    *out = paths;
    return SILT_OK;
}

static silt_status read_files(reader *r, silt_engine *engine, const char *const *paths,
                              size_t path_count, silt_arena *arena, silt_error *err)
{
    silt_flat_column *columns = silt_arena_calloc(arena, r->count + 1, sizeof(*columns));
    if (!columns) return silt_fail_nomem(err);
    for (size_t c = 0; c < r->count; c++)
        columns[c] = (silt_flat_column){r->columns[c].name, flat_kind(r->columns[c].type)};
    columns[r->count] = (silt_flat_column){NULL, SILT_FLAT_FILE};
    return engine->ops->read_flat(engine, paths, path_count, columns, r->count + 1, NULL, 0,
                                  read_batch, r, err);
}

silt_status silt_state_read(silt_store *table, silt_engine *engine,
                            const silt_state_column *columns, size_t count, const silt_add *adds,
                            size_t add_count, silt_state_read_fn *fn, void *ctx, silt_error *err)
{
    if (add_count == 0) return SILT_OK;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_AUTO(silt_arena) texts = silt_arena_new();
    if (!scratch || !texts) return silt_fail_nomem(err);
    reader r = {columns, count, fn, ctx, NULL, texts};
    r.row = silt_arena_calloc(scratch, count, sizeof(*r.row));
    if (!r.row) return silt_fail_nomem(err);

    const char *folder = NULL;
    if (!table->ops->local_path) {
        char uuid[SILT_UUID_SIZE];
        silt_uuid(NULL, uuid);
        SILT_TRY(silt_scratch_make(table, uuid, scratch, &folder, err));
    }
    const char **paths = NULL;
    silt_status st = local_files(table, adds, add_count, folder, scratch, &paths, err);
    if (st == SILT_OK) st = read_files(&r, engine, paths, add_count, scratch, err);
    if (folder) silt_scratch_remove(folder);
    return st;
}

/* ---- away with it */

typedef struct key_list {
    silt_arena *arena;
    SILT_VEC(const char *) keys;
    bool failed;
} key_list;

static bool collect_key(void *ctx, const silt_object *object)
{
    key_list *list = ctx;
    const char *key = silt_arena_strdup(list->arena, object->key);
    list->failed = !key || !silt_vec_push(&list->keys, key);
    return !list->failed;
}

silt_status silt_state_drop(silt_store *store, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    key_list list = {.arena = arena};
    silt_status st = store->ops->list(store, "", NULL, true, collect_key, &list, err);
    if (st == SILT_OK && list.failed) st = silt_fail_nomem(err);
    for (int log = 1; log >= 0; log--)
        for (size_t i = list.keys.count; st == SILT_OK && i-- > 0;)
            if (silt_starts_with(list.keys.items[i], SILT_LOG_DIR) == log)
                st = store->ops->remove(store, list.keys.items[i], err);
    silt_vec_free(&list.keys);
    return st;
}
