/* silt fix-inconsistencies: repair what can be decided. */
#include <inttypes.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/progress.h"

int cli_fix(cli *c, bool dry_run, silt_fix_report *report)
{
    silt_error err = {0};
    silt_status st = silt_pipeline_fix(c->pipeline, dry_run, c->arena, report, &err);
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
}

static void print_json(const silt_fix_report *r, bool dry_run)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_boolean(&j, "dry_run", dry_run);
    cli_json_integer(&j, "fixes_applied", r->applied);
    cli_json_integer(&j, "fixes_failed", r->failed);
    cli_json_array(&j, "actions");
    for (size_t i = 0; i < r->action_count; i++)
        cli_json_string(&j, NULL, r->actions[i]);
    cli_json_end(&j);
    cli_json_end(&j);
}

void cli_print_fix(cli *c, const silt_fix_report *r, bool dry_run)
{
    fprintf(stdout, "%s=== FIXING PIPELINE INCONSISTENCIES%s ===%s\n", cli_bold(&c->out),
            dry_run ? " (DRY RUN)" : "", cli_plain(&c->out));
    fprintf(stdout, "Fixes Applied: %" PRId64 "\n", r->applied);
    fprintf(stdout, "Fixes Failed: %" PRId64 "\n\n", r->failed);
    fputs(dry_run ? "Actions to take:\n" : "Actions taken:\n", stdout);
    for (size_t i = 0; i < r->action_count; i++) {
        fputs("  - ", stdout);
        cli_put(stdout, &c->out, r->actions[i]);
        fputc('\n', stdout);
    }
    if (!r->action_count) fputs("  (none)\n", stdout);
}

int cmd_fix(cli *c)
{
    silt_fix_report report = {0};
    bool dry_run = cli_flag(c, "dry-run");
    int status = cli_open_pipeline(c, true);
    if (status == CLI_OK) status = cli_fix(c, dry_run, &report);
    cli_progress_stop();
    if (status != CLI_OK) return status;
    if (c->json)
        print_json(&report, dry_run);
    else
        cli_print_fix(c, &report, dry_run);
    return report.failed ? CLI_INCONSISTENT : CLI_OK;
}
