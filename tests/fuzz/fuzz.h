/* What fuzz targets share. A target is one file with LLVMFuzzerTestOneInput: linked with replay.c
 * it is a test that takes each file of tests/fuzz/corpus/TARGET once; linked with libFuzzer
 * (`make fuzz`) it looks for more. */
#ifndef SILT_FUZZ_H
#define SILT_FUZZ_H

#include <stdio.h>

#include "base/base.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has to hold whatever the input is; also in builds without assertions. */
#define FUZZ_CHECK(condition)                                                       \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

/* A terminated copy, up to the first NUL; to be given to free(). */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\0', size) : NULL;
    if (end) size = (size_t)(end - data);
    char *text = malloc(size + 1); /* exactly: a byte too far is found */
    FUZZ_CHECK(text);
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* ---- tables (table.c): what everybody does with one that others wrote. An error is fine, but has
 * to have a message. */
#define FUZZ_PROTOCOL "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
#define FUZZ_PROTOCOL_3                                                                 \
    "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[" \
    "\"v2Checkpoint\",\"deletionVectors\"],\"writerFeatures\":[\"v2Checkpoint\","       \
    "\"deletionVectors\"]}}\n"
#define FUZZ_METADATA                                                                         \
    "{\"metaData\":{\"id\":\"m\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"       \
    "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"a\\\"" \
    ",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":true,\\\"metadata\\\":{}}]}\","              \
    "\"partitionColumns\":[],\"configuration\":{}}}\n"

silt_store *fuzz_store_new(void);
void fuzz_put(silt_store *store, const char *key, const void *data, size_t size);
static inline void fuzz_put_text(silt_store *store, const char *key, const char *text)
{
    fuzz_put(store, key, text, strlen(text));
}
/* Opens the latest version, lists its files with all they have, and the history. */
void fuzz_read_table(silt_store *store);

#endif
