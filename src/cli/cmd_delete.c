/* silt delete: rows out of a table. */
#include "cli/edits.h"
#include "cli/message.h"

int cmd_delete(cli *c)
{
    silt_error err = {0};
    silt_edit_options opts;
    silt_edit_result result = {0};
    char rows[CLI_ROWS_SIZE], line[CLI_ROWS_SIZE + 16];
    const char *where = cli_text(c, "where");
    int status = cli_edit_options(c, &opts);
    if (status != CLI_OK) return status;
    if (!where != cli_flag(c, "all"))
        return cli_misuse(c, "which rows? --where CONDITION, or --all");
    status = cli_edit_rewrite_percent(c, &opts);
    if (status == CLI_OK) status = cli_edit_open(c);
    if (status == CLI_OK) status = cli_run_begin(c, "DELETE", c->store);
    if (status != CLI_OK) return status;
    silt_status st = silt_delete(c->snapshot, where, &opts, &result, NULL, &err);
    cli_edit_end(c, st, &err, &result);
    if (st != SILT_OK) return cli_fail(c, &err);
    snprintf(line, sizeof(line), "Deleted %s", cli_some_rows(result.rows_deleted, rows));
    cli_edit_print(c, &result, line);
    return CLI_OK;
}
