/* A store that tries again what failed for a moment.
 *
 * Tried again: IO and TIMEOUT, of all operations (of a put they say that it did nothing), and
 * UNSURE of put, which may be done twice. Never: UNSURE of put_new, where a second try could only
 * find our own object in the way, and of put_file, whose source may be gone. They go up, to be
 * resolved by reading back. A listing goes on behind the last object it gave, so that none comes
 * twice. */
#ifndef SILT_STORE_RETRY_H
#define SILT_STORE_RETRY_H

#include "base/seam.h"
#include "store/store.h"

typedef struct silt_retry_policy {
    int attempts; /* in all, 1 or more */
    int64_t
        wait_ms_first; /* before the second try; doubles; each wait is 50–100 % of it, at random */
    int64_t wait_ms_max;     /* of one wait */
    int64_t deadline_ms;     /* no try begins later than this after the first; 0: none */
    const silt_clock *clock; /* NULL: the system's, as below */
    const silt_random *random;
} silt_retry_policy;
#define SILT_RETRY_POLICY_INIT          \
    {                                   \
        5, 100, 5000, 60000, NULL, NULL \
    }

/* Wraps `below` (borrowed). `policy` (copied) NULL: SILT_RETRY_POLICY_INIT. NULL when out of
 * memory. */
silt_store *silt_store_retry_new(silt_store *below, const silt_retry_policy *policy);

#endif
