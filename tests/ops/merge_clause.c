/* Clauses of a merge as text: what is taken, and what is said of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base.h"
#include "silt/merge.h"
#include "support/alloc.h"

/* "matched if C: update a=x; b=y": a clause in one line. */
static void print(const silt_merge_clause *c, silt_buf *out)
{
    static const char *const whens[] = {"matched", "not matched", "by source"};
    static const char *const actions[] = {"update", "delete", "insert"};
    silt_buf_puts(out, whens[c->when]);
    if (c->condition) silt_buf_printf(out, " if %s", c->condition);
    silt_buf_printf(out, ": %s", actions[c->action]);
    if (c->star) silt_buf_puts(out, " *");
    for (size_t i = 0; i < c->set_count; i++)
        silt_buf_printf(out, "%s %s=%s", i ? ";" : "", c->set[i].column, c->set[i].value);
}

typedef struct text_case {
    const char *text, *expected;
} text_case;

static const text_case taken[] = {
    {"MATCHED THEN DELETE", "matched: delete"},
    {"when matched then update set *", "matched: update *"},
    {"  When  Matched\nThen\tUpdate  Set * ", "matched: update *"},
    {"MATCHED AND s.op = 'D' THEN DELETE", "matched if s.op = 'D': delete"},
    {"NOT MATCHED THEN INSERT *", "not matched: insert *"},
    {"NOT MATCHED BY TARGET THEN INSERT *", "not matched: insert *"},
    {"NOT MATCHED BY SOURCE THEN DELETE", "by source: delete"},
    {"NOT MATCHED BY SOURCE AND t.day < DATE '2024-01-01' THEN UPDATE SET gone = true",
     "by source if t.day < DATE '2024-01-01': update gone=true"},
    {"MATCHED THEN UPDATE SET a = s.a, b = t.b + s.b", "matched: update a=s.a; b=t.b + s.b"},
    {"MATCHED THEN UPDATE SET t.a = s.a, `b c` = 1", "matched: update t.a=s.a; b c=1"},
    {"NOT MATCHED THEN INSERT (a, b) VALUES (s.a, s.b)", "not matched: insert a=s.a; b=s.b"},
    {"NOT MATCHED AND s.a > 0 AND s.b THEN INSERT(a)VALUES(1)",
     "not matched if s.a > 0 AND s.b: insert a=1"},
    /* where an expression ends */
    {"MATCHED AND s.x = 'THEN DELETE' THEN DELETE", "matched if s.x = 'THEN DELETE': delete"},
    {"MATCHED AND CASE WHEN s.a THEN t.b ELSE false END THEN DELETE",
     "matched if CASE WHEN s.a THEN t.b ELSE false END: delete"},
    {"MATCHED AND (s.a OR (t.b AND s.c)) THEN DELETE", "matched if (s.a OR (t.b AND s.c)): delete"},
    {"MATCHED AND s.a BETWEEN 1 AND 2 AND s.b THEN DELETE",
     "matched if s.a BETWEEN 1 AND 2 AND s.b: delete"},
    {"MATCHED AND s.a IN (1, 2) THEN UPDATE SET a = coalesce(s.a, t.a, 0), b = concat('a,b', "
     "\",\")",
     "matched if s.a IN (1, 2): update a=coalesce(s.a, t.a, 0); b=concat('a,b', \",\")"},
    {"MATCHED THEN UPDATE SET a = s.a = t.a, b = s.b", "matched: update a=s.a = t.a; b=s.b"},
    {"MATCHED AND s.`THEN` THEN UPDATE SET `a``, b` = `x = y, z`",
     "matched if s.`THEN`: update a`, b=`x = y, z`"},
    {"MATCHED THEN UPDATE SET a = CASE s.a WHEN 1 THEN 2 END, b = cast(s.b AS decimal(10, 2))",
     "matched: update a=CASE s.a WHEN 1 THEN 2 END; b=cast(s.b AS decimal(10, 2))"},
    {"NOT MATCHED THEN INSERT (a, b) VALUES ((1), if(s.a, s.b, (2)))",
     "not matched: insert a=(1); b=if(s.a, s.b, (2))"},
    {"MATCHED AND s.a -- THEN UPDATE SET *\n THEN DELETE -- done", "matched if s.a: delete"},
    /* words of clauses are names elsewhere */
    {"MATCHED AND matched THEN UPDATE SET source = s.target, delete = s.update",
     "matched if matched: update source=s.target; delete=s.update"},
};

