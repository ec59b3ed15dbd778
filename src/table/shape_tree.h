/* Between the files of table/shape*.c: paths to columns, schemas made anew, features required. */
#ifndef SILT_TABLE_SHAPE_TREE_H
#define SILT_TABLE_SHAPE_TREE_H

#include "base/type.h"
#include "log/property.h"
#include "table/expr.h"
#include "table/mapping.h"
#include "table/shape.h"

/* ---- paths (shape_path.c) */

silt_status silt_shape_path(const char *text, silt_arena *arena, silt_names *out, silt_error *err);
/* Back to text; NULL when out of memory. */
const char *silt_shape_path_text(silt_names path, silt_arena *arena);

/* Where a path leads: a field of a struct, and element, key and value below it. */
typedef struct silt_shape_spot {
    const silt_type *parent; /* STRUCT */
    size_t index;
    silt_names up;    /* the path to `parent` */
    silt_names names; /* the path to the field, as the schema has the names */
    silt_names rest;
} silt_shape_spot;
silt_status silt_shape_find(const silt_shape *shape, const char *path, silt_shape_spot *out,
                            silt_error *err);
/* The same, of a column itself: INVALID where anything is below it. */
silt_status silt_shape_find_field(const silt_shape *shape, const char *path, silt_shape_spot *out,
                                  silt_error *err);
/* Index of a field by its name, in any case where that is unambiguous; -1. */
int silt_shape_field_at(const silt_type *type, const char *name);

/* ---- schemas, made anew (shape_path.c); false and NULL: out of memory */

/* The schema with another struct where `path` leads. */
bool silt_shape_put_struct(silt_shape *shape, silt_names path, const silt_type *with);
/* A struct with these fields, copied. */
const silt_type *silt_shape_struct(silt_arena *arena, const silt_field *fields, size_t count);
/* The schema with another field where the spot is. */
bool silt_shape_put_field(silt_shape *shape, const silt_shape_spot *spot, silt_field field);
/* A type with another one below it; `rest` is element, key, value. */
const silt_type *silt_shape_put_below(silt_arena *arena, const silt_type *type, silt_names rest,
                                      const silt_type *with);
/* The type below, NULL where there is none. */
const silt_type *silt_shape_below(const silt_type *type, silt_names rest);

/* A field's metadata with a member set to this JSON, or without it. */
const char *silt_shape_meta_set(silt_arena *arena, const char *metadata, const char *key,
                                const char *json);
const char *silt_shape_meta_text(silt_arena *arena, const char *metadata, const char *key,
                                 const char *text); /* NULL: without it */
/* A member, NULL where there is none. */
silt_status silt_shape_meta(silt_arena *arena, const char *metadata, const char *key,
                            const silt_json **out, silt_error *err);

/* For each field of the schema, however nested, its parents first; not SILT_OK ends it. */
typedef silt_status silt_shape_field_fn(void *ctx, silt_names path, const silt_field *field,
                                        silt_error *err);
silt_status silt_shape_each(const silt_shape *shape, silt_shape_field_fn *fn, void *ctx,
                            silt_error *err);

/* ---- properties (shape_property.c) */

silt_status silt_shape_put_property(silt_shape *shape, const char *key, const char *value,
                                    silt_error *err); /* NULL: removed */
/* "x": INVALID with the closest of the names as the hint. */
silt_status silt_shape_fail_unknown(silt_error *err, silt_status status, const char *what,
                                    const char *name, const char *const *names, size_t count);

/* UNSUPPORTED: NOT NULL within an array or a map (`within`: the type is in one), which Delta
 * doesn't have. */
silt_status silt_shape_check_members(const char *column, const silt_type *type, bool within,
                                     silt_error *err);

/* INVALID: the change data feed is on, and a column is called as one of the feed's own. */
silt_status silt_shape_check_feed(const silt_shape *shape, silt_error *err);

/* ---- features (shape_feature.c) */

silt_status silt_shape_require(silt_shape *shape, const char *feature, silt_error *err);
/* What the types of a column need. */
silt_status silt_shape_require_type(silt_shape *shape, const silt_type *type, silt_error *err);
/* Versions as if a property asked for them. */
silt_status silt_shape_raise(silt_shape *shape, const char *what, int version, bool reader,
                             silt_error *err);

/* INVALID: there is no such feature (the closest). */
silt_status silt_shape_known_feature(const char *name, silt_feature_traits *out, silt_error *err);
/* All that writers have to know, sorted. */
silt_status silt_shape_features(const silt_shape *shape, silt_names *out, silt_error *err);
/* The protocol of these features (sorted): no lower than it was, or with `lower` the lowest. */
silt_status silt_shape_set_features(silt_shape *shape, silt_names names, bool lower,
                                    silt_error *err);
/* A feature of the table that depends on this one; NULL: none does. */
const char *silt_shape_needed_by(const silt_shape *shape, const char *feature);

/* ---- column mapping (shape_mapping.c) */

silt_mapping_mode silt_shape_mapping(const silt_shape *shape);
silt_status silt_shape_set_mapping(silt_shape *shape, const char *mode, silt_error *err);
/* Ids and physical names for all fields that have none; `same`: the names they have. */
silt_status silt_shape_map_fields(silt_shape *shape, bool same, silt_error *err);
/* The path by physical names. */
silt_status silt_shape_physical(const silt_shape *shape, silt_names path, silt_names *out,
                                silt_error *err);

/* ---- expressions in properties and columns (shape_expr.c) */

/* INVALID: a constraint, a generated column or an invariant uses the column; `doing`: "dropped". */
silt_status silt_shape_check_unused(const silt_shape *shape, silt_names path, const char *doing,
                                    silt_error *err);
/* A default for a value of the type. */
silt_status silt_shape_check_default(const silt_shape *shape, const char *column,
                                     const silt_type *type, const char *text, silt_error *err);
/* Generated, identity and default columns of a new table; requires their features. */
silt_status silt_shape_check_columns(silt_shape *shape, silt_error *err);

/* ---- domains (shape_cluster.c) */

silt_status silt_shape_put_domain(silt_shape *shape, const char *name, const char *configuration,
                                  silt_error *err); /* NULL: removed */

const silt_domain *silt_shape_domain(const silt_shape *shape, const char *name);
/* The paths of the columns that rows are clustered by, none without clustering. */
silt_status silt_shape_clustering(const silt_shape *shape, silt_names *out, silt_error *err);
/* Whether rows are clustered by a column below or above the path. */
silt_status silt_shape_clustered_by(const silt_shape *shape, silt_names path, bool *out,
                                    silt_error *err);

#endif
