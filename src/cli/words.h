/* Numbers, times and near misses, as people write them. */
#ifndef SILT_CLI_WORDS_H
#define SILT_CLI_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "2024-01-15T10:00:00.123Z", UTC; `exact` false: without the fraction and the Z. */
#define CLI_TIME_SIZE 40
void cli_format_time(int64_t us_since_1970, bool exact, char out[CLI_TIME_SIZE]);

/* "27,004" */
#define CLI_NUMBER_SIZE 32
void cli_format_number(int64_t number, char out[CLI_NUMBER_SIZE]);

/* "1.3 MB", in powers of 1000. */
void cli_format_size(int64_t bytes, char out[CLI_NUMBER_SIZE]);

/* "0.8 s", "2 min 5 s", "3 h 20 min" */
void cli_format_duration(double seconds, char out[CLI_NUMBER_SIZE]);

/* "1 file", "2,000 files": `plural` is for all but one. */
#define CLI_COUNTED_SIZE 64
const char *cli_counted(int64_t number, const char *one, const char *many,
                        char out[CLI_COUNTED_SIZE]);

/* The nearest name to a mistyped one; starts as SIZE_MAX and NULL, is offered names one after
 * another. */
typedef struct cli_nearest {
    const char *typed;
    const char *name; /* NULL: nothing is near enough */
    size_t distance;
} cli_nearest;

cli_nearest cli_nearest_to(const char *typed);
void cli_nearest_offer(cli_nearest *nearest, const char *name);

#endif
