/* Variants: values of any kind in two pieces of binary.
 * @see the Parquet format, VariantEncoding.md */
#ifndef SILT_BASE_VARIANT_H
#define SILT_BASE_VARIANT_H

#include "base/base.h"

/* Of each part: larger ones are for newer readers only. */
#define SILT_VARIANT_SIZE_MAX (16 * 1024 * 1024)

/* Append the parts of the variant that a JSON document is. As Spark's parse_json(): a whole number
 * is the narrowest integer, one without an exponent and of up to 38 digits a decimal, and any other
 * a double; JSON null is a variant. `from_doubles`: the numbers have gone through doubles, so that
 * those with a fraction and more than 15 digits are some.
 * CORRUPT: no JSON, a key stands twice in an object, a number is beyond a double, or a part is
 * larger than SILT_VARIANT_SIZE_MAX. */
silt_status silt_variant_of_json(silt_bytes json, bool from_doubles, silt_buf *metadata,
                                 silt_buf *value, silt_error *err);

/* Append a variant as JSON, as Spark's to_json() writes it: NaN and infinities, dates, times and
 * UUIDs as texts, binary as base64. CORRUPT: it is none, or deeper than SILT_JSON_DEPTH_MAX. */
silt_status silt_variant_to_json(silt_bytes metadata, silt_bytes value, silt_buf *out,
                                 silt_error *err);

#endif
