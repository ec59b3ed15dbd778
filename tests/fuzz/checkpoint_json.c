/* A V2 checkpoint in JSON. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_store) store = fuzz_store_new();
    fuzz_put(store,
             "_delta_log/"
             "00000000000000000003.checkpoint.00000000-0000-0000-0000-000000000001.json",
             data, size);
    fuzz_read_table(store);
    return 0;
}
