/* Threads of which one goes at a time: at each call of turns_wait() a seeded draw says who goes on.
 */
#ifndef SILT_SIM_TURNS_H
#define SILT_SIM_TURNS_H

#include <pthread.h>

#include "store/fault.h"
#include "support/random.h"

enum { TURNS_THREADS = 2 };

typedef struct turns {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool waiting[TURNS_THREADS], ended[TURNS_THREADS];
    int turn; /* -1: nobody's, until all wait */
    test_random random;
    size_t sticky; /* in a thousand: how often the same goes on */
    int last;
} turns;

void turns_init(turns *t, uint64_t seed);
void turns_release(turns *t);
void turns_wait(turns *t, int id);
/* This thread is over; each says so. */
void turns_end(turns *t, int id);

/* A thread's place in it: the context of turns_hook(), which waits before each call of a store. */
typedef struct turns_place {
    turns *turns;
    int id;
} turns_place;
void turns_hook(void *place, silt_fault_when when, const char *op, const char *key, int64_t call);

#endif
