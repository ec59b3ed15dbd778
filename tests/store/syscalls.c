/* Puts into the local file system, with each system call failed, its answer lost, or the process
 * killed at it. The calls are the program's own, defined here over the C library's. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/files.h"

/* ---- the trap */

typedef enum mode { FAIL, LOSE_ANSWER, KILL_BEFORE, KILL_AFTER } mode;

static struct {
    bool armed, fired;
    mode mode;
    int at, count, error;
    const char *only, *hit; /* the calls that are meant (NULL: any), and the one that was hit */
    bool always;            /* not only the n-th */
    size_t write_max;
    void (*before_rename)(void);
    char log[1024];
} trap;

static void arm(mode m, int at, int error)
{
    memset(&trap, 0, sizeof(trap));
    trap.mode = m;
    trap.at = at;
    trap.error = error;
    trap.armed = true;
}

static bool is_hit(const char *call)
{
    if (!trap.armed) return false;
    size_t size = strlen(trap.log);
    snprintf(trap.log + size, sizeof(trap.log) - size, "%s ", call);
    if (trap.only && !strstr(trap.only, call)) return false;
    if (++trap.count != trap.at && !trap.always) return false;
    trap.fired = true;
    trap.hit = call;
    if (trap.mode == KILL_BEFORE) raise(SIGKILL);
    return true;
}

static long answer(bool hit, long result)
{
    if (!hit) return result;
    if (trap.mode == KILL_AFTER) raise(SIGKILL);
    errno = trap.error;
    return -1;
}

