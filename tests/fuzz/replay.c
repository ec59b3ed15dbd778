/* The main of a fuzz target that is no fuzzer: takes each file of a folder once, and says so as
 * TAP. What goes wrong ends the process, and the file's name is the last that it said. */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

static char *read_file(const char *path, size_t *size)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file && fstat(fileno(file), &st) == 0);
    *size = (size_t)st.st_size;
    char *data = malloc(*size ? *size : 1); /* exactly: a byte too far is found */
    FUZZ_CHECK(data && fread(data, 1, *size, file) == *size);
    fclose(file);
    return data;
}

int main(int argc, char **argv)
{
    FUZZ_CHECK(argc == 2);
    struct dirent **entries;
    int count = scandir(argv[1], &entries, NULL, alphasort), number = 0;
    FUZZ_CHECK(count >= 0);
    for (int i = 0; i < count; i++) {
        SILT_FREE struct dirent *entry = entries[i];
        if (entry->d_name[0] == '.') continue;
        SILT_CLEAN(silt_buf) path = {0};
        silt_buf_printf(&path, "%s/%s", argv[1], entry->d_name);
        size_t size;
        SILT_FREE char *data = read_file(path.data, &size);
        fprintf(stderr, "%s\n", path.data);
        LLVMFuzzerTestOneInput((const uint8_t *)data, size);
        printf("ok %d - %s\n", ++number, entry->d_name);
        fflush(stdout);
    }
    free(entries);
    printf("1..%d\n", number);
    return number ? 0 : 1;
}
