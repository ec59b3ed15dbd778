/* COPY to a descriptor. */
#include "engine/duckdb_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define PIPE_BYTES (1024 * 1024)

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

/* When the target fails the pipe is still drained, so that the query ends by the interrupt and not
 * by a signal. */
static void *carry(void *arg)
{
    silt_duck_pipe *p = arg;
    char *buffer = malloc(PIPE_BYTES / 4);
    sigset_t all;
    sigfillset(&all); /* the target's SIGPIPE stays pending in this thread and ends with it */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    if (!buffer) p->error = ENOMEM;
    for (;;) {
        char drain[512];
        ssize_t n = read(p->in, buffer ? buffer : drain, buffer ? PIPE_BYTES / 4 : sizeof drain);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        if (p->error || write_all(p->target, buffer, (size_t)n)) continue;
        p->error = errno;
        silt_duck.interrupt(p->db->connection);
    }
    free(buffer);
    return NULL;
}

silt_status silt_duck_pipe_open(silt_duck_pipe *p, silt_duck_engine *db, int target,
                                silt_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return silt_fail_errno(err, errno, "pipe");
    *p = (silt_duck_pipe){.db = db, .in = ends[0], .out = ends[1], .target = target};
    (void)fcntl(p->out, F_SETPIPE_SZ, PIPE_BYTES); /* fewer switches, if we may */
    (void)snprintf(p->path, sizeof p->path, "/dev/fd/%d", p->out);
    int failed = pthread_create(&p->carrier, NULL, carry, p);
    if (!failed) return SILT_OK;
    close(p->in);
    close(p->out);
    return silt_fail_errno(err, failed, "thread for standard output");
}

silt_status silt_duck_pipe_close(silt_duck_pipe *p, silt_status st, silt_error *err)
{
    close(p->out);
    pthread_join(p->carrier, NULL);
    close(p->in);
    if (p->error) return silt_fail_errno(err, p->error, "standard output");
    return st;
}
