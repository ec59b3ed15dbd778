/* Table features: what a table asks of its readers and writers, and what Silt can do. One table; to
 * support a feature is to change its row.
 *
 * A feature that a table only allows, but doesn't use by its metadata, stops nobody: `used` tells.
 * Where it can't be told by the metadata alone (files may have deletion vectors, whatever the
 * properties say), `used` is NULL. */
#include "base/json.h"
#include "log/log.h"
#include "log/property.h"

typedef bool used_fn(const silt_metadata *metadata);

typedef struct feature {
    const char *name;
    bool is_reader;       /* readers have to know it too */
    uint8_t since_reader; /* protocol version that implies it below 3 and 7; 0: none does */
    uint8_t since_writer;
    bool reads, writes; /* Silt does */
    used_fn *used;      /* NULL: has to be taken as used */
} feature;

#define READER_FEATURES 3 /* the reader version that lists features by name */
#define WRITER_FEATURES 7

/* ---- whether a feature is used */

/* Whether any column's metadata, however nested, has the key. */
static bool in_columns(const silt_json *value, const char *key)
{
    silt_json_kind kind = silt_json_kind_of(value);
    if (kind != SILT_JSON_OBJECT && kind != SILT_JSON_ARRAY) return false;
    if (silt_json_get_some(silt_json_get(value, "metadata"), key)) return true;
    for (silt_json_iter it = silt_json_iter_of(value); silt_json_next(&it);)
        if (in_columns(it.value, key)) return true;
    return false;
}

/* A schema that can't be parsed may use anything. */
static bool column_has(const silt_metadata *metadata, const char *key)
{
    if (!strstr(metadata->schema_json, key) && !strstr(metadata->schema_json, "\\u")) return false;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_json *schema;
    if (!scratch) return true;
    if (silt_json_parse(silt_bytes_of(metadata->schema_json), scratch, &schema, NULL) != SILT_OK)
        return true;
    return in_columns(schema, key);
}

static bool uses_invariants(const silt_metadata *metadata)
{
    return column_has(metadata, "delta.invariants");
}

static bool uses_generated_columns(const silt_metadata *metadata)
{
    return column_has(metadata, "delta.generationExpression");
}

static bool uses_identity_columns(const silt_metadata *metadata)
{
    return column_has(metadata, "delta.identity.start") ||
           column_has(metadata, "delta.identity.step");
}

static bool uses_column_defaults(const silt_metadata *metadata)
{
    return column_has(metadata, "CURRENT_DEFAULT");
}

static bool uses_check_constraints(const silt_metadata *metadata)
{
    for (size_t i = 0; i < metadata->configuration.count; i++)
        if (silt_starts_with(metadata->configuration.items[i].key, "delta.constraints."))
            return true;
    return false;
}

static bool uses_column_mapping(const silt_metadata *metadata)
{
    const char *mode = silt_pairs_get(metadata->configuration, "delta.columnMapping.mode");
    return mode && strcmp(mode, "none") != 0;
}

static bool uses_in_commit_timestamps(const silt_metadata *metadata)
{
    return silt_property_true(metadata, "delta.enableInCommitTimestamps") ||
           silt_property_true(metadata, "delta.enableInCommitTimestamps-preview");
}

static bool uses_iceberg_v1(const silt_metadata *metadata)
{
    return silt_property_true(metadata, "delta.enableIcebergCompatV1");
}

static bool uses_iceberg_v2(const silt_metadata *metadata)
{
    return silt_property_true(metadata, "delta.enableIcebergCompatV2");
}

static bool uses_iceberg_v3(const silt_metadata *metadata)
{
    return silt_property_true(metadata, "delta.enableIcebergCompatV3");
}

static bool uses_iceberg_writer_v1(const silt_metadata *metadata)
{
    return silt_property_true(metadata, "delta.enableIcebergWriterCompatV1");
}

static bool uses_iceberg_writer_v3(const silt_metadata *metadata)
{
    return silt_property_true(metadata, "delta.enableIcebergWriterCompatV3");
}

/* ---- the table */

/* What invariants, checkConstraints, generatedColumns, allowColumnDefaults, identityColumns and
 * columnMapping ask of rows is done in one place (ops/write_columns.h); operations that can't do it
 * refuse such tables. appendOnly, changeDataFeed and rowTracking ask something of certain
 * operations only: silt_feature_append_only(), silt_feature_change_data() and
 * silt_feature_row_tracking() are for these. What rowTracking and inCommitTimestamp ask of each
 * commit is the txn's. domainMetadata asks to keep what others wrote, clustering for statistics;
 * nobody is obliged to cluster. Features for writers only are listed though readers needn't know
 * them: some tables don't use theirs. */