/* A close is always done. */
#define TRAPPED(name, ...)                                              \
    bool hit = is_hit(#name);                                           \
    bool skip_it = hit && trap.mode == FAIL && SYS_##name != SYS_close; \
    return (int)answer(hit, skip_it ? -1 : syscall(SYS_##name, __VA_ARGS__))

int fsync(int fd)
{
    TRAPPED(fsync, fd);
}

int close(int fd)
{
    TRAPPED(close, fd);
}

int mkdir(const char *path, mode_t permissions)
{
    TRAPPED(mkdir, path, permissions);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    TRAPPED(renameat, from_dir, from, to_dir, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    if (trap.armed && trap.before_rename) trap.before_rename();
    TRAPPED(renameat2, from_dir, from, to_dir, to, flags);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    TRAPPED(linkat, from_dir, from, to_dir, to, flags);
}

int unlinkat(int dir, const char *path, int flags)
{
    TRAPPED(unlinkat, dir, path, flags);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (trap.armed && trap.write_max && size > trap.write_max) size = trap.write_max;
    TRAPPED(write, fd, data, size);
}

/* ---- a place with an object "old" and a local file */

static silt_error error;
static char *dir, *root, *source;
static silt_store *store;

static void open_store(bool durable)
{
    silt_store_options options = SILT_STORE_OPTIONS_INIT;
    options.no_durability = !durable;
    silt_store_free(store);
    assert_int_equal(silt_store_open(root, &options, &store, &error), SILT_OK);
}

static int setup(void **state)
{
    (void)state;
    dir = test_dir_new();
    root = test_path(dir, "store");
    source = test_path(dir, "source");
    test_write(dir, "store/folder/there", "old");
    test_write(dir, "source", "new");
    open_store(true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    trap.armed = false;
    silt_store_free(store);
    store = NULL;
    free(root);
    free(source);
    test_dir_free(dir);
    return 0;
}

typedef struct action {
    const char *name, *key;
    bool is_new;
} action;

static const action actions[] = {
    {"put_new", "folder/new", true},     {"put_new", "a/b/c/new", true},
    {"put", "folder/new", true},         {"put", "a/b/new", true},
    {"put_hint", "a/b/new", true},       {"put_hint", "folder/there", false},
    {"put", "folder/there", false},      {"put_file", "folder/new", true},
    {"put_file", "folder/there", false}, {"put_file", "a/new", true},
};

static silt_status act(const action *a)
{
    if (silt_streq(a->name, "put")) return store->ops->put(store, a->key, SILT_STR("new"), &error);
    if (silt_streq(a->name, "put_hint"))
        return store->ops->put_hint(store, a->key, SILT_STR("new"), &error);
    if (silt_streq(a->name, "put_new"))
        return store->ops->put_new(store, a->key, SILT_STR("new"), &error);
    return store->ops->put_file(store, a->key, source, &error);
}

static bool no_temp(void *ctx, const silt_object *object)
{
    int *count = ctx;
    ++*count;
    return strstr(object->key, ".silt-tmp-") == NULL;
}

static bool has_leftovers(const char *folder)
{
    char *path = test_path(root, folder);
    char *names = access(path, F_OK) == 0 ? test_list(path) : NULL;
    bool found = names && strstr(names, ".silt-tmp-");
    free(names);
    free(path);
    return found;
}

/* What a new reader sees: 'n' the new body, 'o' the old one, '-' nothing; anything else fails. */
static char look(const action *a)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_bytes body;
    int count = 0;
    open_store(true);
    silt_status st = silt_store_get_all(store, a->key, arena, &body, &error);
    assert_int_equal(store->ops->list(store, "", NULL, true, no_temp, &count, &error), SILT_OK);
    assert_int_equal(count, a->is_new && st == SILT_OK ? 2 : 1);
    if (st == SILT_NOT_FOUND) return '-';
    assert_int_equal(st, SILT_OK);
    if (silt_bytes_equal(body, SILT_STR("new"))) return 'n';
    assert_true(silt_bytes_equal(body, SILT_STR("old")));
    return 'o';
}

static void assert_consistent(const action *a, silt_status st, bool killed)
{
    char seen = look(a), before = a->is_new ? '-' : 'o';
    const char *what = trap.hit ? trap.hit : "killed";
    if (seen != 'n' && seen != before) fail_msg("%s at %s: saw %c", a->name, what, seen);
    if (!killed && st == SILT_OK && seen != 'n')
        fail_msg("%s at %s: OK, but %c", a->name, what, seen);
    if (!killed && st != SILT_OK && st != SILT_UNSURE && seen != before)
        fail_msg("%s at %s: %s, but %c", a->name, what, silt_status_name(st), seen);
    if (!killed && st != SILT_OK && st != SILT_UNSURE && access(source, F_OK) != 0)
        fail_msg("%s at %s: the source is gone", a->name, what);
    bool may_leave = killed || silt_streq(trap.hit, "unlinkat");
    if (!may_leave)
        assert_false(has_leftovers("folder") || has_leftovers("a") || has_leftovers("a/b"));

    /* Whatever happened, it can be done again. */
    test_write(dir, "source", "new");
    st = act(a);
    bool taken = seen == 'n' && silt_streq(a->name, "put_new");
    assert_string_equal(silt_status_name(st), taken ? "exists" : "ok");
    assert_int_equal(look(a), 'n');
}

static void sweep(mode m, int errnum)
{
    for (size_t i = 0; i < SILT_COUNT(actions); i++) {
        int fired = 0;
        for (int n = 1;; n++, fired++) {
            setup(NULL);
            arm(m, n, errnum);
            silt_status st = act(&actions[i]);
            trap.armed = false;
            bool done = !trap.fired;
            if (done) assert_int_equal(st, SILT_OK);
            assert_consistent(&actions[i], st, false);
            teardown(NULL);
            if (done) break;
        }
        assert_true(fired >= 4);
    }
}

static void a_call_that_fails_is_told_as_it_was(void **state)
{
    (void)state;
    const int errors[] = {EIO, ENOSPC, EACCES, EDQUOT, ENOMEM, ETIMEDOUT, ESTALE, EINTR};
    for (size_t i = 0; i < SILT_COUNT(errors); i++)
        sweep(FAIL, errors[i]);
}

static void a_lost_answer_is_never_a_false_one(void **state)
{
    (void)state;
    sweep(LOSE_ANSWER, EIO);
    sweep(LOSE_ANSWER, ETIMEDOUT);
    sweep(LOSE_ANSWER, ENOENT); /* what NFS makes of a rename that is sent twice */
}

/* Whether the child was killed at call n. */
static bool act_in_child(const action *a, mode m, int n)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        arm(m, n, 0);
        _exit(act(a) == SILT_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGKILL;
    assert_int_equal(status, 0);
    return false;
}

static void a_kill_at_any_call_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    const mode modes[] = {KILL_BEFORE, KILL_AFTER};
    for (size_t k = 0; k < SILT_COUNT(modes); k++) {
        for (size_t i = 0; i < SILT_COUNT(actions); i++) {
            bool killed = true;
            for (int n = 1; killed; n++) {
                setup(NULL);
                killed = act_in_child(&actions[i], modes[k], n);
                if (!killed) assert_int_equal(look(&actions[i]), 'n');
                assert_consistent(&actions[i], SILT_OK, true);
                teardown(NULL);
            }
        }
    }
}

/* ---- one by one */

static void assert_calls(const action *a, const char *calls)
{
    arm(FAIL, 0, 0);
    silt_status st = act(a);
    trap.armed = false;
    assert_int_equal(st, SILT_OK);
    assert_string_equal(trap.log, calls);
}

static void bytes_are_durable_before_the_name_and_the_name_before_ok(void **state)
{
    (void)state;
    assert_calls(&(action){"put_new", "folder/1", true},
                 "write fsync close renameat2 fsync close ");
    assert_calls(&(action){"put", "folder/2", true},
                 "write fsync close unlinkat renameat fsync close ");
    assert_calls(&(action){"put_hint", "folder/7", true}, "write close unlinkat renameat close ");
    assert_calls(&(action){"put_file", "folder/3", true},
                 "fsync unlinkat renameat fsync close close ");
    assert_calls(
        &(action){"put_new", "a/b/4", true},
        "mkdir mkdir fsync close mkdir fsync close write fsync close renameat2 fsync close ");
    assert_calls(&(action){"put_new", "a/c/4", true},
                 "mkdir fsync close write fsync close renameat2 fsync close ");
    open_store(false);
    test_write(dir, "source", "new");
    assert_calls(&(action){"put_new", "folder/5", true}, "write close renameat2 close ");
    assert_calls(&(action){"put", "folder/6", true}, "write close unlinkat renameat close ");
    assert_calls(&(action){"put_file", "folder/7", true}, "unlinkat renameat close close ");
}

static silt_status put_new_with(const char *key, const char *call, int at, mode m, int errnum)
{
    arm(m, at, errnum);
    trap.only = call;
    silt_status st = store->ops->put_new(store, key, SILT_STR("new"), &error);
    trap.armed = false;
    return st;
}

static void a_folder_that_cannot_be_synced_is_unsure(void **state)
{
    (void)state;
    assert_int_equal(put_new_with("folder/a", "fsync", 2, FAIL, EIO), SILT_UNSURE);
    assert_int_equal(error.status, SILT_UNSURE);
    assert_int_equal(error.cause, EIO);
    assert_int_equal(put_new_with("folder/b", "fsync", 1, FAIL, EIO), SILT_IO);
    /* There are file systems that can't do it at all. */
    assert_int_equal(put_new_with("folder/c", "fsync", 2, FAIL, EINVAL), SILT_OK);
}

/* As on NFS and some FUSE file systems: EINVAL, then link(). */
static void link_does_where_rename_cannot(void **state)
{
    (void)state;
    const action a = {"put_new", "folder/new", true};
    const int unknown[] = {EINVAL, ENOSYS};
    for (size_t i = 0; i < SILT_COUNT(unknown); i++) {
        assert_int_equal(put_new_with(a.key, "renameat2", 1, FAIL, unknown[i]), SILT_OK);
        assert_string_equal(trap.log, "write fsync close renameat2 linkat fsync unlinkat close ");
        assert_int_equal(look(&a), 'n');
        assert_false(has_leftovers("folder"));
        assert_int_equal(store->ops->remove(store, a.key, &error), SILT_OK);
    }
}

static void create_the_target(void)
{
    trap.before_rename = NULL;
    test_write(dir, "store/folder/new", "old");
}

static void who_comes_between_wins(void **state)
{
    (void)state;
    const action a = {"put_new", "folder/new", true};
    for (int by_link = 0; by_link < 2; by_link++) {
        arm(FAIL, 1, EINVAL);
        trap.only = by_link ? "renameat2" : "none";
        trap.before_rename = create_the_target;
        assert_int_equal(act(&a), SILT_EXISTS);
        trap.armed = false;
        assert_int_equal(look(&a), 'o');
        assert_false(has_leftovers("folder"));
        assert_int_equal(store->ops->remove(store, a.key, &error), SILT_OK);
    }
}

/* As on NFS: the link was made, but its answer was lost, and the second try found its own work. */
static void link_the_temp(void)
{
    trap.armed = false;
    char *folder = test_path(root, "folder"), *names = test_list(folder);
    char *temp = strstr(names, ".silt-tmp-");
    assert_non_null(temp);
    temp[strcspn(temp, "\n")] = '\0';
    char *from = test_path(folder, temp), *to = test_path(folder, "new");
    assert_int_equal(link(from, to), 0);
    free(from);
    free(to);
    free(names);
    free(folder);
    trap.before_rename = NULL;
    trap.armed = true;
}

static void a_link_whose_answer_was_lost_is_ours(void **state)
{
    (void)state;
    const action a = {"put_new", "folder/new", true};
    arm(FAIL, 1, EINVAL);
    trap.only = "renameat2";
    trap.before_rename = link_the_temp;
    assert_int_equal(act(&a), SILT_OK); /* linkat itself says EEXIST */
    trap.armed = false;
    assert_int_equal(look(&a), 'n');
    assert_false(has_leftovers("folder"));
}

static void without_rename_and_link_it_is_unsupported(void **state)
{
    (void)state;
    const action a = {"put_new", "folder/new", true};
    const int unknown[] = {EINVAL, ENOSYS};
    for (size_t i = 0; i < SILT_COUNT(unknown); i++) {
        arm(FAIL, 0, unknown[i]);
        trap.only = "renameat2 linkat";
        trap.always = true;
        assert_int_equal(act(&a), SILT_UNSUPPORTED);
        trap.armed = false;
        assert_true(error.hint[0] != '\0');
        assert_int_equal(look(&a), '-');
        assert_false(has_leftovers("folder"));
    }
}

static void short_and_interrupted_writes_go_on(void **state)
{
    (void)state;
    arm(FAIL, 2, EINTR);
    trap.only = "write";
    trap.write_max = 1;
    const action a = {"put", "folder/there", false};
    assert_int_equal(act(&a), SILT_OK);
    trap.armed = false;
    assert_true(trap.fired);
    assert_int_equal(look(&a), 'n');
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_fails_is_told_as_it_was),
        cmocka_unit_test(a_lost_answer_is_never_a_false_one),
        cmocka_unit_test(a_kill_at_any_call_leaves_the_old_or_the_new),
        CASE(bytes_are_durable_before_the_name_and_the_name_before_ok),
        CASE(a_folder_that_cannot_be_synced_is_unsure),
        CASE(link_does_where_rename_cannot),
        CASE(who_comes_between_wins),
        CASE(a_link_whose_answer_was_lost_is_ours),
        CASE(without_rename_and_link_it_is_unsupported),
        CASE(short_and_interrupted_writes_go_on),
    };
    return cmocka_run_group_tests_name("store syscalls", tests, NULL, NULL);
}
