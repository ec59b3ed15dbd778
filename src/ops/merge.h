/* Inside merge, upsert and append_once: one call, and one try of it.
 *
 *   plan (the source against the table's columns) → bind (clauses → expressions) → read the source,
 *   once → match (which rows meet, what becomes of files) → write → commit, all as an edit */
#ifndef SILT_OPS_MERGE_H
#define SILT_OPS_MERGE_H

#include "ops/edit.h"
#include "ops/work.h"
#include "silt/merge.h"
#include "table/expr_tree.h"

typedef struct silt_merging silt_merging;

/* Match the source with a table that has these columns: fills plan and, where the table is to
 * change, shape. Before the source is read, and again where the table has changed since. */
typedef silt_status silt_merge_plan_fn(void *ctx, silt_edit *e, silt_merging *m);

struct silt_merging {
    /* What is asked for. */
    const char *on;          /* NULL: equal keys, nulls too */
    const char *const *keys; /* NULL-terminated */
    const char *target_alias, *source_alias;
    const silt_merge_clause *clauses;
    size_t clause_count;
    silt_join_twice twice;
    const char *newest_by;
    bool replaces;  /* clauses with a star: columns of the table that no source has become null */
    bool as_stored; /* values of the source are those of the table's columns of their names */
    const silt_scd2_options *scd2; /* complete; clauses are silt_scd2_clause then. NULL: a merge */
    bool checks;                   /* the constraints of w.spec hold for the source's rows */
    bool grows;              /* with a star: columns of the source that the table lacks are known */
    const char *compression; /* as the engine has it; NULL: the table's */
    int64_t target_file_bytes;
    silt_merge_plan_fn *plan;
    void *plan_ctx;

    /* The source; `w.spec` has it as files. */
    silt_arena *arena; /* of all tries */
    silt_error *err;
    silt_work w; /* of it what looks at source files, and counts; `columns` are the source's */
    silt_shape *shape;     /* what the table becomes; NULL: it stays */
    silt_type schema;      /* STRUCT of the source's columns */
    const char *read_with; /* the table's schema when the source was read; NULL: it isn't yet */
    int64_t read_us;       /* how long it took to read the source */
    silt_join *join;
    silt_join_source source;
    silt_merge_result result; /* but for the edit's */
};

void silt_merging_release(silt_merging *m);

/* The edit: its ctx is a silt_merging. */
extern const silt_edit_op silt_merge_op;

/* One try, in the edit's arena: e->data. */
typedef struct silt_merge_try {
    silt_merging *m;
    const silt_metadata *metadata; /* of the table afterwards */
    const silt_type *schema;
    /* Bound (merge_bind.c): columns are t.… and s.… */
    const char *on_text;
    silt_join_equal *equals;
    size_t equal_count;
    const silt_expr *rest;        /* NULL: nothing */
    const silt_expr *target_only; /* of `rest`, over the table's columns by name; NULL: nothing */
    silt_join_clause *clauses;    /* as many as m's */
    const char **condition_texts; /* by clause; NULL: always */
    const silt_expr ***values;    /* by clause, by field of `schema`; NULL: it deletes */
    const silt_expr **misfits;    /* by clause; NULL: none */
    silt_write_columns columns;   /* rows that have all values */
    silt_write_columns numbered;  /* inserted rows that are given numbers */
    bool numbers;                 /* there are such */
    bool by_source;               /* a clause is for rows that no source row meets */
    bool changes;                 /* a clause is for rows of the table */
    /* Matched (merge_match.c). */
    silt_key_range *ranges;
    size_t range_count;
    bool *kept;
    const char *row_id; /* column of row ids; NULL: not wanted */
    silt_join_match match;
    int64_t inserted, updated, deleted;
} silt_merge_try;

/* ---- merge_bind.c */

/* Names, types, values. INVALID, NOT_FOUND: what doesn't fit. */
silt_status silt_merge_bind(silt_edit *e, silt_merge_try *t);
/* A column of a side. NULL: out of memory. */
const silt_expr *silt_merge_column(silt_arena *arena, const char *side, const char *name,
                                   const silt_type *type);

/* ---- merge_source.c */

/* Match the source with the table and look at its files, unless it was read for such a table. */
silt_status silt_merge_plan(silt_edit *e, silt_merging *m);
/* What of that is told by the plan alone. */
silt_status silt_merge_columns(silt_merging *m);
/* Read the source, whose rows are told apart by keys (none: they aren't). Counts are by file. */
silt_status silt_merge_begin(silt_merging *m, const char *const *keys, size_t key_count);

/* Read the source, unless that was done. BAD_DATA, CHANGED, …: bad source files are noted. */
silt_status silt_merge_read(silt_edit *e, silt_merge_try *t);

/* ---- merge_match.c */

silt_status silt_merge_match(silt_edit *e, silt_merge_try *t);
/* What the commit is decided by. */
void silt_merge_put_read(const silt_edit *e, silt_txn_options *out);

/* ---- merge_write.c */

silt_status silt_merge_write(silt_edit *e);
void silt_merge_put_metrics(const silt_edit *e, silt_json_writer *w);
void silt_merge_put_parameters(const silt_edit *e, silt_json_writer *w);

#endif
