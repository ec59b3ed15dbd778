/* Features put into a protocol and taken out again, and the versions that go with them.
 * @see PROTOCOL.md, "Table Features", "Valid Feature Names in Table Features" */
#include "table/shape_tree.h"

#define READER_FEATURES 3 /* versions that list features by name */
#define WRITER_FEATURES 7

/* What a feature needs beside itself. */
static const char *const needs[][2] = {
    {"clustering", "domainMetadata"},
    {"rowTracking", "domainMetadata"},
    {"variantShredding", "variantType"},
};

/* ---- protocols */

/* The lowest version below 7 that implies exactly these features; 0: none does. */
static int legacy_version(silt_names names)
{
    int version = 2;
    for (size_t i = 0; i < names.count; i++) {
        silt_feature_traits t;
        if (!silt_feature_describe(names.items[i], &t) || !t.since_writer) return 0;
        if (t.since_writer > version) version = t.since_writer;
    }
    for (size_t i = 0; silt_feature_at(i); i++) {
        silt_feature_traits t;
        if (!silt_feature_describe(silt_feature_at(i), &t) || !t.since_writer) continue;
        if (t.since_writer <= version && !silt_names_have(names, silt_feature_at(i))) return 0;
    }
    return version;
}

/* The protocol of these features (sorted), no lower than the one that is there. Versions that imply
 * them are kept for as long as they say it all: more programs read these. */
