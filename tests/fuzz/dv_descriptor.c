/* The text of a deletion vector's descriptor: the first character is its storage type. */
#include "fuzz/fuzz.h"
#include "log/dv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_store) store = fuzz_store_new();
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_FREE char *text = fuzz_text(data, size);
    silt_error err = {0};
    silt_bitmap *rows = NULL;
    silt_place place;
    if (!*text) return 0;
    silt_dv dv = {.storage_type = text[0], .path_or_inline = text + 1, .offset = -1};
    dv.max_row_index = -1;
    dv.size_bytes = (int64_t)(strlen(text + 1) / 5 * 4);
    if (silt_dv_place(store, &dv, arena, &place, &err) == SILT_OK && text[0] == 'u')
        FUZZ_CHECK(silt_store_check_key(place.key, &err) == SILT_OK);
    for (dv.cardinality = 0; dv.cardinality < 7; dv.cardinality++)
        if (silt_dv_read(store, &dv, -1, &rows, &err) == SILT_OK) {
            FUZZ_CHECK(silt_bitmap_count(rows) == (uint64_t)dv.cardinality);
            silt_bitmap_free(SILT_TAKE(rows));
        }
    return 0;
}
