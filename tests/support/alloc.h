/* Allocations that fail on order: every executable of the tests is linked with malloc, calloc and
 * realloc of the project's own code wrapped (other libraries keep theirs). */
#ifndef SILT_TEST_ALLOC_H
#define SILT_TEST_ALLOC_H

#include <stdbool.h>

/* Let the nth allocation from now on fail, and those behind it if `all_after`; 0: none. */
void test_alloc_fail(int nth, bool all_after);
/* Whether one has failed since; ends the failing. */
bool test_alloc_failed(void);

#endif
