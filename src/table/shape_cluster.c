/* Metadata domains, and the one that says what a table's rows are clustered by.
 * @see PROTOCOL.md, "Domain Metadata", "Clustered Table" */
#include <strings.h>

#include "table/shape_tree.h"

#define CLUSTERING    "delta.clustering"
#define COLUMNS_MAX   4  /* as Spark has it */
#define STATS_DEFAULT 32 /* delta.dataSkippingNumIndexedCols */

const silt_domain *silt_shape_domain(const silt_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->domain_count; i++)
        if (strcmp(shape->domains[i].domain, name) == 0 && !shape->domains[i].removed)
            return &shape->domains[i];
    return NULL;
}

/* What the table had; "": nothing. The log wants it with the mark that a domain was removed. */
static const char *before(const silt_shape *shape, const char *name)
{
    for (size_t i = 0; shape->before && i < shape->before->domain_count; i++)
        if (strcmp(shape->before->domains[i].domain, name) == 0)
            return shape->before->domains[i].configuration;
    return "";
}

silt_status silt_shape_put_domain(silt_shape *shape, const char *name, const char *configuration,
                                  silt_error *err)
{
    silt_domain *domains =
        silt_arena_calloc(shape->arena, shape->domain_count + 1, sizeof(*domains));
    const char *key = silt_arena_strdup(shape->arena, name);
    const char *value =
        silt_arena_strdup(shape->arena, configuration ? configuration : before(shape, name));
    if (!domains || !key || !value) return silt_fail_nomem(err);
    size_t at = 0;
    for (; at < shape->domain_count && strcmp(shape->domains[at].domain, name) != 0; at++)
        ;
    if (shape->domain_count)
        memcpy(domains, shape->domains, shape->domain_count * sizeof(*domains));
    domains[at] = (silt_domain){.domain = key, .configuration = value, .removed = !configuration};
    if (at == shape->domain_count) shape->domain_count++;
    shape->domains = domains;
    return SILT_OK;
}

silt_status silt_shape_set_domain(silt_shape *shape, const char *domain, const char *configuration,
                                  silt_error *err)
{
    if (!*domain) return silt_fail(err, SILT_INVALID, "a metadata domain needs a name");
    if (strncasecmp(domain, "delta.", 6) == 0) {
        silt_fail(err, SILT_INVALID, "the metadata domain %s belongs to Delta's features", domain);
        return silt_hint(err, SILT_INVALID,
                         "domains of your own begin with anything but \"delta.\"");
    }
    silt_shape next = *shape;
    if (!configuration && !silt_shape_domain(shape, domain))
        return silt_fail(err, SILT_NOT_FOUND, "there is no metadata domain %s", domain);
    SILT_TRY(silt_shape_require(&next, "domainMetadata", err));
    SILT_TRY(silt_shape_put_domain(&next, domain, configuration, err));
    *shape = next;
    return SILT_OK;
}

/* ---- clustering */

/* Columns of a struct in the order in which statistics are taken, up to the field. */
static size_t leaves(const silt_type *type)
{
    if (type->kind != SILT_TYPE_STRUCT) return 1;
    size_t count = 0;
    for (size_t i = 0; i < type->field_count; i++)
        count += leaves(type->fields[i].type);
    return count;
}

static size_t leaf_index(const silt_type *type, silt_names partition_by, silt_names path)
{
    size_t count = 0;
    for (size_t k = 0; k < path.count; k++) {
        size_t at = (size_t)silt_shape_field_at(type, path.items[k]);
        for (size_t i = 0; i < at; i++)
            if (k > 0 || !silt_names_have(partition_by, type->fields[i].name))
                count += leaves(type->fields[i].type);
        type = type->fields[at].type;
    }
    return count;
}

