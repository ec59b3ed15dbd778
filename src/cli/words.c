/* Numbers, times and near misses, as people write them. */
#include "cli/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

void cli_format_time(int64_t us_since_1970, bool exact, char out[CLI_TIME_SIZE])
{
    int64_t fraction = us_since_1970 % 1000000;
    time_t seconds = (time_t)(us_since_1970 / 1000000);
    struct tm tm;
    if (fraction < 0) {
        fraction += 1000000;
        seconds--;
    }
    if (!gmtime_r(&seconds, &tm)) {
        snprintf(out, CLI_TIME_SIZE, "?");
        return;
    }
    size_t n = strftime(out, CLI_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    if (exact) snprintf(out + n, CLI_TIME_SIZE - n, ".%03dZ", (int)(fraction / 1000));
}

void cli_format_number(int64_t number, char out[CLI_NUMBER_SIZE])
{
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%" PRId64, number), sign = number < 0, used = 0;
    for (int i = 0; i < size; i++) {
        if (i > sign && (size - i) % 3 == 0) out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = 0;
}

void cli_format_size(int64_t bytes, char out[CLI_NUMBER_SIZE])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 999.95 && unit < 6; unit++)
        value /= 1000;
    snprintf(out, CLI_NUMBER_SIZE, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void cli_format_duration(double seconds, char out[CLI_NUMBER_SIZE])
{
    int64_t s = (int64_t)(seconds + 0.5);
    if (seconds < 0.0995)
        snprintf(out, CLI_NUMBER_SIZE, "%.0f ms", seconds * 1000);
    else if (seconds < 9.95)
        snprintf(out, CLI_NUMBER_SIZE, "%.1f s", seconds);
    else if (s < 60)
        snprintf(out, CLI_NUMBER_SIZE, "%" PRId64 " s", s);
    else if (s < 3600)
        snprintf(out, CLI_NUMBER_SIZE, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else
        snprintf(out, CLI_NUMBER_SIZE, "%" PRId64 " h %" PRId64 " min", s / 3600, s % 3600 / 60);
}

const char *cli_counted(int64_t number, const char *one, const char *many,
                        char out[CLI_COUNTED_SIZE])
{
    char digits[CLI_NUMBER_SIZE];
    cli_format_number(number, digits);
    snprintf(out, CLI_COUNTED_SIZE, "%s %s", digits, number == 1 ? one : many);
    return out;
}

/* ---- near misses ---- */

enum { LONGEST = 48 }; /* names that are longer are never suggested */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that make one of the other. */
static size_t distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b), rows[3][LONGEST + 1];
    size_t *two_up = rows[0], *up = rows[1], *row = rows[2];
    for (size_t j = 0; j <= n; j++)
        up[j] = j;
    for (size_t i = 1; i <= m; i++) {
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t same = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = least(least(up[j] + 1, row[j - 1] + 1), up[j - 1] + same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], two_up[j - 2] + 1);
        }
        size_t *spare = two_up;
        two_up = up;
        up = row;
        row = spare;
    }
    return up[n];
}

cli_nearest cli_nearest_to(const char *typed)
{
    return (cli_nearest){typed, NULL, SIZE_MAX};
}

void cli_nearest_offer(cli_nearest *nearest, const char *name)
{
    size_t typed = strlen(nearest->typed), size = strlen(name);
    if (!typed || typed > LONGEST || size > LONGEST) return;
    size_t d = distance(nearest->typed, name);
    /* The beginning of a name is a better guess than a name that shares letters with it. */
    if (typed >= 3 && size > typed && strncasecmp(nearest->typed, name, typed) == 0) d = 1;
    if (strcasecmp(nearest->typed, name) == 0) d = 0;
    if (d > (typed + 2) / 3 || d >= nearest->distance) return;
    nearest->name = name;
    nearest->distance = d;
}
