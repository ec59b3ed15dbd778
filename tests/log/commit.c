/* The one function that writes a commit, and reading commits back. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/lines.h"
#include "log/logs.h"
#include "store/fault.h"

static const char *text_of(int64_t version)
{
    silt_bytes text;
    assert_ok(silt_store_get_all(store, silt_log_commit_key(arena, version), arena, &text, &err));
    return text.data;
}

static silt_status put_body(silt_store *s, int64_t version, const char *body)
{
    err = (silt_error){0};
    return silt_log_put_commit(s, version, silt_bytes_of(body), &err);
}

/* ---- writing */

static void the_first_one_wins(void **state)
{
    (void)state;
    assert_ok(put_body(store, 0, "a\n"));
    assert_status(put_body(store, 0, "b\n"), SILT_CONFLICT);
    assert_contains(err.message, "commit 0: another writer was first");
    assert_string_equal(text_of(0), "a\n");
}

static void the_same_call_again_is_safe(void **state)
{
    (void)state;
    assert_ok(put_body(store, 3, "a\n"));
    assert_ok(put_body(store, 3, "a\n"));
    assert_string_equal(text_of(3), "a\n");
}

static void a_lost_answer_is_read_back(void **state)
{
    (void)state;
    const silt_fault_plan plan = {
        .kind = SILT_FAULT_AFTER_EFFECT, .at = 1, .ops = SILT_FAULT_PUT_NEW};
    SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
    assert_ok(put_body(flaky, 0, "a\n"));
    assert_string_equal(text_of(0), "a\n");
}

/* The answer is lost, and it was another's commit that stood there. */
static void a_lost_refusal_is_a_conflict(void **state)
{
    (void)state;
    put_commit(0, "theirs\n");
    const silt_fault_plan plan = {
        .kind = SILT_FAULT_AFTER_EFFECT, .at = 1, .ops = SILT_FAULT_PUT_NEW};
    SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
    assert_status(put_body(flaky, 0, "ours\n"), SILT_CONFLICT);
    assert_string_equal(text_of(0), "theirs\n");
}

/* A call that was lost on its way may still be carried out: nobody can say yet. */
static void a_lost_call_is_unsure(void **state)
{
    (void)state;
    const silt_fault_plan plan = {.kind = SILT_FAULT_BEFORE_EFFECT,
                                  .at = 1,
                                  .ops = SILT_FAULT_PUT_NEW,
                                  .status = SILT_UNSURE};
    SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
    assert_status(put_body(flaky, 0, "a\n"), SILT_UNSURE);
    assert_contains(err.message, "commit 0: read back");
    assert_ok(put_body(flaky, 0, "a\n")); /* the same call again */
}

static void a_failed_read_back_is_unsure(void **state)
{
    (void)state;
    put_commit(0, "theirs\n");
    const silt_fault_plan plan = {.kind = SILT_FAULT_BEFORE_EFFECT, .at = 1, .ops = SILT_FAULT_GET};
    SILT_AUTO(silt_store) flaky = silt_store_fault_new(store, &plan);
    assert_status(put_body(flaky, 0, "ours\n"), SILT_UNSURE);
    assert_status(put_body(flaky, 0, "ours\n"), SILT_CONFLICT);
}

static void a_refused_write_is_no_commit(void **state)
{
    (void)state;
    const silt_fault_plan plan = {.kind = SILT_FAULT_BEFORE_EFFECT,
                                  .at = 1,
                                  .ops = SILT_FAULT_PUT_NEW,
                                  .status = SILT_NOSPACE};
    SILT_AUTO(silt_store) full = silt_store_fault_new(store, &plan);
    assert_status(put_body(full, 0, "a\n"), SILT_NOSPACE);
    assert_contains(err.message, "commit 0: ");
    assert_status(silt_log_commit_text(store, 0, arena, &(silt_bytes){0}, &err), SILT_NOT_FOUND);
}

#define THREADS  8
#define VERSIONS 100

typedef struct racer {
    int id;
    int won[VERSIONS];
    bool failed;
} racer;

static void *race(void *ctx)
{
    racer *r = ctx;
    char body[64];
    for (int v = 0; v < VERSIONS; v++) {
        (void)snprintf(body, sizeof(body), "{\"commitInfo\":{\"txnId\":\"%d-%d\"}}\n", r->id, v);
        silt_error why;
        silt_status st = silt_log_put_commit(store, v, silt_bytes_of(body), &why);
        r->won[v] = st == SILT_OK;
        r->failed |= st != SILT_OK && st != SILT_CONFLICT;
    }
    return NULL;
}

static void each_version_has_one_winner(void **state)
{
    (void)state;
    racer racers[THREADS] = {0};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        racers[i].id = i;
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int v = 0; v < VERSIONS; v++) {
        int winners = 0, winner = -1;
        for (int i = 0; i < THREADS; i++) {
            assert_false(racers[i].failed);
            winners += racers[i].won[v];
            if (racers[i].won[v]) winner = i;
        }
        assert_int_equal(winners, 1);
        silt_commit_info info;
        assert_ok(silt_log_commit_info(store, v, arena, &info, &err));
        assert_string_equal(info.txn_id, silt_arena_printf(arena, "%d-%d", winner, v));
    }
}

