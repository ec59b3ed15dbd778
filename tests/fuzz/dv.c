/* The bytes of a deletion vector: bare, and as its file. */
#include "fuzz/fuzz.h"
#include "log/dv.h"

static void read_as_file(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_store) store = fuzz_store_new();
    silt_error err = {0};
    silt_bitmap *rows = NULL;
    fuzz_put(store, "dv.bin", data, size);
    silt_dv dv = {.storage_type = 'p', .path_or_inline = "dv.bin", .max_row_index = -1};
    dv.offset = 1;
    dv.size_bytes = size < 9 ? 0 : (int64_t)size - 9;
    dv.cardinality = 2;
    if (silt_dv_read(store, &dv, 100, &rows, &err) == SILT_OK) {
        FUZZ_CHECK(silt_bitmap_count(rows) == 2 && silt_bitmap_max(rows) < 100);
        silt_bitmap_free(rows);
    } else {
        FUZZ_CHECK(strstr(err.message, "dv.bin"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    silt_error err = {0};
    silt_bitmap *rows = NULL, *again = NULL;
    read_as_file(data, size);
    if (silt_dv_parse((silt_bytes){(const char *)data, size}, &rows, &err) != SILT_OK) {
        FUZZ_CHECK(err.message[0]);
        return 0;
    }
    uint64_t count = silt_bitmap_count(rows), max = silt_bitmap_max(rows), words[33];
    size_t in_range = silt_bitmap_range(rows, max < 2000 ? 0 : max - 2000, 2050, words);
    FUZZ_CHECK(in_range <= count && (in_range > 0) == (count > 0));
    FUZZ_CHECK(count == 0 || silt_bitmap_has(rows, max));
    SILT_CLEAN(silt_buf) buf = {0};
    silt_bitmap_write(rows, &buf);
    FUZZ_CHECK(silt_bitmap_parse(silt_buf_bytes(&buf), &again, &err) == SILT_OK);
    FUZZ_CHECK(silt_bitmap_count(again) == count && silt_bitmap_max(again) == max);
    SILT_AUTO(silt_bitmap) none = silt_bitmap_minus(rows, again);
    SILT_AUTO(silt_bitmap) both = silt_bitmap_or(rows, again);
    FUZZ_CHECK(none && silt_bitmap_count(none) == 0);
    FUZZ_CHECK(both && silt_bitmap_count(both) == count);
    silt_bitmap_free(rows);
    silt_bitmap_free(again);
    return 0;
}
