/* A type as people write it: its name means the same type. */
#include "fuzz/fuzz.h"
#include "silt/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_FREE char *text = fuzz_text(data, size);
    silt_error err = {0};
    const silt_type *type, *again;
    if (silt_type_parse(text, arena, &type, &err) != SILT_OK) {
        FUZZ_CHECK(err.message[0]);
        return 0;
    }
    const char *name = silt_type_name(type, arena);
    FUZZ_CHECK(name && silt_type_parse(name, arena, &again, &err) == SILT_OK);
    FUZZ_CHECK(silt_type_equal(type, again));
    return 0;
}
