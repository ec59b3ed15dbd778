/* Files and folders for tests. Whatever fails here fails the test that asked. */
#ifndef SILT_TEST_FILES_H
#define SILT_TEST_FILES_H

#include <stddef.h>

/* A new folder under $TMPDIR; give back with test_dir_free(), which removes all that is in it. */
char *test_dir_new(void);
void test_dir_free(char *path);

/* "dir/name", to be given to free(). */
char *test_path(const char *dir, const char *name);

/* Writes a text; folders on the way are made. */
void test_write(const char *dir, const char *name, const char *text);
/* Reads one back, terminated; to be given to free(). */
char *test_read(const char *dir, const char *name, size_t *size);

/* The names in a folder without . and .., sorted, one a line, to be given to free(). */
char *test_list(const char *dir);

#endif
