/* A number happens once, whichever operation it is of: answers that get lost, another who commits
 * the same number first, numbers that were overtaken; and how often a commit is tried. */
#include "ops/place.h"

#include "base/json.h"
#include "silt/silt.h"

typedef enum kind {
    APPEND,
    UPSERT,
    OVERWRITE,
    DELETE,
    UPDATE,
    OPTIMIZE,
    RESTORE,
    ALTER,
    CREATE,
    CLONE,
    MIGRATE,
    KINDS
} kind;

static const char *const names[] = {"append", "upsert",   "overwrite", "delete",
                                    "update", "optimize", "restore",   "alter",
                                    "create", "clone",    "migrate"};

typedef struct answer {
    const char *outcome; /* "committed", "already_done", "overtaken", or another */
    int64_t committed_version, table_version;
} answer;

static place here;
static answer got;

/* Whether the operation makes the table that its number is in. */
static bool makes(kind k)
{
    return k >= CREATE;
}

static int set_up(void **state)
{
    (void)state;
    place_init(&here, true);
    place_source(&here, "1.csv", "id,v\n1,a\n2,b\n");
    place_load_ok(&here); /* versions 0 and 1 */
    place_load_ok(&here);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    place_release(&here);
    return 0;
}

/* ---- the operations */

#define ANSWER(prefix, result)                                             \
    ((answer){(result).outcome == prefix##_COMMITTED      ? "committed"    \
              : (result).outcome == prefix##_ALREADY_DONE ? "already_done" \
              : (result).outcome == prefix##_OVERTAKEN    ? "overtaken"    \
                                                          : "other",          \
              (result).committed_version, (result).table_version})

static silt_status do_write(kind k, silt_store *store, const silt_commit_options *commit)
{
    static const char *const keys[] = {"id", NULL};
    const char *const files[] = {place_path(&here, "1.csv")};
    silt_write_source source = SILT_WRITE_SOURCE_INIT;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_result result;
    source.files = files;
    source.file_count = 1;
    opts.commit = commit;
    opts.mode = k == UPSERT      ? SILT_WRITE_APPEND_ONCE
                : k == OVERWRITE ? SILT_WRITE_OVERWRITE
                                 : SILT_WRITE_APPEND;
    if (k == UPSERT) opts.keys = keys;
    SILT_TRY(silt_write(store, here.engine, &source, &opts, &result, NULL, &here.err));
    got = ANSWER(SILT_WRITE, result);
    return SILT_OK;
}

static silt_status do_edit(kind k, silt_snapshot *base, const silt_commit_options *commit)
{
    const silt_assignment set = {"v", "concat(v, 'x')"};
    silt_edit_options opts = SILT_EDIT_OPTIONS_INIT;
    silt_edit_result result;
    opts.commit = commit;
    if (k == DELETE) SILT_TRY(silt_delete(base, "id = 1", &opts, &result, NULL, &here.err));
    if (k == UPDATE) SILT_TRY(silt_update(base, &set, 1, NULL, &opts, &result, NULL, &here.err));
    if (k == OPTIMIZE) SILT_TRY(silt_optimize(base, NULL, &opts, &result, NULL, &here.err));
    got = ANSWER(SILT_EDIT, result);
    return SILT_OK;
}

static silt_status do_shape(kind k, silt_store *store, silt_snapshot *base,
                            const silt_commit_options *commit)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_table_step step = {SILT_STEP_TABLE_COMMENT, NULL,
                                  silt_arena_printf(arena, "%" PRId64, commit->app_version)};
    silt_table_options opts = SILT_TABLE_OPTIONS_INIT;
    silt_create_options create = SILT_CREATE_OPTIONS_INIT;
    silt_table_result result;
    create.columns = "id long";
    opts.commit = commit;
    if (k == ALTER)
        SILT_TRY(silt_table_alter(base, &step, 1, &opts, arena, &result, &here.err));
    else
        SILT_TRY(silt_table_create(store, here.engine, &create, &opts, arena, &result, &here.err));
    got = ANSWER(SILT_TABLE, result);
    return SILT_OK;
}

