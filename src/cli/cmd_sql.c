/* silt sql: a query over tables. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/reading.h"
#include "cli/rows.h"

enum { MOST = 16 << 20 }; /* bytes of a statement */

/* The statement from standard input. */
static int take_input(cli *c, const char **out)
{
    char *text = NULL;
    size_t capacity = 0;
    ssize_t size = getdelim(&text, &capacity, '\0', stdin);
    const char *copy = size >= 0 ? silt_arena_strdup(c->arena, text) : "";
    free(text);
    if (ferror(stdin)) {
        cli_say(c, CLI_ERROR, "the statement can't be read from standard input: %s",
                strerror(errno));
        return CLI_FAILED;
    }
    if (size > MOST) return cli_misuse(c, "a statement of more than 16 MiB");
    if (!copy) return cli_no_memory(c);
    *out = copy;
    return CLI_OK;
}

int cmd_sql(cli *c)
{
    silt_error err = {0};
    cli_rows rows = {0};
    silt_scan *scan = NULL;
    const char *sql = c->line.arguments[0];
    silt_sql_options opts = SILT_SQL_OPTIONS_INIT;
    int status = cli_rows_options(c, &rows);
    if (status == CLI_OK && strcmp(sql, "-") == 0) status = take_input(c, &sql);
    if (status == CLI_OK) status = cli_storage_options(c, &opts.storage_options);
    if (status == CLI_OK) status = cli_open_datasets(c);
    if (status == CLI_OK) status = cli_open_engine(c);
    if (status == CLI_OK) status = cli_rows_watch(c);
    if (status != CLI_OK) return status;
    opts.datasets = c->datasets;
    opts.view_types = cli_flag(c, "view-types");
    if (opts.view_types && rows.format != CLI_ROWS_ARROW)
        return cli_misuse(c, "--view-types is for --format arrow");
    opts.diagnostics = cli_diagnostics(c);
    if (silt_sql_open(c->engine, sql, &opts, &scan, &err) != SILT_OK) return cli_fail(c, &err);
    status = cli_rows_write(c, &rows, scan);
    silt_scan_free(scan);
    return status;
}