static silt_status set_features(silt_shape *shape, silt_names names, silt_error *err)
{
    silt_protocol *p = &shape->protocol;
    const char **readers = silt_arena_calloc(shape->arena, names.count + 1, sizeof(*readers));
    if (!readers) return silt_fail_nomem(err);
    size_t count = 0;
    int reader = p->min_reader,
        legacy = p->min_writer < WRITER_FEATURES ? legacy_version(names) : 0;
    for (size_t i = 0; i < names.count; i++) {
        silt_feature_traits t = {0};
        bool known = silt_feature_describe(names.items[i], &t);
        bool was = silt_names_have(p->reader_features, names.items[i]);
        if (!was && (!known || !t.is_reader)) continue;
        readers[count++] = names.items[i];
        int version = t.since_reader ? t.since_reader : READER_FEATURES;
        if (version > reader) reader = version;
    }
    p->min_reader = reader;
    p->min_writer = legacy && reader < READER_FEATURES ? legacy : WRITER_FEATURES;
    p->has_writer_features = p->min_writer == WRITER_FEATURES;
    p->has_reader_features = reader == READER_FEATURES;
    p->writer_features = p->has_writer_features ? names : (silt_names){0};
    p->reader_features = p->has_reader_features ? (silt_names){readers, count} : (silt_names){0};
    return SILT_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static silt_status writers_of(const silt_shape *shape, silt_names *out, silt_error *err)
{
    silt_names readers;
    return silt_feature_list(&shape->protocol, shape->arena, &readers, out, err);
}

silt_status silt_shape_require(silt_shape *shape, const char *feature, silt_error *err)
{
    silt_names names;
    if (silt_feature_supported(&shape->protocol, feature)) return SILT_OK;
    for (size_t i = 0; i < SILT_COUNT(needs); i++)
        if (strcmp(needs[i][0], feature) == 0)
            SILT_TRY(silt_shape_require(shape, needs[i][1], err));
    SILT_TRY(writers_of(shape, &names, err));
    const char **more = silt_arena_calloc(shape->arena, names.count + 1, sizeof(*more));
    if (!more) return silt_fail_nomem(err);
    if (names.count) memcpy(more, names.items, names.count * sizeof(*more));
    more[names.count] = feature;
    qsort(more, names.count + 1, sizeof(*more), compare_names);
    return set_features(shape, (silt_names){more, names.count + 1}, err);
}

silt_status silt_shape_require_type(silt_shape *shape, const silt_type *type, silt_error *err)
{
    if (type->kind == SILT_TYPE_TIMESTAMP_NTZ)
        SILT_TRY(silt_shape_require(shape, "timestampNtz", err));
    if (type->kind == SILT_TYPE_VARIANT) SILT_TRY(silt_shape_require(shape, "variantType", err));
    for (size_t i = 0; i < type->field_count; i++)
        SILT_TRY(silt_shape_require_type(shape, type->fields[i].type, err));
    if (type->key) SILT_TRY(silt_shape_require_type(shape, type->key, err));
    return type->element ? silt_shape_require_type(shape, type->element, err) : SILT_OK;
}

/* Features by the version that implies them; 3 and 7 spell out those that are there. */
silt_status silt_shape_raise(silt_shape *shape, const char *what, int version, bool reader,
                             silt_error *err)
{
    silt_protocol *p = &shape->protocol;
    silt_names names;
    int now = reader ? p->min_reader : p->min_writer;
    int most = reader ? READER_FEATURES : WRITER_FEATURES;
    if (version < 1 || version > most)
        return silt_fail(err, SILT_INVALID, "%s is a version from 1 to %d, not %d", what, most,
                         version);
    if (version < now) {
        silt_fail(err, SILT_INVALID, "%s can't be lowered from %d to %d", what, now, version);
        return silt_hint(err, SILT_INVALID, "features are dropped one by one, by their names");
    }
    if (version == now) return SILT_OK;
    SILT_TRY(writers_of(shape, &names, err));
    size_t known = 0, count = names.count;
    while (silt_feature_at(known))
        known++;
    const char **more = silt_arena_calloc(shape->arena, count + known, sizeof(*more));
    if (!more) return silt_fail_nomem(err);
    if (count) memcpy(more, names.items, count * sizeof(*more));
    for (size_t i = 0; version < most && i < known; i++) {
        silt_feature_traits t;
        if (!silt_feature_describe(silt_feature_at(i), &t)) continue;
        int since = reader ? t.since_reader : t.since_writer;
        if (since && since <= version && !silt_feature_supported(p, t.name)) more[count++] = t.name;
    }
    qsort(more, count, sizeof(*more), compare_names);
    if (version == most) p->min_writer = WRITER_FEATURES;
    if (reader) p->min_reader = version;
    return set_features(shape, (silt_names){more, count}, err);
}

/* ---- by name */

static silt_status check_known(const char *name, silt_error *err)
{
    const char *names[128];
    size_t count = 0;
    silt_feature_traits t;
    if (silt_feature_describe(name, &t)) return SILT_OK;
    for (size_t i = 0; silt_feature_at(i) && count < SILT_COUNT(names); i++)
        names[count++] = silt_feature_at(i);
    return silt_shape_fail_unknown(err, SILT_INVALID, "table feature", name, names, count);
}

silt_status silt_shape_enable_feature(silt_shape *shape, const char *name, silt_error *err)
{
    SILT_TRY(check_known(name, err));
    silt_feature_traits t = {0};
    (void)silt_feature_describe(name, &t);
    if (silt_feature_supported(&shape->protocol, name)) return SILT_OK;
    if (!t.alters) {
        silt_fail(err, SILT_UNSUPPORTED, "Silt can't make tables with the feature %s", t.name);
        if (silt_starts_with(name, "iceberg"))
            silt_hint(err, SILT_UNSUPPORTED,
                      "compatibility with Iceberg needs Iceberg's metadata written with each "
                      "commit, which Silt doesn't do");
        return SILT_UNSUPPORTED;
    }
    silt_shape next = *shape;
    SILT_TRY(silt_shape_require(&next, t.name, err));
    *shape = next;
    return SILT_OK;
}

/* Why a feature can't go yet; NULL: it can. */
static const char *used_by(const silt_shape *shape, const char *name)
{
    const silt_metadata *m = &shape->metadata;
    static const char *const by_property[][2] = {
        {"appendOnly", "delta.appendOnly"},
        {"changeDataFeed", "delta.enableChangeDataFeed"},
        {"inCommitTimestamp", "delta.enableInCommitTimestamps"},
        {"rowTracking", "delta.enableRowTracking"},
    };
    for (size_t i = 0; i < SILT_COUNT(by_property); i++)
        if (strcmp(name, by_property[i][0]) == 0 && silt_property_true(m, by_property[i][1]))
            return by_property[i][1];
    if (strcmp(name, "checkConstraints") == 0)
        for (size_t i = 0; i < m->configuration.count; i++)
            if (silt_starts_with(m->configuration.items[i].key, "delta.constraints."))
                return m->configuration.items[i].key;
    for (size_t i = 0; strcmp(name, "domainMetadata") == 0 && i < shape->domain_count; i++)
        if (!shape->domains[i].removed &&
            strcmp(shape->domains[i].domain, "delta.rowTracking") != 0)
            return shape->domains[i].domain;
    for (size_t i = 0; i < SILT_COUNT(needs); i++)
        if (strcmp(needs[i][1], name) == 0 && silt_feature_supported(&shape->protocol, needs[i][0]))
            return needs[i][0];
    return NULL;
}

/* Spark's list of features that can be dropped, in two: with and without files to be rewritten or
 * a history that speaks of them. */
static silt_status check_droppable(const char *name, silt_error *err)
{
    static const char *const plain[] = {"checkConstraints", "domainMetadata", "inCommitTimestamp",
                                        "materializePartitionColumns", "vacuumProtocolCheck"};
    static const char *const rewritten[][2] = {
        {"checkpointProtection",
         "the history before delta.requireCheckpointProtectionBeforeVersion "
         "has to be cleaned up first"},
        {"columnMapping", "the files have to be rewritten with the names that columns have now"},
        {"deletionVectors", "the files with deleted rows have to be rewritten without these"},
        {"rowTracking", "the row ids have to be taken out of the files first"},
        {"typeWidening", "files with the narrower types have to be rewritten first"},
        {"v2Checkpoint", "a classic checkpoint has to take the place of V2 ones first"},
    };
    for (size_t i = 0; i < SILT_COUNT(plain); i++)
        if (strcmp(plain[i], name) == 0) return SILT_OK;
    for (size_t i = 0; i < SILT_COUNT(rewritten); i++) {
        if (strcmp(rewritten[i][0], name) != 0) continue;
        silt_fail(err, SILT_UNSUPPORTED, "feature %s can't be dropped by Silt yet: %s", name,
                  rewritten[i][1]);
        return silt_hint(err, SILT_UNSUPPORTED,
                         "Delta Lake for Spark does: ALTER TABLE … DROP FEATURE %s", name);
    }
    silt_fail(err, SILT_UNSUPPORTED, "feature %s can't be dropped", name);
    return silt_hint(err, SILT_UNSUPPORTED,
                     "Delta has no way back from it; a table without it is made by writing the "
                     "rows into a new one");
}

silt_status silt_shape_drop_feature(silt_shape *shape, const char *name, silt_error *err)
{
    silt_names names;
    silt_feature_traits t = {0};
    SILT_TRY(check_known(name, err));
    (void)silt_feature_describe(name, &t);
    name = t.name;
    if (!silt_feature_supported(&shape->protocol, name))
        return silt_fail(err, SILT_NOT_FOUND, "the table doesn't have the feature %s", name);
    SILT_TRY(check_droppable(name, err));
    const char *user = used_by(shape, name);
    if (user)
        return silt_fail(err, SILT_INVALID, "feature %s can't be dropped: %s needs it", name, user);
    SILT_TRY(writers_of(shape, &names, err));
    const char **left = silt_arena_calloc(shape->arena, names.count, sizeof(*left));
    if (!left) return silt_fail_nomem(err);
    size_t count = 0;
    for (size_t i = 0; i < names.count; i++) {
        silt_feature_traits other; /* a feature may be there by the name it had before */
        bool known = silt_feature_describe(names.items[i], &other);
        if (!known || strcmp(other.name, name) != 0) left[count++] = names.items[i];
    }
    silt_shape next = *shape;
    SILT_TRY(set_features(&next, (silt_names){left, count}, err));
    *shape = next;
    return SILT_OK;
}
