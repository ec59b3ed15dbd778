/* silt maintain: what the pipeline file says about looking after its tables. */
#include <inttypes.h>
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/words.h"

static void print_step_json(cli_json *j, const silt_maintain_step *s)
{
    cli_json_object(j, NULL);
    cli_json_string(j, "step", s->name);
    cli_json_integer(j, "files_removed", s->files_removed);
    cli_json_integer(j, "files_added", s->files_added);
    cli_json_integer(j, "bytes_removed", s->bytes_removed);
    cli_json_integer(j, "bytes_added", s->bytes_added);
    cli_json_problem(j, s->problem, s->message, s->hint);
    cli_json_end(j);
}

static void print_json(const silt_maintain_report *r, bool dry_run)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_boolean(&j, "dry_run", dry_run);
    cli_json_array(&j, "tables");
    for (size_t i = 0; i < r->table_count; i++) {
        cli_json_object(&j, NULL);
        cli_json_string(&j, "table_name", r->tables[i].table_name);
        cli_json_string(&j, "path", r->tables[i].path);
        cli_json_array(&j, "steps");
        for (size_t s = 0; s < r->tables[i].step_count; s++)
            print_step_json(&j, &r->tables[i].steps[s]);
        cli_json_end(&j);
        cli_json_end(&j);
    }
    cli_json_end(&j);
    cli_json_end(&j);
}

static void print_step(const cli *c, const silt_maintain_step *s, bool dry_run)
{
    char out[CLI_COUNTED_SIZE], in[CLI_COUNTED_SIZE];
    const cli_style *style = &c->out;
    bool bad = s->problem != SILT_OK;
    fprintf(stdout, "  %s%s%s %s: ", bad ? cli_red(style) : cli_green(style),
            bad ? cli_cross(style) : cli_tick(style), cli_plain(style), s->name);
    if (bad)
        cli_put(stdout, style, s->message);
    else if (!s->files_removed && !s->files_added)
        fputs("nothing to do", stdout);
    else
        fprintf(stdout, "%s%s out, %s in", dry_run ? "would be " : "",
                cli_counted(s->files_removed, "file", "files", out),
                cli_counted(s->files_added, "file", "files", in));
    if (bad && s->hint) {
        fputs("\n    hint: ", stdout);
        cli_put(stdout, style, s->hint);
    }
    fputc('\n', stdout);
}

static void print_text(const cli *c, const silt_maintain_report *r, bool dry_run)
{
    for (size_t i = 0; i < r->table_count; i++) {
        if (!r->tables[i].step_count) continue;
        fprintf(stdout, "%s\n", r->tables[i].table_name);
        for (size_t s = 0; s < r->tables[i].step_count; s++)
            print_step(c, &r->tables[i].steps[s], dry_run);
    }
}

int cmd_maintain(cli *c)
{
    silt_error err = {0};
    silt_maintain_report report;
    silt_maintain_options opts = SILT_MAINTAIN_OPTIONS_INIT;
    opts.dry_run = cli_flag(c, "dry-run");
    int status = cli_open_pipeline(c, true);
    if (status == CLI_OK) status = cli_pipeline_table(c, &opts.table);
    if (status != CLI_OK) return status;
    silt_status st = silt_pipeline_maintain(c->pipeline, &opts, c->arena, &report, &err);
    cli_progress_hide();
    if (st != SILT_OK) return cli_fail(c, &err);
    if (c->json)
        print_json(&report, opts.dry_run);
    else if (!c->quiet || report.failed)
        print_text(c, &report, opts.dry_run);
    return report.failed ? CLI_PARTLY : CLI_OK;
}
