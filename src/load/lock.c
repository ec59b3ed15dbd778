/* The lock file and its owner.
 *
 * Local: the file is made under another name, locked, then linked into place, so that it never
 * stands there unlocked while its owner lives. Whoever gets the OFD lock of a file that still
 * stands under the name owns it; the lock file of a dead owner is taken over in place (a new inode
 * would split the owners). */
#include "load/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "load/process.h"

struct silt_lock {
    silt_store *state;
    const silt_clock *clock;
    int fd; /* the OFD lock; -1 where the store has no local path */
    char *path;
    char *name;
    char run_id[SILT_UUID_SIZE];
    int64_t timeout_us, acquired_us, renewed_us;
    char token[SILT_UUID_SIZE];
};

static void write_json(const silt_lock *lock, silt_buf *buf)
{
    silt_process self;
    char acquired[SILT_TIME_SIZE], timeout[SILT_TIME_SIZE];
    silt_process_self(&self);
    silt_time_format(lock->acquired_us, acquired);
    silt_time_format(lock->renewed_us + lock->timeout_us, timeout);
    silt_json_writer w = silt_json_writer_of(buf);
    silt_json_begin_object(&w);
    silt_json_member_int(&w, "pid", self.pid);
    silt_json_member_string(&w, "hostname", self.host);
    silt_json_member_string(&w, "acquired_at", acquired);
    silt_json_member_string(&w, "timeout_at", timeout);
    silt_json_member_string(&w, "lock_name", lock->name);
    silt_json_member_string(&w, "token", lock->token);
    silt_json_member_string(&w, "boot_id", self.world);
    silt_json_member_int(&w, "process_start", self.start);
    if (lock->run_id[0]) silt_json_member_string(&w, "run_id", lock->run_id);
    silt_json_end_object(&w);
    silt_buf_putc(buf, '\n');
}

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

/* What a lock file says; `alive` by process and clock alone. */
static void parse_json(silt_bytes body, const silt_clock *clock, silt_arena *arena,
                       silt_lock_info *out)
{
    const silt_json *json = NULL;
    silt_error ignored = {0};
    *out = (silt_lock_info){.present = true};
    if (silt_json_parse(body, arena, &json, &ignored) != SILT_OK) return;
    const char *acquired = silt_json_string(silt_json_get(json, "acquired_at"));
    const char *timeout = silt_json_string(silt_json_get(json, "timeout_at"));
    if (!acquired || !timeout || !silt_time_parse(acquired, &out->acquired_us) ||
        !silt_time_parse(timeout, &out->timeout_us))
        return;
    out->readable = true;
    out->pid = silt_json_int(silt_json_get(json, "pid"), 0);
    copy_text(out->hostname, sizeof(out->hostname),
              silt_json_string(silt_json_get(json, "hostname")));
    copy_text(out->lock_name, sizeof(out->lock_name),
              silt_json_string(silt_json_get(json, "lock_name")));
    copy_text(out->token, sizeof(out->token), silt_json_string(silt_json_get(json, "token")));
    copy_text(out->run_id, sizeof(out->run_id), silt_json_string(silt_json_get(json, "run_id")));

    silt_process self, owner = {.pid = out->pid};
    const char *world = silt_json_string(silt_json_get(json, "boot_id"));
    silt_process_self(&self);
    owner.start = silt_json_int(silt_json_get(json, "process_start"), -1);
    copy_text(owner.host, sizeof(owner.host), out->hostname);
    copy_text(owner.world, sizeof(owner.world), world);
    silt_process_life life = world ? silt_process_look(&owner) : SILT_PROCESS_ELSEWHERE;
    out->assumed = life == SILT_PROCESS_ELSEWHERE;
    out->same_host = strcmp(self.host, out->hostname) == 0;
    out->alive = life == SILT_PROCESS_ELSEWHERE ? silt_now_us(clock) < out->timeout_us
                                                : life == SILT_PROCESS_ALIVE;
}

