/* What only the local file system does: links, permissions, full disks, leftovers. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/files.h"

#define assert_ok(call)                                                                       \
    do {                                                                                      \
        silt_status status_ = (call);                                                         \
        if (status_ != SILT_OK) fail_msg("%s: %s", silt_status_name(status_), error.message); \
    } while (0)
#define assert_status(call, expected) \
    assert_string_equal(silt_status_name(call), silt_status_name(expected))

static silt_error error;

typedef struct place {
    char *dir, *root;
    silt_store *store;
    silt_arena *arena;
} place;

static int setup(void **state)
{
    place *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->dir = test_dir_new();
    p->root = test_path(p->dir, "store");
    p->arena = silt_arena_new();
    assert_ok(silt_store_open(p->root, NULL, &p->store, &error));
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    place *p = *state;
    silt_store_free(p->store);
    silt_arena_free(p->arena);
    free(p->root);
    test_dir_free(p->dir);
    free(p);
    return 0;
}

static silt_status put(place *p, const char *key, const char *text)
{
    return p->store->ops->put(p->store, key, silt_bytes_of(text), &error);
}

static silt_status put_new(place *p, const char *key, const char *text)
{
    return p->store->ops->put_new(p->store, key, silt_bytes_of(text), &error);
}

static silt_status get(place *p, const char *key, const char **out)
{
    silt_bytes body = {0};
    silt_status st = silt_store_get_all(p->store, key, p->arena, &body, &error);
    *out = body.data;
    return st;
}

static bool collect(void *ctx, const silt_object *object)
{
    silt_buf_puts(ctx, object->key);
    silt_buf_putc(ctx, '|');
    return true;
}

static const char *list(place *p, const char *prefix)
{
    SILT_CLEAN(silt_buf) text = {0};
    assert_ok(p->store->ops->list(p->store, prefix, NULL, true, collect, &text, &error));
    return silt_buf_copy(&text, p->arena);
}

static void put_by_hand(place *p, const char *key, const char *text)
{
    char *name = test_path("store", key); /* the root is made, too */
    test_write(p->dir, name, text);
    free(name);
}

static void link_to(place *p, const char *target, const char *name)
{
    char *path = test_path(p->dir, name);
    if (symlink(target, path) != 0) fail_msg("symlink %s: %s", path, strerror(errno));
    free(path);
}

/* ---- what there is */

static void objects_are_plain_files_and_nothing_else_is_left(void **state)
{
    place *p = *state;
    assert_ok(put(p, "a/b c", "one"));
    assert_ok(put(p, "a/b c", "two"));
    assert_ok(put_new(p, "a/d", "three"));
    assert_status(put_new(p, "a/d", "four"), SILT_EXISTS);
    char *folder = test_path(p->root, "a"), *names = test_list(folder);
    assert_string_equal(names, "b c\nd\n");
    char *text = test_read(folder, "b c", NULL);
    assert_string_equal(text, "two");
    free(text);
    free(names);
    free(folder);
}

static void leftovers_of_a_crash_are_never_seen(void **state)
{
    place *p = *state;
    put_by_hand(p, "a/.silt-tmp-0b9f", "half");
    put_by_hand(p, ".silt-tmp-0b9f", "half");
    put_by_hand(p, "a/.hidden", "whole");
    assert_string_equal(list(p, ""), "a/.hidden|");
    assert_string_equal(list(p, "a/"), "a/.hidden|");
    assert_ok(put_new(p, "a/b", "x"));
    assert_string_equal(list(p, ""), "a/.hidden|a/b|");
}

static void symbolic_links_are_followed(void **state)
{
    place *p = *state;
    test_write(p->dir, "elsewhere/x/y", "far");
    put_by_hand(p, "a/near", "near");
    link_to(p, "../elsewhere", "store/linked");
    link_to(p, "a/near", "store/file");
    link_to(p, "nowhere", "store/dangling");
    link_to(p, "..", "store/a/back");
    link_to(p, "self", "store/self");
    link_to(p, "store", "by_link");
    assert_string_equal(list(p, ""), "a/near|file|linked/x/y|");
    assert_string_equal(list(p, "linked/x/"), "linked/x/y|");
    const char *text;
    assert_ok(get(p, "linked/x/y", &text));
    assert_string_equal(text, "far");
    assert_ok(get(p, "file", &text));
    assert_string_equal(text, "near");
    assert_status(get(p, "dangling", &text), SILT_NOT_FOUND);
    assert_status(put_new(p, "dangling", "x"), SILT_EXISTS); /* the name is taken */
    assert_status(get(p, "self", &text), SILT_IO);
    assert_ok(put(p, "linked/new", "x"));
    assert_ok(put(p, "file", "own")); /* replaces the link, not what it leads to */
    assert_ok(get(p, "a/near", &text));
    assert_string_equal(text, "near");

    silt_store_free(p->store);
    char *root = test_path(p->dir, "by_link");
    assert_ok(silt_store_open(root, NULL, &p->store, &error));
    free(root);
    assert_string_equal(list(p, "linked/"), "linked/new|linked/x/y|");
}

