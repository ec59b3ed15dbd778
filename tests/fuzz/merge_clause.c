/* Clauses of a merge as text: what is taken has all that its kind needs, and each expression in it
 * parses by itself. */
#include "fuzz/fuzz.h"
#include "silt/merge.h"
#include "table/expr.h"

static void check_expression(const char *text, silt_arena *arena)
{
    const silt_expr *expr;
    silt_error err = {0};
    FUZZ_CHECK(text);
    if (silt_expr_parse(text, arena, &expr, &err) == SILT_OK) return;
    FUZZ_CHECK(
        strstr(err.message, "within each other too often")); /* a longer text may have more */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_FREE char *text = fuzz_text(data, size);
    silt_error err = {0};
    silt_merge_clause clause;
    if (silt_merge_clause_parse(text, arena, &clause, &err) != SILT_OK) {
        FUZZ_CHECK(err.message[0]);
        return 0;
    }
    if (clause.condition) check_expression(clause.condition, arena);
    for (size_t i = 0; i < clause.set_count; i++) {
        FUZZ_CHECK(clause.set[i].column[0]);
        check_expression(clause.set[i].value, arena);
    }
    FUZZ_CHECK((clause.action == SILT_MERGE_INSERT) == (clause.when == SILT_MERGE_NOT_MATCHED));
    FUZZ_CHECK(!clause.star || !clause.set_count);
    FUZZ_CHECK(clause.action == SILT_MERGE_DELETE || clause.star || clause.set_count);
    FUZZ_CHECK(!clause.star || clause.when != SILT_MERGE_NOT_MATCHED_BY_SOURCE);
    return 0;
}
