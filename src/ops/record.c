/* A table's record: what a snapshot, its properties and its last commit say, as one JSON object. */
#include "silt/record.h"

#include "base/json.h"
#include "base/type.h"
#include "ops/layout.h"
#include "table/shape_tree.h"

typedef struct recording {
    const silt_snapshot *snapshot;
    const silt_log_state *state;
    const silt_record_options *opts;
    silt_arena *arena;
    silt_error *err;
    silt_buf buf;
    silt_json_writer w;
} recording;

static void recording_release(recording *r)
{
    silt_buf_release(&r->buf);
}

static const char *property(const recording *r, const char *key)
{
    return silt_pairs_get(r->state->metadata.configuration, key);
}

/* ---- features in use */

/* Whether a column anywhere is of the type, or says something in its metadata. */
typedef struct column_search {
    silt_type_kind kind; /* VOID: none */
    const char *word;    /* NULL: none */
} column_search;

static bool in_columns(const silt_type *type, const column_search *search)
{
    if (!type) return false;
    if (search->kind != SILT_TYPE_VOID && type->kind == search->kind) return true;
    for (size_t i = 0; type->kind == SILT_TYPE_STRUCT && i < type->field_count; i++) {
        if (search->word && strstr(type->fields[i].metadata, search->word)) return true;
        if (in_columns(type->fields[i].type, search)) return true;
    }
    return in_columns(type->element, search) || in_columns(type->key, search);
}

static bool has_domain(const recording *r, const char *name)
{
    for (size_t i = 0; i < r->state->domain_count; i++)
        if (!r->state->domains[i].removed &&
            (!name || silt_streq(r->state->domains[i].domain, name)))
            return true;
    return false;
}

static bool has_constraint(const recording *r)
{
    silt_pairs all = r->state->metadata.configuration;
    for (size_t i = 0; i < all.count; i++)
        if (silt_starts_with(all.items[i].key, "delta.constraints.")) return true;
    return false;
}

/* What a feature is turned on by; without an entry a feature that is supported is in use. */
static const struct {
    const char *feature, *property, *word; /* property: true; word: of a column's metadata */
    silt_type_kind kind;
} uses[] = {
    {"appendOnly", "delta.appendOnly", NULL, SILT_TYPE_VOID},
    {"changeDataFeed", "delta.enableChangeDataFeed", NULL, SILT_TYPE_VOID},
    {"deletionVectors", "delta.enableDeletionVectors", NULL, SILT_TYPE_VOID},
    {"rowTracking", "delta.enableRowTracking", NULL, SILT_TYPE_VOID},
    {"inCommitTimestamp", "delta.enableInCommitTimestamps", NULL, SILT_TYPE_VOID},
    {"typeWidening", "delta.enableTypeWidening", NULL, SILT_TYPE_VOID},
    {"invariants", NULL, "delta.invariants", SILT_TYPE_VOID},
    {"generatedColumns", NULL, "delta.generationExpression", SILT_TYPE_VOID},
    {"identityColumns", NULL, "delta.identity.", SILT_TYPE_VOID},
    {"allowColumnDefaults", NULL, "CURRENT_DEFAULT", SILT_TYPE_VOID},
    {"timestampNtz", NULL, NULL, SILT_TYPE_TIMESTAMP_NTZ},
    {"variantType", NULL, NULL, SILT_TYPE_VARIANT},
};

static bool is_in_use(const recording *r, const char *feature)
{
    for (size_t i = 0; i < SILT_COUNT(uses); i++) {
        if (!silt_streq(uses[i].feature, feature)) continue;
        if (uses[i].property) return silt_property_true(&r->state->metadata, uses[i].property);
        const column_search search = {uses[i].kind, uses[i].word};
        return in_columns(silt_snapshot_schema(r->snapshot), &search);
    }
    if (silt_streq(feature, "columnMapping"))
        return !silt_streq(silt_snapshot_column_mapping(r->snapshot), "none");
    if (silt_streq(feature, "checkConstraints")) return has_constraint(r);
    if (silt_streq(feature, "clustering")) return has_domain(r, "delta.clustering");
    if (silt_streq(feature, "domainMetadata")) return has_domain(r, NULL);
    if (silt_streq(feature, "v2Checkpoint"))
        return silt_streq(property(r, "delta.checkpointPolicy"), "v2");
    return true;
}

