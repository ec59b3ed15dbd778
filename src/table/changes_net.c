/* The difference of two versions' rows. What both have in the same files, with the same deletion
 * vectors, isn't looked at. */
#include "base/hash.h"
#include "table/changes.h"

/* What a scan of a difference holds. */
typedef struct held {
    silt_changes_plan before, after;
    const char *folders[2]; /* of copies; NULL: there is none */
} held;

static void held_release(void *ctx)
{
    held *h = ctx;
    silt_changes_plan_release(&h->before);
    silt_changes_plan_release(&h->after);
    silt_scratch_remove(h->folders[0]);
    silt_scratch_remove(h->folders[1]);
}

static silt_status held_blame(void *ctx, silt_status st, silt_error *err)
{
    const held *h = ctx;
    st = silt_scan_missing(&h->before.plan, st, err);
    return st == SILT_NOT_FOUND ? st : silt_scan_missing(&h->after.plan, st, err);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The files of a version by path, and which of them the other version has, too. */
typedef struct files {
    const silt_add *adds;
    size_t count;
    bool *matched;
    silt_map64 *by_path; /* path → its place in `adds`, from 1 */
} files;

static void files_release(files *f)
{
    silt_map64_free(f->by_path);
    free(f->matched);
}

/* Statistics, which take as much memory as all else, are for conditions only. */
static silt_status list(silt_snapshot *snapshot, bool lean, const silt_add **adds, size_t *count,
                        silt_error *err)
{
    return lean ? silt_snapshot_adds_lean(snapshot, adds, count, err)
                : silt_snapshot_adds(snapshot, adds, count, err);
}

static silt_status files_init(files *f, silt_snapshot *snapshot, bool lean, silt_arena *arena,
                              silt_error *err)
{
    SILT_TRY(list(snapshot, lean, &f->adds, &f->count, err));
    f->by_path = silt_map64_new();
    f->matched = calloc(f->count + 1, sizeof(*f->matched));
    if (!f->by_path || !f->matched) return silt_fail_nomem(err);
    for (size_t i = 0; i < f->count; i++) {
        bool found;
        const char *path = silt_path_canonical(f->adds[i].path, arena);
        void **slot = path ? silt_map64_slot(f->by_path, path, strlen(path), &found) : NULL;
        if (!slot) return silt_fail_nomem(err);
        *slot = (void *)(uintptr_t)(i + 1); /* NOLINT: a number, not an address */
    }
    return SILT_OK;
}

static silt_change change_of(const silt_add *add, silt_change_kind kind)
{
    return (silt_change){.kind = kind,
                         .path = add->path,
                         .partition_values = add->partition_values,
                         .has_partition_values = true,
                         .stats = add->stats,
                         .size_bytes = add->size_bytes,
                         .without = add->dv};
}

/* Rows of a file that `add` still has and `other`, the same file at the other version, doesn't. */
static silt_status add_rest(silt_changes_plan *plan, int64_t version, const silt_add *add,
                            const silt_add *other, silt_error *err)
{
    silt_change change = change_of(add, SILT_CHANGE_INSERT);
    if (!other->dv) return SILT_OK; /* it has all */
    change.only = other->dv;
    return silt_changes_plan_add(plan, version, 0, &change, err);
}

static silt_status add_new(held *h, silt_snapshot *from, silt_snapshot *to, bool lean, files *old,
                           silt_arena *scratch, silt_error *err)
{
    const silt_add *adds;
    size_t count;
    int64_t was = silt_snapshot_version(from), is = silt_snapshot_version(to);
    SILT_TRY(list(to, lean, &adds, &count, err));
    for (size_t i = 0; i < count; i++) {
        silt_arena_reset(scratch);
        const char *path = silt_path_canonical(adds[i].path, scratch);
        if (!path) return silt_fail_nomem(err);
        size_t at = (size_t)(uintptr_t)silt_map64_get(old->by_path, path, strlen(path));
        if (!at) {
            silt_change change = change_of(&adds[i], SILT_CHANGE_INSERT);
            SILT_TRY(silt_changes_plan_add(&h->after, is, 0, &change, err));
            continue;
        }
        const silt_add *add = &old->adds[at - 1];
        const char *was_dv = silt_dv_unique_id(add->dv, scratch);
        const char *is_dv = silt_dv_unique_id(adds[i].dv, scratch);
        if (!was_dv || !is_dv) return silt_fail_nomem(err);
        old->matched[at - 1] = true;
        if (strcmp(was_dv, is_dv) == 0) continue;
        SILT_TRY(add_rest(&h->before, was, add, &adds[i], err));
        SILT_TRY(add_rest(&h->after, is, &adds[i], add, err));
    }
    return SILT_OK;
}

static silt_status add_files(held *h, silt_snapshot *from, silt_snapshot *to, bool lean,
                             silt_error *err)
{
    SILT_CLEAN(files) old = {0};
    SILT_AUTO(silt_arena) paths = silt_arena_new();
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!paths || !scratch) return silt_fail_nomem(err);
    SILT_TRY(files_init(&old, from, lean, paths, err));
    SILT_TRY(add_new(h, from, to, lean, &old, scratch, err));
    for (size_t i = 0; i < old.count; i++) {
        silt_change change = change_of(&old.adds[i], SILT_CHANGE_DELETE);
        if (old.matched[i]) continue;
        SILT_TRY(silt_changes_plan_add(&h->before, silt_snapshot_version(from), 0, &change, err));
    }
    return SILT_OK;
}

