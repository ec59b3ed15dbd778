/* Order of values by their text: the engine's, the log's in stats, and the log's in partition
 * values. */
#ifndef SILT_TABLE_RANGE_H
#define SILT_TABLE_RANGE_H

#include "base/json.h"
#include "log/action.h"
#include "table/txn.h"

/* A value that can be compared with others of its type. */
typedef struct silt_value {
    int64_t whole;   /* integers, days, µs */
    double real;     /* FLOAT, DOUBLE */
    silt_bytes text; /* STRING; DECIMAL as it is written */
} silt_value;

/* Any of the three forms, without surrounding blanks. False: the type has no order here, or the
 * text isn't of it; NaN is no value either. */
bool silt_value_parse(const char *text, const silt_type *type, silt_value *out);
/* Less than 0, 0, more than 0. Strings by bytes. */
int silt_value_compare(const silt_value *a, const silt_value *b, const silt_type *type);

/* Whether the file may hold rows within all ranges: by partition values for partition columns, else
 * by stats (parsed into `scratch` on first need). True where they don't say. */
bool silt_add_may_hold(const silt_add *add, silt_names partition_columns,
                       const silt_key_range *ranges, size_t count, silt_arena *scratch);

/* Whole numbers and fractions without exponent, as decimals are written: exact at any length. */
int silt_decimal_compare(silt_bytes a, silt_bytes b);
bool silt_decimal_valid(const char *text);

/* µs since 1970 from a date and time with or without zone (then it is UTC). */
bool silt_timestamp_parse(const char *text, int64_t *us);

#endif
