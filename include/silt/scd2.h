/* Tables that keep all versions of their rows (SCD type 2). */
#ifndef SILT_SCD2_H
#define SILT_SCD2_H

#include "silt/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How versions are told and kept, beside the keys of what they are versions of. A version is true
 * from its effective date until before its end date; of a key at most one has none: it is current.
 */
typedef struct silt_scd2_options {
    size_t struct_size;
    const char *const *tracking_columns; /* NULL-terminated, 1 or more: rows that differ in one of
                                            them (nulls are equal) are different versions. Others
                                            change the version that they are of */
    const char *effective_date_column;   /* TIMESTAMP; NULL: "effective_date" */
    const char *end_date_column;         /* TIMESTAMP; NULL: "end_date" */
    const char *current_flag_column;     /* BOOLEAN: whether the end is null; NULL: "is_current" */
    const char *effective_from; /* column of the source (TIMESTAMP, TIMESTAMP_NTZ as UTC, DATE):
                                   since when a row is true. NULL: since it is written; each key
                                   may stand once then */
    bool close_missing; /* the source is all there is: current versions of keys that it lacks end
                           now. A source without rows is BAD_DATA */
} silt_scd2_options;
#define SILT_SCD2_OPTIONS_INIT                    \
    {                                             \
        .struct_size = sizeof(silt_scd2_options), \
    }

/* A key whose versions aren't as they have to be. */
typedef enum silt_scd2_fault {
    SILT_SCD2_NO_START, /* an effective date is null */
    SILT_SCD2_EMPTY,    /* a version ends before it begins, or as it does */
    SILT_SCD2_OVERLAP,  /* two versions are true at once */
    SILT_SCD2_GAP,      /* there is a time without a version between two */
    SILT_SCD2_CURRENT,  /* more than one version has no end */
    SILT_SCD2_FLAG,     /* the flag isn't whether the end is null */
    SILT_SCD2_FAULTS
} silt_scd2_fault;

#define SILT_SCD2_SAMPLES 5

typedef struct silt_scd2_report {
    int64_t versions, keys;
    int64_t current;                        /* keys with a current version */
    int64_t faults[SILT_SCD2_FAULTS];       /* keys with each of them */
    int64_t bad_keys;                       /* keys with any */
    const char *samples[SILT_SCD2_SAMPLES]; /* "id = 7: overlap", by key; NULL behind the last */
} silt_scd2_report;

/**
 * Whether a table's versions are whole: for each key no overlap, no gap, one current version or
 * none, and flags that say so. Cost: the keys and the three columns of all rows are read; bounded
 * memory.
 *
 * @param keys  NULL-terminated, 1 or more
 * @param scd2  of it only the names of columns are looked at. Gaps are what a key has that was
 *              closed and came back: with `close_missing` these are none
 * @param arena samples live here
 * @return SILT_INVALID a column that isn't there, or isn't of its type; or of the scan
 */
SILT_API SILT_CHECKED silt_status silt_scd2_check(silt_snapshot *snapshot, const char *const *keys,
                                                  const silt_scd2_options *scd2, silt_arena *arena,
                                                  silt_scd2_report *out, silt_error *err);

/** What a fault is called in messages, e.g. "overlap"; static storage. */
SILT_API const char *silt_scd2_fault_name(silt_scd2_fault fault);

#ifdef __cplusplus
}
#endif
#endif
