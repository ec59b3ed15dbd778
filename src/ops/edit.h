/* Inside delete, update and optimize: what all do around finding and writing rows.
 *
 *   silt_edit_run → per try: find (which files, which rows) → write (vectors, files) → one commit
 */
#ifndef SILT_OPS_EDIT_H
#define SILT_OPS_EDIT_H

#include "base/json.h"
#include "base/seam.h"
#include "ops/once.h"
#include "ops/write_columns.h"
#include "silt/edit.h"
#include "table/data.h"
#include "table/txn.h"

/* What becomes of a file of the table. */
typedef enum silt_edit_fate {
    SILT_EDIT_GOES,     /* all rows of it are hit: it is removed */
    SILT_EDIT_MARKED,   /* its hit rows join its deletion vector */
    SILT_EDIT_REWRITTEN /* it is removed, the other rows are written anew */
} silt_edit_fate;

/* A file that is touched. */
typedef struct silt_edit_file {
    const silt_add *add;
    silt_edit_fate fate;
    int64_t row_count; /* physical; -1: not known */
    int64_t hits;      /* -1: not known, for all are hit */
    silt_bitmap *hit;  /* their places; NULL: all that are there */
    silt_bitmap *gone; /* those and the ones deleted before; NULL with GOES */
    /* Of a merge: which hits are updated, and not deleted. */
    silt_bitmap *updated; /* NULL: none, or all */
    bool updated_all;
} silt_edit_file;

typedef struct silt_edit silt_edit;

typedef struct silt_edit_op {
    const char *name; /* as Spark calls it */
    silt_status (*find)(silt_edit *e);
    silt_status (*write)(silt_edit *e);
    void (*put_parameters)(const silt_edit *e, silt_json_writer *w);
    void (*put_metrics)(const silt_edit *e, silt_json_writer *w);
    bool rearranges;
    /* What is to be committed beside files: called where e->more is set. NULL: nothing ever is. */
    silt_status (*fill)(silt_edit *e, silt_txn *txn);
    bool alone; /* any commit of others in between is in the way */
    /* What the changes were decided by; NULL: the rows that e->where takes. */
    void (*put_read)(const silt_edit *e, silt_txn_options *out);
} silt_edit_op;

/* Who has the last word of a commit: a loader. */
typedef struct silt_edit_host {
    const char *attempt; /* in the names of files */
    /* App txn, retry, clock …: what isn't the operation's to say. */
    silt_status (*tell)(void *ctx, const silt_edit *e, silt_txn_options *out);
    silt_status (*before_commit)(void *ctx, silt_edit *e, const char *txn_id);
    void *ctx;
    silt_diagnostics diagnostics; /* who is told of violations; event NULL: nobody */
} silt_edit_host;

/* One try. */
struct silt_edit {
    const silt_edit_op *op;
    const void *ctx; /* of the operation: what it was asked for */
    void *data;      /* of the operation: what it keeps during a try, in the arena */
    const silt_edit_options *opts;
    const silt_edit_host *host; /* NULL: none */
    const silt_commit_options *commit;
    silt_snapshot *snapshot;
    silt_store *store;
    silt_engine *engine;
    const silt_log_state *state;
    const silt_type *schema;
    /* Of the files that are written: the table's, unless the operation sets others. */
    const silt_metadata *new_metadata;
    const silt_type *new_schema;
    bool more;                     /* there is something to commit though no file is touched */
    bool adds_rows;                /* there is something to be written though none is */
    const silt_metadata *numbered; /* with identity columns' new numbers; NULL: none are */
    const silt_type *numbered_schema;
    const char *compression; /* of data files, as the engine has it; NULL: the table's */
    silt_arena *arena;
    silt_error *err;
    char own_id[SILT_UUID_SIZE];
    const char *id;              /* of the try: in the names of its files */
    const char *scratch;         /* own folder; NULL: not needed so far */
    bool feed, row_ids, vectors; /* what the table has on */
    bool materializes;           /* files have the partition columns, too */
    const silt_expr *where;      /* bound; NULL: none */
    const char *where_text;
    silt_scan_plan scan; /* of the files that were looked into: has their deletion vectors */
    SILT_VEC(silt_edit_file) files;
    SILT_VEC(silt_add) adds; /* written, in the table */
    silt_names sorted_by;    /* columns that the rows of each of these are sorted by */
    SILT_VEC(silt_cdc) changes;
    silt_dv *dvs;                /* by file: of those that are marked */
    SILT_VEC(const char *) keys; /* objects that were put: taken away unless a commit names them */
    bool half;                   /* files may have been put that `keys` lacks */
    int writes;                  /* engine writes so far */
    int64_t vector_names;        /* asked for so far */
    int attempts_before;         /* of tries before this one */
    int64_t started_us, found_us;
    silt_edit_result result;
};

/* The whole of an operation. */
silt_status silt_edit_run(silt_snapshot *snapshot, const silt_edit_op *op, const void *ctx,
                          const silt_edit_options *opts, silt_edit_result *out,
                          silt_snapshot **after, silt_error *err);

/* One try, for a host: what comes of the commit is its to judge. Files of a try that isn't
 * committed are taken away again. */
