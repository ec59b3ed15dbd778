/* The local file system as a store: opening, reading, deleting. Puts are in file_put.c, listings in
 * file_list.c. An object is the regular file at root/key; symbolic links are followed. */
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/local.h"

static silt_store_file *self(silt_store *store)
{
    return (silt_store_file *)store;
}

silt_status silt_store_file_path(const silt_store_file *store, const char *key, char out[PATH_MAX],
                                 silt_error *err)
{
    SILT_TRY(silt_store_check_key(key, err));
    size_t root_size = strlen(store->root), key_size = strlen(key);
    if (root_size + 1 + key_size >= PATH_MAX)
        return silt_fail(err, SILT_INVALID, "the path is too long: %s/%s", store->root, key);
    memcpy(out, store->root, root_size);
    out[root_size] = '/';
    memcpy(out + root_size + 1, key, key_size + 1);
    return SILT_OK;
}

silt_status silt_store_file_fail_read(const silt_store_file *store, int errnum, const char *what,
                                      const char *path, silt_error *err)
{
    struct stat root;
    if (errnum == ENOTDIR && stat(store->root, &root) == 0 && !S_ISDIR(root.st_mode)) {
        silt_fail(err, SILT_IO, "%s is not a folder", store->root);
        if (err) err->cause = ENOTDIR;
        return SILT_IO;
    }
    silt_status st = silt_fail_errno(err, errnum, "%s %s", what, path);
    if (errnum == EISDIR) { /* a folder isn't an object */
        st = SILT_NOT_FOUND;
        if (err) err->status = st;
    }
    if (st == SILT_DENIED)
        silt_hint(err, st, "let the user that runs this read it and enter the folders above it");
    return st;
}

static silt_status file_get(silt_store *store, const char *key, int64_t offset, int64_t length,
                            silt_arena *arena, silt_bytes *out, silt_error *err)
{
    char path[PATH_MAX];
    SILT_TRY(silt_store_check_range(key, offset, length, err));
    SILT_TRY(silt_store_file_path(self(store), key, path, err));

    SILT_CLEAN(silt_fd) fd = -1;
    int64_t size = 0;
    int e = silt_local_open(path, &fd, &size);
    if (e) return silt_store_file_fail_read(self(store), e, "open", path, err);

    int64_t left = offset < size ? size - offset : 0;
    if (length < 0 || length > left) length = left;
    char *data = silt_arena_alloc(arena, (size_t)length + 1);
    if (!data) return silt_fail_nomem(err);
    size_t got;
    e = silt_local_read(fd, offset, data, (size_t)length, &got);
    if (e) return silt_store_file_fail_read(self(store), e, "read", path, err);
    data[got] = '\0';
    *out = (silt_bytes){data, got};
    return SILT_OK;
}

static silt_status file_head(silt_store *store, const char *key, silt_arena *arena,
                             silt_object *out, silt_error *err)
{
    char path[PATH_MAX];
    SILT_TRY(silt_store_file_path(self(store), key, path, err));
    struct stat st;
    if (stat(path, &st) != 0)
        return silt_store_file_fail_read(self(store), errno, "stat", path, err);
    if (!S_ISREG(st.st_mode))
        return silt_store_file_fail_read(self(store), EISDIR, "stat", path, err);
    const char *copy = silt_arena_strdup(arena, key);
    if (!copy) return silt_fail_nomem(err);
    *out = (silt_object){
        .key = copy,
        .size_bytes = st.st_size,
        .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
    };
    return SILT_OK;
}

static silt_status file_get_file(silt_store *store, const char *key, const char *local_path,
                                 silt_error *err)
{
    char path[PATH_MAX];
    SILT_TRY(silt_store_file_path(self(store), key, path, err));
    SILT_CLEAN(silt_fd) fd = -1;
    int64_t size;
    int e = silt_local_open(path, &fd, &size);
    if (e) return silt_store_file_fail_read(self(store), e, "open", path, err);

    struct stat object, there;
    if (fstat(fd, &object) == 0 && lstat(local_path, &there) == 0 &&
        object.st_dev == there.st_dev && object.st_ino == there.st_ino)
        return SILT_OK; /* a link already, or the object itself: not to be unlinked */
    if (unlink(local_path) != 0 && errno != ENOENT)
        return silt_local_fail_target(errno, local_path, err);
    if (linkat(AT_FDCWD, path, AT_FDCWD, local_path, AT_SYMLINK_FOLLOW) == 0) return SILT_OK;
    /* Another file system, or one without links, or a file that we may read but not link. A
     * symbolic link would do, but changes under the reader when the object is replaced or deleted.
     */
    e = silt_local_copy_file(fd, local_path);
    return e ? silt_local_fail_target(e, local_path, err) : SILT_OK;
}

static silt_status file_remove(silt_store *store, const char *key, silt_error *err)
{
    char path[PATH_MAX];
    SILT_TRY(silt_store_file_path(self(store), key, path, err));
    if (unlink(path) == 0 || errno == ENOENT || errno == EISDIR) return SILT_OK;
    silt_status st = silt_store_file_fail_read(self(store), errno, "delete", path, err);
    return st == SILT_NOT_FOUND ? SILT_OK : st;
}

static const char *file_local_path(silt_store *store, const char *key, silt_arena *arena)
{
    const char *root = self(store)->root;
    if (*key == '\0') return silt_arena_strdup(arena, *root ? root : "/");
    if (silt_store_check_key(key, NULL) != SILT_OK) return NULL;
    return silt_arena_printf(arena, "%s/%s", root, key);
}

static void file_free(silt_store *store)
{
    free(self(store)->uri);
    free(self(store)->root);
    free(store);
}

static const silt_store_ops file_ops = {
    .kind = "file",
    .get = file_get,
    .list = silt_store_file_list,
    .head = file_head,
    .put = silt_store_file_put,
    .put_hint = silt_store_file_put_hint,
    .put_new = silt_store_file_put_new,
    .put_file = silt_store_file_put_file,
    .get_file = file_get_file,
    .remove = file_remove,
    .local_path = file_local_path,
    .free = file_free,
};

/* `path` without empty and "." parts, behind `out`; ".." stays, as it may follow a symbolic link.
 */
static void append_parts(silt_buf *out, const char *path)
{
    while (*path) {
        size_t size = strcspn(path, "/");
        if (size > 0 && !(size == 1 && path[0] == '.')) {
            silt_buf_putc(out, '/');
            silt_buf_append(out, path, size);
        }
        path += size + (path[size] == '/');
    }
}

silt_status silt_store_file_new(const char *root, const char *uri, bool durable, silt_store **out,
                                silt_error *err)
{
    /* Absolute, so that the store stays where it is when the process changes its folder. */
    SILT_CLEAN(silt_buf) path = {0};
    if (root[0] != '/') {
        char folder[PATH_MAX];
        if (!getcwd(folder, sizeof(folder)))
            return silt_fail_errno(err, errno, "%s: the present working folder", root);
        append_parts(&path, folder);
    }
    append_parts(&path, root);
    if (path.failed) return silt_fail_nomem(err);
    if (path.size >= PATH_MAX) return silt_fail(err, SILT_INVALID, "the path is too long: %s", uri);

    silt_store_file *store = calloc(1, sizeof(*store));
    if (!store) return silt_fail_nomem(err);
    store->uri = strdup(uri);
    store->root = strdup(path.data ? path.data : "");
    store->durable = durable;
    store->base = (silt_store){&file_ops, store->uri};
    if (!store->uri || !store->root) {
        file_free(&store->base);
        return silt_fail_nomem(err);
    }
    *out = &store->base;
    return SILT_OK;
}
