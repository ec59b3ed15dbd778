/* A schema in JSON: what is written again is the same schema. */
#include "fuzz/fuzz.h"
#include "silt/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_error err = {0};
    const silt_type *type, *again;
    if (silt_schema_parse((const char *)data, size, arena, &type, &err) != SILT_OK) {
        FUZZ_CHECK(err.message[0]);
        return 0;
    }
    const char *json = silt_schema_json(type, arena);
    FUZZ_CHECK(json && silt_type_name(type, arena));
    FUZZ_CHECK(silt_schema_parse(json, strlen(json), arena, &again, &err) == SILT_OK);
    FUZZ_CHECK(silt_type_equal(type, again));
    FUZZ_CHECK(silt_streq(json, silt_schema_json(again, arena)));
    return 0;
}
