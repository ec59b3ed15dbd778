/* What a Delta table's rows say of what was loaded, by _source_file and _batch_id. */
#include "load/evidence.h"

typedef struct tally {
    silt_map64 *by_key; /* batch id and path → index + 1 */
    SILT_VEC(silt_evidence) found;
    silt_arena *arena;
    int64_t after, until;
    bool batch_is_text;
} tally;

static void tally_release(tally *t)
{
    if (t->by_key) silt_map64_free(t->by_key);
    silt_vec_free(&t->found);
}

static bool batch_of(const tally *t, const silt_flat_vector *v, size_t row, int64_t *out)
{
    if (!silt_flat_valid(v, row)) return false;
    if (!t->batch_is_text) {
        *out = v->ints[row];
        return true;
    }
    char text[24];
    if (v->texts[row].size >= sizeof(text)) return false;
    memcpy(text, v->texts[row].data, v->texts[row].size);
    text[v->texts[row].size] = '\0';
    return silt_parse_int64(text, out);
}

static silt_status count_row(tally *t, int64_t batch, silt_bytes path, silt_error *err)
{
    char *key = silt_arena_alloc(t->arena, sizeof(batch) + path.size);
    if (!key) return silt_fail_nomem(err);
    memcpy(key, &batch, sizeof(batch));
    memcpy(key + sizeof(batch), path.data, path.size);
    bool found;
    void **slot = silt_map64_slot(t->by_key, key, sizeof(batch) + path.size, &found);
    if (!slot) return silt_fail_nomem(err);
    if (!found) {
        const silt_evidence item = {silt_arena_strndup(t->arena, path.data, path.size), batch, 0};
        if (!item.path || !silt_vec_push(&t->found, item)) return silt_fail_nomem(err);
        *slot = (void *)(uintptr_t)t->found.count;
    }
    t->found.items[(uintptr_t)*slot - 1].row_count++;
    return SILT_OK;
}

static silt_status tally_batch(void *ctx, const silt_flat_batch *batch, silt_error *err)
{
    tally *t = ctx;
    for (size_t i = 0; i < batch->row_count; i++) {
        int64_t number;
        if (!silt_flat_valid(&batch->columns[0], i) ||
            !batch_of(t, &batch->columns[1], i, &number) || number <= t->after || number > t->until)
            continue;
        SILT_TRY(count_row(t, number, batch->columns[0].texts[i], err));
    }
    return SILT_OK;
}

/* The place of a column that says so; -1: there is none. */
static int find(const silt_target *target, const char *name)
{
    return silt_type_find(silt_snapshot_schema(target->snapshot), name);
}

bool silt_evidence_there(const silt_target *target)
{
    return find(target, SILT_COLUMN_SOURCE_FILE) >= 0 && find(target, SILT_COLUMN_BATCH_ID) >= 0;
}

silt_status silt_evidence_read(silt_load *load, silt_target *target, int64_t after, int64_t until,
                               silt_arena *arena, const silt_evidence **out, size_t *count,
                               silt_error *err)
{
    tally t
        __attribute__((cleanup(tally_release))) = {.arena = arena, .after = after, .until = until};
    const silt_type *schema = silt_snapshot_schema(target->snapshot);
    t.batch_is_text =
        schema->fields[find(target, SILT_COLUMN_BATCH_ID)].type->kind == SILT_TYPE_STRING;
    t.by_key = silt_map64_new();
    if (!t.by_key) return silt_fail_nomem(err);
    const char *const names[] = {SILT_COLUMN_SOURCE_FILE, SILT_COLUMN_BATCH_ID};
    const char *folder = NULL;
    char uuid[SILT_UUID_SIZE];
    silt_uuid(load->random, uuid);
    if (!target->store->ops->local_path)
        SILT_TRY(silt_scratch_make(target->store, uuid, arena, &folder, err));
    const silt_scan_want want = {.columns = names, .column_count = 2, .limit = -1};
    const silt_log_state *state = silt_snapshot_state(target->snapshot);
    silt_scan_plan scan = {0};
    silt_status st =
        silt_scan_plan_init(&scan, target->store, state->version, &state->metadata,
                            silt_snapshot_schema(target->snapshot), &want, folder, arena, err);
    if (st == SILT_OK) st = silt_scan_plan_adds(&scan, target->snapshot, NULL, 0, err);
    size_t file_count = scan.spec.file_count;
    const char **paths =
        st == SILT_OK ? silt_arena_calloc(arena, file_count + 1, sizeof(*paths)) : NULL;
    if (st == SILT_OK && !paths) st = silt_fail_nomem(err);
    for (size_t i = 0; st == SILT_OK && i < file_count; i++)
        paths[i] = scan.spec.files[i].local_path;
    const silt_flat_column columns[] = {
        {SILT_COLUMN_SOURCE_FILE, SILT_FLAT_TEXT},
        {SILT_COLUMN_BATCH_ID, t.batch_is_text ? SILT_FLAT_TEXT : SILT_FLAT_INT},
    };
    if (st == SILT_OK && file_count)
        st = load->engine->ops->read_flat(load->engine, paths, file_count, columns, 2, NULL, 0,
                                          tally_batch, &t, err);
    silt_scan_plan_release(&scan);
    if (folder) silt_scratch_remove(folder);
    if (st != SILT_OK) return st;

    silt_evidence *items = silt_arena_calloc(arena, t.found.count + 1, sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    if (t.found.count) memcpy(items, t.found.items, t.found.count * sizeof(*items));
    *out = items;
    *count = t.found.count;
    return SILT_OK;
}
