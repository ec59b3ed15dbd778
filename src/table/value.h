/* Values of columns by their text (the engine's, the log's in stats, and the log's in partition
 * values): their order, and their text again. */
#ifndef SILT_TABLE_VALUE_H
#define SILT_TABLE_VALUE_H

#include "base/base.h"
#include "silt/schema.h"

/* A value that can be compared with others of its type. */
typedef struct silt_value {
    int64_t whole;   /* integers, days, µs, 0 and 1 of BOOLEAN */
    double real;     /* FLOAT, DOUBLE */
    silt_bytes text; /* STRING; DECIMAL as it is written */
} silt_value;

/* Any of the three forms, without surrounding blanks. False: the type has no order here, or the
 * text isn't of it; NaN is no value either. */
bool silt_value_parse(const char *text, const silt_type *type, silt_value *out);
/* Less than 0, 0, more than 0. Strings by bytes. */
int silt_value_compare(const silt_value *a, const silt_value *b, const silt_type *type);
/* The engine's text, in the arena; NULL: out of memory, or a time outside the years 1 to 9999. */
const char *silt_value_print(const silt_value *value, const silt_type *type, silt_arena *arena);

/* Whole numbers and fractions without exponent, as decimals are written: exact at any length. */
int silt_decimal_compare(silt_bytes a, silt_bytes b);
bool silt_decimal_valid(const char *text);
/* The number times 10^scale, which has to be whole and to fit. */
bool silt_decimal_unscaled(silt_bytes text, int scale, __int128 *out);

/* µs since 1970 from a date and time with or without zone (then it is UTC). */
bool silt_timestamp_parse(const char *text, int64_t *us);

/* The engine's text: the shortest that is the same number, "inf", "nan". */
#define SILT_VALUE_REAL_SIZE 40
void silt_value_print_real(double value, bool is_float, char out[SILT_VALUE_REAL_SIZE]);
/* "2024-01-15 10:00:00[.123456]", with "+00" behind it where `zoned`. */
#define SILT_VALUE_TIME_SIZE 40
void silt_value_print_time(int64_t us, bool zoned, char out[SILT_VALUE_TIME_SIZE]);

#endif
