/* Create: version 0 of a table, without data. */
#include "base/json.h"
#include "ops/change.h"
#include "ops/shape_commit.h"

/* As Spark's: JSON within strings. */
static const char *parameters(const silt_metadata *metadata, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) list = {0}, map = {0}, buf = {0};
    silt_json_writer l = silt_json_writer_of(&list), m = silt_json_writer_of(&map);
    silt_json_writer json = silt_json_writer_of(&buf);
    silt_names_write(metadata->partition_columns, &l);
    silt_pairs_write(metadata->configuration, &m);
    if (list.failed || map.failed) return NULL;
    silt_json_begin_object(&json);
    silt_json_member_string(&json, "isManaged", "false");
    if (metadata->description) silt_json_member_string(&json, "description", metadata->description);
    silt_json_member_string(&json, "partitionBy", list.data);
    silt_json_member_string(&json, "properties", map.data);
    silt_json_end_object(&json);
    return silt_buf_copy(&buf, arena);
}

static silt_status commit(silt_store *store, silt_engine *engine, silt_shape *shape,
                          const silt_txn_options *given, silt_txn_result *out, silt_error *err)
{
    silt_txn_options opts = *given;
    opts.operation = "CREATE TABLE";
    opts.operation_parameters = parameters(&shape->metadata, shape->arena);
    opts.read = SILT_READ_NOTHING;
    if (!opts.operation_parameters) return silt_fail_nomem(err);
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_txn_new_table(store, engine, &opts, &txn, err));
    SILT_TRY(silt_shape_apply(shape, txn, err));
    return silt_txn_commit(txn, out, NULL, err);
}

silt_status silt_create_table(silt_store *store, silt_engine *engine, const silt_type *schema,
                              const char *const *partition_by, size_t partition_count,
                              silt_pairs properties, const silt_policy *policy,
                              const silt_txn_options *given, silt_txn_result *out, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    silt_txn_options opts = given ? *given : (silt_txn_options)SILT_TXN_OPTIONS_INIT;
    silt_shape shape;
    SILT_TRY(silt_shape_new(schema, (silt_names){partition_by, partition_count},
                            silt_now_ms(opts.clock), opts.random, arena, &shape, err));
    for (size_t i = 0; i < properties.count; i++)
        SILT_TRY(silt_shape_set_property(&shape, properties.items[i].key, properties.items[i].value,
                                         err));
    const silt_table_step *steps;
    size_t count = 0;
    if (policy) SILT_TRY(silt_policy_steps(policy, arena, &steps, &count, err));
    for (size_t i = 0; i < count; i++)
        SILT_TRY(silt_table_step_apply(&shape, &steps[i], err));
    return commit(store, engine, &shape, &opts, out, err);
}

/* ---- like another table */

static bool is_own(const char *key)
{
    static const char *const own[] = {"delta.columnMapping.maxColumnId", "delta.rowTracking.",
                                      "delta.inCommitTimestampEnablement",
                                      "delta.requireCheckpointProtectionBeforeVersion"};
    for (size_t i = 0; i < SILT_COUNT(own); i++)
        if (silt_starts_with(key, own[i])) return true;
    return false;
}

static silt_status like_clustering(silt_shape *shape, const silt_log_state *from,
                                   const silt_type *schema, silt_error *err)
{
    silt_names columns = {0};
    for (size_t i = 0; i < from->domain_count; i++)
        if (strcmp(from->domains[i].domain, "delta.clustering") == 0 && !from->domains[i].removed)
            SILT_TRY(
                silt_clustering_columns(&from->domains[i], schema, shape->arena, &columns, err));
    return columns.count ? silt_shape_cluster_by(shape, columns, err) : SILT_OK;
}

static silt_status like(silt_shape *shape, const silt_snapshot *other, silt_error *err)
{
    static const char constraint[] = "delta.constraints.";
    const silt_log_state *from = silt_snapshot_state(other);
    silt_names readers, writers;
    SILT_TRY(silt_feature_list(&from->protocol, shape->arena, &readers, &writers, err));
    if (!from->protocol.has_writer_features) {
        const char *version = silt_arena_printf(shape->arena, "%d", from->protocol.min_writer);
        if (!version) return silt_fail_nomem(err);
        if (from->protocol.min_writer > shape->protocol.min_writer)
            SILT_TRY(silt_shape_set_property(shape, "delta.minWriterVersion", version, err));
    }
    for (size_t i = 0; from->protocol.has_writer_features && i < writers.count; i++)
        if (strcmp(writers.items[i], "checkpointProtection") != 0) /* of the other's history */
            SILT_TRY(silt_shape_enable_feature(shape, writers.items[i], err));
    silt_pairs pairs = from->metadata.configuration;
    for (size_t i = 0; i < pairs.count; i++) {
        const char *key = pairs.items[i].key, *value = pairs.items[i].value;
        if (is_own(key) || !value) continue;
        if (silt_starts_with(key, constraint))
            SILT_TRY(silt_shape_add_constraint(shape, key + strlen(constraint), value, err));
        else
            SILT_TRY(silt_shape_set_property(shape, key, value, err));
    }
    silt_shape_set_description(shape, from->metadata.description);
    return like_clustering(shape, from, silt_snapshot_schema(other), err);
}

