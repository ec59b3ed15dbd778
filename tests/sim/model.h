/* A naive model of a Delta table, and of what operations make of it: rows in an array, each version
 * a copy of the one before. It knows nothing of files, logs or Silt. */
#ifndef SILT_SIM_MODEL_H
#define SILT_SIM_MODEL_H

#include "base/base.h"
#include "support/random.h"

/* ---- tables */

/* What a cell is of. Names of columns may change, these don't. */
enum { SLOT_ID, SLOT_P, SLOT_V, SLOT_W, SLOT_G, SLOT_EXTRA, MODEL_SLOTS = SLOT_EXTRA + 6 };

#define MODEL_NULL INT64_MIN

typedef struct model_row {
    int64_t cell[MODEL_SLOTS]; /* p is a letter; g is twice the id */
    int64_t ident;             /* the same as long as it is the same row */
} model_row;

typedef struct model_column {
    size_t slot;
    char name[16];
} model_column;

typedef enum model_change_kind {
    MODEL_DELETE,
    MODEL_INSERT,
    MODEL_UPDATE_BEFORE,
    MODEL_UPDATE_AFTER
} model_change_kind;

typedef struct model_change {
    model_change_kind kind;
    model_row row;
} model_change;

/* Features a table has from its beginning. */
typedef struct model_traits {
    bool partitioned; /* by p */
    bool vectors, feed, tracking, dated, widening, v2;
    bool constrained; /* v is null or below MODEL_V_MAX */
    bool generated;   /* it has g */
    bool clustered;   /* by v */
    bool identity;    /* it has n, GENERATED ALWAYS AS IDENTITY, which the model knows nothing of */
    const char *mapping; /* "name", "id"; NULL: none */
    int checkpoint_interval;
} model_traits;
#define MODEL_V_MAX 100

/* A table at one version. Lives in an arena and never changes. */
typedef struct model {
    const model_traits *traits;
    model_column columns[MODEL_SLOTS]; /* in the table's order */
    size_t column_count;
    bool wide; /* w has become a long */
    const model_row *rows;
    size_t row_count;
    int shape; /* another one where the change feed can't follow */
    /* What made this version of the one before. */
    const model_change *changes;
    size_t change_count;
    bool net; /* the feed tells at least these, and what it tells beyond cancels out */
    int64_t deleted, updated, inserted;
} model;

/* Traits as the dice fall. */
model_traits model_some_traits(test_random *dice);
/* What a person reads of them, in the arena. */
const char *model_traits_text(const model_traits *traits, silt_arena *arena);

/* A table without rows. `traits` is borrowed. */
const model *model_new(const model_traits *traits, silt_arena *arena);

/* The column of a slot, or NULL. */
const model_column *model_find(const model *m, size_t slot);

/* ---- conditions */

typedef struct model_condition {
    int kind; /* 0 to MODEL_CONDITIONS - 1; the last one is of all rows */
    int64_t a, b;
    char p;
} model_condition;
enum { MODEL_CONDITIONS = 6, MODEL_ALL = MODEL_CONDITIONS - 1, MODEL_OF_P = 3 };

/* `top`: ids are below it. */
model_condition model_some_condition(test_random *dice, int64_t top);
bool model_takes(const model_condition *c, const model_row *row);
/* As SQL, in the arena; NULL: all rows. */
const char *model_condition_text(const model_condition *c, silt_arena *arena);

/* ---- operations */

typedef enum op_kind {
    OP_APPEND,
    OP_OVERWRITE,
    OP_REPLACE_WHERE,
    OP_REPLACE_PARTITIONS,
    OP_UPSERT,
    OP_APPEND_ONCE,
    OP_MERGE,
    OP_UPDATE,
    OP_DELETE,
    OP_OPTIMIZE,
    OP_ZORDER,
    OP_PURGE,
    OP_RESTORE,
    OP_ADD_COLUMN,
    OP_RENAME_COLUMN,
    OP_DROP_COLUMN,
    OP_WIDEN,
    OP_CHECKPOINT,
    OP_CLEANUP_LOG,
    OP_VACUUM,
    OP_CLONE,
    OP_EXPORT,
    /* Of trials only. */
    OP_CREATE,
    OP_SHALLOW_CLONE,
    OP_MIGRATE, /* the table's rows as a folder of Parquet files → a table */
    OP_TRACK,   /* row tracking turned on: rows that stand are given ids */
    OP_KINDS
} op_kind;

