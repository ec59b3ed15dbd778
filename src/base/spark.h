/* Text → values as Spark's casts do it (not ANSI): what the engine applies to rows and what
 * constants are folded by, so that both say the same. Blanks and control characters around the text
 * are passed over. */
#ifndef SILT_BASE_SPARK_H
#define SILT_BASE_SPARK_H

#include "base/base.h"

typedef enum silt_spark_result {
    SILT_SPARK_VALUE,
    SILT_SPARK_NULL,  /* the text is no such value: Spark's cast gives null */
    SILT_SPARK_BEYOND /* Spark gives a value that Silt can't: a zone's name, a time without a date
                         (it is today's), a year above 9999, hexadecimal digits of a fraction */
} silt_spark_result;

/* Digits behind a point are cut off: "1.9" is 1. No exponent. */
silt_spark_result silt_spark_long(silt_bytes text, int64_t *out);
/* Java's: also "1d", "Infinity", "NaN", and Spark's "inf", "+infinity" of any case. */
silt_spark_result silt_spark_double(silt_bytes text, double *out);
silt_spark_result silt_spark_float(silt_bytes text, float *out);
/* t, true, y, yes, 1 and f, false, n, no, 0 of any case. */
silt_spark_result silt_spark_boolean(silt_bytes text, bool *out);
/* yyyy, yyyy-[m]m, yyyy-[m]m-[d]d; anything after a 'T' or blank behind the day. Days since 1970.
 */
silt_spark_result silt_spark_date(silt_bytes text, int64_t *days);
/* A date as above, or one with [T ][h]h[:[m]m[:[s]s[.fraction]]][zone]; without a zone it is UTC.
 * µs since 1970. `zoned` false: the zone is read and left aside. */
silt_spark_result silt_spark_timestamp(silt_bytes text, bool zoned, int64_t *us);
/* Rounded half up to `scale` digits, as plain text with exactly that many; null where it has more
 * than `precision`. */
#define SILT_SPARK_DECIMAL_SIZE 48
silt_spark_result silt_spark_decimal(silt_bytes text, int precision, int scale,
                                     char out[SILT_SPARK_DECIMAL_SIZE]);

#endif
