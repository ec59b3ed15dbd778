/* Delta's table properties: which there are, what they may be, and the features they turn on. */
#include <stdio.h>
#include <strings.h>

#include "table/expr_tree.h"
#include "table/shape_tree.h"

typedef enum kind {
    BOOL,
    INTERVAL,
    NUMBER, /* whole, from `least` on */
    BYTES,
    CHOICE,   /* one of `choices`, as it is written there */
    ANY_CASE, /* likewise, in any case of letters */
    FORMAT,   /* a version of Parquet */
    COLUMNS,  /* paths, separated by commas */
    VERSION,  /* of the protocol: no property at all */
    MAPPING,  /* delta.columnMapping.mode */
    INTERNAL, /* kept by writers themselves */
    ELSEWHERE /* refused, with what to do */
} kind;

typedef struct property {
    const char *name; /* behind "delta." */
    kind kind;
    const char *choices; /* " a b " */
    int64_t least;
    const char *feature; /* that it turns on when it is true, or the second of its choices */
} property;

#define ICEBERG(feature) \
    "the feature " feature " needs Iceberg's metadata with each commit, which Silt doesn't write"

/* clang-format off */
static const property properties[] = {
    {"appendOnly",                         BOOL,     NULL, 0, "appendOnly"},
    {"autoOptimize",                       BOOL,     NULL, 0, NULL},
    {"autoOptimize.autoCompact",           CHOICE,   " true false auto legacy ", 0, NULL},
    {"autoOptimize.optimizeWrite",         BOOL,     NULL, 0, NULL},
    {"checkpoint.writeStatsAsJson",        BOOL,     NULL, 0, NULL},
    {"checkpoint.writeStatsAsStruct",      BOOL,     NULL, 0, NULL},
    {"checkpointInterval",                 NUMBER,   NULL, 1, NULL},
    {"checkpointPolicy",                   CHOICE,   " classic v2 ", 0, "v2Checkpoint"},
    {"checkpointRetentionDuration",        INTERVAL, NULL, 0, NULL},
    {"columnMapping.maxColumnId",          INTERNAL, NULL, 0, NULL},
    {"columnMapping.mode",                 MAPPING,  NULL, 0, NULL},
    {"compatibility.symlinkFormatManifest.enabled", ELSEWHERE,
     "manifests are written by Delta Lake for Spark only", 0, NULL},
    {"dataSkippingNumIndexedCols",         NUMBER,   NULL, -1, NULL},
    {"dataSkippingStatsColumns",           COLUMNS,  NULL, 0, NULL},
    {"deletedFileRetentionDuration",       INTERVAL, NULL, 0, NULL},
    {"enableChangeDataFeed",               BOOL,     NULL, 0, "changeDataFeed"},
    {"enableDeletionVectors",              BOOL,     NULL, 0, "deletionVectors"},
    {"enableExpiredLogCleanup",            BOOL,     NULL, 0, NULL},
    {"enableFullRetentionRollback",        BOOL,     NULL, 0, NULL},
    {"dropFeatureTruncateHistory.retentionDuration", INTERVAL, NULL, 0, NULL},
    {"enableIcebergCompatV1",              ELSEWHERE, ICEBERG("icebergCompatV1"), 0, NULL},
    {"enableIcebergCompatV2",              ELSEWHERE, ICEBERG("icebergCompatV2"), 0, NULL},
    {"enableIcebergCompatV3",              ELSEWHERE, ICEBERG("icebergCompatV3"), 0, NULL},
    {"enableInCommitTimestamps",           BOOL,     NULL, 0, "inCommitTimestamp"},
    {"enableMaterializePartitionColumnsFeature", BOOL, NULL, 0, "materializePartitionColumns"},
    {"enableRowTracking",                  BOOL,     NULL, 0, "rowTracking"},
    {"enableTypeWidening",                 BOOL,     NULL, 0, "typeWidening"},
    {"enableVariantShredding",             BOOL,     NULL, 0, "variantShredding"},
    {"inCommitTimestampEnablementTimestamp", INTERNAL, NULL, 0, NULL},
    {"inCommitTimestampEnablementVersion", INTERNAL, NULL, 0, NULL},
    {"isolationLevel",                     CHOICE,   " Serializable WriteSerializable ", 0, NULL},
    {"logRetentionDuration",               INTERVAL, NULL, 0, NULL},
    {"minReaderVersion",                   VERSION,  NULL, 0, NULL},
    {"minWriterVersion",                   VERSION,  NULL, 0, NULL},
    {"parquet.compression.codec",          ANY_CASE,
     " uncompressed none snappy gzip zstd lz4 lz4_raw brotli ", 0, NULL},
    {"parquet.format.version",             FORMAT,   NULL, 0, NULL},
    {"randomPrefixLength",                 NUMBER,   NULL, 1, NULL},
    {"randomizeFilePrefixes",              BOOL,     NULL, 0, NULL},
    {"requireCheckpointProtectionBeforeVersion", INTERNAL, NULL, 0, NULL},
    {"rowTracking.materializedRowCommitVersionColumnName", INTERNAL, NULL, 0, NULL},
    {"rowTracking.materializedRowIdColumnName", INTERNAL, NULL, 0, NULL},
    {"rowTrackingSuspended",               BOOL,     NULL, 0, "rowTracking"},
    {"sampleRetentionDuration",            INTERVAL, NULL, 0, NULL},
    {"setTransactionRetentionDuration",    INTERVAL, NULL, 0, NULL},
    {"targetFileSize",                     BYTES,    NULL, 0, NULL},
    {"tuneFileSizesForRewrites",           BOOL,     NULL, 0, NULL},
    {"universalFormat.enabledFormats",     ELSEWHERE, ICEBERG("icebergCompat"), 0, NULL},
};
/* clang-format on */

