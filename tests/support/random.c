#include "support/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

test_random test_random_new(void)
{
    const char *given = getenv("SILT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20779; /* any number */
    fprintf(stderr, "# SILT_SEED=%" PRIu64 "\n", seed);
    return (test_random){seed};
}

/* splitmix64 */
uint64_t test_random_next(test_random *random)
{
    uint64_t z = (random->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

size_t test_random_below(test_random *random, size_t below)
{
    return (size_t)(test_random_next(random) % below);
}
