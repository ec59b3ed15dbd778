/* _last_checkpoint is only a hint: the table opens whatever it says. */
#include "fuzz/fuzz.h"
#include "log/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_store) store = fuzz_store_new();
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_error err = {0};
    silt_log_segment segment;
    fuzz_put_text(store, "_delta_log/00000000000000000000.json", FUZZ_PROTOCOL FUZZ_METADATA);
    fuzz_put_text(store, "_delta_log/00000000000000000001.json", "{\"commitInfo\":{}}\n");
    fuzz_put(store, SILT_LOG_HINT_KEY, data, size);
    FUZZ_CHECK(silt_log_hint_version(store) >= -1);
    FUZZ_CHECK(silt_log_segment_load(store, -1, arena, &segment, &err) == SILT_OK);
    FUZZ_CHECK(segment.version == 1 && segment.checkpoint_version == -1);
    fuzz_read_table(store);
    return 0;
}
