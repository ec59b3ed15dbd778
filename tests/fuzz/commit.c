/* A whole commit: behind a good one, and as the first of a table. */
#include "fuzz/fuzz.h"
#include "log/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_store) behind = fuzz_store_new();
    SILT_AUTO(silt_store) alone = fuzz_store_new();
    fuzz_put_text(behind, "_delta_log/00000000000000000000.json", FUZZ_PROTOCOL FUZZ_METADATA);
    fuzz_put(behind, "_delta_log/00000000000000000001.json", data, size);
    fuzz_read_table(behind);
    fuzz_put(alone, "_delta_log/00000000000000000000.json", data, size);
    fuzz_read_table(alone);
    return 0;
}