silt_status silt_edit_once(silt_snapshot *snapshot, const silt_edit_op *op, const void *ctx,
                           const silt_edit_host *host, silt_edit_result *out, silt_txn_result *txn,
                           silt_snapshot **after, silt_error *err);

/* A try by itself, for operations that make more of it than an edit: snapshot, opts and err are
 * set, maybe id and scratch together, the rest is 0. Begin, find, write, count, fill a txn; unless
 * it is committed take back what was put; end in any case. */
silt_status silt_edit_begin(silt_edit *e);
/* What becomes of files and vectors, once it is known which are touched. */
void silt_edit_count(silt_edit *e);
silt_status silt_edit_fill(silt_edit *e, silt_txn *txn);
void silt_edit_take_back(silt_edit *e);
void silt_edit_end(silt_edit *e);

/* ---- edit_find.c */

/* current_date() and current_timestamp() as what they are in this try: the same for all rows. */
silt_status silt_edit_at_once(silt_edit *e, const silt_expr *expr, const silt_expr **out);
/* Parse and bind a condition (NULL: none) as e->where. */
silt_status silt_edit_condition(silt_edit *e, const char *where);
/* Fill e->files: those with rows that e->where takes, and their rows and fates. Files that are
 * known to have such rows only aren't read. */
silt_status silt_edit_find(silt_edit *e);
/* What becomes of a file once its hits are known; `deleted` before, NULL: none. CORRUPT: more rows
 * than its statistics tell of. */
silt_status silt_edit_decide(silt_edit *e, silt_edit_file *file, const silt_bitmap *deleted);
/* Sum up how many rows are hit; -1: not known. */
int64_t silt_edit_hits(const silt_edit *e);
/* Where a row that is hit is also one that `condition` takes: `*add` and its place; NULL: there is
 * none. */
silt_status silt_edit_first_hit(silt_edit *e, const silt_expr *condition, const silt_add **add,
                                int64_t *row);
/* INVALID where rows can only be added. */
silt_status silt_edit_check_may(silt_edit *e);

/* ---- edit_write.c */

/* Rows of one file. */
typedef struct silt_edit_part {
    const silt_add *add;
    const silt_bitmap *rows; /* NULL: all that are there */
    bool rows_only;          /* only `rows`; else all but these */
} silt_edit_part;

typedef enum silt_edit_ids {
    SILT_EDIT_IDS_NONE, /* not written */
    SILT_EDIT_IDS_KEPT, /* id and commit version */
    SILT_EDIT_IDS_NEW   /* the id alone: the rows are changed */
} silt_edit_ids;

/* Rows that are written anew. */
typedef struct silt_edit_rows {
    const silt_edit_part *parts;
    size_t part_count;
    const silt_rows_spec *rows; /* instead of parts: with the column of row ids, if `ids` is NEW */
    const silt_write_columns *columns; /* over the table's columns as they were */
    const char *change_type;           /* NULL: data files; else files of the change data feed */
    silt_edit_ids ids;                 /* where the table tracks rows */
    const silt_add *partition; /* all rows are of this one's partition; NULL: told by the rows */
    const silt_write_order *order; /* NULL: as they come */
    int64_t file_bytes;            /* 0: the table's target */
    int64_t expected;              /* rows there have to be; -1: not known */
} silt_edit_rows;

/* The column that keeps rows' ids in files. CORRUPT: the table doesn't say. */
silt_status silt_edit_row_id_column(const silt_edit *e, const char **out);

/* The table's columns, to be copied as they are into files of e->new_metadata: no checks. */
silt_status silt_edit_copied(silt_edit *e, silt_write_columns *out);

/* Write rows into new files of the table: added to e->adds or e->changes. Not one row more or less
 * than expected, or FAILED. */
silt_status silt_edit_write(silt_edit *e, const silt_edit_rows *rows);
/* Tell the feed of rows of the table that were written, as they are now. */
silt_status silt_edit_write_after(silt_edit *e, const silt_write_columns *copied,
                                  const char *change_type, size_t first_add, int64_t expected);
/* Write the rows of e->files that are hit, as `change_type`. */
silt_status silt_edit_write_hits(silt_edit *e, const silt_write_columns *columns,
                                 const char *change_type, silt_edit_ids ids);
/* Write what stays of the files that are rewritten. */
silt_status silt_edit_write_rest(silt_edit *e);
/* Write deletion vectors of the files that are marked. */
silt_status silt_edit_write_vectors(silt_edit *e);

/* delta.targetFileSize, or what is asked for; else `otherwise`. */
int64_t silt_edit_file_bytes(const silt_edit *e, int64_t otherwise);

/* Metrics: numbers as strings. */
void silt_edit_metric(silt_json_writer *w, const char *name, int64_t value);
/* "predicate": a list of conditions within a string, as Spark has it. */
void silt_edit_put_predicate(const silt_edit *e, silt_json_writer *w);
/* How long it took to find and to write. */
void silt_edit_put_times(const silt_edit *e, silt_json_writer *w);
/* Metrics that delete and update share. */
void silt_edit_put_shared(const silt_edit *e, silt_json_writer *w);

#endif
