/* Which source files there are. Folders are listed once each, nothing is kept open while going
 * deeper. */
#include "store/discover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/glob.h"
#include "store/manifest.h"

/* One alternative of a pattern: fixed folder, then parts, of which "**" is never the last one. */
typedef struct pattern {
    const char *text; /* as it was given, for messages */
    const char *root;
    const char **parts;
    size_t count;
} pattern;

typedef struct item {
    silt_found_file file;
    bool unsettled;
} item;

typedef struct walk {
    const silt_discover_spec *spec;
    silt_arena *arena; /* of the result */
    const pattern *pattern;
    SILT_VEC(item) items;
    silt_error *err;
} walk;

/* Names in one folder; those that are never looked at aren't in it. */
typedef struct folder {
    silt_buf names; /* each terminated */
    SILT_VEC(struct entry {
        size_t offset;
        unsigned char type;
    })
    entries;
    DIR *handle; /* open only while files are looked at */
} folder;

static void folder_close(folder *f)
{
    if (f->handle) closedir(f->handle);
    f->handle = NULL;
}

static void folder_release(folder *f)
{
    folder_close(f);
    silt_buf_release(&f->names);
    silt_vec_free(&f->entries);
}

static bool is_passed_over(const char *name)
{
    return name[0] == '.' || name[0] == '_' || silt_ends_with(name, ".tmp");
}

/* A folder or file that goes away, or isn't one, while we look isn't there: that's all. */
static bool is_gone(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP;
}

static silt_status denied(silt_error *err, int errnum, const char *what, const char *path)
{
    silt_status st = silt_fail_errno(err, errnum, "%s %s", what, path);
    if (st == SILT_DENIED)
        return silt_hint(err, st, "give the user that runs silt the right to read it");
    return st;
}

/* ---- files */

static bool is_too_old(const silt_discover_spec *spec, const struct stat *s)
{
    int64_t seconds = spec->max_age_ms / 1000;
    return seconds > 0 && s->st_mtim.tv_sec < spec->now_ns / INT64_C(1000000000) - seconds;
}

static silt_status take_file(walk *w, const struct stat *s, char *path)
{
    if (is_too_old(w->spec, s)) return SILT_OK;
    if (!silt_utf8_valid(silt_bytes_of(path))) {
        silt_status st = silt_fail(w->err, SILT_INVALID, "the name of %s isn't UTF-8", path);
        return silt_hint(w->err, st, "rename the file: its path is how Silt knows it again");
    }
    item it = {.file = {.path = path,
                        .size_bytes = s->st_size,
                        .mtime_ns = s->st_mtim.tv_sec * INT64_C(1000000000) + s->st_mtim.tv_nsec}};
    it.unsettled = w->spec->settle_ms > 0 &&
                   it.file.mtime_ns > w->spec->now_ns - w->spec->settle_ms * INT64_C(1000000);
    return silt_vec_push(&w->items, it) ? SILT_OK : silt_fail_nomem(w->err);
}

static char *join(walk *w, const char *dir, const char *name)
{
    size_t dir_size = strcmp(dir, "/") == 0 || strcmp(dir, ".") == 0 ? 0 : strlen(dir);
    size_t slash = strcmp(dir, ".") != 0, name_size = strlen(name);
    char *path = silt_arena_alloc(w->arena, dir_size + slash + name_size + 1);
    if (!path) return NULL;
    memcpy(path, dir, dir_size);
    if (slash) path[dir_size] = '/';
    memcpy(path + dir_size + slash, name, name_size + 1);
    return path;
}

/* The file `name` of the folder, if it is one. */
static silt_status look_at_file(walk *w, int dir_fd, const char *dir, const char *name)
{
    struct stat s;
    if (fstatat(dir_fd, name, &s, 0) != 0) {
        if (is_gone(errno)) return SILT_OK;
        char *path = join(w, dir, name);
        return denied(w->err, errno, "look at", path ? path : name);
    }
    if (!S_ISREG(s.st_mode)) return SILT_OK;
    char *path = join(w, dir, name);
    return path ? take_file(w, &s, path) : silt_fail_nomem(w->err);
}

/* ---- folders */

/* List a folder; `*there` false: it isn't one (any more). */
static silt_status folder_open(walk *w, const char *dir, folder *f, bool *there)
{
    *there = false;
    f->handle = opendir(dir);
    if (!f->handle) return is_gone(errno) ? SILT_OK : denied(w->err, errno, "list folder", dir);
    for (;;) {
        errno = 0;
        struct dirent *d = readdir(f->handle);
        if (!d && errno) return denied(w->err, errno, "list folder", dir);
        if (!d) break;
        if (is_passed_over(d->d_name)) continue;
        struct entry e = {f->names.size, d->d_type};
        silt_buf_append(&f->names, d->d_name, strlen(d->d_name) + 1);
        if (f->names.failed || !silt_vec_push(&f->entries, e)) return silt_fail_nomem(w->err);
    }
    *there = true;
    return SILT_OK;
}

