/* A small generator for property tests. What it gives follows from the seed, which is printed. */
#ifndef SILT_TEST_RANDOM_H
#define SILT_TEST_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct test_random {
    uint64_t state;
} test_random;

/* Seeded by $SILT_SEED, where that isn't set always the same; prints the seed. */
test_random test_random_new(void);
uint64_t test_random_next(test_random *random);
/* 0 to below - 1. */
size_t test_random_below(test_random *random, size_t below);

#endif
