/* Expressions as text: the Spark SQL subset that table properties hold (CHECK constraints,
 * invariants, generated columns, defaults) and that people type after --where. The tree is
 * base/expr.h's. */
#ifndef SILT_TABLE_EXPR_H
#define SILT_TABLE_EXPR_H

#include "base/expr.h"

/* Parse one expression. INVALID: what stands at which place (with the text and a mark in it: errors
 * are one line), and what was expected; a function that Silt doesn't have is named, with the
 * closest one in the hint. UNSUPPORTED: what Spark has and Silt hasn't, by name. Nested at most 200
 * deep. Literals have their types already, and so have the targets of casts. */
silt_status silt_expr_parse(const char *text, silt_arena *arena, const silt_expr **out,
                            silt_error *err);

/* The same tree over a schema (a STRUCT): each node typed, columns by their names in the schema
 * (any case, if that is unambiguous), casts where types differ, constants folded where that is
 * plain. `scratch`-free: all in `arena`. NOT_FOUND: a column (with the closest name). INVALID:
 * types that don't go together (which, where). */
silt_status silt_expr_bind(const silt_expr *expr, const silt_type *schema, silt_arena *arena,
                           const silt_expr **out, silt_error *err);

/* Parse and bind a condition: BOOLEAN, or INVALID. */
silt_status silt_expr_condition(const char *text, const silt_type *schema, silt_arena *arena,
                                const silt_expr **out, silt_error *err);

/* Append a text between quotes of its kind: '\'' for a text literal, '`' for a name. */
void silt_expr_quote(const char *text, char quote, silt_buf *out);

/* The text form, which parses to the same tree again. */
void silt_expr_print(const silt_expr *expr, silt_buf *buf);

/* Calls `fn` for each column that the expression looks at, in order, maybe several times. */
typedef void silt_expr_column_fn(void *ctx, const silt_expr *column);
void silt_expr_columns(const silt_expr *expr, silt_expr_column_fn *fn, void *ctx);

#endif
