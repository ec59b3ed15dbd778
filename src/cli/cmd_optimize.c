/* silt optimize: the same rows in other files. */
#include "cli/edits.h"
#include "cli/message.h"
#include "cli/take.h"

int cmd_optimize(cli *c)
{
    silt_error err = {0};
    silt_edit_options opts;
    silt_edit_result result = {0};
    silt_optimize_options optimize = SILT_OPTIMIZE_OPTIONS_INIT;
    int status = cli_edit_options(c, &opts);
    if (status == CLI_OK) status = cli_take_size(c, "min-file-size", &optimize.min_file_bytes);
    if (status == CLI_OK) status = cli_take_names(c, "zorder", &optimize.z_order);
    if (status != CLI_OK) return status;
    optimize.where = cli_text(c, "where");
    optimize.purge = cli_flag(c, "purge");
    optimize.full = cli_flag(c, "full");
    optimize.min_files = cli_count(c, "min-files", 0);
    if (optimize.purge && (optimize.z_order || optimize.full))
        return cli_misuse(c, "--purge goes neither with --zorder nor with --full");
    status = cli_edit_open(c);
    if (status == CLI_OK) status = cli_run_begin(c, "OPTIMIZE", c->store);
    if (status != CLI_OK) return status;
    silt_status st = silt_optimize(c->snapshot, &optimize, &opts, &result, NULL, &err);
    cli_edit_end(c, st, &err, &result);
    if (st != SILT_OK) return cli_fail(c, &err);
    cli_edit_print(c, &result, "Optimized");
    return CLI_OK;
}
