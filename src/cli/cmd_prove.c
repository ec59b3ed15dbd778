/* silt prove: is what was loaded there, each row once? */
#include <inttypes.h>
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/words.h"

static void print_table_json(cli_json *j, const silt_proof_table *t, bool sources)
{
    cli_json_object(j, NULL);
    cli_json_string(j, "table_name", t->table_name);
    cli_json_string(j, "path", t->path);
    cli_json_string(j, "strategy", t->strategy);
    cli_json_boolean(j, "proven", t->proven);
    cli_json_string(j, "method", t->method);
    cli_json_integer(j, "files", t->files);
    cli_json_integer(j, "batches", t->batches);
    cli_json_integer(j, "rows_read", t->rows_read);
    cli_json_integer(j, "rows_inserted", t->rows_inserted);
    cli_json_integer(j, "rows_updated", t->rows_updated);
    cli_json_integer(j, "rows_deleted", t->rows_deleted);
    cli_json_integer(j, "rows_unchanged", t->rows_unchanged);
    cli_json_integer(j, "rows_deduplicated", t->rows_deduplicated);
    cli_json_integer(j, "rows_rejected", t->rows_rejected);
    cli_json_integer(j, "rows_expected", t->rows_expected);
    cli_json_count(j, "rows_in_target", t->rows_in_target);
    if (sources) {
        cli_json_integer(j, "files_hashed", t->files_hashed);
        cli_json_integer(j, "files_gone", t->files_gone);
    }
    cli_json_count(j, "last_batch_id", t->last_batch_id);
    cli_json_count(j, "version", t->version);
    cli_json_array(j, "problems");
    for (size_t i = 0; i < t->problem_count; i++)
        cli_json_string(j, NULL, t->problems[i]);
    cli_json_end(j);
    cli_json_end(j);
}

static void print_json(const silt_proof_report *r, bool sources)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_boolean(&j, "proven", r->proven);
    cli_json_array(&j, "tables");
    for (size_t i = 0; i < r->table_count; i++)
        print_table_json(&j, &r->tables[i], sources);
    cli_json_end(&j);
    cli_json_end(&j);
}

/* What was looked at, in a sentence. */
static void print_method(const silt_proof_table *t)
{
    char files[CLI_COUNTED_SIZE], rows[CLI_COUNTED_SIZE], batches[CLI_COUNTED_SIZE];
    if (strcmp(t->method, "nothing") == 0) {
        fputs("    nothing has been loaded so far\n", stdout);
        return;
    }
    fprintf(stdout, "    %s: %s of %s in %s\n",
            strcmp(t->method, "recount") == 0 ? "recounted by source file and batch"
                                              : "by the chain of ledgers and the target's log",
            cli_counted(t->rows_read, "row", "rows", rows),
            cli_counted(t->files, "file", "files", files),
            cli_counted(t->batches, "batch", "batches", batches));
    if (t->rows_in_target > t->rows_expected && t->rows_expected >= 0)
        fprintf(stdout, "    %s there that this pipeline didn't load\n",
                cli_counted(t->rows_in_target - t->rows_expected, "row is", "rows are", rows));
}

static void print_sources(const silt_proof_table *t)
{
    char files[CLI_COUNTED_SIZE];
    fprintf(stdout, "    %s read again and compared",
            cli_counted(t->files_hashed, "source file", "source files", files));
    if (t->files_gone)
        fprintf(stdout, "; %s no longer there", cli_counted(t->files_gone, "is", "are", files));
    fputc('\n', stdout);
}

static void print_table(const cli *c, const silt_proof_table *t, bool sources)
{
    const cli_style *style = &c->out;
    fprintf(stdout, "%s%s%s %s (%s): %s\n", t->proven ? cli_green(style) : cli_red(style),
            t->proven ? cli_tick(style) : cli_cross(style), cli_plain(style), t->table_name,
            t->strategy, t->proven ? "proven" : "not proven");
    print_method(t);
    if (sources) print_sources(t);
    for (size_t i = 0; i < t->problem_count; i++) {
        fputs("    - ", stdout);
        cli_put(stdout, style, t->problems[i]);
        fputc('\n', stdout);
    }
}

int cmd_prove(cli *c)
{
    silt_error err = {0};
    silt_proof_report report;
    silt_prove_options opts = SILT_PROVE_OPTIONS_INIT;
    opts.sources = cli_flag(c, "sources");
    int status = cli_open_pipeline(c, true);
    if (c->line.argument_count) opts.table = c->line.arguments[0];
    if (status == CLI_OK) status = cli_check_table(c, opts.table);
    if (status != CLI_OK) return status;
    silt_status st = silt_pipeline_prove(c->pipeline, &opts, c->arena, &report, &err);
    cli_progress_hide();
    if (st != SILT_OK) return cli_fail(c, &err);
    if (c->json) print_json(&report, opts.sources);
    for (size_t i = 0; !c->json && i < report.table_count; i++)
        print_table(c, &report.tables[i], opts.sources);
    return report.proven ? CLI_OK : CLI_INCONSISTENT;
}
