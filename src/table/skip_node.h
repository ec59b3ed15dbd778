/* A condition made ready for skipping: between skip.c (what it can be), skip_value.c (what its
 * values can be), skip_new.c (how it is made) and skip_derive.c (generated columns). */
#ifndef SILT_TABLE_SKIP_NODE_H
#define SILT_TABLE_SKIP_NODE_H

#include "table/bounds.h"
#include "table/expr_type.h"
#include "table/skip.h"

/* What an expression can be in a row: bits. */
enum { SILT_MAY_TRUE = 1, SILT_MAY_FALSE = 2, SILT_MAY_NULL = 4, SILT_MAY_ANY = 7 };

/* How a call follows one of its arguments, the others being constant. */
typedef enum silt_skip_growth { SILT_GROWS_NOT, SILT_GROWS, SILT_FALLS } silt_skip_growth;

/* What a generated partition column says where a condition on its base column holds. */
typedef struct silt_skip_derived {
    const char *partition; /* physical name */
    const silt_type *type;
    bool has_low, has_high; /* its value is within */
    silt_value low, high;
} silt_skip_derived;

typedef struct silt_skip_node silt_skip_node;
struct silt_skip_node {
    const silt_expr *expr;
    const silt_skip_node *args;
    /* LITERAL, IN: bounds of the value, of the list */
    silt_bounds bounds;
    /* COLUMN */
    const char *partition; /* physical name, of a partition column */
    int column;            /* in stats */
    /* CALL */
    silt_skip_growth growth;
    size_t grows_by;          /* the argument */
    const silt_value *sorted; /* IN: the list, if it is of literals; and whether a null is in it */
    size_t sorted_count;
    bool list_has_null;
    const char *prefix; /* LIKE 'prefix%…', STARTS_WITH; NULL: not known */
    bool prefix_only;   /* LIKE 'prefix%' */
    const silt_skip_derived *derived;
    size_t derived_count;
};

struct silt_skip {
    const silt_skip_node *root; /* NULL: keeps all */
    bool uses_partitions;
    silt_stats_wanted wanted; /* of stats */
    int wanted_count;
};

/* One file. */
typedef struct silt_skip_file_values {
    silt_pairs partition_values;
    bool has_stats; /* else columns of data are anything */
    silt_file_stats stats;
    silt_arena *scratch;
} silt_skip_file_values;

unsigned silt_skip_truth(const silt_skip_node *node, const silt_skip_file_values *file);
silt_bounds silt_skip_value(const silt_skip_node *node, const silt_skip_file_values *file);

/* How a bound call follows its one argument that isn't a literal (`*by`). */
silt_skip_growth silt_skip_growth_of(const silt_expr *call, size_t *by, silt_arena *arena);

/* A generated partition column whose expression is of one column. */
typedef struct silt_skip_generated {
    const char *partition; /* physical name */
    const silt_expr *expr; /* bound */
    const silt_expr *base; /* the column in it */
    bool grows;
} silt_skip_generated;
typedef struct silt_skip_generators {
    const silt_skip_generated *items;
    size_t count;
} silt_skip_generators;
silt_status silt_skip_generators_of(const silt_type *schema, const silt_mapping *mapping,
                                    silt_arena *arena, silt_skip_generators *out, silt_error *err);
/* What they say where `column op low…high` holds (IN: of the least and the largest of the list). */
silt_status silt_skip_derive(const silt_skip_generators *generators, silt_expr_op op,
                             const silt_expr *column, const silt_expr *low, const silt_expr *high,
                             silt_arena *arena, silt_skip_node *node, silt_error *err);

#endif