static silt_status do_restore(silt_store *store, const silt_commit_options *commit)
{
    silt_restore_options opts = SILT_RESTORE_OPTIONS_INIT;
    silt_restore_result result;
    opts.version = 1;
    opts.commit = commit;
    SILT_TRY(silt_restore(store, here.engine, &opts, &result, &here.err));
    got = ANSWER(SILT_RESTORE, result);
    return SILT_OK;
}

static silt_status do_clone(silt_store *target, const silt_commit_options *commit)
{
    silt_clone_options opts = SILT_CLONE_OPTIONS_INIT;
    silt_clone_result result;
    opts.commit = commit;
    SILT_TRY(silt_clone(here.below, target, here.engine, &opts, &result, &here.err));
    got = ANSWER(SILT_CLONE, result);
    return SILT_OK;
}

static silt_status do_migrate(silt_store *target, const silt_commit_options *commit)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_store) source = NULL;
    silt_migrate_options opts = SILT_MIGRATE_OPTIONS_INIT;
    silt_migrate_result result;
    opts.commit = commit;
    SILT_TRY(silt_store_open(silt_arena_printf(arena, "%s/parquet", here.dir), NULL, &source,
                             &here.err));
    SILT_TRY(silt_migrate(source, target, here.engine, &opts, arena, &result, &here.err));
    got = ANSWER(SILT_MIGRATE, result);
    return SILT_OK;
}

static silt_status operate(kind k, silt_store *store, const silt_commit_options *commit)
{
    SILT_AUTO(silt_snapshot) base = NULL;
    here.err = (silt_error){0};
    if (k >= DELETE && k <= OPTIMIZE) {
        SILT_TRY(silt_snapshot_open(store, here.engine, NULL, &base, &here.err));
        return do_edit(k, base, commit);
    }
    if (k == ALTER) SILT_TRY(silt_snapshot_open(store, here.engine, NULL, &base, &here.err));
    if (k == ALTER || k == CREATE) return do_shape(k, store, base, commit);
    if (k == RESTORE) return do_restore(store, commit);
    if (k == CLONE) return do_clone(store, commit);
    if (k == MIGRATE) return do_migrate(store, commit);
    return do_write(k, store, commit);
}

/* ---- what stands */

/* Commits of the table that have the number. */
static int commits_with(silt_store *table, int64_t number)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    int count = 0;
    for (int64_t v = 0;; v++) {
        const silt_action *actions;
        size_t action_count;
        silt_arena_reset(arena);
        silt_status st = silt_log_commit_read(table, v, arena, &actions, &action_count, &here.err);
        if (st == SILT_NOT_FOUND) return count;
        place_ok(&here, st);
        for (size_t i = 0; i < action_count; i++)
            count += actions[i].kind == SILT_ACTION_APP_TXN &&
                     strcmp(actions[i].app_txn.app_id, "app") == 0 &&
                     actions[i].app_txn.version == number;
    }
}

/* All files that the table's newest version names are there. */
static void assert_whole(silt_store *table)
{
    SILT_AUTO(silt_snapshot) s = NULL;
    const silt_add *adds;
    size_t count;
    place_ok(&here, silt_snapshot_open(table, here.engine, NULL, &s, &here.err));
    place_ok(&here, silt_snapshot_adds(s, &adds, &count, &here.err));
    for (size_t i = 0; i < count; i++) {
        const char *key;
        silt_object object;
        place_ok(&here, silt_path_decode(adds[i].path, here.arena, &key, &here.err));
        place_ok(&here, table->ops->head(table, key, here.arena, &object, &here.err));
    }
}

/* The table of the operation: the place's, or a new one; to be freed. */
static silt_store *table_for(kind k)
{
    static int number;
    silt_store *store = NULL;
    const char *name = makes(k) ? silt_arena_printf(here.arena, "new%d", number++) : "table";
    place_ok(&here, silt_store_open(silt_arena_printf(here.arena, "%s/%s", here.dir, name), NULL,
                                    &store, &here.err));
    return store;
}

