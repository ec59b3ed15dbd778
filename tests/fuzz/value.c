/* Values as text (partition values, stats, timestamps): the first byte picks the type. */
#include "base/seam.h"
#include "base/type.h"
#include "fuzz/fuzz.h"
#include "silt/snapshot.h"
#include "table/data.h"
#include "table/range.h"

static void check_times(const char *text)
{
    char again[SILT_TIME_SIZE], date[SILT_DATE_SIZE];
    int64_t us, same, days, ms;
    if (silt_time_parse(text, &us)) {
        silt_time_format_us(us, again);
        FUZZ_CHECK(silt_time_parse(again, &same));
    }
    if (silt_time_parse_utc(text, &us)) FUZZ_CHECK(silt_time_parse_ms(text, &ms));
    if (silt_date_parse(text, &days)) {
        silt_date_format(days, date);
        FUZZ_CHECK(silt_date_parse(date, &same) && same == days);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const silt_type_kind kinds[] = {
        SILT_TYPE_BOOLEAN, SILT_TYPE_BYTE,  SILT_TYPE_SHORT,     SILT_TYPE_INTEGER,
        SILT_TYPE_LONG,    SILT_TYPE_FLOAT, SILT_TYPE_DOUBLE,    SILT_TYPE_STRING,
        SILT_TYPE_BINARY,  SILT_TYPE_DATE,  SILT_TYPE_TIMESTAMP, SILT_TYPE_TIMESTAMP_NTZ,
    };
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (size == 0) return 0;
    SILT_FREE char *text = fuzz_text(data + 1, size - 1);
    check_times(text);
    size_t pick = data[0] % (SILT_COUNT(kinds) + 1);
    const silt_type *type = pick < SILT_COUNT(kinds) ? silt_type_primitive(kinds[pick])
                                                     : silt_type_decimal(20, 5, arena);
    const char *value = silt_partition_value(text, type, arena);
    FUZZ_CHECK(!*text || value);
    const silt_pair pair = {text, value};
    FUZZ_CHECK(silt_path_partition_dir((silt_pairs){&pair, 1}, arena));
    return 0;
}