static void put_features(recording *r, const char *key, bool in_use)
{
    const char *feature;
    silt_json_key(&r->w, key);
    silt_json_begin_array(&r->w);
    for (size_t i = 0; (feature = silt_snapshot_feature(r->snapshot, i)); i++)
        if (!in_use || is_in_use(r, feature)) silt_json_put_string(&r->w, feature);
    silt_json_end_array(&r->w);
}

/* ---- policies */

/* A list of columns in a property; null where it isn't set. */
static void put_columns(recording *r, const char *key, const char *name)
{
    const char *text = property(r, name);
    silt_names paths;
    silt_json_key(&r->w, key);
    if (!text || silt_ddl_paths(text, r->arena, &paths, NULL) != SILT_OK) {
        silt_json_put_null(&r->w);
        return;
    }
    silt_json_begin_array(&r->w);
    for (size_t i = 0; i < paths.count; i++) {
        silt_names parts;
        bool plain =
            silt_shape_path(paths.items[i], r->arena, &parts, NULL) == SILT_OK && parts.count == 1;
        silt_json_put_string(&r->w, plain ? parts.items[0] : paths.items[i]);
    }
    silt_json_end_array(&r->w);
}

static void put_number(recording *r, const char *key, int64_t number, int64_t none)
{
    silt_json_key(&r->w, key);
    if (number == none)
        silt_json_put_null(&r->w);
    else
        silt_json_put_int(&r->w, number);
}

static silt_status put_clustering(recording *r)
{
    silt_names columns = {0};
    bool clustered = false;
    for (size_t i = 0; i < r->state->domain_count; i++) {
        const silt_domain *d = &r->state->domains[i];
        if (d->removed || !silt_streq(d->domain, "delta.clustering")) continue;
        SILT_TRY(silt_clustering_columns(d, silt_snapshot_schema(r->snapshot), r->arena, &columns,
                                         r->err));
        clustered = columns.count > 0;
    }
    silt_json_key(&r->w, "cluster_by");
    if (clustered)
        silt_names_write(columns, &r->w);
    else
        silt_json_put_null(&r->w);
    return SILT_OK;
}

static silt_status put_policies(recording *r)
{
    const silt_metadata *metadata = &r->state->metadata;
    const char *count = property(r, "delta.dataSkippingNumIndexedCols");
    const char *rows = property(r, SILT_ROW_GROUP_ROWS);
    int64_t number;
    put_columns(r, "ordering_keys", SILT_ORDERING_KEYS);
    silt_json_member_string(&r->w, "column_mapping_mode",
                            silt_snapshot_column_mapping(r->snapshot));
    silt_json_key(&r->w, "stats_policy");
    silt_json_begin_object(&r->w);
    put_columns(r, "columns", "delta.dataSkippingStatsColumns");
    put_number(r, "count", count && silt_parse_int64(count, &number) ? number : 32, INT64_MIN);
    silt_json_end_object(&r->w);
    silt_json_key(&r->w, "write_policy");
    silt_json_begin_object(&r->w);
    put_number(r, "target_file_size", silt_table_file_bytes(metadata), 0);
    silt_json_member_string(&r->w, "compression", property(r, "delta.parquet.compression.codec"));
    put_number(r, "row_group_rows", rows && silt_parse_int64(rows, &number) ? number : 0, 0);
    put_columns(r, "zorder", SILT_Z_ORDER_BY);
    SILT_TRY(put_clustering(r));
    silt_json_member_bool(&r->w, "deletion_vectors",
                          silt_feature_deletion_vectors(&r->state->protocol, metadata));
    silt_json_end_object(&r->w);
    return SILT_OK;
}

static void put_constraints(recording *r)
{
    static const char prefix[] = "delta.constraints.";
    silt_pairs all = r->state->metadata.configuration;
    silt_json_key(&r->w, "constraints");
    silt_json_begin_object(&r->w);
    for (size_t i = 0; i < all.count; i++)
        if (silt_starts_with(all.items[i].key, prefix))
            silt_json_member_string(&r->w, all.items[i].key + strlen(prefix), all.items[i].value);
    silt_json_end_object(&r->w);
}

/* ---- the last commit */