static silt_status visit(walk *w, const char *dir, size_t at);

/* Part `at` of the pattern in one listed folder. */
static silt_status match_in(walk *w, folder *f, const char *dir, size_t at)
{
    const char *part = w->pattern->parts[at];
    bool last = at + 1 == w->pattern->count;
    for (size_t i = 0; i < f->entries.count; i++) {
        const struct entry *e = &f->entries.items[i];
        const char *name = f->names.data + e->offset;
        bool link = e->type == DT_LNK || e->type == DT_UNKNOWN;
        if (!link && e->type != (last ? DT_REG : DT_DIR)) continue;
        if (!silt_glob_match(part, name)) continue;
        if (last) {
            SILT_TRY(look_at_file(w, dirfd(f->handle), dir, name));
            continue;
        }
        char *below = join(w, dir, name);
        if (!below) return silt_fail_nomem(w->err);
        SILT_TRY(visit(w, below, at + 1));
    }
    return SILT_OK;
}

/* A part without wildcards needs no listing. */
static silt_status visit_literal(walk *w, const char *dir, size_t at)
{
    const char *name = silt_glob_literal(w->pattern->parts[at], w->arena);
    if (!name) return silt_fail_nomem(w->err);
    if (is_passed_over(name)) return SILT_OK;
    if (at + 1 == w->pattern->count) {
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) return is_gone(errno) ? SILT_OK : denied(w->err, errno, "open folder", dir);
        silt_status st = look_at_file(w, fd, dir, name);
        close(fd);
        return st;
    }
    char *below = join(w, dir, name);
    return below ? visit(w, below, at + 1) : silt_fail_nomem(w->err);
}

static silt_status visit_all_below(walk *w, const folder *f, const char *dir, size_t at)
{
    for (size_t i = 0; i < f->entries.count; i++) {
        const struct entry *e = &f->entries.items[i];
        char *below = join(w, dir, f->names.data + e->offset);
        if (!below) return silt_fail_nomem(w->err);
        struct stat s;
        bool is_folder = e->type == DT_DIR ||
                         (e->type == DT_UNKNOWN && lstat(below, &s) == 0 && S_ISDIR(s.st_mode));
        if (is_folder) SILT_TRY(visit(w, below, at)); /* a link may lead back up: never followed */
    }
    return SILT_OK;
}

/* Parts `at`… of the pattern below one folder. */
static silt_status visit(walk *w, const char *dir, size_t at)
{
    bool deep = strcmp(w->pattern->parts[at], "**") == 0;
    size_t next = at + deep;
    bool literal = !silt_glob_is_wild(w->pattern->parts[next]);
    if (literal && !deep) return visit_literal(w, dir, at);
    __attribute__((cleanup(folder_release))) folder f = {0};
    bool there;
    SILT_TRY(folder_open(w, dir, &f, &there));
    if (!there) return SILT_OK;
    if (next + 1 < w->pattern->count) folder_close(&f); /* only folders are of interest */
    SILT_TRY(literal ? visit_literal(w, dir, next) : match_in(w, &f, dir, next));
    folder_close(&f);
    return deep ? visit_all_below(w, &f, dir, at) : SILT_OK;
}

/* ---- patterns */

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool push_part(pattern *p, const char *part)
{
    bool again = p->count && strcmp(part, "**") == 0 && strcmp(p->parts[p->count - 1], "**") == 0;
    if (!again) p->parts[p->count++] = part;
    return true;
}

