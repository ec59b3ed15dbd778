/* Inside silt_write(): one call in the making. */
#ifndef SILT_OPS_WRITE_H
#define SILT_OPS_WRITE_H

#include "ops/edit.h"
#include "ops/once.h"
#include "ops/replace.h"
#include "ops/work.h"
#include "silt/write.h"
#include "table/dry.h"

typedef struct silt_writing {
    silt_store *store;
    silt_engine *engine;
    const silt_write_source *source;
    silt_write_options opts;
    silt_commit_options commit;
    silt_arena *arena;
    silt_error *err;
    silt_dry dry;         /* of a dry run: `store` is its */
    silt_snapshot *first; /* before the policy was applied; NULL: `base` */
    silt_snapshot *base;  /* ours; NULL: there is no table yet */
    silt_snapshot *newer; /* read again since; NULL: not yet */
    silt_snapshot *after;
    char id[SILT_UUID_SIZE]; /* of the attempt, in the names of files */
    silt_work w;
    silt_change_spec spec;
    /* The source: files, or the columns of a stream or scan. */
    silt_sources sources;
    const char *items; /* scratch folder for items of JSON arrays; NULL: not needed so far */
    silt_source_plan plan;
    const silt_column *columns;
    size_t column_count;
    /* What is replaced. */
    const silt_expr *where; /* NULL: no condition */
    const silt_add **removes;
    size_t remove_count;
    const silt_expr *replaced; /* the rows that go, over the current snapshot; NULL: all */
    silt_replacing replacing;  /* begun where w.edit is set: rows that a condition takes */
    silt_stage_result staged;
    silt_scd2_options scd2; /* of mode SCD2: complete */
    silt_write_result result;
} silt_writing;

/* ---- options (write_option.c) */

/* Options checked by themselves. INVALID: which, and why. */
silt_status silt_write_check(const silt_writing *wr);
silt_names silt_write_names(const char *const *names);
/* Whether rows are told apart by keys. */
bool silt_write_is_keyed(const silt_writing *wr);
/* Of the commit, but for operation and read set. */
silt_status silt_write_txn_options(const silt_writing *wr, silt_txn_options *out);

/* ---- sources (write_source.c) */

/* What the source is, whatever the table: its format, or its columns. */
silt_status silt_write_look(silt_writing *wr);
/* The columns of a table that is made of it; of files this plans them. */
silt_status silt_write_source_schema(silt_writing *wr, const silt_type **out);
/* Its columns against those of the table afterwards: INVALID or BAD_DATA where they don't fit; of
 * files this plans them. */
silt_status silt_write_match(silt_writing *wr, const silt_type *schema);
/* Files that hold a JSON array are replaced by ones with an item a line (write_array.c). */
silt_status silt_write_split_arrays(silt_writing *wr, silt_source_file *files, size_t count);
/* Rows → staged files. */
silt_status silt_write_stage(silt_writing *wr, silt_stage_result *out);
/* A stream or scan into a file under the scratch folder, which is the source from then on. */
silt_status silt_write_keep(silt_writing *wr);
/* silt_write_columns_of()'s: of a stream or scan (ctx: the writing). */
silt_given silt_write_given(void *ctx, const char *name);

/* ---- the table's shape (write_shape.c) */

/* What the table is like afterwards: w.metadata, w.schema and, where it changes, w.shape. Of files
 * this plans them too. */
silt_status silt_write_shape(silt_writing *wr);

/* ---- what is replaced (write_replace.c) */

/* The files of the current snapshot that go, and what is to be written for it; new rows are
 * published. What a call before had found and written is taken back. */
silt_status silt_write_replace(silt_writing *wr);
/* Take back what was written for it; `commits`: a commit names it, or may. */
void silt_write_replace_end(silt_writing *wr, bool commits);
/* What was replaced, into the result. */
void silt_write_give_replaced(silt_writing *wr);
/* Metrics as Spark names them; NULL in `out` where the txn's own say all. */
silt_status silt_write_replace_metrics(silt_writing *wr, const char **out);
/* Whether anything is. */
bool silt_write_replaces(const silt_writing *wr);

/* ---- the work around staging (write.c) */

/* Once the shape is known: scratch, columns, a look at the sources. */
silt_status silt_write_start(silt_writing *wr);
/* What only this write asks of its rows. */
void silt_write_constraints(const silt_writing *wr, silt_change_spec *spec);

/* ---- keyed modes (write_keyed.c) */

silt_status silt_write_keyed(silt_writing *wr);

/* ---- commits (write_commit.c) */

static inline silt_snapshot *silt_write_current(const silt_writing *wr)
{
    return wr->newer ? wr->newer : wr->base;
}
/* Whether the number is taken: then the answer is in the result. */
silt_status silt_write_done(silt_writing *wr, bool *done);
silt_status silt_write_look_again(silt_writing *wr);
/* Until it stands, or can't. */
silt_status silt_write_commit(silt_writing *wr);

#endif
