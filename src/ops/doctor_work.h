/* Inside doctor: one examination. */
#ifndef SILT_OPS_DOCTOR_WORK_H
#define SILT_OPS_DOCTOR_WORK_H

#include "base/bitmap.h"
#include "base/hash.h"
#include "silt/doctor.h"
#include "table/data.h"
#include "table/txn.h"

/* An add that is to be committed again, or taken out. */
typedef struct silt_doctor_repair {
    const silt_add *add;
    bool gone;            /* the file is */
    const char *stats;    /* NULL: they stay */
    silt_bitmap *deleted; /* its rows that are, for a new vector; NULL: the one it has stays */
} silt_doctor_repair;

typedef struct silt_doctor_work {
    silt_store *store;
    silt_engine *engine;
    const silt_doctor_options *opts;
    silt_arena *arena;
    int64_t now_ms, young_ms;
    silt_snapshot *snapshot;
    const char *scratch; /* NULL: the store has local paths */
    SILT_VEC(silt_doctor_repair) repairs;
    bool deaf; /* `found` wants no more */
    silt_doctor_result result;
    silt_error *err;
} silt_doctor_work;

/* Tell a finding, and count it. */
silt_status silt_doctor_find(silt_doctor_work *d, const silt_finding *finding);

silt_status silt_doctor_log(silt_doctor_work *d); /* doctor_log.c: without a snapshot, or with it */
silt_status silt_doctor_files(silt_doctor_work *d);   /* doctor_files.c: those of the snapshot */
silt_status silt_doctor_orphans(silt_doctor_work *d); /* doctor_orphans.c: and change data */

#endif
