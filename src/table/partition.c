/* Partition values between the engine's text and the log's.
 * @see PROTOCOL.md, "Partition Value Serialization" */
#include <math.h>

#include "base/seam.h"
#include "table/data.h"
#include "table/range.h"

/* With its zone: the form without one means the reader's own zone to some readers. */
static const char *timestamp_value(const char *text, silt_arena *arena)
{
    int64_t us;
    char out[SILT_TIME_SIZE];
    if (!silt_timestamp_parse(text, &us)) return silt_arena_strdup(arena, text);
    silt_time_format_us(us, out);
    return silt_arena_strdup(arena, out);
}

/* "2024-01-15 10:00:00", with a fraction of six digits where there is one. */
static const char *timestamp_ntz_value(const char *text, silt_arena *arena)
{
    int64_t us;
    char out[SILT_TIME_SIZE];
    if (!silt_timestamp_parse(text, &us)) return silt_arena_strdup(arena, text);
    silt_time_format_us(us, out);
    char *dot = strchr(out, '.'), *zone = strchr(out, 'Z'), *day = strchr(out, 'T');
    if (day) *day = ' ';
    if (zone) *zone = '\0';
    if (dot && us % 1000000 == 0) *dot = '\0';
    return silt_arena_strdup(arena, out);
}

/* The names that Java has for what isn't finite. */
static const char *real_value(const char *text, silt_arena *arena)
{
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || isfinite(value)) return silt_arena_strdup(arena, text);
    if (isnan(value)) return silt_arena_strdup(arena, "NaN");
    return silt_arena_strdup(arena, value > 0 ? "Infinity" : "-Infinity");
}

const char *silt_partition_value(const char *text, const silt_type *type, silt_arena *arena)
{
    if (!text || !*text) return NULL;
    switch (type->kind) {
    case SILT_TYPE_TIMESTAMP:
        return timestamp_value(text, arena);
    case SILT_TYPE_TIMESTAMP_NTZ:
        return timestamp_ntz_value(text, arena);
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        return real_value(text, arena);
    default:
        return silt_arena_strdup(arena, text);
    }
}
