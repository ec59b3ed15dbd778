/* Actions to JSON, in the order in which Spark writes members. Absent members are left out. */
#include "log/action.h"

static void put_unknown(silt_json_writer *w, const char *unknown)
{
    if (!unknown) return;
    if (w->comma) silt_buf_putc(w->buf, ',');
    silt_buf_puts(w->buf, unknown);
    w->comma = true;
}

static void member_string_some(silt_json_writer *w, const char *key, const char *text)
{
    if (text) silt_json_member_string(w, key, text);
}

static void member_raw_some(silt_json_writer *w, const char *key, const char *json)
{
    if (json) silt_json_member_raw(w, key, json);
}

/* -1 stands for none wherever this is used. */
static void member_int_some(silt_json_writer *w, const char *key, int64_t value)
{
    if (value != -1) silt_json_member_int(w, key, value);
}

void silt_pairs_write(silt_pairs pairs, silt_json_writer *w)
{
    silt_json_begin_object(w);
    for (size_t i = 0; i < pairs.count; i++)
        silt_json_member_string(w, pairs.items[i].key, pairs.items[i].value);
    silt_json_end_object(w);
}

void silt_names_write(silt_names names, silt_json_writer *w)
{
    silt_json_begin_array(w);
    for (size_t i = 0; i < names.count; i++)
        silt_json_put_string(w, names.items[i]);
    silt_json_end_array(w);
}

static void member_pairs(silt_json_writer *w, const char *key, silt_pairs pairs)
{
    silt_json_key(w, key);
    silt_pairs_write(pairs, w);
}

static void member_names(silt_json_writer *w, const char *key, silt_names names)
{
    silt_json_key(w, key);
    silt_names_write(names, w);
}

static void member_dv(silt_json_writer *w, const silt_dv *dv)
{
    if (!dv) return;
    const char storage_type[] = {dv->storage_type, '\0'};
    silt_json_key(w, "deletionVector");
    silt_json_begin_object(w);
    silt_json_member_string(w, "storageType", storage_type);
    silt_json_member_string(w, "pathOrInlineDv", dv->path_or_inline);
    member_int_some(w, "offset", dv->offset);
    silt_json_member_int(w, "sizeInBytes", dv->size_bytes);
    silt_json_member_int(w, "cardinality", dv->cardinality);
    member_int_some(w, "maxRowIndex", dv->max_row_index);
    silt_json_end_object(w);
}

static void write_add(const silt_add *add, silt_json_writer *w)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "path", add->path);
    member_pairs(w, "partitionValues", add->partition_values);
    silt_json_member_int(w, "size", add->size_bytes);
    silt_json_member_int(w, "modificationTime", add->modification_time_ms);
    silt_json_member_bool(w, "dataChange", add->data_change);
    member_string_some(w, "stats", add->stats);
    member_raw_some(w, "tags", add->tags);
    member_dv(w, add->dv);
    member_int_some(w, "baseRowId", add->base_row_id);
    member_int_some(w, "defaultRowCommitVersion", add->default_row_commit_version);
    member_string_some(w, "clusteringProvider", add->clustering_provider);
    put_unknown(w, add->unknown);
    silt_json_end_object(w);
}

static void write_remove(const silt_remove *remove, silt_json_writer *w)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "path", remove->path);
    member_int_some(w, "deletionTimestamp", remove->deletion_time_ms);
    silt_json_member_bool(w, "dataChange", remove->data_change);
    if (remove->extended_metadata) silt_json_member_bool(w, "extendedFileMetadata", true);
    if (remove->extended_metadata || remove->partition_values.count)
        member_pairs(w, "partitionValues", remove->partition_values);
    member_int_some(w, "size", remove->size_bytes);
    member_raw_some(w, "tags", remove->tags);
    member_dv(w, remove->dv);
    member_int_some(w, "baseRowId", remove->base_row_id);
    member_int_some(w, "defaultRowCommitVersion", remove->default_row_commit_version);
    member_string_some(w, "stats", remove->stats);
    put_unknown(w, remove->unknown);
    silt_json_end_object(w);
}

static void write_cdc(const silt_cdc *cdc, silt_json_writer *w)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "path", cdc->path);
    member_pairs(w, "partitionValues", cdc->partition_values);
    silt_json_member_int(w, "size", cdc->size_bytes);
    member_raw_some(w, "tags", cdc->tags);
    silt_json_member_bool(w, "dataChange", false);
    put_unknown(w, cdc->unknown);
    silt_json_end_object(w);
}

