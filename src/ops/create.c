/* Create: version 0 of a table, without data. */
#include <strings.h>

#include "base/json.h"
#include "ops/change.h"

static bool has_kind(const silt_type *type, silt_type_kind kind)
{
    if (!type) return false;
    if (type->kind == kind) return true;
    for (size_t i = 0; i < type->field_count; i++)
        if (has_kind(type->fields[i].type, kind)) return true;
    return has_kind(type->key, kind) || has_kind(type->element, kind);
}

/* Names of columns that differ by case only are one name to most readers. */
static silt_status check_names(const silt_type *schema, silt_error *err)
{
    if (schema->kind != SILT_TYPE_STRUCT || !schema->field_count)
        return silt_fail(err, SILT_INVALID, "a table needs at least one column");
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *name = schema->fields[i].name;
        if (!name[0]) return silt_fail(err, SILT_INVALID, "column %zu has no name", i + 1);
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(schema->fields[k].name, name) == 0)
                return silt_fail(err, SILT_INVALID,
                                 "the columns %s and %s are one (case of letters left aside)",
                                 schema->fields[k].name, name);
    }
    return SILT_OK;
}

static silt_status check_partitions(const silt_type *schema, const char *const *by, size_t count,
                                    silt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        int at = silt_type_find(schema, by[i]);
        if (at < 0)
            return silt_fail(err, SILT_INVALID, "partition_by: there is no column %s", by[i]);
        silt_type_kind kind = schema->fields[at].type->kind;
        if (kind == SILT_TYPE_BINARY || kind >= SILT_TYPE_VARIANT)
            return silt_fail(err, SILT_INVALID,
                             "partition_by: the values of %s can't be told as text", by[i]);
        for (size_t k = 0; k < i; k++)
            if (silt_streq(by[i], by[k]))
                return silt_fail(err, SILT_INVALID, "partition_by: %s is there twice", by[i]);
    }
    if (count >= schema->field_count)
        return silt_fail(err, SILT_INVALID,
                         "partition_by: at least one column has to be left over");
    return SILT_OK;
}

/* The lowest protocol that the types allow. The features that (1,2) implies are spelled out where
 * features are listed by name. */
static silt_protocol protocol_for(const silt_type *schema)
{
    static const char *const ntz_reader[] = {"timestampNtz"};
    static const char *const ntz_writer[] = {"appendOnly", "invariants", "timestampNtz"};
    static const char *const variant_reader[] = {"variantType"};
    static const char *const variant_writer[] = {"appendOnly", "invariants", "variantType"};
    static const char *const both_reader[] = {"timestampNtz", "variantType"};
    static const char *const both_writer[] = {"appendOnly", "invariants", "timestampNtz",
                                              "variantType"};
    bool ntz = has_kind(schema, SILT_TYPE_TIMESTAMP_NTZ);
    bool variant = has_kind(schema, SILT_TYPE_VARIANT);
    if (!ntz && !variant) return (silt_protocol){.min_reader = 1, .min_writer = 2};
    silt_protocol p = {3, 7, true, true, {ntz_reader, 1}, {ntz_writer, 3}, NULL};
    if (variant && ntz) {
        p.reader_features = (silt_names){both_reader, 2};
        p.writer_features = (silt_names){both_writer, 4};
    } else if (variant) {
        p.reader_features = (silt_names){variant_reader, 1};
        p.writer_features = (silt_names){variant_writer, 3};
    }
    return p;
}

/* As Spark's: JSON within strings. */
static const char *parameters(silt_names by, silt_pairs properties, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) list = {0}, map = {0}, buf = {0};
    silt_json_writer l = silt_json_writer_of(&list), m = silt_json_writer_of(&map);
    silt_json_writer json = silt_json_writer_of(&buf);
    silt_json_begin_array(&l);
    for (size_t i = 0; i < by.count; i++)
        silt_json_put_string(&l, by.items[i]);
    silt_json_end_array(&l);
    silt_pairs_write(properties, &m);
    if (list.failed || map.failed) return NULL;
    silt_json_begin_object(&json);
    silt_json_member_string(&json, "isManaged", "false");
    silt_json_member_string(&json, "partitionBy", list.data);
    silt_json_member_string(&json, "properties", map.data);
    silt_json_end_object(&json);
    return silt_buf_copy(&buf, arena);
}

silt_status silt_create_table(silt_store *store, silt_engine *engine, const silt_type *schema,
                              const char *const *partition_by, size_t partition_count,
                              silt_pairs properties, const silt_txn_options *given,
                              silt_txn_result *out, silt_error *err)
{
    SILT_TRY(check_names(schema, err));
    SILT_TRY(check_partitions(schema, partition_by, partition_count, err));
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    silt_txn_options opts = given ? *given : (silt_txn_options)SILT_TXN_OPTIONS_INIT;
    char id[SILT_UUID_SIZE];
    silt_uuid(opts.random, id);
    silt_protocol protocol = protocol_for(schema);
    silt_metadata metadata = {.id = id,
                              .format_provider = "parquet",
                              .schema_json = silt_schema_json(schema, arena),
                              .partition_columns = {partition_by, partition_count},
                              .configuration = properties,
                              .created_time_ms = silt_now_ms(opts.clock)};
    opts.operation = "CREATE TABLE";
    opts.operation_parameters = parameters(metadata.partition_columns, properties, arena);
    opts.read = SILT_READ_NOTHING;
    if (!metadata.schema_json || !opts.operation_parameters) return silt_fail_nomem(err);
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_txn_new_table(store, engine, &opts, &txn, err));
    SILT_TRY(silt_txn_set_protocol(txn, &protocol, err));
    SILT_TRY(silt_txn_set_metadata(txn, &metadata, err));
    return silt_txn_commit(txn, out, NULL, err);
}