static silt_status fail_locked(const silt_lock_info *who, silt_error *err)
{
    char since[SILT_TIME_SIZE], until[SILT_TIME_SIZE];
    silt_time_format(who->acquired_us, since);
    silt_time_format(who->timeout_us, until);
    if (!who->readable)
        silt_fail(err, SILT_LOCKED, "the pipeline is locked by a process of this host");
    else
        silt_fail(err, SILT_LOCKED,
                  "pipeline '%s' is locked by PID %" PRId64 " on %s since %s (until %s)",
                  who->lock_name, who->pid, who->hostname, since, until);
    return silt_hint(err, SILT_LOCKED,
                     "wait for it (--wait-lock SECONDS), or, if it can't be alive, run "
                     "'silt force-unlock'");
}

/* ---- local -------------------------------------------------------------------------------------
 */

static bool ofd_lock(int fd)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &range) == 0;
}

static silt_status rewrite(silt_lock *lock, silt_error *err)
{
    SILT_CLEAN(silt_buf) body = {0};
    write_json(lock, &body);
    if (body.failed) return silt_fail_nomem(err);
    if (pwrite(lock->fd, body.data, body.size, 0) != (ssize_t)body.size ||
        ftruncate(lock->fd, (off_t)body.size) != 0)
        return silt_fail_errno(err, errno, "lock %s", lock->path);
    return SILT_OK;
}

/* Whether the file that `fd` locks is the one that stands under the name. */
static bool still_named(int fd, const char *path)
{
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino &&
           ours.st_dev == there.st_dev;
}

