/* Steps that change a table's columns. */
#include <strings.h>

#include "table/shape_tree.h"

/* ---- what stands against a change */

static bool is_partition(const silt_shape *shape, const silt_shape_spot *spot)
{
    return spot->names.count == 1 &&
           silt_names_have(shape->metadata.partition_columns, spot->names.items[0]);
}

static silt_status check_mapped(const silt_shape *shape, const char *doing, const char *path,
                                silt_error *err)
{
    if (silt_shape_mapping(shape) != SILT_MAPPING_NONE) return SILT_OK;
    silt_fail(err, SILT_UNSUPPORTED,
              "column %s can't be %s: the table's files know their columns by these names", path,
              doing);
    return silt_hint(err, SILT_UNSUPPORTED,
                     "column mapping makes it possible without rewriting files: set "
                     "delta.columnMapping.mode to name first");
}

static silt_status check_name(const silt_type *parent, const char *name, int except,
                              silt_error *err)
{
    if (!*name) return silt_fail(err, SILT_INVALID, "a column needs a name");
    for (size_t i = 0; i < parent->field_count; i++)
        if ((int)i != except && strcasecmp(parent->fields[i].name, name) == 0)
            return silt_fail(err, SILT_EXISTS, "there is a column %s already",
                             parent->fields[i].name);
    return SILT_OK;
}

/* ---- places */