static void a_pipe_is_no_object_and_nobody_waits_for_it(void **state)
{
    place *p = *state;
    assert_ok(put(p, "a", "x"));
    char *path = test_path(p->root, "pipe");
    assert_int_equal(mkfifo(path, 0666), 0);
    free(path);
    const char *text;
    silt_object object;
    assert_status(get(p, "pipe", &text), SILT_IO);
    assert_status(p->store->ops->head(p->store, "pipe", p->arena, &object, &error), SILT_NOT_FOUND);
    assert_string_equal(list(p, ""), "a|");
}

static void many_files_are_listed_in_order(void **state)
{
    place *p = *state;
    for (int i = 0; i < 3000; i++) {
        char name[64];
        snprintf(name, sizeof(name), "log/%020d.json", (int)(i * 7919u % 3000));
        put_by_hand(p, name, "");
    }
    const char *keys = list(p, "log/");
    for (int i = 0; i < 3000; i++) {
        char name[64];
        int size = snprintf(name, sizeof(name), "log/%020d.json|", i);
        assert_memory_equal(keys + i * size, name, size);
    }
}

/* ---- what is in the way */

static void a_file_in_place_of_the_root_is_told(void **state)
{
    place *p = *state;
    test_write(p->dir, "store", "a file");
    SILT_CLEAN(silt_buf) none = {0};
    const char *text;
    assert_status(p->store->ops->list(p->store, "", NULL, true, collect, &none, &error), SILT_IO);
    assert_non_null(strstr(error.message, "is not a folder"));
    assert_status(p->store->ops->list(p->store, "a/", NULL, true, collect, &none, &error), SILT_IO);
    assert_status(get(p, "a", &text), SILT_IO);
    assert_non_null(strstr(error.message, p->root));
    assert_status(put(p, "a/b", "x"), SILT_IO);
    assert_status(put_new(p, "a", "x"), SILT_IO);
    assert_int_equal(error.cause, ENOTDIR);
}

static void a_file_in_place_of_a_folder_is_told(void **state)
{
    place *p = *state;
    assert_ok(put(p, "a", "x"));
    assert_status(put_new(p, "a/b", "x"), SILT_IO);
    assert_int_equal(error.cause, ENOTDIR);
    assert_status(put_new(p, "a/b/c", "x"), SILT_IO);
    assert_ok(put(p, "d/e", "x"));
    assert_status(put(p, "d", "x"), SILT_IO);
    assert_status(put_new(p, "d", "x"), SILT_EXISTS);
    assert_string_equal(list(p, ""), "a|d/e|");
}

static void a_name_that_is_too_long_is_told(void **state)
{
    place *p = *state;
    char key[5000];
    memset(key, 'n', 300);
    key[300] = '\0';
    assert_status(put(p, key, "x"), SILT_IO);
    assert_int_equal(error.cause, ENAMETOOLONG);
    for (size_t i = 0; i < sizeof(key) - 1; i++)
        key[i] = i % 2 ? '/' : 'n';
    key[sizeof(key) - 2] = 'n';
    key[sizeof(key) - 1] = '\0';
    key[sizeof(key) - 3] = 'n';
    assert_status(put(p, key, "x"), SILT_INVALID);
}

/* ---- in a child, which may lose its rights or its disk without harm to the others */

/* 0: as expected; 77: can't be tried here; else the line that failed. */
static int in_child(int (*act)(place *), place *p)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(act(p) & 0xFF);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define EXPECT(condition)                                                                    \
    do {                                                                                     \
        if (!(condition)) return print_message("line %d: %s\n", __LINE__, error.message), 1; \
    } while (0)

