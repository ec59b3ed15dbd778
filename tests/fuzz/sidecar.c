/* A sidecar in Parquet, which a V2 checkpoint in JSON names. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_store) store = fuzz_store_new();
    SILT_CLEAN(silt_buf) manifest = {0};
    silt_buf_puts(&manifest,
                  "{\"checkpointMetadata\":{\"version\":3}}\n" FUZZ_PROTOCOL_3 FUZZ_METADATA);
    silt_buf_printf(&manifest,
                    "{\"sidecar\":{\"path\":\"s.parquet\",\"sizeInBytes\":%zu,"
                    "\"modificationTime\":1}}\n",
                    size);
    fuzz_put(store,
             "_delta_log/"
             "00000000000000000003.checkpoint.00000000-0000-0000-0000-000000000001.json",
             manifest.data, manifest.size);
    fuzz_put(store, "_delta_log/_sidecars/s.parquet", data, size);
    fuzz_read_table(store);
    return 0;
}
