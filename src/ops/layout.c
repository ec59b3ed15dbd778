/* A table's properties → how its files are written. */
#include "ops/layout.h"

#include <errno.h>
#include <strings.h>

#include "table/shape_tree.h"

int64_t silt_table_file_bytes(const silt_metadata *metadata)
{
    const char *text = silt_pairs_get(metadata->configuration, "delta.targetFileSize");
    if (!text) return 0;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || value <= 0) return 0;
    static const char units[] = "kmgt";
    for (size_t i = 0; i < 4; i++)
        if ((*end | 0x20) == units[i])
            return value < (INT64_MAX >> (10 * (i + 1))) ? value << (10 * (i + 1)) : 0;
    return *end ? 0 : value;
}

const char *silt_codec(const char *name)
{
    static const struct {
        const char *name, *engine;
    } codecs[] = {{"snappy", "snappy"},     {"zstd", "zstd"},
                  {"gzip", "gzip"},         {"lz4", "lz4_raw"},
                  {"lz4_raw", "lz4_raw"},   {"brotli", "brotli"},
                  {"none", "uncompressed"}, {"uncompressed", "uncompressed"}};
    for (size_t i = 0; name && i < SILT_COUNT(codecs); i++)
        if (strcasecmp(codecs[i].name, name) == 0) return codecs[i].engine;
    return NULL;
}

static size_t find_label(const silt_output_column *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (silt_streq(columns[i].label ? columns[i].label : columns[i].name, name)) return i;
    return SIZE_MAX;
}

/* Names in a property that are columns. */
static silt_status read_order(const silt_metadata *metadata, const char *property,
                              const silt_output_column *columns, size_t column_count,
                              silt_arena *arena, silt_write_order *out, silt_error *err)
{
    const char *text = silt_pairs_get(metadata->configuration, property);
    silt_names paths, parts;
    if (!text || silt_ddl_paths(text, arena, &paths, NULL) != SILT_OK) return SILT_OK;
    size_t *found = silt_arena_calloc(arena, paths.count + 1, sizeof(*found));
    if (!found) return silt_fail_nomem(err);
    for (size_t i = 0; i < paths.count; i++) {
        SILT_TRY(silt_shape_path(paths.items[i], arena, &parts, err));
        size_t at = find_label(columns, column_count, parts.items[0]);
        if (at != SIZE_MAX && parts.count == 1) found[out->column_count++] = at;
    }
    out->columns = found;
    return SILT_OK;
}

silt_status silt_layout_fill(const silt_protocol *protocol, const silt_metadata *metadata,
                             const silt_output_column *columns, size_t column_count,
                             silt_arena *arena, silt_write_spec *write, silt_error *err)
{
    silt_pairs all = metadata->configuration;
    int64_t rows;
    write->partitions_in_files = silt_feature_supported(protocol, "materializePartitionColumns");
    if (!write->target_file_bytes) write->target_file_bytes = silt_table_file_bytes(metadata);
    if (!write->compression)
        write->compression = silt_codec(silt_pairs_get(all, "delta.parquet.compression.codec"));
    const char *text = silt_pairs_get(all, SILT_ROW_GROUP_ROWS);
    if (!write->row_group_rows && text && silt_parse_int64(text, &rows) && rows > 0)
        write->row_group_rows = rows;
    if (write->order.column_count) return SILT_OK;
    silt_write_order *order = &write->order;
    SILT_TRY(read_order(metadata, SILT_ORDERING_KEYS, columns, column_count, arena, order, err));
    if (order->column_count) return SILT_OK;
    SILT_TRY(read_order(metadata, SILT_Z_ORDER_BY, columns, column_count, arena, order, err));
    order->z_order = order->column_count > 0;
    return SILT_OK;
}

silt_status silt_layout_sorted_by(const silt_write_order *order, const silt_output_column *columns,
                                  silt_arena *arena, silt_names *out, silt_error *err)
{
    *out = (silt_names){0};
    if (order->z_order || !order->column_count) return SILT_OK;
    const char **names = silt_arena_calloc(arena, order->column_count, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    for (size_t i = 0; i < order->column_count; i++) {
        const silt_output_column *c = &columns[order->columns[i]];
        names[i] = c->label ? c->label : c->name;
        for (size_t m = 0; order->members && m < order->members[i].count && names[i]; m++)
            names[i] = silt_arena_printf(arena, "%s.%s", names[i], order->members[i].names[m]);
        if (!names[i]) return silt_fail_nomem(err);
    }
    *out = (silt_names){names, order->column_count};
    return SILT_OK;
}