static silt_status make_local(silt_lock *lock, silt_error *err)
{
    SILT_CLEAN(silt_buf) temp = {0};
    silt_buf_printf(&temp, "%s.%s.tmp", lock->path, lock->token);
    if (temp.failed) return silt_fail_nomem(err);
    lock->fd = open(temp.data, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (lock->fd < 0) return silt_fail_errno(err, errno, "lock %s", lock->path);
    silt_status st = ofd_lock(lock->fd) ? rewrite(lock, err)
                                        : silt_fail_errno(err, errno, "lock %s", lock->path);
    if (st == SILT_OK && link(temp.data, lock->path) != 0)
        st = silt_fail_errno(err, errno, "lock %s", lock->path);
    unlink(temp.data);
    if (st != SILT_OK) {
        close(lock->fd);
        lock->fd = -1;
    }
    return st;
}

/* Somebody's lock file stands there. OK: it was a dead owner's and is ours now; EXISTS: look again.
 */
static silt_status take_local(silt_lock *lock, bool force, silt_lock_info *old, silt_error *err)
{
    int fd = open(lock->path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return SILT_EXISTS;
    if (fd < 0) return silt_fail_errno(err, errno, "lock %s", lock->path);
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    char text[4096];
    ssize_t n = pread(fd, text, sizeof(text), 0);
    bool owner_lives = !ofd_lock(fd);
    silt_status st = SILT_OK;
    if (!scratch)
        st = silt_fail_nomem(err);
    else
        parse_json((silt_bytes){text, n > 0 ? (size_t)n : 0}, lock->clock, scratch, old);
    if (st == SILT_OK && owner_lives)
        old->alive = true;
    else if (old->same_host || !old->readable)
        old->alive = false; /* the kernel says so */
    if (st == SILT_OK && old->alive && !force) st = fail_locked(old, err);
    if (st == SILT_OK && (old->alive || !still_named(fd, lock->path))) {
        if (old->alive) unlink(lock->path); /* forced: the owner keeps a file without a name */
        st = SILT_EXISTS;
    }
    if (st != SILT_OK) {
        close(fd);
        return st;
    }
    lock->fd = fd;
    return rewrite(lock, err);
}

/* ---- any store */

static silt_status put_lock(silt_lock *lock, bool new, silt_error *err)
{
    SILT_CLEAN(silt_buf) body = {0};
    write_json(lock, &body);
    if (body.failed) return silt_fail_nomem(err);
    silt_store *s = lock->state;
    return new ? s->ops->put_new(s, SILT_LOCK_KEY, silt_buf_bytes(&body), err)
               : s->ops->put(s, SILT_LOCK_KEY, silt_buf_bytes(&body), err);
}

static silt_status take_remote(silt_lock *lock, bool force, silt_lock_info *old, silt_error *err)
{
    SILT_TRY(silt_lock_look(lock->state, lock->clock, old, err));
    if (!old->present) return SILT_EXISTS;
    if (old->readable && strcmp(old->token, lock->token) == 0) return SILT_OK; /* a lost answer */
    if (old->alive && !force) return fail_locked(old, err);
    SILT_TRY(lock->state->ops->remove(lock->state, SILT_LOCK_KEY, err));
    return SILT_EXISTS;
}

static silt_status try_once(silt_lock *lock, bool force, silt_lock_info *old, silt_error *err)
{
    *old = (silt_lock_info){0};                /* who was waited for has left by himself */
    for (int round = 0; round < 10; round++) { /* others may come and go meanwhile */
        lock->acquired_us = lock->renewed_us = silt_now_us(lock->clock);
        silt_status st = lock->path ? make_local(lock, err) : put_lock(lock, true, err);
        if (st == SILT_EXISTS || st == SILT_UNSURE)
            st =
                lock->path ? take_local(lock, force, old, err) : take_remote(lock, force, old, err);
        if (st != SILT_EXISTS) return st;
    }
    return silt_fail(err, SILT_LOCKED, "others take and leave the pipeline's lock all the time");
}

static silt_status wait_for(silt_lock *lock, const silt_lock_options *opts, silt_lock_info *old,
                            silt_error *err)
{
    const int64_t start = silt_now_ms(lock->clock);
    for (;;) {
        silt_status st = try_once(lock, opts->force, old, err);
        if (st != SILT_LOCKED) return st;
        int64_t waited = silt_now_ms(lock->clock) - start;
        if (opts->wait_seconds >= 0 && waited >= opts->wait_seconds * 1000) return st;
        if (opts->cancelled && opts->cancelled(opts->cancelled_ctx))
            return silt_fail(err, SILT_INTERRUPTED, "interrupted while waiting for the lock");
        silt_sleep_ms(lock->clock, 200);
    }
}

static void lock_dispose(silt_lock *lock)
{
    if (lock->fd >= 0) close(lock->fd);
    free(lock->path);
    free(lock->name);
    free(lock);
}

/* The folder and those above it, as far as they are missing. */
static silt_status make_folders(char *path, silt_error *err)
{
    for (char *p = path + 1;; p++) {
        if (*p && *p != '/') continue;
        char end = *p;
        *p = '\0';
        int failed = mkdir(path, 0777) != 0 && errno != EEXIST ? errno : 0;
        *p = end;
        if (failed) return silt_fail_errno(err, failed, "folder %s", path);
        if (!end) return SILT_OK;
    }
}

/* The local path of the lock file, its folder made; NULL path where the store has none. */
static silt_status local_path(silt_store *state, char **out, silt_error *err)
{
    *out = NULL;
    if (!state->ops->local_path) return SILT_OK;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const char *path = scratch ? state->ops->local_path(state, SILT_LOCK_KEY, scratch) : NULL;
    char *folder = path ? silt_arena_strdup(scratch, path) : NULL;
    if (!folder || !(*out = strdup(path))) return silt_fail_nomem(err);
    *strrchr(folder, '/') = '\0';
    return *folder ? make_folders(folder, err) : SILT_OK;
}

silt_status silt_lock_acquire(silt_store *state, const silt_lock_options *opts, silt_lock **out,
                              silt_lock_info *taken_over, silt_error *err)
{
    silt_lock *lock = calloc(1, sizeof(*lock));
    if (!lock) return silt_fail_nomem(err);
    *lock = (silt_lock){.state = state, .clock = opts->clock, .fd = -1};
    lock->timeout_us = opts->timeout_minutes * 60 * 1000000;
    lock->name = strdup(opts->name);
    copy_text(lock->run_id, sizeof(lock->run_id), opts->run_id);
    silt_uuid(opts->random, lock->token);
    silt_lock_info old = {0};
    silt_status st = lock->name ? local_path(state, &lock->path, err) : silt_fail_nomem(err);
    if (st == SILT_OK) st = wait_for(lock, opts, &old, err);
    if (st != SILT_OK) {
        lock_dispose(lock);
        return st;
    }
    if (taken_over) *taken_over = old;
    *out = lock;
    return SILT_OK;
}

/* Whether another host, which doesn't see our OFD lock, has written itself into the file. */
static silt_status overwritten(const silt_lock *lock, bool *out, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    char text[4096];
    ssize_t n = pread(lock->fd, text, sizeof(text), 0);
    silt_lock_info now;
    parse_json((silt_bytes){text, n > 0 ? (size_t)n : 0}, lock->clock, scratch, &now);
    *out = now.readable && strcmp(now.token, lock->token) != 0;
    return SILT_OK;
}

static silt_status still_ours(silt_lock *lock, silt_error *err)
{
    if (lock->path) {
        bool lost = !still_named(lock->fd, lock->path);
        if (!lost) SILT_TRY(overwritten(lock, &lost, err));
        if (!lost) return SILT_OK;
        return silt_fail(err, SILT_FENCED, "the lock %s was taken away from this run", lock->path);
    }
    silt_lock_info now;
    SILT_TRY(silt_lock_look(lock->state, lock->clock, &now, err));
    if (now.readable && strcmp(now.token, lock->token) == 0) return SILT_OK;
    return silt_fail(err, SILT_FENCED, "the lock was taken away from this run");
}

silt_status silt_lock_check(silt_lock *lock, silt_error *err)
{
    return still_ours(lock, err);
}

silt_status silt_lock_renew(silt_lock *lock, silt_error *err)
{
    int64_t now = silt_now_us(lock->clock);
    if (now - lock->renewed_us < lock->timeout_us / 3) return SILT_OK;
    SILT_TRY(still_ours(lock, err));
    lock->renewed_us = now;
    return lock->path ? rewrite(lock, err) : put_lock(lock, false, err);
}

void silt_lock_free(silt_lock *lock)
{
    if (!lock) return;
    silt_error ignored = {0};
    if (still_ours(lock, &ignored) == SILT_OK) {
        if (lock->path)
            unlink(lock->path); /* while we hold it: nobody can own a file without a name */
        else
            (void)lock->state->ops->remove(lock->state, SILT_LOCK_KEY, &ignored);
    }
    lock_dispose(lock);
}

silt_status silt_lock_look(silt_store *state, const silt_clock *clock, silt_lock_info *out,
                           silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    silt_bytes body;
    silt_status st = state->ops->get(state, SILT_LOCK_KEY, 0, -1, scratch, &body, err);
    if (st == SILT_NOT_FOUND) {
        *out = (silt_lock_info){0};
        return SILT_OK;
    }
    if (st != SILT_OK) return silt_wrap(err, st, "lock");
    parse_json(body, clock, scratch, out);
    if (!state->ops->local_path) return SILT_OK;

    /* Ask the kernel, without taking anything. */
    const char *path = state->ops->local_path(state, SILT_LOCK_KEY, scratch);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return SILT_OK;
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_GETLK, &range) == 0) {
        bool held = range.l_type != F_UNLCK;
        if (held || out->same_host || !out->readable) {
            out->alive = held;
            out->assumed = false;
        }
    }
    close(fd);
    return SILT_OK;
}

silt_status silt_lock_force(silt_store *state, silt_error *err)
{
    return state->ops->remove(state, SILT_LOCK_KEY, err);
}
