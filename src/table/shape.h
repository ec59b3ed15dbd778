/* A table's shape in the making: protocol, metadata and metadata domains, changed step by step.
 * Each step checks what PROTOCOL.md asks, and raises the protocol by what it needs, with the
 * features that these need in turn.
 *
 *   silt_shape_of → silt_shape_add_column / _set_property / … → silt_shape_apply (into a txn)
 *
 * Nothing is committed here. What a step can't do leaves the shape as it was.
 * @see PROTOCOL.md, "Table Features", "Column Mapping", "Schema Serialization Format" */
#ifndef SILT_TABLE_SHAPE_H
#define SILT_TABLE_SHAPE_H

#include "base/seam.h"
#include "table/snapshot.h"
#include "table/txn.h"

typedef struct silt_shape {
    silt_arena *arena;         /* the caller's; all that steps make lives in it */
    const silt_random *random; /* of ids and physical names; NULL: the system's */
    silt_protocol protocol;
    silt_metadata metadata;  /* schema_json is made by silt_shape_apply() */
    const silt_type *schema; /* with field metadata as Delta has it */
    const silt_domain *domains;
    size_t domain_count;
    const silt_log_state *before; /* of the table as it stands; NULL: it is to be made */
    const silt_type *schema_before;
    bool has_files; /* to be made of files that are there already */
} silt_shape;

/* Of a snapshot's table, which has to outlive the shape; of a table to be made: protocol 1, 2 or
 * what types, generated columns, defaults and identity columns need, and a new id. What only the
 * table says which a schema is taken from (column ids, type changes, high-water marks) is left out.
 * INVALID: no columns, names that differ by case only, a default that isn't a constant … */
silt_status silt_shape_of(const silt_snapshot *snapshot, silt_arena *arena, silt_shape *out,
                          silt_error *err);
silt_status silt_shape_new(const silt_type *schema, silt_names partition_by, int64_t now_ms,
                           const silt_random *random, silt_arena *arena, silt_shape *out,
                           silt_error *err);

/* Columns are named by paths "a", "s.b", "l.element.c", "m.key.d", "m.value.e"; a part with a dot
 * is back-quoted; in any case of letters where that is unambiguous. NOT_FOUND: no such column (the
 * closest name). EXISTS: there is one already. UNSUPPORTED: what Delta can't do, with what to do
 * instead (rename without column mapping …). INVALID: breaks the table (a partition column dropped,
 * a column that a constraint or a generated column uses, NOT NULL for a new column …). */
typedef struct silt_column_place {
    bool first;
    const char *after; /* name of a sibling; NULL: at the end */
} silt_column_place;
/* `field`: its name is the path's last part. */
silt_status silt_shape_add_column(silt_shape *, const char *path, const silt_field *field,
                                  silt_column_place place, silt_error *);
silt_status silt_shape_move_column(silt_shape *, const char *path, silt_column_place, silt_error *);
silt_status silt_shape_rename_column(silt_shape *, const char *path, const char *name,
                                     silt_error *);
silt_status silt_shape_drop_column(silt_shape *, const char *path, silt_error *);
/* Widens, by the protocol's list of type changes; notes delta.typeChanges. The path may lead to an
 * array's element, or a map's key or value. */
silt_status silt_shape_change_type(silt_shape *, const char *path, const silt_type *, silt_error *);
/* Existing rows are the caller's to check. */
silt_status silt_shape_set_nullable(silt_shape *, const char *path, bool nullable, silt_error *);
silt_status silt_shape_set_comment(silt_shape *, const char *path, const char *comment,
                                   silt_error *); /* NULL: none */
/* `expression` in Spark SQL, bound to nothing but constants; NULL drops the default. */
silt_status silt_shape_set_default(silt_shape *, const char *path, const char *expression,
                                   silt_error *);

/* The table's name, and its description; NULL: none. */
void silt_shape_set_name(silt_shape *, const char *name);
void silt_shape_set_description(silt_shape *, const char *description);

/* Table properties: those of Delta are checked (names with a suggestion, values by kind) and turn
 * features on: delta.enableDeletionVectors, delta.enableChangeDataFeed, delta.columnMapping.mode,
 * delta.enableRowTracking, delta.enableInCommitTimestamps, delta.enableTypeWidening,
 * delta.checkpointPolicy, delta.appendOnly, delta.feature.X = supported, delta.minReaderVersion …
 * Others are kept as they are. `none → id` is refused with the advice `name`. Rows of files that
 * stand when delta.enableRowTracking is set have to have ids already, which is the caller's to see
 * to. */