silt_status silt_clustering_check(const silt_metadata *metadata, const silt_type *schema,
                                  silt_names path, const char *text, silt_arena *arena,
                                  silt_error *err)
{
    const char *columns = silt_pairs_get(metadata->configuration, "delta.dataSkippingStatsColumns");
    const char *number =
        silt_pairs_get(metadata->configuration, "delta.dataSkippingNumIndexedCols");
    int64_t most = STATS_DEFAULT;
    bool found = false;
    if (columns) {
        silt_names listed, parts;
        SILT_TRY(silt_ddl_paths(columns, arena, &listed, err));
        for (size_t i = 0; i < listed.count; i++) {
            SILT_TRY(silt_shape_path(listed.items[i], arena, &parts, err));
            bool same = parts.count <= path.count;
            for (size_t k = 0; same && k < parts.count; k++)
                same = strcasecmp(parts.items[k], path.items[k]) == 0;
            found |= same;
        }
    } else {
        if (number) (void)silt_parse_int64(number, &most);
        found = most < 0 || leaf_index(schema, metadata->partition_columns, path) < (size_t)most;
    }
    if (found) return SILT_OK;
    silt_fail(err, SILT_INVALID,
              "rows can't be clustered by %s: the table takes no statistics of it", text);
    return silt_hint(err, SILT_INVALID,
                     "name it in delta.dataSkippingStatsColumns, or move it "
                     "among the first columns");
}

static silt_status check_column(const silt_shape *shape, const char *text, silt_shape_spot *spot,
                                silt_error *err)
{
    SILT_TRY(silt_shape_find_field(shape, text, spot, err));
    const silt_type *type = shape->schema;
    for (size_t i = 0; i < spot->names.count; i++) {
        if (type->kind != SILT_TYPE_STRUCT)
            return silt_fail(err, SILT_INVALID,
                             "rows can't be clustered by %s: it is within an "
                             "array or a map",
                             text);
        type = type->fields[silt_shape_field_at(type, spot->names.items[i])].type;
    }
    if (type->kind == SILT_TYPE_BOOLEAN || type->kind == SILT_TYPE_BINARY ||
        type->kind >= SILT_TYPE_VARIANT)
        return silt_fail(err, SILT_INVALID,
                         "rows can't be clustered by %s: there are no bounds of the type %s", text,
                         silt_type_kind_name(type->kind));
    return silt_clustering_check(&shape->metadata, shape->schema, spot->names, text, shape->arena,
                                 err);
}

static silt_status put_columns(silt_shape *shape, silt_names columns, silt_json_writer *w,
                               silt_error *err)
{
    silt_names physical;
    silt_json_begin_array(w);
    for (size_t i = 0; i < columns.count; i++) {
        silt_shape_spot spot, other;
        SILT_TRY(check_column(shape, columns.items[i], &spot, err));
        for (size_t k = 0; k < i; k++) {
            SILT_TRY(silt_shape_find_field(shape, columns.items[k], &other, err));
            if (other.parent == spot.parent && other.index == spot.index)
                return silt_fail(err, SILT_INVALID, "rows are clustered by %s once only",
                                 columns.items[i]);
        }
        SILT_TRY(silt_shape_physical(shape, spot.names, &physical, err));
        silt_names_write(physical, w);
    }
    silt_json_end_array(w);
    return SILT_OK;
}

silt_status silt_shape_cluster_by(silt_shape *shape, silt_names columns, silt_error *err)
{
    if (columns.count == 0 && !silt_shape_domain(shape, CLUSTERING)) return SILT_OK;
    if (columns.count > COLUMNS_MAX)
        return silt_fail(err, SILT_INVALID, "rows are clustered by %d columns at most, not %zu",
                         COLUMNS_MAX, columns.count);
    if (columns.count && shape->metadata.partition_columns.count) {
        silt_fail(err, SILT_INVALID, "the table is partitioned by %s",
                  shape->metadata.partition_columns.items[0]);
        return silt_hint(err, SILT_INVALID, "a table is either partitioned or clustered");
    }
    SILT_CLEAN(silt_buf) buf = {0};
    silt_shape next = *shape;
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    silt_json_key(&w, "clusteringColumns");
    SILT_TRY(put_columns(&next, columns, &w, err));
    silt_json_member_string(&w, "domainName", CLUSTERING);
    silt_json_end_object(&w);
    if (buf.failed) return silt_fail_nomem(err);
    SILT_TRY(silt_shape_require(&next, "clustering", err));
    SILT_TRY(silt_shape_put_domain(&next, CLUSTERING, buf.data, err));
    *shape = next;
    return SILT_OK;
}

