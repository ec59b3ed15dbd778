/* Bad rows of source files: taken out of what is loaded, and told.
 *
 * A batch is staged as if all rows were good. Files that fail by that are sieved: looked at row by
 * row, the good rows copied into a file beside, which the plan has in the source's place from then
 * on. So every strategy and target sees good rows only. @see docs/guide/bad-rows.md */
#ifndef SILT_OPS_SIEVE_H
#define SILT_OPS_SIEVE_H

#include <stdio.h>

#include "ops/change.h"

typedef enum silt_on_bad_row {
    SILT_BAD_ROW_FAIL,
    SILT_BAD_ROW_QUARANTINE,
    SILT_BAD_ROW_SKIP,
    SILT_BAD_ROW_RESCUE
} silt_on_bad_row;

typedef struct silt_bad_row_policy {
    silt_on_bad_row on;
    int64_t max;  /* more bad rows of a file: it fails */
    double share; /* of its rows; 1: all may be bad */
} silt_bad_row_policy;

/* Of one source file. */
typedef struct silt_sieved {
    bool done;
    int64_t kept, rejected;
} silt_sieved;

/* The bad rows of one batch. {0} but for what is above the line before the first call. */
typedef struct silt_sieving {
    silt_bad_row_policy policy;
    silt_engine *engine;
    silt_store *store;      /* of the target: copies are made in its scratch folder */
    const char *table_name; /* these four stand in what is told */
    const char *attempt;
    int64_t number, time_us;
    const char *const *keys; /* can't be rescued */
    size_t key_count;
    silt_arena *arena;
    /* ---- */
    const char *scratch;
    silt_sieved *files; /* by silt_sources.files; NULL: none was sieved */
    const char *told_path;
    FILE *told; /* NDJSON: rows of the rejects table */
    int64_t told_count;
} silt_sieving;

/* After a try failed with BAD_DATA: sieve the files that are at fault (`bad`; none: all), and
 * change the plan. OK: try again. Else the failure as it was, and `bad` has those that can't be
 * helped. `snapshot`: the table, whose own constraints are looked at; NULL: the target has none. */
silt_status silt_sieving_more(silt_sieving *s, silt_snapshot *snapshot,
                              const silt_change_spec *spec, silt_source_plan *plan,
                              silt_bad_sources *bad, silt_error *err);

/* Put rejected rows into what a try has counted. FAILED: rows that were kept weren't all read. */
silt_status silt_sieving_count(silt_sieving *s, size_t file_count, silt_change_facts *facts,
                               silt_error *err);

/* Its files go. */
void silt_sieving_release(silt_sieving *s);

#endif
