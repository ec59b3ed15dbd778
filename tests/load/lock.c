/* The pipeline's lock: one holder at a time, a dead one replaced at once, a lost one noticed. */
#include "load/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "support/files.h"

/* ---- one store, and time that only sleeping moves */

static char *dir;
static silt_store *state;
static silt_arena *arena;
static silt_error error;
static int64_t now_us;

static int64_t fake_now(void *ctx)
{
    (void)ctx;
    return now_us;
}

static void fake_sleep(void *ctx, int64_t ms)
{
    (void)ctx;
    now_us += ms * 1000;
}

static const silt_clock fake_clock = {fake_now, fake_sleep, NULL};

static int setup(void **local)
{
    dir = test_dir_new();
    arena = silt_arena_new();
    now_us = silt_now_us(NULL);
    state = NULL;
    if (!*local) {
        state = silt_store_mem_new();
    } else {
        char *path = test_path(dir, "a/state"); /* no such folder yet */
        assert_int_equal(silt_store_open(path, NULL, &state, &error), SILT_OK);
        free(path);
    }
    return 0;
}

static int teardown(void **local)
{
    (void)local;
    silt_store_free(state);
    silt_arena_free(arena);
    test_dir_free(dir);
    return 0;
}

static silt_lock_options options(void)
{
    return (silt_lock_options){.name = "nyc", .timeout_minutes = 120, .clock = &fake_clock};
}

static silt_lock *acquire(const silt_lock_options *opts)
{
    silt_lock *lock = NULL;
    silt_status st = silt_lock_acquire(state, opts, &lock, NULL, &error);
    if (st != SILT_OK) fail_msg("acquire: %s", error.message);
    return lock;
}

static silt_status try_acquire(bool force)
{
    silt_lock_options opts = options();
    opts.force = force;
    silt_lock *lock = NULL;
    silt_status st = silt_lock_acquire(state, &opts, &lock, NULL, &error);
    silt_lock_free(lock);
    return st;
}

static silt_lock_info look(void)
{
    silt_lock_info info;
    assert_int_equal(silt_lock_look(state, &fake_clock, &info, &error), SILT_OK);
    return info;
}

static const char *body(void)
{
    silt_bytes bytes;
    assert_int_equal(silt_store_get_all(state, SILT_LOCK_KEY, arena, &bytes, &error), SILT_OK);
    return bytes.data;
}

static void put_body(const char *text)
{
    assert_int_equal(state->ops->put(state, SILT_LOCK_KEY, silt_bytes_of(text), &error), SILT_OK);
}

/* The lock file as somebody else would have written it: `member` of ours replaced by `value`
 * (JSON). */
static void forge(const char *member, const char *value)
{
    const silt_json *json;
    assert_int_equal(silt_json_parse(silt_bytes_of(body()), arena, &json, &error), SILT_OK);
    SILT_CLEAN(silt_buf) buf = {0};
    silt_buf_putc(&buf, '{');
    bool first = true;
    for (silt_json_iter it = silt_json_iter_of(json); silt_json_next(&it); first = false)
        silt_buf_printf(&buf, "%s\"%s\":%s", first ? "" : ",", it.key,
                        strcmp(it.key, member) == 0 ? value : silt_json_text(it.value, arena));
    silt_buf_putc(&buf, '}');
    put_body(buf.data);
}

/* A lock file that nobody holds: ours, as a process that died would leave it. */
static void leave_lock(void)
{
    silt_lock_options opts = options();
    silt_lock *lock = acquire(&opts);
    const char *left = body();
    silt_lock_free(lock);
    put_body(left);
}

/* ---- one process */

static void is_taken_and_given_back(void **local)
{
    (void)local;
    silt_lock_options opts = options();
    silt_lock *lock = acquire(&opts);
    silt_lock_info info = look();
    assert_true(info.present && info.readable && info.alive && info.same_host && !info.assumed);
    assert_int_equal(info.pid, getpid());
    assert_string_equal(info.lock_name, "nyc");
    assert_int_equal(info.acquired_us / 1000, now_us / 1000);
    assert_int_equal(info.timeout_us - info.acquired_us, 120 * 60 * INT64_C(1000000));
    silt_lock_free(lock);
    assert_false(look().present);
    assert_int_equal(try_acquire(false), SILT_OK);
    assert_false(look().present);
}

static void says_who_holds_it(void **local)
{
    (void)local;
    silt_lock_options opts = options();
    silt_lock *lock = acquire(&opts);
    assert_int_equal(try_acquire(false), SILT_LOCKED);
    char pid[64], since[SILT_TIME_SIZE];
    snprintf(pid, sizeof(pid), "'nyc' is locked by PID %d on ", (int)getpid());
    silt_time_format(now_us, since);
    assert_non_null(strstr(error.message, pid));
    assert_non_null(strstr(error.message, since));
    assert_non_null(strstr(error.hint, "force-unlock"));
    assert_true(look().alive); /* asking has changed nothing */
    silt_lock_free(lock);
}