void silt_metadata_write(const silt_metadata *metadata, silt_json_writer *w)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "id", metadata->id);
    member_string_some(w, "name", metadata->name);
    member_string_some(w, "description", metadata->description);
    silt_json_key(w, "format");
    silt_json_begin_object(w);
    silt_json_member_string(w, "provider", metadata->format_provider);
    member_pairs(w, "options", metadata->format_options);
    silt_json_end_object(w);
    silt_json_member_string(w, "schemaString", metadata->schema_json);
    member_names(w, "partitionColumns", metadata->partition_columns);
    member_pairs(w, "configuration", metadata->configuration);
    member_int_some(w, "createdTime", metadata->created_time_ms);
    put_unknown(w, metadata->unknown);
    silt_json_end_object(w);
}

void silt_protocol_write(const silt_protocol *protocol, silt_json_writer *w)
{
    silt_json_begin_object(w);
    silt_json_member_int(w, "minReaderVersion", protocol->min_reader);
    silt_json_member_int(w, "minWriterVersion", protocol->min_writer);
    if (protocol->has_reader_features) member_names(w, "readerFeatures", protocol->reader_features);
    if (protocol->has_writer_features) member_names(w, "writerFeatures", protocol->writer_features);
    put_unknown(w, protocol->unknown);
    silt_json_end_object(w);
}

void silt_app_txn_write(const silt_app_txn *txn, silt_json_writer *w)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "appId", txn->app_id);
    silt_json_member_int(w, "version", txn->version);
    member_int_some(w, "lastUpdated", txn->last_updated_ms);
    put_unknown(w, txn->unknown);
    silt_json_end_object(w);
}

void silt_domain_write(const silt_domain *domain, silt_json_writer *w)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "domain", domain->domain);
    silt_json_member_string(w, "configuration", domain->configuration);
    silt_json_member_bool(w, "removed", domain->removed);
    put_unknown(w, domain->unknown);
    silt_json_end_object(w);
}

static void write_commit_info(const silt_commit_info *info, silt_json_writer *w)
{
    if (info->json) {
        silt_json_put_raw(w, info->json);
        return;
    }
    silt_json_begin_object(w);
    member_int_some(w, "inCommitTimestamp", info->in_commit_timestamp_ms);
    member_int_some(w, "timestamp", info->timestamp_ms);
    member_string_some(w, "operation", info->operation);
    member_string_some(w, "userMetadata", info->user_metadata);
    member_string_some(w, "engineInfo", info->engine_info);
    member_string_some(w, "txnId", info->txn_id);
    silt_json_end_object(w);
}

static void write_kind(const silt_action *action, silt_json_writer *w)
{
    switch (action->kind) {
    case SILT_ACTION_ADD:
        silt_json_key(w, "add"), write_add(&action->add, w);
        break;
    case SILT_ACTION_REMOVE:
        silt_json_key(w, "remove"), write_remove(&action->remove, w);
        break;
    case SILT_ACTION_CDC:
        silt_json_key(w, "cdc"), write_cdc(&action->cdc, w);
        break;
    case SILT_ACTION_METADATA:
        silt_json_key(w, "metaData"), silt_metadata_write(&action->metadata, w);
        break;
    case SILT_ACTION_PROTOCOL:
        silt_json_key(w, "protocol"), silt_protocol_write(&action->protocol, w);
        break;
    case SILT_ACTION_APP_TXN:
        silt_json_key(w, "txn"), silt_app_txn_write(&action->app_txn, w);
        break;
    case SILT_ACTION_COMMIT_INFO:
        silt_json_key(w, "commitInfo"), write_commit_info(&action->commit_info, w);
        break;
    case SILT_ACTION_DOMAIN:
        silt_json_key(w, "domainMetadata"), silt_domain_write(&action->domain, w);
        break;
    case SILT_ACTION_CHECKPOINT_METADATA:
    case SILT_ACTION_SIDECAR:
    case SILT_ACTION_UNKNOWN:
        break;
    }
}

void silt_action_write(const silt_action *action, silt_buf *buf)
{
    if (action->kind >= SILT_ACTION_CHECKPOINT_METADATA) {
        silt_buf_puts(buf, action->text);
    } else {
        silt_json_writer w = silt_json_writer_of(buf);
        silt_json_begin_object(&w);
        write_kind(action, &w);
        silt_json_end_object(&w);
    }
    silt_buf_putc(buf, '\n');
}