/* `*attempts`: of its tries, where it is one of Silt's. */
static silt_status put_commit(recording *r, int64_t *attempts)
{
    silt_commit_info info = {0};
    const silt_json *json = NULL;
    char time[SILT_TIME_SIZE];
    silt_store *store = silt_snapshot_store(r->snapshot);
    silt_status st = silt_log_commit_info(store, r->state->version, r->arena, &info, r->err);
    if (st == SILT_NOT_FOUND)
        info = (silt_commit_info){0};
    else
        SILT_TRY(st);
    if (info.json) SILT_TRY(silt_json_parse(silt_bytes_of(info.json), r->arena, &json, r->err));
    silt_time_format(silt_snapshot_timestamp_ms(r->snapshot) * 1000, time);
    silt_json_key(&r->w, "last_commit");
    silt_json_begin_object(&r->w);
    silt_json_member_int(&r->w, "version", r->state->version);
    silt_json_member_string(&r->w, "timestamp", time);
    silt_json_member_string(&r->w, "operation", info.operation);
    silt_json_member_string(&r->w, "engine", info.engine_info);
    silt_json_member_string(&r->w, "txn_id", info.txn_id);
    silt_json_member_string(&r->w, "user_metadata", info.user_metadata);
    silt_json_key(&r->w, "operation_metrics");
    const silt_json *metrics = silt_json_get_some(json, "operationMetrics");
    if (metrics)
        silt_json_put_value(&r->w, metrics);
    else
        silt_json_put_null(&r->w);
    silt_json_end_object(&r->w);
    *attempts = silt_json_int(silt_json_get(silt_json_get(json, "silt"), "attempts"), -1);
    return SILT_OK;
}

/* ---- all of it */

static silt_status put_all(recording *r)
{
    char fingerprint[SILT_SHA256_SIZE];
    int reader, writer;
    int64_t attempts;
    const silt_record_options *o = r->opts;
    if (!silt_schema_fingerprint(silt_snapshot_schema(r->snapshot), fingerprint))
        return silt_fail_nomem(r->err);
    silt_snapshot_protocol(r->snapshot, &reader, &writer);
    silt_json_begin_object(&r->w);
    silt_json_member_string(&r->w, "name", o->name ? o->name : silt_snapshot_name(r->snapshot));
    silt_json_member_string(&r->w, "kind", o->kind ? o->kind : "table");
    silt_json_member_string(&r->w, "path", silt_snapshot_store(r->snapshot)->uri);
    silt_json_member_string(&r->w, "format", "delta");
    silt_json_member_int(&r->w, "delta_version", r->state->version);
    silt_json_member_string(&r->w, "table_id", r->state->metadata.id);
    silt_json_key(&r->w, "protocol");
    silt_json_begin_object(&r->w);
    silt_json_member_int(&r->w, "min_reader_version", reader);
    silt_json_member_int(&r->w, "min_writer_version", writer);
    silt_json_end_object(&r->w);
    put_features(r, "delta_features", false);
    put_features(r, "active_features", true);
    silt_json_member_string(&r->w, "schema_fingerprint", fingerprint);
    silt_json_key(&r->w, "partition_by");
    silt_names_write(r->state->metadata.partition_columns, &r->w);
    SILT_TRY(put_policies(r));
    put_constraints(r);
    SILT_TRY(put_commit(r, &attempts));
    put_number(r, "retry_attempts", o->retry_attempts >= 0 ? o->retry_attempts : attempts, -1);
    put_number(r, "violations", o->violations, -1);
    silt_json_end_object(&r->w);
    return r->buf.failed ? silt_fail_nomem(r->err) : SILT_OK;
}

silt_status silt_snapshot_record(const silt_snapshot *snapshot, const silt_record_options *given,
                                 silt_arena *arena, const char **out, silt_error *err)
{
    silt_record_options opts = SILT_RECORD_OPTIONS_INIT;
    if (given && given->struct_size < sizeof(opts))
        return silt_fail(err, SILT_INVALID, "silt_record_options: struct_size isn't set");
    if (given) opts = *given;
    SILT_CLEAN(recording)
    r = {.snapshot = snapshot,
         .state = silt_snapshot_state(snapshot),
         .opts = &opts,
         .arena = arena,
         .err = err};
    r.w = silt_json_writer_of(&r.buf);
    silt_status st = put_all(&r);
    if (st != SILT_OK) return silt_wrap(err, st, "%s", silt_snapshot_store(snapshot)->uri);
    *out = silt_buf_copy(&r.buf, arena);
    if (!*out) return silt_fail_nomem(err);
    if (err) *err = (silt_error){0};
    return SILT_OK;
}
