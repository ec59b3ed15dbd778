/* What the forms of a type have in common: the names of the primitives, and the limits. */
#ifndef SILT_BASE_TYPE_H
#define SILT_BASE_TYPE_H

#include "base/base.h"
#include "base/sha256.h"
#include "silt/schema.h"

#define SILT_TYPE_DEPTH_MAX        100 /* structs, arrays and maps within each other */
#define SILT_DECIMAL_PRECISION_MAX 38

/* Static storage; NULL for kinds that need more than the kind (DECIMAL, STRUCT, ARRAY, MAP). */
const silt_type *silt_type_primitive(silt_type_kind kind);

/* Delta's name of a kind: "long", "decimal", "struct". */
const char *silt_type_kind_name(silt_type_kind kind);

/* A primitive by its name in Delta's schemas ("null" is what Spark called void); NULL if it is
 * none. */
const silt_type *silt_type_by_name(silt_bytes name);

/* A decimal in the arena; NULL when out of memory. */
const silt_type *silt_type_decimal(int precision, int scale, silt_arena *arena);

/* The whole tree once more, in another arena; NULL when out of memory. */
const silt_type *silt_type_copy(const silt_type *type, silt_arena *arena);

/* SHA-256 of the schema as canonical JSON: as silt_schema_json() writes it, but without the
 * columns' metadata, so that it changes with order, names, types and nullability only. False when
 * out of memory. */
bool silt_schema_fingerprint(const silt_type *type, char out[SILT_SHA256_SIZE]);

/* Parse "(10,2)" at the start of `text`, blanks between its parts allowed; sets `*used` to its
 * length. False where it is none, or its numbers aren't those of a decimal. `scale_optional`:
 * "(10)" too. */
bool silt_decimal_parse(const char *text, bool scale_optional, int *precision, int *scale,
                        size_t *used);

#endif
