/* Values as text (partition values, stats, timestamps): the first byte picks the type. */
#include "base/seam.h"
#include "base/spark.h"
#include "base/type.h"
#include "fuzz/fuzz.h"
#include "silt/snapshot.h"
#include "table/data.h"
#include "table/value.h"

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

static void check_spark(const char *text)
{
    silt_bytes bytes = silt_bytes_of(text);
    char decimal[SILT_SPARK_DECIMAL_SIZE];
    int64_t whole;
    double real;
    float single;
    bool truth;
    (void)silt_spark_long(bytes, &whole);
    (void)silt_spark_double(bytes, &real);
    (void)silt_spark_float(bytes, &single);
    (void)silt_spark_boolean(bytes, &truth);
    (void)silt_spark_date(bytes, &whole);
    (void)silt_spark_timestamp(bytes, true, &whole);
    (void)silt_spark_timestamp(bytes, false, &whole);
    if (silt_spark_decimal(bytes, 38, 10, decimal) == SILT_SPARK_VALUE)
        FUZZ_CHECK(silt_decimal_valid(decimal));
}

/* What is printed is the same value. */
static void check_value(const char *text, const silt_type *type, silt_arena *arena)
{
    silt_value value, again;
    if (!silt_value_parse(text, type, &value)) return;
    FUZZ_CHECK(silt_value_compare(&value, &value, type) == 0);
    const char *printed = silt_value_print(&value, type, arena);
    if (!printed) return;
    if (!silt_value_parse(printed, type, &again) || silt_value_compare(&value, &again, type) != 0) {
        fprintf(stderr, "%s: %s, %s\n", silt_type_name(type, arena), text, printed);
        FUZZ_CHECK(!"what was printed is the value");
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
    check_spark(text);
    check_value(text, type, arena);
    const char *value = silt_partition_value(text, type, arena);
    FUZZ_CHECK(!*text || value);
    const silt_pair pair = {text, value};
    FUZZ_CHECK(silt_path_partition_dir((silt_pairs){&pair, 1}, arena));
    return 0;
}
