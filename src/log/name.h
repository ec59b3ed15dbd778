/* The names of files in _delta_log/. */
#ifndef SILT_LOG_NAME_H
#define SILT_LOG_NAME_H

#include <stdint.h>

typedef enum silt_log_name_kind {
    SILT_NAME_COMMIT,          /* n.json */
    SILT_NAME_CRC,             /* n.crc */
    SILT_NAME_CHECKPOINT,      /* n.checkpoint.parquet */
    SILT_NAME_CHECKPOINT_PART, /* n.checkpoint.o.p.parquet */
    SILT_NAME_CHECKPOINT_V2,   /* n.checkpoint.<uuid>.parquet or .json */
    SILT_NAME_COMPACTED,       /* n.m.compacted.json */
    SILT_NAME_FOREIGN          /* anything else; the protocol has no such name */
} silt_log_name_kind;

typedef struct silt_log_name {
    silt_log_name_kind kind;
    int64_t version;     /* of COMPACTED: the first */
    int64_t part, parts; /* CHECKPOINT_PART */
} silt_log_name;

/* Names (without the folder) are taken strictly: 20 digits, 10 for parts. */
void silt_log_name_parse(const char *name, silt_log_name *out);

#endif
