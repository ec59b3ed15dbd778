/* Local folders for files that aren't in the table yet. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table/data.h"

#define SCRATCH_KEY "_silt/scratch"
#define OPEN_FILES  16

/* The folder and those above it. */
static int make_folders(char *path, mode_t mode)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        int failed = mkdir(path, 0777) != 0 && errno != EEXIST ? errno : 0;
        *p = '/';
        if (failed) return failed;
    }
    return mkdir(path, mode) != 0 ? errno : 0;
}

static silt_status make_beside_table(const char *path, silt_arena *arena, silt_error *err)
{
    char *copy = silt_arena_strdup(arena, path);
    if (!copy) return silt_fail_nomem(err);
    int failed = mkdir(path, 0700) != 0 ? errno : 0; /* those above it mostly stand */
    if (failed == ENOENT) failed = make_folders(copy, 0700);
    return failed ? silt_fail_errno(err, failed, "can't make the folder %s", path) : SILT_OK;
}

silt_status silt_scratch_shared(silt_store *store, silt_arena *arena, const char **path,
                                silt_error *err)
{
    char *local = (char *)silt_store_local_path(store, SCRATCH_KEY, arena);
    int failed = local && access(local, F_OK) != 0 ? make_folders(local, 0777) : 0;
    if (failed && failed != EEXIST)
        return silt_fail_errno(err, failed, "can't make the folder %s", local);
    *path = local;
    return SILT_OK;
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

/* The folder above stays, empty: the next one is made there. */
void silt_scratch_remove(const char *path)
{
    if (!path || rmdir(path) == 0) return;
    nftw(path, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
}