/* Cut a normalised pattern without braces into its fixed folder and its parts. */
static silt_status cut(const char *text, bool recursive, silt_arena *arena, pattern *p,
                       silt_error *err)
{
    size_t slashes = 0;
    for (const char *c = text; *c; c++)
        slashes += *c == '/';
    p->parts = silt_arena_calloc(arena, slashes + 4, sizeof(*p->parts));
    char *rest = silt_arena_strdup(arena, text), *root = silt_arena_strdup(arena, text);
    if (!p->parts || !rest || !root) return silt_fail_nomem(err);

    bool wild = silt_glob_is_wild(text);
    char *first = rest; /* of the parts that aren't fixed */
    for (char *c = rest; *c && wild; c++) {
        if (*c != '/') continue;
        *c = '\0';
        bool part_is_wild = silt_glob_is_wild(first);
        *c = '/';
        if (part_is_wild) break;
        first = c + 1;
    }
    if (!wild) {
        char *slash = strrchr(rest, '/');
        const char *plain = silt_glob_literal(text, arena);
        if (!plain) return silt_fail_nomem(err);
        bool all = is_folder(plain);
        first = all ? rest + strlen(rest) : slash ? slash + 1 : rest;
    }
    root[first - rest] = '\0';
    size_t size = strlen(root);
    if (size > 1 && root[size - 1] == '/') root[size - 1] = '\0';
    p->root = silt_glob_literal(root[0] ? root : ".", arena);
    if (!p->root) return silt_fail_nomem(err);
    for (char *part = first; part && *part;) {
        char *slash = strchr(part, '/');
        if (slash) *slash = '\0';
        if (!slash && recursive) push_part(p, "**");
        push_part(p, part);
        part = slash ? slash + 1 : NULL;
    }
    if (!p->count && recursive) push_part(p, "**");
    if (!p->count || strcmp(p->parts[p->count - 1], "**") == 0) push_part(p, "*");
    return SILT_OK;
}

static silt_status walk_pattern(walk *w, const char *given, const char *text, silt_arena *scratch)
{
    pattern p = {.text = given};
    SILT_TRY(cut(text, w->spec->recursive, scratch, &p, w->err));
    struct stat s;
    if (stat(p.root, &s) != 0) {
        if (!is_gone(errno)) return denied(w->err, errno, "look at folder", p.root);
        silt_status st =
            silt_fail(w->err, SILT_NOT_FOUND, "%s: there is no folder %s", given, p.root);
        return silt_hint(w->err, st, "make the folder, or correct the path of the source");
    }
    if (!S_ISDIR(s.st_mode))
        return silt_fail(w->err, SILT_NOT_FOUND, "%s: %s isn't a folder", given, p.root);
    w->pattern = &p;
    silt_status st = visit(w, p.root, 0);
    w->pattern = NULL;
    return st;
}

/* ---- markers */

/* How far the folder of a path goes, its '/' included. */
static size_t folder_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Files in folders without the marker are unsettled. By path, so that most of a folder's files come
 * behind each other. */
static silt_status look_for_markers(walk *w)
{
    const char *last = NULL;
    bool there = false;
    SILT_CLEAN(silt_buf) path = {0};
    for (size_t i = 0; i < w->items.count; i++) {
        item *it = &w->items.items[i];
        size_t size = folder_size(it->file.path);
        if (!last || folder_size(last) != size || memcmp(last, it->file.path, size) != 0) {
            silt_buf_clear(&path);
            silt_buf_append(&path, it->file.path, size);
            silt_buf_puts(&path, w->spec->marker);
            if (path.failed) return silt_fail_nomem(w->err);
            there = access(path.data, F_OK) == 0;
            last = it->file.path;
        }
        it->unsettled = it->unsettled || !there;
    }
    return SILT_OK;
}

/* ---- the result */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const item *)a)->file.path, ((const item *)b)->file.path);
}

static int by_mtime(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->file.mtime_ns != y->file.mtime_ns) return x->file.mtime_ns < y->file.mtime_ns ? -1 : 1;
    return by_path(a, b);
}

static silt_status give(walk *w, silt_found *out)
{
    item *items = w->items.items;
    size_t count = 0;
    silt_found found = {0};
    if (w->items.count) qsort(items, w->items.count, sizeof(*items), by_path);
    if (w->spec->marker) SILT_TRY(look_for_markers(w));
    for (size_t i = 0; i < w->items.count; i++) {
        if (i && strcmp(items[i].file.path, items[i - 1].file.path) == 0) continue;
        if (items[i].unsettled)
            found.unsettled++;
        else
            items[count++] = items[i];
    }
    if (w->spec->order == SILT_ORDER_MTIME && count) qsort(items, count, sizeof(*items), by_mtime);
    silt_found_file *files = silt_arena_calloc(w->arena, count, sizeof(*files));
    if (!files) return silt_fail_nomem(w->err);
    for (size_t i = 0; i < count; i++)
        files[i] = items[i].file;
    found.files = files;
    found.count = count;
    *out = found;
    return SILT_OK;
}

static silt_status walk_all(walk *w)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(w->err);
    for (size_t i = 0; i < w->spec->pattern_count; i++) {
        const char *given = w->spec->patterns[i];
        silt_glob_list list = {0};
        SILT_TRY(silt_glob_expand(given, scratch, &list, w->err));
        for (size_t k = 0; k < list.count; k++) {
            char *text = silt_path_normalise(NULL, list.items[k], scratch);
            if (!text) return silt_fail_nomem(w->err);
            SILT_TRY(walk_pattern(w, given, text, scratch));
        }
    }
    return SILT_OK;
}