/* ---- the public call */

static silt_status check_options(const silt_create_options *create, silt_error *err)
{
    int given = (create->columns != NULL) + (create->schema != NULL) + (create->like != NULL);
    if (given == 1) return SILT_OK;
    return silt_fail(err, SILT_INVALID,
                     given ? "a table's columns can be told in one way only"
                           : "a table needs columns");
}

static silt_status make_shape(const silt_create_options *create, silt_arena *arena, silt_shape *out,
                              silt_error *err)
{
    const silt_type *schema = create->schema;
    silt_names by = {create->partition_by, create->partition_count};
    if (create->columns) SILT_TRY(silt_ddl_columns(create->columns, arena, &schema, err));
    if (create->like) schema = silt_snapshot_schema(create->like);
    if (create->like && !by.count)
        by = silt_snapshot_state(create->like)->metadata.partition_columns;
    SILT_TRY(silt_shape_new(schema, by, silt_now_ms(NULL), NULL, arena, out, err));
    if (create->like) {
        silt_status st = like(out, create->like, err);
        if (st != SILT_OK) return silt_wrap(err, st, "like the other table");
    }
    for (size_t i = 0; i < create->step_count; i++) {
        silt_table_step_kind kind = create->steps[i].kind;
        if (kind <= SILT_STEP_MOVE_COLUMN && kind != SILT_STEP_SET_COMMENT &&
            kind != SILT_STEP_SET_DEFAULT)
            return silt_fail(err, SILT_INVALID, "columns of a new table are given as such");
        SILT_TRY(silt_table_step_apply(out, &create->steps[i], err));
    }
    return silt_shape_check_clustering(out, err);
}

/* Whether there is a table already; it is looked at for the number that asks. */
static silt_status look(silt_store *store, silt_engine *engine, const silt_create_options *create,
                        const silt_commit_options *opts, silt_table_result *out, bool *there,
                        silt_error *err)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    bool done = false;
    silt_status st = silt_snapshot_open(store, engine, NULL, &snapshot, err);
    *there = st != SILT_NOT_FOUND;
    if (st == SILT_NOT_FOUND) {
        if (err) *err = (silt_error){0};
        return SILT_OK;
    }
    SILT_TRY(st);
    SILT_TRY(silt_table_done(snapshot, opts, out, &done, err));
    out->table_version = silt_snapshot_version(snapshot);
    if (done || create->if_not_exists) return SILT_OK;
    silt_fail(err, SILT_EXISTS, "%s: there is a table already, at version %" PRId64, store->uri,
              out->table_version);
    return silt_hint(err, SILT_EXISTS, "a table is changed by altering it, not by making it anew");
}

silt_status silt_table_create(silt_store *store, silt_engine *engine,
                              const silt_create_options *create, const silt_table_options *given,
                              silt_arena *arena, silt_table_result *out, silt_error *err)
{
    silt_table_options opts = given ? *given : (silt_table_options)SILT_TABLE_OPTIONS_INIT;
    silt_table_result result = {
        .outcome = SILT_TABLE_UNCHANGED, .committed_version = -1, .table_version = -1};
    silt_txn_options txn = SILT_TXN_OPTIONS_INIT;
    silt_commit_options once;
    silt_txn_result committed;
    silt_shape shape;
    bool there;
    SILT_TRY(check_options(create, err));
    SILT_TRY(silt_commit_take(opts.commit, &once, err));
    SILT_TRY(silt_commit_tell(&once, arena, &txn, err));
    SILT_TRY(make_shape(create, arena, &shape, err));
    SILT_TRY(look(store, engine, create, &once, &result, &there, err));
    if (!there) SILT_TRY(silt_table_describe(&shape, arena, &result, err));
    if (!there && !opts.dry_run) {
        SILT_TRY(commit(store, engine, &shape, &txn, &committed, err));
        bool ours = committed.outcome == SILT_TXN_COMMITTED;
        if (ours) {
            result.outcome = SILT_TABLE_COMMITTED;
            result.committed_version = result.table_version = committed.version;
        } else { /* somebody else made it: maybe for the same number */
            SILT_TRY(look(store, engine, create, &once, &result, &there, err));
        }
    }
    *out = result;
    return SILT_OK;
}