static void make_parquet(void)
{
    silt_export_options opts = SILT_EXPORT_OPTIONS_INIT;
    silt_export_result result;
    place_ok(&here, silt_export(here.now, silt_arena_printf(here.arena, "%s/parquet/", here.dir),
                                &opts, &result, &here.err));
}

static void fail_in(kind k, const char *what)
{
    fail_msg("%s: %s (%s, %s)", names[k], what, got.outcome, here.err.message);
}

/* ---- the tests */

/* For every change of the store: lose it, or its answer; then again with the same number. */
static void lost_answers_are_made_good(void **state)
{
    static const silt_fault_kind faults[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT};
    (void)state;
    make_parquet();
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    commit.app_id = "app";
    commit.deadline_ms = 300; /* of answers that never come */
    for (kind k = 0; k < KINDS; k++) {
        for (size_t f = 0; f < SILT_COUNT(faults); f++) {
            bool fired = true;
            for (int64_t at = 1; fired; at++, commit.app_version++) {
                SILT_AUTO(silt_store) table = table_for(k);
                const silt_fault_plan plan = {
                    .kind = faults[f], .at = at, .ops = SILT_FAULT_CHANGES};
                SILT_AUTO(silt_store) flaky = silt_store_fault_new(table, &plan);
                (void)operate(k, flaky, &commit);
                fired = silt_store_fault_run(flaky)->fired;
                if (operate(k, table, &commit) != SILT_OK) fail_in(k, "again");
                if (strcmp(got.outcome, "committed") && strcmp(got.outcome, "already_done"))
                    fail_in(k, "again");
                assert_true(got.committed_version >= 0);
                assert_true(got.table_version >= got.committed_version);
                if (commits_with(table, commit.app_version) != 1) fail_in(k, "not once");
                assert_whole(table);
            }
        }
    }
}

/* Somebody who commits the same number right before ours is put. */
typedef struct rival {
    kind k;
    silt_store *table;
    const silt_commit_options *commit;
    bool done;
} rival;

static void on_put(void *ctx, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    rival *r = ctx;
    (void)call;
    if (r->done || when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0) return;
    if (!silt_starts_with(key, "_delta_log/0")) return;
    r->done = true;
    place_ok(&here, operate(r->k, r->table, r->commit));
    assert_string_equal(got.outcome, "committed");
}

static void of_two_with_one_number_one_commits(void **state)
{
    (void)state;
    make_parquet();
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    commit.app_id = "app";
    for (kind k = 0; k < KINDS; k++, commit.app_version++) {
        SILT_AUTO(silt_store) table = table_for(k);
        rival r = {.k = k, .table = table, .commit = &commit};
        const silt_fault_plan plan = {.hook = on_put, .hook_ctx = &r};
        SILT_AUTO(silt_store) watched = silt_store_fault_new(table, &plan);
        if (operate(k, watched, &commit) != SILT_OK) fail_in(k, "the second");
        assert_true(r.done);
        if (strcmp(got.outcome, "already_done") != 0) fail_in(k, "the second");
        if (commits_with(table, commit.app_version) != 1) fail_in(k, "not once");
        assert_true(got.committed_version >= 0);
        assert_whole(table);
    }
}

static void overtaken_numbers_are_told(void **state)
{
    (void)state;
    make_parquet();
    for (kind k = 0; k < KINDS; k++) {
        silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
        SILT_AUTO(silt_store) table = table_for(k);
        commit.app_id = "app";
        commit.app_version = 10 * (k + 1);
        place_ok(&here, operate(k, table, &commit));
        commit.app_version--;
        place_ok(&here, operate(k, table, &commit));
        if (strcmp(got.outcome, "overtaken") != 0) fail_in(k, "a lower number");
        assert_int_equal(got.committed_version, -1);
        commit.fail_if_overtaken = true;
        assert_int_equal(operate(k, table, &commit), SILT_FENCED);
        assert_non_null(strstr(here.err.message, "was overtaken by"));
        assert_int_equal(commits_with(table, commit.app_version), 0);
    }
}

