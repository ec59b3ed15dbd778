/* Spooling standard input. */
#include "load/stdin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "load/lanes.h"
#include "table/data.h"

#define BLOCK_BYTES ((size_t)1 << 18)
#define WAIT_MS     200 /* between looks whether to stop */

typedef struct spooling {
    silt_load *load;
    int fd;
    silt_hash *hash;
    void *block;
    int64_t size_bytes;
    unsigned char magic[4]; /* of the first bytes */
    const char *path;
    silt_error *err;
} spooling;

static void spooling_release(spooling *s)
{
    if (s->fd >= 0) close(s->fd);
    silt_hash_free(s->hash);
    free(s->block);
}

static silt_status fail_write(spooling *s, int errnum)
{
    silt_status st = silt_fail_errno(s->err, errnum,
                                     "standard input can't be kept in %s, of which "
                                     "%" PRId64 " bytes were read",
                                     s->path, s->size_bytes);
    return silt_hint(s->err, st,
                     "it needs room for all of it where checkpoint_path is; nothing was loaded");
}

static silt_status write_all(spooling *s, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(s->fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_write(s, errno);
        data += n;
        size -= (size_t)n;
    }
    return SILT_OK;
}

/* `*end`: there is no more. */
static silt_status read_some(spooling *s, bool *end)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    SILT_TRY(silt_load_check(s->load, s->err));
    int ready = poll(&in, 1, WAIT_MS);
    if (ready == 0 || (ready < 0 && errno == EINTR)) return SILT_OK;
    ssize_t n = read(STDIN_FILENO, s->block, BLOCK_BYTES);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return SILT_OK;
    if (n < 0) return silt_fail_errno(s->err, errno, "standard input");
    *end = n == 0;
    silt_hash_update(s->hash, s->block, (size_t)n);
    for (ssize_t i = 0; i < n && s->size_bytes + i < (int64_t)sizeof(s->magic); i++)
        s->magic[s->size_bytes + i] = ((unsigned char *)s->block)[i];
    SILT_TRY(write_all(s, s->block, (size_t)n));
    s->size_bytes += n;
    return SILT_OK;
}

/* What is compressed gets a name that says so, as files have. */
static silt_status name_by_content(spooling *s)
{
    static const unsigned char gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    const char *ending = memcmp(s->magic, gzip, sizeof(gzip)) == 0   ? ".gz"
                         : memcmp(s->magic, zstd, sizeof(zstd)) == 0 ? ".zst"
                                                                     : NULL;
    if (!ending) return SILT_OK;
    const char *path = silt_arena_printf(silt_load_whole(s->load)->arena, "%s%s", s->path, ending);
    if (!path) return silt_fail_nomem(s->err);
    if (rename(s->path, path) != 0) return silt_fail_errno(s->err, errno, "rename %s", s->path);
    s->path = path;
    return SILT_OK;
}

/* A file of its own that looks as it did when the same content was loaded. */
static silt_status give(spooling *s, const silt_config_table *table, silt_found_file *out)
{
    char hash[SILT_HASH_SIZE];
    silt_found_file stat;
    silt_hash_hex(s->hash, hash);
    const char *name =
        silt_arena_printf(silt_load_whole(s->load)->arena, SILT_STDIN_PREFIX "%s", hash);
    if (!name) return silt_fail_nomem(s->err);
    const silt_tracked *row = silt_tracker_find(s->load->tracker, table->name, name);
    if (row && row->file_modified_us >= 0) {
        const struct timespec at = {.tv_sec = row->file_modified_us / 1000000,
                                    .tv_nsec = row->file_modified_us % 1000000 * 1000};
        const struct timespec times[] = {at, at};
        if (futimens(s->fd, times) != 0) return fail_write(s, errno);
    }
    SILT_TRY(silt_discover_stat(s->path, &stat, s->err));
    *out = stat;
    out->path = name;
    out->local_path = s->path;
    return SILT_OK;
}

/* However long that takes, other tables are loaded. */
static silt_status read_all(spooling *s)
{
    silt_status st = SILT_OK;
    silt_lane_leave(s->load);
    for (bool end = false; !end && st == SILT_OK;)
        st = read_some(s, &end);
    silt_lane_enter(s->load);
    return st;
}

static silt_status spool(silt_load *load, const silt_config_table *table, silt_found_file *out,
                         silt_error *err)
{
    SILT_CLEAN(spooling)
    s = {.load = load, .fd = -1, .hash = silt_hash_new(), .block = malloc(BLOCK_BYTES), .err = err};
    if (!s.hash || !s.block) return silt_fail_nomem(err);
    silt_load *whole = silt_load_whole(load);
    const char *name = silt_arena_printf(whole->arena, "stdin-%s", load->run_id);
    if (!name) return silt_fail_nomem(err);
    SILT_TRY(silt_scratch_make(load->state, name, whole->arena, &whole->spool, err));
    s.path = silt_arena_printf(whole->arena, "%s/stdin", whole->spool);
    if (!s.path) return silt_fail_nomem(err);
    s.fd = open(s.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s.fd < 0) return fail_write(&s, errno);
    SILT_TRY(read_all(&s));
    *out = (silt_found_file){.size_bytes = 0};
    SILT_TRY(name_by_content(&s));
    return s.size_bytes ? give(&s, table, out) : SILT_OK;
}

silt_status silt_stdin_discover(silt_load *load, const silt_config_table *table, silt_arena *arena,
                                silt_found *out, silt_error *err)
{
    silt_load *whole = silt_load_whole(load);
    if (!whole->spool) {
        if (isatty(STDIN_FILENO)) {
            silt_fail(err, SILT_INVALID, "table %s: standard input is a terminal", table->name);
            return silt_hint(err, SILT_INVALID, "pipe rows into it: … | silt run");
        }
        silt_status st = spool(load, table, &whole->piped, err);
        if (st != SILT_OK) {
            silt_stdin_release(whole);
            return silt_wrap(err, st, "table %s", table->name);
        }
        if (!whole->piped.path)
            silt_load_message(load, "info", "table %s: standard input is empty", table->name);
    }
    silt_found_file *file = silt_arena_calloc(arena, 1, sizeof(*file));
    if (!file) return silt_fail_nomem(err);
    *file = whole->piped;
    *out = (silt_found){.files = file, .count = whole->piped.path != NULL};
    return SILT_OK;
}

void silt_stdin_release(silt_load *load)
{
    if (load->spool) silt_scratch_remove(load->spool);
    load->spool = NULL;
    load->piped = (silt_found_file){0};
}
