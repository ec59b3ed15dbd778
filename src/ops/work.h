/* Inside append and upsert: what both do around the engine's part. */
#ifndef SILT_OPS_WORK_H
#define SILT_OPS_WORK_H

#include "ops/change.h"
#include "ops/layout.h"
#include "ops/write_columns.h"
#include "table/data.h"
#include "table/shape.h"

typedef struct silt_work_file {
    int64_t size_bytes, mtime_ns;
    bool there;
} silt_work_file;

struct silt_edit;

/* One try of a change. {0} before silt_work_init(), silt_work_release() afterwards. */
typedef struct silt_work {
    silt_snapshot *snapshot; /* NULL: there is no table yet; the next two are given then */
    silt_store *store;
    silt_engine *engine;
    const silt_change_spec *spec;
    silt_arena *arena; /* of the caller: results live there */
    silt_error *err;
    int round;                 /* tries so far: files of each have names of their own */
    const char *scratch;       /* own folder, removed at the end */
    const char *out_dir;       /* in it: where files are written */
    const char *in_dir;        /* in it: copies of the table's files, where it has no local paths */
    silt_source_group *groups; /* of the plan, maybe in another order */
    size_t group_count;
    const size_t *file_index;   /* for `groups` */
    silt_write_columns columns; /* with audit values */
    /* Of the table afterwards. Where the caller has set them they stay; else they are the
     * snapshot's with the plan's new columns. */
    const silt_metadata *metadata;
    const silt_type *schema;
    silt_shape *shape; /* that these are of; NULL: it stays as it is */
    bool metadata_changes;
    silt_write_spec layout; /* of new files: what the caller says, else the table */
    silt_names sorted_by;   /* what new rows are known to be sorted by */
    silt_given_fn *given;   /* NULL: by the plan's groups */
    void *given_ctx;
    silt_work_file *before; /* by source file, before it was read */
    SILT_VEC(silt_bad_source) bad;
    silt_source_counts *counts; /* by source file */
    silt_change_facts facts;
    silt_add *adds; /* published */
    size_t add_count;
    struct silt_edit
        *edit; /* what else the commit changes, of rows that are there; NULL: nothing */
} silt_work;

/* Make the scratch folder, fill in columns, look at the source files. UNSUPPORTED: a writer
 * feature. */
silt_status silt_work_init(silt_work *w);
void silt_work_release(silt_work *w);
/* Of that only the look at source files: room for counts, groups of the plan. */
silt_status silt_work_look(silt_work *w);
/* Which sources have a column; those that are made up for each row are in all. */
silt_given silt_work_given(const silt_work *w, const char *name);

/* What the engine is to write and where; bad sources are noted. */
silt_stage_spec silt_work_stage_spec(silt_work *w);

/* Add the columns of `schema` that the shape lacks, at its end. */
silt_status silt_work_grow(silt_shape *shape, const silt_type *schema, silt_error *err);

/* Add what a change asks of its rows to what the table asks. */
silt_status silt_work_checks(const silt_change_spec *spec, const silt_type *schema,
                             silt_arena *arena, silt_write_columns *columns, silt_error *err);
/* Rows in which `column` is true delete others, whatever their values are: these hold the checks.
 */
silt_status silt_work_spare_deletes(const char *column, silt_arena *arena, silt_check *checks,
                                    size_t count, silt_error *err);

/* After the engine has read the sources, whether it failed (`st`) or not: files that changed
 * meanwhile are at fault, whatever the engine said. CHANGED or `st`. */
silt_status silt_work_after_read(silt_work *w, silt_status st);

/* After the engine has written: numbers that identity columns were given are entered into the
 * metadata, or what checks found is told. `st` is the engine's status, and given back. */
silt_status silt_work_after_stage(silt_work *w, const silt_stage_result *staged, silt_status st);

/* Stage the source files of the plan: rows are counted by file and checked. */
silt_status silt_work_stage(silt_work *w, silt_stage_result *staged);

/* Note that a source file (by its place in silt_sources) is at fault. */
silt_status silt_work_blame(silt_work *w, size_t file, silt_status status, const char *why);

/* Give what was noted to the caller of the operation. */
silt_status silt_work_give_bad(silt_work *w, silt_status st, silt_bad_sources *out);

/* New rows are written in the layout's order: the commit is to say so. */
silt_status silt_work_sorted(silt_work *w);

/* A scratch folder of an attempt. Of one that was killed here something may be left: it is
 * nobody's.
 */
silt_status silt_work_scratch(silt_store *store, const char *attempt, silt_arena *arena,
                              const char **out, silt_error *err);

/* Sum up facts.total from counts. */
void silt_work_sum(silt_work *w);

/* Move staged files into the table; what they are is checked on both sides of the move. */
silt_status silt_work_publish(silt_work *w, const silt_stage_result *staged);
/* Take published files away again: nothing was tried to be committed. */
void silt_work_unpublish(silt_work *w);

/* Metadata, adds, the caller's last word (on failure what was published is taken away), commit.
 * `txn` has operation and read set; `removes` are the files that are rewritten. */
silt_status silt_work_commit(silt_work *w, silt_txn_options *txn, const silt_add *const *removes,
                             size_t remove_count, silt_txn_result *out, silt_snapshot **after);

/* Partition values as a key, in the order of the columns (as the log calls them): equal where the
 * partition is the same. False: out of memory. */
bool silt_work_partition_key(silt_buf *key, silt_pairs values, silt_names by);

/* ---- conserve.c: nothing is lost and nothing made up, over what was touched */

typedef struct silt_conserved {
    const silt_source_counts *sources; /* by source file */
    size_t source_count;
    const silt_stage_result *staged;
    int64_t removed_rows;  /* of the files that are rewritten; -1: the log doesn't say of all */
    int64_t replaced_rows; /* of these, rows that the source replaces */
    int64_t carried_rows;  /* of these, rows that stay */
} silt_conserved;

/* Of sources alone: each row that was read is accounted for. */
silt_status silt_conserve_sources(const silt_source_counts *sources, size_t count, silt_error *err);

/* FAILED: the numbers, in words. @see docs/exactly-once.md, "A batch", step 5 */
silt_status silt_conserve(const silt_conserved *c, silt_error *err);

/* A data file that was put, by its path as in the log, is there with as many bytes. */
silt_status silt_conserve_object(silt_store *store, const char *path, int64_t size_bytes,
                                 silt_arena *scratch, silt_error *err);

#endif
