/* Inside the planning of sources: what is known of each file while columns are matched. */
#ifndef SILT_OPS_SOURCE_H
#define SILT_OPS_SOURCE_H

#include "base/hash.h"
#include "ops/change.h"

/* Files with the same column names, in their order. */
typedef struct silt_header_group {
    const char *const *names; /* CSV: of the header; Parquet: top columns; NDJSON: none */
    size_t name_count;
    SILT_VEC(size_t) files;     /* indexes into silt_sources.files */
    const silt_column *sniffed; /* columns with types, once they were looked for; NULL: not yet */
    size_t sniffed_count;
    bool bad; /* its files can't be part of it: noted */
} silt_header_group;

typedef struct silt_planning {
    silt_engine *engine;
    const silt_sources *sources;
    const silt_type *table; /* NULL: none yet */
    silt_arena *arena;
    silt_error *err;
    silt_source_options options; /* complete, once the dialect was found */
    SILT_VEC(silt_header_group) groups;
    SILT_VEC(silt_field) fields; /* of the table afterwards; the first `known` stood before */
    size_t known;
    bool known_by_looking; /* no table, nothing declared */
    SILT_VEC(silt_bad_source) bad;
    int64_t total_bytes;
    bool look_at_all; /* types are looked for in all rows, however many there are */
} silt_planning;

/* Whether a status of reading is about the file, not about us. */
bool silt_is_sources_fault(silt_status status);
/* Note a file that can't be part of it; `format` says why. NOMEM. */
silt_status silt_planning_blame(silt_planning *p, size_t file, silt_status status,
                                const char *format, ...) SILT_PRINTF(4, 5);
/* The same for each file of a group. */
silt_status silt_planning_blame_all(silt_planning *p, silt_header_group *group, const char *format,
                                    ...) SILT_PRINTF(3, 4);

/* source_header.c: sizes and heads of files, the dialect, groups of files with the same header.
 * Files without any content are in no group. */
silt_status silt_planning_headers(silt_planning *p);

/* source_column.c: match columns by name with what the table has, find new ones and their types. */
silt_status silt_planning_columns(silt_planning *p);

/* source_members.c: what nests within columns, and NDJSON's members. */

/* The members of all objects in some NDJSON files as columns: of the table's types, STRING those
 * that it doesn't have; where nothing is known yet as silt_planning_sniff(). `beyond`: members
 * within the table's columns that these don't have. Files that can't be read are noted; then, and
 * only then, `*out` is NULL. */
silt_status silt_planning_members(silt_planning *p, const size_t *files, size_t count,
                                  const silt_column **out, size_t *out_count,
                                  const char *const **beyond, size_t *beyond_count);
/* Members that are new within known columns: the group's files are noted unless new columns are
 * welcome. */
silt_status silt_planning_judge_beyond(silt_planning *p, silt_header_group *group,
                                       const char *const *beyond, size_t count);
/* The members that known columns of the table got, as a message names them. NOMEM. */
silt_status silt_planning_new_members(const silt_planning *p, silt_buf *names);
/* The type of known field `at` gets what a source has in it beyond that, if new columns are
 * welcome. */
silt_status silt_planning_grow_nested(silt_planning *p, size_t at, const silt_type *found);
/* A Parquet group's nested columns against the table's: new members are judged, or the table's. */
silt_status silt_planning_nested(silt_planning *p, silt_header_group *group);

/* Whether an audit column is called so, in any case of letters. */
bool silt_is_audit_column(const char *name);
/* Whether a column is one that no source may have, in any case of letters: Silt fills it. */
bool silt_planning_makes(const silt_planning *p, const char *name);
/* Whether a column is computed, numbered or given a default where a source doesn't have it. */
bool silt_field_has_value(const silt_field *field);
const silt_field *silt_planning_find(const silt_planning *p, const char *name);
/* The columns of some files with types, by looking at their rows. Files that aren't of the format
 * are noted; then, and only then, `*out` is NULL. */
silt_status silt_planning_sniff(silt_planning *p, const size_t *files, size_t count,
                                const silt_column **out, size_t *out_count);
/* Whether types are looked for in the first rows only. */
bool silt_planning_is_sampled(const silt_planning *p);
/* A type that values of both fit: STRING in the end. NULL: out of memory. */
const silt_type *silt_source_type_union(const silt_type *a, const silt_type *b, silt_arena *arena);

#endif