/* ---- columns --------------------------------------------------------------------------------- */

static silt_status check_shapes(silt_snapshot *from, silt_snapshot *to,
                                const silt_changes_shape *shape, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    silt_changes_shape old;
    const char *why;
    SILT_TRY(silt_changes_shape_of(&silt_snapshot_state(from)->metadata, scratch, &old, err));
    SILT_TRY(silt_changes_compare(&old, shape, true, scratch, &why, err));
    if (!why) return SILT_OK;
    silt_fail(err, SILT_UNSUPPORTED, "%s: difference of versions %" PRId64 " and %" PRId64 ": %s",
              silt_snapshot_store(from)->uri, silt_snapshot_version(from),
              silt_snapshot_version(to), why);
    return silt_hint(err, SILT_UNSUPPORTED,
                     "rows of two versions can be compared where a column's type is the same, or "
                     "was widened");
}

/* Keys are looked at in the rows, so they have to be among them. */
static silt_status take_keys(const silt_changes_options *opts, const silt_type *schema,
                             silt_arena *arena, silt_diff_spec *diff, silt_error *err)
{
    const char **keys = silt_arena_calloc(arena, opts->key_count, sizeof(*keys));
    if (!keys) return silt_fail_nomem(err);
    for (size_t i = 0; i < opts->key_count; i++) {
        bool chosen = !opts->columns;
        keys[i] = silt_changes_column(schema, opts->keys[i]);
        if (!keys[i])
            return silt_fail(err, SILT_NOT_FOUND, "changes: no column \"%s\" to be a key",
                             opts->keys[i]);
        for (size_t c = 0; c < opts->column_count && !chosen; c++)
            chosen = silt_streq(silt_changes_column(schema, opts->columns[c]), keys[i]);
        if (!chosen)
            return silt_fail(err, SILT_INVALID,
                             "changes: the key \"%s\" isn't among the columns that are asked for",
                             keys[i]);
    }
    diff->keys = keys;
    diff->key_count = opts->key_count;
    return SILT_OK;
}

silt_status silt_changes_net(silt_snapshot *from, silt_snapshot *to,
                             const silt_changes_options *opts, silt_scan *scan, silt_error *err)
{
    silt_store *store = silt_snapshot_store(to);
    silt_changes_shape shape;
    silt_arena *arena = scan->arena;
    held *h = silt_arena_calloc(arena, 1, sizeof(*h));
    silt_scan_spec *specs = silt_arena_calloc(arena, 2, sizeof(*specs));
    if (!h || !specs) return silt_fail_nomem(err);
    scan->ctx = h;
    scan->release = held_release;
    scan->blame = held_blame;
    SILT_TRY(silt_changes_shape_of(&silt_snapshot_state(to)->metadata, arena, &shape, err));
    SILT_TRY(check_shapes(from, to, &shape, err));
    silt_diff_spec diff = {.before = &specs[0],
                           .after = &specs[1],
                           .change_column = SILT_CHANGE_TYPE,
                           .limit = opts->limit};
    SILT_TRY(take_keys(opts, shape.schema, arena, &diff, err));
    SILT_TRY(silt_changes_folder(store, arena, &h->folders[0], err));
    SILT_TRY(silt_changes_folder(store, arena, &h->folders[1], err));
    SILT_TRY(silt_changes_plan_init(&h->before, store, silt_snapshot_version(from), &shape, opts,
                                    false, h->folders[0], arena, err));
    SILT_TRY(silt_changes_plan_init(&h->after, store, silt_snapshot_version(to), &shape, opts,
                                    false, h->folders[1], arena, err));
    SILT_TRY(add_files(h, from, to, !opts->where, err));
    specs[0] = h->before.plan.spec;
    specs[1] = h->after.plan.spec;
    scan->rows = (silt_rows_spec){.kind = SILT_ROWS_DIFF, .diff = diff};
    return SILT_OK;
}
