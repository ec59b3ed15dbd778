/* Reading commits ahead. Places in a ring are taken by threads in the order of the commits and
 * given back by the reader in the same order.
 *
 * Invariants
 *  (1) `lock` guards all of a silt_log_ahead but the content of a place, which is the thread's that
 * took it until it is done, and the reader's from then on. (2) Commits being read or waiting have
 * at most BYTES_MAX together, but for the one that the reader waits for: memory goes neither with
 * the length of the log nor with the number of threads. */
#include "log/ahead.h"

#include <pthread.h>

#include "log/lines.h"

#define PLACES      64
#define THREADS_MAX 8
#define COMMITS_MIN 64 /* for threads to be worth it */
#define BYTES_MAX   ((int64_t)16 * 1024 * 1024)
#define PARSED_MAX  ((size_t)1024 * 1024)

typedef struct place {
    silt_arena *arena;
    silt_log_ahead_commit commit;
    silt_status status;
    silt_error error;
    bool done;
} place;

struct silt_log_ahead {
    silt_store *store;
    int64_t newest;
    const int64_t *sizes; /* by distance from the oldest; may be NULL */
    size_t count;
    size_t taken;    /* commits that threads have begun with */
    size_t given;    /* commits that the reader has been given */
    int64_t pending; /* bytes of those between the two */
    bool quit;
    pthread_mutex_t lock;
    pthread_cond_t room;  /* for threads: another commit may be taken */
    pthread_cond_t ready; /* for the reader: the one it waits for is done */
    pthread_t threads[THREADS_MAX];
    size_t thread_count;
    place places[PLACES];
};

static int64_t size_of(const silt_log_ahead *a, size_t i)
{
    return a->sizes ? a->sizes[a->count - 1 - i] : 0;
}

static silt_status parse_all(silt_log_ahead_commit *c, silt_arena *arena, silt_error *err)
{
    silt_bytes line;
    size_t lines = 0;
    for (size_t at = 0; silt_log_line_next(c->text, &at, &line);)
        lines++;
    silt_action *actions = silt_arena_calloc(arena, lines, sizeof(*actions));
    if (!actions) return silt_fail_nomem(err);
    c->actions = actions;
    for (size_t at = 0; silt_log_line_next(c->text, &at, &line); c->count++)
        SILT_TRY(silt_log_line_parse(c->version, c->text, line, arena, &actions[c->count], err));
    return SILT_OK;
}

/* Commit `i` into its place. */
static void read_one(silt_log_ahead *a, size_t i)
{
    place *p = &a->places[i % PLACES];
    silt_arena_reset(p->arena);
    p->error = (silt_error){0};
    p->commit = (silt_log_ahead_commit){.version = a->newest - (int64_t)i};
    p->status =
        silt_log_commit_text(a->store, p->commit.version, p->arena, &p->commit.text, &p->error);
    if (p->status == SILT_OK && p->commit.text.size <= PARSED_MAX)
        p->status = parse_all(&p->commit, p->arena, &p->error);
}

/* ---- threads */

static bool may_take(const silt_log_ahead *a)
{
    if (a->taken == a->count || a->taken - a->given >= PLACES - 1) return false;
    return a->taken == a->given || a->pending + size_of(a, a->taken) <= BYTES_MAX;
}

static void *work(void *ctx)
{
    silt_log_ahead *a = ctx;
    pthread_mutex_lock(&a->lock);
    while (!a->quit && a->taken < a->count) {
        if (!may_take(a)) {
            pthread_cond_wait(&a->room, &a->lock);
            continue;
        }
        size_t i = a->taken++;
        a->pending += size_of(a, i);
        a->places[i % PLACES].done = false;
        if (may_take(a)) pthread_cond_signal(&a->room); /* another one wakes the next */
        pthread_mutex_unlock(&a->lock);
        read_one(a, i);
        pthread_mutex_lock(&a->lock);
        a->places[i % PLACES].done = true;
        if (i == a->given) pthread_cond_signal(&a->ready);
    }
    pthread_cond_signal(&a->room); /* what woke this one may have been meant for all */
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* Wait for commit `given`; without threads, read it. */
static void await(silt_log_ahead *a)
{
    size_t i = a->given;
    if (a->thread_count == 0) {
        read_one(a, i);
        return;
    }
    pthread_mutex_lock(&a->lock);
    while (a->taken <= i || !a->places[i % PLACES].done)
        pthread_cond_wait(&a->ready, &a->lock);
    pthread_mutex_unlock(&a->lock);
}

silt_status silt_log_ahead_next(silt_log_ahead *ahead, bool *more, silt_log_ahead_commit *out,
                                silt_error *err)
{
    *more = ahead->given < ahead->count;
    if (!*more) return SILT_OK;
    await(ahead);
    const place *p = &ahead->places[ahead->given % PLACES];
    pthread_mutex_lock(&ahead->lock);
    ahead->pending -= ahead->thread_count ? size_of(ahead, ahead->given) : 0;
    ahead->given++;
    pthread_cond_signal(&ahead->room);
    pthread_mutex_unlock(&ahead->lock);
    if (p->status != SILT_OK && err) *err = p->error;
    *out = p->commit;
    return p->status;
}

/* ---- open and close */

static bool make_places(silt_log_ahead *a)
{
    for (size_t i = 0; i < PLACES && i < a->count; i++)
        if (!(a->places[i].arena = silt_arena_new())) return false;
    return true;
}

/* As many as can be had: none is fine. */
static void start_threads(silt_log_ahead *a)
{
    if (a->count < COMMITS_MIN) return;
    while (a->thread_count < THREADS_MAX &&
           pthread_create(&a->threads[a->thread_count], NULL, work, a) == 0)
        a->thread_count++;
}

silt_status silt_log_ahead_open(silt_store *store, const silt_log_segment *segment,
                                silt_log_ahead **out, silt_error *err)
{
    SILT_AUTO(silt_log_ahead) a = calloc(1, sizeof(*a));
    if (!a) return silt_fail_nomem(err);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->room, NULL);
    pthread_cond_init(&a->ready, NULL);
    a->store = store;
    a->newest = segment->version;
    a->sizes = segment->commit_sizes;
    if (segment->version >= segment->first_commit)
        a->count = (size_t)(segment->version - segment->first_commit + 1);
    if (!make_places(a)) return silt_fail_nomem(err);
    start_threads(a);
    *out = SILT_TAKE(a);
    return SILT_OK;
}

void silt_log_ahead_free(silt_log_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    ahead->quit = true;
    pthread_cond_broadcast(&ahead->room);
    pthread_mutex_unlock(&ahead->lock);
    for (size_t i = 0; i < ahead->thread_count; i++)
        pthread_join(ahead->threads[i], NULL);
    for (size_t i = 0; i < PLACES; i++)
        silt_arena_free(ahead->places[i].arena);
    pthread_cond_destroy(&ahead->room);
    pthread_cond_destroy(&ahead->ready);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}