/* ---- back to names */

static silt_status find_physical(const silt_type *type, const char *name, silt_arena *arena,
                                 const silt_field **out, silt_error *err)
{
    static const char key[] = "delta.columnMapping.physicalName";
    for (size_t i = 0; i < type->field_count; i++) {
        const silt_field *field = &type->fields[i];
        const silt_json *json;
        SILT_TRY(silt_shape_meta(arena, field->metadata, key, &json, err));
        const char *physical = silt_json_string(json);
        if (strcmp(physical ? physical : field->name, name) != 0) continue;
        *out = field;
        return SILT_OK;
    }
    return silt_fail(err, SILT_CORRUPT, "metadata domain " CLUSTERING ": there is no column %s",
                     name);
}

/* `physical` is a name, or a list of names that lead to a field. */
static silt_status logical(const silt_json *physical, const silt_type *schema, silt_arena *arena,
                           const char **out, silt_error *err)
{
    size_t count = 0;
    if (silt_json_kind_of(physical) == SILT_JSON_STRING) {
        const silt_field *field = NULL;
        SILT_TRY(find_physical(schema, silt_json_string(physical), arena, &field, err));
        *out = silt_shape_path_text((silt_names){&field->name, 1}, arena);
        return *out ? SILT_OK : silt_fail_nomem(err);
    }
    const char **names = silt_arena_calloc(arena, silt_json_count(physical), sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    for (silt_json_iter it = silt_json_iter_of(physical); silt_json_next(&it);) {
        const silt_field *field = NULL;
        const char *name = silt_json_string(it.value);
        SILT_TRY(find_physical(schema, name ? name : "", arena, &field, err));
        names[count++] = field->name;
        schema = field->type;
    }
    *out = silt_shape_path_text((silt_names){names, count}, arena);
    return *out ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_clustering_columns(const silt_domain *domain, const silt_type *schema,
                                    silt_arena *arena, silt_names *out, silt_error *err)
{
    const silt_json *json;
    SILT_TRY(silt_json_parse(silt_bytes_of(domain->configuration), arena, &json, err));
    const silt_json *columns = silt_json_get(json, "clusteringColumns");
    const char **paths = silt_arena_calloc(arena, silt_json_count(columns), sizeof(*paths));
    size_t count = 0;
    if (!paths) return silt_fail_nomem(err);
    for (silt_json_iter it = silt_json_iter_of(columns); silt_json_next(&it); count++)
        SILT_TRY(logical(it.value, schema, arena, &paths[count], err));
    *out = (silt_names){paths, count};
    return SILT_OK;
}

silt_status silt_shape_clustering(const silt_shape *shape, silt_names *out, silt_error *err)
{
    const silt_domain *domain = silt_shape_domain(shape, CLUSTERING);
    *out = (silt_names){0};
    if (!domain) return SILT_OK;
    return silt_clustering_columns(domain, shape->schema, shape->arena, out, err);
}

silt_status silt_shape_check_clustering(const silt_shape *shape, silt_error *err)
{
    silt_names columns, path;
    SILT_TRY(silt_shape_clustering(shape, &columns, err));
    for (size_t i = 0; i < columns.count; i++) {
        SILT_TRY(silt_shape_path(columns.items[i], shape->arena, &path, err));
        SILT_TRY(silt_clustering_check(&shape->metadata, shape->schema, path, columns.items[i],
                                       shape->arena, err));
    }
    return SILT_OK;
}

silt_status silt_shape_clustered_by(const silt_shape *shape, silt_names path, bool *out,
                                    silt_error *err)
{
    silt_names columns, parts;
    bool found = false;
    SILT_TRY(silt_shape_clustering(shape, &columns, err));
    for (size_t i = 0; i < columns.count; i++) {
        SILT_TRY(silt_shape_path(columns.items[i], shape->arena, &parts, err));
        bool below = parts.count >= path.count;
        for (size_t k = 0; below && k < path.count; k++)
            below = strcmp(parts.items[k], path.items[k]) == 0;
        found |= below;
    }
    *out = found;
    return SILT_OK;
}