silt_status silt_shape_switch_of(const char *feature, silt_arena *arena, const char **key,
                                 const char **value, silt_error *err)
{
    *key = NULL;
    for (size_t i = 0; i < SILT_COUNT(properties); i++) {
        const property *p = &properties[i];
        bool mapping = p->kind == MAPPING && strcmp(feature, "columnMapping") == 0;
        if (!mapping && !silt_streq(p->feature, feature)) continue;
        *key = silt_arena_printf(arena, "delta.%s", p->name);
        *value = mapping           ? "name"
                 : p->kind == BOOL ? "true"
                                   : "v2"; /* the only choice of that kind */
        return *key ? SILT_OK : silt_fail_nomem(err);
    }
    return SILT_OK;
}

/* ---- pairs */

silt_status silt_shape_put_property(silt_shape *shape, const char *key, const char *value,
                                    silt_error *err)
{
    silt_pairs old = shape->metadata.configuration;
    silt_pair *pairs = silt_arena_calloc(shape->arena, old.count + 1, sizeof(*pairs));
    if (!pairs) return silt_fail_nomem(err);
    size_t count = 0;
    bool put = value == NULL;
    value = silt_arena_strdup(shape->arena, value);
    if (!put && !value) return silt_fail_nomem(err);
    for (size_t i = 0; i < old.count; i++) {
        bool same = strcmp(old.items[i].key, key) == 0;
        if (same && !value) continue;
        pairs[count] = old.items[i];
        if (same) pairs[count].value = value;
        put |= same;
        count++;
    }
    if (!put) {
        pairs[count].key = silt_arena_strdup(shape->arena, key);
        pairs[count].value = value;
        if (!pairs[count].key) return silt_fail_nomem(err);
        count++;
    }
    shape->metadata.configuration = (silt_pairs){pairs, count};
    return SILT_OK;
}

typedef struct candidates {
    const char *const *names;
    size_t left;
} candidates;

static const char *next_name(void *ctx)
{
    candidates *c = ctx;
    if (!c->left) return NULL;
    c->left--;
    return *c->names++;
}