static void clauses_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(taken); i++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        SILT_CLEAN(silt_buf) out = {0};
        silt_merge_clause clause;
        silt_error err = {0};
        if (silt_merge_clause_parse(taken[i].text, arena, &clause, &err) != SILT_OK)
            fail_msg("%s: %s", taken[i].text, err.message);
        print(&clause, &out);
        if (strcmp(out.data, taken[i].expected) != 0)
            fail_msg("%s\n is  %s\n not %s", taken[i].text, out.data, taken[i].expected);
    }
}

static const text_case refused[] = {
    {"", "WHEN, MATCHED or NOT MATCHED expected where the text ends at character 1"},
    {"when", "MATCHED or NOT MATCHED expected where the text ends"},
    {"update set *", "WHEN, MATCHED or NOT MATCHED expected instead of update at character 1"},
    {"not then delete", "MATCHED expected instead of then at character 5"},
    {"matched", "AND or THEN expected where the text ends at character 8"},
    {"matched or a then delete", "AND or THEN expected instead of or at character 9"},
    {"matched and then delete", "a value expected instead of then at character 13"},
    {"matched and a = 1 delete", "an operator or THEN expected instead of delete at character 19"},
    {"matched and a = 1", "an operator or THEN expected where the text ends"},
    {"matched then", "UPDATE or DELETE expected where the text ends"},
    {"matched then insert *", "UPDATE or DELETE expected instead of insert at character 14"},
    {"not matched then delete", "INSERT expected instead of delete at character 18"},
    {"not matched then update set *", "INSERT expected instead of update"},
    {"not matched by nobody then insert *", "SOURCE or TARGET expected instead of nobody"},
    {"matched by source then delete", "AND or THEN expected instead of by"},
    {"not matched by source then insert *", "UPDATE or DELETE expected instead of insert"},
    {"not matched by source then update set *",
     "a column (no row of the source is there) expected"},
    {"matched then update *", "SET expected instead of * at character 21"},
    {"matched then update set", "a column expected where the text ends"},
    {"matched then update set a", "= expected where the text ends"},
    {"matched then update set a = ", "a value expected where the text ends"},
    {"matched then update set a = 1,", "a column expected where the text ends"},
    {"matched then update set a = 1 b = 2", "the end expected instead of b"},
    {"matched then update set a. = 1", "a column expected instead of ="},
    {"matched then update set *, a = 1", "the end expected instead of ,"},
    {"matched then delete where a", "the end expected instead of where"},
    {"not matched then insert", "* or ( expected where the text ends"},
    {"not matched then insert ()", "a column expected instead of )"},
    {"not matched then insert (a)", "VALUES expected where the text ends"},
    {"not matched then insert (a, b) values (1)", ", expected instead of )"},
    {"not matched then insert (a) values (1, 2)", "more values than columns at character 38"},
    {"not matched then insert (a) values (1", ") expected where the text ends"},
    {"matched and 'x then delete", "a text without its closing '"},
    {"matched then delete;", "a character that expressions don't have"},
};

static void others_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(refused); i++) {
        SILT_AUTO(silt_arena) arena = silt_arena_new();
        silt_merge_clause clause = {.set_count = 77};
        silt_error err = {0};
        assert_int_equal(silt_merge_clause_parse(refused[i].text, arena, &clause, &err),
                         SILT_INVALID);
        if (!strstr(err.message, refused[i].expected))
            fail_msg("%s\n says %s\n not  %s", refused[i].text, err.message, refused[i].expected);
        assert_int_equal(clause.set_count, 77); /* untouched */
    }
}

/* Each allocation fails once. */
static void no_memory_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < SILT_COUNT(taken); i++)
        for (int n = 1;; n++) {
            silt_merge_clause clause;
            silt_error err = {0};
            SILT_AUTO(silt_arena) arena = silt_arena_new();
            test_alloc_fail(n, false);
            silt_status st = silt_merge_clause_parse(taken[i].text, arena, &clause, &err);
            bool failed = test_alloc_failed();
            if (!failed) {
                assert_int_equal(st, SILT_OK);
                break;
            }
            if (st != SILT_NOMEM) fail_msg("%s, %d: %d %s", taken[i].text, n, st, err.message);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clauses_are_taken),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
