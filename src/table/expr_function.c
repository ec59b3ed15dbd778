/* The functions by name, and how ops are called. */
#include "table/expr_tree.h"

#include <strings.h>

/* By name, for people who read it: what is looked up is a few names an expression. The first entry
 * of an op with the form CALL is how it is printed. */
static const silt_function functions[] = {
    {"abs", SILT_OP_ABS, 1, 1, SILT_FORM_CALL, NULL},
    {"bigint", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "long"},
    {"binary", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "binary"},
    {"boolean", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "boolean"},
    {"btrim", SILT_OP_TRIM, 1, 1, SILT_FORM_CALL, NULL},
    {"ceil", SILT_OP_CEIL, 1, 1, SILT_FORM_CALL, NULL},
    {"ceiling", SILT_OP_CEIL, 1, 1, SILT_FORM_CALL, NULL},
    {"length", SILT_OP_LENGTH, 1, 1, SILT_FORM_CALL, NULL},
    {"char_length", SILT_OP_LENGTH, 1, 1, SILT_FORM_CALL, NULL},
    {"character_length", SILT_OP_LENGTH, 1, 1, SILT_FORM_CALL, NULL},
    {"len", SILT_OP_LENGTH, 1, 1, SILT_FORM_CALL, NULL},
    {"coalesce", SILT_OP_COALESCE, 1, 255, SILT_FORM_CALL, NULL},
    {"ifnull", SILT_OP_COALESCE, 2, 2, SILT_FORM_CALL, NULL},
    {"nvl", SILT_OP_COALESCE, 2, 2, SILT_FORM_CALL, NULL},
    {"concat", SILT_OP_CONCAT, 1, 255, SILT_FORM_CALL, NULL},
    {"contains", SILT_OP_CONTAINS, 2, 2, SILT_FORM_CALL, NULL},
    {"current_date", SILT_OP_CURRENT_DATE, 0, 0, SILT_FORM_CALL, NULL},
    {"curdate", SILT_OP_CURRENT_DATE, 0, 0, SILT_FORM_CALL, NULL},
    {"current_timestamp", SILT_OP_CURRENT_TIMESTAMP, 0, 0, SILT_FORM_CALL, NULL},
    {"now", SILT_OP_CURRENT_TIMESTAMP, 0, 0, SILT_FORM_CALL, NULL},
    {"date", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "date"},
    {"to_date", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "date"},
    {"date_add", SILT_OP_DATE_ADD, 2, 2, SILT_FORM_CALL, NULL},
    {"dateadd", SILT_OP_DATE_ADD, 2, 2, SILT_FORM_CALL, NULL},
    {"date_sub", SILT_OP_DATE_ADD, 2, 2, SILT_FORM_SUBTRACT, NULL},
    {"datediff", SILT_OP_DATE_DIFF, 2, 2, SILT_FORM_CALL, NULL},
    {"date_diff", SILT_OP_DATE_DIFF, 2, 2, SILT_FORM_CALL, NULL},
    {"date_format", SILT_OP_DATE_FORMAT, 2, 2, SILT_FORM_CALL, NULL},
    {"date_part", SILT_OP_YEAR, 2, 2, SILT_FORM_UNIT, NULL},
    {"datepart", SILT_OP_YEAR, 2, 2, SILT_FORM_UNIT, NULL},
    {"date_trunc", SILT_OP_DATE_TRUNC, 2, 2, SILT_FORM_CALL, NULL},
    {"day", SILT_OP_DAY, 1, 1, SILT_FORM_CALL, NULL},
    {"dayofmonth", SILT_OP_DAY, 1, 1, SILT_FORM_CALL, NULL},
    {"dayofweek", SILT_OP_DAY_OF_WEEK, 1, 1, SILT_FORM_CALL, NULL},
    {"dayofyear", SILT_OP_DAY_OF_YEAR, 1, 1, SILT_FORM_CALL, NULL},
    {"double", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "double"},
    {"endswith", SILT_OP_ENDS_WITH, 2, 2, SILT_FORM_CALL, NULL},
    {"float", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "float"},
    {"floor", SILT_OP_FLOOR, 1, 1, SILT_FORM_CALL, NULL},
    {"greatest", SILT_OP_GREATEST, 2, 255, SILT_FORM_CALL, NULL},
    {"hour", SILT_OP_HOUR, 1, 1, SILT_FORM_CALL, NULL},
    {"if", SILT_OP_CASE, 3, 3, SILT_FORM_IF, NULL},
    {"iff", SILT_OP_CASE, 3, 3, SILT_FORM_IF, NULL},
    {"int", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "integer"},
    {"isnan", SILT_OP_IS_NAN, 1, 1, SILT_FORM_CALL, NULL},
    {"isnotnull", SILT_OP_IS_NULL, 1, 1, SILT_FORM_NOT, NULL},
    {"isnull", SILT_OP_IS_NULL, 1, 1, SILT_FORM_CALL, NULL},
    {"least", SILT_OP_LEAST, 2, 255, SILT_FORM_CALL, NULL},
    {"left", SILT_OP_SUBSTRING, 2, 2, SILT_FORM_LEFT, NULL},
    {"lower", SILT_OP_LOWER, 1, 1, SILT_FORM_CALL, NULL},
    {"lcase", SILT_OP_LOWER, 1, 1, SILT_FORM_CALL, NULL},
    {"ltrim", SILT_OP_LTRIM, 1, 1, SILT_FORM_CALL, NULL},
    {"minute", SILT_OP_MINUTE, 1, 1, SILT_FORM_CALL, NULL},
    {"mod", SILT_OP_MODULO, 2, 2, SILT_FORM_CALL, NULL},
    {"month", SILT_OP_MONTH, 1, 1, SILT_FORM_CALL, NULL},
    {"negative", SILT_OP_NEGATE, 1, 1, SILT_FORM_CALL, NULL},
    {"nullif", SILT_OP_NULLIF, 2, 2, SILT_FORM_CALL, NULL},
    {"nvl2", SILT_OP_CASE, 3, 3, SILT_FORM_NVL2, NULL},
    {"positive", SILT_OP_NEGATE, 1, 1, SILT_FORM_POSITIVE, NULL},
    {"quarter", SILT_OP_QUARTER, 1, 1, SILT_FORM_CALL, NULL},
    {"regexp", SILT_OP_RLIKE, 2, 2, SILT_FORM_CALL, NULL},
    {"regexp_like", SILT_OP_RLIKE, 2, 2, SILT_FORM_CALL, NULL},
    {"replace", SILT_OP_REPLACE, 3, 3, SILT_FORM_CALL, NULL},
    {"rlike", SILT_OP_RLIKE, 2, 2, SILT_FORM_CALL, NULL},
    {"round", SILT_OP_ROUND, 1, 2, SILT_FORM_CALL, NULL},
    {"rtrim", SILT_OP_RTRIM, 1, 1, SILT_FORM_CALL, NULL},
    {"second", SILT_OP_SECOND, 1, 1, SILT_FORM_CALL, NULL},
    {"smallint", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "short"},
    {"startswith", SILT_OP_STARTS_WITH, 2, 2, SILT_FORM_CALL, NULL},
    {"string", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "string"},
    {"substring", SILT_OP_SUBSTRING, 2, 3, SILT_FORM_CALL, NULL},
    {"substr", SILT_OP_SUBSTRING, 2, 3, SILT_FORM_CALL, NULL},
    {"timestamp", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "timestamp"},
    {"to_timestamp", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "timestamp"},
    {"tinyint", SILT_OP_CAST, 1, 1, SILT_FORM_CONVERT, "byte"},
    {"trim", SILT_OP_TRIM, 1, 1, SILT_FORM_CALL, NULL},
    {"trunc", SILT_OP_TRUNC, 2, 2, SILT_FORM_CALL, NULL},
    {"upper", SILT_OP_UPPER, 1, 1, SILT_FORM_CALL, NULL},
    {"ucase", SILT_OP_UPPER, 1, 1, SILT_FORM_CALL, NULL},
    {"uuid", SILT_OP_UUID, 0, 0, SILT_FORM_CALL, NULL},
    {"year", SILT_OP_YEAR, 1, 1, SILT_FORM_CALL, NULL},
};

