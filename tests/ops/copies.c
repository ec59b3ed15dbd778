/* Clones and migrations where the target loses a call, an answer, or the process: old or new, never
 * between; done again, each row is there once. */
#include "ops/place.h"

#include "silt/clone.h"
#include "silt/migrate.h"

enum { ROWS = 5 };

static void fill(place *p)
{
    static const char *const by[] = {"kind"};
    place_init(p, true);
    p->sources.partition_by = by;
    p->sources.partition_count = 1;
    place_source(p, "1.csv", "id,kind\n1,a\n2,b\n3,a\n");
    place_source(p, "2.csv", "id,kind\n4,b\n5,c\n");
    place_load_ok(p);
}

static silt_store *open_folder(place *p, const char *name)
{
    silt_store *store = NULL;
    const char *path = silt_arena_printf(p->arena, "%s/%s", p->dir, name);
    place_ok(p, silt_store_open(path, NULL, &store, &p->err));
    return store;
}

/* Rows of the table by its log, whose files are all there; -1: no table. */
static int64_t rows_of(place *p, silt_store *store)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    const silt_add *adds;
    size_t count;
    int64_t rows = 0;
    silt_status st = silt_snapshot_open(store, p->engine, NULL, &snapshot, &p->err);
    if (st == SILT_NOT_FOUND) return -1;
    place_ok(p, st);
    place_ok(p, silt_snapshot_adds(snapshot, &adds, &count, &p->err));
    for (size_t i = 0; i < count; i++) {
        const char *key;
        silt_object object;
        place_ok(p, silt_path_decode(adds[i].path, p->arena, &key, &p->err));
        place_ok(p, store->ops->head(store, key, p->arena, &object, &p->err));
        assert_int_equal(object.size_bytes, adds[i].size_bytes);
        rows += silt_add_row_count(&adds[i], p->arena);
    }
    return rows;
}

static silt_status clone_into(place *p, silt_store *source, silt_store *target)
{
    silt_clone_options opts = SILT_CLONE_OPTIONS_INIT;
    silt_clone_result result;
    opts.replace = true;
    p->err = (silt_error){0};
    return silt_clone(source, target, p->engine, &opts, &result, &p->err);
}

static silt_status migrate_into(place *p, silt_store *source, silt_store *target)
{
    silt_migrate_result result;
    p->err = (silt_error){0};
    return silt_migrate(source, target, p->engine, NULL, p->arena, &result, &p->err);
}

typedef silt_status copy_fn(place *p, silt_store *source, silt_store *target);

/* One run with the n-th changing call hit; false: there were fewer calls. */
static bool survives(place *p, copy_fn *copy, silt_store *source, silt_fault_kind kind, int n,
                     bool local, const char *name)
{
    silt_store *below = open_folder(p, name);
    silt_fault_plan plan = {
        .kind = kind, .at = n, .ops = SILT_FAULT_CHANGES, .hide_local_path = !local};
    silt_store *faulty = silt_store_fault_new(below, &plan);
    silt_status st = copy(p, source, faulty);
    bool fired = silt_store_fault_run(faulty)->fired;
    int64_t rows = rows_of(p, below);
    if (st == SILT_OK)
        assert_int_equal(rows, ROWS);
    else
        assert_true(rows == -1 || rows == ROWS);
    place_ok(p, copy(p, source, below));
    assert_int_equal(rows_of(p, below), ROWS);
    silt_store_free(faulty);
    silt_store_free(below);
    return fired;
}

static void sweep(place *p, copy_fn *copy, silt_store *source, const char *label)
{
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                            SILT_FAULT_CRASH, SILT_FAULT_CRASH_AFTER};
    int total = 0;
    for (size_t k = 0; k < SILT_COUNT(kinds); k++)
        for (int n = 1, fired = 1; fired; n++, total++) {
            const char *name = silt_arena_printf(p->arena, "%s-%zu-%d", label, k, n);
            fired = survives(p, copy, source, kinds[k], n, n % 2 == 0, name);
        }
    assert_true(total > 4 * 5); /* files, a commit and more, each way */
}

static void clones_survive_any_lost_call(void **state)
{
    place p;
    (void)state;
    fill(&p);
    sweep(&p, clone_into, p.below, "clone");
    place_release(&p);
}

static void migrations_survive_any_lost_call(void **state)
{
    place p;
    silt_export_result exported;
    (void)state;
    fill(&p);
    const char *folder = silt_arena_printf(p.arena, "%s/old/", p.dir);
    place_ok(&p, silt_export(p.now, folder, NULL, &exported, &p.err));
    assert_int_equal(exported.rows, ROWS);
    silt_store *source = open_folder(&p, "old");
    sweep(&p, migrate_into, source, "migrate");
    silt_store_free(source);
    place_release(&p);
}

/* Stores without local paths on both sides. */
static void memory_to_memory(void **state)
{
    place p;
    (void)state;
    fill(&p);
    silt_store *first = silt_store_mem_new(), *second = silt_store_mem_new();
    assert_non_null(first);
    assert_non_null(second);
    place_ok(&p, clone_into(&p, p.below, first));
    place_ok(&p, clone_into(&p, first, second));
    assert_int_equal(rows_of(&p, first), ROWS);
    assert_int_equal(rows_of(&p, second), ROWS);
    silt_clone_options opts = SILT_CLONE_OPTIONS_INIT;
    silt_clone_result result;
    opts.shallow = opts.replace = true;
    assert_int_equal(silt_clone(p.below, second, p.engine, &opts, &result, &p.err), SILT_INVALID);
    silt_store_free(first);
    silt_store_free(second);
    place_release(&p);
}

