/* DROP FEATURE where any call, answer or process is lost, and where others write in between: after
 * each the table is whole, and the call done again drops the feature. */
#include <stdlib.h>

#include "log/log.h"
#include "ops/place.h"
#include "silt/edit.h"
#include "silt/table.h"

/* A table with a feature in use, in files too. */
typedef struct sample {
    const char *feature, *key, *value;
    silt_table_step change; /* between the first rows and the last */
    const char *where;      /* whose rows are deleted at last; NULL: none */
    const char *columns, *rows;
    int commits; /* that dropping it takes */
} sample;

static const sample samples[] = {
    {"deletionVectors",
     "delta.enableDeletionVectors",
     "true",
     {SILT_STEP_SET_COMMENT, "id", "x"},
     "id in (2, 5)",
     "id,kind",
     "1|a\n3|a\n4|b\n6|b\n",
     2},
    {"columnMapping",
     "delta.columnMapping.mode",
     "name",
     {SILT_STEP_RENAME_COLUMN, "kind", "sort"},
     NULL,
     "id,sort",
     "1|a\n2|a\n3|a\n4|b\n5|b\n6|b\n",
     2},
    {"typeWidening",
     "delta.enableTypeWidening",
     "true",
     {SILT_STEP_SET_TYPE, "id", "long"},
     NULL,
     "id,kind",
     "1|a\n2|a\n3|a\n4|b\n5|b\n6|b\n",
     2},
    {"v2Checkpoint",
     "delta.checkpointPolicy",
     "v2",
     {SILT_STEP_SET_COMMENT, "id", "x"},
     NULL,
     "id,kind",
     "1|a\n2|a\n3|a\n4|b\n5|b\n6|b\n",
     2},
    {"rowTracking",
     "delta.enableRowTracking",
     "true",
     {SILT_STEP_SET_COMMENT, "id", "x"},
     NULL,
     "id,kind",
     "1|a\n2|a\n3|a\n4|b\n5|b\n6|b\n",
     1},
};

static void load(place *p, const char *name, const char *text)
{
    place_no_sources(p);
    place_source(p, name, text);
    place_load_ok(p);
}

static void fill(place *p, const sample *s)
{
    silt_table_result result;
    silt_create_options create = SILT_CREATE_OPTIONS_INIT;
    const silt_table_step on = {SILT_STEP_SET_PROPERTY, s->key, s->value};
    place_init(p, true);
    create.columns = "id int, kind string";
    create.steps = &on;
    create.step_count = 1;
    place_ok(p, silt_table_create(p->store, p->engine, &create, NULL, p->arena, &result, &p->err));
    place_reopen(p);
    load(p, "1.csv", "id,kind\n1,a\n2,a\n3,a\n");
    place_ok(p, silt_table_alter(p->now, &s->change, 1, NULL, p->arena, &result, &p->err));
    place_reopen(p);
    bool renamed = s->change.kind == SILT_STEP_RENAME_COLUMN;
    load(p, "2.csv", renamed ? "id,sort\n4,b\n5,b\n6,b\n" : "id,kind\n4,b\n5,b\n6,b\n");
    silt_checkpoint_result written;
    place_ok(p, silt_checkpoint(p->store, p->engine, NULL, &written, &p->err));
    if (!s->where) return;
    silt_edit_result edited;
    place_ok(p, silt_delete(p->now, s->where, NULL, &edited, NULL, &p->err));
    place_reopen(p);
}

static silt_status drop_by(place *p, silt_snapshot *snapshot, const char *feature,
                           silt_table_result *out)
{
    const silt_table_step step = {SILT_STEP_DROP_FEATURE, feature, NULL};
    p->err = (silt_error){0};
    return silt_table_alter(snapshot, &step, 1, NULL, p->arena, out, &p->err);
}

static silt_status drop(place *p, silt_store *store, const char *feature, silt_table_result *out)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    p->err = (silt_error){0};
    SILT_TRY(silt_snapshot_open(store, p->engine, NULL, &snapshot, &p->err));
    return drop_by(p, snapshot, feature, out);
}

static bool has(const place *p, const char *feature)
{
    return silt_feature_supported(&silt_snapshot_state(p->now)->protocol, feature);
}

/* No trace of it is left in metadata and files. */
static void assert_gone(place *p, const sample *s)
{
    const silt_add *adds;
    size_t count;
    const silt_metadata *m = &silt_snapshot_state(p->now)->metadata;
    assert_false(has(p, s->feature));
    assert_null(silt_pairs_get(m->configuration, s->key));
    assert_null(strstr(m->schema_json, "delta."));
    place_ok(p, silt_snapshot_adds(p->now, &adds, &count, &p->err));
    for (size_t i = 0; i < count; i++) {
        assert_null(adds[i].dv);
        assert_true(adds[i].base_row_id < 0);
    }
    place_assert_no_strays(p);
}

/* ---- whatever is lost */

static silt_store *copy_of(place *p, const char *name)
{
    silt_store *store = NULL;
    const char *path = silt_arena_printf(p->arena, "%s/%s", p->dir, name);
    const char *command = silt_arena_printf(p->arena, "cp -a '%s/table' '%s'", p->dir, path);
    assert_int_equal(system(command), 0);
    place_ok(p, silt_store_open(path, NULL, &store, &p->err));
    return store;
}

