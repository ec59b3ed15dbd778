/* Instants as text and back. No libc time: it knows zones and locales, and this must not. */
#include <stdio.h>

#include "base/seam.h"

#define US_PER_SECOND   INT64_C(1000000)
#define SECONDS_PER_DAY INT64_C(86400)
#define US_PER_DAY      (SECONDS_PER_DAY * US_PER_SECOND)
#define DAY_FIRST       INT64_C(-719162) /* 0001-01-01 */
#define DAY_LAST        INT64_C(2932896) /* 9999-12-31 */

typedef struct date {
    int year, month, day;
} date;

/* Years are counted from March here, so that the leap day is the last of its year; days since
 * 0000-03-01. A cycle of the calendar is 400 years or 146097 days. */
static int64_t days_of(date d)
{
    int64_t year = d.month > 2 ? d.year : d.year - 1;
    int64_t month = (d.month + 9) % 12;
    int64_t day_of_year = (153 * month + 2) / 5 + d.day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719468;
}

static date date_of(int64_t days)
{
    days += 719468;
    int64_t cycle = days / 146097, day = days % 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t day_of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    date d = {.day = (int)(day_of_year - (153 * month + 2) / 5 + 1)};
    d.month = (int)(month < 10 ? month + 3 : month - 9);
    d.year = (int)(cycle * 400 + year + (d.month <= 2));
    return d;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    if (value < low) return low;
    return value > high ? high : value;
}

/* ---- out */

typedef struct instant {
    date date;
    int hour, minute, second, us;
} instant;

static instant instant_of(int64_t us)
{
    us = clamp(us, DAY_FIRST * US_PER_DAY, (DAY_LAST + 1) * US_PER_DAY - 1);
    int64_t days = us / US_PER_DAY, rest = us % US_PER_DAY;
    if (rest < 0) {
        rest += US_PER_DAY;
        days--;
    }
    int64_t seconds = rest / US_PER_SECOND;
    return (instant){
        .date = date_of(days),
        .hour = (int)(seconds / 3600),
        .minute = (int)(seconds / 60 % 60),
        .second = (int)(seconds % 60),
        .us = (int)(rest % US_PER_SECOND),
    };
}

/* The date and the time to the second: 19 characters and NUL. */
static void format_instant(const instant *t, char out[SILT_TIME_SIZE])
{
    snprintf(out, SILT_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u", (unsigned)t->date.year % 10000,
             (unsigned)t->date.month % 100, (unsigned)t->date.day % 100, (unsigned)t->hour % 100,
             (unsigned)t->minute % 100, (unsigned)t->second % 100);
}

void silt_time_format(int64_t us, char out[SILT_TIME_SIZE])
{
    instant t = instant_of(us);
    format_instant(&t, out);
    snprintf(out + 19, SILT_TIME_SIZE - 19, ".%03uZ", (unsigned)t.us / 1000 % 1000);
}

void silt_time_format_us(int64_t us, char out[SILT_TIME_SIZE])
{
    instant t = instant_of(us);
    format_instant(&t, out);
    snprintf(out + 19, SILT_TIME_SIZE - 19, ".%06uZ", (unsigned)t.us % 1000000);
}

void silt_date_format(int64_t days, char out[SILT_DATE_SIZE])
{
    date d = date_of(clamp(days, DAY_FIRST, DAY_LAST));
    snprintf(out, SILT_DATE_SIZE, "%04u-%02u-%02u", (unsigned)d.year % 10000,
             (unsigned)d.month % 100, (unsigned)d.day % 100);
}

/* ---- in */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take(const char **p, char c)
{
    if (**p != c) return false;
    (*p)++;
    return true;
}

/* Exactly `count` digits. */
static bool take_number(const char **p, int count, int low, int high, int *out)
{
    int value = 0;
    for (; count > 0; count--, (*p)++) {
        if (!is_digit(**p)) return false;
        value = value * 10 + (**p - '0');
    }
    *out = value;
    return value >= low && value <= high;
}

static bool take_date(const char **p, int64_t *days)
{
    date d;
    if (!take_number(p, 4, 1, 9999, &d.year) || !take(p, '-')) return false;
    if (!take_number(p, 2, 1, 12, &d.month) || !take(p, '-')) return false;
    if (!take_number(p, 2, 1, days_in_month(d.year, d.month), &d.day)) return false;
    *days = days_of(d);
    return true;
}

static bool take_fraction(const char **p, int64_t *us)
{
    *us = 0;
    if (!take(p, '.')) return true;
    int digits = 0;
    for (int64_t unit = US_PER_SECOND / 10; is_digit(**p); unit /= 10, digits++, (*p)++)
        *us += unit * (**p - '0');
    return digits >= 1 && digits <= 9;
}

/* What the zone is ahead of UTC. */
static bool take_zone(const char **p, int64_t *seconds)
{
    *seconds = 0;
    if (take(p, 'Z')) return true;
    bool west = **p == '-';
    if (!take(p, '+') && !take(p, '-')) return false;
    int hours, minutes = 0;
    if (!take_number(p, 2, 0, 23, &hours)) return false;
    if (take(p, ':') && !take_number(p, 2, 0, 59, &minutes)) return false;
    *seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

/* The time of day behind a date, to the minute at least, and the zone; which is UTC where
 * `zone_optional` and there is none. */
static bool take_time(const char **p, bool zone_optional, int64_t *seconds, int64_t *us)
{
    int hour, minute, second = 0;
    int64_t ahead = 0;
    *us = 0;
    if (!take_number(p, 2, 0, 23, &hour) || !take(p, ':')) return false;
    if (!take_number(p, 2, 0, 59, &minute)) return false;
    if (take(p, ':')) {
        if (!take_number(p, 2, 0, 59, &second) || !take_fraction(p, us)) return false;
    } else if (!zone_optional) {
        return false;
    }
    if ((!zone_optional || **p) && !take_zone(p, &ahead)) return false;
    *seconds = hour * 3600 + minute * 60 + second - ahead;
    return true;
}

static bool parse(const char *text, bool lenient, int64_t *us)
{
    if (!text) return false;
    const char *p = text;
    int64_t days, fraction = 0, seconds = 0;
    if (!take_date(&p, &days)) return false;
    if (take(&p, 'T') || take(&p, ' ')) {
        if (!take_time(&p, lenient, &seconds, &fraction)) return false;
    } else if (!lenient) {
        return false;
    }
    if (*p) return false;

    seconds += days * SECONDS_PER_DAY;
    if (seconds < DAY_FIRST * SECONDS_PER_DAY) return false;
    if (seconds >= (DAY_LAST + 1) * SECONDS_PER_DAY) return false;
    *us = seconds * US_PER_SECOND + fraction;
    return true;
}

bool silt_time_parse(const char *text, int64_t *us)
{
    return parse(text, false, us);
}

bool silt_time_parse_utc(const char *text, int64_t *us)
{
    return parse(text, true, us);
}

bool silt_date_parse(const char *text, int64_t *days)
{
    if (!text) return false;
    const char *p = text;
    int64_t parsed;
    if (!take_date(&p, &parsed) || *p) return false;
    *days = parsed;
    return true;
}
