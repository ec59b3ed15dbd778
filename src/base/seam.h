/* Time and randomness, injected: a test that fails is a seed, not a wait. */
#ifndef SILT_BASE_SEAM_H
#define SILT_BASE_SEAM_H

#include "base/base.h"

typedef struct silt_clock {
    int64_t (*now_us)(void *ctx);            /* µs since 1970 UTC */
    void (*sleep_ms)(void *ctx, int64_t ms); /* a signal may end it early; 0 and less: no sleep */
    void *ctx;
} silt_clock;

/* Fills `size` bytes; never fails. */
typedef struct silt_random {
    void (*fill)(void *ctx, void *bytes, size_t size);
    void *ctx;
} silt_random;

/* The system's; static storage. Where an option is NULL these are meant. */
extern const silt_clock silt_clock_system;
extern const silt_random silt_random_system;

int64_t silt_now_us(const silt_clock *clock);
static inline int64_t silt_now_ms(const silt_clock *clock)
{
    return silt_now_us(clock) / 1000;
}
void silt_sleep_ms(const silt_clock *clock, int64_t ms);
void silt_random_fill(const silt_random *random, void *bytes, size_t size);

/* A version 4 UUID, 36 characters and NUL. */
#define SILT_UUID_SIZE 37
void silt_uuid(const silt_random *random, char out[SILT_UUID_SIZE]);

/* Proleptic Gregorian, UTC, years 0001 to 9999; what lies outside is printed as the nearest end.
 * "2024-01-15T10:00:00.123Z" from µs since 1970, rounded down. */
#define SILT_TIME_SIZE 32
void silt_time_format(int64_t us, char out[SILT_TIME_SIZE]);    /* milliseconds, Z */
void silt_time_format_us(int64_t us, char out[SILT_TIME_SIZE]); /* microseconds, Z */
/* Back, from the whole of `text`: 'T' or a space between date and time, a fraction of 1 to 9 digits
 * (cut off behind µs) or none, a zone (Z or ±hh or ±hh:mm) always. False: `*us` is untouched. */
bool silt_time_parse(const char *text, int64_t *us);
/* The same as people write it: the zone may be missing, which means UTC, so may the seconds, and
 * the whole time of day, which means midnight. */
bool silt_time_parse_utc(const char *text, int64_t *us);

/* "2024-01-15" from and to days since 1970. */
#define SILT_DATE_SIZE 16
void silt_date_format(int64_t days, char out[SILT_DATE_SIZE]);
bool silt_date_parse(const char *text, int64_t *days);

#endif
