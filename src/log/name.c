/* The names of files in _delta_log/, taken apart.
 * @see PROTOCOL.md, "Delta Log Entries", "Checkpoint Naming Scheme", "Log Compaction Files" */
#include "log/name.h"

#include "base/base.h"

#define VERSION_DIGITS 20
#define PART_DIGITS    10

/* A number of exactly so many digits, moving `*text` behind it. */
static bool take_number(const char **text, size_t digits, int64_t *out)
{
    int64_t number = 0;
    for (size_t i = 0; i < digits; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9') return false;
        if (__builtin_mul_overflow(number, 10, &number)) return false;
        if (__builtin_add_overflow(number, c - '0', &number)) return false;
    }
    *text += digits;
    *out = number;
    return true;
}

static bool take(const char **text, const char *what)
{
    if (!silt_starts_with(*text, what)) return false;
    *text += strlen(what);
    return true;
}

/* "8-4-4-4-12" hexadecimal digits. */
static bool take_uuid(const char **text)
{
    static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; pattern[i]; i++) {
        char c = (*text)[i];
        bool hex = c && strchr("0123456789abcdefABCDEF", c);
        if (pattern[i] == '-' ? c != '-' : !hex) return false;
    }
    *text += sizeof(pattern) - 1;
    return true;
}

static silt_log_name_kind parse_checkpoint_name(const char *rest, silt_log_name *out)
{
    if (silt_streq(rest, "parquet")) return SILT_NAME_CHECKPOINT;
    const char *text = rest;
    if (take_number(&text, PART_DIGITS, &out->part) && take(&text, ".") &&
        take_number(&text, PART_DIGITS, &out->parts) && silt_streq(text, ".parquet"))
        return out->part >= 1 && out->part <= out->parts ? SILT_NAME_CHECKPOINT_PART
                                                         : SILT_NAME_FOREIGN;
    text = rest;
    if (take_uuid(&text) && (silt_streq(text, ".parquet") || silt_streq(text, ".json")))
        return SILT_NAME_CHECKPOINT_V2;
    return SILT_NAME_FOREIGN;
}

static silt_log_name_kind parse(const char *name, silt_log_name *out)
{
    int64_t last;
    if (!take_number(&name, VERSION_DIGITS, &out->version) || !take(&name, "."))
        return SILT_NAME_FOREIGN;
    if (silt_streq(name, "json")) return SILT_NAME_COMMIT;
    if (silt_streq(name, "crc")) return SILT_NAME_CRC;
    if (take(&name, "checkpoint.")) return parse_checkpoint_name(name, out);
    if (take_number(&name, VERSION_DIGITS, &last) && silt_streq(name, ".compacted.json"))
        return SILT_NAME_COMPACTED;
    return SILT_NAME_FOREIGN;
}

void silt_log_name_parse(const char *name, silt_log_name *out)
{
    *out = (silt_log_name){.kind = SILT_NAME_FOREIGN};
    out->kind = parse(name, out);
}
