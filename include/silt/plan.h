/* Plan: what the next run of a pipeline would do. */
#ifndef SILT_PLAN_H
#define SILT_PLAN_H

#include "silt/pipeline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A number that is -1 isn't known. */
typedef struct silt_plan_table {
    const char *table_name, *path;
    const char *strategy; /* "append" … */
    const char *format;   /* "delta" … */
    int64_t version;      /* as the target stands; -1: it has none, or isn't there */
    int64_t files_discovered;
    bool source_empty;      /* no file matches it, loaded ones included */
    int64_t files_waiting;  /* that would be loaded */
    int64_t files_given_up; /* failed ones whose tries are used up */
    int64_t bytes;          /* of those that wait */
    int64_t batches;
    int64_t rows;               /* of those that wait, estimated */
    int64_t bytes_rewritten;    /* of the table's data files, at most: those that may be replaced */
    int64_t recoveries;         /* batches and files that an earlier run left to be put right */
    bool changes_known;         /* no problem was in the way */
    const char *const *changes; /* of columns, properties and protocol, a database's table that is
                                   made; one line each */
    size_t change_count;
    const silt_run_failure *unfit; /* files that can't be loaded, as far as their beginnings say */
    size_t unfit_count;
    silt_status problem;        /* why it can't be loaded as a whole; SILT_OK: it can */
    const char *message, *hint; /* of that; NULL */
} silt_plan_table;

typedef struct silt_plan {
    const char *pipeline;
    silt_status_lock lock;      /* a run would wait for, or take over */
    int64_t memory_limit_bytes; /* what a run keeps in memory at most, before it spills */
    int64_t threads;
    const silt_plan_table *tables;
    size_t table_count;
} silt_plan;

/**
 * Find out what silt_pipeline_run() would do with the same options. Nothing is changed, and no
 * lock is taken: the run's first steps are done aside. Of a table's first 1,000 files that wait the
 * beginnings are read.
 *
 * @param opts  NULL for SILT_RUN_OPTIONS_INIT; lock options aren't looked at
 * @param arena the plan lives in it
 * @param out   set with SILT_OK, also where tables have problems
 */
SILT_API SILT_CHECKED silt_status silt_pipeline_plan(silt_pipeline *pipeline,
                                                     const silt_run_options *opts,
                                                     silt_arena *arena, silt_plan *out,
                                                     silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