static void once_by_number(void **state)
{
    place p;
    (void)state;
    fill(&p);
    silt_store *target = open_folder(&p, "numbered");
    silt_clone_options opts = SILT_CLONE_OPTIONS_INIT;
    silt_clone_result result;
    opts.replace = true;
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    opts.commit = &commit;
    commit.app_id = "backup";
    commit.app_version = 7;
    place_ok(&p, silt_clone(p.below, target, p.engine, &opts, &result, &p.err));
    assert_int_equal(result.outcome, SILT_CLONE_COMMITTED);
    place_ok(&p, silt_clone(p.below, target, p.engine, &opts, &result, &p.err));
    assert_int_equal(result.outcome, SILT_CLONE_ALREADY_DONE);
    assert_int_equal(result.committed_version, 0);
    commit.app_version = 8;
    place_ok(&p, silt_clone(p.below, target, p.engine, &opts, &result, &p.err));
    assert_int_equal(result.outcome, SILT_CLONE_COMMITTED);
    assert_int_equal(result.files_copied, 0);
    assert_int_equal(result.committed_version, 1);
    silt_store_free(target);
    place_release(&p);
}

/* ---- two at once */

/* Somebody else goes into the same target at some call of ours, and fails at its commit. */
typedef struct rival {
    place *p;
    copy_fn *copy;
    silt_store *source, *target;
    int64_t at, calls;
    bool failed;
} rival;

static void let_rival(void *ctx, silt_fault_when when, const char *op, const char *key,
                      int64_t call)
{
    rival *r = ctx;
    (void)op, (void)key, (void)call;
    if (when != SILT_FAULT_BEFORE || ++r->calls != r->at) return;
    silt_fault_plan plan = {.kind = SILT_FAULT_BEFORE_EFFECT,
                            .at = 1,
                            .ops = SILT_FAULT_PUT_NEW,
                            .status = SILT_DENIED};
    silt_store *denied = silt_store_fault_new(r->target, &plan);
    r->failed = r->copy(r->p, r->source, denied) == SILT_DENIED;
    silt_store_free(denied);
}

static const char *ids_of(place *p, silt_store *store)
{
    silt_store *own = p->store;
    silt_snapshot *now = p->now;
    place_ok(p, silt_snapshot_open(store, p->engine, NULL, &p->now, &p->err));
    p->store = store;
    const char *ids = place_rows(p, "id");
    silt_snapshot_free(p->now);
    p->now = now;
    p->store = own;
    return ids;
}

/* At each call of ours; the table has our rows, whatever the other one took away again. */
static void race(place *p, copy_fn *copy, silt_store *source, silt_store *other, const char *label)
{
    int64_t calls = 1, failed = 0;
    const char *ids = NULL;
    for (int64_t at = 1; at <= calls; at++) {
        silt_store *below = open_folder(p, silt_arena_printf(p->arena, "%s-%d", label, (int)at));
        rival r = {.p = p, .copy = copy, .source = other, .target = below, .at = at};
        silt_store *ours =
            silt_store_fault_new(below, &(silt_fault_plan){.hook = let_rival, .hook_ctx = &r});
        place_ok(p, copy(p, source, ours));
        assert_int_equal(rows_of(p, below), ROWS);
        if (!ids) ids = ids_of(p, below);
        assert_string_equal(ids_of(p, below), ids);
        calls = r.calls;
        failed += r.failed;
        silt_store_free(ours);
        silt_store_free(below);
    }
    assert_true(calls > 5 && failed >= 5);
}

static void one_that_fails_harms_no_other(void **state)
{
    place p;
    silt_export_result exported;
    (void)state;
    fill(&p);
    const char *folder = silt_arena_printf(p.arena, "%s/old/", p.dir);
    place_ok(&p, silt_export(p.now, folder, NULL, &exported, &p.err));
    silt_store *source = open_folder(&p, "old");
    race(&p, clone_into, p.below, p.below, "cloned-at-once");
    race(&p, migrate_into, source, source, "migrated-at-once");
    /* Other files of the same names. */
    const char *file = silt_arena_printf(p.arena, "%s/a/kind=a/1.parquet", p.dir);
    const char *twin = silt_arena_printf(p.arena, "%s/b/kind=a/1.parquet", p.dir);
    silt_export_options one = SILT_EXPORT_OPTIONS_INIT;
    static const char *const columns[] = {"id"};
    one.columns = columns;
    one.column_count = 1;
    silt_store *a = open_folder(&p, "a"), *b = open_folder(&p, "b");
    place_ok(&p, a->ops->put(a, "kind=a/x", silt_bytes_of("x"), &p.err));
    place_ok(&p, b->ops->put(b, "kind=a/x", silt_bytes_of("x"), &p.err));
    place_ok(&p, a->ops->remove(a, "kind=a/x", &p.err));
    place_ok(&p, b->ops->remove(b, "kind=a/x", &p.err));
    place_ok(&p, silt_export(p.now, file, &one, &exported, &p.err));
    one.where = "id < 3";
    place_ok(&p, silt_export(p.now, twin, &one, &exported, &p.err));
    race(&p, migrate_into, a, b, "twins-at-once");
    silt_store_free(a);
    silt_store_free(b);
    silt_store_free(source);
    place_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clones_survive_any_lost_call),
        cmocka_unit_test(migrations_survive_any_lost_call),
        cmocka_unit_test(memory_to_memory),
        cmocka_unit_test(once_by_number),
        cmocka_unit_test(one_that_fails_harms_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
