/* Files and folders for tests. */
#include "support/files.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

char *test_dir_new(void)
{
    const char *tmp = getenv("TMPDIR");
    char *path = test_path(tmp ? tmp : "/tmp", "silt-test-XXXXXX");
    if (!mkdtemp(path)) fail_msg("mkdtemp %s: %s", path, strerror(errno));
    return path;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)at;
    if (kind == FTW_DNR) chmod(path, 0700);
    return remove(path);
}

void test_dir_free(char *path)
{
    if (!path) return;
    if (nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS) != 0)
        fail_msg("remove %s: %s", path, strerror(errno));
    free(path);
}

char *test_path(const char *dir, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", dir, name) < 0) fail_msg("out of memory");
    return path;
}

void test_write(const char *dir, const char *name, const char *text)
{
    char *path = test_path(dir, name);
    for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            fail_msg("mkdir %s: %s", path, strerror(errno));
        *p = '/';
    }
    FILE *f = fopen(path, "wb");
    if (!f) fail_msg("open %s: %s", path, strerror(errno));
    size_t size = strlen(text);
    if (fwrite(text, 1, size, f) != size || fclose(f) != 0)
        fail_msg("write %s: %s", path, strerror(errno));
    free(path);
}

char *test_read(const char *dir, const char *name, size_t *size)
{
    char *path = test_path(dir, name);
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("open %s: %s", path, strerror(errno));
    char *text = NULL;
    size_t have = 0, got = 0;
    do {
        text = realloc(text, have + 65537);
        if (!text) fail_msg("out of memory");
        got = fread(text + have, 1, 65536, f);
        have += got;
    } while (got > 0);
    if (ferror(f)) fail_msg("read %s: %s", path, strerror(errno));
    fclose(f);
    free(path);
    text[have] = '\0';
    if (size) *size = have;
    return text;
}

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

char *test_list(const char *dir)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, not_dots, by_bytes);
    if (count < 0) fail_msg("list %s: %s", dir, strerror(errno));
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) fail_msg("out of memory");
    for (int i = 0; i < count; i++) {
        fprintf(out, "%s\n", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    fclose(out);
    return text;
}