/* clang-format off */
static const feature features[] = {
    /* name                         reader since:  r  w  reads  writes used */
    {"allowColumnDefaults",         false,         0, 0, false, true,  uses_column_defaults},
    {"appendOnly",                  false,         0, 2, false, true,  NULL},
    {"catalogManaged",              true,          0, 0, false, false, NULL},
    {"catalogOwned",                true,          0, 0, false, false, NULL},
    {"changeDataFeed",              false,         0, 4, false, true,  NULL},
    {"checkConstraints",            false,         0, 3, false, true,  uses_check_constraints},
    {"checkpointProtection",        false,         0, 0, false, true,  NULL},
    {"clustering",                  false,         0, 0, false, true,  NULL},
    {"collations",                  false,         0, 0, false, false, NULL},
    {"columnMapping",               true,          2, 5, true,  true,  uses_column_mapping},
    {"deletionVectors",             true,          0, 0, true,  true,  NULL},
    {"domainMetadata",              false,         0, 0, false, true,  NULL},
    {"generatedColumns",            false,         0, 4, false, true,  uses_generated_columns},
    {"icebergCompatV1",             false,         0, 0, false, false, uses_iceberg_v1},
    {"icebergCompatV2",             false,         0, 0, false, false, uses_iceberg_v2},
    {"icebergCompatV3",             false,         0, 0, false, false, uses_iceberg_v3},
    {"icebergWriterCompatV1",       false,         0, 0, false, false, uses_iceberg_writer_v1},
    {"icebergWriterCompatV3",       false,         0, 0, false, false, uses_iceberg_writer_v3},
    {"identityColumns",             false,         0, 6, false, true,  uses_identity_columns},
    {"inCommitTimestamp",           false,         0, 0, false, true,  uses_in_commit_timestamps},
    {"invariants",                  false,         0, 2, false, true,  uses_invariants},
    {"materializePartitionColumns", false,         0, 0, false, true,  NULL},
    {"rowTracking",                 false,         0, 0, false, true,  NULL},
    {"timestampNtz",                true,          0, 0, true,  true,  NULL},
    {"typeWidening",                true,          0, 0, true,  true,  NULL},
    {"v2Checkpoint",                true,          0, 0, true,  true,  NULL},
    {"vacuumProtocolCheck",         true,          0, 0, true,  true,  NULL},
    {"variantShredding",            true,          0, 0, true,  false, NULL},
    {"variantType",                 true,          0, 0, true,  true,  NULL},
};
/* clang-format on */

/* Features had names of their own before they were released, and mean the same ever since. */
static size_t released_size(const char *name)
{
    static const char suffix[] = "-preview";
    size_t size = strlen(name), cut = sizeof(suffix) - 1;
    return size > cut && strcmp(name + size - cut, suffix) == 0 ? size - cut : size;
}

static const feature *find_feature(const char *name)
{
    size_t size = released_size(name);
    for (size_t i = 0; i < SILT_COUNT(features); i++)
        if (strlen(features[i].name) == size && memcmp(features[i].name, name, size) == 0)
            return &features[i];
    return NULL;
}

/* Others' formats say which commits are valid beyond the rows, and catalogs which ones there are.
 */
static bool alters(const feature *f)
{
    return f->writes ||
           !(silt_starts_with(f->name, "iceberg") || silt_starts_with(f->name, "catalog") ||
             strcmp(f->name, "collations") == 0);
}

bool silt_feature_describe(const char *name, silt_feature_traits *out)
{
    const feature *f = find_feature(name);
    if (!f) return false;
    *out = (silt_feature_traits){f->name,  f->is_reader, f->since_reader, f->since_writer,
                                 f->reads, f->writes,    alters(f)};
    return true;
}

const char *silt_feature_at(size_t i)
{
    return i < SILT_COUNT(features) ? features[i].name : NULL;
}