static int without_rights(place *p)
{
    char *closed = test_path(p->root, "closed"), *open = test_path(p->root, "open");
    chmod(closed, 0700);
    chmod(open, 0755);
    chmod(p->dir, 0755);
    if (geteuid() == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0) return 77;
    } else {
        chmod(closed, 0);
        chmod(open, 0555);
    }
    SILT_CLEAN(silt_buf) text = {0};
    const char *body;
    EXPECT(put(p, "open/new", "x") == SILT_DENIED);
    EXPECT(strstr(error.message, "open/new") && error.cause == EACCES && error.hint[0]);
    EXPECT(put_new(p, "open/new", "x") == SILT_DENIED);
    EXPECT(put_new(p, "open/folder/new", "x") == SILT_DENIED);
    EXPECT(put(p, "closed/new", "x") == SILT_DENIED);
    EXPECT(get(p, "closed/a", &body) == SILT_DENIED);
    EXPECT(error.hint[0]);
    EXPECT(get(p, "open/a", &body) == SILT_OK);
    EXPECT(p->store->ops->remove(p->store, "open/a", &error) == SILT_DENIED);
    EXPECT(p->store->ops->list(p->store, "", NULL, true, collect, &text, &error) == SILT_DENIED);
    EXPECT(strstr(error.message, "closed"));
    EXPECT(p->store->ops->list(p->store, "open/", NULL, true, collect, &text, &error) == SILT_OK);
    free(closed);
    free(open);
    return 0;
}

static void missing_permission_is_denied(void **state)
{
    place *p = *state;
    assert_ok(put(p, "closed/a", "x"));
    assert_ok(put(p, "open/a", "x"));
    int code = in_child(without_rights, p);
    char *closed = test_path(p->root, "closed"), *open = test_path(p->root, "open");
    chmod(closed, 0700);
    chmod(open, 0700);
    free(closed);
    free(open);
    if (code == 77) {
        print_message("# skipped: there is no other user to become\n");
        skip();
    }
    assert_int_equal(code, 0);
}

static int count_names(const char *folder)
{
    char *names = test_list(folder);
    int count = 0;
    for (const char *c = names; *c; c++)
        count += *c == '\n';
    free(names);
    return count;
}

static bool write_proc(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) close(fd);
    return done;
}

/* Mounts are the child's own from here on. Who isn't root becomes root of a namespace, if that may
 * be. */
