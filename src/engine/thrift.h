/* Thrift's compact protocol, as far as footers of Parquet files need it: reading forward.
 * @see Thrift, "Compact protocol" */
#ifndef SILT_ENGINE_THRIFT_H
#define SILT_ENGINE_THRIFT_H

#include "base/base.h"

typedef enum silt_thrift_type {
    SILT_THRIFT_STOP = 0,
    SILT_THRIFT_TRUE = 1,
    SILT_THRIFT_FALSE = 2,
    SILT_THRIFT_BYTE = 3,
    SILT_THRIFT_I16 = 4,
    SILT_THRIFT_I32 = 5,
    SILT_THRIFT_I64 = 6,
    SILT_THRIFT_DOUBLE = 7,
    SILT_THRIFT_BINARY = 8,
    SILT_THRIFT_LIST = 9,
    SILT_THRIFT_SET = 10,
    SILT_THRIFT_MAP = 11,
    SILT_THRIFT_STRUCT = 12
} silt_thrift_type;

/* Failure sticks, and everything read from then on is 0. */
typedef struct silt_thrift_reader {
    const uint8_t *at, *end;
    bool failed;
} silt_thrift_reader;

typedef struct silt_thrift_field {
    int32_t id; /* of the last one; deltas are relative to it */
    uint8_t type;
} silt_thrift_field;

uint8_t silt_thrift_byte(silt_thrift_reader *r);
int64_t silt_thrift_int(silt_thrift_reader *r); /* I16, I32, I64 */
int32_t silt_thrift_int32(silt_thrift_reader *r);
silt_bytes silt_thrift_text(silt_thrift_reader *r); /* borrowed from what is read */
/* False at the struct's end, or where reading failed. */
bool silt_thrift_next(silt_thrift_reader *r, silt_thrift_field *field);
/* How many items follow, of which type. */
uint64_t silt_thrift_list(silt_thrift_reader *r, uint8_t *type);
/* Pass a value over; deeper than 16 from `depth` 0 fails, and so do maps, which no footer has. */
void silt_thrift_skip(silt_thrift_reader *r, uint8_t type, int depth);

#endif
