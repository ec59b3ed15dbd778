/* silt changes: what changed in a table, row by row. */
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/reading.h"
#include "cli/rows.h"

/* A version, or a point in time. */
static int take_end(cli *c, const char *option, int64_t *version, int64_t *timestamp_ms)
{
    cli_parse_error why;
    const char *text = cli_text(c, option);
    if (!text || cli_parse_count(text, version) || cli_parse_timestamp(text, timestamp_ms, &why))
        return CLI_OK;
    return cli_misuse(c,
                      "--%s: found \"%s\"; a version, a date or a date and time is wanted, such as "
                      "12, 2024-01-15 or 2024-01-15T10:00:00 (UTC)",
                      option, text);
}

static int take_options(cli *c, silt_changes_options *opts)
{
    if (!cli_text(c, "from"))
        return cli_misuse(c, "--from says where to start: a version, or a date and time");
    int status = take_end(c, "from", &opts->from_version, &opts->from_timestamp_ms);
    if (status == CLI_OK) status = take_end(c, "to", &opts->to_version, &opts->to_timestamp_ms);
    if (status == CLI_OK)
        status = cli_rows_names(c, "columns", &opts->columns, &opts->column_count);
    if (status == CLI_OK) status = cli_rows_names(c, "keys", &opts->keys, &opts->key_count);
    opts->where = cli_text(c, "where");
    opts->limit = cli_count(c, "limit", -1);
    opts->net = cli_flag(c, "net");
    opts->allow_out_of_range = cli_flag(c, "allow-out-of-range");
    if (status == CLI_OK && opts->keys && !opts->net)
        return cli_misuse(c, "--keys tells updates in what --net finds; it is for --net only");
    return status;
}

int cmd_changes(cli *c)
{
    silt_error err = {0};
    cli_rows rows = {0};
    silt_scan *scan = NULL;
    silt_changes_options opts = SILT_CHANGES_OPTIONS_INIT;
    int status = cli_rows_options(c, &rows);
    if (status == CLI_OK) status = take_options(c, &opts);
    if (status == CLI_OK) status = cli_open_store(c);
    if (status == CLI_OK) status = cli_rows_watch(c);
    if (status != CLI_OK) return status;
    opts.diagnostics = cli_diagnostics(c);
    if (silt_changes_open(c->store, c->engine, &opts, &scan, &err) != SILT_OK)
        return cli_rows_refuse(c, opts.where, &err);
    status = cli_rows_write(c, &rows, scan);
    silt_scan_free(scan);
    return status;
}
