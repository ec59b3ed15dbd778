/* add.stats and a partition value: whatever they say, rows are counted, ranges looked for, and
 * files ruled out or not. The first byte picks the type of the column "a". */
#include "base/type.h"
#include "fuzz/fuzz.h"
#include "table/data.h"
#include "table/expr.h"
#include "table/range.h"
#include "table/skip.h"

/* Whether a condition on "a" rules out a file of these stats, and one of this partition value. */
static void skip(const silt_type *type, const char *condition, const char *text, silt_arena *arena)
{
    const silt_field field = {"a", type, true, "{}"};
    const silt_type schema = {.kind = SILT_TYPE_STRUCT, .fields = &field, .field_count = 1};
    const char *const names[] = {"a"};
    const silt_pair value = {"a", text};
    const silt_expr *bound;
    silt_error err = {0};
    FUZZ_CHECK(silt_expr_condition(condition, &schema, arena, &bound, &err) == SILT_OK);
    for (size_t partitioned = 0; partitioned < 2; partitioned++) {
        const silt_metadata metadata = {.id = "m", .partition_columns = {names, partitioned}};
        silt_mapping mapping;
        silt_skip *ready;
        FUZZ_CHECK(silt_mapping_of(&metadata, &schema, arena, &mapping, &err) == SILT_OK);
        FUZZ_CHECK(silt_skip_new(bound, &schema, &mapping, arena, &ready, &err) == SILT_OK);
        silt_skip_verdict verdict =
            silt_skip_file(ready, (silt_pairs){&value, partitioned}, text, arena);
        FUZZ_CHECK(verdict != SILT_SKIP_PARTITION || partitioned);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        silt_type_kind kind;
        const char *min, *max, *condition;
    } columns[] = {
        {SILT_TYPE_LONG, "-5", "1000", "a > -5 AND a <= 1000 OR a IS NULL"},
        {SILT_TYPE_DOUBLE, "-0.5", "inf", "a < 1e300 AND NOT isnan(a)"},
        {SILT_TYPE_STRING, "b", "m", "a LIKE 'b%' OR a = 'm'"},
        {SILT_TYPE_DATE, "2024-01-01", "2024-12-31", "a >= DATE '2024-01-01' AND year(a) = 2024"},
        {SILT_TYPE_TIMESTAMP, "2024-01-01 00:00:00+00", "2024-12-31 00:00:00+00",
         "a < TIMESTAMP '2024-06-01 00:00:00' AND a <=> a"},
        {SILT_TYPE_TIMESTAMP_NTZ, "2024-01-01 00:00:00", "2024-12-31 00:00:00",
         "a IS NOT NULL AND a > CAST('2024-01-01' AS TIMESTAMP_NTZ)"},
        {SILT_TYPE_DECIMAL, "-1.50000", "99999999.99999", "a IN (1.5, 99.00001)"},
        {SILT_TYPE_BOOLEAN, "false", "true", "NOT a"},
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
    skip(range.type, columns[pick].condition, text, arena);
    return 0;
}
