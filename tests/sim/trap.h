/* A trap for processes: system calls that change files below a folder are counted, and one of them
 * kills, or fails. The calls are the program's own names before libc's, so one file of a program
 * includes this.
 */
#ifndef SILT_SIM_TRAP_H
#define SILT_SIM_TRAP_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

typedef enum when { BEFORE, MID, AFTER, WHENS } when;
static const char *const whens[] = {"before", "mid", "after"};

static struct {
    const char *dir; /* absolute */
    bool armed;
    when when;
    int64_t at;
    const char *only;   /* part of the path; NULL: any */
    const char *except; /* paths with this in it; NULL: none */
    int slow_ms;        /* each takes so long */
    int error;          /* it and all behind it fail with this errno; 0: it kills */
} trap;

static _Atomic int64_t *trap_calls; /* how many there were; set by the program */

static bool is_ours(const char *path)
{
    return path && strstr(path, trap.dir) == path && (!trap.only || strstr(path, trap.only)) &&
           !(trap.except && strstr(path, trap.except));
}

static bool is_hit(const char *path)
{
    if (!trap.armed || !is_ours(path)) return false;
    if (trap.slow_ms) usleep((useconds_t)trap.slow_ms * 1000);
    int64_t call = atomic_fetch_add(trap_calls, 1) + 1;
    if (trap.error) return trap.at && call >= trap.at;
    if (call != trap.at) return false;
    if (trap.when == BEFORE) raise(SIGKILL);
    return true;
}

static bool is_hit_fd(int fd)
{
    if (!trap.armed) return false;
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return is_hit(path);
}

static long done(bool hit, long result)
{
    if (hit) raise(SIGKILL);
    return result;
}

static int fail_call(void)
{
    errno = trap.error;
    return -1;
}

#define PATH_CALL(name, path, ...)               \
    bool hit = is_hit(path);                     \
    if (hit && trap.error) return fail_call();   \
    if (hit && trap.when == MID) raise(SIGKILL); \
    return (int)done(hit, syscall(SYS_##name, __VA_ARGS__))
#define FD_CALL(name, fd, ...)                   \
    bool hit = is_hit_fd(fd);                    \
    if (hit && trap.error) return fail_call();   \
    if (hit && trap.when == MID) raise(SIGKILL); \
    return (int)done(hit, syscall(SYS_##name, __VA_ARGS__))

int link(const char *from, const char *to)
{
    PATH_CALL(link, to, from, to);
}

int rename(const char *from, const char *to)
{
    PATH_CALL(rename, to, from, to);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    PATH_CALL(renameat2, to, a, from, b, to, flags);
}

int unlink(const char *path)
{
    PATH_CALL(unlink, path, path);
}

int mkdir(const char *path, mode_t permissions)
{
    PATH_CALL(mkdir, path, path, permissions);
}

int rmdir(const char *path)
{
    PATH_CALL(rmdir, path, path);
}

int fsync(int fd)
{
    FD_CALL(fsync, fd, fd);
}

int ftruncate(int fd, off_t size) /* that is, by its 64-bit name */
{
    FD_CALL(ftruncate, fd, fd, size);
}

ssize_t write(int fd, const void *data, size_t size)
{
    bool hit = is_hit_fd(fd);
    if (hit && trap.error) return fail_call();
    if (hit && trap.when == MID) size /= 2;
    return done(hit, syscall(SYS_write, fd, data, size));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    bool hit = is_hit_fd(fd);
    if (hit && trap.error) return fail_call();
    if (hit && trap.when == MID) size /= 2;
    return done(hit, syscall(SYS_pwrite64, fd, data, size, at));
}

/* And by the names that code without large files uses. */
int short_ftruncate(int fd, off_t size) __asm__("ftruncate");
ssize_t short_pwrite(int fd, const void *data, size_t size, off_t at) __asm__("pwrite");

int short_ftruncate(int fd, off_t size)
{
    return ftruncate(fd, size);
}

ssize_t short_pwrite(int fd, const void *data, size_t size, off_t at)
{
    return pwrite(fd, data, size, at);
}

#endif