silt_status silt_shape_set_property(silt_shape *, const char *key, const char *value, silt_error *);
/* NOT_FOUND: it isn't set. */
silt_status silt_shape_unset_property(silt_shape *, const char *key, silt_error *);

/* A CHECK constraint (parsed and bound; existing rows are the caller's to check). */
silt_status silt_shape_add_constraint(silt_shape *, const char *name, const char *condition,
                                      silt_error *);
silt_status silt_shape_drop_constraint(silt_shape *, const char *name, silt_error *);

/* Liquid clustering by columns (domain delta.clustering); none: off. */
silt_status silt_shape_cluster_by(silt_shape *, silt_names columns, silt_error *);
/* Of what the table is clustered by files have statistics: INVALID, as silt_clustering_check(). */
silt_status silt_shape_check_clustering(const silt_shape *, silt_error *);
silt_status silt_shape_set_domain(silt_shape *, const char *domain, const char *configuration,
                                  silt_error *); /* NULL: removed */
/* The paths that the domain delta.clustering speaks of, by the names that columns have. CORRUPT. */
silt_status silt_clustering_columns(const silt_domain *, const silt_type *schema, silt_arena *,
                                    silt_names *out, silt_error *);
/* Rows are laid out by columns with statistics only, as Spark has it, else readers would gain
 * nothing: INVALID. `path` is in the schema; `text` is what the user called it. */
silt_status silt_clustering_check(const silt_metadata *, const silt_type *schema, silt_names path,
                                  const char *text, silt_arena *, silt_error *);

/* Make a feature supported, with what it depends on. UNSUPPORTED: Silt has no way to make such a
 * table; INVALID: no such feature. */
silt_status silt_shape_enable_feature(silt_shape *, const char *name, silt_error *);
/* The property and the value that turn a feature on, in the arena; `*key` NULL: there is none. */
silt_status silt_shape_switch_of(const char *feature, silt_arena *, const char **key,
                                 const char **value, silt_error *);
/* Take a feature out of the protocol, which becomes the lowest that has the others, and out of
 * metadata and domains what only it has there. UNSUPPORTED: one that can't be dropped. INVALID:
 * properties, columns or other features use it: which. */
silt_status silt_shape_drop_feature(silt_shape *, const char *name, silt_error *);
/* Only what it has in metadata and domains: the feature is no longer in use, but still allowed. */
silt_status silt_shape_clear_feature(silt_shape *, const char *name, silt_error *);
/* Checkpoints of versions before this one, and the commits after them, are to be deleted together
 * only: programs that know the table as it is now can't read what was before. */
silt_status silt_shape_protect_history(silt_shape *, int64_t before, silt_error *);

/* What a feature leaves behind outside of the metadata, when it is dropped. */
typedef enum silt_feature_traces {
    SILT_TRACES_NONE,
    SILT_TRACES_FILES,  /* in files as they stand in the log; nobody minds older versions */
    SILT_TRACES_HISTORY /* also in older versions, which readers without it can't read */
} silt_feature_traces;
silt_feature_traces silt_shape_feature_traces(const char *name);
/* Whether metadata of some version has anything of the feature. */
bool silt_shape_feature_shows(const char *name, const silt_metadata *metadata);

/* Whether anything differs from where it started; of a table to be made, always. */
bool silt_shape_changed(const silt_shape *);
/* What differs, a line each, as people read it: "column a: int → long", "feature + rowTracking". */
silt_status silt_shape_diff(const silt_shape *, silt_arena *, silt_names *out, silt_error *);
/* Into a txn: metadata, protocol and domains, those that changed. */
silt_status silt_shape_apply(silt_shape *, silt_txn *, silt_error *);

/* ---- columns as text (shape_ddl.c)
 *
 * Spark's DDL: "id long not null, `a b` decimal(10,2) default 0 comment 'x', day date generated
 * always as (cast(at as date)), nr long generated by default as identity (start with 1)". */
silt_status silt_ddl_columns(const char *text, silt_arena *, const silt_type **out, silt_error *);
/* One column to be added: "s.b long comment 'x' after a". */
silt_status silt_ddl_column(const char *text, silt_arena *, const char **path, silt_field *field,
                            silt_column_place *place, silt_error *);
/* "first" or "after x". */
silt_status silt_ddl_place(const char *text, silt_arena *, silt_column_place *out, silt_error *);
/* "a, s.`b c`" to its paths. */
silt_status silt_ddl_paths(const char *text, silt_arena *, silt_names *out, silt_error *);

#endif