silt_status silt_shape_fail_unknown(silt_error *err, silt_status status, const char *what,
                                    const char *name, const char *const *names, size_t count)
{
    candidates c = {names, count};
    const char *closest = silt_closest(name, next_name, &c);
    silt_fail(err, status, "there is no %s %s", what, name);
    return closest ? silt_hint(err, status, "did you mean %s?", closest) : status;
}

/* ---- values */

static const property *find(const char *key)
{
    for (size_t i = 0; i < SILT_COUNT(properties); i++)
        if (strcasecmp(properties[i].name, key + strlen("delta.")) == 0) return &properties[i];
    return NULL;
}

static silt_status fail_value(silt_error *err, const property *p, const char *value,
                              const char *wanted)
{
    return silt_fail(err, SILT_INVALID, "delta.%s is \"%s\"; %s is wanted", p->name, value, wanted);
}

static silt_status check_columns(const silt_shape *shape, const char *value, silt_error *err)
{
    silt_names paths;
    silt_shape_spot spot;
    SILT_TRY(silt_ddl_paths(value, shape->arena, &paths, err));
    for (size_t i = 0; i < paths.count; i++)
        SILT_TRY(silt_shape_find_field(shape, paths.items[i], &spot, err));
    return SILT_OK;
}

/* A number, with Spark's units: "128mb", "1g". */
static bool is_size(const char *value)
{
    static const char *const units[] = {"", "b", "k", "kb", "m", "mb", "g", "gb", "t", "tb"};
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || digits > 18 || strspn(value, "0") == digits) return false;
    for (size_t i = 0; i < SILT_COUNT(units); i++)
        if (strcasecmp(value + digits, units[i]) == 0) return true;
    return false;
}

/* "1.0.0", "2.12.0". */
static bool is_format(const char *value)
{
    int parts[3], end = 0;
    if (sscanf(value, "%d.%d.%d%n", &parts[0], &parts[1], &parts[2], &end) != 3 || value[end])
        return false;
    bool digits = strspn(value, "0123456789.") == (size_t)end;
    return digits && (parts[0] == 2 || (parts[0] == 1 && !parts[1] && !parts[2]));
}

static silt_status check_value(const silt_shape *shape, const property *p, const char *value,
                               silt_error *err)
{
    char wanted[128];
    int64_t number;
    switch (p->kind) {
    case BOOL:
        if (strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0) return SILT_OK;
        return fail_value(err, p, value, "true or false");
    case INTERVAL:
        if (silt_interval_parse_ms(value, &number) && number >= 0) return SILT_OK;
        return fail_value(err, p, value,
                          "an interval like \"interval 7 days\" (none of months or years)");
    case NUMBER:
        if (silt_parse_int64(value, &number) && number >= p->least && number <= INT32_MAX)
            return SILT_OK;
        snprintf(wanted, sizeof(wanted), "a whole number of %" PRId64 " or more", p->least);
        return fail_value(err, p, value, wanted);
    case BYTES:
        if (is_size(value)) return SILT_OK;
        return fail_value(err, p, value, "a number of bytes, or one like 128mb");
    case CHOICE:
    case ANY_CASE:
        snprintf(wanted, sizeof(wanted), " %.60s ", value);
        const char *found =
            p->kind == CHOICE ? strstr(p->choices, wanted) : strcasestr(p->choices, wanted);
        if (*value && !strchr(value, ' ') && found) return SILT_OK;
        snprintf(wanted, sizeof(wanted), "one of%s", p->choices);
        wanted[strlen(wanted) - 1] = '\0';
        return fail_value(err, p, value, wanted);
    case FORMAT:
        if (is_format(value)) return SILT_OK;
        return fail_value(err, p, value, "1.0.0, or 2.MINOR.PATCH");
    case COLUMNS:
        return check_columns(shape, value, err);
    case INTERNAL:
        return silt_fail(err, SILT_INVALID, "delta.%s is kept by Silt itself and can't be set",
                         p->name);
    case ELSEWHERE:
        if (strcasecmp(value, "false") == 0) return SILT_OK;
        return silt_fail(err, SILT_UNSUPPORTED, "delta.%s: %s", p->name, p->choices);
    default:
        return SILT_OK;
    }
}

