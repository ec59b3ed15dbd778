/* The stores that the conformance suite runs against. A new kind of store adds itself in
 * backends.c. */
#ifndef SILT_TEST_BACKENDS_H
#define SILT_TEST_BACKENDS_H

#include "store/store.h"

typedef struct test_backend {
    const char *name;
    silt_store *(*wrap)(silt_store *below); /* NULL: no wrapper */
    bool in_memory, no_durability;
} test_backend;

extern const test_backend test_backends[];
extern const size_t test_backend_count;

/* One empty store with a scratch folder beside it. */
typedef struct test_place {
    char *dir, *scratch;
    silt_store *below, *store;
    silt_arena *arena;
} test_place;

test_place *test_place_new(const test_backend *backend);
void test_place_free(test_place *place);

#endif
