/* The model's operations, done by Silt, through its public interface; and what a table must be like
 * afterwards. */
#ifndef SILT_SIM_OP_H
#define SILT_SIM_OP_H

#include "sim/model.h"

#include "silt/silt.h"

/* Where a table is, and what it is used through. */
typedef struct op_site {
    silt_store *store;
    silt_engine *engine;
    const char *dir;     /* an absolute path: sources and exports go there */
    const char *name;    /* of such files: no two sites at work have the same */
    const char *parquet; /* MIGRATE: the folder of files */
    const char *app;     /* the id of op.app_version */
    silt_store *beside;  /* where clones go to; NULL: a new store in memory */
    silt_snapshot *held; /* the table as last seen, needn't be the newest; NULL: opened */
    int nomem_at;        /* the allocation of an operation that fails; 0: none */
    bool nomem_for_good; /* and all behind it */
    bool was_nomem;      /* one did, in the operation before */
} op_site;

typedef struct op_outcome {
    silt_status status;
    silt_error err;
    bool committed;  /* now; a checkpoint, a vacuum, an export: it was done */
    bool before;     /* it was committed before: by its number, or the table is there */
    int64_t version; /* of the commit; -1: none */
    int64_t deleted, updated, inserted; /* rows, -1: not told */
    int attempts;                       /* commits tried; 0: not told */
    int64_t first_version;              /* CLEANUP_LOG: that is left; -1: all */
} op_outcome;

/* Do it. Never fails the test: the outcome says what came of it. */
op_outcome op_run(op_site *site, const op *o, const model *m);
/* Make the table of the traits. */
op_outcome op_create(op_site *site, const model_traits *traits, int64_t app_version);

/* As if the commits were days old, each a minute after the one before: a store with local paths. */
void op_age_log(op_site *site, int64_t newest);

/* ---- looking at a table */

/* The newest version, or -1 where there is no table. The test fails where it can't be opened. */
int64_t op_newest(op_site *site);
/* Rows of a version (SILT_LATEST) as model_text() has them, and the names of its columns; n, which
 * numbers rows, isn't among these. */
silt_status op_read(op_site *site, int64_t version, silt_arena *arena, const char **rows,
                    const char **columns, silt_error *err);
/* Whether the version's rows and columns are the model's; `why` (in the arena) says what isn't. */
bool op_same(op_site *site, int64_t version, const model *m, silt_arena *arena, const char **why);
/* The feed of versions from…to, as model_feed() has it for each of them. */
silt_status op_read_feed(op_site *site, int64_t from, int64_t to, silt_arena *arena,
                         const char **feeds, silt_error *err);
/* Row ids by id, in the order of `ids`; -1: no row of that id. False: two rows have one row id. */
bool op_row_ids(op_site *site, const int64_t *ids, size_t count, int64_t *row_ids);
/* Whether each row has a number of its own in n, none beyond the column's high-water mark. */
bool op_numbers_are_right(op_site *site, int64_t version);
/* What the doctor finds, a line each; "" when the table is well. Files of nobody, and change data
 * that a vacuum took, aren't told; nor, after a fault, what only makes readers look elsewhere. */
const char *op_doctor(op_site *site, bool deep, bool after_fault, silt_arena *arena);

#endif