static void waits_as_long_as_asked(void **local)
{
    (void)local;
    silt_lock_options opts = options();
    silt_lock *lock = acquire(&opts), *second = NULL;
    opts.wait_seconds = 3;
    int64_t before = now_us;
    assert_int_equal(silt_lock_acquire(state, &opts, &second, NULL, &error), SILT_LOCKED);
    assert_in_range(now_us - before, 3000000, 3400000);
    silt_lock_free(lock);
}

static bool ask_five_times(void *ctx)
{
    return ++*(int *)ctx >= 5;
}

static void waiting_can_be_ended(void **local)
{
    (void)local;
    int asked = 0;
    silt_lock_options opts = options();
    silt_lock *lock = acquire(&opts), *second = NULL;
    opts.wait_seconds = -1;
    opts.cancelled = ask_five_times;
    opts.cancelled_ctx = &asked;
    assert_int_equal(silt_lock_acquire(state, &opts, &second, NULL, &error), SILT_INTERRUPTED);
    assert_int_equal(asked, 5);
    silt_lock_free(lock);
}

static void what_nobody_can_read_is_taken_over(void **local)
{
    (void)local;
    leave_lock();
    const char *whole = silt_arena_strdup(arena, body());
    for (size_t size = 0; size < strlen(whole); size += 7) {
        put_body(silt_arena_strndup(arena, whole, size));
        silt_lock_info info = look();
        assert_true(info.present && !info.readable && !info.alive);
        assert_int_equal(try_acquire(false), SILT_OK);
        assert_false(look().present);
    }
    const char *const garbage[] = {"\xff\xfe garbage", "[]", "{}", "null",
                                   "{\"acquired_at\":\"yesterday\",\"timeout_at\":\"x\"}"};
    for (size_t i = 0; i < SILT_COUNT(garbage); i++) {
        put_body(garbage[i]);
        silt_lock_options opts = options();
        silt_lock *lock = NULL;
        silt_lock_info old = {0};
        assert_int_equal(silt_lock_acquire(state, &opts, &lock, &old, &error), SILT_OK);
        assert_true(old.present && !old.readable);
        silt_lock_free(lock);
    }
}

static void a_dead_owner_is_replaced_at_once(void **local)
{
    (void)local;
    leave_lock();
    forge("process_start", "1"); /* the pid is another process's by now */
    assert_false(look().alive);
    silt_lock_options opts = options();
    silt_lock *lock = NULL;
    silt_lock_info old = {0};
    assert_int_equal(silt_lock_acquire(state, &opts, &lock, &old, &error), SILT_OK);
    assert_true(old.present && old.readable && !old.alive);
    assert_int_equal(old.pid, getpid());
    assert_string_not_equal(look().token, old.token);
    silt_lock_free(lock);

    leave_lock();
    forge("boot_id", "\"00000000-0000-0000-0000-000000000000 pid:[1]\"");
    assert_int_equal(try_acquire(false), SILT_OK);
}

static void another_hosts_lock_holds_until_it_times_out(void **local)
{
    (void)local;
    leave_lock();
    forge("hostname", "\"elsewhere\"");
    silt_lock_info info = look();
    assert_true(info.alive && info.assumed && !info.same_host);
    assert_int_equal(try_acquire(false), SILT_LOCKED);
    assert_non_null(strstr(error.message, "on elsewhere since"));
    now_us = info.timeout_us - 1000;
    assert_int_equal(try_acquire(false), SILT_LOCKED);
    now_us = info.timeout_us;
    assert_false(look().alive);
    assert_int_equal(try_acquire(false), SILT_OK);

    leave_lock();
    forge("hostname", "\"elsewhere\"");
    assert_int_equal(try_acquire(true), SILT_OK); /* forced */
    assert_false(look().present);
}

static void is_renewed_when_a_third_is_over(void **local)
{
    (void)local;
    silt_lock_options opts = options();
    silt_lock *lock = acquire(&opts);
    silt_lock_info before = look();
    now_us += 39 * 60 * INT64_C(1000000);
    assert_int_equal(silt_lock_renew(lock, &error), SILT_OK);
    assert_int_equal(look().timeout_us, before.timeout_us);
    now_us += 61 * INT64_C(1000000);
    assert_int_equal(silt_lock_renew(lock, &error), SILT_OK);
    silt_lock_info after = look();
    assert_int_equal(after.timeout_us / 1000, now_us / 1000 + 120 * 60 * 1000);
    assert_int_equal(after.acquired_us, before.acquired_us);
    assert_string_equal(after.token, before.token);
    silt_lock_free(lock);
}

