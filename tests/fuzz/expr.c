/* Expressions as text: what is printed parses to the same tree, bound to a schema or not. */
#include "fuzz/fuzz.h"
#include "silt/schema.h"
#include "table/expr.h"

static const silt_type *schema(silt_arena *arena)
{
    const silt_type *type;
    FUZZ_CHECK(silt_type_parse("struct<a:long,b:string,c:double,d:date,t:timestamp,n:decimal(10,2),"
                               "f:boolean,s:struct<x:int,`y z`:string>,l:array<int>>",
                               arena, &type, NULL) == SILT_OK);
    return type;
}

/* Printed, parsed, printed: nothing changes. */
static void check_print(const silt_expr *expr, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) once = {0};
    SILT_CLEAN(silt_buf) twice = {0};
    silt_error err = {0};
    const silt_expr *again;
    silt_expr_print(expr, &once);
    FUZZ_CHECK(!once.failed);
    if (silt_expr_parse(once.data, arena, &again, &err) != SILT_OK) {
        fprintf(stderr, "%s: %s\n", once.data, err.message);
        FUZZ_CHECK(!"what was printed parses");
    }
    silt_expr_print(again, &twice);
    if (!silt_bytes_equal(silt_buf_bytes(&once), silt_buf_bytes(&twice)))
        fprintf(stderr, "%s\n%s\n", once.data, twice.data);
    FUZZ_CHECK(silt_bytes_equal(silt_buf_bytes(&once), silt_buf_bytes(&twice)));
}

static void count(void *ctx, const silt_expr *column)
{
    FUZZ_CHECK(column->kind == SILT_EXPR_COLUMN && column->path_count > 0);
    ++*(size_t *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_FREE char *text = fuzz_text(data, size);
    silt_error err = {0};
    const silt_expr *expr, *bound;
    size_t columns = 0;
    if (silt_expr_parse(text, arena, &expr, &err) != SILT_OK) {
        FUZZ_CHECK(err.message[0]);
        return 0;
    }
    check_print(expr, arena);
    silt_expr_columns(expr, count, &columns);
    if (silt_expr_bind(expr, schema(arena), arena, &bound, &err) != SILT_OK) {
        FUZZ_CHECK(err.message[0]);
        return 0;
    }
    FUZZ_CHECK(bound->type);
    check_print(bound, arena);
    return 0;
}