/* ---- setting */

static silt_status set_row_tracking(silt_shape *shape, silt_error *err)
{
    static const char *const names[] = {"delta.rowTracking.materializedRowIdColumnName",
                                        "delta.rowTracking.materializedRowCommitVersionColumnName"};
    if (silt_property_true(&shape->metadata, "delta.rowTrackingSuspended"))
        return silt_fail(err, SILT_INVALID,
                         "row tracking can't be on and suspended (delta.rowTrackingSuspended)");
    for (size_t i = 0; i < SILT_COUNT(names); i++) {
        if (silt_pairs_get(shape->metadata.configuration, names[i])) continue;
        char uuid[SILT_UUID_SIZE], name[80];
        silt_uuid(shape->random ? shape->random : &silt_random_system, uuid);
        snprintf(name, sizeof(name), i ? "_row-commit-version-col-%s" : "_row-id-col-%s", uuid);
        SILT_TRY(silt_shape_put_property(shape, names[i], name, err));
    }
    return SILT_OK;
}

silt_status silt_shape_check_feed(const silt_shape *shape, silt_error *err)
{
    static const char *const names[] = {"_change_type", "_commit_version", "_commit_timestamp"};
    if (!silt_feature_change_data(&shape->protocol, &shape->metadata)) return SILT_OK;
    for (size_t i = 0; i < SILT_COUNT(names); i++)
        if (silt_shape_field_at(shape->schema, names[i]) >= 0)
            return silt_fail(err, SILT_INVALID,
                             "delta.enableChangeDataFeed: the feed has a column %s of its own",
                             names[i]);
    return SILT_OK;
}

static silt_status set_known(silt_shape *shape, const property *p, const char *value,
                             silt_error *err)
{
    SILT_TRY(check_value(shape, p, value, err));
    if (p->kind == MAPPING) return silt_shape_set_mapping(shape, value, err);
    const char *key = silt_arena_printf(shape->arena, "delta.%s", p->name);
    if (!key) return silt_fail_nomem(err);
    if (p->kind == VERSION) {
        int64_t version;
        if (!silt_parse_int64(value, &version) || version < 0 || version > 100)
            return fail_value(err, p, value, "a version of the protocol");
        return silt_shape_raise(shape, key, (int)version, strstr(key, "Reader") != NULL, err);
    }
    SILT_TRY(silt_shape_put_property(shape, key, value, err));
    bool on = strcasecmp(value, "true") == 0 || strcmp(value, "v2") == 0;
    if (!on || !p->feature) return SILT_OK;
    SILT_TRY(silt_shape_require(shape, p->feature, err));
    if (strcmp(p->feature, "changeDataFeed") == 0) return silt_shape_check_feed(shape, err);
    bool rows = strcmp(p->feature, "rowTracking") == 0;
    return rows && strcmp(p->name, "enableRowTracking") == 0 ? set_row_tracking(shape, err)
                                                             : SILT_OK;
}

static silt_status fail_unknown(const char *key, silt_error *err)
{
    const char *names[SILT_COUNT(properties)];
    for (size_t i = 0; i < SILT_COUNT(properties); i++)
        names[i] = properties[i].name;
    candidates c = {names, SILT_COUNT(names)};
    const char *closest = silt_closest(key + strlen("delta."), next_name, &c);
    silt_fail(err, SILT_INVALID, "Delta has no table property %s", key);
    if (closest) return silt_hint(err, SILT_INVALID, "did you mean delta.%s?", closest);
    return silt_hint(err, SILT_INVALID,
                     "properties of your own begin with anything but \"delta.\"");
}

/* ---- Silt's own */

