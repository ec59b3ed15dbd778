/* The pipeline's lock: it saves work, correctness never depends on it.
 *
 * `<checkpoint_path>/pipeline.lock`, JSON. On a local file system the owner also holds an OFD lock
 * on the file, so that the kernel says who lives; elsewhere the owner's process and timeout_at
 * decide.
 * @see docs/exactly-once.md, "The lock" */
#ifndef SILT_LOAD_LOCK_H
#define SILT_LOAD_LOCK_H

#include "base/seam.h"
#include "store/store.h"

#define SILT_LOCK_KEY "pipeline.lock"

/* What a lock file says. Times in µs since 1970 UTC. */
typedef struct silt_lock_info {
    bool present;  /* there is a lock file */
    bool readable; /* and it parses */
    bool alive;    /* and its owner lives, as far as can be known */
    bool assumed;  /* for it can't be asked: `alive` goes by timeout_us alone */
    bool same_host;
    int64_t pid;
    int64_t acquired_us, timeout_us;
    char hostname[128];
    char lock_name[128];
    char token[SILT_UUID_SIZE];
    char run_id[SILT_UUID_SIZE]; /* of the run that it is held for; "": of none */
} silt_lock_info;

typedef struct silt_lock_options {
    const char *name;   /* the pipeline */
    const char *run_id; /* that it is held for: who finds the lock of one that died tells of it in
                           the run history; NULL: none */
    int64_t timeout_minutes;
    int64_t wait_seconds; /* 0: don't wait; -1: for ever */
    bool force;           /* take it from somebody alive */
    const silt_clock *clock;
    const silt_random *random;
    bool (*cancelled)(void *ctx); /* asked while waiting; may be NULL */
    void *cancelled_ctx;
} silt_lock_options;

typedef struct silt_lock silt_lock; /* opaque: the lock, held */

/* `taken_over` (may be NULL) gets what a dead owner left. LOCKED: held by somebody alive (message
 * says who, since when). */
silt_status silt_lock_acquire(silt_store *state, const silt_lock_options *opts, silt_lock **out,
                              silt_lock_info *taken_over, silt_error *err);

/* Move timeout_at ahead when a third of the time is over; cheap to call often. FENCED: the lock
 * isn't ours any more. */
silt_status silt_lock_renew(silt_lock *lock, silt_error *err);

/* FENCED: the lock isn't ours any more. Cost: it is read. */
silt_status silt_lock_check(silt_lock *lock, silt_error *err);

/* Release and give back; NULL is fine. A lock that was taken from us is left alone. */
void silt_lock_free(silt_lock *lock);
SILT_DEFINE_AUTO(silt_lock, silt_lock_free)

/* Look without touching. */
silt_status silt_lock_look(silt_store *state, const silt_clock *clock, silt_lock_info *out,
                           silt_error *err);

/* Delete the lock file, whoever holds it. */
silt_status silt_lock_force(silt_store *state, silt_error *err);

#endif
