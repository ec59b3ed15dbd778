/* What a table asks of the rows that are written to it: one place for every operation that writes.
 * Physical names and ids, partition columns, NOT NULL, CHECK constraints, invariants, generated,
 * default and identity columns.
 * @see PROTOCOL.md, "Column Invariants", "CHECK Constraints", "Generated Columns", "Default
 * Columns", "Identity Columns", "Writer Requirements for Column Mapping" */
#ifndef SILT_OPS_WRITE_COLUMNS_H
#define SILT_OPS_WRITE_COLUMNS_H

#include "engine/engine.h"
#include "log/log.h"
#include "silt/snapshot.h"

/* Whether a source has a column: none, some or all of its parts. */
typedef enum silt_given { SILT_GIVEN_NONE, SILT_GIVEN_SOME, SILT_GIVEN_ALL } silt_given;
typedef silt_given silt_given_fn(void *ctx, const char *column);

typedef struct silt_write_columns {
    const silt_metadata *metadata; /* borrowed, and so is the schema */
    const silt_type *schema;
    silt_output_column *columns; /* in schema order, void ones left out; label: the schema's name */
    size_t column_count;
    size_t *partition_by; /* indexes of these, in metadata's order */
    size_t partition_count;
    const silt_check *checks;
    size_t check_count;
    size_t identity; /* index of the column that is given numbers; SIZE_MAX: none is */
} silt_write_columns;

/* `given` NULL: the source has all columns, as the table's own rows do. INVALID: an identity column
 * that takes no values of others is given, or a column's or constraint's expression doesn't fit the
 * schema. UNSUPPORTED: what can't be checked or numbered. CORRUPT: column metadata. */
silt_status silt_write_columns_of(const silt_metadata *metadata, const silt_type *schema,
                                  silt_given_fn *given, void *ctx, silt_arena *arena,
                                  silt_write_columns *out, silt_error *err);

/* A column's default, as its type; NULL: it has none. INVALID, CORRUPT: it isn't an expression. */
silt_status silt_write_default(const silt_field *field, silt_arena *arena, const silt_expr **out,
                               silt_error *err);

/* For rows of the table itself, copied as they are: nothing is checked, computed or numbered. */
silt_status silt_write_columns_copied(const silt_metadata *metadata, const silt_type *schema,
                                      silt_arena *arena, silt_write_columns *out, silt_error *err);

/* The column called so in the schema, or SIZE_MAX. */
size_t silt_write_columns_find(const silt_write_columns *c, const char *name);

/* Metadata and schema once numbers up to `last` are given away: the column's new high-water mark.
 * In the arena. */
silt_status silt_write_columns_numbered(const silt_write_columns *c, int64_t last,
                                        silt_arena *arena, const silt_metadata **metadata,
                                        const silt_type **schema, silt_error *err);

/* `to` takes the place of `now`, by a restore or a clone over it: it keeps the higher column id
 * and, of an identity column that both have, the later high-water mark, so that none is given
 * twice. In the arena. CORRUPT: a schema. */
silt_status silt_write_columns_keep_marks(const silt_metadata *now, silt_metadata *to,
                                          silt_arena *arena, silt_error *err);

/* Say which checks were violated, by how many rows and what they look like, in place of what the
 * engine said; BAD_DATA. Those that only warn are told, and `st` stays. `st` as it is where none
 * was. `to` (NULL: nobody) is told each of them, as constraint_violation. */
silt_status silt_write_violations(const silt_stage_result *staged, silt_status st,
                                  const char *table, const silt_diagnostics *to, silt_error *err);

#endif
