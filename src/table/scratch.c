/* Local folders for files that aren't in the table yet. */
#include <errno.h>
#include <fts.h>
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

silt_status silt_scratch_temporary(const char *name, silt_arena *arena, const char **path,
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
    if (!local) return silt_scratch_temporary(name, arena, path, err);
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

/* ---- what others left behind */

typedef struct sweep {
    FTS *walk;
    size_t root_size; /* of the path, with its '/' */
    int64_t cutoff_ms;
    bool dry_run;
    silt_leftover_fn *fn;
    void *ctx;
} sweep;

static bool is_old(const sweep *s, const struct stat *st)
{
    return st->st_mtim.tv_sec * INT64_C(1000) + st->st_mtim.tv_nsec / 1000000 <= s->cutoff_ms;
}

static bool in_scratch(const char *key)
{
    return silt_starts_with(key, SCRATCH_KEY "/");
}

/* Folders that Silt puts files into. */
static bool may_enter(const char *key, const char *name)
{
    if (*name != '_' && *name != '.') return true;
    return in_scratch(key) || silt_streq(key, SCRATCH_KEY) || silt_streq(key, "_silt") ||
           silt_streq(key, "_delta_log") || silt_streq(key, "_change_data") || strchr(name, '=');
}

static void sweep_file(const sweep *s, const FTSENT *entry, const char *key)
{
    bool temporary = silt_starts_with(entry->fts_name, SILT_STORE_TEMP_PREFIX);
    if (!temporary && !in_scratch(key)) return;
    if (!is_old(s, entry->fts_statp)) return;
    if (!s->dry_run && unlink(entry->fts_accpath) != 0) return;
    s->fn(s->ctx, key, entry->fts_statp->st_size);
}

static void sweep_entry(const sweep *s, FTSENT *entry)
{
    if (entry->fts_level == FTS_ROOTLEVEL) return;
    const char *key = entry->fts_path + s->root_size;
    switch (entry->fts_info) {
    case FTS_D:
        if (!may_enter(key, entry->fts_name)) (void)fts_set(s->walk, entry, FTS_SKIP);
        break;
    case FTS_DP: /* a scratch folder of its own; one that isn't empty yet stays */
        if (in_scratch(key) && !s->dry_run && is_old(s, entry->fts_statp))
            (void)rmdir(entry->fts_accpath);
        break;
    case FTS_F:
    case FTS_SL:
    case FTS_SLNONE:
        sweep_file(s, entry, key);
        break;
    default:
        break;
    }
}

void silt_scratch_sweep(silt_store *store, int64_t cutoff_ms, bool dry_run, silt_leftover_fn *fn,
                        void *ctx)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    char *root = arena ? (char *)silt_store_local_path(store, "", arena) : NULL;
    if (!root) return;
    sweep s = {.cutoff_ms = cutoff_ms, .dry_run = dry_run, .fn = fn, .ctx = ctx};
    s.root_size = strlen(root);
    while (s.root_size > 1 && root[s.root_size - 1] == '/')
        root[--s.root_size] = '\0';
    s.root_size++;
    char *const roots[] = {root, NULL};
    s.walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!s.walk) return;
    for (FTSENT *entry; (entry = fts_read(s.walk));)
        sweep_entry(&s, entry);
    (void)fts_close(s.walk);
}