const silt_function *silt_function_find(const char *name)
{
    for (size_t i = 0; i < SILT_COUNT(functions); i++)
        if (strcasecmp(functions[i].name, name) == 0) return &functions[i];
    return NULL;
}

const char *silt_expr_op_name(silt_expr_op op)
{
    for (size_t i = 0; i < SILT_COUNT(functions); i++)
        if (functions[i].op == op && functions[i].form == SILT_FORM_CALL) return functions[i].name;
    return NULL;
}

silt_expr_op silt_expr_unit_op(const char *unit)
{
    static const struct {
        const char *name;
        silt_expr_op op;
    } units[] = {
        {"year", SILT_OP_YEAR},
        {"y", SILT_OP_YEAR},
        {"years", SILT_OP_YEAR},
        {"yr", SILT_OP_YEAR},
        {"yrs", SILT_OP_YEAR},
        {"quarter", SILT_OP_QUARTER},
        {"qtr", SILT_OP_QUARTER},
        {"month", SILT_OP_MONTH},
        {"mon", SILT_OP_MONTH},
        {"mons", SILT_OP_MONTH},
        {"months", SILT_OP_MONTH},
        {"day", SILT_OP_DAY},
        {"d", SILT_OP_DAY},
        {"days", SILT_OP_DAY},
        {"hour", SILT_OP_HOUR},
        {"h", SILT_OP_HOUR},
        {"hours", SILT_OP_HOUR},
        {"hr", SILT_OP_HOUR},
        {"hrs", SILT_OP_HOUR},
        {"minute", SILT_OP_MINUTE},
        {"m", SILT_OP_MINUTE},
        {"min", SILT_OP_MINUTE},
        {"mins", SILT_OP_MINUTE},
        {"minutes", SILT_OP_MINUTE},
        {"dayofweek", SILT_OP_DAY_OF_WEEK},
        {"dow", SILT_OP_DAY_OF_WEEK},
        {"doy", SILT_OP_DAY_OF_YEAR},
    };
    for (size_t i = 0; i < SILT_COUNT(units); i++)
        if (strcasecmp(units[i].name, unit) == 0) return units[i].op;
    return SILT_OP_COUNT;
}

/* ---- what somebody may have meant */

const char *silt_closest(const char *name, const char *(*next)(void *ctx), void *ctx)
{
    const char *best = NULL;
    size_t least = strlen(name) / 3 + 2; /* more edits than that make another word */
    for (const char *other; (other = next(ctx));) {
        size_t edits = silt_edit_distance(name, other);
        if (edits >= least) continue;
        least = edits;
        best = other;
    }
    return best;
}

static const char *next_function(void *ctx)
{
    size_t *at = ctx;
    return *at < SILT_COUNT(functions) ? functions[(*at)++].name : NULL;
}

const char *silt_function_closest(const char *name)
{
    size_t at = 0;
    return silt_closest(name, next_function, &at);
}