static bool own_mounts(void)
{
    if (unshare(CLONE_NEWNS) == 0) return true;
    char uid[64], gid[64];
    snprintf(uid, sizeof(uid), "0 %u 1", (unsigned)geteuid());
    snprintf(gid, sizeof(gid), "0 %u 1", (unsigned)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_proc("/proc/self/setgroups", "deny") && write_proc("/proc/self/uid_map", uid) &&
           write_proc("/proc/self/gid_map", gid);
}

/* A disk of 64 KiB. */
static int on_a_small_disk(place *p)
{
    if (!own_mounts()) return 77;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return 77;
    if (mount("silt-test", p->root, "tmpfs", 0, "size=64k,nr_inodes=20") != 0) return 77;
    char *big = calloc(1, 100000);
    memset(big, 'x', 99999);
    char *file = test_path(p->dir, "source");
    test_write(p->dir, "source", big);
    const char *body;
    EXPECT(put(p, "a", "old") == SILT_OK);
    EXPECT(put(p, "a", big) == SILT_NOSPACE);
    EXPECT(strstr(error.message, "store/a") && error.cause == ENOSPC && error.hint[0]);
    EXPECT(get(p, "a", &body) == SILT_OK && strcmp(body, "old") == 0);
    EXPECT(put_new(p, "b", big) == SILT_NOSPACE);
    EXPECT(get(p, "b", &body) == SILT_NOT_FOUND);
    EXPECT(p->store->ops->put_file(p->store, "c", file, &error) == SILT_NOSPACE); /* copies */
    EXPECT(access(file, F_OK) == 0);
    EXPECT(count_names(p->root) == 1);
    char name[16];
    silt_status st = SILT_OK;
    for (int i = 0; i < 40 && st == SILT_OK; i++) { /* no inode left */
        snprintf(name, sizeof(name), "n%d", i);
        st = put_new(p, name, "");
    }
    EXPECT(st == SILT_NOSPACE);
    EXPECT(p->store->ops->remove(p->store, "n0", &error) == SILT_OK);
    EXPECT(put_new(p, "b", "small") == SILT_OK);
    free(big);
    free(file);
    return 0;
}

static void a_full_disk_changes_nothing(void **state)
{
    place *p = *state;
    assert_int_equal(mkdir(p->root, 0777), 0);
    int code = in_child(on_a_small_disk, p);
    if (code == 77) {
        print_message("# skipped: a file system can't be mounted here\n");
        skip();
    }
    assert_int_equal(code, 0);
}

static int with_a_file_size_limit(place *p)
{
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {1000, 1000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 77;
    char big[2000];
    const char *body;
    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    EXPECT(put(p, "a", big) == SILT_IO);
    EXPECT(error.cause == EFBIG && strstr(error.message, "store/a"));
    EXPECT(put_new(p, "b", big) == SILT_IO);
    EXPECT(get(p, "a", &body) == SILT_OK && strcmp(body, "old") == 0);
    EXPECT(get(p, "b", &body) == SILT_NOT_FOUND);
    EXPECT(count_names(p->root) == 1);
    return 0;
}

static void a_file_size_limit_changes_nothing(void **state)
{
    place *p = *state;
    assert_ok(put(p, "a", "old"));
    assert_int_equal(in_child(with_a_file_size_limit, p), 0);
}

/* ---- local files */

/* Hadoop refuses a file that isn't what `.<name>.crc` says. */
static void sums_of_a_replaced_body_go(void **state)
{
    place *p = *state;
    char *sums[] = {test_path(p->root, "l/.x.crc"), test_path(p->root, "l/.y.crc"),
                    test_path(p->root, "l/.z.crc")};
    for (int i = 0; i < 3; i++) {
        const char *keys[] = {"l/.x.crc", "l/.y.crc", "l/.z.crc"};
        put_by_hand(p, keys[i], "sums");
    }
    put_by_hand(p, "l/z", "z");
    test_write(p->dir, "new", "body");
    char *new = test_path(p->dir, "new");
    assert_ok(p->store->ops->put(p->store, "l/x", silt_bytes_of("body"), &error));
    assert_ok(p->store->ops->put_file(p->store, "l/y", new, &error));
    assert_int_equal(p->store->ops->put_new(p->store, "l/z", silt_bytes_of("body"), &error),
                     SILT_EXISTS);
    assert_int_equal(access(sums[0], F_OK), -1);
    assert_int_equal(access(sums[1], F_OK), -1);
    assert_int_equal(access(sums[2], F_OK), 0); /* of a body that stays */
    for (int i = 0; i < 3; i++)
        free(sums[i]);
    free(new);
}

static void put_file_takes_a_link_s_content(void **state)
{
    place *p = *state;
    test_write(p->dir, "real", "body");
    link_to(p, "real", "link");
    char *link = test_path(p->dir, "link"), *real = test_path(p->dir, "real");
    const char *text;
    struct stat st;
    assert_ok(p->store->ops->put_file(p->store, "a/b", link, &error));
    assert_ok(get(p, "a/b", &text));
    assert_string_equal(text, "body");
    assert_int_equal(lstat(link, &st), -1);
    assert_int_equal(lstat(real, &st), 0);
    char *object = test_path(p->root, "a/b");
    assert_int_equal(lstat(object, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    free(object);
    free(link);
    free(real);
}

static void files_move_between_file_systems(void **state)
{
    place *p = *state;
    struct stat here, there;
    char far[] = "/dev/shm/silt-test-XXXXXX";
    int fd = mkstemp(far);
    if (fd < 0 || stat(p->dir, &here) != 0 || fstat(fd, &there) != 0 ||
        here.st_dev == there.st_dev) {
        print_message("# skipped: there is no second file system to be had\n");
        skip();
    }
    assert_int_equal(write(fd, "far body", 8), 8);
    close(fd);
    const char *text;
    assert_ok(p->store->ops->put_file(p->store, "a/b", far, &error));
    assert_int_equal(access(far, F_OK), -1);
    assert_ok(get(p, "a/b", &text));
    assert_string_equal(text, "far body");
    assert_ok(p->store->ops->get_file(p->store, "a/b", far, &error));
    assert_ok(put(p, "a/b", "changed"));
    text = test_read("/dev/shm", far + sizeof("/dev/shm"), NULL);
    assert_string_equal(text, "far body");
    free((char *)text);
    unlink(far);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(objects_are_plain_files_and_nothing_else_is_left),
        CASE(leftovers_of_a_crash_are_never_seen),
        CASE(symbolic_links_are_followed),
        CASE(a_pipe_is_no_object_and_nobody_waits_for_it),
        CASE(many_files_are_listed_in_order),
        CASE(a_file_in_place_of_the_root_is_told),
        CASE(a_file_in_place_of_a_folder_is_told),
        CASE(a_name_that_is_too_long_is_told),
        CASE(missing_permission_is_denied),
        CASE(a_full_disk_changes_nothing),
        CASE(a_file_size_limit_changes_nothing),
        CASE(sums_of_a_replaced_body_go),
        CASE(put_file_takes_a_link_s_content),
        CASE(files_move_between_file_systems),
    };
    return cmocka_run_group_tests_name("store file", tests, NULL, NULL);
}
