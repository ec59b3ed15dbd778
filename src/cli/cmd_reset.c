/* silt reset-state: forget what the pipeline believes; with --forget also what it knows. */
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"

static void explain(const cli *c, const char *table, bool forget, bool delete_rows)
{
    if (table)
        cli_say(c, CLI_INFO, "this rewrites the records of table %s", table);
    else
        cli_say(c, CLI_INFO, "this drops the tracker, the table status and the lock in %s",
                silt_pipeline_checkpoint_path(c->pipeline));
    if (!forget) {
        cli_say(c, CLI_INFO,
                "files which the tables' ledgers hold stay loaded; nothing loads twice");
        return;
    }
    cli_say(c, CLI_WARNING, "--forget: every file that is still there loads again");
    for (size_t i = 0; i < silt_pipeline_table_count(c->pipeline); i++) {
        const char *name = silt_pipeline_table_name(c->pipeline, i);
        const char *strategy = silt_pipeline_table_strategy(c->pipeline, i);
        if (table && strcmp(table, name) != 0) continue;
        const char *comes = "no row is duplicated";
        if (strcmp(strategy, "append") == 0)
            comes = delete_rows ? "the rows that this pipeline loaded are deleted first"
                                : "the rows of these files will stand in the table twice";
        if (strcmp(strategy, "overwrite") == 0) comes = "their rows will be all that is in it";
        if (strcmp(strategy, "scd2") == 0)
            comes = "their rows are told again: values of before may begin versions anew";
        cli_say(c, CLI_WARNING, "  %s (%s): %s", name, strategy, comes);
    }
}

static void print_report(const cli *c, const silt_fix_report *r)
{
    cli_json j = cli_json_start(stdout, true);
    if (c->json) {
        cli_json_object(&j, NULL);
        cli_json_array(&j, "actions");
    }
    for (size_t i = 0; i < r->action_count; i++) {
        if (c->json) {
            cli_json_string(&j, NULL, r->actions[i]);
            continue;
        }
        cli_put(stdout, &c->out, r->actions[i]);
        fputc('\n', stdout);
    }
    if (!c->json) return;
    cli_json_end(&j);
    cli_json_end(&j);
}

int cmd_reset(cli *c)
{
    silt_error err = {0};
    silt_fix_report report = {0};
    silt_reset_options opts = SILT_RESET_OPTIONS_INIT;
    opts.forget = cli_flag(c, "forget");
    opts.delete_rows = cli_flag(c, "delete-rows");
    if (opts.delete_rows && !opts.forget) return cli_misuse(c, "--delete-rows goes with --forget");
    int status = cli_open_pipeline(c, false);
    if (status == CLI_OK) status = cli_pipeline_table(c, &opts.table);
    if (status != CLI_OK) return status;
    explain(c, opts.table, opts.forget, opts.delete_rows);
    status = cli_confirm(c, "Are you sure you want to reset the state?", "reset-state");
    if (status != CLI_OK) return status;
    if (silt_pipeline_reset(c->pipeline, &opts, c->arena, &report, &err) != SILT_OK)
        return cli_fail(c, &err);
    print_report(c, &report);
    return CLI_OK;
}