enum { OP_SOURCE_MAX = 40 };

/* The clauses of a merge by id; of each kind one at most, and one at all. */
typedef struct model_merge {
    bool delete_null; /* WHEN MATCHED AND s.v IS NULL THEN DELETE */
    enum { KEEP_MATCHED, UPDATE_STAR, UPDATE_V } matched; /* V: v = s.v + t.id % 3, null stays */
    bool insert;                                          /* INSERT * */
    bool insert_small;                                    /* AND s.v < 30 */
    enum { KEEP_OTHERS, UPDATE_OTHERS, DELETE_OTHERS } others; /* by source, AND t.id % 5 = 0 */
    bool by_condition;                                         /* ON t.id = s.id, else by key */
} model_merge;

typedef struct op {
    op_kind kind;
    model_condition where; /* REPLACE_WHERE, UPDATE, DELETE */
    model_row source[OP_SOURCE_MAX];
    size_t source_count;
    model_column columns[MODEL_SLOTS]; /* that the source has */
    size_t column_count;
    bool newest; /* UPSERT: by v */
    model_merge merge;
    bool stream;         /* the source is an Arrow stream, else a CSV file */
    int assignment;      /* UPDATE: what is set to what, see op_assignment_of() */
    model_column column; /* of alterations */
    char name[16];       /* RENAME: the new one */
    int64_t version;     /* RESTORE */
    bool small, lite;    /* OPTIMIZE: files of few rows; VACUUM */
    int64_t app_version; /* -1: none */
} op;

const char *op_name(op_kind kind);
/* What a person reads of it, in the arena. */
const char *op_text(const op *o, silt_arena *arena);

/* "column", "value" of an UPDATE; w under its present name. */
void op_assignment_of(const op *o, const model *m, silt_arena *arena, const char **column,
                      const char **value);

/* Where new ids and names come from: of each world, or each writer, its own. */
typedef struct op_supply {
    int64_t next_id;     /* of appended rows */
    int64_t shared_ids;  /* upserts draw from below it, appends don't */
    int64_t next_column; /* names of columns */
} op_supply;

/* Whether the table can have it, now. RESTORE: the caller says. */
bool op_fits(op_kind kind, const model *m);
/* One of the kind, for the table; RESTORE's version is the caller's to set. */
op op_some(op_kind kind, const model *m, op_supply *supply, test_random *dice);

/* What it makes of the table, in the arena; `then`: the version that is restored. BAD_DATA: it is
 * refused, for the rows violate a constraint, and `out` isn't set. */
silt_status op_apply(const op *o, const model *before, const model *then, int64_t *next_ident,
                     silt_arena *arena, const model **out);

/* ---- as text */

/* Lines, sorted and joined. */
typedef struct text_lines {
    silt_arena *arena;
    SILT_VEC(char *) items;
} text_lines;
void text_lines_add(text_lines *l, const char *line);
/* In the arena; the lines are released. */
const char *text_lines_join(text_lines *l);

/* A line a row, "1|a|~" by the table's order of columns, sorted. */
const char *model_text(const model *m, silt_arena *arena);
/* Names of the columns, "id,p,v". */
const char *model_columns_text(const model *m, silt_arena *arena);
/* What the feed tells of the version: "insert|1|a|~" of id, p, v. */
const char *model_feed(const model *m, silt_arena *arena);
/* What is left of such lines where what came and went cancels out: "+1|a|~", "-1|a|~". */
const char *text_net(const char *feed, silt_arena *arena);

#endif
