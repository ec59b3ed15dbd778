/* Altering a table while others write to it, and what rows are asked. */
#include "ops/place.h"
#include "silt/table.h"

static silt_status alter(place *p, silt_table_step step, silt_table_result *out)
{
    p->err = (silt_error){0};
    return silt_table_alter(p->now, &step, 1, NULL, p->arena, out, &p->err);
}

/* A table with rows, `now` at a version that isn't the newest: one more row came since. */
static place rows_since(const char *row)
{
    place p;
    place_init(&p, true);
    place_source(&p, "a.csv", "id,name\n1,a\n2,b\n");
    place_ok(&p, place_load(&p));
    silt_snapshot *old = NULL;
    place_ok(&p, silt_snapshot_open(p.store, p.engine, NULL, &old, &p.err));
    place_no_sources(&p);
    place_source(&p, "b.csv", silt_arena_printf(p.arena, "id,name\n%s\n", row));
    place_ok(&p, place_load(&p));
    silt_snapshot_free(p.now);
    p.now = old;
    return p;
}

static void rows_of_others_are_looked_at_too(void **state)
{
    (void)state;
    const silt_table_step steps[] = {{SILT_STEP_ADD_CONSTRAINT, "c", "id > 0"},
                                     {SILT_STEP_SET_NOT_NULL, "name", NULL}};
    for (size_t i = 0; i < SILT_COUNT(steps); i++) {
        silt_table_result result;
        place p = rows_since("-3,"), q = rows_since("3,c");
        int64_t version = silt_snapshot_version(p.now) + 1;
        assert_int_equal(alter(&p, steps[i], &result), SILT_BAD_DATA); /* the old rows would do */
        assert_non_null(strstr(p.err.message, "id=-3"));
        place_reopen(&p);
        assert_int_equal(silt_snapshot_version(p.now), version);
        place_ok(&q, alter(&q, steps[i], &result));
        assert_int_equal(result.committed_version, version + 1);
        place_release(&p);
        place_release(&q);
    }
}

static void rows_of_others_are_no_matter_else(void **state)
{
    (void)state;
    silt_table_result result;
    place p = rows_since("-3,c");
    place_ok(&p, alter(&p, (silt_table_step){SILT_STEP_ADD_COLUMN, NULL, "x int"}, &result));
    assert_int_equal(result.outcome, SILT_TABLE_COMMITTED);
    assert_int_equal(result.committed_version, silt_snapshot_version(p.now) + 2);
    assert_int_equal(alter(&p, (silt_table_step){SILT_STEP_ADD_COLUMN, NULL, "y int"}, &result),
                     SILT_CONFLICT); /* of shapes only one can be changed at a time */
    place_release(&p);
}

static void rows_of_others_get_ids_too(void **state)
{
    (void)state;
    silt_table_result result;
    place p = rows_since("3,c");
    place_ok(&p,
             alter(&p, (silt_table_step){SILT_STEP_SET_PROPERTY, "delta.enableRowTracking", "true"},
                   &result));
    assert_int_equal(result.outcome, SILT_TABLE_COMMITTED);
    assert_int_equal(result.backfilled, 2);
    place_reopen(&p);
    assert_true(silt_snapshot_row_tracking(p.now));
    const silt_add *adds;
    size_t count;
    place_ok(&p, silt_snapshot_adds(p.now, &adds, &count, &p.err));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++)
        assert_true(adds[i].base_row_id >= 0 && !adds[i].data_change);
    place_release(&p);
}

static void a_dry_run_commits_nothing(void **state)
{
    (void)state;
    silt_table_options opts = SILT_TABLE_OPTIONS_INIT;
    opts.dry_run = true;
    silt_table_result result;
    const silt_table_step step = {SILT_STEP_SET_PROPERTY, "delta.enableRowTracking", "true"};
    place p = rows_since("3,c");
    place_reopen(&p);
    int64_t version = silt_snapshot_version(p.now);
    place_ok(&p, silt_table_alter(p.now, &step, 1, &opts, p.arena, &result, &p.err));
    assert_int_equal(result.outcome, SILT_TABLE_UNCHANGED);
    assert_true(result.change_count >= 4);
    place_reopen(&p);
    assert_int_equal(silt_snapshot_version(p.now), version);
    place_release(&p);
}

static void what_is_missing_is_said(void **state)
{
    (void)state;
    silt_table_result result;
    place p = rows_since("3,c");
    assert_int_equal(silt_table_alter(p.now, NULL, 0, NULL, p.arena, &result, &p.err),
                     SILT_INVALID);
    assert_int_equal(alter(&p, (silt_table_step){SILT_STEP_SET_TYPE, "id", NULL}, &result),
                     SILT_INVALID);
    assert_int_equal(alter(&p, (silt_table_step){(silt_table_step_kind)99, "id", NULL}, &result),
                     SILT_INVALID);
    silt_create_options create = SILT_CREATE_OPTIONS_INIT;
    assert_int_equal(silt_table_create(p.store, p.engine, &create, NULL, p.arena, &result, &p.err),
                     SILT_INVALID);
    create.columns = "id long";
    assert_int_equal(silt_table_create(p.store, p.engine, &create, NULL, p.arena, &result, &p.err),
                     SILT_EXISTS);
    create.if_not_exists = true;
    place_ok(&p, silt_table_create(p.store, p.engine, &create, NULL, p.arena, &result, &p.err));
    assert_int_equal(result.outcome, SILT_TABLE_UNCHANGED);
    place_release(&p);
}

/* Rows are looked at before any of the commits that row tracking needs. */
static void rows_are_looked_at_first(void **state)
{
    (void)state;
    silt_table_result result;
    place p = rows_since("3,c");
    place_reopen(&p);
    const silt_table_step steps[] = {{SILT_STEP_SET_PROPERTY, "delta.enableRowTracking", "true"},
                                     {SILT_STEP_ADD_CONSTRAINT, "c", "id > 1"}};
    assert_int_equal(silt_table_alter(p.now, steps, 2, NULL, p.arena, &result, &p.err),
                     SILT_BAD_DATA);
    int64_t version = silt_snapshot_version(p.now);
    place_reopen(&p);
    assert_int_equal(silt_snapshot_version(p.now), version); /* nothing was begun */
    place_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_others_are_looked_at_too),
        cmocka_unit_test(rows_of_others_are_no_matter_else),
        cmocka_unit_test(rows_of_others_get_ids_too),
        cmocka_unit_test(a_dry_run_commits_nothing),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(rows_are_looked_at_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