/* One run with the n-th changing call hit; false: there were fewer calls. */
static bool survives(place *p, const sample *s, silt_fault_kind kind, int n, const char *name)
{
    place there = *p; /* its folder's table is another's */
    silt_table_result result;
    there.now = NULL;
    there.below = copy_of(p, name);
    silt_fault_plan plan = {.kind = kind, .at = n, .ops = SILT_FAULT_CHANGES};
    silt_store *faulty = silt_store_fault_new(there.below, &plan);
    silt_status st = drop(&there, faulty, s->feature, &result);
    bool fired = silt_store_fault_run(faulty)->fired;
    silt_store_free(faulty);
    there.store = there.below;
    place_reopen(&there);
    place_assert_rows(&there, s->columns, s->rows);
    if (st == SILT_OK || !has(&there, s->feature)) {
        assert_false(has(&there, s->feature));
    } else {
        place_ok(&there, drop(&there, there.below, s->feature, &result));
        place_reopen(&there);
        place_assert_rows(&there, s->columns, s->rows);
    }
    assert_false(has(&there, s->feature));
    silt_snapshot_free(there.now);
    silt_store_free(there.below);
    return fired;
}

static void any_call_may_be_lost(void **state)
{
    (void)state;
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT,
                                            SILT_FAULT_CRASH, SILT_FAULT_CRASH_AFTER};
    for (size_t i = 0; i < SILT_COUNT(samples); i++) {
        place p;
        int total = 0;
        fill(&p, &samples[i]);
        for (size_t k = 0; k < SILT_COUNT(kinds); k++)
            for (int n = 1, fired = 1; fired; n++, total++)
                fired = survives(&p, &samples[i], kinds[k], n,
                                 silt_arena_printf(p.arena, "%zu-%d", k, n));
        assert_true(total > 4 * samples[i].commits);
        place_release(&p);
    }
}

/* ---- whoever comes in between */

static void as_few_commits_as_it_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(samples); i++) {
        place p;
        silt_table_result result;
        const sample *s = &samples[i];
        fill(&p, s);
        int64_t before = silt_snapshot_version(p.now);
        place_ok(&p, drop_by(&p, p.now, s->feature, &result));
        assert_int_equal(result.committed_version, before + s->commits);
        place_reopen(&p);
        place_assert_rows(&p, s->columns, s->rows);
        assert_gone(&p, s);
        assert_int_equal(drop_by(&p, p.now, s->feature, &result), SILT_NOT_FOUND);
        place_release(&p);
    }
}

typedef struct intruder {
    place *p;
    const sample *s;
    int left; /* commits that it still makes, each right before one of ours */
    bool busy;
} intruder;

/* Another writer's rows, and for deletion vectors another row deleted, before each commit. */
static void intrude(void *ctx, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    intruder *x = ctx;
    (void)call;
    if (x->busy || !x->left || when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0 ||
        !silt_ends_with(key, ".json"))
        return;
    x->busy = true;
    x->left--;
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    silt_edit_result result;
    silt_error err = {0};
    const char *where = x->left ? "id = 1" : "id = 4";
    if (silt_snapshot_open(x->p->below, x->p->real, NULL, &snapshot, &err) != SILT_OK)
        fail_msg("%s", err.message);
    const silt_assignment set = {"id", x->left ? "101" : "104"};
    if (silt_update(snapshot, &set, 1, where, NULL, &result, NULL, &err) != SILT_OK)
        fail_msg("%s", err.message);
    x->busy = false;
}

static void others_write_in_between(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(samples); i++) {
        place p;
        silt_table_result result;
        const sample *s = &samples[i];
        fill(&p, s);
        intruder x = {.p = &p, .s = s, .left = 2};
        silt_fault_plan plan = {.hook = intrude, .hook_ctx = &x};
        silt_store *watched = silt_store_fault_new(p.below, &plan);
        place_ok(&p, drop(&p, watched, s->feature, &result));
        assert_int_equal(x.left, 0);
        silt_store_free(watched);
        place_reopen(&p);
        assert_gone(&p, s);
        const char *rows = place_rows(&p, "id");
        assert_non_null(strstr(rows, "101\n"));
        assert_non_null(strstr(rows, "104\n"));
        assert_null(strstr(rows, "\n1\n"));
        assert_null(strstr(rows, "\n4\n"));
        place_release(&p);
    }
}

/* What is dropped along with other steps, or can't be, leaves the table alone. */
static void what_is_refused(void **state)
{
    (void)state;
    place p;
    silt_table_result result;
    fill(&p, &samples[1]);
    const silt_table_step steps[] = {{SILT_STEP_DROP_FEATURE, "columnMapping", NULL},
                                     {SILT_STEP_SET_COMMENT, "id", "y"}};
    assert_int_equal(silt_table_alter(p.now, steps, 2, NULL, p.arena, &result, &p.err),
                     SILT_INVALID);
    const silt_table_step bad = {SILT_STEP_RENAME_COLUMN, "sort", "a name"};
    place_ok(&p, silt_table_alter(p.now, &bad, 1, NULL, p.arena, &result, &p.err));
    place_reopen(&p);
    int64_t version = silt_snapshot_version(p.now);
    assert_int_equal(drop_by(&p, p.now, "columnMapping", &result), SILT_INVALID);
    assert_non_null(strstr(p.err.message, "`a name`"));
    silt_table_options opts = SILT_TABLE_OPTIONS_INIT;
    opts.truncate_history = true;
    assert_int_equal(silt_table_alter(p.now, &steps[1], 1, &opts, p.arena, &result, &p.err),
                     SILT_INVALID);
    place_reopen(&p);
    assert_int_equal(silt_snapshot_version(p.now), version);
    place_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_few_commits_as_it_takes),
        cmocka_unit_test(others_write_in_between),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(any_call_may_be_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
