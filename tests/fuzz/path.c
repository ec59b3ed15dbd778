/* Paths of the log: what is decoded is a key of the table, and encodes to a path that means it. */
#include "fuzz/fuzz.h"
#include "log/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_store) store = NULL;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_FREE char *text = fuzz_text(data, size);
    silt_error err = {0};
    const char *key, *again;
    silt_place place;
    FUZZ_CHECK(silt_path_canonical(text, arena));
    FUZZ_CHECK(silt_store_open("/a table", NULL, &store, &err) == SILT_OK);
    if (silt_path_place(store, text, arena, &place, &err) == SILT_OK) {
        FUZZ_CHECK(!place.key != !place.local_path);
        if (place.local_path)
            FUZZ_CHECK(place.local_path[0] == '/' && !strstr(place.local_path, "/../"));
    }
    if (silt_path_decode(text, arena, &key, &err) != SILT_OK) {
        FUZZ_CHECK(err.message[0]);
        return 0;
    }
    FUZZ_CHECK(*key && *key != '/' && strncmp(key, "../", 3) != 0 && !strstr(key, "/../"));
    const char *path = silt_path_encode(key, arena);
    FUZZ_CHECK(path && silt_path_decode(path, arena, &again, &err) == SILT_OK);
    FUZZ_CHECK(silt_streq(key, again));
    return 0;
}
