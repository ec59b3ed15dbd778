/* A store that fails where a test says: the n-th call is lost, or its answer is, or the process
 * dies. */
#ifndef SILT_STORE_FAULT_H
#define SILT_STORE_FAULT_H

#include <stdatomic.h>

#include "store/store.h"

typedef enum silt_fault_kind {
    SILT_FAULT_NONE,          /* only counts, and calls the hook */
    SILT_FAULT_BEFORE_EFFECT, /* call n fails and has done nothing */
    SILT_FAULT_AFTER_EFFECT,  /* call n has its effect, the answer is lost */
    SILT_FAULT_CRASH,         /* call n and all later ones fail and do nothing: a dead process */
    SILT_FAULT_CRASH_AFTER,   /* call n has its effect, then the process is dead */
    SILT_FAULT_KILL_BEFORE,   /* SIGKILL, really */
    SILT_FAULT_KILL_MID, /* put, put_new: SIGKILL, and half a temporary file stays; else as BEFORE
                          */
    SILT_FAULT_KILL_AFTER
} silt_fault_kind;

/* Bits of silt_fault_plan.ops. */
typedef enum silt_fault_ops {
    SILT_FAULT_GET = 1,
    SILT_FAULT_LIST = 2,
    SILT_FAULT_HEAD = 4,
    SILT_FAULT_PUT = 8, /* put_hint too */
    SILT_FAULT_PUT_NEW = 16,
    SILT_FAULT_PUT_FILE = 32,
    SILT_FAULT_GET_FILE = 64,
    SILT_FAULT_REMOVE = 128,
    SILT_FAULT_PUTS = SILT_FAULT_PUT | SILT_FAULT_PUT_NEW | SILT_FAULT_PUT_FILE,
    SILT_FAULT_CHANGES = SILT_FAULT_PUTS | SILT_FAULT_REMOVE,
    SILT_FAULT_ALL = 255
} silt_fault_ops;

/* The counter of one simulated process, shared by all of its stores: {0} at its start. */
typedef struct silt_fault_run {
    _Atomic int64_t calls; /* that the plan's ops and key_part let through */
    atomic_bool fired;     /* the fault has happened */
    atomic_bool dead;      /* by CRASH or CRASH_AFTER */
} silt_fault_run;

typedef enum silt_fault_when { SILT_FAULT_BEFORE, SILT_FAULT_AFTER } silt_fault_when;

/* Called around every call (not of a dead process), so that a test can let another process go on in
 * between. `op` is "get", "put_new", …; `key` of a list its folder; `call` is its number from 1, or
 * 0 where it isn't counted. AFTER comes once the effect is there, before its answer is lost. */
typedef void silt_fault_hook(void *ctx, silt_fault_when when, const char *op, const char *key,
                             int64_t call);

typedef struct silt_fault_plan {
    silt_fault_kind kind;
    int64_t at;           /* the call to hit, from 1; never: 0 */
    unsigned ops;         /* which calls count, silt_fault_ops; all: 0 */
    const char *key_part; /* only calls whose key has this in it; any: NULL */
    silt_status
        status; /* the answer of BEFORE_ and AFTER_EFFECT; SILT_OK: IO, a put AFTER: UNSURE */
    bool hide_local_path; /* every byte has to go through get and put */
    silt_fault_run *run;  /* borrowed; NULL: one of the store's own */
    silt_fault_hook *hook;
    void *hook_ctx;
} silt_fault_plan;

/* The cause of an error of a dead process, whose status is FAILED. */
#define SILT_FAULT_DEAD_CAUSE (-9)

/* Wraps `below` (borrowed). The plan is copied, key_part not. NULL when out of memory. */
silt_store *silt_store_fault_new(silt_store *below, const silt_fault_plan *plan);

/* The counter of the plan, or of the store's own. */
silt_fault_run *silt_store_fault_run(silt_store *fault);

#endif
