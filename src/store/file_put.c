/* Puts into the local file system.
 *
 * Invariants
 *  (1) An object's name only ever leads to a whole body: bytes are written, and made durable, under
 * a temporary name in the same folder before one system call gives them the object's name. (2)
 * put_new: that call fails when the name is taken (RENAME_NOREPLACE, or link() where the file
 *      system doesn't know it). There is no moment between looking and taking.
 *  (3) SILT_OK: the bytes, the name, and every folder on the way that was made are durable (but
 *      for put_hint).
 *  (4) SILT_UNSURE: the name may have been given, or not durably. Any other failure: it wasn't, and
 *      nothing is left that could do so later.
 *  (5) A crash leaves temporary names only. They are never listed and never read. */
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/seam.h"
#include "store/local.h"

#define TRIES     3 /* against a folder that somebody deletes meanwhile */
#define TEMP_SIZE (sizeof(SILT_STORE_TEMP_PREFIX) + SILT_UUID_SIZE)

/* Where a put goes. SILT_CLEAN(target) t = {.dir = -1, .fd = -1}; */
typedef struct target {
    char path[PATH_MAX];  /* of the object, for messages */
    const char *name;     /* its last part */
    silt_fd dir;          /* the folder */
    silt_fd fd;           /* the temporary file, while it is written */
    char temp[TEMP_SIZE]; /* its name in the folder, "" once it is gone */
} target;

static void target_release(target *t)
{
    silt_fd_release(&t->fd);
    if (t->temp[0]) unlinkat(t->dir, t->temp, 0);
    silt_fd_release(&t->dir);
}

/* A put is never NOT_FOUND or EXISTS because of a folder on the way. */
static silt_status fail_write(silt_error *err, int errnum, const char *what, const char *path)
{
    silt_status st = silt_fail_errno(err, errnum, "%s %s", what, path);
    if (st == SILT_NOSPACE)
        return silt_hint(err, st, "free some space there, or raise the quota; nothing was changed");
    if (st == SILT_DENIED)
        return silt_hint(err, st, "let the user that runs this write to the folder");
    if (st != SILT_NOT_FOUND && st != SILT_EXISTS) return st;
    if (err) err->status = SILT_IO;
    return SILT_IO;
}

/* How a file system says that it doesn't have something. */
static bool is_unknown_call(int errnum)
{
    return errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP;
}

/* ---- folders */

/* Where a folder can't be synced there is nothing more to be had. */
static int sync_folder(int dir)
{
    return fsync(dir) == 0 || is_unknown_call(errno) ? 0 : errno;
}

static int open_folder(const char *path)
{
    return open(*path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static size_t parent_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static int sync_parent(const char *path)
{
    char parent[PATH_MAX];
    size_t size = parent_size(path);
    memcpy(parent, path, size);
    parent[size] = '\0';
    SILT_CLEAN(silt_fd) dir = open_folder(parent);
    return dir < 0 ? errno : sync_folder(dir);
}

/* A folder that somebody else made just now counts as made: it may not be durable yet. */
static int make_folder(const char *path, bool durable)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) return errno;
    return durable ? sync_parent(path) : 0;
}

/* mkdir -p: up to where one can be made, then down again. */
static int make_folders(const char *folder, bool durable)
{
    char path[PATH_MAX];
    size_t size = strlen(folder), at = size;
    memcpy(path, folder, size + 1);
    int e;
    while ((e = make_folder(path, durable)) == ENOENT && (at = parent_size(path)) > 0)
        path[at] = '\0';
    while (e == 0 && at < size) {
        path[at] = '/';
        at += strlen(path + at);
        e = make_folder(path, durable);
    }
    return e;
}

/* Opens the folder of `t->path`, made where it is missing. */
static int open_target_folder(const silt_store_file *s, target *t)
{
    char folder[PATH_MAX];
    size_t size = parent_size(t->path);
    memcpy(folder, t->path, size);
    folder[size] = '\0';
    t->name = t->path + size + 1;
    int e = ENOENT;
    for (int i = 0; i < TRIES && e == ENOENT; i++) {
        t->dir = open_folder(folder);
        if (t->dir >= 0) return 0;
        e = errno;
        if (e != ENOENT) return e;
        int made = make_folders(folder, s->durable);
        if (made && made != ENOENT) return made;
    }
    return e;
}

