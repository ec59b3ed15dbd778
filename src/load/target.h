/* Target: where a table's rows go, and the judge of whether a batch happened. The seam to other
 * targets than Delta tables: each kind answers the same few questions.
 *
 * V is the highest batch number of an appId that the target itself vouches for. Rows of a batch and
 * its number are there together or not at all, and a number below V can't come any more. */
#ifndef SILT_LOAD_TARGET_H
#define SILT_LOAD_TARGET_H

#include "base/seam.h"
#include "load/config.h"
#include "ops/orphans.h"
#include "silt/scd2.h"
#include "table/snapshot.h"

typedef struct silt_load silt_load;
typedef struct silt_target silt_target;
typedef struct silt_runner silt_runner; /* load/runner.h */

/* Which files (_source_file) of which batch (_batch_id) have rows in the target. */
typedef struct silt_evidence {
    const char *path;
    int64_t batch_id, row_count;
    bool shared; /* own_rows.h: another pipeline has loaded a file of that path here, too */
} silt_evidence;

/* Whoever numbers its commits to a target. */
typedef struct silt_writer {
    const char *app_id;
    int64_t version; /* its V */
} silt_writer;

/* In what way a target isn't what the last batch left. */
typedef enum silt_back {
    SILT_BACK_TOUCHED,  /* somebody took rows out */
    SILT_BACK_BEHIND,   /* it doesn't know of batches that the tracker knows of */
    SILT_BACK_REPLACED, /* it is another one */
    SILT_BACK_RESTORED  /* to an older version */
} silt_back;

typedef struct silt_target_ops {
    /* Read what stands there now: all that silt_target has below its line. A target that isn't
     * there is fine. */
    silt_status (*refresh)(silt_load *, silt_target *, silt_error *);
    /* Commit number `number` alone, without rows. CONFLICT: somebody was faster. */
    silt_status (*fence)(silt_load *, silt_target *, int64_t number, silt_error *);
    /* INCONSISTENT where rows of what was loaded may be gone: restored, deleted, replaced. Is only
     * asked where there is a V. */
    silt_status (*check)(silt_load *, silt_target *, silt_error *);
    /* Whether its rows say which file and batch they are from. */
    bool (*has_evidence)(const silt_target *);
    /* What they say, for batches in (after, until]. Cost: a scan of two columns. */
    silt_status (*evidence)(silt_load *, silt_target *, int64_t after, int64_t until, silt_arena *,
                            const silt_evidence **out, size_t *count, silt_error *);
    /* Everybody who numbers commits to it, ourselves too, as of the last refresh. */
    silt_status (*writers)(silt_load *, silt_target *, silt_arena *, const silt_writer **out,
                           size_t *count, silt_error *);
    /* How many rows there are, everybody's; -1: not known. */
    silt_status (*count_rows)(silt_load *, silt_target *, int64_t *out, silt_error *);
    /* The columns that stand there, NULL: there is no table; and what a column of a type is called
     * there. From then on a job may be prepared that isn't to be done, for which nothing is made.
     */
    silt_status (*columns)(silt_load *, silt_target *, silt_arena *, const silt_type **out,
                           silt_error *);
    const char *(*type_name)(const silt_target *, const silt_type *, silt_arena *);
    /* Whether the versions of a table of scd2 are whole. NULL: such are kept nowhere. */
    silt_status (*check_versions)(silt_load *, silt_target *, silt_arena *, silt_scd2_report *out,
                                  silt_error *);
    /* Commit as batch `number`: the rows of files that some batches put there go, all or none, and
     * `*rows` says how many. Is asked only where there is evidence; row_count isn't looked at. A
     * number below 0: nothing is changed, the rows are counted; -1: there are none, or it can't be
     * told. CONFLICT: somebody was faster. */
    silt_status (*remove)(silt_load *, silt_target *, const silt_evidence *items, size_t count,
                          int64_t number, int64_t *rows, silt_error *);
    /* Bring about what commits that stand have named, where that is more than the commit itself;
     * done again it does nothing. Is asked by who recovers, and after each commit. NULL: nothing
     * is ever due. */
    silt_status (*follow)(silt_load *, silt_target *, silt_error *);
    /* Each file beside it that no commit has ever named, and that nobody can be about to commit by
     * its age; with `remove` it goes. NULL: there are no files. */
    silt_status (*orphans)(silt_load *, silt_target *, bool remove, silt_orphan_fn *, void *ctx,
                           silt_error *);
    /* Take away what an attempt has left that isn't part of the target. */
    void (*clean)(silt_load *, silt_target *, const char *attempt);
    /* After a batch: what is due. */
    void (*maintain)(silt_load *, silt_target *);
    void (*release)(silt_target *);
} silt_target_ops;

extern const silt_target_ops silt_target_delta;
extern const silt_target_ops silt_target_raw;

struct silt_target {
    const silt_target_ops *ops;
    const silt_config_table *table;
    char *app_id;                     /* <pipeline>/<table> */
    silt_store *store;                /* of the ledgers; a Delta table's own */
    silt_runner *runner;              /* who brings rows there; borrowed */
    char own_attempt[SILT_UUID_SIZE]; /* of the batch this run has open or has just given up; "" */
    int64_t vouched; /* version of the table in which its rows were last found untouched; -1: not
                        yet looked */
    struct silt_sql_table *sql; /* of a table of a database (load/target_sql.h) */
    struct silt_raw *raw;       /* of a folder of raw files */
    silt_back back;             /* where it was found to be INCONSISTENT as a whole */
    int64_t restored_to;        /* RESTORED: the version whose rows it has; -1: it can't be told */
    /* ---- as it was at the last refresh, or our last commit */
    bool there;
    const char *id;          /* what tells it from another in the same place; NULL: nothing does */
    int64_t app_version;     /* V; -1: none */
    int64_t version;         /* for people: of the table; -1: it has none */
    silt_snapshot *snapshot; /* of a Delta table */
};

silt_status silt_target_open(silt_load *load, const silt_config_table *table, silt_target *out,
                             silt_error *err);
void silt_target_release(silt_target *target);
/* Read what stands there now. A table that isn't there is fine. */
silt_status silt_target_refresh(silt_load *load, silt_target *target, silt_error *err);
/* Bring about what is due of the commits that were read. */
silt_status silt_target_follow(silt_load *load, silt_target *target, silt_error *err);
/* The store that a folder of raw files is a table in; `folder` is taken, whatever comes of it. */
silt_status silt_target_raw_store(silt_load *load, silt_target *target, silt_store *folder,
                                  silt_error *err);
/* What the table of raw files has as properties from the start; how many. */
#define SILT_RAW_PROPERTIES 4
size_t silt_target_raw_properties(const silt_target *target, silt_pair *out);
/* What was last written before that, and isn't committed, is nobody's any more: ms since 1970. */
int64_t silt_target_abandoned_ms(const silt_load *load, const silt_target *target);
/* silt_target_ops.columns and type_name of what has a snapshot. */
silt_status silt_target_columns(silt_load *load, silt_target *target, silt_arena *arena,
                                const silt_type **out, silt_error *err);
const char *silt_target_type_name(const silt_target *target, const silt_type *type,
                                  silt_arena *arena);
/* What versions of the table's rows are checked by: gaps between them are none of its faults where
 * its source says what has gone. */
silt_scd2_options silt_target_versions(const silt_config_table *table);
/* A Delta table stands at `after` (taken; NULL: it has to be read) once batch `number` is in. */
void silt_target_delta_committed(silt_target *target, silt_snapshot *after, int64_t number);

#endif
