/* Runs: numbers over several tables, each once, whatever is lost or dies in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "load/run_log.h"
#include "silt/silt.h"
#include "store/fault.h"
#include "support/files.h"

typedef struct world {
    char *dir;
    silt_arena *arena;
    silt_engine *engine;
    silt_store *runs, *tables[2]; /* as they are */
    silt_run_log *log;
    silt_error err;
} world;

static world here;

#define assert_ok(call)                                                              \
    do {                                                                             \
        silt_status got_ = (call);                                                   \
        if (got_ != SILT_OK)                                                         \
            fail_msg("%s: %s: %s", #call, silt_status_name(got_), here.err.message); \
    } while (0)

static void assert_fails(silt_status got, silt_status wanted, const char *words)
{
    assert_string_equal(silt_status_name(got), silt_status_name(wanted));
    if (!strstr(here.err.message, words)) fail_msg("'%s' is not in '%s'", words, here.err.message);
}

static silt_store *open_store(const char *name)
{
    silt_store *store = NULL;
    char *path = test_path(here.dir, name);
    assert_ok(silt_store_open(path, NULL, &store, &here.err));
    free(path);
    return store;
}

static int set_up(void **state)
{
    (void)state;
    here = (world){.dir = test_dir_new(), .arena = silt_arena_new()};
    test_write(here.dir, "in.csv", "id\n1\n2\n");
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.threads = 1;
    assert_ok(silt_engine_open(&opts, &here.engine, &here.err));
    here.runs = open_store("state/runs");
    here.tables[0] = open_store("a");
    here.tables[1] = open_store("b");
    assert_ok(silt_run_log_new(here.runs, here.engine, NULL, &here.log, &here.err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    silt_run_log_free(here.log);
    silt_store_free(here.tables[0]);
    silt_store_free(here.tables[1]);
    silt_store_free(here.runs);
    silt_engine_free(here.engine);
    silt_arena_free(here.arena);
    test_dir_free(here.dir);
    return 0;
}

static silt_run *run_of(const char *id)
{
    silt_run *run = NULL;
    silt_run_identity identity = SILT_RUN_IDENTITY_INIT;
    identity.id = id;
    assert_ok(silt_run_new(&identity, &run, &here.err));
    return run;
}

static silt_run *run_at(const char *id, int64_t sequence)
{
    silt_run *run = run_of(id), *at = NULL;
    assert_ok(silt_run_with_sequence(run, sequence, &at, &here.err));
    silt_run_free(run);
    return at;
}

/* Two rows more, in one commit. */
static silt_status write_rows(silt_store *table, const silt_commit_options *commit,
                              silt_write_result *out, silt_error *err)
{
    SILT_FREE char *path = test_path(here.dir, "in.csv");
    const char *const files[] = {path};
    silt_write_source source = SILT_WRITE_SOURCE_INIT;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    source.files = files;
    source.file_count = 1;
    opts.commit = commit;
    return silt_write(table, here.engine, &source, &opts, out, NULL, err);
}

static silt_run_change change_of(silt_store *table, const char *operation, bool choose)
{
    silt_run_change change = SILT_RUN_CHANGE_INIT;
    change.operation = operation;
    change.table = table;
    change.choose = choose;
    return change;
}

/* A recorded write; `*sequence` (may be NULL) is its number. */
static silt_status step(silt_run_log *log, const silt_run *run, silt_store *table, bool choose,
                        int64_t *sequence, silt_error *err)
{
    static const silt_run_outcome outcomes[] = {[SILT_WRITE_COMMITTED] = SILT_RUN_COMMITTED,
                                                [SILT_WRITE_ALREADY_DONE] = SILT_RUN_ALREADY_DONE,
                                                [SILT_WRITE_OVERTAKEN] = SILT_RUN_OVERTAKEN};
    silt_run_change change = change_of(table, "WRITE", choose);
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    silt_run_ending ending = SILT_RUN_ENDING_INIT;
    silt_write_result result = {0};
    silt_run_step *s = NULL;
    silt_error why = {0};
    SILT_TRY(silt_run_begin(log, run, &change, &s, err));
    silt_run_step_options(s, &commit);
    if (sequence) *sequence = silt_run_step_sequence(s);
    ending.status = write_rows(table, &commit, &result, &why);
    ending.outcome = outcomes[result.outcome];
    ending.error = why.message;
    if (ending.status == SILT_OK) {
        ending.committed_version = result.committed_version;
        ending.table_version = result.table_version;
    }
    silt_status st = ending.status;
    silt_status recorded = silt_run_end(s, &ending, NULL, err);
    if (st != SILT_OK && err) *err = why;
    return st == SILT_OK ? recorded : st;
}

static silt_run_record record_of(const char *id)
{
    silt_run_record record;
    assert_ok(silt_run_log_read(here.log, id, here.arena, &record, &here.err));
    return record;
}

static void assert_attempt(const silt_run_record *r, size_t i, int64_t sequence,
                           silt_run_outcome outcome, int64_t version)
{
    assert_true(i < r->attempt_count);
    assert_int_equal(r->attempts[i].sequence, sequence);
    assert_string_equal(silt_run_outcome_name(r->attempts[i].outcome),
                        silt_run_outcome_name(outcome));
    assert_int_equal(r->attempts[i].committed_version, version);
}

static int64_t version_of(silt_store *table)
{
    SILT_AUTO(silt_snapshot) s = NULL;
    assert_ok(silt_snapshot_open(table, here.engine, NULL, &s, &here.err));
    return silt_snapshot_version(s);
}

/* ---- the value */

static void a_run_is_a_value(void **state)
{
    (void)state;
    static const char *const metadata[] = {"host=a", "why=x=y", NULL};
    silt_run_identity identity = SILT_RUN_IDENTITY_INIT;
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    silt_run *run, *next, *back;
    identity.id = "r-1";
    identity.label = "nightly";
    identity.metadata = metadata;
    assert_ok(silt_run_new(&identity, &run, &here.err));
    assert_int_equal(silt_run_sequence(run), 0);
    assert_ok(silt_run_next(run, &commit, &next, &here.err));
    assert_string_equal(commit.app_id, "r-1");
    assert_int_equal(commit.app_version, 0);
    assert_string_equal(commit.run_payload, "{\"id\":\"r-1\",\"label\":\"nightly\",\"sequence\":0,"
                                            "\"metadata\":{\"host\":\"a\",\"why\":\"x=y\"}}");
    assert_int_equal(silt_run_sequence(run), 0); /* it never changes */
    assert_int_equal(silt_run_sequence(next), 1);
    assert_ok(silt_run_with_sequence(next, 7, &back, &here.err));
    assert_int_equal(silt_run_sequence(back), 7);
    assert_string_equal(silt_run_label(back), "nightly");
    silt_run_free(run); /* each is its own */
    silt_run_free(next);
    assert_string_equal(silt_run_id(back), "r-1");
    assert_fails(silt_run_with_sequence(back, -1, &run, &here.err), SILT_INVALID, "below 0");
    silt_run_free(back);
    silt_run_free(NULL);
}

static void ids_and_metadata_are_checked(void **state)
{
    (void)state;
    static const char *const ids[] = {"", "a b", "a'b", "a/b", "ä"};
    silt_run *run = NULL;
    for (size_t i = 0; i < SILT_COUNT(ids); i++) {
        silt_run_identity identity = SILT_RUN_IDENTITY_INIT;
        identity.id = ids[i];
        assert_fails(silt_run_new(&identity, &run, &here.err), SILT_INVALID, "id can't be");
    }
    static const char *const twice[] = {"a=1", "a=2", NULL}, *const bare[] = {"a", NULL};
    silt_run_identity identity = SILT_RUN_IDENTITY_INIT;
    identity.metadata = twice;
    assert_fails(silt_run_new(&identity, &run, &here.err), SILT_INVALID, "twice");
    identity.metadata = bare;
    assert_fails(silt_run_new(&identity, &run, &here.err), SILT_INVALID, "NAME=VALUE");
    assert_ok(silt_run_new(NULL, &run, &here.err));
    assert_int_equal(strlen(silt_run_id(run)), SILT_UUID_SIZE - 1);
    silt_run_free(run);
}

/* ---- the record */

static void numbers_go_over_several_tables(void **state)
{
    (void)state;
    silt_run *run = run_of("r");
    for (int64_t n = 0; n < 4; n++) {
        int64_t sequence;
        assert_ok(step(here.log, run, here.tables[n % 2], true, &sequence, &here.err));
        assert_int_equal(sequence, n);
    }
    silt_run_free(run);
    silt_run_record r = record_of("r");
    assert_string_equal(r.status, "completed");
    assert_int_equal(r.commit_sequence, 4);
    assert_int_equal(r.attempt_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_attempt(&r, i, (int64_t)i, SILT_RUN_COMMITTED, (int64_t)i / 2);
        assert_string_equal(strrchr(r.attempts[i].table, '/'), i % 2 ? "/b" : "/a");
        assert_true(r.attempts[i].ended_us >= r.attempts[i].started_us);
    }
    assert_true(r.ended_us >= r.attempts[3].ended_us - 1);
    assert_ok(silt_run_resume(here.log, "r", NULL, &run, &here.err));
    assert_int_equal(silt_run_sequence(run), 4);
    silt_run_free(run);
    assert_fails(silt_run_resume(here.log, "s", NULL, &run, &here.err), SILT_NOT_FOUND, "no run s");
}

static void gaps_and_duplicates_are_refused(void **state)
{
    (void)state;
    silt_run *at[4];
    for (int64_t n = 0; n < 4; n++)
        at[n] = run_at("r", n);
    assert_fails(step(here.log, at[1], here.tables[0], false, NULL, &here.err), SILT_INVALID,
                 "number 1 leaves a gap: the next one is 0");
    assert_ok(step(here.log, at[0], here.tables[0], false, NULL, &here.err));
    assert_ok(step(here.log, at[1], here.tables[1], false, NULL, &here.err));
    assert_fails(step(here.log, at[3], here.tables[0], false, NULL, &here.err), SILT_INVALID,
                 "number 3 leaves a gap: the next one is 2");
    assert_fails(step(here.log, at[0], here.tables[1], false, NULL, &here.err), SILT_INVALID,
                 "can't be WRITE on");
    silt_run_change other = change_of(here.tables[0], "DELETE", false);
    silt_run_step *s = NULL;
    assert_fails(silt_run_begin(here.log, at[0], &other, &s, &here.err), SILT_INVALID,
                 "number 0 was WRITE on");
    /* The same once more is no mistake, and no second commit. */
    assert_ok(step(here.log, at[0], here.tables[0], false, NULL, &here.err));
    silt_run_record r = record_of("r");
    assert_int_equal(r.attempt_count, 3); /* what was refused is no attempt */
    assert_attempt(&r, 2, 0, SILT_RUN_ALREADY_DONE, 0);
    assert_int_equal(version_of(here.tables[0]), 0);
    for (size_t n = 0; n < 4; n++)
        silt_run_free(at[n]);
}

static void a_failure_is_tried_again_by_its_number(void **state)
{
    (void)state;
    silt_run *run = run_of("r");
    int64_t sequence;
    assert_ok(step(here.log, run, here.tables[0], true, NULL, &here.err));
    test_write(here.dir, "in.csv", "other\n1\n"); /* not the table's columns */
    assert_fails(step(here.log, run, here.tables[0], true, &sequence, &here.err), SILT_BAD_DATA,
                 "other");
    assert_int_equal(sequence, 1);
    silt_run_record r = record_of("r");
    assert_string_equal(r.status, "partial");
    assert_attempt(&r, 1, 1, SILT_RUN_FAILED, -1);
    assert_non_null(strstr(r.attempts[1].error, "other"));
    test_write(here.dir, "in.csv", "id\n3\n");
    assert_ok(step(here.log, run, here.tables[1], true, &sequence, &here.err));
    assert_int_equal(sequence, 2); /* it is something else */
    assert_ok(step(here.log, run, here.tables[1], true, &sequence, &here.err));
    assert_int_equal(sequence, 3);
    silt_run *again = run_at("r", 1);
    assert_ok(step(here.log, again, here.tables[0], false, NULL, &here.err));
    silt_run_free(again);
    r = record_of("r");
    assert_string_equal(r.status, "completed");
    assert_attempt(&r, 4, 1, SILT_RUN_COMMITTED, 1);
    silt_run_free(run);
}

static void a_lower_number_may_be_too_late(void **state)
{
    (void)state;
    silt_run *run = run_of("r"), *again = run_at("r", 0);
    test_write(here.dir, "in.csv", "a,a\n1,1\n");
    (void)step(here.log, run, here.tables[0], true, NULL, &here.err);
    test_write(here.dir, "in.csv", "id\n3\n");
    silt_run *next = run_at("r", 1);
    assert_ok(step(here.log, next, here.tables[0], false, NULL, &here.err));
    assert_ok(step(here.log, again, here.tables[0], false, NULL, &here.err));
    silt_run_record r = record_of("r");
    assert_attempt(&r, 2, 0, SILT_RUN_OVERTAKEN, -1);
    assert_string_equal(r.status, "partial");
    assert_int_equal(version_of(here.tables[0]), 0);
    silt_run_free(next);
    silt_run_free(again);
    silt_run_free(run);
}

static void one_at_a_time(void **state)
{
    (void)state;
    silt_run *run = run_of("r"), *other = run_of("other");
    silt_run_change change = change_of(here.tables[0], "WRITE", true);
    silt_run_step *first = NULL, *second = NULL;
    silt_run_log *log = NULL;
    silt_run_ending ending = SILT_RUN_ENDING_INIT;
    assert_ok(silt_run_log_new(here.runs, here.engine, NULL, &log, &here.err));
    assert_ok(silt_run_begin(here.log, run, &change, &first, &here.err));
    assert_fails(silt_run_begin(here.log, run, &change, &second, &here.err), SILT_LOCKED,
                 "run r is at work: number 0, WRITE on");
    assert_fails(silt_run_begin(log, run, &change, &second, &here.err), SILT_LOCKED, "by PID");
    assert_ok(
        step(log, other, here.tables[0], true, NULL, &here.err)); /* not in each other's way */
    assert_string_equal(record_of("r").status, "running");
    ending.outcome = SILT_RUN_SKIPPED;
    silt_run *after = NULL;
    assert_ok(silt_run_end(first, &ending, &after, &here.err));
    assert_int_equal(silt_run_sequence(after), 1);
    assert_ok(step(log, after, here.tables[0], false, NULL, &here.err));
    silt_run_free(after);
    silt_run_log_free(log);
    silt_run_free(other);
    silt_run_free(run);
}

/* ---- processes that die */

/* In a process of its own: a write that dies before or after its commit, and never says so. */
static void die_in_a_write(bool committed)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        silt_run *run = run_of("r");
        silt_run_change change = change_of(here.tables[0], "WRITE", true);
        silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
        silt_write_result result;
        silt_run_step *s = NULL;
        bool good = silt_run_begin(here.log, run, &change, &s, &here.err) == SILT_OK;
        if (good) silt_run_step_options(s, &commit);
        if (good && committed)
            good = write_rows(here.tables[0], &commit, &result, &here.err) == SILT_OK;
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void a_death_before_the_commit_is_made_good(void **state)
{
    (void)state;
    die_in_a_write(false);
    silt_run_record r = record_of("r"); /* the table isn't even there */
    assert_attempt(&r, 0, 0, SILT_RUN_FAILED, -1);
    int64_t sequence;
    silt_run *run = run_of("r");
    assert_ok(step(here.log, run, here.tables[0], true, &sequence, &here.err));
    assert_int_equal(sequence, 0);
    r = record_of("r");
    assert_attempt(&r, 0, 0, SILT_RUN_FAILED, -1);
    assert_attempt(&r, 1, 0, SILT_RUN_COMMITTED, 0);
    assert_string_equal(r.status, "completed");
    silt_run_free(run);
}

static void a_death_after_the_commit_is_found_out(void **state)
{
    (void)state;
    die_in_a_write(true);
    silt_run_record r = record_of("r");
    assert_attempt(&r, 0, 0, SILT_RUN_COMMITTED, 0); /* the table says so */
    int64_t sequence;
    silt_run *run = run_of("r");
    assert_ok(step(here.log, run, here.tables[0], true, &sequence, &here.err));
    assert_int_equal(sequence, 1);
    r = record_of("r");
    assert_int_equal(r.attempt_count, 2);
    assert_attempt(&r, 0, 0, SILT_RUN_COMMITTED, 0);
    assert_int_equal(version_of(here.tables[0]), 1);
    silt_run_free(run);
}

/* Both numbers, with fresh handles; with `plan` any call may be the last. */
static bool writes_both(const silt_fault_plan *plan)
{
    SILT_AUTO(silt_store) runs = silt_store_fault_new(here.runs, plan);
    SILT_AUTO(silt_store) a = silt_store_fault_new(here.tables[0], plan);
    SILT_AUTO(silt_store) b = silt_store_fault_new(here.tables[1], plan);
    silt_store *const tables[2] = {a, b};
    silt_run_log *log = NULL;
    bool good = silt_run_log_new(runs, here.engine, NULL, &log, &here.err) == SILT_OK;
    for (int64_t n = 0; good && n < 2; n++) {
        silt_run *at = run_at("r", n);
        good = step(log, at, tables[n], false, NULL, &here.err) == SILT_OK;
        silt_run_free(at);
    }
    silt_run_log_free(log);
    return good;
}

static bool stands_once(void)
{
    silt_run_record r;
    silt_status st = silt_run_log_read(here.log, "r", here.arena, &r, &here.err);
    return st == SILT_OK && strcmp(r.status, "completed") == 0 && r.commit_sequence == 2 &&
           version_of(here.tables[0]) == 0 && version_of(here.tables[1]) == 0;
}

/* The exit status of a process, or -1: it was killed. Parents of processes keep their engine
 * asleep: its threads wouldn't be there in the child. */
static int in_a_process(const silt_fault_plan *plan)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) _exit(writes_both(plan) && (plan->kind || stands_once()) ? 0 : 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void any_call_may_be_the_last(void **state)
{
    static const silt_fault_kind kinds[] = {SILT_FAULT_KILL_MID, SILT_FAULT_KILL_AFTER};
    for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
        int status = -1;
        for (int64_t at = 1; status; at++) {
            tear_down(state);
            set_up(state);
            silt_fault_run run = {0};
            const silt_fault_plan plan = {
                .kind = kinds[k], .at = at, .ops = SILT_FAULT_CHANGES, .run = &run};
            status = in_a_process(&plan);
            assert_true(status <= 0); /* killed, or there was no such call any more */
            const silt_fault_plan none = {0};
            if (in_a_process(&none)) fail_msg("killed at change %d", (int)at);
        }
    }
}

/* What another host has begun isn't judged from here. */
static void other_hosts_are_taken_over_when_asked(void **state)
{
    (void)state;
    silt_run *run = run_of("r");
    silt_run_try t = {.told = {.sequence = 0,
                               .operation = "WRITE",
                               .table = silt_run_table_name(here.tables[0], here.arena),
                               .committed_version = -1,
                               .table_version = -1,
                               .ended_us = -1,
                               .attempt_id = "x"},
                      .writer = {"elsewhere", "boot", 7, 8},
                      .session = "s"};
    SILT_CLEAN(silt_run_row) row = {.id = "r"};
    assert_true(silt_vec_push(&row.tries, t));
    SILT_CLEAN(silt_buf) line = {0};
    silt_run_row_write(&row, &line);
    assert_ok(silt_run_log_put(here.log, row.id, &line, false, &here.err));
    silt_run_change change = change_of(here.tables[0], "WRITE", true);
    silt_run_step *s = NULL;
    assert_fails(silt_run_begin(here.log, run, &change, &s, &here.err), SILT_LOCKED,
                 "by PID 7 on elsewhere");
    assert_non_null(strstr(here.err.hint, "--take-over"));
    assert_string_equal(record_of("r").status, "running");
    change.take_over = true;
    assert_ok(silt_run_begin(here.log, run, &change, &s, &here.err));
    assert_int_equal(silt_run_step_sequence(s), 0);
    silt_run_ending ending = SILT_RUN_ENDING_INIT;
    ending.status = SILT_UNSURE;
    assert_ok(silt_run_end(s, &ending, NULL, &here.err));
    silt_run_record r = record_of("r");
    assert_attempt(&r, 0, 0, SILT_RUN_FAILED, -1);
    assert_attempt(&r, 1, 0, SILT_RUN_FAILED, -1); /* unsure, but the table hasn't it */
    silt_run_free(run);
}

/* Who was taken over hears of it when it ends. */
static void the_one_who_was_taken_over_is_told(void **state)
{
    (void)state;
    silt_run *run = run_of("r");
    silt_run_change change = change_of(here.tables[0], "WRITE", true);
    silt_run_step *s = NULL;
    bool found;
    assert_ok(silt_run_begin(here.log, run, &change, &s, &here.err));
    SILT_CLEAN(silt_run_row) row = {0};
    assert_ok(silt_run_log_find(here.log, "r", here.arena, &row, &found, &here.err));
    row.tries.items[0].told.outcome = SILT_RUN_FAILED;
    SILT_CLEAN(silt_buf) line = {0};
    silt_run_row_write(&row, &line);
    assert_ok(silt_run_log_put(here.log, row.id, &line, false, &here.err));
    silt_run_ending ending = SILT_RUN_ENDING_INIT;
    ending.outcome = SILT_RUN_COMMITTED;
    ending.committed_version = 3;
    assert_fails(silt_run_end(s, &ending, NULL, &here.err), SILT_FENCED, "took number 0 over");
    silt_run_record r = record_of("r");
    assert_attempt(&r, 0, 0, SILT_RUN_COMMITTED, 3);
    silt_run_free(run);
}

/* ---- calls that are lost */

/* Two numbers upon two tables, tried until both stand; of the first try `flaky` loses one call. */
static void write_twice(silt_store *runs, silt_store *const tables[2])
{
    silt_run_log *log = NULL;
    assert_ok(silt_run_log_new(runs, here.engine, NULL, &log, &here.err));
    for (int64_t n = 0; n < 2; n++) {
        silt_run *at = run_at("r", n);
        silt_status st = SILT_FAILED;
        for (int i = 0; i < 4 && st != SILT_OK; i++)
            st = step(log, at, tables[n], false, NULL, &here.err);
        silt_run_free(at);
        assert_ok(st);
    }
    silt_run_log_free(log);
}

static void any_lost_call_is_made_good(void **state)
{
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT};
    for (size_t k = 0; k < SILT_COUNT(kinds); k++) {
        bool fired = true;
        for (int64_t at = 1; fired; at++) {
            tear_down(state);
            set_up(state);
            silt_fault_run run = {0};
            silt_fault_plan plan = {.kind = kinds[k], .at = at, .run = &run};
            if (kinds[k] == SILT_FAULT_AFTER_EFFECT) plan.ops = SILT_FAULT_CHANGES;
            SILT_AUTO(silt_store) runs = silt_store_fault_new(here.runs, &plan);
            SILT_AUTO(silt_store) a = silt_store_fault_new(here.tables[0], &plan);
            SILT_AUTO(silt_store) b = silt_store_fault_new(here.tables[1], &plan);
            write_twice(runs, (silt_store *const[]){a, b});
            fired = run.fired;
            assert_int_equal(version_of(here.tables[0]), 0);
            assert_int_equal(version_of(here.tables[1]), 0);
            silt_run_record r = record_of("r");
            assert_string_equal(r.status, "completed");
            assert_int_equal(r.commit_sequence, 2);
        }
    }
}

/* ---- size */

static bool count_run(void *ctx, const silt_run_record *r)
{
    (void)r;
    ++*(int64_t *)ctx;
    return true;
}

static void many_runs_are_few_files(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        SILT_CLEAN(silt_run_row) row = {.started_us = i};
        row.id = silt_arena_printf(here.arena, "run-%d", i);
        SILT_CLEAN(silt_buf) line = {0};
        silt_run_row_write(&row, &line);
        assert_ok(silt_run_log_put(here.log, row.id, &line, false, &here.err));
    }
    int64_t files, bytes, runs = 0;
    assert_ok(silt_snapshot_size(here.log->snapshot, &files, &bytes, &here.err));
    assert_in_range(files, 1, 40);
    assert_ok(silt_run_log_list(here.log, count_run, &runs, &here.err));
    assert_int_equal(runs, 100);
    /* One that was put together with others goes on by itself, and they stay. */
    silt_run *run = run_of("run-3");
    assert_ok(step(here.log, run, here.tables[0], true, NULL, &here.err));
    silt_run_free(run);
    assert_int_equal(record_of("run-3").attempt_count, 1);
    assert_int_equal(record_of("run-4").attempt_count, 0);
    runs = 0;
    assert_ok(silt_run_log_list(here.log, count_run, &runs, &here.err));
    assert_int_equal(runs, 100);
}

