#include "support/alloc.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

/* Per thread, so that only the test's own calls are counted. */
static _Thread_local int countdown;
static _Thread_local bool for_good, fired;

void test_alloc_fail(int nth, bool all_after)
{
    countdown = nth;
    for_good = all_after;
    fired = false;
}

bool test_alloc_failed(void)
{
    countdown = 0;
    return fired;
}

static bool fails(void)
{
    if (countdown == 0) return false;
    if (countdown > 1) {
        countdown--;
        return false;
    }
    fired = true;
    if (!for_good) countdown = 0;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}
