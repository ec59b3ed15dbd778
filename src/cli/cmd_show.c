/* silt show: what a table is, at a version. */
#include <inttypes.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/words.h"

/* ---- as JSON ---- */

static void print_protocol_json(cli_json *j, const silt_snapshot *s)
{
    int reader, writer;
    silt_snapshot_protocol(s, &reader, &writer);
    cli_json_object(j, "protocol");
    cli_json_integer(j, "min_reader_version", reader);
    cli_json_integer(j, "min_writer_version", writer);
    cli_json_array(j, "features");
    for (size_t i = 0; silt_snapshot_feature(s, i); i++)
        cli_json_string(j, NULL, silt_snapshot_feature(s, i));
    cli_json_end(j);
    cli_json_end(j);
}

static void print_domains_json(cli_json *j, const silt_snapshot *s)
{
    const char *name, *configuration;
    cli_json_object(j, "domains");
    for (size_t i = 0; (name = silt_snapshot_domain(s, i, &configuration)); i++)
        cli_json_string(j, name, configuration);
    cli_json_end(j);
}

static void print_columns_json(cli *c, cli_json *j, const silt_type *schema)
{
    cli_json_array(j, "columns");
    for (size_t i = 0; i < schema->field_count; i++) {
        const silt_field *field = &schema->fields[i];
        cli_json_object(j, NULL);
        cli_json_string(j, "name", field->name);
        cli_json_string(j, "type", silt_type_name(field->type, c->arena));
        cli_json_boolean(j, "nullable", field->nullable);
        cli_json_raw(j, "metadata", field->metadata);
        cli_json_end(j);
    }
    cli_json_end(j);
}

static void print_json(cli *c, int64_t files, int64_t bytes)
{
    const silt_snapshot *s = c->snapshot;
    int64_t created = silt_snapshot_created_ms(s);
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "path", c->store->uri);
    cli_json_integer(&j, "version", silt_snapshot_version(s));
    cli_json_time(&j, "timestamp", silt_snapshot_timestamp_ms(s) * 1000);
    cli_json_string(&j, "table_id", silt_snapshot_table_id(s));
    cli_json_string(&j, "name", silt_snapshot_name(s));
    cli_json_string(&j, "description", silt_snapshot_description(s));
    cli_json_time(&j, "created", created < 0 ? -1 : created * 1000);
    print_protocol_json(&j, s);
    cli_json_array(&j, "partition_columns");
    for (size_t i = 0; i < silt_snapshot_partition_count(s); i++)
        cli_json_string(&j, NULL, silt_snapshot_partition_column(s, i));
    cli_json_end(&j);
    cli_json_object(&j, "properties");
    for (size_t i = 0; i < silt_snapshot_property_count(s); i++) {
        const char *key, *value;
        silt_snapshot_property_at(s, i, &key, &value);
        cli_json_string(&j, key, value);
    }
    cli_json_end(&j);
    cli_json_string(&j, "column_mapping", silt_snapshot_column_mapping(s));
    cli_json_boolean(&j, "row_tracking", silt_snapshot_row_tracking(s));
    cli_json_boolean(&j, "in_commit_timestamps", silt_snapshot_in_commit_timestamps(s));
    print_domains_json(&j, s);
    cli_json_integer(&j, "file_count", files);
    cli_json_integer(&j, "size_bytes", bytes);
    print_columns_json(c, &j, silt_snapshot_schema(s));
    cli_json_end(&j);
}

/* ---- for people ---- */

static void print_line(const cli *c, const char *name, const char *value)
{
    if (!value || !*value) return;
    fprintf(stdout, "%s%-12s%s ", cli_bold(&c->out), name, cli_plain(&c->out));
    cli_put(stdout, &c->out, value);
    fputc('\n', stdout);
}

/* "a, b, c" */
static const char *joined(cli *c, const char *(*item)(const silt_snapshot *, size_t), size_t count)
{
    const char *text = "";
    for (size_t i = 0; i < count && item(c->snapshot, i) && text; i++)
        text = silt_arena_printf(c->arena, "%s%s%s", text, i ? ", " : "", item(c->snapshot, i));
    return text;
}

static const char *domain_name(const silt_snapshot *s, size_t i)
{
    return silt_snapshot_domain(s, i, NULL);
}