/* Columns at the top, of types that have an order. */
static silt_status check_order(const silt_shape *shape, const char *key, const char *value,
                               silt_error *err)
{
    silt_names paths;
    silt_shape_spot spot;
    silt_status st = silt_ddl_paths(value, shape->arena, &paths, err);
    for (size_t i = 0; st == SILT_OK && i < paths.count; i++) {
        st = silt_shape_find_field(shape, paths.items[i], &spot, err);
        if (st != SILT_OK) break;
        const silt_type *type = spot.parent->fields[spot.index].type;
        if (spot.names.count != 1 || type->kind >= SILT_TYPE_VARIANT)
            return silt_fail(err, SILT_INVALID,
                             "%s: rows can't be ordered by %.100s: a column at the top is wanted, "
                             "of a type with an order",
                             key, paths.items[i]);
    }
    if (st == SILT_NOT_FOUND) st = SILT_INVALID;
    return st == SILT_OK ? st : silt_wrap(err, st, "%s", key);
}

static silt_status set_own(silt_shape *shape, const char *key, const char *value, silt_error *err)
{
    int64_t rows;
    if (strcmp(key, SILT_ORDERING_KEYS) == 0 || strcmp(key, SILT_Z_ORDER_BY) == 0)
        SILT_TRY(check_order(shape, key, value, err));
    if (strcmp(key, SILT_ROW_GROUP_ROWS) == 0 && (!silt_parse_int64(value, &rows) || rows < 1))
        return silt_fail(err, SILT_INVALID, "%s is \"%s\"; a number of rows is wanted", key, value);
    return silt_shape_put_property(shape, key, value, err);
}

static silt_status set_property(silt_shape *shape, const char *key, const char *value,
                                silt_error *err)
{
    static const char feature[] = "delta.feature.", constraint[] = "delta.constraints.";
    if (!*key) return silt_fail(err, SILT_INVALID, "a table property needs a name");
    if (strncasecmp(key, "delta.", 6) != 0) return set_own(shape, key, value, err);
    if (strncasecmp(key, feature, strlen(feature)) == 0) {
        if (strcmp(value, "supported") == 0 || strcmp(value, "enabled") == 0)
            return silt_shape_enable_feature(shape, key + strlen(feature), err);
        return silt_fail(err, SILT_INVALID, "%s is \"%s\"; supported is wanted", key, value);
    }
    if (strncasecmp(key, constraint, strlen(constraint)) == 0) {
        silt_fail(err, SILT_INVALID, "%s is a constraint, and no property to be set", key);
        return silt_hint(err, SILT_INVALID,
                         "constraints are added as such: silt alter "
                         "--add-constraint NAME=CONDITION");
    }
    const property *p = find(key);
    if (p) return set_known(shape, p, value, err);
    if (strncasecmp(key, "delta.parquet.", strlen("delta.parquet.")) == 0)
        return silt_shape_put_property(shape, key, value, err);
    return fail_unknown(key, err);
}

silt_status silt_shape_set_property(silt_shape *shape, const char *key, const char *value,
                                    silt_error *err)
{
    silt_shape next = *shape;
    SILT_TRY(set_property(&next, key, value, err));
    *shape = next;
    return SILT_OK;
}

silt_status silt_shape_unset_property(silt_shape *shape, const char *key, silt_error *err)
{
    silt_pairs pairs = shape->metadata.configuration;
    const property *p = strncasecmp(key, "delta.", 6) == 0 ? find(key) : NULL;
    if (silt_starts_with(key, "delta.constraints."))
        return silt_fail(err, SILT_INVALID, "%s is a constraint, which is dropped as such", key);
    if (!silt_pairs_get(pairs, key)) {
        const char **names = silt_arena_calloc(shape->arena, pairs.count, sizeof(*names));
        if (!names) return silt_fail_nomem(err);
        for (size_t i = 0; i < pairs.count; i++)
            names[i] = pairs.items[i].key;
        return silt_shape_fail_unknown(err, SILT_NOT_FOUND, "property", key, names, pairs.count);
    }
    if (p && p->kind == INTERNAL)
        return silt_fail(err, SILT_INVALID, "%s is kept by Silt itself and can't be unset", key);
    if (p && p->kind == MAPPING) SILT_TRY(silt_shape_set_mapping(shape, "none", err));
    return silt_shape_put_property(shape, key, NULL, err);
}
