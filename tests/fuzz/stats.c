/* add.stats and a partition value: whatever they say, rows are counted and ranges looked for. The
 * first byte picks the type of the column "a". */
#include "base/type.h"
#include "fuzz/fuzz.h"
#include "table/data.h"
#include "table/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        silt_type_kind kind;
        const char *min, *max;
    } columns[] = {
        {SILT_TYPE_LONG, "-5", "1000"},
        {SILT_TYPE_DOUBLE, "-0.5", "inf"},
        {SILT_TYPE_STRING, "b", "m"},
        {SILT_TYPE_DATE, "2024-01-01", "2024-12-31"},
        {SILT_TYPE_TIMESTAMP, "2024-01-01 00:00:00+00", "2024-12-31 00:00:00+00"},
        {SILT_TYPE_TIMESTAMP_NTZ, "2024-01-01 00:00:00", "2024-12-31 00:00:00"},
        {SILT_TYPE_DECIMAL, "-1.50000", "99999999.99999"},
        {SILT_TYPE_BOOLEAN, "false", "true"},
    };
    if (size == 0) return 0;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_FREE char *text = fuzz_text(data + 1, size - 1);
    size_t pick = data[0] % SILT_COUNT(columns);
    bool decimal = columns[pick].kind == SILT_TYPE_DECIMAL;
    silt_key_range range = {
        .column = "a",
        .type = decimal ? silt_type_decimal(20, 5, arena) : silt_type_primitive(columns[pick].kind),
        .min = columns[pick].min,
        .max = columns[pick].max,
    };
    const silt_dv dv = {.storage_type = 'i', .path_or_inline = "", .cardinality = 3};
    const silt_pair value = {"a", text};
    const char *const names[] = {"a"};
    silt_add add = {.path = "x", .stats = text, .dv = &dv};
    FUZZ_CHECK(silt_stats_row_count(text, arena) >= -1);
    FUZZ_CHECK(silt_add_row_count(&add, arena) >= -1);
    (void)silt_add_may_hold(&add, (silt_names){NULL, 0}, &range, 1, arena);
    add.partition_values = (silt_pairs){&value, 1};
    (void)silt_add_may_hold(&add, (silt_names){names, 1}, &range, 1, arena);
    return 0;
}
