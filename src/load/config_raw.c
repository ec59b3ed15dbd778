/* Raw files as target: what of a table's keys they can't have. */
#include "load/config_tree.h"

typedef struct reading {
    silt_config_reader *r;
    const silt_config_node *node; /* of the table */
    const char *path;
    silt_config_raw_table *raw;
    const char *format; /* as it is written */
} reading;

/* What only a Delta table has: nothing would come of it. */
static void check_delta_only(const reading *t)
{
    const silt_config_raw_table *raw = t->raw;
    const struct {
        const char *key;
        bool given;
    } keys[] = {
        {"deletion_vectors", raw->out.deletion_vectors == SILT_VECTORS_ON},
        {"schema_policy.column_mapping_mode", raw->policy.column_mapping_mode > 0},
        {"features", raw->policy.features.count > 0},
        {"write_policy.cluster_by", raw->policy.cluster_by.count > 0},
        {"write_policy.stats_columns", raw->policy.stats_columns.count > 0},
        {"write_policy.stats_count", raw->policy.stats_count != NULL},
        {"maintenance.vacuum_retention_hours", raw->out.maintenance.vacuum_retention_ms > 0},
    };
    for (size_t i = 0; i < SILT_COUNT(keys); i++)
        if (keys[i].given)
            MISTAKE(t, keys[i].key, "is for Delta tables, this one is of %s files; remove it",
                    t->format);
}

static bool is_key(const silt_config_table *table, const char *column)
{
    for (size_t i = 0; i < table->key_count; i++)
        if (silt_streq(table->keys[i], column)) return true;
    return false;
}

/* Files can't be changed, only written anew: by what is replaced, not by what the folder holds. */
static void check_upsert(const reading *t)
{
    const silt_config_table *table = &t->raw->out;
    bool limited = table->partition_count > 0;
    for (size_t i = 0; i < table->partition_count; i++)
        limited = limited && is_key(table, table->partition_by[i]);
    if (table->strategy == SILT_STRATEGY_SCD2)
        MISTAKE(t, "loading_strategy",
                "scd2 changes rows that are there, which %s files can't: write.format: delta",
                t->format);
    if (table->strategy != SILT_STRATEGY_UPSERT || limited) return;
    MISTAKE(
        t, "loading_strategy",
        "upsert writes %s files anew: it needs write.partition_by, of primary_keys, so that only "
        "partitions are rewritten that new rows are in; or write loading_strategy: overwrite "
        "with write.overwrite_partitions: true, or write.format: delta",
        t->format);
}

/* Rows of CSV files have the columns of the first, and their text is compressed as a whole. */
static void check_csv(const reading *t)
{
    silt_config_raw_table *raw = t->raw;
    silt_config_table *table = &raw->out;
    const char *compression = table->policy.compression, *delimiter = table->csv_delimiter;
    table->csv_gzip = silt_streq(compression, "gzip");
    if (compression && !table->csv_gzip && !silt_streq(compression, "uncompressed"))
        MISTAKE(t, "write_policy.compression", "found %s; csv files are gzip or uncompressed",
                compression);
    table->policy.compression = NULL; /* that of Parquet files */
    if (table->policy.row_group_rows)
        MISTAKE(t, "write_policy.row_group_rows", "csv files have no row groups; remove it");
    if (table->on_new_column == SILT_NEW_COLUMN_EVOLVE)
        MISTAKE(t, "on_new_column",
                "csv files have the columns of the first one, so that readers needn't match "
                "headers: write fail, or write.format: parquet");
    if (silt_streq(delimiter, "\\t")) table->csv_delimiter = delimiter = "\t";
    if (delimiter && (strlen(delimiter) != 1 || strchr("\"\r\n", *delimiter)))
        MISTAKE(t, "write.options.delimiter", "one character is allowed, and no quote");
}

void silt_config_check_raw(silt_config_reader *r, const silt_config_node *node, const char *path,
                           silt_config_raw_table *raw)
{
    silt_target_format format = raw->out.format;
    if (format != SILT_TARGET_CSV && silt_config_at(node, "write.options")) {
        const reading other = {r, node, path, raw, NULL};
        MISTAKE(&other, "write.options", "is for csv; remove it");
    }
    if (format != SILT_TARGET_PARQUET && format != SILT_TARGET_CSV) return;
    const reading t = {r, node, path, raw, format == SILT_TARGET_CSV ? "csv" : "parquet"};
    check_delta_only(&t);
    check_upsert(&t);
    if (format == SILT_TARGET_CSV) check_csv(&t);
}