/* ---- manifests */

#define NAMED 3 /* files that a message names */

/* Files that are listed, and wrong. */
typedef struct wrong {
    silt_buf names;
    size_t count;
} wrong;

static void add_wrong(wrong *w, const char *path)
{
    if (w->count++ < NAMED) silt_buf_printf(&w->names, "%s%s", w->count > 1 ? ", " : "", path);
}

static silt_status take_listed(walk *w, const silt_manifest_file *listed, wrong *missing,
                               wrong *unlike)
{
    struct stat s;
    if (stat(listed->path, &s) != 0 && !is_gone(errno))
        return denied(w->err, errno, "look at", listed->path);
    if (stat(listed->path, &s) != 0 || !S_ISREG(s.st_mode)) {
        add_wrong(missing, listed->path);
        return SILT_OK;
    }
    if (listed->size_bytes >= 0 && listed->size_bytes != s.st_size) {
        add_wrong(unlike, listed->path);
        return SILT_OK;
    }
    char *path = silt_arena_strdup(w->arena, listed->path);
    if (!path) return silt_fail_nomem(w->err);
    size_t before = w->items.count;
    SILT_TRY(take_file(w, &s, path));
    if (w->items.count > before) w->items.items[before].file.hash = listed->hash;
    return SILT_OK;
}

static silt_status tell_wrong(const walk *w, silt_status st, const wrong *what, const char *why,
                              const char *hint)
{
    silt_fail(w->err, st, "manifest %s: %zu of its files %s: %s%s", w->spec->manifest, what->count,
              why, what->names.data ? what->names.data : "", what->count > NAMED ? ", …" : "");
    return silt_hint(w->err, st, "%s", hint);
}

static silt_status take_manifest(walk *w)
{
    silt_manifest manifest;
    wrong missing = {0}, unlike = {0};
    SILT_TRY(silt_manifest_read(w->spec->manifest, w->arena, &manifest, w->err));
    silt_status st = SILT_OK;
    for (size_t i = 0; st == SILT_OK && i < manifest.count; i++)
        st = take_listed(w, &manifest.files[i], &missing, &unlike);
    if (st == SILT_OK && missing.count)
        st = tell_wrong(w, SILT_NOT_FOUND, &missing, "aren't there",
                        "bring the files, or take them out of the manifest");
    else if (st == SILT_OK && unlike.count)
        st = tell_wrong(w, SILT_CHANGED, &unlike, "have another size than it says",
                        "wait until they are whole, or correct the manifest");
    silt_buf_release(&missing.names);
    silt_buf_release(&unlike.names);
    return st;
}

silt_status silt_discover(const silt_discover_spec *spec, silt_arena *arena, silt_found *out,
                          silt_error *err)
{
    walk w = {.spec = spec, .arena = arena, .err = err};
    silt_status st = spec->manifest ? take_manifest(&w) : walk_all(&w);
    if (st == SILT_OK) st = give(&w, out);
    silt_vec_free(&w.items);
    return st;
}

silt_status silt_discover_stat(const char *path, silt_found_file *out, silt_error *err)
{
    struct stat s;
    if (stat(path, &s) != 0) {
        if (is_gone(errno)) return silt_fail(err, SILT_CHANGED, "%s: the file is gone", path);
        return denied(err, errno, "look at", path);
    }
    if (!S_ISREG(s.st_mode)) return silt_fail(err, SILT_CHANGED, "%s isn't a file any more", path);
    *out =
        (silt_found_file){.path = path,
                          .size_bytes = s.st_size,
                          .mtime_ns = s.st_mtim.tv_sec * INT64_C(1000000000) + s.st_mtim.tv_nsec};
    return SILT_OK;
}

char *silt_path_normalise(const char *base, const char *path, silt_arena *arena)
{
    bool joined = base && path[0] != '/';
    size_t room = (joined ? strlen(base) + 1 : 0) + strlen(path) + 2;
    char *out = silt_arena_alloc(arena, room);
    if (!out) return NULL;
    size_t size = 0;
    bool absolute = (joined ? base : path)[0] == '/';
    if (absolute) out[size++] = '/';
    for (int round = joined ? 0 : 1; round < 2; round++) {
        for (const char *at = round ? path : base; *at;) {
            size_t part = strcspn(at, "/");
            if (part && !(part == 1 && at[0] == '.')) {
                if (size > absolute) out[size++] = '/';
                memcpy(out + size, at, part);
                size += part;
            }
            at += part;
            while (*at == '/')
                at++;
        }
    }
    if (!size) out[size++] = '.';
    out[size] = '\0';
    return out;
}
