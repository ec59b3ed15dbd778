/* silt unload: take exactly one file's rows out of its tables. */
#include <inttypes.h>
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/words.h"

static void print_json(const silt_unload_report *r, bool dry_run)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_boolean(&j, "dry_run", dry_run);
    cli_json_string(&j, "file_path", r->file_path);
    cli_json_array(&j, "tables");
    for (size_t i = 0; i < r->table_count; i++) {
        const silt_unload_table *t = &r->tables[i];
        cli_json_object(&j, NULL);
        cli_json_string(&j, "table_name", t->table_name);
        cli_json_string(&j, "path", t->path);
        cli_json_integer(&j, "rows", t->rows);
        cli_json_integer(&j, "loaded_by_batch_id", t->loaded_by);
        cli_json_count(&j, "batch_id", t->batch_id);
        cli_json_count(&j, "version", t->version);
        cli_json_end(&j);
    }
    cli_json_end(&j);
    cli_json_end(&j);
}

static void print_text(const cli *c, const silt_unload_report *r, bool dry_run)
{
    char rows[CLI_COUNTED_SIZE];
    for (size_t i = 0; i < r->table_count; i++) {
        const silt_unload_table *t = &r->tables[i];
        fprintf(stdout, "%s%s%s %s: %s %s, loaded by batch %" PRId64, cli_green(&c->out),
                cli_tick(&c->out), cli_plain(&c->out), t->table_name,
                cli_counted(t->rows, "row", "rows", rows), dry_run ? "would go" : "went",
                t->loaded_by);
        if (t->version >= 0)
            fprintf(stdout, " %s version %" PRId64, c->out.utf8 ? "\xe2\x86\x92" : "->",
                    t->version);
        fputc('\n', stdout);
    }
}

int cmd_unload(cli *c)
{
    silt_error err = {0};
    silt_unload_report report;
    silt_unload_options opts = SILT_UNLOAD_OPTIONS_INIT;
    opts.file = c->line.arguments[0];
    opts.dry_run = cli_flag(c, "dry-run");
    opts.again = cli_flag(c, "again");
    int status = cli_open_pipeline(c, true);
    if (status == CLI_OK) status = cli_pipeline_table(c, &opts.table);
    if (status == CLI_OK && !opts.dry_run)
        status = cli_confirm(c, "Are you sure you want to delete this file's rows?", "unload");
    if (status != CLI_OK) return status;
    silt_status st = silt_pipeline_unload(c->pipeline, &opts, c->arena, &report, &err);
    cli_progress_hide();
    if (st != SILT_OK) return cli_fail(c, &err);
    if (c->json)
        print_json(&report, opts.dry_run);
    else if (!c->quiet)
        print_text(c, &report, opts.dry_run);
    return CLI_OK;
}
