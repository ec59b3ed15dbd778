/* silt alter: a table's shape, changed step by step. */
#include "cli/commit.h"
#include "cli/message.h"
#include "cli/table_steps.h"

/* What can't be had back by another step is asked for. */
static int confirm(cli *c, const silt_table_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool column = steps[i].kind == SILT_STEP_DROP_COLUMN;
        if (!column && steps[i].kind != SILT_STEP_DROP_FEATURE) continue;
        cli_say(c, CLI_WARNING, "this drops the %s %s", column ? "column" : "feature",
                steps[i].target);
        int status = cli_confirm(c, "Are you sure?", column ? "--drop-column" : "--drop-feature");
        if (status != CLI_OK) return status;
    }
    return CLI_OK;
}

int cmd_alter(cli *c)
{
    silt_error err = {0};
    silt_table_options opts;
    silt_table_result result = {0};
    const silt_table_step *steps;
    size_t count;
    int status = cli_take_table_options(c, &opts);
    if (status == CLI_OK) status = cli_take_steps(c, &steps, &count);
    if (status != CLI_OK) return status;
    if (!count) return cli_misuse(c, "alter: what is to be changed is missing");
    opts.truncate_history = cli_flag(c, "truncate-history");
    if (!opts.dry_run) status = confirm(c, steps, count);
    if (status == CLI_OK) status = cli_open_store(c);
    if (status != CLI_OK) return status;
    if (silt_snapshot_open(c->store, c->engine, NULL, &c->snapshot, &err) != SILT_OK)
        return cli_fail(c, &err);
    status = cli_run_begin(c, "ALTER", c->store);
    if (status != CLI_OK) return status;
    silt_status st = silt_table_alter(c->snapshot, steps, count, &opts, c->arena, &result, &err);
    cli_table_end(c, st, &err, &result);
    if (st != SILT_OK) return cli_fail(c, &err);
    return cli_print_table_result(c, &result, "altered");
}
