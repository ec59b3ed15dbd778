/* Local folders for files that aren't in the table yet. */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table/data.h"

#define SCRATCH_KEY "_silt/scratch"
#define OPEN_FILES  16

/* The folder and those above it. Another process may be removing an empty one of them just now. */
static int make_folders(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        int failed = mkdir(path, 0777) != 0 && errno != EEXIST ? errno : 0;
        *p = '/';
        if (failed) return failed;
    }
    return mkdir(path, 0700) != 0 ? errno : 0;
}

static silt_status make_beside_table(const char *path, silt_arena *arena, silt_error *err)
{
    char *copy = silt_arena_strdup(arena, path);
    if (!copy) return silt_fail_nomem(err);
    int failed = ENOENT;
    for (int i = 0; i < 10 && failed == ENOENT; i++)
        failed = make_folders(copy);
    return failed ? silt_fail_errno(err, failed, "can't make the folder %s", path) : SILT_OK;
}

static silt_status make_temporary(const char *name, silt_arena *arena, const char **path,
                                  silt_error *err)
{
    const char *base = getenv("TMPDIR");
    if (!base || !*base) base = "/tmp";
    char *made = silt_arena_printf(arena, "%s/silt-%s-XXXXXX", base, name);
    if (!made) return silt_fail_nomem(err);
    if (!mkdtemp(made))
        return silt_fail_errno(err, errno, "can't make a temporary folder in %s", base);
    *path = made;
    return SILT_OK;
}

silt_status silt_scratch_make(silt_store *store, const char *name, silt_arena *arena,
                              const char **path, silt_error *err)
{
    if (!*name || *name == '.' || strchr(name, '/'))
        return silt_fail(err, SILT_INVALID, "scratch folder \"%s\": not a name", name);
    const char *key = silt_arena_printf(arena, SCRATCH_KEY "/%s", name);
    if (!key) return silt_fail_nomem(err);
    const char *local = silt_store_local_path(store, key, arena);
    if (!local) return make_temporary(name, arena, path, err);
    SILT_TRY(make_beside_table(local, arena, err));
    *path = local;
    return SILT_OK;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    (void)remove(path); /* what can't be removed stays; the folder above then too */
    return 0;
}

void silt_scratch_remove(const char *path)
{
    char parent[PATH_MAX];
    if (!path) return;
    nftw(path, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
    size_t size = strlen(path);
    const char *name = strrchr(path, '/');
    if (!name || size >= sizeof(parent)) return;
    memcpy(parent, path, (size_t)(name - path));
    parent[name - path] = '\0';
    if (!silt_ends_with(parent, "/" SCRATCH_KEY)) return;
    if (rmdir(parent) != 0) return; /* others use it */
    *strrchr(parent, '/') = '\0';
    (void)rmdir(parent);
}