static void attempts_are_bounded(void **state)
{
    (void)state;
    SILT_CLEAN(silt_run_row) row = {.id = "r"};
    for (int64_t i = 0; i < SILT_RUN_ATTEMPTS_MAX; i++) {
        silt_run_try t = {.told = {.sequence = i,
                                   .operation = "WRITE",
                                   .table = "/t",
                                   .outcome = SILT_RUN_COMMITTED,
                                   .committed_version = i,
                                   .attempt_id = "x"}};
        assert_true(silt_vec_push(&row.tries, t));
    }
    SILT_CLEAN(silt_buf) line = {0};
    silt_run_row_write(&row, &line);
    assert_ok(silt_run_log_put(here.log, row.id, &line, false, &here.err));
    silt_run *run = run_of("r");
    assert_fails(step(here.log, run, here.tables[0], true, NULL, &here.err), SILT_INVALID,
                 "10000 attempts");
    silt_run_free(run);
    assert_int_equal(record_of("r").attempt_count, SILT_RUN_ATTEMPTS_MAX);
}

static void another_table_isn_t_taken_for_it(void **state)
{
    (void)state;
    silt_write_result result;
    silt_run *run = run_of("r");
    assert_ok(write_rows(here.runs, NULL, &result, &here.err));
    assert_fails(step(here.log, run, here.tables[0], true, NULL, &here.err), SILT_INVALID,
                 "isn't a table of runs");
    silt_run_free(run);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_death_before_the_commit_is_made_good), /* forks, before the engine has threads */
        TEST(a_death_after_the_commit_is_found_out),
        TEST(any_call_may_be_the_last),
        TEST(a_run_is_a_value),
        TEST(ids_and_metadata_are_checked),
        TEST(numbers_go_over_several_tables),
        TEST(gaps_and_duplicates_are_refused),
        TEST(a_failure_is_tried_again_by_its_number),
        TEST(a_lower_number_may_be_too_late),
        TEST(one_at_a_time),
        TEST(other_hosts_are_taken_over_when_asked),
        TEST(the_one_who_was_taken_over_is_told),
        TEST(any_lost_call_is_made_good),
        TEST(many_runs_are_few_files),
        TEST(attempts_are_bounded),
        TEST(another_table_isn_t_taken_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
