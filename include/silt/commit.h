/* What a call that changes a table is told about its commit, whichever operation it is. */
#ifndef SILT_COMMIT_H
#define SILT_COMMIT_H

#include "silt/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All of it is borrowed until the call returns. */
typedef struct silt_commit_options {
    size_t struct_size;
    /* Who changes (a name of the program's own), and the number of this change, 0 or more: of each
     * number one commit at most ever stands, however often it is tried. Numbers only rise. NULL:
     * every call changes.
     *
     * Where the table has this number already nothing is written, and the call succeeds: its result
     * says so, and which commit did it. Likewise where a higher one was committed, but none with
     * this one is known ("overtaken"). */
    const char *app_id;
    int64_t app_version;
    bool fail_if_overtaken;        /* that is SILT_FENCED, then */
    const char *user_metadata;     /* kept in the table's history; NULL: none */
    const char *const *properties; /* "NAME=VALUE" for commitInfo, NULL-terminated; NULL: none */
    const char *run_payload; /* JSON object for commitInfo.silt.run, see silt_run_payload(); NULL */
    int max_attempts;        /* commits tried; 0: no limit but the deadline */
    int64_t backoff_ms; /* the longest first wait between these; it doubles, up to 1 s; each wait is
                           random below it */
    int64_t deadline_ms; /* of all tries together */
    /* Told each try (commit_attempt), and each constraint that rows violate, by how many and some
     * of them (constraint_violation); NULL: nobody. */
    const silt_diagnostics *diagnostics;
} silt_commit_options;
#define SILT_COMMIT_OPTIONS_INIT                                                           \
    {                                                                                      \
        .struct_size = sizeof(silt_commit_options), .backoff_ms = 10, .deadline_ms = 60000 \
    }

#ifdef __cplusplus
}
#endif
#endif
