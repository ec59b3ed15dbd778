/* Local files: whole reads and writes, whatever the system calls make of them. */
#include "store/local.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_MAX ((size_t)1 << 30) /* Linux writes at most 2 GiB in one call */
#define COPY_SIZE ((size_t)256 * 1024)

void silt_fd_release(silt_fd *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

int silt_local_open(const char *path, silt_fd *fd, int64_t *size_bytes)
{
    SILT_CLEAN(silt_fd) opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (opened < 0) return errno;
    struct stat st;
    if (fstat(opened, &st) != 0) return errno;
    if (S_ISDIR(st.st_mode)) return EISDIR;
    if (!S_ISREG(st.st_mode)) return EINVAL;
    *size_bytes = st.st_size;
    *fd = opened;
    opened = -1;
    return 0;
}

silt_status silt_local_fail_source(int errnum, const char *path, silt_error *err)
{
    if (errnum == EISDIR || errnum == EINVAL)
        return silt_fail(err, SILT_INVALID, "%s is not a regular file", path);
    return silt_fail_errno(err, errnum, "open %s", path);
}

silt_status silt_local_fail_target(int errnum, const char *path, silt_error *err)
{
    silt_status st = silt_fail_errno(err, errnum, "write %s", path);
    if (st != SILT_NOT_FOUND) return st;
    if (err) err->status = SILT_IO;
    return SILT_IO;
}

int silt_local_read(int fd, int64_t offset, void *data, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = pread(fd, (char *)data + *got, size - *got, (off_t)(offset + (int64_t)*got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (n == 0) return 0;
        *got += (size_t)n;
    }
    return 0;
}

int silt_local_write(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size) {
        ssize_t n = write(fd, at, size < WRITE_MAX ? size : WRITE_MAX);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : EIO;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

int silt_local_copy(int from, int to)
{
    SILT_FREE char *space = malloc(COPY_SIZE);
    if (!space) return ENOMEM;
    for (int64_t offset = 0;;) {
        size_t got;
        int e = silt_local_read(from, offset, space, COPY_SIZE, &got);
        if (e || got == 0) return e;
        e = silt_local_write(to, space, got);
        if (e) return e;
        offset += (int64_t)got;
    }
}

static int open_anew(const char *path, silt_fd *fd)
{
    if (unlink(path) != 0 && errno != ENOENT) return errno;
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return *fd < 0 ? errno : 0;
}

/* A disk that is full may say so only now. */
static int close_written(silt_fd *fd, const char *path, int e)
{
    int closed = close(*fd) == 0 || errno == EINTR ? 0 : errno;
    *fd = -1;
    if (!e) e = closed;
    if (e) unlink(path);
    return e;
}

int silt_local_write_file(const char *path, const void *data, size_t size)
{
    SILT_CLEAN(silt_fd) fd = -1;
    int e = open_anew(path, &fd);
    return e ? e : close_written(&fd, path, silt_local_write(fd, data, size));
}

int silt_local_copy_file(int from, const char *path)
{
    SILT_CLEAN(silt_fd) fd = -1;
    int e = open_anew(path, &fd);
    return e ? e : close_written(&fd, path, silt_local_copy(from, fd));
}