static void options_are_checked(void **state)
{
    (void)state;
    static const char *const bare[] = {"a", NULL}, *const taken[] = {"Operation=x", NULL};
    for (kind k = 0; k < KINDS; k++) {
        SILT_AUTO(silt_store) table = table_for(k);
        silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
        if (k == MIGRATE) break; /* which needs files for its commit */
        commit.app_id = "";
        assert_int_equal(operate(k, table, &commit), SILT_INVALID);
        commit.app_id = "app";
        commit.app_version = -1;
        assert_int_equal(operate(k, table, &commit), SILT_INVALID);
        commit.app_id = NULL;
        commit.properties = bare;
        assert_int_equal(operate(k, table, &commit), SILT_INVALID);
        commit.properties = taken;
        assert_int_equal(operate(k, table, &commit), SILT_INVALID);
        commit.properties = NULL;
        commit.struct_size = 1;
        assert_int_equal(operate(k, table, &commit), SILT_INVALID);
    }
    place_assert_no_strays(&here);
}

/* ---- tries */

/* Others append, before each of our puts. */
typedef struct crowd {
    int left;
} crowd;

static void append_before(void *ctx, silt_fault_when when, const char *op, const char *key,
                          int64_t call)
{
    crowd *c = ctx;
    silt_commit_options none = SILT_COMMIT_OPTIONS_INIT;
    (void)call;
    if (!c->left || when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0) return;
    if (!silt_starts_with(key, "_delta_log/0")) return;
    c->left--;
    place_ok(&here, operate(APPEND, here.below, &none));
}

static int tries;

static void count_try(void *ctx, const char *event, const char *json)
{
    (void)ctx;
    assert_string_equal(event, "commit_attempt");
    assert_non_null(strstr(json, "\"outcome\""));
    tries++;
}

static silt_status in_a_crowd(kind k, int others, silt_commit_options *commit)
{
    const silt_diagnostics sink = {count_try, NULL};
    crowd c = {others};
    const silt_fault_plan plan = {.hook = append_before, .hook_ctx = &c};
    SILT_AUTO(silt_store) crowded = silt_store_fault_new(here.below, &plan);
    commit->diagnostics = &sink;
    commit->backoff_ms = 1;
    tries = 0;
    return operate(k, crowded, commit);
}

/* commitInfo.silt.attempts of what was committed; what was decided anew counts from 1 again. */
static void assert_attempts(int most)
{
    silt_bytes body;
    const char *key = silt_log_commit_key(here.arena, got.committed_version);
    place_ok(&here, silt_store_get_all(here.below, key, here.arena, &body, &here.err));
    const char *at = memmem(body.data, body.size, "\"attempts\":", 11);
    assert_non_null(at);
    assert_in_range(atoi(at + 11), 1, most);
}

static void tries_are_limited_and_told(void **state)
{
    static const kind kinds[] = {APPEND, UPSERT,   OVERWRITE, DELETE,
                                 UPDATE, OPTIMIZE, RESTORE,   ALTER};
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(kinds); i++) {
        kind k = kinds[i];
        silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
        commit.app_id = "app";
        commit.app_version = (int64_t)i;
        commit.max_attempts = 2;
        silt_status st = in_a_crowd(k, 2, &commit);
        if (st != SILT_TIMEOUT && st != SILT_CONFLICT) fail_in(k, "it isn't limited");
        assert_int_equal(commits_with(here.below, commit.app_version), 0);
        assert_in_range(tries, 1, 2);
        commit.max_attempts = 4;
        if (in_a_crowd(k, 2, &commit) != SILT_OK) fail_in(k, "it gave up");
        assert_string_equal(got.outcome, "committed");
        assert_in_range(tries, 1, 4);
        assert_attempts(tries);
        place_assert_no_strays(&here);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(of_two_with_one_number_one_commits),
        TEST(overtaken_numbers_are_told),
        TEST(options_are_checked),
        TEST(tries_are_limited_and_told),
        TEST(lost_answers_are_made_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
