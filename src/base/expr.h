/* Expressions over the columns of a table: what a table's properties hold and what people type,
 * once parsed (table/expr.h) and bound to a schema, and what an engine filters rows by. A tree,
 * immutable once made, in an arena.
 *
 * The meaning is Spark SQL's: three-valued logic, null in, null out, unless said otherwise.
 * Arguments of a bound call have the types that the call works on: whoever binds puts casts where
 * they differ. */
#ifndef SILT_BASE_EXPR_H
#define SILT_BASE_EXPR_H

#include "base/base.h"
#include "silt/schema.h"

typedef enum silt_expr_kind { SILT_EXPR_LITERAL, SILT_EXPR_COLUMN, SILT_EXPR_CALL } silt_expr_kind;

typedef enum silt_expr_op {
    /* comparison: two of one type → BOOLEAN; strings by bytes, NaN is the largest number */
    SILT_OP_EQ,
    SILT_OP_NE,
    SILT_OP_LT,
    SILT_OP_LE,
    SILT_OP_GT,
    SILT_OP_GE,
    SILT_OP_EQ_NULL, /* <=>: null equals null, never null */
    SILT_OP_IN,      /* the first among the rest */
    SILT_OP_LIKE,    /* value, pattern; the escape is a backslash */
    SILT_OP_STARTS_WITH,
    SILT_OP_ENDS_WITH,
    SILT_OP_CONTAINS,
    SILT_OP_RLIKE,
    /* logic */
    SILT_OP_AND, /* two or more */
    SILT_OP_OR,
    SILT_OP_NOT,
    SILT_OP_IS_NULL, /* never null */
    SILT_OP_IS_NAN,
    /* numbers: two of one type → that type, or as Spark has it for decimals */
    SILT_OP_ADD,
    SILT_OP_SUBTRACT,
    SILT_OP_MULTIPLY,
    SILT_OP_DIVIDE, /* DOUBLE or DECIMAL; by zero: null */
    SILT_OP_MODULO, /* the dividend's sign; by zero: null */
    SILT_OP_NEGATE,
    SILT_OP_ABS,
    SILT_OP_FLOOR,
    SILT_OP_CEIL,
    SILT_OP_ROUND, /* value[, a whole literal] */
    /* choice */
    SILT_OP_CASE, /* condition, value, condition, value, …[, else] */
    SILT_OP_COALESCE,
    SILT_OP_NULLIF,
    SILT_OP_GREATEST, /* nulls passed over */
    SILT_OP_LEAST,
    /* conversion to `type` */
    SILT_OP_CAST, /* Spark's, not ANSI: what can't be converted is null */
    /* text */
    SILT_OP_CONCAT,
    SILT_OP_LENGTH, /* characters */
    SILT_OP_LOWER,
    SILT_OP_UPPER,
    SILT_OP_TRIM,
    SILT_OP_LTRIM,
    SILT_OP_RTRIM,
    SILT_OP_SUBSTRING, /* text, start from 1 (negative: from the end)[, length] */
    SILT_OP_REPLACE,
    /* dates and times; instants in UTC */
    SILT_OP_YEAR,
    SILT_OP_QUARTER,
    SILT_OP_MONTH,
    SILT_OP_DAY,
    SILT_OP_HOUR,
    SILT_OP_MINUTE,
    SILT_OP_SECOND,
    SILT_OP_DAY_OF_WEEK, /* 1 is Sunday */
    SILT_OP_DAY_OF_YEAR,
    SILT_OP_DATE_TRUNC,  /* unit literal, timestamp → the same type */
    SILT_OP_TRUNC,       /* date, unit literal → DATE */
    SILT_OP_DATE_ADD,    /* date, days */
    SILT_OP_DATE_DIFF,   /* end, start → days */
    SILT_OP_DATE_FORMAT, /* timestamp, pattern literal of Spark's letters */
    /* what is random or of the moment: no row filter, but properties hold them */
    SILT_OP_CURRENT_DATE,
    SILT_OP_CURRENT_TIMESTAMP,
    SILT_OP_UUID,
    SILT_OP_COUNT /* of the list, no operation */
} silt_expr_op;

typedef struct silt_expr silt_expr;
struct silt_expr {
    silt_expr_kind kind;
    const silt_type *type; /* of the value; NULL until bound, but of literals (an untyped null is
                              VOID) and casts, which have it from their text */
    size_t offset;         /* where it starts in the text that it was parsed from */
    /* LITERAL */
    bool is_null;
    const char *text; /* as engines write a value of `type`; UTF-8, binary as hexadecimal digits */
    /* COLUMN: a top-level column and the members below it */
    const char *const *path;
    size_t path_count;
    /* CALL */
    silt_expr_op op;
    const silt_expr *const *args;
    size_t arg_count;
};

#endif
