/* Spark's type coercion (not ANSI): which type two sides meet in. */
#ifndef SILT_TABLE_EXPR_TYPE_H
#define SILT_TABLE_EXPR_TYPE_H

#include "table/expr_tree.h"

static inline bool silt_type_is_whole(const silt_type *t)
{
    return t->kind >= SILT_TYPE_BYTE && t->kind <= SILT_TYPE_LONG;
}
static inline bool silt_type_is_real(const silt_type *t)
{
    return t->kind == SILT_TYPE_FLOAT || t->kind == SILT_TYPE_DOUBLE;
}
static inline bool silt_type_is_number(const silt_type *t)
{
    return t->kind >= SILT_TYPE_BYTE && t->kind <= SILT_TYPE_DECIMAL;
}
static inline bool silt_type_is_instant(const silt_type *t)
{
    return t->kind == SILT_TYPE_TIMESTAMP || t->kind == SILT_TYPE_TIMESTAMP_NTZ;
}

/* All of these: NULL where there is none (or out of memory: see `arena`). */

/* What two sides of a comparison become: of a text and something else, that; of a text and a
 * decimal, DOUBLE. */
const silt_type *silt_type_of_comparison(const silt_type *a, const silt_type *b, silt_arena *arena);
/* What values of one list, CASE or COALESCE become: a text and something else are text, where
 * `text` says so. */
const silt_type *silt_type_of_choice(const silt_type *a, const silt_type *b, bool text,
                                     silt_arena *arena);
/* The decimal that holds each value of an integer type; the type itself for others. */
const silt_type *silt_type_as_decimal(const silt_type *type, silt_arena *arena);
/* The result of + - * / % over decimals. */
const silt_type *silt_type_of_decimals(silt_expr_op op, const silt_type *a, const silt_type *b,
                                       silt_arena *arena);
/* Whether Spark has the cast at all. */
bool silt_type_casts(const silt_type *from, const silt_type *to);
/* Whether the cast keeps the order of values and makes none null. It tells them apart but for large
 * integers as floating numbers. False when out of memory. */
bool silt_type_keeps_order(const silt_type *from, const silt_type *to, silt_arena *arena);

#endif
