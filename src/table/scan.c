/* Data files of a snapshot as the engine reads them. */
#include <unistd.h>

#include "base/json.h"
#include "table/data.h"

/* ---- columns */

/* Edits from one name to another, letters of either case alike; more than `most` counts as most
 * + 1. */
static size_t distance(const char *a, const char *b, size_t most)
{
    size_t row[65], b_size = strlen(b);
    if (b_size > 64 || strlen(a) > 64) return most + 1;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_size; j++) {
            size_t edit = diagonal + ((a[i] | 0x20) != (b[j] | 0x20));
            diagonal = row[j + 1];
            if (row[j] + 1 < edit) edit = row[j] + 1;
            if (diagonal + 1 < edit) edit = diagonal + 1;
            row[j + 1] = edit;
        }
    }
    return row[b_size];
}

static silt_status no_column(const silt_snapshot *snapshot, const char *name, silt_error *err)
{
    const silt_type *schema = silt_snapshot_schema(snapshot);
    const char *closest = NULL;
    size_t best = strlen(name) / 2 + 1;
    SILT_CLEAN(silt_buf) all = {0};
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *field = schema->fields[i].name;
        size_t edits = distance(name, field, best);
        if (edits < best) {
            best = edits;
            closest = field;
        }
        silt_buf_printf(&all, "%s%s", i ? ", " : "", field);
    }
    silt_fail(err, SILT_NOT_FOUND, "%s: no column \"%s\"", silt_snapshot_store(snapshot)->uri,
              name);
    if (closest)
        return silt_hint(err, SILT_NOT_FOUND, "did you mean \"%s\"? The columns are: %s", closest,
                         all.failed ? "" : all.data);
    return silt_hint(err, SILT_NOT_FOUND, "the columns are: %s",
                     all.failed || !all.size ? "" : all.data);
}

static int partition_index(const silt_snapshot *snapshot, const char *name)
{
    size_t count = silt_snapshot_partition_count(snapshot);
    for (size_t i = 0; i < count; i++)
        if (strcmp(silt_snapshot_partition_column(snapshot, i), name) == 0) return (int)i;
    return -1;
}

static silt_status build_columns(const silt_snapshot *snapshot, const char *const *names,
                                 size_t count, silt_arena *arena, silt_scan_spec *out,
                                 silt_error *err)
{
    const silt_type *schema = silt_snapshot_schema(snapshot);
    size_t column_count = names ? count : schema->field_count;
    silt_scan_column *columns = silt_arena_calloc(arena, column_count, sizeof(*columns));
    if (!columns) return silt_fail_nomem(err);
    for (size_t i = 0; i < column_count; i++) {
        int at = names ? silt_type_find(schema, names[i]) : (int)i;
        if (at < 0) return no_column(snapshot, names[i], err);
        for (size_t j = 0; names && j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return silt_fail(err, SILT_INVALID, "column \"%s\" is named twice", names[i]);
        const silt_field *field = &schema->fields[at];
        int partition = partition_index(snapshot, field->name);
        columns[i] = (silt_scan_column){.name = field->name,
                                        .type = field->type,
                                        .kind = partition < 0 ? SILT_SCAN_DATA : SILT_SCAN_CONSTANT,
                                        .physical = {.name = field->name, .id = -1},
                                        .constant = partition < 0 ? 0 : (size_t)partition};
    }
    out->columns = columns;
    out->column_count = column_count;
    return SILT_OK;
}

/* ---- files */

int64_t silt_add_row_count(const silt_add *add, silt_arena *scratch)
{
    const silt_json *stats;
    if (!add->stats || silt_json_parse(silt_bytes_of(add->stats), scratch, &stats, NULL) != SILT_OK)
        return -1;
    int64_t rows = silt_json_int(silt_json_get(stats, "numRecords"), -1);
    if (rows < 0 || !add->dv) return rows;
    return rows >= add->dv->cardinality ? rows - add->dv->cardinality : -1;
}

static silt_status partition_values(const silt_snapshot *snapshot, const silt_add *add,
                                    silt_arena *arena, const char *const **out, silt_error *err)
{
    size_t count = silt_snapshot_partition_count(snapshot);
    const char **values = silt_arena_calloc(arena, count, sizeof(*values));
    if (!values) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const char *name = silt_snapshot_partition_column(snapshot, i);
        const char *value = silt_pairs_get(add->partition_values, name);
        values[i] = value && *value ? value : NULL;
    }
    *out = values;
    return SILT_OK;
}

