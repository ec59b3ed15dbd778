/* A version checksum file: either trusted for good reason or passed over; the table opens. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_store) store = fuzz_store_new();
    fuzz_put_text(store, "_delta_log/00000000000000000000.json", FUZZ_PROTOCOL FUZZ_METADATA);
    fuzz_put_text(store, "_delta_log/00000000000000000001.json",
                  "{\"commitInfo\":{\"txnId\":\"t\"}}\n");
    fuzz_put(store, "_delta_log/00000000000000000001.crc", data, size);
    fuzz_read_table(store);
    return 0;
}
