/* Folders of raw files as readers see them: by the names in them, and by nothing else. */
#include "sim/raw.h"

#include <stdio.h>
#include <unistd.h>

#include "load/raw_store.h"
#include "store/fault.h"

bool sim_is_raw(const sim_scenario *scenario)
{
    return strstr(scenario->table, "format: ") && !strstr(scenario->table, "format: sqlite");
}

silt_store *sim_raw_table(silt_store *folder)
{
    static const silt_fault_plan none = {0};
    silt_store *borrowed = silt_store_fault_new(folder, &none);
    return borrowed ? silt_raw_store_new(borrowed) : NULL;
}

typedef struct visible {
    silt_arena *arena;
    SILT_VEC(const char *) keys;
} visible;

static bool take_visible(void *ctx, const silt_object *object)
{
    visible *v = ctx;
    if (*object->key == '_') return true;
    return silt_vec_push(&v->keys, silt_arena_strdup(v->arena, object->key));
}

static bool is_csv(const char *key)
{
    return silt_ends_with(key, ".csv");
}

/* The field of a line that is at `index`. No value of a simulation has a comma or a quote. */
static silt_bytes field(const char *line, size_t index)
{
    for (; index; index--)
        line = strchr(line, ',') + 1;
    return (silt_bytes){line, strcspn(line, ",\n")};
}

/* Where a column stands, by the header: partitions are no columns of files. */
static size_t column_of(const char *header, const char *name)
{
    size_t index = 0;
    for (silt_bytes at = field(header, 0);
         at.size != strlen(name) || memcmp(at.data, name, at.size) != 0;
         at = field(header, ++index))
        sim_check(at.data[at.size] == ',', "no column %s: %s", name, header);
    return index;
}

static void read_csv(silt_store *folder, const char *key, silt_arena *arena, silt_row_fn *fn,
                     void *ctx)
{
    silt_bytes body;
    silt_error err = {0};
    silt_status st = silt_store_get_all(folder, key, arena, &body, &err);
    sim_check(st == SILT_OK, "%s: %s", key, err.message);
    const size_t id = column_of(body.data, "id"), value = column_of(body.data, "value");
    for (const char *line = strchr(body.data, '\n'); line && line[1]; line = strchr(line, '\n')) {
        const silt_bytes values[] = {field(++line, id), field(line, value)};
        (void)fn(ctx, values, 2);
    }
}

static void read_parquet(silt_store *folder, silt_engine *engine, const char *key,
                         silt_arena *arena, silt_row_fn *fn, void *ctx)
{
    static const silt_type number = {.kind = SILT_TYPE_LONG}, text = {.kind = SILT_TYPE_STRING};
    char path[] = "/tmp/silt-sim-XXXXXX";
    silt_error err = {0};
    int fd = mkstemp(path);
    sim_check(fd >= 0, "no temporary file");
    close(fd);
    const char *copy = silt_arena_printf(arena, "%s.parquet", path);
    silt_status st = folder->ops->get_file(folder, key, copy, &err);
    sim_check(st == SILT_OK, "%s: %s", key, err.message);
    const silt_scan_file file = {.local_path = copy, .row_count = -1, .base_row_id = -1};
    const silt_scan_column columns[] = {
        {.name = "id", .type = &number, .physical = {"id", -1, NULL, 0}},
        {.name = "value", .type = &text, .physical = {"value", -1, NULL, 0}}};
    const silt_rows_spec rows = {
        .kind = SILT_ROWS_SCAN,
        .scan = {
            .files = &file, .file_count = 1, .columns = columns, .column_count = 2, .limit = -1}};
    st = engine->ops->scan_rows(engine, &rows, fn, ctx, &err);
    sim_check(st == SILT_OK, "%s: %s", key, err.message);
    unlink(copy);
    unlink(path);
}

void sim_raw_rows(silt_store *folder, silt_engine *engine, silt_row_fn *fn, void *ctx)
{
    silt_error err = {0};
    visible v = {.arena = silt_arena_new()};
    silt_status st = folder->ops->list(folder, "", NULL, true, take_visible, &v, &err);
    sim_check(st == SILT_OK, "the folder can't be listed: %s", err.message);
    for (size_t i = 0; i < v.keys.count; i++) {
        if (is_csv(v.keys.items[i]))
            read_csv(folder, v.keys.items[i], v.arena, fn, ctx);
        else
            read_parquet(folder, engine, v.keys.items[i], v.arena, fn, ctx);
    }
    silt_vec_free(&v.keys);
    silt_arena_free(v.arena);
}