static silt_status open_target(const silt_store_file *s, const char *key, target *t,
                               silt_error *err)
{
    SILT_TRY(silt_store_file_path(s, key, t->path, err));
    int e = open_target_folder(s, t);
    return e ? fail_write(err, e, "open the folder of", t->path) : SILT_OK;
}

/* ---- the temporary file */

static int create_temp(target *t)
{
    int e = EEXIST;
    for (int i = 0; i < TRIES && e == EEXIST; i++) {
        char temp[TEMP_SIZE] = SILT_STORE_TEMP_PREFIX;
        silt_uuid(NULL, temp + sizeof(SILT_STORE_TEMP_PREFIX) - 1);
        t->fd = openat(t->dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (t->fd >= 0) {
            memcpy(t->temp, temp, sizeof(temp)); /* only now is it ours to unlink */
            return 0;
        }
        e = errno;
    }
    return e;
}

/* As create_temp, but a folder that was deleted since it was opened is made again. */
static silt_status begin_temp(const silt_store_file *s, target *t, silt_error *err)
{
    int e = ENOENT;
    for (int i = 0; i < TRIES && e == ENOENT; i++) {
        e = create_temp(t);
        if (e != ENOENT) break;
        silt_fd_release(&t->dir);
        int opened = open_target_folder(s, t);
        if (opened) return fail_write(err, opened, "open the folder of", t->path);
    }
    return e ? fail_write(err, e, "create a temporary file for", t->path) : SILT_OK;
}

/* After this the bytes are durable, or it has failed: a disk that is full may say so only now. */
static int finish_temp(const silt_store_file *s, target *t)
{
    if (s->durable && fsync(t->fd) != 0) return errno;
    int closed = close(t->fd);
    t->fd = -1;
    return closed == 0 || errno == EINTR ? 0 : errno;
}

/* ---- giving the name */

/* Whether a rename or link that answered so has surely done nothing. ENOENT isn't among them: NFS
 * repeats a rename whose answer was lost, and then doesn't find the old name. */
static bool surely_not_done(int errnum)
{
    switch (errnum) {
    case EEXIST:
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOSPC:
    case EDQUOT:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV:
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
    case ENOMEM:
    case EMLINK:
    case EBUSY:
        return true;
    default:
        return false;
    }
}

/* For file systems without RENAME_NOREPLACE. link() never replaces; where its answer may be lost
 * (NFS), two names of the temporary file say that it was done. */
static int link_new(const target *t)
{
    if (linkat(t->dir, t->temp, t->dir, t->name, 0) == 0) return 0;
    int e = errno;
    struct stat st;
    return fstatat(t->dir, t->temp, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink == 2 ? 0 : e;
}

static int rename_new(target *t)
{
    if (renameat2(t->dir, t->temp, t->dir, t->name, RENAME_NOREPLACE) == 0) {
        t->temp[0] = '\0';
        return 0;
    }
    if (!is_unknown_call(errno)) return errno;
    int e = link_new(t); /* the temporary name goes with the target */
    return e == EPERM || is_unknown_call(e) ? EOPNOTSUPP : e;
}

/* Hadoop's local file system (Spark's) keeps sums beside files and refuses one that doesn't match:
 * those of a body that is replaced go first. Without sums it asks for none. */
static void drop_hadoop_sums(const target *t)
{
    char sums[NAME_MAX + sizeof("..crc")];
    snprintf(sums, sizeof(sums), ".%s.crc", t->name);
    unlinkat(t->dir, sums, 0);
}

static int rename_over(target *t)
{
    drop_hadoop_sums(t);
    if (renameat(t->dir, t->temp, t->dir, t->name) != 0) return errno;
    t->temp[0] = '\0';
    return 0;
}

/* What the one call that gives the name has answered; then the folder is made durable. */
static silt_status conclude(const silt_store_file *s, const target *t, int e, silt_error *err)
{
    if (e == EEXIST) {
        silt_fail(err, SILT_EXISTS, "%s exists", t->path);
        if (err) err->cause = EEXIST;
        return SILT_EXISTS;
    }
    if (e == EOPNOTSUPP) {
        silt_fail(err, SILT_UNSUPPORTED, "%s: the file system can't give a name only if it is free",
                  t->path);
        return silt_hint(err, SILT_UNSUPPORTED, "put the table where rename or link can do that");
    }
    if (e && surely_not_done(e)) return fail_write(err, e, "rename to", t->path);
    if (e) {
        silt_fail_errno(err, e, "rename to %s", t->path);
        return silt_wrap(err, SILT_UNSURE, "written or not");
    }
    e = s->durable ? sync_folder(t->dir) : 0;
    if (!e) return SILT_OK;
    silt_fail_errno(err, e, "sync the folder of %s", t->path);
    return silt_wrap(err, SILT_UNSURE, "written, but perhaps not durably");
}

/* ---- operations */

static silt_status write_temp(const silt_store_file *s, target *t, silt_bytes body, silt_error *err)
{
    SILT_TRY(begin_temp(s, t, err));
    int e = silt_local_write(t->fd, body.data, body.size);
    if (!e) e = finish_temp(s, t);
    return e ? fail_write(err, e, "write", t->path) : SILT_OK;
}

silt_status silt_store_file_put(silt_store *store, const char *key, silt_bytes body,
                                silt_error *err)
{
    const silt_store_file *s = (silt_store_file *)store;
    SILT_CLEAN(target) t = {.dir = -1, .fd = -1};
    SILT_TRY(open_target(s, key, &t, err));
    SILT_TRY(write_temp(s, &t, body, err));
    return conclude(s, &t, rename_over(&t), err);
}

silt_status silt_store_file_put_hint(silt_store *store, const char *key, silt_bytes body,
                                     silt_error *err)
{
    silt_store_file hasty = *(silt_store_file *)store;
    hasty.durable = false;
    return silt_store_file_put(&hasty.base, key, body, err);
}

silt_status silt_store_file_put_new(silt_store *store, const char *key, silt_bytes body,
                                    silt_error *err)
{
    const silt_store_file *s = (silt_store_file *)store;
    SILT_CLEAN(target) t = {.dir = -1, .fd = -1};
    SILT_TRY(open_target(s, key, &t, err));
    /* Saves the writer who is late the fsync; the rename is what decides. */
    if (faccessat(t.dir, t.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return conclude(s, &t, EEXIST, err);
    SILT_TRY(write_temp(s, &t, body, err));
    return conclude(s, &t, rename_new(&t), err);
}

/* The file is copied when it can't be moved: another file system, or a symbolic link. */
static silt_status put_copy(const silt_store_file *s, target *t, int from, const char *local_path,
                            silt_error *err)
{
    SILT_TRY(begin_temp(s, t, err));
    int e = silt_local_copy(from, t->fd);
    if (!e) e = finish_temp(s, t);
    if (e) {
        fail_write(err, e, "copy to", t->path);
        return silt_wrap(err, err ? err->status : SILT_IO, "%s", local_path);
    }
    SILT_TRY(conclude(s, t, rename_over(t), err));
    unlink(local_path); /* the object stands: a source that can't be deleted doesn't change that */
    return SILT_OK;
}

silt_status silt_store_file_put_file(silt_store *store, const char *key, const char *local_path,
                                     silt_error *err)
{
    const silt_store_file *s = (silt_store_file *)store;
    SILT_CLEAN(target) t = {.dir = -1, .fd = -1};
    SILT_CLEAN(silt_fd) from = -1;
    int64_t size;
    SILT_TRY(silt_store_check_key(key, err));
    int e = silt_local_open(local_path, &from, &size);
    if (e) return silt_local_fail_source(e, local_path, err);
    SILT_TRY(open_target(s, key, &t, err));

    struct stat st;
    if (lstat(local_path, &st) != 0 || S_ISLNK(st.st_mode))
        return put_copy(s, &t, from, local_path, err);
    if (s->durable && fsync(from) != 0) return fail_write(err, errno, "sync", local_path);
    drop_hadoop_sums(&t);
    if (renameat(AT_FDCWD, local_path, t.dir, t.name) == 0) return conclude(s, &t, 0, err);
    if (errno == EXDEV) return put_copy(s, &t, from, local_path, err);
    return conclude(s, &t, errno, err);
}

silt_status silt_store_file_leave_half(silt_store *store, const char *key, silt_bytes body,
                                       silt_error *err)
{
    const silt_store_file *s = (silt_store_file *)store;
    if (store->ops->put != silt_store_file_put)
        return silt_fail(err, SILT_UNSUPPORTED, "%s: not a store in the file system", store->uri);
    SILT_CLEAN(target) t = {.dir = -1, .fd = -1};
    SILT_TRY(open_target(s, key, &t, err));
    SILT_TRY(begin_temp(s, &t, err));
    int e = silt_local_write(t.fd, body.data, body.size / 2);
    t.temp[0] = '\0';
    return e ? fail_write(err, e, "write", t.path) : SILT_OK;
}
