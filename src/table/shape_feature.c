/* Features put into a protocol, and the versions that go with them. Taken out: shape_drop.c.
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

/* Versions that imply the features are kept for as long as they say it all: more programs read
 * these. */
silt_status silt_shape_set_features(silt_shape *shape, silt_names names, bool lower,
                                    silt_error *err)
{
    silt_protocol *p = &shape->protocol;
    const char **readers = silt_arena_calloc(shape->arena, names.count + 1, sizeof(*readers));
    if (!readers) return silt_fail_nomem(err);
    size_t count = 0;
    int reader = lower ? 1 : p->min_reader;
    int legacy = lower || p->min_writer < WRITER_FEATURES ? legacy_version(names) : 0;
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

silt_status silt_shape_features(const silt_shape *shape, silt_names *out, silt_error *err)
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
    SILT_TRY(silt_shape_features(shape, &names, err));
    const char **more = silt_arena_calloc(shape->arena, names.count + 1, sizeof(*more));
    if (!more) return silt_fail_nomem(err);
    if (names.count) memcpy(more, names.items, names.count * sizeof(*more));
    more[names.count] = feature;
    qsort(more, names.count + 1, sizeof(*more), compare_names);
    return silt_shape_set_features(shape, (silt_names){more, names.count + 1}, false, err);
}

const char *silt_shape_needed_by(const silt_shape *shape, const char *feature)
{
    for (size_t i = 0; i < SILT_COUNT(needs); i++)
        if (strcmp(needs[i][1], feature) == 0 &&
            silt_feature_supported(&shape->protocol, needs[i][0]))
            return needs[i][0];
    return NULL;
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
    SILT_TRY(silt_shape_features(shape, &names, err));
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
    return silt_shape_set_features(shape, (silt_names){more, count}, false, err);
}

/* ---- by name */

silt_status silt_shape_known_feature(const char *name, silt_feature_traits *out, silt_error *err)
{
    const char *names[128];
    size_t count = 0;
    if (silt_feature_describe(name, out)) return SILT_OK;
    for (size_t i = 0; silt_feature_at(i) && count < SILT_COUNT(names); i++)
        names[count++] = silt_feature_at(i);
    return silt_shape_fail_unknown(err, SILT_INVALID, "table feature", name, names, count);
}

silt_status silt_shape_enable_feature(silt_shape *shape, const char *name, silt_error *err)
{
    silt_feature_traits t;
    SILT_TRY(silt_shape_known_feature(name, &t, err));
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