/* Where `place` is among the fields. */
static silt_status place_index(const silt_type *parent, silt_column_place place, size_t *out,
                               silt_error *err)
{
    *out = place.first ? 0 : parent->field_count;
    if (!place.after) return SILT_OK;
    int at = silt_shape_field_at(parent, place.after);
    if (at >= 0) {
        *out = (size_t)at + 1;
        return SILT_OK;
    }
    const char **names = calloc(parent->field_count + 1, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    for (size_t i = 0; i < parent->field_count; i++)
        names[i] = parent->fields[i].name;
    (void)silt_shape_fail_unknown(err, SILT_NOT_FOUND, "column", place.after, names,
                                  parent->field_count);
    free(names);
    return SILT_NOT_FOUND;
}

static const silt_type *insert(silt_arena *arena, const silt_type *parent, size_t at,
                               silt_field field)
{
    silt_field *fields = silt_arena_calloc(arena, parent->field_count + 1, sizeof(*fields));
    if (!fields) return NULL;
    for (size_t i = 0; i < at; i++)
        fields[i] = parent->fields[i];
    fields[at] = field;
    for (size_t i = at; i < parent->field_count; i++)
        fields[i + 1] = parent->fields[i];
    return silt_shape_struct(arena, fields, parent->field_count + 1);
}

static const silt_type *without(silt_arena *arena, const silt_type *parent, size_t at)
{
    silt_field *fields = silt_arena_calloc(arena, parent->field_count, sizeof(*fields));
    if (!fields) return NULL;
    size_t count = 0;
    for (size_t i = 0; i < parent->field_count; i++)
        if (i != at) fields[count++] = parent->fields[i];
    return silt_shape_struct(arena, fields, count);
}

/* ---- add, move */

/* The struct that a path leads to. */
static silt_status find_struct(const silt_shape *shape, silt_names path, const silt_type **out,
                               silt_names *up, silt_error *err)
{
    *out = shape->schema;
    *up = path;
    if (path.count == 0) return SILT_OK;
    silt_shape_spot spot;
    const char *text = silt_shape_path_text(path, shape->arena);
    if (!text) return silt_fail_nomem(err);
    SILT_TRY(silt_shape_find(shape, text, &spot, err));
    *out = silt_shape_below(spot.parent->fields[spot.index].type, spot.rest);
    *up = (silt_names){spot.names.items, path.count};
    if (*out && (*out)->kind == SILT_TYPE_STRUCT) return SILT_OK;
    return silt_fail(err, SILT_INVALID, "column %s is no struct, and can't hold others", text);
}

silt_status silt_shape_add_column(silt_shape *shape, const char *path, const silt_field *field,
                                  silt_column_place place, silt_error *err)
{
    silt_names parts, up;
    const silt_type *parent;
    size_t at;
    SILT_TRY(silt_shape_path(path, shape->arena, &parts, err));
    SILT_TRY(find_struct(shape, (silt_names){parts.items, parts.count - 1}, &parent, &up, err));
    silt_field made = *field;
    made.name = parts.items[parts.count - 1];
    SILT_TRY(check_name(parent, made.name, -1, err));
    if (shape->before && !made.nullable) {
        silt_fail(err, SILT_INVALID, "column %s can't be NOT NULL: rows that stand have no value",
                  path);
        return silt_hint(err, SILT_INVALID, "add it as nullable, fill it, then set it not null");
    }
    const silt_json *value;
    SILT_TRY(silt_shape_meta(shape->arena, made.metadata, "CURRENT_DEFAULT", &value, err));
    if (value) {
        silt_fail(err, SILT_UNSUPPORTED,
                  "column %s can't be added with a default: rows that stand would have to get it",
                  path);
        return silt_hint(err, SILT_UNSUPPORTED,
                         "add it first, then set the default, which counts for rows to come: silt "
                         "alter --enable-feature allowColumnDefaults --add-column \"%s %s\" "
                         "--set-default \"%s=…\"",
                         path, silt_type_name(made.type, shape->arena), path);
    }
    if (strstr(made.metadata, "delta.generationExpression") ||
        strstr(made.metadata, "delta.identity."))
        return silt_fail(err, SILT_UNSUPPORTED,
                         "column %s: generated and identity columns can be made with a table only",
                         path);
    SILT_TRY(place_index(parent, place, &at, err));
    SILT_TRY(silt_shape_check_members(path, made.type, false, err));
    silt_shape next = *shape;
    if (!silt_shape_put_struct(&next, up, insert(shape->arena, parent, at, made)))
        return silt_fail_nomem(err);
    SILT_TRY(silt_shape_require_type(&next, made.type, err));
    SILT_TRY(silt_shape_check_feed(&next, err));
    if (silt_shape_mapping(shape) != SILT_MAPPING_NONE)
        SILT_TRY(silt_shape_map_fields(&next, false, err));
    *shape = next;
    return SILT_OK;
}

silt_status silt_shape_move_column(silt_shape *shape, const char *path, silt_column_place place,
                                   silt_error *err)
{
    silt_shape_spot spot;
    size_t at;
    SILT_TRY(silt_shape_find_field(shape, path, &spot, err));
    const silt_type *rest = without(shape->arena, spot.parent, spot.index);
    if (!rest) return silt_fail_nomem(err);
    if (place.after && strcasecmp(place.after, spot.parent->fields[spot.index].name) == 0)
        return silt_fail(err, SILT_INVALID, "column %s can't stand behind itself", path);
    SILT_TRY(place_index(rest, place, &at, err));
    const silt_type *made = insert(shape->arena, rest, at, spot.parent->fields[spot.index]);
    return silt_shape_put_struct(shape, spot.up, made) ? SILT_OK : silt_fail_nomem(err);
}

/* ---- rename, drop */

static bool is_below(silt_names path, silt_names top)
{
    bool below = path.count >= top.count;
    for (size_t i = 0; below && i < top.count; i++)
        below = strcasecmp(path.items[i], top.items[i]) == 0;
    return below;
}

/* Columns that a property lists follow a renamed column (`name`) and forget a dropped one (NULL).
 */
static silt_status follow_list(silt_shape *shape, const char *key, silt_names path,
                               const char *name, silt_error *err)
{
    const char *value = silt_pairs_get(shape->metadata.configuration, key);
    silt_names listed, parts;
    SILT_CLEAN(silt_buf) buf = {0};
    bool changed = false;
    if (!value) return SILT_OK;
    if (silt_ddl_paths(value, shape->arena, &listed, NULL) != SILT_OK) return SILT_OK;
    for (size_t i = 0; i < listed.count; i++) {
        SILT_TRY(silt_shape_path(listed.items[i], shape->arena, &parts, err));
        const char *text = listed.items[i];
        if (is_below(parts, path)) {
            changed = true;
            if (!name) continue;
            ((const char **)parts.items)[path.count - 1] = name;
            text = silt_shape_path_text(parts, shape->arena);
            if (!text) return silt_fail_nomem(err);
        }
        silt_buf_puts(&buf, buf.size ? "," : "");
        silt_buf_puts(&buf, text);
    }
    if (buf.failed) return silt_fail_nomem(err);
    return changed ? silt_shape_put_property(shape, key, buf.data ? buf.data : "", err) : SILT_OK;
}

static silt_status follow_lists(silt_shape *shape, silt_names path, const char *name,
                                silt_error *err)
{
    static const char *const lists[] = {"delta.dataSkippingStatsColumns", SILT_ORDERING_KEYS,
                                        SILT_Z_ORDER_BY};
    for (size_t i = 0; i < SILT_COUNT(lists); i++)
        SILT_TRY(follow_list(shape, lists[i], path, name, err));
    return SILT_OK;
}

static silt_status rename_partition(silt_shape *shape, const char *from, const char *to,
                                    silt_error *err)
{
    silt_names old = shape->metadata.partition_columns;
    const char **names = silt_arena_calloc(shape->arena, old.count, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    for (size_t i = 0; i < old.count; i++)
        names[i] = strcmp(old.items[i], from) == 0 ? to : old.items[i];
    shape->metadata.partition_columns = (silt_names){names, old.count};
    return SILT_OK;
}

silt_status silt_shape_rename_column(silt_shape *shape, const char *path, const char *name,
                                     silt_error *err)
{
    silt_shape_spot spot;
    SILT_TRY(silt_shape_find_field(shape, path, &spot, err));
    SILT_TRY(check_mapped(shape, "renamed", path, err));
    SILT_TRY(check_name(spot.parent, name, (int)spot.index, err));
    SILT_TRY(silt_shape_check_unused(shape, spot.names, "renamed", err));
    silt_shape next = *shape;
    silt_field field = spot.parent->fields[spot.index];
    const char *old = field.name;
    field.name = silt_arena_strdup(shape->arena, name);
    if (!field.name) return silt_fail_nomem(err);
    if (is_partition(shape, &spot)) SILT_TRY(rename_partition(&next, old, field.name, err));
    SILT_TRY(follow_lists(&next, spot.names, field.name, err));
    if (!silt_shape_put_field(&next, &spot, field)) return silt_fail_nomem(err);
    SILT_TRY(silt_shape_check_feed(&next, err));
    *shape = next;
    return SILT_OK;
}

silt_status silt_shape_drop_column(silt_shape *shape, const char *path, silt_error *err)
{
    silt_shape_spot spot;
    bool clustered;
    SILT_TRY(silt_shape_find_field(shape, path, &spot, err));
    SILT_TRY(check_mapped(shape, "dropped", path, err));
    if (is_partition(shape, &spot))
        return silt_fail(err, SILT_INVALID,
                         "column %s can't be dropped: the table is partitioned by it", path);
    SILT_TRY(silt_shape_clustered_by(shape, spot.names, &clustered, err));
    if (clustered) {
        silt_fail(err, SILT_INVALID, "column %s can't be dropped: the table is clustered by it",
                  path);
        return silt_hint(err, SILT_INVALID, "cluster the table by other columns first, or by none");
    }
    SILT_TRY(silt_shape_check_unused(shape, spot.names, "dropped", err));
    size_t left = spot.parent->field_count - 1;
    if (left == 0)
        return silt_fail(err, SILT_INVALID, "column %s can't be dropped: it is the last one%s",
                         path, spot.up.count ? " of its struct" : "");
    if (!spot.up.count && left <= shape->metadata.partition_columns.count)
        return silt_fail(err, SILT_INVALID,
                         "column %s can't be dropped: only partition columns would be left", path);
    silt_shape next = *shape;
    SILT_TRY(follow_lists(&next, spot.names, NULL, err));
    if (!silt_shape_put_struct(&next, spot.up, without(shape->arena, spot.parent, spot.index)))
        return silt_fail_nomem(err);
    *shape = next;
    return SILT_OK;
}

/* ---- types */

/* delta.typeChanges with one change more. */
static const char *note_change(silt_arena *arena, const char *metadata, const silt_type *from,
                               const silt_type *to, silt_names rest)
{
    static const char key[] = "delta.typeChanges";
    SILT_CLEAN(silt_buf) buf = {0};
    const silt_json *object;
    const char *from_json = silt_schema_json(from, arena), *to_json = silt_schema_json(to, arena);
    if (!from_json || !to_json) return NULL;
    if (silt_json_parse(silt_bytes_of(metadata), arena, &object, NULL) != SILT_OK) return NULL;
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_array(&w);
    silt_json_iter it = silt_json_iter_of(silt_json_get_some(object, key));
    while (silt_json_next(&it))
        silt_json_put_value(&w, it.value);
    silt_json_begin_object(&w);
    silt_json_member_raw(&w, "toType", to_json);
    silt_json_member_raw(&w, "fromType", from_json);
    if (rest.count) silt_json_member_string(&w, "fieldPath", silt_shape_path_text(rest, arena));
    silt_json_end_object(&w);
    silt_json_end_array(&w);
    return buf.failed ? NULL : silt_shape_meta_set(arena, metadata, key, buf.data);
}

static silt_status check_widens(const silt_shape *shape, const char *path, const silt_type *from,
                                const silt_type *to, silt_error *err)
{
    const char *from_text = silt_type_name(from, shape->arena);
    const char *to_text = silt_type_name(to, shape->arena);
    if (!from_text || !to_text) return silt_fail_nomem(err);
    if (!silt_type_widens(from, to)) {
        silt_fail(err, SILT_UNSUPPORTED, "column %s can't be changed from %s to %s", path,
                  from_text, to_text);
        return silt_hint(err, SILT_UNSUPPORTED,
                         "types can only become wider: byte to short to int to long, of these (but "
                         "long) to double, float to double, date to timestamp_ntz, decimals and "
                         "integers to decimals with no fewer digits on either side");
    }
    if (silt_property_true(&shape->metadata, "delta.enableTypeWidening")) return SILT_OK;
    silt_fail(err, SILT_UNSUPPORTED,
              "column %s can't be changed from %s to %s: type widening isn't enabled", path,
              from_text, to_text);
    return silt_hint(err, SILT_UNSUPPORTED, "set delta.enableTypeWidening to true first");
}

silt_status silt_shape_change_type(silt_shape *shape, const char *path, const silt_type *type,
                                   silt_error *err)
{
    silt_shape_spot spot;
    SILT_TRY(silt_shape_find(shape, path, &spot, err));
    silt_field field = spot.parent->fields[spot.index];
    const silt_type *from = silt_shape_below(field.type, spot.rest);
    if (silt_type_equal(from, type)) return SILT_OK;
    SILT_TRY(check_widens(shape, path, from, type, err));
    SILT_TRY(silt_shape_check_unused(shape, spot.names, "changed", err));
    silt_shape next = *shape;
    SILT_TRY(silt_shape_require(&next, "typeWidening", err));
    SILT_TRY(silt_shape_require_type(&next, type, err));
    if (shape->before || shape->has_files) /* else there are none of the old type */
        field.metadata = note_change(shape->arena, field.metadata, from, type, spot.rest);
    field.type = silt_shape_put_below(shape->arena, field.type, spot.rest, type);
    if (!field.metadata || !field.type || !silt_shape_put_field(&next, &spot, field))
        return silt_fail_nomem(err);
    *shape = next;
    return SILT_OK;
}

/* ---- what else a column has */

silt_status silt_shape_set_nullable(silt_shape *shape, const char *path, bool nullable,
                                    silt_error *err)
{
    silt_shape_spot spot;
    SILT_TRY(silt_shape_find_field(shape, path, &spot, err));
    silt_shape next = *shape;
    silt_field field = spot.parent->fields[spot.index];
    if (!nullable && spot.names.count > 1) {
        silt_fail(err, SILT_UNSUPPORTED,
                  "column %s is nested: only top-level columns can be set NOT NULL", path);
        return silt_hint(err, SILT_UNSUPPORTED,
                         "a constraint asks the same of members of structs: silt alter "
                         "--add-constraint \"NAME=%s IS NOT NULL\"",
                         path);
    }
    if (!nullable) SILT_TRY(silt_shape_require(&next, "invariants", err));
    field.nullable = nullable;
    if (!silt_shape_put_field(&next, &spot, field)) return silt_fail_nomem(err);
    *shape = next;
    return SILT_OK;
}

/* One member of the column's metadata. */
static silt_status set_text(silt_shape *shape, const silt_shape_spot *spot, const char *key,
                            const char *text, silt_error *err)
{
    silt_field field = spot->parent->fields[spot->index];
    field.metadata = silt_shape_meta_text(shape->arena, field.metadata, key, text);
    if (!field.metadata || !silt_shape_put_field(shape, spot, field)) return silt_fail_nomem(err);
    return SILT_OK;
}

silt_status silt_shape_set_comment(silt_shape *shape, const char *path, const char *comment,
                                   silt_error *err)
{
    silt_shape_spot spot;
    SILT_TRY(silt_shape_find_field(shape, path, &spot, err));
    return set_text(shape, &spot, "comment", comment, err);
}

silt_status silt_shape_set_default(silt_shape *shape, const char *path, const char *expression,
                                   silt_error *err)
{
    silt_shape_spot spot;
    SILT_TRY(silt_shape_find_field(shape, path, &spot, err));
    const silt_field *field = &spot.parent->fields[spot.index];
    const silt_json *value;
    SILT_TRY(silt_shape_meta(shape->arena, field->metadata, "CURRENT_DEFAULT", &value, err));
    if (!expression && !value)
        return silt_fail(err, SILT_NOT_FOUND, "column %s has no default", path);
    if (!expression) return set_text(shape, &spot, "CURRENT_DEFAULT", NULL, err);
    if (spot.names.count > 1)
        return silt_fail(err, SILT_UNSUPPORTED,
                         "column %s is nested: only top-level columns can have a default", path);
    if (strstr(field->metadata, "delta.generationExpression") ||
        strstr(field->metadata, "delta.identity."))
        return silt_fail(err, SILT_INVALID,
                         "column %s gets its values by itself and can't have a default", path);
    if (!silt_feature_supported(&shape->protocol, "allowColumnDefaults")) {
        silt_fail(err, SILT_UNSUPPORTED,
                  "column %s can't have a default: the table lacks the feature allowColumnDefaults",
                  path);
        return silt_hint(err, SILT_UNSUPPORTED, "enable the feature allowColumnDefaults first");
    }
    SILT_TRY(silt_shape_check_default(shape, path, field->type, expression, err));
    return set_text(shape, &spot, "CURRENT_DEFAULT", expression, err);
}
