/* Looking a table over: what its log says against what is there. */
#ifndef SILT_DOCTOR_H
#define SILT_DOCTOR_H

#include "silt/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum silt_finding_severity {
    SILT_FINDING_NOTE,    /* nothing suffers by it */
    SILT_FINDING_WARNING, /* readers find another way, or older versions are affected only */
    SILT_FINDING_ERROR    /* reads of the newest version fail, or may give wrong rows */
} silt_finding_severity;

/* Strings live for the call. */
typedef struct silt_finding {
    silt_finding_severity severity;
    const char *kind; /* "missing-file", "wrong-statistics", "bad-checkpoint", …: see docs/cli */
    const char *path; /* of the object, in the table; NULL: the table */
    const char *what;
    const char *remedy; /* what to do about it */
    bool fixed;         /* it is done already, or will be in the commit that follows; of a dry run:
                           would be */
} silt_finding;

/* Return false to hear of no more. */
typedef bool silt_finding_fn(void *ctx, const silt_finding *finding);

typedef struct silt_doctor_options {
    size_t struct_size;
    bool fix;          /* repair what can be repaired without losing rows */
    bool drop_missing; /* with fix: take files that are gone out of the table, with their rows */
    bool deep;         /* read all rows, too, and each checkpoint and .crc, not the newest only */
    int64_t young_ms;  /* files of nobody that are younger may be somebody's at work; -1: a day */
    silt_finding_fn *found;
    void *ctx;
    bool dry_run; /* with fix: repair aside, under the system's temporary folder */
} silt_doctor_options;
#define SILT_DOCTOR_OPTIONS_INIT                                                \
    {                                                                           \
        sizeof(silt_doctor_options), false, false, false, -1, NULL, NULL, false \
    }

typedef struct silt_doctor_result {
    int64_t version; /* that was looked at; -1: none could be read */
    int64_t files;   /* of it */
    int64_t errors, warnings, notes;
    int64_t fixed;             /* of these */
    int64_t open;              /* errors and warnings that aren't */
    int64_t rows_lost;         /* of files that were taken out; -1: not known */
    int64_t committed_version; /* of repairs; -1: none, or a dry run */
} silt_doctor_result;

/**
 * Compare a table's log with itself and with its files: gaps between versions, checkpoint, .crc and
 * _last_checkpoint against the commits, files and deletion vectors that are gone or aren't what the
 * log says, statistics against the footers of the files, files named twice, files of nobody. Cost:
 * listings, two replays, a head and a footer of each file; no rows unless `deep`.
 *
 * Repairs: a checkpoint or .crc unlike the log is deleted where commits tell the same, and a new
 * checkpoint written; statistics are corrected, and rows that files don't have taken out of their
 * deletion vectors, by a commit that changes no row.
 *
 * @param opts NULL for SILT_DOCTOR_OPTIONS_INIT
 * @return SILT_OK whatever is found. SILT_NOT_FOUND no table; SILT_INVALID options; SILT_CONFLICT,
 *         SILT_UNSUPPORTED a repair that can't be committed; or any status of the store
 */
SILT_API SILT_CHECKED silt_status silt_doctor(silt_store *store, silt_engine *engine,
                                              const silt_doctor_options *opts,
                                              silt_doctor_result *out, silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
