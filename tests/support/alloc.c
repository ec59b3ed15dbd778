#include "support/alloc.h"

#include <stddef.h>
#include <stdlib.h>

#include <roaring/roaring.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

/* Per thread, so that only the test's own calls are counted. */
static _Thread_local int countdown;
static _Thread_local bool for_good, fired;

/* CRoaring doesn't look at what it is given, and isn't ours to mend. */
static void let_roaring_be(void)
{
    roaring_init_memory_hook((roaring_memory_t){.malloc = __real_malloc,
                                                .realloc = __real_realloc,
                                                .calloc = __real_calloc,
                                                .free = free,
                                                .aligned_malloc = aligned_alloc,
                                                .aligned_free = free});
}

void test_alloc_fail(int nth, bool all_after)
{
    let_roaring_be();
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
