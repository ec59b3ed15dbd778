/* One commit's changes, by its actions. */
#include "base/hash.h"
#include "base/json.h"
#include "log/log.h"
#include "table/changes.h"

/* A remove that changes data, and the add of the same path, where there is one. */
typedef struct pair {
    const silt_remove *remove; /* NULL: only added */
    const silt_add *add;
} pair;

typedef struct collector {
    silt_arena *arena;
    silt_map64 *by_path; /* of removes: path → its place in `pairs`, from 1 */
    pair *pairs;
    size_t count;
} collector;

static bool is_change(const silt_action *action)
{
    return (action->kind == SILT_ACTION_REMOVE && action->remove.data_change) ||
           (action->kind == SILT_ACTION_ADD && action->add.data_change);
}

static silt_status collect_removes(collector *c, const silt_action *actions, size_t count,
                                   silt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_change(&actions[i]) || actions[i].kind != SILT_ACTION_REMOVE) continue;
        bool found;
        const char *path = silt_path_canonical(actions[i].remove.path, c->arena);
        void **slot = path ? silt_map64_slot(c->by_path, path, strlen(path), &found) : NULL;
        if (!slot) return silt_fail_nomem(err);
        c->pairs[c->count++].remove = &actions[i].remove;
        if (!found) *slot = (void *)(uintptr_t)c->count; /* NOLINT: a number, not an address */
    }
    return SILT_OK;
}

static silt_status collect_adds(collector *c, const silt_action *actions, size_t count,
                                silt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_change(&actions[i]) || actions[i].kind != SILT_ACTION_ADD) continue;
        const char *path = silt_path_canonical(actions[i].add.path, c->arena);
        if (!path) return silt_fail_nomem(err);
        size_t at = (size_t)(uintptr_t)silt_map64_get(c->by_path, path, strlen(path));
        if (at && !c->pairs[at - 1].add)
            c->pairs[at - 1].add = &actions[i].add;
        else
            c->pairs[c->count++].add = &actions[i].add;
    }
    return SILT_OK;
}

static silt_change of_remove(const silt_remove *remove, bool nulls_left_out)
{
    return (silt_change){.kind = SILT_CHANGE_DELETE,
                         .path = remove->path,
                         .partition_values = remove->partition_values,
                         .has_partition_values =
                             remove->extended_metadata || remove->partition_values.count,
                         .nulls_left_out = nulls_left_out,
                         .stats = remove->stats,
                         .size_bytes = remove->size_bytes,
                         .without = remove->dv};
}

static silt_change of_add(const silt_add *add)
{
    return (silt_change){.kind = SILT_CHANGE_INSERT,
                         .path = add->path,
                         .partition_values = add->partition_values,
                         .has_partition_values = true,
                         .stats = add->stats,
                         .size_bytes = add->size_bytes,
                         .without = add->dv};
}

/* A file that stays, with another deletion vector: rows that only the new one has were deleted, and
 * those that only the old one had came back. The add's stats needn't bound what it lost. */
static size_t of_both(const pair *p, silt_change *out)
{
    size_t count = 0;
    silt_change change = of_add(p->add);
    if (p->add->dv) {
        out[count] = change;
        out[count].kind = SILT_CHANGE_DELETE;
        out[count].stats = p->remove->stats;
        out[count].only = p->add->dv;
        out[count++].without = p->remove->dv;
    }
    if (p->remove->dv) {
        out[count] = change;
        out[count].only = p->remove->dv;
        out[count++].without = p->add->dv;
    }
    return count;
}

static bool same_dv(const pair *p, silt_arena *arena, bool *same)
{
    const char *removed = silt_dv_unique_id(p->remove->dv, arena);
    const char *added = silt_dv_unique_id(p->add->dv, arena);
    if (!removed || !added) return false;
    *same = strcmp(removed, added) == 0;
    return true;
}

/* Spark's MERGE may rewrite files, as a change of data, though no row was changed. */
static bool is_idle_merge(const silt_action *actions, size_t count, silt_arena *arena)
{
    static const char *const metrics[] = {"numTargetRowsInserted", "numTargetRowsUpdated",
                                          "numTargetRowsDeleted"};
    const silt_json *info;
    for (size_t i = 0; i < count; i++) {
        const silt_commit_info *commit = &actions[i].commit_info;
        if (actions[i].kind != SILT_ACTION_COMMIT_INFO) continue;
        if (!commit->operation || strcmp(commit->operation, "MERGE") != 0) return false;
        if (silt_json_parse(silt_bytes_of(commit->json), arena, &info, NULL) != SILT_OK)
            return false;
        const silt_json *told = silt_json_get(info, "operationMetrics");
        for (size_t m = 0; m < SILT_COUNT(metrics); m++) {
            const char *value = silt_json_string(silt_json_get(told, metrics[m]));
            if (!value || strcmp(value, "0") != 0) return false;
        }
        return true;
    }
    return false;
}

static silt_status of_files(const silt_action *actions, size_t count, bool same_partitions,
                            silt_arena *arena, silt_change *out, size_t *change_count,
                            silt_error *err)
{
    SILT_AUTO(silt_map64) by_path = silt_map64_new();
    collector c = {.arena = arena, .by_path = by_path};
    c.pairs = silt_arena_calloc(arena, count, sizeof(*c.pairs));
    if (!by_path || !c.pairs) return silt_fail_nomem(err);
    SILT_TRY(collect_removes(&c, actions, count, err));
    SILT_TRY(collect_adds(&c, actions, count, err));
    for (size_t i = 0; i < c.count; i++) {
        const pair *p = &c.pairs[i];
        bool same = false;
        if (p->remove && p->add && !same_dv(p, arena, &same)) return silt_fail_nomem(err);
        if (p->remove && p->add)
            *change_count += same ? 0 : of_both(p, out + *change_count);
        else
            out[(*change_count)++] =
                p->remove ? of_remove(p->remove, same_partitions) : of_add(p->add);
    }
    return SILT_OK;
}

silt_status silt_changes_of_commit(const silt_action *actions, size_t count, bool same_partitions,
                                   silt_arena *arena, const silt_change **out, size_t *change_count,
                                   silt_error *err)
{
    size_t told = 0;
    silt_change *changes = silt_arena_calloc(arena, count, sizeof(*changes));
    if (!changes) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind != SILT_ACTION_CDC) continue;
        changes[told++] = (silt_change){.kind = SILT_CHANGE_TOLD,
                                        .path = actions[i].cdc.path,
                                        .partition_values = actions[i].cdc.partition_values,
                                        .has_partition_values = true,
                                        .size_bytes = actions[i].cdc.size_bytes};
    }
    if (!told && !is_idle_merge(actions, count, arena))
        SILT_TRY(of_files(actions, count, same_partitions, arena, changes, &told, err));
    *out = changes;
    *change_count = told;
    return SILT_OK;
}