static void a_forced_owner_notices_and_leaves_the_other_alone(void **local)
{
    (void)local;
    silt_lock_options opts = options();
    silt_lock *first = acquire(&opts);
    opts.force = true;
    silt_lock *second = NULL;
    silt_lock_info old = {0};
    assert_int_equal(silt_lock_acquire(state, &opts, &second, &old, &error), SILT_OK);
    assert_true(old.present && old.alive);
    silt_lock_info info = look();
    now_us += 41 * 60 * INT64_C(1000000);
    assert_int_equal(silt_lock_renew(first, &error), SILT_FENCED);
    assert_non_null(strstr(error.message, "taken away"));
    silt_lock_free(first);
    assert_string_equal(look().token, info.token);
    assert_int_equal(silt_lock_renew(second, &error), SILT_OK);
    assert_int_equal(try_acquire(false), SILT_LOCKED);
    silt_lock_free(second);
    assert_false(look().present);
}

static void a_deleted_lock_is_noticed(void **local)
{
    (void)local;
    silt_lock_options opts = options();
    silt_lock *lock = acquire(&opts);
    assert_int_equal(silt_lock_force(state, &error), SILT_OK);
    assert_int_equal(silt_lock_force(state, &error), SILT_OK); /* none there: as good */
    now_us += 41 * 60 * INT64_C(1000000);
    assert_int_equal(silt_lock_renew(lock, &error), SILT_FENCED);
    silt_lock_free(lock);
    assert_false(look().present);
}

/* As it is on a network file system without locks: another host writes into the very file. */
static void an_overwritten_lock_is_noticed(void **local)
{
    (void)local;
    silt_lock_options opts = options();
    silt_lock *lock = acquire(&opts);
    SILT_CLEAN(silt_buf) theirs = {0};
    silt_buf_puts(&theirs, body());
    const char *token = look().token;
    char *at = strstr(theirs.data, silt_arena_strdup(arena, token));
    assert_non_null(at);
    memcpy(at, "00000000", 8);
    if (*local) {
        char *path = test_path(dir, "a/state/" SILT_LOCK_KEY);
        int fd = open(path, O_WRONLY);
        assert_int_equal(pwrite(fd, theirs.data, theirs.size, 0), theirs.size);
        close(fd);
        free(path);
    } else {
        put_body(theirs.data);
    }
    now_us += 41 * 60 * INT64_C(1000000);
    assert_int_equal(silt_lock_renew(lock, &error), SILT_FENCED);
    silt_lock_free(lock);
    assert_true(look().present);
}

/* ---- processes */

/* A process that takes the lock, tells so, and then waits to be killed or told to go. */
typedef struct holder {
    pid_t pid;
    int from, to;
} holder;

static holder start_holder(void)
{
    int up[2], down[2];
    assert_int_equal(pipe2(up, O_CLOEXEC), 0);
    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    holder h = {.pid = fork(), .from = up[0], .to = down[1]};
    assert_true(h.pid >= 0);
    if (h.pid == 0) {
        close(down[1]);
        silt_lock_options opts = options();
        silt_lock *lock = NULL;
        char c = silt_lock_acquire(state, &opts, &lock, NULL, NULL) == SILT_OK ? 'y' : 'n';
        if (write(up[1], &c, 1) == 1 && read(down[0], &c, 1) == 1) silt_lock_free(lock);
        _exit(0);
    }
    close(up[1]);
    close(down[0]);
    char c = 0;
    assert_int_equal(read(h.from, &c, 1), 1);
    assert_int_equal(c, 'y');
    return h;
}

static void end_holder(holder *h, bool by_kill)
{
    if (by_kill) kill(h->pid, SIGKILL);
    if (!by_kill) assert_int_equal(write(h->to, "x", 1), 1);
    assert_int_equal(waitpid(h->pid, NULL, 0), h->pid);
    close(h->from);
    close(h->to);
}

static void another_process_is_told_and_waited_for(void **local)
{
    (void)local;
    holder h = start_holder();
    silt_lock_info info = look();
    assert_true(info.alive);
    assert_int_equal(info.pid, h.pid);
    assert_int_equal(try_acquire(false), SILT_LOCKED);
    char pid[64];
    snprintf(pid, sizeof(pid), "by PID %d on ", (int)h.pid);
    assert_non_null(strstr(error.message, pid));
    end_holder(&h, false);
    assert_false(look().present);
    assert_int_equal(try_acquire(false), SILT_OK);
}

static void a_killed_process_is_replaced_at_once(void **local)
{
    (void)local;
    holder h = start_holder();
    end_holder(&h, true);
    silt_lock_info info = look();
    assert_true(info.present && info.readable && !info.alive);
    assert_int_equal(try_acquire(false), SILT_OK);
    assert_false(look().present);
}

