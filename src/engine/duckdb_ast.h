/* What a statement of somebody's asks for, by the tree that DuckDB's json_serialize_sql gives of
 * it: which tables of Delta's, and which rows of them it can only be about. */
#ifndef SILT_ENGINE_DUCKDB_AST_H
#define SILT_ENGINE_DUCKDB_AST_H

#include "base/json.h"
#include "engine/engine.h"

/* A relation of Silt's in a statement. The same one in several places stands here once, its filter
 * being what any of them needs. */
typedef struct silt_duck_relation {
    silt_relation_request request;
    const char *arguments[3]; /* as texts: path, version, timestamp; or path, from, to */
    size_t offset;            /* in the statement */
} silt_duck_relation;

/* Check a statement and find its relations. `tree` is the serialized form of `sql`.
 * INVALID: no query, more than one, or one that reads what isn't a relation of Silt's; NOT_FOUND: a
 * table by a name that can be none. Messages say at which line and column. */
silt_status silt_duck_ast_read(const char *sql, const silt_json *tree, silt_arena *arena,
                               const silt_duck_relation **out, size_t *count, silt_error *err);

/* A copy of a statement in which `timestamp := …`, where DuckDB takes the word for a type and not
 * for an argument's name, is written with SILT_DUCK_AST_TIMESTAMP, which is as long: places stay as
 * they are. NULL: out of memory. */
#define SILT_DUCK_AST_TIMESTAMP "timestamq"
char *silt_duck_ast_text(const char *sql, silt_arena *arena);

/* Fail with "line l, column c: …". */
silt_status silt_duck_ast_fail(silt_error *err, silt_status status, const char *sql, size_t offset,
                               const char *format, ...) SILT_PRINTF(5, 6);

/* ---- conditions (duckdb_ast_expr.c) */

/* A condition over the columns of one relation, not bound; NULL: it isn't one, or says more than
 * can be told. `alias` is what its columns may be qualified with; `only`: they need not be. */
const silt_expr *silt_duck_ast_condition(const silt_json *node, const char *alias, bool only,
                                         silt_arena *arena);

/* a AND b, a OR b; NULL: out of memory. */
const silt_expr *silt_duck_ast_both(silt_expr_op op, const silt_expr *a, const silt_expr *b,
                                    silt_arena *arena);

/* The text of a literal: a string or a whole number; false: it is another. `out` NULL: null. */
bool silt_duck_ast_literal(const silt_json *node, silt_arena *arena, const char **out);

#endif