/* What the table does beyond the plain. */
static void print_traits(cli *c)
{
    const silt_snapshot *s = c->snapshot;
    const char *mapping = silt_snapshot_column_mapping(s);
    if (strcmp(mapping, "none") != 0)
        print_line(c, "Mapping", silt_arena_printf(c->arena, "columns by %s", mapping));
    if (silt_snapshot_row_tracking(s)) print_line(c, "Rows", "tracked");
    if (silt_snapshot_in_commit_timestamps(s)) print_line(c, "Times", "in commits");
    print_line(c, "Domains", joined(c, domain_name, SIZE_MAX));
}

static void print_head(cli *c, int64_t files, int64_t bytes)
{
    const silt_snapshot *s = c->snapshot;
    char text[200], time[CLI_TIME_SIZE], size[CLI_NUMBER_SIZE], counted[CLI_COUNTED_SIZE];
    int reader, writer;
    print_line(c, "Table", c->store->uri);
    print_line(c, "Name", silt_snapshot_name(s));
    print_line(c, "Description", silt_snapshot_description(s));
    cli_format_time(silt_snapshot_timestamp_ms(s) * 1000, false, time);
    snprintf(text, sizeof(text), "%" PRId64 ", of %s UTC", silt_snapshot_version(s), time);
    print_line(c, "Version", text);
    if (silt_snapshot_created_ms(s) >= 0) {
        cli_format_time(silt_snapshot_created_ms(s) * 1000, false, time);
        snprintf(text, sizeof(text), "%s UTC", time);
        print_line(c, "Created", text);
    }
    print_line(c, "Id", silt_snapshot_table_id(s));
    cli_format_size(bytes, size);
    snprintf(text, sizeof(text), "%s, %s", cli_counted(files, "file", "files", counted), size);
    print_line(c, "Size", text);
    silt_snapshot_protocol(s, &reader, &writer);
    snprintf(text, sizeof(text), "reader %d, writer %d", reader, writer);
    print_line(c, "Protocol", text);
    print_line(c, "Features", joined(c, silt_snapshot_feature, SIZE_MAX));
    print_line(c, "Partitioned",
               joined(c, silt_snapshot_partition_column, silt_snapshot_partition_count(s)));
    print_traits(c);
    for (size_t i = 0; i < silt_snapshot_property_count(s); i++) {
        const char *key, *value;
        silt_snapshot_property_at(s, i, &key, &value);
        print_line(c, i ? "" : "Properties", silt_arena_printf(c->arena, "%s = %s", key, value));
    }
}

static int print_columns(cli *c)
{
    static const cli_column columns[] = {
        {"COLUMN", NULL, false}, {"TYPE", NULL, false}, {"NULLABLE", NULL, false}};
    const silt_type *schema = silt_snapshot_schema(c->snapshot);
    cli_grid *grid = cli_grid_new(c, columns, 3, "-", c->verbose ? 0 : 100);
    bool ok = grid != NULL;
    for (size_t i = 0; ok && i < schema->field_count; i++) {
        const silt_field *field = &schema->fields[i];
        const char *cells[] = {field->name, silt_type_name(field->type, c->arena),
                               field->nullable ? "yes" : "no"};
        ok = cli_grid_texts(grid, cells);
    }
    if (ok) ok = cli_grid_end(grid);
    cli_grid_free(grid);
    return ok || cli_output_failed() ? CLI_OK : cli_no_memory(c);
}

static int print_record(cli *c)
{
    silt_error err = {0};
    const char *record;
    if (silt_snapshot_record(c->snapshot, NULL, c->arena, &record, &err) != SILT_OK)
        return cli_fail(c, &err);
    puts(record);
    return CLI_OK;
}

int cmd_show(cli *c)
{
    silt_error err = {0};
    int64_t files, bytes;
    int status = cli_open_table(c);
    if (status != CLI_OK) return status;
    if (cli_flag(c, "record")) return print_record(c);
    if (silt_snapshot_size(c->snapshot, &files, &bytes, &err) != SILT_OK) return cli_fail(c, &err);
    if (c->json) {
        print_json(c, files, bytes);
        return CLI_OK;
    }
    print_head(c, files, bytes);
    fputc('\n', stdout);
    return print_columns(c);
}
