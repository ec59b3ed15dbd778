/* Local files, for the stores that move bytes between them and a place. Functions answer 0 or an
 * errno, so that the caller, who knows the names, says what failed. */
#ifndef SILT_STORE_LOCAL_H
#define SILT_STORE_LOCAL_H

#include "base/base.h"

/* SILT_CLEAN(silt_fd) fd = -1; is closed at the end of the scope. */
typedef int silt_fd;
void silt_fd_release(silt_fd *fd);

/* Open for reading. EISDIR for a folder, EINVAL for what isn't a file (and never waits for a pipe).
 */
int silt_local_open(const char *path, silt_fd *fd, int64_t *size_bytes);

/* What it means when the source of a put_file can't be opened: NOT_FOUND, INVALID, DENIED, IO. */
silt_status silt_local_fail_source(int errnum, const char *path, silt_error *err);
/* The same for the local file of a get_file; never NOT_FOUND, which is about the object. */
silt_status silt_local_fail_target(int errnum, const char *path, silt_error *err);

/* `size` bytes from `offset`; `*got` is less only where the file ends. */
int silt_local_read(int fd, int64_t offset, void *data, size_t size, size_t *got);
int silt_local_write(int fd, const void *data, size_t size);
int silt_local_copy(int from, int to); /* from the start of `from` to its end */

/* A file as a whole: made anew (what was there is unlinked, so that nobody who reads it sees a
 * change), gone again on failure. Not durable. */
int silt_local_write_file(const char *path, const void *data, size_t size);
int silt_local_copy_file(int from, const char *path);

#endif
