#include "sim/turns.h"

#include "base/base.h"
#include "base/hash.h"

void turns_init(turns *t, uint64_t seed)
{
    static const size_t stickiness[] = {0, 500, 800, 950, 990};
    *t = (turns){.turn = -1, .random = {silt_hash64(&seed, sizeof(seed))}};
    t->sticky = stickiness[test_random_below(&t->random, SILT_COUNT(stickiness))];
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->change, NULL);
}

void turns_release(turns *t)
{
    pthread_cond_destroy(&t->change);
    pthread_mutex_destroy(&t->lock);
}

/* When all that live wait: draw. */
static void draw(turns *t)
{
    int live[TURNS_THREADS], count = 0;
    for (int i = 0; i < TURNS_THREADS; i++) {
        if (t->ended[i]) continue;
        if (!t->waiting[i]) return;
        live[count++] = i;
    }
    if (!count) return;
    bool stay = !t->ended[t->last] && test_random_below(&t->random, 1000) < t->sticky;
    t->turn = stay ? t->last : live[test_random_below(&t->random, (size_t)count)];
    t->last = t->turn;
    pthread_cond_broadcast(&t->change);
}

void turns_wait(turns *t, int id)
{
    pthread_mutex_lock(&t->lock);
    t->waiting[id] = true;
    t->turn = -1;
    draw(t);
    while (t->turn != id)
        pthread_cond_wait(&t->change, &t->lock);
    t->waiting[id] = false;
    pthread_mutex_unlock(&t->lock);
}

void turns_end(turns *t, int id)
{
    pthread_mutex_lock(&t->lock);
    t->ended[id] = true;
    t->turn = -1;
    draw(t);
    pthread_mutex_unlock(&t->lock);
}

void turns_hook(void *place, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    const turns_place *p = place;
    (void)op, (void)key, (void)call;
    if (when == SILT_FAULT_BEFORE) turns_wait(p->turns, p->id);
}