/* The store's own path, or a copy; `number` keeps the copies of files of one name apart. */
static silt_status local_file(silt_store *store, const char *key, size_t number,
                              const char *scratch, silt_arena *arena, const char **out,
                              silt_error *err)
{
    if (store->ops->local_path) {
        *out = store->ops->local_path(store, key, arena);
        return *out ? SILT_OK : silt_fail_nomem(err);
    }
    if (!scratch)
        return silt_fail(err, SILT_INVALID, "%s: reading needs a scratch folder", store->uri);
    const char *slash = strrchr(key, '/');
    *out = silt_arena_printf(arena, "%s/%zu-%s", scratch, number, slash ? slash + 1 : key);
    if (!*out) return silt_fail_nomem(err);
    return store->ops->get_file(store, key, *out, err);
}

static silt_status build_file(silt_snapshot *snapshot, const silt_add *add, size_t number,
                              const char *scratch, silt_arena *arena, silt_scan_file *out,
                              silt_error *err)
{
    silt_store *store = silt_snapshot_store(snapshot);
    const char *key;
    SILT_TRY(silt_path_decode(add->path, arena, &key, err));
    if (add->dv) return silt_fail(err, SILT_UNSUPPORTED, "data file %s has a deletion vector", key);
    silt_status st = local_file(store, key, number, scratch, arena, &out->local_path, err);
    if (st != SILT_OK)
        return silt_wrap(err, st, "%s: data file %s of version %" PRId64, store->uri, key,
                         silt_snapshot_version(snapshot));
    out->base_row_id = -1;
    return partition_values(snapshot, add, arena, &out->constants, err);
}

silt_status silt_scan_build(silt_snapshot *snapshot, const size_t *files, size_t file_count,
                            const char *const *columns, size_t column_count, const char *scratch,
                            silt_arena *arena, silt_scan_spec *out, silt_error *err)
{
    silt_scan_spec spec = {.limit = -1};
    SILT_TRY(build_columns(snapshot, columns, column_count, arena, &spec, err));
    const silt_add *adds;
    size_t add_count;
    SILT_TRY(silt_snapshot_adds(snapshot, &adds, &add_count, err));
    spec.file_count = files ? file_count : add_count;
    silt_scan_file *list = silt_arena_calloc(arena, spec.file_count, sizeof(*list));
    SILT_AUTO(silt_arena) parsing = silt_arena_new();
    if (!list || !parsing) return silt_fail_nomem(err);
    for (size_t i = 0; i < spec.file_count; i++) {
        const silt_add *add = &adds[files ? files[i] : i];
        SILT_TRY(build_file(snapshot, add, i, scratch, arena, &list[i], err));
        list[i].row_count = silt_add_row_count(add, parsing);
        silt_arena_reset(parsing);
    }
    spec.files = list;
    *out = spec;
    return SILT_OK;
}

silt_status silt_scan_missing(const silt_snapshot *snapshot, const silt_scan_spec *spec,
                              silt_status st, silt_error *err)
{
    for (size_t i = 0; st != SILT_INTERRUPTED && i < spec->file_count; i++) {
        if (access(spec->files[i].local_path, F_OK) == 0) continue;
        silt_fail(err, SILT_NOT_FOUND, "%s: data file %s of version %" PRId64 " has gone",
                  silt_snapshot_store(snapshot)->uri, spec->files[i].local_path,
                  silt_snapshot_version(snapshot));
        return silt_hint(err, SILT_NOT_FOUND,
                         "it was deleted, perhaps by a vacuum: read a newer version, or restore "
                         "the file from a backup");
    }
    return st;
}
