/* The binder's state: between expr_bind.c, expr_bind_call.c and expr_adapt.c. */
#ifndef SILT_TABLE_EXPR_BINDER_H
#define SILT_TABLE_EXPR_BINDER_H

#include "table/expr_type.h"

typedef struct silt_binder {
    const silt_type *schema;
    silt_arena *arena;
    silt_error *err;
} silt_binder;

/* INVALID: "<what>: <the expression>". */
silt_status silt_bind_fail(silt_binder *b, const silt_expr *expr, const char *format, ...)
    SILT_PRINTF(3, 4);
/* expr as `type`: itself, a literal of that type, or a CAST. INVALID: Spark has no such cast. */
silt_status silt_bind_cast(silt_binder *b, const silt_expr *expr, const silt_type *type,
                           const silt_expr **out);
/* A call over bound arguments of the right types, folded where that is plain. */
silt_status silt_bind_make(silt_binder *b, silt_expr_op op, const silt_type *type,
                           const silt_expr *const *args, size_t count, size_t offset,
                           const silt_expr **out);
/* A call whose arguments are bound: types it, puts casts (expr_bind_call.c). `args` may be changed.
 */
silt_status silt_bind_call(silt_binder *b, const silt_expr *call, const silt_expr **args,
                           const silt_expr **out);
/* A comparison of a column's cast with a literal as one of the column with a literal of its own
 * type, where that means the same; else as it stands (expr_adapt.c). `*op` may change from < to <=
 * and so on. */
void silt_adapt_comparison(silt_arena *arena, silt_expr_op *op, const silt_expr **left,
                           const silt_expr **right);
/* CAST(instant AS DATE) compared with a day, as one or two comparisons of the column, all of which
 * have to hold: how many, 0 where it is no such thing. */
size_t silt_adapt_days(silt_arena *arena, silt_expr_op op, const silt_expr *left,
                       const silt_expr *right, silt_expr_op ops[2], const silt_expr *bounds[2]);
/* The literal as one of `type` with exactly the same value when it is cast back to its own; NULL:
 * there is none. */
const silt_expr *silt_adapt_exact(silt_arena *arena, const silt_expr *literal,
                                  const silt_type *type);

#endif
