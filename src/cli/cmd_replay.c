/* silt replay: rejected rows once more. */
#include <inttypes.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/words.h"

static void print_json(const silt_replay_report *r, bool dry_run)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_boolean(&j, "dry_run", dry_run);
    cli_json_string(&j, "table_name", r->table_name);
    cli_json_integer(&j, "rows_replayed", r->rows_replayed);
    cli_json_integer(&j, "rows_still_bad", r->rows_still_bad);
    cli_json_integer(&j, "rows_unreadable", r->rows_unreadable);
    cli_json_integer(&j, "batches", r->batches);
    cli_json_count(&j, "batch_id", r->batch_id);
    cli_json_count(&j, "version", r->version);
    cli_json_end(&j);
}

static void print_text(const cli *c, const silt_replay_report *r, bool dry_run)
{
    char rows[CLI_COUNTED_SIZE];
    if (!r->rows_replayed)
        fprintf(stdout, "%s: nothing to replay", r->table_name);
    else
        fprintf(stdout, "%s%s%s %s: %s %s", cli_green(&c->out), cli_tick(&c->out),
                cli_plain(&c->out), r->table_name,
                cli_counted(r->rows_replayed, "row", "rows", rows),
                dry_run ? "would be loaded" : "loaded");
    if (r->rows_still_bad)
        fprintf(stdout, ", %s still bad", cli_counted(r->rows_still_bad, "is", "are", rows));
    if (r->rows_unreadable)
        fprintf(stdout, ", %s to be mended first",
                cli_counted(r->rows_unreadable, "has", "have", rows));
    if (r->batches && r->version >= 0)
        fprintf(stdout, " %s version %" PRId64, c->out.utf8 ? "\xe2\x86\x92" : "->", r->version);
    fputc('\n', stdout);
}

int cmd_replay(cli *c)
{
    silt_error err = {0};
    silt_replay_report report;
    silt_replay_options opts = SILT_REPLAY_OPTIONS_INIT;
    opts.file = cli_text(c, "file");
    opts.source = cli_text(c, "source");
    opts.batch_id = cli_count(c, "batch", -1);
    opts.dry_run = cli_flag(c, "dry-run");
    int status = cli_open_pipeline(c, true);
    if (status == CLI_OK) status = cli_pipeline_table(c, &opts.table);
    if (status == CLI_OK && !opts.table) {
        cli_say(c, CLI_ERROR, "--table TABLE is missing: whose rejects are to be replayed?");
        return CLI_USAGE;
    }
    if (status != CLI_OK) return status;
    silt_status st = silt_pipeline_replay(c->pipeline, &opts, c->arena, &report, &err);
    cli_progress_hide();
    if (st != SILT_OK) return cli_fail(c, &err);
    if (c->json)
        print_json(&report, opts.dry_run);
    else if (!c->quiet)
        print_text(c, &report, opts.dry_run);
    return CLI_OK;
}