/* ---- reading */

static void actions_come_in_order(void **state)
{
    (void)state;
    const silt_action *actions;
    size_t count;
    put_commit(0, "\n" PROTOCOL "  \r\n" METADATA "\r\n\n" ADD("a") "{\"new\":1}\n" REMOVE("b"));
    assert_ok(silt_log_commit_read(store, 0, arena, &actions, &count, &err));
    assert_int_equal(count, 5);
    const silt_action_kind kinds[] = {SILT_ACTION_PROTOCOL, SILT_ACTION_METADATA, SILT_ACTION_ADD,
                                      SILT_ACTION_UNKNOWN, SILT_ACTION_REMOVE};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(actions[i].kind, kinds[i]);
    put_commit(1, "{\"txn\":{\"appId\":\"a\",\"version\":1}}"); /* without its end */
    assert_ok(silt_log_commit_read(store, 1, arena, &actions, &count, &err));
    assert_int_equal(count, 1);
}

static void wrong_commits_say_which_line(void **state)
{
    (void)state;
    const silt_action *actions;
    size_t count;
    assert_status(silt_log_commit_read(store, 4, arena, &actions, &count, &err), SILT_NOT_FOUND);
    assert_contains(err.message, "commit 4");
    put_commit(4, PROTOCOL "\n" METADATA "{\"add\":{\"path\":\"p\"");
    assert_status(silt_log_commit_read(store, 4, arena, &actions, &count, &err), SILT_CORRUPT);
    assert_contains(err.message, "commit 4, line 4: JSON");
    put_commit(5, "");
    assert_status(silt_log_commit_read(store, 5, arena, &actions, &count, &err), SILT_CORRUPT);
    assert_contains(err.message, "commit 5 is empty");
    put_commit(6, "\n \r\n\n");
    assert_status(silt_log_commit_read(store, 6, arena, &actions, &count, &err), SILT_CORRUPT);
}

static void lines_are_the_same_both_ways(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a",      "a\n", "\na", "\n\na\n\n",          "a\nb\n",
        "a\n\nb", "\n",  "",    " \n\t\r\nx\ny\n \n", "a\nb\nc",
    };
    for (size_t i = 0; i < SILT_COUNT(texts); i++) {
        silt_bytes text = silt_bytes_of(texts[i]), line, ahead[8];
        size_t count = 0;
        for (size_t at = 0; silt_log_line_next(text, &at, &line);)
            ahead[count++] = line;
        for (size_t at = text.size; silt_log_line_before(text, &at, &line);) {
            assert_true(count > 0);
            assert_ptr_equal(line.data, ahead[--count].data);
            assert_int_equal(line.size, ahead[count].size);
        }
        assert_int_equal(count, 0);
    }
}

static void commit_info_is_found_wherever_it_stands(void **state)
{
    (void)state;
    silt_commit_info info;
    put_commit(0, "{\"commitInfo\":{\"txnId\":\"t\"}}\n" ADD("a"));
    assert_ok(silt_log_commit_info(store, 0, arena, &info, &err));
    assert_string_equal(info.txn_id, "t");
    assert_string_equal(info.json, "{\"txnId\":\"t\"}");
    put_commit(1, PROTOCOL ADD("a") "{\"commitInfo\" : {\"txnId\":\"u\"}}");
    assert_ok(silt_log_commit_info(store, 1, arena, &info, &err));
    assert_string_equal(info.txn_id, "u");
    put_commit(2, ADD("a"));
    assert_ok(silt_log_commit_info(store, 2, arena, &info, &err));
    assert_null(info.json);
    assert_int_equal(info.timestamp_ms, -1);
    assert_status(silt_log_commit_info(store, 3, arena, &info, &err), SILT_NOT_FOUND);

    SILT_CLEAN(silt_buf) large = {0}; /* longer than what is read at first */
    silt_buf_puts(&large, "{\"commitInfo\":{\"x\":\"");
    for (int i = 0; i < 50000; i++)
        silt_buf_putc(&large, 'x');
    silt_buf_puts(&large, "\",\"txnId\":\"v\"}}\n" ADD("a"));
    put_commit(4, large.data);
    assert_ok(silt_log_commit_info(store, 4, arena, &info, &err));
    assert_string_equal(info.txn_id, "v");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_one_wins),           TEST(the_same_call_again_is_safe),
        TEST(a_lost_answer_is_read_back),   TEST(a_lost_refusal_is_a_conflict),
        TEST(a_lost_call_is_unsure),        TEST(a_failed_read_back_is_unsure),
        TEST(a_refused_write_is_no_commit), TEST(each_version_has_one_winner),
        TEST(actions_come_in_order),        TEST(wrong_commits_say_which_line),
        TEST(lines_are_the_same_both_ways), TEST(commit_info_is_found_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