/* ---- which are active */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those listed by name, or without a list those that the version implies; sorted. */
static silt_status active(const silt_names *listed, int version, bool readers, silt_arena *arena,
                          silt_names *out, silt_error *err)
{
    size_t count = listed ? listed->count : 0;
    const char **names = silt_arena_calloc(arena, count + SILT_COUNT(features), sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    if (count) memcpy(names, listed->items, count * sizeof(*names));
    for (size_t i = 0; !listed && i < SILT_COUNT(features); i++) {
        int since = readers ? features[i].since_reader : features[i].since_writer;
        if (since && since <= version) names[count++] = features[i].name;
    }
    if (count) qsort(names, count, sizeof(*names), compare_names);
    *out = (silt_names){names, count};
    return SILT_OK;
}

static silt_status check_lists(const silt_protocol *p, silt_error *err)
{
    if (p->has_reader_features != (p->min_reader == READER_FEATURES))
        return silt_fail(err, SILT_CORRUPT, "protocol: reader version %d %s readerFeatures",
                         p->min_reader, p->has_reader_features ? "with" : "without");
    if (p->has_writer_features != (p->min_writer >= WRITER_FEATURES))
        return silt_fail(err, SILT_CORRUPT, "protocol: writer version %d %s writerFeatures",
                         p->min_writer, p->has_writer_features ? "with" : "without");
    if (p->min_reader == READER_FEATURES && p->min_writer != WRITER_FEATURES)
        return silt_fail(err, SILT_CORRUPT, "protocol: reader version 3 with writer version %d",
                         p->min_writer);
    return SILT_OK;
}

silt_status silt_feature_list(const silt_protocol *p, silt_arena *arena, silt_names *readers,
                              silt_names *writers, silt_error *err)
{
    silt_names r, w;
    const silt_names *by_reader = p->min_reader >= READER_FEATURES ? &p->reader_features : NULL;
    const silt_names *by_writer = p->min_writer >= WRITER_FEATURES ? &p->writer_features : NULL;
    SILT_TRY(active(by_reader, p->min_reader, true, arena, &r, err));
    SILT_TRY(active(by_writer, p->min_writer, false, arena, &w, err));
    *readers = r;
    *writers = w;
    return SILT_OK;
}

/* ---- checks */

typedef enum purpose { READING, WRITING, ALTERING } purpose;

/* Whether Silt lacks what the table uses. */
static bool is_missing(const char *name, purpose what, const silt_metadata *metadata)
{
    const feature *f = find_feature(name);
    if (!f) return true;
    if (what == READING && (f->reads || !f->is_reader)) return false;
    if (what == WRITING && f->writes) return false;
    if (what == ALTERING && alters(f)) return false;
    return !f->used || f->used(metadata);
}

/* Those which are missing, "a, b (name)" behind what `buf` holds. */
static void put_missing(silt_names names, purpose what, const silt_metadata *metadata,
                        silt_buf *buf)
{
    for (size_t i = 0; i < names.count; i++) {
        const feature *f = find_feature(names.items[i]);
        if (!is_missing(names.items[i], what, metadata)) continue;
        silt_buf_puts(buf, buf->size ? ", " : "");
        silt_buf_puts(buf, names.items[i]);
        const char *mode = silt_pairs_get(metadata->configuration, "delta.columnMapping.mode");
        if (f && f->used == uses_column_mapping && mode) silt_buf_printf(buf, " (%s)", mode);
    }
}

static bool is_catalog_managed(silt_names names)
{
    for (size_t i = 0; i < names.count; i++)
        if (silt_starts_with(names.items[i], "catalogManaged") ||
            silt_starts_with(names.items[i], "catalogOwned"))
            return true;
    return false;
}

static silt_status fail_missing(const char *what, silt_names names, const silt_buf *missing,
                                silt_error *err)
{
    silt_fail(err, SILT_UNSUPPORTED, "can't %s: table features %s", what,
              silt_buf_bytes(missing).data);
    if (is_catalog_managed(names))
        return silt_hint(err, SILT_UNSUPPORTED,
                         "a catalog decides which commits this table has, and only it knows the "
                         "newest: go through an engine that is connected to the catalog");
    return silt_hint(
        err, SILT_UNSUPPORTED,
        "a newer Silt may have them; Delta Lake for Spark of the version that wrote the "
        "table does");
}

static silt_status fail_version(const char *what, bool reading, int version, silt_error *err)
{
    silt_fail(err, SILT_UNSUPPORTED, "can't %s: protocol %s version %d is not known", what,
              reading ? "reader" : "writer", version);
    return silt_hint(err, SILT_UNSUPPORTED,
                     "Silt knows versions 1 to %d; a newer one may know more",
                     reading ? READER_FEATURES : WRITER_FEATURES);
}

static silt_status check(const silt_protocol *p, const silt_metadata *metadata, purpose want,
                         silt_error *err)
{
    static const char *const words[] = {"read", "write", "alter"};
    const char *what = words[want];
    bool reading = want == READING;
    int version = reading ? p->min_reader : p->min_writer;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_CLEAN(silt_buf) missing = {0};
    silt_names readers, writers;
    if (!scratch) return silt_fail_nomem(err);
    if (version < 1 || version > (reading ? READER_FEATURES : WRITER_FEATURES))
        return fail_version(what, reading, version, err);
    SILT_TRY(check_lists(p, err));
    SILT_TRY(silt_feature_list(p, scratch, &readers, &writers, err));
    put_missing(reading ? readers : writers, want, metadata, &missing);
    if (missing.failed) return silt_fail_nomem(err);
    return missing.size ? fail_missing(what, reading ? readers : writers, &missing, err) : SILT_OK;
}

/* What a reader has to know, a writer has to, too: the lists say it both. */
static silt_status check_both_lists(const silt_protocol *p, silt_error *err)
{
    if (p->min_reader < READER_FEATURES) return SILT_OK;
    for (size_t i = 0; i < p->reader_features.count; i++)
        if (!silt_names_have(p->writer_features, p->reader_features.items[i]))
            return silt_fail(err, SILT_CORRUPT,
                             "protocol: feature %s is in readerFeatures, but not in writerFeatures",
                             p->reader_features.items[i]);
    return SILT_OK;
}

silt_status silt_feature_check_read(const silt_protocol *p, const silt_metadata *metadata,
                                    silt_error *err)
{
    SILT_TRY(check(p, metadata, READING, err));
    if (strcmp(metadata->format_provider, "parquet") == 0) return SILT_OK;
    return silt_fail(err, SILT_UNSUPPORTED, "can't read: data files of the format \"%s\"",
                     metadata->format_provider);
}

silt_status silt_feature_check_write(const silt_protocol *p, const silt_metadata *metadata,
                                     silt_error *err)
{
    SILT_TRY(silt_feature_check_read(p, metadata, err));
    SILT_TRY(check_both_lists(p, err));
    return check(p, metadata, WRITING, err);
}

silt_status silt_feature_check_alter(const silt_protocol *p, const silt_metadata *metadata,
                                     silt_error *err)
{
    SILT_TRY(silt_feature_check_read(p, metadata, err));
    SILT_TRY(check_both_lists(p, err));
    return check(p, metadata, ALTERING, err);
}

silt_status silt_feature_unwritable(const silt_protocol *p, const silt_metadata *metadata,
                                    silt_arena *arena, silt_names *out, silt_error *err)
{
    silt_names readers, writers;
    SILT_TRY(silt_feature_list(p, arena, &readers, &writers, err));
    const char **names = silt_arena_calloc(arena, writers.count, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    size_t count = 0;
    for (size_t i = 0; i < writers.count; i++)
        if (is_missing(writers.items[i], WRITING, metadata)) names[count++] = writers.items[i];
    *out = (silt_names){names, count};
    return SILT_OK;
}

bool silt_feature_supported(const silt_protocol *p, const char *name)
{
    const feature *f = find_feature(name);
    if (p->min_writer < WRITER_FEATURES)
        return f && f->since_writer && f->since_writer <= p->min_writer;
    for (size_t i = 0; i < p->writer_features.count; i++)
        if (f && find_feature(p->writer_features.items[i]) == f) return true;
    return false;
}

bool silt_feature_append_only(const silt_protocol *p, const silt_metadata *metadata)
{
    return silt_feature_supported(p, "appendOnly") &&
           silt_property_true(metadata, "delta.appendOnly");
}

bool silt_feature_change_data(const silt_protocol *p, const silt_metadata *metadata)
{
    return silt_feature_supported(p, "changeDataFeed") &&
           silt_property_true(metadata, "delta.enableChangeDataFeed");
}

bool silt_feature_deletion_vectors(const silt_protocol *p, const silt_metadata *metadata)
{
    return silt_feature_supported(p, "deletionVectors") &&
           silt_property_true(metadata, "delta.enableDeletionVectors");
}

bool silt_feature_row_ids(const silt_protocol *p, const silt_metadata *metadata)
{
    return silt_feature_supported(p, "rowTracking") &&
           !silt_property_true(metadata, "delta.rowTrackingSuspended");
}

bool silt_feature_row_tracking(const silt_protocol *p, const silt_metadata *metadata)
{
    return silt_feature_supported(p, "rowTracking") &&
           silt_property_true(metadata, "delta.enableRowTracking");
}

bool silt_feature_in_commit_timestamps(const silt_protocol *p, const silt_metadata *metadata)
{
    return silt_feature_supported(p, "inCommitTimestamp") && uses_in_commit_timestamps(metadata);
}
