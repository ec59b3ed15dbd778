/* Values of table properties. */
#include "log/property.h"

#include <strings.h>

bool silt_property_true(const silt_metadata *metadata, const char *key)
{
    const char *value = silt_pairs_get(metadata->configuration, key);
    return value && strcasecmp(value, "true") == 0;
}

/* Microseconds of a unit, also in the plural; 0: not a unit. */
static int64_t unit_us(const char *name, size_t size)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {
        {"microsecond", INT64_C(1)},        {"millisecond", INT64_C(1000)},
        {"second", INT64_C(1000000)},       {"minute", INT64_C(60000000)},
        {"hour", INT64_C(3600000000)},      {"day", INT64_C(86400000000)},
        {"week", INT64_C(7) * 86400000000},
    };
    if (size && (name[size - 1] == 's' || name[size - 1] == 'S')) size--;
    for (size_t i = 0; i < SILT_COUNT(units); i++)
        if (strlen(units[i].name) == size && strncasecmp(units[i].name, name, size) == 0)
            return units[i].us;
    return 0;
}

/* One word, moving `*text` behind it and the blanks after it. */
static size_t take_word(const char **text, const char **word)
{
    *text += strspn(*text, " \t");
    *word = *text;
    size_t size = strcspn(*text, " \t");
    *text += size + strspn(*text + size, " \t");
    return size;
}

bool silt_interval_parse_ms(const char *text, int64_t *out)
{
    const char *word;
    int64_t total = 0;
    size_t size = take_word(&text, &word), parts = 0;
    if (size == 8 && strncasecmp(word, "interval", 8) == 0) size = take_word(&text, &word);
    for (; size; size = take_word(&text, &word), parts++) {
        char digits[24] = {0};
        int64_t number, us;
        if (size >= sizeof(digits)) return false;
        memcpy(digits, word, size);
        if (!silt_parse_int64(digits, &number)) return false;
        size = take_word(&text, &word);
        us = unit_us(word, size);
        if (us == 0 || __builtin_mul_overflow(number, us, &us)) return false;
        if (__builtin_add_overflow(total, us, &total)) return false;
    }
    if (parts == 0) return false;
    *out = total / 1000;
    return true;
}

int64_t silt_property_interval_ms(const silt_metadata *metadata, const char *key,
                                  int64_t fallback_ms)
{
    const char *value = silt_pairs_get(metadata->configuration, key);
    int64_t ms;
    if (!value) return fallback_ms;
    return silt_interval_parse_ms(value, &ms) && ms >= 0 ? ms : INT64_MAX;
}

size_t silt_property_prefix_size(const silt_metadata *metadata)
{
    int64_t size = 2;
    const char *length = silt_pairs_get(metadata->configuration, "delta.randomPrefixLength");
    if (!silt_property_true(metadata, "delta.randomizeFilePrefixes")) return 0;
    if (length && silt_parse_int64(length, &size) && size < 1) size = 2;
    return size > SILT_PREFIX_MAX ? SILT_PREFIX_MAX : (size_t)size;
}
