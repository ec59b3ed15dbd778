/* Rows of a target by file and batch, as its own rows say (ops->evidence), without those of others:
 * of other pipelines, or of this one's other tables that go into the same place. Rows don't say by
 * whom they were loaded; the ledgers of each writer do, under its own appId. */
#ifndef SILT_LOAD_OWN_ROWS_H
#define SILT_LOAD_OWN_ROWS_H

#include "load/load.h"

typedef struct silt_own_rows {
    const silt_evidence *items; /* as many of each as nobody else's ledgers vouch for, never 0 */
    size_t count;
    const char *unsure; /* an appId whose ledgers aren't all there: rows may be its; NULL: none */
    const char *silent; /* one without any: a plain writer's, or a pipeline's that lost them */
} silt_own_rows;

/* Of batches in (after, until]; all in `arena`. Cost: a scan of two columns, and the ledgers of the
 * others. Is only asked where there is evidence. */
silt_status silt_own_rows_read(silt_load *load, silt_target *target, int64_t after, int64_t until,
                               silt_arena *arena, silt_own_rows *out, silt_error *err);

/* INCONSISTENT where rows may be those of a writer whose ledgers are gone: before anything
 * is decided by them. */
silt_status silt_own_rows_check(const silt_target *target, const silt_own_rows *rows,
                                silt_error *err);

/* Whether an appId is "<pipeline>/<table>", of names as a pipeline file takes them; all others are
 * of no pipeline, and keep no ledgers. */
bool silt_own_rows_is_pipelines(const char *app_id);

#endif