/* A file that is garbage, but whose owner holds it open and locked: the kernel knows. */
static void garbage_of_a_living_process_is_left_alone(void **local)
{
    (void)local;
    holder h = start_holder();
    char *path = test_path(dir, "a/state/" SILT_LOCK_KEY);
    int fd = open(path, O_WRONLY);
    assert_int_equal(ftruncate(fd, 20), 0);
    close(fd);
    free(path);
    assert_true(look().alive && !look().readable);
    assert_int_equal(try_acquire(false), SILT_LOCKED);
    assert_int_equal(try_acquire(true), SILT_OK);
    end_holder(&h, true);
}

/* A container or another namespace may know no such pid; the kernel's word counts on this host. */
static void a_living_process_of_unknown_pid_is_left_alone(void **local)
{
    (void)local;
    holder h = start_holder();
    char *path = test_path(dir, "a/state/" SILT_LOCK_KEY);
    char *text = test_read(dir, "a/state/" SILT_LOCK_KEY, NULL);
    char *start = strstr(text, "\"process_start\":");
    assert_non_null(start);
    start[strlen("\"process_start\":")] ^= 1;
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
    close(fd);
    free(text);
    free(path);
    assert_true(look().alive);
    assert_int_equal(try_acquire(false), SILT_LOCKED);
    end_holder(&h, true);
}

static int64_t real_now(void *ctx)
{
    (void)ctx;
    return silt_now_us(NULL);
}

static void short_sleep(void *ctx, int64_t ms)
{
    (void)ctx, (void)ms;
    usleep(500);
}

/* One of many: takes the lock again and again, and looks whether it is alone. Every few times it
 * dies holding it. */
static void race(const char *mark, int id)
{
    const silt_clock hasty = {real_now, short_sleep, NULL};
    silt_lock_options opts = options();
    opts.clock = &hasty;
    opts.wait_seconds = 60;
    for (int i = 0; i < 10; i++) {
        silt_lock *lock = NULL;
        if (silt_lock_acquire(state, &opts, &lock, NULL, NULL) != SILT_OK) _exit(1);
        int fd = open(mark, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0) _exit(2); /* not alone */
        close(fd);
        usleep(200);
        if (unlink(mark) != 0) _exit(3);
        if (id % 4 == 3 && i == 5) raise(SIGKILL);
        silt_lock_free(lock);
    }
    _exit(0);
}

static void twenty_processes_hold_it_one_at_a_time(void **local)
{
    (void)local;
    enum { PROCESSES = 20 };
    char *mark = test_path(dir, "mark");
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) race(mark, i);
    }
    int bad = 0;
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        if (i % 4 == 3 ? !killed : !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            print_message("# process %d ended with %x\n", i, (unsigned)status);
            bad++;
        }
    }
    free(mark);
    assert_int_equal(bad, 0);
    assert_int_equal(try_acquire(false), SILT_OK);
    char *folder = test_path(dir, "a/state"), *names = test_list(folder);
    assert_string_equal(names, ""); /* no temporary file either */
    free(names);
    free(folder);
}

#define LOCAL(function)                                                  \
    {                                                                    \
#function " (local)", function, setup, teardown, (void *)"local" \
    }
#define MEMORY(function)                                       \
    {                                                          \
#function " (memory)", function, setup, teardown, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOCAL(is_taken_and_given_back),
        MEMORY(is_taken_and_given_back),
        LOCAL(says_who_holds_it),
        MEMORY(says_who_holds_it),
        LOCAL(waits_as_long_as_asked),
        MEMORY(waits_as_long_as_asked),
        LOCAL(waiting_can_be_ended),
        MEMORY(waiting_can_be_ended),
        LOCAL(what_nobody_can_read_is_taken_over),
        MEMORY(what_nobody_can_read_is_taken_over),
        LOCAL(a_dead_owner_is_replaced_at_once),
        MEMORY(a_dead_owner_is_replaced_at_once),
        LOCAL(another_hosts_lock_holds_until_it_times_out),
        MEMORY(another_hosts_lock_holds_until_it_times_out),
        LOCAL(is_renewed_when_a_third_is_over),
        MEMORY(is_renewed_when_a_third_is_over),
        LOCAL(a_forced_owner_notices_and_leaves_the_other_alone),
        MEMORY(a_forced_owner_notices_and_leaves_the_other_alone),
        LOCAL(a_deleted_lock_is_noticed),
        MEMORY(a_deleted_lock_is_noticed),
        LOCAL(an_overwritten_lock_is_noticed),
        MEMORY(an_overwritten_lock_is_noticed),
        LOCAL(another_process_is_told_and_waited_for),
        LOCAL(a_killed_process_is_replaced_at_once),
        LOCAL(garbage_of_a_living_process_is_left_alone),
        LOCAL(a_living_process_of_unknown_pid_is_left_alone),
        LOCAL(twenty_processes_hold_it_one_at_a_time),
    };
    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
