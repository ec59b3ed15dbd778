/* Signals are taken by a thread that waits for them: a handler could call nothing of use. */
#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static struct sigaction pipe_before;
static atomic_int seen;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of the two below */
static void (*stop_fn)(void *what);
static void *stop_what;

void cli_signals_start(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, &pipe_before);
    (void)sigaction(SIGXFSZ, &ignore, NULL); /* a file beyond the limit is a failed write */
}

static sigset_t watched(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

static void die_of(int sig)
{
    struct sigaction fatal = {.sa_handler = SIG_DFL};
    (void)sigaction(sig, &fatal, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    (void)raise(sig);
}

static void *wait_for_signals(void *unused)
{
    (void)unused;
    sigset_t set = watched();
    for (;;) {
        int sig;
        if (sigwait(&set, &sig) != 0) continue;
        pthread_mutex_lock(&mutex);
        bool first = stop_fn && atomic_load(&seen) == 0;
        if (first) {
            atomic_store(&seen, sig);
            stop_fn(stop_what);
        }
        pthread_mutex_unlock(&mutex);
        if (!first) die_of(sig);
    }
    return NULL;
}

bool cli_signals_watch(void (*stop)(void *what), void *what)
{
    sigset_t set = watched();
    pthread_t thread;
    pthread_mutex_lock(&mutex);
    stop_fn = stop;
    stop_what = what;
    pthread_mutex_unlock(&mutex);
    /* What nohup ignores stays ignored. */
    struct sigaction hangup;
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN)
        sigdelset(&set, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return false;
    if (pthread_create(&thread, NULL, wait_for_signals, NULL) != 0) {
        (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        return false;
    }
    pthread_detach(thread);
    return true;
}

void cli_signals_forget(void)
{
    pthread_mutex_lock(&mutex);
    stop_fn = NULL;
    pthread_mutex_unlock(&mutex);
}

int cli_signal_seen(void)
{
    return atomic_load(&seen);
}

void cli_signals_die_of_pipe(void)
{
    (void)sigaction(SIGPIPE, &pipe_before, NULL);
    if (pipe_before.sa_handler == SIG_DFL) die_of(SIGPIPE);
}
