/* Listing the local file system in byte order of whole keys.
 *
 * A folder's entries are read, sorted, and gone through one after the other, folders in their
 * place. A folder sorts as its name and '/': all of its keys begin with that, so they stand
 * together, and "a.b" comes before "a/b" as it must ('.' is 2E, '/' is 2F), though "a" comes before
 * "a.b". What start_after rules out is dropped while reading: whole folders are then never opened,
 * and only what is left is sorted and asked for its size. */
#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/local.h"

typedef SILT_VEC(size_t) offset_vec;

/* The entries of one folder: names that end in NUL, those of folders in '/' and NUL. */
typedef struct entries {
    silt_buf names;
    offset_vec offsets;
} entries;

static void entries_release(entries *e)
{
    silt_buf_release(&e->names);
    silt_vec_free(&e->offsets);
}

typedef struct walk {
    const silt_store_file *store;
    const char *start_after;
    bool recursive, ended;
    silt_list_fn *fn;
    void *ctx;
    silt_buf key;
    silt_error *err;
} walk;

static void walk_release(walk *w)
{
    silt_buf_release(&w->key);
}

/* The folders that a folder is in, to see a symbolic link that leads back. */
typedef struct level {
    dev_t dev;
    ino_t ino;
    const struct level *up;
} level;

typedef DIR *dir_handle;

static void dir_handle_release(dir_handle *dir)
{
    if (*dir) closedir(*dir);
}

static silt_status fail_at(walk *w, int errnum, const char *what)
{
    char path[PATH_MAX + 1];
    int size = snprintf(path, sizeof(path), "%s/%s", w->store->root, silt_buf_bytes(&w->key).data);
    if (size > 0 && size < (int)sizeof(path) && path[size - 1] == '/') path[size - 1] = '\0';
    return silt_store_file_fail_read(w->store, errnum, what, path, w->err);
}

/* 'f' a file, 'd' a folder, 0 anything else, or gone. */
static char kind_of(int dir, const struct dirent *entry)
{
    if (entry->d_type == DT_REG) return 'f';
    if (entry->d_type == DT_DIR) return 'd';
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) return 0;
    struct stat st;
    if (fstatat(dir, entry->d_name, &st, 0) != 0) return 0;
    return S_ISREG(st.st_mode) ? 'f' : S_ISDIR(st.st_mode) ? 'd' : 0;
}

static bool is_wanted_name(const char *name)
{
    if (strncmp(name, SILT_STORE_TEMP_PREFIX, sizeof(SILT_STORE_TEMP_PREFIX) - 1) == 0)
        return false;
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Whether a key that is, or for a folder may start with, `name` can be greater than `after`. */
static bool is_after(const char *name, size_t size, const char *after)
{
    if (!after) return true;
    return name[size - 1] == '/' ? strncmp(after, name, size) <= 0 : strcmp(name, after) > 0;
}

/* What start_after is within the folder `w->key`; NULL: all of it comes after. */
static const char *start_within(const walk *w)
{
    if (!w->start_after) return NULL;
    return strncmp(w->start_after, silt_buf_bytes(&w->key).data, w->key.size) == 0
               ? w->start_after + w->key.size
               : NULL; /* it is less: folders that it is greater than aren't entered */
}

static bool add_entry(entries *e, const char *name, bool folder, const char *after)
{
    size_t offset = e->names.size;
    silt_buf_puts(&e->names, name);
    if (folder) silt_buf_putc(&e->names, '/');
    silt_buf_putc(&e->names, '\0');
    if (e->names.failed) return false;
    if (is_after(e->names.data + offset, e->names.size - offset - 1, after))
        return silt_vec_push(&e->offsets, offset);
    e->names.size = offset;
    return true;
}

static int by_name(const void *a, const void *b, void *names)
{
    return strcmp((char *)names + *(const size_t *)a, (char *)names + *(const size_t *)b);
}

static silt_status read_entries(walk *w, DIR *dir, entries *out)
{
    const char *after = start_within(w);
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        if (!is_wanted_name(entry->d_name)) continue;
        char kind = kind_of(dirfd(dir), entry);
        if (kind == 0 || (kind == 'd' && !w->recursive)) continue;
        if (!add_entry(out, entry->d_name, kind == 'd', after)) return silt_fail_nomem(w->err);
    }
    if (errno) return fail_at(w, errno, "list");
    if (out->offsets.count > 1)
        qsort_r(out->offsets.items, out->offsets.count, sizeof(*out->offsets.items), by_name,
                out->names.data);
    return SILT_OK;
}

static silt_status emit(walk *w, int dir, const char *name)
{
    struct stat st;
    if (fstatat(dir, name, &st, 0) != 0) {
        if (errno == ENOENT || errno == ELOOP) return SILT_OK; /* deleted meanwhile */
        return fail_at(w, errno, "stat");
    }
    if (!S_ISREG(st.st_mode)) return SILT_OK;
    silt_object object = {
        .key = w->key.data,
        .size_bytes = st.st_size,
        .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
    };
    w->ended = !w->fn(w->ctx, &object);
    return SILT_OK;
}

static bool leads_back(const level *here)
{
    for (const level *above = here->up; above; above = above->up)
        if (above->ino == here->ino && above->dev == here->dev) return true;
    return false;
}

/* List the folder named `w->key`, open as `fd`, which is closed. */
static silt_status walk_folder(walk *w, int fd, const level *up)
{
    SILT_CLEAN(dir_handle) dir = fdopendir(fd);
    if (!dir) {
        int e = errno;
        close(fd);
        return fail_at(w, e, "list");
    }
    struct stat st;
    if (fstat(fd, &st) != 0) return fail_at(w, errno, "stat");
    level here = {st.st_dev, st.st_ino, up};
    if (leads_back(&here)) return SILT_OK;

    SILT_CLEAN(entries) found = {0};
    SILT_TRY(read_entries(w, dir, &found));
    const size_t prefix_size = w->key.size;
    for (size_t i = 0; i < found.offsets.count && !w->ended; i++) {
        const char *name = found.names.data + found.offsets.items[i];
        size_t size = strlen(name);
        w->key.size = prefix_size;
        silt_buf_append(&w->key, name, size);
        if (w->key.failed) return silt_fail_nomem(w->err);
        if (name[size - 1] != '/') {
            SILT_TRY(emit(w, fd, name));
            continue;
        }
        int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (inner >= 0)
            SILT_TRY(walk_folder(w, inner, &here));
        else if (errno != ENOENT && errno != ENOTDIR) /* deleted meanwhile */
            return fail_at(w, errno, "list");
    }
    return SILT_OK;
}

silt_status silt_store_file_list(silt_store *store, const char *prefix, const char *start_after,
                                 bool recursive, silt_list_fn *fn, void *ctx, silt_error *err)
{
    SILT_TRY(silt_store_check_prefix(prefix, err));
    SILT_CLEAN(walk)
    w = {(silt_store_file *)store, start_after, recursive, false, fn, ctx, {0}, err};
    silt_buf_puts(&w.key, prefix);
    if (w.key.failed) return silt_fail_nomem(err);
    if (start_after && strncmp(start_after, prefix, w.key.size) > 0) return SILT_OK;

    SILT_CLEAN(silt_buf) path = {0};
    silt_buf_printf(&path, "%s/%s", w.store->root, prefix);
    if (path.failed) return silt_fail_nomem(err);
    int fd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return SILT_OK;
    if (fd < 0) {
        silt_status st = fail_at(&w, errno, "list");
        return st == SILT_NOT_FOUND ? SILT_OK : st; /* a file stands there: no key is in it */
    }
    return walk_folder(&w, fd, NULL);
}
