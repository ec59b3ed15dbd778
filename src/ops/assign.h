/* Inside update and merge: values that become columns'. */
#ifndef SILT_OPS_ASSIGN_H
#define SILT_OPS_ASSIGN_H

#include "table/expr_tree.h"

typedef struct silt_assigning {
    const char *table; /* for messages */
    const silt_type *schema;
    silt_arena *arena;
    silt_error *err;
    SILT_VEC(const silt_expr *) misfits;
} silt_assigning;

/* A column by its name, in any case of letters. NOT_FOUND. */
silt_status silt_assign_find(const silt_assigning *a, const char *name, int *out);
/* INVALID: an identity column. */
silt_status silt_assign_check(const silt_assigning *a, const silt_field *field);

/* `value` as the column's type. Where some values are beyond it, a condition that takes rows with
 * such joins `misfits`: they would become null, or another number. INVALID: types of which one
 * doesn't become the other by itself. */
silt_status silt_assign_convert(silt_assigning *a, const char *column, const silt_expr *value,
                                const silt_type *type, const silt_expr **out);
/* All of these; NULL: there are none. NULL with `misfits`: out of memory. */
const silt_expr *silt_assign_misfits(silt_assigning *a);

/* A generated column's expression, over what columns become: `values` by field of the schema, NULL
 * for those that stay. UNSUPPORTED: it looks at a member of what is computed. */
silt_status silt_assign_substitute(const silt_assigning *a, const silt_expr *expr,
                                   const silt_expr *const *values, const silt_expr **out);

#endif
