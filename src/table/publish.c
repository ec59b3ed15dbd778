/* Staged files become data files of the table. They are no part of it until a commit names them. */
#include "base/hash.h"
#include "log/dv.h"
#include "table/data.h"

static silt_status partition_pairs(const silt_staged_file *file, const silt_metadata *metadata,
                                   const silt_type *schema, const silt_mapping *mapping,
                                   silt_arena *arena, silt_pairs *out, silt_error *err)
{
    silt_names by = metadata->partition_columns;
    silt_pair *pairs = silt_arena_calloc(arena, by.count, sizeof(*pairs));
    if (!pairs) return silt_fail_nomem(err);
    for (size_t i = 0; i < by.count; i++) {
        const char *text = file->partition_values[i];
        int at = silt_type_find(schema, by.items[i]);
        if (at < 0)
            return silt_fail(err, SILT_INVALID, "partition column %s isn't in the schema",
                             by.items[i]);
        const silt_type *type = schema->fields[at].type;
        if (type->kind == SILT_TYPE_BINARY || type->kind >= SILT_TYPE_VARIANT)
            return silt_fail(err, SILT_UNSUPPORTED, "can't partition by %s, which is %s",
                             by.items[i], silt_type_name(type, arena));
        pairs[i] = (silt_pair){mapping->partition_columns.items[i],
                               silt_partition_value(text, type, arena)};
        if (text && *text && !pairs[i].value) return silt_fail_nomem(err);
    }
    *out = (silt_pairs){pairs, by.count};
    return SILT_OK;
}

/* The folder of a file: by its partition's values, or a random one. */
static const char *make_folder(const silt_metadata *metadata, silt_pairs values, silt_arena *arena)
{
    char prefix[SILT_PREFIX_MAX + 1];
    size_t size = silt_property_prefix_size(metadata);
    if (!size) return silt_path_partition_dir(values, arena);
    silt_random_prefix(&silt_random_system, prefix, size);
    return silt_arena_printf(arena, "%s/", prefix);
}

/* <folder>/<name>. Rows with '' and with null come in two folders of one name, and files of several
 * partitions may come into one: the number keeps files apart. */
static const char *make_key(const silt_metadata *metadata, const char *local_path,
                            silt_pairs values, size_t number, silt_map64 *taken, silt_arena *arena)
{
    const char *slash = strrchr(local_path, '/'), *name = slash ? slash + 1 : local_path;
    const char *folder = make_folder(metadata, values, arena);
    const char *key = folder ? silt_arena_printf(arena, "%s%s", folder, name) : NULL;
    bool found = false;
    void **slot = key ? silt_map64_slot(taken, key, strlen(key), &found) : NULL;
    if (!slot) return NULL;
    *slot = taken; /* anything but NULL */
    if (!found) return key;
    const char *dot = strrchr(name, '.');
    int stem = dot ? (int)(dot - name) : (int)strlen(name);
    return silt_arena_printf(arena, "%s%.*s-%zu%s", folder, stem, name, number, dot ? dot : "");
}

/* What publishing needs to know of the table. */
typedef struct publishing {
    silt_store *store;
    const silt_metadata *metadata;
    const silt_type *schema;
    silt_mapping mapping;
    const char *folder; /* before each key: "" or one that ends in '/' */
    silt_arena *arena;
    silt_pairs *values; /* by file */
    const char **keys;
} publishing;

/* Keys and partition values of all files: all that can be refused, before anything moves. */
static silt_status prepare(publishing *p, const silt_staged_file *files, size_t count,
                           silt_error *err)
{
    SILT_AUTO(silt_map64) taken = silt_map64_new();
    p->values = silt_arena_calloc(p->arena, count, sizeof(*p->values));
    p->keys = silt_arena_calloc(p->arena, count, sizeof(*p->keys));
    if (!taken || !p->values || !p->keys) return silt_fail_nomem(err);
    SILT_TRY(silt_mapping_of(p->metadata, p->schema, p->arena, &p->mapping, err));
    for (size_t i = 0; i < count; i++) {
        SILT_TRY(partition_pairs(&files[i], p->metadata, p->schema, &p->mapping, p->arena,
                                 &p->values[i], err));
        const char *key =
            make_key(p->metadata, files[i].local_path, p->values[i], i, taken, p->arena);
        p->keys[i] = key ? silt_arena_printf(p->arena, "%s%s", p->folder, key) : NULL;
        if (!p->keys[i]) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

static silt_status move_all(const publishing *p, const silt_staged_file *files, size_t count,
                            silt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        silt_status st = p->store->ops->put_file(p->store, p->keys[i], files[i].local_path, err);
        if (st != SILT_OK) return silt_wrap(err, st, "%s: data file %s", p->store->uri, p->keys[i]);
    }
    return SILT_OK;
}

silt_status silt_staged_publish(silt_store *store, const silt_staged_file *files, size_t count,
                                const silt_metadata *metadata, const silt_type *schema,
                                int64_t now_ms, silt_arena *arena, silt_add **out, silt_error *err)
{
    publishing p = {
        .store = store, .metadata = metadata, .schema = schema, .folder = "", .arena = arena};
    silt_add *adds = silt_arena_calloc(arena, count, sizeof(*adds));
    if (!adds) return silt_fail_nomem(err);
    SILT_TRY(prepare(&p, files, count, err));
    for (size_t i = 0; i < count; i++) {
        adds[i] = (silt_add){
            .path = silt_path_encode(p.keys[i], arena),
            .partition_values = p.values[i],
            .size_bytes = files[i].size_bytes,
            .modification_time_ms = now_ms,
            .data_change = true,
            .stats = silt_stats_json(&files[i], schema, p.mapping.fields, metadata, arena),
            .base_row_id = -1,
            .default_row_commit_version = -1};
        if (!adds[i].path || !adds[i].stats) return silt_fail_nomem(err);
    }
    SILT_TRY(move_all(&p, files, count, err));
    *out = adds;
    return SILT_OK;
}

silt_status silt_staged_publish_changes(silt_store *store, const silt_staged_file *files,
                                        size_t count, const silt_metadata *metadata,
                                        const silt_type *schema, silt_arena *arena, silt_cdc **out,
                                        silt_error *err)
{
    publishing p = {.store = store,
                    .metadata = metadata,
                    .schema = schema,
                    .folder = "_change_data/",
                    .arena = arena};
    silt_cdc *changes = silt_arena_calloc(arena, count, sizeof(*changes));
    if (!changes) return silt_fail_nomem(err);
    SILT_TRY(prepare(&p, files, count, err));
    for (size_t i = 0; i < count; i++) {
        changes[i] = (silt_cdc){.path = silt_path_encode(p.keys[i], arena),
                                .partition_values = p.values[i],
                                .size_bytes = files[i].size_bytes};
        if (!changes[i].path) return silt_fail_nomem(err);
    }
    SILT_TRY(move_all(&p, files, count, err));
    *out = changes;
    return SILT_OK;
}
